//! Campaigns as rows: a name, what was ordered, and the status.

use std::fmt;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::{is_word, micros, read_time},
    intent_locks,
    sql::{Sql, args, sql},
    transaction::Tx,
};
use crate::campaign::engine::{CampaignId, InFlight};

/// A campaign to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// `[a-z0-9_-]{1,64}`, unique.
    pub name: String,
    /// What was ordered, as JSON; the store does not look into it.
    pub spec: String,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its number.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What was ordered, as JSON.
    pub spec: String,
    /// Its status.
    pub status: Status,
    /// Why it has that status, in words, if there is a reason.
    pub why: Option<String>,
    /// What is to become of drops in flight when it is paused or cancelled.
    pub in_flight: InFlight,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with each change to a campaign, over all campaigns.
    pub version: i64,
}

/// The status of a campaign. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `draft`: nobody has started it, or not since contacts were added to it after it was complete. Nothing of it is
    /// dialled.
    Draft,
    /// `running`: to be dialled by any controller that runs it.
    Running,
    /// `paused`: by the operator, or by itself.
    Paused,
    /// `cancelling`: to come to its end.
    Cancelling,
    /// `complete`: every contact has come to its end.
    Complete,
    /// `cancelled`.
    Cancelled,
    /// `dates_over`: its last date is over.
    DatesOver,
}

