//! What comes into the memory of an endpoint's worker: messages that are due, and those that are made of the log.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    attempt::HookFault,
    message::{compose, compose_again},
    schedule::longest_waits,
};
use crate::{
    campaign::engine::CampaignId,
    events::{EventFilter, LoggedEvent},
    store::{
        DeliveryAttempt, DeliveryState, DueDelivery, LogProgress, NewMessage, ReplayOrder,
        SettledDelivery, Store, StoreError, Webhook, WebhookId,
    },
};

/// Where in the log an endpoint is.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogCursor {
    /// As it is stored.
    pub(super) stored: u64,
    /// Up to which number the log was looked through.
    pub(super) seen: u64,
    /// When it was last stored.
    pub(super) stored_at: Timestamp,
    /// Since when events wait for others, to be sent together.
    pub(super) lingers_since: Option<Timestamp>,
}

impl LogCursor {
    /// Whether it is time to store it. After the clock was set back, how long ago it was stored is not known.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        let since = now.duration_since(self.stored_at);
        self.seen > self.stored && (since >= STORED_EVERY || since.is_negative())
    }

    /// Until when the first of those that wait for others may wait for them. After the clock was set back it begins anew.
    fn lingers_until(&mut self, linger: Duration, now: Timestamp) -> Timestamp {
        let since = self.lingers_since.map_or(now, |since| since.min(now));
        self.lingers_since = Some(since);
        since.checked_add(linger).unwrap_or(now)
    }
}

/// What looks for messages of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Loader {
    pub(super) store: Store,
    pub(super) server: String,
    pub(super) webhook: Webhook,
}

/// What is not known of the messages before they are looked for.
#[derive(Debug)]
pub(super) struct LoadDoubts {
    /// After the database has failed, those that are in memory: what was taken besides, though the answer never came, is taken
    /// again.
    pub(super) here: Option<Vec<i64>>,
    /// Whether the clock may have been set back since it was said when they are due.
    pub(super) of_times: bool,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) deliveries: Vec<DueDelivery>,
    /// Messages that cannot be made any more.
    pub(super) unmade: Vec<SettledDelivery>,
    pub(super) cursor: LogCursor,
    /// When a message is due that is not in memory, or events have waited for long enough.
    pub(super) next_at: Option<Timestamp>,
    /// Whether there may be more at this moment.
    pub(super) has_more: bool,
    /// Whether what is new waits for what is before it.
    pub(super) is_blocked: bool,
}

impl Loader {
    /// What the endpoint is, as this server holds it.
    pub(super) fn key(&self) -> (WebhookId, i64, &str) {
        (self.webhook.id, self.webhook.version, &self.server)
    }

    /// Whether what was made for the endpoint may still be sent to it.
    pub(super) async fn may_send(&self) -> Result<bool, StoreError> {
        self.store.may_send(self.key()).await
    }

    /// Looks for so many messages; `None` if this server does not hold the endpoint any more, or not as it is.
    pub(super) async fn load(
        &self,
        room: usize,
        doubts: LoadDoubts,
        mut cursor: LogCursor,
        now: Timestamp,
    ) -> Result<Option<Loaded>, StoreError> {
        let id = self.webhook.id;
        if doubts.of_times {
            self.store
                .bound_deliveries(id, &longest_waits(), now)
                .await?;
        }
        if let Some(here) = doubts.here
            && !self
                .store
                .release_all_but((id, &self.server), &here)
                .await?
        {
            return Ok(None);
        }
        let is_ordered = self.webhook.settings.ordered;
        let taken = self
            .store
            .take_deliveries((id, &self.server), is_ordered, room, now)
            .await?;
        let Some((due, mut next_at)) = taken else {
            return Ok(None);
        };
        let found = due.len();
        let (mut deliveries, unmade) = self.make_again(due, now).await?;
        // An ordered endpoint has nothing of the log while anything waits.
        let is_blocked = is_ordered && (found > 0 || next_at.is_some());
        let mut has_more = found == room;
        if found < room && !is_blocked {
            let mut room = room - found;
            if let Some(replay) = self.store.next_replay(id).await? {
                has_more = true;
                let Some(queued) = self.queue_again(&replay, room, now).await? else {
                    return Ok(None);
                };
                room -= queued.len().min(room);
                deliveries.extend(queued);
            }
            if room > 0 {
                let Some(new) = self.queue_new(room, &mut cursor, now).await? else {
                    return Ok(None);
                };
                has_more |= new.has_more;
                next_at = match (next_at, new.look_at) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                deliveries.extend(new.queued);
            }
        }
        Ok(Some(Loaded {
            deliveries,
            unmade,
            cursor,
            next_at,
            has_more,
            is_blocked,
        }))
    }

