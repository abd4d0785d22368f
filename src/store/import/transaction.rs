//! One transaction of an import: as many batches of contacts as are given to it, and how far the import is behind them.
//!
//! Numbers come in no order, so that each row changes another page of the index on them, and each transaction writes every
//! page that it changed: the more rows it has, the fewer times each page is written.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;
use serde::Serialize;

use super::{Across, Added, Importing, NewContact, count};
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
    /// The places of what was given: their texts by their numbers.
    places: BTreeMap<i64, String>,
    /// Whether any number was ever erased.
    has_erasures: bool,
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
        let now = tx.past(now).await?;
        // Whoever erases a person waits for what comes in, and what comes in later sees that they were erased.
        tx.all::<(i64,)>(HOLD_ERASURES, &[]).await?;
        let has_erasures = tx.has_erasures().await?;
        Ok(Adding {
            tx,
            across,
            now,
            before: (bytes, lines),
            bytes,
            is_complete: is_complete == 1,
            far: None,
            has_added: false,
            places: BTreeMap::new(),
            has_erasures,
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
    /// Adds contacts, due at once.
    ///
    /// `importing` is as it is after them, but for what only this can count: its `rows` and `rejected` do not count yet what
    /// was added and what was left out here. Of several with one number the first is added. The same may be given again,
    /// to this or to a later transaction, if the reply was lost: it changes nothing, and returns the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(
        &mut self,
        importing: &Importing,
        contacts: &[NewContact],
    ) -> Result<Added, StoreError> {
        let erased = self.erased(contacts).await?;
        if erased.is_empty() {
            return self.add_those(importing, contacts).await;
        }
        let others = contacts.iter();
        let others = others.filter(|contact| !erased.contains(&contact.line));
        let others: Vec<_> = others.cloned().collect();
        let importing = Importing {
            rejected: importing.rejected + erased.len() as u64,
            ..importing.clone()
        };
        let mut added = self.add_those(&importing, &others).await?;
        added.erased = erased.into_iter().collect();
        Ok(added)
    }

    /// The lines of those whose number was erased.
    async fn erased(&mut self, contacts: &[NewContact]) -> Result<BTreeSet<u64>, StoreError> {
        if !self.has_erasures {
            return Ok(BTreeSet::new());
        }
        let numbers = contacts
            .iter()
            .map(|contact| codec::number(&contact.number));
        let given = self.tx.rows_with_digests(numbers).await?;
        let found: Vec<(i64,)> = self.tx.all(ERASED, args![&given]).await?;
        let found: BTreeSet<i64> = found.into_iter().map(|(number,)| number).collect();
        let is_erased = |contact: &&NewContact| found.contains(&codec::number(&contact.number));
        let erased = contacts.iter().filter(is_erased);
        Ok(erased.map(|contact| contact.line).collect())
    }

    async fn add_those(
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
        let left_out = (added.duplicates.len() + added.elsewhere.len()) as u64;
        self.has_added |= added.added > 0;
        self.bytes = after;
        self.is_complete = importing.is_complete;
        self.far = Some(Importing {
            rows: importing.rows + added.added,
            rejected: importing.rejected + left_out,
            ..importing.clone()
        });
        Ok(added)
    }

    async fn insert(
        &mut self,
        importing: &Importing,
        contacts: &[NewContact],
    ) -> Result<Added, StoreError> {
        for place in contacts.iter().filter_map(|new| new.place.as_deref()) {
            let text = self.places.entry(place.key());
            text.or_insert_with(|| place.as_str().to_owned());
        }
        let given = contacts.iter().map(GivenContact::of).collect::<Vec<_>>();
        let given = serde_json::to_string(&given);
        let given = given.map_err(|error| self.tx.broken(error.to_string()))?;
        let given = args![
            &given,
            importing.campaign.0,
            importing.id,
            codec::micros(self.now),
            self.across.stored(),
        ];
        let new = self.tx.execute(ADD, given).await?;
        if new < contacts.len() as u64 {
            return added(&mut self.tx, importing, contacts).await;
        }
        Ok(Added {
            added: new,
            ..Added::default()
        })
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
                count(far.rejected),
                i64::from(far.is_complete),
                codec::micros(self.now),
            ];
            self.tx.execute(NOTE, noted).await?;
            if self.has_added {
                // The campaign's controller looks for what has changed.
                self.tx.touch(far.campaign, self.now).await?;
                // Last: who adds the same places waits for this transaction to end.
                self.tx.add_places(far.campaign.0, &self.places).await?;
            }
        }
        self.tx.commit().await
    }
}

/// What became of contacts that were given to an import, by what is stored.
async fn added(
    tx: &mut Tx,
    importing: &Importing,
    contacts: &[NewContact],
) -> Result<Added, StoreError> {
    let given = rows(contacts.iter().map(|contact| {
        row! { number: codec::number(&contact.number), line: count(contact.line) }
    }));
    let campaign = importing.campaign.0;
    let there: Vec<(i64, i64)> = tx.all(ADDED, args![&given, campaign, importing.id]).await?;
    let mut added = Added::default();
    let mut seen = BTreeSet::new();
    for (contact, (is_ours, is_known)) in contacts.iter().zip(there) {
        // A line is one contact, and a line that is given twice is no second one.
        if is_ours == 1 && seen.insert(contact.line) {
            added.added += 1;
        } else if is_known == 1 {
            added.duplicates.push(contact.line);
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
    place: i64,
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
            place: contact.place.as_ref().map_or(0, |place| place.key()),
            others: (!contact.others.is_empty()).then(|| others.expect("texts by texts are JSON")),
        }
    }
}

// Two programs that import the same list at once take turns.
const HOW_FAR: Sql = sql!(
    "SELECT bytes, lines, is_complete FROM imports WHERE id = $1 AND campaign = $2",
    ["", " FOR UPDATE"]
);

/// Taken by whoever erases a person, and not shared: any number that stays the same does.
const HOLD_ERASURES: Sql = sql!([
    "SELECT 1",
    "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock_shared(7017226174862321006)) AS held"
]);

const ERASED: Sql = sql!(
    "SELECT given.number FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN erased_numbers WHERE erased_numbers.digest = given.digest"
);

const ADD: Sql = sql!(
    "INSERT INTO contacts (campaign, import, line, number, name, zone, state, consent, consent_at, consent_source, \
     message, foreign_id, others, place, due_at) \
     SELECT $2, $3, given.line, given.number, given.name, given.zone, given.state, given.consent, given.consent_at, \
     given.consent_source, given.message, given.foreign_id, given.others, given.place, $4 FROM ",
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
        others TEXT,
        place BIGINT
    },
    " WHERE ($5 = 0 OR NOT EXISTS (SELECT 1 FROM contacts AS other JOIN campaigns ON campaigns.id = other.campaign \
     WHERE other.number = given.number AND other.campaign <> $2 \
     AND ($5 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')))) \
     ORDER BY given.nth ON CONFLICT (number, campaign) DO NOTHING"
);

const ADDED: Sql = sql!(
    "SELECT CAST(CASE WHEN contacts.import = $3 AND contacts.line = given.line THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN contacts.id IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM ",
    { number BIGINT, line BIGINT },
    " LEFT JOIN contacts ON contacts.number = given.number AND contacts.campaign = $2 ORDER BY given.nth"
);

const NOTE: Sql = sql!(
    "UPDATE imports SET bytes = $2, lines = $3, last_bytes = $4, last_lines = $5, rows = $6, rejected = $7, \
     is_complete = $8, changed_at = $9 WHERE id = $1"
);
