//! What the loop keeps of a drop beside the board.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::mpsc;
use tracing::{Span, warn};

use super::DropUpdate;
use crate::{
    drop::{Command, EndedBy, Event, Milestone, Moment, Outcome, Report},
    evidence::Recorder,
    id::Play,
    runtime::{call::CallSpec, listener::Cue},
    screen::Call,
    words::{Leg, Verdict},
};

/// What the loop keeps of a drop beside the board.
pub(super) struct Record {
    pub(super) spec: Arc<CallSpec>,
    pub(super) updates: mpsc::UnboundedSender<DropUpdate>,
    pub(super) span: Span,
    /// Who answered, in the words of the last report.
    pub(super) verdict: Option<String>,
    /// Why the live leg is not heard any more.
    pub(super) deaf: Option<String>,
    /// To the listener of the live leg.
    pub(super) cues: Option<mpsc::UnboundedSender<Cue>>,
    /// For the listener to come.
    pub(super) tape: Option<Recorder>,
    pub(super) moments: Vec<Moment>,
    pub(super) dialled: BTreeSet<Leg>,
    /// Legs whose originate has had no reply.
    pub(super) unanswered: BTreeSet<Leg>,
    pub(super) plays: BTreeSet<Play>,
}

impl Record {
    /// Keeps what an event says beyond what the board makes of it.
    pub(super) fn note(&mut self, event: &Event) {
        if let Event::Screened { verdict, cause, .. } = event {
            self.verdict = Some(said(verdict.as_str(), cause));
        }
        if let Event::Intercepted { cause, .. } = event {
            self.verdict = Some(said(Verdict::Sit.as_str(), cause));
        }
        if let Event::TapLost { why, .. } = event {
            self.deaf = Some(why.clone());
        }
        if let Event::Returned(_) = event {
            self.deaf.get_or_insert_with(|| NO_CONNECTION.to_owned());
            self.cue(Cue::Returned);
        }
        if let Event::Accepted(leg)
        | Event::Refused {
            command: Command::Dial(leg),
            ..
        } = event
        {
            self.unanswered.remove(leg);
        }
    }
}

/// What is seen only from here.
impl Record {
    /// What is to be said of a call that the PBX ended by itself, and far too soon for a limit of ours: if the
    /// dialplan has nothing for it, that is all that is heard of it.
    pub(super) fn sent_nowhere(&self, report: &Report) -> Option<String> {
        if report.outcome != Outcome::Unsure || report.ended_by != Some(EndedBy::Limit) {
            return None;
        }
        let last = |events: &[Milestone]| {
            let moments = report.timeline.iter();
            let told = moments.filter(|moment| events.contains(&moment.event));
            told.map(|moment| moment.at).max()
        };
        let sent = last(&[
            Milestone::BusyAnswered,
            Milestone::DropAnswered,
            Milestone::Verdict,
            Milestone::TapLost,
        ])?;
        let gone = last(&[Milestone::BusyGone, Milestone::DropGone])?;
        let limit = self.spec.plan.screening_timeout;
        (gone.saturating_sub(sent) < limit).then(|| SENT_NOWHERE.to_owned())
    }
}

/// What has to do with listening.
impl Record {
    /// Passes something on to the listener of the live leg.
    pub(super) fn cue(&self, cue: Cue) {
        if let Some(cues) = &self.cues {
            // It may have ended, with the connection: then it has said so.
            let _ = cues.send(cue);
        }
    }

    /// Logs that the dialplan has to do what we no longer can.
    pub(super) fn tell_fallback(&self) {
        if let Some(why) = &self.deaf {
            self.span.in_scope(|| {
                warn!(
                    why,
                    "the live audio is lost; the dialplan screens the call from here"
                );
            });
        }
    }

    /// The detail of a milestone beyond its name.
    pub(super) fn words_for(&self, milestone: Milestone) -> Option<String> {
        match milestone {
            Milestone::Verdict => self.verdict.clone(),
            Milestone::TapLost => self.deaf.clone(),
            Milestone::BusyDialled
            | Milestone::DropDialled
            | Milestone::BusyAlerting
            | Milestone::DropAlerting
            | Milestone::BusyHungUp
            | Milestone::BusyAnswered
            | Milestone::BusyGone
            | Milestone::Promoted
            | Milestone::DropAnswered
            | Milestone::Ready
            | Milestone::PlayStarted
            | Milestone::PlayFinished
            | Milestone::PlayRestarted
            | Milestone::PromptStarted
            | Milestone::PromptFinished
            | Milestone::GivenBack
            | Milestone::DropHungUp
            | Milestone::DropGone => None,
        }
    }

