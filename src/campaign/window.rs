//! When a campaign dials: its own hours and dates, in one zone of its own choice.
//!
//! These are the campaign's own. The gate decides besides what the law allows at each contact's place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use thiserror::Error;

/// From one time of day to another, the end not within; an end at midnight is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    opens: Time,
    closes: Time,
}

impl Hours {
    /// The hours of a day between two times.
    ///
    /// # Errors
    /// [`WindowError::NoHours`] if `closes` is not after `opens`. Hours that pass midnight are two of one day each.
    pub fn new(opens: Time, closes: Time) -> Result<Self, WindowError> {
        if closes == Time::midnight() || opens < closes {
            Ok(Self { opens, closes })
        } else {
            Err(WindowError::NoHours { opens, closes })
        }
    }
}

/// The hours and dates of a campaign.
#[derive(Clone, Debug)]
pub struct Window {
    zone: TimeZone,
    /// Hours by the day of the week, counted from Monday, ordered, no two of them touching. A day without any is
    /// closed.
    hours: [Vec<Hours>; 7],
    first: Option<Date>,
    last: Option<Date>,
    except: BTreeSet<Date>,
}

/// Why hours or dates make no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WindowError {
    /// The end is not after the beginning.
    #[error(
        "hours from {opens} to {closes} are empty; write hours that pass midnight as two, one before and one after it"
    )]
    NoHours {
        /// When they open.
        opens: Time,
        /// When they close.
        closes: Time,
    },
    /// The last date is before the first.
    #[error("the last date, {last}, is before the first, {first}")]
    NoDates {
        /// The first date.
        first: Date,
        /// The last date.
        last: Date,
    },
    /// No day of the week has any hours.
    #[error("no day of the week has any hours")]
    NeverOpen,
}

/// Whether a window is open, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is open; `None`: for good.
    Open {
        /// When it closes.
        until: Option<Timestamp>,
    },
    /// It is closed.
    Closed {
        /// When it opens.
        until: Timestamp,
    },
    /// It is closed for good: its last date is over.
    Over,
}

impl Window {
    /// The hours of each day of the week in a zone, on all dates.
    ///
    /// # Errors
    /// [`WindowError::NeverOpen`] if there are no hours at all.
    pub fn new(
        zone: TimeZone,
        hours: impl IntoIterator<Item = (Weekday, Hours)>,
    ) -> Result<Self, WindowError> {
        let mut days: BTreeMap<usize, Vec<Hours>> = BTreeMap::new();
        for (weekday, hours) in hours {
            days.entry(index(weekday)).or_default().push(hours);
        }
        if days.is_empty() {
            return Err(WindowError::NeverOpen);
        }
        Ok(Self {
            zone,
            hours: std::array::from_fn(|day| joined(days.remove(&day).unwrap_or_default())),
            first: None,
            last: None,
            except: BTreeSet::new(),
        })
    }

    /// The same hours on every day of the week.
    pub fn daily(zone: TimeZone, hours: Hours) -> Self {
        Self {
            zone,
            hours: std::array::from_fn(|_| vec![hours]),
            first: None,
            last: None,
            except: BTreeSet::new(),
        }
    }

    /// Open from the first date to the last, both within; either may be open-ended.
    ///
    /// # Errors
    /// [`WindowError::NoDates`] if the last is before the first.
    pub fn between(self, first: Option<Date>, last: Option<Date>) -> Result<Self, WindowError> {
        if let (Some(first), Some(last)) = (first, last)
            && last < first
        {
            return Err(WindowError::NoDates { first, last });
        }
        Ok(Self {
            first,
            last,
            ..self
        })
    }

    /// Closed on these dates.
    #[must_use]
    pub fn except(self, dates: impl IntoIterator<Item = Date>) -> Self {
        Self {
            except: dates.into_iter().collect(),
            ..self
        }
    }

    /// The zone of its hours.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether it is open at `now`, and until when. Dates that are left out and days without hours are passed over, however
    /// many they are: only behind its last date it is over.
    pub fn opening(&self, now: Timestamp) -> Opening {
        let today = now.to_zoned(self.zone.clone()).date();
        let mut date = today.max(self.first.unwrap_or(Date::MIN));
        while self.last.is_none_or(|last| date <= last) {
            for (opens, closes) in self.spans(date) {
                if now < opens {
                    return Opening::Closed { until: opens };
                }
                if now < closes {
                    return Opening::Open {
                        until: self.closes(date, closes),
                    };
                }
            }
            let Ok(next) = date.tomorrow() else {
                break;
            };
            date = next;
        }
        Opening::Over
    }

