//! Acts on stored complaints, the lists over them, drafts, and a history that nobody edits.

use super::*;
use crate::complaint::{Rank, StepKind};
use crate::db::complaint_desk::{self, Filter, Standing};
use crate::db::complaint_drafts::Fields;
use crate::db::complaints::{self, NewComplaint};
use crate::db::fixture::{self, at, id};
use crate::db::state::ComplaintReason;
use chrono_tz::Asia::Shanghai;
use sqlx::PgPool;

/// Complaint `n` of customer `n`, opened at `at(n)`, due at `at(due)`.
async fn opened(conn: &mut PgConnection, n: u16, due: i64) -> ComplaintId {
    let owed = fixture::owed(conn, n).await;
    let attempt = fixture::begun(conn, "a", owed.follow_up, n, n.into()).await;
    complaints::open(conn, &new(n, attempt, n.into(), due)).await.unwrap();
    id(n)
}

fn new(n: u16, attempt: crate::ids::AttemptId, opened: i64, due: i64) -> NewComplaint {
    NewComplaint {
        id: id(n),
        step: id(n),
        attempt,
        reason: ComplaintReason::LowScore,
        question: Some("q1".to_owned()),
        opened_at: at(opened),
        contact_due_at: at(due),
    }
}

fn actor(name: &str, rank: Rank) -> Actor {
    Actor { name: name.to_owned(), rank }
}

fn doing<'a>(n: u16, by: &'a Actor, acts: &'a [Act], minutes: i64) -> Doing<'a> {
    Doing { complaint: id(n), by, acts, revision: None, form: None, now: at(minutes), zone: Shanghai }
}

/// Ids that go up, so that a test's rows keep their order.
fn random() -> impl FnMut() -> [u8; 10] + Send {
    let mut n = 0_u8;
    move || {
        n += 1;
        [n, 0, 0, 0, 0, 0, 0, 0, 0, 9]
    }
}

fn valid() -> Act {
    let (nature, cause) = (Some(Nature::Valid), Some(Cause::SpareParts));
    Act::Classify(Class { nature, cause, level: Level::Serious, root_cause: Some(RootCause::Product) })
}

