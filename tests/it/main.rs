//! Tests through the program's front doors, against a fake Asterisk on real sockets.

mod campaign;
mod campaign_calls;
mod campaign_cli;
mod dnc;
mod evidence;
mod fake;
mod fake_itself;
mod faults;
mod gate;
mod init;
mod killed_drops;
mod link;
mod listen;
mod network;
mod not_started;
mod outcomes;
mod program;
mod rights;
mod standstill;
mod terminal;
mod waiting;

/// A client that speaks plain HTTP only, which is all the fake speaks.
fn http_client() -> reqwest::Client {
    // Without a provider of TLS the client cannot even be made; a second installation is refused, and that is well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client can always be made")
}
