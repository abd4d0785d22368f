//! A first configuration file, written and read by the program.

use std::{fs, os::unix::fs::MetadataExt as _, process::Stdio};

use tokio::io::AsyncWriteExt as _;

use crate::{
    fake::Settings,
    program::{Ended, Program, wait},
};

const GIVEN: [&str; 4] = [
    "--endpoint",
    "PJSIP/{number}@carrier",
    "--caller-id",
    "+12025550100",
];

/// `aftertone init`, with a password on stdin.
async fn init(program: &Program, more: &[&str]) -> Ended {
    let file = program.path("etc/aftertone.toml").display().to_string();
    let url = program.fake.url();
    let password_file = ["--password-stdin"];
    let first = ["init", "--config", &file, "--url", &url];
    let arguments = [&first[..], &GIVEN, &password_file, more].concat();
    let mut child = program
        .command(&arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program was built for this test");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // It may have refused before it reads.
    let _ = stdin.write_all(b"pass:word\n").await;
    drop(stdin);
    wait(child).await
}

#[tokio::test]
async fn a_file_is_written_with_its_password_in_another_and_never_over_one_that_is_there() {
    let program = Program::new(Settings::default()).await;
    let ended = init(&program, &["--no-doctor"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("ari-password"), "{ended:?}");
    let text = fs::read_to_string(program.path("etc/aftertone.toml")).unwrap();
    assert!(!text.contains("pass:word"), "{text}");
    let secret = program.path("etc/ari-password");
    assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);

    fs::write(program.path("etc/aftertone.toml"), "mine").unwrap();
    let ended = init(&program, &["--no-doctor"]).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`--force`"), "{ended:?}");
    let kept = fs::read_to_string(program.path("etc/aftertone.toml")).unwrap();
    assert_eq!(kept, "mine");

    let ended = init(&program, &["--no-doctor", "--force"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let again = fs::read_to_string(program.path("etc/aftertone.toml")).unwrap();
    assert_eq!(again, text);
}

#[tokio::test]
async fn the_doctor_runs_with_the_file_that_was_written() {
    let program = Program::new(Settings {
        password: "another".into(),
        ..Settings::default()
    })
    .await;
    let ended = init(&program, &[]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("FAIL credentials"), "{ended:?}");
}
