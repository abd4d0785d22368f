//! The state of campaigns at a moment, for people and programs that watch.
//!
//! [`CampaignView`] is one campaign, whether it is read from the database or watched while a controller runs it. What only
//! one of the two knows is in [`StoredView`] and [`RunView`]. They serialize with the keys that programs read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    campaign::{
        HeldReason, RefusedReason,
        budget::{Gauge, GaugeState, Share},
        engine::{CampaignId, End, PauseReason, Phase, Why},
    },
    drop::Outcome,
};

/// The state of one controller and its campaigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// The moment of this state.
    pub at: Timestamp,
    /// The campaigns it runs.
    pub campaigns: Vec<CampaignView>,
    /// The trunk's budget.
    pub budget: Vec<GaugeView>,
    /// The failure of the database or the PBX that dialling waits for, for people.
    pub trouble: Option<String>,
    /// Whether it starts nothing more and lets drops in flight finish.
    pub draining: bool,
}

/// The state of one campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CampaignView {
    /// Its number in the database.
    #[serde(skip)]
    pub id: CampaignId,
    /// Its name.
    #[serde(rename = "campaign")]
    pub name: String,
    /// The word that the database has for its state.
    pub standing: &'static str,
    /// All of its contacts.
    pub contacts: u64,
    /// Contacts with their last outcome, or refused.
    pub done: u64,
    /// Drops in flight.
    pub in_flight: u64,
    /// Contacts with their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Contacts that were refused.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// What the database knows beyond that; `None` if it was not asked.
    #[serde(flatten)]
    pub stored: Option<StoredView>,
    /// What its controller knows beyond that; `None` if it was not asked.
    #[serde(flatten)]
    pub run: Option<RunView>,
}

impl CampaignView {
    /// Its phase, if its controller was asked.
    pub fn phase(&self) -> Option<Phase> {
        self.run.as_ref().map(|run| run.phase)
    }

    /// Why nothing is dialled, as a slug and for people; `None` while dialling, or if its controller was not asked.
    pub fn idle(&self) -> Option<(&'static str, &str)> {
        let run = self.run.as_ref()?;
        Some((run.idle.as_ref()?.slug(), run.idle_words.as_deref()?))
    }

    /// Whether it stands still because the clocks cannot be relied on.
    pub fn waits_for_clocks(&self) -> bool {
        let idle = self.run.as_ref().and_then(|run| run.idle.as_ref());
        idle == Some(&Why::ClocksApart)
    }
}

/// What the database knows of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredView {
    /// Why it is paused, for people.
    pub why: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether any controller is alive that could run it.
    pub has_controller: bool,
    /// Contacts that wait to be dialled.
    pub waiting: u64,
    /// Drops, those in flight included.
    pub drops: u64,
    /// What the waiting contacts wait for.
    pub waiting_for: Vec<WaitingView>,
    /// The list whose import was interrupted.
    pub interrupted_import: Option<String>,
}

/// Contacts that wait for the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingView {
    /// Why the gate holds them; `None` if they wait for their next attempt.
    pub reason: Option<HeldReason>,
    /// The moment from which they may be dialled.
    pub until: Timestamp,
    /// The time zone whose calling hours hold them.
    pub zone: Option<String>,
    /// How many there are.
    pub contacts: u64,
}

/// What a controller knows of a campaign that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// Its phase.
    #[serde(serialize_with = "phase")]
    pub phase: Phase,
    /// Drops that this controller started.
    pub started: u64,
    /// Drops started in the last minute.
    pub starts_a_minute: u64,
    /// The expected end at the pace of the last minutes; `None` if it is not known.
    pub ends_at: Option<Timestamp>,
    /// Why nothing is dialled; `None` while dialling.
    #[serde(serialize_with = "idle")]
    pub idle: Option<Why>,
    /// The same for people, with the time at which dialling resumes.
    pub idle_words: Option<String>,
    /// When dialling resumes, if that is known.
    pub idle_until: Option<Timestamp>,
}

/// One share of the trunk's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GaugeView {
    /// The calls that are counted.
    #[serde(serialize_with = "gauge")]
    pub gauge: Gauge,
    /// Their share.
    #[serde(serialize_with = "share")]
    pub share: Share,
    /// The most that is tolerated.
    #[serde(serialize_with = "limit")]
    pub limit: Option<Share>,
    /// Where the share is beside the limit.
    #[serde(serialize_with = "gauge_state")]
    pub state: GaugeState,
}

/// An event that is reported once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When it happened.
    pub at: Timestamp,
    /// Its urgency.
    pub level: NoteLevel,
    /// The campaign that it concerns, by name; `None` if it concerns all of them.
    pub campaign: Option<String>,
    /// What happened, for people.
    pub words: String,
}

/// The urgency of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NoteLevel {
    /// It can be ignored.
    #[serde(rename = "info")]
    Said,
    /// The operator should look at it.
    #[serde(rename = "warning")]
    Warned,
}

/// The word that the database has for the state of a campaign in this phase.
pub const fn standing_slug(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Paused(_) => "paused",
        Phase::Cancelling => "cancelling",
        Phase::Over(End::Complete) => "complete",
        Phase::Over(End::Cancelled) => "cancelled",
        Phase::Over(End::DatesOver) => "dates_over",
    }
}

/// The state of a campaign for people: the database's word for it, unless it should run and no controller is alive.
pub fn standing_words(standing: &str, has_controller: bool) -> String {
    match standing {
        "draft" => "draft, not started".to_owned(),
        "running" if !has_controller => "waiting for a controller".to_owned(),
        "cancelling" if !has_controller => "cancelling, waiting for a controller".to_owned(),
        _ => standing.replace('_', " "),
    }
}

