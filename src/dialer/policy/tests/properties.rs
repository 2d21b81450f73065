//! What no generated clock, zone, change of the clocks, holiday or history may ever break: no call outside the window, above a cap, or to a blocked number.
//!
//! The oracle reads the settings by itself: it shares no code with the window and the caps that it judges.

use super::WEEK;
use crate::call::disposition::Disposition;
use crate::config;
use crate::dialer::policy::country::{Pack, packs};
use crate::dialer::policy::{Asked, Contact, History, Manners, Next, Permit};
use crate::phone::E164;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A country made up for one case: hours, quiet hours and holidays of its own.
#[derive(Clone, Debug)]
struct Land {
    hours: (u32, u32),
    quiet: (u32, u32),
    closed_days: u8,
    holidays: Vec<NaiveDate>,
    caps: (u32, u32, u32, u32),
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl Land {
    fn pack(&self) -> Pack {
        let day = |index: usize| match self.closed_days & (1 << index) {
            0 => format!("[\"{}-{}\"]", clock(self.hours.0), clock(self.hours.1)),
            _ => "[]".into(),
        };
        let days: Vec<String> = WEEK.iter().enumerate().map(|(i, name)| format!("{name} = {}", day(i))).collect();
        let quiet = format!("quiet = [\"{}-{}\"]", clock(self.quiet.0), clock(self.quiet.1));
        let holidays: Vec<String> =
            self.holidays.iter().map(|d| format!("[[holiday]]\nname = \"h\"\ndate = \"{d}\"")).collect();
        let (a, b, c, d) = self.caps;
        let text = format!(
            "country = \"CN\"\nname = \"made up\"\nas_of = \"2026-01-01\"\nholidays_known_until = \"2026-01-01\"\n[window]\n{}\n{quiet}\n\
             [caps]\nfollow_up = {a}\nfollow_up_a_day = {b}\nnumber_a_day = {c}\nnumber_30_days = {d}\n[numbers]\nrefuse = [\"+86400\"]\n\
             [opt_out]\nby_key = true\nhonoured_within_h = 0\n[disclosure]\ndealer_name = true\npurpose = true\nrecording = true\n\
             [retention]\nrecordings_days = 1\nanswers_days = 1\nattempts_days = 1\n{}",
            days.join("\n"),
            holidays.join("\n"),
        );
        Pack::parse("made-up.toml", &text).unwrap()
    }

    /// Whether a call may start, read from the numbers above and the settings' window.
    fn open(&self, at: DateTime<Utc>, zone: Tz, own: &config::Window) -> bool {
        let local = at.with_timezone(&zone);
        let minute = local.hour() * 60 + local.minute();
        let weekday = local.weekday().num_days_from_monday();
        let in_own = WEEK[weekday as usize..].first().is_some_and(|d| own.weekdays.iter().any(|w| w == d))
            && local.time() >= own.open
            && local.time() < own.close;
        let in_land = self.closed_days & (1 << weekday) == 0
            && (self.hours.0..self.hours.1).contains(&minute)
            && !(self.quiet.0..self.quiet.1).contains(&minute);
        let holiday = !own.allow_holidays && self.holidays.contains(&local.date_naive());
        in_own && (own.allow_night || in_land) && !holiday
    }
}

fn land() -> impl Strategy<Value = Land> {
    let hours = (0u32..1380, 20u32..1000).prop_map(|(from, long)| (from, (from + long).min(1439)));
    let quiet = (0u32..1400, 1u32..240).prop_map(|(from, long)| (from, (from + long).min(1439)));
    let holidays = prop::collection::vec((0i64..12).prop_map(|n| n - 2), 0..6);
    let caps = (1u32..6, 1u32..4, 1u32..4, 1u32..9);
    (hours, quiet, 0u8..127, holidays, caps).prop_map(|(hours, quiet, closed_days, holidays, caps)| {
        // Days around the case's clock; `around` moves them there.
        let day = |n: i64| NaiveDate::from_ymd_opt(1970, 1, 10).unwrap() + TimeDelta::days(n);
        Land { hours, quiet, closed_days, holidays: holidays.into_iter().map(day).collect(), caps }
    })
}

fn around(mut land: Land, now: DateTime<Utc>) -> Land {
    let base = NaiveDate::from_ymd_opt(1970, 1, 10).unwrap();
    land.holidays.iter_mut().for_each(|day| *day = now.date_naive() + (*day - base));
    land
}

fn own_window() -> impl Strategy<Value = config::Window> {
    (0u32..1380, 30u32..1400, 1u8..128, any::<bool>(), any::<bool>()).prop_map(
        |(open, long, days, allow_night, allow_holidays)| {
            let minute = |m: u32| NaiveTime::from_num_seconds_from_midnight_opt(m * 60, 0).unwrap();
            let named = WEEK.iter().enumerate().filter(|(i, _)| days & (1 << i) != 0);
            config::Window {
                open: minute(open),
                close: minute((open + long).min(1439)),
                weekdays: named.map(|(_, d)| d.to_string()).collect(),
                allow_night,
                allow_holidays,
            }
        },
    )
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())
}

