//! Contacts coming in, many at a time, so that an import that was interrupted goes on where it was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::{
    campaign::{engine::CampaignId, policy::Consent},
    phone::PhoneNumber,
};

/// A contact to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// The line of the list on which its row begins, counted from 1.
    pub line: u64,
    /// The number.
    pub number: PhoneNumber,
    /// The contact's name.
    pub name: Option<String>,
    /// Time zone, as the list has it.
    pub zone: Option<String>,
    /// State, as the list has it.
    pub state: Option<String>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows it.
    pub foreign_id: Option<String>,
    /// All other columns, by their names.
    pub others: BTreeMap<String, String>,
}

/// Which list is imported: told from others by its content, not by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, for people.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// A digest of its content.
    pub digest: String,
}

/// An import that has begun, maybe by an earlier run of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Importing {
    /// Its number.
    pub id: i64,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Up to which byte of the list everything is in.
    pub bytes: u64,
    /// Rows taken in so far, and lines passed so far, up to that byte.
    pub rows: u64,
    /// Lines passed so far, up to that byte.
    pub lines: u64,
    /// Rows rejected so far.
    pub rejected: u64,
    /// Whether it came to its end: the same list is in already.
    pub is_complete: bool,
}

/// Whether a number that stands in another campaign may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Across {
    /// It may; the gate's frequency caps hold over all campaigns.
    #[default]
    Allow,
    /// Not where a campaign that is not over has it.
    SkipOpen,
    /// Not where any campaign has or had it.
    SkipAny,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// How many were added.
    pub added: u64,
    /// The lines of those that were not, because their number stands in this campaign already.
    pub duplicates: Vec<u64>,
    /// The lines of those that were not, because their number stands in another campaign.
    pub elsewhere: Vec<u64>,
}

impl Store {
    /// Begins an import, or finds where the same one stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_import(
        &self,
        campaign: CampaignId,
        source: &Source,
        now: Timestamp,
    ) -> Result<Importing, StoreError> {
        todo!()
    }

    /// Adds contacts, due at once, and notes in the same transaction how far the import is: `importing` as it is after
    /// them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_contacts(
        &self,
        importing: &Importing,
        across: Across,
        contacts: &[NewContact],
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        todo!()
    }

    /// For each number, whether a campaign has it: what [`Self::add_contacts`] would leave out, without adding anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known(
        &self,
        campaign: Option<CampaignId>,
        across: Across,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<bool>, StoreError> {
        todo!()
    }
}
