//! A campaign of three hundred contacts, as a user would run it: each comes to the end that is theirs, and the trunk is
//! held to what it allows.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::{
    carrier::{Log, most_within},
    contacts::{BLOCKED, Contact, Fate, contacts, list},
    judge::Judge,
    program::{Program, Row, Running},
};
use crate::{
    Bench, check,
    network::{Lab, now, wait_for},
};

const NAME: &str = "whole";

const A_SECOND: usize = 5;

const AT_ONCE: usize = 90;

/// Mailboxes mostly, few people and few short calls: more than 3 % and 15 % would rightly stop the campaign.
const KINDS: &[(&str, Fate, usize)] = &[
    ("0101", Fate::Called, 70),
    ("0102", Fate::Called, 6),
    ("0103", Fate::Called, 2),
    ("0104", Fate::Called, 43),
    ("0105", Fate::Called, 20),
    ("0106", Fate::Called, 8),
    ("0107", Fate::Called, 8),
    ("0108", Fate::Called, 6),
    ("0109", Fate::Called, 6),
    ("0110", Fate::Called, 6),
    ("0111", Fate::Called, 6),
    ("0112", Fate::Called, 20),
    ("0113", Fate::Called, 25),
    ("0114", Fate::Called, 20),
    ("0115", Fate::Called, 5),
    ("0116", Fate::Called, 25),
    ("0117", Fate::Called, 4),
    ("0101", Fate::Barred, 5),
    ("0104", Fate::Blocked, 5),
    ("0116", Fate::NoConsent, 5),
    ("0104", Fate::OptsOut, 5),
];

pub(crate) fn pass() -> Result<(), Failed> {
    let bench = Bench::of_its_own(NAME);
    let (lab, message) = (bench.lab(), bench.message());
    let program = Program::new(lab, NAME)
        .with("TRUNK__STARTS_PER_SECOND", A_SECOND.to_string())
        .with("TRUNK__IN_FLIGHT", AT_ONCE.to_string())
        .with("TRUNK__CANCELLED", "20")
        .with("TRUNK__SHORT", "15")
        .with("TRUNK__PEOPLE", "3")
        .with("GATE__CONSENT", "true")
        .with("GATE__BLOCKED_PREFIXES", format!("+1{BLOCKED}"))
        // Longer than the carrier lets a phone ring before its mailbox takes the call.
        .with("DROP__ANSWER_TIMEOUT", "22s");
    let contacts = contacts(KINDS);
    check!(contacts.len() == 300);
    make(&program, lab, &message.name, &contacts)?;

    let running = program.run(NAME)?;
    opt_out(&program, lab, &contacts)?;
    finish(running)?;
    lab.wait_for_silence_of("", Duration::from_secs(5))?;
    wait_for(Duration::from_secs(10), || {
        let up = Log::read(lab)?.still_up();
        check!(up.is_empty(), "still up at the carrier:\n{up}");
        Ok(())
    })?;

    let rows = program.results(NAME)?;
    let mut judge = Judge::new(lab, message)?;
    let pairs = judge.pair(&contacts, &rows);
    for (contact, row) in &pairs {
        match contact.fate.refusal() {
            Some(reason) => judge.refused(contact, row, reason),
            None => judge.called(contact, row),
        }
    }
    held_to_the_trunk(&mut judge);
    in_the_books(&mut judge, lab, &pairs)?;
    let picture = lab.folder().join("outcomes.svg");
    let path = picture.to_str().ok_or("an odd path")?;
    program.ask(&["campaign", "results", NAME, "--picture", path])?;
    let svg = fs::read_to_string(&picture)?;
    judge.expect(svg.contains("<svg"), || format!("no picture: {svg}"));
    summed_up(&mut judge, &program.summary(NAME)?, &rows);
    judge.verdict()
}

/// Makes the campaign, of a list with what is wrong in it, too.
fn make(
    program: &Program<'_>,
    lab: &Lab,
    message: &str,
    contacts: &[Contact],
) -> Result<(), Failed> {
    let of = |wanted: Fate| {
        contacts
            .iter()
            .filter(move |contact| contact.fate == wanted)
    };
    let twice = of(Fate::Called)
        .take(3)
        .map(|contact| contact.number.e164());
    let wrong: Vec<String> = ["+1202", "not a number", "911", "+19005550123"]
        .map(str::to_owned)
        .into_iter()
        .chain(twice)
        .map(|number| format!("{number},Nobody,written,2026-05-01,web form,none"))
        .collect();
    let path = lab.folder().join("list.csv");
    fs::write(&path, list(contacts, &wrong))?;
    program.bar(of(Fate::Barred))?;
    program.create(NAME, message, &["--technique", "by_share"], &path)?;

    let rejects = fs::read_to_string(lab.folder().join("list.rejects.csv"))?;
    for row in &wrong {
        let number = row.split(',').next().unwrap_or_default();
        check!(rejects.contains(number), "{number} is not in:\n{rejects}");
    }
    check!(rejects.lines().count() == 1 + wrong.len(), "{rejects}");
    Ok(())
}

