//! `aftertone campaign` as a user types it, with a database of its own beside a fake PBX.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, time::Duration};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    fake::{
        fault::Kind,
        script::{Call, Playback, Script},
    },
    program::{Program, pbx, send_signal, wait},
};

const LIST: &str = "phone,name,state,consent,consent_at,consent_source,id\n\
                    +12025550101,Ann,DC,written,2026-03-01,web form,a1\n\
                    (305) 555-0102,Bob,FL,written,2026-03-01,web form,b2\n\
                    12,Short,DC,written,2026-03-01,web form,c3\n\
                    2025550101,Ann again,DC,written,2026-03-01,web form,a2\n\
                    +14155550103,Cy,CA,,,,c4\n";

#[tokio::test]
async fn a_campaign_is_made_changed_paused_and_cancelled_without_a_call() {
    let program = program().await;
    let create = [
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
        "--rate",
        "5/s",
        "--retry",
        "busy:never",
    ];
    let rows: [(&[&str], i32, &str); 23] = [
        (&["status"], 0, "there is no campaign yet"),
        (
            &create[1..],
            0,
            "spring: 3 contacts added, 2 rejected (duplicate 1, invalid_number 1)",
        ),
        (
            &create[1..],
            2,
            "error: the campaign `spring` already exists",
        ),
        (
            &["status", "spring"],
            0,
            "3 contacts: 0 ended, 0 refused, 0 in flight, 3 waiting; 0 drops",
        ),
        (
            &[
                "set",
                "spring",
                "--in-flight",
                "3",
                "--retry",
                "busy:first=1m",
            ],
            0,
            "retry.busy.first = 1m",
        ),
        (&["set", "spring"], 0, "in_flight = 3"),
        (
            &["set", "spring", "--rate", "fast"],
            2,
            "error: rate: `fast` is not a rate",
        ),
        (
            &["add", "spring", "leads.csv"],
            0,
            "spring: leads.csv is already imported, with 3 contacts",
        ),
        (
            &["add", "spring", "leads.csv"],
            0,
            "spring: columns: number from `phone`, name from `name`, state from `state`, consent from `consent`, \
             consent_at from `consent_at`, consent_source from `consent_source`, foreign_id from `id`; all are used",
        ),
        (&["status", "spring"], 0, "spring: draft, not started"),
        (&["pause", "spring"], 2, "`spring` is a draft"),
        (&["run"], 2, "error: no campaign is started"),
        (&["start", "spring"], 0, "spring: waiting for a controller"),
        (&["pause", "spring"], 0, "spring: paused"),
        (
            &["resume", "spring", "--json"],
            0,
            r#"{"campaign":"spring","standing":"running"}"#,
        ),
        (&["cancel", "spring", "--hang-up"], 0, "spring: cancelled"),
        (&["cancel", "spring"], 0, "spring: cancelled"),
        (&["resume", "spring"], 2, "`spring` is cancelled"),
        (
            &["pause", "autumn"],
            2,
            "error: there is no campaign `autumn`",
        ),
        (
            &[
                "create",
                "autumn",
                "--kind",
                "marketing",
                "--message",
                "nowhere",
            ],
            2,
            "called `nowhere`",
        ),
        (
            &[
                "create",
                "autumn",
                "none.csv",
                "--kind",
                "marketing",
                "--message",
                "sound:a",
            ],
            2,
            "`none.csv`",
        ),
        (&["run"], 2, "there is no campaign to run"),
        (&["run", "nowhere.csv"], 2, "there is no list `nowhere.csv`"),
    ];
    for (line, status, said) in rows {
        let ended = program.run(&[&["campaign"], line].concat()).await;
        assert_eq!(ended.status, Some(status), "{line:?}: {ended:?}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains(said), "{line:?}: {ended:?}");
        assert!(
            !all.contains("panicked") && !all.contains("2025550101"),
            "{line:?}: {ended:?}"
        );
    }
    let rejects = fs::read_to_string(program.path("leads.rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 3, "{rejects}");
    assert_eq!(originates(&program), 0);
}

/// The decision on each row of a fixture at a moment, by the last three digits of its number.
async fn decisions(fixture: &str, at: &str) -> Vec<(String, String)> {
    let program = program().await;
    program.gate("enabled = true");
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lists/");
    fs::copy(format!("{list}{fixture}"), program.path("list.csv")).unwrap();
    let check = [
        "campaign",
        "check",
        "list.csv",
        "--kind",
        "marketing",
        "--json",
        "--full-number",
        "--at",
        at,
    ];
    let checked = program.run(&check).await;
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let rows = checked
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<Value> = rows.filter(|row: &Value| row["line"].is_u64()).collect();
    let row = |row: &Value| {
        let number = row["number"].as_str().unwrap_or("none");
        let reason = row["reason"].as_str().unwrap_or("");
        (
            number[number.len() - 3..].to_owned(),
            format!("{} {reason}", row["decision"].as_str().unwrap()),
        )
    };
    rows.iter().map(row).collect()
}

#[tokio::test]
async fn a_zone_of_no_place_or_of_another_country_lets_nobody_be_called_at_night() {
    // Half past one in California, and noon.
    let night = decisions("zones_of_no_place.csv", "2026-12-02T09:30:00Z").await;
    assert_eq!(night.len(), 11);
    for (number, decision) in night {
        assert_eq!(decision, "held calling_hours", "{number}");
    }
    let noon = decisions("zones_of_no_place.csv", "2026-12-02T20:00:00Z").await;
    // London and Tokyo, where it is 20:00 and 5:00.
    for (number, decision) in noon {
        let expected = if number == "110" {
            "held calling_hours"
        } else {
            "allowed "
        };
        assert_eq!(decision, expected, "{number}");
    }
}

#[tokio::test]
async fn a_state_is_held_by_its_law_in_every_spelling() {
    let florida = ["101", "102", "103", "104", "107", "108", "109", "110"];
    let alabama = ["105", "106", "111", "112", "113", "110"];
    // Half past eight on a Monday evening in Washington, and a Sunday.
    for (at, closed) in [
        ("2026-12-01T01:30:00Z", &florida[..]),
        ("2026-12-06T23:00:00Z", &alabama[..]),
    ] {
        let all = decisions("states_as_people_write_them.csv", at).await;
        assert_eq!(all.len(), 13);
        for (number, decision) in all {
            if closed.contains(&number.as_str()) {
                assert_eq!(decision, "held calling_hours", "{number} at {at}");
            }
        }
    }
    // A Wednesday noon, at which every law that is understood allows it.
    for (number, decision) in
        decisions("states_as_people_write_them.csv", "2026-12-02T17:00:00Z").await
    {
        let is_unknown = ["110", "113"].contains(&number.as_str());
        assert_eq!(decision == "allowed ", !is_unknown, "{number}: {decision}");
    }
}

#[tokio::test]
async fn a_number_of_no_country_is_rejected_and_one_with_a_zone_is_not() {
    let program = program().await;
    let list = "phone,timezone,consent,consent_at,consent_source\n\
                +80012345678,,written,2026-03-01,web form\n\
                +870773111632,UTC,written,2026-03-01,web form\n\
                +881612345678,,written,2026-03-01,web form\n\
                +883510012345678,,written,2026-03-01,web form\n\
                +80012345679,Europe/Berlin,written,2026-03-01,web form\n";
    fs::write(program.path("list.csv"), list).unwrap();
    let check = [
        "campaign",
        "check",
        "list.csv",
        "--kind",
        "marketing",
        "--at",
        "2026-12-02T11:00:00Z",
    ];
    let checked = program.run(&check).await;
    assert_eq!(
        checked
            .stdout
            .matches("rejected (unknown_timezone): the number belongs to no country")
            .count(),
        4,
        "{checked:?}"
    );
    assert!(
        checked
            .stdout
            .contains("allowed 1, rejected 4 (unknown_timezone 4)"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_retry_that_a_cap_does_not_let_happen_is_named() {
    let with = async |settings: &str| {
        let program = program().await;
        program.gate(&format!("consent = false\n{settings}"));
        program
    };
    let program = with("").await;
    let simulate = [
        "campaign",
        "simulate",
        "leads.csv",
        "--kind",
        "informational",
        "--retry",
        "no_answer:first=4h",
    ];
    let said = "retries:  attempt 2, 4h after `no_answer`, cannot happen then: the cap `1 per 24h` holds it longer";
    let late = program.run(&simulate).await;
    assert!(late.stdout.contains(said), "{late:?}");
    let agreed = program.run(&simulate[..5]).await;
    assert!(!agreed.stdout.contains("retries:"), "{agreed:?}");
    let check = [
        "campaign",
        "check",
        "leads.csv",
        "--kind",
        "informational",
        "--summary",
    ];
    assert!(!program.run(&check).await.stdout.contains("retries:"));
    let program = with("limits = [\"1 per 7d\"]").await;
    let held = program.run(&check).await;
    assert!(
        held.stdout.contains("retries:  ")
            && held
                .stdout
                .contains("24h after `no_answer`, cannot happen then: the cap `1 per 7d`"),
        "{held:?}"
    );
}

#[tokio::test]
async fn what_double_calls_cost_is_said_once_unless_the_trunk_is_known() {
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
    let check = ["campaign", "check", "leads.csv", "--kind", "marketing"];
    let said =
        "note: a double drop is two calls, and one of them is cancelled before an answer by design";
    let program = program().await;
    for line in [&create[..], &check[..]] {
        let ended = program.run(line).await;
        assert_eq!(ended.stderr.matches(said).count(), 1, "{ended:?}");
        for word in ["trunk.cancelled", "trunk.short", "by_share", "single"] {
            assert!(ended.stderr.contains(word), "{word}: {ended:?}");
        }
        assert!(!ended.stdout.contains("note:"), "{ended:?}");
    }
    let json = program.run(&[&check[..], &["--json"]].concat()).await;
    assert_eq!(json.stderr.matches(said).count(), 1, "{json:?}");
    let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
    assert!(json.stdout.lines().all(is_json), "{json:?}");
    // One call costs nothing of the kind, and a trunk that is known needs no words.
    let single = program.run(&[&check[..], &["--single"]].concat()).await;
    assert!(!single.stderr.contains("note:"), "{single:?}");
    program.trunk("cancelled = \"none\"");
    let known = program.run(&check).await;
    assert!(!known.stderr.contains("note:"), "{known:?}");
}

#[tokio::test]
async fn settings_beyond_the_trunk_are_named_at_once_by_each_command() {
    let program = program().await;
    program.trunk("starts_per_second = 5\nin_flight = 20\ncancelled = \"20 %\"");
    let settings = ["--rate", "6/s", "--in-flight", "21"];
    let said = [
        "note: `rate` 6/s is beyond `trunk.starts_per_second` 5, which holds",
        "note: `in_flight` 21 is beyond `trunk.in_flight` 20, which holds",
        "note: `technique = \"double\"` cancels half of its calls before an answer, and `trunk.cancelled` is 20%: dialling \
         pauses as soon as 100 calls are counted",
    ];
    let list = ["leads.csv", "--kind", "marketing"];
    let lines = [
        [&["campaign", "check"], &list[..], &settings].concat(),
        [&["campaign", "simulate"], &list[..], &settings].concat(),
        [
            &["campaign", "create", "spring", "--message", "sound:promo"],
            &list[..],
            &settings,
        ]
        .concat(),
        vec!["campaign", "set", "spring"],
    ];
    for line in lines {
        let ended = program.run(&line).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        for said in said {
            assert_eq!(ended.stderr.matches(said).count(), 1, "{said}: {ended:?}");
        }
    }
    let run = program.run(&["campaign", "run", "spring"]).await;
    let told = "note: spring: `rate` 6/s is beyond `trunk.starts_per_second` 5";
    assert_eq!(run.stderr.matches(told).count(), 1, "{run:?}");
    let set = [
        "campaign",
        "set",
        "spring",
        "--rate",
        "5/s",
        "--in-flight",
        "none",
    ];
    let mixed = [&set[..], &["--technique", "by_share"]].concat();
    let within = program.run(&mixed).await;
    assert!(!within.stderr.contains("note:"), "{within:?}");
    // Without a limit there is nothing that a share could keep to.
    program.trunk("short = \"none\"");
    let without = program.run(&["campaign", "set", "spring"]).await;
    assert!(
        without
            .stderr
            .contains("which has no limit: every drop makes two calls"),
        "{without:?}"
    );
}

#[tokio::test]
async fn a_simulation_makes_double_drops_alone_and_a_limit_that_is_named_stalls_it() {
    let program = program().await;
    let rows: String = (0..1_000)
        .map(|n| format!("+1202555{:04}\n", 2_000 + n))
        .collect();
    fs::write(
        program.path("many.csv"),
        format!("The list of May\nphone\n{rows}"),
    )
    .unwrap();
    let simulate = [
        "campaign",
        "simulate",
        "many.csv",
        "--kind",
        "informational",
        "--retry",
        "never",
    ];
    let plain = program.run(&simulate).await;
    assert!(
        plain
            .stdout
            .contains("drops:    1,000: 100.0 % double (two calls), 0.0 % single"),
        "{plain:?}"
    );
    assert!(
        !plain.stdout.contains("because of the trunk's limits"),
        "{plain:?}"
    );
    assert!(plain.stdout.contains("trunk:    no limits"), "{plain:?}");
    assert!(
        plain.stdout.contains("1 row above the header was skipped"),
        "{plain:?}"
    );
    let json = program.run(&[&simulate[..], &["--json"]].concat()).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["drops"], json["doubles"], "{json}");
    assert_eq!(
        json["notes"][0], "1 row above the header was skipped",
        "{json}"
    );
    assert_eq!(json["idle_s"].get("trunk_budget"), None, "{json}");
    let check = [
        "campaign",
        "check",
        "many.csv",
        "--kind",
        "informational",
        "--summary",
    ];
    let checked = program.run(&check).await;
    assert!(
        checked
            .stdout
            .contains("1 row above the header was skipped"),
        "{checked:?}"
    );

    program.trunk("cancelled = \"20 %\"");
    let stalled = program.run(&simulate).await;
    assert!(
        stalled.stderr.contains("dialling pauses as soon as"),
        "{stalled:?}"
    );
    assert!(
        stalled.stdout.contains("because of the trunk's limits"),
        "{stalled:?}"
    );
}

#[tokio::test]
async fn a_check_reports_each_row_and_dials_nothing() {
    let program = program().await;
    program.gate("caps = false");
    let check = ["campaign", "check", "leads.csv", "--kind", "marketing"];
    let at = |more: &[&'static str]| [&check[..], more].concat();
    // Noon in Washington and Miami; and half past eight in the evening, which is too late in Florida, a part of which is
    // an hour behind.
    let noon = program
        .run(&at(&["--at", "2026-11-24T17:00:00Z", "--all"]))
        .await;
    for said in [
        "columns: number from `phone`, name from `name`",
        "line 2: +1202•••0101  allowed",
        "line 3: +1305•••0102  allowed",
        "line 4:               rejected (invalid_number)",
        "line 5: +1202•••0101  rejected (duplicate)",
        "line 6: +1415•••0103  refused (no_consent)",
        "5 rows: allowed 2, refused 1 (no_consent 1), rejected 2 (duplicate 1, invalid_number 1)",
    ] {
        assert!(noon.stdout.contains(said), "{said}: {noon:?}");
    }
    let some = program.run(&at(&["--at", "2026-11-24T17:00:00Z"])).await;
    assert!(!some.stdout.contains("line 2:"), "{some:?}");
    assert!(some.stdout.contains("line 4:"), "{some:?}");
    let evening = program
        .run(&at(&["--at", "2026-11-25T01:30:00Z", "--json"]))
        .await;
    let rows: Vec<Value> = evening
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows[0]["decision"], "allowed", "{evening:?}");
    assert_eq!(
        (&rows[1]["decision"], &rows[1]["reason"]),
        (&"held".into(), &"calling_hours".into())
    );
    assert_eq!(rows[1]["until"], "2026-11-25T14:00:00Z");
    assert_eq!(rows[5]["counts"]["held"]["calling_hours"], 1);
    program.run(&["dnc", "add", "+12025550101"]).await;
    let barred = program.run(&at(&["--at", "2026-11-24T17:00:00Z"])).await;
    assert!(
        barred.stdout.contains("refused (do_not_call)"),
        "{barred:?}"
    );
    for said in [&noon.stdout, &evening.stdout, &barred.stdout] {
        assert!(
            !said.contains("4155550103") && !said.contains("3055550102"),
            "{said}"
        );
    }
    assert_eq!(originates(&program), 0);
}

#[tokio::test]
async fn a_simulation_predicts_the_same_for_the_same_seed() {
    let program = program().await;
    let mut list = "phone\n".to_owned();
    for n in 0..800 {
        list.push_str(&format!("+1{}5550{:03}\n", 202 + n / 100, 100 + n % 100));
    }
    fs::write(program.path("many.csv"), list).unwrap();
    let simulate = |what: &'static str, seed: &'static str| {
        [
            "campaign",
            "simulate",
            what,
            "--kind",
            "informational",
            "--rate",
            "2/s",
            "--seed",
            seed,
            "--begins",
            "2026-11-24T15:00:00Z",
            "--assume",
            "delivered=70,no_answer=20,human=10",
        ]
    };
    let first = program.run(&simulate("many.csv", "1")).await;
    assert_eq!(first.status, Some(0), "{first:?}");
    assert_eq!(
        first.stdout,
        program.run(&simulate("many.csv", "1")).await.stdout
    );
    assert_ne!(
        first.stdout,
        program.run(&simulate("many.csv", "2")).await.stdout
    );
    assert!(
        first.stdout.starts_with("many.csv: 800 contacts, seed 1\n"),
        "{first:?}"
    );
    assert!(
        first.stdout.contains("every contact has its outcome"),
        "{first:?}"
    );
    let json = program
        .run(&[&simulate("many.csv", "1")[..], &["--json"]].concat())
        .await
        .json();
    assert_eq!(json["contacts"], 800, "{json}");
    let outcomes = json["outcomes"].as_object().unwrap().values();
    assert_eq!(
        outcomes.map(|n| n.as_u64().unwrap()).sum::<u64>(),
        800,
        "{json}"
    );
    assert_eq!(json["end"], "complete");

    let created = program
        .run(&[
            "campaign",
            "create",
            "many",
            "many.csv",
            "--message",
            "sound:m",
            "--kind",
            "informational",
        ])
        .await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let named = program
        .run(&[&simulate("many", "1")[..], &["--json"]].concat())
        .await
        .json();
    assert_eq!(named["contacts"], 800, "{named}");
    assert_eq!(named["end"], "complete", "{named}");
    let bad = program
        .run(&["campaign", "simulate", "many", "--assume", "deliverd=1"])
        .await;
    assert_eq!(bad.status, Some(2), "{bad:?}");
    assert_eq!(originates(&program), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_run_to_its_end_and_a_second_run_finds_no_contact() {
    let program = program().await;
    let run = [
        "campaign",
        "run",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
        "--technique",
        "single",
    ];
    let ended = program.run(&run).await;
    assert_eq!(
        ended.status,
        Some(0),
        "{ended:?}\n{}",
        program.fake.ladder()
    );
    assert!(
        ended.stdout.contains("leads: 3 contacts added, 2 rejected"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("delivered 3"), "{ended:?}");
    assert_eq!(originates(&program), 3);
    for line in [&run[..], &["campaign", "run", "leads"]] {
        let again = program.run(line).await;
        assert_eq!(again.status, Some(0), "{again:?}");
    }
    assert_eq!(originates(&program), 3);
    let status = program
        .run(&["campaign", "status", "leads", "--json"])
        .await
        .json();
    assert_eq!(
        (&status["standing"], &status["outcomes"]["delivered"]),
        (&"complete".into(), &3.into())
    );
    let other = program.run(&[&run[..], &["--rate", "1/s"]].concat()).await;
    assert_eq!(other.status, Some(2), "{other:?}");
    assert!(other.stderr.contains("other settings"), "{other:?}");
    let results = program.run(&["campaign", "results", "leads"]).await;
    assert_eq!(results.stdout.lines().count(), 4, "{results:?}");
    let columns = ["--excel", "--columns", "outcome,started_at,time_zone"];
    let excel = program
        .run(&[&["campaign", "results", "leads"], &columns[..]].concat())
        .await;
    let header = "\u{feff}outcome,started_at,time_zone\r\ndelivered,2";
    assert!(excel.stdout.starts_with(header), "{excel:?}");
    assert!(excel.stdout.contains(",America/New_York\r\n"), "{excel:?}");
    assert!(!ended.stdout.contains("2025550101"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ctrl_c_lets_drops_finish_and_two_hang_up() {
    for (requests, outcome) in [(1, "delivered"), (2, "cancelled")] {
        let script = Script(vec![Call::mailbox()]);
        let script = script.playing(if requests == 2 {
            Playback::Endless
        } else {
            Playback::Whole(Duration::from_secs(3))
        });
        let program = Program::new(pbx(script)).await;
        fs::write(program.path("leads.csv"), LIST).unwrap();
        let line = [
            "campaign",
            "run",
            "leads.csv",
            "--message",
            "sound:promo",
            "--kind",
            "marketing",
            "--in-flight",
            "1",
            "--technique",
            "single",
            "--json",
            "--every",
            "1s",
        ];
        let mut child = program.command(&line).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut last, mut sent) = (Value::Null, 0);
        while let Some(line) = lines.next_line().await.unwrap() {
            last = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no object: {line}"));
            // What is in flight and not dialled yet is taken back.
            let dialled = program.fake.with(|world| !world.channels.is_empty());
            if (sent == 0 && dialled) || (sent == 1 && requests == 2 && last["draining"] == true) {
                send_signal("INT", &child);
                sent += 1;
            }
        }
        let ended = wait(child).await;
        assert_eq!(ended.status, Some(1), "{ended:?} {last}");
        assert_eq!(
            (&last["event"], &last["ended"]),
            (&"ended".into(), &"stopped".into()),
            "{last}"
        );
        assert_eq!(last["campaigns"][0]["in_flight"], 0, "{last}");
        assert_eq!(last["campaigns"][0]["outcomes"][outcome], 1, "{last}");
        let up = program.fake.with(|world| world.channels.len());
        assert_eq!(up, 0, "{}", program.fake.ladder());
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_taken_in_makes_no_campaign() {
    let program = program().await;
    fs::write(
        program.path("latin.csv"),
        b"phone,name\n+12025550101,Ren\xe9\n",
    )
    .unwrap();
    fs::write(program.path("header.csv"), "phone,name\n").unwrap();
    fs::write(program.path("notes.txt"), "precious").unwrap();
    let more = ["--message", "sound:promo", "--kind", "marketing"];
    let refused: [(&[&str], &str); 5] = [
        (&["latin.csv"], "line 2 is not UTF-8"),
        (&["header.csv"], "`header.csv` has a header and no rows"),
        (&["/dev/null"], "`/dev/null` is not a regular file"),
        (
            &["leads.csv", "--rejects", "./leads.csv"],
            "it is the list itself",
        ),
        (
            &["leads.csv", "--rejects", "notes.txt"],
            "which holds something else",
        ),
    ];
    for (list, words) in refused {
        let ended = program
            .run(&[&["campaign", "create", "spring"], list, &more].concat())
            .await;
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        assert!(ended.stderr.contains("hint: "), "{ended:?}");
    }
    let status = program.run(&["campaign", "status"]).await;
    assert!(
        status.stdout.contains("there is no campaign yet"),
        "{status:?}"
    );
    assert_eq!(
        fs::read_to_string(program.path("notes.txt")).unwrap(),
        "precious"
    );
}

#[tokio::test]
async fn the_same_command_goes_on_with_a_campaign_whose_list_is_not_in() {
    let program = program().await;
    let more = ["--message", "sound:promo", "--kind", "marketing"];
    let create = |list: &[&'static str]| [&["campaign", "create", "spring"], list, &more].concat();
    let made = program.run(&create(&[])).await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let other = [create(&["leads.csv"]), vec!["--rate", "7/s"]].concat();
    let refused = program.run(&other).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    let gone_on = program.run(&create(&["leads.csv"])).await;
    assert_eq!(gone_on.status, Some(0), "{gone_on:?}");
    for said in ["spring: resuming its import\n", "spring: 3 contacts added"] {
        assert!(gone_on.stdout.contains(said), "{gone_on:?}");
    }
    let refused = program.run(&create(&["leads.csv"])).await;
    assert!(
        refused
            .stderr
            .contains("the campaign `spring` already exists"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_are_held_keep_it_running_unless_that_is_not_wanted() {
    let program = program().await;
    // All but a minute of the week is closed: by the law alone some contact may be called at any hour.
    program.gate("consent = false\ncaps = false\n[[gate.rules]]\nname = \"quiet\"\nhours = \"closed\"\nmonday = \"03:00-03:01\"");
    let line = [
        "campaign",
        "run",
        "leads.csv",
        "--message",
        "sound:promo",
        "--kind",
        "marketing",
        "--until-idle",
    ];
    let ended = program.run(&line).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("calling hours: "), "{ended:?}");
    assert_eq!(originates(&program), 0);
}

async fn program() -> Program {
    let program = Program::new(pbx(Script(vec![Call::mailbox()]))).await;
    fs::write(program.path("leads.csv"), LIST).unwrap();
    program
}

fn originates(program: &Program) -> usize {
    program.fake.with(|world| {
        world
            .log
            .iter()
            .filter(|entry| entry.is_request(Kind::Originate))
            .count()
    })
}
