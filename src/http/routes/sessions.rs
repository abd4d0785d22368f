//! `/sessions`: people sign in, and sign out.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;

use super::users::UserView;
use crate::{
    auth::{Action, Credential, KeptSession, KeptUser, Object, Password, PasswordDigest, UserName},
    config::ServeConfig,
    http::{
        Api, attacks, browser,
        caller::{Asked, Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        one_time_links::secret,
        problem::{Problem, ProblemKind},
    },
    metrics::{self, AuthFailure},
    store::AuditEntry,
};

/// A session, without its secret.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SessionView {
    /// By which it is ended.
    session: String,
    user: String,
    began_at: Timestamp,
    /// When it was last used, to the minute.
    seen_at: Timestamp,
    ends_at: Timestamp,
    ip: Option<String>,
    /// Whether it is the one by which is asked.
    current: bool,
}

/// The sessions.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SessionList {
    items: Vec<SessionView>,
}

/// Who has signed in.
#[derive(Debug, Serialize)]
struct SignedIn {
    user: UserView,
    session: SessionView,
}

/// Signs in by a name and a password: the browser keeps the session as a cookie.
pub(in crate::http) async fn begin(
    State(api): State<Api>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let asked = Asked::of(&api, &request);
    check_browser(request.headers(), &api.config.borrow().serve)?;
    let (name, password) = read(request).await?;
    let begun = sign_in(&api, asked, &name, password).await?;
    let pins = api.store.pins().await?;
    let body = SignedIn {
        user: UserView::of(&begun.user, begun.session.began_at).with_pin(&pins),
        session: SessionView::of(&begun.session, Some(&begun.session)),
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, begun.cookie)]);
    Ok((StatusCode::CREATED, cookie, Json(body)).into_response())
}

/// A session that has begun.
pub(in crate::http) struct BegunSession {
    user: KeptUser,
    session: KeptSession,
    /// What gives the browser its cookie.
    pub(in crate::http) cookie: HeaderValue,
}

/// Whether a browser may sign somebody in: from one of our own pages, and where it keeps the session.
///
/// # Errors
/// [`Problem`].
pub(in crate::http) fn check_browser(
    headers: &HeaderMap,
    serve: &ServeConfig,
) -> Result<(), Problem> {
    if browser::is_foreign(headers, serve) {
        let words = "people sign in from this server's own pages";
        return Err(Problem::new(ProblemKind::CrossSite, words));
    }
    if !browser::keeps_cookies(headers, serve) {
        let words = "browsers keep no session of plain HTTP from another machine: set `serve.tls_certificate`, or `serve.public_url` to the `https` address of the proxy in front of this server, or ask from this machine";
        return Err(Problem::new(ProblemKind::PlainHttp, words));
    }
    Ok(())
}

/// Begins the session of somebody who gives a name and a password.
///
/// # Errors
/// [`Problem`] if they are not those of a user, or were tried too often.
pub(in crate::http) async fn sign_in(
    api: &Api,
    asked: Asked,
    name: &str,
    password: String,
) -> Result<BegunSession, Problem> {
    let ip = asked.ip;
    let begun = let_in(api, asked, name, password).await;
    if let Err(problem) = &begun
        && matches!(
            problem.kind(),
            ProblemKind::Unauthorized | ProblemKind::TooManyRequests
        )
    {
        attacks::note_refusal(api, ip, now());
    }
    begun
}

