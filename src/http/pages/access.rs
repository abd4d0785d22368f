//! `/access`: who may do what: one's own sessions; for admins users, tokens and all sessions; for auditors who changed what.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{
    PageRoute,
    fields::{FormField, fill, tell},
    form::PageForm,
    page, pages, see,
    shell::{Moment, PageShell},
    shown_once::ShownOnce,
    signing_in::url_query,
    values::{flag, items, joined, moment, text, told},
};
use crate::{
    auth::{Action, Object, Role, Scope},
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::{audit, pins, sessions, tokens, users},
    },
};

pub(super) fn routes() -> Vec<PageRoute> {
    use Action as A;
    pages![
        GET "/access" Some(A::OwnSessions) => show,
        POST "/access/sessions/{session}/end" Some(A::OwnSessions) => end_session,
        POST "/access/users" Some(A::ManageUsers) => add_user,
        POST "/access/users/{user}" Some(A::ManageUsers) => change_user,
        POST "/access/users/{user}/links" Some(A::ManageUsers) => invite,
        POST "/access/users/{user}/pin" Some(A::OwnPin) => set_pin,
        POST "/access/users/{user}/pin/removal" Some(A::OwnPin) => remove_pin,
        POST "/access/tokens" Some(A::ManageTokens) => add_token,
        POST "/access/tokens/{token}/revocation" Some(A::ManageTokens) => revoke_token,
    ]
}

#[derive(Template)]
#[template(path = "access.html")]
struct AccessPage {
    shell: PageShell,
    sessions: Vec<SessionRow>,
    /// Of a user who may have one.
    pin: Option<PinCard>,
    users: Option<Vec<UserRow>>,
    tokens: Option<Vec<TokenRow>>,
    audit: Option<AuditTable>,
    user_fields: Vec<FormField>,
    token_fields: Vec<FormField>,
    scopes: Vec<&'static str>,
    roles: Vec<&'static str>,
    faults: Vec<String>,
    /// Of which form the faults are.
    has_user_faults: bool,
    has_token_faults: bool,
}

/// A session.
struct SessionRow {
    id: String,
    user: String,
    began: Option<Moment>,
    seen: Option<Moment>,
    ends: Option<Moment>,
    ip: String,
    is_current: bool,
}

/// The PIN of whoever looks.
struct PinCard {
    user: String,
    made: Option<Moment>,
}

/// A user.
struct UserRow {
    name: String,
    role: String,
    state: String,
    signed_in: Option<Moment>,
    is_disabled: bool,
    is_self: bool,
    /// Whether the user may record messages by telephone.
    may_record: bool,
    has_pin: bool,
}

/// A token.
struct TokenRow {
    id: String,
    name: String,
    scopes: String,
    networks: String,
    state: String,
    expires: Option<Moment>,
    used: Option<Moment>,
    used_from: String,
    is_good: bool,
}

/// Who changed what.
struct AuditTable {
    /// The object that it is looked through for; empty: all.
    object: String,
    rows: Vec<AuditLine>,
    next: Option<String>,
}

/// A row of the audit log.
struct AuditLine {
    at: Option<Moment>,
    who: String,
    via: String,
    ip: String,
    action: String,
    object: String,
    before: String,
    after: String,
}

/// What is wrong with which form.
enum Faulty {
    User(Vec<FormField>, Vec<String>),
    Token(Vec<FormField>, Vec<String>),
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let (cursor, done) = (parameters.text("cursor"), parameters.text("done"));
    let object = parameters
        .text("object")
        .filter(|object| !object.trim().is_empty());
    parameters.finish()?;
    shown(&api, &caller, (object, cursor), done.as_deref(), None).await
}

