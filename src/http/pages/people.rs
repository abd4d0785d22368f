//! `/people`: all that is kept of one person, handed out as one file or erased, by their number. The number is in a body, so that it
//! is in no address; whoever comes from the page of a contact or of a drop has that number.

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{
    PageRoute, contact,
    contacts::{FoundContact, FoundDrop, masked, of_person, spaced},
    form::PageForm,
    page, pages,
    shell::{Moment, PageShell},
    values::{items, number, text, told},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::{Caller, now},
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::{self, drops},
    },
    orders::figures::counted,
    phone::PhoneNumber,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/people" Some(Action::ExportPerson) => show,
        POST "/people" Some(Action::ExportPerson) => find_or_erase,
        POST "/people/export" Some(Action::ExportPerson) => export,
    ]
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    shell: PageShell,
    /// The number as it was typed.
    typed: String,
    /// What is wrong with it, or why it was not done.
    fault: Option<String>,
    person: Option<ShownPerson>,
    erased: Option<ShownErasure>,
    may_erase: bool,
}

/// Who is meant by a form.
#[derive(Clone, Debug)]
struct Meant {
    number: PhoneNumber,
    /// The field by which the next form means the same person, and its value.
    field: (&'static str, String),
}

/// A person, as far as the page shows them.
struct ShownPerson {
    number: String,
    /// The field by which the next form means the same person, and its value.
    field: (&'static str, String),
    /// What is kept of them, counted.
    kept: Vec<String>,
    /// Since when the number is barred for good.
    erased_at: Option<Moment>,
    contacts: Vec<FoundContact>,
    drops: Vec<FoundDrop>,
    is_cut: bool,
}

/// What an erasure has answered.
#[derive(Debug, PartialEq, Eq)]
struct ShownErasure {
    gone: Vec<(String, u64)>,
    left: Vec<Leftover>,
}

/// What an erasure does not reach, and what is to be done about it.
#[derive(Debug, PartialEq, Eq)]
struct Leftover {
    words: String,
    what: Vec<String>,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let shown = PeoplePage::of(&api, &caller).await;
    page(StatusCode::OK, &shown)
}

/// Shows what is kept of a person; erases it if the form says so.
async fn find_or_erase(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut shown = PeoplePage::of(&api, &caller).await;
    shown.typed = form.text("number").unwrap_or_default().to_owned();
    let erases = form.is_set("erase");
    if erases {
        caller.may(Action::Erase, Object::Any)?;
        caller.has_just_signed_in(now())?;
    }
    let mut meant = match meant(&api, &form).await? {
        Ok(meant) => meant,
        Err(words) => {
            shown.fault = Some(words);
            return page(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    let mut status = StatusCode::OK;
    if erases && !form.is_set("sure") {
        let words = "nothing was erased: there is no way back, so tick the box if you are sure";
        shown.fault = Some(words.to_owned());
        status = StatusCode::UNPROCESSABLE_ENTITY;
    } else if erases {
        if meant.field.0 != "number" {
            // Behind it neither contact nor drop knows the number any more, and it can be done again by that alone. Whom the
            // log is to forget it does not say.
            caller.read_in_full(&api, "a person").await?;
            meant.field = ("number", meant.number.shown(true));
        }
        match erase(&api, &caller, &meant.number, form.text("because")).await {
            Ok(erasure) => shown.erased = Some(erasure),
            Err(problem) => {
                status = problem.kind().status();
                shown.fault = Some(problem.detail().to_owned());
            }
        }
    }
    shown.person = Some(match ShownPerson::of(&api, &caller, meant.clone()).await {
        Ok(person) => person,
        // What was answered to an erasure is told once.
        Err(_) if erases => ShownPerson::unread(meant),
        Err(problem) => return Err(problem),
    });
    page(status, &shown)
}

/// Hands out all that is kept of a person, as one file.
async fn export(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let meant = match meant(&api, &form).await? {
        Ok(meant) => meant,
        Err(words) => return Err(Problem::fault("/number", words)),
    };
    let body = Body::of_json(&json!({"number": meant.number.shown(true)}));
    let (state, none) = (State(api), Parameters::none());
    let answer = routes::person_exports::export(state, caller, none, body).await?;
    Ok(answer.into_response())
}

async fn erase(
    api: &Api,
    caller: &Caller,
    number: &PhoneNumber,
    because: Option<&str>,
) -> Result<ShownErasure, Problem> {
    let body = Body::of_json(&json!({"number": number.shown(true), "because": because}));
    let (state, by, none) = (State(api.clone()), caller.clone(), Parameters::none());
    let answer = routes::erasures::erase(state, by, none, body).await?;
    Ok(ShownErasure::of(&told(answer).await?))
}

/// Who is meant by a form: by a contact, a drop or a number. What is wrong with a number comes back as words.
async fn meant(api: &Api, form: &PageForm) -> Result<Result<Meant, String>, Problem> {
    if let Some(id) = form.text("contact") {
        let number = contact::number(api, id).await?;
        let field = ("contact", id.to_owned());
        return Ok(Ok(Meant { number, field }));
    }
    if let Some(id) = form.text("drop") {
        let gone = || {
            let words = "everything about the person was erased";
            Problem::new(ProblemKind::Conflict, words)
        };
        let number = drops::find(api, id).await?.number.ok_or_else(gone)?;
        let field = ("drop", id.to_owned());
        return Ok(Ok(Meant { number, field }));
    }
    let Some(typed) = form.text("number") else {
        return Ok(Err(
            "give a number, such as +12025550101, and nothing else".to_owned()
        ));
    };
    let read = PhoneNumber::parse(typed, api.config.borrow().pbx.rules.with_premium());
    Ok(match read {
        Ok(number) => Ok(Meant {
            number,
            field: ("number", typed.to_owned()),
        }),
        Err(error) => Err(error.to_string()),
    })
}

impl PeoplePage {
    async fn of(api: &Api, caller: &Caller) -> Self {
        Self {
            shell: PageShell::of(api, caller, "A person", "/people").await,
            typed: String::new(),
            fault: None,
            person: None,
            erased: None,
            may_erase: caller.may(Action::Erase, Object::Any).is_ok(),
        }
    }
}

impl ShownPerson {
    async fn of(api: &Api, caller: &Caller, meant: Meant) -> Result<Self, Problem> {
        let Meant { number, field } = meant;
        let numbers = number.with_spellings();
        let record = api.store.person(&numbers).await?;
        let decisions = record.contacts.iter().map(|one| one.decisions.len());
        let kept = [
            (record.contacts.len(), "contact"),
            (record.calls.len(), "call"),
            (record.held.len(), "drop that the gate holds"),
            (record.callbacks.len(), "call back"),
            (decisions.sum(), "decision of the gate"),
            (record.do_not_call.len(), "entry of a do-not-call list"),
            (record.prompts.len(), "prompt of the book"),
        ];
        let found = of_person(api, caller, numbers).await?;
        let kept = kept.into_iter().filter(|(count, _)| *count > 0);
        Ok(Self {
            number: masked(Some(&number)),
            field,
            kept: kept
                .map(|(count, what)| nouns(count as u64, what))
                .collect(),
            erased_at: record.erased.map(|(at, _)| Moment(at)),
            contacts: found.contacts,
            drops: found.drops,
            is_cut: found.is_cut,
        })
    }

    /// The same if what is kept cannot be read.
    fn unread(meant: Meant) -> Self {
        Self {
            number: masked(Some(&meant.number)),
            field: meant.field,
            kept: Vec::new(),
            erased_at: None,
            contacts: Vec::new(),
            drops: Vec::new(),
            is_cut: false,
        }
    }
}

/// So many of what a noun names, with whatever is said behind the noun.
fn nouns(count: u64, what: &str) -> String {
    let (noun, rest) = what.split_once(' ').unwrap_or((what, ""));
    let noun = match noun.strip_suffix('y') {
        Some(stem) if count != 1 => format!("{} {stem}ies", crate::orders::figures::count(count)),
        Some(_) | None => counted(count, noun),
    };
    format!("{noun} {rest}").trim_end().to_owned()
}

impl ShownErasure {
    /// What the API answers. What it tells and is not known here is shown by its name.
    fn of(answer: &Value) -> Self {
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        for (name, words) in GONE {
            gone.push(((*words).to_owned(), number(answer, &format!("/{name}"))));
        }
        let known = |name: &str| GONE.iter().chain(LEFT).any(|(known, _)| *known == name);
        let mut others = Vec::new();
        for (name, value) in answer.as_object().into_iter().flatten() {
            if known(name) {
                continue;
            }
            if let Some(count) = value.as_u64() {
                gone.push((spaced(name), count));
            } else if value.is_array() {
                others.push((name.as_str(), spaced(name)));
            }
        }
        let named = LEFT
            .iter()
            .map(|(name, words)| (*name, (*words).to_owned()));
        for (name, words) in named.chain(others) {
            let what = items(answer, &format!("/{name}")).iter().map(leftover);
            let what: Vec<_> = what.collect();
            if !what.is_empty() {
                left.push(Leftover { words, what });
            }
        }
        Self { gone, left }
    }
}

/// Something that is left: a path, or an object such as the list of a campaign.
fn leftover(of: &Value) -> String {
    let Some(members) = of.as_object() else {
        return text(of, "");
    };
    let members = members.iter();
    let members = members.map(|(name, value)| format!("{name} {}", text(value, "")));
    members.collect::<Vec<_>>().join(", ")
}

/// What is gone, by the members of the API's answer.
const GONE: &[(&str, &str)] = &[
    ("contacts", "Contacts"),
    ("calls", "Calls"),
    ("decisions", "Decisions"),
    ("do_not_call_entries", "Do-not-call entries"),
    ("evidence", "Folders of evidence"),
    ("prompts", "Prompts"),
    ("speech", "Files of speech, those of others as well"),
];

/// What is left and what to do about it, by the same.
const LEFT: &[(&str, &str)] = &[
    (
        "evidence_elsewhere",
        "Evidence that is not on this machine. Remove it where it is, if it is kept:",
    ),
    (
        "lists_with_rejects",
        "Lists of which rows were left out. Look for the person in the list and in its file of rejects:",
    ),
    (
        "files_with_number",
        "Files of lists that hold the number. Delete the import, or the file:",
    ),
    (
        "copies",
        "Copies of the database as it was, which hold the person still. Delete them once they are not needed:",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_an_erasure_answers_is_shown() {
        let answer = json!({
            "contacts": 2, "calls": 1, "decisions": 3, "do_not_call_entries": 1, "prompts": 0, "evidence": 1, "speech": 4,
            "evidence_elsewhere": ["/srv/evidence/1"],
            "lists_with_rejects": [{"campaign": "spring", "list": "a.csv"}],
            "files_with_number": [],
            // What another version may tell.
            "something_else": ["/var/x"], "other_rows": 7,
        });
        let shown = ShownErasure::of(&answer);
        let gone: Vec<_> = shown
            .gone
            .iter()
            .map(|(words, count)| format!("{words}: {count}"))
            .collect();
        assert_eq!(
            gone,
            [
                "Contacts: 2",
                "Calls: 1",
                "Decisions: 3",
                "Do-not-call entries: 1",
                "Folders of evidence: 1",
                "Prompts: 0",
                "Files of speech, those of others as well: 4",
                "other rows: 7",
            ]
        );
        let left: Vec<_> = shown.left.iter().map(|left| left.what.join("; ")).collect();
        assert_eq!(
            left,
            ["/srv/evidence/1", "campaign spring, list a.csv", "/var/x"]
        );
        assert_eq!(shown.left[2].words, "something else");
    }

    #[test]
    fn what_is_kept_is_counted() {
        assert_eq!(nouns(1, "contact"), "1 contact");
        assert_eq!(nouns(2, "call back"), "2 calls back");
        assert_eq!(
            nouns(3, "entry of a do-not-call list"),
            "3 entries of a do-not-call list"
        );
        assert_eq!(
            nouns(1, "entry of a do-not-call list"),
            "1 entry of a do-not-call list"
        );
    }
}
