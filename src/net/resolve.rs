//! Where a trunk's name leads (RFC 3263): NAPTR, SRV, A and AAAA by `hickory-resolver`, put in order by `sip::locate`. Answers are kept for as long as they are good
//! (the resolver's cache). Decides nothing about calls.

use crate::sip::hop::{Hop, Transport};
use crate::sip::locate::{self, Naptr, Srv};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use rand::Rng;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use thiserror::Error;

/// A name server has so long to answer, and is asked so often.
const PATIENCE: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// Places of one name at most: nobody waits for more.
const MOST: usize = 20;

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The name.
    pub host: String,
    /// With a port there are no services to be asked for (RFC 3263 4.2).
    pub port: Option<u16>,
    /// None: what the name offers, else UDP.
    pub transport: Option<Transport>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located {
    /// In the order in which they are to be tried; never empty.
    pub places: Vec<Hop>,
    /// Until then it is good.
    pub good_until: Instant,
}

/// Why a name leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Nowhere {
    /// It is unknown, or has no address of the kind that we speak.
    #[error("{0} is unknown to DNS, or has no address that can be reached from sip.listen")]
    Unknown(String),
    /// The name servers do not say.
    #[error("{0} cannot be looked up: {1}")]
    NoAnswer(String, String),
    /// There is no way to ask.
    #[error("no name server: {0}")]
    NoServer(String),
}

/// Asks name servers. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    dns: TokioResolver,
    /// Our socket speaks IPv6, else IPv4.
    ipv6: bool,
}

/// The records of one question; none where there are none.
struct Records {
    data: Vec<RData>,
    good_until: Instant,
}

impl Resolver {
    /// Asks these servers, or the system's where there are none. `ipv6`: which addresses are of use.
    pub fn new(servers: &[SocketAddr], ipv6: bool) -> Result<Resolver, Nowhere> {
        let no_server = |error: NetError| Nowhere::NoServer(error.to_string());
        let mut builder: ResolverBuilder<TokioRuntimeProvider> = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(no_server)?
        } else {
            let servers = servers.iter().map(|server| {
                let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                connections.iter_mut().for_each(|connection| connection.port = server.port());
                NameServerConfig::new(server.ip(), true, connections.to_vec())
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        (builder.options_mut().timeout, builder.options_mut().attempts) = (PATIENCE, ATTEMPTS);
        Ok(Resolver { dns: builder.build().map_err(no_server)?, ipv6 })
    }

    /// The places of a name, in order.
    pub async fn locate(&self, wanted: &Wanted, dice: &mut (dyn Rng + Send)) -> Result<Located, Nowhere> {
        let mut search = Search { resolver: self, places: Vec::new(), good_until: None, fault: None };
        let usual = wanted.transport.unwrap_or(Transport::Udp);
        match wanted.port {
            Some(port) => search.addresses(&wanted.host, port, usual).await,
            None => {
                for (transport, service) in search.services(wanted).await {
                    search.servers(&service, transport, dice).await;
                }
                if search.places.is_empty() {
                    search.addresses(&wanted.host, usual.default_port(), usual).await;
                }
            }
        }
        let Search { mut places, good_until, fault, .. } = search;
        places.truncate(MOST);
        match (places.is_empty(), fault) {
            (false, _) => Ok(Located { places, good_until: good_until.unwrap_or_else(Instant::now) }),
            (true, Some(fault)) => Err(Nowhere::NoAnswer(wanted.host.clone(), fault)),
            (true, None) => Err(Nowhere::Unknown(wanted.host.clone())),
        }
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Records, NetError> {
        // a full stop at the end: the name as it is, without search domains
        let name = format!("{}.", name.trim_end_matches('.'));
        match self.dns.lookup(name, kind).await {
            Ok(lookup) => Ok(records(&lookup)),
            Err(error) if error.is_no_records_found() => Ok(Records { data: Vec::new(), good_until: Instant::now() }),
            Err(error) => Err(error),
        }
    }
}

fn records(lookup: &Lookup) -> Records {
    let data = lookup.answers().iter().map(|record| record.data.clone()).collect();
    Records { data, good_until: lookup.valid_until() }
}

/// One search under way.
struct Search<'a> {
    resolver: &'a Resolver,
    places: Vec<Hop>,
    good_until: Option<Instant>,
    /// The last question that was not answered.
    fault: Option<String>,
}

impl Search<'_> {
    async fn ask(&mut self, name: &str, kind: RecordType) -> Vec<RData> {
        match self.resolver.ask(name, kind).await {
            Ok(Records { data, good_until }) if !data.is_empty() => {
                self.good_until = Some(self.good_until.map_or(good_until, |other| other.min(good_until)));
                data
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                self.fault = Some(error.to_string());
                Vec::new()
            }
        }
    }

    /// RFC 3263 4.1: a transport that is wanted is asked for by its SRV name; else NAPTR says which there are, and where it is silent UDP and TCP are tried.
    async fn services(&mut self, wanted: &Wanted) -> Vec<(Transport, String)> {
        if let Some(transport) = wanted.transport {
            return vec![(transport, locate::service_name(&wanted.host, transport))];
        }
        let records = self.ask(&wanted.host, RecordType::NAPTR).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let records: Vec<Naptr> = records
            .iter()
            .filter_map(|data| match data {
                RData::NAPTR(naptr) => Some(Naptr {
                    order: naptr.order,
                    preference: naptr.preference,
                    flags: text(&naptr.flags),
                    services: text(&naptr.services),
                    replacement: naptr.replacement.to_string(),
                }),
                _ => None,
            })
            .collect();
        let named = locate::services(&records, None);
        if !named.is_empty() {
            return named;
        }
        [Transport::Udp, Transport::Tcp].map(|t| (t, locate::service_name(&wanted.host, t))).to_vec()
    }

    async fn servers(&mut self, service: &str, transport: Transport, dice: &mut (dyn Rng + Send)) {
        let records = self.ask(service, RecordType::SRV).await;
        let srv = |data: &RData| match data {
            RData::SRV(srv) => {
                let (priority, weight, port) = (srv.priority, srv.weight, srv.port);
                Some(Srv { priority, weight, port, target: srv.target.to_string() })
            }
            _ => None,
        };
        for server in locate::order(records.iter().filter_map(srv).collect(), dice) {
            if self.places.len() < MOST {
                self.addresses(&server.target, server.port, transport).await;
            }
        }
    }

    async fn addresses(&mut self, host: &str, port: u16, transport: Transport) {
        let kind = if self.resolver.ipv6 { RecordType::AAAA } else { RecordType::A };
        for data in self.ask(host, kind).await {
            let ip = match data {
                RData::A(a) => IpAddr::V4(a.0),
                RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
                _ => continue,
            };
            let hop = Hop::new(transport, SocketAddr::new(ip, port));
            if !self.places.contains(&hop) {
                self.places.push(hop);
            }
        }
    }
}

#[cfg(test)]
mod tests;
