//! What the carrier saw of a whole campaign: who was rung when, how many at once, how many were given up.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use libtest_mimic::Failed;

use crate::network::{Lab, Number};

/// Every call that reached the carrier.
#[derive(Debug, Default)]
pub(crate) struct Log {
    numbers: BTreeMap<String, Vec<Call>>,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) invited: Timestamp,
    pub(crate) answered: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    /// All that was written of it.
    lines: Vec<String>,
}

impl Log {
    /// Reads it as it is.
    pub(crate) fn read(lab: &Lab) -> Result<Self, Failed> {
        Self::parse(&lab.call_log()?)
    }

    fn parse(text: &str) -> Result<Self, Failed> {
        let mut log = Self::default();
        // The carrier may be writing the last line.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            log.note(line)
                .ok_or_else(|| format!("the call log is odd: {line}"))?;
        }
        Ok(log)
    }

    fn note(&mut self, line: &str) -> Option<()> {
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
        let at: DateTime = line.split(' ').next()?.parse().ok()?;
        let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let calls = self
            .numbers
            .entry(field("number=")?.to_owned())
            .or_default();
        let index = field("call=")?.parse::<usize>().ok()?.checked_sub(1)?;
        let event = field("event=")?;
        // Lines of calls that come at the same moment may change places; their invites come first all the same.
        while calls.len() <= index {
            calls.push(Call {
                invited: at,
                answered: None,
                ended: None,
                lines: Vec::new(),
            });
        }
        let call = &mut calls[index];
        match event {
            "invite" => call.invited = at,
            "answer" => call.answered = Some(at),
            "hangup" => call.ended = Some(at),
            _ => {}
        }
        call.lines.push(line.to_owned());
        Some(())
    }

    /// The calls of a number, the first one first.
    pub(crate) fn calls(&self, number: &Number) -> &[Call] {
        self.numbers
            .get(&number.to_string())
            .map_or(&[], Vec::as_slice)
    }

    /// What was written of a number, to find out what went wrong.
    pub(crate) fn lines(&self, number: &Number) -> String {
        let lines = self.calls(number).iter().flat_map(|call| &call.lines);
        lines.fold(String::new(), |text, line| text + "    " + line + "\n")
    }

    /// All calls, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<&Call> {
        let mut all: Vec<_> = self.numbers.values().flatten().collect();
        all.sort_by_key(|call| call.invited);
        all
    }

    /// How many numbers were rung.
    pub(crate) fn rung(&self) -> usize {
        self.numbers.len()
    }

    /// When each number was rung for the first time, in order.
    pub(crate) fn first_rings(&self) -> Vec<Timestamp> {
        let first = |calls: &Vec<Call>| calls.first().map(|call| call.invited);
        let mut times: Vec<_> = self.numbers.values().filter_map(first).collect();
        times.sort();
        times
    }

    /// Takes what was up at this moment for ended then: the PBX died, and the carrier did not notice.
    pub(crate) fn end_all(&mut self, at: Timestamp) {
        for call in self.numbers.values_mut().flatten() {
            if call.invited < at && call.ended.is_none_or(|ended| ended > at) {
                call.ended = Some(at);
            }
        }
    }

    /// The most numbers that had a call up at the same moment. A call's last `slack` does not count: the next one may be
    /// on its way before the carrier has written down that this one ended.
    pub(crate) fn most_at_once(&self, slack: Duration) -> usize {
        let mut changes = Vec::new();
        for calls in self.numbers.values() {
            let begin = calls.iter().map(|call| call.invited).min();
            let ends: Option<Vec<_>> = calls.iter().map(|call| call.ended).collect();
            let end = ends.and_then(|ends| ends.into_iter().max());
            let (Some(begin), end) = (begin, end.map_or(Timestamp::MAX, |end| end - slack)) else {
                continue;
            };
            if begin < end {
                // An end goes before a beginning of the same moment.
                changes.extend([(begin, 1), (end, 0)]);
            }
        }
        changes.sort();
        let mut up = 0_usize;
        let mut most = 0;
        for (_, begins) in changes {
            up = if begins == 1 { up + 1 } else { up - 1 };
            most = most.max(up);
        }
        most
    }

    /// The calls that have not ended.
    pub(crate) fn still_up(&self) -> String {
        let calls = self.numbers.values().flatten();
        calls
            .filter(|call| call.ended.is_none())
            .flat_map(|call| &call.lines)
            .fold(String::new(), |text, line| text + "    " + line + "\n")
    }
}

/// The most of these moments, which are in order, within any span of this length, its end left out.
pub(crate) fn most_within(times: &[Timestamp], span: Duration) -> usize {
    let mut oldest = 0;
    let mut most = 0;
    for (index, &at) in times.iter().enumerate() {
        while times[oldest] + span <= at {
            oldest += 1;
        }
        most = most.max(index + 1 - oldest);
    }
    most
}

/// Tests of the reading itself.
pub(crate) mod tests {
    use super::*;
    use crate::check;

    const LOG: &str = "\
2026-11-23T10:00:00.000 number=12025550101 call=1 event=invite
2026-11-23T10:00:02.000 number=12025550101 call=2 event=invite
2026-11-23T10:00:02.300 number=12025550101 call=2 event=ringing
2026-11-23T10:00:02.310 number=12025550101 call=1 event=hangup cause=16
2026-11-23T10:00:03.000 number=12035550106 call=1 event=invite
2026-11-23T10:00:03.010 number=12035550106 call=1 event=hangup cause=17
2026-11-23T10:00:03.300 number=12025550101 call=2 event=answer
2026-11-23T10:00:09.000 number=12025550101 call=2 event=hangup cause=16
2026-11-23T10:00:09.000 number=12045550116 call=1 event=invite
2026-11-23T10:00:09.9";

    pub(crate) fn the_log_is_read() -> Result<(), Failed> {
        let log = Log::parse(LOG)?;
        let double = Number::new(202, "0101");
        check!(log.calls(&double).len() == 2);
        check!(log.calls(&double)[0].answered.is_none());
        check!(log.calls(&double)[1].answered.is_some());
        check!(log.rung() == 3 && log.all().len() == 4);
        check!(log.most_at_once(Duration::ZERO) == 2);
        check!(log.most_at_once(Duration::from_millis(10)) == 1);
        let mut cut = Log::parse(LOG)?;
        cut.end_all(cut.calls(&double)[1].invited + Duration::from_secs(1));
        check!(cut.most_at_once(Duration::ZERO) == 1);
        check!(log.lines(&double).lines().count() == 6);
        check!(log.still_up().lines().count() == 1, "{}", log.still_up());
        let rings = log.first_rings();
        check!(most_within(&rings, Duration::from_secs(3)) == 1);
        check!(most_within(&rings, Duration::from_millis(3_001)) == 2);
        check!(most_within(&rings, Duration::from_secs(10)) == 3);
        check!(Log::parse("nonsense\n").is_err());
        Ok(())
    }
}
