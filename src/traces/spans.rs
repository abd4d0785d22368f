//! The spans of a drop, by its report.

use std::time::Duration;

use jiff::Timestamp;

use super::{TraceParent, sample::random};
use crate::{
    drop::{Milestone, Outcome, Report, Technique},
    id::DropId,
};

/// A drop that has ended, with the times of what came before its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropTrace {
    /// The drop.
    pub drop: DropId,
    /// Where it belongs in the trace of whoever ordered it.
    pub parent: Option<TraceParent>,
    /// The campaign's name; `None` outside campaigns.
    pub campaign: Option<String>,
    /// One call or two.
    pub technique: Technique,
    /// When the gate was asked.
    pub asked_at: Timestamp,
    /// When it had decided, and its intent went to the store.
    pub decided_at: Timestamp,
    /// When the intent was committed.
    pub committed_at: Timestamp,
    /// When the first originate was asked for, from which its report counts; `None` if none was.
    pub dialled_at: Option<Timestamp>,
    /// When it had ended.
    pub ended_at: Timestamp,
    /// All that is known of it.
    pub report: Report,
}

/// One span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSpan {
    /// The trace it belongs to.
    pub trace: u128,
    /// Its own id, never 0.
    pub id: u64,
    /// The span that it is within; 0: none.
    pub parent: u64,
    /// Whether that one is another process's.
    pub is_parent_remote: bool,
    /// Its name.
    pub name: &'static str,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// What it says, never a phone number.
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, if something did: an outcome's slug, or what came of a request.
    pub failed: Option<String>,
    /// Spans that it tells of, in other traces: their traces and ids.
    pub links: Vec<(u128, u64)>,
}

/// The trace that a drop belongs to, and its own span in it.
pub(super) fn root(drop: DropId, parent: Option<&TraceParent>) -> (u128, u64) {
    (trace_of(drop, parent), random(drop).max(1))
}

/// The trace of a drop: that of whoever ordered it, or one of its own.
pub fn trace_of(drop: DropId, parent: Option<&TraceParent>) -> u128 {
    parent.map_or_else(|| drop.as_u128().max(1), |parent| parent.trace)
}

impl DropTrace {
    /// Its spans, the drop's own first.
    pub fn spans(&self) -> Vec<TraceSpan> {
        let (trace, root) = root(self.drop, self.parent.as_ref());
        let parent = self.parent.as_ref().map_or(0, |parent| parent.span);
        let ended_at = self.ended_at.max(self.asked_at);
        let outcome = self.report.outcome;
        let mut attributes = vec![
            ("aftertone.drop", self.drop.to_string()),
            ("aftertone.technique", self.technique.slug().to_owned()),
            ("aftertone.outcome", outcome.slug().to_owned()),
            ("aftertone.proof", self.report.proof.slug().to_owned()),
        ];
        if let Some(campaign) = &self.campaign {
            attributes.push(("aftertone.campaign", campaign.clone()));
        }
        if let Some(verdict) = self.report.verdict {
            attributes.push(("aftertone.verdict", verdict.as_str().to_owned()));
        }
        let mut spans = vec![TraceSpan {
            trace,
            id: root,
            parent,
            is_parent_remote: parent != 0,
            name: "drop",
            from: self.asked_at,
            to: ended_at,
            attributes,
            failed: matches!(outcome, Outcome::Error | Outcome::Lost)
                .then(|| outcome.slug().to_owned()),
            links: Vec::new(),
        }];
        let before = [
            ("gate", self.asked_at, self.decided_at),
            ("store.commit", self.decided_at, self.committed_at),
        ];
        let parts = before.into_iter().chain(self.calls());
        for (nth, (name, from, to)) in (1..).zip(parts) {
            spans.push(TraceSpan {
                trace,
                id: root.wrapping_add(nth).max(1),
                parent: root,
                is_parent_remote: false,
                name,
                // What is told of a call comes a moment after it.
                from: from.clamp(self.asked_at, ended_at),
                to: to.clamp(from.clamp(self.asked_at, ended_at), ended_at),
                attributes: Vec::new(),
                failed: None,
                links: Vec::new(),
            });
        }
        spans
    }

