//! One endpoint: its messages are loaded, sent and settled, each by a task, and decided on in one place.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    attempt::{HookAttempt, HookFault},
    client::{HookClient, SignedMessage},
    load::{LoadDoubts, Loaded, Loader, LogCursor},
    queue::{AttemptEnd, EndpointQueue},
    schedule::Wait,
    signature::{WebhookSecret, signatures},
    webhooks::{now, random},
};
use crate::{
    error_chain::chain,
    id::DropId,
    metrics,
    store::{DeliveryState, DisabledBecause, DueDelivery, SettledDelivery, StoreError},
    tasks, telemetry,
    traces::{DeliveryTrace, ToldDrop},
};

/// What a worker begins with.
#[derive(Debug)]
pub(super) struct WorkerParts {
    pub(super) loader: Loader,
    pub(super) client: HookClient,
    /// Each with the moment at which it ends.
    pub(super) secrets: Vec<(WebhookSecret, Option<Timestamp>)>,
    /// The number of the newest event.
    pub(super) newest: watch::Receiver<u64>,
    /// Changes with each order to send something again.
    pub(super) orders: watch::Receiver<i64>,
    pub(super) stop: CancellationToken,
}

/// Sends to one endpoint until it is stopped, disabled, or held by another server.
#[derive(Debug)]
pub(super) struct EndpointWorker {
    parts: WorkerParts,
    queue: EndpointQueue,
    cursor: LogCursor,
    jobs: JoinSet<JobDone>,
    /// What is to be written.
    unwritten: Vec<AttemptEnd>,
    /// The messages of which something is being written; `None`: nothing is.
    writing: Option<Vec<i64>>,
    /// Whether the database failed to write something, of which it is not known whether it did.
    is_unsure: bool,
    is_loading: bool,
    /// Whether the database failed while it was looked for messages: it may have given some that never came.
    has_lost: bool,
    /// Whether the clock may have been set back since it was said when messages are due.
    doubts_times: bool,
    /// Whether there may be messages to load.
    has_more: bool,
    /// When a message is due that is not in memory.
    next_at: Option<Timestamp>,
    /// Before which the database is not asked again: it has failed.
    store_again: Option<Wait>,
    /// When it was last looked what can be begun.
    looked_at: Timestamp,
}

/// A task has ended.
#[derive(Debug)]
enum JobDone {
    Sent(i64, HookAttempt),
    /// The endpoint is not what a message was made for any more, or the database did not say.
    Unsent(i64, Option<StoreError>),
    Loaded(Result<Option<Loaded>, StoreError>),
    /// What was to be written, if it was not.
    Written(Result<bool, (StoreError, Vec<AttemptEnd>)>),
}

