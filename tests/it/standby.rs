//! A hot standby of PostgreSQL: what only shows works there, and what writes is refused with words.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use crate::{
    base::OwnServer,
    fake::script::Script,
    program::{NUMBER, Program, pbx},
};

const LIST: &str = "phone,name,state,consent,consent_at,consent_source\n\
                    +12025550101,Ann,DC,written,2026-03-01,web form\n\
                    +13055550102,Bob,FL,written,2026-03-01,web form\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_standby_shows_everything_and_takes_nothing() {
    let server = OwnServer::up("test-primary");
    let program = Program::new(pbx(Script::mailbox())).await;
    fs::write(program.path("leads.csv"), LIST).unwrap();
    at(&program, &server.url);
    let run = [
        "campaign",
        "run",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
    ];
    let run = program.run(&run).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let waits = [
        "campaign",
        "create",
        "later",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
    ];
    let waits = program.run(&waits).await;
    assert_eq!(waits.status, Some(0), "{waits:?}");
    let barred = program.run(&["dnc", "add", "+13055550109"]).await;
    assert_eq!(barred.status, Some(0), "{barred:?}");

    let standby = server.standby();
    standby.follow(&server).await;
    at(&program, &standby.url);
    let shows: [(&[&str], &str); 10] = [
        (&["campaign", "status"], "2 contacts: 2 ended"),
        (
            &["campaign", "status", "leads", "--json"],
            "\"delivered\":2",
        ),
        (&["campaign", "results", "leads"], "delivered"),
        (&["campaign", "results", "leads", "--summary"], "delivered"),
        (&["campaign", "simulate", "later"], "contacts"),
        (&["contact", "show", NUMBER], "delivered"),
        (&["fleet", "list"], "aftertone"),
        (&["dnc", "lists"], "own"),
        (&["dnc", "check", "+13055550109"], "own"),
        (&["store", "migrate", "--dry-run"], ""),
    ];
    for (arguments, words) in shows {
        let shown = program.run(arguments).await;
        let all = format!("{}{}", shown.stdout, shown.stderr);
        assert!(all.contains(words), "{arguments:?}: {shown:?}");
        assert!(!all.contains("error:"), "{arguments:?}: {shown:?}");
    }

    let writes: [&[&str]; 11] = [
        &[
            "campaign",
            "create",
            "more",
            "leads.csv",
            "--message",
            "sound:promo",
            "--kind",
            "marketing",
        ],
        &["campaign", "add", "leads", "leads.csv"],
        &["campaign", "set", "leads", "--rate", "1/s"],
        &["campaign", "pause", "leads"],
        &["campaign", "cancel", "leads"],
        &["campaign", "requeue", "leads", "--outcome", "error"],
        &["contact", "erase", NUMBER, "--yes"],
        &["dnc", "add", NUMBER],
        &["dnc", "remove", "+13055550109", "--because", "test"],
        &["fleet", "forget", "aftertone"],
        &["drop", NUMBER, "--message", "sound:hello-world"],
    ];
    for arguments in writes {
        let refused = program.run(arguments).await;
        assert_ne!(refused.status, Some(0), "{arguments:?}: {refused:?}");
        assert!(
            refused.stderr.contains("read replica") && refused.stderr.contains("hint:"),
            "{arguments:?}: {refused:?}"
        );
        assert!(
            !refused.stderr.contains("cannot execute"),
            "{arguments:?}: {refused:?}"
        );
    }
}

/// The same program, on this server.
fn at(program: &Program, url: &str) {
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("url = \"sqlite:") || line.starts_with("url = \"postgres:"));
    let changed = text.replace(line.unwrap(), &format!("url = \"{url}\""));
    fs::write(path, changed).unwrap();
}
