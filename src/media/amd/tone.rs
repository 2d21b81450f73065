//! Single tones that last: the beep of a machine, the calls of a fax (ITU-T T.30), the information tones of the network (ITU-T E.180). A frame is a tone when each
//! of its samples follows from the two before it, as those of one sine do; speech never does for long, two tones at once never do at all.

use crate::media::{FRAME_SAMPLES, SAMPLE_RATE};

/// Softer frames are no tone, in dB below full scale.
const FAINT_DB: f32 = -38.0;
/// What the recurrence leaves unexplained, in parts of the power.
const RESIDUE: f32 = 0.03;
/// A tone stays within so many parts of its frequency, and so many dB of its level.
const STEADY: f32 = 0.012;
const STEADY_DB: f32 = 3.0;
/// Beeps are so high, in Hz.
const BEEP_HZ: std::ops::RangeInclusive<f32> = 500.0..=2_500.0;
/// Frames of a beep at least (160 ms), and at most (2 s): longer ones are no beep of a machine.
const BEEP: std::ops::RangeInclusive<u32> = 8..=100;
/// Frames of fax tones (CNG is 500 ms on, CED 2.6 s and more).
const FAX: u32 = 20;
/// A tone may have so many holes in a row, of lost packets.
const HOLES: u32 = 2;
/// After a beep so many frames (120 ms) are silent; after a vowel that sounds like one the word goes on.
const AFTER: u32 = 6;

/// What was recognised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// A beep has ended, and nobody says anything after it.
    Beep,
    /// CNG or CED of a fax.
    Fax,
    /// The second of three information tones has just ended.
    Information,
    /// A tone is going on.
    Steady,
}

/// Follows one tone.
#[derive(Clone, Copy, Default, Debug)]
pub struct ToneWatch {
    hz: f32,
    level: f32,
    frames: u32,
    holes: u32,
    /// The last tone that was a beep by its length and pitch, and the frames of silence since.
    ended: Option<(f32, u32)>,
}

impl ToneWatch {
    /// The next 20 ms, of this level in dB.
    pub fn frame(&mut self, frame: &[i16; FRAME_SAMPLES], level: f32) -> Option<Tone> {
        let hz = (level > FAINT_DB).then(|| frequency(frame)).flatten();
        match hz {
            Some(hz) if self.frames > 0 && self.goes_on(hz, level) => {
                self.holes = 0;
                self.hz += (hz - self.hz) / (self.frames + 1) as f32;
                self.frames += 1;
                let fax = [1_100.0f32, 2_100.0].iter().any(|fax| (self.hz - fax).abs() < 38.0);
                Some(if fax && self.frames == FAX { Tone::Fax } else { Tone::Steady })
            }
            None if self.frames > 0 && self.holes < HOLES => {
                self.holes += 1;
                None
            }
            other => {
                let before = self.ended;
                self.close(level);
                if let Some(hz) = other {
                    (self.hz, self.level, self.frames) = (hz, level, 1);
                }
                self.of_ended(before, level)
            }
        }
    }

    fn goes_on(&self, hz: f32, level: f32) -> bool {
        (hz - self.hz).abs() <= STEADY * self.hz && (level - self.level).abs() <= STEADY_DB
    }

    /// The tone that was followed is over.
    fn close(&mut self, level: f32) {
        let frames = std::mem::take(&mut self.frames);
        if BEEP.contains(&frames) && BEEP_HZ.contains(&self.hz) {
            let silent = if level > FAINT_DB { 0 } else { std::mem::take(&mut self.holes) + 1 };
            self.ended = Some((self.hz, silent));
        } else if level > FAINT_DB {
            self.ended = None; // somebody talks: it was a vowel
        }
        self.holes = 0;
    }

    /// What the ended tone was: the second of two information tones, or a beep once it was silent for long enough.
    fn of_ended(&mut self, before: Option<(f32, u32)>, level: f32) -> Option<Tone> {
        let near = |hz: f32, tone: f32| (hz - tone).abs() < 60.0;
        let (hz, silent) = self.ended?;
        if let Some((first, _)) = before.filter(|(first, _)| *first != hz)
            && (near(first, 950.0) && near(hz, 1_400.0) || near(first, 1_400.0) && near(hz, 1_800.0))
        {
            return Some(Tone::Information);
        }
        if level <= FAINT_DB {
            self.ended = Some((hz, silent + 1));
            if silent + 1 >= AFTER {
                self.ended = None;
                return Some(Tone::Beep);
            }
        }
        None
    }
}

/// Samples that are summed side by side, so that the compiler can make vectors of them.
const LANES: usize = 8;
/// Groups of them in a frame, two samples short of its end.
const GROUPS: usize = (FRAME_SAMPLES - 2) / LANES;

/// The frequency of a frame that is one sine: x(n) + x(n−2) = 2·cos ω·x(n−1).
fn frequency(frame: &[i16; FRAME_SAMPLES]) -> Option<f32> {
    let x: [f32; FRAME_SAMPLES] = std::array::from_fn(|n| f32::from(frame[n]));
    let (mut cross, mut middle, mut outer) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    for group in 0..GROUPS {
        for lane in 0..LANES {
            let n = group * LANES + lane;
            let (sides, b) = (x[n] + x[n + 2], x[n + 1]);
            cross[lane] += b * sides;
            middle[lane] += b * b;
            outer[lane] += sides * sides;
        }
    }
    let [cross, middle, outer] = [cross, middle, outer].map(|lanes| lanes.iter().sum::<f32>());
    if middle <= 0.0 {
        return None;
    }
    let twice_cos = cross / middle;
    let residue = outer - twice_cos * cross;
    if residue > RESIDUE * 2.0 * middle || twice_cos.abs() >= 2.0 {
        return None;
    }
    Some((twice_cos / 2.0).acos() * SAMPLE_RATE as f32 / std::f32::consts::TAU)
}
