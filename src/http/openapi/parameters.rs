//! The parameters of operations in the OpenAPI document.

use serde_json::{Value, json};

/// A parameter by its name in an operation.
pub(super) fn parameter(name: &str) -> Value {
    let in_path = name
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'));
    let (name, place) = match in_path {
        Some(name) => (name, "path"),
        None if name.starts_with(|c: char| c.is_ascii_uppercase()) => (name, "header"),
        None => (name, "query"),
    };
    let (description, schema) = match name {
        "Idempotency-Key" => (
            "New for each drop, such as a UUID; kept for 72 h",
            json!({"type": "string", "minLength": 1, "maxLength": 255}),
        ),
        "Prefer" => (
            "`wait=60` waits for the drop's end, 300 s at most",
            json!({"type": "string"}),
        ),
        "Traceparent" => (
            "The caller's trace, as W3C Trace Context has it: it comes back with the drop, its events and webhooks, and the drop's own \
             trace is within it",
            json!({"type": "string"}),
        ),
        "If-Match" => ("The `ETag` of what was read", json!({"type": "string"})),
        "limit" => (
            "Most items",
            json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
        ),
        "cursor" => ("`next` or `previous` of a page", json!({"type": "string"})),
        "number" if place == "query" => ("Only this number", json!({"type": "string"})),
        "Last-Event-ID" => (
            "The `id` of the last event that was handled",
            json!({"type": "integer", "minimum": 0}),
        ),
        "after" => (
            "Only events behind the one with this `sequence`; a list begins with the oldest that is kept",
            json!({"type": "integer", "minimum": 0}),
        ),
        "types" => (
            "Only events of these types or groups, such as `drop.ended,campaign.*`",
            json!({"type": "string"}),
        ),
        "campaign" if place == "query" => ("Only this campaign", json!({"type": "string"})),
        "foreign_id" => ("Only this foreign id", json!({"type": "string"})),
        "status" => (
            "Only those that wait until the gate allows them",
            json!({"type": "string", "enum": ["held"]}),
        ),
        "full_numbers" => (
            "Numbers unmasked; takes the scope `numbers:full`, and is in the audit log",
            json!({"type": "boolean", "default": false}),
        ),
        "once" => (
            "Answer with the state of this moment",
            json!({"type": "boolean", "default": false}),
        ),
        "state" => (
            "Only those in this state",
            json!({"type": "string", "enum": ["pending", "delivered", "dead"]}),
        ),
        "webhook" => (
            "The endpoint's id",
            json!({"type": "string", "pattern": "^wh_[0-9]+$"}),
        ),
        "delivery" => (
            "The message's id",
            json!({"type": "string", "pattern": "^dlv_[0-9]+$"}),
        ),
        "because" => (
            "The reason, kept with the change",
            json!({"type": "string"}),
        ),
        "drop" => ("The drop's id", json!({"type": "string"})),
        "campaign" => ("The campaign's name", json!({"type": "string"})),
        "list" if place == "query" => (
            "The list's name, created if it is missing; `own` unless given",
            json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
        ),
        "column" => (
            "The column that holds the number, by its name or its position, if the header does not say",
            json!({"type": "array", "items": {"type": "string"}}),
        ),
        "count" => (
            "How many there are on all pages as well",
            json!({"type": "boolean", "default": false}),
        ),
        "simulation" => ("The simulation's id", json!({"type": "string"})),
        "file" => (
            "`incoming.wav`, `played.wav`, `message.wav`, `drop.json` or `picture.svg`",
            json!({"type": "string"}),
        ),
        "Range" => (
            "The part, such as `bytes=0-65535`",
            json!({"type": "string"}),
        ),
        "If-None-Match" => ("The `ETag` of what is known", json!({"type": "string"})),
        "contact" => ("The contact's number", json!({"type": "integer"})),
        "import" => ("The import's id", json!({"type": "string"})),
        "name" => (
            "The list's name, for people",
            json!({"type": "string", "minLength": 1, "maxLength": 200}),
        ),
        "map" => (
            "The column of a field if it is not found by its name, such as `number=Telefon` or `name=3`; `state=` takes the field from \
             no column",
            json!({"type": "array", "items": {"type": "string"}}),
        ),
        "date_order" => (
            "Whether the month or the day comes first in dates such as `03/01/2026`",
            json!({"type": "string", "enum": ["mdy", "dmy"]}),
        ),
        "dry_run" => (
            "Read it, say what would become of its rows, and take nothing in",
            json!({"type": "boolean", "default": false}),
        ),
        "object" => (
            "Only what was done to this, by its whole name in the log, such as a campaign's name",
            json!({"type": "string"}),
        ),
        "keep" => (
            "With `dry_run`: keep the list for a day, so that its first rows can be looked at, and it be taken in by `from`. It is kept \
             whether or not it says which column is the number",
            json!({"type": "boolean", "default": false}),
        ),
        "from" => (
            "The import whose list it is, which was sent with `keep`: then no body is sent",
            json!({"type": "string"}),
        ),
        "Content-Encoding" => (
            "How the list is sent",
            json!({"type": "string", "enum": ["identity", "gzip", "zstd"]}),
        ),
        "Upload-Offset" => (
            "How many bytes of the list are there",
            json!({"type": "integer", "minimum": 0}),
        ),
        "Upload-Complete" => (
            "That the body is all that is left",
            json!({"type": "string", "enum": ["?1"]}),
        ),
        "Content-Digest" => (
            "The SHA-256 of the bytes as they are sent, after RFC 9530: `sha-256=:...:`. If they have another one, nothing is taken",
            json!({"type": "string"}),
        ),
        "outcome" => ("Only this outcome", json!({"type": "string"})),
        "refused" => (
            "Only what the gate refused for this reason",
            json!({"type": "string"}),
        ),
        "token" => ("The token's id", json!({"type": "string"})),
        "user" => ("The user's name", json!({"type": "string"})),
        "session" => ("`current`, or the session's id", json!({"type": "string"})),
        "all" => (
            "Those of everybody; takes the role `admin`",
            json!({"type": "boolean", "default": false}),
        ),
        "message" => (
            "The message's name, or a clip's, `FOLDER/NAME`, whose `/` is sent as `%2F`",
            json!({"type": "string", "pattern": "^([a-z0-9_-]{1,64}/)?[a-z0-9_-]{1,64}$"}),
        ),
        "list" => (
            "The list's name",
            json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
        ),
        _ => ("The number", json!({"type": "string"})),
    };
    let is_required = place == "path" || name == "Idempotency-Key" || name == "If-Match";
    json!({"name": name, "in": place, "required": is_required, "description": description, "schema": schema})
}
