//! Lists that are sent over HTTP: what is taken in, what is refused, and that nothing is lost or doubled by a connection that
//! breaks or a server that is killed.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod contacts;
pub(crate) mod killed;
pub(crate) mod memory;
mod others;

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};
use reqwest::{Method, RequestBuilder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    api::server::{Answer, ApiServer},
    base::{Kind as Database, Server},
    fake::script::Script,
    program::pbx,
};

/// A list of so many rows; of ten rows one is no number, and one has the number of the row before it.
pub(crate) fn list(rows: u64) -> String {
    let mut text = "phone,name,id\n".to_owned();
    for n in 0..rows {
        match n % 10 {
            3 => text.push_str(&format!("x,=row {n},c{n}\n")),
            7 => writeln!(text, "{},again,c{n}", number(n - 1)).unwrap(),
            _ => writeln!(text, "{},row {n},c{n}", number(n)).unwrap(),
        }
    }
    text
}

fn number(n: u64) -> String {
    format!("+1202{}{:04}", 220 + n / 10_000, n % 10_000)
}

impl ApiServer {
    async fn campaign(&self, name: &str) {
        let new = json!({"name": name, "kind": "marketing", "message": "sound:hello"});
        let made = self.send(self.post("/campaigns", &new)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    fn upload(&self, campaign: &str, query: &str, list: impl Into<Vec<u8>>) -> RequestBuilder {
        let path = format!("/campaigns/{campaign}/imports{query}");
        self.request(Method::POST, &path)
            .header("content-type", "text/csv")
            .body(list.into())
    }

    /// The import once it is over.
    async fn imported(&self, sent: &Answer) -> Value {
        assert_eq!(sent.status, 202, "{sent:?}");
        self.fits(&sent.body, "Import");
        let id = sent.body["id"].as_str().unwrap();
        assert_eq!(sent.header("location"), format!("/api/v1/imports/{id}"));
        let asking = async {
            loop {
                let shown = self.get(&format!("/imports/{id}")).await;
                assert_eq!(shown.status, 200, "{shown:?}");
                if ["complete", "failed"].contains(&shown.body["state"].as_str().unwrap()) {
                    return shown.body;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), asking)
            .await
            .expect("it never ends")
    }

    /// The files of lists in the state folder.
    fn spooled(&self) -> Vec<String> {
        let entries = fs::read_dir(self.program.path("state/uploads"));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_sent_becomes_contacts_and_rings_nobody() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        server.campaign("spring").await;
        let text = list(1_000);
        let coded = server
            .upload(
                "spring",
                "?name=leads.csv&map=name%3D2",
                gzip(text.as_bytes()),
            )
            .header("content-encoding", "gzip");
        let sent = server.send(coded).await;
        let import = server.imported(&sent).await;
        assert_eq!(import["state"], "complete", "{import}");
        server.fits(&import, "Import");
        let counts = [
            "rows",
            "rows_in_all",
            "added",
            "updated",
            "unchanged",
            "rejected",
        ];
        let counts = counts.map(|name| import[name].as_u64().unwrap());
        assert_eq!(counts, [1_000, 1_000, 800, 0, 0, 200]);
        assert_eq!(
            import["reasons"],
            json!({"duplicate": 100, "invalid_number": 100})
        );
        assert_eq!(
            (&import["size"], &import["bytes"], &import["name"]),
            (&json!(text.len()), &json!(text.len()), &json!("leads.csv"))
        );
        let id = import["id"].as_str().unwrap();
        // What is in it is kept nowhere but in the contacts, and in the rejects.
        assert_eq!(server.spooled(), [format!("{id}.rejects.csv")]);

        let path = format!("/imports/{id}/rejects");
        let (status, rejects) = server.text(server.request(Method::GET, &path)).await;
        assert_eq!(status, 200);
        let lines: Vec<_> = rejects.lines().collect();
        assert_eq!(lines.len(), 201);
        assert_eq!(lines[0], "rejected_line,rejected_because,rejected_detail");
        assert!(lines[1].starts_with("5,invalid_number,"), "{}", lines[1]);
        assert!(!rejects.contains(&number(6)[2..]), "{rejects}");
        let path = format!("{path}?full_numbers=true");
        let reader = server.token(&["contacts:read"]).await;
        let kept_out = server.plain(Method::GET, &path).bearer_auth(&reader);
        assert_eq!(server.text(kept_out).await.0, 403);
        let (_, full) = server.text(server.request(Method::GET, &path)).await;
        assert!(full.contains(&number(6)), "{full}");
        assert!(
            full.lines().nth(1).unwrap().ends_with(",x,\"'=row 3\",c3"),
            "{full}"
        );

        let campaign = server.get("/campaigns/spring").await;
        assert_eq!(campaign.body["standing"], "draft");
        assert_eq!(campaign.body["contacts"], 800);
        let listed = server.get("/campaigns/spring/imports").await;
        server.fits(&listed.body, "ImportPage");
        assert_eq!(listed.body["items"], json!([import]));
        let audit = server.get("/audit").await;
        let row = audit.body["items"].as_array().unwrap();
        let row = row
            .iter()
            .find(|row| row["action"] == "import.add")
            .unwrap();
        assert_eq!(
            (&row["object"], &row["after"]["import"]),
            (&json!("spring"), &json!(id))
        );
        assert_eq!(server.program.fake.with(|world| world.log.len()), 0);

        // The same list is the same import, and no contact is there twice.
        let again = server
            .send(server.upload("spring", "?name=leads.csv&map=name%3D2", text))
            .await;
        assert_eq!(again.body["id"], id);
        let import = server.imported(&again).await;
        let counts = ["added", "rejected"].map(|name| import[name].as_u64().unwrap());
        assert_eq!(
            (counts, &import["reasons"]["duplicate"]),
            ([800, 200], &json!(100))
        );
        assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 800);

        let gone = server
            .send(server.request(Method::DELETE, &format!("/imports/{id}")))
            .await;
        assert_eq!(gone.status, 204, "{gone:?}");
        assert_eq!(server.get(&format!("/imports/{id}")).await.status, 404);
        assert_eq!(server.spooled(), [""; 0]);
        assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 800);
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_taken_is_refused_with_a_reason_and_leaves_nothing() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    server.campaign("gone").await;
    let cancelled = server
        .put(
            "/campaigns/gone/standing",
            &json!({"standing": "cancelled"}),
        )
        .await;
    assert_eq!(cancelled.status, 200);
    let one = json!({"number": number(0)});
    let added = server
        .send(server.post("/campaigns/gone/contacts", &one))
        .await;
    assert_eq!((added.status, added.problem()), (409, "conflict"));
    assert_eq!(added.body["detail"], "it is cancelled");
    let small = || list(10);
    let wrong_digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let bomb = gzip(&vec![b'0'; 200 << 20]);
    let writer = server.token(&["campaigns:write"]).await;
    let cases = [
        (
            server
                .upload("spring", "", small())
                .header("content-digest", wrong_digest),
            (422, "invalid", "Content-Digest"),
        ),
        (
            server.upload("spring", "?map=name%3DTelefon", small()),
            (422, "invalid", "?map"),
        ),
        (
            server.upload("spring", "?map=mobile%3D1", small()),
            (422, "invalid", "?map"),
        ),
        (
            server.upload("spring", "?date_order=ymd&delimiter=x", small()),
            (422, "invalid", "?date_order"),
        ),
        (
            server.upload("spring", "", "a,b\n1,2\n"),
            (422, "invalid", ""),
        ),
        (server.upload("spring", "", ""), (422, "invalid", "")),
        (
            server.upload("spring", "", vec![0xff, 0xfe, 0, 1]),
            (422, "invalid", ""),
        ),
        (
            server
                .upload("spring", "", small())
                .header("content-encoding", "gzip"),
            (422, "invalid", ""),
        ),
        (
            server
                .upload("spring", "", gzip(&list(900).into_bytes())[..500].to_vec())
                .header("content-encoding", "gzip"),
            (422, "invalid", ""),
        ),
        (
            server
                .upload("spring", "", bomb)
                .header("content-encoding", "gzip"),
            (413, "too_large", "limit_ratio"),
        ),
        (
            server
                .request(Method::POST, "/campaigns/spring/imports")
                .header("content-type", "application/json")
                .body("{}"),
            (415, "unsupported_media_type", ""),
        ),
        (
            server
                .upload("spring", "", small())
                .header("content-encoding", "br"),
            (415, "unsupported_media_type", ""),
        ),
        (server.upload("none", "", small()), (404, "not_found", "")),
        (server.upload("gone", "", small()), (409, "conflict", "")),
        (
            server
                .plain(Method::POST, "/campaigns/spring/imports")
                .bearer_auth(&writer)
                .header("content-type", "text/csv")
                .body(small()),
            (403, "forbidden", "scope"),
        ),
    ];
    for (request, (status, problem, names)) in cases {
        let answer = server.send(request).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (status, problem),
            "{answer:?}"
        );
        server.fits_problem(&answer.body);
        if status == 422 {
            assert_eq!(answer.body["errors"][0]["pointer"], names, "{answer:?}");
        } else if !names.is_empty() {
            assert!(!answer.body[names].is_null(), "{answer:?}");
        }
    }
    assert_eq!(server.spooled(), [""; 0]);
    let listed = server.get("/campaigns/spring/imports").await;
    assert_eq!(listed.body["items"], json!([]));
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_longer_than_is_taken_is_refused_whether_its_length_is_announced_or_not() {
    let server =
        ApiServer::start_with(pbx(Script::mailbox()), "[serve]\nmax_upload = \"1MB\"\n").await;
    server.campaign("spring").await;
    let long = list(60_000);
    assert!(long.len() > 1_000_000);
    let announced = server.send(server.upload("spring", "", long.clone())).await;
    assert_eq!(
        (announced.status, &announced.body["limit_bytes"]),
        (413, &json!(1_000_000))
    );
    let coded = server
        .upload("spring", "", gzip(long.as_bytes()))
        .header("content-encoding", "gzip");
    let coded = server.send(coded).await;
    assert_eq!(
        (coded.status, &coded.body["limit_bytes"]),
        (413, &json!(1_000_000))
    );
    assert_eq!(server.spooled(), [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_cut_off_is_interrupted_and_goes_on_as_itself() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let text = list(5_000);
    let mut ids = std::collections::BTreeSet::new();
    for percent in [30, 60, 99] {
        let part = &text.as_bytes()[..text.len() * percent / 100];
        let head = format!(
            "POST /api/v1/campaigns/spring/imports?name=cut HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {}\r\n\
             content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
            server.admin,
            text.len(),
            at = server.at,
        );
        let mut client = TcpStream::connect(server.at).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(part).await.unwrap();
        let shown = async |wanted: &str| loop {
            let all = server.get("/campaigns/spring/imports").await.body;
            let items = all["items"].as_array().unwrap();
            assert!(items.len() <= 1, "{all}");
            if let Some(item) = items.first().filter(|item| item["state"] == wanted) {
                return item.clone();
            }
            sleep(Duration::from_millis(10)).await;
        };
        timeout(Duration::from_secs(20), shown("receiving"))
            .await
            .unwrap();
        drop(client);
        let left = timeout(Duration::from_secs(20), shown("interrupted"))
            .await
            .unwrap();
        assert!(
            left["why"].as_str().unwrap().contains("connection"),
            "{left}"
        );
        let id = left["id"].as_str().unwrap().to_owned();
        assert_eq!(server.spooled(), [format!("{id}.part")]);
        ids.insert(id);
    }
    let sent = server
        .send(server.upload("spring", "?name=cut", text))
        .await;
    ids.insert(sent.body["id"].as_str().unwrap().to_owned());
    assert_eq!(ids.len(), 1, "{ids:?}");
    let import = server.imported(&sent).await;
    assert_eq!(
        (&import["added"], &import["rejected"]),
        (&json!(4_000), &json!(1_000))
    );
    assert_eq!(
        server.get("/campaigns/spring").await.body["contacts"],
        4_000
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_cut_off_goes_on_where_it_ends() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let text = list(5_000);
    let half = text.len() / 2;
    let head = format!(
        "POST /api/v1/campaigns/spring/imports?name=cut HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        server.admin,
        text.len(),
        at = server.at,
    );
    let mut client = TcpStream::connect(server.at).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&text.as_bytes()[..half]).await.unwrap();
    client.shutdown().await.unwrap();
    let interrupted = async {
        loop {
            let all = server.get("/campaigns/spring/imports").await.body;
            if all["items"][0]["state"] == "interrupted" {
                return all["items"][0]["id"].as_str().unwrap().to_owned();
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let id = timeout(Duration::from_secs(20), interrupted).await.unwrap();
    let path = format!("/imports/{id}");
    let asked = server.send(server.request(Method::HEAD, &path)).await;
    assert_eq!(asked.status, 200);
    assert_eq!(asked.header("upload-offset"), half.to_string());
    assert_eq!(asked.header("upload-complete"), "?0");
    let rest = |at: usize, kind: &str, complete: &str| {
        server
            .request(Method::PATCH, &path)
            .header("content-type", kind)
            .header("upload-offset", at)
            .header("upload-complete", complete)
            .body(text[at..].to_owned())
    };
    let kind = "application/partial-upload";
    for (request, status) in [
        (rest(half, "text/csv", "?1"), 415),
        (rest(half, kind, "?0"), 422),
        (rest(half - 1, kind, "?1"), 409),
    ] {
        let refused = server.send(request).await;
        assert_eq!(refused.status, status, "{refused:?}");
        if status == 409 {
            assert_eq!(refused.header("upload-offset"), half.to_string());
        }
    }
    let sent = server.send(rest(half, kind, "?1")).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(sent.body["id"], id);
    let import = server.imported(&sent).await;
    assert_eq!(
        (&import["added"], &import["rejected"]),
        (&json!(4_000), &json!(1_000))
    );
    let again = server.send(rest(half, kind, "?1")).await;
    assert_eq!(again.status, 409, "{again:?}");
    let asked = server.send(server.request(Method::HEAD, &path)).await;
    assert_eq!(asked.header("upload-complete"), "?1");
    assert_eq!(asked.header("upload-offset"), text.len().to_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_json_and_packed_as_zstd_as_well() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let lines: String = (0..3_000)
        .map(|nth| {
            let number = number(nth);
            format!("{{\"number\": \"{number}\", \"name\": \"Ann\", \"columns\": {{\"City\": \"Bonn\"}}}}\n")
        })
        .collect();
    let packed = compress_to_vec(lines.as_bytes(), CompressionLevel::Fastest);
    assert!(packed.len() < lines.len() / 2);
    let send = |kind: &str, coding: &str, body: Vec<u8>| {
        server
            .request(Method::POST, "/campaigns/spring/imports?name=json")
            .header("content-type", kind)
            .header("content-encoding", coding)
            .body(body)
    };
    let ndjson = "application/x-ndjson";
    let sent = server.send(send(ndjson, "zstd", packed)).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let import = server.imported(&sent).await;
    assert_eq!(
        (&import["added"], &import["rejected"]),
        (&json!(3_000), &json!(0)),
        "{import}"
    );
    // The same as it is, is the same.
    let same = server
        .send(send(ndjson, "identity", lines.into_bytes()))
        .await;
    assert_eq!(same.body["id"], sent.body["id"], "{same:?}");
    // Runs of 128 KiB, each in four bytes: 200 MiB in all.
    let bomb = |byte: u8| {
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x50];
        for nth in 1..=1_600_u32 {
            let head = ((128 << 10) << 3) | (1 << 1) | u32::from(nth == 1_600);
            bomb.extend(&head.to_le_bytes()[..3]);
            bomb.push(byte);
        }
        bomb
    };
    for (request, status, words) in [
        (
            send("text/csv", "zstd", bomb(b'0')),
            413,
            "more than 100 times",
        ),
        (
            send(ndjson, "zstd", bomb(b'\n')),
            413,
            "more than 100 times",
        ),
        (
            send(ndjson, "zstd", b"phone\n".to_vec()),
            422,
            "it is not `zstd`",
        ),
        (
            send(ndjson, "identity", b"{}\n[]\n".to_vec()),
            422,
            "line 2",
        ),
        (send("text/csv", "br", b"phone\n".to_vec()), 415, "zstd"),
    ] {
        let refused = server.send(request).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(
            refused.body["detail"].as_str().unwrap().contains(words),
            "{refused:?}"
        );
    }
    assert_eq!(server.spooled(), [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_become_of_a_list_and_takes_nothing_in() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let sent = server
        .send(server.upload("spring", "?dry_run=true", list(3_000)))
        .await;
    let dry = server.imported(&sent).await;
    assert_eq!(
        (&dry["state"], &dry["dry_run"]),
        (&json!("complete"), &json!(true))
    );
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 0);
    let sent = server.send(server.upload("spring", "", list(3_000))).await;
    let import = server.imported(&sent).await;
    assert_ne!(dry["id"], import["id"]);
    for name in ["rows", "added", "rejected", "reasons"] {
        assert_eq!(dry[name], import[name], "{name}");
    }
    // Of one that is in it says what would stay.
    let longer = server
        .send(server.upload("spring", "?dry_run=true", list(3_100)))
        .await;
    let longer = server.imported(&longer).await;
    let counts = ["added", "unchanged", "rejected"].map(|name| longer[name].as_u64().unwrap());
    assert_eq!(counts, [80, 2_400, 620], "{longer}");
    assert!(
        longer["notes"][0].as_str().unwrap().contains("2400"),
        "{longer}"
    );
    server.stop().await;
}

/// Its first rows are shown, what its columns are is corrected, and only then its rows come in: it is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_looked_at_and_corrected_before_its_rows_come_in() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false").await;
    server.campaign("spring").await;
    server.campaign("summer").await;
    let barred = "/do-not-call/own/numbers/+12025550102";
    let barred = server.put(barred, &json!({"because": "asked us"})).await;
    assert_eq!(barred.status, 201, "{barred:?}");
    let list = "Telefon;Kunde;Agreed;Am;Wo;Other phone\n\
                +12025550101;Ann;written;2026-03-01;web;call 202 555 0199\n\
                +12025550102;Bob;written;2026-03-01;web;\n\
                +12025550103;Cid;;;;\n\
                nonsense;Dan;written;;;\n";
    let sent = server
        .send(server.upload("spring", "?dry_run=true&keep=true", list))
        .await;
    let first = server.imported(&sent).await;
    assert_eq!(
        (&first["state"], &first["reading"]["keep"]),
        (&json!("failed"), &json!(true))
    );
    let id = first["id"].as_str().unwrap();
    let preview = server.get(&format!("/imports/{id}/preview")).await;
    server.fits(&preview.body, "ImportPreview");
    assert!(
        preview.body["fault"]
            .as_str()
            .unwrap()
            .contains("`Telefon`"),
        "{preview:?}"
    );
    assert_eq!(
        preview.body["columns"][0],
        json!({"name": "Telefon", "field": null, "taken": "kept"})
    );
    assert_eq!(
        preview.body["rows"][0]["cells"],
        json!([
            "+1202•••0101",
            "Ann",
            "written",
            "2026-03-01",
            "web",
            "call 202 ••• 0199"
        ])
    );
    assert!(
        !preview.body.to_string().contains("2025550101"),
        "{preview:?}"
    );
    assert_eq!(preview.body["rows"][0]["contact"], Value::Null);

    // Read again as somebody says, and still nothing is taken in.
    let query = format!(
        "?from={id}&dry_run=true&keep=true&map=number%3DTelefon&map=name%3DKunde&map=consent%3DAgreed&map=consent_at%3DAm&map=consent_source%3DWo"
    );
    let sent = server.send(server.upload("spring", &query, "")).await;
    let second = server.imported(&sent).await;
    server.fits(&second, "Import");
    assert_eq!(
        (&second["state"], &second["added"], &second["rejected"]),
        (&json!("complete"), &json!(3), &json!(1))
    );
    let said = second["gate"]["decisions"].as_array().unwrap();
    let of = |reason: &str| {
        said.iter()
            .find(|one| one["reason"] == reason)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&of("do_not_call")["decision"], &of("do_not_call")["rows"]),
        (&json!("refused"), &json!(1))
    );
    assert_eq!(of("no_consent")["rule"], "consent");
    let rest = said
        .iter()
        .find(|one| one["decision"] == "allowed")
        .unwrap();
    assert_eq!((&rest["rows"], &rest["reason"]), (&json!(1), &Value::Null));
    let again = second["id"].as_str().unwrap();
    let preview = server.get(&format!("/imports/{again}/preview")).await.body;
    server.fits(&preview, "ImportPreview");
    assert_eq!(
        (&preview["fault"], &preview["columns"][0]["field"]),
        (&Value::Null, &json!("number"))
    );
    let row = &preview["rows"][0];
    assert_eq!(
        (
            &row["contact"]["number"],
            &row["contact"]["consent"],
            &row["contact"]["zones"]
        ),
        (
            &json!("+1202•••0101"),
            &json!("written"),
            &json!(["America/New_York"])
        )
    );
    assert_eq!(
        (&preview["rows"][1]["reason"], &preview["rows"][1]["rule"]),
        (&json!("do_not_call"), &json!("do_not_call"))
    );
    assert_eq!(preview["rows"][3]["decision"], "rejected");
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 0);

    for (campaign, query, body) in [
        ("spring", "?keep=true", list),
        ("summer", &*format!("?from={again}"), ""),
        ("spring", &*format!("?from={again}"), list),
    ] {
        let refused = server.send(server.upload(campaign, query, body)).await;
        assert_eq!(refused.status, 422, "{query}: {refused:?}");
    }
    let query = format!(
        "?from={again}&map=number%3DTelefon&map=consent%3DAgreed&map=consent_at%3DAm&map=consent_source%3DWo"
    );
    let sent = server.send(server.upload("spring", &query, "")).await;
    let taken = server.imported(&sent).await;
    assert_eq!(
        (&taken["added"], &taken["gate"], &taken["dry_run"]),
        (&json!(3), &Value::Null, &json!(false))
    );
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 3);
    // What was taken in is not kept beside the contacts.
    assert_eq!(
        server
            .get(&format!("/imports/{again}/preview"))
            .await
            .status,
        404
    );
    let gone = server
        .send(server.upload("spring", &format!("?from={again}&dry_run=true"), ""))
        .await;
    assert_eq!((gone.status, gone.problem()), (409, "conflict"));
    let forgotten = server
        .send(server.request(Method::DELETE, &format!("/imports/{id}")))
        .await;
    assert_eq!(forgotten.status, 204);
    let left: Vec<_> = server
        .spooled()
        .into_iter()
        .filter(|name| !name.ends_with(".rejects.csv"))
        .collect();
    assert_eq!(left, [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_forgotten_is_not_gone_on_with() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let sent = server.send(server.upload("spring", "", list(60_000))).await;
    let id = sent.body["id"].as_str().unwrap().to_owned();
    let begun = async {
        while server.get("/campaigns/spring").await.body["contacts"] == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), begun).await.unwrap();
    let path = format!("/imports/{id}");
    let gone = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    // Once it is answered nothing more comes in, and no file is left.
    assert_eq!(server.get(&path).await.status, 404);
    assert_eq!(server.spooled(), [""; 0]);
    let left = server.get("/campaigns/spring").await.body["contacts"].clone();
    assert!(left.as_u64().unwrap() < 48_000, "it was over: {left}");
    let next = server
        .send(server.upload("spring", "?name=next", list(20)))
        .await;
    server.imported(&next).await;
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], left);
    let audit = server.get("/audit").await.body;
    assert!(
        audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["action"] == "import.forget")
    );
    server.stop().await;
}

/// Numbers that a spreadsheet has made decimals: what cannot have lost a digit is read, and the rest is rejected.
#[tokio::test(flavor = "multi_thread")]
async fn decimals_are_read_if_they_are_whole_and_rejected_if_they_may_not_be() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.campaign("spring").await;
    let text = "phone;name\n2025550101.0;whole\n1.20255501E+10;rounded\n+49 30 90182.0;unclear\n2025550102,0;comma\n";
    let sent = server.send(server.upload("spring", "", text)).await;
    let import = server.imported(&sent).await;
    assert_eq!(
        (&import["rows"], &import["state"]),
        (&json!(4), &json!("complete")),
        "{import}"
    );
    let contacts = server.get("/campaigns/spring/contacts").await.body;
    let names: Vec<_> = contacts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].clone())
        .collect();
    assert!(names.contains(&json!("whole")), "{names:?}");
    assert!(
        !names.contains(&json!("rounded")) && !names.contains(&json!("unclear")),
        "{names:?}"
    );
    assert_eq!(import["added"].as_u64().unwrap() as usize, names.len());
    server.stop().await;
}

/// The reasons of rejects, by the file that is given.
pub(crate) fn reasons_of(csv: &str) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    let mut lines = std::collections::BTreeSet::new();
    for row in csv.lines().skip(1) {
        let mut fields = row.split(',');
        assert!(
            lines.insert(fields.next().unwrap().to_owned()),
            "twice: {row}"
        );
        *reasons
            .entry(fields.next().unwrap().to_owned())
            .or_default() += 1;
    }
    reasons
}
