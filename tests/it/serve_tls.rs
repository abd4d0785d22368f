//! TLS of `aftertone serve`: certificates that are shown, exchanged and refused, and who reaches it by which name.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, time::Duration};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;

use crate::{
    campaign::campaign_fixture::CampaignFixture,
    fake::script::Script,
    program::send_signal,
    serve::{Service, fixture, replace, set},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_exchanged_by_a_reload_and_a_wrong_one_is_refused() {
    let fixture = fixture_with_tls().await;
    let one = write(&fixture, "serve");
    let service = Service::start(&fixture).await;
    assert!(
        service.url.starts_with("https://127.0.0.1:"),
        "{}",
        service.url
    );
    let answer = client(&one).get(format!("{}/healthz", service.url)).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let api = client(&one)
        .get(format!("{}/api/v1/openapi.json", service.url))
        .send()
        .await
        .unwrap();
    assert_eq!(
        api.headers()["strict-transport-security"],
        "max-age=31536000"
    );
    let plain = format!("{}/healthz", service.url.replace("https", "http"));
    assert!(crate::http_client().get(plain).send().await.is_err());

    // Nothing is new, so that nothing is said to be.
    let same = fixture.program.run(&["reload", "--json"]).await;
    assert_eq!(same.json()["live"], json!([]), "{same:?}");

    // Other files under the same names.
    let two = write(&fixture, "serve");
    assert!(shows(&service, &one).await);
    let taken = fixture.program.run(&["reload", "--json"]).await;
    assert_eq!(taken.status, Some(0), "{taken:?}");
    assert_eq!(taken.json()["live"], json!(["serve.tls_certificate"]));
    assert!(shows(&service, &two).await && !shows(&service, &one).await);

    // A key of another certificate, no key, and no file: each is refused with words, and what was shown is shown.
    let key = fs::read_to_string(fixture.program.path("serve.key")).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (text, words) in [
        (Some(other.as_str()), "cannot be used together"),
        (Some("not a key"), "holds no private key in PEM"),
        (None, "`serve.tls_key`: cannot read"),
    ] {
        match text {
            Some(text) => fs::write(fixture.program.path("serve.key"), text).unwrap(),
            None => fs::remove_file(fixture.program.path("serve.key")).unwrap(),
        }
        // What else is new is not taken up either.
        set(&fixture, "drain = \"1s\"");
        let refused = fixture.program.run(&["reload"]).await;
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
        assert!(!refused.stderr.contains("not a key"), "{refused:?}");
        replace(&fixture, "drain = \"1s\"\n", "");
        assert!(shows(&service, &two).await);
    }
    send_signal("HUP", &service.child);
    service
        .until_said_times("the configuration stays as it was", 4)
        .await;
    fs::write(fixture.program.path("serve.key"), key).unwrap();

    // Files of other names, by SIGHUP.
    let three = write(&fixture, "other");
    replace(&fixture, "\"serve.crt\"", "\"other.crt\"");
    replace(&fixture, "\"serve.key\"", "\"other.key\"");
    send_signal("HUP", &service.child);
    service
        .until_said("reloaded: serve.tls_certificate, serve.tls_key")
        .await;
    assert!(shows(&service, &three).await);
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_begin_with_a_certificate_that_it_cannot_show() {
    let fixture = fixture_with_tls().await;
    let refused = fixture.program.run(&["serve"]).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("`serve.tls_certificate`: cannot read"),
        "{refused:?}"
    );
    write(&fixture, "serve");
    fs::write(fixture.program.path("serve.crt"), "").unwrap();
    let refused = fixture.program.run(&["serve"]).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("holds no certificate in PEM"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_it_may_listen_beyond_this_machine_and_knows_its_public_name() {
    let fixture = fixture_with_tls().await;
    let certificate = write(&fixture, "serve");
    replace(&fixture, "127.0.0.1:0", "0.0.0.0:0");
    let service = Service::start(&fixture).await;
    let port = service.url.rsplit(':').next().unwrap();
    let url = format!("https://127.0.0.1:{port}/api/v1/openapi.json");
    let ask = async |host: &str| {
        let answer = client(&certificate).get(&url).header("host", host).send();
        answer.await.unwrap().status().as_u16()
    };
    assert_eq!(ask("127.0.0.1").await, 200);
    assert_eq!(ask("dialler.example").await, 421);
    set(&fixture, "public_url = \"https://dialler.example\"");
    let taken = fixture.program.run(&["reload", "--json"]).await;
    assert_eq!(
        taken.json()["live"],
        json!(["serve.public_url"]),
        "{taken:?}"
    );
    assert_eq!(ask("dialler.example").await, 200);
    assert_eq!(ask("dialler.example.evil.example").await, 421);
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// Browsers speak HTTP/2 over TLS: the host is in the address that they ask for, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_over_http_2_by_whatever_name_it_came() {
    let fixture = fixture_with_tls().await;
    write(&fixture, "serve");
    let service = Service::start(&fixture).await;
    let port = service.url.rsplit(':').next().unwrap();
    let pem = fs::read(fixture.program.path("serve.crt")).unwrap();
    let (at, named) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
    for (host, origin, site, status) in [
        (&at, format!("https://{at}"), "same-origin", 401),
        (&named, format!("https://{named}"), "same-origin", 401),
        // A page of somebody else's, of another port, without TLS.
        (&at, "https://evil.example".to_owned(), "cross-site", 403),
        (&at, format!("https://{named}"), "same-site", 403),
        (&at, format!("http://{at}"), "same-origin", 403),
        (&at, "https://127.0.0.1".to_owned(), "same-site", 403),
        // A name that was made to mean this address.
        (
            &"evil.example".to_owned(),
            "https://evil.example".to_owned(),
            "same-origin",
            421,
        ),
    ] {
        let asked = axum::http::Request::post(format!("https://{host}/login"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &origin)
            .header("sec-fetch-site", site)
            .body(())
            .unwrap();
        let answered = over_http_2(&at, &pem, asked, "user=nobody&password=wrong-as-it-is").await;
        assert_eq!(answered, status, "{host} by {origin}, {site}");
    }
    // Two hosts: either has to be one of ours.
    let two = axum::http::Request::get(format!("https://{at}/login"))
        .header("host", "evil.example")
        .body(())
        .unwrap();
    assert_eq!(over_http_2(&at, &pem, two, "").await, 421);
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// The status of what is answered over HTTP/2 to a client that trusts this certificate alone.
async fn over_http_2(
    at: &str,
    pem: &[u8],
    request: axum::http::Request<()>,
    body: &'static str,
) -> u16 {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem).unwrap())
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let plain = tokio::net::TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let line = connector.connect(name, plain).await.unwrap();
    let (mut client, connection) = h2::client::handshake(line).await.unwrap();
    let connection = tokio::spawn(connection);
    let (answer, mut sending) = client.send_request(request, false).unwrap();
    sending.send_data(body.into(), true).unwrap();
    let status = answer.await.unwrap().status().as_u16();
    connection.abort();
    status
}

async fn fixture_with_tls() -> CampaignFixture {
    let fixture = fixture(Script::mailbox()).await;
    set(&fixture, "tls_certificate = \"serve.crt\"");
    set(&fixture, "tls_key = \"serve.key\"");
    fixture
}

/// Writes a new certificate and its key; returns the certificate.
pub(crate) fn write(fixture: &CampaignFixture, name: &str) -> Certificate {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(fixture.program.path(&format!("{name}.crt")), cert.pem()).unwrap();
    fs::write(
        fixture.program.path(&format!("{name}.key")),
        signing_key.serialize_pem(),
    )
    .unwrap();
    Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

/// A client that trusts this certificate alone.
pub(crate) fn client(certificate: &Certificate) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .tls_certs_only([certificate.clone()])
        .build()
        .unwrap()
}

/// Whether a new connection is shown this certificate.
async fn shows(service: &Service, certificate: &Certificate) -> bool {
    let url = format!("{}/healthz", service.url);
    client(certificate).get(url).send().await.is_ok()
}
