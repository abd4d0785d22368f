//! `/campaigns/{campaign}/contacts` and `/contacts`: who is called, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{campaigns, imports};
use crate::{
    auth::Action,
    campaign::{
        HeldReason, RefusedReason,
        engine::ContactId,
        policy::{Consent, ConsentKind},
    },
    drop::Outcome,
    http::{
        Api,
        caller::{Caller, now},
        fields::{Fields, below},
        given::{Body, Parameters},
        pagination::{Page, Paging},
        problem::{Fault, Problem, ProblemKind},
    },
    list::Field,
    orders::{ContactFields, DropView, GivenContacts, PutRow, Spec},
    phone::{Disclosure, PhoneNumber},
    store::{AuditEntry, ContactFilter, ContactStep, PersonDecision, StoredContact},
};

/// A contact.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ContactView {
    contact: i64,
    campaign: String,
    /// Its middle masked unless it was asked for in full; `None` if the person was erased.
    number: Option<String>,
    name: Option<String>,
    timezone: Option<String>,
    state: Option<String>,
    consent: Option<ConsentView>,
    message: Option<String>,
    foreign_id: Option<String>,
    /// All other columns of its list; whole numbers in them are masked as that of the contact is.
    columns: BTreeMap<String, String>,
    /// The list that it came from.
    list: Option<String>,
    line: Option<u64>,
    /// Drops so far.
    attempts: u64,
    /// `due`, `leased`, `dialling`, `ended` or `refused`.
    stage: &'static str,
    /// From when on it may be dialled.
    due_at: Option<Timestamp>,
    /// Why not before.
    held: Option<HeldReason>,
    /// The zone whose hours hold it.
    held_zone: Option<String>,
    outcome: Option<Outcome>,
    refused: Option<RefusedReason>,
    ended_at: Option<Timestamp>,
}

/// The consent on record.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ConsentView {
    level: &'static str,
    at: Option<Timestamp>,
    source: Option<String>,
}

/// Contacts of a campaign.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ContactList {
    #[serde(flatten)]
    page: Page<ContactView>,
    /// How many there are, if that was asked for.
    count: Option<u64>,
}

/// What became of a contact: what the gate decided, and its drops.
#[derive(Debug, Serialize)]
pub(in crate::http) struct HistoryView {
    contact: i64,
    /// What it held or refused, oldest first.
    decisions: Vec<DecisionView>,
    /// Oldest first, each with the ruling that allowed it.
    drops: Vec<DropOfContact>,
}

/// A decision of the gate that dialled nothing.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DecisionView {
    at: Timestamp,
    /// `held` or `refused`.
    decision: String,
    reason: String,
    until: Option<Timestamp>,
    zone: Option<String>,
    /// What the gate looked at and found.
    ruling: Value,
    /// How often it was held, this time included; `None` if that is not counted.
    times_held: Option<u64>,
}

/// A drop to a contact.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DropOfContact {
    #[serde(flatten)]
    drop: DropView,
    ruling: Value,
}

/// What became of contacts that were given.
#[derive(Debug, Serialize)]
pub(in crate::http) struct PutView {
    added: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    /// Of each, in their order.
    items: Vec<PutItem>,
}

/// What became of a contact that was given.
#[derive(Debug, Serialize)]
pub(in crate::http) struct PutItem {
    /// `added`, `updated`, `unchanged` or `rejected`.
    result: &'static str,
    contact: Option<i64>,
    reason: Option<&'static str>,
    detail: Option<String>,
}

