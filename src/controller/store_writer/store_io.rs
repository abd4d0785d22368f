//! The control loop's side of the store: what is to be written goes to the store writer, in order; what is only read comes
//! back as an input.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::debug;

use super::{LookAgain, StoreRequest, StoreWriter};
use crate::{
    campaign::engine::CampaignId,
    clock::Steady,
    controller::{Input, campaign_table::PreparedCampaign},
    store::{Campaign, ControllerLease, Store, StoreError, Tally, Write},
};

/// What the control loop asks of the store, and the clock whose times are written there.
pub(in crate::controller) struct StoreIo {
    store: Store,
    clock: Arc<Steady>,
    requests: mpsc::UnboundedSender<StoreRequest>,
    inputs: mpsc::UnboundedSender<Input>,
    /// Writes that the store has not confirmed.
    unconfirmed: usize,
}

impl StoreIo {
    /// One for a controller with this lease, and the writer that carries out its requests.
    pub(in crate::controller) fn new(
        store: Store,
        holder: ControllerLease,
        history: jiff::SignedDuration,
        clock: Arc<Steady>,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> (Self, StoreWriter) {
        let (requests, requested) = mpsc::unbounded_channel();
        let writer = StoreWriter {
            store: store.clone(),
            holder,
            history,
            clock: Arc::clone(&clock),
            requests: requested,
            inputs: inputs.clone(),
        };
        let io = Self {
            store,
            clock,
            requests,
            inputs,
            unconfirmed: 0,
        };
        (io, writer)
    }

    /// This moment.
    pub(in crate::controller) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(in crate::controller) fn clock(&self) -> &Arc<Steady> {
        &self.clock
    }

    /// Writes something, after all that was asked before.
    pub(in crate::controller) fn write(&mut self, write: Write) {
        self.unconfirmed += 1;
        self.ask(StoreRequest::Write(Box::new(write)));
    }

    /// Leases contacts that are due, after all that was asked before.
    pub(in crate::controller) fn fetch(&self, campaign: CampaignId, at_most: usize) {
        self.ask(StoreRequest::Fetch { campaign, at_most });
    }

    /// Makes contacts due that are held under other rules than these, after all that was asked before.
    pub(in crate::controller) fn look_again(&self, campaign: CampaignId, rules: String) {
        self.ask(StoreRequest::LookAgain(LookAgain {
            campaign,
            rules,
            after: None,
            contacts: 0,
        }));
    }

    /// The store has confirmed so many writes.
    pub(in crate::controller) fn confirm(&mut self, writes: usize) {
        self.unconfirmed = self.unconfirmed.saturating_sub(writes);
    }

    /// Whether every write is confirmed.
    pub(in crate::controller) const fn is_confirmed(&self) -> bool {
        self.unconfirmed == 0
    }

    /// Reads the campaigns that have changed since `after`; the answer brings `asked_at` back.
    pub(in crate::controller) fn read_campaigns(&self, after: i64, asked_at: u64) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let rows = store.campaigns(after).await;
            let _ = inputs.send(Input::Campaigns { rows, asked_at });
        });
    }

    /// Reads what the loop needs of a campaign to take it up.
    pub(in crate::controller) fn prepare(&self, row: Campaign) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        let now = self.now();
        tokio::spawn(async move {
            let input = match PreparedCampaign::read(&store, row.clone(), now).await {
                Ok(prepared) => Input::Prepared(Box::new(prepared)),
                Err(error) => Input::Unprepared(Box::new(row), error),
            };
            let _ = inputs.send(input);
        });
    }

    /// Counts a campaign's contacts.
    pub(in crate::controller) fn count(&self, campaign: CampaignId) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        tokio::spawn(async move {
            if let Ok(tally) = store.tally(campaign).await {
                let _ = inputs.send(Input::Counted(campaign, tally));
            }
        });
    }

    /// Counts a campaign's contacts, and waits for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::controller) async fn tally(
        &self,
        campaign: CampaignId,
    ) -> Result<Tally, StoreError> {
        self.store.tally(campaign).await
    }

    fn ask(&self, request: StoreRequest) {
        if self.requests.send(request).is_err() {
            debug!("the store writer has ended; nothing more is asked of the store");
        }
    }
}
