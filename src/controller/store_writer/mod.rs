//! The task that sends the store its requests, one at a time, and sends them again after an outage.

mod backlog;
mod commit_latency;
mod start_timing;
mod store_io;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::SignedDuration;
use tokio::{sync::mpsc, time::sleep};
use tracing::{debug, error, info, warn};

pub(super) use self::{
    backlog::{LookAgain, StoreRequest},
    commit_latency::CommitLatency,
    start_timing::StartTiming,
    store_io::StoreIo,
};

use self::backlog::{Backlog, Work};
use super::{Input, lease::compare};
use crate::{
    campaign::{
        engine::{CampaignId, Next, Settlement},
        pace::Rate,
        policy,
    },
    clock::{self, Steady},
    error_chain::chain,
    metrics,
    store::{
        ControllerLease, DueQueue, ErrorClass, Leased, Store, StoreError, Tally, Write, Written,
    },
};

/// What came of a request to the store, or of an outage.
#[derive(Debug)]
pub(super) enum StoreEvent {
    /// All of it is written.
    Committed {
        /// What was to be written.
        writes: Vec<Write>,
        /// What came of each, in the same order.
        written: Vec<Written>,
        /// Whether it was written when it was asked for the first time: nothing was in doubt.
        at_once: bool,
        /// How long the store took, this time.
        took: Duration,
        /// When drops may be dialled that have a moment of their own.
        timing: StartTiming,
    },
    /// The answer to a fetch.
    Fetched {
        /// The campaign that was asked for.
        campaign: CampaignId,
        /// The contacts that are due, leased to this controller.
        contacts: Vec<Leased>,
        /// How far back the drops to their numbers were looked up.
        history: SignedDuration,
        /// When there is more.
        next: Next,
        /// Whether hours hold other places than before.
        has_news: bool,
        /// How long the store took.
        took: Duration,
    },
    /// A fetch was not answered.
    FetchFailed {
        /// The campaign that was asked for.
        campaign: CampaignId,
    },
    /// Contacts that were held under other rules are due.
    LookedAgain {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// How many are due for it so far.
        contacts: u64,
        /// Whether all were looked at.
        is_done: bool,
    },
    /// The states of a campaign's contacts were counted, behind all that is reported as committed before.
    Counted {
        /// The campaign.
        campaign: CampaignId,
        /// What was counted.
        tally: Tally,
    },
    /// It is unavailable, in these words, and is asked again until it is back.
    Unavailable(String),
    /// It is back.
    Recovered,
    /// It will not be asked again: a person has to look.
    Failed(StoreError),
}

/// Sends requests to the store, in order, until no more can come.
pub(super) struct StoreWriter {
    store: Store,
    holder: ControllerLease,
    /// How far back drops to a number count.
    history: SignedDuration,
    /// The rules that places are asked about.
    gate: policy::Gate,
    /// What is remembered of each campaign's queue.
    queues: BTreeMap<CampaignId, DueQueue>,
    clock: Arc<Steady>,
    requests: mpsc::UnboundedReceiver<StoreRequest>,
    inputs: mpsc::UnboundedSender<Input>,
    timing: StartTiming,
}

impl StoreWriter {
    pub(super) async fn work(mut self) {
        let mut backlog = Backlog::default();
        loop {
            if backlog.is_empty() {
                match self.requests.recv().await {
                    Some(request) => backlog.push(request),
                    None => return,
                }
            }
            while let Ok(request) = self.requests.try_recv() {
                backlog.push(request);
            }
            metrics::store_queue(backlog.len());
            let done = match backlog.next() {
                Some(Work::Commit(writes)) => self.commit(writes).await,
                Some(Work::Fetch { campaign, at_most }) => self.fetch(campaign, at_most).await,
                Some(Work::LookAgain(look)) => match self.look_again(look).await {
                    Ok(Some(rest)) => {
                        // What was asked meanwhile comes first.
                        backlog.push(StoreRequest::LookAgain(rest));
                        Ok(())
                    }
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                },
                Some(Work::Rules(gate)) => {
                    self.history = gate.settings().history();
                    self.gate = *gate;
                    // What is known of a queue was found by the rules of before.
                    self.queues.clear();
                    Ok(())
                }
                Some(Work::Limits(rate, in_flight)) => self.register(rate, in_flight).await,
                Some(Work::Count(campaign)) => {
                    self.count(campaign).await;
                    Ok(())
                }
                None => Ok(()),
            };
            if let Err(error) = done {
                error!(error = chain(&error), "the store cannot be used any more");
                self.report(StoreEvent::Failed(error));
                return;
            }
        }
    }

    /// Writes a batch, however often it takes.
    async fn commit(&mut self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        for write in &mut writes {
            if let Write::Start(intent) = write {
                intent.terms = self.timing.terms(intent.terms);
            }
        }
        let mut outage = Outage::new();
        loop {
            let (began, now) = (clock::now(), self.clock.now());
            let committed = self.store.commit(&self.holder, &writes, now).await;
            compare(&self.store, &self.clock);
            match committed {
                Ok(written) => {
                    self.look_back(&writes);
                    let at_once = outage.since.is_none();
                    let took = clock::now().duration_since(began);
                    metrics::committed(took);
                    let heard = self.clock.now();
                    for written in &written {
                        if let Written::Scheduled(slot) = written {
                            self.timing.note(now, slot.read_at, heard);
                        }
                    }
                    self.report(StoreEvent::Committed {
                        writes,
                        written,
                        at_once,
                        took,
                        timing: self.timing,
                    });
                    self.end(&outage);
                    return Ok(());
                }
                Err(error) => self.wait(error, &mut outage).await?,
            }
        }
    }

