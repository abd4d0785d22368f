//! How campaigns stand at a moment, for people and programs that watch.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    campaign::{
        RefusedReason,
        budget::{Gauge, Share},
        engine::{CampaignId, Phase},
    },
    drop::Outcome,
};

/// All that is going on in one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// When it was so.
    pub at: Timestamp,
    /// The campaigns it runs.
    pub campaigns: Vec<CampaignView>,
    /// The trunk's budget.
    pub budget: Vec<GaugeView>,
    /// The trouble with the store or the PBX that dialling waits for, in words.
    pub trouble: Option<String>,
    /// Whether it comes to rest.
    pub draining: bool,
}

/// How a campaign stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignView {
    /// Its number.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: Phase,
    /// Contacts in all.
    pub contacts: u64,
    /// Contacts that have come to their end, by their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Contacts that were refused, by why.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Drops in flight.
    pub in_flight: u64,
    /// Drops started by this controller.
    pub started: u64,
    /// Drops started in the last minute.
    pub starts_a_minute: u64,
    /// When all will be done, at the pace of the last minutes and with what waits until when; `None` where it is not known.
    pub ends_at: Option<Timestamp>,
    /// Why nothing is dialled, as [`crate::campaign::engine::Why::slug`] has it, and in words with until when; `None` while dialling.
    pub idle: Option<(String, String)>,
    /// Until when nothing is dialled, where that is known.
    pub idle_until: Option<Timestamp>,
}

/// One share of the trunk's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaugeView {
    /// Which.
    pub gauge: Gauge,
    /// How much it is.
    pub share: Share,
    /// Its limit.
    pub limit: Option<Share>,
}

/// Something that happened, to be said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who should listen.
    pub level: NoteLevel,
    /// The campaign it is about, by its name; `None`: all of them.
    pub campaign: Option<String>,
    /// What.
    pub words: String,
}

/// Who should listen to a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteLevel {
    /// Who wants to.
    Said,
    /// Whoever is in charge.
    Warned,
}
