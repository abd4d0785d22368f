//! `/contacts/{contact}`: one person in one campaign: what the list says, what the gate says now, all that was decided, every drop,
//! and what comes next.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::json;

use super::{
    PageRoute,
    callbacks::{ShownCallback, shown as shown_callbacks},
    contacts::{masked, spaced, step_words},
    form::PageForm,
    page, pages,
    ruling::{ShownFinding, findings, stored},
    see,
    shell::{Moment, PageShell},
    stored_drop::{moment_of, outcome_of},
};
use crate::{
    auth::{Action, Object},
    campaign::{
        Decision,
        budget::TechniqueRule,
        policy::{Case, Consent, ConsentKind, Gate},
    },
    http::{
        Api,
        caller::{Caller, now},
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::{self, contacts::find},
    },
    orders::Spec,
    phone::{Disclosure, PhoneNumber},
    store::{Campaign, ContactStep, OWN_LIST, Status, StoredContact},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/contacts/{contact}" Some(Action::ReadContacts) => show,
        POST "/contacts/{contact}/number" Some(Action::ReadFullNumbers) => show_number,
        POST "/contacts/{contact}/bar" Some(Action::Bar) => bar,
    ]
}

#[derive(Template)]
#[template(path = "contact.html")]
struct ContactPage {
    shell: PageShell,
    id: i64,
    number: String,
    /// Whether the number is shown whole.
    is_full: bool,
    /// Whether all about the person is gone.
    is_erased: bool,
    campaign: String,
    standing: &'static str,
    state: &'static str,
    words: String,
    next: NextStep,
    facts: Vec<(String, String)>,
    consent: Option<ShownConsent>,
    lists: Vec<BarredOn>,
    asked: Option<AskedGate>,
    /// The person's own zone, if it is known.
    zone: Option<String>,
    /// The zone whose clock a test goes by.
    test_zone: String,
    /// The moment that was tested for, as the form gave it.
    test_at: String,
    tested: Option<AskedGate>,
    /// The same zone, of what was tested.
    tested_in: Option<String>,
    /// What was wrong with that moment.
    test_fault: Option<String>,
    decisions: Vec<ShownDecision>,
    drops: Vec<DropOfPerson>,
    /// Calls that they made back, the oldest first.
    callbacks: Vec<ShownCallback>,
    may_bar: bool,
    may_export: bool,
    may_erase: bool,
    may_see_number: bool,
}

/// What comes next.
struct NextStep {
    words: String,
    at: Option<Moment>,
    zone: Option<String>,
}

/// The consent on record.
struct ShownConsent {
    level: &'static str,
    at: Option<Moment>,
    source: Option<String>,
}

/// A do-not-call list that the number is on.
struct BarredOn {
    list: String,
    since: Moment,
    because: String,
}

/// What the gate says at a moment.
struct AskedGate {
    at: Moment,
    /// The rule that decides, unless the call is allowed.
    rule: String,
    decision: &'static str,
    words: String,
    until: Option<Moment>,
    findings: Vec<ShownFinding>,
}

/// A decision that dialled nothing.
struct ShownDecision {
    at: Moment,
    decision: String,
    reason: String,
    until: Option<Moment>,
    zone: Option<String>,
    times: Option<u64>,
    findings: Vec<ShownFinding>,
}

