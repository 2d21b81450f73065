//! One page that is in a call: its socket, its WebRTC machine and its media session, driven by one task. Sends each 20 ms as soon as it is connected.

use super::offer::{Formats, accept};
use super::{Ending, WebEnd, WebEvent, WebRtcConfig, WebRtcError};
use crate::media::bridge::Port;
use crate::media::rtp::{self, Header, Packet};
use crate::media::session::{Command, Event as MediaEvent, PACKET_LEN, Session, SessionParams};
use crate::media::{FRAME_MS, FRAME_SAMPLES};
use crate::net::media_engine::MediaError;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::time::{Duration, Instant};
use str0m::config::DtlsCert;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_millis(FRAME_MS as u64);
/// Behind by more, ticks are left out.
const CATCH_UP: Duration = Duration::from_millis(200);
/// Datagrams that are read between two looks at the clock.
const READS: usize = 32;
/// A longer datagram is cut; none of ours is.
const DATAGRAM: usize = 2_048;
/// Polls of the library after one input; far more than it ever has to say.
const MAX_OUTPUTS: usize = 1_000;

/// A page's peer.
pub(super) struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    /// Our address as the page knows it.
    public: SocketAddr,
    mid: Mid,
    formats: Formats,
    session: Session,
    /// Extended sequence number of the next packet (RFC 3711 3.3.1).
    sequence: u64,
    silence: Duration,
    /// When the library wants to be woken.
    timeout: Instant,
    /// Until when it must be connected; none when it is.
    setup_until: Option<Instant>,
    /// The next tick, once connected.
    next_tick: Option<Instant>,
    last_heard: Instant,
    told: Vec<WebEvent>,
}

impl Peer {
    /// A peer for this offer, and our answer to it. Within a runtime.
    pub(super) fn new(
        config: &WebRtcConfig,
        certificate: DtlsCert,
        offer: &str,
        socket: StdSocket,
        port: Port,
    ) -> Result<(Peer, String), WebRtcError> {
        let now = Instant::now();
        let socket_error = |error| WebRtcError::Media(MediaError::Socket { bind: config.public_ip, error });
        let socket = UdpSocket::from_std(socket).map_err(socket_error)?;
        let public = SocketAddr::new(config.public_ip, socket.local_addr().map_err(socket_error)?.port());
        let accepted = accept(offer, public, certificate, now)?;
        let mut session = Session::new(params(&accepted.formats, config), now);
        session.handle(Command::Bridge(port), now);
        let peer = Peer {
            rtc: accepted.rtc,
            socket,
            public,
            mid: accepted.mid,
            formats: accepted.formats,
            session,
            sequence: u64::from(rand::random::<u16>() >> 1), // the first numbers must not wrap (RFC 3711 3.3.1)
            silence: config.silence,
            timeout: now,
            setup_until: Some(now + config.setup),
            next_tick: None,
            last_heard: now,
            told: Vec::new(),
        };
        Ok((peer, accepted.answer))
    }

    /// Runs until it ends.
    pub(super) async fn run(mut self, closed: CancellationToken, mut owner: Ending) {
        owner.end = loop {
            let wake = self.wake();
            tokio::select! {
                biased;
                () = closed.cancelled() => break WebEnd::Closed,
                () = sleep_until(wake.into()) => {}
                _ = self.socket.readable() => {}
            }
            let now = Instant::now();
            let step = self.read(now).and_then(|()| self.advance(now));
            self.told.drain(..).for_each(|event| owner.tell(event));
            if let Err(end) = step {
                break end;
            }
        };
        // our goodbye, or our half of it; nobody answers
        let _ = self.rtc.close();
        let _ = self.drain(Instant::now());
    }

    /// When there is something to do without a packet.
    fn wake(&self) -> Instant {
        let limit = self.setup_until.unwrap_or(self.last_heard + self.silence);
        let wake = self.timeout.min(limit);
        self.next_tick.map_or(wake, |tick| wake.min(tick))
    }

    /// Reads what is there. What is no packet of the page's is nothing to us.
    fn read(&mut self, now: Instant) -> Result<(), WebEnd> {
        let mut datagram = [0; DATAGRAM];
        for _ in 0..READS {
            // an error other than "nothing there" is an ICMP message about one of our packets
            let Ok((length, from)) = self.socket.try_recv_from(&mut datagram) else { break };
            self.take(&datagram[..length], from, now)?;
        }
        Ok(())
    }

