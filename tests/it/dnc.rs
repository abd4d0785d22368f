//! Do-not-call lists and results, from the command line to the database and back. No PBX is asked.

use std::fs;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{fake::Settings, program::Program};

#[tokio::test]
async fn numbers_are_added_checked_and_removed_and_show_masked() {
    let program = Program::new(Settings::default()).await;
    let added = program
        .run(&[
            "dnc",
            "add",
            "+12025550101",
            "(202) 555-0102",
            "--because",
            "asked; \u{1b}[31m by phone",
        ])
        .await;
    assert_eq!(
        (added.status, added.stdout.as_str()),
        (Some(0), "2 numbers added to `own`\n"),
        "{added:?}"
    );
    let again = program.run(&["dnc", "add", "+12025550101"]).await;
    assert_eq!(again.stdout, "0 numbers added to `own`; 1 already listed\n");

    let none = program.run(&["dnc", "check", "+12025550103"]).await;
    assert_eq!(
        (none.status, none.stdout.as_str()),
        (Some(0), "+1202•••0103: on no list\n")
    );
    let one = program
        .run(&["dnc", "check", "+12025550103", "2025550102"])
        .await;
    assert_eq!(one.status, Some(1));
    assert!(
        one.stdout.contains("+1202•••0102: on `own` since 20"),
        "{one:?}"
    );
    assert!(
        !one.stdout.contains('\u{1b}') && !one.stdout.contains("5550102"),
        "{one:?}"
    );
    let json = program
        .run(&["dnc", "check", "+12025550101", "--json"])
        .await
        .json();
    assert_eq!(json[0]["number"], "+1202•••0101");
    assert_eq!(
        json[0]["barred"][0]["because"],
        "asked; \u{1b}[31m by phone"
    );
    let whole = program
        .run(&["dnc", "check", "+12025550101", "--json", "--full-number"])
        .await;
    assert_eq!(whole.json()[0]["number"], "+12025550101");

    let bad = program.run(&["dnc", "add", "+12025550104", "911"]).await;
    assert_eq!(bad.status, Some(2), "{bad:?}");
    assert_eq!(
        program.run(&["dnc", "check", "+12025550104"]).await.status,
        Some(0)
    );
    let name = program
        .run(&[
            "dnc",
            "add",
            "+12025550104",
            "--list",
            "'; DROP TABLE lists; --",
        ])
        .await;
    assert_eq!(name.status, Some(2), "{name:?}");

    program
        .run(&["dnc", "add", "+12025550101", "--list", "other"])
        .await;
    let removed = program.run(&["dnc", "remove", "+12025550101"]).await;
    assert_eq!(
        (removed.status, removed.stdout.as_str()),
        (Some(0), "1 number removed from `own`\n")
    );
    assert_eq!(
        removed.stderr,
        "warning: +1202•••0101 is still on `other`\n"
    );
    let traced = program.run(&["dnc", "check", "+12025550101"]).await;
    let user = traced.stdout.rsplit(" by ").next().unwrap();
    assert!(
        traced
            .stdout
            .contains("+1202•••0101: taken off `own` at 20")
            && user.trim().len() > 1,
        "{traced:?}"
    );
    let lists = program.run(&["dnc", "lists", "--json"]).await.json();
    assert_eq!(
        lists,
        serde_json::json!([{"list": "other", "numbers": 1}, {"list": "own", "numbers": 1}])
    );
    let unnamed = program.run(&["dnc", "remove", "--all"]).await;
    assert_eq!(
        unnamed.status,
        Some(2),
        "the whole of a list that nobody named: {unnamed:?}"
    );
    let all = program
        .run(&[
            "dnc",
            "remove",
            "--all",
            "--list",
            "other",
            "--by",
            "ann",
            "--because",
            "out of\u{1b} date",
        ])
        .await;
    assert_eq!(
        all.stdout, "list `other` removed with 1 number\n",
        "{all:?}"
    );
    assert_eq!(
        program
            .run(&["dnc", "remove", "--all", "--list", "other"])
            .await
            .status,
        Some(2)
    );
    let removed = program.run(&["dnc", "lists", "--removed"]).await;
    assert!(
        removed
            .stdout
            .starts_with("other: removed with 1 number at 20")
            && removed.stdout.ends_with("by ann: out of\\u{1b} date\n"),
        "{removed:?}"
    );
    let check = ["dnc", "check", "+12025550101", "--json"];
    let traces = program.run(&check).await.json();
    let of = |nth: usize| {
        let trace = &traces[0]["removed"][nth];
        (trace["list"].clone(), trace["because"].clone())
    };
    assert_eq!(of(0), ("own".into(), Value::Null));
    assert_eq!(of(1), ("other".into(), "out of\u{1b} date".into()));
    assert_eq!(traces[0]["removed"][1]["by"], "ann");
}

