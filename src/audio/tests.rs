//! The library on real files: what goes in by any format, and what the PBX finds.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use tempfile::TempDir;

use super::*;

#[test]
fn wav_of_any_rate_width_and_channel_count_is_accepted() {
    let bench = Bench::new();
    for rate in [
        8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000,
    ] {
        bench.accepts(
            &bench.wav(spec(1, rate, 16, SampleFormat::Int), tone),
            rate,
            1,
        );
    }
    for bits in [8, 16, 24, 32] {
        bench.accepts(
            &bench.wav(spec(1, 16_000, bits, SampleFormat::Int), tone),
            16_000,
            1,
        );
    }
    bench.accepts(
        &bench.wav(spec(2, 48_000, 32, SampleFormat::Float), tone),
        48_000,
        2,
    );
    for channels in [2, 3, 6, 8] {
        bench.accepts(
            &bench.wav(spec(channels, 16_000, 16, SampleFormat::Int), tone),
            16_000,
            channels,
        );
    }
}

#[test]
fn every_accepted_format_gives_the_same_message() {
    let bench = Bench::new();
    for (file, format) in [
        ("tone.mp3", "MP3"),
        ("tone.flac", "FLAC"),
        ("tone.ogg", "OGG"),
        ("tone-ulaw.wav", "WAV"),
        ("tone-alaw.wav", "WAV"),
    ] {
        let prepared = bench.add(&fixture(file)).unwrap();
        let report = prepared.report.unwrap();
        assert_eq!(report.format, format, "{file}");
        assert!(
            report.audible_ms.abs_diff(1_200) <= 60,
            "{file}: {report:?}"
        );
        assert!(
            report.silence_before_ms.abs_diff(400) <= 80,
            "{file}: {report:?}"
        );
        assert!((report.lufs + 18.0).abs() < 0.11, "{file}: {report:?}");
        assert!(report.peak_db <= -2.0, "{file}: {report:?}");
        assert_eq!(report.source, file);
    }
}

#[test]
fn an_unfit_recording_is_refused_with_its_name_the_reason_and_a_remedy() {
    let bench = Bench::new();
    let text = bench.file("notes.txt", b"Dear customer, we tried to reach you.");
    let empty = bench.file("empty.wav", b"");
    let silent = bench.wav(spec(1, 8_000, 16, SampleFormat::Int), |_, _| 0.0);
    let short = bench.wav(spec(1, 8_000, 16, SampleFormat::Int), |t, c| {
        if t < 0.9 { tone(t, c) } else { 0.0 }
    });
    let zip = bench.file(
        "x.mp3",
        b"PK\x03\x04 and so on, long enough to be looked at",
    );
    let pipe = bench.dir.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let rows: Vec<(PathBuf, &str)> = vec![
        (text, "it is not audio"),
        (zip, "it is not audio"),
        (empty, "it is empty"),
        (silent, "it is silent"),
        (
            short,
            "only 910 ms of it are audible; a message has at least 1000 ms",
        ),
        (fixture("tone.opus"), "it is Opus, which is not accepted"),
        (
            fixture("hour.flac"),
            "it is more than 180.2 s long; the limit is 120 s",
        ),
        (bench.dir.path().to_owned(), "it is not a regular file"),
        (pipe, "it is not a regular file"),
        ("/dev/zero".into(), "it is not a regular file"),
        (
            bench.dir.path().join("none.wav"),
            "it cannot be read: No such file",
        ),
    ];
    for (file, words) in rows {
        let error = bench.add(&file).unwrap_err();
        let file = file.display().to_string();
        assert!(error.to_string().contains(&file), "{error}");
        let Error::Refused { why, .. } = &error else {
            panic!("{file}: {error}");
        };
        assert!(why.to_string().starts_with(words), "{file}: {why}");
        assert!(error.hint().is_some());
    }
    assert_eq!(bench.library.list().unwrap().len(), 0);
}

