//! From a leased follow-up to a finished attempt: commit the attempt, place the call, keep what it reports, and say what comes next.
//!
//! The attempt is committed, and "sent" is in the journal, before its INVITE leaves (decision 6): whatever dies in between, nobody is dialled twice.

use super::keeper::{Keeper, Kept};
use super::policy::retry::no_room;
use super::policy::window::day_start;
use super::policy::{Contact, History, Next, Permit};
use super::trunks::{NoRoom, Trunk};
use super::worker::Engine;
use crate::agent::desk::Wish;
use crate::call::disposition::{Blame, Disposition, Verdict};
use crate::call::driver::{self, Order, Report};
use crate::call::machine::{Ending, disposition_of};
use crate::db::StoreError;
use crate::db::answers;
use crate::db::attempts::{AttemptEnd, BeginError, NewAttempt, Next as StoredNext};
use crate::db::gate::{self, Gate, Limits};
use crate::db::journal::Fact;
use crate::db::queue::Leased;
use crate::db::story;
use crate::ids::AttemptId;
use crate::spans;
use crate::survey::flow::{Earlier, Facts};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing::field::Empty;

/// What became of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The INVITE left; the call is over.
    Called {
        /// What became of it.
        disposition: Disposition,
        /// The trunk had no room for it.
        congested: bool,
    },
    /// Nothing left the machine.
    NotCalled {
        /// Because the trunk cannot be reached.
        congested: bool,
    },
    /// The trunk has no room over all engines; the follow-up was given back.
    NoRoom(NoRoom),
}

/// The way that a call takes.
pub struct Way {
    /// Its trunk.
    pub trunk: Trunk,
    /// Time between two calls on that trunk, over all engines.
    pub interval: Duration,
    /// Whether another trunk may take it where this one has no room.
    pub others: bool,
    /// The call is asked to close politely.
    pub close: CancellationToken,
    /// The call is cut.
    pub cut: CancellationToken,
}

/// What is known of the attempt when it ends.
struct Known {
    history: History,
    kept: Kept,
    others: bool,
}

/// Makes one attempt at `leased`.
pub async fn launch(engine: Arc<Engine>, leased: Leased, way: Way) -> Launched {
    let id = AttemptId(uuid::Uuid::now_v7());
    let span = tracing::info_span!(target: spans::TARGET, "attempt", attempt = %id, follow_up = %leased.follow_up, survey = leased.survey,
        trunk = way.trunk.name, node = engine.node, disposition = Empty, blame = Empty, sip_status = Empty);
    attempt(engine, leased, way, id).instrument(span).await
}

async fn attempt(engine: Arc<Engine>, leased: Leased, way: Way, id: AttemptId) -> Launched {
    let nothing = Launched::NotCalled { congested: false };
    let (launched, given_back) = match begin(&engine, &leased, &way, id).instrument(step("begin")).await {
        Ok((Gate::Begun(begun), answered)) => return call(&engine, &leased, &way, id, begun, answered).await,
        Ok((Gate::Denied(no), _)) => (nothing, engine.turn_down(&leased, no).await),
        Ok((Gate::Full, _)) => (Launched::NoRoom(NoRoom::Full), engine.release(&leased, None).await),
        Ok((Gate::Paced(at), _)) => {
            let at = instant(at, engine.clock.now());
            (Launched::NoRoom(NoRoom::Paced(at)), engine.release(&leased, None).await)
        }
        Ok((Gate::Held(at), _)) => {
            let at = instant(at, engine.clock.now());
            (Launched::NoRoom(NoRoom::Held(at)), engine.release(&leased, None).await)
        }
        Err(BeginError::NumberInCall(_)) => (nothing, engine.release_busy(&leased).await),
        Err(error) => {
            tracing::warn!(follow_up = %leased.follow_up, %error, "no attempt was begun");
            (nothing, Ok(()))
        }
    };
    if let Err(error) = given_back {
        tracing::warn!(follow_up = %leased.follow_up, %error, "the lease was not given back; it ends by itself");
    }
    launched
}

/// What earlier attempts have come to.
#[derive(Default)]
struct Before {
    /// Questions that they have answered.
    answered: BTreeMap<String, Earlier>,
    /// They left a message on a machine.
    message_left: bool,
}

