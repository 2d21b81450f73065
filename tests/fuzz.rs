//! The short run of the fuzz targets (docs/fuzzing.md): every seed, every regression, then a bounded number of seeded mutations of them. The long run is `scripts/fuzz`.
//!
//! An input that fails is written to `target/tmp/fuzz/TARGET.failed`; one that ends the whole process stands in `TARGET.running`. Put it into fuzz/regressions/TARGET/ to play it again.
//! HUIFANG_FUZZ_SEED and HUIFANG_FUZZ_TRIES ask for other mutations, and more of them.

mod fuzz_targets;

use fuzz_targets::{TARGETS, Target, by_name};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// An input grows to this at most, in bytes; a longer seed is only cut and changed.
const LONGEST: usize = 4_096;

/// The inputs in a folder, by name.
fn inputs(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(Path::new(ROOT).join("fuzz").join(folder).join(target)) else { return Vec::new() };
    let mut found: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// Plays inputs; what they are is on the disk while they run, in case nobody lives to tell.
struct Range<'a> {
    target: &'a Target,
    running: PathBuf,
}

impl Range<'_> {
    fn new(target: &Target) -> Range<'_> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        fs::create_dir_all(&folder).unwrap();
        Range { target, running: folder.join(format!("{}.running", target.name)) }
    }

    #[track_caller]
    fn play(&self, input: &[u8], what: &str) {
        fs::write(&self.running, input).unwrap();
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input))) {
            let failed = self.running.with_extension("failed");
            fs::rename(&self.running, &failed).unwrap();
            let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
            panic!("{} fails on {what}, kept as {}: {}", self.target.name, failed.display(), text.unwrap_or("?"));
        }
    }
}

impl Drop for Range<'_> {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.running);
    }
}

/// Changes an input in one to four places.
fn mutate(rng: &mut ChaCha12Rng, target: &Target, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut input = corpus[rng.random_range(0..corpus.len())].1.clone();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=input.len());
        let to = rng.random_range(at..=input.len().min(at + 64));
        match rng.random_range(0..8) {
            0 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            1 if at < input.len() => input[at] = rng.random(),
            2 => input.truncate(at),
            3 => drop(input.drain(at..to)),
            // a piece again, a few times or many
            4 => {
                let times = if rng.random_bool(0.1) { 100 } else { rng.random_range(1..4) };
                let piece = input[at..to].repeat(times);
                input.splice(at..at, piece);
            }
            // the end of another one
            5 => {
                let other = &corpus[rng.random_range(0..corpus.len())].1;
                let from = rng.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            // a number becomes another one
            6 => {
                let end = input[at..].iter().position(|byte| !byte.is_ascii_digit()).map_or(input.len(), |n| at + n);
                let numbers = ["0", "1", "255", "65536", "2147483648", "4294967295", "18446744073709551616", "-1"];
                input.splice(at..end, numbers[rng.random_range(0..numbers.len())].bytes());
            }
            _ => {
                let word = target.words[rng.random_range(0..target.words.len())];
                input.splice(if rng.random_bool(0.5) { at..at } else { at..to }, word.bytes());
            }
        }
    }
    let longest = LONGEST.max(corpus.iter().map(|(_, input)| input.len()).max().unwrap_or(0));
    input.truncate(longest);
    input
}

fn short_run(name: &str) {
    let target = by_name(name);
    let range = Range::new(target);
    let mut corpus = inputs("seeds", name);
    assert!(!corpus.is_empty(), "{name} has no seeds");
    corpus.extend(inputs("regressions", name));
    range.play(b"", "nothing");
    for (file, input) in &corpus {
        range.play(input, file);
    }
    let seed = number("HUIFANG_FUZZ_SEED").unwrap_or(1);
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    for count in 0..number("HUIFANG_FUZZ_TRIES").unwrap_or(u64::from(target.tries)) {
        let input = mutate(&mut rng, target, &corpus);
        range.play(&input, &format!("mutation {count} of seed {seed}"));
    }
}

macro_rules! short_runs {
    ($($name:ident)*) => {
        const RUN: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            short_run(stringify!($name));
        })*
    };
}

short_runs! {
    sip_message sip_stream sip_headers sip_digest sip_endpoint sip_trace sdp rtp rtcp session info wav survey country calendar config list workbook
}

#[test]
fn every_target_runs_here_and_under_cargo_fuzz_and_is_described() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(RUN.iter().copied().collect::<BTreeSet<_>>(), names);
    let manifest: toml::Table = fs::read_to_string(format!("{ROOT}/fuzz/Cargo.toml")).unwrap().parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap());
    assert_eq!(programs.collect::<BTreeSet<_>>(), names);
    for bin in manifest["bin"].as_array().unwrap() {
        let text = fs::read_to_string(Path::new(ROOT).join("fuzz").join(bin["path"].as_str().unwrap())).unwrap();
        assert!(text.contains(&format!("run(\"{}\"", bin["name"].as_str().unwrap())), "{bin}");
    }
    let page = fs::read_to_string(format!("{ROOT}/docs/fuzzing.md")).unwrap();
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/fuzzing.md does not say what holds for {missing:?}");
    for folder in ["seeds", "regressions"] {
        let Ok(entries) = fs::read_dir(format!("{ROOT}/fuzz/{folder}")) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(name.as_str()), "fuzz/{folder}/{name} belongs to no target");
        }
    }
}
