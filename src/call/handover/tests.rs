//! Hand-overs by hand in virtual time: a table of what happens and what is done, and whole random lives that must all end.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

const PATIENCE: Patience = Patience {
    ring: Duration::from_secs(20),
    accept: Duration::from_secs(10),
    hold: Duration::from_secs(60),
    tries: 3,
};

fn held(n: u128, way: Way) -> Held {
    Held { transfer: TransferId(Uuid::from_u128(n)), agent: AgentId(Uuid::from_u128(n)), way, auto_answer: false }
}

fn waiting() -> Waiting {
    let ids = |id: &str| vec![PromptId::new(id)];
    Waiting { connect: ids("agent.connect"), hold: ids("hold.music"), trying: ids("agent.still_trying") }
}

/// One word for an action, as the tables below write it.
fn word(action: &Action) -> String {
    match action {
        Action::Reserve { tried } => format!("reserve({})", tried.len()),
        Action::Ring(held) => format!("ring {}", held.agent.0.as_u128()),
        Action::Hold { say, .. } => format!("hold {}", say.first().map_or("", PromptId::as_str)),
        Action::Whisper { accept } => format!("whisper{}", if *accept { "+key" } else { "" }),
        Action::Join => "join".into(),
        Action::Part => "part".into(),
        Action::Refer { attended } => format!("refer{}", if *attended { "+replaces" } else { "" }),
        Action::HangUpAgent => "hang up".into(),
        Action::Step(_, step) => step.as_str().into(),
        Action::End(_, end) => format!("end {}", end.as_str()),
        Action::Result(result) => format!("{result:?}"),
    }
}

struct Desk {
    handover: Handover,
    now: Instant,
}

impl Desk {
    fn new() -> Desk {
        Desk { handover: Handover::new(PATIENCE), now: Instant::now() }
    }

    fn give(&mut self, input: Input) -> String {
        self.handover.handle(input, self.now);
        self.drain()
    }

    fn drain(&mut self) -> String {
        let words: Vec<String> = std::iter::from_fn(|| self.handover.poll_action()).map(|a| word(&a)).collect();
        words.join(", ")
    }

    fn timeout(&mut self) -> String {
        self.now = self.handover.poll_timeout().expect("something is waited for");
        self.handover.handle_timeout(self.now);
        self.drain()
    }

    /// What happens and what is done, line by line.
    fn play(&mut self, table: &[(Input, &str)]) {
        for (input, want) in table {
            assert_eq!(self.give(input.clone()), *want, "{input:?}");
        }
    }
}

#[test]
fn the_agent_is_held_before_the_offer_and_takes_the_call_by_key() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Offered, "offered"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::Rings, "ringing"),
        (Input::PickedUp, "answered, whisper+key"),
        (Input::Key('5'), ""),
        (Input::WhisperEnded, ""),
        (Input::Key('1'), "accepted, join"),
        (Input::Key('1'), ""),
        (Input::AgentGone, "end accepted, Talked"),
        (Input::CallerGone, ""),
    ]);
    assert_eq!(desk.handover.poll_timeout(), None);
}

#[test]
fn a_phone_that_answers_by_itself_hears_the_whisper_first() {
    let mut desk = Desk::new();
    let auto = Held { auto_answer: true, ..held(1, Way::Call) };
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(auto), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::PickedUp, "answered, whisper"),
        (Input::Key('1'), "accepted, join"),
        (Input::CallerGone, "hang up, end accepted"),
    ]);
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(auto), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::PickedUp, "answered, whisper"),
        (Input::WhisperEnded, "accepted, join"),
    ]);
}

#[test]
fn nobody_free_is_said_before_anything_was_offered() {
    let mut desk = Desk::new();
    desk.play(&[(Input::Wanted, "reserve(0)"), (Input::NobodyFree, "NobodyFree"), (Input::Connect(waiting()), "")]);
    // and may be asked for again later in the call
    desk.play(&[(Input::Wanted, "reserve(0)"), (Input::Held(held(1, Way::Call)), "Held")]);
    desk.play(&[(Input::Offered, "offered"), (Input::NotWanted, "end declined"), (Input::Wanted, "reserve(0)")]);
}

