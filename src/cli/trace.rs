//! `huifang trace ID`: the ladder diagram of an attempt, or of all attempts at a follow-up; its messages, masked or raw; a capture file for Wireshark.

use super::{Failure, parts};
use crate::call::ladder::{self, Ladder, Names};
use crate::call::trace::mask::mask_message;
use crate::call::trace::pcap;
use crate::config::Settings;
use crate::db::audit::{self, Entry};
use crate::db::sip_messages::{self, Stored};
use crate::db::story::{self, AttemptStory};
use crate::dialer::traces;
use crate::ids::{AttemptId, FollowUpId};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use std::path::PathBuf;

/// Options of `trace`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Id of an attempt, or of a follow-up.
    id: uuid::Uuid,
    /// Numbers and names in clear; the audit log keeps who asked.
    #[arg(long)]
    raw: bool,
    /// Print the whole messages below the ladder.
    #[arg(long)]
    messages: bool,
    /// Write the messages as a capture file (masked without --raw).
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

struct Traced {
    story: AttemptStory,
    messages: Vec<Stored>,
    missing: i32,
}

/// Prints the traces; status 2 when nothing has this id.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let zone = parts::zone(&settings)?;
    let store = parts::open_store(&settings).await?;
    let read = async {
        let mut conn = parts::connection(&store).await?;
        let ids = attempts(&mut conn, options.id).await?;
        if options.raw {
            // before anything is shown
            let detail = json!({ "by": format!("user {}", super::parts::user()), "pcap": options.pcap.is_some() });
            let (at, action) = (Utc::now(), "trace.raw".to_owned());
            let entry = Entry {
                at,
                user: None,
                token: None,
                address: None,
                action,
                object: format!("trace:{}", options.id),
                detail,
            };
            audit::add(&mut conn, &entry, rand::random()).await.map_err(Failure::start)?;
        }
        let mut all = Vec::new();
        for id in ids {
            let story = story::attempt(&mut conn, id).await.map_err(Failure::start)?;
            let messages = sip_messages::of_attempt(&mut conn, id).await.map_err(Failure::start)?;
            let missing = sip_messages::missing(&mut conn, id).await.map_err(Failure::start)?;
            all.push(Traced { story, messages, missing });
        }
        Ok(all)
    };
    let read = read.await;
    let _ = store.close().await;
    let all = read?;
    if let Some(file) = &options.pcap {
        let shown = all.iter().flat_map(|traced| &traced.messages);
        let messages: Vec<_> = shown.filter_map(|stored| traces::message(stored, options.raw)).collect();
        if messages.is_empty() {
            return Err(Failure::Found("no whole message was kept: see [trace] sip in the settings".to_owned()));
        }
        std::fs::write(file, pcap::write(&messages))
            .map_err(|error| Failure::start(format!("{}: {error}", file.display())))?;
        eprintln!("{}: {} messages", file.display(), messages.len());
    }
    if options.json {
        let list: Vec<_> = all.iter().map(|traced| json_of(traced, options.raw)).collect();
        say!("{}", json!({ "attempts": list }));
        return Ok(());
    }
    for traced in &all {
        print(
            traced,
            &options,
            &|at: DateTime<Utc>| at.with_timezone(&zone).format("%F %H:%M:%S%.3f").to_string(),
            zone,
        );
    }
    Ok(())
}

/// The attempt of this id, or those at the follow-up of this id.
async fn attempts(conn: &mut PgConnection, id: uuid::Uuid) -> Result<Vec<AttemptId>, Failure> {
    let of = story::attempts_of(conn, FollowUpId(id)).await.map_err(Failure::start)?;
    if of.is_empty() {
        let none = |_| Failure::start(format!("there is no attempt {id}, and no follow-up {id} with attempts"));
        return Ok(vec![story::attempt(conn, AttemptId(id)).await.map_err(none)?.attempt.id]);
    }
    Ok(of.into_iter().map(|attempt| attempt.id).collect())
}

fn ladder_of(traced: &Traced) -> Ladder {
    traces::ladder(&traced.story, &traced.messages)
}

fn print(traced: &Traced, options: &Options, time: &dyn Fn(DateTime<Utc>) -> String, zone: chrono_tz::Tz) {
    let attempt = &traced.story.attempt;
    say!("attempt {}  {} over {}, began {}", attempt.id, attempt.number, attempt.trunk, time(attempt.began_at));
    let detail = attempt.detail.as_deref().unwrap_or("open");
    say!("  {}: {detail}", attempt.disposition.as_deref().unwrap_or("open"));
    if traced.messages.is_empty() {
        say!("  whole messages were not kept; this is the timeline's");
    }
    if traced.missing > 0 {
        say!("  {} further messages were not kept", traced.missing);
    }
    let names = Names { trunk: "trunk", us: "huifang", agent: "agent's phone", again: "again" };
    say!("{}", ladder_of(traced).text(&names, zone));
    if let Some(quality) = &traced.story.quality {
        let mos = quality.mos().map(|mos| format!("MOS {mos:.2}, ")).unwrap_or_default();
        say!("  sound: {mos}{:.1} % lost to us", quality.rx_lost_percent());
    }
    for event in traced.story.timeline.iter().filter(|event| !event.kind.starts_with("sip_")) {
        say!("  {:>9.3} s  {:<14} {}", event.offset_ms as f64 / 1000.0, event.kind, event.detail);
    }
    for stored in traced.messages.iter().filter(|_| options.messages || options.raw) {
        let way = if stored.sent { "to" } else { "from" };
        say!("\n-- {}  {way} {} {}", time(stored.at), stored.transport, stored.peer);
        say!("{}", text(stored, options.raw));
    }
    say!("");
}

fn text(stored: &Stored, raw: bool) -> String {
    let bytes = if raw { stored.bytes.clone() } else { mask_message(&stored.bytes) };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn json_of(traced: &Traced, raw: bool) -> serde_json::Value {
    let message = |stored: &Stored| {
        json!({ "at": stored.at, "leg": stored.leg, "sent": stored.sent, "transport": stored.transport,
                "local": stored.local, "peer": stored.peer, "message": text(stored, raw) })
    };
    let ladder: &dyn Fn(&ladder::Arrow) -> serde_json::Value = &|arrow| {
        json!({ "at": arrow.at, "offset_ms": arrow.offset_ms, "from": arrow.from, "to": arrow.to, "label": arrow.label,
                "cseq": arrow.cseq, "again": arrow.again })
    };
    let drawn = ladder_of(traced);
    json!({
        "attempt": traced.story.attempt, "quality": traced.story.quality, "timeline": traced.story.timeline,
        "not_kept": traced.missing, "arrows": drawn.arrows.iter().map(ladder).collect::<Vec<_>>(),
        "messages": traced.messages.iter().map(message).collect::<Vec<_>>(),
    })
}
