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
    schedule::{capped, next_attempt},
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
    /// Before which nothing is sent: the endpoint wants to be left alone, or had its share of this second.
    not_before: Option<Timestamp>,
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
        Self {
            terms,
            ready: VecDeque::new(),
            in_flight: BTreeMap::new(),
            health,
            not_before: None,
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
    pub(super) fn room(&self, now: Timestamp) -> usize {
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

    /// Takes messages into memory.
    pub(super) fn add(&mut self, deliveries: impl IntoIterator<Item = DueDelivery>) {
        self.ready.extend(deliveries);
    }

    /// The next message to send, if one may be sent now.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<DueDelivery> {
        if self.is_over
            || self.in_flight.len() >= self.most_in_flight()
            || self.next_start().is_some_and(|at| at > now)
        {
            return None;
        }
        let delivery = self.ready.pop_front()?;
        if let Some(pause) = self.terms.pause {
            self.not_before = now.checked_add(pause).ok();
        }
        self.in_flight.insert(delivery.id, delivery.clone());
        Some(delivery)
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
                self.health = after_success(now);
                (DeliveryState::Delivered, None)
            }
            AttemptMeaning::Gone => {
                self.health = after_failure(&self.health, now, random);
                disable = Some(DisabledBecause::Gone);
                (DeliveryState::Pending, Some(now))
            }
            AttemptMeaning::Failed { retry_after } => {
                self.health = after_failure(&self.health, now, random);
                if is_given_up(&self.health, now) {
                    disable = Some(DisabledBecause::Failing);
                }
                if let Some(wait) = retry_after {
                    let until = now.checked_add(capped(wait)).ok();
                    self.not_before = self.not_before.max(until);
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
        self.not_before.max(self.health.probe_at)
    }
}

/// Messages of one event that wait in memory at most.
const MOST_READY: usize = 256;

#[cfg(test)]
mod tests;
