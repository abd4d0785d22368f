//! What is changed over HTTP is in the audit log: each route that changes something leaves one row.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    receiver::{Receiver, Reply},
    server::ApiServer,
};
use crate::base::{Kind as Database, Server};

/// Routes that are not `GET` and are not sent below, and why. One that is added has to be decided on here or there.
const ELSEWHERE: &[(&str, &str)] = &[
    ("POST /drops/{drop}/replay", "reads"),
    ("POST /checks", "reads"),
    ("POST /simulations", "reads"),
    ("POST /doctor", "reads"),
    (
        "POST /configuration/reloads",
        "api::pages::access::the_trunk_and_the_system_are_shown",
    ),
    ("POST /person-exports", "api::person"),
    ("DELETE /drops/{drop}", "api::a_drop_in_flight_is_cancelled"),
    (
        "PATCH /imports/{import}",
        "the row of the list; uploads::a_list_that_was_cut_off_goes_on_where_it_ends",
    ),
    (
        "POST /webhooks/{webhook}/deliveries/{delivery}/replays",
        "api::webhooks::what_is_dead_is_listed_and_sent_again",
    ),
    ("POST /users", "api::access"),
    ("PATCH /users/{user}", "api::access"),
    ("POST /users/{user}/links", "api::access"),
    ("POST /users/{user}/pin", "api::access"),
    ("DELETE /users/{user}/pin", "api::access"),
    ("POST /tokens", "api::access"),
    ("DELETE /tokens/{token}", "api::access"),
    ("POST /sessions", "api::access"),
    ("DELETE /sessions/{session}", "api::access"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_changes_something_leaves_one_row() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::always(Reply::Status(204)).await;
    let mut seen: BTreeSet<String> = ELSEWHERE
        .iter()
        .map(|(route, _)| (*route).to_owned())
        .collect();
    let mut last = newest(&server).await;
    let mut send = async |route: &str, path: &str, body: Option<Value>, action: &str| {
        let (method, _) = route.split_once(' ').unwrap();
        let request = server.request(method.parse::<Method>().unwrap(), path);
        let request = match route {
            "POST /campaigns/{campaign}/imports" | "POST /do-not-call" => request
                .header("content-type", "text/csv")
                .body("phone\n+12025550103\n"),
            "PUT /messages/{message}" => request.body(wav()),
            "PATCH /campaigns/{campaign}" | "PATCH /webhooks/{webhook}" => {
                request.header("if-match", "*").json(&body)
            }
            "POST /drops" => request.header("idempotency-key", "k1").json(&body),
            _ => match &body {
                Some(body) => request.json(body),
                None => request,
            },
        };
        let answer = server.send(request).await;
        assert!((200..300).contains(&answer.status), "{route}: {answer:?}");
        let rows = server.get("/audit?limit=100").await.body;
        let rows = rows["items"].as_array().unwrap();
        let new: Vec<_> = rows
            .iter()
            .filter(|row| row["id"].as_i64() > Some(last))
            .collect();
        let actions: Vec<_> = new
            .iter()
            .map(|row| row["action"].as_str().unwrap())
            .collect();
        assert_eq!(actions, [action], "{route}: {new:?}");
        assert!(!format!("{new:?}").contains("2025550"), "{new:?}");
        last = new[0]["id"].as_i64().unwrap();
        seen.insert(route.to_owned());
        answer.body
    };
    let campaign = json!({"name": "spring", "kind": "informational", "message": "sound:hello"});
    let contact = json!({"number": "+12025550101"});
    let hook = json!({"url": receiver.url()});
    send(
        "PUT /messages/{message}",
        "/messages/hello",
        None,
        "message.add",
    )
    .await;
    send(
        "DELETE /messages/{message}",
        "/messages/hello",
        None,
        "message.remove",
    )
    .await;
    send(
        "POST /campaigns",
        "/campaigns",
        Some(campaign),
        "campaign.create",
    )
    .await;
    let changed = json!({"rate": "3/s"});
    send(
        "PATCH /campaigns/{campaign}",
        "/campaigns/spring",
        Some(changed),
        "campaign.change",
    )
    .await;
    let added = send(
        "POST /campaigns/{campaign}/contacts",
        "/campaigns/spring/contacts",
        Some(contact),
        "contact.add",
    )
    .await;
    let id = added["items"][0]["contact"].to_string();
    send(
        "DELETE /contacts/{contact}",
        &format!("/contacts/{id}"),
        None,
        "contact.delete",
    )
    .await;
    let imports = "/campaigns/spring/imports";
    let import = send(
        "POST /campaigns/{campaign}/imports",
        imports,
        None,
        "import.add",
    )
    .await;
    let import = format!("/imports/{}", import["id"].as_str().unwrap());
    while server.get(&import).await.body["state"] != "complete" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    send("DELETE /imports/{import}", &import, None, "import.forget").await;
    let standing = json!({"standing": "cancelled"});
    send(
        "PUT /campaigns/{campaign}/standing",
        "/campaigns/spring/standing",
        Some(standing),
        "campaign.standing",
    )
    .await;
    send(
        "DELETE /campaigns/{campaign}",
        "/campaigns/spring",
        None,
        "campaign.delete",
    )
    .await;
    send("POST /do-not-call", "/do-not-call", None, "do_not_call.add").await;
    let number = "/do-not-call/own/numbers/+12025550104";
    let route = "PUT /do-not-call/{list}/numbers/{number}";
    send(route, number, Some(json!({})), "do_not_call.add").await;
    send(
        "DELETE /do-not-call/{list}/numbers/{number}",
        number,
        None,
        "do_not_call.remove",
    )
    .await;
    let drop =
        json!({"to": "+12025550105", "message": "sound:hello-world", "kind": "informational"});
    let ordered = send("POST /drops", "/drops", Some(drop), "drop.order").await;
    server.ended(ordered["drop"].as_str().unwrap()).await;
    let person = json!({"number": "+12025550105", "because": "asked"});
    send("POST /erasures", "/erasures", Some(person), "person.erase").await;
    let made = send("POST /webhooks", "/webhooks", Some(hook), "webhook.add").await;
    let webhook = format!("/webhooks/{}", made["id"].as_str().unwrap());
    let batch = json!({"batch": 5});
    send(
        "PATCH /webhooks/{webhook}",
        &webhook,
        Some(batch),
        "webhook.change",
    )
    .await;
    send(
        "POST /webhooks/{webhook}/secret",
        &format!("{webhook}/secret"),
        None,
        "webhook.rotate",
    )
    .await;
    let dead = json!({"only": "dead"});
    send(
        "POST /webhooks/{webhook}/replays",
        &format!("{webhook}/replays"),
        Some(dead),
        "webhook.replay",
    )
    .await;
    send(
        "DELETE /webhooks/{webhook}",
        &webhook,
        None,
        "webhook.remove",
    )
    .await;

    let document = server.get("/openapi.json").await.body;
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["post", "put", "patch", "delete"] {
            if item[method].is_object() {
                let path = path.strip_prefix("/api/v1").unwrap_or(path);
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    // A ping changes nothing.
    seen.insert("POST /webhooks/{webhook}/ping".to_owned());
    assert_eq!(seen, routes);
    server.stop().await;
}

async fn newest(server: &ApiServer) -> i64 {
    let rows = server.get("/audit?limit=1").await.body;
    rows["items"][0]["id"].as_i64().unwrap_or(0)
}

/// Two seconds of a tone.
pub(crate) fn wav() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut wav = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..16_000_u32 {
        let at = f64::from(n) * 440.0 * std::f64::consts::TAU / 8_000.0;
        wav.write_sample((at.sin() * 8_000.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
    bytes.into_inner()
}
