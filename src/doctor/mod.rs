//! Whether a PBX can do what a drop needs: read from the PBX, and tried if that is not enough.
//!
//! A trial leaves nothing behind: a short call within the PBX, from it to itself, and a sound file of half a second are
//! both gone when [`examine`] returns. Every step has a deadline.

mod check;
mod modules;
mod probe;
mod reach;
mod recording;
mod redirects;
mod speech;
mod trunk;
mod version;
mod words;

use std::time::{Duration, SystemTime};

use futures::future::join_all;

use self::check::unanswered;
pub use self::check::{Check, Status};
use crate::{
    ari::{Pbx, Rest},
    clock,
    config::{Config, ScreenMode},
    id::RunName,
    runtime::{PbxIdentity, SessionError, reach::settings, run_locks::Runs},
};

/// Examines the configured PBX, and reports each check as soon as it is done. If the PBX cannot be reached or does not
/// know the user, the checks end there; if the user may not change anything, nothing is tried.
///
/// # Errors
/// [`SessionError`] if nothing could be examined.
pub async fn examine(
    config: &Config,
    mut report: impl FnMut(Check) + Send,
) -> Result<(), SessionError> {
    let run = RunName::unique(&config.instance).map_err(SessionError::Instance)?;
    let pbx = Pbx::new(&settings(config)).map_err(SessionError::Settings)?;
    let rest = &pbx.rest();
    if let Some(check) = words::check(config).await {
        report(check);
    }
    if let Some(check) = speech::check(config).await {
        report(check);
    }
    match reach::reach(rest, config).await {
        Ok(checks) => checks.into_iter().for_each(&mut report),
        Err(checks) => {
            checks.into_iter().for_each(&mut report);
            return Ok(());
        }
    }
    let identity = PbxIdentity::ask_of(rest, &config.pbx.url).await;
    let identity = identity.map_err(|source| SessionError::Pbx {
        url: config.pbx.url.to_string(),
        source,
    })?;
    let runs = Runs::open(&config.state_dir, identity.as_str())?;
    let live = runs.begin(&run)?;
    let permission = permission(rest).await;
    let may_try = permission.status == Status::Ok;
    report(permission);
    let modules = modules::check(rest, config).await;
    let may_try = may_try && modules.may_try;
    let may_listen = config.screen.mode == ScreenMode::Listen && modules.may_listen;
    modules.checks.into_iter().for_each(&mut report);
    let trunk = trunk::look(rest, config).await;
    if let Some(check) = redirects::check(rest, &trunk).await {
        report(check);
    }
    report(clocks(rest).await);
    if let Some(check) = recording::check(rest, config).await {
        report(check);
    }
    if may_try {
        probe::check(&pbx, config, &run, may_listen, trunk, &mut report).await;
    } else {
        report(trunk.afar());
    }
    // Last: on a PBX with too few sessions this check would make the others fail.
    report(sessions(rest).await);
    live.end();
    Ok(())
}

async fn permission(rest: &Rest) -> Check {
    match rest.may_write().await {
        Ok(true) => Check::ok(WRITE, "the ARI user may change things"),
        Ok(false) => Check::fail(
            WRITE,
            "the ARI user may only read",
            "set `read_only = no` for the user in ari.conf, then `module reload res_ari.so` on the PBX's console",
        ),
        Err(failure) => unanswered(WRITE, &failure),
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
            "the PBX reports its time in an unknown format",
            "nothing to do: only differences of the PBX's own times are used",
        );
    };
    clock_check(before, there.0, after)
}

/// Judges the PBX's time, which it reported between two moments here; all in milliseconds since 1970.
fn clock_check(before: i64, there: i64, after: i64) -> Check {
    let ahead = if there < before {
        there - before
    } else {
        (there - after).max(0)
    };
    let seconds = format!("{}.{:03} s", ahead.abs() / 1_000, ahead.abs() % 1_000);
    let remedy = "let both machines keep their clocks by NTP; otherwise logs and call records cannot be matched";
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
    let remedy = "raise `sessionlimit` in the PBX's http.conf (100 if it is not set; each connection counts, websockets too), and restart it";
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

fn unix_ms(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

const WRITE: &str = "write_permission";
const CLOCK: &str = "clock";
const SESSIONS: &str = "sessions";

/// Requests that a busy controller has under way at once.
const AT_ONCE: usize = 24;

/// A difference that the resolution of both clocks explains.
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
