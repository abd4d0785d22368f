//! The first release: its schema as it made it, with rows of every kind, and a program of its statements.
//!
//! The texts are those of the release and are never changed.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Postgres, Transaction,
    migrate::{Migration, MigrationType},
};

use crate::base::{Base, Kind};

/// Makes the database as the first release made it.
pub(crate) async fn install(base: &Base) {
    let (schema, steps) = match base.kind {
        Kind::Sqlite => (
            include_str!("../../src/store/migrations/0001.sqlite.sql"),
            SQLITE_STEPS,
        ),
        Kind::Postgres => (
            include_str!("../../src/store/migrations/0001.postgres.sql"),
            POSTGRES_STEPS,
        ),
    };
    let hex = checksum(schema);
    let (released, digest) = match base.kind {
        Kind::Sqlite => (SQLITE_RELEASED, format!("X'{hex}'")),
        Kind::Postgres => (POSTGRES_RELEASED, format!("'\\x{hex}'")),
    };
    assert_eq!(hex, released, "the released step is never changed");
    if base.kind == Kind::Sqlite {
        base.run("PRAGMA journal_mode = WAL").await;
    }
    base.run(steps).await;
    base.run(schema).await;
    base.run(format!(
        "INSERT INTO aftertone_migrations (version, description, success, checksum, execution_time) \
         VALUES (1, 'first', true, {digest}, 1000)"
    ))
    .await;
}

/// Adds rows of every kind.
pub(crate) async fn fill(base: &Base) {
    base.run(include_str!("released/rows.sql")).await;
}