    /// Gives those a body that have none: what they tell of was erased or delivered since, or the endpoint was changed.
    async fn make_again(
        &self,
        due: Vec<DueDelivery>,
        now: Timestamp,
    ) -> Result<(Vec<DueDelivery>, Vec<SettledDelivery>), StoreError> {
        let (mut made, mut unmade) = (Vec::with_capacity(due.len()), Vec::new());
        for mut delivery in due {
            let fault = match delivery.body {
                Some(_) => None,
                None => match self.body_of(&delivery).await? {
                    Ok(body) => {
                        delivery.body = Some(body);
                        None
                    }
                    Err(fault) => Some(fault),
                },
            };
            match fault {
                None => made.push(delivery),
                Some(fault) => unmade.push(SettledDelivery {
                    id: delivery.id,
                    state: DeliveryState::Dead,
                    due_at: None,
                    attempt: DeliveryAttempt {
                        at: now,
                        took_ms: 0,
                        status: None,
                        fault: Some(fault.slug().to_owned()),
                        answer: None,
                    },
                }),
            }
        }
        Ok((made, unmade))
    }

    /// A message made anew: of the events that it held, those that the endpoint is told of now, all in the form that it has now.
    async fn body_of(
        &self,
        delivery: &DueDelivery,
    ) -> Result<Result<String, HookFault>, StoreError> {
        let settings = &self.webhook.settings;
        let events = self.events_of(delivery).await?;
        let held = events.len();
        let kinds = EventFilter::known_kinds(&settings.types);
        let is_told = |event: &LoggedEvent| {
            is_of_campaign(event, settings.campaign)
                && (settings.types.is_empty()
                    || settings.types.contains(&event.slug)
                    || event.kind.is_some_and(|kind| kinds.contains(&kind)))
        };
        let events: Vec<_> = events.into_iter().filter(is_told).collect();
        let is_batch = delivery.message.contains('-');
        let body = compose_again(&delivery.message, &events, is_batch, settings.full_numbers);
        Ok(body.ok_or(if held > 0 {
            HookFault::NotTold
        } else {
            HookFault::NotKept
        }))
    }

    /// The events that a message held, as far as they are kept.
    async fn events_of(&self, delivery: &DueDelivery) -> Result<Vec<LoggedEvent>, StoreError> {
        let at_most = usize::try_from(delivery.events).unwrap_or(usize::MAX);
        let events = self.events_within(delivery, None, at_most).await?;
        if events.len() <= at_most {
            return Ok(events);
        }
        // There are others of these types in between: it was made of the events of one campaign, as its first one is.
        let campaign = events.first().and_then(|event| event.campaign.as_ref());
        if let Some((campaign, _)) = campaign {
            let own = self
                .events_within(delivery, Some(*campaign), at_most)
                .await?;
            if own.len() >= at_most {
                return Ok(own);
            }
        }
        // Some of them are gone, or not in the order of their time: rather too many than too few.
        self.events_within(delivery, None, usize::MAX).await
    }

