//! Proof and evidence of real calls: what is proven was delivered, what was kept can be heard again to the same result, and
//! no phone number is in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench, check,
    network::{Dropped, Dropping, Lab, Number, told, wait_for},
    recording::{self, Samples, find, likeness, peak},
    subscribers::{PATIENCE, delivered},
};

/// A test for each strength of proof, and one for a process that dies.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    type Test = fn(&Bench) -> Result<(), Failed>;
    let tests: [(&str, Test); 6] = [
        ("a_beep_and_a_whole_message_are_proven", proven),
        ("the_beep_that_started_it_again_is_the_proof", late_beep),
        ("a_person_is_unproven_and_heard_nothing", person),
        ("a_greeting_without_a_beep_is_probable", silence),
        (
            "the_dialplan_s_word_is_probable_and_without_sound",
            dialplan,
        ),
        ("a_killed_process_leaves_nothing_half_done", killed),
    ];
    let trials = tests.into_iter().map(|(name, test)| {
        let bench = Arc::clone(bench);
        Trial::test(format!("evidence::{name}"), move || {
            bench.shared(|| test(&bench))
        })
    });
    trials.collect()
}

fn proven(bench: &Bench) -> Result<(), Failed> {
    let drop = Evident::of(bench, "0101", "listen")?;
    let json = &drop.dropped.json;
    check_proven(json)?;
    check!(json["ready_by"] == "beep", "{json:#}");
    check!(json["restarts"] == 0 && json["heard_ms"] == 0, "{json:#}");
    let found = delivered(bench, &drop.number)?;
    check!(found.is_whole(), "{found}\n{json:#}");
    drop.check_beep(bench)?;
    drop.check_folder(true)?;
    let incoming = drop.wav("incoming.wav")?;
    let alike = likeness(&prompt(bench.lab(), "vm-theperson")?, &incoming);
    check!(alike > 0.8, "the greeting is not in it: {alike}");
    drop.check_played(bench)?;
    drop.check_replay(bench)
}

fn late_beep(bench: &Bench) -> Result<(), Failed> {
    let drop = Evident::of(bench, "0131", "listen")?;
    let json = &drop.dropped.json;
    check_proven(json)?;
    check!(json["restarts"] == 1, "{json:#}");
    let found = delivered(bench, &drop.number)?;
    check!(found.is_whole(), "{found}\n{json:#}");
    drop.check_beep(bench)?;
    drop.check_folder(true)?;
    drop.check_played(bench)?;
    let played = drop.wav("played.wav")?;
    let again = find(&bench.message().samples, &played).ok_or("nothing was played")?;
    let ready = json["ready_at_ms"].as_u64().ok_or("no ready point")?;
    check!(ready > 0 && again.silence_before > Duration::from_secs(1));
    drop.check_replay(bench)
}

/// Proven, unless this machine paused while the message was sent: then that is what is missing, and it is said.
pub(crate) fn check_proven(json: &Value) -> Result<(), Failed> {
    let reasons = json["proof_reasons"].to_string();
    let stood_still = json["proof"] == "probable" && reasons.contains("this machine stalled");
    check!(json["proof"] == "proven" || stood_still, "{json:#}");
    Ok(())
}

fn person(bench: &Bench) -> Result<(), Failed> {
    let drop = Evident::of(bench, "0102", "listen")?;
    let json = &drop.dropped.json;
    check!(json["proof"] == "unproven", "{json:#}");
    check!(json["proof_reasons"][0] == "a person answered", "{json:#}");
    check!(json["heard_ms"] == 0, "{json:#}");
    check!(
        json["beep"].is_null() && json["ready_at_ms"].is_null(),
        "{json:#}"
    );
    drop.check_folder(false)?;
    check!(
        peak(&drop.wav("played.wav")?) == 0.0,
        "something was played"
    );
    check!(peak(&drop.wav("incoming.wav")?) > 0.01, "nobody was heard");
    drop.check_replay(bench)
}

fn silence(bench: &Bench) -> Result<(), Failed> {
    let drop = Evident::of(bench, "0114", "listen")?;
    let json = &drop.dropped.json;
    check!(json["proof"] == "probable", "{json:#}");
    check!(
        json["ready_by"] == "silence" && json["beep"].is_null(),
        "{json:#}"
    );
    drop.check_folder(true)?;
    drop.check_played(bench)?;
    drop.check_replay(bench)
}

