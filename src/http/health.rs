//! `/healthz`, which says that the process answers, and `/readyz`, which says whether it is fit to work.
//!
//! Both answer anybody, with nothing but names and yes or no: why something is not as it should be is in the log, and in what
//! `aftertone campaign status` and the API show.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};
use tracing::{info, warn};

use super::Api;
use crate::{
    clock,
    config::{Config, StoreUrl},
    error_chain::chain,
};

/// What a process knows of itself, beyond the store that it shares.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Its driver of a PBX; `None` if it has no PBX and is a server of the API only.
    pub driver: Option<DriverCondition>,
}

/// The driver of a PBX.
#[derive(Clone, Debug)]
pub struct DriverCondition {
    /// The way to the PBX.
    pub link: LinkCondition,
    /// When the driver's loop last turned; `None` before its first turn.
    pub turned_at: Option<Instant>,
}

/// The way to a PBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkCondition {
    /// Connected.
    Up,
    /// Not connected, and why, in words for people.
    Away(String),
}

/// Whether a process is fit to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ReadyReport {
    /// Whether all of it is.
    ready: bool,
    /// What was looked at.
    checks: Vec<ReadyCheck>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ReadyCheck {
    check: &'static str,
    ok: bool,
    /// Why not; for the log alone.
    #[serde(skip)]
    why: Option<String>,
}

/// The last look, which holds for a moment: whoever asks often costs the database no more.
#[derive(Clone, Debug, Default)]
struct LastLook(Arc<Mutex<Option<(Instant, ReadyReport)>>>);

pub(super) fn routes() -> Router<Api> {
    let last = LastLook::default();
    let ready = move |State(api): State<Api>| {
        let last = last.clone();
        async move { readyz(&api, &last).await }
    };
    Router::new()
        .route("/healthz", get(|| async { plain(StatusCode::OK, "ok") }))
        .route("/readyz", get(ready))
}

async fn readyz(api: &Api, last: &LastLook) -> Response {
    // Who asks meanwhile waits for the same answer.
    let mut last = last.0.lock().await;
    let now = clock::now();
    let is_fresh = |at: Instant| now.duration_since(at) < HOLDS_FOR;
    let report = match last.take_if(|(at, _)| is_fresh(*at)) {
        Some((at, report)) if report.is_of(api) => {
            *last = Some((at, report.clone()));
            report
        }
        Some(_) | None => {
            let before = last.take().map(|(_, report)| report);
            let report = look(api, now).await;
            report.tell_what_is_news(before.as_ref());
            *last = Some((clock::now(), report.clone()));
            report
        }
    };
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, NO_STORE, Json(report)).into_response()
}

/// What is looked at, each with why it is not as it should be, if so.
pub(super) async fn seen(api: &Api) -> Vec<(&'static str, Option<String>)> {
    let report = look(api, clock::now()).await;
    let checks = report.checks.into_iter();
    checks.map(|check| (check.check, check.why)).collect()
}

async fn look(api: &Api, now: Instant) -> ReadyReport {
    let mut checks = vec![
        ReadyCheck::new(
            STOPPING,
            api.stopping
                .is_cancelled()
                .then(|| "it is ending".to_owned()),
        ),
        ReadyCheck::new("store", store(api).await),
    ];
    let condition = api.condition.borrow().clone();
    checks.extend(condition.checks(now));
    let folders = folders(&api.config.borrow());
    let disk = spawn_blocking(move || full_disk(&folders)).await;
    let disk = disk.unwrap_or_else(|error| Some(chain(&error)));
    checks.push(ReadyCheck::new("disk", disk));
    ReadyReport {
        ready: checks.iter().all(|check| check.ok),
        checks,
    }
}

/// Why nothing can be written to the database; `None` if it can.
pub(super) async fn store(api: &Api) -> Option<String> {
    match timeout(STORE_ANSWERS_IN, api.store.ping()).await {
        Ok(Ok(())) => None,
        // Whoever reaches the address reads it.
        Ok(Err(error)) => Some(error.reason()),
        Err(_) => Some("it does not answer".to_owned()),
    }
}

/// Which of these folders is on a disk that is nearly full; `None` if none is.
pub(super) fn full_disk(folders: &[(&str, PathBuf)]) -> Option<String> {
    folders.iter().find_map(|(_, folder)| {
        let left = free_thousandths(folder)?;
        (left < LEAST_FREE_THOUSANDTHS)
            .then(|| format!("the disk of {} is nearly full", folder.display()))
    })
}

