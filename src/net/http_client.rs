//! Requests to others by HTTP/1.1 and TLS (hyper, rustls with ring): one POST, a bounded time, no redirects followed, no connection kept. What the other side says beside
//! its status is not read: it may hold anything.

use super::tls_files::{TlsError, authorities, provider};
use crate::outbox::fate::Reply;
use bytes::Bytes;
use chrono::TimeDelta;
use http_body_util::Full;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::path::Path;
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Until the answer is there.
const ANSWER: Duration = Duration::from_secs(15);

/// Who asks.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// How a request went, and why it went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For what becomes of the message.
    pub reply: Reply,
    /// The status, where one came.
    pub status: Option<u16>,
    /// In a few words, without what the other side wrote.
    pub error: Option<String>,
}

impl HttpClient {
    /// Trusts the authorities of a file, or the system's.
    pub fn new(ca: Option<&Path>) -> Result<HttpClient, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable(error.to_string()))?
            .with_root_certificates(authorities(ca)?)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.enforce_http(false);
        let https =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http);
        // A connection that was kept may be closed under a request: then nobody knows what the other side has read.
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_max_idle_per_host(0).retry_canceled_requests(false);
        Ok(HttpClient { client: client.build(https) })
    }

    /// Posts a body.
    pub async fn post(&self, url: &Uri, headers: HeaderMap, body: Vec<u8>) -> Answer {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers;
        match tokio::time::timeout(ANSWER, self.client.request(request)).await {
            Err(_) => failed(Reply::NoAnswer, format!("no answer within {} s", ANSWER.as_secs())),
            Ok(Err(error)) if error.is_connect() => failed(Reply::NotReached, said("it cannot be reached", &error)),
            Ok(Err(error)) => failed(Reply::NoAnswer, said("the connection broke", &error)),
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                let error = (!response.status().is_success()).then(|| format!("it answered {status}"));
                Answer { reply: Reply::Status(status, retry_after(response.headers())), status: Some(status), error }
            }
        }
    }
}

fn failed(reply: Reply, error: String) -> Answer {
    Answer { reply, status: None, error: Some(error) }
}

/// The innermost cause says most (connection refused, certificate unknown).
fn said(what: &str, error: &dyn std::error::Error) -> String {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last();
    format!("{what}: {}", innermost.map(ToString::to_string).unwrap_or_default())
}

/// Seconds; a date is not looked at (the pause between tries does as well).
fn retry_after(headers: &HeaderMap) -> Option<TimeDelta> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(TimeDelta::seconds(seconds.into()))
}
