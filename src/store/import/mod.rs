//! Contacts coming in, many at a time, so that an interrupted import resumes where it left off.

mod contacts;
mod put;
mod transaction;
mod update;

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use jiff::Timestamp;

pub use self::{
    contacts::PackedContacts,
    put::{PutContact, PutOutcome},
};

use super::{
    Status, Store, StoreError, codec,
    sql::{Sql, args, row, rows, sql},
};
use crate::{
    campaign::{
        engine::CampaignId,
        policy::{CallingPlace, Consent},
    },
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
    /// Where the contact is, by number, zone and state; `None` if it is not known.
    pub place: Option<Arc<CallingPlace>>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows it.
    pub foreign_id: Option<String>,
    /// All other columns, by their names.
    pub others: BTreeMap<String, String>,
}

/// Which list is imported: identified by its content, not by its name.
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
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// Up to which byte of the list everything is in.
    pub bytes: u64,
    /// Rows taken in so far.
    pub rows: u64,
    /// Lines passed so far, up to that byte.
    pub lines: u64,
    /// From which byte on the last transaction took rows in: what is written behind a transaction may lack its rows.
    pub last_bytes: u64,
    /// Lines passed up to that byte.
    pub last_lines: u64,
    /// Rows so far that changed contacts which were never called.
    pub updated: u64,
    /// Rows so far that say of such contacts what was known.
    pub unchanged: u64,
    /// Rows rejected so far, those left out because their number is known included.
    pub rejected: u64,
    /// Whether it came to its end: the same list is in already.
    pub is_complete: bool,
    /// Whether numbers of its last transaction were known, as far as this run of the program has seen: then each number of
    /// the next one is looked for first. Else PostgreSQL is given them as if none was known, and takes them back if one is.
    pub has_known: bool,
}

/// What is known of a number of a list in its campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InCampaign {
    /// The campaign does not have it.
    No,
    /// It has it by this list.
    ByThisList,
    /// It has it otherwise, and never called it.
    NotCalled,
    /// It has, and called it.
    Called,
}

/// Whether a number that is in another campaign may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Across {
    /// It may; the gate's frequency caps hold over all campaigns.
    #[default]
    Allow,
    /// Not if a campaign that is not over has it.
    SkipOpen,
    /// Not if any campaign has or had it.
    SkipAny,
}

impl Across {
    /// As the statements have it.
    pub(super) const fn stored(self) -> i64 {
        match self {
            Self::Allow => 0,
            Self::SkipOpen => 1,
            Self::SkipAny => 2,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// How many were added.
    pub added: u64,
    /// How many have changed contacts that were in this campaign, and were never called.
    pub updated: u64,
    /// How many say of such contacts what was known.
    pub unchanged: u64,
    /// The lines of those whose number is in this campaign, and was called.
    pub called: Vec<u64>,
    /// The lines of those whose number is on an earlier line of the same list.
    pub duplicates: Vec<u64>,
    /// The lines of those that were not, because their number is in another campaign.
    pub elsewhere: Vec<u64>,
    /// The lines of those that were not, because everything about the person was erased.
    pub erased: Vec<u64>,
}

impl Store {
    /// Begins an import, or finds where the same one stopped.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, or it is cancelled.
    pub async fn begin_import(
        &self,
        campaign: CampaignId,
        source: &Source,
        now: Timestamp,
    ) -> Result<Importing, StoreError> {
        let doing = format!("import a list into campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let id = campaign.0;
        match tx.status_of(campaign).await? {
            None => return Err(tx.refuse("there is no such campaign")),
            Some(Status::Cancelled) => return Err(tx.refuse("it is cancelled")),
            Some(
                Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Cancelling
                | Status::Complete
                | Status::DatesOver,
            ) => {}
        }
        let size = count(source.size);
        let now = codec::micros(tx.past(now).await?);
        let given = args![id, &source.name, size, &source.digest, now];
        let begun: Option<Counted> = tx.one(BEGIN, given).await?;
        let Some(mut begun) = begun else {
            return Err(tx.broken("the row of the import is missing"));
        };
        // Another list has changed contacts since: what this one says is said anew.
        if let Some(anew) = tx.one(ANEW, args![begun.0, id, now]).await? {
            begun = anew;
        }
        tx.commit().await?;
        Ok(importing(campaign, begun))
    }

    /// Every import of a campaign, begun or complete, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn imports(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<(Source, Importing)>, StoreError> {
        let mut tx = self
            .read(format!("read the imports of campaign {campaign}"))
            .await?;
        let id = campaign.0;
        let sources: Vec<(String, i64, String)> = tx.all(SOURCES, args![id]).await?;
        let counted: Vec<Counted> = tx.all(IMPORTS, args![id]).await?;
        let both = sources.into_iter().zip(counted);
        Ok(both
            .map(|((name, size, digest), counted)| {
                let size = size.unsigned_abs();
                let source = Source { name, size, digest };
                (source, importing(campaign, counted))
            })
            .collect())
    }

    /// Whether somebody may wait for an SQLite file to be free who does not queue for it: a controller of an earlier version,
    /// which asks again and again. It needs pauses between transactions to be let in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn needs_pauses(&self, now: Timestamp) -> Result<bool, StoreError> {
        if !self.has_one_writer() {
            return Ok(false);
        }
        let mut tx = self.read("see who else writes").await?;
        let earlier: Option<(i64,)> = tx.one(EARLIER, args![codec::micros(now)]).await?;
        Ok(earlier.is_some())
    }

    /// For each number, whether a campaign has it: what [`Store::add_contacts`] would leave out, without adding anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known(
        &self,
        campaign: Option<CampaignId>,
        across: Across,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<bool>, StoreError> {
        let mut tx = self.read("look which numbers are known").await?;
        let given = rows(
            numbers
                .iter()
                .map(|number| row! { number: codec::number(number) }),
        );
        let campaign = campaign.map(|campaign| campaign.0);
        let known: Vec<(i64,)> = tx
            .all(KNOWN, args![&given, campaign, across.stored()])
            .await?;
        Ok(known.into_iter().map(|(known,)| known == 1).collect())
    }

    /// Of each number whether the campaign of this import has it, and has called it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_campaign(
        &self,
        importing: &Importing,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<InCampaign>, StoreError> {
        let campaign = importing.campaign;
        let doing = format!("look which numbers campaign {campaign} has");
        let mut tx = self.read(doing).await?;
        let given = rows(
            numbers
                .iter()
                .map(|number| row! { number: codec::number(number) }),
        );
        let given = args![&given, campaign.0, importing.id];
        let known: Vec<(i64, i64, i64)> = tx.all(IN_CAMPAIGN, given).await?;
        let read = |known| match known {
            (0, _, _) => InCampaign::No,
            (_, 1, _) => InCampaign::ByThisList,
            (_, _, 0) => InCampaign::NotCalled,
            (_, _, _) => InCampaign::Called,
        };
        Ok(known.into_iter().map(read).collect())
    }

    /// Which of these lines of a list became or changed contacts by this import, or said what was known of them, in ascending order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lines_in(
        &self,
        importing: &Importing,
        lines: RangeInclusive<u64>,
    ) -> Result<Vec<u64>, StoreError> {
        let campaign = importing.campaign;
        let mut tx = self
            .read(format!("read the lines of campaign {campaign}"))
            .await?;
        let (first, last) = (count(*lines.start()), count(*lines.end()));
        let given = args![campaign.0, importing.id, first, last];
        let lines: Vec<(i64,)> = tx.all(LINES, given).await?;
        Ok(lines
            .into_iter()
            .map(|(line,)| line.unsigned_abs())
            .collect())
    }
}