/// The folders whose disks must not be full.
pub(super) fn folders(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let database = match &config.store.url {
        StoreUrl::Sqlite(file) => file.parent().map(Path::to_owned),
        StoreUrl::Postgres(_) => None,
    };
    let folders = [
        ("state", Some(config.state_dir.clone())),
        ("database", database),
        ("evidence", config.evidence.dir.clone()),
        ("messages", Some(config.pbx.sounds_dir.clone())),
    ];
    let folders = folders.into_iter();
    folders
        .filter_map(|(name, folder)| Some((name, folder?)))
        .collect()
}

/// What is free of the disk that a folder is on, for who is not root; `None` if that cannot be told.
pub(super) fn free_thousandths(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail
        .saturating_mul(1_000)
        .checked_div(disk.f_blocks)
}

impl Condition {
    /// What is looked at of the process itself.
    fn checks(&self, now: Instant) -> Vec<ReadyCheck> {
        let Some(driver) = &self.driver else {
            return Vec::new();
        };
        let link = match &driver.link {
            LinkCondition::Up => None,
            LinkCondition::Away(why) => Some(why.clone()),
        };
        let is_turning = driver
            .turned_at
            .is_some_and(|at| now.saturating_duration_since(at) < TURNS_WITHIN);
        let stands = (!is_turning).then(|| "its loop does not turn".to_owned());
        vec![
            ReadyCheck::new("pbx", link),
            ReadyCheck::new("driver", stands),
        ]
    }
}

impl ReadyCheck {
    const fn new(check: &'static str, why: Option<String>) -> Self {
        Self {
            check,
            ok: why.is_none(),
            why,
        }
    }
}

impl ReadyReport {
    /// Whether the end of the process has not begun since.
    fn is_of(&self, api: &Api) -> bool {
        let was_stopping = self
            .checks
            .iter()
            .any(|check| check.check == STOPPING && !check.ok);
        was_stopping == api.stopping.is_cancelled()
    }

    /// Logs what has changed since the last look.
    fn tell_what_is_news(&self, before: Option<&Self>) {
        for check in &self.checks {
            let was_ok = before
                .and_then(|before| before.checks.iter().find(|was| was.check == check.check))
                .is_none_or(|was| was.ok);
            match (&check.why, was_ok) {
                (Some(why), true) => warn!(check = check.check, why, "not ready"),
                (None, false) => info!(check = check.check, "ready again"),
                (Some(_), false) | (None, true) => {}
            }
        }
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response {
    (status, NO_STORE, words).into_response()
}

/// What is true now must not be kept by whoever passes it on.
const NO_STORE: [(header::HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

const STOPPING: &str = "running";

/// For how long an answer is given again.
const HOLDS_FOR: Duration = Duration::from_secs(1);

/// How long the database may take to write a count.
const STORE_ANSWERS_IN: Duration = Duration::from_secs(5);

/// The driver's loop turns once a second at least.
const TURNS_WITHIN: Duration = Duration::from_secs(5);

/// A disk on which no more than 5 % are free is full soon.
const LEAST_FREE_THOUSANDTHS: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_judged_by_its_link_and_its_turns() {
        let now = clock::now();
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds));
        let away = || LinkCondition::Away("refused".to_owned());
        for (link, turned_at, wanted) in [
            (LinkCondition::Up, Some(now), [true, true]),
            (LinkCondition::Up, ago(4), [true, true]),
            (LinkCondition::Up, ago(6), [true, false]),
            (LinkCondition::Up, None, [true, false]),
            (away(), Some(now), [false, true]),
        ] {
            let condition = Condition {
                driver: Some(DriverCondition { link, turned_at }),
            };
            let checks = condition.checks(now);
            assert_eq!([checks[0].ok, checks[1].ok], wanted, "{checks:?}");
        }
        assert!(Condition::default().checks(now).is_empty());
    }

    #[test]
    fn nobody_is_told_why() {
        let report = ReadyReport {
            ready: false,
            checks: vec![ReadyCheck::new("pbx", Some("10.0.0.7 refuses".to_owned()))],
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(
            text,
            r#"{"ready":false,"checks":[{"check":"pbx","ok":false}]}"#
        );
    }

    #[test]
    fn what_is_free_of_a_disk_is_told() {
        assert!(free_thousandths(Path::new("/")).is_some_and(|left| left <= 1_000));
        assert_eq!(free_thousandths(Path::new("/no/such/folder")), None);
        assert_eq!(full_disk(&[("state", "/no/such/folder".into())]), None);
    }
}
