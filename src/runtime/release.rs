//! What a release of Asterisk can do.

/// Whether `AudioSocket()` of this release keeps a core busy for as long as a call is in it: it waits for no time at all between
/// two looks (18.0 to 18.19, 19, 20.0 to 20.4). An unknown release does not.
pub(crate) fn polls_in_audiosocket(said: &str) -> bool {
    matches!(
        parse(said),
        Some((18, 0..=19, _) | (19, ..) | (20, 0..=4, _))
    )
}

/// Whether chan_websocket of this release can be waited for and connected to by us (20.16, 21.11, 22.6, 23.0 and later). An
/// unknown release can.
pub(crate) fn has_websocket_media(said: &str) -> bool {
    match parse(said) {
        Some((20, minor, _)) => minor >= 16,
        Some((21, minor, _)) => minor >= 11,
        Some((22, minor, _)) => minor >= 6,
        Some((major, ..)) => major >= 23,
        None => true,
    }
}

/// The first run of digits and dots. A certified release is judged by the series that it was cut from.
pub(crate) fn parse(told: &str) -> Option<(u32, u32, u32)> {
    let told = told.strip_prefix("certified/").unwrap_or(told);
    let end = told.find(|c: char| !c.is_ascii_digit() && c != '.');
    let mut numbers = told[..end.unwrap_or(told.len())].split('.');
    let major = numbers.next()?.parse().ok()?;
    let mut next = || numbers.next().map_or(Some(0), |n| n.parse().ok());
    Some((major, next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
