//! Random lists, settings, outcomes and mishaps: what must hold for all of them.

use std::time::Duration;

use aftertone::{
    campaign::{
        budget::{BudgetLimits, Share, TechniqueRule},
        caller::CallerIds,
        engine::{
            Availability, CampaignId, CampaignSettings, InFlight, PbxId, PbxSettings, StopOn,
        },
        pace::Rate,
        policy::CampaignKind,
        retry::{Backoff, RetryRules},
        window::{Hours, Window},
    },
    drop::Outcome,
};
use jiff::{civil::time, tz::TimeZone};
use proptest::prelude::*;

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{Act, DAY, World},
};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 250,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The world checks at each start: the gate was asked and allows it, the campaign's hours are open, nothing that is
    /// paused, cancelled or away dials, no cap is passed and no line is called twice at once.
    #[test]
    fn no_contact_is_forgotten_and_every_limit_holds(case in case()) {
        let mut world = case.world();
        for &(at, act) in &case.acts {
            world.later(at, act);
        }
        // Whatever was paused or away comes back.
        let last = case.acts.iter().map(|&(at, _)| at).max().unwrap_or(0);
        world.later(last + 1, Act::Store(Availability::Up));
        for id in 1..=case.pbxs.len() {
            let id = PbxId(u32::try_from(id).unwrap());
            world.later(last + 1, Act::Pbx(id, Availability::Up));
        }
        for id in case.ids() {
            world.later(last + 1, Act::Resume(CampaignId(id)));
        }
        world.run(400 * DAY);
        for id in case.ids() {
            world.check_no_contact_is_forgotten(id);
        }
        world.check_rates();
        world.check_caps();
    }

    /// If campaigns are cancelled, or all is drained, the end is reached too, and nothing is left in flight.
    #[test]
    fn every_order_to_end_is_obeyed(case in case(), at in 0..200_000_u64, hang_up: bool, drain: bool) {
        let in_flight = if hang_up { InFlight::HangUp } else { InFlight::Finish };
        let mut world = case.world();
        if drain {
            world.later(at, Act::Drain(in_flight));
        } else {
            for id in case.ids() {
                world.later(at, Act::Cancel(CampaignId(id), in_flight));
            }
        }
        world.run(400 * DAY);
        for id in case.ids() {
            prop_assert_eq!(world.engine.in_flight(CampaignId(id)), 0);
            prop_assert!(drain || world.finished.contains_key(&CampaignId(id)));
        }
        prop_assert!(world.drained || !drain);
        world.check_rates();
        world.check_caps();
    }

    /// The same list, settings and chances give the same starts at the same moments.
    #[test]
    fn two_runs_agree(case in case()) {
        let run = || {
            let mut world = case.world();
            world.run(20 * DAY);
            let starts = world.log.iter().map(|s| (s.at, s.contact, s.technique));
            starts.collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}

/// All that one run is made of.
#[derive(Clone, Debug)]
struct Case {
    pbxs: Vec<PbxSettings>,
    campaigns: Vec<(CampaignSettings, i64)>,
    hours: Option<(i64, i64)>,
    cap: Option<Duration>,
    do_not_call: Option<i64>,
    outcomes: Vec<Outcome>,
    longest_ms: u64,
    latency_ms: u64,
    trouble: u64,
    acts: Vec<(u64, Act)>,
    seed: u64,
}

impl Case {
    fn world(&self) -> World {
        let gate = TestGate {
            hours: self.hours,
            cap: self.cap,
            do_not_call: self.do_not_call,
            ..TestGate::open()
        };
        let network = Network {
            outcomes: self.outcomes.clone(),
            longest_ms: self.longest_ms,
        };
        let mut world = World::new(gate, network, self.seed);
        world.latency_ms = self.latency_ms;
        world.trouble = self.trouble;
        world.resume_after_ms = Some(600_000);
        for (id, settings) in (1..).zip(&self.pbxs) {
            world.add_pbx(id, settings.clone());
        }
        for (id, (settings, contacts)) in (1..).zip(&self.campaigns) {
            // Some numbers are on two lists.
            let first = 1_000 * id;
            let ids = first..first + contacts;
            let those = ids.map(|at| aftertone::campaign::engine::Contact {
                number: contact(at % 1_000 + 30 * id).number,
                ..contact(at)
            });
            world.add_campaign(id, settings.clone(), those);
        }
        world
    }

    fn ids(&self) -> impl Iterator<Item = i64> + use<> {
        1..=i64::try_from(self.campaigns.len()).unwrap()
    }
}

fn case() -> impl Strategy<Value = Case> {
    let gate = (
        prop::option::of(((5..12_i64), (13..22_i64))),
        prop::option::of((600..200_000_u64).prop_map(Duration::from_secs)),
        prop::option::of(2..20_i64),
    );
    let network = (
        prop::collection::vec(prop::sample::select(&Outcome::ALL[..]), 1..12),
        100..90_000_u64,
        0..3_000_u64,
        prop::sample::select(&[0_u64, 0, 30, 200][..]),
    );
    (
        prop::collection::vec(pbx(), 1..=2),
        prop::collection::vec((campaign(), 0..80_i64), 1..=3),
        gate,
        network,
        prop::collection::vec((0..400_000_u64, act()), 0..8),
        any::<u64>(),
    )
        .prop_map(|(pbxs, campaigns, gate, network, acts, seed)| Case {
            pbxs,
            campaigns,
            hours: gate.0,
            cap: gate.1,
            do_not_call: gate.2,
            outcomes: network.0,
            longest_ms: network.1,
            latency_ms: network.2,
            trouble: network.3,
            acts,
            seed,
        })
}

fn pbx() -> impl Strategy<Value = PbxSettings> {
    let limits = (any::<bool>(), 5..40_u32, 60..7_200_u64).prop_map(|(any, at_least, window)| {
        let limits = BudgetLimits {
            at_least,
            window: Duration::from_secs(window),
            cancelled: Some(Share::percent(20)),
            short: Some(Share::percent(15)),
            ..BudgetLimits::default()
        };
        if any { limits } else { BudgetLimits::none() }
    });
    (rate(), 1..30_u32, limits).prop_map(|(rate, in_flight, limits)| PbxSettings {
        rate,
        in_flight,
        limits,
    })
}

/// Hours that meet those of the gate in every zone: else no contact there could ever be dialled.
fn campaign() -> impl Strategy<Value = CampaignSettings> {
    let window = prop::option::of((0..12_i8, 17..24_i8)).prop_map(|hours| {
        let (opens, closes) = hours?;
        let hours = Hours::new(time(opens, 0, 0, 0), time(closes, 0, 0, 0)).unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        Some(Window::daily(zone, hours))
    });
    let rules = [
        TechniqueRule::ByShare,
        TechniqueRule::Double,
        TechniqueRule::Single,
    ];
    (
        prop::option::of(rate()),
        prop::option::of(1..12_u32),
        1..6_u32,
        window,
        prop::sample::select(rules.to_vec()),
        (
            any::<bool>(),
            prop::sample::select(vec![CampaignKind::Informational, CampaignKind::Marketing]),
        ),
        prop_oneof![Just(RetryRules::default()), Just(at_once())],
    )
        .prop_map(
            |(rate, in_flight, weight, window, technique, (stops, kind), retry)| CampaignSettings {
                kind,
                rate,
                in_flight,
                weight,
                window,
                technique,
                retry,
                caller_ids: CallerIds::Fixed(None),
                stop_on: stops.then(StopOn::default),
                ..CampaignSettings::new("promo")
            },
        )
}

/// Tries again within seconds, so that what is reported late of one attempt comes during the next.
fn at_once() -> RetryRules {
    let mut rules = RetryRules::none();
    rules.set_most_attempts(4);
    let backoff = Backoff {
        first: Duration::from_secs(1),
        factor: 2,
        longest: Duration::from_secs(5),
        attempts: 4,
    };
    for outcome in [
        Outcome::Busy,
        Outcome::Failed,
        Outcome::NoAnswer,
        Outcome::Unsure,
    ] {
        rules.set(outcome, Some(backoff)).unwrap();
    }
    rules
}

fn rate() -> impl Strategy<Value = Rate> {
    (1..40_u32, 100..20_000_u64)
        .prop_map(|(starts, millis)| Rate::new(starts, Duration::from_millis(millis)).unwrap())
}

fn act() -> impl Strategy<Value = Act> {
    let campaign = || (1..4_i64).prop_map(CampaignId);
    let in_flight = prop_oneof![Just(InFlight::Finish), Just(InFlight::HangUp)];
    let reach = || prop_oneof![Just(Availability::Up), Just(Availability::Away)];
    prop_oneof![
        (campaign(), in_flight).prop_map(|(id, in_flight)| Act::Pause(id, in_flight)),
        campaign().prop_map(Act::Resume),
        ((1..3_u32).prop_map(PbxId), reach()).prop_map(|(id, reach)| Act::Pbx(id, reach)),
        reach().prop_map(Act::Store),
        Just(Act::Crash),
    ]
}
