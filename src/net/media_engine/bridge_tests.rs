//! Bridged calls on real loopback sockets. And, ignored by default, what a bridge adds in delay and costs in CPU time.

use super::tests::*;
use super::*;
use crate::media::bridge;
use crate::media::rtp;
use crate::media::session::Recording;
use crate::net::cpu_tests;

/// A customer who speaks A-law and an agent who speaks µ-law, each a socket of its own, joined.
pub(super) struct Joined {
    pub(super) customer: (Raw, Call),
    pub(super) agent: (Raw, Call),
}

impl Joined {
    pub(super) fn new(engine: &MediaEngine) -> Joined {
        let side = |codec| {
            let (raw, mut call) = (Raw::new(), Call::open(engine));
            let (remote, keys) = (raw.addr(), Some(101));
            call.handle.start(Peer {
                remote,
                rtcp: remote,
                codec,
                packet_ms: 20,
                telephone_event: keys,
                receive_telephone_event: keys,
                comfort_noise: None,
                srtp: None,
            });
            raw.read(); // it has started: what came before would be thrown away
            raw.greet(&mut call);
            (raw, call)
        };
        let joined = Joined { customer: side(Codec::Pcma), agent: side(Codec::Pcmu) };
        let (left, right) = bridge::pair();
        joined.customer.1.handle.command(Command::Bridge(left));
        joined.agent.1.handle.command(Command::Bridge(right));
        joined
    }
}

#[test]
fn two_calls_on_two_threads_hear_each_other_and_their_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.threads = 2);
    let mut joined = Joined::new(&engine);
    let (said, heard) = (Codec::Pcma.encode(6_000), Codec::Pcma.convert(Codec::Pcma.encode(6_000), Codec::Pcmu));
    let mut sequence = 100;
    let mut speak_until_heard = |from: &(Raw, Call), to: &(Raw, Call), payload_type, said: u8, heard: u8| loop {
        sequence += 1;
        from.0.send(&from.1, payload_type, sequence, &[said; 160]);
        if to.0.read().1 == [heard; 160] {
            return;
        }
    };
    speak_until_heard(&joined.customer, &joined.agent, 8, said, heard);
    speak_until_heard(&joined.agent, &joined.customer, 0, Codec::Pcmu.encode(-700), {
        Codec::Pcmu.convert(Codec::Pcmu.encode(-700), Codec::Pcma)
    });
    joined.customer.0.send(&joined.customer.1, 101, 5_000, &[9, 10, 0, 160]);
    assert!(matches!(joined.customer.1.next(), Event::Key { key: '9', .. }));
    let key = std::iter::from_fn(|| Some(joined.agent.0.read())).find(|(header, _)| header.payload_type == 101);
    assert!(key.is_some_and(|(header, payload)| header.marker && payload[0] == 9));
    // the agent hangs up: the customer's call lives on, and a prompt is heard there
    drop(joined.agent.1);
    joined.customer.1.handle.command(Command::Unbridge);
    joined.customer.1.play(3, &[&noise(1, 2)]);
    assert_eq!(joined.customer.1.next(), Event::PlaybackEnded { tag: 3, interrupted: false });
}

#[test]
fn both_sides_are_recorded_while_they_are_bridged() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut joined = Joined::new(&engine);
    joined.customer.1.record(1, "customer");
    joined.agent.1.record(2, "agent");
    let mut sequence = 100;
    for _ in 0..20 {
        sequence += 1;
        joined.customer.0.send(&joined.customer.1, 8, sequence, &[Codec::Pcma.encode(5_000); 160]);
        joined.agent.0.send(&joined.agent.1, 0, sequence, &[Codec::Pcmu.encode(9_000); 160]);
        joined.agent.0.read();
    }
    for (raw, call) in [&joined.customer, &joined.agent] {
        raw.send(call, 101, sequence + 1, &[11, 10, 0, 160]);
    }
    for ((_, call), wished) in [(&mut joined.customer, "customer.wav"), (&mut joined.agent, "agent.wav")] {
        assert!(matches!(call.next(), Event::Key { key: '#', .. }));
        let Event::RecordingEnded { recording: Recording::Saved { file, duration_ms }, .. } = call.next() else {
            panic!("no recording");
        };
        assert_eq!(file, wished);
        assert!(duration_ms >= 300, "{duration_ms}");
    }
}

