//! Why nothing is dialled, in words.

use std::time::Duration;

use aftertone::{
    campaign::{
        engine::{Availability, CampaignId, InFlight, PbxId, Why},
        window::{Hours, Window},
    },
    drop::Outcome,
};
use jiff::{
    civil::{Weekday, date, time},
    tz::TimeZone,
};

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{Act, DAY, HOUR, World, campaign, pbx},
};

const ONE: CampaignId = CampaignId(1);

#[test]
fn calling_hours_are_shown_with_their_zones() {
    let gate = TestGate {
        hours: Some((9, 20)),
        ..TestGate::open()
    };
    // Four in the morning in the first zone, three and two in the others.
    let mut world = World::new(gate, Network::good(), 1);
    world.add_pbx(1, pbx(10, 1_000, 100));
    world.add_campaign(1, campaign(), (0..2).map(contact));
    world.run_for(Duration::from_secs(5));
    assert_eq!(
        told(&world),
        "calling hours: opens 09:00 in 2 zones, until 2026-11-24T14:00:00Z"
    );
    world.run_for(5 * HOUR);
    assert_eq!(
        told(&world),
        "calling hours: opens 09:00 in America/Regina, until 2026-11-24T15:00:00Z"
    );
    world.run(DAY);
    assert_eq!(told(&world), "complete: every contact has its outcome");
}

#[test]
fn a_weekly_campaign_outlives_a_date_that_is_left_out() {
    let mut world = world(10);
    let hours = Hours::new(time(9, 0, 0, 0), time(17, 0, 0, 0)).unwrap();
    let zone = TimeZone::get("America/New_York").unwrap();
    let mondays = Window::new(zone, [(Weekday::Monday, hours)]).unwrap();
    let mut settings = campaign();
    settings.window = Some(mondays.except([date(2026, 11, 30)]));
    world.change_campaign(1, settings);
    world.run_for(DAY);
    assert_eq!(
        told(&world),
        "campaign hours: opens 2026-12-07 09:00 in America/New_York, until 2026-12-07T14:00:00Z"
    );
    assert_eq!(world.starts(1), 0);
    world.run(20 * DAY);
    assert_eq!(told(&world), "complete: every contact has its outcome");
}

#[test]
fn its_own_hours_are_shown() {
    let mut world = world(10);
    let hours = Hours::new(time(10, 0, 0, 0), time(11, 0, 0, 0)).unwrap();
    let mut settings = campaign();
    settings.window = Some(Window::daily(
        TimeZone::get("America/New_York").unwrap(),
        hours,
    ));
    world.change_campaign(1, settings);
    assert_eq!(
        told(&world),
        "campaign hours: opens 10:00 in America/New_York, until 2026-11-24T15:00:00Z"
    );
}

#[test]
fn the_reason_for_waiting_is_shown() {
    let mut world = world(10);
    world.run_for(Duration::from_millis(10));
    assert_eq!(told(&world), "at full pace, until 2026-11-24T09:00:01Z");
    world.act(Act::Pbx(PbxId(1), Availability::Away));
    assert_eq!(told(&world), "the PBX cannot be reached");
    world.act(Act::Store(Availability::Away));
    assert_eq!(told(&world), "the database is unavailable");
    world.act(Act::Store(Availability::Up));
    world.act(Act::Pbx(PbxId(1), Availability::Up));
    world.act(Act::Pause(ONE, InFlight::Finish));
    assert_eq!(told(&world), "paused by the operator");
    world.act(Act::Resume(ONE));
    world.run_for(Duration::from_secs(3));
    assert_eq!(
        told(&world),
        "3 drops in flight, the most that `trunk.in_flight` allows"
    );
    world.act(Act::Cancel(ONE, InFlight::Finish));
    assert_eq!(told(&world), "cancelled: 3 drops in flight");
    world.run(HOUR);
    assert_eq!(told(&world), "cancelled");
}

#[test]
fn the_end_and_the_wait_for_retries_are_shown() {
    let mut world = world(1);
    world.run_for(Duration::from_secs(1));
    assert_eq!(told(&world), "no contact is left to dial: 1 drop in flight");
    world.network.outcomes = vec![Outcome::Busy];
    world.run(HOUR);
    let mut world = World::new(TestGate::open(), world.network.clone(), 1);
    world.add_pbx(1, pbx(1, 1_000, 3));
    world.add_campaign(1, campaign(), [contact(0)]);
    world.run_for(Duration::from_secs(120));
    let idle = world.engine.why_idle(ONE).unwrap();
    assert!(matches!(idle.why, Why::Waiting(_)), "{idle:?}");
    let words = idle.why.to_string();
    assert!(
        words.starts_with("1 contact to be tried again, at 09:1"),
        "{words}"
    );
    world.act(Act::Drain(InFlight::Finish));
    assert_eq!(told(&world), "stopping: 0 drops in flight");
}

fn world(contacts: i64) -> World {
    let mut world = World::new(TestGate::open(), Network::good(), 1);
    world.add_pbx(1, pbx(1, 1_000, 3));
    world.add_campaign(1, campaign(), (0..contacts).map(contact));
    world
}

fn told(world: &World) -> String {
    let idle = world.engine.why_idle(ONE).unwrap();
    idle.until.map_or(idle.why.to_string(), |until| {
        format!("{}, until {until}", idle.why)
    })
}
