//! Who asks: the token or the session of a request, what it may do, and what the audit log says of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;
use jiff::Timestamp;

use super::{
    Api, attacks, browser,
    frame::RequestId,
    problem::{Problem, ProblemKind},
};
use crate::{
    auth::{
        Action, Credential, Denied, DeniedBy, KeptSession, Object, Principal, Secret,
        SessionRefusal, Token, TokenRefusal, admit, allows, is_used_again,
    },
    clock,
    config::ServeConfig,
    metrics::{self, AuthFailure},
    phone::Disclosure,
    store::AuditEntry,
};

/// Who asks, and from where. Every handler behind an action has one.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) ip: IpAddr,
    pub(super) request_id: String,
    /// What it was let in by.
    pub(super) credential: Credential,
}

impl Caller {
    /// The session of a person who has signed in; `None` of a token.
    pub(super) const fn session(&self) -> Option<&KeptSession> {
        match &self.credential {
            Credential::Session(session, _) => Some(session),
            Credential::Token(_) => None,
        }
    }

    /// Whether it may do something to an object.
    ///
    /// # Errors
    /// [`Problem`], which names the scope that is missing.
    pub(super) fn may(&self, action: Action, object: Object) -> Result<(), Problem> {
        allows(&self.principal, action, object).map_err(denied)?;
        match object {
            Object::Any => Ok(()),
            Object::DespiteGate => self.has_just_signed_in(now()),
        }
    }

    /// Whether a person has given the password a moment ago; a token has none to give.
    ///
    /// # Errors
    /// [`Problem`], which says to sign in again.
    pub(super) fn has_just_signed_in(&self, now: Timestamp) -> Result<(), Problem> {
        let session = self.session();
        if session.is_none_or(|session| session.is_fresh(now)) {
            return Ok(());
        }
        let words = "sign in again: this takes the password within the last ten minutes";
        Err(Problem::new(ProblemKind::Forbidden, words).with("sign_in_again", true))
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
        self.may_read_in_full()?;
        let entry = self.audit(now(), Action::ReadFullNumbers, object);
        Ok(api.store.note(entry).await?)
    }

    /// Whether it may read whole numbers, a person with the password given a moment ago.
    ///
    /// # Errors
    /// [`Problem`] if it may not.
    pub(super) fn may_read_in_full(&self) -> Result<(), Problem> {
        self.may(Action::ReadFullNumbers, Object::Any)?;
        self.has_just_signed_in(now())
    }

