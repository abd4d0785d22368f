//! Checking a backup, and unpacking what was checked.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry, EntryType};

use super::{
    BackupError, BackupFile, BackupManifest, DATABASE, DIGEST, MANIFEST, MESSAGES, hex,
    write::{place, remove, sync_folder},
};
use crate::{
    audio::{Library, MessageFile},
    owner::give_to_owner_of_folder,
};

/// A backup that was checked, byte for byte.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    file: File,
    manifest: BackupManifest,
}

impl Backup {
    /// Reads all of a backup, and compares digests. Nothing is written.
    ///
    /// # Errors
    /// [`BackupError`] if it cannot be read, is none, is not as it was written, or was made by a later version of the
    /// program; `newest` is the latest schema that this one knows.
    pub fn check(path: &Path, newest: i64) -> Result<Self, BackupError> {
        let failed = |source| BackupError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let this = Self {
            path: path.to_owned(),
            manifest: Self::walk(path, &file)?,
            file,
        };
        let later = |why| BackupError::Later {
            path: path.to_owned(),
            why,
        };
        let BackupManifest {
            aftertone_backup,
            aftertone,
            schema,
            ..
        } = &this.manifest;
        if *aftertone_backup != BackupManifest::FORMAT {
            let known = BackupManifest::FORMAT;
            return Err(later(format!(
                "its format is {aftertone_backup}, and this program knows {known}"
            )));
        }
        if *schema > newest {
            return Err(later(format!(
                "its database has schema {schema}, of aftertone {aftertone}; this program has schema {newest}"
            )));
        }
        Ok(this)
    }

    /// What it is of.
    pub fn manifest(&self) -> &BackupManifest {
        &self.manifest
    }

    /// Puts the database into a file of this name, for its owner only, which must not exist.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn unpack_database(&self, to: &Path) -> Result<(), BackupError> {
        let failed = |source| BackupError::File {
            doing: "write",
            path: to.to_owned(),
            source,
        };
        self.each(|name, entry, kept| {
            if name != DATABASE {
                return Ok(());
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let mut out = options.open(to).map_err(failed)?;
            give_to_owner_of_folder(to);
            let mut digest = Sha256::new();
            let mut buffer = vec![0; BUFFER];
            loop {
                let read = entry.read(&mut buffer).map_err(|e| self.unread(e))?;
                if read == 0 {
                    break;
                }
                digest.update(&buffer[..read]);
                out.write_all(&buffer[..read]).map_err(failed)?;
            }
            out.sync_all().map_err(failed)?;
            if hex(digest) != kept.sha256 {
                return Err(self.changed(name));
            }
            Ok(())
        })
    }

    /// Looks whether its messages can be put back: none of them is there with other bytes.
    ///
    /// # Errors
    /// [`BackupError`], which names the first that is.
    pub fn compare_messages(&self, library: &Library) -> Result<(), BackupError> {
        self.each_message(|file| match library.has_same(&file)? {
            Some(false) => Err(BackupError::OtherMessage { name: file.name }),
            Some(true) | None => Ok(()),
        })
    }

    /// Puts its messages back that are not there; returns the files that it has made.
    ///
    /// # Errors
    /// [`BackupError`]; what it made is gone again then.
    pub fn put_messages_back(&self, library: &Library) -> Result<Vec<PathBuf>, BackupError> {
        let mut made = Vec::new();
        let done = self.each_message(|file| {
            if library.has_same(&file)? == Some(true) {
                return Ok(());
            }
            if !library.put_back(&file)? {
                return Err(BackupError::OtherMessage { name: file.name });
            }
            made.push(library.dir().join(&file.name));
            Ok(())
        });
        if let Err(error) = done {
            for path in made {
                let _ = remove(&path);
            }
            return Err(error);
        }
        Ok(made)
    }

    /// Gives a database that was unpacked its name, which must not be in use.
    ///
    /// # Errors
    /// [`BackupError::Taken`], [`BackupError::File`].
    pub fn place_database(from: &Path, to: &Path) -> Result<(), BackupError> {
        let failed = |source: io::Error| {
            let path = to.to_owned();
            if source.kind() == io::ErrorKind::AlreadyExists {
                return BackupError::Taken { path };
            }
            BackupError::File {
                doing: "write",
                path,
                source,
            }
        };
        let synced = File::open(from).and_then(|file| file.sync_all());
        synced.map_err(failed)?;
        place(from, to).map_err(failed)?;
        sync_folder(to).map_err(failed)
    }

