//! Speech by programs that speak, and by scripts that fail as programs do.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn programs_speak_in_each_of_the_ways_that_they_have() {
    let bench = SpeechBench::new();
    for command in [
        "espeak-ng --stdin -w {output}",
        "espeak-ng -v {voice} -f {text_file} -w {output}",
        "espeak-ng --stdin --stdout",
        "flite -f {text_file} -o {output}",
        "flite -voice {voice} -f {text_file} -o {output}",
    ] {
        let voice = if command.starts_with("flite") {
            "slt"
        } else {
            "en-gb"
        };
        let speech = speech_by(command, voice);
        let heard = bench
            .say(&speech, &said("Your appointment is on Monday."))
            .await;
        let heard = heard.unwrap_or_else(|error| panic!("{command}: {}", chain(&error)));
        let seconds = heard.len() as f64 / 16_000.0;
        assert!((1.0..4.0).contains(&seconds), "{command}: {seconds} s");
        let trial = speech.trial().await.unwrap();
        assert!(
            trial.length > Duration::from_millis(100),
            "{command}: {trial:?}"
        );
    }
    // No place of a text, and each of the five had its own.
    assert_eq!(bench.files("fixed").len(), 5);
    assert!(bench.files("filled").is_empty());
}

#[tokio::test]
async fn what_was_said_once_is_not_said_again_and_two_who_ask_at_once_wait_for_one() {
    let bench = SpeechBench::new();
    let counting = bench.script(
        "count",
        "echo >>\"$COUNT\"; exec espeak-ng --stdin -w \"$1\"",
    );
    let speech = speech_by(&format!("{} {{output}}", counting.display()), "");
    let hello = said("Hello Ann.");
    let both = tokio::join!(bench.say(&speech, &hello), bench.say(&speech, &hello));
    assert!(both.0.unwrap() == both.1.unwrap());
    assert_eq!(bench.runs(), 1);
    // Another one of the same settings, as another request of the process has it.
    let again = Speech::new((*speech.settings).clone());
    bench.say(&again, &hello).await.unwrap();
    assert_eq!(bench.runs(), 1);
    bench.say(&speech, &said("Hello Bob.")).await.unwrap();
    assert_eq!(bench.runs(), 2);
    // Half a file is none.
    let kept = &bench.files("fixed")[0];
    let whole = fs::read(kept).unwrap();
    fs::write(kept, &whole[..whole.len() / 2]).unwrap();
    bench.say(&speech, &hello).await.unwrap();
    bench.say(&speech, &said("Hello Bob.")).await.unwrap();
    assert_eq!(bench.runs(), 3);
    assert!(fs::read(kept).unwrap() == whole);
}

#[tokio::test]
async fn no_more_commands_run_at_once_than_may() {
    let bench = SpeechBench::new();
    // Each notes how many are at work while it is.
    let noting = bench.script(
        "note",
        "cd \"$COUNT.d\"; : >$$; sleep 0.2; ls | wc -l >>../most; rm $$; exec espeak-ng --stdin -w \"$1\"",
    );
    fs::create_dir(bench.dir.path().join("told.d")).unwrap();
    let speech = speech_by(&format!("{} {{output}}", noting.display()), "");
    let texts: Vec<_> = (0..6).map(|n| said(&format!("Number {n}."))).collect();
    let all = texts.iter().map(|text| bench.say(&speech, text));
    for heard in futures::future::join_all(all).await {
        heard.unwrap();
    }
    let most = fs::read_to_string(bench.dir.path().join("most")).unwrap();
    let most: Vec<u32> = most
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert_eq!((most.len(), most.iter().max()), (6, Some(&2)), "{most:?}");
}

