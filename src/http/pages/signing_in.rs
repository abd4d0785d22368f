//! `/login` and `/logout`: people sign in by a form, and out.

use askama::Template;
use axum::{
    extract::{FromRequest, Path, Request, State},
    http::{StatusCode, header},
    response::Response,
};

use super::{PageRoute, assets, form::PageForm, page, pages, see};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Asked, Caller},
        given::Parameters,
        problem::{Problem, ProblemKind},
        routes::sessions,
    },
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/login" None => show,
        POST "/login" None => sign_in,
        POST "/logout" Some(Action::OwnSessions) => sign_out,
    ]
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    assets: &'static str,
    /// Where to go then.
    next: String,
    /// Whether somebody who is signed in has to give the password again.
    is_again: bool,
    /// Whether the link that sets a password was just used.
    is_new: bool,
    user: String,
    refused: Option<String>,
}

/// The page on which people sign in, and which takes them back.
pub(super) fn path(back: Option<&str>, is_again: bool) -> String {
    let mut query = url_query("next", &own_path(back));
    if is_again {
        query.push_str("&again=true");
    }
    format!("/login?{query}")
}

async fn show(mut parameters: Parameters) -> Result<Response, Problem> {
    let shown = LoginPage {
        assets: assets::folder(),
        next: own_path(parameters.text("next").as_deref()),
        is_again: parameters.flag("again"),
        is_new: parameters.flag("new"),
        user: String::new(),
        refused: None,
    };
    page(StatusCode::OK, &shown)
}

async fn sign_in(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::of(&api, &request);
    let refused = {
        let config = api.config.borrow();
        sessions::check_browser(request.headers(), &config.serve).err()
    };
    // A page of somebody else's is not even shown the form.
    if let Some(problem) = refused {
        return Err(problem);
    }
    let form = <PageForm as FromRequest<Api>>::from_request(request, &api).await?;
    let user = form.text("user").unwrap_or_default().to_owned();
    let password = form.raw("password").unwrap_or_default().to_owned();
    let next = own_path(form.text("next"));
    match sessions::sign_in(&api, asked, &user, password).await {
        Ok(begun) => {
            let mut response = see(&next);
            let headers = response.headers_mut();
            headers.insert(header::SET_COOKIE, begun.cookie);
            Ok(response)
        }
        Err(problem)
            if matches!(
                problem.kind(),
                ProblemKind::Unauthorized | ProblemKind::TooManyRequests
            ) =>
        {
            let shown = LoginPage {
                assets: assets::folder(),
                next,
                is_again: false,
                is_new: false,
                user,
                refused: Some(problem.detail().to_owned()),
            };
            page(problem.kind().status(), &shown)
        }
        Err(problem) => Err(problem),
    }
}

async fn sign_out(State(api): State<Api>, caller: Caller) -> Result<Response, Problem> {
    let current = Path(sessions::CURRENT.to_owned());
    let ended = sessions::end(State(api), caller, current, Parameters::none()).await?;
    let mut response = see("/login");
    if let Some(cookie) = ended.headers().get(header::SET_COOKIE) {
        let headers = response.headers_mut();
        headers.insert(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// A path of ours to go back to; that of the first page if it is none, or one of another server's.
pub(super) fn own_path(given: Option<&str>) -> String {
    let is_own = |path: &&str| {
        let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let begins_here = path.starts_with('/') && !path.starts_with("//");
        is_plain && begins_here && !path.starts_with("/login") && !path.starts_with("/logout")
    };
    given.filter(is_own).unwrap_or("/").to_owned()
}

/// A parameter as a query has it.
pub(super) fn url_query(name: &str, value: &str) -> String {
    let mut query = format!("{name}=");
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                query.push(char::from(byte));
            }
            byte => query.push_str(&format!("%{byte:02X}")),
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for own in ["/", "/campaigns/spring?tab=log", "/contacts/1"] {
            assert_eq!(own_path(Some(own)), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "evil",
            "/a b",
            "/a\r\nset-cookie: a=b",
            "/login?next=/login",
            "/logout",
        ] {
            assert_eq!(own_path(Some(other)), "/", "{other}");
        }
        assert_eq!(own_path(None), "/");
        assert_eq!(
            path(Some("/a?b=c&d"), true),
            "/login?next=/a%3Fb%3Dc%26d&again=true"
        );
    }
}
