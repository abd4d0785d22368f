//! Why a request was not carried out, in the core's terms.

use thiserror::Error;

use super::tls_fault::TlsFault;
use crate::drop::{Refusal, RefusalKind};

/// Most characters of the PBX's own text that are kept.
const DETAIL_MAX: usize = 200;

/// From this many digits in a row on, a run of digits may be a phone number.
const NUMBER_MIN: usize = 7;

/// How many digits of a possible number stay readable.
const NUMBER_SHOWN: usize = 4;

/// A request that was not carried out, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct Failure {
    /// The sort of failure, which decides what follows.
    pub kind: RefusalKind,
    /// The HTTP status, if a reply came.
    pub status: Option<u16>,
    /// What the PBX or the network said, on one line, without a whole number or a URL.
    pub detail: String,
    /// The fault of TLS, if that is the cause.
    pub tls: Option<TlsFault>,
}

impl Failure {
    /// No connection was made: the request certainly never arrived.
    pub(super) fn unreachable(detail: &str) -> Self {
        Self {
            kind: RefusalKind::Unreachable,
            status: None,
            detail: tame(detail),
            tls: None,
        }
    }

    /// It waited for too long for others before it, and was not sent.
    pub(super) fn too_late() -> Self {
        Self {
            kind: RefusalKind::TooLate,
            status: None,
            tls: None,
            detail: "the PBX is too slow with the requests before it".to_owned(),
        }
    }

    /// It waited for others before it, and was withdrawn meanwhile.
    pub(super) fn given_up() -> Self {
        Self {
            kind: RefusalKind::TooLate,
            status: None,
            tls: None,
            detail: "it was withdrawn before it was sent".to_owned(),
        }
    }

    /// The request was sent; what became of it is not known.
    pub(super) fn no_reply(detail: &str) -> Self {
        Self {
            kind: RefusalKind::NoReply,
            status: None,
            detail: tame(detail),
            tls: None,
        }
    }

    /// The PBX replied, and what it replied does not answer the request.
    pub(super) fn nonsense(status: u16, what: &str) -> Self {
        Self {
            kind: RefusalKind::Failed,
            status: Some(status),
            detail: format!("the PBX answered {status}, but {what}"),
            tls: None,
        }
    }

    /// What a refused originate says: if Asterisk answers that its allocation failed, it has no channel to dial by
    /// (`ast_dial_prerun`).
    pub(super) fn of_originate(self) -> Self {
        match self.status {
            Some(500) if self.detail.contains("Allocation failed") => Self {
                kind: RefusalKind::NotMade,
                detail: format!(
                    "{}: the PBX could not make the call; is the endpoint known, and does its far end answer?",
                    self.detail
                ),
                ..self
            },
            Some(_) | None => self,
        }
    }

    /// A reply with a status that is not a success, and the PBX's text for it.
    pub(super) fn of_status(status: u16, said: &str) -> Self {
        let kind = match status {
            404 => RefusalKind::NotFound,
            409 | 412 | 422 => RefusalKind::WrongState,
            500..=599 => RefusalKind::Failed,
            // Other 4xx, and a redirect: nothing but the PBX itself is to get our credentials.
            _ => RefusalKind::Rejected,
        };
        let said = tame(said);
        let detail = if said.is_empty() {
            format!("{status}")
        } else {
            format!("{status} {said}")
        };
        Self {
            kind,
            status: Some(status),
            detail,
            tls: None,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind,
            words: failure.detail,
        }
    }
}

/// A foreign text made fit for a log: one line, not long, and no run of digits that could be dialled.
pub(super) fn tame(detail: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for (count, c) in detail.trim().chars().enumerate() {
        if count == DETAIL_MAX {
            out.push_str(&masked(&digits));
            out.push('…');
            return out;
        }
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(&masked(&digits));
        digits.clear();
        out.push(if c.is_control() { ' ' } else { c });
    }
    out.push_str(&masked(&digits));
    out
}

fn masked(digits: &str) -> String {
    if digits.len() < NUMBER_MIN {
        return digits.to_owned();
    }
    format!("•••{}", &digits[digits.len() - NUMBER_SHOWN..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_kind() {
        use RefusalKind as Kind;
        let rows = [
            (302, Kind::Rejected),
            (400, Kind::Rejected),
            (401, Kind::Rejected),
            (403, Kind::Rejected),
            (404, Kind::NotFound),
            (405, Kind::Rejected),
            (409, Kind::WrongState),
            (412, Kind::WrongState),
            (422, Kind::WrongState),
            (429, Kind::Rejected),
            (500, Kind::Failed),
            (502, Kind::Failed),
            (503, Kind::Failed),
            (599, Kind::Failed),
        ];
        for (status, kind) in rows {
            let failure = Failure::of_status(status, "Channel not found");
            assert_eq!(failure.kind, kind, "{status}");
            assert_eq!(failure.detail, format!("{status} Channel not found"));
        }
        assert_eq!(Failure::of_status(500, " ").detail, "500");
    }

    #[test]
    fn foreign_words_keep_to_one_short_line_without_a_number() {
        assert_eq!(
            tame("no route to\r\n+12025550101@trunk (SIP 404)"),
            "no route to  +•••0101@trunk (SIP 404)"
        );
        assert_eq!(tame("12025550101"), "•••0101");
        assert_eq!(tame("port 8088"), "port 8088");
        let long = tame(&"ab ".repeat(400));
        assert_eq!(long.chars().count(), DETAIL_MAX + 1);
        // A number that the cut goes through is masked like any other.
        let cut = tame(&format!("{}12025550101", "x".repeat(DETAIL_MAX - 8)));
        assert!(cut.ends_with("•••5550…"), "{cut}");
    }
}
