//! `huifang trunks`: how well each trunk serves, what its calls ended with, and which figure has fallen.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::trunk_figures::{self, Cause, Trend, TrunkCounts};
use crate::db::trunk_states::{self, FRESH, Seen};
use crate::rates::trunk::{Figures, fallen};
use chrono::TimeDelta;

/// Options of `trunks`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Over so many hours, until now.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8784))]
    hours: u32,
    /// Exit with status 1 when a figure of a trunk has fallen.
    #[arg(long)]
    check: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints the figures.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let now = Clock::System.now();
    let read = async {
        let mut conn = parts::connection(&store).await?;
        let from = now - TimeDelta::hours(options.hours.into());
        let counts = trunk_figures::counts(&mut conn, from, now).await.map_err(Failure::start)?;
        let causes = trunk_figures::causes(&mut conn, from, now).await.map_err(Failure::start)?;
        let trends = trunk_figures::trends(&mut conn, now).await.map_err(Failure::start)?;
        let states = trunk_states::since(&mut conn, now - FRESH).await.map_err(Failure::start)?;
        Ok((counts, causes, trends, states))
    };
    let read = read.await;
    let _ = store.close().await;
    let (counts, causes, trends, states) = read?;
    let alarms: Vec<String> = trends.iter().flat_map(alarms_of).collect();
    if options.json {
        say!("{}", json(&counts, &causes, &trends, &states, options.hours));
    } else {
        states.iter().for_each(|seen| say!("{}", state_line(seen)));
        print(&counts, &causes, options.hours);
        alarms.iter().for_each(|alarm| say!("FALLEN  {alarm}"));
    }
    match options.check && !alarms.is_empty() {
        true => Err(Failure::Found(format!("figures that have fallen: {}", alarms.len()))),
        false => Ok(()),
    }
}

/// How a trunk stands with an engine.
fn state_line(seen: &Seen) -> String {
    let Seen { node, trunk, state, why, places, registered_until, since, .. } = seen;
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let places = if places.is_empty() { "nowhere" } else { places };
    let registered = registered_until.map(|until| format!(", registered until {}", until.format("%F %T UTC")));
    let registered = registered.unwrap_or_default();
    format!("{trunk} is {state}{why} (since {}, {places}{registered}; engine {node})", since.format("%F %T UTC"))
}

/// What has fallen on a trunk, as sentences.
fn alarms_of(trend: &Trend) -> Vec<String> {
    let line = |found: crate::rates::trunk::Fallen| {
        let value = |value: f64| match found.figure {
            "asr" | "ner" => format!("{:.1} %", value * 100.0),
            "acd" => format!("{value:.0} s"),
            _ => format!("{value:.0} ms"),
        };
        let (now, before) = (value(found.now), value(found.before));
        format!("{}: {} is {now} in the last hour, {before} in the seven days before", trend.trunk, found.figure)
    };
    fallen(&trend.now, &trend.before).into_iter().map(line).collect()
}

fn print(counts: &[TrunkCounts], causes: &[Cause], hours: u32) {
    if counts.is_empty() {
        say!("no call has ended in the last {hours} hours");
    }
    for TrunkCounts { trunk, counts } in counts {
        let Figures { asr, ner, acd_s, pdd_p50_ms, pdd_p95_ms } = Figures::of(counts);
        let share = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{:.1} %", value * 100.0));
        let ms = |value: Option<u64>| value.map_or("-".to_owned(), |value| format!("{value} ms"));
        let acd = acd_s.map_or("-".to_owned(), |seconds| format!("{seconds:.0} s"));
        say!("{trunk}: {} calls, {} answered in {hours} h", counts.seizures, counts.answered);
        say!("  ASR {}  NER {}  ACD {acd}", share(asr.value), share(ner.value));
        say!("  post-dial delay: median {}, 95 % {} ({} calls)", ms(pdd_p50_ms), ms(pdd_p95_ms), counts.rang);
        for cause in causes.iter().filter(|cause| cause.trunk == *trunk) {
            let status = cause.sip_status.map_or("-".to_owned(), |status| status.to_string());
            let q850 = cause.q850.map(|cause| format!(", Q.850 {cause}")).unwrap_or_default();
            say!("  {:>6}  SIP {status}{q850}  {}", cause.count, cause.disposition);
        }
    }
}

fn json(counts: &[TrunkCounts], causes: &[Cause], trends: &[Trend], states: &[Seen], hours: u32) -> serde_json::Value {
    let of = |row: &TrunkCounts| {
        let mine: Vec<&Cause> = causes.iter().filter(|cause| cause.trunk == row.trunk).collect();
        let trend = trends.iter().find(|trend| trend.trunk == row.trunk);
        let fallen = trend.map(|trend| fallen(&trend.now, &trend.before)).unwrap_or_default();
        serde_json::json!({ "trunk": row.trunk, "seizures": row.counts.seizures, "figures": Figures::of(&row.counts), "causes": mine, "fallen": fallen })
    };
    serde_json::json!({ "hours": hours, "trunks": counts.iter().map(of).collect::<Vec<_>>(), "states": states })
}
