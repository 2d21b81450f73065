//! What the queue looks like to people: how deep it is, what comes next, why it waits and until when, and when tonight's work will be done. Asked by
//! `huifang queue`, by the API and by the page, so that all three say the same.

mod waits;

pub use waits::{Held, Pace, pace, waits};

use super::policy::eta::Load;
use super::policy::window::{day_start, next_day};
use super::policy::{Asked, Contact, Manners, Permit};
use crate::config::Settings;
use crate::db::controls::{self, Campaign};
use crate::db::outlook::{self, Waiting};
use crate::db::queue::{self, Depth};
use crate::db::state::{CampaignState, FollowUpState};
use crate::db::{StoreError, gate};
use crate::phone::E164;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::PgConnection;

/// An attempt is taken to last so long where none was made lately.
const USUAL_S: f64 = 60.0;

/// Why somebody waits whose campaign is paused.
pub const PAUSED: &str = "its campaign is paused";
/// Why somebody waits whose campaign is drained.
pub const DRAINED: &str = "its campaign is drained";
const ABOUT_TO: &str = "an engine is about to dial it";
const ROOM: &str = "nothing but room on a trunk, and an engine at work";

/// What the outlook is made from beside the store: the manners and the settings' limits.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who may be called when.
    pub manners: Manners,
    /// The dealer's zone.
    pub zone: Tz,
    /// The dealer's country.
    pub country: String,
    /// Calls at the same time, over all trunks.
    pub slots: u32,
    /// Calls that start in a second, over all trunks.
    pub per_second: f64,
    /// Minutes of conversation a day; 0: no cap.
    pub minutes_cap: u32,
}

impl Rules {
    /// Of these settings.
    pub fn new(settings: &Settings, manners: Manners, zone: Tz) -> Rules {
        let trunks = settings.trunks.values();
        Rules {
            manners,
            zone,
            country: settings.dealer.country.clone(),
            slots: trunks.clone().map(|trunk| trunk.max_calls).sum::<u32>().min(settings.dialer.max_calls),
            per_second: trunks.map(|trunk| trunk.calls_per_second).sum(),
            minutes_cap: settings.dialer.max_minutes_a_day,
        }
    }
}

/// The queue of one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// When it was read.
    pub now: DateTime<Utc>,
    /// Follow-ups by state.
    pub depth: Vec<Depth>,
    /// Campaigns that somebody has ever paused, resumed or drained.
    pub campaigns: Vec<Campaign>,
    /// Minutes of conversation today.
    pub minutes_today: i64,
    /// At most so many; 0: no cap.
    pub minutes_cap: u32,
    /// The estimate.
    pub tonight: Tonight,
    /// What comes next.
    pub next: Vec<Next>,
}

/// When today's work will be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tonight {
    /// One attempt at each of so many.
    pub due: i64,
    /// Until the dealer's window closes for today; none: it is over.
    pub closes_at: Option<DateTime<Utc>>,
    /// How long an attempt is taken to last.
    pub mean_attempt_s: f64,
    /// When each has had its attempt; none: nothing can be dialled.
    pub done_at: Option<DateTime<Utc>>,
}

/// A follow-up of the queue and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// Which.
    #[serde(flatten)]
    pub follow_up: Waiting,
    /// Why it is not in a call at this moment.
    pub waits_for: String,
    /// The first moment at which it may be dialled, as things stand; none: not before a person changes something.
    pub dialled_from: Option<DateTime<Utc>>,
}

