//! Calls between two user agents over real connections on loopback: TCP, TLS, and TLS that must not come about.

use super::*;
use crate::sip::endpoint::IncomingPolicy;
use crate::sip::header::NameAddr;
use crate::sip::session::FailureKind;
use std::path::Path;
use tokio::net::TcpStream;

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const SOON: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A certificate for `name` of its own authority, as files: certificate and key.
fn certificate(folder: &Path, name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

fn everywhere(certificates: Option<Arc<Tls>>) -> Listen {
    let tls = certificates.as_ref().filter(|tls| tls.can_serve()).map(|_| loopback());
    Listen { udp: loopback(), tcp: Some(loopback()), tls, certificates }
}

fn callee(certificates: Option<Arc<Tls>>) -> (SipHandle, mpsc::UnboundedReceiver<IncomingCall>) {
    let config = |local| EndpointConfig { incoming: IncomingPolicy::Accept, ..EndpointConfig::new(local, "callee") };
    start(everywhere(certificates), config).unwrap()
}

fn invite(next_hop: Hop, others: Vec<Hop>) -> Invite {
    Invite {
        target: format!("sip:1@{};transport={}", next_hop.address, next_hop.transport.as_str()).parse().unwrap(),
        next_hop,
        others,
        large_by_tcp: false,
        from: NameAddr::new("sip:huifang@127.0.0.1".parse().unwrap()),
        credentials: None,
        headers: Vec::new(),
        extensions: Default::default(),
        offer: SDP.to_vec(),
        ring_timeout: SOON,
    }
}

/// The next event that is neither a trace nor that the INVITE left.
async fn next(events: &mut SessionEvents) -> SessionEvent {
    loop {
        let event = tokio::time::timeout(SOON, events.recv()).await.expect("an event in time").expect("an event");
        if !matches!(event, SessionEvent::Trace(_) | SessionEvent::InviteSent | SessionEvent::MovedOn { .. }) {
            return event;
        }
    }
}

/// The callee accepts, the caller hangs up, and both know.
async fn talk(
    caller: &SipHandle,
    incoming: &mut mpsc::UnboundedReceiver<IncomingCall>,
    callee: &SipHandle,
    call: Invite,
) {
    let (id, mut events) = caller.invite(call).await.unwrap();
    let mut call = tokio::time::timeout(SOON, incoming.recv()).await.expect("a call in time").unwrap();
    callee.accept(call.id, SDP.to_vec());
    assert!(matches!(next(&mut events).await, SessionEvent::Answered { .. }));
    assert!(matches!(next(&mut call.events).await, SessionEvent::Acked { .. }));
    caller.hangup(id, HangupReason::Normal);
    assert!(matches!(next(&mut call.events).await, SessionEvent::Ended { .. }));
    assert!(matches!(next(&mut events).await, SessionEvent::Ended { .. }));
}

#[tokio::test]
async fn calls_go_by_tcp_and_by_what_stands_already() {
    let (callee, mut incoming) = callee(None);
    let (caller, _) = start(everywhere(None), |local| EndpointConfig::new(local, "caller")).unwrap();
    let hop = Hop::new(Transport::Tcp, callee.local_for(Transport::Tcp).unwrap());
    for _ in 0..2 {
        talk(&caller, &mut incoming, &callee, invite(hop, Vec::new())).await;
    }
}

#[tokio::test]
async fn where_no_connection_is_to_be_had_the_next_place_is_tried() {
    let (callee, mut incoming) = callee(None);
    let (caller, _) = start(loopback(), |local| EndpointConfig::new(local, "caller")).unwrap();
    let nobody = std::net::TcpListener::bind(loopback()).unwrap().local_addr().unwrap();
    let call = invite(Hop::new(Transport::Tcp, nobody), vec![callee.local_addr().into()]);
    talk(&caller, &mut incoming, &callee, call).await;
    let (_, mut events) = caller.invite(invite(Hop::new(Transport::Tcp, nobody), Vec::new())).await.unwrap();
    let SessionEvent::Failed(failure) = next(&mut events).await else { panic!("it failed") };
    assert_eq!(failure.kind, FailureKind::Unreachable);
}

#[tokio::test]
async fn what_is_no_sip_closes_its_own_connection_only() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (callee, mut incoming) = callee(None);
    let address = callee.local_for(Transport::Tcp).unwrap();
    let mut stranger = TcpStream::connect(address).await.unwrap();
    stranger.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0u8; 2];
    stranger.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n", "a keep-alive is answered (RFC 5626 4.4.1)");
    stranger.write_all(b"neither this\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, stranger.read_to_end(&mut rest)).await.expect("closed in time").unwrap();
    assert_eq!(rest, b"", "nothing is answered to it");
    let (caller, _) = start(loopback(), |local| EndpointConfig::new(local, "caller")).unwrap();
    talk(&caller, &mut incoming, &callee, invite(Hop::new(Transport::Tcp, address), Vec::new())).await;
}

#[tokio::test]
async fn tls_needs_the_right_authority_and_the_right_name() {
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (certificate(folder.path(), "127.0.0.1"), certificate(folder.path(), "example.com"));
    let tls = |own, ca: &Path, verify_clients| {
        Arc::new(Tls::load(TlsFiles { own, ca: Some(ca.to_owned()), verify_clients }).unwrap())
    };
    let (callee, mut incoming) = callee(Some(tls(Some(good.clone()), &other.0, true)));
    let address = callee.local_for(Transport::Tls).unwrap();
    let hop = Hop::new(Transport::Tls, address);
    let caller = |certificates: &Arc<Tls>| {
        let listen = Listen { udp: loopback(), tcp: None, tls: None, certificates: Some(certificates.clone()) };
        start(listen, |local| EndpointConfig::new(local, "caller")).unwrap().0
    };
    // it shows its own certificate, which the callee trusts, and trusts the callee's
    let right = tls(Some(other.clone()), &good.0, false);
    talk(&caller(&right), &mut incoming, &callee, invite(hop, Vec::new())).await;
    right.expect(address, "sip.example.com").unwrap();
    let untrusting = tls(Some(other.clone()), &other.0, false);
    let nameless = tls(None, &good.0, false);
    for (what, certificates) in [("another name", right), ("another authority", untrusting)] {
        let (_, mut events) = caller(&certificates).invite(invite(hop, Vec::new())).await.unwrap();
        let SessionEvent::Failed(failure) = next(&mut events).await else { panic!("{what}: it failed") };
        assert_eq!(failure.kind, FailureKind::Unreachable, "{what}");
    }
    // who shows no certificate is let in by nobody, whatever it believes of the handshake (TLS 1.3 tells it afterwards)
    let silent = caller(&nameless);
    let _ = silent.invite(invite(hop, Vec::new())).await.unwrap();
    talk(&caller(&tls(Some(other), &good.0, false)), &mut incoming, &callee, invite(hop, Vec::new())).await;
}
