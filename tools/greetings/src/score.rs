//! What all records of a system come to.

use serde::{Deserialize, Serialize};

use crate::{
    corpus::{Item, Label},
    system::{System, Told},
};

/// One call: what is true of it, what the carrier recorded, what the system said. Seconds of the item.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) system: System,
    /// What was set otherwise than it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<String>,
    pub(crate) item: Item,
    pub(crate) told: Told,
    /// Whether it came to a call at all.
    pub(crate) answered: bool,
    /// The start of the item in the carrier's recording.
    pub(crate) origin_s: Option<f64>,
    /// When the call ended.
    pub(crate) ended_s: f64,
    /// The first sound that the far end heard.
    pub(crate) first_s: Option<f64>,
    /// The start of the message that stayed: the last one.
    pub(crate) last_s: Option<f64>,
    /// Whether none of that one is missing.
    pub(crate) whole: bool,
    /// By how much it slipped on its way.
    pub(crate) slip_s: f64,
    /// All beeps that were reported; `None` if the system does not listen for them.
    pub(crate) beeps: Option<Vec<Span>>,
    /// What an echo took to come back.
    pub(crate) delay_s: Option<f64>,
}

/// A stretch of an item.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Span {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// A column of the table: a system, and what was set otherwise than it comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Column {
    pub(crate) system: System,
    pub(crate) settings: Option<String>,
}

impl Column {
    /// What stands above it.
    pub(crate) fn title(&self) -> String {
        match &self.settings {
            None => self.system.title().to_owned(),
            Some(settings) => format!("{}, `{settings}`", self.system.title()),
        }
    }
}

impl Record {
    /// One of which only the system's word is known.
    pub(crate) fn new(item: &Item, system: System, told: &Told) -> Self {
        Self {
            system,
            settings: None,
            item: item.clone(),
            told: told.clone(),
            answered: false,
            origin_s: None,
            ended_s: 0.0,
            first_s: None,
            last_s: None,
            whole: false,
            slip_s: 0.0,
            beeps: None,
            delay_s: None,
        }
    }

    /// The column of the table that it counts in.
    pub(crate) fn column(&self) -> Column {
        Column {
            system: self.system,
            settings: self.settings.clone(),
        }
    }

    /// When the mailbox begins to record, if this is one.
    fn ready(&self) -> Option<f64> {
        self.item
            .ready_s
            .filter(|_| self.item.label == Label::Machine)
    }

    /// From the ready point to the start of the message that stayed; less than zero if its start was not recorded.
    fn dead_air(&self) -> Option<f64> {
        Some(self.last_s? - self.ready()?)
    }

    fn is_cut(&self) -> bool {
        self.dead_air().is_some_and(|dead| dead < -TOLERANCE)
    }

    /// Whether the mailbox recorded all of the message, after at most 2.5 s of silence.
    pub(crate) fn is_intact(&self) -> bool {
        self.whole
            && self
                .dead_air()
                .is_some_and(|dead| (-TOLERANCE..=LATEST).contains(&dead))
    }

    /// Whether the far end heard any of the message.
    pub(crate) fn is_played_to(&self) -> bool {
        self.first_s.is_some()
    }

    /// Whether it was taken for a mailbox: in so many words, or because the message began.
    pub(crate) fn is_taken_for_a_machine(&self) -> bool {
        self.is_played_to() || self.told.verdict.as_deref() == Some("machine")
    }

    fn is_business(&self) -> bool {
        matches!(self.item.kind.as_str(), "h_business" | "h_company")
    }

    fn is_named(&self) -> bool {
        matches!(
            (self.item.kind.as_str(), self.told.verdict.as_deref()),
            ("s_fax", Some("fax")) | ("s_sit", Some("sit"))
        )
    }

    /// Whether a beep made the message begin, and nothing here has a beep.
    fn began_by_a_beep(&self) -> bool {
        self.is_played_to()
            && (self.told.restarts > 0 || self.told.ready_by.as_deref() == Some("beep"))
    }

