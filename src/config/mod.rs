//! Settings: built-in defaults, then the TOML file, then the environment (`HUIFANG__SECTION__KEY`). Unknown keys are refused.
//!
//! Structs and their defaults only: reading is `load`, judging is `validate`. No file is opened here and no secret is ever shown:
//! passwords and tokens come from the environment or from a file that a `…_file` key names, never from the TOML text itself.
#![forbid(unsafe_code)]

mod headers;
mod load;
mod media;
mod outbox;
mod reports;
mod sip;
mod validate;

#[cfg(test)]
mod tests;

pub use headers::{RESERVED as RESERVED_HEADERS, split as split_header};
pub use load::{Problem, Problems, judge, parse};
pub use media::{InBand, Machines, Media};
pub use outbox::{SMS, Sms, Webhook, endpoint};
pub use reports::{Reports, WeakItems};
pub use sip::{Dns, NumberFormat, Prack, Sip, SipTls, Srtp, Strangers, Transport, Trunk, network};
pub use validate::validate;

use chrono::NaiveTime;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// `24:00` as a `NaiveTime` can hold it: the day's last second.
pub const END_OF_DAY: NaiveTime = match NaiveTime::from_hms_opt(23, 59, 59) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// All settings of one process.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `[dealer]`: who is calling.
    pub dealer: Dealer,
    /// `[database]`: PostgreSQL, private or yours.
    pub database: Database,
    /// `[sip]`: the user agent's own side.
    pub sip: Sip,
    /// `[dns]`: which name servers know the trunks' names.
    pub dns: Dns,
    /// `[trunks.NAME]`: where calls leave.
    pub trunks: BTreeMap<String, Trunk>,
    /// `[media]`: RTP, recordings.
    pub media: Media,
    /// `[machines]`: who took the call.
    pub machines: Machines,
    /// `[dialer]`: when, how many, how often.
    pub dialer: Dialer,
    /// `[agents]`: live agents and how callers reach them.
    pub agents: Agents,
    /// `[calendar]`: which touches customers are owed.
    pub calendar: Calendar,
    /// `[trace]`: SIP messages of attempts.
    pub trace: Trace,
    /// `[telemetry]`: traces for OpenTelemetry.
    pub telemetry: Telemetry,
    /// `[retention]`: how long things are kept.
    pub retention: Retention,
    /// `[reports]`: decks and sheets that are made by themselves.
    pub reports: Reports,
    /// `[webhooks.NAME]`: other systems that are told of what happens.
    pub webhooks: BTreeMap<String, Webhook>,
    /// `[sms]`: the text message in a call's place.
    pub sms: Sms,
    /// `[weak_items]`: which items are proposed for improvement.
    pub weak_items: WeakItems,
    /// `[survey]`: where surveys and prompts lie.
    pub survey: Survey,
    /// `[web]`: status API and page.
    pub web: Web,
}

/// `[dealer]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Dealer {
    /// The dealer's name as pages show it.
    pub name: String,
    /// ISO 3166 country of numbers that come without `+`.
    pub country: String,
    /// Language of customers whose list names none.
    pub language: String,
    /// IANA zone of customers whose list names none.
    pub time_zone: String,
}

impl Default for Dealer {
    fn default() -> Self {
        Dealer {
            name: "huifang".into(),
            country: "CN".into(),
            language: "zh-CN".into(),
            time_zone: "Asia/Shanghai".into(),
        }
    }
}

/// `[database]`; `DATABASE_URL` or `url_file` names a server of yours, without them a private cluster is started in `data_dir`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Database {
    /// Where the private cluster and the journal live.
    pub data_dir: PathBuf,
    /// Connection string; only from the environment (`DATABASE_URL`).
    pub url: Option<SecretString>,
    /// A file that holds the connection string.
    pub url_file: Option<PathBuf>,
    /// Connections in the pool.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Database { data_dir: "data".into(), url: None, url_file: None, max_connections: 10 }
    }
}