impl EndpointWorker {
    pub(super) fn new(parts: WorkerParts) -> Self {
        let webhook = &parts.loader.webhook;
        metrics::webhook_begins(&webhook.id.to_string());
        Self {
            queue: EndpointQueue::new(&webhook.settings, webhook.health),
            cursor: LogCursor {
                stored: webhook.position,
                seen: webhook.position,
                stored_at: now(),
                lingers_since: None,
            },
            parts,
            jobs: JoinSet::new(),
            unwritten: Vec::new(),
            writing: None,
            is_unsure: false,
            is_loading: false,
            has_lost: false,
            // By whoever sent before.
            doubts_times: true,
            has_more: true,
            next_at: None,
            store_again: None,
            looked_at: now(),
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.parts.stop.clone();
        loop {
            self.begin_jobs();
            let wake = self.wake_in();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = self.jobs.join_next() => {
                    if !self.on_done(done) {
                        return;
                    }
                }
                changed = self.parts.newest.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let newest = *self.parts.newest.borrow_and_update();
                    self.has_more |= newest > self.cursor.seen;
                }
                changed = self.parts.orders.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.has_more = true;
                }
                () = sleep(wake) => {}
            }
            if self.queue.is_over() && self.jobs.is_empty() && self.unwritten.is_empty() {
                return;
            }
        }
        self.finish().await;
    }

    /// Begins what can be begun.
    fn begin_jobs(&mut self) {
        let at = now();
        // After the clock was set back, what waits is looked at anew: when it is due was said by the clock of before.
        let is_set_back = at < self.looked_at;
        self.looked_at = at;
        self.doubts_times |= is_set_back;
        if is_set_back || self.next_at.is_some_and(|due| due <= at) {
            self.next_at = None;
            self.has_more = true;
        }
        self.store_again = self.store_again.map(|wait| wait.bounded(at));
        // Where it is in the log is stored now and then, also while there is nothing to tell.
        self.has_more |= self.cursor.is_late(at);
        let is_store_well = self.store_again.is_none_or(|wait| wait.until() <= at);
        if !is_store_well {
            return;
        }
        // What is not written yet is not to grow without end.
        if self.unwritten.len() < MOST_UNWRITTEN {
            while let Some(delivery) = self.queue.start(at) {
                self.send(delivery);
            }
        }
        // What disables it comes last: nothing can be written behind that.
        let is_time = !self.queue.is_over() || self.queue.is_idle();
        if !self.unwritten.is_empty() && self.writing.is_none() && is_time {
            self.write();
        }
        // In order, nothing comes in before it is known what goes out. Nor does anything while it is not known whether something
        // was written: it would be taken for what is in memory.
        let is_settled = self.unwritten.is_empty() && self.writing.is_none();
        let must_settle = self.parts.loader.webhook.settings.ordered || self.is_unsure;
        let may_load = is_settled || !must_settle;
        let room = self.queue.room(at);
        if self.has_more && !self.is_loading && may_load && room > 0 {
            self.is_loading = true;
            self.has_more = false;
            let (loader, cursor) = (self.parts.loader.clone(), self.cursor);
            let doubts = LoadDoubts {
                here: self.has_lost.then(|| self.in_memory()),
                of_times: std::mem::take(&mut self.doubts_times),
            };
            self.jobs.spawn(async move {
                JobDone::Loaded(loader.load(room, doubts, cursor, now()).await)
            });
        }
    }

    /// The messages that this worker knows of, those included of which something is still to be written.
    fn in_memory(&self) -> Vec<i64> {
        let unwritten = self.unwritten.iter().flat_map(AttemptEnd::ids);
        let writing = self.writing.iter().flatten().copied();
        self.queue.ids().chain(unwritten).chain(writing).collect()
    }

    /// Sends a message, unless the endpoint was changed since the message came into memory, or somebody was erased: it may tell
    /// what it is not to tell any more.
    fn send(&mut self, delivery: DueDelivery) {
        let secrets = self.parts.secrets.clone();
        let client = self.parts.client.clone();
        let loader = self.parts.loader.clone();
        self.jobs.spawn(async move {
            match loader.may_send().await {
                Ok(true) => {}
                Ok(false) => return JobDone::Unsent(delivery.id, None),
                Err(error) => return JobDone::Unsent(delivery.id, Some(error)),
            }
            let at = now();
            let secrets = secrets.into_iter();
            let secrets = secrets.filter(|(_, ends)| ends.is_none_or(|ends| ends > at));
            let secrets: Vec<_> = secrets.map(|(secret, _)| secret).collect();
            let url = &loader.webhook.settings.url;
            let body = delivery.body.as_deref().unwrap_or_default();
            let message = SignedMessage {
                id: &delivery.message,
                at,
                signatures: &signatures(&secrets, &delivery.message, at, body),
                body,
            };
            let attempt = client.send(url, message).await;
            if telemetry::sends_traces() {
                let webhook = loader.webhook.id.to_string();
                telemetry::delivery_ended(trace(webhook, &delivery, &attempt));
            }
            JobDone::Sent(delivery.id, attempt)
        });
    }

    fn write(&mut self) {
        // One message may have two, if it is not known whether the first was written: one behind the other.
        let mut ids = BTreeSet::new();
        let ends = self.unwritten.iter();
        let count = ends.take_while(|end| ids.insert(end.settled.id)).count();
        let ends: Vec<_> = self.unwritten.drain(..count).collect();
        self.writing = Some(ends.iter().flat_map(AttemptEnd::ids).collect());
        let (loader, health) = (self.parts.loader.clone(), *self.queue.health());
        self.jobs.spawn(async move {
            let settled: Vec<SettledDelivery> =
                ends.iter().map(|end| end.settled.clone()).collect();
            let released: Vec<_> = ends
                .iter()
                .flat_map(|end| end.released.iter().copied())
                .collect();
            let disable = ends.iter().find_map(|end| end.disable);
            // What an operator takes an endpoint's events away for is not given up.
            let is_dead = |end: &&SettledDelivery| {
                end.state == DeliveryState::Dead
                    && end.attempt.fault.as_deref() != Some(HookFault::NotTold.slug())
            };
            let dead = settled.iter().filter(is_dead);
            let dead = dead.count() as u64;
            let written = loader
                .store
                .settle_deliveries(loader.key(), &settled, &released, &health, disable, now())
                .await;
            if matches!(written, Ok(true)) {
                metrics::webhook_dead(&loader.webhook.id.to_string(), dead);
            }
            JobDone::Written(written.map_err(|error| (error, ends)))
        });
    }

    /// Whether it goes on.
    fn on_done(&mut self, done: Result<JobDone, JoinError>) -> bool {
        let done = tasks::outcome(done);
        let id = self.parts.loader.webhook.id;
        match done {
            JobDone::Sent(delivery, attempt) => {
                let random = u64::from_ne_bytes(random());
                let end = self.queue.end(delivery, &attempt, now(), random);
                self.note(&attempt, &end);
                if let Some(due) = end.settled.due_at {
                    self.next_at = Some(self.next_at.map_or(due, |next| next.min(due)));
                }
                self.unwritten.push(end);
                // What is behind it may be looked for.
                self.has_more |= self.parts.loader.webhook.settings.ordered;
            }
            JobDone::Loaded(Ok(Some(loaded))) => {
                self.is_loading = false;
                self.has_lost = false;
                self.cursor = loaded.cursor;
                self.has_more |= loaded.has_more;
                // Unless what is there waits for others, or for what is before it.
                let is_waiting = loaded.is_blocked || self.cursor.lingers_since.is_some();
                self.has_more |= !is_waiting && *self.parts.newest.borrow() > self.cursor.seen;
                self.store_again = None;
                if let Some(due) = loaded.next_at {
                    self.next_at = Some(self.next_at.map_or(due, |next| next.min(due)));
                }
                self.queue.add(loaded.deliveries);
                let unmade = loaded.unmade.into_iter().map(|settled| AttemptEnd {
                    settled,
                    released: Vec::new(),
                    disable: None,
                });
                self.unwritten.extend(unmade);
            }
            JobDone::Written(Ok(true)) => {
                self.writing = None;
                self.is_unsure = false;
                self.store_again = None;
            }
            JobDone::Unsent(delivery, None) => {
                self.queue.put_back(delivery);
                self.parts.stop.cancel();
            }
            JobDone::Unsent(delivery, Some(error)) => {
                self.queue.put_back(delivery);
                self.on_trouble(&error);
            }
            JobDone::Loaded(Ok(None)) => {
                debug!(webhook = %id, "another server has the webhook, or it was changed");
                self.is_loading = false;
                // What was sent is written first.
                self.parts.stop.cancel();
            }
            JobDone::Written(Ok(false)) => {
                debug!(webhook = %id, "another server has the webhook, or it was disabled");
                return false;
            }
            JobDone::Loaded(Err(error)) => {
                self.is_loading = false;
                self.has_lost = true;
                self.doubts_times = true;
                self.has_more = true;
                self.on_trouble(&error);
            }
            JobDone::Written(Err((error, mut ends))) => {
                self.writing = None;
                self.is_unsure = true;
                ends.append(&mut self.unwritten);
                self.unwritten = ends;
                self.on_trouble(&error);
            }
        }
        true
    }

    fn on_trouble(&mut self, error: &StoreError) {
        if self.store_again.is_none() {
            let id = self.parts.loader.webhook.id;
            info!(webhook = %id, error = chain(error), "the database has failed; it is tried again");
        }
        self.store_again = Some(Wait::new(now(), STORE_PAUSE));
    }

    fn note(&self, attempt: &HookAttempt, end: &AttemptEnd) {
        let id = self.parts.loader.webhook.id;
        metrics::webhook_attempt(&id.to_string(), attempt.result());
        let (status, fault) = (attempt.status, attempt.fault.map(|fault| fault.slug()));
        let delivery = end.settled.id;
        debug!(webhook = %id, delivery, status, fault, state = end.settled.state.slug(), "sent");
        match end.disable {
            Some(because @ (DisabledBecause::Gone | DisabledBecause::Failing)) => {
                warn!(webhook = %id, because = because.slug(), "the webhook is disabled");
            }
            Some(DisabledBecause::Operator | DisabledBecause::Removed) | None => {}
        }
    }

    /// How long nothing may happen by itself.
    fn wake_in(&self) -> Duration {
        let at = now();
        let next = self.next_at.filter(|_| !self.has_more);
        let again = self.store_again.map(Wait::until);
        let again = again.filter(|again| *again > at);
        let mut all = [next, again, self.queue.wake_at(at)].into_iter().flatten();
        let first = all.next().map(|first| all.fold(first, Timestamp::min));
        let wait = first.map_or(LONGEST_SLEEP, |first| {
            at.duration_until(first).try_into().unwrap_or_default()
        });
        wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
    }

    /// Nothing more is sent: what was sent is waited for, and written.
    async fn finish(mut self) {
        self.store_again = None;
        let ending = async {
            loop {
                let is_store_well = self.store_again.is_none();
                if !self.unwritten.is_empty() && self.writing.is_none() && is_store_well {
                    self.write();
                }
                let Some(done) = self.jobs.join_next().await else {
                    return;
                };
                if !self.on_done(done) {
                    return;
                }
            }
        };
        if timeout(FINISHED_WITHIN, ending).await.is_err() {
            // It is sent again by whoever is next.
            debug!("an endpoint did not answer before the end");
        }
    }
}

/// A request as a trace.
fn trace(webhook: String, delivery: &DueDelivery, attempt: &HookAttempt) -> DeliveryTrace {
    DeliveryTrace {
        id: DropId::generate(),
        webhook,
        message: delivery.message.clone(),
        from: attempt.at,
        to: now(),
        status: attempt.status,
        failed: (!attempt.is_success()).then(|| attempt.result().to_owned()),
        told: ToldDrop::all(delivery.body.as_deref().unwrap_or_default()),
    }
}

/// Attempts whose ends wait to be written at most.
const MOST_UNWRITTEN: usize = 500;

/// How long the database is left alone once it has failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// How long answers are waited for at the end.
const FINISHED_WITHIN: Duration = Duration::from_secs(4);
