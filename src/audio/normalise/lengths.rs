//! The rates and lengths that a prepared message has.

use std::time::Duration;

/// The rate in Hz at which everything but the last step is done; that of the wideband file.
pub(in crate::audio) const WORK_RATE: u32 = 16_000;

/// The rate in Hz of the file for ordinary trunks.
pub(in crate::audio) const NARROW_RATE: u32 = 8_000;

/// Shortest audible part of a message.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// Shortest audible part of a clip: a word.
pub const SHORTEST_CLIP: Duration = Duration::from_millis(100);

/// What a message has before its first audible sample. Soft onsets (f, s, h) lie within it.
pub const LEAD: Duration = Duration::from_millis(100);

/// Silence at a message's end: what a prepared message ends in at least.
pub const TAIL: Duration = Duration::from_millis(200);

/// A message's length is a multiple of this: one packet of telephony.
pub const FRAME: Duration = Duration::from_millis(20);

/// How many frames `time` is at `rate` Hz.
pub(super) fn frames(time: Duration, rate: u32) -> usize {
    (time.as_micros() as u64 * u64::from(rate) / 1_000_000) as usize
}

/// How long `count` frames last at [`WORK_RATE`].
pub(super) fn lasting(count: usize) -> Duration {
    Duration::from_micros(count as u64 * 1_000_000 / u64::from(WORK_RATE))
}
