//! Messages for each person: recordings, clips that a column of the list chooses, and speech.
//!
//! ```text
//!  intro + names/{first_name|there} + "Your appointment is on {date}."@en-gb + outro
//!  ─┬───   ──────────┬─────────────   ────────────────┬────────────── ───┬──   ──┬──
//!   a prepared       a clip; `there` if the           speech             voice   a prepared
//!   message          column is empty, or has no clip                            message
//! ```
//!
//! All of it is pure: a [`Template`] is read from text, and [`Template::fill`] makes of it the message of one person, which
//! a `Composer` then turns into sound.

mod clip_name;
mod filled;
mod parse;
mod parts;

use std::{collections::BTreeSet, fmt, str::FromStr};

pub use self::{
    clip_name::clip_name,
    filled::{Filled, FilledPart, Unfilled},
    parse::{BadPart, BadTemplate, plain_column},
};
use self::{
    filled::fill,
    parse::parse,
    parts::{TemplatePart, Word},
};
use super::name::Name;

/// A message that is made for each person. Its text is its `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart>,
}

impl Template {
    /// Whether a text means a template rather than a name, a `sound:` URI or a path.
    pub fn is_one(text: &str) -> bool {
        let is_path = ["/", "./", "../"]
            .iter()
            .any(|start| text.starts_with(start));
        !is_path && (text.contains(" + ") || text.contains('{') || text.starts_with('"'))
    }

    /// The columns that it uses, as it names them. Lists match names without case, spaces and marks.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.uses().map(|(column, _)| column).collect()
    }

    /// Those of its columns that have to hold something: somewhere it says nothing to use if they are empty.
    pub fn required_columns(&self) -> BTreeSet<&str> {
        let required = self.uses().filter(|(_, has_default)| !has_default);
        required.map(|(column, _)| column).collect()
    }

    /// Whether a part of it is speech.
    pub fn speaks(&self) -> bool {
        let is_speech = |part: &TemplatePart| matches!(part, TemplatePart::Words { .. });
        self.parts.iter().any(is_speech)
    }

    /// The voices that it names.
    pub fn voices(&self) -> impl Iterator<Item = Option<&str>> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Words { voice, .. } => Some(voice.as_deref()),
            TemplatePart::Fixed(_) | TemplatePart::ByColumn { .. } => None,
        })
    }

    /// The recordings that it names: all that are left to everybody, and those that are played if a column is empty.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Fixed(name) => Some(name),
            TemplatePart::ByColumn { or, .. } => or.as_ref(),
            TemplatePart::Words { .. } => None,
        })
    }

    /// The folders of which a column chooses a clip.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::ByColumn { folder, .. } => Some(folder.as_str()),
            TemplatePart::Fixed(_) | TemplatePart::Words { .. } => None,
        })
    }

    /// The message of one person, whose columns hold what `value` says.
    ///
    /// # Errors
    /// [`Unfilled`] if a column is empty that has to hold something, or holds what cannot be meant.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<Filled, Unfilled> {
        fill(&self.parts, value)
    }

    /// Each use of a column, and whether it says what to use if that is empty.
    fn uses(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parts.iter().flat_map(|part| {
            let uses: Vec<(&str, bool)> = match part {
                TemplatePart::Fixed(_) => Vec::new(),
                TemplatePart::ByColumn { column, or, .. } => vec![(column, or.is_some())],
                TemplatePart::Words { words, .. } => {
                    let columns = words.iter().filter_map(|word| match word {
                        Word::Text(_) => None,
                        Word::Column { column, or } => Some((column.as_str(), or.is_some())),
                    });
                    columns.collect()
                }
            };
            uses
        })
    }
}

impl FromStr for Template {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        parse(text).map(|parts| Self { parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(" + ")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
