//! A media thread: slices of 1 ms, each with its share of the calls, each call once in the time of one of its packets. Absolute deadlines; the thread sleeps
//! until the next slice that has calls, and without calls until it is told something. Nothing here waits for a lock, a file or the control plane.

use super::call::Running;
use super::lane::{CallSocket, Lane, Message, Remote};
use super::load::{Gauge, LOOK, Look};
use super::realtime::{Base, fetch, thread_cpu};
use super::writer::{Job, Track};
use super::{Notice, Outlets};
use crate::media::session::{Command, Event, Session};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// Of 1 ms each; packets of 10, 20, 30 and 40 ms all fit a whole number of times.
const SLICES: usize = 120;
const ROUND: Duration = Duration::from_millis(SLICES as u64);
/// A call that starts has its first packet after so many slices at the latest: the emptiest of them is taken.
const FIRST_WITHIN: usize = 10;
/// After so many slices the thread looks what it is told, also when no call is due.
const ATTENTIVE: u64 = 4;
/// Behind by less, ticks are caught up; behind by more, they are left out.
const CATCH_UP: Duration = Duration::from_millis(200);
/// After so many slices without a sleep the thread lets the others run: under SCHED_FIFO nobody else would.
const BREATH_AFTER: u32 = 40;
/// A bridged call also reads at every fourth slice: what arrives waits 2 ms on the average for its way to the other side, not 10.
const EARLY: usize = 4;
/// Commands that a call keeps until it starts.
const MAX_WAITING: usize = 64;

struct Call {
    id: u64,
    socket: CallSocket,
    events: UnboundedSender<Event>,
    media: Media,
    phase: Phase,
}

/// The slices of a call: `first` and each `every`th from there; none while `every` is 0.
#[derive(Clone, Copy, Default)]
struct Phase {
    first: usize,
    every: usize,
}

impl Phase {
    fn slices(self) -> impl Iterator<Item = usize> {
        let count = SLICES.checked_div(self.every).unwrap_or(0);
        (0..count).map(move |n| (self.first + n * self.every) % SLICES)
    }
}

enum Media {
    /// Not started; the commands that came already.
    Waiting(Vec<Command>),
    Running(Box<Running>),
}

/// The calls of one thread.
pub(super) struct Wheel<'a> {
    lane: &'a Lane,
    outlets: &'a Outlets,
    calls: Vec<Option<Call>>,
    free: Vec<usize>,
    by_id: HashMap<u64, usize>,
    /// Places in `calls` of those that run.
    slices: Vec<Vec<usize>>,
    /// Places of those that are bridged, by the slices (modulo [`EARLY`]) at which they read.
    bridged: [Vec<usize>; EARLY],
    running: usize,
    base: Base,
    /// When slice 0 was due.
    start: Instant,
    /// The slice that ran last.
    slice: u64,
    hurried: u32,
    gauge: Gauge,
    last_look: LastLook,
    told_events: bool,
    told_writer: bool,
}

