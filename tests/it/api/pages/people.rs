//! The pages about people: contacts that are found, what was decided about each, their drops, do-not-call lists, messages and
//! prompts; each by its role.

use aftertone::{
    auth::Role,
    store::{NewPrompt, PromptHearing, PromptOrigin},
    words::PromptEnd,
};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::{
    super::{audit::wav, evidence::with_drop, server::ApiServer},
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

/// A list has telephone numbers in columns of all kinds. Whole they are where whole numbers were asked for by whoever may read them, and
/// nowhere else; an id is told to programs as it is, which know their own by it.
#[tokio::test]
async fn whole_numbers_in_other_columns_are_shown_to_nobody_who_may_not_read_them() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let settings =
        json!({"name": "spring", "kind": "informational", "message": "sound:hello-world"});
    server.send(server.post("/campaigns", &settings)).await;
    let contacts = json!([{
        "number": "+12025550101", "name": "Ann 202-555-0102", "foreign_id": "+12025550103",
        "consent": "written", "consent_at": "2026-03-01", "consent_source": "call from (202) 555 0104",
        "columns": {"Second": "+1 202 555 0105", "Since": "2026-03-01"},
    }]);
    let put = server.send(server.post("/campaigns/spring/contacts", &contacts));
    assert_eq!(put.await.body["added"], 1);
    // Of each the last digits, which are shown.
    let is_whole = |text: &str, last: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.contains(&format!("202555{last}"))
    };
    let all = ["0101", "0102", "0103", "0104", "0105"];
    let paths = [
        "/contacts/1",
        "/contacts/1/history",
        "/campaigns/spring/contacts",
        "/campaigns/spring/results?undialled=true",
    ];
    let token = server.token(&["contacts:read", "campaigns:read"]).await;
    for path in paths {
        let request = server.plain(Method::GET, path).bearer_auth(&token);
        let (status, text) = server.text(request).await;
        assert_eq!(status, 200, "{path}: {text}");
        let whole = all.map(|last| is_whole(&text, last));
        let id_alone = [false, false, !path.ends_with("history"), false, false];
        assert_eq!(whole, id_alone, "{path}: {text}");
    }
    for role in Role::ALL {
        let visitor = Visitor::of(&server, role).await;
        let mut shown = vec![
            visitor.get("/contacts/1").await,
            visitor.get("/campaigns/spring?tab=contacts").await,
            visitor.post("/contacts", &[("query", "ann")]).await,
        ];
        for path in paths {
            shown.push(visitor.get(&format!("/api/v1{path}")).await);
        }
        for shown in shown {
            let whole = all.map(|last| is_whole(&shown.text, last));
            assert_eq!(whole, [false; 5], "{role}: {shown:?}");
        }
        visitor.get("/contacts/1").await.has(&["2026-03-01"]);
        let full = visitor.post("/contacts/1/number", &[]).await;
        let may = matches!(role, Role::Auditor | Role::Admin);
        assert_eq!(full.status == 200, may, "{role}");
        if may {
            assert_eq!(all.map(|last| is_whole(&full.text, last)), [true; 5]);
        }
    }
    let full = server.get("/contacts/1?full_numbers=true").await.body;
    assert_eq!(full["columns"]["Second"], "+1 202 555 0105");
    assert_eq!(full["name"], "Ann 202-555-0102");
    server.stop().await;
}