/// What the operator wants of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// That nothing is started until it is resumed.
    Pause(InFlight),
    /// That it is dialled: a draft starts, one that is paused goes on; one that is over by its dates, or complete, may have
    /// more to do.
    Resume,
    /// That it ends. It is over at once if nothing of it is in flight.
    Cancel(InFlight),
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Running,
        Self::Paused,
        Self::Cancelling,
        Self::Complete,
        Self::Cancelled,
        Self::DatesOver,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::DatesOver => "dates_over",
        }
    }

    /// Whether nothing of it is dialled any more, unless it is resumed.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Draft | Self::Running | Self::Paused | Self::Cancelling => false,
            Self::Complete | Self::Cancelled | Self::DatesOver => true,
        }
    }

    /// Whether it is a controller's: somebody has started it, and it is not over.
    pub const fn is_started(self) -> bool {
        match self {
            Self::Running | Self::Paused | Self::Cancelling => true,
            Self::Draft | Self::Complete | Self::Cancelled | Self::DatesOver => false,
        }
    }

    pub(super) fn read(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.slug() == slug)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl Store {
    /// Makes a campaign that is a draft and has no contacts.
    ///
    /// # Errors
    /// [`StoreError`], refused if the name is taken or is not a name.
    pub async fn create_campaign(
        &self,
        new: &NewCampaign,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        let name = new.name.as_str();
        let mut tx = self.write(format!("make campaign `{name}`")).await?;
        if !Campaign::is_name(name) {
            let expected = "a campaign's name is 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`";
            return Err(tx.refuse(expected));
        }
        let version = tx.next_version().await?;
        let now = micros(tx.past(now).await?);
        let made = tx
            .execute(INSERT, args![name, &new.spec, now, version])
            .await?;
        if made == 0 {
            return Err(tx.refuse("a campaign of this name exists"));
        }
        let campaign = tx.campaign_named(name).await?;
        let campaign = campaign.ok_or_else(|| tx.broken("its row is missing"))?;
        tx.commit().await?;
        Ok(campaign)
    }

    /// The campaign of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaign(&self, name: &str) -> Result<Option<Campaign>, StoreError> {
        let mut tx = self.read(format!("read campaign `{name}`")).await?;
        tx.campaign_named(name).await
    }

    /// All campaigns changed after a version, oldest change first; 0 gives all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaigns(&self, after_version: i64) -> Result<Vec<Campaign>, StoreError> {
        let mut tx = self.read("read campaigns").await?;
        let sql = if tx.has_step(DRAFTS_SINCE) {
            AFTER
        } else {
            AFTER_OF_EARLIER
        };
        let stored = tx.all(sql, args![after_version]).await?;
        stored
            .into_iter()
            .map(|stored| tx.campaign(stored))
            .collect()
    }

    /// Campaigns before a campaign, the latest first, or after it, the earliest first; at most so many. `None`: from that
    /// end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaigns_from(
        &self,
        from: Option<CampaignId>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<Campaign>, StoreError> {
        let mut tx = self.read("read campaigns").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let from = from.map(|from| from.0);
        let stored = if is_backward {
            let from = from.unwrap_or(i64::MAX);
            tx.all(OLDER, args![from, at_most]).await?
        } else {
            tx.all(NEWER, args![from.unwrap_or(0), at_most]).await?
        };
        stored
            .into_iter()
            .map(|stored| tx.campaign(stored))
            .collect()
    }

    /// The campaigns that are to be cancelled and of which nothing is in flight any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancelling_at_rest(&self) -> Result<Vec<Campaign>, StoreError> {
        let mut tx = self.read("read which campaigns can be cancelled").await?;
        let stored = tx.all(CANCELLING, &[]).await?;
        let read = stored.into_iter().map(|stored| tx.campaign(stored));
        read.collect()
    }

    /// Changes what was ordered.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign.
    pub async fn reorder(
        &self,
        campaign: CampaignId,
        spec: &str,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        let doing = format!("change the order of campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let version = tx.next_version().await?;
        let now = micros(tx.past(now).await?);
        let args = args![campaign.0, spec, now, version];
        tx.execute(REORDER, args).await?;
        let changed = tx.campaign_of(campaign).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Changes what was ordered, if the campaign still has that version; `None` if it does not, or is not there: nothing is
    /// changed then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reorder_at(
        &self,
        campaign: CampaignId,
        version: i64,
        spec: &str,
        now: Timestamp,
    ) -> Result<Option<Campaign>, StoreError> {
        let doing = format!("change the order of campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let next = tx.next_version().await?;
        let now = micros(tx.past(now).await?);
        let args = args![campaign.0, spec, now, next, version];
        if tx.execute(REORDER_AT, args).await? == 0 {
            return Ok(None);
        }
        let changed = tx.campaign_of(campaign).await?;
        tx.commit().await?;
        Ok(Some(changed))
    }

    /// Writes what the operator wants, for the controller that runs the campaign now or later. From its return
    /// on no intent of a campaign is written that does not run.
    ///
    /// A cancelled campaign is over at once if no drop of it is in flight: a controller that holds contacts of it can
    /// start none of them any more. Else it is `cancelling` until its last drop is settled, by the controller that
    /// dialled it or, if that is gone, by the one that takes its drops over. To cancel one that is cancelled changes nothing.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, if one that is cancelled is to be paused or resumed, one that is
    /// a draft, over or cancelling paused, or a cancelling one resumed.
    pub async fn order(
        &self,
        campaign: CampaignId,
        order: OperatorCommand,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        let doing = match order {
            OperatorCommand::Pause(_) => "pause",
            OperatorCommand::Resume => "resume",
            OperatorCommand::Cancel(_) => "cancel",
        };
        let mut tx = self.write(format!("{doing} campaign {campaign}")).await?;
        let version = tx.next_version().await?;
        intent_locks::hold_campaign(&mut tx, campaign).await?;
        // Intents of earlier versions share the row instead.
        tx.one::<(i64,)>(LOCK, args![campaign.0]).await?;
        let before = tx.campaign_of(campaign).await?;
        let (status, why, in_flight) = match (order, before.status) {
            // It may be sent again, such as by a client that never saw the first answer.
            (OperatorCommand::Cancel(_), Status::Cancelled) => return Ok(before),
            (OperatorCommand::Pause(_) | OperatorCommand::Resume, Status::Cancelled) => {
                return Err(tx.refuse(format!("`{}` is cancelled", before.name)));
            }
            (OperatorCommand::Pause(_), Status::Draft) => {
                let words = format!("`{}` is a draft, nothing of it is dialled", before.name);
                return Err(tx.refuse(words));
            }
            (
                OperatorCommand::Pause(_),
                Status::Complete | Status::DatesOver | Status::Cancelling,
            )
            | (OperatorCommand::Resume, Status::Cancelling) => {
                let words = format!("`{}` is {}", before.name, before.status);
                return Err(tx.refuse(words));
            }
            (OperatorCommand::Pause(in_flight), Status::Running | Status::Paused) => {
                (Status::Paused, Some("paused by the operator"), in_flight)
            }
            (
                OperatorCommand::Resume,
                Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Complete
                | Status::DatesOver,
            ) => (Status::Running, None, InFlight::Finish),
            (
                OperatorCommand::Cancel(in_flight),
                Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Cancelling
                | Status::Complete
                | Status::DatesOver,
            ) => {
                let flying = tx.one::<(i64,)>(IN_FLIGHT, args![campaign.0]).await?;
                let status = match flying {
                    Some(_) => Status::Cancelling,
                    None => Status::Cancelled,
                };
                (status, Some("cancelled by the operator"), in_flight)
            }
        };
        let in_flight = in_flight_slug(in_flight);
        let now = micros(tx.past(now).await?);
        let args = args![campaign.0, status.slug(), why, in_flight, now, version];
        tx.execute(WISH, args).await?;
        if order == OperatorCommand::Resume {
            let args = args![campaign.0, now];
            tx.execute(RESUMED, args).await?;
        }
        let after = tx.campaign_of(campaign).await?;
        tx.commit().await?;
        Ok(after)
    }
}

impl Tx {
    /// The next version of a campaign. A transaction that has it makes all others that want one wait, so that versions come
    /// in the order of their commits, and reading on from one misses none before it.
    pub(super) async fn next_version(&mut self) -> Result<i64, StoreError> {
        let version = self.one(NEXT_VERSION, args![]).await?;
        version
            .map(|(version,)| version)
            .ok_or_else(|| self.broken("the counter `campaign` is missing"))
    }

    /// Gives a campaign a version of its own, because contacts were added to it: one that was complete is a draft again, of which
    /// nothing is dialled before somebody starts it.
    pub(super) async fn touch(
        &mut self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let version = self.next_version().await?;
        intent_locks::hold_none(self).await?;
        let args = args![campaign.0, micros(now), version, ADDED_LATER];
        self.execute(TOUCH, args).await?;
        Ok(())
    }

    /// The status of a campaign; `None` unless there is such a campaign.
    pub(super) async fn status_of(
        &mut self,
        campaign: CampaignId,
    ) -> Result<Option<Status>, StoreError> {
        let Some((slug,)) = self.one::<(String,)>(STATUS, args![campaign.0]).await? else {
            return Ok(None);
        };
        match Status::read(&slug) {
            Some(status) => Ok(Some(status)),
            None => Err(self.broken(format!("the row of campaign {campaign} cannot be read"))),
        }
    }

    async fn campaign_named(&mut self, name: &str) -> Result<Option<Campaign>, StoreError> {
        let sql = if self.has_step(DRAFTS_SINCE) {
            NAMED
        } else {
            NAMED_OF_EARLIER
        };
        let stored = self.one(sql, args![name]).await?;
        stored.map(|stored| self.campaign(stored)).transpose()
    }

    async fn campaign_of(&mut self, campaign: CampaignId) -> Result<Campaign, StoreError> {
        match self.one(NUMBERED, args![campaign.0]).await? {
            Some(stored) => self.campaign(stored),
            None => Err(self.refuse("there is no such campaign")),
        }
    }

    fn campaign(&self, stored: StoredCampaign) -> Result<Campaign, StoreError> {
        let (id, name, spec, status, why, in_flight, created_at, version) = stored;
        let read = || {
            Some((
                Status::read(&status)?,
                read_in_flight(&in_flight)?,
                read_time(created_at)?,
            ))
        };
        let Some((status, in_flight, created_at)) = read() else {
            return Err(self.broken(format!("the row of campaign {id} cannot be read")));
        };
        Ok(Campaign {
            id: CampaignId(id),
            name,
            spec,
            status,
            why,
            in_flight,
            created_at,
            version,
        })
    }
}

/// The step that brought drafts.
pub(super) const DRAFTS_SINCE: i64 = 12;

/// Why a campaign is a draft that was complete.
const ADDED_LATER: &str = "contacts were added after it was complete";

/// The columns of a campaign, as [`NAMED`] lists them.
type StoredCampaign = (
    i64,
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    i64,
);

impl Campaign {
    /// Whether a text can be a campaign's name: `[a-z0-9_-]{1,64}`.
    pub fn is_name(text: &str) -> bool {
        is_word(text)
    }
}

const fn in_flight_slug(in_flight: InFlight) -> &'static str {
    match in_flight {
        InFlight::Finish => "finish",
        InFlight::HangUp => "hang_up",
    }
}

