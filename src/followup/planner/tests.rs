//! Planning: what the calendar owes, once, for whom it is meant.

use super::super::list::{CarDates, Profile};
use super::*;
use crate::db::fixture::{self, at, id, number};
use crate::db::imports::{self, NewRow};
use crate::db::state::{DoNotCallSource, EventKind, TaskState};
use crate::db::tasks::Wanted;
use crate::db::{figures, phones};
use crate::followup::calendar::rule::{Role, Segment};
use crate::phone::Pii;
use chrono::NaiveDate;

fn settings(dry_run: bool) -> PlanSettings {
    PlanSettings { calendar: Arc::new(Calendar::built_in().unwrap()), delay: Offset::hours(24), dry_run }
}

/// Plans from `at(0)` (18 November 2026, 10:00 in Shanghai) so many days ahead.
async fn plan(conn: &mut PgConnection, days: i64, dry_run: bool) -> Planned {
    run(conn, &settings(dry_run), at(0), at(days * 24 * 60), &mut rand::random::<[u8; 10]>).await.unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A car delivered on 17 November to customer `n`; owes nothing yet.
fn delivered(n: u16) -> NewRow {
    let row = fixture::row(n, &number(n), &format!("客户{n}"), &format!("苏A{n:05}"));
    NewRow { event: EventKind::Delivery, owed: Vec::new(), ..row }
}

fn by_rule(planned: &Planned) -> Vec<(&str, u64)> {
    planned.by_rule.iter().map(|(rule, count)| (rule.as_str(), *count)).collect()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn planning_twice_plans_nothing_twice(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    imports::load(&mut conn, "delivery_list", None, &[delivered(1), delivered(2)], at(0)).await.unwrap();
    let first = [("1dc", 2), ("3dc", 2), ("7dc", 2), ("30dc", 2)];
    let mut sorted = first;
    sorted.sort();

    let would = plan(&mut conn, 31, true).await;
    assert_eq!(by_rule(&would), sorted, "a dry run says what would be");
    assert_eq!(would.unpublished, ["prospect", "sales_3day", "aftersales_3day"]);
    assert_eq!(plan(&mut conn, 31, false).await, would);
    assert_eq!(plan(&mut conn, 31, false).await.total(), 0, "all is planned");

    surveys::publish_next(&mut conn, "sales_3day", "销售三日回访", "a = 1", at(0)).await.unwrap();
    assert_eq!(by_rule(&plan(&mut conn, 31, false).await), [("sales_3day", 2)]);
    assert_eq!(figures::totals(&mut conn).await.unwrap().follow_ups, 2);
    assert_eq!(by_rule(&plan(&mut conn, 70, false).await), [("monthly", 2)], "further ahead there is more");
    assert_eq!(plan(&mut conn, 70, false).await.total(), 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_who_plan_at_once_plan_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let rows: Vec<NewRow> = (1..=50).map(delivered).collect();
    imports::load(&mut conn, "delivery_list", None, &rows, at(0)).await.unwrap();
    let planning = || async { plan(&mut pool.acquire().await.unwrap(), 31, false).await.total() };
    let (one, two) = tokio::join!(planning(), planning());
    let tasks: i64 = sqlx::query_scalar("select count(*) from follow_up_tasks").fetch_one(&pool).await.unwrap();
    assert_eq!((one + two, tasks), (200, 200));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_customers_own_days_are_planned_for_whom_they_are_meant(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let row = |n, segment, birthday: &str| {
        let profile = Profile {
            segment,
            birthday: Some(Pii::new(day(birthday))),
            licence_end: Some(day("2027-01-10")),
            ..Profile::default()
        };
        let dates = CarDates {
            purchased: Some(day("2024-11-30")),
            insurance_end: Some(day("2026-12-18")),
            inspection_due: Some(day("2027-05-01")),
        };
        // A repair long ago, so that its event owes nothing.
        let old = NewRow { happened_on: day("2026-01-05"), event: EventKind::Repair, ..delivered(n) };
        NewRow { profile, dates, ..old }
    };
    let rows = [row(1, Some(Segment::HighValue), "1980-12-01"), row(2, None, "1990-02-28"), row(3, None, "1985-11-18")];
    imports::load(&mut conn, "repair_list", None, &rows, at(0)).await.unwrap();
    phones::block(&mut conn, &number(3), DoNotCallSource::Api, at(0)).await.unwrap();

    let planned = plan(&mut conn, 45, false).await;
    assert_eq!(
        by_rule(&planned),
        [("birthday", 1), ("insurance", 2), ("licence", 2), ("new_year", 1), ("purchase_anniversary", 2)],
        "nothing for who may not be called; holidays for high value only"
    );
    assert_eq!(plan(&mut conn, 45, false).await.total(), 0);

    // The insurance was renewed: the next end is another touch.
    sqlx::query("update vehicles set insurance_until = '2027-12-18' where plate = '苏A00001'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (from, to) = (at(365 * 24 * 60), at(390 * 24 * 60));
    let next_year = run(&mut conn, &settings(false), from, to, &mut rand::random::<[u8; 10]>).await.unwrap();
    assert_eq!(next_year.by_rule["insurance"], 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn tasks_are_their_owners_and_closed_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    imports::load(&mut conn, "delivery_list", None, &[delivered(1)], at(0)).await.unwrap();
    plan(&mut conn, 31, false).await;
    let wanted = |owner| Wanted { owner, until: at(31 * 24 * 60), limit: 100 };
    let all = tasks::open(&mut conn, &wanted(None)).await.unwrap();
    let keys: Vec<&str> = all.iter().map(|task| task.rule_key.as_str()).collect();
    assert_eq!(keys, ["1dc", "3dc", "7dc", "30dc"], "those due first in front");
    assert_eq!(all[0].number.as_ref().unwrap().0, number(1));
    let text = format!("{all:?}");
    assert!(!text.contains("客户") && !text.contains(number(1).as_str()) && !text.contains("苏A"), "{text}");

    let manager = tasks::open(&mut conn, &wanted(Some(Role::SalesManager))).await.unwrap();
    assert_eq!(manager.len(), 1);
    tasks::close(&mut conn, manager[0].id, TaskState::Done, Some("陈经理"), Some("很满意"), at(5)).await.unwrap();
    assert!(tasks::close(&mut conn, manager[0].id, TaskState::Skipped, None, None, at(6)).await.is_err());
    assert!(tasks::close(&mut conn, all[1].id, TaskState::Open, None, None, at(6)).await.is_err());
    assert!(tasks::close(&mut conn, id(77), TaskState::Done, None, None, at(6)).await.is_err());
    assert!(tasks::open(&mut conn, &wanted(Some(Role::SalesManager))).await.unwrap().is_empty());
    assert_eq!(plan(&mut conn, 31, false).await.total(), 0, "what is done is not planned again");
}

/// The figure in docs/PERFORMANCE.md: `scripts/test-db cargo test --release --lib planning_of_100_000 -- --ignored --nocapture`.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "a measurement"]
async fn planning_of_100_000_events(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, "sales_3day", "销售三日回访", "a = 1", at(0)).await.unwrap();
    sqlx::raw_sql(
        "insert into customers (id, name, language, time_zone, created_at)
             select gen_random_uuid(), '客户' || n, 'zh-CN', 'Asia/Shanghai', '2026-11-17' from generate_series(1, 100000) n;
         insert into phones (id, customer_id, number, created_at)
             select gen_random_uuid(), id, '+86138' || lpad((row_number() over ())::text, 8, '0'), '2026-11-17' from customers;
         insert into service_events (id, customer_id, kind, happened_on, source, source_key, created_at)
             select gen_random_uuid(), id, 'delivery', '2026-11-17', 'test', id::text, '2026-11-17' from customers;
         analyze;",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    for what in ["planning", "the same again"] {
        let began = std::time::Instant::now();
        let planned = plan(&mut conn, 31, false).await;
        let seconds = began.elapsed().as_secs_f64();
        eprintln!("{what}: {seconds:.1} s, {} touches of 100000 events: {:?}", planned.total(), planned.by_rule);
    }
}
