//! Which Asterisk this program works with.

use super::check::{Check, Status};
use crate::runtime::release::parse;

/// Judges a version as Asterisk reports it: `22.10.1`, `certified/20.7-cert8`, `GIT-master-0123abc`.
pub(super) fn check(reported: &str) -> Check {
    let Some(version) = parse(reported) else {
        return Check::warn(
            NAME,
            format!("Asterisk `{reported}` does not say which release it is"),
            format!("make sure that it is no older than {WANTED}"),
        );
    };
    let (status, why) = judge(version);
    let remedy = format!("update to {WANTED}, or later");
    match status {
        Status::Ok => Check::ok(NAME, format!("Asterisk {reported}")),
        Status::Warn => Check::warn(NAME, format!("Asterisk {reported}: {why}"), remedy),
        Status::Fail => Check::fail(NAME, format!("Asterisk {reported}: {why}"), remedy),
    }
}

fn judge(version: (u32, u32, u32)) -> (Status, &'static str) {
    const GAPS: &str = "it has security holes in ARI that later releases have closed";
    match version {
        (..=17, ..) => (
            Status::Fail,
            "it is older than 18 and lacks what aftertone needs",
        ),
        (18 | 19 | 21, ..) => (Status::Warn, "its series gets no more security fixes"),
        (20, 19, _) | (22, 9, _) | (23, 3, _) => (
            Status::Warn,
            "this release can lock up under calls made by ARI; use it for tests only",
        ),
        (20, ..) if version < (20, 20, 1) => (Status::Warn, GAPS),
        (22, ..) if version < (22, 10, 1) => (Status::Warn, GAPS),
        (23, ..) if version < (23, 4, 1) => (Status::Warn, GAPS),
        _ => (Status::Ok, ""),
    }
}

const NAME: &str = "version";

/// The releases of 2026-06-25, which closed GHSA-wcvv-g26m-wx5c and GHSA-vrfp-mg3q-3959.
const WANTED: &str = "20.20.1, 22.10.1 or 23.4.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_judged() {
        let rows = [
            ("16.30.1", Status::Fail),
            ("17.9.4", Status::Fail),
            ("18.26.4", Status::Warn),
            ("19.8.1", Status::Warn),
            ("20.18.0", Status::Warn),
            ("20.19.0", Status::Warn),
            ("20.20.0", Status::Warn),
            ("20.20.1", Status::Ok),
            ("20.21.0-rc1", Status::Ok),
            ("21.12.0", Status::Warn),
            ("22.9.3", Status::Warn),
            ("22.10.0", Status::Warn),
            ("22.10.1", Status::Ok),
            ("22.10.1~dfsg+~cs6.15.60671435-1", Status::Ok),
            ("22.11.0", Status::Ok),
            ("23.3.0", Status::Warn),
            ("23.4.1", Status::Ok),
            ("24.0.0", Status::Ok),
            ("certified/20.7-cert8", Status::Warn),
            ("GIT-master-0123abc", Status::Warn),
            ("", Status::Warn),
        ];
        for (reported, status) in rows {
            assert_eq!(check(reported).status, status, "{reported}");
        }
    }

    #[test]
    fn the_releases_that_lock_up_are_distinguished_from_the_old_ones() {
        for reported in ["20.19.1", "22.9.0", "23.3.2"] {
            assert!(check(reported).detail.contains("lock up"), "{reported}");
        }
        assert!(check("22.8.0").detail.contains("security holes"));
    }
}