#[test]
fn the_next_agent_is_tried_and_then_a_call_back_promised() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::Refused, "hang up, end rejected, reserve(1)"),
        (Input::Held(held(2, Way::Call)), "wanted, hold agent.still_trying, ring 2"),
    ]);
    assert_eq!(desk.timeout(), "hang up, end no_answer, reserve(2)");
    desk.play(&[
        (Input::Held(held(3, Way::Call)), "wanted, hold agent.still_trying, ring 3"),
        (Input::PickedUp, "answered, whisper+key"),
        (Input::WhisperEnded, ""),
    ]);
    assert_eq!(desk.timeout(), "hang up, end no_answer, Failed");
}

#[test]
fn no_agent_is_rung_for_whom_the_caller_would_not_wait_long_enough() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
    ]);
    desk.now += Duration::from_secs(19);
    desk.play(&[(Input::PickedUp, "answered, whisper+key")]);
    assert_eq!(desk.timeout(), "hang up, end no_answer, Failed", "49 s of 60 are gone");
}

#[test]
fn nobody_free_for_a_second_try_is_a_failure_of_the_first() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::Broken, "hang up, end agent_failed, reserve(1)"),
        (Input::NobodyFree, "Failed"),
    ]);
}

#[test]
fn the_customer_may_hang_up_at_any_stage() {
    let stages: [(&[Input], &str); 5] = [
        (&[], ""),
        (&[Input::Held(held(1, Way::Call))], "end customer_gave_up"),
        (&[Input::Held(held(1, Way::Call)), Input::Connect(waiting())], "hang up, end customer_gave_up"),
        (
            &[Input::Held(held(1, Way::Call)), Input::Connect(waiting()), Input::PickedUp],
            "hang up, end customer_gave_up",
        ),
        (
            &[Input::Held(held(1, Way::Call)), Input::Connect(waiting()), Input::PickedUp, Input::Key('1')],
            "hang up, end accepted",
        ),
    ];
    for (inputs, want) in stages {
        let mut desk = Desk::new();
        desk.give(Input::Wanted);
        inputs.iter().for_each(|input| drop(desk.give(input.clone())));
        assert_eq!(desk.give(Input::CallerGone), want, "{inputs:?}");
    }
    // an agent who is held a moment too late is free at once
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::CallerGone, ""),
        (Input::Held(held(1, Way::Call)), "end interrupted"),
    ]);
}

#[test]
fn an_agent_whose_line_breaks_in_the_talk_leaves_the_caller_with_a_promise() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::PickedUp, "answered, whisper+key"),
        (Input::Key('1'), "accepted, join"),
        (Input::Broken, "hang up, part, end agent_failed, Failed"),
    ]);
}

#[test]
fn the_page_rings_at_once_and_is_joined_when_its_media_stand() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Page)), "Held"),
        (Input::Offered, "offered"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1, ringing"),
        (Input::PickedUp, "answered"),
        (Input::Connected, "accepted, join"),
        (Input::AgentGone, "end accepted, Talked"),
    ]);
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Page)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1, ringing"),
        (Input::PickedUp, "answered"),
    ]);
    assert_eq!(desk.timeout(), "hang up, end agent_failed, reserve(1)", "media that never connect");
}

#[test]
fn a_pbx_takes_the_caller_or_gives_them_back() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Refer)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, refer"),
        (Input::ReferAccepted, "ringing"),
        (Input::ReferDone, "answered, accepted, end accepted, Talked"),
    ]);
    for (accepted, want) in [(true, "answered, accepted, end accepted, Talked"), (false, "end customer_gave_up")] {
        let mut desk = Desk::new();
        desk.give(Input::Wanted);
        desk.give(Input::Held(held(1, Way::Refer)));
        desk.give(Input::Connect(waiting()));
        if accepted {
            desk.give(Input::ReferAccepted);
        }
        assert_eq!(desk.give(Input::CallerGone), want, "our call ends without a last NOTIFY");
    }
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Refer)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, refer"),
        (Input::ReferFailed, "end pbx_refused, reserve(1)"),
        (Input::NobodyFree, "Failed"),
    ]);
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::ReferAttended)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::Rings, "ringing"),
        (Input::PickedUp, "answered, refer+replaces"),
        (Input::AgentGone, ""),
        (Input::ReferDone, "hang up, accepted, end accepted, Talked"),
    ]);
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::ReferAttended)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::PickedUp, "answered, refer+replaces"),
    ]);
    assert_eq!(desk.timeout(), "hang up, end pbx_refused, Failed", "a PBX that never says");
}

