//! What a contact, a drop, a held contact and a number that must not be called take: bytes in the database, bytes that are
//! written, transactions. The page on sizing is made from it.
//!
//! `cargo bench --bench units [-- --postgres URL] [--contacts N]`: the database of the URL has to be empty. Rulings are the gate's
//! own; reports are as long as those of real drops. What is written is PostgreSQL's log, or whatever this process
//! has written to SQLite's files.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "import/list.rs"]
mod list;

use std::{fs, path::Path, process::ExitCode, time::Duration};

use aftertone::{
    campaign::{
        HeldReason,
        budget::Calls,
        engine::{CampaignId, PbxId, Settlement},
        pace::Rate,
        policy::{CampaignKind, Case, Gate, GateSettings},
    },
    drop::{Outcome, Proof, Technique},
    id::{DropId, RunName},
    import::Import,
    list::Mapping,
    phone::{PhoneNumber, Rules},
    store::{
        Across, ControllerLease, DatabaseAddress, DropEnd, DueQueue, Intent, Leased, ListName,
        NewCampaign, OWN_LIST, OperatorCommand, Registration, StartTerms, Store, Write,
    },
};
use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, ToSpan as _};
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    let contacts = after("--contacts").map_or(Ok(100_000), |count| count.parse());
    let measured = contacts.map_err(anyhow::Error::from).and_then(|contacts| {
        let runtime = tokio::runtime::Runtime::new()?;
        let folder = tempfile::tempdir()?;
        println!("| | one | bytes kept | bytes written | transactions |\n|---|---|---:|---:|---:|");
        let file = Meter::Sqlite(format!(
            "sqlite:{}",
            folder.path().join("units.db").display()
        ));
        let meters = [Some(file), after("--postgres").map(Meter::Postgres)];
        for meter in meters.into_iter().flatten() {
            runtime.block_on(measure(&meter, contacts, folder.path()))?;
        }
        Ok(())
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(meter: &Meter, contacts: u64, folder: &Path) -> Result<()> {
    let place = DatabaseAddress::parse(&meter.url().to_owned().into())?;
    let store = Store::open(&place).await?;
    let gate = Gate::new(GateSettings::default());

    let mut before = meter.read().await?;
    let campaign = import(&store, contacts, folder).await?;
    before = meter.row("contact", contacts, before).await?;

    let registration = Registration {
        run: RunName::unique("units")?,
        pbx: "units".to_owned(),
        identity: "units".to_owned(),
        marker: None,
        trunk: "units".to_owned(),
        rate: Rate::new(Rate::MOST_STARTS, Duration::from_secs(1)).context("a rate")?,
        in_flight: 1_000_000,
        is_single: false,
    };
    let holder = store.begin_controller(&registration, Timestamp::now());
    let work = Work {
        store: &store,
        holder: holder.await?,
        campaign,
        gate,
    };
    for (name, drops, batch) in [
        ("drop, 50 a transaction", contacts / 10, 50),
        ("drop, each alone", contacts / 100, 1),
    ] {
        work.drops(drops, batch).await?;
        before = meter.row(name, drops, before).await?;
    }
    let held = contacts / 10;
    work.hold(held).await?;
    before = meter
        .row("held contact, 1,000 a transaction", held, before)
        .await?;

    let list = ListName::new(OWN_LIST).context("a list's name")?;
    let numbers = (0..contacts).map(|nth| PhoneNumber::from_digits(13_020_000_000 + 7 * nth));
    let numbers: Vec<_> = numbers.collect::<Option<_>>().context("a number")?;
    store.bar(&list, &numbers, None, Timestamp::now()).await?;
    meter
        .row("number that must not be called", contacts, before)
        .await?;
    store.end_controller(&work.holder, Timestamp::now()).await?;
    store.close().await;
    Ok(())
}

async fn import(store: &Store, contacts: u64, folder: &Path) -> Result<CampaignId> {
    let path = folder.join("list.csv");
    list::write(&path, contacts)?;
    let new = NewCampaign {
        name: "units".to_owned(),
        spec: "{}".to_owned(),
    };
    let campaign = store.create_campaign(&new, Timestamp::now()).await?.id;
    let start = store.order(campaign, OperatorCommand::Resume, Timestamp::now());
    start.await?;
    let import = Import {
        campaign,
        list: path,
        mapping: Mapping::default(),
        rules: Rules::default(),
        dates: None,
        across: Across::Allow,
        name: None,
        rejects: folder.join("rejects.csv"),
        is_change_accepted: false,
        is_beside_others: false,
    };
    let imported = import.run(store, &CancellationToken::new(), |_| {}).await?;
    ensure!(imported.progress.added == contacts, "{imported:?}");
    Ok(campaign)
}

struct Work<'a> {
    store: &'a Store,
    holder: ControllerLease,
    campaign: CampaignId,
    gate: Gate,
}

impl Work<'_> {
    async fn drops(&self, drops: u64, batch: usize) -> Result<()> {
        let mut done = 0;
        while done < drops {
            let leased = self.lease(batch).await?;
            done += leased.len() as u64;
            let ids: Vec<_> = leased.iter().map(|_| DropId::generate()).collect();
            let both = leased.iter().zip(ids);
            let (starts, ends): (Vec<_>, Vec<_>) = both
                .map(|(leased, drop)| (self.start(leased, drop), self.end(leased, drop)))
                .unzip();
            for writes in [starts, ends] {
                self.store
                    .commit(&self.holder, &writes, Timestamp::now())
                    .await?;
            }
        }
        Ok(())
    }

    async fn hold(&self, contacts: u64) -> Result<()> {
        let mut done = 0;
        while done < contacts {
            let leased = self.lease(1_000).await?;
            done += leased.len() as u64;
            let until = Timestamp::now() + 10.hours();
            let writes: Vec<_> = leased
                .iter()
                .map(|leased| Write::Settle {
                    campaign: self.campaign,
                    contact: leased.contact.id,
                    settlement: Settlement::Held {
                        reason: HeldReason::CallingHours,
                        until,
                    },
                    ruling: Some(self.ruling(leased)),
                    zone: leased.facts.zone.clone(),
                    place: None,
                    end: None,
                })
                .collect();
            self.store
                .commit(&self.holder, &writes, Timestamp::now())
                .await?;
        }
        Ok(())
    }

    async fn lease(&self, at_most: usize) -> Result<Vec<Leased>> {
        let history = self.gate.settings().history();
        // Whatever the hour is, something is due.
        let open = GateSettings {
            hours: false,
            ..GateSettings::default()
        };
        let mut queue = DueQueue::new(Gate::new(open));
        let leased = self.store.lease(
            &self.holder,
            self.campaign,
            at_most,
            history,
            &mut queue,
            Timestamp::now(),
        );
        let (leased, _) = leased.await?;
        ensure!(!leased.is_empty(), "nothing is due");
        Ok(leased)
    }

    fn ruling(&self, leased: &Leased) -> String {
        let (contact, facts) = (&leased.contact, &leased.facts);
        let case = Case {
            number: Ok(&contact.number),
            zone: facts.zone.as_deref(),
            state: facts.state.as_deref(),
            consent: facts.consent.as_ref(),
            campaign: CampaignKind::Marketing,
            calls: 2,
            do_not_call: None,
            starts: &facts.starts,
            overrides: &[],
        };
        serde_json::to_string(&self.gate.decide(&case, Timestamp::now())).unwrap_or_default()
    }

    fn start(&self, leased: &Leased, drop: DropId) -> Write {
        Write::Start(Box::new(Intent {
            drop,
            of: Some((self.campaign, leased.contact.id)),
            attempt: 1,
            number: leased.contact.number.clone(),
            pbx: PbxId(0),
            technique: Technique::Double,
            message: "promo".to_owned(),
            variant: None,
            caller_id: None,
            ruling: self.ruling(leased),
            version: Some(leased.facts.version),
            despite_do_not_call: false,
            terms: StartTerms::default(),
        }))
    }

    fn end(&self, leased: &Leased, drop: DropId) -> Write {
        Write::Settle {
            campaign: self.campaign,
            contact: leased.contact.id,
            settlement: Settlement::Ended {
                attempt: 1,
                outcome: Outcome::Delivered,
                calls: Calls::default(),
                again: None,
            },
            ruling: None,
            zone: None,
            place: None,
            end: Some(Box::new(DropEnd {
                drop,
                outcome: Outcome::Delivered,
                proof: Proof::Probable,
                busy_up_ms: 0,
                drop_up_ms: 23_000,
                report: report(drop),
                evidence: None,
            })),
        }
    }
}

