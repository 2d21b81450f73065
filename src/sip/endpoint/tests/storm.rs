//! Thousands of random calls over a bad network, both sides acting at random moments. What must hold whatever happens:
//! each session gets exactly one last event, no called side keeps a call that the caller does not, nothing is left in any map.

use super::network::{Step, Weather, World};
use super::scripted::{ANSWER, Desk};
use crate::sip::endpoint::{Load, Refer};
use crate::sip::session::{EndCause, HangupReason, ReferEvent, SessionEvent, SessionId, Stage};
use rand::RngExt;
use std::collections::HashMap;
use std::time::Duration;

/// What somebody will do.
enum Act {
    Call,
    Hangup(usize, SessionId),
    Ring(SessionId, u16),
    Accept(SessionId),
    Reject(SessionId),
    /// The far side, which can do no such thing, will refuse it.
    Refer(usize, SessionId),
    /// By now the call of a callee that answered must be over by itself.
    Check(SessionId),
}

/// What a side knows of one of its sessions.
#[derive(Default, Debug)]
struct Known {
    sent: bool,
    answered: bool,
    referred: u32,
    refused: u32,
    over: bool,
}

#[derive(Default, Debug)]
struct Tally {
    answered: u32,
    failed: u32,
    canceled: u32,
    no_ack: u32,
    bye_lost: u32,
}

fn storm(seed: u64, weather: Weather, calls: u32) -> Tally {
    let mut world: World<Act> = World::new(seed, weather);
    let mut known: HashMap<(usize, SessionId), Known> = HashMap::new();
    let mut tally = Tally::default();
    for _ in 0..calls {
        let at = world.rng.random_range(0..u64::from(calls) * 50);
        world.plan(at, Act::Call);
    }
    loop {
        match world.step() {
            Step::End => break,
            Step::Act(act) => perform(&mut world, act, &mut known),
            Step::Event(_, _, SessionEvent::Trace(_)) => {}
            Step::Event(side, id, event) => on_event(&mut world, side, id, event, &mut known, &mut tally),
        }
    }
    for (who, known) in &known {
        assert!(known.over, "seed {seed}: {who:?} never ended: {known:?}");
    }
    println!("seed {seed}: {tally:?}, {} datagrams, {:?}", world.datagrams, world.sides[0].counters());
    for side in &world.sides {
        assert_eq!(side.load(), Load::default(), "seed {seed}");
    }
    tally
}

fn perform(world: &mut World<Act>, act: Act, known: &mut HashMap<(usize, SessionId), Known>) {
    let now = world.now;
    match act {
        Act::Call => {
            let mut order = Desk::order();
            order.next_hop = world.addresses[1].into();
            order.ring_timeout = Duration::from_millis(world.rng.random_range(100..40_000));
            let id = world.sides[0].invite(now, order);
            known.insert((0, id), Known::default());
            if world.rng.random_bool(0.5) {
                let after = random_ms(world);
                world.plan(after, Act::Hangup(0, id));
            }
        }
        Act::Hangup(side, id) => world.sides[side].hangup(now, id, HangupReason::Normal),
        Act::Ring(id, status) => world.sides[1].ring(now, id, status, (status == 183).then(|| ANSWER.to_vec())),
        Act::Accept(id) => world.sides[1].accept(now, id, ANSWER.to_vec()),
        Act::Refer(side, id) => {
            known.entry((side, id)).or_default().referred += 1;
            let to = "sip:8001@pbx.example".parse().expect("a URI");
            world.sides[side].refer(now, id, Refer { to, replaces: None });
        }
        Act::Reject(id) => world.sides[1].reject(now, id, 486, Vec::new()),
        Act::Check(id) => {
            let state = &known[&(1, id)];
            assert!(state.over || world.weather.loss > 0.2 || world.weather.broken > 0.0, "a ghost: {id:?} {state:?}");
            world.sides[1].hangup(now, id, HangupReason::Normal);
        }
    }
}

