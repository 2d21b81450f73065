//! What may be done with a plan, as tables.

use super::*;
use crate::survey::scale::Scale;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn terms() -> Terms {
    Terms {
        target: 80,
        department: "service".into(),
        measure: "explain the price before the work".into(),
        owner: "王".into(),
        due_on: day("2026-12-01"),
    }
}

fn case() -> Case {
    Case::open(terms(), day("2026-11-01")).unwrap()
}

fn check(settled: bool, again: Option<&str>) -> Act {
    Act::Check { settled, note: "looked at the figures".into(), again: again.map(day) }
}

#[test]
fn a_plan_says_everything_or_is_none() {
    for (change, field) in [
        (Terms { department: " ".into(), ..terms() }, "department"),
        (Terms { measure: String::new(), ..terms() }, "measure"),
        (Terms { owner: "x".repeat(2_001), ..terms() }, "owner"),
        (Terms { target: 0, ..terms() }, "target"),
        (Terms { target: 101, ..terms() }, "target"),
        (Terms { due_on: day("2026-10-31"), ..terms() }, "due_on"),
    ] {
        let Err(Refused::Field(named, _)) = Case::open(change, day("2026-11-01")) else { panic!("{field}") };
        assert_eq!(named, field);
    }
}

#[test]
fn it_is_checked_when_it_is_due_by_somebody_else() {
    for (today, person, act, want) in [
        ("2026-11-30", "李", check(true, None), Err(Refused::TooEarly)),
        ("2026-12-01", "王", check(true, None), Err(Refused::OwnWork)),
        ("2026-12-01", "李", check(true, None), Ok((State::Settled, 1))),
        ("2026-12-05", "李", check(false, Some("2027-01-05")), Ok((State::InProgress, 2))),
        (
            "2026-12-05",
            "李",
            check(false, Some("2026-12-05")),
            Err(Refused::Field("again", "is a day to come, when it is not settled")),
        ),
        (
            "2026-12-05",
            "李",
            check(false, None),
            Err(Refused::Field("again", "is a day to come, when it is not settled")),
        ),
        ("2026-11-02", "李", Act::Drop { note: "the item is no longer asked".into() }, Ok((State::Dropped, 1))),
        ("2026-11-02", "李", Act::Drop { note: String::new() }, Err(Refused::Field("note", "is wanted"))),
    ] {
        let mut case = case();
        let before = case.clone();
        let done = case.act(act.clone(), person, day(today));
        match want {
            Ok(stands) => assert_eq!((case.state, case.round), stands, "{act:?}: {done:?}"),
            Err(refused) => {
                assert_eq!(done, Err(refused), "{act:?}");
                assert_eq!(case, before, "nothing half-done");
            }
        }
    }
}

#[test]
fn what_has_ended_stays_as_it_is() {
    let mut case = case();
    case.act(check(true, None), "李", day("2026-12-02")).unwrap();
    assert_eq!(case.act(Act::Change(terms()), "李", day("2026-12-02")), Err(Refused::Ended));
    assert!(!case.is_overdue(day("2027-01-01")));
}

#[test]
fn only_what_is_no_accident_is_weak() {
    let scale = Scale::by_name("five_point").unwrap();
    for (good, bad, weak) in
        [(60, 40, true), (75, 25, false), (10, 19, false), (12, 18, true), (0, 0, false), (95, 5, false)]
    {
        let scores = Scores::of(scale, [(12, good), (0, bad)]);
        assert_eq!(is_weak(&scores, 80), weak, "{good} of {}", good + bad);
    }
}