    /// Fetches. If the store is unavailable the engine asks again, once it is back.
    async fn fetch(&mut self, campaign: CampaignId, at_most: usize) -> Result<(), StoreError> {
        let (began, now) = (clock::now(), self.clock.now());
        let queue = self.queues.entry(campaign);
        let queue = queue.or_insert_with(|| DueQueue::new(self.gate.clone()));
        let (holder, history) = (&self.holder, self.history);
        let leased = self
            .store
            .lease(holder, campaign, at_most, history, queue, now)
            .await;
        let has_news = queue.take_news();
        compare(&self.store, &self.clock);
        let mut failed = match leased {
            Ok((contacts, next)) => {
                self.report(StoreEvent::Fetched {
                    campaign,
                    contacts,
                    history,
                    next,
                    has_news,
                    took: clock::now().duration_since(began),
                });
                return Ok(());
            }
            Err(error) => error,
        };
        self.report(StoreEvent::FetchFailed { campaign });
        let mut outage = Outage::new();
        loop {
            self.wait(failed, &mut outage).await?;
            match self.store.ping().await {
                Ok(()) => {
                    self.end(&outage);
                    return Ok(());
                }
                Err(error) => failed = error,
            }
        }
    }

    /// Counts a campaign's contacts; if it cannot, the count stays as it was.
    async fn count(&self, campaign: CampaignId) {
        match self.store.tally(campaign).await {
            Ok(tally) => self.report(StoreEvent::Counted { campaign, tally }),
            Err(error) => debug!(%campaign, error = chain(&error), "not counted"),
        }
    }

    /// What is given back is due since before it was leased: its queue is looked at there.
    fn look_back(&mut self, writes: &[Write]) {
        let returned = writes.iter().filter_map(|write| match write {
            Write::Release { campaign, contacts } => Some((campaign, contacts.as_slice())),
            Write::Settle {
                campaign,
                contact,
                settlement: Settlement::NotDialled { .. },
                ..
            } => Some((campaign, std::slice::from_ref(contact))),
            Write::Start(_)
            | Write::Settle { .. }
            | Write::EndDrop { .. }
            | Write::TakeBack { .. }
            | Write::Paused { .. }
            | Write::Finished { .. } => None,
        });
        for (campaign, contacts) in returned {
            if let Some(queue) = self.queues.get_mut(campaign) {
                queue.look_back_at(contacts);
            }
        }
    }

    /// Registers what the trunk carries, however often it takes.
    async fn register(&self, rate: Rate, in_flight: u32) -> Result<(), StoreError> {
        let mut outage = Outage::new();
        loop {
            let set = self.store.set_limits(&self.holder, rate, in_flight);
            match set.await {
                Ok(()) => {
                    self.end(&outage);
                    return Ok(());
                }
                Err(error) => self.wait(error, &mut outage).await?,
            }
        }
    }

    /// Looks at some of the held contacts, however often it takes; returns what is left to look at.
    async fn look_again(&self, look: LookAgain) -> Result<Option<LookAgain>, StoreError> {
        let mut outage = Outage::new();
        loop {
            let LookAgain {
                campaign,
                rules,
                after,
                contacts,
            } = &look;
            let (campaign, now) = (*campaign, self.clock.now());
            let looked = self
                .store
                .look_again_at_held(&self.holder, campaign, rules, *after, now);
            match looked.await {
                Ok(looked) => {
                    let contacts = contacts + looked.contacts;
                    self.report(StoreEvent::LookedAgain {
                        campaign,
                        contacts,
                        is_done: looked.next.is_none(),
                    });
                    self.end(&outage);
                    return Ok(looked.next.map(|next| LookAgain {
                        after: Some(next),
                        contacts,
                        ..look
                    }));
                }
                Err(error) => self.wait(error, &mut outage).await?,
            }
        }
    }

    /// Takes note of a failure, and waits until the store may be asked again.
    async fn wait(&self, error: StoreError, outage: &mut Outage) -> Result<(), StoreError> {
        match error.class {
            ErrorClass::Away => {}
            ErrorClass::Broken | ErrorClass::Refused => return Err(error),
        }
        let words = chain(&error);
        if outage.since.is_none() {
            warn!(
                error = words,
                "the store is away; nothing is dialled until it is back"
            );
            outage.since = Some(self.clock.now());
            self.report(StoreEvent::Unavailable(words));
        } else {
            debug!(error = words, "the store is still away");
        }
        sleep(outage.pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        Ok(())
    }

    fn end(&self, outage: &Outage) {
        if let Some(since) = outage.since {
            let seconds = self.clock.now().duration_since(since).as_secs();
            info!(seconds, "the store is back");
            self.report(StoreEvent::Recovered);
        }
    }

    fn report(&self, event: StoreEvent) {
        // The receiver is gone only at the very end.
        let _ = self.inputs.send(Input::Store(event));
    }
}

/// A time during which the store was away.
struct Outage {
    since: Option<jiff::Timestamp>,
    pauses: backon::ExponentialBackoff,
}

impl Outage {
    fn new() -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter()
            .without_max_times();
        Self {
            since: None,
            pauses: pauses.build(),
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
