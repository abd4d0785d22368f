//! The signals of a service: to end, and to read the configuration anew.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalRequest {
    /// SIGTERM or SIGINT: to end.
    End,
    /// SIGHUP: to read the configuration anew.
    Reload,
}

/// Hears SIGTERM, SIGINT and SIGHUP from when it is made on; until then they end the program as ever.
pub(super) struct ServiceSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl ServiceSignals {
    /// # Errors
    /// If the system cannot deliver signals.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.interrupt.recv() => SignalRequest::End,
            _ = self.terminate.recv() => SignalRequest::End,
            _ = self.hang_up.recv() => SignalRequest::Reload,
        }
    }

    /// Waits for the order to end.
    pub(super) async fn end(&mut self) {
        while self.next().await != SignalRequest::End {}
    }
}
