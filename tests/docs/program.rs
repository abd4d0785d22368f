//! The program itself, in a folder of its own with a database of its own, and without a PBX.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// The program, with a configuration.
pub(crate) struct Program {
    folder: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(program.path("sounds")).unwrap();
        // Nothing answers there.
        program.file(
            "aftertone.toml",
            r#"
state_dir = "state"
[pbx]
url = "http://127.0.0.1:1"
username = "aftertone"
password = "hunter2"
endpoint = "PJSIP/{number}@trunk"
caller_id = "+12025550100"
sounds_dir = "sounds"
[price]
per_minute = 0.0085
"#,
        );
        program
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aftertone"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("AFTERTONE_CONFIG")
            .env("TZ", "UTC")
            .output()
            .unwrap()
    }

    /// What it prints with `--json`, an object or array a line.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let values = serde_json::Deserializer::from_str(&text).into_iter();
        let values: Vec<Value> = values.collect::<Result<_, _>>().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(!values.is_empty(), "{arguments:?} prints nothing: {talk}");
        values
    }
}
