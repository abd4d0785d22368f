//! Holds what the program says of each contact against what the carrier saw, heard and recorded.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use libtest_mimic::Failed;

use super::{
    carrier::Log,
    contacts::{Contact, Expected, Left, expected},
    program::Row,
};
use crate::{
    network::{Lab, Message, Recording},
    recording::{self, find, likeness},
};

/// All that is wrong, and what is not quite right.
pub(crate) struct Judge<'a> {
    lab: &'a Lab,
    message: &'a Message,
    pub(crate) log: Log,
    problems: Vec<String>,
    /// Messages that lost or doubled a packet on their way.
    slipped: Vec<String>,
    /// Machines that were let go, with nothing played to them.
    let_go: Vec<String>,
    /// How many machines answered.
    machines: usize,
    /// How many messages were found in mailboxes.
    pub(crate) found: usize,
}

/// How much of a message may have been lost or doubled inside, of at most one message in fifty: two software PBXs and
/// their far end share the cores and the disk of one machine, which may pause for a moment.
const SLIP: Duration = Duration::from_secs(1);
const ONE_IN: usize = 50;

/// Of how many machines one may be let go, unplayed, as a person would be. If the machine that all of this shares
/// pauses for a moment, a greeting stutters, and words with long gaps between them are those of a person who calls "hello?":
/// what sounds like a person has to be let go.
const LET_GO_IN: usize = 50;

/// Above this, 0 to 1, the far end heard something.
const HEARD: f32 = 0.01;

impl<'a> Judge<'a> {
    /// One that has read the carrier's log.
    pub(crate) fn new(lab: &'a Lab, message: &'a Message) -> Result<Self, Failed> {
        Ok(Self {
            lab,
            message,
            log: Log::read(lab)?,
            problems: Vec::new(),
            slipped: Vec::new(),
            let_go: Vec::new(),
            machines: 0,
            found: 0,
        })
    }

