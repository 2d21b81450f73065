//! Writes recordings to the disk, on a thread of its own: the media threads never wait for a file. A recording grows in `<name>.wav.part`, whose header
//! is kept right, and gets its name when it is whole and safe on the disk. Disk errors are told to the call's owner.

use super::Notice;
use super::lane::Inbox;
use crate::media::SAMPLE_RATE;
use crate::media::recorder::RecordingEnd;
use crate::media::session::{Event, Recording, RecordingOutput};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::UnboundedSender;

/// What the writer gets to do.
pub(super) enum Job {
    /// The output of the recorder of call `call`, whose owner listens on `events`.
    Output { call: u64, output: RecordingOutput, events: UnboundedSender<Event> },
    /// No more will come.
    Stop,
}

/// Works until [`Job::Stop`]. The ends go out by way of `notices`, behind the events that led to them.
pub(super) fn run(inbox: &Inbox<Job>, notices: &Inbox<Notice>, folder: &Path) {
    let mut open: HashMap<u64, Open> = HashMap::new();
    loop {
        match inbox.wait() {
            Job::Stop => return,
            Job::Output { call, output: RecordingOutput::Started { tag, name }, .. } => {
                open.insert(call, Open::new(tag, name));
            }
            Job::Output { call, output: RecordingOutput::Samples(samples), .. } => {
                if let Some(recording) = open.get_mut(&call) {
                    recording.write(folder, &samples);
                }
            }
            Job::Output { call, output: RecordingOutput::Ended(why), events } => {
                if let Some(recording) = open.remove(&call) {
                    notices.send(Notice::Event(events, recording.end(folder, why)));
                }
            }
        }
    }
}

/// One recording under way.
struct Open {
    tag: u64,
    name: String,
    samples: u64,
    state: State,
}

enum State {
    /// No sample yet, no file.
    New,
    Writing(Wav),
    Failed(String),
}

struct Wav {
    writer: hound::WavWriter<BufWriter<File>>,
    file: File,
    part: PathBuf,
}

impl Open {
    fn new(tag: u64, name: Option<String>) -> Open {
        let name = name.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let state =
            if is_plain(&name) { State::New } else { State::Failed("the name is no plain file name".to_owned()) };
        Open { tag, name, samples: 0, state }
    }

    fn write(&mut self, folder: &Path, samples: &[i16]) {
        self.state = match std::mem::replace(&mut self.state, State::New) {
            State::New => match Wav::create(folder.join(format!("{}.wav.part", self.name))) {
                Ok(wav) => wav.write(samples),
                Err(error) => State::Failed(error),
            },
            State::Writing(wav) => wav.write(samples),
            failed @ State::Failed(_) => failed,
        };
        self.samples += samples.len() as u64;
    }

    fn end(self, folder: &Path, why: RecordingEnd) -> Event {
        let file = format!("{}.wav", self.name);
        let duration_ms = self.samples * 1000 / u64::from(SAMPLE_RATE);
        let recording = match self.state {
            State::New => Recording::Empty,
            State::Failed(error) => Recording::Failed { error },
            State::Writing(wav) => match wav.finish(folder, &file) {
                Ok(()) => Recording::Saved { file, duration_ms },
                Err(error) => Recording::Failed { error },
            },
        };
        Event::RecordingEnded { tag: self.tag, why, recording }
    }
}

impl Wav {
    fn create(part: PathBuf) -> Result<Wav, String> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let create = || -> Result<Wav, hound::Error> {
            let file = File::options().write(true).create_new(true).open(&part)?;
            let writer = hound::WavWriter::new(BufWriter::new(file.try_clone()?), spec)?;
            Ok(Wav { writer, file, part: part.clone() })
        };
        create().map_err(|error| error.to_string())
    }

    fn write(mut self, samples: &[i16]) -> State {
        let mut write = || {
            samples.iter().try_for_each(|sample| self.writer.write_sample(*sample))?;
            self.writer.flush() // the header too: after a crash the part is a whole WAV
        };
        match write() {
            Ok(()) => State::Writing(self),
            Err(error) => State::Failed(error.to_string()),
        }
    }

    fn finish(self, folder: &Path, file: &str) -> Result<(), String> {
        self.writer.finalize().map_err(|error| error.to_string())?;
        let publish = || -> io::Result<()> {
            self.file.sync_all()?;
            let whole = folder.join(file);
            if whole.exists() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(&self.part, whole)?;
            File::open(folder)?.sync_all()
        };
        publish().map_err(|error| error.to_string())
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(folder: &Path, name: Option<&str>, chunks: &[&[i16]]) -> Recording {
        let mut open = Open::new(3, name.map(str::to_owned));
        chunks.iter().for_each(|chunk| open.write(folder, chunk));
        match open.end(folder, RecordingEnd::Stopped) {
            Event::RecordingEnded { tag: 3, why: RecordingEnd::Stopped, recording } => recording,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_recording_is_saved_whole_under_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let saved = recording(folder.path(), Some("a-1"), &[&[1; 800], &[2; 80]]);
        assert_eq!(saved, Recording::Saved { file: "a-1.wav".to_owned(), duration_ms: 110 });
        let mut wav = hound::WavReader::open(folder.path().join("a-1.wav")).expect("a WAV");
        assert_eq!(wav.spec().sample_rate, 8_000);
        assert_eq!(wav.samples::<i16>().flatten().map(i64::from).sum::<i64>(), 960);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part is left");

        let Recording::Saved { file, .. } = recording(folder.path(), None, &[&[1; 8]]) else { panic!("not saved") };
        let id = uuid::Uuid::parse_str(file.trim_end_matches(".wav")).expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
    }

    #[test]
    fn while_it_grows_the_part_is_a_wav_already() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut open = Open::new(1, Some("x".to_owned()));
        open.write(folder.path(), &[5; 8_000]);
        let wav = hound::WavReader::open(folder.path().join("x.wav.part")).expect("a WAV");
        assert_eq!(wav.duration(), 8_000);
    }

    #[test]
    fn trouble_is_told_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(recording(folder.path(), Some("none"), &[]), Recording::Empty);
        assert!(matches!(recording(folder.path(), Some("../evil"), &[&[1]]), Recording::Failed { .. }));
        assert!(matches!(recording(&folder.path().join("gone"), None, &[&[1], &[2]]), Recording::Failed { .. }));
        assert!(matches!(recording(folder.path(), Some("twice"), &[&[1]]), Recording::Saved { .. }));
        assert!(matches!(recording(folder.path(), Some("twice"), &[&[2]]), Recording::Failed { .. }));
        let first =
            hound::WavReader::open(folder.path().join("twice.wav")).expect("a WAV").samples::<i16>().flatten().next();
        assert_eq!(first, Some(1));
    }
}
