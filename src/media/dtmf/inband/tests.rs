//! The in-band detector against generated signals, clause by clause, and against speech. Everything passes through A-law, as on a trunk.

use super::*;
use crate::media::Codec;
use crate::media::random::Random;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

mod figures;

/// Peak of a sine of 0 dBm0 in 16 bits (ITU-T G.711: the code's maximum is at +3.14 dBm0).
const ZERO_DBM0: f64 = 32_124.0 / 1.4355;

/// What a key is made of.
#[derive(Clone, Copy)]
struct Tone {
    key: char,
    /// Level of each tone, in dBm0.
    low_dbm0: f64,
    high_dbm0: f64,
    /// How far both frequencies are off, in percent.
    off: f64,
    ms: f64,
}

impl Tone {
    fn of(key: char, ms: f64) -> Tone {
        Tone { key, low_dbm0: -10.0, high_dbm0: -10.0, off: 0.0, ms }
    }
}

fn tones_of(key: char) -> (f64, f64) {
    let (low, row) = KEYS.iter().enumerate().find(|(_, row)| row.contains(&key)).expect("a key");
    let high = row.iter().position(|other| *other == key).expect("a key");
    (f64::from(TONES[low]), f64::from(TONES[high + 4]))
}

/// A signal that grows piece by piece.
#[derive(Clone, Default)]
struct Signal(Vec<f64>);

impl Signal {
    fn silence(mut self, ms: f64) -> Signal {
        self.0.extend(vec![0.0; (ms * 8.0) as usize]);
        self
    }

    fn tone(mut self, tone: Tone) -> Signal {
        let (low, high) = tones_of(tone.key);
        let amplitude = |dbm0: f64| ZERO_DBM0 * 10f64.powf(dbm0 / 20.0);
        let start = self.0.len();
        for n in 0..(tone.ms * 8.0) as usize {
            let t = (start + n) as f64 / 8_000.0 * (1.0 + tone.off / 100.0);
            self.0.push(
                amplitude(tone.low_dbm0) * (TAU * low * t).sin() + amplitude(tone.high_dbm0) * (TAU * high * t).sin(),
            );
        }
        self
    }

    fn key(self, key: char, ms: f64) -> Signal {
        self.tone(Tone::of(key, ms))
    }

    /// A steady sine beneath everything.
    fn under(mut self, hz: f64, dbm0: f64) -> Signal {
        let amplitude = ZERO_DBM0 * 10f64.powf(dbm0 / 20.0);
        for (n, sample) in self.0.iter_mut().enumerate() {
            *sample += amplitude * (TAU * hz * n as f64 / 8_000.0).sin();
        }
        self
    }

    /// White noise of this level.
    fn noise(mut self, dbm0: f64, seed: u64) -> Signal {
        let mut random = Random::new(seed);
        // a sine of 0 dBm0 has the power of its peak squared, halved
        let rms = ZERO_DBM0 / 2f64.sqrt() * 10f64.powf(dbm0 / 20.0);
        for sample in &mut self.0 {
            *sample += rms * random.normal();
        }
        self
    }

    /// Adds samples, as often as they fit.
    fn add(mut self, other: &[i16], factor: f64) -> Signal {
        for (sample, other) in self.0.iter_mut().zip(other.iter().cycle()) {
            *sample += f64::from(*other) * factor;
        }
        self
    }

    fn samples(&self) -> Vec<i16> {
        let through = |sample: &f64| Codec::Pcma.decode(Codec::Pcma.encode(sample.clamp(-32_768.0, 32_767.0) as i16));
        self.0.iter().map(through).collect()
    }

    /// The keys that are heard when it comes in packets of 20 ms.
    fn heard(&self) -> String {
        let (mut detector, mut keys) = (Detector::default(), String::new());
        for (n, packet) in self.samples().chunks(160).enumerate() {
            detector.audio(n as u32 * 160, packet, |key| keys.push(key));
        }
        keys
    }
}

