//! Tokens: `aft_`, 8 characters that name it, `_`, 43 that are secret, and 6 that are a checksum of all before them.
//!
//! Scanners for secrets know it by its shape and its checksum. What is stored is the SHA-256 of the whole text: the secret
//! part is 256 random bits, which nobody guesses from a digest.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Principal, Scopes};

/// A token, as its owner has it.
#[derive(Clone, Debug)]
pub struct Token {
    id: TokenId,
    text: SecretString,
}

/// The part of a token that may be shown: 8 of `0` to `9`, `A` to `Z` and `a` to `z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(String);

/// The SHA-256 of a token, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDigest(String);

/// A token as it is stored, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptToken {
    /// Its id.
    pub id: TokenId,
    /// Its name, for people.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// Its digest.
    pub digest: TokenDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// From when on it is good for nothing; `None`: it does not expire.
    pub expires_at: Option<Timestamp>,
    /// The networks from which it may be used; empty: from all.
    pub networks: Vec<IpNet>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_from: Option<IpAddr>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Why a token is not taken. The words of all are the same for who asks; which it was is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// There is none of this id, or its secret is another.
    Unknown,
    /// It has expired.
    Expired,
    /// It was revoked.
    Revoked,
    /// It may not be used from this address.
    Network,
}

impl Token {
    /// A token of random bytes.
    pub fn of(random: &[u8; 40]) -> Self {
        let (id, secret) = random.split_at(8);
        let id: String = id.iter().map(|byte| digit(u32::from(*byte) % 62)).collect();
        let body = format!("{PREFIX}{id}_{}", base62(secret, SECRET));
        let text = format!("{body}{}", checksum(&body));
        Self {
            id: TokenId(id),
            text: text.into(),
        }
    }

    /// Reads a token; `None` if it is not one by its shape and checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_word = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_word || rest.len() != ID + 1 + SECRET + CHECKSUM {
            return None;
        }
        let (id, secret) = rest.split_once('_')?;
        if id.len() != ID || secret.contains('_') {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM);
        (checksum(body) == sum).then(|| Self {
            id: TokenId(id.to_owned()),
            text: text.to_owned().into(),
        })
    }

    /// The part that may be shown.
    pub const fn id(&self) -> &TokenId {
        &self.id
    }

    /// What is stored of it.
    pub fn digest(&self) -> TokenDigest {
        let bytes = Sha256::digest(self.text.expose_secret());
        TokenDigest(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The whole of it, for its owner; it is shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl TokenId {
    /// Reads an id; `None` if it is not one.
    pub fn new(text: &str) -> Option<Self> {
        let is_one = text.len() == ID && text.bytes().all(|b| b.is_ascii_alphanumeric());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TokenDigest {
    /// A digest as it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The digest as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeptToken {
    /// Whether it is good for anything at this moment.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }

    /// Who is let in by it, from an address and at a moment; that its secret was shown is known.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn admits(&self, from: IpAddr, now: Timestamp) -> Result<Principal, TokenRefusal> {
        if self.revoked_at.is_some() {
            return Err(TokenRefusal::Revoked);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(TokenRefusal::Expired);
        }
        let from = from.to_canonical();
        if !self.networks.is_empty() && !self.networks.iter().any(|net| net.contains(&from)) {
            return Err(TokenRefusal::Network);
        }
        Ok(Principal {
            id: format!("token:{}", self.id),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            role: None,
        })
    }
}

/// Takes a token that was presented from an address: `kept` is what is stored under its id. How long it takes does not
/// depend on how much of the secret was right.
///
/// # Errors
/// [`TokenRefusal`].
pub fn admit(
    presented: &Token,
    kept: Option<&KeptToken>,
    from: IpAddr,
    now: Timestamp,
) -> Result<Principal, TokenRefusal> {
    let kept = kept.ok_or(TokenRefusal::Unknown)?;
    let (given, stored) = (presented.digest(), &kept.digest);
    if !bool::from(given.0.as_bytes().ct_eq(stored.0.as_bytes())) {
        return Err(TokenRefusal::Unknown);
    }
    kept.admits(from, now)
}

/// Whether a use is to be written down: once a minute is enough.
pub fn is_used_again(kept: &KeptToken, now: Timestamp) -> bool {
    let is_recent = |at: Timestamp| now.duration_since(at) < USE_EVERY;
    !kept.last_used_at.is_some_and(is_recent)
}

/// Big-endian bytes as a number to the base 62, of so many digits.
pub(super) fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec!['0'; digits];
    for place in text.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *place = digit(rest);
    }
    text.into_iter().collect()
}

fn digit(value: u32) -> char {
    char::from(DIGITS[value as usize])
}

/// The CRC-32 of a text as six digits to the base 62.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low == 1 {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    base62(&(!crc).to_be_bytes(), CHECKSUM)
}

