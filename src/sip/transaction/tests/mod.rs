//! The four machines against the timer tables of RFC 3261 and RFC 6026, in virtual time: each test is a script and what must come of it.

use super::ClientAction::{self, Ack, Pass, Retransmit, Terminate, TimedOut, Unreachable};
use super::ClientInput::{Response, Time, TransportError};
use super::{ClientInvite, ClientMachine, ClientOther, Timer, TimerConfig};
use std::time::{Duration, Instant};

mod server;

/// T1, T2 and T4 of the RFC.
pub(super) const RFC: TimerConfig =
    TimerConfig { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

/// Where virtual time begins.
pub(super) fn epoch() -> Instant {
    Instant::now()
}

fn invite(reliable: bool, now: Instant) -> ClientMachine {
    ClientMachine::Invite(ClientInvite::new(&RFC, reliable, now))
}

fn other(reliable: bool, now: Instant) -> ClientMachine {
    ClientMachine::Other(ClientOther::new(&RFC, reliable, now))
}

/// Plays (ms, input) into the machine, every timer at its very moment, and writes down (ms, timer or none, actions).
fn play(
    make: fn(bool, Instant) -> ClientMachine,
    reliable: bool,
    script: &[(u64, super::ClientInput)],
) -> Vec<(u64, Option<Timer>, Vec<ClientAction>)> {
    let start = epoch();
    let mut machine = make(reliable, start);
    let mut seen = Vec::new();
    let mut script = script.iter().copied().peekable();
    let ms = |at: Instant| u64::try_from((at - start).as_millis()).expect("a test is short");
    loop {
        let due = machine.poll_timeout();
        let next = script.peek().map(|(at, _)| start + Duration::from_millis(*at));
        match (due, next) {
            (Some((at, timer)), next) if next.is_none_or(|next| at <= next) => {
                let actions = machine.handle(Time, &RFC, at);
                seen.push((ms(at), Some(timer), actions.to_vec()));
            }
            (_, Some(at)) => {
                let (_, input) = script.next().expect("just peeked");
                seen.push((ms(at), None, machine.handle(input, &RFC, at).to_vec()));
            }
            (_, None) => return seen,
        }
    }
}

/// The moments of one timer.
fn moments(seen: &[(u64, Option<Timer>, Vec<ClientAction>)], timer: Timer) -> Vec<u64> {
    seen.iter().filter(|(_, t, _)| *t == Some(timer)).map(|(at, _, _)| *at).collect()
}

#[test]
fn invite_unanswered_repeats_with_a_and_gives_up_with_b() {
    let seen = play(invite, false, &[]);
    assert_eq!(moments(&seen, Timer::A), [500, 1500, 3500, 7500, 15500, 31500]);
    assert!(seen.iter().filter(|s| s.1 == Some(Timer::A)).all(|s| s.2 == [Retransmit]));
    assert_eq!(seen.last(), Some(&(32000, Some(Timer::B), vec![TimedOut, Terminate])));
}

#[test]
fn invite_on_a_reliable_transport_never_repeats() {
    assert_eq!(play(invite, true, &[]), [(32000, Some(Timer::B), vec![TimedOut, Terminate])]);
}

#[test]
fn invite_stops_repeating_once_a_provisional_came() {
    let seen = play(invite, false, &[(600, Response(100)), (50_000, Response(180)), (60_000, Response(100))]);
    assert_eq!(
        seen,
        [
            (500, Some(Timer::A), vec![Retransmit]),
            (600, None, vec![Pass]),
            (50_000, None, vec![Pass]),
            (60_000, None, vec![Pass]),
        ]
    );
}

#[test]
fn invite_failure_is_acknowledged_each_time_and_absorbed_until_d() {
    let script = [(100, Response(486)), (600, Response(486)), (31_000, Response(486)), (700_000, Response(486))];
    let seen = play(invite, false, &script);
    assert_eq!(
        seen,
        [
            (100, None, vec![Ack, Pass]),
            (600, None, vec![Ack]),
            (31_000, None, vec![Ack]),
            (32_100, Some(Timer::D), vec![Terminate]),
            (700_000, None, vec![]),
        ]
    );
    // a provisional that was overtaken changes nothing
    let late = play(invite, false, &[(100, Response(404)), (101, Response(180))]);
    assert_eq!(late[1], (101, None, vec![]));
    // reliable: no D at all
    let reliable = play(invite, true, &[(100, Response(404))]);
    assert_eq!(reliable[1], (100, Some(Timer::D), vec![Terminate]));
}

#[test]
fn invite_2xx_passes_every_time_until_m_rfc6026() {
    let script = [
        (100, Response(180)),
        (200, Response(200)),
        (700, Response(200)),
        (20_000, Response(486)),
        (32_199, Response(200)),
    ];
    for reliable in [false, true] {
        assert_eq!(
            play(invite, reliable, &script),
            [
                (100, None, vec![Pass]),
                (200, None, vec![Pass]),
                (700, None, vec![Pass]),
                (20_000, None, vec![]),
                (32_199, None, vec![Pass]),
                (32_200, Some(Timer::M), vec![Terminate]),
            ]
        );
    }
}

#[test]
fn invite_2xx_after_a_failure_still_passes() {
    let seen = play(invite, false, &[(100, Response(408)), (5_000, Response(200))]);
    assert_eq!(seen[1], (5_000, None, vec![Pass]));
}

#[test]
fn invite_transport_error_counts_only_while_calling() {
    assert_eq!(play(invite, false, &[(10, TransportError)]), [(10, None, vec![Unreachable, Terminate])]);
    let seen =
        play(invite, false, &[(10, Response(100)), (20, TransportError), (30, Response(200)), (40, TransportError)]);
    assert_eq!(seen[1], (20, None, vec![]));
    assert_eq!(seen[3], (40, None, vec![]));
}

#[test]
fn other_repeats_with_e_up_to_t2_and_gives_up_with_f() {
    let seen = play(other, false, &[]);
    assert_eq!(
        moments(&seen, Timer::E),
        [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500],
        "table of 17.1.2.2: 500 ms, 1 s, 2 s, 4 s, 4 s, …"
    );
    assert_eq!(seen.last(), Some(&(32000, Some(Timer::F), vec![TimedOut, Terminate])));
    assert_eq!(play(other, true, &[]), [(32000, Some(Timer::F), vec![TimedOut, Terminate])]);
}

#[test]
fn other_goes_on_at_t2_after_a_provisional() {
    let seen = play(other, false, &[(600, Response(100))]);
    assert_eq!(moments(&seen, Timer::E), [500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500]);
    assert_eq!(seen.last(), Some(&(32000, Some(Timer::F), vec![TimedOut, Terminate])));
}

#[test]
fn other_final_is_passed_once_and_absorbed_until_k() {
    let seen =
        play(other, false, &[(10, Response(200)), (20, Response(200)), (30, Response(404)), (40, TransportError)]);
    assert_eq!(
        seen,
        [
            (10, None, vec![Pass]),
            (20, None, vec![]),
            (30, None, vec![]),
            (40, None, vec![]),
            (5_010, Some(Timer::K), vec![Terminate]),
        ]
    );
    let reliable = play(other, true, &[(10, Response(200))]);
    assert_eq!(reliable[1], (10, Some(Timer::K), vec![Terminate]));
    assert_eq!(play(other, false, &[(10, TransportError)]), [(10, None, vec![Unreachable, Terminate])]);
}

#[test]
fn a_late_poll_does_not_send_a_burst() {
    let start = epoch();
    let mut machine = invite(false, start);
    let late = start + Duration::from_secs(10);
    assert_eq!(machine.handle(Time, &RFC, late), [Retransmit]);
    assert!(machine.poll_timeout().is_some_and(|(at, _)| at > late));
    assert_eq!(machine.handle(Time, &RFC, late), []);
}
