//! One transaction of an import: as many batches of contacts as are given to it, and how far the import is behind them.
//!
//! Numbers come in no order, so that each row changes another page of the index on them, and each transaction writes every
//! page that it changed: the more rows it has, the fewer times each page is written.

use std::{cmp::Ordering, collections::BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Across, Added, Importing, NewContact, count, update::refresh};
use crate::store::{
    Store, StoreError, codec,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};

/// A transaction that adds contacts; it holds the import's row and, on SQLite, keeps all others from writing. Nothing
/// of it is written before [`Self::commit`].
#[derive(Debug)]
pub struct Adding {
    tx: Tx,
    across: Across,
    now: Timestamp,
    /// How far the import was when it began.
    before: (i64, i64),
    /// How far it is, with what was given here.
    bytes: i64,
    is_complete: bool,
    /// What is to be noted, if anything was given that was not there.
    far: Option<Importing>,
    has_added: bool,
}

impl Store {
    /// Begins a transaction of an import that was begun.
    ///
    /// # Errors
    /// [`StoreError`], refused if the import was never begun.
    pub async fn adding(
        &self,
        importing: &Importing,
        across: Across,
        now: Timestamp,
    ) -> Result<Adding, StoreError> {
        let doing = format!("add contacts to campaign {}", importing.campaign);
        let mut tx = self.write(doing).await?;
        let given = args![importing.id, importing.campaign.0];
        let known: Option<(i64, i64, i64)> = tx.one(HOW_FAR, given).await?;
        let Some((bytes, lines, is_complete)) = known else {
            return Err(tx.refuse("this import was never begun"));
        };
        Ok(Adding {
            tx,
            across,
            now,
            before: (bytes, lines),
            bytes,
            is_complete: is_complete == 1,
            far: None,
            has_added: false,
        })
    }

    /// Adds one batch of contacts in a transaction of its own, as [`Adding::add`] does.
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
        let mut adding = self.adding(importing, across, now).await?;
        let added = adding.add(importing, contacts).await?;
        adding.commit().await?;
        Ok(added)
    }
}

impl Adding {
    /// Adds contacts, due at once, and updates those of the campaign that have the same numbers and were never called.
    ///
    /// `importing` is as it is after them, but for what only this can count: its `rows`, `updated`, `unchanged` and
    /// `rejected` do not count yet what came of these. Of several with one number the first is added. The same may be given again,
    /// to this or to a later transaction, if the reply was lost: it changes nothing, and returns the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(
        &mut self,
        importing: &Importing,
        contacts: &[NewContact],
    ) -> Result<Added, StoreError> {
        let after = count(importing.bytes);
        let is_there = match self.bytes.cmp(&after) {
            Ordering::Less => false,
            Ordering::Equal => self.is_complete || !importing.is_complete,
            Ordering::Greater => true,
        };
        if is_there {
            return added(&mut self.tx, importing, contacts).await;
        }
        let added = if contacts.is_empty() {
            Added::default()
        } else {
            self.insert(importing, contacts).await?
        };
        self.has_added |= added.added > 0 || added.updated > 0;
        self.bytes = after;
        self.is_complete = importing.is_complete;
        self.far = Some(Importing {
            rows: importing.rows + added.added,
            updated: importing.updated + added.updated,
            unchanged: importing.unchanged + added.unchanged,
            rejected: importing.rejected + added.left_out(),
            ..importing.clone()
        });
        Ok(added)
    }

    async fn insert(
        &mut self,
        importing: &Importing,
        contacts: &[NewContact],
    ) -> Result<Added, StoreError> {
        let given = self.given(contacts.iter())?;
        let given = args![
            &given,
            importing.campaign.0,
            importing.id,
            codec::micros(self.now),
            self.across.stored(),
        ];
        let new = self.tx.execute(ADD, given).await?;
        if new < contacts.len() as u64 {
            let mut seen = BTreeSet::new();
            let firsts = contacts
                .iter()
                .filter(|contact| seen.insert(codec::number(&contact.number)));
            let given = self.given(firsts)?;
            let now = codec::micros(self.now);
            let refreshed = refresh(&mut self.tx, importing, &given, now).await?;
            let mut all = added(&mut self.tx, importing, contacts).await?;
            all.updated = refreshed.updated.len() as u64;
            all.unchanged = refreshed.unchanged.len() as u64;
            all.added = all.added.saturating_sub(all.updated + all.unchanged);
            return Ok(all);
        }
        Ok(Added {
            added: new,
            ..Added::default()
        })
    }

    /// Contacts as the statements take them.
    fn given<'a>(
        &self,
        contacts: impl Iterator<Item = &'a NewContact>,
    ) -> Result<String, StoreError> {
        let given: Vec<_> = contacts.map(GivenContact::of).collect();
        let given = serde_json::to_string(&given);
        given.map_err(|error| self.tx.broken(error.to_string()))
    }

    /// Commits all of it, with how far the import is.
    ///
    /// # Errors
    /// [`StoreError`]; then none of it is written, or the reply was lost.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if let Some(far) = &self.far {
            let noted = args![
                far.id,
                count(far.bytes),
                count(far.lines),
                self.before.0,
                self.before.1,
                count(far.rows),
                count(far.updated),
                count(far.unchanged),
                count(far.rejected),
                i64::from(far.is_complete),
                codec::micros(self.now),
            ];
            self.tx.execute(NOTE, noted).await?;
            if self.has_added {
                // The campaign's controller looks for what has changed.
                self.tx.touch(far.campaign, self.now).await?;
            }
        }
        self.tx.commit().await
    }
}

