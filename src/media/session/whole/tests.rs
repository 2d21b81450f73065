//! The whole call on record in virtual time: prompts, keys, holds and the customer, each where it belongs.

use crate::media::Codec;
use crate::media::recorder::RecordingEnd;
use crate::media::session::tests::{Rig, list};
use crate::media::session::{Change, Command, RecordingOutput};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Both channels, in frames of 20 ms: is there sound?
fn channels(rig: &mut Rig) -> (String, String, Option<RecordingEnd>) {
    let (mut samples, mut end) = (Vec::new(), None);
    while let Some(output) = rig.session.poll_call_recording() {
        match output {
            RecordingOutput::Started { tag, name } => assert_eq!((tag, name), (9, None)),
            RecordingOutput::Samples(more) => samples.extend(more),
            RecordingOutput::Ended(why) => end = Some(why),
        }
    }
    let frames = |channel: usize| -> String {
        let samples: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
        let loud = |frame: &[i16]| frame.iter().filter(|sample| sample.unsigned_abs() > 100).count() > frame.len() / 2;
        samples.chunks(160).map(|frame| if loud(frame) { '#' } else { '.' }).collect()
    };
    (frames(0), frames(1), end)
}

fn speaks(rig: &mut Rig, timestamp: u32) {
    rig.arrives(8, 1, timestamp, false, &[Codec::Pcma.encode(5_000); 160]);
}

#[test]
fn what_was_said_before_is_not_on_record_and_everything_after_is() {
    let mut rig = Rig::new(Codec::Pcmu);
    rig.command(Command::Play(list(1, true, 2)));
    speaks(&mut rig, 0);
    rig.tick();
    rig.command(Command::RecordCall { tag: 9, name: None, longest: MINUTE });
    rig.tick(); // the second frame of the prompt
    rig.tick();
    speaks(&mut rig, 320); // lies beside the tick before it
    rig.command(Command::SendKeys { keys: "1".into(), press_ms: 40, gap_ms: 40 });
    rig.tick();
    rig.command(Command::RecordCall { tag: 10, name: None, longest: MINUTE });
    rig.session.skip(40);
    rig.session.close();
    let (heard, sent, end) = channels(&mut rig);
    assert_eq!((heard.as_str(), sent.as_str()), (".#...", "#...."));
    assert_eq!(end, Some(RecordingEnd::Closed));
}

#[test]
fn while_the_call_is_held_its_time_goes_on() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::RecordCall { tag: 9, name: None, longest: MINUTE });
    rig.command(Command::Play(list(1, true, 50)));
    rig.tick();
    let change = Change {
        codec: Codec::Pcma,
        telephone_event: None,
        receive_telephone_event: None,
        comfort_noise: None,
        may_send: false,
        may_receive: true,
    };
    rig.command(Command::Change(change));
    let mut out = [0; crate::media::session::PACKET_LEN];
    assert_eq!(rig.session.tick(rig.now, &mut out), 0);
    rig.command(Command::Change(Change { may_send: true, ..change }));
    rig.tick();
    rig.session.close();
    assert_eq!(channels(&mut rig).1, "#.#");
}

#[test]
fn it_ends_at_its_longest_length_and_the_call_goes_on() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::RecordCall { tag: 9, name: None, longest: Duration::from_millis(60) });
    (0..5).for_each(|_| drop(rig.tick()));
    let (_, sent, end) = channels(&mut rig);
    assert_eq!((sent.len(), end), (3, Some(RecordingEnd::MaxDuration)));
    rig.session.close();
    assert_eq!(rig.session.poll_call_recording(), None);
}