    /// The beep, if the call lasted until its end.
    fn beep_to_find(&self) -> Option<Span> {
        let beep = self.item.beep?;
        let span = Span {
            start_s: beep.start_s,
            end_s: beep.end_s,
        };
        (self.beeps.is_some() && self.ended_s > beep.end_s).then_some(span)
    }

    /// From the end of a person's first turn to the end of the call (s), if they heard nothing and it lasted until they spoke.
    fn let_go(&self) -> Option<f64> {
        let spoke =
            self.answered && !self.is_played_to() && self.ended_s >= self.item.greeting_start_s?;
        spoke.then_some(self.ended_s - self.item.greeting_end_s?)
    }
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) of: usize,
    pub(crate) n: usize,
}

impl Share {
    /// How many of the records hold something.
    pub(crate) fn count<'a>(
        records: impl Iterator<Item = &'a Record>,
        holds: impl Fn(&Record) -> bool,
    ) -> Self {
        records.fold(Self::default(), |share, record| Self {
            of: share.of + 1,
            n: share.n + usize::from(holds(record)),
        })
    }

    /// In percent; `None` of nothing.
    pub(crate) fn percent(self) -> Option<f64> {
        (self.of > 0).then(|| 100.0 * self.n as f64 / self.of as f64)
    }
}

/// How a system did. A call whose prompt was heard in another call before counts in [`Self::again`] and in
/// [`Self::others_again`] only.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Score {
    pub(crate) calls: usize,
    /// Calls in which its ears failed.
    pub(crate) deaf: usize,
    /// Of the beeps that came while the call was up.
    pub(crate) beeps: Option<Share>,
    /// Beeps that were none, in machines' greetings.
    pub(crate) false_beeps: usize,
    /// How long those greetings were, as far as they were heard (minutes).
    pub(crate) greeting_minutes: f64,
    /// The error of a beep's end (s).
    pub(crate) beep_end: Vec<f64>,
    /// Messages whose start the mailbox did not record, of those that were played to machines.
    pub(crate) cut: Share,
    /// Of all machines; of those with a beep; of those without; of those whose prompt was heard before.
    pub(crate) intact: Share,
    pub(crate) with_beep: Share,
    pub(crate) without_beep: Share,
    pub(crate) again: Share,
    /// From the ready point to the message (s), if it is not cut.
    pub(crate) dead_air: Vec<f64>,
    /// Persons who heard any of the message.
    pub(crate) people: Share,
    pub(crate) business: Share,
    /// Persons who were taken for machines.
    pub(crate) taken: Share,
    /// Faxes and intercepts that were named.
    pub(crate) named: Share,
    /// Faxes and intercepts that were played to.
    pub(crate) tones_played_to: Share,
    /// All others that record nothing and were played to, but for ringback; of those whose prompt was heard before.
    pub(crate) others_played_to: Share,
    pub(crate) others_again: Share,
    /// Ringback behind an announcement that a message began by as by a beep; that was reported as a beep; that was played to.
    pub(crate) ringback_taken: Option<Share>,
    pub(crate) ringback_reported: Option<Share>,
    pub(crate) ringback_played_to: Share,
    /// From the end of a person's first turn to the end of the call (s), if they heard nothing.
    pub(crate) let_go: Vec<f64>,
}

