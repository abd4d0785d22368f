//! What follows from a campaign's row having changed: the operator's wishes come by the store, from whichever process.

use crate::{
    campaign::engine::{End, InFlight, Phase},
    store::{Campaign, Status},
};

/// Something to do with a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To take up the settings that are ordered; one that is over runs again.
    Set,
    /// To start nothing more of it.
    Pause(InFlight),
    /// To go on with it.
    Resume,
    /// To end it.
    Cancel(InFlight),
    /// To look for contacts that were added.
    More,
}

/// What to do where a campaign stood like `seen` when it was looked at last (`None`: it was not known), stands like `row`
/// by now, and is in this phase here.
pub(super) fn steps(seen: Option<&Campaign>, row: &Campaign, phase: Option<Phase>) -> Vec<Step> {
    let mut steps = Vec::new();
    let reordered = seen.is_none_or(|seen| seen.spec != row.spec);
    let is_new_command =
        seen.is_none_or(|seen| (seen.status, seen.in_flight) != (row.status, row.in_flight));
    let is_over = matches!(phase, Some(Phase::Over(_)));
    match row.status {
        Status::Running => {
            // One that has come to its end here and is running again has more to do.
            if phase.is_none() || reordered || is_over {
                steps.push(Step::Set);
            }
            if let Some(Phase::Paused(_)) = phase {
                steps.push(Step::Resume);
            }
            if phase.is_some() {
                steps.push(Step::More);
            }
        }
        Status::Paused => {
            if phase.is_none() || reordered || is_over {
                steps.push(Step::Set);
            }
            let by_itself = matches!(phase, Some(Phase::Paused(_)));
            let hang_up = row.in_flight == InFlight::HangUp;
            if !by_itself || (is_new_command && hang_up) {
                steps.push(Step::Pause(row.in_flight));
            }
        }
        Status::Cancelling => {
            if phase.is_none() {
                steps.push(Step::Set);
            }
            let is_ending = matches!(phase, Some(Phase::Cancelling | Phase::Over(End::Cancelled)));
            if !is_ending || is_new_command {
                steps.push(Step::Cancel(row.in_flight));
            }
        }
        // It is over: by our own word, or by another controller's, whose contacts were the last; then there is nobody
        // left whose lease to wait for.
        Status::Complete | Status::DatesOver => {
            if phase.is_some_and(|phase| !matches!(phase, Phase::Over(_))) {
                steps.push(Step::More);
            }
        }
        // It was cancelled where nothing was in flight.
        Status::Cancelled => {
            if phase.is_some_and(|phase| !matches!(phase, Phase::Over(_) | Phase::Cancelling)) {
                steps.push(Step::Cancel(row.in_flight));
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::engine::{CampaignId, PauseReason};

    #[test]
    fn each_change_has_its_steps() {
        use InFlight::{Finish, HangUp};
        use Status as S;
        let running = Some(Phase::Running);
        let operator = Some(Phase::Paused(PauseReason::Operator));
        let errors = Some(Phase::Paused(PauseReason::Errors { errors: 9, of: 9 }));
        let complete = Some(Phase::Over(End::Complete));
        let cancelled = Some(Phase::Over(End::Cancelled));
        let rows = [
            // Begins.
            (None, row(S::Running, Finish), None, vec![Step::Set]),
            (
                None,
                row(S::Paused, HangUp),
                None,
                vec![Step::Set, Step::Pause(HangUp)],
            ),
            (
                None,
                row(S::Cancelling, Finish),
                None,
                vec![Step::Set, Step::Cancel(Finish)],
            ),
            // Paused, resumed, cancelled.
            (
                Some(row(S::Running, Finish)),
                row(S::Paused, Finish),
                running,
                vec![Step::Pause(Finish)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Paused, HangUp),
                operator,
                vec![Step::Pause(HangUp)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Running, Finish),
                operator,
                vec![Step::Resume, Step::More],
            ),
            (
                Some(row(S::Running, Finish)),
                row(S::Cancelling, HangUp),
                running,
                vec![Step::Cancel(HangUp)],
            ),
            (
                Some(row(S::Cancelling, Finish)),
                row(S::Cancelling, HangUp),
                Some(Phase::Cancelling),
                vec![Step::Cancel(HangUp)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Cancelled, Finish),
                operator,
                vec![Step::Cancel(Finish)],
            ),
            // What we wrote ourselves.
            (
                Some(row(S::Running, Finish)),
                row(S::Paused, Finish),
                errors,
                vec![],
            ),
            (
                Some(row(S::Running, Finish)),
                row(S::Complete, Finish),
                complete,
                vec![],
            ),
            (
                Some(row(S::Cancelling, Finish)),
                row(S::Cancelled, Finish),
                cancelled,
                vec![],
            ),
            // What another controller wrote.
            (
                Some(row(S::Running, Finish)),
                row(S::Complete, Finish),
                running,
                vec![Step::More],
            ),
            // More contacts, or more to do.
            (
                Some(row(S::Running, Finish)),
                row(S::Running, Finish),
                running,
                vec![Step::More],
            ),
            (
                Some(row(S::Complete, Finish)),
                row(S::Running, Finish),
                complete,
                vec![Step::Set, Step::More],
            ),
            (
                Some(row(S::Running, Finish)),
                Campaign {
                    spec: "other".to_owned(),
                    ..row(S::Running, Finish)
                },
                running,
                vec![Step::Set, Step::More],
            ),
        ];
        for (seen, row, phase, expected) in rows {
            let told = steps(seen.as_ref(), &row, phase);
            assert_eq!(told, expected, "{seen:?} -> {row:?} in {phase:?}");
        }
    }

    fn row(status: Status, in_flight: InFlight) -> Campaign {
        Campaign {
            id: CampaignId(1),
            name: "spring".to_owned(),
            spec: "{}".to_owned(),
            status,
            why: None,
            in_flight,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }
}
