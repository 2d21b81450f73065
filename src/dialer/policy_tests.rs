//! Policy in virtual time: tables for the rules, properties for the window.

use super::*;
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(open: &str, close: &str, days: &[&str]) -> Window {
    let time = |t: &str| {
        if t == "24:00" { config::END_OF_DAY } else { NaiveTime::parse_from_str(t, "%H:%M").unwrap() }
    };
    let weekdays = days.iter().map(|d| d.to_string()).collect();
    Window::from(&config::Window { open: time(open), close: time(close), weekdays, allow_night: false })
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[test]
fn a_window_is_in_the_customers_own_time() {
    let day = window("09:00", "20:00", &WEEK[..5]);
    let shanghai = chrono_tz::Asia::Shanghai;
    for (now, want) in [
        ("2026-11-23T00:59:59Z", Opening::From(utc("2026-11-23T01:00:00Z"))),
        ("2026-11-23T01:00:00Z", Opening::Open),
        ("2026-11-23T11:59:59Z", Opening::Open),
        ("2026-11-23T12:00:00Z", Opening::From(utc("2026-11-24T01:00:00Z"))),
        ("2026-11-27T12:00:00Z", Opening::From(utc("2026-11-30T01:00:00Z"))), // Friday evening → Monday
    ] {
        assert_eq!(day.opening(utc(now), shanghai), want, "{now}");
    }
    assert_eq!(window("09:00", "20:00", &[]).opening(utc("2026-11-23T03:00:00Z"), shanghai), Opening::Never);
    let always = window("00:00", "24:00", &WEEK);
    assert_eq!(always.opening(utc("2026-11-23T15:59:59.999Z"), shanghai), Opening::Open);
    // Clocks in New York go from 02:00 to 03:00 on 8 March 2026: a window that opens at 02:30 opens at 03:00.
    let skipped = window("02:30", "05:00", &WEEK).opening(utc("2026-03-08T06:00:00Z"), chrono_tz::America::New_York);
    assert_eq!(skipped, Opening::From(utc("2026-03-08T07:00:00Z")));
}

#[test]
fn outcome_and_history_give_the_next_step() {
    let rule = RetryRule {
        delays: config::Retry::default(),
        max_attempts: 3,
        max_attempts_a_day: 2,
        window: window("09:00", "20:00", &WEEK),
    };
    let now = utc("2026-11-23T03:00:00Z"); // 11:00 in Shanghai
    let history = |attempts, attempts_today, booked: Option<&str>| History {
        attempts,
        attempts_today,
        zone: chrono_tz::Asia::Shanghai,
        deadline: utc("2026-11-25T12:00:00Z"),
        booked: booked.map(utc),
    };
    use Disposition::*;
    for (disposition, history, want) in [
        (Complete, history(1, 1, None), Next::Done),
        (WrongNumber, history(1, 1, None), Next::Done),
        (Unknown, history(1, 1, None), Next::Review),
        (Busy, history(1, 1, None), Next::At(utc("2026-11-23T03:30:00Z"))),
        (NoAnswer, history(1, 1, None), Next::At(utc("2026-11-23T06:00:00Z"))),
        (Busy, history(2, 2, None), Next::At(utc("2026-11-24T01:00:00Z"))), // two today: tomorrow at nine
        (Busy, history(3, 1, None), Next::NotReached("no attempt is left")),
        (CallBack, history(3, 2, Some("2026-11-23T05:00:00Z")), Next::At(utc("2026-11-23T05:00:00Z"))),
        (CallBack, history(1, 1, Some("2026-11-23T18:00:00Z")), Next::At(utc("2026-11-24T01:00:00Z"))),
        (
            CallBack,
            history(1, 1, Some("2026-11-26T05:00:00Z")),
            Next::NotReached("the deadline comes before the next attempt"),
        ),
    ] {
        assert_eq!(rule.after(disposition, &history, now), want, "{disposition} {history:?}");
    }
}

#[test]
fn only_listed_prefixes_are_dialled() {
    let number = E164::from_stored("+8613800138000").unwrap();
    let prefixes = |list: &[&str]| list.iter().map(|p| p.to_string()).collect::<Vec<_>>();
    assert!(allowed(&number, &prefixes(&["+1", "+86138"])));
    assert!(!allowed(&number, &prefixes(&["+1", "+86139"])));
    assert!(!allowed(&number, &[]), "an empty list allows nobody");
}

#[test]
fn the_allow_list_comes_before_the_window() {
    let number = E164::from_stored("+8613800138000").unwrap();
    let (shanghai, night) = (chrono_tz::Asia::Shanghai, utc("2026-11-23T15:00:00Z"));
    let day = window("09:00", "20:00", &WEEK);
    let permit = |prefixes: &[&str], window: &Window, now| {
        let prefixes: Vec<String> = prefixes.iter().map(|p| p.to_string()).collect();
        permit(&number, &prefixes, window, shanghai, now)
    };
    assert_eq!(permit(&["+86"], &day, utc("2026-11-23T03:00:00Z")), Permit::Dial);
    assert_eq!(permit(&["+86"], &day, night), Permit::NotBefore(utc("2026-11-24T01:00:00Z")));
    assert_eq!(permit(&["+1"], &day, night), Permit::NotAllowed);
    assert_eq!(permit(&["+86"], &window("09:00", "20:00", &[]), night), Permit::NeverOpen);
}

#[test]
fn calls_start_at_a_steady_rate() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut pacer = Pacer::new(10.0);
    assert_eq!(pacer.ready_at(start), start);
    pacer.start(start);
    assert_eq!(pacer.ready_at(at(1)), at(100));
    pacer.start(at(105)); // a little late: the beat is kept
    assert_eq!(pacer.ready_at(at(106)), at(200));
    pacer.start(at(900)); // much later: no burst to catch up
    assert_eq!(pacer.ready_at(at(901)), at(1000));
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())
}

