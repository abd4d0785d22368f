//! A recogniser beside the calls: what it says counts, and whatever becomes of it, no call suffers.

use std::fs;

use super::*;

#[tokio::test]
async fn words_say_that_a_machine_records_nothing() {
    for (says, verdict) in [
        ("menu", "menu"),
        ("full", "menu"),
        ("screening", "screening"),
    ] {
        let program = listening(mailbox()).await;
        let ended = run_with(&program, &["", says, "4"]).await;
        program.assert_clean(says, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), "not_voicemail", "{says}: {json:#}");
        assert_eq!(json["verdict"], verdict, "{says}: {json:#}");
        let reasons = json["reasons"].to_string();
        assert!(reasons.contains("words"), "{says}: {reasons}");
        assert!(heard(&program).message.is_empty(), "{says}");
    }
}

/// A person who says as much in one breath as a short greeting, and waits: words alone must not make a mailbox of them.
#[tokio::test]
async fn words_alone_never_start_a_message() {
    for says in ["records", "beep_comes"] {
        let sound = [words(1, 3.0), silence(12.0)].concat();
        // One call, so that nothing else speaks for a mailbox: it was not diverted.
        let call = Script::mailbox().sounding(&sound).0.remove(1);
        let program = listening(Script(vec![call])).await;
        program.set("screening_timeout", "20s");
        program.set("ready_timeout", "20s");
        let mut command = with_words(&program, &["", says, "8"]);
        let child = command.args(["--technique", "single"]).spawn().unwrap();
        let ended = wait(child).await;
        program.assert_clean(says, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), "human", "{says}: {json:#}");
        let reasons = json["reasons"].to_string();
        assert!(reasons.contains("words heard"), "{says}: {reasons}");
        assert!(heard(&program).message.is_empty(), "{says}");
    }
}

#[tokio::test]
async fn a_recogniser_with_any_fault_is_in_the_way_of_no_call() {
    let rows = [
        ("refuses", "failed: it ended (exit status: 3)"),
        ("dies", "failed: it ended (exit status: 1)"),
        ("floods", "says something that is not of the protocol"),
        ("garbage", "says something that is not of the protocol"),
        ("stalls", ""),
        ("mute", ""),
    ];
    // One at a time: what a fault takes of the machine is its own, and no other call's.
    for (fault, told) in rows {
        let program = listening(mailbox()).await;
        let ended = run_with(&program, &[fault]).await;
        assert_delivered(&program, fault, &ended);
        let json = ended.json();
        let spoken = ended.spoken();
        let once = spoken.matches("not of the protocol").count() <= 1;
        let as_told = spoken.contains(told) && (!told.is_empty() || spoken.is_empty());
        let clean = !spoken.contains("2025550101");
        assert!(once && as_told && clean, "{fault}: {spoken}\n{json:#}");
    }
}

#[tokio::test]
async fn a_recogniser_that_is_not_there_is_in_the_way_of_no_call() {
    let program = listening(mailbox()).await;
    let mut command = listening_program(&program);
    command.env("AFTERTONE__SCREEN__WORDS__COMMAND", "/no/such/program");
    let ended = wait(command.spawn().unwrap()).await;
    assert_delivered(&program, "missing", &ended);
    let spoken = ended.spoken();
    assert!(spoken.contains("it cannot be started"), "{spoken}");
}

#[tokio::test]
async fn a_recogniser_ends_with_the_program_even_if_that_is_killed() {
    for signal in ["", "KILL"] {
        let program = listening(mailbox()).await;
        let mark = program.path("mark");
        let child = with_words(&program, &["", "person", "1", mark.to_str().unwrap()]);
        let child = { child }.spawn().unwrap();
        until_spoken(&program, Duration::from_millis(200)).await;
        assert!(!mark.exists(), "{signal}");
        if !signal.is_empty() {
            send_signal(signal, &child);
        }
        wait(child).await;
        let ended = program.fake.until("the recogniser's end", |_: &mut World| {
            mark.exists().then_some(())
        });
        let in_time = tokio::time::timeout(Duration::from_secs(5), ended).await;
        assert!(in_time.is_ok() || mark.exists(), "signal `{signal}`");
    }
}

