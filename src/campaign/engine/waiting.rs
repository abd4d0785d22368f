//! How many contacts wait for what and until when, for display.

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use crate::campaign::decision::HeldReason;

/// Counts of contacts that wait. It stays small, however many they are: moments are rounded up to the minute, and if
/// there are too many of them those farthest ahead are counted together.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    by: BTreeMap<(Timestamp, WaitCause), u64>,
}

/// What a group of contacts waits for, and in which zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct WaitCause {
    /// `None`: their next attempt.
    reason: Option<HeldReason>,
    /// When the hours open in its zone.
    opens: Option<Opens>,
}

/// An opening as the clocks in its zone show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Opens {
    at: civil::DateTime,
    zone: String,
}

impl Waiting {
    /// No contact waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Contacts begin to wait: for what, `None` being the next attempt, until when, and, for calling hours, by which
    /// zone's clocks.
    pub fn note(
        &mut self,
        reason: Option<HeldReason>,
        until: Timestamp,
        zone: Option<&TimeZone>,
        contacts: u64,
    ) {
        let until = to_the_minute(until);
        let opens = match reason {
            Some(HeldReason::CallingHours) => zone.and_then(|zone| {
                Some(Opens {
                    at: zone.to_datetime(until),
                    zone: zone.iana_name()?.to_owned(),
                })
            }),
            Some(HeldReason::FrequencyCap | HeldReason::Paused) | None => None,
        };
        let cause = WaitCause { reason, opens };
        *self.by.entry((until, cause)).or_default() += contacts;
        while self.by.len() > MOST {
            let Some((_, count)) = self.by.pop_last() else {
                break;
            };
            if let Some(mut last) = self.by.last_entry() {
                *last.get_mut() += count;
            }
        }
    }

    /// Forgets those whose time has come.
    pub fn roll(&mut self, now: Timestamp) {
        while let Some(first) = self.by.first_entry() {
            if first.key().0 > now {
                break;
            }
            first.remove();
        }
    }

    /// Forgets those that are held: only retries go on to wait.
    pub fn forget_holds(&mut self) {
        self.by.retain(|(_, cause), _| cause.reason.is_none());
    }

    /// How many wait for this.
    pub fn count(&self, reason: Option<HeldReason>) -> u64 {
        let those = self
            .by
            .iter()
            .filter(|((_, cause), _)| cause.reason == reason);
        those.map(|(_, &count)| count).sum()
    }

    /// When the first of them need wait no more.
    pub fn until(&self) -> Option<Timestamp> {
        self.by.first_key_value().map(|((until, _), _)| *until)
    }

    /// For what they wait, the soonest first: `calling hours: opens 09:00 in 2 zones; 12 contacts to be tried again,
    /// the first at 14:05 UTC`. `None` unless a contact waits.
    pub fn words(&self, now: Timestamp) -> Option<String> {
        let mut parts: Vec<(Timestamp, String)> = [
            Some(HeldReason::CallingHours),
            Some(HeldReason::FrequencyCap),
            Some(HeldReason::Paused),
            None,
        ]
        .into_iter()
        .filter_map(|reason| {
            let mut those = self
                .by
                .iter()
                .filter(|((_, cause), _)| cause.reason == reason);
            let until = those.next().map(|((until, _), _)| *until)?;
            Some((until, self.say(reason, until, now)))
        })
        .collect();
        parts.sort();
        let words: Vec<_> = parts.into_iter().map(|(_, words)| words).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    fn say(&self, reason: Option<HeldReason>, until: Timestamp, now: Timestamp) -> String {
        let count = self.count(reason);
        let contacts = if count == 1 { "contact" } else { "contacts" };
        let first = if count == 1 { "" } else { "the first " };
        let at = At {
            local: TimeZone::UTC.to_datetime(until),
            ahead: until.duration_since(now),
        };
        match reason {
            Some(HeldReason::CallingHours) => self.hours(until, now),
            Some(HeldReason::FrequencyCap) => {
                format!("frequency caps hold {count} {contacts}, {first}until {at} UTC")
            }
            Some(HeldReason::Paused) => {
                format!("{count} {contacts} held by the operator, {first}until {at} UTC")
            }
            None => format!("{count} {contacts} to be tried again, {first}at {at} UTC"),
        }
    }

    /// The next opening of each zone, zones that open at the same local time together.
    fn hours(&self, until: Timestamp, now: Timestamp) -> String {
        let mut next: BTreeMap<&str, (Timestamp, civil::DateTime)> = BTreeMap::new();
        for (until, cause) in self.by.keys() {
            if let Some(opens) = &cause.opens {
                // In the order of time: the first is the next.
                next.entry(&opens.zone).or_insert((*until, opens.at));
            }
        }
        let mut openings: BTreeMap<civil::DateTime, (Timestamp, Vec<&str>)> = BTreeMap::new();
        for (zone, (until, local)) in next {
            let opening = openings.entry(local).or_insert((until, Vec::new()));
            opening.0 = opening.0.min(until);
            opening.1.push(zone);
        }
        let openings: Vec<_> = openings
            .into_iter()
            .map(|(local, (until, zones))| {
                let at = At {
                    local,
                    ahead: until.duration_since(now),
                };
                match zones.as_slice() {
                    [zone] => format!("opens {at} in {zone}"),
                    zones => format!("opens {at} in {} zones", zones.len()),
                }
            })
            .collect();
        if openings.is_empty() {
            let at = At {
                local: TimeZone::UTC.to_datetime(until),
                ahead: until.duration_since(now),
            };
            return format!("calling hours: opens {at} UTC");
        }
        format!("calling hours: {}", openings.join(", "))
    }
}

/// A moment as the clocks somewhere show it: `09:00`, within the week `Mon 09:00`, later `2026-12-24 09:00`.
pub(super) struct At {
    pub(super) local: civil::DateTime,
    pub(super) ahead: SignedDuration,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.ahead.as_hours() {
            ..20 => "%H:%M",
            20..144 => "%a %H:%M",
            144.. => "%Y-%m-%d %H:%M",
        };
        write!(f, "{}", self.local.strftime(format))
    }
}

