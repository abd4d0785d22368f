//! Do-not-call lists and results, from the command line to the database and back. No PBX is asked.

use std::fs;

use serde_json::Value;

use crate::{desk::Desk, fake::Settings};

#[tokio::test]
async fn numbers_are_added_checked_and_removed_and_show_masked() {
    let desk = Desk::new(Settings::default()).await;
    let added = desk
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
    let again = desk.run(&["dnc", "add", "+12025550101"]).await;
    assert_eq!(again.stdout, "0 numbers added to `own`; 1 already listed\n");

    let none = desk.run(&["dnc", "check", "+12025550103"]).await;
    assert_eq!(
        (none.status, none.stdout.as_str()),
        (Some(0), "+1202•••0103: on no list\n")
    );
    let one = desk
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
    let json = desk
        .run(&["dnc", "check", "+12025550101", "--json"])
        .await
        .json();
    assert_eq!(json[0]["number"], "+1202•••0101");
    assert_eq!(
        json[0]["barred"][0]["because"],
        "asked; \u{1b}[31m by phone"
    );
    let whole = desk
        .run(&["dnc", "check", "+12025550101", "--json", "--full-number"])
        .await;
    assert_eq!(whole.json()[0]["number"], "+12025550101");

    let bad = desk.run(&["dnc", "add", "+12025550104", "911"]).await;
    assert_eq!(bad.status, Some(2), "{bad:?}");
    assert_eq!(
        desk.run(&["dnc", "check", "+12025550104"]).await.status,
        Some(0)
    );
    let name = desk
        .run(&[
            "dnc",
            "add",
            "+12025550104",
            "--list",
            "'; DROP TABLE lists; --",
        ])
        .await;
    assert_eq!(name.status, Some(2), "{name:?}");

    desk.run(&["dnc", "add", "+12025550101", "--list", "other"])
        .await;
    let removed = desk.run(&["dnc", "remove", "+12025550101"]).await;
    assert_eq!(
        (removed.status, removed.stdout.as_str()),
        (Some(0), "1 number removed from `own`\n")
    );
    assert_eq!(
        removed.stderr,
        "warning: +1202•••0101 is still on `other`\n"
    );
    let lists = desk.run(&["dnc", "lists", "--json"]).await.json();
    assert_eq!(
        lists,
        serde_json::json!([{"list": "other", "numbers": 1}, {"list": "own", "numbers": 1}])
    );
    let unnamed = desk.run(&["dnc", "remove", "--all"]).await;
    assert_eq!(
        unnamed.status,
        Some(2),
        "the whole of a list that nobody named: {unnamed:?}"
    );
    let all = desk
        .run(&["dnc", "remove", "--all", "--list", "other"])
        .await;
    assert_eq!(
        all.stdout, "list `other` removed with 1 number\n",
        "{all:?}"
    );
    assert_eq!(
        desk.run(&["dnc", "remove", "--all", "--list", "other"])
            .await
            .status,
        Some(2)
    );
}

#[tokio::test]
async fn a_file_of_numbers_comes_in_and_its_bad_rows_go_beside_it() {
    let desk = Desk::new(Settings::default()).await;
    fs::write(
        desk.path("federal.csv"),
        "202,5550101\r\n202,5550102\r\n202,555010\r\n303,5550103\r\n",
    )
    .unwrap();
    let imported = desk
        .run(&["dnc", "import", "federal.csv", "--list", "federal"])
        .await;
    assert_eq!(imported.status, Some(0), "{imported:?}");
    assert_eq!(imported.stdout, "3 numbers added to `federal`\n");
    assert_eq!(
        imported.stderr,
        "warning: 1 row holds no number; see federal.rejects.csv\n"
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
    let refused = desk.run(&over_itself).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    let whole = fs::read_to_string(desk.path("federal.csv")).unwrap();
    assert_eq!(whole.lines().count(), 4, "{whole}");
    let rejects = fs::read_to_string(desk.path("federal.rejects.csv")).unwrap();
    assert!(
        rejects.lines().nth(1).unwrap().starts_with("3,"),
        "{rejects}"
    );
    let again = desk
        .run(&["dnc", "import", "federal.csv", "--list", "federal"])
        .await;
    assert_eq!(
        again.stdout,
        "0 numbers added to `federal`; 3 already listed\n"
    );
    let check = desk
        .run(&["dnc", "check", "+13035550103", "--json"])
        .await
        .json();
    assert_eq!(check[0]["barred"][0]["because"], "federal.csv");

    fs::write(desk.path("none.csv"), "name,city\r\nAnn,Denver\r\n").unwrap();
    let none = desk.run(&["dnc", "import", "none.csv"]).await;
    assert_eq!(none.status, Some(2));
    assert!(none.stderr.contains("hint: "), "{none:?}");
    let missing = desk.run(&["dnc", "import", "missing.csv"]).await;
    assert!(
        missing
            .stderr
            .starts_with("error: cannot read missing.csv: "),
        "{missing:?}"
    );
}

#[tokio::test]
async fn results_of_a_campaign_that_dialled_nobody_are_told() {
    let desk = Desk::new(Settings::default()).await;
    let unknown = desk.run(&["campaign", "results", "spring"]).await;
    assert_eq!(unknown.status, Some(2));
    assert!(
        unknown
            .stderr
            .starts_with("error: there is no campaign `spring`\nhint: "),
        "{unknown:?}"
    );

    let list = "number,name,foreign_id\r\n+12025550101,=1+1,crm-1\r\n+12025550102,Bea,crm-2\r\n";
    fs::write(desk.path("leads.csv"), list).unwrap();
    let made = desk
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

    let csv = desk.run(&["campaign", "results", "spring"]).await;
    assert_eq!(csv.status, Some(0), "{csv:?}");
    assert_eq!(csv.stdout.lines().count(), 1, "nobody was dialled: {csv:?}");
    let csv = desk
        .run(&["campaign", "results", "spring", "--undialled"])
        .await;
    let rows: Vec<&str> = csv.stdout.lines().skip(1).collect();
    assert!(
        rows[0].starts_with(r#"spring,2,+1202•••0101,"'=1+1",crm-1,"#),
        "{csv:?}"
    );
    assert_eq!(rows.len(), 2);
    let json = desk
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
    let lines = desk
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

    let summary = desk
        .run(&["campaign", "results", "spring", "--summary", "--json"])
        .await
        .json();
    assert_eq!(
        (&summary["contacts"], &summary["waiting"]),
        (&2.into(), &2.into())
    );
    assert_eq!(summary["cost"], Value::Null, "there is no price");
    let drawn = desk
        .run(&["campaign", "results", "spring", "--picture", "outcomes.svg"])
        .await;
    assert_eq!(drawn.status, Some(0), "{drawn:?}");
    let svg = fs::read_to_string(desk.path("outcomes.svg")).unwrap();
    assert!(
        svg.contains("campaign spring") && svg.contains("Nothing has ended yet."),
        "{svg}"
    );
    let ending = desk
        .run(&["campaign", "results", "spring", "--picture", "outcomes.gif"])
        .await;
    assert_eq!(ending.status, Some(2));
}
