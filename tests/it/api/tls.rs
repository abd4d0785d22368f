//! Webhooks over TLS: an endpoint is trusted by its certificate, or not sent to.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use reqwest::Method;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;

use super::server::ApiServer;
use crate::base::{Kind, Server};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_trusted_by_its_certificate() {
    let at = serve();
    let port = at.port();
    let ca = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ari/setup/tls/ca.pem");
    let server = ApiServer::with_webhooks_over_tls(&ca).await;
    assert_eq!(
        ping(&server, &format!("https://127.0.0.1:{port}/")).await,
        json!([true, 204, null])
    );
    // It is of another name.
    let other = format!("https://localhost:{port}/");
    assert_eq!(ping(&server, &other).await, json!([false, null, "tls"]));
    server.stop().await;
    // Nobody knows its authority, or it speaks no TLS.
    let server = ApiServer::with_webhooks(Kind::Sqlite, &Server::default()).await;
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(ping(&server, &url).await, json!([false, null, "tls"]));
    let plain = format!("https://{}/", server.at);
    assert_eq!(ping(&server, &plain).await, json!([false, null, "tls"]));
    server.stop().await;
}

/// What comes of a ping to an endpoint: whether it is delivered, the status, and the fault.
async fn ping(server: &ApiServer, url: &str) -> serde_json::Value {
    let made = server
        .send(server.post("/webhooks", &json!({"url": url})))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/webhooks/{}/ping", made.body["id"].as_str().unwrap());
    let ping = server.send(server.request(Method::POST, &path)).await.body;
    json!([ping["delivered"], ping["status"], ping["fault"]])
}

/// Answers every request over TLS with 204. It lives as long as the test process.
fn serve() -> SocketAddr {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ari/setup/tls");
    let chain = CertificateDer::pem_file_iter(format!("{folder}/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server.key")).unwrap();
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
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    let mut read = [0; 4_096];
    // A client that does not trust us ends the handshake, which is what a test is about.
    if stream.read(&mut read).is_ok_and(|read| read > 0) {
        let _ = stream.write_all(b"HTTP/1.1 204 Answer\r\nconnection: close\r\n\r\n");
        let _ = stream.flush();
        // Until the client is done with it.
        while stream.read(&mut read).is_ok_and(|read| read > 0) {}
    }
}
