//! Contacts as they are listed and looked up, each with what became of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    ContactStep, PersonDecision, Store, StoreError, codec,
    delete::OF_CONTACTS,
    erase::given,
    person::step,
    sql::{Sql, args, row, rows, sql},
    tally::{known, phone, time},
    transaction::Tx,
};
use crate::{
    campaign::{
        RefusedReason,
        engine::{CampaignId, ContactId},
        policy::Consent,
    },
    drop::Outcome,
    phone::PhoneNumber,
};

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredContact {
    /// Its number in the database.
    pub id: ContactId,
    /// The campaign's name.
    pub campaign: String,
    /// The list that it came from; `None` if it came by none.
    pub list: Option<String>,
    /// Its line, or its place in the request.
    pub line: Option<u64>,
    /// Its number; `None` if everything about the person was erased.
    pub number: Option<PhoneNumber>,
    /// The contact's name.
    pub name: Option<String>,
    /// The time zone, as the list has it.
    pub zone: Option<String>,
    /// The state, as the list has it.
    pub state: Option<String>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// All other columns of the list.
    pub others: BTreeMap<String, String>,
    /// Drops so far.
    pub attempts: u64,
    /// Where it is on its way.
    pub step: ContactStep,
    /// When it ended or was refused.
    pub ended_at: Option<Timestamp>,
}

/// Which contacts of a campaign to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContactFilter {
    /// All.
    #[default]
    All,
    /// The one of a number.
    Number(PhoneNumber),
    /// Those of a foreign id.
    ForeignId(String),
    /// Those that ended with an outcome.
    Outcome(Outcome),
    /// Those that the gate refused for a reason.
    Refused(RefusedReason),
}

/// What contacts are looked for by, over all campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactSearch {
    /// One of these numbers.
    Numbers(Vec<PhoneNumber>),
    /// The id under which the user's own system knows them.
    ForeignId(String),
    /// The last four digits of the number, among the latest [`Self::WALKED`] contacts.
    LastFour(u16),
    /// A part of the name, among the same.
    Name(String),
}

impl ContactSearch {
    /// How many contacts, the latest, are walked over if no index finds them.
    pub const WALKED: i64 = 200_000;
}

/// What the gate decided about a contact, oldest first, as far as it is kept. What it allowed is with the drops.
pub type ContactHistory = Vec<PersonDecision>;

impl Store {
    /// Contacts of a campaign behind a contact, the earliest first, or before it, the latest first; at most so many. `None`:
    /// from that end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contacts(
        &self,
        campaign: CampaignId,
        filter: &ContactFilter,
        from: Option<ContactId>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<StoredContact>, StoreError> {
        let mut tx = self.read("read contacts").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let end = if is_backward { i64::MAX } else { 0 };
        let (campaign, from) = (campaign.0, from.map_or(end, |from| from.0));
        let pick = |forward, backward| if is_backward { backward } else { forward };
        let stored: Vec<ContactColumns> = match filter {
            ContactFilter::All => {
                let sql = pick(ALL_AFTER, ALL_BEFORE);
                tx.all(sql, args![campaign, from, at_most]).await?
            }
            ContactFilter::Number(number) => {
                let sql = pick(NUMBER_AFTER, NUMBER_BEFORE);
                let given = args![campaign, from, at_most, codec::number(number)];
                tx.all(sql, given).await?
            }
            ContactFilter::ForeignId(id) => {
                let sql = pick(FOREIGN_AFTER, FOREIGN_BEFORE);
                tx.all(sql, args![campaign, from, at_most, id]).await?
            }
            ContactFilter::Outcome(outcome) => {
                let sql = pick(OUTCOME_AFTER, OUTCOME_BEFORE);
                let given = args![campaign, from, at_most, outcome.slug()];
                tx.all(sql, given).await?
            }
            ContactFilter::Refused(reason) => {
                let sql = pick(REFUSED_AFTER, REFUSED_BEFORE);
                let given = args![campaign, from, at_most, reason.slug()];
                tx.all(sql, given).await?
            }
        };
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }

