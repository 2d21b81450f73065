//! Files that people write: prompts, surveys, country packs, calendars, settings.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use huifang::config;
use huifang::dialer::policy::Opening;
use huifang::dialer::policy::country::Pack;
use huifang::followup::calendar::rule::Calendar;
use huifang::followup::calendar::{Happened, Horizon, Offset};
use huifang::media::Codec;
use huifang::media::prompt::{MANIFEST, read_language};
use huifang::survey::check::{PromptCatalog, check};
use huifang::survey::flow::RECORDING_END;
use huifang::survey::{Definition, EndedBy, Facts, Flow, FlowAction, FlowInput, describe, diff, draw};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("2026-11-18")
}

/// A WAV file, or a list of prompts: what can be used is as long as it says and no longer than a prompt may be.
pub fn wav(data: &[u8]) {
    let list = b"[[prompt]]\nid = \"p\"\ntext = \"\"\nlength_ms = 100\n".to_vec();
    let (list, sound) = if data.starts_with(b"[") { (data.to_vec(), Vec::new()) } else { (list, data.to_vec()) };
    let files = BTreeMap::from([(MANIFEST.to_owned(), Ok(list)), ("p.wav".to_owned(), Ok(sound))]);
    let (prompts, findings) = read_language("en", &files);
    assert!(!prompts.is_empty() || !findings.is_empty(), "neither used nor said why");
    for prompt in prompts {
        assert!(prompt.wire_ms() <= 300_020 && prompt.wire_ms().abs_diff(prompt.length_ms()) <= 20);
        assert_eq!(prompt.bytes(Codec::Pcma).len(), prompt.bytes(Codec::Pcmu).len());
        assert!(prompt.bytes(Codec::Pcma).len() <= data.len() + 160, "more sound than bytes");
    }
    assert!(findings.iter().all(|finding| !finding.to_string().is_empty()));
}

/// Every prompt exists and takes two seconds.
struct Everything;

impl PromptCatalog for Everything {
    fn has(&self, _language: &str, _id: &str) -> bool {
        true
    }

    fn length_ms(&self, _language: &str, _id: &str) -> Option<u64> {
        Some(2_000)
    }
}

/// A survey that compiles can be checked, shown and drawn, is equal to itself, and a call under it comes to an end whatever is keyed.
pub fn survey(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.matches('\n').count() + 1;
    let definition = match Definition::from_toml("f.toml", text) {
        Ok(definition) => definition,
        Err(errors) => {
            assert!(!errors.0.is_empty(), "refused without a reason");
            for mistake in &errors.0 {
                assert!(!mistake.message.is_empty());
                assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "{mistake}");
            }
            return;
        }
    };
    assert!(!check(&definition, &Everything).iter().any(|finding| finding.to_string().is_empty()));
    assert!(!describe::head(&definition).is_empty());
    for step in &definition.steps {
        assert!(!describe::step(&definition, step).is_empty());
    }
    assert!(draw::svg(&definition, &|id| Some(id.as_str().to_owned())).starts_with("<svg"));
    assert!(diff::diff(&definition, &definition).is_empty(), "differs from itself");
    let sum = data.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    for seed in [0, sum | 1] {
        converse(&definition, seed);
    }
}

/// A call: nobody says anything (0), or keys are pressed and playbacks end as the seed wants it.
fn converse(definition: &Arc<Definition>, mut seed: u64) {
    let start = *EPOCH;
    let mut now = start;
    let facts = Facts {
        language: "en".to_owned(),
        plate: None,
        event_date: NaiveDate::from_ymd_opt(2026, 11, 14),
        advisor_number: Some("1024".to_owned()),
        now_local: NaiveDateTime::new(NaiveDate::from_ymd_opt(2026, 11, 18).expect("a day"), chrono::NaiveTime::MIN),
        answered: BTreeMap::new(),
        message_left: false,
        record_calls: seed & 2 != 0,
    };
    let mut flow = Flow::new(Arc::clone(definition), facts, now);
    let (mut running, mut ends, mut connected) = (None, 0, false);
    let mut drain = |flow: &mut Flow| {
        let mut count = 0;
        while let Some(action) = flow.poll_action() {
            count += 1;
            assert!(count < 40, "turns without time");
            assert_eq!(ends, 0, "{action:?} after the end");
            match action {
                FlowAction::Play { tag, prompts, .. } => {
                    assert!(!prompts.is_empty());
                    running = Some((tag, false));
                }
                FlowAction::Record { tag, .. } => running = Some((tag, true)),
                FlowAction::Connect { .. } => connected = true,
                FlowAction::Finish(_) => ends += 1,
                _ => {}
            }
        }
        (running, connected)
    };
    flow.handle(FlowInput::Start, now);
    let mut state = drain(&mut flow);
    for _ in 0..if seed == 0 { 0 } else { 60 } {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        now += Duration::from_millis(seed % 900);
        let key = b"0123456789*#"[(seed >> 16) as usize % 12];
        match (seed >> 40 & 7, state.0) {
            (0..=2, Some((tag, false))) => flow.handle(FlowInput::PlaybackEnded { tag }, now),
            (0..=2, Some((tag, true))) => flow.handle(
                FlowInput::RecordingEnded { tag, recording: None, duration_ms: 0, ended_by: EndedBy::Silence },
                now,
            ),
            (3, _) => flow.handle(FlowInput::NoAgent, now),
            _ => flow.handle(FlowInput::Key(char::from(key)), now),
        }
        flow.handle_timeout(now);
        state = drain(&mut flow);
    }
    flow.handle(FlowInput::AgentFailed, now);
    drain(&mut flow);
    while let Some((at, _)) = flow.poll_timeout() {
        now = now.max(at);
        flow.handle_timeout(now);
        state = drain(&mut flow);
        assert!(flow.poll_timeout().is_none_or(|(at, _)| at > now), "time must pass");
    }
    assert!(flow.is_finished(), "a call that never ends");
    let limit = definition.max_call + RECORDING_END + Duration::from_secs(12);
    assert!(state.1 || now - start <= limit, "{:?}", now - start);
}

