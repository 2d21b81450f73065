//! The limits beyond what the clauses ask for, and the cost: figures for docs/keys.md.

use super::*;
use std::time::Instant;

/// The share of all keys at all offsets that is heard, in percent.
fn percent((good, of): (usize, usize)) -> f64 {
    good as f64 * 100.0 / of as f64
}

fn row(what: &str, values: &[f64], unit: &str, measure: impl Fn(f64) -> f64) {
    let cells: Vec<String> = values.iter().map(|value| format!("{value} {unit}: {:.0} %", measure(*value))).collect();
    println!("| {what} | {} |", cells.join(", "));
}

/// `cargo test --release --lib inband::tests::figures -- --ignored --nocapture`
#[test]
#[ignore = "prints figures"]
fn limits_and_cost() {
    let lengths = [20.0, 23.0, 26.0, 28.0, 30.0, 33.0, 36.0, 40.0];
    row("heard, by length", &lengths, "ms", |ms| percent(accepted(|key, signal| signal.key(key, ms))));
    let off = |off| percent(accepted(|key, signal| signal.tone(Tone { off, ..Tone::of(key, 50.0) })));
    row("heard, by frequency", &[0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, -1.5, -2.5, -3.5], "% off", off);
    let twist = |twist: f64| {
        let (low_dbm0, high_dbm0) = if twist > 0.0 { (-6.0, -6.0 - twist) } else { (-6.0 + twist, -6.0) };
        percent(accepted(|key, signal| signal.tone(Tone { low_dbm0, high_dbm0, ..Tone::of(key, 50.0) })))
    };
    row("heard, by twist (low over high)", &[12.0, 10.0, 9.0, 8.0, 6.0, -4.0, -5.0, -6.0, -8.0], "dB", twist);
    let level = |dbm0| {
        let tone = |key| Tone { low_dbm0: dbm0, high_dbm0: dbm0, ..Tone::of(key, 50.0) };
        percent(accepted(|key, signal| signal.tone(tone(key))))
    };
    row("heard, by level of each tone", &[0.0, -3.0, -10.0, -20.0, -25.0, -30.0, -31.0, -33.0, -35.0], "dBm0", level);
    let noise = |db: f64| {
        let noisy = |key, signal: Signal| signal.key(key, 50.0).silence(60.0).noise(-7.0 - db, u64::from(key as u32));
        percent(accepted(noisy))
    };
    row("heard, by distance of white noise", &[24.0, 18.0, 15.0, 12.0, 10.0, 8.0, 6.0, 3.0], "dB", noise);
    let pause = |ms| {
        let twice =
            |key: char| Signal::default().silence(50.0).key(key, 50.0).silence(ms).key(key, 50.0).silence(100.0);
        let good = ALL.chars().filter(|key| twice(*key).heard() == format!("{key}{key}")).count();
        percent((good, ALL.len()))
    };
    row("two presses, by the pause between", &[5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0], "ms", pause);
    let speech = speech();
    let minutes: f64 = speech.iter().map(|(_, samples)| samples.len() as f64 / 480_000.0).sum();
    let false_keys: usize = speech.iter().map(|(_, s)| Signal(vec![0.0; s.len()]).add(s, 1.0).heard().len()).sum();
    println!("| talk-off | {false_keys} keys in {minutes:.1} minutes of speech |");
    let samples: Vec<i16> = speech.iter().flat_map(|(_, samples)| samples.iter().copied()).take(8_000 * 300).collect();
    let (start, mut detector) = (Instant::now(), Detector::default());
    for (n, packet) in samples.chunks(160).enumerate() {
        detector.audio(n as u32 * 160, packet, |_| {});
    }
    println!(
        "| cost | {:.1} µs a call-second |",
        start.elapsed().as_secs_f64() * 1e6 / (samples.len() as f64 / 8_000.0)
    );
}
