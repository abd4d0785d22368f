//! What is known of a person is handed out in one file, and after an erasure nothing of them is anywhere.

use std::{
    fs,
    io::{Cursor, Read as _},
    path::Path,
    process::Command,
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};

use super::server::ApiServer;
use crate::{
    base::{Kind as Database, Server},
    fake::script::Script,
    program::{Ended, pbx},
};

const PERSON: &str = "+12025550177";
const DIGITS: &str = "2025550177";
/// The whole number as SQLite keeps an integer: its last bytes.
const STORED: [u8; 5] = [0x02, 0xcc, 0xc7, 0x55, 0x61];

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_handed_out_and_then_erased_and_nothing_is_left() {
    assert_eq!(12_025_550_177_u64.to_be_bytes()[3..], STORED);
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        let said = live(&server).await;
        export(&server).await;
        assert!(!traces(&server).is_empty(), "they are there before");

        // By whom does not matter: on one database the API does it, on the other the command line.
        let named = match database {
            Database::Sqlite => {
                let erased = server
                    .send(server.post(
                        "/erasures",
                        &json!({"number": PERSON, "because": "a letter"}),
                    ))
                    .await;
                assert_eq!(erased.status, 200, "{erased:?}");
                server.fits(&erased.body, "Erasure");
                assert!(erased.body["calls"].as_u64().unwrap() >= 3, "{erased:?}");
                erased.body
            }
            Database::Postgres => {
                let erase = ["contact", "erase", PERSON, "--yes", "--json"];
                let erased = server.program.run(&erase).await;
                assert_eq!(erased.status, Some(0), "{erased:?}");
                erased.json()
            }
        };
        // It may be asked for again, and answers with what is left.
        if database == Database::Sqlite {
            let again = server
                .send(server.post("/erasures", &json!({"number": PERSON})))
                .await;
            assert_eq!(again.status, 200, "{again:?}");
            assert_eq!(again.body["calls"], 0, "{again:?}");
            assert_eq!(again.body["evidence"], 0, "{again:?}");
            assert_eq!(again.body["files_with_number"], named["files_with_number"]);
            assert_eq!(again.body["copies"], named["copies"]);
        }
        // What it cannot reach it names: rejects of lists that were sent.
        let files = named["files_with_number"].as_array().unwrap();
        assert_eq!(files.len(), 1, "{named}");
        let path = files[0].as_str().unwrap();
        assert!(path.ends_with(".rejects.csv"), "{path}");
        let import = Path::new(path).file_name().unwrap().to_str().unwrap();
        let import = import.split('.').next().unwrap();
        let forgotten = server.request(Method::DELETE, &format!("/imports/{import}"));
        let forgotten = server.send(forgotten).await;
        assert!(forgotten.status < 300, "{forgotten:?}");

        assert_eq!(traces(&server), Vec::<String>::new(), "{database}");
        for ended in &said {
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!all.contains(DIGITS), "{all}");
        }
        let audit = server.get("/audit?limit=100").await;
        assert!(!audit.body.to_string().contains(DIGITS), "{audit:?}");
        // They are known by a digest alone, and never called again.
        let checked = server.program.run(&["dnc", "check", PERSON]).await;
        assert_eq!(checked.status, Some(1), "{checked:?}");
        server.stop().await;
    }
}