/// `[dialer]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Dialer {
    /// Name of this engine process in leases; default: host name and data directory.
    pub node: Option<String>,
    /// Calls at the same time, over all trunks.
    pub max_calls: u32,
    /// Calls at the same time over all trunks and all engines on one database; 0: no limit beside those of the trunks.
    pub max_calls_all_engines: u32,
    /// Only numbers that begin with one of these are dialled. Empty: nobody is called.
    pub allow: Vec<String>,
    /// Calling window.
    pub window: Window,
    /// Minutes until the next attempt, by outcome.
    pub retry: Retry,
    /// Attempts for one follow-up in all.
    pub max_attempts: u32,
    /// Attempts for one follow-up on one day of the customer.
    pub max_attempts_a_day: u32,
    /// Attempts to one number on one day of the customer, over all follow-ups.
    pub max_attempts_a_day_to_number: u32,
    /// Attempts to one number in 30 days, over all follow-ups.
    pub max_attempts_30_days_to_number: u32,
    /// Hours for which a number is left alone after an attempt for another follow-up.
    pub gap_attempt_h: u32,
    /// Days for which a number is left alone after a conversation for another follow-up.
    pub gap_conversation_d: u32,
    /// Minutes of conversation on one day of the dealer, over all engines, after which nobody is called any more; 0: no limit.
    pub max_minutes_a_day: u32,
    /// Seconds that live calls have for their closing prompt when the engine is stopped.
    pub drain_s: u64,
    /// Directory of country packs (`CN.toml` …) that take the place of the built-in ones.
    pub countries_dir: Option<PathBuf>,
    /// Seconds a lease lasts without a heartbeat.
    pub lease_ttl_s: u64,
    /// Hours after the event before the first call.
    pub delay_h: u64,
}

impl Default for Dialer {
    fn default() -> Self {
        Dialer {
            node: None,
            max_calls: 20,
            max_calls_all_engines: 0,
            allow: Vec::new(),
            window: Window::default(),
            retry: Retry::default(),
            max_attempts: 6,
            max_attempts_a_day: 2,
            max_attempts_a_day_to_number: 3,
            max_attempts_30_days_to_number: 12,
            gap_attempt_h: 4,
            gap_conversation_d: 1,
            max_minutes_a_day: 10_000,
            drain_s: 45,
            countries_dir: None,
            lease_ttl_s: 60,
            delay_h: 24,
        }
    }
}

/// `[dialer.window]`: local time of the customer in which a call may start.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Window {
    /// First minute in which a call may start.
    #[serde(deserialize_with = "load::hour_minute")]
    pub open: NaiveTime,
    /// First minute in which none may start any more.
    #[serde(deserialize_with = "load::hour_minute_end")]
    pub close: NaiveTime,
    /// Days on which calls may start: `mon` … `sun`.
    pub weekdays: Vec<String>,
    /// Must be set for a window that begins before 08:00 or ends after 21:00; then this window counts alone, and no country's hours.
    pub allow_night: bool,
    /// Call on the public holidays of the customer's country too.
    pub allow_holidays: bool,
}

impl Default for Window {
    fn default() -> Self {
        Window {
            open: NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default(),
            close: NaiveTime::from_hms_opt(20, 0, 0).unwrap_or_default(),
            weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from).to_vec(),
            allow_night: false,
            allow_holidays: false,
        }
    }
}

/// `[dialer.retry]`: minutes until the next attempt.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// After a busy tone.
    pub busy_min: u32,
    /// After the phone rejected the call.
    pub declined_min: u32,
    /// After nobody answered.
    pub no_answer_min: u32,
    /// After an answering machine.
    pub machine_min: u32,
    /// After the phone could not be reached.
    pub unreachable_min: u32,
    /// After the trunk or the network had no room.
    pub congestion_min: u32,
    /// After the customer hung up in the middle, or said nothing.
    pub break_off_min: u32,
    /// After an attempt of which nobody knows what became, once a person has released the follow-up.
    pub unknown_min: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            busy_min: 30,
            declined_min: 180,
            no_answer_min: 180,
            machine_min: 180,
            unreachable_min: 240,
            congestion_min: 10,
            break_off_min: 240,
            unknown_min: 60,
        }
    }
}