fn to_the_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let minute = second.div_euclid(60) + i64::from(second.rem_euclid(60) > 0);
    Timestamp::from_second(minute * 60).unwrap_or(at)
}

/// How many groups are counted apart.
const MOST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_that_open_at_the_same_hour_are_shown_together() {
        let mut waiting = Waiting::new();
        hold(
            &mut waiting,
            "2026-11-24T09:00:00-05",
            "America/New_York",
            5,
        );
        hold(&mut waiting, "2026-11-24T09:00:00-06", "America/Chicago", 3);
        assert_eq!(words(&waiting), "calling hours: opens 09:00 in 2 zones");
        hold(
            &mut waiting,
            "2026-11-24T08:00:00-08",
            "America/Los_Angeles",
            1,
        );
        assert_eq!(
            words(&waiting),
            "calling hours: opens 08:00 in America/Los_Angeles, opens 09:00 in 2 zones"
        );
        assert_eq!(waiting.until(), Some(at("2026-11-24T14:00:00Z")));
        waiting.roll(at("2026-11-24T14:00:00Z"));
        assert_eq!(waiting.count(Some(HeldReason::CallingHours)), 4);
    }

    #[test]
    fn a_later_day_is_named() {
        let mut waiting = Waiting::new();
        hold(
            &mut waiting,
            "2026-11-26T09:00:00-05",
            "America/New_York",
            5,
        );
        assert_eq!(
            words(&waiting),
            "calling hours: opens Thu 09:00 in America/New_York"
        );
        let mut waiting = Waiting::new();
        hold(
            &mut waiting,
            "2026-12-26T09:00:00-05",
            "America/New_York",
            5,
        );
        assert_eq!(
            words(&waiting),
            "calling hours: opens 2026-12-26 09:00 in America/New_York"
        );
    }

    #[test]
    fn what_comes_first_is_shown_first() {
        let mut waiting = Waiting::new();
        waiting.note(
            Some(HeldReason::FrequencyCap),
            at("2026-11-24T09:00:30Z"),
            None,
            1,
        );
        waiting.note(None, at("2026-11-24T04:10:00Z"), None, 12);
        waiting.note(
            Some(HeldReason::CallingHours),
            at("2026-11-24T14:00:00Z"),
            None,
            2,
        );
        assert_eq!(
            words(&waiting),
            "12 contacts to be tried again, the first at 04:10 UTC; \
             frequency caps hold 1 contact, until 09:01 UTC; \
             calling hours: opens 14:00 UTC"
        );
        assert_eq!(Waiting::new().words(at("2026-11-24T00:00:00Z")), None);
    }

    #[test]
    fn it_stays_small_and_loses_no_contact() {
        let mut waiting = Waiting::new();
        for minute in 0..10_000 {
            let until = Timestamp::from_second(60 * minute).unwrap();
            waiting.note(None, until, None, 1);
        }
        assert_eq!(waiting.by.len(), MOST);
        assert_eq!(waiting.count(None), 10_000);
    }

    fn hold(waiting: &mut Waiting, until: &str, zone: &str, contacts: u64) {
        let zone = TimeZone::get(zone).unwrap();
        let reason = Some(HeldReason::CallingHours);
        waiting.note(reason, at(until), Some(&zone), contacts);
    }

    fn words(waiting: &Waiting) -> String {
        waiting.words(at("2026-11-24T03:00:00Z")).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
