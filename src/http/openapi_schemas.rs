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
    /// `refuse`: what the gate holds is not dialled later by itself.
    when_held: Option<String>,
    /// Rules of the gate that are set aside, which takes the scope `admin`.
    #[schema(rename = "override")]
    gate_override: Option<GateOverride>,
    /// The id under which your own system knows the callee: it comes back with the drop, and finds it.
    foreign_id: Option<String>,
    /// What your own system wants back with it, at most 2,048 bytes.
    metadata: Option<Map<String, Value>>,
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
    /// `queued`: it is on its way.
    status: String,
    /// The number, its middle masked.
    number: String,
    /// The message.
    message: String,
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
    /// `in_flight` or `ended`.
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
    /// `double` or `single`.
    technique: String,
    /// The number shown, if the campaign or the order chose one.
    caller_id: Option<String>,
    /// The id under which your own system knows the callee.
    foreign_id: Option<String>,
    /// What came with the order.
    metadata: Option<Map<String, Value>>,
    /// When its intent was written.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Its outcome; null while it is in flight.
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
