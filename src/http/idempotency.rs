//! Requests that may be sent again: what follows for a key that a client chose, and which keys are in use at this moment.
//!
//! | the key | answer |
//! |---|---|
//! | is new | the request is carried out; the answer is kept in the transaction that writes the drop's intent, or the refusal |
//! | has an answer, same body | that answer, with `Idempotent-Replayed: true` |
//! | is being carried out, same body | 409 `idempotency_in_progress`, with `Retry-After: 1` |
//! | was used, or is being used, for another body | 422 `idempotency_key_reused` |
//! | was used for a person who was erased since | 422 `idempotency_key_reused` |
//!
//! A request that takes longer than one may is answered as if another were being carried out, which is so: it goes on.
//!
//! Nothing is kept of a request that was not valid, not allowed, or failed before the intent: it may be sent again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::problem::{Problem, ProblemKind};
use crate::store::{IdempotencyKey, KeptAnswer, RequestDigest};

/// What follows for a request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyRuling {
    /// It is carried out.
    CarryOut,
    /// It is answered as before.
    Replay(KeptAnswer),
    /// It is refused.
    Refuse(ProblemKind),
}

/// What follows for a request, by what was answered to its key before.
pub(super) fn judge(kept: Option<KeptAnswer>, request: &RequestDigest) -> KeyRuling {
    match kept {
        None => KeyRuling::CarryOut,
        Some(kept) if kept.request == *request => KeyRuling::Replay(kept),
        Some(_) => KeyRuling::Refuse(ProblemKind::IdempotencyKeyReused),
    }
}

/// What was answered before this moment is forgotten.
pub(super) fn oldest(now: Timestamp, kept_for: SignedDuration) -> Timestamp {
    now.checked_sub(kept_for).unwrap_or(Timestamp::MIN)
}

/// The key of a request's headers, bare or as a quoted string of RFC 8941.
///
/// # Errors
/// [`Problem`] if there is none, more than one, or it is not 1 to 255 visible ASCII characters.
pub(super) fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let problem = |words: &str| Problem::new(ProblemKind::IdempotencyKeyMissing, words);
    let mut given = headers.get_all(HEADER).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(problem(
            "send one `Idempotency-Key` with a value that is new for each drop, such as a UUID",
        ));
    };
    let expected = || problem("`Idempotency-Key` is 1 to 255 visible ASCII characters");
    let text = value.to_str().map_err(|_| expected())?.trim();
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = bare.unwrap_or(text);
    let is_key = (1..=255).contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if is_key {
        Ok(key.to_owned())
    } else {
        Err(expected())
    }
}

/// The keys that this process carries requests out for. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct KeysInUse(Arc<Mutex<BTreeMap<IdempotencyKey, RequestDigest>>>);

/// A key that is in use, until this is dropped.
#[derive(Debug)]
pub(super) struct KeyInUse {
    keys: KeysInUse,
    key: IdempotencyKey,
}

impl KeysInUse {
    /// Takes a key into use.
    ///
    /// # Errors
    /// The kind of the problem if it is in use.
    pub(super) fn take(
        &self,
        key: &IdempotencyKey,
        request: &RequestDigest,
    ) -> Result<KeyInUse, ProblemKind> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get(key) {
            Some(other) if other == request => Err(ProblemKind::IdempotencyInProgress),
            Some(_) => Err(ProblemKind::IdempotencyKeyReused),
            None => {
                keys.insert(key.clone(), request.clone());
                Ok(KeyInUse {
                    keys: self.clone(),
                    key: key.clone(),
                })
            }
        }
    }
}

impl Drop for KeyInUse {
    fn drop(&mut self) {
        let mut keys = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.key);
    }
}

/// The problem of a key that is in use, or was used.
pub(super) fn refusal(kind: ProblemKind) -> Problem {
    let words = if kind == ProblemKind::IdempotencyInProgress {
        "send the same again in a moment: it is answered as the first one will be"
    } else {
        "choose a new key for another drop; a key stays with its first request, whatever came of it"
    };
    Problem::new(kind, words)
}

/// The header's name.
pub(super) const HEADER: &str = "idempotency-key";

/// Tells that an answer was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// How long answers are kept.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(72);

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::id::DropId;

    #[test]
    fn a_key_stays_with_its_first_request() {
        let (first, other) = (RequestDigest::of(b"1"), RequestDigest::of(b"2"));
        let kept = KeptAnswer {
            request: first.clone(),
            status: 202,
            body: "{}".to_owned(),
            drop: DropId::from_u128(1),
        };
        assert_eq!(judge(None, &first), KeyRuling::CarryOut);
        assert_eq!(
            judge(Some(kept.clone()), &first),
            KeyRuling::Replay(kept.clone())
        );
        let reused = KeyRuling::Refuse(ProblemKind::IdempotencyKeyReused);
        assert_eq!(judge(Some(kept), &other), reused);
    }

    #[test]
    fn a_key_is_in_use_until_its_request_is_answered() {
        let keys = KeysInUse::default();
        let (first, other) = (RequestDigest::of(b"1"), RequestDigest::of(b"2"));
        let used = keys.take(&key("a"), &first).unwrap();
        let again = keys.take(&key("a"), &first).unwrap_err();
        assert_eq!(again, ProblemKind::IdempotencyInProgress);
        let reused = keys.take(&key("a"), &other).unwrap_err();
        assert_eq!(reused, ProblemKind::IdempotencyKeyReused);
        assert!(keys.take(&key("b"), &other).is_ok());
        drop(used);
        assert!(keys.take(&key("a"), &other).is_ok());
    }

    #[test]
    fn a_key_is_read_bare_and_quoted() {
        let read = |values: &[&'static [u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
            }
            key_of(&headers).ok()
        };
        assert_eq!(read(&[b"a-1"]).as_deref(), Some("a-1"));
        assert_eq!(read(&[b"\"a-1\""]).as_deref(), Some("a-1"));
        assert!(read(&[&[b'k'; 255]]).is_some());
        for bad in [&b""[..], b"\"\"", b"a b", b"a\"b", &[b'k'; 256], b"\xe4"] {
            assert_eq!(read(&[bad]), None, "{bad:?}");
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[b"a", b"a"]), None);
    }

    #[test]
    fn answers_are_kept_for_three_days() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let from: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        assert_eq!(oldest(now, KEPT_FOR), from);
        assert_eq!(oldest(Timestamp::MIN, KEPT_FOR), Timestamp::MIN);
    }

    fn key(key: &str) -> IdempotencyKey {
        IdempotencyKey {
            principal: "token:abcdefgh".to_owned(),
            route: "POST /api/v1/drops".to_owned(),
            key: key.to_owned(),
        }
    }
}
