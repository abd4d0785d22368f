//! TLS of the server: a certificate and its key, which a running server exchanges.

use std::{fmt, fs, io, path::PathBuf, sync::Arc};

use axum_server::tls_rustls::RustlsConfig;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tracing::warn;
use x509_cert::der::Decode as _;

use crate::{config::TlsFiles, metrics};

/// What a server shows and speaks TLS with. Clones are the same one.
#[derive(Clone)]
pub struct ServerTls {
    config: RustlsConfig,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{key}`: cannot read {}", file.display())]
    Read {
        /// The key that names it.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{key}`: {} holds no {what} in PEM", file.display())]
    Pem {
        /// The key that names it.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The two do not belong together, or cannot be used.
    #[error("`serve.tls_certificate` and `serve.tls_key` cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// A certificate with its key, read and tried.
#[derive(Debug)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
}

impl Certificate {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// [`TlsError`], which names the key of the configuration.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        // What the reader of PEM says is left out: it quotes the file.
        let no = |key, file: &PathBuf, what| TlsError::Pem {
            key,
            file: file.clone(),
            what,
        };
        let chain = read(CERTIFICATE, &files.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| no(CERTIFICATE, &files.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&read(KEY, &files.key)?);
        let key = key.map_err(|_| no(KEY, &files.key, "private key"))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            chain,
        })
    }

    /// When it ends, in seconds since 1970; `None` if that cannot be read.
    pub(super) fn expires(&self) -> Option<i64> {
        let shown = x509_cert::Certificate::from_der(self.chain.first()?).ok()?;
        let ends = shown.tbs_certificate.validity.not_after;
        i64::try_from(ends.to_unix_duration().as_secs()).ok()
    }

    /// Has it told when it ends.
    fn tell(&self) {
        match self.expires() {
            Some(at) => metrics::certificate_expires(at),
            None => warn!("when the certificate of the server ends cannot be read"),
        }
    }

    /// Whether another one shows the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl ServerTls {
    /// What shows this certificate.
    pub fn new(certificate: &Certificate) -> Self {
        certificate.tell();
        Self {
            config: RustlsConfig::from_config(Arc::clone(&certificate.config)),
        }
    }

    /// Shows another one from the next connection on.
    pub fn exchange(&self, certificate: &Certificate) {
        certificate.tell();
        self.config
            .reload_from_config(Arc::clone(&certificate.config));
    }

    /// What the server's library takes.
    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

fn read(key: &'static str, file: &std::path::Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Read {
        key,
        file: file.to_owned(),
        source,
    })
}

const CERTIFICATE: &str = "serve.tls_certificate";
const KEY: &str = "serve.tls_key";
