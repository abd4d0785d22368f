//! What the operator orders, and what goes away and comes back.

use std::time::Duration;

use aftertone::{
    campaign::{
        budget::Share,
        engine::{
            Availability, CampaignId, CampaignSettings, End, Event, InFlight, PauseReason, PbxId,
            Phase, StopOn,
        },
        retry::RetryRules,
        window::{Hours, Window},
    },
    drop::Outcome,
};
use jiff::{
    civil::{date, time},
    tz::TimeZone,
};

use crate::{
    gate::{TestGate, contact},
    network::Network,
    store::State,
    world::{Act, DAY, HOUR, World, campaign, pbx},
};

const ONE: CampaignId = CampaignId(1);

#[test]
fn paused_means_that_nothing_starts_and_resumed_that_all_goes_on() {
    let mut world = world(300);
    world.later(10_000, Act::Pause(ONE, InFlight::Finish));
    world.run_for(Duration::from_secs(600));
    let started = world.starts(1);
    assert!((90..=101).contains(&started), "{started}");
    assert_eq!(world.engine.in_flight(ONE), 0);
    assert_eq!(
        world.engine.phase(ONE),
        Some(Phase::Paused(PauseReason::Operator))
    );
    // No lease is kept meanwhile.
    let leased = world
        .store
        .states(ONE)
        .filter(|(_, state, _)| matches!(state, State::Leased(_)));
    assert_eq!(leased.count(), 0);
    world.act(Act::Resume(ONE));
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
    assert_eq!(world.starts(1), 300);
}

