//! What a template is made of.

use std::fmt;

use crate::audio::name::Name;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplatePart {
    /// A prepared message, or a fixed clip.
    Fixed(Name),
    /// The clip of a folder that a column names.
    ByColumn {
        folder: String,
        column: String,
        /// The clip to play if the column is empty, or there is no clip of its name.
        or: Option<Name>,
    },
    /// Words that are spoken.
    Words {
        words: Vec<Word>,
        voice: Option<String>,
    },
}

/// A piece of what is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The same for all.
    Text(String),
    /// What a column holds.
    Column {
        column: String,
        /// What is said if the column is empty; nothing may be said.
        or: Option<String>,
    },
}

impl fmt::Display for TemplatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(name) => write!(f, "{name}"),
            Self::ByColumn {
                folder,
                column,
                or: None,
            } => write!(f, "{folder}/{{{column}}}"),
            Self::ByColumn {
                folder,
                column,
                or: Some(or),
            } => write!(f, "{folder}/{{{column}|{}}}", or.base()),
            Self::Words { words, voice } => {
                f.write_str("\"")?;
                for word in words {
                    write!(f, "{word}")?;
                }
                f.write_str("\"")?;
                match voice {
                    Some(voice) => write!(f, "@{voice}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => escaped(f, text, &['"', '\\', '{']),
            Self::Column { column, or: None } => write!(f, "{{{column}}}"),
            Self::Column {
                column,
                or: Some(or),
            } => {
                write!(f, "{{{column}|")?;
                escaped(f, or, &['"', '\\', '{', '}'])?;
                f.write_str("}")
            }
        }
    }
}

fn escaped(f: &mut fmt::Formatter<'_>, text: &str, special: &[char]) -> fmt::Result {
    use fmt::Write as _;

    for c in text.chars() {
        if special.contains(&c) {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    Ok(())
}
