//! Spans on their way to an OpenTelemetry collector (OTLP by HTTP, JSON): only those that `spans` names, in lots, beside the calls. A collector that is slow or away costs
//! spans, never a call.

use super::Failure;
use crate::config::Telemetry as Settings;
use crate::spans;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanLimits};
use std::time::Duration;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// How long the last spans have at the end of the process.
const LAST: Duration = Duration::from_secs(3);
/// A long call has more moments than the 128 that are usual.
const MOST_EVENTS: u32 = 1_000;

/// Sends spans until it is told to stop.
pub struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// Opens the way to the collector, where the settings name one. Wants a runtime around it.
    pub fn open(settings: &Settings) -> Result<Option<Telemetry>, Failure> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| Failure::start(format!("telemetry.otlp_endpoint: {error}")))?;
        let resource = Resource::builder()
            .with_service_name("huifang")
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let limits = SpanLimits { max_events_per_span: MOST_EVENTS, ..SpanLimits::default() };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter, Tokio).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample))))
            .with_span_limits(limits)
            .with_resource(resource)
            .build();
        Ok(Some(Telemetry(provider)))
    }

    /// What takes the spans from where they are made.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("huifang"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| about.target() == spans::TARGET))
    }

    /// Sends what is left. Blocks; for a thread that may.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Log to standard error by `filter`, spans to the collector where there is one.
pub fn log(filter: tracing_subscriber::EnvFilter, colours: bool, telemetry: Option<&Telemetry>) {
    let log = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(telemetry.map(Telemetry::layer)).with(log).init();
}
