//! Whole messages of real recordings and real speech: how loud their parts are, how long they wait for each other, and that
//! nothing clicks between them.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use ebur128::{EbuR128, Mode};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use tempfile::TempDir;

use super::*;
use crate::audio::{LEAD, Refusal, SpeechSettings, TAIL};

#[tokio::test]
async fn parts_from_recordings_clips_and_speech_are_as_loud_as_each_other_and_follow_closely() {
    for command in [
        "espeak-ng --stdin -w {output}",
        "flite -f {text_file} -o {output}",
    ] {
        let bench = ComposeBench::new();
        // A soft recording with a lot of silence around it, a loud one, and a clip of a single word.
        bench.add(
            "intro",
            &bench.spoken("Good morning, this is Harbour Dental.", 0.05, 1.5),
        );
        bench.add(
            "outro",
            &bench.spoken("Please call us back. Goodbye.", 0.9, 0.4),
        );
        bench.add("names/ann", &bench.spoken("Ann", 0.2, 0.0));
        let composer = bench.composer(Some(command));
        let filled = fill(
            "intro + names/{name|there} + \"Your appointment is on {date}.\" + outro",
            &[("name", "Ann"), ("date", "Monday the third of May")],
        );
        let composed = composer.compose(&filled, "run1", NOW).await.unwrap();
        let joined = bench.read(&composed);
        check_form(&joined, &composed);
        for (samples, rate) in [(&joined.narrow, 8_000), (&joined.wide, 16_000)] {
            let parts = bench.parts(&composer, &filled, samples, rate).await;
            assert_eq!(parts.len(), 4);
            for (n, part) in parts.iter().enumerate() {
                let loudness = lufs(&samples[part.audible.clone()], rate);
                assert!(
                    (loudness + 18.0).abs() < 1.0,
                    "{command}, {rate} Hz, part {n}: {loudness:.1} LUFS"
                );
            }
            for pair in parts.windows(2) {
                let gap = (pair[1].audible.start - pair[0].audible.end) as f64 / f64::from(rate);
                assert!(
                    (0.119..=0.25).contains(&gap),
                    "{command}, {rate} Hz: {gap:.3} s"
                );
            }
            for part in &parts {
                for edge in [part.whole.start, part.whole.end - 1] {
                    let sample = samples[edge].unsigned_abs();
                    assert!(
                        sample < LOUD,
                        "{command}, {rate} Hz: a part begins or ends at {sample}"
                    );
                }
            }
            let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!(peak < 26_500, "{command}, {rate} Hz: a peak of {peak}");
        }
        assert_eq!(
            composed.left,
            [
                PartLeft::Prepared {
                    name: "intro".to_owned()
                },
                PartLeft::Clip {
                    name: "names/ann".to_owned()
                },
                PartLeft::Speech {
                    text: "Your appointment is on Monday the third of May.".to_owned(),
                    voice: String::new(),
                    program: command.split(' ').next().unwrap().to_owned(),
                },
                PartLeft::Prepared {
                    name: "outro".to_owned()
                },
            ]
        );
        let seen = format!("{composed:?}");
        assert!(!seen.contains("Monday") && !seen.contains("ann"), "{seen}");
    }
}

#[tokio::test]
async fn a_sound_that_begins_and_ends_at_full_level_does_not_click() {
    let bench = ComposeBench::new();
    let tone = |t: f64| (std::f64::consts::TAU * 440.0 * t).cos() * 0.7;
    bench.add("tones/a", &bench.wav("a.wav", 0.8, tone));
    bench.add("tones/b", &bench.wav("b.wav", 0.8, |t| tone(t) + 0.2));
    let composer = bench.composer(None);
    let composed = composer
        .compose(&fill("tones/a + tones/b", &[]), "run1", NOW)
        .await
        .unwrap();
    let joined = bench.read(&composed);
    check_form(&joined, &composed);
    // A step from silence to full level is nearly 1 of what the tone reaches.
    for (samples, most) in [(&joined.narrow, 0.45), (&joined.wide, 0.25)] {
        let step = loudest_step(samples);
        assert!(step < most, "a step of {step:.2}");
    }
}

