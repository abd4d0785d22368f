//! What one subject is to do.

use std::time::Duration;

/// Drops at an even pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Drops begun in a second.
    pub(crate) rate: u32,
    /// Drops in all.
    pub(crate) drops: u32,
}

/// From the first originate to the second.
pub(crate) const LEAD: Duration = Duration::from_millis(1_300);

impl Load {
    pub(crate) const fn new(rate: u32, drops: u32) -> Self {
        Self { rate, drops }
    }

    /// When the drop of this number begins, counted from the first.
    pub(crate) fn begin(self, nth: u32) -> Duration {
        Duration::from_secs(1) * nth / self.rate
    }

    /// The number of this drop: another one each time.
    pub(crate) fn number(nth: u32) -> String {
        format!("+1202{:03}{:04}", 555 + nth / 10_000, nth % 10_000)
    }
}
