//! Policy in virtual time: tables for the rules; `tests/properties.rs` holds what no history may ever break.

mod properties;

use super::country::{ANY, Pack, packs};
use super::eta::Load;
use super::holidays::Holidays;
use super::permit::allowed;
use super::retry::part;
use super::window::next_day;
use super::*;
use crate::call::disposition::Disposition;
use crate::config;
use crate::phone::{E164, NumberKind};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::time::{Duration, Instant};

pub(super) const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SHANGHAI: chrono_tz::Tz = chrono_tz::Asia::Shanghai;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn config_window(open: &str, close: &str, days: &[&str]) -> config::Window {
    let time = |t: &str| {
        if t == "24:00" { config::END_OF_DAY } else { NaiveTime::parse_from_str(t, "%H:%M").unwrap() }
    };
    let weekdays = days.iter().map(|d| d.to_string()).collect();
    config::Window { open: time(open), close: time(close), weekdays, ..config::Window::default() }
}

fn window(open: &str, close: &str, days: &[&str]) -> Window {
    Window::from(&config_window(open, close, days))
}

fn number(text: &str) -> E164 {
    E164::from_stored(text).unwrap()
}

#[test]
fn a_window_is_in_the_customers_own_time() {
    let day = window("09:00", "20:00", &WEEK[..5]);
    for (now, want) in [
        ("2026-11-23T00:59:59Z", Opening::From(utc("2026-11-23T01:00:00Z"))),
        ("2026-11-23T01:00:00Z", Opening::Open),
        ("2026-11-23T11:59:59Z", Opening::Open),
        ("2026-11-23T12:00:00Z", Opening::From(utc("2026-11-24T01:00:00Z"))),
        ("2026-11-27T12:00:00Z", Opening::From(utc("2026-11-30T01:00:00Z"))), // Friday evening → Monday
    ] {
        assert_eq!(day.opening(utc(now), SHANGHAI), want, "{now}");
    }
    assert_eq!(window("09:00", "20:00", &[]).opening(utc("2026-11-23T03:00:00Z"), SHANGHAI), Opening::Never);
    let always = window("00:00", "24:00", &WEEK);
    assert_eq!(always.opening(utc("2026-11-23T15:59:59.999Z"), SHANGHAI), Opening::Open);
    // Clocks in New York go from 02:00 to 03:00 on 8 March 2026: a window that opens at 02:30 opens at 03:00.
    let skipped = window("02:30", "05:00", &WEEK).opening(utc("2026-03-08T06:00:00Z"), chrono_tz::America::New_York);
    assert_eq!(skipped, Opening::From(utc("2026-03-08T07:00:00Z")));
    assert_eq!(day.closes_today(utc("2026-11-23T03:00:00Z"), SHANGHAI), Some(utc("2026-11-23T12:00:00Z")));
    assert_eq!(day.closes_today(utc("2026-11-23T12:30:00Z"), SHANGHAI), None);
}

#[test]
fn quiet_hours_and_holidays_are_no_part_of_a_window() {
    let china = &packs(&[]).unwrap()["CN"].window;
    for (local, want) in [
        ("2026-11-23T12:00:00+08:00", Some("2026-11-23T13:30:00+08:00")), // the midday rest
        ("2026-11-23T11:59:59+08:00", None),
        ("2026-02-14T20:00:00+08:00", Some("2026-02-24T09:00:00+08:00")), // Spring Festival
        ("2026-09-30T20:00:00+08:00", Some("2026-10-08T09:00:00+08:00")), // National Day
        ("2027-02-05T10:00:00+08:00", Some("2027-02-09T09:00:00+08:00")),
        ("2031-05-01T10:00:00+08:00", Some("2031-05-03T09:30:00+08:00")), // fixed by law, a Saturday after it
    ] {
        let want = want.map_or(Opening::Open, |at| Opening::From(utc(at)));
        assert_eq!(china.opening(utc(local), SHANGHAI), want, "{local}");
    }
}

#[test]
fn holidays_come_by_rule() {
    let packs = packs(&[]).unwrap();
    let on = |day: &str| packs["US"].holidays.on(day.parse().unwrap());
    for (day, name) in [
        ("2026-11-26", Some("Thanksgiving Day")),
        ("2026-11-19", None),
        ("2026-05-25", Some("Memorial Day")),
        ("2026-05-18", None),
        ("2026-07-03", Some("Independence Day")), // the 4th is a Saturday
        ("2027-07-05", Some("Independence Day")), // the 4th is a Sunday
        ("2027-12-31", Some("New Year's Day")),   // 2028 begins on a Saturday
        ("2026-11-23", None),
    ] {
        assert_eq!(on(day), name, "{day}");
    }
    assert_eq!(Holidays::default().on(NaiveDate::MIN), None);
}