/// Contacts of a campaign, in the order in which they came in.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(campaign): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<ContactList>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    let (filter, filters) = filter(&api, &mut parameters);
    let is_full = parameters.flag("full_numbers");
    let is_counted = parameters.flag("count");
    if is_counted && matches!(filter, ContactFilter::ForeignId(_)) {
        parameters.fault("count", "what has a foreign id is not counted");
    }
    parameters.finish()?;
    let campaign = campaigns::find(&api, &campaign).await?;
    let id = campaign.id.0.to_string();
    let mut of_list = vec![("campaign", id.as_str())];
    of_list.extend(filters.iter().map(|(name, value)| (*name, value.as_str())));
    let paging = Paging::new(api.seal().await?, "contacts", &of_list);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    let from = asked.key().map(ContactId);
    let found = api
        .store
        .contacts(campaign.id, &filter, from, asked.is_back(), asked.limit + 1)
        .await?;
    let page = paging.page(&asked, found, |contact| contact.id.0.to_string());
    if is_full {
        let object = format!("contacts of {}", campaign.name);
        caller.read_in_full(&api, object).await?;
    }
    let shown = caller.disclosure(&api, is_full);
    let count = if is_counted {
        // The database counts them as they change.
        let tally = api.store.tally(campaign.id).await?;
        Some(match &filter {
            ContactFilter::All => tally.contacts,
            ContactFilter::Outcome(outcome) => tally.outcomes.get(outcome).copied().unwrap_or(0),
            ContactFilter::Refused(reason) => tally.refused.get(reason).copied().unwrap_or(0),
            // There is one at most.
            ContactFilter::Number(_) | ContactFilter::ForeignId(_) => page.items.len() as u64,
        })
    } else {
        None
    };
    Ok(Json(ContactList {
        page: page.map(|contact| view(contact, shown)),
        count,
    }))
}

