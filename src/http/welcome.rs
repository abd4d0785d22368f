//! `/welcome`: the page behind a link, where a user sets a password. Plain HTML without a script.

use axum::{
    Form, Router,
    extract::{Query, State, rejection::FormRejection},
    http::{HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    Api,
    caller::now,
    frame::{check_host, frame},
    problem::{Problem, ProblemKind},
};
use crate::{
    auth::{KeptUser, Password, Secret},
    store::AuditEntry,
};

/// The page.
pub(super) fn routes(api: &Api) -> Router<Api> {
    Router::new()
        .route("/welcome", get(show).post(set))
        .layer(axum::extract::DefaultBodyLimit::max(MOST_BYTES))
        .layer(from_fn_with_state(api.clone(), check_host))
        .layer(from_fn_with_state(api.clone(), frame))
}

/// The link with this secret behind it. The secret is in the query, which no log of ours has.
pub(super) fn link(api: &Api, secret: &Secret) -> String {
    let config = api.config.borrow();
    link_at(&config.serve.base_url(), secret)
}

/// New random bytes, for a link or a session.
pub(super) fn secret() -> Result<Secret, Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes can be had");
        Problem::new(ProblemKind::Internal, "no random bytes can be had")
    })?;
    Ok(Secret::of(&random))
}

/// The same of a server that is reached there.
pub fn link_at(base: &str, secret: &Secret) -> String {
    format!("{base}/welcome?code={}", secret.expose())
}

/// What is behind the link.
#[derive(Deserialize)]
struct LinkQuery {
    code: Option<String>,
}

/// What the page sends.
#[derive(Deserialize)]
struct NewPassword {
    code: String,
    password: String,
    again: String,
}

async fn show(State(api): State<Api>, Query(query): Query<LinkQuery>) -> Response {
    let secret = query.code.as_deref().and_then(Secret::parse);
    match user(&api, secret.as_ref()).await {
        Ok((secret, user)) => page(StatusCode::OK, &fields(&secret, &user, "")),
        Err(response) => response,
    }
}

async fn set(State(api): State<Api>, form: Result<Form<NewPassword>, FormRejection>) -> Response {
    let Ok(Form(given)) = form else {
        return page(StatusCode::BAD_REQUEST, "<p>This was not understood.</p>");
    };
    let secret = Secret::parse(&given.code);
    let (secret, user) = match user(&api, secret.as_ref()).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let refused = |words: &str| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        page(status, &fields(&secret, &user, words))
    };
    if given.password != given.again {
        return refused("The two are not the same.");
    }
    let password = match Password::new(given.password) {
        Ok(password) => password,
        Err(error) => return refused(&format!("{error}.")),
    };
    let digest = match api.state.passwords.digest(password).await {
        Ok(digest) => digest,
        Err(problem) => return problem.into_response(),
    };
    let now = now();
    let entry = AuditEntry {
        at: now,
        who: user.principal().id,
        via: "link",
        ip: None,
        request_id: None,
        action: "user.password".to_owned(),
        object: user.principal().id,
        before: None,
        after: None,
    };
    let store = api.store.audited(entry);
    match store.set_password(&secret.digest(), &digest, now).await {
        Ok(true) => page(
            StatusCode::OK,
            &format!(
                "<p>The password of {} is set. This link is used up.</p>",
                escape(user.name.as_str())
            ),
        ),
        Ok(false) => over(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Whose link it is, if it is good.
async fn user(api: &Api, secret: Option<&Secret>) -> Result<(Secret, KeptUser), Response> {
    let Some(secret) = secret else {
        return Err(over());
    };
    match api.store.user_of_link(&secret.digest(), now()).await {
        Ok(Some(user)) => Ok((secret.clone(), user)),
        Ok(None) => Err(over()),
        Err(error) => Err(Problem::from(error).into_response()),
    }
}

fn over() -> Response {
    let words = "<p>This link is good for nothing any more: it was used, or fifteen minutes are over. \
        <code>aftertone user password NAME</code> makes another one.</p>";
    page(StatusCode::GONE, words)
}

fn fields(secret: &Secret, user: &KeptUser, words: &str) -> String {
    let (name, least) = (escape(user.name.as_str()), Password::LEAST);
    let alert = if words.is_empty() {
        String::new()
    } else {
        format!("<p role=\"alert\">{}</p>", escape(words))
    };
    format!(
        "{alert}<form method=\"post\" action=\"/welcome\">\
         <input type=\"hidden\" name=\"code\" value=\"{code}\">\
         <p><label>User<br><input name=\"user\" value=\"{name}\" autocomplete=\"username\" readonly></label></p>\
         <p><label>New password, {least} characters at least<br>\
         <input type=\"password\" name=\"password\" autocomplete=\"new-password\" minlength=\"{least}\" required autofocus></label></p>\
         <p><label>Once more<br>\
         <input type=\"password\" name=\"again\" autocomplete=\"new-password\" minlength=\"{least}\" required></label></p>\
         <p><button>Set the password</button></p></form>",
        code = secret.expose(),
    )
}

fn page(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Aftertone: password</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"></head>\
         <body><main><h1>Aftertone</h1>{body}</main></body></html>"
    );
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        // The link is in the address.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text as HTML has it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Of the form.
const MOST_BYTES: usize = 16 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_markup() {
        assert_eq!(
            escape("<a href='\"&\"'>"),
            "&lt;a href=&#39;&quot;&amp;&quot;&#39;&gt;"
        );
    }
}
