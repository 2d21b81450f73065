//! Reads the peer's description: cleans it for `sdp-types`, and finds addresses, payload types and directions in it (RFC 8866; RFC 3264, 5 to 8).

use super::{Codec, Direction, LocalMedia, MAX_BYTES, SdpError};
use sdp_types::{Attribute, Connection, Media, ParserError, Session};
use std::net::{IpAddr, SocketAddr};

/// Parses what matters: the lines v=, c=, m=, a=, anything that is not UTF-8 replaced, runs of spaces in m= made one. Other lines are left out
/// (their number stays, so that an error names the line of the original).
pub(super) fn parse(sdp: &[u8]) -> Result<Session, SdpError> {
    if sdp.len() > MAX_BYTES {
        return Err(SdpError::TooLarge);
    }
    let text = String::from_utf8_lossy(sdp);
    let mut clean = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line = line.trim_end_matches(['\r', ' ', '\t', '\0']);
        match line.as_bytes() {
            [b'm', b'=', ..] => {
                let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
                clean.push_str(&words.join(" "));
            }
            [b'v' | b'c' | b'a', b'=', ..] => clean.push_str(line),
            _ => {}
        }
        clean.push('\n');
    }
    Session::parse(clean.as_bytes()).map_err(|error| SdpError::Syntax(line_of(&error)))
}

/// Which line a parser error is about, 0 for the whole.
fn line_of(error: &ParserError) -> usize {
    #[allow(deprecated, reason = "the crate keeps variants that it no longer makes, and the match is to be complete")]
    match error {
        ParserError::UnexpectedLine(line, _)
        | ParserError::InvalidLineFormat(line, _)
        | ParserError::InvalidFieldEncoding(line, _)
        | ParserError::InvalidFieldFormat(line, _)
        | ParserError::MissingField(line, _)
        | ParserError::FieldTrailingData(line, _)
        | ParserError::InvalidVersion(line, _)
        | ParserError::MultipleVersions(line)
        | ParserError::MultipleOrigins(line)
        | ParserError::MultipleSessionNames(line)
        | ParserError::MultipleSessionDescription(line)
        | ParserError::MultipleUris(line)
        | ParserError::MultipleConnections(line)
        | ParserError::MultipleTimeZones(line)
        | ParserError::MultipleMediaTitles(line)
        | ParserError::MultipleKeys(line)
        | ParserError::RepeatWithoutTime(line) => *line,
        ParserError::NoVersion | ParserError::NoOrigin | ParserError::NoSessionName => 0,
    }
}

/// What one audio line of the peer offers or answers.
pub(super) struct Audio {
    pub remote: SocketAddr,
    pub rtcp: SocketAddr,
    pub codec: Codec,
    pub payload_type: u8,
    pub telephone_event: Option<u8>,
    pub comfort_noise: Option<u8>,
    pub ptime_ms: Option<u32>,
    /// Seen from us.
    pub direction: Direction,
}

/// Whether the first audio line of a description is encrypted by SRTP with keys in the description.
pub fn is_secured(sdp: &[u8]) -> bool {
    let audio = |session: Session| session.medias.into_iter().find(is_audio);
    parse(sdp).ok().and_then(audio).is_some_and(|media| media.proto.eq_ignore_ascii_case("RTP/SAVP"))
}

/// Whether it is an audio line.
pub(super) fn is_audio(media: &Media) -> bool {
    media.media.eq_ignore_ascii_case("audio")
}

/// Reads an audio line against what we can do.
pub(super) fn audio(local: &LocalMedia, session: &Session, media: &Media) -> Result<Audio, SdpError> {
    if media.port == 0 {
        return Err(SdpError::Refused);
    }
    if !media.proto.eq_ignore_ascii_case(if local.srtp.is_empty() { "RTP/AVP" } else { "RTP/SAVP" }) {
        return Err(SdpError::Transport);
    }
    // There are 128 payload types (RFC 3550, 5.1); a longer list repeats itself and is not read on.
    let formats = || {
        let numbers = media.fmt.split(' ').take(128).filter_map(|format| format.parse::<u8>().ok());
        numbers.filter(|format| *format < 128)
    };
    let known = formats().find_map(|format| {
        let codec = codec(media, format)?;
        local.codecs.contains(&codec).then_some((codec, format))
    });
    let (codec, payload_type) = known.ok_or(SdpError::NoCommonCodec)?;
    let named = |wanted: &'static str| {
        formats().find(|format| {
            rtpmap(media, *format).is_some_and(|(name, rate, channels)| {
                name.eq_ignore_ascii_case(wanted) && rate == 8000 && channels == 1
            })
        })
    };
    let telephone_event = local.telephone_event.and_then(|_| named("telephone-event"));
    let comfort_noise = named("CN");
    let remote = SocketAddr::new(address(session, media)?, media.port);
    let mut direction = direction(&media.attributes)
        .or_else(|| direction(&session.attributes))
        .unwrap_or(Direction::SendRecv)
        .mirrored();
    if remote.ip().is_unspecified() {
        // RFC 3264, 8.4: the hold of RFC 2543. The peer wants nothing sent to it.
        direction = if direction.may_receive() { Direction::RecvOnly } else { Direction::Inactive };
    }
    let (rtcp, ptime_ms) = (rtcp(media, remote), ptime(media, session, local.ptime_ms));
    Ok(Audio { remote, rtcp, codec, payload_type, telephone_event, comfort_noise, ptime_ms, direction })
}

