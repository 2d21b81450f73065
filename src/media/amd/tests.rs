//! The classifier against a labelled set of signals ([`corpus`]) and against single sounds.

use super::*;
use corpus::{Item, items};
use std::collections::BTreeMap;

mod corpus;

/// Every verdict over a signal that comes in packets of 20 ms, with what we sent meanwhile.
fn verdicts(heard: &[i16], sent: &[i16]) -> Vec<Verdict> {
    let verdict = |heard: &Heard| if let Heard::Verdict(verdict) = heard { Some(*verdict) } else { None };
    told(heard, sent).iter().filter_map(verdict).collect()
}

/// The same with the machine's turns.
fn told(heard: &[i16], sent: &[i16]) -> Vec<Heard> {
    let mut classifier = Classifier::new(Params::default());
    let mut verdicts = Vec::new();
    let silence = [0; FRAME_SAMPLES];
    let encode = |samples: &[i16]| samples.iter().map(|sample| Codec::Pcma.encode(*sample)).collect::<Vec<u8>>();
    for (n, packet) in heard.chunks(FRAME_SAMPLES).enumerate() {
        let frame = sent.get(n * FRAME_SAMPLES..(n + 1) * FRAME_SAMPLES).unwrap_or(&silence);
        classifier.sent(Codec::Pcma, &encode(frame));
        verdicts.extend(classifier.audio((n * FRAME_SAMPLES) as u32, packet));
    }
    verdicts
}

/// What was believed in the end.
fn judged(item: &Item) -> (Who, Option<Verdict>) {
    let last = verdicts(&item.heard, &item.sent).pop();
    (last.map_or(Who::Unknown, |verdict| verdict.who), last)
}

/// The matrix: truth → verdict → how many.
fn matrix(items: &[Item]) -> BTreeMap<Who, BTreeMap<Who, usize>> {
    let mut matrix: BTreeMap<Who, BTreeMap<Who, usize>> = BTreeMap::new();
    for item in items {
        let (who, verdict) = judged(item);
        if who != item.truth {
            println!("{} ({:?}): {verdict:?}", item.name, item.truth);
        }
        *matrix.entry(item.truth).or_default().entry(who).or_default() += 1;
    }
    matrix
}

/// Figures for docs/machines.md: `cargo test --lib amd::tests::nobody_is_taken -- --nocapture`
#[test]
fn nobody_is_taken_for_a_machine_and_machines_are_found() {
    let items = items();
    assert!(items.len() >= 200, "{} items", items.len());
    let matrix = matrix(&items);
    let all = [Who::Human, Who::Machine, Who::Screened, Who::Fax, Who::Unknown];
    println!("| truth | human | machine | screened | fax | unknown |");
    for (truth, row) in &matrix {
        let cells: Vec<String> = all.iter().map(|who| row.get(who).copied().unwrap_or(0).to_string()).collect();
        println!("| {} | {} |", truth.as_str(), cells.join(" | "));
    }
    let count = |truth: Who, who: Who| matrix.get(&truth).and_then(|row| row.get(&who)).copied().unwrap_or(0);
    let of = |truth: Who| matrix.get(&truth).map_or(0, |row| row.values().sum::<usize>());
    assert_eq!(count(Who::Human, Who::Machine) + count(Who::Human, Who::Fax), 0, "a person is never hung up on");
    assert_eq!(count(Who::Screened, Who::Machine), 0);
    assert!(count(Who::Machine, Who::Machine) * 10 >= of(Who::Machine) * 9, "nine of ten machines");
    assert_eq!(count(Who::Fax, Who::Fax), of(Who::Fax));
}

#[test]
fn a_key_is_a_person_whatever_sounds() {
    let mut classifier = Classifier::new(Params::default());
    let verdict = classifier.key().expect("a verdict");
    assert_eq!((verdict.who, verdict.confidence), (Who::Human, 100));
    assert!(!classifier.listens());
    let beep = corpus::tone(1_000.0, 400, -15.0);
    assert_eq!(classifier.audio(0, &beep), None);
    assert_eq!(classifier.key(), None, "told once");
}

#[test]
fn it_ends_by_itself_when_nothing_comes() {
    let told = verdicts(&vec![0; 8_000 * 30], &[]);
    let whats: Vec<_> = told.iter().map(|verdict| (verdict.who, verdict.after_ms)).collect();
    assert_eq!(whats, [(Who::Unknown, 6_000)]);
}

