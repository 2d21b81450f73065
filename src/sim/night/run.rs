//! The loop of the simulated night, in the order of `dialer/worker` and `dialer/launch`: room on a trunk, the first of the queue, what policy says of the number, the trunk, the call,
//! and what follows it. Pure: virtual time goes from event to event, and nobody waits.

use super::call::{Call, Came, Shared};
use super::desk::{Desk, Work};
use super::figures::Night;
use super::population::{Customer, Population};
use super::queue::{CALL_BACK, ORDINARY, Place, Queue};
use crate::call::disposition::Disposition;
use crate::config;
use crate::dialer::keeper::in_zone;
use crate::dialer::policy::retry::no_room;
use crate::dialer::policy::window::day_start;
use crate::dialer::policy::{Asked, Contact, History, Manners, Next, Permit};
use crate::dialer::trunks::{Choice, Room, Trunk, Trunks};
use crate::dialer::worker::{IN_CALL_AGAIN, REFUSED_AGAIN};
use crate::phone::{E164, Pii};
use crate::survey::flow::{Earlier, Facts};
use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The day's minutes are counted anew after so long, and every quarter of an hour of the picture has a whole number of these.
const MINUTE: Duration = Duration::from_secs(60);
/// The history of a number counts for so long (`db/gate`).
const PERIOD: TimeDelta = TimeDelta::days(30);

/// What holds in a night.
pub struct House {
    /// `[dialer]`.
    pub dialer: config::Dialer,
    /// The same and the country packs.
    pub manners: Manners,
    /// The trunks; they are always there.
    pub trunks: Vec<Trunk>,
    /// The dealer's zone.
    pub zone: Tz,
    /// The agents.
    pub work: Work,
    /// Whole calls are put on record where the customer agrees.
    pub record_calls: bool,
    /// What calls share.
    pub shared: Arc<Shared>,
    /// Who picks up.
    pub population: Population,
}

/// One row of the queue.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// The number.
    pub number: E164,
    /// The customer's zone.
    pub zone: Tz,
    /// The customer's language.
    pub language: String,
    /// The day of the repair.
    pub event_on: NaiveDate,
    /// The plate.
    pub plate: Option<Pii<String>>,
    /// The advisor's staff number.
    pub advisor_number: Option<String>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// Not dialled from then on.
    pub deadline: DateTime<Utc>,
}

/// From when until when.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The beginning.
    pub from: DateTime<Utc>,
    /// No call begins from then on.
    pub until: DateTime<Utc>,
    /// The beginning as the machines reckon time: any instant does.
    pub epoch: Instant,
}

/// A trunk of the settings that is always there: no name to look up, no registration, no OPTIONS.
pub fn standing(name: &str, settings: &config::Trunk) -> Trunk {
    let address = settings.address.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)));
    let settings =
        config::Trunk { address: Some(address), host: None, register: false, options_s: 0, ..settings.clone() };
    Trunk::new(name, None, settings)
}

/// What a follow-up has been through.
#[derive(Clone, Debug, Default)]
struct Past {
    begun: Vec<DateTime<Utc>>,
    answered: BTreeMap<String, Earlier>,
    message_left: bool,
    appointment: bool,
}

/// One attempt at a number.
struct Tried {
    by: usize,
    began: DateTime<Utc>,
    conversation: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Number {
    tried: Vec<Tried>,
    blocked: bool,
    in_call: bool,
}

struct Live {
    id: usize,
    call: Call,
    trunk: String,
    others: bool,
    began: Instant,
}

struct Run<'a> {
    house: &'a House,
    list: &'a [FollowUp],
    customers: &'a [Customer],
    span: Span,
    rng: &'a mut ChaCha8Rng,
    queue: Queue,
    pasts: Vec<Past>,
    numbers: HashMap<&'a str, Number>,
    trunks: Trunks,
    desk: Desk,
    live: Vec<Option<Live>>,
    vacant: Vec<usize>,
    agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    spoken: Minutes,
    night: Night,
    seen: &'a mut dyn FnMut(usize, &Came),
}

