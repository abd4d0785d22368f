//! The pages about people: contacts that are found, what was decided about each, their drops, do-not-call lists, messages and
//! prompts; each by its role.

use aftertone::{
    auth::Role,
    store::{NewPrompt, PromptHearing, PromptOrigin},
    words::PromptEnd,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    super::{evidence::with_drop, server::ApiServer},
    visitor::Visitor,
};
use crate::{
    fake::script::Script,
    listen::{listening, mailbox},
    program::pbx,
};

/// A number that no page shows to whoever may not see it, as it is written in addresses and texts.
const WHOLE: &str = "2025550101";

async fn with_contacts() -> ApiServer {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let settings =
        json!({"name": "spring", "kind": "informational", "message": "sound:hello-world"});
    let made = server.send(server.post("/campaigns", &settings)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let contacts = json!([
        {"number": "+12025550101", "name": "Ann <b>Smith</b>", "foreign_id": "C-1", "consent": "written",
         "consent_at": "2026-03-01", "consent_source": "web form", "columns": {"Note": "=1+1"}},
        {"number": "+13035550101", "name": "Bob 100%", "foreign_id": "C-2"},
    ]);
    let put = server.post("/campaigns/spring/contacts", &contacts);
    let put = server.send(put).await;
    assert_eq!(put.body["added"], 2, "{put:?}");
    server
}

/// A test asks the gate what it would say at a moment: with the rule that decides and until when. Nothing is dialled.
#[tokio::test]
async fn a_contact_is_tested_and_nothing_is_dialled() {
    let server = ApiServer::start(pbx(Script::mailbox()), "caps = false").await;
    let settings =
        json!({"name": "spring", "kind": "informational", "message": "sound:hello-world"});
    server.send(server.post("/campaigns", &settings)).await;
    let contacts = json!([{"number": "+12025550101", "timezone": "America/Denver", "consent": "written", "consent_at": "2026-03-01", "consent_source": "web form"}]);
    let put = server
        .send(server.post("/campaigns/spring/contacts", &contacts))
        .await;
    assert_eq!(put.body["added"], 1, "{put:?}");
    let viewer = Visitor::of(&server, Role::Viewer).await;
    viewer
        .get("/contacts/1")
        .await
        .has(&["At, by the clock of America/Denver", "Nothing is dialled"]);
    // A Tuesday, at noon and at night by their clock.
    let noon = viewer
        .get("/contacts/1?test=true&at=2026-12-01T12:00")
        .await;
    noon.has(&["would be called"]);
    noon.lacks(&["the rule that decides"]);
    let night = viewer
        .get("/contacts/1?test=true&at=2026-12-01T23:00")
        .await;
    night.has(&[
        "held: calling hours",
        "the rule that decides: calling hours",
        "until <time datetime=\"2026-12-02T1",
        "value=\"2026-12-01T23:00\"",
    ]);
    let now = viewer.get("/contacts/1?test=true&at=").await;
    assert_eq!(now.status, 200);
    now.has(&["Asked for"]);
    let wrong = viewer.get("/contacts/1?test=true&at=%3Cb%3E").await;
    assert_eq!(wrong.status, 422);
    wrong.has(&["expected a day and a time", "aria-invalid=\"true\""]);
    wrong.lacks(&["<b>"]);
    let barred = server
        .put("/do-not-call/own/numbers/+12025550101", &json!({}))
        .await;
    assert_eq!(barred.status, 201, "{barred:?}");
    viewer
        .get("/contacts/1?test=true&at=2026-12-01T12:00")
        .await
        .has(&["refused: do not call"]);
    assert_eq!(server.originates(), 0);
    server.stop().await;
}

#[tokio::test]
async fn contacts_are_found_by_what_is_known_of_them() {
    let server = with_contacts().await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    viewer
        .get("/contacts")
        .await
        .has(&["method=\"post\"", "aftertone contact show"]);
    let find = async |query: &str| viewer.post("/contacts", &[("query", query)]).await;
    for (query, found, others) in [
        ("+12025550101", &["C-1"][..], &["C-2"][..]),
        ("(202) 555-0101", &["C-1"], &["C-2"]),
        ("0101", &["C-1", "C-2"], &[]),
        ("C-2", &["C-2"], &["C-1"]),
        ("smith", &["C-1"], &["C-2"]),
        ("100%", &["C-2"], &["C-1"]),
        ("%", &["C-2"], &["C-1"]),
        ("+14155550199", &["Nobody was found"], &["C-1", "C-2"]),
    ] {
        let shown = find(query).await;
        assert_eq!(shown.status, 200, "{query}");
        let (_, results) = shown.text.split_once("</form>").unwrap();
        let rows = results
            .rsplit_once("</form>")
            .map_or(results, |(_, rest)| rest);
        for text in found {
            assert!(rows.contains(text), "{query}: no {text} in {rows}");
        }
        for text in others {
            assert!(!rows.contains(text), "{query}: {text} in {rows}");
        }
    }
    // What was looked for is shown again where it was typed, and nowhere else is a number whole.
    let shown = find("+12025550101").await;
    shown.has(&["+1202•••0101", "Ann &#60;b&#62;Smith&#60;/b&#62;"]);
    assert_eq!(shown.text.matches(WHOLE).count(), 1, "{}", shown.text);
    server.stop().await;
}

#[tokio::test]
async fn a_contact_is_shown_with_its_consent_its_rules_and_what_comes_next() {
    let server = with_contacts().await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let shown = viewer.get("/contacts/1").await;
    shown.has(&[
        "+1202•••0101",
        "written",
        "web form",
        "=1+1",
        "Nothing before the campaign is started",
        "What the gate says now",
    ]);
    shown.lacks(&[WHOLE, "<b>Smith", "/bar", "/erase", "Show the whole number"]);
    assert_eq!(viewer.get("/contacts/9").await.status, 404);
    assert_eq!(viewer.get("/contacts/x").await.status, 404);

    // Whole numbers are for who may, and are in the audit log first.
    let auditor = Visitor::of(&server, Role::Auditor).await;
    assert_eq!(viewer.post("/contacts/1/number", &[]).await.status, 403);
    auditor
        .post("/contacts/1/number", &[])
        .await
        .has(&["+12025550101"]);
    let row = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(
        (&row["action"], &row["object"]),
        (&json!("numbers.read"), &json!("contact 1"))
    );

    // An operator bars, and no more.
    let operator = Visitor::of(&server, Role::Operator).await;
    operator.get("/contacts/1").await.has(&["/contacts/1/bar"]);
    let barred = operator
        .post("/contacts/1/bar", &[("because", "asked")])
        .await;
    assert_eq!(
        (barred.status, barred.location()),
        (303, "/contacts/1?done=barred")
    );
    operator
        .get(barred.location())
        .await
        .has(&["On the do-not-call list", "asked", "do not call"]);
    assert_eq!(
        operator
            .post("/contacts/1/erase", &[("sure", "yes")])
            .await
            .status,
        403
    );

    // An admin erases, if they are sure.
    let admin = Visitor::of(&server, Role::Admin).await;
    assert_eq!(admin.post("/contacts/1/erase", &[]).await.status, 422);
    let erased = admin
        .post(
            "/contacts/1/erase",
            &[("sure", "yes"), ("because", "asked")],
        )
        .await;
    assert_eq!(erased.status, 303, "{erased:?}");
    let gone = admin.get("/contacts/1").await;
    gone.lacks(&[WHOLE, "0101", "Smith", "web form"]);
    server.stop().await;
}

#[tokio::test]
async fn numbers_are_looked_up_added_and_taken_off_by_who_may() {
    let server = with_contacts().await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let shown = viewer.get("/do-not-call").await;
    shown.has(&["aftertone dnc add"]);
    shown.lacks(&["/do-not-call/add", "data-upload"]);
    let look = async |visitor: &Visitor<'_>, number: &str| {
        visitor.post("/do-not-call", &[("number", number)]).await
    };
    look(&viewer, "+12025550101").await.has(&["on no list"]);
    look(&viewer, "12").await.has(&["class=\"fault\""]);

    let operator = Visitor::of(&server, Role::Operator).await;
    let added = operator
        .post(
            "/do-not-call/add",
            &[("number", "+12025550101"), ("because", "called back")],
        )
        .await;
    assert_eq!(
        (added.status, added.location()),
        (303, "/do-not-call?done=barred")
    );
    let wrong = operator
        .post("/do-not-call/add", &[("number", "12"), ("list", "Own!")])
        .await;
    assert_eq!(wrong.status, 422);
    wrong.has(&["href=\"#number\"", "href=\"#list\"", "value=\"Own!\""]);
    let found = look(&operator, "(202) 555-0101").await;
    found.has(&["on own", "called back"]);
    found.lacks(&["/do-not-call/remove"]);
    assert_eq!(operator.post("/do-not-call/remove", &[]).await.status, 403);

    let manager = Visitor::of(&server, Role::Manager).await;
    look(&manager, "+12025550101")
        .await
        .has(&["/do-not-call/remove"]);
    let entry = [("list", "own"), ("number", "+12025550101")];
    assert_eq!(
        manager.post("/do-not-call/remove", &entry).await.status,
        422
    );
    let because = [entry[0], entry[1], ("because", "a mistake")];
    let removed = manager.post("/do-not-call/remove", &because).await;
    assert_eq!(removed.location(), "/do-not-call?done=unbarred");
    look(&viewer, "+12025550101").await.has(&["on no list"]);
    let row = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(row["action"], "do_not_call.remove", "{row}");
    assert!(!row.to_string().contains(WHOLE), "{row}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_is_shown_as_it_went_and_heard_again() {
    let (server, drop) = with_drop(listening(mailbox()).await, "./message.wav", "listen").await;
    let path = format!("/drops/{drop}");
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let shown = viewer.get(&path).await;
    shown.has(&[
        "+1202•••0101",
        "Busy leg",
        "Drop leg",
        "busy dialled",
        "Who answered: machine",
        "Proof",
    ]);
    shown.has(&["may not listen"]);
    shown.lacks(&[WHOLE, "<audio", "picture.svg"]);
    assert_eq!(
        viewer.post(&format!("{path}/replay"), &[]).await.status,
        403
    );

    let auditor = Visitor::of(&server, Role::Auditor).await;
    let shown = auditor.get(&path).await;
    shown.has(&[
        "data-scrubber",
        "picture.svg",
        "incoming.wav",
        "drop.json",
        "hold_short",
    ]);
    let replay = format!("{path}/replay");
    let again = auditor
        .post(&replay, &[("setting", "ready_silence"), ("value", "6.0")])
        .await;
    assert_eq!(again.status, 200, "{}", again.text);
    again.has(&[
        "role=\"status\"",
        "machine at",
        "value=\"ready_silence\" selected",
    ]);
    let wrong = auditor
        .post(&replay, &[("setting", "ready_silence"), ("value", "-1")])
        .await;
    assert_eq!(wrong.status, 422);
    wrong.has(&["role=\"alert\"", "aria-invalid"]);
    // The sound goes to who may hear it, by the session too.
    let sound = format!("/api/v1/drops/{drop}/evidence/incoming.wav");
    assert_eq!(viewer.get(&sound).await.status, 403);
    assert_eq!(server.originates(), 2, "nothing was dialled by looking");
    server.stop().await;
}

#[tokio::test]
async fn messages_and_prompts_are_shown_and_changed_by_who_may() {
    let server = with_contacts().await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let shown = viewer.get("/messages").await;
    shown.has(&["No message yet", "aftertone message add"]);
    shown.lacks(&["data-upload"]);
    let manager = Visitor::of(&server, Role::Manager).await;
    manager.get("/messages").await.has(&["data-upload=\"PUT\""]);
    assert_eq!(viewer.get("/messages/none").await.status, 404);

    viewer
        .get("/prompts")
        .await
        .has(&["Nothing was learnt yet", "aftertone prompts list"]);
    let now = Timestamp::now();
    let prompt = NewPrompt {
        origin: PromptOrigin::Learnt,
        ends: PromptEnd::Records,
        beep_ms: Some(4_200),
        length_ms: 4_000,
        prints: vec![1; 40],
        label: None,
    };
    let heard = PromptHearing {
        call: "0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        number: aftertone::phone::PhoneNumber::parse(
            "+12025550101",
            aftertone::phone::Rules::default(),
        )
        .unwrap(),
        at: now,
        ends: Some(PromptEnd::Records),
        campaign: None,
        pbx: Some("here".to_owned()),
        evidence: None,
    };
    let id = server
        .store
        .add_prompt(&prompt, Some(&heard), now)
        .await
        .unwrap()
        .unwrap();
    let path = format!("/prompts/{id}");
    let shown = viewer.get(&path).await;
    shown.has(&[
        "+1202•••0101",
        "4.0 s",
        "in 1 calls to 1 numbers",
        "/drops/0199aaaa",
    ]);
    shown.lacks(&[WHOLE, "/label", "/forget"]);
    let label = format!("{path}/label");
    assert_eq!(viewer.post(&label, &[("ends", "menu")]).await.status, 403);
    assert_eq!(
        manager.post(&label, &[("ends", "nowhere")]).await.status,
        422
    );
    let named = manager
        .post(&label, &[("ends", "menu"), ("label", "<i>O2</i>")])
        .await;
    assert_eq!(named.status, 303, "{named:?}");
    let row = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(
        (&row["action"], &row["object"]),
        (&json!("prompt.change"), &json!(format!("prompt {id}")))
    );
    let shown = viewer.get("/prompts").await;
    shown.has(&["menu", "&#60;i&#62;O2"]);
    let gone = manager.post(&format!("{path}/forget"), &[]).await;
    assert_eq!(gone.location(), "/prompts?done=prompt-forgotten");
    assert_eq!(viewer.get(&path).await.status, 404);
    server.stop().await;
}
