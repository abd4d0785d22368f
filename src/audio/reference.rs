//! What a user means by `--message M`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

use super::{
    name::Name,
    template::{BadTemplate, Template},
};

/// A sound that the PBX has: `sound:` and a path below its sounds folder, without extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundUri(String);

impl SoundUri {
    /// The URI as the PBX takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SoundUri {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let path = text.strip_prefix(SOUND).ok_or(BadReference::Scheme)?;
        if path.is_empty() || path.len() > SOUND_MAX {
            return Err(BadReference::SoundShape);
        }
        if path.starts_with('/') {
            return Err(BadReference::SoundAbsolute);
        }
        if path.contains("://") || path.starts_with("http:") || path.starts_with("https:") {
            return Err(BadReference::SoundRemote);
        }
        for part in path.split('/') {
            if part == ".." || part == "." {
                return Err(BadReference::SoundClimbs);
            }
            // A comma would begin another sound to the PBX, and `&` another file.
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            if part.is_empty() || !part.bytes().all(plain) {
                return Err(BadReference::SoundShape);
            }
        }
        if EXTENSIONS.iter().any(|extension| path.ends_with(extension)) {
            return Err(BadReference::SoundExtension);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SoundUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message was given as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A message that was prepared before.
    Prepared(Name),
    /// A sound that the PBX has of its own. Its length is not known here.
    OnPbx(SoundUri),
    /// A recording that has to be prepared.
    File(PathBuf),
    /// Parts that make a message for each person.
    Template(Template),
}

/// What `text` means: a template, a prepared message's name, else a `sound:` URI, else a file; `./x` and `/x` are always
/// files.
///
/// # Errors
/// [`BadReference`] if it can be none of them.
pub fn resolve(
    text: &str,
    is_prepared: impl Fn(&Name) -> bool,
    is_file: impl Fn(&Path) -> bool,
) -> Result<Reference, BadReference> {
    if text.is_empty() {
        return Err(BadReference::Empty);
    }
    if text.contains('\0') {
        return Err(BadReference::NotAPath);
    }
    if Template::is_one(text) {
        return Ok(Reference::Template(text.parse()?));
    }
    if text.starts_with(SOUND) {
        return text.parse().map(Reference::OnPbx);
    }
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    if scheme.is_some_and(|s| OTHER_SCHEMES.iter().any(|o| s.eq_ignore_ascii_case(o))) {
        return Err(BadReference::Scheme);
    }
    let Ok(name) = text.parse::<Name>() else {
        return Ok(Reference::File(text.into()));
    };
    if is_prepared(&name) {
        return Ok(Reference::Prepared(name));
    }
    if is_file(Path::new(text)) {
        return Ok(Reference::File(text.into()));
    }
    Err(BadReference::Unknown(name))
}

/// The text cannot be a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadReference {
    /// No text.
    #[error("the message is empty")]
    Empty,
    /// It holds a NUL.
    #[error("the message is not a valid path")]
    NotAPath,
    /// Has parts, and cannot be read.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// Something that only other ways of the PBX to play know.
    #[error("of URIs, only `sound:` is accepted as a message")]
    Scheme,
    /// Looks like a name, and there is nothing of that name.
    #[error("there is neither a prepared message nor a file called `{0}`")]
    Unknown(Name),
    /// `sound:/...`
    #[error("a `sound:` URI may not hold an absolute path")]
    SoundAbsolute,
    /// `sound:http://...`
    #[error("a `sound:` URI may not lead to another host")]
    SoundRemote,
    /// `sound:../...`
    #[error("a `sound:` URI may not hold `.` or `..`")]
    SoundClimbs,
    /// `sound:x.wav`
    #[error("a `sound:` URI names the sound without its extension")]
    SoundExtension,
    /// Other characters, or too many.
    #[error(
        "`sound:` must be followed by 1 to {SOUND_MAX} of the characters a-z, A-Z, 0-9, `_`, `-`, `.` and `/`"
    )]
    SoundShape,
}

