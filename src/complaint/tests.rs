//! Complaints worked through in tables: what follows what, who may, and what comes of it.

use super::act::{MOST_COOLING_OFF_DAYS, MOST_NOTE};
use super::*;
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Asia::Shanghai;

/// Wednesday 10:00 in Shanghai.
fn now() -> DateTime<Utc> {
    utc("2026-11-18T02:00:00Z")
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// As the engine opens it.
fn fresh() -> Case {
    Case {
        closed: false,
        round: 1,
        stage: 1,
        reported_back: false,
        class: Class::default(),
        owner: None,
        department: None,
        passed: None,
        due_at: utc("2026-11-18T10:00:00Z"),
        contact_due_at: utc("2026-11-18T10:00:00Z"),
        contacted_at: None,
        cooling_off_until: None,
        escalated_to: None,
        call_back_at: None,
    }
}

fn agent(name: &str) -> Actor {
    Actor { name: name.to_owned(), rank: Rank::Agent }
}

fn manager() -> Actor {
    Actor { name: "boss".to_owned(), rank: Rank::Manager }
}

fn note() -> String {
    "  what was said\r\nand done ".to_owned()
}

fn valid() -> Class {
    Class { nature: Some(Nature::Valid), cause: Some(Cause::Price), ..Class::default() }
}

/// Does these one after the other; panics where one is refused.
fn after(case: Case, by: &Actor, acts: &[Act]) -> Case {
    acts.iter().fold(case, |case, act| {
        case.act(by, act, now(), Shanghai).unwrap_or_else(|refused| panic!("{act:?}: {refused}")).case
    })
}

fn refusal(case: &Case, by: &Actor, act: &Act) -> Option<Refused> {
    case.act(by, act, now(), Shanghai).err()
}

fn step(kind: StepKind) -> Act {
    Act::Step(kind, note())
}

/// Up to and with step 5.
fn acted(class: Class) -> Case {
    use StepKind::{Act as Acted, Analyse, Solution, TellCustomer};
    let acts = [Act::Classify(class), step(Analyse), step(Solution), step(TellCustomer), step(Acted)];
    after(fresh(), &agent("li"), &acts)
}

fn reported(class: Class) -> Case {
    after(acted(class), &agent("li"), &[Act::ReportBack(note())])
}

fn settled() -> Act {
    Act::Review { settled: true, note: note() }
}

#[test]
fn the_whole_way_goes_in_order_and_ends_closed() {
    let li = agent("li");
    let rooted = Class { root_cause: Some(RootCause::StaffPromise), ..valid() };
    let case = after(reported(rooted), &li, &[settled()]);
    assert_eq!((case.stage, case.owner.as_deref(), case.contacted_at), (6, Some("li"), Some(now())));
    let change = case.act(&li, &Act::Close(String::new()), now(), Shanghai).unwrap();
    assert!(change.case.closed && !change.case.is_overdue(now() + Duration::days(99)));
    assert_eq!((change.entry.kind, change.touch), (StepKind::Close, None));
    assert_eq!(change.case.open_to(&li), []);
    assert_eq!(change.case.open_to(&manager()), [StepKind::Reopen]);
}

#[test]
fn no_step_is_left_out_and_each_may_be_repeated() {
    let li = agent("li");
    for stage in 1..=6 {
        let case = Case { stage, reported_back: stage > 5, class: valid(), ..fresh() };
        for kind in StepKind::SIX {
            let number = kind.number().unwrap();
            let act = if kind == StepKind::Review { settled() } else { step(kind) };
            let want = match () {
                () if number > stage + 1 => Some(Refused::OutOfOrder(StepKind::of_number(stage + 1).unwrap())),
                () if number == 6 && stage == 5 => Some(Refused::NotReportedBack),
                () => None,
            };
            assert_eq!(refusal(&case, &li, &act), want, "{kind} after step {stage}");
            if want.is_none() {
                assert_eq!(after(case.clone(), &li, &[act]).stage, stage.max(number), "{kind} after step {stage}");
            }
        }
    }
    assert_eq!(refusal(&fresh(), &li, &step(StepKind::Close)), Some(Refused::NotReviewed));
    assert_eq!(refusal(&reported(valid()), &li, &step(StepKind::Review)), Some(Refused::NotAStep));
    assert_eq!(refusal(&fresh(), &li, &step(StepKind::Escalate)), Some(Refused::NotAStep));
}

#[test]
fn what_is_refused_and_why() {
    let (li, boss) = (agent("li"), manager());
    let passed = after(
        fresh(),
        &li,
        &[Act::Classify(valid()), step(StepKind::Analyse), Act::PassOn { department: "workshop".into(), note: note() }],
    );
    let serious = Class { level: Level::Serious, ..valid() };
    let owned = Case { owner: Some("wu".into()), ..fresh() };
    let at = |hours| now() + Duration::hours(hours);
    let cases: Vec<(Case, &Actor, Act, Refused)> = vec![
        (fresh(), &li, step(StepKind::Analyse), Refused::Unclassified),
        (fresh(), &li, Act::Classify(Class::default()), Refused::NothingNew),
        (
            passed.clone(),
            &li,
            Act::Classify(Class { nature: Some(Nature::Venting), ..valid() }),
            Refused::ManagerWanted,
        ),
        (reported(serious), &li, Act::Classify(valid()), Refused::ManagerWanted),
        (fresh(), &li, Act::PassOn { department: "x".into(), note: note() }, Refused::OutOfOrder(StepKind::Analyse)),
        (passed.clone(), &li, Act::PassOn { department: "x".into(), note: note() }, Refused::NotAccepted),
        (passed.clone(), &li, step(StepKind::Solution), Refused::NotAccepted),
        (passed.clone(), &li, Act::Accept(note()), Refused::OwnHandOver),
        (fresh(), &li, Act::Accept(note()), Refused::NothingPassed),
        (fresh(), &boss, Act::HandBack(note()), Refused::NothingPassed),
        (owned.clone(), &li, Act::Assign { owner: "li".into(), note: note() }, Refused::ManagerWanted),
        (fresh(), &li, Act::Assign { owner: "wu".into(), note: note() }, Refused::ManagerWanted),
        (fresh(), &li, Act::Deadline { due_at: at(1), note: note() }, Refused::ManagerWanted),
        (fresh(), &boss, Act::Deadline { due_at: at(0), note: note() }, Refused::Date),
        (fresh(), &boss, Act::Deadline { due_at: at(24 * 91), note: note() }, Refused::Date),
        (fresh(), &li, Act::CoolOff { until: at(24 * MOST_COOLING_OFF_DAYS + 1), note: note() }, Refused::Date),
        (fresh(), &li, Act::CoolOff { until: at(1), note: "  ".into() }, Refused::NoteWanted),
        (fresh(), &li, Act::CallBack { at: at(-1), note: note() }, Refused::Date),
        (
            Case { cooling_off_until: Some(at(9)), ..fresh() },
            &li,
            Act::CallBack { at: at(8), note: note() },
            Refused::CoolingOff,
        ),
        (fresh(), &li, Act::Escalate { to: " ".into(), note: note() }, Refused::NameWanted),
        (fresh(), &li, Act::Escalate { to: "a\nb".into(), note: note() }, Refused::Text),
        (fresh(), &li, Act::Escalate { to: "长".repeat(61), note: note() }, Refused::Text),
        (fresh(), &li, Act::Step(StepKind::ListenAndRecord, "长".repeat(MOST_NOTE + 1)), Refused::Text),
        (fresh(), &li, Act::Step(StepKind::ListenAndRecord, "a\0b".into()), Refused::Text),
        (fresh(), &li, Act::ReportBack(note()), Refused::OutOfOrder(StepKind::Analyse)),
        (reported(valid()), &li, Act::ReportBack(note()), Refused::ReportedBackAlready),
        (reported(valid()), &li, Act::Close(note()), Refused::NotReviewed),
        (after(reported(valid()), &li, &[settled()]), &li, Act::Close(note()), Refused::RootCauseWanted),
        (
            after(reported(valid()), &li, &[settled(), Act::PassOn { department: "x".into(), note: note() }]),
            &li,
            Act::Close(note()),
            Refused::NotAccepted,
        ),
        (reported(serious), &li, settled(), Refused::ManagerWanted),
        (Case { escalated_to: Some("boss".into()), ..reported(valid()) }, &li, settled(), Refused::ManagerWanted),
        (fresh(), &boss, Act::Reopen(note()), Refused::NotClosed),
        (Case { closed: true, ..fresh() }, &li, step(StepKind::ListenAndRecord), Refused::Closed),
        (Case { closed: true, ..fresh() }, &li, Act::Reopen(note()), Refused::ManagerWanted),
    ];
    for (case, by, act, want) in cases {
        assert_eq!(refusal(&case, by, &act), Some(want), "{act:?} by {}", by.name);
    }
}

#[test]
fn who_passes_it_on_stays_responsible_until_it_is_accepted() {
    let (li, wu) = (agent("li"), agent("wu"));
    let ready = after(fresh(), &li, &[Act::Classify(valid()), step(StepKind::Analyse)]);
    let passed = after(ready, &li, &[Act::PassOn { department: "workshop".into(), note: note() }]);
    assert_eq!((passed.owner.as_deref(), passed.department.as_deref()), (Some("li"), None));
    assert!(passed.open_to(&wu).contains(&StepKind::Accept) && !passed.open_to(&li).contains(&StepKind::Accept));

    let back = after(passed.clone(), &wu, &[Act::HandBack(note())]);
    assert_eq!((back.owner.as_deref(), &back.passed), (Some("li"), &None));
    let accepted = after(passed, &wu, &[Act::Accept(String::new())]);
    assert_eq!((accepted.owner.as_deref(), accepted.department.as_deref()), (Some("wu"), Some("workshop")));
    assert_eq!((after(accepted, &wu, &[step(StepKind::Solution)]).stage), 3);
}

#[test]
fn reporting_back_owes_a_touch_and_an_unsettled_review_begins_again() {
    let li = agent("li");
    let change = acted(valid()).act(&li, &Act::ReportBack(note()), now(), Shanghai).unwrap();
    let touch = change.touch.unwrap();
    assert_eq!((touch.due_at, touch.deadline), (utc("2026-11-19T01:00:00Z"), utc("2026-11-21T10:00:00Z")));
    let late = utc("2026-11-20T12:00:00Z");
    let unsettled = Act::Review { settled: false, note: note() };
    let again = change.case.act(&li, &unsettled, late, Shanghai).unwrap();
    assert!(again.touched && again.entry.detail["settled"] == "false");
    assert_eq!((again.case.round, again.case.stage, again.case.reported_back), (2, 1, false));
    assert_eq!(again.case.due_at, utc("2026-11-21T10:00:00Z"), "20:00 is too late for the same day");
    let closed = Case { closed: true, stage: 6, ..change.case };
    let reopened = after(closed, &manager(), &[Act::Reopen(note())]);
    assert_eq!((reopened.closed, reopened.stage, reopened.round), (false, 1, 2));
}

#[test]
fn a_deadline_is_the_contact_s_until_somebody_moves_it() {
    let late = utc("2026-11-18T10:00:01Z");
    assert!(!fresh().is_overdue(now()) && fresh().is_overdue(late));
    let until = now() + Duration::days(2);
    let cooled = after(fresh(), &agent("li"), &[Act::CoolOff { until, note: note() }]);
    let evening = utc("2026-11-20T10:00:00Z");
    assert_eq!((cooled.due_at, cooled.cooling_off_until), (evening, Some(until)));
    assert!(cooled.is_overdue(late), "nobody has talked to the customer");
    let talked = after(cooled, &agent("li"), &[step(StepKind::ListenAndRecord)]);
    assert!(!talked.is_overdue(late) && talked.is_overdue(evening + Duration::seconds(1)));

    let at = evening + Duration::hours(3);
    let booked = after(talked, &agent("li"), &[Act::CallBack { at, note: String::new() }]);
    assert_eq!((booked.call_back_at, booked.due_at), (Some(at), at));
    let earlier = now() + Duration::hours(1);
    let moved = after(booked, &manager(), &[Act::Deadline { due_at: earlier, note: note() }]);
    assert_eq!(moved.due_at, earlier);
    assert_eq!(after(moved, &agent("li"), &[step(StepKind::ListenAndRecord)]).call_back_at, None, "they have talked");
}

#[test]
fn what_the_history_keeps() {
    let li = agent("li");
    let told = fresh().act(&li, &step(StepKind::ListenAndRecord), now(), Shanghai).unwrap().entry;
    assert_eq!((told.note.as_str(), told.detail.len()), ("what was said\nand done", 0));
    let class = Class { level: Level::Malicious, root_cause: Some(RootCause::Customer), ..valid() };
    let classified = fresh().act(&li, &Act::Classify(class), now(), Shanghai).unwrap().entry.detail;
    let words: Vec<_> = classified.iter().map(|(field, word)| (*field, word.as_str())).collect();
    assert_eq!(words, [("cause", "price"), ("level", "malicious"), ("nature", "valid"), ("root_cause", "customer")]);
}
