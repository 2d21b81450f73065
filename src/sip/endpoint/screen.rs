//! The checks that every new request passes before anybody looks into it (RFC 3261 8.2.1-8.2.3). Never changes anything.

use crate::sip::message::{Message, Method};
use crate::sip::session::{ALLOW, MIN_SE, SDP, has_option, is_sdp, session_expires};

/// A refusal: status and one header field that explains it.
pub(super) struct Refusal {
    pub status: u16,
    pub header: Option<(&'static str, String)>,
}

/// Checks in the order of the RFC: method, Request-URI, extensions, content.
pub(super) fn screen(request: &Message, in_dialog: bool, registrar: bool) -> Result<(), Refusal> {
    method(request, registrar)?;
    if !in_dialog {
        request_uri(request)?;
        max_forwards(request)?;
    }
    // a BYE ends the call whatever it requires
    if request.method() != Some(&Method::Bye) {
        require(request)?;
    }
    session_timer(request)?;
    content(request)?;
    accept(request)
}

/// 8.2.1: known but not for us 405, unknown 501.
fn method(request: &Message, registrar: bool) -> Result<(), Refusal> {
    match request.method() {
        Some(Method::Register) if registrar => Ok(()),
        Some(
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Info
            | Method::Notify
            | Method::Prack
            | Method::Update,
        ) => Ok(()),
        Some(Method::Other(_)) | None => Err(Refusal { status: 501, header: Some(("Allow", ALLOW.to_owned())) }),
        Some(Method::Register | Method::Refer | Method::Subscribe | Method::Message | Method::Publish) => {
            Err(Refusal { status: 405, header: Some(("Allow", ALLOW.to_owned())) })
        }
    }
}

/// 8.2.2.1. A tel URI is a number we may be called by.
fn request_uri(request: &Message) -> Result<(), Refusal> {
    let known = request.uri().is_some_and(|uri| uri.is_sip() || *uri.scheme() == crate::sip::uri::Scheme::Tel);
    if known { Ok(()) } else { Err(Refusal { status: 416, header: None }) }
}

/// A spent Max-Forwards outside a dialog marks a loop (16.3 step 3, applied at the last element too).
fn max_forwards(request: &Message) -> Result<(), Refusal> {
    let spent = request.header("Max-Forwards").is_some_and(|value| value.trim() == "0");
    if spent { Err(Refusal { status: 483, header: None }) } else { Ok(()) }
}

/// RFC 4028 9: an interval that is too small is refused, if the other side can choose a larger one.
fn session_timer(request: &Message) -> Result<(), Refusal> {
    let refreshes = matches!(request.method(), Some(Method::Invite | Method::Update));
    let small = session_expires(request).is_some_and(|field| field.seconds < MIN_SE);
    if refreshes && small && has_option(request, "timer") {
        return Err(Refusal { status: 422, header: Some(("Min-SE", MIN_SE.to_string())) });
    }
    Ok(())
}

/// 8.2.2.3: the only extension that may be required of us is the session timer.
fn require(request: &Message) -> Result<(), Refusal> {
    let tags: Vec<&str> = request
        .headers("Require")
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty() && !t.eq_ignore_ascii_case("timer"))
        .collect();
    if tags.is_empty() {
        return Ok(());
    }
    Err(Refusal { status: 420, header: Some(("Unsupported", tags.join(", "))) })
}

/// 8.2.3, 21.4.7: whoever wants no session description in the answer cannot be answered.
fn accept(request: &Message) -> Result<(), Refusal> {
    if request.method() != Some(&Method::Invite) {
        return Ok(());
    }
    let wanted: Vec<&str> = request.headers("Accept").flat_map(|value| value.split(',')).collect();
    let kind = |value: &&str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let serves = |value: &&str| matches!(kind(value).as_str(), "application/sdp" | "application/*" | "*/*");
    if wanted.is_empty() || wanted.iter().any(serves) {
        return Ok(());
    }
    Err(Refusal { status: 406, header: Some(("Accept", SDP.to_owned())) })
}

/// 8.2.3: an INVITE may carry a session description, uncompressed, or nothing.
fn content(request: &Message) -> Result<(), Refusal> {
    let describes = matches!(request.method(), Some(Method::Invite | Method::Update));
    if !describes || request.body().is_empty() {
        return Ok(());
    }
    let plain = request.header("Content-Encoding").is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    if plain && is_sdp(request) {
        return Ok(());
    }
    Err(Refusal { status: 415, header: Some(("Accept", SDP.to_owned())) })
}