#[test]
fn a_wav_that_was_written_to_a_pipe_keeps_its_end() {
    let bench = Bench::new();
    let whole = bench.wav(spec(1, 8_000, 16, SampleFormat::Int), tone);
    let expected = bench.add(&whole).unwrap();
    let samples = bench.read("wav");
    for (riff, data) in [(u32::MAX, u32::MAX), (0, 0), (0x7FFF_F024, 0x7FFF_F000)] {
        let mut bytes = fs::read(&whole).unwrap();
        let at = bytes.windows(4).position(|w| w == b"data").unwrap() + 4;
        bytes[4..8].copy_from_slice(&riff.to_le_bytes());
        bytes[at..at + 4].copy_from_slice(&data.to_le_bytes());
        let got = bench.add(&bench.file("piped.wav", &bytes)).unwrap();
        assert_eq!(got.duration, expected.duration);
        assert!(
            bench.read("wav") == samples,
            "sizes {riff:#x} and {data:#x} change the message"
        );
    }
}

#[test]
fn a_recording_that_is_cut_off_is_refused() {
    let bench = Bench::new();
    let wav = bench.wav(spec(1, 8_000, 16, SampleFormat::Int), tone);
    for file in [
        wav,
        fixture("tone.flac"),
        fixture("tone.ogg"),
        fixture("tone.mp3"),
    ] {
        let bytes = fs::read(&file).unwrap();
        for keep in [30, 50, 90] {
            let name = format!("cut.{}", file.extension().unwrap().display());
            let cut = bench.file(&name, &bytes[..bytes.len() * keep / 100]);
            let Error::Refused { why, .. } = bench.add(&cut).unwrap_err() else {
                panic!("not refused");
            };
            let cut_off = matches!(why, Refusal::Truncated { .. } | Refusal::Damaged { .. });
            assert!(cut_off, "{keep} % of {}: {why}", file.display());
        }
    }
}

#[test]
fn recordings_chained_in_one_ogg_file_are_one_message() {
    let bench = Bench::new();
    let one = fs::read(fixture("tone.ogg")).unwrap();
    let chained = bench.file("chained.ogg", &[one.clone(), one].concat());
    let report = bench.add(&chained).unwrap().report.unwrap();
    assert!(report.source_ms.abs_diff(2 * 2_100) <= 20, "{report:?}");
    assert!(
        report.audible_ms.abs_diff(1_200 + 900 + 1_200) <= 60,
        "{report:?}"
    );
}

#[test]
fn damage_inside_a_recording_is_noticed() {
    let bench = Bench::new();
    for file in ["tone.flac", "tone.ogg"] {
        let mut bytes = fs::read(fixture(file)).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 40] {
            *byte ^= 0x5A;
        }
        let error = bench.add(&bench.file(file, &bytes)).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{file}: {error}");
    }
}

