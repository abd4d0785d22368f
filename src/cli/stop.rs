//! The operator's request to stop.

use std::{fs, future::pending, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears SIGINT, SIGTERM and SIGHUP from when it is made on; until then they end the program as ever.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal is gone. `None` if the program was started to outlive its terminal, as `nohup` does.
    hang_up: Option<Signal>,
    is_requested: bool,
}

impl Stop {
    /// # Errors
    /// If the system cannot deliver signals.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if outlives_its_terminal() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
            is_requested: false,
        })
    }

    /// Waits for the next request. A terminal that closes is one request, however often it is signalled, and none after
    /// another request: it does not mean that the operator is impatient.
    pub(super) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = next(self.hang_up.as_mut()), if !self.is_requested => {}
        }
        self.is_requested = true;
    }
}

async fn next(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}

/// Whether SIGHUP is ignored, which a program inherits from the one that started it.
fn outlives_its_terminal() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// Reads the set of ignored signals, whose lowest bit is signal 1 (Linux, proc_pid_status(5)).
fn ignores_hang_up(status: &str) -> bool {
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.is_some_and(|set| set & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hang_up_is_read_from_the_process_status() {
        for (status, ignores) in [
            ("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0", true),
            ("Name:\tx\nSigIgn:\t0000000000001000\nSigCgt:\t1", false),
            ("SigBlk:\t0000000000000001\n", false),
            ("SigIgn:\tnonsense\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hang_up(status), ignores, "{status}");
        }
    }
}
