//! The files of messages as they are, for a backup, and back from one.

use std::{fs, io, path::PathBuf};

use super::{
    error::Error,
    folder::stamp,
    library::{JSON, Library, WAV, WIDE},
    name::Name,
    write::{stage, sync_dir},
};

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFile {
    /// Its name in the folder of messages.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl MessageFile {
    /// Whether a file of this name can be one of a message that is kept under a name.
    pub fn is_named(name: &str) -> bool {
        let mut stems = [WAV, WIDE, JSON]
            .iter()
            .filter_map(|extension| name.strip_suffix(extension));
        stems.any(|stem| stem.parse::<Name>().is_ok())
    }
}

impl Library {
    /// The files of a message, all of one preparation, also if it is replaced at this moment.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Read`] if it cannot be read, or never holds still.
    pub fn files_of(&self, name: &Name) -> Result<Vec<MessageFile>, Error> {
        let recording = self.recording(name);
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                return Error::Missing { name: name.clone() };
            }
            Error::Read {
                path: recording.clone(),
                source,
            }
        };
        for _ in 0..READ_AGAIN {
            let before = fs::metadata(&recording).map_err(failed)?;
            let mut files = Vec::new();
            for extension in [WAV, WIDE, JSON] {
                let file = format!("{name}{extension}");
                match fs::read(self.dir().join(&file)) {
                    Ok(bytes) => files.push(MessageFile { name: file, bytes }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound && extension != WAV => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            let after = fs::metadata(&recording).map_err(failed)?;
            if stamp(&before) == stamp(&after) {
                return Ok(files);
            }
        }
        Err(failed(io::Error::other("it is replaced over and over")))
    }

    /// Whether a file of a message is there, with these bytes; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn has_same(&self, file: &MessageFile) -> Result<Option<bool>, Error> {
        let path = self.dir().join(&file.name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes == file.bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// Puts a file of a message back that is not there; `false` if it is there by now, and was left alone.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn put_back(&self, file: &MessageFile) -> Result<bool, Error> {
        let dir = self.dir_of(&file.name);
        self.make_dir(&dir)?;
        let path = self.dir().join(&file.name);
        let failed = |path: PathBuf| move |source| Error::Write { path, source };
        let staged = stage(&path, &file.bytes).map_err(failed(path.clone()))?;
        match staged.persist_noclobber(&path) {
            Ok(_) => {}
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(e) => return Err(failed(path)(e.error)),
        }
        sync_dir(&dir).map_err(failed(path))?;
        Ok(true)
    }
}

/// How often a message is read that changes meanwhile.
const READ_AGAIN: u32 = 5;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn files_of_a_message_go_out_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::new(folder.path(), Path::new("/sounds")).unwrap();
        let name: Name = "spring".parse().unwrap();
        assert!(matches!(
            library.files_of(&name),
            Err(Error::Missing { .. })
        ));
        fs::write(folder.path().join("spring.wav"), "narrow").unwrap();
        fs::write(folder.path().join("spring.json"), "{}").unwrap();
        let files = library.files_of(&name).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["spring.wav", "spring.json"]);

        let elsewhere = tempfile::tempdir().unwrap();
        let other = Library::new(&elsewhere.path().join("new"), Path::new("/sounds")).unwrap();
        assert_eq!(other.has_same(&files[0]).unwrap(), None);
        assert!(other.put_back(&files[0]).unwrap());
        assert_eq!(other.has_same(&files[0]).unwrap(), Some(true));
        let changed = MessageFile {
            bytes: b"other".to_vec(),
            ..files[0].clone()
        };
        assert_eq!(other.has_same(&changed).unwrap(), Some(false));
        assert!(!other.put_back(&changed).unwrap());
        assert_eq!(other.has_same(&files[0]).unwrap(), Some(true));
    }

    #[test]
    fn only_files_of_named_messages_are_theirs() {
        for (name, is_theirs) in [
            ("spring.wav", true),
            ("spring.wav16", true),
            ("spring.json", true),
            ("spring.db", false),
            ("../spring.wav", false),
            ("names/ann.wav", true),
            ("names/ann.wav16", true),
            ("names/a/b.wav", false),
            ("../names/ann.wav", false),
            (".speech/ann.wav", false),
            (".speech/filled/ann.wav16", false),
            ("once-run/1.wav", false),
            (".wav", false),
            ("Spring.wav", false),
        ] {
            assert_eq!(MessageFile::is_named(name), is_theirs, "{name}");
        }
    }
}