/// An opt-out that fails is a call to somebody who asked not to be called.
#[tokio::test]
async fn what_bars_and_stops_waits_for_a_database_that_is_busy() {
    let program = Program::new(Settings::default()).await;
    for first in [
        &["dnc", "add", "+12025550101"][..],
        &[
            "campaign",
            "create",
            "spring",
            "--message",
            "sound:hello-world",
            "--kind",
            "informational",
        ],
        &["campaign", "start", "spring"],
    ] {
        let done = program.run(first).await;
        assert_eq!(done.status, Some(0), "{done:?}");
    }
    fs::write(program.path("numbers.txt"), "+12025550103\n").unwrap();
    let database = program.path("aftertone.db");
    let options = SqliteConnectOptions::new().filename(database);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let commands = [
        &["dnc", "add", "+12025550102"][..],
        &["dnc", "import", "numbers.txt"],
        &["dnc", "remove", "+12025550101"],
        &["campaign", "pause", "spring"],
    ];
    let mut waiting = Vec::new();
    for command in commands {
        let mut child = program.command(command).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.next_line().await.unwrap().unwrap_or_default();
        assert!(
            line.starts_with("warning: the database is busy or away") && line.contains("60 s"),
            "{command:?}: {line}"
        );
        waiting.push((command, child));
    }
    other.execute("ROLLBACK").await.unwrap();
    for (command, child) in waiting {
        let done = crate::program::wait(child).await;
        assert_eq!(done.status, Some(0), "{command:?}: {done:?}");
    }
    for (number, status) in [
        ("+12025550102", 1),
        ("+12025550103", 1),
        ("+12025550101", 0),
    ] {
        let check = program.run(&["dnc", "check", number]).await;
        assert_eq!(check.status, Some(status), "{check:?}");
    }
}