proptest! {
    /// Whatever the zone, the clock change and the history: a next attempt lies inside the window, before the deadline, and not in the past.
    #[test]
    fn no_next_attempt_lies_outside_the_window(
        zone in zone(), seconds in 1_700_000_000i64..2_000_000_000, open in 0u32..1380, length in 15u32..720, days in 1u8..128,
        attempts in 0u32..8, today in 0u32..4, disposition in prop::sample::select(Disposition::ALL.to_vec()), booked in prop::option::of(0i64..400_000),
    ) {
        let minute = |m: u32| NaiveTime::from_num_seconds_from_midnight_opt(m * 60, 0).unwrap();
        let close = (open + length).min(1439);
        let weekdays = WEEK.iter().enumerate().filter(|(i, _)| days & (1 << i) != 0).map(|(_, d)| d.to_string()).collect();
        let window = Window::from(&config::Window { open: minute(open), close: minute(close), weekdays, allow_night: true });
        let rule = RetryRule { delays: config::Retry::default(), max_attempts: 6, max_attempts_a_day: 2, window: window.clone() };
        let now = Utc.timestamp_opt(seconds, 0).unwrap();
        let history = History {
            attempts, attempts_today: today, zone, deadline: now + TimeDelta::days(3),
            booked: booked.map(|s| now + TimeDelta::seconds(s)),
        };
        if let Next::At(at) = rule.after(disposition, &history, now) {
            prop_assert!(at >= now && at < history.deadline);
            prop_assert_eq!(window.opening(at, zone), Opening::Open);
            let local = at.with_timezone(&zone);
            prop_assert!(local.time() >= minute(open) && local.time() < minute(close));
            if disposition != Disposition::CallBack {
                prop_assert!(attempts < 6);
                let same_day = local.date_naive() == now.with_timezone(&zone).date_naive();
                prop_assert!(!same_day || today < 2);
            }
        }
    }
}
