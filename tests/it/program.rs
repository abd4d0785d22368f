//! A fake PBX and the real program beside it, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio, time::Duration};

use aftertone::words::Leg;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::fake::{
    Fake, Settings, World,
    fault::{Kind, Rule},
    leg_of,
    log::What,
};

/// What every rule is switched off by.
const GATE_OFF: &str = "[gate]\nenabled = false\n";

/// The number that tests call unless they say otherwise.
pub(crate) const NUMBER: &str = "+12025550101";

/// A fake PBX, a configuration for it, and a folder for both sides.
pub(crate) struct Program {
    pub(crate) fake: Fake,
    pub(crate) folder: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one object of `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or(Value::Null)
    }

    /// What it said on stderr, without the log's lines that the gate is switched off, which is a test of its own.
    pub(crate) fn spoken(&self) -> String {
        let lines = self.stderr.lines();
        let spoken = lines.filter(|line| !line.contains("aftertone::controller::gate"));
        spoken.map(|line| line.to_owned() + "\n").collect()
    }

    pub(crate) fn outcome(&self) -> String {
        let json = self.json();
        json["outcome"].as_str().unwrap_or("none").to_owned()
    }
}

impl Program {
    pub(crate) async fn new(settings: Settings) -> Self {
        let fake = Fake::start(settings).await;
        let folder = tempfile::tempdir().unwrap();
        let program = Self { fake, folder };
        fs::create_dir(program.path("sounds")).unwrap();
        program.configure(&program.fake.url());
        program
    }

    /// One whose PBX has these faults.
    pub(crate) async fn with_rules(settings: Settings, rules: Vec<Rule>) -> Self {
        let program = Self::new(settings).await;
        program.fake.with(|world| world.rules = rules);
        program
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes a setting of the section `[drop]`.
    pub(crate) fn set(&self, key: &str, value: &str) {
        let path = self.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with(key));
        let changed = format!("{key} = \"{value}\"");
        let lines: Vec<&str> = kept.chain([changed.as_str()]).collect();
        fs::write(path, lines.join("\n")).unwrap();
    }

    /// Writes other settings of the section `[gate]`, which is switched off unless a test is about it.
    pub(crate) fn gate(&self, settings: &str) {
        let path = self.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(GATE_OFF), "{text}");
        let text = text.replace(GATE_OFF, &format!("[gate]\n{settings}\n"));
        fs::write(path, text).unwrap();
    }

    /// Writes the section `[trunk]`, or another one in its place.
    pub(crate) fn trunk(&self, settings: &str) {
        let path = self.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let (before, after) = text.split_once("[screen]\n").unwrap();
        let before = before.split("[trunk]\n").next().unwrap();
        let text = format!("{before}[trunk]\n{settings}\n[screen]\n{after}");
        fs::write(path, text).unwrap();
    }

    /// Writes the configuration; the section `[drop]` is its last.
    pub(crate) fn configure(&self, url: &str) {
        let settings = Settings::default();
        let text = format!(
            "state_dir = \"state\"\n\
             [pbx]\nurl = \"{url}\"\nusername = \"{}\"\npassword = \"{}\"\nendpoint = \"PJSIP/{{number}}@carrier\"\n\
             caller_id = \"+12025550100\"\nsounds_dir = \"sounds\"\n\
             [store]\nurl = \"sqlite:{}\"\n\
             {GATE_OFF}\
             [screen]\nmode = \"dialplan\"\n\
             [drop]\nlead = \"150ms\"\nanswer_timeout = \"3s\"\nscreening_timeout = \"5s\"\nready_timeout = \"3s\"\n",
            settings.user,
            settings.password,
            self.path("aftertone.db").display(),
        );
        let path = self.path("aftertone.toml");
        fs::write(&path, text).unwrap();
        // It holds a password.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A recording of a tone, so many milliseconds long.
    pub(crate) fn record(&self, name: &str, milliseconds: u32) -> PathBuf {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let path = self.path(name);
        let mut file = hound::WavWriter::create(&path, spec).unwrap();
        for n in 0..milliseconds * 8 {
            let phase = f64::from(n) * 440.0 * std::f64::consts::TAU / 8_000.0;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "below 9,000 by construction"
            )]
            let sample = (phase.sin() * 8_000.0) as i16;
            file.write_sample(sample).unwrap();
        }
        file.finalize().unwrap();
        path
    }

    /// The program, with this configuration and nothing of ours in its environment. It dies with the test that let go
    /// of it, however that ended.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aftertone"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// `aftertone drop NUMBER --message sound:hello-world --json`, to its end.
    pub(crate) async fn drop(&self, more: &[&str]) -> Ended {
        self.run(
            &[
                &["drop", NUMBER, "--message", "sound:hello-world", "--json"],
                more,
            ]
            .concat(),
        )
        .await
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        wait(self.command(arguments).spawn().unwrap()).await
    }

    /// The same with these variables in its environment.
    pub(crate) async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(arguments);
        wait(command.envs(variables.iter().copied()).spawn().unwrap()).await
    }

    /// What must be true after any end: nothing of ours is up, nothing was played twice, and no leg was dialled twice.
    pub(crate) fn assert_clean(&self, what: &str, ended: &Ended) {
        let (up, plays, dialled) = self.fake.with(|world| {
            let dialled =
                [Leg::Busy, Leg::Drop].map(|leg| count(world, Kind::Originate, Some(leg)));
            let up: Vec<String> = world.channels.keys().cloned().collect();
            (up, carried_out_plays(world), dialled)
        });
        let trouble = if ended.status.is_none() {
            "it died of a signal"
        } else if !up.is_empty() {
            "channels are up"
        } else if plays > 1 {
            "it played more than once"
        } else if dialled.iter().any(|&times| times > 1) {
            "it dialled a leg more than once"
        } else if ended.stderr.contains("panicked") {
            "it panicked"
        } else {
            return;
        };
        panic!(
            "{what}: {trouble}: {up:?}\n{ended:?}\n{}",
            self.fake.ladder()
        );
    }
}

/// Waits for the end of the program. A minute is more than any drop here can take.
pub(crate) async fn wait(child: Child) -> Ended {
    let ended = timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let output = ended.expect("it never ends").unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal to a program that runs, by the shell, which knows how everywhere.
pub(crate) fn send_signal(name: &str, child: &Child) {
    let id = child.id().expect("it runs");
    let sent = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{name} {id}")])
        .status();
    assert!(sent.unwrap().success(), "no such process: {id}");
}

/// How many requests of a kind there were, about this leg if one is given.
pub(crate) fn count(world: &World, of: Kind, about: Option<Leg>) -> usize {
    let requests = world.log.iter().filter(|entry| match &entry.what {
        What::Request { kind, channel, .. } => {
            *kind == of && (about.is_none() || channel.as_deref().and_then(leg_of) == about)
        }
        What::Event { .. } => false,
    });
    requests.count()
}

/// How many playbacks the PBX began.
pub(crate) fn carried_out_plays(world: &World) -> usize {
    let started = world
        .log
        .iter()
        .filter(|entry| entry.is_event("PlaybackStarted"));
    started.count()
}

/// A PBX without sound files to look at, for the numbers of this script.
pub(crate) fn pbx(script: crate::fake::script::Script) -> Settings {
    Settings {
        other_numbers: script,
        ..Settings::default()
    }
}

/// All requests but those that look, a line each with its body.
pub(crate) fn requests(world: &World) -> String {
    let lines = world.log.iter().filter_map(|entry| match &entry.what {
        What::Request { line, body, .. } if !line.starts_with("GET /asterisk") => {
            Some(format!("{line} {body}").trim_end().to_owned() + "\n")
        }
        What::Request { .. } | What::Event { .. } => None,
    });
    lines.collect()
}
