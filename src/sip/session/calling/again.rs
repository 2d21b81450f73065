//! The INVITE once more in the same call: with credentials (RFC 3261 22), with a larger session interval (RFC 4028 7.4), to another target (8.1.3.4).
//!
//! One call, one attempt: From, To, Call-ID stay, the CSeq counts up.

use crate::sip::message::{Message, Method};
use std::sync::Arc;

use super::super::context::{Cx, Effect, SDP};
use super::super::event::SessionEvent;
use super::super::expires::min_se;
use super::super::failure::AuthProblem;
use super::Calling;

impl Calling {
    /// 22.2, 22.3: the same call, next CSeq, new branch, To without tag.
    pub(super) fn answer_challenge(&mut self, cx: &mut Cx, response: &Message) -> Result<(), AuthProblem> {
        if self.caller.credentials.is_none() {
            return Err(AuthProblem::NoCredentials);
        }
        self.auth.challenged(response)?;
        self.resend(cx);
        Ok(())
    }

    /// The interval grows to what the 422 names; false if it is large enough already.
    pub(super) fn enlarge(&mut self, response: &Message) -> bool {
        let Some(least) = min_se(response).filter(|least| self.interval > 0 && *least > self.interval) else {
            return false;
        };
        (self.interval, self.min_se) = (least, self.min_se.max(least));
        self.invite.set("Session-Expires", self.interval.to_string());
        self.invite.set("Min-SE", self.min_se.to_string());
        true
    }

    /// 8.1.3.4, within the limits of [`super::redirect`]: another Request-URI, the rest as it was.
    pub(super) fn redirect(&mut self, cx: &mut Cx, status: u16, response: &Message) -> bool {
        let (target, from) = (&self.caller.target, self.caller.next_hop);
        let Some((target, hop)) = self.followed.next(&self.extensions.redirects, response, target, from) else {
            return false;
        };
        cx.emit(SessionEvent::Redirected { status, to: target.masked() });
        let mut invite = Message::request(Method::Invite, target.clone());
        for (name, value) in self.invite.all_headers() {
            invite.push(name, value);
        }
        invite.set("Contact", cx.contact(hop));
        invite.set_body(SDP, self.invite.body().to_vec());
        self.invite = invite;
        let caller = Arc::make_mut(&mut self.caller);
        (caller.target, caller.next_hop) = (target, hop);
        self.resend(cx);
        true
    }

    /// The INVITE once more in a new transaction, with an answer to every challenge met so far.
    pub(super) fn resend(&mut self, cx: &mut Cx) {
        self.refuse_offer(cx);
        let fields = match &self.caller.credentials {
            Some(credentials) => {
                let body = self.invite.body();
                self.auth.answers(credentials, &Method::Invite, &self.caller.target, body, cx.tokens)
            }
            None => Vec::new(),
        };
        let number = self.invite.cseq().map_or(1, |cseq| cseq.number) + 1;
        self.invite.set("Via", cx.via(self.caller.next_hop));
        self.invite.set("CSeq", format!("{number} INVITE"));
        self.invite.remove("Authorization");
        self.invite.remove("Proxy-Authorization");
        for (name, value) in &fields {
            self.invite.push(name, value.as_str());
        }
        Arc::make_mut(&mut self.caller).authorization = fields;
        self.provisional = false;
        self.early.clear();
        cx.effects.push(Effect::Invite { message: self.invite.clone(), to: self.caller.next_hop });
    }
}