/// Moments at random, and moments around changes of the clocks in Europe and America.
fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    let changes = ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", "2027-03-28T01:00:00Z", "2027-10-31T01:00:00Z"];
    let near = prop::sample::select(changes.to_vec()).prop_map(|at| at.parse::<DateTime<Utc>>().unwrap());
    prop_oneof![
        (1_700_000_000i64..2_000_000_000).prop_map(|s| Utc.timestamp_opt(s, 0).unwrap()),
        (near, -90_000i64..90_000).prop_map(|(at, s)| at + TimeDelta::seconds(s)),
    ]
}

fn manners(land: &Land, window: &config::Window) -> Manners {
    let dialer = config::Dialer { allow: vec!["+86".into()], window: window.clone(), ..config::Dialer::default() };
    let mut all: BTreeMap<String, Pack> = packs(&[]).unwrap();
    all.insert("CN".into(), land.pack());
    Manners::new(&dialer, &all)
}

/// Which follow-up was called, when, and whether it became a conversation.
type Called = (usize, DateTime<Utc>, bool);

fn number() -> E164 {
    E164::from_stored("+8613800138000").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// A permit is never given against any one rule, and what it says to wait for is no moment at which calls are forbidden.
    #[test]
    fn no_permit_outside_the_rules(
        land in land(), own in own_window(), zone in zone(), now in moment(), appointment in any::<bool>(), blocked in prop::bool::weighted(0.1),
        counts in (0u32..7, 0u32..4, 0u32..4, 0u32..10), other in prop::option::of(0i64..100_000), talked in prop::option::of(0i64..200_000),
    ) {
        let land = around(land, now);
        let manners = manners(&land, &own);
        let ago = |seconds: i64| now - TimeDelta::seconds(seconds);
        let contact = Contact {
            blocked, follow_up: counts.0, follow_up_today: counts.1, number_today: counts.2, number_30_days: counts.3,
            other_attempt: other.map(ago), other_conversation: talked.map(ago),
        };
        match manners.permit(&Asked { number: &number(), zone, appointment, contact: &contact, now }) {
            Permit::Dial => {
                prop_assert!(!blocked && land.open(now, zone, &own));
                prop_assert!(counts.2 < land.caps.2.min(3) && counts.3 < land.caps.3.min(12));
                if !appointment {
                    prop_assert!(counts.0 < land.caps.0.min(6) && counts.1 < land.caps.1.min(2));
                    prop_assert!(other.is_none_or(|s| s >= 4 * 3600) && talked.is_none_or(|s| s >= 24 * 3600));
                }
            }
            Permit::NotBefore(at, _) => {
                prop_assert!(at > now);
                prop_assert!(land.open(at, zone, &own), "{at} is no moment to wait for");
            }
            Permit::Blocked => prop_assert!(blocked),
            Permit::Spent => prop_assert!(counts.0 >= land.caps.0.min(6)),
            Permit::NeverOpen => {}
            Permit::Refused(_) => prop_assert!(false, "the number is allowed"),
        }
        let costly = E164::from_stored("+864001234567").unwrap();
        let refused = manners.permit(&Asked { number: &costly, zone, appointment, contact: &Contact::default(), now });
        prop_assert!(matches!(refused, Permit::Refused(_)));
    }

    /// A whole life of two follow-ups on one number, called whenever policy lets them be: each call inside the window, before the deadline, under every cap.
    #[test]
    fn no_life_breaks_the_rules(
        land in land(), own in own_window(), zone in zone(), start in moment(),
        outcomes in prop::collection::vec((prop::sample::select(Disposition::ALL.to_vec()), 1i64..600, 0i64..100_000), 1..24),
    ) {
        let land = around(land, start);
        let manners = manners(&land, &own);
        let deadline = start + TimeDelta::days(3);
        // For each follow-up: when it is due, whether by appointment, whether it is over.
        let mut due = [Some((start, false)), Some((start, false))];
        let mut calls: Vec<Called> = Vec::new();
        let mut blocked = false;
        let mut now = start;
        for (disposition, lasts_s, wish_s) in outcomes {
            let Some((which, (at, appointment))) =
                due.iter().enumerate().filter_map(|(i, d)| d.map(|d| (i, d))).min_by_key(|(_, (at, _))| *at) else { break };
            now = now.max(at);
            let local = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
            let count = |of: &dyn Fn(&Called) -> bool| calls.iter().filter(|c| of(c)).count() as u32;
            let contact = Contact {
                blocked,
                follow_up: count(&|c| c.0 == which),
                follow_up_today: count(&|c| c.0 == which && local(c.1) == local(now)),
                number_today: count(&|c| local(c.1) == local(now)),
                number_30_days: count(&|_| true),
                other_attempt: calls.iter().filter(|c| c.0 != which).map(|c| c.1).max(),
                other_conversation: calls.iter().filter(|c| c.0 != which && c.2).map(|c| c.1).max(),
            };
            if now >= deadline {
                break;
            }
            match manners.permit(&Asked { number: &number(), zone, appointment, contact: &contact, now }) {
                Permit::NotBefore(at, _) => due[which] = (at < deadline).then_some((at, appointment)),
                Permit::Dial => {
                    prop_assert!(!blocked && land.open(now, zone, &own) && now < deadline);
                    prop_assert!(contact.number_today < land.caps.2.min(3) && contact.number_30_days < land.caps.3.min(12));
                    if !appointment {
                        prop_assert!(contact.follow_up < land.caps.0.min(6) && contact.follow_up_today < land.caps.1.min(2));
                    }
                    calls.push((which, now, disposition == Disposition::Complete));
                    let begun = calls.iter().filter(|c| c.0 == which).map(|c| c.1).collect();
                    now += TimeDelta::seconds(lasts_s);
                    blocked = disposition == Disposition::WrongNumber;
                    let booked = (disposition == Disposition::CallBack).then(|| now + TimeDelta::seconds(wish_s));
                    let history = History { begun, zone, deadline, booked };
                    due[which] = match manners.retry(&number()).after(disposition, &history, now) {
                        Next::At(at) => {
                            prop_assert!(at >= now && at < deadline && land.open(at, zone, &own));
                            Some((at, disposition == Disposition::CallBack))
                        }
                        Next::Done | Next::NotReached(_) | Next::Review => None,
                    };
                }
                Permit::Spent | Permit::NeverOpen | Permit::Blocked | Permit::Refused(_) => due[which] = None,
            }
        }
    }
}