#[test]
fn packs_are_read_and_mistakes_named() {
    let built_in = packs(&[]).unwrap();
    assert_eq!(built_in.keys().collect::<Vec<_>>(), ["CN", "US", ANY]);
    let text = include_str!("../../../countries/CN.toml");
    for (from, to, what) in [
        ("\"09:00-20:00\"", "\"20:00-09:00\"", "`20:00-09:00` is no span"),
        ("country = \"CN\"", "country = \"China\"", "`China` is not ISO 3166"),
        ("\"+8695\"", "\"95\"", "`95` is not a prefix"),
        ("yearly = \"01-01\"", "yearly = \"13-01\"", "holiday 元旦"),
        ("quiet =", "quite =", "unknown field `quite`"),
    ] {
        let error = Pack::parse("CN.toml", &text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with("CN.toml: ") && error.contains(what), "{error}");
    }
    let own = text.replacen("follow_up_a_day = 2", "follow_up_a_day = 1", 1);
    assert_eq!(packs(&[("mine.toml".into(), own)]).unwrap()["CN"].caps.follow_up_a_day, 1);
}

fn rule(open: &str, close: &str) -> RetryRule {
    let caps = Caps { follow_up: 3, follow_up_a_day: 2, number_a_day: 3, number_30_days: 12 };
    RetryRule { delays: config::Retry::default(), caps, window: window(open, close, &WEEK) }
}

#[test]
fn retry_after_is_a_lower_bound_of_a_day_at_most() {
    let rule = rule("09:00", "20:00");
    let now = utc("2026-11-23T03:00:00Z");
    let history = History {
        begun: vec![utc("2026-11-23T02:59:00Z")],
        zone: SHANGHAI,
        deadline: utc("2026-11-25T12:00:00Z"),
        booked: None,
    };
    let after = |minutes| rule.after_wait(Disposition::Congestion, &history, now, TimeDelta::minutes(minutes));
    assert_eq!(after(5), Next::At(utc("2026-11-23T03:10:00Z")), "our own delay is longer");
    assert_eq!(after(60), Next::At(utc("2026-11-23T04:00:00Z")));
    assert_eq!(after(1_000_000), Next::At(utc("2026-11-24T03:00:00Z")));
}

#[test]
fn outcome_and_history_give_the_next_step() {
    let rule = rule("09:00", "20:00");
    let now = utc("2026-11-23T03:00:00Z"); // 11:00 in Shanghai
    let history = |begun: &[&str], booked: Option<&str>| History {
        begun: begun.iter().map(|at| utc(at)).collect(),
        zone: SHANGHAI,
        deadline: utc("2026-11-25T12:00:00Z"),
        booked: booked.map(utc),
    };
    let (today, yesterday) = ("2026-11-23T02:59:00Z", "2026-11-22T09:30:00Z");
    use Disposition::*;
    for (disposition, history, want) in [
        (Complete, history(&[today], None), Next::Done),
        (WrongNumber, history(&[today], None), Next::Done),
        (Unknown, history(&[today], None), Next::Review),
        (Busy, history(&[today], None), Next::At(utc("2026-11-23T03:30:00Z"))),
        (Congestion, history(&[today], None), Next::At(utc("2026-11-23T03:10:00Z"))),
        // In the morning nobody: the afternoon, then what is left, then the next day.
        (NoAnswer, history(&[today], None), Next::At(utc("2026-11-23T06:00:00Z"))),
        (Machine, history(&[today], None), Next::At(utc("2026-11-23T06:00:00Z"))),
        (NoAnswer, history(&[yesterday, today], None), Next::At(utc("2026-11-23T06:00:00Z"))),
        (NoAnswer, history(&["2026-11-23T01:00:00Z", today], None), Next::At(utc("2026-11-24T04:00:00Z"))), // two today: tomorrow, not in the morning
        (Busy, history(&["2026-11-23T01:00:00Z", today], None), Next::At(utc("2026-11-24T01:00:00Z"))),
        (Busy, history(&[yesterday, yesterday, today], None), Next::NotReached("no attempt is left")),
        (
            CallBack,
            history(&[yesterday, today, today], Some("2026-11-23T05:00:00Z")),
            Next::At(utc("2026-11-23T05:00:00Z")),
        ),
        (CallBack, history(&[today], Some("2026-11-23T18:00:00Z")), Next::At(utc("2026-11-24T01:00:00Z"))),
        (
            CallBack,
            history(&[today], Some("2026-11-26T05:00:00Z")),
            Next::NotReached("the deadline comes before the next attempt"),
        ),
    ] {
        assert_eq!(rule.after(disposition, &history, now), want, "{disposition} {history:?}");
    }
    let one = history(&[today], None);
    assert_eq!(rule.on_another_trunk(&one, now), Next::At(now), "nothing rang: at once");
    let spent = history(&[yesterday, today, today], None);
    assert_eq!(rule.on_another_trunk(&spent, now), Next::NotReached("no attempt is left"));
}

