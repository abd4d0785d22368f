//! What pages show of a drop that has no call: the gate holds it, or has refused it.

use super::shell::Moment;
use crate::{orders::drop_status, store::StoredDrop};

/// When it was dialled; of one that was not, when it was refused or until when it is held.
pub(super) fn moment_of(drop: &StoredDrop) -> Moment {
    let hold = drop.hold.as_ref().map(|hold| hold.until);
    let shown = drop.started_at.or(drop.ended_at).or(hold);
    Moment(shown.unwrap_or_default())
}

/// Its outcome, or that it is `held` or `refused`; `None`: it is in flight.
pub(super) fn outcome_of(drop: &StoredDrop) -> Option<&'static str> {
    let without_call =
        || Some(drop_status(drop)).filter(|status| ["held", "refused"].contains(status));
    drop.outcome
        .map(|outcome| outcome.slug())
        .or_else(without_call)
}