    /// The events between the first and the last of a message that are of its types, and of a campaign if one is given; not many
    /// more than so many.
    async fn events_within(
        &self,
        delivery: &DueDelivery,
        campaign: Option<CampaignId>,
        at_most: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let kinds = EventFilter::known_kinds(&delivery.types);
        let is_known = kinds.len() == delivery.types.len();
        let filter = EventFilter {
            kinds: if is_known { kinds } else { Vec::new() },
            campaign,
        };
        let mut found = Vec::new();
        let mut after = delivery.first.saturating_sub(1);
        loop {
            let (events, _) = self.store.events(after, &filter, MOST_EVENTS).await?;
            let last = events.last().map(|event| event.sequence);
            let is_all = events.len() < MOST_EVENTS;
            let is_own = |event: &LoggedEvent| {
                event.sequence <= delivery.last && delivery.types.contains(&event.slug)
            };
            found.extend(events.into_iter().filter(is_own));
            let last = last.filter(|last| !is_all && *last < delivery.last);
            match last {
                Some(last) if found.len() <= at_most => after = last,
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Queues some events that are to be sent again.
    async fn queue_again(
        &self,
        replay: &ReplayOrder,
        room: usize,
        now: Timestamp,
    ) -> Result<Option<Vec<DueDelivery>>, StoreError> {
        let settings = &self.webhook.settings;
        let at_most = room
            .saturating_mul(settings.batch as usize)
            .clamp(1, MOST_EVENTS);
        let (events, range) = match self.filter() {
            Some(filter) => self.store.events(replay.position, &filter, at_most).await?,
            None => (Vec::new(), self.store.event_range().await?),
        };
        let is_all = events.len() < at_most;
        let to = match events.last() {
            Some(last) if !is_all => last.sequence,
            Some(_) | None => range.newest,
        };
        let kinds = EventFilter::known_kinds(&replay.types);
        let is_wanted = |event: &LoggedEvent| {
            event.sequence <= replay.up_to
                && replay.since.is_none_or(|since| event.at >= since)
                && replay.until.is_none_or(|until| event.at <= until)
                && (replay.types.is_empty() || event.kind.is_some_and(|kind| kinds.contains(&kind)))
        };
        let events: Vec<_> = events.into_iter().filter(is_wanted).collect();
        let messages = compose(&events, settings.batch, settings.full_numbers);
        let progress = LogProgress::Again {
            replay: replay.id,
            to,
            is_done: is_all || to >= replay.up_to,
        };
        self.queue(progress, messages, now).await
    }

    /// Queues what is new in the log.
    async fn queue_new(
        &self,
        room: usize,
        cursor: &mut LogCursor,
        now: Timestamp,
    ) -> Result<Option<NewlyQueued>, StoreError> {
        let settings = &self.webhook.settings;
        let batch = settings.batch as usize;
        let at_most = room.saturating_mul(batch).clamp(1, MOST_EVENTS.max(batch));
        let (events, range) = match self.filter() {
            Some(filter) => self.store.events(cursor.seen, &filter, at_most).await?,
            None => (Vec::new(), self.store.event_range().await?),
        };
        // Not `range.missed`: what an endpoint was to be told of from the beginning is missed, too.
        let missed = if range.is_past(cursor.seen) {
            range.oldest - cursor.seen - 1
        } else {
            0
        };
        let is_all = events.len() < at_most;
        if is_all && missed == 0 && lingers(events.len(), settings.batch) {
            let linger = Duration::from_millis(settings.linger_ms.into());
            let until = cursor.lingers_until(linger, now);
            if until > now {
                return Ok(Some(NewlyQueued {
                    queued: Vec::new(),
                    has_more: false,
                    look_at: Some(until),
                }));
            }
        }
        cursor.lingers_since = None;
        let to = match events.last() {
            Some(last) if !is_all => last.sequence,
            Some(_) | None => range.newest.max(cursor.seen),
        };
        cursor.seen = to;
        let messages = compose(&events, settings.batch, settings.full_numbers);
        // What was looked through for nothing may be looked through again.
        let is_late = cursor.is_late(now);
        let mut queued = Vec::new();
        if !messages.is_empty() || missed > 0 || is_late {
            let progress = LogProgress::New {
                from: cursor.stored,
                to,
                missed,
            };
            let Some(done) = self.queue(progress, messages, now).await? else {
                return Ok(None);
            };
            queued = done;
            cursor.stored = to;
            cursor.stored_at = now;
        }
        Ok(Some(NewlyQueued {
            queued,
            has_more: !is_all,
            look_at: None,
        }))
    }

    async fn queue(
        &self,
        progress: LogProgress,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<Option<Vec<DueDelivery>>, StoreError> {
        let queued = self
            .store
            .queue_messages(self.key(), progress, &messages, now)
            .await?;
        let Some(queued) = queued else {
            return Ok(None);
        };
        let ids: BTreeMap<_, _> = queued
            .into_iter()
            .map(|(id, message)| (message, id))
            .collect();
        let due = messages.into_iter().filter_map(|message| {
            Some(DueDelivery {
                id: *ids.get(&message.message)?,
                message: message.message,
                first: message.first,
                last: message.last,
                events: message.events,
                types: message.types,
                body: Some(message.body),
                attempts: 0,
            })
        });
        Ok(Some(due.collect()))
    }

    /// What the endpoint is told of; `None` if it is nothing that this version of the program knows.
    fn filter(&self) -> Option<EventFilter> {
        self.webhook.settings.filter()
    }
}

/// What was queued of the log.
struct NewlyQueued {
    queued: Vec<DueDelivery>,
    has_more: bool,
    /// When it is to be looked again, though nothing is new.
    look_at: Option<Timestamp>,
}

fn is_of_campaign(event: &LoggedEvent, wanted: Option<CampaignId>) -> bool {
    let of = event.campaign.as_ref().map(|(id, _)| *id);
    wanted.is_none_or(|wanted| of == Some(wanted))
}

/// Whether so few events wait for others.
const fn lingers(events: usize, batch: u32) -> bool {
    batch > 1 && events > 0 && events < batch as usize
}

/// Most events that are read at a time.
const MOST_EVENTS: usize = 500;

/// How often it is stored how far the log was looked through, if there was nothing to tell.
const STORED_EVERY: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_lets_nothing_wait_for_others_for_longer() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let mut cursor = LogCursor {
            stored: 1,
            seen: 2,
            stored_at: at(0),
            lingers_since: None,
        };
        let linger = Duration::from_secs(5);
        assert_eq!(cursor.lingers_until(linger, at(0)), at(5));
        assert_eq!(cursor.lingers_until(linger, at(3)), at(5));
        assert_eq!(cursor.lingers_until(linger, at(-3_600)), at(-3_595));
        assert_eq!(cursor.lingers_until(linger, at(-3_596)), at(-3_595));
        // Where it is in the log is stored as often as before.
        assert!(!cursor.is_late(at(9)) && cursor.is_late(at(10)));
        assert!(cursor.is_late(at(-3_600)));
    }
}
