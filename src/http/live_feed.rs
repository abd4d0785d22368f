//! The state of all campaigns and of the fleet as it is now: read once for all who look, twice a second at most, and only while
//! somebody looks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::watch, time::sleep};

use super::{Api, caller::now, problem::Problem};
use crate::{
    clock,
    orders::{CampaignView, FleetView, fleet_view, stored_view},
    store::{Campaign, Status},
};

/// Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct LiveFeed {
    latest: watch::Sender<Option<Arc<LiveState>>>,
    /// Held by the one who reads for all.
    turn: Arc<tokio::sync::Mutex<()>>,
    kept: Arc<Mutex<KeptViews>>,
}

/// The state at a moment.
#[derive(Debug, PartialEq)]
pub(super) struct LiveState {
    /// Grows from one state to the next.
    pub(super) number: u64,
    pub(super) at: Timestamp,
    /// The same by the clock that nobody sets.
    pub(super) read_at: Instant,
    /// The campaigns by their names: those that are not over, and the latest of those that are.
    pub(super) campaigns: BTreeMap<String, Value>,
    /// PBXes and trunks.
    pub(super) fleet: Value,
    /// The same, for pages.
    pub(super) views: BTreeMap<String, Arc<CampaignView>>,
    pub(super) fleet_view: Option<Arc<FleetView>>,
}

/// What was read before and need not be read anew.
#[derive(Debug, Default)]
struct KeptViews {
    /// By a campaign's number.
    campaigns: BTreeMap<i64, KeptCampaign>,
    fleet: Option<(Instant, Value, Arc<FleetView>)>,
}

/// A campaign that was read.
#[derive(Clone, Debug)]
struct KeptCampaign {
    version: i64,
    read_at: Instant,
    view: Arc<CampaignView>,
    told: Value,
}

impl Default for LiveFeed {
    fn default() -> Self {
        Self {
            latest: watch::Sender::new(None),
            turn: Arc::default(),
            kept: Arc::default(),
        }
    }
}

impl LiveFeed {
    /// The first state behind this one, half a second later at the earliest; without one, a state of this moment. However many
    /// look, one of them reads.
    pub(super) async fn behind(
        &self,
        seen: Option<u64>,
        api: &Api,
    ) -> Result<Arc<LiveState>, Problem> {
        let mut latest = self.latest.subscribe();
        let asked_at = clock::now();
        loop {
            let known = latest.borrow_and_update().clone();
            let is_new = |state: &Arc<LiveState>| match seen {
                Some(seen) => state.number > seen,
                None => state.is_fresh(asked_at),
            };
            if let Some(state) = known.filter(is_new) {
                return Ok(state);
            }
            tokio::select! {
                _ = latest.changed() => {}
                _turn = self.turn.lock() => {
                    if seen.is_some() {
                        sleep(READ_EVERY).await;
                    }
                    let state = self.read(api).await?;
                    self.latest.send_replace(Some(state));
                }
            }
        }
    }

    /// A state that was read from now on: what was done before is in it.
    pub(super) async fn anew(&self, api: &Api) -> Result<Arc<LiveState>, Problem> {
        let asked_at = clock::now();
        let _turn = self.turn.lock().await;
        let known = self.latest.borrow().clone();
        if let Some(state) = known.filter(|state| state.is_from(asked_at)) {
            return Ok(state);
        }
        let state = self.read(api).await?;
        self.latest.send_replace(Some(Arc::clone(&state)));
        Ok(state)
    }

