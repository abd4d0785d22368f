//! The schemas of users, sessions and tokens in the OpenAPI document, as types that are nothing else.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// All users.
#[derive(ToSchema)]
pub(super) struct UserList {
    /// The users, by name.
    items: Vec<UserShown>,
}

/// Somebody who signs in.
#[derive(ToSchema)]
#[schema(as = User)]
pub(super) struct UserShown {
    /// The name by which the user signs in.
    user: String,
    /// `viewer`, `operator`, `manager`, `auditor` or `admin`.
    role: String,
    /// `invited`: there is no password yet; `active`; `disabled`.
    state: String,
    /// When the user was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who made it.
    created_by: String,
    /// When the password was set.
    #[schema(format = DateTime)]
    password_at: Option<String>,
    /// When the user last signed in.
    #[schema(format = DateTime)]
    signed_in_at: Option<String>,
    /// Since when the user is not let in.
    #[schema(format = DateTime)]
    disabled_at: Option<String>,
    /// Until when a link is good that sets the password; null: there is none.
    #[schema(format = DateTime)]
    link_until: Option<String>,
}

/// A user to be made.
#[derive(ToSchema)]
pub(super) struct UserOrder {
    /// 1 to 64 of `a` to `z`, `0` to `9` and `._@+-`.
    user: String,
    /// `viewer`, `operator`, `manager`, `auditor` or `admin`.
    role: String,
}

/// What is to be changed of a user; what is not given stays.
#[derive(ToSchema)]
pub(super) struct UserChange {
    /// Another role.
    role: Option<String>,
    /// Whether the user is not let in any more.
    disabled: Option<bool>,
}

/// A user who was made.
#[derive(ToSchema)]
pub(super) struct NewUser {
    /// The name by which the user signs in.
    user: String,
    /// The role.
    role: String,
    /// `invited`.
    state: String,
    /// When the user was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who made it.
    created_by: String,
    /// Null.
    password_at: Option<String>,
    /// Null.
    signed_in_at: Option<String>,
    /// Null.
    disabled_at: Option<String>,
    /// Until when the link is good.
    #[schema(format = DateTime)]
    link_until: Option<String>,
    /// The link by which the user sets a password.
    link: String,
}

/// A link by which a user sets a password.
#[derive(ToSchema)]
pub(super) struct UserLink {
    /// The link.
    link: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    until: String,
}

/// Who signs in.
#[derive(ToSchema)]
pub(super) struct SignIn {
    /// The name.
    user: String,
    /// The password.
    password: String,
}

/// Who has signed in.
#[derive(ToSchema)]
pub(super) struct SignedIn {
    /// The user.
    user: UserShown,
    /// The session.
    session: SessionShown,
}

/// Sessions.
#[derive(ToSchema)]
pub(super) struct SessionList {
    /// The sessions, the latest first.
    items: Vec<SessionShown>,
}

/// A session.
#[derive(ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionShown {
    /// By which it is ended.
    session: String,
    /// Whose it is.
    user: String,
    /// When it began.
    #[schema(format = DateTime)]
    began_at: String,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    seen_at: String,
    /// When it is over unless it is used.
    #[schema(format = DateTime)]
    ends_at: String,
    /// From where the user signed in.
    ip: Option<String>,
    /// Whether it is the one by which is asked.
    current: bool,
}

/// All tokens.
#[derive(ToSchema)]
pub(super) struct TokenList {
    /// The tokens, the latest first.
    items: Vec<TokenShown>,
}

/// A token, without its secret.
#[derive(ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenShown {
    /// Its id, the part of it that may be shown.
    id: String,
    /// What it is for.
    name: String,
    /// What it is good for.
    scopes: Vec<String>,
    /// The networks from which it may be used; empty: all.
    networks: Vec<String>,
    /// `good`, `expired` or `revoked`.
    state: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who made it.
    created_by: String,
    /// From when on it is good for nothing; null: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// From where.
    last_used_from: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

/// A token to be made.
#[derive(ToSchema)]
pub(super) struct TokenOrder {
    /// What it is for.
    name: String,
    /// What it is good for, such as `drops:write`.
    scopes: Vec<String>,
    /// Networks from which it may be used; all unless given.
    networks: Option<Vec<String>>,
    /// Until when, in RFC 3339, or `never`; for 90 days unless given.
    expires_at: Option<String>,
}

/// A token that was made.
#[derive(ToSchema)]
pub(super) struct NewToken {
    /// Its id, the part of it that may be shown.
    id: String,
    /// What it is for.
    name: String,
    /// What it is good for.
    scopes: Vec<String>,
    /// The networks from which it may be used; empty: all.
    networks: Vec<String>,
    /// `good`, `expired` or `revoked`.
    state: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who made it.
    created_by: String,
    /// From when on it is good for nothing; null: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// From where.
    last_used_from: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// The token itself, which is not shown again.
    token: String,
}
