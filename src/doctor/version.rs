//! Which Asterisk this program works with.

use super::{Check, Status};

/// Judges a version as Asterisk tells it: `22.10.1`, `certified/20.7-cert8`, `GIT-master-0123abc`.
pub(super) fn check(told: &str) -> Check {
    let Some(version) = parse(told) else {
        return Check::warn(
            NAME,
            format!("Asterisk `{told}` does not say which release it is"),
            format!("make sure that it is no older than {WANTED}"),
        );
    };
    let (status, why) = judge(version);
    let remedy = format!("update to {WANTED}, or later");
    match status {
        Status::Ok => Check::ok(NAME, format!("Asterisk {told}")),
        Status::Warn => Check::warn(NAME, format!("Asterisk {told}: {why}"), remedy),
        Status::Fail => Check::fail(NAME, format!("Asterisk {told}: {why}"), remedy),
    }
}

fn judge(version: (u32, u32, u32)) -> (Status, &'static str) {
    const GAPS: &str = "it has security gaps in ARI that are closed since";
    match version {
        (..=17, ..) => (
            Status::Fail,
            "it is older than 18 and lacks what is needed here",
        ),
        (18 | 19 | 21, ..) => (Status::Warn, "its series gets no more security fixes"),
        (20, 19, _) | (22, 9, _) | (23, 3, _) => (
            Status::Warn,
            "this release can lock up under calls made by ARI; do not use it for more than a test",
        ),
        (20, ..) if version < (20, 20, 1) => (Status::Warn, GAPS),
        (22, ..) if version < (22, 10, 1) => (Status::Warn, GAPS),
        (23, ..) if version < (23, 4, 1) => (Status::Warn, GAPS),
        _ => (Status::Ok, ""),
    }
}

/// Whether `AudioSocket()` of this release keeps a core busy for as long as a call is in it: it waits for no time at all between
/// two looks (18.0 to 18.19, 19, 20.0 to 20.4). An unknown release does not.
pub(in crate::run) fn polls_in_audiosocket(said: &str) -> bool {
    matches!(
        parse(said),
        Some((18, 0..=19, _) | (19, ..) | (20, 0..=4, _))
    )
}

/// Whether chan_websocket of this release can be waited for and connected to by us (20.16, 21.11, 22.6, 23.0 and later). An
/// unknown release can.
pub(in crate::run) fn has_websocket_media(said: &str) -> bool {
    match parse(said) {
        Some((20, minor, _)) => minor >= 16,
        Some((21, minor, _)) => minor >= 11,
        Some((22, minor, _)) => minor >= 6,
        Some((major, ..)) => major >= 23,
        None => true,
    }
}

/// The first run of digits and dots. A certified release is judged by the series that it was cut from.
fn parse(told: &str) -> Option<(u32, u32, u32)> {
    let told = told.strip_prefix("certified/").unwrap_or(told);
    let end = told.find(|c: char| !c.is_ascii_digit() && c != '.');
    let mut numbers = told[..end.unwrap_or(told.len())].split('.');
    let major = numbers.next()?.parse().ok()?;
    let mut next = || numbers.next().map_or(Some(0), |n| n.parse().ok());
    Some((major, next()?, next()?))
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
        for (told, status) in rows {
            assert_eq!(check(told).status, status, "{told}");
        }
    }

    #[test]
    fn the_releases_whose_audiosocket_polls_are_known() {
        for polls in ["18.0.0", "18.10.0", "18.19.0", "19.8.1", "20.4.0"] {
            assert!(polls_in_audiosocket(polls), "{polls}");
        }
        for waits in [
            "18.20.0",
            "18.26.4",
            "20.5.0",
            "21.0.0",
            "22.10.1",
            "",
            "GIT-master",
        ] {
            assert!(!polls_in_audiosocket(waits), "{waits}");
        }
    }

    #[test]
    fn the_releases_that_have_a_websocket_are_known() {
        for has in [
            "20.16.0",
            "21.11.0",
            "22.6.0",
            "22.10.1",
            "23.0.0",
            "24.1.0",
            "",
            "GIT-master",
        ] {
            assert!(has_websocket_media(has), "{has}");
        }
        for lacks in ["18.26.4", "20.15.2", "21.10.0", "22.5.2"] {
            assert!(!has_websocket_media(lacks), "{lacks}");
        }
    }

    #[test]
    fn the_releases_that_lock_up_are_told_from_the_old_ones() {
        for told in ["20.19.1", "22.9.0", "23.3.2"] {
            assert!(check(told).detail.contains("lock up"), "{told}");
        }
        assert!(check("22.8.0").detail.contains("security gaps"));
    }
}
