//! What the engine has to know of a PBX and of a campaign.

use std::time::Duration;

use crate::{
    campaign::{
        budget::{BudgetLimits, Share, TechniqueRule},
        caller::CallerIds,
        pace::Rate,
        retry::RetryRules,
        variant::Messages,
        window::Window,
    },
    drop::Outcome,
};

/// What one PBX, and the trunk behind it, carries.
#[derive(Clone, Debug)]
pub struct PbxSettings {
    /// How fast drops start, over all campaigns.
    pub rate: Rate,
    /// Most drops in flight, over all campaigns.
    pub in_flight: u32,
    /// The trunk's limits.
    pub limits: BudgetLimits,
}

/// How one campaign is run.
#[derive(Clone, Debug)]
pub struct CampaignSettings {
    /// How fast its drops start; `None`: as fast as the PBX allows.
    pub rate: Option<Rate>,
    /// Most of its drops in flight; `None`: as many as the PBX allows.
    pub in_flight: Option<u32>,
    /// Its share when campaigns compete, against the sum of their weights; 1 or more.
    pub weight: u32,
    /// Its own hours and dates; `None`: at any time that the gate allows.
    pub window: Option<Window>,
    /// What follows each outcome.
    pub retry: RetryRules,
    /// What it leaves.
    pub messages: Messages,
    /// What its calls show as their origin.
    pub caller_ids: CallerIds,
    /// One call or two.
    pub technique: TechniqueRule,
    /// When it stops by itself; `None`: never.
    pub stop_on: Option<StopOn>,
    /// What decides between variants, so that a restart decides alike.
    pub seed: u64,
}

impl CampaignSettings {
    /// A campaign that leaves one message, and all else by default.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            rate: None,
            in_flight: None,
            weight: 1,
            window: None,
            retry: RetryRules::default(),
            messages: Messages::One(message.into()),
            caller_ids: CallerIds::Fixed(None),
            technique: TechniqueRule::default(),
            stop_on: Some(StopOn::default()),
            seed: 0,
        }
    }
}

/// What others have of a limit, in other controllers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// How many others want a part of its starts.
    pub sharers: u32,
    /// How many drops in flight others have under it.
    pub others_in_flight: u32,
}

/// A share of drops that fail by our own or the carrier's fault, at which a campaign stops.
///
/// What counts as an error is `congestion`, `failed`, `lost` and `error`: what a person should look at before more is
/// dialled. What callees do is none; but if nearly all of a run of `at_least` drops were declined or found no such
/// number, far more than the campaign had before, it stops all the same: then the trunk may refuse every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopOn {
    /// The share of errors past which it stops.
    pub share: Share,
    /// Over what time drops are counted, a minute or more.
    pub window: Duration,
    /// How many drops the share has to be of.
    pub at_least: u32,
}

/// Half of 20 drops or more within ten minutes.
impl Default for StopOn {
    fn default() -> Self {
        Self {
            share: Share::percent(50),
            window: Duration::from_secs(600),
            at_least: 20,
        }
    }
}

impl StopOn {
    /// Whether an outcome counts as an error.
    pub const fn is_error(outcome: Outcome) -> bool {
        match outcome {
            Outcome::Congestion | Outcome::Failed | Outcome::Lost | Outcome::Error => true,
            Outcome::Delivered
            | Outcome::Human
            | Outcome::HungUp
            | Outcome::NotVoicemail
            | Outcome::Unsure
            | Outcome::CutOff
            | Outcome::NoAnswer
            | Outcome::Busy
            | Outcome::Rejected
            | Outcome::InvalidNumber
            | Outcome::Cancelled => false,
        }
    }
}
