//! What the first contacts of a campaign will hear, on its page.

use axum::extract::{Path, State};

use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        problem::Problem,
        routes::sample::{self, SampledContact},
    },
};

/// What a contact will hear.
pub(super) struct SampleRow {
    pub(super) contact: i64,
    pub(super) number: String,
    pub(super) words: String,
    /// Why it cannot be made; empty if it can.
    pub(super) problem: String,
    /// Where it is heard, for those who may.
    pub(super) href: Option<String>,
}

/// The rows of the sample.
///
/// # Errors
/// [`Problem`].
pub(super) async fn sample_rows(
    api: &Api,
    caller: &Caller,
    name: &str,
) -> Result<Vec<SampleRow>, Problem> {
    caller.may(Action::ReadContacts, Object::Any)?;
    let may_hear = caller.may(Action::ReadMessages, Object::Any).is_ok();
    let (state, path) = (State(api.clone()), Path(name.to_owned()));
    let sampled = sample::show(state, caller.clone(), path, Parameters::none())
        .await?
        .0;
    let row = |sampled: SampledContact| SampleRow {
        contact: sampled.contact,
        number: sampled.number.unwrap_or_else(|| "erased".to_owned()),
        words: sampled.words.unwrap_or_default(),
        problem: sampled.problem.unwrap_or_default(),
        href: sampled.href.filter(|_| may_hear),
    };
    Ok(sampled.items.into_iter().map(row).collect())
}
