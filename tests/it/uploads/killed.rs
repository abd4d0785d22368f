//! `aftertone serve` killed while a list is sent or taken in: the next one goes on by itself.

use std::{fs, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{list, reasons_of};
use crate::{
    api::killed::Serving,
    base::{Base, Kind as Database, Server},
    fake::script::Script,
    http_client,
    program::{Program, pbx, send_signal},
};

const ROWS: u64 = 40_000;

/// How often it is killed.
const KILLS: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_goes_on_with_its_list_by_itself() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let base = Base::fresh(database, &postgres).await;
        let (program, token) = program(&base).await;
        let mut serving = Serving::start(&program).await;
        let id = take(&serving, &token).await;
        let mut seen = Vec::new();
        for kill in 0..KILLS {
            // At first at once, then while its rows come in.
            let before = seen.last().copied().unwrap_or(0);
            if kill > 1 {
                more_than(&serving, &token, before).await;
            }
            send_signal("KILL", &serving.child);
            serving.child.wait().await.unwrap();
            serving = Serving::start(&program).await;
            seen.push(contacts(&serving, &token).await);
        }
        let import = ended(&serving, &token, &id).await;
        check(&serving, &token, &import).await;
        let whole = ROWS / 10 * 8;
        let midst = seen.iter().filter(|seen| (1..whole).contains(*seen));
        assert!(
            midst.count() >= 2,
            "{database}: it was never killed in the midst: {seen:?}"
        );
        // Sent again it is the same one, and changes nothing.
        assert_eq!(take(&serving, &token).await, id);
        let import = ended(&serving, &token, &id).await;
        check(&serving, &token, &import).await;
        serving.end().await;
        base.remove().await;
        postgres.down();
    }
}

/// Both have the same state folder: whichever has the file's lock goes on, and the other one waits.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_that_find_a_list_one_goes_on_with_it() {
    let postgres = Server::default();
    let base = Base::fresh(Database::Postgres, &postgres).await;
    let (program, token) = program(&base).await;
    let mut serving = Serving::start(&program).await;
    let id = take(&serving, &token).await;
    send_signal("KILL", &serving.child);
    serving.child.wait().await.unwrap();
    let (one, two) = tokio::join!(Serving::start(&program), Serving::start(&program));
    sleep(Duration::from_millis(300)).await;
    // Whoever has it is killed, or the other one: it is finished either way.
    let mut one = one;
    send_signal("KILL", &one.child);
    one.child.wait().await.unwrap();
    let import = ended(&two, &token, &id).await;
    check(&two, &token, &import).await;
    two.end().await;
    base.remove().await;
    postgres.down();
}

/// A program whose servers have no PBX and this database, and a token.
pub(crate) async fn program(base: &Base) -> (Program, String) {
    let program = Program::new(pbx(Script::mailbox())).await;
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let url = match base.kind {
        Database::Sqlite => format!("sqlite:{}", program.path("aftertone.db").display()),
        Database::Postgres => base.url().to_owned(),
    };
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("url = \"sqlite:"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let text = text.replacen(
        "[store]\n",
        &format!("[serve]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"{url}\"\n"),
        1,
    );
    // A server of the API alone.
    let (before, rest) = text.split_once("[pbx]\n").unwrap();
    let (_, after) = rest.split_once("\n[").unwrap();
    let text = format!("{before}[{after}");
    fs::write(&path, text).unwrap();
    let made = program
        .run(&["token", "add", "test", "--scope", "admin", "--json"])
        .await;
    let token = made.json()["token"]
        .as_str()
        .expect(&made.stderr)
        .to_owned();
    (program, token)
}

pub(crate) fn ask(serving: &Serving, token: &str, method: Method, path: &str) -> RequestBuilder {
    let url = format!("{}/api/v1{path}", serving.url);
    http_client().request(method, url).bearer_auth(token)
}

/// Sends the list, and returns its id once it is taken.
async fn take(serving: &Serving, token: &str) -> String {
    let new = json!({"name": "spring", "kind": "marketing", "message": "sound:hello"});
    let made = ask(serving, token, Method::POST, "/campaigns")
        .json(&new)
        .send()
        .await;
    assert!([201, 409].contains(&made.unwrap().status().as_u16()));
    let sent = ask(
        serving,
        token,
        Method::POST,
        "/campaigns/spring/imports?name=leads.csv",
    )
    .header("content-type", "text/csv")
    .body(list(ROWS))
    .send()
    .await
    .unwrap();
    let status = sent.status().as_u16();
    let body: Value = sent.json().await.unwrap();
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

/// How many contacts there are.
async fn contacts(serving: &Serving, token: &str) -> u64 {
    let campaign = ask(serving, token, Method::GET, "/campaigns/spring");
    let campaign: Value = campaign.send().await.unwrap().json().await.unwrap();
    campaign["contacts"].as_u64().unwrap()
}

/// Waits until there are more, or all.
async fn more_than(serving: &Serving, token: &str, before: u64) {
    let growing = async {
        loop {
            let now = contacts(serving, token).await;
            if now > before || now == ROWS / 10 * 8 {
                return;
            }
        }
    };
    timeout(Duration::from_secs(60), growing)
        .await
        .expect("nothing comes in")
}

pub(crate) async fn show(serving: &Serving, token: &str, id: &str) -> Value {
    let path = format!("/imports/{id}");
    let shown = ask(serving, token, Method::GET, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(shown.status().as_u16(), 200);
    shown.json().await.unwrap()
}

async fn ended(serving: &Serving, token: &str, id: &str) -> Value {
    let asking = async {
        loop {
            let shown = show(serving, token, id).await;
            if ["complete", "failed"].contains(&shown["state"].as_str().unwrap()) {
                return shown;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(120), asking)
        .await
        .expect("it never ends")
}

/// Every row is a contact once, or a reject once.
async fn check(serving: &Serving, token: &str, import: &Value) {
    assert_eq!(import["state"], "complete", "{import}");
    let counts = ["rows", "added", "rejected"].map(|name| import[name].as_u64().unwrap());
    assert_eq!(counts, [ROWS, ROWS / 10 * 8, ROWS / 10 * 2], "{import}");
    let each = ROWS / 10;
    let wanted = json!({"duplicate": each, "invalid_number": each});
    assert_eq!(import["reasons"], wanted);
    let id = import["id"].as_str().unwrap();
    let path = format!("/imports/{id}/rejects");
    let rejects = ask(serving, token, Method::GET, &path)
        .send()
        .await
        .unwrap();
    let reasons = reasons_of(&rejects.text().await.unwrap());
    assert_eq!(json!(reasons), wanted);
    let campaign = ask(serving, token, Method::GET, "/campaigns/spring")
        .send()
        .await
        .unwrap();
    let campaign: Value = campaign.json().await.unwrap();
    assert_eq!(campaign["contacts"], each * 8, "{campaign}");
    assert_eq!(campaign["standing"], "draft");
}