    /// What of people it is shown; `in_full`: whole numbers, which it has asked for and may read.
    pub(super) fn disclosure(&self, api: &Api, in_full: bool) -> Disclosure {
        match (in_full, self.principal.role) {
            (true, _) => Disclosure::Full,
            (false, None) => Disclosure::Programs,
            (false, Some(_)) => Disclosure::People(api.config.borrow().pbx.rules),
        }
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
            via: if self.session().is_some() {
                "session"
            } else {
                "api"
            },
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
    request: Request,
    next: Next,
) -> Response {
    // A body cannot be looked at from two threads, so what is needed is taken before anything is waited for.
    let credentials = {
        let serve = &api.config.borrow().serve;
        Credentials::of(request.headers(), serve)
    };
    let asked = Asked::of(&api, &request);
    let caller = match credentials {
        Ok(Credentials::Token(token)) => of_token(&api, action, asked, token).await,
        Ok(Credentials::Session(secret)) => of_session(&api, asked, &secret).await,
        Err(problem) => Err(problem),
    };
    match caller {
        Ok(caller) => proceed(&api, action, caller, request, next).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lets a request for a page through, of somebody who has signed in and may do what the page is for. To be shown something a
/// browser may come from anywhere; to change something, from one of our own pages alone.
pub(super) async fn authorise_page(
    State((api, action)): State<(Api, Action)>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let secret = {
        let (headers, config) = (request.headers(), api.config.borrow());
        let is_admitted = is_read || browser::is_own(headers, &config.serve);
        is_admitted.then(|| browser::session_of(headers))
    };
    let asked = Asked::of(&api, &request);
    let caller = match secret {
        Some(Some(secret)) => of_session(&api, asked, &secret).await,
        Some(None) => Err(unauthorized("sign in")),
        None => {
            metrics::auth_failure(AuthFailure::Session);
            let words = "what changes something is sent from this server's own pages";
            Err(Problem::new(ProblemKind::CrossSite, words))
        }
    };
    match caller {
        Ok(caller) => proceed(&api, action, caller, request, next).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lets a request through whose caller may do something, and has not asked too often.
async fn proceed(
    api: &Api,
    action: Action,
    caller: Caller,
    mut request: Request,
    next: Next,
) -> Response {
    let per_second = api.config.borrow().serve.requests_per_second;
    let counted = api.state.limits.count(&caller.principal.id, per_second);
    let allowance = match counted {
        Ok(allowance) => allowance,
        Err(problem) => return problem.into_response(),
    };
    let mut response = match caller.may(action, Object::Any) {
        Ok(()) => {
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
        Err(problem) => {
            metrics::auth_failure(AuthFailure::Scope);
            problem.into_response()
        }
    };
    if let Some(allowance) = allowance {
        allowance.tell(response.headers_mut());
    }
    response
}

/// What a request shows.
enum Credentials {
    Token(Token),
    Session(Secret),
}

impl Credentials {
    fn of(headers: &HeaderMap, serve: &ServeConfig) -> Result<Self, Problem> {
        if headers.contains_key(header::AUTHORIZATION) {
            return bearer(headers).map(Self::Token);
        }
        let Some(secret) = browser::session_of(headers) else {
            return Err(unauthorized("send `Authorization: Bearer` and a token"));
        };
        if browser::is_own(headers, serve) {
            return Ok(Self::Session(secret));
        }
        metrics::auth_failure(AuthFailure::Session);
        Err(unauthorized(
            "a session is good for this server's own pages alone; programs send `Authorization: Bearer` and a token",
        ))
    }
}

/// From where it is asked, and by which name the request goes.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) ip: IpAddr,
    pub(super) request_id: String,
}

impl Asked {
    pub(super) fn of(api: &Api, request: &Request) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let request_id = request.extensions().get::<RequestId>();
        Self {
            ip: from(
                peer.map(|ConnectInfo(peer)| peer.ip()),
                request.headers(),
                &api.config.borrow().serve.trusted_proxies,
            ),
            request_id: request_id.map_or_else(String::new, |id| id.0.clone()),
        }
    }
}

async fn of_session(api: &Api, asked: Asked, secret: &Secret) -> Result<Caller, Problem> {
    let digest = secret.digest();
    let kept = api.store.session(&digest).await?;
    let now = now();
    let refused = |refusal: SessionRefusal| {
        let why = match refusal {
            SessionRefusal::Unknown => "unknown",
            SessionRefusal::Over => "over",
            SessionRefusal::Disabled => "disabled",
        };
        metrics::auth_failure(AuthFailure::Session);
        tracing::debug!(ip = %asked.ip, why, "a session was refused");
        unauthorized("the session is over; sign in again")
    };
    let (session, user) = kept.ok_or_else(|| refused(SessionRefusal::Unknown))?;
    let principal = session.admit(&user, now).map_err(refused)?;
    if session.is_used_again(now) {
        let store = api.store.clone();
        // Nobody waits for it.
        tokio::spawn(async move {
            if let Err(error) = store.note_session(&digest, now).await {
                tracing::debug!(%error, "the use of a session was not noted");
            }
        });
    }
    Ok(Caller {
        principal,
        ip: asked.ip,
        request_id: asked.request_id,
        credential: Credential::Session(session, user),
    })
}

async fn of_token(
    api: &Api,
    action: Action,
    asked: Asked,
    token: Token,
) -> Result<Caller, Problem> {
    let Asked { ip, request_id } = asked;
    let now = now();
    let kept = if action == Action::ReadMetrics {
        let scrapers = &api.state.scrapers;
        scrapers.token(&api.store, token.id(), now).await?
    } else {
        api.store.token(token.id()).await?
    };
    let admitted = admit(&token, kept.as_ref(), ip, now);
    let (principal, kept) = match (admitted, kept) {
        (Ok(principal), Some(kept)) => (principal, kept),
        (admitted, _) => {
            let refusal = admitted.err().unwrap_or(TokenRefusal::Unknown);
            let why = match refusal {
                TokenRefusal::Unknown => "unknown",
                TokenRefusal::Expired => "expired",
                TokenRefusal::Revoked => "revoked",
                TokenRefusal::Network => "network",
            };
            metrics::auth_failure(AuthFailure::Token);
            attacks::note_refusal(api, ip, now);
            tracing::warn!(token = %token.id(), %ip, why, "a token was refused");
            return Err(unauthorized("the token is not good"));
        }
    };
    if is_used_again(&kept, now) {
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
        credential: Credential::Token(kept),
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

/// The address of who asks: that of the other end, or, if that is a proxy of ours, the one that it says; that of nobody if it
/// is not known, which no network of a token holds.
fn from(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let Some(peer) = peer.map(|ip| ip.to_canonical()) else {
        return Ipv4Addr::UNSPECIFIED.into();
    };
    let is_proxy = |ip: &IpAddr| proxies.iter().any(|net| net.contains(ip));
    if !is_proxy(&peer) {
        return peer;
    }
    // Each proxy appends who has asked it; what is before the first of ours may be anything.
    let said = headers.get_all("x-forwarded-for").iter();
    let said = said.filter_map(|value| value.to_str().ok());
    let said: Vec<_> = said.flat_map(|value| value.split(',')).collect();
    let mut asked = peer;
    for text in said.into_iter().rev() {
        let Ok(ip) = text.trim().parse::<IpAddr>() else {
            return asked;
        };
        asked = ip.to_canonical();
        if !is_proxy(&asked) {
            return asked;
        }
    }
    asked
}

fn unauthorized(words: &str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, words)
}

fn denied(denied: Denied) -> Problem {
    let scope = denied.missing;
    let words = match denied.by {
        DeniedBy::Scopes => format!("it takes a token with the scope `{scope}`"),
        DeniedBy::BeingToken => "no token does this; sign in".to_owned(),
        DeniedBy::Role(role) => format!("the role `{role}` does not suffice"),
    };
    Problem::new(ProblemKind::Forbidden, words).with("scope", scope.slug())
}

/// The current time, as the database keeps it.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).expect("the clock shows a year before 10000")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_proxy_of_ours_says_who_asks_and_nobody_else_does() {
        let proxies = [
            "127.0.0.1/32".parse().unwrap(),
            "10.1.0.0/16".parse().unwrap(),
        ];
        for (peer, said, expected) in [
            ("203.0.113.9", "", "203.0.113.9"),
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("127.0.0.1", "", "127.0.0.1"),
            ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
            // The first is what the client itself has sent.
            ("127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
            (
                "127.0.0.1",
                "1.2.3.4, 198.51.100.1, 10.1.2.3",
                "198.51.100.1",
            ),
            ("127.0.0.1", "1.2.3.4, nonsense, 10.1.2.3", "10.1.2.3"),
            ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(said));
            let asked = from(Some(peer.parse().unwrap()), &headers, &proxies);
            assert_eq!(asked, expected.parse::<IpAddr>().unwrap(), "{peer} {said}");
        }
        assert!(from(None, &HeaderMap::new(), &proxies).is_unspecified());
    }
}
