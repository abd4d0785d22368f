//! What a service manager such as systemd is told, by the datagrams of `sd_notify`. Without one nothing is sent.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sd_notify::NotifyState;
use tracing::debug;

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub(super) struct ServiceManager {
    /// Whether it wants signs of life.
    has_watchdog: bool,
    /// The last state in words.
    words: String,
    has_failed: AtomicBool,
}

impl ServiceManager {
    /// As the environment names it.
    pub(super) fn of_environment() -> Self {
        Self {
            has_watchdog: sd_notify::watchdog_enabled().is_some(),
            words: String::new(),
            has_failed: AtomicBool::new(false),
        }
    }

    /// The service is up, or up again after a reload.
    pub(super) fn ready(&self) {
        self.send(&[NotifyState::Ready]);
    }

    /// A reload has begun; [`Self::ready`] ends it.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]),
            Err(_) => self.send(&[NotifyState::Reloading]),
        }
    }

    /// The start goes on, and may take this much longer.
    pub(super) fn starting(&self, longer: Duration) {
        self.send(&[NotifyState::ExtendTimeoutUsec(microseconds(longer))]);
    }

    /// The end has begun, and may take this much longer.
    pub(super) fn stopping(&self, longer: Duration) {
        self.send(&[
            NotifyState::Stopping,
            NotifyState::ExtendTimeoutUsec(microseconds(longer)),
        ]);
    }

    /// The process lives: its loops turn.
    pub(super) fn alive(&self) {
        if self.has_watchdog {
            self.send(&[NotifyState::Watchdog]);
        }
    }

    /// What it does, in words.
    pub(super) fn status(&mut self, words: &str) {
        if self.words != words {
            self.send(&[NotifyState::Status(words)]);
            words.clone_into(&mut self.words);
        }
    }

    fn send(&self, state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state)
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            debug!(%error, "the service manager cannot be told anything");
        }
    }
}

fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
