//! The names of prepared messages and of clips.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// The name of a prepared message, `[a-z0-9_-]{1,64}`, or of a clip: a folder of the same characters, one `/`, and a name.
/// None of those that are kept for single drops (`once-...`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of a clip; `None` for a message.
    pub fn folder(&self) -> Option<&str> {
        self.0.split_once('/').map(|(folder, _)| folder)
    }

    /// The name without its folder.
    pub fn base(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, base)| base)
    }

    /// The clip of a name in a folder.
    ///
    /// # Errors
    /// [`BadName`] if either cannot be one.
    pub fn in_folder(folder: &str, base: &str) -> Result<Self, BadName> {
        plain(folder)?;
        plain(base)?;
        Ok(Self(format!("{folder}/{base}")))
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once('/') {
            Some((folder, base)) => Self::in_folder(folder, base),
            None => {
                plain(text)?;
                Ok(Self(text.to_owned()))
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be the name of a prepared message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadName {
    /// Too long, or with other characters.
    #[error(
        "a message's name is 1 to 64 of the characters a-z, 0-9, `_` and `-`; a clip's has a folder of the same characters \
         and a `/` before it"
    )]
    Shape,
    /// Kept for messages of single drops.
    #[error("names that begin with `once-` are kept for messages of single drops")]
    Reserved,
}

/// Checks a folder, or a name without one.
///
/// # Errors
/// [`BadName`].
pub(super) fn plain(text: &str) -> Result<(), BadName> {
    let fits = (1..=NAME_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if !fits {
        return Err(BadName::Shape);
    }
    if text.starts_with(ONCE) {
        return Err(BadName::Reserved);
    }
    Ok(())
}

/// What the names of messages for single drops begin with.
pub(super) const ONCE: &str = "once-";

/// Longest name of a message, and of a folder.
pub(super) const NAME_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(64);
        for good in ["a", "spring-2026", "x_y", "-", &longest] {
            let name = good.parse::<Name>().unwrap();
            assert_eq!((name.folder(), name.base()), (None, good));
        }
        for bad in [
            "",
            "A",
            "a b",
            "..",
            "a.wav",
            "ä",
            "٣",
            &"a".repeat(65),
            "/",
            "a/",
            "/a",
            "a/b/c",
            "a//b",
            "../a",
            "a/..",
            ".speech/a",
            "a/b.wav",
        ] {
            assert_eq!(bad.parse::<Name>(), Err(BadName::Shape), "{bad}");
        }
        for reserved in ["once-x", "once-x/a", "a/once-x"] {
            assert_eq!(
                reserved.parse::<Name>(),
                Err(BadName::Reserved),
                "{reserved}"
            );
        }
    }

    #[test]
    fn a_clip_is_named_by_its_folder_and_its_name() {
        let longest = "a".repeat(64);
        let clip: Name = "names/ann".parse().unwrap();
        assert_eq!((clip.folder(), clip.base()), (Some("names"), "ann"));
        assert_eq!(clip.to_string(), "names/ann");
        assert_eq!(Name::in_folder("names", "ann"), Ok(clip));
        assert!(Name::in_folder(&longest, &longest).is_ok());
        assert_eq!(Name::in_folder("names", "a/b"), Err(BadName::Shape));
        assert_eq!(Name::in_folder("names", ""), Err(BadName::Shape));
    }
}
