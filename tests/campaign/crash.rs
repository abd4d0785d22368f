//! Controllers that die, and those that come after them.

use std::{collections::BTreeMap, time::Duration};

use aftertone::{
    campaign::{
        engine::CampaignId,
        variant::{Messages, Variant, Variants},
    },
    drop::Outcome,
};

use crate::{
    gate::{TestGate, contact},
    network::{Dice, Network},
    store::State,
    world::{Act, DAY, World, campaign, pbx},
};

#[test]
fn twenty_crashes_forget_no_contact_and_ring_none_twice() {
    for seed in 0..20 {
        let mut world = World::new(TestGate::open(), Network::good(), seed);
        world.latency_ms = 500;
        world.add_pbx(1, pbx(5, 1_000, 8));
        let mut settings = campaign();
        settings.messages = Messages::Several(two_variants());
        world.add_campaign(1, settings, (0..300).map(contact));
        let mut dice = Dice::new(seed);
        let mut at = 0;
        for _ in 0..20 {
            at += 10_000 + dice.below(10_000);
            world.later(at, Act::Crash);
        }
        world.run(DAY);
        world.check_no_contact_is_forgotten(1);
        // No contact is dialled again by itself after a death, and all others are delivered.
        assert_eq!(world.starts(1), 300);
        let states = world.store.states(CampaignId(1));
        let lost = states.filter(|(_, state, _)| *state == State::Ended(Outcome::Lost));
        let lost = lost.count();
        assert!((1..=20 * 8).contains(&lost), "{lost}");
    }
}

#[test]
fn the_next_controller_chooses_the_same_variants_and_moments() {
    let run = |crash: bool| {
        let network = Network {
            outcomes: vec![Outcome::Busy],
            longest_ms: 1_000,
        };
        let mut world = World::new(TestGate::open(), network, 1);
        world.add_pbx(1, pbx(5, 1_000, 100));
        let mut settings = campaign();
        settings.messages = Messages::Several(two_variants());
        world.add_campaign(1, settings, (0..100).map(contact));
        world.run_for(Duration::from_secs(60));
        if crash {
            world.act(Act::Crash);
        }
        world.run(7 * DAY);
        world.check_no_contact_is_forgotten(1);
        let mut variants = BTreeMap::new();
        for started in &world.log {
            let variant = started.variant.clone().unwrap();
            let before = variants.insert(started.contact, variant.clone());
            assert!(before.is_none_or(|before| before == variant));
        }
        (variants, world.starts(1))
    };
    let (variants, starts) = run(true);
    assert_eq!((variants, starts), run(false));
}

fn two_variants() -> Variants {
    let variant = |name: &str| Variant {
        name: name.to_owned(),
        message: format!("promo-{name}"),
        weight: 1,
    };
    Variants::new(vec![variant("A"), variant("B")]).unwrap()
}
