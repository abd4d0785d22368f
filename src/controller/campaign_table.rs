//! The campaigns of a controller: their rows as last read, what is counted of them, and how far the operator's commands
//! were read.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{ControllerError, Selection, gate::CampaignGate, stats::Account, status};
use crate::{
    campaign::{
        caller::CallerIds,
        engine::{CampaignId, CampaignSettings, End, Engine, Event, HeldPlaces, Phase},
    },
    drop::{Mode, Outcome},
    orders::Spec,
    store::{Campaign, StartTerms, Store, Tally, WaitingGroup},
};

/// The campaigns of a controller.
pub(super) struct CampaignTable {
    campaigns: BTreeMap<CampaignId, CampaignState>,
    /// Whether campaigns are run that were not named.
    takes_up_all: bool,
    /// Whether there may always be more, whatever is over.
    is_endless: bool,
    /// The last change of a campaign that was read.
    read_to: i64,
    is_reading: bool,
    /// How often this controller itself has changed a campaign's state.
    own_changes: u64,
    /// How many of these changes are not written yet: until then the store answers with what was before.
    unwritten: usize,
    /// Campaigns that are over as far as this controller goes, and not yet in the store: others may have drops of them in
    /// flight.
    awaited: BTreeMap<CampaignId, End>,
    /// When to look at these again.
    look_again: BTreeMap<CampaignId, Instant>,
}

/// What is known of a campaign beside the engine.
pub(super) struct CampaignState {
    pub(super) row: Campaign,
    pub(super) account: Account,
    /// Who detects the answering party; `None`: as the configuration has it.
    pub(super) mode: Option<Mode>,
    /// The limits that its intents are written under.
    pub(super) terms: StartTerms,
    /// Whether it was said that it lacks a message, or a folder for evidence.
    pub(super) lacks_files: bool,
}

