//! `/attempts/{id}`, `/trunks` and their API over the morning's data: drawn, in both languages, nothing in clear.

use super::pages::well_formed;
use super::*;
use crate::db::sip_messages::{self, NewMessage};
use crate::ids::AttemptId;

const INVITE: &[u8] = "INVITE sip:+8613800100548@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
From: <sip:huifang@192.0.2.1>;tag=1\r\nTo: \"刘洋\" <sip:+8613800100548@192.0.2.9>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    .as_bytes();
const RINGING: &[u8] =
    b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:huifang@192.0.2.1>;tag=1\r\n\
To: <sip:+8613800100548@192.0.2.9>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_attempt_is_drawn_and_nothing_is_in_clear(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let path = format!("/attempts/{}", fixture::id::<AttemptId>(4));
    let timeline = get(&router, &path).await;
    assert_eq!(timeline.status, StatusCode::OK);
    well_formed(&timeline.body);
    assert!(timeline.body.contains("未保存完整信令") && timeline.body.contains("100 Trying"), "from the timeline");

    let new = |seq, sent, bytes| NewMessage {
        attempt: fixture::id(4),
        seq,
        at: now(),
        leg: "customer",
        sent,
        transport: "udp",
        local: "192.0.2.1:5060".into(),
        peer: "192.0.2.9:5060".into(),
        bytes,
    };
    let lot = [new(0, true, INVITE), new(1, true, INVITE), new(2, false, RINGING)];
    sip_messages::add(&mut pool.acquire().await.unwrap(), &lot).await.unwrap();
    let page = get(&router, &format!("{path}?lang=en")).await;
    well_formed(&page.body);
    for words in ["INVITE (again)", "180 Ringing", "MOS 4.2", "udp 192.0.2.9:5060", "+86xxxxxxxxx48", "10:30:00.000"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("13800100548") && !page.body.contains("刘洋"));
    assert!(get(&router, &format!("/follow-ups/{}?lang=en", fixture::id::<AttemptId>(4))).await.body.contains(&path));
    assert_eq!(get(&router, "/attempts/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/attempts/4").await.status, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn trunks_tell_their_figures(pool: PgPool) {
    let router = morning(pool).await;
    let json = get(&router, "/api/v1/trunks").await.json();
    let trunk = &json["trunks"][0];
    // 16 have ended: 7 talked through; busy, no answer (2) and switched off were brought to the phone
    assert_eq!((&trunk["trunk"], &trunk["seizures"], &trunk["answered"]), (&"main".into(), &16.into(), &7.into()));
    assert_eq!((trunk["asr"].as_f64(), trunk["ner"].as_f64()), (Some(7.0 / 16.0), Some(11.0 / 16.0)));
    // the scene's talks last 241 s, and its phones ring 1,204 - 2 ms after the INVITE
    assert_eq!((trunk["acd_s"].as_f64(), trunk["pdd_p50_ms"].as_u64()), (Some(241.0), Some(1_202)));
    assert_eq!((&json["definitions"][0]["key"], &trunk["fallen"]), (&"asr".into(), &serde_json::json!([])));
    assert_eq!(get(&router, "/api/v1/trunks?hours=0").await.json()["parameter"], "hours");
    for (lang, words) in [("en", "Post-dial delay, median"), ("zh", "网络有效率 NER")] {
        let page = get(&router, &format!("/trunks?lang={lang}")).await;
        well_formed(&page.body);
        assert!(
            page.body.contains(words) && page.body.contains("43.7 %") && page.body.contains("1.2 s"),
            "{}",
            page.body
        );
    }
}
