//! Offer and answer (RFC 3264, 6 and 7): our answer to an offer, and what an answer makes of our offer. Never accepts what was not offered.

use super::{LocalMedia, Negotiated, SdpError, crypto, read, write};
use sdp_types::Media;

/// Answers an offer: the first audio line that we can take, with the first codec of it that we speak (the offerer's order, RFC 3264, 6.1), under the
/// offerer's payload types. Every other line is refused with port 0.
pub fn answer(local: &LocalMedia, offer: &[u8]) -> Result<(Vec<u8>, Negotiated), SdpError> {
    let offered = read::parse(offer)?;
    // The first fault of an audio line is told if no line can be taken.
    let mut fault = None;
    let mut taken = None;
    for (index, media) in offered.medias.iter().enumerate().filter(|(_, media)| read::is_audio(media)) {
        match read::audio(local, &offered, media).and_then(|audio| Ok((audio, crypto::of_offer(local, media)?))) {
            Ok((audio, crypto)) => {
                taken = Some((index, audio, crypto));
                break;
            }
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    let Some((taken, audio, crypto)) = taken else { return Err(fault.unwrap_or(SdpError::NoAudio)) };
    let mut session = write::session(local);
    for (index, media) in offered.medias.iter().enumerate() {
        session.medias.push(if index == taken {
            let mut answered =
                write::audio(local, &[(audio.codec, audio.payload_type)], audio.telephone_event, audio.direction);
            if audio.rtcp == audio.remote {
                answered.attributes.push(write::rtcp_mux());
            }
            answered.attributes.extend(crypto.map(|(tag, keys)| crypto::attribute(tag, &keys.ours)));
            answered
        } else {
            refused(media)
        });
    }
    let negotiated = Negotiated {
        remote: audio.remote,
        rtcp: audio.rtcp,
        codec: audio.codec,
        payload_type: audio.payload_type,
        receive_payload_type: audio.payload_type,
        telephone_event: audio.telephone_event,
        receive_telephone_event: audio.telephone_event,
        comfort_noise: audio.comfort_noise,
        ptime_ms: audio.ptime_ms.unwrap_or(local.ptime_ms),
        direction: audio.direction,
        srtp: crypto.map(|(_, keys)| keys),
    };
    Ok((write::bytes(&session), negotiated))
}

/// Answers a later offer of the same session (RFC 3264, 8): the description's version goes up by one, `local` stays as it was when nothing can be agreed on.
pub fn reanswer(local: &mut LocalMedia, offer: &[u8]) -> Result<(Vec<u8>, Negotiated), SdpError> {
    let next = LocalMedia { version: local.version + 1, ..local.clone() };
    let answered = answer(&next, offer)?;
    *local = next;
    Ok(answered)
}

/// The line with port 0 and its formats (RFC 3264, 6).
fn refused(media: &Media) -> Media {
    let (connections, bandwidths, attributes) = (Vec::new(), Vec::new(), Vec::new());
    let (media, proto, fmt) = (media.media.clone(), media.proto.clone(), media.fmt.clone());
    Media {
        media,
        port: 0,
        num_ports: None,
        proto,
        fmt,
        media_title: None,
        connections,
        bandwidths,
        key: None,
        attributes,
    }
}

/// Reads the answer to our [`offer`](super::offer): its first m= line belongs to our only one. The first codec in it that we offered wins.
pub fn read_answer(local: &LocalMedia, answer: &[u8]) -> Result<Negotiated, SdpError> {
    let answer = read::parse(answer)?;
    let media = answer.medias.first().filter(|media| read::is_audio(media)).ok_or(SdpError::NoAudio)?;
    let audio = read::audio(local, &answer, media)?;
    Ok(Negotiated {
        remote: audio.remote,
        rtcp: audio.rtcp,
        codec: audio.codec,
        payload_type: audio.payload_type,
        receive_payload_type: audio.codec.payload_type(),
        telephone_event: audio.telephone_event,
        receive_telephone_event: audio.telephone_event.and(local.telephone_event),
        comfort_noise: audio.comfort_noise,
        ptime_ms: audio.ptime_ms.unwrap_or(local.ptime_ms),
        direction: audio.direction,
        srtp: crypto::of_answer(local, media)?,
    })
}