#[tokio::test]
async fn a_command_that_fails_says_how_and_nothing_of_the_person() {
    let bench = SpeechBench::new();
    let hour = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/audio/hour.flac"
    );
    let long = format!("cp {hour} \"$1\"");
    let rows = [
        (
            "fails",
            "echo starting >&2; echo \"no voice for Smith\" >&2; exit 3",
            "`fails` failed with status 3: no voice for …",
        ),
        (
            "silent",
            "exec espeak-ng -a 0 --stdin -w \"$1\"",
            "what `silent` made cannot be used: it is silent",
        ),
        (
            "text",
            "echo hello >\"$1\"",
            "what `text` made cannot be used: it is not audio (WAV, MP3, FLAC and OGG Vorbis are accepted)",
        ),
        ("nothing", "exit 0", "`nothing` has written nothing"),
        ("killed", "kill -9 $$", "`killed` was ended by signal 9"),
        (
            "long",
            &*long,
            "what `long` made cannot be used: it is more than 180.2 s long; the limit is 120 s",
        ),
        (
            "large",
            "exec head -c 100000000 /dev/zero >\"$1\"",
            "`large` was ended by signal 25",
        ),
    ];
    for (name, script, words) in rows {
        let script = bench.script(name, script);
        let speech = speech_by(&format!("{} {{output}}", script.display()), "");
        let error = bench
            .say(&speech, &said_personally("Dr. Smith"))
            .await
            .unwrap_err();
        assert!(
            chain(&error).starts_with(words),
            "{name}: {}",
            chain(&error)
        );
        assert!(!chain(&error).contains("Smith"), "{}", chain(&error));
        assert!(!error.hint().is_empty());
    }
    let endless = bench.script("endless", "exec cat /dev/zero");
    let speech = speech_by(&endless.display().to_string(), "");
    let error = bench.say(&speech, &said("Hello.")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`endless` made cannot be used: it is 67 MB large"),
        "{error}"
    );
    let missing = speech_by("/nowhere/piper -o {output}", "");
    let error = bench.say(&missing, &said("Hello.")).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "`piper` cannot be started: No such file or directory (os error 2)"
    );
    assert!(bench.files("fixed").is_empty() && bench.files("filled").is_empty());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_that_it_has_started() {
    let bench = SpeechBench::new();
    let slow = bench.script("slow", "sleep 600 & echo $! >\"$COUNT\"; wait");
    let settings = SpeechSettings {
        timeout: Duration::from_millis(500),
        ..(*speech_by(&format!("{} {{output}}", slow.display()), "").settings).clone()
    };
    let speech = Speech::new(settings);
    let error = bench.say(&speech, &said("Hello.")).await.unwrap_err();
    assert_eq!(error.to_string(), "`slow` was not done after 0.5 s");
    bench.child_is_gone().await;

    // And one for whom nobody waits any more.
    fs::remove_file(bench.dir.path().join("told")).unwrap();
    let settings = SpeechSettings {
        timeout: Duration::from_secs(300),
        ..(*speech.settings).clone()
    };
    let speech = Speech::new(settings);
    let hello = said("Hello.");
    tokio::select! {
        _ = bench.say(&speech, &hello) => panic!("it ended"),
        () = bench.child_is_there() => {}
    }
    bench.child_is_gone().await;
    // Whoever asks next has its turn.
    let speech = speech_by("espeak-ng --stdin -w {output}", "");
    bench.say(&speech, &hello).await.unwrap();
}

#[tokio::test]
async fn what_a_command_leaves_running_neither_keeps_its_speech_back_nor_lives_on() {
    for (name, left, spoken) in [
        ("complains", "sleep 600 &", "espeak-ng --stdin -w \"$1\""),
        ("speaks", "sleep 600 &", "espeak-ng --stdin --stdout"),
        (
            "quiet",
            "sleep 600 >/dev/null 2>&1 &",
            "espeak-ng --stdin -w \"$1\"",
        ),
    ] {
        let bench = SpeechBench::new();
        let script = format!("{left} echo $! >\"$COUNT\"; exec {spoken}");
        let script = bench.script(name, &script);
        let output = if spoken.contains("$1") {
            " {output}"
        } else {
            ""
        };
        let speech = speech_by(&format!("{}{output}", script.display()), "");
        let heard = bench.say(&speech, &said("Hello Ann.")).await;
        let heard = heard.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert!(heard.len() > 4_000, "{name}: {} samples", heard.len());
        bench.child_is_gone().await;
    }
}

