//! TLS for SIP (RFC 3261 26.3, RFC 5922): certificates from files, read again when they change, and the name that each peer has to prove.
//!
//! Connections that stand keep what they were made with. A file that cannot be read later leaves the one before in use, and is named.

use crate::net::tls_files::{Stamp, TlsError, authorities, certificates, private_key, provider, stamp};
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ServerConfig};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, rustls, server};

/// Files are looked at again after so long.
const LOOK: Duration = Duration::from_secs(5);

/// Where certificates are.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Our certificate with its chain, and its key: shown to peers that connect, and to those that ask for ours. PEM.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Whom we trust; none: the system's authorities. PEM.
    pub ca: Option<PathBuf>,
    /// Peers that connect must show a certificate of such an authority.
    pub verify_clients: bool,
}

/// One side of TLS, client and server.
pub struct Tls {
    files: TlsFiles,
    loaded: Mutex<Loaded>,
    names: Mutex<HashMap<SocketAddr, ServerName<'static>>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({:?})", self.files)
    }
}

struct Loaded {
    client: Arc<ClientConfig>,
    server: Option<Arc<ServerConfig>>,
    changed: Vec<Stamp>,
    looked: Instant,
}

impl Tls {
    /// Reads the files.
    pub fn load(files: TlsFiles) -> Result<Tls, TlsError> {
        let loaded = Mutex::new(Loaded::read(&files)?);
        Ok(Tls { files, loaded, names: Mutex::default() })
    }

    /// Who answers there has to prove this name: a host name or an IP address, among the subjectAltNames of its certificate (RFC 5922 7.2).
    pub fn expect(&self, peer: SocketAddr, name: &str) -> Result<(), TlsError> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsError::Unusable(format!("`{name}` is neither a host name nor an IP address")))?;
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, name);
        Ok(())
    }

    /// Whether connections can be taken: there is a certificate of our own.
    pub fn can_serve(&self) -> bool {
        self.files.own.is_some()
    }

    pub(super) async fn connect(
        &self,
        peer: SocketAddr,
        stream: TcpStream,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).cloned();
        let name = name.unwrap_or_else(|| ServerName::IpAddress(peer.ip().into()));
        let config = self.with(|loaded| loaded.client.clone());
        TlsConnector::from(config).connect(name, stream).await
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        let config = self.with(|loaded| loaded.server.clone());
        let config = config.ok_or_else(|| io::Error::other("there is no certificate of our own"))?;
        TlsAcceptor::from(config).accept(stream).await
    }

    /// What is loaded, read again where a file changed.
    fn with<T>(&self, take: impl Fn(&Loaded) -> T) -> T {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() >= LOOK {
            loaded.looked = Instant::now();
            let changed = changed(&self.files);
            if changed != loaded.changed {
                loaded.changed = changed;
                match Loaded::read(&self.files) {
                    Ok(fresh) => {
                        tracing::info!("SIP certificates were read again");
                        *loaded = fresh;
                    }
                    Err(error) => tracing::error!(%error, "SIP certificates: what was loaded before stays in use"),
                }
            }
        }
        take(&loaded)
    }
}

impl Loaded {
    fn read(files: &TlsFiles) -> Result<Loaded, TlsError> {
        let changed = changed(files);
        let provider = provider();
        let unusable = |error: &dyn std::fmt::Display| TlsError::Unusable(error.to_string());
        let roots = Arc::new(authorities(files.ca.as_deref())?);
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(roots.clone());
        let own = files
            .own
            .as_ref()
            .map(|(certificate, key)| Ok((certificates(certificate)?, private_key(key)?)))
            .transpose()?;
        let Some((chain, key)) = own else {
            let client = Arc::new(client.with_no_client_auth());
            return Ok(Loaded { client, server: None, changed, looked: Instant::now() });
        };
        let client = client.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(|error| unusable(&error))?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let server = if files.verify_clients {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            server.with_client_cert_verifier(verifier.map_err(|error| unusable(&error))?)
        } else {
            server.with_no_client_auth()
        };
        let server = server.with_single_cert(chain, key).map_err(|error| unusable(&error))?;
        Ok(Loaded { client: Arc::new(client), server: Some(Arc::new(server)), changed, looked: Instant::now() })
    }
}

fn changed(files: &TlsFiles) -> Vec<Stamp> {
    let own = files.own.iter().flat_map(|(certificate, key)| [certificate, key]);
    own.chain(files.ca.as_ref()).map(|path| stamp(path)).collect()
}
