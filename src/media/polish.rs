//! What is made of a recording before somebody listens to it: the silence around the words is cut off, and all are of like level. Pure; on the writer's thread.

use super::FRAME_SAMPLES;
use super::level::{decibels, level_db};

/// Softer frames are silence, in dB below full scale; on a noisy line the noise is.
const FAINT_DB: f64 = -48.0;
const ABOVE_NOISE_DB: f64 = 8.0;
/// So many frames (200 ms) stay before the first word and after the last one.
const MARGIN: usize = 10;
/// Shorter sounds (60 ms) are clicks.
const WORD: usize = 3;
/// The level of the words in the end.
const TARGET_DB: f64 = -20.0;
/// Nothing is raised or lowered by more.
const MOST_DB: f64 = 20.0;
/// No sample is louder in the end: −1 dB.
const PEAK: f64 = 29_204.0;

/// The recording trimmed and levelled; none when nobody says anything in it.
pub fn polish(samples: &[i16]) -> Option<Vec<i16>> {
    let levels: Vec<f64> = samples.chunks(FRAME_SAMPLES).map(level_db).collect();
    let floor = noise_db(&levels);
    let loud: Vec<bool> = levels.iter().map(|level| *level > FAINT_DB && *level > floor + ABOVE_NOISE_DB).collect();
    let word = |window: &[bool]| window.iter().all(|loud| *loud);
    let first = loud.windows(WORD).position(word)?;
    let last = loud.windows(WORD).rposition(word)? + WORD;
    let from = first.saturating_sub(MARGIN) * FRAME_SAMPLES;
    let to = ((last + MARGIN) * FRAME_SAMPLES).min(samples.len());
    let spoken = samples.chunks(FRAME_SAMPLES).zip(&loud).filter(|(_, loud)| **loud).flat_map(|(frame, _)| frame);
    let gain = gain(spoken.copied(), samples.get(from..to)?);
    Some(samples[from..to].iter().map(|sample| (f64::from(*sample) * gain).round() as i16).collect())
}

/// By what the words are raised or lowered.
fn gain(spoken: impl Iterator<Item = i16>, kept: &[i16]) -> f64 {
    let (power, count) = spoken.fold((0.0, 0), |(power, count), s| (power + f64::from(s) * f64::from(s), count + 1));
    let wanted = (TARGET_DB - decibels(power, count)).clamp(-MOST_DB, MOST_DB);
    let peak = kept.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(1.0, f64::max);
    10f64.powf(wanted / 20.0).min(PEAK / peak)
}

/// The level that a tenth of the frames stay below: what is there when nobody talks. Recordings that are all words have none.
fn noise_db(levels: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = levels.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quiet = sorted.get(sorted.len() / 10).copied().unwrap_or(-100.0);
    quiet.min(-40.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    fn voice(ms: usize, peak: f64) -> Vec<i16> {
        let sample = |n: usize| {
            let t = n as f64 / 8_000.0;
            peak * (TAU * 180.0 * t).sin() * (0.6 + 0.4 * (TAU * 3.0 * t).sin())
        };
        (0..ms * 8).map(|n| sample(n) as i16).collect()
    }

    fn noise(ms: usize, peak: i32) -> Vec<i16> {
        let sample = |n: u32| (n.wrapping_mul(2_654_435_761).rotate_left(13) % 2_000) as i32 - 1_000;
        (0..ms as u32 * 8).map(|n| (sample(n) * peak / 1_000) as i16).collect()
    }

    fn active_db(samples: &[i16]) -> f64 {
        let loud: Vec<i16> = samples.chunks(160).filter(|f| level_db(f) > -35.0).flatten().copied().collect();
        level_db(&loud)
    }

    #[test]
    fn silence_around_the_words_goes_and_a_margin_stays() {
        let whole = [noise(1_500, 30), voice(2_000, 4_000.0), noise(4_000, 30)].concat();
        let polished = polish(&whole).expect("words");
        let ms = polished.len() / 8;
        assert!((2_300..=2_500).contains(&ms), "{ms} ms");
    }

    #[test]
    fn soft_and_loud_words_end_at_one_level_and_nothing_is_clipped() {
        for peak in [600.0, 2_000.0, 8_000.0, 32_000.0] {
            let polished = polish(&[noise(500, 10), voice(3_000, peak), noise(500, 10)].concat()).expect("words");
            let level = active_db(&polished);
            assert!((level - TARGET_DB).abs() < 2.5, "{peak}: {level:.1} dB");
            assert!(polished.iter().all(|sample| f64::from(sample.unsigned_abs()) <= PEAK));
        }
    }

    #[test]
    fn who_says_nothing_leaves_no_recording() {
        assert_eq!(polish(&[]), None);
        assert_eq!(polish(&noise(5_000, 60)), None);
        let click = [noise(1_000, 20), voice(40, 9_000.0), noise(1_000, 20)].concat();
        assert_eq!(polish(&click), None, "a click is no word");
    }

    #[test]
    fn pauses_between_words_stay() {
        let whole = [voice(500, 5_000.0), noise(1_500, 20), voice(500, 5_000.0)].concat();
        assert_eq!(polish(&whole).expect("words").len(), whole.len());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_grows(samples in prop::collection::vec(any::<i16>(), 0..4_000)) {
            if let Some(polished) = polish(&samples) {
                prop_assert!(polished.len() <= samples.len());
                prop_assert!(polished.iter().all(|sample| f64::from(sample.unsigned_abs()) <= PEAK + 1.0));
            }
        }
    }
}
