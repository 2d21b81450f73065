//! Where an agent stands. Pure: takes an event and the time, gives what the agent is now and the one transition to be stamped. The store keeps the rows
//! (`db::agent_sessions`), the desk the leases (`agent::desk`).
//!
//! A hold is a lease: only who has its token moves it on, and past its time it ends by itself. Nothing here can leave an agent held without an end:
//! each state but available, break and offline carries the moment at which [`Event::Due`] moves it on.

mod choice;

pub use choice::{Candidate, Wanted, choose, rank};

use crate::ids::{ReservationToken, TransferId};
use chrono::{DateTime, TimeDelta, Utc};

/// One turn of duty. An agent without one is offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// What the agent does.
    pub stand: Stand,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Longest idle first: when the agent last became free, or last turned a call down.
    pub idle_since: DateTime<Utc>,
    /// How long the agent is known to be there.
    pub presence: Presence,
    /// Wished for in a call; taken when it and its wrap-up are over.
    pub next: Option<Next>,
}

/// What an agent on duty does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Free.
    Available,
    /// Held for a caller.
    Held(Held),
    /// Writing up.
    WrapUp {
        /// Over then.
        until: DateTime<Utc>,
    },
    /// Away from the desk.
    Break,
}

/// A hold on an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// How far it has come.
    pub stage: Stage,
    /// For which hand-over.
    pub transfer: TransferId,
    /// Who has this moves it on.
    pub token: ReservationToken,
    /// Without a sign of life of the engine that has the caller it ends then.
    pub until: DateTime<Utc>,
}

/// How far a hold has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The caller is being asked.
    Reserved,
    /// The phone or the page rings.
    Ringing,
    /// The two talk.
    Talking,
}

/// What an agent wishes for after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A break.
    Break,
    /// The end of duty.
    Offline,
}

/// How long an agent is known to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody can tell (a phone at a fixed address).
    Always,
    /// The page's last sign of life, or the phone's registration, lasts so long.
    Until(DateTime<Utc>),
}

impl Presence {
    /// True where the agent is there at `now`.
    pub fn is_there(self, now: DateTime<Utc>) -> bool {
        match self {
            Presence::Always => true,
            Presence::Until(until) => until > now,
        }
    }
}

/// What an agent asks for with a button, a command, or by registering a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To take calls; ends a break or a wrap-up, and takes back a wish for later.
    Available,
    /// To be left alone; in a call: after it.
    Break,
    /// To go; in a call: after it.
    Offline,
}

/// What an agent who was held is freed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freed {
    /// It never came to a ring, or the customer gave up: free again, in the same place of the line.
    Unused,
    /// The agent turned the call down: free again, at the end of the line.
    Rejected,
    /// The agent did not react: on a break until they come back, so that no other caller waits in vain.
    RangOut,
    /// The phone or the line broke: on a break too.
    Broken,
    /// They talked: wrap-up.
    Talked,
}

/// What happens to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The agent wants something; and is there so long.
    Wish(Wish, Presence),
    /// A sign of life.
    Present(Presence),
    /// The page said goodbye, or the phone's last registration ended.
    Gone,
    /// Wanted for a caller.
    Reserve(Held),
    /// The phone or the page rings.
    Ring(ReservationToken),
    /// The agent has taken the call.
    Talk(ReservationToken),
    /// A sign of life of the engine that has the caller; the hold lasts so long.
    Beat(ReservationToken, DateTime<Utc>),
    /// The engine needs the agent no longer.
    Free {
        /// Its hold.
        token: ReservationToken,
        /// Why.
        freed: Freed,
        /// Time for writing up after a talk.
        wrap_up: TimeDelta,
    },
    /// Something's time may have come: a lease that ran out, a presence that ended, a wrap-up that is over. One of them in each step.
    Due {
        /// Time for writing up after a talk that was cut.
        wrap_up: TimeDelta,
    },
}

