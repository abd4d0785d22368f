//! `/do-not-call`: lists of numbers that must not be called.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        problem::{Fault, Problem},
    },
    phone::{Barring, PhoneNumber, masked_text},
    store::{AuditEntry, ListName, Operator},
};

/// The lists.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Lists {
    items: Vec<ListView>,
}

/// A list.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ListView {
    list: String,
    /// How many numbers are on it.
    numbers: u64,
}

/// A number on a list.
#[derive(Debug, Serialize)]
pub(in crate::http) struct EntryView {
    list: String,
    /// Its middle masked.
    number: String,
    /// Since when.
    at: Timestamp,
    /// Why, as it was given, with whole numbers masked.
    because: Option<String>,
}

/// All lists.
pub(in crate::http) async fn lists(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<Lists>, Problem> {
    parameters.finish()?;
    let lists = api.store.lists().await?.into_iter();
    let view = |(list, numbers): (ListName, u64)| ListView {
        list: list.as_str().to_owned(),
        numbers,
    };
    Ok(Json(Lists {
        items: lists.map(view).collect(),
    }))
}

/// Whether a number is on a list.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(path): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<EntryView>, Problem> {
    parameters.finish()?;
    let (list, number, _) = entry(&api, path)?;
    look_up(&api, &list, &number).await
}

/// Puts a number on a list. When it is answered, no drop to it begins any more.
pub(in crate::http) async fn add(
    State(api): State<Api>,
    caller: Caller,
    Path(path): Path<(String, String)>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<(StatusCode, Json<EntryView>), Problem> {
    parameters.finish()?;
    let because = if body.bytes.is_empty() {
        None
    } else {
        let mut fields = Fields::of(body.json()?)?;
        let because = fields.text("because");
        fields.finish(Some(because))?
    };
    let (list, number, spellings) = entry(&api, path)?;
    let is_on_it = look_up(&api, &list, &number).await.is_ok();
    let entry = AuditEntry {
        after: Some(json!({"because": because.as_deref().map(masked_text)}).to_string()),
        ..caller.audit(now(), Action::Bar, format!("{}/{number}", list.as_str()))
    };
    if !is_on_it {
        let store = api.store.audited(entry);
        store
            .bar(&list, &spellings, because.as_deref(), now())
            .await?;
    }
    let status = if is_on_it {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, look_up(&api, &list, &number).await?))
}

/// Takes a number off a list; who did it, when and why is kept.
pub(in crate::http) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(path): Path<(String, String)>,
    mut parameters: Parameters,
) -> Result<StatusCode, Problem> {
    let because = parameters.text("because");
    parameters.finish()?;
    let (list, number, spellings) = entry(&api, path)?;
    let EntryView { at, .. } = look_up(&api, &list, &number).await?.0;
    let audit = AuditEntry {
        before: Some(json!({"at": at}).to_string()),
        after: Some(json!({"because": because.as_deref().map(masked_text)}).to_string()),
        ..caller.audit(now(), Action::Unbar, format!("{}/{number}", list.as_str()))
    };
    let who = format!("{} ({})", caller.principal.id, caller.principal.name);
    let by = Operator {
        who: &who,
        because: because.as_deref(),
    };
    api.store
        .audited(audit)
        .unbar(&list, &spellings, by, now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn look_up(
    api: &Api,
    list: &ListName,
    number: &PhoneNumber,
) -> Result<Json<EntryView>, Problem> {
    let entries = api.store.barred(number).await?;
    let entry = entries.into_iter().find(|entry| entry.list == *list);
    let entry = entry.ok_or_else(|| Problem::not_found("entry on this list"))?;
    Ok(Json(EntryView {
        list: list.as_str().to_owned(),
        number: number.to_string(),
        at: entry.at,
        because: entry
            .because
            .map(|because| masked_text(&because).into_owned()),
    }))
}

/// The list and the number of a path, with the number's other spellings.
fn entry(
    api: &Api,
    (list, number): (String, String),
) -> Result<(ListName, PhoneNumber, Vec<PhoneNumber>), Problem> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, detail: String| {
        faults.push(Fault {
            pointer: pointer.to_owned(),
            detail,
        });
    };
    let list = ListName::new(&list);
    if list.is_none() {
        fault(
            "{list}",
            "expected 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`".to_owned(),
        );
    }
    let rules = api.config.borrow().pbx.rules;
    let barring = Barring::read(&number, rules);
    let spellings: Vec<_> = barring.spellings().collect();
    let mut numbers = barring.numbers.into_iter();
    let number = match (numbers.next(), numbers.next()) {
        (Some(number), None) => Some(number),
        _ => {
            fault(
                "{number}",
                "expected one number, such as `+12025550101`".to_owned(),
            );
            None
        }
    };
    match list.zip(number) {
        Some((list, number)) => Ok((list, number, spellings)),
        None => Err(Problem::invalid(faults)),
    }
}
