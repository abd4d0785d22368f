//! Numbers and times for people.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 contact`, `2 contacts`.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(number))
}

/// `12.5 %`; nothing of nothing is `0.0 %`.
pub fn percent(part: u64, whole: u64) -> String {
    let rounded = (part.saturating_mul(1_000) + whole / 2).checked_div(whole);
    tenths(rounded.unwrap_or(0))
}

/// Tenths of a per cent, as all shares are shown: `27.8 %`.
pub fn tenths(tenths: u64) -> String {
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Seconds and their tenths: `8.4 s`.
pub fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

/// The two largest units: `2 d 4 h`, `3 min 20 s`, `0 s`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let units: Vec<_> = parts[first..]
        .iter()
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    if units.is_empty() {
        "0 s".to_owned()
    } else {
        units.join(" ")
    }
}

/// `14:05` in a time zone, with the day unless it is today.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let far =
        at.timestamp().duration_since(now.timestamp()).abs() > SignedDuration::from_hours(6 * 24);
    let form = match (at.date() == now.date(), far) {
        (true, _) => "%H:%M",
        (false, false) => "%a %H:%M",
        (false, true) => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            (percent(1, 3), percent(0, 0), percent(2, 2)),
            ("33.3 %".into(), "0.0 %".into(), "100.0 %".into())
        );
        let spans = [0, 59, 60, 200, 3_600, 3_661, 187_200, 172_805];
        let shown = spans.map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(
            shown,
            [
                "0 s",
                "59 s",
                "1 min",
                "3 min 20 s",
                "1 h",
                "1 h 1 min",
                "2 d 4 h",
                "2 d"
            ]
        );
        assert_eq!(
            (counted(1, "drop"), counted(2, "drop")),
            ("1 drop".into(), "2 drops".into())
        );
    }

    #[test]
    fn a_time_has_its_day_unless_it_is_today() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-24T12:00:00Z");
        for (moment, shown) in [
            ("2026-11-24T14:05:00Z", "14:05"),
            ("2026-11-25T09:00:00Z", "Wed 09:00"),
            ("2026-12-24T09:00:00Z", "2026-12-24 09:00"),
        ] {
            assert_eq!(clock(at(moment), now, &TimeZone::UTC), shown);
        }
    }
}
