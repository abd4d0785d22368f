//! The file and the environment laid over each other, and single keys read from them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "`ValueKind` is another crate's, and what is not asked for is refused"
)]

mod readers;

use std::{
    collections::BTreeMap,
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Environment, File, FileFormat, Source as _, Value, ValueKind};
use secrecy::SecretString;

use super::{
    error::{Absent, ConfigError, KeyPlace, variable},
    keys::KEYS,
    source::{PREFIX, Surroundings, find, is_writable, read_secret, warn_if_exposed},
    values::{self, Charset, quoted},
};
use crate::screen::Settings;

pub(super) use readers::KeyTable;

/// All keys that were given, by their dotted names.
#[derive(Debug)]
pub(super) struct Layers {
    given: BTreeMap<String, Value>,
    file: Option<PathBuf>,
    file_folder: PathBuf,
    looked: Vec<PathBuf>,
    surroundings: Surroundings,
}

impl Layers {
    pub(super) fn read(
        explicit: Option<&Path>,
        surroundings: Surroundings,
    ) -> Result<Self, ConfigError> {
        let (file, text, looked) = find(explicit, &surroundings)?;
        let mut variables = config::Map::new();
        for (name, value) in &surroundings.environment {
            if name.starts_with(PREFIX) && !value.is_empty() {
                if !KEYS.iter().any(|key| variable(key) == *name) {
                    return Err(unknown_variable(name));
                }
                variables.insert(name.clone(), value.clone());
            }
        }

        if let Some(file) = &file {
            refuse_unknown(file, &text)?;
        }
        let merged = config::Config::builder()
            .add_source(File::from_str(&text, FileFormat::Toml))
            .add_source(
                // Values stay text (no `try_parsing`): `+12025550100` would lose its plus and `0123` its zero.
                Environment::with_prefix("AFTERTONE")
                    .prefix_separator("__")
                    .separator("__")
                    .source(Some(variables)),
            )
            .build()
            .and_then(|merged| merged.collect())
            .map_err(|source| ConfigError::Layers { source })?;

        let mut given = BTreeMap::new();
        flatten("", merged, &mut given);
        let file_folder = file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(&surroundings.folder)
            .to_owned();
        Ok(Self {
            given,
            file,
            file_folder,
            looked,
            surroundings,
        })
    }

    /// What was given for each key.
    pub(super) const fn given(&self) -> &BTreeMap<String, Value> {
        &self.given
    }

