//! Offer and answer of a browser call (RFC 8829, RFC 8839, RFC 8842): what we demand of a page's offer, and the peer that it becomes. Opens nothing.

use super::OfferProblem;
use crate::media::Codec;
use std::net::SocketAddr;
use std::time::Instant;
use str0m::change::SdpOffer;
use str0m::config::DtlsCert;
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Direction, Frequency, Mid, Pt};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, Rtc, RtcConfig};

/// Longest offer in bytes; a browser's for one line of audio has about 2,000.
const MAX_OFFER: usize = 64 * 1024;
/// The payload type that we would give telephone-events; the page's number counts.
const TELEPHONE_EVENT: u8 = 126;
/// Telephone-events 0–15 and flash.
const TELEPHONE_EVENTS: u8 = 16;

/// A certificate for the DTLS of all peers; pages know it by its fingerprint in our answer.
pub(super) fn certificate() -> Option<DtlsCert> {
    str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
}

/// A peer that waits for its page.
pub(super) struct Accepted {
    pub(super) rtc: Rtc,
    pub(super) answer: String,
    pub(super) mid: Mid,
    pub(super) formats: Formats,
}

/// Takes an offer; `public` is where the page is to send to.
pub(super) fn accept(
    offer: &str,
    public: SocketAddr,
    certificate: DtlsCert,
    now: Instant,
) -> Result<Accepted, OfferProblem> {
    let text = clean(offer)?;
    let offer = SdpOffer::from_sdp_string(&text).map_err(|_| OfferProblem::Malformed)?;
    let mut rtc = config(certificate).build(now);
    let candidate = Candidate::host(public, "udp").map_err(|_| OfferProblem::Malformed)?;
    rtc.add_local_candidate(candidate).ok_or(OfferProblem::Malformed)?;
    let answer = rtc.sdp_api().accept_offer(offer).map_err(|_| OfferProblem::Malformed)?;
    let mid = audio_line(&text)?;
    let formats = Formats::of(&rtc, mid)?;
    if rtc.media(mid).is_none_or(|media| media.direction() != Direction::SendRecv) {
        return Err(OfferProblem::OneWay);
    }
    Ok(Accepted { rtc, answer: answer.to_sdp_string(), mid, formats })
}

/// The offer without its candidates: as ICE-lite we wait for the page's checks, and the addresses of the agent's machine are none of our business.
fn clean(offer: &str) -> Result<String, OfferProblem> {
    if offer.len() > MAX_OFFER {
        return Err(OfferProblem::TooLong);
    }
    let mut media = offer.lines().filter(|line| line.starts_with("m="));
    if !media.next().is_some_and(|line| line.starts_with("m=audio ")) || media.next().is_some() {
        return Err(OfferProblem::NotOneAudio);
    }
    let candidate = |line: &&str| line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
    Ok(offer.lines().filter(|line| !candidate(line)).flat_map(|line| [line, "\r\n"]).collect())
}

/// RTP mode: the packets are ours to read and write, no buffer of the library's holds them back.
fn config(certificate: DtlsCert) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(4, Extension::RtpMid);
    let mut config = RtcConfig::new()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .set_dtls_cert(certificate)
        .set_extension_map(extensions)
        .clear_codecs()
        .enable_pcma(true, false)
        .enable_pcmu(true, false);
    let events = FormatParams { telephone_event_max: Some(TELEPHONE_EVENTS), ..FormatParams::default() };
    let payload_type = Pt::from(TELEPHONE_EVENT);
    config.codec_config().add_config(payload_type, None, Format::Tele, Frequency::EIGHT_KHZ, None, events);
    config
}

/// The name of the audio line. The library would tell it as well, but not before the connection stands.
fn audio_line(offer: &str) -> Result<Mid, OfferProblem> {
    offer.lines().find_map(|line| line.strip_prefix("a=mid:")).map(Mid::from).ok_or(OfferProblem::Malformed)
}

/// The payload types of the page, which may differ from the static ones that a session uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Formats {
    /// The page's first choice, which we send.
    pub(super) codec: Codec,
    pcma: Option<Pt>,
    pcmu: Option<Pt>,
    keys: Option<Pt>,
}

impl Formats {
    fn of(rtc: &Rtc, mid: Mid) -> Result<Formats, OfferProblem> {
        let media = rtc.media(mid).ok_or(OfferProblem::NotOneAudio)?;
        let format = |pt: &Pt| rtc.codec_config().params().iter().find(|params| params.pt() == *pt);
        let of = |pt: &Pt| format(pt).map(|params| (params.spec().codec, params.pt()));
        let formats: Vec<(Format, Pt)> = media.remote_pts().iter().filter_map(of).collect();
        let find = |wanted: Format| formats.iter().find(|(format, _)| *format == wanted).map(|(_, pt)| *pt);
        let codec = formats.iter().find_map(|(format, _)| match format {
            Format::PCMA => Some(Codec::Pcma),
            Format::PCMU => Some(Codec::Pcmu),
            _ => None,
        });
        let codec = codec.ok_or(OfferProblem::NoG711)?;
        Ok(Formats { codec, pcma: find(Format::PCMA), pcmu: find(Format::PCMU), keys: find(Format::Tele) })
    }

    /// The payload type of the page's telephone-events.
    pub(super) fn keys(&self) -> Option<u8> {
        self.keys.map(|pt| *pt)
    }

    /// The payload type that a session knows for one of the page's.
    pub(super) fn inbound(&self, payload_type: Pt) -> Option<u8> {
        match Some(payload_type) {
            pt if pt == self.pcma => Some(Codec::Pcma.payload_type()),
            pt if pt == self.pcmu => Some(Codec::Pcmu.payload_type()),
            pt if pt == self.keys => self.keys(),
            _ => None,
        }
    }

    /// The page's payload type for one of a session's.
    pub(super) fn outbound(&self, payload_type: u8) -> Option<Pt> {
        match Codec::of_payload_type(payload_type) {
            Some(Codec::Pcma) => self.pcma,
            Some(Codec::Pcmu) => self.pcmu,
            None => self.keys,
        }
    }
}
