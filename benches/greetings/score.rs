//! What all records of a system come to.

use serde::{Deserialize, Serialize};

use crate::{
    calls::{System, Told},
    corpus::{Item, Label},
};

/// One call: what is true of it, what the carrier recorded, what the system said. Seconds of the item.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) system: System,
    pub(crate) item: Item,
    pub(crate) told: Told,
    /// Where the item begins in the carrier's recording.
    pub(crate) origin_s: Option<f64>,
    /// When the call ended.
    pub(crate) ended_s: f64,
    /// The first sound that whoever answered heard.
    pub(crate) first_s: Option<f64>,
    /// The start of the message that stayed: the last one.
    pub(crate) last_s: Option<f64>,
    /// Whether none of that one is missing.
    pub(crate) whole: bool,
    /// By how much it slipped on its way.
    pub(crate) slip_s: f64,
    /// All beeps that were told; `None` where nobody listened for them.
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

impl Record {
    /// One of which only the system's word is known.
    pub(crate) fn new(item: &Item, system: System, told: &Told) -> Self {
        Self {
            system,
            item: item.clone(),
            told: told.clone(),
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

    /// Where the mailbox records, if this is one.
    fn ready(&self) -> Option<f64> {
        self.item.ready_s.filter(|_| self.item.label == Label::Machine)
    }

    /// From the ready point to the start of the message that stayed; less than zero where its start was not recorded.
    fn dead_air(&self) -> Option<f64> {
        Some(self.last_s? - self.ready()?)
    }

    fn is_cut(&self) -> bool {
        self.dead_air().is_some_and(|dead| dead < -TOLERANCE)
    }

    fn is_intact(&self) -> bool {
        self.whole && self.dead_air().is_some_and(|dead| (-TOLERANCE..=LATEST).contains(&dead))
    }

    fn is_played_to(&self) -> bool {
        self.first_s.is_some()
    }

    fn is_business(&self) -> bool {
        self.item.kind == "h_business"
    }

    fn is_named(&self) -> bool {
        matches!(
            (self.item.kind.as_str(), self.told.verdict.as_deref()),
            ("s_fax", Some("fax")) | ("s_sit", Some("sit"))
        )
    }

    /// The beep, where the call lasted until its end.
    fn beep_to_find(&self) -> Option<Span> {
        let beep = self.item.beep?;
        let span = Span {
            start_s: beep.start_s,
            end_s: beep.end_s,
        };
        (self.beeps.is_some() && self.ended_s > beep.end_s).then_some(span)
    }
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) of: usize,
    pub(crate) n: usize,
}

impl Share {
    fn count<'a>(records: impl Iterator<Item = &'a Record>, holds: impl Fn(&Record) -> bool) -> Self {
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

/// How a system did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Score {
    pub(crate) calls: usize,
    /// Calls in which its ears failed.
    pub(crate) deaf: usize,
    /// Of the beeps that came while the call was up.
    pub(crate) beeps: Option<Share>,
    /// Beeps that were none, a minute of machines' greetings.
    pub(crate) false_a_minute: Option<f64>,
    /// By how much the end of a beep was told wrong (s).
    pub(crate) beep_end: Vec<f64>,
    /// Messages whose start the mailbox did not record, of those that were played to machines.
    pub(crate) cut: Share,
    /// Of all machines.
    pub(crate) intact: Share,
    /// From the ready point to the message (s), where it is not cut.
    pub(crate) dead_air: Vec<f64>,
    /// Persons who heard any of the message.
    pub(crate) people: Share,
    pub(crate) business: Share,
    /// Faxes and intercepts that were named.
    pub(crate) named: Share,
    /// Faxes and intercepts that were played to; all others that record nothing.
    pub(crate) tones_played_to: Share,
    pub(crate) others_played_to: Share,
    /// From the end of a person's first turn to the end of the call (s), where they heard nothing.
    pub(crate) let_go: Vec<f64>,
}

impl Score {
    /// Of all calls of one system.
    pub(crate) fn of(records: &[Record], system: System) -> Self {
        let own: Vec<&Record> = records.iter().filter(|record| record.system == system).collect();
        let of = |label| own.iter().copied().filter(move |record| record.item.label == label);
        let tones = || of(Label::Other).filter(|record| matches!(record.item.kind.as_str(), "s_sit" | "s_fax"));
        let beeps: Vec<_> = own.iter().filter_map(|record| Some((record.beep_to_find()?, found(record)))).collect();
        let listened = own.iter().any(|record| record.beeps.is_some());
        Self {
            calls: own.len(),
            deaf: own.iter().filter(|record| record.told.deaf).count(),
            beeps: listened.then(|| Share {
                of: beeps.len(),
                n: beeps.iter().filter(|(_, found)| found.is_some()).count(),
            }),
            false_a_minute: listened.then(|| false_a_minute(&own)).flatten(),
            beep_end: beeps.iter().filter_map(|(beep, found)| Some(((*found)?.end_s - beep.end_s).abs())).collect(),
            cut: Share::count(of(Label::Machine).filter(|record| record.is_played_to()), Record::is_cut),
            intact: Share::count(of(Label::Machine), Record::is_intact),
            dead_air: of(Label::Machine).filter(|record| !record.is_cut()).filter_map(Record::dead_air).map(|dead| dead.max(0.0)).collect(),
            people: Share::count(of(Label::Human).filter(|record| !record.is_business()), Record::is_played_to),
            business: Share::count(of(Label::Human), Record::is_played_to),
            named: Share::count(tones(), Record::is_named),
            tones_played_to: Share::count(tones(), Record::is_played_to),
            others_played_to: Share::count(of(Label::Other), Record::is_played_to),
            let_go: of(Label::Human)
                .filter(|record| !record.is_played_to())
                .filter_map(|record| Some(record.ended_s - record.item.greeting_end_s?))
                .collect(),
        }
    }
}

/// The last report that overlaps the beep, a report being at most a few hundredths of a second off.
fn found(record: &Record) -> Option<Span> {
    let beep = record.item.beep?;
    let overlaps = |told: &&Span| told.start_s < beep.end_s + NEAR && told.end_s > beep.start_s - NEAR;
    record.beeps.as_ref()?.iter().rfind(overlaps).copied()
}

fn false_a_minute(records: &[&Record]) -> Option<f64> {
    let (mut count, mut minutes) = (0, 0.0);
    for record in records {
        let (Some(beeps), Some(ready)) = (&record.beeps, record.ready()) else {
            continue;
        };
        minutes += ready.min(record.ended_s).max(0.0) / 60.0;
        let beep = record.item.beep;
        let overlaps = |told: &Span| {
            beep.is_some_and(|beep| told.start_s < beep.end_s + NEAR && told.end_s > beep.start_s - NEAR)
        };
        count += beeps.iter().filter(|told| !overlaps(told)).count();
    }
    (minutes > 0.0).then_some(count as f64 / minutes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus::BeepLabel, tones::Shape};

    fn item(label: Label, kind: &str) -> Item {
        Item {
            id: "0001".to_owned(),
            file: "wav/0001.wav".to_owned(),
            label,
            kind: kind.to_owned(),
            greeting_start_s: Some(0.5),
            greeting_end_s: Some(4.0),
            ready_s: None,
            beep: None,
            duration_s: 14.0,
            voice: None,
            package: None,
            licence: None,
            level_dbfs: -20.0,
            noise: "line".to_owned(),
            snr_db: None,
            codec: "ulaw".to_owned(),
            loss_pct: 0.0,
        }
    }

    /// A mailbox that records from 5.0 s on, after a beep from 4.6 s.
    fn mailbox(first: Option<f64>, last: Option<f64>, beeps: &[(f64, f64)]) -> Record {
        let mut item = item(Label::Machine, "m_long");
        item.ready_s = Some(5.0);
        item.beep = Some(BeepLabel {
            kind: Shape::Single,
            f_hz: 1_000.0,
            f2_hz: None,
            start_s: 4.6,
            end_s: 5.0,
            level_rel_speech_db: 0.0,
        });
        let spans = beeps.iter().map(|&(start_s, end_s)| Span { start_s, end_s });
        Record {
            first_s: first,
            last_s: last,
            whole: last.is_some(),
            ended_s: 20.0,
            beeps: Some(spans.collect()),
            ..Record::new(&item, System::Listen, &Told::default())
        }
    }

    fn call(label: Label, kind: &str, verdict: &str, played: bool, ended_s: f64) -> Record {
        let told = Told {
            verdict: Some(verdict.to_owned()),
            ..Told::default()
        };
        Record {
            first_s: played.then_some(5.0),
            last_s: played.then_some(5.0),
            ended_s,
            ..Record::new(&item(label, kind), System::Listen, &told)
        }
    }

    #[test]
    fn a_machine_is_intact_cut_late_or_not_played_to() {
        let records = [
            mailbox(Some(5.2), Some(5.2), &[]),
            // Early, and begun again in time: nothing before the beep is recorded, so nothing is lost.
            mailbox(Some(3.0), Some(5.1), &[]),
            mailbox(Some(3.0), Some(3.0), &[]),
            // A frame early is not early.
            mailbox(Some(4.985), Some(4.985), &[]),
            mailbox(Some(7.6), Some(7.6), &[]),
            mailbox(None, None, &[]),
        ];
        let score = Score::of(&records, System::Listen);
        assert_eq!(score.cut, Share { of: 5, n: 1 });
        assert_eq!(score.intact, Share { of: 6, n: 3 });
        let dead: Vec<_> = score.dead_air.iter().map(|dead| (dead * 100.0).round()).collect();
        assert_eq!(dead, [20.0, 10.0, 0.0, 260.0]);
    }

    #[test]
    fn a_message_with_a_hole_is_not_intact() {
        let mut record = mailbox(Some(5.2), Some(5.2), &[]);
        record.whole = false;
        assert_eq!(Score::of(&[record], System::Listen).intact, Share { of: 1, n: 0 });
    }

    #[test]
    fn a_beep_is_found_where_a_report_overlaps_it_and_others_are_false() {
        let records = [
            mailbox(None, None, &[(4.62, 5.01)]),
            mailbox(None, None, &[(1.0, 1.3), (4.61, 4.7), (4.8, 4.99)]),
            mailbox(None, None, &[(2.0, 2.4)]),
        ];
        let score = Score::of(&records, System::Listen);
        assert_eq!(score.beeps, Some(Share { of: 3, n: 2 }));
        let errors: Vec<_> = score.beep_end.iter().map(|error| (error * 1e3).round()).collect();
        assert_eq!(errors, [10.0, 10.0]);
        // Two false ones in three times five seconds of greeting.
        assert!((score.false_a_minute.unwrap() - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_beep_after_the_call_s_end_is_nobody_s_to_find() {
        let mut record = mailbox(None, None, &[]);
        record.ended_s = 4.8;
        let score = Score::of(&[record], System::Listen);
        assert_eq!(score.beeps, Some(Share { of: 0, n: 0 }));
        assert_eq!(score.beeps.and_then(Share::percent), None);
    }

    #[test]
    fn people_are_counted_with_and_without_business_and_let_go_where_they_heard_nothing() {
        let records = [
            call(Label::Human, "h_hello", "human", false, 5.5),
            call(Label::Human, "h_name", "machine", true, 9.0),
            call(Label::Human, "h_business", "machine", true, 9.0),
            call(Label::Human, "h_business", "human", false, 6.5),
        ];
        let score = Score::of(&records, System::Listen);
        assert_eq!(score.people, Share { of: 2, n: 1 });
        assert_eq!(score.business, Share { of: 4, n: 2 });
        assert_eq!(score.let_go, [1.5, 2.5]);
    }

    #[test]
    fn fax_and_intercept_are_named_by_their_own_word_only() {
        let records = [
            call(Label::Other, "s_fax", "fax", false, 3.0),
            call(Label::Other, "s_sit", "fax", false, 3.0),
            call(Label::Other, "s_sit", "sit", true, 3.0),
            call(Label::Other, "s_ivr", "menu", true, 3.0),
        ];
        let score = Score::of(&records, System::Listen);
        assert_eq!(score.named, Share { of: 3, n: 2 });
        assert_eq!(score.tones_played_to, Share { of: 3, n: 1 });
        assert_eq!(score.others_played_to, Share { of: 4, n: 2 });
    }

    #[test]
    fn another_system_s_calls_do_not_count() {
        let score = Score::of(&[mailbox(Some(3.0), Some(3.0), &[])], System::Amd);
        assert_eq!((score.calls, score.beeps), (0, None));
    }

    #[test]
    fn quantiles_lie_between_two_values_in_proportion() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.9), Some(3.0));
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[0.0, 10.0], 0.9), Some(9.0));
    }
}
