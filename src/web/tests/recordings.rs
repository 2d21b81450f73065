//! What somebody said is played to those whom it concerns, piece by piece, and the audit log has it first.

use super::*;
use crate::db::audit;
use crate::ids::RecordingId;

/// Recording 4 of the morning, 1000 bytes long.
async fn morning_with_sound(pool: &PgPool) -> (WebState, tempfile::TempDir, String) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{}.wav", uuid::Uuid::from_u128(4)));
    std::fs::write(file, (0..1000u32).map(|n| n as u8).collect::<Vec<_>>()).unwrap();
    let mut options = state(pool.clone(), Some("token")).options().clone();
    options.recordings = Some(directory.path().to_owned());
    let state = WebState::new(pool.clone(), Clock::manual(now()), Readiness::default(), options);
    let id: RecordingId = fixture::id(4);
    (state, directory, format!("/recordings/{id}"))
}

async fn bytes(router: &Router, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path).header(header::HOST, "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, body) = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_player_gets_what_it_asks_for(pool: PgPool) {
    let (state, directory, path) = morning_with_sound(&pool).await;
    let router = router(state.clone());
    let manager = person(&state, 901, UserRole::Manager).await;
    let cookie = ("cookie", manager.cookie.as_str());
    let (status, headers, whole) = bytes(&router, &path, &[cookie]).await;
    assert_eq!((status, whole.len()), (StatusCode::OK, 1000));
    assert_eq!(
        (&headers["content-type"], &headers["accept-ranges"]),
        (&"audio/wav".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let (status, headers, piece) = bytes(&router, &path, &[cookie, ("range", "bytes=100-199")]).await;
    assert_eq!((status, &piece[..]), (StatusCode::PARTIAL_CONTENT, &whole[100..200]));
    assert_eq!(headers["content-range"], "bytes 100-199/1000");
    let (status, headers, _) = bytes(&router, &path, &[cookie, ("range", "bytes=1000-")]).await;
    assert_eq!(
        (status, headers["content-range"].to_str().unwrap()),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */1000")
    );

    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 10).await.unwrap();
    let plays =
        kept.iter().filter(|entry| entry.action == "recording.play" && entry.user == Some(manager.id.0)).count();
    assert_eq!(plays, 1, "seeking is no second time");
    std::fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(bytes(&router, &path, &[cookie]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(bytes(&router, "/recordings/4", &[cookie]).await.0, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn it_is_for_those_whom_it_concerns(pool: PgPool) {
    let (state, _directory, path) = morning_with_sound(&pool).await;
    let router = router(state.clone());
    let agent = person(&state, 902, UserRole::Agent).await;
    let cookie = ("cookie", agent.cookie.as_str());
    assert_eq!(bytes(&router, &path, &[cookie]).await.0, StatusCode::OK, "there is a complaint to work on");
    for gone in
        ["alter table complaint_steps disable trigger user", "truncate complaint_drafts, complaint_steps, complaints"]
    {
        sqlx::query(gone).execute(&pool).await.unwrap();
    }
    assert_eq!(bytes(&router, &path, &[cookie]).await.0, StatusCode::FORBIDDEN);
    assert_eq!(bytes(&router, &path, &[]).await.0, StatusCode::UNAUTHORIZED);
    sqlx::query("alter table audit_log rename to gone").execute(&pool).await.unwrap();
    let (status, _, body) = bytes(&router, &path, &[("authorization", "Bearer token")]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "what cannot be kept is not played");
    assert!(String::from_utf8(body).unwrap().starts_with('{'));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_retention_removed_is_gone_and_the_pages_say_since_when(pool: PgPool) {
    let (state, directory, path) = morning_with_sound(&pool).await;
    let router = router(state.clone());
    let manager = person(&state, 901, UserRole::Manager).await;
    let cookie = ("cookie", manager.cookie.as_str());
    let follow_up = format!("/follow-ups/{}", fixture::id::<crate::ids::FollowUpId>(4));
    let page = |path: String| {
        let router = &router;
        async move { String::from_utf8(bytes(router, &path, &[cookie]).await.2).unwrap() }
    };
    let complaint: uuid::Uuid = sqlx::query_scalar("select id from complaints where follow_up_id = $1")
        .bind(fixture::id::<uuid::Uuid>(4))
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(
        page(follow_up.clone()).await.contains("<audio")
            && page(format!("/complaints/{complaint}")).await.contains("<audio")
    );

    std::fs::remove_dir_all(directory.path()).unwrap();
    // 1 a.m. of the next day at the dealer's
    sqlx::query("update recordings set country = 'CN', keep_until = recorded_at, purged_at = '2027-05-31T17:00:00Z'")
        .execute(&pool)
        .await
        .unwrap();
    let (status, headers, body) = bytes(&router, &path, &[cookie]).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::GONE, "application/problem+json"));
    assert!(String::from_utf8(body).unwrap().contains("removed by retention on 2027-06-01"));
    let nobody = bytes(&router, &path, &[]).await.0;
    assert_eq!(nobody, StatusCode::UNAUTHORIZED, "not even that it was there");
    for path in [follow_up.clone(), format!("/complaints/{complaint}")] {
        let (zh, en) = (page(path.clone()).await, page(format!("{path}?lang=en")).await);
        assert!(zh.contains("录音已于 2027-06-01 按保存期限删除") && !zh.contains("<audio"), "{path}");
        assert!(en.contains("recording removed by retention on 2027-06-01<"), "{path}");
    }
    let api: Value = serde_json::from_str(&page(format!("/api/v1{follow_up}")).await).unwrap();
    assert_eq!(api["attempts"][0]["recordings"][0]["purged_at"], "2027-05-31T17:00:00Z");
}