const PREFIX: &str = "aft_";
const ID: usize = 8;
/// 256 bits: 62 to the power of 43 is a little more than 2 to the power of 256.
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How often the use of a token is written down at most.
const USE_EVERY: SignedDuration = SignedDuration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scope;

    #[test]
    fn a_checksum_is_the_crc_32_of_zlib() {
        // python3 -c 'import zlib; print(zlib.crc32(b"123456789"))'
        assert_eq!(
            checksum("123456789"),
            base62(&3_421_780_262_u32.to_be_bytes(), 6)
        );
    }

    #[test]
    fn bytes_become_digits_of_their_number() {
        assert_eq!(base62(&[0, 0], 3), "000");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&[1, 0], 2), "48");
        assert_eq!(base62(&[255; 32], 43).len(), 43);
        assert_ne!(base62(&[255; 32], 43), base62(&[254; 32], 43));
    }

    #[test]
    fn a_token_is_read_as_it_was_made() {
        let token = Token::of(&random());
        let text = token.expose();
        assert_eq!(text.len(), 62);
        let read = Token::parse(text).unwrap();
        assert_eq!((read.id(), read.digest()), (token.id(), token.digest()));
        assert!(!format!("{token:?}").contains(text));
        let mut other = text.to_owned();
        other.replace_range(20..21, if &text[20..21] == "a" { "b" } else { "a" });
        for bad in [
            "",
            "aft_",
            &text[1..],
            &text[..61],
            &format!("{text}0"),
            &text.replace("aft_", "att_"),
            &other,
            &text.replacen('_', "-", 2),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_taken_until_it_expires_and_from_its_networks() {
        let token = Token::of(&random());
        let kept = kept(&token);
        let home: IpAddr = "10.1.2.3".parse().unwrap();
        let now = at("2026-11-24T12:00:00Z");
        let taken = admit(&token, Some(&kept), home, now).unwrap();
        assert_eq!(taken.id, format!("token:{}", token.id()));
        let mapped = "::ffff:10.1.2.3".parse().unwrap();
        assert!(admit(&token, Some(&kept), mapped, now).is_ok());
        let refusal = |token: &Token, kept: Option<&KeptToken>, from: &str, now: &str| {
            admit(token, kept, from.parse().unwrap(), at(now)).unwrap_err()
        };
        let today = "2026-11-24T12:00:00Z";
        let mut random = random();
        random[20] ^= 1;
        let guessed = Token::of(&random);
        assert_eq!(guessed.id(), token.id());
        let revoked = KeptToken {
            revoked_at: Some(now),
            ..kept.clone()
        };
        for (words, was, expected) in [
            (
                "no such token",
                refusal(&token, None, "10.1.2.3", today),
                TokenRefusal::Unknown,
            ),
            (
                "another secret",
                refusal(&guessed, Some(&kept), "10.1.2.3", today),
                TokenRefusal::Unknown,
            ),
            (
                "from elsewhere",
                refusal(&token, Some(&kept), "10.2.0.1", today),
                TokenRefusal::Network,
            ),
            (
                "revoked",
                refusal(&token, Some(&revoked), "10.1.2.3", today),
                TokenRefusal::Revoked,
            ),
            (
                "at its last moment",
                refusal(&token, Some(&kept), "10.1.2.3", "2026-12-01T00:00:00Z"),
                TokenRefusal::Expired,
            ),
        ] {
            assert_eq!(was, expected, "{words}");
        }
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let token = Token::of(&random());
        let used = |last: Option<&str>, now: &str| {
            let kept = KeptToken {
                last_used_at: last.map(at),
                ..kept(&token)
            };
            is_used_again(&kept, at(now))
        };
        assert!(used(None, "2026-11-24T12:00:00Z"));
        assert!(!used(Some("2026-11-24T12:00:00Z"), "2026-11-24T12:00:59Z"));
        assert!(used(Some("2026-11-24T12:00:00Z"), "2026-11-24T12:01:00Z"));
    }

    fn kept(token: &Token) -> KeptToken {
        KeptToken {
            id: token.id().clone(),
            name: "crm".to_owned(),
            scopes: Scopes::from_iter([Scope::DropsWrite]),
            digest: token.digest(),
            created_at: at("2026-11-01T00:00:00Z"),
            created_by: "ann".to_owned(),
            expires_at: Some(at("2026-12-01T00:00:00Z")),
            networks: vec!["10.1.0.0/16".parse().unwrap()],
            last_used_at: None,
            last_used_from: None,
            revoked_at: None,
        }
    }

    fn random() -> [u8; 40] {
        std::array::from_fn(|at| u8::try_from(at * 37 % 256).unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