fn dialplan(bench: &Bench) -> Result<(), Failed> {
    let drop = Evident::of(bench, "0116", "dialplan")?;
    let json = &drop.dropped.json;
    check!(drop.dropped.outcome() == "delivered", "{json:#}");
    check!(
        json["proof"] == "probable" && json["ready_by"] == "dialplan",
        "{json:#}"
    );
    check!(names(&drop.folder)? == ["drop.json"]);
    drop.check_no_number()?;
    let account = drop.account()?;
    check!(account["audio"].is_null(), "{account:#}");
    let note = account["notes"][0].as_str().unwrap_or_default();
    check!(note.contains("no sound"), "{account:#}");
    let explained = drop.explain(bench, &[])?;
    check!(
        explained.contains("delivered, probable") && explained.contains("no sound"),
        "{explained}"
    );
    Ok(())
}

fn killed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let dir = lab.folder().join(format!("evidence-{number}"));
    let dropping = start(bench, &number, &dir, "listen")?;
    let partial = wait_for(PATIENCE, || {
        let partial = names(&dir)?
            .into_iter()
            .find(|name| name.starts_with(".partial-"));
        let partial = dir.join(partial.ok_or("nothing is begun")?);
        let sound = fs::metadata(partial.join("incoming.wav"))?;
        check!(sound.len() > 8_000, "little is heard yet");
        Ok(partial)
    })?;
    dropping.signal("-KILL")?;
    dropping.finish(PATIENCE)?;
    check!(partial.exists(), "it was removed by a dead process");
    let nobody = lab.number("0107");
    let next = start(bench, &nobody, &dir, "listen")?.finish(PATIENCE)?;
    check!(next.outcome() == "invalid_number", "{:#}", next.json);
    check!(next.json["proof"] == "unproven", "{:#}", next.json);
    let mut left = names(&dir)?;
    left.retain(|name| name != ".lock");
    let kept = Path::new(next.json["evidence"].as_str().ok_or("no evidence")?);
    check!(
        left == [kept.file_name().unwrap_or_default().to_string_lossy()],
        "{left:?}"
    );
    Ok(())
}

/// A drop of which evidence was kept.
struct Evident {
    number: Number,
    dropped: Dropped,
    folder: PathBuf,
}

impl Evident {
    fn of(bench: &Bench, subscriber: &str, mode: &str) -> Result<Self, Failed> {
        let lab = bench.lab();
        let number = lab.number(subscriber);
        let dir = lab.folder().join(format!("evidence-{number}"));
        let dropped = start(bench, &number, &dir, mode)?.finish(PATIENCE)?;
        let json = &dropped.json;
        let folder = json["evidence"]
            .as_str()
            .ok_or_else(|| format!("no evidence: {json:#}\n{}", dropped.talk))?;
        let folder = PathBuf::from(folder);
        let mut there = names(&dir)?;
        there.retain(|name| name != ".lock");
        check!(there.len() == 1 && folder == fs::canonicalize(&dir)?.join(&there[0]));
        check!(there[0].ends_with(dropped.id()), "{there:?}");
        check!(mode_of(&dir)? == 0o700);
        Ok(Self {
            number,
            dropped,
            folder,
        })
    }

    /// Whether the beep that is reported is the one that the carrier played: it records from its end on.
    fn check_beep(&self, bench: &Bench) -> Result<(), Failed> {
        let json = &self.dropped.json;
        let calls = bench.lab().calls(&self.number)?;
        let at = |event: &str, call: u8| {
            let mut seen = calls.iter();
            let seen = seen.find(|seen| seen.event == event && seen.call == call);
            seen.and_then(|seen| seen.ms())
                .ok_or_else(|| format!("no {event} of call {call}: {calls:?}"))
        };
        let recorded = at("ready", 2)? - at("invite", 1)?;
        let beep = &json["beep"];
        let end = beep["end_ms"].as_i64().ok_or("no beep")?;
        let start = beep["start_ms"].as_i64().ok_or("no beep")?;
        let apart = end - recorded;
        // What the line, a loaded machine and the steps of the ears may take.
        check!(
            (-150..500).contains(&apart),
            "{apart} ms from the recording's start\n{json:#}"
        );
        check!((100..1_500).contains(&(end - start)), "{json:#}");
        check!(json["ready_at_ms"].as_i64() >= Some(end), "{json:#}");
        Ok(())
    }

