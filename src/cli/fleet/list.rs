//! What `aftertone fleet list` shows.

use jiff::{Timestamp, tz::TimeZone};

use crate::orders::FleetView;

/// The fleet for people; times in this zone.
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
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{
        campaign::{
            budget::{Budget, BudgetLimits, Calls},
            pace::Rate,
        },
        drop::Technique,
        id::RunName,
        orders::shown_fleet,
        store::{Fleet, FleetController, FleetPbx, RegisteredPbx, Stated},
    };

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
        let budgets = BTreeMap::from([("carrier".to_owned(), budget)]);
        let view = shown_fleet(&fleet, &budgets, at("2026-11-24T12:05:00Z"));
        insta::assert_snapshot!(lines(&view, &TimeZone::UTC).join("\n"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&view).unwrap());
    }
}