    /// Whether a key is given.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// A key's text, parsed; `None` if it is not given.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        debug_assert!(KEYS.contains(&key), "{key} is not in the table of keys");
        let Some(value) = self.given.get(key) else {
            return Ok(None);
        };
        let parsed = match &value.kind {
            ValueKind::String(text) => parse(text),
            other => Err(format!("{} was given, not a text in quotes", kind(other))),
        };
        parsed
            .map(Some)
            .map_err(|problem| self.bad(key, problem, expected))
    }

    /// A key that has no default.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.parsed(key, expected, parse)?
            .ok_or_else(|| self.missing(key, expected))
    }

    /// A key that holds a word of a given form.
    pub(super) fn word(
        &self,
        key: &'static str,
        default: &str,
        charset: Charset,
    ) -> Result<String, ConfigError> {
        let word = self.parsed(key, &charset.to_string(), |text| charset.check(text))?;
        Ok(word.unwrap_or_else(|| default.to_owned()))
    }

    /// A key that holds one of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let listed: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.parsed(key, &listed.join(" or "), |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|&(_, value)| value)
                .ok_or_else(|| format!("{} is not a known value", quoted(text)))
        })
    }

    /// A key that holds a duration; the default and the range are in seconds.
    pub(super) fn duration(
        &self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        let duration = self.parsed(key, &expected_duration(&range), |text| {
            values::duration(text, &range)
        })?;
        Ok(duration.unwrap_or(Duration::from_secs(default)))
    }

    /// A key that holds a duration or `never`; the default and the range are in seconds.
    pub(super) fn duration_or_never(
        &self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Option<Duration>, ConfigError> {
        let expected = format!("`never` or {}", expected_duration(&range));
        let duration = self.parsed(key, &expected, |text| match text {
            "never" => Ok(None),
            _ => values::duration(text, &range).map(Some),
        })?;
        Ok(duration.unwrap_or(Some(Duration::from_secs(default))))
    }

    /// A key that holds a yes or no.
    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        self.scalar(key, "`true` or `false`", |value| match value {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// A key that holds a number within a range.
    pub(super) fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ConfigError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.scalar(key, &expected, |value| {
            let text = plain(value)?;
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// What the ears go by: each of their settings is a key of `[screen]`.
    pub(super) fn ears(&self) -> Result<Settings, ConfigError> {
        let mut ears = Settings::default();
        for about in Settings::ALL {
            let key = KEYS.iter().find(|key| {
                let name = key.strip_prefix("screen.");
                name == Some(about.name)
            });
            let key = key.expect("the table of keys is made from the same list");
            let expected = values::expected_of(about);
            self.scalar(key, &expected, |value| {
                let text = plain(value)?;
                let number = values::setting(&text, about)?;
                ears.set(about.name, &number).ok()
            })?;
        }
        if ears.short_turn >= ears.machine_turn {
            // Every turn would be a machine's or a short one's, and what lies between never asked about.
            return Err(self.bad(
                "screen.short_turn",
                format!("{} s is not below `machine_turn`", ears.short_turn),
                &format!(
                    "less than the {} seconds from which a turn is a machine's",
                    ears.machine_turn
                ),
            ));
        }
        Ok(ears)
    }

    /// A key that holds a path, made absolute.
    pub(super) fn path(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        self.parsed(key, "a path", |text| {
            if text.is_empty() || text.contains('\0') {
                return Err("the path is empty or holds a NUL".to_owned());
            }
            Ok(self.folder_of(key).join(text))
        })
    }

    /// A key that holds the path of a file which can be opened.
    pub(super) fn readable_file(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(path) = self.path(key)? else {
            return Ok(None);
        };
        match fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(Some(path)),
            Ok(_) => Err(self.bad(
                key,
                format!("{} is not a file", path.display()),
                "a file that can be read",
            )),
            Err(error) => Err(self.cannot_read(key, &path, &error)),
        }
    }

    /// The PBX's password, from `pbx.password` or the file that `pbx.password_file` names.
    pub(super) fn password(&self) -> Result<SecretString, ConfigError> {
        match self.password_or_file()? {
            GivenPassword::Inline(password) => Ok(password),
            GivenPassword::File(path) => {
                let text = read_secret(&path).map_err(|e| self.cannot_read(FILE, &path, &e))?;
                if text.is_empty() {
                    return Err(self.bad(
                        FILE,
                        format!("{} is empty", path.display()),
                        "a file that holds the password alone",
                    ));
                }
                warn_if_exposed(&path, PASSWORD);
                Ok(SecretString::from(text))
            }
        }
    }

    /// The same without reading a file: empty if there is one.
    pub(super) fn password_if_inline(&self) -> Result<SecretString, ConfigError> {
        Ok(match self.password_or_file()? {
            GivenPassword::Inline(password) => password,
            GivenPassword::File(_) => SecretString::from(""),
        })
    }

    fn password_or_file(&self) -> Result<GivenPassword, ConfigError> {
        const EXPECTED: &str = "exactly one of `pbx.password` and `pbx.password_file`";

        let inline = self.parsed(INLINE, "the ARI user's password", |text| match text {
            "" => Err("it is empty".to_owned()),
            password => Ok(SecretString::from(password)),
        })?;
        let path = self.path(FILE)?;
        match (inline, path) {
            (Some(_), Some(_)) => Err(self.bad(
                FILE,
                format!("`{INLINE}` is given too, in {}", self.place(INLINE)),
                EXPECTED,
            )),
            (None, None) => Err(self.missing(INLINE, EXPECTED)),
            (Some(password), None) => {
                if self.place(INLINE) != KeyPlace::Variable(variable(INLINE)) {
                    self.file
                        .iter()
                        .for_each(|file| warn_if_exposed(file, PASSWORD));
                }
                Ok(GivenPassword::Inline(password))
            }
            (None, Some(path)) => Ok(GivenPassword::File(path)),
        }
    }

    /// The folder that a relative path of this key starts from.
    pub(super) fn folder_of(&self, key: &str) -> &Path {
        if self.is_from_environment(key) {
            &self.surroundings.folder
        } else {
            &self.file_folder
        }
    }

    pub(super) fn default_state_dir(&self) -> PathBuf {
        let variable = |name| self.surroundings.variable(name).map(PathBuf::from);
        // systemd lists several folders with colons; the first is the unit's main one.
        let systemd = self
            .surroundings
            .variable("STATE_DIRECTORY")
            .and_then(|list| list.split(':').next())
            .map(PathBuf::from);
        let system = || {
            let folder = &self.surroundings.system_state;
            (self.surroundings.is_root || is_writable(folder)).then(|| folder.clone())
        };
        systemd
            .or_else(system)
            .or_else(|| variable("XDG_STATE_HOME").map(|home| home.join("aftertone")))
            .or_else(|| variable("HOME").map(|home| home.join(".local/state/aftertone")))
            .unwrap_or_else(|| self.surroundings.system_state.clone())
    }

    pub(super) fn bad(
        &self,
        key: &'static str,
        problem: impl Into<String>,
        expected: &str,
    ) -> ConfigError {
        ConfigError::Bad {
            key,
            place: self.place(key),
            problem: problem.into(),
            expected: expected.to_owned(),
        }
    }

    fn scalar<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&ValueKind) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        debug_assert!(KEYS.contains(&key), "{key} is not in the table of keys");
        let Some(value) = self.given.get(key) else {
            return Ok(None);
        };
        let shown = match &value.kind {
            ValueKind::String(text) => quoted(text),
            ValueKind::Float(number) => format!("`{number}`"),
            ValueKind::I64(number) => format!("`{number}`"),
            other => kind(other).to_owned(),
        };
        read(&value.kind)
            .map(Some)
            .ok_or_else(|| self.bad(key, format!("{shown} was given"), expected))
    }

    pub(super) fn missing(&self, key: &'static str, expected: &str) -> ConfigError {
        ConfigError::Missing {
            key,
            place: match &self.file {
                Some(file) => Absent::From(file.clone()),
                None => Absent::NoFile(self.looked.clone()),
            },
            expected: expected.to_owned(),
        }
    }

    fn cannot_read(&self, key: &'static str, path: &Path, error: &io::Error) -> ConfigError {
        self.bad(
            key,
            format!("cannot read {}: {error}", path.display()),
            "a file that can be read",
        )
    }

    fn place(&self, key: &str) -> KeyPlace {
        if self.is_from_environment(key) {
            return KeyPlace::Variable(variable(key));
        }
        match &self.file {
            Some(file) if self.given.contains_key(key) => KeyPlace::File(file.clone()),
            Some(_) | None => KeyPlace::Defaults,
        }
    }

    fn is_from_environment(&self, key: &str) -> bool {
        self.given
            .get(key)
            .is_some_and(|value| value.origin().is_some())
    }
}

/// Where the PBX's password is.
enum GivenPassword {
    Inline(SecretString),
    File(PathBuf),
}

/// Parses the file by itself, so that its errors are not reported as the environment's.
fn refuse_unknown(file: &Path, text: &str) -> Result<(), ConfigError> {
    let tables = File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|error| ConfigError::Syntax {
            file: file.to_owned(),
            what: without_source_lines(&error.to_string()),
        })?;
    let mut given = BTreeMap::new();
    flatten("", tables, &mut given);
    match given.into_keys().find(|key| !KEYS.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ConfigError::Unknown {
            known: known_beside(&key),
            key,
            place: KeyPlace::File(file.to_owned()),
        }),
    }
}