#[test]
fn our_own_echo_is_nobody() {
    for prompt in corpus::speech().iter().filter(|prompt| prompt.len() > 24_000) {
        for erl_db in [-15.0, -25.0] {
            let heard = corpus::mix(&vec![0; prompt.len()], prompt, erl_db, 60);
            let told = verdicts(&heard, prompt);
            assert!(told.iter().all(|verdict| verdict.who == Who::Unknown), "{told:?}");
        }
    }
}

#[test]
fn lost_packets_and_silence_suppression_are_silence() {
    let words = corpus::words(600, 1);
    let mut classifier = Classifier::new(Params::default());
    let mut told = Vec::new();
    for (n, packet) in words.chunks(FRAME_SAMPLES).enumerate() {
        told.extend(classifier.audio((n * FRAME_SAMPLES) as u32, packet));
    }
    // nothing is sent while they listen, then one packet comes
    told.extend(classifier.audio(8_000 * 7, &[0; FRAME_SAMPLES]));
    assert!(matches!(told[..], [Heard::Verdict(Verdict { who: Who::Human, .. })]), "{told:?}");
}

#[test]
fn a_machines_turn_ends_with_its_beep_or_with_silence() {
    let greeting = corpus::talk(6_000);
    let beep = corpus::tone(1_000.0, 400, -16.0);
    let beeps = [greeting.clone(), corpus::silence(500), beep, corpus::silence(3_000)].concat();
    let all = told(&beeps, &[]);
    assert!(
        matches!(
            all[..],
            [Heard::Verdict(Verdict { who: Who::Machine, mailbox: true, .. }), Heard::Turn { beep: true }]
        ),
        "{all:?}"
    );
    let all = told(&[greeting, corpus::silence(3_000)].concat(), &[]);
    assert!(
        matches!(all[..], [Heard::Verdict(Verdict { who: Who::Machine, .. }), Heard::Turn { beep: false }]),
        "{all:?}"
    );
    // a short greeting is known by its beep alone
    let short = [corpus::words(1_500, 12), corpus::silence(300), corpus::tone(800.0, 300, -16.0), corpus::silence(500)];
    let all = told(&short.concat(), &[]);
    let heard = matches!(all[..], [.., Heard::Verdict(Verdict { who: Who::Machine, .. }), Heard::Turn { beep: true }]);
    assert!(heard, "{all:?}");
}

#[test]
fn a_steady_noise_from_the_beginning_is_nobody() {
    let noise: Vec<i16> =
        (0..8_000u32 * 20).map(|n| (n.wrapping_mul(2_654_435_761).rotate_left(13) % 1_200) as i16 - 600).collect();
    let told = verdicts(&noise, &[]);
    assert!(told.iter().all(|verdict| verdict.who == Who::Unknown), "{told:?}");
}

#[test]
fn tones_that_are_no_beep_are_nothing() {
    let ringing = [corpus::tone(450.0, 1_000, -15.0), vec![0; 8_000 * 3]].concat().repeat(3);
    let dial = corpus::tone(440.0, 8_000, -15.0);
    let key = corpus::add(&corpus::tone(770.0, 300, -12.0), &corpus::tone(1_336.0, 300, -12.0));
    for (name, signal) in [("ringing", ringing), ("dial tone", dial), ("key", [key, vec![0; 8_000]].concat())] {
        let told = verdicts(&signal, &[]);
        assert!(told.iter().all(|verdict| verdict.who != Who::Machine), "{name}: {told:?}");
    }
}

/// `cargo test --release --lib amd::tests::cost -- --ignored --nocapture`
#[test]
#[ignore = "prints a figure"]
fn cost() {
    let speech: Vec<i16> = corpus::speech().concat().into_iter().take(8_000 * 120).collect();
    let (start, params) =
        (std::time::Instant::now(), Params { beep_ms: u32::MAX, listen_ms: u32::MAX, ..Params::default() });
    let mut classifier = Classifier::new(Params { speech_ms: u32::MAX, ..params });
    for (n, packet) in speech.chunks(FRAME_SAMPLES).enumerate() {
        classifier.sent(Codec::Pcma, &[0x55; FRAME_SAMPLES]);
        classifier.audio((n * FRAME_SAMPLES) as u32, packet);
    }
    println!("{:.1} µs a call-second", start.elapsed().as_secs_f64() * 1e6 / (speech.len() as f64 / 8_000.0));
}
