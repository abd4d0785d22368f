use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;
use crate::audio::Library;

#[test]
fn what_goes_in_comes_out_and_the_file_is_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(folder.path());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["backup.tar", "sounds"]);

    let backup = Backup::check(&path, 22).unwrap();
    let manifest = backup.manifest();
    let files: Vec<_> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        files,
        [
            "aftertone.db",
            "messages/names/ann.wav",
            "messages/spring.wav"
        ]
    );
    assert_eq!((manifest.messages(), manifest.schema), (2, 22));
    let to = folder.path().join("out.db");
    backup.unpack_database(&to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), database());
    let library = library(&folder.path().join("other"));
    backup.compare_messages(&library).unwrap();
    assert_eq!(backup.put_messages_back(&library).unwrap().len(), 2);
    for file in ["spring.wav", "names/ann.wav"] {
        assert_eq!(
            fs::read(library.dir().join(file)).unwrap(),
            fs::read(folder.path().join("sounds").join(file)).unwrap()
        );
    }
    let mode = fs::metadata(library.dir().join("names"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755, "the PBX can enter");
    assert!(!library.dir().join(".speech").exists());
    // What is there with the same bytes stays, and another is not overwritten.
    assert_eq!(backup.put_messages_back(&library).unwrap().len(), 0);
    fs::write(library.dir().join("spring.wav"), "other").unwrap();
    let refused = backup.compare_messages(&library).unwrap_err();
    assert!(
        matches!(refused, BackupError::OtherMessage { .. }),
        "{refused}"
    );
    assert!(backup.put_messages_back(&library).is_err());
}

#[test]
fn every_byte_that_is_changed_or_missing_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(make(folder.path())).unwrap();
    let path = folder.path().join("changed.tar");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Backup::check(&path, 22).err()
    };
    assert!(refused(&whole).is_none());
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        assert!(refused(&bytes).is_some(), "byte {at}");
        if at % 21 == 0 {
            assert!(refused(&whole[..at]).is_some(), "the first {at} bytes");
        }
    }
    let mut longer = whole;
    longer.extend([0; 512]);
    assert!(refused(&longer).is_some());
}

#[test]
fn what_is_no_backup_or_a_later_ones_is_refused_with_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(folder.path());
    let shown = folder.path().display().to_string();
    let words = |path: &Path, newest| {
        let error = Backup::check(path, newest).unwrap_err();
        error.to_string().replace(&shown, "DIR")
    };
    insta::assert_snapshot!(words(&path, 21), @"the backup `DIR/backup.tar` was made by a later version: its database has schema 22, of aftertone 0.1.0; this program has schema 21");
    let other = folder.path().join("other");
    fs::write(&other, "").unwrap();
    insta::assert_snapshot!(words(&other, 22), @"`DIR/other` is not a backup of this program: it holds no database");
    fs::write(&other, database()).unwrap();
    assert!(words(&other, 22).contains("is not a backup of this program"));
    let whole = fs::read(&path).unwrap();
    fs::write(&other, &whole[..whole.len() / 2]).unwrap();
    assert!(words(&other, 22).contains("is damaged or was changed"));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    tar.append_data(&mut header, "etc/passwd", &b"no"[..])
        .unwrap();
    fs::write(&other, tar.into_inner().unwrap()).unwrap();
    insta::assert_snapshot!(words(&other, 22), @"`DIR/other` is not a backup of this program: `etc/passwd` does not belong there");
}

#[test]
fn nothing_is_overwritten_and_nothing_half_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.tar");
    // Left by one that was killed.
    fs::write(folder.path().join("backup.tar.part"), "half").unwrap();
    fs::write(folder.path().join("backup.tar.part-db"), "half").unwrap();
    let begun = NewBackup::begin(&path).unwrap();
    let other = NewBackup::begin(&path).unwrap_err();
    assert!(matches!(other, BackupError::Busy { .. }), "{other}");
    // Without a database it fails.
    let library = library(&folder.path().join("sounds"));
    assert!(begun.keep(about(), &library).is_err());
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );

    make(folder.path());
    let taken = NewBackup::begin(&path).unwrap_err();
    assert!(matches!(taken, BackupError::Taken { .. }), "{taken}");
    let other = NewBackup::begin(&folder.path().join("no/backup.tar")).unwrap_err();
    assert!(matches!(other, BackupError::File { .. }), "{other}");
}

/// A backup of a database and of one message.
fn make(folder: &Path) -> PathBuf {
    let path = folder.join("backup.tar");
    let sounds = folder.join("sounds");
    fs::create_dir_all(&sounds).unwrap();
    let wav = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(sounds.join("spring.wav"), wav).unwrap();
    for nth in 0..160 {
        wav.write_sample(nth).unwrap();
    }
    wav.finalize().unwrap();
    fs::create_dir_all(sounds.join("names")).unwrap();
    fs::copy(sounds.join("spring.wav"), sounds.join("names/ann.wav")).unwrap();
    // What was spoken is made again.
    fs::create_dir_all(sounds.join(".speech/filled")).unwrap();
    fs::write(sounds.join(".speech/filled/0123.wav16"), "x").unwrap();
    let backup = NewBackup::begin(&path).unwrap();
    fs::write(backup.database(), database()).unwrap();
    backup.keep(about(), &library(&sounds)).unwrap();
    path
}

fn library(folder: &Path) -> Library {
    Library::new(folder, Path::new("/sounds")).unwrap()
}

fn about() -> BackupManifest {
    BackupManifest {
        aftertone_backup: BackupManifest::FORMAT,
        aftertone: "0.1.0".to_owned(),
        schema: 22,
        taken_at: "2026-12-01T10:00:00Z".parse().unwrap(),
        instance: "aftertone".to_owned(),
        files: Vec::new(),
    }
}

fn database() -> Vec<u8> {
    (0..3_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