#[test]
fn an_evening_without_an_answer_is_followed_by_a_morning() {
    let now = utc("2026-11-23T11:00:00Z"); // 19:00
    let history = History { begun: vec![now], zone: SHANGHAI, deadline: utc("2026-11-25T12:00:00Z"), booked: None };
    let next = rule("09:00", "20:00").after(Disposition::NoAnswer, &history, now);
    assert_eq!(next, Next::At(utc("2026-11-24T01:00:00Z")));
    assert_eq!(
        [9, 12, 16, 17].map(|hour| part(utc("2026-11-23T00:00:00+08:00") + TimeDelta::hours(hour), SHANGHAI)),
        [0, 1, 1, 2]
    );
    assert_eq!(next_day(now, SHANGHAI), utc("2026-11-23T16:00:00Z"));
}

#[test]
fn only_listed_prefixes_are_dialled() {
    let number = number("+8613800138000");
    let prefixes = |list: &[&str]| list.iter().map(|p| p.to_string()).collect::<Vec<_>>();
    assert!(allowed(&number, &prefixes(&["+1", "+86138"])));
    assert!(!allowed(&number, &prefixes(&["+1", "+86139"])));
    assert!(!allowed(&number, &[]), "an empty list allows nobody");
}

fn dialer(allow: &[&str]) -> config::Dialer {
    config::Dialer { allow: allow.iter().map(|p| p.to_string()).collect(), ..config::Dialer::default() }
}

fn judge(dialer: &config::Dialer, number: &E164, appointment: bool, contact: &Contact, now: &str) -> Permit {
    let manners = Manners::new(dialer, &packs(&[]).unwrap());
    manners.permit(&Asked { number, zone: SHANGHAI, appointment, contact, now: utc(now) })
}

const NOON: &str = "2026-11-23T03:00:00Z"; // 11:00, a Monday

#[test]
fn refused_numbers_never_reach_the_trunk() {
    let nothing = Contact::default();
    let all = dialer(&["+"]);
    for (to, want) in [
        ("+8613800138000", Permit::Dial),
        ("+86400123456", Permit::Refused(Refusal::Range)),
        ("+869555888", Permit::Refused(Refusal::Range)),
        ("+19002345678", Permit::Refused(Refusal::Range)),
        ("+449098790123", Permit::Refused(Refusal::Costly(NumberKind::PremiumRate))),
    ] {
        assert_eq!(judge(&all, &number(to), false, &nothing, NOON), want, "{to}");
    }
    let none = judge(&dialer(&["+1"]), &number("+8613800138000"), true, &nothing, NOON);
    assert_eq!(none, Permit::Refused(Refusal::NotAllowed), "nor for an appointment");
}

#[test]
fn caps_and_gaps_put_a_call_off() {
    let (dialer, to) = (dialer(&["+86"]), number("+8613800138000"));
    let contact = Contact::default;
    let tomorrow = utc("2026-11-24T01:00:00Z");
    let earlier = |hours| Some(utc(NOON) - TimeDelta::hours(hours));
    for (contact, plain, appointment) in [
        (Contact { blocked: true, ..contact() }, Permit::Blocked, Permit::Blocked),
        (Contact { follow_up: 6, ..contact() }, Permit::Spent, Permit::Dial),
        (Contact { follow_up_today: 2, ..contact() }, Permit::NotBefore(tomorrow, Wait::FollowUpDay), Permit::Dial),
        (
            Contact { number_today: 3, ..contact() },
            Permit::NotBefore(tomorrow, Wait::NumberDay),
            Permit::NotBefore(tomorrow, Wait::NumberDay),
        ),
        (
            Contact { number_30_days: 12, ..contact() },
            Permit::NotBefore(tomorrow, Wait::NumberMonth),
            Permit::NotBefore(tomorrow, Wait::NumberMonth),
        ),
        (
            Contact { other_attempt: earlier(1), ..contact() },
            Permit::NotBefore(utc("2026-11-23T06:00:00Z"), Wait::Gap),
            Permit::Dial,
        ),
        (Contact { other_attempt: earlier(4), ..contact() }, Permit::Dial, Permit::Dial),
        (
            Contact { other_conversation: earlier(20), other_attempt: earlier(20), ..contact() },
            Permit::NotBefore(utc("2026-11-23T07:00:00Z"), Wait::Gap),
            Permit::Dial,
        ),
    ] {
        assert_eq!(judge(&dialer, &to, false, &contact, NOON), plain, "{contact:?}");
        assert_eq!(judge(&dialer, &to, true, &contact, NOON), appointment, "{contact:?}");
    }
    let night = "2026-11-23T15:00:00Z";
    assert_eq!(judge(&dialer, &to, true, &contact(), night), Permit::NotBefore(tomorrow, Wait::Window));
}

