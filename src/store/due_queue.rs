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
//! lease short. A contact may come back with a time that has passed, when it is given back or its controller dies. So each
//! lease looks again at the last moments, at what was passed last, and at one slice of what was passed before: of this there
//! is a trail, and slice by slice all of it is looked at over and over. If nothing is due behind it, all of it is at once.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::codec::{micros, read_time};
use crate::campaign::{
    Decision,
    engine::{ContactId, Next},
    policy::{CallingPlace, Gate},
};

/// What is remembered of a campaign's queue. It says only whom not to fetch: the gate is asked for each call.
#[derive(Debug)]
pub struct DueQueue {
    gate: Gate,
    places: BTreeMap<i64, DuePlace>,
    /// Whether all of it was looked at.
    is_looked_at: bool,
    trail: Trail,
    /// Contacts that this controller has given back: they are due as before they were leased.
    returned: Vec<ContactId>,
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
    /// Up to where it is in the trail.
    marked: QueuePosition,
}

/// What was passed: slices of about as many contacts each, the oldest first.
#[derive(Debug, Default)]
struct Trail {
    slices: Vec<Vec<QueueRange>>,
    /// How many contacts were taken since the last slice ended.
    taken: usize,
    /// The slice that is looked at next.
    next: usize,
    /// When the oldest was looked at: how many contacts it has is not known.
    oldest_at: Option<Timestamp>,
}

/// A part of a place's queue, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueRange {
    pub(super) place: i64,
    pub(super) from: QueuePosition,
    pub(super) to: QueuePosition,
}

impl DueQueue {
    /// Nothing is remembered yet. The gate is the one that is asked about the hours of places.
    pub const fn new(gate: Gate) -> Self {
        Self {
            gate,
            places: BTreeMap::new(),
            is_looked_at: false,
            trail: Trail {
                slices: Vec::new(),
                taken: 0,
                next: 0,
                oldest_at: None,
            },
            returned: Vec::new(),
            is_changed: true,
            is_news: false,
        }
    }

    /// These contacts were given back: the next lease looks where they are.
    pub fn look_back_at(&mut self, contacts: &[ContactId]) {
        self.returned.extend_from_slice(contacts);
    }

