//! Handing the far side over (RFC 3515): our REFER in a confirmed dialog, and the implicit subscription that tells what came of it.
//!
//! Never ends the session: whatever comes of the REFER, the far side stays on the line until a BYE. What a NOTIFY says is taken generously, since a
//! refused NOTIFY would end the subscription and with it all news.

use crate::sip::dialog::Dialog;
use crate::sip::endpoint::TxId;
use crate::sip::header::NameAddr;
use crate::sip::message::{Message, Method};
use crate::sip::uri::{Params, Uri};
use std::time::Instant;

use super::SessionEvent;
use super::auth::AuthBook;
use super::calling::Caller;
use super::context::{Cx, Effect, Kind, Outcome, response};
use super::event::ReferEvent;

/// The present or last REFER of a session.
pub(super) struct Referral {
    /// Refer-To.
    to: NameAddr,
    /// CSeq numbers of its first and last request: a challenge makes one more. Either may be the `id` of its NOTIFYs (RFC 3515 2.4.6).
    first: u32,
    last: u32,
    auth: AuthBook,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The REFER is out.
    Asked,
    /// It was accepted; the final NOTIFY is awaited until then.
    Followed { until: Instant },
    /// All is told. NOTIFYs that still come are answered and mean nothing.
    Over,
}

impl Referral {
    /// Sends the REFER.
    pub fn start(cx: &mut Cx, dialog: &mut Dialog, to: Uri) -> Referral {
        let mut referral =
            Referral { to: NameAddr::new(to), first: 0, last: 0, auth: AuthBook::default(), standing: Standing::Asked };
        referral.send(cx, dialog, None);
        referral.first = referral.last;
        referral
    }

    /// Whether another REFER may follow.
    pub fn is_over(&self) -> bool {
        self.standing == Standing::Over
    }

    /// When the final NOTIFY is given up.
    pub fn until(&self) -> Option<Instant> {
        match self.standing {
            Standing::Followed { until } => Some(until),
            Standing::Asked | Standing::Over => None,
        }
    }

    /// The request with this CSeq number was answered, or not.
    pub fn outcome(
        &mut self,
        cx: &mut Cx,
        dialog: &mut Dialog,
        caller: Option<&Caller>,
        cseq: u32,
        outcome: Outcome<'_>,
    ) {
        if cseq != self.last || self.standing == Standing::Over {
            return;
        }
        match outcome {
            Outcome::Response(response) => match response.status().unwrap_or_default() {
                0..=199 => {}
                // Refer-Sub: false (RFC 4488) means that no NOTIFY follows; then a BYE is the only news, and the same patience serves.
                200..=299 => self.accepted(cx),
                401 | 407 if self.answer_challenge(cx, dialog, caller, response) => {}
                status => self.end(cx, ReferEvent::Refused(status)),
            },
            // A NOTIFY came before: the REFER did arrive, only its response is lost.
            Outcome::TimedOut | Outcome::Unreachable if self.standing != Standing::Asked => {}
            Outcome::TimedOut | Outcome::Unreachable => self.end(cx, ReferEvent::Lost),
        }
    }

    /// Whether a NOTIFY belongs to this REFER: event package `refer`, and an `id` of ours or none.
    pub fn is_told_by(&self, notify: &Message) -> bool {
        let Some(params) = event_params(notify) else { return false };
        match params.raw("id") {
            None => true,
            Some(id) => id.and_then(|id| id.parse().ok()).is_some_and(|id| (self.first..=self.last).contains(&id)),
        }
    }

    /// What a NOTIFY of ours says. It may overtake the 202.
    pub fn notified(&mut self, cx: &mut Cx, notify: &Message) {
        if self.standing == Standing::Over {
            return;
        }
        self.accepted(cx);
        match sipfrag_status(notify.body()) {
            Some(status) if status < 200 => cx.emit(SessionEvent::Refer(ReferEvent::Progress(status))),
            Some(status) => return self.end(cx, ReferEvent::Done(status)),
            None => {}
        }
        if subscription_has_ended(notify) {
            self.end(cx, ReferEvent::Lost);
        }
    }