/// A state's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    /// No duty.
    Offline,
    /// Free.
    Available,
    /// Held, the caller is being asked.
    Reserved,
    /// Held, it rings.
    Ringing,
    /// Held, they talk.
    Talking,
    /// Writing up.
    WrapUp,
    /// Away.
    Break,
}

impl Name {
    /// The name as it is stamped.
    pub fn as_str(self) -> &'static str {
        match self {
            Name::Offline => "offline",
            Name::Available => "available",
            Name::Reserved => "reserved",
            Name::Ringing => "ringing",
            Name::Talking => "talking",
            Name::WrapUp => "wrap_up",
            Name::Break => "break",
        }
    }

    /// The name of where an agent stands.
    pub fn of(duty: Option<&Duty>) -> Name {
        match duty.map(|duty| &duty.stand) {
            None => Name::Offline,
            Some(Stand::Available) => Name::Available,
            Some(Stand::Held(Held { stage: Stage::Reserved, .. })) => Name::Reserved,
            Some(Stand::Held(Held { stage: Stage::Ringing, .. })) => Name::Ringing,
            Some(Stand::Held(Held { stage: Stage::Talking, .. })) => Name::Talking,
            Some(Stand::WrapUp { .. }) => Name::WrapUp,
            Some(Stand::Break) => Name::Break,
        }
    }
}

/// A transition, to be stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// From where.
    pub from: Name,
    /// To where.
    pub to: Name,
    /// Why, in one word.
    pub why: &'static str,
    /// The hand-over that it belongs to.
    pub transfer: Option<TransferId>,
}

/// What an event made of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The duty now; none: offline.
    pub duty: Option<Duty>,
    /// The transition; none where only a time or a wish was noted.
    pub stamp: Option<Stamp>,
    /// A hand-over whose engine is dead: it ends here as interrupted.
    pub interrupted: Option<TransferId>,
}

/// Why an event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The agent is offline.
    #[error("the agent is not on duty")]
    Offline,
    /// Nobody would see or hear a call: no page, no registered phone.
    #[error("the agent has no page open and no phone registered")]
    NotThere,
    /// The agent is not free.
    #[error("the agent is not free")]
    NotFree,
    /// The hold is not theirs: it ran out, was freed before, or never was.
    #[error("the hold on the agent is over")]
    NotHeld,
    /// It is so already, or nothing is due.
    #[error("nothing to change")]
    Nothing,
}

/// What `event` at `now` makes of an agent.
pub fn step(duty: Option<&Duty>, event: Event, now: DateTime<Utc>) -> Result<Step, Refused> {
    let Some(duty) = duty else { return begin(event, now) };
    match event {
        Event::Wish(wish, presence) => wished(Duty { presence, ..duty.clone() }, wish, now),
        Event::Present(presence) if presence == duty.presence => Err(Refused::Nothing),
        Event::Present(presence) => Ok(noted(Duty { presence, ..duty.clone() })),
        Event::Gone => Ok(gone(duty, now)),
        Event::Reserve(held) => reserved(duty, held, now),
        Event::Ring(token) => staged(duty, token, Stage::Ringing, now),
        Event::Talk(token) => staged(duty, token, Stage::Talking, now),
        Event::Beat(token, until) => {
            let held = held_by(duty, token)?;
            Ok(noted(Duty { stand: Stand::Held(Held { until, ..held }), ..duty.clone() }))
        }
        Event::Free { token, freed, wrap_up } => {
            let held = held_by(duty, token)?;
            Ok(free(duty, held, freed, wrap_up, word_of(freed), now))
        }
        Event::Due { wrap_up } => due(duty, wrap_up, now),
    }
}

