//! Lists that are sent over HTTP: what is known of each, from its first byte to what came of it. The bytes are on the machine
//! of the server that took them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    Status, Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

/// A list that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// Its id, new: 32 hexadecimal digits, in the order of time.
    pub id: String,
    /// Into which campaign.
    pub campaign: CampaignId,
    /// The list's name, for people.
    pub name: String,
    /// How it is read, as JSON; the store does not look into it.
    pub reading: String,
    /// Whether it is read only, and nothing of it is taken in.
    pub is_dry_run: bool,
    /// Who sends it.
    pub who: String,
}

/// Where a list is on its way. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// `receiving`: its bytes come in.
    Receiving,
    /// `checking`: all of it is there, and is read once to its end, or waits for that.
    Checking,
    /// `importing`: its rows are taken in.
    Importing,
    /// `complete`.
    Complete,
    /// `interrupted`: nobody works on it. If all of it is there, a server goes on by itself.
    Interrupted,
    /// `failed`: it cannot be taken in, or not to its end.
    Failed,
}

/// A list as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpload {
    /// What it was begun as.
    pub new: NewUpload,
    /// The campaign's name.
    pub campaign_name: String,
    /// Where it is, as it was written last.
    pub state: UploadState,
    /// Why it failed or was interrupted, for people.
    pub why: Option<String>,
    /// Its bytes so far: those that came in, and from then on those that were read.
    pub bytes: u64,
    /// Its size in bytes, decoded.
    pub size: Option<u64>,
    /// What it is, by all of its bytes and how they are read.
    pub digest: Option<String>,
    /// How far it is.
    pub counts: UploadCounts,
    /// Its rejects by their reasons, once it has ended.
    pub reasons: BTreeMap<String, u64>,
    /// What was understood otherwise than it is written.
    pub notes: Vec<String>,
    /// What the gate would have said to its rows when it was read only, as JSON; the store does not look into it.
    pub gate: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When whoever works on it last said so.
    pub beat_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How far a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadCounts {
    /// Rows that were passed.
    pub rows: u64,
    /// All of its rows, once they are counted.
    pub rows_in_all: Option<u64>,
    /// Rows that became contacts.
    pub added: u64,
    /// Rows that changed contacts which were never called.
    pub updated: u64,
    /// Rows that say of such contacts what was known.
    pub unchanged: u64,
    /// Rows that were rejected.
    pub rejected: u64,
    /// Rows a second.
    pub rate: Option<u64>,
}

/// How the work on a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEnd {
    /// [`UploadState::Complete`] or [`UploadState::Failed`].
    pub state: UploadState,
    /// Why it failed, for people.
    pub why: Option<String>,
    /// What was counted; `None` leaves what was counted last.
    pub counts: Option<UploadCounts>,
    /// Its rejects by their reasons.
    pub reasons: BTreeMap<String, u64>,
    /// What was understood otherwise than it is written.
    pub notes: Vec<String>,
    /// What the gate would say to its rows, of a list that is read only, as JSON.
    pub gate: Option<String>,
}

/// What came of a list of which all bytes are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedUpload {
    /// It is new, and is to be worked on.
    New,
    /// It is the list of this upload, which is to be worked on once more, by the bytes that have just come; the one that they
    /// came as is gone.
    Again(String),
    /// It is the list of this upload, on which somebody works at this moment; the one that it came as is gone.
    UnderWay(String),
}

impl UploadState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Receiving,
        Self::Checking,
        Self::Importing,
        Self::Complete,
        Self::Interrupted,
        Self::Failed,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Checking => "checking",
            Self::Importing => "importing",
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing follows by itself.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Complete | Self::Failed => true,
            Self::Receiving | Self::Checking | Self::Importing | Self::Interrupted => false,
        }
    }
}

impl StoredUpload {
    /// Where it is at a time: what nobody has worked on for a while is interrupted.
    pub fn state_at(&self, now: Timestamp) -> UploadState {
        if !self.state.is_over() && !is_alive(self.beat_at, now) {
            UploadState::Interrupted
        } else {
            self.state
        }
    }
}

/// Whether somebody who said so at `beat_at` still works.
fn is_alive(beat_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(beat_at).abs() < SILENT_FOR
}