/// The prompt is said, once; then the mailbox speaks, beeps and records.
#[tokio::test]
async fn a_call_screener_is_answered_and_the_mailbox_behind_it_gets_the_message() {
    let asks = [words(1, 1.5), silence(3.0)].concat();
    let takes = [words(2, 3.0), silence(0.4), beep(0.4), silence(4.0)].concat();
    let sound = [asks, takes];
    let program = listening(Script::mailbox().sounding(&sound.concat())).await;
    program.fake.with(|world| world.audio.live = true);
    program.set("screening_timeout", "20s");
    program.set("ready_timeout", "20s");
    let prompt = program.record("prompt.wav", 1_000);
    let added = program
        .run(&["message", "add", "who-calls", prompt.to_str().unwrap()])
        .await;
    assert_eq!(added.status, Some(0), "{added:?}");
    program.set("screening_prompt", "who-calls");
    program.set("when_screened", "say");
    let folder = program.path("evidence");
    let mut command = with_words(&program, &["", "screening", "4"]);
    command.env("AFTERTONE__EVIDENCE__DIR", &folder);
    let ended = wait(command.spawn().unwrap()).await;
    program.assert_clean("screened", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}\n{}", ended.stderr);
    assert!(
        has(&json, "prompt_started") && has(&json, "prompt_finished"),
        "{json:#}"
    );
    assert_eq!(json["ready_by"], "beep", "{json:#}");
    // The prompt of a second, and the message, each with what is audible of it.
    let spoken = heard(&program).spoken();
    // A machine under load starts a message again.
    let both = AUDIBLE + Duration::from_millis(940);
    assert!(spoken >= both, "{spoken:?}");

    // What was recognised is in the evidence, and the call can be heard again to the same result.
    let kept = fs::read_dir(&folder).unwrap().flatten();
    let mut kept = kept.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let kept = kept.next().unwrap().path();
    let page = fs::read_to_string(kept.join("drop.json")).unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    let phrase = &page["phrases"][0];
    assert_eq!(phrase["says"], "screening", "{phrase:#}");
    assert_eq!(phrase["text"], "so it said", "{phrase:#}");
    let explained = program.run(&["explain", kept.to_str().unwrap()]).await;
    assert_eq!(explained.status, Some(0), "{explained:?}");
    assert!(
        explained
            .stdout
            .contains("`so it said`: screening (4.0 nats)"),
        "{explained:?}"
    );
    assert!(
        explained.stdout.contains("the same as live"),
        "{explained:?}"
    );
}

#[tokio::test]
async fn what_is_to_be_said_has_to_be_there_before_anything_is_dialled() {
    let program = listening(mailbox()).await;
    let mut command = listening_program(&program);
    command.args(["--when-screened", "say"]);
    let ended = wait(command.spawn().unwrap()).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("set `drop.screening_prompt`"),
        "{ended:?}"
    );
    program.set("screening_prompt", "nothing-of-that-name");
    program.set("when_screened", "say");
    let ended = run(&program).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("nothing-of-that-name"), "{ended:?}");
    let dialled = program
        .fake
        .with(|world| count(world, Kind::Originate, None));
    assert_eq!(dialled, 0);
}

/// What the doctor says of it, in a word for each program.
#[tokio::test]
async fn the_doctor_tries_the_recogniser() {
    let program = listening(mailbox()).await;
    for (arguments, status) in [
        (&["perl", ""][..], "ok"),
        (&["perl", "refuses"], "fail"),
        (&["/no/such"], "fail"),
    ] {
        let mut command = program.command(&["doctor", "--json"]);
        command.env("AFTERTONE__SCREEN__MODE", "listen");
        let script = script();
        let words = match arguments {
            ["perl", fault] => format!("perl,{script},{fault}"),
            other => other.join(","),
        };
        command.env("AFTERTONE__SCREEN__WORDS__COMMAND", words);
        let ended = wait(command.spawn().unwrap()).await;
        let checks = ended.json();
        let checks = checks.as_array().unwrap();
        let check = checks.iter().find(|check| check["check"] == "words");
        assert_eq!(check.unwrap()["status"], status, "{arguments:?}: {ended:?}");
    }
}

