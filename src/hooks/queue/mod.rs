//! What is sent to an endpoint next, and what an attempt means for what is queued: decisions alone, with the time as an
//! argument.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    attempt::{AttemptMeaning, HookAttempt},
    health::{after_failure, after_success, is_given_up, is_probed},
    schedule::{LONGEST_HEEDED, Wait, capped, next_attempt},
};
use crate::store::{
    DeliveryAttempt, DeliveryState, DisabledBecause, DueDelivery, SettledDelivery, WebhookHealth,
    WebhookSettings,
};

/// The messages of an endpoint that are in memory.
#[derive(Debug)]
pub(super) struct EndpointQueue {
    terms: QueueTerms,
    ready: VecDeque<DueDelivery>,
    in_flight: BTreeMap<i64, DueDelivery>,
    health: WebhookHealth,
    /// Nothing is sent meanwhile: the endpoint had its share of this second.
    pause: Option<Wait>,
    /// Nothing is sent meanwhile: the endpoint wants to be left alone.
    asked: Option<Wait>,
    /// Nothing is sent meanwhile: the endpoint is only probed. The later end of both is `probe_at` of the health, by which they
    /// outlast the worker.
    probe: Option<Wait>,
    /// Nothing more is sent: it was disabled.
    is_over: bool,
}

/// How an endpoint is to be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct QueueTerms {
    concurrency: usize,
    is_ordered: bool,
    /// From one request to the next.
    pause: Option<Duration>,
    most_ready: usize,
}

/// What an attempt changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttemptEnd {
    pub(super) settled: SettledDelivery,
    /// Messages that are not in memory any more, since the one before them is not delivered.
    pub(super) released: Vec<i64>,
    pub(super) disable: Option<DisabledBecause>,
}

impl AttemptEnd {
    /// The messages that it changes.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        let released = self.released.iter().copied();
        std::iter::once(self.settled.id).chain(released)
    }
}

impl EndpointQueue {
    pub(super) fn new(settings: &WebhookSettings, health: WebhookHealth) -> Self {
        let concurrency = settings.concurrency as usize;
        let pause = settings.per_second.filter(|rate| *rate > 0);
        let terms = QueueTerms {
            concurrency: if settings.ordered { 1 } else { concurrency },
            is_ordered: settings.ordered,
            pause: pause.map(|rate| Duration::from_secs(1) / rate),
            most_ready: if settings.batch > 1 {
                2 * concurrency
            } else {
                MOST_READY
            },
        };
        let known = health.probe_at.map(|at| Wait::known(at, LONGEST_HEEDED));
        Self {
            terms,
            ready: VecDeque::new(),
            in_flight: BTreeMap::new(),
            pause: None,
            asked: known.filter(|_| !is_probed(&health)),
            probe: known.filter(|_| is_probed(&health)),
            health,
            is_over: false,
        }
    }

    pub(super) const fn health(&self) -> &WebhookHealth {
        &self.health
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether nothing is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// How many messages more may come into memory. An endpoint that is only probed has one, when the next probe may be.
    pub(super) fn room(&mut self, now: Timestamp) -> usize {
        self.bound_waits(now);
        let here = self.ready.len() + self.in_flight.len();
        if self.is_over || (self.terms.is_ordered && here > 0) {
            0
        } else if is_probed(&self.health) {
            usize::from(here == 0 && self.health.probe_at.is_none_or(|at| at <= now))
        } else {
            // Not a few at a time.
            let room = self.terms.most_ready.saturating_sub(self.ready.len());
            if room * 2 >= self.terms.most_ready {
                room
            } else {
                0
            }
        }
    }

    /// The messages that are in memory.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        let ready = self.ready.iter().map(|delivery| delivery.id);
        ready.chain(self.in_flight.keys().copied())
    }

    /// Takes messages into memory.
    pub(super) fn add(&mut self, deliveries: impl IntoIterator<Item = DueDelivery>) {
        self.ready.extend(deliveries);
    }