/// What is taken away in one file is more than what is seen: it takes a role, is in the audit log, and only those are shown the way to it
/// who may go it.
#[tokio::test]
async fn exports_are_for_those_who_may_and_in_the_audit_log() {
    let server = with_contacts().await;
    let results = "/api/v1/campaigns/spring/results";
    for role in Role::ALL {
        let visitor = Visitor::of(&server, role).await;
        let may = !matches!(role, Role::Viewer | Role::Operator);
        let shown = visitor.get("/campaigns/spring").await;
        assert_eq!(shown.text.contains(results), may, "{role}");
        let summary = visitor.get("/api/v1/campaigns/spring/summary").await;
        assert_eq!(summary.status, 200, "{role}");
        let taken = visitor.get(results).await;
        assert_eq!(taken.status, if may { 200 } else { 403 }, "{role}");
        let last = server.get("/audit?limit=1").await.body["items"][0].clone();
        assert_eq!(last["who"] == format!("user:{role}"), may, "{last}");
        if may {
            assert_eq!(
                (&last["action"], &last["object"]),
                (&json!("results.read"), &json!("results of spring"))
            );
        }
    }
    // A way that is shown leads there.
    let manager = Visitor::of(&server, Role::Manager).await;
    let shown = manager.get("/campaigns/spring").await;
    let href = shown.text.split('"').find(|part| part.starts_with(results));
    let taken = manager.get(href.unwrap()).await;
    assert_eq!(
        (taken.status, taken.header("content-type")),
        (200, "text/csv; charset=utf-8")
    );
    // Of programs the scope alone decides, and what was taken is said.
    let token = server.token(&["campaigns:read"]).await;
    let request = server.plain(Method::GET, "/campaigns/spring/results");
    let request = request.header("accept", "application/x-ndjson");
    let (status, _) = server.text(request.bearer_auth(&token)).await;
    assert_eq!(status, 200);
    let last = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(last["action"], "results.read");
    let after = last["after"].to_string();
    assert!(
        after.contains("ndjson") && after.contains("false"),
        "{last}"
    );
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
    shown.lacks(&[
        WHOLE,
        "<b>Smith",
        "/bar",
        "/people",
        "Show the whole number",
    ]);
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
    for visitor in [&viewer, &operator] {
        visitor.get("/contacts/1").await.lacks(&["/people"]);
        assert_eq!(visitor.get("/people").await.status, 403);
        let erase = [("contact", "1"), ("erase", "yes"), ("sure", "yes")];
        assert_eq!(visitor.post("/people", &erase).await.status, 403);
    }

    // An admin erases, if they are sure.
    let admin = Visitor::of(&server, Role::Admin).await;
    admin.get("/contacts/1").await.has(&["action=\"/people\""]);
    let person = [("contact", "1"), ("erase", "yes")];
    assert_eq!(admin.post("/people", &person).await.status, 422);
    let sure = [person[0], person[1], ("sure", "yes"), ("because", "asked")];
    let erased = admin.post("/people", &sure).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let gone = admin.get("/contacts/1").await;
    gone.lacks(&[WHOLE, "0101", "Smith", "web form"]);
    server.stop().await;
}

/// By their number, by a contact or by a drop: handed out as one file, erased with all that is said of it, and erased again.
#[tokio::test]
async fn a_person_is_handed_out_and_erased_however_they_are_known() {
    let server = with_contacts().await;
    let order =
        json!({"to": "+12025550177", "message": "sound:hello-world", "kind": "informational"});
    let ordered = server.order("k1", &order).await;
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    let auditor = Visitor::of(&server, Role::Auditor).await;
    let admin = Visitor::of(&server, Role::Admin).await;
    // The way there is in the menu, on the page of the search, and on that of each call.
    let empty = auditor.get("/people").await;
    empty.has(&["aria-current=\"page\">A person", "Look up"]);
    auditor.get("/contacts").await.has(&["href=\"/people\""]);
    let call = auditor.get(&format!("/drops/{drop}")).await;
    call.has(&["Hand out the person", "name=\"drop\""]);
    let wrong = auditor.post("/people", &[("number", "12")]).await;
    assert_eq!(wrong.status, 422);
    wrong.has(&["role=\"alert\"", "aria-invalid", "value=\"12\""]);
    for (field, unknown) in [("contact", "99"), ("drop", "none")] {
        assert_eq!(
            auditor.post("/people", &[(field, unknown)]).await.status,
            404
        );
    }

    // Somebody who is known by a single call alone.
    let found = auditor.post("/people", &[("drop", &drop)]).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.has(&["+1202•••0177", "<li>1 call</li>", "Bundle of the person"]);
    found.lacks(&["2025550177", "Erase the person"]);
    let typed = auditor
        .post("/people", &[("number", "(202) 555-0177")])
        .await;
    typed.has(&["<li>1 call</li>", &format!("/drops/{drop}")]);
    for (field, value) in [("drop", drop.as_str()), ("number", "+12025550177")] {
        let bundle = auditor.request(Method::POST, "/people/export");
        let bundle = super::visitor::with_form(bundle, &[(field, value)]);
        let bundle = bundle.send().await.unwrap();
        assert_eq!(bundle.status().as_u16(), 200);
        assert_eq!(bundle.headers()["content-type"], "application/zip");
        let bytes = bundle.bytes().await.unwrap();
        assert!(bytes.starts_with(b"PK"), "it is a zip file");
    }
    let row = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(row["action"], "person.export", "{row}");
    let erase = |field: &'static str, value: &str| {
        [
            (field, value.to_owned()),
            ("erase", "yes".to_owned()),
            ("sure", "yes".to_owned()),
        ]
    };
    let send = async |visitor: &Visitor<'_>, fields: &[(&str, String)]| {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        visitor.post("/people", &fields).await
    };
    assert_eq!(send(&auditor, &erase("drop", &drop)).await.status, 403);
    let unsure = [("drop", drop.clone()), ("erase", "yes".to_owned())];
    let unsure = send(&admin, &unsure).await;
    assert_eq!(unsure.status, 422);
    unsure.has(&["nothing was erased", "<li>1 call</li>"]);
    // A browser that was left open erases nobody.
    let old = Timestamp::now() - jiff::SignedDuration::from_mins(11);
    let mut stale = Visitor::nobody(&server);
    stale.cookie = super::super::access::session(&server, "admin", Role::Admin, old).await;
    let asked = send(&stale, &erase("drop", &drop)).await;
    assert!(asked.location().starts_with("/login?next="), "{asked:?}");
    assert!(asked.location().ends_with("&again=true"), "{asked:?}");

    let erased = send(&admin, &erase("drop", &drop)).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    erased.has(&[
        "What was erased",
        "<dt>Calls</dt><dd>1</dd>",
        "What it did not reach",
        "recordings of the PBX",
        "Erase it again",
        // Whom neither call nor contact names any more is erased again by their number.
        "name=\"number\" value=\"+12025550177\"",
        "barred for good",
    ]);
    auditor
        .get(&format!("/drops/{drop}"))
        .await
        .lacks(&["•••0177", "Hand out the person"]);
    assert_eq!(send(&admin, &erase("drop", &drop)).await.status, 409);
    let again = send(&admin, &erase("number", "+12025550177")).await;
    assert_eq!(again.status, 200, "{again:?}");
    again.has(&["<dt>Calls</dt><dd>0</dd>", "Erase it again"]);
    // The log has who, and not whom.
    let audit = server.get("/audit?limit=100").await.body.to_string();
    assert!(audit.contains("person.erase"), "{audit}");
    assert!(!audit.contains("2025550177"), "{audit}");
    server.stop().await;
}