/// A pack that can be read says when it is open next, and a moment at which it is open.
pub fn country(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pack = match Pack::parse("f.toml", text) {
        Ok(pack) => pack,
        Err(bad) => {
            assert!(!bad.what.is_empty() && !bad.what.contains('\n'), "{bad:?}");
            return;
        }
    };
    for zone in [chrono_tz::Asia::Shanghai, chrono_tz::America::New_York] {
        for hours in [0, 5, 24 * 97, 24 * 4_000] {
            let at = now() + TimeDelta::hours(hours);
            if let Opening::From(opens) = pack.window.opening(at, zone) {
                assert!(opens > at, "opens in the past");
                assert!(matches!(pack.window.opening(opens, zone), Opening::Open), "not open when it says so");
            }
            let _ = (pack.window.next(at, zone), pack.window.closes_today(at, zone), pack.holidays.on(at.date_naive()));
        }
    }
    assert!(
        matches!(pack.window.and(&pack.window).opening(now(), chrono_tz::UTC), Opening::Open)
            == matches!(pack.window.opening(now(), chrono_tz::UTC), Opening::Open)
    );
}

/// A calendar that can be read owes touches that begin before they end, and its passes find what is due.
pub fn calendar(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.matches('\n').count() + 1;
    let calendar = match Calendar::from_toml("f.toml", text) {
        Ok(calendar) => calendar,
        Err(error) => {
            assert!(!error.mistakes.is_empty());
            assert!(error.mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)), "{error}");
            return;
        }
    };
    let (zone, delay) = (chrono_tz::America::New_York, Offset::hours(24));
    let horizon = Horizon { now: now(), until: now() + TimeDelta::days(30) };
    for rule in &calendar.rules {
        assert!(!rule.title("fr").is_empty() || rule.titles.values().any(String::is_empty));
        for pass in rule.passes(horizon, delay) {
            assert!(!pass.to_string().is_empty());
            for on in [pass.from, pass.to] {
                for at in [None, Some(on.and_time(chrono::NaiveTime::MIN).and_utc())] {
                    let happened = Happened { on, at };
                    if let Some(span) = rule.touch(pass.occurrence, happened, delay, zone) {
                        assert!(span.due_at < span.deadline, "{span:?}");
                    }
                    let _ = rule.still_owes(happened, delay, zone, now());
                }
            }
        }
        found(rule, horizon, delay);
    }
}

/// A touch that is due within the horizon is found by the passes.
fn found(rule: &huifang::followup::calendar::rule::Rule, horizon: Horizon, delay: Offset) {
    let zone = chrono_tz::Asia::Shanghai;
    for pass in rule.passes(horizon, delay) {
        for days in [-40, -1, 0, 1, 40] {
            let Some(on) = pass.from.checked_add_signed(TimeDelta::days(days)) else { continue };
            let happened = Happened { on, at: None };
            let due = rule.due_touch(pass.occurrence, happened, delay, zone, horizon).is_some();
            assert!(!due || (pass.from..=pass.to).contains(&on), "{pass} misses {on}");
        }
    }
}

/// Settings are read or every mistake is named in a line, whatever the environment says.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let variable = |line: &&str| line.starts_with("HUIFANG__") || line.starts_with("DATABASE_URL=");
    let environment: Vec<(String, String)> = text
        .lines()
        .filter(variable)
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let file: Vec<&str> = text.lines().filter(|line| !variable(line)).collect();
    let file = file.join("\n");
    let read = config::parse(&file, "f.toml", &environment);
    let (settings, problems) = config::judge(&file, "f.toml", &environment);
    for problem in &problems {
        assert!(!problem.message.is_empty() && !problem.to_string().contains('\n'), "{problem:?}");
    }
    match read {
        Ok(read) => assert_eq!(format!("{read:?}"), format!("{settings:?}")),
        Err(errors) => {
            assert!(!errors.0.is_empty());
            assert!(errors.0.iter().all(|error| problems.contains(error)), "judged and not named: {errors}");
        }
    }
}