async fn shown(
    api: &Api,
    caller: &Caller,
    (object, cursor): (Option<String>, Option<String>),
    done: Option<&str>,
    faulty: Option<Faulty>,
) -> Result<Response, Problem> {
    let may = |action| caller.may(action, Object::Any).is_ok();
    let state = || State(api.clone());
    let all = if may(Action::ReadUsers) {
        Parameters::of(&[("all", "true")])
    } else {
        Parameters::none()
    };
    let own = told(sessions::list(state(), caller.clone(), all).await?).await?;
    let pin = match caller.session() {
        Some(session) if may(Action::OwnPin) => {
            let user = session.user.to_string();
            let path = Path(user.clone());
            let shown = told(users::show(state(), path, Parameters::none()).await?).await?;
            let made = moment(&shown, "/pin_at");
            Some(PinCard { user, made })
        }
        Some(_) | None => None,
    };
    let known = if may(Action::ReadUsers) {
        Some(told(users::list(state(), Parameters::none()).await?).await?)
    } else {
        None
    };
    let kept = if may(Action::ReadTokens) {
        Some(told(tokens::list(state(), Parameters::none()).await?).await?)
    } else {
        None
    };
    let log = if may(Action::ReadAudit) {
        let mut asked = vec![("limit", "50")];
        asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        asked.extend(object.as_deref().map(|object| ("object", object.trim())));
        Some(told(audit::list(state(), Parameters::of(&asked)).await?).await?)
    } else {
        None
    };
    let name = caller.principal.name.as_str();
    let status = if faulty.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let (user_faults, token_faults) = match faulty {
        Some(Faulty::User(fields, faults)) => (Some((fields, faults)), None),
        Some(Faulty::Token(fields, faults)) => (None, Some((fields, faults))),
        None => (None, None),
    };
    let (has_user_faults, has_token_faults) = (user_faults.is_some(), token_faults.is_some());
    let (user_fields, user_faults) = user_faults.unwrap_or_else(|| (user_fields(), Vec::new()));
    let (token_fields, token_faults) = token_faults.unwrap_or_else(|| (token_fields(), Vec::new()));
    let shell = PageShell::of(api, caller, "Access", "/access").await;
    let shown = AccessPage {
        shell: shell.having_done(done),
        sessions: items(&own, "/items").iter().map(session).collect(),
        pin,
        users: known.map(|known| {
            let users = items(&known, "/items").iter();
            users.map(|of| user(of, name)).collect()
        }),
        tokens: kept.map(|kept| items(&kept, "/items").iter().map(token).collect()),
        audit: log.map(|log| {
            let next = log.pointer("/next").and_then(Value::as_str);
            AuditTable {
                rows: items(&log, "/items").iter().map(line).collect(),
                next: next.map(|cursor| {
                    let object = object
                        .as_deref()
                        .map(|object| url_query("object", object.trim()));
                    let object = object.map_or_else(String::new, |object| format!("&{object}"));
                    format!("/access?{}{object}#audit", url_query("cursor", cursor))
                }),
                object: object.clone().unwrap_or_default(),
            }
        }),
        user_fields,
        token_fields,
        scopes: Scope::ALL.into_iter().map(Scope::slug).collect(),
        roles: Role::ALL.into_iter().map(Role::slug).collect(),
        faults: user_faults.into_iter().chain(token_faults).collect(),
        has_user_faults,
        has_token_faults,
    };
    page(status, &shown)
}

async fn end_session(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    sessions::end(State(api), caller, Path(id), Parameters::none()).await?;
    Ok(see("/access?done=session-ended"))
}

async fn add_user(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    for name in ["user", "role"] {
        if let Some(text) = form.text(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let body = Body::of_json(&Value::Object(body));
    let (state, by) = (State(api.clone()), caller.clone());
    let problem = match users::add(state, by, Parameters::none(), body).await {
        Ok(made) => {
            let made = told(made).await?;
            return link(&api, &caller, &made, &text(&made, "/user")).await;
        }
        Err(problem) => problem,
    };
    let problem = if problem.kind() == ProblemKind::Exists {
        Problem::fault("/user", problem.detail())
    } else {
        problem
    };
    if problem.kind() != ProblemKind::Invalid {
        return Err(problem);
    }
    let mut fields = user_fields();
    fill(&mut fields, &form);
    let faults = tell(&mut fields, &problem);
    shown(
        &api,
        &caller,
        (None, None),
        None,
        Some(Faulty::User(fields, faults)),
    )
    .await
}

async fn invite(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by, path) = (State(api.clone()), caller.clone(), Path(name.clone()));
    let made = told(users::invite(state, by, path, Parameters::none()).await?).await?;
    link(&api, &caller, &made, &name).await
}

async fn link(api: &Api, caller: &Caller, made: &Value, user: &str) -> Result<Response, Problem> {
    ShownOnce {
        shell: PageShell::of(api, caller, "A link", "/access").await,
        words: format!("By this link {user} sets a password, once, within fifteen minutes:"),
        secret: text(made, "/link"),
        back: "/access".to_owned(),
    }
    .page()
}

async fn set_pin(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by, path) = (State(api.clone()), caller.clone(), Path(name));
    let made = told(pins::set(state, by, path, Parameters::none()).await?).await?;
    ShownOnce {
        shell: PageShell::of(&api, &caller, "A PIN", "/access").await,
        words: format!(
            "The PIN by which {} records messages by telephone, typed with # behind it:",
            text(&made, "/user")
        ),
        secret: text(&made, "/pin"),
        back: "/access".to_owned(),
    }
    .page()
}

async fn remove_pin(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    pins::remove(State(api), caller, Path(name), Parameters::none()).await?;
    Ok(see("/access?done=pin-removed"))
}

