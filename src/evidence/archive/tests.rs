use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use super::*;
use crate::{
    evidence::RecordedCue,
    id::Play,
    screen::{self, Amd, Call, Ears, Heard, Hint, HintSays, HintSource, RATE, Settings},
    words::ReadyBy,
};

#[test]
fn a_drop_that_was_kept_is_heard_again_to_the_same_result() {
    let (dir, archive) = archive();
    let live = live(&archive, DropId::from_u128(7));
    let path = live
        .folder
        .keep(&ended(), "a title", Some(&live.message), at(0))
        .unwrap();
    assert_eq!(
        path.file_name().unwrap(),
        "20261123T160000Z-00000000000000000000000000000007"
    );
    assert_eq!(path.parent(), Some(dir.path()));
    let mut files: Vec<_> = names(&path);
    files.sort();
    assert_eq!(files, [MANIFEST, INCOMING, MESSAGE, PICTURE, PLAYED]);
    assert_eq!(mode(&path), 0o700);
    for file in files {
        assert_eq!(mode(&path.join(&file)), 0o600, "{file}");
    }

    let kept = EvidenceReader::read(&path).unwrap();
    assert_eq!(kept.word("outcome"), "delivered");
    assert!(kept.notes().is_empty(), "{:?}", kept.notes());
    let sound = kept.sound().unwrap();
    assert_eq!(sound.samples(), live.incoming);
    assert_eq!(sound.differences(&sound.again()), [""; 0]);
    assert!(sound.again().heard.len() > 4);
    assert_eq!(
        sound.plays(),
        [(live.played, screen::At(live.played.0 + 16_000))]
    );

    let played = wav(&path.join(PLAYED));
    assert_eq!(played.len(), live.incoming.len());
    let (before, rest) = played.split_at(live.played.0 as usize);
    assert!(before.iter().all(|sample| *sample == 0));
    assert_eq!(rest[..16_000], live.message);
    assert!(rest[16_000..].iter().all(|sample| *sample == 0));
    assert_eq!(wav(&path.join(MESSAGE)), live.message);
}

#[test]
fn what_was_heard_otherwise_live_is_listed() {
    let (_dir, archive) = archive();
    let live = live(&archive, DropId::from_u128(7));
    let path = live
        .folder
        .keep(&ended(), "", Some(&live.message), at(0))
        .unwrap();
    let change = |path: &Path, change: &dyn Fn(&mut Value)| {
        let mut page: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        change(&mut page);
        fs::write(path, page.to_string()).unwrap();
    };
    let differences = || {
        let kept = EvidenceReader::read(&path).unwrap();
        let sound = kept.sound().unwrap();
        sound.differences(&sound.again())
    };
    assert!(differences().is_empty());
    let manifest = path.join(MANIFEST);
    let whole = fs::read(&manifest).unwrap();
    let changes: [&dyn Fn(&mut Value); 4] = [
        &|page| page["heard"][0]["from"] = json!(1),
        &|page| drop(page["heard"].as_array_mut().unwrap().pop()),
        &|page| page["settings"]["beep_guard"] = json!(0.5),
        // The message's start is a cue like any other: without it the beep would be a second one.
        &|page| {
            page["cues"]
                .as_array_mut()
                .unwrap()
                .retain(|cue| cue["cue"] != "playing")
        },
    ];
    for (n, changed) in changes.into_iter().enumerate() {
        change(&manifest, changed);
        assert!(!differences().is_empty(), "change {n}");
        fs::write(&manifest, &whole).unwrap();
    }
    assert!(differences().is_empty());
}

