//! A SIP message: start line, header fields in order, body byte-exact (RFC 3261, 7). `parse` is the wire normaliser with rsip's header model behind it,
//! `to_bytes` writes. Never opens a socket; `Debug` and [`Message::start_line`] show no number, no name, no header value.

use crate::sip::header::{CSeq, HeaderError, NameAddr, Via};
use crate::sip::uri::Uri;
use std::fmt;

mod bytes;
mod error;
mod method;
mod model;
mod salvage;
pub mod stream;
mod wire;

pub use error::{Limits, ParseError};
pub use method::{BadMethod, Method};
pub use salvage::refusal;

#[derive(Clone, PartialEq, Eq)]
enum StartLine {
    Request { method: Method, uri: Uri },
    Response { status: u16, reason: String },
}

/// One request or response. Content-Length is not among the headers: it is computed when the message is written.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    start: StartLine,
    headers: rsip::Headers,
    body: Vec<u8>,
}

impl Message {
    /// Reads one datagram. [`ParseError::Empty`] is a keep-alive.
    pub fn parse(datagram: &[u8], limits: &Limits) -> Result<Message, ParseError> {
        wire::parse(datagram, limits)
    }

    /// A request without header fields.
    pub fn request(method: Method, uri: Uri) -> Message {
        Message { start: StartLine::Request { method, uri }, headers: rsip::Headers::default(), body: Vec::new() }
    }

    /// A response without header fields.
    pub fn response(status: u16, reason: &str) -> Message {
        let start = StartLine::Response { status, reason: clean(reason) };
        Message { start, headers: rsip::Headers::default(), body: Vec::new() }
    }

