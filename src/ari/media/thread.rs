//! The thread that carries the audio of calls, and how it saves wake-ups.
//!
//! Each call brings a frame every 20 ms, at a moment of its own: thirty calls would wake the thread 1,500 times a second, and
//! each wake-up wakes the drops' threads in turn. If it carries several calls, the thread therefore rests for some
//! milliseconds before it waits, so that one wake-up serves the frames of several calls. That saves about a third of what
//! listening costs.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

/// Counts the calls that a thread carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<AtomicUsize>);

/// One call that is carried, until it is dropped.
pub(super) struct Carried(Calls);

impl Calls {
    /// One call more.
    pub(super) fn carry(&self) -> Carried {
        self.0.fetch_add(1, Ordering::Relaxed);
        Carried(self.clone())
    }

    fn are_worth_a_rest(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= WORTH
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs this on a thread of its own. Nothing else runs there, so that a busy program does not delay a frame.
///
/// # Errors
/// The thread cannot be made.
pub(super) fn serve(
    runtime: Runtime,
    all: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new()
        .name("aftertone-media".to_owned())
        .spawn(move || runtime.block_on(all))?;
    Ok(())
}

/// A runtime for the thread that carries these calls.
///
/// # Errors
/// The system has no room for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread is to rest as a whole; nothing is waited for"
)]
pub(super) fn runtime(calls: &Calls) -> io::Result<Runtime> {
    let calls = calls.clone();
    Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || {
            if calls.are_worth_a_rest() {
                thread::sleep(REST);
            }
        })
        .build()
}

/// From this many calls on, a wake-up serves more than one.
const WORTH: usize = 4;

/// How long a frame may lie before it is heard, and how late a frame of the message may be: well under what any jitter
/// buffer evens out, and a quarter of a frame.
const REST: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_calls_are_worth_a_rest_and_one_is_not() {
        let calls = Calls::default();
        assert!(!calls.are_worth_a_rest());
        let carried: Vec<_> = (0..WORTH).map(|_| calls.carry()).collect();
        assert!(calls.are_worth_a_rest());
        drop(carried);
        assert!(!calls.are_worth_a_rest());
    }
}
