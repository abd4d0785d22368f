//! Signatures after Standard Webhooks 1.0.0 over the id, the time of the attempt and the body: `v1`, HMAC-SHA-256 by a secret that
//! both sides have, and `v1a`, Ed25519 by a key that only this side has.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::auth::Seal;

/// How messages are signed. Slugs are sent and stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureKind {
    /// HMAC-SHA-256, by a secret that the receiver has too.
    #[default]
    V1,
    /// Ed25519: the receiver has the public key, which signs nothing.
    V1a,
}

impl SignatureKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::V1, Self::V1a];

    /// The word before a signature.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }
}

/// The secret of an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret {
    bytes: [u8; 32],
    kind: SignatureKind,
}

impl WebhookSecret {
    /// A secret of random bytes.
    pub const fn of(kind: SignatureKind, random: [u8; 32]) -> Self {
        Self {
            bytes: random,
            kind,
        }
    }

    /// The whole of it, for its owner; it is shown once. `None` for a key of ours alone, which nobody needs.
    pub fn expose(&self) -> Option<String> {
        match self.kind {
            SignatureKind::V1 => Some(format!("{SECRET}{}", BASE64_STANDARD.encode(self.bytes))),
            SignatureKind::V1a => None,
        }
    }

    /// How it signs.
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// What anybody may have who verifies; `None` if that is the secret itself.
    pub fn public_key(&self) -> Option<String> {
        match self.kind {
            SignatureKind::V1 => None,
            SignatureKind::V1a => {
                let public = BASE64_STANDARD.encode(self.pair().public_key());
                Some(format!("{PUBLIC}{public}"))
            }
        }
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The signature of a message.
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let text = signed_text(id, &at.as_second().to_string(), body.as_bytes());
        let signature = match self.kind {
            SignatureKind::V1 => BASE64_STANDARD.encode(Seal::new(&self.bytes).tag(&text)),
            SignatureKind::V1a => BASE64_STANDARD.encode(self.pair().sign(&text)),
        };
        format!("{},{signature}", self.kind.slug())
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.bytes).expect("a seed has 32 bytes")
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// What is signed.
pub(super) fn signed_text(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// The header of a message that is signed with every secret that counts.
pub(super) fn signatures(secrets: &[WebhookSecret], id: &str, at: Timestamp, body: &str) -> String {
    let all: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(id, at, body))
        .collect();
    all.join(" ")
}

/// What a secret begins with.
pub(super) const SECRET: &str = "whsec_";

/// What a public key begins with.
pub(super) const PUBLIC: &str = "whpk_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_published_libraries() {
        // python3: Webhook("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        //     .sign("evt_42", datetime.fromtimestamp(1790000000, timezone.utc), '{"a":1}')
        let secret = WebhookSecret::of(SignatureKind::V1, SEED);
        assert_eq!(
            secret.expose().as_deref(),
            Some("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        );
        assert_eq!(secret.public_key(), None);
        assert_eq!(secret.sign("evt_42", at(), r#"{"a":1}"#), KNOWN);
        for other in [
            secret.sign("evt_43", at(), r#"{"a":1}"#),
            secret.sign("evt_42", at(), r#"{"a":2}"#),
            secret.sign(
                "evt_42",
                Timestamp::from_second(1_790_000_001).unwrap(),
                r#"{"a":1}"#,
            ),
        ] {
            assert_ne!(other, KNOWN);
        }
        let both = [
            secret.clone(),
            WebhookSecret::of(SignatureKind::V1, [7; 32]),
        ];
        let both = signatures(&both, "evt_42", at(), r#"{"a":1}"#);
        assert!(both.starts_with(&format!("{KNOWN} v1,")), "{both}");
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }

    #[test]
    fn a_signature_by_ed25519_is_that_of_other_libraries() {
        // python3, `cryptography`: Ed25519PrivateKey.from_private_bytes(bytes(range(32))), its public key, and
        //     .sign(b'evt_42.1790000000.{"a":1}'), in base64.
        let secret = WebhookSecret::of(SignatureKind::V1a, SEED);
        assert_eq!(secret.expose(), None);
        assert_eq!(
            secret.public_key().as_deref(),
            Some("whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
        );
        assert_eq!(secret.sign("evt_42", at(), r#"{"a":1}"#), KNOWN_V1A);
    }

    fn at() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    const SEED: [u8; 32] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ];
    const KNOWN: &str = "v1,aM4BhU2ZCECl0b6hSk2qZ7UqL4vXMDwHm+9Nvr/yOkU=";
    const KNOWN_V1A: &str = "v1a,iIbhr5uR0aJ/gZm9tSt+bVe+e+4p8i9vJs/H1OxSAcGjF7hXIz/ADmCLOagv5AIGmuhEIhozFbpXXaA4znetAQ==";
}