/// A part of an attempt, in its span.
fn step(name: &'static str) -> tracing::Span {
    tracing::info_span!(target: spans::TARGET, "step", otel.name = name)
}

/// Commits the attempt, unless policy or the trunk says no at this moment, which is the last before the INVITE; gives what earlier ones answered.
async fn begin(
    engine: &Engine,
    leased: &Leased,
    way: &Way,
    id: AttemptId,
) -> Result<(Gate<Permit>, Before), BeginError> {
    let now = engine.clock.now();
    let limits = Limits {
        max_calls: way.trunk.settings.max_calls,
        interval: TimeDelta::from_std(way.interval).unwrap_or_default(),
        all_calls: engine.settings.max_calls_all_engines,
        day_start: day_start(now, leased.zone),
        number: &leased.number,
    };
    let new = NewAttempt::of(leased, id, &way.trunk.name, now);
    let mut conn = engine.pool.acquire().await.map_err(StoreError::from)?;
    let answered = answers::latest(&mut conn, leased.follow_up, leased.survey_version).await?;
    let answered = answered.into_iter().map(|a| (a.question, Earlier { keys: a.keys, value: a.value })).collect();
    let judge = |contact: &Contact| match engine.permit(leased, contact) {
        Permit::Dial => Ok(()),
        no => Err(no),
    };
    // asked only where a message could have been left
    let leaves =
        engine.surveys.get(&leased.survey, leased.survey_version).is_some_and(|survey| survey.leaves_messages());
    let message_left = leaves && story::happened(&mut conn, leased.follow_up, "message_left").await?;
    Ok((gate::begin(&mut conn, &new, &limits, judge).await?, Before { answered, message_left }))
}

fn instant(at: DateTime<Utc>, now: DateTime<Utc>) -> Instant {
    Instant::now() + (at - now).to_std().unwrap_or_default()
}

async fn call(
    engine: &Arc<Engine>,
    leased: &Leased,
    way: &Way,
    id: AttemptId,
    begun: Vec<DateTime<Utc>>,
    before: Before,
) -> Launched {
    let (reports, inbox) = mpsc::unbounded_channel();
    let tracer = engine.tracer.clone();
    let keeper = Keeper::new(engine.journal.clone(), engine.clock.clone(), leased, id, tracer);
    let keeping = tokio::spawn(keeper.keep(inbox).in_current_span());
    let ending = match order(engine, leased, id, &way.trunk, before) {
        Ok(order) => dial(engine, id, order, reports, way).instrument(step("call")).await,
        Err(ending) => Some(ending),
    };
    // The keeper ends when the driver has dropped its side; a keeper that broke knows nothing.
    let kept = keeping.await.unwrap_or_default();
    let ending = ending.unwrap_or_else(|| was_cut(&kept));
    let sent = !ending.never_left;
    let disposition = ending.verdict.disposition;
    let span = tracing::Span::current();
    span.record("disposition", disposition.as_str()).record("blame", ending.verdict.blame.as_str());
    ending.sip_status.map(|status| span.record("sip_status", status));
    let congested = no_room(&ending.verdict) && !kept.rang;
    if let Some(tracer) = &engine.tracer {
        tracer.ended(id, went_wrong(&ending.verdict));
    }
    engine.tally.ended(&way.trunk.name, disposition, kept.stages);
    let mut history = History { begun, zone: leased.zone, deadline: leased.deadline, booked: kept.booked };
    if !sent {
        history.begun.pop();
    }
    let known = Known { history, kept, others: way.others };
    let end = attempt_end(engine, id, leased, ending, &known);
    let facts = (!sent).then_some(Fact::NeverSent { attempt: id }).into_iter().chain([Fact::AttemptEnded(end)]);
    for fact in facts {
        if let Err(error) = engine.journal.append(&[fact]) {
            tracing::error!(attempt = %id, %error, "the end of an attempt could not be kept; housekeeping will close it");
        }
    }
    if sent { Launched::Called { disposition, congested } } else { Launched::NotCalled { congested } }
}

