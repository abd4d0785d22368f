//! The endpoints that this server sends to: held by a lease each, so that one server sends to one of them at a time, and each with
//! a worker of its own, so that none waits for another.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    key_file::KeyFileError,
    load::Loader,
    webhooks::{Webhooks, now},
    worker::{EndpointWorker, WorkerParts},
};
use crate::{
    clock,
    error_chain::chain,
    id::DropId,
    store::{Store, StoreError, WebhookId, WebhookSign},
    tasks,
};

/// Begins to send to every endpoint that no other server sends to, until `stopping` is cancelled. Then nothing more is sent, what
/// was sent is written, and the endpoints are given back.
pub fn begin_sending(
    store: Store,
    webhooks: Webhooks,
    stopping: CancellationToken,
) -> JoinHandle<()> {
    let sender = WebhookSender {
        store,
        webhooks,
        // A name that no other server has, nor this one at another time.
        server: DropId::generate().to_string(),
        newest: watch::Sender::new(0),
        workers: JoinSet::new(),
        running: BTreeMap::new(),
        held: BTreeSet::new(),
        held_at: None,
        unopened: BTreeMap::new(),
        said: None,
    };
    tokio::spawn(sender.run(stopping))
}

struct WebhookSender {
    store: Store,
    webhooks: Webhooks,
    server: String,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
    workers: JoinSet<WebhookId>,
    running: BTreeMap<WebhookId, RunningWorker>,
    held: BTreeSet<WebhookId>,
    held_at: Option<Instant>,
    /// Endpoints whose secrets were sealed by another key, by their version.
    unopened: BTreeMap<WebhookId, i64>,
    /// What was last said of why nothing is sent.
    said: Option<String>,
}

struct RunningWorker {
    version: i64,
    orders: watch::Sender<i64>,
    stop: CancellationToken,
}

/// Why there is nothing to be sent at this moment.
#[derive(Debug, thiserror::Error)]
enum SendingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

impl WebhookSender {
    async fn run(mut self, stopping: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                Some(ended) = self.workers.join_next() => self.on_ended(ended),
                _ = ticks.tick() => {
                    let looked = self.look().await;
                    self.say(looked.err());
                }
            }
        }
        self.finish().await;
    }

    /// Sees to it that each endpoint has what it needs.
    async fn look(&mut self) -> Result<(), SendingError> {
        let signs = self.store.webhook_signs(&self.server, now()).await?;
        self.follow(&signs);
        let enabled: Vec<_> = signs.iter().filter(|sign| sign.is_enabled).collect();
        if enabled.is_empty() {
            return Ok(());
        }
        self.unopened.retain(|id, version| {
            let mut enabled = enabled.iter();
            enabled.any(|sign| sign.id == *id && sign.version == *version)
        });
        let is_free = enabled.iter().any(|sign| {
            let is_ours = self.held.contains(&sign.id) || self.unopened.contains_key(&sign.id);
            !sign.is_held && !is_ours
        });
        let is_late = self
            .held_at
            .is_none_or(|at| clock::now().duration_since(at) >= HOLD_EVERY);
        if is_free || (is_late && !self.held.is_empty()) {
            self.hold().await?;
        }
        for sign in enabled {
            if self.held.contains(&sign.id) && !self.running.contains_key(&sign.id) {
                self.begin(sign).await?;
            }
        }
        if !self.running.is_empty() {
            let newest = self.store.event_range().await?.newest;
            self.newest.send_if_modified(|known| {
                let is_news = newest != *known;
                *known = newest;
                is_news
            });
        }
        Ok(())
    }

    /// Ends the workers of endpoints that were changed, and passes orders on.
    fn follow(&self, signs: &[WebhookSign]) {
        for (id, worker) in &self.running {
            let sign = signs.iter().find(|sign| sign.id == *id);
            match sign.filter(|sign| sign.is_enabled && sign.version == worker.version) {
                Some(sign) => {
                    worker.orders.send_if_modified(|orders| {
                        let is_news = *orders != sign.orders;
                        *orders = sign.orders;
                        is_news
                    });
                }
                None => worker.stop.cancel(),
            }
        }
    }

    async fn hold(&mut self) -> Result<(), SendingError> {
        let except: Vec<_> = self.unopened.keys().copied().collect();
        let held = self
            .store
            .hold_webhooks(&self.server, &except, now())
            .await?;
        self.held = held.into_iter().collect();
        self.held_at = Some(clock::now());
        for (id, worker) in &self.running {
            if !self.held.contains(id) {
                worker.stop.cancel();
            }
        }
        Ok(())
    }

    async fn begin(&mut self, sign: &WebhookSign) -> Result<(), SendingError> {
        let id = sign.id;
        let begun = self.store.begin_webhook(id, &self.server, now()).await?;
        let Some((webhook, sealed)) = begun else {
            self.held.remove(&id);
            return Ok(());
        };
        let Some(secrets) = self.webhooks.open(id, &sealed)? else {
            warn!(
                webhook = %id,
                "its secret was sealed by another key, so that this server cannot send to it: give all servers the same \
                 `webhooks.key_file`, or rotate the secret"
            );
            self.unopened.insert(id, webhook.version);
            return self.hold().await;
        };
        let ends = sealed.iter().map(|secret| secret.expires_at);
        let stop = CancellationToken::new();
        let (orders, ordered) = watch::channel(webhook.orders);
        self.running.insert(
            id,
            RunningWorker {
                version: webhook.version,
                orders,
                stop: stop.clone(),
            },
        );
        debug!(webhook = %id, "begins to send");
        let worker = EndpointWorker::new(WorkerParts {
            loader: Loader {
                store: self.store.clone(),
                server: self.server.clone(),
                webhook,
            },
            client: self.webhooks.client.clone(),
            secrets: secrets.into_iter().zip(ends).collect(),
            newest: self.newest.subscribe(),
            orders: ordered,
            stop,
        });
        self.workers.spawn(async move {
            worker.run().await;
            id
        });
        Ok(())
    }

    fn on_ended(&mut self, ended: Result<WebhookId, tokio::task::JoinError>) {
        self.running.remove(&tasks::outcome(ended));
    }

    /// Says why nothing is sent, once.
    fn say(&mut self, failed: Option<SendingError>) {
        let words = failed.as_ref().map(|failed| chain(failed));
        if words == self.said {
            return;
        }
        match &failed {
            Some(SendingError::Key(_)) => {
                error!(error = words, "no webhook is sent; it is tried again");
            }
            Some(SendingError::Store(_)) => {
                info!(error = words, "no webhook is sent; it is tried again");
            }
            None => info!("webhooks are sent again"),
        }
        self.said = words;
    }

    async fn finish(mut self) {
        for worker in self.running.values() {
            worker.stop.cancel();
        }
        let ending = async { while self.workers.join_next().await.is_some() {} };
        let _ = timeout(FINISHED_WITHIN, ending).await;
        if self.held.is_empty() {
            return;
        }
        if let Err(error) = self.store.give_webhooks_back(&self.server).await {
            // Their leases end by themselves.
            debug!(error = chain(&error), "webhooks were not given back");
        }
    }
}

/// How often it is looked for events and changes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often an endpoint is held on.
const HOLD_EVERY: Duration = Duration::from_secs(2);

/// How long workers may take at the end.
const FINISHED_WITHIN: Duration = Duration::from_secs(5);
