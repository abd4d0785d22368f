//! What the command line changes is in the audit log, with who did it and why; the log says if it was changed itself.

use std::fs;

use sqlx::{Connection as _, SqliteConnection};

use crate::{campaign::campaign_fixture::CampaignFixture, fake::script::Script};

#[tokio::test(flavor = "multi_thread")]
async fn every_change_by_the_command_line_leaves_a_row() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let list = "phone\n+12025550901\n+12025550902\n";
    fs::write(fixture.program.path("spring.csv"), list).unwrap();
    fs::write(fixture.program.path("gone.csv"), "phone\n+12025550903\n").unwrap();
    let commands = [
        "campaign create spring spring.csv --message sound:hello-world --kind informational",
        "campaign create empty --message sound:hello-world --kind informational",
        "campaign set spring --message sound:tt-weasels",
        "campaign start spring",
        "campaign pause spring",
        "campaign cancel spring",
        "campaign delete empty",
        "dnc add +12025550904 --because asked",
        "dnc import gone.csv",
        "dnc remove +12025550904 --because again --by ann",
        "contact erase +12025550901 --yes --because law",
        "token add crm --scope drops:read",
        "user add bob --role viewer",
        "user role bob operator --by ann",
        "user disable bob",
        "user enable bob",
        "user password bob",
    ];
    for command in commands {
        let arguments: Vec<_> = command.split(' ').collect();
        let ended = fixture.program.run(&arguments).await;
        assert_eq!(ended.status, Some(0), "{command}: {ended:?}");
    }
    let rows = fixture.store.audit_rows(None, false, 100).await.unwrap();
    let actions: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {}", row.action, row.object))
        .collect();
    assert_eq!(
        actions[..16],
        [
            "campaign.create spring",
            "contact.add spring",
            "campaign.create empty",
            "campaign.change spring",
            "campaign.standing spring",
            "campaign.standing spring",
            "campaign.standing spring",
            "campaign.delete empty",
            "do_not_call.add own/+1202•••0904",
            "do_not_call.add own",
            "do_not_call.remove own/+1202•••0904",
            "do_not_call.add a person who is erased",
            "contact.erase a person who is erased",
            &actions[13],
            "user.add user:bob",
            "user.role user:bob",
        ]
    );
    assert!(actions[13].starts_with("token.add token:"), "{actions:?}");
    assert_eq!(
        actions[16..],
        [
            "user.disable user:bob",
            "user.enable user:bob",
            "user.link user:bob"
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row.via == "cli" && !row.who.is_empty())
    );
    assert_eq!(
        (rows[10].who.as_str(), rows[15].who.as_str()),
        ("ann", "ann")
    );
    assert!(rows[8].after.as_ref().unwrap().contains("asked"));
    let all = format!("{rows:?}");
    for whole in ["12025550901", "12025550903", "12025550904"] {
        assert!(!all.contains(whole), "{all}");
    }

    // What changes nothing leaves none.
    for command in [
        "campaign status",
        "dnc lists",
        "user list",
        "dnc add nonsense",
    ] {
        let arguments: Vec<_> = command.split(' ').collect();
        fixture.program.run(&arguments).await;
    }
    let whole = fixture.program.run(&["audit", "verify", "--json"]).await;
    assert_eq!(whole.status, Some(0), "{whole:?}");
    assert_eq!(whole.json()["rows"], rows.len());

    // A row that somebody changes is named.
    let file = fixture.program.path("aftertone.db");
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE audit SET who = 'nobody' WHERE id = 5")
        .execute(&mut connection)
        .await
        .unwrap();
    let broken = fixture.program.run(&["audit", "verify"]).await;
    assert_eq!(broken.status, Some(1), "{broken:?}");
    assert!(
        broken.stderr.contains("row 5 of the audit log"),
        "{broken:?}"
    );
}
