//! Recordings as files, once `media_engine/writer` has given them their name: where one lies, removing one for good, and what lies there too. Blocks; for threads that may.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// Ends of the names that the writer gives: a recording, one that was never finished, and one that was being polished.
const ENDS: [&str; 3] = [".wav", ".wav.part", ".wav.polished.part"];

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
