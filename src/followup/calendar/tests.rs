//! The calendar: what the built-in one plans, what a wrong one is told, and that no touch escapes the passes.

use super::rule::{Anchor, Calendar, Kind, Role};
use super::*;
use chrono::Days;
use chrono_tz::{America::New_York, America::Santiago, Asia::Shanghai};
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> Happened {
    Happened { on: text.parse().unwrap(), at: None }
}

fn at(text: &str) -> Happened {
    Happened { on: utc(text).date_naive(), at: Some(utc(text)) }
}

fn rule(body: &str) -> rule::Rule {
    let text = format!("[[rule]]\nkey = \"k\"\ntitle = {{ en = \"t\" }}\n{body}\n");
    Calendar::from_toml("test", &text).unwrap().rules.remove(0)
}

#[test]
fn surveys_are_due_and_end_by_the_calendar() {
    let survey = rule("event = \"repair\"\nuntil = \"3d\"\nsurvey = \"s\"");
    for (happened, hours, zone, due, deadline) in [
        (day("2026-11-14"), 0, Shanghai, "2026-11-13T16:00:00Z", "2026-11-17T16:00:00Z"),
        (day("2026-11-14"), 2, Shanghai, "2026-11-14T16:00:00Z", "2026-11-17T16:00:00Z"),
        (day("2026-11-14"), 24, Shanghai, "2026-11-14T16:00:00Z", "2026-11-17T16:00:00Z"),
        (at("2026-11-14T08:30:00Z"), 24, Shanghai, "2026-11-15T08:30:00Z", "2026-11-17T08:30:00Z"),
        // Clocks go back on 1 November: the deadline keeps its time of day.
        (at("2026-10-30T14:00:00Z"), 1, New_York, "2026-10-30T15:00:00Z", "2026-11-02T15:00:00Z"),
        // Midnight of 6 September does not exist in Chile.
        (day("2026-09-02"), 96 - 24, Santiago, "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"),
    ] {
        let span = survey.touch(Occurrence::Nth(0), happened, Offset::hours(hours), zone).unwrap();
        assert_eq!((span.due_at, span.deadline), (utc(due), utc(deadline)), "{happened:?}");
    }
    assert_eq!(survey.touch(Occurrence::Nth(0), day("2026-11-14"), Offset::hours(96), Shanghai), None);
}

/// Every touch of an anchor between two days, as `key/occurrence due…deadline` in the zone's days.
fn plan(calendar: &Calendar, anchor: Anchor, happened: Happened, from: &str, to: &str) -> Vec<String> {
    let horizon = Horizon { now: utc(&format!("{from}T00:00:00Z")), until: utc(&format!("{to}T00:00:00Z")) };
    let mut found = Vec::new();
    for rule in calendar.of(anchor) {
        for pass in rule.passes(horizon, Offset::hours(24)) {
            let span = rule.due_touch(pass.occurrence, happened, Offset::hours(24), Shanghai, horizon);
            if let Some(span) = span {
                let local = |at: DateTime<Utc>| at.with_timezone(&Shanghai).format("%m-%d %H:%M").to_string();
                let label = pass.occurrence.label(happened.on);
                found.push(format!("{}/{label} {} to {}", rule.key, local(span.due_at), local(span.deadline)));
            }
        }
    }
    found
}

#[test]
fn a_delivered_car_has_its_touches() {
    let calendar = Calendar::built_in().unwrap();
    let touches = plan(&calendar, Anchor::Delivery, day("2026-12-31"), "2026-12-31", "2027-04-05");
    assert_eq!(
        touches,
        [
            "sales_3day/0 01-01 00:00 to 01-04 00:00",
            "1dc/0 12-31 00:00 to 01-02 00:00",
            "3dc/0 01-01 00:00 to 01-04 00:00",
            "7dc/0 01-04 00:00 to 01-08 00:00",
            "30dc/0 01-28 00:00 to 02-05 00:00",
            "monthly/0 02-28 00:00 to 03-08 00:00",
            "monthly/1 03-31 00:00 to 04-08 00:00",
        ]
    );
    let precise = plan(&calendar, Anchor::Delivery, at("2026-12-31T08:30:00Z"), "2027-01-01", "2027-01-02");
    assert_eq!(precise[1..3], ["1dc/0 12-31 16:30 to 01-01 16:30", "3dc/0 01-01 16:30 to 01-03 16:30"]);
    let owners: Vec<_> = calendar.rules.iter().filter(|r| r.key == "1dc").map(|r| r.kind.clone()).collect();
    assert!(matches!(owners[0], Kind::Task { owner: Role::SalesManager, .. }));
}

