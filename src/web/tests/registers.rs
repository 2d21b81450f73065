//! Registers over a month of made-up calls: a row for each follow-up, each answer as SQL has it, typed cells; masked unless somebody may see people and asks.

use super::*;
use calamine::{Data, DataType, Range, Reader, Xlsx};
use std::io::Cursor;
use std::process::Command;

const DAYS: &str = "from=2026-10-24&to=2026-11-23";

async fn file(router: &Router, path: &str) -> Vec<u8> {
    let request = Request::get(path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

fn sheet(bytes: &[u8]) -> Range<Data> {
    Xlsx::new(Cursor::new(bytes)).unwrap().worksheet_range_at(0).unwrap().unwrap()
}

fn column(range: &Range<Data>, title: &str) -> usize {
    let titles = range.rows().next().unwrap();
    titles.iter().position(|cell| *cell == Data::String(title.to_owned())).unwrap_or_else(|| panic!("{titles:?}"))
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_register_has_each_follow_up_with_each_answer(pool: PgPool) {
    month::fill(&mut pool.acquire().await.unwrap(), now(), 160).await;
    let router = router(state(pool.clone(), None));
    let bytes = file(&router, &format!("/api/v1/registers/aftersales_3day?{DAYS}&lang=en")).await;
    let range = sheet(&bytes);
    let follow_ups: i64 = sqlx::query_scalar("select count(*) from follow_ups where survey_key = 'aftersales_3day'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(follow_ups > 20);
    assert_eq!(range.height() as i64, follow_ups + 1, "a row for each");
    let (n, sum): (i64, i64) = sqlx::query_as(
        "select count(*), sum(score) from answers where survey_key = 'aftersales_3day' and question = 'q2'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let q2 = column(&range, "Q2 Booking");
    let scores: Vec<f64> = range.rows().skip(1).filter_map(|row| row[q2].get_float()).collect();
    assert_eq!((scores.len() as i64, scores.iter().sum::<f64>() as i64), (n, sum), "numbers, as SQL counts them");
    let day = column(&range, "Date");
    assert!(range.rows().skip(1).all(|row| matches!(row[day], Data::DateTime(_))), "days are days");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("register.xlsx"), &bytes).unwrap();
    let profile = format!("-env:UserInstallation=file://{}", folder.path().join("profile").display());
    let opened = Command::new("soffice")
        .args([&profile, "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1", "--outdir"])
        .args([folder.path(), &folder.path().join("register.xlsx")])
        .output()
        .expect("LibreOffice is installed (scripts/test sees to it)");
    let text = std::fs::read_to_string(folder.path().join("register.csv"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&opened.stderr)));
    assert_eq!(text.lines().count() as i64, follow_ups + 1, "LibreOffice reads as many");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_tracking_table_has_touches_of_surveys_and_of_people(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    month::fill(&mut conn, now(), 160).await;
    sqlx::query(
        "insert into follow_up_tasks (id, customer_id, rule_key, subject_id, occurrence, owner_role, purpose, due_at, deadline, created_at)
         select gen_random_uuid(), id, '7dc', id, '0', 'advisor', 'care', $1, $1 + interval '1 day', $1 from customers order by id limit 3",
    )
    .bind(now())
    .execute(&mut *conn)
    .await
    .unwrap();
    let router = router(state(pool.clone(), None));
    let range = sheet(&file(&router, &format!("/registers/tracking?{DAYS}&lang=zh")).await);
    let touches: i64 =
        sqlx::query_scalar("select (select count(*) from follow_ups) + (select count(*) from follow_up_tasks)")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(range.height() as i64, touches + 1);
    let touch = column(&range, "回访");
    assert_eq!(range.rows().filter(|row| row[touch] == Data::String("7dc".into())).count(), 3);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nobody_is_in_clear_unasked_and_every_file_is_kept_in_the_log(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    month::fill(&mut conn, now(), 40).await;
    let names: Vec<String> = sqlx::query_scalar("select name from customers union select number from phones")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let watcher = person(&state, 1, UserRole::ReadOnly).await;
    let manager = person(&state, 2, UserRole::Manager).await;
    for what in ["aftersales_3day", "tracking"] {
        let path = format!("/api/v1/registers/{what}?{DAYS}&format=csv");
        let clear = format!("{path}&unmasked=true");
        let masked = get_with(&router, &path, &[("cookie", &watcher.cookie)]).await;
        assert_eq!(masked.status, StatusCode::OK);
        assert!(!names.iter().any(|name| masked.body.contains(name.as_str())), "{what}");
        assert_eq!(get_with(&router, &clear, &[("cookie", &watcher.cookie)]).await.status, StatusCode::FORBIDDEN);
        let told = get_with(&router, &clear, &[("cookie", &manager.cookie)]).await;
        assert!(names.iter().any(|name| told.body.contains(name.as_str())), "{what}");
    }
    let kept: Vec<(Option<uuid::Uuid>, serde_json::Value)> =
        sqlx::query_as("select user_id, detail from audit_log where action = 'register.export' order by seq")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let unmasked =
        kept.iter().filter(|(user, detail)| *user == Some(manager.id.0) && detail["unmasked"] == true).count();
    assert_eq!((kept.len(), unmasked), (4, 2));
    let unknown = get_with(&router, "/api/v1/registers/nothing", &[("cookie", &manager.cookie)]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.json()["detail"].as_str().unwrap().contains("aftersales_3day"));
}
