//! `/welcome`: the page behind a link, where a user sets a password.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{PageRoute, assets, form::PageForm, headers::without_referrer, page, pages, see};
use crate::{
    auth::{KeptUser, Password, Secret},
    http::{Api, caller::now, given::Parameters, problem::Problem},
    store::AuditEntry,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/welcome" None => show,
        POST "/welcome" None => set,
    ]
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    assets: &'static str,
    /// The secret of the link and whose it is; `None`: it is good for nothing any more.
    link: Option<GoodLink>,
    least: usize,
    refused: Option<String>,
}

struct GoodLink {
    code: String,
    user: String,
}

async fn show(State(api): State<Api>, mut parameters: Parameters) -> Result<Response, Problem> {
    let secret = parameters.text("code");
    let secret = secret.as_deref().and_then(Secret::parse);
    match of_link(&api, secret).await? {
        Some((secret, user)) => form(&secret, &user, None),
        None => over(),
    }
}

async fn set(State(api): State<Api>, given: PageForm) -> Result<Response, Problem> {
    let secret = given.text("code").and_then(Secret::parse);
    let Some((secret, user)) = of_link(&api, secret).await? else {
        return over();
    };
    let password = given.raw("password").unwrap_or_default();
    if given.raw("again") != Some(password) {
        return form(&secret, &user, Some("The two are not the same.".to_owned()));
    }
    let password = match Password::new(password.to_owned()) {
        Ok(password) => password,
        Err(error) => return form(&secret, &user, Some(format!("{error}."))),
    };
    let digest = api.state.passwords.digest(password).await?;
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
    if !store.set_password(&secret.digest(), &digest, now).await? {
        return over();
    }
    Ok(see("/login?new=true"))
}

/// Whose link it is, if it is good.
async fn of_link(api: &Api, secret: Option<Secret>) -> Result<Option<(Secret, KeptUser)>, Problem> {
    let Some(secret) = secret else {
        return Ok(None);
    };
    let user = api.store.user_of_link(&secret.digest(), now()).await?;
    Ok(user.map(|user| (secret, user)))
}

fn form(secret: &Secret, user: &KeptUser, refused: Option<String>) -> Result<Response, Problem> {
    let status = match refused {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    shown(
        status,
        Some(GoodLink {
            code: secret.expose().to_owned(),
            user: user.name.to_string(),
        }),
        refused,
    )
}

fn over() -> Result<Response, Problem> {
    shown(StatusCode::GONE, None, None)
}

fn shown(
    status: StatusCode,
    link: Option<GoodLink>,
    refused: Option<String>,
) -> Result<Response, Problem> {
    let template = WelcomePage {
        assets: assets::folder(),
        link,
        least: Password::LEAST,
        refused,
    };
    let mut response = page(status, &template)?;
    // The link is in the address.
    without_referrer(response.headers_mut());
    Ok(response)
}
