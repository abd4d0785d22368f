//! Whether a PBX can do what a drop needs: looked at, and where looking is not enough, tried.
//!
//! What is tried leaves nothing behind: a short call within the PBX, from it to itself, and a sound file of half a
//! second, both gone when [`examine`] returns. Every step has a deadline.

mod modules;
mod probe;
mod redirects;
mod version;

pub(in crate::run) use version::{has_websocket_media, polls_in_audiosocket};

use std::time::{Duration, SystemTime};

use futures::future::join_all;
use serde::Serialize;

use super::{
    runs::Runs,
    session::{SessionError, settings},
};
use crate::{
    ari::{Failure, Pbx, Rest},
    clock,
    config::{Config, ScreenMode},
    drop::RefusalKind,
    id::RunName,
};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It will do, but somebody should look.
    Warn,
    /// A drop cannot work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it went.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it; `None` where there is nothing to do.
    pub remedy: Option<String>,
}

impl Check {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn warn(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Warn,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fail(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Fail,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// Examines the configured PBX, and tells each check as soon as it is done. Where the PBX cannot be reached, or does
/// not know us, the checks end there; where we may not change anything, nothing is tried.
///
/// # Errors
/// [`SessionError`] where nothing could be examined.
pub async fn examine(config: &Config, mut tell: impl FnMut(Check)) -> Result<(), SessionError> {
    let run = RunName::unique(&config.instance).map_err(SessionError::Instance)?;
    let runs = Runs::open(&config.state_dir, config.pbx.url.as_str())?;
    let live = runs.begin(&run)?;
    let pbx = Pbx::new(&settings(config)).map_err(SessionError::Settings)?;
    let rest = &pbx.rest();
    match reach(rest, config).await {
        Ok(checks) => checks.into_iter().for_each(&mut tell),
        Err(checks) => {
            checks.into_iter().for_each(&mut tell);
            live.end();
            return Ok(());
        }
    }
    let permission = permission(rest).await;
    let may_try = permission.status == Status::Ok;
    tell(permission);
    tell(modules::check(rest, config.pbx.endpoint.technology()).await);
    let modes = modules::modes(rest, config.screen.mode, config.screen.media).await;
    let may_listen = config.screen.mode == ScreenMode::Listen && modes.status == Status::Ok;
    tell(modes);
    tell(trunk(rest, config).await);
    if let Some(check) = redirects::check(rest, config).await {
        tell(check);
    }
    tell(clocks(rest).await);
    if may_try {
        probe::check(&pbx, config, &run, may_listen, &mut tell).await;
    }
    // Last: a PBX that has too few would refuse the others because of this one.
    tell(sessions(rest).await);
    live.end();
    Ok(())
}

/// Reachability, credentials and version; the last of a failure's checks is the one that failed.
async fn reach(rest: &Rest, config: &Config) -> Result<Vec<Check>, Vec<Check>> {
    let url = config.pbx.url.as_str();
    let user = &config.pbx.username;
    let reachable = Check::ok(REACHABLE, format!("{url} answers"));
    let failure = match rest.asterisk_info().await {
        Ok(info) => {
            let known = Check::ok(CREDENTIALS, format!("user `{user}` is known"));
            let version = version::check(&info.system.version);
            return Ok(vec![reachable, known, version]);
        }
        Err(failure) => failure,
    };
    let words = &failure.words;
    Err(match (failure.status, failure.kind) {
        (Some(401), _) => vec![
            reachable,
            Check::fail(
                CREDENTIALS,
                format!("the PBX does not take user `{user}` with this password: {words}"),
                "make `pbx.username` and `pbx.password` those of a user in its ari.conf, then `ari reload` there",
            ),
        ],
        (Some(403), _) => vec![
            reachable,
            Check::fail(
                CREDENTIALS,
                format!("the PBX refuses user `{user}` from here: {words}"),
                "look at the user's permit, deny and acl in its ari.conf",
            ),
        ],
        (Some(404), _) => vec![Check::fail(
            REACHABLE,
            format!("{url} answers, but has no ARI"),
            "load res_ari.so, set `enabled = yes` in ari.conf, and look whether http.conf has a `prefix` that `pbx.url` lacks",
        )],
        (Some(503), _) => vec![Check::fail(
            REACHABLE,
            format!("the PBX at {url} has not finished starting: {words}"),
            "wait until `core waitfullybooted` returns on its console",
        )],
        (Some(_), _) => vec![Check::fail(
            REACHABLE,
            format!("{url} does not answer as ARI does: {words}"),
            "let `pbx.url` point at Asterisk's own HTTP server",
        )],
        (None, RefusalKind::NoReply) => vec![Check::fail(
            REACHABLE,
            format!("{url} takes the request and does not answer: {words}"),
            "let `pbx.url` point at Asterisk's own HTTP server, and look whether its sessionlimit is reached",
        )],
        (None, _) => vec![Check::fail(
            REACHABLE,
            format!("{url} cannot be reached: {words}"),
            "set `enabled = yes` and bindaddr in the PBX's http.conf, and `pbx.url` to match",
        )],
    })
}

async fn permission(rest: &Rest) -> Check {
    match rest.may_write().await {
        Ok(true) => Check::ok(WRITE, "the user may change things"),
        Ok(false) => Check::fail(
            WRITE,
            "the user may only read",
            "set `read_only = no` for the user in ari.conf",
        ),
        Err(failure) => unanswered(WRITE, &failure),
    }
}

async fn trunk(rest: &Rest, config: &Config) -> Check {
    let technology = config.pbx.endpoint.technology();
    let Some(trunk) = config.pbx.endpoint.trunk() else {
        let dials = config.pbx.endpoint.as_str();
        return Check::warn(
            TRUNK,
            format!("`{dials}` names no trunk that could be looked at"),
            "make a test call",
        );
    };
    let name = format!("{technology}/{trunk}");
    let found = match rest.endpoint(technology, trunk).await {
        Ok(found) => found,
        Err(failure) => return unanswered(TRUNK, &failure),
    };
    let Some(endpoint) = found else {
        return Check::fail(
            TRUNK,
            format!("the PBX knows no endpoint {name}"),
            "name a trunk of its pjsip.conf in `pbx.endpoint`; `pjsip show endpoints` lists them",
        );
    };
    match endpoint.state.as_deref() {
        Some("online") => Check::ok(TRUNK, format!("{name} is online")),
        Some("offline") => Check::fail(
            TRUNK,
            format!("{name} is known and its far end does not answer"),
            "look at the trunk with `pjsip show endpoint` and `pjsip show contacts`",
        ),
        Some(_) | None => Check::warn(
            TRUNK,
            format!("{name} is known, but not whether its far end answers"),
            "set `qualify_frequency` for its aor, so that the PBX looks",
        ),
    }
}

async fn clocks(rest: &Rest) -> Check {
    let before = unix_ms(clock::wall());
    let pong = match rest.ping().await {
        Ok(pong) => pong,
        Err(failure) => return unanswered(CLOCK, &failure),
    };
    let after = unix_ms(clock::wall());
    let Some(there) = pong.at() else {
        return Check::warn(
            CLOCK,
            "the PBX did not tell its time in a form known here",
            "no harm: only differences of its own times are used",
        );
    };
    clock_check(before, there.0, after)
}

/// Judges the PBX's time, told between two moments here; all in milliseconds since 1970.
fn clock_check(before: i64, there: i64, after: i64) -> Check {
    let ahead = if there < before {
        there - before
    } else {
        (there - after).max(0)
    };
    let seconds = format!("{}.{:03} s", ahead.abs() / 1_000, ahead.abs() % 1_000);
    let remedy = "let both machines keep their clocks by NTP: logs and call records cannot be matched otherwise";
    match ahead {
        _ if ahead.abs() <= CLOCK_TOLERANCE_MS => {
            Check::ok(CLOCK, format!("the clocks agree within {seconds}"))
        }
        1.. => Check::warn(CLOCK, format!("the PBX's clock is {seconds} ahead"), remedy),
        _ => Check::warn(
            CLOCK,
            format!("the PBX's clock is {seconds} behind"),
            remedy,
        ),
    }
}

/// Whether the PBX serves as many requests at once as this program sends.
async fn sessions(rest: &Rest) -> Check {
    let answers = join_all((0..AT_ONCE).map(|_| rest.ping())).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    let remedy = "raise `sessionlimit` in http.conf (100 where it is not set; each connection counts, websockets too)";
    if failed == 0 {
        Check::ok(
            SESSIONS,
            format!("{AT_ONCE} requests at once were answered"),
        )
    } else {
        Check::warn(
            SESSIONS,
            format!("{failed} of {AT_ONCE} requests at once were not answered"),
            remedy,
        )
    }
}

fn unanswered(check: &'static str, failure: &Failure) -> Check {
    Check::fail(
        check,
        format!("the PBX did not answer this: {}", failure.words),
        "look at the PBX's log",
    )
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

const REACHABLE: &str = "reachable";
const CREDENTIALS: &str = "credentials";
const WRITE: &str = "write_permission";
const TRUNK: &str = "trunk";
const CLOCK: &str = "clock";
const SESSIONS: &str = "sessions";

/// Requests that a busy controller has under way at once.
const AT_ONCE: usize = 24;

/// What the granularity of the two clocks and of the PBX's answer explains.
const CLOCK_TOLERANCE_MS: i64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_only_by_what_the_answer_s_way_does_not_explain() {
        let rows = [
            ((10_000, 10_002, 10_005), Status::Ok, "within 0.000 s"),
            ((10_000, 10_705, 10_005), Status::Ok, "within 0.700 s"),
            ((10_000, 13_505, 10_005), Status::Warn, "3.500 s ahead"),
            ((10_000, 8_000, 10_005), Status::Warn, "2.000 s behind"),
        ];
        for ((before, there, after), status, words) in rows {
            let check = clock_check(before, there, after);
            assert_eq!(check.status, status, "{words}");
            assert!(check.detail.ends_with(words), "{}", check.detail);
        }
    }
}
