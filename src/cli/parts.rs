//! Parts that several commands put together: prompts, surveys, the store, the line to the trunks. Each failure is one sentence that says what to do.

use super::Failure;
use crate::agent::desk::Registrar;
use crate::call::driver::Line;
use crate::config::{self, Settings};
use crate::db::surveys::{self, Published};
use crate::db::{self, Store, StoreError, StoreSettings};
use crate::dialer::forget::Forget;
use crate::dialer::outlook;
use crate::dialer::policy::country::{self, Pack};
use crate::dialer::policy::{Keep, Manners};
use crate::dialer::retention::Purge;
pub use crate::dialer::surveys::Catalog;
use crate::dialer::trunks::Trunk;
use crate::followup::calendar::Offset;
use crate::followup::calendar::rule::Calendar;
use crate::media::amd;
use crate::media::prompt::PromptStore;
use crate::net::media_engine::{MediaConfig, MediaEngine};
use crate::net::prompt_files;
use crate::net::resolve::Resolver;
use crate::net::sip_transport::{self, Listen, SipHandle, Tls, TlsFiles};
use crate::net::tls_files::Certificate;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{DoorConfig, EndpointConfig, IncomingPolicy, Strangers};
use crate::sip::registrar::RegistrarConfig;
use crate::sip::tap::Tap;
use crate::survey::definition::Definition;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

/// A survey with the text that it was read from.
#[derive(Clone)]
pub struct SurveyFile {
    /// What is asked.
    pub definition: Arc<Definition>,
    /// The file's text, which is what gets published.
    pub text: String,
}

impl SurveyFile {
    /// Publishes it under the version that it states.
    pub async fn publish(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Published, Failure> {
        surveys::publish_stated(conn, &self.definition, &self.text, now).await.map_err(Failure::start)
    }
}

/// Reads all prompts; a prompt that cannot be played is an error.
pub fn load_prompts(directory: &Path) -> Result<Arc<PromptStore>, Failure> {
    prompt_files::load(directory).map(Arc::new).map_err(Failure::start)
}

/// Reads all survey files, by key.
pub fn load_surveys(directory: &Path) -> Result<BTreeMap<String, SurveyFile>, Failure> {
    let mut surveys = BTreeMap::new();
    for path in survey_files(directory)? {
        let survey = read_survey(&path)?;
        let key = survey.definition.key.clone();
        if surveys.insert(key.clone(), survey).is_some() {
            return Err(Failure::start(format!(
                "{}: the survey `{key}` stands in another file already",
                path.display()
            )));
        }
    }
    if surveys.is_empty() {
        return Err(Failure::start(format!("{}: there is no survey file (*.toml)", directory.display())));
    }
    Ok(surveys)
}

/// The survey files of a directory, sorted.
pub fn survey_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(directory)
        .map_err(|error| Failure::start(format!("{}: the surveys cannot be read: {error}", directory.display())))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

/// Reads one survey file.
pub fn read_survey(path: &Path) -> Result<SurveyFile, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::start(format!("{name}: {error}")))?;
    let definition = Definition::from_toml(&name, &text).map_err(Failure::start)?;
    Ok(SurveyFile { definition, text })
}

/// The follow-up calendar: the file that the settings name, or the built-in one.
pub fn calendar(settings: &Settings) -> Result<Arc<Calendar>, Failure> {
    let Some(file) = &settings.calendar.file else {
        return Calendar::built_in().map(Arc::new).map_err(Failure::start);
    };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::start(format!("{name}: {error}")))?;
    Calendar::from_toml(&name, &text).map(Arc::new).map_err(Failure::start)
}

/// How long after its event a call becomes due where the calendar does not say.
pub fn delay(settings: &Settings) -> Offset {
    Offset::hours(i32::try_from(settings.dialer.delay_h).unwrap_or(i32::from(i16::MAX)))
}

/// Opens the store that the settings name and brings it to this version's tables.
pub async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let store = connect(settings).await?;
    match db::migrate(&store.pool).await {
        Ok(()) => Ok(store),
        Err(error) => {
            let _ = store.close().await;
            Err(Failure::start(error))
        }
    }
}

