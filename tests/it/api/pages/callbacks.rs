//! Who called back, on every page that shows it, and in the picture of the drop that they answer.

use std::fs;

use aftertone::{
    auth::Role,
    callback::{CallbackId, CallbackOutcome},
    phone::{PhoneNumber, Rules},
    store::{ListName, NewCallback},
};
use jiff::Timestamp;

use super::{
    super::{evidence::with_drop, server::ApiServer},
    visitor::Visitor,
};
use crate::{
    fake::script::Script,
    listen::{listening, mailbox},
    program::{NUMBER, Program, pbx},
};

/// Somebody calls the number that drops show.
async fn calls_back(server: &ApiServer, caller: &str, outcome: CallbackOutcome) -> CallbackId {
    let caller = PhoneNumber::parse(caller, Rules::default()).unwrap();
    let call = NewCallback {
        id: CallbackId::generate(),
        caller: Some(caller.clone()),
        called: Some("(202) 555-0100".to_owned()),
        rules: Rules::default(),
        pbx: "here".to_owned(),
    };
    let now = Timestamp::now();
    let found = server.store.begin_callback(&call, now).await.unwrap();
    assert!(found.is_some(), "the call answers a drop");
    if outcome == CallbackOutcome::OptedOut {
        let list = ListName::new("callback").unwrap();
        let opted_out = server.store.opt_out(call.id, &caller, &list, now);
        opted_out.await.unwrap();
    }
    let ended = server.store.end_callback(call.id, outcome, now);
    ended.await.unwrap();
    call.id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_called_back_is_shown_with_shares_by_variant_and_by_contact() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let numbers: Vec<_> = (1..=8).map(|nth| format!("+1202555010{nth}")).collect();
    let list = program.path("leads.csv");
    fs::write(list, format!("phone\n{}\n", numbers.join("\n"))).unwrap();
    let run = "campaign run leads.csv --kind informational --retry never --variant <i>A</i>=sound:a --variant B=sound:b";
    let run: Vec<_> = run.split(' ').collect();
    let ended = program.run(&run).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let server = ApiServer::of(program).await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let overview = viewer.get("/campaigns/leads").await;
    overview.has(&["delivered"]);
    overview.lacks(&["Contacts that called back"]);
    viewer
        .get("/contacts/1")
        .await
        .has(&["They have not called back."]);

    calls_back(&server, &numbers[0], CallbackOutcome::HungUp).await;
    calls_back(&server, &numbers[0], CallbackOutcome::OptedOut).await;
    calls_back(&server, &numbers[1], CallbackOutcome::Connected).await;
    let summary = server.get("/campaigns/leads/summary").await.body;
    let counted = &summary["callbacks"];
    assert_eq!(summary["contacts_delivered"], 8, "{summary}");
    assert_eq!(
        (&counted["contacts"], &counted["opted_out"]),
        (&2.into(), &1.into())
    );
    assert_eq!(counted["connected_share"], 0.125, "{counted}");
    server.fits(&summary, "CampaignSummary");
    let overview = viewer.get("/campaigns/leads").await;
    overview.has(&[
        "Contacts that called back",
        "data-outcome=\"opted_out\">opted out",
        "25.0 %",
        "12.5 %",
        "2.2 % to 47.1 %",
        "tab=variants",
    ]);
    let variants = viewer.get("/campaigns/leads?tab=variants").await;
    variants.has(&["Who called back", "&#60;i&#62;A&#60;/i&#62;", "Opted out"]);
    variants.lacks(&["<i>A"]);

    let contact = viewer.get("/contacts/1").await;
    contact.has(&[
        "Calls that the contact made back",
        ">opted out<",
        ">hung up<",
        "<bdi>(202) 555-0100</bdi>",
        "On the do-not-call list",
        "href=\"/drops/",
    ]);
    contact.lacks(&["They have not called back."]);
    // Its call, and both that came back, by the contact's own clock.
    let theirs = "data-zone=\"America/New_York\">";
    assert!(contact.text.matches(theirs).count() >= 3, "{contact:?}");
    assert!(contact.text.contains(" (New York)</time>"), "{contact:?}");
    let other = viewer.get("/contacts/2").await;
    other.has(&[">connected<"]);
    other.lacks(&[">opted out<"]);
    let (_, drop) = contact.text.split_once("href=\"/drops/").unwrap();
    let drop = drop.split('"').next().unwrap();
    let shown = viewer.get(&format!("/drops/{drop}")).await;
    shown.has(&["They called back", ">opted out<", ">hung up<"]);
    assert!(shown.text.matches(theirs).count() >= 4, "{shown:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_a_drop_has_who_called_back_and_its_evidence_stays_as_it_was() {
    let (server, drop) = with_drop(listening(mailbox()).await, "./message.wav", "listen").await;
    let auditor = Visitor::of(&server, Role::Auditor).await;
    let (path, picture) = (
        format!("/drops/{drop}"),
        format!("/api/v1/drops/{drop}/picture.svg"),
    );
    let folder = fs::read_dir(server.program.path("kept")).unwrap();
    let folder = folder.map(|entry| entry.unwrap().path());
    let mut folders = folder.filter(|path| path.is_dir());
    let folder = folders.next().unwrap();
    let kept = || ["picture.svg", "drop.json"].map(|file| fs::read(folder.join(file)).unwrap());
    let before = kept();
    let drawn = auditor.get(&picture).await;
    drawn.has(&["<svg"]);
    drawn.lacks(&["called back"]);
    auditor.get(&path).await.lacks(&["They called back"]);

    calls_back(&server, NUMBER, CallbackOutcome::OptedOut).await;
    let drawn = auditor.get(&picture).await;
    let year = Timestamp::now().strftime("%Y-").to_string();
    drawn.has(&[&format!("Later: called back {year}"), "UTC, opted out"]);
    auditor
        .get(&path)
        .await
        .has(&["They called back", "opted out"]);
    assert_eq!(kept(), before);

    // `explain` knows it if it is asked to look into the database.
    let folder = folder.to_str().unwrap();
    let plain = server.program.run(&["explain", folder]).await;
    assert!(!plain.stdout.contains("called back"), "{plain:?}");
    let told = server
        .program
        .run(&["explain", folder, "--callbacks"])
        .await;
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stdout.contains("\nlater    called back "), "{told:?}");
    let json = server
        .program
        .run(&[
            "explain",
            folder,
            "--callbacks",
            "--json",
            "--picture",
            "later.svg",
        ])
        .await
        .json();
    assert_eq!(json["callbacks"][0]["outcome"], "opted_out", "{json}");
    assert_eq!(json["callbacks"][0]["drop"], drop.as_str());
    let drawn = fs::read_to_string(server.program.path("later.svg")).unwrap();
    assert!(drawn.contains("UTC, opted out"));
    assert_eq!(kept(), before);
    server.stop().await;
}
