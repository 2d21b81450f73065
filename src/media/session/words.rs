//! What a session is told and what it tells: commands, events, and what the writer of a recording gets. Holds nothing and decides nothing.

use crate::media::Codec;
use crate::media::amd;
use crate::media::bridge::Port;
use crate::media::dtmf::fuse::Path;
use crate::media::dtmf::info::Press;
use crate::media::playout::Playlist;
use crate::media::quality::{Hearing, Quality};
use crate::media::recorder::{RecordParams, RecordingEnd};
use std::time::{Duration, Instant};

/// Hears what arrives, packet by packet, and says when a prompt that it knows starts (the simulated callee's ear).
pub trait Listener: Send {
    /// One audio packet: its timestamp in 8 kHz ticks and its G.711 bytes. The id of the prompt that was just recognised.
    fn hear(&mut self, codec: Codec, timestamp: u32, payload: &[u8]) -> Option<&str>;
}

/// What the owner of the call wants.
pub enum Command {
    /// Play these now, in place of what plays.
    Play(Playlist),
    /// Play these without a gap after what is queued.
    Enqueue(Playlist),
    /// Fall silent.
    Stop,
    /// Record what arrives; one that runs ends.
    Record(RecordParams),
    /// End the recording.
    StopRecording,
    /// Record both ways from now on, in two channels, until the call is over.
    RecordCall {
        /// Given back when it ends.
        tag: u64,
        /// Name of the file without its ending; a fresh UUIDv7 when none is given.
        name: Option<String>,
        /// It ends after this at the latest.
        longest: Duration,
    },
    /// Press keys (RFC 4733); playout pauses meanwhile.
    SendKeys {
        /// The keys in order.
        keys: String,
        /// How long each is held, in ms.
        press_ms: u32,
        /// Between two of them, in ms.
        gap_ms: u32,
    },
    /// Let this one hear what arrives.
    Listen(Box<dyn Listener>),
    /// Join this call to the one that has the other end: its audio is sent while nothing plays, its keys are pressed here, and it gets ours.
    /// In place of a bridge that stood; what plays (hold music) plays on until it is stopped.
    Bridge(Port),
    /// Leave the bridge; the other call hears silence.
    Unbridge,
    /// A key came by SIP INFO.
    KeyByInfo(Press),
    /// The far side wants something else from now on.
    Change(Change),
    /// Listen for who took the call, beside everything else.
    Classify(amd::Params),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Command::Play(list) => f.debug_tuple("Play").field(list).finish(),
            Command::Enqueue(list) => f.debug_tuple("Enqueue").field(list).finish(),
            Command::Stop => f.write_str("Stop"),
            Command::Record(params) => f.debug_tuple("Record").field(params).finish(),
            Command::StopRecording => f.write_str("StopRecording"),
            Command::RecordCall { tag, .. } => f.debug_tuple("RecordCall").field(tag).finish(),
            Command::SendKeys { .. } => f.write_str("SendKeys"),
            Command::Listen(_) => f.write_str("Listen"),
            Command::Bridge(_) => f.write_str("Bridge"),
            Command::Unbridge => f.write_str("Unbridge"),
            Command::Change(change) => f.debug_tuple("Change").field(change).finish(),
            Command::KeyByInfo(_) => f.write_str("KeyByInfo"),
            Command::Classify(params) => f.debug_tuple("Classify").field(params).finish(),
        }
    }
}

/// What a re-INVITE may change in a session; the stream that we send goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The codec to send.
    pub codec: Codec,
    /// Payload type of telephone-events that we send.
    pub telephone_event: Option<u8>,
    /// Payload type in which they come.
    pub receive_telephone_event: Option<u8>,
    /// Payload type of comfort noise, where it is not the static 13.
    pub comfort_noise: Option<u8>,
    /// We may send; else the far side holds the call.
    pub may_send: bool,
    /// Something may come; else silence is no loss.
    pub may_receive: bool,
}

/// What the owner of the call learns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A playlist is over.
    PlaybackEnded {
        /// Its tag.
        tag: u64,
        /// It was cut short by a key, by another playlist or by `Stop`.
        interrupted: bool,
    },
    /// A key was pressed.
    Key {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        key: char,
        /// When its first packet was read.
        at: Instant,
        /// The way by which it came first.
        path: Path,
    },
    /// A key that was told already came by a further way.
    KeyAlso {
        /// The key.
        key: char,
        /// The way.
        path: Path,
    },
    /// Who took the call, or that a machine's greeting is over.
    Answerer(amd::Heard),
    /// The first audio of the peer arrived.
    FirstAudio,
    /// The first audio of the peer that is more than digital silence: its microphone is on.
    FirstSound,
    /// Whether the far side hears us; told when it changes.
    Hearing(Hearing),
    /// How good the media were; told when they are closed.
    Quality(Quality),
    /// Nothing has arrived for the RTP timeout; reported once.
    AudioLost,
    /// A recording ended and its file is closed (from the engine's writer).
    RecordingEnded {
        /// Its tag.
        tag: u64,
        /// What made it end.
        why: RecordingEnd,
        /// What became of it.
        recording: Recording,
    },
    /// The keys of `SendKeys` are out.
    KeysSent {
        /// How many; none when the peer knows no telephone-events.
        sent: usize,
    },
    /// The listener recognised the start of a prompt.
    Heard {
        /// The prompt's id.
        prompt: String,
        /// When the packet was read.
        at: Instant,
    },
}

/// What became of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recording {
    /// It is on the disk.
    Saved {
        /// File name, relative to the folder of the recordings.
        file: String,
        /// Its length in ms.
        duration_ms: u64,
    },
    /// No sample arrived; there is no file.
    Empty,
    /// The disk failed; what was written is in the unfinished file, if anything.
    Failed {
        /// What the system said.
        error: String,
    },
}

/// What the writer of the file gets.
#[derive(PartialEq, Eq, Debug)]
pub enum RecordingOutput {
    /// A recording begins.
    Started {
        /// Its tag.
        tag: u64,
        /// The wished name, without ending.
        name: Option<String>,
    },
    /// The next samples (8 kHz); of a whole call those of its two channels in turn.
    Samples(Vec<i16>),
    /// It is over.
    Ended(RecordingEnd),
}
