//! Figures worked out by hand, and what must hold of any counts.

use super::*;
use proptest::prelude::*;

fn scale(name: &str) -> &'static Scale {
    Scale::by_name(name).unwrap()
}

fn close(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() <= by
}

#[test]
fn a_week_counted_by_hand() {
    let scores = Scores::of(scale("five_point"), [(12, 6), (8, 2), (4, 1), (-4, 1)]);
    assert_eq!((scores.n(), scores.mean()), (10, Some(8.8)));
    let favourable = scores.favourable();
    assert_eq!((favourable.numerator, favourable.denominator, favourable.value), (8, 10, Some(0.8)));
    assert_eq!(
        scores.distribution(),
        [("very_satisfied", 6), ("satisfied", 2), ("ordinary", 1), ("dissatisfied", 0), ("very_dissatisfied", 1)]
    );
    // s = 5.266, t(9) = 2.262: 8.8 ± 3.767, and nobody can be above 12
    let interval = scores.mean_interval().unwrap();
    assert!(close(interval.low, 5.033, 0.001) && interval.high == 12.0, "{interval:?}");
    // Wilson's formula by hand: 0.4902 to 0.9433
    let wilson = favourable.interval().unwrap();
    assert!(close(wilson.low, 0.4902, 0.0005) && close(wilson.high, 0.9433, 0.0005), "{wilson:?}");
}

#[test]
fn where_nobody_answered_there_is_no_figure() {
    let scores = Scores::new(scale("intent"));
    assert_eq!((scores.n(), scores.mean(), scores.mean_interval()), (0, None, None));
    assert_eq!((scores.favourable().value, scores.favourable().interval()), (None, None));
    assert!(Scores::of(scale("intent"), [(1, 1)]).mean_interval().is_none(), "one answer has no spread");
}

#[test]
fn best_comes_first_whichever_way_the_scale_runs() {
    let first = |name: &str| Scores::new(scale(name)).distribution()[0].0;
    assert_eq!(
        ["five_point", "intent", "one_to_ten", "yes_no"].map(first),
        ["very_satisfied", "certainly", "10", "yes"]
    );
    let intent = Scores::of(scale("intent"), [(1, 3), (2, 1), (5, 4)]);
    assert_eq!(intent.favourable().value, Some(0.5));
}

#[test]
fn a_score_of_another_scale_is_not_counted() {
    let mut scores = Scores::new(scale("five_point"));
    assert!(!scores.add(7, 3) && scores.add(8, 2));
    assert_eq!(scores.n(), 2);
}

#[test]
fn student_s_t_is_that_of_the_tables() {
    for (freedom, t) in
        [(1, 12.706), (2, 4.303), (8, 2.306), (9, 2.262), (10, 2.228), (20, 2.086), (30, 2.042), (120, 1.980)]
    {
        assert!(close(student(freedom), t, 0.001), "{freedom}: {}", student(freedom));
    }
}

#[test]
fn definitions_are_whole_and_their_keys_are_unique() {
    let mut keys: Vec<&str> = FIGURES.iter().map(|figure| figure.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), FIGURES.len());
    for figure in FIGURES {
        for text in [figure.name_en, figure.name_zh, figure.meaning, figure.meaning_zh, figure.formula, figure.source] {
            assert!(!text.is_empty(), "{}", figure.key);
        }
    }
}

proptest! {
    #[test]
    fn a_figure_lies_in_its_interval_and_the_interval_in_its_scale(counts in proptest::collection::vec(0u64..2000, 5)) {
        let scale = scale("five_point");
        let scores = Scores::of(scale, scale.points.iter().map(|point| point.score).zip(counts));
        if let (Some(mean), Some(interval)) = (scores.mean(), scores.mean_interval()) {
            prop_assert!(interval.low <= mean + 1e-9 && mean <= interval.high + 1e-9);
            prop_assert!(-4.0 <= interval.low && interval.high <= 12.0);
        }
        let share = scores.favourable();
        if let (Some(value), Some(interval)) = (share.value, share.interval()) {
            prop_assert!(0.0 <= interval.low && interval.low <= value + 1e-9 && value <= interval.high + 1e-9 && interval.high <= 1.0);
        }
        prop_assert_eq!(scores.distribution().iter().map(|(_, count)| count).sum::<u64>(), scores.n());
    }
}
