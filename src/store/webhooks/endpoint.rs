//! Endpoints of webhooks, as they are stored.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::{
    campaign::engine::CampaignId,
    events::EventFilter,
    store::{
        StoreError,
        codec::micros,
        sql::{Sql, args, sql},
        tally::{known, time},
        transaction::Tx,
    },
};

/// The number of an endpoint; it is written `wh_` and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(pub i64);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wh_{}", self.0)
    }
}

impl FromStr for WebhookId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.strip_prefix("wh_").ok_or(())?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let id = number.parse().map_err(|_| ())?;
        if is_number { Ok(Self(id)) } else { Err(()) }
    }
}

/// What whoever made an endpoint said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where it is told.
    pub url: String,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Types of events, or groups of them such as `drop.*`; empty: all.
    pub types: Vec<String>,
    /// Only events of this campaign.
    pub campaign: Option<CampaignId>,
    /// Whether numbers are told unmasked.
    pub full_numbers: bool,
    /// Most requests at a time, 1 to 50.
    pub concurrency: u32,
    /// Most requests a second, 1 to 1,000; `None`: no limit.
    pub per_second: Option<u32>,
    /// Whether each message waits until the one before it is delivered or dead.
    pub ordered: bool,
    /// Most events in a message, 1 to 500.
    pub batch: u32,
    /// How long a message waits for further events, in ms, 0 to 60,000; without effect if `batch` is 1.
    pub linger_ms: u32,
}

impl WebhookSettings {
    /// What the endpoint is told of; `None` if it is nothing that this version of the program knows.
    pub fn filter(&self) -> Option<EventFilter> {
        let kinds = EventFilter::known_kinds(&self.types);
        let is_nothing = kinds.is_empty() && !self.types.is_empty();
        (!is_nothing).then_some(EventFilter {
            kinds,
            campaign: self.campaign,
        })
    }
}

/// Why nothing is sent to an endpoint. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledBecause {
    /// An operator said so.
    Operator,
    /// Five days of attempts without a success.
    Failing,
    /// It answered 410.
    Gone,
    /// It is being removed.
    Removed,
}

impl DisabledBecause {
    const ALL: [Self; 4] = [Self::Operator, Self::Failing, Self::Gone, Self::Removed];

    /// The word under which it is stored and told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Removed => "removed",
        }
    }
}

/// What became of the attempts of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookHealth {
    /// Failures in a row.
    pub failures: u32,
    /// Since when attempts fail.
    pub failing_since: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// While it is only probed: when the next probe may be.
    pub probe_at: Option<Timestamp>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its number.
    pub id: WebhookId,
    /// What whoever made it said.
    pub settings: WebhookSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Grows with each change.
    pub version: i64,
    /// Why nothing is sent to it, and since when; `None` while something is.
    pub disabled: Option<(DisabledBecause, Timestamp)>,
    /// Of the events up to this number, each that it is told of is queued.
    pub position: u64,
    /// Events that were not kept until it could be told of them.
    pub missed: u64,
    /// What became of its attempts.
    pub health: WebhookHealth,
    /// Grows with each order to send something again.
    pub orders: i64,
}

/// A secret of an endpoint, sealed by a key that is not in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// It, sealed.
    pub sealed: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it counts; `None`: until it is rotated.
    pub expires_at: Option<Timestamp>,
}

/// The row of an endpoint.
pub(super) struct StoredWebhook {
    id: i64,
    url: String,
    description: Option<String>,
    types: String,
    campaign: Option<i64>,
    full_numbers: i64,
    concurrency: i64,
    per_second: Option<i64>,
    ordered: i64,
    batch: i64,
    linger_ms: i64,
    created_at: i64,
    created_by: String,
    version: i64,
    disabled_at: Option<i64>,
    disabled_because: Option<String>,
    position: i64,
    missed: i64,
    failures: i64,
    failing_since: Option<i64>,
    last_failure_at: Option<i64>,
    last_success_at: Option<i64>,
    probe_at: Option<i64>,
    orders: i64,
}