fn read_in_flight(slug: &str) -> Option<InFlight> {
    let all = [InFlight::Finish, InFlight::HangUp];
    all.into_iter().find(|each| in_flight_slug(*each) == slug)
}

const NEXT_VERSION: Sql =
    sql!("UPDATE counters SET value = value + 1 WHERE name = 'campaign' RETURNING value");

const INSERT: Sql = sql!(
    "INSERT INTO campaigns (name, spec, standing, draft, in_flight, created_at, changed_at, version) \
     VALUES ($1, $2, 'paused', 1, 'finish', $3, $3, $4) ON CONFLICT (name) DO NOTHING"
);

const STATUS: Sql = sql!("SELECT ", STANDING, " FROM campaigns WHERE id = $1");

const NAMED: Sql = sql!(
    "SELECT id, name, spec, ",
    STANDING,
    ", why, in_flight, created_at, version FROM campaigns WHERE name = $1"
);

const NUMBERED: Sql = sql!(
    "SELECT id, name, spec, ",
    STANDING,
    ", why, in_flight, created_at, version FROM campaigns WHERE id = $1"
);

const AFTER: Sql = sql!(
    "SELECT id, name, spec, ",
    STANDING,
    ", why, in_flight, created_at, version FROM campaigns WHERE version > $1 ORDER BY version"
);

