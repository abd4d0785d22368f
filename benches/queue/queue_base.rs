//! A store with campaigns of many contacts, and a look at the database beside it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use aftertone::{
    campaign::{
        engine::CampaignId,
        policy::{CallingPlace, Gate},
    },
    phone::PhoneNumber,
    store::{
        Across, ControllerLease, DueQueue, Leased, NewCampaign, NewContact, OperatorCommand,
        Source, Store,
    },
};
use anyhow::Result;
use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};

use crate::database::{Kind, place, registration};

/// The store, and the database behind it.
pub(crate) struct QueueBase {
    pub(crate) kind: Kind,
    pub(crate) store: Store,
    pub(crate) holder: ControllerLease,
    pub(crate) gate: Gate,
    url: String,
}

/// What the database holds and has written, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    size: i64,
    log: i64,
}

impl QueueBase {
    pub(crate) async fn open(kind: Kind, url: &str) -> Result<Self> {
        let store = Store::open(&place(url)).await?;
        let registration = registration("queue")?;
        Ok(Self {
            kind,
            holder: store
                .begin_controller(&registration, Timestamp::now())
                .await?,
            store,
            gate: Gate::default(),
            url: url.to_owned(),
        })
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.store.close().await;
        Ok(())
    }

    /// A campaign of so many contacts of these area codes in turn, due from a moment on. They have their places, or no place
    /// that is known.
    pub(crate) async fn campaign(
        &self,
        name: &str,
        numbers: impl Iterator<Item = u64>,
        has_places: bool,
        due: Timestamp,
    ) -> Result<CampaignId> {
        let new = NewCampaign {
            name: name.to_owned(),
            spec: "{}".to_owned(),
        };
        let id = self.store.create_campaign(&new, due).await?.id;
        let start = self.store.order(id, OperatorCommand::Resume, due);
        start.await?;
        let source = Source {
            name: name.to_owned(),
            size: u64::MAX >> 1,
            digest: name.to_owned(),
        };
        let mut importing = self.store.begin_import(id, &source, due).await?;
        let mut contacts = Vec::new();
        let mut numbers = numbers.zip(2..).peekable();
        while let Some((digits, line)) = numbers.next() {
            contacts.push(contact(digits, line, has_places));
            if contacts.len() < ROWS && numbers.peek().is_some() {
                continue;
            }
            (importing.bytes, importing.lines) = (line, line);
            self.store
                .add_contacts(&importing, Across::Allow, &contacts, due)
                .await?;
            contacts.clear();
        }
        if self.kind == Kind::Postgres {
            for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
                self.run(statement.to_owned()).await?;
            }
        }
        Ok(id)
    }

    pub(crate) fn queue(&self) -> DueQueue {
        DueQueue::new(self.gate.clone())
    }

    /// Leases, and how long it took.
    pub(crate) async fn lease(
        &self,
        campaign: CampaignId,
        at_most: usize,
        queue: &mut DueQueue,
        now: Timestamp,
    ) -> Result<(Vec<Leased>, Duration)> {
        let history = self.gate.settings().history();
        let begun = Instant::now();
        let (store, holder) = (&self.store, &self.holder);
        let (leased, _) = store
            .lease(holder, campaign, at_most, history, queue, now)
            .await?;
        Ok((leased, begun.elapsed()))
    }

    /// Runs a statement in the server.
    pub(crate) async fn run(&self, sql: String) -> Result<()> {
        let mut connection = self.connection().await?;
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub(crate) async fn connection(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    pub(crate) async fn written(&self) -> Result<Written> {
        if let Some(file) = self.url.strip_prefix("sqlite:") {
            let size = |name: String| std::fs::metadata(name).map_or(0, |file| file.len());
            let count = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
            return Ok(Written {
                size: count(size(file.to_owned())),
                log: count(size(format!("{file}-wal"))),
            });
        }
        let mut connection = self.connection().await?;
        let (size, log) = sqlx::query_as(
            "SELECT pg_database_size(current_database()), \
             CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT)",
        )
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        Ok(Written { size, log })
    }
}

impl Written {
    /// What has come since, in MB: of the log, and of the database.
    pub(crate) fn since(self, before: Self) -> (f64, f64) {
        let megabytes = |bytes: i64| bytes as f64 / 1e6;
        (
            megabytes(self.log - before.log),
            megabytes(self.size - before.size),
        )
    }
}

fn contact(digits: u64, line: u64, has_place: bool) -> NewContact {
    let number = PhoneNumber::from_digits(digits).expect("it is a number");
    let place = CallingPlace::of(&number, None, None).filter(|_| has_place);
    NewContact {
        line,
        number,
        name: None,
        zone: None,
        state: None,
        place: place.map(Arc::new),
        consent: None,
        message: None,
        foreign_id: None,
        others: BTreeMap::new(),
    }
}

/// So many numbers of these area codes of North America in turn, other ones for each series.
pub(crate) fn numbers(
    areas: &'static [u64],
    count: usize,
    series: u64,
) -> impl Iterator<Item = u64> {
    let areas = areas.iter().cycle();
    areas
        .zip(0..)
        .take(count)
        .map(move |(area, nth)| (1_000 + area) * 10_000_000 + 2_000_000 + 1_000_000 * series + nth)
}

/// Rows of a transaction.
const ROWS: usize = 20_000;
