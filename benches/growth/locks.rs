//! Fifty writers of intents, and what stops them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aftertone::{
    campaign::engine::{CampaignId, InFlight, PbxId},
    drop::Technique,
    id::DropId,
    phone::PhoneNumber,
    store::{
        DatabaseAddress, Intent, ListName, NewCampaign, OWN_LIST, OperatorCommand, PostgresAddress,
        StartTerms, Store, Write,
    },
};
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task::JoinSet;

use crate::database::{Kind, place, registration};

/// How an intent keeps what it is decided on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It shares the rows.
    SharedRows,
    /// It shares locks that queue.
    Locks,
    /// As the store does it.
    Store,
}

/// Prints how long barring and pausing take, each way or by the store alone.
pub(crate) async fn measure(only_store: bool) -> Result<()> {
    let (_folder, database) = crate::fresh(Kind::Postgres)?;
    let url = database.url();
    let store = Store::open(&place(url)).await?;
    let new = NewCampaign {
        name: "spring".to_owned(),
        spec: "{}".to_owned(),
    };
    let campaign = store.create_campaign(&new, Timestamp::now()).await?.id;
    let start = store.order(campaign, OperatorCommand::Resume, Timestamp::now());
    start.await?;
    println!(
        "\n{WRITERS} writers of intents, in ms: median and longest of {TIMES}; `>` if it did not get in at all\n"
    );
    println!(
        "{:<12} {:>10} {:>20} {:>20}",
        "", "intents/s", "bar", "pause"
    );
    let ways = [Way::SharedRows, Way::Locks, Way::Store];
    for way in ways
        .into_iter()
        .filter(|way| !only_store || *way == Way::Store)
    {
        let triggers = match way {
            Way::SharedRows => "DISABLE",
            Way::Locks | Way::Store => "ENABLE",
        };
        let mut own = PgConnection::connect(url).await?;
        let switch = AssertSqlSafe(format!(
            "ALTER TABLE do_not_call {triggers} TRIGGER USER; ALTER TABLE campaigns {triggers} TRIGGER USER"
        ));
        sqlx::raw_sql(switch).execute(&mut own).await?;
        let writers = Writers::begin(url, way, campaign).await?;
        let begun = Instant::now();
        let (mut bars, mut pauses) = (Vec::new(), Vec::new());
        for nth in 0..TIMES {
            bars.push(bar(way, &store, &mut own, nth).await?);
            pauses.push(pause(way, &store, &mut own, campaign).await?);
        }
        let rate = writers.end(begun).await?;
        let name = match way {
            Way::SharedRows => "shared rows",
            Way::Locks => "locks",
            Way::Store => "the store",
        };
        println!(
            "{name:<12} {rate:>10.0} {:>20} {:>20}",
            figures(bars),
            figures(pauses)
        );
    }
    Ok(())
}

/// Those that write.
struct Writers {
    tasks: JoinSet<Result<()>>,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
}

