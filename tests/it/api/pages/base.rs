//! What all pages have in common.

use aftertone::{auth::Role, http::page_routes};
use reqwest::Method;

use super::{
    super::{access::RIGHT, server::ApiServer},
    visitor::{Visitor, with_form},
};
use crate::{fake::script::Script, program::pbx};

/// A path with something in the place of each name.
fn filled(path: &str) -> String {
    path.replace("{drop}", "0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
        .replace("{campaign}", "none")
        .replace("{contact}", "1")
        .replace("{import}", "1")
        .replace("{list}", "own")
        .replace("{message}", "none")
        .replace("{webhook}", "1")
        .replace("{delivery}", "1")
        .replace("{user}", "nobody")
        .replace("{session}", "none")
        .replace("{token}", "none")
        .replace("{simulation}", "none")
        .replace("{prompt}", "1")
        .replace("{file}", "none.wav")
}

#[tokio::test]
async fn every_page_lets_those_roles_in_that_may_and_nobody_who_has_not_signed_in() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let nobody = Visitor::nobody(&server);
    let mut walked = 0;
    for role in Role::ALL {
        for (method, path, action) in page_routes() {
            let Some(action) = action else { continue };
            // It ends the session.
            if path == "/logout" {
                continue;
            }
            let visitor = Visitor::of(&server, role).await;
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let shown = visitor
                .send(visitor.request(method.clone(), &filled(path)))
                .await;
            let may = aftertone::auth::Action::ALL
                .into_iter()
                .find(|known| known.slug() == action)
                .is_some_and(|action| {
                    let principal = aftertone::auth::Principal {
                        id: String::new(),
                        name: String::new(),
                        scopes: role.scopes(),
                        role: Some(role),
                    };
                    let any = aftertone::auth::Object::Any;
                    aftertone::auth::allows(&principal, action, any).is_ok()
                });
            assert_eq!(
                shown.status != 403,
                may,
                "{method} {path} by {role}: {shown:?}"
            );
            assert!(shown.status < 500, "{method} {path} by {role}: {shown:?}");
            assert!(!shown.location().starts_with("/login"), "{path}: {shown:?}");
            let asked = nobody
                .send(nobody.request(method.clone(), &filled(path)))
                .await;
            if path == "/feed" {
                // A script follows no way to a form.
                assert_eq!(asked.status, 401, "{asked:?}");
                assert_eq!(asked.header("content-type"), "application/problem+json");
            } else {
                assert_eq!(asked.status, 303, "{method} {path}: {asked:?}");
                assert!(asked.location().starts_with("/login?next="), "{asked:?}");
            }
            if method != Method::GET {
                for (name, value) in [
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-site", "same-site"),
                    ("sec-fetch-site", "none"),
                    ("origin", "http://evil.example"),
                    ("origin", "null"),
                ] {
                    let foreign = visitor.bare(method.clone(), &filled(path));
                    let refused = visitor.send(foreign.header(name, value)).await;
                    assert_eq!(refused.status, 403, "{path} {name} {value}: {refused:?}");
                    refused.has(&["another site"]);
                }
                // No browser at all.
                let bare = visitor.bare(method.clone(), &filled(path));
                assert_eq!(visitor.send(bare).await.status, 403, "{path}");
            }
            walked += 1;
        }
    }
    assert!(walked >= 5, "{walked}");
    server.stop().await;
}

#[tokio::test]
async fn a_browser_is_told_to_run_and_frame_nothing_of_others() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let visitor = Visitor::of(&server, Role::Viewer).await;
    let mut seen = Vec::new();
    for path in [
        "/",
        "/login",
        "/welcome?code=x",
        "/docs/problems",
        "/no/such/page",
        "/logout",
    ] {
        let shown = visitor.get(path).await;
        seen.push(shown.status);
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            let policy = shown.header("content-security-policy");
            assert!(policy.contains(part), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(shown.header(name), value, "{path} {name}");
        }
        assert!(shown.header("permissions-policy").contains("microphone=()"));
        assert_ne!(shown.header("x-request-id"), "");
        // Nothing that the policy would refuse.
        shown.lacks(&[" style=", "<style", " onclick=", "javascript:"]);
        for script in shown.text.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\"/assets/"), "{tag}");
            assert!(rest.starts_with("</script>"), "{script}");
        }
    }
    assert_eq!(seen, [200, 200, 410, 200, 404, 405]);
    let page = visitor.get("/").await;
    assert_eq!(page.header("referrer-policy"), "same-origin");
    let at = page.text.find("/assets/").unwrap();
    let script = page.text[at..].split('"').next().unwrap().to_owned();
    let asset = visitor.get(&script).await;
    assert_eq!(asset.status, 200, "{script}");
    assert!(asset.header("cache-control").contains("immutable"));
    let policy = asset.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    // A page of another host is not answered.
    let foreign = visitor
        .bare(Method::GET, "/")
        .header("host", "evil.example");
    assert_eq!(visitor.send(foreign).await.status, 421);
    server.stop().await;
}

#[tokio::test]
async fn people_sign_in_and_out_by_forms() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    Visitor::of(&server, Role::Viewer).await;
    let mut visitor = Visitor::nobody(&server);
    let asked = visitor.get("/?a=b&c").await;
    assert_eq!(asked.location(), "/login?next=/%3Fa%3Db%26c");
    visitor
        .get(asked.location())
        .await
        .has(&["value=\"/?a=b&#38;c\""]);
    let sign_in = async |visitor: &Visitor<'_>, password: &str, next: &str| {
        let fields = [("user", "viewer"), ("password", password), ("next", next)];
        visitor.post("/login", &fields).await
    };
    let wrong = sign_in(&visitor, "correct horse batterx", "/").await;
    assert_eq!(wrong.status, 401, "{wrong:?}");
    wrong.has(&[
        "role=\"alert\"",
        "aria-invalid=\"true\"",
        "value=\"viewer\"",
    ]);
    wrong.lacks(&["batterx"]);
    let foreign = with_form(
        visitor.bare(Method::POST, "/login"),
        &[("user", "viewer"), ("password", RIGHT)],
    );
    let foreign = foreign.header("origin", "http://evil.example");
    assert_eq!(visitor.send(foreign).await.status, 403);
    let elsewhere = sign_in(&visitor, RIGHT, "//evil.example/").await;
    assert_eq!((elsewhere.status, elsewhere.location()), (303, "/"));
    let right = sign_in(&visitor, RIGHT, "/?a=b").await;
    assert_eq!((right.status, right.location()), (303, "/?a=b"));
    let cookie = right.header("set-cookie").split(';').next().unwrap();
    visitor.cookie = cookie.to_owned();
    let page = visitor.get("/").await;
    page.has(&["<summary>viewer</summary>", "Sign out"]);
    // From a link of somebody else's a page is shown, and nothing is done.
    let linked = visitor.bare(Method::GET, "/");
    let linked = visitor
        .send(linked.header("sec-fetch-site", "cross-site"))
        .await;
    assert_eq!(linked.status, 200);
    let out = visitor.post("/logout", &[]).await;
    assert_eq!((out.status, out.location()), (303, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(visitor.get("/").await.status, 303);
    // A token is for the API.
    let token = visitor.bare(Method::GET, "/").bearer_auth(&server.admin);
    assert_eq!(Visitor::nobody(&server).send(token).await.status, 303);
    server.stop().await;
}