    /// A response with Via, From, To, Call-ID and CSeq of the request (RFC 3261, 8.2.6.2). The caller adds the To tag, and Record-Route where
    /// a dialog begins (12.1.1).
    pub fn response_to(request: &Message, status: u16, reason: &str) -> Message {
        let mut response = Message::response(status, reason);
        for (name, value) in request.all_headers() {
            if ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|copied| name.eq_ignore_ascii_case(copied)) {
                response.push(name, value);
            }
        }
        response
    }

    /// The message as it goes on the wire, with Content-Length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + self.body.len());
        match &self.start {
            StartLine::Request { method, uri } => bytes::encode(&format!("{method} {uri} SIP/2.0\r\n"), &mut out),
            StartLine::Response { status, reason } => {
                bytes::encode(&format!("SIP/2.0 {status} {reason}\r\n"), &mut out);
            }
        }
        for (name, value) in self.all_headers() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            bytes::encode(value, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        out.extend_from_slice(&self.body);
        out
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Method> {
        match &self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The Request-URI.
    pub fn uri(&self) -> Option<&Uri> {
        match &self.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Response { .. } => None,
        }
    }

    /// The status code of a response, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        match &self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(*status),
        }
    }

    /// The reason phrase of a response; empty for a request.
    pub fn reason_phrase(&self) -> &str {
        match &self.start {
            StartLine::Request { .. } => "",
            StartLine::Response { reason, .. } => reason,
        }
    }

    /// The start line for traces: user parts masked, and in a reason phrase each run of five digits or more, which may be a number.
    pub fn start_line(&self) -> String {
        match &self.start {
            StartLine::Request { method, uri } => format!("{method} {} SIP/2.0", uri.masked()),
            StartLine::Response { status, reason } => format!("SIP/2.0 {status} {}", mask_numbers(reason)),
        }
    }

    /// The first field of this full name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all_headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field of this full name, in order.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all_headers().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field in order, unknown ones too; compact names are expanded.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(model::field)
    }

    /// Appends a field. Line breaks in the value become spaces: no value can add a field. Content-Length is passed over.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        if let Some(header) = make(name, value.into()) {
            self.headers.push(header);
        }
    }

    /// Puts a field before all others.
    pub fn push_front(&mut self, name: &str, value: impl Into<String>) {
        if let Some(header) = make(name, value.into()) {
            let mut all: Vec<rsip::Header> = std::mem::take(&mut self.headers).into();
            all.insert(0, header);
            self.headers = all.into();
        }
    }

    /// Replaces the first field of this name and takes the others away, or appends it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let Some(header) = make(name, value.into()) else { return };
        let mut all: Vec<rsip::Header> = std::mem::take(&mut self.headers).into();
        let name = model::expand(name);
        let same = |other: &rsip::Header| model::field(other).0.eq_ignore_ascii_case(name);
        match all.iter().position(same) {
            None => all.push(header),
            Some(at) => {
                all[at] = header;
                let mut index = 0;
                all.retain(|other| {
                    index += 1;
                    index - 1 <= at || !same(other)
                });
            }
        }
        self.headers = all.into();
    }

    /// Takes every field of this name away.
    pub fn remove(&mut self, name: &str) {
        let name = model::expand(name);
        self.headers.retain(|header| !model::field(header).0.eq_ignore_ascii_case(name));
    }

    /// The body, byte-exact.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Sets body and Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.set("Content-Type", content_type);
        self.body = body;
    }

    /// The topmost Via.
    pub fn via(&self) -> Result<Via, HeaderError> {
        let value = self.header("Via").ok_or(HeaderError::Missing("Via"))?;
        let list = Via::parse_list(value).ok_or(HeaderError::Malformed("Via"))?;
        list.into_iter().next().ok_or(HeaderError::Malformed("Via"))
    }

    /// Every Via, topmost first, lists taken apart.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        let lists: Option<Vec<Vec<Via>>> = self.headers("Via").map(Via::parse_list).collect();
        Ok(lists.ok_or(HeaderError::Malformed("Via"))?.concat())
    }

    /// Puts this Via in the place of the topmost one, others stay (a server adds `received` and `rport`).
    pub fn replace_top_via(&mut self, via: &Via) -> Result<(), HeaderError> {
        let mut all = self.vias()?;
        *all.first_mut().ok_or(HeaderError::Missing("Via"))? = via.clone();
        self.remove("Via");
        all.iter().rev().for_each(|via| self.push_front("Via", via.to_string()));
        Ok(())
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.name_addr("From")
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.name_addr("To")
    }

    /// Call-ID.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = self.header("Call-ID").ok_or(HeaderError::Missing("Call-ID"))?;
        let malformed = value.is_empty() || value.contains([' ', '\t']);
        if malformed { Err(HeaderError::Malformed("Call-ID")) } else { Ok(value) }
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.header("CSeq").ok_or(HeaderError::Missing("CSeq"))?.parse()
    }

    /// All Contacts, lists taken apart; an empty list where there is none. `Contact: *`, which only REGISTER may carry, is malformed here.
    pub fn contacts(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.name_addrs("Contact")
    }

    /// All Record-Routes, topmost first.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.name_addrs("Record-Route")
    }

    /// All Routes, topmost first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.name_addrs("Route")
    }

    fn name_addr(&self, name: &'static str) -> Result<NameAddr, HeaderError> {
        let value = self.header(name).ok_or(HeaderError::Missing(name))?;
        value.parse().map_err(|_| HeaderError::Malformed(name))
    }

    fn name_addrs(&self, name: &'static str) -> Result<Vec<NameAddr>, HeaderError> {
        let lists: Option<Vec<Vec<NameAddr>>> = self.headers(name).map(NameAddr::parse_list).collect();
        Ok(lists.ok_or(HeaderError::Malformed(name))?.concat())
    }
}

/// A field fit for the wire; `None` for Content-Length, which `to_bytes` computes, and for a name that is no token.
fn make(name: &str, value: String) -> Option<rsip::Header> {
    let name = model::expand(name);
    let writable = crate::sip::header::is_token(name) && !name.eq_ignore_ascii_case("Content-Length");
    writable.then(|| model::make(name, clean(&value)))
}

/// Trims, and turns line breaks and NUL into spaces; a NUL behind a backslash goes out as it came in (quoted-pair).
fn clean(value: &str) -> String {
    let mut before = ' ';
    let fit = |character| {
        let quoted = std::mem::replace(&mut before, character) == '\\';
        match character {
            '\r' | '\n' => ' ',
            '\0' if !quoted => ' ',
            other => other,
        }
    };
    value.trim_matches([' ', '\t', '\r', '\n']).chars().map(fit).collect()
}

/// Masks runs of five digits or more.
fn mask_numbers(text: &str) -> String {
    let (mut out, mut run) = (String::with_capacity(text.len()), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        if run.len() < 5 {
            out.push_str(&run)
        } else {
            run.chars().for_each(|_| out.push('•'))
        }
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// The masked start line, the names of the fields, the length of the body.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.all_headers().map(|(name, _)| name).collect();
        write!(f, "Message {{ {}, headers: {names:?}, body: {} bytes }}", self.start_line(), self.body.len())
    }
}

#[cfg(test)]
mod tests;
