//! A certificate and its key from PEM files, for whoever serves TLS (rustls, ring). When the files change they are read anew, for connections that come then; what
//! cannot be used is named and the certificate from before stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Why a certificate cannot be used. Names files, shows nothing of a key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that cannot be read as PEM, or holds nothing of the kind.
    #[error("{}: {what}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The two do not go together, or are of a kind that is not taken.
    #[error("{} and {}: {what}", .certificate.display(), .key.display())]
    Pair {
        /// The certificates.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// What was read cannot serve.
    #[error("TLS: {0}")]
    Unusable(String),
}

/// Which change of a file was read: modification time and size.
pub(in crate::net) type Stamp = Option<(SystemTime, u64)>;

/// A certificate that is read anew when its files change.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<(Arc<CertifiedKey>, [Stamp; 2])>,
}

impl Certificate {
    /// Reads certificates (ours first) and the key of the first.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Certificate>, TlsError> {
        // The stamps before the contents: a change in between is seen as one.
        let stamps = [stamp(certificate), stamp(key)];
        let current = RwLock::new((Arc::new(read(certificate, key)?), stamps));
        Ok(Arc::new(Certificate { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads the files again where they have changed since they were read; says whether they had.
    pub fn look_again(&self) -> Result<bool, TlsError> {
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if self.current.read().unwrap_or_else(|poisoned| poisoned.into_inner()).1 == stamps {
            return Ok(false);
        }
        let read = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = (Arc::new(read), stamps);
        Ok(true)
    }

    /// What a server of these protocols (ALPN, `http/1.1`; none: not asked) needs: TLS 1.2 and 1.3, no certificate of the client's.
    pub fn server_config(self: &Arc<Self>, protocols: &[&str]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }

    /// Looks at the files each minute and on SIGHUP, until told to stop.
    pub async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        let mut hang_up = signal(SignalKind::hangup()).ok();
        loop {
            let told = async {
                match &mut hang_up {
                    Some(signal) => drop(signal.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = told => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.look_again()).await {
                Ok(Ok(true)) => tracing::info!(file = %self.certificate.display(), "a new certificate is in use"),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tracing::error!(%error, "the new certificate cannot be used; the old one stays"),
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(|poisoned| poisoned.into_inner()).0.clone())
    }
}

/// The one that everything here uses.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The present stamp of a file.
pub(in crate::net) fn stamp(file: &Path) -> Stamp {
    let about = fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pair = |what: String| TlsError::Pair { certificate: certificate.into(), key: key.into(), what };
    let chain = certificates(certificate)?;
    let found = CertifiedKey::from_der(chain, private_key(key)?, &provider());
    found.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => pair("the key is not that of the first certificate".to_owned()),
        other => pair(other.to_string()),
    })
}

/// The private key of a file.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(file, &error, "private key"))
}

/// All certificates of a file, at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_file_iter(file).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(unreadable(file, &pem::Error::NoItemsFound, "certificate")),
        Err(error) => Err(unreadable(file, &error, "certificate")),
    }
}

fn unreadable(file: &Path, error: &pem::Error, what: &str) -> TlsError {
    let what = match error {
        pem::Error::NoItemsFound => format!("there is no {what} in it (PEM is wanted)"),
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => "there is no such file".to_owned(),
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        _ => "is no PEM file, or a broken one".to_owned(),
    };
    TlsError::File { file: file.to_owned(), what }
}

/// Whom we trust: the authorities of a file, or the system's.
pub(in crate::net) fn authorities(file: Option<&Path>) -> Result<rustls::RootCertStore, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    match file {
        Some(path) => {
            for certificate in certificates(path)? {
                let what = |error: rustls::Error| TlsError::File { file: path.to_owned(), what: error.to_string() };
                roots.add(certificate).map_err(what)?;
            }
        }
        None => {
            let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                tracing::warn!(
                    "the system knows no certificate authority (package ca-certificates): a ca_file is wanted for TLS"
                );
            }
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        let gone = folder.path().join("gone.pem");
        let (one, key, other) = (fixture("one.crt"), fixture("one.key"), fixture("two.key"));
        for (certificate, key, named, what) in [
            (&gone, &key, "gone.pem", "no such file"),
            (&one, &gone, "gone.pem", "no such file"),
            (&empty, &key, "empty.pem", "no certificate"),
            (&key, &key, "one.key", "no certificate"),
            (&one, &one, "one.crt", "no private key"),
            (&one, &other, "two.key", "not that of the first certificate"),
        ] {
            let text = Certificate::load(certificate, key).unwrap_err().to_string();
            assert!(text.contains(named) && text.contains(what), "{text}");
        }
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("web.crt"), folder.path().join("web.key"));
        let mut hour = 0;
        let mut put = |from: &str, to: &Path| {
            fs::write(to, if from.is_empty() { Vec::new() } else { fs::read(fixture(from)).unwrap() }).unwrap();
            hour += 1;
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + hour * 3600);
            File::options().write(true).open(to).unwrap().set_modified(then).unwrap();
        };
        put("one.crt", &certificate);
        put("one.key", &key);
        let loaded = Certificate::load(&certificate, &key).unwrap();
        let serves = || loaded.current.read().unwrap().0.cert[0].to_vec();
        let one = serves();
        assert!(!loaded.look_again().unwrap());
        put("two.crt", &certificate);
        assert!(loaded.look_again().is_err(), "its key has not come yet");
        assert_eq!(serves(), one);
        put("two.key", &key);
        assert!(loaded.look_again().unwrap());
        assert_ne!(serves(), one);
        put("", &certificate);
        assert!(loaded.look_again().is_err());
        assert_ne!(serves(), one, "the last good one");
    }
}
