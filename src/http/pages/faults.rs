//! Problems as pages: the same kinds as those of the API.

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{assets, feed, page, see, signing_in};
use crate::http::{
    frame::RequestId,
    problem::{Problem, ProblemKind},
};

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    assets: &'static str,
    title: &'static str,
    detail: &'a str,
    faults: Vec<String>,
    request_id: &'a str,
}

/// Shows a problem as a page; who has not signed in, or not lately enough, is asked to.
pub(super) async fn show_as_pages(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>();
    let request_id = request_id.map_or_else(String::new, |id| id.0.clone());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let came_from = came_from(request.headers());
    let mut response = next.run(request).await;
    if uri.path() == feed::PATH {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    // The page to come back to: the one that was asked for, or the one the form was on.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let back = if method == Method::GET {
        Some(path.to_owned())
    } else {
        came_from
    };
    let has_to_sign_in_again = problem.member("sign_in_again").is_some();
    if problem.kind() == ProblemKind::Unauthorized || has_to_sign_in_again {
        return see(&signing_in::path(back.as_deref(), has_to_sign_in_again));
    }
    let shown = page(
        problem.kind().status(),
        &FaultPage {
            assets: assets::folder(),
            title: problem.kind().title(),
            detail: problem.detail(),
            faults: problem
                .faults()
                .into_iter()
                .map(|fault| format!("{}: {}", fault.pointer, fault.detail))
                .collect(),
            request_id: &request_id,
        },
    );
    let mut shown = shown.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    if let Some(after) = response.headers_mut().remove(header::RETRY_AFTER) {
        shown.headers_mut().insert(header::RETRY_AFTER, after);
    }
    shown
}

/// The path of the page of ours that a request came from.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, behind) = referer.split_once("://")?;
    let (_, path) = behind.split_once('/')?;
    Some(format!("/{path}"))
}
