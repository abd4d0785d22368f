//! What an operator puts right: contacts that come back, rules that were wrong, lists that were, campaigns that go.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    fake::{
        fault::{Fault, Kind, Rule},
        script::{Call, Script},
    },
    program::{Ended, Program, pbx, send_signal, wait},
};

const LIST: &str = "phone,name,agreed,day,place\n\
                    +12025550101,Ann,written,2026-03-01,web form\n\
                    +13055550102,Bob,written,2026-03-01,web form\n\
                    +14155550103,Cy,written,2026-03-01,web form\n";

/// All but a minute of the week is closed: by the law alone some contact may be called at any hour.
const CLOSED: &str = "consent = false\ncaps = false\n[[gate.rules]]\nname = \"quiet\"\nhours = \"closed\"\nmonday = \"03:00-03:01\"";

const RUN: [&str; 11] = [
    "campaign",
    "run",
    "leads.csv",
    "--message",
    "sound:promo",
    "--kind",
    "marketing",
    "--technique",
    "single",
    "--stop-on",
    "never",
];

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_a_wrong_endpoint_failed_are_requeued_and_dialled() {
    let program = program(Script(vec![Call::mailbox()])).await;
    program.fake.with(|world| {
        world.rules = vec![Rule::always(Kind::Originate, Fault::Refuse(400))];
    });
    let failed = program.run(&RUN).await;
    assert!(failed.stdout.contains("error 3"), "{failed:?}");
    program.fake.with(|world| world.rules.clear());

    let requeue = |more: &[&'static str]| [&["campaign", "requeue", "leads"], more].concat();
    let error = ["--outcome", "error,lost"];
    let rows: [(&[&str], i32, &str); 6] = [
        (
            &["--outcome", "error,lost", "--dry-run"],
            0,
            "leads: 3 contacts would be requeued (error 3)\n",
        ),
        (
            &["--outcome", "delivered"],
            2,
            "contacts with `delivered` have their message, and are not requeued",
        ),
        (
            &["--outcome", "human,error"],
            2,
            "contacts with `human` are only requeued for a reason: a person answered",
        ),
        (&["--outcome", "wrong"], 2, "expected outcomes, `refused`"),
        (
            &["--outcome", "refused:no_consent"],
            0,
            "leads: 0 contacts requeued\n",
        ),
        (&[], 2, "--outcome <OUTCOME>"),
    ];
    for (more, status, said) in rows {
        let ended = program.run(&requeue(more)).await;
        assert_eq!(ended.status, Some(status), "{more:?}: {ended:?}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains(said), "{more:?}: {ended:?}");
    }
    let done = program
        .run(&requeue(
            &[
                &error[..],
                &["--because", "the endpoint was wrong", "--by", "ann"],
            ]
            .concat(),
        ))
        .await;
    assert_eq!(done.stdout, "leads: 3 contacts requeued (error 3)\n");
    assert!(
        done.stderr
            .contains("it is complete; `aftertone campaign run leads` dials them"),
        "{done:?}"
    );
    let status = program.run(&["campaign", "status", "leads"]).await;
    assert!(
        status
            .stdout
            .contains("leads: complete (contacts were requeued")
            && status
                .stdout
                .contains("0 ended, 0 refused, 0 in flight, 3 waiting; 3 drops"),
        "{status:?}"
    );
    // A controller that nobody asked to run it dials none of them.
    let others = program.run(&["campaign", "run", "--until-idle"]).await;
    assert!(
        others.stderr.contains("there is no campaign to run"),
        "{others:?}"
    );

    // The gate is asked: one of them has asked not to be called.
    program.run(&["dnc", "add", "+12025550101"]).await;
    let again = program.run(&["campaign", "run", "leads"]).await;
    assert_eq!(again.status, Some(0), "{again:?}");
    assert_eq!(outcomes(&program).await, json!({"delivered": 2}));
    let csv = program
        .run(&["campaign", "results", "leads", "--format", "csv"])
        .await;
    assert_eq!(csv.stdout.matches(",error,").count(), 3, "{csv:?}");

    // And once more, for the one that is off the list again.
    let removed = program
        .run(&["dnc", "remove", "+12025550101", "--because", "by mistake"])
        .await;
    assert!(
        removed.stderr.contains(
            "hint: `aftertone campaign requeue leads --outcome refused:do_not_call` lets the gate decide anew"
        ),
        "{removed:?}"
    );
    let back = program
        .run(&requeue(&["--outcome", "refused", "--json"]))
        .await;
    assert_eq!(
        back.json(),
        json!({"campaign": "leads", "standing": "complete", "contacts": 1, "ended": {"refused:do_not_call": 1}, "is_dry_run": false})
    );
    let last = program.run(&["campaign", "run", "leads"]).await;
    assert_eq!(last.status, Some(0), "{last:?}");
    assert_eq!(outcomes(&program).await, json!({"delivered": 3}));
}

/// Imports the list, whose contacts have no place then: each is held by itself.
async fn import_as_the_first_release(program: &Program) {
    let create = [&["campaign", "create", "leads"][..], &RUN[2..]].concat();
    let created = program.run(&create).await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let options = SqliteConnectOptions::new().filename(program.path("aftertone.db"));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    for sql in [
        "UPDATE contacts SET place = 0",
        "DELETE FROM campaign_places",
    ] {
        database.execute(sql).await.unwrap();
    }
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_put_right_let_those_be_called_that_they_held() {
    let program = program(Script(vec![Call::mailbox()])).await;
    import_as_the_first_release(&program).await;
    program.gate(CLOSED);
    let run = [&RUN[..], &["--until-idle"]].concat();
    for _ in 0..2 {
        let held = program.run(&run).await;
        assert!(held.stdout.contains("calling hours: "), "{held:?}");
        assert_eq!(originates(&program), 0);
    }
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let right = text.replace(CLOSED, "consent = false\ncaps = false\nhours = false");
    assert_ne!(text, right);
    fs::write(&path, right).unwrap();
    let called = program.run(&run).await;
    assert!(
        called.stdout.contains("3 held contacts are due at once"),
        "{called:?}"
    );
    assert_eq!(outcomes(&program).await, json!({"delivered": 3}));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_change_while_it_runs_have_the_gate_asked_again() {
    let program = program(Script(vec![Call::mailbox()])).await;
    import_as_the_first_release(&program).await;
    program.gate(CLOSED);
    let mut child = program.command(&RUN).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = async |words: &str| {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("it ended without `{words}`");
    };
    until("calling hours: ").await;
    // What no hold depends on asks nothing again.
    let pace = program
        .run(&["campaign", "set", "leads", "--in-flight", "3"])
        .await;
    assert_eq!(pace.status, Some(0), "{pace:?}");
    let technique = program
        .run(&["campaign", "set", "leads", "--technique", "double"])
        .await;
    assert_eq!(technique.status, Some(0), "{technique:?}");
    until("3 held contacts are due at once").await;
    send_signal("INT", &child);
    wait(child).await;
    assert_eq!(originates(&program), 0);
    let status = program.run(&["campaign", "status", "leads"]).await;
    assert!(
        status.stdout.contains("held by the gate, calling_hours"),
        "{status:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_read_by_another_map_gives_consent_to_those_who_were_refused() {
    let program = program(Script(vec![Call::mailbox()])).await;
    program.gate("hours = false\ncaps = false");
    let refused = program.run(&RUN).await;
    assert!(refused.stdout.contains("no_consent 3"), "{refused:?}");
    let add = ["campaign", "add", "leads", "leads.csv"];
    let again = program.run(&add).await;
    assert!(
        again
            .stdout
            .contains("is already imported, with 3 contacts"),
        "{again:?}"
    );
    let map = [
        &add[..],
        &[
            "--map",
            "consent=agreed",
            "--map",
            "consent_at=day",
            "--map",
            "consent_source=place",
        ],
    ]
    .concat();
    let mapped = program.run(&map).await;
    assert!(
        mapped
            .stdout
            .contains("leads: 0 contacts added, 3 updated, 0 unchanged, 0 rejected\n"),
        "{mapped:?}"
    );
    let twice = program.run(&map).await;
    assert!(
        twice
            .stdout
            .contains("is already imported, with 3 contacts"),
        "{twice:?}"
    );
    let ran = program.run(&["campaign", "run", "leads"]).await;
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(outcomes(&program).await, json!({"delivered": 3}));

    // Whoever was called stays as they are.
    fs::write(
        program.path("leads.csv"),
        LIST.replace("Ann", "Anna") + "+12025550104,Dan,verbal,,\n+12025550104,Dan,verbal,,\n",
    )
    .unwrap();
    let called = program.run(&map).await;
    assert!(
        called
            .stdout
            .contains("leads: 1 contact added, 4 rejected (already_called 3, duplicate 1)\n"),
        "{called:?}"
    );
    let rejects = fs::read_to_string(program.path("leads.rejects.csv")).unwrap();
    assert_eq!(
        rejects
            .matches("this campaign has called the number")
            .count(),
        3,
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_deleted_unless_it_has_called_anybody() {
    let program = program(Script(vec![Call::mailbox()])).await;
    let create = [
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
    ];
    for _ in 0..2 {
        let created = program.run(&create).await;
        assert_eq!(created.status, Some(0), "{created:?}");
        let deleted = program.run(&["campaign", "delete", "spring"]).await;
        assert_eq!(
            (deleted.status, deleted.stdout.as_str()),
            (Some(0), "spring: deleted, with 3 contacts\n"),
            "{deleted:?}"
        );
    }
    let gone = program.run(&["campaign", "delete", "spring"]).await;
    assert_eq!(gone.status, Some(2), "{gone:?}");
    program.run(&RUN).await;
    let kept = program.run(&["campaign", "delete", "leads"]).await;
    assert_eq!(kept.status, Some(2), "{kept:?}");
    for said in [
        "`leads` has 3 drops, which are kept",
        "hint: `aftertone campaign cancel leads`",
    ] {
        assert!(kept.stderr.contains(said), "{kept:?}");
    }
    assert_eq!(outcomes(&program).await, json!({"delivered": 3}));
    let cancelled = program.run(&["campaign", "cancel", "leads"]).await;
    assert_eq!(cancelled.status, Some(0), "{cancelled:?}");
    let requeue = ["campaign", "requeue", "leads", "--outcome", "error"];
    let refused = program.run(&requeue).await;
    assert!(
        refused.status == Some(2)
            && refused
                .stderr
                .contains("`leads` is cancelled, which is for good"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_begins_where_the_campaign_is_and_beside_what_runs() {
    let program = program(Script::refusing(17, 486)).await;
    let run = [
        &RUN[..],
        &["--until-idle", "--retry", "busy:first=3d,longest=3d"],
    ]
    .concat();
    let busy = program.run(&run).await;
    assert_eq!(busy.status, Some(0), "{busy:?}");
    assert_eq!(originates(&program), 3, "{busy:?}");
    let simulate = ["campaign", "simulate", "leads", "--assume", "delivered=100"];
    let forecast = program.run(&simulate).await;
    let json = program
        .run(&[&simulate[..], &["--json"]].concat())
        .await
        .json();
    let took = json["took_s"].as_u64().unwrap();
    assert!((2 * 86_400..4 * 86_400).contains(&took), "{forecast:?}");
    assert_eq!(json["other_campaigns"], 0, "leads is what is simulated");

    let mut names = ["one", "two"].into_iter().zip([202, 305]);
    for (name, area) in &mut names {
        let rows: String = (0..100)
            .map(|n| format!("+1{area}5550{:03}\n", 100 + n))
            .collect();
        fs::write(program.path("many.csv"), format!("phone\n{rows}")).unwrap();
        let create = [
            "campaign",
            "create",
            name,
            "many.csv",
            "--message",
            "sound:m",
            "--kind",
            "marketing",
        ];
        let created = program.run(&create).await;
        assert_eq!(created.status, Some(0), "{created:?}");
        let started = program.run(&["campaign", "start", create[2]]).await;
        assert_eq!(started.status, Some(0), "{started:?}");
    }
    let simulate = [
        "campaign",
        "simulate",
        "one",
        "--assume",
        "delivered=100",
        "--json",
    ];
    program.run(&["campaign", "pause", "leads"]).await;
    let beside = program.run(&simulate).await.json();
    assert_eq!(
        (&beside["other_campaigns"], &beside["other_contacts"]),
        (&json!(1), &json!(100)),
        "{beside}"
    );
    program.run(&["campaign", "pause", "two"]).await;
    let alone = program.run(&simulate).await.json();
    assert_eq!(alone["other_campaigns"], 0, "{alone}");
    let took = |json: &serde_json::Value| json["took_s"].as_u64().unwrap();
    assert!(took(&beside) * 2 > took(&alone) * 3, "{beside} {alone}");
}

async fn program(script: Script) -> Program {
    let program = Program::new(pbx(script)).await;
    fs::write(program.path("leads.csv"), LIST).unwrap();
    program
}

/// The contacts of `leads` by their last outcome.
async fn outcomes(program: &Program) -> serde_json::Value {
    let status: Ended = program
        .run(&["campaign", "status", "leads", "--json"])
        .await;
    status.json()["outcomes"].clone()
}

fn originates(program: &Program) -> usize {
    program.fake.with(|world| {
        let requests = world.log.iter();
        requests
            .filter(|entry| entry.is_request(Kind::Originate))
            .count()
    })
}
