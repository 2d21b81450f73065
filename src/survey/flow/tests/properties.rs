//! What holds for any input at any time: no panic, no turning without time, one end, and an end in time.

use super::customer::{epoch, facts, real};
use crate::survey::flow::RECORDING_END;
use crate::survey::{Definition, EndedBy, Flow, FlowAction, FlowInput, RecordingRef};
use proptest::prelude::*;
use std::cell::Cell;
use std::time::Duration;

/// One thing that the world does, and after how many ms.
#[derive(Clone, Debug)]
enum World {
    Gives(FlowInput),
    /// What plays or records ends (with the right tag).
    Ends,
    /// The flow's next timer.
    Timer,
}

fn input() -> impl Strategy<Value = World> {
    let ended = prop_oneof![
        Just(EndedBy::Key),
        Just(EndedBy::Silence),
        Just(EndedBy::MaxLength),
        Just(EndedBy::Stopped),
        Just(EndedBy::Failed)
    ];
    let recording = (0..40_u64, any::<bool>(), 0..90_000_u64, ended).prop_map(|(tag, kept, duration_ms, ended_by)| {
        let recording = kept.then(|| RecordingRef("a.wav".into()));
        World::Gives(FlowInput::RecordingEnded { tag, recording, duration_ms, ended_by })
    });
    prop_oneof![
        30 => prop::sample::select("0123456789*#A€".chars().collect::<Vec<_>>()).prop_map(|k| World::Gives(FlowInput::Key(k))),
        20 => Just(World::Ends),
        10 => Just(World::Timer),
        4 => recording,
        4 => (0..60_u64).prop_map(|tag| World::Gives(FlowInput::PlaybackEnded { tag })),
        1 => Just(World::Gives(FlowInput::Start)),
        3 => Just(World::Gives(FlowInput::AgentHeld)),
        2 => Just(World::Gives(FlowInput::NoAgent)),
        1 => Just(World::Gives(FlowInput::AgentTalked)),
        2 => Just(World::Gives(FlowInput::AgentFailed)),
        1 => Just(World::Gives(FlowInput::RemoteHangup)),
        1 => Just(World::Gives(FlowInput::Shutdown)),
    ]
}

/// Runs a call under the given world, then without it until its timers have ended it.
fn run(definition: std::sync::Arc<Definition>, world: &[(World, u64)]) -> Result<(), TestCaseError> {
    let limit = definition.max_call + RECORDING_END;
    let start = epoch();
    let mut now = start;
    let mut flow = Flow::new(definition, facts(), now);
    let (mut ends, mut complaints, mut running) = (0, 0, None);
    // wanted, and neither let go nor on the way
    let (wanted, held, connected) = (Cell::new(false), Cell::new(false), Cell::new(false));
    let mut drain = |flow: &mut Flow| -> Result<Option<(u64, bool)>, TestCaseError> {
        let mut count = 0;
        while let Some(action) = flow.poll_action() {
            prop_assert_eq!(ends, 0, "nothing follows the end: {:?}", action);
            count += 1;
            match action {
                FlowAction::Finish(_) => {
                    prop_assert!(!wanted.get(), "an agent is held by nobody");
                    ends += 1;
                }
                FlowAction::Complaint(_) => complaints += 1,
                FlowAction::Play { tag, prompts, .. } => {
                    prop_assert!(!prompts.is_empty());
                    running = Some((tag, false));
                }
                FlowAction::Record { tag, .. } => running = Some((tag, true)),
                FlowAction::WantAgent => {
                    prop_assert!(!wanted.replace(true));
                    held.set(false);
                }
                FlowAction::AgentNotWanted => prop_assert!(wanted.take()),
                FlowAction::Connect { .. } => {
                    prop_assert!(wanted.take());
                    connected.set(true);
                }
                _ => {}
            }
        }
        prop_assert!(count < 20, "{count} actions for one input");
        prop_assert!(complaints <= 1);
        Ok(running)
    };
    flow.handle(FlowInput::Start, now);
    let mut running = drain(&mut flow)?;
    for (does, after) in world {
        now += Duration::from_millis(*after);
        match does {
            World::Gives(FlowInput::AgentHeld) => held.set(true),
            World::Gives(FlowInput::NoAgent) if !held.get() => wanted.set(false),
            _ => {}
        }
        match (does, running) {
            (World::Gives(input), _) => flow.handle(input.clone(), now),
            (World::Ends, Some((tag, true))) => {
                let recording = Some(RecordingRef("a.wav".into()));
                flow.handle(
                    FlowInput::RecordingEnded { tag, recording, duration_ms: 5000, ended_by: EndedBy::Stopped },
                    now,
                );
            }
            (World::Ends, Some((tag, false))) => flow.handle(FlowInput::PlaybackEnded { tag }, now),
            (World::Timer | World::Ends, _) => now = now.max(flow.poll_timeout().map_or(now, |(at, _)| at)),
        }
        // a driver fires what is due before it waits again
        flow.handle_timeout(now);
        running = drain(&mut flow)?;
    }
    let mut last = if flow.is_finished() { start } else { now };
    // whoever is on the way to an agent waits for the hand-over, which always ends
    flow.handle(FlowInput::AgentFailed, now);
    drain(&mut flow)?;
    while let Some((at, _)) = flow.poll_timeout() {
        now = now.max(at);
        last = now;
        flow.handle_timeout(now);
        drain(&mut flow)?;
        prop_assert!(flow.poll_timeout().is_none_or(|(at, _)| at > now), "time must pass");
    }
    prop_assert!(flow.is_finished());
    // the world fires timers up to four seconds late, three of them in a row: call limit, recording end, closing
    // the time with an agent does not count
    prop_assert!(connected.get() || last - start <= limit + Duration::from_secs(12), "{:?}", last - start);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_world_ends_well(world in prop::collection::vec((input(), 0..4000_u64), 0..120)) {
        run(real(), &world)?;
    }

    #[test]
    fn a_mangled_survey_is_refused_or_runs(cut in 0..400_usize, with in "[a-z_]{0,6}", keep in any::<bool>()) {
        let text = include_str!("../../../../surveys/aftersales_3day.toml");
        let mangled: Vec<String> = text.lines().enumerate().filter_map(|(n, line)| match (n == cut, keep, line.split_once('=')) {
            (false, ..) => Some(line.to_owned()),
            (true, true, Some((key, _))) => Some(format!("{key} = \"{with}\"")),
            (true, ..) => None,
        }).collect();
        if let Ok(definition) = Definition::from_toml("mangled.toml", &mangled.join("\n")) {
            run(definition, &[])?;
        }
    }
}

#[test]
fn with_nobody_at_the_other_end_of_the_media_the_call_still_ends_in_time() {
    let start = epoch();
    let mut flow = Flow::new(real(), facts(), start);
    flow.handle(FlowInput::Start, start);
    let mut now = start;
    while let Some((at, _)) = flow.poll_timeout() {
        now = at;
        flow.handle_timeout(now);
    }
    assert!(flow.is_finished());
    assert!(now - start <= real().max_call, "{:?}", now - start);
}
