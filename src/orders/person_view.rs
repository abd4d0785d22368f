//! What is known of a person, as it is shown to programs, and what is handed out about them.

use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::DropView;
use crate::{
    campaign::policy::ConsentKind,
    id::DropId,
    phone::{Disclosure, PhoneNumber},
    store::{
        Barred, ContactStep, DropFilter, PersonCall, PersonCallback, PersonContact, PersonDecision,
        PersonHold, PersonPrompt, PersonRecord, PersonRemoval, Status, Store, StoreError,
    },
};

/// A person, and how they are shown.
#[derive(Clone, Copy, Debug)]
pub struct PersonView<'a> {
    /// The number that was asked for.
    pub number: &'a PhoneNumber,
    /// What is known.
    pub record: &'a PersonRecord,
    /// What of them is shown.
    pub shown: Disclosure,
    /// The current time.
    pub now: Timestamp,
}

/// All that is handed out about a person, with whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonDocuments {
    /// The object of `contact show --json`.
    pub person: Value,
    /// Calls to them, the oldest first.
    pub calls: Vec<CallDocument>,
}

/// A call to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDocument {
    /// The drop.
    pub drop: DropId,
    /// As it is listed.
    pub object: Value,
    /// The folder of its evidence, on the machine of its controller.
    pub evidence: Option<PathBuf>,
}

impl PersonDocuments {
    /// Gathers it, by the spellings of a number, of which the first is the one that was asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(
        store: &Store,
        numbers: &[PhoneNumber],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let record = store.person(numbers).await?;
        let mut calls = Vec::new();
        for number in numbers {
            let filter = DropFilter::Number(number.clone());
            let mut from = None;
            loop {
                let page = store.drops(&filter, from, false, PAGE).await?;
                from = page.last().map(|drop| drop.id);
                let count = page.len();
                calls.extend(page.into_iter().map(|drop| {
                    CallDocument {
                        drop: drop.id,
                        object: serde_json::to_value(DropView::of(&drop, Disclosure::Full))
                            .unwrap_or_default(),
                        evidence: drop.evidence.map(PathBuf::from),
                    }
                }));
                if count < PAGE {
                    break;
                }
            }
        }
        calls.sort_by_key(|call| call.drop);
        let person = numbers.first().map_or(Value::Null, |number| {
            let view = PersonView {
                number,
                record: &record,
                shown: Disclosure::Full,
                now,
            };
            view.object()
        });
        Ok(Self { person, calls })
    }
}

impl PersonView<'_> {
    /// For programs.
    pub fn object(&self) -> Value {
        let record = self.record;
        json!({
            "number": self.shown.number(self.number),
            "contacts": record.contacts.iter().map(|each| self.contact_object(each)).collect::<Vec<_>>(),
            "calls": record.calls.iter().map(|each| self.call_object(each)).collect::<Vec<_>>(),
            "held": record.held.iter().map(|each| self.hold_object(each)).collect::<Vec<_>>(),
            "callbacks": record.callbacks.iter().map(callback_object).collect::<Vec<_>>(),
            "do_not_call": record.do_not_call.iter().map(|each| self.entry_object(each)).collect::<Vec<_>>(),
            "removals": record.removals.iter().map(|each| self.removal_object(each)).collect::<Vec<_>>(),
            "prompts": record.prompts.iter().map(prompt_object).collect::<Vec<_>>(),
            "erased": record.erased.as_ref().map(|(at, because)| {
                json!({ "at": at.to_string(), "because": self.text(because.as_deref()) })
            }),
        })
    }

    /// What is next for a contact and why: a slug, and words.
    pub fn next(contact: &PersonContact, now: Timestamp) -> (&'static str, String) {
        next(contact, now)
    }

    fn contact_object(&self, contact: &PersonContact) -> Value {
        let (slug, words, at) = {
            let (slug, words) = next(contact, self.now);
            let at = match &contact.step {
                ContactStep::Due { at, .. } => Some(at.to_string()),
                ContactStep::Leased
                | ContactStep::Dialling
                | ContactStep::Ended(_)
                | ContactStep::Refused(_) => None,
            };
            (slug, words, at)
        };
        let (outcome, refused) = match contact.step {
            ContactStep::Ended(outcome) => (Some(outcome.slug()), None),
            ContactStep::Refused(reason) => (None, Some(reason.slug())),
            ContactStep::Due { .. } | ContactStep::Leased | ContactStep::Dialling => (None, None),
        };
        let (held, zone) = match &contact.step {
            ContactStep::Due { held, zone, .. } => (held.map(|held| held.slug()), zone.as_deref()),
            ContactStep::Leased
            | ContactStep::Dialling
            | ContactStep::Ended(_)
            | ContactStep::Refused(_) => (None, None),
        };
        json!({
            "campaign": contact.campaign,
            "standing": contact.status.slug(),
            "list": contact.list,
            "line": contact.line,
            "number": self.shown.number(&contact.number),
            "name": self.text(contact.name.as_deref()),
            "timezone": self.text(contact.zone.as_deref()),
            "state": self.text(contact.state.as_deref()),
            "message": contact.message,
            "id": contact.foreign_id.as_deref().map(|id| self.shown.id(id)),
            "columns": self.columns(&contact.others),
            "consent": contact.consent.as_ref().map(|consent| json!({
                "kind": consent_slug(consent.kind),
                "at": consent.at.map(|at| at.to_string()),
                "source": self.text(consent.source.as_deref()),
            })),
            "attempts": contact.attempts,
            "outcome": outcome,
            "refused": refused,
            "next": { "why": slug, "words": words, "at": at, "held": held, "zone": zone },
            "decisions": contact.decisions.iter().map(|each| self.decision_object(each)).collect::<Vec<_>>(),
        })
    }

    fn call_object(&self, call: &PersonCall) -> Value {
        json!({
            "drop": call.drop.to_string(),
            "campaign": call.campaign,
            "attempt": call.attempt,
            "number": self.shown.number(&call.number),
            "pbx": call.pbx,
            "technique": call.technique,
            "message": call.message,
            "caller_id": call.caller_id,
            "ruling": self.shown.ruling(ruling(Some(&call.ruling))),
            "started_at": call.started_at.to_string(),
            "ended_at": call.ended_at.map(|at| at.to_string()),
            "outcome": call.outcome.map(|outcome| outcome.slug()),
            "proof": call.proof.map(|proof| proof.slug()),
            "evidence": call.evidence,
        })
    }

    fn decision_object(&self, decision: &PersonDecision) -> Value {
        json!({
            "at": decision.at.to_string(),
            "decision": decision.decision,
            "reason": decision.reason,
            "until": decision.until.map(|until| until.to_string()),
            "zone": decision.zone,
            "times_held": decision.times_held,
            "ruling": self.shown.ruling(ruling(decision.ruling.as_deref())),
        })
    }

    fn hold_object(&self, held: &PersonHold) -> Value {
        let mut object = json!({
            "drop": held.drop.to_string(),
            "message": held.message,
            "at": held.held_at.to_string(),
            "state": held.hold.state.slug(),
            "reason": held.hold.reason,
            "until": held.hold.until.to_string(),
        });
        if !held.fields.is_empty() {
            object["fields"] = json!(self.columns(held.fields.texts()));
        }
        object
    }

    fn entry_object(&self, entry: &Barred) -> Value {
        json!({
            "list": entry.list.as_str(),
            "at": entry.at.to_string(),
            "because": self.text(entry.because.as_deref()),
        })
    }

    fn removal_object(&self, removal: &PersonRemoval) -> Value {
        json!({
            "list": removal.list,
            "at": removal.at.to_string(),
            "who": removal.who,
            "because": self.text(removal.because.as_deref()),
        })
    }

    fn text<'t>(&self, text: Option<&'t str>) -> Option<Cow<'t, str>> {
        text.map(|text| self.shown.text(text))
    }

    fn columns<'t>(
        &self,
        columns: impl IntoIterator<Item = (&'t String, &'t String)>,
    ) -> BTreeMap<&'t str, Cow<'t, str>> {
        let columns = columns.into_iter();
        columns
            .map(|(name, value)| (name.as_str(), self.shown.text(value)))
            .collect()
    }
}