    /// When hours that end at `closes` on `date` come to an end; the next day's may continue them.
    fn closes(&self, mut date: Date, mut closes: Timestamp) -> Option<Timestamp> {
        for _ in 0..7 {
            let Ok(next) = date.tomorrow() else {
                return Some(closes);
            };
            date = next;
            if self.last.is_some_and(|last| date > last) {
                return Some(closes);
            }
            match self.spans(date).next() {
                Some((opens, later)) if opens == closes => closes = later,
                Some(_) | None => return Some(closes),
            }
        }
        let ends = self.last.is_some() || !self.except.is_empty() || !self.is_round_the_clock();
        ends.then_some(closes)
    }

    fn is_round_the_clock(&self) -> bool {
        self.hours.iter().all(|hours| {
            hours
                .iter()
                .any(|h| h.opens == Time::midnight() && h.closes == Time::midnight())
        })
    }

    /// The hours of a date as moments. A time that the clocks leap over is moved on by the leap; of a time that comes
    /// twice the first counts. Hours that lie within a leap as a whole hold no time and are left out.
    fn spans(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let closed = self.except.contains(&date);
        let hours = if closed {
            &[][..]
        } else {
            &self.hours[index(date.weekday())]
        };
        hours.iter().filter_map(move |hours| {
            let opens = self.moment(date, hours.opens)?;
            let closes = if hours.closes == Time::midnight() {
                self.moment(date.tomorrow().ok()?, hours.closes)?
            } else {
                self.moment(date, hours.closes)?
            };
            (opens < closes).then_some((opens, closes))
        })
    }

    fn moment(&self, date: Date, time: Time) -> Option<Timestamp> {
        self.zone
            .to_ambiguous_timestamp(date.to_datetime(time))
            .compatible()
            .ok()
    }
}

