//! A morning at a dealer's, written through the store's own functions: calls of every kind, three of them going on. Names and numbers are made up.

use crate::db::agent_sessions::{self, Wish};
use crate::db::agents::{self, Profile};
use crate::db::answers::{self, NewAnswer, NewRecording};
use crate::db::attempts::{self, AttemptEnd, NewAttempt, Next};
use crate::db::call_backs::{self, NewCallBack};
use crate::db::complaints::{self, NewComplaint};
use crate::db::imports;
use crate::db::media_quality::{self, MediaQuality};
use crate::db::queue::{self, LeaseRequest};
use crate::db::state::{ComplaintReason, Reach, RecordingKind, TrunkState};
use crate::db::trunk_states::{self, Seen};
use crate::db::{fixture, story, surveys};
use crate::ids::{AttemptId, FollowUpId};
use crate::phone::Pii;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// What became of a customer.
enum Fate {
    /// Talked through to the end with these keys for Q1 to Q9, then closed.
    Talked(&'static str, &'static str, &'static str),
    /// One failed attempt, closed by it.
    Closed(&'static str, &'static str, u16),
    /// One failed attempt, to be dialled again.
    Again(&'static str, &'static str, u16),
    /// A call-back was booked.
    Booked,
    /// The engine died after its INVITE left.
    Review,
    /// Talking now, these keys given.
    Talking(&'static str),
    /// The phone rings now.
    Ringing,
    /// Not dialled yet.
    Waiting,
}

use Fate::*;

const MORNING: &[(&str, &str, &str, Fate)] = &[
    ("王小明", "苏A12386", "轩逸", Talked("111112111", "complete", "1.1")),
    ("李秀英", "苏A7K210", "奇骏", Talked("221222212", "complete", "1.1")),
    ("张伟", "苏AD90215", "艾睿雅", Talked("112111111", "complete", "1.1")),
    ("刘洋", "苏A55N07", "逍客", Talked("454543525", "complete", "1.1")),
    ("陈静", "苏A31Q88", "天籁", Talked("211221221", "complete", "1.1")),
    ("杨帆", "苏AF11872", "艾睿雅", Talked("1121", "partial", "1.2")),
    ("赵敏", "苏A2R609", "轩逸", Talked("3245", "partial", "1.2")),
    ("黄磊", "苏A8M431", "奇骏", Closed("refusal", "2.11", 200)),
    ("周涛", "苏A90X12", "逍客", Closed("wrong_number", "4.10", 200)),
    ("吴芳", "苏A66T03", "轩逸", Closed("invalid_number", "4.31", 404)),
    ("徐强", "苏A18V77", "天籁", Again("busy", "3.12", 486)),
    ("孙丽", "苏AD33518", "艾睿雅", Again("no_answer", "3.13", 487)),
    ("马超", "苏A7P550", "奇骏", Again("no_answer", "3.13", 487)),
    ("朱琳", "苏A40K91", "轩逸", Again("unreachable", "3.16", 480)),
    ("胡军", "苏A05L26", "逍客", Booked),
    ("林娜", "苏A21B64", "天籁", Review),
    ("郭峰", "苏AF70933", "艾睿雅", Talking("1112")),
    ("何雪", "苏A9S118", "轩逸", Talking("44")),
    ("高飞", "苏A63W29", "奇骏", Ringing),
    ("罗敏", "苏A77E10", "逍客", Waiting),
    ("梁博", "苏A82H35", "轩逸", Waiting),
    ("宋佳", "苏AD10947", "艾睿雅", Waiting),
    ("唐宇", "苏A3F806", "天籁", Waiting),
    ("Emma Smith", "苏A58G12", "Qashqai", Waiting),
];

/// Fills an empty database so that it is the middle of a morning at `now`. Follow-up `fixture::id(n)` is the n-th of the list, from 1.
pub async fn fill(conn: &mut PgConnection, now: DateTime<Utc>) {
    surveys::publish_next(
        conn,
        fixture::SURVEY,
        "售后三日回访",
        "key = \"aftersales_3day\"\n",
        now - Duration::days(9),
    )
    .await
    .unwrap();
    let mut rows = Vec::new();
    for (n, (name, plate, model, _)) in (1..).zip(MORNING) {
        let mut row = fixture::row(n, &fixture::number(n * 137), name, plate);
        row.model = (*model).to_owned();
        row.ids.advisor = fixture::id(1 + n % 3);
        row.advisor = Pii::new(["王顾问", "孙顾问", "钱顾问"][usize::from(n % 3)].to_owned());
        row.staff_number = Some((1024 + n % 3).to_string());
        row.happened_on = (now - Duration::days(2)).date_naive();
        row.owed[0].due_at = now - Duration::hours(3);
        row.owed[0].deadline = now + Duration::hours(40);
        rows.push(row);
    }
    imports::load(conn, "repair_list", None, &rows, now - Duration::hours(4)).await.unwrap();
    for (n, (_, _, _, fate)) in (1..).zip(MORNING) {
        live_through(conn, n, fate, now).await;
    }
}

/// Beside the morning: two agents on duty and one off, one trunk up and one down, as an engine said it last.
pub async fn floor(conn: &mut PgConnection, now: DateTime<Utc>, trunks_seen: DateTime<Utc>) {
    for (n, name, wish) in [(1, "周敏", Some(Wish::Available)), (2, "吴倩", Some(Wish::Break)), (3, "郑凯", None)]
    {
        let profile = Profile {
            user: None,
            name: Pii::new(name.to_owned()),
            staff_number: None,
            skills: Vec::new(),
            languages: Vec::new(),
            reach: Reach::Uri,
            sip_user: None,
            sip_uri: Some(format!("sip:{}@192.0.2.20", 100 + n)),
            trunk: None,
            auto_answer: false,
            attended: false,
        };
        agents::add(conn, fixture::id(n), &profile, None, now - Duration::days(1)).await.unwrap();
        let present = now + Duration::days(1);
        if let Some(wish) = wish {
            agent_sessions::wish(conn, fixture::id(n), Wish::Available, now - Duration::minutes(50), present)
                .await
                .unwrap();
            agent_sessions::wish(conn, fixture::id(n), wish, now - Duration::minutes(7), present).await.unwrap();
        }
    }
    let seen = |trunk: &str, state, why: Option<&str>| Seen {
        node: "dialler-1".to_owned(),
        trunk: trunk.to_owned(),
        state,
        why: why.map(str::to_owned),
        places: "udp 192.0.2.9:5060".to_owned(),
        registered_until: None,
        since: now,
        seen_at: now,
    };
    let down = seen("spare", TrunkState::Down, Some("it answers no OPTIONS"));
    let states = [seen("main", TrunkState::Up, None), down];
    trunk_states::put(conn, &states, now).await.unwrap();
    trunk_states::put(conn, &states, trunks_seen).await.unwrap();
}

async fn live_through(conn: &mut PgConnection, n: u16, fate: &Fate, now: DateTime<Utc>) {
    let ago = |minutes: i64| now - Duration::minutes(minutes);
    let began = ago(170 - i64::from(n) * 7);
    match fate {
        Talked(keys, disposition, aapor) => {
            let attempt = begin(conn, n, began).await;
            attempts::answered(conn, attempt, began + Duration::seconds(9)).await.unwrap();
            interview(conn, n, attempt, keys, began, true).await;
            end(conn, attempt, disposition, aapor, 200, began + Duration::seconds(250), Next::Done).await;
        }
        Closed(disposition, aapor, status) => {
            let attempt = begin(conn, n, began).await;
            end(conn, attempt, disposition, aapor, *status, began + Duration::seconds(31), Next::Done).await;
        }
        Again(disposition, aapor, status) => {
            let attempt = begin(conn, n, began).await;
            let next = Next::Retry { at: now + Duration::minutes(20 + i64::from(n)) };
            end(conn, attempt, disposition, aapor, *status, began + Duration::seconds(40), next).await;
        }
        Booked => {
            let attempt = begin(conn, n, began).await;
            let at = now + Duration::hours(2);
            let new =
                NewCallBack { id: fixture::id(n), attempt, call_at: at, booked_at: began + Duration::seconds(40) };
            call_backs::book(conn, &new).await.unwrap();
            end(conn, attempt, "call_back", "2.21", 200, began + Duration::seconds(50), Next::CallBack { at }).await;
        }
        Review => {
            let attempt = begin(conn, n, began).await;
            end(conn, attempt, "unknown", "3.90", 0, began + Duration::seconds(90), Next::Review).await;
        }
        Talking(keys) => {
            let began = now - Duration::seconds(70 + i64::from(n));
            let attempt = begin(conn, n, began).await;
            attempts::answered(conn, attempt, began + Duration::seconds(8)).await.unwrap();
            interview(conn, n, attempt, keys, began, false).await;
        }
        Ringing => {
            begin(conn, n, now - Duration::seconds(12)).await;
        }
        Waiting => {}
    }
}

async fn begin(conn: &mut PgConnection, n: u16, at: DateTime<Utc>) -> AttemptId {
    let follow_up: FollowUpId = fixture::id(n);
    let request = LeaseRequest {
        node: "a",
        limit: 1,
        ttl: Duration::minutes(10),
        now: at,
        survey: None,
        follow_up: Some(follow_up),
    };
    let leased = queue::lease(conn, &request).await.unwrap().pop().expect("the follow-up is due");
    let id = fixture::id(n);
    attempts::begin(conn, &NewAttempt::of(&leased, id, "main", at)).await.unwrap();
    attempts::mark_sent(conn, id, at).await.unwrap();
    id
}

async fn end(
    conn: &mut PgConnection,
    attempt: AttemptId,
    disposition: &str,
    aapor: &str,
    status: u16,
    at: DateTime<Utc>,
    next: Next,
) {
    let end = AttemptEnd {
        attempt,
        ended_at: at,
        sip_status: (status > 0).then_some(status),
        disposition: disposition.to_owned(),
        aapor: Some(aapor.to_owned()),
        blame: Some(if status == 404 { "number" } else { "customer" }.to_owned()),
        retry_allowed: matches!(next, Next::Retry { .. }),
        detail: (status > 299).then(|| format!("the trunk answered {status}")),
        next,
    };
    attempts::end(conn, &end).await.unwrap();
}

/// Identity, consent, then Q1 … with these keys; a complaint at the first 4 or 5; a suggestion after Q9; and the timeline of it all; a call that ends early is hung up on by the customer, at the question after the last answer.
async fn interview(conn: &mut PgConnection, n: u16, attempt: AttemptId, keys: &str, began: DateTime<Utc>, ends: bool) {
    let mut timeline = vec![
        (
            0,
            "sip_sent",
            json!({ "message": "INVITE sip:+86•••••••••37@192.0.2.9", "cseq": "1 INVITE", "peer": "192.0.2.9:5060" }),
        ),
        (2, "invite_sent", json!({})),
        (31, "sip_received", json!({ "message": "SIP/2.0 100 Trying", "cseq": "1 INVITE", "peer": "192.0.2.9:5060" })),
        (1_204, "ringing", json!({ "status": 180, "early_media": false })),
        (8_913, "sip_received", json!({ "message": "SIP/2.0 200 OK", "cseq": "1 INVITE", "peer": "192.0.2.9:5060" })),
        (8_921, "answered", json!({ "codec": "PCMA", "telephone_event": 101 })),
        (9_044, "first_audio", json!({})),
        (
            9_050,
            "prompts",
            json!({ "prompts": ["aftersales.greeting", "identity.owner_plate", "letter.A", "digit.3", "digit.8", "digit.6", "identity.keys"] }),
        ),
    ];
    let mut asked: Vec<(String, char, &str, Option<i32>, bool)> =
        vec![("identity".into(), '1', "self", None, false), ("consent".into(), '1', "yes", None, false)];
    for (q, key) in (1..).zip(keys.chars()) {
        let point = usize::from(key as u8 - b'1');
        let (value, score) = if q == 9 {
            (["certainly", "probably", "unsure", "probably_not", "certainly_not"][point], [1, 2, 3, 4, 5][point])
        } else {
            (
                ["very_satisfied", "satisfied", "ordinary", "dissatisfied", "very_dissatisfied"][point],
                [12, 8, 4, 0, -4][point],
            )
        };
        asked.push((format!("q{q}"), key, value, Some(score), point >= 3));
    }
    let (mut ms, mut complained) = (15_000, false);
    for (i, (question, key, value, score, unhappy)) in (0..).zip(asked) {
        ms += 5_210;
        let given_at = began + Duration::milliseconds(ms);
        let id = fixture::id(n * 100 + i);
        let new = NewAnswer {
            id,
            attempt,
            question: question.clone(),
            keys: key.into(),
            value: value.to_owned(),
            score,
            unhappy,
            given_at,
        };
        assert!(answers::add(conn, &new).await.unwrap());
        timeline.push((ms - 4_000, "asked", json!({ "question": question })));
        timeline.push((ms - 20, "key", json!({ "key": key.to_string() })));
        timeline.push((
            ms,
            "answer",
            json!({ "question": question, "keys": key.to_string(), "score": score, "unhappy": unhappy }),
        ));
        if unhappy && !complained {
            complained = true;
            timeline.push((ms + 1, "complaint", json!({ "question": question, "reason": "low_score" })));
            let new = NewComplaint {
                id: fixture::id(n),
                step: uuid::Uuid::from_u128(n.into()),
                attempt,
                reason: ComplaintReason::LowScore,
                question: Some(question),
                opened_at: given_at,
                contact_due_at: if n < 5 { given_at + Duration::minutes(30) } else { given_at + Duration::hours(24) },
            };
            complaints::open(conn, &new).await.unwrap();
        }
    }
    if keys.len() == 9 {
        let recording = NewRecording {
            id: fixture::id(n),
            attempt,
            kind: RecordingKind::Suggestion,
            path: format!("{}.wav", uuid::Uuid::from_u128(n.into())),
            duration_ms: 11_400,
            recorded_at: began + Duration::seconds(235),
        };
        answers::add_recording(conn, &recording).await.unwrap();
        timeline.push((ms + 18_000, "recorded", json!({ "recording": "suggestion", "duration_ms": 11_400 })));
        timeline.push((ms + 19_000, "hang_up", json!({ "why": "the survey has ended" })));
        let quality = MediaQuality {
            rx_packets: 11_880,
            rx_lost: 120,
            rx_late: 9,
            rx_duplicates: 0,
            rx_silent: false,
            jitter_ms: Some(3),
            jitter_max_ms: Some(22),
            tx_packets: 12_010,
            tx_lost_permille: Some(2),
            rtt_ms: Some(48),
            mos_hundredths: Some(419),
        };
        media_quality::set(conn, attempt, &quality).await.unwrap();
        timeline.push((ms + 19_060, "quality", serde_json::to_value(quality).unwrap()));
    }
    if ends && keys.len() < 9 {
        timeline.push((ms + 1_300, "asked", json!({ "question": format!("q{}", keys.len() + 1) })));
        timeline.push((ms + 6_100, "remote_ended", json!({})));
    }
    let event = |(seq, (offset_ms, kind, detail)): (i32, (i64, &str, Value))| story::Event {
        seq,
        offset_ms,
        kind: kind.to_owned(),
        detail,
    };
    let events: Vec<_> = (0..).zip(timeline).map(event).collect();
    story::add_events(conn, attempt, &events).await.unwrap();
}