/// Id, bytes, lines, bytes and lines before the last transaction, rows, updated, unchanged, rejected, and whether it is
/// complete.
type Counted = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

fn importing(campaign: CampaignId, counted: Counted) -> Importing {
    let (id, bytes, lines, last_bytes, last_lines, rows, updated, unchanged, rejected, is_complete) =
        counted;
    Importing {
        id,
        campaign,
        bytes: bytes.unsigned_abs(),
        rows: rows.unsigned_abs(),
        lines: lines.unsigned_abs(),
        last_bytes: last_bytes.unsigned_abs(),
        last_lines: last_lines.unsigned_abs(),
        updated: updated.unsigned_abs(),
        unchanged: unchanged.unsigned_abs(),
        rejected: rejected.unsigned_abs(),
        is_complete: is_complete == 1,
        has_known: false,
    }
}

pub(super) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const BEGIN: Sql = sql!(
    "INSERT INTO imports (campaign, name, size, digest, began_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5) \
     ON CONFLICT (campaign, digest, size) DO UPDATE SET name = excluded.name \
     RETURNING id, bytes, lines, last_bytes, last_lines, rows, updated, unchanged, rejected, is_complete"
);

const ANEW: Sql = sql!(
    "UPDATE imports SET bytes = 0, lines = 0, last_bytes = 0, last_lines = 0, rows = 0, updated = 0, unchanged = 0, \
     rejected = 0, is_complete = 0, changed_at = $3 WHERE id = $1 AND is_complete = 1 \
     AND EXISTS (SELECT 1 FROM imports AS later WHERE later.campaign = $2 AND later.id <> $1 AND later.updated > 0 \
     AND later.changed_at > imports.changed_at) \
     RETURNING id, bytes, lines, last_bytes, last_lines, rows, updated, unchanged, rejected, is_complete"
);

const IN_CAMPAIGN: Sql = sql!(
    "SELECT CAST(CASE WHEN contacts.id IS NULL THEN 0 ELSE 1 END AS BIGINT), \
     CAST(CASE WHEN contacts.import = $3 THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN contacts.attempts > 0 OR contacts.stage IN ('dialling', 'ended') \
     OR EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id) THEN 1 ELSE 0 END AS BIGINT) FROM ",
    { number BIGINT },
    " LEFT JOIN contacts ON contacts.number = given.number AND contacts.campaign = $2 ORDER BY given.nth"
);

const EARLIER: Sql = sql!(
    "SELECT lease_ends FROM controllers WHERE ended_at IS NULL AND takes_turns IS NULL AND lease_ends > $1 LIMIT 1"
);

const SOURCES: Sql = sql!("SELECT name, size, digest FROM imports WHERE campaign = $1 ORDER BY id");

const IMPORTS: Sql = sql!(
    "SELECT id, bytes, lines, last_bytes, last_lines, rows, updated, unchanged, rejected, is_complete FROM imports WHERE campaign = $1 ORDER BY id"
);

const KNOWN: Sql = sql!(
    "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM contacts WHERE contacts.number = given.number AND contacts.campaign + 0 = $2) \
     OR ($3 > 0 AND EXISTS (SELECT 1 FROM contacts AS other JOIN campaigns ON campaigns.id = other.campaign \
     WHERE other.number = given.number AND ($2 IS NULL OR other.campaign <> $2) \
     AND ($3 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')))) THEN 1 ELSE 0 END AS BIGINT) FROM ",
    { number BIGINT },
    " ORDER BY given.nth"
);

const LINES: Sql = sql!(
    "SELECT line FROM contacts WHERE campaign = $1 AND import = $2 AND line BETWEEN $3 AND $4 ORDER BY line"
);
