//! What an agent's page and its API show, read from the store, and what wakes them. One task for each server listens while somebody has such a page open; nobody
//! there = no task, no question.

use super::lang::Lang;
use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::db::agent_sessions::{self, Standing};
use crate::db::agents::{self, Agent};
use crate::db::screen::{self, Screen};
use crate::db::transfers::{self, Transfer, Waiting};
use crate::db::{StoreError, status, wake};
use crate::followup::calendar::rule::Calendar;
use crate::ids::{AgentId, TransferId};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, OnceLock};
use tokio::sync::broadcast;
use uuid::Uuid;

/// So long after its end the last talk stays on the page, to be written up.
const KEPT: TimeDelta = TimeDelta::minutes(30);
/// Changes that a slow page may be behind; further ones count as "anything may have changed".
const BACKLOG: usize = 256;

/// Where an agent stands, and whom they have or had on the line.
#[derive(Clone, Debug)]
pub struct Desk {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Who.
    pub agent: Agent,
    /// None: off duty.
    pub standing: Option<Standing>,
    /// The hand-over that goes on, or the last talk while it is being written up.
    pub transfer: Option<Transfer>,
    /// The caller of that.
    pub screen: Option<Screen>,
    /// Callers who wait for somebody, the longest first.
    pub waiting: Vec<Waiting>,
    surveys: Vec<(String, String)>,
    calendar: Option<Arc<Calendar>>,
}

impl Desk {
    /// What a survey is called; its key where it has no name.
    pub fn survey<'a>(&'a self, key: &'a str) -> &'a str {
        self.surveys.iter().find(|(known, _)| known == key).map_or(key, |(_, name)| name)
    }

    /// What a touch of the calendar is called; its key where the calendar has no such rule.
    pub fn rule<'a>(&'a self, key: &'a str, lang: Lang) -> &'a str {
        self.calendar.as_ref().map_or(key, |calendar| calendar.title(key, lang.tag()))
    }
}

/// As whom somebody takes calls; 404 where they take none.
pub async fn agent_of(state: &WebState, who: &Who) -> Result<Agent, Problem> {
    let found = state.ask(async {
        let Some(user) = who.user() else { return Ok(None) };
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        agents::of_user(&mut conn, user).await
    });
    let nobody = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "You take no calls: no agent belongs to this user (`huifang agents add --user`).",
        )
    };
    found.await?.ok_or_else(nobody)
}

/// Reads it all; with a sign of life before it, where the agent's page asks.
pub async fn read(state: &WebState, agent: &Agent, is_alive: bool) -> Result<Desk, Problem> {
    let at = state.clock().now();
    let desk = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        if is_alive {
            agent_sessions::present(&mut conn, agent.id, at + state.options().page_ttl).await?;
        }
        let standing = agent_sessions::current(&mut conn, agent.id).await?;
        let transfer = match standing.as_ref().and_then(Standing::transfer) {
            Some(_) => transfers::open_of_agent(&mut conn, agent.id).await?,
            None => transfers::last_talk_of(&mut conn, agent.id).await?.filter(|last| is_kept(last, at)),
        };
        let screen = match &transfer {
            Some(transfer) => Some(screen::of(&mut conn, transfer.follow_up_id).await?),
            None => None,
        };
        let waiting = transfers::waiting(&mut conn).await?;
        let surveys = status::survey_names(&mut conn).await?;
        let calendar = state.import_settings().map(|settings| settings.calendar.clone());
        Ok(Desk { at, agent: agent.clone(), standing, transfer, screen, waiting, surveys, calendar })
    });
    desk.await
}

fn is_kept(last: &Transfer, now: DateTime<Utc>) -> bool {
    last.ended_at.is_none_or(|ended| now - ended < KEPT)
}

/// How far a hand-over has come, as the page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The customer is being asked.
    Asked,
    /// They wait; it does not ring yet.
    Waiting,
    /// The phone or the page rings.
    Ringing,
    /// The phone was picked up; the accept key is waited for.
    PickedUp,
    /// The two talk.
    Talking,
    /// It is over.
    Over,
}

impl Stage {
    /// Of a hand-over.
    pub fn of(transfer: &Transfer) -> Stage {
        if transfer.ended_at.is_some() {
            Stage::Over
        } else if transfer.accepted_at.is_some() {
            Stage::Talking
        } else if transfer.answered_at.is_some() {
            Stage::PickedUp
        } else if transfer.ringing_at.is_some() {
            Stage::Ringing
        } else if transfer.wanted_at.is_some() {
            Stage::Waiting
        } else {
            Stage::Asked
        }
    }

    /// For pages' classes and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Asked => "asked",
            Stage::Waiting => "waiting",
            Stage::Ringing => "ringing",
            Stage::PickedUp => "picked_up",
            Stage::Talking => "talking",
            Stage::Over => "over",
        }
    }
}

/// What wakes pages: the id of an agent or a hand-over that changed, or [`Uuid::nil`] where anything may have.
#[derive(Default)]
pub struct News(OnceLock<broadcast::Sender<Uuid>>);

impl News {
    /// Hears from now on; the first one to ask starts the listening.
    pub fn hear(&self, state: &WebState) -> broadcast::Receiver<Uuid> {
        let sender = self.0.get_or_init(|| {
            let (sender, _) = broadcast::channel(BACKLOG);
            let (pool, told, closing) = (state.pool().clone(), sender.clone(), state.closing());
            tokio::spawn(async move {
                tokio::select! {
                    () = wake::hear(pool, agent_sessions::CHANNEL, told) => {}
                    () = closing.cancelled() => {}
                }
            });
            sender
        });
        sender.subscribe()
    }
}

/// Waits until something changed that concerns an agent with this hand-over.
pub async fn changed(news: &mut broadcast::Receiver<Uuid>, agent: AgentId, transfer: Option<TransferId>) {
    loop {
        match news.recv().await {
            Ok(id) if id != agent.0 && !id.is_nil() && transfer.is_none_or(|transfer| transfer.0 != id) => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // Only at shutdown; whoever waits here waits for that too.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
