//! Connecting to PostgreSQL, directly or by way of a pooler.

use std::{str::FromStr as _, time::Duration};

use secrecy::ExposeSecret as _;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Row as _,
    migrate::Migration,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    super::{
        error::Failure,
        timely::timely,
        transaction::{Pools, Way},
    },
    Access, Database, DatabaseCopy, Opened, PostgresAddress,
    migrate::bring_forward_postgres,
    migrations,
    schema::{AppliedSteps, SchemaState},
};

pub(super) fn postgres_options(address: &PostgresAddress) -> Result<PgConnectOptions, Failure> {
    let options = PgConnectOptions::from_str(address.expose_secret())?;
    let options = options
        .application_name("aftertone")
        // Poolers refuse it, and no number here has a fraction.
        .extra_float_digits(None);
    Ok(options.disable_statement_logging())
}

pub(super) async fn open_postgres(
    options: PgConnectOptions,
    connections: u32,
    known: &[Migration],
    access: Access,
) -> Result<(Pools, Opened), Failure> {
    let (mut first, way) = connect_postgres(&options).await?;
    let opened = match access {
        Access::Write { .. } => {
            let (state, upgraded) = bring_forward_postgres(&mut first, known).await?;
            state.opened(upgraded)
        }
        Access::Read => {
            let applied = timely(AppliedSteps::of_postgres(&mut first)).await?;
            match applied.judge(known)? {
                SchemaState::Empty => {
                    let words = "it has no tables of this program, or this user's search path does not have them";
                    return Err(Failure::Earlier(words.to_owned()));
                }
                state @ (SchemaState::Current
                | SchemaState::Behind { .. }
                | SchemaState::Ahead { .. }) => state.opened(None),
            }
        }
    };
    first.close().await?;

    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(POSTGRES_ACQUIRE);
    let pool = match way {
        Way::Direct => pool.after_connect(|connection, _| Box::pin(ready_postgres(connection))),
        Way::Pooler => pool,
    };
    let pool = pool.connect_lazy_with(options);
    Ok((Pools::Postgres { pool, way }, opened))
}

/// Connects, and finds out whether a connection is a session of the server's, or a pooler's, which gives each transaction
/// whatever session is free: one that takes no setting when it begins, or forgets it.
async fn connect_postgres(options: &PgConnectOptions) -> Result<(PgConnection, Way), Failure> {
    let marked = options.clone().options([(MARK, "on")]);
    let (mut first, way) = match timely(marked.connect()).await {
        Ok(mut first) => {
            let mark = timely(sqlx::raw_sql(READ_MARK).fetch_one(&mut first)).await?;
            let mark: Option<String> = mark.try_get(0)?;
            let is_direct = mark.as_deref() == Some("on");
            (first, if is_direct { Way::Direct } else { Way::Pooler })
        }
        Err(failure) if failure.is_about_startup() => {
            (timely(options.connect()).await?, Way::Pooler)
        }
        Err(failure) => return Err(failure),
    };
    match way {
        Way::Direct => timely(ready_postgres(&mut first)).await?,
        Way::Pooler => {
            // One that gives each statement another session ends the connection here.
            let begun = timely(first.begin()).await;
            let tx = begun.map_err(Failure::of_pooler)?;
            timely(tx.rollback()).await.map_err(Failure::of_pooler)?;
            tracing::debug!("a pooler is between this program and the server");
        }
    }
    Ok((first, way))
}

pub(super) async fn plan_postgres(
    options: PgConnectOptions,
) -> Result<(AppliedSteps, Option<DatabaseCopy>, u64), Failure> {
    let (mut first, _) = connect_postgres(&options).await?;
    let applied = timely(AppliedSteps::of_postgres(&mut first)).await?;
    applied.judge(&migrations(Database::Postgres))?;
    let bytes = timely(sqlx::raw_sql(POSTGRES_BYTES).fetch_one(&mut first)).await?;
    let bytes: i64 = bytes.try_get(0)?;
    first.close().await?;
    Ok((applied, None, bytes.unsigned_abs()))
}

/// Gives a connection the settings that every one of ours has.
async fn ready_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in [SURE_COMMITS, ROW_BY_ROW, GIVEN_UP] {
        sqlx::query(setting).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) fn shown_postgres(options: &PgConnectOptions) -> String {
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("the database `{database}` at {}", socket.display()),
        None => format!(
            "the database `{database}` at {}:{}",
            options.get_host(),
            options.get_port()
        ),
    }
}

const POSTGRES_BYTES: &str = "SELECT pg_database_size(current_database())";

/// A setting of our own, which a server takes from whoever connects.
const MARK: &str = "aftertone.direct";
const READ_MARK: &str = "SELECT current_setting('aftertone.direct', true)";

/// A commit that the server has confirmed has to survive its crash, whatever the server is set to.
const SURE_COMMITS: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// The server takes rows that come with a statement for a hundred, and by its default, meant for spinning disks, it
/// reads a table of ten thousand as a whole rather than look up a hundred.
const ROW_BY_ROW: &str = "SELECT set_config('random_page_cost', '1.1', false)";

/// A machine that vanishes keeps its locks until the server knows: by the system's defaults after two hours, so after some
/// 25 s. A wait for a lock ends before the server is given up, so that the same connection is used again.
const GIVEN_UP: &str = "SELECT set_config('tcp_keepalives_idle', '10', false), \
    set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false), \
    set_config('tcp_user_timeout', '25000', false), set_config('lock_timeout', '45s', false)";

/// How long to wait for a connection.
const POSTGRES_ACQUIRE: Duration = Duration::from_secs(5);
