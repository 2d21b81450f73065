//! What is told of, to whom, and that each row is one engine's at a time.

use super::*;
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::call_backs::{self, NewCallBack};
use crate::db::fixture::{self, at, id};
use crate::db::queue;
use crate::db::transfers::{self, NewTransfer};
use crate::ids::AttemptId;
use serde_json::json;
use sqlx::PgPool;

fn webhook(name: &str, events: &[OutboxEvent]) -> Target {
    Target { name: name.to_owned(), kind: OutboxTarget::Webhook, events: events.to_vec() }
}

fn sms() -> Target {
    Target { name: "sms".to_owned(), kind: OutboxTarget::Sms, events: vec![OutboxEvent::Sms] }
}

/// Ends an attempt that was sent.
async fn end(conn: &mut PgConnection, attempt: AttemptId, minutes: i64, disposition: &str, next: Next) {
    attempts::mark_sent(conn, attempt, at(minutes)).await.unwrap();
    let end = AttemptEnd {
        attempt,
        ended_at: at(minutes),
        sip_status: None,
        disposition: disposition.to_owned(),
        aapor: Some("1.1".to_owned()),
        blame: None,
        retry_allowed: false,
        detail: None,
        next,
    };
    attempts::end(conn, &end).await.unwrap();
}

async fn told(conn: &mut PgConnection) -> Vec<(String, OutboxEvent)> {
    let all = list(conn, &Filter { limit: 100, ..Filter::default() }).await.unwrap();
    let mut told: Vec<_> = all.into_iter().map(|message| (message.target, message.event)).collect();
    told.sort();
    told
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_happened_is_queued_for_whoever_wants_to_know(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    let all = [OutboxEvent::Completed, OutboxEvent::Closed, OutboxEvent::CallBack, OutboxEvent::Transfer];
    set_targets(&mut conn, &[webhook("dms", &all), webhook("crm", &[OutboxEvent::Closed]), sms()], at(0))
        .await
        .unwrap();
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    let new = NewCallBack { id: id(1), attempt, call_at: at(120), booked_at: at(1) };
    call_backs::book(&mut conn, &new).await.unwrap();
    call_backs::book(&mut conn, &NewCallBack { id: id(2), ..new }).await.unwrap();
    let nobody = NewTransfer { id: id(1), attempt, agent: None, mode: None, node: "a", at: at(1) };
    transfers::begin(&mut conn, &nobody).await.unwrap();
    end(&mut conn, attempt, 2, "complete", Next::Done).await;
    let dms = |event| ("dms".to_owned(), event);
    assert_eq!(
        told(&mut conn).await,
        [dms(OutboxEvent::Completed), dms(OutboxEvent::CallBack), dms(OutboxEvent::Transfer)]
    );
    let newest = list(&mut conn, &Filter { limit: 1, ..Filter::default() }).await.unwrap().remove(0);
    let wanted = json!({
        "follow_up": owed.follow_up, "survey": "aftersales_3day", "survey_version": 1, "disposition": "complete", "aapor": "1.1", "attempts": 1,
        "closed_at": "2026-11-18T02:02:00.000Z"
    });
    assert_eq!((newest.payload, newest.happened_at, newest.id.get_version_num()), (wanted, at(2), 7));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn with_nobody_to_tell_nothing_is_queued(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    set_targets(&mut conn, &[webhook("dms", &[OutboxEvent::Completed])], at(0)).await.unwrap();
    set_targets(&mut conn, &[], at(0)).await.unwrap();
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    end(&mut conn, attempt, 2, "complete", Next::Done).await;
    assert_eq!(told(&mut conn).await, []);
    assert!(!put_text(&mut conn, owed.follow_up, at(3)).await.unwrap());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_was_busy_each_time_gets_a_text_and_nobody_else(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    set_targets(&mut conn, &[sms()], at(0)).await.unwrap();
    let not_reached = || Next::NotReached { reason: "no attempt is left".to_owned() };
    for (n, dispositions) in [(1, ["busy", "busy"]), (2, ["no_answer", "busy"])] {
        let owed = fixture::owed(&mut conn, n).await;
        let first = fixture::begun(&mut conn, "a", owed.follow_up, n * 10, 0).await;
        end(&mut conn, first, 1, dispositions[0], Next::Retry { at: at(2) }).await;
        let second = fixture::begun(&mut conn, "a", owed.follow_up, n * 10 + 1, 3).await;
        end(&mut conn, second, 4, dispositions[1], not_reached()).await;
    }
    let never_tried = fixture::owed(&mut conn, 3).await;
    queue::expire_overdue(&mut conn, at(3 * 24 * 60), 100).await.unwrap();
    let all = list(&mut conn, &Filter { limit: 100, ..Filter::default() }).await.unwrap();
    let to: Vec<_> = all.iter().map(|message| message.follow_up_id).collect();
    assert_eq!(to, [Some(id::<FollowUpId>(1).0)]);
    let addressee = addressee(&mut conn, id::<FollowUpId>(1).0).await.unwrap();
    assert_eq!((addressee.name.as_str(), addressee.model.as_str(), addressee.blocked), ("客户1", "轿车", false));
    assert_eq!(addressee.number, fixture::number(1).as_str());
    assert!(!put_text(&mut conn, id(1), at(5)).await.unwrap(), "one text a follow-up");
    assert!(put_text(&mut conn, never_tried.follow_up, at(5)).await.unwrap());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_row_is_one_engines_until_its_lease_is_over(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    set_targets(&mut conn, &[webhook("dms", &[OutboxEvent::Report]), sms()], at(0)).await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    report_made(&mut conn, &json!({}), at(0)).await.unwrap();
    put_text(&mut conn, owed.follow_up, at(0)).await.unwrap();
    let names = ["dms".to_owned(), "sms".to_owned()];
    let minute = TimeDelta::minutes(1);
    let first = take(&mut conn, &names, at(0), minute, 10).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(take(&mut conn, &names, at(0), minute, 10).await.unwrap().len(), 0);
    // the engine dies: the webhook is sent again under the same id, the text is nobody's guess
    assert_eq!(give_up_lost_texts(&mut conn, at(2)).await.unwrap(), 1);
    let second = take(&mut conn, &names, at(2), minute, 10).await.unwrap();
    let webhook = first.iter().find(|taken| taken.target == "dms").unwrap();
    assert_eq!(second.iter().map(|taken| (taken.id, taken.tries)).collect::<Vec<_>>(), [(webhook.id, 2)]);
    // what the first says now comes too late
    settle(&mut conn, webhook, Fate::Failed, None, None, at(2)).await.unwrap();
    settle(&mut conn, &second[0], Fate::Sent, Some(200), None, at(2)).await.unwrap();
    let states = |counts: Vec<Count>| counts.into_iter().map(|count| (count.target, count.state)).collect::<Vec<_>>();
    let wanted = [("dms".to_owned(), OutboxState::Sent), ("sms".to_owned(), OutboxState::Unknown)];
    assert_eq!(states(counts(&mut conn).await.unwrap()), wanted);
    assert_eq!(replay_failed(&mut conn, None, at(3)).await.unwrap(), 0, "an unknown text is decided about on its own");
    assert!(replay(&mut conn, webhook.id, at(3)).await.unwrap());
    assert_eq!(take(&mut conn, &names, at(3), minute, 10).await.unwrap()[0].tries, 1);
    assert!(!replay(&mut conn, webhook.id, at(3)).await.unwrap(), "it is on its way");
    assert_eq!(sweep(&mut conn, at(9), 10).await.unwrap(), 0, "only what was sent goes");
}
