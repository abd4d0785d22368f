//! What a request gives beside its path: parameters of its query, and a body.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use tokio::time::timeout;

use super::{
    problem::{Fault, Problem, ProblemKind},
    timely::{LONGEST_REQUEST, LONGEST_SILENCE},
};

/// The parameters of a query. Each is taken once; what is left is not known.
#[derive(Debug)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Parameters {
    /// None at all.
    pub(super) const fn none() -> Self {
        Self {
            given: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// These.
    pub(super) fn of(given: &[(&str, &str)]) -> Self {
        let given = given.iter();
        Self {
            given: given
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            faults: Vec::new(),
        }
    }

    /// A parameter's text; `None` if it is not given.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(given, _)| given == name)?;
        let (_, value) = self.given.remove(at);
        if self.given.iter().any(|(given, _)| given == name) {
            self.fault(name, "it may be given once");
            self.given.retain(|(given, _)| given != name);
        }
        Some(value)
    }

    /// Every value of a parameter that may be given more than once.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let given = std::mem::take(&mut self.given).into_iter();
        let (taken, left): (Vec<_>, Vec<_>) = given.partition(|(given, _)| given == name);
        self.given = left;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Whether a parameter is `true`; one that is not given is `false`.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.fault(name, "expected `true` or `false`");
                false
            }
        }
    }

    /// A parameter that is read further; `None` if it is not given, or is wrong.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error.to_string());
                None
            }
        }
    }

    /// Something is wrong with a parameter.
    pub(super) fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault {
            pointer: format!("?{name}"),
            detail: detail.into(),
        });
    }

    /// Whether all that was given was known and right.
    ///
    /// # Errors
    /// [`Problem`] with all that was wrong.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.given) {
            self.fault(&name, "there is no such parameter");
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(given) = read.map_err(|_| {
            Problem::new(
                ProblemKind::Malformed,
                "the query of the path cannot be read",
            )
        })?;
        let has_nul =
            |(name, value): &(String, String)| name.contains('\0') || value.contains('\0');
        let (bad, given): (Vec<_>, Vec<_>) = given.into_iter().partition(has_nul);
        let mut parameters = Self {
            given,
            faults: Vec::new(),
        };
        for (name, _) in bad {
            parameters.fault(&name, NO_NUL);
        }
        Ok(parameters)
    }
}

/// Lets no request through whose path has a NUL character in it: nothing that could be there has one, and a database refuses
/// to look.
pub(super) async fn check_path(request: Request, next: Next) -> Response {
    if request.uri().path().contains("%00") {
        let words = "there is nothing whose path has a NUL character in it";
        return Problem::new(ProblemKind::NotFound, words).into_response();
    }
    next.run(request).await
}

/// A whole body, of at most so many bytes, with the type that was said of it.
#[derive(Debug)]
pub(super) struct Body<const MOST: usize> {
    pub(super) bytes: Bytes,
    /// The media type without its parameters, in lower case; empty if none was given.
    pub(super) media_type: String,
}

impl<const MOST: usize> Body<MOST> {
    /// A body of JSON that was made here: a form of a page asks as a client of the API does.
    pub(super) fn of_json(value: &serde_json::Value) -> Self {
        Self {
            bytes: value.to_string().into(),
            media_type: "application/json".to_owned(),
        }
    }

    /// The bytes of a body that says it is JSON.
    ///
    /// # Errors
    /// [`Problem`] if it says something else.
    pub(super) fn json(&self) -> Result<&[u8], Problem> {
        if self.media_type == "application/json" {
            return Ok(&self.bytes);
        }
        let words = "send `Content-Type: application/json`";
        Err(Problem::new(ProblemKind::UnsupportedMediaType, words))
    }
}

impl<S: Send + Sync, const MOST: usize> FromRequest<S> for Body<MOST> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Self::read(request).await
    }
}

