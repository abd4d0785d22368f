//! A PostgreSQL server that a test may kill.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Failed;

use crate::network::told;

/// A server of a name and a port of its own. It is gone when this goes.
pub(crate) struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Starts one that holds nothing.
    pub(crate) fn start(name: &str, port: u16) -> Result<Self, Failed> {
        let name = format!("lab-{name}");
        // What an interrupted run of the test has left.
        script("down", &name, None)?;
        script("up", &name, Some(port))?;
        let url = script("url", &name, None)?.trim().to_owned();
        Ok(Self { name, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills it as a power cut would. It is gone when this returns.
    pub(crate) fn kill(&self) -> Result<(), Failed> {
        script("kill", &self.name, None).map(drop)
    }

    /// Starts it again, with what it held.
    pub(crate) fn start_again(&self) -> Result<(), Failed> {
        script("restart", &self.name, None).map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = script("down", &self.name, None) {
            panic!("the server {} did not go down: {error:?}", self.name);
        }
    }
}

fn script(command: &str, name: &str, port: Option<u16>) -> Result<String, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/postgres.sh");
    let mut script = Command::new(path);
    script.args([command, "--name", name]);
    if let Some(port) = port {
        script.args(["--port", &port.to_string()]);
    }
    let out = script.stdin(Stdio::null()).output()?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        Err(format!("postgres.sh {command} --name {name}: {}", told(&out)).into())
    }
}