    /// What came of the calls, as far as there were any.
    fn calls(&self) -> Vec<(&'static str, Timestamp, Timestamp)> {
        let Some(dialled_at) = self.dialled_at else {
            return Vec::new();
        };
        let timeline = &self.report.timeline;
        let first = |events: &[Milestone], since: Duration| {
            let found = timeline
                .iter()
                .find(|moment| moment.at >= since && events.contains(&moment.event));
            found.map(|moment| moment.at)
        };
        let (answered, alerting) = if self.report.promoted {
            (Milestone::BusyAnswered, Milestone::BusyAlerting)
        } else {
            (Milestone::DropAnswered, Milestone::DropAlerting)
        };
        let (gone, hung_up) = if self.report.promoted {
            (Milestone::BusyGone, Milestone::BusyHungUp)
        } else {
            (Milestone::DropGone, Milestone::DropHungUp)
        };
        let over = [gone, hung_up];
        let parts: [(_, _, &[Milestone]); 5] = [
            (
                "originate busy",
                Milestone::BusyDialled,
                &[
                    Milestone::BusyAlerting,
                    Milestone::BusyAnswered,
                    Milestone::BusyHungUp,
                    Milestone::BusyGone,
                ],
            ),
            (
                "originate drop",
                Milestone::DropDialled,
                &[
                    Milestone::DropAlerting,
                    Milestone::DropAnswered,
                    Milestone::DropHungUp,
                    Milestone::DropGone,
                ],
            ),
            ("alerting", alerting, &[answered, over[0], over[1]]),
            (
                "screen",
                answered,
                &[Milestone::PlayStarted, over[0], over[1]],
            ),
            ("play", Milestone::PlayStarted, &over),
        ];
        let at = |since: Duration| dialled_at.checked_add(since).unwrap_or(self.ended_at);
        let mut spans = Vec::new();
        for (name, begins, ends) in parts {
            let Some(from) = first(&[begins], Duration::ZERO) else {
                continue;
            };
            // A play that started again is one; it ends with the last of it.
            let last_play = timeline
                .iter()
                .rev()
                .find(|moment| moment.event == Milestone::PlayFinished)
                .filter(|_| begins == Milestone::PlayStarted);
            let to = match last_play {
                Some(moment) => Some(moment.at),
                None => first(ends, from),
            };
            spans.push((name, at(from), to.map_or(self.ended_at, at)));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::{Moment, Proof};

    #[test]
    fn a_drop_has_a_span_for_each_part_of_it() {
        let trace = fixture(Outcome::Delivered);
        let spans = trace.spans();
        let lines: Vec<_> = spans
            .iter()
            .map(|span| {
                let ms = |at: Timestamp| at.as_millisecond() - 1_000;
                format!("{} {}..{}", span.name, ms(span.from), ms(span.to))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "drop 0..20000",
                "gate 0..2",
                "store.commit 2..10",
                "originate busy 20..520",
                "originate drop 2020..3020",
                "alerting 3020..5020",
                "screen 5020..9020",
                "play 9020..16020",
            ]
        );
        let root = &spans[0];
        assert_eq!((root.trace, root.parent), (trace.drop.as_u128(), 0));
        assert!(
            spans[1..]
                .iter()
                .all(|span| span.parent == root.id && span.trace == root.trace)
        );
        let mut ids: Vec<_> = spans.iter().map(|span| span.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), spans.len());
        assert_eq!(root.failed, None);
        assert!(
            root.attributes
                .contains(&("aftertone.campaign", "spring".to_owned()))
        );
        assert!(
            root.attributes
                .contains(&("aftertone.outcome", "delivered".to_owned()))
        );
    }

    #[test]
    fn a_drop_is_within_the_trace_of_whoever_ordered_it() {
        let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = DropTrace {
            parent: TraceParent::parse(caller),
            ..fixture(Outcome::Lost)
        };
        let root = trace.spans().remove(0);
        assert_eq!(root.trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(
            (root.parent, root.is_parent_remote),
            (0xb7ad_6b71_6920_3331, true)
        );
        assert_eq!(root.failed.as_deref(), Some("lost"));
    }

    #[test]
    fn a_drop_that_was_not_dialled_or_broke_off_has_the_spans_it_came_to() {
        let names = |trace: &DropTrace| {
            let spans = trace.spans();
            assert!(spans.iter().all(|span| span.to >= span.from));
            spans.iter().map(|span| span.name).collect::<Vec<_>>()
        };
        let mut trace = fixture(Outcome::Error);
        trace.dialled_at = None;
        trace.report.timeline.clear();
        assert_eq!(names(&trace), ["drop", "gate", "store.commit"]);
        let mut trace = fixture(Outcome::Lost);
        trace.report.timeline.truncate(2);
        assert_eq!(
            names(&trace),
            ["drop", "gate", "store.commit", "originate busy"]
        );
        // The busy leg was answered, and became the live one.
        let mut trace = fixture(Outcome::Human);
        trace.report.promoted = true;
        trace.report.timeline = [
            (0, Milestone::BusyDialled),
            (500, Milestone::BusyAlerting),
            (900, Milestone::BusyAnswered),
            (1_900, Milestone::BusyHungUp),
        ]
        .map(|(at, event)| moment(at, event))
        .into();
        let expected = [
            "drop",
            "gate",
            "store.commit",
            "originate busy",
            "alerting",
            "screen",
        ];
        assert_eq!(names(&trace), expected);
    }

    /// A drop of a campaign with two calls.
    fn fixture(outcome: Outcome) -> DropTrace {
        let at = |ms: i64| Timestamp::from_millisecond(1_000 + ms).unwrap();
        let timeline = [
            (0, Milestone::BusyDialled),
            (500, Milestone::BusyAlerting),
            (2_000, Milestone::DropDialled),
            (3_000, Milestone::DropAlerting),
            (3_001, Milestone::BusyHungUp),
            (5_000, Milestone::DropAnswered),
            (8_000, Milestone::Verdict),
            (9_000, Milestone::PlayStarted),
            (11_000, Milestone::PlayRestarted),
            (16_000, Milestone::PlayFinished),
            (16_200, Milestone::DropHungUp),
        ];
        DropTrace {
            drop: DropId::from_u128(0x0199_0000_0000_7000_8000_0000_1234_5678),
            parent: None,
            campaign: Some("spring".to_owned()),
            technique: Technique::Double,
            asked_at: at(0),
            decided_at: at(2),
            committed_at: at(10),
            dialled_at: Some(at(20)),
            ended_at: at(20_000),
            report: Report {
                proof: Proof::Proven,
                timeline: timeline.map(|(at, event)| moment(at, event)).into(),
                ..Report::unseen(outcome, "")
            },
        }
    }

    fn moment(ms: u64, event: Milestone) -> Moment {
        Moment {
            at: Duration::from_millis(ms),
            event,
        }
    }
}