/// A drop to the contact.
struct DropOfPerson {
    id: String,
    attempt: u64,
    started_at: Moment,
    outcome: Option<&'static str>,
    proof: Option<&'static str>,
    findings: Vec<ShownFinding>,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    let (is_test, test_at) = (parameters.flag("test"), parameters.text("at"));
    parameters.finish()?;
    let contact = find(&api, &id).await?;
    let mut shown = made(&api, &caller, contact.clone(), false).await?;
    shown.shell = shown.shell.having_done(done.as_deref());
    if !is_test {
        return page(StatusCode::OK, &shown);
    }
    shown.test_at = test_at.unwrap_or_default().trim().to_owned();
    match moment_in(&shown.test_at, &shown.test_zone) {
        Ok(at) => {
            let campaign = api.store.campaign(&contact.campaign).await?;
            let campaign = campaign.ok_or_else(|| Problem::not_found("campaign"))?;
            let at = at.unwrap_or_else(now);
            shown.tested = ask(&api, &contact, &campaign, at).await?;
            page(StatusCode::OK, &shown)
        }
        Err(words) => {
            shown.test_fault = Some(words);
            page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
    }
}

/// The same with the whole number, which the audit log has before it is shown.
async fn show_number(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let contact = find(&api, &id).await?;
    caller.read_in_full(&api, format!("contact {id}")).await?;
    page(StatusCode::OK, &made(&api, &caller, contact, true).await?)
}

async fn made(
    api: &Api,
    caller: &Caller,
    contact: StoredContact,
    is_full: bool,
) -> Result<ContactPage, Problem> {
    let campaign = api.store.campaign(&contact.campaign).await?;
    let campaign = campaign.ok_or_else(|| Problem::not_found("campaign"))?;
    let (state, words) = step_words(&contact.step);
    let decisions = api.store.contact_history(contact.id).await?;
    let drops = api.store.drops_of_contact(contact.id.0).await?;
    let callbacks = api.store.callbacks_of_contact(campaign.id, contact.id);
    let callbacks = shown_callbacks(callbacks.await?);
    let lists = match &contact.number {
        Some(number) => api.store.barred(number).await?,
        None => Vec::new(),
    };
    let may = |action| caller.may(action, Object::Any).is_ok();
    let shown = caller.disclosure(api, is_full);
    let title = format!("Contact {}", contact.id.0);
    let zone = zone_of(&contact);
    let mut next = next(&contact, campaign.status);
    next.zone = next.zone.or_else(|| zone.clone());
    let test_zone = zone.clone().unwrap_or_else(|| "UTC".to_owned());
    Ok(ContactPage {
        shell: PageShell::of(api, caller, title, "/contacts").await,
        id: contact.id.0,
        number: match &contact.number {
            Some(number) => shown.number(number),
            None => masked(None),
        },
        is_full,
        is_erased: contact.number.is_none(),
        standing: campaign.status.slug(),
        state,
        words,
        next,
        facts: facts(&contact, shown),
        asked: match contact.step {
            ContactStep::Due { .. } => ask(api, &contact, &campaign, now()).await?,
            ContactStep::Ended(_)
            | ContactStep::Refused(_)
            | ContactStep::Dialling
            | ContactStep::Leased => None,
        },
        zone,
        tested_in: Some(test_zone.clone()),
        test_zone,
        test_at: String::new(),
        tested: None,
        test_fault: None,
        consent: contact
            .consent
            .as_ref()
            .map(|Consent { kind, at, source }| ShownConsent {
                level: match kind {
                    ConsentKind::Written => "written",
                    ConsentKind::Verbal => "verbal",
                },
                at: at.map(Moment),
                source: source
                    .as_deref()
                    .map(|source| shown.text(source).into_owned()),
            }),
        lists: lists
            .into_iter()
            .map(|entry| BarredOn {
                list: entry.list.as_str().to_owned(),
                since: Moment(entry.at),
                because: shown.text(&entry.because.unwrap_or_default()).into_owned(),
            })
            .collect(),
        decisions: decisions
            .into_iter()
            .map(|decision| ShownDecision {
                at: Moment(decision.at),
                decision: decision.decision,
                reason: spaced(&decision.reason),
                until: decision.until.map(Moment),
                zone: decision.zone,
                times: decision.times_held.filter(|times| *times > 1),
                findings: decision.ruling.as_deref().map(stored).unwrap_or_default(),
            })
            .collect(),
        drops: drops
            .into_iter()
            .map(|drop| DropOfPerson {
                id: drop.id.to_string(),
                attempt: drop.attempt,
                started_at: moment_of(&drop),
                outcome: outcome_of(&drop),
                proof: drop.proof.map(|proof| proof.slug()),
                findings: stored(&drop.ruling),
            })
            .collect(),
        callbacks,
        may_bar: may(Action::Bar) && contact.number.is_some(),
        may_export: may(Action::ExportPerson) && contact.number.is_some(),
        may_erase: may(Action::Erase),
        may_see_number: may(Action::ReadFullNumbers) && contact.number.is_some() && !is_full,
        campaign: contact.campaign,
    })
}

/// What the list says of the contact, by the names of its columns, as far as it is shown.
fn facts(contact: &StoredContact, shown: Disclosure) -> Vec<(String, String)> {
    let text = |text: &String| shown.text(text).into_owned();
    let id = contact.foreign_id.as_deref();
    let list = contact.list.as_ref().map(|list| match contact.line {
        Some(line) => format!("{list}, line {line}"),
        None => list.clone(),
    });
    let known = [
        ("Name", contact.name.as_ref().map(text)),
        ("Id", id.map(|id| shown.id(id).into_owned())),
        ("Time zone", contact.zone.as_ref().map(text)),
        ("State", contact.state.as_ref().map(text)),
        ("Message", contact.message.clone()),
        ("From the list", list),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let others = contact.others.iter();
    known
        .chain(others.map(|(name, value)| (name.clone(), text(value))))
        .collect()
}

/// What comes next for a contact of a campaign in this state.
fn next(contact: &StoredContact, status: Status) -> NextStep {
    let nothing = |words: &str| NextStep {
        words: words.to_owned(),
        at: None,
        zone: None,
    };
    let (at, held, zone) = match &contact.step {
        ContactStep::Ended(_) => return nothing("Nothing: this was the last attempt."),
        ContactStep::Refused(_) => return nothing("Nothing: the gate has refused them for good."),
        ContactStep::Dialling => return nothing("A call is in flight."),
        ContactStep::Leased => {
            return nothing("They are next: the gate is asked, and they are called.");
        }
        ContactStep::Due { at, held, zone } => (*at, held, zone),
    };
    let before = match status {
        Status::Running | Status::Complete => "",
        Status::Draft => "Nothing before the campaign is started. Then: ",
        Status::Paused => "Nothing while the campaign is paused. Then: ",
        Status::Cancelling | Status::Cancelled => {
            return nothing("Nothing: the campaign is cancelled.");
        }
        Status::DatesOver => return nothing("Nothing: the campaign's last date is over."),
    };
    let words = match held {
        Some(held) => format!("held for {}, until", spaced(held.slug())),
        None if contact.attempts > 0 => "the next attempt, from".to_owned(),
        None => "waits for its turn, since".to_owned(),
    };
    NextStep {
        words: format!("{before}{words}"),
        at: Some(Moment(at)),
        zone: zone.clone(),
    }
}

/// The zone whose clock is a contact's own: the one on the list, else one of the number's.
pub(super) fn zone_of(contact: &StoredContact) -> Option<String> {
    let known = |zone: &&str| TimeZone::get(zone).is_ok();
    let listed = contact.zone.as_deref().filter(known);
    let listed = listed.map(ToOwned::to_owned);
    listed.or_else(|| zone_of_number(contact.number.as_ref()?))
}

/// One of the zones of a number.
pub(super) fn zone_of_number(number: &PhoneNumber) -> Option<String> {
    number.zones().first().map(|zone| (*zone).to_owned())
}

/// The moment at which the clock of a zone shows a text; `None` if the text is empty.
///
/// # Errors
/// What is wrong with it, for people.
fn moment_in(text: &str, zone: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let expected =
        || format!("expected a day and a time such as 2026-12-01T09:00, by the clock of {zone}");
    let time: DateTime = text.parse().map_err(|_| expected())?;
    let at = time.in_tz(zone).map_err(|_| expected())?;
    Ok(Some(at.timestamp()))
}

/// Asks the gate about the contact at a moment, as `aftertone campaign check` does; `None` if nothing is known of them any more.
/// Nothing is dialled.
async fn ask(
    api: &Api,
    contact: &StoredContact,
    campaign: &Campaign,
    at: Timestamp,
) -> Result<Option<AskedGate>, Problem> {
    let Some(number) = &contact.number else {
        return Ok(None);
    };
    let Ok(spec) = Spec::from_json(&campaign.spec) else {
        return Ok(None);
    };
    let config = Arc::clone(&api.config.borrow());
    let gate = Gate::new(config.gate.clone());
    let numbers: [PhoneNumber; 1] = [number.clone()];
    let history = gate.settings().history();
    let facts = api.store.facts_of(&numbers, history, at).await?;
    let facts = facts.into_iter().next().unwrap_or_default();
    let ruling = gate.decide(
        &Case {
            number: Ok(number),
            zone: contact.zone.as_deref(),
            state: contact.state.as_deref(),
            consent: contact.consent.as_ref(),
            campaign: spec.kind,
            calls: if spec.technique == TechniqueRule::Single {
                1
            } else {
                2
            },
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &[],
        },
        at,
    );
    let (decision, until) = match ruling.decision {
        Decision::Allowed => ("ok", None),
        Decision::Held { until, .. } => ("held", Some(Moment(until))),
        Decision::Refused(_) => ("refused", None),
    };
    let words = match ruling.decision {
        Decision::Allowed => "would be called".to_owned(),
        Decision::Held { reason, .. } => format!("held: {}", spaced(reason.slug())),
        Decision::Refused(reason) => format!("refused: {}", spaced(reason.slug())),
    };
    let rule = ruling.rule().map(|rule| rule.slug().replace('_', " "));
    Ok(Some(AskedGate {
        at: Moment(at),
        rule: rule.unwrap_or_default(),
        decision,
        words,
        until,
        findings: findings(ruling),
    }))
}

async fn bar(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let number = number(&api, &id).await?;
    let path = Path((OWN_LIST.to_owned(), number.shown(true)));
    let body = Body::of_json(&json!({"because": form.text("because")}));
    let (state, none) = (State(api), Parameters::none());
    let _ = routes::do_not_call::add(state, caller, path, none, body).await?;
    Ok(see(&format!("/contacts/{id}?done=barred")))
}

/// The number of a contact, which is not that of somebody who was erased.
pub(super) async fn number(api: &Api, id: &str) -> Result<PhoneNumber, Problem> {
    let contact = find(api, id).await?;
    let gone = || {
        Problem::new(
            ProblemKind::Conflict,
            "everything about the person was erased",
        )
    };
    contact.number.ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_goes_by_the_clock_of_the_contact() {
        let at = moment_in("2026-12-01T09:00", "America/Denver")
            .unwrap()
            .unwrap();
        assert_eq!(at.to_string(), "2026-12-01T16:00:00Z");
        assert_eq!(moment_in("", "America/Denver"), Ok(None));
        for wrong in ["tomorrow", "2026-13-01T09:00", "09:00"] {
            assert!(moment_in(wrong, "America/Denver").is_err(), "{wrong}");
        }
    }
}
