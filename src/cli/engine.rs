//! The engine as `serve` and `demo` run it: every part started in the order in which one needs the other, and ended in reverse.

use super::live_agents::LiveAgents;
use super::{Failure, parts};
use crate::call::trace::Keep;
use crate::clock::Clock;
use crate::config::{Settings, TraceSip};
use crate::db::journal::{Applier, Journal};
use crate::db::reconcile::Scope;
use crate::db::{self, Store, queue, surveys};
use crate::dialer::tally::Tally;
use crate::dialer::tracer::tracer;
use crate::dialer::trunk_keeper::Keepers;
use crate::dialer::trunks::Trunk;
use crate::dialer::worker::{Engine, Until};
use crate::media::prompt::PromptStore;
use crate::net::media_engine::MediaStats;
use crate::survey::check::{self, Severity};
use crate::survey::definition::Definition;
use crate::web::{self, Options, Part, Readiness, WebState};
use chrono::TimeDelta;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the last BYEs may take at the end; SIP itself gives them up after 32 s.
const LAST_WORDS: Duration = Duration::from_secs(35);

/// How long the last lot of SIP messages may take.
const LAST_TRACES: Duration = Duration::from_secs(5);

/// Surveys by key and published version.
pub type Surveys = BTreeMap<(String, i32), Arc<Definition>>;

/// A running engine.
pub struct Running {
    /// Where the status page is.
    pub page: SocketAddr,
    /// The database's connections.
    pub pool: PgPool,
    store: Store,
    engine: Arc<Engine>,
    live_agents: LiveAgents,
    trunks: Vec<Trunk>,
    keepers: Keepers,
    ready: Readiness,
    page_task: JoinHandle<()>,
    page_stop: CancellationToken,
    applier: JoinHandle<Applier>,
    applier_stop: CancellationToken,
    traces: Option<JoinHandle<()>>,
}

/// Starts everything but the dialling itself. What fails, fails here, before anybody is called.
pub async fn start(settings: &Settings) -> Result<Running, Failure> {
    let clock = Clock::System;
    // What costs nothing to find out comes first.
    let trunks = parts::trunks(settings)?;
    let manners = parts::manners(settings)?;
    let prompts = parts::load_prompts(&settings.survey.prompts_dir)?;
    let files = parts::load_surveys(&settings.survey.surveys_dir)?;
    let certificate = parts::web_certificate(settings)?;
    let listener = TcpListener::bind(settings.web.listen)
        .await
        .map_err(|error| Failure::start(format!("web.listen: cannot listen on {}: {error}", settings.web.listen)))?;
    let page = listener.local_addr().map_err(Failure::start)?;
    let tracing = match settings.trace.sip {
        TraceSip::Off => None,
        TraceSip::Failed => Some(tracer(Keep::Failed)),
        TraceSip::All => Some(tracer(Keep::All)),
    };
    let (tap, tracer, writer) = match tracing {
        Some((tap, tracer, writer)) => (Some(tap), Some(tracer), Some(writer)),
        None => (None, None, None),
    };
    let (sip, registrar) = parts::open_sip_with_registrar(settings, tap)?;
    let store = parts::open_store(settings).await?;
    let line = parts::open_line(settings, sip, prompts.clone())?;
    let pool = store.pool.clone();
    let surveys = publish(&pool, &files, &prompts, &clock).await?;

    let ready = Readiness::expecting(&["dialer", "journal"]);
    let node = parts::node(settings);
    let (journal, mut applier) = Journal::open(&parts::journal_dir(settings)).map_err(Failure::start)?;
    let replayed = applier.drain(&pool).await.map_err(|error| Failure::start(format!("the journal: {error}")))?;
    if replayed > 0 {
        tracing::warn!(replayed, "results of an earlier run were in the journal; they are stored now");
    }
    let keepers = Keepers::start(&trunks, &line.sip, parts::resolver(settings)?.as_ref());
    let live_agents = LiveAgents::start(settings, &pool, &trunks, &line, registrar).await?;
    let purge = parts::purge(settings, &pool, format!("engine {node}"))?;
    let engine = Arc::new(Engine {
        pool: pool.clone(),
        journal,
        line,
        agents: Some(live_agents.agents.clone()),
        surveys: surveys.into(),
        manners,
        settings: settings.dialer.clone(),
        zone: parts::zone(settings)?,
        node,
        purge,
        clock: clock.clone(),
        tracer,
        tally: Tally::default(),
        minutes: Default::default(),
    });
    take_over(&engine).await.map_err(|error| Failure::start(format!("calls of an earlier run: {error}")))?;

    let traces = writer.map(|writer| tokio::spawn(writer.run(pool.clone())));
    let applier_stop = CancellationToken::new();
    let applier = tokio::spawn(applier.run(pool.clone(), applier_stop.clone()));
    ready.set("journal", Part::Ready);
    let options = Options {
        dealer: settings.dealer.name.clone(),
        zone: parts::zone(settings)?,
        language: settings.dealer.language.clone(),
        weak: crate::report::weak::Rule { target: settings.weak_items.target, days: settings.weak_items.days },
        logo: super::report::logo(settings)?,
        country: settings.dealer.country.clone(),
        token: parts::secret(settings.web.token.as_ref(), settings.web.token_file.as_deref(), "web.token_file")?,
        recordings: Some(parts::recordings_dir(settings)),
        page_ttl: TimeDelta::seconds(i64::try_from(settings.agents.page_ttl_s).unwrap_or(300)),
        trusted_proxies: settings.web.trusted_proxies.iter().map(|proxy| proxy.to_canonical()).collect(),
        limits: web::Limits {
            token_per_min: settings.web.token_requests_per_min,
            address_per_min: settings.web.address_requests_per_min,
        },
    };
    let page_stop = CancellationToken::new();
    let state = WebState::new(pool.clone(), clock, ready.clone(), options);
    state.take_lists(super::import::rules(settings, false)?);
    state.show_queue(parts::outlook(settings)?);
    state.speak(engine.line.prompts.clone());
    state.measure(engine.clone(), trunks.clone());
    let page_task = tokio::spawn(serve_page(state, listener, certificate, page_stop.clone()));
    Ok(Running {
        page,
        pool,
        store,
        engine,
        live_agents,
        trunks,
        keepers,
        ready,
        page_task,
        page_stop,
        applier,
        applier_stop,
        traces,
    })
}

