//! The views and notes of a controller.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{PBX, stats::Account};
use crate::{
    campaign::{
        budget::Gauge,
        engine::{End, Engine, Gate, PauseReason, Phase, Why},
    },
    clock::Steady,
    orders::{CampaignView, GaugeView, Note, NoteLevel, RunView, View, standing_slug},
    store::{Campaign, Status},
};

/// What the control loop shows to those who watch, and reports as it happens.
pub(super) struct Reporter {
    clock: Arc<Steady>,
    notes: mpsc::UnboundedSender<Note>,
    views: watch::Sender<View>,
    /// Something of note has changed since the last view.
    is_stale: bool,
}

impl Reporter {
    /// One that has shown nothing yet, and what it shows and reports.
    pub(super) fn new(
        clock: Arc<Steady>,
    ) -> (Self, watch::Receiver<View>, mpsc::UnboundedReceiver<Note>) {
        let (notes, noted) = mpsc::unbounded_channel();
        let (views, view) = watch::channel(nothing(clock.now()));
        let reporter = Self {
            clock,
            notes,
            views,
            is_stale: true,
        };
        (reporter, view, noted)
    }

    /// Reports something that is good to know.
    pub(super) fn note(&self, campaign: Option<&str>, words: impl Into<String>) {
        self.send(NoteLevel::Said, campaign, words.into());
    }

    /// Reports something that the operator should look at.
    pub(super) fn warn(&self, campaign: Option<&str>, words: impl Into<String>) {
        self.send(NoteLevel::Warned, campaign, words.into());
    }

    /// Something of note has changed: a new view is due.
    pub(super) const fn changed(&mut self) {
        self.is_stale = true;
    }

    /// Whether a new view is due.
    pub(super) const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Shows a view to those who watch.
    pub(super) fn show(&mut self, view: View) {
        self.is_stale = false;
        self.views.send_replace(view);
    }

    fn send(&self, level: NoteLevel, campaign: Option<&str>, words: String) {
        // There may be no receiver.
        let _ = self.notes.send(Note {
            at: self.clock.now(),
            level,
            campaign: campaign.map(str::to_owned),
            words,
        });
    }
}

/// Before anything is known.
const fn nothing(at: Timestamp) -> View {
    View {
        at,
        campaigns: Vec::new(),
        budget: Vec::new(),
        trouble: None,
        draining: false,
    }
}

/// The state of the trunk's budget.
pub(super) fn gauges<G: Gate>(engine: &Engine<G>) -> Vec<GaugeView> {
    let (Some(budget), Some(limits)) = (engine.budget(PBX), engine.limits(PBX)) else {
        return Vec::new();
    };
    let gauge = |gauge| {
        let reading = budget.read(gauge);
        GaugeView {
            gauge,
            share: reading.share(),
            limit: gauge.limit(&limits),
            state: reading.state(&limits),
        }
    };
    Gauge::ALL.into_iter().map(gauge).collect()
}

