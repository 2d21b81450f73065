//! Phones that come, move and go.

use super::*;
use crate::db::agent_sessions::{current, tests::state};
use crate::db::agents::tests::{added, profile};
use crate::db::agents::{self};
use crate::db::fixture::{at, id};
use crate::db::state::{AgentState, Reach};
use sqlx::PgPool;

pub(crate) fn phone(n: u16, host: &str, call_id: &str, minutes: i64) -> Binding {
    Binding {
        sip_user: format!("agent{n}"),
        contact: format!("sip:agent{n}@{host}"),
        source: host.to_owned(),
        node: "a".to_owned(),
        call_id: call_id.to_owned(),
        cseq: 1,
        user_agent: None,
        bound_at: at(minutes),
        expires_at: at(minutes + 10),
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_first_phone_puts_on_duty_and_the_last_one_takes_off(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Registered).await;
    let (desk, soft) = (phone(1, "192.0.2.1:5060", "x", 0), phone(1, "192.0.2.2:5060", "y", 1));
    assert!(bind(&mut conn, &desk).await.unwrap());
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
    assert!(bind(&mut conn, &soft).await.unwrap());
    assert!(!bind(&mut conn, &Binding { cseq: 2, ..phone(1, "192.0.2.1:5060", "x", 5) }).await.unwrap(), "a refresh");
    assert_eq!(live_until(&mut conn, "agent1", at(5)).await.unwrap(), Some(at(15)));
    assert_eq!(live(&mut conn, "agent1", at(5)).await.unwrap().len(), 2);
    unbind(&mut conn, "agent1", &desk.contact, "a", at(6)).await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
    unbind(&mut conn, "agent1", &soft.contact, "b", at(6)).await.unwrap();
    assert_eq!(
        live(&mut conn, "agent1", at(6)).await.unwrap(),
        std::slice::from_ref(&soft),
        "another engine's news of an old binding"
    );
    unbind(&mut conn, "agent1", &soft.contact, "a", at(6)).await.unwrap();
    assert_eq!(current(&mut conn, agent).await.unwrap(), None);
    let why: Vec<String> =
        sqlx::query_scalar("select why from agent_events order by id").fetch_all(&mut *conn).await.unwrap();
    assert_eq!(why, ["on_duty", "gone"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_phone_that_is_started_again_ends_a_break_and_a_refresh_does_not(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Registered).await;
    bind(&mut conn, &phone(1, "192.0.2.1:5060", "x", 0)).await.unwrap();
    agent_sessions::wish(&mut conn, agent, Wish::Break, at(1), at(1)).await.unwrap();
    bind(&mut conn, &phone(1, "192.0.2.1:5060", "x", 2)).await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Break));
    bind(&mut conn, &phone(1, "192.0.2.1:5060", "new", 3)).await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_has_a_page_says_there_that_they_are_on_duty(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Browser).await;
    let user = agents::get(&mut conn, agent).await.unwrap().user();
    let with_phone = agents::Profile { user, ..profile(1, Reach::Registered) };
    agents::update(&mut conn, agent, &with_phone, Some(&agents::tests::password("a"))).await.unwrap();
    let refused = agent_sessions::wish(&mut conn, agent, Wish::Available, at(0), at(9)).await.unwrap_err();
    assert_eq!(refused.to_string(), "the agent has no page open and no phone registered");
    bind(&mut conn, &phone(1, "192.0.2.1:5060", "x", 0)).await.unwrap();
    assert_eq!(state(&mut conn, agent).await, None);
    agent_sessions::wish(&mut conn, agent, Wish::Available, at(0), at(9)).await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
    // The page says nothing about the phone.
    assert!(agent_sessions::present(&mut conn, agent, at(60)).await.unwrap());
    let idle = |minutes| {
        let pool = pool.clone();
        async move { agent_sessions::idle(&mut pool.acquire().await.unwrap(), at(minutes)).await.unwrap().len() }
    };
    assert_eq!((idle(9).await, idle(10).await), (1, 0));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn phones_of_nobody_are_kept_and_expire(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    added(&mut conn, 1, Reach::Uri).await;
    assert!(bind(&mut conn, &phone(1, "192.0.2.1:5060", "x", 0)).await.unwrap());
    assert_eq!(state(&mut conn, id(1)).await, None);
    assert_eq!(live_until(&mut conn, "agent1", at(10)).await.unwrap(), None);
    forget_expired(&mut conn, at(10)).await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from agent_bindings").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(left, 0);
}
