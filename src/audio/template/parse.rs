//! Reads a template's text.

use std::mem;

use thiserror::Error;

use super::parts::{TemplatePart, Word};
use crate::audio::name::{BadName, Name, plain};

/// The text cannot be a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why} (at character {at} of the message)")]
pub struct BadTemplate {
    /// The character at which reading failed, from 1.
    pub at: usize,
    /// What is wrong there.
    pub why: BadPart,
}

/// What is wrong with a part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadPart {
    /// Nothing before, between or after `+`.
    #[error("a part is missing")]
    Missing,
    /// Something else than `+` after a part.
    #[error("expected ` + ` between parts")]
    Between,
    /// Cannot be the name of a message or a clip.
    #[error("`{0}` is not a part: {1}")]
    Name(String, BadName),
    /// `sound:...`
    #[error("`{0}` cannot be a part: the samples of the PBX's own sounds are not known here")]
    OnPbx(String),
    /// Looks like a file.
    #[error("`{0}` cannot be a part: a file has to be prepared first")]
    File(String),
    /// A column outside the place of a clip's name.
    #[error("a column outside of quotes chooses a clip in a folder, as in `names/{{first_name}}`")]
    Column,
    /// A column whose name says nothing.
    #[error(
        "between `{{` and `}}`, the name of a column is missing, or it is longer than {COLUMN_MAX} characters"
    )]
    NoColumn,
    /// A column that is not for others' ears.
    #[error("`{0}` is not for speaking")]
    NotForSpeaking(String),
    /// `{` without `}`.
    #[error("the `{{` has no `}}`")]
    OpenColumn,
    /// `"` without `"`.
    #[error("the `\"` that begins the text has none that ends it")]
    OpenText,
    /// A backslash before something that needs none.
    #[error("after `\\` within a text, only `\"`, `\\`, `{{` and `}}` may follow")]
    Escape,
    /// A text without words.
    #[error("the text has no words")]
    NoWords,
    /// `FOLDER/{column|}`
    #[error("after the `|`, the name of the clip is missing")]
    NoClip,
    /// Cannot be a voice.
    #[error(
        "after `@`, the name of a voice is 1 to {VOICE_MAX} of the characters a-z, A-Z, 0-9, `_`, `-`, `.` and `+`, and begins with a letter or a digit"
    )]
    Voice,
    /// A control character.
    #[error("it holds a control character")]
    Control,
    /// Longer than any message.
    #[error("it is longer than {TEXT_MAX} characters")]
    TooLong,
    /// More parts than any message.
    #[error("it has more than {PARTS_MAX} parts")]
    TooMany,
}

impl BadTemplate {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.why {
            BadPart::Missing | BadPart::Between | BadPart::Control => {
                "write parts with ` + ` between them: `intro + names/{first_name|there} + \"on {date}\"`"
            }
            BadPart::Name(..) => "`aftertone message list` shows what there is; words to speak stand in `\"`",
            BadPart::OnPbx(_) | BadPart::File(_) => {
                "prepare the recording with `aftertone message add NAME FILE`, and name it"
            }
            BadPart::Column | BadPart::NoColumn | BadPart::NoClip => {
                "write `FOLDER/{column}`, or `FOLDER/{column|CLIP}` with the clip to play if the column is empty"
            }
            BadPart::NotForSpeaking(_) => {
                "use the contact's `name`, `foreign_id` or `state`, or another column of the list"
            }
            BadPart::OpenColumn => "write `{column}`; a `{` that is to be spoken is written `\\{`",
            BadPart::OpenText | BadPart::Escape => {
                "write `\\\"` for a `\"` and `\\\\` for a `\\` within the text"
            }
            BadPart::NoWords => "write what is to be spoken between the `\"`",
            BadPart::Voice => "write `\"text\"@VOICE`, or leave `@VOICE` out for `voice` in section `[speech]`",
            BadPart::TooLong | BadPart::TooMany => "shorten it: a message lasts a minute or two at most",
        }
        .to_owned()
    }
}

