//! The version of a resource: `ETag` gives it, and `If-Match` says which one a change is made from.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};

use super::problem::{Problem, ProblemKind};

/// A resource with its version.
pub(super) fn tagged<T>(version: i64, resource: T) -> ([(HeaderName, HeaderValue); 1], Json<T>) {
    ([(header::ETAG, etag(version))], Json(resource))
}

/// The value of `ETag`.
fn etag(version: i64) -> HeaderValue {
    let tag = HeaderValue::from_str(&text(version));
    tag.unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Whether a change is made from this version, or from whatever it is (`*`).
///
/// # Errors
/// [`Problem`] if it is made from another one, or does not say.
pub(super) fn is_made_from(headers: &HeaderMap, version: i64, what: &str) -> Result<(), Problem> {
    let Some(given) = headers.get(header::IF_MATCH) else {
        let words = "send `If-Match` with the `ETag` of what you have read";
        return Err(Problem::new(ProblemKind::PreconditionRequired, words));
    };
    let (given, own) = (given.to_str().unwrap_or(""), text(version));
    let mut tags = given.split(',').map(str::trim);
    if tags.any(|tag| tag == "*" || tag == own) {
        Ok(())
    } else {
        Err(stale(what))
    }
}

/// It was changed since it was read.
pub(super) fn stale(what: &str) -> Problem {
    let words = format!("`{what}` was changed since it was read: read it again");
    Problem::new(ProblemKind::Changed, words)
}

fn text(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_what_it_was_made_from() {
        let kind = |given: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(header::IF_MATCH, HeaderValue::from_static(given));
            }
            is_made_from(&headers, 12, "it").map_err(|problem| problem.kind())
        };
        assert_eq!(kind(Some("\"12\"")), Ok(()));
        assert_eq!(kind(Some("\"11\", \"12\"")), Ok(()));
        assert_eq!(kind(Some("*")), Ok(()));
        assert_eq!(kind(Some("12")), Err(ProblemKind::Changed));
        assert_eq!(kind(Some("\"1\"")), Err(ProblemKind::Changed));
        assert_eq!(kind(None), Err(ProblemKind::PreconditionRequired));
        assert_eq!(etag(12), "\"12\"");
    }
}
