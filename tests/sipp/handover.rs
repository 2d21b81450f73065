//! SIPp as the PBX that agents belong to: the engine hands the caller over by REFER (RFC 3515), and follows what comes of it.

use super::common::{Home, SOON};
use super::peer::{Messages, Sipp};
use super::scenario::{Scenario, reply};
use huifang::net::sip_transport::{self, SessionEvents, SipHandle};
use huifang::sip::endpoint::{EndpointConfig, Invite, Refer};
use huifang::sip::session::ReferEvent::{Accepted, Done, Lost, Progress, Refused};
use huifang::sip::session::{EndCause, HangupReason, ReferEvent, SessionEvent, SessionId, Side};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n";
const AGENT: &str = "sip:8001@127.0.0.1:5060";
/// Patience for a final NOTIFY that comes, and for one that does not.
const PATIENT: Duration = Duration::from_secs(60);
const IMPATIENT: Duration = Duration::from_secs(2);

/// The engine's end of a call that SIPp picked up.
struct Call {
    sip: SipHandle,
    id: SessionId,
    events: SessionEvents,
}

impl Call {
    async fn to(sip: &SipHandle, phone: SocketAddr) -> Call {
        let invite = Invite {
            target: format!("sip:+8613900000001@{phone}").parse().unwrap(),
            next_hop: phone.into(),
            others: Vec::new(),
            large_by_tcp: false,
            from: "<sip:4001@127.0.0.1>".parse().unwrap(),
            credentials: None,
            headers: Vec::new(),
            extensions: Default::default(),
            offer: OFFER.to_vec(),
            ring_timeout: SOON,
        };
        let (id, events) = sip.invite(invite).await.unwrap();
        let mut call = Call { sip: sip.clone(), id, events };
        while !matches!(call.next().await, SessionEvent::Answered { .. }) {}
        call
    }

    async fn next(&mut self) -> SessionEvent {
        loop {
            let event = tokio::time::timeout(SOON, self.events.recv()).await;
            match event.expect("something happens in time").expect("the session goes on") {
                SessionEvent::Trace(_) => {}
                event => return event,
            }
        }
    }

    /// Hands the other side over; gives what came of it, up to the final word.
    async fn refer(&mut self, replaces: Option<SessionId>) -> Vec<ReferEvent> {
        self.sip.refer(self.id, Refer { to: AGENT.parse().unwrap(), replaces });
        let mut told = Vec::new();
        while !matches!(told.last(), Some(Done(_) | Refused(_) | Lost)) {
            match self.next().await {
                SessionEvent::Refer(event) => told.push(event),
                other => panic!("{other:?} after {told:?}"),
            }
        }
        told
    }

    /// The caller is still there: we hang up.
    async fn hang_up(mut self) {
        self.sip.hangup(self.id, HangupReason::Normal);
        assert_eq!(self.next().await, SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    }

    /// The PBX hangs up.
    async fn hung_up_on(mut self) {
        assert_eq!(self.next().await, SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    }
}

fn engine(refer_wait: Duration) -> SipHandle {
    let config = |local| EndpointConfig { refer_wait, ..EndpointConfig::new(local, "huifang-test") };
    sip_transport::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config).unwrap().0
}

/// A PBX that has the caller, up to our REFER.
fn pbx() -> Scenario {
    Scenario::called()
        .send(reply("200 OK").with_sdp().retransmitted())
        .acknowledged()
        .expect_like("REFER", &format!("Refer-To: *&lt;{AGENT}&gt;"))
}

/// Plays a scenario to its end with a call that does `what`.
fn with_pbx<F: Future<Output = ()>>(
    scenario: &Scenario,
    sipp: &[&str],
    refer_wait: Duration,
    what: impl FnOnce(SipHandle, SocketAddr) -> F,
) -> Messages {
    let home = Home::new();
    let phone = Sipp::phone(&home, scenario, sipp);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { what(engine(refer_wait), phone.address).await });
    phone.finish()
}

#[test]
fn the_pbx_takes_the_caller_and_hangs_up() {
    let taken = pbx()
        .send(reply("202 Accepted").in_dialog())
        .notify("refer", "active;expires=60", "100 Trying")
        .notify("refer;id=2", "active", "180 Ringing")
        .notify("refer", "terminated;reason=noresource", "200 OK")
        .hang_up();
    with_pbx(&taken, &[], PATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        assert_eq!(call.refer(None).await, [Accepted, Progress(100), Progress(180), Done(200)]);
        call.hung_up_on().await;
    });
}

