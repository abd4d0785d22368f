//! What the gate decided, as a page shows it: each rule with what it found, and whole numbers masked that it quotes.

use crate::{
    campaign::policy::{Outcome, Ruling},
    phone::masked_text,
};

/// What a rule found.
pub(super) struct ShownFinding {
    /// For its colour: `ok`, `bad`, `quiet` or `warn`.
    pub(super) state: &'static str,
    pub(super) rule: String,
    pub(super) words: String,
}

/// What each rule of a stored ruling found, in their order; nothing if it cannot be read.
pub(super) fn stored(ruling: &str) -> Vec<ShownFinding> {
    let ruling: Option<Ruling> = serde_json::from_str(ruling).ok();
    ruling.map(findings).unwrap_or_default()
}

/// What each rule found, in their order.
pub(super) fn findings(ruling: Ruling) -> Vec<ShownFinding> {
    ruling
        .findings
        .into_iter()
        .map(|finding| ShownFinding {
            state: match finding.outcome {
                Outcome::Met => "ok",
                Outcome::Failed(_) => "bad",
                Outcome::SwitchedOff => "quiet",
                Outcome::SetAside { .. } => "warn",
            },
            rule: finding.rule.slug().replace('_', " "),
            words: masked_text(&finding.words).into_owned(),
        })
        .collect()
}