#[test]
fn the_customers_own_days_come_every_year() {
    let calendar = Calendar::built_in().unwrap();
    for (anchor, own, from, to, want) in [
        (Anchor::Birthday, "1980-02-29", "2027-01-01", "2027-12-31", "birthday/2027 02-28 00:00 to 03-01 00:00"),
        (Anchor::Birthday, "1980-02-29", "2028-01-01", "2028-12-31", "birthday/2028 02-29 00:00 to 03-01 00:00"),
        (Anchor::Birthday, "1980-01-01", "2026-12-20", "2027-01-10", "birthday/2027 01-01 00:00 to 01-02 00:00"),
        (
            Anchor::PurchaseAnniversary,
            "2026-11-30",
            "2026-11-01",
            "2027-12-31",
            "purchase_anniversary/2027 11-30 00:00 to 12-04 00:00",
        ),
        (
            Anchor::InsuranceEnd,
            "2027-01-31",
            "2026-12-20",
            "2027-01-10",
            "insurance/2027-01-31 01-01 00:00 to 02-01 00:00",
        ),
        (Anchor::LicenceEnd, "2027-01-31", "2026-11-20", "2027-01-10", "licence/2027-01-31 12-02 00:00 to 02-01 00:00"),
        (
            Anchor::InspectionDue,
            "2027-01-31",
            "2026-12-20",
            "2027-01-10",
            "inspection/2027-01-31 01-01 00:00 to 02-01 00:00",
        ),
    ] {
        assert_eq!(plan(&calendar, anchor, day(own), from, to), [want]);
    }
    let holidays = plan(&calendar, Anchor::Holiday, day("1970-01-01"), "2026-12-20", "2027-03-01");
    assert_eq!(
        holidays,
        ["new_year/2027-01-01 12-30 00:00 to 01-02 00:00", "spring_festival/2027-02-06 02-03 00:00 to 02-07 00:00"]
    );
}

#[test]
fn each_mistake_is_named_with_its_line() {
    let text = "\n[[rule]]\nkey = \"A b\"\ntitle = {}\nevent = \"party\"\nuntil = \"3 days\"\ntask = \"care\"\n\
        \n[[rule]]\nkey = \"x\"\ntitle = { en = \"x\" }\nevent = \"birthday\"\ndue = \"3d\"\nuntil = \"1d\"\nsurvey = \"s\"\nevery = \"1h\"\ntimes = 0\ndates = [\"13-01\"]\n\
        \n[[rule]]\nkey = \"x\"\ntitle = { en = \"x\" }\nevent = \"holiday\"\ndue = \"0d\"\nuntil = \"1d\"\ntask = \"care\"\nowner = \"advisor\"\nonly = { segment = [\"rich\"] }\n";
    let found: Vec<String> =
        Calendar::from_toml("c", text).unwrap_err().mistakes.iter().map(ToString::to_string).collect();
    let want = [
        "line 2: rule A b: a key is small letters, digits and _",
        "line 2: rule A b: title: at least one language is wanted",
        "line 2: rule A b: event: one of these is wanted: visit, delivery",
        "line 2: rule A b: owner: is missing (sales_manager",
        "line 2: rule A b: until: `3 days` is no length of time",
        "line 2: rule A b: due: is missing",
        "line 9: rule x: survey: is asked about a visit, a delivery or a repair only",
        "line 9: rule x: every: a survey is asked once for an event",
        "line 9: rule x: until: 1d lies before due (3d)",
        "line 9: rule x: every: at least a day is wanted",
        "line 9: rule x: times: 1 to 120 are wanted",
        "line 9: rule x: every: only what counts from",
        "line 9: rule x: dates: `13-01` is no date",
        "line 9: rule x: dates: only holidays have dates of their own",
        "line 20: rule x: dates: a holiday wants its dates",
        "line 20: rule x: only.segment: one of these is wanted: high_value",
        "line 20: rule x: another rule has this key already",
    ];
    assert_eq!(found.len(), want.len(), "{found:#?}");
    for (found, want) in found.iter().zip(want) {
        assert!(found.starts_with(want), "{found} for {want}");
    }
    let unknown = Calendar::from_toml("c", "[[rule]]\nkey = \"x\"\nwhen = 3\n").unwrap_err().to_string();
    assert!(unknown.starts_with("c: line 3: unknown field `when`"), "{unknown}");
}