impl<'r, R: Row> FromRow<'r, R> for StoredWebhook
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
            url: row.try_get("url")?,
            description: row.try_get("description")?,
            types: row.try_get("types")?,
            campaign: row.try_get("campaign")?,
            full_numbers: row.try_get("full_numbers")?,
            concurrency: row.try_get("concurrency")?,
            per_second: row.try_get("per_second")?,
            ordered: row.try_get("ordered")?,
            batch: row.try_get("batch")?,
            linger_ms: row.try_get("linger_ms")?,
            created_at: row.try_get("created_at")?,
            created_by: row.try_get("created_by")?,
            version: row.try_get("version")?,
            disabled_at: row.try_get("disabled_at")?,
            disabled_because: row.try_get("disabled_because")?,
            position: row.try_get("position")?,
            missed: row.try_get("missed")?,
            failures: row.try_get("failures")?,
            failing_since: row.try_get("failing_since")?,
            last_failure_at: row.try_get("last_failure_at")?,
            last_success_at: row.try_get("last_success_at")?,
            probe_at: row.try_get("probe_at")?,
            orders: row.try_get("orders")?,
        })
    }
}

impl StoredWebhook {
    pub(super) fn read(self, tx: &Tx) -> Result<Webhook, StoreError> {
        let moment = |at: Option<i64>| at.map(|at| time(tx, at)).transpose();
        let whole = |value: i64| u32::try_from(value).unwrap_or(0);
        let because = self.disabled_because.as_deref().map(|slug| {
            let mut all = DisabledBecause::ALL.into_iter();
            // A reason of a later version keeps it disabled all the same.
            let read = all.find(|because| because.slug() == slug);
            read.unwrap_or(DisabledBecause::Operator)
        });
        let disabled_at = moment(self.disabled_at)?;
        let disabled = match (because, disabled_at) {
            (None, None) => None,
            (because, at) => Some((
                because.unwrap_or(DisabledBecause::Operator),
                known(tx, at, "moment at which a webhook was disabled")?,
            )),
        };
        let types = self.types.split_ascii_whitespace();
        Ok(Webhook {
            id: WebhookId(self.id),
            settings: WebhookSettings {
                url: self.url,
                description: self.description,
                types: types.map(str::to_owned).collect(),
                campaign: self.campaign.map(CampaignId),
                full_numbers: self.full_numbers == 1,
                concurrency: whole(self.concurrency).max(1),
                per_second: self.per_second.map(whole),
                ordered: self.ordered == 1,
                batch: whole(self.batch).max(1),
                linger_ms: whole(self.linger_ms),
            },
            created_at: time(tx, self.created_at)?,
            created_by: self.created_by,
            version: self.version,
            disabled,
            position: self.position.unsigned_abs(),
            missed: self.missed.unsigned_abs(),
            health: WebhookHealth {
                failures: whole(self.failures),
                failing_since: moment(self.failing_since)?,
                last_failure_at: moment(self.last_failure_at)?,
                last_success_at: moment(self.last_success_at)?,
                probe_at: moment(self.probe_at)?,
            },
            orders: self.orders,
        })
    }
}

impl Tx {
    /// An endpoint.
    pub(super) async fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let stored: Option<StoredWebhook> = self.one(OF_ID, args![id.0]).await?;
        stored.map(|stored| stored.read(self)).transpose()
    }

    /// The secrets of an endpoint that count at a moment, the latest first.
    pub(super) async fn webhook_secrets(
        &mut self,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        let stored: Vec<(String, i64, Option<i64>)> =
            self.all(SECRETS, args![id.0, micros(now)]).await?;
        let read = |(sealed, created_at, expires_at): (String, i64, Option<i64>)| {
            Ok(SealedSecret {
                sealed,
                created_at: time(self, created_at)?,
                expires_at: expires_at.map(|at| time(self, at)).transpose()?,
            })
        };
        stored.into_iter().map(read).collect()
    }
}

const OF_ID: Sql = sql!("SELECT * FROM webhooks WHERE id = $1");

const SECRETS: Sql = sql!(
    "SELECT sealed, created_at, expires_at FROM webhook_secrets \
     WHERE webhook = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY id DESC"
);
