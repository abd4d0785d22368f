//! `/tokens`: what programs show; people make them, and no token does.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse as _, Response},
};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::users::fresh;
use crate::{
    auth::{Action, KeptToken, Scope, Scopes, Token, TokenId},
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        problem::{Problem, ProblemKind},
    },
    store::AuditEntry,
};

/// A token, without its secret.
#[derive(Debug, Serialize)]
pub(in crate::http) struct TokenView {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    networks: Vec<String>,
    /// `good`, `expired` or `revoked`.
    state: &'static str,
    created_at: Timestamp,
    created_by: String,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    last_used_from: Option<String>,
    revoked_at: Option<Timestamp>,
}

/// All tokens.
#[derive(Debug, Serialize)]
pub(in crate::http) struct TokenList {
    items: Vec<TokenView>,
}

/// A token that was made, with its secret.
#[derive(Debug, Serialize)]
struct NewToken {
    #[serde(flatten)]
    view: TokenView,
    token: String,
}

/// All tokens, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<TokenList>, Problem> {
    parameters.finish()?;
    let now = now();
    let tokens = api.store.tokens().await?;
    Ok(Json(TokenList {
        items: tokens
            .iter()
            .map(|token| TokenView::of(token, now))
            .collect(),
    }))
}

/// Makes a token, and shows it once.
pub(in crate::http) async fn add(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let (name, scopes, networks, expires_at) = read(&body, now)?;
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes can be had");
        Problem::new(ProblemKind::Internal, "no random bytes can be had")
    })?;
    let token = Token::of(&random);
    let kept = KeptToken {
        id: token.id().clone(),
        name,
        scopes,
        digest: token.digest(),
        created_at: now,
        created_by: caller.principal.id.clone(),
        expires_at,
        networks,
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
    };
    let view = TokenView::of(&kept, now);
    let entry = AuditEntry {
        action: "token.add".to_owned(),
        after: Some(json!(view).to_string()),
        ..caller.audit(now, Action::ManageTokens, format!("token:{}", kept.id))
    };
    api.store.audited(entry).add_token(&kept).await?;
    let location = format!("{}/tokens/{}", super::BASE, kept.id);
    let location = AppendHeaders([(header::LOCATION, location)]);
    let token = token.expose().to_owned();
    Ok((
        StatusCode::CREATED,
        location,
        Json(NewToken { view, token }),
    )
        .into_response())
}

/// Revokes a token: from now on it is good for nothing.
pub(in crate::http) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let id = TokenId::new(&id).ok_or_else(|| Problem::not_found("token"))?;
    let now = now();
    let entry = AuditEntry {
        action: "token.revoke".to_owned(),
        ..caller.audit(now, Action::ManageTokens, format!("token:{id}"))
    };
    if !api.store.audited(entry).revoke_token(&id, now).await? {
        return Err(Problem::not_found("token that is good"));
    }
    Ok(StatusCode::NO_CONTENT)
}

impl TokenView {
    fn of(token: &KeptToken, now: Timestamp) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            scopes: token.scopes.iter().map(Scope::slug).collect(),
            networks: token.networks.iter().map(ToString::to_string).collect(),
            state: match token.revoked_at {
                Some(_) => "revoked",
                None if token.is_good(now) => "good",
                None => "expired",
            },
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            last_used_from: token.last_used_from.map(|ip| ip.to_string()),
            revoked_at: token.revoked_at,
        }
    }
}

/// What is ordered: the name, the scopes, the networks, and until when.
type Ordered = (String, Scopes, Vec<IpNet>, Option<Timestamp>);

fn read(body: &Body<SMALL>, now: Timestamp) -> Result<Ordered, Problem> {
    let mut fields = Fields::of(body.json()?)?;
    let name = fields.parsed("name", |text| {
        let text = text.trim();
        let is_one = (1..=100).contains(&text.len()) && !text.contains(char::is_control);
        is_one
            .then(|| text.to_owned())
            .ok_or("expected 1 to 100 bytes without control characters")
    });
    let name = fields.required("name", name, "what the token is for");
    let scopes: Option<Vec<Scope>> = items(&mut fields, "scopes");
    let scopes = fields.required("scopes", scopes, "a list of scopes, such as `drops:read`");
    let networks: Option<Vec<IpNet>> = items(&mut fields, "networks");
    let expires = fields.parsed("expires_at", |text| match text {
        "never" => Ok(None),
        text => match text.parse::<Timestamp>() {
            Ok(at) if at > now => Ok(Some(at)),
            Ok(_) | Err(_) => Err("expected a moment to come, in RFC 3339, or `never`"),
        },
    });
    let (name, scopes) = fields.finish(name.zip(scopes))?;
    let expires_at = expires.unwrap_or(Some(now + USUALLY));
    let scopes = scopes.into_iter().collect();
    Ok((name, scopes, networks.unwrap_or_default(), expires_at))
}

/// The items of a list of texts, each read; `None` if there are none.
fn items<T: std::str::FromStr>(fields: &mut Fields, name: &str) -> Option<Vec<T>>
where
    T::Err: std::fmt::Display,
{
    let list = fields.list(name).filter(|list| !list.is_empty())?;
    let mut read = Vec::new();
    for (at, item) in list.iter().enumerate() {
        match item.as_str().map(str::parse::<T>) {
            Some(Ok(item)) => read.push(item),
            Some(Err(error)) => fields.item_fault(name, at, error.to_string()),
            None => fields.item_fault(name, at, "expected a text"),
        }
    }
    Some(read)
}

/// How long a token is good unless it is said.
const USUALLY: SignedDuration = SignedDuration::from_hours(90 * 24);
