//! The complaint desk as a client and a browser use it: lists, acts by role, drafts, exports, and the pages in a real Chromium.

use super::pages::well_formed;
use super::*;
use crate::db::{audit, complaint_desk, complaint_drafts};
use crate::ids::ComplaintId;
use crate::web::serve;
use calamine::{Data, Reader, Xlsx};
use serde_json::json;

const NOTE: &str = "客户要求解释价格";

fn id(n: u16) -> String {
    fixture::id::<ComplaintId>(n).to_string()
}

/// A morning with the complaints 4, 7 and 18, an agent and a manager.
struct Desk {
    router: Router,
    agent: Person,
    manager: Person,
}

async fn desk(pool: &PgPool) -> Desk {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), Some("token"));
    let (agent, manager) = (person(&state, 1, UserRole::Agent).await, person(&state, 2, UserRole::Manager).await);
    Desk { router: router(state), agent, manager }
}

impl Desk {
    async fn get(&self, by: &Person, path: &str) -> Answer {
        get_with(&self.router, path, &[("cookie", &by.cookie)]).await
    }

    async fn act(&self, by: &Person, n: u16, body: Value) -> Answer {
        let request = Request::post(format!("/api/v1/complaints/{}/acts", id(n)))
            .header(header::HOST, "localhost:8080")
            .header(header::CONTENT_TYPE, "application/json")
            .header("cookie", &by.cookie)
            .header("x-csrf", &by.csrf);
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn form(&self, by: &Person, path: &str, script: bool, form: &str) -> Answer {
        let form = format!("{form}&csrf={}", by.csrf);
        let mut headers = vec![("cookie", by.cookie.as_str())];
        if script {
            headers.push(("hx-request", "true"));
        }
        post_form(&self.router, path, &headers, &form).await
    }
}

fn classify() -> Value {
    json!({ "act": "classify", "nature": "valid", "cause": "price", "level": "ordinary", "root_cause": "staff_explanation" })
}

fn step(step: &str) -> Value {
    json!({ "act": "step", "step": step, "note": NOTE })
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn lists_are_filtered_masked_and_paged(pool: PgPool) {
    let desk = desk(&pool).await;
    let list = async |path: &str| {
        let answer = desk.get(&desk.agent, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert!(!answer.body.contains("刘洋") && !answer.body.contains(fixture::number(4 * 137).as_str()), "{path}");
        let json = answer.json();
        let ids: Vec<String> =
            json["complaints"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        (json["total"].as_i64().unwrap(), ids)
    };
    let (total, all) = list("/api/v1/complaints").await;
    assert_eq!((total, all.len(), all[0].as_str()), (3, 3, id(4).as_str()), "the first due in front");
    assert_eq!(list("/api/v1/complaints?standing=overdue").await, (1, vec![id(4)]));
    assert_eq!(list("/api/v1/complaints?owner=nobody&limit=1&skip=2").await.1.len(), 1);
    assert_eq!(list("/api/v1/complaints?owner=me").await.0, 0);
    let acts = json!({ "acts": [step("listen_and_record"), classify()] });
    assert_eq!(desk.act(&desk.agent, 4, acts).await.status, StatusCode::OK);
    for query in ["owner=me", "cause=price", "nature=valid", "from=2026-11-23&to=2026-11-23&owner=agent%201"] {
        assert_eq!(list(&format!("/api/v1/complaints?{query}")).await.1, [id(4)], "{query}");
    }
    for query in ["standing=closed", "level=serious", "department=x", "to=2026-11-22", "survey=prospect"] {
        assert_eq!(list(&format!("/api/v1/complaints?{query}")).await.0, 0, "{query}");
    }
    for (query, parameter) in [
        ("standing=late", "standing"),
        ("cause=rain", "cause"),
        ("limit=0", "limit"),
        ("customer=7", "customer"),
        ("from=2026-11-24&to=2026-11-23", "from"),
    ] {
        let answer = desk.get(&desk.agent, &format!("/api/v1/complaints?{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["parameter"]),
            (StatusCode::BAD_REQUEST, &parameter.into()),
            "{query}"
        );
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn each_role_does_what_it_may_and_the_log_keeps_it(pool: PgPool) {
    let desk = desk(&pool).await;
    let (agent, manager) = (&desk.agent, &desk.manager);
    let way = json!({ "revision": 0, "acts": [classify(), step("analyse"), step("solution"), step("tell_customer"), step("act"),
                                               { "act": "report_back", "note": NOTE }] });
    let done = desk.act(agent, 4, way.clone()).await;
    assert_eq!((done.status, done.json()["stage"].as_i64()), (StatusCode::OK, Some(5)), "{}", done.body);
    let again = desk.act(agent, 4, way).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.json()["detail"], "The complaint has changed meanwhile.");

    let moved = json!({ "acts": [{ "act": "deadline", "due_at": "2026-11-25T10:00:00Z", "note": NOTE }] });
    assert_eq!(desk.act(agent, 4, moved.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desk.act(manager, 4, moved).await.status, StatusCode::OK);
    let escalated = json!({ "acts": [{ "act": "escalate", "to": "总经理", "note": NOTE }] });
    assert_eq!(desk.act(agent, 4, escalated).await.status, StatusCode::OK);
    let ended = json!({ "acts": [{ "act": "review", "settled": true, "note": NOTE }, { "act": "close" }] });
    assert_eq!(desk.act(agent, 4, ended.clone()).await.status, StatusCode::FORBIDDEN, "it was escalated");
    assert_eq!(desk.act(manager, 4, ended).await.json()["closed"], true);
    assert_eq!(desk.act(agent, 4, json!({ "acts": [step("listen_and_record")] })).await.status, StatusCode::CONFLICT);

    for (n, body, status) in [
        (7, json!({ "acts": [step("solution")] }), 409),
        (7, json!({ "acts": [step("analyse")] }), 409),
        (7, json!({ "acts": [{ "act": "step", "step": "listen_and_record", "note": " " }] }), 400),
        (7, json!({ "acts": [] }), 400),
        (7, json!({ "acts": [{ "act": "dance" }] }), 400),
        (7, json!({ "acts": [{ "act": "close", "note": "", "extra": 1 }] }), 400),
        (99, json!({ "acts": [step("listen_and_record")] }), 404),
    ] {
        assert_eq!(desk.act(agent, n, body.clone()).await.status.as_u16(), status, "{body}");
    }

    let whole = desk.get(agent, &format!("/api/v1/complaints/{}?unmasked=true", id(4))).await.json();
    assert_eq!((&whole["name"], &whole["state"], &whole["may"]), (&"刘洋".into(), &"closed".into(), &json!([])));
    let people: Vec<&str> =
        whole["steps"].as_array().unwrap().iter().filter_map(|step| step["person"].as_str()).collect();
    assert_eq!((people.len(), people[0], people[9]), (10, "agent 1", "manager 2"));
    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 50).await.unwrap();
    let of = |action: &str| kept.iter().filter(|entry| entry.action == action).count();
    assert_eq!((of("complaint.act"), of("complaint.unmask")), (4, 1));
    assert!(!format!("{kept:?}").contains(NOTE), "what was said is in the history, not in the log");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_pages_read_in_both_languages(pool: PgPool) {
    let desk = desk(&pool).await;
    for (lang, words) in [
        ("zh", ["投诉处理", "逾期", "尚未联系", "倾听并记录", "导出"]),
        ("en", ["Complaints", "Overdue", "Not contacted yet", "Listen and record", "Export"]),
    ] {
        let page = desk.get(&desk.manager, &format!("/complaints?lang={lang}")).await.body;
        well_formed(&page);
        for word in words {
            assert!(page.contains(word), "{lang}: {word}");
        }
        assert!(page.contains(&id(4)) && !page.contains("刘洋"));
    }
    assert!(!desk.get(&desk.agent, "/complaints?lang=en").await.body.contains("export.xlsx"), "for managers");
    for (n, lang, words) in [
        (4, "zh", ["刘••", "分析原因", "冷静期", "不满意"]),
        (7, "en", ["赵••", "Analyse", "Set cooling-off", "dissatisfied"]),
    ] {
        let page = desk.get(&desk.agent, &format!("/complaints/{}?lang={lang}", id(n))).await.body;
        well_formed(&page);
        for word in words {
            assert!(page.contains(word), "{lang}: {word}");
        }
    }
    let clear = desk.get(&desk.agent, &format!("/complaints/{}?unmasked=true", id(4))).await.body;
    assert!(clear.contains("刘洋") && clear.contains(fixture::number(4 * 137).as_str()));
    let fragment = desk.get(&desk.agent, &format!("/complaints/{}/form?lang=en", id(4))).await.body;
    well_formed(&fragment);
    assert!(fragment.starts_with("<section id=\"complaint-work\"") && !fragment.contains("<html"));
    for (path, status) in [
        (format!("/complaints/{}", id(99)), 404),
        ("/complaints/x".to_owned(), 400),
        ("/complaints?cause=rain".to_owned(), 400),
    ] {
        let answer = desk.get(&desk.agent, &path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (status, "text/html; charset=utf-8"),
            "{path}"
        );
    }
    sqlx::query("update complaints set state = 'closed', closed_at = opened_at").execute(&pool).await.unwrap();
    let page = desk.get(&desk.agent, "/complaints?lang=en").await.body;
    assert!(page.contains("No open complaints."));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_typed_comes_back_until_it_is_sent(pool: PgPool) {
    let desk = desk(&pool).await;
    let (form, draft) = (format!("/complaints/{}/form", id(4)), format!("/complaints/{}/draft", id(4)));
    let typed = "form=f1&revision=0&note=%3Cb%3Ehalf+a+sentence&cause=price&level=ordinary&call_at=2026-11-24T10%3A00";
    let saved = desk.form(&desk.agent, &draft, true, typed).await;
    assert_eq!(saved.status, StatusCode::OK);
    assert!(saved.body.contains("10:30:00"), "{}", saved.body);
    let shown = desk.get(&desk.agent, &format!("{form}?lang=en")).await.body;
    assert!(
        shown.contains("&#60;b&#62;half a sentence</textarea>") && shown.contains("value=\"price\" selected"),
        "{shown}"
    );
    assert!(!desk.get(&desk.manager, &form).await.body.contains("half a sentence"), "it is the agent's");

    let refused = desk.form(&desk.agent, &form, true, &format!("{typed}&act=analyse")).await;
    assert!(
        refused.status == StatusCode::OK
            && refused.body.contains("role=\"alert\"")
            && refused.body.contains("half a sentence")
    );
    let done = desk.form(&desk.agent, &form, true, &format!("{typed}&act=listen_and_record")).await.body;
    assert!(
        done.contains("notice good") && done.contains("half a sentence</p>") && !done.contains("sentence</textarea>"),
        "{done}"
    );
    assert!(done.contains("value=\"2026-11-24T10:00\""), "what was not sent is still there");
    let late = desk.form(&desk.agent, &draft, true, typed).await;
    assert_eq!((late.status, late.body.as_str()), (StatusCode::OK, ""));

    let stale = desk.form(&desk.agent, &form, true, "form=f9&revision=0&note=x&act=listen_and_record").await.body;
    assert!(stale.contains("role=\"alert\"") && stale.contains(">x</textarea>"), "somebody has acted since");
    let plain = desk.form(&desk.agent, &form, false, "form=f8&revision=1&note=x&act=listen_and_record").await;
    assert_eq!(plain.status, StatusCode::SEE_OTHER);
    let plain = desk.form(&desk.agent, &form, false, "form=f7&revision=1&note=x&act=listen_and_record").await;
    assert_eq!(plain.status, StatusCode::CONFLICT);
    let mut conn = pool.acquire().await.unwrap();
    let left = complaint_drafts::load(&mut conn, fixture::id(4), "agent 1").await.unwrap().unwrap();
    assert_eq!(left.fields["note"], "x");
    assert_eq!(complaint_desk::get(&mut conn, fixture::id(4)).await.unwrap().unwrap().revision, 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn exports_open_in_a_spreadsheet_and_keep_names_in(pool: PgPool) {
    let desk = desk(&pool).await;
    let acts = json!({ "acts": [{ "act": "step", "step": "listen_and_record", "note": "=HYPERLINK(\"http://evil.example\")" }, classify()] });
    assert_eq!(desk.act(&desk.agent, 4, acts).await.status, StatusCode::OK);
    let csv = desk.get(&desk.manager, "/api/v1/complaints/export.csv?lang=zh&standing=all").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"complaints-2026-11-23.csv\"");
    assert!(csv.body.starts_with("\u{feff}编号,状态,逾期") && csv.body.lines().count() == 4, "{}", csv.body);
    assert!(csv.body.contains("刘••") && !csv.body.contains("刘洋") && csv.body.contains(",服务价格,"));
    assert!(csv.body.contains(",'+86"), "a number that begins with + is no formula");
    assert_eq!(csv.body, desk.get(&desk.manager, "/complaints/export.csv?lang=zh&standing=all").await.body);
    let clear = desk.get(&desk.manager, "/api/v1/complaints/export.csv?unmasked=true").await.body;
    assert!(clear.contains("刘洋"));
    for path in ["/complaints/export.csv", "/api/v1/complaints/export.xlsx"] {
        assert_eq!(desk.get(&desk.agent, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }

    let request = Request::get("/complaints/export.xlsx?lang=en&standing=all")
        .header(header::HOST, "localhost")
        .header("cookie", &desk.manager.cookie);
    let response = desk.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
    let mut book = Xlsx::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
    assert_eq!(book.sheet_names(), ["Complaints", "History"]);
    let list = book.worksheet_range("Complaints").unwrap();
    assert_eq!(list.get_size(), (4, 27));
    assert!(matches!(list.get((1, 3)), Some(Data::DateTime(_))), "moments are moments");
    let history = book.worksheet_range("History").unwrap();
    let notes: Vec<String> = history.rows().map(|row| row[5].to_string()).collect();
    assert!(
        notes.iter().any(|note| note.starts_with("=HYPERLINK"))
            && book.worksheet_formula("History").unwrap().is_empty()
    );
    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 50).await.unwrap();
    assert_eq!(kept.iter().filter(|entry| entry.action == "complaint.export").count(), 4);
}

/// Serves the morning on a socket for a manager; gives address, cookie and the way to stop it.
async fn served(pool: &PgPool) -> (std::net::SocketAddr, String, tokio_util::sync::CancellationToken) {
    scene::fill(&mut pool.acquire().await.unwrap(), Utc::now()).await;
    let options = state(pool.clone(), Some("token")).options().clone();
    let state = WebState::new(pool.clone(), Clock::System, Readiness::default(), options);
    let manager = person(&state, 2, UserRole::Manager).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(serve(state, listener, stop.clone()));
    (address, manager.cookie, stop)
}

/// tests/browser/complaint_page.mjs drives Chromium; `HUIFANG_SHOTS` names a directory for its pictures.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_desk_in_a_real_browser(pool: PgPool) {
    let (address, cookie, stop) = served(&pool).await;
    let said = in_a_browser("complaint_page.mjs", &[&format!("http://{address}/"), &cookie, &id(4)]).await;
    assert!(said.lines().count() >= 25, "the script went to its end: {said}");
    stop.cancel();
}

/// For eyes: serves the morning until killed; address and cookie are printed.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "serves until killed"]
async fn a_desk_to_look_at(pool: PgPool) {
    let (address, cookie, stop) = served(&pool).await;
    println!("http://{address}/complaints {cookie} {}", id(4));
    stop.cancelled().await;
}
