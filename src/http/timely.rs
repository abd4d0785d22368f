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

/// Answers a request that takes longer than this with a problem. What was begun and not committed is taken back, as if whoever
/// asked had gone.
pub(super) async fn within(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    or_late(limit, next.run(request)).await
}

async fn or_late(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    timeout(limit, answer).await.unwrap_or_else(|_| {
        let words = format!("it was not done within {} s", limit.as_secs());
        Problem::new(ProblemKind::TimedOut, words).into_response()
    })
}

/// Whether a route takes as long as its list is long or its work takes: there, a body that comes to a standstill ends it.
pub(super) fn is_patient(method: &Method, path: &str) -> bool {
    PATIENT
        .iter()
        .any(|known| *known == (method.as_str(), path))
}

/// How long a request may take until its answer begins.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// How long nothing may come of a body.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(30);

const PATIENT: [(&str, &str); 9] = [
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::{Route, table};

    #[tokio::test]
    async fn what_takes_too_long_is_answered() {
        let limit = Duration::from_millis(30);
        let late = or_late(limit, std::future::pending()).await;
        assert_eq!(late.status(), 503);
        let soon = or_late(limit, async { "done".into_response() }).await;
        assert_eq!(soon.status(), 200);
    }

    #[test]
    fn what_is_patient_is_a_route() {
        let all = table();
        for (method, path) in PATIENT {
            let is_there = |route: &Route| route.method.as_str() == method && route.path == path;
            assert!(all.iter().any(is_there), "{method} {path}");
        }
    }
}