/// The word for a phase, which also says why a campaign is paused.
pub const fn phase_slug(phase: Phase) -> &'static str {
    match phase {
        Phase::Paused(PauseReason::Errors { .. }) => "stopped_on_errors",
        Phase::Paused(PauseReason::Refusals { .. }) => "stopped_on_refusals",
        Phase::Paused(PauseReason::Operator)
        | Phase::Running
        | Phase::Cancelling
        | Phase::Over(_) => standing_slug(phase),
    }
}

/// The word for a share of the trunk's budget.
pub const fn gauge_slug(gauge: Gauge) -> &'static str {
    match gauge {
        Gauge::Cancelled => "cancelled",
        Gauge::GivenUp => "given_up",
        Gauge::Short => "short",
        Gauge::People => "people",
    }
}

/// A share as a number from 0 to 1.
pub fn fraction(share: Share) -> f64 {
    f64::from(share.as_thousandths()) / 1_000.0
}

fn phase<S: Serializer>(phase: &Phase, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(phase_slug(*phase))
}

fn idle<S: Serializer>(why: &Option<Why>, to: S) -> Result<S::Ok, S::Error> {
    why.as_ref().map(Why::slug).serialize(to)
}

fn gauge<S: Serializer>(gauge: &Gauge, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(gauge_slug(*gauge))
}

fn gauge_state<S: Serializer>(state: &GaugeState, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(state.slug())
}

fn share<S: Serializer>(share: &Share, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(fraction(*share))
}

fn limit<S: Serializer>(limit: &Option<Share>, to: S) -> Result<S::Ok, S::Error> {
    limit.map(fraction).serialize(to)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The keys that programs read: none may be renamed or dropped.
    #[test]
    fn a_stored_campaign_has_the_keys_of_status() {
        let view = CampaignView {
            stored: Some(stored()),
            ..campaign()
        };
        let keys = "campaign contacts created_at done drops has_controller in_flight interrupted_import outcomes refused \
                    standing waiting waiting_for why";
        assert_eq!(keys_of(&view), keys);
        let value = serde_json::to_value(&view).unwrap();
        assert_eq!(value["waiting_for"][0]["reason"], "calling_hours");
        assert_eq!(
            keys_of(&stored().waiting_for[0]),
            "contacts reason until zone"
        );
    }

    #[test]
    fn a_campaign_that_runs_has_the_keys_of_run() {
        let idle = RunView {
            phase: Phase::Paused(PauseReason::Operator),
            started: 3,
            starts_a_minute: 1,
            ends_at: None,
            idle: Some(Why::Paused(PauseReason::Operator)),
            idle_words: Some("paused by the operator".to_owned()),
            idle_until: None,
        };
        let dialling = RunView {
            phase: Phase::Running,
            idle: None,
            idle_words: None,
            ..idle
        };
        for (run, phase, why) in [
            (idle, "paused", Value::from("paused")),
            (dialling, "running", Value::Null),
        ] {
            let view = CampaignView {
                run: Some(run),
                ..campaign()
            };
            let keys = "campaign contacts done ends_at idle idle_until idle_words in_flight outcomes phase refused standing \
                        started starts_a_minute";
            assert_eq!(keys_of(&view), keys);
            let value = serde_json::to_value(&view).unwrap();
            assert_eq!((&value["phase"], &value["idle"]), (&phase.into(), &why));
            assert_eq!(value["outcomes"]["delivered"], 2);
            assert_eq!(value["refused"]["no_consent"], 1);
        }
    }

    #[test]
    fn a_view_and_a_note_have_their_keys() {
        let at = Timestamp::UNIX_EPOCH;
        let view = View {
            at,
            campaigns: Vec::new(),
            budget: vec![GaugeView {
                gauge: Gauge::GivenUp,
                share: Share::thousandths(124),
                limit: None,
                state: GaugeState::Well,
            }],
            trouble: None,
            draining: false,
        };
        assert_eq!(keys_of(&view), "at budget campaigns draining trouble");
        let value = serde_json::to_value(&view).unwrap();
        let budget = serde_json::json!([{"gauge": "given_up", "share": 0.124, "limit": null, "state": "well"}]);
        assert_eq!(value["budget"], budget);
        let note = Note {
            at,
            level: NoteLevel::Warned,
            campaign: None,
            words: String::new(),
        };
        assert_eq!(keys_of(&note), "at campaign level words");
        assert_eq!(serde_json::to_value(&note).unwrap()["level"], "warning");
    }

    fn keys_of(of: &impl Serialize) -> String {
        let value = serde_json::to_value(of).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.join(" ")
    }

    fn campaign() -> CampaignView {
        CampaignView {
            id: CampaignId(1),
            name: "spring".to_owned(),
            standing: "running",
            contacts: 4,
            done: 3,
            in_flight: 1,
            outcomes: BTreeMap::from([(Outcome::Delivered, 2)]),
            refused: BTreeMap::from([(RefusedReason::NoConsent, 1)]),
            stored: None,
            run: None,
        }
    }

    fn stored() -> StoredView {
        StoredView {
            why: None,
            created_at: Timestamp::UNIX_EPOCH,
            has_controller: false,
            waiting: 0,
            drops: 3,
            waiting_for: vec![WaitingView {
                reason: Some(HeldReason::CallingHours),
                until: Timestamp::UNIX_EPOCH,
                zone: None,
                contacts: 1,
            }],
            interrupted_import: None,
        }
    }
}
