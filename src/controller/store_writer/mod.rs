//! The task that sends the store its requests, one at a time, and sends them again after an outage.

mod backlog;
mod commit_latency;
mod store_io;

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::SignedDuration;
use tokio::{sync::mpsc, time::sleep};
use tracing::{debug, error, info, warn};

pub(super) use self::{
    backlog::{LookAgain, StoreRequest},
    commit_latency::CommitLatency,
    store_io::StoreIo,
};

use self::backlog::{Backlog, Work};
use super::Input;
use crate::{
    campaign::engine::{CampaignId, Next},
    clock::{self, Steady},
    error_chain::chain,
    store::{ControllerLease, ErrorClass, Leased, Store, StoreError, Write, Written},
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
    },
    /// The answer to a fetch.
    Fetched {
        /// The campaign that was asked for.
        campaign: CampaignId,
        /// The contacts that are due, leased to this controller.
        contacts: Vec<Leased>,
        /// When there is more.
        next: Next,
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
    clock: Arc<Steady>,
    requests: mpsc::UnboundedReceiver<StoreRequest>,
    inputs: mpsc::UnboundedSender<Input>,
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
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut outage = Outage::new();
        loop {
            let (began, now) = (clock::now(), self.clock.now());
            match self.store.commit(&self.holder, &writes, now).await {
                Ok(written) => {
                    let at_once = outage.since.is_none();
                    self.report(StoreEvent::Committed {
                        writes,
                        written,
                        at_once,
                        took: clock::now().duration_since(began),
                    });
                    self.end(&outage);
                    return Ok(());
                }
                Err(error) => self.wait(error, &mut outage).await?,
            }
        }
    }

    /// Fetches. If the store is unavailable the engine asks again, once it is back.
    async fn fetch(&self, campaign: CampaignId, at_most: usize) -> Result<(), StoreError> {
        let (began, now) = (clock::now(), self.clock.now());
        let leased = self
            .store
            .lease(&self.holder, campaign, at_most, self.history, now);
        let mut failed = match leased.await {
            Ok((contacts, next)) => {
                self.report(StoreEvent::Fetched {
                    campaign,
                    contacts,
                    next,
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
