//! The service itself: what it does, its events, its configuration and its audit log in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/configuration",
        id: "show_configuration",
        summary: "Show the configuration in force, and where each key came from",
        description: "Every key of `aftertone.toml`. Secrets are left out, and a password in a URL is `***`.",
        parameters: &[],
        request: None,
        responses: &[(200, "The keys", Some("Configuration"))],
    },
    Operation {
        method: "POST",
        path: "/configuration/reloads",
        id: "reload_configuration",
        summary: "Read the configuration anew",
        description: "What `aftertone reload` does: what can be taken up is, without a call being lost, and other keys are named. If it is \
            wrong, or the certificate is, all stays as it was, and `error` says why. That it was asked for is in the audit log.",
        parameters: &[],
        request: None,
        responses: &[(200, "What came of it", Some("Reload"))],
    },
    Operation {
        method: "GET",
        path: "/fleet",
        id: "show_fleet",
        summary: "Show the PBXes, trunks and controllers that share the database",
        description: "With the budgets of the trunks, as `aftertone fleet list --json`.",
        parameters: &[],
        request: None,
        responses: &[(200, "The fleet", Some("Fleet"))],
    },
    Operation {
        method: "GET",
        path: "/events",
        id: "list_events",
        summary: "List what happened, the oldest first",
        description: "Events are numbered in the order in which they can be seen: whoever goes on from `next` misses none and sees \
            none twice. Each drop has exactly one event that ends it, `drop.ended` or `drop.withdrawn`.",
        parameters: &["after", "types", "campaign", "limit", "full_numbers"],
        request: None,
        responses: &[(200, "A page", Some("EventPage"))],
    },
    Operation {
        method: "GET",
        path: "/events/stream",
        id: "stream_events",
        summary: "Follow what happens, as server-sent events",
        description: "Behind `Last-Event-ID` or `after`; else from now on. An event's `id` is its `sequence`, its `data` what the list \
            gives. `event: reset` says that events are not kept any more. `event: bye` ends the stream: its `reason` is `stopping` if this \
            server is about to end, and another one if whoever reads may not any more, which is looked at every 2 s. A reader that takes \
            nothing for 30 s is cut off; a token has 8 streams at most.",
        parameters: &[
            "Last-Event-ID",
            "after",
            "types",
            "campaign",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "The stream", Some("EventStream"))],
    },
    Operation {
        method: "GET",
        path: "/live",
        id: "follow_state",
        summary: "Follow the state of all campaigns and of the fleet, as server-sent events",
        description: "`event: view` has all of it: the campaigns that are not over, the 20 that were last changed of those that are, and the \
            fleet if the token has the scope `metrics:read`. `event: change` has what has changed since, at most twice a second: campaigns as a whole, \
            the names of those that are `gone`, the fleet. What a slow reader does not take is left out, and the next change has it. With `once=true` it is \
            answered as JSON. Streams count as those of events do.",
        parameters: &["once"],
        request: None,
        responses: &[(200, "The stream, or the state", Some("LiveStream"))],
    },
    Operation {
        method: "GET",
        path: "/audit",
        id: "list_audit",
        summary: "List who changed what, the latest first",
        description: "",
        parameters: &["object", "limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("AuditPage"))],
    },
    Operation {
        method: "GET",
        path: "/openapi.json",
        id: "show_openapi",
        summary: "This document",
        description: "It needs no token.",
        parameters: &[],
        request: None,
        responses: &[(200, "The document", Some("OpenApi"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<Fleet>();
    all.add::<ConfigurationShown>();
    all.add::<ReloadShown>();
    all.add::<EventPage>();
    all.add::<Live>();
    all.add::<AuditPage>();
    all.put("OpenApi", json!({"type": "object"}));
}

/// The configuration in force.
#[derive(ToSchema)]
#[schema(as = Configuration)]
struct ConfigurationShown {
    /// Its keys, in the order of the reference.
    items: Vec<ConfigurationKey>,
}

/// A key of the configuration.
#[derive(ToSchema)]
struct ConfigurationKey {
    /// Its name, with its section.
    key: String,
    /// What was given; null if nothing was, or if it is a secret.
    value: Option<String>,
    /// What counts unless something is given, in words or as TOML.
    default: String,
    /// `file`, `environment` or `default`.
    source: String,
    /// Whether its value is never shown.
    secret: bool,
    /// Whether a reload takes a new value up; any other counts from the next start on.
    reloads: bool,
}

/// What came of a reload.
#[derive(ToSchema)]
#[schema(as = Reload)]
struct ReloadShown {
    /// Keys whose new values are in force.
    live: Vec<String>,
    /// Keys whose new values count from the next start on.
    at_restart: Vec<String>,
    /// Why nothing was taken up, for people.
    error: Option<String>,
}

/// The PBXes, trunks and controllers that share a database.
#[derive(ToSchema)]
struct Fleet {
    /// The moment of this state.
    #[schema(format = DateTime)]
    at: String,
    /// The PBXes, each with its controllers.
    pbxes: Vec<Map<String, Value>>,
    /// The trunks, each with its limits and its budget.
    trunks: Vec<Map<String, Value>>,
}

/// The state of all campaigns at a moment.
#[derive(ToSchema)]
struct Live {
    /// The moment.
    #[schema(format = DateTime)]
    at: String,
    /// The campaigns, by name.
    campaigns: Vec<Map<String, Value>>,
    /// PBXes and trunks as `/fleet` gives them; null without the scope `metrics:read`.
    fleet: Option<Map<String, Value>>,
}

/// A page of the audit log.
#[derive(ToSchema)]
struct AuditPage {
    /// The rows.
    items: Vec<AuditRow>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// Something that was done, or read in full.
#[derive(ToSchema)]
struct AuditRow {
    /// Its number, in the order of the changes.
    id: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who: `token:` and its id, `user:` and a name, or the name of a system's user.
    who: String,
    /// `api`, `session`, `link` or `cli`.
    via: String,
    /// The address it came from.
    ip: Option<String>,
    /// The request that it was.
    request_id: Option<String>,
    /// What was done.
    action: String,
    /// To what.
    object: String,
    /// What it was before.
    before: Option<Map<String, Value>>,
    /// What it was after.
    after: Option<Map<String, Value>>,
}

/// Some events, in their order.
#[derive(ToSchema)]
struct EventPage {
    items: Vec<EventItem>,
    /// The number to go on from, as `after`.
    next: u64,
    /// Whether there are further events at this moment.
    has_more: bool,
    /// How many events behind `after` are not kept any more.
    missed: u64,
    /// The number of the oldest event that is kept.
    oldest: u64,
    /// The number of the newest event.
    newest: u64,
}

/// Something that happened.
#[derive(ToSchema)]
struct EventItem {
    /// The same wherever the event is told.
    id: String,
    /// Its number, in the order in which events can be seen.
    sequence: u64,
    /// What happened, such as `drop.ended`.
    #[schema(rename = "type")]
    kind: String,
    /// When it happened, in RFC 3339.
    timestamp: String,
    /// What it is about.
    data: Map<String, Value>,
}