/// `aftertone drop` that listens, with the recogniser of tests.
fn with_words(program: &Program, arguments: &[&str]) -> Command {
    let mut command = listening_program(program);
    let words = format!("perl,{},{}", script(), arguments.join(","));
    command.env("AFTERTONE__SCREEN__WORDS__COMMAND", words);
    command
}

async fn run_with(program: &Program, arguments: &[&str]) -> Ended {
    wait(with_words(program, arguments).spawn().unwrap()).await
}

fn script() -> String {
    format!("{}/tests/it/recogniser.pl", env!("CARGO_MANIFEST_DIR"))
}

/// The adapter that is shipped, a process of its own, and speech that is spoken by a program.
#[tokio::test]
async fn the_adapter_for_pocketsphinx_recognises_speech() {
    let rows = [
        (
            "Hi, if you record your name and reason for calling, I'll see if this person is available.",
            "screening",
            "a call screener",
        ),
        (
            "For English, press one. For Spanish, press two.",
            "menu",
            "a menu",
        ),
        // No beep follows, and words alone are not enough.
        (
            "Please leave your name and number after the tone, and I will call you back.",
            "human",
            "a tone comes",
        ),
        (
            "Good morning, Miller and Sons, how may I help you?",
            "human",
            "",
        ),
    ];
    for (text, verdict, reason) in rows {
        // The model takes a moment to load, and here nothing rings before the answer.
        let sound = [silence(6.5), spoken(text), silence(12.0)].concat();
        let call = Script::mailbox().sounding(&sound).0.remove(1);
        let program = listening(Script(vec![call])).await;
        program.fake.with(|world| world.audio.live = true);
        program.set("screening_timeout", "20s");
        program.set("ready_timeout", "20s");
        let mut command = listening_program(&program);
        command.args(["--technique", "single"]);
        command.env("AFTERTONE__SCREEN__WORDS__COMMAND", adapter());
        let ended = wait(command.spawn().unwrap()).await;
        program.assert_clean(text, &ended);
        let json = ended.json();
        assert_eq!(
            json["verdict"], verdict,
            "{text}: {json:#}\n{}",
            ended.stderr
        );
        let reasons = json["reasons"].to_string();
        assert!(reasons.contains(reason), "{text}: {reasons}");
        assert!(heard(&program).message.is_empty(), "{text}");
    }
}

/// The command of the adapter, in the environment that tests/setup.sh makes.
fn adapter() -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let home = std::env::var("HOME").unwrap();
    let cache = std::env::var("XDG_CACHE_HOME")
        .ok()
        .filter(|cache| !cache.is_empty());
    let cache = cache.unwrap_or_else(|| format!("{home}/.cache"));
    let python = format!("{cache}/aftertone/words/bin/python");
    assert!(
        fs::exists(&python).unwrap(),
        "the recogniser of words is not installed: tests/setup.sh words"
    );
    format!("{python},{root}/tools/words/pocketsphinx_words.py")
}

/// A text as espeak-ng reads it, as the telephone carries it.
fn spoken(text: &str) -> Vec<i16> {
    let script = "espeak-ng -v en-us+f2 -s 150 --stdout \"$1\" | sox -t wav - -t raw -r 8000 -c 1 -b 16 -e signed - gain -n -6";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", script, "sh", text]).output().unwrap();
    assert!(
        output.status.success() && !output.stdout.is_empty(),
        "{output:?}"
    );
    let pairs = output.stdout.as_chunks::<2>().0;
    pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}