    /// The one row of each contact, in the contacts' order. One that has none, or more, is a problem.
    pub(crate) fn pair<'c>(
        &mut self,
        contacts: &'c [Contact],
        rows: &[Row],
    ) -> Vec<(&'c Contact, Row)> {
        let mut by_id: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            by_id.entry(&row.foreign_id).or_default().push(row);
        }
        let mut pairs = Vec::new();
        for contact in contacts {
            match by_id
                .remove(contact.id.as_str())
                .unwrap_or_default()
                .as_slice()
            {
                [row] => {
                    if row.number != contact.number.e164() {
                        self.problem(contact, Some(row), "another number");
                    }
                    if row.outcome.is_some() == row.refused.is_some()
                        || row.outcome.is_some() && !row.is_final
                    {
                        self.problem(contact, Some(row), "not one end");
                    }
                    pairs.push((contact, (*row).clone()));
                }
                none_or_more => {
                    let words = format!("{} rows: {none_or_more:#?}", none_or_more.len());
                    self.problem(contact, None, &words);
                }
            }
        }
        for id in by_id.keys() {
            self.problems
                .push(format!("a row of a contact that is none: {id}"));
        }
        pairs
    }

    /// A contact who had to be refused: never rung, and it is said why.
    pub(crate) fn refused(&mut self, contact: &Contact, row: &Row, reason: &str) {
        if row.refused.as_deref() != Some(reason) {
            self.problem(contact, Some(row), &format!("not refused with {reason}"));
        }
        if !self.log.calls(&contact.number).is_empty() {
            self.problem(contact, Some(row), "refused, and rung");
        }
    }

    /// A contact who was called: the end that their subscriber makes of it, the calls that it takes, and what the far
    /// end was left with.
    pub(crate) fn called(&mut self, contact: &Contact, row: &Row) {
        let expected = expected(contact.subscriber, row.double);
        self.machines += usize::from(expected.left == Left::Message);
        if row.outcome.as_deref() != Some(expected.outcome) {
            let is_let_go = row.outcome.as_deref() == Some("human") && row.json["played_ms"] == 0;
            if expected.left == Left::Message && is_let_go {
                self.let_go.push(format!("{}: {}", contact.id, row.json));
                if let Err(words) = self.left_out(contact) {
                    self.problem(contact, Some(row), &words);
                }
                return;
            }
            let words = format!("not {}", expected.outcome);
            self.problem(contact, Some(row), &words);
            return;
        }
        let rung = self.log.calls(&contact.number).len();
        if rung != expected.calls {
            let words = format!("rung {rung} times, not {}", expected.calls);
            self.problem(contact, Some(row), &words);
        }
        if let Err(words) = self.far_end(contact, expected) {
            self.problem(contact, Some(row), &words);
        }
    }

    /// A contact whose drop was lost: rung no more than one attempt takes, and no person heard anything.
    pub(crate) fn lost(&mut self, contact: &Contact, row: &Row) {
        let expected = expected(contact.subscriber, row.double);
        let rung = self.log.calls(&contact.number).len();
        if rung > expected.calls {
            self.problem(contact, Some(row), &format!("lost, and rung {rung} times"));
        }
        if expected.left == Left::Silence
            && let Err(words) = self.silence(contact)
        {
            self.problem(contact, Some(row), &words);
        }
    }

    /// Something that is wrong with a contact.
    pub(crate) fn problem(&mut self, contact: &Contact, row: Option<&Row>, words: &str) {
        let mut text = format!(
            "{} ({}, {:?}): {words}",
            contact.id, contact.number, contact.fate
        );
        if let Some(row) = row {
            write!(text, "\n  the program: {}", row.json).unwrap();
        }
        write!(
            text,
            "\n  the carrier:\n{}",
            self.log.lines(&contact.number)
        )
        .unwrap();
        self.problems.push(text);
    }

    /// Something that is wrong with the whole.
    pub(crate) fn expect(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(words());
        }
    }

    /// Whether all was right.
    pub(crate) fn verdict(mut self) -> Result<(), Failed> {
        let may = self.found.div_ceil(ONE_IN);
        if self.slipped.len() > may {
            let words = self.slipped.join("\n  ");
            self.problems.push(format!("slipped:\n  {words}"));
        }
        if self.let_go.len() > self.machines.div_ceil(LET_GO_IN) {
            let words = self.let_go.join("\n  ");
            self.problems.push(format!("let go:\n  {words}"));
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        let count = self.problems.len();
        self.problems.truncate(SHOWN);
        Err(format!("{count} problems\n{}", self.problems.join("\n")).into())
    }

    fn far_end(&mut self, contact: &Contact, expected: Expected) -> Result<(), String> {
        match expected.left {
            Left::Message => self.message(contact),
            Left::Part => {
                let heard = self.recordings(contact, Recording::Heard)?;
                let heard = heard.last().ok_or("nobody answered")?;
                let alike = likeness(&self.message.samples, heard);
                if alike > 0.9 {
                    Ok(())
                } else {
                    Err(format!("nothing of the message was heard: {alike}"))
                }
            }
            Left::Silence => self.silence(contact),
            Left::Nothing => {
                if self.recordings(contact, Recording::Heard)?.is_empty() {
                    Ok(())
                } else {
                    Err("somebody answered".to_owned())
                }
            }
        }
    }

    fn message(&mut self, contact: &Contact) -> Result<(), String> {
        let recorded = self.recordings(contact, Recording::Mailbox)?;
        let last = recorded.last().ok_or("no mailbox recorded anything")?;
        let found = find(&self.message.samples, last).ok_or("the message is not in the mailbox")?;
        self.found += 1;
        if !found.has_both_ends() || found.slip >= SLIP || found.inside_missing >= SLIP {
            return Err(found.to_string());
        }
        if !found.is_whole() {
            self.slipped.push(format!("{}: {found}", contact.id));
        }
        Ok(())
    }

    /// Nothing of the message is in any mailbox of theirs.
    fn left_out(&self, contact: &Contact) -> Result<(), String> {
        let recorded = self.recordings(contact, Recording::Mailbox)?;
        let alike = recorded
            .iter()
            .map(|recorded| likeness(&self.message.samples, recorded))
            .fold(0.0, f32::max);
        if alike < 0.5 {
            Ok(())
        } else {
            Err(format!("let go, and the mailbox has some of it: {alike}"))
        }
    }

    fn silence(&self, contact: &Contact) -> Result<(), String> {
        for heard in self.recordings(contact, Recording::Heard)? {
            let (loudest, alike) = (
                recording::peak(&heard),
                likeness(&self.message.samples, &heard),
            );
            if loudest >= HEARD || alike >= 0.5 {
                return Err(format!(
                    "somebody heard something: peak {loudest}, like the message {alike}"
                ));
            }
        }
        Ok(())
    }

    fn recordings(
        &self,
        contact: &Contact,
        kind: Recording,
    ) -> Result<Vec<recording::Samples>, String> {
        self.lab
            .recordings(&contact.number, kind)
            .map_err(|error| error.message().unwrap_or_default().to_owned())
    }
}

/// So many problems are shown in full.
const SHOWN: usize = 12;
