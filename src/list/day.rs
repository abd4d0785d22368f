//! Days and times as lists have them.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time, date},
    tz::{Offset, TimeZone},
};

use crate::phone::Region;

/// Which of the two comes first in a day such as `03/01/2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// The month: March 1.
    MonthFirst,
    /// The day: January 3.
    DayFirst,
}

impl DateOrder {
    /// The order by its name, `mdy` or `dmy`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "mdy" => Some(Self::MonthFirst),
            "dmy" => Some(Self::DayFirst),
            _ => None,
        }
    }
}

/// What is known of the order of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayOrder {
    /// The user stated it.
    Stated(DateOrder),
    /// People of the default region write the month first, and hardly anyone there the day.
    American,
    /// Nothing.
    Unknown,
}

impl DayOrder {
    pub(super) fn of(stated: Option<DateOrder>, region: Region) -> Self {
        match stated {
            Some(order) => Self::Stated(order),
            None if region == Region::default() => Self::American,
            None => Self::Unknown,
        }
    }
}

/// Why a moment cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnclearTime {
    /// It has no form that is known.
    Form,
    /// It is one day or another, by which of its numbers is the month.
    Order,
}

/// Reads a moment: RFC 3339, or a day with or without a time and without a zone, in UTC. A day is written year first, with
/// the month's English name, with dots (the day first), with slashes in an order that is known, or is the number that
/// spreadsheets keep: 46082 is 2026-03-01.
///
/// A day alone begins at midnight UTC, which is past nowhere in America before it is in Europe: a consent of this day is
/// never one of the future.
pub(super) fn moment(text: &str, order: DayOrder) -> Result<Timestamp, UnclearTime> {
    let text = text.trim();
    if text.as_bytes().get(4) == Some(&b'-')
        && let Ok(moment) = text.parse()
    {
        return Ok(moment);
    }
    if let Some(moment) = serial(text) {
        return Ok(moment);
    }
    let (day, time) = parted(text);
    let day = day_of(&day, order)?;
    let (time, offset) = match time {
        Some(time) => clock(&time).ok_or(UnclearTime::Form)?,
        None => (Time::midnight(), Offset::UTC),
    };
    offset
        .to_timestamp(DateTime::from_parts(day, time))
        .map_err(|_| UnclearTime::Form)
}

/// Whether a text is a day or a moment, whatever its order.
pub(super) fn is_day(text: &str) -> bool {
    let order = DayOrder::Stated(DateOrder::DayFirst);
    let other = DayOrder::Stated(DateOrder::MonthFirst);
    moment(text, order).is_ok() || moment(text, other).is_ok()
}

/// The day and the time of a text: `2026-03-01T14:05`, `March 1, 2026 2:05 PM`.
fn parted(text: &str) -> (String, Option<String>) {
    let mut spaced = String::with_capacity(text.len());
    let mut last = ' ';
    for c in text.chars() {
        let is_between = matches!(c, 'T' | 't') && last.is_ascii_digit();
        spaced.push(if is_between { ' ' } else { c });
        last = c;
    }
    let words: Vec<&str> = spaced.split_whitespace().collect();
    match words.iter().position(|word| word.contains(':')) {
        Some(at) => (words[..at].join(" "), Some(words[at..].join(" "))),
        None => (words.join(" "), None),
    }
}

