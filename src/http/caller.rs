//! Who asks: the token of a request, what it may do, and what the audit log says of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;

use super::{
    Api,
    frame::RequestId,
    problem::{Problem, ProblemKind},
};
use crate::{
    auth::{Action, Denied, Object, Principal, Token, TokenRefusal, admit, allows, is_used_again},
    clock,
    metrics::{self, AuthFailure},
    store::AuditEntry,
};

/// Who asks, and from where. Every handler behind a token has one.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) ip: IpAddr,
    pub(super) request_id: String,
}

impl Caller {
    /// Whether it may do something to an object.
    ///
    /// # Errors
    /// [`Problem`], which names the scope that is missing.
    pub(super) fn may(&self, action: Action, object: Object) -> Result<(), Problem> {
        allows(&self.principal, action, object).map_err(denied)
    }

    /// Whether it may read whole numbers of an object; that it does is in the audit log before they are shown.
    ///
    /// # Errors
    /// [`Problem`] if it may not, or that cannot be written.
    pub(super) async fn read_in_full(
        &self,
        api: &Api,
        object: impl Into<String>,
    ) -> Result<(), Problem> {
        self.may(Action::ReadFullNumbers, Object::Any)?;
        let entry = self.audit(now(), Action::ReadFullNumbers, object);
        Ok(api.store.note(entry).await?)
    }

    /// What the audit log says of something that it does.
    pub(super) fn audit(
        &self,
        at: Timestamp,
        action: Action,
        object: impl Into<String>,
    ) -> AuditEntry {
        AuditEntry {
            at,
            who: self.principal.id.clone(),
            via: "api",
            ip: Some(self.ip.to_string()),
            request_id: Some(self.request_id.clone()),
            action: action.slug().to_owned(),
            object: object.into(),
            before: None,
            after: None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Arc<Self>>();
        let caller = caller.map(|caller| (**caller).clone());
        // A route without a token has no caller.
        caller.ok_or_else(|| unauthorized("send `Authorization: Bearer` and a token"))
    }
}

/// Lets a request through whose token may do what the route is for.
pub(super) async fn authorise(
    State((api, action)): State<(Api, Action)>,
    mut request: Request,
    next: Next,
) -> Response {
    // A body cannot be looked at from two threads, so what is needed is taken before anything is waited for.
    let (ip, token) = (peer(&request), bearer(request.headers()));
    let request_id = request.extensions().get::<RequestId>();
    let request_id = request_id.map_or_else(String::new, |id| id.0.clone());
    match caller_of(&api, ip, token, request_id).await {
        Ok(caller) => {
            if let Err(problem) = caller.may(action, Object::Any) {
                metrics::auth_failure(AuthFailure::Scope);
                return problem.into_response();
            }
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn caller_of(
    api: &Api,
    ip: IpAddr,
    token: Result<Token, Problem>,
    request_id: String,
) -> Result<Caller, Problem> {
    let token = token?;
    let kept = api.store.token(token.id()).await?;
    let now = now();
    let principal = match admit(&token, kept.as_ref(), ip, now) {
        Ok(principal) => principal,
        Err(refusal) => {
            let why = match refusal {
                TokenRefusal::Unknown => "unknown",
                TokenRefusal::Expired => "expired",
                TokenRefusal::Revoked => "revoked",
                TokenRefusal::Network => "network",
            };
            metrics::auth_failure(AuthFailure::Token);
            tracing::warn!(token = %token.id(), %ip, why, "a token was refused");
            return Err(unauthorized("the token is not good"));
        }
    };
    if kept.is_some_and(|kept| is_used_again(&kept, now)) {
        let (store, id) = (api.store.clone(), token.id().clone());
        // Nobody waits for it.
        tokio::spawn(async move {
            if let Err(error) = store.note_use(&id, ip, now).await {
                tracing::debug!(%error, "the use of a token was not noted");
            }
        });
    }
    Ok(Caller {
        principal,
        ip,
        request_id,
    })
}

fn bearer(headers: &HeaderMap) -> Result<Token, Problem> {
    let given = headers.get(header::AUTHORIZATION);
    let Some(given) = given.and_then(|value| value.to_str().ok()) else {
        return Err(unauthorized("send `Authorization: Bearer` and a token"));
    };
    let token = match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => return Err(unauthorized("only `Bearer` is accepted")),
    };
    Token::parse(token).ok_or_else(|| unauthorized("the token is not good"))
}

/// The address of the other end; that of nobody if it is not known, which no network of a token holds.
fn peer(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| {
        peer.ip().to_canonical()
    })
}

fn unauthorized(words: &str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, words)
}

fn denied(denied: Denied) -> Problem {
    let scope = denied.missing;
    let words = format!("it takes a token with the scope `{scope}`");
    Problem::new(ProblemKind::Forbidden, words).with("scope", scope.slug())
}

/// The current time, as the database keeps it.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).expect("the clock shows a year before 10000")
}
