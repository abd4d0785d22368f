//! The program itself, as a user runs it: its configuration, its commands, and what the kernel says about it.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use aftertone::words::Leg;
use anyhow::{Context, Result, bail};

use crate::{child, fake::Settings, load::LEAD};

/// How a campaign is to be dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Starts a second at most.
    pub(crate) rate: u32,
    /// Drops in flight at most.
    pub(crate) in_flight: u32,
    /// The leg that is dialled first: the drop leg if a drop is one call.
    pub(crate) first: Leg,
}

/// A folder of one's own, with all that the program keeps.
pub(crate) struct Home {
    folder: PathBuf,
    /// The database's URL.
    store: String,
}

impl Home {
    pub(crate) fn new(folder: &Path, store: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            store: store.to_owned(),
        })
    }

    /// Makes a campaign of a list; returns how long it took.
    pub(crate) fn create(&self, list: &Path, pace: Pace) -> Result<Duration> {
        self.configure("http://127.0.0.1:9", pace)?;
        let begun = Instant::now();
        let status = self
            .command("create")?
            .args(["campaign", "create", CAMPAIGN])
            .args(["--message", "sound:hello-world"])
            .args(["--kind", "informational", "--technique", pace.technique()])
            .arg(list)
            .status()?;
        if !status.success() {
            bail!("`campaign create` failed:\n{}", self.talk("create"));
        }
        Ok(begun.elapsed())
    }

    /// Runs the campaign.
    pub(crate) fn run(&self, url: &str, pace: Pace) -> Result<Controller> {
        self.configure(url, pace)?;
        let mut command = self.command("run")?;
        command.args(["campaign", "run", CAMPAIGN]);
        let begun_at = SystemTime::now();
        Ok(Controller {
            child: command.spawn()?,
            begun_at,
            talk: self.folder.join("run.log"),
        })
    }

    fn command(&self, name: &str) -> Result<Command> {
        let talk = File::create(self.folder.join(format!("{name}.log")))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_aftertone"));
        command
            .current_dir(&self.folder)
            .args(["--config", "aftertone.toml"])
            .stdin(Stdio::null())
            .stdout(talk.try_clone()?)
            .stderr(talk);
        Ok(command)
    }

    fn talk(&self, name: &str) -> String {
        tail(&self.folder.join(format!("{name}.log")))
    }

    fn configure(&self, url: &str, pace: Pace) -> Result<()> {
        let file = self.folder.join("aftertone.toml");
        fs::write(&file, configuration(url, &self.store, pace))?;
        // It holds a password.
        Ok(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o600),
        )?)
    }
}

impl Pace {
    /// The calls that a drop makes.
    pub(crate) const fn calls(self) -> usize {
        match self.first {
            Leg::Busy => 2,
            Leg::Drop => 1,
        }
    }

    /// As `drop.technique` has it.
    pub(crate) const fn technique(self) -> &'static str {
        match self.first {
            Leg::Busy => "double",
            Leg::Drop => "single",
        }
    }
}

/// A `campaign run` under way. It ends with its handle.
pub(crate) struct Controller {
    child: Child,
    /// The moment before its process was made.
    pub(crate) begun_at: SystemTime,
    talk: PathBuf,
}

impl Controller {
    /// Processor seconds used so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        child::cpu(self.child.id())
    }

    /// One of the memory figures of proc(5)'s status file, in MB of a million bytes.
    pub(crate) fn memory(&self, name: &str) -> Result<f64> {
        child::memory(self.child.id(), name)
    }

    /// The end of what it said.
    pub(crate) fn said(&self) -> String {
        tail(&self.talk)
    }

    /// Fails if it has ended.
    pub(crate) fn must_live(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "`campaign run` ended early ({status}):\n{}",
                tail(&self.talk)
            ),
        }
    }

    /// Lets it finish its drops in flight, as one Ctrl-C does, and end.
    pub(crate) fn drain(mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            let id = self.child.id().to_string();
            Command::new("kill").args(["-INT", &id]).status()?;
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("`campaign run` does not end:\n{}", tail(&self.talk));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of what it said.
fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).context("nothing");
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn configuration(url: &str, store: &str, pace: Pace) -> String {
    let settings = Settings::default();
    format!(
        "state_dir = \"state\"\n\
         [pbx]\nurl = \"{url}\"\nusername = \"{}\"\npassword = \"{}\"\nendpoint = \"PJSIP/{{number}}@carrier\"\n\
         caller_id = \"+12025550100\"\nsounds_dir = \"sounds\"\npbx_sounds_dir = \"/bench\"\n\
         [screen]\nmode = \"dialplan\"\n\
         [drop]\ntechnique = \"{}\"\nlead = \"{}ms\"\n\
         [store]\nurl = \"{store}\"\n\
         [trunk]\nstarts_per_second = {}\nin_flight = {}\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"\n",
        settings.user,
        settings.password,
        pace.technique(),
        LEAD.as_millis(),
        pace.rate,
        pace.in_flight,
    )
}

/// The name of the campaign.
pub(crate) const CAMPAIGN: &str = "bench";
