//! Keys that come as tones in the audio (ITU-T Q.23, Q.24; ETSI ES 201 235-3), for trunks that agree on no telephone-event. Samples in, presses out, each once.
//!
//! A window of 20 ms moves by 5 ms. A window holds a key when one tone of each group stands out, the two are of like level, and together they are most of the
//! power. A press is [`PRESS`] such windows of one key whose tones are at their frequencies: that is told from how their phases move from window to
//! window, far finer than the filters part frequencies. docs/keys.md has what was measured for each clause.

mod bank;

use bank::{Bank, HOP, TONES, Window};

/// Windows in a row until a key is a press: 40 ms of tone give at least so many, 23 ms never do.
const PRESS: u32 = 6;
/// Windows without the key until it is let go: 20 ms. An interruption of 10 ms is shorter, a pause of 40 ms longer.
const RELEASE: u32 = 4;
/// Smallest amplitude of a tone: −32 dBm0.
const SOFTEST: f32 = 560.0;
/// The low tone may be stronger by so much (8 dB asked for), in power.
const TWIST: f32 = 8.9;
/// The high tone may be stronger by so much (4 dB asked for), in power.
const REVERSE_TWIST: f32 = 3.55;
/// The other tones of a group are weaker than this part of the strongest, in amplitude.
const ALONE: f32 = 0.45;
/// Part of the power that is the two tones.
const SHARE: f32 = 0.60;
/// The same while a key is held.
const SHARE_HELD: f32 = 0.35;
/// A held key has at least this part of its amplitude.
const HELD: f32 = 0.35;
/// No more than this part of the power is put down to a dial tone.
const DIAL: f32 = 0.75;
/// A tone is so near to its frequency; 1.5 % must pass, 3.5 % must not.
const OFF: f32 = 0.025;
/// A hole of up to so many samples (60 ms) does not end a press.
const HOLE: i32 = 480;
/// Keys by low and high tone.
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// One tone of each group: the indexes in [`TONES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pair {
    low: usize,
    high: usize,
}

impl Pair {
    fn key(self) -> char {
        KEYS[self.low][self.high - 4]
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// A key for so many windows, and how far the phases of its tones moved.
    Maybe {
        pair: Pair,
        windows: u32,
        missed: u32,
        turns: [Turn; 2],
    },
    /// A press that was told; missed for so many windows.
    Held {
        pair: Pair,
        amplitude: f32,
        missed: u32,
    },
}

/// Sum of the products of one window with the conjugate of the one before: its angle is how far a tone is off.
#[derive(Clone, Copy, Default, Debug)]
struct Turn {
    re: f32,
    im: f32,
}

impl Turn {
    fn add(self, before: &Window, now: &Window, tone: usize) -> Turn {
        let (a, b) = ((before.re[tone], before.im[tone]), (now.re[tone], now.im[tone]));
        Turn { re: self.re + b.0 * a.0 + b.1 * a.1, im: self.im + b.1 * a.0 - b.0 * a.1 }
    }

    /// How far off the tone is, in parts of its frequency.
    fn off(self, tone: usize) -> f32 {
        let hops_a_second = crate::media::SAMPLE_RATE as f32 / HOP as f32;
        (self.im.atan2(self.re) / std::f32::consts::TAU * hops_a_second / TONES[tone]).abs()
    }
}

/// The detector of one call.
#[derive(Clone, Debug)]
pub struct Detector {
    bank: Bank,
    before: Option<Window>,
    state: State,
    next: Option<u32>,
}

impl Default for Detector {
    fn default() -> Detector {
        Detector { bank: Bank::default(), before: None, state: State::Idle, next: None }
    }
}

impl Detector {
    /// Takes the samples of a packet stamped `timestamp`; `press` is told each key once. What comes late or twice is passed over.
    pub fn audio(&mut self, timestamp: u32, samples: &[i16], mut press: impl FnMut(char)) {
        let step = self.next.map_or(0, |next| crate::media::rtp::ticks_between(next, timestamp));
        if (-HOLE..0).contains(&step) {
            return;
        }
        if !(0..=HOLE).contains(&step) {
            (self.bank, self.before, self.state) = (Bank::default(), None, State::Idle);
        }
        self.next = Some(timestamp.wrapping_add(samples.len() as u32));
        let mut rest = samples;
        while !rest.is_empty() {
            let (taken, window) = self.bank.take(rest);
            rest = &rest[taken..];
            if let Some(window) = window {
                if let Some(key) = self.window(&window) {
                    press(key);
                }
                self.before = Some(window);
            }
        }
    }