    fn take(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<(), WebEnd> {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.public, datagram) else { return Ok(()) };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        self.last_heard = now;
        // a packet that cannot be decrypted is no reason to hang up; a peer that broke is not alive
        let _ = self.rtc.handle_input(input);
        self.drain(now)
    }

    /// Time passes: what the library wants to do, the ticks that are due, and whether the page still lives.
    fn advance(&mut self, now: Instant) -> Result<(), WebEnd> {
        if self.setup_until.is_some_and(|until| now >= until) {
            return Err(WebEnd::NotConnected);
        }
        if self.setup_until.is_none() && now.saturating_duration_since(self.last_heard) >= self.silence {
            return Err(WebEnd::Vanished);
        }
        self.tick(now)?;
        if now >= self.timeout {
            self.time(now)?;
        }
        Ok(())
    }

    fn time(&mut self, now: Instant) -> Result<(), WebEnd> {
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(now)
    }

    /// Sends the frames that are due.
    fn tick(&mut self, now: Instant) -> Result<(), WebEnd> {
        let Some(mut due) = self.next_tick else { return Ok(()) };
        let late = now.saturating_duration_since(due);
        if late > CATCH_UP {
            let ticks = (late.as_millis() / TICK.as_millis()) as u32;
            self.session.skip(ticks * FRAME_MS);
            due += TICK * ticks;
        }
        while due <= now {
            self.send_frame(now)?;
            due += TICK;
        }
        self.next_tick = Some(due);
        Ok(())
    }

    fn send_frame(&mut self, now: Instant) -> Result<(), WebEnd> {
        let mut packet = [0; PACKET_LEN];
        let length = self.session.tick(now, &mut packet);
        self.hear_session();
        let Ok(Packet { header, payload }) = rtp::read(&packet[..length]) else { return Ok(()) };
        let Some(payload_type) = self.formats.outbound(header.payload_type) else { return Ok(()) };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else { return Ok(()) };
        let write = RtpWrite::new(payload_type, self.sequence.into(), header.timestamp, now, payload);
        stream.write_rtp(write.marker(header.marker));
        self.sequence += 1;
        self.drain(now)?;
        self.time(now) // what was written leaves when time moves
    }

    /// Does what the library wants until it wants to wait.
    fn drain(&mut self, now: Instant) -> Result<(), WebEnd> {
        for _ in 0..MAX_OUTPUTS {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(timeout)) => {
                    self.timeout = timeout;
                    return if self.rtc.is_alive() { Ok(()) } else { Err(WebEnd::Failed) };
                }
                // a packet that the socket does not take now is lost like one on the way
                Ok(Output::Transmit(transmit)) => {
                    drop(self.socket.try_send_to(&transmit.contents, transmit.destination));
                }
                Ok(Output::Event(event)) => self.event(event, now)?,
                Err(_) if self.rtc.is_alive() => {}
                Err(_) => return Err(WebEnd::Failed),
            }
        }
        Err(WebEnd::Failed)
    }

    fn event(&mut self, event: Event, now: Instant) -> Result<(), WebEnd> {
        match event {
            Event::Connected => {
                self.setup_until = None;
                self.next_tick = Some(now);
                self.told.push(WebEvent::Connected);
            }
            Event::RtpPacket(packet) => self.hear(&packet, now),
            Event::Closed => return Err(WebEnd::HungUp),
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, packet: &RtpPacket, now: Instant) {
        let Some(payload_type) = self.formats.inbound(packet.header.payload_type) else { return };
        let header = Header {
            marker: packet.header.marker,
            payload_type,
            sequence: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            ssrc: *packet.header.ssrc,
        };
        self.session.take(&Packet { header, payload: &packet.payload }, None, now);
        self.hear_session();
    }

    fn hear_session(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let MediaEvent::Key { key, .. } = event {
                self.told.push(WebEvent::Key(key));
            }
        }
    }
}

/// What a session has to know; the stream's source is the library's, so is its numbering.
fn params(formats: &Formats, config: &WebRtcConfig) -> SessionParams {
    SessionParams {
        codec: formats.codec,
        packet_ms: FRAME_MS,
        in_band: false,
        telephone_event: formats.keys(),
        receive_telephone_event: None,
        ssrc: 0,
        first_sequence: 0,
        first_timestamp: rand::random::<u32>() / FRAME_SAMPLES as u32,
        comfort_noise: None,
        rtp_timeout: config.silence,
        // reports are the library's too
        one_way_after: Duration::ZERO,
        ntp: 0,
    }
}
