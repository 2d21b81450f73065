//! The board: what the status page shows, read at most once a second however many people look, and numbered section by section so that a page
//! gets only what has changed. There is no task behind it: nobody looking = no question to the database.

use super::problem::Problem;
use super::state::WebState;
use crate::db::agent_sessions::{self, Standing};
use crate::db::agents::Agent;
use crate::db::controls::{self, Campaign};
use crate::db::figures::{self, AttemptCount};
use crate::db::queue::{self, Depth};
use crate::db::status::{self, LiveCall, RecentComplaint, RunCount};
use crate::db::trunk_states::{self, FRESH, Seen};
use crate::db::{StoreError, complaints, transfers};
use crate::dialer::outlook::{self, Held, Next, Pace};
use crate::rates::Tally;
use crate::report::period::Period;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old a board may be before it is read again.
pub const TICK: Duration = Duration::from_secs(1);
/// Live calls shown and listed at most.
const MOST_CALLS: i64 = 200;
/// So many of the queue are looked at to find who is dialled first: who stands in front may have to wait longer.
const LOOKED_AT: i64 = 5;
/// Complaints shown at most.
const MOST_COMPLAINTS: i64 = 8;

/// The figures of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Board {
    /// When they were read.
    pub at: DateTime<Utc>,
    /// Today's run by final disposition.
    pub run: Vec<RunCount>,
    /// Attempts that left today, by disposition.
    pub attempts: Vec<AttemptCount>,
    /// Open attempts.
    pub calls: Vec<LiveCall>,
    /// Follow-ups by state.
    pub depth: Vec<Depth>,
    /// When the next queued follow-up may be dialled.
    pub next_due: Option<DateTime<Utc>>,
    /// Who is dialled next, and what they wait for; none with an empty queue, or where the server does not know the dialler's rules.
    pub next: Option<Next>,
    /// What was said of campaigns.
    pub campaigns: Vec<Campaign>,
    /// Newest open complaints.
    pub complaints: Vec<RecentComplaint>,
    /// Open complaints, and overdue ones among them.
    pub complaint_counts: (i64, i64),
    /// How fast the queue is dialled, and until when; none where the server does not know the dialler's rules.
    pub pace: Option<Pace>,
    /// What the queue waits for; empty where the server does not know the dialler's rules.
    pub held: Vec<Held>,
    /// Keys and names of the surveys.
    pub surveys: Vec<(String, String)>,
    /// Agents, and where each stands; none: off duty.
    pub agents: Vec<(Agent, Option<Standing>)>,
    /// Callers who want a person and have none yet.
    pub callers_waiting: usize,
    /// What engines say of their trunks.
    pub trunks: Vec<Seen>,
}

impl Board {
    /// Reads the figures.
    pub async fn read(state: &WebState) -> Result<Board, Problem> {
        let at = state.clock().now();
        let (from, to) = Period::today(at, state.options().zone).bounds(state.options().zone);
        let board = async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            Ok(Board {
                at,
                run: status::run(&mut conn, from, to).await?,
                attempts: figures::attempts(&mut conn, from, to).await?,
                calls: status::live_calls(&mut conn, MOST_CALLS).await?,
                depth: queue::depth(&mut conn, at).await?,
                next_due: queue::next_due(&mut conn, at).await?,
                next: match state.outlook_rules() {
                    Some(rules) => first(outlook::next(&mut conn, &rules.manners, at, LOOKED_AT).await?),
                    None => None,
                },
                campaigns: controls::all(&mut conn).await?,
                complaints: status::open_complaints(&mut conn, MOST_COMPLAINTS).await?,
                complaint_counts: complaints::open_counts(&mut conn, at).await?,
                pace: match state.outlook_rules() {
                    Some(rules) => Some(outlook::pace(&mut conn, rules, at).await?),
                    None => None,
                },
                held: match state.outlook_rules() {
                    Some(rules) => outlook::waits(&mut conn, rules, at).await?,
                    None => Vec::new(),
                },
                surveys: status::survey_names(&mut conn).await?,
                agents: agent_sessions::roster(&mut conn).await?,
                callers_waiting: transfers::waiting(&mut conn).await?.len(),
                trunks: trunk_states::since(&mut conn, at - FRESH).await?,
            })
        };
        state.ask(board).await
    }

    /// What the next one waits for and until when; a moment that has come is none, so that it is no news each second.
    pub fn waits(&self) -> Option<(&str, Option<DateTime<Utc>>)> {
        let next = self.next.as_ref()?;
        Some((&next.waits_for, next.dialled_from.filter(|from| *from > self.at)))
    }

    /// What is shown of the pace: minutes, since an estimate that moves with the clock is no news each second.
    fn pace_shown(&self) -> Option<(i64, i64, Option<i64>, Option<i64>)> {
        let (pace, minute) = (self.pace.as_ref()?, |at: DateTime<Utc>| at.timestamp() / 60);
        let tonight = &pace.tonight;
        Some((pace.dialled, tonight.due, tonight.done_at.map(minute), tonight.closes_at.map(minute)))
    }

    /// What is shown of the trunks; that an engine has said it again is no news.
    fn trunks_shown(&self) -> Vec<(Seen, usize)> {
        let shown = self.trunks.iter().map(|seen| {
            let calls = self.calls.iter().filter(|call| call.trunk == seen.trunk).count();
            (Seen { seen_at: seen.since, registered_until: None, ..seen.clone() }, calls)
        });
        shown.collect()
    }

    /// Today's run as a tally for `rates`.
    pub fn run_tally(&self) -> Tally {
        Tally::of_ends(self.run.iter().map(|row| (row.disposition.as_deref(), row.aapor.as_deref(), row.count)))
    }
}