    fn each_message(
        &self,
        mut look: impl FnMut(MessageFile) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        self.each(|name, entry, kept| {
            let Some(name) = name.strip_prefix(MESSAGES) else {
                return Ok(());
            };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|e| self.unread(e))?;
            if hex(Sha256::new_with_prefix(&bytes)) != kept.sha256 {
                return Err(self.changed(name));
            }
            look(MessageFile {
                name: name.to_owned(),
                bytes,
            })
        })
    }

    /// Goes through the files of the manifest once more.
    fn each(
        &self,
        mut look: impl FnMut(
            &str,
            &mut Entry<'_, BufReader<&File>>,
            &BackupFile,
        ) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(|e| self.unread(e))?;
        let mut archive = Archive::new(BufReader::with_capacity(BUFFER, file));
        let entries = archive.entries().map_err(|e| self.unread(e))?;
        for (entry, kept) in entries.zip(&self.manifest.files) {
            let mut entry = entry.map_err(|e| self.unread(e))?;
            let name = entry.path().map_err(|e| self.unread(e))?;
            if name != Path::new(&kept.name) {
                return Err(self.changed(&kept.name));
            }
            look(&kept.name, &mut entry, kept)?;
        }
        Ok(())
    }

    /// Reads all of it, and compares each digest.
    fn walk(path: &Path, mut file: &File) -> Result<BackupManifest, BackupError> {
        let foreign = |why: String| BackupError::Foreign {
            path: path.to_owned(),
            why,
        };
        let damaged = |why: String| BackupError::Damaged {
            path: path.to_owned(),
            why,
        };
        let length = file.metadata().map_err(|source| BackupError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
        let mut archive = Archive::new(BufReader::with_capacity(BUFFER, file));
        let entries = archive.entries().map_err(|e| foreign(e.to_string()))?;
        let mut found: Vec<BackupFile> = Vec::new();
        let mut manifest: Option<BackupManifest> = None;
        let mut sealed: Option<(u64, String)> = None;
        for entry in entries {
            // Before anything of ours was seen it is another file; after that it is one of ours that is not whole.
            let trouble = |why: String| {
                if found.is_empty() {
                    foreign(why)
                } else {
                    damaged(why)
                }
            };
            let mut entry = entry.map_err(|e| trouble(e.to_string()))?;
            let name = entry.path().map(|name| name.display().to_string());
            let name = name.map_err(|e| trouble(e.to_string()))?;
            if sealed.is_some() {
                return Err(damaged(format!("`{name}` is behind its end")));
            }
            if entry.header().entry_type() != EntryType::Regular {
                return Err(trouble(format!("`{name}` is not a plain file")));
            }
            let is_kept = name == DATABASE
                || name
                    .strip_prefix(MESSAGES)
                    .is_some_and(MessageFile::is_named);
            match name.as_str() {
                MANIFEST if manifest.is_none() => {
                    let bytes = short(&mut entry, MANIFEST_MAX).map_err(damaged)?;
                    let read: BackupManifest =
                        serde_json::from_slice(&bytes).map_err(|e| trouble(e.to_string()))?;
                    manifest = Some(read);
                }
                DIGEST if manifest.is_some() => {
                    let at = entry.raw_header_position();
                    let bytes = short(&mut entry, DIGEST_MAX).map_err(damaged)?;
                    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                    sealed = Some((at, text));
                }
                _ if is_kept && manifest.is_none() && (name == DATABASE) == found.is_empty() => {
                    let (bytes, sha256) = hashed(&mut entry).map_err(|e| damaged(e.to_string()))?;
                    found.push(BackupFile {
                        name,
                        bytes,
                        sha256,
                    });
                }
                _ => return Err(trouble(format!("`{name}` does not belong there"))),
            }
        }
        if found.is_empty() {
            return Err(foreign("it holds no database".to_owned()));
        }
        let manifest = manifest.ok_or_else(|| damaged("it ends before its manifest".to_owned()))?;
        let (at, sha256) = sealed.ok_or_else(|| damaged("it ends before its digest".to_owned()))?;
        for (nth, kept) in manifest.files.iter().enumerate() {
            if found.get(nth) != Some(kept) {
                let name = &kept.name;
                return Err(damaged(format!("`{name}` is not what was saved")));
            }
        }
        if found.len() != manifest.files.len() {
            return Err(damaged("it holds files that it does not list".to_owned()));
        }
        if length.len() != at + END {
            return Err(damaged(format!(
                "it has {} bytes instead of {}",
                length.len(),
                at + END
            )));
        }
        let mut digest = Sha256::new();
        let rewound = file.seek(SeekFrom::Start(0));
        let hashed = rewound.and_then(|_| io::copy(&mut file.take(at), &mut digest));
        hashed.map_err(|e| damaged(e.to_string()))?;
        // What is behind the digest, which it cannot cover.
        let mut tail = Vec::new();
        let rest = file.seek(SeekFrom::Start(at + BLOCK));
        let rest = rest.and_then(|_| file.read_to_end(&mut tail));
        rest.map_err(|e| damaged(e.to_string()))?;
        let digest = hex(digest);
        let mut expected = format!("{digest}\n").into_bytes();
        expected.resize(usize::try_from(END - BLOCK).unwrap_or(0), 0);
        if digest != sha256 || tail != expected {
            return Err(damaged(
                "its bytes are not those that were written".to_owned(),
            ));
        }
        Ok(manifest)
    }

    fn unread(&self, source: io::Error) -> BackupError {
        BackupError::File {
            doing: "read",
            path: self.path.clone(),
            source,
        }
    }

    fn changed(&self, name: &str) -> BackupError {
        BackupError::Damaged {
            path: self.path.clone(),
            why: format!("`{name}` has changed since it was checked"),
        }
    }
}

/// The length and the digest of an entry.
fn hashed(entry: &mut impl Read) -> io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        let read = entry.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex(digest)));
        }
        digest.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// All of an entry that is short.
fn short(entry: &mut impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = entry.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|e| e.to_string())?;
    if bytes.len() as u64 > most {
        return Err("its manifest is too long".to_owned());
    }
    Ok(bytes)
}

const BUFFER: usize = 256 * 1024;
/// Most bytes of a manifest: those of some hundred thousand files.
const MANIFEST_MAX: u64 = 32 * 1024 * 1024;
const DIGEST_MAX: u64 = 128;
/// The bytes from where the entry of the digest begins to the end: its header, its block, and two that are empty.
const END: u64 = 4 * BLOCK;
/// What all of a tar archive is a multiple of, in bytes.
const BLOCK: u64 = 512;