fn on_event(
    world: &mut World<Act>,
    side: usize,
    id: SessionId,
    event: SessionEvent,
    known: &mut HashMap<(usize, SessionId), Known>,
    tally: &mut Tally,
) {
    if matches!(event, SessionEvent::Incoming(_)) {
        known.insert((side, id), Known::default());
        plan_callee(world, id);
        return;
    }
    let state = known.get_mut(&(side, id)).unwrap_or_else(|| panic!("{event:?} for a session that nobody knows"));
    assert!(!state.over, "{event:?} after the last event");
    match event {
        SessionEvent::InviteSent => {
            assert!(!state.sent);
            state.sent = true;
        }
        SessionEvent::Progress { .. } => assert!(state.sent && !state.answered),
        // a broken byte makes a 181 of a 180
        SessionEvent::Forwarded(_) => {}
        // a broken byte makes another offer of the same one, and another word of a Reason
        SessionEvent::Reoffer { .. } | SessionEvent::Reanswered { .. } | SessionEvent::Reason(_) => {}
        SessionEvent::Info(_) | SessionEvent::Redirected { .. } | SessionEvent::MovedOn { .. } => {
            panic!("nobody sends such a message here")
        }
        SessionEvent::Answered { .. } => {
            assert!(!state.answered);
            state.answered = true;
            tally.answered += 1;
            let after = random_ms(world);
            // the call layer always hangs up in the end
            world.plan(after, Act::Hangup(0, id));
            if world.rng.random_bool(0.5) {
                let after = random_ms(world);
                world.plan(after, Act::Refer(0, id));
            }
        }
        SessionEvent::Acked { .. } => {
            state.answered = true;
            world.plan(1_000, Act::Refer(1, id));
        }
        SessionEvent::Refer(ReferEvent::Refused(_) | ReferEvent::Lost) => {
            state.refused += 1;
            assert!(state.answered && state.refused <= state.referred, "{state:?}");
        }
        SessionEvent::Refer(event) => panic!("nobody accepts a REFER: {event:?}"),
        SessionEvent::Failed(failure) => {
            assert!(!state.answered);
            assert_eq!(failure.stage == Stage::BeforeSend, !state.sent);
            state.over = true;
            tally.failed += 1;
        }
        SessionEvent::Ended { cause, .. } => {
            state.over = true;
            match cause {
                EndCause::Expired => panic!("no call is so long"),
                EndCause::NoAck => tally.no_ack += 1,
                EndCause::ByeTimeout => tally.bye_lost += 1,
                EndCause::Bye | EndCause::ByeRefused(_) | EndCause::ByeUnreachable | EndCause::Rejected(_) => {}
            }
        }
        SessionEvent::Canceled => {
            state.over = true;
            tally.canceled += 1;
        }
        SessionEvent::Incoming(_) | SessionEvent::Trace(_) => unreachable!("handled above"),
    }
}

/// What a callee will do, and when.
fn plan_callee(world: &mut World<Act>, id: SessionId) {
    let ring = world.rng.random_range(0..500);
    let status = if world.rng.random_bool(0.3) { 183 } else { 180 };
    if world.rng.random_bool(0.8) {
        world.plan(ring, Act::Ring(id, status));
    }
    let then = ring + random_ms(world);
    match world.rng.random_range(0..10) {
        0..=5 => {
            world.plan(then, Act::Accept(id));
            world.plan(400_000, Act::Check(id));
        }
        6 => world.plan(then, Act::Reject(id)),
        7 => world.plan(then, Act::Hangup(1, id)),
        // rings for ever: the caller must give up; if it never learnt that it rings, the callee's patience ends it
        _ => world.plan(300_000, Act::Hangup(1, id)),
    }
    if world.rng.random_bool(0.4) {
        let after = then + random_ms(world);
        world.plan(after, Act::Hangup(1, id));
    }
}

/// Mostly short, so that messages cross.
fn random_ms(world: &mut World<Act>) -> u64 {
    match world.rng.random_range(0..4) {
        0 => world.rng.random_range(0..50),
        1 => world.rng.random_range(0..1_000),
        2 => world.rng.random_range(0..10_000),
        _ => world.rng.random_range(0..60_000),
    }
}

#[test]
fn fair_weather_loses_nothing() {
    let tally = storm(1, Weather { loss: 0.0, twice: 0.0, delay: 20, broken: 0.0 }, 1_000);
    assert_eq!((tally.no_ack, tally.bye_lost), (0, 0), "{tally:?}");
    assert!(tally.answered > 200 && tally.failed > 200 && tally.canceled > 50, "{tally:?}");
}

#[test]
fn disorder_and_duplicates_lose_nothing_either() {
    let tally = storm(2, Weather { loss: 0.0, twice: 0.3, delay: 800, broken: 0.0 }, 1_000);
    assert_eq!((tally.no_ack, tally.bye_lost), (0, 0), "{tally:?}");
}

#[test]
fn a_bad_network_leaves_no_ghost() {
    for seed in 10..20 {
        let tally = storm(seed, Weather { loss: 0.2, twice: 0.1, delay: 300, broken: 0.0 }, 300);
        assert_eq!(tally.no_ack, 0, "every 200 got its ACK or the caller's BYE: {tally:?}");
    }
}

#[test]
fn a_terrible_network_still_ends_everything() {
    for seed in 100..110 {
        storm(seed, Weather { loss: 0.7, twice: 0.2, delay: 2_000, broken: 0.0 }, 100);
    }
}

#[test]
fn broken_bytes_never_panic_and_leave_nothing() {
    for seed in 200..210 {
        storm(seed, Weather { loss: 0.05, twice: 0.1, delay: 300, broken: 0.3 }, 200);
    }
}

#[test]
fn an_endpoint_may_live_on_any_thread() {
    fn movable<T: Send>() {}
    movable::<crate::sip::endpoint::Endpoint>();
}
