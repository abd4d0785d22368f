//! Signatures as receivers meet them: by Ed25519 as well, and verified by `aftertone webhook verify`.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{
    receiver::{Received, Receiver, Reply},
    server::ApiServer,
};
use crate::base::{Kind as Database, Server};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_signed_for_by_ed25519_and_rotated_to_it() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::always(Reply::Status(200)).await;
        let terms = json!({"types": ["do_not_call.added"], "signature": "v1a"});
        let made = server.add(&receiver, terms).await;
        assert_eq!(made.status, 201, "{made:?}");
        server.fits(&made.body, "Webhook");
        // Nobody but the server has what signs.
        assert_eq!(made.body["secret"], Value::Null);
        let old = public_key(&made.body["secrets"][0]);
        server.bar(0).await;
        let all = receiver.until(1).await;
        assert!(is_signed_for(&all[0], &old), "{:?}", all[0]);
        assert!(!all[0].header("webhook-signature").contains("v1,"));

        let id = made.body["id"].as_str().unwrap();
        let path = format!("/webhooks/{id}/secret");
        let rotated = server.send(server.request(Method::POST, &path)).await;
        let new = public_key(&rotated.body["secrets"][0]);
        assert_ne!(old, new);
        server.bar(1).await;
        let all = receiver.until(2).await;
        assert!(is_signed_for(&all[1], &old) && is_signed_for(&all[1], &new));
        assert!(!is_signed_for(&all[0], &new));
        if let Ok(file) = std::env::var("AFTERTONE_WEBHOOKS_RECEIVED_V1A") {
            let dump = json!({
                "old": old, "new": new, "id": all[1].id(), "timestamp": all[1].header("webhook-timestamp"),
                "signature": all[1].header("webhook-signature"), "body": all[1].text,
            });
            fs::write(file, dump.to_string()).unwrap();
        }
        // From one kind to the other, both count for a while.
        let to_v1 = server.request(Method::POST, &path);
        let to_v1 = server.send(to_v1.json(&json!({"signature": "v1"}))).await;
        assert!(to_v1.body["secret"].as_str().unwrap().starts_with("whsec_"));
        server.bar(2).await;
        let all = receiver.until(3).await;
        let header = all[2].header("webhook-signature");
        assert!(
            header.contains("v1,") && is_signed_for(&all[2], &new),
            "{header}"
        );
        let bad = json!({"url": receiver.url(), "signature": "v2"});
        let bad = server.send(server.post("/webhooks", &bad)).await;
        assert_eq!(bad.status, 422, "{bad:?}");
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_verified_on_the_command_line() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::always(Reply::Status(200)).await;
    let terms = |kind| json!({"types": ["do_not_call.added"], "signature": kind});
    for kind in ["v1", "v1a"] {
        let made = server.add(&receiver, terms(kind)).await;
        let public = made.body["secrets"][0]["public_key"].as_str();
        let key = made.body["secret"].as_str().or(public).unwrap().to_owned();
        server.bar(u64::from(kind == "v1a")).await;
        let id = made.body["id"].as_str().unwrap();
        server
            .until(id, |shown| shown["last_success_at"].is_string())
            .await;
        let all = receiver.all();
        let fits = |one: &&Received| {
            one.header("webhook-signature")
                .starts_with(&format!("{kind},"))
        };
        let received = all.iter().find(fits).unwrap().clone();

        let secret = server.program.path("secret");
        let body = server.program.path("body");
        fs::write(&secret, format!("{key}\n")).unwrap();
        fs::write(&body, &received.text).unwrap();
        let verify = async |id: &str, timestamp: &str, more: &[&str]| {
            let (secret, body) = (secret.display().to_string(), body.display().to_string());
            let signature = received.header("webhook-signature");
            let mut args = vec![
                "webhook",
                "verify",
                &body,
                "--id",
                id,
                "--timestamp",
                timestamp,
                "--signature",
                signature,
                "--secret-file",
                &secret,
            ];
            args.extend(more);
            server.program.run(&args).await
        };
        let (id, at) = (received.id(), received.header("webhook-timestamp"));
        let good = verify(id, at, &[]).await;
        assert_eq!(good.status, Some(0), "{good:?}");
        let words = format!("genuine: signature 1 of 1 fits (`{kind}`), sent ");
        assert!(good.stdout.starts_with(&words), "{good:?}");
        let later = format!("{}", at.parse::<i64>().unwrap() + 1);
        for (id, at, more, fault) in [
            ("evt_999", at, &["--json"][..], "id_changed"),
            (id, &later, &["--json"], "no_fit"),
            (id, "soon", &["--json"], "timestamp"),
            (id, at, &["--json", "--tolerance", "0s"], "time_off"),
        ] {
            // So that the time is off by a second at least.
            if fault == "time_off" {
                tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
            }
            let refused = verify(id, at, more).await;
            assert_eq!(refused.status, Some(1), "{fault}: {refused:?}");
            assert_eq!(refused.json()["fault"], fault, "{refused:?}");
        }
        fs::write(&body, received.text.replace("own", "owm")).unwrap();
        let changed = verify(id, at, &[]).await;
        assert_eq!(changed.status, Some(1), "{changed:?}");
        assert!(changed.stderr.contains("no signature fits"), "{changed:?}");
        assert!(!format!("{changed:?}").contains(&key), "{changed:?}");
        fs::write(&secret, "whsec_short").unwrap();
        let none = verify(id, at, &[]).await;
        assert_eq!(none.status, Some(2), "{none:?}");
    }
    let listed = server.program.run(&["webhook", "list"]).await;
    assert_eq!(listed.status, Some(0), "{listed:?}");
    for words in [
        "wh_1",
        "signed with v1: a shared secret",
        "signed with v1a: whpk_",
    ] {
        assert!(listed.stdout.contains(words), "{listed:?}");
    }
    let listed = server.program.run(&["webhook", "list", "--json"]).await;
    assert_eq!(
        listed.json()["webhooks"][0]["secrets"][0]["signature"],
        "v1a"
    );
    server.stop().await;
}

fn public_key(secret: &Value) -> String {
    assert_eq!(secret["signature"], "v1a");
    let key = secret["public_key"].as_str().unwrap();
    assert!(key.starts_with("whpk_"), "{key}");
    key.to_owned()
}

fn is_signed_for(received: &Received, key: &str) -> bool {
    let key = key.strip_prefix("whpk_").unwrap();
    let key = UnparsedPublicKey::new(&ED25519, BASE64_STANDARD.decode(key).unwrap());
    let (id, at) = (received.id(), received.header("webhook-timestamp"));
    let text = format!("{id}.{at}.{}", received.text);
    let mut signatures = received.header("webhook-signature").split(' ');
    signatures.any(|signature| {
        let base64 = signature.strip_prefix("v1a,");
        let bytes = base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
        bytes.is_some_and(|bytes| key.verify(text.as_bytes(), &bytes).is_ok())
    })
}
