//! The labelled set: who takes calls, put together from the prompts' voices (two languages), tones, noise and our own echo, and sent through A-law. The same at
//! every run.

use super::super::Who;
use crate::media::Codec;
use crate::media::random::Random;
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::LazyLock;

/// What is heard, what we played meanwhile, and who it is.
pub struct Item {
    pub name: String,
    pub truth: Who,
    pub heard: Vec<i16>,
    pub sent: Vec<i16>,
}

/// Every prompt, as samples.
pub fn speech() -> &'static [Vec<i16>] {
    static SPEECH: LazyLock<Vec<Vec<i16>>> = LazyLock::new(read);
    &SPEECH
}

fn read() -> Vec<Vec<i16>> {
    let mut all = Vec::new();
    for language in ["en", "zh-CN"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts").join(language);
        for entry in std::fs::read_dir(folder).expect("prompts").flatten() {
            let path = entry.path();
            let tone = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tone."));
            if path.extension().is_some_and(|extension| extension == "wav") && !tone {
                let mut wav = hound::WavReader::open(&path).expect("a prompt");
                all.push((path, wav.samples::<i16>().flatten().collect::<Vec<i16>>()));
            }
        }
    }
    all.sort();
    all.into_iter().map(|(_, samples)| samples).collect()
}

pub fn silence(ms: u32) -> Vec<i16> {
    vec![0; (ms * 8) as usize]
}

/// A sine of so many dB below full scale.
pub fn tone(hz: f64, ms: u32, db: f64) -> Vec<i16> {
    let peak = 32_768.0 * 2f64.sqrt() * 10f64.powf(db / 20.0);
    (0..ms * 8).map(|n| (peak.min(32_000.0) * (TAU * hz * f64::from(n) / 8_000.0).sin()) as i16).collect()
}

pub fn add(one: &[i16], other: &[i16]) -> Vec<i16> {
    let length = one.len().max(other.len());
    let at = |samples: &[i16], n: usize| samples.get(n).copied().unwrap_or(0);
    (0..length).map(|n| at(one, n).saturating_add(at(other, n))).collect()
}

/// `heard` with `other` beneath, so many dB changed and so many ms later.
pub fn mix(heard: &[i16], other: &[i16], db: f64, later_ms: usize) -> Vec<i16> {
    let factor = 10f64.powf(db / 20.0);
    let from = |n: usize| n.checked_sub(later_ms * 8).and_then(|n| other.get(n)).copied().unwrap_or(0);
    heard.iter().enumerate().map(|(n, s)| s.saturating_add((f64::from(from(n)) * factor) as i16)).collect()
}

/// So many ms out of the middle of some prompt: somebody says a word or a sentence.
pub fn words(ms: u32, seed: u64) -> Vec<i16> {
    let (all, mut random) = (speech(), Random::new(seed));
    let wanted = (ms * 8) as usize;
    let long: Vec<&Vec<i16>> = all.iter().filter(|prompt| prompt.len() > wanted + 4_000).collect();
    if long.is_empty() {
        // longer than any prompt: one after the other, as they are
        let first = random.between(0, all.len() as u32) as usize;
        return all.iter().cycle().skip(first).flatten().copied().take(wanted).collect();
    }
    let prompt = long[random.between(0, long.len() as u32) as usize];
    let start = random.between(1_600, (prompt.len() - wanted) as u32) as usize;
    prompt[start..start + wanted].to_vec()
}

/// Somebody who talks on without any pause.
pub fn talk(ms: u32) -> Vec<i16> {
    let loud = |frame: &&[i16]| frame.iter().map(|sample| i64::from(sample.unsigned_abs())).sum::<i64>() > 160 * 400;
    speech()
        .iter()
        .flat_map(|prompt| prompt.chunks(160))
        .filter(loud)
        .flatten()
        .copied()
        .take((ms * 8) as usize)
        .collect()
}

/// White noise with its highs damped, like a car or a street.
fn noise(length: usize, db: f64, seed: u64) -> Vec<i16> {
    let (mut random, mut last) = (Random::new(seed), 0.0);
    let peak = 32_768.0 * 10f64.powf(db / 20.0) * 4.0;
    let mut sample = || {
        last = 0.7 * last + 0.3 * (random.next() * 2.0 - 1.0) * peak;
        last as i16
    };
    (0..length).map(|_| sample()).collect()
}

fn through_a_law(samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|sample| Codec::Pcma.decode(Codec::Pcma.encode(*sample))).collect()
}

