//! `huifang queue`: how deep the queue is, what comes next, why it waits, and when tonight's work will be done.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::controls::{self, Campaign};
use crate::db::outlook::{self, Waiting};
use crate::db::queue::{self, Depth};
use crate::db::state::{CampaignState, FollowUpState};
use crate::db::{StoreError, gate};
use crate::dialer::policy::eta::Load;
use crate::dialer::policy::window::{day_start, next_day};
use crate::dialer::policy::{Asked, Contact, Manners, Permit};
use crate::phone::E164;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::PgConnection;

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

/// An attempt is taken to last so long where none was made lately.
const USUAL_S: f64 = 60.0;

#[derive(Serialize)]
struct Outlook {
    now: DateTime<Utc>,
    depth: Vec<Depth>,
    campaigns: Vec<Campaign>,
    minutes_today: i64,
    minutes_cap: u32,
    tonight: Tonight,
    next: Vec<Next>,
}

#[derive(Serialize)]
struct Tonight {
    /// One attempt at each of so many.
    due: i64,
    /// Until the dealer's window closes for today; none: it is over.
    closes_at: Option<DateTime<Utc>>,
    mean_attempt_s: f64,
    /// When each has had its attempt; none: nothing can be dialled.
    done_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct Next {
    #[serde(flatten)]
    follow_up: Waiting,
    waits_for: String,
}

/// Prints the outlook.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        look(&mut conn, &settings, options.next).await
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

async fn look(conn: &mut PgConnection, settings: &Settings, limit: i64) -> Result<Outlook, Failure> {
    let (manners, zone, now) = (parts::manners(settings)?, parts::zone(settings)?, Clock::System.now());
    let asked = async {
        let mut next = Vec::new();
        for follow_up in outlook::next(conn, now, limit).await? {
            let waits_for = why(conn, &manners, &follow_up, now).await?;
            next.push(Next { follow_up, waits_for });
        }
        Ok::<_, StoreError>(Outlook {
            now,
            depth: queue::depth(conn, now).await?,
            campaigns: controls::all(conn).await?,
            minutes_today: gate::minutes_since(conn, day_start(now, zone), now).await?,
            minutes_cap: settings.dialer.max_minutes_a_day,
            tonight: tonight(conn, settings, &manners, zone, now).await?,
            next,
        })
    };
    asked.await.map_err(Failure::start)
}

async fn tonight(
    conn: &mut PgConnection,
    settings: &Settings,
    manners: &Manners,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Tonight, StoreError> {
    let dealers = manners.country(&settings.dealer.country);
    let closes_at = dealers.window.closes_today(now, zone);
    let due = outlook::due_before(conn, now, closes_at.unwrap_or_else(|| next_day(now, zone))).await?;
    let mean_attempt_s = outlook::mean_attempt_s(conn, now - TimeDelta::days(7)).await?.unwrap_or(USUAL_S);
    let trunks = settings.trunks.values();
    let load = Load {
        due: due.try_into().unwrap_or_default(),
        slots: trunks.clone().map(|trunk| trunk.max_calls).sum::<u32>().min(settings.dialer.max_calls),
        per_second: trunks.map(|trunk| trunk.calls_per_second).sum(),
        mean_s: mean_attempt_s,
    };
    let opens = dealers.window.next(now, zone);
    Ok(Tonight { due, closes_at, mean_attempt_s, done_at: opens.and_then(|opens| load.done_at(opens)) })
}

/// Why a follow-up is not in a call at this moment.
async fn why(
    conn: &mut PgConnection,
    manners: &Manners,
    waiting: &Waiting,
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    if let Some(state) = waiting.campaign {
        return Ok(match state {
            CampaignState::Paused => "its campaign is paused".into(),
            CampaignState::Draining => "its campaign is drained".into(),
            CampaignState::Running => String::new(),
        });
    }
    if waiting.next_attempt_at > now {
        let usual = match waiting.state {
            FollowUpState::CallBack => "the customer booked this time",
            FollowUpState::Retry => "the delay after its last attempt",
            FollowUpState::Waiting | FollowUpState::InCall | FollowUpState::NeedsReview => "it is not due yet",
            FollowUpState::Done | FollowUpState::Expired => "it is over",
        };
        return Ok(waiting.state_detail.clone().unwrap_or_else(|| usual.into()));
    }
    if waiting.in_call {
        return Ok("its number is in a call".into());
    }
    let Ok(zone) = waiting.time_zone.parse::<Tz>() else { return Ok("its time zone is unknown".into()) };
    let contact = gate::contact(conn, &waiting.number, waiting.id, None, day_start(now, zone), now).await?;
    let appointment = waiting.state == FollowUpState::CallBack;
    Ok(match manners.permit(&asked(&waiting.number, zone, appointment, &contact, now)) {
        Permit::Dial if waiting.lease_expires_at.is_some_and(|until| until > now) => {
            "an engine is about to dial it".into()
        }
        Permit::Dial => "nothing but room on a trunk, and an engine at work".into(),
        Permit::NotBefore(at, wait) => format!("{wait}, until {}", at.with_timezone(&zone).format("%a %H:%M")),
        Permit::Spent => "no attempt is left".into(),
        Permit::NeverOpen => "the calling window never opens".into(),
        Permit::Blocked => "its number is wrong or on the do-not-call list".into(),
        Permit::Refused(refusal) => refusal.to_string(),
    })
}

fn asked<'a>(number: &'a E164, zone: Tz, appointment: bool, contact: &'a Contact, now: DateTime<Utc>) -> Asked<'a> {
    Asked { number, zone, appointment, contact, now }
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
        say!("    waits for: {}", next.waits_for);
    }
}
