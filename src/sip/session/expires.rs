//! Session timers (RFC 4028): what the fields say, what was agreed, and when something is to be done about it. Never sends anything.

use crate::sip::message::Message;
use std::time::{Duration, Instant};

/// The least interval that is taken in a request, seconds (5).
pub(crate) const MIN_SE: u32 = 90;
/// An answer names what the far side will do, whatever it should be; below this we would do little else than refresh.
const LEAST: u32 = 2;
/// A week: nobody's call is longer, and no sum overflows.
const MOST: u32 = 7 * 86_400;

/// Who refreshes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refresher {
    /// We.
    Us,
    /// The far side.
    Them,
}

/// A Session-Expires field (4): seconds, and whether `refresher` says `uac`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SessionExpires {
    pub seconds: u32,
    pub refresher_is_uac: Option<bool>,
}

/// What was agreed in the last 2xx.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SessionTimer {
    interval: Duration,
    refresher: Refresher,
    since: Instant,
}

impl SessionTimer {
    fn new(seconds: u32, refresher: Refresher, now: Instant) -> SessionTimer {
        let interval = Duration::from_secs(seconds.clamp(LEAST, MOST).into());
        SessionTimer { interval, refresher, since: now }
    }

    /// From a 2xx to our request (7.2): without the field there is no timer. `refresher` must be there; where it is not, we do it.
    pub fn of_answer(response: &Message, now: Instant) -> Option<SessionTimer> {
        let field = session_expires(response)?;
        let refresher = if field.refresher_is_uac == Some(false) { Refresher::Them } else { Refresher::Us };
        Some(SessionTimer::new(field.seconds, refresher, now))
    }

    /// For our 2xx to a request (9): the timer, and the fields that say so. A request without the field ends the timer.
    pub fn of_request(request: &Message, now: Instant) -> Option<(SessionTimer, Vec<(&'static str, String)>)> {
        let field = session_expires(request)?;
        let knows = has_option(request, "timer");
        // table 2: who does not know timers cannot refresh; else as the caller wishes, and gladly the caller
        let caller_does = knows && field.refresher_is_uac != Some(false);
        let (refresher, name) = if caller_does { (Refresher::Them, "uac") } else { (Refresher::Us, "uas") };
        let mut fields = vec![("Session-Expires", format!("{};refresher={name}", field.seconds))];
        if caller_does {
            fields.push(("Require", "timer".into()));
        }
        Some((SessionTimer::new(field.seconds, refresher, now), fields))
    }

    /// When we refresh: at half of the interval (10).
    pub fn refresh_at(&self) -> Option<Instant> {
        (self.refresher == Refresher::Us).then(|| self.since + self.interval / 2)
    }

    /// When the session is given up if nothing refreshed it: 32 s or a third of the interval before its end, whichever is less (10).
    pub fn give_up_at(&self) -> Instant {
        self.since + self.interval - Duration::from_secs(32).min(self.interval / 3)
    }
}

/// The Session-Expires field, if it can be read.
pub(crate) fn session_expires(message: &Message) -> Option<SessionExpires> {
    let mut parts = message.header("Session-Expires")?.split(';').map(str::trim);
    let seconds = parts.next()?.parse().ok()?;
    let refresher = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim().eq_ignore_ascii_case("uac"))
    });
    Some(SessionExpires { seconds, refresher_is_uac: refresher })
}

/// The Min-SE field (5), in seconds.
pub(super) fn min_se(message: &Message) -> Option<u32> {
    let digits = message.header("Min-SE")?.split(';').next()?.trim();
    digits.parse().ok().filter(|seconds| *seconds <= MOST)
}

/// Whether Supported or Require names this option tag.
pub(crate) fn has_option(message: &Message, option: &str) -> bool {
    ["Supported", "Require"].iter().any(|name| lists(message, name, option))
}

/// Whether a field that is a list of tokens has this one.
pub(super) fn lists(message: &Message, name: &str, token: &str) -> bool {
    message.headers(name).flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}
