//! One controller an app on a PBX, wherever the controllers run: a lease in a global variable of the PBX.
//!
//! Registering an app takes it from the program that had it, whose calls are lost then. So a controller first looks
//! whether another has the app, and writes its own mark only if none has. The variable knows no "set if empty", but it
//! has one order of writes:
//!
//! ```text
//!   read: free ──(within WRITE_WITHIN)──> write my mark ──> wait SETTLE ──> read: my mark? it is mine
//!                                                                            another's? it wrote later; look again
//! ```
//!
//! Of two that found it free, the one that wrote last reads its mark, and the other does not: each waits for longer than
//! any other that found it free may take to write. The holder counts its mark up every [`RENEW_EVERY`], which needs no
//! clocks that agree: a mark that does not change for [`STALE_AFTER`] belongs to a program that died. One that died on this
//! machine is known to be dead by the lock of its run, and its mark is free at once.

use std::{fmt, fs, str::FromStr, time::Duration};

use jiff::Timestamp;
use thiserror::Error;
use tokio::{task::AbortHandle, time::sleep};
use tracing::{debug, warn};

use crate::{
    ari::{Failure, Rest},
    clock,
    id::{ChannelId, RunName},
};

/// The lease of an app. Dropped without [`Self::release`], it ends by itself.
pub(super) struct AppLease {
    rest: Rest,
    variable: String,
    run: RunName,
    renewing: AbortHandle,
}

/// Why there is no lease.
#[derive(Debug, Error)]
pub(super) enum LeaseError {
    /// Another program has the app: who that is, in words.
    #[error("{0}")]
    Taken(String),
    /// The PBX does not say, or does not let us write.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl AppLease {
    /// Takes the lease of `app` for a run, and renews it from here on; `dead` are runs that are known to have died.
    ///
    /// # Errors
    /// [`LeaseError`]; a mark that may have been written ends by itself.
    pub(super) async fn take(
        rest: &Rest,
        app: &str,
        run: &RunName,
        instance: &str,
        dead: &[RunName],
    ) -> Result<Self, LeaseError> {
        let variable = variable_of(app);
        let mut mark = Mark {
            run: run.to_string(),
            instance: instance.to_owned(),
            host: host(),
            since: Timestamp::try_from(clock::wall()).map_or(0, Timestamp::as_second),
            count: 0,
        };
        loop {
            let free = wait_until_free(rest, &variable, app, dead).await?;
            // Once more, so that little time lies between this and the writing.
            let asked = clock::now();
            if rest.global_variable(&variable).await? != free {
                continue;
            }
            mark.count += 1;
            rest.set_global_variable(&variable, &mark.to_string())
                .await?;
            if clock::now().duration_since(asked) > WRITE_WITHIN {
                debug!(app, "the PBX is slow; the app is looked at once more");
                continue;
            }
            sleep(SETTLE).await;
            if rest.global_variable(&variable).await? == Some(mark.to_string()) {
                break;
            }
        }
        let renewing = tokio::spawn(renew(rest.clone(), variable.clone(), mark)).abort_handle();
        Ok(Self {
            rest: rest.clone(),
            variable,
            run: run.clone(),
            renewing,
        })
    }

