//! Lists that come in in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/campaigns/{campaign}/imports",
        id: "upload_list",
        summary: "Send a list of contacts into a campaign",
        description: "The body is the list: CSV in UTF-8, or one contact a line as JSON as `POST .../contacts` takes them, as it is or with \
            `Content-Encoding: gzip` or `zstd`, of `serve.max_upload` bytes at most when it is decoded. It is answered once all of it is on the server's disk. Its rows come in from then on by \
            themselves, also if the server is killed meanwhile. The same list into the same campaign is the same import, however \
            often it is sent. Nothing is dialled that was not dialled before: a campaign that was complete is a draft then.",
        parameters: &[
            "{campaign}",
            "name",
            "map",
            "date_order",
            "dry_run",
            "keep",
            "from",
            "Content-Encoding",
            "Content-Digest",
        ],
        request: Some("List"),
        responses: &[(202, "All of it is there", Some("Import"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/imports",
        id: "list_imports",
        summary: "List the lists that were sent into a campaign, the latest first",
        description: "They are kept for 30 days, with their rejects.",
        parameters: &["{campaign}", "limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("ImportPage"))],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}",
        id: "show_import",
        summary: "Show how far a list is, and what came of it",
        description: "The headers `Upload-Complete` and `Upload-Offset` say whether all of it is there, and how many bytes are, if it was cut off \
            and can be gone on with; `HEAD` gives them alone.",
        parameters: &["{import}"],
        request: None,
        responses: &[(200, "The import", Some("Import"))],
    },
    Operation {
        method: "PATCH",
        path: "/imports/{import}",
        id: "resume_upload",
        summary: "Go on with a list that was cut off",
        description: "After draft-ietf-httpbis-resumable-upload-12: the body is what is left of the list, behind the bytes that `Upload-Offset` \
            of `HEAD` counts. A list that is sent as CSV and not packed can be gone on with for a day, at the server that has its beginning; any \
            other is sent again. If another number of bytes is there, it is answered with 409 and their `Upload-Offset`.",
        parameters: &["{import}", "Upload-Offset", "Upload-Complete"],
        request: Some("RestOfList"),
        responses: &[(202, "All of it is there", Some("Import"))],
    },
    Operation {
        method: "DELETE",
        path: "/imports/{import}",
        id: "forget_import",
        summary: "End the work on a list, and forget it with its files",
        description: "Contacts that are in stay in.",
        parameters: &["{import}"],
        request: None,
        responses: &[(204, "It is forgotten", None)],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}/preview",
        id: "preview_import",
        summary: "Show the first rows of a list, what each column is taken for, and what the gate says",
        description: "The first 20 rows of a list that is on the server: one that was sent with `dry_run` and `keep`, for a day. Whole numbers \
            are masked. If the list does not say which column is the number, `fault` says so, and the rows are there all the same: send it \
            again with `from`, and with a `map` that does.",
        parameters: &["{import}"],
        request: None,
        responses: &[(200, "The first rows", Some("ImportPreview"))],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}/rejects",
        id: "list_rejects",
        summary: "List the rows of a list that were not taken in, each with its line and why",
        description: "With `full_numbers` the rows themselves are behind that, so that they can be mended and sent again. That they were taken is in the \
            audit log.",
        parameters: &["{import}", "full_numbers"],
        request: None,
        responses: &[(200, "The rejects, as CSV", Some("Csv"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<ImportShown>();
    all.add::<ImportPage>();
    all.add::<ImportPreviewShown>();
}

/// A list that was sent.
#[derive(ToSchema)]
#[schema(as = Import)]
struct ImportShown {
    /// Its id.
    id: String,
    /// The campaign's name.
    campaign: String,
    /// The list's name.
    name: String,
    /// `receiving`, `checking` (it is there, and is read once to its end), `importing`, `complete`, `interrupted` (nobody works on
    /// it at this moment; if all of it is there a server goes on by itself, else send it again) or `failed`.
    state: String,
    /// Why it failed or was interrupted, for people.
    why: Option<String>,
    /// Whether it is only read, and nothing is taken in.
    dry_run: bool,
    /// How it is read: `map` and `date_order`, and `keep` if it is kept.
    reading: Map<String, Value>,
    /// Its size in bytes, decoded; null until all of it is there.
    size: Option<u64>,
    /// How many of these have come, and from `importing` on how many were read.
    bytes: u64,
    /// Rows that were passed.
    rows: u64,
    /// All of its rows; null until they are counted.
    rows_in_all: Option<u64>,
    /// Rows that became contacts.
    added: u64,
    /// Rows that changed contacts which were never called.
    updated: u64,
    /// Rows that say of such contacts what was known.
    unchanged: u64,
    /// Rows that were not taken in.
    rejected: u64,
    /// These by their reasons, once it is complete.
    reasons: BTreeMap<String, u64>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
    /// What the gate would have said to its rows when it was read; null unless it was read only.
    gate: Option<ImportGate>,
    /// How fast its rows come in.
    rows_per_second: Option<u64>,
    /// When it is through at this rate, while its rows come in.
    #[schema(format = DateTime)]
    eta: Option<String>,
    /// When it began.
    #[schema(format = DateTime)]
    began_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

/// What the gate would have said to the rows of a list that was read only.
#[derive(ToSchema)]
struct ImportGate {
    /// The moment it was asked for.
    #[schema(format = DateTime)]
    at: String,
    /// What it said, and to how many rows.
    decisions: Vec<GateCount>,
}

/// To how many rows of a list the gate said the same.
#[derive(ToSchema)]
struct GateCount {
    /// `allowed`, `held` or `refused`.
    decision: String,
    /// Why; null if they are allowed.
    reason: Option<String>,
    /// By which rule.
    rule: Option<String>,
    /// How many rows.
    rows: u64,
    /// When the first of those that are held may be called.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// When the last of them may.
    #[schema(format = DateTime)]
    until_last: Option<String>,
}

/// The first rows of a list.
#[derive(ToSchema)]
#[schema(as = ImportPreview)]
struct ImportPreviewShown {
    /// The import's id.
    import: String,
    /// The campaign's name.
    campaign: String,
    /// Its columns, in their order.
    columns: Vec<PreviewColumnShown>,
    /// Why it cannot be taken in as it is read, for people.
    fault: Option<String>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
    /// The moment for which the gate was asked.
    #[schema(format = DateTime)]
    at: String,
    /// The rows.
    rows: Vec<PreviewRowShown>,
}

/// A column of a list.
#[derive(ToSchema)]
#[schema(as = PreviewColumn)]
struct PreviewColumnShown {
    /// Its name.
    name: String,
    /// The field that it is taken for, as `map` names it; null if it is none.
    field: Option<String>,
    /// `field`, `kept` by its name, or `left_out`.
    taken: String,
}

/// One of the first rows of a list.
#[derive(ToSchema)]
#[schema(as = PreviewRow)]
struct PreviewRowShown {
    /// The line on which it begins.
    line: u64,
    /// Its cells, with whole numbers masked.
    cells: Vec<String>,
    /// What was read of it; null if it is rejected.
    contact: Option<PreviewContactShown>,
    /// `allowed`, `held`, `refused` or `rejected`; null if nothing is read.
    decision: Option<String>,
    /// Why.
    reason: Option<String>,
    /// The rule that decided.
    rule: Option<String>,
    /// Until when it is held.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// The same for people.
    words: String,
}

/// A row as it is read.
#[derive(ToSchema)]
#[schema(as = PreviewContact)]
struct PreviewContactShown {
    /// Its number, with the middle masked.
    number: String,
    /// The time zones by which it is called.
    zones: Vec<String>,
    /// The level of the consent.
    consent: Option<String>,
    /// When it was given.
    #[schema(format = DateTime)]
    consent_at: Option<String>,
}

/// A page of lists that were sent.
#[derive(ToSchema)]
struct ImportPage {
    /// The lists.
    items: Vec<ImportShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}
