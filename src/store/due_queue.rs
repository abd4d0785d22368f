//! What a controller remembers of a campaign's queue from one lease to the next: which places hours hold, and where in each
//! place the first contact that waits was last found.
//!
//! ```text
//!   place A   x x x x x x x x | o o o o o o o o        x  contacts that were due and are not any more
//!   place B   x x x x | o o o                          o  contacts that wait
//!   place C   | o o o o o o o o o o o  held until 8:00 |  where the next lease begins to look
//! ```
//!
//! PostgreSQL keeps what was deleted from an index as long as any transaction may see it; to begin behind it is what keeps a
//! lease short. A contact may come back with a time that has passed, when it is given back or its controller dies: so each
//! lease looks at the last moments again, and one at times at all.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::codec::{micros, read_time};
use crate::campaign::{
    Decision,
    engine::Next,
    policy::{CallingPlace, Gate},
};

/// What is remembered of a campaign's queue. It says only whom not to fetch: the gate is asked for each call.
#[derive(Debug)]
pub struct DueQueue {
    gate: Gate,
    places: BTreeMap<i64, DuePlace>,
    /// When all of it was looked at; `None`: all has to be.
    looked_at: Option<Timestamp>,
    /// Whether hours hold other places than the store has it.
    is_changed: bool,
    /// Whether that was written and nothing has asked for it since.
    is_news: bool,
}

/// A place that hours hold, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceHold {
    pub(super) until: i64,
    /// The zone that is closed, by its IANA name.
    pub(super) zone: Option<String>,
    /// The ruling, as JSON.
    pub(super) ruling: String,
}

/// A contact's place in the order in which they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueuePosition {
    pub(super) due_at: i64,
    pub(super) id: i64,
}

/// One place.
#[derive(Debug)]
struct DuePlace {
    /// `None`: it is not known, and each of its contacts is asked about.
    place: Option<CallingPlace>,
    /// What hours say, and until when that is not asked again.
    hold: Option<PlaceHold>,
    counts_until: i64,
    from: QueuePosition,
}

impl DueQueue {
    /// Nothing is remembered yet. The gate is the one that is asked about the hours of places.
    pub const fn new(gate: Gate) -> Self {
        Self {
            gate,
            places: BTreeMap::new(),
            looked_at: None,
            is_changed: true,
            is_news: false,
        }
    }

    /// Contacts may have come back with a time that has passed: the next lease looks at all of the queue.
    pub const fn look_back(&mut self) {
        self.looked_at = None;
    }

    /// Whether hours hold other places since this was last asked.
    pub const fn take_news(&mut self) -> bool {
        std::mem::replace(&mut self.is_news, false)
    }

    /// Whether a place is known already.
    pub(super) fn knows(&self, place: i64) -> bool {
        self.places.contains_key(&place)
    }

    /// Takes a place up.
    pub(super) fn add(&mut self, place: i64, text: Option<&str>) {
        let known = text.and_then(CallingPlace::read);
        self.places.insert(
            place,
            DuePlace {
                place: known.filter(|known| known.key() == place),
                hold: None,
                counts_until: i64::MIN,
                from: QueuePosition::FIRST,
            },
        );
        // What the store has of it is not known.
        self.is_changed = true;
    }

    /// Asks again which places are held, as far as time may have changed it.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        let at = micros(now);
        for place in self.places.values_mut() {
            let is_current = at < place.counts_until && at >= place.counts_until - LONGEST_ANSWER;
            if is_current {
                continue;
            }
            let ruling = place.place.as_ref();
            let ruling = ruling.and_then(|place| self.gate.hours_of(place, now));
            let hold = ruling.and_then(|ruling| match ruling.decision {
                Decision::Held { until, .. } => Some(PlaceHold {
                    until: micros(until),
                    zone: ruling.closed_zone().map(str::to_owned),
                    ruling: ruling.json(),
                }),
                Decision::Allowed | Decision::Refused(_) => None,
            });
            place.counts_until = match &hold {
                Some(hold) => hold.until.min(at + LONGEST_ANSWER),
                // Hours end with a minute.
                None => (at / MINUTE + 1) * MINUTE,
            };
            let until = |hold: &Option<PlaceHold>| hold.as_ref().map(|hold| hold.until);
            if until(&hold) != until(&place.hold) {
                place.hold = hold;
                self.is_changed = true;
            }
        }
    }

    /// Whether it is time to look at all of the queue.
    pub(super) fn is_full_look_due(&self, now: Timestamp) -> bool {
        self.looked_at.is_none_or(|at| {
            let since = now.duration_since(at);
            since.is_negative() || since.unsigned_abs() >= FULL_LOOK
        })
    }

    /// The places that are open, and where to begin in each.
    pub(super) fn open(&self, is_full: bool) -> impl Iterator<Item = (i64, QueuePosition)> {
        let open = self.places.iter().filter(|(_, place)| place.hold.is_none());
        open.map(move |(&key, place)| (key, place.begin(is_full)))
    }

    /// All places, and where to begin in each.
    pub(super) fn all(&self, is_full: bool) -> impl Iterator<Item = (i64, QueuePosition)> {
        let all = self.places.iter();
        all.map(move |(&key, place)| (key, place.begin(is_full)))
    }

    /// When the next contact is due, if these are the first that wait in each place.
    pub(super) fn next(&self, heads: &BTreeMap<i64, QueuePosition>) -> Option<Next> {
        let due = heads.iter().map(|(key, head)| {
            let hold = self.places.get(key).and_then(|place| place.hold.as_ref());
            hold.map_or(head.due_at, |hold| hold.until.max(head.due_at))
        });
        match due.min() {
            Some(at) => read_time(at).map(Next::At),
            None => Some(Next::Never),
        }
    }

    /// The places that are held, if the store has to be told of a change.
    pub(super) fn change(&self) -> Option<Vec<(i64, &PlaceHold)>> {
        let held = self.places.iter();
        let held = held.filter_map(|(&key, place)| Some((key, place.hold.as_ref()?)));
        self.is_changed.then(|| held.collect())
    }

    /// All of it is committed: the next lease begins at these first contacts, but looks at the last moments again.
    pub(super) fn looked(
        &mut self,
        heads: &BTreeMap<i64, QueuePosition>,
        is_full: bool,
        now: Timestamp,
    ) {
        let recent = QueuePosition {
            due_at: micros(now) - LAST_MOMENTS,
            id: 0,
        };
        for (key, place) in &mut self.places {
            let head = heads.get(key).copied();
            place.from = head.map_or(recent, |head| head.min(recent));
        }
        if is_full {
            self.looked_at = Some(now);
        }
        self.is_news |= self.is_changed;
        self.is_changed = false;
    }
}

impl DuePlace {
    const fn begin(&self, is_full: bool) -> QueuePosition {
        if is_full {
            QueuePosition::FIRST
        } else {
            self.from
        }
    }
}

impl QueuePosition {
    /// Before all contacts.
    pub(super) const FIRST: Self = Self {
        due_at: i64::MIN / 2,
        id: 0,
    };
}

const MINUTE: i64 = 60_000_000;

/// How long an answer on a place's hours counts at most, in microseconds: a clock may be set.
const LONGEST_ANSWER: i64 = 60 * MINUTE;

/// What is looked at again by each lease, in microseconds: a list that comes in is due from the moment at which its
/// transaction began, and clocks differ.
const LAST_MOMENTS: i64 = 10_000_000;

/// How often all of the queue is looked at.
const FULL_LOOK: Duration = Duration::from_secs(30);
