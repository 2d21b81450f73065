//! `huifang bench`: what a call costs, measured on this machine. The engine and the callees are processes of their own; CPU by the kernel's accounting (getrusage(2)),
//! gaps by the kernel's time stamps at the receiver. Loopback only, and it ends by itself.

mod child;
mod engine;
mod generator;
mod media;
mod night;
mod overload;
mod report;
mod signalling;
mod soak;
mod stored;

use super::Failure;

/// Options of `bench`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Calls with media: CPU for each call-second, gaps at the receiver, memory, keys heard, and what setting calls up costs.
    Media(media::Options),
    /// Calls that are set up, answered and hung up: how many a second, and CPU for each.
    Signalling(signalling::Options),
    /// More calls than the engine carries: what it takes keeps its quality, the rest is not dialled.
    Overload(overload::Options),
    /// Whole calls for an hour, and what is left over of them: memory, files, ports, calls that are stuck, answers that are not what was keyed.
    Soak(soak::Options),
    /// A simulated night of 100,000 customers on one core: how long it takes.
    Night(night::Options),
    /// The engine's process of a benchmark; told what to do on standard input.
    #[command(hide = true)]
    Engine(engine::Options),
    /// The callees' process of a benchmark; told what to do on standard input.
    #[command(hide = true)]
    Generator(generator::Options),
}

/// A rate above 0, as an option.
fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

/// Runs it.
pub async fn run(options: Options) -> Result<(), Failure> {
    match options.what {
        What::Media(options) => media::run(options).await,
        What::Signalling(options) => signalling::run(options).await,
        What::Overload(options) => overload::run(options).await,
        What::Soak(options) => soak::run(options).await,
        What::Night(options) => night::run(options).await,
        What::Engine(options) => engine::run(options).await,
        What::Generator(options) => generator::run(options).await,
    }
}
