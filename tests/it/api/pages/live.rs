//! The first page: what is dialled, why nothing is, and the forms that stop and start.

use std::{collections::BTreeSet, time::Duration};

use aftertone::auth::Role;
use serde_json::{Value, json};

use super::{
    super::{events::Stream, server::ApiServer},
    visitor::Visitor,
};
use crate::{
    base::{Kind as Database, Server},
    fake::{
        World,
        script::{Call, Far, Playback, Script},
    },
    program::{carried_out_plays, pbx},
};

async fn create(server: &ApiServer, name: &str) {
    let new = json!({"name": name, "kind": "marketing", "message": "sound:hello", "rate": "2/s"});
    let created = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(created.status, 201, "{created:?}");
}

async fn standing(server: &ApiServer, name: &str) -> String {
    let campaign = server.get(&format!("/campaigns/{name}")).await;
    campaign.body["standing"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn campaigns_are_started_and_stopped_by_forms_alone() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let operator = Visitor::of(&server, Role::Operator).await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let empty = operator.get("/").await;
    empty.has(&["there is no campaign", "aftertone campaign create"]);
    // Who may not make one is not shown the button.
    empty.lacks(&["href=\"/new-campaign\""]);
    let manager = Visitor::of(&server, Role::Manager).await;
    manager.get("/").await.has(&["href=\"/new-campaign\""]);
    create(&server, "spring").await;
    create(&server, "summer").await;
    let draft = operator.get("/").await;
    draft.has(&["Drafts, not started", "aftertone campaign resume"]);
    let run = [("standing", "running"), ("back", "/")];
    for name in ["spring", "summer"] {
        let path = format!("/campaigns/{name}/standing");
        let started = operator.post(&path, &run).await;
        assert_eq!(
            (started.status, started.location()),
            (303, "/?done=running")
        );
        assert_eq!(standing(&server, name).await, "running");
    }
    let page = operator.get("/?done=running").await;
    page.has(&[
        "The campaign is started.",
        "Pause spring",
        "Stop all dialling",
        "waiting for a controller",
        // Why nothing is dialled: this server has no PBX that it knows of.
        "no controller runs it",
        "data-shape=\"",
    ]);
    let shown = viewer.get("/").await;
    shown.lacks(&[
        "Pause spring",
        "Stop all dialling",
        "<form method=\"post\" action=\"/stop\"",
    ]);
    for (path, fields) in [("/stop", &[][..]), ("/campaigns/spring/standing", &run[..])] {
        let refused = viewer.post(path, fields).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        refused.has(&["the role `viewer` does not suffice"]);
    }
    let paused = [
        ("standing", "paused"),
        ("in_flight", "hang_up"),
        ("back", "//evil.example"),
    ];
    let paused = operator.post("/campaigns/spring/standing", &paused).await;
    assert_eq!(paused.location(), "/?done=paused");
    operator.get("/").await.has(&["Resume spring"]);
    let stopped = operator.post("/stop", &[("in_flight", "finish")]).await;
    assert_eq!(
        (stopped.status, stopped.location()),
        (303, "/?done=stopped")
    );
    assert_eq!(standing(&server, "summer").await, "paused");
    for fields in [&[][..], &[("in_flight", "hang_up")]] {
        let again = operator.post("/stop", fields).await;
        assert_eq!(again.location(), "/?done=nothing-to-stop");
    }
    let wrong = operator.post("/stop", &[("in_flight", "<b>")]).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let wrong = operator
        .post("/campaigns/spring/standing", &[("standing", "<b>")])
        .await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let unknown = operator.post("/campaigns/none/standing", &run).await;
    assert_eq!(unknown.status, 404);
    // What was done is in the log with who did it.
    let rows = server.get("/audit?limit=1").await.body;
    assert_eq!(rows["items"][0]["who"], "user:operator");
    assert_eq!(rows["items"][0]["via"], "session");
    server.stop().await;
}

/// Calls that were let finish can be hung up all the same: by the button that stops everything, and by that of the campaign.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_let_finish_are_hung_up_after_all() {
    // A message of so long that only a hang-up ends it.
    let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
    mailbox.playback = Playback::Whole(Duration::from_secs(120));
    let script = Script(vec![Call::ringing_for_ever(), mailbox]);
    for is_card in [false, true] {
        let server = ApiServer::start(pbx(script.clone()), "").await;
        let operator = Visitor::of(&server, Role::Operator).await;
        let rows: Vec<_> = (0..9).map(|nth| format!("+1202555010{nth}\n")).collect();
        std::fs::write(
            server.program.path("spring.csv"),
            format!("phone\n{}", rows.concat()),
        )
        .unwrap();
        let run = "campaign run spring.csv --message sound:a --kind informational --retry never --in-flight 1";
        let run: Vec<_> = run.split(' ').collect();
        let running = server.program.command(&run).spawn().unwrap();
        let fake = &server.program.fake;
        let plays = |world: &mut World| (carried_out_plays(world) > 0).then_some(());
        fake.until("a call that plays", plays).await;
        let stopped = operator.post("/stop", &[("in_flight", "finish")]).await;
        assert_eq!(stopped.location(), "/?done=stopped");
        let page = operator.get("/").await;
        page.has(&["Resume spring", "Hang up<"]);
        // The calls go on, and so does the way to end them.
        page.lacks(&["data-hide=\"campaign.spring.hang_up\" hidden"]);
        let (path, fields, done) = if is_card {
            let fields = [("standing", "paused"), ("in_flight", "hang_up")];
            (
                "/campaigns/spring/standing",
                fields.to_vec(),
                "/?done=paused",
            )
        } else {
            ("/stop", vec![("in_flight", "hang_up")], "/?done=hung-up")
        };
        let ordered = operator.post(path, &fields).await;
        assert_eq!((ordered.status, ordered.location()), (303, done));
        let is_over = |world: &mut World| world.channels.is_empty().then_some(());
        fake.until("the end of the call", is_over).await;
        while server.get("/campaigns/spring").await.body["in_flight"] != 0 {}
        let status = server.get("/campaigns/spring").await.body;
        assert_eq!(status["standing"], "paused", "{status}");
        assert_eq!(status["outcomes"]["cancelled"], 1, "{status}");
        let again = operator.post("/stop", &[("in_flight", "hang_up")]).await;
        assert_eq!(again.location(), "/?done=nothing-to-stop");
        drop(running);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_drop_that_has_ended_is_shown_with_its_number_masked() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        let auditor = Visitor::of(&server, Role::Auditor).await;
        auditor.get("/").await.has(&["No drop has ended yet."]);
        let order =
            json!({"to": "+12025550101", "message": "sound:hello-world", "kind": "marketing"});
        let ordered = server.order("k1", &order).await;
        let drop = ordered.body["drop"].as_str().unwrap().to_owned();
        server.ended(&drop).await;
        // A start of this minute is in the chart within seconds.
        let page = loop {
            let page = auditor.get("/").await;
            assert_eq!(page.status, 200, "{page:?}");
            if page.text.contains("<td>1</td>") {
                break page;
            }
        };
        page.has(&[
            "+1202•••0101",
            &format!("/drops/{drop}"),
            "data-outcome=\"delivered\"",
        ]);
        page.lacks(&["+12025550101"]);
        let trunk = auditor.get("/trunk").await;
        assert_eq!(trunk.status, 200, "{trunk:?}");
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test]
async fn the_feed_tells_every_cell_of_the_page_and_then_what_changes() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let operator = Visitor::of(&server, Role::Operator).await;
    create(&server, "spring").await;
    let run = [("standing", "running")];
    operator.post("/campaigns/spring/standing", &run).await;
    let page = operator.get("/").await;
    let mut stream = Stream::of_page(&server, "/feed", &operator.cookie).await;
    let first = stream.next().await;
    assert_eq!(first.name, "cells");
    let body = first.data;
    let shape = body["shape"].as_str().unwrap().to_owned();
    page.has(&[&format!("data-shape=\"{shape}\"")]);
    let mut told = BTreeSet::new();
    for kind in ["cells", "values", "times", "hrefs", "hidden", "bars"] {
        let members = body[kind].as_object().cloned().unwrap_or_default();
        told.extend(members.into_iter().map(|(key, _)| key));
    }
    let mut on_page = BTreeSet::new();
    for attribute in [
        "data-live=\"",
        "data-value=\"",
        "data-live-time=\"",
        "data-live-href=\"",
        "data-hide=\"",
        "data-bar=\"",
    ] {
        for part in page.text.split(attribute).skip(1) {
            on_page.insert(part.split('"').next().unwrap().to_owned());
        }
    }
    // The moment is told beside them.
    on_page.remove("at");
    assert_eq!(told, on_page);
    for (key, text) in body["cells"].as_object().unwrap() {
        let cell = format!("data-live=\"{key}\">{}<", text.as_str().unwrap());
        assert!(page.text.contains(&cell), "{cell}");
    }
    assert_eq!(body["series"]["starts"].as_array().unwrap().len(), 60);
    let paused = [("standing", "paused")];
    operator.post("/campaigns/spring/standing", &paused).await;
    loop {
        let next = stream.next().await;
        if let Some(standing) = next.data["cells"].get("campaign.spring.standing") {
            assert_eq!(standing, "paused");
            // What is as it was is not told again, and a page with other buttons has another shape.
            assert_eq!(next.data["cells"].get("total.pbx"), None);
            assert_ne!(next.data["shape"], Value::from(shape.as_str()));
            break;
        }
    }
    let nobody = Visitor::nobody(&server).get("/feed").await;
    assert_eq!((nobody.status, nobody.location()), (401, ""));
    server.stop().await;
}
