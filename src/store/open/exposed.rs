//! Files of a database that others on this machine can read.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{DatabaseAddress, copy::copies_of};

/// A file of the database, or its folder, and what its mode lets others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedFile {
    /// The file or the folder.
    pub path: PathBuf,
    /// Its mode, without the kind of file.
    pub mode: u32,
    /// Whether it is the folder, which others can change.
    pub is_folder: bool,
}

impl DatabaseAddress {
    /// The files of an SQLite database, with its copies, whose mode lets its group or others read or write them, and the
    /// folder if they can put another file there. Always empty of PostgreSQL.
    pub fn exposed(&self) -> Vec<ExposedFile> {
        let Self::Sqlite(path) = self else {
            return Vec::new();
        };
        let beside = |suffix: &str| {
            let mut name = OsString::from(path);
            name.push(suffix);
            PathBuf::from(name)
        };
        let mut files = vec![
            path.clone(),
            beside("-wal"),
            beside("-shm"),
            beside("-journal"),
        ];
        files.extend(copies_of(path));
        let files = files
            .into_iter()
            .map(|path| (path, OTHERS_READ_OR_WRITE, false));
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let all = files.chain([(folder, OTHERS_WRITE, true)]);
        all.filter_map(|(path, forbidden, is_folder)| {
            let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
            // In a folder such as /tmp nobody changes what belongs to another.
            let is_sticky = is_folder && mode & STICKY != 0;
            (mode & forbidden != 0 && !is_sticky).then_some(ExposedFile {
                path,
                mode,
                is_folder,
            })
        })
        .collect()
    }
}

const OTHERS_READ_OR_WRITE: u32 = 0o066;
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn what_others_can_read_or_replace_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aftertone.db");
        let place = DatabaseAddress::Sqlite(path.clone());
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(place.exposed(), []);
        let wal = folder.path().join("aftertone.db-wal");
        let copy = folder.path().join("aftertone.db.before-0002");
        for file in [&path, &wal, &copy] {
            fs::write(file, "").unwrap();
            mode(file, 0o600);
        }
        mode(folder.path(), 0o755);
        assert_eq!(place.exposed(), []);
        for (file, given) in [(&path, 0o640), (&wal, 0o604), (&copy, 0o620)] {
            mode(file, given);
            let exposed = ExposedFile {
                path: file.clone(),
                mode: given,
                is_folder: false,
            };
            assert_eq!(place.exposed(), [exposed], "{given:o}");
            mode(file, 0o600);
        }
        mode(folder.path(), 0o775);
        assert!(place.exposed()[0].is_folder);
        mode(folder.path(), 0o1777);
        assert_eq!(place.exposed(), []);
    }
}
