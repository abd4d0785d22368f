//! What is done with a list that was looked at: it is read once more, as a form says, or its rows are taken in.

use axum::{
    body::Bytes,
    extract::{Path, State},
    response::Response,
};
use futures::stream;

use super::{
    PageRoute,
    campaign::{CampaignPage, TabContent},
    campaign_tabs::ImportsTab,
    form::PageForm,
    list_look::ListLook,
    page, pages, see,
    values::{flag, items, text, told},
};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        problem::{Problem, ProblemKind},
        routes::imports::{self, GivenList},
    },
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![POST "/campaigns/{campaign}/imports/{import}" Some(Action::AddImport) => decide]
}

/// Reads the list as the form says, or takes its rows in like that.
async fn decide(
    State(api): State<Api>,
    caller: Caller,
    Path((campaign, id)): Path<(String, String)>,
    form: PageForm,
) -> Result<Response, Problem> {
    let look = ListLook::read(&api, &campaign, &id).await?;
    let is_taken = form.text("step") == Some("take");
    let again = take(&api, &caller, (&campaign, &id), &look, &form, is_taken);
    match again.await {
        Ok(_) if is_taken => Ok(see(&format!(
            "/campaigns/{campaign}?tab=imports&done=list-sent"
        ))),
        Ok(again) => Ok(see(&format!(
            "/campaigns/{campaign}?tab=imports&import={again}"
        ))),
        Err(problem) => {
            let look = Some(Box::new(look.with_given(&form)));
            refused(&api, &caller, &campaign, problem, look).await
        }
    }
}

/// The page of a campaign's lists that says why one was not taken, if that can be mended there, and shows that list, if it was
/// looked at.
///
/// # Errors
/// [`Problem`]; every other one as it is.
pub(super) async fn refused(
    api: &Api,
    caller: &Caller,
    campaign: &str,
    problem: Problem,
    look: Option<Box<ListLook>>,
) -> Result<Response, Problem> {
    let can_be_mended = matches!(
        problem.kind(),
        ProblemKind::Invalid | ProblemKind::Conflict | ProblemKind::TooLarge
    );
    if !can_be_mended {
        return Err(problem);
    }
    let mut tab = ImportsTab::read(api, campaign, Parameters::none()).await?;
    tab.fault = Some(words_of(&problem));
    tab.look = look;
    let content = TabContent::Imports(tab);
    let shown = CampaignPage::of(api, caller, campaign, content, None).await?;
    page(problem.kind().status(), &shown)
}

/// All that is wrong with a list, in words.
fn words_of(problem: &Problem) -> String {
    let faults = problem.faults();
    let faults: Vec<_> = faults.into_iter().map(|fault| fault.detail).collect();
    if faults.is_empty() {
        problem.detail().to_owned()
    } else {
        faults.join("; ")
    }
}

/// Sends the list that is here once more, read as the form says; returns the id of its import.
async fn take(
    api: &Api,
    caller: &Caller,
    (campaign, id): (&str, &str),
    look: &ListLook,
    form: &PageForm,
    is_taken: bool,
) -> Result<String, Problem> {
    let (state, path) = (State(api.clone()), Path(id.to_owned()));
    let import = told(imports::show(state, path, Parameters::none()).await?).await?;
    if !flag(&import, "/dry_run") {
        let words = "its rows were taken in already";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let name = text(&import, "/name");
    let map = match look.mapping(&form.texts("column"))? {
        Some(map) => map,
        None => items(&import, "/reading/map")
            .iter()
            .map(|one| text(one, ""))
            .collect(),
    };
    let mut given = vec![("from", id), ("name", name.as_str())];
    given.extend(map.iter().map(|one| ("map", one.as_str())));
    given.extend(form.text("date_order").map(|order| ("date_order", order)));
    if !is_taken {
        given.extend([("dry_run", "true"), ("keep", "true")]);
    }
    let list = GivenList::read(Parameters::of(&given))?;
    let nothing = stream::empty::<Result<Bytes, std::convert::Infallible>>();
    imports::take(api, caller, campaign, list, nothing).await
}
