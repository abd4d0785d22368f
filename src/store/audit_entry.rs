//! What the audit log says of a change.

use jiff::Timestamp;

/// Something that was done, or read in full. It holds no secret and no whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `token:` and its id, `user:` and a name, or the name of this system's user.
    pub who: String,
    /// By which way: `api`, by a token; `session`, by a person; `link`, by the link that sets a password; or `cli`.
    pub via: &'static str,
    /// The address it came from.
    pub ip: Option<String>,
    /// The request that it was.
    pub request_id: Option<String>,
    /// What was done, such as `campaign.create`.
    pub action: String,
    /// To what: a campaign's name, a drop's id, a number with its middle masked.
    pub object: String,
    /// What it was before, as JSON.
    pub before: Option<String>,
    /// What it is now, as JSON.
    pub after: Option<String>,
}
