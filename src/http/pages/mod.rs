//! The dashboard: pages for people, which work without a script for reading and for what stops dialling.
//!
//! A page is a handler, a view, and a template. The handler asks the store, `orders` or a handler of the API, so that
//! page and API cannot tell different things; the view is a plain struct that is made of what was read; the template, in
//! `templates/`, writes it. A form is carried out by the API's own handler, see [`form`], and answered by a redirect.

mod access;
mod assets;
mod banner;
mod callbacks;
mod campaign;
mod campaign_log;
mod campaign_sample;
mod campaign_settings;
mod campaign_tabs;
mod campaigns;
mod cells;
mod contact;
mod contacts;
mod do_not_call;
mod drop;
mod faults;
mod feed;
mod fields;
mod form;
mod headers;
mod idle;
mod import_rows;
mod list_decision;
mod list_look;
mod list_upload;
mod live;
mod live_picture;
mod messages;
mod new_campaign;
mod orders;
mod pace;
mod people;
mod problems;
mod prompts;
mod q850;
mod ruling;
mod settings_change;
mod shell;
mod shown_once;
mod signing_in;
mod stored_drop;
mod surroundings;
mod system;
mod system_checks;
mod trunk;
mod trunk_prefixes;
mod values;
mod webhooks;
mod welcome;

use askama::Template;
use axum::{
    Router,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};

pub(super) use self::surroundings::PagesState;

use super::{
    Api,
    caller::authorise_page,
    frame::{check_host, frame},
    given::{SMALL, check_path},
    problem::{Problem, ProblemKind},
    timely::{is_patient_page, within},
};
use crate::auth::Action;

/// A page, or what a form on one is sent to.
struct PageRoute {
    method: Method,
    path: &'static str,
    /// What a person must be allowed to do; `None`: nobody needs to have signed in.
    action: Option<Action>,
    handler: MethodRouter<Api>,
}

macro_rules! pages {
    ($($method:ident $path:literal $action:expr => $handler:expr),+ $(,)?) => {
        vec![$($crate::http::pages::PageRoute {
            method: axum::http::Method::$method,
            path: $path,
            action: $action,
            handler: axum::routing::on(axum::routing::MethodFilter::$method, $handler),
        }),+]
    };
}
use pages;

/// All pages: each file has its own.
fn table() -> Vec<PageRoute> {
    let all = [
        signing_in::routes(),
        welcome::routes(),
        problems::routes(),
        live::routes(),
        feed::routes(),
        campaigns::routes(),
        campaign::routes(),
        settings_change::routes(),
        list_decision::routes(),
        list_upload::routes(),
        new_campaign::routes(),
        contacts::routes(),
        contact::routes(),
        people::routes(),
        drop::routes(),
        messages::routes(),
        do_not_call::routes(),
        prompts::routes(),
        trunk::routes(),
        webhooks::routes(),
        system::routes(),
        access::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// The method, the path and the action of each page; `None`: nobody needs to have signed in.
pub fn page_routes() -> Vec<(String, &'static str, Option<&'static str>)> {
    let all = table().into_iter();
    all.map(|page| {
        let action = page.action.map(Action::slug);
        (page.method.to_string(), page.path, action)
    })
    .collect()
}

/// All of it, with what is around every page.
pub(super) fn router(api: &Api) -> Router<Api> {
    let mut router = Router::new();
    for page in table() {
        let handler = match page.action {
            Some(action) => {
                let state = (api.clone(), action);
                page.handler
                    .layer(from_fn_with_state(state, authorise_page))
            }
            None => page.handler,
        };
        let handler = if is_patient_page(&page.method, page.path) {
            handler
        } else {
            handler.layer(from_fn_with_state(api.state.longest_request, within))
        };
        router = router.route(page.path, handler);
    }
    router
        .fallback(async || Problem::not_found("page"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                ProblemKind::MethodNotAllowed,
                "the page takes no such request",
            )
        })
        .layer(axum::extract::DefaultBodyLimit::max(MOST_BYTES))
        .layer(from_fn(check_path))
        .layer(from_fn_with_state(api.clone(), check_host))
        .layer(from_fn(faults::show_as_pages))
        .layer(from_fn_with_state(api.clone(), frame))
        .merge(assets::routes())
}

/// A template as an answer.
///
/// # Errors
/// [`Problem`] if it cannot be written.
fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Problem::new(ProblemKind::Internal, "the page could not be written")
    })?;
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers::secure(headers);
    Ok(response)
}

/// What a form is answered if it was carried out: the browser asks for a page, and a repeated request repeats nothing.
fn see(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(path) = HeaderValue::from_str(path) {
        headers.insert(header::LOCATION, path);
    }
    response
}

/// Most bytes of a form.
const MOST_BYTES: usize = SMALL;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_way_leads_to_a_page_that_asks_for_the_same() {
        for (href, label, action) in shell::NAV {
            let page = page_routes().into_iter();
            let mut page = page.filter(|(method, path, _)| method == "GET" && *path == href);
            let asked = page.next().map(|(_, _, asked)| asked);
            assert_eq!(asked, Some(Some(action.slug())), "{label}");
        }
    }

    #[test]
    fn no_page_is_there_twice_and_none_changes_anything_by_being_read() {
        let all = page_routes();
        let names: BTreeSet<_> = all.iter().map(|(method, path, _)| (method, path)).collect();
        assert_eq!(names.len(), all.len());
        for (method, path, _) in &all {
            assert!(
                ["GET", "POST"].contains(&method.as_str()),
                "{method} {path}"
            );
        }
    }
}
