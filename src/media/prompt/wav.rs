//! WAV bytes to 8 kHz samples: 16-bit PCM, mono, 8 or 16 kHz (hound reads the RIFF). 16 kHz is halved behind a low-pass, since G.711 has nothing above 4 kHz.

use std::sync::LazyLock;

/// Taps of the low-pass; odd, so that it delays by whole samples, which are taken back.
const TAPS: usize = 63;
/// Below this peak (−44 dBFS) a recording is silent.
const SILENT_PEAK: u16 = 200;
/// That many samples in a row at the end of the range are clipping.
const CLIPPED_RUN: usize = 3;
/// Longest prompt in seconds.
const MAX_SECONDS: usize = 300;

/// What is wrong with a WAV file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WavProblem {
    /// hound cannot read it, or it ends too early.
    #[error("the file is no sound WAV file: {0}")]
    Broken(String),
    /// Another rate, another width, or several channels.
    #[error(
        "the format is {channels} channels of {bits} bits {kind} at {rate} Hz; it must be mono, 16 bits PCM, 8000 or 16000 Hz"
    )]
    Format {
        /// Number of channels.
        channels: u16,
        /// Bits for a sample.
        bits: u16,
        /// `integer` or `float`.
        kind: &'static str,
        /// Samples a second.
        rate: u32,
    },
    /// No samples.
    #[error("the recording is empty")]
    Empty,
    /// Longer than any prompt.
    #[error("the recording is longer than {MAX_SECONDS} s")]
    TooLong,
}

/// A recording that was read.
pub struct Recording {
    /// At 8 kHz.
    pub samples: Vec<i16>,
    /// Of the file.
    pub length_ms: u64,
    /// No sample is louder than −44 dBFS.
    pub silent: bool,
    /// Runs of samples at the end of the range.
    pub clipped: usize,
}

/// Reads a WAV file.
pub fn read(bytes: &[u8]) -> Result<Recording, WavProblem> {
    let broken = |error: hound::Error| WavProblem::Broken(error.to_string());
    let mut reader = hound::WavReader::new(bytes).map_err(broken)?;
    let spec = reader.spec();
    let integer = spec.sample_format == hound::SampleFormat::Int;
    if spec.channels != 1 || spec.bits_per_sample != 16 || !integer || !matches!(spec.sample_rate, 8_000 | 16_000) {
        let kind = if integer { "integer" } else { "float" };
        let (channels, bits, rate) = (spec.channels, spec.bits_per_sample, spec.sample_rate);
        return Err(WavProblem::Format { channels, bits, kind, rate });
    }
    let limit = MAX_SECONDS * spec.sample_rate as usize;
    let samples = reader.samples::<i16>().take(limit + 1).collect::<Result<Vec<i16>, _>>().map_err(broken)?;
    if samples.is_empty() {
        return Err(WavProblem::Empty);
    }
    if samples.len() > limit {
        return Err(WavProblem::TooLong);
    }
    Ok(Recording {
        length_ms: samples.len() as u64 * 1000 / u64::from(spec.sample_rate),
        silent: samples.iter().all(|sample| sample.unsigned_abs() < SILENT_PEAK),
        clipped: clipped_runs(&samples),
        samples: if spec.sample_rate == 16_000 { halve(&samples) } else { samples },
    })
}

fn clipped_runs(samples: &[i16]) -> usize {
    let same_end = |a: &i16, b: &i16| a == b && matches!(*a, i16::MAX | i16::MIN);
    samples.chunk_by(same_end).filter(|run| run.len() >= CLIPPED_RUN).count()
}

/// A windowed-sinc low-pass (Blackman) at 3.6 kHz of 16 kHz: flat to 3.2 kHz, below −50 dB from 4.2 kHz.
static LOW_PASS: LazyLock<[f32; TAPS]> = LazyLock::new(|| {
    let cutoff = 3_600.0 / 16_000.0;
    let mut taps = std::array::from_fn::<f64, TAPS, _>(|index| {
        let x = index as f64 - (TAPS / 2) as f64;
        let turn = 2.0 * std::f64::consts::PI * index as f64 / (TAPS - 1) as f64;
        let window = 0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos();
        let angle = 2.0 * std::f64::consts::PI * cutoff * x;
        window * if x == 0.0 { 2.0 * cutoff } else { angle.sin() / (std::f64::consts::PI * x) }
    });
    let sum: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= sum);
    taps.map(|tap| tap as f32)
});

/// 16 kHz to 8 kHz.
fn halve(samples: &[i16]) -> Vec<i16> {
    let mut padded = vec![0.0f32; TAPS / 2];
    padded.extend(samples.iter().map(|sample| f32::from(*sample)));
    padded.resize(samples.len() + TAPS - 1, 0.0);
    let filter = |window: &[f32]| window.iter().zip(LOW_PASS.iter()).map(|(sample, tap)| sample * tap).sum::<f32>();
    // as i16 saturates
    padded.windows(TAPS).step_by(2).map(|window| filter(window).round() as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: f64) -> Vec<i16> {
        let sample = |index: i32| (10_000.0 * (2.0 * std::f64::consts::PI * hz * f64::from(index) / rate).sin()) as i16;
        (0..16_000).map(sample).collect()
    }

    fn level_db(samples: &[i16]) -> f64 {
        let middle = &samples[200..samples.len() - 200];
        let power = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / middle.len() as f64;
        10.0 * (power / (10_000.0f64.powi(2) / 2.0)).max(1e-12).log10()
    }

    #[test]
    fn halving_keeps_speech_and_stops_what_would_fold_back() {
        for hz in [300.0, 1_000.0, 2_000.0, 3_000.0] {
            assert!(level_db(&halve(&tone(hz, 16_000.0))).abs() < 0.2, "{hz} Hz passes");
        }
        for hz in [4_300.0, 5_000.0, 6_500.0, 7_900.0] {
            assert!(level_db(&halve(&tone(hz, 16_000.0))) < -48.0, "{hz} Hz is stopped");
        }
    }

    #[test]
    fn halving_neither_shifts_nor_scales() {
        let halved = halve(&tone(440.0, 16_000.0));
        let straight = tone(440.0, 8_000.0);
        assert_eq!(halved.len(), 8_000);
        let off = halved.iter().zip(&straight).skip(100).take(7_000).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off < Some(30), "at most {off:?} of 10000 apart");
    }

    #[test]
    fn clipping_is_a_run() {
        assert_eq!(clipped_runs(&[i16::MAX, i16::MAX, 0, i16::MIN, i16::MIN, i16::MIN, 5, i16::MAX]), 1);
        assert_eq!(clipped_runs(&[i16::MAX, i16::MAX, i16::MIN, i16::MIN]), 0);
    }
}