    async fn read(&self, api: &Api) -> Result<Arc<LiveState>, Problem> {
        let (at, began) = (now(), clock::now());
        let is_recent = |read_at: Instant, span| began.saturating_duration_since(read_at) < span;
        let mut kept = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *kept)
        };
        let (mut campaigns, mut views) = (BTreeMap::new(), BTreeMap::new());
        let mut next = KeptViews::default();
        for campaign in shown(api.store.campaigns(0).await?) {
            let (id, version, name) = (campaign.id.0, campaign.version, campaign.name.clone());
            let is_moving = matches!(campaign.status, Status::Running | Status::Cancelling);
            let view = match kept.campaigns.remove(&id) {
                Some(known)
                    if known.version == version
                        && !is_moving
                        && is_recent(known.read_at, STILL_FOR) =>
                {
                    known
                }
                Some(_) | None => {
                    let view = stored_view(campaign, &api.store, at).await?;
                    KeptCampaign {
                        version,
                        read_at: began,
                        told: serde_json::to_value(&view).unwrap_or_default(),
                        view: Arc::new(view),
                    }
                }
            };
            campaigns.insert(name.clone(), view.told.clone());
            views.insert(name, Arc::clone(&view.view));
            next.campaigns.insert(id, view);
        }
        let fleet = match kept
            .fleet
            .filter(|(read_at, ..)| is_recent(*read_at, FLEET_FOR))
        {
            Some(fleet) => fleet,
            None => {
                let limits = api.config.borrow().trunk.limits;
                let view = fleet_view(&api.store, &limits, at).await?;
                let mut told = serde_json::to_value(&view).unwrap_or_default();
                // Or each state would be another one.
                if let Some(told) = told.as_object_mut() {
                    told.remove("at");
                }
                (began, told, Arc::new(view))
            }
        };
        let state = Arc::new(LiveState {
            number: self
                .latest
                .borrow()
                .as_ref()
                .map_or(1, |state| state.number + 1),
            at,
            read_at: began,
            campaigns,
            fleet: fleet.1.clone(),
            views,
            fleet_view: Some(Arc::clone(&fleet.2)),
        });
        next.fleet = Some(fleet);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(state)
    }
}

impl LiveState {
    /// Whether it is good for whoever asks for a state of this moment.
    fn is_fresh(&self, asked_at: Instant) -> bool {
        asked_at.saturating_duration_since(self.read_at) < FRESH
    }

    /// Whether it was read from this moment on.
    fn is_from(&self, asked_at: Instant) -> bool {
        self.read_at >= asked_at
    }
}

/// Those that are not over, and the latest of those that are.
fn shown(mut all: Vec<Campaign>) -> Vec<Campaign> {
    let is_over = |campaign: &Campaign| campaign.status.is_over();
    // The latest change is the last.
    let mut left = all.iter().filter(|campaign| is_over(campaign)).count();
    all.retain(|campaign| {
        if !is_over(campaign) {
            return true;
        }
        left -= 1;
        left < MOST_OVER
    });
    all
}

/// From one state to the next.
const READ_EVERY: Duration = Duration::from_millis(500);

/// How old a state may be that is given to whoever asks for one.
const FRESH: Duration = Duration::from_millis(500);

/// How long a campaign that is not being dialled is taken to be as it was.
const STILL_FOR: Duration = Duration::from_secs(5);

/// The same for the fleet, whose budgets take longer to read.
const FLEET_FOR: Duration = Duration::from_secs(5);

/// Campaigns that are over.
const MOST_OVER: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_old_a_state_is_goes_by_no_clock_that_is_set() {
        let read_at = clock::now();
        // By the clock on the wall it is of the year 3000, as if that was set back since.
        let state = LiveState {
            number: 1,
            at: "3000-01-01T00:00:00Z".parse().unwrap(),
            read_at,
            campaigns: BTreeMap::new(),
            fleet: Value::Null,
            views: BTreeMap::new(),
            fleet_view: None,
        };
        let later = |ms| read_at + Duration::from_millis(ms);
        assert!(state.is_fresh(read_at) && state.is_fresh(later(499)));
        assert!(!state.is_fresh(later(500)));
        assert!(state.is_from(read_at) && !state.is_from(later(1)));
        assert!(
            LiveState {
                read_at: later(2),
                ..state
            }
            .is_from(later(1))
        );
    }
}
