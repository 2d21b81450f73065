//! How figures are written on a page: percent, lengths of time, moments in the dealer's zone, bars. Pure.

use crate::db::media_quality::MediaQuality;
use crate::db::story::Recording;
use crate::rates::Rate;
use crate::web::lang::Lang;
use crate::web::terms;
use crate::web::words::Words;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;

/// `41.7 %`; the words' "nothing counted yet" for a rate of nothing.
pub fn percent(rate: &Rate, words: &'static Words) -> String {
    match rate.value {
        // 99.96 % must not read as 100 %: cut, never rounded up
        Some(value) => format!("{:.1} %", (value * 1000.0).floor() / 10.0),
        None => words.nothing_counted.to_owned(),
    }
}

/// `4:05` or `1:02:03`; never negative.
pub fn length(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A moment in the dealer's zone: the time alone when it is of today, else with the day.
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (at, now) = (at.with_timezone(&zone), now.with_timezone(&zone));
    if at.date_naive() == now.date_naive() {
        at.format("%H:%M").to_string()
    } else {
        at.format("%m-%d %H:%M").to_string()
    }
}

/// Day and time in the dealer's zone.
pub fn full_moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// That retention removed a recording, and on which day in the dealer's zone.
pub fn purged(at: DateTime<Utc>, words: &Words, zone: Tz) -> String {
    let day = at.with_timezone(&zone).format("%Y-%m-%d");
    format!("{} {day} {}", words.purged, words.purged_after).trim_end().to_owned()
}

/// A recording on the page of a call.
pub struct Spoken {
    /// What it holds.
    pub kind: Cow<'static, str>,
    /// How long it is.
    pub length: String,
    /// Its id.
    pub id: String,
    /// That its file is gone, in words.
    pub purged: Option<String>,
}

/// A recording for people.
pub fn spoken(recording: &Recording, lang: Lang, zone: Tz) -> Spoken {
    Spoken {
        kind: terms::reason(recording.kind.as_str(), lang),
        length: length(TimeDelta::milliseconds(recording.duration_ms.into())),
        id: recording.id.to_string(),
        purged: recording.purged_at.map(|at| purged(at, lang.words(), zone)),
    }
}

/// Milliseconds since an attempt began: `0:03.250`.
pub fn offset(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
}

/// One piece of a bar that is 1000 units long.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Colour class.
    pub tone: &'static str,
    /// Where it begins.
    pub x: u64,
    /// How long it is.
    pub width: u64,
}