#[tokio::test]
async fn the_clip_of_a_column_has_another_if_it_is_not_there() {
    let bench = ComposeBench::new();
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is your dentist.", 0.5, 0.2),
    );
    bench.add("names/ann", &bench.spoken("Ann", 0.5, 0.0));
    bench.add("names/there", &bench.spoken("there", 0.5, 0.0));
    let composer = bench.composer(None);
    let of = async |text: &str, name: &str| {
        let composed = composer
            .compose(&fill(text, &[("name", name)]), "run1", NOW)
            .await;
        composed.map(|composed| composed.left[1].clone())
    };
    let clip = |name: &str| PartLeft::Clip {
        name: name.to_owned(),
    };
    assert_eq!(
        of("intro + names/{name|there}", "Ann").await.unwrap(),
        clip("names/ann")
    );
    assert_eq!(
        of("intro + names/{name|there}", "Bob").await.unwrap(),
        clip("names/there")
    );
    let error = of("intro + names/{name}", "Bob").await.unwrap_err();
    assert!(
        matches!(&error, Error::Missing { name } if name.as_str() == "names/bob"),
        "{error}"
    );
    // One that is broken is not as good as one that is not there: somebody has to look.
    fs::write(
        bench.library.recording(&"names/ann".parse().unwrap()),
        "half",
    )
    .unwrap();
    let error = of("intro + names/{name|there}", "Ann").await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
}

#[tokio::test]
async fn the_files_of_a_message_go_with_its_last_clone_and_those_of_dead_runs_are_found() {
    let bench = ComposeBench::new();
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is Harbour Dental.", 0.5, 0.2),
    );
    let composer = bench.composer(None);
    let filled = fill("intro", &[]);
    let one = composer.compose(&filled, "run1", NOW).await.unwrap();
    // The same for another contact at the same time.
    let other = composer.compose(&filled, "run1", NOW).await.unwrap();
    assert_ne!(one.prepared.media, other.prepared.media);
    assert!(bench.read(&one).narrow == bench.read(&other).narrow);
    let clone = one.clone();
    drop(one);
    assert_eq!(bench.once().len(), 4);
    drop(clone);
    assert_eq!(bench.once().len(), 2);
    std::mem::forget(other);
    assert_eq!(
        bench
            .library
            .leftovers()
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>(),
        ["run1"]
    );
    assert_eq!(bench.library.remove_leftovers("run1").unwrap(), 2);
    assert!(bench.once().is_empty());
    assert!(matches!(
        composer.compose(&filled, "../x", NOW).await,
        Err(Error::Owner)
    ));

    let heard = composer.hear(&filled, NOW).await.unwrap();
    let heard = WavReader::new(&heard[..]).unwrap();
    assert_eq!(heard.spec(), spec(16_000));
    assert!(heard.duration() > 16_000);
    assert!(bench.once().is_empty());
}

#[tokio::test]
async fn a_recording_that_is_replaced_is_heard_in_the_next_message() {
    let bench = ComposeBench::new();
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is Harbour Dental.", 0.5, 0.2),
    );
    let composer = bench.composer(None);
    let filled = fill("intro + intro", &[]);
    let before = composer.hear(&filled, NOW).await.unwrap();
    assert!(composer.hear(&filled, NOW).await.unwrap() == before);
    bench.add(
        "intro",
        &bench.spoken("Good evening, this is somebody else.", 0.5, 0.2),
    );
    assert!(composer.hear(&filled, NOW).await.unwrap() != before);
}

#[tokio::test]
async fn a_message_that_is_too_long_or_too_short_is_refused() {
    let bench = ComposeBench::new();
    bench.add("names/ann", &bench.spoken("Ann", 0.5, 0.0));
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is Harbour Dental.", 0.5, 0.2),
    );
    let short = Composer::new(
        bench.library.clone(),
        Targets::new(Duration::from_secs(5), -18.0).unwrap(),
        None,
    );
    let error = short.hear(&fill("names/ann", &[]), NOW).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Composed {
                why: Refusal::TooShort { .. }
            }
        ),
        "{error}"
    );
    assert!(short.hear(&fill("intro", &[]), NOW).await.is_ok());
    for text in [
        "intro + intro + intro",
        "intro + intro + intro + intro + intro + intro",
    ] {
        let error = short.hear(&fill(text, &[]), NOW).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Composed {
                    why: Refusal::TooLong { .. }
                }
            ),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("max_length"), "{error}");
    }
}

#[tokio::test]
async fn a_recording_that_was_put_there_by_hand_for_ordinary_trunks_alone_is_a_part() {
    let bench = ComposeBench::new();
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is Harbour Dental.", 0.5, 0.2),
    );
    let composer = bench.composer(None);
    let whole = composer.hear(&fill("intro", &[]), NOW).await.unwrap();
    fs::remove_file(bench.library.dir().join("intro.wav16")).unwrap();
    let composer = bench.composer(None);
    let narrow = composer.hear(&fill("intro", &[]), NOW).await.unwrap();
    assert!(
        narrow.len().abs_diff(whole.len()) < 2 * 16_000 / 20,
        "{} {}",
        narrow.len(),
        whole.len()
    );
}

