//! `huifang queue`: how deep the queue is, what comes next, why it waits, and when tonight's work will be done.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::controls;
use crate::db::outlook::Waiting;
use crate::db::state::CampaignState;
use crate::dialer::outlook::{self, Outlook};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Options of `queue`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How many of the next follow-ups are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    next: i64,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints the outlook.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let rules = parts::outlook(&settings)?;
        outlook::look(&mut conn, &rules, Clock::System.now(), options.next).await.map_err(Failure::start)
    };
    let result = result.await;
    let _ = store.close().await;
    let outlook = result?;
    if options.json {
        say!("{}", serde_json::to_value(&outlook).unwrap_or_default());
    } else {
        print(&outlook, parts::zone(&settings)?);
    }
    Ok(())
}

fn print(outlook: &Outlook, zone: Tz) {
    let time = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %d %b %H:%M").to_string();
    for campaign in outlook.campaigns.iter().filter(|campaign| campaign.state != CampaignState::Running) {
        let key = if campaign.key == controls::ALL { "ALL CAMPAIGNS" } else { &campaign.key };
        say!("{key}: {} since {}", campaign.state, time(campaign.changed_at));
    }
    for depth in &outlook.depth {
        let due = if depth.state.is_queued() { format!("{:>6} due", depth.due) } else { String::new() };
        say!("{:<14}{:>7}  {due}", depth.state, depth.count);
    }
    let cap = if outlook.minutes_cap > 0 { format!(" of {}", outlook.minutes_cap) } else { String::new() };
    say!("minutes of conversation today: {}{cap}", outlook.minutes_today);
    let tonight = &outlook.tonight;
    match (tonight.due, tonight.done_at, tonight.closes_at) {
        (0, ..) => say!("nothing more is due today"),
        (due, None, _) => say!("{due} are due, and no trunk or window to dial them"),
        (due, Some(done), closes) => {
            let late = closes.is_none_or(|closes| done > closes);
            let note = if late { "; not all of them before the window closes" } else { "" };
            say!("{due} are due today: one attempt at each until about {}{note}", time(done));
        }
    }
    for next in &outlook.next {
        let Waiting { id, survey_key, state, next_attempt_at, attempts_made, number, .. } = &next.follow_up;
        say!("\n{id}  {survey_key}  {number}  {state}, {attempts_made} attempts, {}", time(*next_attempt_at));
        match next.dialled_from {
            Some(from) if from > outlook.now => say!("    waits for: {}; dialled from {}", next.waits_for, time(from)),
            Some(_) | None => say!("    waits for: {}", next.waits_for),
        }
    }
}
