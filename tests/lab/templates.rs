//! Messages that are made for each contact, of recordings, clips and speech, left in real mailboxes: what each mailbox has recorded is
//! the message of its own contact, and of nobody else's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, beside_others,
    campaigns::program::Program,
    check,
    network::{Lab, Number, Recording, wait_for},
    recording::{self, Samples, find, likeness},
    serve::program,
    subscribers::PATIENCE,
    test_speech,
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("templates::{name}"), test));
    };
    single("each_contact_is_left_their_own_message", own_messages);
    single("flite_speaks_as_well", flite);
    trials
}

/// A recording for all, a clip of a column, and speech of another.
const TEMPLATE: &str = "tmpl-intro + names/{first_name} + \"Your appointment is on {date}.\"";

/// A contact, and whether a message can be made for them.
struct Person {
    number: Number,
    first_name: &'static str,
    date: &'static str,
}

fn own_messages(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    // It speaks when it is told to, if it is slow, as espeak-ng does, and otherwise at once.
    let folder = lab.folder().join("speaks");
    fs::create_dir_all(&folder)?;
    let script = folder.join("speak.sh");
    fs::write(
        &script,
        "cd \"$1\"\nread -r text\ncase \"$text\" in *Friday*) : > waits; while [ ! -e release ]; do sleep 0.1; done; esac\n\
         printf '%s\\n' \"$text\" | espeak-ng --stdin -w \"$2\"\n",
    )?;
    let command = format!(
        "/bin/sh,{},{},{{output}}",
        script.display(),
        folder.display()
    );
    let name = "tmplesp";
    let program = with_speech(lab, name, &command);
    let people = [
        ("tmpl-ann", "Monday the 3rd of May"),
        ("tmpl-bob", "Tuesday the 18th of June"),
        ("tmpl-cleo", "Wednesday the 27th of August"),
        // No clip has this name.
        ("tmpl-zoe", "Thursday the 1st of July"),
        ("tmpl-bob", "Friday the 13th of November"),
    ];
    let people = people.map(|(first_name, date)| Person {
        number: lab.number("0104"),
        first_name,
        date,
    });
    recordings(lab, &program, &folder)?;
    let list = list(lab, name, &people)?;
    program.create(name, TEMPLATE, &["--technique", "single"], &list)?;

    let mut running = program.run(name)?;
    // While one is slow the others are called.
    wait_for(PATIENCE, || {
        let said = running.said();
        check!(folder.join("waits").exists(), "{said}");
        let rows = program.results(name)?;
        for person in &people[..3] {
            let of = rows.iter().find(|row| row.number == person.number.e164());
            let outcome = of.and_then(|row| row.outcome.as_deref());
            check!(outcome == Some("delivered"), "{outcome:?}\n{said}");
        }
        Ok(())
    })?;
    check!(lab.times_called(&people[4].number)? == 0);
    // A process that dies while it makes a message has dialled nothing for it, and the next makes it anew.
    running.kill()?;
    fs::write(folder.join("release"), "")?;
    program.run(name)?.finish(PATIENCE * 2)?;

    check!(
        lab.times_called(&people[3].number)? == 0,
        "a call without a message"
    );
    let rows = program.results(name)?;
    for row in &rows {
        let of = people
            .iter()
            .find(|person| person.number.e164() == row.number);
        let of = of.ok_or("a row of nobody")?;
        let expected = if of.first_name == "tmpl-zoe" {
            "error"
        } else {
            "delivered"
        };
        check!(row.outcome.as_deref() == Some(expected), "{:#}", row.json);
        check!(row.json["message"] == TEMPLATE, "{:#}", row.json);
    }
    check!(rows.len() == people.len(), "{rows:?}");
    left(lab, &program, name, &people)?;
    let made: Vec<_> = fs::read_dir(lab.sounds())?
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter(|file| file.starts_with("once-"))
        .collect();
    // Other tests make some of their own.
    let runs = program.ask(&["campaign", "results", name, "--format", "json"])?;
    for file in made {
        let run = file.split('-').nth(1).unwrap_or_default().to_owned();
        check!(!runs.contains(&run), "{file} is left");
    }
    Ok(())
}