fn day_of(text: &str, order: DayOrder) -> Result<Date, UnclearTime> {
    let parts: Vec<&str> = text
        .split(['/', '-', '.', ' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let date = |year, month, day| civil(year, month, day).ok_or(UnclearTime::Form);
    let (a, b, c) = match parts[..] {
        [whole] if whole.len() == 8 && whole.is_ascii() => {
            return date(&whole[..4], &whole[4..6], &whole[6..]);
        }
        [a, b, c] => (a, b, c),
        [] | [_, ..] => return Err(UnclearTime::Form),
    };
    match (month(a), month(b)) {
        (Some(month), None) => return date(c, month, ordinal(b)),
        (None, Some(month)) if a.len() == 4 => return date(a, month, ordinal(c)),
        (None, Some(month)) => return date(c, month, ordinal(a)),
        (None, None) => {}
        (Some(_), Some(_)) => return Err(UnclearTime::Form),
    }
    if a.len() == 4 {
        return date(a, b, c);
    }
    let day_first = date(c, b, a);
    let month_first = date(c, a, b);
    match order {
        DayOrder::Stated(DateOrder::DayFirst) => day_first,
        DayOrder::Stated(DateOrder::MonthFirst) => month_first,
        // Dots are of countries that write the day first.
        DayOrder::American | DayOrder::Unknown if text.contains('.') => day_first,
        // One with a day that is no month speaks for a list of the other order.
        DayOrder::American if month_first.is_err() && day_first.is_ok() => Err(UnclearTime::Order),
        DayOrder::American => month_first,
        DayOrder::Unknown => match (day_first, month_first) {
            (Ok(one), Ok(other)) if one != other => Err(UnclearTime::Order),
            (Ok(day), _) | (_, Ok(day)) => Ok(day),
            (Err(error), Err(_)) => Err(error),
        },
    }
}

fn civil(year: &str, month: &str, day: &str) -> Option<Date> {
    let year = number(year, 4..=4).filter(|year| YEARS.contains(year))?;
    let month = i8::try_from(number(month, 1..=2)?).ok()?;
    let day = i8::try_from(number(day, 1..=2)?).ok()?;
    Date::new(year, month, day).ok()
}

/// The number of a month by its English name, or by three letters of it.
fn month(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let names = MONTHS.iter().zip(1_usize..);
    let number = names
        .filter(|(name, _)| **name == word || (word.len() == 3 && name.starts_with(&word)))
        .map(|(_, number)| number)
        .next()
        .or_else(|| (word == "sept").then_some(9))?;
    NUMBERS.get(number - 1).copied()
}

/// `1st` without its ending.
fn ordinal(word: &str) -> &str {
    let endings = ["st", "nd", "rd", "th"];
    endings
        .into_iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word)
}

/// A moment as spreadsheets count it: days since 1899-12-30, and the part of the day that has passed. `None` if it is no
/// number, or one of before 2000 or after 2099, which may be anything else.
fn serial(text: &str) -> Option<Timestamp> {
    let text = text.replace(',', ".");
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let days: f64 = text.parse().ok().filter(|_| is_number)?;
    if !SERIALS.contains(&days) {
        return None;
    }
    let seconds = SignedDuration::try_from_secs_f64((days * 86_400.0).round()).ok()?;
    let zero = date(1899, 12, 30).to_zoned(TimeZone::UTC).ok()?;
    zero.timestamp().checked_add(seconds).ok()
}

/// `14:05`, `14:05:30`, `2:05 PM`, and behind it `Z` or an offset if there is one.
fn clock(text: &str) -> Option<(Time, Offset)> {
    let text = text.to_ascii_uppercase().replace("A.M.", "AM");
    let text = text.replace("P.M.", "PM");
    let digits = text.find(|c: char| !(c.is_ascii_digit() || ":.,".contains(c)));
    let (time, rest) = text.split_at(digits.unwrap_or(text.len()));
    let rest = rest.trim();
    let (half, rest) = match (rest.strip_prefix("AM"), rest.strip_prefix("PM")) {
        (Some(rest), _) => (Some(0), rest),
        (None, Some(rest)) => (Some(12), rest),
        (None, None) => (None, rest),
    };
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, "0"));
    let mut parts = time.split(':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let second = parts
        .next()
        .map_or(Some(0), |second| number(second, 2..=2))?;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !is_fraction {
        return None;
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let time = Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        0,
    );
    Some((time.ok()?, offset(rest.trim())?))
}