#[test]
fn samples_that_are_not_numbers_become_silence_and_are_reported() {
    let bench = Bench::new();
    let float = spec(1, 16_000, 32, SampleFormat::Float);
    let mut at = 0;
    let some = bench.wav(float, |t, c| {
        at += 1;
        match at % 1_000 {
            1 => f32::NAN,
            2 => f32::INFINITY,
            3 => -1e30,
            _ => tone(t, c),
        }
    });
    let report = bench.add(&some).unwrap().report.unwrap();
    assert!(
        report.changes.iter().any(|c| c.contains("not numbers")),
        "{report:?}"
    );
    assert!((report.lufs + 18.0).abs() < 0.11);

    let all = bench.wav(float, |_, _| f32::NAN);
    let error = bench.add(&all).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Refused {
                why: Refusal::Damaged { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn channels_that_cancel_each_other_out_are_not_mixed() {
    let bench = Bench::new();
    let stereo = spec(2, 16_000, 16, SampleFormat::Int);
    let opposed = bench.wav(stereo, |t, c| {
        if c == 0 {
            tone(t, 0)
        } else {
            -0.9 * tone(t, 0)
        }
    });
    let report = bench.add(&opposed).unwrap().report.unwrap();
    assert!(
        report.changes[0].starts_with("took channel 1 of 2 alone"),
        "{report:?}"
    );
    assert!(
        (report.lufs_before - report.lufs).abs() < 12.0,
        "{report:?}"
    );

    let right_only = bench.wav(stereo, |t, c| if c == 1 { tone(t, 0) } else { 0.0 });
    let report = bench.add(&right_only).unwrap().report.unwrap();
    assert_eq!(report.changes[0], "mixed 2 channels to one");

    let centre_of_six = bench.wav(spec(6, 16_000, 16, SampleFormat::Int), |t, c| {
        if c == 2 { tone(t, 0) } else { 0.0 }
    });
    let report = bench.add(&centre_of_six).unwrap().report.unwrap();
    assert_eq!(report.changes[0], "mixed 6 channels to one");
}

#[test]
fn the_limit_on_length_is_the_one_configured() {
    let bench = Bench::new();
    let file = bench.wav(spec(1, 8_000, 16, SampleFormat::Int), tone);
    let targets = Targets::new(Duration::from_millis(1_500), -18.0).unwrap();
    let name = "short".parse().unwrap();
    let error = bench
        .library
        .add(&name, &file, &targets, false, NOW)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Refused {
                why: Refusal::TooLong { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        Targets::new(Duration::from_secs(601), -18.0),
        Err(BadTargets::MaxLength)
    );
    assert_eq!(
        Targets::new(Duration::from_secs(60), f64::NAN),
        Err(BadTargets::Lufs)
    );
}

#[test]
fn a_message_is_added_listed_shown_and_removed() {
    let bench = Bench::new();
    let name: Name = "spring".parse().unwrap();
    assert!(bench.library.list().unwrap().is_empty());
    assert!(matches!(
        bench.library.show(&name),
        Err(Error::Missing { .. })
    ));
    let added = bench
        .library
        .add(&name, &fixture("tone.mp3"), &Targets::default(), false, NOW)
        .unwrap();
    assert_eq!(added.media, "sound:/pbx/sounds/spring");
    assert_eq!(
        added.report.as_ref().unwrap().prepared_at,
        "1970-01-01T00:00:00Z"
    );
    assert_eq!(bench.library.show(&name).unwrap(), added);
    let listed = bench.library.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(*listed[0].1.as_ref().unwrap(), added);
    assert_eq!(bench.files(), ["spring.json", "spring.wav", "spring.wav16"]);
    for file in bench.files() {
        let mode = fs::metadata(bench.library.dir().join(&file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o644, "{file}");
    }
    let mode = fs::metadata(bench.library.dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    bench.library.remove(&name).unwrap();
    assert!(bench.files().is_empty());
    assert!(matches!(
        bench.library.remove(&name),
        Err(Error::Missing { .. })
    ));
}

#[test]
fn a_message_is_replaced_only_when_asked() {
    let bench = Bench::new();
    let name: Name = "spring".parse().unwrap();
    let first = bench
        .library
        .add(&name, &fixture("tone.mp3"), &Targets::default(), false, NOW)
        .unwrap();
    let again = bench
        .library
        .add(&name, &fixture("tone.ogg"), &Targets::default(), false, NOW);
    assert!(matches!(again, Err(Error::Taken { .. })));
    assert_eq!(bench.library.show(&name).unwrap(), first);
    // A recording that is refused leaves what is there.
    let refused = bench
        .library
        .add(&name, &fixture("tone.opus"), &Targets::default(), true, NOW);
    assert!(matches!(refused, Err(Error::Refused { .. })));
    assert_eq!(bench.library.show(&name).unwrap(), first);
    let second = bench
        .library
        .add(&name, &fixture("tone.ogg"), &Targets::default(), true, NOW)
        .unwrap();
    assert_eq!(bench.library.show(&name).unwrap(), second);
    assert_eq!(bench.files(), ["spring.json", "spring.wav", "spring.wav16"]);
}

#[test]
fn of_two_that_add_one_name_at_once_one_wins() {
    let bench = Bench::new();
    let name: Name = "spring".parse().unwrap();
    let won = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let source = fixture("tone.ogg");
                    bench
                        .library
                        .add(&name, &source, &Targets::default(), false, NOW)
                        .is_ok()
                })
            })
            .collect();
        tries
            .into_iter()
            .map(|t| t.join().unwrap())
            .filter(|won| *won)
            .count()
    });
    assert_eq!(won, 1);
    assert!(bench.library.show(&name).is_ok());
    assert_eq!(bench.files().len(), 3);
}

