//! One check of the doctor, and its result.

use serde::Serialize;

use crate::ari::Failure;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It will do, but needs a look.
    Warn,
    /// A drop cannot work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// The result.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it; `None` if there is nothing to do.
    pub remedy: Option<String>,
}

impl Check {
    /// It is as it should be.
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// It needs a look; `remedy` says what to do.
    pub fn warn(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Warn,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// A drop cannot work; `remedy` says what to do.
    pub fn fail(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Fail,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// The result of a check that the PBX did not answer.
pub(super) fn unanswered(check: &'static str, failure: &Failure) -> Check {
    Check::fail(
        check,
        format!("the PBX did not answer this request: {}", failure.detail),
        "see the PBX's log",
    )
}
