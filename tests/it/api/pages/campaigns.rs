//! Campaigns by forms alone: made, given a list, changed, run; and what is hostile shown as text.

use aftertone::auth::Role;
use reqwest::Method;
use serde_json::json;

use super::{super::server::ApiServer, visitor::Visitor};
use crate::{
    fake::script::Script,
    program::{Program, pbx},
};

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// A form with a file, as a browser sends it.
fn multipart(fields: &[(&str, &str)], file: &str, content: &str) -> (String, String) {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!(
            "--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!(
        "--b0\r\nContent-Disposition: form-data; name=\"list\"; filename=\"{file}\"\r\nContent-Type: text/csv\r\n\r\n{content}\r\n--b0--\r\n"
    ));
    ("multipart/form-data; boundary=b0".to_owned(), body)
}

async fn send_list(
    visitor: &Visitor<'_>,
    fields: &[(&str, &str)],
    file: &str,
    content: &str,
) -> super::visitor::Shown {
    let (kind, body) = multipart(fields, file, content);
    let request = visitor.request(Method::POST, "/campaigns/spring/imports");
    let request = request.header("content-type", kind).body(body);
    visitor.send(request).await
}

#[tokio::test]
async fn a_campaign_is_made_given_a_list_and_run_by_forms_alone() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let none = manager.get("/campaigns").await;
    none.has(&[
        "There is no campaign yet.",
        "href=\"/new-campaign\"",
        "aftertone campaign create",
    ]);
    let form = manager.get("/new-campaign").await;
    form.has(&[
        "Make the draft",
        "for=\"f-name\"",
        "nothing of it is dialled",
    ]);
    let wrong = [
        ("name", HOSTILE),
        ("kind", "marketing"),
        ("message", "sound:hello"),
        ("rate", "fast"),
    ];
    let refused = manager.post("/new-campaign", &wrong).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    refused.has(&[
        "role=\"alert\"",
        "href=\"#f-rate\"",
        "aria-describedby=\"h-rate e-rate\"",
        "value=\"fast\"",
        "&#60;img src=x onerror=alert(1)&#62;",
    ]);
    refused.lacks(&[HOSTILE]);
    let right = [
        ("name", "spring"),
        ("kind", "marketing"),
        ("message", "sound:hello"),
        ("rate", "5/s"),
    ];
    let made = manager.post("/new-campaign", &right).await;
    assert_eq!(
        (made.status, made.location()),
        (303, "/campaigns/spring?tab=imports&done=created")
    );
    let twice = manager.post("/new-campaign", &right).await;
    assert_eq!(twice.status, 422);
    twice.has(&["there is a campaign `spring`"]);
    let page = manager.get(made.location()).await;
    page.has(&[
        "The draft is made.",
        "Run spring now",
        "aria-current=\"step\"",
        "Send the list",
    ]);

    let list = format!(
        "phone,name,agreed,day,place,id\n+12025550101,\"{HOSTILE}\",written,2026-03-01,web form,\"=cmd|' /C calc'!A0\"\nnonsense,Bob,written,2026-03-01,web form,2\n"
    );
    let sent = send_list(&manager, &[], &format!("{HOSTILE}.csv"), &list).await;
    assert_eq!(
        (sent.status, sent.location()),
        (303, "/campaigns/spring?tab=imports&done=list-sent"),
        "{sent:?}"
    );
    // Its rows come in by themselves.
    let imported = loop {
        let page = manager.get("/campaigns/spring?tab=imports").await;
        page.lacks(&[HOSTILE]);
        if page.text.contains("<strong>complete</strong>") {
            break page;
        }
    };
    imported.has(&[
        "&#60;img src=x onerror=alert(1)&#62;.csv",
        "Rejected rows as CSV",
    ]);
    let contacts = manager.get("/campaigns/spring?tab=contacts").await;
    contacts.has(&["+1202•••0101", "&#60;img src=x"]);
    contacts.lacks(&[HOSTILE, "+12025550101"]);
    let empty = send_list(&manager, &[], "", "").await;
    assert_eq!(empty.status, 422, "{empty:?}");
    empty.has(&["choose a file"]);
    let wrong = send_list(&manager, &[("map", "number=Nowhere")], "a.csv", &list).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    wrong.has(&["The list was not taken"]);
    for tab in ["", "waiting", "variants", "simulation", "log", "settings"] {
        let path = format!("/campaigns/spring?tab={tab}");
        let shown = manager.get(&path).await;
        assert_eq!(shown.status, 200, "{path}: {shown:?}");
        shown.has(&["<nav class=\"tabs\""]);
        shown.lacks(&[HOSTILE, "+12025550101"]);
    }
    // This server looks at no PBX.
    let simulated = manager.post("/campaigns/spring/simulations", &[]).await;
    assert_eq!(simulated.status, 503, "{simulated:?}");

    // Nothing of it is dialled before somebody says run.
    assert_eq!(server.get("/drops").await.body["items"], json!([]));
    let run = [("standing", "running"), ("back", "/campaigns/spring")];
    let run = manager.post("/campaigns/spring/standing", &run).await;
    assert_eq!(run.location(), "/campaigns/spring?done=running");
    let several = [("campaign", "spring"), ("standing", "paused")];
    let several = manager.post("/campaigns", &several).await;
    assert_eq!(several.location(), "/campaigns?done=paused-several");
    let listed = manager.get("/campaigns?q=spr&standing=paused").await;
    listed.has(&["href=\"/campaigns/spring\"", "0 of 1"]);
    manager
        .get("/campaigns?q=nothing")
        .await
        .has(&["No campaign is like this."]);
    let kept = manager.post("/campaigns/none/deletion", &[]).await;
    assert_eq!(kept.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn settings_are_compared_before_they_are_saved_and_no_edit_is_lost() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello", "rate": "5/s", "weight": 2});
    let created = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let page = manager.get("/campaigns/spring?tab=settings").await;
    page.has(&["rate = &#34;5/s&#34;", "value=\"5/s\""]);
    let version = created.body["version"].to_string();
    let form = [
        ("version", version.as_str()),
        ("message", "sound:hello"),
        ("rate", "7/s"),
        ("weight", "2"),
        ("zone", "America/Denver"),
        ("hours", "mon-fri 09:00-17:00"),
        ("in_flight", ""),
    ];
    let shown = manager.post("/campaigns/spring/settings", &form).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.has(&[
        "<del>&#34;5/s&#34;</del>",
        "<ins>&#34;7/s&#34;</ins>",
        "America/Denver",
        "name=\"step\" value=\"save\"",
    ]);
    // Nothing is saved by looking.
    let settings = server.get("/campaigns/spring").await.body["settings"].clone();
    assert_eq!(settings["rate"], "5/s");
    let toml = shown.text.split("name=\"toml\" value=\"").nth(1).unwrap();
    let toml = toml.split("\">").next().unwrap().replace("&#34;", "\"");
    let save = [
        ("version", version.as_str()),
        ("toml", &toml),
        ("step", "save"),
    ];
    let saved = manager.post("/campaigns/spring/settings", &save).await;
    assert_eq!(
        (saved.status, saved.location()),
        (303, "/campaigns/spring?tab=settings&done=saved"),
        "{saved:?}"
    );
    let settings = server.get("/campaigns/spring").await.body["settings"].clone();
    assert_eq!(
        (&settings["rate"], &settings["weight"]),
        (&json!("7/s"), &json!(2))
    );
    assert_eq!(settings["hours"], "mon-fri 09:00-17:00");
    // Whoever has read the version before is told, and nothing is saved.
    let stale = toml.replace("7/s", "9/s");
    let save = [
        ("version", version.as_str()),
        ("toml", &stale),
        ("step", "save"),
    ];
    let conflict = manager.post("/campaigns/spring/settings", &save).await;
    assert_eq!(conflict.status, 412, "{conflict:?}");
    conflict.has(&[
        "Somebody else has changed these settings",
        "<del>&#34;7/s&#34;</del>",
    ]);
    let settings = server.get("/campaigns/spring").await.body["settings"].clone();
    assert_eq!(settings["rate"], "7/s");
    // What is not in the TOML any more is reset.
    let now = server.get("/campaigns/spring").await.body["version"].to_string();
    let without = toml.replace("rate = \"7/s\"\n", "");
    let save = [
        ("version", now.as_str()),
        ("toml", &without),
        ("step", "save"),
    ];
    let saved = manager.post("/campaigns/spring/settings", &save).await;
    assert_eq!(saved.status, 303, "{saved:?}");
    let settings = server.get("/campaigns/spring").await.body["settings"].clone();
    assert!(settings.get("rate").is_none(), "{settings}");
    for wrong in ["rate = ", "rate = \"fast\"", "tpyo = 1"] {
        let refused = [("version", now.as_str()), ("toml", wrong)];
        let refused = manager.post("/campaigns/spring/settings", &refused).await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
        refused.has(&["This was not accepted"]);
    }
    let viewer = Visitor::of(&server, Role::Viewer).await;
    viewer
        .get("/campaigns/spring?tab=settings")
        .await
        .lacks(&["Show what changes"]);
    server.stop().await;
}