fn flite(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let folder = lab.folder().join("flite");
    fs::create_dir_all(&folder)?;
    let name = "tmplfli";
    let program = with_speech(lab, name, "flite,-f,{text_file},-o,{output}");
    let people = [Person {
        number: lab.number("0104"),
        first_name: "tmpl-ann",
        date: "Monday the 3rd of May",
    }];
    recordings(lab, &program, &folder)?;
    let list = list(lab, name, &people)?;
    program.create(name, TEMPLATE, &["--technique", "single"], &list)?;
    program.run(name)?.finish(PATIENCE * 2)?;
    left(lab, &program, name, &people)
}

fn with_speech<'a>(lab: &'a Lab, name: &str, command: &str) -> Program<'a> {
    program(lab, name)
        .with("SPEECH__COMMAND", command)
        .with("SPEECH__TIMEOUT", "60s")
        .with("TRUNK__STARTS_PER_SECOND", "5")
        .with("TRUNK__IN_FLIGHT", "10")
}

/// Prepares what the template names. Clips are short.
fn recordings(lab: &Lab, program: &Program<'_>, folder: &Path) -> Result<(), Failed> {
    for (seed, name, seconds) in [
        (71, "tmpl-intro", 1.5),
        (72, "names/tmpl-ann", 0.6),
        (73, "names/tmpl-bob", 0.9),
        (74, "names/tmpl-cleo", 1.2),
    ] {
        if lab.sounds().join(format!("{name}.wav")).exists() {
            continue;
        }
        let source = folder.join(format!("{seed}.wav"));
        test_speech::write_wav(&source, &test_speech::speak(seed, seconds))?;
        let source = source.to_str().ok_or("an odd path")?;
        program.ask(&["message", "add", name, source, "--replace"])?;
    }
    Ok(())
}

fn list(lab: &Lab, name: &str, people: &[Person]) -> Result<PathBuf, Failed> {
    let rows = people.iter().enumerate().map(|(at, person)| {
        let (number, first_name, date) = (person.number.e164(), person.first_name, person.date);
        format!("{number},{first_name},{date},{at}\n")
    });
    let rows: String = rows.collect();
    let path = lab.folder().join(format!("{name}.csv"));
    fs::write(&path, format!("number,first_name,date,foreign_id\n{rows}"))?;
    Ok(path)
}

/// Holds what the mailboxes have recorded against what can be heard beforehand.
fn left(lab: &Lab, program: &Program<'_>, name: &str, people: &[Person]) -> Result<(), Failed> {
    let heard = lab.folder().join(format!("{name}-heard"));
    let into = heard.to_str().ok_or("an odd path")?;
    // Of one nothing can be heard, which is its status.
    let _ = program.ask(&["campaign", "hear", name, "--into", into]);
    let mut messages: Vec<(&Person, Samples)> = Vec::new();
    for (at, person) in people.iter().enumerate() {
        // The first contacts of a database of their own.
        let file = heard.join(format!("{}.wav", at + 1));
        if file.exists() {
            messages.push((person, narrow(&file)?));
        }
    }
    let expected = people
        .iter()
        .filter(|person| person.first_name != "tmpl-zoe");
    check!(messages.len() == expected.count());
    for (person, own) in &messages {
        let recorded = lab.recordings(&person.number, Recording::Mailbox)?;
        let recorded = recorded.last().ok_or("nothing was recorded")?;
        let found =
            find(own, recorded).ok_or_else(|| format!("{}: nothing of it", person.first_name))?;
        check!(found.is_whole(), "{}: {found}", person.first_name);
        check!(found.silence_before < Duration::from_secs(5), "{found}");
        for (other, message) in &messages {
            // By how they end: two may have all but the date in common.
            let end = recording::audible(message).end;
            let is_alike = likeness(&message[end - LAST..end], recorded) > ALIKE;
            check!(
                is_alike == std::ptr::eq(*person, *other),
                "{} heard what is for {}: {}",
                person.date,
                other.date,
                likeness(&message[end - LAST..end], recorded)
            );
        }
    }
    Ok(())
}

/// How much of the end of a message tells it from others, in samples, and how alike it is to what was recorded of it: above 0.9, and
/// below 0.5 to other words of the same voice.
const LAST: usize = recording::RATE / 4;
const ALIKE: f32 = 0.8;

/// A recording as a narrow line has it.
fn narrow(wide: &Path) -> Result<Samples, Failed> {
    let path = wide.with_extension("narrow.wav");
    let converted = Command::new("sox")
        .arg(wide)
        .args(["-r", "8000", "-c", "1", "-b", "16"])
        .arg(&path)
        .status()?;
    check!(converted.success());
    Ok(recording::read(&path)?)
}