#[test]
fn an_engine_that_stops_lets_talks_go_on_and_promises_the_rest_a_call_back() {
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::Stop, "hang up, end interrupted, Failed"),
        (Input::Wanted, "NobodyFree"),
    ]);
    let mut desk = Desk::new();
    desk.play(&[
        (Input::Wanted, "reserve(0)"),
        (Input::Held(held(1, Way::Call)), "Held"),
        (Input::Connect(waiting()), "wanted, hold agent.connect, ring 1"),
        (Input::PickedUp, "answered, whisper+key"),
        (Input::Key('1'), "accepted, join"),
        (Input::Stop, ""),
        (Input::AgentGone, "end accepted, Talked"),
    ]);
}

/// Anything may happen at any time, repeatedly and out of turn.
fn anything() -> impl Strategy<Value = Input> {
    let way = prop_oneof![Just(Way::Call), Just(Way::Page), Just(Way::Refer), Just(Way::ReferAttended)];
    prop_oneof![
        3 => Just(Input::Wanted),
        4 => (1..50u128, way, any::<bool>()).prop_map(|(n, way, auto_answer)| Input::Held(Held { auto_answer, ..held(n, way) })),
        1 => Just(Input::NobodyFree),
        2 => Just(Input::Offered),
        4 => Just(Input::Connect(waiting())),
        1 => Just(Input::NotWanted),
        1 => Just(Input::CallerGone),
        2 => Just(Input::Rings),
        3 => Just(Input::PickedUp),
        2 => Just(Input::Connected),
        1 => Just(Input::Refused),
        1 => Just(Input::Silent),
        1 => Just(Input::Broken),
        1 => Just(Input::AgentGone),
        3 => Just(Input::Key('1')),
        2 => Just(Input::WhisperEnded),
        1 => Just(Input::ReferAccepted),
        1 => Just(Input::ReferDone),
        1 => Just(Input::ReferFailed),
    ]
}

proptest! {
    #[test]
    fn every_try_ends_once_whatever_happens(events in prop::collection::vec((anything(), 0..30u64), 1..60)) {
        let mut desk = Desk::new();
        let (mut given, mut ended, mut joined) = (Vec::new(), Vec::new(), 0i32);
        let count = |desk: &mut Desk, ended: &mut Vec<TransferId>, joined: &mut i32| {
            while let Some(action) = desk.handover.poll_action() {
                match action {
                    Action::End(transfer, _) => ended.push(transfer),
                    Action::Join => *joined += 1,
                    _ => {}
                }
            }
        };
        let mut n = 1000;
        for (input, seconds) in events {
            desk.now += Duration::from_secs(seconds);
            desk.handover.handle_timeout(desk.now);
            let input = match input {
                // each try has an id of its own
                Input::Held(h) => {
                    n += 1;
                    let h = Held { transfer: TransferId(Uuid::from_u128(n)), ..h };
                    given.push(h.transfer);
                    Input::Held(h)
                }
                other => other,
            };
            desk.handover.handle(input, desk.now);
            count(&mut desk, &mut ended, &mut joined);
        }
        desk.handover.handle(Input::CallerGone, desk.now);
        count(&mut desk, &mut ended, &mut joined);
        ended.sort();
        given.sort();
        prop_assert_eq!(ended, given);
        prop_assert_eq!(desk.handover.poll_timeout(), None);
        prop_assert!(!desk.handover.is_talking());
    }
}
