//! What came of one request to an endpoint.

use std::{fmt, time::Duration};

use jiff::{Timestamp, fmt::rfc2822};

/// Why there was no answer, or none that is followed. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookFault {
    /// The name has no address.
    Name,
    /// The address is not one that may be connected to.
    Address,
    /// Nobody took the connection.
    Connect,
    /// No TLS came about, such as with a certificate that has expired.
    Tls,
    /// There was no answer in time.
    Timeout,
    /// The connection broke before there was an answer.
    Closed,
    /// The answer led elsewhere.
    Redirect,
    /// The events of the message are not kept any more, so that it cannot be made again.
    NotKept,
    /// The endpoint is not told of the events of the message any more.
    NotTold,
}

impl HookFault {
    /// The word under which it is stored and told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Redirect => "redirect",
            Self::NotKept => "not_kept",
            Self::NotTold => "not_told",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Name => "its name has no address",
            Self::Address => "its address is not one that may be connected to",
            Self::Connect => "nobody took the connection",
            Self::Tls => "TLS has failed: is its certificate valid, and for its name?",
            Self::Timeout => "there was no answer within 15 s",
            Self::Closed => "the connection broke before there was an answer",
            Self::Redirect => "it answered with a redirect, which is not followed",
            Self::NotKept => "the events are not kept any more",
            Self::NotTold => "the endpoint is not told of such events any more",
        }
    }
}

impl fmt::Display for HookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// One request to an endpoint, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAttempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none, or none that is followed.
    pub fault: Option<HookFault>,
    /// The beginning of the answer, if it is no success.
    pub answer: Option<String>,
    /// How long the endpoint wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// What an attempt means for its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptMeaning {
    Delivered,
    /// Nobody is there any more, and nobody will be.
    Gone,
    Failed {
        retry_after: Option<Duration>,
    },
}

impl HookAttempt {
    /// What came of it in a word: `success`, `status`, or the fault's.
    pub(super) fn result(&self) -> &'static str {
        match self.fault {
            Some(fault) => fault.slug(),
            None if self.is_success() => "success",
            None => "status",
        }
    }

    /// Whether it was a success.
    pub fn is_success(&self) -> bool {
        self.meaning() == AttemptMeaning::Delivered
    }

    pub(super) fn meaning(&self) -> AttemptMeaning {
        match (self.fault, self.status) {
            (None, Some(200..=299)) => AttemptMeaning::Delivered,
            (None, Some(410)) => AttemptMeaning::Gone,
            (None, Some(429 | 503)) => AttemptMeaning::Failed {
                retry_after: self.retry_after,
            },
            // A 404 may be a proxy's, while what is behind it is replaced.
            _ => AttemptMeaning::Failed { retry_after: None },
        }
    }
}

/// Reads a `Retry-After`: seconds, or a moment.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = rfc2822::parse(text).ok()?.timestamp();
    Some(now.duration_until(moment).try_into().unwrap_or_default())
}

/// The beginning of an answer, as it is kept.
pub(super) fn beginning(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_OF_ANSWER)]);
    // PostgreSQL keeps no NUL.
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Bytes of an answer that are read and kept.
pub(super) const MOST_OF_ANSWER: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_2xx_and_all_else_is_tried_again_but_410() {
        let failed = AttemptMeaning::Failed { retry_after: None };
        for (status, meaning) in [
            (200, AttemptMeaning::Delivered),
            (201, AttemptMeaning::Delivered),
            (204, AttemptMeaning::Delivered),
            (299, AttemptMeaning::Delivered),
            (100, failed),
            (304, failed),
            (400, failed),
            (401, failed),
            (404, failed),
            (409, failed),
            (410, AttemptMeaning::Gone),
            (500, failed),
            (502, failed),
        ] {
            assert_eq!(attempt(Some(status), None).meaning(), meaning, "{status}");
        }
        let wait = Some(Duration::from_secs(7));
        for (status, retry_after) in [(429, wait), (503, wait), (500, None), (404, None)] {
            let attempt = HookAttempt {
                retry_after: wait,
                ..attempt(Some(status), None)
            };
            let meaning = AttemptMeaning::Failed { retry_after };
            assert_eq!(attempt.meaning(), meaning, "{status}");
        }
        assert_eq!(
            attempt(Some(302), Some(HookFault::Redirect)).meaning(),
            failed
        );
        assert_eq!(attempt(None, Some(HookFault::Timeout)).meaning(), failed);
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_moment() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let seconds = |text| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Mon, 21 Sep 2026 14:14:20 GMT"), Some(60));
        assert_eq!(seconds("Mon, 21 Sep 2026 14:00:00 GMT"), Some(0));
        for bad in ["", "soon", "-1", "1.5"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn of_an_answer_the_beginning_is_kept() {
        assert_eq!(beginning(b""), None);
        assert_eq!(beginning(b" \0\r\n "), None);
        assert_eq!(
            beginning(b"no\0 \x1b[31mway\n").as_deref(),
            Some("no [31mway")
        );
        assert_eq!(beginning(&[b'a'; 9_000]).unwrap().len(), MOST_OF_ANSWER);
        assert!(beginning(&[0xff, b'a']).unwrap().ends_with('a'));
    }

    fn attempt(status: Option<u16>, fault: Option<HookFault>) -> HookAttempt {
        HookAttempt {
            at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            status,
            fault,
            answer: None,
            retry_after: None,
        }
    }
}
