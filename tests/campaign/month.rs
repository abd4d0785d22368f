//! Campaigns that take a month, in about a second.

use std::{collections::BTreeSet, time::Duration};

use aftertone::{
    campaign::{
        pace::Rate,
        variant::{Messages, Variant, Variants},
        window::{Hours, Window},
    },
    drop::Outcome,
};
use jiff::{
    civil::{Weekday, time},
    tz::TimeZone,
};

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{DAY, World, campaign, pbx},
};

#[test]
fn a_month_of_working_days_reaches_every_contact_by_the_rules() {
    let gate = TestGate {
        hours: Some((9, 20)),
        cap: Some(DAY),
        do_not_call: Some(50),
        ..TestGate::open()
    };
    let mut world = World::new(gate, mixed(), 1);
    world.latency_ms = 50;
    world.add_pbx(1, pbx(1, 10_000, 20));
    let mut settings = campaign();
    settings.window = Some(working_days());
    world.add_campaign(1, settings, (0..40_000).map(contact));
    let begin = world.now;
    world.run(60 * DAY);
    let days = world.now.duration_since(begin).as_hours() / 24;
    assert!((20..=45).contains(&days), "{days} days");
    world.check_no_contact_is_forgotten(1);
    world.check_rates();
    world.check_caps();
    assert!(world.starts(1) > 40_000, "{}", world.starts(1));
}

#[test]
fn three_campaigns_share_a_month() {
    let gate = TestGate {
        hours: Some((8, 21)),
        ..TestGate::open()
    };
    let mut world = World::new(gate, mixed(), 2);
    world.add_pbx(1, pbx(1, 15_000, 10));
    world.add_pbx(2, pbx(1, 20_000, 10));
    for id in 1..=3 {
        let mut settings = campaign();
        settings.weight = u32::try_from(id).unwrap();
        settings.rate = Rate::new(2, Duration::from_secs(30));
        settings.messages = Messages::Several(two_variants());
        let first = 20_000 * (id - 1);
        world.add_campaign(id, settings, (first..first + 12_000).map(contact));
    }
    world.run(90 * DAY);
    for id in 1..=3 {
        world.check_no_contact_is_forgotten(id);
    }
    world.check_rates();
    let pairs: BTreeSet<_> = world
        .log
        .iter()
        .map(|started| (started.contact, &started.variant))
        .collect();
    let contacts: BTreeSet<_> = world.log.iter().map(|started| started.contact).collect();
    assert_eq!(pairs.len(), contacts.len(), "somebody changed the variant");
}

fn working_days() -> Window {
    let hours = Hours::new(time(9, 0, 0, 0), time(18, 30, 0, 0)).unwrap();
    let days = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ];
    let zone = TimeZone::get("America/New_York").unwrap();
    Window::new(zone, days.map(|day| (day, hours))).unwrap()
}

fn two_variants() -> Variants {
    let variant = |name: &str, weight| Variant {
        name: name.to_owned(),
        message: format!("promo-{name}"),
        weight,
    };
    Variants::new(vec![variant("A", 2), variant("B", 1)]).unwrap()
}

/// Most are delivered, and all else happens.
fn mixed() -> Network {
    let mut outcomes = vec![Outcome::Delivered; 20];
    outcomes.extend(Outcome::ALL);
    outcomes.extend([Outcome::NoAnswer; 5]);
    Network {
        outcomes,
        longest_ms: 60_000,
    }
}
