//! Links that are good once: whoever has one sets a password, or sets another.

use super::{
    Api,
    problem::{Problem, ProblemKind},
};
use crate::auth::Secret;

/// The link with this secret behind it. The secret is in the query, which no log of ours has.
pub(super) fn link(api: &Api, secret: &Secret) -> String {
    let config = api.config.borrow();
    link_at(&config.serve.base_url(), secret)
}

/// New random bytes, for a link or a session.
pub(super) fn secret() -> Result<Secret, Problem> {
    Ok(Secret::of(&random()?))
}

/// Random bytes.
pub(super) fn random<const BYTES: usize>() -> Result<[u8; BYTES], Problem> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes can be had");
        Problem::new(ProblemKind::Internal, "no random bytes can be had")
    })?;
    Ok(random)
}

/// The same of a server that is reached there.
pub fn link_at(base: &str, secret: &Secret) -> String {
    format!("{base}/welcome?code={}", secret.expose())
}