impl Writers {
    async fn begin(url: &str, way: Way, campaign: CampaignId) -> Result<Self> {
        let mut all = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            written: Arc::default(),
        };
        for nth in 0..WRITERS {
            let (stop, written) = (Arc::clone(&all.stop), Arc::clone(&all.written));
            match way {
                Way::SharedRows | Way::Locks => {
                    let mut connection = PgConnection::connect(url).await?;
                    all.tasks.spawn(async move {
                        while !stop.load(Ordering::Relaxed) {
                            for sql in intent(way, campaign, nth) {
                                let sql = AssertSqlSafe(sql);
                                sqlx::raw_sql(sql).execute(&mut connection).await?;
                            }
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    });
                }
                Way::Store => {
                    // The server has a hundred connections, and a writer uses one at a time.
                    let address = PostgresAddress::from(url).with_connections(1);
                    let store = Store::open(&DatabaseAddress::Postgres(address)).await?;
                    let registration = registration(&format!("run{nth}"))?;
                    let holder = store
                        .begin_controller(&registration, Timestamp::now())
                        .await?;
                    let number = PhoneNumber::from_digits(12_025_550_000 + nth);
                    let number = number.context("no number")?;
                    all.tasks.spawn(async move {
                        for turn in 0_u128.. {
                            if stop.load(Ordering::Relaxed) {
                                break;
                            }
                            let drop = u128::from(nth) * 1_000_000 + turn + 1;
                            let write = Write::Start(Box::new(start(drop, number.clone())));
                            store.commit(&holder, &[write], Timestamp::now()).await?;
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    });
                }
            }
        }
        while all.written.load(Ordering::Relaxed) < 2 * WRITERS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(all)
    }

    /// How many a second they wrote.
    async fn end(mut self, begun: Instant) -> Result<f64> {
        let (written, took) = (self.written.load(Ordering::Relaxed), begun.elapsed());
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task??;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        Ok(written as f64 / took.as_secs_f64())
    }
}

/// The statements of an intent, each a round trip.
fn intent(way: Way, campaign: CampaignId, nth: u64) -> Vec<String> {
    let number = 12_025_550_000 + nth;
    let (campaign_row, list_row) = match way {
        Way::SharedRows => (
            format!("SELECT standing FROM campaigns WHERE id = {campaign} FOR SHARE"),
            "SELECT value FROM counters WHERE name = 'do_not_call' FOR SHARE".to_owned(),
        ),
        Way::Locks | Way::Store => (
            format!(
                "SELECT pg_advisory_xact_lock_shared(1634104369, 1), \
                 pg_advisory_xact_lock_shared(1634104370, {campaign}), pg_advisory_xact_lock_shared(1634104369, 0)"
            ),
            format!("SELECT standing FROM campaigns WHERE id = {campaign}"),
        ),
    };
    vec![
        "BEGIN".to_owned(),
        campaign_row,
        list_row,
        format!(
            "INSERT INTO numbers (number, version) VALUES ({number}, 1) \
             ON CONFLICT (number) DO UPDATE SET version = numbers.version + 1"
        ),
        format!("SELECT 1 FROM do_not_call WHERE number = {number}"),
        format!(
            "INSERT INTO drops (id, attempt, number, pbx, run, holder, technique, message, ruling, \
             despite_do_not_call, started_at) VALUES (gen_random_uuid(), 1, {number}, 'pbx', 'r', 'r', 'single', 'm', \
             '{{}}', 0, 0)"
        ),
        "COMMIT".to_owned(),
    ]
}

fn start(drop: u128, number: PhoneNumber) -> Intent {
    Intent {
        drop: DropId::from_u128(drop),
        of: None,
        attempt: 1,
        number,
        pbx: PbxId(0),
        technique: Technique::Single,
        message: "m".to_owned(),
        variant: None,
        caller_id: None,
        ruling: "{}".to_owned(),
        version: None,
        despite_do_not_call: false,
        terms: StartTerms::default(),
    }
}

/// Bars a number that nobody dials; `None` if it did not get in.
async fn bar(way: Way, store: &Store, own: &mut PgConnection, nth: u64) -> Result<Option<f64>> {
    if way == Way::Store {
        let list = ListName::new(OWN_LIST).context("no list")?;
        let number = PhoneNumber::from_digits(12_025_559_000 + nth).context("no number")?;
        let begun = Instant::now();
        store.bar(&list, &[number], None, Timestamp::now()).await?;
        return Ok(Some(1e3 * begun.elapsed().as_secs_f64()));
    }
    let number = 12_025_558_000 + nth;
    statements(
        own,
        &[
            "INSERT INTO lists (name, created_at) VALUES ('own', 0) ON CONFLICT DO NOTHING".to_owned(),
            format!(
                "INSERT INTO do_not_call (number, list, at) SELECT {number}, id, 0 FROM lists ON CONFLICT DO NOTHING"
            ),
            "UPDATE counters SET value = value + 1 WHERE name = 'do_not_call'".to_owned(),
        ],
    )
    .await
}

/// Pauses the campaign, and resumes it.
async fn pause(
    way: Way,
    store: &Store,
    own: &mut PgConnection,
    campaign: CampaignId,
) -> Result<Option<f64>> {
    if way == Way::Store {
        let now = Timestamp::now();
        let begun = Instant::now();
        let pause = OperatorCommand::Pause(InFlight::Finish);
        store.order(campaign, pause, now).await?;
        let took = 1e3 * begun.elapsed().as_secs_f64();
        store.order(campaign, OperatorCommand::Resume, now).await?;
        return Ok(Some(took));
    }
    let change = |standing: &str| {
        vec![
            "UPDATE counters SET value = value + 1 WHERE name = 'campaign'".to_owned(),
            format!("SELECT id FROM campaigns WHERE id = {campaign} FOR NO KEY UPDATE"),
            format!("UPDATE campaigns SET standing = '{standing}' WHERE id = {campaign}"),
        ]
    };
    let mut pause = change("paused");
    if way == Way::Locks {
        pause.insert(
            1,
            format!(
                "SELECT set_config('aftertone.holds_intents', 'yes', true), \
                 pg_advisory_xact_lock(1634104370, {campaign})"
            ),
        );
    }
    let took = statements(own, &pause).await?;
    statements(own, &change("running")).await?;
    Ok(took)
}

async fn statements(own: &mut PgConnection, all: &[String]) -> Result<Option<f64>> {
    let begun = Instant::now();
    let patience = format!("BEGIN; SET LOCAL lock_timeout = '{PATIENCE}'");
    sqlx::raw_sql(AssertSqlSafe(patience))
        .execute(&mut *own)
        .await?;
    for sql in all {
        let sql = AssertSqlSafe(sql.clone());
        if let Err(error) = sqlx::raw_sql(sql).execute(&mut *own).await {
            sqlx::raw_sql("ROLLBACK").execute(&mut *own).await?;
            let code = error.as_database_error().and_then(|error| error.code());
            return match code.as_deref() {
                Some("55P03") => Ok(None),
                Some(_) | None => Err(error.into()),
            };
        }
    }
    sqlx::raw_sql("COMMIT").execute(&mut *own).await?;
    Ok(Some(1e3 * begun.elapsed().as_secs_f64()))
}

fn figures(times: Vec<Option<f64>>) -> String {
    let mut times: Vec<f64> = times
        .into_iter()
        .map(|time| time.unwrap_or(f64::INFINITY))
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |nth: usize| match times.get(nth) {
        Some(time) if time.is_finite() => format!("{time:.0}"),
        Some(_) | None => format!("> {PATIENCE}"),
    };
    format!("{} / {}", at(times.len() / 2), at(times.len() - 1))
}

const WRITERS: u64 = 50;

/// How often each is asked.
const TIMES: u64 = 7;

/// How long one waits at most.
const PATIENCE: &str = "5s";