    /// The clock reached [`Referral::until`], or not yet.
    pub fn time(&mut self, cx: &mut Cx) {
        if self.until().is_some_and(|until| cx.now >= until) {
            self.end(cx, ReferEvent::Lost);
        }
    }

    fn accepted(&mut self, cx: &mut Cx) {
        if self.standing == Standing::Asked {
            self.standing = Standing::Followed { until: cx.now + cx.config.refer_wait };
            cx.emit(SessionEvent::Refer(ReferEvent::Accepted));
        }
    }

    fn end(&mut self, cx: &mut Cx, event: ReferEvent) {
        self.standing = Standing::Over;
        cx.emit(SessionEvent::Refer(event));
    }

    fn answer_challenge(
        &mut self,
        cx: &mut Cx,
        dialog: &mut Dialog,
        caller: Option<&Caller>,
        response: &Message,
    ) -> bool {
        let Some(caller) = caller.filter(|caller| caller.credentials.is_some()) else { return false };
        if self.auth.challenged(response).is_err() {
            return false;
        }
        self.send(cx, dialog, Some(caller));
        true
    }

    fn send(&mut self, cx: &mut Cx, dialog: &mut Dialog, answering: Option<&Caller>) {
        let hop = dialog.next_hop();
        let via = cx.via(hop);
        let mut message = dialog.request(Method::Refer, &via);
        message.push("Contact", cx.contact(hop));
        message.push("Refer-To", self.to.to_string());
        if let Some(own) = dialog.local_uri() {
            message.push("Referred-By", NameAddr::new(own).to_string());
        }
        let credentials = answering.and_then(|caller| caller.credentials.as_ref());
        if let (Some(credentials), Some(uri)) = (credentials, message.uri().cloned()) {
            for (name, value) in self.auth.answers(credentials, &Method::Refer, &uri, &[], cx.tokens) {
                message.push(name, value);
            }
        }
        message.push("User-Agent", cx.config.user_agent.as_str());
        self.last = message.cseq().map_or(0, |cseq| cseq.number);
        cx.effects.push(Effect::Request { kind: Kind::Refer, message, to: hop, cseq: self.last });
    }
}

/// Answers a NOTIFY in a confirmed dialog (RFC 6665 4.1.3): 489 for a package that nobody subscribed to, 481 where the subscription is not ours.
pub(super) fn on_notify(cx: &mut Cx, referral: Option<&mut Referral>, tx: TxId, notify: &Message) {
    match referral {
        _ if event_params(notify).is_none() => {
            let mut message = response(cx.config, notify, 489, None);
            message.push("Allow-Events", "refer");
            cx.respond(tx, message);
        }
        Some(referral) if referral.is_told_by(notify) => {
            cx.answer(tx, notify, 200);
            referral.notified(cx, notify);
        }
        Some(_) | None => cx.answer(tx, notify, 481),
    }
}

/// The parameters of the Event field, if its package is `refer`: `refer;id=93809824`.
fn event_params(notify: &Message) -> Option<Params> {
    let value = notify.header("Event")?;
    let (package, params) = value.split_at(value.find(';').unwrap_or(value.len()));
    if package.trim().eq_ignore_ascii_case("refer") { Params::parse(params) } else { None }
}

/// `Subscription-State: terminated;reason=noresource` (RFC 6665 8.2.3).
fn subscription_has_ended(notify: &Message) -> bool {
    notify.header("Subscription-State").is_some_and(|value| {
        let state = value.split(';').next().unwrap_or_default();
        state.trim().eq_ignore_ascii_case("terminated")
    })
}

/// The status in a `message/sipfrag` body (RFC 3420), which begins with a status line. The reason phrase may be in any charset, or missing.
fn sipfrag_status(body: &[u8]) -> Option<u16> {
    let line =
        body.split(|byte| matches!(byte, b'\r' | b'\n')).map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    let (version, rest) = line.split_at_checked(b"SIP/2.0 ".len())?;
    let code = rest.trim_ascii_start().split(|byte| *byte == b' ').next()?;
    let status: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    let valid = version.eq_ignore_ascii_case(b"SIP/2.0 ") && code.len() == 3 && (100..=699).contains(&status);
    valid.then_some(status)
}
