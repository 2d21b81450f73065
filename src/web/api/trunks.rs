//! `/api/v1/trunks`: ASR, NER, ACD, post-dial delay and causes of each trunk, and which figure has fallen. The definitions are `rates::trunk`'s.

use super::schema;
use super::views::FigureView;
use crate::db::state::TrunkState;
use crate::db::trunk_figures::{self, Cause, Trend, TrunkCounts};
use crate::db::trunk_states::{self, FRESH, Seen};
use crate::rates::Rate;
use crate::rates::trunk::{FIGURES, Figures, fallen};
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Hours that are looked at when none are given.
const USUAL_HOURS: u32 = 24;
/// A year and a day.
const MOST_HOURS: u32 = 8_784;

/// All trunks that had a call in the period.
#[derive(Serialize, ToSchema)]
pub struct Trunks {
    /// From this moment on …
    from: DateTime<Utc>,
    /// … until this one.
    to: DateTime<Utc>,
    /// The trunks, by name.
    trunks: Vec<TrunkView>,
    /// How each stands with each engine at present.
    states: Vec<StateView>,
    /// What each figure is.
    definitions: Vec<FigureView>,
}

/// How a trunk stands with an engine.
#[derive(Serialize, ToSchema)]
pub struct StateView {
    /// Its name in the settings.
    #[schema(example = "main")]
    trunk: String,
    /// The engine.
    node: String,
    /// `down` gets no calls; `unknown`: nothing speaks against it, and nobody has asked.
    #[schema(schema_with = schema::trunk_state)]
    state: TrunkState,
    /// Why it is down.
    why: Option<String>,
    /// Where it is, in the order in which it is tried.
    #[schema(example = "udp 192.0.2.1:5060")]
    places: String,
    /// Until when our registration holds, where there is one.
    registered_until: Option<DateTime<Utc>>,
    /// Since when it is so.
    since: DateTime<Utc>,
}

/// One trunk.
#[derive(Serialize, ToSchema)]
pub struct TrunkView {
    /// Its name in the settings.
    #[schema(example = "main")]
    trunk: String,
    /// Attempts whose INVITE left and that have ended.
    seizures: u64,
    /// Of them answered.
    answered: u64,
    /// Answer-seizure ratio, 0 to 1.
    asr: Option<f64>,
    /// Network effectiveness ratio, 0 to 1.
    ner: Option<f64>,
    /// Mean length of an answered call in s.
    acd_s: Option<f64>,
    /// Median post-dial delay in ms.
    pdd_p50_ms: Option<u64>,
    /// Its 95th percentile in ms.
    pdd_p95_ms: Option<u64>,
    /// What calls ended with, most often first.
    causes: Vec<CauseView>,
    /// What has fallen: the last hour against the seven days before it.
    fallen: Vec<FallenView>,
}

/// One way to end.
#[derive(Serialize, ToSchema)]
pub struct CauseView {
    /// Final SIP status.
    sip_status: Option<i16>,
    /// Q.850 cause of its Reason header.
    q850: Option<i32>,
    /// Disposition.
    disposition: String,
    /// How often.
    count: i64,
}

/// A figure that has fallen.
#[derive(Serialize, ToSchema)]
pub struct FallenView {
    /// Its key.
    figure: &'static str,
    /// In the last hour: a share, seconds or milliseconds.
    now: f64,
    /// In the seven days before.
    before: f64,
}

/// What is read of the store.
pub struct Read {
    /// Counts of the period.
    pub counts: Vec<TrunkCounts>,
    /// Causes of the period.
    pub causes: Vec<Cause>,
    /// The last hour and what was before it.
    pub trends: Vec<Trend>,
    /// How they stand.
    pub states: Vec<Seen>,
}

/// Reads the figures of the `hours` before `to`.
pub async fn read(state: &WebState, to: DateTime<Utc>, hours: u32) -> Result<Read, Problem> {
    let from = to - TimeDelta::hours(hours.into());
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await?;
        let counts = trunk_figures::counts(&mut conn, from, to).await?;
        let causes = trunk_figures::causes(&mut conn, from, to).await?;
        let trends = trunk_figures::trends(&mut conn, to).await?;
        let states = trunk_states::since(&mut conn, to - FRESH).await?;
        Ok(Read { counts, causes, trends, states })
    });
    read.await
}

/// How well each trunk serves.
#[utoipa::path(get, path = "/api/v1/trunks", tag = "status", security(("token" = [])),
    params(("hours" = Option<u32>, Query, description = "Over so many hours until now, 1 to 8784; 24 when left out")),
    responses((status = 200, description = "Figures by trunk", body = Trunks),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn trunks(State(state): State<WebState>, uri: Uri) -> Result<Json<Trunks>, Problem> {
    let params = Params::read(&uri, &["hours"])?;
    let wanted = "a number of hours (1 to 8784)";
    let hours = params.parsed("hours", wanted, |text| text.parse().ok().filter(|h| (1..=MOST_HOURS).contains(h)))?;
    let hours = hours.unwrap_or(USUAL_HOURS);
    let to = state.clock().now();
    let Read { counts, causes, trends, states } = read(&state, to, hours).await?;
    let view = |TrunkCounts { trunk, counts }: TrunkCounts| {
        let Figures { asr: Rate { value: asr, .. }, ner: Rate { value: ner, .. }, acd_s, pdd_p50_ms, pdd_p95_ms } =
            Figures::of(&counts);
        let mine = causes.iter().filter(|cause| cause.trunk == trunk).map(|cause| CauseView {
            sip_status: cause.sip_status,
            q850: cause.q850,
            disposition: cause.disposition.clone(),
            count: cause.count,
        });
        let trend = trends.iter().find(|trend| trend.trunk == trunk);
        let found = trend.map(|trend| fallen(&trend.now, &trend.before)).unwrap_or_default();
        TrunkView {
            seizures: counts.seizures,
            answered: counts.answered,
            asr,
            ner,
            acd_s,
            pdd_p50_ms,
            pdd_p95_ms,
            causes: mine.collect(),
            fallen: found.into_iter().map(|f| FallenView { figure: f.figure, now: f.now, before: f.before }).collect(),
            trunk,
        }
    };
    let trunks = counts.into_iter().map(view).collect();
    let definitions = FIGURES.iter().map(FigureView::from);
    let states = states.into_iter().map(|seen| {
        let Seen { node, trunk, state, why, places, registered_until, since, .. } = seen;
        StateView { trunk, node, state, why, places, registered_until, since }
    });
    let (from, states) = (to - TimeDelta::hours(hours.into()), states.collect());
    Ok(Json(Trunks { from, to, trunks, states, definitions: definitions.collect() }))
}