/// What each column is taken for is seen and corrected before rows come in, and so is what the gate says to them.
#[tokio::test]
async fn a_list_is_looked_at_and_corrected_by_forms_alone() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello"});
    let created = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let list = format!("Telefon,{HOSTILE},Plan\n+12025550101,\"{HOSTILE}\",gold\nnonsense,Bob,\n");
    let look = [("dry_run", "true"), ("keep", "true")];
    let sent = send_list(&manager, &look, "leads.csv", &list).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let through = async |location: &str| loop {
        let page = manager.get(location).await;
        page.lacks(&[HOSTILE, "+12025550101"]);
        if !page.text.contains("data-refresh=\"1\"") {
            break page;
        }
    };
    let page = through(sent.location()).await;
    page.has(&[
        "nothing of it is taken in yet",
        "no column of the header is the phone number",
        "&#60;img src=x onerror=alert(1)&#62;",
        "+1202•••0101",
        "<option value=\"kept\" selected>",
    ]);
    page.lacks(&["value=\"take\""]);
    let path = sent.location().replace("?tab=imports&import=", "/imports/");
    let none = [
        ("column", "kept"),
        ("column", "name"),
        ("column", "kept"),
        ("step", "look"),
    ];
    let refused = manager.post(&path, &none).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    refused.has(&[
        "choose which column is the number",
        "<option value=\"name\" selected>",
    ]);
    let right = [
        ("column", "number"),
        ("column", "name"),
        ("column", "kept"),
        ("step", "look"),
    ];
    let looked = manager.post(&path, &right).await;
    assert_eq!(looked.status, 303, "{looked:?}");
    let page = through(looked.location()).await;
    page.has(&[
        "Take 1 rows in",
        "data-outcome=\"refused\"",
        "no consent",
        "data-outcome=\"rejected\"",
        "America/New_York",
    ]);
    assert_eq!(server.get("/campaigns/spring").await.body["contacts"], 0);
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let path = looked
        .location()
        .replace("?tab=imports&import=", "/imports/");
    let take = [
        ("column", "number"),
        ("column", "name"),
        ("column", "kept"),
        ("step", "take"),
    ];
    assert_eq!(viewer.post(&path, &take).await.status, 403);
    let taken = manager.post(&path, &take).await;
    assert_eq!(
        taken.location(),
        "/campaigns/spring?tab=imports&done=list-sent",
        "{taken:?}"
    );
    loop {
        if server.get("/campaigns/spring").await.body["contacts"] == 1 {
            break;
        }
    }
    let contacts = server.get("/campaigns/spring/contacts").await.body;
    let contact = &contacts["items"][0];
    assert_eq!(
        (&contact["name"], &contact["columns"]["Plan"]),
        (&json!(HOSTILE), &json!("gold")),
        "{contact}"
    );
    let gone = manager.post(&path, &take).await;
    assert_eq!(gone.status, 409, "{gone:?}");
    gone.has(&["is not kept on this server"]);
    server.stop().await;
}

