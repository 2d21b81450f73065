//! From a leased follow-up to a finished attempt: commit the attempt, place the call, keep what it reports, and say what comes next.
//!
//! The attempt is committed, and "sent" is in the journal, before its INVITE leaves (decision 6): whatever dies in between, nobody is dialled twice.

use super::keeper::Keeper;
use super::policy::{History, Next};
use super::trunks::Trunk;
use super::worker::Engine;
use crate::call::disposition::{Blame, Disposition, Verdict};
use crate::call::driver::{self, Order, Report};
use crate::call::machine::Ending;
use crate::db::StoreError;
use crate::db::answers;
use crate::db::attempts::{self, AttemptEnd, BeginError, NewAttempt, Next as StoredNext};
use crate::db::journal::Fact;
use crate::db::queue::Leased;
use crate::ids::AttemptId;
use crate::survey::flow::{Earlier, Facts};
use chrono::{DateTime, NaiveTime, TimeZone, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What became of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The INVITE left; the call is over.
    Called(Disposition),
    /// Nothing left the machine.
    NotCalled,
}

/// Makes one attempt at `leased` over `trunk`.
pub async fn launch(engine: Arc<Engine>, leased: Leased, trunk: Trunk, stop: CancellationToken) -> Launched {
    let id = AttemptId(uuid::Uuid::now_v7());
    match begin(&engine, &leased, &trunk, id).await {
        Ok((history, answered)) => call(&engine, &leased, &trunk, id, history, answered, stop).await,
        Err(BeginError::NumberInCall(_)) => {
            engine.release_busy(&leased).await;
            Launched::NotCalled
        }
        Err(error) => {
            tracing::warn!(follow_up = %leased.follow_up, %error, "no attempt was begun");
            Launched::NotCalled
        }
    }
}

/// Questions that earlier attempts have answered.
type Answered = BTreeMap<String, Earlier>;

/// Commits the attempt, and that its INVITE is about to leave; gives what the call has to know of earlier ones.
async fn begin(
    engine: &Engine,
    leased: &Leased,
    trunk: &Trunk,
    id: AttemptId,
) -> Result<(History, Answered), BeginError> {
    let now = engine.clock.now();
    let mut conn = engine.pool.acquire().await.map_err(StoreError::from)?;
    let answered = answers::latest(&mut conn, leased.follow_up, leased.survey_version).await?;
    let answered = answered.into_iter().map(|a| (a.question, Earlier { keys: a.keys, value: a.value })).collect();
    attempts::begin(&mut conn, &NewAttempt::of(leased, id, &trunk.name, now)).await?;
    let today = start_of_day(now, leased.zone);
    let attempts_today = attempts::count_since(&mut conn, leased.follow_up, today).await?;
    let history = History {
        attempts: u32::try_from(leased.attempts_made).unwrap_or_default() + 1,
        attempts_today,
        zone: leased.zone,
        deadline: leased.deadline,
        booked: None,
    };
    Ok((history, answered))
}

fn start_of_day(now: DateTime<Utc>, zone: chrono_tz::Tz) -> DateTime<Utc> {
    let midnight = now.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN);
    zone.from_local_datetime(&midnight).earliest().map_or(now, |at| at.to_utc())
}

async fn call(
    engine: &Arc<Engine>,
    leased: &Leased,
    trunk: &Trunk,
    id: AttemptId,
    mut history: History,
    answered: Answered,
    stop: CancellationToken,
) -> Launched {
    let (reports, inbox) = mpsc::unbounded_channel();
    let keeper = Keeper::new(engine.journal.clone(), engine.clock.clone(), leased, id);
    let keeping = tokio::spawn(keeper.keep(inbox));
    let ending = match order(engine, leased, trunk, answered) {
        Ok(order) => dial(engine, id, order, reports, stop).await,
        Err(ending) => ending,
    };
    // The keeper ends when the driver has dropped its side; a keeper that broke has booked nothing.
    history.booked = keeping.await.unwrap_or_default();
    let sent = !ending.never_left;
    let disposition = ending.verdict.disposition;
    let end = attempt_end(engine, id, ending, &history);
    let facts = (!sent).then_some(Fact::NeverSent { attempt: id }).into_iter().chain([Fact::AttemptEnded(end)]);
    for fact in facts {
        if let Err(error) = engine.journal.append(&[fact]) {
            tracing::error!(attempt = %id, %error, "the end of an attempt could not be kept; housekeeping will close it");
        }
    }
    if sent { Launched::Called(disposition) } else { Launched::NotCalled }
}

