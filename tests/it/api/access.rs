//! People: the link by which they begin, their sessions, and what each role may do. A cookie counts only for this server's own
//! pages, and no token does what only people do.

use std::collections::BTreeMap;

use aftertone::auth::{
    KeptSession, KeptUser, LINK_LASTS, Password, PasswordDigest, Role, Secret, UserName,
};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::server::ApiServer;
use crate::{
    base::{Kind as Database, Server},
    fake::script::Script,
    program::pbx,
};

pub(super) const RIGHT: &str = "correct horse battery";

/// Prometheus is told that the database is away while it is: nobody else is let in meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_read_while_the_database_is_away() {
    let postgres = Server::default();
    let server =
        ApiServer::start_on(pbx(Script::mailbox()), "", Database::Postgres, &postgres).await;
    let (reader, other) = (
        server.token(&["metrics:read"]).await,
        server.token(&["metrics:read"]).await,
    );
    let scrape = async |token: &str| {
        let asked = server.client.get(format!("http://{}/metrics", server.at));
        server.text(asked.bearer_auth(token)).await
    };
    let (status, text) = scrape(&reader).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("\naftertone_store_up 1\n"), "{text}");
    postgres.down();
    let (status, text) = scrape(&reader).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("\naftertone_store_up 0\n"), "{text}");
    // Who was not known before is not known now, nor is whoever has the id and not the secret.
    assert_eq!(scrape(&other).await.0, 503);
    let forged = format!("{}{}", &reader[..13], &other[13..]);
    assert_eq!(scrape(&forged).await.0, 401);
}

#[tokio::test]
async fn a_user_begins_by_a_link_signs_in_and_out() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let made = server
        .program
        .run(&["user", "add", "Ann", "--role", "admin", "--json"])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["user"], &made["state"]),
        (&json!("ann"), &json!("invited"))
    );
    let link = made["link"].as_str().unwrap();
    let code = link.split("/welcome?code=").nth(1).unwrap().to_owned();
    let again = server
        .program
        .run(&["user", "add", "ann", "--role", "viewer"])
        .await;
    assert_eq!(again.status, Some(2), "{again:?}");

    // No password yet, so that none is right.
    assert_eq!(sign_in(&server, "ann", RIGHT).await.0, 401);
    let at = server.at;
    let page = format!("http://{at}/welcome?code={code}");
    let shown = server.client.get(&page).send().await.unwrap();
    assert_eq!(shown.status(), 200);
    let policy = shown.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(shown.headers()["referrer-policy"], "no-referrer");
    assert_eq!(shown.headers()["cache-control"], "no-store");
    let text = shown.text().await.unwrap();
    assert!(
        text.contains("value=\"ann\"") && !text.contains("<script"),
        "{text}"
    );
    let set = async |code: &str, password: &str, again: &str| {
        let fields = format!(
            "code={code}&password={}&again={}",
            password.replace(' ', "+"),
            again.replace(' ', "+")
        );
        let sent = server
            .client
            .post(format!("http://{at}/welcome"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields)
            .send()
            .await
            .unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    };
    assert_eq!(set(&code, "short", "short").await.0, 422);
    assert_eq!(set(&code, RIGHT, "correct horse batterx").await.0, 422);
    assert_eq!(set(&"a".repeat(43), RIGHT, RIGHT).await.0, 410);
    let (status, text) = set(&code, RIGHT, RIGHT).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(set(&code, RIGHT, RIGHT).await.0, 410);
    let used = server.client.get(&page).send().await.unwrap();
    assert_eq!(used.status(), 410);

    assert_eq!(
        sign_in(&server, "ann", "correct horse batterx").await.0,
        401
    );
    let (status, cookie, body) = sign_in(&server, "ann", RIGHT).await;
    assert_eq!(status, 201, "{body}");
    server.fits(&body, "SignedIn");
    for part in [
        "__Host-aftertone=",
        "; HttpOnly",
        "; Secure",
        "; SameSite=Lax",
        "; Path=/",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let list = server
        .send(own(&server, Method::GET, "/sessions", &cookie))
        .await;
    assert_eq!(list.status, 200, "{list:?}");
    server.fits(&list.body, "SessionList");
    assert_eq!(list.body["items"][0]["current"], true);
    let users = server
        .send(own(&server, Method::GET, "/users", &cookie))
        .await;
    server.fits(&users.body, "UserList");
    assert_eq!(users.body["items"][0]["state"], "active");

    // Whoever has the cookie and is no page of this server, has nothing.
    let plain = |name: &'static str, value: &'static str| {
        server
            .plain(Method::GET, "/users")
            .header("cookie", &cookie)
            .header(name, value)
    };
    for request in [
        server
            .plain(Method::GET, "/users")
            .header("cookie", &cookie),
        plain("sec-fetch-site", "cross-site"),
        plain("sec-fetch-site", "same-site"),
        plain("sec-fetch-site", "none"),
        plain("origin", "http://evil.example"),
        plain("origin", "null"),
    ] {
        let answer = server.send(request).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (401, "unauthorized"),
            "{answer:?}"
        );
    }

    let out = server
        .send(own(&server, Method::DELETE, "/sessions/current", &cookie))
        .await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let over = server
        .send(own(&server, Method::GET, "/users", &cookie))
        .await;
    assert_eq!(over.status, 401);

    // Each of it is in the log, which is whole, and holds no secret.
    let rows = server.get("/audit").await.body;
    let actions = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap());
    let actions: Vec<_> = actions.take(4).collect();
    assert_eq!(
        actions,
        ["session.end", "session.begin", "user.password", "user.add"]
    );
    for secret in [RIGHT, code.as_str(), cookie.split('=').nth(1).unwrap()] {
        assert!(!rows.to_string().contains(secret));
    }
    let whole = server.program.run(&["audit", "verify"]).await;
    assert_eq!(whole.status, Some(0), "{whole:?}");
    server.stop().await;
}