#[test]
fn what_is_not_evidence_or_damaged_is_refused_with_the_reason() {
    let (_dir, archive) = archive();
    let live = live(&archive, DropId::from_u128(7));
    let path = live.folder.keep(&ended(), "", None, at(0)).unwrap();
    let manifest = path.join(MANIFEST);
    let whole: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let told = |page: &str| {
        fs::write(&manifest, page).unwrap();
        EvidenceReader::read(&path).unwrap_err().to_string()
    };
    let with = |key: &str, value: Value| {
        let mut page = whole.clone();
        page[key] = value;
        page.to_string()
    };
    let newer = told(&with("evidence_format", json!(2)));
    assert!(
        newer.contains("has the format 2, and this program reads 1"),
        "{newer}"
    );
    assert!(EvidenceReader::is_at(&path), "it is evidence all the same");
    for page in [
        "",
        "[1]",
        r#"{"outcome":"delivered"}"#,
        r#"{"evidence_format":"1"}"#,
    ] {
        let words = told(page);
        assert!(words.contains("is not evidence of this program"), "{words}");
        assert!(!EvidenceReader::is_at(&path), "{page}");
    }
    for (key, value, words) in [
        ("cues", json!(3), "is damaged"),
        (
            "audio",
            json!({"samples": 7, "complete": true}),
            "names 7 samples",
        ),
        (
            "settings",
            json!({"beep_guard": -1.0}),
            "not a value of `beep_guard`",
        ),
        ("settings", json!({"luck": 1.0}), "no setting `luck`"),
    ] {
        let told = told(&with(key, value));
        assert!(told.contains(words), "{told}");
    }
    told_of_sound(&path, &whole);
}

fn told_of_sound(path: &Path, whole: &Value) {
    fs::write(path.join(MANIFEST), whole.to_string()).unwrap();
    fs::write(path.join(INCOMING), "RIFF").unwrap();
    assert!(EvidenceReader::read(path).is_err());
    fs::remove_file(path.join(INCOMING)).unwrap();
    let told = EvidenceReader::read(path).unwrap_err().to_string();
    assert!(told.contains("cannot read"), "{told}");
}

#[test]
fn a_call_without_ears_has_a_manifest_that_says_so() {
    let (_dir, archive) = archive();
    let mut folder = archive.begin(DropId::from_u128(7), at(0)).unwrap();
    drop(folder.recorder());
    let path = folder.keep(&ended(), "", Some(&[1; 160]), at(0)).unwrap();
    assert_eq!(names(&path), [MANIFEST]);
    let kept = EvidenceReader::read(&path).unwrap();
    assert!(kept.sound().is_none());
    assert!(kept.notes()[0].contains("no sound"), "{:?}", kept.notes());
}

#[test]
fn a_sound_of_the_pbx_is_silence_in_what_was_played_and_that_is_said() {
    let (_dir, archive) = archive();
    let live = live(&archive, DropId::from_u128(7));
    let path = live.folder.keep(&ended(), "", None, at(0)).unwrap();
    let played = wav(&path.join(PLAYED));
    assert_eq!(played, vec![0; live.incoming.len()]);
    assert!(!path.join(MESSAGE).exists());
    let kept = EvidenceReader::read(&path).unwrap();
    assert!(kept.notes()[0].contains("played.wav is silent"));
    assert_eq!(kept.sound().unwrap().plays().len(), 1);
}

#[test]
fn a_live_audio_that_was_lost_is_kept_until_then_and_said() {
    let (_dir, archive) = archive();
    for (samples, words) in [
        (1_000, "the live audio ended before the drop: gone"),
        (0, "there is no sound of this call: gone"),
    ] {
        let mut folder = archive.begin(DropId::generate(), at(0)).unwrap();
        let mut recorder = folder.recorder().unwrap();
        if samples > 0 {
            recorder.sound(&vec![1; samples]);
        }
        recorder.end(Settings::default(), Some("gone".into()));
        let path = folder.keep(&ended(), "", None, at(0)).unwrap();
        let kept = EvidenceReader::read(&path).unwrap();
        assert_eq!(kept.notes(), [words]);
        let kept = kept.sound().map_or(0, |sound| sound.samples().len());
        assert_eq!(kept, samples);
    }
}

#[test]
fn a_disk_that_fails_leaves_nothing_half_done() {
    let (dir, archive) = archive();
    let mut folder = archive.begin(DropId::from_u128(7), at(0)).unwrap();
    // Its place is taken, so that the writer cannot make it.
    fs::create_dir(folder.partial.join(INCOMING)).unwrap();
    let mut recorder = folder.recorder().unwrap();
    for _ in 0..1_000 {
        recorder.sound(&[1; 160]);
    }
    recorder.end(Settings::default(), None);
    let error = folder.keep(&ended(), "", None, at(0)).unwrap_err();
    assert!(error.to_string().contains("could not be kept"), "{error}");
    assert_eq!(names(dir.path()), [LOCK]);
}