/// As long as what `aftertone drop --json` prints, and as hard to compress.
fn report(drop: DropId) -> String {
    let moments: Vec<_> = MOMENTS
        .iter()
        .zip([
            0, 2_003, 2_871, 2_874, 3_017, 6_402, 6_422, 9_808, 9_911, 22_940, 22_996,
        ])
        .map(|(event, at)| format!("{{\"at_ms\":{at},\"event\":\"{event}\"}}"))
        .collect();
    format!(
        "{{\"drop\":\"{drop}\",\"outcome\":\"delivered\",\"proof\":\"probable\",\"verdict\":\"machine\",\"amd_cause\":\"LONGGREETING-1500-1500\",\
         \"promoted\":false,\"ready_by\":\"beep\",\"played_ms\":13020,\"ended_by\":\"us\",\"legs\":{{\"busy\":{{\"channel\":\"unit-{drop}-busy\",\
         \"q850\":16,\"sip\":null}},\"drop\":{{\"channel\":\"unit-{drop}-drop\",\"q850\":16,\"sip\":null}}}},\"timeline\":[{}]}}",
        moments.join(",")
    )
}

const MOMENTS: [&str; 11] = [
    "busy_dialled",
    "drop_dialled",
    "busy_alerting",
    "drop_alerting",
    "busy_hung_up",
    "drop_answered",
    "busy_gone",
    "verdict",
    "ready",
    "play_finished",
    "drop_gone",
];

