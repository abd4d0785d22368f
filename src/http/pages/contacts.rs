//! `/contacts`: contacts of all campaigns, looked for by what a caller or another system says of them. What is looked for is in a
//! body, so that no number is in an address.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    PageRoute,
    form::PageForm,
    page, pages,
    shell::{Moment, PageShell},
    stored_drop::{moment_of, outcome_of},
};
use crate::{
    auth::{Action, Object},
    http::{Api, caller::Caller, given::Parameters, problem::Problem},
    phone::{Disclosure, PhoneNumber, Rules},
    store::{ContactSearch, ContactStep, DropFilter, StoredContact},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/contacts" Some(Action::ReadContacts) => show,
        POST "/contacts" Some(Action::ReadContacts) => find,
    ]
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct ContactsPage {
    shell: PageShell,
    query: String,
    /// `None` before anything was looked for.
    found: Option<FoundPeople>,
    /// Whether the page of one person is for whoever looks, and whether they may be erased there.
    may_export: bool,
    may_erase: bool,
}

/// What was found.
pub(super) struct FoundPeople {
    /// By what was looked for.
    by: String,
    pub(super) contacts: Vec<FoundContact>,
    /// Single drops, if a number was looked for.
    pub(super) drops: Vec<FoundDrop>,
    /// Whether there may be more.
    pub(super) is_cut: bool,
}

/// A contact that was found.
pub(super) struct FoundContact {
    pub(super) id: i64,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) campaign: String,
    pub(super) foreign_id: String,
    pub(super) state: &'static str,
    pub(super) words: String,
    pub(super) ended_at: Option<Moment>,
}

/// A drop that was found.
pub(super) struct FoundDrop {
    pub(super) id: String,
    pub(super) started_at: Moment,
    pub(super) message: String,
    pub(super) outcome: Option<&'static str>,
    pub(super) proof: Option<&'static str>,
}

impl FoundContact {
    fn of(contact: StoredContact, shown: Disclosure) -> Self {
        let (state, words) = step_words(&contact.step);
        Self {
            id: contact.id.0,
            number: masked(contact.number.as_ref()),
            name: shown.text(&contact.name.unwrap_or_default()).into_owned(),
            campaign: contact.campaign,
            foreign_id: shown
                .id(&contact.foreign_id.unwrap_or_default())
                .into_owned(),
            state,
            words,
            ended_at: contact.ended_at.map(Moment),
        }
    }
}

/// A number as everybody may see it.
pub(super) fn masked(number: Option<&PhoneNumber>) -> String {
    number.map_or_else(|| "erased".to_owned(), ToString::to_string)
}

/// Where a contact is: the slug of it, and the same for people.
pub(super) fn step_words(step: &ContactStep) -> (&'static str, String) {
    match step {
        ContactStep::Due { held: None, .. } => ("due", "waits for its turn".to_owned()),
        ContactStep::Due {
            held: Some(held), ..
        } => ("held", format!("held: {}", spaced(held.slug()))),
        ContactStep::Leased => ("queued", "next".to_owned()),
        ContactStep::Dialling => ("dialling", "dialling".to_owned()),
        ContactStep::Ended(outcome) => (outcome.slug(), spaced(outcome.slug())),
        ContactStep::Refused(reason) => ("refused", format!("refused: {}", spaced(reason.slug()))),
    }
}

/// A slug as words.
pub(super) fn spaced(slug: &str) -> String {
    slug.replace('_', " ")
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    let shell = PageShell::of(&api, &caller, "Contacts", "/contacts").await;
    let shown = ContactsPage {
        shell: shell.having_done(done.as_deref()),
        query: String::new(),
        found: None,
        may_export: caller.may(Action::ExportPerson, Object::Any).is_ok(),
        may_erase: caller.may(Action::Erase, Object::Any).is_ok(),
    };
    page(StatusCode::OK, &shown)
}

async fn find(State(api): State<Api>, caller: Caller, form: PageForm) -> Result<Response, Problem> {
    let query = form.text("query").unwrap_or("").to_owned();
    let shell = PageShell::of(&api, &caller, "Contacts", "/contacts").await;
    let rules = api.config.borrow().pbx.rules.with_premium();
    let found = if query.is_empty() {
        None
    } else {
        Some(look(&api, &caller, &query, rules).await?)
    };
    page(
        StatusCode::OK,
        &ContactsPage {
            shell,
            query,
            found,
            may_export: caller.may(Action::ExportPerson, Object::Any).is_ok(),
            may_erase: caller.may(Action::Erase, Object::Any).is_ok(),
        },
    )
}