    /// What the two calls show of the one that was answered, beside its sound.
    pub(super) fn call(&self, live: Leg) -> Call {
        call_of(&self.moments, live)
    }
}

fn call_of(moments: &[Moment], live: Leg) -> Call {
    let at = |event| {
        let moment = moments.iter().find(|moment| moment.event == event);
        moment.map(|moment| moment.at)
    };
    let (alerting, answered) = match live {
        Leg::Busy => (Milestone::BusyAlerting, Milestone::BusyAnswered),
        Leg::Drop => (Milestone::DropAlerting, Milestone::DropAnswered),
    };
    let alerted = at(alerting)
        .zip(at(answered))
        .map(|(from, to)| to.saturating_sub(from).as_secs_f32());
    // It is let go of when the drop leg alerts: whether it rang until then is what marks a diverted call. One that was
    // let go of before has left the line free, so that the drop leg rings as any call does.
    let reached = at(alerting).or(at(answered));
    let rang_until = |end| at(end).is_none_or(|end| reached.is_some_and(|from| end >= from));
    let other_rang = live == Leg::Drop
        && at(Milestone::BusyAlerting).is_some()
        && at(Milestone::BusyAnswered).is_none()
        && rang_until(Milestone::BusyHungUp)
        && rang_until(Milestone::BusyGone);
    Call {
        alerted,
        other_rang,
    }
}

const NO_CONNECTION: &str = "the PBX's AudioSocket() made no connection, or ended it";

const SENT_NOWHERE: &str = "the PBX ended the call by itself; `aftertone doctor` tells whether the context that \
     is to screen it is in its dialplan";

/// The words for a verdict and the detector's own.
fn said(verdict: &str, cause: &str) -> String {
    if cause.is_empty() {
        verdict.to_owned()
    } else {
        format!("{verdict} ({cause})")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_call_is_diverted_only_where_the_other_leg_rang_until_it_alerted() {
        use Milestone as M;
        let rows = [
            (
                "diverted",
                vec![
                    (M::BusyAlerting, 900),
                    (M::DropAlerting, 3_000),
                    (M::BusyHungUp, 3_000),
                    (M::BusyGone, 3_050),
                    (M::DropAnswered, 3_500),
                ],
                Some(0.5),
                true,
            ),
            (
                "let go of before, because the drop leg showed nothing",
                vec![
                    (M::BusyAlerting, 900),
                    (M::BusyHungUp, 12_000),
                    (M::BusyGone, 12_050),
                    (M::DropAlerting, 13_000),
                    (M::DropAnswered, 14_000),
                ],
                Some(1.0),
                false,
            ),
            (
                "gone before by itself",
                vec![
                    (M::BusyAlerting, 900),
                    (M::BusyGone, 2_500),
                    (M::DropAlerting, 3_000),
                    (M::DropAnswered, 3_500),
                ],
                Some(0.5),
                false,
            ),
            (
                "answered, without a report that it alerted",
                vec![
                    (M::BusyAlerting, 900),
                    (M::DropAnswered, 3_500),
                    (M::BusyHungUp, 3_500),
                ],
                None,
                true,
            ),
            (
                "a first leg that never alerted",
                vec![
                    (M::DropAlerting, 3_000),
                    (M::BusyHungUp, 3_000),
                    (M::DropAnswered, 3_500),
                ],
                Some(0.5),
                false,
            ),
        ];
        for (name, moments, alerted, other_rang) in rows {
            let moments = moments.into_iter().map(|(event, millis)| Moment {
                at: Duration::from_millis(millis),
                event,
            });
            let moments: Vec<_> = moments.collect();
            let expected = Call {
                alerted,
                other_rang,
            };
            assert_eq!(call_of(&moments, Leg::Drop), expected, "{name}");
        }
    }
}
