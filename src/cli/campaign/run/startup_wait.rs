//! Waits for a database or a PBX that is unavailable at startup: containers and services start in any order.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::interrupted;
use crate::{
    cli::{CliError, printer::Printer, stop::Stop},
    clock,
    error_chain::chain,
};

/// A wait at startup, and what was said of it.
pub(super) struct StartupWait {
    until: Instant,
    wait: Duration,
    printer: Printer,
    /// The last warning.
    said: Option<String>,
}

impl StartupWait {
    pub(super) fn new(wait: Duration, printer: Printer) -> Self {
        Self {
            until: clock::now() + wait,
            wait,
            printer,
            said: None,
        }
    }

    /// Whether to try once more.
    pub(super) fn is_left(&self) -> bool {
        clock::now() < self.until
    }

    /// Waits for a moment, and prints why unless that was the last warning.
    ///
    /// # Errors
    /// [`CliError`] if the operator stops the program.
    pub(super) async fn wait(
        &mut self,
        error: &(dyn Error + 'static),
        stop: &mut Stop,
    ) -> Result<(), CliError> {
        let words = chain(error);
        if self.said.as_ref() != Some(&words) {
            let seconds = self.wait.as_secs();
            let startup_wait = format!("{words}; waiting for it, at most {seconds} s (`--wait`)");
            self.printer.warning(&startup_wait);
            self.said = Some(words);
        }
        tokio::select! {
            () = sleep(PAUSE) => Ok(()),
            () = stop.requested() => Err(interrupted()),
        }
    }

    /// Ends the wait.
    pub(super) fn over(self) {
        if self.said.is_some() {
            self.printer.talk("it is available");
        }
    }
}

/// From one attempt to the next.
const PAUSE: Duration = Duration::from_secs(1);
