//! Tests through the program's front doors, against a fake Asterisk on real sockets.

mod acceptance;
mod api;
mod audit_cli;
mod backup;

#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "of the tests of the store, which use all of it"
)]
#[path = "../store/base.rs"]
mod base;
mod browser;
mod campaign;
mod campaign_calls;
mod campaign_cli;
mod clocks;
mod contact;
mod dnc;
mod event_storm;
mod evidence;
mod fake;
mod fake_itself;
mod faults;
mod fleet;
mod gate;
mod init;
mod killed_drops;
mod link;
mod listen;
mod network;
mod not_started;
mod outcomes;
mod package;
mod program;
mod prompts;
mod refusals;
mod rights;
mod serve;
mod serve_events;
mod serve_fit;
mod serve_logins;
mod serve_metrics;
mod serve_tls;
mod standby;
mod standstill;
mod templates;
mod terminal;
mod traces;
mod upgrade;
mod uploads;
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