#[tokio::test]
async fn users_are_managed_by_admins_who_have_just_signed_in() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let admin = session(&server, "root", Role::Admin, Timestamp::now()).await;
    let order = json!({"user": "bob", "role": "operator"});
    let made = server
        .send(own(&server, Method::POST, "/users", &admin).json(&order))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    server.fits(&made.body, "NewUser");
    assert_eq!(made.header("location"), "/api/v1/users/bob");
    let twice = server
        .send(own(&server, Method::POST, "/users", &admin).json(&order))
        .await;
    assert_eq!((twice.status, twice.problem()), (409, "exists"));
    let wrong = json!({"user": "a b", "role": "boss", "tpyo": 1});
    let wrong = server
        .send(own(&server, Method::POST, "/users", &admin).json(&wrong))
        .await;
    assert_eq!(
        wrong.body["errors"].as_array().unwrap().len(),
        3,
        "{wrong:?}"
    );

    // The link, the role and the end of it; each ends what was begun before.
    let again = server
        .send(own(&server, Method::POST, "/users/bob/links", &admin))
        .await;
    assert_eq!(again.status, 201);
    server.fits(&again.body, "UserLink");
    let bob = session(&server, "bob", Role::Operator, Timestamp::now()).await;
    let mine = server
        .send(own(&server, Method::GET, "/sessions", &bob))
        .await;
    assert_eq!(mine.status, 200, "{mine:?}");
    let change = json!({"role": "manager"});
    let changed = server
        .send(own(&server, Method::PATCH, "/users/bob", &admin).json(&change))
        .await;
    assert_eq!(changed.body["role"], "manager", "{changed:?}");
    server.fits(&changed.body, "User");
    let mine = server
        .send(own(&server, Method::GET, "/sessions", &bob))
        .await;
    assert_eq!(mine.status, 401, "{mine:?}");
    let bob = session(&server, "bob", Role::Manager, Timestamp::now()).await;
    let all = server
        .send(own(&server, Method::GET, "/sessions?all=true", &admin))
        .await;
    let theirs = all.body["items"].as_array().unwrap().iter();
    let theirs = theirs.filter(|session| session["user"] == "bob");
    assert_eq!(theirs.count(), 1, "{all:?}");
    let not_all = server
        .send(own(&server, Method::GET, "/sessions?all=true", &bob))
        .await;
    assert_eq!(not_all.status, 403);
    let disabled = json!({"disabled": true});
    let changed = server
        .send(own(&server, Method::PATCH, "/users/bob", &admin).json(&disabled))
        .await;
    assert_eq!(changed.body["state"], "disabled", "{changed:?}");
    assert_eq!(
        server
            .send(own(&server, Method::GET, "/sessions", &bob))
            .await
            .status,
        401
    );
    assert_eq!(sign_in(&server, "bob", RIGHT).await.0, 401);
    let own_role = server
        .send(own(&server, Method::PATCH, "/users/root", &admin).json(&change))
        .await;
    assert_eq!(own_role.status, 409);

    // A session that was left open is good for the rest, and not for this.
    let old = Timestamp::now() - jiff::SignedDuration::from_mins(11);
    let stale = session(&server, "root", Role::Admin, old).await;
    assert_eq!(
        server
            .send(own(&server, Method::GET, "/users", &stale))
            .await
            .status,
        200
    );
    let refused = server
        .send(
            own(&server, Method::POST, "/users", &stale)
                .json(&json!({"user": "eve", "role": "admin"})),
        )
        .await;
    assert_eq!(
        (refused.status, &refused.body["sign_in_again"]),
        (403, &json!(true))
    );
    // And no token is good for any of it.
    for (method, path) in [
        (Method::GET, "/users"),
        (Method::POST, "/users"),
        (Method::PATCH, "/users/bob"),
        (Method::POST, "/users/bob/links"),
        (Method::POST, "/users/bob/pin"),
        (Method::DELETE, "/users/bob/pin"),
        (Method::GET, "/sessions"),
        (Method::DELETE, "/sessions/current"),
    ] {
        let answer = server.send(server.request(method, path)).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (403, "forbidden"),
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_pin_is_made_by_its_user_or_an_admin_and_shown_once() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let now = Timestamp::now();
    let admin = session(&server, "root", Role::Admin, now).await;
    let manager = session(&server, "bob", Role::Manager, now).await;
    let viewer = session(&server, "eve", Role::Viewer, now).await;
    let ask = async |who: &str, method: Method, user: &str| {
        let path = format!("/users/{user}/pin");
        server.send(own(&server, method, &path, who)).await
    };
    let made = ask(&manager, Method::POST, "bob").await;
    assert_eq!(made.status, 201, "{made:?}");
    server.fits(&made.body, "NewPin");
    let first = made.body["pin"].as_str().unwrap().to_owned();
    let shown = server
        .send(own(&server, Method::GET, "/users/bob", &admin))
        .await;
    server.fits(&shown.body, "User");
    assert!(shown.body["pin_at"].is_string(), "{shown:?}");
    assert!(!shown.body.to_string().contains(&first));
    // Another in its place, by an admin.
    let made = ask(&admin, Method::POST, "bob").await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_ne!(made.body["pin"], json!(first));
    // Nobody makes one for others, and none is made for somebody who has no use for it.
    assert_eq!(ask(&manager, Method::POST, "root").await.status, 404);
    assert_eq!(ask(&manager, Method::DELETE, "root").await.status, 404);
    assert_eq!(ask(&viewer, Method::POST, "eve").await.status, 403);
    let useless = ask(&admin, Method::POST, "eve").await;
    assert_eq!((useless.status, useless.problem()), (409, "conflict"));
    assert_eq!(ask(&admin, Method::POST, "nobody").await.status, 404);
    let stale = now - jiff::SignedDuration::from_mins(11);
    let stale = session(&server, "bob", Role::Manager, stale).await;
    assert_eq!(ask(&stale, Method::POST, "bob").await.status, 403);
    let manager = session(&server, "bob", Role::Manager, now).await;
    assert_eq!(ask(&manager, Method::DELETE, "bob").await.status, 204);
    assert_eq!(ask(&manager, Method::DELETE, "bob").await.status, 404);
    let rows = server.get("/audit?object=user:bob").await.body;
    let rows = rows["items"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.filter(|row| row["action"] == "user.pin").collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(!format!("{rows:?}").contains(&first));
    server.stop().await;
}

#[tokio::test]
async fn tokens_are_made_and_revoked_by_admins_who_have_signed_in() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let admin = session(&server, "root", Role::Admin, Timestamp::now()).await;
    let order = json!({"name": "crm", "scopes": ["campaigns:read"], "networks": ["127.0.0.0/8"]});
    let made = server
        .send(own(&server, Method::POST, "/tokens", &admin).json(&order))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    server.fits(&made.body, "NewToken");
    let token = made.body["token"].as_str().unwrap();
    let ask = async || {
        let request = server.plain(Method::GET, "/campaigns").bearer_auth(token);
        server.send(request).await.status
    };
    assert_eq!(ask().await, 200);
    let list = server
        .send(own(&server, Method::GET, "/tokens", &admin))
        .await;
    server.fits(&list.body, "TokenList");
    assert!(!list.body.to_string().contains(token));
    let wrong = json!({"name": "", "scopes": ["time:travel", 1], "networks": ["x"], "expires_at": "2020-01-01T00:00:00Z"});
    let wrong = server
        .send(own(&server, Method::POST, "/tokens", &admin).json(&wrong))
        .await;
    let pointers = wrong.body["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = pointers
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    let expected = [
        "/expires_at",
        "/name",
        "/networks/0",
        "/scopes/0",
        "/scopes/1",
    ];
    assert_eq!(pointers, expected);
    let path = format!("/tokens/{}", made.body["id"].as_str().unwrap());
    let revoked = server
        .send(own(&server, Method::DELETE, &path, &admin))
        .await;
    assert_eq!(revoked.status, 204);
    assert_eq!(ask().await, 401);
    let again = server
        .send(own(&server, Method::DELETE, &path, &admin))
        .await;
    assert_eq!(again.status, 404);
    let rows = server.get("/audit?limit=2").await.body;
    assert_eq!(rows["items"][0]["action"], "token.revoke");
    assert_eq!(rows["items"][1]["action"], "token.add");
    assert!(!rows.to_string().contains(token));
    // Not by a session that was left open, and not by a token.
    let old = Timestamp::now() - jiff::SignedDuration::from_mins(11);
    let stale = session(&server, "root", Role::Admin, old).await;
    let stale = server
        .send(own(&server, Method::POST, "/tokens", &stale).json(&order))
        .await;
    assert_eq!(stale.status, 403);
    for (method, path) in [
        (Method::GET, "/tokens"),
        (Method::POST, "/tokens"),
        (Method::DELETE, path.as_str()),
    ] {
        let answer = server.send(server.request(method, path)).await;
        assert_eq!((answer.status, answer.problem()), (403, "forbidden"));
    }
    server.stop().await;
}

#[tokio::test]
async fn every_route_lets_those_roles_in_that_the_document_names() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let document = server.get("/openapi.json").await.body;
    let mut cookies = BTreeMap::new();
    for role in Role::ALL {
        let cookie = session(&server, role.slug(), role, Timestamp::now()).await;
        cookies.insert(role, cookie);
    }
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let words = operation["description"].as_str().unwrap();
            let Some(named) = words
                .split("have signed in")
                .last()
                .filter(|_| words.contains("have signed in"))
            else {
                let is_open = operation["security"] == json!([]);
                assert!(is_open, "{method} {path} says nothing of roles");
                continue;
            };
            let path = path
                .replace("{drop}", "0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{campaign}", "none")
                .replace("{list}", "own")
                .replace("{number}", "+12025550199");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for (role, cookie) in &cookies {
                let may = named.contains("everybody") || named.contains(&format!("`{role}`"));
                let answer = server
                    .send(own(&server, method.clone(), &path, cookie))
                    .await;
                let is_let_in = answer.status != 403 && answer.status != 401;
                assert_eq!(is_let_in, may, "{method} {path} by {role}: {answer:?}");
                walked += 1;
            }
        }
    }
    assert!(walked >= 150, "{walked}");
    server.stop().await;
}

