//! What can go wrong with a database, and what follows.

use thiserror::Error;

/// The database could not do what was asked; nothing of it was done, or, after a lost reply, all of it.
#[derive(Debug, Error)]
#[error("cannot {doing}")]
pub struct StoreError {
    /// What was asked, to follow `cannot`: `lease contacts of campaign 3`.
    pub doing: String,
    /// Whether it is worth asking again.
    pub trouble: Trouble,
    /// What the database said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is away, the file is locked, the disk is full: it may pass by itself or with a person's help, and the
    /// same may be asked again.
    Away,
    /// The database is damaged, is not ours, or does not do what it must: a person has to look, and nothing is asked again.
    Broken,
    /// What was asked makes no sense there: no such campaign, a name that is taken.
    Refused,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        todo!()
    }
}
