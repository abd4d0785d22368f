//! What is answered if a request is not carried out: problems after RFC 9457, of a fixed number of kinds.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    error_chain::chain,
    store::{ErrorClass, StoreError},
};

/// The kind of a problem: its `type` is a page of the documentation, which names it by its slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The request cannot be read.
    Malformed,
    /// A cursor is not one of this list.
    CursorInvalid,
    /// There is no `Idempotency-Key`, or it is not one.
    IdempotencyKeyMissing,
    /// There is no token or session, or it is not good.
    Unauthorized,
    /// The scope or the role does not suffice.
    Forbidden,
    /// The request is one of a page of somebody else's.
    CrossSite,
    /// A browser would not keep the cookie of a session here.
    PlainHttp,
    /// There is no such thing.
    NotFound,
    /// The path does not know the method.
    MethodNotAllowed,
    /// None of the formats that are accepted can be given.
    NotAcceptable,
    /// What is asked does not fit the state it meets.
    Conflict,
    /// There is one of this name.
    Exists,
    /// A request with this key is being carried out.
    IdempotencyInProgress,
    /// Everything about the person was erased.
    Erased,
    /// It was changed since it was read.
    Changed,
    /// The body is too large.
    TooLarge,
    /// The body's format cannot be read.
    UnsupportedMediaType,
    /// The request was not meant for this host.
    UnknownHost,
    /// What is given is not valid; `errors` has all that is wrong.
    Invalid,
    /// The gate refuses it, for ever.
    Refused,
    /// The gate holds it, until a time.
    Held,
    /// It has expired before it could be dialled.
    Expired,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// Too many requests, or too many at once.
    TooManyRequests,
    /// A fault of ours.
    Internal,
    /// A disk of the server has no space for it.
    DiskFull,
    /// This server has no PBX.
    NoPbx,
    /// The PBX cannot be reached, or cannot make the call.
    PbxAway,
    /// The database cannot be reached.
    StoreAway,
    /// The trunk carries no more calls at this moment.
    TrunkFull,
    /// The number is being called by others at this moment.
    Contended,
    /// This process is about to end.
    Draining,
    /// It was not done in time.
    TimedOut,
}

/// One thing that is wrong with what was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// Where it is, as a JSON pointer; of a parameter of the query, its name behind a `?`.
    pub pointer: String,
    /// What is wrong with it, and what was expected.
    pub detail: String,
}

