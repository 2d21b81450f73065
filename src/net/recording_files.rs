//! Recordings as files beside `media_engine/writer`, which writes them: what they are called, where one lies, removing one for good, what lies there too, and finishing
//! what its engine could not. Blocks; for threads that may.

use crate::ids::AttemptId;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;
use uuid::Uuid;

/// Ends of the names that the writer gives: a recording, one that was never finished, and one that was being polished.
const ENDS: [&str; 3] = [".wav", ".wav.part", ".wav.polished.part"];

/// The name, without its ending, of recording `tag` of an attempt: it says whose it is and what it holds, should nobody be left to say it.
pub fn name(attempt: AttemptId, kind: &str, tag: u64) -> String {
    format!("{}.{kind}.{tag}", attempt.0)
}

/// A recording's file whose name says whose it is ([`name`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The file as it lies there.
    pub file: String,
    /// What it is called when it is whole.
    pub whole: String,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// What it holds, as [`name`] was told.
    pub kind: String,
}

impl Named {
    /// Reads the name of a file; none for other names, and for what only was being polished.
    pub fn read(file: &str) -> Option<Named> {
        let name = file.strip_suffix(".part").unwrap_or(file).strip_suffix(".wav")?;
        let mut parts = name.split('.');
        let (attempt, kind, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = parts.next().is_none() && tag.bytes().all(|byte| byte.is_ascii_digit());
        let attempt = AttemptId(Uuid::try_parse(attempt).ok()?);
        plain.then(|| Named { file: file.to_owned(), whole: format!("{name}.wav"), attempt, kind: kind.to_owned() })
    }
}

/// Gives a recording that was never finished its name, once it is safe on the disk. How long it is in ms; none, and nothing left, where nothing is in it.
pub fn finish(directory: &Path, named: &Named) -> io::Result<Option<u64>> {
    let path = directory.join(&named.file);
    let not_a_wav = |error| io::Error::new(io::ErrorKind::InvalidData, format!("it cannot be read as WAV: {error}"));
    let (samples, rate) = match File::open(&path)?.metadata()?.len() {
        0 => (0, 1), // it had begun, and nothing had reached the disk
        _ => {
            let wav = hound::WavReader::open(&path).map_err(not_a_wav)?;
            (wav.duration(), wav.spec().sample_rate.max(1))
        }
    };
    if samples == 0 {
        fs::remove_file(&path)?;
        return Ok(None);
    }
    File::open(&path)?.sync_all()?;
    fs::rename(&path, directory.join(&named.whole))?;
    sync(directory)?;
    Ok(Some(u64::from(samples) * 1000 / u64::from(rate)))
}

/// What became of a file that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone; so many bytes.
    Removed(u64),
    /// It was not there.
    NotThere,
}

/// A path below the directory; none for one that would lead out of it.
pub fn inside(directory: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = !path.as_os_str().is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| directory.join(path))
}

/// Removes a recording's file. It may come back after a power failure until [`sync`] returns.
pub fn remove(directory: &Path, path: &str) -> io::Result<Removal> {
    let outside = || io::Error::new(io::ErrorKind::InvalidInput, "its path leads out of the recordings directory");
    let path = inside(directory, path).ok_or_else(outside)?;
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let bytes = match fs::symlink_metadata(&path) {
        Ok(about) => about.len(),
        Err(error) if gone(&error) => return Ok(Removal::NotThere),
        Err(error) => return Err(error),
    };
    match fs::remove_file(&path) {
        Ok(()) => Ok(Removal::Removed(bytes)),
        Err(error) if gone(&error) => Ok(Removal::NotThere),
        Err(error) => Err(error),
    }
}

