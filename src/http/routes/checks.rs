//! `/checks`: what the gate says to numbers at this moment, dialling nothing.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::drop_request::{consent, kind, technique};
use crate::{
    campaign::policy::{Case, Consent, Gate},
    drop::Technique,
    http::{
        Api,
        caller::now,
        fields::Fields,
        given::{Body, Parameters},
        problem::Problem,
    },
    phone::PhoneNumber,
};

/// What the gate says to each number, in their order.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Checks {
    items: Vec<CheckView>,
}

/// What the gate says to a number.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CheckView {
    /// Its middle masked; `None` if it is none.
    number: Option<String>,
    /// `allowed`, `held`, `refused`, or `rejected` if it is no number.
    decision: &'static str,
    /// Why.
    reason: Option<&'static str>,
    /// Until when it is held.
    until: Option<Timestamp>,
    /// The same for people.
    words: String,
}

/// Asks the gate about numbers.
pub(in crate::http) async fn check(
    State(api): State<Api>,
    parameters: Parameters,
    body: Body<BODY>,
) -> Result<Json<Checks>, Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let numbers = fields.list("numbers");
    let numbers = fields.required("numbers", numbers, "a list of numbers");
    if numbers.as_ref().is_some_and(|numbers| numbers.len() > MOST) {
        fields.fault("numbers", format!("expected at most {MOST} numbers"));
    }
    let purpose = fields.parsed("kind", kind);
    let purpose = fields.required("kind", purpose, "`marketing` or `informational`");
    let consent = fields.within("consent", consent);
    let calls = match fields.parsed("technique", technique) {
        Some(Technique::Single | Technique::Adopted) => 1,
        Some(Technique::Double) | None => 2,
    };
    let at = fields.parsed("at", str::parse::<Timestamp>);
    let (numbers, purpose) = fields.finish(numbers.zip(purpose))?;
    let config = std::sync::Arc::clone(&api.config.borrow());
    let at = at.unwrap_or_else(now);
    let gate = Gate::new(config.gate.clone());
    let read = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        PhoneNumber::parse(text, config.pbx.rules)
    };
    let read: Vec<_> = numbers.iter().map(read).collect();
    let known: Vec<_> = read.iter().flatten().cloned().collect();
    let history = gate.settings().history();
    let mut facts = api.store.facts_of(&known, history, at).await?.into_iter();
    let consent: Option<&Consent> = consent.as_ref();
    let checked = read.into_iter().map(|number| match number {
        Err(error) => CheckView {
            number: None,
            decision: "rejected",
            reason: Some(error.slug()),
            until: None,
            words: error.to_string(),
        },
        Ok(number) => {
            let facts = facts.next().unwrap_or_default();
            let case = Case {
                number: Ok(&number),
                zone: None,
                state: None,
                consent,
                campaign: purpose,
                calls,
                do_not_call: facts.do_not_call.as_deref(),
                starts: &facts.starts,
                overrides: &[],
            };
            let ruling = gate.decide(&case, at);
            let (decision, reason, until) = ruling.decision.told();
            CheckView {
                number: Some(number.to_string()),
                decision,
                reason,
                until,
                words: ruling.words(),
            }
        }
    });
    Ok(Json(Checks {
        items: checked.collect(),
    }))
}

/// Most numbers of a request, and most bytes of it.
const MOST: usize = 1_000;
const BODY: usize = 256 * 1024;