/// Nothing, `Z`, `UTC`, `GMT`, `+02:00`, `-0500`, `+2`.
fn offset(text: &str) -> Option<Offset> {
    let text = ["UTC", "GMT", "Z"]
        .into_iter()
        .find_map(|name| text.strip_prefix(name))
        .unwrap_or(text);
    let (sign, text) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(text), _) => (1, text),
        (None, Some(text)) => (-1, text),
        (None, None) => return text.is_empty().then_some(Offset::UTC),
    };
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None if text.len() == 4 && text.is_ascii() => text.split_at(2),
        None => (text, "00"),
    };
    let hours = i32::from(number(hours, 1..=2)?);
    let minutes = i32::from(number(minutes, 2..=2).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let fits = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

/// The years of a consent.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;

/// The days of 2000 to 2099 as spreadsheets count them.
const SERIALS: std::ops::Range<f64> = 36_526.0..73_051.0;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const NUMBERS: [&str; 12] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, order: DayOrder) -> String {
        match moment(text, order) {
            Ok(at) => at.to_string(),
            Err(UnclearTime::Form) => "none".to_owned(),
            Err(UnclearTime::Order) => "order".to_owned(),
        }
    }

    #[test]
    fn a_moment_is_read_or_refused() {
        let rows = [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T14:05:00Z", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05:00-05:00", "2026-03-01T19:05:00Z"),
            ("2026-03-01T14:05:00.000Z", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05:00+0200", "2026-03-01T12:05:00Z"),
            ("2026-03-01 14:05:00.5+02:00", "2026-03-01T12:05:00.5Z"),
            ("2026-03-01 14:05:00 UTC", "2026-03-01T14:05:00Z"),
            ("2026-03-01 14:05:00 -0500", "2026-03-01T19:05:00Z"),
            ("2026-03-01 14:05", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05", "2026-03-01T14:05:00Z"),
            ("2026-03-01T14:05:09", "2026-03-01T14:05:09Z"),
            ("2026-03-01 2:05 PM", "2026-03-01T14:05:00Z"),
            ("2026/03/01", "2026-03-01T00:00:00Z"),
            ("2026.3.1 14:05", "2026-03-01T14:05:00Z"),
            ("20260301", "2026-03-01T00:00:00Z"),
            (" 3/1/2026 ", "2026-03-01T00:00:00Z"),
            ("03/31/2026 14:05", "2026-03-31T14:05:00Z"),
            ("3/1/2026 2:05 PM", "2026-03-01T14:05:00Z"),
            ("3/1/2026 12:00:30am", "2026-03-01T00:00:30Z"),
            ("3/1/2026 2:05 p.m.", "2026-03-01T14:05:00Z"),
            ("12/31/2026 12:00 pm", "2026-12-31T12:00:00Z"),
            ("03-01-2026", "2026-03-01T00:00:00Z"),
            ("1.3.2026", "2026-03-01T00:00:00Z"),
            ("01.03.2026", "2026-03-01T00:00:00Z"),
            ("01.03.2026 14:05", "2026-03-01T14:05:00Z"),
            ("March 1, 2026", "2026-03-01T00:00:00Z"),
            ("Mar 1st, 2026 2:05 PM", "2026-03-01T14:05:00Z"),
            ("1 March 2026", "2026-03-01T00:00:00Z"),
            ("01-Mar-2026", "2026-03-01T00:00:00Z"),
            ("2026-Mar-01", "2026-03-01T00:00:00Z"),
            ("46082", "2026-03-01T00:00:00Z"),
            ("46082.0", "2026-03-01T00:00:00Z"),
            ("46082.5868055556", "2026-03-01T14:05:00Z"),
            ("46082,5", "2026-03-01T12:00:00Z"),
            ("45717", "2025-03-01T00:00:00Z"),
            ("31/12/2026", "order"),
            ("31.02.2026", "none"),
            ("3/1/26", "none"),
            ("01.03.26", "none"),
            ("01-Mar-26", "none"),
            ("3/1/2026 13:05 PM", "none"),
            ("3/1/2026 0:05 AM", "none"),
            ("2/29/2026", "none"),
            ("2026-02-30", "none"),
            ("March 2026", "none"),
            ("1772323200", "none"),
            ("12345", "none"),
            ("20261301", "none"),
            ("last week", "none"),
            ("", "none"),
            ("2026-", "none"),
            ("3/1/2026 1:2", "none"),
            ("2026-03-01 14:05 CET", "none"),
            ("+/1/2026", "none"),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text, DayOrder::American), expected, "{text}");
        }
    }

    #[test]
    fn the_order_of_a_day_is_stated_or_beyond_doubt() {
        let day_first = DayOrder::Stated(DateOrder::DayFirst);
        let month_first = DayOrder::Stated(DateOrder::MonthFirst);
        for (text, order, expected) in [
            ("03/01/2026", month_first, "2026-03-01T00:00:00Z"),
            ("03/01/2026", day_first, "2026-01-03T00:00:00Z"),
            ("03-01-2026 14:05", day_first, "2026-01-03T14:05:00Z"),
            ("03/01/2026", DayOrder::Unknown, "order"),
            ("3/1/2026 2:05 PM", DayOrder::Unknown, "order"),
            ("31/12/2026", DayOrder::Unknown, "2026-12-31T00:00:00Z"),
            ("12/31/2026", DayOrder::Unknown, "2026-12-31T00:00:00Z"),
            ("03/03/2026", DayOrder::Unknown, "2026-03-03T00:00:00Z"),
            ("03.01.2026", DayOrder::Unknown, "2026-01-03T00:00:00Z"),
            ("31/12/2026", month_first, "none"),
            ("12/31/2026", day_first, "none"),
        ] {
            assert_eq!(found(text, order), expected, "{text} {order:?}");
        }
    }
}
