//! Drops in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/drops",
        id: "order_drop",
        summary: "Order a drop: one message to one number",
        description: "The gate, the intent and the trunk's limits are asked as for every other drop. It is answered once the \
            intent is committed. A key stays with its first request for 72 h, whatever came of it: the same request is \
            answered as before, a drop that has failed stays that drop, and so does a refusal. For a new attempt choose a new key. \
            What the gate holds is refused, or, with `when_held` as `wait`, kept and dialled when the gate allows it, by the same gate, intent and limits.",
        parameters: &["Idempotency-Key", "Prefer", "Traceparent"],
        request: Some("DropOrder"),
        responses: &[
            (202, "It is on its way, or held", Some("DropAccepted")),
            (200, "It has ended; only with `Prefer: wait`", Some("Drop")),
        ],
    },
    Operation {
        method: "GET",
        path: "/drops",
        id: "list_drops",
        summary: "List drops, the latest first",
        description: "Of campaigns and single ones. `foreign_id` finds those that were ordered with it, and those to contacts that have it; `status=held` those that wait.",
        parameters: &[
            "limit",
            "cursor",
            "number",
            "foreign_id",
            "status",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "A page", Some("DropPage"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}",
        id: "show_drop",
        summary: "Show a drop",
        description: "",
        parameters: &["{drop}", "full_numbers"],
        request: None,
        responses: &[(200, "The drop", Some("Drop"))],
    },
    Operation {
        method: "DELETE",
        path: "/drops/{drop}",
        id: "cancel_drop",
        summary: "Cancel a drop that is held or in flight",
        description: "One that is held ends at once, and nothing is dialled; one in flight is hung up, and has its end. Drops of campaigns are cancelled by the campaign's standing.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(202, "It has ended, or is being hung up", Some("Drop"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/timeline",
        id: "show_timeline",
        summary: "Show what happened to a drop, and why it was allowed",
        description: "",
        parameters: &["{drop}"],
        request: None,
        responses: &[(
            200,
            "The timeline and the gate's ruling",
            Some("DropTimeline"),
        )],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/picture.svg",
        id: "draw_drop",
        summary: "Draw what was heard of a drop",
        description: "From its evidence, if that is kept on the server's machine. That it was looked at is in the audit log.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The picture", Some("Picture"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/evidence",
        id: "list_evidence",
        summary: "List the files that are kept of a drop",
        description: "If they are kept on the server's machine.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The files", Some("EvidenceList"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/evidence/{file}",
        id: "read_evidence",
        summary: "Read a file of a drop's evidence, or a part of it",
        description: "What the ears heard, what was played, the message, the manifest or the picture. `Range` and `If-None-Match` are \
            understood. That it was read is in the audit log.",
        parameters: &["{drop}", "{file}", "Range", "If-None-Match"],
        request: None,
        responses: &[
            (200, "The file", Some("File")),
            (206, "The part", Some("File")),
            (304, "It is as it was", None),
            (416, "There is no such part", None),
        ],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/bundle",
        id: "download_evidence_bundle",
        summary: "Download all that is kept of a call, in one file",
        description: "A zip file with the drop and its report, the files of its evidence, and `manifest.json` with the size and the SHA-256 of \
            each. The number is masked unless the caller may read whole ones. That it was downloaded is in the audit log. Only on the \
            server that has the evidence.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The zip file", Some("File"))],
    },
    Operation {
        method: "POST",
        path: "/drops/{drop}/replay",
        id: "replay_drop",
        summary: "Hear a drop again, with other settings, dialling nothing",
        description: "What `aftertone explain --set` prints of its evidence, and how that differs from what was decided live. One call is heard \
            at a time. That it was heard is in the audit log.",
        parameters: &["{drop}"],
        request: Some("ReplayRequest"),
        responses: &[(200, "What is heard", Some("DropReplay"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<DropOrder>();
    all.add::<DropAccepted>();
    all.add::<DropShown>();
    all.add::<DropPage>();
    all.add::<DropTimeline>();
    all.add::<EvidenceList>();
    all.add::<ReplayRequest>();
    all.add::<DropReplay>();
}

/// An order of a drop.
#[derive(ToSchema)]
struct DropOrder {
    /// The number: E.164, or as it is dialled in the default region.
    to: String,
    /// The name of a prepared message, a `sound:` URI of the PBX, or a template such as `intro + names/{first_name} + "on {date}"`.
    message: String,
    /// What a template says of whoever is called, by the columns that it names: at most 32, of at most 200 characters each. They
    /// are kept only while the gate holds the drop.
    fields: Option<BTreeMap<String, String>>,
    /// What the message is for: `marketing` or `informational`; one that sells, if only in part, is marketing.
    kind: String,
    /// The consent that is on record; marketing needs it in writing.
    consent: Option<ConsentOnRecord>,
    /// `double` or `single`; as configured unless given.
    technique: Option<String>,
    /// The number shown; as configured unless given.
    caller_id: Option<String>,
    /// What follows if the gate holds it: `refuse`, as unless given: nothing is dialled; `wait`: it is kept, and dialled when the gate allows it.
    when_held: Option<String>,
    /// From then on it is not dialled, whatever it waits for.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Rules of the gate that are set aside, which takes the scope `admin`.
    #[schema(rename = "override")]
    gate_override: Option<GateOverride>,
    /// The id under which your own system knows the callee: it comes back with the drop, and finds it.
    foreign_id: Option<String>,
    /// What your own system wants back with it, at most 2,048 bytes.
    metadata: Option<Map<String, Value>>,
    /// A call that is up on the PBX and is taken over, by the id of its far end's channel; without it, calls are made. It takes
    /// `incoming.app`, and goes without `technique`, `caller_id`, `when_held` and `expires_at`. Rules on consent, caps and hours
    /// are set aside: somebody has called already.
    channel: Option<String>,
    /// When the message of such a call begins: `ready`, as unless given: at its ready point; `now`: at once.
    begin: Option<String>,
}

/// A consent that is on record.
#[derive(ToSchema)]
pub(super) struct ConsentOnRecord {
    /// `written` or `verbal`.
    level: String,
    /// A day, or a moment in RFC 3339.
    at: String,
    /// Where it is recorded, such as `web form 2026-03`.
    source: String,
}

/// Rules of the gate that are set aside.
#[derive(ToSchema)]
struct GateOverride {
    /// `do_not_call`, `consent`, `frequency_cap` or `calling_hours`.
    rules: Vec<String>,
    /// Why; it is kept with the drop.
    because: String,
}

/// A drop that was ordered.
#[derive(ToSchema)]
struct DropAccepted {
    /// Its id.
    drop: String,
    /// `queued`: it is on its way; `held`: it waits until the gate allows it.
    status: String,
    /// The number, its middle masked.
    number: String,
    /// The message.
    message: String,
    /// Why the gate holds it: `calling_hours` or `frequency_cap`.
    held: Option<String>,
    /// Until when, as far as is known.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// As it was given.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// As it was given.
    foreign_id: Option<String>,
    /// As it was given.
    metadata: Option<Map<String, Value>>,
}

/// A drop, of a campaign or by itself.
#[derive(ToSchema)]
#[schema(as = Drop)]
struct DropShown {
    /// Its id.
    drop: String,
    /// `held`, `in_flight`, `ended` or `refused`.
    status: String,
    /// The number, its middle masked unless it was asked for in full; null if the person was erased.
    number: Option<String>,
    /// The campaign's name; null outside campaigns.
    campaign: Option<String>,
    /// The contact's number; null outside campaigns.
    contact: Option<i64>,
    /// The number of the attempt, from 1.
    attempt: u64,
    /// The message.
    message: String,
    /// The variant's name, if the campaign has variants.
    variant: Option<String>,
    /// `double`, `single`, or `adopted`: a call that was up and was taken over.
    technique: String,
    /// The number shown, if the campaign or the order chose one.
    caller_id: Option<String>,
    /// The id under which your own system knows the callee.
    foreign_id: Option<String>,
    /// What came with the order.
    metadata: Option<Map<String, Value>>,
    /// Why the gate holds it: `calling_hours` or `frequency_cap`.
    held: Option<String>,
    /// Until when it is held, as far as is known.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Why it was held and then refused: a reason such as `do_not_call`, or `expired` or `erased`.
    refused: Option<String>,
    /// Of one that was not dialled, why, for people.
    words: Option<String>,
    /// From then on it is not dialled.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The `traceparent` that the order came with.
    traceparent: Option<String>,
    /// When its intent was written; null unless it was.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended, or was refused.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Its outcome; null while it is held or in flight, and if it was refused.
    outcome: Option<String>,
    /// `proven`, `probable` or `unproven`: how sure it is that the message was left.
    proof: Option<String>,
    /// Whether evidence of it is kept.
    has_evidence: bool,
    /// The object that `aftertone drop --json` prints; null while it is in flight.
    report: Option<Map<String, Value>>,
}

/// A page of drops.
#[derive(ToSchema)]
struct DropPage {
    /// The drops.
    items: Vec<DropShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// What happened to a drop, and why it was allowed.
#[derive(ToSchema)]
struct DropTimeline {
    /// Its id.
    drop: String,
    /// What happened; empty while it is in flight.
    timeline: Vec<DropMoment>,
    /// What the gate looked at and found.
    ruling: Map<String, Value>,
}

/// Something that happened to a drop.
#[derive(ToSchema)]
struct DropMoment {
    /// When, in ms since the first call was asked for.
    at_ms: u64,
    /// What.
    event: String,
}

/// The files that are kept of a drop.
#[derive(ToSchema)]
struct EvidenceList {
    /// The files.
    items: Vec<EvidenceFile>,
}

/// A file of evidence.
#[derive(ToSchema)]
struct EvidenceFile {
    /// Its name.
    file: String,
    /// What it is.
    media_type: String,
    /// Its size.
    bytes: u64,
    /// Its address.
    href: String,
}

/// How a drop is to be heard again.
#[derive(ToSchema)]
struct ReplayRequest {
    /// Settings of the ears in place of those it was heard with, such as `{"hold_short": 2.0}`.
    set: Option<Map<String, Value>>,
}

/// What is heard of a drop.
#[derive(ToSchema)]
struct DropReplay {
    /// The name of its evidence.
    id: String,
    /// Who answered; null if that is never known.
    verdict: Option<String>,
    /// When that was known, in seconds since the answer.
    verdict_s: Option<f64>,
    /// What showed that the message may start.
    ready_by: Option<String>,
    /// When.
    ready_s: Option<f64>,
    /// When it started again.
    restarts: Vec<f64>,
    /// The beeps.
    beeps: Vec<HeardBeep>,
    /// When a voice stopped it.
    voice_s: Option<f64>,
    /// Whether it is all of a message that was heard to its end.
    whole: bool,
    /// The reasons of the verdict, for people.
    reasons: Vec<String>,
    /// Whether the same was decided live.
    same_as_live: bool,
    /// What was decided otherwise live.
    differences: Vec<String>,
    /// What is missing of the evidence, and why.
    notes: Vec<String>,
    /// The phrases that were recognised live.
    phrases: Vec<String>,
    /// All that is heard, in its order.
    heard: Vec<HeardSound>,
}

/// A beep.
#[derive(ToSchema)]
struct HeardBeep {
    /// When it began.
    start_s: f64,
    /// When it ended.
    end_s: f64,
    /// How high it was.
    hz: f64,
}

/// Something that is heard, or decided.
#[derive(ToSchema)]
struct HeardSound {
    /// What, such as `speech_began`, `beep`, `verdict` or `ready`.
    event: String,
    /// When, in seconds since the answer.
    at_s: f64,
    /// Until when, if it lasted.
    until_s: Option<f64>,
    /// What is particular about it, for people.
    words: String,
}
