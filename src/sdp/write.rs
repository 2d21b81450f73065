//! Writes session descriptions: our offer and the pieces that an answer shares with it (RFC 8866, 5; RFC 4733, 2.4 for telephone-event).

use super::{Codec, Direction, LocalMedia, crypto};
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, Time, TransportProto};

/// Our offer: one audio line with every codec of ours, telephone-event if wanted, sendrecv, RTCP on the same port if the peer can.
pub fn offer(local: &LocalMedia) -> Vec<u8> {
    let codecs: Vec<(Codec, u8)> = local.codecs.iter().map(|codec| (*codec, codec.payload_type())).collect();
    let mut session = session(local);
    let mut audio = audio(local, &codecs, local.telephone_event, Direction::SendRecv);
    audio.attributes.push(rtcp_mux());
    audio.attributes.extend(crypto::offered(local));
    session.medias.push(audio);
    bytes(&session)
}

/// The session part: o=, s=, c=, t=.
pub(super) fn session(local: &LocalMedia) -> Session {
    let mut session = Session::new(Origin::with_ip_addr(local.session_id, local.version, local.addr), "-");
    session.connection = Some(Connection::from_ip_addr(local.addr));
    session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
    session
}

/// An audio line with these payload types.
pub(super) fn audio(
    local: &LocalMedia,
    codecs: &[(Codec, u8)],
    telephone_event: Option<u8>,
    direction: Direction,
) -> Media {
    let mut formats: Vec<String> = codecs.iter().map(|(_, payload_type)| payload_type.to_string()).collect();
    let mut attributes: Vec<Attribute> = codecs
        .iter()
        .map(|(codec, payload_type)| Attribute::with_value("rtpmap", format!("{payload_type} {}/8000", codec.name())))
        .collect();
    if let Some(event) = telephone_event {
        formats.push(event.to_string());
        attributes.push(Attribute::with_value("rtpmap", format!("{event} telephone-event/8000")));
        // The sixteen DTMF events and flash.
        attributes.push(Attribute::with_value("fmtp", format!("{event} 0-16")));
    }
    attributes.push(Attribute::with_value("ptime", local.ptime_ms));
    attributes.push(Attribute::new(direction.name()));
    let transport = if local.srtp.is_empty() { TransportProto::RtpAvp } else { TransportProto::RtpSavp };
    let mut media = Media::new(MediaType::Audio, local.port, transport, formats.join(" "));
    media.attributes = attributes;
    media
}

/// RTCP shares the port of RTP (RFC 5761, 5.1.1); who does not know it answers without.
pub(super) fn rtcp_mux() -> Attribute {
    Attribute::new("rtcp-mux")
}

/// The text. Writing into memory cannot fail; should it ever, the peer gets an empty body and refuses it.
pub(super) fn bytes(session: &Session) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    match session.write(&mut out) {
        Ok(()) => out,
        Err(_) => Vec::new(),
    }
}
