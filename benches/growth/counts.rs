//! A campaign that grows.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aftertone::{
    campaign::{
        engine::CampaignId,
        policy::{Gate, GateSettings},
    },
    store::{DueQueue, NewCampaign, OperatorCommand, Store, StoreError},
};
use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::database::{Kind, place, registration};

/// Fills a database to each size, and prints a line of the table for each.
pub(crate) async fn measure(kind: Kind, sizes: &[u64]) -> Result<()> {
    let (folder, database) = crate::fresh(kind)?;
    let url = database.url().to_owned();
    let store = Store::open(&place(&url)).await?;
    let new = NewCampaign {
        name: NAME.to_owned(),
        spec: "{}".to_owned(),
    };
    let campaign = store.create_campaign(&new, Timestamp::now()).await?.id;
    let start = store.order(campaign, OperatorCommand::Resume, Timestamp::now());
    start.await?;
    store.close().await;
    let home = folder.path();
    configure(home, &url)?;
    println!("\n{kind}, in ms; in brackets: from the rows\n");
    println!(
        "{:>10} {:>8} {:>8} {:>18} {:>18} {:>18} {:>8} {:>10}",
        "contacts", "first", "open", "tally", "waiting", "caller ids", "status", "controller"
    );
    let mut filled = 0;
    for &size in sizes {
        fill(&url, campaign, filled, size).await?;
        filled = size;
        database.settle_all().await?;
        // On SQLite a controller that begins counts what has come in past the imports.
        let first = controller(&url, campaign, size, "first").await?;
        let open = timed(async {
            Store::open(&place(&url)).await?.close().await;
            Ok(())
        })
        .await?;
        let store = Store::open(&place(&url)).await?;
        let now = Timestamp::now();
        let (tally, _) = given(store.tally(campaign)).await?;
        let (waiting, _) = given(store.waiting(campaign, now)).await?;
        let (callers, _) = given(store.caller_ids_used(campaign)).await?;
        ensure!(
            store.tally(campaign).await?.contacts == size,
            "not all are counted"
        );
        store.close().await;
        let rows = [
            rows(&url, &TALLY).await?,
            rows(&url, &[WAITING]).await?,
            rows(&url, &[CALLERS]).await?,
        ];
        let status = timed(async { status(home) }).await?;
        let begins = controller(&url, campaign, size, "again").await?;
        let both = |it: f64, rows: f64| format!("{it:.1} ({rows:.0})");
        println!(
            "{size:>10} {first:>8.0} {open:>8.1} {:>18} {:>18} {:>18} {status:>8.0} {begins:>10.1}",
            both(tally, rows[0]),
            both(waiting, rows[1]),
            both(callers, rows[2]),
        );
    }
    Ok(())
}

/// All that a controller does in the store before it dials.
async fn controller(url: &str, campaign: CampaignId, size: u64, name: &str) -> Result<f64> {
    let begun = Instant::now();
    let store = Store::open(&place(url)).await?;
    let now = Timestamp::now();
    store.campaigns(0).await?;
    store.caller_ids_used(campaign).await?;
    store.waiting(campaign, now).await?;
    store.tally(campaign).await?;
    let registration = registration(&format!("{name}{size}"))?;
    let holder = store.begin_controller(&registration, now).await?;
    store.adopt(&holder, &[], now).await?;
    store.recent_starts(&holder.trunk, now).await?;
    store.recent_calls(&holder.trunk, now, None).await?;
    let history = SignedDuration::from_hours(24);
    let mut queue = DueQueue::new(Gate::new(GateSettings::default()));
    store
        .lease(&holder, campaign, 100, history, &mut queue, now)
        .await?;
    let took = milliseconds(begun.elapsed());
    store.end_controller(&holder, now).await?;
    store.close().await;
    Ok(took)
}

/// How long it takes, and what it gives.
async fn given<T>(what: impl Future<Output = Result<T, StoreError>>) -> Result<(f64, T)> {
    let begun = Instant::now();
    let given = what.await?;
    Ok((milliseconds(begun.elapsed()), given))
}

async fn timed(what: impl Future<Output = Result<()>>) -> Result<f64> {
    let begun = Instant::now();
    what.await?;
    Ok(milliseconds(begun.elapsed()))
}

fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// The process, from its start to its end.
fn status(home: &Path) -> Result<()> {
    let done = Command::new(env!("CARGO_BIN_EXE_aftertone"))
        .current_dir(home)
        .args(["--config", "aftertone.toml", "campaign", "status", NAME])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "`campaign status` failed: {said}");
    Ok(())
}