/// The codec of a payload type: by its rtpmap, or by the static table of RFC 3551 where it has none.
fn codec(media: &Media, format: u8) -> Option<Codec> {
    let codecs = [Codec::Pcma, Codec::Pcmu];
    match rtpmap(media, format) {
        None => codecs.into_iter().find(|codec| codec.payload_type() == format),
        Some((name, rate, channels)) => {
            codecs.into_iter().find(|c| name.eq_ignore_ascii_case(c.name()) && rate == 8000 && channels == 1)
        }
    }
}

/// Encoding name, clock rate and channels of a payload type. A line that cannot be read counts as not there.
fn rtpmap(media: &Media, format: u8) -> Option<(&str, u32, u32)> {
    values(&media.attributes, "rtpmap").find_map(|value| {
        let (number, rest) = value.trim_start().split_once([' ', '\t'])?;
        if number.parse() != Ok(format) {
            return None;
        }
        let mut parts = rest.trim().split('/');
        let (name, rate) = (parts.next()?, parts.next()?.trim().parse().ok()?);
        let channels = parts.next().map_or(Some(1), |channels| channels.trim().parse().ok())?;
        Some((name.trim(), rate, channels))
    })
}

pub(super) fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |a| a.attribute.eq_ignore_ascii_case(name)).filter_map(|a| a.value.as_deref())
}

/// The c= of the media, else of the session (RFC 8866, 5.7). Host names and multicast groups are no address that we send to.
fn address(session: &Session, media: &Media) -> Result<IpAddr, SdpError> {
    let connection: &Connection =
        media.connections.first().or(session.connection.as_ref()).ok_or(SdpError::NoAddress)?;
    let address: IpAddr = connection.connection_address.parse().map_err(|_| SdpError::NoAddress)?;
    let kind = if address.is_ipv6() { "IP6" } else { "IP4" };
    let right = connection.nettype.as_str().eq_ignore_ascii_case("IN")
        && connection.addrtype.as_str().eq_ignore_ascii_case(kind)
        && !address.is_multicast();
    if right { Ok(address) } else { Err(SdpError::NoAddress) }
}

/// Where the peer takes RTCP: with RTP (RFC 5761), where `a=rtcp` says (RFC 3605), else on the next port (RFC 3550, 11). What cannot be read counts as
/// not said.
fn rtcp(media: &Media, remote: SocketAddr) -> SocketAddr {
    if media.attributes.iter().any(|attribute| attribute.attribute.eq_ignore_ascii_case("rtcp-mux")) {
        return remote;
    }
    let said = values(&media.attributes, "rtcp").find_map(|value| {
        let mut words = value.split_ascii_whitespace();
        let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
        let address = words.nth(2).and_then(|address| address.parse().ok()).filter(|ip: &IpAddr| !ip.is_multicast());
        Some(SocketAddr::new(address.unwrap_or(remote.ip()), port))
    });
    said.unwrap_or(SocketAddr::new(remote.ip(), remote.port().saturating_add(1)))
}

/// The direction as the peer writes it, seen from the peer.
fn direction(attributes: &[Attribute]) -> Option<Direction> {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    attributes.iter().find_map(|attribute| {
        all.into_iter().find(|direction| attribute.attribute.eq_ignore_ascii_case(direction.name()))
    })
}

/// Milliseconds of a packet that the peer would like, never more than it can take (`maxptime`); nonsense counts as not said.
fn ptime(media: &Media, session: &Session, ours: u32) -> Option<u32> {
    let said = |name| {
        let mut all = values(&media.attributes, name).chain(values(&session.attributes, name));
        // Fractions are allowed by some (RFC 8866, 6.4 has whole numbers); the whole part is enough.
        let value: u32 = all.next()?.trim().split('.').next()?.parse().ok()?;
        (1..=200).contains(&value).then_some(value)
    };
    match (said("ptime"), said("maxptime")) {
        (wish, None) => wish,
        (Some(wish), Some(most)) => Some(wish.min(most)),
        // who wishes nothing gets ours, or the half that fits
        (None, Some(most)) => (most < ours).then_some(ours / 2),
    }
}
