//! The page of now: agents, trunks, pace, why the queue waits, and the buttons that pause, resume and drain.

use super::*;
use crate::db::state::CampaignState;
use crate::db::{audit, controls};
use crate::web::serve;
use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

async fn filled(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    scene::floor(&mut conn, now(), now()).await;
}

async fn all_campaigns(pool: &PgPool) -> Option<CampaignState> {
    let said = controls::all(&mut pool.acquire().await.unwrap()).await.unwrap();
    said.into_iter().find(|campaign| campaign.key == controls::ALL).map(|campaign| campaign.state)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_shows_agents_trunks_pace_and_why_the_queue_waits(pool: PgPool) {
    filled(&pool).await;
    let router = router(state(pool.clone(), None));
    let page = get(&router, "/?lang=en").await.body;
    for words in [
        "周敏",
        "2 on duty · 1 free",
        "Off duty",
        "spare",
        "it answers no OPTIONS",
        "1 down",
        "Calls an hour",
        "Due today",
        "Why the queue waits",
        "the delay after its last attempt",
        "nothing but room on a trunk",
        "/control?lang=en",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let chinese = get(&router, "/?lang=zh").await.body;
    for words in ["2 在岗 · 1 空闲", "拨打节奏", "等待原因", "上次拨打后的间隔", "不可用", "收尾…"]
    {
        assert!(chinese.contains(words), "{words}");
    }
    let events = get(&router, "/events?lang=en&since=0").await.body;
    for section in crate::web::live::Section::ALL {
        assert!(events.contains(&format!("event: {}", section.name())), "{}", section.name());
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_causes_are_as_many_as_the_queue(pool: PgPool) {
    filled(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    let rules = outlook_rules();
    for at in [now(), now() + TimeDelta::hours(13)] {
        let held = outlook::waits(&mut conn, &rules, at).await.unwrap();
        assert_eq!(held.iter().map(|held| held.count).sum::<i64>(), 10, "5 wait, 4 are to be retried, 1 is booked");
    }
    let night = outlook::waits(&mut conn, &rules, now() + TimeDelta::hours(13)).await.unwrap();
    assert_eq!(night[0].waits_for, "the calling window is closed");
    controls::set(&mut conn, None, CampaignState::Paused, now()).await.unwrap();
    let paused = outlook::waits(&mut conn, &rules, now()).await.unwrap();
    assert_eq!((paused.len(), paused[0].waits_for.as_str(), paused[0].count), (1, "its campaign is paused", 10));
    let pace = outlook::pace(&mut conn, &rules, now()).await.unwrap();
    assert_eq!(pace.dialled, 3, "the three live calls left in the last ten minutes");
    assert_eq!(pace.per_hour, Some(36.0), "three in five minutes: nobody has dialled for ten yet");
    let idle = outlook::pace(&mut conn, &rules, now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!((idle.dialled, idle.per_hour), (0, None));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn buttons_change_what_is_dialled_and_stand_in_the_log(pool: PgPool) {
    filled(&pool).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let manager = person(&state, 7, UserRole::Manager).await;
    let cookie = [("cookie", manager.cookie.as_str())];
    let csrf = &manager.csrf;
    let page = get_with(&router, "/?lang=en", &cookie).await.body;
    assert!(page.contains(&format!("name=\"csrf\" value=\"{csrf}\"")), "the form works without a script");
    let press = async |form: String| post_form(&router, "/control?lang=en", &cookie, &form).await;

    let refused = press("action=pause".to_owned()).await;
    assert_eq!(
        (refused.status, all_campaigns(&pool).await),
        (StatusCode::FORBIDDEN, None),
        "without the session's token"
    );
    assert!(!page.contains("All who wait are held back"));
    let done = press(format!("action=pause&csrf={csrf}")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/?lang=en"));
    assert_eq!(all_campaigns(&pool).await, Some(CampaignState::Paused));

    let asked = press(format!("action=drain&csrf={csrf}")).await;
    assert!(
        asked.status == StatusCode::OK && asked.body.contains("name=\"confirmed\" value=\"yes\""),
        "{}",
        asked.body
    );
    assert!(asked.body.contains("Live calls: <b>3</b>"), "{}", asked.body);
    assert_eq!(all_campaigns(&pool).await, Some(CampaignState::Paused), "asked, not done");
    assert_eq!(press(format!("action=drain&confirmed=yes&csrf={csrf}")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(all_campaigns(&pool).await, Some(CampaignState::Draining));
    let own = format!("action=pause&campaign={}&csrf={csrf}", fixture::SURVEY);
    assert_eq!(press(own).await.status, StatusCode::SEE_OTHER);
    assert_eq!(press(format!("action=resume&csrf={csrf}")).await.status, StatusCode::SEE_OTHER);
    let said = controls::all(&mut pool.acquire().await.unwrap()).await.unwrap();
    let said: Vec<_> = said.iter().map(|campaign| (campaign.key.as_str(), campaign.state)).collect();
    assert_eq!(said, [(controls::ALL, CampaignState::Running), (fixture::SURVEY, CampaignState::Paused)]);

    for (form, says) in [
        ("action=stop", "action: "),
        ("campaign=x", "action: "),
        ("action=pause&campaign=sales", "campaign: "),
        ("action=drain&campaign=sales", "campaign: "),
    ] {
        let answer = press(format!("{form}&csrf={csrf}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        assert!(answer.body.contains(says), "{form}: {}", answer.body);
    }
    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 50).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .rev()
        .filter(|entry| entry.action == "control.change")
        .map(|entry| (entry.object.as_str(), entry.detail["state"].as_str().unwrap()))
        .collect();
    assert_eq!(kept, [("all", "paused"), ("all", "draining"), (fixture::SURVEY, "paused"), ("all", "running")]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_only_watches_has_no_buttons_and_sees_no_names(pool: PgPool) {
    filled(&pool).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let watcher = person(&state, 7, UserRole::ReadOnly).await;
    let headers = [("cookie", watcher.cookie.as_str())];
    for path in ["/?lang=zh", "/events?lang=zh&since=0"] {
        let page = get_with(&router, path, &headers).await.body;
        assert!(page.contains("拨打控制") && !page.contains("action=\"/control"), "{path}");
        assert!(page.contains("周••") && !page.contains("周敏"), "{path}");
    }
    let form = format!("action=pause&csrf={}", watcher.csrf);
    assert_eq!(post_form(&router, "/control", &headers, &form).await.status, StatusCode::FORBIDDEN);
    assert_eq!(all_campaigns(&pool).await, None);
}

/// tests/browser/now_pages.mjs presses the buttons in Chromium and reads the pages of managers; `HUIFANG_SHOTS` names a directory for its pictures.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_buttons_in_a_real_browser(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    scene::floor(&mut conn, now(), now()).await;
    let options = state(pool.clone(), Some("token")).options().clone();
    let state = WebState::new(pool.clone(), Clock::manual(now()), Readiness::default(), options);
    state.show_queue(outlook::Rules { slots: 4, per_second: 1.0, ..outlook_rules() });
    let manager = person(&state, 7, UserRole::Manager).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(state, listener, stop.clone()));
    let told = in_a_browser("now_pages.mjs", &[&format!("http://{address}/"), &manager.cookie]).await;
    assert!(told.lines().count() >= 14, "the script went to its end: {told}");
    assert_eq!(all_campaigns(&pool).await, Some(CampaignState::Draining));
    let kept = audit::newest(&mut conn, 50).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .rev()
        .filter(|entry| entry.action == "control.change")
        .map(|entry| (entry.user, entry.detail["state"].as_str().unwrap()))
        .collect();
    let by = Some(manager.id.0);
    assert_eq!(kept, [(by, "paused"), (by, "running"), (by, "draining")]);
    stop.cancel();
}