impl<const MOST: usize> Body<MOST> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`Problem`] if it is too long, or does not come to its end.
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        Self::read_within(request, LONGEST_SILENCE, LONGEST_REQUEST).await
    }

    /// The same, of which something comes at least so often; one that describes one thing is there as a whole by then, for it
    /// is small.
    async fn read_within(
        request: Request,
        silence: Duration,
        longest: Duration,
    ) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        let reading = Self::bytes_of(request, silence);
        let bytes = if MOST <= SMALL {
            timeout(longest, reading)
                .await
                .unwrap_or_else(|_| Err(cut_off()))
        } else {
            reading.await
        };
        Ok(Self {
            bytes: bytes?.into(),
            media_type,
        })
    }

    async fn bytes_of(request: Request, silence: Duration) -> Result<Vec<u8>, Problem> {
        let mut body = request.into_body().into_data_stream();
        let mut bytes = Vec::new();
        loop {
            let part = match timeout(silence, body.next()).await {
                Ok(Some(Ok(part))) => part,
                Ok(None) => return Ok(bytes),
                Ok(Some(Err(_))) | Err(_) => return Err(cut_off()),
            };
            if bytes.len() + part.len() > MOST {
                let words = format!("a body here has at most {MOST} bytes");
                let problem = Problem::new(ProblemKind::TooLarge, words);
                return Err(problem.with("limit_bytes", MOST as u64));
            }
            bytes.extend_from_slice(&part);
        }
    }
}

fn cut_off() -> Problem {
    let words = "the body could not be read to its end";
    Problem::new(ProblemKind::Malformed, words)
}

/// The media type of a body, without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = given.split(';').next().unwrap_or("");
    kind.trim().to_ascii_lowercase()
}

/// What is wrong with a text that no database, no file name and no program takes.
pub(super) const NO_NUL: &str = "it holds a NUL character, which no text has";

/// Most bytes of a body of JSON that describes one thing.
pub(super) const SMALL: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use axum::http::Request as HttpRequest;
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn every_parameter_that_is_wrong_is_named() {
        let request = HttpRequest::get("/x?a=1&b=yes&c=1&c=2&d=1&e=1&e=2").body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        let read = Parameters::from_request_parts(&mut parts, &()).await;
        let mut parameters = read.unwrap();
        assert_eq!(parameters.text("a").as_deref(), Some("1"));
        assert!(!parameters.flag("b"));
        assert_eq!(parameters.text("c").as_deref(), Some("1"));
        assert_eq!(parameters.texts("e"), ["1", "2"]);
        let body = parameters.finish().unwrap_err().body();
        let pointers: Vec<_> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["pointer"].clone())
            .collect();
        assert_eq!(pointers, ["?b", "?c", "?d"]);
    }

    #[tokio::test]
    async fn a_parameter_with_a_nul_character_is_wrong() {
        let request = HttpRequest::get("/x?a=1%00&b=%2500&%00=1").body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        let read = Parameters::from_request_parts(&mut parts, &()).await;
        let mut parameters = read.unwrap();
        assert_eq!(parameters.text("a"), None);
        assert_eq!(parameters.text("b").as_deref(), Some("%00"));
        let faults = parameters.finish().unwrap_err().faults();
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| (fault.pointer.as_str(), fault.detail.as_str()))
            .collect();
        assert_eq!(faults, [("?\0", NO_NUL), ("?a", NO_NUL)]);
    }

    #[tokio::test]
    async fn a_small_body_is_there_as_a_whole_in_time() {
        let (soon, late) = (Duration::from_millis(20), Duration::from_secs(60));
        let endless = || {
            let parts = stream::repeat(()).then(|()| async {
                tokio::task::yield_now().await;
                Ok::<_, std::convert::Infallible>(Bytes::new())
            });
            HttpRequest::post("/x")
                .body(axum::body::Body::from_stream(parts))
                .unwrap()
        };
        // Something comes all the time, and it is never whole.
        let drop_by_drop = Body::<SMALL>::read_within(endless(), late, soon).await;
        assert_eq!(drop_by_drop.unwrap_err().kind(), ProblemKind::Malformed);
        let silent = stream::pending::<Result<Bytes, std::convert::Infallible>>();
        let silent = axum::body::Body::from_stream(silent);
        let silent = HttpRequest::post("/x").body(silent).unwrap();
        let silent = Body::<{ SMALL + 1 }>::read_within(silent, soon, late).await;
        assert_eq!(silent.unwrap_err().kind(), ProblemKind::Malformed);
    }

    #[tokio::test]
    async fn a_body_has_its_limit_and_its_type() {
        let read = |body: &'static str| async move {
            let request = HttpRequest::post("/x")
                .header("content-type", "Application/JSON; charset=utf-8")
                .body(axum::body::Body::from(body));
            Body::<4>::from_request(request.unwrap(), &()).await
        };
        let body = read("{ }").await.unwrap();
        assert_eq!(body.json().unwrap(), b"{ }");
        let problem = read("{   }").await.unwrap_err();
        assert_eq!(problem.kind(), ProblemKind::TooLarge);
    }
}
