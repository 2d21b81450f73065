//! Who is told of what happens: webhooks and the SMS gateway from the settings, with their secrets.

use super::{Failure, parts};
use crate::config::{self, Settings};
use crate::db::state::OutboxEvent;
use crate::net::http_client::HttpClient;
use crate::net::tls_files::TlsError;
use crate::outbox::courier::{Gateway, Post, Webhook};
use crate::outbox::wire::Secret;
use secrecy::ExposeSecret;
use std::path::Path;

/// All of them. What cannot be used is named before anything starts.
pub fn post(settings: &Settings) -> Result<Post, Failure> {
    let mut post = Post { sms: gateway(settings)?, ..Post::default() };
    for (name, own) in &settings.webhooks {
        post.webhooks.insert(name.clone(), webhook(name, own)?);
    }
    Ok(post)
}

fn webhook(name: &str, own: &config::Webhook) -> Result<Webhook, Failure> {
    let key = |key: &str| format!("webhooks.{name}.{key}");
    let file = key("secret_file");
    let text = parts::secret(own.secret.as_ref(), own.secret_file.as_deref(), &file)?
        .ok_or_else(|| Failure::start(format!("{file} is missing")))?;
    let secret = Secret::parse(text.expose_secret()).map_err(|error| Failure::start(format!("{file}: {error}")))?;
    let known = OutboxEvent::ALL.iter().copied();
    Ok(Webhook {
        endpoint: endpoint(&key("endpoint"), &own.endpoint)?,
        secret,
        http: http(&key("ca_file"), own.ca_file.as_deref())?,
        events: known.filter(|event| own.events.iter().any(|word| word == event.as_str())).collect(),
    })
}

fn gateway(settings: &Settings) -> Result<Option<Gateway>, Failure> {
    let own = &settings.sms;
    let Some(text) = &own.endpoint else { return Ok(None) };
    Ok(Some(Gateway {
        endpoint: endpoint("sms.endpoint", text)?,
        token: parts::secret(own.token.as_ref(), own.token_file.as_deref(), "sms.token_file")?,
        http: http("sms.ca_file", own.ca_file.as_deref())?,
        body: own.body.clone(),
        texts: own.texts.clone(),
        dealer: settings.dealer.name.clone(),
        manners: parts::manners(settings)?,
    }))
}

fn endpoint(key: &str, text: &str) -> Result<hyper::Uri, Failure> {
    config::endpoint(text).map_err(|error| Failure::start(format!("{key}: {error}")))
}

fn http(key: &str, ca: Option<&Path>) -> Result<HttpClient, Failure> {
    HttpClient::new(ca).map_err(|error: TlsError| Failure::start(format!("{key}: {error}")))
}