#[tokio::test]
async fn speech_is_kept_as_long_as_it_is_used_and_that_of_people_is_forgotten_at_once() {
    let bench = SpeechBench::new();
    let speech = speech_by("espeak-ng --stdin -w {output}", "");
    let (hello, ann) = (said("Hello."), said_personally("Hello Ann."));
    bench.say_at(&speech, &hello, NOW).await.unwrap();
    bench.say_at(&speech, &ann, NOW).await.unwrap();
    assert_eq!(
        (bench.files("fixed").len(), bench.files("filled").len()),
        (1, 1)
    );
    for folder in [".speech", ".speech/fixed", ".speech/filled"] {
        let about = fs::metadata(bench.library.dir().join(folder)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o700, "{folder}");
    }
    // The files are as old as the machine says; their use is at the time that is given.
    let kept = fs::metadata(&bench.files("fixed")[0]).unwrap();
    let now = kept.modified().unwrap();
    let day = Duration::from_secs(86_400);
    bench.say_at(&speech, &hello, now + 20 * day).await.unwrap();
    assert_eq!(
        bench
            .library
            .unused_speech(30 * day, now + 31 * day)
            .unwrap(),
        1
    );
    assert_eq!(
        bench
            .library
            .prune_speech(30 * day, now + 31 * day)
            .unwrap(),
        1
    );
    assert_eq!(
        (bench.files("fixed").len(), bench.files("filled").len()),
        (1, 0)
    );
    assert_eq!(
        bench
            .library
            .prune_speech(30 * day, now + 51 * day)
            .unwrap(),
        1
    );

    bench.say_at(&speech, &hello, now).await.unwrap();
    bench.say_at(&speech, &ann, now).await.unwrap();
    // What a command has left that died with us, and what one works in at this moment.
    let filled = bench.library.dir().join(".speech/filled");
    fs::create_dir(filled.join(".work-dead")).unwrap();
    fs::write(filled.join(".work-dead/text"), "Ann").unwrap();
    assert_eq!(bench.library.forget_speech(now).unwrap(), 1);
    assert!(filled.join(".work-dead").exists());
    assert_eq!(
        bench
            .library
            .forget_speech(now + 2 * Duration::from_secs(3_600))
            .unwrap(),
        1
    );
    assert!(!filled.join(".work-dead").exists());
    assert_eq!(bench.files("fixed").len(), 1);
    assert_eq!(bench.library.forget_speech(now).unwrap(), 0);
    assert!(bench.library.list().unwrap().is_empty());
}

#[test]
fn of_more_speech_than_may_be_kept_the_longest_unused_goes() {
    let bench = SpeechBench::new();
    for (hours, file) in [
        (3, "fixed/a.wav16"),
        (1, "filled/b.wav16"),
        (2, "fixed/c.wav16"),
    ] {
        let path = bench.library.dir().join(".speech").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = fs::File::create(path).unwrap();
        // It takes no room: nothing is written to it.
        file.set_len(400_000_000).unwrap();
        file.set_modified(NOW + Duration::from_secs(3_600) * (10 - hours))
            .unwrap();
    }
    let (day, now) = (
        Duration::from_secs(86_400),
        NOW + Duration::from_secs(36_000),
    );
    assert_eq!(bench.library.prune_speech(day, now).unwrap(), 1);
    let left = [bench.files("fixed"), bench.files("filled")].concat();
    let left: Vec<_> = left.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(left, ["c.wav16", "b.wav16"]);
    assert_eq!(bench.library.prune_speech(day, now).unwrap(), 0);
}