/// Which contacts are asked for, and by which parameters. Each filter has an index, and no two have one together.
fn filter(api: &Api, parameters: &mut Parameters) -> (ContactFilter, Vec<(&'static str, String)>) {
    let rules = api.config.borrow().pbx.rules.with_premium();
    let number = parameters.parsed("number", |text| PhoneNumber::parse(text, rules));
    let foreign_id = parameters.text("foreign_id");
    let outcome = parameters.parsed("outcome", |text| {
        let found = Outcome::ALL.into_iter().find(|one| one.slug() == text);
        found.ok_or_else(|| format!("`{}` is not an outcome", text.escape_debug()))
    });
    let refused = parameters.parsed("refused", |text| {
        let found = serde_json::from_value::<RefusedReason>(text.into());
        found.map_err(|_| format!("`{}` is no reason to refuse", text.escape_debug()))
    });
    let mut found = Vec::new();
    if let Some(number) = number {
        let digits = number.digits().to_owned();
        found.push(("number", digits, ContactFilter::Number(number)));
    }
    if let Some(id) = foreign_id {
        found.push(("foreign_id", id.clone(), ContactFilter::ForeignId(id)));
    }
    if let Some(outcome) = outcome {
        let slug = outcome.slug().to_owned();
        found.push(("outcome", slug, ContactFilter::Outcome(outcome)));
    }
    if let Some(reason) = refused {
        let slug = reason.slug().to_owned();
        found.push(("refused", slug, ContactFilter::Refused(reason)));
    }
    let mut found = found.into_iter();
    let Some((name, value, filter)) = found.next() else {
        return (ContactFilter::All, Vec::new());
    };
    for (other, ..) in found {
        parameters.fault(other, format!("it cannot be combined with `{name}`"));
    }
    (filter, vec![(name, value)])
}

/// Adds contacts to a campaign, or changes those that were never called. Whoever is called is asked of the gate as always, and
/// only once somebody says run.
pub(in crate::http) async fn add(
    State(api): State<Api>,
    caller: Caller,
    Path(campaign): Path<String>,
    parameters: Parameters,
    body: Body<BODY>,
) -> Result<Json<PutView>, Problem> {
    parameters.finish()?;
    let contacts = read(&body)?;
    let campaign = campaigns::find(&api, &campaign).await?;
    let spec = Spec::from_json(&campaign.spec);
    let across = spec.map_or_else(
        |_| {
            Err(Problem::new(
                ProblemKind::Internal,
                "the settings of the campaign cannot be read",
            ))
        },
        |spec| Ok(spec.duplicates.across()),
    )?;
    let audit = AuditEntry {
        after: Some(json!({"contacts": contacts.len()}).to_string()),
        ..caller.audit(now(), Action::AddContacts, &campaign.name)
    };
    let given = GivenContacts {
        campaign: campaign.id,
        across,
        contacts,
        audit,
    };
    let rows = api.uploads.put(given).await.map_err(imports::refused)?;
    let count = |result| rows.iter().filter(|row| row.result == result).count() as u64;
    Ok(Json(PutView {
        added: count("added"),
        updated: count("updated"),
        unchanged: count("unchanged"),
        rejected: count("rejected"),
        items: rows.into_iter().map(PutItem::of).collect(),
    }))
}

impl PutItem {
    fn of(row: PutRow) -> Self {
        Self {
            result: row.result,
            contact: row.contact.map(|contact| contact.0),
            reason: row.reason,
            detail: row.detail,
        }
    }
}

/// Reads one contact, a list of them, or one a line. What is no contact at all is a fault; what its fields are is said of each.
fn read(body: &Body<BODY>) -> Result<Vec<ContactFields>, Problem> {
    let malformed = |error: serde_json::Error| {
        Problem::new(
            ProblemKind::Malformed,
            format!("the body is not JSON: {error}"),
        )
    };
    // One that is the body itself has no place in it.
    let (values, is_one): (Vec<Value>, bool) = match body.media_type.as_str() {
        "application/json" => {
            let value: Value = serde_json::from_slice(&body.bytes).map_err(malformed)?;
            if let Value::Array(values) = value {
                (values, false)
            } else {
                (vec![value], true)
            }
        }
        "application/x-ndjson" => {
            let values = serde_json::Deserializer::from_slice(&body.bytes).into_iter();
            (values.collect::<Result<_, _>>().map_err(malformed)?, false)
        }
        _ => {
            let words = "send `Content-Type: application/json` or `application/x-ndjson`";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
        }
    };
    if values.is_empty() || values.len() > MOST {
        let words = format!("expected 1 to {MOST} contacts; send a larger list to `imports`");
        return Err(Problem::fault("", words));
    }
    let mut faults = Vec::new();
    let mut contacts = Vec::with_capacity(values.len());
    for (at, value) in values.into_iter().enumerate() {
        let pointer = if is_one {
            String::new()
        } else {
            format!("/{at}")
        };
        contacts.push(read_one(&pointer, value, &mut faults));
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    let names = contacts.iter().flat_map(|contact| contact.others.keys());
    if names.collect::<BTreeSet<_>>().len() > MOST_COLUMNS {
        let words = format!("expected at most {MOST_COLUMNS} different columns in one request");
        return Err(Problem::fault("", words));
    }
    if faults.is_empty() {
        Ok(contacts)
    } else {
        Err(Problem::invalid(faults))
    }
}

/// Reads what is at a pointer. Whether its texts can be those of a contact is not looked at.
fn read_one(pointer: &str, value: Value, faults: &mut Vec<Fault>) -> ContactFields {
    let Value::Object(members) = value else {
        faults.push(Fault {
            pointer: pointer.to_owned(),
            detail: "expected an object".to_owned(),
        });
        return ContactFields::default();
    };
    let mut fields = Fields::of_members(members);
    let mut contact = ContactFields::default();
    let mut bytes = 0;
    for field in Field::ALL {
        if let Some(text) = fields.text(field.slug()) {
            bytes += text.len();
            contact.fields.insert(field.slug().to_owned(), text);
        }
    }
    for (name, value) in fields.object("columns").unwrap_or_default() {
        match value {
            Value::String(_) if !name.chars().any(char::is_alphabetic) => {
                fields.inner_fault("columns", &name, "expected a name with a letter in it");
            }
            Value::String(text) => {
                bytes += name.len() + text.len();
                contact.others.insert(name, text);
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                fields.inner_fault("columns", &name, "expected a text");
            }
        }
    }
    if bytes > MOST_OF_ONE {
        fields.fault_of_all(format!("a contact has at most {MOST_OF_ONE} bytes"));
    }
    let (unknown, wrong): (Map<String, Value>, _) = fields.rest();
    let unknown = unknown.keys().map(|name| Fault {
        pointer: below("", name),
        detail: "there is no such member; other columns go into `columns`".to_owned(),
    });
    let all = wrong.into_iter().chain(unknown);
    faults.extend(all.map(|fault| Fault {
        pointer: format!("{pointer}{}", fault.pointer),
        ..fault
    }));
    contact
}

/// One contact.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<ContactView>, Problem> {
    let is_full = parameters.flag("full_numbers");
    parameters.finish()?;
    let contact = find(&api, &id).await?;
    if is_full {
        caller.read_in_full(&api, format!("contact {id}")).await?;
    }
    Ok(Json(view(contact, caller.disclosure(&api, is_full))))
}

/// Every decision of the gate about a contact, and every drop to it.
pub(in crate::http) async fn history(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<HistoryView>, Problem> {
    parameters.finish()?;
    let contact = find(&api, &id).await?;
    let decisions = api.store.contact_history(contact.id).await?;
    let drops = api.store.drops_of_contact(contact.id.0).await?;
    let shown = caller.disclosure(&api, false);
    Ok(Json(HistoryView {
        contact: contact.id.0,
        decisions: decisions
            .into_iter()
            .map(|decision| decision_view(decision, shown))
            .collect(),
        drops: drops
            .into_iter()
            .map(|drop| DropOfContact {
                ruling: shown.ruling(serde_json::from_str(&drop.ruling).unwrap_or_default()),
                drop: DropView::of(&drop, shown),
            })
            .collect(),
    }))
}

/// Deletes a contact that was never called.
pub(in crate::http) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let contact = find(&api, &id).await?;
    let number = contact.number.as_ref().map(ToString::to_string);
    let before = json!({"campaign": contact.campaign, "number": number});
    let entry = AuditEntry {
        before: Some(before.to_string()),
        ..caller.audit(now(), Action::DeleteContact, format!("contact {id}"))
    };
    if api.store.audited(entry).delete_contact(contact.id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("contact"))
    }
}