#[test]
fn files_that_were_put_there_by_hand_or_half_replaced_are_reported() {
    let bench = Bench::new();
    let name: Name = "spring".parse().unwrap();
    let added = bench
        .library
        .add(&name, &fixture("tone.mp3"), &Targets::default(), false, NOW)
        .unwrap();
    let dir = bench.library.dir();
    // No report: the length still comes from the recording.
    fs::remove_file(dir.join("spring.json")).unwrap();
    let shown = bench.library.show(&name).unwrap();
    assert_eq!((shown.duration, shown.report), (added.duration, None));
    // A wideband recording of another message.
    fs::write(dir.join("spring.wav16"), write::wav(&[0; 16_000], 16_000)).unwrap();
    assert!(matches!(
        bench.library.show(&name),
        Err(Error::Broken { .. })
    ));
    fs::remove_file(dir.join("spring.wav16")).unwrap();
    // What Asterisk would not play.
    for bytes in [vec![], b"RIFF".to_vec(), write::wav(&[0; 8_000], 16_000)] {
        fs::write(dir.join("spring.wav"), bytes).unwrap();
        assert!(matches!(
            bench.library.show(&name),
            Err(Error::Broken { .. })
        ));
        assert_eq!(bench.library.list().unwrap().len(), 1);
    }
}

#[test]
fn a_message_of_one_drop_goes_with_it_and_those_of_dead_runs_are_found() {
    let bench = Bench::new();
    let dir = bench.library.dir();
    let source = fixture("tone.ogg");
    let once = |run, drop| {
        bench
            .library
            .prepare_once(run, drop, &source, &Targets::default(), NOW)
    };
    let message = once("alive", "0a1b").unwrap();
    assert_eq!(
        message.prepared().media,
        "sound:/pbx/sounds/once-alive-0a1b"
    );
    assert!(dir.join("once-alive-0a1b.wav16").exists());
    assert!(bench.library.list().unwrap().is_empty());
    // Killed: nothing runs its end.
    std::mem::forget(once("dead", "0c").unwrap());
    for file in [
        ".once-killed-0d.wav.AbC123.part",
        ".once-killed-0d.wav16.x.part",
    ] {
        fs::write(dir.join(file), "half").unwrap();
    }
    for file in [
        "once-.wav",
        "once-x.wav",
        "once-x-.wav",
        "once-X-1.wav",
        "once-x-1.txt",
        ".once-x-1.wav",
        "xonce-x-1.wav",
        ".once-x-1.part",
    ] {
        fs::write(dir.join(file), "not ours").unwrap();
    }
    let runs: Vec<_> = bench.library.leftovers().unwrap().into_iter().collect();
    assert_eq!(runs, ["alive", "dead", "killed"]);
    assert_eq!(bench.library.remove_leftovers("dead").unwrap(), 3);
    assert_eq!(bench.library.remove_leftovers("killed").unwrap(), 2);
    assert_eq!(bench.library.remove_leftovers("x").unwrap(), 0);
    assert!(dir.join("once-alive-0a1b.wav").exists());
    drop(message);
    assert!(bench.library.leftovers().unwrap().is_empty());
    assert_eq!(bench.files().len(), 8);
    for (run, drop) in [("", "1"), ("a-b", "1"), ("../x", "1"), ("a", "B")] {
        assert!(matches!(once(run, drop), Err(Error::Owner)));
    }
}