fn step(kind: StepKind) -> Act {
    Act::Step(kind, format!("note on {kind}"))
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_whole_way_is_kept_with_person_time_and_note(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let complaint = opened(&mut conn, 1, 60).await;
    let boss = actor("陈经理", Rank::Manager);
    let mut random = random();
    let acts = [valid(), step(StepKind::Analyse), step(StepKind::Solution), step(StepKind::TellCustomer)];
    let (case, revision) = work(&mut conn, &doing(1, &boss, &acts, 10), &mut random).await.unwrap();
    assert_eq!((case.stage, revision, case.owner.as_deref()), (4, 1, Some("陈经理")));
    let told = [step(StepKind::Act), Act::ReportBack("the part was changed".into())];
    work(&mut conn, &doing(1, &boss, &told, 20), &mut random).await.unwrap();
    let touch: (String, String, String, String) = sqlx::query_as(
        "select rule_key, occurrence, owner_role, state from follow_up_tasks where subject_id = $1 and customer_id = $1",
    )
    .bind(complaint.0)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(touch, (SETTLED.into(), "1".into(), "care_specialist".into(), "open".into()));
    let ended = [Act::Review { settled: true, note: "content".into() }, Act::Close(String::new())];
    let (case, revision) = work(&mut conn, &doing(1, &boss, &ended, 30), &mut random).await.unwrap();
    assert!(case.closed && revision == 3);
    let closed_by: Option<String> =
        sqlx::query_scalar("select closed_by from follow_up_tasks where state = 'done' and note = 'content'")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(closed_by.as_deref(), Some("陈经理"));

    let stored = complaint_desk::get(&mut conn, complaint).await.unwrap().unwrap();
    assert_eq!((&stored.case, stored.revision, stored.closed_at), (&case, 3, Some(at(30))));
    let steps = complaint_desk::steps(&mut conn, &[complaint]).await.unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "listen_and_record",
            "classify",
            "analyse",
            "solution",
            "tell_customer",
            "act",
            "report_back",
            "review",
            "close"
        ]
    );
    assert_eq!((steps[0].person.as_deref(), steps[2].person.as_deref()), (None, Some("陈经理")));
    assert_eq!((steps[2].note.as_str(), steps[1].detail["cause"].as_str()), ("note on analyse", "spare_parts"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn all_of_it_or_nothing(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    opened(&mut conn, 1, 60).await;
    let li = actor("li", Rank::Agent);
    let acts = [step(StepKind::ListenAndRecord), step(StepKind::Solution)];
    let refused = work(&mut conn, &doing(1, &li, &acts, 5), &mut random()).await.unwrap_err();
    assert!(matches!(refused, NotDone::Refused(Refused::OutOfOrder(StepKind::Analyse))), "{refused}");
    assert_eq!(complaint_desk::steps(&mut conn, &[id(1)]).await.unwrap().len(), 1);
    let missing = work(&mut conn, &doing(9, &li, &acts, 5), &mut random()).await.unwrap_err();
    assert!(matches!(missing, NotDone::Missing));

    let note = [step(StepKind::ListenAndRecord)];
    let seen = Doing { revision: Some(0), ..doing(1, &li, &note, 6) };
    work(&mut conn, &seen, &mut random()).await.unwrap();
    let late = work(&mut conn, &Doing { now: at(7), ..seen.clone() }, &mut random()).await.unwrap_err();
    assert!(matches!(late, NotDone::Changed), "somebody has acted since");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nobody_edits_the_history_and_a_replay_changes_nothing(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    opened(&mut conn, 1, 60).await;
    let before = complaint_desk::steps(&mut conn, &[id(1)]).await.unwrap();
    complaints::open(&mut conn, &new(1, id(1), 1, 60)).await.unwrap();
    assert_eq!(complaint_desk::steps(&mut conn, &[id(1)]).await.unwrap(), before);
    for edit in [
        "update complaint_steps set note = 'all is well'",
        "update complaint_steps set done_at = done_at - interval '1 day'",
        "delete from complaint_steps",
        "truncate complaint_steps",
    ] {
        let error = StoreError::from(sqlx::query(edit).execute(&mut *conn).await.unwrap_err());
        assert!(error.to_string().contains("history is never edited"), "{edit}: {error}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_sign_after_the_close_takes_it_up_again_a_replay_does_not(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    opened(&mut conn, 1, 60).await;
    let close = async |conn: &mut PgConnection, minutes| {
        sqlx::query("update complaints set state = 'closed', closed_at = $1, stage = 6")
            .bind(at(minutes))
            .execute(conn)
            .await
            .unwrap();
    };
    close(&mut conn, 10).await;
    complaints::open(&mut conn, &new(1, id(1), 1, 60)).await.unwrap();
    assert!(complaint_desk::get(&mut conn, id(1)).await.unwrap().unwrap().case.closed, "the same sign again");
    let later = NewComplaint { step: id(2), ..new(2, id(1), 20, 90) };
    assert!(!complaints::open(&mut conn, &later).await.unwrap());
    let case = complaint_desk::get(&mut conn, id(1)).await.unwrap().unwrap().case;
    assert_eq!((case.closed, case.round, case.stage, case.due_at), (false, 2, 1, at(90)));
    close(&mut conn, 30).await;
    complaints::open(&mut conn, &later).await.unwrap();
    assert!(complaint_desk::get(&mut conn, id(1)).await.unwrap().unwrap().case.closed);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn lists_by_standing_cause_level_and_owner(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for (n, due) in [(1, 500), (2, 100), (3, 300)] {
        opened(&mut conn, n, due).await;
    }
    let (li, boss) = (actor("li", Rank::Agent), actor("boss", Rank::Manager));
    work(&mut conn, &doing(1, &li, &[step(StepKind::ListenAndRecord), valid()], 10), &mut random()).await.unwrap();
    let moved = [Act::Deadline { due_at: at(700), note: "parts".into() }];
    work(&mut conn, &doing(3, &boss, &moved, 11), &mut random()).await.unwrap();
    let now = at(400);
    let found = async |conn: &mut PgConnection, filter: Filter| {
        let list = complaint_desk::list(conn, &filter, now, 10, 0).await.unwrap();
        assert_eq!(complaint_desk::count(conn, &filter, now).await.unwrap(), list.len() as i64);
        for one in &list {
            assert!(filter.standing != Standing::Overdue || one.case.is_overdue(now), "the core says the same");
        }
        list.into_iter().map(|one| one.id).collect::<Vec<ComplaintId>>()
    };
    let base = Filter::default();
    assert_eq!(found(&mut conn, base.clone()).await, [id(2), id(1), id(3)], "by deadline");
    let overdue = Filter { standing: Standing::Overdue, ..base.clone() };
    assert_eq!(found(&mut conn, overdue).await, [id(2), id(3)], "3 was moved, but nobody has talked to the customer");
    for (filter, want) in [
        (Filter { cause: Some(Cause::SpareParts), ..base.clone() }, vec![id(1)]),
        (Filter { level: Some(Level::Ordinary), ..base.clone() }, vec![id(2), id(3)]),
        (Filter { nature: Some(Nature::Venting), ..base.clone() }, vec![]),
        (Filter { owner: Some("li".into()), ..base.clone() }, vec![id(1)]),
        (Filter { owner: Some(String::new()), ..base.clone() }, vec![id(2), id(3)]),
        (Filter { survey: Some("prospect".into()), ..base.clone() }, vec![]),
        (Filter { customer: Some(id(3)), ..base.clone() }, vec![id(3)]),
        (Filter { opened_from: Some(at(2)), opened_to: Some(at(3)), ..base.clone() }, vec![id(2)]),
        (Filter { standing: Standing::Untouched, ..base.clone() }, vec![id(2), id(3)]),
        (Filter { standing: Standing::Passed, ..base.clone() }, vec![]),
        (Filter { standing: Standing::Closed, ..base.clone() }, vec![]),
        (Filter { standing: Standing::All, ..base.clone() }, vec![id(3), id(2), id(1)]),
    ] {
        assert_eq!(found(&mut conn, filter.clone()).await, want, "{filter:?}");
    }
    let paged = complaint_desk::list(&mut conn, &base, now, 1, 1).await.unwrap();
    assert_eq!(paged.iter().map(|one| one.id).collect::<Vec<_>>(), [id::<ComplaintId>(1)]);
    let figures = complaint_desk::summary(&mut conn, now).await.unwrap();
    let want = complaint_desk::Summary { open: 3, overdue: 2, untouched: 2, serious: 1, unowned: 2, passed: 0 };
    assert_eq!(figures, want);
    assert_eq!(complaints::open_counts(&mut conn, now).await.unwrap(), (3, 2));
    assert_eq!(complaint_desk::owners(&mut conn).await.unwrap(), ["li"]);
    assert_eq!(complaint_desk::of_follow_up(&mut conn, id(2)).await.unwrap(), Some(id(2)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_hand_over_is_kept_until_it_is_accepted(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    opened(&mut conn, 1, 60).await;
    let (li, wu) = (actor("li", Rank::Agent), actor("wu", Rank::Agent));
    let passed =
        [valid(), step(StepKind::Analyse), Act::PassOn { department: "备件部".into(), note: "a new part".into() }];
    let (case, _) = work(&mut conn, &doing(1, &li, &passed, 5), &mut random()).await.unwrap();
    let stored = complaint_desk::get(&mut conn, id(1)).await.unwrap().unwrap();
    assert_eq!((&stored.case, stored.case.owner.as_deref()), (&case, Some("li")));
    assert_eq!(complaint_desk::departments(&mut conn).await.unwrap(), ["备件部"]);
    let (case, _) = work(&mut conn, &doing(1, &wu, &[Act::Accept(String::new())], 6), &mut random()).await.unwrap();
    assert_eq!((case.owner.as_deref(), case.department.as_deref(), case.passed), (Some("wu"), Some("备件部"), None));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_typed_is_kept_for_each_person_until_it_is_sent(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let complaint = opened(&mut conn, 1, 60).await;
    let typed = |text: &str| Fields::from([("note".to_owned(), text.to_owned())]);
    assert!(complaint_drafts::save(&mut conn, complaint, "li", "f1", &typed("he s"), at(1)).await.unwrap());
    assert!(complaint_drafts::save(&mut conn, complaint, "li", "f1", &typed("he says"), at(2)).await.unwrap());
    assert!(complaint_drafts::save(&mut conn, complaint, "wu", "f2", &typed("other"), at(2)).await.unwrap());
    assert!(!complaint_drafts::save(&mut conn, id(9), "li", "f1", &typed("x"), at(2)).await.unwrap());
    let draft = complaint_drafts::load(&mut conn, complaint, "li").await.unwrap().unwrap();
    assert!(draft.fields == typed("he says") && draft.saved_at == at(2));
    let li = actor("li", Rank::Agent);
    let acts = [step(StepKind::ListenAndRecord)];
    let sent = Doing { form: Some("f1"), ..doing(1, &li, &acts, 3) };
    work(&mut conn, &sent, &mut random()).await.unwrap();
    assert!(complaint_drafts::load(&mut conn, complaint, "li").await.unwrap().is_none());
    assert!(
        !complaint_drafts::save(&mut conn, complaint, "li", "f1", &typed("late"), at(4)).await.unwrap(),
        "it was sent"
    );
    assert!(complaint_drafts::load(&mut conn, complaint, "li").await.unwrap().is_none());
    assert!(complaint_drafts::save(&mut conn, complaint, "li", "f3", &typed("new"), at(5)).await.unwrap());
    assert!(complaint_drafts::load(&mut conn, complaint, "wu").await.unwrap().is_some());
}
