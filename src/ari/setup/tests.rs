//! The certificates in `tls/` are for these tests only: an authority whose key was thrown away, and a server's
//! certificate for 127.0.0.1 that it signed.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use tokio_tungstenite::tungstenite::{
    accept_hdr,
    handshake::server::{Request, Response},
    http::HeaderValue,
};

use super::*;
use crate::{
    ari::{
        Incoming, LinkError, TlsFault,
        fixture::{run, settings, soon},
    },
    drop::RefusalKind,
};

#[test]
fn urls_that_cannot_work_are_refused_and_the_others_lead_to_ari() {
    let rows = [
        ("http://127.0.0.1:8088", Some("http://127.0.0.1:8088/ari")),
        ("http://127.0.0.1:8088/", Some("http://127.0.0.1:8088/ari")),
        ("http://pbx", Some("http://pbx/ari")),
        ("http://pbx/ari", Some("http://pbx/ari")),
        (
            "https://pbx:8089/asterisk/",
            Some("https://pbx:8089/asterisk/ari"),
        ),
        ("http://[::1]:8088", Some("http://[::1]:8088/ari")),
        ("ws://pbx", None),
        ("pbx:8088", None),
        ("127.0.0.1:8088", None),
        ("", None),
        ("http://user:secret@pbx", None),
        ("http://pbx/?app=x", None),
        ("http://pbx/#x", None),
    ];
    for (text, expected) in rows {
        let url = base_url(text).ok().map(|url| url.to_string());
        assert_eq!(url.as_deref(), expected, "{text}");
    }
    let error = base_url("http://user:secret@pbx").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn user_names_that_basic_authentication_cannot_carry_are_refused() {
    for username in ["", "a:b", "a\nb"] {
        let settings = PbxSettings {
            username: username.to_owned(),
            ..settings("http://pbx".to_owned())
        };
        assert!(matches!(Pbx::new(&settings), Err(SetupError::Username)));
    }
}

#[test]
fn what_is_shown_of_a_pbx_holds_no_secret() {
    let settings = settings("http://pbx:8088/x".to_owned());
    let pbx = Pbx::new(&settings).unwrap();
    assert_eq!(format!("{pbx:?}"), r#"Pbx { at: "pbx:8088", .. }"#);
    assert!(!format!("{settings:?}").contains("pass:word"));
    assert!(pbx.authorization.is_sensitive());
}

#[tokio::test]
async fn a_pbx_whose_authority_is_named_is_trusted_for_requests_and_events() {
    let pbx = Pbx::new(&PbxSettings {
        ca_file: Some(tls_file("ca.pem")),
        ..settings(format!("https://{}", serve()))
    })
    .unwrap();
    let ping = soon(pbx.rest().ping()).await.unwrap();
    assert_eq!(ping.asterisk_id, "over tls");
    let mut events = soon(pbx.listen("app", &run())).await.unwrap();
    assert_eq!(
        soon(events.next()).await,
        Some(Incoming::Up { first: true })
    );
}

#[tokio::test]
async fn a_pbx_of_an_unknown_authority_or_another_name_is_not() {
    let at = serve();
    let stranger = settings(format!("https://{at}"));
    let misnamed = PbxSettings {
        ca_file: Some(tls_file("ca.pem")),
        ..settings(format!("https://localhost:{}", at.port()))
    };
    let rows = [
        (stranger, TlsFault::UnknownIssuer),
        (misnamed, TlsFault::WrongName),
    ];
    for (settings, fault) in rows {
        let pbx = match Pbx::new(&settings) {
            // A host without any authority of its own refuses even earlier.
            Err(SetupError::NoRoots) => continue,
            made => made.unwrap(),
        };
        let failure = soon(pbx.rest().ping()).await.unwrap_err();
        assert_eq!(failure.kind, RefusalKind::Unreachable);
        assert!(failure.detail.contains("certificate"), "{failure}");
        assert_eq!(failure.tls, Some(fault));
        let error = soon(pbx.listen("app", &run())).await.unwrap_err();
        assert!(matches!(error, LinkError::Tls { .. }), "{error}");
        assert!(error.hint().contains("subjectAltName"));
    }
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_distinguished_from_one_without_a_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 64]);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (at, fault) in [(plain, Some(TlsFault::NotTls)), (closed, None)] {
        let pbx = Pbx::new(&PbxSettings {
            ca_file: Some(tls_file("ca.pem")),
            ..settings(format!("https://{at}"))
        });
        let failure = soon(pbx.unwrap().rest().ping()).await.unwrap_err();
        assert_eq!(failure.tls, fault, "{failure}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    for (file, says) in [
        ("nowhere.pem", "cannot read"),
        ("server.key", "must be PEM"),
    ] {
        let file = tls_file(file);
        let error = Pbx::new(&PbxSettings {
            ca_file: Some(file.clone()),
            ..settings("https://pbx".to_owned())
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains(says), "{error}");
        assert!(error.contains(&file.display().to_string()), "{error}");
    }
}

fn tls_file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ari/setup/tls");
    folder.join(name)
}

/// A PBX over TLS: answers a ping, and takes an event websocket. It lives as long as the test process.
fn serve() -> SocketAddr {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let config = Arc::clone(&config);
            thread::spawn(move || answer(socket.unwrap(), config));
        }
    });
    at
}

fn answer(socket: TcpStream, config: Arc<ServerConfig>) {
    let mut first = [0; 1];
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    // A client that does not trust us ends the handshake: that is a test's purpose.
    if stream.conn.complete_io(&mut stream.sock).is_err() {
        return;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut first).is_err() {
            return;
        }
        head.push(first[0]);
    }
    if head.starts_with(b"GET /ari/asterisk/ping ") {
        let body = r#"{"asterisk_id":"over tls"}"#;
        let reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(reply.as_bytes());
        // The connection stays open until the client is done with it.
        let _ = stream.read_exact(&mut first);
        return;
    }
    #[expect(
        clippy::result_large_err,
        reason = "the websocket library's callback has this signature"
    )]
    let protocol = |_: &Request, mut response: Response| {
        let headers = response.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("ari"));
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr(Prefixed { head, stream }, protocol) else {
        return;
    };
    while socket.read().is_ok() {}
}

/// A stream whose beginning has been read already.
struct Prefixed<S> {
    head: Vec<u8>,
    stream: S,
}

impl<S: Read> Read for Prefixed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.head.is_empty() {
            return self.stream.read(buffer);
        }
        let count = self.head.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.head[..count]);
        self.head.drain(..count);
        Ok(count)
    }
}

impl<S: Write> Write for Prefixed<S> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
