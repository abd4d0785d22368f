//! Evidence from the program's front door: where it is kept, and what becomes of the drop if it cannot be.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;

use crate::{
    fake::{fault::Kind, script::Script},
    program::{NUMBER, Program, count, pbx, wait},
};

#[tokio::test]
async fn nothing_is_dialled_if_evidence_cannot_be_kept() {
    let program = Program::new(pbx(Script::mailbox())).await;
    fs::write(program.path("file"), "").unwrap();
    let ended = program.drop(&["--evidence", "file"]).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("error: cannot keep evidence in file"),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("hint: make file writable"),
        "{ended:?}"
    );
    let dialled = program
        .fake
        .with(|world| count(world, Kind::Originate, None));
    assert_eq!(dialled, 0, "{ended:?}");
}

#[tokio::test]
async fn an_account_is_kept_without_the_number_unless_it_is_asked_for() {
    let program = Program::new(pbx(Script::mailbox())).await;
    for (more, number) in [(None, "+1202•••0101"), (Some("--full-number"), NUMBER)] {
        let arguments: Vec<&str> = ["--evidence", "kept"].into_iter().chain(more).collect();
        let ended = program.drop(&arguments).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let json = ended.json();
        let folder = json["evidence"].as_str().unwrap();
        assert!(!folder.contains("2025550101"), "{folder}");
        let account = fs::read_to_string(Path::new(folder).join("drop.json")).unwrap();
        let account: Value = serde_json::from_str(&account).unwrap();
        assert_eq!(account["number"], number);
        assert_eq!(account["outcome"], "delivered");
        assert!(account["audio"].is_null());
    }
}

#[tokio::test]
async fn evidence_that_fails_on_the_way_stops_no_drop_and_is_said() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let dir = program.path("kept");
    let arguments = [
        "drop",
        NUMBER,
        "--message",
        "sound:hello-world",
        "--json",
        "--evidence",
        "kept",
    ];
    let program = program.command(&arguments).spawn().unwrap();
    let partial = loop {
        let found = fs::read_dir(&dir).into_iter().flatten().find_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.starts_with(".partial-").then_some(name)
        });
        match found {
            Some(name) => break dir.join(name),
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    fs::remove_dir_all(partial).unwrap();
    let ended = wait(program).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["outcome"], "delivered");
    assert_eq!(json.get("evidence"), Some(&Value::Null), "{json:#}");
    let words = json["evidence_words"].as_str().unwrap();
    assert!(words.contains("could not be kept in"), "{words}");
    assert!(
        ended.stderr.contains(&format!("warning: {words}")),
        "{ended:?}"
    );
}
