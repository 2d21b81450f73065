//! Dialogs (RFC 3261 section 12): who talks to whom, along which route, with which sequence numbers.
//!
//! Never sends and never waits. From, To and Call-ID are kept as the bytes that came, the remote target byte for byte as the Contact spelled it.

use crate::sip::message::{Message, Method};
use crate::sip::uri::Uri;
use std::net::SocketAddr;

use super::hop::{Hop, Transport};

use super::header::NameAddr;

/// One side's view of a dialog (12.1).
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: String,
    local: String,
    remote: String,
    remote_tag: String,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    route_set: Vec<NameAddr>,
    target: Uri,
    fallback: Hop,
    /// Without a route set, requests go to `fallback` whatever the target says.
    pinned: bool,
}

/// What is wrong with the headers a dialog is made from. The dialog is usable all the same, for ACK and BYE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialogFault {
    /// No Contact with a SIP URI, so no remote target (12.1.1, 12.1.2).
    Contact,
    /// A Record-Route that cannot be read.
    RecordRoute,
}

impl Dialog {
    /// The caller's dialog from a response to its INVITE (12.1.2): Record-Route reversed, Contact as remote target.
    /// `from` is our From as sent; `target` and `fallback` serve where the response names nothing usable.
    pub fn uac(response: &Message, from: &str, target: &Uri, fallback: Hop) -> (Dialog, Option<DialogFault>) {
        let (contact, contact_fault) = remote_target(response);
        let (mut route_set, route_fault) = route_set(response);
        route_set.reverse();
        let dialog = Dialog {
            call_id: response.call_id().unwrap_or_default().to_owned(),
            local: from.to_owned(),
            remote: response.header("To").unwrap_or_default().to_owned(),
            remote_tag: to_tag(response),
            local_cseq: response.cseq().map_or(1, |cseq| cseq.number),
            remote_cseq: None,
            route_set,
            target: contact.unwrap_or_else(|| target.clone()),
            fallback,
            pinned: false,
        };
        (dialog, contact_fault.or(route_fault))
    }

    /// The called side's dialog from the INVITE (12.1.1). `local_tag` is what our responses put on To.
    pub fn uas(invite: &Message, local_tag: &str, fallback: Hop) -> Result<Dialog, DialogFault> {
        let (contact, _) = remote_target(invite);
        let (route_set, route_fault) = route_set(invite);
        if let Some(fault) = route_fault {
            return Err(fault);
        }
        Ok(Dialog {
            call_id: invite.call_id().unwrap_or_default().to_owned(),
            local: format!("{};tag={local_tag}", invite.header("To").unwrap_or_default()),
            remote: invite.header("From").unwrap_or_default().to_owned(),
            remote_tag: from_tag(invite),
            local_cseq: 0,
            remote_cseq: invite.cseq().ok().map(|cseq| cseq.number),
            route_set,
            target: contact.ok_or(DialogFault::Contact)?,
            fallback,
            pinned: false,
        })
    }

    /// The far side's tag; empty for a peer of RFC 2543.
    pub fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The URI of our From, or To, as the far side sees it.
    pub fn local_uri(&self) -> Option<Uri> {
        self.local.parse::<NameAddr>().ok().map(|local| local.uri)
    }

    /// What a Replaces field calls this dialog (RFC 3891 3), seen from the far side, whose own tag is the to-tag. A peer of RFC 2543 has tag 0.
    pub fn replaces(&self, local_tag: &str) -> String {
        let remote_tag = if self.remote_tag.is_empty() { "0" } else { self.remote_tag.as_str() };
        format!("{};to-tag={remote_tag};from-tag={local_tag}", self.call_id)
    }

    /// The next request in the dialog (12.2.1.1): new CSeq, route set, remote target.
    pub fn request(&mut self, method: Method, via: &str) -> Message {
        self.local_cseq += 1;
        self.build(method, self.local_cseq, via)
    }

    /// The ACK for a 2xx (13.2.2.4): CSeq number of the INVITE, a branch of its own.
    pub fn ack(&self, cseq: u32, via: &str) -> Message {
        self.build(Method::Ack, cseq, via)
    }

