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

/// Which command dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialler {
    /// `campaign run`.
    CampaignRun,
    /// `serve`, which answers HTTP beside it.
    Serve,
}

/// A folder of one's own, with all that the program keeps.
pub(crate) struct Home {
    folder: PathBuf,
    /// The database's URL.
    store: String,
    /// More of the configuration.
    more: &'static str,
}

impl Home {
    pub(crate) fn new(folder: &Path, store: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            store: store.to_owned(),
            more: "",
        })
    }

    /// The same, with more sections of the configuration.
    pub(crate) const fn with(mut self, more: &'static str) -> Self {
        self.more = more;
        self
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

    /// Dials; with `serve`, what was started.
    pub(crate) fn run(&self, url: &str, pace: Pace, dialler: Dialler) -> Result<Controller> {
        self.configure(url, pace)?;
        let mut command = self.command("run")?;
        match dialler {
            Dialler::CampaignRun => command.args(["campaign", "run", CAMPAIGN]),
            Dialler::Serve => command.arg("serve"),
        };
        let begun_at = SystemTime::now();
        Ok(Controller {
            child: command.spawn()?,
            begun_at,
            talk: self.folder.join("run.log"),
        })
    }

    /// Carries out a command; returns what it prints.
    pub(crate) fn carry_out(&self, arguments: &[&str]) -> Result<String> {
        let status = self.command("command")?.args(arguments).status()?;
        if !status.success() {
            bail!(
                "`{}` failed:\n{}",
                arguments.join(" "),
                self.talk("command")
            );
        }
        Ok(fs::read_to_string(self.folder.join("command.log"))?)
    }

    fn command(&self, name: &str) -> Result<Command> {
        let talk = File::create(self.folder.join(format!("{name}.log")))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_aftertone"));
        command
            .current_dir(&self.folder)
            .args(["--config", "aftertone.toml"])
            // As the unit of ops/debian has it.
            .env("MALLOC_ARENA_MAX", "2")
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
        let text = configuration(url, &self.store, pace) + self.more;
        fs::write(&file, text)?;
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

/// A dialling program under way. It ends with its handle.
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

    /// Waits until `serve` listens; returns its address.
    pub(crate) fn address(&mut self) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = fs::read_to_string(&self.talk)?;
            let mut words = said.lines().filter_map(|line| {
                let (_, address) = line.split_once("listening on ")?;
                Some(address.trim().to_owned())
            });
            if let Some(address) = words.next() {
                return Ok(address);
            }
            self.must_live()?;
            if Instant::now() > deadline {
                bail!("`serve` does not listen:\n{}", tail(&self.talk));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The end of what it said.
    pub(crate) fn said(&self) -> String {
        tail(&self.talk)
    }

    /// Fails if it has ended.
    pub(crate) fn must_live(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended early ({status}):\n{}", tail(&self.talk)),
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
                bail!("it does not end:\n{}", tail(&self.talk));
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
         [serve]\nlisten = \"127.0.0.1:0\"\nrequests_per_second = \"any\"\n\
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