fn configure(home: &Path, url: &str) -> Result<()> {
    let file = home.join("aftertone.toml");
    let text = format!(
        "state_dir = \"state\"\n[pbx]\nurl = \"http://127.0.0.1:9\"\nusername = \"bench\"\n\
         password = \"secret\"\nendpoint = \"PJSIP/{{number}}@carrier\"\ncaller_id = \"+12025550100\"\n\
         sounds_dir = \"sounds\"\n[store]\nurl = \"{url}\"\n"
    );
    fs::write(&file, text)?;
    Ok(fs::set_permissions(
        &file,
        fs::Permissions::from_mode(0o600),
    )?)
}

/// Makes contacts, and the drops of those that have ended.
async fn fill(url: &str, campaign: CampaignId, from: u64, to: u64) -> Result<()> {
    let now = Timestamp::now().as_microsecond();
    for first in (from..to).step_by(CHUNK) {
        let last = to.min(first + CHUNK as u64) - 1;
        let series = match url.starts_with("sqlite:") {
            true => format!(
                "(WITH RECURSIVE s (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s)"
            ),
            false => {
                format!("(SELECT n FROM generate_series(CAST({first} AS BIGINT), {last}) AS n)")
            }
        };
        run(
            url,
            &format!(
                "INSERT INTO contacts (campaign, number, name, zone, consent, foreign_id, stage, due_at, held, \
                 held_zone, attempts, outcome, refused, ended_at) SELECT {campaign}, 10000000000 + n, 'Contact ' || n, \
                 'America/Chicago', 'written', 'crm-' || n, \
                 CASE WHEN n % 20 < 17 THEN 'due' WHEN n % 20 < 19 THEN 'ended' ELSE 'refused' END, \
                 CASE WHEN n % 20 < 12 THEN {now} - 600000000 WHEN n % 20 < 16 THEN {now} + 86400000000 \
                 WHEN n % 20 < 17 THEN {now} + 600000000 + n % 360 * 60000000 END, \
                 CASE WHEN n % 20 BETWEEN 12 AND 15 THEN 'calling_hours' END, \
                 CASE n % 20 WHEN 12 THEN 'America/Chicago' WHEN 13 THEN 'America/Denver' \
                 WHEN 14 THEN 'America/New_York' WHEN 15 THEN 'America/Los_Angeles' END, \
                 CASE WHEN n % 20 BETWEEN 16 AND 18 THEN 1 ELSE 0 END, \
                 CASE n % 20 WHEN 17 THEN 'delivered' WHEN 18 THEN 'no_answer' END, \
                 CASE n % 20 WHEN 19 THEN 'do_not_call' END, CASE WHEN n % 20 > 16 THEN {now} END FROM {series} AS series"
            ),
        )
        .await?;
        run(
            url,
            &format!(
                "INSERT INTO drops (id, campaign, contact, attempt, number, pbx, run, holder, technique, message, caller_id, \
                 ruling, despite_do_not_call, started_at, ended_at, outcome, is_final) \
                 SELECT 'drop' || number, campaign, id, 1, number, 'elsewhere', 'run', 'run', 'single', 'm', \
                 '+1202555010' || number % 4, '{{}}', 0, {now}, {now}, outcome, 1 FROM contacts \
                 WHERE outcome IS NOT NULL AND number BETWEEN 10000000000 + {first} AND 10000000000 + {last}"
            ),
        )
        .await?;
    }
    Ok(())
}

/// How long statements take that count the rows themselves.
async fn rows(url: &str, statements: &[&str]) -> Result<f64> {
    timed(async {
        for statement in statements {
            run(url, statement).await?;
        }
        Ok(())
    })
    .await
}

async fn run(url: &str, sql: &str) -> Result<()> {
    let sql = AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await?;
        sqlx::raw_sql("PRAGMA cache_size = -65536")
            .execute(&mut connection)
            .await?;
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        return Ok(connection.close().await?);
    }
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

const NAME: &str = "spring";

/// Contacts of one statement.
const CHUNK: usize = 100_000;

const TALLY: [&str; 5] = [
    "SELECT count(*) FROM contacts WHERE campaign = 1",
    "SELECT outcome, count(*) FROM contacts WHERE campaign = 1 AND outcome IS NOT NULL GROUP BY outcome",
    "SELECT refused, count(*) FROM contacts WHERE campaign = 1 AND outcome IS NULL AND refused IS NOT NULL GROUP BY refused",
    "SELECT count(*) FROM contacts WHERE holder IS NOT NULL AND stage = 'dialling' AND campaign = 1",
    "SELECT count(*) FROM drops WHERE campaign = 1",
];

const WAITING: &str = "SELECT held, (due_at + 59999999) / 60000000 * 60000000 AS until, held_zone, count(*) \
    FROM contacts WHERE campaign = 1 AND due_at > 1700000000000000 AND stage = 'due' GROUP BY 1, 2, 3";

const CALLERS: &str = "SELECT caller_id, count(*) FROM drops WHERE campaign = 1 AND caller_id IS NOT NULL \
    GROUP BY caller_id";
