//! Contacts over HTTP: listed, added one by one, looked up with what became of them, and deleted.

use reqwest::Method;
use serde_json::{Value, json};

use super::{list, number};
use crate::{
    api::server::ApiServer,
    base::{Kind as Database, Server},
    fake::script::Script,
    program::pbx,
};

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_walked_both_ways_while_others_come_in() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        server.campaign("spring").await;
        server.campaign("other").await;
        for campaign in ["other", "spring"] {
            let sent = server.send(server.upload(campaign, "", list(1_000))).await;
            server.imported(&sent).await;
        }
        let (mut all, mut pages) = (Vec::new(), Vec::new());
        let mut path = "/campaigns/spring/contacts?limit=150".to_owned();
        loop {
            let page = server.get(&path).await.body;
            if all.is_empty() {
                server.fits(&page, "ContactPage");
            }
            let lines = page["items"].as_array().unwrap().iter();
            let lines: Vec<u64> = lines.map(|item| item["line"].as_u64().unwrap()).collect();
            all.extend(lines.clone());
            pages.push(lines);
            // Somebody adds one at the end.
            let new = json!({"number": number(5_000 + all.len() as u64)});
            let added = server
                .send(server.post("/campaigns/spring/contacts", &new))
                .await;
            assert_eq!(added.body["added"], 1, "{added:?}");
            let Some(next) = page["next"].as_str() else {
                let previous = page["previous"].as_str().unwrap();
                let back = format!("/campaigns/spring/contacts?limit=150&cursor={previous}");
                let back = server.get(&back).await.body;
                let lines = back["items"].as_array().unwrap().iter();
                let lines: Vec<u64> = lines.map(|item| item["line"].as_u64().unwrap()).collect();
                assert_eq!(lines, pages[pages.len() - 2]);
                break;
            };
            path = format!("/campaigns/spring/contacts?limit=150&cursor={next}");
        }
        let of_list: Vec<_> = (0..1_000)
            .filter(|n| ![3, 7].contains(&(n % 10)))
            .map(|n| n + 2)
            .collect();
        assert_eq!(all[..800], of_list[..]);

        let one = async |query: &str| {
            server
                .get(&format!("/campaigns/spring/contacts?{query}"))
                .await
        };
        let found = one("foreign_id=c12").await.body;
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!(found["items"][0]["name"], "row 12");
        assert_eq!(found["items"][0]["stage"], "due");
        let by_number = one(&format!("number=%2B{}", &number(12)[1..])).await.body;
        assert_eq!(by_number["items"], found["items"]);
        let premium = one("number=%2B19005550101").await;
        assert_eq!((premium.status, &premium.body["items"]), (200, &json!([])));
        assert_eq!(found["count"], Value::Null);
        assert_eq!(
            one("count=true&limit=1").await.body["count"],
            800 + pages.len()
        );
        assert_eq!(one("count=true&refused=no_consent").await.body["count"], 0);
        assert_eq!(one("count=true&foreign_id=c12").await.status, 422);
        assert_eq!(one("outcome=delivered").await.body["items"], json!([]));
        assert_eq!(one("refused=no_consent").await.body["items"], json!([]));
        for (query, pointer) in [
            ("outcome=fine", "?outcome"),
            ("refused=fine", "?refused"),
            ("stage=due", "?stage"),
            ("name=Ann", "?name"),
            ("number=%2B12025550101&foreign_id=c1", "?foreign_id"),
        ] {
            let wrong = one(query).await;
            assert_eq!(
                (wrong.status, &wrong.body["errors"][0]["pointer"]),
                (422, &json!(pointer))
            );
        }
        let masked = found["items"][0]["number"].as_str().unwrap();
        assert!(masked.contains('•'), "{masked}");
        let full = one("foreign_id=c12&full_numbers=true").await.body;
        assert_eq!(full["items"][0]["number"], number(12));
        let reader = server.token(&["contacts:read"]).await;
        let path = "/campaigns/spring/contacts?full_numbers=true";
        let kept_out = server
            .send(server.plain(Method::GET, path).bearer_auth(&reader))
            .await;
        assert_eq!(kept_out.status, 403);
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_added_changed_looked_up_and_deleted() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        server.campaign("spring").await;
        let add = async |body: &Value| {
            server
                .send(server.post("/campaigns/spring/contacts", body))
                .await
        };
        let ann = json!({
            "number": "+12025550101", "name": "Ann", "timezone": "America/New_York", "state": "DC", "consent": "written",
            "consent_at": "2026-03-01", "consent_source": "web form", "foreign_id": "C-1", "columns": {"plan": "gold"}
        });
        let added = add(&ann).await;
        assert_eq!(added.status, 200, "{added:?}");
        server.fits(&added.body, "PutContacts");
        assert_eq!(
            (&added.body["added"], &added.body["items"][0]["result"]),
            (&json!(1), &json!("added"))
        );
        let id = added.body["items"][0]["contact"].as_i64().unwrap();
        let shown = server.get(&format!("/contacts/{id}")).await;
        server.fits(&shown.body, "Contact");
        assert_eq!(shown.body["number"], "+1202•••0101");
        assert_eq!(
            shown.body["consent"],
            json!({
                "level": "written", "at": "2026-03-01T00:00:00Z", "source": "web form"
            })
        );
        assert_eq!(shown.body["columns"], json!({"plan": "gold"}));
        assert_eq!(
            (&shown.body["campaign"], &shown.body["list"]),
            (&json!("spring"), &Value::Null)
        );

        // Again it changes nothing; with another name it is changed; the rest is said of each.
        assert_eq!(add(&ann).await.body["unchanged"], 1);
        let mut beth = ann.clone();
        beth["name"] = json!("Beth");
        let many = json!([beth, {"number": "12"}, {"number": "+12025550102"}, {"number": "(202) 555-0102"}]);
        let put = add(&many).await.body;
        let results: Vec<_> = put["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                format!(
                    "{} {}",
                    item["result"].as_str().unwrap(),
                    item["reason"].as_str().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(
            results,
            [
                "updated -",
                "rejected invalid_number",
                "added -",
                "rejected duplicate"
            ]
        );
        assert_eq!(put["items"][0]["contact"], id);
        assert_eq!(
            server.get(&format!("/contacts/{id}")).await.body["name"],
            "Beth"
        );
        let campaign = server.get("/campaigns/spring").await.body;
        assert_eq!(
            (
                &campaign["contacts"],
                &campaign["waiting"],
                &campaign["standing"]
            ),
            (&json!(2), &json!(2), &json!("draft"))
        );
        let lines = server.request(Method::POST, "/campaigns/spring/contacts")
            .header("content-type", "application/x-ndjson")
            .body("{\"number\": \"+12025550103\"}\n{\"number\": \"+12025550104\", \"name\": \"=1+1\"}\n");
        assert_eq!(server.send(lines).await.body["added"], 2);

        // One with a NUL character is left out, and no other.
        let with_nul = json!([
            {"number": "+12025550105"}, {"number": "+12025550106", "name": "a\u{0}"},
            {"number": "+12025550107", "columns": {"a/b": "\u{0}"}}, {"number": "+12025550108"},
        ]);
        let put = add(&with_nul).await;
        let said: Vec<_> = put.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["detail"].as_str().unwrap_or("in"))
            .collect();
        assert_eq!(
            said,
            [
                "in",
                "/name holds a NUL character",
                "/columns/a~1b holds a NUL character",
                "in"
            ],
            "{put:?}"
        );

        for (body, pointers) in [
            (
                json!({"number": 12, "tpyo": "x", "columns": {"a/b": 1, "7": "x"}}),
                vec!["/columns/7", "/columns/a~1b", "/number", "/tpyo"],
            ),
            (json!([{"number": 12}]), vec!["/0/number"]),
            (json!([{"number": "+12025550109"}, 7]), vec!["/1"]),
            (json!(7), vec![""]),
            (json!([]), vec![""]),
        ] {
            let wrong = add(&body).await;
            let named: Vec<_> = wrong.body["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|fault| fault["pointer"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(
                (wrong.status, named),
                (422, pointers.iter().map(|at| (*at).to_owned()).collect()),
                "{wrong:?}"
            );
        }
        assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 6);
        for (path, status, pointer) in [
            ("/campaigns/a%00b", 404, None),
            (
                "/campaigns/spring/contacts?foreign_id=a%00",
                422,
                Some("?foreign_id"),
            ),
            ("/campaigns/spring/contacts?foreign_id=a%2500", 200, None),
        ] {
            let answer = server.get(path).await;
            assert_eq!(answer.status, status, "{answer:?}");
            let named = answer.body["errors"][0]["pointer"].as_str();
            assert_eq!(named, pointer, "{answer:?}");
        }
        let because = json!({"because": "asked\u{0}"});
        let barred = server
            .put("/do-not-call/own/numbers/+12025550199", &because)
            .await;
        assert_eq!(
            (barred.status, &barred.body["errors"][0]["pointer"]),
            (422, &json!("/because")),
            "{barred:?}"
        );

        let history = server.get(&format!("/contacts/{id}/history")).await;
        server.fits(&history.body, "ContactHistory");
        assert_eq!(
            (&history.body["decisions"], &history.body["drops"]),
            (&json!([]), &json!([]))
        );
        let gone = server
            .send(server.request(Method::DELETE, &format!("/contacts/{id}")))
            .await;
        assert_eq!(gone.status, 204, "{gone:?}");
        for path in [
            format!("/contacts/{id}"),
            "/contacts/x".to_owned(),
            "/contacts/999999".to_owned(),
        ] {
            assert_eq!(server.get(&path).await.status, 404);
        }
        assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 5);
        let audit = server.get("/audit").await.body;
        let actions: Vec<_> = audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["action"].clone())
            .collect();
        assert_eq!(
            actions[..2],
            [json!("contact.delete"), json!("contact.add")]
        );
        assert!(!audit.to_string().contains("2025550101"));
        assert_eq!(server.program.fake.with(|world| world.log.len()), 0);
        server.stop().await;
        postgres.down();
    }
}

