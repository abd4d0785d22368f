//! If no drop can be started: exit status 2, an error that says what, where and what to do; and what must never be
//! said at all.

use crate::{
    fake::{
        Settings,
        fault::{Fault, Kind, Rule},
        own_port,
        script::Script,
    },
    program::{Ended, NUMBER, Program, pbx},
};

#[tokio::test]
async fn a_pbx_that_cannot_be_used_is_reported_with_a_remedy() {
    let program = Program::new(Settings::default()).await;
    // A port that no program listens on.
    let closed = own_port();
    let nowhere = format!("http://{}", closed.local_addr().unwrap());
    program.configure(&nowhere);
    insta::assert_snapshot!(talk(&program.drop(&[]).await, &nowhere), @r#"
    Some(2)
    error: the event websocket of the PBX at http://HOST:PORT cannot be opened: cannot reach the PBX at HOST:PORT: Connection refused (os error 111)
    hint: is Asterisk running? http.conf needs `enabled = yes`, and `bindaddr` and `bindport` as in `pbx.url`
    "#);

    let rows = [
        Settings {
            password: "another".into(),
            ..Settings::default()
        },
        Settings {
            session_limit: 0,
            ..Settings::default()
        },
    ];
    let mut talks = Vec::new();
    for settings in rows {
        let program = Program::new(settings).await;
        talks.push(talk(&program.drop(&[]).await, &program.fake.url()));
    }
    let rules = [
        Rule::always(Kind::ListChannels, Fault::Refuse(503)),
        Rule::always(Kind::ListChannels, Fault::Garbage),
        Rule::always(Kind::ListChannels, Fault::GarbageBody),
        Rule::always(Kind::Events, Fault::Refuse(404)),
        Rule::always(Kind::Events, Fault::Garbage),
    ];
    for rule in rules {
        let program = Program::with_rules(Settings::default(), vec![rule]).await;
        talks.push(talk(&program.drop(&[]).await, &program.fake.url()));
    }
    insta::assert_snapshot!(talks.join("\n"), @r#"
    Some(2)
    error: the event websocket of the PBX at http://HOST:PORT cannot be opened: the PBX at HOST:PORT does not know this ARI user, or the password is wrong (401)
    hint: `pbx.username` and `pbx.password` must be those of a `type = user` section of ari.conf (after a change there: `asterisk -rx 'module reload res_ari.so'`)

    Some(2)
    error: the event websocket of the PBX at http://HOST:PORT cannot be opened: the server at HOST:PORT closed the connection without an answer
    hint: Asterisk does that above `sessionlimit` connections (http.conf, 100 by default); or the port wants https://

    Some(2)
    error: the PBX at http://HOST:PORT does not answer as it should: 503 Fault on purpose
    hint: `aftertone doctor` tells what is missing

    Some(2)
    error: the PBX at http://HOST:PORT does not answer as it should: client error (SendRequest): invalid HTTP version parsed
    hint: `aftertone doctor` tells what is missing

    Some(2)
    error: the PBX at http://HOST:PORT does not answer as it should: the PBX answered 200, but not as ARI does
    hint: `aftertone doctor` tells what is missing

    Some(2)
    error: the event websocket of the PBX at http://HOST:PORT cannot be opened: the web server at HOST:PORT has no ARI (404)
    hint: ari.conf needs `enabled = yes` and the modules res_ari and res_ari_events must be loaded; with a `prefix` in http.conf `pbx.url` must end with it

    Some(2)
    error: the event websocket of the PBX at http://HOST:PORT cannot be opened: the server at HOST:PORT is not Asterisk: WebSocket protocol error: httparse error: invalid HTTP version
    hint: `pbx.url` must name Asterisk's own web server (http.conf), port 8088 by default; https needs https://
    "#);
}

#[tokio::test]
async fn a_user_that_may_only_read_makes_no_call() {
    let settings = Settings {
        read_only: true,
        ..Settings::default()
    };
    let program = Program::new(settings).await;
    let ended = program.drop(&[]).await;
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("error", Some(1)),
        "{ended:?}"
    );
    assert!(
        ended.json()["words"]
            .as_str()
            .unwrap()
            .contains("Write access denied"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_trunk_that_does_not_exist_is_an_error_in_the_pbx_s_words() {
    let settings = Settings {
        trunks: vec!["another".into()],
        ..Settings::default()
    };
    let program = Program::new(settings).await;
    let ended = program.drop(&[]).await;
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("error", Some(1)),
        "{ended:?}"
    );
    assert!(
        ended.json()["words"]
            .as_str()
            .unwrap()
            .contains("Allocation failed"),
        "{ended:?}"
    );
    program.assert_clean("no such trunk", &ended);
}

#[tokio::test]
async fn numbers_that_must_not_be_dialled_are_refused_before_the_pbx_hears_of_them() {
    let program = Program::new(Settings::default()).await;
    let rows = [
        "911",
        "112",
        "+1202@x",
        "Local/s@aftertone-probe",
        "&PJSIP/1@carrier",
        "+1202555 0101,1",
        "",
        "\u{0661}\u{0662}\u{0663}",
        &"1".repeat(1_000),
    ];
    for number in rows {
        let line = [
            "drop",
            "--message",
            "sound:hello-world",
            "--json",
            "--",
            number,
        ];
        let ended = program.run(&line).await;
        assert_eq!(ended.status, Some(2), "{number}: {ended:?}");
        assert_eq!(
            ended.json()["outcome"],
            serde_json::Value::Null,
            "{number}: {ended:?}"
        );
        assert!(ended.json()["refused"].is_string(), "{number}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{number}: {ended:?}");
    }
    assert!(
        program.fake.with(|world| world.log.is_empty()),
        "{}",
        program.fake.ladder()
    );
}

#[tokio::test]
async fn a_missing_message_is_reported_and_nothing_is_dialled() {
    let program = Program::new(Settings::default()).await;
    for message in [
        "./none.wav",
        "unknown-name",
        "sound:../../etc/passwd",
        "sound:http://a/b",
    ] {
        let ended = program
            .run(&["drop", NUMBER, "--message", message, "--json"])
            .await;
        assert_eq!(ended.status, Some(2), "{message}: {ended:?}");
        assert!(
            ended.spoken().starts_with("error: "),
            "{message}: {ended:?}"
        );
    }
    let dialled = program
        .fake
        .with(|world| world.log.iter().any(|e| e.is_request(Kind::Originate)));
    assert!(!dialled, "{}", program.fake.ladder());
}

/// A credential of systemd is there only while the service runs.
#[tokio::test]
async fn without_its_password_only_what_speaks_to_the_pbx_does_not_start() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let path = program.path("aftertone.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let given = text.lines().find(|line| line.starts_with("password = "));
    let text = text.replace(given.unwrap(), "password_file = \"credentials/ari\"");
    std::fs::write(&path, text).unwrap();
    for line in [
        "store migrate",
        "campaign status",
        "message list",
        "dnc lists",
        "fleet list",
        "backup backup.tar",
        "calls",
        "prompts list",
        "user list",
        "events --limit 1",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ended = program.run(&words).await;
        assert_eq!(ended.status, Some(0), "{line}: {ended:?}");
    }
    for line in [
        "drop +12025550101 --message sound:hello-world",
        "doctor",
        "campaign run spring",
        "serve",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ended = program.run(&words).await;
        assert_eq!(ended.status, Some(2), "{line}: {ended:?}");
        for named in ["`pbx.password_file`", "credentials/ari"] {
            assert!(ended.stderr.contains(named), "{line}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn no_secret_and_no_full_number_is_ever_logged() {
    let password = Settings::default().password;
    let secrets = ["2025550101", "2025550100", &password, "YWZ0ZXJ0b25l"];
    for rules in [
        vec![],
        vec![Rule::once(Kind::Originate, Fault::Refuse(500))],
        vec![Rule::once(Kind::Originate, Fault::Hang { done: true })],
        vec![Rule::always(Kind::Events, Fault::Refuse(401))],
    ] {
        let program = Program::with_rules(pbx(Script::mailbox()), rules).await;
        let mut command = program.command(&["drop", NUMBER, "--message", "sound:hello-world"]);
        command.env("AFTERTONE_LOG", "trace");
        let ended = crate::program::wait(command.spawn().unwrap()).await;
        assert!(
            ended.stderr.lines().count() > 1,
            "nothing was logged: {ended:?}"
        );
        for secret in secrets {
            let said = [&ended.stderr, &ended.stdout]
                .into_iter()
                .flat_map(|text| text.lines());
            let said: Vec<&str> = said.filter(|line| line.contains(secret)).collect();
            assert!(said.is_empty(), "`{secret}` is in {said:#?}");
        }
    }
}

/// What was said of a drop that was not started, with its exit status.
fn talk(ended: &Ended, url: &str) -> String {
    let address = url.trim_start_matches("http://");
    let said = ended.spoken().replace(address, "HOST:PORT");
    format!("{:?}{}\n{said}", ended.status, ended.stdout)
}