#[test]
fn a_folder_in_which_nothing_can_be_kept_is_reported_before_anything_is_dialled() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.as_path(), &file.join("below"), Path::new("/proc/none")] {
        let error = Archive::open(path, LIMITS, at(0)).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("cannot keep evidence in"), "{told}");
    }
}

#[test]
fn what_a_dead_process_left_half_done_goes_and_what_a_living_one_does_stays() {
    let (dir, archive) = archive();
    let living = archive.begin(DropId::from_u128(1), at(0)).unwrap();
    let dead = dir
        .path()
        .join(".partial-20261123T160000Z-00000000000000000000000000000002");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join(INCOMING), "RIFF").unwrap();
    let others = [".partial-notes", ".partial-20261123T160000Z-7", "partial"];
    for other in others {
        fs::create_dir(dir.path().join(other)).unwrap();
    }
    open(dir.path(), LIMITS, 0);
    assert!(!dead.exists());
    assert!(living.partial.exists());
    for other in others {
        assert!(dir.path().join(other).exists(), "{other}");
    }
    let partial = living.partial.clone();
    drop(living);
    assert!(!partial.exists(), "what is not kept is not left");
}

#[test]
fn old_evidence_goes_and_nothing_else_does() {
    let (dir, archive) = archive();
    let kept = |drop, seconds| {
        let folder = archive.begin(DropId::from_u128(drop), at(seconds)).unwrap();
        folder.keep(&ended(), "", None, at(seconds)).unwrap()
    };
    let old = kept(1, 0);
    let with_notes = kept(2, 1);
    fs::write(with_notes.join("notes.txt"), "mine").unwrap();
    let young = kept(3, 1_000);
    let path = |name: &str| dir.path().join(name);
    // Each resembles ours, and is not.
    let named = "20201123T160000Z-0000000000000000000000000000000";
    let foreign = [
        path("photos"),
        path(&format!("{named}1")),
        path(&format!("{named}2")),
        path(&format!("{named}G")),
        path(&format!("20201323T160000Z-{}", "0".repeat(32))),
    ];
    for foreign in &foreign {
        fs::create_dir(foreign).unwrap();
    }
    fs::write(foreign[2].join(MANIFEST), r#"{"outcome":"delivered"}"#).unwrap();
    fs::copy(old.join(MANIFEST), foreign[3].join(MANIFEST)).unwrap();
    fs::copy(old.join(MANIFEST), foreign[4].join(MANIFEST)).unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::copy(old.join(MANIFEST), outside.path().join(MANIFEST)).unwrap();
    symlink(outside.path(), path(&format!("{named}5"))).unwrap();

    let limits = RetentionLimits {
        max_age: Some(Duration::from_secs(500)),
        ..LIMITS
    };
    open(dir.path(), limits, 1_001);
    assert!(!old.exists());
    assert_eq!(names(&with_notes), ["notes.txt"]);
    assert!(young.exists());
    for foreign in &foreign {
        assert!(foreign.exists(), "{foreign:?}");
    }
    assert!(outside.path().join(MANIFEST).exists());
}

#[test]
fn what_was_just_kept_stays_however_little_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RetentionLimits {
        max_size: 0,
        ..LIMITS
    };
    let archive = open(dir.path(), limits, 0);
    for drop in 1..=3 {
        let folder = archive
            .begin(DropId::from_u128(drop), at(drop as u64))
            .unwrap();
        let path = folder.keep(&ended(), "", None, at(drop as u64)).unwrap();
        let there = Path::new(path.file_name().unwrap());
        let mut names = names(dir.path());
        names.retain(|name| name != LOCK);
        assert_eq!(names, [there.to_str().unwrap()]);
    }
}

#[test]
fn any_number_of_processes_may_keep_evidence_in_one_folder() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RetentionLimits {
        // Room for a few of the forty.
        max_size: 100_000,
        ..LIMITS
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dir = dir.path();
            scope.spawn(move || {
                for n in 0..10 {
                    let archive = open(dir, limits, n);
                    let id = DropId::from_u128(u128::from(thread * 100 + n));
                    let mut folder = archive.begin(id, at(n)).unwrap();
                    let mut recorder = folder.recorder().unwrap();
                    recorder.sound(&[1; 2_000]);
                    recorder.end(Settings::default(), None);
                    folder.keep(&ended(), "", None, at(n)).unwrap();
                }
            });
        }
    });
    let left = names(dir.path());
    assert!(
        left.iter().all(|name| !name.starts_with(PARTIAL)),
        "{left:?}"
    );
    assert!(left.len() > 1);
}