impl<'a> Wheel<'a> {
    pub(super) fn new(lane: &'a Lane, outlets: &'a Outlets) -> Wheel<'a> {
        Wheel {
            lane,
            outlets,
            calls: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            slices: vec![Vec::new(); SLICES],
            bridged: Default::default(),
            running: 0,
            base: Base::now(),
            start: Instant::now(),
            slice: 0,
            hurried: 0,
            gauge: Gauge::default(),
            last_look: LastLook::now(lane),
            told_events: false,
            told_writer: false,
        }
    }

    /// Runs until it is stopped.
    pub(super) fn run(&mut self) {
        while self.read_inbox() {
            self.flush();
            if self.running == 0 {
                self.lane.strained.store(false, Relaxed);
                std::thread::park();
                self.last_look = LastLook::now(self.lane);
                self.base = Base::now();
                self.start = Instant::now();
                self.slice = 0;
                continue;
            }
            let slice = self.next_slice();
            let due = self.start + Duration::from_millis(slice);
            self.sleep_until(due);
            // what begins now begins from here on, not in slices that nobody was in
            self.slice = slice - 1;
            if !self.read_inbox() {
                break;
            }
            self.run_slice(slice, due);
            self.flush();
            self.look();
        }
        let ids: Vec<u64> = self.by_id.keys().copied().collect();
        ids.into_iter().for_each(|id| self.close(id));
        self.flush();
    }

    /// The next slice with calls that tick or read, soon enough to hear what is told.
    fn next_slice(&self) -> u64 {
        let next = self.slice + 1;
        let occupied = |slice: &u64| {
            !self.slices[(slice % SLICES as u64) as usize].is_empty()
                || !self.bridged[(slice % EARLY as u64) as usize].is_empty()
        };
        (next..next + ATTENTIVE).find(occupied).unwrap_or(next + ATTENTIVE - 1)
    }

    fn sleep_until(&mut self, due: Instant) {
        if Instant::now() < due {
            self.hurried = 0;
            self.base.sleep_until(due);
        } else {
            self.hurried += 1;
            if self.hurried >= BREATH_AFTER {
                self.hurried = 0;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn run_slice(&mut self, slice: u64, due: Instant) {
        let now = Instant::now();
        let late = now.saturating_duration_since(due);
        self.slice = slice;
        if late > CATCH_UP {
            self.skip((late.as_micros() / ROUND.as_micros()) as u32);
        }
        self.read_bridged(slice, now);
        // out of the wheel while it runs: a tick changes no slice
        let places = std::mem::take(&mut self.slices[(slice % SLICES as u64) as usize]);
        self.lane.counters.ran(places.len() as u64, late);
        for (number, place) in places.iter().enumerate() {
            self.fetch_ahead(&places[number + 1..]);
            if let Some(Call { id, socket, events, media: Media::Running(running), .. }) = &mut self.calls[*place] {
                running.tick(socket, now, &self.lane.counters);
                drain(&mut running.session, *id, events, self.outlets, (&mut self.told_events, &mut self.told_writer));
            }
        }
        self.slices[(slice % SLICES as u64) as usize] = places;
    }

    /// The next calls' memory comes while this one is in the kernel: thousands of calls fit no cache, and waiting for their lines was a third of a tick.
    fn fetch_ahead(&self, next: &[usize]) {
        if let Some(call) = next.get(1).and_then(|place| self.calls[*place].as_ref()) {
            fetch(call);
        }
        if let Some(Some(Call { media: Media::Running(running), .. })) = next.first().map(|place| &self.calls[*place]) {
            fetch(&**running);
        }
    }

    /// Once a second: has this thread room for more?
    fn look(&mut self) {
        let (now, before) = (Instant::now(), self.last_look);
        let gone = now.saturating_duration_since(before.at);
        if gone < LOOK {
            return;
        }
        self.last_look = LastLook::now(self.lane);
        let look = Look {
            busy: self.last_look.cpu.saturating_sub(before.cpu).as_secs_f64() / gone.as_secs_f64(),
            ticks: self.last_look.ticks - before.ticks,
            late: self.last_look.late - before.late,
        };
        self.lane.strained.store(self.gauge.look(look), Relaxed);
    }

    /// Reads of the bridged calls whose turn it is.
    fn read_bridged(&mut self, slice: u64, now: Instant) {
        for place in &self.bridged[(slice % EARLY as u64) as usize] {
            if let Some(Call { id, socket, events, media: Media::Running(running), .. }) = &mut self.calls[*place] {
                running.read_early(socket, now, &self.lane.counters);
                drain(&mut running.session, *id, events, self.outlets, (&mut self.told_events, &mut self.told_writer));
            }
        }
    }

    /// Leaves out `rounds` of all slices: the machine stood still.
    fn skip(&mut self, rounds: u32) {
        self.slice += u64::from(rounds) * SLICES as u64;
        let mut skipped = 0;
        for call in self.calls.iter_mut().flatten() {
            if let Media::Running(running) = &mut call.media {
                running.session.skip(rounds * SLICES as u32);
                skipped += u64::from(rounds) * call.phase.slices().count() as u64;
            }
        }
        self.lane.counters.skipped_ticks.fetch_add(skipped, Relaxed);
    }

    /// Does what it is told; false when it is told to stop.
    fn read_inbox(&mut self) -> bool {
        while let Some(message) = self.lane.inbox.take() {
            match message {
                Message::Open { call, socket, events } => self.open(call, socket, events),
                Message::Start { call, remote, control, protection, params } => {
                    let now = Instant::now();
                    self.start(call, |socket| {
                        socket.control = control;
                        Running::new(Session::new(params, now), remote, protection, socket, now)
                    });
                }
                Message::Move { call, remote } => self.moves(call, remote),
                Message::Rekey { call, keys } => {
                    if let Some((_, Call { media: Media::Running(running), .. })) = self.call(call) {
                        running.rekey(keys);
                    }
                }
                Message::Command { call, command } => self.command(call, command),
                Message::Close { call } => self.close(call),
                Message::Stop => return false,
            }
        }
        true
    }

    fn open(&mut self, id: u64, socket: CallSocket, events: UnboundedSender<Event>) {
        let call = Some(Call { id, socket, events, media: Media::Waiting(Vec::new()), phase: Phase::default() });
        let place = match self.free.pop() {
            Some(place) => {
                self.calls[place] = call;
                place
            }
            None => {
                self.calls.push(call);
                self.calls.len() - 1
            }
        };
        self.by_id.insert(id, place);
    }

    fn start(&mut self, id: u64, running: impl FnOnce(&mut CallSocket) -> Running) {
        let Some((place, call)) = self.call(id) else { return };
        let Media::Waiting(commands) = &mut call.media else { return }; // started already
        let commands = std::mem::take(commands);
        let running = Box::new(running(&mut call.socket));
        let every = running.session.packet_ms() as usize;
        call.media = Media::Running(running);
        self.running += 1;
        let phase = self.phase(every);
        phase.slices().for_each(|slice| self.slices[slice].push(place));
        if let Some(call) = &mut self.calls[place] {
            call.phase = phase;
        }
        commands.into_iter().for_each(|command| self.command(id, command));
    }

    fn moves(&mut self, id: u64, remote: Remote) {
        let counters = &self.lane.counters;
        if let Some((_, Call { media: Media::Running(running), socket, .. })) = self.call(id) {
            running.moves(remote, socket, Instant::now(), counters);
        }
    }

    /// The emptiest of the next slices, and each `every`th from there.
    fn phase(&self, every: usize) -> Phase {
        let next = self.slice as usize + 1;
        let soon = (next..next + every.min(FIRST_WITHIN)).map(|slice| slice % SLICES);
        let first = soon.min_by_key(|slice| self.slices[*slice].len()).unwrap_or(0);
        Phase { first, every }
    }

    fn command(&mut self, id: u64, command: Command) {
        let outlets = self.outlets;
        let Some(place) = self.by_id.get(&id).copied() else { return };
        let Some(call) = self.calls[place].as_mut() else { return };
        match &mut call.media {
            Media::Waiting(commands) if commands.len() < MAX_WAITING => commands.push(command),
            Media::Waiting(_) => {}
            Media::Running(running) => {
                running.session.handle(command, Instant::now());
                let told = (&mut self.told_events, &mut self.told_writer);
                drain(&mut running.session, id, &call.events, outlets, told);
                let bridged = &mut self.bridged[place % EARLY];
                bridged.retain(|other| *other != place);
                if running.session.is_bridged() {
                    bridged.push(place);
                }
            }
        }
    }

    fn close(&mut self, id: u64) {
        let Some(place) = self.by_id.remove(&id) else { return };
        let Some(mut call) = self.calls[place].take() else { return };
        self.free.push(place);
        if let Media::Running(running) = &mut call.media {
            self.running -= 1;
            call.phase.slices().for_each(|slice| self.slices[slice].retain(|other| *other != place));
            self.bridged.iter_mut().for_each(|slice| slice.retain(|other| *other != place));
            running.goodbye(&call.socket, Instant::now(), &self.lane.counters);
            running.session.close();
            let told = (&mut self.told_events, &mut self.told_writer);
            drain(&mut running.session, id, &call.events, self.outlets, told);
        }
        self.outlets.notices.put(Notice::Retired(call.socket));
        self.told_events = true;
    }

    fn call(&mut self, id: u64) -> Option<(usize, &mut Call)> {
        let place = *self.by_id.get(&id)?;
        Some((place, self.calls[place].as_mut()?))
    }

    /// At most one wake of each other thread for a slice.
    fn flush(&mut self) {
        if std::mem::take(&mut self.told_events) {
            self.outlets.notices.wake();
        }
        if std::mem::take(&mut self.told_writer) {
            self.outlets.writer.wake();
        }
    }
}

/// What a thread had done when it was last looked at.
#[derive(Clone, Copy)]
struct LastLook {
    at: Instant,
    cpu: Duration,
    ticks: u64,
    late: u64,
}

impl LastLook {
    fn now(lane: &Lane) -> LastLook {
        let (ticks, late) = (lane.counters.ticks.load(Relaxed), lane.counters.late_ticks.load(Relaxed));
        LastLook { at: Instant::now(), cpu: thread_cpu(), ticks, late }
    }
}

/// Hands out what a session has to say; the wakes come later.
fn drain(
    session: &mut Session,
    call: u64,
    events: &UnboundedSender<Event>,
    outlets: &Outlets,
    (told_events, told_writer): (&mut bool, &mut bool),
) {
    while let Some(event) = session.poll_event() {
        outlets.notices.put(Notice::Event(events.clone(), event));
        *told_events = true;
    }
    let mut write = |track, output| {
        outlets.writer.put(Job::Output { call, track, output, events: events.clone() });
        *told_writer = true;
    };
    while let Some(output) = session.poll_recording() {
        write(Track::Customer, output);
    }
    while let Some(output) = session.poll_call_recording() {
        write(Track::Call, output);
    }
}
