//! `[webhooks.NAME]` and `[sms]`: who is told of what happens, and the text message in a call's place.

use super::Settings;
use super::validate::Report;
use crate::template;
use hyper::Uri;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// The target that is no webhook.
pub const SMS: &str = "sms";

/// What a webhook can be told of.
pub const EVENTS: &[&str] = &["completed", "closed", "complaint", "call_back", "transfer", "report"];

/// What a text for a customer may name.
pub const TEXT_PLACES: &[&str] = &["dealer", "name", "model", "plate", "date"];

/// What the gateway's body may name.
pub const BODY_PLACES: &[&str] = &["number", "text", "id"];

/// `[webhooks.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// Where messages are posted: `https`, or `http` within the house (loopback and private addresses).
    pub endpoint: String,
    /// The secret with which messages are signed; only from the environment (`HUIFANG__WEBHOOKS__NAME__SECRET`).
    pub secret: Option<SecretString>,
    /// A file that holds it.
    pub secret_file: Option<PathBuf>,
    /// Of what it is told.
    pub events: Vec<String>,
    /// The authority that its certificate comes from, in PEM; default: the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Webhook {
    fn default() -> Self {
        let events = EVENTS.iter().map(|event| (*event).to_owned()).collect();
        Webhook { endpoint: String::new(), secret: None, secret_file: None, events, ca_file: None }
    }
}

/// `[sms]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Sms {
    /// Where the gateway takes messages; without it none are sent.
    pub endpoint: Option<String>,
    /// The gateway's token (`Authorization: Bearer …`); only from the environment (`HUIFANG__SMS__TOKEN`).
    pub token: Option<SecretString>,
    /// A file that holds it.
    pub token_file: Option<PathBuf>,
    /// The body of a request, JSON, with `{number}`, `{text}` and `{id}`.
    pub body: String,
    /// Texts by survey and language. A survey without one sends none.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// The authority that the gateway's certificate comes from, in PEM; default: the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Sms {
    fn default() -> Self {
        let body = r#"{"to":"{number}","text":"{text}","id":"{id}"}"#.to_owned();
        Sms { endpoint: None, token: None, token_file: None, body, texts: BTreeMap::new(), ca_file: None }
    }
}

/// Where a message may go: by TLS, or in the clear within the house.
pub fn endpoint(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| format!("`{text}` is no URL"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let inside = host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|ip| match ip {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
        });
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(uri),
        Some("http") if inside => Ok(uri),
        Some("http") => Err(format!("{host} is neither loopback nor a private address: https is wanted")),
        _ => Err("a URL is wanted, as https://example.com/huifang".to_owned()),
    }
}

/// What is wrong with `[webhooks.NAME]`.
pub(super) fn webhooks(settings: &Settings, problem: &mut Report<'_>) {
    for (name, webhook) in &settings.webhooks {
        let key = |key: &str| format!("webhooks.{name}.{key}");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !name.bytes().all(plain) || name.starts_with(['_', '-']) || name == SMS {
            problem(&format!("webhooks.{name}"), "a name of a to z, 0 to 9, _ and - is wanted, not `sms`".into());
        }
        if let Err(error) = endpoint(&webhook.endpoint) {
            problem(&key("endpoint"), error);
        }
        if webhook.secret.is_none() && webhook.secret_file.is_none() {
            problem(&key("secret_file"), "is missing: messages are signed".into());
        }
        for event in webhook.events.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
            problem(&key("events"), format!("`{event}` is none of {}", EVENTS.join(", ")));
        }
    }
}

/// What is wrong with `[sms]`.
pub(super) fn sms(settings: &Settings, problem: &mut Report<'_>) {
    let own = &settings.sms;
    if let Some(Err(error)) = own.endpoint.as_deref().map(endpoint) {
        problem("sms.endpoint", error);
    }
    if let Err(error) = template::check(&own.body, BODY_PLACES) {
        problem("sms.body", error.to_string());
    }
    let sample: Vec<(&str, &str)> = BODY_PLACES.iter().map(|place| (*place, "x")).collect();
    if serde_json::from_str::<serde_json::Value>(&template::fill_json(&own.body, &sample)).is_err() {
        problem("sms.body", "is no JSON when its places are filled".into());
    }
    for (survey, texts) in &own.texts {
        for (language, template) in texts {
            if let Err(error) = template::check(template, TEXT_PLACES) {
                problem(&format!("sms.texts.{survey}.{language}"), error.to_string());
            }
        }
    }
    if own.endpoint.is_some() && own.texts.is_empty() {
        problem("sms.texts", "is missing: a text for each survey that has one, by language".into());
    }
}