/// Opens the store that the settings name.
pub async fn connect(settings: &Settings) -> Result<Store, Failure> {
    let database = &settings.database;
    let settings = StoreSettings {
        database_url: secret(database.url.as_ref(), database.url_file.as_deref(), "database.url_file")?,
        data_dir: database.data_dir.clone(),
        max_connections: database.max_connections,
    };
    db::connect(&settings).await.map_err(Failure::start)
}

/// One connection of the store.
pub async fn connection(store: &Store) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Failure> {
    store.pool.acquire().await.map_err(|error| Failure::start(StoreError::from(error)))
}

/// The trunks of the settings with their credentials.
pub fn trunks(settings: &Settings) -> Result<Vec<Trunk>, Failure> {
    let mut trunks = Vec::new();
    for (name, trunk) in &settings.trunks {
        let key = format!("trunks.{name}.password_file");
        let password = secret(trunk.password.as_ref(), trunk.password_file.as_deref(), &key)?;
        let credentials = match (&trunk.username, password) {
            (Some(username), Some(password)) => Some(Credentials { username: username.clone(), password }),
            (Some(_), None) => {
                return Err(Failure::start(format!(
                    "trunks.{name}.username: there is no password (password_file or environment)"
                )));
            }
            (None, _) => None,
        };
        trunks.push(Trunk::new(name, credentials, trunk.clone()));
    }
    Ok(trunks)
}

/// Who knows where named trunks are; nobody is asked where none is named.
pub fn resolver(settings: &Settings) -> Result<Option<Resolver>, Failure> {
    let named = settings.trunks.values().any(|trunk| trunk.host.is_some());
    let resolver = || Resolver::new(&settings.dns.addresses(), settings.sip.listen.is_ipv6());
    named.then(resolver).transpose().map_err(|error| Failure::start(format!("dns: {error}")))
}

/// The country packs: the built-in ones, and those of `dialer.countries_dir`.
pub fn packs(settings: &Settings) -> Result<BTreeMap<String, Pack>, Failure> {
    let mut more = Vec::new();
    if let Some(directory) = &settings.dialer.countries_dir {
        let unreadable = |error: std::io::Error| {
            Failure::start(format!("dialer.countries_dir: {} cannot be read: {error}", directory.display()))
        };
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                more.push((path.display().to_string(), std::fs::read_to_string(&path).map_err(unreadable)?));
            }
        }
    }
    country::packs(&more).map_err(Failure::start)
}

/// The settings and the country packs as rules.
pub fn manners(settings: &Settings) -> Result<Manners, Failure> {
    Ok(Manners::new(&settings.dialer, &packs(settings)?))
}

/// What the outlook of the queue is made from.
pub fn outlook(settings: &Settings) -> Result<outlook::Rules, Failure> {
    Ok(outlook::Rules::new(settings, manners(settings)?, zone(settings)?))
}

/// The dealer's zone.
pub fn zone(settings: &Settings) -> Result<chrono_tz::Tz, Failure> {
    settings.dealer.time_zone.parse().map_err(|_| Failure::start("dealer.time_zone: is no IANA time zone"))
}

/// The name of this engine in leases: the same after a restart on the same data directory, which one engine at a time may use.
pub fn node(settings: &Settings) -> String {
    settings.dialer.node.clone().unwrap_or_else(|| {
        let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
        let directory = std::path::absolute(&settings.database.data_dir).unwrap_or_default();
        format!("{}:{}", host.unwrap_or_else(|_| "localhost".into()), directory.display())
    })
}

/// A secret that is given directly (environment) or by a file; line ends around it do not count.
pub fn secret(direct: Option<&SecretString>, file: Option<&Path>, key: &str) -> Result<Option<SecretString>, Failure> {
    if let Some(direct) = direct {
        return Ok(Some(direct.clone()));
    }
    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::start(format!("{key}: {} cannot be read: {error}", file.display())))?;
    match text.trim() {
        "" => Err(Failure::start(format!("{key}: {} is empty", file.display()))),
        secret => Ok(Some(SecretString::from(secret.to_owned()))),
    }
}

/// Binds the SIP socket. Makes nothing on the disk, so it can come before the store.
pub fn open_sip(settings: &Settings) -> Result<SipHandle, Failure> {
    let config = |bound: SocketAddr| endpoint(settings, bound, None);
    let (sip, _nobody_calls_us) = sip_transport::start(listen(settings)?, config).map_err(Failure::start)?;
    Ok(sip)
}

