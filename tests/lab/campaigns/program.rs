//! The program, as a user works with it: makes campaigns, runs them, asks what came of them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use jiff::Timestamp;
use libtest_mimic::Failed;
use serde_json::Value;

use super::contacts::Contact;
use crate::network::{Lab, told, wait_for};

/// The program with settings of its own.
pub(crate) struct Program<'a> {
    lab: &'a Lab,
    settings: Vec<(String, String)>,
    /// What runs of it said is in files of this name, with their number behind it.
    name: String,
}

/// One row of `campaign results`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) foreign_id: String,
    pub(crate) number: String,
    pub(crate) drop: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) refused: Option<String>,
    /// Whether it is the contact's last.
    pub(crate) is_final: bool,
    pub(crate) double: bool,
    pub(crate) started: Option<Timestamp>,
    /// The row as it came.
    pub(crate) json: Value,
}

impl<'a> Program<'a> {
    pub(crate) fn new(lab: &'a Lab, name: &str) -> Self {
        Self {
            lab,
            settings: Vec::new(),
            name: name.to_owned(),
        }
    }

    /// With a setting, as it would be in the environment.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.settings
            .push((format!("AFTERTONE__{key}"), value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = self.lab.aftertone();
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        command
    }

    /// What it prints if all goes well, which it has to.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String, Failed> {
        let out = self.command().args(arguments).output()?;
        if out.status.success() {
            Ok(String::from_utf8_lossy(&out.stdout).into_owned())
        } else {
            let status = out.status;
            Err(format!(
                "aftertone {}: {status}\n{}",
                arguments.join(" "),
                told(&out)
            )
            .into())
        }
    }

    /// Makes a campaign of a list, whose contacts are called once each.
    pub(crate) fn create(
        &self,
        campaign: &str,
        message: &str,
        more: &[&str],
        list: &Path,
    ) -> Result<String, Failed> {
        let list = list.to_str().ok_or("an odd path")?;
        let mut arguments = vec!["campaign", "create", campaign, "--message", message];
        arguments.extend(["--kind", "informational", "--retry", "never"]);
        arguments.extend(more);
        arguments.push(list);
        self.ask(&arguments)
    }

    /// Every row of a campaign's results.
    pub(crate) fn results(&self, campaign: &str) -> Result<Vec<Row>, Failed> {
        let said = self.ask(&[
            "campaign",
            "results",
            campaign,
            "--format",
            "json",
            "--full-number",
            "--undialled",
        ])?;
        let rows: Vec<Value> = serde_json::from_str(&said)?;
        rows.into_iter().map(Row::read).collect()
    }

    /// What the summary of a campaign counts.
    pub(crate) fn summary(&self, campaign: &str) -> Result<Value, Failed> {
        let said = self.ask(&["campaign", "results", campaign, "--summary", "--json"])?;
        Ok(serde_json::from_str(&said)?)
    }

    /// Puts contacts on the do-not-call list.
    pub(crate) fn bar<'c>(
        &self,
        contacts: impl Iterator<Item = &'c Contact>,
    ) -> Result<(), Failed> {
        let numbers: Vec<_> = contacts.map(|contact| contact.number.e164()).collect();
        let mut arguments = vec!["dnc", "add", "--because", "asked for it"];
        arguments.extend(numbers.iter().map(String::as_str));
        self.ask(&arguments).map(drop)
    }

    /// Runs a campaign.
    pub(crate) fn run(&self, campaign: &str) -> Result<Running, Failed> {
        self.start(&["campaign", "run", campaign])
    }

    /// Runs it as a service.
    pub(crate) fn serve(&self) -> Result<Running, Failed> {
        self.start(&["serve"])
    }

    fn start(&self, arguments: &[&str]) -> Result<Running, Failed> {
        let said = (1..)
            .map(|run| self.lab.folder().join(format!("{}-{run}.log", self.name)))
            .find(|path| !path.exists())
            .ok_or("too many runs")?;
        let file = File::create(&said)?;
        let child = self
            .command()
            .args(arguments)
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Running { child, said })
    }
}

impl Row {
    fn read(json: Value) -> Result<Self, Failed> {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        Ok(Self {
            foreign_id: text("foreign_id").ok_or_else(|| format!("no foreign_id: {json:#}"))?,
            number: text("number").ok_or_else(|| format!("no number: {json:#}"))?,
            drop: text("drop"),
            outcome: text("outcome"),
            refused: text("refused"),
            is_final: json["final"] == true,
            double: json["technique"] == "double",
            started: text("started_at")
                .map(|at| at.parse())
                .transpose()
                .map_err(|error| format!("{error}: {json:#}"))?,
            json,
        })
    }
}

/// A run of the program. It is killed if a test gives it up.
pub(crate) struct Running {
    child: Child,
    said: PathBuf,
}

impl Running {
    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Its status, if it has ended; `-1` if it was killed.
    pub(crate) fn ended(&mut self) -> Result<Option<i32>, Failed> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| status.code().unwrap_or(-1)))
    }

    /// Kills it, if it still runs, as `kill -9` does. Returns when it was alive for the last time.
    pub(crate) fn kill(&mut self) -> Result<Timestamp, Failed> {
        self.child.kill()?;
        let at = Timestamp::now();
        self.child.wait()?;
        Ok(at)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), Failed> {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()?;
        if sent.success() {
            Ok(())
        } else {
            Err("the program has ended already".into())
        }
    }

    /// Ends it as a service manager does, and waits until it has.
    pub(crate) fn stop(self) -> Result<(), Failed> {
        self.signal("-TERM")?;
        self.finish(Duration::from_secs(30)).map(drop)
    }

    /// Waits until it has ended by itself, with success.
    pub(crate) fn finish(mut self, patience: Duration) -> Result<String, Failed> {
        let status = wait_for(patience, || {
            self.ended()?
                .ok_or_else(|| format!("it does not end:\n{}", self.said()).into())
        })?;
        if status == 0 {
            Ok(self.said())
        } else {
            Err(format!("it ended with {status}:\n{}", self.said()).into())
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