impl Added {
    /// How many rows were left out.
    pub fn left_out(&self) -> u64 {
        (self.called.len() + self.duplicates.len() + self.elsewhere.len()) as u64
    }
}

/// What became of contacts that were given to an import, by what is stored: those that it changed count as added.
async fn added(
    tx: &mut Tx,
    importing: &Importing,
    contacts: &[NewContact],
) -> Result<Added, StoreError> {
    let given = rows(contacts.iter().map(|contact| {
        row! { number: codec::number(&contact.number), line: count(contact.line) }
    }));
    let campaign = importing.campaign.0;
    let there: Vec<(i64, i64, i64)> = tx.all(ADDED, args![&given, campaign, importing.id]).await?;
    let mut added = Added::default();
    let mut seen = BTreeSet::new();
    for (contact, (is_ours, is_of_list, is_known)) in contacts.iter().zip(there) {
        // A line is one contact, and a line that is given twice is no second one.
        if is_ours == 1 && seen.insert(contact.line) {
            added.added += 1;
        } else if is_of_list == 1 {
            added.duplicates.push(contact.line);
        } else if is_known == 1 {
            added.called.push(contact.line);
        } else {
            added.elsewhere.push(contact.line);
        }
    }
    Ok(added)
}

/// A contact as the statement takes it; what is not given is not written.
#[derive(Serialize)]
struct GivenContact<'a> {
    line: u64,
    number: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent_source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<String>,
}

impl<'a> GivenContact<'a> {
    fn of(contact: &'a NewContact) -> Self {
        let consent = contact.consent.as_ref();
        let others = serde_json::to_string(&contact.others);
        Self {
            line: contact.line,
            number: codec::number(&contact.number),
            name: contact.name.as_deref(),
            zone: contact.zone.as_deref(),
            state: contact.state.as_deref(),
            consent: consent.map(|consent| codec::consent_slug(consent.kind)),
            consent_at: consent.and_then(|consent| consent.at).map(codec::micros),
            consent_source: consent.and_then(|consent| consent.source.as_deref()),
            message: contact.message.as_deref(),
            foreign_id: contact.foreign_id.as_deref(),
            others: (!contact.others.is_empty()).then(|| others.expect("texts by texts are JSON")),
        }
    }
}

// Two programs that import the same list at once take turns.
const HOW_FAR: Sql = sql!(
    "SELECT bytes, lines, is_complete FROM imports WHERE id = $1 AND campaign = $2",
    ["", " FOR UPDATE"]
);

const ADD: Sql = sql!(
    "INSERT INTO contacts (campaign, import, line, number, name, zone, state, consent, consent_at, consent_source, \
     message, foreign_id, others, due_at) \
     SELECT $2, $3, given.line, given.number, given.name, given.zone, given.state, given.consent, given.consent_at, \
     given.consent_source, given.message, given.foreign_id, given.others, $4 FROM ",
    {
        line BIGINT,
        number BIGINT,
        name TEXT,
        zone TEXT,
        state TEXT,
        consent TEXT,
        consent_at BIGINT,
        consent_source TEXT,
        message TEXT,
        foreign_id TEXT,
        others TEXT
    },
    " WHERE ($5 = 0 OR NOT EXISTS (SELECT 1 FROM contacts AS other JOIN campaigns ON campaigns.id = other.campaign \
     WHERE other.number = given.number AND other.campaign <> $2 \
     AND ($5 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')))) \
     ORDER BY given.nth ON CONFLICT (number, campaign) DO NOTHING"
);

const ADDED: Sql = sql!(
    "SELECT CAST(CASE WHEN contacts.import = $3 AND contacts.line = given.line THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN contacts.import = $3 THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN contacts.id IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM ",
    { number BIGINT, line BIGINT },
    " LEFT JOIN contacts ON contacts.number = given.number AND contacts.campaign = $2 ORDER BY given.nth"
);

const NOTE: Sql = sql!(
    "UPDATE imports SET bytes = $2, lines = $3, last_bytes = $4, last_lines = $5, rows = $6, updated = $7, \
     unchanged = $8, rejected = $9, is_complete = $10, changed_at = $11 WHERE id = $1"
);