    fn check_folder(&self, played: bool) -> Result<(), Failed> {
        let mut all = vec!["drop.json", "incoming.wav"];
        all.extend(played.then_some("message.wav"));
        all.extend(["picture.svg", "played.wav"]);
        check!(names(&self.folder)? == all);
        check!(mode_of(&self.folder)? == 0o700);
        for name in all {
            check!(mode_of(&self.folder.join(name))? == 0o600, "{name}");
        }
        let (incoming, played) = (self.wav("incoming.wav")?, self.wav("played.wav")?);
        check!(incoming.len() == played.len());
        let account = self.account()?;
        check!(account["audio"]["samples"] == incoming.len(), "{account:#}");
        check!(account["audio"]["complete"] == true, "{account:#}");
        check!(account["outcome"] == self.dropped.json["outcome"]);
        check!(account["timeline"] == self.dropped.json["timeline"]);
        self.check_no_number()
    }

    /// No name and no byte of any file gives the number away.
    fn check_no_number(&self) -> Result<(), Failed> {
        let e164 = self.number.e164();
        let subscriber = &e164[e164.len() - 7..];
        for name in names(&self.folder)? {
            let bytes = fs::read(self.folder.join(&name))?;
            let inside = bytes
                .windows(subscriber.len())
                .any(|window| window == subscriber.as_bytes());
            check!(!inside && !name.contains(subscriber), "it is in {name}");
        }
        check!(!self.folder.ends_with(subscriber));
        Ok(())
    }

    fn check_played(&self, bench: &Bench) -> Result<(), Failed> {
        let played = self.wav("played.wav")?;
        let found = find(&bench.message().samples, &played).ok_or("nothing was played")?;
        check!(found.is_whole(), "{found}");
        Ok(())
    }

    /// Heard again, it is as it was live, and other settings make another call of it.
    fn check_replay(&self, bench: &Bench) -> Result<(), Failed> {
        let explained = self.explain(bench, &[])?;
        check!(explained.contains("the same as live"), "{explained}");
        let json: Value = serde_json::from_str(&self.explain(bench, &["--json"])?)?;
        check!(json["same_as_live"] == true, "{json:#}");
        check!(json["verdict"] == self.dropped.json["verdict"], "{json:#}");
        let otherwise = self.explain(bench, &["--set", "ready_silence=8"])?;
        check!(!otherwise.contains("as live"), "{otherwise}");
        let picture = bench.lab().folder().join(format!("{}.svg", self.number));
        let drawn = picture.to_str().ok_or("an odd path")?;
        self.explain(bench, &["--picture", drawn])?;
        check!(fs::read_to_string(&picture)?.contains("drop "));
        self.check_tampering(bench)
    }

    /// What differs from what was said live is named, and what another version has written is not read.
    fn check_tampering(&self, bench: &Bench) -> Result<(), Failed> {
        let path = self.folder.join("drop.json");
        for (key, value, status, words) in [
            ("heard", Value::Array(Vec::new()), 1, "not the same as live"),
            ("evidence_format", 2.into(), 2, "another version wrote it"),
        ] {
            let mut account = self.account()?;
            account[key] = value;
            let honest = fs::read(&path)?;
            fs::write(&path, account.to_string())?;
            let explaining = bench
                .lab()
                .aftertone()
                .arg("explain")
                .arg(&self.folder)
                .output();
            fs::write(&path, honest)?;
            let out = explaining?;
            check!(out.status.code() == Some(status), "{}", told(&out));
            check!(told(&out).contains(words), "{}", told(&out));
        }
        Ok(())
    }

    fn explain(&self, bench: &Bench, more: &[&str]) -> Result<String, Failed> {
        let out = bench
            .lab()
            .aftertone()
            .arg("explain")
            .arg(&self.folder)
            .args(more)
            .output()?;
        check!(out.status.success(), "{}", told(&out));
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    fn account(&self) -> Result<Value, Failed> {
        Ok(serde_json::from_slice(&fs::read(
            self.folder.join("drop.json"),
        )?)?)
    }

    fn wav(&self, name: &str) -> Result<Samples, Failed> {
        Ok(recording::read(&self.folder.join(name))?)
    }
}

fn start(bench: &Bench, number: &Number, dir: &Path, mode: &str) -> Result<Dropping, Failed> {
    let mut program = bench.lab().aftertone();
    program
        .env("AFTERTONE__SCREEN__MODE", mode)
        .env("AFTERTONE__SCREEN__NO_BEEP", "play")
        .env("AFTERTONE__EVIDENCE__DIR", dir);
    Dropping::start(program, number, &bench.message().name, &[])
}

/// A prompt that the carrier's greetings are made of.
fn prompt(lab: &Lab, name: &str) -> Result<Samples, Failed> {
    let sounds = "usr/share/asterisk/sounds/en_US_f_Allison";
    let path = lab.root().join(sounds).join(format!("{name}.wav"));
    Ok(recording::read(&path)?)
}

fn names(folder: &Path) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn mode_of(path: &Path) -> Result<u32, Failed> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}
