//! Contacts whose messages are made one by one, before anything is decided about their calls.

use std::time::Duration;

use aftertone::{
    campaign::{
        engine::{CampaignId, ContactId, InFlight, Why},
        variant::Messages,
    },
    drop::Outcome,
};

use crate::{
    gate::{TestGate, contact},
    network::{Dice, Network},
    store::State,
    world::{Act, DAY, SLOW_MS, World, campaign, pbx},
};

const ONE: CampaignId = CampaignId(1);

#[test]
fn one_slow_message_delays_nobody_else() {
    let mut world = world(200);
    world.slow = Some(ContactId(0));
    world.add_pbx(1, pbx(10, 1_000, 100));
    world.add_campaign(1, campaign(), (0..50).map(contact));
    let began = world.now;
    world.run(DAY);
    world.check_no_contact_is_forgotten(1);
    world.check_rates();
    let last = world.log.last().unwrap();
    assert_eq!(last.contact, ContactId(0));
    let after = |at: jiff::Timestamp| at.duration_since(began).unsigned_abs();
    assert!(after(last.at) >= Duration::from_millis(SLOW_MS));
    // The others keep the pace, as if they were alone.
    let others = world.log[..49].last().unwrap();
    assert!(after(others.at) < Duration::from_secs(6), "{others:?}");
}

#[test]
fn no_contact_is_forgotten_whose_message_is_made_while_all_fails() {
    for seed in 0..20 {
        let network = Network {
            outcomes: vec![Outcome::Delivered, Outcome::Busy],
            longest_ms: 3_000,
        };
        let mut world = World::new(TestGate::open(), network, seed);
        world.making_ms = Some(5_000);
        world.latency_ms = 500;
        world.trouble = 100;
        world.add_pbx(1, pbx(5, 1_000, 8));
        world.add_campaign(1, campaign(), (0..100).map(contact));
        let mut dice = Dice::new(seed);
        let mut at = 0;
        for _ in 0..6 {
            at += 4_000 + dice.below(4_000);
            world.later(at, Act::Pause(ONE, InFlight::Finish));
            world.later(at + 500, Act::Resume(ONE));
            world.later(at + 2_000, Act::Crash);
        }
        world.run(7 * DAY);
        world.check_no_contact_is_forgotten(1);
        world.check_rates();
    }
}

#[test]
fn what_is_being_made_is_given_back_with_all_that_is_at_hand() {
    let leased = |world: &World| {
        let states = world.store.states(ONE);
        states
            .filter(|(_, state, _)| matches!(state, State::Leased(_)))
            .count()
    };
    let acts = [
        Act::Pause(ONE, InFlight::Finish),
        Act::Cancel(ONE, InFlight::Finish),
        Act::Drain(InFlight::Finish),
    ];
    for act in acts {
        let mut world = world(60_000);
        world.add_pbx(1, pbx(10, 1_000, 100));
        world.add_campaign(1, campaign(), (0..20).map(contact));
        world.run_for(Duration::from_millis(1));
        assert_eq!(leased(&world), 20, "{act:?}");
        let why = world.engine.why_idle(ONE).unwrap().why;
        assert_eq!(why.slug(), "making_messages");
        assert_eq!(why, Why::MakingMessages { contacts: 20 });
        assert_eq!(why.to_string(), "making the messages of 20 contacts");
        world.act(act);
        assert_eq!(leased(&world), 0, "{act:?}");
        assert_eq!(world.starts(1), 0, "{act:?}");
    }
}

#[test]
fn a_message_that_is_missing_uses_up_no_contact_and_is_tried_again() {
    for making_ms in [60_000, 1] {
        let mut world = world(making_ms);
        world.add_pbx(1, pbx(10, 1_000, 100));
        world.add_campaign(1, campaign(), (0..200).map(contact));
        world.run_for(Duration::from_secs(1));
        let started = world.starts(1);
        world.act(Act::FilesAway(ONE, 10));
        let leased = |world: &World| {
            let states = world.store.states(ONE);
            states
                .filter(|(_, state, _)| matches!(state, State::Leased(_)))
                .count()
        };
        assert_eq!(leased(&world), 0, "all that is at hand is given back");
        world.run_for(Duration::from_secs(9));
        assert_eq!((world.starts(1), leased(&world)), (started, 0));
        let idle = world.engine.why_idle(ONE).unwrap();
        assert_eq!(idle.why.slug(), "files_away");
        assert_eq!(idle.why.to_string(), "there is no message called `promo`");
        assert!(idle.until.is_some_and(|at| at > world.now));
        // It is tried again by itself.
        world.run_for(Duration::from_secs(2));
        assert_ne!(world.engine.why_idle(ONE).unwrap().why.slug(), "files_away");
        assert!(leased(&world) > 0 || world.starts(1) > started);
        // Or as soon as a person resumes it.
        world.act(Act::FilesAway(ONE, 100_000));
        world.act(Act::Pause(ONE, InFlight::Finish));
        world.act(Act::Resume(ONE));
        assert_ne!(world.engine.why_idle(ONE).unwrap().why.slug(), "files_away");
        world.run(DAY);
        world.check_no_contact_is_forgotten(1);
        world.check_rates();
    }
}

#[test]
fn other_messages_are_made_anew() {
    let mut world = world(60_000);
    world.add_pbx(1, pbx(10, 1_000, 100));
    let mut settings = campaign();
    world.add_campaign(1, settings.clone(), (0..4).map(contact));
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.starts(1), 0);
    settings.messages = Messages::One("another".to_owned());
    world.making_ms = None;
    world.making.clear();
    world.change_campaign(1, settings);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.starts(1), 4, "their messages need not be made");
}

fn world(making_ms: u64) -> World {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.making_ms = Some(making_ms);
    world
}
