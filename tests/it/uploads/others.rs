//! What else is sent in or looked up over HTTP: do-not-call lists, erasures, messages as sound, simulations, the doctor's checks.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    api::{killed::Serving, server::ApiServer},
    base::{Kind as Database, Server},
    fake::script::Script,
    http_client,
    program::{NUMBER, Program, pbx},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_numbers_bars_all_of_them_before_it_is_answered() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(
            pbx(Script::mailbox()),
            "hours = false\nconsent = false",
            database,
            &postgres,
        )
        .await;
        let send = async |query: &str, list: &'static str| {
            let request = server.request(Method::POST, &format!("/do-not-call{query}"));
            server
                .send(request.header("content-type", "text/csv").body(list))
                .await
        };
        let list = "phone,note\n+12025550101,asked\nnobody,\n202-555-0102,\n2025550103.0,\n";
        let barred = send("?because=complaints", list).await;
        assert_eq!(barred.status, 200, "{barred:?}");
        server.fits(&barred.body, "BarredList");
        assert_eq!(
            (&barred.body["list"], &barred.body["rejected"]),
            (&json!("own"), &json!(1))
        );
        assert_eq!(barred.body["rejects"][0]["line"], 3);
        assert!(barred.body["added"].as_u64().unwrap() >= 3, "{barred:?}");
        let order = json!({"to": NUMBER, "message": "sound:hello-world", "kind": "marketing"});
        let refused = server.order("k1", &order).await;
        assert_eq!((refused.status, refused.problem()), (422, "refused"));
        let shown = server.get("/do-not-call/own/numbers/+12025550102").await;
        assert_eq!(shown.body["because"], "complaints");
        // Sent again it changes nothing; and another list is another one.
        assert_eq!(send("", list).await.body["added"], 0);
        assert!(
            send("?list=state&column=phone", list).await.body["added"]
                .as_u64()
                .unwrap()
                > 0
        );
        for (query, body, pointer) in [
            ("?list=No%20Name", list, "?list"),
            ("?columns=phone", list, "?columns"),
            ("?column=Telefon", list, ""),
            ("", "", ""),
        ] {
            let wrong = send(query, body).await;
            assert_eq!(
                (wrong.status, &wrong.body["errors"][0]["pointer"]),
                (422, &json!(pointer)),
                "{wrong:?}"
            );
        }
        let audit = server.get("/audit").await.body;
        let rows = audit["items"].as_array().unwrap().iter();
        assert_eq!(
            rows.filter(|row| row["action"] == "do_not_call.add")
                .count(),
            2 + 1,
            "{audit}"
        );
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_and_never_comes_back() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false\nconsent = false").await;
    server.campaign("spring").await;
    let ann = json!({"number": NUMBER, "name": "Ann", "foreign_id": "C-1"});
    let put = async || {
        server
            .send(server.post("/campaigns/spring/contacts", &ann))
            .await
            .body
    };
    let contact = put().await["items"][0]["contact"].as_i64().unwrap();
    let order = json!({"to": NUMBER, "message": "sound:hello-world", "kind": "marketing", "foreign_id": "C-1"});
    let ordered = server.order("k1", &order).await;
    server.ended(ordered.body["drop"].as_str().unwrap()).await;
    let erase = async |body: Value| server.send(server.post("/erasures", &body)).await;
    assert_eq!(erase(json!({"number": "12"})).await.status, 422);
    let gone = erase(json!({"number": NUMBER, "because": "asked"})).await;
    assert_eq!(gone.status, 200, "{gone:?}");
    server.fits(&gone.body, "Erasure");
    assert_eq!(
        (&gone.body["contacts"], &gone.body["calls"]),
        (&json!(1), &json!(1))
    );
    let shown = server.get(&format!("/contacts/{contact}")).await.body;
    assert_eq!(
        (&shown["number"], &shown["name"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(put().await["items"][0]["reason"], "erased");
    let again = server.order("k2", &order).await;
    assert!([(422, "refused"), (410, "erased")].contains(&(again.status, again.problem())));
    let audit = server.get("/audit").await.body;
    let rows = audit["items"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["action"] == "person.erase")
        .unwrap();
    assert_eq!(
        (&row["object"], &row["after"]),
        (&json!("a person"), &json!({"because": "asked"}))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_are_found_by_the_foreign_id_of_their_contact_or_their_order() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(
            pbx(Script::mailbox()),
            "hours = false\nconsent = false\ncaps = false",
            database,
            &postgres,
        )
        .await;
        server.campaign("spring").await;
        let people = json!([
            {"number": "+12025550101", "foreign_id": "C-1"},
            {"number": "+12025550102", "foreign_id": "C-2"},
        ]);
        server
            .send(server.post("/campaigns/spring/contacts", &people))
            .await;
        let run = server.program.run(&["campaign", "run", "spring"]).await;
        assert_eq!(run.status, Some(0), "{run:?}");
        let order = json!({"to": "+12025550103", "message": "sound:hello-world", "kind": "marketing", "foreign_id": "C-1"});
        let ordered = server.order("k1", &order).await;
        let single = ordered.body["drop"].as_str().unwrap().to_owned();
        server.ended(&single).await;
        let found = server.get("/drops?foreign_id=C-1").await.body;
        let items = found["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{found}");
        assert_eq!(items[0]["drop"], single.as_str());
        assert_eq!(
            (&items[1]["campaign"], &items[1]["outcome"]),
            (&json!("spring"), &json!("delivered"))
        );
        let first = server.get("/drops?foreign_id=C-1&limit=1").await.body;
        let next = first["next"].as_str().unwrap();
        let second = server
            .get(&format!("/drops?foreign_id=C-1&limit=1&cursor={next}"))
            .await
            .body;
        assert_eq!(second["items"][0], items[1]);
        let previous = second["previous"].as_str().unwrap();
        let back = server
            .get(&format!("/drops?foreign_id=C-1&limit=1&cursor={previous}"))
            .await
            .body;
        assert_eq!(back["items"], first["items"]);

        let summary = server.get("/campaigns/spring/summary").await;
        server.fits(&summary.body, "CampaignSummary");
        assert_eq!(
            (&summary.body["contacts_delivered"], &summary.body["drops"]),
            (&json!(2), &json!(2))
        );
        let live = server.get("/campaigns/spring/live").await;
        server.fits(&live.body, "LiveCampaign");
        assert_eq!(
            (&live.body["is_run_here"], &live.body["idle"]),
            (&json!(false), &Value::Null)
        );
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_given_as_sound_and_as_a_picture() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let recording = std::fs::read(server.program.record("tone.wav", 2_000)).unwrap();
    let put = server
        .request(Method::PUT, "/messages/spring")
        .body(recording);
    assert_eq!(server.send(put).await.status, 201);
    let sound = server.request(Method::GET, "/messages/spring/audio");
    let sound = sound.header("range", "bytes=0-3").send().await.unwrap();
    assert_eq!(sound.status().as_u16(), 206);
    assert_eq!(sound.bytes().await.unwrap(), &b"RIFF"[..]);
    let picture = server.request(Method::GET, "/messages/spring/picture.svg");
    let (status, picture) = server.text(picture).await;
    assert_eq!(status, 200);
    assert!(
        picture.starts_with("<svg") || picture.starts_with("<?xml"),
        "{picture:.80}"
    );
    for path in ["/messages/none/audio", "/messages/none/picture.svg"] {
        assert_eq!(server.get(path).await.status, 404);
    }
    assert_eq!(server.get("/messages/..%2Fx/audio").await.status, 422);
    let doctor = server.send(server.request(Method::POST, "/doctor")).await;
    assert_eq!((doctor.status, doctor.problem()), (503, "no_pbx"));
    server.stop().await;
}

/// What only a service with a PBX does.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_simulates_campaigns_examines_its_pbx_and_shows_what_runs() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let path = program.path("aftertone.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replacen(
        "[store]\n",
        "[serve]\nlisten = \"127.0.0.1:0\"\n[store]\n",
        1,
    );
    std::fs::write(&path, text).unwrap();
    let made = program
        .run(&["token", "add", "test", "--scope", "admin", "--json"])
        .await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let serving = Serving::start(&program).await;
    let ask = async |method: Method, path: &str, body: Value| {
        let url = format!("{}/api/v1{path}", serving.url);
        let request = http_client()
            .request(method, url)
            .bearer_auth(&token)
            .json(&body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap_or_default())
    };
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello"});
    ask(Method::POST, "/campaigns", new).await;
    let none = json!({"campaign": "spring"});
    let wait = async |order: Value| {
        let (status, begun) = ask(Method::POST, "/simulations", order).await;
        assert_eq!(status, 202, "{begun}");
        let path = format!("/simulations/{}", begun["id"].as_str().unwrap());
        let done = async {
            loop {
                let (_, shown) = ask(Method::GET, &path, json!({})).await;
                if shown["state"] != "running" {
                    return shown;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), done).await.unwrap()
    };
    let empty = wait(none.clone()).await;
    assert_eq!(
        (&empty["state"], &empty["why"]),
        (&json!("failed"), &json!("it has no contact to dial"))
    );
    let one = json!({"number": NUMBER});
    ask(Method::POST, "/campaigns/spring/contacts", one).await;
    let done = wait(none).await;
    assert_eq!(
        (&done["state"], &done["forecast"]["contacts"]),
        (&json!("complete"), &json!(1)),
        "{done}"
    );
    let wrong = wait(json!({"campaign": "spring", "assume": {"/etc/passwd": 1}})).await;
    assert!(
        wrong["why"].as_str().unwrap().contains("not an outcome"),
        "{wrong}"
    );
    let (_, all) = ask(Method::GET, "/simulations", json!({})).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let (status, _) = ask(Method::POST, "/simulations", json!({"campaign": "none"})).await;
    assert_eq!(status, 404);

    let (status, examined) = ask(Method::POST, "/doctor", json!({})).await;
    assert_eq!(status, 200, "{examined}");
    let checks = examined["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .all(|check| !check["detail"].as_str().unwrap().is_empty()),
        "{examined}"
    );

    // It runs what somebody starts, and says how.
    let running = json!({"standing": "running"});
    assert_eq!(
        ask(Method::PUT, "/campaigns/spring/standing", running)
            .await
            .0,
        200
    );
    let live = async {
        loop {
            let (_, live) = ask(Method::GET, "/campaigns/spring/live", json!({})).await;
            if live["is_run_here"] == true {
                return live;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let live = timeout(Duration::from_secs(60), live).await.unwrap();
    assert!(live["phase"].is_string(), "{live}");
    serving.end().await;
}
