//! Users, tokens, webhooks and the system by forms alone: what was made is shown once.

use aftertone::auth::Role;
use serde_json::json;

use super::{
    super::{access::session, server::ApiServer},
    visitor::Visitor,
};
use crate::{
    base::{Kind, Server},
    fake::script::Script,
    program::pbx,
};

#[tokio::test]
async fn users_and_tokens_are_made_by_forms_and_their_secrets_shown_once() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let admin = Visitor::of(&server, Role::Admin).await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let own = viewer.get("/access").await;
    own.has(&["Your sessions"]);
    own.lacks(&["Add a user", "Make a token", "audit log"]);
    let auditor = Visitor::of(&server, Role::Auditor).await;
    auditor.get("/access").await.has(&["Who changed what"]);
    let wrong = admin
        .post("/access/users", &[("user", "a b"), ("role", "boss")])
        .await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    wrong.has(&["href=\"#f-user\"", "value=\"a b\""]);
    let made = admin
        .post("/access/users", &[("user", "bob"), ("role", "viewer")])
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    made.has(&["/welcome?code=", "shown this once"]);
    let changed = admin
        .post("/access/users/bob", &[("role", "operator")])
        .await;
    assert_eq!(changed.location(), "/access?done=user-changed");
    let page = admin.get("/access").await;
    page.has(&["bob", "operator"]);
    // What is chosen is what the user is: pressed without a look, the button changes nothing.
    let (_, form) = page.text.split_once("aria-label=\"Role of bob\"").unwrap();
    let (form, _) = form.split_once("</select>").unwrap();
    assert!(
        form.contains("<option value=\"operator\" selected>"),
        "{form}"
    );
    assert_eq!(form.matches(" selected").count(), 1, "{form}");
    page.lacks(&["/welcome?code="]);
    let token = [
        ("name", "crm"),
        ("scopes", "drops:read"),
        ("scopes", "campaigns:read"),
    ];
    let token = admin.post("/access/tokens", &token).await;
    assert_eq!(token.status, 201, "{token:?}");
    let secret = token
        .text
        .split("aft_")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let page = admin.get("/access").await;
    page.has(&["crm", "campaigns:read", "drops:read", ">good<"]);
    page.lacks(&[secret]);
    let none = admin.post("/access/tokens", &[("name", "crm")]).await;
    assert_eq!(none.status, 422);
    // A PIN is shown once, and to be removed.
    let pin = admin.post("/access/users/admin/pin", &[]).await;
    assert_eq!(pin.status, 201, "{pin:?}");
    pin.has(&["A PIN", "shown this once"]);
    let page = admin.get("/access").await;
    page.has(&["Make another PIN", "Remove the PIN"]);
    let gone = admin.post("/access/users/admin/pin/removal", &[]).await;
    assert_eq!(gone.location(), "/access?done=pin-removed");
    admin.get("/access").await.has(&["You have none."]);
    viewer.get("/access").await.lacks(&["PIN"]);
    // A session that was left open makes nobody: the password is asked for again, and the way back is kept.
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(11);
    let mut stale = Visitor::nobody(&server);
    stale.cookie = session(&server, "admin", Role::Admin, old).await;
    let request = stale.request(reqwest::Method::POST, "/access/users");
    let request = super::visitor::with_form(request, &[("user", "eve"), ("role", "admin")]);
    let at = server.at;
    let asked = stale
        .send(request.header("referer", format!("http://{at}/access")))
        .await;
    assert_eq!(
        (asked.status, asked.location()),
        (303, "/login?next=/access&again=true")
    );
    stale
        .get(asked.location())
        .await
        .has(&["within the last ten minutes"]);
    let ended = viewer.post("/access/sessions/current/end", &[]).await;
    assert_eq!(ended.status, 303);
    assert_eq!(viewer.get("/access").await.status, 303);
    server.stop().await;
}