/// Reads the outlook, with `limit` of the next follow-ups at most.
pub async fn look(
    conn: &mut PgConnection,
    rules: &Rules,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Outlook, StoreError> {
    Ok(Outlook {
        now,
        depth: queue::depth(conn, now).await?,
        campaigns: controls::all(conn).await?,
        minutes_today: gate::minutes_since(conn, day_start(now, rules.zone), now).await?,
        minutes_cap: rules.minutes_cap,
        tonight: tonight(conn, rules, now).await?,
        next: next(conn, &rules.manners, now, limit).await?,
    })
}

/// What comes next, and why it waits.
pub async fn next(
    conn: &mut PgConnection,
    manners: &Manners,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Next>, StoreError> {
    let rows = outlook::next(conn, now, limit).await?;
    explained(conn, manners, rows, now).await
}

/// Those whose deadline comes first, and why they wait.
pub async fn by_deadline(
    conn: &mut PgConnection,
    manners: &Manners,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Next>, StoreError> {
    let rows = outlook::by_deadline(conn, now, limit).await?;
    explained(conn, manners, rows, now).await
}

/// Booked call-backs, the next ones first, and when each is dialled.
pub async fn booked(
    conn: &mut PgConnection,
    manners: &Manners,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Next>, StoreError> {
    let rows = outlook::booked(conn, now, limit).await?;
    explained(conn, manners, rows, now).await
}

async fn explained(
    conn: &mut PgConnection,
    manners: &Manners,
    rows: Vec<Waiting>,
    now: DateTime<Utc>,
) -> Result<Vec<Next>, StoreError> {
    let mut next = Vec::with_capacity(rows.len());
    for follow_up in rows {
        let (waits_for, dialled_from) = why(conn, manners, &follow_up, now).await?;
        next.push(Next { follow_up, waits_for, dialled_from });
    }
    Ok(next)
}

/// When today's work will be done, as things stand.
pub async fn tonight(conn: &mut PgConnection, rules: &Rules, now: DateTime<Utc>) -> Result<Tonight, StoreError> {
    let dealers = rules.manners.country(&rules.country);
    let closes_at = dealers.window.closes_today(now, rules.zone);
    let due = outlook::due_before(conn, now, closes_at.unwrap_or_else(|| next_day(now, rules.zone))).await?;
    let mean_attempt_s = outlook::mean_attempt_s(conn, now - TimeDelta::days(7)).await?.unwrap_or(USUAL_S);
    let load = Load {
        due: due.try_into().unwrap_or_default(),
        slots: rules.slots,
        per_second: rules.per_second,
        mean_s: mean_attempt_s,
    };
    let opens = dealers.window.next(now, rules.zone);
    Ok(Tonight { due, closes_at, mean_attempt_s, done_at: opens.and_then(|opens| load.done_at(opens)) })
}

/// Why somebody waits whose next attempt lies ahead, where nobody has said it.
fn put_off(state: FollowUpState) -> &'static str {
    match state {
        FollowUpState::CallBack => "the customer booked this time",
        FollowUpState::Retry => "the delay after its last attempt",
        FollowUpState::Waiting | FollowUpState::InCall | FollowUpState::NeedsReview => "it is not due yet",
        FollowUpState::Done | FollowUpState::Expired => "it is over",
    }
}

/// Why a follow-up is not in a call at this moment, and from when on it may be.
async fn why(
    conn: &mut PgConnection,
    manners: &Manners,
    waiting: &Waiting,
    now: DateTime<Utc>,
) -> Result<(String, Option<DateTime<Utc>>), StoreError> {
    match waiting.campaign {
        Some(CampaignState::Paused) => return Ok((PAUSED.into(), None)),
        Some(CampaignState::Draining) => return Ok((DRAINED.into(), None)),
        Some(CampaignState::Running) | None => {}
    }
    let Ok(zone) = waiting.time_zone.parse::<Tz>() else { return Ok(("its time zone is unknown".into(), None)) };
    // judged at the moment that it is put off to: the window may be closed then
    let at = now.max(waiting.next_attempt_at);
    let contact = gate::contact(conn, &waiting.number, waiting.id, None, day_start(at, zone), at).await?;
    let appointment = waiting.state == FollowUpState::CallBack;
    let permit = manners.permit(&asked(&waiting.number, zone, appointment, &contact, at));
    let from = match permit {
        Permit::Dial => Some(at),
        Permit::NotBefore(until, _) => Some(until),
        Permit::Spent | Permit::NeverOpen | Permit::Blocked | Permit::Refused(_) => None,
    };
    let from = from.filter(|from| *from < waiting.deadline);
    if at > now {
        return Ok((waiting.state_detail.clone().unwrap_or_else(|| put_off(waiting.state).into()), from));
    }
    if waiting.in_call {
        return Ok(("its number is in a call".into(), from));
    }
    let text = match permit {
        Permit::Dial if waiting.lease_expires_at.is_some_and(|until| until > now) => ABOUT_TO.into(),
        Permit::Dial => ROOM.into(),
        Permit::NotBefore(_, wait) => wait.to_string(),
        Permit::Spent => "no attempt is left".into(),
        Permit::NeverOpen => "the calling window never opens".into(),
        Permit::Blocked => "its number is wrong or on the do-not-call list".into(),
        Permit::Refused(refusal) => refusal.to_string(),
    };
    Ok((text, from))
}

fn asked<'a>(number: &'a E164, zone: Tz, appointment: bool, contact: &'a Contact, now: DateTime<Utc>) -> Asked<'a> {
    Asked { number, zone, appointment, contact, now }
}