    /// The next message to send, if one may be sent now.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<DueDelivery> {
        self.bound_waits(now);
        if self.is_over
            || self.in_flight.len() >= self.most_in_flight()
            || self.next_start().is_some_and(|at| at > now)
        {
            return None;
        }
        let delivery = self.ready.pop_front()?;
        self.pause = self.terms.pause.map(|pause| Wait::new(now, pause));
        self.in_flight.insert(delivery.id, delivery.clone());
        Some(delivery)
    }

    /// A message was not sent after all, and is the next one again.
    pub(super) fn put_back(&mut self, id: i64) {
        if let Some(delivery) = self.in_flight.remove(&id) {
            self.ready.push_front(delivery);
        }
    }

    /// When it is to be looked again whether a message may be sent or come into memory; `None`: when an attempt has ended, or
    /// something is due.
    pub(super) fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let at = if self.is_over || self.in_flight.len() >= self.most_in_flight() {
            None
        } else if self.ready.is_empty() {
            self.health.probe_at
        } else {
            self.next_start()
        };
        at.filter(|at| *at > now)
    }

    /// An attempt has ended.
    pub(super) fn end(
        &mut self,
        id: i64,
        attempt: &HookAttempt,
        now: Timestamp,
        random: u64,
    ) -> AttemptEnd {
        let made = self.in_flight.remove(&id).map_or(0, |sent| sent.attempts) + 1;
        let mut disable = None;
        let (state, due_at) = match attempt.meaning() {
            AttemptMeaning::Delivered => {
                // What was in flight when the endpoint asked to be left alone does not take that back.
                self.health = after_success(now);
                self.probe = None;
                self.note_waits();
                (DeliveryState::Delivered, None)
            }
            AttemptMeaning::Gone => {
                self.note_failure(None, now, random);
                disable = Some(DisabledBecause::Gone);
                (DeliveryState::Pending, Some(now))
            }
            AttemptMeaning::Failed { retry_after } => {
                self.note_failure(retry_after, now, random);
                if is_given_up(&self.health, now) {
                    disable = Some(DisabledBecause::Failing);
                }
                match next_attempt(made, retry_after, random) {
                    Some(wait) => {
                        let due_at = now.checked_add(wait).unwrap_or(now);
                        (DeliveryState::Pending, Some(due_at))
                    }
                    None => (DeliveryState::Dead, None),
                }
            }
        };
        self.is_over |= disable.is_some();
        let blocks = self.terms.is_ordered && state == DeliveryState::Pending;
        let released = if blocks || self.is_over {
            self.ready.drain(..).map(|delivery| delivery.id).collect()
        } else {
            Vec::new()
        };
        AttemptEnd {
            settled: SettledDelivery {
                id,
                state,
                due_at,
                attempt: DeliveryAttempt {
                    at: attempt.at,
                    took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
                    status: attempt.status,
                    fault: attempt.fault.map(|fault| fault.slug().to_owned()),
                    answer: attempt.answer.clone(),
                },
            },
            released,
            disable,
        }
    }

    fn most_in_flight(&self) -> usize {
        if is_probed(&self.health) {
            1
        } else {
            self.terms.concurrency
        }
    }

    fn next_start(&self) -> Option<Timestamp> {
        self.pause.map(Wait::until).max(self.health.probe_at)
    }

    fn note_failure(&mut self, retry_after: Option<Duration>, now: Timestamp, random: u64) {
        self.health = after_failure(&self.health, now, random);
        let span = |at| now.duration_until(at).try_into().unwrap_or_default();
        self.probe = self.health.probe_at.map(|at| Wait::known(at, span(at)));
        if let Some(wait) = retry_after {
            let wait = Wait::new(now, capped(wait));
            let is_longer = |asked: Wait| asked.until() > wait.until();
            self.asked = self.asked.filter(|asked| is_longer(*asked)).or(Some(wait));
        }
        self.note_waits();
    }

    fn note_waits(&mut self) {
        let (asked, probe) = (self.asked.map(Wait::until), self.probe.map(Wait::until));
        self.health.probe_at = asked.max(probe);
    }

    /// Nothing is waited for longer than was meant, though the clock was set back.
    fn bound_waits(&mut self, now: Timestamp) {
        for wait in [&mut self.pause, &mut self.asked, &mut self.probe] {
            *wait = wait.map(|wait| wait.bounded(now));
        }
        self.note_waits();
    }
}

/// Messages of one event that wait in memory at most.
const MOST_READY: usize = 256;

#[cfg(test)]
mod tests;