#[tokio::test]
async fn whole_numbers_take_the_password_of_a_moment_ago() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let now = Timestamp::now();
    let ask = async |cookie: &str| {
        let path = "/drops?full_numbers=true";
        server.send(own(&server, Method::GET, path, cookie)).await
    };
    let lately = session(&server, "eve", Role::Auditor, now).await;
    assert_eq!(ask(&lately).await.status, 200);
    let row = server.get("/audit?limit=1").await.body["items"][0].clone();
    assert_eq!(
        (&row["action"], &row["who"]),
        (&json!("numbers.read"), &json!("user:eve"))
    );
    let long_ago = now - jiff::SignedDuration::from_mins(11);
    let stale = session(&server, "eve", Role::Auditor, long_ago).await;
    let refused = ask(&stale).await;
    assert_eq!(
        (refused.status, &refused.body["sign_in_again"]),
        (403, &json!(true))
    );
    let masked = server
        .send(own(&server, Method::GET, "/drops", &stale))
        .await;
    assert_eq!(masked.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn erasures_and_numbers_sent_elsewhere_take_the_password_of_a_moment_ago() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let now = Timestamp::now();
    let long_ago = now - jiff::SignedDuration::from_mins(11);
    let person = json!({"number": "+12025550199", "because": "asked"});
    let hook = json!({"url": "http://127.0.0.1:9/hook", "full_numbers": true});
    let ask = async |cookie: &str, path: &str, body: &Value| {
        let request = own(&server, Method::POST, path, cookie).json(body);
        server.send(request).await
    };
    let stale = session(&server, "root", Role::Admin, long_ago).await;
    for (path, body) in [("/erasures", &person), ("/webhooks", &hook)] {
        let refused = ask(&stale, path, body).await;
        assert_eq!(
            (refused.status, &refused.body["sign_in_again"]),
            (403, &json!(true)),
            "{path}"
        );
    }
    let masked = json!({"url": "http://127.0.0.1:9/hook"});
    assert_eq!(ask(&stale, "/webhooks", &masked).await.status, 201);
    let lately = session(&server, "root", Role::Admin, now).await;
    assert_eq!(ask(&lately, "/erasures", &person).await.status, 200);
    assert_eq!(ask(&lately, "/webhooks", &hook).await.status, 201);
    server.stop().await;
}