/// Minutes of conversation of the dealer's day.
#[derive(Default)]
struct Minutes {
    day: Option<DateTime<Utc>>,
    ended: u64,
}

/// Runs a night. `customers` are those of the list, in its order.
pub fn run(house: &House, list: &[FollowUp], customers: &[Customer], span: Span, rng: &mut ChaCha8Rng) -> Night {
    run_seen(house, list, customers, span, rng, &mut |_, _| {})
}

/// The same; `seen` is told of each call's end, with the place in the list.
pub fn run_seen(
    house: &House,
    list: &[FollowUp],
    customers: &[Customer],
    span: Span,
    rng: &mut ChaCha8Rng,
    seen: &mut dyn FnMut(usize, &Came),
) -> Night {
    let mut queue = Queue::default();
    for (id, follow_up) in list.iter().enumerate() {
        queue.put(Place { rank: ORDINARY, at: follow_up.due_at, id });
    }
    let mut run = Run {
        house,
        list,
        customers,
        span,
        rng,
        queue,
        pasts: vec![Past::default(); list.len()],
        numbers: HashMap::new(),
        trunks: Trunks::new(house.trunks.clone(), house.dialer.max_calls),
        desk: Desk::new(house.work, span.epoch),
        live: Vec::new(),
        vacant: Vec::new(),
        agenda: BinaryHeap::new(),
        spoken: Minutes::default(),
        night: Night::new(list.len(), span.from, house.zone),
        seen,
    };
    run.work();
    run.close()
}

impl<'a> Run<'a> {
    fn utc(&self, at: Instant) -> DateTime<Utc> {
        self.span.from + TimeDelta::from_std(at.saturating_duration_since(self.span.epoch)).unwrap_or_default()
    }

    fn instant(&self, at: DateTime<Utc>) -> Instant {
        self.span.epoch + (at - self.span.from).to_std().unwrap_or_default()
    }

    fn work(&mut self) {
        let mut now = self.span.epoch;
        let mut look = Some(now);
        loop {
            if look.is_some_and(|at| at <= now) && self.utc(now) < self.span.until {
                look = self.launch_some(now);
            }
            // while there is no room nobody is taken: what is due already must not be waited for
            self.queue.advance(self.utc(now));
            let ends = self.instant(self.span.until);
            let due = self.queue.next().map(|at| self.instant(at));
            let first = look.into_iter().chain(due).filter(|at| *at < ends).min();
            let called = self.agenda.peek().map(|Reverse((at, _))| *at);
            let Some(next) = first.into_iter().chain(called).min() else { break };
            // what becomes due is looked at, whatever the trunks were doing
            if due.is_some_and(|at| at <= next) {
                look = Some(next);
            }
            now = now.max(next);
            if self.step_calls(now) {
                look = Some(now);
            }
        }
    }