/// `[agents]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Agents {
    /// Whether callers are offered a live agent at all.
    pub offer: bool,
    /// Realm of the registrar for agents' softphones; a change makes every stored SIP password void.
    pub realm: String,
    /// Seconds that an agent's phone or page may ring.
    pub ring_s: u64,
    /// Agents tried for one caller at most.
    pub max_tries: u32,
    /// Seconds that a caller is held in all, over all tries.
    pub hold_max_s: u64,
    /// Seconds that an agent who picked up has to press the accept key.
    pub accept_s: u64,
    /// Seconds for writing up after a call.
    pub wrap_up_s: u64,
    /// A caller who wanted a person and had none after so many seconds counts as abandoned.
    pub abandoned_after_s: u32,
    /// Above this share of abandoned callers in 24 hours no agent is offered for the survey, in percent.
    pub abandoned_limit_24h_percent: u32,
    /// The same over 30 days.
    pub abandoned_limit_30d_percent: u32,
    /// Fewer callers than this who wanted a person say nothing about a share.
    pub abandoned_min_callers: u32,
    /// Seconds that the hold on an agent lasts without a sign of life of the engine that has the caller.
    pub lease_ttl_s: u64,
    /// Seconds without a sign of life of an agent's open page until the agent is offline.
    pub page_ttl_s: u64,
    /// Hosts that agents' SIP URIs may name beside the trunks' addresses, as IP addresses. Registered phones need no entry.
    pub allow_hosts: Vec<IpAddr>,
}

impl Default for Agents {
    fn default() -> Self {
        Agents {
            offer: true,
            realm: "huifang".into(),
            ring_s: 20,
            max_tries: 3,
            hold_max_s: 60,
            accept_s: 10,
            wrap_up_s: 60,
            abandoned_after_s: 30,
            abandoned_limit_24h_percent: 10,
            abandoned_limit_30d_percent: 5,
            abandoned_min_callers: 20,
            lease_ttl_s: 15,
            page_ttl_s: 15,
            allow_hosts: Vec::new(),
        }
    }
}

/// `[calendar]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Calendar {
    /// The calendar's file; default: the built-in one, which is `calendar/default.toml`.
    pub file: Option<PathBuf>,
    /// How many days ahead touches are planned.
    pub ahead_days: u32,
    /// Minutes between two plannings of a running engine.
    pub every_min: u32,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { file: None, ahead_days: 31, every_min: 15 }
    }
}

/// Of which attempts the SIP messages are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceSip {
    /// Of none.
    Off,
    /// Of those that went wrong.
    #[default]
    Failed,
    /// Of all.
    All,
}

/// `[trace]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// Of which attempts whole SIP messages are kept.
    pub sip: TraceSip,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// Where spans go: the root of an OpenTelemetry collector that takes OTLP by HTTP (`http://127.0.0.1:4318`). None: nowhere.
    pub otlp_endpoint: Option<String>,
    /// The share of attempts and requests that are traced, 0 to 1.
    pub sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { otlp_endpoint: None, sample: 1.0 }
    }
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Days for which recordings are kept, where that is less than the country pack of the called number says; default: what the pack says.
    pub recordings_days: Option<u32>,
    /// The same for what was keyed; scores and what they mean stay.
    pub answers_days: Option<u32>,
    /// The same for timelines of attempts; outcomes stay.
    pub attempts_days: Option<u32>,
    /// Days for which SIP messages of attempts are kept.
    pub traces_days: u32,
    /// Days for which messages to others are kept after they were sent.
    pub outbox_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { recordings_days: None, answers_days: None, attempts_days: None, traces_days: 14, outbox_days: 30 }
    }
}

/// `[survey]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Survey {
    /// Directory of survey files.
    pub surveys_dir: PathBuf,
    /// Directory of prompts, one directory for each language.
    pub prompts_dir: PathBuf,
}

impl Default for Survey {
    fn default() -> Self {
        Survey { surveys_dir: "surveys".into(), prompts_dir: "prompts".into() }
    }
}

/// `[web]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Web {
    /// Address of the status API and page. Without a token only loopback is accepted.
    pub listen: SocketAddr,
    /// Bearer token; only from the environment (`HUIFANG__WEB__TOKEN`).
    pub token: Option<SecretString>,
    /// A file that holds the bearer token.
    pub token_file: Option<PathBuf>,
    /// Certificates in PEM, ours first: pages and API by TLS alone. Read anew when it changes.
    pub certificate_file: Option<PathBuf>,
    /// The key of the first certificate, in PEM.
    pub key_file: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count, as IP addresses.
    pub trusted_proxies: Vec<IpAddr>,
    /// Requests of one API token in a minute; 0: no limit.
    pub token_requests_per_min: u32,
    /// Requests from one address in a minute; 0: no limit. This machine's own are not counted.
    pub address_requests_per_min: u32,
}

impl Default for Web {
    fn default() -> Self {
        Web {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            token: None,
            token_file: None,
            certificate_file: None,
            key_file: None,
            trusted_proxies: Vec::new(),
            token_requests_per_min: 600,
            address_requests_per_min: 1200,
        }
    }
}