    /// Contacts of all campaigns, the latest first; at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_contacts(
        &self,
        search: &ContactSearch,
        at_most: usize,
    ) -> Result<Vec<StoredContact>, StoreError> {
        let mut tx = self.read("look for contacts").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<ContactColumns> = match search {
            ContactSearch::Numbers(numbers) => {
                tx.all(OF_NUMBERS, args![&given(numbers), at_most]).await?
            }
            ContactSearch::ForeignId(id) => tx.all(OF_FOREIGN_ID, args![id, at_most]).await?,
            ContactSearch::LastFour(digits) => {
                let given = args![i64::from(*digits), at_most, ContactSearch::WALKED];
                tx.all(OF_LAST_FOUR, given).await?
            }
            ContactSearch::Name(part) => {
                let part = part.to_lowercase();
                let pattern = part
                    .replace('!', "!!")
                    .replace('%', "!%")
                    .replace('_', "!_");
                let pattern = format!("%{pattern}%");
                tx.all(OF_NAME, args![&pattern, at_most, ContactSearch::WALKED])
                    .await?
            }
        };
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }

    /// A contact; `None` if there is none of this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contact(&self, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        let mut tx = self.read("look a contact up").await?;
        let stored: Option<ContactColumns> = tx.one(OF_ID, args![id.0]).await?;
        stored.map(|stored| stored.read(&tx)).transpose()
    }

    /// What the gate held or refused of a contact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contact_history(&self, id: ContactId) -> Result<ContactHistory, StoreError> {
        let mut tx = self.read("read what was decided about a contact").await?;
        let stored: Vec<StoredDecision> = tx.all(DECISIONS, args![id.0]).await?;
        let read = |(at, decision, reason, until, zone, ruling, times): StoredDecision| {
            Ok(PersonDecision {
                at: time(&tx, at)?,
                decision,
                reason,
                until: until.map(|until| time(&tx, until)).transpose()?,
                zone,
                ruling,
                times_held: times.map(i64::unsigned_abs),
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// Deletes a contact that was never called; `false` if there is none of this number.
    ///
    /// # Errors
    /// [`StoreError`], refused if it was called, or a controller has it at this moment.
    pub async fn delete_contact(&self, id: ContactId) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("delete contact {id}")).await?;
        let found: Option<(String, i64, i64)> = tx.one(HELD, args![id.0]).await?;
        let Some((stage, attempts, drops)) = found else {
            return Ok(false);
        };
        if attempts > 0 || drops > 0 || stage == "ended" {
            return Err(tx.refuse("it was called, and who was called is kept"));
        }
        if stage == "leased" || stage == "dialling" {
            return Err(tx.refuse("a controller has it at this moment; pause the campaign first"));
        }
        let given = rows([row! { id: id.0 }]);
        for sql in OF_CONTACTS {
            tx.execute(sql, args![&given]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

type StoredDecision = (
    i64,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// A row as it is stored.
struct ContactColumns {
    id: i64,
    campaign: String,
    standing: String,
    list: Option<String>,
    line: Option<i64>,
    number: i64,
    name: Option<String>,
    zone: Option<String>,
    state: Option<String>,
    consent: Option<String>,
    consent_at: Option<i64>,
    consent_source: Option<String>,
    message: Option<String>,
    foreign_id: Option<String>,
    others: Option<String>,
    attempts: i64,
    stage: String,
    due_at: Option<i64>,
    held: Option<String>,
    held_zone: Option<String>,
    outcome: Option<String>,
    refused: Option<String>,
    ended_at: Option<i64>,
    place_until: Option<i64>,
    place_zone: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for ContactColumns
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            campaign: row.try_get("campaign")?,
            standing: row.try_get("standing")?,
            list: row.try_get("list")?,
            line: row.try_get("line")?,
            number: row.try_get("number")?,
            name: row.try_get("name")?,
            zone: row.try_get("zone")?,
            state: row.try_get("state")?,
            consent: row.try_get("consent")?,
            consent_at: row.try_get("consent_at")?,
            consent_source: row.try_get("consent_source")?,
            message: row.try_get("message")?,
            foreign_id: row.try_get("foreign_id")?,
            others: row.try_get("others")?,
            attempts: row.try_get("attempts")?,
            stage: row.try_get("stage")?,
            due_at: row.try_get("due_at")?,
            held: row.try_get("held")?,
            held_zone: row.try_get("held_zone")?,
            outcome: row.try_get("outcome")?,
            refused: row.try_get("refused")?,
            ended_at: row.try_get("ended_at")?,
            place_until: row.try_get("place_until")?,
            place_zone: row.try_get("place_zone")?,
        })
    }
}

impl ContactColumns {
    fn read(self, tx: &Tx) -> Result<StoredContact, StoreError> {
        let consent = match self.consent {
            Some(slug) => Some(Consent {
                kind: known(tx, codec::consent(&slug), "kind of consent")?,
                at: self.consent_at.map(|at| time(tx, at)).transpose()?,
                source: self.consent_source,
            }),
            None => None,
        };
        let others = self.others.map(|others| serde_json::from_str(&others).ok());
        let others = others.map(|others| known(tx, others, "column"));
        let place = self.place_until.map(|until| (until, self.place_zone));
        let stored = (
            self.campaign,
            self.standing,
            self.attempts,
            self.stage,
            self.due_at,
            self.held,
            self.held_zone,
            self.outcome,
            self.refused,
        );
        let step = step(tx, &stored, place.as_ref())?;
        Ok(StoredContact {
            id: ContactId(self.id),
            campaign: stored.0,
            list: self.list,
            line: self.line.map(i64::unsigned_abs),
            number: phone(tx, self.number)?,
            name: self.name,
            zone: self.zone,
            state: self.state,
            consent,
            message: self.message,
            foreign_id: self.foreign_id,
            others: others.transpose()?.unwrap_or_default(),
            attempts: self.attempts.unsigned_abs(),
            step,
            ended_at: self.ended_at.map(|at| time(tx, at)).transpose()?,
        })
    }
}

/// The columns of [`ContactColumns`], of the contacts that a condition names.
macro_rules! contacts {
    ($($rest:tt),+) => {
        sql!(
            "SELECT contacts.id, campaigns.name AS campaign, campaigns.standing, imports.name AS list, contacts.line, \
             contacts.number, contacts.name, contacts.zone, contacts.state, contacts.consent, contacts.consent_at, \
             contacts.consent_source, contacts.message, contacts.foreign_id, contacts.others, contacts.attempts, \
             contacts.stage, contacts.due_at, contacts.held, contacts.held_zone, contacts.outcome, contacts.refused, \
             contacts.ended_at, campaign_places.held_until AS place_until, campaign_places.held_zone AS place_zone \
             FROM contacts JOIN campaigns ON campaigns.id = contacts.campaign \
             LEFT JOIN imports ON imports.id = contacts.import \
             LEFT JOIN campaign_places ON campaign_places.campaign = contacts.campaign \
             AND campaign_places.place = contacts.place ",
            $($rest),+
        )
    };
}

const OF_ID: Sql = contacts!("WHERE contacts.id = $1");

const ALL_AFTER: Sql =
    contacts!("WHERE contacts.campaign = $1 AND contacts.id > $2 ORDER BY contacts.id LIMIT $3");

const ALL_BEFORE: Sql = contacts!(
    "WHERE contacts.campaign = $1 AND contacts.id < $2 ORDER BY contacts.id DESC LIMIT $3"
);

const NUMBER_AFTER: Sql = contacts!(
    "WHERE contacts.number = $4 AND contacts.campaign = $1 AND contacts.id > $2 ORDER BY contacts.id LIMIT $3"
);

const NUMBER_BEFORE: Sql = contacts!(
    "WHERE contacts.number = $4 AND contacts.campaign = $1 AND contacts.id < $2 ORDER BY contacts.id DESC LIMIT $3"
);

// PostgreSQL's indexes here are not ordered by id, and that of refusals is not on SQLite either: left alone, the databases walk
// over all contacts in that order.
const FOREIGN_AFTER: Sql = contacts!(
    "WHERE contacts.foreign_id = $4 AND contacts.campaign = $1 AND contacts.id",
    ["", " + 0"],
    " > $2 ORDER BY contacts.id",
    ["", " + 0"],
    " LIMIT $3"
);

const FOREIGN_BEFORE: Sql = contacts!(
    "WHERE contacts.foreign_id = $4 AND contacts.campaign = $1 AND contacts.id",
    ["", " + 0"],
    " < $2 ORDER BY contacts.id",
    ["", " + 0"],
    " DESC LIMIT $3"
);

const OUTCOME_AFTER: Sql = contacts!(
    "WHERE contacts.campaign = $1 AND contacts.outcome = $4 AND contacts.id",
    ["", " + 0"],
    " > $2 ORDER BY contacts.id",
    ["", " + 0"],
    " LIMIT $3"
);

const OUTCOME_BEFORE: Sql = contacts!(
    "WHERE contacts.campaign = $1 AND contacts.outcome = $4 AND contacts.id",
    ["", " + 0"],
    " < $2 ORDER BY contacts.id",
    ["", " + 0"],
    " DESC LIMIT $3"
);

const REFUSED_AFTER: Sql = contacts!(
    "WHERE contacts.campaign = $1 AND contacts.refused = $4 AND contacts.id + 0 > $2 ORDER BY contacts.id + 0 LIMIT $3"
);

const REFUSED_BEFORE: Sql = contacts!(
    "WHERE contacts.campaign = $1 AND contacts.refused = $4 AND contacts.id + 0 < $2 ORDER BY contacts.id + 0 DESC LIMIT $3"
);

const OF_NUMBERS: Sql = contacts!(
    "WHERE contacts.number IN (SELECT given.number FROM ",
    { number BIGINT },
    ") ORDER BY contacts.id DESC LIMIT $2"
);

const OF_FOREIGN_ID: Sql = contacts!(
    "WHERE contacts.foreign_id = $1 ORDER BY contacts.id",
    ["", " + 0"],
    " DESC LIMIT $2"
);

// Numbers of people who were erased are below zero.
const OF_LAST_FOUR: Sql = contacts!(
    "WHERE contacts.id > (SELECT coalesce(max(id), 0) FROM contacts) - $3 AND contacts.number > 0 \
     AND contacts.number % 10000 = $1 ORDER BY contacts.id DESC LIMIT $2"
);

const OF_NAME: Sql = contacts!(
    "WHERE contacts.id > (SELECT coalesce(max(id), 0) FROM contacts) - $3 AND lower(contacts.name) LIKE $1 ESCAPE '!' \
     ORDER BY contacts.id DESC LIMIT $2"
);

const DECISIONS: Sql = sql!(
    "SELECT at, decision, reason, until, zone, ruling, CAST(NULL AS BIGINT) FROM decisions WHERE contact = $1 \
     UNION ALL SELECT at, decision, reason, until, zone, ruling, times_held FROM last_decisions WHERE contact = $1 \
     ORDER BY 1"
);

const HELD: Sql = sql!(
    "SELECT stage, attempts, (SELECT count(*) FROM drops WHERE drops.contact = contacts.id) FROM contacts WHERE id = $1",
    ["", " FOR UPDATE"]
);
