//! What the configuration is read from: the process's environment, the file that counts, the password's file.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{self, Path, PathBuf},
};

use tracing::warn;

use super::error::ConfigError;

/// What the configuration depends on beside its file.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The process's environment, as far as it is text.
    pub(super) environment: BTreeMap<String, String>,
    /// The working folder, absolute.
    pub(super) folder: PathBuf,
    /// The file for the whole machine.
    pub(super) system_file: PathBuf,
    /// The state folder for the whole machine.
    pub(super) system_state: PathBuf,
    /// Whether the process may write everywhere.
    pub(super) is_root: bool,
}

impl Surroundings {
    pub(super) fn of_process() -> Result<Self, ConfigError> {
        let mut environment = BTreeMap::new();
        for (name, value) in env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    environment.insert(name, value);
                }
                Err(_) if name.starts_with(PREFIX) || name == FILE_VARIABLE => {
                    return Err(ConfigError::NotText { variable: name });
                }
                Err(_) => {}
            }
        }
        Ok(Self {
            environment,
            folder: env::current_dir().map_err(|source| ConfigError::WorkingFolder { source })?,
            system_file: PathBuf::from("/etc/aftertone/aftertone.toml"),
            system_state: PathBuf::from("/var/lib/aftertone"),
            is_root: fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0),
        })
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// The configuration file, its text, and the paths without a file.
pub(super) fn find(
    explicit: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<(Option<PathBuf>, String, Vec<PathBuf>), ConfigError> {
    let named = explicit.or_else(|| surroundings.variable(FILE_VARIABLE).map(Path::new));
    let candidates = match named {
        Some(file) => vec![surroundings.folder.join(file)],
        None => vec![
            surroundings.folder.join("aftertone.toml"),
            surroundings.system_file.clone(),
        ],
    };
    for file in &candidates {
        match fs::read_to_string(file) {
            Ok(text) => {
                let file = path::absolute(file).unwrap_or_else(|_| file.clone());
                return Ok((Some(file), text, Vec::new()));
            }
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(ConfigError::Read {
                    file: file.clone(),
                    source,
                });
            }
        }
    }
    Ok((None, String::new(), candidates))
}

/// The file's text without one line end at its end; at most [`LONGEST_SECRET`] bytes are taken.
pub(super) fn read_secret(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(LONGEST_SECRET + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_SECRET {
        return Err(io::Error::other(format!(
            "it is longer than {LONGEST_SECRET} bytes, so it holds no password"
        )));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Whether a folder is there in which files can be made.
pub(super) fn is_writable(folder: &Path) -> bool {
    // It has no name, and is gone when it is closed.
    tempfile::tempfile_in(folder).is_ok()
}

/// Warns if every user of the machine may read a file that holds this secret.
pub(super) fn warn_if_exposed(path: &Path, secret: &str) {
    if is_exposed(path) {
        warn!(
            file = %path.display(),
            "every user of this machine can read {secret}; run `chmod o-r` on the file"
        );
    }
}

pub(super) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

/// What the names of all variables begin with that override a key.
pub(super) const PREFIX: &str = "AFTERTONE__";

const FILE_VARIABLE: &str = "AFTERTONE_CONFIG";

/// Bytes; far more than any password has.
const LONGEST_SECRET: u64 = 4096;
