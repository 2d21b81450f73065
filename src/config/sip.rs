//! `[sip]` and `[trunks.NAME]`: the user agent's own side, and where calls leave. Structs and their defaults only.

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// `[sip]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Sip {
    /// UDP address to listen on; with an unspecified IP (`0.0.0.0`) `advertise` must say what peers see.
    pub listen: SocketAddr,
    /// The IP that goes into Via, Contact and SDP; default: the listening IP.
    pub advertise: Option<IpAddr>,
    /// `User-Agent`.
    pub user_agent: String,
    /// TCP address to listen on; default: as `listen`, where a trunk's `transport` is TCP, else none.
    pub listen_tcp: Option<SocketAddr>,
    /// `[sip.tls]`: certificates.
    pub tls: SipTls,
    /// What becomes of requests from addresses that nobody has named.
    pub strangers: Strangers,
    /// Who is no stranger beside trunks, `agents.allow_hosts`, this machine and phones that have registered: IP addresses or networks.
    pub known_hosts: Vec<String>,
    /// Messages a second that one stranger may send.
    pub stranger_rate: f64,
    /// Faults after which a stranger is not heard; 0: never.
    pub ban_after: u32,
    /// For so many seconds.
    pub ban_s: u64,
}

/// `strangers`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strangers {
    /// Nothing comes back.
    Drop,
    /// 403.
    Refuse,
}

/// An address or a network.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `[sip.tls]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SipTls {
    /// TLS address to listen on; without it nobody can connect, and trunks have to use the connections that the engine opens.
    pub listen: Option<SocketAddr>,
    /// Our certificate and its chain (PEM).
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
    /// Authorities that peers' certificates must come from (PEM); default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Who connects must show a certificate of such an authority.
    pub verify_clients: bool,
}

/// `transport` of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// What the NAPTR records of `host` say, else UDP.
    Auto,
}

impl Default for Sip {
    fn default() -> Self {
        Sip {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)),
            advertise: None,
            user_agent: concat!("huifang/", env!("CARGO_PKG_VERSION")).into(),
            listen_tcp: None,
            tls: SipTls::default(),
            strangers: Strangers::Drop,
            known_hosts: Vec::new(),
            stranger_rate: 5.0,
            ban_after: 20,
            ban_s: 600,
        }
    }
}

impl Sip {
    /// The IP that peers are told.
    pub fn public_ip(&self) -> IpAddr {
        self.advertise.unwrap_or(self.listen.ip())
    }
}

/// `[dns]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Name servers, as IP or IP:port; empty: the system's.
    pub servers: Vec<String>,
}

impl Dns {
    /// The name servers; those that are none are named by the check of the settings.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().filter_map(|server| name_server(server)).collect()
    }
}

/// An address of a name server, with or without its port.
pub fn name_server(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}

/// `[trunks.NAME]`: a SIP trunk.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Trunk {
    /// IP and port of the trunk's proxy; or `host`.
    pub address: Option<SocketAddr>,
    /// Name of the trunk's proxy or domain, looked up by RFC 3263.
    pub host: Option<String>,
    /// Port of `host`; without it the name's SRV records say the port.
    pub port: Option<u16>,
    /// The engine registers with the trunk (RFC 3261 10), as `username` (else `from_user`), and calls only while that holds.
    pub register: bool,
    /// Domain of the registration; default: `from_domain`, else `host`, else the IP of `address`.
    pub registrar: Option<String>,
    /// Seconds for which a registration is asked for.
    pub register_expires_s: u32,
    /// Seconds between two OPTIONS that ask whether the trunk is there; 0: none.
    pub options_s: u64,
    /// How SIP goes there.
    pub transport: Transport,
    /// The name that the trunk's certificate must bear; default: the IP of `address`.
    pub server_name: Option<String>,
    /// An INVITE of more than 1,300 bytes goes by TCP where the trunk takes connections (RFC 3261 18.1.1); for trunks of transport UDP.
    pub large_by_tcp: bool,
    /// User part of From: the number that customers see.
    pub from_user: String,
    /// Host part of From; default: the trunk's IP.
    pub from_domain: Option<String>,
    /// Display name of From.
    pub display_name: Option<String>,
    /// Digest user name, where the trunk asks for one.
    pub username: Option<String>,
    /// Digest password; only from the environment (`HUIFANG__TRUNKS__NAME__PASSWORD`).
    pub password: Option<SecretString>,
    /// A file that holds the digest password.
    pub password_file: Option<PathBuf>,
    /// Calls at the same time.
    pub max_calls: u32,
    /// New calls each second.
    pub calls_per_second: f64,
    /// Whether the media are encrypted.
    pub srtp: Srtp,
    /// How numbers are written in the Request-URI.
    pub number_format: NumberFormat,
    /// Seconds a phone may ring before CANCEL; counted from the INVITE.
    pub ring_timeout_s: u64,
    /// Only numbers that begin with one of these leave here; empty: all.
    pub prefixes: Vec<String>,
    /// Smaller is taken first; the next one only where this has no room.
    pub priority: u16,
    /// Share of the calls among trunks of one priority.
    pub weight: u16,
    /// Seconds from the first call, or from the end of a pause, to the full rate.
    pub ramp_up_s: u64,
    /// Reliable provisional responses (RFC 3262).
    pub prack: Prack,
    /// Session timer asked for (RFC 4028), seconds; 0: none.
    pub session_expires_s: u32,
    /// Redirections (3xx) followed in one call: to the same number at the trunk's own hosts.
    pub redirects: u8,
    /// Hosts of this trunk beside `address`, where redirections may lead.
    pub redirect_hosts: Vec<IpAddr>,
    /// P-Asserted-Identity (RFC 3325): a URI.
    pub asserted_identity: Option<String>,
    /// P-Preferred-Identity (RFC 3325): a URI.
    pub preferred_identity: Option<String>,
    /// Privacy (RFC 3323): `id`, `header`, `session`, `user`, `critical`, `none`, with `;` between them.
    pub privacy: Option<String>,
    /// Further headers of each INVITE, as `Name: value`; several of one name are all sent.
    pub headers: Vec<String>,
}

/// `srtp` of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Srtp {
    /// RTP in the clear.
    Off,
    /// SRTP with keys in the SDP (RFC 4568); a trunk that does not take it gets no call.
    Sdes,
}

impl Default for Trunk {
    fn default() -> Self {
        Trunk {
            address: None,
            host: None,
            port: None,
            register: false,
            registrar: None,
            register_expires_s: 600,
            options_s: 0,
            transport: Transport::Udp,
            server_name: None,
            large_by_tcp: true,
            from_user: "huifang".into(),
            from_domain: None,
            display_name: None,
            username: None,
            password: None,
            password_file: None,
            max_calls: 10,
            calls_per_second: 2.0,
            srtp: Srtp::Off,
            number_format: NumberFormat::E164,
            ring_timeout_s: 40,
            prefixes: Vec::new(),
            priority: 10,
            weight: 1,
            ramp_up_s: 10,
            prack: Prack::Supported,
            session_expires_s: 1_800,
            redirects: 0,
            redirect_hosts: Vec::new(),
            asserted_identity: None,
            preferred_identity: None,
            privacy: None,
            headers: Vec::new(),
        }
    }
}

/// `prack` of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prack {
    /// Not offered.
    Off,
    /// Where the trunk wants it.
    Supported,
    /// The trunk must do it.
    Required,
}

/// How a number is written for a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberFormat {
    /// `+8613800138000`
    E164,
    /// `8613800138000`
    Plain,
    /// `013800138000`-style national dialling, as the numbering plan writes it.
    National,
}
