//! Signatures after Standard Webhooks 1.0.0: HMAC-SHA-256 over the id, the time of the attempt and the body.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use crate::auth::Seal;

/// The secret of an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret([u8; 32]);

impl WebhookSecret {
    /// A secret of random bytes.
    pub const fn of(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// The whole of it, for its owner; it is shown once.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(self.0))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The signature of a message.
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let text = format!("{id}.{}.{body}", at.as_second());
        let tag = Seal::new(&self.0).tag(text.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(tag))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// The header of a message that is signed with every secret that counts.
pub(super) fn signatures(secrets: &[WebhookSecret], id: &str, at: Timestamp, body: &str) -> String {
    let all: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(id, at, body))
        .collect();
    all.join(" ")
}

const PREFIX: &str = "whsec_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_published_libraries() {
        // python3: Webhook("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        //     .sign("evt_42", datetime.fromtimestamp(1790000000, timezone.utc), '{"a":1}')
        let secret = WebhookSecret::of(std::array::from_fn(|at| at as u8));
        assert_eq!(
            secret.expose(),
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        );
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        assert_eq!(secret.sign("evt_42", at, r#"{"a":1}"#), KNOWN);
        for other in [
            secret.sign("evt_43", at, r#"{"a":1}"#),
            secret.sign("evt_42", at, r#"{"a":2}"#),
            secret.sign(
                "evt_42",
                Timestamp::from_second(1_790_000_001).unwrap(),
                r#"{"a":1}"#,
            ),
        ] {
            assert_ne!(other, KNOWN);
        }
        let both = [secret.clone(), WebhookSecret::of([7; 32])];
        let both = signatures(&both, "evt_42", at, r#"{"a":1}"#);
        assert!(both.starts_with(&format!("{KNOWN} v1,")), "{both}");
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }

    const KNOWN: &str = "v1,aM4BhU2ZCECl0b6hSk2qZ7UqL4vXMDwHm+9Nvr/yOkU=";
}