/// The same, for an engine with which agents' softphones register.
pub fn open_sip_with_registrar(settings: &Settings, tap: Option<Tap>) -> Result<(SipHandle, Registrar), Failure> {
    let registrar = Some(RegistrarConfig::new(&settings.agents.realm));
    let config = |bound: SocketAddr| EndpointConfig { tap, ..endpoint(settings, bound, registrar) };
    let (sip, _nobody_calls_us, events) =
        sip_transport::start_with_registrar(listen(settings)?, config).map_err(Failure::start)?;
    Ok((sip.clone(), Registrar::of(sip, events)))
}

/// Where SIP is listened for, and with which certificates.
fn listen(settings: &Settings) -> Result<Listen, Failure> {
    let sip = &settings.sip;
    let tcp = sip.listen_tcp.or_else(|| speaks(settings, config::Transport::Tcp).then_some(sip.listen));
    Ok(Listen { udp: sip.listen, tcp, tls: sip.tls.listen, certificates: sip_certificates(settings)? })
}

/// Whether a trunk may be reached so.
fn speaks(settings: &Settings, transport: config::Transport) -> bool {
    let may = |trunk: &config::Trunk| match trunk.transport {
        config::Transport::Auto => transport != config::Transport::Tls || settings.sip.tls.ca_file.is_some(),
        only => only == transport,
    };
    settings.trunks.values().any(may)
}

/// The certificates of `[sip.tls]`, where TLS is spoken.
pub fn sip_certificates(settings: &Settings) -> Result<Option<Arc<Tls>>, Failure> {
    let wanted = settings.sip.tls.listen.is_some() || speaks(settings, config::Transport::Tls);
    wanted.then(|| certificates(settings)).transpose()
}

/// The certificates of `[sip.tls]`, and whom each trunk has to be.
fn certificates(settings: &Settings) -> Result<Arc<Tls>, Failure> {
    let files = &settings.sip.tls;
    let own = files.certificate_file.clone().zip(files.key_file.clone());
    let files = TlsFiles { own, ca: files.ca_file.clone(), verify_clients: files.verify_clients };
    let tls = Tls::load(files).map_err(|error| Failure::start(format!("sip.tls: {error}")))?;
    for (key, trunk) in &settings.trunks {
        // of a named trunk the name is asked for wherever it is found (`trunk_keeper`)
        if let (Some(address), Some(name)) = (trunk.address, &trunk.server_name) {
            tls.expect(address, name).map_err(|error| Failure::start(format!("trunks.{key}.server_name: {error}")))?;
        }
    }
    Ok(Arc::new(tls))
}

fn endpoint(settings: &Settings, bound: SocketAddr, registrar: Option<RegistrarConfig>) -> EndpointConfig {
    let local = SocketAddr::new(settings.sip.public_ip(), bound.port());
    let incoming = IncomingPolicy::Refuse(403);
    let door = Some(door(settings));
    EndpointConfig { incoming, registrar, door, ..EndpointConfig::new(local, &settings.sip.user_agent) }
}

/// Who is no stranger: this machine, trunks, agents' hosts, and what the settings name. Named trunks come to it when their names are looked up.
fn door(settings: &Settings) -> DoorConfig {
    let sip = &settings.sip;
    let own = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(config::network);
    let named = sip.known_hosts.iter().filter_map(|host| config::network(host));
    let trunks = settings.trunks.values().flat_map(|trunk| {
        trunk.address.map(|address| address.ip()).into_iter().chain(trunk.redirect_hosts.iter().copied())
    });
    let hosts = trunks.chain(settings.agents.allow_hosts.iter().copied()).map(|ip| ip.to_canonical().into());
    DoorConfig {
        strangers: match sip.strangers {
            config::Strangers::Drop => Strangers::Drop,
            config::Strangers::Refuse => Strangers::Refuse,
        },
        known: own.chain(named).chain(hosts).collect(),
        rate: sip.stranger_rate,
        ban_after: sip.ban_after,
        ban: Duration::from_secs(sip.ban_s),
    }
}

