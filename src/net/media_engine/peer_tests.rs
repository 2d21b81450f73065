//! Who gets a call's media, on real loopback sockets: strangers, a peer that moves, one that listens elsewhere, and what is left of a port's last call.

use super::tests::*;
use super::*;
use crate::media::rtp::Header;
use std::net::Ipv4Addr;
use tokio::sync::mpsc::unbounded_channel;

/// A peer at another address of this machine.
fn elsewhere() -> Raw {
    let socket = bind(Ipv4Addr::new(127, 0, 0, 2).into(), 0).expect("a socket");
    socket.set_nonblocking(false).expect("blocking");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    Raw { socket }
}

fn send_as(raw: &Raw, to: SocketAddr, ssrc: u32, sequence: u16, payload_type: u8, payload: &[u8]) {
    let header = Header { marker: false, payload_type, sequence, timestamp: u32::from(sequence) * 160, ssrc };
    raw.socket.send_to(&[&header.to_bytes(), payload].concat(), to).expect("sent");
}

fn press(raw: &Raw, call: &Call, sequence: u16, key: u8) {
    raw.send(call, 101, sequence, &[key, 10, 0, 160]);
}

#[test]
fn a_stranger_who_speaks_first_loses_the_call_to_the_announced_peer() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (peer, stranger) = (Raw::new(), elsewhere());
    let mut call = Call::open(&engine);
    call.start(peer.addr());
    peer.read();
    (1..=5).for_each(|sequence| send_as(&stranger, call.handle.local_addr(), 9, sequence, 8, &[0xd5; 160]));
    assert_eq!(call.next(), Event::FirstAudio);
    stranger.read(); // it is taken for the peer behind NAT …
    peer.send(&call, 8, 1, &[0xd5; 160]);
    press(&stranger, &call, 5, 8); // waits in the socket already when that is connected
    press(&peer, &call, 2, 1);
    assert!(matches!(call.next(), Event::Key { key: '1', .. }), "… until the peer speaks");
    peer.read();
    press(&stranger, &call, 6, 9);
    press(&peer, &call, 3, 2);
    press(&peer, &call, 200, 2);
    assert!(matches!(call.next(), Event::Key { key: '2', .. }), "and the kernel keeps the stranger out");
}

#[test]
fn a_peer_behind_a_new_nat_binding_is_found_by_its_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (before, after, stranger) = (Raw::new(), Raw::new(), Raw::new());
    let mut call = Call::open(&engine);
    call.start(before.addr());
    before.read();
    before.greet(&mut call);
    let local = call.handle.local_addr();
    after.socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
    // another stream is not the peer's, however long it tries; the same one is, once nothing came from where it was
    let mut datagram = [0; 512];
    let found = (10..2_000u16).find(|sequence| {
        send_as(&stranger, local, 4_321, *sequence, 8, &[0xd5; 160]);
        send_as(&after, local, 5, *sequence, 8, &[0xd5; 160]);
        after.socket.recv(&mut datagram).is_ok()
    });
    assert!(found.is_some(), "{:?}", engine.stats());
    assert_eq!(engine.stats().looked_again, 1);
    press(&after, &call, 3_000, 7);
    assert!(matches!(call.next(), Event::Key { key: '7', .. }));
}

#[test]
fn a_peer_that_falls_silent_and_comes_back_is_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let peer = Raw::new();
    let mut call = Call::open(&engine);
    call.start(peer.addr());
    peer.read();
    peer.greet(&mut call);
    while engine.stats().looked_again == 0 {
        peer.read(); // what we send goes on meanwhile
    }
    (0..5).for_each(|_| drop(peer.read()));
    press(&peer, &call, 10, 3);
    assert!(matches!(call.next(), Event::Key { key: '3', .. }));
    assert_eq!(call.handle.local_addr().port(), {
        let (_, from) = peer.socket.recv_from(&mut [0; 512]).expect("a packet");
        from.port()
    });
}

#[test]
fn a_peer_that_does_not_listen_where_it_speaks_is_sent_to_where_it_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (ear, mouth) = (Raw::new(), Raw::new());
    let mut call = Call::open(&engine);
    call.start(ear.addr());
    ear.read();
    mouth.greet(&mut call);
    mouth.read(); // we have latched to the mouth
    drop(mouth);
    ear.socket.set_nonblocking(true).expect("not blocking");
    while ear.socket.recv(&mut [0; 512]).is_ok() {}
    ear.socket.set_nonblocking(false).expect("blocking");
    ear.read();
    assert!(engine.stats().refused >= 4);
}

/// An even port that is free, as the next one is.
fn free_pair() -> u16 {
    loop {
        let port =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("a port").port();
        if port.is_multiple_of(2) && UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return port;
        }
    }
}

#[test]
fn what_is_left_of_a_ports_last_call_never_reaches_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_pair();
    let engine = engine_with(folder.path(), |config| {
        (config.port_min, config.port_max) = (port, port + 1);
        config.port_quarantine = Duration::from_millis(300);
    });
    let (old, old_control) = (Raw::new(), Raw::new());
    let mut first = Call::open(&engine);
    assert_eq!(first.handle.local_addr().port(), port);
    first.start_with(old.addr(), old_control.addr(), 20);
    old.read();
    let (local, mut sequence) = (first.handle.local_addr(), 10u16);
    let mut go_on = || {
        sequence = sequence.wrapping_add(1); // a fast machine goes round
        send_as(&old, local, 77, sequence, 8, &[0x2a; 160]);
        let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
        old_control.socket.send_to(&report, SocketAddr::new(local.ip(), port + 1)).expect("sent");
    };
    go_on();
    assert_eq!(first.next(), Event::FirstAudio);
    drop(first);
    // the peer of the last call goes on while the port rests
    let (sender, events) = unbounded_channel();
    let (handle, rested) = {
        let start = Instant::now();
        let mut tries = 0;
        loop {
            go_on();
            match engine.open(sender.clone()) {
                Ok(handle) => break (handle, start.elapsed()),
                Err(MediaError::NoPort) if tries < 10_000_000 => tries += 1,
                Err(error) => panic!("{error}"),
            }
        }
    };
    drop(sender);
    assert!(rested >= Duration::from_millis(290), "{rested:?}");
    let mut second = Call { handle, events };
    assert_eq!(second.handle.local_addr().port(), port);
    go_on(); // a last one between opening and start
    let (received, reports) = (engine.stats().received, engine.stats().reports_received);
    let (peer, control) = (Raw::new(), Raw::new());
    second.start_with(peer.addr(), control.addr(), 20);
    peer.read();
    go_on(); // a single straggler is no peer
    (0..3).for_each(|_| drop(peer.read()));
    assert_eq!(engine.stats().received, received, "nothing of it reached the second call");
    peer.greet(&mut second);
    go_on();
    (0..60).for_each(|_| drop(peer.read())); // the control socket is read each second
    assert_eq!(engine.stats().received, received + 3);
    assert_eq!(engine.stats().reports_received, reports, "nor of its reports");
}
