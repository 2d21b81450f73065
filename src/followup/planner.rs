//! Plans what the calendar owes: surveys into the queue (`follow_ups`), manual touches for their owners (`follow_up_tasks`). Shell: asks clock and store;
//! what is due when is `calendar`'s.
//!
//! Planning is idempotent: a touch is known by rule, subject and occurrence (a survey by customer, event and survey), so planning twice plans nothing twice,
//! and several engines may plan at once. It never takes a touch back.

use super::calendar::rule::{Calendar, Kind, Rule};
use super::calendar::{Happened, Horizon, Offset, Pass};
use crate::clock::Clock;
use crate::db::calendar::{self as store, Candidate};
use crate::db::follow_ups::{self, NewFollowUp};
use crate::db::tasks::{self, NewTask};
use crate::db::{StoreError, surveys};
use crate::ids::uuid_v7;
use chrono::{DateTime, Duration, Utc};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Subjects read by one statement: many, since it sorts all that there are.
const PAGE: i64 = 100_000;
/// Touches written by one statement.
const BATCH: usize = 5000;
/// After so many new rows PostgreSQL's planner is told.
const ANALYZE_AFTER: u64 = 20_000;

/// What a planning needs to know.
#[derive(Clone, Debug)]
pub struct PlanSettings {
    /// What is owed.
    pub calendar: Arc<Calendar>,
    /// How long after the event a survey becomes due where its rule does not say.
    pub delay: Offset,
    /// Count, write nothing.
    pub dry_run: bool,
}

/// What a planning came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// New touches by rule; a rule without any is left out. In a dry run: what would be.
    pub by_rule: BTreeMap<String, u64>,
    /// Surveys that rules owe and nobody has published: nothing was planned for them.
    pub unpublished: Vec<String>,
}

impl Planned {
    /// All new touches.
    pub fn total(&self) -> u64 {
        self.by_rule.values().sum()
    }
}

/// Plans every touch that is not over yet and becomes due before `until`. `random` gives the random bits of ids.
pub async fn run(
    conn: &mut PgConnection,
    settings: &PlanSettings,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    random: &mut (dyn FnMut() -> [u8; 10] + Send),
) -> Result<Planned, StoreError> {
    let published: Vec<String> = surveys::newest(conn).await?.into_iter().map(|(key, _)| key).collect();
    let mut planned = Planned::default();
    let mut planner = Planner { conn, settings, horizon: Horizon { now, until }, random, new_rows: 0 };
    for rule in &settings.calendar.rules {
        if let Some(survey) = rule.survey().filter(|survey| !published.iter().any(|key| key == survey)) {
            planned.unpublished.push(survey.to_owned());
            continue;
        }
        let mut new = 0;
        for pass in rule.passes(planner.horizon, settings.delay) {
            new += planner.pass(rule, &pass).await?;
        }
        if new > 0 {
            planned.by_rule.insert(rule.key.clone(), new);
        }
    }
    Ok(planned)
}

struct Planner<'a> {
    conn: &'a mut PgConnection,
    settings: &'a PlanSettings,
    horizon: Horizon,
    random: &'a mut (dyn FnMut() -> [u8; 10] + Send),
    new_rows: u64,
}

impl Planner<'_> {
    /// Plans one of a rule's touches for whoever has a date for it; returns how many were new.
    async fn pass(&mut self, rule: &Rule, pass: &Pass) -> Result<u64, StoreError> {
        let (mut after, mut new) = (Uuid::nil(), 0);
        loop {
            let page = store::candidates(self.conn, rule, pass, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(new) };
            after = last.subject_id;
            for batch in page.chunks(BATCH) {
                new += match &rule.kind {
                    Kind::Survey(survey) => self.surveys(rule, pass, survey, batch).await?,
                    Kind::Task { .. } => self.tasks(rule, pass, batch).await?,
                };
            }
            if page.len() < PAGE as usize {
                return Ok(new);
            }
        }
    }

    async fn surveys(&mut self, rule: &Rule, pass: &Pass, survey: &str, page: &[Candidate]) -> Result<u64, StoreError> {
        let mut new = Vec::new();
        for candidate in page {
            let (Some(span), Some(event)) = (self.span(rule, pass, candidate), candidate.event()) else { continue };
            new.push(NewFollowUp {
                id: self.new_id().into(),
                customer: candidate.customer_id,
                event,
                phone: candidate.phone_id,
                survey: survey.to_owned(),
                due_at: span.due_at,
                deadline: span.deadline,
            });
        }
        if self.settings.dry_run || new.is_empty() {
            return Ok(new.len() as u64);
        }
        let inserted = follow_ups::insert(self.conn, &new, self.horizon.now).await?.len() as u64;
        self.wrote(inserted).await?;
        Ok(inserted)
    }

    async fn tasks(&mut self, rule: &Rule, pass: &Pass, page: &[Candidate]) -> Result<u64, StoreError> {
        let Kind::Task { purpose, owner } = rule.kind else { return Ok(0) };
        let mut new = Vec::new();
        for candidate in page {
            let Some(span) = self.span(rule, pass, candidate) else { continue };
            new.push(NewTask {
                id: self.new_id().into(),
                customer: candidate.customer_id,
                event: candidate.event(),
                vehicle: candidate.vehicle(),
                advisor: candidate.advisor(),
                rule: rule.key.clone(),
                subject: candidate.subject_id,
                occurrence: pass.occurrence.label(candidate.own_on),
                owner,
                purpose,
                due_at: span.due_at,
                deadline: span.deadline,
            });
        }
        if self.settings.dry_run || new.is_empty() {
            return Ok(new.len() as u64);
        }
        let inserted = tasks::insert(self.conn, &new, self.horizon.now).await?;
        self.wrote(inserted).await?;
        Ok(inserted)
    }

    fn span(&self, rule: &Rule, pass: &Pass, candidate: &Candidate) -> Option<super::calendar::Span> {
        let Ok(zone) = candidate.time_zone.parse() else {
            tracing::error!(customer = %candidate.customer_id, "no touch is planned: the customer's time zone does not exist");
            return None;
        };
        let happened = Happened { on: candidate.own_on, at: candidate.own_at };
        rule.due_touch(pass.occurrence, happened, self.settings.delay, zone, self.horizon)
    }

    fn new_id(&mut self) -> Uuid {
        uuid_v7(u64::try_from(self.horizon.now.timestamp_millis()).unwrap_or(0), (self.random)())
    }

    async fn wrote(&mut self, rows: u64) -> Result<(), StoreError> {
        self.new_rows += rows;
        if self.new_rows >= ANALYZE_AFTER {
            self.new_rows = 0;
            store::analyze(self.conn).await?;
        }
        Ok(())
    }
}

/// Plans again and again until `stop`: `ahead` far, with a pause of `every`. A planning that fails is said and tried again.
pub async fn keep_planning(
    pool: PgPool,
    settings: PlanSettings,
    ahead: Duration,
    every: std::time::Duration,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        let now = clock.now();
        match plan_once(&pool, &settings, now, now + ahead).await {
            Ok(planned) if planned.total() > 0 => tracing::info!(touches = planned.total(), "planned"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "planning failed; it is tried again later"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn plan_once(
    pool: &PgPool,
    settings: &PlanSettings,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Planned, StoreError> {
    let mut conn = pool.acquire().await?;
    run(&mut conn, settings, now, until, &mut rand::random::<[u8; 10]>).await
}

#[cfg(test)]
mod tests;