/// Everything that the program does with a person; returns what it said.
async fn live(server: &ApiServer) -> Vec<Ended> {
    let new =
        json!({"name": "spring", "kind": "informational", "message": "sound:hello", "retry": {}});
    let made = server.send(server.post("/campaigns", &new)).await;
    let made = if made.status == 422 {
        let new = json!({"name": "spring", "kind": "informational", "message": "sound:hello"});
        server.send(server.post("/campaigns", &new)).await
    } else {
        made
    };
    assert_eq!(made.status, 201, "{made:?}");
    // Twice: the second row is a reject.
    let list = format!(
        "phone,name,id\n{PERSON},Ann Example,crm-7\n{PERSON},Ann Example,crm-7\n+12025550178,Bob,crm-8\n"
    );
    let sent = server
        .request(Method::POST, "/campaigns/spring/imports?name=leads.csv")
        .header("content-type", "text/csv")
        .body(list);
    let sent = server.send(sent).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let path = format!("/imports/{}", sent.body["id"].as_str().unwrap());
    let coming = async {
        while server.get(&path).await.body["state"] != "complete" {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), coming).await.unwrap();
    let mut said = Vec::new();
    let variables = [
        ("AFTERTONE__EVIDENCE__DIR", "kept"),
        ("AFTERTONE_LOG", "debug"),
    ];
    for arguments in [
        &["campaign", "run", "spring"][..],
        &[
            "drop",
            PERSON,
            "--message",
            "sound:hello-world",
            "--evidence",
            "kept",
        ],
        &["dnc", "add", PERSON, "--because", "asked"],
        &["dnc", "remove", PERSON, "--because", "by mistake"],
        &["calls", "--number", PERSON],
        &["contact", "show", PERSON],
    ] {
        let ended = server.program.run_with(arguments, &variables).await;
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        said.push(ended);
    }
    let ordered = json!({"to": PERSON, "message": "sound:hello-world", "kind": "informational", "foreign_id": "crm-7"});
    let ordered = server.order("key-1", &ordered).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let drop = format!("/drops/{}", ordered.body["drop"].as_str().unwrap());
    let ending = async {
        while server.get(&drop).await.body["status"] != "ended" {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), ending).await.unwrap();

    // One command lists drops of campaigns and single ones, the latest first.
    let calls = ["calls", "--number", "(202) 555-0177", "--json"];
    let calls = server.program.run(&calls).await;
    let calls = calls.json();
    let campaigns: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["campaign"])
        .collect();
    assert_eq!(
        campaigns,
        [&Value::Null, &Value::Null, &json!("spring")],
        "{calls}"
    );
    assert!(!calls.to_string().contains(DIGITS), "{calls}");
    let whole = [
        "calls",
        "--json",
        "--full-number",
        "--limit",
        "1",
        "--since",
        "2026-01-01",
    ];
    let whole = server.program.run(&whole).await;
    assert_eq!(whole.json()[0]["number"], PERSON, "{whole:?}");
    assert!(whole.stderr.contains("--limit shows more"), "{whole:?}");
    let later = server
        .program
        .run(&["calls", "--since", "2100-01-01"])
        .await;
    assert_eq!(
        (later.status, later.stdout.as_str()),
        (Some(0), ""),
        "{later:?}"
    );
    assert!(later.stderr.contains("no such drop is known"), "{later:?}");
    let unknown = [
        "campaign",
        "results",
        "spring",
        "--undialled",
        "--number",
        "+12025550999",
    ];
    let unknown = server.program.run(&unknown).await;
    assert!(
        unknown
            .stderr
            .contains("is not a contact of campaign `spring`"),
        "{unknown:?}"
    );
    said
}

/// By the command line and by the API the same is handed out, and the audit log says so.
async fn export(server: &ApiServer) {
    let made = server
        .program
        .run(&["contact", "export", PERSON, "person.zip", "--json"])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let by_command = fs::read(server.program.path("person.zip")).unwrap();
    let again = server
        .program
        .run(&["contact", "export", PERSON, "person.zip"])
        .await;
    assert_eq!(again.status, Some(2), "{again:?}");
    fs::remove_file(server.program.path("person.zip")).unwrap();

    let request = server.post("/person-exports", &json!({"number": PERSON}));
    let given = request.bearer_auth(&server.admin).send().await.unwrap();
    assert_eq!(given.status().as_u16(), 200);
    assert_eq!(given.headers()["content-type"], "application/zip");
    let by_api = given.bytes().await.unwrap().to_vec();
    for bytes in [by_command, by_api] {
        let names = look_into(bytes);
        let count = |begin: &str| names.iter().filter(|name| name.starts_with(begin)).count();
        assert_eq!((count("person.json"), count("calls/")), (1, 3), "{names:?}");
        assert!(count("evidence/") >= 2, "{names:?}");
    }
    let narrow = server.token(&["evidence:read"]).await;
    let request = server
        .plain(Method::POST, "/person-exports")
        .bearer_auth(narrow);
    let refused = server.send(request.json(&json!({"number": PERSON}))).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let audit = server.get("/audit?limit=100").await.body.to_string();
    assert_eq!(audit.matches("person.export").count(), 2, "{audit}");
}

/// The names in a bundle; each file has the digest that its manifest says.
fn look_into(bytes: Vec<u8>) -> Vec<String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    let person: Value = serde_json::from_slice(&read("person.json")).unwrap();
    assert_eq!(
        (&manifest["number"], &person["number"]),
        (&json!(PERSON), &json!(PERSON))
    );
    assert_eq!(person["contacts"][0]["name"], "Ann Example");
    let files = manifest["files"].as_array().unwrap();
    for file in files {
        let digest = Sha256::digest(read(file["name"].as_str().unwrap()));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], hex.as_str(), "{file}");
    }
    let names = files
        .iter()
        .map(|file| file["name"].as_str().unwrap().to_owned());
    names.collect()
}

/// Where something of the person is: in any file of the program, and in the database.
fn traces(server: &ApiServer) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![server.program.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let is_database = path.to_string_lossy().contains("aftertone.db");
            for (what, wanted) in [
                ("number", DIGITS.as_bytes()),
                ("name", b"Ann Example"),
                ("id", b"crm-7"),
                ("stored number", &STORED),
            ] {
                let is_wanted = what != "stored number" || is_database;
                if is_wanted && bytes.windows(wanted.len()).any(|part| part == wanted) {
                    found.push(format!("{what} in {}", path.display()));
                }
            }
        }
    }
    if let Some(url) = server.database_url() {
        let dumped = Command::new("pg_dump").arg(url).output().unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        let text = String::from_utf8_lossy(&dumped.stdout);
        for line in text.lines() {
            if [DIGITS, "Ann Example", "crm-7"]
                .iter()
                .any(|wanted| line.contains(wanted))
            {
                found.push(line.to_owned());
            }
        }
    }
    found
}