/// The state of a campaign. `awaited`: the end that it has come to here, and not yet in the store.
pub(super) fn campaign<G: Gate>(
    engine: &Engine<G>,
    (row, awaited): (&Campaign, Option<End>),
    account: &Account,
    now: Timestamp,
) -> CampaignView {
    let (phase, awaited) = match (phase_of(engine, row), awaited) {
        (Phase::Over(end), Some(_)) if row.status == Status::Cancelling => {
            (Phase::Cancelling, Some(end))
        }
        (Phase::Over(end @ End::Cancelled), Some(_)) => (Phase::Cancelling, Some(end)),
        (Phase::Over(end), Some(_)) => (Phase::Running, Some(end)),
        (phase, _) => (phase, None),
    };
    let idle = engine.why_idle(row.id).filter(|idle| match idle.why {
        Why::Pace { speed_percent } => speed_percent < 100,
        Why::Over(_)
        | Why::Draining { .. }
        | Why::Cancelling { .. }
        | Why::Paused(_)
        | Why::StoreAway
        | Why::ClocksApart
        | Why::Hours(_)
        | Why::DatesOver
        | Why::PbxAway
        | Why::TrunkOffline
        | Why::FilesAway(_)
        | Why::Budget(_)
        | Why::Full { .. }
        | Why::Asking
        | Why::MakingMessages { .. }
        | Why::Waiting(_)
        | Why::Finishing { .. } => true,
    });
    let idle_until = idle.as_ref().and_then(|idle| idle.until);
    let ends_at = match phase {
        Phase::Running => account.ends_at(idle_until, now),
        Phase::Paused(_) | Phase::Cancelling | Phase::Over(_) => None,
    };
    let (idle, idle_words) = idle
        .map(|idle| {
            // The store knows why it was paused, if that was before this run.
            let words = match (&idle.why, &row.why) {
                _ if awaited.is_some() => AWAITED.to_owned(),
                (Why::Paused(PauseReason::Operator), Some(why)) => paused_words(why, &row.name),
                (Why::Paused(why), _) => paused_words(&why.to_string(), &row.name),
                (why, _) => why.to_string(),
            };
            (idle.why, words)
        })
        .unzip();
    let tally = account.tally();
    CampaignView {
        id: row.id,
        name: row.name.clone(),
        standing: match row.status {
            Status::Draft => Status::Draft.slug(),
            Status::Running
            | Status::Paused
            | Status::Cancelling
            | Status::Complete
            | Status::Cancelled
            | Status::DatesOver => standing_slug(phase),
        },
        contacts: tally.contacts,
        done: tally.outcomes.values().sum::<u64>() + tally.refused.values().sum::<u64>(),
        in_flight: engine.in_flight(row.id) as u64,
        outcomes: tally.outcomes.clone(),
        refused: tally.refused.clone(),
        stored: None,
        run: Some(RunView {
            phase,
            started: account.started(),
            starts_a_minute: account.starts_a_minute(now),
            ends_at,
            idle,
            idle_words,
            idle_until,
        }),
    }
}

/// The phase of a campaign; of one that was over when it was named, by its row.
pub(super) fn phase_of<G: Gate>(engine: &Engine<G>, row: &Campaign) -> Phase {
    let by_row = || match row.status {
        Status::Running => Phase::Running,
        Status::Draft | Status::Paused => Phase::Paused(PauseReason::Operator),
        Status::Cancelling => Phase::Cancelling,
        Status::Complete => Phase::Over(End::Complete),
        Status::Cancelled => Phase::Over(End::Cancelled),
        Status::DatesOver => Phase::Over(End::DatesOver),
    };
    engine.phase(row.id).unwrap_or_else(by_row)
}

/// Why a campaign is paused, for people, and what to do about it.
pub(super) fn paused_words(why: &str, name: &str) -> String {
    format!("{why}; to resume: `aftertone campaign resume {name}`")
}

/// How a campaign has ended, for people.
pub(super) fn end_words(end: End) -> &'static str {
    match end {
        End::Complete => "complete: every contact has its outcome",
        End::Cancelled => "cancelled",
        End::DatesOver => "its last date is over; contacts that are left keep their state",
    }
}

/// That held contacts are asked about again.
pub(super) fn looked_again_words(contacts: u64) -> String {
    let contacts = match contacts {
        1 => "1 held contact is".to_owned(),
        contacts => format!("{contacts} held contacts are"),
    };
    format!("{contacts} due at once: the gate's rules or the campaign's settings have changed")
}
/// What is said of a campaign that is over here, while others have drops of it in flight.
const AWAITED: &str = "nothing is left to do here; it is over once the drops that other controllers have, or have left, in flight are settled";

/// What is said of calls that the PBX does not end.
pub(super) fn stuck_words(drops: usize) -> String {
    format!(
        "the PBX does not end the calls of {drops} of the drops whose controllers died; this is tried again every minute \
         (`core show channels` on the PBX shows them)"
    )
}

/// A number of drops that are lost, for people.
pub(super) fn lost_words(lost: usize, alive: usize) -> String {
    let drops = if lost == 1 { "drop was" } else { "drops were" };
    let them = if lost == 1 { "it is" } else { "they are" };
    let up = match alive {
        0 => String::new(),
        alive => format!("; {alive} still had a call, which was hung up"),
    };
    format!(
        "{lost} {drops} in flight when a controller died: {them} lost, and not tried again by themselves{up}"
    )
}
