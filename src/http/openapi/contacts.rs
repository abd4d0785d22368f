//! Contacts, and what is known of a person in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/contacts",
        id: "list_contacts",
        summary: "List the contacts of a campaign, in the order in which they came in",
        description: "One of `number`, `foreign_id`, `outcome` and `refused` at a time.",
        parameters: &[
            "{campaign}",
            "limit",
            "cursor",
            "number",
            "foreign_id",
            "outcome",
            "refused",
            "count",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "A page", Some("ContactPage"))],
    },
    Operation {
        method: "POST",
        path: "/campaigns/{campaign}/contacts",
        id: "add_contacts",
        summary: "Add contacts to a campaign, one or up to 10,000",
        description: "One object, an array of them, or one a line (`application/x-ndjson`). They are read as the rows of a list are, and added \
            in one transaction; those that the campaign has and never called become what is given. Nothing is dialled that was not \
            dialled before: a campaign that was complete is a draft then.",
        parameters: &["{campaign}"],
        request: Some("NewContact"),
        responses: &[(
            200,
            "What became of each, in their order",
            Some("PutContacts"),
        )],
    },
    Operation {
        method: "GET",
        path: "/contacts/{contact}",
        id: "show_contact",
        summary: "Show a contact",
        description: "",
        parameters: &["{contact}", "full_numbers"],
        request: None,
        responses: &[(200, "The contact", Some("Contact"))],
    },
    Operation {
        method: "DELETE",
        path: "/contacts/{contact}",
        id: "delete_contact",
        summary: "Delete a contact that was never called",
        description: "Who was called is kept: a person's right to be forgotten is `aftertone contact erase`.",
        parameters: &["{contact}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "GET",
        path: "/contacts/{contact}/history",
        id: "show_contact_history",
        summary: "Show what the gate decided about a contact, and its drops",
        description: "Of each contact the last decision that held or refused it is kept; what allowed a drop is with the drop.",
        parameters: &["{contact}"],
        request: None,
        responses: &[(200, "The history", Some("ContactHistory"))],
    },
    Operation {
        method: "POST",
        path: "/erasures",
        id: "erase_person",
        summary: "Bar a person for good, and erase everything about them",
        description: "As `aftertone contact erase --yes`: contacts, calls, decisions and evidence lose all that is the person's, and a salted digest \
            of the number stays on the do-not-call list `own`. There is no way back. 409: a call to them is in flight; they are barred by \
            then, and it is to be asked again. The audit log does not say whom it was about.",
        parameters: &[],
        request: Some("ErasureRequest"),
        responses: &[(200, "What is gone", Some("Erasure"))],
    },
    Operation {
        method: "POST",
        path: "/person-exports",
        id: "export_person",
        summary: "Hand out all that is known of a person, as a zip file",
        description: "As `aftertone contact export`: contacts with their consent, decisions of the gate, calls with their reports, the evidence that is on \
            this server, and a manifest with the SHA-256 of each file. Numbers are whole, which takes `numbers:full` as well, and, of those who have \
            signed in, the password within ten minutes. That it was read is in the audit log.",
        parameters: &[],
        request: Some("PersonExportRequest"),
        responses: &[(200, "The file", Some("File"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<ErasureRequest>();
    all.add::<ErasureShown>();
    all.add::<PersonExportRequest>();
    all.add::<ContactOrder>();
    all.add::<ContactShown>();
    all.add::<ContactPage>();
    all.add::<ContactHistory>();
    all.add::<PutContacts>();
}

/// A contact that is to be added; fields are texts, as a list has them.
#[derive(ToSchema)]
#[schema(as = NewContact)]
struct ContactOrder {
    /// The number: E.164, or as it is dialled in the default region.
    number: String,
    /// The contact's name.
    name: Option<String>,
    /// The first name, put together with the last if there is no `name`.
    first_name: Option<String>,
    /// The last name.
    last_name: Option<String>,
    /// The IANA name of the time zone.
    timezone: Option<String>,
    /// The state, such as `CA`.
    state: Option<String>,
    /// How consent was given: `written` or `verbal`.
    consent: Option<String>,
    /// When.
    consent_at: Option<String>,
    /// Where it is recorded.
    consent_source: Option<String>,
    /// The message for this contact: a prepared one, or a `sound:` URI.
    message: Option<String>,
    /// The id under which your own system knows the contact.
    foreign_id: Option<String>,
    /// Whatever else is to be kept with it.
    columns: Option<BTreeMap<String, String>>,
}

/// A contact.
#[derive(ToSchema)]
#[schema(as = Contact)]
struct ContactShown {
    /// Its number in the database.
    contact: i64,
    /// The campaign's name.
    campaign: String,
    /// The phone number, its middle masked unless it was asked for in full; null if the person was erased.
    number: Option<String>,
    /// The contact's name.
    name: Option<String>,
    /// The time zone, as it was given.
    timezone: Option<String>,
    /// The state, as it was given.
    state: Option<String>,
    /// The consent on record.
    consent: Option<ConsentShown>,
    /// The message for this contact.
    message: Option<String>,
    /// The id under which your own system knows the contact.
    foreign_id: Option<String>,
    /// All other columns of its list; whole numbers in them, and in the name and the consent's source, are masked unless they were asked for.
    columns: BTreeMap<String, String>,
    /// The list that it came from; null if it was added by itself.
    list: Option<String>,
    /// Its line there, or its place in the request.
    line: Option<u64>,
    /// Drops so far.
    attempts: u64,
    /// `due`, `leased`, `dialling`, `ended` or `refused`.
    stage: String,
    /// From when on it may be dialled.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// Why not before; null: its place in the queue, or the time of its next attempt.
    held: Option<String>,
    /// The time zone whose calling hours hold it.
    held_zone: Option<String>,
    /// Its outcome, once it has ended.
    outcome: Option<String>,
    /// Why the gate refused it.
    refused: Option<String>,
    /// When it ended or was refused.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

/// A consent that is on record.
#[derive(ToSchema)]
#[schema(as = Consent)]
struct ConsentShown {
    /// `written` or `verbal`.
    level: String,
    /// When it was given.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Where it is recorded.
    source: Option<String>,
}

/// A page of contacts.
#[derive(ToSchema)]
struct ContactPage {
    /// How many there are on all pages, if `count` asked for it.
    count: Option<u64>,
    /// The contacts.
    items: Vec<ContactShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// What the gate decided about a contact, and its drops.
#[derive(ToSchema)]
struct ContactHistory {
    /// The contact.
    contact: i64,
    /// What the gate held or refused, oldest first, as far as it is kept.
    decisions: Vec<GateDecision>,
    /// Its drops, oldest first: each as `/drops` shows it, with the `ruling` that allowed it.
    drops: Vec<Map<String, Value>>,
}

/// A decision of the gate that dialled nothing.
#[derive(ToSchema)]
struct GateDecision {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// `held` or `refused`.
    decision: String,
    /// Why.
    reason: String,
    /// Until when it holds.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// The time zone whose calling hours hold it.
    zone: Option<String>,
    /// What the gate looked at and found; null if it is not kept.
    ruling: Option<Map<String, Value>>,
    /// How often the contact was held, this time included; null if that is not counted.
    times_held: Option<u64>,
}

/// What became of contacts that were given.
#[derive(ToSchema)]
struct PutContacts {
    /// How many are new.
    added: u64,
    /// How many were there, never called, and are now as they were given.
    updated: u64,
    /// How many were there as they were given.
    unchanged: u64,
    /// How many were left out.
    rejected: u64,
    /// What became of each, in their order.
    items: Vec<PutContact>,
}

/// What became of a contact that was given.
#[derive(ToSchema)]
struct PutContact {
    /// `added`, `updated`, `unchanged` or `rejected`.
    result: String,
    /// The contact that the campaign has of this number.
    contact: Option<i64>,
    /// Why it was rejected.
    reason: Option<String>,
    /// The same for people.
    detail: Option<String>,
}

/// Who is to be forgotten.
#[derive(ToSchema)]
struct ErasureRequest {
    /// The person's number.
    number: String,
    /// The reason, kept with the digest; it should not name the person.
    because: Option<String>,
}

/// Whose data are to be handed out.
#[derive(ToSchema)]
struct PersonExportRequest {
    /// The person's number.
    number: String,
}

/// What is gone of a person.
#[derive(ToSchema)]
#[schema(as = Erasure)]
struct ErasureShown {
    /// Contacts without anything of the person now.
    contacts: u64,
    /// Calls, likewise.
    calls: u64,
    /// Decisions of the gate.
    decisions: u64,
    /// Entries of do-not-call lists; the digest has taken their place.
    do_not_call_entries: u64,
    /// Prompts of the book that only this number has played.
    prompts: u64,
    /// Folders of evidence.
    evidence: u64,
    /// Folders that are named in the database and are not on the server's machine.
    evidence_elsewhere: Vec<String>,
    /// Files of speech of messages for each person on the server's machine, those of others as well: it is made again if it is needed.
    speech: u64,
    /// Lists of which rows were left out: the person may be in the file and in its rejects.
    lists_with_rejects: Vec<ListWithRejects>,
    /// Files of lists that were sent, and of their rejects, on the server's machine that hold the number; `DELETE /imports/{import}` removes
    /// them.
    files_with_number: Vec<String>,
    /// Copies of an SQLite database, made before its schema was changed, that hold the person.
    copies: Vec<String>,
}

/// A list of which rows were left out.
#[derive(ToSchema)]
struct ListWithRejects {
    /// The campaign.
    campaign: String,
    /// The list.
    list: String,
}