#[test]
fn settings_narrow_a_country_and_widen_it_only_by_name() {
    let (to, nothing) = (number("+8613800138000"), Contact::default());
    let with = |window: config::Window| config::Dialer { window, ..dialer(&["+86"]) };
    let wide = config_window("08:00", "21:00", &WEEK);
    let open = |window: &config::Window, local: &str| {
        judge(&with(window.clone()), &to, false, &nothing, local) == Permit::Dial
    };
    assert!(!open(&wide, "2026-11-23T08:30:00+08:00"), "wider settings change nothing");
    assert!(!open(&wide, "2026-11-23T12:30:00+08:00"));
    assert!(!open(&config_window("10:00", "18:00", &WEEK), "2026-11-23T09:30:00+08:00"), "narrower ones do");
    let night = config::Window { allow_night: true, ..config_window("00:00", "24:00", &WEEK) };
    assert!(open(&night, "2026-11-23T03:00:00+08:00") && open(&night, "2026-11-23T12:30:00+08:00"));
    assert!(!open(&night, "2026-10-01T10:00:00+08:00"), "the night is no holiday");
    let always = config::Window { allow_holidays: true, ..night };
    assert!(open(&always, "2026-10-01T10:00:00+08:00"));
    assert_eq!(judge(&with(config_window("09:00", "20:00", &[])), &to, false, &nothing, NOON), Permit::NeverOpen);
    // Another country's rules: Sunday, and a number that no plan knows.
    let sunday = "2026-11-22T11:00:00+08:00";
    assert!(matches!(judge(&dialer(&["+1"]), &number("+14155552671"), false, &nothing, sunday), Permit::NotBefore(..)));
    assert!(matches!(judge(&dialer(&["+99"]), &number("+999123"), false, &nothing, sunday), Permit::NotBefore(..)));
}

#[test]
fn calls_start_at_a_steady_rate() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut pacer = Pacer::new(10.0, Duration::ZERO);
    assert_eq!(pacer.ready_at(start), start);
    pacer.start(start);
    assert_eq!(pacer.ready_at(at(1)), at(100));
    pacer.start(at(105)); // a little late: the beat is kept
    assert_eq!(pacer.ready_at(at(106)), at(200));
    pacer.start(at(900)); // much later: no burst to catch up
    assert_eq!(pacer.ready_at(at(901)), at(1000));
    pacer.not_before(at(2000)); // another engine was quicker
    assert_eq!(pacer.ready_at(at(1500)), at(2000));
}

#[test]
fn a_trunk_is_ramped_up_and_left_alone_when_it_has_no_room() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut pacer = Pacer::new(10.0, Duration::from_secs(10));
    pacer.start(start);
    assert_eq!(pacer.interval(start), Duration::from_millis(400), "a quarter of the rate");
    assert_eq!(pacer.interval(at(10)), Duration::from_millis(100));
    assert_eq!(pacer.congestion(at(20)), Duration::from_secs(1));
    assert_eq!(pacer.congestion(at(20)), Duration::from_secs(1), "calls under way say nothing new");
    assert_eq!((pacer.held(at(20)), pacer.held(at(21))), (Some(at(21)), None));
    assert_eq!(pacer.interval(at(21)), Duration::from_millis(400), "and it is ramped up again");
    assert_eq!([22, 25, 30, 40].map(|second| pacer.congestion(at(second)).as_secs()), [2, 4, 8, 16]);
    pacer.carried();
    assert_eq!(pacer.congestion(at(90)), Duration::from_secs(1));
    for n in 0..20 {
        assert!(pacer.congestion(at(100 + 100 * n)) <= Duration::from_secs(60));
    }
}

#[test]
fn an_estimate_is_the_slower_of_rate_and_room() {
    let load = Load { due: 120, slots: 10, per_second: 2.0, mean_s: 30.0 };
    assert_eq!(load.takes(), Some(TimeDelta::seconds(390)), "room");
    assert_eq!(Load { slots: 1000, ..load }.takes(), Some(TimeDelta::seconds(90)), "rate");
    assert_eq!(Load { due: 0, ..load }.takes(), Some(TimeDelta::zero()));
    assert_eq!(Load { slots: 0, ..load }.done_at(utc(NOON)), None);
}
