//! Requests outside of every dialog that are not a call: REGISTER and OPTIONS to a trunk (RFC 3261 10.2, 11). Challenges are answered here, each once; what comes back
//! is the final response, or that there was none. When and how often one is sent decides whoever asks for it (`sip::registration`, the trunk's keeper).

use crate::sip::auth::Credentials;
use crate::sip::header::Via;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::session::{ALLOW, AuthBook, Outcome};
use crate::sip::uri::{Host, Uri};
use std::time::Instant;

use super::Endpoint;

/// Names an errand within its endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ErrandId(pub(super) u64);

/// A request to send.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Any but INVITE, ACK and CANCEL.
    pub method: Method,
    /// Request-URI.
    pub target: Uri,
    /// Where it goes.
    pub next_hop: Hop,
    /// From, without tag.
    pub from: Uri,
    /// To.
    pub to: Uri,
    /// With a Contact of ours that has this user part (escaped already).
    pub contact: Option<String>,
    /// Call-ID and the number of the last CSeq under it; a registration keeps both (10.2). None: a new one.
    pub series: Option<(String, u32)>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// For 401 and 407.
    pub credentials: Option<Credentials>,
}

/// What became of an errand.
#[derive(Debug)]
pub struct Reply {
    /// Response or none.
    pub outcome: ErrandOutcome,
    /// Call-ID and the number of the last CSeq, for the next one.
    pub series: (String, u32),
    /// The URI of our Contact, where one was sent.
    pub contact: Option<String>,
}

/// Response or none.
#[derive(Debug)]
pub enum ErrandOutcome {
    /// A final one; 401 and 407 only where they could not be answered.
    Response(Box<Message>),
    /// Timer F: nobody answered.
    TimedOut,
    /// It could not be delivered.
    Unreachable,
}

/// An errand on its way.
pub(super) struct Running {
    errand: Errand,
    from: String,
    call_id: String,
    cseq: u32,
    auth: AuthBook,
    contact: Option<String>,
}

impl Endpoint {
    /// Sends a request outside of every dialog; its reply comes by [`Endpoint::poll_reply`].
    pub fn errand(&mut self, now: Instant, errand: Errand) -> ErrandId {
        let id = ErrandId(self.next_id());
        let (call_id, cseq) = errand.series.clone().unwrap_or_else(|| (self.tokens.call_id(), 0));
        let from = format!("<{}>;tag={}", errand.from, self.tokens.tag());
        let contact = errand.contact.as_ref().map(|user| {
            let (local, transport) = (self.config.local_for(errand.next_hop.transport), errand.next_hop.transport);
            match transport {
                Transport::Udp => format!("sip:{user}@{local}"),
                Transport::Tcp | Transport::Tls => format!("sip:{user}@{local};transport={}", transport.as_str()),
            }
        });
        self.errands.insert(id, Running { errand, from, call_id, cseq, auth: AuthBook::default(), contact });
        self.send_errand(now, id);
        id
    }

    /// The next reply.
    pub fn poll_reply(&mut self) -> Option<(ErrandId, Reply)> {
        self.replies.pop_front()
    }

    fn send_errand(&mut self, now: Instant, id: ErrandId) {
        let Some(running) = self.errands.get_mut(&id) else { return };
        running.cseq += 1;
        let errand = &running.errand;
        let (local, branch) = (self.config.local_for(errand.next_hop.transport), self.tokens.branch());
        let via = Via::new(errand.next_hop.transport.into(), Host::from(local.ip()), Some(local.port()), &branch);
        let mut message = Message::request(errand.method.clone(), errand.target.clone());
        message.push("Via", via.to_string());
        message.push("Max-Forwards", "70");
        message.push("From", running.from.as_str());
        message.push("To", format!("<{}>", errand.to));
        message.push("Call-ID", running.call_id.as_str());
        message.push("CSeq", format!("{} {}", running.cseq, errand.method));
        if let Some(contact) = &running.contact {
            message.push("Contact", format!("<{contact}>"));
        }
        message.push("Allow", ALLOW);
        message.push("User-Agent", self.config.user_agent.as_str());
        for (name, value) in &errand.headers {
            message.push(name, value.as_str());
        }
        if let Some(credentials) = &errand.credentials {
            let answers = running.auth.answers(credentials, &errand.method, &errand.target, &[], &mut self.tokens);
            answers.into_iter().for_each(|(name, value)| message.push(name, value));
        }
        let to = errand.next_hop;
        self.start_errand(now, id, &message, to);
    }

    pub(super) fn errand_outcome(&mut self, now: Instant, id: ErrandId, outcome: Outcome<'_>) {
        let outcome = match outcome {
            Outcome::Response(response) => match response.status() {
                Some(100..=199) | None => return,
                Some(401 | 407) if self.answers_errand(id, response) => return self.send_errand(now, id),
                Some(_) => ErrandOutcome::Response(Box::new(response.clone())),
            },
            Outcome::TimedOut => ErrandOutcome::TimedOut,
            Outcome::Unreachable => ErrandOutcome::Unreachable,
        };
        if let Some(Running { call_id, cseq, contact, .. }) = self.errands.remove(&id) {
            self.replies.push_back((id, Reply { outcome, series: (call_id, cseq), contact }));
        }
    }

    /// 22.2: whether the challenge can be answered.
    fn answers_errand(&mut self, id: ErrandId, response: &Message) -> bool {
        let Some(running) = self.errands.get_mut(&id) else { return false };
        running.errand.credentials.is_some() && running.auth.challenged(response).is_ok()
    }
}
