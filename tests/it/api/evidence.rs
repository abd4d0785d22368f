//! Evidence over HTTP: as files, a part of them too, and heard again with other settings.

use std::fs;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::server::ApiServer;
use crate::{
    fake::script::Script,
    listen::{listening, mailbox},
    program::{NUMBER, Program, pbx},
};

/// A server beside a drop of which evidence was kept, and its id.
pub(super) async fn with_drop(program: Program, message: &str, mode: &str) -> (ApiServer, String) {
    let drop = [
        "drop",
        NUMBER,
        "--message",
        message,
        "--json",
        "--evidence",
        "kept",
        "--full-number",
    ];
    let ended = program
        .run_with(&drop, &[("AFTERTONE__SCREEN__MODE", mode)])
        .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let drop = ended.json()["drop"].as_str().unwrap().to_owned();
    (ApiServer::of(program).await, drop)
}

struct Answered {
    status: u16,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
}

async fn ask(request: RequestBuilder) -> Answered {
    let response = request.send().await.unwrap();
    Answered {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_listed_read_in_parts_and_heard_again() {
    let (server, drop) = with_drop(listening(mailbox()).await, "./message.wav", "listen").await;
    let path = format!("/drops/{drop}/evidence");
    let listed = server.get(&path).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    server.fits(&listed.body, "EvidenceList");
    let files: Vec<_> = listed.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["file"].as_str().unwrap().to_owned())
        .collect();
    assert!(files.contains(&"incoming.wav".to_owned()), "{files:?}");
    assert!(files.contains(&"drop.json".to_owned()), "{files:?}");

    let sound = format!("{path}/incoming.wav");
    let get = |path: &str| server.request(Method::GET, path);
    let whole = ask(get(&sound)).await;
    assert_eq!((whole.status, &whole.bytes[..4]), (200, &b"RIFF"[..]));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-type"), "audio/wav");
    assert!(
        whole
            .header("content-disposition")
            .contains(&format!("{drop}-incoming.wav"))
    );
    let size = whole.bytes.len();
    let part = ask(get(&sound).header("range", "bytes=100-199")).await;
    assert_eq!((part.status, part.bytes.len()), (206, 100));
    assert_eq!(part.bytes, whole.bytes[100..200]);
    assert_eq!(
        part.header("content-range"),
        format!("bytes 100-199/{size}")
    );
    let last = ask(get(&sound).header("range", "bytes=-50")).await;
    assert_eq!(last.bytes, whole.bytes[size - 50..]);
    let none = ask(get(&sound).header("range", format!("bytes={size}-"))).await;
    assert_eq!(
        (none.status, none.header("content-range")),
        (416, &*format!("bytes */{size}"))
    );
    let known = ask(get(&sound).header("if-none-match", whole.header("etag"))).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));

    // Whole numbers are another scope's.
    let reader = server.token(&["evidence:read"]).await;
    let manifest = format!("{path}/drop.json");
    let masked = server.plain(Method::GET, &manifest).bearer_auth(&reader);
    let masked: Value = serde_json::from_slice(&ask(masked).await.bytes).unwrap();
    assert_eq!(masked["number"], "+1202•••0101");
    let full: Value = serde_json::from_slice(&ask(get(&manifest)).await.bytes).unwrap();
    assert_eq!(full["number"], "+12025550101");

    // Only what is in the list is there, however it is asked for.
    let folder = fs::read_dir(server.program.path("kept")).unwrap();
    let folder = folder
        .flatten()
        .find(|entry| entry.path().is_dir())
        .unwrap()
        .path();
    fs::write(folder.join("own.txt"), "mine").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("x.wav")).unwrap();
    for name in [
        "own.txt",
        "x.wav",
        "..%2F..%2Faftertone.toml",
        "..%2faftertone.toml",
        "%2e%2e%2f%2e%2e%2faftertone.toml",
        "incoming.wav%00",
        "./incoming.wav",
        "",
    ] {
        let answer = ask(get(&format!("{path}/{name}"))).await;
        // The client itself takes `./` out of a path.
        let may = name == "./incoming.wav" && answer.bytes == whole.bytes;
        assert!(may || answer.status == 404, "{name}: {}", answer.status);
    }
    fs::remove_file(folder.join("message.wav")).ok();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("message.wav")).unwrap();
    assert_eq!(ask(get(&format!("{path}/message.wav"))).await.status, 404);
    fs::remove_file(folder.join("message.wav")).unwrap();

    let replay = async |body: Value| {
        let path = format!("/drops/{drop}/replay");
        server.send(server.post(&path, &body)).await
    };
    let again = replay(json!({})).await;
    assert_eq!(again.status, 200, "{again:?}");
    server.fits(&again.body, "DropReplay");
    assert_eq!(again.body["verdict"], "machine");
    let heard = again.body["heard"].as_array().unwrap();
    assert!(
        heard.iter().any(|heard| heard["event"] == "beep"),
        "{heard:?}"
    );
    let otherwise = replay(json!({"set": {"ready_silence": 6.0, "no_beep": "play"}})).await;
    assert_eq!(otherwise.status, 200, "{otherwise:?}");
    server.fits(&otherwise.body, "DropReplay");
    for (body, pointer) in [
        (json!({"set": {"loudness": 1}}), "/set/loudness"),
        (json!({"set": {"ready_silence": -1}}), "/set/ready_silence"),
        (
            json!({"set": {"ready_silence": true}}),
            "/set/ready_silence",
        ),
        (json!({"sets": {}}), "/sets"),
    ] {
        let wrong = replay(body).await;
        assert_eq!(
            (wrong.status, &wrong.body["errors"][0]["pointer"]),
            (422, &json!(pointer))
        );
    }
    let dialled = server.originates();
    assert_eq!(dialled, 2, "nothing was dialled by looking");
    let audit = server.get("/audit?limit=1000").await.body;
    let read = audit["items"].as_array().unwrap().iter();
    let read: Vec<_> = read
        .filter(|row| row["action"] == "evidence.read")
        .map(|row| row["object"].as_str().unwrap().to_owned())
        .collect();
    assert!(read.contains(&format!("{drop}/incoming.wav")), "{read:?}");
    assert!(read.contains(&drop), "{read:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_drop_without_sound_cannot_be_heard_again() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let (server, drop) = with_drop(program, "sound:hello-world", "dialplan").await;
    let path = format!("/drops/{drop}/replay");
    let silent = server.send(server.post(&path, &json!({}))).await;
    assert_eq!((silent.status, silent.problem()), (404, "not_found"));
    let listed = server.get(&format!("/drops/{drop}/evidence")).await.body;
    assert_eq!(listed["items"][0]["file"], "drop.json", "{listed}");
    server.stop().await;
}

