//! What OpenTelemetry is told of: the spans of attempts, of the journal's way into the store and of requests stand under this target, and nothing else does, so that
//! what leaves the machine is chosen here and not by whoever logs something. Ids, trunks and outcomes; never a number, a name or what was said (docs/telemetry.md).

/// Target of these spans, and of the events in them.
pub const TARGET: &str = "huifang::spans";
