//! Changes of a campaign's settings: what would change is shown before it is saved, and who saves over somebody else's change is
//! told.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use serde_json::json;

use super::{
    PageRoute,
    campaign::{CampaignPage, TabContent},
    campaign_settings::{
        PendingChange, SETTINGS, SettingsTab, change_of, difference, given_keys, keys_of,
        without_format,
    },
    fields::{fill, tell},
    form::PageForm,
    pace::given_pace,
    page, pages, see,
};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::campaigns,
    },
    orders::{Spec, overlay},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![POST "/campaigns/{campaign}/settings" Some(Action::ChangeCampaign) => change]
}

/// Shows what would change, and saves it once that was seen.
async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let campaign = campaigns::find(&api, &name).await?;
    let before = keys_of(&campaign)?;
    let read = form
        .text("version")
        .and_then(|version| version.parse().ok());
    let read: i64 = read.unwrap_or(campaign.version);
    let mut tab = SettingsTab::of(&api, &campaign).await?;
    let wanted = match form.raw("toml") {
        Some(toml) => {
            toml.clone_into(&mut tab.toml);
            Spec::keys_of_toml(toml)
        }
        None => {
            let mut keys = before.clone();
            overlay(&mut keys, given_keys(&form, &SETTINGS, true));
            if let Some(rate) = given_pace(&form) {
                keys.insert("rate".to_owned(), json!(rate));
            }
            keys.retain(|_, value| !value.is_null());
            // A form of the pace alone has no other field.
            if form.raw("message").is_some() {
                fill(&mut tab.fields, &form);
            }
            Ok(keys)
        }
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(words) => {
            tab.faults = vec![words];
            return shown(&api, &caller, &name, tab, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let wanted = match Spec::from_keys(&wanted) {
        // As they are kept, so that only what differs is shown.
        Ok(spec) => without_format(spec.to_keys()),
        Err(error) => {
            let pointer = format!("/{}", error.key.replace('.', "/"));
            let problem = Problem::fault(pointer, error.problem);
            tab.faults = tell(&mut tab.fields, &problem);
            return shown(&api, &caller, &name, tab, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    tab.pending = Some(PendingChange {
        toml: Spec::toml_of_keys(&wanted),
        rows: difference(&before, &wanted),
    });
    if form.text("step") != Some("save") {
        tab.is_conflict = read != campaign.version;
        return shown(&api, &caller, &name, tab, StatusCode::OK).await;
    }
    let body = Body::of_json(&change_of(&before, wanted));
    let (state, path) = (State(api.clone()), Path(name.clone()));
    let mut headers = HeaderMap::new();
    if let Ok(version) = HeaderValue::from_str(&format!("\"{read}\"")) {
        headers.insert(header::IF_MATCH, version);
    }
    let changed = campaigns::change(
        state,
        caller.clone(),
        path,
        Parameters::none(),
        headers,
        body,
    )
    .await;
    match changed {
        Ok(_) => Ok(see(&format!("/campaigns/{name}?tab=settings&done=saved"))),
        Err(problem) if problem.kind() == ProblemKind::Changed => {
            tab.is_conflict = true;
            shown(&api, &caller, &name, tab, problem.kind().status()).await
        }
        Err(problem) if problem.kind() == ProblemKind::Invalid => {
            tab.faults = tell(&mut tab.fields, &problem);
            tab.pending = None;
            shown(&api, &caller, &name, tab, problem.kind().status()).await
        }
        Err(problem) => Err(problem),
    }
}

async fn shown(
    api: &Api,
    caller: &Caller,
    name: &str,
    tab: SettingsTab,
    status: StatusCode,
) -> Result<Response, Problem> {
    let content = TabContent::Settings(tab);
    page(
        status,
        &CampaignPage::of(api, caller, name, content, None).await?,
    )
}
