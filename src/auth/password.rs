//! Passwords of users: argon2id after RFC 9106, with what OWASP asks of it.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// A password as somebody has typed it.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// What is stored of a password: it takes [`Self::fits`] tens of milliseconds and 19 MiB, so that it belongs on a thread of
/// its own.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest(String);

/// Why a text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("a password has {} characters at least", Password::LEAST)]
    Short,
    /// It is too long.
    #[error("a password has {} bytes at most", Password::MOST)]
    Long,
}

impl Password {
    /// Characters of a new one at least.
    pub const LEAST: usize = 12;

    /// Bytes at most, so that nobody has a book hashed.
    pub const MOST: usize = 1_024;

    /// One that is to be set.
    ///
    /// # Errors
    /// [`PasswordError`] if it is too short or too long.
    pub fn new(text: String) -> Result<Self, PasswordError> {
        if text.chars().count() < Self::LEAST {
            return Err(PasswordError::Short);
        }
        Self::given(text).ok_or(PasswordError::Long)
    }

    /// One that is to be compared, of any length up to [`Self::MOST`].
    pub fn given(text: String) -> Option<Self> {
        (text.len() <= Self::MOST).then(|| Self(text.into()))
    }
}

impl PasswordDigest {
    /// Of a password, with 16 random bytes.
    ///
    /// # Panics
    /// Never: what it is made with is within the limits.
    pub fn of(password: &Password, salt: &[u8; 16]) -> Self {
        let bytes = password.0.expose_secret().as_bytes();
        let hash = hasher().hash_password_with_salt(bytes, salt);
        Self(
            hash.expect("salt and length are within the limits")
                .to_string(),
        )
    }

    /// One as it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// One that no password fits, and which takes as long to find that out: for names that nobody has.
    pub fn of_nobody() -> Self {
        let none = format!(
            "$argon2id$v=19$m={MEMORY},t={PASSES},p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        );
        Self(none)
    }

    /// The text as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the digest of this password.
    pub fn fits(&self, password: &Password) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else {
            return false;
        };
        let bytes = password.0.expose_secret().as_bytes();
        hasher().verify_password(bytes, &hash).is_ok()
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest")
    }
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, 1, None);
    let params = params.expect("these are within the limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// KiB.
const MEMORY: u32 = 19 * 1_024;
const PASSES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_digest_and_no_other_does() {
        let password = |text: &str| Password::new(text.to_owned()).unwrap();
        let right = password("correct horse battery");
        let digest = PasswordDigest::of(&right, &[7; 16]);
        assert!(
            digest
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let stored = PasswordDigest::stored(digest.as_str().to_owned());
        assert!(stored.fits(&right));
        assert!(!stored.fits(&password("correct horse batterx")));
        assert_ne!(PasswordDigest::of(&right, &[8; 16]), digest);
        assert!(!PasswordDigest::stored("secret".to_owned()).fits(&right));
        assert!(!format!("{right:?}{digest:?}").contains("horse"));
    }

    #[test]
    fn nobody_s_digest_is_read_and_fits_nothing() {
        let nobody = PasswordDigest::of_nobody();
        assert!(PasswordHash::new(nobody.as_str()).is_ok());
        assert!(!nobody.fits(&Password::given(String::new()).unwrap()));
    }

    #[test]
    fn a_password_has_a_length() {
        let of = |count| Password::new("\u{e4}".repeat(count)).map(drop);
        assert_eq!(of(11), Err(PasswordError::Short));
        assert_eq!(of(12), Ok(()));
        assert_eq!(of(513), Err(PasswordError::Long));
        assert!(Password::given("x".to_owned()).is_some());
    }
}
