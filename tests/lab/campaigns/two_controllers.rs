//! Two controllers that share a campaign on one PostgreSQL, one of which is killed, or frozen for longer than what it
//! holds is kept for it: no contact is rung by both, and none is forgotten.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use libtest_mimic::Failed;

use super::{
    carrier::Log,
    contacts::{Contact, Fate, contacts, expected, list},
    database::Database,
    judge::Judge,
    program::Program,
};
use crate::{
    Bench, check,
    network::{Lab, Message, now, wait_for},
};

/// The campaign, and the lab.
const NAME: &str = "pair";

/// Drops in flight of each controller, if they share evenly.
const AT_ONCE: usize = 4;

/// Mailboxes mostly: what is dialled twice is seen.
const KINDS: &[(&str, Fate, usize)] = &[
    ("0116", Fate::Called, 30),
    ("0104", Fate::Called, 6),
    ("0103", Fate::Called, 8),
    ("0106", Fate::Called, 8),
    ("0117", Fate::Called, 8),
];

/// Each has a PBX of its own, as they see it. One is killed, and started again when the other has gone on for a while.
pub(crate) fn one_is_killed() -> Result<(), Failed> {
    shared(["one", "other"], |pair| {
        let mut first = pair.one.run(NAME)?;
        let second = pair.other.run(NAME)?;
        rung(pair.lab, pair.contacts.len() / 3)?;
        let at = first.kill()?;
        rung(pair.lab, pair.contacts.len() / 2)?;
        let first = pair.one.run(NAME)?;
        first.finish(PATIENCE)?;
        second.finish(PATIENCE)?;
        Ok(Hit {
            at,
            ends: &["lost"],
            runs: 3,
        })
    })
}

/// Both dial through the same PBX. One is frozen until the other has taken over what it held, and dialled all.
pub(crate) fn one_is_frozen() -> Result<(), Failed> {
    shared(["lab", "lab"], |pair| {
        let mut first = pair.one.run(NAME)?;
        let second = pair.other.run(NAME)?;
        rung(pair.lab, pair.contacts.len() / 3)?;
        first.signal("-STOP")?;
        let at = Timestamp::now();
        // All are rung now but those whom it was about to dial, and these when they are not its own any more.
        let all = rung(pair.lab, pair.contacts.len());
        first.signal("-CONT")?;
        all?;
        // It may have been given up for dead: then it ends, and says so, and another start tidies up after it.
        let status = wait_for(PATIENCE, || {
            first
                .ended()?
                .ok_or_else(|| format!("it does not end:\n{}", first.said()).into())
        })?;
        if status != 0 {
            pair.one.run(NAME)?.finish(PATIENCE)?;
        }
        second.finish(PATIENCE)?;
        Ok(Hit {
            at,
            // The PBX went on with what was up, as far as it goes alone.
            ends: &["lost", "unsure", "hung_up", "cut_off", "no_answer"],
            runs: 2,
        })
    })
}

/// Two programs, and what they share.
struct Pair<'a> {
    lab: &'a Lab,
    one: Program<'a>,
    other: Program<'a>,
    contacts: Vec<Contact>,
    message: &'a Message,
}

/// What happened to one of them.
struct Hit {
    at: Timestamp,
    /// How its drops in flight may have ended.
    ends: &'static [&'static str],
    /// How many runs of the program dialled a contact.
    runs: usize,
}

fn shared(
    instances: [&str; 2],
    campaign: impl FnOnce(&Pair<'_>) -> Result<Hit, Failed>,
) -> Result<(), Failed> {
    // Two of these at once would be more than the machine can do in time.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::of_its_own(NAME);
    let lab = bench.lab();
    let database = Database::start(lab)?;
    let program = |which: &str, instance: &str| {
        Program::new(lab, which)
            .with("INSTANCE", instance)
            .with("PBX__APP", format!("aftertone-{which}"))
            .with("STORE__URL", database.url())
            // What both have together.
            .with("TRUNK__STARTS_PER_SECOND", "2")
            .with("TRUNK__IN_FLIGHT", (2 * AT_ONCE).to_string())
            .with("TRUNK__CANCELLED", "none")
            .with("TRUNK__SHORT", "none")
            .with("TRUNK__PEOPLE", "none")
    };
    let pair = Pair {
        lab,
        one: program("one", instances[0]),
        other: program("other", instances[1]),
        contacts: contacts(KINDS),
        message: &lab.prepare("short", 1.0)?,
    };
    let path = lab.folder().join("list.csv");
    std::fs::write(&path, list(&pair.contacts, &[]))?;
    let double = ["--technique", "double", "--stop-on", "never"];
    pair.one.create(NAME, &pair.message.name, &double, &path)?;
    let hit = campaign(&pair)?;
    pair.judge(&hit)
}

impl Pair<'_> {
    fn judge(&self, hit: &Hit) -> Result<(), Failed> {
        let lab = self.lab;
        lab.wait_for_silence_of("", Duration::from_secs(5))?;
        wait_for(Duration::from_secs(10), || {
            let up = Log::read(lab)?.still_up();
            check!(up.is_empty(), "still up at the carrier:\n{up}");
            Ok(())
        })?;
        let rows = self.one.results(NAME)?;
        let mut judge = Judge::new(lab, self.message)?;
        let mut hurt = 0;
        for (contact, row) in judge.pair(&self.contacts, &rows) {
            let calls = judge.log.calls(&contact.number);
            let was_up = calls.first().is_some_and(|call| call.invited < hit.at)
                && calls
                    .iter()
                    .any(|call| call.ended.is_none_or(|end| end > hit.at - JUST_ENDED));
            let outcome = row.outcome.as_deref().unwrap_or_default();
            let is_own = outcome == expected(contact.subscriber, row.double).outcome;
            if !is_own && (was_up || calls.is_empty()) && hit.ends.contains(&outcome) {
                hurt += 1;
                judge.lost(contact, &row);
            } else {
                judge.called(contact, &row);
            }
        }
        judge.expect(hurt <= 2 * AT_ONCE, || format!("{hurt} hurt"));
        let at_once = judge.log.most_at_once(Duration::from_millis(100));
        judge.expect(at_once <= 2 * AT_ONCE, || format!("{at_once} at once"));
        // Each run has a name, which comes before its drops' ids in the books.
        let books = lab.books()?;
        let runs: BTreeSet<&str> = books
            .split(['"', ','])
            .filter_map(|field| field.strip_suffix("-drop"))
            .filter_map(|id| id.split('-').next())
            .collect();
        judge.expect(runs.len() >= hit.runs, || format!("only {runs:?} dialled"));
        judge.verdict()
    }
}

/// Waits until so many numbers were rung.
fn rung(lab: &Lab, numbers: usize) -> Result<(), Failed> {
    let until = now() + PATIENCE;
    loop {
        let rung = Log::read(lab)?.rung();
        if rung >= numbers {
            return Ok(());
        }
        check!(now() < until, "{rung} numbers were rung, not {numbers}");
        thread::park_timeout(Duration::from_millis(100));
    }
}

/// Longer than any part of it, and than a contact is kept for a controller that has leased it.
const PATIENCE: Duration = Duration::from_secs(180);

/// From the end of a call until that is in the database.
const JUST_ENDED: Duration = Duration::from_millis(1_500);