impl Store {
    /// Begins an upload. One of the same name that whoever sends it has begun before, and that was interrupted before all of it
    /// was there, goes on as this one. Returns its id.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, or it is cancelled.
    pub async fn begin_upload(
        &self,
        new: &NewUpload,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let campaign = new.campaign;
        let doing = format!("take a list for campaign {campaign}");
        let mut tx = self.write(doing).await?;
        tx.take_turns(UPLOAD_LOCK | campaign.0).await?;
        match tx.status_of(campaign).await? {
            None => return Err(tx.refuse("there is no such campaign")),
            Some(Status::Cancelled | Status::Cancelling) => {
                return Err(tx.refuse("it is cancelled"));
            }
            Some(
                Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Complete
                | Status::DatesOver,
            ) => {}
        }
        let dead = now.checked_sub(SILENT_FOR).unwrap_or(now);
        let dry = i64::from(new.is_dry_run);
        let given = args![
            campaign.0,
            &new.name,
            &new.who,
            micros(dead),
            micros(now),
            &new.reading,
            dry
        ];
        let before: Option<(String,)> = tx.one(GO_ON, given).await?;
        let id = match before {
            Some((id,)) => id,
            None => {
                let given = args![
                    &new.id,
                    campaign.0,
                    &new.name,
                    &new.reading,
                    dry,
                    &new.who,
                    micros(now)
                ];
                tx.execute(BEGIN, given).await?;
                new.id.clone()
            }
        };
        tx.commit().await?;
        Ok(id)
    }

    /// Says that somebody works on an upload, and how far it is. `false` if it is gone, or over: then nobody is to work on it
    /// any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn beat_upload(
        &self,
        id: &str,
        state: UploadState,
        bytes: u64,
        counts: &UploadCounts,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("say how far a list is").await?;
        let (rows, rows_in_all, added, updated, unchanged, rejected, rate) = stored_counts(counts);
        let given = args![
            id,
            state.slug(),
            whole(bytes),
            rows,
            rows_in_all,
            added,
            updated,
            unchanged,
            rejected,
            rate,
            micros(now),
        ];
        let is_there = tx.execute(BEAT, given).await? == 1;
        tx.commit().await?;
        Ok(is_there)
    }

    /// Writes down that all of a list is there, and what it is. If it is one that was sent before, it goes on as that.
    ///
    /// # Errors
    /// [`StoreError`], refused if the upload is gone, or its campaign cancelled meanwhile.
    pub async fn accept_upload(
        &self,
        id: &str,
        digest: &str,
        size: u64,
        now: Timestamp,
    ) -> Result<AcceptedUpload, StoreError> {
        let mut tx = self.write("take a list").await?;
        let campaign: Option<(i64,)> = tx.one(CAMPAIGN_OF, args![id]).await?;
        let Some((campaign,)) = campaign else {
            return Err(tx.refuse("its upload is gone"));
        };
        tx.take_turns(UPLOAD_LOCK | campaign).await?;
        let same: Option<(String, String, i64)> =
            tx.one(SAME, args![campaign, digest, whole(size)]).await?;
        let accepted = match same {
            None => AcceptedUpload::New,
            // What was sent as this one is this one.
            Some((same, ..)) if same == id => AcceptedUpload::New,
            Some((same, state, beat_at)) => {
                tx.execute(FORGET, args![id]).await?;
                let state = known(&tx, read_state(&state), "state of an upload")?;
                let beat_at = time(&tx, beat_at)?;
                let works = match state {
                    UploadState::Checking | UploadState::Importing => is_alive(beat_at, now),
                    UploadState::Receiving
                    | UploadState::Complete
                    | UploadState::Interrupted
                    | UploadState::Failed => false,
                };
                if works {
                    AcceptedUpload::UnderWay(same)
                } else {
                    AcceptedUpload::Again(same)
                }
            }
        };
        let to_work_on = match &accepted {
            AcceptedUpload::New => Some(id),
            AcceptedUpload::Again(same) => Some(same.as_str()),
            AcceptedUpload::UnderWay(_) => None,
        };
        if let Some(id) = to_work_on {
            let given = args![id, digest, whole(size), micros(now)];
            tx.execute(ACCEPT, given).await?;
        }
        tx.commit().await?;
        Ok(accepted)
    }

    /// Writes down that nobody works on an upload any more, although it is not over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interrupt_upload(
        &self,
        id: &str,
        bytes: Option<u64>,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("leave a list").await?;
        let given = args![id, bytes.map(whole), why];
        tx.execute(INTERRUPT, given).await?;
        tx.commit().await
    }

    /// Writes down what came of a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_upload(
        &self,
        id: &str,
        end: &UploadEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("write what came of a list").await?;
        if let Some(counts) = &end.counts {
            let (rows, rows_in_all, added, updated, unchanged, rejected, rate) =
                stored_counts(counts);
            let given = args![
                id,
                rows,
                rows_in_all,
                added,
                updated,
                unchanged,
                rejected,
                rate
            ];
            tx.execute(COUNT, given).await?;
        }
        let reasons = serde_json::to_string(&end.reasons).unwrap_or_default();
        let notes = serde_json::to_string(&end.notes).unwrap_or_default();
        let given = args![
            id,
            end.state.slug(),
            end.why.as_deref(),
            &reasons,
            &notes,
            micros(now),
            end.gate.as_deref(),
        ];
        tx.tell_of_failed_upload(id, end, now).await?;
        tx.execute(END, given).await?;
        tx.commit().await
    }

    /// Forgets an upload; contacts that are in stay in. `false` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_upload(&self, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.write("forget a list").await?;
        if tx.execute(FORGET, args![id]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets uploads that were over before a time, or of which nothing has come since; returns their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_uploads(&self, before: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut tx = self.write("forget lists that were sent").await?;
        let gone: Vec<(String,)> = tx.all(FORGET_OLD, args![micros(before)]).await?;
        tx.commit().await?;
        Ok(gone.into_iter().map(|(id,)| id).collect())
    }

    /// An upload; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn upload(&self, id: &str) -> Result<Option<StoredUpload>, StoreError> {
        let mut tx = self.read("look up a list that was sent").await?;
        let stored: Option<UploadColumns> = tx.one(OF_ID, args![id]).await?;
        stored.map(|stored| stored.read(&tx)).transpose()
    }

    /// Uploads of a campaign before an upload, the latest first, or after it, the earliest first; at most so many. `None`:
    /// from that end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn uploads(
        &self,
        campaign: CampaignId,
        from: Option<String>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<StoredUpload>, StoreError> {
        let mut tx = self.read("read which lists were sent").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let (sql, end) = if is_backward {
            (BEFORE, "g")
        } else {
            (AFTER, "")
        };
        let from = from.as_deref().unwrap_or(end);
        let stored: Vec<UploadColumns> = tx.all(sql, args![campaign.0, from, at_most]).await?;
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }
}

