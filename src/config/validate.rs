//! Judging settings that read well: values out of range and values that do not go together. All mistakes in one go.

use super::{END_OF_DAY, Problem, Settings, Trunk};
use chrono::{NaiveTime, Weekday};

/// Every mistake in `settings`; `origin` names the file for the messages.
pub fn validate(settings: &Settings, origin: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |key: &str, message: String| {
        found.push(Problem { origin: origin.to_owned(), key: key.to_owned(), message });
    };
    dealer(settings, &mut problem);
    sockets(settings, &mut problem);
    for (name, trunk) in &settings.trunks {
        self::trunk(name, trunk, &mut problem);
    }
    dialer(settings, &mut problem);
    agents(settings, &mut problem);
    calendar(settings, &mut problem);
    retention(settings, &mut problem);
    found
}

fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

type Report<'a> = dyn FnMut(&str, String) + 'a;

fn dealer(settings: &Settings, problem: &mut Report<'_>) {
    let dealer = &settings.dealer;
    if dealer.country.parse::<phonenumber::country::Id>().is_err() {
        problem("dealer.country", format!("`{}` is not a country (ISO 3166 two letters, as CN)", dealer.country));
    }
    if dealer.time_zone.parse::<chrono_tz::Tz>().is_err() {
        problem("dealer.time_zone", format!("`{}` is not an IANA time zone (as Asia/Shanghai)", dealer.time_zone));
    }
    if settings.database.max_connections == 0 {
        problem("database.max_connections", "at least 1 is wanted".into());
    }
}

fn sockets(settings: &Settings, problem: &mut Report<'_>) {
    if settings.sip.public_ip().is_unspecified() {
        problem("sip.advertise", "must name the IP that peers see, since sip.listen is unspecified".into());
    }
    let media = &settings.media;
    if (media.port_min == 0) != (media.port_max == 0) || media.port_min > media.port_max {
        problem("media.port_min", format!("{}–{} is not a port range", media.port_min, media.port_max));
    }
    if media.rtp_timeout_s == 0 {
        problem("media.rtp_timeout_s", "at least 1 is wanted".into());
    }
    let machines = &settings.machines;
    for (key, value, range) in [
        ("machines.listen_s", machines.listen_s, 2.0..=20.0),
        ("machines.beep_s", machines.beep_s, 2.0..=120.0),
        ("machines.speech_s", machines.speech_s, 2.0..=15.0),
        ("machines.pause_s", machines.pause_s, 0.1..=2.0),
    ] {
        if !range.contains(&value) {
            problem(key, format!("{value} is not from {} to {}", range.start(), range.end()));
        }
    }
    let web = &settings.web;
    if web.token.is_none() && web.token_file.is_none() && !web.listen.ip().is_loopback() {
        problem(
            "web.listen",
            format!("{} is not loopback; set HUIFANG__WEB__TOKEN or web.token_file first", web.listen),
        );
    }
}

fn trunk(name: &str, trunk: &Trunk, problem: &mut Report<'_>) {
    let key = |key: &str| format!("trunks.{name}.{key}");
    if trunk.address.is_none() {
        problem(&key("address"), "is missing (IP:port of the trunk's proxy)".into());
    }
    if trunk.max_calls == 0 {
        problem(&key("max_calls"), "at least 1 is wanted".into());
    }
    if !(trunk.calls_per_second > 0.0 && trunk.calls_per_second <= 1000.0) {
        problem(&key("calls_per_second"), "a rate above 0 and up to 1000 is wanted".into());
    }
    if !(5..=180).contains(&trunk.ring_timeout_s) {
        problem(&key("ring_timeout_s"), "5 to 180 seconds are wanted".into());
    }
    for prefix in trunk.prefixes.iter().filter(|prefix| !is_prefix(prefix)) {
        problem(&key("prefixes"), format!("`{prefix}` is not a prefix (a + and digits, as +86)"));
    }
    if trunk.weight == 0 {
        problem(&key("weight"), "at least 1 is wanted".into());
    }
    if trunk.ramp_up_s > 3600 {
        problem(&key("ramp_up_s"), "at most 3600 seconds are wanted".into());
    }
    if trunk.username.is_none() && (trunk.password.is_some() || trunk.password_file.is_some()) {
        problem(&key("username"), "is missing beside the password".into());
    }
    if trunk.password.is_some() && trunk.password_file.is_some() {
        problem(&key("password_file"), "the password is given twice".into());
    }
}

