//! The spool's files: numbered segments of lines `crc32 length json`, appended by calls, read by the applier. Knows nothing of the database.
//!
//! A torn last line (the engine died while writing) is ignored; a damaged line in between is skipped and said. A start begins a new segment,
//! so nothing is ever appended after a torn line.

use super::{Fact, JournalError};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

/// A segment that has grown beyond this is closed and the next one begun.
const SEGMENT_BYTES: u64 = 4 << 20;

/// The appending side; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal(pub(super) Arc<Spool>);

#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    active: Mutex<Active>,
    pub(super) written: Notify,
    pub(super) backlog: watch::Sender<Backlog>,
    /// Holds the directory against a second engine for as long as the journal lives.
    _lock: Flock<File>,
}

#[derive(Debug)]
struct Active {
    number: u64,
    file: File,
    bytes: u64,
}

/// What is written and not yet applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Records.
    pub records: u64,
}

impl Journal {
    /// Opens the journal in `dir` (made if missing) for this process alone; records of an earlier run are in the backlog.
    pub(super) fn open_dir(dir: &Path) -> Result<(Journal, Vec<u64>), JournalError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir, "make it"))?;
        let lock_path = dir.join("lock");
        let lock =
            private().create(true).truncate(false).write(true).open(&lock_path).map_err(io(&lock_path, "open it"))?;
        let lock =
            Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| JournalError::InUse(dir.to_owned()))?;
        let mut old = Vec::new();
        for entry in fs::read_dir(dir).map_err(io(dir, "read it"))? {
            let name = entry.map_err(io(dir, "read it"))?.file_name();
            if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".seg")).and_then(|n| n.parse().ok())
            {
                old.push(number);
            }
        }
        old.sort_unstable();
        let mut records = 0;
        for number in &old {
            records += Reader::open(dir, *number)?.count_records()?;
        }
        let active = Active::create(dir, old.last().map_or(1, |last| last + 1))?;
        let spool = Spool {
            dir: dir.to_owned(),
            active: Mutex::new(active),
            written: Notify::new(),
            backlog: watch::Sender::new(Backlog { records }),
            _lock: lock,
        };
        Ok((Journal(Arc::new(spool)), old))
    }

    /// Appends facts as one record: they reach the store in one transaction, after all records before them. Returns once the system has the bytes (no fsync).
    pub fn append(&self, facts: &[Fact]) -> Result<(), JournalError> {
        if facts.is_empty() {
            return Ok(());
        }
        let json = serde_json::to_vec(facts)?;
        let mut line = format!("{:08x} {} ", crc32(&json), json.len()).into_bytes();
        line.extend_from_slice(&json);
        line.push(b'\n');
        let mut active = self.0.lock();
        if active.bytes >= SEGMENT_BYTES {
            *active = Active::create(&self.0.dir, active.number + 1)?;
        }
        let path = segment(&self.0.dir, active.number);
        if let Err(source) = active.file.write_all(&line) {
            // A half-written line must not stay in front of the next one.
            let bytes = active.bytes;
            let undone = active.file.set_len(bytes).and_then(|()| active.file.seek(SeekFrom::Start(bytes)));
            if let Err(error) = undone {
                tracing::error!(%error, "journal: a half-written record could not be taken back");
            }
            return Err(JournalError::Io { path, what: "append to it", source });
        }
        active.bytes += line.len() as u64;
        // Still under the lock: the applier cannot count a record down before it was counted up.
        self.0.backlog.send_modify(|backlog| backlog.records += 1);
        drop(active);
        self.0.written.notify_one();
        Ok(())
    }

    /// What is not applied yet.
    pub fn backlog(&self) -> Backlog {
        *self.0.backlog.borrow()
    }

    /// Waits until all that was appended so far (and whatever comes meanwhile) is applied.
    pub async fn settled(&self) {
        let mut backlog = self.0.backlog.subscribe();
        // The sender lives as long as self.
        let _ = backlog.wait_for(|backlog| backlog.records == 0).await;
    }
}

