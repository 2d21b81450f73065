//! How a request came: from which address, and by TLS or not. What a proxy says of that (`X-Forwarded-For`, `X-Forwarded-Proto`) counts only where the proxy is
//! one of `web.trusted_proxies`: anybody else can write anything into these fields.

use super::door::Peer;
use super::problem::Problem;
use super::rate;
use super::state::WebState;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// How a request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// The client's address; none: not known (a router that is asked without a socket).
    pub address: Option<IpAddr>,
    /// The client speaks TLS, to us or to a trusted proxy.
    pub tls: bool,
}

impl Via {
    /// What the socket and, from a trusted proxy, the header fields say.
    fn of(peer: Option<Peer>, headers: &HeaderMap, trusted: &[IpAddr]) -> Via {
        let Some(peer) = peer else { return Via::default() };
        let address = peer.address.to_canonical();
        if !trusted.contains(&address) {
            return Via { address: Some(address), tls: peer.tls };
        }
        let https = headers.get("x-forwarded-proto").map(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        Via { address: Some(forwarded_for(headers, trusted).unwrap_or(address)), tls: https.unwrap_or(peer.tls) }
    }
}

/// The nearest address that no trusted proxy has: read from the right, since everything left of it is the client's own word.
fn forwarded_for(headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let fields: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let mut nearest = None;
    for text in fields.iter().flat_map(|field| field.split(',')).rev() {
        let text = text.trim();
        let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
        let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>().or_else(|_| with_port()) else { break };
        nearest = Some(address.to_canonical());
        if !trusted.contains(&address.to_canonical()) {
            break;
        }
    }
    nearest
}

/// Says of each request how it came.
pub async fn find_out(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| *peer);
    let via = Via::of(peer, request.headers(), &state.options().trusted_proxies);
    request.extensions_mut().insert(via);
    next.run(request).await
}

/// Holds back an address that asks too often. Probes of health are always answered; this machine's own programs are not counted.
pub async fn limit(State(state): State<WebState>, via: Via, request: Request, next: Next) -> Response {
    if !matches!(request.uri().path(), "/healthz" | "/readyz")
        && let Err(wait) = charge(&state, via, 1)
    {
        return Problem::too_often(wait).into_response();
    }
    next.run(request).await
}

/// Counts so many requests to the address; else the seconds that it has to wait.
pub fn charge(state: &WebState, via: Via, cost: u32) -> Result<(), u32> {
    let Some(address) = via.address.filter(|address| !address.is_loopback()) else { return Ok(()) };
    state.address_rates().take(rate::counted_as(address), cost, state.clock().now().timestamp_micros())
}

impl<S: Sync> FromRequestParts<S> for Via {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Via, Infallible> {
        Ok(parts.extensions.get::<Via>().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let trusted: Vec<IpAddr> = ["192.0.2.7", "192.0.2.8"].map(|text| text.parse().unwrap()).to_vec();
        let of = |peer: &str, tls, fields: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_str(value).unwrap());
            }
            let via = Via::of(Some(Peer { address: peer.parse().unwrap(), tls }), &headers, &trusted);
            (via.address.unwrap().to_string(), via.tls)
        };
        let (xff, xfp) = ("x-forwarded-for", "x-forwarded-proto");
        for (peer, tls, fields, want) in [
            ("198.51.100.1", false, &[(xff, "10.0.0.1"), (xfp, "https")][..], ("198.51.100.1", false)),
            ("198.51.100.1", true, &[(xfp, "http")], ("198.51.100.1", true)),
            ("192.0.2.7", false, &[], ("192.0.2.7", false)),
            ("192.0.2.7", false, &[(xff, "203.0.113.5"), (xfp, "HTTPS")], ("203.0.113.5", true)),
            ("::ffff:192.0.2.7", false, &[(xff, "203.0.113.5")], ("203.0.113.5", false)),
            ("192.0.2.7", false, &[(xff, "6.6.6.6, 203.0.113.5")], ("203.0.113.5", false)),
            ("192.0.2.7", false, &[(xff, "6.6.6.6, 203.0.113.5, 192.0.2.8")], ("203.0.113.5", false)),
            ("192.0.2.7", false, &[(xff, "6.6.6.6"), (xff, "203.0.113.5")], ("203.0.113.5", false)),
            ("192.0.2.7", true, &[(xff, "203.0.113.5:4711")], ("203.0.113.5", true)),
            ("192.0.2.7", false, &[(xff, "[2001:db8::1]:4711")], ("2001:db8::1", false)),
            ("192.0.2.7", false, &[(xff, "203.0.113.5, unknown")], ("192.0.2.7", false)),
            ("192.0.2.7", true, &[(xfp, "http")], ("192.0.2.7", false)),
        ] {
            assert_eq!(of(peer, tls, fields), (want.0.to_owned(), want.1), "{peer} {fields:?}");
        }
        assert_eq!(Via::of(None, &HeaderMap::new(), &trusted), Via::default());
    }
}