/// Says that the INVITE leaves, and lets it leave. Without the first there is no second. None: the call was cut.
async fn dial(
    engine: &Engine,
    attempt: AttemptId,
    order: Order,
    reports: mpsc::UnboundedSender<Report>,
    way: &Way,
) -> Option<Ending> {
    if let Err(error) = engine.journal.append(&[Fact::AttemptSent { attempt, at: engine.clock.now() }]) {
        return Some(could_not_place(&error));
    }
    let driven = tokio::select! {
        driven = driver::drive(&engine.line, order, reports, way.close.clone()) => driven,
        () = way.cut.cancelled() => return None,
    };
    Some(driven.unwrap_or_else(|not_placed| could_not_place(&not_placed)))
}

/// Whether somebody may want to know why: all but conversations, and phones that nobody answered.
fn went_wrong(verdict: &Verdict) -> bool {
    let odd = matches!(verdict.disposition, Disposition::NoAudio | Disposition::OneWayAudio | Disposition::Unknown);
    verdict.blame != Blame::Customer || odd
}

/// What is made of a call that was cut because it did not close in time: what the customer had said by then stands.
fn was_cut(kept: &Kept) -> Ending {
    let (disposition, detail) = match kept.outcome {
        Some(outcome) => disposition_of(outcome),
        None if kept.answered => (Disposition::BreakOff, "the engine was stopped, and the call did not close in time"),
        None => (Disposition::Unknown, "the engine was stopped, and the trunk did not say what became of the call"),
    };
    let verdict = Verdict::new(disposition, Blame::Engine, detail);
    Ending { verdict, sip_status: None, outcome: kept.outcome, never_left: false }
}

fn order(engine: &Engine, leased: &Leased, attempt: AttemptId, trunk: &Trunk, before: Before) -> Result<Order, Ending> {
    let broken = |error: &dyn std::fmt::Display| {
        let verdict = Verdict::new(Disposition::TrunkRefused, Blame::Engine, error.to_string());
        Ending { verdict, sip_status: None, outcome: None, never_left: true }
    };
    let definition = engine
        .surveys
        .get(&leased.survey, leased.survey_version)
        .ok_or_else(|| broken(&"the survey's version is not loaded"))?;
    Ok(Order {
        route: trunk.route(&leased.number, Instant::now()).map_err(|error| broken(&error))?,
        definition,
        facts: Facts {
            language: leased.language.clone(),
            plate: leased.plate.clone(),
            event_date: Some(leased.event_on),
            advisor_number: leased.advisor_number.clone(),
            now_local: engine.clock.now().with_timezone(&leased.zone).naive_local(),
            answered: before.answered,
            message_left: before.message_left,
            record_calls: engine.line.record_calls,
        },
        agents: engine.agents.clone().map(|agents| (agents, wish(leased, attempt))),
        attempt: Some(attempt),
    })
}

/// For whom an agent is held, should one be wanted.
fn wish(leased: &Leased, attempt: AttemptId) -> Wish {
    Wish {
        attempt,
        follow_up: leased.follow_up,
        customer: leased.customer,
        survey: leased.survey.clone(),
        language: leased.language.clone(),
        tried: Vec::new(),
    }
}

fn could_not_place(error: &dyn std::fmt::Display) -> Ending {
    let verdict = Verdict::new(Disposition::Congestion, Blame::Engine, error.to_string());
    Ending { verdict, sip_status: None, outcome: None, never_left: true }
}

fn attempt_end(engine: &Engine, attempt: AttemptId, leased: &Leased, ending: Ending, known: &Known) -> AttemptEnd {
    let now = engine.clock.now();
    let Ending { verdict, sip_status, .. } = ending;
    let rule = engine.manners.retry(&leased.number);
    let next = rule.after_call(&verdict, known.kept.rang, known.others, &known.history, now);
    AttemptEnd {
        attempt,
        ended_at: now,
        sip_status,
        disposition: verdict.disposition.to_string(),
        aapor: Some(verdict.disposition.aapor().to_owned()),
        blame: Some(verdict.blame.as_str().to_owned()),
        retry_allowed: matches!(next, Next::At(_)),
        detail: Some(verdict.detail),
        next: stored_next(&next, verdict.disposition),
    }
}

fn stored_next(next: &Next, disposition: Disposition) -> StoredNext {
    match next {
        Next::At(at) if disposition == Disposition::CallBack => StoredNext::CallBack { at: *at },
        Next::At(at) => StoredNext::Retry { at: *at },
        Next::Done => StoredNext::Done,
        Next::NotReached(why) => StoredNext::NotReached { reason: (*why).to_owned() },
        Next::Review => StoredNext::Review,
    }
}