/// Starts the media threads beside the SIP socket.
pub fn open_line(settings: &Settings, sip: SipHandle, prompts: Arc<PromptStore>) -> Result<Line, Failure> {
    let media = MediaEngine::start(media_config(settings)).map_err(Failure::start)?;
    let public_ip = settings.sip.public_ip();
    let (recordings, machines) = (recordings_dir(settings), machines(settings));
    let hold_max = Duration::from_secs(settings.media.hold_max_s);
    let record_calls = settings.media.record_calls;
    Ok(Line { sip, media: Arc::new(media), prompts, public_ip, recordings, machines, hold_max, record_calls })
}

/// How to listen for machines.
fn machines(settings: &Settings) -> Option<amd::Params> {
    let machines = &settings.machines;
    let ms = |seconds: f64| (seconds * 1000.0) as u32;
    let params = amd::Params {
        listen_ms: ms(machines.listen_s),
        beep_ms: ms(machines.beep_s),
        speech_ms: ms(machines.speech_s),
        pause_ms: ms(machines.pause_s),
    };
    machines.detect.then_some(params)
}

fn media_config(settings: &Settings) -> MediaConfig {
    let media = &settings.media;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let bind = media.bind.unwrap_or(settings.sip.listen.ip());
    MediaConfig {
        port_min: media.port_min,
        port_max: media.port_max,
        threads: if media.threads == 0 { cores.saturating_sub(1).max(1) } else { media.threads },
        calls_per_thread: media.calls_per_thread,
        polish: media.polish,
        in_band: media.in_band,
        rtp_timeout: Duration::from_secs(media.rtp_timeout_s),
        one_way_after: Duration::from_secs(media.one_way_after_s),
        ..MediaConfig::new(bind, recordings_dir(settings))
    }
}

/// A certificate that is kept fresh, and what serves it.
pub type WebCertificate = (Arc<Certificate>, Arc<ServerConfig>);

/// The certificate of pages and API; none: they are served without TLS.
pub fn web_certificate(settings: &Settings) -> Result<Option<WebCertificate>, Failure> {
    let (Some(certificate), Some(key)) = (&settings.web.certificate_file, &settings.web.key_file) else {
        return Ok(None);
    };
    let told = |error: String| Failure::start(format!("web.certificate_file, web.key_file: {error}"));
    let certificate = Certificate::load(certificate, key).map_err(|error| told(error.to_string()))?;
    let config = certificate.server_config(&["http/1.1"]).map_err(|error| told(error.to_string()))?;
    Ok(Some((certificate, config)))
}

/// Where recordings go.
pub fn recordings_dir(settings: &Settings) -> PathBuf {
    settings.media.recordings_dir.clone().unwrap_or_else(|| settings.database.data_dir.join("recordings"))
}

/// Where the journal lies.
pub fn journal_dir(settings: &Settings) -> PathBuf {
    settings.database.data_dir.join("journal")
}

/// Who runs the command, for the audit log.
pub fn user() -> String {
    let id = nix::unistd::Uid::current();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| id.to_string(), |user| user.name)
}

/// What removes recordings whose time is over; `by` says who does it.
pub fn purge(settings: &Settings, pool: &sqlx::PgPool, by: String) -> Result<Purge, Failure> {
    let packs = packs(settings)?;
    let own = &settings.retention;
    Ok(Purge {
        pool: pool.clone(),
        directory: recordings_dir(settings),
        keep: Keep::new(own.recordings_days, &packs),
        journal: journal_dir(settings),
        node: node(settings),
        by,
        missing: false,
        forget: Forget {
            answers: Keep::of(|kept| kept.answers_days, own.answers_days, &packs),
            attempts: Keep::of(|kept| kept.attempts_days, own.attempts_days, &packs),
            messages: chrono::TimeDelta::days(own.outbox_days.into()),
        },
        traces: chrono::TimeDelta::days(settings.retention.traces_days.into()),
    })
}

/// A token that is cancelled by SIGTERM or SIGINT. A second signal ends the process at once.
pub fn stop_on_signal() -> CancellationToken {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let told = stop.clone();
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::spawn(async move {
                for _ in 0..2 {
                    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                    if told.is_cancelled() {
                        std::process::exit(130);
                    }
                    told.cancel();
                }
            });
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "signals are not caught; the process ends abruptly")
        }
    }
    stop
}
