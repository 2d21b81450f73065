//! The agent's page in a real Chromium, against the real server: tests/browser/agent_page.mjs looks and presses, this is the engine that has the callers.

use super::desk::{Desk, UNHAPPY};
use super::*;
use crate::agent::state::Freed;
use crate::db::answers::{self, NewAnswer, NewRecording};
use crate::db::state::{RecordingKind, TransferOutcome};
use crate::ids::FollowUpId;
use crate::web::{password, serve};
use sqlx::PgConnection;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The morning with an agent who can sign in as `li.na`, password `right as rain`.
async fn serve_desk(pool: &PgPool, recordings: &Path) -> (std::net::SocketAddr, CancellationToken, Desk) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, Utc::now()).await;
    said_and_done(&mut conn, recordings).await;
    let password_hash = password::hash("right as rain".into()).await.unwrap();
    let user = NewUser {
        id: fixture::id(901),
        name: "li.na".to_owned(),
        password_hash,
        role: UserRole::Agent,
        created_at: Utc::now(),
    };
    assert!(users::add(&mut pool.acquire().await.unwrap(), &user).await.unwrap());
    let desk = Desk::of(pool, Clock::System, user.id).await;
    let mut options = state(pool.clone(), None).options().clone();
    options.recordings = Some(recordings.to_owned());
    let state = WebState::new(pool.clone(), Clock::System, Readiness::default(), options);
    state.take_lists(imports::settings());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(state, listener, stop.clone()));
    (address, stop, desk)
}

/// The caller has said something (two seconds of a tone), and was contacted before.
async fn said_and_done(conn: &mut PgConnection, recordings: &Path) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(recordings.join("said.wav"), spec).unwrap();
    for n in 0..16_000 {
        wav.write_sample((f64::from(n) * 0.35).sin().mul_add(8000.0, 0.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
    let (id, attempt, kind) = (fixture::id(60_001), fixture::id(UNHAPPY), RecordingKind::Statement);
    let new =
        NewRecording { id, attempt, kind, path: "said.wav".to_owned(), duration_ms: 2000, recorded_at: Utc::now() };
    assert!(answers::add_recording(conn, &new).await.unwrap());
    for (days, key, state) in [(200, "3dc", "done"), (170, "30dc", "done"), (-20, "birthday", "open")] {
        sqlx::query(
            "insert into follow_up_tasks (id, customer_id, rule_key, subject_id, occurrence, owner_role, purpose, due_at, deadline, created_at, state, closed_at)
             select gen_random_uuid(), customer_id, $2, customer_id, 'once', 'advisor', 'care', at, at + interval '1 day', at, $3, case when $3 = 'done' then at end
             from (select customer_id, now() - make_interval(days => $4) as at from follow_ups where id = $1) f",
        )
        .bind(fixture::id::<FollowUpId>(UNHAPPY).0)
        .bind(key)
        .bind(state)
        .bind(days)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
}

/// Does what the script wants done.
async fn act(desk: &mut Desk, what: &str) -> String {
    match what {
        "reserve" => {
            desk.reserve().await;
            return Utc::now().timestamp_millis().to_string();
        }
        "ring" => desk.ring().await,
        "talk" => desk.talk().await,
        "give up" => desk.end(Freed::Unused, TransferOutcome::CustomerGaveUp).await,
        "turned down" => desk.end(Freed::Rejected, TransferOutcome::Rejected).await,
        "over" => desk.end(Freed::Talked, TransferOutcome::Accepted).await,
        "answer" => {
            let new = NewAnswer {
                id: fixture::id(60_000),
                attempt: fixture::id(UNHAPPY),
                question: "q3".to_owned(),
                keys: "5".to_owned(),
                value: "very_dissatisfied".to_owned(),
                score: Some(-4),
                unhappy: true,
                given_at: Utc::now(),
            };
            assert!(answers::add(&mut *desk.conn().await, &new).await.unwrap());
        }
        "word" => return format!("{:?}", desk.word().await.0),
        other => panic!("the script wants {other:?}"),
    }
    String::new()
}

/// Each line `DO what` of the script is done and answered with a line; gives all that it said. It must go to its end.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_agent_s_page_in_a_real_browser(pool: PgPool) {
    let recordings = tempfile::tempdir().unwrap();
    let (address, stop, mut desk) = serve_desk(&pool, recordings.path()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/agent_page.mjs");
    let temporary = tempfile::tempdir().unwrap();
    let mut browser = tokio::process::Command::new("node")
        .env("TMPDIR", temporary.path())
        .args(["--experimental-websocket", script, &format!("http://{address}/")])
        .args(std::env::var_os("HUIFANG_LOOK_SHOTS"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node is installed (scripts/test sees to it)");
    let mut answers = browser.stdin.take().unwrap();
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(what) = line.strip_prefix("DO ") {
            let answer = act(&mut desk, what).await;
            answers.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
        }
        said.push(line);
    }
    drop(answers);
    println!("{}", said.join("\n"));
    assert!(browser.wait().await.unwrap().success(), "{}", said.join("\n"));
    assert!(
        said.iter().any(|line| line == "ok   no error was logged"),
        "the script went to its end: {}",
        said.join("\n")
    );
    stop.cancel();
}
