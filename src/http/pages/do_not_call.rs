//! `/do-not-call`: the lists of numbers that must not be called; a number is looked up, added and taken off.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{
    PageRoute,
    form::PageForm,
    page, pages, see,
    shell::{Moment, PageShell},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes,
    },
    phone::{PhoneNumber, masked_text},
    store::{ListName, OWN_LIST},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/do-not-call" Some(Action::ReadDoNotCall) => show,
        POST "/do-not-call" Some(Action::ReadDoNotCall) => look_up,
        POST "/do-not-call/add" Some(Action::Bar) => add,
        POST "/do-not-call/remove" Some(Action::Unbar) => remove,
    ]
}

#[derive(Template)]
#[template(path = "do_not_call.html")]
struct DoNotCallPage {
    shell: PageShell,
    lists: Vec<ShownList>,
    /// What was looked for.
    query: String,
    looked_up: Option<LookedUp>,
    may_add: bool,
    may_remove: bool,
    /// What was given to be added, if that was wrong.
    given: GivenNumber,
    faults: Vec<ShownFault>,
}

/// A list.
struct ShownList {
    name: String,
    numbers: String,
    /// Whether it is the one that is added to unless another is named.
    is_own: bool,
}

/// A number that was looked up.
struct LookedUp {
    /// Masked; `None` if it is none.
    number: Option<String>,
    /// As it is written in a form that takes it off.
    e164: String,
    words: String,
    entries: Vec<ShownEntry>,
}

/// An entry of a list.
struct ShownEntry {
    list: String,
    since: Moment,
    because: String,
}

/// What a form gave.
#[derive(Default)]
struct GivenNumber {
    number: String,
    list: String,
    because: String,
}

/// Something that is wrong with a field.
struct ShownFault {
    field: &'static str,
    words: String,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    let shown = made(&api, &caller).await?;
    let shell = shown.shell.having_done(done.as_deref());
    page(StatusCode::OK, &DoNotCallPage { shell, ..shown })
}

async fn look_up(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut shown = made(&api, &caller).await?;
    let query = form.text("number").unwrap_or("").to_owned();
    let rules = api.config.borrow().pbx.rules.with_premium();
    shown.looked_up = match PhoneNumber::parse(&query, rules) {
        Ok(number) => {
            let entries = api.store.barred(&number).await?.into_iter();
            Some(LookedUp {
                number: Some(number.to_string()),
                e164: number.shown(true),
                words: String::new(),
                entries: entries
                    .map(|entry| ShownEntry {
                        list: entry.list.as_str().to_owned(),
                        since: Moment(entry.at),
                        because: masked_text(&entry.because.unwrap_or_default()).into_owned(),
                    })
                    .collect(),
            })
        }
        Err(error) => Some(LookedUp {
            number: None,
            e164: String::new(),
            words: error.to_string(),
            entries: Vec::new(),
        }),
    };
    shown.query = query;
    page(StatusCode::OK, &shown)
}

async fn add(State(api): State<Api>, caller: Caller, form: PageForm) -> Result<Response, Problem> {
    let given = GivenNumber {
        number: form.text("number").unwrap_or("").to_owned(),
        list: form.text("list").unwrap_or(OWN_LIST).to_owned(),
        because: form.text("because").unwrap_or("").to_owned(),
    };
    let path = Path((given.list.clone(), given.number.clone()));
    let because = (!given.because.is_empty()).then_some(&given.because);
    let body = Body::of_json(&json!({ "because": because }));
    let (state, none) = (State(api.clone()), Parameters::none());
    match routes::do_not_call::add(state, caller.clone(), path, none, body).await {
        Ok(_) => Ok(see("/do-not-call?done=barred")),
        Err(problem) if problem.kind() == ProblemKind::Invalid => {
            let faults = problem.faults().into_iter().map(|fault| ShownFault {
                field: if fault.pointer == "{list}" {
                    "list"
                } else {
                    "number"
                },
                words: fault.detail,
            });
            let shown = DoNotCallPage {
                given,
                faults: faults.collect(),
                ..made(&api, &caller).await?
            };
            page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Err(problem) => Err(problem),
    }
}

async fn remove(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let list = form.text("list").unwrap_or("").to_owned();
    let number = form.text("number").unwrap_or("").to_owned();
    let Some(because) = form.text("because") else {
        let words = "say why the number may be called again";
        return Err(Problem::fault("/because", words));
    };
    let parameters = Parameters::of(&[("because", because)]);
    let path = Path((list, number));
    routes::do_not_call::remove(State(api), caller, path, parameters).await?;
    Ok(see("/do-not-call?done=unbarred"))
}

async fn made(api: &Api, caller: &Caller) -> Result<DoNotCallPage, Problem> {
    let lists = api.store.lists().await?.into_iter();
    let mut lists: Vec<_> = lists
        .map(|(name, numbers): (ListName, u64)| ShownList {
            is_own: name.as_str() == OWN_LIST,
            name: name.as_str().to_owned(),
            numbers: grouped(numbers),
        })
        .collect();
    lists.sort_by_key(|list| !list.is_own);
    let may = |action| caller.may(action, Object::Any).is_ok();
    Ok(DoNotCallPage {
        shell: PageShell::of(api, caller, "Do not call", "/do-not-call").await,
        lists,
        query: String::new(),
        looked_up: None,
        may_add: may(Action::Bar),
        may_remove: may(Action::Unbar),
        given: GivenNumber::default(),
        faults: Vec::new(),
    })
}

/// A count with its thousands apart.
pub(super) fn grouped(count: u64) -> String {
    crate::orders::figures::count(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (count, words) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(count), words);
        }
    }
}
