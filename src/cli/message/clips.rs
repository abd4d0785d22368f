//! `aftertone message add FOLDER/ FILE...`: many recordings as the clips of a folder.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde_json::{Value, json};

use super::{MessageError, object, print_json, seconds};
use crate::{
    audio::{self, BadName, Name, Prepared, template::clip_name},
    error_chain::chain,
};

/// What recordings are added as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AddTarget {
    /// One message, or one clip.
    Message(Name),
    /// The clips of a folder.
    Folder(String),
}

impl FromStr for AddTarget {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.strip_suffix('/') {
            Some(folder) => {
                Name::in_folder(folder, "x")?;
                Ok(Self::Folder(folder.to_owned()))
            }
            None => text.parse().map(Self::Message),
        }
    }
}

impl fmt::Display for AddTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(name) => write!(f, "{name}"),
            Self::Folder(folder) => write!(f, "{folder}/"),
        }
    }
}

/// Adds each recording as the clip that its file's name says.
///
/// # Errors
/// [`MessageError::SameClip`] before anything is added; [`MessageError::NotAll`] if something could not be.
pub(super) fn add_clips(
    folder: &str,
    files: &[PathBuf],
    add: impl Fn(&Name, &Path) -> Result<Prepared, audio::Error>,
    is_json: bool,
    data: &mut dyn Write,
) -> Result<(), MessageError> {
    let mut known: BTreeMap<Name, &PathBuf> = BTreeMap::new();
    for file in files {
        if let Some(name) = named(folder, file)
            && let Some(first) = known.insert(name.clone(), file)
        {
            return Err(MessageError::SameClip {
                name,
                first: first.clone(),
                second: file.clone(),
            });
        }
    }
    let (mut objects, mut failed) = (Vec::new(), 0);
    for file in files {
        let added = match named(folder, file) {
            Some(name) => add(&name, file).map_err(|error| chain(&error)),
            None => Err("its name has no letter and no digit, or too many".to_owned()),
        };
        match added {
            Ok(prepared) if is_json => objects.push(object(&prepared)),
            Ok(prepared) => {
                let length = seconds(prepared.duration.as_millis() as u64);
                writeln!(data, "{}: {length}", prepared.name)?;
            }
            Err(problem) => {
                failed += 1;
                let file = file.display().to_string();
                if is_json {
                    objects.push(json!({"file": file, "problem": problem}));
                } else {
                    writeln!(data, "not added: `{file}`: {problem}")?;
                }
            }
        }
    }
    if is_json {
        print_json(&Value::Array(objects), data)?;
    }
    if failed > 0 {
        let all = files.len();
        return Err(MessageError::NotAll { failed, all });
    }
    Ok(())
}

fn named(folder: &str, file: &Path) -> Option<Name> {
    let base = clip_name(&file.file_stem()?.to_string_lossy())?;
    Name::in_folder(folder, &base).ok()
}