#[tokio::test]
async fn signing_in_takes_an_own_page_and_a_cookie_that_is_kept() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    session(&server, "ann", Role::Viewer, Timestamp::now()).await;
    let ask = async |name: &'static str, value: &'static str| {
        let request = server
            .plain(Method::POST, "/sessions")
            .json(&json!({"user": "ann", "password": RIGHT}))
            .header(name, value);
        let answer = server.send(request).await;
        (answer.status, answer.problem().to_owned())
    };
    let foreign = (403, "cross_site".to_owned());
    assert_eq!(ask("origin", "http://evil.example").await, foreign);
    assert_eq!(ask("sec-fetch-site", "cross-site").await, foreign);
    let plain = (403, "plain_http".to_owned());
    assert_eq!(ask("host", "10.0.0.5:8090").await, plain);
    assert_eq!(ask("host", "localhost:8090").await.0, 201);
    assert_eq!(ask("sec-fetch-site", "same-origin").await.0, 201);
    // A page of another host is not even answered.
    assert_eq!(ask("host", "evil.example").await.0, 421);
    let form = server
        .plain(Method::POST, "/sessions")
        .header("content-type", "text/plain")
        .body(format!("{{\"user\":\"ann\",\"password\":\"{RIGHT}\"}}"));
    assert_eq!(server.send(form).await.status, 415);
    server.stop().await;
}