#[tokio::test]
async fn a_pace_is_moved_and_saved_without_a_script() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let new =
        json!({"name": "spring", "kind": "marketing", "message": "sound:hello", "rate": "1/s"});
    let created = server.send(server.post("/campaigns", &new)).await;
    let version = created.body["version"].to_string();
    let page = manager.get("/campaigns/spring?tab=simulation").await;
    page.has(&[
        "type=\"range\"",
        "name=\"pace\" min=\"1\" step=\"1\" value=\"60\"",
        "Save this pace",
    ]);
    // The slider alone was moved, which without a script moves nothing else.
    let moved = [
        ("pace", "60"),
        ("pace_shown", "60"),
        ("pace_slider", "90"),
        ("version", version.as_str()),
        ("step", "save"),
    ];
    let saved = manager.post("/campaigns/spring/settings", &moved).await;
    assert_eq!(
        saved.location(),
        "/campaigns/spring?tab=settings&done=saved",
        "{saved:?}"
    );
    let settings = server.get("/campaigns/spring").await.body["settings"].clone();
    assert_eq!(
        (&settings["rate"], &settings["message"]),
        (&json!("90/m"), &json!("sound:hello"))
    );
    let viewer = Visitor::of(&server, Role::Viewer).await;
    viewer
        .get("/campaigns/spring?tab=simulation")
        .await
        .lacks(&["Save this pace"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_contacts_will_hear_is_on_the_page() {
    let program = Program::new(pbx(Script::mailbox())).await;
    for (name, milliseconds) in [("intro", 1_500), ("names/ann", 400)] {
        let file = program.record("recording.wav", milliseconds);
        let added = program
            .run(&["message", "add", name, file.to_str().unwrap()])
            .await;
        assert_eq!(added.status, Some(0), "{added:?}");
    }
    let server = ApiServer::of(program).await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let message = "intro + names/{first_name}";
    let new = json!({"name": "visits", "kind": "informational", "message": message});
    server.send(server.post("/campaigns", &new)).await;
    let draft = manager.get("/campaigns/visits?tab=sample").await;
    draft.has(&["4. Hear what they will hear", "No contact is here yet."]);
    let contacts = json!([
        {"number": "+12025550101", "first_name": "Ann"},
        {"number": "+12025550102", "first_name": HOSTILE},
    ]);
    server
        .send(server.post("/campaigns/visits/contacts", &contacts))
        .await;
    let items = server.get("/campaigns/visits/sample").await.body;
    let contact = items["items"][0]["contact"].as_i64().unwrap();
    let sound = format!("src=\"/api/v1/campaigns/visits/sample/{contact}/audio\"");
    let page = manager.get("/campaigns/visits?tab=sample").await;
    page.has(&[
        "[intro] [names/ann]",
        "It cannot be made: there is no recording",
        &sound,
    ]);
    page.lacks(&["2025550101"]);
    server.stop().await;
}

/// One that refuses an order keeps it from no other.
#[tokio::test]
async fn an_order_to_several_reaches_all_that_can_obey() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let operator = Visitor::of(&server, Role::Operator).await;
    for name in ["draft", "spring", "summer"] {
        let new = json!({"name": name, "kind": "marketing", "message": "sound:hello"});
        let made = server.send(server.post("/campaigns", &new)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let several = |standing: &'static str, names: &[&'static str]| {
        let mut fields = vec![("standing", standing)];
        fields.extend(names.iter().map(|name| ("campaign", *name)));
        fields
    };
    let run = several("running", &["spring", "summer"]);
    let ran = operator.post("/campaigns", &run).await;
    assert_eq!(ran.location(), "/campaigns?done=running-several");
    let pause = several("paused", &["gone", "draft", "spring", "summer"]);
    let paused = operator.post("/campaigns", &pause).await;
    assert_eq!(paused.status, 409, "{paused:?}");
    paused.has(&[
        "role=\"alert\"",
        "there is no such campaign",
        "`draft` is a draft",
        "They are paused:",
        "<li><a href=\"/campaigns/spring\">spring</a></li>",
        "<li><a href=\"/campaigns/summer\">summer</a></li>",
    ]);
    for name in ["spring", "summer"] {
        let campaign = server.get(&format!("/campaigns/{name}")).await;
        assert_eq!(campaign.body["standing"], "paused", "{name}");
    }
    let hostile = operator
        .post(
            "/campaigns",
            &[("standing", "paused"), ("campaign", HOSTILE)],
        )
        .await;
    assert_eq!(hostile.status, 409);
    hostile.lacks(&[HOSTILE]);
    let wrong = operator
        .post(
            "/campaigns",
            &[("standing", "over"), ("campaign", "spring")],
        )
        .await;
    assert_eq!(wrong.status, 422);
    server.stop().await;
}

/// Why it stands as it does, and what lists came in, are in the log as the database tells them.
#[tokio::test]
async fn the_log_of_a_campaign_says_why() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello"});
    server.send(server.post("/campaigns", &new)).await;
    let list = "phone,agreed,day,place\n+12025550101,written,2026-03-01,web form\nnonsense,written,2026-03-01,web form\n";
    let sent = send_list(&manager, &[], "a.csv", list).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    for standing in ["running", "paused"] {
        let path = "/campaigns/spring/standing";
        let done = manager.post(path, &[("standing", standing)]).await;
        assert_eq!(done.status, 303, "{done:?}");
    }
    // Rows come in by themselves.
    let log = loop {
        let log = manager.get("/campaigns/spring?tab=log").await;
        if log.text.contains("import.complete") {
            break log;
        }
    };
    log.has(&[
        "campaign.paused",
        ">paused by the operator<",
        "list: a.csv",
        "rows: ",
        "rejected: 1",
    ]);
    server.stop().await;
}

/// However much was done since, what was done to a campaign is found, a page at a time.
#[tokio::test]
async fn the_log_of_a_campaign_goes_back_to_its_beginning() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let manager = Visitor::of(&server, Role::Manager).await;
    let auditor = Visitor::of(&server, Role::Auditor).await;
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello"});
    server.send(server.post("/campaigns", &new)).await;
    for nth in 0..220 {
        let entry = aftertone::store::AuditEntry {
            at: jiff::Timestamp::now(),
            who: "user:ann".to_owned(),
            via: "session",
            ip: None,
            request_id: None,
            action: "campaign.change".to_owned(),
            object: if nth % 2 == 0 { "spring" } else { "others" }.to_owned(),
            before: None,
            after: Some(format!("{{\"nth\":{nth}}}")),
        };
        server.store.note(entry).await.unwrap();
    }
    let first = auditor.get("/campaigns/spring?tab=log").await;
    first.has(&["&#34;nth&#34;:218", "What happened before"]);
    first.lacks(&["&#34;nth&#34;:219", "campaign.create"]);
    let next = first.text.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let second = auditor.get(&next).await;
    second.has(&["campaign.create"]);
    second.lacks(&["What happened before"]);
    let of = |page: &super::visitor::Shown| page.text.matches("&#34;nth&#34;:").count();
    assert_eq!(of(&first) + of(&second), 110);
    // Who may not read the audit log sees what was told of the campaign alone.
    let told = manager.get("/campaigns/spring?tab=log").await;
    told.has(&["campaign.created"]);
    told.lacks(&["&#34;nth&#34;"]);
    assert_eq!(
        manager
            .get("/campaigns/spring?tab=log&audit=x")
            .await
            .status,
        422
    );
    let found = auditor.get("/access?object=spring").await;
    found.has(&[
        "value=\"spring\"",
        "&#34;nth&#34;:218",
        "object=spring#audit",
    ]);
    found.lacks(&["others"]);
    server.stop().await;
}
