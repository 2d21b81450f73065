//! Prompts from bytes: what is good is encoded, and every mistake of a folder is named in one go.

use super::*;

fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let spec =
        hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a WAV in memory");
    samples.iter().for_each(|sample| writer.write_sample(*sample).expect("a sample in memory"));
    writer.finalize().expect("a WAV in memory");
    bytes.into_inner()
}

fn ramp(count: usize) -> Vec<i16> {
    (0..count).map(|index| ((index * 37) % 9_000) as i16 - 4_500).collect()
}

type Files = BTreeMap<String, Result<Vec<u8>, String>>;

fn folder(manifest: &str, files: &[(&str, Vec<u8>)]) -> Files {
    let mut all: Files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Ok(bytes.clone()))).collect();
    all.insert(MANIFEST.to_owned(), Ok(manifest.as_bytes().to_vec()));
    all
}

fn entry(id: &str, length_ms: u64) -> String {
    format!("[[prompt]]\nid = {id:?}\ntext = \"请按一\"\nlength_ms = {length_ms}\n")
}

#[test]
fn a_good_folder_is_encoded_and_padded() {
    let samples = ramp(400);
    let files = folder(&entry("digit.1", 50), &[("digit.1.wav", wav(8_000, 1, &samples)), ("notes.txt", vec![])]);
    let (prompts, findings) = read_language("zh-CN", &files);
    assert_eq!(findings, []);
    let store = PromptStore::new(prompts);
    let prompt = store.get("zh-CN", "digit.1").expect("the prompt");
    assert_eq!((prompt.text(), prompt.length_ms(), prompt.wire_ms()), ("请按一", 50, 60));
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let frames = prompt.frames(codec);
        assert_eq!(frames.len(), 3);
        let bytes = frames.concat();
        assert!(bytes.iter().zip(&samples).all(|(byte, sample)| *byte == codec.encode(*sample)));
        assert!(bytes[400..].iter().all(|byte| *byte == codec.silence()), "the last frame is filled with silence");
    }
    assert_eq!(store.languages().collect::<Vec<_>>(), ["zh-CN"]);
    assert!(store.get("en", "digit.1").is_none());
}

#[test]
fn sixteen_kilohertz_is_halved() {
    let samples: Vec<i16> = ramp(16_000).iter().map(|sample| sample / 2).collect();
    let (prompts, findings) = read_language("en", &folder(&entry("a", 1000), &[("a.wav", wav(16_000, 1, &samples))]));
    assert_eq!(findings, []);
    assert_eq!(prompts[0].frames(Codec::Pcma).len(), 50);
}

#[test]
fn every_mistake_is_named_at_once() {
    let manifest = [
        entry("good", 100),
        entry("gone", 100),
        entry("stereo", 100),
        entry("fast", 100),
        entry("noise", 100),
        entry("empty", 0),
        entry("silent", 100),
        entry("clipped", 100),
        entry("short", 900),
        entry("cut", 100),
        entry("locked", 100),
        entry("good", 100),
        entry("../evil", 100),
    ]
    .concat();
    let good = wav(8_000, 1, &ramp(800));
    let mut clipped = ramp(800);
    clipped[100..110].fill(i16::MAX);
    let mut files = folder(
        &manifest,
        &[
            ("good.wav", good.clone()),
            ("stereo.wav", wav(8_000, 2, &ramp(1600))),
            ("fast.wav", wav(44_100, 1, &ramp(4_410))),
            ("noise.wav", b"this is no sound".to_vec()),
            ("empty.wav", wav(8_000, 1, &[])),
            ("silent.wav", wav(8_000, 1, &[3; 800])),
            ("clipped.wav", wav(8_000, 1, &clipped)),
            ("short.wav", good.clone()),
            ("cut.wav", good[..good.len() - 101].to_vec()),
            ("extra.wav", good.clone()),
        ],
    );
    files.insert("locked.wav".to_owned(), Err("permission denied".to_owned()));
    let (prompts, findings) = read_language("en", &files);
    let found: Vec<(&str, &Problem)> =
        findings.iter().map(|finding| (finding.file.as_str(), &finding.problem)).collect();
    let format = |channels, rate| Problem::Wav(WavProblem::Format { channels, bits: 16, kind: "integer", rate });
    let named = |file: &str| found.iter().find(|(name, _)| *name == file).map(|(_, problem)| (*problem).clone());
    assert_eq!(named("en/gone.wav"), Some(Problem::Missing));
    assert_eq!(named("en/stereo.wav"), Some(format(2, 8_000)));
    assert_eq!(named("en/fast.wav"), Some(format(1, 44_100)));
    assert!(matches!(named("en/noise.wav"), Some(Problem::Wav(WavProblem::Broken(_)))));
    assert!(matches!(named("en/cut.wav"), Some(Problem::Wav(WavProblem::Broken(_)))));
    assert_eq!(named("en/empty.wav"), Some(Problem::Wav(WavProblem::Empty)));
    assert_eq!(named("en/silent.wav"), Some(Problem::Silent));
    assert_eq!(named("en/clipped.wav"), Some(Problem::Clipped(1)));
    assert_eq!(named("en/short.wav"), Some(Problem::Length { manifest_ms: 900, actual_ms: 100 }));
    assert_eq!(named("en/locked.wav"), Some(Problem::Unreadable("permission denied".to_owned())));
    assert_eq!(named("en/extra.wav"), Some(Problem::NotListed));
    assert_eq!(named("en/good.wav"), None);
    assert!(found.contains(&("en/manifest.toml", &Problem::Twice("good".to_owned()))));
    assert!(found.contains(&("en/manifest.toml", &Problem::Id("../evil".to_owned()))));
    assert_eq!(findings.len(), 13);
    let good: Vec<&str> = prompts.iter().map(|prompt| prompt.id()).collect();
    assert_eq!(good, ["good", "silent", "clipped", "short"], "what can be played comes back");
}

#[test]
fn a_wrong_manifest_is_one_finding() {
    let cases = [
        ("[[prompt]]\nid = \"a\"\ntext = \"b\"\nlength_ms = 1\nvoice = \"x\"\n", "voice"),
        ("[[prompt]]\nid = \"a\"\n", "text"),
        ("prompt = 7", "expected"),
        ("[[promt]]\n", "promt"),
    ];
    for (manifest, word) in cases {
        let (prompts, findings) = read_language("en", &folder(manifest, &[]));
        assert!(prompts.is_empty());
        let [Finding { file, problem: Problem::Manifest(text) }] = findings.as_slice() else { panic!("{findings:?}") };
        assert!(file == "en/manifest.toml" && text.contains(word), "{text}");
    }
    let (_, findings) = read_language("en", &Files::new());
    assert_eq!(findings, [Finding { file: "en/manifest.toml".to_owned(), problem: Problem::NoManifest }]);
    assert_eq!(findings[0].to_string(), "en/manifest.toml: the list of prompts is missing");
}