/// A problem, on its way to who asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    members: Map<String, Value>,
    retry_after: Option<u32>,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 34] = [
        Self::Malformed,
        Self::CursorInvalid,
        Self::IdempotencyKeyMissing,
        Self::Unauthorized,
        Self::Forbidden,
        Self::CrossSite,
        Self::PlainHttp,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::Conflict,
        Self::Exists,
        Self::IdempotencyInProgress,
        Self::Erased,
        Self::Changed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::UnknownHost,
        Self::Invalid,
        Self::Refused,
        Self::Held,
        Self::Expired,
        Self::IdempotencyKeyReused,
        Self::PreconditionRequired,
        Self::TooManyRequests,
        Self::Internal,
        Self::DiskFull,
        Self::NoPbx,
        Self::PbxAway,
        Self::StoreAway,
        Self::TrunkFull,
        Self::Contended,
        Self::Draining,
        Self::TimedOut,
    ];

    /// Its slug, which is never renamed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::CursorInvalid => "cursor_invalid",
            Self::IdempotencyKeyMissing => "idempotency_key_missing",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::PlainHttp => "plain_http",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::Conflict => "conflict",
            Self::Exists => "exists",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::Erased => "erased",
            Self::Changed => "changed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnknownHost => "unknown_host",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Expired => "expired",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::PreconditionRequired => "precondition_required",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::DiskFull => "disk_full",
            Self::NoPbx => "no_pbx",
            Self::PbxAway => "pbx_away",
            Self::StoreAway => "store_away",
            Self::TrunkFull => "trunk_full",
            Self::Contended => "contended",
            Self::Draining => "draining",
            Self::TimedOut => "timed_out",
        }
    }

    /// What it is, for people: the same for each of its kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::CursorInvalid => "The cursor is not one of this list",
            Self::IdempotencyKeyMissing => "An idempotency key is required",
            Self::Unauthorized => "Valid credentials are required",
            Self::Forbidden => "Whoever asks may not do this",
            Self::CrossSite => "The request comes from a page of another site",
            Self::PlainHttp => "Signing in takes TLS",
            Self::NotFound => "There is no such resource",
            Self::MethodNotAllowed => "The resource does not know the method",
            Self::NotAcceptable => "None of the accepted formats can be given",
            Self::Conflict => "The state of the resource does not allow it",
            Self::Exists => "There is a resource of this name",
            Self::IdempotencyInProgress => "A request with this key is being carried out",
            Self::Erased => "The person was erased",
            Self::Changed => "The resource was changed since it was read",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The format of the body cannot be read",
            Self::UnknownHost => "The request was not meant for this host",
            Self::Invalid => "What is given is not valid",
            Self::Refused => "The gate refused the drop",
            Self::Held => "The gate holds the drop",
            Self::Expired => "The drop has expired",
            Self::IdempotencyKeyReused => "The key was used for another request",
            Self::PreconditionRequired => "`If-Match` is required",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "The server has failed",
            Self::DiskFull => "The server has no space for it",
            Self::NoPbx => "This server has no PBX",
            Self::PbxAway => "The PBX cannot make the call",
            Self::StoreAway => "The database cannot be reached",
            Self::TrunkFull => "The trunk carries no more calls at this moment",
            Self::Contended => "The number is being called at this moment",
            Self::Draining => "The server is about to end",
            Self::TimedOut => "The server took too long",
        }
    }

    /// The status with which it is answered.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::CursorInvalid | Self::IdempotencyKeyMissing => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite | Self::PlainHttp => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict | Self::Exists | Self::IdempotencyInProgress | Self::Contended => {
                StatusCode::CONFLICT
            }
            Self::Erased => StatusCode::GONE,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Invalid
            | Self::Refused
            | Self::Held
            | Self::Expired
            | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::NoPbx
            | Self::PbxAway
            | Self::StoreAway
            | Self::TrunkFull
            | Self::Draining
            | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How many seconds to wait before the same is asked again, if that makes sense.
    const fn retry_after(self) -> Option<u32> {
        match self {
            Self::IdempotencyInProgress | Self::Contended | Self::TooManyRequests => Some(1),
            Self::TrunkFull | Self::PbxAway | Self::StoreAway | Self::Draining | Self::TimedOut => {
                Some(5)
            }
            Self::Malformed
            | Self::CursorInvalid
            | Self::IdempotencyKeyMissing
            | Self::Unauthorized
            | Self::Forbidden
            | Self::CrossSite
            | Self::PlainHttp
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::Conflict
            | Self::Exists
            | Self::Erased
            | Self::Changed
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::UnknownHost
            | Self::Invalid
            | Self::Refused
            | Self::Held
            | Self::Expired
            | Self::IdempotencyKeyReused
            | Self::PreconditionRequired
            | Self::Internal
            | Self::DiskFull
            | Self::NoPbx => None,
        }
    }
}

impl Problem {
    /// A problem; `detail` says what is particular about this one, for people.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            members: Map::new(),
            retry_after: kind.retry_after(),
        }
    }

    /// What is not valid: all of it.
    pub fn invalid(mut faults: Vec<Fault>) -> Self {
        faults.sort();
        let detail = match faults.as_slice() {
            // The whole body is wrong.
            [fault] if fault.pointer.is_empty() => fault.detail.clone(),
            [fault] => format!("{}: {}", fault.pointer, fault.detail),
            faults => format!("{} things are wrong with it", faults.len()),
        };
        Self::new(ProblemKind::Invalid, detail).with("errors", json!(faults))
    }

    /// One thing that is not valid.
    pub fn fault(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![Fault {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }

    /// There is no such thing; `what` names its kind.
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no such {what}"))
    }

    /// Adds a member for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The same, to be tried again in so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What is particular about it, for people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// A member for programs.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// All that was not valid.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let errors = self.members.get("errors").and_then(Value::as_array);
        let text = |fault: &Value, name: &str| fault.get(name)?.as_str().map(str::to_owned);
        let read = |fault| {
            Some(Fault {
                pointer: text(fault, "pointer")?,
                detail: text(fault, "detail")?,
            })
        };
        errors.into_iter().flatten().filter_map(read).collect()
    }

    /// A problem that was kept: what [`Self::body`] gave.
    pub fn kept(body: &Map<String, Value>) -> Option<Self> {
        let slug = body.get("type")?.as_str()?.rsplit('#').next()?;
        let kind = ProblemKind::ALL
            .into_iter()
            .find(|kind| kind.slug() == slug)?;
        let mut members = body.clone();
        let detail = members.remove("detail")?.as_str()?.to_owned();
        for name in ["type", "title", "status"] {
            members.remove(name);
        }
        Some(Self {
            members,
            ..Self::new(kind, detail)
        })
    }

    /// Its body: what is answered, and what is kept if the answer is.
    pub fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        let kind = self.kind;
        body.insert("type".to_owned(), problem_type(kind).into());
        body.insert("title".to_owned(), kind.title().into());
        body.insert("status".to_owned(), kind.status().as_u16().into());
        body.insert("detail".to_owned(), self.detail.as_str().into());
        body.extend(self.members.clone());
        body
    }
}