const LIMITS: RetentionLimits = RetentionLimits {
    max_age: None,
    max_size: 1_000_000_000,
};

fn archive() -> (tempfile::TempDir, Archive) {
    let dir = tempfile::tempdir().unwrap();
    let archive = open(dir.path(), LIMITS, 0);
    (dir, archive)
}

fn open(dir: &Path, limits: RetentionLimits, seconds: u64) -> Archive {
    Archive::open(dir, limits, at(seconds)).unwrap()
}

/// A drop that was listened to.
struct Live {
    folder: Folder,
    incoming: Vec<i16>,
    message: Vec<i16>,
    played: screen::At,
}

/// A drop to a mailbox that greets, waits and beeps, as the listener hears it: in frames, with the message some odd time after
/// the ready point.
fn live(archive: &Archive, drop: DropId) -> Live {
    let mut folder = archive.begin(drop, at(0)).unwrap();
    let mut recorder = folder.recorder().unwrap();
    let mut ears = Ears::new(Settings::default());
    let incoming = mailbox();
    let message: Vec<i16> = (0..16_000).map(|n| (n % 400 - 200) as i16).collect();
    let echo = screen::Message::new(&message);
    let call = Call {
        alerted: Some(0.98),
        other_rang: true,
    };
    recorder.cue(RecordedCue::Call(call));
    ears.note_call(call);
    let hint = Hint {
        source: HintSource::Prompt,
        says: HintSays::Records {
            // Later than it comes, so that its guard stays whole.
            beep_in: Some(9.0),
        },
        nats: 4.5,
        detail: 12,
    };
    let mut ready = None;
    let mut played = None;
    for (n, frame) in incoming.chunks(133).enumerate() {
        if n == 91 {
            recorder.cue(RecordedCue::Amd(Amd::Machine));
            ears.note_amd(Amd::Machine);
            recorder.cue(RecordedCue::Hint(hint));
            ears.note_hint(hint);
        }
        if ready.is_some_and(|ready| n >= ready + 3) && played.is_none() {
            recorder.cue(RecordedCue::Playing(Play(1)));
            ears.playing(Some(echo.clone()));
            played = Some(ears.now());
        }
        recorder.sound(frame);
        ears.hear(frame, &mut |heard| {
            if let Heard::Ready { by, .. } = heard {
                assert_eq!(by, ReadyBy::Beep);
                ready = Some(n);
            }
            recorder.heard(&heard);
        });
    }
    recorder.cue(RecordedCue::Stopped(Play(1)));
    recorder.end(Settings::default(), None);
    Live {
        folder,
        incoming,
        message,
        played: played.unwrap(),
    }
}

/// Harmonics for 2 s, quiet for 1 s, a beep, quiet, and another beep while the message plays.
fn mailbox() -> Vec<i16> {
    let tone = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / RATE as f64).sin();
    (0..8 * RATE)
        .map(|n| match n {
            4_000..20_000 => {
                let loud = 1.0 + (std::f64::consts::TAU * 4.0 * n as f64 / RATE as f64).sin();
                (1..20).map(|h| tone(n, 130.0 * f64::from(h))).sum::<f64>() * loud * 400.0
            }
            28_000..31_200 | 48_000..51_200 => tone(n, 1_000.0) * 8_000.0,
            _ => 0.0,
        } as i16)
        .collect()
}

fn ended() -> Value {
    json!({"drop": "00000000000000000000000000000007", "number": "+1202•••0101", "outcome": "delivered", "proof": "proven"})
}

fn at(seconds: u64) -> SystemTime {
    let start: Timestamp = "2026-11-23T16:00:00Z".parse().unwrap();
    SystemTime::from(start) + Duration::from_secs(seconds)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn wav(path: &Path) -> Vec<i16> {
    let mut wav = hound::WavReader::open(path).unwrap();
    wav.samples().collect::<Result<_, _>>().unwrap()
}
