//! The control loop's side of the store: what is to be written goes to the store writer, in order; what is only read comes
//! back as an input.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::debug;

use super::{LookAgain, StartTiming, StoreRequest, StoreWriter};
use crate::{
    campaign::{engine::CampaignId, pace::Rate, policy},
    clock::Steady,
    controller::{Input, campaign_table::PreparedCampaign, elsewhere::Question},
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
    holder: ControllerLease,
    /// The store was asked who shares the trunk, and has not answered.
    is_reading_shares: bool,
    /// What was last noted to be dialled.
    busy_with: Option<Vec<CampaignId>>,
}

impl StoreIo {
    /// One for a controller with this lease and this gate, and the writer that carries out its requests.
    pub(in crate::controller) fn new(
        store: Store,
        holder: ControllerLease,
        gate: policy::Gate,
        clock: Arc<Steady>,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> (Self, StoreWriter) {
        let (requests, requested) = mpsc::unbounded_channel();
        let writer = StoreWriter {
            store: store.clone(),
            holder: holder.clone(),
            history: gate.settings().history(),
            gate,
            queues: BTreeMap::new(),
            clock: Arc::clone(&clock),
            requests: requested,
            inputs: inputs.clone(),
            timing: StartTiming::default(),
        };
        let io = Self {
            store,
            clock,
            requests,
            inputs,
            unconfirmed: 0,
            holder,
            is_reading_shares: false,
            busy_with: None,
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

    /// Reads who shares the trunk, unless that is under way, and notes what this controller has to dial.
    pub(in crate::controller) fn read_shares(&mut self, busy_with: Vec<CampaignId>) {
        if std::mem::replace(&mut self.is_reading_shares, true) {
            return;
        }
        let is_news = self.busy_with.as_ref() != Some(&busy_with);
        self.busy_with = Some(busy_with.clone());
        let (store, holder, now) = (self.store.clone(), self.holder.clone(), self.now());
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let shares = async {
                if is_news {
                    store.note_busy(&holder, &busy_with).await?;
                }
                store.shares(&holder, now).await
            };
            let _ = inputs.send(Input::Shares(shares.await));
        });
    }

    /// The answer to that has come.
    pub(in crate::controller) const fn shares_read(&mut self) {
        self.is_reading_shares = false;
    }

    /// Looks contacts up by these rules from now on, after all that was asked before.
    pub(in crate::controller) fn set_rules(&self, gate: policy::Gate) {
        self.ask(StoreRequest::Rules(Box::new(gate)));
    }

    /// Registers what the trunk carries, after all that was asked before.
    pub(in crate::controller) fn set_limits(&self, rate: Rate, in_flight: u32) {
        self.ask(StoreRequest::Limits(rate, in_flight));
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

    /// Reads what other controllers have done.
    pub(in crate::controller) fn read_elsewhere(&self, question: Question) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let answer = question.read(&store).await;
            let _ = inputs.send(Input::Elsewhere(answer));
        });
    }

    /// Counts a campaign's contacts, after all that was asked before.
    pub(in crate::controller) fn count(&self, campaign: CampaignId) {
        self.ask(StoreRequest::Count(campaign));
    }

    /// Counts a campaign's contacts whose places hours hold.
    pub(in crate::controller) fn count_places_held(&self, campaign: CampaignId) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        let now = self.now();
        tokio::spawn(async move {
            if let Ok(groups) = store.waiting_by_place(campaign, now).await {
                let _ = inputs.send(Input::PlacesHeld(campaign, groups));
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