impl Score {
    /// Of all calls of one column.
    pub(crate) fn of(records: &[Record], column: &Column) -> Self {
        let own: Vec<&Record> = records
            .iter()
            .filter(|record| record.column() == *column)
            .collect();
        let first: Vec<&Record> = own
            .iter()
            .copied()
            .filter(|record| !record.item.heard_before)
            .collect();
        let of = |label| {
            first
                .iter()
                .copied()
                .filter(move |record| record.item.label == label)
        };
        let again = |label| {
            own.iter()
                .copied()
                .filter(move |record| record.item.label == label && record.item.heard_before)
        };
        let machines = |beep: bool| {
            of(Label::Machine).filter(move |record| record.item.beep.is_some() == beep)
        };
        let tones = || of(Label::Other).filter(|record| record.item.is_tones());
        let ringback = || of(Label::Other).filter(|record| record.item.is_ringback());
        let others = |record: &&Record| !record.item.is_tones() && !record.item.is_ringback();
        let beeps: Vec<_> = first
            .iter()
            .filter_map(|record| Some((record.beep_to_find()?, found(record))))
            .collect();
        let listened = own.iter().any(|record| record.beeps.is_some());
        let (false_beeps, greeting_minutes) = false_beeps(&first);
        Self {
            calls: own.len(),
            deaf: own
                .iter()
                .filter(|record| record.told.deaf.is_some())
                .count(),
            beeps: listened.then(|| Share {
                of: beeps.len(),
                n: beeps.iter().filter(|(_, found)| found.is_some()).count(),
            }),
            false_beeps,
            greeting_minutes,
            beep_end: beeps
                .iter()
                .filter_map(|(beep, found)| Some(((*found)?.end_s - beep.end_s).abs()))
                .collect(),
            cut: Share::count(
                of(Label::Machine).filter(|record| record.is_played_to()),
                Record::is_cut,
            ),
            intact: Share::count(of(Label::Machine), Record::is_intact),
            with_beep: Share::count(machines(true), Record::is_intact),
            without_beep: Share::count(machines(false), Record::is_intact),
            again: Share::count(again(Label::Machine), Record::is_intact),
            dead_air: of(Label::Machine)
                .filter(|record| !record.is_cut())
                .filter_map(Record::dead_air)
                .map(|dead| dead.max(0.0))
                .collect(),
            people: Share::count(
                of(Label::Human).filter(|record| !record.is_business()),
                Record::is_played_to,
            ),
            business: Share::count(of(Label::Human), Record::is_played_to),
            taken: Share::count(of(Label::Human), Record::is_taken_for_a_machine),
            named: Share::count(tones(), Record::is_named),
            tones_played_to: Share::count(tones(), Record::is_played_to),
            others_played_to: Share::count(of(Label::Other).filter(others), Record::is_played_to),
            others_again: Share::count(again(Label::Other), Record::is_played_to),
            ringback_taken: listened.then(|| Share::count(ringback(), Record::began_by_a_beep)),
            ringback_reported: listened.then(|| {
                Share::count(ringback(), |record| {
                    record.beeps.as_ref().is_some_and(|beeps| !beeps.is_empty())
                })
            }),
            ringback_played_to: Share::count(ringback(), Record::is_played_to),
            let_go: of(Label::Human).filter_map(Record::let_go).collect(),
        }
    }

    /// Beeps that were none, a minute of machines' greetings.
    pub(crate) fn false_a_minute(&self) -> Option<f64> {
        (self.beeps.is_some() && self.greeting_minutes > 0.0)
            .then(|| self.false_beeps as f64 / self.greeting_minutes)
    }
}

/// The last report that overlaps the beep, a report being at most a few hundredths of a second off.
fn found(record: &Record) -> Option<Span> {
    let beep = record.item.beep?;
    let overlaps =
        |told: &&Span| told.start_s < beep.end_s + NEAR && told.end_s > beep.start_s - NEAR;
    record.beeps.as_ref()?.iter().rfind(overlaps).copied()
}

fn false_beeps(records: &[&Record]) -> (usize, f64) {
    let (mut count, mut minutes) = (0, 0.0);
    for record in records {
        let (Some(beeps), Some(ready)) = (&record.beeps, record.ready()) else {
            continue;
        };
        minutes += ready.min(record.ended_s).max(0.0) / 60.0;
        let beep = record.item.beep;
        let overlaps = |told: &Span| {
            beep.is_some_and(|beep| {
                told.start_s < beep.end_s + NEAR && told.end_s > beep.start_s - NEAR
            })
        };
        count += beeps.iter().filter(|told| !overlaps(told)).count();
    }
    (count, minutes)
}

/// The value that this share of all values does not exceed, between two of them in proportion.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// A start this much before the ready point is not early (s): one frame of telephony.
const TOLERANCE: f64 = 0.02;

/// A message that starts later than this after the ready point is not counted as intact (s): many mailboxes hang up on
/// longer silence.
const LATEST: f64 = 2.5;

/// A report of a beep may be off by this and still be of that beep (s).
const NEAR: f64 = 0.05;
