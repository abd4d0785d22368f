//! `/campaigns/{campaign}`: one campaign, a tab at a time.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{
    PageRoute,
    campaign_log::LogTab,
    campaign_sample::{SampleRow, sample_rows},
    campaign_settings::SettingsTab,
    campaign_tabs::{
        ContactsTab, ImportsTab, OverviewTab, SimulationTab, VariantsTab, WaitingRow, waiting_rows,
    },
    form::PageForm,
    live_picture::CampaignCard,
    pace::given_pace,
    page, pages, see,
    shell::PageShell,
    surroundings::surroundings,
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::{Caller, now},
        given::{Body, Parameters},
        problem::Problem,
        routes::{campaigns, simulations},
    },
    orders::stored_view,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/campaigns/{campaign}" Some(Action::ReadCampaigns) => show,
        POST "/campaigns/{campaign}/simulations" Some(Action::ReadCampaigns) => simulate,
        POST "/campaigns/{campaign}/deletion" Some(Action::DeleteCampaign) => delete,
    ]
}

#[derive(Template)]
#[template(path = "campaign.html")]
pub(super) struct CampaignPage {
    shell: PageShell,
    card: CampaignCard,
    name: String,
    tabs: Vec<TabLink>,
    tab: TabContent,
    /// The steps of a draft, up to the first start.
    steps: Vec<TabLink>,
    may_run: bool,
    may_change: bool,
    may_add: bool,
    /// Whether results and rejects may be taken away.
    may_export: bool,
    is_draft: bool,
    is_over: bool,
    /// Whether nothing was ever dialled, so that it may be deleted.
    may_delete: bool,
    interrupted_import: Option<String>,
}

/// A way to a part of the page.
struct TabLink {
    href: String,
    label: &'static str,
    is_current: bool,
}

/// What is shown of the campaign.
pub(super) enum TabContent {
    Overview(OverviewTab),
    Waiting(Vec<WaitingRow>),
    Contacts(ContactsTab),
    Sample(Vec<SampleRow>),
    Imports(ImportsTab),
    Variants(VariantsTab),
    Settings(SettingsTab),
    Simulation(SimulationTab),
    Log(LogTab),
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tab = parameters.text("tab").unwrap_or_default();
    let done = parameters.text("done");
    let campaign = campaigns::find(&api, &name).await?;
    let content = match tab.as_str() {
        "waiting" => {
            parameters.finish()?;
            let view = stored_view(campaign, &api.store, now()).await?;
            TabContent::Waiting(waiting_rows(&view))
        }
        "contacts" => {
            TabContent::Contacts(ContactsTab::read(&api, &caller, &name, parameters).await?)
        }
        "sample" => {
            parameters.finish()?;
            TabContent::Sample(sample_rows(&api, &caller, &name).await?)
        }
        "imports" => TabContent::Imports(ImportsTab::read(&api, &name, parameters).await?),
        "variants" => {
            parameters.finish()?;
            TabContent::Variants(VariantsTab::read(&api, &name).await?)
        }
        "settings" => {
            parameters.finish()?;
            TabContent::Settings(SettingsTab::of(&api, &campaign).await?)
        }
        "simulation" => {
            let id = parameters.text("id");
            parameters.finish()?;
            TabContent::Simulation(SimulationTab::read(&api, &campaign, id).await?)
        }
        "log" => TabContent::Log(LogTab::read(&api, &caller, &campaign, parameters).await?),
        _ => {
            parameters.finish()?;
            TabContent::Overview(OverviewTab::read(&api, &campaign).await?)
        }
    };
    let shown = CampaignPage::of(&api, &caller, &name, content, done.as_deref()).await?;
    page(StatusCode::OK, &shown)
}

impl CampaignPage {
    /// The page with some content.
    pub(super) async fn of(
        api: &Api,
        caller: &Caller,
        name: &str,
        tab: TabContent,
        done: Option<&str>,
    ) -> Result<Self, Problem> {
        let campaign = campaigns::find(api, name).await?;
        let version_status = campaign.status;
        let view = stored_view(campaign, &api.store, now()).await?;
        let run = {
            let shown = api.view.borrow();
            let running = shown.iter().flat_map(|view| &view.campaigns);
            let mut of_it = running.filter(|running| running.id == view.id);
            of_it.find_map(|running| running.run.clone())
        };
        let card = CampaignCard::of(&view, run.as_ref(), &surroundings(api));
        let shell = PageShell::of(api, caller, name, "/campaigns").await;
        let may = |action| caller.may(action, Object::Any).is_ok();
        let is_draft = view.standing == "draft";
        let current = tab.slug();
        let link = |(slug, label): (&str, &'static str)| TabLink {
            href: if slug == "overview" {
                format!("/campaigns/{name}")
            } else {
                format!("/campaigns/{name}?tab={slug}")
            },
            label,
            is_current: slug == current,
        };
        let stored = view.stored.as_ref();
        Ok(Self {
            shell: shell.having_done(done),
            card,
            name: name.to_owned(),
            tabs: TABS.into_iter().map(link).collect(),
            steps: if is_draft {
                STEPS.into_iter().map(link).collect()
            } else {
                Vec::new()
            },
            tab,
            may_run: may(Action::RunCampaign),
            may_change: may(Action::ChangeCampaign),
            may_add: may(Action::AddImport),
            may_export: may(Action::ReadResults) && may(Action::ReadRejects),
            is_draft,
            is_over: version_status.is_over(),
            may_delete: may(Action::DeleteCampaign) && stored.is_some_and(|s| s.drops == 0),
            interrupted_import: stored.and_then(|stored| stored.interrupted_import.clone()),
        })
    }
}

impl TabContent {
    const fn slug(&self) -> &'static str {
        match self {
            Self::Overview(_) => "overview",
            Self::Waiting(_) => "waiting",
            Self::Contacts(_) => "contacts",
            Self::Sample(_) => "sample",
            Self::Imports(_) => "imports",
            Self::Variants(_) => "variants",
            Self::Settings(_) => "settings",
            Self::Simulation(_) => "simulation",
            Self::Log(_) => "log",
        }
    }
}

async fn simulate(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let settings = given_pace(&form).map_or_else(|| json!({}), |rate| json!({"rate": rate}));
    let body = Body::of_json(&json!({"campaign": name, "settings": settings}));
    let begun = simulations::begin(State(api), caller, Parameters::none(), body).await?;
    let begun = super::values::told(begun).await?;
    let id = super::values::text(&begun, "/id");
    Ok(see(&format!("/campaigns/{name}?tab=simulation&id={id}")))
}

async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    campaigns::delete(State(api), caller, Path(name), Parameters::none()).await?;
    Ok(see("/campaigns?done=deleted"))
}

const TABS: [(&str, &str); 9] = [
    ("overview", "Overview"),
    ("waiting", "Waiting"),
    ("contacts", "Contacts"),
    ("sample", "Sample"),
    ("imports", "Imports"),
    ("variants", "A/B"),
    ("settings", "Settings"),
    ("simulation", "Simulation"),
    ("log", "Log"),
];

/// What is done to a draft before it is started.
const STEPS: [(&str, &str); 5] = [
    ("imports", "1. List"),
    ("contacts", "2. Contacts, as they were read"),
    ("settings", "3. Message, pace and hours"),
    ("sample", "4. Hear what they will hear"),
    ("simulation", "5. Simulation"),
];
