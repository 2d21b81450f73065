//! What a re-INVITE changes in a session: the stream goes on, what is in it changes.

use super::tests::{Rig, list};
use super::*;
use crate::media::dtmf::fuse::Path;

fn change(codec: Codec, event: u8, may_send: bool) -> Command {
    Command::Change(Change {
        codec,
        telephone_event: Some(event),
        receive_telephone_event: Some(event),
        comfort_noise: None,
        may_send,
        may_receive: true,
    })
}

#[test]
fn another_codec_goes_on_in_the_same_stream() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::Play(list(1, true, 10)));
    let (before, _) = rig.tick();
    rig.command(change(Codec::Pcmu, 97, true));
    let (after, payload) = rig.tick();
    assert_eq!((before.payload_type, after.payload_type, after.ssrc), (8, 0, before.ssrc));
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
    assert!(!after.marker);
    assert_ne!(payload[0], Codec::Pcmu.silence(), "the prompt goes on where it was");
    // keys count by their new payload type
    rig.arrives(97, 1, 5_000, true, &[3, 10, 0, 160]);
    let keys: Vec<Event> = rig.events().into_iter().filter(|event| matches!(event, Event::Key { .. })).collect();
    assert_eq!(keys, [Event::Key { key: '3', at: rig.now, path: Path::Rfc4733 }]);
}

#[test]
fn on_hold_nothing_is_sent_and_silence_is_no_loss() {
    let mut rig = Rig::new(Codec::Pcma);
    let (before, _) = rig.tick();
    rig.command(change(Codec::Pcma, 101, false));
    let mut out = [0; PACKET_LEN];
    for _ in 0..500 {
        rig.now += Duration::from_millis(20);
        assert_eq!(rig.session.tick(rig.now, &mut out), 0);
    }
    assert!(rig.events().is_empty(), "ten seconds without a packet");
    rig.command(change(Codec::Pcma, 101, true));
    let (after, _) = rig.tick();
    assert_eq!(after.sequence, before.sequence.wrapping_add(1), "no number was spent");
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(501 * 160), "the clock ran on");
    assert!(after.marker);
}

#[test]
fn keys_that_can_no_longer_be_pressed_do_not_keep_the_line_silent() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::Play(list(1, false, 50)));
    rig.command(Command::SendKeys { keys: "123".to_owned(), press_ms: 100, gap_ms: 60 });
    rig.tick();
    let Command::Change(change) = change(Codec::Pcma, 101, true) else { panic!("a change") };
    rig.command(Command::Change(Change { telephone_event: None, ..change }));
    assert!(rig.events().contains(&Event::KeysSent { sent: 0 }));
    assert_ne!(rig.tick().1[0], Codec::Pcma.silence(), "the prompt goes on");
}