#[test]
fn clips_are_messages_in_folders_that_may_be_as_short_as_a_word() {
    let bench = Bench::new();
    let dir = bench.library.dir();
    let word = bench.wav(spec(1, 16_000, 16, SampleFormat::Int), |t, c| {
        if (0.5..0.8).contains(&t) {
            tone(t, c)
        } else {
            0.0
        }
    });
    let add = |name: &str, file: &Path| {
        let name = name.parse().unwrap();
        bench
            .library
            .add(&name, file, &Targets::default(), false, NOW)
    };
    // What is heard before it is kept is what is kept.
    let take = |name: &str| {
        let name = name.parse().unwrap();
        bench
            .library
            .prepare_take(("run", "1"), &name, &word, &Targets::default(), NOW)
    };
    let heard = take("names/ann").unwrap().prepared().duration;
    assert!(take("ann").is_err(), "a message has to be longer");
    let clip = add("names/ann", &word).unwrap();
    assert_eq!(clip.duration, heard);
    assert_eq!(
        (clip.name.as_str(), clip.media.as_str()),
        ("names/ann", "sound:/pbx/sounds/names/ann")
    );
    let report = clip.report.as_ref().unwrap();
    assert!(report.audible_ms.abs_diff(300) <= 20, "{report:?}");
    assert!((report.lufs + 18.0).abs() < 0.11, "{report:?}");
    assert!(matches!(
        add("ann", &word),
        Err(Error::Refused {
            why: Refusal::TooShort { .. },
            ..
        })
    ));
    assert!(matches!(add("names/ann", &word), Err(Error::Taken { .. })));
    let spring = add("spring", &fixture("tone.mp3")).unwrap();
    add("towns/rome", &word).unwrap();

    let name: Name = "names/ann".parse().unwrap();
    assert_eq!(bench.library.show(&name).unwrap(), clip);
    let samples = bench.library.samples(&clip).unwrap();
    assert_eq!(samples.len() as u128, clip.duration.as_millis() * 8);
    assert!(bench.library.samples(&spring).unwrap() != samples);
    let mode = fs::metadata(dir.join("names"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    // Folders that are not ours, and what is in them.
    for folder in [".hidden", "Upper", "once-x", "a b"] {
        fs::create_dir(dir.join(folder)).unwrap();
        fs::copy(dir.join("names/ann.wav"), dir.join(folder).join("ann.wav")).unwrap();
    }
    fs::create_dir(dir.join("names/deep")).unwrap();
    fs::copy(dir.join("names/ann.wav"), dir.join("names/deep/ann.wav")).unwrap();
    let listed: Vec<_> = bench.library.list().unwrap();
    let names: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["names/ann", "spring", "towns/rome"]);
    let folders: Vec<_> = bench.library.folders().unwrap().into_iter().collect();
    assert_eq!(folders, ["names", "towns"]);
    assert_eq!(bench.library.clips("names").unwrap().len(), 1);
    for none in ["none", "..", ".hidden", "Upper"] {
        assert!(bench.library.clips(none).unwrap().is_empty(), "{none}");
    }
    let files = bench.library.files_of(&name).unwrap();
    let files: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        files,
        ["names/ann.wav", "names/ann.wav16", "names/ann.json"]
    );

    let rome: Name = "towns/rome".parse().unwrap();
    fs::write(dir.join("towns/.rome.wav.AbC123.part"), "half").unwrap();
    bench.library.remove(&rome).unwrap();
    assert!(
        !dir.join("towns").exists(),
        "the last clip takes the folder along"
    );
    bench.library.remove(&name).unwrap();
    assert!(dir.join("names/deep").exists());
    assert!(matches!(
        bench.library.remove(&name),
        Err(Error::Missing { .. })
    ));
}