#[tokio::test]
async fn a_session_is_the_same_on_both_databases() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        session(&server, "ann", Role::Operator, Timestamp::now()).await;
        let (status, cookie, body) = sign_in(&server, "ann", RIGHT).await;
        assert_eq!(status, 201, "{body}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let server = server.restart().await;
        let answer = server
            .send(own(&server, Method::GET, "/campaigns", &cookie))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let bar = own(
            &server,
            Method::PUT,
            "/do-not-call/own/numbers/+12025550123",
            &cookie,
        );
        assert_eq!(server.send(bar).await.status, 201);
        let unbar = own(
            &server,
            Method::DELETE,
            "/do-not-call/own/numbers/+12025550123",
            &cookie,
        );
        assert_eq!(server.send(unbar).await.status, 403);
        let row = server.get("/audit?limit=1").await.body["items"][0].clone();
        assert_eq!(
            (&row["who"], &row["via"]),
            (&json!("user:ann"), &json!("session"))
        );
        server.stop().await;
        postgres.down();
    }
}

/// A request of one of the server's own pages.
fn own(server: &ApiServer, method: Method, path: &str, cookie: &str) -> RequestBuilder {
    server
        .plain(method, path)
        .header("cookie", cookie)
        .header("sec-fetch-site", "same-origin")
}

