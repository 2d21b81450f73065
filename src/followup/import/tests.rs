//! Lists into the store: good rows load, bad ones come back, nothing twice.

use super::*;
use crate::db::queue::{self, LeaseRequest};
use crate::db::{figures, fixture};
use chrono::TimeZone;
use sqlx::PgPool;

const LIST: &str = "姓名,车型,维修日期,手机号,车牌,服务顾问,工号\n\
    张三,轿车,2026-11-14,13800138000,苏A12386,王顾问,1024\n\
    李四,轿车,2026-11-14,13800138001,苏A12387,王顾问,1024\n\
    坏,轿车,昨天,13800138002,苏A12388,王顾问,1024\n\
    早,轿车,2026-11-01,13800138003,苏A12389,王顾问,1024\n\
    张三,轿车,2026-11-14,13800138000,苏A·12386,王顾问,1024\n";

fn settings(dry_run: bool) -> ImportSettings {
    let defaults = Defaults {
        country: "CN".to_owned(),
        language: "zh-CN".to_owned(),
        languages: vec!["zh-CN".to_owned()],
        zone: chrono_tz::Asia::Shanghai,
    };
    ImportSettings { defaults, survey: fixture::SURVEY.to_owned(), delay: Duration::days(1), dry_run }
}

/// Runs an import at 16 November, noon in Shanghai: the summary, and the rejects file.
async fn import(pool: &PgPool, list: &str, dry_run: bool) -> Result<(Summary, String), ImportError> {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 16, 4, 0, 0).single().unwrap());
    let mut seed = sqlx::query_scalar::<_, i64>("select count(*) from customers").fetch_one(pool).await.unwrap() as u32;
    let mut random = || {
        seed += 1;
        let [a, b, c, d] = seed.to_be_bytes();
        [0, 0, 0, 0, 0, 7, a, b, c, d]
    };
    let (mut output, mut reported) = (Vec::new(), Vec::new());
    let mut conn = pool.acquire().await.unwrap();
    let summary = run(
        &mut conn,
        list.as_bytes(),
        "list.csv",
        Rejects::new(&mut output),
        &settings(dry_run),
        &clock,
        &mut random,
        |reject| reported.push(reject.to_string()),
        |_| {},
    )
    .await?;
    assert_eq!(reported.len() as u64, summary.counts.rejected);
    Ok((summary, String::from_utf8(output).unwrap()))
}

async fn publish(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, fixture::SURVEY, "售后三日回访", "a = 1", fixture::at(0)).await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn good_rows_load_and_bad_ones_come_back(pool: PgPool) {
    publish(&pool).await;
    let counts = Counts { read: 5, loaded: 2, known: 1, rejected: 2 };
    assert_eq!(import(&pool, LIST, true).await.unwrap().0.counts, counts, "a dry run says what would be");
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(figures::totals(&mut conn).await.unwrap().customers, 0);

    let (summary, rejects) = import(&pool, LIST, false).await.unwrap();
    assert_eq!(summary, Summary { counts, blocked: 0 });
    let mut lines = rejects.lines();
    assert_eq!(lines.next(), Some("姓名,车型,维修日期,手机号,车牌,服务顾问,工号,line,reason"));
    assert!(lines.next().unwrap().starts_with("坏,轿车,昨天,13800138002,苏A12388,王顾问,1024,4,"), "{rejects}");
    assert!(lines.next().unwrap().starts_with("早,轿车,2026-11-01,13800138003,苏A12389,王顾问,1024,5,"), "{rejects}");

    let again = import(&pool, LIST, false).await.unwrap().0;
    assert_eq!(again.counts, Counts { read: 5, loaded: 0, known: 3, rejected: 2 });
    assert_eq!(figures::totals(&mut conn).await.unwrap().follow_ups, 2);

    let now = Utc.with_ymd_and_hms(2026, 11, 16, 4, 0, 0).single().unwrap();
    let request = LeaseRequest { node: "a", limit: 9, ttl: Duration::minutes(1), now, survey: None, follow_up: None };
    let leased = queue::lease(&mut conn, &request).await.unwrap();
    assert_eq!(leased.len(), 2);
    assert_eq!(
        leased[0].deadline,
        Utc.with_ymd_and_hms(2026, 11, 17, 16, 0, 0).single().unwrap(),
        "the end of the third day"
    );
    let ended: i64 = sqlx::query_scalar("select count(*) from imports where ended_at is not null")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(ended, 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_list_of_many_batches_loads_whole(pool: PgPool) {
    publish(&pool).await;
    let mut list = "name,phone,date,plate,advisor\n".to_owned();
    for n in 0..2500 {
        list.push_str(&format!("客户{n},1380013{n:04},2026-11-15,苏A{n:05},顾问{}\n", n % 7));
    }
    let (summary, rejects) = import(&pool, &list, false).await.unwrap();
    assert_eq!((summary.counts.loaded, summary.counts.rejected, rejects.as_str()), (2500, 0, ""));
    let advisors: i64 = sqlx::query_scalar("select count(*) from advisors").fetch_one(&pool).await.unwrap();
    assert_eq!(advisors, 7);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_no_list_or_names_no_survey_writes_nothing(pool: PgPool) {
    let unpublished = import(&pool, LIST, false).await.unwrap_err();
    assert_eq!(unpublished.to_string(), "survey aftersales_3day is not published: rows cannot be owed it");
    publish(&pool).await;
    assert!(matches!(import(&pool, "a,b\n1,2\n", false).await.unwrap_err(), ImportError::List(_)));
    let imports: i64 = sqlx::query_scalar("select count(*) from imports").fetch_one(&pool).await.unwrap();
    assert_eq!(imports, 0);
}
