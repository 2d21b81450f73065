//! Loading lists: once, and never one person as two customers.

use super::*;
use crate::db::fixture::{at, id, number};
use crate::db::state::DoNotCallSource;
use crate::db::{figures, follow_ups, phones, surveys};
use sqlx::PgPool;

fn row(n: u16, who: u16, plate: &str) -> NewRow {
    crate::db::fixture::row(n, &number(who), &format!("客户{who}"), plate)
}

async fn prepared(pool: &PgPool) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, crate::db::fixture::SURVEY, "售后三日回访", "a = 1", at(0)).await.unwrap();
    conn
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn loading_twice_creates_nothing_twice(pool: PgPool) {
    let mut conn = prepared(&pool).await;
    begin(&mut conn, id(1), ListKind::Repair, "repairs.csv", at(0)).await.unwrap();
    // Two cars of one customer, another customer, and the first row once more.
    let rows = [row(1, 1, "苏A1"), row(2, 1, "苏A2"), row(3, 2, "苏B1"), row(4, 1, "苏A1")];
    let loaded = load(&mut conn, "repair_list", Some(id(1)), &rows, at(0)).await.unwrap();
    assert_eq!(loaded.follow_ups, [Some(id(1)), Some(id(2)), Some(id(3)), None]);
    let before = figures::totals(&mut conn).await.unwrap();
    assert_eq!((before.customers, before.follow_ups), (2, 3));

    let again = [row(11, 1, "苏A1"), row(12, 1, "苏A2"), row(13, 2, "苏B1"), row(14, 2, "苏B2")];
    assert_eq!(known(&mut conn, "repair_list", &again).await.unwrap(), [true, true, true, false]);
    let loaded = load(&mut conn, "repair_list", Some(id(1)), &again, at(0)).await.unwrap();
    assert_eq!(loaded.follow_ups, [None, None, None, Some(id(14))]);
    let after = figures::totals(&mut conn).await.unwrap();
    assert_eq!((after.customers, after.follow_ups), (2, 4));
    let counts = Counts { read: 4, loaded: 1, known: 3, rejected: 0 };
    finish(&mut conn, id(1), counts, at(1)).await.unwrap();
    assert!(finish(&mut conn, id(1), counts, at(1)).await.is_err(), "it has ended");
    let tables: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from phones), (select count(*) from vehicles), (select count(*) from advisors)",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(tables, (2, 4, 1));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_blocked_number_is_never_due(pool: PgPool) {
    let mut conn = prepared(&pool).await;
    phones::block(&mut conn, &number(1), DoNotCallSource::Api, at(0)).await.unwrap();
    let loaded = load(&mut conn, "repair_list", None, &[row(1, 1, "苏A1"), row(2, 2, "")], at(0)).await.unwrap();
    assert_eq!(loaded.blocked, 1);
    let closed = follow_ups::get(&mut conn, id(1)).await.unwrap();
    assert_eq!(closed.final_disposition.as_deref(), Some("do_not_call"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_imports_at_once_make_one_customer(pool: PgPool) {
    drop(prepared(&pool).await);
    let one = async {
        load(&mut pool.acquire().await.unwrap(), "repair_list", None, &[row(1, 1, "苏A1")], at(0)).await.unwrap()
    };
    let two = async {
        load(&mut pool.acquire().await.unwrap(), "repair_list", None, &[row(2, 1, "苏A1")], at(0)).await.unwrap()
    };
    let (one, two) = tokio::join!(one, two);
    assert_eq!(one.follow_ups.iter().chain(&two.follow_ups).flatten().count(), 1);
}
