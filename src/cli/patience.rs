//! Waiting for a database that is busy, or away for a moment: an opt-out must not fail because a list is coming in.

use std::{cell::RefCell, pin::pin, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};

use super::{CliError, database, printer::Printer};
use crate::{
    clock,
    config::Config,
    error_chain::chain,
    store::{Store, StoreError},
};

/// Does something with the database, again and again for a minute as long as what keeps it from working is likely to pass;
/// says so once if it takes more than a few seconds.
///
/// # Errors
/// [`CliError`] if it fails for another reason, or for a minute.
pub(super) async fn patiently<T, F>(
    printer: Printer,
    mut attempt: impl FnMut() -> F,
) -> Result<T, CliError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let until = clock::now() + AT_MOST;
    let last = RefCell::new(None);
    let mut pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
        .build();
    let work = async {
        loop {
            match attempt().await {
                Err(error) if error.passes() && clock::now() < until => {
                    last.replace(Some(chain(&error)));
                    tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
                }
                done => return done,
            }
        }
    };
    let mut work = pin!(work);
    let done = match tokio::time::timeout(UNSAID, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            let why = last.borrow().clone();
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            let seconds = AT_MOST.as_secs();
            printer.warning(&format!(
                "the database is busy or away{why}; trying for up to {seconds} s"
            ));
            work.await
        }
    };
    done.map_err(database::trouble)
}

/// Opens the database; waits for one that is busy or away.
///
/// # Errors
/// [`CliError`] if it cannot be opened.
pub(super) async fn open_patiently(config: &Config, printer: Printer) -> Result<Store, CliError> {
    patiently(printer, || database::try_open(config)).await
}

const AT_MOST: Duration = Duration::from_secs(60);

/// How long nothing is said.
const UNSAID: Duration = Duration::from_secs(3);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