impl Running {
    /// Works the queue.
    pub async fn work(&self, until: Until, stop: CancellationToken) {
        self.ready.set("dialer", Part::Ready);
        self.engine.clone().run(self.trunks.clone(), until, stop).await;
        self.ready.set("dialer", Part::Failed("the dialler has stopped".into()));
    }

    /// What the media threads have done so far.
    pub fn media_stats(&self) -> MediaStats {
        self.engine.line.media.stats()
    }

    /// Ends everything: the journal is emptied into the store first.
    pub async fn end(self) -> Result<(), Failure> {
        self.page_stop.cancel();
        let _ = self.page_task.await;
        self.live_agents.end().await;
        self.keepers.end().await;
        self.applier_stop.cancel();
        if self.applier.await.is_err() || self.engine.journal.backlog().records > 0 {
            tracing::warn!("some results are still in the journal; they are stored at the next start");
        }
        // A BYE that was lost is sent again before the process may end.
        let sip = self.engine.line.sip.clone();
        drop(self.engine);
        if tokio::time::timeout(LAST_WORDS, sip.settled()).await.is_err() {
            tracing::warn!("a trunk did not answer our last messages");
        }
        // It ends with the user agent, whose last messages it writes.
        if let Some(traces) = self.traces
            && tokio::time::timeout(LAST_TRACES, traces).await.is_err()
        {
            tracing::warn!("the last SIP messages are not in their traces");
        }
        self.store.close().await.map_err(|error| Failure::Found(error.to_string()))
    }
}

async fn serve_page(
    state: WebState,
    listener: TcpListener,
    certificate: Option<parts::WebCertificate>,
    stop: CancellationToken,
) {
    let tls = certificate.map(|(certificate, config)| {
        tokio::spawn(certificate.keep_fresh(stop.clone()));
        config
    });
    if let Err(error) = web::serve_by(state, listener, tls, stop).await {
        tracing::error!(%error, "the status page has stopped; calls go on");
    }
}

/// A survey with a prompt missing must not reach a customer.
fn playable(definition: &Definition, prompts: &PromptStore) -> Result<(), Failure> {
    let found = check::check(definition, &parts::Catalog(prompts));
    match found.iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(first) => Err(Failure::start(format!(
            "the survey {} cannot be asked: {}: {} (`huifang check` names everything)",
            definition.key, first.place, first.message
        ))),
    }
}

/// Publishes the survey files of the settings whose surveys were never published.
pub async fn publish_files(pool: &PgPool, settings: &Settings, clock: &Clock) -> Result<Surveys, Failure> {
    let prompts = parts::load_prompts(&settings.survey.prompts_dir)?;
    publish(pool, &parts::load_surveys(&settings.survey.surveys_dir)?, &prompts, clock).await
}

/// What is asked is what is published. A survey that was never published is published from its file; a file that differs from its newest
/// published version is named and left alone: `huifang survey publish` is the way. Every version is read back: a follow-up keeps the one that it began with.
async fn publish(
    pool: &PgPool,
    files: &BTreeMap<String, parts::SurveyFile>,
    prompts: &PromptStore,
    clock: &Clock,
) -> Result<Surveys, Failure> {
    let mut conn = pool.acquire().await.map_err(|error| Failure::start(db::StoreError::from(error)))?;
    let known = surveys::newest(&mut conn).await.map_err(Failure::start)?;
    for (key, survey) in files {
        match known.iter().find(|(known, _)| known == key) {
            None => {
                playable(&survey.definition, prompts)?;
                survey.publish(&mut conn, clock.now()).await?;
            }
            Some((_, newest)) => {
                let published = surveys::get(&mut conn, key, *newest).await.map_err(Failure::start)?;
                if published.content != survey.text {
                    tracing::warn!(
                        survey = key,
                        version = newest,
                        "its file has changed; the published version is asked until `huifang survey publish` publishes the file"
                    );
                }
            }
        }
    }
    let mut all = Surveys::new();
    for published in surveys::all(&mut conn).await.map_err(Failure::start)? {
        let definition = published.definition();
        let (key, version) = (published.survey_key, published.version);
        match definition {
            Ok(definition) => drop(all.insert((key, version), definition)),
            Err(error) => {
                tracing::error!(survey = key, version, %error, "a published survey cannot be read by this version")
            }
        }
    }
    for newest in surveys::newest(&mut conn).await.map_err(Failure::start)? {
        all.get(&newest).map_or(Ok(()), |definition| playable(definition, prompts))?;
    }
    Ok(all)
}

/// Closes what an earlier run of this node left open.
async fn take_over(engine: &Engine) -> Result<(), db::StoreError> {
    engine.reconcile(Scope::OwnAtStart(&engine.node)).await?;
    queue::release_all(&mut *engine.pool.acquire().await?, &engine.node).await?;
    Ok(())
}
