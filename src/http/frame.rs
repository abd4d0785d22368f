//! What is around every answer of the API: the id of the request, that nothing is kept by caches, and the body of problems.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Api,
    problem::{self, Problem, ProblemKind},
};
use crate::{config::ServeConfig, id::DropId};

/// The id of a request: the client's, if it is 1 to 64 letters, digits and `-`, or one of ours.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

/// Gives a request its id, and finishes the answer.
pub(super) async fn frame(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID);
    let given = given.and_then(|value| value.to_str().ok());
    let id = match given.filter(|id| is_id(id)) {
        Some(id) => id.to_owned(),
        // Made as drops' ids are: the time, and enough that is random.
        None => DropId::generate().to_string(),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = problem::finish(next.run(request).await, &path, &id);
    let status = response.status().as_u16();
    // Neither the path nor its query: they may hold a number, and what else nobody is to read in a log.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    tracing::debug!(%method, route, status, request_id = id, "answered");
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Where a proxy does TLS, this is its affair.
    if api.config.borrow().serve.tls.is_some() {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, a_year);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Answers no request that was meant for another host: a page of somebody else's, whose name was made to mean this address,
/// reads nothing. Over HTTP/2 the host is in the address of the request (RFC 9113, 8.3.1); it is in `Host` for what comes after.
pub(super) async fn check_host(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Response {
    let hosts = Hosts::of(&api.config.borrow().serve);
    let asked = request.uri().authority().map(ToString::to_string);
    let asked = asked.and_then(|asked| HeaderValue::try_from(asked).ok());
    let given = request.headers().get(header::HOST);
    if hosts.hold_all(asked.as_ref(), given) {
        if let (Some(asked), None) = (asked, given) {
            request.headers_mut().insert(header::HOST, asked);
        }
        return next.run(request).await;
    }
    let words = "name this server by its address, as `localhost`, or as `serve.public_url` does";
    Problem::new(ProblemKind::UnknownHost, words).into_response()
}

/// The names by which this server may be asked.
#[derive(Clone, Debug, Default)]
struct Hosts {
    /// The host of the public address, in lower case.
    public: Option<String>,
}

impl Hosts {
    /// Those of a configuration.
    fn of(serve: &ServeConfig) -> Self {
        let public = serve.public_url.as_ref();
        Self {
            public: public.map(|url| url.host().to_owned()),
        }
    }

    /// Whether a request names this server, in its address, in `Host`, or in both.
    fn hold_all(&self, asked: Option<&HeaderValue>, given: Option<&HeaderValue>) -> bool {
        let is_held = |host: &HeaderValue| host.to_str().is_ok_and(|host| self.hold(host));
        let is_named = asked.is_some() || given.is_some();
        is_named && asked.is_none_or(is_held) && given.is_none_or(is_held)
    }

    /// Whether a `Host` header names this server: its public name, `localhost`, or any address, which no name was made to
    /// mean.
    fn hold(&self, host: &str) -> bool {
        // The port is left out of the comparison: forwarding changes it.
        let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
            return false;
        };
        let name = authority.host().to_ascii_lowercase();
        // An address of version 6 is in brackets, here and in the public address.
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || name.ends_with(".localhost")
            || address.parse::<std::net::IpAddr>().is_ok()
            || self.public.as_deref() == Some(&name)
    }
}

/// What is answered where nothing is.
pub(super) fn nothing(uri: &Uri) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("there is nothing at `{}`", uri.path()),
    )
}

/// What is answered to a method that a path does not know.
pub(super) fn no_such_method() -> Problem {
    let words = "the documentation lists the methods of each resource";
    Problem::new(ProblemKind::MethodNotAllowed, words)
}

fn is_id(id: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=64).contains(&id.len()) && id.bytes().all(is_part)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ours_by_its_name_or_its_address() {
        let hosts = Hosts {
            public: Some("dialler.example".to_owned()),
        };
        for ours in [
            "localhost",
            "localhost:8090",
            "LOCALHOST:1",
            "127.0.0.1:8090",
            "[::1]:8090",
            "192.168.1.5",
            "dialler.example",
            "Dialler.Example:443",
        ] {
            assert!(hosts.hold(ours), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "dialler.example.evil.example",
            "127.0.0.1.evil.example:8090",
            "a b",
        ] {
            assert!(!hosts.hold(other), "{other}");
        }
    }

    #[test]
    fn a_client_s_id_is_a_word() {
        for good in ["a", "0199-AbC", &"a".repeat(64)] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "a b", "a\nb", "a_b", "\u{e4}", &"a".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
