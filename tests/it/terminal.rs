//! The terminal that the program was started from is closed while calls are up.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::{
    fake::{
        World,
        fault::Kind,
        script::{Call, Playback, Script},
    },
    program::{Ended, Program, count, pbx, send_signal, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_signal_lets_drops_finish_however_often_it_comes() {
    for signals in [&["HUP"][..], &["HUP", "HUP", "HUP"], &["TERM", "HUP"]] {
        let program = program().await;
        let child = program.command(&RUN).spawn().unwrap();
        program.fake.until("a playback", playing).await;
        for signal in signals {
            send_signal(signal, &child);
        }
        let ended = wait(child).await;
        assert_eq!(ended.status, Some(1), "{signals:?}: {ended:?}");
        assert_drained(&program, &format!("{signals:?}: {ended:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_started_to_outlive_its_terminal_does() {
    let program = program().await;
    let line = format!(
        "trap '' HUP; exec {} {}",
        env!("CARGO_BIN_EXE_aftertone"),
        RUN.join(" ")
    );
    let mut command = Command::new("sh");
    command.current_dir(program.folder.path()).env_clear();
    command
        .args(["-c", &line])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn().unwrap();
    program.fake.until("a playback", playing).await;
    send_signal("HUP", &child);
    let ended = wait(child).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(status(&program).await["outcomes"]["delivered"], 4);
}

/// A real terminal: writing to it fails once it is closed, and what writes to it must not care.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_closes_lets_drops_finish() {
    let program = program().await;
    // As a shell does, it passes the signal on to its job; then it reports how that ended.
    let line = format!(
        "AFTERTONE_LOG=debug {} {} &\njob=$!\ntrap 'kill -HUP $job' HUP\nwait $job\nwait $job\necho $? > ended\n",
        env!("CARGO_BIN_EXE_aftertone"),
        RUN.join(" ")
    );
    fs::write(program.path("run.sh"), line).unwrap();
    let mut command = Command::new("script");
    command.current_dir(program.folder.path());
    command.args(["-qec", "sh run.sh", "/dev/null"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut terminal = command.kill_on_drop(true).spawn().unwrap();
    program.fake.until("a playback", playing).await;
    terminal.kill().await.unwrap();
    let ended = loop {
        // Each look takes its time, and no longer.
        status(&program).await;
        if let Ok(ended) = fs::read_to_string(program.path("ended"))
            && !ended.is_empty()
        {
            break ended;
        }
    };
    assert_eq!(ended, "1\n");
    assert_drained(&program, "a closed terminal").await;
}

#[tokio::test]
async fn a_hang_up_signal_cancels_a_single_drop_once() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    let line = [
        "drop",
        "+12025550101",
        "--message",
        "sound:hello-world",
        "--json",
    ];
    let child = program.command(&line).spawn().unwrap();
    let dialled = |world: &mut World| (count(world, Kind::Originate, None) > 0).then_some(());
    program.fake.until("a call", dialled).await;
    send_signal("HUP", &child);
    send_signal("HUP", &child);
    let ended: Ended = wait(child).await;
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("cancelled", Some(1)),
        "{ended:?}"
    );
    program.assert_clean("SIGHUP", &ended);
}

const RUN: [&str; 12] = [
    "campaign",
    "run",
    "leads.csv",
    "--message",
    "sound:promo",
    "--kind",
    "informational",
    "--in-flight",
    "2",
    "--technique",
    "single",
    "--retry=never",
];

/// Four contacts whose mailboxes take a message of a second and a half, two at a time.
async fn program() -> Program {
    let script = Script(vec![Call::mailbox()]);
    let script = script.playing(Playback::Whole(Duration::from_millis(1_500)));
    let program = Program::new(pbx(script)).await;
    let list = "phone\n+12025550101\n+12025550102\n+12025550103\n+12025550104\n";
    fs::write(program.path("leads.csv"), list).unwrap();
    program
}

/// What was called has its message, and the others wait.
async fn assert_drained(program: &Program, what: &str) {
    let called = program
        .fake
        .with(|world| count(world, Kind::Originate, None));
    let status = status(program).await;
    let outcomes = &status["outcomes"];
    assert_eq!(outcomes["delivered"], called, "{what}: {status}");
    assert_eq!(outcomes.as_object().unwrap().len(), 1, "{what}: {status}");
    assert!((1..4).contains(&called), "{what}: {called} of 4");
    let up = program.fake.with(|world| world.channels.len());
    assert_eq!(up, 0, "{what}: {}", program.fake.ladder());
}

async fn status(program: &Program) -> serde_json::Value {
    program
        .run(&["campaign", "status", "leads", "--json"])
        .await
        .json()
}

fn playing(world: &mut World) -> Option<()> {
    let mut log = world.log.iter();
    log.any(|entry| entry.is_event("PlaybackStarted"))
        .then_some(())
}
