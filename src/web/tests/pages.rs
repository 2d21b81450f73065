//! The pages as HTML: what a reader finds on them in both languages, nothing in clear, nothing inline, and the event stream that keeps them moving.

use super::*;
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::fixture;
use crate::ids::FollowUpId;
use crate::web::live::Section;

fn follow_up(n: u16) -> String {
    fixture::id::<FollowUpId>(n).to_string()
}

/// Tags closed in order, nothing that the policy forbids.
pub(super) fn well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in …<{}", &piece.chars().take(60).collect::<String>());
        } else if !tag.starts_with('!')
            && !tag.ends_with('/')
            && !["meta", "link", "img", "input", "br"].contains(&name)
        {
            open.push(name);
        }
        assert!(!tag.contains(" style=") && !tag.contains(" onclick="), "inline: {tag}");
        assert!(!tag.starts_with("script") || tag.contains(" src=\"/assets/"), "inline script: {tag}");
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_reads_in_both_languages_without_a_script(pool: PgPool) {
    let router = morning(pool).await;
    for (headers, lang, words) in [
        (
            &[][..],
            "zh-CN",
            [
                "今日回访",
                "通话中",
                "特别",
                "需人工处理",
                "应答率 (RR1)",
                "62.5 %",
                "5 / 8",
                "n = 24",
                "评分低",
                "Q2 预约",
                "错号",
            ],
        ),
        (
            &[("accept-language", "en-GB,en")][..],
            "en",
            [
                "Today’s run",
                "Live calls",
                "",
                "Needs a person",
                "Response (RR1)",
                "62.5 %",
                "5 / 8",
                "n = 24",
                "Low score",
                "Q2 Booking",
                "Wrong number",
            ],
        ),
    ] {
        let page = get_with(&router, "/", headers).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        well_formed(&page.body);
        assert!(page.body.contains(&format!("<html lang=\"{lang}\">")) && page.body.contains("金陵汽车"));
        for word in words.iter().filter(|word| **word != "特别") {
            assert!(page.body.contains(word), "{lang}: {word}");
        }
        assert!(page.body.contains(&follow_up(18)), "a live call leads to its follow-up");
        assert!(!page.body.contains("刘洋") && !page.body.contains(fixture::number(18 * 137).as_str()));
    }
    let english = get(&router, "/?lang=en").await.body;
    assert!(english.contains("<html lang=\"en\">"), "the address wins");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_empty_store_is_no_success(pool: PgPool) {
    let page = get(&router(state(pool, None)), "/?lang=en").await.body;
    well_formed(&page);
    assert!(
        page.contains("Nobody is owed a call today.")
            && page.contains("nothing counted yet")
            && page.contains("No open complaints.")
    );
    assert!(!page.contains('%') || !page.contains("100.0 %"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_follow_up_s_page_tells_its_call(pool: PgPool) {
    let router = morning(pool).await;
    let path = format!("/follow-ups/{}", follow_up(4));
    let page = get(&router, &path).await.body;
    well_formed(&page);
    for word in [
        "刘••",
        "••N07",
        "完整完成",
        "1.1",
        "投诉",
        "评分低",
        "Q1 总体满意度",
        "不满意",
        "特别不满意",
        "建议",
        "振铃",
        "0:01.204",
        "status 180",
        "通话音质",
        "MOS 4.2 · 收音丢包 1.0 % · 对方丢包 0.2 % · 抖动 3 ms · 往返 48 ms",
    ] {
        assert!(page.contains(word), "{word}");
    }
    assert!(!page.contains("rx packets"), "said once, in the page's words");
    assert!(!page.contains("刘洋"));
    assert!(get(&router, &format!("{path}?unmasked=true&lang=en")).await.body.contains("刘洋"));
    for n in 1..=24 {
        let page = get(&router, &format!("/follow-ups/{}?lang=en", follow_up(n))).await;
        assert_eq!(page.status, StatusCode::OK);
        well_formed(&page.body);
    }
    let missing = get(&router, "/follow-ups/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b?lang=en").await;
    assert_eq!((missing.status, missing.body.contains("no follow-up 0192f0c1")), (StatusCode::NOT_FOUND, true));
    assert_eq!(get(&router, "/follow-ups/nonsense").await.status, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_customers_are_called_cannot_write_the_page(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixture::owed(&mut conn, 1).await;
    sqlx::query("update customers set name = '<script>alert(1)</script>'").execute(&mut *conn).await.unwrap();
    sqlx::query("update vehicles set model = '\"><img src=x onerror=alert(1)>'").execute(&mut *conn).await.unwrap();
    let page = get(&router(state(pool, None)), &format!("/follow-ups/{}?unmasked=true", follow_up(1))).await.body;
    well_formed(&page);
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
}

/// Events of a stream: (name, data).
pub(super) fn events(body: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for block in body.split("\n\n") {
        let field = |name: &str| {
            block
                .lines()
                .filter_map(|line| line.strip_prefix(name))
                .map(|v| v.strip_prefix(' ').unwrap_or(v))
                .collect::<Vec<_>>()
                .join("\n")
        };
        if !field("event:").is_empty() {
            found.push((field("event:"), field("data:")));
        }
    }
    found
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_page_gets_what_has_changed_and_no_more(pool: PgPool) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    let all = get(&router, "/events?lang=en&since=0").await;
    assert_eq!(all.header("content-type"), "text/event-stream");
    assert!(all.body.starts_with("retry: 200\n\n"));
    let names: Vec<_> = events(&all.body).into_iter().map(|(name, _)| name).collect();
    let sections = Section::ALL.map(Section::name);
    assert_eq!(names, sections);
    let version = now().timestamp_millis();
    assert!(all.body.contains(&format!("id: {version}\n")));

    // The call that rang ends: run, queue, rates and calls move; complaints do not.
    let end = AttemptEnd {
        attempt: fixture::id(19),
        ended_at: now(),
        sip_status: Some(404),
        disposition: "invalid_number".to_owned(),
        aapor: Some("4.31".to_owned()),
        blame: None,
        retry_allowed: false,
        detail: None,
        next: Next::Done,
    };
    attempts::end(&mut pool.acquire().await.unwrap(), &end).await.unwrap();
    let changed = get_with(&router, "/events?lang=en&since=0", &[("last-event-id", &version.to_string())]).await;
    let changed = events(&changed.body);
    let names: Vec<_> = changed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["run", "calls", "queue", "rates"]);
    assert!(changed[0].1.contains("<b>11</b>") && changed[0].1.contains("No such number"), "{}", changed[0].1);
    for (_, fragment) in &changed {
        well_formed(fragment);
    }

    pool.close().await;
    let away = get_with(&router, "/events?lang=en", &[("last-event-id", &(version + 1).to_string())]).await;
    let away = events(&away.body);
    assert!(
        away.iter().any(|(name, fragment)| name == "notice" && fragment.contains("last known figures")),
        "{away:?}"
    );
    let page = get(&router, "/?lang=en").await;
    assert_eq!((page.status, page.body.contains("last known figures")), (StatusCode::OK, true));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_waiting_page_is_let_go_at_shutdown(pool: PgPool) {
    let state = state(pool, None);
    let router = router(state.clone());
    get(&router, "/").await;
    let since = now().timestamp_millis() + 1_000_000_000;
    let waiting = tokio::spawn(async move { get(&router, &format!("/events?since={since}")).await });
    state.closing().cancel();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("it ends").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "retry: 200\n\n"));
}
