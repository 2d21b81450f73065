//! A whole call on record, on real loopback sockets: each side is heard in its own channel, from the order on and not before.

use super::bridge_tests::Joined;
use super::tests::*;
use super::*;
use crate::media::prompt::Prompt;
use crate::media::recorder::RecordingEnd;
use crate::media::session::Recording;
use crate::media::tone::share;
use std::f64::consts::TAU;
use std::path::Path;

fn tone(hz: f64, samples: usize) -> Vec<i16> {
    (0..samples).map(|n| (8_000.0 * (TAU * hz * n as f64 / 8_000.0).sin()) as i16).collect()
}

/// 700 Hz and 1,100 Hz; the prompt is as long as what the peer says.
const PROMPT_HZ: f64 = 700.0;
const PEER_HZ: f64 = 1_100.0;
const PACKETS: u16 = 100;

#[test]
fn each_side_is_heard_in_its_own_channel() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let peer = Raw::new();
    let mut call = Call::open(&engine);
    call.start(peer.addr());
    peer.read();
    peer.greet(&mut call); // said before the order, on packets 1 to 3
    call.handle.command(Command::RecordCall { tag: 7, name: None, longest: Duration::from_secs(60) });
    let prompt = Arc::new(Prompt::from_samples("en", "p", "", &tone(PROMPT_HZ, usize::from(PACKETS) * 160)));
    call.play(1, &[&prompt]);
    let said = tone(PEER_HZ, usize::from(PACKETS) * 160);
    for (frame, sequence) in said.chunks(160).zip(4..) {
        peer.read(); // in the engine's own time
        let payload: Vec<u8> = frame.iter().map(|sample| Codec::Pcma.encode(*sample)).collect();
        peer.send(&call, 8, sequence, &payload);
    }
    assert_eq!(call.next(), Event::PlaybackEnded { tag: 1, interrupted: false });
    let [heard, sent] = channels(&mut call, folder.path());
    alone("the peer", &heard, PEER_HZ, PROMPT_HZ);
    alone("we", &sent, PROMPT_HZ, PEER_HZ);
}

#[test]
fn an_agent_who_takes_the_call_is_heard_in_our_channel() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.threads = 2);
    let Joined { customer: (customer, mut call), agent: (agent, desk) } = Joined::new(&engine);
    call.handle.command(Command::RecordCall { tag: 7, name: None, longest: Duration::from_secs(60) });
    let samples = usize::from(PACKETS) * 160;
    let (said, answered) = (tone(PEER_HZ, samples), tone(PROMPT_HZ, samples));
    for ((said, answered), sequence) in said.chunks(160).zip(answered.chunks(160)).zip(4..) {
        customer.read(); // in the engine's own time
        let coded = |codec: Codec, frame: &[i16]| frame.iter().map(|sample| codec.encode(*sample)).collect::<Vec<u8>>();
        customer.send(&call, 8, sequence, &coded(Codec::Pcma, said));
        agent.send(&desk, 0, sequence, &coded(Codec::Pcmu, answered));
    }
    (0..5).for_each(|_| drop(customer.read())); // what is on its way over the bridge
    let [heard, sent] = channels(&mut call, folder.path());
    alone("the customer", &heard, PEER_HZ, PROMPT_HZ);
    alone("the agent", &sent, PROMPT_HZ, PEER_HZ);
    drop(desk);
    let files = std::fs::read_dir(folder.path().join("recordings")).expect("a folder").count();
    assert_eq!(files, 1, "the agent's leg has none of its own");
}

/// Ends the call; what its recording holds, by channels: left, right.
fn channels(call: &mut Call, folder: &Path) -> [Vec<i16>; 2] {
    call.handle.close();
    let Event::RecordingEnded { tag: 7, why: RecordingEnd::Closed, recording } = call.next() else {
        panic!("no recording")
    };
    let Recording::Saved { file, duration_ms } = recording else { panic!("{recording:?}") };
    let mut wav = hound::WavReader::open(folder.join("recordings").join(file)).expect("a WAV");
    assert_eq!((wav.spec().channels, u64::from(wav.duration()) / 8), (2, duration_ms));
    let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("samples");
    [0, 1].map(|channel| samples.iter().skip(channel).step_by(2).copied().collect())
}

/// As good as all that one side said is in its channel, and nothing of the other side.
fn alone(name: &str, samples: &[i16], hz: f64, other: f64) {
    let holds = samples.chunks(160).filter(|frame| share(hz, frame).0 > 0.9).count();
    assert!(holds >= usize::from(PACKETS) - 10, "{name}: {hz} Hz in {holds} of {PACKETS} packets");
    let mixed = samples.chunks(160).filter(|frame| share(other, frame).0 > 0.1).count();
    assert_eq!(mixed, 0, "{name} alone");
}

#[test]
fn a_call_without_the_order_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let peer = Raw::new();
    let mut call = Call::open(&engine);
    call.start(peer.addr());
    peer.read(); // what comes before the start is thrown away
    peer.greet(&mut call);
    call.handle.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let ended = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async { while call.events.recv().await.is_some() {} }).await
    });
    assert!(ended.is_ok(), "the channel ends with the call");
    assert_eq!(std::fs::read_dir(folder.path().join("recordings")).expect("a folder").count(), 0);
}
