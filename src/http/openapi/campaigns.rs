//! Campaigns in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/campaigns",
        id: "create_campaign",
        summary: "Create a campaign",
        description: "Nothing of it is dialled before somebody says run: with `\"run\": true`, by its standing, or on the command line.",
        parameters: &[],
        request: Some("CampaignOrder"),
        responses: &[(201, "It is created", Some("Campaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns",
        id: "list_campaigns",
        summary: "List campaigns, the latest first",
        description: "",
        parameters: &["limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("CampaignPage"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}",
        id: "show_campaign",
        summary: "Show a campaign: its state and its settings",
        description: "",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The campaign", Some("Campaign"))],
    },
    Operation {
        method: "PATCH",
        path: "/campaigns/{campaign}",
        id: "change_campaign",
        summary: "Change a campaign's settings, even while it runs",
        description: "What is not given stays. Drops in flight keep the settings that they started with.",
        parameters: &["{campaign}", "If-Match"],
        request: Some("CampaignChange"),
        responses: &[(200, "It is changed", Some("Campaign"))],
    },
    Operation {
        method: "DELETE",
        path: "/campaigns/{campaign}",
        id: "delete_campaign",
        summary: "Delete a campaign that has no drops",
        description: "Drops are the record of who was called: a campaign that has any is cancelled, and stays.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "PUT",
        path: "/campaigns/{campaign}/standing",
        id: "set_standing",
        summary: "Run, pause or cancel a campaign",
        description: "A controller that runs it obeys within a second.",
        parameters: &["{campaign}"],
        request: Some("StandingOrder"),
        responses: &[(200, "It is ordered", Some("Campaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/waiting",
        id: "list_waiting",
        summary: "List what the contacts of a campaign wait for",
        description: "",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(
            200,
            "What they wait for, the soonest first",
            Some("Waiting"),
        )],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/live",
        id: "show_campaign_live",
        summary: "Show how a campaign runs, and why nothing of it is dialled, if so",
        description: "What only its controller knows is null unless that is in the server that is asked.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The campaign as it runs", Some("LiveCampaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/summary",
        id: "show_campaign_summary",
        summary: "Show what came of a campaign, as counts",
        description: "As `aftertone campaign results --summary` prints it: outcomes, refusals, cost, and variants with the interval that \
            holds their share with 95 % confidence.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The counts", Some("CampaignSummary"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/sample",
        id: "sample_campaign",
        summary: "Show what the first contacts of a campaign will hear",
        description: "The words of each message as it will be made, or why it cannot be: then the contact's drop is an error, and \
            nothing is dialled.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(
            200,
            "Up to 20 contacts, the first that came in first",
            Some("CampaignSample"),
        )],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/sample/{contact}/audio",
        id: "hear_sample",
        summary: "Hear what a contact of a campaign will hear",
        description: "The message is made as it would be for a drop, without anything being dialled or kept. It takes the scope \
            `messages:read`, too. That it was heard is in the audit log.",
        parameters: &["{campaign}", "{contact}"],
        request: None,
        responses: &[(200, "The sound: WAV, 16 kHz", Some("File"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/results",
        id: "export_results",
        summary: "Export what came of a campaign",
        description: "A row for each drop, and with `undialled` for each contact without one, ordered by contact and attempt, as they are \
            read: as CSV, as JSON, or as a JSON object a line. An answer that is cut off was not whole. That they were taken is in the \
            audit log.",
        parameters: &[
            "{campaign}",
            "fields",
            "outcome",
            "since",
            "until",
            "number",
            "foreign_id",
            "variant",
            "undialled",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "The rows", Some("Rows"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<CampaignOrder>();
    all.add::<CampaignChange>();
    all.add::<StandingOrder>();
    all.add::<CampaignShown>();
    all.add::<CampaignPage>();
    all.add::<LiveShown>();
    all.add::<CampaignCounts>();
    all.add::<WaitingShown>();
    all.add::<CampaignSample>();
    // Settings have keys of their own beside those that are named.
    for name in ["CampaignOrder", "CampaignChange"] {
        all.of(name)["additionalProperties"] = true.into();
    }
}

/// A campaign to be created: its name, and [its settings](campaign-settings.md).
#[derive(ToSchema)]
struct CampaignOrder {
    /// 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`.
    name: String,
    /// Whether it is to run, which takes the scope `campaigns:run`.
    run: Option<bool>,
    /// What it is for: `marketing` or `informational`.
    kind: String,
    /// The name of a prepared message, or a `sound:` URI of the PBX; or `variants`.
    message: Option<String>,
}

/// Settings of a campaign that are to be changed.
#[derive(ToSchema)]
struct CampaignChange {
    /// Most drops started in a period, such as `5/s`.
    rate: Option<String>,
    /// Most drops in flight.
    in_flight: Option<u64>,
}

/// What is to become of a campaign.
#[derive(ToSchema)]
struct StandingOrder {
    /// `running`, `paused` or `cancelled`.
    standing: String,
    /// What is to become of drops in flight: `finish`, or `hang_up`.
    in_flight: Option<String>,
}

/// A campaign.
#[derive(ToSchema)]
#[schema(as = Campaign)]
struct CampaignShown {
    /// Its name.
    campaign: String,
    /// Its number.
    id: i64,
    /// Grows with each change; the `ETag`.
    version: i64,
    /// Its settings.
    settings: Map<String, Value>,
    /// Its state, such as `running` or `paused`.
    standing: String,
    /// Why it is paused or over, for people.
    why: Option<String>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether any controller is alive that could run it.
    has_controller: bool,
    /// All of its contacts.
    contacts: u64,
    /// Contacts with their last outcome, or refused.
    done: u64,
    /// Drops in flight.
    in_flight: u64,
    /// Contacts that wait to be dialled.
    waiting: u64,
    /// Drops, those in flight included.
    drops: u64,
    /// Contacts by their last outcome.
    outcomes: BTreeMap<String, u64>,
    /// Contacts that the gate refused, by reason.
    refused: BTreeMap<String, u64>,
    /// What the waiting contacts wait for.
    waiting_for: Vec<WaitingGroup>,
    /// The list whose import was interrupted.
    interrupted_import: Option<String>,
}

/// A page of campaigns.
#[derive(ToSchema)]
struct CampaignPage {
    /// The campaigns.
    items: Vec<CampaignShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// A campaign as it runs: its state in the database, and what its controller does.
#[derive(ToSchema)]
#[schema(as = LiveCampaign)]
struct LiveShown {
    /// Its name.
    campaign: String,
    /// Its state, such as `running` or `paused`.
    standing: String,
    /// Why it is paused or over, for people.
    why: Option<String>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether any controller is alive that could run it.
    has_controller: bool,
    /// All of its contacts.
    contacts: u64,
    /// Contacts with their last outcome, or refused.
    done: u64,
    /// Drops in flight.
    in_flight: u64,
    /// Contacts that wait to be dialled.
    waiting: u64,
    /// Drops, those in flight included.
    drops: u64,
    /// Contacts by their last outcome.
    outcomes: BTreeMap<String, u64>,
    /// Contacts that the gate refused, by reason.
    refused: BTreeMap<String, u64>,
    /// What the waiting contacts wait for.
    waiting_for: Vec<WaitingGroup>,
    /// The list whose import was interrupted.
    interrupted_import: Option<String>,
    /// Whether the server that is asked runs it: what follows is null if it does not.
    is_run_here: bool,
    /// Its phase, such as `running` or `stopped_on_errors`.
    phase: Option<String>,
    /// Drops that its controller started.
    started: Option<u64>,
    /// Drops started in the last minute.
    starts_a_minute: Option<u64>,
    /// The expected end at the pace of the last minutes, if it is known.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    /// Why nothing is dialled; null while dialling.
    idle: Option<String>,
    /// The same for people, with the time at which dialling resumes.
    idle_words: Option<String>,
    /// When dialling resumes, if that is known.
    #[schema(format = DateTime)]
    idle_until: Option<String>,
}

/// What came of a campaign, as counts.
#[derive(ToSchema)]
#[schema(as = CampaignSummary)]
struct CampaignCounts {
    /// Its name.
    campaign: String,
    /// Its state.
    standing: String,
    /// Whether any controller is alive that could run it.
    has_controller: bool,
    /// Contacts whose last outcome is that the message was left.
    contacts_delivered: u64,
    /// All of its contacts.
    contacts: u64,
    /// Contacts that wait to be dialled.
    waiting: u64,
    /// Drops in flight.
    in_flight: u64,
    /// Drops, those in flight included.
    drops: u64,
    /// Drops that are counted, and deleted for their age.
    drops_pruned: u64,
    /// Contacts by their last outcome.
    outcomes: BTreeMap<String, u64>,
    /// Contacts that the gate refused, by reason.
    refused: BTreeMap<String, u64>,
    /// Drops that left their message, by how sure that is: `proven`, `probable`, `unproven`; those that an earlier version has pruned are not among them.
    proofs: BTreeMap<String, u64>,
    /// What its calls cost; null without `[price]`.
    cost: Option<CostCounts>,
    /// Who called back.
    callbacks: CallbackCounts,
    /// Its variants, by name.
    variants: Vec<VariantCounts>,
}

/// What calls cost.
#[derive(ToSchema)]
#[schema(as = CallCost)]
struct CostCounts {
    /// All of them.
    total: f64,
    /// The drop legs.
    drop_legs: f64,
    /// The busy legs.
    busy_legs: f64,
    /// The currency's code.
    currency: String,
}

/// What came of a variant of the message.
#[derive(ToSchema)]
#[schema(as = VariantSummary)]
struct VariantCounts {
    /// Its name.
    variant: String,
    /// Drops that ended.
    drops_ended: u64,
    /// Those that left the message.
    drops_delivered: u64,
    /// Drops by their outcome.
    outcomes: BTreeMap<String, u64>,
    /// As `drops_ended`.
    ended: u64,
    /// As `drops_delivered`.
    delivered: u64,
    /// The share of these, from 0 to 1.
    delivered_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    confidence_95: Option<Vec<f64>>,
    /// Who called back.
    callbacks: CallbackCounts,
}

/// Contacts that called back, by what came of their last call.
#[derive(ToSchema)]
#[schema(as = CallbackSummary)]
struct CallbackCounts {
    /// All of them.
    contacts: u64,
    /// Those who want no more calls.
    opted_out: u64,
    /// Those whose call was sent on.
    connected: u64,
    /// Those who heard the prompt to its end.
    listened: u64,
    /// Those who hung up before.
    hung_up: u64,
    /// The share of contacts with the message that called back, from 0 to 1.
    response_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    response_95: Option<Vec<f64>>,
    /// The share of contacts with the message that want no more calls, from 0 to 1.
    opt_out_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    opt_out_95: Option<Vec<f64>>,
    /// The share of contacts with the message whose call was sent on, from 0 to 1.
    connected_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    connected_95: Option<Vec<f64>>,
    /// The share of contacts with the message that called back and heard the prompt to its end, from 0 to 1.
    listened_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    listened_95: Option<Vec<f64>>,
    /// The share of contacts with the message that called back and hung up before, from 0 to 1.
    hung_up_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    hung_up_95: Option<Vec<f64>>,
}

/// What the contacts of a campaign wait for.
#[derive(ToSchema)]
#[schema(as = Waiting)]
struct WaitingShown {
    /// The groups, the soonest first.
    items: Vec<WaitingGroup>,
}

/// Contacts that wait for the same thing.
#[derive(ToSchema)]
struct WaitingGroup {
    /// Why the gate holds them; null if they wait for their next attempt.
    reason: Option<String>,
    /// From when on they may be dialled.
    #[schema(format = DateTime)]
    until: String,
    /// The time zone whose calling hours hold them.
    zone: Option<String>,
    /// How many there are.
    contacts: u64,
}

/// What the first contacts of a campaign will hear.
#[derive(ToSchema)]
struct CampaignSample {
    /// The contacts, the first that came in first.
    items: Vec<SampledContact>,
}

/// What a contact will hear.
#[derive(ToSchema)]
struct SampledContact {
    /// The contact.
    contact: i64,
    /// The number, masked; null if the person was erased.
    number: Option<String>,
    /// The message, as the campaign or the contact's own row names it.
    message: String,
    /// Its words: spoken text as it is, recordings by their names in brackets; null if it cannot be made.
    words: Option<String>,
    /// Why it cannot be made.
    problem: Option<String>,
    /// Where its sound is.
    href: Option<String>,
}
