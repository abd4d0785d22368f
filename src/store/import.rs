//! Contacts coming in, many at a time, so that an import that was interrupted goes on where it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Store, StoreError, kept,
    link::Tx,
    sql::{Sql, args, row, rows, sql},
};
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
    /// Rows taken in so far.
    pub rows: u64,
    /// Lines passed so far, up to that byte.
    pub lines: u64,
    /// Rows rejected so far, those left out because their number is known included.
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
    /// [`StoreError`], refused where there is no such campaign, or it is cancelled.
    pub async fn begin_import(
        &self,
        campaign: CampaignId,
        source: &Source,
        now: Timestamp,
    ) -> Result<Importing, StoreError> {
        let doing = format!("import a list into campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let id = campaign.0;
        let standing: Option<(String,)> = tx.one(STANDING, args![id]).await?;
        match standing {
            None => return Err(tx.refuse("there is no such campaign")),
            Some((standing,)) if standing == "cancelled" => {
                return Err(tx.refuse("it is cancelled"));
            }
            Some(_) => {}
        }
        let (size, now) = (count(source.size), kept::micros(now));
        let given = args![id, &source.name, size, &source.digest, now];
        let begun: Option<Counted> = tx.one(BEGIN, given).await?;
        let Some(begun) = begun else {
            return Err(tx.broken("the import that was begun is not there"));
        };
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

    /// Adds contacts, due at once, and notes in the same transaction how far the import is.
    ///
    /// `importing` is as it is after them, but for what only this tells: its `rows` and `rejected` do not count yet what
    /// was added and what was left out here. Of several with one number the first is added. The same may be given again
    /// where the reply was lost: it changes nothing, and tells the same.
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
        let doing = format!("add contacts to campaign {}", importing.campaign);
        let mut tx = self.write(doing).await?;
        let (id, campaign) = (importing.id, importing.campaign.0);
        let known: Option<(i64, i64)> = tx.one(HOW_FAR, args![id, campaign]).await?;
        let Some((bytes, is_complete)) = known else {
            return Err(tx.refuse("this import was never begun"));
        };
        let is_there = match bytes.cmp(&count(importing.bytes)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => is_complete == 1 || !importing.is_complete,
            std::cmp::Ordering::Greater => true,
        };
        if is_there {
            return added(&mut tx, importing, contacts).await;
        }
        let (at, now) = (now, kept::micros(now));
        let added = if contacts.is_empty() {
            Added::default()
        } else {
            let given = contacts.iter().map(Given::of).collect::<Vec<_>>();
            let given = serde_json::to_string(&given);
            let given = given.map_err(|error| tx.broken(error.to_string()))?;
            let across = match across {
                Across::Allow => 0,
                Across::SkipOpen => 1,
                Across::SkipAny => 2,
            };
            let new = tx
                .execute(ADD, args![&given, campaign, id, now, across])
                .await?;
            if new == contacts.len() as u64 {
                Added {
                    added: new,
                    ..Added::default()
                }
            } else {
                added(&mut tx, importing, contacts).await?
            }
        };
        let left_out = (added.duplicates.len() + added.elsewhere.len()) as u64;
        let far = args![
            id,
            count(importing.bytes),
            count(importing.lines),
            count(importing.rows + added.added),
            count(importing.rejected + left_out),
            i64::from(importing.is_complete),
            now,
        ];
        tx.execute(NOTE, far).await?;
        if added.added > 0 {
            // Whoever runs the campaign looks for what has changed.
            tx.touch(importing.campaign, at).await?;
        }
        tx.commit().await?;
        Ok(added)
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
        let mut tx = self.read("look which numbers are known").await?;
        let across = match across {
            Across::Allow => 0,
            Across::SkipOpen => 1,
            Across::SkipAny => 2,
        };
        let given = rows(
            numbers
                .iter()
                .map(|number| row! { number: kept::number(number) }),
        );
        let campaign = campaign.map(|campaign| campaign.0);
        let known: Vec<(i64,)> = tx.all(KNOWN, args![&given, campaign, across]).await?;
        Ok(known.into_iter().map(|(known,)| known == 1).collect())
    }

    /// Which of these lines of a list became contacts by this import, in ascending order.
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

/// What became of contacts that were given to an import, by what stands there.
async fn added(
    tx: &mut Tx,
    importing: &Importing,
    contacts: &[NewContact],
) -> Result<Added, StoreError> {
    let given = rows(contacts.iter().map(|contact| {
        row! { number: kept::number(&contact.number), line: count(contact.line) }
    }));
    let campaign = importing.campaign.0;
    let there: Vec<(i64, i64)> = tx.all(ADDED, args![&given, campaign, importing.id]).await?;
    let mut added = Added::default();
    let mut seen = BTreeSet::new();
    for (contact, (is_ours, is_known)) in contacts.iter().zip(there) {
        // A line stands for one contact, and one that is given twice for no second one.
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
struct Given<'a> {
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

impl<'a> Given<'a> {
    fn of(contact: &'a NewContact) -> Self {
        let consent = contact.consent.as_ref();
        let others = serde_json::to_string(&contact.others);
        Self {
            line: contact.line,
            number: kept::number(&contact.number),
            name: contact.name.as_deref(),
            zone: contact.zone.as_deref(),
            state: contact.state.as_deref(),
            consent: consent.map(|consent| kept::consent_slug(consent.kind)),
            consent_at: consent.and_then(|consent| consent.at).map(kept::micros),
            consent_source: consent.and_then(|consent| consent.source.as_deref()),
            message: contact.message.as_deref(),
            foreign_id: contact.foreign_id.as_deref(),
            others: (!contact.others.is_empty()).then(|| others.expect("texts by texts are JSON")),
        }
    }
}

/// Id, bytes, rows, lines, rejected, and whether it is complete.
type Counted = (i64, i64, i64, i64, i64, i64);

fn importing(campaign: CampaignId, counted: Counted) -> Importing {
    let (id, bytes, rows, lines, rejected, is_complete) = counted;
    Importing {
        id,
        campaign,
        bytes: bytes.unsigned_abs(),
        rows: rows.unsigned_abs(),
        lines: lines.unsigned_abs(),
        rejected: rejected.unsigned_abs(),
        is_complete: is_complete == 1,
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const STANDING: Sql = sql!("SELECT standing FROM campaigns WHERE id = $1");

const BEGIN: Sql = sql!(
    "INSERT INTO imports (campaign, name, size, digest, began_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5) \
     ON CONFLICT (campaign, digest, size) DO UPDATE SET name = excluded.name \
     RETURNING id, bytes, rows, lines, rejected, is_complete"
);

const SOURCES: Sql = sql!("SELECT name, size, digest FROM imports WHERE campaign = $1 ORDER BY id");

const IMPORTS: Sql = sql!(
    "SELECT id, bytes, rows, lines, rejected, is_complete FROM imports WHERE campaign = $1 ORDER BY id"
);

// Two programs that import the same list at once take turns.
const HOW_FAR: Sql = sql!(
    "SELECT bytes, is_complete FROM imports WHERE id = $1 AND campaign = $2",
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
     CAST(CASE WHEN contacts.id IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM ",
    { number BIGINT, line BIGINT },
    " LEFT JOIN contacts ON contacts.number = given.number AND contacts.campaign = $2 ORDER BY given.nth"
);

const NOTE: Sql = sql!(
    "UPDATE imports SET bytes = $2, lines = $3, rows = $4, rejected = $5, is_complete = $6, changed_at = $7 WHERE id = $1"
);

const KNOWN: Sql = sql!(
    "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM contacts WHERE contacts.number = given.number AND contacts.campaign = $2) \
     OR ($3 > 0 AND EXISTS (SELECT 1 FROM contacts AS other JOIN campaigns ON campaigns.id = other.campaign \
     WHERE other.number = given.number AND ($2 IS NULL OR other.campaign <> $2) \
     AND ($3 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')))) THEN 1 ELSE 0 END AS BIGINT) FROM ",
    { number BIGINT },
    " ORDER BY given.nth"
);

const LINES: Sql = sql!(
    "SELECT line FROM contacts WHERE campaign = $1 AND import = $2 AND line BETWEEN $3 AND $4 ORDER BY line"
);