#[test]
fn the_folder_on_the_pbx_is_an_absolute_path_that_reads_as_one_sound() {
    for (dir, fits) in [
        ("/var/lib/asterisk/sounds/aftertone/", true),
        ("sounds", false),
        ("/a,b", false),
        ("/a&b", false),
        ("/a\nb", false),
    ] {
        assert_eq!(
            Library::new(Path::new("x"), Path::new(dir)).is_ok(),
            fits,
            "{dir:?}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let bench = Bench::new();
    let blocked = bench.file("blocked", b"a file where a folder should be");
    let library = Library::new(&blocked.join("sounds"), Path::new("/pbx")).unwrap();
    let name = "spring".parse().unwrap();
    let error = library
        .add(&name, &fixture("tone.ogg"), &Targets::default(), false, NOW)
        .unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(error.to_string().contains("blocked/sounds"), "{error}");
}

/// A folder with sources, and a library whose folder does not exist yet.
struct Bench {
    dir: TempDir,
    library: Library,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::new(&dir.path().join("sounds"), Path::new("/pbx/sounds")).unwrap();
        Self { dir, library }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Two seconds by `sample(seconds, channel)`.
    fn wav(&self, spec: WavSpec, mut sample: impl FnMut(f64, u16) -> f32) -> PathBuf {
        let count = fs::read_dir(self.dir.path()).unwrap().count();
        let path = self.dir.path().join(format!("source-{count}.wav"));
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for i in 0..2 * spec.sample_rate {
            for channel in 0..spec.channels {
                let value = sample(f64::from(i) / f64::from(spec.sample_rate), channel);
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value).unwrap(),
                    SampleFormat::Int => {
                        let full = f64::from(1_u32 << (spec.bits_per_sample - 1)) - 1.0;
                        writer
                            .write_sample((f64::from(value) * full) as i32)
                            .unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        path
    }

    fn add(&self, source: &Path) -> Result<Prepared, Error> {
        self.library.add(
            &"x".parse().unwrap(),
            source,
            &Targets::default(),
            true,
            NOW,
        )
    }

    fn accepts(&self, source: &Path, rate: u32, channels: u16) {
        let prepared = self.add(source).unwrap();
        let report = prepared.report.unwrap();
        assert_eq!(
            (report.source_rate_hz, report.source_channels),
            (rate, usize::from(channels))
        );
        assert!((report.lufs + 18.0).abs() < 0.11, "{report:?}");
        for (extension, rate) in [("wav", 8_000), ("wav16", 16_000)] {
            let reader =
                WavReader::open(self.library.dir().join(format!("x.{extension}"))).unwrap();
            assert_eq!(reader.spec(), spec(1, rate, 16, SampleFormat::Int));
            assert_eq!(reader.duration() % (rate / 50), 0);
            let length =
                Duration::from_micros(u64::from(reader.duration()) * 1_000_000 / u64::from(rate));
            assert_eq!(length, prepared.duration);
        }
        // Two seconds of sound, 100 ms before, 200 ms and at most one packet after.
        assert!(
            (2_300..=2_320).contains(&prepared.duration.as_millis()),
            "{:?}",
            prepared.duration
        );
    }

    fn read(&self, extension: &str) -> Vec<i16> {
        let path = self.library.dir().join(format!("x.{extension}"));
        WavReader::open(path)
            .unwrap()
            .into_samples()
            .map(|s| s.unwrap())
            .collect()
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = fs::read_dir(self.library.dir())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/audio")
        .join(name)
}

fn tone(seconds: f64, channel: u16) -> f32 {
    let hz = 440.0 + 110.0 * f64::from(channel);
    0.25 * (std::f64::consts::TAU * hz * seconds).sin() as f32
}

fn spec(
    channels: u16,
    sample_rate: u32,
    bits_per_sample: u16,
    sample_format: SampleFormat,
) -> WavSpec {
    WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format,
    }
}

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
