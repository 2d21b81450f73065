//! Judging settings that read well: values out of range and values that do not go together. All mistakes in one go.

use super::outbox;
use super::{END_OF_DAY, Problem, Settings, SipTls, Transport, Trunk};
use chrono::{NaiveTime, Weekday};

/// Every mistake in `settings`; `origin` names the file for the messages.
pub fn validate(settings: &Settings, origin: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |key: &str, message: String| {
        found.push(Problem { origin: origin.to_owned(), key: key.to_owned(), message });
    };
    dealer(settings, &mut problem);
    sockets(settings, &mut problem);
    tls(&settings.sip.tls, &mut problem);
    for (name, trunk) in &settings.trunks {
        self::trunk(name, trunk, &mut problem);
    }
    dialer(settings, &mut problem);
    agents(settings, &mut problem);
    calendar(settings, &mut problem);
    telemetry(settings, &mut problem);
    reports(settings, &mut problem);
    outbox::webhooks(settings, &mut problem);
    outbox::sms(settings, &mut problem);
    retention(settings, &mut problem);
    found
}

fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) type Report<'a> = dyn FnMut(&str, String) + 'a;

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
    let sip = &settings.sip;
    for host in sip.known_hosts.iter().filter(|host| super::network(host).is_none()) {
        problem("sip.known_hosts", format!("`{host}` is neither an IP address nor a network, as 192.0.2.0/24"));
    }
    if !(0.1..=1_000.0).contains(&sip.stranger_rate) {
        problem("sip.stranger_rate", "0.1 to 1000 messages a second are wanted".into());
    }
    if !(1..=86_400).contains(&sip.ban_s) {
        problem("sip.ban_s", "1 to 86400 seconds are wanted".into());
    }
    for server in settings.dns.servers.iter().filter(|server| super::sip::name_server(server).is_none()) {
        problem("dns.servers", format!("`{server}` is neither an IP address nor IP:port"));
    }
    let web = &settings.web;
    if web.certificate_file.is_some() != web.key_file.is_some() {
        let missing = if web.key_file.is_none() { "web.key_file" } else { "web.certificate_file" };
        problem(missing, "is missing: certificate and key go together".into());
    }
    if (1..60).contains(&web.address_requests_per_min) {
        problem("web.address_requests_per_min", "0 (no limit) or at least 60 are wanted: a page needs several".into());
    }
    if web.token.is_none() && web.token_file.is_none() && !web.listen.ip().is_loopback() {
        problem(
            "web.listen",
            format!("{} is not loopback; set HUIFANG__WEB__TOKEN or web.token_file first", web.listen),
        );
    }
}

/// Where TLS for SIP is set up by halves.
fn tls(tls: &SipTls, problem: &mut Report<'_>) {
    let certificate = tls.certificate_file.is_some();
    if certificate != tls.key_file.is_some() {
        problem("sip.tls", "certificate_file and key_file go together".into());
    }
    if tls.listen.is_some() && !certificate {
        problem("sip.tls.listen", "wants certificate_file and key_file".into());
    }
    if tls.verify_clients && tls.ca_file.is_none() {
        problem("sip.tls.verify_clients", "wants ca_file: the authority of those who may connect".into());
    }
}

fn trunk(name: &str, trunk: &Trunk, problem: &mut Report<'_>) {
    let key = |key: &str| format!("trunks.{name}.{key}");
    if trunk.server_name.is_some() && !matches!(trunk.transport, Transport::Tls | Transport::Auto) {
        problem(&key("server_name"), "is looked at with transport = \"tls\" only".into());
    }
    match (&trunk.address, &trunk.host) {
        (None, None) => problem(&key("address"), "is missing (IP:port of the trunk's proxy; or host, a name)".into()),
        (Some(_), Some(_)) => problem(&key("host"), "is given beside address: one of them is wanted".into()),
        (None, Some(host)) if !is_host_name(host) => {
            problem(&key("host"), format!("`{host}` is no host name (an IP address goes into address)"));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if trunk.host.is_none() {
        if trunk.port.is_some() {
            problem(&key("port"), "belongs to host; address has its own".into());
        }
        if trunk.transport == Transport::Auto {
            problem(
                &key("transport"),
                "\"auto\" asks the records of host: with address say \"udp\", \"tcp\" or \"tls\"".into(),
            );
        }
    }
    if trunk.port == Some(0) {
        problem(&key("port"), "1 to 65535 are wanted".into());
    }
    if !(60..=86_400).contains(&trunk.register_expires_s) {
        problem(&key("register_expires_s"), "60 to 86400 seconds are wanted".into());
    }
    if trunk.options_s != 0 && !(10..=3_600).contains(&trunk.options_s) {
        problem(&key("options_s"), "0 (none) or 10 to 3600 seconds are wanted".into());
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
    for (name, message) in super::headers::problems(trunk) {
        problem(&key(name), message);
    }
    if trunk.username.is_none() && (trunk.password.is_some() || trunk.password_file.is_some()) {
        problem(&key("username"), "is missing beside the password".into());
    }
    if trunk.password.is_some() && trunk.password_file.is_some() {
        problem(&key("password_file"), "the password is given twice".into());
    }
}

/// A name as DNS has it (RFC 1123 2.1), and no IP address.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let numeric = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && labels.iter().all(|part| label(part)) && !numeric
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
    let own = &settings.retention;
    for (key, days) in [
        ("retention.recordings_days", own.recordings_days),
        ("retention.answers_days", own.answers_days),
        ("retention.attempts_days", own.attempts_days),
    ] {
        if days.is_some_and(|days| !(1..=3650).contains(&days)) {
            problem(key, "1 to 3650 days are wanted".into());
        }
    }
    for (key, days) in [("retention.traces_days", own.traces_days), ("retention.outbox_days", own.outbox_days)] {
        if !(1..=3650).contains(&days) {
            problem(key, "1 to 3650 days are wanted".into());
        }
    }
}

fn reports(settings: &Settings, problem: &mut Report<'_>) {
    let own = &settings.reports;
    for (key, words, known) in [
        ("reports.kinds", &own.kinds, &["daily", "weekly", "monthly"][..]),
        ("reports.formats", &own.formats, &["pptx", "xlsx", "csv", "html", "json"]),
    ] {
        for word in words.iter().filter(|word| !known.contains(&word.as_str())) {
            problem(key, format!("`{word}` is none of {}", known.join(", ")));
        }
    }
    if !(1..=100).contains(&settings.weak_items.target) {
        problem("weak_items.target", "1 to 100 percent are wanted".into());
    }
    if !(1..=366).contains(&settings.weak_items.days) {
        problem("weak_items.days", "1 to 366 days are wanted".into());
    }
    if own.hour > 23 {
        problem("reports.hour", "0 to 23 is wanted".into());
    }
}

fn telemetry(settings: &Settings, problem: &mut Report<'_>) {
    let own = &settings.telemetry;
    if let Some(endpoint) = &own.otlp_endpoint
        && !endpoint.strip_prefix("http://").is_some_and(|host| {
            host.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[')
                && host.bytes().all(|byte| byte.is_ascii_graphic())
        })
    {
        problem(
            "telemetry.otlp_endpoint",
            format!("`{endpoint}` is no address of a collector (http://127.0.0.1:4318)"),
        );
    }
    if !(0.0..=1.0).contains(&own.sample) {
        problem("telemetry.sample", "0 to 1 is wanted".into());
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
