//! Hours of a day, and days of a week.

use std::fmt;

use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A part of a civil day: from a minute on, and up to, but not in, another one.
///
/// It is written `08:00-21:00`; its end may be `24:00`. It never crosses midnight and is never empty.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// Minutes after midnight, 0 to 1,439.
    from: u16,
    /// Minutes after midnight, more than `from`, up to 1,440.
    to: u16,
}

impl Span {
    /// The whole day.
    pub const DAY: Self = Self::hours(0, 24);

    /// From one full hour up to another one.
    ///
    /// # Panics
    /// If it would be empty or end after midnight; tables are built of it, at compile time.
    pub const fn hours(from: u16, to: u16) -> Self {
        match Self::minutes(from * 60, to * 60) {
            Some(span) => span,
            None => panic!("a span of hours begins before it ends, and ends by midnight"),
        }
    }

    /// From one minute of the day up to another one; `None` if it would be empty or end after midnight.
    pub const fn minutes(from: u16, to: u16) -> Option<Self> {
        if from < to && to <= MINUTES_OF_A_DAY {
            Some(Self { from, to })
        } else {
            None
        }
    }

    /// Reads `08:00-21:00`, with a two-digit hour and minute on either side; spaces around the `-` are let go.
    ///
    /// # Errors
    /// [`SpanError`] for anything else, and if the end is not after the beginning.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError {
            text: text.chars().take(40).collect(),
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (Some(from), Some(to)) = (minute(from.trim()), minute(to.trim())) else {
            return Err(wrong());
        };
        Self::minutes(from, to).ok_or_else(wrong)
    }

    /// Whether a time of the day is in it.
    pub fn holds(self, time: Time) -> bool {
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        (i32::from(self.from)..i32::from(self.to)).contains(&minute)
    }

    /// What both have in common.
    pub fn and(self, other: Self) -> Option<Self> {
        Self::minutes(self.from.max(other.from), self.to.min(other.to))
    }

    /// The time of the day at which it begins.
    pub fn opens(self) -> Time {
        let [hour, minute] = [self.from / 60, self.from % 60].map(|n| i8::try_from(n).unwrap_or(0));
        Time::new(hour, minute, 0, 0).unwrap_or(Time::MIN)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Span({self})")
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        Self::parse(&text)
    }
}

/// A text that is not a span of hours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not a span of hours; expected one such as `08:00-21:00`", text.escape_default())]
pub struct SpanError {
    /// What was given, at most its first 40 characters.
    text: String,
}

/// On which part of each weekday calls may be made; `None` if on no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Week {
    /// Monday first.
    days: [Option<Span>; 7],
}

impl Week {
    /// All hours of all days.
    pub const ALWAYS: Self = Self::daily(Span::DAY);

    /// The same hours on every day.
    pub const fn daily(span: Span) -> Self {
        Self::of(Some(span), Some(span), Some(span))
    }

    /// Hours from Monday to Friday, on Saturday, and on Sunday.
    pub const fn of(weekdays: Option<Span>, saturday: Option<Span>, sunday: Option<Span>) -> Self {
        Self {
            days: [
                weekdays, weekdays, weekdays, weekdays, weekdays, saturday, sunday,
            ],
        }
    }

    /// The same, but with other hours on one weekday.
    #[must_use]
    pub fn with(mut self, day: Weekday, span: Option<Span>) -> Self {
        self.days[index(day)] = span;
        self
    }

    /// The hours of one weekday.
    pub fn on(&self, day: Weekday) -> Option<Span> {
        self.days[index(day)]
    }
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

/// The minute after midnight that `08:00` to `24:00` name.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= MINUTES_OF_A_DAY).then(|| hour * 60 + minute)
}

const MINUTES_OF_A_DAY: u16 = 24 * 60;

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn a_span_holds_its_first_minute_and_not_its_last() {
        let span = Span::parse("08:00-21:30").unwrap();
        assert!(!span.holds(time(7, 59, 59, 999_999_999)));
        assert!(span.holds(time(8, 0, 0, 0)));
        assert!(span.holds(time(21, 29, 59, 999_999_999)));
        assert!(!span.holds(time(21, 30, 0, 0)));
        assert!(Span::DAY.holds(time(0, 0, 0, 0)) && Span::DAY.holds(time(23, 59, 59, 0)));
        assert_eq!(span.opens(), time(8, 0, 0, 0));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "8-21",
            "8:00-21:00",
            "08:00",
            "21:00-08:00",
            "08:00-08:00",
            "08:60-21:00",
            "08:00-24:01",
            "25:00-26:00",
            "08:00-21:00-22:00",
            "+8:00-21:00",
            "08:00–21:00",
        ] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        for text in ["08:00-21:00", "00:00-24:00", "09:30-09:31"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Span::parse("08:00 - 21:00").unwrap().to_string(),
            "08:00-21:00"
        );
    }

    #[test]
    fn what_two_spans_have_in_common_is_the_stricter() {
        let both = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|text| Span::parse(text).unwrap());
            a.and(b).map(|span| span.to_string())
        };
        assert_eq!(both("08:00-21:00", "09:00-20:00").unwrap(), "09:00-20:00");
        assert_eq!(both("08:00-20:00", "10:00-21:00").unwrap(), "10:00-20:00");
        assert_eq!(both("08:00-10:00", "10:00-21:00"), None);
    }

    #[test]
    fn a_week_is_kept_as_its_days() {
        let week = Week::of(Some(Span::hours(9, 18)), Some(Span::hours(10, 17)), None)
            .with(Weekday::Friday, Some(Span::hours(9, 12)));
        assert_eq!(week.on(Weekday::Friday), Some(Span::hours(9, 12)));
        assert_eq!(week.on(Weekday::Sunday), None);
        let json = serde_json::to_string(&week).unwrap();
        assert_eq!(serde_json::from_str::<Week>(&json).unwrap(), week);
    }
}