/// The same of a schema that knows no drafts.
const NAMED_OF_EARLIER: Sql = sql!(
    "SELECT id, name, spec, standing, why, in_flight, created_at, version \
     FROM campaigns WHERE name = $1"
);

const AFTER_OF_EARLIER: Sql = sql!(
    "SELECT id, name, spec, standing, why, in_flight, created_at, version \
     FROM campaigns WHERE version > $1 ORDER BY version"
);

const CANCELLING: Sql = sql!(
    "SELECT id, name, spec, standing, why, in_flight, created_at, version FROM campaigns WHERE standing = 'cancelling' \
     AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.campaign = campaigns.id AND drops.outcome IS NULL) ORDER BY id"
);

const REORDER: Sql =
    sql!("UPDATE campaigns SET spec = $2, changed_at = $3, version = $4 WHERE id = $1");

const REORDER_AT: Sql = sql!(
    "UPDATE campaigns SET spec = $2, changed_at = $3, version = $4 WHERE id = $1 AND version = $5"
);

const OLDER: Sql = sql!(
    "SELECT id, name, spec, standing, why, in_flight, created_at, version FROM campaigns      WHERE id < $1 ORDER BY id DESC LIMIT $2"
);

const NEWER: Sql = sql!(
    "SELECT id, name, spec, standing, why, in_flight, created_at, version FROM campaigns      WHERE id > $1 ORDER BY id LIMIT $2"
);

const LOCK: Sql = sql!(
    "SELECT id FROM campaigns WHERE id = $1",
    ["", " FOR NO KEY UPDATE"]
);

const IN_FLIGHT: Sql =
    sql!("SELECT attempt FROM drops WHERE campaign = $1 AND outcome IS NULL LIMIT 1");

const WISH: Sql = sql!(
    "UPDATE campaigns SET standing = $2, why = $3, in_flight = $4, changed_at = $5, version = $6 \
     WHERE id = $1"
);

const RESUMED: Sql = sql!("UPDATE campaigns SET resumed_at = $2 WHERE id = $1");

const TOUCH: Sql = sql!(
    "UPDATE campaigns SET changed_at = $2, version = $3, \
     draft = CASE standing WHEN 'complete' THEN 1 ELSE draft END, \
     why = CASE standing WHEN 'complete' THEN $4 ELSE why END, \
     standing = CASE standing WHEN 'complete' THEN 'paused' ELSE standing END WHERE id = $1"
);