fn agents(settings: &Settings, problem: &mut Report<'_>) {
    let agents = &settings.agents;
    if agents.realm.is_empty() || agents.realm.contains(['"', '\\', '\r', '\n']) {
        problem("agents.realm", "a word without quotes is wanted".into());
    }
    for (key, value, from, to) in [
        ("ring_s", agents.ring_s, 5, 120),
        ("hold_max_s", agents.hold_max_s, 10, 600),
        ("accept_s", agents.accept_s, 3, 60),
        ("wrap_up_s", agents.wrap_up_s, 0, 3600),
        ("lease_ttl_s", agents.lease_ttl_s, 5, 300),
        ("page_ttl_s", agents.page_ttl_s, 5, 300),
        ("max_tries", agents.max_tries.into(), 1, 20),
        ("abandoned_limit_24h_percent", agents.abandoned_limit_24h_percent.into(), 0, 100),
        ("abandoned_limit_30d_percent", agents.abandoned_limit_30d_percent.into(), 0, 100),
    ] {
        if !(from..=to).contains(&value) {
            problem(&format!("agents.{key}"), format!("{from} to {to} are wanted"));
        }
    }
}

fn calendar(settings: &Settings, problem: &mut Report<'_>) {
    if !(1..=366).contains(&settings.calendar.ahead_days) {
        problem("calendar.ahead_days", "1 to 366 days are wanted".into());
    }
    if settings.calendar.every_min == 0 {
        problem("calendar.every_min", "at least 1 is wanted".into());
    }
}

fn retention(settings: &Settings, problem: &mut Report<'_>) {
    if settings.retention.recordings_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        problem("retention.recordings_days", "1 to 3650 days are wanted".into());
    }
}

fn dialer(settings: &Settings, problem: &mut Report<'_>) {
    let dialer = &settings.dialer;
    for prefix in dialer.allow.iter().filter(|prefix| !is_prefix(prefix)) {
        problem("dialer.allow", format!("`{prefix}` is not a prefix (a + and digits, as +86)"));
    }
    if dialer.max_calls == 0 {
        problem("dialer.max_calls", "at least 1 is wanted".into());
    }
    if dialer.lease_ttl_s < 5 {
        problem("dialer.lease_ttl_s", "at least 5 seconds are wanted".into());
    }
    for (key, value) in [
        ("max_attempts", dialer.max_attempts),
        ("max_attempts_a_day", dialer.max_attempts_a_day),
        ("max_attempts_a_day_to_number", dialer.max_attempts_a_day_to_number),
        ("max_attempts_30_days_to_number", dialer.max_attempts_30_days_to_number),
    ] {
        if value == 0 {
            problem(&format!("dialer.{key}"), "at least 1 is wanted".into());
        }
    }
    if !(1..=600).contains(&dialer.drain_s) {
        problem("dialer.drain_s", "1 to 600 seconds are wanted".into());
    }
    let window = &dialer.window;
    if window.open >= window.close {
        problem("dialer.window.close", "must be after dialer.window.open".into());
    }
    for day in window.weekdays.iter().filter(|day| day.parse::<Weekday>().is_err()) {
        problem("dialer.window.weekdays", format!("`{day}` is not a day (mon, tue, wed, thu, fri, sat, sun)"));
    }
    let hour = |h| NaiveTime::from_hms_opt(h, 0, 0).unwrap_or(END_OF_DAY);
    if !window.allow_night && (window.open < hour(8) || window.close > hour(21)) {
        problem(
            "dialer.window.allow_night",
            "must be true for a window that begins before 08:00 or ends after 21:00".into(),
        );
    }
}
