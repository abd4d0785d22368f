//! What follows from a change of a campaign's row: the operator's commands come by way of the store, from any process.

use crate::{
    campaign::engine::{End, InFlight, Phase},
    store::{Campaign, Status},
};

/// Something to do with a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DesiredStep {
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

/// What to do if a campaign's row was `seen` when it was read last (`None`: it was not known), is `row` by now, and the
/// campaign is in this phase here.
pub(super) fn steps(
    seen: Option<&Campaign>,
    row: &Campaign,
    phase: Option<Phase>,
) -> Vec<DesiredStep> {
    let mut steps = Vec::new();
    let reordered = seen.is_none_or(|seen| seen.spec != row.spec);
    let is_new_command =
        seen.is_none_or(|seen| (seen.status, seen.in_flight) != (row.status, row.in_flight));
    let is_over = matches!(phase, Some(Phase::Over(_)));
    match row.status {
        // It was complete, and contacts were added: nothing of them is dialled before somebody starts it.
        Status::Draft => {
            let goes_on = phase.is_some_and(|phase| match phase {
                Phase::Running => true,
                Phase::Paused(_) | Phase::Cancelling | Phase::Over(_) => false,
            });
            if goes_on {
                steps.push(DesiredStep::Pause(InFlight::Finish));
            }
        }
        Status::Running => {
            // One that has come to its end here and is running again has more to do.
            if phase.is_none() || reordered || is_over {
                steps.push(DesiredStep::Set);
            }
            if let Some(Phase::Paused(_)) = phase {
                steps.push(DesiredStep::Resume);
            }
            if phase.is_some() {
                steps.push(DesiredStep::More);
            }
        }
        Status::Paused => {
            if phase.is_none() || reordered || is_over {
                steps.push(DesiredStep::Set);
            }
            let by_itself = matches!(phase, Some(Phase::Paused(_)));
            let hang_up = row.in_flight == InFlight::HangUp;
            if !by_itself || (is_new_command && hang_up) {
                steps.push(DesiredStep::Pause(row.in_flight));
            }
        }
        Status::Cancelling => {
            if phase.is_none() {
                steps.push(DesiredStep::Set);
            }
            let is_ending = matches!(phase, Some(Phase::Cancelling | Phase::Over(End::Cancelled)));
            if !is_ending || is_new_command {
                steps.push(DesiredStep::Cancel(row.in_flight));
            }
        }
        // It is over: this controller wrote so, or another one, whose contacts were the last; then there is no lease left
        // to wait for.
        Status::Complete | Status::DatesOver => {
            if phase.is_some_and(|phase| !matches!(phase, Phase::Over(_))) {
                steps.push(DesiredStep::More);
            }
        }
        // It was cancelled while nothing was in flight.
        Status::Cancelled => {
            if phase.is_some_and(|phase| !matches!(phase, Phase::Over(_) | Phase::Cancelling)) {
                steps.push(DesiredStep::Cancel(row.in_flight));
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
            (None, row(S::Running, Finish), None, vec![DesiredStep::Set]),
            (
                None,
                row(S::Paused, HangUp),
                None,
                vec![DesiredStep::Set, DesiredStep::Pause(HangUp)],
            ),
            (
                None,
                row(S::Cancelling, Finish),
                None,
                vec![DesiredStep::Set, DesiredStep::Cancel(Finish)],
            ),
            // Paused, resumed, cancelled.
            (
                Some(row(S::Running, Finish)),
                row(S::Paused, Finish),
                running,
                vec![DesiredStep::Pause(Finish)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Paused, HangUp),
                operator,
                vec![DesiredStep::Pause(HangUp)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Running, Finish),
                operator,
                vec![DesiredStep::Resume, DesiredStep::More],
            ),
            (
                Some(row(S::Running, Finish)),
                row(S::Cancelling, HangUp),
                running,
                vec![DesiredStep::Cancel(HangUp)],
            ),
            (
                Some(row(S::Cancelling, Finish)),
                row(S::Cancelling, HangUp),
                Some(Phase::Cancelling),
                vec![DesiredStep::Cancel(HangUp)],
            ),
            (
                Some(row(S::Paused, Finish)),
                row(S::Cancelled, Finish),
                operator,
                vec![DesiredStep::Cancel(Finish)],
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
                vec![DesiredStep::More],
            ),
            // Contacts were added after it was complete, which this controller knew, or did not yet; and it is started.
            (
                Some(row(S::Complete, Finish)),
                row(S::Draft, Finish),
                complete,
                vec![],
            ),
            (
                Some(row(S::Running, Finish)),
                row(S::Draft, Finish),
                running,
                vec![DesiredStep::Pause(Finish)],
            ),
            (
                Some(row(S::Draft, Finish)),
                row(S::Running, Finish),
                complete,
                vec![DesiredStep::Set, DesiredStep::More],
            ),
            // More contacts, or more to do.
            (
                Some(row(S::Running, Finish)),
                row(S::Running, Finish),
                running,
                vec![DesiredStep::More],
            ),
            (
                Some(row(S::Complete, Finish)),
                row(S::Running, Finish),
                complete,
                vec![DesiredStep::Set, DesiredStep::More],
            ),
            (
                Some(row(S::Running, Finish)),
                Campaign {
                    spec: "other".to_owned(),
                    ..row(S::Running, Finish)
                },
                running,
                vec![DesiredStep::Set, DesiredStep::More],
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
