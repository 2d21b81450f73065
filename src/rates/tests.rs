//! The table held to the standard's own arithmetic, and every rate to 0 ≤ value ≤ 1.

use super::*;
use proptest::prelude::*;

#[test]
fn every_code_that_the_engine_gives_has_its_group() {
    for (code, group) in [
        ("1.1", Some(Group::Complete)),
        ("1.2", Some(Group::Partial)),
        ("2.11", Some(Group::Refusal)),
        ("2.12", Some(Group::Refusal)),
        ("2.21", Some(Group::NonContact)),
        ("2.3", Some(Group::Other)),
        ("2.36", Some(Group::Other)),
        ("3.12", Some(Group::UnknownPhone)),
        ("3.13", Some(Group::UnknownPhone)),
        ("3.16", Some(Group::UnknownPhone)),
        ("3.21", Some(Group::UnknownPerson)),
        ("3.9", Some(Group::UnknownPerson)),
        ("4.10", Some(Group::NotEligible)),
        ("4.31", Some(Group::NotEligible)),
        ("", None),
        ("1", None),
        ("1.", None),
        ("1.x", None),
        ("1.9", None),
        ("5.1", None),
        ("complete", None),
    ] {
        assert_eq!(Group::of_code(code), group, "{code}");
    }
}

/// A night worked out by hand: I 10, P 2, R 3+1, NC 2, UH 4, UO 1, NE 2, open 5.
#[test]
fn a_night_counted_by_hand() {
    let tally = Tally::of([
        (Some("1.1"), 10),
        (Some("1.2"), 2),
        (Some("2.11"), 3),
        (Some("2.12"), 1),
        (Some("2.21"), 2),
        (Some("3.13"), 4),
        (Some("3.21"), 1),
        (Some("4.10"), 2),
        (None, 5),
    ]);
    assert_eq!((tally.total(), tally.closed(), tally.unclassified()), (30, 25, 0));
    for (key, numerator, denominator) in [
        ("completion", 10, 30),
        ("rr1", 10, 23),
        ("coop1", 10, 16),
        ("ref1", 4, 23),
        ("con1", 16, 23),
        ("share_complete", 10, 25),
        ("share_partial", 2, 25),
        ("share_refusal", 4, 25),
        ("share_not_reached", 7, 25),
        ("share_not_eligible", 2, 25),
    ] {
        let rate = definition(key).unwrap().of(&tally);
        assert_eq!((rate.numerator, rate.denominator, rate.n), (numerator, denominator, 30), "{key}");
        assert_eq!(rate.value, Some(numerator as f64 / denominator as f64), "{key}");
    }
}

#[test]
fn nothing_counted_is_no_rate_at_all() {
    for definition in RATES {
        assert_eq!(definition.of(&Tally::default()).value, None, "{}", definition.key);
    }
    let only_wrong_numbers = Tally::of([(Some("4.10"), 3)]);
    assert_eq!(
        definition("rr1").unwrap().of(&only_wrong_numbers),
        Rate { numerator: 0, denominator: 0, n: 3, value: None }
    );
}

#[test]
fn formulas_read_as_the_standard_writes_them() {
    assert_eq!(definition("rr1").unwrap().formula(), "I / (I + P + R + NC + O + UH + UO)");
    assert_eq!(definition("coop1").unwrap().formula(), "I / (I + P + R + O)");
    assert_eq!(definition("ref1").unwrap().formula(), "R / (I + P + R + NC + O + UH + UO)");
    assert_eq!(definition("con1").unwrap().formula(), "(I + P + R + O) / (I + P + R + NC + O + UH + UO)");
}

#[test]
fn the_table_is_sound() {
    for definition in RATES {
        let below = definition.denominator;
        assert!(
            definition.numerator.iter().all(|g| below.contains(g)),
            "{}: above must be among below",
            definition.key
        );
        for groups in [definition.numerator, below] {
            let once = groups.iter().all(|g| groups.iter().filter(|other| *other == g).count() == 1);
            assert!(once, "{}: a group is counted twice", definition.key);
        }
        assert_eq!(RATES.iter().filter(|other| other.key == definition.key).count(), 1, "{}", definition.key);
        assert!(
            ![definition.name_en, definition.name_zh, definition.meaning, definition.meaning_zh, definition.source]
                .contains(&"")
        );
    }
}

proptest! {
    #[test]
    fn a_rate_is_null_or_between_zero_and_one(counts in prop::array::uniform9(0u64..1_000_000)) {
        let mut tally = Tally::default();
        for (group, count) in Group::ALL.into_iter().zip(counts) {
            tally.add(group, count);
        }
        for definition in RATES {
            let rate = definition.of(&tally);
            prop_assert_eq!(rate.value.is_none(), rate.denominator == 0);
            prop_assert!(rate.value.is_none_or(|value| (0.0..=1.0).contains(&value)));
            prop_assert!(rate.denominator <= rate.n);
        }
    }

    #[test]
    fn no_row_is_lost_whatever_the_code(rows in prop::collection::vec((prop::option::of("[0-9.]{0,5}"), 0u64..1000), 0..20)) {
        let tally = Tally::of(rows.iter().map(|(code, count)| (code.as_deref(), *count)));
        prop_assert_eq!(tally.total(), rows.iter().map(|(_, count)| count).sum::<u64>());
    }

    #[test]
    fn huge_counts_do_not_wrap(count in u64::MAX - 10..=u64::MAX) {
        let tally = Tally::of([(Some("1.1"), count), (Some("1.2"), count)]);
        for definition in RATES {
            let rate = definition.of(&tally);
            prop_assert!(rate.value.is_none_or(|value| (0.0..=1.0).contains(&value)));
        }
    }
}