/// `HUIFANG_BRIDGES=100 cargo test --release --lib what_a_bridge_adds -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of 30 s"]
fn what_a_bridge_adds() {
    const SECONDS: u64 = 30;
    let bridges: usize = std::env::var("HUIFANG_BRIDGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100);
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut joined: Vec<Joined> = (0..bridges).map(|_| Joined::new(&engine)).collect();
    // each packet carries the time at which it was sent; sides send 20 ms apart, each at its own moment
    let sockets: Vec<(UdpSocket, SocketAddr, u8)> = joined
        .iter()
        .flat_map(|joined| [(&joined.customer, 8), (&joined.agent, 8)])
        .map(|((raw, call), law)| (raw.socket.try_clone().expect("a socket"), call.handle.local_addr(), law))
        .collect();
    // what it costs without a bridge comes first; the sides send and listen as exactly as the engine does, or their own lateness would be measured
    let _ = realtime::prepare(1);
    let unbridged = {
        joined
            .iter()
            .flat_map(|joined| [&joined.customer.1, &joined.agent.1])
            .for_each(|call| call.handle.command(Command::Unbridge));
        let spent = cpu_tests::spent("media-");
        std::thread::sleep(Duration::from_secs(SECONDS / 3));
        (cpu_tests::spent("media-") - spent) as f64 / 1e6 / (bridges as u64 * SECONDS / 3) as f64
    };
    for joined in &joined {
        let (left, right) = bridge::pair();
        joined.customer.1.handle.command(Command::Bridge(left));
        joined.agent.1.handle.command(Command::Bridge(right));
    }
    let spent = cpu_tests::spent("media-");
    let began = Instant::now();
    let nanos = move || began.elapsed().as_nanos() as u64;
    let talker = std::thread::spawn(move || {
        let _ = realtime::prepare(1);
        let step = Duration::from_millis(20) / sockets.len() as u32;
        for round in 0..SECONDS as u32 * 50 {
            for (index, (socket, to, law)) in sockets.iter().enumerate() {
                let due = Duration::from_millis(20) * round + step * index as u32;
                std::thread::sleep(due.saturating_sub(began.elapsed()));
                let header = rtp::Header {
                    marker: false,
                    payload_type: *law,
                    sequence: 10 + round as u16,
                    timestamp: round * 160,
                    ssrc: 5,
                };
                let mut packet = header.to_bytes().to_vec();
                packet.resize(12 + 160, 1);
                packet[12..20].copy_from_slice(&nanos().to_be_bytes());
                let _ = socket.send_to(&packet, *to);
            }
        }
    });
    // the customers' side is byte for byte; the agents' is converted, and not read
    let mut delays: Vec<u64> = Vec::new();
    while !talker.is_finished() {
        for Joined { customer: (raw, _), .. } in &mut joined {
            raw.socket.set_nonblocking(true).expect("a socket");
            let mut packet = [0; 2048];
            while let Ok(length) = raw.socket.recv(&mut packet) {
                let sent = rtp::read(&packet[..length]).ok().and_then(|read| read.payload.first_chunk().copied());
                let sent = sent.map(u64::from_be_bytes).filter(|sent| *sent > 0 && *sent < nanos());
                delays.extend(sent.map(|sent| nanos() - sent));
            }
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    let spent = cpu_tests::spent("media-") - spent;
    delays.sort_unstable();
    let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).map_or(0.0, |delay| *delay as f64 / 1e6);
    println!("{bridges} bridges, {} packets of {}", delays.len(), bridges as u64 * SECONDS * 50);
    println!("delay: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(0.5), at(0.9), at(0.99), at(0.9999));
    println!("CPU: {unbridged:.3} ms for each second of a pair that only sends");
    println!("CPU: {:.3} ms for each second of a bridged pair", spent as f64 / 1e6 / (bridges as u64 * SECONDS) as f64);
    println!("{:?}", engine.stats());
}
