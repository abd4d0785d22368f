//! Days on which a state allows no calls, or fewer.

use jiff::{
    ToSpan,
    civil::{Date, Weekday, date},
};

/// A day that comes once a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holiday {
    /// As the law names it.
    pub(super) name: &'static str,
    /// When it is.
    pub(super) day: Day,
    /// When it is kept if that is a weekend. The day itself stays closed too.
    pub(super) kept: Kept,
}

/// How a holiday's date is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// A month and a day of it.
    On(i8, i8),
    /// The first (1) to fifth, or with -1 the last, such weekday of a month, and so many days after it.
    Nth(i8, Weekday, i8, i32),
    /// So many days after Easter Sunday, or before it.
    Easter(i32),
    /// The Tuesday after the first Monday of November; in even years only if it says so.
    Election {
        /// Whether there is none in odd years.
        even_years: bool,
    },
}

/// When a holiday is kept that is no working day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// On the day itself.
    AsItFalls,
    /// A Sunday's on the Monday after.
    Monday,
    /// A Sunday's on the Monday after, a Saturday's on the Friday before.
    Nearest,
    /// A Saturday's and a Sunday's on the Monday after, any other's on the Monday before.
    AlwaysMonday,
}

impl Holiday {
    /// Whether a day is the holiday, or the day on which it is kept.
    pub(super) fn is_on(&self, day: Date) -> bool {
        let is = |year: i16| {
            let found = self.day.in_year(year);
            found == Some(day) || found.and_then(|found| self.kept.of(found)) == Some(day)
        };
        // What is kept on a Friday in December may be New Year's Day.
        is(day.year()) || (day.month() == 12 && is(day.year() + 1))
    }
}

impl Day {
    fn in_year(self, year: i16) -> Option<Date> {
        match self {
            Self::On(month, day) => Date::new(year, month, day).ok(),
            Self::Nth(nth, weekday, month, after) => Date::new(year, month, 1)
                .and_then(|first| first.nth_weekday_of_month(nth, weekday))
                .and_then(|found| found.checked_add(after.days()))
                .ok(),
            Self::Easter(after) => easter(year).checked_add(after.days()).ok(),
            Self::Election { even_years } => {
                if even_years && year % 2 != 0 {
                    return None;
                }
                Self::Nth(1, Weekday::Monday, 11, 1).in_year(year)
            }
        }
    }
}

impl Kept {
    fn of(self, day: Date) -> Option<Date> {
        let weekday = day.weekday();
        let days = match self {
            Self::AsItFalls => 0,
            Self::Monday => i32::from(weekday == Weekday::Sunday),
            Self::Nearest => {
                i32::from(weekday == Weekday::Sunday) - i32::from(weekday == Weekday::Saturday)
            }
            Self::AlwaysMonday => match weekday.to_monday_zero_offset() {
                since_monday @ 0..=4 => -i32::from(since_monday),
                since_monday => 7 - i32::from(since_monday),
            },
        };
        day.checked_add(days.days()).ok()
    }
}

/// Easter Sunday of the Gregorian calendar (the algorithm of Meeus, Jones and Butcher).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let [month, day] = [n / 31, n % 31 + 1].map(|n| i8::try_from(n).unwrap_or(1));
    Date::new(year, month, day).unwrap_or(date(year, 4, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn holiday(day: Day, kept: Kept) -> Holiday {
        Holiday {
            name: "a day",
            day,
            kept,
        }
    }

    #[test]
    fn easter_is_when_it_was() {
        for (year, month, day) in [
            (1961, 4, 2),
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2028, 4, 16),
            (2038, 4, 25),
            (2049, 4, 18),
        ] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn days_that_move_are_found() {
        let thanksgiving = Day::Nth(4, Weekday::Thursday, 11, 0);
        let election = Day::Election { even_years: false };
        let even = Day::Election { even_years: true };
        for (day, year, expected) in [
            (thanksgiving, 2026, Some(date(2026, 11, 26))),
            (
                Day::Nth(4, Weekday::Thursday, 11, 1),
                2026,
                Some(date(2026, 11, 27)),
            ),
            (
                Day::Nth(-1, Weekday::Monday, 5, 0),
                2027,
                Some(date(2027, 5, 31)),
            ),
            (
                Day::Nth(3, Weekday::Monday, 1, 0),
                2027,
                Some(date(2027, 1, 18)),
            ),
            (Day::Easter(-2), 2026, Some(date(2026, 4, 3))),
            (Day::Easter(-47), 2026, Some(date(2026, 2, 17))),
            (Day::Easter(-47), 2028, Some(date(2028, 2, 29))),
            (election, 2026, Some(date(2026, 11, 3))),
            (election, 2027, Some(date(2027, 11, 2))),
            (even, 2027, None),
            (even, 2028, Some(date(2028, 11, 7))),
            (Day::On(2, 29), 2027, None),
        ] {
            assert_eq!(day.in_year(year), expected, "{day:?} {year}");
        }
    }

    #[test]
    fn a_holiday_at_a_weekend_is_kept_beside_it_and_on_it() {
        // 4 July 2026 is a Saturday, 2027 a Sunday.
        let closed = |kept| {
            let fourth = holiday(Day::On(7, 4), kept);
            [
                date(2026, 7, 3),
                date(2026, 7, 4),
                date(2026, 7, 6),
                date(2027, 7, 2),
                date(2027, 7, 4),
                date(2027, 7, 5),
            ]
            .map(|day| fourth.is_on(day))
        };
        assert_eq!(
            closed(Kept::AsItFalls),
            [false, true, false, false, true, false]
        );
        assert_eq!(
            closed(Kept::Monday),
            [false, true, false, false, true, true]
        );
        assert_eq!(
            closed(Kept::Nearest),
            [true, true, false, false, true, true]
        );
        assert_eq!(
            closed(Kept::AlwaysMonday),
            [false, true, true, false, true, true]
        );
        let juneteenth = holiday(Day::On(6, 19), Kept::AlwaysMonday);
        // 19 June 2025 is a Thursday.
        assert!(juneteenth.is_on(date(2025, 6, 16)) && juneteenth.is_on(date(2025, 6, 19)));
        assert!(!juneteenth.is_on(date(2025, 6, 20)));
    }

    #[test]
    fn new_year_on_a_saturday_is_kept_in_the_old_year() {
        let new_year = holiday(Day::On(1, 1), Kept::Nearest);
        assert!(new_year.is_on(date(2027, 12, 31)) && new_year.is_on(date(2028, 1, 1)));
        assert!(!new_year.is_on(date(2026, 12, 31)));
        assert!(!new_year.is_on(date(9999, 12, 31)));
    }
}
