//! Asks a server of ours on this machine whether it is ready, as whatever looks after containers does.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// What a server has said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Whether it is ready.
    pub is_ready: bool,
    /// What is not as it should be, by the names of `/readyz`.
    pub failed: Vec<String>,
}

/// Why a server has said nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It cannot be reached, or does not speak what it is asked in.
    #[error("nothing at {at} answers as `aftertone serve` does")]
    Ask {
        /// The address.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// It does not answer.
    #[error("{at} does not answer within {} s", within.as_secs())]
    Late {
        /// The address.
        at: SocketAddr,
        /// For how long it was waited.
        within: Duration,
    },
}

/// Asks the server that is configured to listen there for `/readyz`, and waits for its answer for so long at most.
///
/// # Errors
/// [`ProbeError`] if there is no answer.
pub async fn probe(
    listen: SocketAddr,
    has_tls: bool,
    within: Duration,
) -> Result<Probed, ProbeError> {
    let at = reachable(listen);
    let asked = timeout(within, ask(at, has_tls)).await;
    let asked = asked.map_err(|_| ProbeError::Late { at, within })?;
    let answer = asked.map_err(|source| ProbeError::Ask { at, source })?;
    read(&answer).ok_or_else(|| ProbeError::Ask {
        at,
        source: io::Error::other("its answer is not one of `/readyz`"),
    })
}

/// The address by which this machine reaches who listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(at: SocketAddr, has_tls: bool) -> io::Result<String> {
    let stream = TcpStream::connect(at).await?;
    if !has_tls {
        return exchange(stream).await;
    }
    let tls = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OwnServer(provider())))
        .with_no_client_auth();
    let name = ServerName::from(at.ip());
    let stream = TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await?;
    exchange(stream).await
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = (&mut stream)
        .take(LONGEST_ANSWER)
        .read_to_end(&mut answer)
        .await;
    match read {
        // One that closes without a farewell of TLS has answered as well.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        Ok(_) | Err(_) => {}
    }
    String::from_utf8(answer).map_err(io::Error::other)
}

/// Reads an answer; `None` if it is not one of `/readyz`.
fn read(answer: &str) -> Option<Probed> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    let report: ReadyAnswer = serde_json::from_str(body).ok()?;
    let failed = report.checks.into_iter().filter(|check| !check.ok);
    Some(Probed {
        is_ready: status == "200" && report.ready,
        failed: failed.map(|check| check.check).collect(),
    })
}

/// What `/readyz` answers.
#[derive(Deserialize)]
struct ReadyAnswer {
    ready: bool,
    checks: Vec<AnsweredCheck>,
}

#[derive(Deserialize)]
struct AnsweredCheck {
    check: String,
    ok: bool,
}

/// Takes whatever certificate the server shows, which is for another name than this machine's. It is asked for one word that
/// everybody is told, and is told nothing.
#[derive(Debug)]
struct OwnServer(Arc<CryptoProvider>);

impl ServerCertVerifier for OwnServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Bytes; an answer has a few hundred.
const LONGEST_ANSWER: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_is_not_as_it_should_be() {
        let answer = |status: &str, body: &str| {
            read(&format!(
                "HTTP/1.1 {status}\r\ncontent-length: 1\r\n\r\n{body}"
            ))
        };
        let ready = r#"{"ready":true,"checks":[{"check":"store","ok":true}]}"#;
        assert!(answer("200 OK", ready).unwrap().is_ready);
        assert!(!answer("503 Service Unavailable", ready).unwrap().is_ready);
        let away =
            r#"{"ready":false,"checks":[{"check":"store","ok":true},{"check":"pbx","ok":false}]}"#;
        let said = answer("503 Service Unavailable", away).unwrap();
        assert_eq!(
            (said.is_ready, said.failed),
            (false, vec!["pbx".to_owned()])
        );
        for bad in ["", "nothing", "{}"] {
            assert_eq!(answer("200 OK", bad), None, "{bad}");
        }
        assert_eq!(read("SSH-2.0"), None);
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.5:80", "10.0.0.5:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
