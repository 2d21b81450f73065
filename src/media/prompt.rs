//! Spoken prompts: read from WAV once, encoded once to A-law and µ-law frames, shared by all calls. Takes bytes and text; never opens a file
//! (that is `net::prompt_files`). A language is a folder with `manifest.toml` and `<id>.wav` for each of its ids.

use super::{Codec, FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

mod wav;
pub use wav::WavProblem;

/// Name of the list of a language's prompts.
pub const MANIFEST: &str = "manifest.toml";
/// Manifest and file may differ by this many ms in length.
const LENGTH_TOLERANCE_MS: u64 = 20;

/// One prompt, ready to be sent.
pub struct Prompt {
    id: String,
    language: String,
    text: String,
    length_ms: u32,
    pcma: Vec<Frame>,
    pcmu: Vec<Frame>,
}

impl Prompt {
    /// Encodes `samples` (8 kHz); the last frame is filled up with silence.
    pub fn from_samples(language: &str, id: &str, text: &str, samples: &[i16]) -> Prompt {
        let encode = |codec: Codec| samples.chunks(FRAME_SAMPLES).map(|chunk| codec.encode_frame(chunk)).collect();
        Prompt {
            id: id.to_owned(),
            language: language.to_owned(),
            text: text.to_owned(),
            length_ms: (samples.len() as u64 * 1000 / u64::from(SAMPLE_RATE)) as u32,
            pcma: encode(Codec::Pcma),
            pcmu: encode(Codec::Pcmu),
        }
    }

    /// Its id, as in the manifest.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The language folder that it comes from, such as `zh-CN`.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// What is said.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Length of the recording in ms; on the wire it is rounded up to 20 ms.
    pub fn length_ms(&self) -> u32 {
        self.length_ms
    }

    /// Length on the wire in ms.
    pub fn wire_ms(&self) -> u32 {
        self.pcma.len() as u32 * FRAME_MS
    }

    /// The frames in the order in which they are sent.
    pub fn frames(&self, codec: Codec) -> &[Frame] {
        match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        }
    }
}

impl Prompt {
    /// The same without the bounds of frames.
    pub fn bytes(&self, codec: Codec) -> &[u8] {
        self.frames(codec).as_flattened()
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prompt({} {}, {} ms)", self.language, self.id, self.length_ms)
    }
}

/// All prompts of all languages.
#[derive(Debug, Default)]
pub struct PromptStore {
    languages: BTreeMap<String, HashMap<String, Arc<Prompt>>>,
}

impl PromptStore {
    /// A store of these; of two with one language and id the last stays.
    pub fn new(prompts: impl IntoIterator<Item = Arc<Prompt>>) -> PromptStore {
        let mut store = PromptStore::default();
        for prompt in prompts {
            store.languages.entry(prompt.language.clone()).or_default().insert(prompt.id.clone(), prompt);
        }
        store
    }

    /// The prompt `id` in `language`.
    pub fn get(&self, language: &str, id: &str) -> Option<&Arc<Prompt>> {
        self.languages.get(language)?.get(id)
    }

    /// The languages, sorted.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// Every prompt, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Prompt>> {
        self.languages.values().flat_map(HashMap::values)
    }
}

/// Something wrong with the prompts of a language.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct Finding {
    /// The file, below the folder of the prompts: `zh-CN/consent.ask.wav`.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a prompt file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The folder has no manifest, or there is no folder with prompts at all.
    #[error("the list of prompts is missing")]
    NoManifest,
    /// The manifest is no TOML, or has unknown or missing keys.
    #[error("the list of prompts is wrong: {0}")]
    Manifest(String),
    /// An id that cannot name a file.
    #[error("the id {0:?} may only have letters, digits, dots, dashes and underscores")]
    Id(String),
    /// An id stands twice in the manifest.
    #[error("the id {0} stands twice in the list")]
    Twice(String),
    /// In the manifest, but there is no such file.
    #[error("the file is missing")]
    Missing,
    /// The file cannot be read (disk, rights).
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// Not a WAV file of the kind that is asked for.
    #[error(transparent)]
    Wav(#[from] WavProblem),
    /// Nothing can be heard.
    #[error("the recording is silent")]
    Silent,
    /// Samples stand at the end of the range, several in a row.
    #[error("the recording is clipped at {0} places")]
    Clipped(usize),
    /// The manifest says another length.
    #[error("the recording is {actual_ms} ms long, the list says {manifest_ms} ms")]
    Length {
        /// As in the manifest.
        manifest_ms: u64,
        /// As recorded.
        actual_ms: u64,
    },
    /// A WAV file that the manifest does not name.
    #[error("the file is not in the list of prompts")]
    NotListed,
}