#[test]
fn nobody_is_there_and_the_caller_stays() {
    let away = pbx()
        .send(reply("202 Accepted").in_dialog())
        .notify("refer", "active", "100 Trying")
        .notify("refer", "terminated;reason=noresource", "503 Service Unavailable")
        .hung_up_on();
    let messages = with_pbx(&away, &[], PATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        assert_eq!(call.refer(None).await, [Accepted, Progress(100), Done(503)]);
        call.hang_up().await;
    });
    assert_eq!((messages.received("REFER").len(), messages.received("BYE").len()), (1, 1));
}

#[test]
fn the_pbx_refuses_and_the_caller_stays() {
    let refused = pbx().send(reply("603 Decline").in_dialog()).hung_up_on();
    with_pbx(&refused, &[], PATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        assert_eq!(call.refer(None).await, [Refused(603)]);
        call.hang_up().await;
    });
}

#[test]
fn a_notify_that_never_comes_is_given_up_and_the_caller_stays() {
    let silent = pbx().send(reply("202 Accepted").in_dialog()).hung_up_on();
    with_pbx(&silent, &[], IMPATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        let began = std::time::Instant::now();
        assert_eq!(call.refer(None).await, [Accepted, Lost]);
        assert!(began.elapsed() >= IMPATIENT);
        call.hang_up().await;
    });
}

#[test]
fn a_pbx_that_hangs_up_without_a_last_notify_ends_the_session() {
    let short = pbx().send(reply("202 Accepted").in_dialog()).notify("refer", "active", "100 Trying").hang_up();
    with_pbx(&short, &[], PATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        sip.refer(call.id, Refer { to: AGENT.parse().unwrap(), replaces: None });
        assert_eq!(call.next().await, SessionEvent::Refer(Accepted));
        assert_eq!(call.next().await, SessionEvent::Refer(Progress(100)));
        call.hung_up_on().await;
    });
}

#[test]
fn a_refer_that_is_lost_is_sent_again() {
    let deaf = Scenario::called()
        .send(reply("200 OK").with_sdp().retransmitted())
        .acknowledged()
        .pause(1000)
        .expect("REFER")
        .send(reply("202 Accepted").in_dialog())
        .notify("refer", "terminated;reason=noresource", "200 OK")
        .hang_up();
    // The first REFER comes during the pause, which ignores it.
    let messages = with_pbx(&deaf, &["-pause_msg_ign"], PATIENT, async |sip, phone| {
        let mut call = Call::to(&sip, phone).await;
        assert_eq!(call.refer(None).await, [Accepted, Done(200)]);
        call.hung_up_on().await;
    });
    assert!(messages.received("REFER").len() >= 2);
}

#[test]
fn attended_the_refer_names_the_dialog_to_be_replaced() {
    let home = Home::new();
    // SIPp's To tag of the agent's dialog, and the Call-ID and our tag in it, are read from the two logs.
    let agent = Sipp::phone(
        &home,
        &Scenario::called().send(reply("200 OK").with_sdp().retransmitted()).acknowledged().hung_up_on(),
        &[],
    );
    let taken = Scenario::called()
        .send(reply("200 OK").with_sdp().retransmitted())
        .acknowledged()
        .expect_like(
            "REFER",
            "Refer-To: *&lt;sip:8001@127.0.0.1:5060[?]Replaces=[^ ]*%3Bto-tag%3D[^ ]*%3Bfrom-tag%3D[^ ]*&gt;",
        )
        .send(reply("202 Accepted").in_dialog())
        .notify("refer", "terminated;reason=noresource", "200 OK")
        .hang_up();
    let address = agent.address;
    let customer = with_pbx(&taken, &[], PATIENT, async |sip, phone| {
        let second = Call::to(&sip, address).await;
        let mut call = Call::to(&sip, phone).await;
        assert_eq!(call.refer(Some(second.id)).await, [Accepted, Done(200)]);
        call.hung_up_on().await;
        second.hang_up().await;
    });
    let agent = agent.finish();
    let ack = agent.received("ACK")[0];
    let header = |name: &str| ack.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let tag = |name: &str| header(name).rsplit_once("tag=").unwrap().1;
    let want = format!("Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>", header("Call-ID:"), tag("To:"), tag("From:"));
    let refer = customer.received("REFER")[0];
    assert!(refer.contains(&want), "{want}\n{refer}");
}