    /// The contacts that were given back since the last lease.
    pub(super) fn returned(&self) -> &[ContactId] {
        &self.returned
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
                marked: QueuePosition::FIRST,
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

    /// Whether all of the queue was looked at since it is remembered.
    pub(super) const fn is_looked_at(&self) -> bool {
        self.is_looked_at
    }

    /// What was passed and is to be looked at again: what was passed last, and the next slice of the trail.
    pub(super) fn passed(&mut self, now: Timestamp) -> Vec<QueueRange> {
        let last = self.places.iter();
        let last = last.filter_map(|(&key, place)| place.passed_last(key));
        let mut ranges: Vec<_> = last.collect();
        ranges.extend_from_slice(self.trail.turn(now));
        ranges
    }

    /// A contact waits there: the next lease begins with it at the latest.
    pub(super) fn found(&mut self, place: i64, position: QueuePosition) {
        if let Some(place) = self.places.get_mut(&place) {
            place.from = place.from.min(position);
        }
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
        taken: usize,
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
        self.is_looked_at |= is_full;
        self.returned.clear();
        self.trail.taken += taken;
        if self.trail.taken >= SLICE || (is_full && self.trail.slices.is_empty()) {
            let passed = self.places.iter_mut();
            let passed = passed.filter_map(|(&key, place)| place.mark(key));
            let passed = passed.collect();
            self.trail.push(passed);
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

    /// What was passed and is not in the trail.
    fn passed_last(&self, key: i64) -> Option<QueueRange> {
        (self.from > self.marked).then_some(QueueRange {
            place: key,
            from: self.marked,
            to: self.from,
        })
    }

    /// Puts what was passed into the trail.
    fn mark(&mut self, key: i64) -> Option<QueueRange> {
        let range = self.passed_last(key)?;
        self.marked = self.from;
        Some(range)
    }
}

impl Trail {
    /// The next slice.
    fn turn(&mut self, now: Timestamp) -> &[QueueRange] {
        if self.next >= self.slices.len() {
            self.next = 0;
        }
        if self.next == 0 {
            let is_due = self.oldest_at.is_none_or(|at| {
                let since = now.duration_since(at);
                since.is_negative() || since.unsigned_abs() >= OLDEST_EVERY
            });
            if is_due {
                self.oldest_at = Some(now);
            } else {
                self.next = 1;
            }
        }
        let at = self.next;
        self.next += 1;
        let slice = self.slices.get(at);
        slice.map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds a slice. If there are too many, those of the older half become one of each two.
    fn push(&mut self, slice: Vec<QueueRange>) {
        self.taken = 0;
        if slice.is_empty() {
            return;
        }
        if self.slices.is_empty() {
            // It was looked at just now.
            self.next = 1;
        }
        self.slices.push(slice);
        if self.slices.len() > MOST_SLICES {
            let newer = self.slices.split_off(MOST_SLICES / 2);
            let mut older = std::mem::take(&mut self.slices).into_iter();
            self.slices.extend(older.next());
            while let Some(mut slice) = older.next() {
                slice.extend(older.next().into_iter().flatten());
                self.slices.push(slice);
            }
            self.slices.extend(newer);
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

/// How many contacts of this controller's own make a slice of the trail.
const SLICE: usize = 500;

/// How many slices there are at most.
const MOST_SLICES: usize = 1_000;

/// How often the oldest slice is looked at: what was passed when the queue was looked at for the first time.
const OLDEST_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_passed_is_looked_at_again_and_again() {
        let mut queue = DueQueue::new(Gate::default());
        queue.add(0, None);
        queue.add(7, None);
        queue.looked(&heads(0), 0, true, at(100));
        let mut taken = 0;
        for second in 0..60 {
            taken += 100;
            queue.looked(&heads(taken), 100, false, at(100 + second));
        }
        assert_eq!(queue.trail.slices.len(), 13);
        // Whatever is given out in some turns holds every position before the last one.
        for position in [0, 1, 250, 499, 500, 3_000, 5_999] {
            let turns = 0..13;
            let is_found = turns.into_iter().any(|turn| {
                let ranges = queue.passed(at(1_000 + turn));
                ranges.iter().any(|range| {
                    let position = heads(position)[&0];
                    range.place == 0 && range.from <= position && position < range.to
                })
            });
            assert!(is_found, "{position}");
        }
    }

    #[test]
    fn a_long_trail_becomes_coarser_and_loses_nothing() {
        let mut trail = Trail::default();
        for nth in 0..10_000_i64 {
            let [from, to] = [nth, nth + 1].map(|id| QueuePosition { due_at: 0, id });
            trail.push(vec![QueueRange { place: 1, from, to }]);
        }
        assert!(trail.slices.len() <= MOST_SLICES);
        let ids = trail.slices.iter().flatten().map(|range| range.from.id);
        assert_eq!(ids.collect::<Vec<_>>(), (0..10_000).collect::<Vec<_>>());
        assert_eq!(trail.slices.last().map(Vec::len), Some(1));
    }

    #[test]
    fn a_contact_that_was_given_back_is_where_the_next_lease_begins() {
        let mut queue = DueQueue::new(Gate::default());
        queue.add(0, None);
        queue.looked(&heads(40), 40, true, at(100));
        let begin = |queue: &DueQueue| queue.open(false).next();
        assert_eq!(begin(&queue), Some((0, heads(40)[&0])));
        queue.found(0, heads(3)[&0]);
        assert_eq!(begin(&queue), Some((0, heads(3)[&0])));
        queue.found(9, heads(1)[&0]);
        queue.looked(&heads(41), 1, false, at(101));
        assert_eq!(begin(&queue), Some((0, heads(41)[&0])));
    }

    #[test]
    fn a_place_is_asked_again_when_its_answer_may_have_changed() {
        let mut queue = DueQueue::new(Gate::default());
        let london = CallingPlace::read("Europe/London;").unwrap();
        queue.add(london.key(), Some(london.as_str()));
        for (time, is_held) in [
            ("2026-12-01T20:59:30Z", false),
            ("2026-12-01T20:59:59Z", false),
            ("2026-12-01T21:00:00Z", true),
            ("2026-12-02T07:59:59Z", true),
            ("2026-12-02T08:00:00Z", false),
            // A clock that was set back.
            ("2026-12-02T07:00:00Z", true),
        ] {
            queue.refresh(time.parse().unwrap());
            assert_eq!(queue.open(false).count() == 0, is_held, "{time}");
        }
    }

    fn heads(id: i64) -> BTreeMap<i64, QueuePosition> {
        BTreeMap::from([(0, QueuePosition { due_at: 5, id })])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