/// The signal with noise, our prompt's echo and, now and then, a lost packet; 20 s of it.
fn item(name: &str, number: u64, truth: Who, signal: Vec<i16>) -> Item {
    let mut random = Random::new(number * 7 + 3);
    let mut heard = signal;
    heard.resize(8_000 * 20, 0);
    let sent: Vec<i16> = words(8_000 * 3, number + 500).into_iter().take(8_000 * 20).collect();
    let noise_db = [-70.0, -60.0, -52.0, -46.0][random.between(0, 4) as usize];
    heard = add(&heard, &noise(heard.len(), noise_db, number));
    if random.next() < 0.5 {
        heard = mix(&heard, &sent, -15.0 - 10.0 * random.next(), 40 + random.between(0, 100) as usize);
    }
    if random.next() < 0.25 {
        heard.chunks_mut(160).filter(|_| random.next() < 0.03).for_each(|packet| packet.fill(0));
    }
    Item { name: format!("{name} {number}"), truth, heard: through_a_law(&heard), sent }
}

/// Pieces with pauses between.
fn spoken(pieces: &[(u32, u32)], seed: u64) -> Vec<i16> {
    let mut all = Vec::new();
    for (n, (pause, ms)) in pieces.iter().enumerate() {
        all.extend(silence(*pause));
        all.extend(words(*ms, seed * 31 + n as u64));
    }
    all
}

/// The whole set.
pub fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for n in 0..40 {
        let mut random = Random::new(n + 1);
        let mut r = |from, to| random.between(from, to);
        let (word, late) = ((r(100, 1_500), r(250, 900)), (r(2_000, 4_500), r(300, 800)));
        items.push(item("a word", n, Who::Human, spoken(&[word], n + 1)));
        items.push(item("a word late", n, Who::Human, spoken(&[late], n + 41)));
        let twice = [(r(100, 800), r(250, 700)), (r(700, 2_000), r(300, 900))];
        items.push(item("two words", n, Who::Human, spoken(&twice, n + 81)));
        let thrice = [(r(100, 500), r(250, 500)), (r(600, 1_200), r(250, 500)), (r(600, 1_500), r(250, 600))];
        items.push(item("hello, hello?", n, Who::Human, spoken(&thrice, n + 121)));
        let greeting = spoken(&[(r(200, 900), r(5_000, 11_000))], n + 161);
        let beep = tone(f64::from(r(520, 2_100)), r(200, 900), -14.0 - f64::from(r(0, 10)));
        items.push(item("a mailbox", n, Who::Machine, [greeting, silence(r(100, 900)), beep].concat()));
        let short = spoken(&[(r(200, 700), r(1_200, 2_800))], n + 201);
        let beep = tone(f64::from(r(520, 2_100)), r(200, 900), -14.0 - f64::from(r(0, 10)));
        items.push(item("a short mailbox", n, Who::Machine, [short, silence(r(100, 700)), beep].concat()));
    }
    for n in 0..20 {
        let mut random = Random::new(n + 900);
        let mut r = |from, to| random.between(from, to);
        let sentence = spoken(&[(r(200, 700), r(2_500, 3_300))], n + 241);
        items.push(item("a long sentence", n, Who::Human, sentence));
        let word = spoken(&[(r(200, 1_500), r(300, 900))], n + 261);
        let mut television = words(18_000, n + 281);
        television.iter_mut().for_each(|sample| *sample /= 12);
        items.push(item("television", n, Who::Human, add(&word, &television)));
        let network: Vec<i16> =
            [(950.0, 330), (1_400.0, 330), (1_800.0, 330)].iter().flat_map(|(hz, ms)| tone(*hz, *ms, -16.0)).collect();
        let told = [silence(r(100, 600)), network, silence(200), words(r(3_000, 6_000), n + 301)].concat();
        items.push(item("an announcement", n, Who::Machine, told));
        let asks = [silence(r(200, 900)), words(r(2_600, 3_600), n + 321)].concat();
        items.push(item("an assistant", n, Who::Screened, asks));
        let calling =
            [silence(r(300, 2_000)), tone(1_100.0, 500, -16.0), silence(3_000), tone(1_100.0, 500, -16.0)].concat();
        items.push(item("a calling fax", n, Who::Fax, calling));
        let answering = [silence(r(500, 2_000)), tone(2_100.0, 3_000, -16.0), silence(100)].concat();
        items.push(item("an answering fax", n, Who::Fax, answering));
    }
    items
}