#[test]
fn a_complaint_is_answered_the_same_day_or_the_next() {
    for (opened, due) in [
        ("2026-11-18T06:59:00Z", "2026-11-18T10:00:00Z"),
        ("2026-11-18T07:00:00Z", "2026-11-19T10:00:00Z"),
        ("2026-11-18T15:59:00Z", "2026-11-19T10:00:00Z"),
        ("2026-11-18T16:00:00Z", "2026-11-19T10:00:00Z"),
    ] {
        assert_eq!(first_contact_due(utc(opened), Shanghai), utc(due), "{opened}");
    }
}

fn offset() -> impl Strategy<Value = Offset> {
    (0..40i32, 0..100i32, 0..80i32, any::<bool>()).prop_map(|(months, days, hours, negative)| {
        let sign = if negative { -1 } else { 1 };
        Offset { months: sign * months, days: sign * days, hours: sign * hours }
    })
}

proptest! {
    #[test]
    fn offsets_read_back_as_written(offset in offset()) {
        prop_assert_eq!(offset.to_string().parse::<Offset>().unwrap(), offset);
    }

    /// Whatever touch lies in the horizon, the passes that lead to it include its subject's day.
    #[test]
    fn no_touch_escapes_the_passes(
        anchor in prop::sample::select(vec![Anchor::Delivery, Anchor::Birthday, Anchor::InsuranceEnd]),
        due in offset(), length in 0..60i32, times in 1..20u32, every in 1..5i32,
        own in 0..20_000u64, hour in prop::option::of(0..24i64), zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        now in 0..10_000i64, ahead in 0..400i64,
    ) {
        let until = due + Offset { days: if due.rough_hours() < 0 { 0 } else { length }, ..Offset::default() };
        let mut rule = rule("event = \"delivery\"\ndue = \"0d\"\nuntil = \"1d\"\ntask = \"care\"\nowner = \"advisor\"");
        rule.anchor = anchor;
        rule.due = Some(due);
        rule.until = until;
        rule.repeat = anchor.is_event().then_some(rule::Repeat { every: Offset { months: every, ..Offset::default() }, times });
        let on = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap() + Days::new(own);
        let at = hour.filter(|_| anchor.is_event()).map(|hour| moment(on, NaiveTime::MIN, zone) + Duration::hours(hour));
        let on = at.map_or(on, |at| at.with_timezone(&zone).date_naive());
        let happened = Happened { on, at };
        let now = utc("2000-01-01T00:00:00Z") + Duration::hours(now * 24 + 5);
        let horizon = Horizon { now, until: now + Duration::days(ahead) };
        let occurrences: Vec<Occurrence> = match anchor {
            Anchor::Delivery => (0..times).map(Occurrence::Nth).collect(),
            Anchor::Birthday => (1980..2060).map(Occurrence::InYear).collect(),
            _ => vec![Occurrence::OwnDate],
        };
        let passes = rule.passes(horizon, Offset::default());
        for occurrence in occurrences {
            if rule.due_touch(occurrence, happened, Offset::default(), zone, horizon).is_some() {
                let covered = passes.iter().any(|pass| pass.occurrence == occurrence && match occurrence {
                    Occurrence::InYear(year) => {
                        use chrono::Datelike;
                        let month_day = |day: NaiveDate| (day.month(), day.day());
                        let feast = on.with_year(year).unwrap_or(NaiveDate::from_ymd_opt(year, 2, 28).unwrap());
                        (pass.from..=pass.to).contains(&feast) && (month_day(pass.from)..=month_day(pass.to)).contains(&month_day(on))
                    }
                    _ => (pass.from..=pass.to).contains(&on),
                });
                prop_assert!(covered, "{:?} of {:?} in {:?}: {:?}", occurrence, happened, horizon, passes);
            }
        }
    }
}