async fn change_user(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    if let Some(role) = form.text("role") {
        body.insert("role".to_owned(), json!(role));
    }
    if let Some(disabled) = form.text("disabled") {
        body.insert("disabled".to_owned(), json!(disabled == "true"));
    }
    let body = Body::of_json(&Value::Object(body));
    let _ = users::change(State(api), caller, Path(name), Parameters::none(), body).await?;
    Ok(see("/access?done=user-changed"))
}

async fn add_token(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    if let Some(name) = form.text("name") {
        body.insert("name".to_owned(), json!(name));
    }
    body.insert("scopes".to_owned(), json!(form.texts("scopes")));
    let networks = form.text("networks").unwrap_or_default();
    let networks = networks.split([',', ' ']).filter(|net| !net.is_empty());
    let networks: Vec<_> = networks.collect();
    if !networks.is_empty() {
        body.insert("networks".to_owned(), json!(networks));
    }
    if let Some(expires) = form.text("expires_at") {
        // A date is its end in UTC.
        let expires = if expires.len() == 10 {
            format!("{expires}T23:59:59Z")
        } else {
            expires.to_owned()
        };
        body.insert("expires_at".to_owned(), json!(expires));
    }
    let body = Body::of_json(&Value::Object(body));
    let (state, by) = (State(api.clone()), caller.clone());
    match tokens::add(state, by, Parameters::none(), body).await {
        Ok(made) => {
            let made = told(made).await?;
            ShownOnce {
                shell: PageShell::of(&api, &caller, "A token", "/access").await,
                words: format!("The token {}, which a program shows:", text(&made, "/name")),
                secret: text(&made, "/token"),
                back: "/access".to_owned(),
            }
            .page()
        }
        Err(problem) if problem.kind() == ProblemKind::Invalid => {
            let mut fields = token_fields();
            fill(&mut fields, &form);
            let faults = tell(&mut fields, &problem);
            shown(
                &api,
                &caller,
                (None, None),
                None,
                Some(Faulty::Token(fields, faults)),
            )
            .await
        }
        Err(problem) => Err(problem),
    }
}

async fn revoke_token(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    tokens::revoke(State(api), caller, Path(id), Parameters::none()).await?;
    Ok(see("/access?done=token-revoked"))
}

fn user_fields() -> Vec<FormField> {
    let roles = Role::ALL.into_iter().map(|role| (role.slug(), role.slug()));
    vec![
        FormField::new("user", "Name", "by which the user signs in").required(),
        FormField::new("role", "Role", "what the user may do")
            .kind("select")
            .one_of(roles)
            .with("viewer"),
    ]
}

fn token_fields() -> Vec<FormField> {
    vec![
        FormField::new("name", "Name", "what the token is for").required(),
        FormField::new(
            "networks",
            "Networks",
            "such as 10.1.0.0/16, with commas; empty: any",
        ),
        FormField::new("expires_at", "Good until", "empty: 90 days").kind("date"),
    ]
}

fn session(of: &Value) -> SessionRow {
    SessionRow {
        id: text(of, "/session"),
        user: text(of, "/user"),
        began: moment(of, "/began_at"),
        seen: moment(of, "/seen_at"),
        ends: moment(of, "/ends_at"),
        ip: text(of, "/ip"),
        is_current: flag(of, "/current"),
    }
}

fn user(of: &Value, own: &str) -> UserRow {
    let (name, state) = (text(of, "/user"), text(of, "/state"));
    let role = text(of, "/role");
    let scopes = role.parse::<Role>().map(|role| role.scopes());
    UserRow {
        may_record: scopes.is_ok_and(|scopes| scopes.hold(Scope::MessagesWrite)),
        has_pin: moment(of, "/pin_at").is_some(),
        role,
        signed_in: moment(of, "/signed_in_at"),
        is_disabled: state == "disabled",
        is_self: name == own,
        state,
        name,
    }
}

fn token(of: &Value) -> TokenRow {
    let state = text(of, "/state");
    TokenRow {
        id: text(of, "/id"),
        name: text(of, "/name"),
        scopes: joined(of, "/scopes"),
        networks: joined(of, "/networks"),
        expires: moment(of, "/expires_at"),
        used: moment(of, "/last_used_at"),
        used_from: text(of, "/last_used_from"),
        is_good: state == "good",
        state,
    }
}

fn line(of: &Value) -> AuditLine {
    AuditLine {
        at: moment(of, "/at"),
        who: text(of, "/who"),
        via: text(of, "/via"),
        ip: text(of, "/ip"),
        action: text(of, "/action"),
        object: text(of, "/object"),
        before: text(of, "/before"),
        after: text(of, "/after"),
    }
}
