//! Numbers that must not be called, on lists that have names.

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::phone::PhoneNumber;

/// The name of the list of one's own, on which opt-outs stand.
pub const OWN_LIST: &str = "own";

/// The name of a list: `[a-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName(String);

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// The list.
    pub list: ListName,
    /// When it was added.
    pub at: Timestamp,
    /// Where it came from, or why, as it was given.
    pub because: Option<String>,
}

impl ListName {
    /// A list's name; `None` where it is not `[a-z0-9_-]{1,64}`.
    pub fn new(name: &str) -> Option<Self> {
        todo!()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Adds numbers to a list, made where it is missing; those that stand there stay as they are. Returns how many were
    /// new. From its return on no intent for them is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bar(
        &self,
        list: &ListName,
        numbers: &[PhoneNumber],
        because: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        todo!()
    }

    /// Takes numbers off a list; returns how many stood there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unbar(&self, list: &ListName, numbers: &[PhoneNumber]) -> Result<u64, StoreError> {
        todo!()
    }

    /// Every entry of a number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn barred(&self, number: &PhoneNumber) -> Result<Vec<Barred>, StoreError> {
        todo!()
    }

    /// The lists, each with its number of entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lists(&self) -> Result<Vec<(ListName, u64)>, StoreError> {
        todo!()
    }

    /// Removes a list as a whole; returns how many entries it had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_list(&self, list: &ListName) -> Result<u64, StoreError> {
        todo!()
    }
}
