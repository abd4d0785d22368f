//! What the API needs of webhooks: addresses that are looked at, secrets that are made and kept, and pings.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    address::TargetFault,
    attempt::HookAttempt,
    client::{HookClient, HookClientError, SignedMessage},
    key_file::{self, KeyFileError},
    message,
    signature::{SignatureKind, WebhookSecret, signatures},
    vault::Vault,
};
use crate::{
    clock,
    config::Config,
    id::DropId,
    store::{SealedSecret, Webhook, WebhookId},
};

/// Makes, opens and pings endpoints. Clones are the same.
#[derive(Clone, Debug)]
pub struct Webhooks {
    pub(super) client: HookClient,
    config: watch::Receiver<Arc<Config>>,
    vault: Arc<OnceLock<Vault>>,
}

impl Webhooks {
    /// By the configuration in force.
    ///
    /// # Errors
    /// [`HookClientError`] if certificates cannot be read.
    pub fn new(config: watch::Receiver<Arc<Config>>) -> Result<Self, HookClientError> {
        Ok(Self {
            client: HookClient::new(config.clone())?,
            config,
            vault: Arc::default(),
        })
    }

    /// Whether an endpoint may be where a text says; returns the text in its usual form. The same is looked at again at each
    /// connection.
    ///
    /// # Errors
    /// [`TargetFault`].
    pub async fn check(&self, url: &str) -> Result<String, TargetFault> {
        self.client.check(url).await
    }

    /// A new secret, and what seals it for an endpoint.
    ///
    /// # Errors
    /// [`KeyFileError`] if the key cannot be had.
    pub fn new_secret(
        &self,
        kind: SignatureKind,
    ) -> Result<
        (
            WebhookSecret,
            impl FnOnce(WebhookId) -> String + Send + use<>,
        ),
        KeyFileError,
    > {
        let secret = WebhookSecret::of(kind, random());
        let nonce = random();
        self.vault()?;
        let (vault, sealed) = (Arc::clone(&self.vault), secret.clone());
        let seal = move |webhook| {
            let vault = vault.get().expect("it was made above");
            vault.seal(&sealed, webhook, nonce)
        };
        Ok((secret, seal))
    }

    /// The secrets of an endpoint; `None` if one of them was sealed by another key.
    ///
    /// # Errors
    /// [`KeyFileError`] if the key cannot be had.
    pub fn open(
        &self,
        webhook: WebhookId,
        sealed: &[SealedSecret],
    ) -> Result<Option<Vec<WebhookSecret>>, KeyFileError> {
        let vault = self.vault()?;
        let open = |secret: &SealedSecret| vault.open(&secret.sealed, webhook);
        Ok(sealed.iter().map(open).collect())
    }

    /// Sends a message that tries an endpoint, and waits for the answer; `None` if its secrets were sealed by another key.
    ///
    /// # Errors
    /// [`KeyFileError`] if the key cannot be had.
    pub async fn ping(
        &self,
        webhook: &Webhook,
        sealed: &[SealedSecret],
    ) -> Result<Option<HookAttempt>, KeyFileError> {
        let Some(secrets) = self.open(webhook.id, sealed)? else {
            return Ok(None);
        };
        // Made as drops' ids are: the time, and enough that is random.
        let id = format!("ping_{}", DropId::generate());
        let at = now();
        let body = message::ping(&id, &webhook.id.to_string(), at);
        let message = SignedMessage {
            id: &id,
            at,
            signatures: &signatures(&secrets, &id, at, &body),
            body: &body,
        };
        Ok(Some(self.client.send(&webhook.settings.url, message).await))
    }

    /// What seals secrets, once it is needed: a server without webhooks needs no key.
    fn vault(&self) -> Result<&Vault, KeyFileError> {
        if let Some(vault) = self.vault.get() {
            return Ok(vault);
        }
        let config = Arc::clone(&self.config.borrow());
        let (file, may_be_made) = match &config.webhooks.key_file {
            Some(file) => (file.clone(), false),
            None => (config.state_dir.join("webhooks.key"), true),
        };
        if may_be_made {
            config.make_state_dir();
        }
        let key = key_file::read(&file, may_be_made, random())?;
        Ok(self.vault.get_or_init(|| Vault::new(&key)))
    }
}

/// The current time, as the database keeps it.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).expect("the clock shows a year before 10000")
}

/// Bytes that nobody can guess.
pub(super) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