/// What is next for a contact and why: a slug, and words.
fn next(contact: &PersonContact, now: Timestamp) -> (&'static str, String) {
    match &contact.step {
        ContactStep::Ended(outcome) => {
            ("ended", format!("nothing, it ended as {}", outcome.slug()))
        }
        ContactStep::Refused(reason) => (
            "refused",
            format!("nothing, the gate refused: {}", reason.slug()),
        ),
        ContactStep::Dialling => ("in_flight", "a call is in flight".to_owned()),
        ContactStep::Leased => (
            "leased",
            "a controller has the contact, and asks the gate next".to_owned(),
        ),
        ContactStep::Due { at, held, zone } => {
            let stopped = match contact.status {
                Status::Running | Status::Complete => None,
                Status::Draft => Some(("draft", "nothing before the campaign is started; then")),
                Status::Paused => Some(("paused", "nothing while the campaign is paused; then")),
                Status::Cancelling | Status::Cancelled => {
                    return ("cancelled", "nothing, the campaign is cancelled".to_owned());
                }
                Status::DatesOver => {
                    return (
                        "dates_over",
                        "nothing, the campaign's last date is over".to_owned(),
                    );
                }
            };
            let zone = zone.as_deref();
            let zone = zone.map_or_else(String::new, |zone| format!(" in {zone}"));
            let (slug, words) = match held {
                _ if *at <= now => ("due", format!("due since {at}")),
                Some(held) => (
                    held.slug(),
                    format!("held until {at}: {}{zone}", held.slug()),
                ),
                None if contact.attempts > 0 => ("retry", format!("the next attempt at {at}")),
                None => ("waiting", format!("due at {at}")),
            };
            match stopped {
                None => (slug, words),
                Some((slug, before)) => (slug, format!("{before} {words}")),
            }
        }
    }
}

/// A call that came back, for programs.
pub fn callback_object(call: &PersonCallback) -> Value {
    json!({
        "callback": call.id.to_string(),
        "at": call.at.to_string(),
        "called": call.called,
        "drop": call.drop.map(|drop| drop.to_string()),
        "outcome": call.outcome,
    })
}

fn prompt_object(prompt: &PersonPrompt) -> Value {
    json!({
        "prompt": prompt.prompt,
        "ends": prompt.ends,
        "learnt": prompt.is_learnt,
        "calls": prompt.calls,
        "last_heard": prompt.last_heard.to_string(),
    })
}

/// A ruling as it was stored; as text if it is not JSON.
fn ruling(text: Option<&str>) -> Value {
    match text {
        None => Value::Null,
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

const fn consent_slug(kind: ConsentKind) -> &'static str {
    match kind {
        ConsentKind::Written => "written",
        ConsentKind::Verbal => "verbal",
    }
}

/// How many drops are read at once.
const PAGE: usize = 500;
