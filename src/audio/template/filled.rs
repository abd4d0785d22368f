//! A template filled in with what is known of one person.

use std::fmt;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{
    clip_name::clip_name,
    parts::{TemplatePart, Word},
};
use crate::audio::name::Name;

/// A message for one person: what to play and to speak, one after the other. Never empty.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filled {
    /// Its parts.
    pub parts: Vec<FilledPart>,
}

/// A part of a message for one person.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum FilledPart {
    /// A prepared message.
    Prepared(Name),
    /// A clip; the other one if there is none of this name.
    Clip {
        /// The clip.
        name: Name,
        /// What to play if there is none of this name.
        or: Option<Name>,
    },
    /// Speech.
    Speech {
        /// What is said, on one line.
        text: String,
        /// The voice; `None`: the configured one.
        voice: Option<String>,
        /// Whether the text has something from a person's columns in it.
        is_personal: bool,
    },
}

impl Filled {
    /// What tells it from every other message: 32 hexadecimal digits of SHA-256.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |kind: &str, texts: [&str; 2]| {
            for text in [kind, texts[0], texts[1]] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        };
        for part in &self.parts {
            match part {
                FilledPart::Prepared(name) => add("prepared", [name.as_str(), ""]),
                FilledPart::Clip { name, or } => {
                    add(
                        "clip",
                        [name.as_str(), or.as_ref().map_or("", Name::as_str)],
                    );
                }
                FilledPart::Speech { text, voice, .. } => {
                    add("speech", [text, voice.as_deref().unwrap_or("")]);
                }
            }
        }
        let digest = hash.finalize();
        digest[..16].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// What a person would read: spoken text as it is, recordings by their names in brackets.
    pub fn words(&self) -> String {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| match part {
                FilledPart::Prepared(name) | FilledPart::Clip { name, .. } => format!("[{name}]"),
                FilledPart::Speech { text, .. } => text.clone(),
            })
            .collect();
        parts.join(" ")
    }
}

impl fmt::Debug for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

/// Without what is said, and without the names of clips, which are people's.
impl fmt::Debug for FilledPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared(name) => write!(f, "Prepared({name})"),
            Self::Clip { name, .. } => write!(f, "Clip({}/…)", name.folder().unwrap_or_default()),
            Self::Speech { text, voice, .. } => {
                write!(f, "Speech({} characters", text.chars().count())?;
                match voice {
                    Some(voice) => write!(f, " by {voice})"),
                    None => f.write_str(")"),
                }
            }
        }
    }
}

/// A message cannot be filled in for a person.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfilled {
    /// A column is empty that has to hold something.
    #[error("column `{column}` is empty, and the message says nothing to use then")]
    Empty {
        /// The column, as the message names it.
        column: String,
    },
    /// A column holds nothing that a clip could be called.
    #[error("column `{column}` holds nothing that can be the name of a clip")]
    NoName {
        /// The column, as the message names it.
        column: String,
    },
    /// A column holds more than can be meant for a message.
    #[error("column `{column}` holds more than {VALUE_MAX} characters")]
    TooLong {
        /// The column, as the message names it.
        column: String,
    },
    /// Every part is empty.
    #[error("nothing is left to say")]
    Nothing,
}

/// Fills parts in.
///
/// # Errors
/// [`Unfilled`].
pub(super) fn fill(
    parts: &[TemplatePart],
    value: impl Fn(&str) -> Option<String>,
) -> Result<Filled, Unfilled> {
    let held = |column: &str| {
        let text = one_line(&value(column).unwrap_or_default());
        if text.chars().count() > VALUE_MAX {
            return Err(Unfilled::TooLong {
                column: column.to_owned(),
            });
        }
        Ok(text)
    };
    let mut filled = Vec::new();
    for part in parts {
        match part {
            TemplatePart::Fixed(name) if name.folder().is_none() => {
                filled.push(FilledPart::Prepared(name.clone()));
            }
            TemplatePart::Fixed(name) => filled.push(FilledPart::Clip {
                name: name.clone(),
                or: None,
            }),
            TemplatePart::ByColumn { folder, column, or } => {
                let text = held(column)?;
                filled.push(clip(folder, column, &text, or.as_ref())?);
            }
            TemplatePart::Words { words, voice } => {
                let text = spoken(words, held)?;
                if !text.is_empty() {
                    filled.push(FilledPart::Speech {
                        text,
                        voice: voice.clone(),
                        is_personal: words.iter().any(|word| matches!(word, Word::Column { .. })),
                    });
                }
            }
        }
    }
    if filled.is_empty() {
        return Err(Unfilled::Nothing);
    }
    Ok(Filled { parts: filled })
}

fn clip(folder: &str, column: &str, text: &str, or: Option<&Name>) -> Result<FilledPart, Unfilled> {
    let named = clip_name(text).and_then(|base| Name::in_folder(folder, &base).ok());
    match (named, or) {
        (Some(name), or) => Ok(FilledPart::Clip {
            or: or.filter(|or| **or != name).cloned(),
            name,
        }),
        (None, Some(or)) => Ok(FilledPart::Clip {
            name: or.clone(),
            or: None,
        }),
        (None, None) if text.is_empty() => Err(Unfilled::Empty {
            column: column.to_owned(),
        }),
        (None, None) => Err(Unfilled::NoName {
            column: column.to_owned(),
        }),
    }
}

fn spoken(
    words: &[Word],
    held: impl Fn(&str) -> Result<String, Unfilled>,
) -> Result<String, Unfilled> {
    let mut text = String::new();
    for word in words {
        match word {
            Word::Text(fixed) => text.push_str(fixed),
            Word::Column { column, or } => {
                let value = held(column)?;
                match or {
                    _ if !value.is_empty() => text.push_str(&value),
                    Some(or) => text.push_str(or),
                    None => {
                        return Err(Unfilled::Empty {
                            column: column.clone(),
                        });
                    }
                }
            }
        }
    }
    let text = one_line(&text);
    // Marks alone are nothing to say: what is left of `{greeting|},`.
    let is_said = text.chars().any(char::is_alphanumeric);
    Ok(if is_said { text } else { String::new() })
}

/// The text with every run of spaces and control characters made one space, and none around it.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Most characters of a column that are used.
const VALUE_MAX: usize = 200;