pub(in crate::http) async fn find(api: &Api, id: &str) -> Result<StoredContact, Problem> {
    let found = match id.parse() {
        Ok(id) => api.store.contact(ContactId(id)).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::not_found("contact"))
}

fn view(contact: StoredContact, shown: Disclosure) -> ContactView {
    let text = |text: String| shown.text(&text).into_owned();
    let mut view = ContactView {
        contact: contact.id.0,
        campaign: contact.campaign,
        number: contact.number.as_ref().map(|number| shown.number(number)),
        name: contact.name.map(text),
        timezone: contact.zone.map(text),
        state: contact.state.map(text),
        consent: contact
            .consent
            .map(|Consent { kind, at, source }| ConsentView {
                level: match kind {
                    ConsentKind::Written => "written",
                    ConsentKind::Verbal => "verbal",
                },
                at,
                source: source.map(text),
            }),
        message: contact.message,
        foreign_id: contact.foreign_id.map(|id| shown.id(&id).into_owned()),
        columns: contact
            .others
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect(),
        list: contact.list,
        line: contact.line,
        attempts: contact.attempts,
        stage: "due",
        due_at: None,
        held: None,
        held_zone: None,
        outcome: None,
        refused: None,
        ended_at: contact.ended_at,
    };
    match contact.step {
        ContactStep::Due { at, held, zone } => {
            (view.due_at, view.held, view.held_zone) = (Some(at), held, zone);
        }
        ContactStep::Leased => view.stage = "leased",
        ContactStep::Dialling => view.stage = "dialling",
        ContactStep::Ended(outcome) => (view.stage, view.outcome) = ("ended", Some(outcome)),
        ContactStep::Refused(reason) => (view.stage, view.refused) = ("refused", Some(reason)),
    }
    view
}

fn decision_view(decision: PersonDecision, shown: Disclosure) -> DecisionView {
    let ruling = decision.ruling.as_deref();
    DecisionView {
        at: decision.at,
        decision: decision.decision,
        reason: decision.reason,
        until: decision.until,
        zone: decision.zone,
        ruling: ruling.map_or(Value::Null, |ruling| {
            shown.ruling(serde_json::from_str(ruling).unwrap_or_default())
        }),
        times_held: decision.times_held,
    }
}

/// Most contacts of a request, most bytes of it, and after how many faults no more are looked for.
const MOST: usize = 10_000;
const BODY: usize = 8 * 1024 * 1024;
const MOST_FAULTS: usize = 100;

/// Most columns that are no fields, and most bytes of a contact: what one row of a list has room for.
const MOST_COLUMNS: usize = 500;
const MOST_OF_ONE: usize = 256 * 1024;