const ALL: &str = "123A456B789C*0#D";
/// Where in a hop a tone begins: all eighths of 5 ms.
const OFFSETS: [f64; 8] = [0.0, 0.625, 1.25, 1.875, 2.5, 3.125, 3.75, 4.375];

/// How many of all keys at all offsets are heard just once, of how many.
fn accepted(make: impl Fn(char, Signal) -> Signal) -> (usize, usize) {
    let mut good = 0;
    for key in ALL.chars() {
        for offset in OFFSETS {
            let signal = make(key, Signal::default().silence(50.0 + offset)).silence(100.0);
            good += usize::from(signal.heard() == key.to_string());
        }
    }
    (good, ALL.len() * OFFSETS.len())
}

/// The same for keys that must not be heard at all.
fn refused(make: impl Fn(char, Signal) -> Signal) -> (usize, usize) {
    let mut quiet = 0;
    for key in ALL.chars() {
        for offset in OFFSETS {
            let signal = make(key, Signal::default().silence(50.0 + offset)).silence(100.0);
            quiet += usize::from(signal.heard().is_empty());
        }
    }
    (quiet, ALL.len() * OFFSETS.len())
}

fn all((good, of): (usize, usize), clause: &str) {
    assert_eq!(good, of, "{clause}");
}

#[test]
fn q23_every_key_is_heard_once() {
    for key in ALL.chars() {
        assert_eq!(Signal::default().silence(40.0).key(key, 80.0).silence(80.0).heard(), key.to_string());
    }
    let row = ALL.chars().fold(Signal::default(), |signal, key| signal.key(key, 50.0).silence(50.0));
    assert_eq!(row.silence(50.0).heard(), ALL);
}

#[test]
fn es_201_235_3_a_tone_of_40_ms_is_a_key_one_of_20_ms_is_not() {
    all(accepted(|key, signal| signal.key(key, 40.0)), "40 ms");
    all(refused(|key, signal| signal.key(key, 20.0)), "20 ms");
    all(refused(|key, signal| signal.key(key, 23.0)), "23 ms");
}

#[test]
fn q24_frequencies_within_1_5_percent_are_taken_beyond_3_5_percent_not() {
    for off in [-1.5, 1.5] {
        all(accepted(|key, signal| signal.tone(Tone { off, ..Tone::of(key, 50.0) })), "1.5 %");
    }
    for off in [-3.5, 3.5] {
        all(refused(|key, signal| signal.tone(Tone { off, ..Tone::of(key, 400.0) })), "3.5 %");
    }
}

#[test]
fn q24_twist_of_8_db_and_reverse_twist_of_4_db_are_taken() {
    for (low_dbm0, high_dbm0) in [(-6.0, -14.0), (-14.0, -10.0)] {
        all(accepted(|key, signal| signal.tone(Tone { low_dbm0, high_dbm0, ..Tone::of(key, 50.0) })), "twist");
    }
}

#[test]
fn q24_levels_from_0_to_minus_25_dbm_are_taken_and_minus_45_is_not() {
    for level in [-3.0, -25.0] {
        let tone = |key| Tone { low_dbm0: level, high_dbm0: level, ..Tone::of(key, 50.0) };
        all(accepted(|key, signal| signal.tone(tone(key))), &format!("{level} dBm0"));
    }
    let faint = |key| Tone { low_dbm0: -45.0, high_dbm0: -45.0, ..Tone::of(key, 50.0) };
    all(refused(|key, signal| signal.tone(faint(key))), "-45 dBm0");
}

#[test]
fn es_201_235_3_a_pause_of_40_ms_parts_two_presses_an_interruption_of_10_ms_does_not() {
    for key in ALL.chars() {
        for offset in OFFSETS {
            let start = || Signal::default().silence(50.0 + offset).key(key, 50.0);
            let twice = start().silence(40.0).key(key, 50.0).silence(100.0).heard();
            assert_eq!(twice, format!("{key}{key}"), "a pause of 40 ms");
            let once = start().silence(10.0).key(key, 50.0).silence(100.0).heard();
            assert_eq!(once, key.to_string(), "an interruption of 10 ms");
        }
    }
    let long = Signal::default().key('7', 5_000.0).silence(100.0);
    assert_eq!(long.heard(), "7", "a long press is one press");
}

