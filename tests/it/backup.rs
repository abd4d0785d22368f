//! Backups: made while drops run, restored elsewhere, and nobody is called for it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(clippy::print_stderr, reason = "how many backups were made is said")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    time::Duration,
};

use aftertone::{
    campaign::budget::TechniqueRule,
    clock,
    store::{DatabaseAddress, Status, Store},
};
use serde_json::Value;
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    campaign::{
        campaign_fixture::{CampaignFixture, add_contacts},
        slow,
    },
    event_storm::thousands,
    fake::{
        fault::Kind,
        log::What,
        script::{Call, Detector, Far, Playback, Script},
    },
    program::{Ended, send_signal, wait},
    serve::{Service, fixture},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_campaign_that_runs_is_restored_elsewhere_and_rings_nobody() {
    let fixture = fixture(slow()).await;
    let program = &fixture.program;
    let sound = program.record("promo.wav", 1_500);
    let added = program
        .run(&["message", "add", "promo", sound.to_str().unwrap()])
        .await;
    assert_eq!(added.status, Some(0), "{added:?}");
    for number in ["+12025559901", "+12025559902"] {
        let barred = program.run(&["dnc", "add", number]).await;
        assert_eq!(barred.status, Some(0), "{barred:?}");
    }
    let erased = program
        .run(&["contact", "erase", "+12025559903", "--yes"])
        .await;
    assert_eq!(erased.status, Some(0), "{erased:?}");
    fixture.campaign("spring", 60).await;
    let running = fixture.spawn(&[]);
    fixture.until_dialled(16).await;
    let made = program.run(&["backup", "backup.tar", "--json"]).await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let made = made.json();
    assert_eq!(made["messages"], 1, "{made}");
    let mode = fs::metadata(program.path("backup.tar"));
    assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o600);
    // What was called after the backup.
    fixture.until_dialled(40).await;
    send_signal("KILL", &running);
    wait(running).await;
    program.fake.with(|world| world.channels.clear());
    let again = program.run(&["backup", "backup.tar"]).await;
    assert_eq!(again.status, Some(2), "{again:?}");
    assert!(again.stderr.contains("is not overwritten"), "{again:?}");
    // Into a place that is in use nothing is restored.
    let onto = program.run(&["restore", "backup.tar"]).await;
    assert_eq!(onto.status, Some(2), "{onto:?}");
    assert!(onto.stderr.contains("into an empty place only"), "{onto:?}");

    let dialled = fixture.requests(Kind::Originate);
    let elsewhere = Elsewhere::new(&fixture);
    // Root restores what is to be the service's.
    let is_root = chown(elsewhere.path(""), Some(SERVICE), Some(SERVICE)).is_ok();
    let restored = elsewhere.run(&["restore", "../backup.tar"]).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    for made in ["aftertone.db", "state", "sounds"] {
        let owner = fs::metadata(elsewhere.path(made)).unwrap().uid();
        assert!(!is_root || owner == SERVICE, "{made}: {owner}");
    }
    assert!(restored.stdout.contains("paused: spring"), "{restored:?}");
    assert!(
        restored.stderr.contains("is not known here")
            && restored.stderr.contains("aftertone dnc import"),
        "{restored:?}"
    );
    assert!(!restored.stderr.contains("+1202555"), "{restored:?}");
    let database = elsewhere.path("aftertone.db");
    let mode = fs::metadata(&database).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(texts(&database, "PRAGMA integrity_check").await, ["ok"]);
    let mut names: Vec<_> = fs::read_dir(elsewhere.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["aftertone.db", "aftertone.toml", "sounds", "state"],
        "nothing half is left"
    );
    for name in ["promo.wav", "promo.wav16", "promo.json"] {
        assert_eq!(
            fs::read(elsewhere.path("sounds").join(name)).unwrap(),
            fs::read(program.path("sounds").join(name)).unwrap(),
            "{name}"
        );
    }
    // Lists hold, and so does what was erased.
    for (number, status) in [
        ("+12025559901", 1),
        ("+12025559903", 1),
        ("+12025559904", 0),
    ] {
        let checked = elsewhere.run(&["dnc", "check", number]).await;
        assert_eq!(checked.status, Some(status), "{number}: {checked:?}");
    }
    let verified = elsewhere.run(&["audit", "verify"]).await;
    assert_eq!(verified.status, Some(0), "{verified:?}");

    // A service that is ready for its work calls nobody.
    let store = Store::open(&DatabaseAddress::Sqlite(database.clone()))
        .await
        .unwrap();
    let rows = store.audit_rows(None, false, 1_000).await.unwrap();
    let noted = rows.iter().filter(|row| row.action == "store.restore");
    assert_eq!(noted.count(), 1);
    let campaign = store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(campaign.status, Status::Paused);
    let tally = store.tally(campaign.id).await.unwrap();
    assert_eq!((tally.contacts, tally.in_flight), (60, 0), "{tally:?}");
    assert!(tally.waiting > 0 && tally.drops >= 4, "{tally:?}");
    let lost = tally.outcomes[&aftertone::drop::Outcome::Lost];
    assert!(lost > 0, "{tally:?}");
    let text = format!("{lost} drops in flight settled as lost");
    assert!(restored.stdout.contains(&text), "{restored:?}");
    let known: BTreeSet<String> = texts(&database, "SELECT CAST(number AS TEXT) FROM drops")
        .await
        .into_iter()
        .collect();
    let service = Service::start_with(&fixture, |command| {
        command.current_dir(elsewhere.path(""));
    })
    .await;
    service.until_ready(200).await;
    assert_eq!(fixture.requests(Kind::Originate), dialled);

    // Whoever says so has the rest called, and nobody of whom the backup knew that they were called.
    let resumed = elsewhere.run(&["campaign", "resume", "spring"]).await;
    assert_eq!(resumed.status, Some(0), "{resumed:?}");
    fixture.until_dialled(dialled + 8).await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let called = originated(&fixture, dialled);
    assert!(!called.is_empty());
    assert!(known.is_disjoint(&called), "{known:?} {called:?}");
}