impl Problem {
    /// Whether the service must not start with it; the others are for `huifang check`.
    pub fn is_fatal(&self) -> bool {
        match self {
            Problem::NoManifest
            | Problem::Manifest(_)
            | Problem::Id(_)
            | Problem::Twice(_)
            | Problem::Missing
            | Problem::Unreadable(_)
            | Problem::Wav(_)
            | Problem::Silent => true,
            Problem::Clipped(_) | Problem::Length { .. } | Problem::NotListed => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    prompt: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    text: String,
    length_ms: u64,
}

/// Reads one language from the files of its folder (name → bytes, or why they could not be read). All problems are found in one go;
/// the prompts that are good come back beside them.
pub fn read_language(
    language: &str,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
) -> (Vec<Arc<Prompt>>, Vec<Finding>) {
    let mut prompts = Vec::new();
    let mut findings = Vec::new();
    let mut find =
        |name: &str, problem: Problem| findings.push(Finding { file: format!("{language}/{name}"), problem });
    let manifest = match read_manifest(files) {
        Ok(manifest) => manifest,
        Err(problem) => {
            find(MANIFEST, problem);
            return (prompts, findings);
        }
    };
    let mut listed = HashMap::new();
    for entry in &manifest.prompt {
        if !is_id(&entry.id) {
            find(MANIFEST, Problem::Id(entry.id.clone()));
            continue;
        }
        let name = format!("{}.wav", entry.id);
        if listed.insert(name.clone(), ()).is_some() {
            find(MANIFEST, Problem::Twice(entry.id.clone()));
            continue;
        }
        let read = match files.get(&name) {
            None => Err(Problem::Missing),
            Some(Err(error)) => Err(Problem::Unreadable(error.clone())),
            Some(Ok(bytes)) => wav::read(bytes).map_err(Problem::Wav),
        };
        match read {
            Ok(recording) => {
                judge(&recording, entry, |problem| find(&name, problem));
                prompts.push(Arc::new(Prompt::from_samples(language, &entry.id, &entry.text, &recording.samples)));
            }
            Err(problem) => find(&name, problem),
        }
    }
    for name in files.keys().filter(|name| name.ends_with(".wav") && !listed.contains_key(*name)) {
        find(name, Problem::NotListed);
    }
    (prompts, findings)
}

fn read_manifest(files: &BTreeMap<String, Result<Vec<u8>, String>>) -> Result<Manifest, Problem> {
    let bytes = match files.get(MANIFEST) {
        None => return Err(Problem::NoManifest),
        Some(Err(error)) => return Err(Problem::Unreadable(error.clone())),
        Some(Ok(bytes)) => bytes,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| Problem::Manifest(error.to_string()))?;
    toml::from_str(text).map_err(|error| Problem::Manifest(error.to_string().trim_end().to_owned()))
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !id.is_empty() && !id.starts_with('.') && id.bytes().all(plain)
}

fn judge(recording: &wav::Recording, entry: &Entry, mut find: impl FnMut(Problem)) {
    if recording.silent {
        find(Problem::Silent);
    }
    if recording.clipped > 0 {
        find(Problem::Clipped(recording.clipped));
    }
    if recording.length_ms.abs_diff(entry.length_ms) > LENGTH_TOLERANCE_MS {
        find(Problem::Length { manifest_ms: entry.length_ms, actual_ms: recording.length_ms });
    }
}

#[cfg(test)]
mod tests;
