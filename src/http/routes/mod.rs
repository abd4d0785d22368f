//! The resources of the API, one file each, and the table of all routes: what is not in it is not there, and each of its rows
//! names the action that a token is asked for.

pub(super) mod audit;
pub(super) mod barring;
pub(super) mod campaigns;
pub(super) mod checks;
pub(super) mod configuration;
pub(super) mod contacts;
pub(super) mod do_not_call;
pub(super) mod doctor;
mod drop_request;
pub(super) mod drops;
pub(super) mod erasures;
pub(super) mod events;
pub(super) mod evidence;
mod evidence_bundle;
pub(super) mod fleet;
pub(super) mod imports;
pub(super) mod live;
pub(super) mod messages;
pub(super) mod person_exports;
pub(super) mod pins;
pub(super) mod results;
pub(super) mod sample;
pub(super) mod sessions;
pub(super) mod simulations;
pub(super) mod tokens;
pub(super) mod users;
pub(super) mod webhooks;

use std::sync::LazyLock;

use axum::{
    Router,
    http::{Method, Uri, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter, any, on},
};
use serde_json::Value;

pub(super) use self::{doctor::Examining, evidence::Replays, simulations::Simulations};

use super::{
    Api,
    caller::authorise,
    frame::{check_host, frame, no_such_method, nothing},
    given::check_path,
    openapi,
    timely::{is_patient, within},
};
use crate::auth::Action;

/// Where the API begins.
pub(super) const BASE: &str = "/api/v1";

/// A route.
pub(super) struct Route {
    /// Its method.
    pub(super) method: Method,
    /// Its path below [`BASE`].
    pub(super) path: &'static str,
    /// What a token is asked for; `None`: no token is needed.
    pub(super) action: Option<Action>,
    handler: MethodRouter<Api>,
}

macro_rules! routes {
    ($($method:ident $path:literal $action:expr => $handler:expr),+ $(,)?) => {
        vec![$(Route {
            method: Method::$method,
            path: $path,
            action: $action,
            handler: on(MethodFilter::$method, $handler),
        }),+]
    };
}

