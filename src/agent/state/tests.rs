//! Tables of what each event makes of each state, and the virtual hour.

mod hour;

use super::*;
use chrono::TimeZone;
use uuid::Uuid;

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 18, 2, 0, 0).single().unwrap() + TimeDelta::seconds(seconds)
}

fn token(n: u128) -> ReservationToken {
    ReservationToken(Uuid::from_u128(n))
}

fn transfer() -> TransferId {
    TransferId(Uuid::from_u128(7))
}

const WRAP_UP: TimeDelta = TimeDelta::seconds(60);

/// Idle since 10 s, there until 1000 s, held until 115 s.
fn duty(name: Name) -> Option<Duty> {
    let held = |stage| Stand::Held(Held { stage, transfer: transfer(), token: token(1), until: at(115) });
    let stand = match name {
        Name::Offline => return None,
        Name::Available => Stand::Available,
        Name::Reserved => held(Stage::Reserved),
        Name::Ringing => held(Stage::Ringing),
        Name::Talking => held(Stage::Talking),
        Name::WrapUp => Stand::WrapUp { until: at(130) },
        Name::Break => Stand::Break,
    };
    Some(Duty { stand, since: at(50), idle_since: at(10), presence: Presence::Until(at(1000)), next: None })
}

const ALL: [Name; 7] =
    [Name::Offline, Name::Available, Name::Reserved, Name::Ringing, Name::Talking, Name::WrapUp, Name::Break];

/// In short: the new state and why, `-` where only something was noted, or why not.
fn told(result: &Result<Step, Refused>) -> String {
    match result {
        Ok(Step { stamp: Some(stamp), .. }) => format!("{} {}", stamp.to.as_str(), stamp.why),
        Ok(Step { stamp: None, .. }) => "-".to_owned(),
        Err(refused) => format!("{refused:?}"),
    }
}

#[test]
fn every_event_in_every_state() {
    let held = Held { stage: Stage::Reserved, transfer: transfer(), token: token(1), until: at(115) };
    let there = Presence::Until(at(2000));
    let free = |freed| Event::Free { token: token(1), freed, wrap_up: WRAP_UP };
    // Columns: offline, available, reserved, ringing, talking, wrap_up, break.
    let table: [(Event, [&str; 7]); 15] = [
        (
            Event::Wish(Wish::Available, there),
            ["available on_duty", "-", "-", "-", "-", "available available", "available available"],
        ),
        (Event::Wish(Wish::Break, there), ["break on_duty", "break break", "-", "-", "-", "break break", "-"]),
        (
            Event::Wish(Wish::Offline, there),
            ["Nothing", "offline off_duty", "-", "-", "-", "offline off_duty", "offline off_duty"],
        ),
        (Event::Present(there), ["Offline", "-", "-", "-", "-", "-", "-"]),
        (Event::Gone, ["Nothing", "offline gone", "offline gone", "offline gone", "-", "offline gone", "offline gone"]),
        (Event::Reserve(held), ["Offline", "reserved reserved", "NotFree", "NotFree", "NotFree", "NotFree", "NotFree"]),
        (Event::Ring(token(1)), ["NotHeld", "NotHeld", "ringing ringing", "Nothing", "Nothing", "NotHeld", "NotHeld"]),
        (
            Event::Talk(token(1)),
            ["NotHeld", "NotHeld", "talking talking", "talking talking", "Nothing", "NotHeld", "NotHeld"],
        ),
        (Event::Beat(token(1), at(130)), ["NotHeld", "NotHeld", "-", "-", "-", "NotHeld", "NotHeld"]),
        (
            free(Freed::Unused),
            ["NotHeld", "NotHeld", "available unused", "available unused", "available unused", "NotHeld", "NotHeld"],
        ),
        (
            free(Freed::Rejected),
            [
                "NotHeld",
                "NotHeld",
                "available rejected",
                "available rejected",
                "available rejected",
                "NotHeld",
                "NotHeld",
            ],
        ),
        (
            free(Freed::RangOut),
            ["NotHeld", "NotHeld", "break rang_out", "break rang_out", "break rang_out", "NotHeld", "NotHeld"],
        ),
        (
            free(Freed::Broken),
            ["NotHeld", "NotHeld", "break broken", "break broken", "break broken", "NotHeld", "NotHeld"],
        ),
        (
            free(Freed::Talked),
            ["NotHeld", "NotHeld", "wrap_up talked", "wrap_up talked", "wrap_up talked", "NotHeld", "NotHeld"],
        ),
        (Event::Due { wrap_up: WRAP_UP }, ["Nothing"; 7]),
    ];
    for (event, row) in table {
        for (name, want) in ALL.into_iter().zip(row) {
            assert_eq!(told(&step(duty(name).as_ref(), event, at(100))), want, "{event:?} in {name:?}");
        }
    }
}

#[test]
fn a_hold_of_somebody_else_moves_nothing() {
    for name in [Name::Reserved, Name::Ringing, Name::Talking] {
        let free = Event::Free { token: token(2), freed: Freed::Unused, wrap_up: WRAP_UP };
        for event in [Event::Ring(token(2)), Event::Talk(token(2)), Event::Beat(token(2), at(200)), free] {
            assert_eq!(step(duty(name).as_ref(), event, at(100)), Err(Refused::NotHeld), "{event:?} in {name:?}");
        }
    }
}

