//! What the command line changes is in the audit log, with who did it and why; the log says if it was changed itself.

use std::{collections::BTreeSet, fs};

use aftertone::store::{AuditRow, DatabaseAddress, Store};
use sqlx::{Connection as _, SqliteConnection};

use crate::{
    campaign::campaign_fixture::CampaignFixture, fake::script::Script, program::Program,
    prompts::recording,
};

/// What a command leaves in the audit log.
enum Trace {
    /// These rows, in the order of its runs in [`SCRIPT`].
    Rows,
    /// Rows, by another test.
    Elsewhere(&'static str),
    /// None, since it changes nothing that the log is about.
    None(&'static str),
}

use Trace::{Elsewhere, None as Nothing, Rows};

/// Every command of the program. One that is added has to be decided on here.
const COMMANDS: &[(&str, Trace)] = &[
    (
        "init",
        Nothing("writes the configuration, before there is a database"),
    ),
    ("doctor", Nothing("looks")),
    ("drop", Rows),
    ("message add", Rows),
    ("message list", Nothing("reads")),
    ("message show", Nothing("reads")),
    ("message rm", Rows),
    ("message say", Nothing("writes a file that is heard")),
    ("explain", Nothing("reads")),
    ("campaign create", Rows),
    ("campaign add", Rows),
    ("campaign set", Rows),
    ("campaign check", Nothing("reads")),
    ("campaign hear", Nothing("reads")),
    ("campaign simulate", Nothing("reads")),
    ("campaign run", Rows),
    ("campaign status", Nothing("reads")),
    ("campaign pause", Rows),
    ("campaign resume", Rows),
    ("campaign cancel", Rows),
    ("campaign requeue", Rows),
    ("campaign results", Nothing("reads")),
    ("campaign delete", Rows),
    ("serve", Nothing("each change of its own has its row")),
    (
        "reload",
        Nothing("has the configuration read; what is in it has no rows"),
    ),
    ("healthcheck", Nothing("reads")),
    ("dnc add", Rows),
    ("dnc import", Rows),
    ("dnc remove", Rows),
    ("dnc check", Nothing("reads")),
    ("dnc lists", Nothing("reads")),
    ("fleet list", Nothing("reads")),
    ("fleet forget", Rows),
    ("prompts list", Nothing("reads")),
    ("prompts show", Nothing("reads")),
    ("prompts learn", Rows),
    ("prompts label", Rows),
    ("prompts forget", Rows),
    (
        "prompts export",
        Nothing("reads, and writes a file that holds no number"),
    ),
    ("prompts import", Rows),
    ("contact show", Nothing("reads")),
    ("contact export", Rows),
    ("contact erase", Rows),
    ("calls", Nothing("reads")),
    ("backup", Nothing("reads, and writes a file")),
    ("restore", Elsewhere("backup")),
    ("store migrate", Elsewhere("a_migration_leaves_a_row…")),
    ("store restored", Elsewhere("backup, by the same function")),
    ("manual", Nothing("writes pages about the commands")),
    ("prune", Rows),
    ("token add", Rows),
    ("token list", Nothing("reads")),
    ("token revoke", Rows),
    ("user add", Rows),
    ("user list", Nothing("reads")),
    ("user role", Rows),
    ("user disable", Rows),
    ("user enable", Rows),
    ("user password", Rows),
    ("user pin", Rows),
    ("audit verify", Nothing("reads")),
    ("webhook list", Nothing("reads")),
    ("webhook verify", Nothing("reads")),
    ("events", Nothing("reads")),
];

/// Command lines, one behind the other, with the rows that each leaves.
const SCRIPT: &[(&str, &[&str])] = &[
    ("message add hello line.wav", &["message.add hello"]),
    ("message list", &[]),
    ("message add names/ line.wav", &["message.add names/"]),
    ("message say hello+names/line --output heard.wav", &[]),
    (
        "campaign create spring spring.csv --message sound:hello-world --kind informational",
        &["campaign.create spring", "contact.add spring"],
    ),
    (
        "campaign create empty --message sound:hello-world --kind informational",
        &["campaign.create empty"],
    ),
    ("campaign add spring more.csv", &["contact.add spring"]),
    (
        "campaign set spring --message sound:tt-weasels",
        &["campaign.change spring"],
    ),
    (
        "dnc add +12025550905 --because asked",
        &["do_not_call.add own/+1202•••0905"],
    ),
    ("campaign run spring", &["campaign.run spring"]),
    (
        "campaign requeue spring --outcome refused:do_not_call --because again",
        &["campaign.requeue spring"],
    ),
    ("campaign resume spring", &["campaign.standing spring"]),
    ("campaign pause spring", &["campaign.standing spring"]),
    ("campaign status", &[]),
    ("campaign cancel spring", &["campaign.standing spring"]),
    ("campaign delete empty", &["campaign.delete empty"]),
    (
        "drop +12025550907 --message sound:hello-world --kind informational",
        &["drop.order"],
    ),
    (
        "dnc add +12025550904 --because asked",
        &["do_not_call.add own/+1202•••0904"],
    ),
    ("dnc import gone.csv", &["do_not_call.add own"]),
    (
        "dnc remove +12025550904 --because again --by ann",
        &["do_not_call.remove own/+1202•••0904"],
    ),
    (
        "drop +12025550903 --message sound:hello-world --kind informational",
        &[],
    ),
    (
        "contact export +12025550905 person.zip",
        &["person.export +1202•••0905"],
    ),
    (
        "contact erase +12025550901 --yes --because law",
        &[
            "do_not_call.add a person who is erased",
            "contact.erase a person who is erased",
        ],
    ),
    ("fleet forget PBX", &["fleet.forget PBX"]),
    (
        "prompts learn line.wav --ends menu",
        &["prompts.learn the book of prompts"],
    ),
    ("prompts label 1 --ends full", &["prompts.label prompt 1"]),
    ("prompts export --to book.jsonl", &[]),
    ("prompts forget 1", &["prompts.forget prompt 1"]),
    (
        "prompts import book.jsonl",
        &["prompts.import the book of prompts"],
    ),
    // All of them are there.
    ("prompts import book.jsonl", &[]),
    ("prune --dry-run", &[]),
    ("prune", &["store.prune what is too old"]),
    ("token add crm --scope drops:read", &["token.add token"]),
    ("token revoke TOKEN", &["token.revoke token"]),
    ("user add bob --role viewer", &["user.add user:bob"]),
    ("user role bob operator --by ann", &["user.role user:bob"]),
    ("user disable bob", &["user.disable user:bob"]),
    ("user enable bob", &["user.enable user:bob"]),
    ("user password bob", &["user.link user:bob"]),
    ("user role bob manager", &["user.role user:bob"]),
    ("user pin bob", &["user.pin user:bob"]),
    ("user pin bob --remove", &["user.pin user:bob"]),
    // There is none to remove.
    ("user pin bob --remove --because again", &[]),
    (
        "message rm hello names/line",
        &["message.remove hello names/line"],
    ),
    ("dnc lists", &[]),
    ("user list", &[]),
    ("webhook list", &[]),
    ("events --limit 1", &[]),
];

#[test]
fn every_command_is_decided_on_and_each_that_changes_something_is_run() {
    let mut all = BTreeSet::new();
    leaves(&aftertone::cli::command(), "", &mut all);
    let decided: BTreeSet<_> = COMMANDS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(all, decided);
    for (name, trace) in COMMANDS {
        let runs = SCRIPT.iter().filter(|(line, _)| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        let rows: usize = runs.map(|(_, rows)| rows.len()).sum();
        match trace {
            Rows => assert!(rows > 0, "{name} is never run"),
            Elsewhere(test) => assert_eq!(rows, 0, "{name}: {test}"),
            Nothing(why) => assert_eq!(rows, 0, "{name}: {why}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_by_the_command_line_leaves_a_row() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let list = "phone\n+12025550901\n+12025550902\n";
    fs::write(fixture.program.path("spring.csv"), list).unwrap();
    fs::write(fixture.program.path("more.csv"), "phone\n+12025550905\n").unwrap();
    fs::write(fixture.program.path("gone.csv"), "phone\n+12025550903\n").unwrap();
    recording(&fixture.program, "line.wav");
    let (mut rows, mut token) = (Vec::<AuditRow>::new(), String::new());
    for (line, wanted) in SCRIPT {
        let pbx = if line.contains("PBX") {
            let fleet = fixture.program.run(&["fleet", "list", "--json"]).await;
            fleet.json()["pbxes"][0]["name"]
                .as_str()
                .unwrap()
                .to_owned()
        } else {
            String::new()
        };
        let line = line.replace("PBX", &pbx).replace("TOKEN", &token);
        let arguments: Vec<_> = line.split(' ').collect();
        let ended = fixture.program.run(&arguments).await;
        // A drop that the gate refuses is none: nothing is written of it.
        let is_refused = line.starts_with("drop +12025550903");
        let status = if is_refused { 2 } else { 0 };
        assert_eq!(ended.status, Some(status), "{line}: {ended:?}");
        let from = rows.last().map(|row| row.id);
        let new = fixture.store.audit_rows(from, false, 100).await.unwrap();
        let left: Vec<_> = new
            .iter()
            .map(|row| format!("{} {}", row.action, row.object))
            .collect();
        let wanted: Vec<_> = wanted.iter().map(|row| row.replace("PBX", &pbx)).collect();
        assert_eq!(left.len(), wanted.len(), "{line}: {left:?}");
        for (left, wanted) in left.iter().zip(&wanted) {
            assert!(left.starts_with(wanted.as_str()), "{line}: {left}");
        }
        if line.starts_with("token add") {
            let object = &new[0].object;
            token = object.strip_prefix("token:").unwrap().to_owned();
        }
        rows.extend(new);
    }
    assert!(
        rows.iter()
            .all(|row| row.via == "cli" && !row.who.is_empty())
    );
    let by_ann: Vec<_> = rows.iter().filter(|row| row.who == "ann").collect();
    let by_ann: Vec<_> = by_ann.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(by_ann, ["do_not_call.remove", "user.role"]);
    let barred = rows.iter().find(|row| row.action == "do_not_call.add");
    assert!(barred.unwrap().after.as_ref().unwrap().contains("asked"));
    let all = format!("{rows:?}");
    for whole in ["12025550901", "12025550903", "12025550904", "12025550907"] {
        assert!(!all.contains(whole), "{all}");
    }

    // What is not carried out leaves none.
    for command in [
        "dnc add nonsense",
        "campaign pause nobody",
        "prompts label 7",
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

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_leaves_a_row_and_one_that_does_nothing_leaves_none() {
    let program = Program::new(crate::fake::Settings::default()).await;
    for _ in 0..2 {
        let migrated = program.run(&["store", "migrate"]).await;
        assert_eq!(migrated.status, Some(0), "{migrated:?}");
        let place = DatabaseAddress::Sqlite(program.path("aftertone.db"));
        let store = Store::open(&place).await.unwrap();
        let rows = store.audit_rows(None, false, 100).await.unwrap();
        let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["store.migrate"]);
        store.close().await;
    }
}

fn leaves(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
    let subcommands = command.get_subcommands();
    let mut subcommands = subcommands
        .filter(|one| one.get_name() != "help")
        .peekable();
    if subcommands.peek().is_none() {
        found.insert(path.trim().to_owned());
    }
    for one in subcommands {
        leaves(one, &format!("{path} {}", one.get_name()), found);
    }
}
