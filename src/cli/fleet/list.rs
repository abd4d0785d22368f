//! What `aftertone fleet list` shows.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::{
    campaign::{
        budget::{Budget, BudgetLimits, Gauge},
        pace::Rate,
    },
    orders::GaugeView,
    store::{Fleet, FleetController, FleetPbx, Stated, Store, StoreError},
};

/// All PBXes and trunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FleetView {
    at: Timestamp,
    pbxes: Vec<PbxView>,
    trunks: Vec<TrunkView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct PbxView {
    name: String,
    identity: Option<String>,
    trunk: Option<String>,
    seen_at: Option<Timestamp>,
    in_flight: u64,
    starts_in_last_minute: u64,
    controllers: Vec<ControllerView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ControllerView {
    run: String,
    alive: bool,
    /// What it runs: `campaigns`, or a `drop` outside any.
    runs: Option<&'static str>,
    rate: Option<String>,
    most_in_flight: Option<u32>,
    began_at: Timestamp,
    lease_ends: Timestamp,
    in_flight: u64,
    leased: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TrunkView {
    name: String,
    pbxes: Vec<String>,
    /// The strictest of the limits that its controllers state.
    rate: Option<String>,
    most_in_flight: Option<u32>,
    disagreement: Option<String>,
    in_flight: u64,
    starts_in_last_minute: u64,
    window_s: u64,
    budget: Vec<GaugeView>,
}

/// Reads what else is shown of a fleet; budgets are judged by these limits.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn view(
    fleet: &Fleet,
    store: &Store,
    limits: &BudgetLimits,
    now: Timestamp,
) -> Result<FleetView, StoreError> {
    let mut trunks = Vec::new();
    for (name, stated) in fleet.trunks() {
        let since = now.checked_sub(limits.window).unwrap_or(Timestamp::MIN);
        let mut budget = Budget::new(*limits);
        for calls in store.recent_calls(name, since, None).await? {
            budget.add(calls.calls, calls.at);
        }
        trunks.push(trunk(fleet, name, &stated, &budget));
    }
    Ok(FleetView {
        at: now,
        pbxes: pbxes(fleet),
        trunks,
    })
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

/// The same for people; times in this zone.
pub(super) fn lines(view: &FleetView, zone: &TimeZone) -> Vec<String> {
    let clock = |at: Timestamp| {
        let at = at.to_zoned(zone.clone());
        at.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let mut lines = Vec::new();
    for pbx in &view.pbxes {
        let registered = match (&pbx.identity, &pbx.trunk) {
            (Some(identity), Some(trunk)) => format!("{identity}, trunk `{trunk}`"),
            (_, _) => "used by version 0.1.0 only".to_owned(),
        };
        lines.push(format!(
            "PBX `{}`: {registered}; {} in flight, {} started in the last minute",
            pbx.name, pbx.in_flight, pbx.starts_in_last_minute
        ));
        for each in &pbx.controllers {
            let runs = match each.runs {
                Some("drop") => "a single drop",
                Some(_) | None => "campaigns",
            };
            let limits = match (&each.rate, each.most_in_flight) {
                (Some(rate), Some(most)) => format!("; states {rate}, {most} in flight"),
                (_, _) => String::new(),
            };
            let (run, in_flight, began) = (&each.run, each.in_flight, clock(each.began_at));
            lines.push(if each.alive {
                let ends = clock(each.lease_ends);
                format!(
                    "  {run}: {runs} since {began}, lease to {ends}; {in_flight} in flight{limits}"
                )
            } else {
                let gone = clock(each.lease_ends);
                format!(
                    "  {run}: gone since {gone}; left {in_flight} drops in flight and {} contacts",
                    each.leased
                )
            });
        }
        if pbx.controllers.is_empty() {
            let last = pbx
                .seen_at
                .map(|at| format!("; the last one began {}", clock(at)));
            lines.push(format!("  no controller{}", last.unwrap_or_default()));
        }
    }
    for trunk in &view.trunks {
        let of = |most: Option<u32>| most.map_or_else(String::new, |most| format!(" of {most}"));
        let rate = trunk.rate.as_ref();
        let rate = rate.map_or_else(String::new, |rate| format!(", at most {rate}"));
        lines.push(format!(
            "trunk `{}` ({}): {}{} in flight, {} started in the last minute{rate}",
            trunk.name,
            trunk.pbxes.join(", "),
            trunk.in_flight,
            of(trunk.most_in_flight),
            trunk.starts_in_last_minute
        ));
        for gauge in &trunk.budget {
            let limit = match gauge.limit {
                Some(limit) => format!("limit {limit}"),
                None => "no limit".to_owned(),
            };
            let (share, words) = (gauge.share, gauge.gauge.words());
            lines.push(format!(
                "  {share} {words} within {} s, {limit}",
                trunk.window_s
            ));
        }
        lines.extend(trunk.disagreement.iter().map(|words| format!("  {words}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{campaign::budget::Calls, drop::Technique, id::RunName, store::RegisteredPbx};

    #[test]
    fn a_fleet_is_a_few_lines() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let registered = |identity: &str| RegisteredPbx {
            identity: identity.to_owned(),
            trunk: "carrier".to_owned(),
            seen_at: at("2026-11-24T12:00:00Z"),
        };
        let pbx = |name: &str, registered, in_flight, starts| FleetPbx {
            name: name.to_owned(),
            registered,
            in_flight,
            starts,
        };
        let controller = |run: &str, pbx: &str, starts, is_alive| FleetController {
            run: RunName::new(run).unwrap(),
            pbx: pbx.to_owned(),
            stated: Some(Stated {
                trunk: "carrier".to_owned(),
                rate: Rate::new(starts, Duration::from_secs(1)).unwrap(),
                in_flight: 10 * starts,
                is_single: run == "drop1",
            }),
            began_at: at("2026-11-24T12:00:00Z"),
            lease_ends: at("2026-11-24T12:05:30Z"),
            is_alive,
            in_flight: 4,
            leased: 3,
        };
        let fleet = Fleet {
            pbxes: vec![
                pbx("east", Some(registered("02:42:ac:11:00:02:8088")), 8, 90),
                pbx("old", None, 1, 0),
                pbx("spare", Some(registered("02:42:ac:11:00:03:8088")), 0, 0),
                pbx("west", Some(registered("02:42:ac:11:00:04:8088")), 4, 30),
            ],
            controllers: vec![
                controller("run1", "east", 2, true),
                controller("drop1", "east", 2, true),
                controller("run2", "west", 1, true),
                controller("run3", "west", 1, false),
            ],
        };
        let mut budget = Budget::new(BudgetLimits {
            cancelled: None,
            ..BudgetLimits::default()
        });
        let calls = Calls::at_least(Technique::Double);
        budget.add(calls, at("2026-11-24T12:04:00Z"));
        let trunks = fleet.trunks();
        let view = FleetView {
            at: at("2026-11-24T12:05:00Z"),
            pbxes: pbxes(&fleet),
            trunks: trunks
                .iter()
                .map(|(name, stated)| trunk(&fleet, name, stated, &budget))
                .collect(),
        };
        insta::assert_snapshot!(lines(&view, &TimeZone::UTC).join("\n"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&view).unwrap());
    }
}
