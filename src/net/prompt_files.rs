//! Shell: reads the folder of the prompts from the disk for `media::prompt`, which judges what was read. Writes nothing.

use crate::media::prompt::{Finding, Problem, PromptStore, read_language};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files above this size are not read: five minutes at 16 kHz, and some.
const MAX_BYTES: u64 = 16 << 20;

/// Why the service cannot start with these prompts: the first thing that is wrong, and how much else.
#[derive(Debug, thiserror::Error)]
#[error("the prompts cannot be used: {first}{}", others(*.more))]
pub struct PromptsUnusable {
    /// The first fatal finding.
    pub first: Finding,
    /// How many more there are.
    pub more: usize,
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more; `huifang check` names all)") }
}

/// Reads all languages below `folder` (`<folder>/<language>/manifest.toml` and the WAV files); every problem of every file is found.
pub fn check(folder: &Path) -> (PromptStore, Vec<Finding>) {
    let mut prompts = Vec::new();
    let mut findings = Vec::new();
    match languages(folder) {
        Ok(languages) if languages.is_empty() => {
            findings.push(Finding { file: folder.display().to_string(), problem: Problem::NoManifest });
        }
        Ok(languages) => {
            for language in languages {
                let (read, found) = read_language(&language, &read_folder(&folder.join(&language)));
                prompts.extend(read);
                findings.extend(found);
            }
        }
        Err(error) => {
            findings
                .push(Finding { file: folder.display().to_string(), problem: Problem::Unreadable(error.to_string()) });
        }
    }
    (PromptStore::new(prompts), findings)
}

/// Reads all languages for the service; the first fatal finding is the error.
pub fn load(folder: &Path) -> Result<PromptStore, PromptsUnusable> {
    let (store, findings) = check(folder);
    let mut fatal = findings.into_iter().filter(|finding| finding.problem.is_fatal());
    match fatal.next() {
        None => Ok(store),
        Some(first) => Err(PromptsUnusable { first, more: fatal.count() }),
    }
}

/// Names of the folders below, sorted; hidden ones are left out.
fn languages(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_folder(folder: &Path) -> BTreeMap<String, Result<Vec<u8>, String>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    files.map(|entry| (entry.file_name().to_string_lossy().into_owned(), read_file(&entry.path()))).collect()
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("it has {size} bytes, more than any prompt"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_prompt(folder: &Path, id: &str) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(folder.join(format!("{id}.wav")), spec).expect("a WAV");
        (0..800).for_each(|index| writer.write_sample(index * 10).expect("a sample"));
        writer.finalize().expect("a WAV");
    }

    fn manifest(ids: &[&str]) -> String {
        ids.iter().map(|id| format!("[[prompt]]\nid = \"{id}\"\ntext = \"t\"\nlength_ms = 100\n")).collect()
    }

    #[test]
    fn languages_are_loaded_and_a_fatal_finding_is_one_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        for language in ["zh-CN", "en"] {
            fs::create_dir(folder.path().join(language)).expect("a folder");
            fs::write(folder.path().join(language).join("manifest.toml"), manifest(&["a"])).expect("a manifest");
            write_prompt(&folder.path().join(language), "a");
        }
        write_prompt(&folder.path().join("en"), "b");
        fs::write(folder.path().join("README.md"), "how they were made").expect("a file");
        let store = load(folder.path()).expect("prompts");
        assert!(store.get("zh-CN", "a").is_some() && store.get("en", "a").is_some() && store.get("en", "b").is_none());
        let (_, findings) = check(folder.path());
        assert_eq!(
            findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["en/b.wav: the file is not in the list of prompts"]
        );

        fs::write(folder.path().join("zh-CN/manifest.toml"), manifest(&["a", "x", "y"])).expect("a manifest");
        let error = load(folder.path()).expect_err("two are missing").to_string();
        assert_eq!(
            error,
            "the prompts cannot be used: zh-CN/x.wav: the file is missing (and 1 more; `huifang check` names all)"
        );
    }

    #[test]
    fn no_folder_and_an_empty_folder_are_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            load(folder.path()),
            Err(PromptsUnusable { first: Finding { problem: Problem::NoManifest, .. }, more: 0 })
        ));
        let gone = folder.path().join("gone");
        assert!(matches!(
            load(&gone),
            Err(PromptsUnusable { first: Finding { problem: Problem::Unreadable(_), .. }, more: 0 })
        ));
    }
}