impl Spool {
    fn lock(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The segment that is being written.
    pub(super) fn head(&self) -> u64 {
        self.lock().number
    }

    /// Empties the active segment if all of it (`read` bytes) is applied; false if something was appended meanwhile.
    pub(super) fn empty_active(&self, number: u64, read: u64) -> Result<bool, JournalError> {
        let mut active = self.lock();
        if active.number != number || active.bytes != read {
            return Ok(false);
        }
        let path = segment(&self.dir, number);
        active.file.set_len(0).and_then(|()| active.file.seek(SeekFrom::Start(0))).map_err(io(&path, "empty it"))?;
        active.bytes = 0;
        Ok(true)
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        let (number, copy) = {
            let active = self.lock();
            (active.number, active.file.try_clone())
        };
        let path = segment(&self.dir, number);
        copy.and_then(|file| file.sync_data()).map_err(io(&path, "bring it to the disk"))
    }

    pub(super) fn remove(&self, number: u64) -> Result<(), JournalError> {
        let path = segment(&self.dir, number);
        fs::remove_file(&path).map_err(io(&path, "remove it"))
    }

    /// Keeps a record that the store refuses, for a person to look at.
    pub(super) fn keep_refused(&self, json: &[u8]) -> Result<(), JournalError> {
        let path = self.dir.join("refused.log");
        let mut file = private().create(true).append(true).open(&path).map_err(io(&path, "open it"))?;
        file.write_all(&[json, b"\n"].concat()).and_then(|()| file.sync_data()).map_err(io(&path, "append to it"))
    }
}

impl Active {
    fn create(dir: &Path, number: u64) -> Result<Active, JournalError> {
        let path = segment(dir, number);
        let file = private().create_new(true).write(true).open(&path).map_err(io(&path, "make it"))?;
        Ok(Active { number, file, bytes: 0 })
    }
}

/// Reads a segment's whole lines from where it left off.
#[derive(Debug)]
pub(super) struct Reader {
    lines: BufReader<File>,
    path: PathBuf,
    pub(super) number: u64,
    /// Where the next line begins.
    pub(super) offset: u64,
}

/// One line of a segment.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) json: Vec<u8>,
    /// Where the line after it begins.
    pub(super) end: u64,
}

impl Reader {
    pub(super) fn open(dir: &Path, number: u64) -> Result<Reader, JournalError> {
        let path = segment(dir, number);
        let file = File::open(&path).map_err(io(&path, "open it"))?;
        Ok(Reader { lines: BufReader::new(file), path, number, offset: 0 })
    }

    /// Up to `limit` records from `self.offset` on; does not move it. Less than `limit`: there is no more whole line now.
    pub(super) fn peek(&mut self, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.lines.seek(SeekFrom::Start(self.offset)).map_err(io(&self.path, "read it"))?;
        let (mut records, mut end) = (Vec::new(), self.offset);
        let mut line = Vec::new();
        while records.len() < limit {
            line.clear();
            let read = self.lines.read_until(b'\n', &mut line).map_err(io(&self.path, "read it"))?;
            if read == 0 || line.pop() != Some(b'\n') {
                break;
            }
            end += read as u64;
            match check(&line) {
                Some(json) => records.push(Record { json: json.to_vec(), end }),
                None => {
                    tracing::error!(segment = %self.path.display(), ends_at = end, "journal: a damaged record is skipped")
                }
            }
        }
        Ok(records)
    }

    fn count_records(&mut self) -> Result<u64, JournalError> {
        let mut count = 0;
        loop {
            let records = self.peek(256)?;
            let Some(last) = records.last() else {
                self.offset = 0;
                return Ok(count);
            };
            self.offset = last.end;
            count += records.len() as u64;
        }
    }
}

/// Those of these files that some record here names, applied or not or refused. Looks on without a lock, beside a running engine too; no directory, no records.
pub fn waiting(dir: &Path, files: &[String]) -> Result<Vec<String>, JournalError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io(dir, "read it"))?,
    };
    let mut named = vec![false; files.len()];
    for entry in entries {
        let path = entry.map_err(io(dir, "read it"))?.path();
        let records = path.extension().is_some_and(|extension| extension == "seg" || extension == "log");
        let text = match fs::read(&path) {
            _ if !records => continue,
            // applied meanwhile
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            text => text.map_err(io(&path, "read it"))?,
        };
        let text = String::from_utf8_lossy(&text);
        named.iter_mut().zip(files).for_each(|(named, file)| *named = *named || text.contains(file.as_str()));
    }
    Ok(files.iter().zip(named).filter(|(_, named)| *named).map(|(file, _)| file.clone()).collect())
}

/// The JSON of a line whose length and check sum are right.
fn check(line: &[u8]) -> Option<&[u8]> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (crc, length, json) = (parts.next()?, parts.next()?, parts.next()?);
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    (length == json.len() && crc == crc32(json)).then_some(json)
}

/// CRC-32 (ISO-HDLC, reflected 0xEDB88320), a byte at a time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.seg"))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { path, what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let json = br#"{"a":1}"#;
        let line = format!("{:08x} {} ", crc32(json), json.len());
        assert_eq!(check(&[line.as_bytes(), json].concat()), Some(&json[..]));
        for bad in [&b""[..], b"x", b"00000000 7 {\"a\":1}", b"zz 1 x", b"\xff\xfe 1 x"] {
            assert_eq!(check(bad), None);
        }
    }
}
