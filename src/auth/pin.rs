//! PINs, by which people show at a telephone who they are: four digits that find the user, and six that are secret.

use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Password, PasswordDigest};

/// A PIN: ten digits.
#[derive(Clone, Debug)]
pub struct Pin {
    number: u16,
    /// All of it.
    text: SecretString,
}

impl Pin {
    /// How often another is made for a user if somebody has its number.
    pub const TRIES: u32 = 20;

    /// One of random bytes.
    pub fn of(random: &[u8; 8]) -> Self {
        let [a, b, c, d, rest @ ..] = *random;
        let number = 1_000 + u32::from_be_bytes([a, b, c, d]) % 9_000;
        let secret = u32::from_be_bytes(rest) % 1_000_000;
        Self {
            number: u16::try_from(number).unwrap_or(u16::MAX),
            text: format!("{number}{secret:06}").into(),
        }
    }

    /// Reads one as it was typed; `None` if it is none by its shape.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        let number: Option<u16> = text.get(..NUMBER)?.parse().ok();
        Some(Self {
            number: number.filter(|number| is_one && *number >= 1_000)?,
            text: text.to_owned().into(),
        })
    }

    /// The part of it that finds the user, 1000 to 9999.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// It as a password, which is stored and compared in the same way. `None` of no PIN: it is far below the longest password.
    pub fn password(&self) -> Option<Password> {
        Password::given(self.expose().to_owned())
    }

    /// What is stored of it; it takes as long as with a password.
    pub fn digest(&self, salt: &[u8; 16]) -> PasswordDigest {
        let text = self.password();
        text.map_or_else(PasswordDigest::of_nobody, |text| {
            PasswordDigest::of(&text, salt)
        })
    }

    /// Whether it is the one of this digest.
    pub fn fits(&self, digest: &PasswordDigest) -> bool {
        self.password().is_some_and(|text| digest.fits(&text))
    }

    /// The whole of it, for who is to have it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// For how long a PIN is not looked at that was tried so often since it was last right; `None`: it is.
    ///
    /// Five tries are free; then it rests for a quarter of an hour, and after each further one twice as long, up to a day.
    pub fn rests(tries: u32) -> Option<SignedDuration> {
        let doublings = tries.checked_sub(FREE)?.min(LONGEST_REST_AFTER);
        Some((FIRST_REST * (1 << doublings)).min(LONGEST_REST))
    }
}

/// Digits of a PIN.
const DIGITS: usize = 10;

/// Digits of the part that finds the user.
const NUMBER: usize = 4;

/// Tries after which it rests for the first time.
const FREE: u32 = 5;

const FIRST_REST: SignedDuration = SignedDuration::from_mins(15);
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(24);

/// Doublings after which a rest is the longest: 15 min by 2 to the power of 7 is more than a day.
const LONGEST_REST_AFTER: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_ten_digits_and_is_read_as_it_was_made() {
        for random in [[0; 8], [255; 8], [1, 2, 3, 4, 5, 6, 7, 8]] {
            let pin = Pin::of(&random);
            assert!((1_000..=9_999).contains(&pin.number()));
            let read = Pin::parse(pin.expose()).unwrap();
            assert_eq!((read.number(), read.expose()), (pin.number(), pin.expose()));
            assert!(pin.expose().starts_with(&pin.number().to_string()));
            assert!(!format!("{pin:?}").contains(pin.expose()));
        }
        for bad in [
            "",
            "123456789",
            "12345678901",
            "0123456789",
            "12345x7890",
            "\u{661}23456789",
        ] {
            assert!(Pin::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_pin_fits_its_digest_and_no_other_s() {
        let (one, other) = (Pin::of(&[1; 8]), Pin::of(&[2; 8]));
        let digest = one.digest(&[7; 16]);
        assert!(digest.as_str().starts_with("$argon2id$"));
        assert!(one.fits(&digest) && !other.fits(&digest));
        assert!(!one.fits(&PasswordDigest::of_nobody()));
    }

    #[test]
    fn a_pin_rests_longer_and_longer() {
        let minutes: Vec<_> = (0..=20)
            .map(|tries| Pin::rests(tries).map_or(0, |rest| rest.as_mins()))
            .collect();
        assert_eq!(minutes[..5], [0; 5]);
        assert_eq!(minutes[5..12], [15, 30, 60, 120, 240, 480, 960]);
        assert!(minutes[12..].iter().all(|minutes| *minutes == 1_440));
        assert!(Pin::rests(u32::MAX).is_some());
    }
}
