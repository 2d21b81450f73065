//! The demo's live agents: put into the store as anybody would, rung over real SIP in the process of callees, and compared with what was stored at the end.

use super::Failure;
use super::callees::Reports;
use crate::agent::state::Wish;
use crate::db::agents::{self, Profile};
use crate::db::state::{Reach, TransferOutcome};
use crate::db::story::FollowUpStory;
use crate::db::transfers::{self, Transfer};
use crate::db::{StoreError, agent_sessions};
use crate::ids::AgentId;
use crate::phone::{E164, Pii};
use crate::sim::agent::PREFIX;
use crate::sim::check::Mismatch;
use chrono::Utc;
use serde::Serialize;
use sqlx::PgPool;
use std::net::SocketAddr;
use uuid::Uuid;

/// What the hand-overs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HandOvers {
    /// Agents on duty.
    pub agents: u32,
    /// Callers who were offered an agent.
    pub offered: usize,
    /// Callers who wanted one.
    pub wanted: usize,
    /// They talked.
    pub talked: usize,
    /// Would rather be called back.
    pub declined: usize,
    /// Nobody was free.
    pub nobody_free: usize,
    /// Anything else: rejected, no answer, gave up, failed.
    pub other: usize,
}

/// Adds agents, all on duty, reached by the demo's trunk.
pub async fn add(pool: &PgPool, count: u32, callees: SocketAddr, trunk: &str) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::start(format!("the demo's agents: {error}"));
    let mut conn = pool.acquire().await.map_err(|error| failed(&error))?;
    for n in 1..=count {
        let id = AgentId(Uuid::now_v7());
        let profile = Profile {
            user: None,
            name: Pii::new(format!("客服 {n}")),
            staff_number: Some(format!("{}", 9000 + n)),
            skills: Vec::new(),
            languages: vec!["zh-CN".to_owned()],
            reach: Reach::Uri,
            sip_user: None,
            sip_uri: Some(format!("sip:{PREFIX}{n}@{callees}")),
            trunk: Some(trunk.to_owned()),
            auto_answer: false,
            attended: false,
        };
        let now = Utc::now();
        agents::add(&mut conn, id, &profile, None, now).await.map_err(|error| failed(&error))?;
        agent_sessions::wish(&mut conn, id, Wish::Available, now, now).await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Every hand-over of these follow-ups.
pub async fn stored(pool: &PgPool, stories: &[(E164, FollowUpStory)]) -> Result<Vec<Vec<Transfer>>, StoreError> {
    let mut conn = pool.acquire().await?;
    let mut all = Vec::new();
    for (_, story) in stories {
        all.push(transfers::of_follow_up(&mut conn, story.follow_up.id).await?);
    }
    Ok(all)
}

/// Counts what the hand-overs came to, by caller.
pub fn count(agents: u32, stored: &[Vec<Transfer>]) -> HandOvers {
    let mut sums = HandOvers { agents, ..HandOvers::default() };
    for tries in stored {
        sums.offered += usize::from(tries.iter().any(|t| t.offered_at.is_some()));
        sums.wanted += usize::from(tries.iter().any(|t| t.wanted_at.is_some()));
        for transfer in tries {
            *match transfer.outcome {
                Some(TransferOutcome::Accepted) => &mut sums.talked,
                Some(TransferOutcome::Declined) => &mut sums.declined,
                Some(TransferOutcome::NobodyFree) => &mut sums.nobody_free,
                Some(_) | None => &mut sums.other,
            } += 1;
        }
    }
    sums
}

/// Differences between what the agents' phones saw and what is stored.
pub async fn differences(pool: &PgPool, reports: &Reports, sums: &HandOvers) -> Result<Vec<Mismatch>, StoreError> {
    let mut found = Vec::new();
    let took = reports.agents.iter().filter(|report| report.took).count();
    if took != sums.talked {
        found.push(Mismatch(format!("agents took {took} calls, {} talks are stored", sums.talked)));
    }
    for report in reports.agents.iter().filter(|report| report.took) {
        if !report.heard_customer {
            found.push(Mismatch(format!("{}: never heard the customer", report.agent)));
        }
        if report.whispered.is_empty() {
            found.push(Mismatch(format!("{}: heard no whisper", report.agent)));
        }
    }
    let mut conn = pool.acquire().await?;
    for (_, standing) in agent_sessions::roster(&mut conn).await? {
        if standing.is_some_and(|standing| standing.transfer().is_some()) {
            found.push(Mismatch("an agent is still held after the last call".into()));
        }
    }
    Ok(found)
}