/// Brings what was removed to the disk; fails too where the directory is not there.
pub fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The recordings' files that nobody has written to since `before`, finished or not, sorted. Files of other names are none of ours. No directory, no files.
pub fn older(directory: &Path, before: SystemTime) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !ENDS.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        match entry.metadata() {
            Ok(about) if about.is_file() && about.modified()? < before => found.push(name),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // gone meanwhile
            Err(error) => return Err(error),
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn nothing_outside_the_directory_is_ours() {
        let directory = Path::new("/var/recordings");
        assert_eq!(inside(directory, "a/b.wav"), Some("/var/recordings/a/b.wav".into()));
        for path in ["", "../secret", "a/../../secret", "/etc/passwd", "./a"] {
            assert_eq!(inside(directory, path), None, "{path}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (ours, secret) = (folder.path().join("ours"), folder.path().join("secret.wav"));
        fs::create_dir(&ours).unwrap();
        fs::write(&secret, "x").unwrap();
        assert!(remove(&ours, "../secret.wav").is_err() && secret.exists());
    }

    #[test]
    fn a_file_goes_once_and_what_is_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wav"), "four").unwrap();
        fs::create_dir(folder.path().join("b.wav")).unwrap();
        assert_eq!(remove(folder.path(), "a.wav").unwrap(), Removal::Removed(4));
        assert_eq!(remove(folder.path(), "a.wav").unwrap(), Removal::NotThere);
        assert_eq!(remove(folder.path(), "nowhere/a.wav").unwrap(), Removal::NotThere);
        assert!(remove(folder.path(), "b.wav").is_err());
        sync(folder.path()).unwrap();
        assert!(sync(&folder.path().join("gone")).is_err());
    }

    #[test]
    fn a_name_says_whose_it_is_and_other_names_say_nothing() {
        let attempt = AttemptId::from_parts(1_700_000_000_000, [7; 10]);
        let name = name(attempt, "advisor_note", 12);
        let whole = format!("{name}.wav");
        for file in [whole.clone(), format!("{whole}.part")] {
            let named = Named { file: file.clone(), whole: whole.clone(), attempt, kind: "advisor_note".to_owned() };
            assert_eq!(Named::read(&file), Some(named));
        }
        let id = attempt.0;
        for other in [
            format!("{id}.wav"),
            format!("{id}.call.0.wav.polished.part"),
            format!("{id}.call.x.wav"),
            format!("{id}.call.0.1.wav"),
            "x.call.0.wav".to_owned(),
            format!("{id}.call.0.txt"),
        ] {
            assert_eq!(Named::read(&other), None, "{other}");
        }
    }

    #[test]
    fn what_was_never_finished_is_and_what_holds_nothing_goes() {
        let folder = tempfile::tempdir().unwrap();
        let named = |tag: u64| {
            let name = name(AttemptId::from_parts(1, [1; 10]), "call", tag);
            Named::read(&format!("{name}.wav.part")).unwrap()
        };
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        for (tag, samples) in [(1, 8_000), (2, 0)] {
            let mut wav = hound::WavWriter::create(folder.path().join(&named(tag).file), spec).unwrap();
            (0..samples).for_each(|sample| wav.write_sample(sample).unwrap());
            wav.finalize().unwrap();
        }
        fs::write(folder.path().join(&named(3).file), "").unwrap();
        fs::write(folder.path().join(&named(4).file), "no WAV at all").unwrap();
        assert_eq!(finish(folder.path(), &named(1)).unwrap(), Some(500));
        assert!(folder.path().join(&named(1).whole).exists() && !folder.path().join(&named(1).file).exists());
        for empty in [2, 3] {
            assert_eq!(finish(folder.path(), &named(empty)).unwrap(), None);
            assert!(!folder.path().join(&named(empty).file).exists());
        }
        assert!(finish(folder.path(), &named(4)).unwrap_err().to_string().contains("WAV"));
        assert!(folder.path().join(&named(4).file).exists(), "a person may look at it");
    }

    #[test]
    fn only_old_files_with_our_names_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let ago = |hours: u64| now - Duration::from_secs(hours * 3600);
        for (name, hours) in
            [("b.wav", 30), ("a.wav.part", 30), ("a.wav.polished.part", 30), ("new.wav", 1), ("notes.txt", 30)]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(ago(hours)).unwrap();
        }
        fs::create_dir(folder.path().join("c.wav")).unwrap();
        assert_eq!(older(folder.path(), ago(24)).unwrap(), ["a.wav.part", "a.wav.polished.part", "b.wav"]);
        assert_eq!(older(&folder.path().join("gone"), now).unwrap(), [""; 0]);
    }
}
