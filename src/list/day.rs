//! Days and times as lists have them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::phone::Region;

/// Reads a moment: RFC 3339, or a day or a day and a time without a zone, in UTC; where `american`, also such as
/// `3/1/2026` and `03/01/2026 2:05 PM`, the month first. `None` for anything else.
///
/// A day alone begins at midnight UTC, which is past nowhere in America before it is in Europe: a consent of this day is
/// never one of the future.
pub(super) fn moment(text: &str, american: bool) -> Option<Timestamp> {
    let text = text.trim();
    if text.as_bytes().get(4) == Some(&b'-') {
        return text.parse().ok().or_else(|| in_utc(text.parse().ok()?));
    }
    if american {
        in_utc(american_time(text)?)
    } else {
        None
    }
}

/// Whether people of a region write the month first, and nobody there the day.
pub(super) fn is_american(region: Region) -> bool {
    region == Region::default()
}

fn american_time(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = day.split('/');
    let month = number(parts.next()?, 1..=2)?;
    let date = number(parts.next()?, 1..=2)?;
    let year = number(parts.next()?, 4..=4)?;
    if parts.next().is_some() {
        return None;
    }
    let (hour, minute, second) = if time.trim().is_empty() {
        (0, 0, 0)
    } else {
        clock(time.trim())?
    };
    DateTime::new(
        year,
        i8::try_from(month).ok()?,
        i8::try_from(date).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        0,
    )
    .ok()
}

/// `14:05`, `14:05:30`, `2:05 PM`.
fn clock(text: &str) -> Option<(i16, i16, i16)> {
    let upper = text.to_ascii_uppercase();
    let (time, half) = match upper.strip_suffix('M') {
        Some(rest) => match rest.strip_suffix('A') {
            Some(time) => (time, Some(0)),
            None => (rest.strip_suffix('P')?, Some(12)),
        },
        None => (upper.as_str(), None),
    };
    let mut parts = time.trim_end().split(':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let second = parts
        .next()
        .map_or(Some(0), |second| number(second, 2..=2))?;
    if parts.next().is_some() {
        return None;
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Some((hour, minute, second))
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let fits = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC)
        .ok()
        .map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_or_refused() {
        let rows = [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T14:05:00Z", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05:00-05:00", "2026-03-01T19:05:00Z"),
            ("2026-03-01 14:05:00.5+02:00", "2026-03-01T12:05:00.5Z"),
            ("2026-03-01 14:05", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05:09", "2026-03-01T14:05:09Z"),
            (" 3/1/2026 ", "2026-03-01T00:00:00Z"),
            ("03/31/2026 14:05", "2026-03-31T14:05:00Z"),
            ("3/1/2026 2:05 PM", "2026-03-01T14:05:00Z"),
            ("3/1/2026 12:00:30am", "2026-03-01T00:00:30Z"),
            ("12/31/2026 12:00 pm", "2026-12-31T12:00:00Z"),
            ("31/12/2026", "none"),
            ("3/1/26", "none"),
            ("3/1/2026 13:05 PM", "none"),
            ("3/1/2026 0:05 AM", "none"),
            ("2/29/2026", "none"),
            ("2026-02-30", "none"),
            ("1.3.2026", "none"),
            ("March 1, 2026", "none"),
            ("45717", "none"),
            ("1772323200", "none"),
            ("", "none"),
            ("2026-", "none"),
            ("3/1/2026 1:2", "none"),
            ("+/1/2026", "none"),
        ];
        for (text, expected) in rows {
            let found = moment(text, true).map_or_else(|| "none".to_owned(), |at| at.to_string());
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(moment("3/1/2026", false), None);
    }
}