/// A database that fails; what was refused has words of its own. Where the database is, and what it said, is in the log alone.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.class {
            ErrorClass::Away => {
                tracing::warn!(error = chain(&error), "a request was not carried out");
                Self::new(ProblemKind::StoreAway, "the database cannot be reached")
            }
            ErrorClass::Refused => {
                tracing::debug!(error = chain(&error), "a request was refused");
                Self::new(ProblemKind::Conflict, error.reason())
            }
            ErrorClass::Broken => {
                tracing::error!(error = chain(&error), "a request has failed");
                Self::new(ProblemKind::Internal, "the database has failed")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == ProblemKind::Unauthorized {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        // The body names the request, which is known around all handlers: see `finish`.
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a problem, which names its request.
pub(super) fn finish(mut response: Response<Body>, path: &str, request_id: &str) -> Response<Body> {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let mut body = problem.body();
    body.insert("instance".to_owned(), path.into());
    body.insert("request_id".to_owned(), request_id.into());
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static(PROBLEM_JSON);
    parts.headers.insert(header::CONTENT_TYPE, kind);
    Response::from_parts(parts, Body::from(Value::Object(body).to_string()))
}

/// The `type` of a kind: where the documentation that is shipped has it.
pub(super) fn problem_type(kind: ProblemKind) -> String {
    format!("/docs/problems#{}", kind.slug())
}

/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_name_and_a_page() {
        let book = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/docs/src/reference/problems.md"
        );
        let book = std::fs::read_to_string(book).unwrap();
        let mut slugs = BTreeSet::new();
        for kind in ProblemKind::ALL {
            let (slug, status) = (kind.slug(), kind.status().as_u16());
            assert!(slugs.insert(slug), "`{slug}` names two kinds");
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            let heading = format!("\n## {slug}\n\n{status}: {}.", kind.title());
            assert!(book.contains(&heading), "the book lacks{heading}");
        }
        let headings = book.lines().filter_map(|line| line.strip_prefix("## "));
        assert_eq!(headings.collect::<BTreeSet<_>>(), slugs);
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let fault = |pointer: &str| Fault {
            pointer: pointer.to_owned(),
            detail: "expected a text".to_owned(),
        };
        let problem = Problem::invalid(vec![fault("/to"), fault("/message")]);
        let body = Value::Object(problem.body());
        assert_eq!(body["errors"][0]["pointer"], "/message");
        assert_eq!(body["errors"][1]["pointer"], "/to");
        assert_eq!(body["detail"], "2 things are wrong with it");
        let one = Problem::fault("/to", "it is missing");
        assert_eq!(one.body()["detail"], "/to: it is missing");
    }

    #[test]
    fn a_problem_is_read_as_it_was_kept() {
        let problem =
            Problem::new(ProblemKind::Refused, "it is on a list").with("reason", "do_not_call");
        assert_eq!(Problem::kept(&problem.body()), Some(problem));
        assert_eq!(Problem::kept(&Map::new()), None);
    }

    #[tokio::test]
    async fn a_problem_names_its_request() {
        let response = Problem::new(ProblemKind::TrunkFull, "wait a little").into_response();
        let response = finish(response, "/api/v1/drops", "r1");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
        assert_eq!(response.headers()["content-type"], PROBLEM_JSON);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body["type"], "/docs/problems#trunk_full");
        assert_eq!(body["instance"], "/api/v1/drops");
        assert_eq!(body["request_id"], "r1");
        assert_eq!(body["status"], 503);
    }
}