/// A contact that was called keeps its drops and its rulings, and stays.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_contact_has_its_decisions_and_its_drops() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false\ncaps = false").await;
    server.campaign("spring").await;
    let people = json!([
        {"number": "+12025550101", "state": "DC", "consent": "written", "consent_at": "2026-03-01", "consent_source": "web"},
        {"number": "+12025550102", "state": "DC"},
    ]);
    let put = server
        .send(server.post("/campaigns/spring/contacts", &people))
        .await
        .body;
    let ids = [0, 1].map(|at| put["items"][at]["contact"].as_i64().unwrap());
    let run = server.program.run(&["campaign", "run", "spring"]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let called = server
        .get(&format!("/contacts/{}/history", ids[0]))
        .await
        .body;
    assert_eq!(called["drops"][0]["outcome"], "delivered", "{called}");
    assert_eq!(called["drops"][0]["ruling"]["decision"], "allowed");
    let refused = server
        .get(&format!("/contacts/{}/history", ids[1]))
        .await
        .body;
    assert_eq!(refused["decisions"][0]["reason"], "no_consent", "{refused}");
    assert_eq!(refused["drops"], json!([]));
    let kept = server
        .send(server.request(Method::DELETE, &format!("/contacts/{}", ids[0])))
        .await;
    assert_eq!((kept.status, kept.problem()), (409, "conflict"));
    assert_eq!(
        kept.body["detail"],
        "it was called, and who was called is kept"
    );
    let kept = server
        .send(server.request(Method::DELETE, "/campaigns/spring"))
        .await;
    assert_eq!((kept.status, kept.problem()), (409, "conflict"));
    assert_eq!(kept.body["detail"], "it has drops, which are kept");
    let by_outcome = server
        .get("/campaigns/spring/contacts?outcome=delivered")
        .await
        .body;
    assert_eq!(by_outcome["items"][0]["contact"], ids[0]);
    let by_reason = server
        .get("/campaigns/spring/contacts?refused=no_consent")
        .await
        .body;
    assert_eq!(by_reason["items"][0]["contact"], ids[1]);
    // Complete, it gets another one, and calls nobody before somebody says so.
    let one = json!({"number": "+12025550103"});
    assert_eq!(
        server
            .send(server.post("/campaigns/spring/contacts", &one))
            .await
            .body["added"],
        1
    );
    assert_eq!(
        server.get("/campaigns/spring").await.body["standing"],
        "draft"
    );
    server.stop().await;
}