fn begin(event: Event, now: DateTime<Utc>) -> Result<Step, Refused> {
    let (wish, presence) = match event {
        Event::Wish(wish, presence) => (wish, presence),
        Event::Ring(_) | Event::Talk(_) | Event::Beat(..) | Event::Free { .. } => return Err(Refused::NotHeld),
        Event::Due { .. } | Event::Gone => return Err(Refused::Nothing),
        Event::Present(_) | Event::Reserve(_) => return Err(Refused::Offline),
    };
    let stand = match wish {
        Wish::Available => Stand::Available,
        Wish::Break => Stand::Break,
        Wish::Offline => return Err(Refused::Nothing),
    };
    if !presence.is_there(now) {
        return Err(Refused::NotThere);
    }
    let duty = Duty { stand, since: now, idle_since: now, presence, next: None };
    let stamp = Stamp { from: Name::Offline, to: Name::of(Some(&duty)), why: "on_duty", transfer: None };
    Ok(Step { duty: Some(duty), stamp: Some(stamp), interrupted: None })
}

fn wished(duty: Duty, wish: Wish, now: DateTime<Utc>) -> Result<Step, Refused> {
    if wish != Wish::Offline && !duty.presence.is_there(now) {
        return Err(Refused::NotThere);
    }
    match (&duty.stand, wish) {
        (Stand::Held(_), Wish::Available) => Ok(noted(Duty { next: None, ..duty })),
        (Stand::Held(_), Wish::Break) => Ok(noted(Duty { next: Some(Next::Break), ..duty })),
        (Stand::Held(_), Wish::Offline) => Ok(noted(Duty { next: Some(Next::Offline), ..duty })),
        (_, Wish::Offline) => Ok(off(&duty, "off_duty", None)),
        (Stand::Available, Wish::Available) | (Stand::Break, Wish::Break) => Ok(noted(duty)),
        // Who comes back from a break or a wrap-up has been idle from now on.
        (Stand::Break | Stand::WrapUp { .. }, Wish::Available) => {
            Ok(moved(&duty, Stand::Available, "available", None, Idle::From(now), now))
        }
        (Stand::Available | Stand::WrapUp { .. }, Wish::Break) => {
            Ok(moved(&duty, Stand::Break, "break", None, Idle::Same, now))
        }
    }
}

/// The page or the phone is gone: off duty at once, but a talk goes on, whose media know better; it ends in [`due`].
fn gone(duty: &Duty, now: DateTime<Utc>) -> Step {
    match duty.stand {
        Stand::Held(Held { stage: Stage::Talking, .. }) => {
            noted(Duty { presence: Presence::Until(now), ..duty.clone() })
        }
        Stand::Held(Held { transfer, .. }) => off(duty, "gone", Some(transfer)),
        Stand::Available | Stand::WrapUp { .. } | Stand::Break => off(duty, "gone", None),
    }
}

fn reserved(duty: &Duty, held: Held, now: DateTime<Utc>) -> Result<Step, Refused> {
    if duty.stand != Stand::Available {
        return Err(Refused::NotFree);
    }
    if !duty.presence.is_there(now) {
        return Err(Refused::NotThere);
    }
    let stand = Stand::Held(Held { stage: Stage::Reserved, ..held });
    Ok(moved(duty, stand, "reserved", Some(held.transfer), Idle::Same, now))
}

fn held_by(duty: &Duty, token: ReservationToken) -> Result<Held, Refused> {
    match duty.stand {
        Stand::Held(held) if held.token == token => Ok(held),
        Stand::Held(_) | Stand::Available | Stand::WrapUp { .. } | Stand::Break => Err(Refused::NotHeld),
    }
}

/// A hold only moves forward; a stage may be left out (a page that takes the call at once).
fn staged(duty: &Duty, token: ReservationToken, stage: Stage, now: DateTime<Utc>) -> Result<Step, Refused> {
    let held = held_by(duty, token)?;
    let why = match (held.stage, stage) {
        (Stage::Reserved, Stage::Ringing) => "ringing",
        (Stage::Reserved | Stage::Ringing, Stage::Talking) => "talking",
        (_, Stage::Reserved) | (Stage::Ringing | Stage::Talking, Stage::Ringing) | (Stage::Talking, Stage::Talking) => {
            return Err(Refused::Nothing);
        }
    };
    Ok(moved(duty, Stand::Held(Held { stage, ..held }), why, Some(held.transfer), Idle::Same, now))
}

