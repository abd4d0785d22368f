//! `/prompts`: the book of what machines say before they record, by which the next call to one is known at once.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{
    PageRoute,
    contacts::spaced,
    form::PageForm,
    page, pages, see,
    shell::{Moment, PageShell},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::{Fault, Problem, ProblemKind},
    },
    id::DropId,
    orders::figures::seconds,
    store::{AuditEntry, PromptHearing, PromptOrigin, StoredPrompt},
    words::PromptEnd,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/prompts" Some(Action::ReadDrops) => show_all,
        GET "/prompts/{prompt}" Some(Action::ReadDrops) => show,
        POST "/prompts/{prompt}/label" Some(Action::ChangePrompt) => label,
        POST "/prompts/{prompt}/forget" Some(Action::ChangePrompt) => forget,
    ]
}

#[derive(Template)]
#[template(path = "prompts.html")]
struct PromptsPage {
    shell: PageShell,
    prompts: Vec<ShownPrompt>,
    /// Whether these are behind others.
    is_further: bool,
    /// Where those behind them are.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "prompt.html")]
struct PromptPage {
    shell: PageShell,
    prompt: ShownPrompt,
    hearings: Vec<ShownHearing>,
    is_cut: bool,
    ends: Vec<EndChoice>,
    may_change: bool,
    /// One that comes with the program is labelled, and not forgotten.
    may_forget: bool,
}

/// A prompt.
struct ShownPrompt {
    id: u32,
    ends: String,
    label: String,
    origin: &'static str,
    state: &'static str,
    state_words: String,
    length: String,
    beep: Option<String>,
    calls: u64,
    numbers: u64,
    first_heard: Option<Moment>,
    last_heard: Option<Moment>,
}

/// A call in which it was heard.
struct ShownHearing {
    at: Moment,
    number: String,
    ends: String,
    pbx: String,
    /// The drop, unless it was learnt from a recording.
    drop: Option<String>,
    has_evidence: bool,
}

/// How a prompt may end.
struct EndChoice {
    slug: &'static str,
    words: String,
    is_chosen: bool,
}

impl ShownPrompt {
    fn of(prompt: &StoredPrompt) -> Self {
        let (state, state_words) = match &prompt.contradicted {
            Some((calls, end)) => (
                "warn",
                format!("{calls} calls say {}: not in use", spaced(end.as_str())),
            ),
            None if prompt.is_in_use() => ("ok", "in use".to_owned()),
            None => ("quiet", "not in use yet".to_owned()),
        };
        Self {
            id: prompt.id,
            ends: spaced(prompt.ends.as_str()),
            label: prompt.label.clone().unwrap_or_default(),
            origin: prompt.origin.as_str(),
            state,
            state_words,
            length: seconds(prompt.length_ms.into()),
            beep: prompt.beep_ms.map(|ms| seconds(ms.into())),
            calls: prompt.calls,
            numbers: prompt.numbers,
            first_heard: prompt.first_heard.map(Moment),
            last_heard: prompt.last_heard.map(Moment),
        }
    }
}

async fn show_all(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    let after = parameters.text("after");
    parameters.finish()?;
    let after = after.map(|text| text.parse::<u32>()).transpose();
    let after = after.map_err(|_| Problem::fault("/after", "expected the number of a prompt"))?;
    // Those that need somebody come first, then all others by their numbers.
    let mut prompts = match after {
        None => api.store.contradicted_prompts(PAGE).await?,
        Some(_) => Vec::new(),
    };
    let page_of = api.store.prompts_after(after, PAGE).await?;
    let last = page_of.last().filter(|_| page_of.len() == PAGE);
    let next = last.map(|last| format!("/prompts?after={}", last.id));
    prompts.extend(
        page_of
            .into_iter()
            .filter(|prompt| prompt.contradicted.is_none()),
    );
    let shell = PageShell::of(&api, &caller, "Prompts", "/prompts").await;
    let shown = PromptsPage {
        shell: shell.having_done(done.as_deref()),
        prompts: prompts.iter().map(ShownPrompt::of).collect(),
        is_further: after.is_some(),
        next,
    };
    page(StatusCode::OK, &shown)
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    let prompt = find(&api, &id).await?;
    let mut hearings = api.store.last_hearings(prompt.id, MOST + 1).await?;
    let is_cut = hearings.len() > MOST;
    hearings.truncate(MOST);
    let may_change = caller.may(Action::ChangePrompt, Object::Any).is_ok();
    let title = format!("Prompt {}", prompt.id);
    let shell = PageShell::of(&api, &caller, title, "/prompts").await;
    let shown = PromptPage {
        shell: shell.having_done(done.as_deref()),
        prompt: ShownPrompt::of(&prompt),
        hearings: hearings.iter().map(ShownHearing::of).collect(),
        is_cut,
        ends: PromptEnd::ALL
            .into_iter()
            .map(|end| EndChoice {
                slug: end.as_str(),
                words: spaced(end.as_str()),
                is_chosen: end == prompt.ends,
            })
            .collect(),
        may_change,
        may_forget: may_change && prompt.origin != PromptOrigin::Shipped,
    };
    page(StatusCode::OK, &shown)
}

impl ShownHearing {
    fn of(heard: &PromptHearing) -> Self {
        let ends = heard.ends.map(|end| spaced(end.as_str()));
        Self {
            at: Moment(heard.at),
            number: heard.number.to_string(),
            ends: ends.unwrap_or_else(|| "not known".to_owned()),
            pbx: heard.pbx.clone().unwrap_or_default(),
            drop: heard
                .call
                .parse::<DropId>()
                .ok()
                .map(|drop| drop.to_string()),
            has_evidence: heard.evidence.is_some(),
        }
    }
}

async fn label(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let prompt = find(&api, &id).await?;
    let ends = form.text("ends").and_then(PromptEnd::of);
    let words = "expected one of the ends that a prompt may have";
    let ends = ends.ok_or_else(|| Problem::fault("/ends", words))?;
    let label = form.text("label");
    if label.is_some_and(|label| label.chars().count() > LONGEST_LABEL) {
        return Err(Problem::invalid(vec![Fault {
            pointer: "/label".to_owned(),
            detail: format!("expected at most {LONGEST_LABEL} characters"),
        }]));
    }
    let entry = AuditEntry {
        before: Some(json!({"ends": prompt.ends, "label": prompt.label}).to_string()),
        after: Some(json!({"ends": ends, "label": label}).to_string()),
        ..caller.audit(now(), Action::ChangePrompt, format!("prompt {id}"))
    };
    let store = api.store.audited(entry);
    if !store
        .label_prompt(prompt.id, ends, label, None, now())
        .await?
    {
        return Err(Problem::not_found("prompt"));
    }
    Ok(see(&format!("/prompts/{id}?done=prompt-labelled")))
}

async fn forget(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let prompt = find(&api, &id).await?;
    if prompt.origin == PromptOrigin::Shipped {
        let words = "it comes with the program: `aftertone prompts forget` sets it aside";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let entry = AuditEntry {
        before: Some(json!({"ends": prompt.ends, "label": prompt.label}).to_string()),
        ..caller.audit(now(), Action::ChangePrompt, format!("prompt {id}"))
    };
    let store = api.store.audited(entry);
    if !store.forget_prompt(prompt.id, None, now()).await? {
        return Err(Problem::not_found("prompt"));
    }
    Ok(see("/prompts?done=prompt-forgotten"))
}

async fn find(api: &Api, id: &str) -> Result<StoredPrompt, Problem> {
    let id: Option<u32> = id.parse().ok();
    let found = match id {
        Some(id) => api.store.prompt(id).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("prompt"))
}

/// Prompts of one page; of those that calls have contradicted as many are shown before the first.
const PAGE: usize = 100;

/// Calls that are shown at most.
const MOST: usize = 100;

/// Characters of a label.
const LONGEST_LABEL: usize = 200;
