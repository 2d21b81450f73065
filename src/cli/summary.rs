//! `huifang summary`: what became of the unattended run, what is left, and what needs a person (docs/summary.md).

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::run::Span;
use crate::dialer::summary::{self, Need, Now, Run};
use crate::rates::calls::Kind;
use crate::rates::run::Part;
use crate::report::period::Period;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// Options of `summary`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The run of this day in the dealer's zone (2026-11-23); yesterday's and today's when left out.
    #[arg(long, value_name = "D")]
    day: Option<NaiveDate>,
    /// Exit with status 1 when something needs a person.
    #[arg(long)]
    check: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints it.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let (zone, now) = (parts::zone(&settings)?, Clock::System.now());
    let today = Period::today(now, zone).last;
    let days = match options.day {
        Some(day) if day > today => {
            return Err(Failure::start(format!("--day: {day} has not come yet (today is {today})")));
        }
        Some(day) => vec![day],
        None => today.pred_opt().into_iter().chain([today]).collect(),
    };
    let rules = parts::outlook(&settings)?;
    let store = parts::open_store(&settings).await?;
    let read = async {
        let mut conn = parts::connection(&store).await?;
        let mut runs = Vec::new();
        for day in days {
            let (from, to) = Period { first: day, last: day }.bounds(zone);
            let run = summary::run(&mut conn, Span { from, to }, zone).await.map_err(Failure::start)?;
            runs.push((day, run));
        }
        let standing = summary::now(&mut conn, Some(&rules), zone, now).await.map_err(Failure::start)?;
        Ok((runs, standing))
    };
    let read = read.await;
    let _ = store.close().await;
    let (runs, standing) = read?;
    if options.json {
        say!("{}", as_json(&runs, &standing, zone));
    } else {
        runs.iter().for_each(|(day, run)| print_run(*day, run, zone));
        print_now(&standing, zone);
    }
    match standing.needs.len() {
        found if options.check && found > 0 => Err(Failure::Found(format!("{found} things need a person"))),
        _ => Ok(()),
    }
}

fn print_run(day: NaiveDate, run: &Run, zone: Tz) {
    let time =
        |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |at| at.with_timezone(&zone).format("%H:%M").to_string());
    let parts = &run.parts;
    say!("{day}: {} follow-ups, {} closed, {} open", parts.total(), parts.closed(), parts.left());
    let open = if run.times.open > 0 { format!(", {} calls go on", run.times.open) } else { String::new() };
    say!(
        "  calls {} to {}{open}; {} called, {} reached",
        time(run.times.began_at),
        time(run.times.ended_at),
        run.tried,
        run.reached
    );
    for part in Part::ALL.into_iter().filter(|part| parts.count(*part) > 0) {
        say!("  {:<22}{:>7}", part.definition().name_en, parts.count(part));
    }
    if run.calls.total() > 0 {
        let kinds: Vec<String> = Kind::ALL
            .into_iter()
            .filter(|kind| run.calls.count(*kind) > 0)
            .map(|kind| format!("{} {}", run.calls.count(kind), kind.as_str().replace('_', " ")))
            .collect();
        say!("  attempts: {}: {}", run.calls.total(), kinds.join(", "));
    }
    for failure in &run.failures {
        let status = failure.sip_status.map(|status| format!(", SIP {status}")).unwrap_or_default();
        let q850 = failure.q850.map(|cause| format!(", Q.850 {cause}")).unwrap_or_default();
        say!("  failed: {:>5}  {} on {}{status}{q850}", failure.count, failure.disposition, failure.trunk);
    }
}

fn print_now(now: &Now, zone: Tz) {
    let time = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %d %b %H:%M").to_string();
    say!("left in the queue:{}", if now.left.is_empty() { " nothing" } else { "" });
    for left in &now.left {
        say!("  {}  {:<10}{:>7}  from {}", left.day, left.state, left.count, time(left.first));
    }
    say!("needs a person:{}", if now.needs.is_empty() { " nothing" } else { "" });
    for Need { kind, count, looked_at, rows } in &now.needs {
        let of = looked_at.map(|looked_at| format!(" (of {looked_at} looked at)")).unwrap_or_default();
        say!("  {count:>5}  {}{of}", kind.as_str().replace('_', " "));
        for row in rows {
            let id = row.follow_up.map(|id| id.to_string());
            let at = row.at.map(time);
            let told: Vec<&str> =
                [&id, &row.what, &row.why, &at].into_iter().filter_map(|part| part.as_deref()).collect();
            say!("         {}", told.join("  "));
        }
    }
}

fn as_json(runs: &[(NaiveDate, Run)], now: &Now, zone: Tz) -> Value {
    let run = |(day, run): &(NaiveDate, Run)| {
        let parts: serde_json::Map<String, Value> =
            Part::ALL.into_iter().map(|part| (part.as_str().to_owned(), run.parts.count(part).into())).collect();
        let kinds: serde_json::Map<String, Value> =
            Kind::ALL.into_iter().map(|kind| (kind.as_str().to_owned(), run.calls.count(kind).into())).collect();
        json!({
            "day": day, "from": run.span.from, "to": run.span.to,
            "began_at": run.times.began_at, "ended_at": run.times.ended_at, "live": run.times.open,
            "follow_ups": run.parts.total(), "closed": run.parts.closed(), "left": run.parts.left(),
            "tried": run.tried, "reached": run.reached, "parts": parts,
            "attempts": { "n": run.calls.total(), "open": run.calls.open(), "kinds": kinds, "figures": run.calls.figures() },
            "failures": run.failures,
        })
    };
    json!({
        "as_of": now.at, "time_zone": zone.name(), "runs": runs.iter().map(run).collect::<Vec<_>>(),
        "left": now.left, "tonight": now.tonight, "needs": now.needs,
    })
}
