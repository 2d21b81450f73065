//! What nothing but a person mends. Each kind says how many there are, and names the first of them, so that a page can lead there.

use crate::db::complaint_desk::{self, Standing};
use crate::db::controls::{self, ALL};
use crate::db::outbox;
use crate::db::run::{self, Undone};
use crate::db::state::{CampaignState, FollowUpState, OutboxState, TrunkState};
use crate::db::trunk_figures::{self, Trend};
use crate::db::trunk_states::{self, FRESH};
use crate::db::{StoreError, outlook as store};
use crate::dialer::outlook::{self, Next, Rules};
use crate::ids::{ComplaintId, FollowUpId};
use crate::phone::Pii;
use crate::rates::trunk::fallen;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// Of each kind so many are named.
const MOST_NAMED: usize = 10;
/// So many of the queue are asked whether they come in time, those whose deadline is next; so many call-backs whether they can be kept.
const LOOKED_AT: i64 = 200;
/// A call-back that is dialled so much later than it was booked is not kept.
const LATE: TimeDelta = TimeDelta::minutes(15);
/// No call lasts so long.
const STUCK: TimeDelta = TimeDelta::minutes(30);
/// The engines clean up each hour; what is not done after so long does not get done.
const UNDONE: TimeDelta = TimeDelta::hours(24);

/// Something that needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedKind {
    /// Complaints past their deadline.
    ComplaintOverdue,
    /// A trunk that gets no calls.
    TrunkDown,
    /// A trunk whose figures have fallen below its own.
    TrunkFallen,
    /// Dialling is paused or drained, and somebody waits.
    DiallingHeld,
    /// Booked call-backs that are not dialled when they were booked for.
    CallBackLost,
    /// Follow-ups of the queue that are not dialled before their deadline, as things stand.
    WillMiss,
    /// Follow-ups that were set aside.
    Review,
    /// Calls that never end.
    CallStuck,
    /// Messages to other systems, or texts, that were given up or of which nobody knows.
    MessagesFailed,
    /// Recordings that should have been removed.
    RecordingsKept,
    /// Erasures that do not get done.
    ErasureOpen,
}

impl NeedKind {
    /// Its key.
    pub fn as_str(self) -> &'static str {
        match self {
            NeedKind::ComplaintOverdue => "complaint_overdue",
            NeedKind::TrunkDown => "trunk_down",
            NeedKind::TrunkFallen => "trunk_fallen",
            NeedKind::DiallingHeld => "dialling_held",
            NeedKind::CallBackLost => "call_back_lost",
            NeedKind::WillMiss => "will_miss",
            NeedKind::Review => "review",
            NeedKind::CallStuck => "call_stuck",
            NeedKind::MessagesFailed => "messages_failed",
            NeedKind::RecordingsKept => "recordings_kept",
            NeedKind::ErasureOpen => "erasure_open",
        }
    }
}

/// What needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// How many.
    pub count: u64,
    /// So many were looked at to find them, where not all were.
    pub looked_at: Option<u64>,
    /// The first of them.
    pub rows: Vec<Row>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The follow-up whose page tells more.
    pub follow_up: Option<FollowUpId>,
    /// The complaint.
    pub complaint: Option<ComplaintId>,
    /// Who; whoever shows it masks it.
    #[serde(skip)]
    pub name: Option<Pii<String>>,
    /// Their number, masked.
    pub number: Option<String>,
    /// The survey, campaign or trunk.
    pub what: Option<String>,
    /// Why: a word or a sentence of the store's or the dialler's.
    pub why: Option<String>,
    /// When: its deadline, the time that was booked, since when.
    pub at: Option<DateTime<Utc>>,
}

/// Reads all that there is of it.
pub(super) async fn read(
    conn: &mut PgConnection,
    rules: Option<&Rules>,
    now: DateTime<Utc>,
) -> Result<Vec<Need>, StoreError> {
    let mut needs = vec![complaints(conn, now).await?, trunks_down(conn, now).await?, held(conn, now).await?];
    if let Some(rules) = rules {
        needs.push(call_backs(conn, rules, now).await?);
        needs.push(too_late(conn, rules, now).await?);
    }
    needs.push(review(conn).await?);
    needs.push(trunks_fallen(conn, now).await?);
    needs.push(stuck(conn, now).await?);
    needs.push(messages(conn).await?);
    let Undone { recordings, erasures } = run::undone(conn, now - UNDONE).await?;
    needs.push(counted(NeedKind::RecordingsKept, recordings));
    needs.push(counted(NeedKind::ErasureOpen, erasures));
    needs.retain(|need| need.count > 0);
    Ok(needs)
}

fn counted(kind: NeedKind, count: i64) -> Need {
    Need { kind, count: u64::try_from(count).unwrap_or(0), looked_at: None, rows: Vec::new() }
}

fn named(kind: NeedKind, mut rows: Vec<Row>) -> Need {
    let count = rows.len() as u64;
    rows.truncate(MOST_NAMED);
    Need { kind, count, looked_at: None, rows }
}

async fn complaints(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let overdue = complaint_desk::Filter { standing: Standing::Overdue, ..complaint_desk::Filter::default() };
    let count = complaint_desk::count(conn, &overdue, now).await?;
    let rows = complaint_desk::list(conn, &overdue, now, MOST_NAMED as i64, 0).await?;
    let row = |complaint: complaint_desk::Complaint| Row {
        follow_up: Some(complaint.follow_up),
        complaint: Some(complaint.id),
        name: Some(complaint.name),
        number: None,
        what: Some(complaint.survey),
        why: Some(complaint.reason.as_str().to_owned()),
        at: Some(complaint.opened_at),
    };
    Ok(Need { rows: rows.into_iter().map(row).collect(), ..counted(NeedKind::ComplaintOverdue, count) })
}