#[test]
fn what_ends_by_time() {
    let due = Event::Due { wrap_up: WRAP_UP };
    // Columns: the lease ran out (115 s), the wrap-up is over (130 s), nobody is there (1000 s).
    for (name, row) in [
        (Name::Offline, ["Nothing", "Nothing", "Nothing"]),
        (Name::Available, ["Nothing", "Nothing", "offline presence_lost"]),
        (Name::Reserved, ["available lease_lost", "available lease_lost", "available lease_lost"]),
        (Name::Ringing, ["available lease_lost", "available lease_lost", "available lease_lost"]),
        (Name::Talking, ["wrap_up lease_lost", "wrap_up lease_lost", "wrap_up lease_lost"]),
        (Name::WrapUp, ["Nothing", "available wrap_up_over", "offline presence_lost"]),
        (Name::Break, ["Nothing", "Nothing", "offline presence_lost"]),
    ] {
        for (now, want) in [at(115), at(130), at(1000)].into_iter().zip(row) {
            assert_eq!(told(&step(duty(name).as_ref(), due, now)), want, "{name:?} at {now}");
        }
    }
    let ran_out = step(duty(Name::Ringing).as_ref(), due, at(115)).unwrap();
    assert_eq!(ran_out.interrupted, Some(transfer()), "its engine cannot end it any more");
    assert_eq!(ran_out.duty.unwrap().idle_since, at(10), "the agent keeps the place in the line");
}

#[test]
fn who_is_gone_in_a_ring_is_free_of_it_and_the_engine_ends_the_try() {
    let absent = Duty { presence: Presence::Until(at(90)), ..duty(Name::Ringing).unwrap() };
    let lost = step(Some(&absent), Event::Due { wrap_up: WRAP_UP }, at(100)).unwrap();
    assert_eq!((lost.duty, lost.interrupted), (None, None));
    assert_eq!(lost.stamp.unwrap().transfer, Some(transfer()));
    // A talk is between the two: it goes on to its end, and the agent is gone after it.
    let talking = Duty { presence: Presence::Until(at(90)), ..duty(Name::Talking).unwrap() };
    assert_eq!(step(Some(&talking), Event::Due { wrap_up: WRAP_UP }, at(100)), Err(Refused::Nothing));
    let event = Event::Free { token: token(1), freed: Freed::Talked, wrap_up: WRAP_UP };
    let over = step(Some(&talking), event, at(100)).unwrap().duty.unwrap();
    assert_eq!(told(&step(Some(&over), Event::Due { wrap_up: WRAP_UP }, at(100))), "offline presence_lost");
}

#[test]
fn a_wish_in_a_call_is_kept_for_after_the_wrap_up() {
    let there = Presence::Until(at(2000));
    for (wish, want) in [(Wish::Available, "available"), (Wish::Break, "break"), (Wish::Offline, "offline")] {
        let asked = step(duty(Name::Talking).as_ref(), Event::Wish(wish, there), at(100)).unwrap().duty;
        let event = Event::Free { token: token(1), freed: Freed::Talked, wrap_up: WRAP_UP };
        let writing = step(asked.as_ref(), event, at(110)).unwrap();
        assert_eq!(told(&Ok(writing.clone())), "wrap_up talked", "no wish cuts the wrap-up short");
        let over = step(writing.duty.as_ref(), Event::Due { wrap_up: WRAP_UP }, at(170)).unwrap();
        assert_eq!(told(&Ok(over.clone())), format!("{want} wrap_up_over"));
        assert_eq!(over.duty.and_then(|duty| duty.next), None, "once");
        // Where nothing was said there is nothing to write up.
        let event = Event::Free { token: token(1), freed: Freed::Unused, wrap_up: WRAP_UP };
        assert_eq!(told(&step(asked.as_ref(), event, at(110))), format!("{want} unused"));
    }
}

#[test]
fn the_place_in_the_line() {
    let idle = |freed, wrap_up| {
        let event = Event::Free { token: token(1), freed, wrap_up };
        step(duty(Name::Ringing).as_ref(), event, at(100)).unwrap().duty.unwrap().idle_since
    };
    assert_eq!(idle(Freed::Unused, WRAP_UP), at(10), "not their doing");
    assert_eq!(idle(Freed::Rejected, WRAP_UP), at(100), "to the end of the line");
    assert_eq!(idle(Freed::Talked, TimeDelta::zero()), at(100));
    let back = step(duty(Name::Break).as_ref(), Event::Wish(Wish::Available, Presence::Always), at(100));
    assert_eq!(back.unwrap().duty.unwrap().idle_since, at(100));
}

#[test]
fn nobody_goes_on_duty_whom_no_call_would_reach() {
    let absent = Presence::Until(at(100));
    for wish in [Wish::Available, Wish::Break] {
        assert_eq!(step(None, Event::Wish(wish, absent), at(100)), Err(Refused::NotThere));
        assert_eq!(step(duty(Name::Break).as_ref(), Event::Wish(wish, absent), at(100)), Err(Refused::NotThere));
    }
    let held = Held { stage: Stage::Reserved, transfer: transfer(), token: token(1), until: at(115) };
    let left = Duty { presence: absent, ..duty(Name::Available).unwrap() };
    assert_eq!(step(Some(&left), Event::Reserve(held), at(100)), Err(Refused::NotThere));
}