fn word_of(freed: Freed) -> &'static str {
    match freed {
        Freed::Unused => "unused",
        Freed::Rejected => "rejected",
        Freed::RangOut => "rang_out",
        Freed::Broken => "broken",
        Freed::Talked => "talked",
    }
}

fn free(duty: &Duty, held: Held, freed: Freed, wrap_up: TimeDelta, why: &'static str, now: DateTime<Utc>) -> Step {
    let transfer = Some(held.transfer);
    let (stand, idle) = match freed {
        Freed::Unused => (Stand::Available, Idle::Same),
        Freed::Rejected => (Stand::Available, Idle::From(now)),
        Freed::RangOut | Freed::Broken => (Stand::Break, Idle::From(now)),
        // Time for writing up is never cut short by a wish for later.
        Freed::Talked if wrap_up > TimeDelta::zero() => {
            return moved(duty, Stand::WrapUp { until: now + wrap_up }, why, transfer, Idle::From(now), now);
        }
        Freed::Talked => (Stand::Available, Idle::From(now)),
    };
    settle(duty, stand, why, transfer, idle, now)
}

/// Goes to `stand`, or where the agent wished to go after the call.
fn settle(
    duty: &Duty,
    stand: Stand,
    why: &'static str,
    transfer: Option<TransferId>,
    idle: Idle,
    now: DateTime<Utc>,
) -> Step {
    match duty.next {
        None => moved(duty, stand, why, transfer, idle, now),
        Some(Next::Offline) => off(duty, why, transfer),
        Some(Next::Break) => {
            let without = Duty { next: None, ..duty.clone() };
            moved(&without, Stand::Break, why, transfer, idle, now)
        }
    }
}

fn due(duty: &Duty, wrap_up: TimeDelta, now: DateTime<Utc>) -> Result<Step, Refused> {
    let there = duty.presence.is_there(now);
    match duty.stand {
        // The engine that had the caller is dead. A talk may have gone on to its end: there is something to write up.
        Stand::Held(held) if held.until <= now => {
            let freed = if held.stage == Stage::Talking { Freed::Talked } else { Freed::Unused };
            let step = free(duty, held, freed, wrap_up, "lease_lost", now);
            Ok(Step { interrupted: Some(held.transfer), ..step })
        }
        Stand::Held(Held { stage: Stage::Talking, .. }) => Err(Refused::Nothing),
        Stand::Held(held) if !there => Ok(off(duty, "presence_lost", Some(held.transfer))),
        Stand::Available | Stand::WrapUp { .. } | Stand::Break if !there => Ok(off(duty, "presence_lost", None)),
        Stand::WrapUp { until } if until <= now => {
            Ok(settle(duty, Stand::Available, "wrap_up_over", None, Idle::From(now), now))
        }
        Stand::Held(_) | Stand::Available | Stand::WrapUp { .. } | Stand::Break => Err(Refused::Nothing),
    }
}

/// From when an agent counts as idle.
#[derive(Clone, Copy, Debug)]
enum Idle {
    Same,
    From(DateTime<Utc>),
}

fn moved(
    duty: &Duty,
    stand: Stand,
    why: &'static str,
    transfer: Option<TransferId>,
    idle: Idle,
    now: DateTime<Utc>,
) -> Step {
    let idle_since = match idle {
        Idle::Same => duty.idle_since,
        Idle::From(at) => at,
    };
    let to = Duty { stand, since: now, idle_since, ..duty.clone() };
    let stamp = Stamp { from: Name::of(Some(duty)), to: Name::of(Some(&to)), why, transfer };
    Step { duty: Some(to), stamp: Some(stamp), interrupted: None }
}

fn off(duty: &Duty, why: &'static str, transfer: Option<TransferId>) -> Step {
    let stamp = Stamp { from: Name::of(Some(duty)), to: Name::Offline, why, transfer };
    Step { duty: None, stamp: Some(stamp), interrupted: None }
}

fn noted(duty: Duty) -> Step {
    Step { duty: Some(duty), stamp: None, interrupted: None }
}

#[cfg(test)]
mod tests;