fn unknown_variable(name: &str) -> ConfigError {
    let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
    let known = if KEYS.contains(&key.as_str()) {
        format!("write the variable in capitals, {}", variable(&key))
    } else {
        known_beside(&key)
    };
    ConfigError::Unknown {
        known,
        key,
        place: KeyPlace::Variable(name.to_owned()),
    }
}

/// The keys of the section that an unknown one is in.
fn known_beside(key: &str) -> String {
    let section = key.split_once('.').map_or(key, |(section, _)| section);
    let prefix = format!("{section}.");
    let beside: Vec<_> = KEYS
        .iter()
        .filter_map(|known| known.strip_prefix(&prefix))
        .collect();
    if !beside.is_empty() {
        return format!("[{section}] has {}", beside.join(", "));
    }
    let mut top: Vec<_> = KEYS
        .iter()
        .map(|known| known.split_once('.').map_or(*known, |(section, _)| section))
        .collect();
    top.dedup();
    format!("the sections and keys at the top are {}", top.join(", "))
}

fn flatten(prefix: &str, table: config::Map<String, Value>, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        let origin = value.origin().map(str::to_owned);
        match value.kind {
            ValueKind::Table(inner) if !KEYS.contains(&key.as_str()) && !inner.is_empty() => {
                flatten(&format!("{key}."), inner, into);
            }
            // A section without keys, such as `[drop]` with all of them commented out, says nothing.
            ValueKind::Table(_) if KEYS.iter().any(|k| k.starts_with(&format!("{key}."))) => {}
            kind => {
                into.insert(key, Value::new(origin.as_ref(), kind));
            }
        }
    }
}

/// The parser's words without the quoted line of the file (`3 | password = ...`).
fn without_source_lines(message: &str) -> String {
    message
        .lines()
        .filter(|line| {
            let start = line
                .trim_start()
                .trim_start_matches(|c: char| c.is_ascii_digit());
            !start.trim_start().starts_with('|') && !line.trim().is_empty()
        })
        .collect::<Vec<_>>()
        .join(": ")
}

/// A number or a text, as a text.
fn plain(value: &ValueKind) -> Option<String> {
    match value {
        ValueKind::String(text) => Some(text.clone()),
        ValueKind::Float(number) => Some(number.to_string()),
        ValueKind::I64(number) => Some(number.to_string()),
        _ => None,
    }
}

fn kind(value: &ValueKind) -> &'static str {
    match value {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "`true` or `false`",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a whole number"
        }
        ValueKind::Float(_) => "a number",
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
    }
}

/// What a warning calls the password of the ARI user.
const PASSWORD: &str = "the PBX's password";

const INLINE: &str = "pbx.password";
const FILE: &str = "pbx.password_file";

fn expected_duration(range: &RangeInclusive<u64>) -> String {
    format!(
        "a duration from {}s to {}s, such as \"2s\" or \"500ms\"",
        range.start(),
        range.end()
    )
}
