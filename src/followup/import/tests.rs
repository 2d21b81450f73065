//! Lists into the store: good rows load, bad ones come back, nothing twice.

use super::*;
use crate::db::queue::{self, LeaseRequest};
use crate::db::{figures, fixture};
use chrono::{Duration, NaiveDate, TimeZone};
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
    let calendar = Arc::new(Calendar::built_in().unwrap());
    ImportSettings { defaults, calendar, delay: Offset::hours(24), dry_run }
}

/// Imports a repair list.
async fn import(pool: &PgPool, list: &str, dry_run: bool) -> Result<(Summary, String), ImportError> {
    import_as(List::Repair, pool, list.as_bytes(), dry_run).await
}

/// Runs an import at 16 November, noon in Shanghai: the summary, and the rejects file.
async fn import_as(kind: List, pool: &PgPool, list: &[u8], dry_run: bool) -> Result<(Summary, String), ImportError> {
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
        kind,
        list,
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
    assert_eq!(lines.next(), Some("\u{feff}姓名,车型,维修日期,手机号,车牌,服务顾问,工号,line,reason"));
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
    assert_eq!(
        unpublished.to_string(),
        "survey aftersales_3day is not published, so the rows of this list cannot be owed it: publish it, or take its rule out of the calendar"
    );
    publish(&pool).await;
    assert!(matches!(import(&pool, "a,b\n1,2\n", false).await.unwrap_err(), ImportError::List(_)));
    let imports: i64 = sqlx::query_scalar("select count(*) from imports").fetch_one(&pool).await.unwrap();
    assert_eq!(imports, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_delivery_owes_its_survey_and_is_history_when_that_is_over(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, "sales_3day", "销售三日回访", "a = 1", fixture::at(0)).await.unwrap();
    let list = "姓名,手机号,销售顾问,交车日期,车型,车牌,生日,客户级别,客户来源,区域,客户归属,保险到期,年检到期,驾驶证到期\n\
        张三,13800138000,王顾问,2026-11-15,轿车,,1980-02-29,高价值客户,自然到店,南京,李专员,2027/11/14,2028-11-14,2030年1月1日\n\
        李四,13800138001,王顾问,2026-08-01,轿车,苏A12387,,,,,,,,\n\
        王五,13800138002,王顾问,2020-08-01,轿车,苏A12388,,,,,,,,\n\
        赵六,13800138003,王顾问,2026-11-15,轿车,苏A12389,2026-12-01,,,,,,,\n\
        孙七,13800138004,王顾问,2026-11-15,轿车,苏A12390,,富豪,,,,,,\n";
    let (summary, rejects) = import_as(List::Delivery, &pool, list.as_bytes(), false).await.unwrap();
    assert_eq!(summary.counts, Counts { read: 5, loaded: 2, known: 0, rejected: 3 });
    let reasons: Vec<&str> = rejects.lines().skip(1).map(|line| line.rsplit_once(",,").unwrap().1).collect();
    assert!(reasons[0].starts_with("4,交车日期 (delivery date): is too long ago"), "{reasons:?}");
    assert!(reasons[1].starts_with("5,生日 (birthday): lies in the future"), "{reasons:?}");
    assert!(reasons[2].contains("客户级别 (segment): is not a segment"), "{reasons:?}");

    let totals = figures::totals(&mut conn).await.unwrap();
    assert_eq!(
        (totals.customers, totals.follow_ups),
        (2, 1),
        "a car of August is owed no survey any more, but its touches"
    );
    let row: (String, String, String, String, NaiveDate, NaiveDate) = sqlx::query_as(
        "select segment, source, region, owner, birthday, licence_until from customers where name = '张三'",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let text = |text: &str| text.to_owned();
    let want =
        (text("high_value"), text("自然到店"), text("南京"), text("李专员"), day("1980-02-29"), day("2030-01-01"));
    assert_eq!(row, want);
    let car: (NaiveDate, NaiveDate, NaiveDate) =
        sqlx::query_as("select purchased_on, insurance_until, inspection_due from vehicles where plate = ''")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(car, (day("2026-11-15"), day("2027-11-14"), day("2028-11-14")));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_showroom_list_in_gb18030_loads(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, "prospect", "销售潜客回访", "a = 1", fixture::at(0)).await.unwrap();
    let list = "姓名,手机,销售顾问,到店时间\r\n张三,13800138000,王顾问,2026/11/15 14:30\r\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(list);
    let (summary, _) = import_as(List::Showroom, &pool, &bytes, false).await.unwrap();
    assert_eq!(summary.counts.loaded, 1);
    let row: (String, String, DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select c.name, e.kind, e.happened_at, f.deadline from service_events e join customers c on c.id = e.customer_id
         join follow_ups f on f.service_event_id = e.id",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let at = |day| Utc.with_ymd_and_hms(2026, 11, day, 6, 30, 0).single().unwrap();
    assert_eq!(row, ("张三".to_owned(), "visit".to_owned(), at(15), at(18)));
    let again = import_as(List::Showroom, &pool, list.as_bytes(), false).await.unwrap().0;
    assert_eq!(
        (again.counts.loaded, again.counts.known),
        (0, 1),
        "the same rows in another encoding are the same rows"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_customer_keeps_what_a_later_list_does_not_say(pool: PgPool) {
    publish(&pool).await;
    let first = "name,phone,date,plate,region,segment\n张三,13800138000,2026-11-14,苏A1,南京,ordinary\n";
    let second = "name,phone,date,plate,region,segment\n张三,13800138000,2026-11-15,苏A1,,high value\n";
    for list in [first, second] {
        assert_eq!(import(&pool, list, false).await.unwrap().0.counts.loaded, 1);
    }
    let kept: (String, String) =
        sqlx::query_as("select region, segment from customers").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, ("南京".to_owned(), "high_value".to_owned()));
}

fn hundred_thousand() -> String {
    let mut list = "name,phone,date,plate,model,advisor,staff number\n".to_owned();
    for n in 0..100_000 {
        let (high, low) = (n / 10_000, n % 10_000);
        list.push_str(&format!("客户{n},138{high:04}{low:04},2026-11-15,苏A{n:06},轿车,顾问{},{}\n", n % 20, n % 20));
    }
    list
}

/// The figure in docs/PERFORMANCE.md: `scripts/test-db cargo test --release --lib import_of_100_000_rows -- --ignored --nocapture`.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "a measurement"]
async fn import_of_100_000_rows(pool: PgPool) {
    publish(&pool).await;
    let list = hundred_thousand();
    for (what, dry_run) in [("dry run", true), ("import", false), ("the same again", false)] {
        let began = std::time::Instant::now();
        let summary = import(&pool, &list, dry_run).await.unwrap().0;
        eprintln!("{what}: {:.1} s, {:?}", began.elapsed().as_secs_f64(), summary.counts);
    }
}

/// The figure in docs/PERFORMANCE.md: `scripts/test-db cargo test --release --lib leasing_out_of_100_000 -- --ignored --nocapture`.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "a measurement"]
async fn leasing_out_of_100_000(pool: PgPool) {
    use crate::db::queue::{self, LeaseRequest};
    publish(&pool).await;
    import(&pool, &hundred_thousand(), false).await.unwrap();
    let due: chrono::DateTime<chrono::Utc> = "2026-11-17T04:00:00Z".parse().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    for (limit, times) in [(1, 500), (20, 200), (100, 50)] {
        let ttl = chrono::Duration::minutes(10);
        let request = LeaseRequest { node: "n", limit, ttl, now: due, survey: None, follow_up: None };
        let (began, mut leased) = (std::time::Instant::now(), 0);
        for _ in 0..times {
            leased += queue::lease(&mut conn, &request).await.unwrap().len();
        }
        let seconds = began.elapsed().as_secs_f64();
        eprintln!(
            "{limit} at a time: {leased} leases, {:.1} ms a statement, {:.0} a second",
            seconds * 1000.0 / f64::from(times),
            leased as f64 / seconds
        );
        assert_eq!(leased as i64, limit * i64::from(times));
    }
}