/// Who is dialled first; where nobody can be, who stands in front.
fn first(next: Vec<Next>) -> Option<Next> {
    let first = next.iter().enumerate().filter_map(|(i, next)| Some((next.dialled_from?, i))).min();
    next.into_iter().nth(first.map_or(0, |(_, i)| i))
}

/// A part of the page that is sent on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Whether the figures are fresh.
    Notice,
    /// Progress and outcomes of today's run.
    Run,
    /// How fast the queue is dialled.
    Pace,
    /// What is dialled and what is not.
    Control,
    /// Live calls.
    Calls,
    /// Complaints.
    Complaints,
    /// The queue.
    Queue,
    /// Live agents.
    Agents,
    /// The trunks.
    Trunks,
    /// The rates.
    Rates,
}

impl Section {
    /// All, in the page's order.
    pub const ALL: [Section; 10] = [
        Section::Notice,
        Section::Run,
        Section::Pace,
        Section::Control,
        Section::Calls,
        Section::Complaints,
        Section::Queue,
        Section::Agents,
        Section::Trunks,
        Section::Rates,
    ];

    /// Its name in the event stream.
    pub fn name(self) -> &'static str {
        match self {
            Section::Notice => "notice",
            Section::Run => "run",
            Section::Pace => "pace",
            Section::Control => "control",
            Section::Calls => "calls",
            Section::Complaints => "complaints",
            Section::Queue => "queue",
            Section::Agents => "agents",
            Section::Trunks => "trunks",
            Section::Rates => "rates",
        }
    }

    /// Whether this section looks different now. Running calls do at each reading: their clocks go on.
    fn changed(self, old: &Snapshot, new: &Board, away: bool) -> bool {
        let before = &old.board;
        match self {
            Section::Notice => old.away != away,
            Section::Run => before.run != new.run || before.attempts != new.attempts,
            Section::Rates => before.run != new.run,
            Section::Calls => before.calls != new.calls || !new.calls.is_empty(),
            Section::Queue => {
                before.depth != new.depth
                    || before.next_due != new.next_due
                    || before.waits() != new.waits()
                    || before.campaigns != new.campaigns
                    || before.held != new.held
            }
            Section::Pace => before.pace_shown() != new.pace_shown(),
            Section::Control => before.campaigns != new.campaigns || before.surveys != new.surveys,
            Section::Agents => before.agents != new.agents || before.callers_waiting != new.callers_waiting,
            Section::Trunks => before.trunks_shown() != new.trunks_shown(),
            Section::Complaints => {
                before.complaints != new.complaints || before.complaint_counts != new.complaint_counts
            }
        }
    }
}

/// A board and when each section of it changed last.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The figures; the last known ones while the database is away.
    pub board: Board,
    /// The database does not answer.
    pub away: bool,
    versions: [i64; Section::ALL.len()],
}

impl Snapshot {
    /// The newest section's version.
    pub fn version(&self) -> i64 {
        self.versions.iter().copied().max().unwrap_or_default()
    }

    /// Sections that changed after `version`.
    pub fn after(&self, version: i64) -> impl Iterator<Item = Section> {
        Section::ALL.into_iter().zip(self.versions).filter(move |(_, at)| *at > version).map(|(section, _)| section)
    }

    fn next(&self, board: Board, away: bool, version: i64) -> Snapshot {
        let mut versions = self.versions;
        for (section, slot) in Section::ALL.into_iter().zip(&mut versions) {
            if section.changed(self, &board, away) {
                *slot = version;
            }
        }
        Snapshot { board, away, versions }
    }
}

/// The board that all pages share.
#[derive(Default)]
pub struct Live(Mutex<Option<(Instant, Arc<Snapshot>)>>);

impl Live {
    /// The board, not older than [`TICK`]. With the database away the last one is given and says so; without a last one it is a 503.
    pub async fn snapshot(&self, state: &WebState) -> Result<Arc<Snapshot>, Problem> {
        let mut held = self.0.lock().await;
        if let Some((read_at, snapshot)) = &*held
            && read_at.elapsed() < TICK
        {
            return Ok(snapshot.clone());
        }
        let read = Board::read(state).await;
        let old = held.as_ref().map(|(_, snapshot)| snapshot.clone());
        // versions never go back, not even over a restart: they begin at the clock's milliseconds
        let version = state.clock().now().timestamp_millis().max(old.as_ref().map_or(0, |old| old.version() + 1));
        let snapshot = match (read, old) {
            (Ok(board), Some(old)) => old.next(board, false, version),
            (Ok(board), None) => Snapshot { board, away: false, versions: [version; Section::ALL.len()] },
            (Err(_), Some(old)) => old.next(old.board.clone(), true, version),
            (Err(problem), None) => return Err(problem),
        };
        let snapshot = Arc::new(snapshot);
        *held = Some((Instant::now(), snapshot.clone()));
        Ok(snapshot)
    }
}