#[tokio::test]
async fn webhooks_are_made_tried_and_removed_by_forms() {
    let server = ApiServer::with_webhooks(Kind::Sqlite, &Server::default()).await;
    let admin = Visitor::of(&server, Role::Admin).await;
    admin
        .get("/webhooks")
        .await
        .has(&["Nobody is told what happens.", "curl"]);
    let wrong = admin
        .post("/webhooks", &[("url", "ftp://x"), ("types", "none.such")])
        .await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    wrong.has(&["href=\"#f-url\"", "href=\"#f-types\"", "value=\"ftp://x\""]);
    // Nobody listens there.
    let fields = [
        ("url", "http://127.0.0.1:9/hooks"),
        ("types", "drop.ended, campaign.*"),
    ];
    let made = admin.post("/webhooks", &fields).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.has(&["whsec_", "shown this once"]);
    let back = made.text.split("class=\"button\" href=\"").nth(1).unwrap();
    let path = back.split('"').next().unwrap().to_owned();
    let shown = admin.get(&path).await;
    shown.has(&["http://127.0.0.1:9/hooks", "masked", "Nothing yet."]);
    shown.lacks(&["whsec_"]);
    let pinged = admin.post(&format!("{path}/ping"), &[]).await;
    assert_eq!(pinged.status, 200, "{pinged:?}");
    pinged.has(&["It was not reached"]);
    let rotated = admin.post(&format!("{path}/secret"), &[]).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    rotated.has(&["whsec_"]);
    let off = admin
        .post(&format!("{path}/state"), &[("enabled", "false")])
        .await;
    assert_eq!(off.status, 303, "{off:?}");
    admin.get(&path).await.has(&["disabled: operator"]);
    let removed = admin.post(&format!("{path}/removal"), &[]).await;
    assert_eq!(removed.location(), "/webhooks?done=removed");
    let manager = Visitor::of(&server, Role::Manager).await;
    assert_eq!(manager.get("/webhooks").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn the_trunk_and_the_system_are_shown() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let admin = Visitor::of(&server, Role::Admin).await;
    admin
        .get("/trunk")
        .await
        .has(&["No controller has used a trunk yet.", "aftertone doctor"]);
    let system = admin.get("/system").await;
    system.has(&["Version", "store", "disk", "pbx.url", "Run the doctor"]);
    system.has(&[
        "<th scope=\"row\" data-label=\"Key\"><code>pbx.password</code></th><td data-label=\"In force\"><code>not shown: a secret</code></td><td data-label=\"From\">file</td>",
        "certificate",
        "plain HTTP",
        "clocks",
        "All other keys",
        "Read it anew",
    ]);
    // A secret of the configuration is not here.
    let text = std::fs::read_to_string(server.program.path("aftertone.toml")).unwrap();
    let secret = text
        .split("password = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(!system.text.contains(&format!(">{secret}<")), "{secret}");
    let keys = server.get("/configuration").await;
    server.fits(&keys.body, "Configuration");
    let keys = keys.body["items"].as_array().unwrap().clone();
    let key = |name: &str| keys.iter().find(|key| key["key"] == name).unwrap();
    assert_eq!(
        (
            &key("pbx.password")["value"],
            &key("pbx.password")["secret"],
            &key("pbx.password")["source"]
        ),
        (&serde_json::Value::Null, &json!(true), &json!("file"))
    );
    assert_eq!(
        (
            &key("gate.limits")["source"],
            &key("gate.limits")["reloads"]
        ),
        (&json!("default"), &json!(true))
    );
    let reloaded = admin.post("/system/reload", &[]).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    reloaded.has(&[
        "Taken up: gate.hours.",
        "From the next start on: serve.listen.",
    ]);
    let failed = admin.post("/system/reload", &[]).await;
    failed.has(&["The configuration stays as it was: `gate.hours` is wrong"]);
    let audit = server.get("/audit?object=configuration").await.body;
    assert_eq!(audit["items"].as_array().unwrap().len(), 2, "{audit}");
    for role in [Role::Viewer, Role::Operator, Role::Manager, Role::Auditor] {
        let other = Visitor::of(&server, role).await;
        other
            .get("/system")
            .await
            .lacks(&["pbx.url", "Read it anew"]);
        assert_eq!(
            other.post("/system/reload", &[]).await.status,
            403,
            "{role}"
        );
    }
    let examined = admin.post("/system/doctor", &[]).await;
    assert_eq!(examined.status, 200, "{examined:?}");
    examined.has(&["Nothing was looked at"]);
    let order = serde_json::json!({"to": "+12025550101", "message": "sound:hello-world", "kind": "marketing"});
    let ordered = server.order("k1", &order).await;
    server.ended(ordered.body["drop"].as_str().unwrap()).await;
    let trunk = admin.get("/trunk").await;
    trunk.has(&["PBXes and controllers", "PBX "]);
    trunk.lacks(&["+12025550101"]);
    let viewer = Visitor::of(&server, Role::Viewer).await;
    viewer.get("/system").await.lacks(&["Run the doctor"]);
    server.stop().await;
}
