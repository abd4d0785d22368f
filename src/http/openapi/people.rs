//! Users, sessions and tokens in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/users",
        id: "list_users",
        summary: "List who signs in, by name",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The users", Some("UserList"))],
    },
    Operation {
        method: "POST",
        path: "/users",
        id: "add_user",
        summary: "Make a user",
        description: "The answer has a link, good for fifteen minutes and once, by which the user sets a password. It is shown here alone.",
        parameters: &[],
        request: Some("UserOrder"),
        responses: &[(201, "The user is made", Some("NewUser"))],
    },
    Operation {
        method: "GET",
        path: "/users/{user}",
        id: "show_user",
        summary: "Show a user",
        description: "",
        parameters: &["{user}"],
        request: None,
        responses: &[(200, "The user", Some("User"))],
    },
    Operation {
        method: "PATCH",
        path: "/users/{user}",
        id: "change_user",
        summary: "Change the role of a user, or whether the user is let in",
        description: "Either ends the user's sessions. Nobody changes their own.",
        parameters: &["{user}"],
        request: Some("UserChange"),
        responses: &[(200, "The user is changed", Some("User"))],
    },
    Operation {
        method: "POST",
        path: "/users/{user}/links",
        id: "link_user",
        summary: "Make a link by which a user sets a new password",
        description: "Good for fifteen minutes and once; the one before is good for nothing any more.",
        parameters: &["{user}"],
        request: None,
        responses: &[(201, "The link", Some("UserLink"))],
    },
    Operation {
        method: "POST",
        path: "/users/{user}/pin",
        id: "set_pin",
        summary: "Make a PIN by which a user records messages by telephone",
        description: "In the place of the one before; it is shown here alone. One's own, or, for an admin, that of another user. It takes the password within the last ten minutes.",
        parameters: &["{user}"],
        request: None,
        responses: &[(201, "The PIN is made", Some("NewPin"))],
    },
    Operation {
        method: "DELETE",
        path: "/users/{user}/pin",
        id: "remove_pin",
        summary: "Take a user's PIN away",
        description: "One's own, or, for an admin, that of another user. It takes the password within the last ten minutes.",
        parameters: &["{user}"],
        request: None,
        responses: &[(204, "There is no PIN any more", None)],
    },
    Operation {
        method: "GET",
        path: "/tokens",
        id: "list_tokens",
        summary: "List the tokens, the latest first",
        description: "Without their secrets, which are nowhere.",
        parameters: &[],
        request: None,
        responses: &[(200, "The tokens", Some("TokenList"))],
    },
    Operation {
        method: "POST",
        path: "/tokens",
        id: "add_token",
        summary: "Make a token",
        description: "It is shown here alone. It takes the password within the last ten minutes.",
        parameters: &[],
        request: Some("TokenOrder"),
        responses: &[(201, "The token is made", Some("NewToken"))],
    },
    Operation {
        method: "DELETE",
        path: "/tokens/{token}",
        id: "revoke_token",
        summary: "Revoke a token",
        description: "It is good for nothing from then on.",
        parameters: &["{token}"],
        request: None,
        responses: &[(204, "It is revoked", None)],
    },
    Operation {
        method: "POST",
        path: "/sessions",
        id: "sign_in",
        summary: "Sign in",
        description: "For pages of this server: the answer sets the cookie `__Host-aftertone`, which counts only for requests of the same origin. Programs send tokens.             A session ends 12 h after it was last used, and 7 days after it began. An address, and a name, has ten attempts and then one a minute.",
        parameters: &[],
        request: Some("SignIn"),
        responses: &[(201, "It has begun", Some("SignedIn"))],
    },
    Operation {
        method: "GET",
        path: "/sessions",
        id: "list_sessions",
        summary: "List one's own sessions, the latest first",
        description: "With `all` those of everybody, which takes the role `admin`.",
        parameters: &["all"],
        request: None,
        responses: &[(200, "The sessions", Some("SessionList"))],
    },
    Operation {
        method: "DELETE",
        path: "/sessions/{session}",
        id: "end_session",
        summary: "Sign out, or end another session",
        description: "`current` is the one by which is asked. Sessions of others take the role `admin`.",
        parameters: &["{session}"],
        request: None,
        responses: &[(204, "It has ended", None)],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<UserList>();
    all.add::<UserOrder>();
    all.add::<UserChange>();
    all.add::<NewUser>();
    all.add::<UserLink>();
    all.add::<NewPin>();
    all.add::<SignIn>();
    all.add::<SignedIn>();
    all.add::<SessionList>();
    all.add::<TokenList>();
    all.add::<TokenOrder>();
    all.add::<NewToken>();
}

/// All users.
#[derive(ToSchema)]
struct UserList {
    /// The users, by name.
    items: Vec<UserShown>,
}

/// Somebody who signs in.
#[derive(ToSchema)]
#[schema(as = User)]
struct UserShown {
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
    /// When the PIN was made by which the user records messages by telephone; null: there is none.
    #[schema(format = DateTime)]
    pin_at: Option<String>,
}

/// A user to be made.
#[derive(ToSchema)]
struct UserOrder {
    /// 1 to 64 of `a` to `z`, `0` to `9` and `._@+-`.
    user: String,
    /// `viewer`, `operator`, `manager`, `auditor` or `admin`.
    role: String,
}

/// What is to be changed of a user; what is not given stays.
#[derive(ToSchema)]
struct UserChange {
    /// Another role.
    role: Option<String>,
    /// Whether the user is not let in any more.
    disabled: Option<bool>,
}

/// A user who was made.
#[derive(ToSchema)]
struct NewUser {
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
    /// Null.
    pin_at: Option<String>,
    /// The link by which the user sets a password.
    link: String,
}

/// A link by which a user sets a password.
#[derive(ToSchema)]
struct UserLink {
    /// The link.
    link: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    until: String,
}

/// A PIN that was made.
#[derive(ToSchema)]
struct NewPin {
    /// Whose it is.
    user: String,
    /// The PIN: ten digits, of which the first four find the user. It is not shown again.
    pin: String,
}

/// Who signs in.
#[derive(ToSchema)]
struct SignIn {
    /// The name.
    user: String,
    /// The password.
    password: String,
}

/// Who has signed in.
#[derive(ToSchema)]
struct SignedIn {
    /// The user.
    user: UserShown,
    /// The session.
    session: SessionShown,
}

/// Sessions.
#[derive(ToSchema)]
struct SessionList {
    /// The sessions, the latest first.
    items: Vec<SessionShown>,
}

/// A session.
#[derive(ToSchema)]
#[schema(as = Session)]
struct SessionShown {
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
struct TokenList {
    /// The tokens, the latest first.
    items: Vec<TokenShown>,
}

/// A token, without its secret.
#[derive(ToSchema)]
#[schema(as = Token)]
struct TokenShown {
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
struct TokenOrder {
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
struct NewToken {
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