/// What is read before and after.
enum Meter {
    Sqlite(String),
    Postgres(String),
}

#[derive(Clone, Copy)]
struct Reading {
    kept: i64,
    written: i64,
    transactions: Option<i64>,
}

impl Meter {
    fn url(&self) -> &str {
        match self {
            Self::Sqlite(url) | Self::Postgres(url) => url,
        }
    }

    /// Prints what each of so many took since then.
    async fn row(&self, what: &str, count: u64, before: Reading) -> Result<Reading> {
        let now = self.read().await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let each = |before: i64, now: i64| (now - before) as f64 / count as f64;
        let database = match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        };
        let transactions = before
            .transactions
            .zip(now.transactions)
            .map_or_else(String::new, |(before, now)| {
                format!("{:.2}", each(before, now))
            });
        println!(
            "| {database} | {what} | {:.0} | {:.0} | {transactions} |",
            each(before.kept, now.kept),
            each(before.written, now.written),
        );
        Ok(now)
    }

    async fn read(&self) -> Result<Reading> {
        match self {
            Self::Sqlite(url) => {
                let mut connection = SqliteConnection::connect(url).await?;
                let pages =
                    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
                let row = sqlx::raw_sql(pages).fetch_one(&mut connection).await?;
                connection.close().await?;
                let io = fs::read_to_string("/proc/self/io")?;
                let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
                Ok(Reading {
                    kept: row.try_get(0)?,
                    written: written.context("no wchar in /proc/self/io")?.parse()?,
                    transactions: None,
                })
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                // The counts of a session arrive when it has been idle for a second.
                let counts = "SELECT pg_sleep(1.5), pg_stat_clear_snapshot(), \
                    (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' \
                    AND relnamespace = 'public'::regnamespace), \
                    (pg_current_wal_insert_lsn() - '0/0')::bigint, \
                    (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())";
                let row = sqlx::raw_sql(counts).fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok(Reading {
                    kept: row.try_get(2)?,
                    written: row.try_get(3)?,
                    transactions: Some(row.try_get(4)?),
                })
            }
        }
    }
}
