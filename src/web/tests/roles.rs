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
            assert_eq!(status == StatusCode::FORBIDDEN, *role < route.least, "{line} by {role}: {status}");
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
