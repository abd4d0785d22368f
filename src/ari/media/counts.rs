//! What the listener turned away, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use super::frame::Bad;

/// What was turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaCounts {
    /// Connections with a UUID that no drop expects, or expects any more.
    pub unknown: u64,
    /// Connections that said something that is not AudioSocket.
    pub garbage: u64,
    /// Connections that announced a frame larger than any call needs.
    pub oversized: u64,
    /// Connections that did not send their UUID in time.
    pub half_open: u64,
    /// Connections that had not sent their UUID when too many others came.
    pub crowded: u64,
    /// Connections from an address that is not the PBX's.
    pub stranger: u64,
    /// Connections whose drop did not keep up.
    pub slow: u64,
}

impl MediaCounts {
    /// How many in all.
    pub const fn total(&self) -> u64 {
        self.unknown
            + self.garbage
            + self.oversized
            + self.half_open
            + self.crowded
            + self.stranger
            + self.slow
    }
}

/// The same, as it is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) unknown: AtomicU64,
    pub(super) garbage: AtomicU64,
    pub(super) oversized: AtomicU64,
    pub(super) half_open: AtomicU64,
    pub(super) crowded: AtomicU64,
    pub(super) stranger: AtomicU64,
    pub(super) slow: AtomicU64,
}

impl Counts {
    pub(super) fn read(&self) -> MediaCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MediaCounts {
            unknown: read(&self.unknown),
            garbage: read(&self.garbage),
            oversized: read(&self.oversized),
            half_open: read(&self.half_open),
            crowded: read(&self.crowded),
            stranger: read(&self.stranger),
            slow: read(&self.slow),
        }
    }

    pub(super) fn bad(&self, bad: &Bad) {
        match bad {
            Bad::Garbage => add(&self.garbage),
            Bad::Oversized => add(&self.oversized),
            // Hanging up is not an attack.
            Bad::Broken(_) => {}
        }
    }
}

/// Counts one more.
pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
