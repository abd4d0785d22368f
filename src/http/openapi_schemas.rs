//! The schemas of the OpenAPI document, as types that are nothing else. What is answered is held to them by the tests of the
//! API.

#![expect(dead_code, reason = "only their schemas are used")]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An order of a drop.
#[derive(ToSchema)]
pub(super) struct DropOrder {
    /// The number: E.164, or as it is dialled in the default region.
    to: String,
    /// The name of a prepared message, or a `sound:` URI of the PBX.
    message: String,
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
pub(super) struct GateOverride {
    /// `do_not_call`, `consent`, `frequency_cap` or `calling_hours`.
    rules: Vec<String>,
    /// Why; it is kept with the drop.
    because: String,
}

/// A drop that was ordered.
#[derive(ToSchema)]
pub(super) struct DropAccepted {
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
pub(super) struct DropShown {
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
pub(super) struct DropPage {
    /// The drops.
    items: Vec<DropShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// What happened to a drop, and why it was allowed.
#[derive(ToSchema)]
pub(super) struct DropTimeline {
    /// Its id.
    drop: String,
    /// What happened; empty while it is in flight.
    timeline: Vec<DropMoment>,
    /// What the gate looked at and found.
    ruling: Map<String, Value>,
}

/// Something that happened to a drop.
#[derive(ToSchema)]
pub(super) struct DropMoment {
    /// When, in ms since the first call was asked for.
    at_ms: u64,
    /// What.
    event: String,
}

/// The files that are kept of a drop.
#[derive(ToSchema)]
pub(super) struct EvidenceList {
    /// The files.
    items: Vec<EvidenceFile>,
}

/// A file of evidence.
#[derive(ToSchema)]
pub(super) struct EvidenceFile {
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
pub(super) struct ReplayRequest {
    /// Settings of the ears in place of those it was heard with, such as `{"hold_short": 2.0}`.
    set: Option<Map<String, Value>>,
}

/// What is heard of a drop.
#[derive(ToSchema)]
pub(super) struct DropReplay {
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
pub(super) struct HeardBeep {
    /// When it began.
    start_s: f64,
    /// When it ended.
    end_s: f64,
    /// How high it was.
    hz: f64,
}

/// Something that is heard, or decided.
#[derive(ToSchema)]
pub(super) struct HeardSound {
    /// What, such as `speech_began`, `beep`, `verdict` or `ready`.
    event: String,
    /// When, in seconds since the answer.
    at_s: f64,
    /// Until when, if it lasted.
    until_s: Option<f64>,
    /// What is particular about it, for people.
    words: String,
}

/// A campaign to be created: its name, and [its settings](campaign-settings.md).
#[derive(ToSchema)]
pub(super) struct CampaignOrder {
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
pub(super) struct CampaignChange {
    /// Most drops started in a period, such as `5/s`.
    rate: Option<String>,
    /// Most drops in flight.
    in_flight: Option<u64>,
}

/// What is to become of a campaign.
#[derive(ToSchema)]
pub(super) struct StandingOrder {
    /// `running`, `paused` or `cancelled`.
    standing: String,
    /// What is to become of drops in flight: `finish`, or `hang_up`.
    in_flight: Option<String>,
}

/// A campaign.
#[derive(ToSchema)]
#[schema(as = Campaign)]
pub(super) struct CampaignShown {
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
pub(super) struct CampaignPage {
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
pub(super) struct LiveShown {
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
pub(super) struct CampaignCounts {
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
pub(super) struct CostCounts {
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
pub(super) struct VariantCounts {
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
pub(super) struct CallbackCounts {
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
}

/// What the contacts of a campaign wait for.
#[derive(ToSchema)]
#[schema(as = Waiting)]
pub(super) struct WaitingShown {
    /// The groups, the soonest first.
    items: Vec<WaitingGroup>,
}

/// Contacts that wait for the same thing.
#[derive(ToSchema)]
pub(super) struct WaitingGroup {
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

/// A contact that is to be added; fields are texts, as a list has them.
#[derive(ToSchema)]
#[schema(as = NewContact)]
pub(super) struct ContactOrder {
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
pub(super) struct ContactShown {
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
    /// All other columns of its list.
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
pub(super) struct ConsentShown {
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
pub(super) struct ContactPage {
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
pub(super) struct ContactHistory {
    /// The contact.
    contact: i64,
    /// What the gate held or refused, oldest first, as far as it is kept.
    decisions: Vec<GateDecision>,
    /// Its drops, oldest first: each as `/drops` shows it, with the `ruling` that allowed it.
    drops: Vec<Map<String, Value>>,
}

/// A decision of the gate that dialled nothing.
#[derive(ToSchema)]
pub(super) struct GateDecision {
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
pub(super) struct PutContacts {
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
pub(super) struct PutContact {
    /// `added`, `updated`, `unchanged` or `rejected`.
    result: String,
    /// The contact that the campaign has of this number.
    contact: Option<i64>,
    /// Why it was rejected.
    reason: Option<String>,
    /// The same for people.
    detail: Option<String>,
}

/// A list that was sent.
#[derive(ToSchema)]
#[schema(as = Import)]
pub(super) struct ImportShown {
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
pub(super) struct ImportGate {
    /// The moment it was asked for.
    #[schema(format = DateTime)]
    at: String,
    /// What it said, and to how many rows.
    decisions: Vec<GateCount>,
}

/// To how many rows of a list the gate said the same.
#[derive(ToSchema)]
pub(super) struct GateCount {
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
pub(super) struct ImportPreviewShown {
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
pub(super) struct PreviewColumnShown {
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
pub(super) struct PreviewRowShown {
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
pub(super) struct PreviewContactShown {
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

/// The configuration in force.
#[derive(ToSchema)]
#[schema(as = Configuration)]
pub(super) struct ConfigurationShown {
    /// Its keys, in the order of the reference.
    items: Vec<ConfigurationKey>,
}

/// A key of the configuration.
#[derive(ToSchema)]
pub(super) struct ConfigurationKey {
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
pub(super) struct ReloadShown {
    /// Keys whose new values are in force.
    live: Vec<String>,
    /// Keys whose new values count from the next start on.
    at_restart: Vec<String>,
    /// Why nothing was taken up, for people.
    error: Option<String>,
}

/// A page of lists that were sent.
#[derive(ToSchema)]
pub(super) struct ImportPage {
    /// The lists.
    items: Vec<ImportShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// Numbers that the gate is asked about.
#[derive(ToSchema)]
pub(super) struct CheckRequest {
    /// The numbers, at most 1,000.
    numbers: Vec<String>,
    /// What the message is for: `marketing` or `informational`.
    kind: String,
    /// The consent of all of them.
    consent: Option<ConsentOnRecord>,
    /// `double`, which counts as two calls, or `single`.
    technique: Option<String>,
    /// The moment to ask for; now unless given.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// What the gate says to numbers.
#[derive(ToSchema)]
pub(super) struct Checks {
    /// To each, in their order.
    items: Vec<Check>,
}

/// What the gate says to a number.
#[derive(ToSchema)]
pub(super) struct Check {
    /// Its middle masked; null if it is none.
    number: Option<String>,
    /// `allowed`, `held`, `refused`, or `rejected` if it is no number.
    decision: String,
    /// Why.
    reason: Option<String>,
    /// Until when it is held.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// The same for people.
    words: String,
}

/// The do-not-call lists.
#[derive(ToSchema)]
pub(super) struct DoNotCallLists {
    /// The lists, by name.
    items: Vec<DoNotCallList>,
}

/// A do-not-call list.
#[derive(ToSchema)]
pub(super) struct DoNotCallList {
    /// Its name.
    list: String,
    /// How many numbers are on it.
    numbers: u64,
}

/// What became of a list of numbers.
#[derive(ToSchema)]
pub(super) struct BarredList {
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
pub(super) struct RejectedNumber {
    /// Its line, from 1.
    line: u64,
    /// Why.
    reason: String,
    /// The same for people.
    detail: String,
}

/// What is to be simulated.
#[derive(ToSchema)]
pub(super) struct SimulationRequest {
    /// The campaign's name.
    campaign: String,
    /// Settings that hold for the simulation alone.
    settings: Option<Map<String, Value>>,
    /// The assumed outcomes with their shares, such as `{"delivered": 72, "no_answer": 28}`.
    assume: Option<Map<String, Value>>,
    /// When it begins; now unless given.
    #[schema(format = DateTime)]
    begins: Option<String>,
}

/// A simulation.
#[derive(ToSchema)]
#[schema(as = Simulation)]
pub(super) struct SimulationShown {
    /// Its id.
    id: String,
    /// The campaign's name.
    campaign: String,
    /// The settings that hold for it alone.
    settings: Map<String, Value>,
    /// `running`, `complete` or `failed`.
    state: String,
    /// Why it failed, for people.
    why: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    began_at: String,
    /// What `aftertone campaign simulate --json` prints; null unless it is complete.
    forecast: Option<Map<String, Value>>,
}

/// The latest simulations of a server.
#[derive(ToSchema)]
pub(super) struct SimulationList {
    /// The simulations, the latest first.
    items: Vec<SimulationShown>,
}

/// What was found of the PBX and the database.
#[derive(ToSchema)]
pub(super) struct Examination {
    /// Whether no check has failed; warnings do not count.
    ok: bool,
    /// The checks.
    checks: Vec<ExaminedPoint>,
}

/// A check.
#[derive(ToSchema)]
pub(super) struct ExaminedPoint {
    /// What was looked at.
    check: String,
    /// `ok`, `warn` or `fail`.
    status: String,
    /// What was found.
    detail: String,
    /// What to do about it.
    remedy: Option<String>,
}

/// Who is to be forgotten.
#[derive(ToSchema)]
pub(super) struct ErasureRequest {
    /// The person's number.
    number: String,
    /// The reason, kept with the digest; it should not name the person.
    because: Option<String>,
}

/// Whose data are to be handed out.
#[derive(ToSchema)]
pub(super) struct PersonExportRequest {
    /// The person's number.
    number: String,
}

/// What is gone of a person.
#[derive(ToSchema)]
#[schema(as = Erasure)]
pub(super) struct ErasureShown {
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
    /// Lists of which rows were left out: the person may be in the file and in its rejects.
    lists_with_rejects: Vec<ListWithRejects>,
    /// Files of lists that were sent, and of their rejects, on the server's machine that hold the number; `DELETE /imports/{import}` removes
    /// them.
    files_with_number: Vec<String>,
}

/// A list of which rows were left out.
#[derive(ToSchema)]
pub(super) struct ListWithRejects {
    /// The campaign.
    campaign: String,
    /// The list.
    list: String,
}

/// Why a number is put on a list.
#[derive(ToSchema)]
pub(super) struct DoNotCallReason {
    /// The reason, kept with the number.
    because: Option<String>,
}

/// A number on a do-not-call list.
#[derive(ToSchema)]
pub(super) struct DoNotCallEntry {
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

/// The prepared messages.
#[derive(ToSchema)]
pub(super) struct MessageList {
    /// The messages, by name.
    items: Vec<Message>,
}

/// A message.
#[derive(ToSchema)]
pub(super) struct Message {
    /// Its name.
    name: String,
    /// How the PBX plays it.
    media: String,
    /// How long it is, in ms.
    duration_ms: u64,
    /// What was done to its recording, as `aftertone message show --json` prints it; null if it was not prepared by this
    /// program.
    report: Option<Map<String, Value>>,
}

/// The PBXes, trunks and controllers that share a database.
#[derive(ToSchema)]
pub(super) struct Fleet {
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
pub(super) struct Live {
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
pub(super) struct AuditPage {
    /// The rows.
    items: Vec<AuditRow>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// Something that was done, or read in full.
#[derive(ToSchema)]
pub(super) struct AuditRow {
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

/// Why a request was not carried out, after RFC 9457. Kinds have members of their own beside these.
#[derive(ToSchema)]
pub(super) struct Problem {
    /// Its kind: a page of the documentation.
    #[schema(rename = "type")]
    kind: String,
    /// What it is, the same for each of its kind.
    title: String,
    /// The status.
    status: u16,
    /// What is particular about this one.
    detail: String,
    /// The path that was asked.
    instance: String,
    /// The request, by which the log of the server has it.
    request_id: String,
    /// All that is wrong, if what was given is not valid.
    errors: Option<Vec<Fault>>,
}

/// One thing that is wrong with what was given.
#[derive(ToSchema)]
pub(super) struct Fault {
    /// A JSON pointer into the body, or `?` and a parameter's name.
    pointer: String,
    /// What is wrong, and what was expected.
    detail: String,
}

/// Some events, in their order.
#[derive(ToSchema)]
pub(super) struct EventPage {
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
pub(super) struct EventItem {
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