    /// Leaves room for requests that this object does not know of: a BYE made from a stray 2xx.
    pub fn skip_cseq(&mut self, by: u32) {
        self.local_cseq = self.local_cseq.saturating_add(by).min((1 << 31) - 1000);
    }

    /// Goes on where the early dialog of the same tag stood: its CSeq numbers, on both sides.
    pub fn follow(&mut self, early: Option<&Dialog>, remote_cseq: Option<u32>) {
        if let Some(early) = early {
            self.local_cseq = self.local_cseq.max(early.local_cseq);
        }
        self.remote_cseq = self.remote_cseq.max(remote_cseq);
    }

    /// Takes note of the far side's CSeq; false if it is not higher than the last (12.2.2: answer 500).
    pub fn accept_cseq(&mut self, number: u32) -> bool {
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return false;
        }
        self.remote_cseq = Some(number);
        true
    }

    /// A target refresh request brings a new Contact (12.2.2).
    pub fn refresh_target(&mut self, request: &Message) {
        if let (Some(contact), _) = remote_target(request) {
            self.target = contact;
        }
    }

    /// The peer is behind NAT: where its Contact says, nobody is. Requests go where the first one went, unless there is a route set.
    pub fn pin(&mut self) {
        self.pinned = true;
    }

    /// Where the next request goes (8.1.2): the first route or, without routes, the remote target. Only addresses are
    /// followed; for a name, or the unspecified address, the place where the INVITE went (or came from) stands in.
    pub fn next_hop(&self) -> Hop {
        if self.pinned && self.route_set.is_empty() {
            return self.fallback;
        }
        let uri = self.route_set.first().map_or(&self.target, |route| &route.uri);
        let ip = uri.host().and_then(|host| host.ip()).filter(|ip| !ip.is_unspecified());
        let Some(ip) = ip else { return self.fallback };
        // a peer that forgets to write its transport into Contact is still on the one that it used
        let transport = Transport::asked_by(uri).unwrap_or(self.fallback.transport);
        Hop::new(transport, SocketAddr::new(ip, uri.port().unwrap_or(transport.default_port())))
    }

    fn build(&self, method: Method, cseq: u32, via: &str) -> Message {
        let (uri, routes) = self.routing();
        let number = format!("{cseq} {method}");
        let mut message = Message::request(method, uri);
        message.push("Via", via);
        for route in routes {
            message.push("Route", route);
        }
        message.push("Max-Forwards", "70");
        message.push("From", self.local.as_str());
        message.push("To", self.remote.as_str());
        message.push("Call-ID", self.call_id.as_str());
        message.push("CSeq", number);
        message
    }

    /// Request-URI and Route values (12.2.1.1): loose routing, or the rewriting that a strict router needs.
    fn routing(&self) -> (Uri, Vec<String>) {
        match self.route_set.split_first() {
            Some((first, rest)) if !first.uri.is_loose_router() => {
                let mut routes: Vec<String> = rest.iter().map(NameAddr::to_string).collect();
                routes.push(format!("<{}>", self.target));
                (first.uri.clone().for_request(), routes)
            }
            _ => (self.target.clone(), self.route_set.iter().map(NameAddr::to_string).collect()),
        }
    }
}

/// The first Contact, if it can be a remote target.
fn remote_target(message: &Message) -> (Option<Uri>, Option<DialogFault>) {
    let contact = message.contacts().ok().and_then(|contacts| contacts.into_iter().next());
    match contact.filter(|contact| contact.uri.is_sip()) {
        Some(contact) => (Some(contact.uri.for_request()), None),
        None => (None, Some(DialogFault::Contact)),
    }
}

fn route_set(message: &Message) -> (Vec<NameAddr>, Option<DialogFault>) {
    match message.record_routes() {
        Ok(routes) if routes.iter().all(|route| route.uri.is_sip()) => (routes, None),
        Ok(_) | Err(_) => (Vec::new(), Some(DialogFault::RecordRoute)),
    }
}

/// The To tag; empty where there is none.
pub(crate) fn to_tag(message: &Message) -> String {
    message.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default()
}

/// The From tag; empty where there is none.
pub(crate) fn from_tag(message: &Message) -> String {
    message.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default()
}
