//! Reports over a month of made-up calls: every format says what SQL counts, charts are native and can be edited, and LibreOffice opens what was written.

use super::*;
use calamine::{Data, Reader, Xlsx};
use rpptx::Presentation;
use std::io::Cursor;
use std::process::Command;

/// The whole month of the scene.
const DAYS: &str = "from=2026-10-24&to=2026-11-23";

async fn month(pool: &PgPool) -> Router {
    month::fill(&mut pool.acquire().await.unwrap(), now(), 160).await;
    router(state(pool.clone(), None))
}

/// The bytes of a report in English.
async fn report(router: &Router, format: &str) -> Vec<u8> {
    let uri = format!("/api/v1/reports/monthly?{DAYS}&format={format}&lang=en");
    let request = Request::get(uri).header("host", "127.0.0.1").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let name = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
    assert_eq!(name, format!("attachment; filename=\"huifang-monthly-2026-10-24.{format}\""));
    to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

/// A figure of after-sales: n, mean, favourable of Q2.
async fn q2(pool: &PgPool) -> (i64, f64, f64) {
    sqlx::query_as(
        "select count(*), avg(score)::float8, (count(*) filter (where score in (8, 12)))::float8 / count(*) from answers
         where survey_key = 'aftersales_3day' and question = 'q2'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_format_says_what_sql_counts(pool: PgPool) {
    let router = month(&pool).await;
    let (n, mean, share) = q2(&pool).await;
    let complete: i64 =
        sqlx::query_scalar("select count(*) from follow_ups where final_aapor = '1.1'").fetch_one(&pool).await.unwrap();

    let json: Value = serde_json::from_slice(&report(&router, "json").await).unwrap();
    let section =
        |key: &str| json["sections"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    let total = section("summary")["tables"][0]["rows"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&total[0], &total[1], total[2].as_i64()), (&"Total".into(), &160.into(), Some(complete)));
    let parts: u64 = (2..8).map(|column| total[column].as_u64().unwrap()).sum();
    assert_eq!(parts, 160, "the parts are the whole: {total}");
    let row = section("satisfaction_aftersales_3day")["tables"][0]["rows"][1].clone();
    assert_eq!((row[0].as_str(), row[1].as_i64()), (Some("Q2 Booking"), Some(n)));
    assert!((row[2].as_f64().unwrap() - mean).abs() < 1e-9 && (row[3].as_f64().unwrap() - share).abs() < 1e-9, "{row}");

    let mut book = Xlsx::new(Cursor::new(report(&router, "xlsx").await)).unwrap();
    let range = book.worksheet_range("Satisfaction · After-sales, ").unwrap();
    let cells = range.rows().find(|row| row[0] == Data::String("Q2 Booking".to_owned())).unwrap();
    assert_eq!(
        (&cells[1], &cells[2], &cells[3]),
        (&Data::Float(n as f64), &Data::Float(mean), &Data::Float(share)),
        "typed"
    );

    let csv = String::from_utf8(report(&router, "csv").await).unwrap();
    assert!(csv.contains(&format!("\r\nQ2 Booking,{n},{mean:.4},{share:.4},")), "{csv}");
    assert_eq!(csv.matches('\u{feff}').count(), 1);
    let page = String::from_utf8(report(&router, "html").await).unwrap();
    assert!(page.contains(&format!("<td class=\"num\">{mean:.2}</td>")) && !page.contains("<script"));
    for text in [&csv, &page] {
        assert!(!text.contains("先生") && !text.contains("138001"), "no customer stands in a report");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_deck_has_native_charts_and_libreoffice_opens_it(pool: PgPool) {
    let router = month(&pool).await;
    let (deck, book) = (report(&router, "pptx").await, report(&router, "xlsx").await);
    let read = Presentation::from_bytes(&deck).unwrap();
    let slides = read.len();
    let package = rpptx::OpcPackage::from_reader(Cursor::new(&deck)).unwrap();
    let charts = package.parts.keys().filter(|name| name.starts_with("/ppt/charts/chart")).count();
    let books = package.parts.keys().filter(|name| name.starts_with("/ppt/embeddings/")).count();
    assert_eq!((charts, books), (7, 7), "one of completion, two of each survey, each with its figures inside");
    let xml: Vec<_> = package.parts.values().map(|part| String::from_utf8_lossy(part)).collect();
    let lines: Vec<_> = xml.iter().filter(|xml| xml.contains("<c:lineChart>")).collect();
    assert!(lines.iter().all(|xml| xml.contains("<c:smooth val=\"0\"/></c:ser>")), "from point to point");
    let whole = lines.iter().filter(|xml| xml.contains("<c:max val=\"12\"/><c:min val=\"-4\"/></c:scaling>"));
    assert_eq!((lines.len(), whole.count()), (3, 1), "the axis of after-sales is its scale");

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("deck.pptx"), deck).unwrap();
    std::fs::write(file("book.xlsx"), book).unwrap();
    let profile = format!("-env:UserInstallation=file://{}", file("profile").display());
    let opened = Command::new("soffice")
        .args([&profile, "--headless", "--convert-to", "pdf", "--outdir"])
        .args([folder.path(), &file("deck.pptx"), &file("book.xlsx")])
        .output()
        .expect("LibreOffice is installed (scripts/test sees to it)");
    assert!(opened.status.success() && file("book.pdf").exists(), "{}", String::from_utf8_lossy(&opened.stderr));
    let shown = Command::new("pdftotext")
        .args(["-layout".as_ref(), file("deck.pdf").as_os_str(), "-".as_ref()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&shown.stdout);
    assert_eq!(text.matches('\u{c}').count(), slides, "a page for each slide");
    let (n, mean, _) = q2(&pool).await;
    let row = text.lines().find(|line| line.contains("Q2 Booking") && line.contains('%')).unwrap();
    assert!(row.contains(&n.to_string()) && row.contains(&format!("{mean:.2}")), "{row}");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_cannot_be_made_is_said(pool: PgPool) {
    let router = router(state(pool, None));
    for (uri, status) in [
        ("/api/v1/reports/yearly", StatusCode::NOT_FOUND),
        ("/api/v1/reports/weekly?format=doc", StatusCode::BAD_REQUEST),
        ("/api/v1/reports/weekly?from=2026-11-02&to=2026-11-01", StatusCode::BAD_REQUEST),
        ("/reports/weekly?since=2026-11-02", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(get(&router, uri).await.status, status, "{uri}");
    }
    let empty = get(&router, "/api/v1/reports/weekly?format=json&lang=en").await.json();
    assert_eq!((&empty["from"], &empty["to"]), (&"2026-11-16".into(), &"2026-11-22".into()));
    assert_eq!(empty["sections"][0]["headlines"][1]["value"], "nothing counted yet", "no rate of nothing");
    let page = get(&router, "/reports?lang=zh").await;
    assert!(page.body.contains("客户回访周报") && page.body.contains("2026-11-16"), "{}", page.body);
}
