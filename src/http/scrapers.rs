//! Who reads the metrics: that the database is away has to be told while it is, so that what it said of their tokens is kept for then.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::problem::{Problem, ProblemKind};
use crate::{
    auth::{KeptToken, TokenId},
    store::Store,
};

/// The tokens that metrics were asked for with, as they were in the database, and when. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrapers(Arc<Mutex<BTreeMap<TokenId, (KeptToken, Timestamp)>>>);

impl Scrapers {
    /// A token as it is in the database; while that does not answer, as it was there before, for so long as [`GOOD_FOR`].
    ///
    /// # Errors
    /// [`Problem`] if the database does not answer, and this process does not know the token.
    pub(super) async fn token(
        &self,
        store: &Store,
        id: &TokenId,
        now: Timestamp,
    ) -> Result<Option<KeptToken>, Problem> {
        let failed = match timeout(ANSWERS_WITHIN, store.token(id)).await {
            Ok(Ok(found)) => {
                self.note(id, found.as_ref(), now);
                return Ok(found);
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Problem::new(ProblemKind::StoreAway, "the database does not answer"),
        };
        self.known(id, now).map(Some).ok_or(failed)
    }

    fn note(&self, id: &TokenId, found: Option<&KeptToken>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(token) => known.insert(id.clone(), (token.clone(), now)),
            None => known.remove(id),
        };
    }

    fn known(&self, id: &TokenId, now: Timestamp) -> Option<KeptToken> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, at) = known.get(id)?;
        (now.duration_since(*at) < GOOD_FOR).then(|| token.clone())
    }
}

/// How long the database may take to say what a token is: Prometheus waits ten seconds for all, unless it is told otherwise.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// For how long a token is as it was, if nothing says that it is not. One that was revoked just before the database went away reads
/// figures for so long, and nothing else.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
