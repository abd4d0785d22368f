//! The only place that reads a clock. Everything else is told what time it is.

use std::time::{Instant, SystemTime};

/// This moment on the clock that never goes back; differences of two are real time.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where time enters"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// This moment on the wall clock, for what people and the PBX read.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where time enters"
)]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