    /// Lets every call go on that wants to at `now`; whether one ended.
    fn step_calls(&mut self, now: Instant) -> bool {
        let mut ended = false;
        while let Some(Reverse((_, slot))) = self.agenda.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.agenda.pop();
            let Some(live) = self.live.get_mut(slot).and_then(Option::as_mut) else { continue };
            live.call.step(now, &mut self.desk);
            match live.call.next() {
                Some(at) => self.agenda.push(Reverse((at, slot))),
                None => {
                    let live = self.live.get_mut(slot).and_then(Option::take);
                    self.vacant.push(slot);
                    if let Some(live) = live {
                        self.ended(live, now);
                    }
                    ended = true;
                }
            }
        }
        ended
    }

    /// Launches calls as long as there is work and room; when to look again, if not at the end of a call.
    fn launch_some(&mut self, now: Instant) -> Option<Instant> {
        if self.house.dialer.allow.is_empty() {
            return None;
        }
        if self.minutes_spent(now) {
            return Some(now + MINUTE);
        }
        loop {
            let prefixes = match self.trunks.room(now) {
                Room::Now(prefixes) => prefixes,
                Room::At(at) => return Some(at),
                Room::Full => return None,
            };
            let (utc, list) = (self.utc(now), self.list);
            let carried = |id: usize| {
                let number = list[id].number.as_str();
                prefixes.as_ref().is_none_or(|all| all.iter().any(|prefix| number.starts_with(prefix.as_str())))
            };
            let place = self.queue.take(utc, carried)?;
            if list[place.id].deadline <= utc {
                self.night.missed += 1;
                continue;
            }
            if !self.may_dial(place, utc) {
                continue;
            }
            match self.trunks.choose(&list[place.id].number, &[], now) {
                Choice::Take(index) => self.launch(place.id, index, now),
                Choice::Nobody => self.put_off(place, utc + REFUSED_AGAIN),
                Choice::At(at) => {
                    self.queue.put(place);
                    return Some(at);
                }
                Choice::Full => {
                    self.queue.put(place);
                    return None;
                }
            }
        }
    }

    fn put_off(&mut self, place: Place, at: DateTime<Utc>) {
        self.queue.put(Place { at, ..place });
    }

    fn may_dial(&mut self, place: Place, now: DateTime<Utc>) -> bool {
        let follow_up = &self.list[place.id];
        if self.numbers.get(follow_up.number.as_str()).is_some_and(|number| number.in_call) {
            self.put_off(place, now + IN_CALL_AGAIN);
            return false;
        }
        let contact = self.contact(place.id, now);
        let appointment = self.pasts[place.id].appointment;
        let asked = Asked { number: &follow_up.number, zone: follow_up.zone, appointment, contact: &contact, now };
        match self.house.manners.permit(&asked) {
            Permit::Dial => return true,
            Permit::NotBefore(at, _) => self.put_off(place, at),
            Permit::NeverOpen => self.put_off(place, now + REFUSED_AGAIN),
            Permit::Spent => self.night.not_reached += 1,
            Permit::Blocked => self.night.blocked += 1,
            Permit::Refused(_) => self.night.refused += 1,
        }
        false
    }

    /// As `db/gate` reads it from the store.
    fn contact(&self, id: usize, now: DateTime<Utc>) -> Contact {
        let follow_up = &self.list[id];
        let Some(number) = self.numbers.get(follow_up.number.as_str()) else { return Contact::default() };
        let today = day_start(now, follow_up.zone);
        let lately = || number.tried.iter().filter(|tried| tried.began > now - PERIOD);
        let count = |wanted: &dyn Fn(&Tried) -> bool| {
            u32::try_from(lately().filter(|tried| wanted(tried)).count()).unwrap_or(u32::MAX)
        };
        Contact {
            blocked: number.blocked,
            follow_up: count(&|tried| tried.by == id),
            follow_up_today: count(&|tried| tried.by == id && tried.began >= today),
            number_today: count(&|tried| tried.began >= today),
            number_30_days: count(&|_| true),
            other_attempt: lately().filter(|tried| tried.by != id).map(|tried| tried.began).max(),
            other_conversation: lately().filter(|tried| tried.by != id).filter_map(|tried| tried.conversation).max(),
        }
    }

    fn launch(&mut self, id: usize, index: usize, now: Instant) {
        let (utc, list) = (self.utc(now), self.list);
        let follow_up = &list[id];
        let others = self.trunks.has_other(&follow_up.number, index, &[]);
        let (trunk, _) = self.trunks.start(index, now);
        let local = utc.with_timezone(&follow_up.zone);
        let phone = self.house.population.phone(&self.customers[id], local.hour(), self.rng);
        let past = &mut self.pasts[id];
        past.begun.push(utc);
        let facts = Facts {
            language: follow_up.language.clone(),
            plate: follow_up.plate.clone(),
            event_date: Some(follow_up.event_on),
            advisor_number: follow_up.advisor_number.clone(),
            now_local: local.naive_local(),
            answered: past.answered.clone(),
            message_left: past.message_left,
            record_calls: self.house.record_calls,
        };
        let number = self.numbers.entry(follow_up.number.as_str()).or_default();
        number.in_call = true;
        number.tried.push(Tried { by: id, began: utc, conversation: None });
        let ring_timeout = Duration::from_secs(trunk.settings.ring_timeout_s);
        let call = Call::new(self.house.shared.clone(), facts, phone, ring_timeout, now);
        let live = Live { id, call, trunk: trunk.name, others, began: now };
        let next = live.call.next();
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.live.push(None);
            self.live.len() - 1
        });
        self.live[slot] = Some(live);
        self.agenda.push(Reverse((next.unwrap_or(now), slot)));
        self.night.began(utc, self.trunks.live(), self.queue.due());
    }

    fn ended(&mut self, live: Live, now: Instant) {
        let utc = self.utc(now);
        let Live { id, call, trunk, others, began } = live;
        let came = call.end();
        self.trunks.end(&trunk);
        let follow_up = &self.list[id];
        let Some(ending) = &came.ending else { return };
        let verdict = &ending.verdict;
        if no_room(verdict) && !came.rang {
            self.trunks.congested(&trunk, now);
        } else {
            self.trunks.carried(&trunk);
        }
        let past = &mut self.pasts[id];
        past.message_left |= came.message_left;
        past.answered.extend(came.answers.iter().map(|answer| (answer.question.clone(), earlier(answer))));
        let booked = came.booked.map(|wish| in_zone(wish.local, follow_up.zone, utc));
        let history = History { begun: past.begun.clone(), zone: follow_up.zone, deadline: follow_up.deadline, booked };
        let next = self.house.manners.retry(&follow_up.number).after_call(verdict, came.rang, others, &history, utc);
        past.appointment = verdict.disposition == Disposition::CallBack;
        let talked = matches!(verdict.disposition, Disposition::Complete | Disposition::Partial | Disposition::Refusal);
        if let Some(number) = self.numbers.get_mut(follow_up.number.as_str()) {
            number.in_call = false;
            number.blocked |= came.blocked;
            if let Some(tried) = number.tried.iter_mut().rev().find(|tried| tried.by == id) {
                tried.conversation = talked.then_some(utc);
            }
        }
        self.count_minutes(&came, now);
        self.night.ended(&came, verdict.disposition, utc, now - began);
        (self.seen)(id, &came);
        match next {
            Next::At(at) => {
                let rank = if self.pasts[id].appointment { CALL_BACK } else { ORDINARY };
                self.queue.put(Place { rank, at, id });
            }
            Next::Done => self.night.done += 1,
            Next::NotReached(_) => self.night.not_reached += 1,
            Next::Review => self.night.review += 1,
        }
    }

    fn count_minutes(&mut self, came: &Came, now: Instant) {
        let Some(answered) = came.answered else { return };
        let today = day_start(self.utc(answered), self.house.zone);
        if self.spoken.day != Some(today) {
            self.spoken = Minutes { day: Some(today), ended: 0 };
        }
        self.spoken.ended += begun_minutes(now.saturating_duration_since(answered));
    }

    /// Whether the day's minutes of conversation are used up: begun minutes of calls that ended; those under way count when they end.
    fn minutes_spent(&self, now: Instant) -> bool {
        let cap = u64::from(self.house.dialer.max_minutes_a_day);
        cap > 0 && self.spoken.day == Some(day_start(self.utc(now), self.house.zone)) && self.spoken.ended >= cap
    }

    fn close(self) -> Night {
        let mut night = self.night;
        night.left = self.queue.len();
        night.agents_busy = self.desk.busy();
        night.agents_most = self.desk.most();
        night
    }
}

fn begun_minutes(talk: Duration) -> u64 {
    talk.as_secs_f64().max(1.0).div_euclid(60.0) as u64 + 1
}

fn earlier(answer: &crate::survey::flow::Answer) -> Earlier {
    Earlier { keys: answer.keys.clone(), value: answer.value.stored().to_owned() }
}