async fn trunks_down(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let seen = trunk_states::since(conn, now - FRESH).await?;
    let down = seen.into_iter().filter(|seen| seen.state == TrunkState::Down);
    let row = |seen: trunk_states::Seen| Row {
        what: Some(seen.trunk),
        why: seen.why,
        at: Some(seen.since),
        ..Row::default()
    };
    Ok(named(NeedKind::TrunkDown, down.map(row).collect()))
}

async fn trunks_fallen(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let trends = trunk_figures::trends(conn, now).await?;
    let row = |trend: &Trend| {
        let figures: Vec<&str> = fallen(&trend.now, &trend.before).iter().map(|fallen| fallen.figure).collect();
        let row = || Row { what: Some(trend.trunk.clone()), why: Some(figures.join(", ")), ..Row::default() };
        (!figures.is_empty()).then(row)
    };
    Ok(named(NeedKind::TrunkFallen, trends.iter().filter_map(row).collect()))
}

/// Dialling that is held back counts by those who wait for it.
async fn held(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let waiting: i64 =
        store::alike(conn, now).await?.iter().filter(|row| row.campaign.is_some()).map(|row| row.count).sum();
    let said = controls::all(conn).await?;
    let row = |campaign: controls::Campaign| Row {
        what: (campaign.key != ALL).then_some(campaign.key),
        why: Some(campaign.state.as_str().to_owned()),
        at: Some(campaign.changed_at),
        ..Row::default()
    };
    let rows = said.into_iter().filter(|campaign| campaign.state != CampaignState::Running).map(row).collect();
    Ok(Need { rows, ..counted(NeedKind::DiallingHeld, waiting) })
}

async fn call_backs(conn: &mut PgConnection, rules: &Rules, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let rows = outlook::booked(conn, &rules.manners, now, LOOKED_AT).await?;
    let looked_at = rows.len() as u64;
    let lost = rows
        .into_iter()
        .filter(|next| is_lost(next, now))
        .map(|next| Row { at: Some(next.follow_up.next_attempt_at), ..of_queue(next) });
    Ok(Need { looked_at: Some(looked_at), ..named(NeedKind::CallBackLost, lost.collect()) })
}

/// It is not dialled at the time that it was booked for, or that time has passed and nobody has dialled it.
fn is_lost(next: &Next, now: DateTime<Utc>) -> bool {
    let booked = next.follow_up.next_attempt_at;
    now > booked + LATE || next.dialled_from.is_none_or(|from| from > booked + LATE)
}

async fn too_late(conn: &mut PgConnection, rules: &Rules, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let rows = outlook::by_deadline(conn, &rules.manners, now, LOOKED_AT).await?;
    let looked_at = rows.len() as u64;
    // what a person holds back stands under its own heading, call-backs under theirs
    let own = |next: &Next| next.follow_up.campaign.is_none() && next.follow_up.state != FollowUpState::CallBack;
    let late = rows.into_iter().filter(|next| own(next) && next.dialled_from.is_none());
    Ok(Need { looked_at: Some(looked_at), ..named(NeedKind::WillMiss, late.map(of_queue).collect()) })
}

fn of_queue(next: Next) -> Row {
    Row {
        follow_up: Some(next.follow_up.id),
        number: Some(next.follow_up.number.masked()),
        what: Some(next.follow_up.survey_key),
        why: Some(next.waits_for),
        at: Some(next.follow_up.deadline),
        ..Row::default()
    }
}

async fn review(conn: &mut PgConnection) -> Result<Need, StoreError> {
    let (rows, count) = run::review(conn, MOST_NAMED as i64).await?;
    let row = |review: run::Review| Row {
        follow_up: Some(review.follow_up),
        name: Some(review.name),
        what: Some(review.survey),
        why: review.detail.or(review.reason.map(|reason| reason.as_str().to_owned())),
        at: Some(review.deadline),
        ..Row::default()
    };
    Ok(Need { rows: rows.into_iter().map(row).collect(), ..counted(NeedKind::Review, count) })
}

async fn stuck(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Need, StoreError> {
    let rows = run::stuck(conn, now - STUCK).await?;
    let row = |(follow_up, at)| Row { follow_up: Some(follow_up), at: Some(at), ..Row::default() };
    Ok(named(NeedKind::CallStuck, rows.into_iter().map(row).collect()))
}

/// By target and state: which other side has to be looked after.
async fn messages(conn: &mut PgConnection) -> Result<Need, StoreError> {
    let lost = |count: &outbox::Count| matches!(count.state, OutboxState::Failed | OutboxState::Unknown);
    let counts: Vec<outbox::Count> = outbox::counts(conn).await?.into_iter().filter(lost).collect();
    let all = counts.iter().map(|count| count.messages).sum();
    let row = |count: outbox::Count| Row {
        what: Some(count.target),
        why: Some(count.state.as_str().to_owned()),
        at: Some(count.oldest),
        ..Row::default()
    };
    Ok(Need { rows: counts.into_iter().map(row).collect(), ..counted(NeedKind::MessagesFailed, all) })
}
