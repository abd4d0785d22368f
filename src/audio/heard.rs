//! What one person hears of a message, however the message is named.

use thiserror::Error;

use super::{
    BadReference, Library, Reference,
    name::Name,
    resolve,
    template::{Filled, FilledPart, Unfilled},
};

/// What somebody hears of a message: a template with what is known of them, or a prepared message as it is. A clip that is not there
/// is replaced by the one to use then. Blocks.
///
/// # Errors
/// [`Unheard`].
pub fn heard_by(
    message: &str,
    library: &Library,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Filled, Unheard> {
    let filled = match resolve(message, |name| library.holds(name), |_| false)? {
        Reference::Template(template) => template.fill(value)?,
        Reference::Prepared(name) => Filled {
            parts: vec![FilledPart::Prepared(name)],
        },
        Reference::OnPbx(_) => return Err(Unheard::OnPbx),
        Reference::File(_) => return Err(Unheard::File),
    };
    let there = |name: Name| {
        if library.holds(&name) {
            Ok(name)
        } else {
            Err(Unheard::Missing(name))
        }
    };
    let parts = filled.parts.into_iter().map(|part| {
        Ok(match part {
            FilledPart::Prepared(name) => FilledPart::Prepared(there(name)?),
            FilledPart::Clip { name, or } => {
                let name = there(name).or_else(|missing| or.map_or(Err(missing), there))?;
                FilledPart::Clip { name, or: None }
            }
            speech @ FilledPart::Speech { .. } => speech,
        })
    });
    Ok(Filled {
        parts: parts.collect::<Result<_, Unheard>>()?,
    })
}

/// Why nobody can say what somebody hears.
#[derive(Debug, Error)]
pub enum Unheard {
    /// The message is none.
    #[error(transparent)]
    Reference(#[from] BadReference),
    /// It cannot be filled in.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// A recording is not there.
    #[error("there is no recording `{0}`")]
    Missing(Name),
    /// Only the PBX has it.
    #[error("it is a sound of the PBX's own, which is not here to be heard")]
    OnPbx,
    /// It is a file.
    #[error("it is not a prepared message")]
    File,
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn what_is_heard_is_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("names")).unwrap();
        for there in ["intro.wav", "names/ann.wav", "names/there.wav"] {
            fs::write(folder.path().join(there), "").unwrap();
        }
        let library = Library::new(folder.path(), Path::new("/sounds")).unwrap();
        let heard = |message: &str, name: &str| {
            let value = |column: &str| (column == "first_name").then(|| name.to_owned());
            match heard_by(message, &library, value) {
                Ok(filled) => filled.words(),
                Err(error) => error.to_string(),
            }
        };
        let template = "intro + names/{first_name|there}";
        for (message, name, expected) in [
            ("intro", "Ann", "[intro]"),
            (template, "Ann", "[intro] [names/ann]"),
            (template, "Zoë", "[intro] [names/there]"),
            (
                "names/{first_name}",
                "Zoë",
                "there is no recording `names/zoe`",
            ),
            ("outro + intro", "", "there is no recording `outro`"),
            (
                "sound:beep",
                "",
                "it is a sound of the PBX's own, which is not here to be heard",
            ),
            ("x.wav", "", "it is not a prepared message"),
            (
                "\"{date}\"",
                "",
                "column `date` is empty, and the message says nothing to use then",
            ),
        ] {
            assert_eq!(heard(message, name), expected, "{message} {name}");
        }
    }
}
