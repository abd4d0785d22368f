//! People: their names and roles, the link by which they begin, and their sessions.

use std::{fmt, net::IpAddr};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{PasswordDigest, Principal, Role, token::base62};

/// The name by which a user signs in: 1 to 64 of `a` to `z`, `0` to `9`, `.`, `_`, `@`, `+` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a user's name is 1 to 64 of `a` to `z`, `0` to `9` and `._@+-`")]
pub struct UserNameError;

/// A user as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUser {
    /// The name.
    pub name: UserName,
    /// What the user may do.
    pub role: Role,
    /// What is kept of the password; `None`: there is none yet.
    pub password: Option<PasswordDigest>,
    /// When it was set.
    pub password_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Since when the user is not let in.
    pub disabled_at: Option<Timestamp>,
    /// When the user last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Until when the link is good that sets the password; `None`: there is none.
    pub link_until: Option<Timestamp>,
}

/// 256 random bits as 43 letters and digits: what a browser keeps of a session, and what is behind a link. Only its digest is
/// stored.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

/// The SHA-256 of a [`Secret`], in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretDigest(String);

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// The digest of its secret.
    pub digest: SecretDigest,
    /// Whose it is.
    pub user: UserName,
    /// When the user signed in.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// From where the user signed in.
    pub ip: Option<IpAddr>,
}

/// Why a session is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRefusal {
    /// There is none.
    Unknown,
    /// It was not used for too long, or is too old.
    Over,
    /// The user is not let in any more.
    Disabled,
}

impl UserName {
    /// Reads a name; capitals become small.
    ///
    /// # Errors
    /// [`UserNameError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, UserNameError> {
        let text = text.trim().to_ascii_lowercase();
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_part) {
            Ok(Self(text))
        } else {
            Err(UserNameError)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        Self::parse(text)
    }
}

impl Secret {
    /// A secret of random bytes.
    pub fn of(random: &[u8; 32]) -> Self {
        Self(base62(random, LENGTH).into())
    }

    /// Reads one; `None` if it is not one by its shape.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric());
        is_one.then(|| Self(text.to_owned().into()))
    }

    /// What is stored of it.
    pub fn digest(&self) -> SecretDigest {
        let bytes = Sha256::digest(self.0.expose_secret());
        SecretDigest(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The whole of it, for who is to have it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl SecretDigest {
    /// A digest as it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The digest as it is stored. To look a secret up by it tells nothing of others: what is compared are digests.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeptUser {
    /// Who asks, if it is this user.
    pub fn principal(&self) -> Principal {
        Principal {
            id: format!("user:{}", self.name),
            name: self.name.to_string(),
            scopes: self.role.scopes(),
            role: Some(self.role),
        }
    }

    /// Whether there is a link at this moment that sets the password.
    pub fn has_link(&self, now: Timestamp) -> bool {
        self.link_until.is_some_and(|until| now < until)
    }
}

impl KeptSession {
    /// How long a session lasts that is not used.
    pub const IDLE: SignedDuration = SignedDuration::from_hours(12);

    /// How long a session lasts at most.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// For how long after signing in nobody is asked for the password again.
    pub const FRESH: SignedDuration = SignedDuration::from_mins(10);

    /// The part of it that may be shown, by which its owner ends it.
    pub fn id(&self) -> &str {
        &self.digest.0[..self.digest.0.len().min(ID)]
    }

    /// When it is over unless it is used.
    pub fn ends_at(&self) -> Timestamp {
        let idle = self.seen_at.checked_add(Self::IDLE);
        let longest = self.began_at.checked_add(Self::LONGEST);
        let later = |at: Result<Timestamp, _>| at.unwrap_or(Timestamp::MAX);
        later(idle).min(later(longest))
    }

    /// Takes it for its user.
    ///
    /// # Errors
    /// [`SessionRefusal`].
    pub fn admit(&self, user: &KeptUser, now: Timestamp) -> Result<Principal, SessionRefusal> {
        if self.user != user.name {
            return Err(SessionRefusal::Unknown);
        }
        if now >= self.ends_at() {
            return Err(SessionRefusal::Over);
        }
        if user.disabled_at.is_some() {
            return Err(SessionRefusal::Disabled);
        }
        Ok(user.principal())
    }

    /// Whether a use is to be written down: once a minute is enough.
    pub fn is_used_again(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) >= SignedDuration::from_mins(1)
    }

    /// Whether the user has signed in a moment ago, and may do what needs the password.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.began_at) < Self::FRESH
    }
}