async fn let_in(
    api: &Api,
    asked: Asked,
    name: &str,
    password: String,
) -> Result<BegunSession, Problem> {
    // What cannot be a name or a password is nobody's.
    let read = UserName::parse(name).ok().zip(Password::given(password));
    let (name, password) = read.ok_or_else(|| {
        metrics::auth_failure(AuthFailure::Password);
        let words = "the name or the password is wrong";
        Problem::new(ProblemKind::Unauthorized, words)
    })?;
    api.state.limits.attempt(asked.ip, name.as_str())?;
    let user = api.store.user(&name).await?;
    let digest = user
        .as_ref()
        .filter(|user| user.disabled_at.is_none())
        .and_then(|user| user.password.clone());
    let is_known = digest.is_some();
    // As long for a name that nobody has.
    let digest = digest.unwrap_or_else(PasswordDigest::of_nobody);
    let fits = api.state.passwords.fits(digest, password).await?;
    let Some(user) = user.filter(|_| fits && is_known) else {
        metrics::auth_failure(AuthFailure::Password);
        // What is no name may be a password.
        let name = is_known.then(|| name.to_string());
        tracing::warn!(ip = %asked.ip, name, "somebody was not signed in");
        let words = "the name or the password is wrong";
        return Err(Problem::new(ProblemKind::Unauthorized, words));
    };
    let now = now();
    let secret = secret()?;
    let session = KeptSession {
        digest: secret.digest(),
        user: user.name.clone(),
        began_at: now,
        seen_at: now,
        ip: Some(asked.ip),
    };
    let caller = Caller {
        principal: user.principal(),
        ip: asked.ip,
        request_id: asked.request_id,
        credential: Credential::Session(session.clone(), user.clone()),
    };
    let entry = AuditEntry {
        action: "session.begin".to_owned(),
        ..caller.audit(now, Action::OwnSessions, object(&session))
    };
    if !api.store.audited(entry).begin_session(&session).await? {
        let words = "the name or the password is wrong";
        return Err(Problem::new(ProblemKind::Unauthorized, words));
    }
    Ok(BegunSession {
        user,
        session,
        cookie: browser::begin(&secret),
    })
}

/// The sessions of whoever asks; with `all`, those of everybody.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<SessionList>, Problem> {
    let wants_all = parameters.flag("all");
    parameters.finish()?;
    let current = own(&caller)?;
    if wants_all {
        caller.may(Action::ReadUsers, Object::Any)?;
    }
    let user = (!wants_all).then_some(&current.user);
    let now = now();
    let sessions = api.store.sessions(user).await?.into_iter();
    let live = sessions.filter(|session| now < session.ends_at());
    Ok(Json(SessionList {
        items: live
            .map(|session| SessionView::of(&session, Some(current)))
            .collect(),
    }))
}

/// Ends a session: `current`, or one of whoever asks; an admin ends those of others.
pub(in crate::http) async fn end(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let current = own(&caller)?;
    let found = if id == CURRENT {
        Some(current.clone())
    } else {
        let all = api.store.sessions(None).await?.into_iter();
        let mut of_id = all.filter(|session| session.id() == id);
        of_id.find(|session| {
            session.user == current.user || caller.may(Action::ManageUsers, Object::Any).is_ok()
        })
    };
    let session = found.ok_or_else(|| Problem::not_found("session"))?;
    let entry = AuditEntry {
        action: "session.end".to_owned(),
        ..caller.audit(now(), Action::OwnSessions, object(&session))
    };
    if !api
        .store
        .audited(entry)
        .end_session(&session.digest)
        .await?
    {
        return Err(Problem::not_found("session"));
    }
    if session.digest != current.digest {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let cookie = AppendHeaders([(header::SET_COOKIE, browser::end())]);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

impl SessionView {
    fn of(session: &KeptSession, current: Option<&KeptSession>) -> Self {
        Self {
            session: session.id().to_owned(),
            user: session.user.to_string(),
            began_at: session.began_at,
            seen_at: session.seen_at,
            ends_at: session.ends_at(),
            ip: session.ip.map(|ip| ip.to_string()),
            current: current.is_some_and(|current| current.digest == session.digest),
        }
    }
}

async fn read(request: Request) -> Result<(String, String), Problem> {
    let body = Body::<SMALL>::read(request).await?;
    let mut fields = Fields::of(body.json()?)?;
    let name = fields.text("user");
    let name = fields.required("user", name, "the name of a user");
    let password = fields.text("password");
    let password = fields.required("password", password, "the user's password");
    fields.finish(name.zip(password))
}

fn own(caller: &Caller) -> Result<&KeptSession, Problem> {
    let words = "no token has sessions; sign in";
    caller
        .session()
        .ok_or_else(|| Problem::new(ProblemKind::Forbidden, words))
}

fn object(session: &KeptSession) -> String {
    format!("session:{}", session.id())
}

/// The session by which is asked.
pub(in crate::http) const CURRENT: &str = "current";