/// All routes.
pub(super) fn table() -> Vec<Route> {
    use Action as A;
    routes![
        POST "/drops" Some(A::OrderDrop) => drops::order,
        GET "/drops" Some(A::ReadDrops) => drops::list,
        GET "/drops/{drop}" Some(A::ReadDrops) => drops::show,
        DELETE "/drops/{drop}" Some(A::CancelDrop) => drops::cancel,
        GET "/drops/{drop}/timeline" Some(A::ReadDrops) => drops::timeline,
        GET "/drops/{drop}/picture.svg" Some(A::ReadEvidence) => evidence::picture,
        GET "/drops/{drop}/evidence" Some(A::ReadEvidence) => evidence::list,
        GET "/drops/{drop}/evidence/{file}" Some(A::ReadEvidence) => evidence::file,
        GET "/drops/{drop}/bundle" Some(A::ReadEvidence) => evidence_bundle::show,
        POST "/drops/{drop}/replay" Some(A::ReadEvidence) => evidence::replay,
        POST "/campaigns" Some(A::CreateCampaign) => campaigns::create,
        GET "/campaigns" Some(A::ReadCampaigns) => campaigns::list,
        GET "/campaigns/{campaign}" Some(A::ReadCampaigns) => campaigns::show,
        PATCH "/campaigns/{campaign}" Some(A::ChangeCampaign) => campaigns::change,
        DELETE "/campaigns/{campaign}" Some(A::DeleteCampaign) => campaigns::delete,
        PUT "/campaigns/{campaign}/standing" Some(A::RunCampaign) => campaigns::stand,
        GET "/campaigns/{campaign}/waiting" Some(A::ReadCampaigns) => campaigns::waiting,
        GET "/campaigns/{campaign}/live" Some(A::ReadCampaigns) => campaigns::live,
        GET "/campaigns/{campaign}/summary" Some(A::ReadCampaigns) => campaigns::summary,
        GET "/campaigns/{campaign}/sample" Some(A::ReadContacts) => sample::show,
        GET "/campaigns/{campaign}/sample/{contact}/audio" Some(A::ReadContacts) => sample::hear,
        GET "/campaigns/{campaign}/results" Some(A::ReadResults) => results::export,
        GET "/campaigns/{campaign}/contacts" Some(A::ReadContacts) => contacts::list,
        POST "/campaigns/{campaign}/contacts" Some(A::AddContacts) => contacts::add,
        GET "/contacts/{contact}" Some(A::ReadContacts) => contacts::show,
        DELETE "/contacts/{contact}" Some(A::DeleteContact) => contacts::delete,
        GET "/contacts/{contact}/history" Some(A::ReadContacts) => contacts::history,
        POST "/campaigns/{campaign}/imports" Some(A::AddImport) => imports::upload,
        GET "/campaigns/{campaign}/imports" Some(A::ReadImports) => imports::list,
        GET "/imports/{import}" Some(A::ReadImports) => imports::show,
        PATCH "/imports/{import}" Some(A::AddImport) => imports::resume::resume,
        DELETE "/imports/{import}" Some(A::ForgetImport) => imports::forget,
        GET "/imports/{import}/preview" Some(A::ReadImports) => imports::preview::show,
        GET "/imports/{import}/rejects" Some(A::ReadRejects) => imports::rejects,
        POST "/checks" Some(A::Check) => checks::check,
        GET "/do-not-call" Some(A::ReadDoNotCall) => do_not_call::lists,
        POST "/do-not-call" Some(A::Bar) => barring::import,
        GET "/do-not-call/{list}/numbers/{number}" Some(A::ReadDoNotCall) => do_not_call::show,
        PUT "/do-not-call/{list}/numbers/{number}" Some(A::Bar) => do_not_call::add,
        DELETE "/do-not-call/{list}/numbers/{number}" Some(A::Unbar) => do_not_call::remove,
        POST "/simulations" Some(A::ReadCampaigns) => simulations::begin,
        GET "/simulations" Some(A::ReadCampaigns) => simulations::list,
        GET "/simulations/{simulation}" Some(A::ReadCampaigns) => simulations::show,
        POST "/doctor" Some(A::Examine) => doctor::examine,
        GET "/configuration" Some(A::ReadConfiguration) => configuration::show,
        POST "/configuration/reloads" Some(A::Reload) => configuration::reload,
        POST "/erasures" Some(A::Erase) => erasures::erase,
        POST "/person-exports" Some(A::ExportPerson) => person_exports::export,
        GET "/messages" Some(A::ReadMessages) => messages::list,
        GET "/messages/{message}" Some(A::ReadMessages) => messages::show,
        GET "/messages/{message}/audio" Some(A::ReadMessages) => messages::audio,
        GET "/messages/{message}/picture.svg" Some(A::ReadMessages) => messages::picture,
        PUT "/messages/{message}" Some(A::PrepareMessage) => messages::prepare,
        DELETE "/messages/{message}" Some(A::RemoveMessage) => messages::remove,
        GET "/fleet" Some(A::ReadFleet) => fleet::show,
        GET "/events" Some(A::ReadEvents) => events::list,
        GET "/events/stream" Some(A::ReadEvents) => events::stream,
        GET "/live" Some(A::ReadLive) => live::show,
        POST "/webhooks" Some(A::AddWebhook) => webhooks::create,
        GET "/webhooks" Some(A::ReadWebhooks) => webhooks::list,
        GET "/webhooks/{webhook}" Some(A::ReadWebhooks) => webhooks::show,
        PATCH "/webhooks/{webhook}" Some(A::ChangeWebhook) => webhooks::change,
        DELETE "/webhooks/{webhook}" Some(A::RemoveWebhook) => webhooks::remove,
        POST "/webhooks/{webhook}/secret" Some(A::RotateWebhookSecret) => webhooks::rotate,
        POST "/webhooks/{webhook}/ping" Some(A::PingWebhook) => webhooks::ping,
        GET "/webhooks/{webhook}/deliveries" Some(A::ReadWebhooks) => webhooks::deliveries,
        POST "/webhooks/{webhook}/deliveries/{delivery}/replays" Some(A::ReplayWebhook) => webhooks::replay_delivery,
        POST "/webhooks/{webhook}/replays" Some(A::ReplayWebhook) => webhooks::replay,
        GET "/audit" Some(A::ReadAudit) => audit::list,
        GET "/users" Some(A::ReadUsers) => users::list,
        POST "/users" Some(A::ManageUsers) => users::add,
        GET "/users/{user}" Some(A::ReadUsers) => users::show,
        PATCH "/users/{user}" Some(A::ManageUsers) => users::change,
        POST "/users/{user}/links" Some(A::ManageUsers) => users::invite,
        POST "/users/{user}/pin" Some(A::OwnPin) => pins::set,
        DELETE "/users/{user}/pin" Some(A::OwnPin) => pins::remove,
        GET "/tokens" Some(A::ReadTokens) => tokens::list,
        POST "/tokens" Some(A::ManageTokens) => tokens::add,
        DELETE "/tokens/{token}" Some(A::ManageTokens) => tokens::revoke,
        POST "/sessions" None => sessions::begin,
        GET "/sessions" Some(A::OwnSessions) => sessions::list,
        DELETE "/sessions/{session}" Some(A::OwnSessions) => sessions::end,
        GET "/openapi.json" None => async || show_document(),
    ]
}

/// The OpenAPI document.
pub(super) fn document() -> Value {
    let routes = table().into_iter();
    let routes = routes.map(|route| (route.method.to_string(), route.path, route.action));
    openapi::document(BASE, &routes.collect::<Vec<_>>())
}

fn show_document() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, DOCUMENT.as_str()).into_response()
}

/// All of it, with what is around every answer.
pub(super) fn router(api: &Api) -> Router<Api> {
    let mut router = Router::new();
    for route in table() {
        let handler = match route.action {
            Some(action) => {
                let state = (api.clone(), action);
                route.handler.layer(from_fn_with_state(state, authorise))
            }
            None => route.handler,
        };
        let handler = if is_patient(&route.method, route.path) {
            handler
        } else {
            handler.layer(from_fn_with_state(api.state.longest_request, within))
        };
        router = router.route(&format!("{BASE}{}", route.path), handler);
    }
    router
        .route(
            &format!("{BASE}/{{*rest}}"),
            any(async |uri: Uri| nothing(&uri)),
        )
        .method_not_allowed_fallback(async || no_such_method())
        .layer(from_fn(check_path))
        .layer(from_fn_with_state(api.clone(), check_host))
        .layer(from_fn_with_state(api.clone(), frame))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_route_is_there_twice() {
        let all = table();
        let names = all
            .iter()
            .map(|route| format!("{} {}", route.method, route.path));
        assert_eq!(names.collect::<BTreeSet<_>>().len(), all.len());
    }
}