#[test]
fn q24_noise_15_db_below_the_tones_is_borne() {
    // the power of both tones together is 3 dB above one
    let noisy =
        |key, signal: Signal| signal.key(key, 50.0).silence(60.0).noise(-10.0 + 3.0 - 15.0, u64::from(key as u32));
    all(accepted(noisy), "15 dB");
}

#[test]
fn q24_a_dial_tone_beneath_is_borne() {
    let dial = |key, signal: Signal| signal.key(key, 50.0).silence(60.0).under(350.0, -18.0).under(440.0, -18.0);
    all(accepted(dial), "350 + 440 Hz");
    let china = |key, signal: Signal| signal.key(key, 50.0).silence(60.0).under(450.0, -16.0);
    all(accepted(china), "450 Hz");
}

#[test]
fn a_lost_packet_does_not_make_two_presses_of_one() {
    for lost in 2..8 {
        let samples = Signal::default().silence(40.0).key('5', 160.0).silence(60.0).samples();
        let (mut detector, mut keys) = (Detector::default(), String::new());
        for (n, packet) in samples.chunks(160).enumerate().filter(|(n, _)| *n != lost) {
            detector.audio(n as u32 * 160, packet, |key| keys.push(key));
            detector.audio(n as u32 * 160, packet, |key| keys.push(key)); // and once more
        }
        assert_eq!(keys, "5", "packet {lost} lost");
    }
}

#[test]
fn packets_of_any_length_are_heard_alike() {
    let samples = Signal::default().key('1', 60.0).silence(60.0).key('1', 60.0).silence(60.0).samples();
    for length in [80, 160, 240, 320, 333] {
        let (mut detector, mut keys, mut timestamp) = (Detector::default(), String::new(), u32::MAX - 700);
        for packet in samples.chunks(length) {
            detector.audio(timestamp, packet, |key| keys.push(key));
            timestamp = timestamp.wrapping_add(packet.len() as u32);
        }
        assert_eq!(keys, "11", "{length} samples a packet");
    }
}

/// Every prompt: speech of both languages.
fn speech() -> Vec<(PathBuf, Vec<i16>)> {
    let mut all = Vec::new();
    for language in ["en", "zh-CN"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts").join(language);
        for entry in std::fs::read_dir(folder).expect("prompts").flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "wav") {
                let mut wav = hound::WavReader::open(entry.path()).expect("a prompt");
                assert_eq!(wav.spec().sample_rate, 8_000);
                all.push((entry.path(), wav.samples::<i16>().flatten().collect()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn talk_off_no_word_of_the_prompts_is_a_key() {
    for (path, samples) in speech() {
        for factor in [0.5, 1.0, 1.6] {
            let signal = Signal(vec![0.0; samples.len()]).add(&samples, factor);
            assert_eq!(signal.heard(), "", "{} at {factor}", path.display());
        }
    }
}

#[test]
fn keys_are_heard_over_the_echo_of_our_own_prompt() {
    let words: Vec<i16> = speech().into_iter().flat_map(|(_, samples)| samples).collect();
    for (erl_db, dbm0) in [(15.0, -10.0), (20.0, -15.0), (25.0, -20.0)] {
        let factor = 10f64.powf(-erl_db / 20.0);
        let (mut heard, mut all) = (0, 0);
        for (n, key) in ALL.chars().cycle().take(160).enumerate() {
            let tone = Tone { low_dbm0: dbm0, high_dbm0: dbm0, ..Tone::of(key, 80.0) };
            let echo = &words[n * 20_000 % (words.len() - 4_000)..];
            let signal = Signal::default().silence(100.0).tone(tone).silence(120.0).add(echo, factor);
            heard += usize::from(signal.heard() == key.to_string());
            all += 1;
        }
        assert_eq!(heard, all, "echo {erl_db} dB below the prompt, keys at {dbm0} dBm0");
    }
}