/// The parts of a template.
///
/// # Errors
/// [`BadTemplate`].
pub(super) fn parse(text: &str) -> Result<Vec<TemplatePart>, BadTemplate> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
    };
    if reader.chars.len() > TEXT_MAX {
        return Err(reader.bad(TEXT_MAX, BadPart::TooLong));
    }
    if let Some(at) = reader.chars.iter().position(|c| c.is_control()) {
        return Err(reader.bad(at, BadPart::Control));
    }
    let mut parts = Vec::new();
    loop {
        reader.skip_spaces();
        if parts.len() == PARTS_MAX {
            return Err(reader.bad(reader.at, BadPart::TooMany));
        }
        parts.push(reader.part()?);
        reader.skip_spaces();
        match reader.next() {
            None => return Ok(parts),
            Some('+') => {}
            Some(_) => return Err(reader.bad(reader.at - 1, BadPart::Between)),
        }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn part(&mut self) -> Result<TemplatePart, BadTemplate> {
        match self.peek() {
            None | Some('+') => Err(self.bad(self.at, BadPart::Missing)),
            Some('"') => self.words(),
            Some(_) => self.named(),
        }
    }

    /// A prepared message, or a clip.
    fn named(&mut self) -> Result<TemplatePart, BadTemplate> {
        let start = self.at;
        let mut before = String::new();
        while let Some(c) = self.peek()
            && !matches!(c, ' ' | '+' | '{' | '"')
        {
            before.push(c);
            self.at += 1;
        }
        if before.starts_with("sound:") {
            return Err(self.bad(start, BadPart::OnPbx(before)));
        }
        if self.peek() == Some('{') {
            let Some(folder) = before.strip_suffix('/') else {
                return Err(self.bad(self.at, BadPart::Column));
            };
            plain(folder)
                .map_err(|error| self.bad(start, BadPart::Name(folder.to_owned(), error)))?;
            return self.clip(folder);
        }
        let looks_like_a_file = [".wav", ".mp3", ".flac", ".ogg"]
            .iter()
            .any(|end| before.to_ascii_lowercase().ends_with(end));
        if looks_like_a_file || before.starts_with(['.', '/']) {
            return Err(self.bad(start, BadPart::File(before)));
        }
        match before.parse() {
            Ok(name) => Ok(TemplatePart::Fixed(name)),
            Err(error) => Err(self.bad(start, BadPart::Name(before, error))),
        }
    }

    /// `{column}` or `{column|CLIP}` behind a folder, up to the end of the part.
    fn clip(&mut self, folder: &str) -> Result<TemplatePart, BadTemplate> {
        let start = self.at;
        let (column, or) = self.column(start)?;
        if let Some(c) = self.peek()
            && !matches!(c, ' ' | '+')
        {
            return Err(self.bad(self.at, BadPart::Column));
        }
        let or = match or {
            None => None,
            Some(base) if base.trim().is_empty() => return Err(self.bad(start, BadPart::NoClip)),
            Some(base) => {
                let base = base.trim();
                let name = Name::in_folder(folder, base)
                    .map_err(|error| self.bad(start, BadPart::Name(base.to_owned(), error)))?;
                Some(name)
            }
        };
        Ok(TemplatePart::ByColumn {
            folder: folder.to_owned(),
            column,
            or,
        })
    }

    /// `"text"` or `"text"@VOICE`.
    fn words(&mut self) -> Result<TemplatePart, BadTemplate> {
        let start = self.at;
        self.at += 1;
        let (mut words, mut text) = (Vec::new(), String::new());
        loop {
            match self.next() {
                None => return Err(self.bad(start, BadPart::OpenText)),
                Some('"') => break,
                Some('\\') => text.push(self.escape()?),
                Some('{') => {
                    if !text.is_empty() {
                        words.push(Word::Text(mem::take(&mut text)));
                    }
                    self.at -= 1;
                    let (column, or) = self.column(self.at)?;
                    words.push(Word::Column { column, or });
                }
                Some(c) => text.push(c),
            }
        }
        if !text.is_empty() {
            words.push(Word::Text(text));
        }
        let says_something = words.iter().any(|word| match word {
            Word::Text(text) => text.chars().any(char::is_alphanumeric),
            Word::Column { .. } => true,
        });
        if !says_something {
            return Err(self.bad(start, BadPart::NoWords));
        }
        let voice = if self.peek() == Some('@') {
            self.at += 1;
            Some(self.voice()?)
        } else {
            None
        };
        Ok(TemplatePart::Words { words, voice })
    }

    /// What is between `{`, at which it begins, and `}`.
    fn column(&mut self, start: usize) -> Result<(String, Option<String>), BadTemplate> {
        self.at = start + 1;
        let (mut column, mut or) = (String::new(), None);
        loop {
            match (self.next(), &mut or) {
                (None | Some('"' | '{'), _) => {
                    return Err(self.bad(start, BadPart::OpenColumn));
                }
                (Some('}'), _) => break,
                (Some('|'), or @ None) => *or = Some(String::new()),
                (Some('\\'), Some(or)) => or.push(self.escape()?),
                (Some('\\'), None) => return Err(self.bad(self.at - 1, BadPart::NoColumn)),
                (Some(c), Some(or)) => or.push(c),
                (Some(c), None) => column.push(c),
            }
        }
        let column = column.trim().to_owned();
        let says_something = column.chars().any(char::is_alphanumeric);
        if !says_something || column.chars().count() > COLUMN_MAX {
            return Err(self.bad(start, BadPart::NoColumn));
        }
        if NOT_FOR_SPEAKING.contains(&plain_column(&column).as_str()) {
            return Err(self.bad(start, BadPart::NotForSpeaking(column)));
        }
        Ok((column, or))
    }

    fn escape(&mut self) -> Result<char, BadTemplate> {
        match self.next() {
            Some(c @ ('"' | '\\' | '{' | '}')) => Ok(c),
            _ => Err(self.bad(self.at - 1, BadPart::Escape)),
        }
    }

    fn voice(&mut self) -> Result<String, BadTemplate> {
        let start = self.at;
        let mut voice = String::new();
        while let Some(c) = self.peek()
            && (c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        {
            voice.push(c);
            self.at += 1;
        }
        // espeak-ng's variants, `en+f3`; a `+` between parts without spaces is not followed by what a variant is.
        if self.peek() == Some('+')
            && let Some(variant) = self.variant()
        {
            voice.push('+');
            voice.push_str(&variant);
            self.at += 1 + variant.len();
        }
        let fits =
            voice.len() <= VOICE_MAX && voice.starts_with(|c: char| c.is_ascii_alphanumeric());
        if fits {
            Ok(voice)
        } else {
            Err(self.bad(start, BadPart::Voice))
        }
    }

    /// The variant behind a `+`: a letter and a digit, `f3`, that end the part.
    fn variant(&self) -> Option<String> {
        let behind = self.chars.get(self.at + 1..)?;
        let variant: String = behind
            .iter()
            .take_while(|c| !matches!(c, ' ' | '+'))
            .collect();
        let mut bytes = variant.bytes();
        let is_variant = matches!(bytes.next(), Some(b'f' | b'm'))
            && bytes.next().is_some_and(|b| b.is_ascii_digit())
            && bytes.next().is_none();
        is_variant.then_some(variant)
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn bad(&self, at: usize, why: BadPart) -> BadTemplate {
        BadTemplate {
            at: at.min(self.chars.len()) + 1,
            why,
        }
    }
}

/// A column's name without case, spaces and marks, as lists match theirs: `First_Name` is `firstname`.
pub fn plain_column(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Columns that a contact is called by and not told: the number, how they consented, and how they are called.
const NOT_FOR_SPEAKING: [&str; 6] = [
    "number",
    "consent",
    "consentat",
    "consentsource",
    "message",
    "timezone",
];

/// Longest template, in characters.
const TEXT_MAX: usize = 4_000;

/// Most parts.
const PARTS_MAX: usize = 32;

/// Longest name of a column, in characters.
const COLUMN_MAX: usize = 64;

/// Longest name of a voice.
const VOICE_MAX: usize = 64;
