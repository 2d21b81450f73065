//! `huifang pause|resume|drain [--campaign KEY]` and `huifang release`: what is dialled, said by a person; it holds at once for every engine on the database.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::controls;
use crate::db::desk::{self, Reopen};
use crate::db::state::CampaignState;
use crate::ids::FollowUpId;
use chrono::TimeDelta;

/// Options of `pause`, `resume` and `drain`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only this campaign (a survey's key); without it all of them.
    #[arg(long, value_name = "KEY")]
    campaign: Option<String>,
}

/// Sets the state of a campaign or of all.
pub async fn run(settings: Settings, options: Options, state: CampaignState) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let campaign = options.campaign.as_deref();
        controls::set(&mut conn, campaign, state, Clock::System.now()).await.map_err(Failure::start)?;
        say!("{}: {state}", campaign.unwrap_or("all campaigns"));
        for other in controls::all(&mut conn).await.map_err(Failure::start)? {
            let is_other = other.key != campaign.unwrap_or(controls::ALL);
            if is_other && other.state != CampaignState::Running {
                let key = if other.key == controls::ALL { "all campaigns" } else { &other.key };
                say!("still: {key}: {}", other.state);
            }
        }
        Ok(())
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

/// Options of `release`.
#[derive(clap::Args, Debug)]
pub struct Release {
    /// Follow-ups under review.
    #[arg(required_unless_present = "refused", value_name = "FOLLOW_UP")]
    follow_ups: Vec<uuid::Uuid>,
    /// All that were set aside because their numbers were refused.
    #[arg(long)]
    refused: bool,
    /// A new deadline, so many hours from now.
    #[arg(long, value_name = "H")]
    within_h: Option<u32>,
}

/// Puts follow-ups under review back into the queue; status 1 when one could not be.
pub async fn release(settings: Settings, options: Release) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let now = Clock::System.now();
        let how = Reopen {
            now,
            after_unknown: TimeDelta::minutes(settings.dialer.retry.unknown_min.into()),
            deadline: options.within_h.map(|hours| now + TimeDelta::hours(hours.into())),
        };
        let mut ids: Vec<FollowUpId> = options.follow_ups.iter().copied().map(FollowUpId).collect();
        if options.refused {
            ids.extend(desk::refused(&mut conn).await.map_err(Failure::start)?);
        }
        let mut failed = 0;
        for id in ids {
            match desk::reopen(&mut conn, id, &how).await {
                Ok(Some(at)) => say!("{id}: dialled again from {} on", at.format("%F %H:%M UTC")),
                Ok(None) => say!("{id}: ended, its number is wrong or on the do-not-call list"),
                Err(error) => {
                    eprintln!("{error}");
                    failed += 1;
                }
            }
        }
        if failed == 0 { Ok(()) } else { Err(Failure::Found(format!("{failed} follow-ups were not released"))) }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}
