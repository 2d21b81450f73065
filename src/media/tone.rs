//! How much of a sound is one frequency (Goertzel's algorithm): the simulated callee's ear, and what tests hear with.

use super::SAMPLE_RATE;
use std::f64::consts::TAU;

/// The share of `hz` in the power of `samples`, 0–1, and their mean power; 0 of nothing.
pub fn share(hz: f64, samples: &[i16]) -> (f64, f64) {
    let turn = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE)).cos();
    let (mut a, mut b, mut power) = (0.0, 0.0, 0.0);
    for sample in samples.iter().map(|sample| f64::from(*sample)) {
        (a, b) = (sample + turn * a - b, a);
        power += sample * sample;
    }
    if power <= 0.0 {
        return (0.0, 0.0);
    }
    let count = samples.len() as f64;
    (2.0 * (a * a + b * b - turn * a * b) / (power * count), power / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, peak: f64) -> Vec<i16> {
        (0..1_600).map(|n| (peak * (TAU * hz * f64::from(n) / 8_000.0).sin()) as i16).collect()
    }

    #[test]
    fn the_share_tells_a_tone_from_others() {
        let (all, power) = share(440.0, &tone(440.0, 3_000.0));
        assert!(all > 0.99 && (power / 4_500_000.0 - 1.0).abs() < 0.01, "{all} {power}");
        for hz in [392.0, 466.2, 523.3, 880.0] {
            assert!(share(440.0, &tone(hz, 3_000.0)).0 < 0.05, "{hz}");
        }
        let two: Vec<i16> = tone(440.0, 3_000.0).iter().zip(tone(660.0, 3_000.0)).map(|(a, b)| a + b).collect();
        assert!(share(440.0, &two).0 < 0.6, "a chord");
        assert_eq!(share(440.0, &[0; 100]), (0.0, 0.0));
    }
}
