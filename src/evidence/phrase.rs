//! A phrase that was recognised, as it is written down.

use serde::{Deserialize, Serialize};

use crate::screen::At;

/// A phrase that was recognised. Its times are samples since answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PhraseRecord {
    /// When it was reported.
    pub(super) at: u64,
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) says: String,
    pub(super) nats: f32,
    pub(super) text: String,
}

impl PhraseRecord {
    /// On one line, for people.
    pub(super) fn line(&self) -> String {
        let Self {
            from,
            until,
            says,
            nats,
            text,
            at,
        } = self;
        let [from, until, at] = [from, until, at].map(|at| At(*at).seconds());
        let says = says.replace('_', " ");
        format!(
            "{from:.2} s to {until:.2} s, `{text}`: {says} ({nats:.1} nats), reported at {at:.2} s"
        )
    }
}
