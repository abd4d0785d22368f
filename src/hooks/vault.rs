//! Secrets as the database keeps them: sealed by a key that is not in it, so that whoever reads the database, or a copy of it,
//! cannot sign.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::signature::{SignatureKind, WebhookSecret};
use crate::store::WebhookId;

/// What anybody may know of a sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretShown {
    /// How it signs.
    pub kind: SignatureKind,
    /// What verifies, if that is not the secret itself.
    pub public_key: Option<String>,
}

/// What anybody may know of a sealed secret. One of Ed25519 has its public key before it; a program that knows no such secret
/// cannot open it, and leaves the endpoint to others.
pub fn shown(sealed: &str) -> SecretShown {
    match split(sealed) {
        Some((public, _)) => SecretShown {
            kind: SignatureKind::V1a,
            public_key: Some(public.to_owned()),
        },
        None => SecretShown {
            kind: SignatureKind::V1,
            public_key: None,
        },
    }
}

/// The public key and what is sealed, of a secret of Ed25519.
fn split(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(V1A)?.split_once('.')
}

/// The key that seals secrets.
pub(super) struct Vault(LessSafeKey);

impl Vault {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key);
        Self(LessSafeKey::new(key.expect("a key has 32 bytes")))
    }

    /// A secret of an endpoint, sealed; `nonce` is random, and never the same twice.
    pub(super) fn seal(
        &self,
        secret: &WebhookSecret,
        webhook: WebhookId,
        nonce: [u8; NONCE_LEN],
    ) -> String {
        let mut sealed = secret.bytes().to_vec();
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce_used, bound_to(webhook, secret.kind()), &mut sealed)
            .expect("32 bytes are not too long");
        let mut text = nonce.to_vec();
        text.append(&mut sealed);
        let sealed = BASE64_STANDARD.encode(text);
        match secret.public_key() {
            Some(public) => format!("{V1A}{public}.{sealed}"),
            None => sealed,
        }
    }

    /// The secret; `None` if it was sealed by another key, for another endpoint, or changed.
    pub(super) fn open(&self, sealed: &str, webhook: WebhookId) -> Option<WebhookSecret> {
        let (kind, base64) = match split(sealed) {
            Some((_, base64)) => (SignatureKind::V1a, base64),
            None => (SignatureKind::V1, sealed),
        };
        let bytes = BASE64_STANDARD.decode(base64).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, bound_to(webhook, kind), &mut sealed)
            .ok()?;
        let bytes: [u8; 32] = (&*opened).try_into().ok()?;
        Some(WebhookSecret::of(kind, bytes))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// A sealed secret that is copied to another endpoint's row is none, and neither is one that is said to be of another kind.
fn bound_to(webhook: WebhookId, kind: SignatureKind) -> Aad<String> {
    Aad::from(match kind {
        SignatureKind::V1 => webhook.to_string(),
        SignatureKind::V1a => format!("{webhook} {}", kind.slug()),
    })
}

/// What the secrets of Ed25519 begin with; base64 has no dot.
const V1A: &str = "v1a.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_opened_by_its_key_for_its_endpoint() {
        let vault = Vault::new(&[1; 32]);
        let secret = WebhookSecret::of(SignatureKind::V1, [9; 32]);
        let sealed = vault.seal(&secret, WebhookId(3), [2; NONCE_LEN]);
        assert_eq!(vault.open(&sealed, WebhookId(3)), Some(secret.clone()));
        assert_eq!(vault.open(&sealed, WebhookId(4)), None);
        assert_eq!(Vault::new(&[2; 32]).open(&sealed, WebhookId(3)), None);
        let mut changed = sealed.clone();
        changed.replace_range(30..31, if &sealed[30..31] == "A" { "B" } else { "A" });
        for bad in ["", "AAAA", "%", &changed] {
            assert_eq!(vault.open(bad, WebhookId(3)), None, "{bad}");
        }
        let again = vault.seal(&secret, WebhookId(3), [3; NONCE_LEN]);
        assert_ne!(again, sealed);
        assert_eq!(shown(&sealed).kind, SignatureKind::V1);
    }

    #[test]
    fn a_secret_of_ed25519_shows_its_public_key_and_is_no_other() {
        let vault = Vault::new(&[1; 32]);
        let secret = WebhookSecret::of(SignatureKind::V1a, [9; 32]);
        let sealed = vault.seal(&secret, WebhookId(3), [2; NONCE_LEN]);
        assert_eq!(vault.open(&sealed, WebhookId(3)), Some(secret.clone()));
        let public = shown(&sealed).public_key;
        assert!(public.is_some() && public == secret.public_key());
        // As a secret of the other kind it is none, so that its seed signs nothing else.
        let (_, alone) = split(&sealed).unwrap();
        assert_eq!(vault.open(alone, WebhookId(3)), None);
    }
}
