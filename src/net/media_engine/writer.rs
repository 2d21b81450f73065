//! Writes recordings to the disk, on a thread of its own: the media threads never wait for a file. A recording grows in `<name>.wav.part`, whose header
//! is kept right, and gets its name when it is whole and safe on the disk. Disk errors are told to the call's owner.

use super::Notice;
use super::lane::Inbox;
use crate::media::SAMPLE_RATE;
use crate::media::polish::polish;
use crate::media::recorder::RecordingEnd;
use crate::media::session::{Event, Recording, RecordingOutput};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::UnboundedSender;

/// Which recording of a call: each kind runs once at a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Track {
    /// What the customer was asked to say: one channel.
    Customer,
    /// The whole call, both ways: two channels, never trimmed, so that what is heard stays where it was.
    Call,
}

impl Track {
    fn spec(self) -> hound::WavSpec {
        let channels = match self {
            Track::Customer => 1,
            Track::Call => 2,
        };
        let (sample_rate, sample_format) = (SAMPLE_RATE, hound::SampleFormat::Int);
        hound::WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format }
    }
}

/// What the writer gets to do.
pub(super) enum Job {
    /// The output of a recorder of call `call`, whose owner listens on `events`.
    Output { call: u64, track: Track, output: RecordingOutput, events: UnboundedSender<Event> },
    /// No more will come.
    Stop,
}

/// Works until [`Job::Stop`]. The ends go out by way of `notices`, behind the events that led to them.
/// With `polishing` a recording is trimmed and levelled before it gets its name.
pub(super) fn run(inbox: &Inbox<Job>, notices: &Inbox<Notice>, folder: &Path, polishing: bool) {
    let mut open: HashMap<(u64, Track), Open> = HashMap::new();
    loop {
        match inbox.wait() {
            Job::Stop => return,
            Job::Output { call, track, output: RecordingOutput::Started { tag, name }, .. } => {
                open.insert((call, track), Open::new(tag, track, name));
            }
            Job::Output { call, track, output: RecordingOutput::Samples(samples), .. } => {
                if let Some(recording) = open.get_mut(&(call, track)) {
                    recording.write(folder, &samples);
                }
            }
            Job::Output { call, track, output: RecordingOutput::Ended(why), events } => {
                if let Some(recording) = open.remove(&(call, track)) {
                    notices.send(Notice::Event(events, recording.end(folder, why, polishing)));
                }
            }
        }
    }
}

/// One recording under way.
struct Open {
    tag: u64,
    track: Track,
    name: String,
    /// Of all channels together.
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
    fn new(tag: u64, track: Track, name: Option<String>) -> Open {
        let name = name.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let state =
            if is_plain(&name) { State::New } else { State::Failed("the name is no plain file name".to_owned()) };
        Open { tag, track, name, samples: 0, state }
    }

    fn write(&mut self, folder: &Path, samples: &[i16]) {
        self.state = match std::mem::replace(&mut self.state, State::New) {
            State::New => match Wav::create(folder.join(format!("{}.wav.part", self.name)), self.track.spec()) {
                Ok(wav) => wav.write(samples),
                Err(error) => State::Failed(error),
            },
            State::Writing(wav) => wav.write(samples),
            failed @ State::Failed(_) => failed,
        };
        self.samples += samples.len() as u64;
    }

    fn end(self, folder: &Path, why: RecordingEnd, polishing: bool) -> Event {
        let file = format!("{}.wav", self.name);
        let samples = self.samples / u64::from(self.track.spec().channels);
        let polishing = polishing && self.track == Track::Customer;
        let recording = match self.state {
            State::New => Recording::Empty,
            State::Failed(error) => Recording::Failed { error },
            State::Writing(wav) => {
                wav.finish(folder, &file, samples, polishing).unwrap_or_else(|error| Recording::Failed { error })
            }
        };
        Event::RecordingEnded { tag: self.tag, why, recording }
    }
}