/// Signs in; returns the status, the cookie and the body.
async fn sign_in(server: &ApiServer, user: &str, password: &str) -> (u16, String, Value) {
    let request = server
        .plain(Method::POST, "/sessions")
        .json(&json!({"user": user, "password": password}));
    let answer = server.send(request).await;
    let cookie = answer.header("set-cookie").to_owned();
    (answer.status, cookie, answer.body)
}

/// The cookie of a session that began then, of a user who is made unless there is one.
pub(super) async fn session(
    server: &ApiServer,
    name: &str,
    role: Role,
    began_at: Timestamp,
) -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).unwrap();
    let (name, now) = (UserName::parse(name).unwrap(), Timestamp::now());
    if server
        .store
        .user(&name)
        .await
        .unwrap()
        .is_none_or(|user| user.password.is_none())
    {
        let link = Secret::of(&random.map(|byte| !byte));
        let user = KeptUser {
            name: name.clone(),
            role,
            password: None,
            password_at: None,
            created_at: now,
            created_by: "test".to_owned(),
            disabled_at: None,
            signed_in_at: None,
            link_until: Some(now + LINK_LASTS),
        };
        if server.store.user(&name).await.unwrap().is_none() {
            server.store.add_user(&user, &link.digest()).await.unwrap();
        } else {
            let change = aftertone::store::UserChange::Link {
                digest: link.digest(),
                until: now + LINK_LASTS,
            };
            assert!(server.store.change_user(&name, &change).await.unwrap());
        }
        let password = Password::new(RIGHT.to_owned()).unwrap();
        let digest = PasswordDigest::of(&password, &[7; 16]);
        assert!(
            server
                .store
                .set_password(&link.digest(), &digest, now)
                .await
                .unwrap()
        );
    }
    let secret = Secret::of(&random);
    let session = KeptSession {
        digest: secret.digest(),
        user: name,
        began_at,
        seen_at: now,
        ip: None,
    };
    assert!(server.store.begin_session(&session).await.unwrap());
    format!("__Host-aftertone={}", secret.expose())
}
