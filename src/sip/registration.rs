//! Our registration with a trunk (RFC 3261 10.2): when REGISTER goes out, for how long it holds, and when it is tried again. Pure, in virtual time: answers and
//! time in, orders out. Challenges are answered below (`endpoint::errand`), so a 401 here is a final one.

use super::message::Message;
use std::time::{Duration, Instant};

/// What is asked for where the settings say nothing.
pub const USUAL: Duration = Duration::from_secs(600);
/// A registrar that wants more than this (423) is not believed.
const LONGEST: Duration = Duration::from_secs(86_400);
/// So long before its end a registration is refreshed, or at half its time where that is later: a refresh may take 32 s (timer F) and be tried again.
const AHEAD: Duration = Duration::from_secs(60);
/// Where nobody answers, or the registrar has no room: again after so long, doubled each time, up to a bound.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_MOST: Duration = Duration::from_secs(300);
/// Where it is refused (wrong password, unknown user): asking again changes little, and looks like an attack.
const REFUSED: Duration = Duration::from_secs(60);
const REFUSED_MOST: Duration = Duration::from_secs(1_800);

/// What came of a REGISTER.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It holds for so long.
    Granted(Duration),
    /// 423: not for less than this.
    TooBrief(Duration),
    /// Any other final response, with its Retry-After.
    Refused(u16, Option<Duration>),
    /// Nobody answered in time.
    Silent,
    /// It could not be delivered.
    Undelivered,
}

impl Answer {
    /// Reads a final response to a REGISTER that asked for `asked` with this Contact URI (10.3, step 8).
    pub fn of(response: &Message, contact: &str, asked: Duration) -> Answer {
        let seconds = |text: &str| text.trim().parse::<u32>().ok().map(|s| Duration::from_secs(s.into()));
        let status = response.status().unwrap_or_default();
        let retry = response
            .header("Retry-After")
            .and_then(|value| seconds(value.split(['(', ';', ' ']).next().unwrap_or_default()));
        match status {
            200..=299 => {
                let contacts = response.contacts().unwrap_or_default();
                let ours = contacts.iter().find(|listed| listed.uri.as_str() == contact);
                let own = ours.and_then(|ours| seconds(ours.params.get("expires")?));
                let all = || response.header("Expires").and_then(seconds);
                // a registrar that lists us without a time, or not at all, has taken what was asked for
                Answer::Granted(own.or_else(all).unwrap_or(asked))
            }
            423 => match response.header("Min-Expires").and_then(seconds) {
                Some(least) => Answer::TooBrief(least),
                None => Answer::Refused(423, retry),
            },
            status => Answer::Refused(status, retry),
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The first answer is not in.
    New,
    /// It holds until then.
    Registered(Instant),
    /// It does not hold.
    Failing(Answer),
    /// Taken back.
    Ended,
}

impl Standing {
    /// Whether we are registered at `now`.
    pub fn holds(self, now: Instant) -> bool {
        matches!(self, Standing::Registered(until) if until > now)
    }
}

enum Next {
    /// A REGISTER for so long is on its way.
    Asking(Duration),
    /// One goes out then.
    At(Instant),
    /// Nothing any more.
    Never,
}

/// A registration.
pub struct Registration {
    wanted: Duration,
    standing: Standing,
    next: Next,
    failures: u32,
    /// It is to be taken back as soon as the answer is in.
    leaving: bool,
    order: Option<Duration>,
}

impl Registration {
    /// One that begins at once, for so long each time.
    pub fn new(wanted: Duration, now: Instant) -> Registration {
        let next = Next::At(now);
        Registration { wanted, standing: Standing::New, next, failures: 0, leaving: false, order: None }
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: Instant) -> Standing {
        match self.standing {
            Standing::Registered(until) if until <= now => Standing::Failing(Answer::Silent),
            standing => standing,
        }
    }

    /// Nothing more is to be done.
    pub fn is_over(&self) -> bool {
        matches!(self.next, Next::Never)
    }

    /// It is being taken back.
    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// The REGISTER that goes out now: for so long, 0 takes it back. Its answer is awaited.
    pub fn poll_order(&mut self) -> Option<Duration> {
        self.order.take()
    }

    /// When [`Registration::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.next {
            Next::At(at) => Some(at),
            Next::Asking(_) | Next::Never => None,
        }
    }

    /// Its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.next, Next::At(at) if at <= now) {
            self.ask(self.wanted);
        }
    }

    /// The answer to the last order.
    pub fn handle(&mut self, answer: Answer, now: Instant) {
        let Next::Asking(asked) = self.next else { return };
        if asked.is_zero() {
            // whatever it says: it runs out by itself
            return self.end();
        }
        match answer {
            Answer::Granted(time) if !time.is_zero() => {
                self.failures = 0;
                self.standing = Standing::Registered(now + time);
                self.next = Next::At(now + time.saturating_sub(AHEAD).max(time / 2));
            }
            Answer::TooBrief(least) if least > self.wanted && least <= LONGEST => {
                self.wanted = least;
                self.ask(least);
            }
            answer => self.failed(answer, now),
        }
        if self.leaving {
            self.leave();
        }
    }

    /// It is taken back (10.2.2), if it holds.
    pub fn stop(&mut self) {
        self.leaving = true;
        if !matches!(self.next, Next::Asking(_)) {
            self.leave();
        }
    }

    fn ask(&mut self, time: Duration) {
        self.next = Next::Asking(time);
        self.order = Some(time);
    }

    fn leave(&mut self) {
        match self.standing {
            Standing::Registered(_) => self.ask(Duration::ZERO),
            Standing::New | Standing::Failing(_) | Standing::Ended => self.end(),
        }
    }

    fn end(&mut self) {
        self.standing = Standing::Ended;
        self.next = Next::Never;
    }

    /// What holds still holds until its end; else the trunk counts as not registered.
    fn failed(&mut self, answer: Answer, now: Instant) {
        if !self.standing.holds(now) {
            self.standing = Standing::Failing(answer);
        }
        let (first, most, told) = match answer {
            Answer::Refused(500..=599, retry) => (AGAIN, AGAIN_MOST, retry),
            Answer::Refused(_, retry) => (REFUSED, REFUSED_MOST, retry),
            Answer::Granted(_) | Answer::TooBrief(_) => (REFUSED, REFUSED_MOST, None),
            Answer::Silent | Answer::Undelivered => (AGAIN, AGAIN_MOST, None),
        };
        let wait = first.saturating_mul(1 << self.failures.min(16)).min(most);
        self.failures += 1;
        self.next = Next::At(now + wait.max(told.unwrap_or_default().min(LONGEST)));
    }
}

#[cfg(test)]
mod tests;