/// All that is kept of a call in one file, with a manifest of digests; the number only for who may read whole ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_handed_out_in_one_file_and_the_audit_log_says_so() {
    let (server, drop) = with_drop(listening(mailbox()).await, "./message.wav", "listen").await;
    let path = format!("/drops/{drop}/bundle");
    let reader = server.token(&["evidence:read"]).await;
    for (token, number) in [(&reader, "+1202•••0101"), (&server.admin, "+12025550101")] {
        let given = ask(server.plain(Method::GET, &path).bearer_auth(token)).await;
        assert_eq!(
            (given.status, given.header("content-type")),
            (200, "application/zip")
        );
        assert!(
            given
                .header("content-disposition")
                .contains(&format!("drop-{drop}.zip"))
        );
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(given.bytes)).unwrap();
        let mut read = |name: &str| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
            bytes
        };
        let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
        assert_eq!(
            (&manifest["aftertone_call"], &manifest["number"]),
            (&json!(1), &json!(number))
        );
        let files = manifest["files"].as_array().unwrap();
        let mut names: Vec<_> = files
            .iter()
            .map(|file| file["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert!(names.contains(&&*format!("calls/{drop}.json")), "{names:?}");
        assert!(
            names.contains(&&*format!("evidence/{drop}/incoming.wav")),
            "{names:?}"
        );
        for file in files {
            let bytes = read(file["name"].as_str().unwrap());
            let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], digest.as_str(), "{file}");
            let whole = String::from_utf8_lossy(&bytes).contains("12025550101");
            assert!(
                number.ends_with("2025550101") || !whole,
                "a whole number in {file}"
            );
        }
        let kept: Value =
            serde_json::from_slice(&read(&format!("evidence/{drop}/drop.json"))).unwrap();
        assert_eq!(kept["number"], number);
    }
    let viewer = server.token(&["drops:read"]).await;
    let refused = ask(server.plain(Method::GET, &path).bearer_auth(&viewer)).await;
    assert_eq!(refused.status, 403);
    let audit = server
        .get(&format!("/audit?object={drop}/bundle"))
        .await
        .body;
    server.fits(&audit, "AuditPage");
    assert_eq!(audit["items"].as_array().unwrap().len(), 2, "{audit}");
    assert_eq!(
        server.get("/audit?object=nothing").await.body["items"],
        json!([])
    );
    let none = server
        .get("/drops/0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa/bundle")
        .await;
    assert_eq!(none.status, 404);
    server.stop().await;
}