#[test]
fn paused_drops_are_hung_up_if_asked() {
    let mut world = world(300);
    world.later(10_000, Act::Pause(ONE, InFlight::HangUp));
    world.run_for(Duration::from_secs(11));
    assert_eq!(world.engine.in_flight(ONE), 0);
    assert!(ended(&world, Outcome::Cancelled) > 50);
    world.act(Act::Resume(ONE));
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn a_cancelled_campaign_ends_with_its_last_drop() {
    for (in_flight, within) in [(InFlight::Finish, 70), (InFlight::HangUp, 1)] {
        let mut world = world(300);
        world.run_for(Duration::from_secs(10));
        world.act(Act::Cancel(ONE, in_flight));
        assert_eq!(world.engine.phase(ONE), Some(Phase::Cancelling));
        world.run(Duration::from_secs(within));
        assert_eq!(world.finished[&ONE], End::Cancelled);
        world.act(Act::Resume(ONE));
        world.run(HOUR);
        assert!(world.starts(1) <= 101, "{}", world.starts(1));
        let hung_up = ended(&world, Outcome::Cancelled) > 0;
        assert_eq!(hung_up, in_flight == InFlight::HangUp);
    }
}

#[test]
fn drained_once_it_finishes_and_twice_it_hangs_up() {
    let mut world = world(300);
    world.run_for(Duration::from_secs(10));
    world.act(Act::Drain(InFlight::Finish));
    world.run_for(Duration::from_secs(1));
    assert!(!world.drained);
    world.act(Act::Drain(InFlight::HangUp));
    world.run(Duration::from_secs(1));
    assert!(world.drained);
    assert!(world.starts(1) <= 101);
    assert!(ended(&world, Outcome::Cancelled) > 50);
}

#[test]
fn an_idle_engine_is_drained_at_once() {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.act(Act::Drain(InFlight::Finish));
    assert!(world.drained);
}

#[test]
fn without_a_pbx_or_a_store_nothing_starts() {
    for (away, back) in [
        (
            Act::Pbx(PbxId(1), Availability::Away),
            Act::Pbx(PbxId(1), Availability::Up),
        ),
        (Act::Store(Availability::Away), Act::Store(Availability::Up)),
    ] {
        let mut world = world(300);
        world.later(10_000, away);
        world.later(100_000, back);
        world.run_for(Duration::from_secs(99));
        assert!(world.starts(1) <= 101, "{}", world.starts(1));
        world.run(HOUR);
        world.check_no_contact_is_forgotten(1);
    }
}

#[test]
fn the_last_contacts_are_handed_back_and_asked_for_again() {
    let mut world = world(15);
    world.later(1_000, Act::Pbx(PbxId(1), Availability::Away));
    world.later(100_000, Act::Pbx(PbxId(1), Availability::Up));
    world.run_for(Duration::from_secs(99));
    let started = world.starts(1);
    assert!((1..15).contains(&started), "{started}");
    assert!(world.finished.is_empty());
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn a_campaign_that_mostly_fails_stops_and_says_why() {
    let mut world = World::new(TestGate::open(), failing(), 1);
    world.add_pbx(1, pbx(10, 1_000, 1_000));
    let mut settings = CampaignSettings::new("promo");
    settings.retry = RetryRules::none();
    settings.stop_on = Some(StopOn {
        share: Share::percent(40),
        ..StopOn::default()
    });
    world.add_campaign(1, settings, (0..300).map(contact));
    world.run(HOUR);
    let why = world.stopped[&ONE];
    assert!(
        matches!(why, PauseReason::Errors { errors, of } if of >= 20 && 10 * errors > 4 * of),
        "{why:?}"
    );
    assert!(why.to_string().starts_with("stopped: "), "{why}");
    assert!(world.starts(1) < 300);
    // The cause is found, and what went before is forgotten.
    world.network = Network::good();
    world.act(Act::Resume(ONE));
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn what_callees_do_stops_nothing() {
    let mut world = World::new(TestGate::open(), failing(), 1);
    world.network.outcomes = vec![Outcome::Human, Outcome::InvalidNumber, Outcome::Unsure];
    world.add_pbx(1, pbx(10, 1_000, 1_000));
    let settings = CampaignSettings::new("promo");
    world.add_campaign(1, settings, (0..300).map(contact));
    world.run(7 * DAY);
    assert!(world.stopped.is_empty());
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn after_its_last_date_it_is_over_and_says_so() {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(1, 60_000, 10));
    let hours = Hours::new(time(9, 0, 0, 0), time(10, 0, 0, 0)).unwrap();
    let window = Window::daily(TimeZone::get("America/New_York").unwrap(), hours);
    let mut settings = campaign();
    settings.window = Some(window.between(None, Some(date(2026, 11, 25))).unwrap());
    world.add_campaign(1, settings.clone(), (0..300).map(contact));
    world.run(30 * DAY);
    assert_eq!(world.finished.remove(&ONE), Some(End::DatesOver));
    let started = world.starts(1);
    assert!((118..=121).contains(&started), "{started}");
    // With other dates it resumes.
    settings.window = None;
    world.change_campaign(1, settings);
    world.run(30 * DAY);
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn contacts_that_are_added_to_a_complete_campaign_are_dialled() {
    let mut world = world(10);
    world.run(HOUR);
    assert_eq!(world.finished.remove(&ONE), Some(End::Complete));
    world.store.add(ONE, contact(999), world.now);
    world.tell(Event::More { campaign: ONE });
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
    assert_eq!(world.starts(1), 11);
}

#[test]
fn one_line_is_never_called_twice_at_once() {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(10, 1_000, 100));
    world.add_campaign(1, campaign(), (0..20).map(contact));
    let again = (0..20).map(|id| aftertone::campaign::engine::Contact {
        id: aftertone::campaign::engine::ContactId(100 + id),
        ..contact(id)
    });
    // The world looks at each start whether its line is free.
    world.add_campaign(2, campaign(), again);
    world.run(HOUR);
    world.check_no_contact_is_forgotten(1);
    world.check_no_contact_is_forgotten(2);
}

fn world(contacts: i64) -> World {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(10, 1_000, 1_000));
    world.add_campaign(1, campaign(), (0..contacts).map(contact));
    world
}

fn failing() -> Network {
    Network {
        outcomes: vec![Outcome::Delivered, Outcome::Error],
        longest_ms: 5_000,
    }
}

fn ended(world: &World, outcome: Outcome) -> usize {
    let all = world.store.states(ONE);
    all.filter(|(_, state, _)| *state == State::Ended(outcome))
        .count()
}
