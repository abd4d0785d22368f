//! Whose the files are that root makes.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, lchown},
    path::Path,
};

use rustix::process::geteuid;

/// Gives what root has made in a folder to the owner of the folder: the service, another user, has to read and write there as well.
/// Of anybody else it stays.
pub(crate) fn give_to_owner_of(dir: &Path, made: &Path) {
    if !geteuid().is_root() {
        return;
    }
    if let Ok(owner) = fs::metadata(dir)
        && owner.uid() != 0
    {
        // A link that was put in its place leads nowhere for it. Where it fails, what uses the file says so.
        let _ = lchown(made, Some(owner.uid()), Some(owner.gid()));
    }
}

/// The same by the folder that it is in.
pub(crate) fn give_to_owner_of_folder(made: &Path) {
    let folder = made.parent().filter(|folder| *folder != Path::new(""));
    give_to_owner_of(folder.unwrap_or(Path::new(".")), made);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn what_root_makes_is_the_folder_s_owner_s_and_a_link_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (made, other) = (
            folder.path().join("made"),
            tempfile::NamedTempFile::new().unwrap(),
        );
        fs::write(&made, "x").unwrap();
        let own = fs::metadata(&made).unwrap().uid();
        if !geteuid().is_root() {
            give_to_owner_of_folder(&made);
            assert_eq!(fs::metadata(&made).unwrap().uid(), own);
            return;
        }
        chown(folder.path(), Some(4_711), Some(4_712)).unwrap();
        give_to_owner_of_folder(&made);
        let about = fs::metadata(&made).unwrap();
        assert_eq!((about.uid(), about.gid()), (4_711, 4_712));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(other.path(), &link).unwrap();
        give_to_owner_of_folder(&link);
        assert_eq!(fs::metadata(other.path()).unwrap().uid(), own);
    }
}
