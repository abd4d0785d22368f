//! The pictures of `aftertone explain`.

use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};

use super::super::CliError;
use crate::evidence::{EvidenceReader, Layout, PictureFormat, Recording, save};

/// What `--picture` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pictures {
    /// Nothing.
    None,
    /// A file for the one recording.
    One {
        path: PathBuf,
        format: PictureFormat,
    },
    /// A file a recording in this folder.
    Each { folder: PathBuf },
}

impl Pictures {
    /// What is asked for, given what the command is about: one recording, or the evidence of one drop, has one picture, whose name's ending decides its
    /// format; a folder, or several recordings, have a folder of PNG files.
    ///
    /// # Errors
    /// [`CliError`] if the ending is neither `.svg` nor `.png`, one file is named for several pictures, two pictures would
    /// have one name, or the folder cannot be made.
    pub(super) fn plan(
        wanted: Option<&Path>,
        given: &[PathBuf],
        recordings: &[PathBuf],
    ) -> Result<Self, CliError> {
        let Some(wanted) = wanted else {
            return Ok(Self::None);
        };
        let format = PictureFormat::of(wanted).filter(|_| !wanted.is_dir());
        if let [recording] = given
            && (!recording.is_dir() || EvidenceReader::is_at(recording))
        {
            let format = format.ok_or_else(|| {
                let wanted = wanted.display();
                CliError::new(anyhow!("`--picture {wanted}` does not end in .svg or .png")).hint(
                    "name a file that ends in .svg or .png, such as `--picture recording.png`",
                )
            })?;
            let path = wanted.to_owned();
            return Ok(Self::One { path, format });
        }
        if format.is_some() {
            let wanted = wanted.display();
            let one =
                anyhow!("`--picture {wanted}` names one file, but there may be several recordings");
            return Err(CliError::new(one).hint("name a folder, such as `--picture pictures`"));
        }
        let mut named = BTreeMap::new();
        for recording in recordings {
            let Some(other) = named.insert(named_after(recording, wanted), recording) else {
                continue;
            };
            let (one, two) = (other.display(), recording.display());
            let both = anyhow!("the pictures of {one} and {two} would have the same name");
            return Err(CliError::new(both).hint("explain them one by one"));
        }
        // What is in a call is its parties' business.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(wanted);
        made.with_context(|| format!("cannot make the folder {}", wanted.display()))
            .map_err(CliError::new)?;
        let folder = wanted.to_owned();
        Ok(Self::Each { folder })
    }

    /// Draws a recording, if that is asked for, and returns the path of the picture.
    ///
    /// # Errors
    /// [`CliError`] if the picture cannot be written.
    pub(super) fn draw(
        &self,
        path: &Path,
        recording: &Recording<'_>,
    ) -> Result<Option<PathBuf>, CliError> {
        let (file, format) = match self {
            Self::None => return Ok(None),
            Self::One { path, format } => (path.clone(), *format),
            Self::Each { folder } => (named_after(path, folder), PictureFormat::Png),
        };
        save(&Layout::of(recording), format, &file).map_err(|error| {
            CliError::new(error)
                .hint("name a file in a folder that exists and that you may write to")
        })?;
        Ok(Some(file))
    }
}

/// The file in this folder that a recording's picture gets.
fn named_after(recording: &Path, folder: &Path) -> PathBuf {
    let mut name = recording.file_stem().unwrap_or_default().to_owned();
    name.push(".png");
    folder.join(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::screen::Replay;

    #[test]
    fn what_is_asked_for_is_planned_or_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let plan = |wanted: &str, given: &[PathBuf], recordings: &[PathBuf]| {
            Pictures::plan(Some(&path(wanted)), given, recordings)
        };
        let one = [path("a.wav")];
        let folder = [dir.path().to_owned()];
        let two = [path("a.wav"), path("b.wav")];
        assert_eq!(Pictures::plan(None, &one, &one).unwrap(), Pictures::None);
        for (wanted, format) in [("a.svg", PictureFormat::Svg), ("a.Png", PictureFormat::Png)] {
            let path = path(wanted);
            assert_eq!(
                plan(wanted, &one, &one).unwrap(),
                Pictures::One { path, format }
            );
        }
        for (given, recordings) in [(&folder[..], &one[..]), (&two, &two)] {
            let planned = plan("deep/pictures", given, recordings).unwrap();
            let folder = path("deep/pictures");
            assert!(folder.is_dir());
            assert_eq!(planned, Pictures::Each { folder });
        }
        fs::create_dir(path("folder.svg")).unwrap();
        let same = [path("a.wav"), path("other/a.WAV")];
        fs::write(path("file"), "").unwrap();
        for (wanted, given, recordings, words) in [
            ("a.jpg", &one[..], &one[..], "does not end in .svg or .png"),
            ("a", &one, &one, "does not end in .svg or .png"),
            ("folder.svg", &one, &one, "does not end in .svg or .png"),
            ("a.png", &folder, &one, "names one file"),
            ("a.png", &two, &two, "names one file"),
            ("pictures", &same, &same, "would have the same name"),
            ("file", &two, &two, "cannot make the folder"),
        ] {
            let trouble = plan(wanted, given, recordings).unwrap_err();
            let message = format!("{:#}", trouble.error);
            assert!(message.contains(words), "{wanted}: {message}");
        }
        assert!(!path("pictures").exists());
    }

    #[test]
    fn each_recording_has_a_picture_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let given = [dir.path().join("b.wav"), dir.path().join("a.wav")];
        let wanted = dir.path().join("pictures");
        let pictures = Pictures::plan(Some(&wanted), &given, &given).unwrap();
        let recording = Recording {
            title: "x",
            samples: &[0; 800],
            replay: &Replay::default(),
            message: None,
            plays: None,
            later: &[],
        };
        for (path, name) in given.iter().zip(["b.png", "a.png"]) {
            let drawn = pictures.draw(path, &recording).unwrap().unwrap();
            assert_eq!(drawn, wanted.join(name));
            assert!(fs::read(drawn).unwrap().starts_with(b"\x89PNG"));
        }
        assert_eq!(Pictures::None.draw(&given[0], &recording).unwrap(), None);
    }
}