async fn look(
    api: &Api,
    caller: &Caller,
    query: &str,
    rules: Rules,
) -> Result<FoundPeople, Problem> {
    let (searches, by) = searches(query, rules);
    gather(api, caller, &searches, by).await
}

/// What is found of one person, by all spellings of their number.
pub(super) async fn of_person(
    api: &Api,
    caller: &Caller,
    numbers: Vec<PhoneNumber>,
) -> Result<FoundPeople, Problem> {
    let by = "the number".to_owned();
    gather(api, caller, &[ContactSearch::Numbers(numbers)], by).await
}

async fn gather(
    api: &Api,
    caller: &Caller,
    searches: &[ContactSearch],
    by: String,
) -> Result<FoundPeople, Problem> {
    let (mut contacts, mut is_cut) = (Vec::<StoredContact>::new(), false);
    for search in searches {
        let found = api.store.find_contacts(search, MOST).await?;
        is_cut |= found.len() == MOST;
        let is_new = |contact: &StoredContact| contacts.iter().all(|known| known.id != contact.id);
        let new: Vec<_> = found.into_iter().filter(is_new).collect();
        contacts.extend(new);
    }
    let mut drops = Vec::new();
    for search in searches {
        let filters: Vec<_> = match search {
            ContactSearch::Numbers(numbers) => numbers
                .iter()
                .map(|number| DropFilter::Number(number.clone()))
                .collect(),
            ContactSearch::ForeignId(id) => vec![DropFilter::ForeignId(id.clone())],
            ContactSearch::LastFour(_) | ContactSearch::Name(_) => Vec::new(),
        };
        for filter in filters {
            let found = api.store.drops(&filter, None, true, MOST).await?;
            drops.extend(found.into_iter().filter(|drop| drop.contact.is_none()));
        }
    }
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.id));
    drops.dedup_by_key(|drop| drop.id);
    let drops = drops.into_iter().map(|drop| FoundDrop {
        id: drop.id.to_string(),
        started_at: moment_of(&drop),
        outcome: outcome_of(&drop),
        message: drop.message,
        proof: drop.proof.map(|proof| proof.slug()),
    });
    let shown = caller.disclosure(api, false);
    Ok(FoundPeople {
        by,
        drops: drops.collect(),
        contacts: contacts
            .into_iter()
            .map(|contact| FoundContact::of(contact, shown))
            .collect(),
        is_cut,
    })
}

/// What a text may mean, and how that is said.
fn searches(query: &str, rules: Rules) -> (Vec<ContactSearch>, String) {
    let id = ContactSearch::ForeignId(query.to_owned());
    if let Ok(number) = PhoneNumber::parse(query, rules) {
        let words = format!("the number {number}, or the id");
        return (
            vec![ContactSearch::Numbers(number.with_spellings()), id],
            words,
        );
    }
    let is_four = query.len() == 4 && query.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(digits) = query.parse().ok().filter(|_| is_four) {
        let words = "the last four digits, or the id".to_owned();
        return (vec![ContactSearch::LastFour(digits), id], words);
    }
    let words = "the id, or a part of the name".to_owned();
    (vec![id, ContactSearch::Name(query.to_owned())], words)
}

/// Contacts, and drops, that are shown at most.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_as_what_it_may_be() {
        let of = |query| searches(query, Rules::default()).0;
        let number = |text| PhoneNumber::parse(text, Rules::default()).unwrap();
        for spelt in ["+12025550101", "(202) 555-0101"] {
            let ContactSearch::Numbers(numbers) = &of(spelt)[0] else {
                panic!("{spelt}")
            };
            assert!(numbers.contains(&number("+12025550101")), "{spelt}");
        }
        assert_eq!(of("0101")[0], ContactSearch::LastFour(101));
        assert_eq!(of("C-1017")[0], ContactSearch::ForeignId("C-1017".into()));
        assert_eq!(of("Smith")[1], ContactSearch::Name("Smith".into()));
        // What is no number is an id, however many digits it has.
        assert_eq!(of("00101")[0], ContactSearch::ForeignId("00101".into()));
    }
}
