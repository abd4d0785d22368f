//! How long a request may take: whoever asks is answered, whatever the server is waiting for.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::timeout;

use super::problem::{Problem, ProblemKind};

/// Answers a request that takes longer than this with a problem, and goes on with nothing of it, as if whoever asked had gone.
/// A transaction that is not committed by then is taken back. One whose commit was asked for may hold, and so may what a task of
/// its own or another process does: the answer says that it is not known.
pub(super) async fn within(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = request.method().is_safe();
    or_late(limit, is_read, next.run(request)).await
}

async fn or_late(
    limit: Duration,
    is_read: bool,
    answer: impl Future<Output = Response>,
) -> Response {
    timeout(limit, answer).await.unwrap_or_else(|_| {
        let mut words = format!("it was not answered within {} s", limit.as_secs());
        if !is_read {
            words.push_str("; it may have been done all the same: look, before it is asked again");
        }
        Problem::new(ProblemKind::TimedOut, words).into_response()
    })
}

/// Whether a route of the API takes as long as its list is long or its work takes: there, a body that comes to a standstill
/// ends it.
pub(super) fn is_patient(method: &Method, path: &str) -> bool {
    is_one_of(&PATIENT, method, path)
}

/// The same of a page, or of what a form on one is sent to.
pub(super) fn is_patient_page(method: &Method, path: &str) -> bool {
    is_one_of(&PATIENT_PAGES, method, path)
}

fn is_one_of(all: &[(&str, &str)], method: &Method, path: &str) -> bool {
    all.iter().any(|known| *known == (method.as_str(), path))
}

/// How long a request may take until its answer begins.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// How long nothing may come of a body.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(30);

const PATIENT: [(&str, &str); 10] = [
    // It has a limit of its own, at which it is not known to be undone: see its handler.
    ("POST", "/drops"),
    ("POST", "/campaigns/{campaign}/imports"),
    ("PATCH", "/imports/{import}"),
    ("POST", "/do-not-call"),
    ("PUT", "/messages/{message}"),
    ("POST", "/doctor"),
    ("POST", "/drops/{drop}/replay"),
    ("POST", "/erasures"),
    ("DELETE", "/campaigns/{campaign}"),
    ("DELETE", "/webhooks/{webhook}"),
];

const PATIENT_PAGES: [(&str, &str); 9] = [
    ("GET", "/feed"),
    ("POST", "/campaigns/{campaign}/imports"),
    ("POST", "/campaigns/{campaign}/imports/{import}"),
    ("POST", "/campaigns/{campaign}/deletion"),
    ("POST", "/drops/{drop}/replay"),
    ("POST", "/people"),
    ("POST", "/system/doctor"),
    ("POST", "/webhooks/{webhook}/removal"),
    // Who stops everything is not to find that it was stopped in part.
    ("POST", "/stop"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::{Route, table};

    #[tokio::test]
    async fn what_takes_too_long_is_answered() {
        let limit = Duration::from_millis(30);
        for is_read in [true, false] {
            let late = or_late(limit, is_read, std::future::pending()).await;
            assert_eq!(late.status(), 503);
            let problem = late.extensions().get::<Problem>().unwrap();
            // Of a reading nothing can have been done.
            assert_eq!(problem.detail().contains("may have been done"), !is_read);
            let soon = or_late(limit, is_read, async { "done".into_response() }).await;
            assert_eq!(soon.status(), 200);
        }
    }

    #[test]
    fn what_is_patient_is_a_route() {
        let all = table();
        for (method, path) in PATIENT {
            let is_there = |route: &Route| route.method.as_str() == method && route.path == path;
            assert!(all.iter().any(is_there), "{method} {path}");
        }
        let pages = crate::http::page_routes();
        for (method, path) in PATIENT_PAGES {
            let mut pages = pages.iter();
            assert!(
                pages.any(|page| page.0 == method && page.1 == path),
                "{method} {path}"
            );
        }
    }
}
