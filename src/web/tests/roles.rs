//! All routes × all roles: who is let in is what the one table says, for reads and writes, by cookie and by token.

use super::*;
use crate::web::roles::{self, CLOSED};

fn path_of(template: &str) -> String {
    template.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect::<Vec<_>>().join("/")
}

/// An id that nothing has.
const NOBODY: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b";

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "huifang.dealer.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "GET" { Body::empty() } else { Body::from("{}") };
    send(router, request.body(body).unwrap()).await.status
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_is_let_in_is_what_the_table_says(pool: PgPool) {
    let state = state(pool, Some("token"));
    let router = router(state.clone());
    let mut people = Vec::new();
    for (n, role) in (1..).zip(UserRole::ALL) {
        people.push((*role, person(&state, n, *role).await));
    }
    // Streams wait for news: with the server closing they answer at once.
    state.closing().cancel();
    for route in CLOSED {
        let (method, path) = (route.method, path_of(route.path));
        let line = format!("{method} {path}");
        assert_eq!(ask(&router, method, &path, &[]).await, StatusCode::UNAUTHORIZED, "{line} by nobody");
        let unknown = [("cookie", "huifang_session=0000")];
        assert_eq!(ask(&router, method, &path, &unknown).await, StatusCode::UNAUTHORIZED, "{line} with a dead cookie");
        for (role, person) in &people {
            let own = [("cookie", person.cookie.as_str()), ("x-csrf", &person.csrf)];
            let status = ask(&router, method, &path, &own).await;
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{line} by {role}");
            assert_eq!(status == StatusCode::FORBIDDEN, !route.admits(*role), "{line} by {role}: {status}");
            if method == "GET" {
                continue;
            }
            for (sent, what) in [
                (&[("cookie", person.cookie.as_str())][..], "without the session's token"),
                (&[("cookie", person.cookie.as_str()), ("x-csrf", "0000")], "with another's token"),
                (&[own[0], own[1], ("sec-fetch-site", "cross-site")], "from another site"),
            ] {
                assert_eq!(ask(&router, method, &path, sent).await, StatusCode::FORBIDDEN, "{line} by {role} {what}");
            }
        }
        let bearer = ask(&router, method, &path, &[("authorization", "Bearer token")]).await;
        assert!(
            ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&bearer),
            "{line} with the token: {bearer}"
        );
    }
    for (method, path) in roles::OPEN {
        let status = ask(&router, method, &path.replace("{name}", "huifang.css"), &[]).await;
        assert!(![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status), "{method} {path}: {status}");
    }
}

/// Addresses in a page that a click, or the page by itself, asks for.
fn leads(page: &str) -> Vec<String> {
    let after = ["href=\"", "src=\""].into_iter().flat_map(|mark| page.split(mark).skip(1));
    let links = after.filter_map(|rest| rest.split('"').next()).filter(|link| link.starts_with('/'));
    links.map(|link| link.replace("&amp;", "&")).collect()
}

/// A plan for an item of the morning's survey.
async fn plan(conn: &mut sqlx::PgConnection) -> uuid::Uuid {
    use crate::db::weak_items::{self, By};
    use crate::weak_item::{Case, Terms};
    let today = now().date_naive();
    let terms =
        Terms { target: 80, department: "service".into(), measure: "m".into(), owner: "o".into(), due_on: today };
    let case = Case::open(terms, today).unwrap();
    let by = By { person: "admin", at: now() };
    let opened = weak_items::open(conn, fixture::id(1), (fixture::SURVEY, "q4"), &case, by).await.unwrap();
    opened.expect("it is the first").0
}

/// Of the pages of a morning: each link and each player on them is for whom the page is shown to. Showing somebody in clear is asked of each person anew.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn no_page_leads_anybody_to_where_they_may_not_go(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    let of = "select id from complaints limit 1";
    let complaint: uuid::Uuid = sqlx::query_scalar(of).fetch_one(&mut *conn).await.unwrap();
    let with_all = "select a.follow_up_id, a.id from attempts a join recordings r on r.attempt_id = a.id
                    join complaints c on c.follow_up_id = a.follow_up_id limit 1";
    let (follow_up, attempt): (uuid::Uuid, uuid::Uuid) = sqlx::query_as(with_all).fetch_one(&mut *conn).await.unwrap();
    let plan = plan(&mut conn).await;
    drop(conn);
    let state = state(pool, Some("token"));
    let router = router(state.clone());
    state.closing().cancel();
    for (n, role) in (1..).zip(UserRole::ALL) {
        let person = person(&state, n, *role).await;
        let headers = [("cookie", person.cookie.as_str())];
        let mut asked = 0;
        for route in CLOSED.iter().filter(|route| route.page && route.admits(*role)) {
            let id = match route.path {
                path if path.starts_with("/complaints") => complaint,
                path if path.starts_with("/attempts") => attempt,
                path if path.starts_with("/weak-items") => plan,
                _ => follow_up,
            };
            let page = get_with(
                &router,
                &route.path.replace("{id}", &id.to_string()).replace("{key}", fixture::SURVEY),
                &headers,
            )
            .await;
            assert_eq!(page.status, StatusCode::OK, "{} by {role}", route.path);
            for link in leads(&page.body).iter().filter(|link| !link.contains("unmasked=true")) {
                asked += 1;
                let status = get_with(&router, link, &headers).await.status;
                let led = ![StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST].contains(&status);
                assert!(led, "{} shows {role} {link}: {status}", route.path);
            }
            assert!(*role > UserRole::ReadOnly || !page.body.contains("unmasked=true"), "{}", route.path);
        }
        assert!(asked > 15, "{asked} links were asked as {role}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_only_watches_is_shown_nobody(pool: PgPool) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let watcher = person(&state, 1, UserRole::ReadOnly).await;
    let complained = "select follow_up_id from complaints order by id limit 1";
    let follow_up: uuid::Uuid = sqlx::query_scalar(complained).fetch_one(&pool).await.unwrap();
    for path in [format!("/follow-ups/{follow_up}"), format!("/api/v1/follow-ups/{follow_up}")] {
        let headers = [("cookie", watcher.cookie.as_str())];
        assert_eq!(get_with(&router, &path, &headers).await.status, StatusCode::OK, "{path}");
        let clear = get_with(&router, &format!("{path}?unmasked=true"), &headers).await;
        assert_eq!(clear.status, StatusCode::FORBIDDEN, "{path}");
    }
    let kept: i64 = sqlx::query_scalar("select count(*) from audit_log where action = 'follow_up.unmask'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_agent_who_goes_astray_is_shown_the_way(pool: PgPool) {
    let state = state(pool, Some("token"));
    let router = router(state.clone());
    let agent = person(&state, 1, UserRole::Agent).await;
    let html = [("cookie", agent.cookie.as_str()), ("accept", "text/html")];
    let home = get_with(&router, "/", &html).await;
    assert_eq!((home.status, home.header("location")), (StatusCode::SEE_OTHER, "/agent"));
    let refused = get_with(&router, "/api/v1/queue", &html).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "This is for the role manager; you are signed in as agent.");
}
