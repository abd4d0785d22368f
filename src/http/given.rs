//! What a request gives beside its path: parameters of its query, and a body.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use futures::StreamExt as _;
use tokio::time::timeout;

use super::{
    problem::{Fault, Problem, ProblemKind},
    timely::LONGEST_SILENCE,
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
        Ok(Self {
            given,
            faults: Vec::new(),
        })
    }
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
        let media_type = media_type(request.headers());
        let mut body = request.into_body().into_data_stream();
        let mut bytes = Vec::new();
        loop {
            let part = match timeout(LONGEST_SILENCE, body.next()).await {
                Ok(Some(Ok(part))) => part,
                Ok(None) => break,
                Ok(Some(Err(_))) | Err(_) => {
                    let words = "the body could not be read to its end";
                    return Err(Problem::new(ProblemKind::Malformed, words));
                }
            };
            if bytes.len() + part.len() > MOST {
                let words = format!("a body here has at most {MOST} bytes");
                let problem = Problem::new(ProblemKind::TooLarge, words);
                return Err(problem.with("limit_bytes", MOST as u64));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Self {
            bytes: bytes.into(),
            media_type,
        })
    }
}

/// The media type of a body, without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = given.split(';').next().unwrap_or("");
    kind.trim().to_ascii_lowercase()
}

/// Most bytes of a body of JSON that describes one thing.
pub(super) const SMALL: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use axum::http::Request as HttpRequest;

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