fn checksum(text: &'static str) -> String {
    let text = sqlx::SqlSafeStr::into_sql_str(text);
    let step = Migration::new(1, "first".into(), MigrationType::Simple, text, false);
    step.checksum
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A controller of the first release, on PostgreSQL.
pub(crate) struct FirstProgram {
    connection: PgConnection,
    run: String,
    campaign: i64,
    next_drop: u128,
    /// Drops of its own that are not over: contact, drop.
    pub(crate) open: Vec<(i64, String)>,
    pub(crate) started: u64,
}

impl FirstProgram {
    pub(crate) async fn begin(url: &str, run: &str, campaign: i64, now: i64) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query(BEGIN)
            .bind(run)
            .bind("old-pbx")
            .bind(now)
            .bind(now + 3_600_000_000)
            .execute(&mut connection)
            .await
            .unwrap();
        Self {
            connection,
            run: run.to_owned(),
            campaign,
            next_drop: 1_000_000,
            open: Vec::new(),
            started: 0,
        }
    }

    /// Leases contacts that are due, starts a drop to each, and returns how many were leased.
    pub(crate) async fn lease_and_start(&mut self, at_most: i64, now: i64) -> usize {
        let mut tx = self.connection.begin_with(WRITE).await.unwrap();
        alive(&mut tx, &self.run).await;
        let due: Vec<(i64, i64, i64)> = sqlx::query_as(DUE)
            .bind(self.campaign)
            .bind(now)
            .bind(at_most)
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        let ids = ids(due.iter().map(|(id, ..)| *id));
        sqlx::query(LEASE)
            .bind(&ids)
            .bind(&self.run)
            .bind(now + 90_000_000)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        for (contact, number, attempts) in &due {
            self.start(*contact, *number, attempts + 1, now).await;
        }
        due.len()
    }

    async fn start(&mut self, contact: i64, number: i64, attempt: i64, now: i64) {
        let drop = format!("{:032x}", self.next_drop);
        self.next_drop += 1;
        let mut tx = self.connection.begin_with(WRITE).await.unwrap();
        alive(&mut tx, &self.run).await;
        let campaign = ids([self.campaign].into_iter());
        let standing: (i64, String) = sqlx::query_as(CAMPAIGNS)
            .bind(&campaign)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        sqlx::query(HOLD_LISTS).fetch_all(&mut *tx).await.unwrap();
        let numbers = format!(r#"[{{"number":{number}}}]"#);
        let version: (i64, i64) = sqlx::query_as(NUMBERS)
            .bind(&numbers)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        let barred: Vec<(i64, String)> = sqlx::query_as(BARRED)
            .bind(&numbers)
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        let contacts = ids([contact].into_iter());
        let (held_by,): (Option<String>,) = sqlx::query_as(CONTACTS)
            .bind(&contacts)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        if standing.1 != "running" || held_by.as_deref() != Some(&self.run) {
            return;
        }
        if barred.is_empty() {
            let given = serde_json::json!([{
                "id": drop, "campaign": self.campaign, "contact": contact, "attempt": attempt, "number": number,
                "pbx": "old-pbx", "run": self.run, "technique": "double", "message": "promo", "variant": null,
                "caller_id": null, "ruling": "{}", "despite": 0, "started_at": now
            }]);
            execute(&mut tx, INSERT_DROPS, &given).await;
            let given = serde_json::json!([{
                "id": contact, "stage": "dialling", "due_at": null, "was_due": now, "holder": self.run,
                "attempts": attempt, "held": null, "held_zone": null, "outcome": null, "refused": null, "ended_at": null
            }]);
            execute(&mut tx, UPDATE_CONTACTS, &given).await;
            let given = serde_json::json!([{ "number": number, "version": version.1 + 1 }]);
            execute(&mut tx, UPDATE_NUMBERS, &given).await;
            self.open.push((contact, drop));
            self.started += 1;
        } else {
            let given = serde_json::json!([{
                "id": contact, "stage": "refused", "due_at": null, "was_due": null, "holder": null,
                "attempts": attempt - 1, "held": null, "held_zone": null, "outcome": null,
                "refused": "do_not_call", "ended_at": now
            }]);
            execute(&mut tx, UPDATE_CONTACTS, &given).await;
            let given = serde_json::json!([{
                "campaign": self.campaign, "contact": contact, "at": now, "decision": "refused",
                "reason": "do_not_call", "until": null, "zone": null, "ruling": "{}"
            }]);
            execute(&mut tx, INSERT_DECISIONS, &given).await;
        }
        tx.commit().await.unwrap();
    }

    /// Ends all drops of its own, for good, and holds none.
    pub(crate) async fn end_all(&mut self, now: i64) {
        for (contact, drop) in std::mem::take(&mut self.open) {
            let mut tx = self.connection.begin_with(WRITE).await.unwrap();
            alive(&mut tx, &self.run).await;
            let contacts = ids([contact].into_iter());
            sqlx::query(CONTACTS)
                .bind(&contacts)
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let given = serde_json::json!([{
                "id": drop, "ended_at": now, "outcome": "delivered", "proof": "proven", "is_final": 1, "busy_legs": 1,
                "drop_legs": 1, "released": 1, "given_up": 0, "answered": 1, "short": 0, "people": 0,
                "busy_up_ms": 0, "drop_up_ms": 7000, "report": "{}", "evidence": null
            }]);
            execute(&mut tx, END_DROPS, &given).await;
            let given = serde_json::json!([{
                "id": contact, "stage": "ended", "due_at": null, "was_due": null, "holder": null, "attempts": 1,
                "held": null, "held_zone": null, "outcome": "delivered", "refused": null, "ended_at": now
            }]);
            execute(&mut tx, UPDATE_CONTACTS, &given).await;
            tx.commit().await.unwrap();
        }
    }

    /// Bars a number, as `dnc add` does.
    pub(crate) async fn bar(&mut self, number: i64, now: i64) {
        let mut tx = self.connection.begin_with(WRITE).await.unwrap();
        sqlx::query(MAKE_LIST)
            .bind("own")
            .bind(now)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(BAR)
            .bind(format!(r#"[{{"number":{number}}}]"#))
            .bind("own")
            .bind(now)
            .bind(Option::<String>::None)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(HOLD_INTENTS).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Adds contacts, as an import does.
    pub(crate) async fn add(&mut self, numbers: impl Iterator<Item = i64>, now: i64) {
        let rows: Vec<_> = numbers
            .zip(2..)
            .map(|(number, line)| serde_json::json!({ "line": line, "number": number }))
            .collect();
        let mut tx = self.connection.begin_with(WRITE).await.unwrap();
        let (import,): (i64,) = sqlx::query_as(BEGIN_IMPORT)
            .bind(self.campaign)
            .bind("old.csv")
            .bind(now)
            .bind("digest")
            .bind(now)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        let added = sqlx::query(ADD)
            .bind(serde_json::Value::from(rows.clone()).to_string())
            .bind(self.campaign)
            .bind(import)
            .bind(now)
            .bind(0_i64)
            .execute(&mut *tx)
            .await
            .unwrap();
        assert_eq!(added.rows_affected(), rows.len() as u64);
        tx.commit().await.unwrap();
    }
}

async fn alive(tx: &mut Transaction<'_, Postgres>, run: &str) {
    let row = sqlx::query(ALIVE).bind(run).fetch_optional(&mut **tx);
    assert!(row.await.unwrap().is_some());
}

async fn execute(tx: &mut Transaction<'_, Postgres>, sql: &str, given: &serde_json::Value) {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(given.to_string());
    let done = query.execute(&mut **tx).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{sql}");
}

fn ids(ids: impl Iterator<Item = i64>) -> String {
    let rows: Vec<_> = ids.map(|id| serde_json::json!({ "id": id })).collect();
    serde_json::Value::from(rows).to_string()
}

/// Rows given to a statement, as the release expands them.
macro_rules! given {
    ($columns:literal, $names:literal) => {
        concat!(
            "(SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (",
            $columns,
            ")) WITH ORDINALITY AS given (",
            $names,
            ", nth)) AS given"
        )
    };
}

const WRITE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '30s'";

const BEGIN: &str = "INSERT INTO controllers (run, pbx, began_at, lease_ends) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (run) DO NOTHING";

const ALIVE: &str = "SELECT run FROM controllers WHERE run = $1 AND ended_at IS NULL FOR SHARE";

const DUE: &str = "SELECT id, number, attempts FROM contacts WHERE campaign = $1 AND due_at <= $2 \
    ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED";

const LEASE: &str = concat!(
    "UPDATE contacts SET was_due = CASE stage WHEN 'leased' THEN was_due ELSE due_at END, \
     stage = 'leased', due_at = $3, holder = $2, held = NULL, held_zone = NULL FROM ",
    given!("id BIGINT", "id"),
    " WHERE contacts.id = given.id"
);

const CAMPAIGNS: &str = concat!(
    "SELECT campaigns.id, campaigns.standing FROM ",
    given!("id BIGINT", "id"),
    " CROSS JOIN campaigns WHERE campaigns.id = given.id ORDER BY campaigns.id FOR SHARE OF campaigns"
);

const HOLD_LISTS: &str = "SELECT value FROM counters WHERE name = 'do_not_call' FOR SHARE";

const NUMBERS: &str = concat!(
    "INSERT INTO numbers (number, version) SELECT given.number, 0 FROM ",
    given!("number BIGINT", "number"),
    " ORDER BY given.number ON CONFLICT (number) DO UPDATE SET version = numbers.version RETURNING number, version"
);

const BARRED: &str = concat!(
    "SELECT do_not_call.number, min(lists.name) FROM ",
    given!("number BIGINT", "number"),
    " CROSS JOIN do_not_call CROSS JOIN lists WHERE do_not_call.number = given.number \
     AND lists.id = do_not_call.list GROUP BY do_not_call.number"
);

const CONTACTS: &str = concat!(
    "SELECT holder FROM ",
    given!("id BIGINT", "id"),
    " CROSS JOIN contacts WHERE contacts.id = given.id ORDER BY contacts.id FOR UPDATE OF contacts"
);

const INSERT_DROPS: &str = concat!(
    "INSERT INTO drops (id, campaign, contact, attempt, number, pbx, run, holder, technique, message, \
     variant, caller_id, ruling, despite_do_not_call, started_at) \
     SELECT id, campaign, contact, attempt, number, pbx, run, run, technique, message, \
     variant, caller_id, ruling, despite, started_at FROM ",
    given!(
        "id TEXT, campaign BIGINT, contact BIGINT, attempt BIGINT, number BIGINT, pbx TEXT, run TEXT, \
         technique TEXT, message TEXT, variant TEXT, caller_id TEXT, ruling TEXT, despite BIGINT, started_at BIGINT",
        "id, campaign, contact, attempt, number, pbx, run, technique, message, variant, caller_id, ruling, despite, started_at"
    )
);

const END_DROPS: &str = concat!(
    "UPDATE drops SET ended_at = given.ended_at, outcome = given.outcome, proof = given.proof, \
     is_final = given.is_final, busy_legs = given.busy_legs, drop_legs = given.drop_legs, \
     released = given.released, given_up = given.given_up, answered = given.answered, \
     short = given.short, people = given.people, busy_up_ms = given.busy_up_ms, \
     drop_up_ms = given.drop_up_ms, report = given.report, evidence = given.evidence FROM ",
    given!(
        "id TEXT, ended_at BIGINT, outcome TEXT, proof TEXT, is_final BIGINT, busy_legs BIGINT, \
         drop_legs BIGINT, released BIGINT, given_up BIGINT, answered BIGINT, short BIGINT, \
         people BIGINT, busy_up_ms BIGINT, drop_up_ms BIGINT, report TEXT, evidence TEXT",
        "id, ended_at, outcome, proof, is_final, busy_legs, drop_legs, released, given_up, answered, short, people, \
         busy_up_ms, drop_up_ms, report, evidence"
    ),
    " WHERE drops.id = given.id"
);

const UPDATE_CONTACTS: &str = concat!(
    "UPDATE contacts SET stage = given.stage, due_at = given.due_at, was_due = given.was_due, \
     holder = given.holder, attempts = given.attempts, held = given.held, \
     held_zone = given.held_zone, outcome = given.outcome, refused = given.refused, \
     ended_at = given.ended_at FROM ",
    given!(
        "id BIGINT, stage TEXT, due_at BIGINT, was_due BIGINT, holder TEXT, attempts BIGINT, \
         held TEXT, held_zone TEXT, outcome TEXT, refused TEXT, ended_at BIGINT",
        "id, stage, due_at, was_due, holder, attempts, held, held_zone, outcome, refused, ended_at"
    ),
    " WHERE contacts.id = given.id"
);

const INSERT_DECISIONS: &str = concat!(
    "INSERT INTO decisions (campaign, contact, at, decision, reason, until, zone, ruling) \
     SELECT campaign, contact, at, decision, reason, until, zone, ruling FROM ",
    given!(
        "campaign BIGINT, contact BIGINT, at BIGINT, decision TEXT, reason TEXT, until BIGINT, zone TEXT, ruling TEXT",
        "campaign, contact, at, decision, reason, until, zone, ruling"
    ),
    " ORDER BY nth"
);

const UPDATE_NUMBERS: &str = concat!(
    "INSERT INTO numbers (number, version) SELECT number, version FROM ",
    given!("number BIGINT, version BIGINT", "number, version"),
    " WHERE true ON CONFLICT (number) DO UPDATE SET version = excluded.version"
);

const MAKE_LIST: &str =
    "INSERT INTO lists (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

const BAR: &str = concat!(
    "INSERT INTO do_not_call (number, list, at, because) SELECT given.number, lists.id, $3, $4 FROM ",
    given!("number BIGINT", "number"),
    " CROSS JOIN lists WHERE lists.name = $2 ON CONFLICT (number, list) DO NOTHING"
);

const HOLD_INTENTS: &str = "UPDATE counters SET value = value + 1 WHERE name = 'do_not_call'";

const BEGIN_IMPORT: &str = "INSERT INTO imports (campaign, name, size, digest, began_at, changed_at) \
    VALUES ($1, $2, $3, $4, $5, $5) \
    ON CONFLICT (campaign, digest, size) DO UPDATE SET name = excluded.name RETURNING id";

const ADD: &str = concat!(
    "INSERT INTO contacts (campaign, import, line, number, name, zone, state, consent, consent_at, consent_source, \
     message, foreign_id, others, due_at) \
     SELECT $2, $3, given.line, given.number, given.name, given.zone, given.state, given.consent, given.consent_at, \
     given.consent_source, given.message, given.foreign_id, given.others, $4 FROM ",
    given!(
        "line BIGINT, number BIGINT, name TEXT, zone TEXT, state TEXT, consent TEXT, consent_at BIGINT, \
         consent_source TEXT, message TEXT, foreign_id TEXT, others TEXT",
        "line, number, name, zone, state, consent, consent_at, consent_source, message, foreign_id, others"
    ),
    " WHERE ($5 = 0 OR NOT EXISTS (SELECT 1 FROM contacts AS other JOIN campaigns ON campaigns.id = other.campaign \
     WHERE other.number = given.number AND other.campaign <> $2 \
     AND ($5 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')))) \
     ORDER BY given.nth ON CONFLICT (number, campaign) DO NOTHING"
);

const SQLITE_STEPS: &str = "CREATE TABLE aftertone_migrations (version BIGINT PRIMARY KEY, \
    description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
    success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

const POSTGRES_STEPS: &str = "CREATE TABLE aftertone_migrations (version BIGINT PRIMARY KEY, \
    description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
    success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";

/// SHA-384 of the released steps.
const SQLITE_RELEASED: &str = "92ef622e9d6c3f576e2a07984b7b539703b0be03e97dc11a7a8ce24da7a0258ee96cde97093cc446541cf0c1f0b9a2b6";
const POSTGRES_RELEASED: &str = "d49458650d467800dd5fa873c44bbc389638117e59dcad30b0809fe333444406f8ba5c43fa3421cd9d3264853175533c";
