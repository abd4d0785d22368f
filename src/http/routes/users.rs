//! `/users`: who signs in, with which role.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    auth::{Action, KeptUser, LINK_LASTS, Role, UserName},
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        one_time_links::{link, secret},
        problem::{Problem, ProblemKind},
    },
    store::{AuditEntry, UserChange},
};

/// A user.
#[derive(Debug, Serialize)]
pub(in crate::http) struct UserView {
    user: String,
    role: &'static str,
    /// `invited`: there is no password yet; `active`; `disabled`.
    state: &'static str,
    created_at: Timestamp,
    created_by: String,
    password_at: Option<Timestamp>,
    signed_in_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
    /// Until when the link is good that sets the password.
    link_until: Option<Timestamp>,
    /// When the PIN was made by which messages are recorded by telephone.
    pin_at: Option<Timestamp>,
}

/// All users.
#[derive(Debug, Serialize)]
pub(in crate::http) struct UserList {
    items: Vec<UserView>,
}

/// A link that sets a password, once.
#[derive(Debug, Serialize)]
struct LinkView {
    link: String,
    until: Timestamp,
}

/// A user who was made, with the link by which it begins.
#[derive(Debug, Serialize)]
struct NewUser {
    #[serde(flatten)]
    user: UserView,
    link: String,
}

/// All users, by name.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<UserList>, Problem> {
    parameters.finish()?;
    let now = now();
    let users = api.store.users().await?;
    let pins = api.store.pins().await?;
    Ok(Json(UserList {
        items: users
            .iter()
            .map(|user| UserView::of(user, now).with_pin(&pins))
            .collect(),
    }))
}

/// A user.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<UserView>, Problem> {
    parameters.finish()?;
    shown(&api, &name).await
}

/// A user as it is, with what is known of the PIN.
async fn shown(api: &Api, name: &str) -> Result<Json<UserView>, Problem> {
    let view = UserView::of(&find(api, name).await?, now());
    Ok(Json(view.with_pin(&api.store.pins().await?)))
}

/// Makes a user, who sets a password by a link.
pub(in crate::http) async fn add(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let mut fields = Fields::of(body.json()?)?;
    let name = fields.parsed("user", UserName::parse);
    let name = fields.required("user", name, "the name by which the user signs in");
    let role = fields.parsed("role", str::parse::<Role>);
    let role = fields.required(
        "role",
        role,
        "`viewer`, `operator`, `manager`, `auditor` or `admin`",
    );
    let (name, role) = fields.finish(name.zip(role))?;
    if api.store.user(&name).await?.is_some() {
        let words = format!("there is a user `{name}`");
        return Err(Problem::new(ProblemKind::Exists, words));
    }
    let secret = secret()?;
    let user = KeptUser {
        name,
        role,
        password: None,
        password_at: None,
        created_at: now,
        created_by: caller.principal.id.clone(),
        disabled_at: None,
        signed_in_at: None,
        link_until: Some(now + LINK_LASTS),
    };
    let entry = AuditEntry {
        action: "user.add".to_owned(),
        after: Some(json!({"role": role.slug()}).to_string()),
        ..caller.audit(now, Action::ManageUsers, user.principal().id)
    };
    let store = api.store.audited(entry);
    store.add_user(&user, &secret.digest()).await?;
    let body = NewUser {
        link: link(&api, &secret),
        user: UserView::of(&user, now),
    };
    let location = format!("{}/users/{}", super::BASE, user.name);
    let location = AppendHeaders([(header::LOCATION, location)]);
    Ok((StatusCode::CREATED, location, Json(body)).into_response())
}

/// Changes the role of a user, or whether the user is let in.
pub(in crate::http) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Json<UserView>, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let mut fields = Fields::of(body.json()?)?;
    let role = fields.parsed("role", str::parse::<Role>);
    let disabled = fields.flag("disabled");
    fields.finish(Some(()))?;
    let user = find(&api, &name).await?;
    if user.principal().id == caller.principal.id {
        let words = "nobody changes their own role; ask another admin, or use `aftertone user`";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let role = role.filter(|role| *role != user.role);
    let disabled = disabled.filter(|disabled| *disabled != user.disabled_at.is_some());
    let changes = [
        role.map(|role| {
            let (before, after) = (user.role.slug(), role.slug());
            (
                UserChange::Role(role),
                "user.role",
                json!({"role": before}),
                json!({"role": after}),
            )
        }),
        disabled.map(|disabled| {
            let change = match disabled {
                true => UserChange::Disabled(now),
                false => UserChange::Enabled,
            };
            let slug = if disabled {
                "user.disable"
            } else {
                "user.enable"
            };
            (
                change,
                slug,
                json!({"disabled": !disabled}),
                json!({"disabled": disabled}),
            )
        }),
    ];
    for (change, slug, before, after) in changes.into_iter().flatten() {
        let entry = AuditEntry {
            action: slug.to_owned(),
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            ..caller.audit(now, Action::ManageUsers, user.principal().id)
        };
        let store = api.store.audited(entry);
        if !store.change_user(&user.name, &change).await? {
            return Err(Problem::not_found("user"));
        }
    }
    shown(&api, &name).await
}

/// Makes a link by which the user sets a new password; the one before is good for nothing any more.
pub(in crate::http) async fn invite(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let user = find(&api, &name).await?;
    if user.disabled_at.is_some() {
        let words = "the user is disabled";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let (secret, until) = (secret()?, now + LINK_LASTS);
    let change = UserChange::Link {
        digest: secret.digest(),
        until,
    };
    let entry = AuditEntry {
        action: "user.link".to_owned(),
        ..caller.audit(now, Action::ManageUsers, user.principal().id)
    };
    let store = api.store.audited(entry);
    if !store.change_user(&user.name, &change).await? {
        return Err(Problem::not_found("user"));
    }
    let link = link(&api, &secret);
    Ok((StatusCode::CREATED, Json(LinkView { link, until })).into_response())
}

impl UserView {
    pub(super) fn of(user: &KeptUser, now: Timestamp) -> Self {
        Self {
            user: user.name.to_string(),
            role: user.role.slug(),
            state: match (user.disabled_at, &user.password) {
                (Some(_), _) => "disabled",
                (None, Some(_)) => "active",
                (None, None) => "invited",
            },
            created_at: user.created_at,
            created_by: user.created_by.clone(),
            password_at: user.password_at,
            signed_in_at: user.signed_in_at,
            disabled_at: user.disabled_at,
            link_until: user.link_until.filter(|_| user.has_link(now)),
            pin_at: None,
        }
    }

    /// The same with what is known of the PIN, by those of all.
    pub(super) fn with_pin(self, pins: &[(UserName, Timestamp)]) -> Self {
        let mut own = pins.iter().filter(|(name, _)| name.as_str() == self.user);
        let pin_at = own.next().map(|(_, at)| *at);
        Self { pin_at, ..self }
    }
}

pub(super) async fn find(api: &Api, name: &str) -> Result<KeptUser, Problem> {
    let found = match UserName::parse(name) {
        Ok(name) => api.store.user(&name).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::not_found("user"))
}

/// The time, if whoever asks has signed in a moment ago: a browser that was left open makes no users and no tokens.
pub(super) fn fresh(caller: &Caller) -> Result<Timestamp, Problem> {
    let now = now();
    caller.has_just_signed_in(now)?;
    Ok(now)
}
