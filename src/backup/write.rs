//! Writing a backup.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufWriter, Read as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest as _, Sha256};
use tar::{Builder, Header};

use super::{BackupError, BackupFile, BackupManifest, DATABASE, DIGEST, MANIFEST, MESSAGES, hex};
use crate::audio::Library;

/// A backup that is being made. What is there of it goes with the value, unless it was kept.
#[derive(Debug)]
pub struct NewBackup {
    path: PathBuf,
    part: PathBuf,
    database: PathBuf,
    /// Locked as long as it is written.
    file: File,
}

impl NewBackup {
    /// Begins a backup that will have this name; what a killed process left of one goes.
    ///
    /// # Errors
    /// [`BackupError::Taken`] if the name is in use, [`BackupError::Busy`], [`BackupError::File`].
    pub fn begin(path: &Path) -> Result<Self, BackupError> {
        let (part, database) = parts(path);
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::Taken {
                path: path.to_owned(),
            });
        }
        let failed = |source| BackupError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&part).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BackupError::Busy {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        let this = Self {
            path: path.to_owned(),
            part,
            database,
            file,
        };
        remove(&this.database).map_err(failed)?;
        Ok(this)
    }

    /// Where the copy of the database belongs before it is packed.
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Removes what there is of a backup of this name that was not kept: the program is about to end.
    pub fn abandon(path: &Path) {
        let (part, database) = parts(path);
        // What cannot be removed goes when the next one begins.
        let _ = remove(&part);
        let _ = remove(&database);
    }

    /// Packs the copy of the database, and the messages as they are now, and gives the file its name once it is whole and on
    /// the disk. What `about` says of files is filled in.
    ///
    /// # Errors
    /// [`BackupError`]; there is no file of this name then.
    pub fn keep(
        self,
        about: BackupManifest,
        library: &Library,
    ) -> Result<BackupManifest, BackupError> {
        let manifest = self.pack(about, library)?;
        let failed = |source| self.failed("write", source);
        self.file.sync_all().map_err(failed)?;
        match place(&self.part, &self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Taken {
                    path: self.path.clone(),
                });
            }
            Err(error) => return Err(failed(error)),
        }
        sync_folder(&self.path).map_err(failed)?;
        Ok(manifest)
    }

    fn pack(
        &self,
        about: BackupManifest,
        library: &Library,
    ) -> Result<BackupManifest, BackupError> {
        let failed = |source| self.failed("write", source);
        let mut manifest = BackupManifest {
            files: Vec::new(),
            ..about
        };
        let seconds = u64::try_from(manifest.taken_at.as_second()).unwrap_or(0);
        let mut archive = Archive {
            tar: Builder::new(Hashing {
                out: BufWriter::with_capacity(BUFFER, &self.file),
                digest: Sha256::new(),
            }),
            seconds,
        };
        let database = self.add_database(&mut archive)?;
        manifest.files.push(database);
        for (name, shown) in library.list()? {
            // One whose files are broken is no message; it is said when it is to be played.
            if shown.is_err() {
                continue;
            }
            let files = match library.files_of(&name) {
                Ok(files) => files,
                // Removed since it was listed.
                Err(crate::audio::Error::Missing { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            for file in files {
                let name = format!("{MESSAGES}{}", file.name);
                archive.add(&name, &file.bytes).map_err(failed)?;
                manifest.files.push(BackupFile {
                    name,
                    bytes: file.bytes.len() as u64,
                    sha256: hex(Sha256::new_with_prefix(&file.bytes)),
                });
            }
        }
        let json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from);
        archive
            .add(MANIFEST, &json.map_err(failed)?)
            .map_err(failed)?;
        archive.end().map_err(failed)?;
        Ok(manifest)
    }

    fn add_database(&self, archive: &mut Archive<'_>) -> Result<BackupFile, BackupError> {
        let mut database = File::open(&self.database).map_err(|e| self.failed("read", e))?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        let mut bytes = 0;
        loop {
            let read = database.read(&mut buffer);
            let read = read.map_err(|e| self.failed("read", e))?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
            bytes += read as u64;
        }
        let database = File::open(&self.database).map_err(|e| self.failed("read", e))?;
        let mut header = archive.header(bytes);
        let added = archive
            .tar
            .append_data(&mut header, DATABASE, database.take(bytes));
        added.map_err(|e| self.failed("write", e))?;
        Ok(BackupFile {
            name: DATABASE.to_owned(),
            bytes,
            sha256: hex(digest),
        })
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> BackupError {
        BackupError::File {
            doing,
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for NewBackup {
    fn drop(&mut self) {
        Self::abandon(&self.path);
    }
}

/// The archive as it is written.
struct Archive<'a> {
    tar: Builder<Hashing<BufWriter<&'a File>>>,
    /// The time of its files, in seconds since 1970.
    seconds: u64,
}

impl Archive<'_> {
    fn header(&self, bytes: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        header
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = self.header(bytes.len() as u64);
        self.tar.append_data(&mut header, name, bytes)
    }

    /// Adds the digest of all that was written so far, and the end.
    fn end(mut self) -> io::Result<()> {
        let digest = hex(self.tar.get_ref().digest.clone());
        self.add(DIGEST, format!("{digest}\n").as_bytes())?;
        self.tar.into_inner()?.flush()
    }
}

/// Hashes what goes through it.
struct Hashing<W> {
    out: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Gives a file its name, which must not be in use.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // A file system that cannot do both in one.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a rename last through a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What a backup is called while it is made, and the copy of the database.
fn parts(path: &Path) -> (PathBuf, PathBuf) {
    let named = |more: &str| {
        let mut name = OsString::from(path);
        name.push(more);
        PathBuf::from(name)
    };
    (named(".part"), named(".part-db"))
}

const BUFFER: usize = 256 * 1024;
