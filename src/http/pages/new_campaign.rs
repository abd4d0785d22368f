//! `/new-campaign`: a campaign is made as a draft, of which nothing is dialled before somebody says run.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::{Map, Value, json};

use super::{
    PageRoute,
    campaign_settings::{SETTINGS, given_keys, keys_of, setting_fields},
    fields::{FormField, fill, tell},
    form::PageForm,
    page, pages, see,
    shell::PageShell,
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
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/new-campaign" Some(Action::CreateCampaign) => show,
        POST "/new-campaign" Some(Action::CreateCampaign) => create,
    ]
}

#[derive(Template)]
#[template(path = "new_campaign.html")]
struct NewCampaignPage {
    shell: PageShell,
    fields: Vec<FormField>,
    faults: Vec<String>,
    has_faults: bool,
    /// The campaign whose settings are taken over.
    like: String,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let like = parameters.text("from").unwrap_or_default();
    parameters.finish()?;
    let keys = if like.is_empty() {
        Map::new()
    } else {
        keys_like(&api, &like).await?
    };
    let shown = NewCampaignPage {
        shell: PageShell::of(&api, &caller, "New campaign", "/campaigns").await,
        fields: fields(&api, &keys).await?,
        faults: Vec::new(),
        has_faults: false,
        like,
    };
    page(StatusCode::OK, &shown)
}

async fn create(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let like = form.text("like").unwrap_or_default().to_owned();
    let mut body = if like.is_empty() {
        Map::new()
    } else {
        keys_like(&api, &like).await?
    };
    let given = given_keys(&form, &SETTINGS, true);
    crate::orders::overlay(&mut body, given);
    body.retain(|_, value| !value.is_null());
    for name in ["name", "kind"] {
        if let Some(text) = form.text(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let asked = Body::of_json(&Value::Object(body));
    let (state, by) = (State(api.clone()), caller.clone());
    let created = campaigns::create(state, by, Parameters::none(), asked).await;
    let Err(problem) = created else {
        let name = form.text("name").unwrap_or_default();
        return Ok(see(&format!("/campaigns/{name}?tab=imports&done=created")));
    };
    let problem = if problem.kind() == ProblemKind::Exists {
        Problem::fault("/name", problem.detail())
    } else {
        problem
    };
    if problem.kind() != ProblemKind::Invalid {
        return Err(problem);
    }
    let mut fields = fields(&api, &Map::new()).await?;
    fill(&mut fields, &form);
    let shown = NewCampaignPage {
        shell: PageShell::of(&api, &caller, "New campaign", "/campaigns").await,
        faults: tell(&mut fields, &problem),
        has_faults: true,
        fields,
        like,
    };
    page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

async fn keys_like(api: &Api, like: &str) -> Result<Map<String, Value>, Problem> {
    let campaign = campaigns::find(api, like).await?;
    Ok(keys_of(&campaign).unwrap_or_default())
}

async fn fields(api: &Api, keys: &Map<String, Value>) -> Result<Vec<FormField>, Problem> {
    let kind = keys.get("kind").and_then(Value::as_str).unwrap_or_default();
    let mut fields = vec![
        FormField::new("name", "Name", "1 to 64 of a to z, 0 to 9, _ and -").required(),
        FormField::new("kind", "Kind", "decides which rules of the gate hold")
            .kind("select")
            .required()
            .one_of([
                ("", "choose one"),
                ("informational", "informational"),
                ("marketing", "marketing"),
            ])
            .with(kind),
    ];
    fields.extend(setting_fields(api, keys).await?);
    Ok(fields)
}
