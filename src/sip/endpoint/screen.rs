//! The checks that every new request passes before anybody looks into it (RFC 3261 8.2.1-8.2.3). Never changes anything.

use crate::sip::message::{Message, Method};
use crate::sip::session::{ALLOW, SDP, is_sdp};

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
    content(request)
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
            | Method::Notify,
        ) => Ok(()),
        Some(Method::Other(_)) | None => Err(Refusal { status: 501, header: Some(("Allow", ALLOW.to_owned())) }),
        Some(
            Method::Register
            | Method::Prack
            | Method::Update
            | Method::Refer
            | Method::Subscribe
            | Method::Message
            | Method::Publish,
        ) => Err(Refusal { status: 405, header: Some(("Allow", ALLOW.to_owned())) }),
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

/// 8.2.2.3: no extension is supported.
fn require(request: &Message) -> Result<(), Refusal> {
    let tags: Vec<&str> = request
        .headers("Require")
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .collect();
    if tags.is_empty() {
        return Ok(());
    }
    Err(Refusal { status: 420, header: Some(("Unsupported", tags.join(", "))) })
}

/// 8.2.3: an INVITE may carry a session description, uncompressed, or nothing.
fn content(request: &Message) -> Result<(), Refusal> {
    if request.method() != Some(&Method::Invite) || request.body().is_empty() {
        return Ok(());
    }
    let plain = request.header("Content-Encoding").is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    if plain && is_sdp(request) {
        return Ok(());
    }
    Err(Refusal { status: 415, header: Some(("Accept", SDP.to_owned())) })
}
