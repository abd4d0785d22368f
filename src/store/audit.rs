//! Who changed what: rows that are written in the transaction of the change, each with the digest of the one before it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    AuditEntry, Store, StoreError,
    audit_entry::AuditSlip,
    codec::{micros, sha256},
    sql::{Sql, args, sql},
    tally::time,
    transaction::Tx,
};

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; they follow one another in the order of their transactions.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// By which way.
    pub via: String,
    /// The address it came from.
    pub ip: Option<String>,
    /// The request that it was.
    pub request_id: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// What it was before, as JSON.
    pub before: Option<String>,
    /// What it is now, as JSON.
    pub after: Option<String>,
}

/// What a walk over the audit log has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditState {
    /// So many rows, each with the digest of the one before it.
    Whole(u64),
    /// This row is not as it was written, or the one before it is missing.
    Broken(i64),
}

impl Store {
    /// The same store, whose changes leave a row in the audit log, in their own transaction.
    #[must_use]
    pub fn audited(&self, entry: AuditEntry) -> Self {
        Self {
            audit: Some(Arc::new(AuditSlip::new(entry, false))),
            ..self.clone()
        }
    }

    /// The same store, of whose changes the first one leaves a row: for what takes several transactions, one behind the other.
    #[must_use]
    pub fn audited_once(&self, entry: AuditEntry) -> Self {
        Self {
            audit: Some(Arc::new(AuditSlip::new(entry, true))),
            ..self.clone()
        }
    }

    /// Writes down what changes nothing, such as the reading of whole numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let noted = self.audited(entry);
        noted.write("write the audit log").await?.commit().await
    }

    /// Rows of the audit log before a row, the latest first, or after it, the earliest first; at most so many. `None`: from
    /// that end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_rows(
        &self,
        from: Option<i64>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut tx = self.read("read the audit log").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<StoredEntry> = if is_backward {
            let from = from.unwrap_or(i64::MAX);
            tx.all(BEFORE, args![from, at_most]).await?
        } else {
            tx.all(AFTER, args![from.unwrap_or(0), at_most]).await?
        };
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// The same of what was done to one object, such as a campaign, by its name there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_rows_of(
        &self,
        object: &str,
        from: Option<i64>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut tx = self.read("read the audit log of an object").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<StoredEntry> = if is_backward {
            let from = from.unwrap_or(i64::MAX);
            tx.all(BEFORE_OF, args![from, at_most, object]).await?
        } else {
            let from = from.unwrap_or(0);
            tx.all(AFTER_OF, args![from, at_most, object]).await?
        };
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// Walks over the whole log, row by row, and compares digests.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify_audit(&self) -> Result<AuditState, StoreError> {
        let mut tx = self.read("verify the audit log").await?;
        let (mut last, mut hash, mut rows) = (0, String::new(), 0);
        loop {
            let stored: Vec<StoredEntry> = tx.all(AFTER, args![last, AT_A_TIME]).await?;
            if stored.is_empty() {
                let count: Option<(i64,)> = tx.one(LAST_ID, args![]).await?;
                let is_whole = count.is_none_or(|(count,)| count == last);
                return Ok(if is_whole {
                    AuditState::Whole(rows)
                } else {
                    AuditState::Broken(last + 1)
                });
            }
            for stored in stored {
                let id = stored.0;
                if id != last + 1 || stored.10 != hash || stored.11 != digest(&stored) {
                    return Ok(AuditState::Broken(last + 1));
                }
                (last, hash, rows) = (id, stored.11, rows + 1);
            }
        }
    }
}

fn read(tx: &Tx, stored: StoredEntry) -> Result<AuditRow, StoreError> {
    let (id, at, who, via, ip, request_id, action, object, before, after, ..) = stored;
    Ok(AuditRow {
        id,
        at: time(tx, at)?,
        who,
        via,
        ip,
        request_id,
        action,
        object,
        before,
        after,
    })
}

impl Tx {
    /// Appends a row. Other writers of the log wait until this transaction ends, so it comes last.
    pub(super) async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let id: Option<(i64,)> = self.one(NEXT_ID, args![]).await?;
        let Some((id,)) = id else {
            return Err(self.broken("the counter `audit` is missing"));
        };
        let before: Option<(String,)> = self.one(LAST_HASH, args![]).await?;
        let mut row: StoredEntry = (
            id,
            micros(entry.at),
            entry.who.clone(),
            entry.via.to_owned(),
            entry.ip.clone(),
            entry.request_id.clone(),
            entry.action.clone(),
            entry.object.clone(),
            entry.before.clone(),
            entry.after.clone(),
            before.map(|(hash,)| hash).unwrap_or_default(),
            String::new(),
        );
        row.11 = digest(&row);
        let given = args![
            row.0,
            row.1,
            &row.2,
            &row.3,
            row.4.as_deref(),
            row.5.as_deref(),
            &row.6,
            &row.7,
            row.8.as_deref(),
            row.9.as_deref(),
            &row.10,
            &row.11,
        ];
        self.execute(APPEND, given).await.map(drop)
    }
}

/// Rows that are read at a time.
const AT_A_TIME: i64 = 1_000;

/// The columns of the table, in their order.
type StoredEntry = (
    i64,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
);

/// The digest of all of a row but the digest itself.
fn digest(row: &StoredEntry) -> String {
    let (id, at, who, via, ip, request_id, action, object, before, after, prev_hash, _) = row;
    let all = json!([
        id, at, who, via, ip, request_id, action, object, before, after, prev_hash
    ]);
    sha256(all.to_string())
}

const NEXT_ID: Sql =
    sql!("UPDATE counters SET value = value + 1 WHERE name = 'audit' RETURNING value");

const LAST_ID: Sql = sql!("SELECT value FROM counters WHERE name = 'audit'");

const LAST_HASH: Sql = sql!("SELECT hash FROM audit ORDER BY id DESC LIMIT 1");

const APPEND: Sql = sql!(
    "INSERT INTO audit (id, at, who, via, ip, request_id, action, object, before, after, prev_hash, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
);

/// Rows of the log, in some order.
macro_rules! audit {
    ($rest:literal) => {
        sql!(
            "SELECT id, at, who, via, ip, request_id, action, object, before, after, prev_hash, hash FROM audit ",
            $rest
        )
    };
}

const BEFORE: Sql = audit!("WHERE id < $1 ORDER BY id DESC LIMIT $2");

const AFTER: Sql = audit!("WHERE id > $1 ORDER BY id LIMIT $2");

const BEFORE_OF: Sql = audit!("WHERE id < $1 AND object = $3 ORDER BY id DESC LIMIT $2");

const AFTER_OF: Sql = audit!("WHERE id > $1 AND object = $3 ORDER BY id LIMIT $2");
