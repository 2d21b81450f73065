//! `/metrics` in the text format of Prometheus (0.0.4): this process since it started, and what the store holds now. What each family says stands in one table here,
//! which docs/metrics.md is held to.

use super::problem::Problem;
use super::state::WebState;
use crate::db::gauges::Held;
use crate::db::queue::Depth;
use crate::db::state::FollowUpState;
use crate::db::{gauges, queue};
use crate::dialer::tally::{BOUNDS_MS, Delays};
use crate::dialer::trunks::Trunk;
use crate::dialer::worker::Engine;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::time::Instant;

/// Every family: name, kind, what it says.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("huifang_info", "gauge", "1, with the version as label."),
    (
        "huifang_database_up",
        "gauge",
        "Whether the database answered; without it the figures of the store are left out.",
    ),
    ("huifang_calls_live", "gauge", "Calls and agents' legs with media at present."),
    ("huifang_calls_total", "counter", "Attempts that have ended, by trunk and disposition."),
    ("huifang_post_dial_delay_seconds", "histogram", "From the INVITE to the first 18x."),
    ("huifang_answer_delay_seconds", "histogram", "From the INVITE to the 200."),
    ("huifang_media_room", "gauge", "Whether the media plane takes another call."),
    ("huifang_media_ticks_total", "counter", "Ticks of calls, 50 a second each."),
    ("huifang_media_late_ticks_total", "counter", "Ticks more than 5 ms after their time."),
    ("huifang_media_skipped_ticks_total", "counter", "Ticks left out because the machine stood still."),
    ("huifang_media_latest_tick_seconds", "gauge", "The latest tick since the start."),
    ("huifang_rtp_packets_sent_total", "counter", "RTP packets handed to the kernel."),
    ("huifang_rtp_packets_received_total", "counter", "RTP packets taken."),
    ("huifang_trunk_up", "gauge", "Whether the trunk gets calls from this engine."),
    ("huifang_trunk_registered", "gauge", "Whether our registration holds, for trunks that want one."),
    ("huifang_strangers_dropped_total", "counter", "SIP messages of strangers that were dropped."),
    ("huifang_strangers_refused_total", "counter", "SIP requests of strangers that were refused."),
    ("huifang_strangers_banned", "gauge", "Addresses that are not heard at present."),
    ("huifang_journal_records", "gauge", "Results that are not in the store yet."),
    ("huifang_database_connections", "gauge", "Connections of the pool, by use."),
    ("huifang_follow_ups", "gauge", "Follow-ups by state, of all engines."),
    ("huifang_follow_ups_due", "gauge", "Follow-ups that could be dialled now as far as the queue says."),
    ("huifang_follow_ups_leased", "gauge", "Follow-ups that an engine holds."),
    ("huifang_attempts_open", "gauge", "Attempts that are open, of all engines."),
    ("huifang_attempt_oldest_seconds", "gauge", "Age of the oldest open attempt; 0 without one."),
    ("huifang_leases_run_out", "gauge", "Leases that ran out and were not taken up by any engine yet."),
    ("huifang_complaints_open", "gauge", "Complaints that are open."),
    ("huifang_outbox_waiting", "gauge", "Messages to other systems, and texts, that are not sent yet."),
    ("huifang_outbox_failed", "gauge", "Messages that were given up, or of which nobody knows: `huifang outbox`."),
];

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = [])),
    responses((status = 200, description = "Figures in the text format 0.0.4; those of the store are left out while it is away", content_type = "text/plain"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json")))]
pub async fn metrics(State(state): State<WebState>) -> Response {
    let mut text = Text::default();
    text.one("huifang_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    if let Some((engine, trunks)) = state.measured() {
        of_process(&mut text, engine, trunks).await;
    }
    let now = state.clock().now();
    let stored = state.ask(async {
        let mut conn = state.pool().acquire().await?;
        Ok((queue::depth(&mut conn, now).await?, gauges::held(&mut conn, now).await?))
    });
    let stored = stored.await;
    text.one("huifang_database_up", &[], f64::from(stored.is_ok()));
    if let Ok((depth, held)) = stored {
        of_store(&mut text, &depth, &held);
    }
    let (idle, all) = (state.pool().num_idle(), state.pool().size());
    text.one("huifang_database_connections", &[("use", "idle")], idle as f64);
    text.one("huifang_database_connections", &[("use", "busy")], f64::from(all) - idle as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.finish()).into_response()
}

async fn of_process(text: &mut Text, engine: &Engine, trunks: &[Trunk]) {
    let media = engine.line.media.stats();
    text.one("huifang_calls_live", &[], media.calls as f64);
    for (trunk, disposition, count) in engine.tally.calls() {
        text.one("huifang_calls_total", &[("trunk", &trunk), ("disposition", &disposition.to_string())], count as f64);
    }
    text.delays("huifang_post_dial_delay_seconds", &engine.tally.to_ringing);
    text.delays("huifang_answer_delay_seconds", &engine.tally.to_answer);
    text.one("huifang_media_room", &[], f64::from(engine.line.media.has_room()));
    for (name, count) in [
        ("huifang_media_ticks_total", media.ticks),
        ("huifang_media_late_ticks_total", media.late_ticks),
        ("huifang_media_skipped_ticks_total", media.skipped_ticks),
        ("huifang_rtp_packets_sent_total", media.sent),
        ("huifang_rtp_packets_received_total", media.received),
    ] {
        text.one(name, &[], count as f64);
    }
    text.one("huifang_media_latest_tick_seconds", &[], media.max_late_us as f64 / 1e6);
    let now = Instant::now();
    for trunk in trunks {
        let (fault, registration) = trunk.known.read(|state| (state.fault(now), state.registration));
        text.one("huifang_trunk_up", &[("trunk", &trunk.name)], f64::from(fault.is_none()));
        if let Some(standing) = registration {
            text.one("huifang_trunk_registered", &[("trunk", &trunk.name)], f64::from(standing.holds(now)));
        }
    }
    if let Some((door, banned)) = engine.line.sip.door().await {
        text.one("huifang_strangers_dropped_total", &[], door.dropped as f64);
        text.one("huifang_strangers_refused_total", &[], door.refused as f64);
        text.one("huifang_strangers_banned", &[], banned as f64);
    }
    text.one("huifang_journal_records", &[], engine.journal.backlog().records as f64);
}

fn of_store(text: &mut Text, depth: &[Depth], held: &Held) {
    for state in FollowUpState::ALL {
        let count = depth.iter().find(|row| row.state == *state).map_or(0, |row| row.count);
        text.one("huifang_follow_ups", &[("state", state.as_str())], count as f64);
    }
    text.one("huifang_follow_ups_due", &[], depth.iter().map(|row| row.due).sum::<i64>() as f64);
    text.one("huifang_follow_ups_leased", &[], depth.iter().map(|row| row.leased).sum::<i64>() as f64);
    text.one("huifang_attempts_open", &[], held.open as f64);
    text.one("huifang_attempt_oldest_seconds", &[], held.oldest_s.unwrap_or_default());
    text.one("huifang_leases_run_out", &[], held.run_out as f64);
    text.one("huifang_complaints_open", &[], held.complaints as f64);
    text.one("huifang_outbox_waiting", &[], held.messages_waiting as f64);
    text.one("huifang_outbox_failed", &[], held.messages_failed as f64);
}

/// The text as it grows: lines of one family stand together, under its help.
#[derive(Default)]
struct Text {
    out: String,
    family: &'static str,
}

impl Text {
    fn head(&mut self, name: &'static str) {
        if self.family == name {
            return;
        }
        self.family = name;
        let (_, kind, help) = FAMILIES.iter().find(|(known, ..)| *known == name).unwrap_or(&("", "untyped", ""));
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        self.head(name);
        self.line(name, labels, value);
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.iter().map(|(key, text)| format!("{key}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.out, "{name}{labels} {value}");
    }

    fn delays(&mut self, name: &'static str, delays: &Delays) {
        self.head(name);
        let (upto, all, sum_ms) = delays.read();
        let bucket = format!("{name}_bucket");
        for (bound, count) in BOUNDS_MS.iter().zip(upto) {
            self.line(&bucket, &[("le", &(*bound as f64 / 1e3).to_string())], count as f64);
        }
        self.line(&bucket, &[("le", "+Inf")], all as f64);
        self.line(&format!("{name}_sum"), &[], sum_ms as f64 / 1e3);
        self.line(&format!("{name}_count"), &[], all as f64);
    }

    fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_a_family_has_one_head() {
        let mut text = Text::default();
        text.one("huifang_trunk_up", &[("trunk", "a\"b\\c\nd")], 1.0);
        text.one("huifang_trunk_up", &[("trunk", "e")], 0.0);
        assert_eq!(
            text.finish(),
            "# HELP huifang_trunk_up Whether the trunk gets calls from this engine.\n# TYPE huifang_trunk_up gauge\n\
             huifang_trunk_up{trunk=\"a\\\"b\\\\c\\nd\"} 1\nhuifang_trunk_up{trunk=\"e\"} 0\n"
        );
    }

    #[test]
    fn the_dashboard_asks_for_nothing_that_is_not_served() {
        let board: serde_json::Value =
            serde_json::from_str(include_str!("../../packaging/grafana/huifang.json")).unwrap();
        let panels = board["panels"].as_array().unwrap();
        let exprs: Vec<&str> = panels
            .iter()
            .flat_map(|panel| panel["targets"].as_array().unwrap())
            .map(|target| target["expr"].as_str().unwrap())
            .collect();
        assert!(exprs.len() >= 12);
        for expr in exprs {
            let words = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in words.filter(|word| word.starts_with("huifang_")) {
                let family = name.trim_end_matches("_bucket");
                assert!(FAMILIES.iter().any(|(known, ..)| *known == family), "{name} in {expr}");
            }
        }
    }

    #[test]
    fn the_page_about_metrics_tells_of_each_and_of_no_other() {
        let page = include_str!("../../docs/metrics.md");
        let rows: Vec<(&str, &str, &str)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `huifang_"))
            .filter_map(|line| {
                let mut cells = line.trim_end_matches('|').split(" | ").map(str::trim);
                Some((cells.next()?.trim_end_matches('`'), cells.next()?, cells.next()?))
            })
            .collect();
        let wanted: Vec<_> =
            FAMILIES.iter().map(|(name, kind, help)| (name.trim_start_matches("huifang_"), *kind, *help)).collect();
        assert_eq!(rows, wanted);
    }
}
