//! RTCP on real loopback sockets: with RTP on one port and on the next one, what it tells of the call, and who does not hear us.

use super::tests::*;
use super::*;
use crate::media::quality::{Hearing, Quality};
use crate::media::rtcp::{self, Block, Compound, Outgoing, SenderInfo};
use crate::media::rtp::Header;

/// The source of a [`Raw`] peer's packets.
const PEER: u32 = 5;

/// Our stream, as its packets tell it.
fn stream(raw: &Raw) -> Header {
    raw.read().0
}

fn report(ours: u32, highest: Option<u32>, sent: Option<u32>) -> Vec<u8> {
    let block = highest.map(|highest| Block {
        ssrc: ours,
        fraction_lost: 0,
        lost: 3,
        highest,
        jitter: 0,
        last_sr: 0,
        delay: 0,
    });
    let sender = sent.map(|packets| SenderInfo { ntp: 1 << 40, timestamp: 0, packets, octets: 0 });
    let (bytes, length) = Outgoing { ssrc: PEER, sender, block, cname: b"0123456789abcdef", bye: false }.write();
    bytes[..length].to_vec()
}

/// The next compound packet on a socket; RTP between is passed over.
fn next_report(socket: &UdpSocket) -> (Compound<'static>, SocketAddr) {
    let mut datagram = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).expect("a packet in time");
        if rtcp::is_rtcp(&datagram[..length]) {
            let compound = rtcp::read(&datagram[..length], PEER).expect("RTCP");
            return (Compound { cname: None, ..compound }, from);
        }
    }
}

/// What the call says last.
fn quality(call: &mut Call) -> Quality {
    call.handle.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let last = async {
        while let Some(event) = call.events.recv().await {
            if let Event::Quality(quality) = event {
                assert!(call.events.recv().await.is_none(), "it is the last one, and then the channel ends");
                return quality;
            }
        }
        panic!("no quality");
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, last).await }).expect("in time")
}

#[test]
fn reports_share_the_port_and_the_last_one_says_goodbye() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let raw = Raw::new();
    let mut call = Call::open(&engine);
    call.start(raw.addr());
    let ours = stream(&raw).ssrc;
    raw.greet(&mut call);
    raw.send(&call, 8, 5, &[0x2a; 160]); // 4 is lost
    raw.send(&call, 8, 5, &[0x2a; 160]);
    raw.socket.send_to(&report(ours, Some(70_000), Some(4)), call.handle.local_addr()).expect("sent");
    raw.send(&call, 101, 6, &[1, 10, 0, 160]); // the sign that all of it was read
    assert!(matches!(call.next(), Event::Key { key: '1', .. }));
    let quality = quality(&mut call);
    assert_eq!((quality.rx_packets, quality.rx_lost, quality.rx_duplicates), (5, 1, 1));
    assert!(quality.tx_lost_permille.is_some_and(|lost| lost > 0), "{quality:?}");
    assert!(quality.mos_hundredths.is_some() && !quality.silent);
    let (last, from) = next_report(&raw.socket);
    assert_eq!((last.from, last.bye, from), (ours, true, call.handle.local_addr()));
    assert_eq!(last.block.map(|block| (block.highest, block.lost)), Some((6, 0)), "a duplicate counts against a loss");
    assert!(last.sender.is_some_and(|sender| sender.packets >= 1 && sender.octets == 160 * sender.packets));
    let stats = engine.stats();
    assert_eq!((stats.reports_sent, stats.reports_received, stats.malformed), (1, 1, 0));
}

#[test]
fn a_peer_that_shares_no_port_gets_reports_from_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (raw, announced, behind_nat) = (Raw::new(), Raw::new(), Raw::new());
    // the port next to one that the kernel chose may be somebody's: then the call goes without, and we take another one
    let (mut call, next) = loop {
        let call = Call::open(&engine);
        let local = call.handle.local_addr();
        let next = SocketAddr::new(local.ip(), local.port().saturating_add(1));
        if UdpSocket::bind(next).is_ok() {
            break (call, next);
        }
    };
    call.start_with(raw.addr(), announced.addr(), 20);
    let ours = stream(&raw).ssrc;
    raw.greet(&mut call);
    behind_nat.socket.send_to(b"\x80\xc8 broken", next).expect("sent");
    behind_nat.socket.send_to(&report(ours, Some(9), None), next).expect("sent");
    let quality = quality(&mut call);
    assert!(quality.tx_lost_permille.is_some(), "read before the end: {quality:?}");
    let (last, from) = next_report(&behind_nat.socket);
    assert_eq!((last.from, last.bye, from), (ours, true, next), "to where its own came from");
    assert_eq!(engine.stats().reports_received, 1);
    drop(engine); // its threads have closed what there was
    assert_eq!(UdpSocket::bind(next).map(|_| ()).map_err(|error| error.kind()), Ok(()), "and the port is closed");
}

#[test]
fn a_peer_whose_reports_say_that_nothing_comes_is_deaf() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.one_way_after = Duration::from_secs(2));
    let raw = Raw::new();
    let mut call = Call::open(&engine);
    call.start(raw.addr());
    let ours = stream(&raw).ssrc;
    raw.greet(&mut call);
    for sequence in 10..14 {
        (0..55).for_each(|_| drop(raw.read())); // it arrives, but the peer says that it does not
        raw.send(&call, 8, sequence, &[0xd5; 160]);
        let said = report(ours, Some(1_000), Some(sequence.into()));
        raw.socket.send_to(&said, call.handle.local_addr()).expect("sent");
    }
    assert_eq!(call.next(), Event::Hearing(Hearing::Deaf));
}

#[test]
fn a_peer_whose_port_refuses_while_it_speaks_is_deaf() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.one_way_after = Duration::from_millis(300));
    let raw = Raw::new();
    let (mut call, from) = (Call::open(&engine), raw.addr());
    call.start(from);
    raw.read();
    raw.greet(&mut call);
    drop(raw);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    for sequence in 10.. {
        // it speaks and does not listen: between two packets its port is closed
        let mouth = Raw { socket: UdpSocket::bind(from).expect("its port") };
        mouth.send(&call, 8, sequence, &[0xd5; 160]);
        drop(mouth);
        let wait = async { tokio::time::timeout(Duration::from_millis(20), call.events.recv()).await };
        if let Ok(event) = runtime.block_on(wait) {
            assert_eq!(event, Some(Event::Hearing(Hearing::Deaf)));
            break;
        }
        assert!(sequence < 1_000, "nobody noticed: {:?}", engine.stats());
    }
    assert!(engine.stats().refused > 1);
}