/// Says that the INVITE leaves, and lets it leave. Without the first there is no second.
async fn dial(
    engine: &Engine,
    attempt: AttemptId,
    order: Order,
    reports: mpsc::UnboundedSender<Report>,
    stop: CancellationToken,
) -> Ending {
    if let Err(error) = engine.journal.append(&[Fact::AttemptSent { attempt, at: engine.clock.now() }]) {
        return could_not_place(&error);
    }
    match driver::drive(&engine.line, order, reports, stop).await {
        Ok(ending) => ending,
        Err(not_placed) => could_not_place(&not_placed),
    }
}

fn order(engine: &Engine, leased: &Leased, trunk: &Trunk, answered: Answered) -> Result<Order, Ending> {
    let broken = |error: &dyn std::fmt::Display| {
        let verdict = Verdict::new(Disposition::TrunkRefused, Blame::Engine, error.to_string());
        Ending { verdict, sip_status: None, outcome: None, never_left: true }
    };
    let definition = engine
        .surveys
        .get(&leased.survey, leased.survey_version)
        .ok_or_else(|| broken(&"the survey's version is not loaded"))?;
    Ok(Order {
        target: trunk.target(&leased.number).map_err(|error| broken(&error))?,
        next_hop: trunk.address,
        from: trunk.from().map_err(|error| broken(&error))?,
        credentials: trunk.credentials.clone(),
        ring_timeout: Duration::from_secs(trunk.settings.ring_timeout_s),
        definition,
        facts: Facts {
            language: leased.language.clone(),
            plate: leased.plate.clone(),
            event_date: Some(leased.event_on),
            advisor_number: leased.advisor_number.clone(),
            now_local: engine.clock.now().with_timezone(&leased.zone).naive_local(),
            answered,
        },
    })
}

fn could_not_place(error: &dyn std::fmt::Display) -> Ending {
    let verdict = Verdict::new(Disposition::Congestion, Blame::Engine, error.to_string());
    Ending { verdict, sip_status: None, outcome: None, never_left: true }
}

fn attempt_end(engine: &Engine, attempt: AttemptId, ending: Ending, history: &History) -> AttemptEnd {
    let now = engine.clock.now();
    let Ending { verdict, sip_status, .. } = ending;
    let next = engine.rule.after(verdict.retried_as(), history, now);
    AttemptEnd {
        attempt,
        ended_at: now,
        sip_status,
        disposition: verdict.disposition.to_string(),
        aapor: Some(verdict.disposition.aapor().to_owned()),
        blame: Some(verdict.blame.as_str().to_owned()),
        retry_allowed: matches!(next, Next::At(_)),
        detail: Some(verdict.detail),
        next: stored_next(&next, verdict.disposition, history),
    }
}

fn stored_next(next: &Next, disposition: Disposition, history: &History) -> StoredNext {
    match next {
        Next::At(at) if disposition == Disposition::CallBack => StoredNext::CallBack { at: *at },
        Next::At(at) => StoredNext::Retry { at: *at },
        Next::Done => StoredNext::Done,
        // At its deadline the queue ends it as not reached in time.
        Next::NotReached(_) => StoredNext::Retry { at: history.deadline },
        Next::Review => StoredNext::Review,
    }
}