/// Puts those on the do-not-call list who opt out when a third of the others were rung.
fn opt_out(program: &Program<'_>, lab: &Lab, contacts: &[Contact]) -> Result<(), Failed> {
    let until = now() + Duration::from_secs(120);
    while Log::read(lab)?.rung() < contacts.len() / 3 {
        check!(now() < until, "nobody is rung any more");
        thread::park_timeout(Duration::from_millis(100));
    }
    program.bar(
        contacts
            .iter()
            .filter(|contact| contact.fate == Fate::OptsOut),
    )
}

fn finish(running: Running) -> Result<String, Failed> {
    running.finish(Duration::from_secs(360))
}

/// Rate, calls at once and the share of cancelled calls, as the carrier saw them.
fn held_to_the_trunk(judge: &mut Judge<'_>) {
    let rings = judge.log.first_rings();
    let burst = most_within(&rings, NEARLY_A_SECOND);
    judge.expect(burst <= A_SECOND + 1, || {
        format!("{burst} first calls within {NEARLY_A_SECOND:?}")
    });
    let close = rings
        .windows(A_SECOND + 1)
        .filter(|calls| calls[A_SECOND].duration_since(calls[0]).unsigned_abs() < NEARLY_A_SECOND)
        .count();
    judge.expect(close <= rings.len() / HELD_UP_IN, || {
        format!(
            "{close} first calls came less than {NEARLY_A_SECOND:?} after the {A_SECOND} before"
        )
    });
    let row = most_within(&rings, Duration::from_secs(10));
    judge.expect(row <= 10 * A_SECOND + 1, || {
        format!("{row} first calls within ten seconds")
    });
    // It was fast at all, or nothing was held.
    judge.expect(row >= 8 * A_SECOND, || {
        format!("only {row} first calls within ten seconds")
    });
    let at_once = judge.log.most_at_once(Duration::from_millis(100));
    judge.expect(at_once <= AT_ONCE, || format!("{at_once} at once"));

    let mut cancelled = 0;
    let mut worst = 0.0_f64;
    for (index, call) in judge.log.all().into_iter().enumerate() {
        // A call that the far end refuses ends at once; one that we give up has rung before.
        let rang = call.ended.is_some_and(|ended| {
            ended.duration_since(call.invited).as_millis() > REFUSED_WITHIN.as_millis() as i128
        });
        cancelled += usize::from(call.answered.is_none() && rang);
        if index >= 99 {
            worst = worst.max(cancelled as f64 / (index + 1) as f64);
        }
    }
    judge.expect(worst <= 0.20, || {
        format!("{:.1} % of calls were cancelled", worst * 100.0)
    });
    judge.expect(worst >= 0.10, || {
        format!("only {:.1} % of calls were cancelled", worst * 100.0)
    });
}

/// The books have a row of each call but of those that only kept a line busy.
fn in_the_books(judge: &mut Judge<'_>, lab: &Lab, pairs: &[(&Contact, Row)]) -> Result<(), Failed> {
    let books = lab.books()?;
    for (contact, row) in pairs {
        let Some(drop) = &row.drop else { continue };
        let (busy, main) = (format!("{drop}-busy"), format!("{drop}-drop"));
        // Who answers the first call has taken the drop over.
        let promoted = row.double && matches!(contact.subscriber, "0103" | "0104");
        if books.contains(&busy) != promoted {
            judge.problem(contact, Some(row), "the busy leg's row in the books");
        }
        let refused = row.double && matches!(contact.subscriber, "0106" | "0107" | "0109" | "0110");
        if !promoted && !refused && !books.contains(&main) {
            judge.problem(contact, Some(row), "no row in the books");
        }
    }
    Ok(())
}

/// The summary counts what the rows say.
fn summed_up(judge: &mut Judge<'_>, summary: &Value, rows: &[Row]) {
    let counts = |name: fn(&Row) -> Option<&String>| {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for slug in rows.iter().filter_map(name) {
            *counts.entry(slug).or_default() += 1;
        }
        json!(counts)
    };
    judge.expect(
        summary["outcomes"] == counts(|row| row.outcome.as_ref())
            && summary["refused"] == counts(|row| row.refused.as_ref()),
        || format!("the summary counts otherwise: {summary:#}"),
    );
}

/// A second, less what calls may hold each other up on their way.
const NEARLY_A_SECOND: Duration = Duration::from_millis(900);

/// Of how many calls one may be held up for longer on its way, so that it comes too close before the next ones.
const HELD_UP_IN: usize = 50;

/// The carrier's refusals take milliseconds, and it rings no phone sooner.
const REFUSED_WITHIN: Duration = Duration::from_millis(250);
