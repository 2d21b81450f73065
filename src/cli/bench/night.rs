//! `huifang bench night`: how long one simulated night takes on one core (docs/simulator.md).

use super::Failure;
use crate::cli::simulate;
use crate::config::{self, Settings};
use std::collections::BTreeMap;
use std::time::Instant;

/// Options of `bench night`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// So many made-up customers.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    customers: u32,
    /// The same seed gives the same night.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// Measures: the settings are the built-in ones with one trunk of 2,000 calls, so that everybody's turn comes.
pub async fn run(options: Options) -> Result<(), Failure> {
    let trunk = config::Trunk { max_calls: 2_000, calls_per_second: 20.0, ..config::Trunk::default() };
    let dialer = config::Dialer { max_calls: 2_000, max_minutes_a_day: 0, ..config::Dialer::default() };
    let settings = Settings { trunks: BTreeMap::from([("bench".to_owned(), trunk)]), dialer, ..Settings::default() };
    let plan = simulate::Plan::made_up(&settings, options.customers, options.seed)?;
    let began = Instant::now();
    let night = plan.night(options.seed, 0);
    let seconds = began.elapsed().as_secs_f64();
    let (customers, attempts, answers) = (night.customers, night.attempts, night.answers);
    say!("{customers} customers, {attempts} calls, {answers} answers in {seconds:.1} s");
    if options.json {
        let a_second = f64::from(attempts) / seconds.max(f64::MIN_POSITIVE);
        say!(
            "{}",
            serde_json::json!({ "customers": customers, "attempts": attempts, "answers": answers, "seconds": seconds, "calls_per_second": a_second })
        );
    }
    if attempts == 0 {
        return Err(Failure::Found("no call was simulated".to_owned()));
    }
    Ok(())
}
