//! A PostgreSQL server that a test may kill.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Failed;

use crate::network::{Lab, told};

/// A server of its own for a lab. It is gone when this goes.
pub(crate) struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Starts one that holds nothing.
    pub(crate) fn start(lab: &Lab) -> Result<Self, Failed> {
        // No other run has a lab of this name.
        let name = format!("lab-{}", lab.name());
        // What an interrupted run of the test has left.
        script("down", &name)?;
        script("up", &name)?;
        let url = script("url", &name)?.trim().to_owned();
        Ok(Self { name, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills it as a power cut would. It is gone when this returns.
    pub(crate) fn kill(&self) -> Result<(), Failed> {
        script("kill", &self.name).map(drop)
    }

    /// Starts it again, with what it held.
    pub(crate) fn start_again(&self) -> Result<(), Failed> {
        script("restart", &self.name).map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = script("down", &self.name) {
            panic!("the server {} did not go down: {error:?}", self.name);
        }
    }
}

fn script(command: &str, name: &str) -> Result<String, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/postgres.sh");
    let out = Command::new(path)
        .args([command, "--name", name])
        .stdin(Stdio::null())
        .output()?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        Err(format!("postgres.sh {command} --name {name}: {}", told(&out)).into())
    }
}
