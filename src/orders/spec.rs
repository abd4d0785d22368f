//! A campaign as it is ordered: what a user wrote, checked, and kept as JSON with the campaign.

use thiserror::Error;

use crate::campaign::{engine::CampaignSettings, policy::CampaignKind};

/// A campaign as it is ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// What it is for.
    pub kind: CampaignKind,
}

/// What is wrong with an order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct SpecError {
    /// The key, `retry.busy.first` for one.
    pub key: String,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl Spec {
    /// Reads what [`Self::to_json`] wrote, by this or an earlier version.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        todo!()
    }

    /// The order as JSON, to be kept.
    pub fn to_json(&self) -> String {
        todo!()
    }

    /// What the engine is told.
    ///
    /// # Errors
    /// [`SpecError`], where the order cannot be carried out.
    pub fn settings(&self) -> Result<CampaignSettings, SpecError> {
        todo!()
    }
}
