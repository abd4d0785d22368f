//! How values are stored: numbers, times and slugs.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IntoDeserializer as _, value};
use sha2::{Digest as _, Sha256};

use crate::{
    campaign::{
        HeldReason, RefusedReason,
        policy::{CampaignKind, ConsentKind},
    },
    drop::{Outcome, Proof, Technique},
    phone::PhoneNumber,
};

/// The stage of a contact. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContactStage {
    Due,
    Leased,
    Dialling,
    Ended,
    Refused,
}

impl ContactStage {
    const ALL: [Self; 5] = [
        Self::Due,
        Self::Leased,
        Self::Dialling,
        Self::Ended,
        Self::Refused,
    ];

    pub(super) const fn slug(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Leased => "leased",
            Self::Dialling => "dialling",
            Self::Ended => "ended",
            Self::Refused => "refused",
        }
    }

    pub(super) fn read(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.slug() == slug)
    }
}

/// Whether a text is a word by which something is named: `[a-z0-9_-]{1,64}`.
pub(super) fn is_word(text: &str) -> bool {
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number's digits.
pub(super) fn number(number: &PhoneNumber) -> i64 {
    let digits = number.digits().parse();
    digits.expect("fifteen digits at most fit")
}

/// The number of these digits.
pub(super) fn read_number(digits: i64) -> Option<PhoneNumber> {
    PhoneNumber::from_digits(u64::try_from(digits).ok()?)
}

/// A time in microseconds since 1970.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of so many microseconds since 1970.
pub(super) fn read_time(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

/// The outcome of this slug.
pub(super) fn outcome(slug: &str) -> Option<Outcome> {
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.slug() == slug)
}

/// The proof of this slug.
pub(super) fn proof(slug: &str) -> Option<Proof> {
    let all = [Proof::Proven, Proof::Probable, Proof::Unproven];
    all.into_iter().find(|proof| proof.slug() == slug)
}

/// What the row of a drop says of its technique. One that takes a call over is one of a single call there, and what belongs to
/// its order has the channel: earlier versions know two techniques.
pub(super) const fn stored_technique(technique: Technique) -> &'static str {
    match technique {
        Technique::Double => Technique::Double.slug(),
        Technique::Single | Technique::Adopted => Technique::Single.slug(),
    }
}

/// The technique of this slug.
pub(super) fn technique(slug: &str) -> Option<Technique> {
    by_slug(slug)
}

/// The reason of this slug.
pub(super) fn refused(slug: &str) -> Option<RefusedReason> {
    by_slug(slug)
}

/// The reason of this slug.
pub(super) fn held(slug: &str) -> Option<HeldReason> {
    by_slug(slug)
}

/// The kind of consent of this slug.
pub(super) fn consent(slug: &str) -> Option<ConsentKind> {
    by_slug(slug)
}

/// The kind of campaign of this slug.
pub(super) fn campaign_kind(slug: &str) -> Option<CampaignKind> {
    by_slug(slug)
}

/// The slug of a kind of consent.
pub(super) const fn consent_slug(kind: ConsentKind) -> &'static str {
    match kind {
        ConsentKind::Written => "written",
        ConsentKind::Verbal => "verbal",
    }
}

/// The variant whose serialised name this is.
fn by_slug<T: DeserializeOwned>(slug: &str) -> Option<T> {
    let text: value::StrDeserializer<'_, value::Error> = slug.into_deserializer();
    T::deserialize(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        for each in Outcome::ALL {
            assert_eq!(outcome(each.slug()), Some(each));
        }
        for each in [Proof::Proven, Proof::Probable, Proof::Unproven] {
            assert_eq!(proof(each.slug()), Some(each));
        }
        for each in [Technique::Double, Technique::Single, Technique::Adopted] {
            assert_eq!(technique(each.slug()), Some(each));
        }
        for each in [ConsentKind::Written, ConsentKind::Verbal] {
            assert_eq!(consent(consent_slug(each)), Some(each));
        }
        for each in [
            RefusedReason::DoNotCall,
            RefusedReason::NoConsent,
            RefusedReason::InvalidNumber,
            RefusedReason::BlockedPrefix,
            RefusedReason::EmergencyNumber,
            RefusedReason::Duplicate,
        ] {
            assert_eq!(refused(each.slug()), Some(each));
        }
        for each in [
            HeldReason::CallingHours,
            HeldReason::FrequencyCap,
            HeldReason::Paused,
        ] {
            assert_eq!(held(each.slug()), Some(each));
        }
        for each in [CampaignKind::Informational, CampaignKind::Marketing] {
            assert_eq!(campaign_kind(&each.to_string()), Some(each));
        }
        assert_eq!(outcome("Delivered"), None);
        assert_eq!(refused("'; DROP TABLE contacts; --"), None);
    }

    #[test]
    fn numbers_and_times_are_read_again() {
        let longest = PhoneNumber::from_digits(999_999_999_999_999).unwrap();
        assert_eq!(read_number(number(&longest)), Some(longest));
        assert_eq!(read_number(-1), None);
        assert_eq!(read_number(911), None);
        let at: Timestamp = "2026-11-23T20:00:00.123456Z".parse().unwrap();
        assert_eq!(read_time(micros(at)), Some(at));
        assert_eq!(read_time(i64::MAX), None);
    }
}