/// What is sent as JSON is read alike, whichever way it comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_contact_of_json_is_the_same_in_a_list_and_by_itself() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    for campaign in ["listed", "given", "looked-at"] {
        server.campaign(campaign).await;
    }
    let contacts = [
        json!({
            "number": "+12025550101", "first_name": "Ann", "last_name": "Fox", "state": "DC", "consent": "written",
            "consent_at": "2026-03-01", "consent_source": "web form", "foreign_id": "C-1",
            "columns": {
                "Phone": "12", "Mobile": "+12025550199", "id": "7", "ID": "8", "Surname": "F", "Family name": "G", "first_name": null,
                "name": "n", "plan": "=1",
            },
        }),
        json!({"number": "(202) 555-0102", "name": "Eve", "first_name": "Evelyn", "timezone": "America/Chicago"}),
        json!({"number": "+12025550103", "last_name": "Ray", "columns": {"first_name": "R", "Phone": null}}),
        json!({"number": "+12025550104", "name": null, "message": "sound:hello", "columns": {"plan": " gold "}}),
        json!({"number": "12", "columns": {"Phone": "+12025550105"}}),
        json!({"columns": {"Phone": "+12025550106"}}),
    ];
    let lines: String = contacts.iter().map(|one| format!("{one}\n")).collect();
    let send = |campaign: &str, query: &str| {
        server
            .request(
                Method::POST,
                &format!("/campaigns/{campaign}/imports?name=json{query}"),
            )
            .header("content-type", "application/x-ndjson")
            .body(lines.clone())
    };
    let sent = server.send(send("listed", "")).await;
    let listed = server.imported(&sent).await;
    let given = server
        .send(server.post("/campaigns/given/contacts", &json!(contacts)))
        .await
        .body;
    // One that was only looked at is taken in as it was read.
    let looked = server
        .send(send("looked-at", "&dry_run=true&keep=true"))
        .await;
    let looked = server.imported(&looked).await;
    let from = looked["id"].as_str().unwrap();
    let path = format!("/campaigns/looked-at/imports?name=json&from={from}");
    let taken = server.send(server.request(Method::POST, &path)).await;
    let taken = server.imported(&taken).await;
    for counted in [&listed, &given, &looked, &taken] {
        assert_eq!(
            (&counted["added"], &counted["rejected"]),
            (&json!(4), &json!(2)),
            "{counted}"
        );
    }
    let of = async |campaign: &str| -> Vec<Value> {
        let path = format!("/campaigns/{campaign}/contacts?full_numbers=true");
        let mut page = server.get(&path).await.body;
        let items = page["items"].as_array_mut().unwrap();
        for item in &mut *items {
            for own in ["contact", "campaign", "list", "line", "due_at"] {
                item.as_object_mut().unwrap().remove(own);
            }
        }
        std::mem::take(items)
    };
    let by_themselves = of("given").await;
    assert_eq!(by_themselves[0]["name"], "Ann Fox");
    assert_eq!(by_themselves[0]["columns"]["Phone"], "12");
    assert_eq!(by_themselves[0]["columns"]["last_name"], "Fox");
    assert_eq!(by_themselves[1]["name"], "Eve");
    assert_eq!(by_themselves[2]["columns"]["first_name"], "R");
    assert_eq!(of("listed").await, by_themselves);
    assert_eq!(of("looked-at").await, by_themselves);
    server.stop().await;
}