    /// Gives the app back, unless another has it by now.
    pub(super) async fn release(self) {
        self.renewing.abort();
        let held = self.rest.global_variable(&self.variable).await;
        let held = held.map(|held| held.and_then(|mark| mark.parse::<Mark>().ok()));
        let released = match held {
            Ok(Some(mark)) if mark.run == self.run.as_str() => {
                self.rest.set_global_variable(&self.variable, "").await
            }
            Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = released {
            debug!(
                detail = failure.detail,
                "the app's lease was not given back; it ends by itself"
            );
        }
    }
}

impl Drop for AppLease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Waits until no living program has the app; returns what the variable holds then, which is nothing, or the mark of a
/// program that died.
async fn wait_until_free(
    rest: &Rest,
    variable: &str,
    app: &str,
    dead: &[RunName],
) -> Result<Option<String>, LeaseError> {
    let began = clock::now();
    let mut first = None;
    loop {
        let found = rest.global_variable(variable).await?;
        let waited = clock::now().duration_since(began);
        match (&found, &first) {
            (Some(mark), _) if is_of(mark, dead) => {
                debug!(app, "the app's last controller died on this machine");
                return Ok(found);
            }
            (Some(mark), Some(first)) if mark != first => {
                return Err(LeaseError::Taken(words_of(mark)));
            }
            (Some(_), _) if waited >= STALE_AFTER => {
                warn!(app, "the app's last controller died; its lease has ended");
                return Ok(found);
            }
            (Some(mark), _) => first = Some(mark.clone()),
            (None, _) => {
                if !is_registered(rest, app).await? {
                    return Ok(None);
                }
                if waited >= STALE_AFTER {
                    let words = "a program that keeps no lease".to_owned();
                    return Err(LeaseError::Taken(words));
                }
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether a mark was written by one of these runs.
fn is_of(mark: &str, runs: &[RunName]) -> bool {
    let mark = mark.parse::<Mark>();
    mark.is_ok_and(|mark| runs.iter().any(|run| run.as_str() == mark.run))
}

/// Whether a program has registered the app. The PBX keeps one whose program is gone for as long as it has channels: where
/// all of them are calls of ours, that says nothing.
async fn is_registered(rest: &Rest, app: &str) -> Result<bool, Failure> {
    let apps = rest.applications().await?;
    let found = apps.into_iter().find(|found| found.name == app);
    Ok(found.is_some_and(|found| {
        let ours = |id: &String| id.parse::<ChannelId>().is_ok();
        found.channel_ids.is_empty() || !found.channel_ids.iter().all(ours)
    }))
}

async fn renew(rest: Rest, variable: String, mut mark: Mark) {
    loop {
        mark.count += 1;
        if let Err(failure) = rest.set_global_variable(&variable, &mark.to_string()).await {
            debug!(detail = failure.detail, "the app's lease was not renewed");
        }
        sleep(RENEW_EVERY).await;
    }
}

/// What a holder writes: words without spaces, a space between two.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    run: String,
    instance: String,
    host: String,
    /// Seconds since 1970.
    since: i64,
    count: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run,
            instance,
            host,
            since,
            count,
        } = self;
        write!(f, "{run} {instance} {host} {since} {count}")
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let fields: Vec<&str> = text.split(' ').collect();
        let [run, instance, host, since, count] = fields[..] else {
            return Err(());
        };
        Ok(Self {
            run: run.to_owned(),
            instance: instance.to_owned(),
            host: host.to_owned(),
            since: since.parse().map_err(drop)?,
            count: count.parse().map_err(drop)?,
        })
    }
}

/// Who has the app, in words.
fn words_of(mark: &str) -> String {
    let Ok(mark) = mark.parse::<Mark>() else {
        return "a program whose lease cannot be read".to_owned();
    };
    let Mark { instance, host, .. } = &mark;
    let since = Timestamp::from_second(mark.since).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("instance `{instance}` on the host `{host}`, since {since}")
}

/// The variable of an app: letters and digits stay, and all else becomes its code, so that no two apps share one.
fn variable_of(app: &str) -> String {
    let mut name = "AFTERTONE_LEASE_".to_owned();
    for byte in app.bytes() {
        if byte.is_ascii_alphanumeric() {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    name
}

/// The name of this host, fit for a mark.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.trim().chars().filter(fits).take(64).collect();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}

/// From one count of the holder to the next.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How long a mark that does not change may be a living holder's: three counts.
const STALE_AFTER: Duration = Duration::from_secs(6);

/// From one look at a mark to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long the last look and the writing may take together.
const WRITE_WITHIN: Duration = Duration::from_millis(600);

/// How long a mark must have been there before it counts: twice as long as another may still write its own.
const SETTLE: Duration = Duration::from_millis(1_200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark {
            run: "aftertonex123456789".into(),
            instance: "aftertone".into(),
            host: host(),
            since: 1_795_435_200,
            count: 17,
        };
        assert_eq!(mark.to_string().parse(), Ok(mark.clone()));
        let words = words_of(&mark.to_string());
        let expected = format!(
            "instance `aftertone` on the host `{}`, since 2026-11-23T12:00:00Z",
            mark.host
        );
        assert_eq!(words, expected);
        for strange in ["", "x", "a b c d e", "a b c 1 2 3", "a b c 1 -2"] {
            assert_eq!(strange.parse::<Mark>(), Err(()), "{strange}");
        }
    }

    #[test]
    fn no_two_apps_share_a_variable() {
        let apps = ["a-b", "a_b", "ab", "a-2db", "A-b"];
        let names: std::collections::BTreeSet<_> = apps.into_iter().map(variable_of).collect();
        assert_eq!(names.len(), apps.len(), "{names:?}");
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        assert!(names.iter().all(plain), "{names:?}");
    }
}