impl Wav {
    fn create(part: PathBuf, spec: hound::WavSpec) -> Result<Wav, String> {
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

    fn finish(self, folder: &Path, name: &str, samples: u64, polishing: bool) -> Result<Recording, String> {
        let Wav { writer, file, part } = self;
        writer.finalize().map_err(|error| error.to_string())?;
        let raw = Finished { file, part, samples };
        let better = if polishing { polished(&raw.part) } else { Polish::AsItIs };
        let best = match &better {
            Polish::Better(better) => better,
            Polish::AsItIs => &raw,
            Polish::Silent => {
                let _ = std::fs::remove_file(&raw.part);
                return Ok(Recording::Empty);
            }
        };
        publish(best, folder, name).map_err(|error| error.to_string())?;
        // of a polished one; what stays after a crash here is a part that nobody asks for
        let _ = std::fs::remove_file(&raw.part);
        let duration_ms = best.samples * 1000 / u64::from(SAMPLE_RATE);
        Ok(Recording::Saved { file: name.to_owned(), duration_ms })
    }
}

/// A whole file gets its name, never in place of another one.
fn publish(finished: &Finished, folder: &Path, name: &str) -> io::Result<()> {
    finished.file.sync_all()?;
    let whole = folder.join(name);
    if whole.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(&finished.part, whole)?;
    File::open(folder)?.sync_all()
}

/// What trimming and levelling made of a recording.
enum Polish {
    Better(Finished),
    /// As it was said is better than not at all.
    AsItIs,
    /// Nobody says anything in it.
    Silent,
}

/// The recording of `part`, trimmed and levelled, in a file beside it.
fn polished(part: &Path) -> Polish {
    let better = part.with_extension("polished.part");
    let polish = || -> Result<Option<Finished>, hound::Error> {
        let raw: Vec<i16> = hound::WavReader::open(part)?.samples().collect::<Result<_, _>>()?;
        let Some(samples) = polish(&raw) else { return Ok(None) };
        let file = File::options().write(true).create(true).truncate(true).open(&better)?;
        let mut writer = hound::WavWriter::new(BufWriter::new(file.try_clone()?), Track::Customer.spec())?;
        samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
        writer.finalize()?;
        Ok(Some(Finished { file, part: better.clone(), samples: samples.len() as u64 }))
    };
    match polish() {
        Ok(Some(finished)) => Polish::Better(finished),
        Ok(None) => Polish::Silent,
        Err(error) => {
            let _ = std::fs::remove_file(&better); // as on a full disk
            tracing::warn!(%error, "a recording stays as it was said");
            Polish::AsItIs
        }
    }
}

/// A file that is whole and has no name yet.
struct Finished {
    file: File,
    part: PathBuf,
    samples: u64,
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(folder: &Path, name: Option<&str>, chunks: &[&[i16]]) -> Recording {
        recording_with(folder, name, chunks, false)
    }

    fn recording_with(folder: &Path, name: Option<&str>, chunks: &[&[i16]], polishing: bool) -> Recording {
        let mut open = Open::new(3, Track::Customer, name.map(str::to_owned));
        chunks.iter().for_each(|chunk| open.write(folder, chunk));
        match open.end(folder, RecordingEnd::Stopped, polishing) {
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
        let mut open = Open::new(1, Track::Customer, Some("x".to_owned()));
        open.write(folder.path(), &[5; 8_000]);
        let wav = hound::WavReader::open(folder.path().join("x.wav.part")).expect("a WAV");
        assert_eq!(wav.duration(), 8_000);
    }

    #[test]
    fn a_whole_call_has_two_channels_and_is_not_trimmed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut open = Open::new(9, Track::Call, Some("c".to_owned()));
        open.write(folder.path(), &[3, -3].repeat(8_000));
        let ended = open.end(folder.path(), RecordingEnd::Closed, true);
        let recording = Recording::Saved { file: "c.wav".to_owned(), duration_ms: 1_000 };
        assert_eq!(ended, Event::RecordingEnded { tag: 9, why: RecordingEnd::Closed, recording });
        let mut wav = hound::WavReader::open(folder.path().join("c.wav")).expect("a WAV");
        assert_eq!((wav.spec().channels, wav.duration()), (2, 8_000));
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("samples");
        assert!(samples.chunks(2).all(|pair| pair == [3, -3]));
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

    #[test]
    fn a_polished_recording_is_trimmed_and_one_without_a_word_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (quiet, words) = (vec![3i16; 16_000], (0..16_000).map(|n| ((n * 700 % 9_000) - 4_500) as i16));
        let words: Vec<i16> = words.collect();
        let saved = recording_with(folder.path(), Some("a"), &[&quiet, &words, &quiet], true);
        let Recording::Saved { file, duration_ms } = saved else { panic!("{saved:?}") };
        assert!((2_300..=2_500).contains(&duration_ms), "{duration_ms} ms of 6 s");
        let wav = hound::WavReader::open(folder.path().join(file)).expect("a WAV");
        assert_eq!(u64::from(wav.duration()), duration_ms * 8);
        assert_eq!(recording_with(folder.path(), Some("b"), &[&quiet], true), Recording::Empty);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part is left");
        // a name that is taken stays what it is, and what was said stays in its part
        let again = recording_with(folder.path(), Some("a"), &[&words], true);
        assert!(matches!(again, Recording::Failed { .. }), "{again:?}");
    }
}