fn read_state(slug: &str) -> Option<UploadState> {
    UploadState::ALL
        .into_iter()
        .find(|state| state.slug() == slug)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

type StoredCounts = (i64, Option<i64>, i64, i64, i64, i64, Option<i64>);

fn stored_counts(counts: &UploadCounts) -> StoredCounts {
    (
        whole(counts.rows),
        counts.rows_in_all.map(whole),
        whole(counts.added),
        whole(counts.updated),
        whole(counts.unchanged),
        whole(counts.rejected),
        counts.rate.map(whole),
    )
}

/// A row as it is stored.
struct UploadColumns {
    id: String,
    campaign: i64,
    campaign_name: String,
    name: String,
    reading: String,
    is_dry_run: i64,
    who: String,
    state: String,
    why: Option<String>,
    bytes: i64,
    size: Option<i64>,
    digest: Option<String>,
    counts: StoredCounts,
    reasons: Option<String>,
    notes: Option<String>,
    gate: Option<String>,
    began_at: i64,
    beat_at: i64,
    ended_at: Option<i64>,
}

impl<'r, R: Row> FromRow<'r, R> for UploadColumns
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
            campaign_name: row.try_get("campaign_name")?,
            name: row.try_get("name")?,
            reading: row.try_get("reading")?,
            is_dry_run: row.try_get("is_dry_run")?,
            who: row.try_get("who")?,
            state: row.try_get("state")?,
            why: row.try_get("why")?,
            bytes: row.try_get("bytes")?,
            size: row.try_get("size")?,
            digest: row.try_get("digest")?,
            counts: (
                row.try_get("rows")?,
                row.try_get("rows_in_all")?,
                row.try_get("added")?,
                row.try_get("updated")?,
                row.try_get("unchanged")?,
                row.try_get("rejected")?,
                row.try_get("rate")?,
            ),
            reasons: row.try_get("reasons")?,
            notes: row.try_get("notes")?,
            gate: row.try_get("gate")?,
            began_at: row.try_get("began_at")?,
            beat_at: row.try_get("beat_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

impl UploadColumns {
    fn read(self, tx: &Tx) -> Result<StoredUpload, StoreError> {
        let (rows, rows_in_all, added, updated, unchanged, rejected, rate) = self.counts;
        let reasons = self.reasons.as_deref().map(serde_json::from_str);
        let notes = self.notes.as_deref().map(serde_json::from_str);
        Ok(StoredUpload {
            new: NewUpload {
                id: self.id,
                campaign: CampaignId(self.campaign),
                name: self.name,
                reading: self.reading,
                is_dry_run: self.is_dry_run == 1,
                who: self.who,
            },
            campaign_name: self.campaign_name,
            state: known(tx, read_state(&self.state), "state of an upload")?,
            why: self.why,
            bytes: self.bytes.unsigned_abs(),
            size: self.size.map(i64::unsigned_abs),
            digest: self.digest,
            counts: UploadCounts {
                rows: rows.unsigned_abs(),
                rows_in_all: rows_in_all.map(i64::unsigned_abs),
                added: added.unsigned_abs(),
                updated: updated.unsigned_abs(),
                unchanged: unchanged.unsigned_abs(),
                rejected: rejected.unsigned_abs(),
                rate: rate.map(i64::unsigned_abs),
            },
            reasons: known(tx, reasons.transpose().ok(), "count of rejects")?.unwrap_or_default(),
            notes: known(tx, notes.transpose().ok(), "note on a list")?.unwrap_or_default(),
            gate: self.gate,
            began_at: time(tx, self.began_at)?,
            beat_at: time(tx, self.beat_at)?,
            ended_at: self.ended_at.map(|at| time(tx, at)).transpose()?,
        })
    }
}

/// For how long whoever works on a list may say nothing.
const SILENT_FOR: SignedDuration = SignedDuration::from_secs(30);

/// What the locks of uploads begin with, in PostgreSQL's room of locks that programs share.
const UPLOAD_LOCK: i64 = 0x6166_7475_0000_0000;

const GO_ON: Sql = sql!(
    "UPDATE uploads SET state = 'receiving', why = NULL, bytes = 0, began_at = $5, beat_at = $5, reading = $6, \
     is_dry_run = $7 WHERE id = (SELECT id FROM uploads WHERE campaign = $1 AND name = $2 AND who = $3 \
     AND digest IS NULL AND (state = 'interrupted' OR beat_at < $4) ORDER BY id LIMIT 1) RETURNING id"
);

const BEGIN: Sql = sql!(
    "INSERT INTO uploads (id, campaign, name, reading, is_dry_run, who, state, began_at, beat_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $7)"
);

const BEAT: Sql = sql!(
    "UPDATE uploads SET state = $2, bytes = $3, rows = $4, rows_in_all = coalesce($5, rows_in_all), added = $6, \
     updated = $7, unchanged = $8, rejected = $9, rate = coalesce($10, rate), beat_at = $11, why = NULL \
     WHERE id = $1 AND state NOT IN ('complete', 'failed')"
);

const CAMPAIGN_OF: Sql = sql!("SELECT campaign FROM uploads WHERE id = $1");

const SAME: Sql = sql!(
    "SELECT id, state, beat_at FROM uploads WHERE campaign = $1 AND digest = $2 AND size = $3"
);

const ACCEPT: Sql = sql!(
    "UPDATE uploads SET state = 'checking', why = NULL, digest = $2, size = $3, bytes = 0, beat_at = $4, \
     ended_at = NULL WHERE id = $1"
);

const INTERRUPT: Sql = sql!(
    "UPDATE uploads SET state = 'interrupted', bytes = coalesce($2, bytes), why = $3 \
     WHERE id = $1 AND state NOT IN ('complete', 'failed')"
);

const COUNT: Sql = sql!(
    "UPDATE uploads SET rows = $2, rows_in_all = $3, added = $4, updated = $5, unchanged = $6, rejected = $7, \
     rate = coalesce($8, rate) WHERE id = $1"
);

const END: Sql = sql!(
    "UPDATE uploads SET state = $2, why = $3, reasons = $4, notes = $5, ended_at = $6, beat_at = $6, gate = $7, \
     bytes = CASE WHEN $2 = 'complete' THEN coalesce(size, bytes) ELSE bytes END WHERE id = $1"
);

const FORGET: Sql = sql!("DELETE FROM uploads WHERE id = $1");

const FORGET_OLD: Sql = sql!(
    "DELETE FROM uploads WHERE (ended_at IS NOT NULL AND ended_at < $1) OR (ended_at IS NULL AND beat_at < $1) \
     RETURNING id"
);

/// The columns of [`UploadColumns`].
macro_rules! uploads {
    ($rest:literal) => {
        sql!(
            "SELECT uploads.id, uploads.campaign, campaigns.name AS campaign_name, uploads.name, uploads.reading, \
             uploads.is_dry_run, uploads.who, uploads.state, uploads.why, uploads.bytes, uploads.size, uploads.digest, \
             uploads.rows, uploads.rows_in_all, uploads.added, uploads.updated, uploads.unchanged, uploads.rejected, \
             uploads.rate, uploads.reasons, uploads.notes, uploads.gate, uploads.began_at, uploads.beat_at, uploads.ended_at \
             FROM uploads JOIN campaigns ON campaigns.id = uploads.campaign ",
            $rest
        )
    };
}

const OF_ID: Sql = uploads!("WHERE uploads.id = $1");

const BEFORE: Sql =
    uploads!("WHERE uploads.campaign = $1 AND uploads.id < $2 ORDER BY uploads.id DESC LIMIT $3");

const AFTER: Sql =
    uploads!("WHERE uploads.campaign = $1 AND uploads.id > $2 ORDER BY uploads.id LIMIT $3");
