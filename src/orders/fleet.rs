//! The PBXes, trunks and controllers that share a database.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::view::GaugeView;
use crate::{
    campaign::{
        budget::{Budget, BudgetLimits, Gauge},
        pace::Rate,
    },
    store::{Fleet, FleetController, FleetPbx, Stated, Store, StoreError},
};

/// All PBXes and trunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetView {
    /// The moment of this state.
    pub at: Timestamp,
    /// The PBXes, by name.
    pub pbxes: Vec<PbxView>,
    /// The trunks, by name.
    pub trunks: Vec<TrunkView>,
}

/// A PBX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PbxView {
    /// The instance's name.
    pub name: String,
    /// Which PBX that is; `None` if only version 0.1.0 used it.
    pub identity: Option<String>,
    /// The trunk behind it.
    pub trunk: Option<String>,
    /// When a controller last began on it.
    pub seen_at: Option<Timestamp>,
    /// Drops in flight.
    pub in_flight: u64,
    /// Drops started in the last minute.
    pub starts_in_last_minute: u64,
    /// Its controllers.
    pub controllers: Vec<ControllerView>,
}

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControllerView {
    /// Its run's name.
    pub run: String,
    /// Whether its lease has not ended.
    pub alive: bool,
    /// What it runs: `campaigns`, or a `drop` outside any.
    pub runs: Option<&'static str>,
    /// The rate that it states for the trunk.
    pub rate: Option<String>,
    /// The most drops in flight that it states for the trunk.
    pub most_in_flight: Option<u32>,
    /// When it began.
    pub began_at: Timestamp,
    /// Until when its lease lasts.
    pub lease_ends: Timestamp,
    /// Drops in flight.
    pub in_flight: u64,
    /// Contacts that are leased to it.
    pub leased: u64,
}

/// A trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrunkView {
    /// Its name.
    pub name: String,
    /// The PBXes before it.
    pub pbxes: Vec<String>,
    /// The strictest of the limits that its controllers state.
    pub rate: Option<String>,
    /// The fewest drops in flight that its controllers state.
    pub most_in_flight: Option<u32>,
    /// In what its controllers disagree, for people.
    pub disagreement: Option<String>,
    /// Drops in flight.
    pub in_flight: u64,
    /// Drops started in the last minute.
    pub starts_in_last_minute: u64,
    /// The span of the budget, in seconds.
    pub window_s: u64,
    /// Shares of its calls, with their limits.
    pub budget: Vec<GaugeView>,
}

/// The PBXes, trunks and controllers of a database; budgets are judged by these limits.
///
/// # Errors
/// [`StoreError`].
pub async fn fleet_view(
    store: &Store,
    limits: &BudgetLimits,
    now: Timestamp,
) -> Result<FleetView, StoreError> {
    let fleet = store.fleet(now).await?;
    let mut budgets = BTreeMap::new();
    for (name, _) in fleet.trunks() {
        let since = now.checked_sub(limits.window).unwrap_or(Timestamp::MIN);
        let mut budget = Budget::new(*limits);
        for calls in store.recent_calls(name, since, None).await? {
            budget.add(calls.calls, calls.at);
        }
        budgets.insert(name.to_owned(), budget);
    }
    Ok(shown_fleet(&fleet, &budgets, now))
}

/// The same of what was read.
pub fn shown_fleet(fleet: &Fleet, budgets: &BTreeMap<String, Budget>, at: Timestamp) -> FleetView {
    let trunks = fleet.trunks().into_iter().filter_map(|(name, stated)| {
        let budget = budgets.get(name)?;
        Some(trunk(fleet, name, &stated, budget))
    });
    FleetView {
        at,
        pbxes: pbxes(fleet),
        trunks: trunks.collect(),
    }
}

fn pbxes(fleet: &Fleet) -> Vec<PbxView> {
    let view = |pbx: &FleetPbx| {
        let controllers = fleet.controllers.iter();
        let controllers = controllers.filter(|each| each.pbx == pbx.name);
        let registered = pbx.registered.as_ref();
        PbxView {
            name: pbx.name.clone(),
            identity: registered.map(|registered| registered.identity.clone()),
            trunk: registered.map(|registered| registered.trunk.clone()),
            seen_at: registered.map(|registered| registered.seen_at),
            in_flight: pbx.in_flight,
            starts_in_last_minute: pbx.starts,
            controllers: controllers.map(controller).collect(),
        }
    };
    fleet.pbxes.iter().map(view).collect()
}

fn controller(controller: &FleetController) -> ControllerView {
    let stated = controller.stated.as_ref();
    let runs = |stated: &Stated| {
        if stated.is_single {
            "drop"
        } else {
            "campaigns"
        }
    };
    ControllerView {
        run: controller.run.to_string(),
        alive: controller.is_alive,
        runs: stated.map(runs),
        rate: stated.map(|stated| stated.rate.to_string()),
        most_in_flight: stated.map(|stated| stated.in_flight),
        began_at: controller.began_at,
        lease_ends: controller.lease_ends,
        in_flight: controller.in_flight,
        leased: controller.leased,
    }
}

fn trunk(
    fleet: &Fleet,
    name: &str,
    stated: &[(&FleetController, &Stated)],
    budget: &Budget,
) -> TrunkView {
    let of_it = || {
        fleet.pbxes.iter().filter(|pbx| {
            let registered = pbx.registered.as_ref();
            registered.is_some_and(|registered| registered.trunk == name)
        })
    };
    // Starts in a fixed time that is longer than any span of a rate.
    let speed = |rate: &Rate| {
        let micros = rate.per().as_micros().max(1);
        u128::from(rate.starts()) * 1_000_000_000_000 / micros
    };
    let rates = stated.iter().map(|(_, stated)| stated.rate);
    let gauge = |gauge| {
        let reading = budget.read(gauge);
        GaugeView {
            gauge,
            share: reading.share(),
            limit: reading.limit,
            state: reading.state(budget.limits()),
        }
    };
    TrunkView {
        name: name.to_owned(),
        pbxes: of_it().map(|pbx| pbx.name.clone()).collect(),
        rate: rates.min_by_key(speed).map(|rate| rate.to_string()),
        most_in_flight: stated.iter().map(|(_, stated)| stated.in_flight).min(),
        disagreement: fleet.disagreement(name),
        in_flight: of_it().map(|pbx| pbx.in_flight).sum(),
        starts_in_last_minute: of_it().map(|pbx| pbx.starts).sum(),
        window_s: budget.limits().window.as_secs(),
        budget: Gauge::ALL.into_iter().map(gauge).collect(),
    }
}