/// Pieces of a bar in proportion; what was counted at all is at least 4 units wide, so that one in a thousand can be seen.
pub fn bar(parts: &[(&'static str, u64)]) -> Vec<Piece> {
    let total: u64 = parts.iter().map(|(_, count)| count).sum();
    let Some(total) = (total > 0).then_some(total) else { return Vec::new() };
    let widths: Vec<u64> =
        parts.iter().map(|(_, count)| if *count == 0 { 0 } else { (count * 1000 / total).max(4) }).collect();
    let sum: u64 = widths.iter().sum();
    let mut x = 0;
    let mut pieces = Vec::new();
    for ((tone, _), width) in parts.iter().zip(widths).filter(|(_, width)| *width > 0) {
        let end = (x * sum + width * 1000) / sum;
        pieces.push(Piece { tone, x, width: end.saturating_sub(x) });
        x = end;
    }
    if let Some(last) = pieces.last_mut() {
        last.width = 1000 - last.x;
    }
    pieces
}

/// How good the media of an attempt were, in one line.
pub fn media(quality: &MediaQuality, words: &Words) -> String {
    let mut parts = Vec::new();
    if let Some(mos) = quality.mos() {
        parts.push(format!("MOS {mos:.1}"));
    }
    parts.push(format!("{} {:.1} %", words.lost_to_us, quality.rx_lost_percent()));
    if let Some(permille) = quality.tx_lost_permille {
        parts.push(format!("{} {:.1} %", words.lost_to_them, f64::from(permille) / 10.0));
    }
    if let Some(jitter) = quality.jitter_ms {
        parts.push(format!("{} {jitter} ms", words.jitter));
    }
    if let Some(rtt) = quality.rtt_ms {
        parts.push(format!("{} {rtt} ms", words.round_trip));
    }
    if quality.rx_packets == 0 || quality.rx_silent {
        parts.push(words.nothing_heard.to_owned());
    }
    parts.join(" · ")
}

/// Particulars that need no name before them.
const PLAIN: [&str; 6] = ["message", "detail", "key", "why", "prompts", "question"];

/// The particulars of a timeline entry as one line: `q1 · keys 1`; `named` may say a field in the page's own words.
pub fn particulars(detail: &serde_json::Value, named: impl Fn(&str, &serde_json::Value) -> Option<String>) -> String {
    let plain = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) if items.iter().all(|item| item.is_string()) => {
            items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    match detail {
        serde_json::Value::Object(fields) => {
            // what did not happen (false, null) is not told; what carries the sense comes first
            let shown =
                fields.iter().filter(|(_, value)| !value.is_null() && **value != serde_json::Value::Bool(false));
            let (first, rest): (Vec<_>, Vec<_>) = shown.partition(|(name, _)| PLAIN.contains(&name.as_str()));
            let words = first.into_iter().chain(rest).map(|(name, value)| {
                if let Some(text) = named(name, value) {
                    text
                } else if PLAIN.contains(&name.as_str()) {
                    plain(value)
                } else {
                    format!("{} {}", name.replace('_', " "), plain(value))
                }
            });
            words.collect::<Vec<_>>().join(" · ")
        }
        serde_json::Value::Null => String::new(),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::words::EN;
    use proptest::prelude::*;

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(percent(&Rate::new(9999, 10_000, 10_000), &EN), "99.9 %");
        assert_eq!(percent(&Rate::new(1, 1, 1), &EN), "100.0 %");
        assert_eq!(percent(&Rate::new(0, 0, 3), &EN), "nothing counted yet");
    }

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!(length(TimeDelta::seconds(65)), "1:05");
        assert_eq!(length(TimeDelta::seconds(3723)), "1:02:03");
        assert_eq!(length(TimeDelta::seconds(-5)), "0:00");
        assert_eq!(offset(63_250), "1:03.250");
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let shanghai = chrono_tz::Asia::Shanghai;
        assert_eq!(moment(at("2026-11-23T01:05:00Z"), at("2026-11-23T09:00:00Z"), shanghai), "09:05");
        assert_eq!(moment(at("2026-11-22T15:05:00Z"), at("2026-11-23T09:00:00Z"), shanghai), "11-22 23:05");
    }

    #[test]
    fn media_are_one_line() {
        let quality = MediaQuality {
            rx_packets: 990,
            rx_lost: 10,
            rx_late: 0,
            rx_duplicates: 0,
            rx_silent: false,
            jitter_ms: Some(3),
            jitter_max_ms: Some(9),
            tx_packets: 1_000,
            tx_lost_permille: Some(5),
            rtt_ms: Some(41),
            mos_hundredths: Some(428),
        };
        assert_eq!(
            media(&quality, &EN),
            "MOS 4.3 · lost to us 1.0 % · lost to them 0.5 % · jitter 3 ms · round trip 41 ms"
        );
        let silent = MediaQuality { rx_silent: true, tx_lost_permille: None, rtt_ms: None, ..quality };
        assert_eq!(media(&silent, &EN), "MOS 4.3 · lost to us 1.0 % · jitter 3 ms · nothing but silence came");
    }

    #[test]
    fn particulars_are_one_line() {
        let detail = serde_json::json!({ "question": "q1", "keys": "1", "score": null, "prompts": ["a", "b"], "unhappy": false });
        assert_eq!(particulars(&detail, |_, _| None), "a b · q1 · keys 1");
        let named = |name: &str, value: &serde_json::Value| (name == "keys").then(|| format!("keyed {value}"));
        assert_eq!(particulars(&detail, named), "a b · q1 · keyed \"1\"");
        assert_eq!(particulars(&serde_json::Value::Null, |_, _| None), "");
    }

    proptest! {
        #[test]
        fn a_bar_is_full_and_without_gaps(counts in prop::collection::vec(0u64..100_000, 1..9)) {
            let parts: Vec<(&'static str, u64)> = counts.iter().map(|count| ("t", *count)).collect();
            let pieces = bar(&parts);
            prop_assert_eq!(pieces.len(), counts.iter().filter(|count| **count > 0).count());
            let mut x = 0;
            for piece in &pieces {
                prop_assert_eq!(piece.x, x);
                prop_assert!(piece.width > 0);
                x += piece.width;
            }
            prop_assert!(pieces.is_empty() || x == 1000);
        }
    }
}