impl BadReference {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::NotAPath => {
                "give the name of a prepared message, a `sound:` URI or a file".to_owned()
            }
            Self::Template(bad) => bad.hint(),
            Self::Scheme | Self::SoundRemote => {
                "save the recording to a file and give its path; `./NAME` is always a file"
                    .to_owned()
            }
            Self::Unknown(name) => {
                format!(
                    "`aftertone message list` shows what there is; add it with `aftertone message add {name} FILE`"
                )
            }
            Self::SoundAbsolute | Self::SoundClimbs | Self::SoundExtension | Self::SoundShape => {
                "write it as the PBX knows it, below its sounds folder: `sound:custom/greeting`"
                    .to_owned()
            }
        }
    }
}

/// What the PBX's own sounds begin with.
const SOUND: &str = "sound:";

/// Longest path of a sound.
const SOUND_MAX: usize = 200;

/// Other things that Asterisk plays, and what users might try.
const OTHER_SCHEMES: &[&str] = &[
    "sound",
    "recording",
    "number",
    "digits",
    "characters",
    "tone",
    "http",
    "https",
    "ftp",
    "file",
    "data",
];

/// Extensions of Asterisk's sound formats.
const EXTENSIONS: &[&str] = &[
    ".wav", ".wav16", ".WAV", ".wav49", ".gsm", ".ulaw", ".alaw", ".sln", ".sln16", ".g722",
    ".mp3", ".ogg",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_prepared_name_else_a_sound_else_a_file() {
        let rows = [
            ("spring", "prepared spring"),
            ("./spring", "file ./spring"),
            ("memo", "file memo"),
            (
                "autumn",
                "there is neither a prepared message nor a file called `autumn`",
            ),
            ("autumn.wav", "file autumn.wav"),
            ("Spring", "file Spring"),
            ("/srv/spring.mp3", "file /srv/spring.mp3"),
            ("../spring.mp3", "file ../spring.mp3"),
            ("./sound:x", "file ./sound:x"),
            ("10:30.wav", "file 10:30.wav"),
            ("once-a-b", "file once-a-b"),
            ("sound:hello-world", "sound sound:hello-world"),
            (
                "sound:custom/v1.2/greeting",
                "sound sound:custom/v1.2/greeting",
            ),
            (
                "sound:/etc/passwd",
                "a `sound:` URI may not hold an absolute path",
            ),
            ("sound:../x", "a `sound:` URI may not hold `.` or `..`"),
            ("sound:a/../../x", "a `sound:` URI may not hold `.` or `..`"),
            (
                "sound:http://evil/x",
                "a `sound:` URI may not lead to another host",
            ),
            (
                "sound:https:x",
                "a `sound:` URI may not lead to another host",
            ),
            (
                "sound:a.wav",
                "a `sound:` URI names the sound without its extension",
            ),
            ("sound:", SHAPE),
            ("sound:a,sound:b", SHAPE),
            ("sound:a&b", SHAPE),
            ("sound:a//b", SHAPE),
            ("sound:a b", SHAPE),
            ("sound:ä", SHAPE),
            (
                "http://example.com/x.wav",
                "of URIs, only `sound:` is accepted as a message",
            ),
            (
                "HTTPS://example.com/x.wav",
                "of URIs, only `sound:` is accepted as a message",
            ),
            ("SOUND:x", "of URIs, only `sound:` is accepted as a message"),
            (
                "tone:ring",
                "of URIs, only `sound:` is accepted as a message",
            ),
            (
                "recording:x",
                "of URIs, only `sound:` is accepted as a message",
            ),
            ("", "the message is empty"),
            ("a\0b", "the message is not a valid path"),
        ];
        for (text, expected) in rows {
            let got = resolve(
                text,
                |name| name.as_str() == "spring",
                |path| path == Path::new("memo"),
            );
            let got = match got {
                Ok(Reference::Prepared(name)) => format!("prepared {name}"),
                Ok(Reference::OnPbx(uri)) => format!("sound {uri}"),
                Ok(Reference::File(path)) => format!("file {}", path.display()),
                Ok(Reference::Template(template)) => format!("template {template}"),
                Err(bad) => bad.to_string(),
            };
            assert_eq!(got, expected, "{text:?}");
        }
    }

    const SHAPE: &str = "`sound:` must be followed by 1 to 200 of the characters a-z, A-Z, 0-9, `_`, `-`, `.` and `/`";
}