#[tokio::test]
async fn a_file_of_numbers_comes_in_and_its_bad_rows_go_beside_it() {
    let program = Program::new(Settings::default()).await;
    fs::write(
        program.path("federal.csv"),
        "202,5550101\r\n202,5550102\r\n202,555010\r\n303,5550103\r\n",
    )
    .unwrap();
    let imported = program
        .run(&["dnc", "import", "federal.csv", "--list", "federal"])
        .await;
    // A row was left out.
    assert_eq!(imported.status, Some(1), "{imported:?}");
    assert_eq!(imported.stdout, "3 numbers added to `federal`\n");
    assert_eq!(
        imported.stderr,
        "warning: 1 row could not be read, or not wholly; see federal.rejects.csv\n"
    );
    let over_itself = [
        "dnc",
        "import",
        "federal.csv",
        "--list",
        "federal",
        "--rejects",
        "./federal.csv",
    ];
    let refused = program.run(&over_itself).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    let whole = fs::read_to_string(program.path("federal.csv")).unwrap();
    assert_eq!(whole.lines().count(), 4, "{whole}");
    let rejects = fs::read_to_string(program.path("federal.rejects.csv")).unwrap();
    assert!(
        rejects.lines().nth(1).unwrap().starts_with("3,")
            && rejects.lines().nth(1).unwrap().ends_with(",202,555010"),
        "{rejects}"
    );
    let again = program
        .run(&["dnc", "import", "federal.csv", "--list", "federal"])
        .await;
    assert_eq!(
        again.stdout,
        "0 numbers added to `federal`; 3 already listed\n"
    );
    let check = program
        .run(&["dnc", "check", "+13035550103", "--json"])
        .await
        .json();
    assert_eq!(check[0]["barred"][0]["because"], "federal.csv");

    fs::write(program.path("none.csv"), "name,city\r\nAnn,Denver\r\n").unwrap();
    let none = program.run(&["dnc", "import", "none.csv"]).await;
    assert_eq!(none.status, Some(2));
    assert!(none.stderr.contains("hint: "), "{none:?}");
    let missing = program.run(&["dnc", "import", "missing.csv"]).await;
    assert!(
        missing
            .stderr
            .starts_with("error: cannot read missing.csv: "),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_do_not_call_list_bars_what_is_written_on_it_and_no_one_else() {
    let program = Program::new(Settings::default()).await;
    let fixture = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lists/");
        fs::copy(format!("{folder}{name}"), program.path(name)).unwrap();
    };
    fixture("decimals_dnc.csv");
    fixture("by_hand_dnc.csv");
    let imported = program.run(&["dnc", "import", "decimals_dnc.csv"]).await;
    assert_eq!(imported.status, Some(0), "{imported:?}");
    let check = async |number: &str| program.run(&["dnc", "check", number]).await.status;
    assert_eq!(check("+4930901820").await, Some(1));
    assert_eq!(check("+49309018200").await, Some(0));

    let imported = program.run(&["dnc", "import", "by_hand_dnc.csv"]).await;
    assert_eq!(imported.status, Some(0), "{imported:?}");
    assert_eq!(imported.stdout, "12 numbers added to `own`\n");
    for n in 101..=112 {
        assert_eq!(check(&format!("+12025550{n}")).await, Some(1), "{n}");
    }

    // Each spelling of a telephone, however it is barred; what the numbering plans do not have can be removed.
    program.run(&["dnc", "add", "+52 1 55 1234 5678"]).await;
    assert_eq!(check("+525512345678").await, Some(1));
    let removed = program.run(&["dnc", "remove", "+525512345678"]).await;
    assert_eq!(removed.stdout, "2 numbers removed from `own`\n");
    assert_eq!(check("+5215512345678").await, Some(0));
    program.run(&["dnc", "add", "+1 999 555 0101"]).await;
    assert_eq!(check("+19995550101").await, Some(1));

    let list = "Asked by phone\nphone1,Notes,DNC_Home,Fixnet\n2025550121,a,2025550122,2025550123\n";
    fs::write(program.path("columns.csv"), list).unwrap();
    let imported = program.run(&["dnc", "import", "columns.csv"]).await;
    assert_eq!(
        (imported.status, imported.stdout.as_str()),
        (Some(0), "2 numbers added to `own`\n")
    );
    assert_eq!(
        imported.stderr,
        "warning: skipped 1 row above the header\n\
         warning: the column `Fixnet` is not read; if it holds numbers, name it and the others with `--column`\n"
    );
    let named = ["phone1", "DNC_Home", "4"].map(|column| ["--column", column]);
    let imported = program
        .run(&[&["dnc", "import", "columns.csv"], named.as_flattened()].concat())
        .await;
    assert_eq!(
        imported.stdout,
        "1 number added to `own`; 2 already listed\n"
    );
}

#[tokio::test]
async fn results_of_a_campaign_that_dialled_no_contact_are_shown() {
    let program = Program::new(Settings::default()).await;
    let unknown = program.run(&["campaign", "results", "spring"]).await;
    assert_eq!(unknown.status, Some(2));
    assert!(
        unknown
            .stderr
            .starts_with("error: there is no campaign `spring`\nhint: "),
        "{unknown:?}"
    );

    let list = "number,name,foreign_id\r\n+12025550101,=1+1,crm-1\r\n+12025550102,Bea,crm-2\r\n";
    fs::write(program.path("leads.csv"), list).unwrap();
    let made = program
        .run(&[
            "campaign",
            "create",
            "spring",
            "--message",
            "sound:hello-world",
            "--kind",
            "informational",
            "leads.csv",
        ])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");

    let csv = program.run(&["campaign", "results", "spring"]).await;
    assert_eq!(csv.status, Some(0), "{csv:?}");
    assert_eq!(csv.stdout.lines().count(), 1, "nobody was dialled: {csv:?}");
    let csv = program
        .run(&["campaign", "results", "spring", "--undialled"])
        .await;
    let rows: Vec<&str> = csv.stdout.lines().skip(1).collect();
    assert!(
        rows[0].starts_with(r#"spring,2,+1202•••0101,"'=1+1",crm-1,"#),
        "{csv:?}"
    );
    assert_eq!(rows.len(), 2);
    let json = program
        .run(&[
            "campaign",
            "results",
            "spring",
            "--undialled",
            "--json",
            "--full-number",
            "--foreign-id",
            "crm-2",
        ])
        .await
        .json();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(
        (&json[0]["number"], &json[0]["outcome"]),
        (&"+12025550102".into(), &Value::Null)
    );
    let lines = program
        .run(&[
            "campaign",
            "results",
            "spring",
            "--undialled",
            "--format",
            "jsonl",
        ])
        .await;
    assert!(
        lines
            .stdout
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );

    let summary = program
        .run(&["campaign", "results", "spring", "--summary", "--json"])
        .await
        .json();
    assert_eq!(
        (&summary["contacts"], &summary["waiting"]),
        (&2.into(), &2.into())
    );
    assert_eq!(summary["cost"], Value::Null, "there is no price");
    let drawn = program
        .run(&["campaign", "results", "spring", "--picture", "outcomes.svg"])
        .await;
    assert_eq!(drawn.status, Some(0), "{drawn:?}");
    let svg = fs::read_to_string(program.path("outcomes.svg")).unwrap();
    assert!(
        svg.contains("campaign spring") && svg.contains("Nothing has ended yet."),
        "{svg}"
    );
    let ending = program
        .run(&["campaign", "results", "spring", "--picture", "outcomes.gif"])
        .await;
    assert_eq!(ending.status, Some(2));
}
