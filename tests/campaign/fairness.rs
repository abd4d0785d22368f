//! Campaigns that compete.

use std::{collections::BTreeMap, time::Duration};

use aftertone::campaign::{
    engine::{CampaignId, InFlight, PbxId},
    pace::Rate,
};

use proptest::prelude::*;

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{Act, HOUR, World, campaign, pbx},
};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_gets_the_share_of_its_weight_at_every_moment(
        weights in prop::collection::vec(1..100_u32, 2..5)
    ) {
        let mut world = competing(&weights, 2_000);
        world.run(Duration::from_secs(600));
        // Until the first has no contact left.
        let mut starts: BTreeMap<CampaignId, u32> = BTreeMap::new();
        for started in &world.log {
            *starts.entry(started.campaign).or_default() += 1;
            if starts.values().any(|&starts| starts >= 1_990) {
                break;
            }
            bound(&weights, &starts);
        }
        assert!(starts.values().sum::<u32>() > 2_000, "{starts:?}");
    }
}

#[test]
fn who_was_paused_has_saved_nothing_up() {
    let mut world = competing(&[1, 1], 5_000);
    world.later(0, Act::Pause(CampaignId(1), InFlight::Finish));
    world.later(100_000, Act::Resume(CampaignId(1)));
    world.run(Duration::from_secs(200));
    let resumed = world.log[0].at + Duration::from_secs(101);
    let mut starts = BTreeMap::new();
    for started in world.log.iter().filter(|started| started.at > resumed) {
        *starts.entry(started.campaign).or_default() += 1;
        bound(&[1, 1], &starts);
    }
    assert!(starts[&CampaignId(1)] > 400, "{starts:?}");
}

#[test]
fn what_one_cannot_use_the_others_get() {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(10, 1_000, 5_000));
    let mut slow = campaign();
    slow.rate = Rate::new(1, Duration::from_secs(1));
    slow.weight = 100;
    world.add_campaign(1, slow, (0..1_000).map(contact));
    world.add_campaign(2, campaign(), (1_000..3_000).map(contact));
    world.run(Duration::from_secs(100));
    let starts = [world.starts(1), world.starts(2)];
    assert!((99..=101).contains(&starts[0]), "{starts:?}");
    assert!((890..=910).contains(&starts[1]), "{starts:?}");
    world.check_rates();
}

#[test]
fn drops_go_to_the_pbx_with_most_room() {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.network.longest_ms = 600_000;
    world.add_pbx(1, pbx(50, 1_000, 30));
    world.add_pbx(2, pbx(50, 1_000, 10));
    let mut settings = campaign();
    settings.rate = Rate::new(10, Duration::from_secs(1));
    world.add_campaign(1, settings, (0..20).map(contact));
    // None has ended by then.
    world.run(Duration::from_secs(5));
    let of = |id| world.log.iter().filter(|s| s.pbx == PbxId(id)).count();
    assert_eq!((of(1), of(2)), (15, 5));
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
}

/// No two campaigns differ by more than one start each from the shares of their weights.
fn bound(weights: &[u32], starts: &BTreeMap<CampaignId, u32>) {
    let served = |at: usize| {
        let id = CampaignId(i64::try_from(at).unwrap() + 1);
        f64::from(starts.get(&id).copied().unwrap_or(0)) / f64::from(weights[at])
    };
    let one = |at: usize| 1.0 / f64::from(weights[at]);
    for a in 0..weights.len() {
        for b in 0..a {
            let apart = (served(a) - served(b)).abs();
            assert!(apart <= one(a) + one(b) + 1e-6, "{weights:?}: {starts:?}");
        }
    }
}

fn competing(weights: &[u32], contacts: i64) -> World {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(10, 1_000, 5_000));
    for (at, &weight) in weights.iter().enumerate() {
        let id = i64::try_from(at).unwrap() + 1;
        let mut settings = campaign();
        settings.weight = weight;
        let first = 10_000 * id;
        world.add_campaign(id, settings, (first..first + contacts).map(contact));
    }
    world
}
