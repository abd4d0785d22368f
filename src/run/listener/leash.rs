//! The dead man's limit of a leg that is listened to: the PBX ends the leg soon after nobody asks for more time.
//!
//! ```text
//!  Listen: 10 s ──3 s──> 10 s ──3 s──> 10 s ──> let go ──> the play's own limit, Play ─┐
//!                         ^                                                            │
//!                         └──────────────── Rewind: 10 s ──────────────────────────────┘
//! ```
//!
//! A request that sets a limit waits while the leg is played to, and one that comes between a play's own limit and the
//! play would cut the message. So whoever sets another limit has it let go first, and waits until no renewal is under
//! way any more.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// The limit that the PBX has of a leg, and whether we keep it short.
#[derive(Debug)]
pub(super) struct Leash {
    /// When the drop itself will have given the leg up.
    until: Instant,
    /// When to ask for more time; `None` where it was let go.
    due: Option<Instant>,
    /// Whether a renewal is under way.
    pulling: bool,
    /// Who waits until it is let go.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Leash {
    /// A limit of [`LEASH`] that was set a moment ago, of a leg that may be listened to for `at_most`.
    pub(super) fn new(at_most: Duration, now: Instant) -> Self {
        Self {
            until: now + at_most,
            due: Some(now + RENEWAL),
            pulling: false,
            waiting: Vec::new(),
        }
    }

    /// When to renew it; `None` where it is let go, or while the last renewal is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|&due| !self.pulling && due < self.until)
    }

    /// Begins a renewal, which must be told to [`Self::renewed`]; the limit to ask for is never beyond the drop's own.
    pub(super) fn renew(&mut self, now: Instant) -> Duration {
        self.pulling = true;
        LEASH.min(self.until.saturating_duration_since(now))
    }

    /// The renewal is over, and nothing of it can reach the PBX any more.
    pub(super) fn renewed(&mut self, done: bool, now: Instant) {
        self.pulling = false;
        let pause = if done { RENEWAL } else { AGAIN };
        if let Some(due) = &mut self.due {
            *due = now + pause;
        }
        self.answer();
    }

    /// Renews it no more. `done` is told once nothing is under way.
    pub(super) fn let_go(&mut self, done: oneshot::Sender<()>) {
        self.due = None;
        self.waiting.push(done);
        self.answer();
    }

    /// The limit is [`LEASH`] again, since a moment ago, and may be renewed for `at_most`.
    pub(super) fn take_up(&mut self, at_most: Duration, now: Instant) {
        self.until = now + at_most;
        self.due = Some(now + RENEWAL);
    }

    /// Whether a renewal is under way.
    pub(super) const fn is_pulling(&self) -> bool {
        self.pulling
    }

    fn answer(&mut self) {
        if !self.pulling {
            for done in self.waiting.drain(..) {
                // Who asked may have given up.
                let _ = done.send(());
            }
        }
    }
}

/// How long the PBX keeps a leg that is listened to, should we be gone. Longer than two renewals that get lost and a
/// third that the PBX takes its time for; and nobody should have to listen to nothing for longer.
pub(in crate::run) const LEASH: Duration = Duration::from_secs(10);

/// How long after a renewal the next one is asked for: three fit into the limit.
const RENEWAL: Duration = Duration::from_secs(3);

/// The same after a renewal that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a renewal may take. Measured under a hundred drops at once: below 0.5 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a renewal without a reply may still be on its way: its connection is closed by then, and the PBX carries
/// out the requests of a channel in the order in which they come.
pub(super) const STRAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_renewed_in_time_to_fail_twice() {
        let begin = crate::clock::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut leash = Leash::new(Duration::from_secs(90), begin);
        assert_eq!(leash.due(), Some(at(3)));
        assert_eq!(leash.renew(at(3)), LEASH);
        assert_eq!(leash.due(), None, "one at a time");
        leash.renewed(false, at(6));
        assert_eq!(leash.due(), Some(at(7)), "sooner where it failed");
        leash.renew(at(7));
        leash.renewed(true, at(7));
        assert_eq!(leash.due(), Some(at(10)));
        assert!(RENEWAL + PATIENCE + STRAY + AGAIN + PATIENCE < LEASH);
    }

    #[test]
    fn it_never_outlasts_the_drop_s_own_deadline() {
        let begin = crate::clock::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut leash = Leash::new(Duration::from_secs(12), begin);
        assert_eq!(leash.renew(at(3)), Duration::from_secs(9));
        leash.renewed(true, at(3));
        assert_eq!(leash.renew(at(9)), Duration::from_secs(3));
        leash.renewed(true, at(9));
        assert_eq!(leash.due(), None, "the drop has given the leg up");
    }

    #[test]
    fn whoever_plays_waits_for_the_renewal_under_way_and_none_follows() {
        let now = crate::clock::now();
        let mut leash = Leash::new(Duration::from_secs(90), now);
        leash.renew(now);
        let (done, mut told) = oneshot::channel();
        leash.let_go(done);
        assert!(told.try_recv().is_err(), "it may still cut the message");
        leash.renewed(true, now);
        assert_eq!(told.try_recv(), Ok(()));
        assert_eq!(leash.due(), None);

        let (done, mut told) = oneshot::channel();
        leash.let_go(done);
        assert_eq!(told.try_recv(), Ok(()), "nothing is under way");
        leash.take_up(Duration::from_secs(65), now);
        assert_eq!(leash.due(), Some(now + RENEWAL));
    }
}