#[tokio::test]
async fn speech_that_cannot_be_kept_is_made_anew() {
    let bench = SpeechBench::new();
    fs::create_dir_all(bench.library.dir()).unwrap();
    fs::write(
        bench.library.dir().join(".speech"),
        "a file where a folder should be",
    )
    .unwrap();
    let counting = bench.script(
        "count",
        "echo >>\"$COUNT\"; exec espeak-ng --stdin -w \"$1\"",
    );
    let speech = speech_by(&format!("{} {{output}}", counting.display()), "");
    for runs in [1, 2] {
        bench.say(&speech, &said("Hello.")).await.unwrap();
        assert_eq!(bench.runs(), runs);
    }
}

#[tokio::test]
async fn a_voice_is_for_commands_that_take_one() {
    let bench = SpeechBench::new();
    let mut welsh = said("Hello there.");
    welsh.voice = Some("cy".to_owned());
    let error = bench
        .say(&speech_by("espeak-ng --stdin -w {output}", ""), &welsh)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the voice `cy`"), "{error}");
    let takes = speech_by("espeak-ng -v {voice} --stdin -w {output}", "en");
    let own = bench.say(&takes, &welsh).await.unwrap();
    let usual = bench.say(&takes, &said("Hello there.")).await.unwrap();
    assert!(own != usual);
    assert_eq!(takes.voice(Some("cy")), "cy");
    assert_eq!((takes.voice(None), takes.program()), ("en", "espeak-ng"));
    // What stands for something else in a voice or a text does not stand for it.
    let mut odd = said("{output} {voice}");
    odd.voice = Some("nowhere".to_owned());
    let error = bench.say(&takes, &odd).await.unwrap_err();
    assert!(
        error.to_string().contains("`espeak-ng` failed with status"),
        "{error}"
    );
}

/// A library, and scripts that are told by `COUNT` where to leave word.
struct SpeechBench {
    dir: TempDir,
    library: Library,
}

impl SpeechBench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::new(&dir.path().join("sounds"), Path::new("/pbx")).unwrap();
        Self { dir, library }
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let count = self.dir.path().join("told");
        fs::write(
            &path,
            format!("#!/bin/sh\nCOUNT={}\n{text}\n", count.display()),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    async fn say(&self, speech: &Speech, text: &SaidText) -> Result<Vec<f32>, SpeechError> {
        self.say_at(speech, text, NOW).await
    }

    async fn say_at(
        &self,
        speech: &Speech,
        text: &SaidText,
        now: SystemTime,
    ) -> Result<Vec<f32>, SpeechError> {
        speech
            .say(text, &self.library, Duration::from_secs(120), now)
            .await
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.dir.path().join("told"))
            .unwrap()
            .lines()
            .count()
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let dir = self.library.dir().join(".speech").join(kind);
        let Ok(entries) = fs::read_dir(dir) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The process that the script has started, once it says so.
    async fn child_is_there(&self) {
        let file = self.dir.path().join("told");
        while !fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn child_is_gone(&self) {
        let pid = fs::read_to_string(self.dir.path().join("told")).unwrap();
        let status = PathBuf::from("/proc").join(pid.trim()).join("status");
        let gone = async {
            // A dead one may wait for somebody to ask how it ended.
            while fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
        assert!(gone.is_ok(), "process {pid} lives on");
    }
}

fn speech_by(command: &str, voice: &str) -> Speech {
    Speech::new(SpeechSettings {
        command: command.split(' ').map(str::to_owned).collect(),
        voice: voice.to_owned(),
        at_once: 2,
        timeout: Duration::from_secs(60),
        keep: SpeechSettings::KEEP,
    })
}

fn said(text: &str) -> SaidText {
    SaidText {
        text: text.to_owned(),
        voice: None,
        is_personal: false,
    }
}

fn said_personally(text: &str) -> SaidText {
    SaidText {
        is_personal: true,
        ..said(text)
    }
}

fn chain(error: &SpeechError) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