/// For a second, with a hundred drops in each; `PROOF=1`: for a minute, with five hundred.
#[tokio::test(flavor = "multi_thread")]
async fn backups_are_made_while_hundreds_of_drops_a_second_go_on() {
    let (rate, seconds) = match std::env::var_os("PROOF") {
        Some(_) => (500, 60),
        None => (100, 1),
    };
    let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
    mailbox.detector = Detector {
        verdict_after: Duration::from_millis(100),
        wait: Duration::from_millis(50),
        ..mailbox.detector
    };
    mailbox.playback = Playback::Whole(Duration::from_millis(200));
    let fixture = fixture(Script(vec![mailbox])).await;
    fixture.trunk(&format!("starts_per_second = {rate}\nin_flight = 1000"));
    let campaign = fixture
        .campaign_with("storm", 0, |spec| spec.technique = TechniqueRule::Single)
        .await;
    for thousand in thousands(rate * (seconds + 30)) {
        let list = format!("list {thousand}");
        let first = 1_000 * thousand;
        add_contacts(&fixture.store, campaign, &list, first..first + 1_000).await;
    }
    let running = fixture.spawn(&[]);
    fixture.until_dialled(rate as usize).await;

    // One after the other; the last of them is restored.
    let (began, before) = (clock::now(), fixture.requests(Kind::Originate));
    let mut made = 0;
    let mut called = BTreeSet::new();
    while made == 0 || began.elapsed() < Duration::from_secs(seconds.into()) {
        called = originated(&fixture, 0);
        made += 1;
        let name = format!("backup-{made}.tar");
        let backup = fixture.program.run(&["backup", &name]).await;
        assert_eq!(backup.status, Some(0), "{backup:?}");
    }
    let dialled = fixture.requests(Kind::Originate) - before;
    let took = began.elapsed();
    eprintln!("{made} backups in {took:.1?}, and {dialled} drops beside them");
    assert!(dialled > 0, "nothing was dialled beside it");
    if seconds > 1 {
        let least = 0.9 * f64::from(rate) * took.as_secs_f64();
        let dialled = f64::from(u32::try_from(dialled).unwrap());
        assert!(dialled > least, "{dialled} drops in {took:.1?}");
    }
    send_signal("KILL", &running);
    wait(running).await;
    fixture.program.fake.with(|world| world.channels.clear());

    let dialled = fixture.requests(Kind::Originate);
    let elsewhere = Elsewhere::new(&fixture);
    let backup = format!("../backup-{made}.tar");
    let restored = elsewhere.run(&["restore", &backup]).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    let database = elsewhere.path("aftertone.db");
    assert_eq!(texts(&database, "PRAGMA integrity_check").await, ["ok"]);
    let standing = "SELECT standing FROM campaigns";
    assert_eq!(texts(&database, standing).await, ["paused"]);
    // Whoever was called before it was begun is in it as called.
    let known = texts(&database, "SELECT CAST(number AS TEXT) FROM drops").await;
    let known: BTreeSet<String> = known.into_iter().collect();
    let missing: Vec<_> = called.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let service = Service::start_with(&fixture, |command| {
        command.current_dir(elsewhere.path(""));
    })
    .await;
    service.until_ready(200).await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(fixture.requests(Kind::Originate), dialled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_whole_backup_of_ours_is_refused_and_nothing_is_written() {
    let fixture = fixture(slow()).await;
    fixture.campaign("spring", 3).await;
    let made = fixture.program.run(&["backup", "backup.tar"]).await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let whole = fs::read(fixture.program.path("backup.tar")).unwrap();
    let elsewhere = Elsewhere::new(&fixture);
    let mut tampered = whole.clone();
    // Within the database's pages: a number, or nothing.
    tampered[20_000] ^= 1;
    let foreign = fs::read(fixture.program.path("aftertone.toml")).unwrap();
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "is damaged or was changed"),
        (&whole[..whole.len() - 1], "is damaged or was changed"),
        (&tampered[..], "is not what was saved"),
        (&foreign[..], "is not a backup of this program"),
        (&[][..], "is not a backup of this program"),
    ] {
        fs::write(elsewhere.path("bad.tar"), bytes).unwrap();
        let refused = elsewhere.run(&["restore", "bad.tar"]).await;
        assert_eq!(refused.status, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
        assert!(!elsewhere.path("aftertone.db").exists());
        assert!(!elsewhere.path("aftertone.db.restoring").exists());
        assert!(!elsewhere.path("sounds").exists());
    }
    // A database that somebody has put beside it belongs to something.
    fs::write(elsewhere.path("aftertone.db-wal"), "x").unwrap();
    fs::write(elsewhere.path("good.tar"), &whole).unwrap();
    let refused = elsewhere.run(&["restore", "good.tar"]).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    fs::remove_file(elsewhere.path("aftertone.db-wal")).unwrap();
    let restored = elsewhere.run(&["restore", "good.tar", "--json"]).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    assert_eq!(restored.json()["paused"], Value::from(vec!["spring"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_left_to_its_own_programs() {
    let fixture = fixture(slow()).await;
    for arguments in [["backup", "backup.tar"], ["restore", "backup.tar"]] {
        let url = (
            "AFTERTONE__STORE__URL",
            "postgres://nobody@127.0.0.1:1/none",
        );
        let refused = fixture.program.run_with(&arguments, &[url]).await;
        assert_eq!(refused.status, Some(2), "{refused:?}");
        assert!(
            refused.stderr.contains("PostgreSQL's own programs")
                && refused.stderr.contains("hint: `pg_"),
            "{refused:?}"
        );
        assert!(!fixture.program.path("backup.tar").exists());
    }
}

/// A folder of its own with the same PBX.
struct Elsewhere<'a> {
    fixture: &'a CampaignFixture,
}

impl<'a> Elsewhere<'a> {
    fn new(fixture: &'a CampaignFixture) -> Self {
        let this = Self { fixture };
        fs::create_dir(this.path("")).unwrap();
        let text = fs::read_to_string(fixture.program.path("aftertone.toml")).unwrap();
        let before = fixture.program.path("aftertone.db").display().to_string();
        assert!(text.contains(&before));
        let text = text.replace(&before, &this.path("aftertone.db").display().to_string());
        let path = this.path("aftertone.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        this
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.fixture.program.path("elsewhere").join(name)
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.fixture.program.command(arguments);
        wait(command.current_dir(self.path("")).spawn().unwrap()).await
    }
}

/// The digits of the numbers that were called behind so many calls.
fn originated(fixture: &CampaignFixture, behind: usize) -> BTreeSet<String> {
    fixture.program.fake.with(|world| {
        let bodies = world.log.iter().filter_map(|entry| match &entry.what {
            What::Request {
                kind: Kind::Originate,
                body,
                ..
            } => Some(body.clone()),
            What::Request { .. } | What::Event { .. } => None,
        });
        let digits = bodies.skip(behind).map(|body| {
            let body: Value = serde_json::from_str(&body).unwrap();
            let endpoint = body["endpoint"].as_str().unwrap();
            endpoint.chars().filter(char::is_ascii_digit).collect()
        });
        digits.collect()
    })
}

async fn texts(database: &std::path::Path, sql: &'static str) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A user who is nobody here.
const SERVICE: u32 = 47_110;