#[tokio::test]
async fn what_a_template_lacks_is_said_before_it_is_used() {
    let bench = ComposeBench::new();
    bench.add(
        "intro",
        &bench.spoken("Good morning, this is your dentist.", 0.5, 0.2),
    );
    bench.add("names/there", &bench.spoken("there", 0.5, 0.0));
    let (silent, speaks) = (
        bench.composer(None),
        bench.composer(Some("flite -f {text_file} -o {output}")),
    );
    let check = |composer: &Composer, text: &str| {
        composer.check(&text.parse().unwrap()).map_err(|error| {
            assert!(error.hint().is_some(), "{error}");
            error
        })
    };
    assert!(check(&silent, "intro + names/{name|there}").is_ok());
    assert!(check(&speaks, "intro + \"Hello {name}.\"").is_ok());
    assert!(matches!(
        check(&silent, "intro + outro"),
        Err(Error::Missing { .. })
    ));
    assert!(matches!(
        check(&silent, "names/{name|you}"),
        Err(Error::Missing { .. })
    ));
    assert!(
        matches!(check(&silent, "towns/{town}"), Err(Error::NoClips { folder }) if folder == "towns")
    );
    assert!(matches!(
        check(&silent, "\"Hello.\""),
        Err(Error::Speech(SpeechError::NoCommand))
    ));
    assert!(matches!(
        check(&speaks, "\"Hello.\"@cy"),
        Err(Error::Speech(SpeechError::NoVoice { .. }))
    ));
    let error = silent
        .hear(&fill("\"Hello there.\"", &[]), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Speech(SpeechError::NoCommand)),
        "{error}"
    );
}

#[test]
fn no_more_of_parts_is_kept_in_memory_than_may_be() {
    let mut known = KnownParts::default();
    let samples = (0..16_000 * 10).map(|i| (f64::from(i) * 0.1).sin() as f32 * 0.3);
    let part = Arc::new(SoundPart::new(samples.collect(), -18.0).unwrap());
    for n in 0..200 {
        let name: Name = format!("n{n}").parse().unwrap();
        known.keep(&name, (n, 0, 0, 0), &part);
        assert!(known.get(&name, (n, 0, 0, 0)).is_some());
        assert!(known.get(&name, (n, 1, 0, 0)).is_none());
        assert!(known.samples <= MOST_SAMPLES);
        assert_eq!(known.samples, known.parts.len() * part.len());
        known.keep(&name, (n, 2, 0, 0), &part);
        assert_eq!(known.samples, known.parts.len() * part.len());
    }
}

struct ComposeBench {
    dir: TempDir,
    library: Library,
}