    fn window(&mut self, window: &Window) -> Option<char> {
        match self.state {
            State::Idle => {
                if let Some(pair) = pair(window) {
                    self.state = State::Maybe { pair, windows: 1, missed: 0, turns: [Turn::default(); 2] };
                }
                None
            }
            State::Maybe { pair: before, windows, missed, turns } => {
                let now = pair(window);
                if now != Some(before) {
                    self.state = match now {
                        Some(pair) => State::Maybe { pair, windows: 1, missed: 0, turns: [Turn::default(); 2] },
                        None if missed < RELEASE / 2 => {
                            State::Maybe { pair: before, windows, missed: missed + 1, turns }
                        }
                        None => State::Idle,
                    };
                    return None;
                }
                self.longer(window, before, windows + 1, turns)
            }
            State::Held { pair, amplitude, missed } => {
                let missed = if still(window, pair, amplitude) { 0 } else { missed + 1 };
                self.state = if missed < RELEASE { State::Held { pair, amplitude, missed } } else { State::Idle };
                None
            }
        }
    }

    /// One more window of the same key: a press, once there are enough and the tones are where they belong.
    fn longer(&mut self, window: &Window, pair: Pair, windows: u32, turns: [Turn; 2]) -> Option<char> {
        let turns = match &self.before {
            Some(before) => [turns[0].add(before, window, pair.low), turns[1].add(before, window, pair.high)],
            None => turns,
        };
        if windows < PRESS {
            self.state = State::Maybe { pair, windows, missed: 0, turns };
            return None;
        }
        if turns[0].off(pair.low) > OFF || turns[1].off(pair.high) > OFF {
            // no key so far; it may become one when what was before is forgotten
            self.state = State::Maybe { pair, windows: PRESS / 2, missed: 0, turns: [Turn::default(); 2] };
            return None;
        }
        let amplitude = window.amplitude(pair.low).min(window.amplitude(pair.high));
        self.state = State::Held { pair, amplitude, missed: 0 };
        Some(pair.key())
    }
}

/// The key that a window holds.
fn pair(window: &Window) -> Option<Pair> {
    let amplitudes: [f32; 8] = std::array::from_fn(|tone| window.amplitude(tone));
    let pair = Pair { low: alone(&amplitudes, 0)?, high: alone(&amplitudes, 4)? };
    let (low, high) = (amplitudes[pair.low].powi(2), amplitudes[pair.high].powi(2));
    let like = low <= high * TWIST && high <= low * REVERSE_TWIST;
    (like && share(window, low + high) >= SHARE).then_some(pair)
}

/// The tone of a group (its four from `first` on) that stands out.
fn alone(amplitudes: &[f32; 8], first: usize) -> Option<usize> {
    let group = first..first + 4;
    let strongest = group.clone().max_by(|a, b| amplitudes[*a].total_cmp(&amplitudes[*b]))?;
    let alone = group.filter(|tone| *tone != strongest).all(|tone| amplitudes[tone] <= ALONE * amplitudes[strongest]);
    (alone && amplitudes[strongest] >= SOFTEST).then_some(strongest)
}

/// Whether a held key is still there.
fn still(window: &Window, pair: Pair, amplitude: f32) -> bool {
    let (low, high) = (window.amplitude(pair.low), window.amplitude(pair.high));
    low.min(high) >= HELD * amplitude && share(window, low * low + high * high) >= SHARE_HELD
}

/// Part of the power that is two tones whose squared amplitudes add up to `squares`; a dial tone beneath them does not count.
fn share(window: &Window, squares: f32) -> f32 {
    let dial = window.dial.min(DIAL * window.power);
    squares / 2.0 / (window.power - dial).max(1.0)
}

#[cfg(test)]
mod tests;
