//! Server machines, in virtual time.

use super::{RFC, epoch};
use crate::sip::transaction::ServerAction::{self, Resend, Send, Terminate, TimedOut, Trying};
use crate::sip::transaction::ServerInput::{self, Ack, Request, Respond, Time};
use crate::sip::transaction::{ServerInvite, ServerMachine, ServerOther, Timer};
use std::time::{Duration, Instant};

fn invite(reliable: bool, now: Instant) -> ServerMachine {
    ServerMachine::Invite(ServerInvite::new(reliable, now))
}

fn other(reliable: bool, _now: Instant) -> ServerMachine {
    ServerMachine::Other(ServerOther::new(reliable))
}

type Seen = Vec<(u64, Option<Timer>, Vec<ServerAction>)>;

fn play(make: fn(bool, Instant) -> ServerMachine, reliable: bool, script: &[(u64, ServerInput)]) -> Seen {
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
                seen.push((ms(at), Some(timer), machine.handle(Time, &RFC, at).to_vec()));
            }
            (_, Some(at)) => {
                let (_, input) = script.next().expect("just peeked");
                seen.push((ms(at), None, machine.handle(input, &RFC, at).to_vec()));
            }
            (_, None) => return seen,
        }
    }
}

#[test]
fn invite_says_trying_after_200_ms_of_silence_only() {
    assert_eq!(play(invite, false, &[])[0], (200, Some(Timer::Trying), vec![Trying]));
    let seen = play(invite, false, &[(199, Respond(180)), (400, Request), (500, Respond(183))]);
    assert_eq!(seen, [(199, None, vec![Send]), (400, None, vec![Resend]), (500, None, vec![Send])]);
}

#[test]
fn invite_refusal_repeats_with_g_and_gives_up_with_h() {
    let seen = play(invite, false, &[(100, Respond(486)), (700, Request)]);
    let g: Vec<u64> = seen.iter().filter(|s| s.1 == Some(Timer::G)).map(|s| s.0).collect();
    assert_eq!(g, [600, 1600, 3600, 7600, 11600, 15600, 19600, 23600, 27600, 31600]);
    assert_eq!(seen[2], (700, None, vec![Resend]));
    assert_eq!(seen.last(), Some(&(32_100, Some(Timer::H), vec![TimedOut, Terminate])));
    // reliable: H only
    let reliable = play(invite, true, &[(100, Respond(486))]);
    assert_eq!(reliable[1..], [(32_100, Some(Timer::H), vec![TimedOut, Terminate])]);
}

#[test]
fn invite_refusal_acknowledged_absorbs_until_i() {
    let script = [(0, Respond(603)), (100, Ack), (200, Ack), (300, Request), (400, Respond(200))];
    assert_eq!(
        play(invite, false, &script),
        [
            (0, None, vec![Send]),
            (100, None, vec![]),
            (200, None, vec![]),
            (300, None, vec![]),
            (400, None, vec![]),
            (5_100, Some(Timer::I), vec![Terminate]),
        ]
    );
    let reliable = play(invite, true, &[(0, Respond(603)), (100, Ack)]);
    assert_eq!(reliable[2], (100, Some(Timer::I), vec![Terminate]));
}

#[test]
fn invite_2xx_absorbs_until_l_and_leaves_repetition_to_the_user_rfc6026() {
    let script = [(100, Respond(200)), (200, Request), (600, Respond(200)), (700, Ack), (800, Respond(486))];
    for reliable in [false, true] {
        assert_eq!(
            play(invite, reliable, &script),
            [
                (100, None, vec![Send]),
                (200, None, vec![]),
                (600, None, vec![Send]),
                (700, None, vec![]),
                (800, None, vec![]),
                (32_100, Some(Timer::L), vec![Terminate]),
            ]
        );
    }
}

#[test]
fn other_repeats_its_response_until_j() {
    let script =
        [(10, Request), (20, Respond(100)), (30, Request), (40, Respond(200)), (50, Request), (60, Respond(500))];
    assert_eq!(
        play(other, false, &script),
        [
            (10, None, vec![]),
            (20, None, vec![Send]),
            (30, None, vec![Resend]),
            (40, None, vec![Send]),
            (50, None, vec![Resend]),
            (60, None, vec![]),
            (32_040, Some(Timer::J), vec![Terminate]),
        ]
    );
    let reliable = play(other, true, &[(40, Respond(200))]);
    assert_eq!(reliable[1], (40, Some(Timer::J), vec![Terminate]));
}
