//! `[media]` and `[machines]`: RTP, recordings, keys as tones, and who took the call.

use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// `[media]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Media {
    /// IP to bind RTP sockets on; default: `sip.listen`'s.
    pub bind: Option<IpAddr>,
    /// Lowest RTP port (even); 0 with `port_max` 0 lets the kernel choose.
    pub port_min: u16,
    /// Highest RTP port.
    pub port_max: u16,
    /// Media threads; 0 = one for each core but one, at least one.
    pub threads: usize,
    /// Calls that one media thread takes.
    pub calls_per_thread: usize,
    /// Whole calls are put on record where the customer agrees; the survey asks.
    pub record_calls: bool,
    /// Recordings are trimmed and levelled when they end.
    pub polish: bool,
    /// Seconds for which a customer may hold the call.
    pub hold_max_s: u64,
    /// When keys are looked for as tones in the audio.
    pub in_band: InBand,
    /// Seconds without any RTP before a call is given up.
    pub rtp_timeout_s: u64,
    /// Seconds for which the far side must hear nothing of us, by its own reports, before a call in which no key came is given up; 0: never.
    pub one_way_after_s: u64,
    /// Where recordings go; default `<database.data_dir>/recordings`.
    pub recordings_dir: Option<PathBuf>,
}

impl Default for Media {
    fn default() -> Self {
        Media {
            bind: None,
            port_min: 20000,
            port_max: 29999,
            threads: 0,
            calls_per_thread: 2500,
            record_calls: false,
            polish: true,
            hold_max_s: 120,
            in_band: InBand::Auto,
            rtp_timeout_s: 20,
            one_way_after_s: 15,
            recordings_dir: None,
        }
    }
}

/// `[machines]`: listening for answering machines and faxes, beside the prompts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Machines {
    /// Whether that is done at all.
    pub detect: bool,
    /// Seconds after which it is said who took the call, at the latest.
    pub listen_s: f64,
    /// Seconds from the answer on in which a beep still tells a machine.
    pub beep_s: f64,
    /// Who talks on for so many seconds without a pause is a machine.
    pub speech_s: f64,
    /// A pause is at least so many seconds long.
    pub pause_s: f64,
}

impl Default for Machines {
    fn default() -> Self {
        Machines { detect: true, listen_s: 6.0, beep_s: 25.0, speech_s: 3.8, pause_s: 0.3 }
    }
}

/// `media.in_band`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InBand {
    /// In calls that have no telephone-event (RFC 4733).
    Auto,
    /// In every call.
    Always,
    /// In none.
    Never,
}