/// When somebody was called is said by their own clock, also where no script runs.
#[tokio::test]
async fn when_a_person_was_called_is_said_by_their_own_clock() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let order =
        json!({"to": "+12025550101", "message": "sound:hello-world", "kind": "informational"});
    let ordered = server.order("k1", &order).await;
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    let viewer = Visitor::of(&server, Role::Viewer).await;
    let page = viewer.get(&format!("/drops/{drop}")).await;
    let stored = server.get(&format!("/drops/{drop}")).await.body;
    for when in ["started_at", "ended_at"] {
        let at: Timestamp = stored[when].as_str().unwrap().parse().unwrap();
        let utc = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let there = at.in_tz("America/New_York").unwrap();
        let there = there.strftime("%Y-%m-%d %H:%M:%S");
        page.has(&[&format!(
            "title=\"{utc}\" data-time data-zone=\"America/New_York\">{there} (New York)</time>"
        )]);
    }
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
    shown.lacks(&["data-upload", "data-recorder"]);
    let microphone = |page: &super::visitor::Shown| {
        let policy = page.header("permissions-policy");
        policy.contains("microphone=(self)")
    };
    assert!(!microphone(&shown));
    let manager = Visitor::of(&server, Role::Manager).await;
    let shown = manager.get("/messages").await;
    shown.has(&[
        "data-upload=\"PUT\"",
        "data-recorder",
        "data-longest=\"119\"",
    ]);
    // On these pages alone, of those who may record.
    assert!(microphone(&shown));
    assert!(!microphone(&manager.get("/").await));
    assert!(!microphone(&manager.get("/access").await));
    assert_eq!(viewer.get("/messages/none").await.status, 404);
    assert_eq!(viewer.get("/messages/names%2Fnone").await.status, 404);
    for clip in ["names/ann", "names/bob"] {
        let path = format!("/messages/{}", clip.replace('/', "%2F"));
        let request = server.request(Method::PUT, &path).body(wav());
        let made = server.send(request).await;
        assert_eq!(
            (made.status, &made.body["name"]),
            (201, &json!(clip)),
            "{made:?}"
        );
    }
    let shown = viewer.get("/messages").await;
    shown.has(&[
        "Folders of clips",
        "href=\"/messages?folder=names\"",
        "2 clips",
    ]);
    shown.lacks(&["names/ann"]);
    let shown = viewer.get("/messages?folder=names").await;
    shown.has(&[
        "Clips of names",
        "href=\"/messages/names%2Fann\"",
        "/api/v1/messages/names%2Fbob/picture.svg",
    ]);
    // A clip is recorded and uploaded into the folder that is looked at.
    let shown = manager.get("/messages?folder=names").await;
    for field in ["recorded-name", "name"] {
        let (_, input) = shown
            .text
            .split_once(&format!("<input id=\"{field}\""))
            .unwrap();
        let (input, _) = input.split_once('>').unwrap();
        assert!(input.contains("value=\"names/\""), "{input}");
        assert!(input.contains("pattern=\"([a-z0-9_\\-]+/)?"), "{input}");
    }
    let shown = viewer.get("/messages/names%2Fann").await;
    shown.has(&["/api/v1/messages/names%2Fann/audio"]);
    let sound = viewer.get("/api/v1/messages/names%2Fann/audio").await;
    assert_eq!(sound.status, 200);

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
