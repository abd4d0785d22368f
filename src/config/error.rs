//! Errors of the configuration, which say what to change.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// What is wrong with the configuration. It names keys, files and variables, and never shows a secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The configuration file that was asked for cannot be read.
    #[error("cannot read the configuration file {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The working folder cannot be found.
    #[error("cannot find the working folder")]
    WorkingFolder {
        /// The cause.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML: {what}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The position and the problem, without the line itself: it might hold the password.
        what: String,
    },
    /// There is no such key.
    #[error("unknown key `{key}` in {place}; {known}")]
    Unknown {
        /// The key.
        key: String,
        /// Its place.
        place: KeyPlace,
        /// The keys that exist.
        known: String,
    },
    /// A key that has no default is not given.
    #[error(
        "`{key}` is missing {place}; expected {expected} (or set {})",
        variable(key)
    )]
    Missing {
        /// The key.
        key: &'static str,
        /// The places that were searched.
        place: Absent,
        /// What it should be.
        expected: String,
    },
    /// A value is not valid.
    #[error("`{key}` in {place}: {problem}; expected {expected}")]
    Bad {
        /// The key.
        key: &'static str,
        /// Its place.
        place: KeyPlace,
        /// What is wrong with it.
        problem: String,
        /// What it should be.
        expected: String,
    },
    /// An environment variable is not text.
    #[error("the environment variable {variable} is not valid UTF-8")]
    NotText {
        /// The variable's name.
        variable: String,
    },
    /// The library that merges the sources failed.
    #[error("cannot put the configuration together")]
    Layers {
        /// The cause.
        source: config::ConfigError,
    },
}

/// The place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the file.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
    /// In the built-in defaults.
    Defaults,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Defaults => f.write_str("the defaults"),
        }
    }
}

/// The places that were searched for a missing value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The file that was read.
    From(PathBuf),
    /// No file was found at any of these places.
    NoFile(Vec<PathBuf>),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(file) => write!(f, "from {}", file.display()),
            Self::NoFile(looked) => {
                let looked: Vec<_> = looked
                    .iter()
                    .map(PathBuf::as_path)
                    .map(Path::display)
                    .map(|path| path.to_string())
                    .collect();
                write!(f, "and there is no file {}", looked.join(" nor "))
            }
        }
    }
}

/// The environment variable that overrides a key.
pub(super) fn variable(key: &str) -> String {
    format!("AFTERTONE__{}", key.replace('.', "__").to_uppercase())
}
