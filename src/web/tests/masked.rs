//! Every page and every read of the API, as each role sees it: no name, number or plate of a customer in clear unless somebody asked for it whom it concerns.

use super::*;
use crate::web::roles::CLOSED;

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nobody_is_shown_in_clear_unasked(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    let secrets: Vec<String> = sqlx::query_scalar(
        "select number from phones union select ltrim(number, '+') from phones union select substr(number, 4) from phones
         union select name from customers union select plate from vehicles where plate <> ''",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    assert!(secrets.len() > 100);
    let complaint: uuid::Uuid =
        sqlx::query_scalar("select id from complaints limit 1").fetch_one(&mut *conn).await.unwrap();
    let follow_up: crate::ids::FollowUpId = fixture::id(1);
    drop(conn);
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let mut people = Vec::new();
    for (n, role) in (1..).zip(UserRole::ALL) {
        people.push((*role, person(&state, n, *role).await));
    }
    state.closing().cancel();
    let mut shown = 0;
    for route in CLOSED.iter().filter(|route| route.method == "GET" && !route.path.starts_with("/recordings")) {
        let id = if route.path.contains("complaints") { complaint.to_string() } else { follow_up.to_string() };
        let path = route.path.replace("{id}", &id).replace("{key}", fixture::SURVEY);
        for (role, person) in &people {
            for lang in ["zh", "en"] {
                let path = if route.page { format!("{path}?lang={lang}") } else { path.clone() };
                let headers = [("cookie", person.cookie.as_str()), ("accept", "text/html")];
                let answer = get_with(&router, &path, &headers).await;
                shown += usize::from(answer.status == StatusCode::OK);
                if let Some(secret) = secrets.iter().find(|secret| answer.body.contains(secret.as_str())) {
                    let at = answer.body.find(secret.as_str()).unwrap();
                    panic!("{path} shows {role} somebody in clear, at byte {at} ({} bytes)", secret.len());
                }
            }
        }
    }
    assert!(shown > 60, "{shown} answers were looked at");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn in_clear_only_for_whom_it_concerns_and_never_unseen(pool: PgPool) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let agent = person(&state, 1, UserRole::Agent).await;
    let manager = person(&state, 2, UserRole::Manager).await;
    // The first of the morning has no complaint and was handed to nobody.
    let follow_up: crate::ids::FollowUpId = fixture::id(1);
    for (path, name) in [
        (format!("/api/v1/follow-ups/{follow_up}?unmasked=true"), "王小明"),
        (format!("/follow-ups/{follow_up}?unmasked=true"), "王小明"),
    ] {
        let refused = get_with(&router, &path, &[("cookie", &agent.cookie)]).await;
        assert_eq!((refused.status, refused.body.contains(name)), (StatusCode::FORBIDDEN, false), "{path}");
        let told = get_with(&router, &path, &[("cookie", &manager.cookie)]).await;
        assert!(told.status == StatusCode::OK && told.body.contains(name), "{path}");
    }
    let kept: Vec<(String, Option<uuid::Uuid>)> =
        sqlx::query_as("select action, user_id from audit_log order by seq").fetch_all(&pool).await.unwrap();
    let seen = ("follow_up.unmask".to_owned(), Some(manager.id.0));
    assert_eq!(kept.iter().filter(|entry| **entry == seen).count(), 2, "{kept:?}");
    assert!(!kept.iter().any(|(action, user)| action.ends_with("unmask") && *user == Some(agent.id.0)));
}