fn index(weekday: Weekday) -> usize {
    // From 0 to 6 always.
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

/// The hours of a day in order, those that touch or overlap made one.
fn joined(mut hours: Vec<Hours>) -> Vec<Hours> {
    hours.sort_unstable();
    let mut joined: Vec<Hours> = Vec::with_capacity(hours.len());
    for next in hours {
        match joined.last_mut() {
            Some(last) if last.closes == Time::midnight() => {}
            Some(last) if next.opens <= last.closes => {
                last.closes = if next.closes == Time::midnight() {
                    next.closes
                } else {
                    last.closes.max(next.closes)
                };
            }
            Some(_) | None => joined.push(next),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn it_opens_and_closes_to_the_second() {
        let window = Window::daily(new_york(), hours(9, 17));
        for (now, expected) in [
            ("2026-11-24T08:59:59-05", closed("2026-11-24T09:00:00-05")),
            ("2026-11-24T09:00:00-05", open("2026-11-24T17:00:00-05")),
            ("2026-11-24T16:59:59.999-05", open("2026-11-24T17:00:00-05")),
            ("2026-11-24T17:00:00-05", closed("2026-11-25T09:00:00-05")),
        ] {
            assert_eq!(window.opening(at(now)), expected, "{now}");
        }
    }

    #[test]
    fn days_and_dates_are_kept() {
        let weekdays = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ];
        let window = Window::new(new_york(), weekdays.map(|day| (day, hours(9, 17))))
            .unwrap()
            .between(Some(date(2026, 11, 24)), Some(date(2026, 12, 1)))
            .unwrap()
            .except([date(2026, 11, 26)]);
        for (now, expected) in [
            ("2026-10-01T12:00:00-04", closed("2026-11-24T09:00:00-05")),
            // Thanksgiving is left out, and the weekend has no hours.
            ("2026-11-25T18:00:00-05", closed("2026-11-27T09:00:00-05")),
            ("2026-11-27T18:00:00-05", closed("2026-11-30T09:00:00-05")),
            ("2026-12-01T16:00:00-05", open("2026-12-01T17:00:00-05")),
            ("2026-12-01T17:00:00-05", Opening::Over),
        ] {
            assert_eq!(window.opening(at(now)), expected, "{now}");
        }
    }

    #[test]
    fn dates_that_are_left_out_close_it_until_the_next_open_day() {
        let mondays = || Window::new(new_york(), [(Weekday::Monday, hours(9, 17))]).unwrap();
        let weekends = [Weekday::Saturday, Weekday::Sunday].map(|day| (day, hours(10, 14)));
        let weekends = Window::new(new_york(), weekends).unwrap();
        let every_monday_of_a_year = date(2026, 12, 7)
            .series(jiff::Span::new().weeks(1))
            .take(52);
        for (window, now, expected) in [
            (
                mondays().except([date(2026, 12, 7)]),
                "2026-11-30T18:00:00-05",
                closed("2026-12-14T09:00:00-05"),
            ),
            (
                mondays().except([date(2026, 12, 7), date(2026, 12, 14), date(2026, 12, 21)]),
                "2026-12-01T12:00:00-05",
                closed("2026-12-28T09:00:00-05"),
            ),
            (
                mondays().except(every_monday_of_a_year),
                "2026-12-01T12:00:00-05",
                closed("2027-12-06T09:00:00-05"),
            ),
            (
                weekends.clone().except([
                    date(2026, 12, 26),
                    date(2026, 12, 27),
                    date(2027, 1, 2),
                    date(2027, 1, 3),
                ]),
                "2026-12-20T15:00:00-05",
                closed("2027-01-09T10:00:00-05"),
            ),
            // The dates that are left out are no days of this window, and change nothing.
            (
                weekends.except([date(2026, 12, 24), date(2026, 12, 25)]),
                "2026-12-20T15:00:00-05",
                closed("2026-12-26T10:00:00-05"),
            ),
            (
                mondays()
                    .except([date(2026, 12, 7)])
                    .between(None, Some(date(2026, 12, 14)))
                    .unwrap(),
                "2026-12-01T12:00:00-05",
                closed("2026-12-14T09:00:00-05"),
            ),
            (
                mondays()
                    .except([date(2026, 12, 7)])
                    .between(None, Some(date(2026, 12, 13)))
                    .unwrap(),
                "2026-12-01T12:00:00-05",
                Opening::Over,
            ),
            (
                mondays()
                    .between(Some(date(2030, 1, 1)), None)
                    .unwrap()
                    .except([date(2030, 1, 7)]),
                "2026-12-01T12:00:00-05",
                closed("2030-01-14T09:00:00-05"),
            ),
        ] {
            assert_eq!(window.opening(at(now)), expected, "{now}");
        }
    }

    #[test]
    fn clocks_that_change_change_the_hours_with_them() {
        let window = Window::daily(new_york(), hours(9, 17));
        // The night to 8 March 2026 is an hour shorter.
        assert_eq!(
            window.opening(at("2026-03-07T18:00:00-05")),
            closed("2026-03-08T09:00:00-04")
        );
        // Two to three does not exist on that day, and holds no time.
        let night = Window::daily(
            new_york(),
            Hours::new(time(2, 0, 0, 0), time(3, 0, 0, 0)).unwrap(),
        );
        assert_eq!(
            night.opening(at("2026-03-08T00:00:00-05")),
            closed("2026-03-09T02:00:00-04")
        );
    }

    #[test]
    fn hours_around_midnight_are_one_opening() {
        let late = Hours::new(time(22, 0, 0, 0), Time::midnight()).unwrap();
        let early = Hours::new(Time::midnight(), time(2, 0, 0, 0)).unwrap();
        let window = Window::new(
            new_york(),
            [(Weekday::Friday, late), (Weekday::Saturday, early)],
        )
        .unwrap();
        assert_eq!(
            window.opening(at("2026-11-27T23:00:00-05")),
            open("2026-11-28T02:00:00-05")
        );
        let always = Window::daily(
            new_york(),
            Hours::new(Time::midnight(), Time::midnight()).unwrap(),
        );
        assert_eq!(
            always.opening(at("2026-11-27T23:00:00-05")),
            Opening::Open { until: None }
        );
    }

    #[test]
    fn hours_that_touch_are_one() {
        let day = [hours(12, 15), hours(9, 12), hours(10, 11)];
        let window = Window::new(new_york(), day.map(|hours| (Weekday::Tuesday, hours))).unwrap();
        assert_eq!(
            window.opening(at("2026-11-24T09:30:00-05")),
            open("2026-11-24T15:00:00-05")
        );
    }

    #[test]
    fn what_is_no_window_is_refused() {
        assert!(Hours::new(time(17, 0, 0, 0), time(9, 0, 0, 0)).is_err());
        assert!(Window::new(new_york(), []).is_err());
        let window = Window::daily(new_york(), hours(9, 17));
        assert!(
            window
                .between(Some(date(2026, 2, 2)), Some(date(2026, 2, 1)))
                .is_err()
        );
    }

    fn hours(opens: i8, closes: i8) -> Hours {
        Hours::new(time(opens, 0, 0, 0), time(closes, 0, 0, 0)).unwrap()
    }

    fn open(until: &str) -> Opening {
        Opening::Open {
            until: Some(at(until)),
        }
    }

    fn closed(until: &str) -> Opening {
        Opening::Closed { until: at(until) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }
}
