//! `huifang follow-up ID`: its whole story: where it stands and why, each attempt with its timeline, what was answered, the complaint.

use super::{Failure, parts};
use crate::config::Settings;
use crate::db::story::{self, AttemptStory, FollowUpStory};
use crate::ids::FollowUpId;
use crate::media::quality::Quality;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

/// Options of `follow-up`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Its id, as `huifang queue` shows it.
    id: uuid::Uuid,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
    /// Leave the timelines out.
    #[arg(long)]
    brief: bool,
}

/// Prints the story; status 2 when there is no such follow-up.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        story::follow_up(&mut conn, FollowUpId(options.id)).await.map_err(Failure::start)
    };
    let result = result.await;
    let _ = store.close().await;
    let story = result?;
    if options.json {
        say!("{}", serde_json::to_value(&story).unwrap_or_default());
    } else {
        print(&story, parts::zone(&settings)?, options.brief);
    }
    Ok(())
}

fn print(story: &FollowUpStory, zone: Tz, brief: bool) {
    let time = |at: DateTime<Utc>| at.with_timezone(&zone).format("%F %H:%M:%S").to_string();
    let row = &story.follow_up;
    let version = row.survey_version.map(|version| format!(", version {version}")).unwrap_or_default();
    say!("{}  {}{version}", row.id, row.survey_key);
    let reason = row.state_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let detail = row.state_detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    say!("  {}{reason}{detail}", row.state);
    say!("  due {}, deadline {}", time(row.due_at), time(row.deadline));
    match (&row.final_disposition, row.closed_at) {
        (Some(disposition), Some(at)) => {
            say!("  ended {}: {disposition} (AAPOR {})", time(at), row.final_aapor.as_deref().unwrap_or("-"));
        }
        _ if row.state.is_queued() => say!("  dialled next from {} on", time(row.next_attempt_at)),
        _ => {}
    }
    if let Some(complaint) = &story.complaint {
        say!(
            "  complaint: {}, {}, first contact due {}",
            complaint.reason,
            complaint.state,
            time(complaint.contact_due_at)
        );
    }
    for attempt in &story.attempts {
        print_attempt(attempt, &time, brief);
    }
}

fn print_attempt(story: &AttemptStory, time: &dyn Fn(DateTime<Utc>) -> String, brief: bool) {
    let attempt = &story.attempt;
    let sent = if attempt.invite_sent_at.is_some() { "" } else { ", never sent" };
    say!("\nattempt {}  {}  {} over {}{sent}", attempt.ordinal, time(attempt.began_at), attempt.number, attempt.trunk);
    let status = attempt.sip_status.map(|status| format!(", SIP {status}")).unwrap_or_default();
    let detail = attempt.detail.as_deref().unwrap_or("");
    match &attempt.disposition {
        Some(disposition) => {
            say!("  {disposition} (AAPOR {}){status}: {detail}", attempt.aapor.as_deref().unwrap_or("-"));
        }
        None => say!("  open, on {}", attempt.node),
    }
    let quality = story.timeline.iter().find(|event| event.kind == "quality");
    if let Some(quality) = quality.and_then(|event| Quality::deserialize(&event.detail).ok()) {
        say!("  {:<16} {}", "sound", quality.line());
    }
    for answer in &story.answers {
        let score = answer.score.map(|score| format!(", score {score}")).unwrap_or_default();
        say!("  {:<16} {}{score}", answer.question, answer.value);
    }
    for recording in &story.recordings {
        let file = match recording.purged_at {
            Some(at) => format!("removed by retention on {}", time(at)),
            None => recording.path.clone(),
        };
        say!("  {:<16} {file} ({:.1} s)", recording.kind, f64::from(recording.duration_ms) / 1000.0);
    }
    for event in story.timeline.iter().filter(|_| !brief) {
        let detail = if event.detail == serde_json::json!({}) { String::new() } else { event.detail.to_string() };
        say!("  {:>9.3} s  {:<14} {detail}", event.offset_ms as f64 / 1000.0, event.kind);
    }
}