impl ComposeBench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::new(&dir.path().join("sounds"), Path::new("/pbx")).unwrap();
        Self { dir, library }
    }

    fn composer(&self, command: Option<&str>) -> Composer {
        let speech = command.map(|command| {
            Speech::new(SpeechSettings {
                command: command.split(' ').map(str::to_owned).collect(),
                voice: String::new(),
                at_once: 2,
                timeout: Duration::from_secs(60),
                keep: SpeechSettings::KEEP,
            })
        });
        Composer::new(self.library.clone(), Targets::default(), speech)
    }

    fn add(&self, name: &str, source: &Path) {
        let name = name.parse().unwrap();
        self.library
            .add(&name, source, &Targets::default(), true, NOW)
            .unwrap();
    }

    /// A voice that says a text, at a share of its level, with so many seconds of silence around it.
    fn spoken(&self, text: &str, level: f64, silence: f64) -> PathBuf {
        let path = self.dir.path().join("spoken.wav");
        let said = Command::new("espeak-ng")
            .arg("-w")
            .arg(&path)
            .arg(text)
            .status();
        assert!(
            said.expect("espeak-ng is missing; install it: tests/setup.sh speech")
                .success()
        );
        let mut reader = WavReader::open(&path).unwrap();
        let (spec, samples): (_, Vec<i16>) = (
            reader.spec(),
            reader.samples().map(Result::unwrap).collect(),
        );
        let path = self.dir.path().join("source.wav");
        let mut writer = WavWriter::create(&path, spec).unwrap();
        let quiet = (silence * f64::from(spec.sample_rate)) as usize;
        let quiet = || std::iter::repeat_n(0, quiet);
        let sound = samples.iter().map(|s| (f64::from(*s) * level) as i16);
        for sample in quiet().chain(sound).chain(quiet()) {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        path
    }

    fn wav(&self, name: &str, seconds: f64, sample: impl Fn(f64) -> f64) -> PathBuf {
        let path = self.dir.path().join(name);
        let mut writer = WavWriter::create(&path, spec(16_000)).unwrap();
        for i in 0..(seconds * 16_000.0) as u32 {
            let value = sample(f64::from(i) / 16_000.0).clamp(-1.0, 1.0);
            writer.write_sample((value * 32_767.0) as i16).unwrap();
        }
        writer.finalize().unwrap();
        path
    }

    fn once(&self) -> Vec<String> {
        let files = fs::read_dir(self.library.dir()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("once-")).collect()
    }

    fn read(&self, composed: &Composed) -> Joined {
        let read = |extension: &str, rate| {
            let file = format!("{}.{extension}", composed.prepared.name);
            let reader = WavReader::open(self.library.dir().join(file)).unwrap();
            assert_eq!(reader.spec(), spec(rate));
            reader.into_samples().map(Result::unwrap).collect()
        };
        Joined {
            narrow: read("wav", 8_000),
            wide: read("wav16", 16_000),
        }
    }

    /// Where each part is in a message, whole and unchanged, and where its sound is: the samples before it, its sound, and
    /// those after.
    async fn parts(
        &self,
        composer: &Composer,
        filled: &Filled,
        samples: &[i16],
        rate: u32,
    ) -> Vec<FoundPart> {
        let mut found = Vec::new();
        let mut from = 0;
        for part in &filled.parts {
            let spoken = composer.speak(part, NOW).await.unwrap();
            let (sound, _) = composer.sound(part.clone(), spoken).unwrap();
            let (part, before, after) = sound.at(rate);
            let part: Vec<i16> = part.iter().map(|s| (s * 32_768.0).round() as i16).collect();
            let is_here = |at: &usize| {
                let pairs = samples[*at..].iter().zip(&part);
                pairs.clone().count() == part.len()
                    && pairs.clone().all(|(a, b)| a.abs_diff(*b) <= 1)
            };
            let at = (from..samples.len())
                .find(is_here)
                .expect("the part is there, as it was");
            found.push(FoundPart {
                whole: at..at + part.len(),
                audible: at + before..at + part.len() - after,
            });
            from = at + part.len();
        }
        found
    }
}

struct FoundPart {
    whole: Range<usize>,
    audible: Range<usize>,
}

/// As the PBX and the drop take it: both as long, a multiple of 20 ms, 100 ms before the first sound, 200 ms of silence.
fn check_form(joined: &Joined, composed: &Composed) {
    assert_eq!(joined.wide.len(), 2 * joined.narrow.len());
    assert_eq!(joined.narrow.len() % 160, 0);
    let length = Duration::from_micros(joined.narrow.len() as u64 * 125);
    assert_eq!(length, composed.prepared.duration);
    for (samples, rate) in [(&joined.narrow, 8_000), (&joined.wide, 16_000)] {
        let first = samples
            .iter()
            .position(|s| s.unsigned_abs() > LOUD)
            .unwrap();
        let lead = (LEAD.as_millis() as u32 * rate / 1_000) as usize;
        assert!(
            first.abs_diff(lead) < rate as usize / 40,
            "{first} at {rate} Hz"
        );
        let silent = samples.iter().rev().take_while(|s| **s == 0).count();
        assert!(
            silent >= (TAIL.as_millis() as u32 * rate / 1_000) as usize,
            "{silent}"
        );
        assert!(silent < rate as usize * 2 / 5, "{silent} at {rate} Hz");
    }
}

fn lufs(samples: &[i16], rate: u32) -> f64 {
    let mut meter = EbuR128::new(1, rate, Mode::I).unwrap();
    // A word alone is shorter than what is measured.
    for _ in 0..(2 * rate as usize).div_ceil(samples.len()) {
        meter.add_frames_i16(samples).unwrap();
    }
    meter.loudness_global().unwrap()
}

/// The greatest step from one sample to the next, as a share of the greatest sample.
fn loudest_step(samples: &[i16]) -> f64 {
    let steps = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    let most = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
    f64::from(steps.max().unwrap()) / f64::from(most)
}

fn fill(text: &str, columns: &[(&str, &str)]) -> Filled {
    let template: Template = text.parse().unwrap();
    let value = |column: &str| {
        let found = columns.iter().find(|(name, _)| *name == column);
        found.map(|(_, value)| (*value).to_owned())
    };
    template.fill(value).unwrap()
}

fn spec(sample_rate: u32) -> WavSpec {
    WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    }
}

/// What is clearly sound, 40 dB below full scale.
const LOUD: u16 = 328;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
