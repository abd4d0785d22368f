//! Do-not-call lists in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/do-not-call",
        id: "list_do_not_call",
        summary: "List the do-not-call lists",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The lists", Some("DoNotCallLists"))],
    },
    Operation {
        method: "POST",
        path: "/do-not-call",
        id: "import_do_not_call",
        summary: "Put the numbers of a list on a do-not-call list",
        description: "The body is the list: numbers, one a line, or CSV. It is read generously, as `aftertone dnc import` does. When it is \
            answered, no drop to any of them begins any more. Sent again, it changes nothing.",
        parameters: &["list", "column", "because"],
        request: Some("List"),
        responses: &[(200, "What became of it", Some("BarredList"))],
    },
    Operation {
        method: "GET",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "show_do_not_call",
        summary: "Look a number up on a do-not-call list",
        description: "",
        parameters: &["{list}", "{number}"],
        request: None,
        responses: &[(200, "It is on the list", Some("DoNotCallEntry"))],
    },
    Operation {
        method: "PUT",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "add_do_not_call",
        summary: "Put a number on a do-not-call list",
        description: "The list is made if it is missing. When it is answered, no drop to the number begins any more, of any campaign or controller.",
        parameters: &["{list}", "{number}"],
        request: Some("DoNotCallReason"),
        responses: &[
            (201, "It is on the list from now on", Some("DoNotCallEntry")),
            (200, "It was on the list before", Some("DoNotCallEntry")),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "remove_do_not_call",
        summary: "Take a number off a do-not-call list",
        description: "Who did it, when and why is kept.",
        parameters: &["{list}", "{number}", "because"],
        request: None,
        responses: &[(204, "It is not on the list any more", None)],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<BarredList>();
    all.add::<DoNotCallLists>();
    all.add::<DoNotCallReason>();
    all.add::<DoNotCallEntry>();
}

/// The do-not-call lists.
#[derive(ToSchema)]
struct DoNotCallLists {
    /// The lists, by name.
    items: Vec<DoNotCallList>,
}

/// A do-not-call list.
#[derive(ToSchema)]
struct DoNotCallList {
    /// Its name.
    list: String,
    /// How many numbers are on it.
    numbers: u64,
}

/// What became of a list of numbers.
#[derive(ToSchema)]
struct BarredList {
    /// The do-not-call list.
    list: String,
    /// How many numbers were given.
    numbers: u64,
    /// How many were not on it before, other spellings that dial the same telephones included.
    added: u64,
    /// How many rows could not be read, or not wholly.
    rejected: u64,
    /// These by their reasons.
    reasons: BTreeMap<String, u64>,
    /// The first hundred of them.
    rejects: Vec<RejectedNumber>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
}

/// A row that could not be read, or not wholly.
#[derive(ToSchema)]
struct RejectedNumber {
    /// Its line, from 1.
    line: u64,
    /// Why.
    reason: String,
    /// The same for people.
    detail: String,
}

/// Why a number is put on a list.
#[derive(ToSchema)]
struct DoNotCallReason {
    /// The reason, kept with the number.
    because: Option<String>,
}

/// A number on a do-not-call list.
#[derive(ToSchema)]
struct DoNotCallEntry {
    /// The list.
    list: String,
    /// The number, its middle masked.
    number: String,
    /// Since when.
    #[schema(format = DateTime)]
    at: String,
    /// Why, as it was given.
    because: Option<String>,
}