/// For how long a link is good that sets a password.
pub const LINK_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// 62 to the power of 43 is a little more than 2 to the power of 256.
const LENGTH: usize = 43;

/// Digits of a session's id.
const ID: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_small_and_plain() {
        assert_eq!(
            UserName::parse(" Ann.B@example.com ").unwrap().as_str(),
            "ann.b@example.com"
        );
        for bad in ["", " ", "a b", "a/b", "a:b", "\u{e4}", &"a".repeat(65)] {
            assert!(UserName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_read_as_it_was_made() {
        let secret = Secret::of(&[9; 32]);
        let read = Secret::parse(secret.expose()).unwrap();
        assert_eq!(read.digest(), secret.digest());
        assert_ne!(Secret::of(&[8; 32]).digest(), secret.digest());
        assert!(!format!("{secret:?}").contains(secret.expose()));
        for bad in [
            "",
            "a",
            &"a".repeat(44),
            &format!("{}.", &secret.expose()[1..]),
        ] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_session_ends_if_it_rests_and_ends_at_last() {
        let session = session("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z");
        let user = user();
        let admitted = |session: &KeptSession, now: &str| session.admit(&user, at(now)).is_ok();
        assert!(admitted(&session, "2026-11-24T23:59:59Z"));
        assert!(!admitted(&session, "2026-11-25T00:00:00Z"));
        let used = self::session("2026-11-24T12:00:00Z", "2026-12-01T11:59:00Z");
        assert!(admitted(&used, "2026-12-01T11:59:59Z"));
        assert!(!admitted(&used, "2026-12-01T12:00:00Z"));
        assert!(session.is_fresh(at("2026-11-24T12:09:59Z")));
        assert!(!session.is_fresh(at("2026-11-24T12:10:00Z")));
        assert!(!session.is_used_again(at("2026-11-24T12:00:59Z")));
        assert!(session.is_used_again(at("2026-11-24T12:01:00Z")));
    }

    #[test]
    fn who_is_disabled_or_another_is_not_let_in() {
        let session = session("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z");
        let now = at("2026-11-24T12:00:01Z");
        let principal = session.admit(&user(), now).unwrap();
        assert_eq!(
            (principal.id.as_str(), principal.role),
            ("user:ann", Some(Role::Manager))
        );
        let disabled = KeptUser {
            disabled_at: Some(now),
            ..user()
        };
        assert_eq!(session.admit(&disabled, now), Err(SessionRefusal::Disabled));
        let other = KeptUser {
            name: UserName::parse("bob").unwrap(),
            ..user()
        };
        assert_eq!(session.admit(&other, now), Err(SessionRefusal::Unknown));
    }

    fn user() -> KeptUser {
        KeptUser {
            name: UserName::parse("ann").unwrap(),
            role: Role::Manager,
            password: None,
            password_at: None,
            created_at: at("2026-11-01T00:00:00Z"),
            created_by: "root".to_owned(),
            disabled_at: None,
            signed_in_at: None,
            link_until: None,
        }
    }

    fn session(began: &str, seen: &str) -> KeptSession {
        KeptSession {
            digest: Secret::of(&[9; 32]).digest(),
            user: UserName::parse("ann").unwrap(),
            began_at: at(began),
            seen_at: at(seen),
            ip: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