impl CampaignTable {
    pub(super) const fn new(which: &Selection) -> Self {
        let (takes_up_all, is_endless) = match which {
            Selection::Names(_) => (false, false),
            Selection::All => (true, false),
            Selection::Service => (true, true),
        };
        Self {
            campaigns: BTreeMap::new(),
            takes_up_all,
            is_endless,
            read_to: 0,
            is_reading: false,
            own_changes: 0,
            unwritten: 0,
            awaited: BTreeMap::new(),
            look_again: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, id: CampaignId) -> Option<&CampaignState> {
        self.campaigns.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: CampaignId) -> Option<&mut CampaignState> {
        self.campaigns.get_mut(&id)
    }

    pub(super) fn name(&self, id: CampaignId) -> Option<&str> {
        self.get(id).map(|campaign| campaign.row.name.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CampaignState> {
        self.campaigns.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (CampaignId, &mut CampaignState)> {
        self.campaigns.iter_mut().map(|(&id, state)| (id, state))
    }

    pub(super) fn insert(&mut self, state: CampaignState) {
        self.campaigns.insert(state.row.id, state);
    }

    pub(super) fn remove(&mut self, id: CampaignId) -> Option<CampaignState> {
        self.campaigns.remove(&id)
    }

    /// Whether a campaign that was not known is to be run.
    pub(super) const fn takes_up(&self, row: &Campaign) -> bool {
        self.takes_up_all && row.status.is_started()
    }

    /// Whether every campaign is over, and none can follow.
    pub(super) fn all_over(&self, engine: &Engine<CampaignGate>) -> bool {
        !self.is_endless
            && self.iter().all(|campaign| {
                let phase = status::phase_of(engine, &campaign.row);
                matches!(phase, Phase::Over(_))
            })
    }

    /// Begins to read what the operator has ordered: returns the change to read from, and this controller's count of its
    /// own changes, unless a read or a change of its own is under way.
    pub(super) const fn begin_reading(&mut self) -> Option<(i64, u64)> {
        if self.is_reading || self.unwritten > 0 {
            return None;
        }
        self.is_reading = true;
        Some((self.read_to, self.own_changes))
    }

    /// The read has ended; returns whether it counts. What was read before a change of our own was written does not.
    pub(super) const fn end_reading(&mut self, asked_at: u64) -> bool {
        self.is_reading = false;
        asked_at == self.own_changes
    }

    /// This change was read.
    pub(super) fn note_read(&mut self, version: i64) {
        self.read_to = self.read_to.max(version);
    }

    /// This change is to be read again.
    pub(super) fn read_again(&mut self, version: i64) {
        self.read_to = self.read_to.min(version - 1);
    }

    /// This controller changes a campaign's state.
    pub(super) const fn note_own_change(&mut self) {
        self.own_changes += 1;
        self.unwritten += 1;
    }

    /// Such a change is written.
    pub(super) const fn own_change_written(&mut self) {
        self.unwritten = self.unwritten.saturating_sub(1);
    }

    /// A campaign has come to this end as far as this controller goes.
    pub(super) fn await_end(&mut self, id: CampaignId, end: End) {
        self.awaited.insert(id, end);
    }

    /// A campaign is over in the store, or runs again.
    pub(super) fn await_no_more(&mut self, id: CampaignId) {
        self.awaited.remove(&id);
        self.look_again.remove(&id);
    }

    /// The end that a campaign has come to here, but not in the store.
    pub(super) fn awaited(&self, id: CampaignId) -> Option<End> {
        self.awaited.get(&id).copied()
    }

    /// Looks at a campaign again in a moment: others have drops of it in flight, or contacts were added meanwhile.
    pub(super) fn look_again(&mut self, id: CampaignId, now: Instant) {
        self.look_again.insert(id, now + LOOK_AGAIN);
    }

    /// Whether some campaign is to be looked at again.
    pub(super) fn is_looking_again(&self) -> bool {
        !self.look_again.is_empty()
    }

    /// The campaigns to look at again by now, once each.
    pub(super) fn due_again(&mut self, now: Instant) -> Vec<CampaignId> {
        let due = self.look_again.extract_if(.., |_, at| *at <= now);
        due.map(|(id, _)| id).collect()
    }
}

/// A campaign as the loop takes it up: its row, and what the store knows of its past.
#[derive(Debug)]
pub(super) struct PreparedCampaign {
    pub(super) row: Campaign,
    pub(super) spec: Spec,
    pub(super) settings: CampaignSettings,
    pub(super) tally: Tally,
    /// Groups of contacts that wait.
    pub(super) waiting: Vec<Event>,
    /// When all of this was read.
    pub(super) at: Timestamp,
}

impl PreparedCampaign {
    /// Reads what the loop needs of a campaign.
    ///
    /// # Errors
    /// [`ControllerError`] if it cannot be carried out as it is ordered, or the store does not answer.
    pub(super) async fn read(
        store: &Store,
        row: Campaign,
        now: Timestamp,
    ) -> Result<Self, ControllerError> {
        let wrong = |source| ControllerError::Spec {
            name: row.name.clone(),
            source,
        };
        let spec = Spec::from_json(&row.spec).map_err(wrong)?;
        let mut settings = spec.settings().map_err(wrong)?;
        match &mut settings.caller_ids {
            CallerIds::Fixed(_) => {}
            CallerIds::ByAreaCode(pool) | CallerIds::LeastUsed(pool) => {
                for (number, calls) in store.caller_ids_used(row.id).await? {
                    pool.note_used(&number, calls);
                }
            }
        }
        let (by_place, alone): (Vec<_>, Vec<_>) = store
            .waiting(row.id, now)
            .await?
            .into_iter()
            .partition(|group| group.by_place);
        let waiting = alone.into_iter().map(|group| Event::Waiting {
            campaign: row.id,
            reason: group.reason,
            until: group.until,
            zone: group.zone.and_then(|zone| TimeZone::get(&zone).ok()),
            contacts: group.contacts,
        });
        let waiting = waiting.chain([places_held(row.id, by_place)]).collect();
        Ok(Self {
            spec,
            settings,
            tally: store.tally(row.id).await?,
            waiting,
            row,
            at: now,
        })
    }
}

/// That hours hold these places.
pub(super) fn places_held(campaign: CampaignId, groups: Vec<WaitingGroup>) -> Event {
    let held = groups.into_iter().map(|group| HeldPlaces {
        until: group.until,
        zone: group.zone.and_then(|zone| TimeZone::get(&zone).ok()),
        contacts: group.contacts,
    });
    Event::PlacesHeld {
        campaign,
        held: held.collect(),
    }
}

/// How many of a campaign's contacts were declined or have no such number, and of how many that have come to their end.
pub(super) fn refused_of(tally: &Tally) -> (u64, u64) {
    let of = |outcome| tally.outcomes.get(&outcome).copied().unwrap_or(0);
    let refused = of(Outcome::Rejected) + of(Outcome::InvalidNumber);
    (refused, tally.outcomes.values().sum())
}

/// When a campaign is looked at again of which others have drops in flight.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
