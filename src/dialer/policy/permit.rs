//! Whether a number may be dialled at this moment, pure and in one place: allow-list, refused ranges, do-not-call, caps, gaps, window. Asked when a follow-up is
//! leased, and again in the transaction that commits its attempt, at the moment the INVITE would leave.

use super::caps::{Caps, Contact, Gaps};
use super::country::{ANY, Pack};
use super::retry::RetryRule;
use super::window::{Window, next_day};
use crate::config;
use crate::phone::{E164, NumberKind};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::fmt;

/// Whether `number` begins with one of the prefixes. An empty list allows nobody.
pub fn allowed(number: &E164, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| number.as_str().starts_with(prefix.as_str()))
}

/// Whether a number may be dialled at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Dial,
    /// Not before this moment.
    NotBefore(DateTime<Utc>, Wait),
    /// No attempt is left for this follow-up.
    Spent,
    /// No: the window never opens.
    NeverOpen,
    /// The number is on the do-not-call list or marked wrong.
    Blocked,
    /// Never, unless a person changes something: it is set aside.
    Refused(Refusal),
}

/// What a follow-up waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The calling window is closed.
    Window,
    /// The follow-up's attempts of this day are used up.
    FollowUpDay,
    /// The number's attempts of this day are used up.
    NumberDay,
    /// The number's attempts of these 30 days are used up.
    NumberMonth,
    /// The number was called for something else lately.
    Gap,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Window => "the calling window is closed",
            Wait::FollowUpDay => "today's attempts are used up",
            Wait::NumberDay => "today's attempts to this number are used up",
            Wait::NumberMonth => "the attempts to this number in 30 days are used up",
            Wait::Gap => "the number was called for another follow-up lately",
        })
    }
}

/// Why a number never reaches the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No prefix of the allow-list fits.
    NotAllowed,
    /// The numbering plan or the country pack says it costs more than a call.
    Costly(NumberKind),
    /// The country pack refuses its prefix.
    Range,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotAllowed => f.write_str("dialer.allow has no prefix for this number"),
            Refusal::Costly(kind) => write!(f, "the numbering plan calls this a {kind} number; such are not dialled"),
            Refusal::Range => f.write_str("the country pack refuses this number's range"),
        }
    }
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The number.
    pub number: &'a E164,
    /// The customer's zone.
    pub zone: Tz,
    /// The customer booked this call: neither gap nor the follow-up's caps hold it back; all else does.
    pub appointment: bool,
    /// What it has been through.
    pub contact: &'a Contact,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What holds in one country under these settings.
#[derive(Clone, Debug)]
pub struct Rules {
    /// When calls may start.
    pub window: Window,
    /// How often.
    pub caps: Caps,
    /// Prefixes that are never dialled.
    pub refuse: Vec<String>,
}

/// The settings and the country packs together.
#[derive(Clone, Debug)]
pub struct Manners {
    allow: Vec<String>,
    gaps: Gaps,
    delays: config::Retry,
    rules: BTreeMap<String, Rules>,
    any: Rules,
}

impl Manners {
    /// What these settings make of these packs: the narrower of both, but for what the settings switch on explicitly (night, holidays).
    pub fn new(dialer: &config::Dialer, packs: &BTreeMap<String, Pack>) -> Manners {
        let own = Window::from(&dialer.window);
        let caps = Caps::from(dialer);
        let rules = |pack: &Pack| {
            let window = if dialer.window.allow_night {
                own.clone().with_holidays(pack.holidays.clone())
            } else {
                own.and(&pack.window)
            };
            let window = if dialer.window.allow_holidays { window.with_holidays(Default::default()) } else { window };
            Rules { window, caps: caps.and(pack.caps), refuse: pack.refuse.clone() }
        };
        let any = packs.get(ANY).map(&rules).unwrap_or(Rules { window: own.clone(), caps, refuse: Vec::new() });
        Manners {
            allow: dialer.allow.clone(),
            gaps: Gaps::from(dialer),
            delays: dialer.retry.clone(),
            rules: packs.iter().map(|(country, pack)| (country.clone(), rules(pack))).collect(),
            any,
        }
    }

    /// What holds for a number: the rules of its country.
    pub fn rules(&self, number: &E164) -> &Rules {
        number.country().and_then(|country| self.rules.get(&country)).unwrap_or(&self.any)
    }

    /// What holds in a country.
    pub fn country(&self, country: &str) -> &Rules {
        self.rules.get(country).unwrap_or(&self.any)
    }

    /// What follows an attempt at this number.
    pub fn retry(&self, number: &E164) -> RetryRule {
        let rules = self.rules(number);
        RetryRule { delays: self.delays.clone(), caps: rules.caps, window: rules.window.clone() }
    }

    /// Judges: first whether at all, then how often, then when.
    pub fn permit(&self, asked: &Asked<'_>) -> Permit {
        let rules = self.rules(asked.number);
        if let Some(refusal) = self.refusal(asked.number, rules) {
            return Permit::Refused(refusal);
        }
        let contact = asked.contact;
        if contact.blocked {
            return Permit::Blocked;
        }
        if contact.follow_up >= rules.caps.follow_up && !asked.appointment {
            return Permit::Spent;
        }
        let (from, wait) = match self.held_until(asked, rules) {
            Some((until, wait)) => (until, wait),
            None => (asked.now, Wait::Window),
        };
        match rules.window.next(from, asked.zone) {
            Some(at) if at <= asked.now => Permit::Dial,
            Some(at) => Permit::NotBefore(at, wait),
            None => Permit::NeverOpen,
        }
    }

    /// Why this number is never reached by us, if it is not.
    pub fn refuses(&self, number: &E164) -> Option<Refusal> {
        self.refusal(number, self.rules(number))
    }

    fn refusal(&self, number: &E164, rules: &Rules) -> Option<Refusal> {
        if !allowed(number, &self.allow) {
            return Some(Refusal::NotAllowed);
        }
        if allowed(number, &rules.refuse) {
            return Some(Refusal::Range);
        }
        let kind = number.kind();
        kind.is_costly().then_some(Refusal::Costly(kind))
    }

    /// Until when caps and gaps hold a number back: the last of them, and which it is.
    fn held_until(&self, asked: &Asked<'_>, rules: &Rules) -> Option<(DateTime<Utc>, Wait)> {
        let (contact, caps, now) = (asked.contact, rules.caps, asked.now);
        let tomorrow = || next_day(now, asked.zone);
        let day = (contact.number_today >= caps.number_a_day).then(|| (tomorrow(), Wait::NumberDay));
        // Which attempt leaves the 30 days when is looked at again each day.
        let month = (contact.number_30_days >= caps.number_30_days)
            .then(|| (tomorrow().max(now + TimeDelta::hours(1)), Wait::NumberMonth));
        let own = !asked.appointment && contact.follow_up_today >= caps.follow_up_a_day;
        let follow_up = own.then(|| (tomorrow(), Wait::FollowUpDay));
        let gap = self.gaps.until(contact, now).filter(|_| !asked.appointment).map(|until| (until, Wait::Gap));
        [month, day, follow_up, gap].into_iter().flatten().max_by_key(|(until, _)| *until)
    }
}
