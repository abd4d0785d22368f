//! `/campaigns/{campaign}/sample`: what the first contacts of a campaign will hear.

use std::slice;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    BASE,
    campaigns::{find, unreadable},
    contacts,
};
use crate::{
    audio::{Composer, Unheard, heard_by, template::Filled},
    auth::{Action, Object},
    clock,
    error_chain::chain,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::{Problem, ProblemKind},
    },
    orders::Spec,
    store::{Campaign, ContactFilter, SpokenColumns, StoredContact},
    tasks,
};

/// What the first contacts of a campaign will hear.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SampleView {
    pub(in crate::http) items: Vec<SampledContact>,
}

/// What one contact will hear.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SampledContact {
    pub(in crate::http) contact: i64,
    /// Masked; `None` if the person was erased.
    pub(in crate::http) number: Option<String>,
    /// The message, as the campaign or the contact's own row names it.
    pub(in crate::http) message: String,
    /// What a person would read of it, with whole numbers masked; `None` if it cannot be made.
    pub(in crate::http) words: Option<String>,
    /// Why it cannot be made: the contact's drop would be an error, with nothing dialled.
    pub(in crate::http) problem: Option<String>,
    /// Where it is heard.
    pub(in crate::http) href: Option<String>,
}

/// Lists what the first contacts will hear.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<SampleView>, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    let contacts = api
        .store
        .contacts(campaign.id, &ContactFilter::All, None, false, MOST)
        .await?;
    let shown = caller.disclosure(&api, false);
    let mut items = Vec::with_capacity(contacts.len());
    let heard = heard(&api, &campaign, &contacts).await?;
    for (contact, (message, heard)) in contacts.into_iter().zip(heard) {
        let (words, problem) = match heard {
            Ok(filled) => (Some(shown.text(&filled.words()).into_owned()), None),
            Err(error) => (None, Some(shown.text(&error.to_string()).into_owned())),
        };
        items.push(SampledContact {
            number: contact.number.as_ref().map(ToString::to_string),
            href: words
                .is_some()
                .then(|| format!("{BASE}/campaigns/{name}/sample/{}/audio", contact.id.0)),
            contact: contact.id.0,
            message,
            words,
            problem,
        });
    }
    Ok(Json(SampleView { items }))
}

/// Gives the sound of what a contact will hear. That it was heard is in the audit log.
pub(in crate::http) async fn hear(
    State(api): State<Api>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    caller.may(Action::ReadMessages, Object::Any)?;
    let campaign = find(&api, &name).await?;
    let contact = contacts::find(&api, &id).await?;
    if contact.campaign != campaign.name {
        return Err(Problem::not_found("contact"));
    }
    let unheard = |words: String| Problem::new(ProblemKind::Conflict, words);
    let heard = heard(&api, &campaign, slice::from_ref(&contact)).await?;
    let Some((_, filled)) = heard.into_iter().next() else {
        return Err(Problem::not_found("contact"));
    };
    let filled = filled.map_err(|error| unheard(error.to_string()))?;
    let composer = composer(&api)?;
    // Before it is given.
    let object = format!("{name}/sample/{id}");
    let entry = caller.audit(now(), Action::ReadContacts, object);
    api.store.note(entry).await?;
    let sound = composer.hear(&filled, clock::wall()).await;
    let sound = sound.map_err(|error| unheard(chain(&error)))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let file = format!("attachment; filename=\"{name}-{}.wav\"", contact.id.0);
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    Ok((headers, sound).into_response())
}

/// The message that each contact gets, and what they will hear of it.
async fn heard(
    api: &Api,
    campaign: &Campaign,
    contacts: &[StoredContact],
) -> Result<Vec<(String, Result<Filled, Unheard>)>, Problem> {
    let library = composer(api)?.library().clone();
    let spec = Spec::from_json(&campaign.spec).map_err(unreadable)?;
    let told = contacts.iter().map(|contact| {
        let own = contact.message.as_deref();
        let chosen = spec.messages.choose(spec.seed, contact.id, own);
        (chosen.message.to_owned(), SpokenColumns::of(contact))
    });
    let told: Vec<_> = told.collect();
    let hearing = tasks::blocking(move || {
        let heard = told.into_iter().map(|(message, columns)| {
            let heard = heard_by(&message, &library, |column| columns.get(column));
            (message, heard)
        });
        heard.collect()
    });
    Ok(hearing.await)
}

/// What makes messages for single people, as configured.
fn composer(api: &Api) -> Result<Composer, Problem> {
    let composer = api.config.borrow().messages().composer();
    composer.map_err(|error| {
        tracing::error!(%error, "the folder of messages cannot be used");
        Problem::new(
            ProblemKind::Internal,
            "the folder of messages cannot be used",
        )
    })
}

/// Most contacts of a sample.
const MOST: usize = 20;
