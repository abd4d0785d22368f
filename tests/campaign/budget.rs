//! The trunk's budget over whole campaigns.

use aftertone::{
    campaign::{
        budget::{BudgetLimits, Gauge, Share, TechniqueRule},
        engine::{CampaignId, Event, PbxId, PbxSettings, Why},
    },
    drop::{Outcome, Technique},
};

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{Act, DAY, HOUR, World, campaign, pbx},
};

const ONE: CampaignId = CampaignId(1);

#[test]
fn by_share_the_calls_cancelled_stay_within_their_limit_without_a_pause() {
    let mut world = limited(TechniqueRule::ByShare, &[Outcome::Delivered], 5_000);
    let begin = world.now;
    world.run(DAY);
    world.check_no_contact_is_forgotten(1);
    // 5,000 drops at ten a second, and the last has to end.
    assert!(world.now.duration_since(begin).as_secs() < 600);
    let doubles = of(&world, Technique::Double);
    assert!((900..=1_200).contains(&doubles), "{doubles}");
    // Every sliding hour of calls, from its first to its last: all of them are within one.
    let calls = 5_000 + doubles;
    assert!(doubles * 5 <= calls, "{doubles} of {calls}");
}

#[test]
fn double_calls_alone_pause_at_the_limit_say_so_and_come_to_the_end() {
    let mut world = limited(TechniqueRule::Double, &[Outcome::Delivered], 300);
    world.run(HOUR / 2);
    let idle = world.engine.why_idle(ONE).unwrap();
    assert_eq!(
        idle.why.to_string(),
        "trunk budget: 50.0 % of calls were cancelled before answer, limit 20.0 % (`trunk.cancelled`)"
    );
    let until = idle.until.unwrap();
    let started = world.starts(1);
    // Fifty drops are a hundred calls, and the drops in flight by then were started already.
    assert!((50..300).contains(&started), "{started}");
    world.run(until.duration_since(world.now).unsigned_abs() + HOUR / 60);
    assert!(world.starts(1) > started);
    world.run(30 * DAY);
    world.check_no_contact_is_forgotten(1);
    assert_eq!(of(&world, Technique::Single), 0);
}

#[test]
fn people_answered_and_dropped_slow_it_down_and_pause_it() {
    let mut outcomes = vec![Outcome::Delivered; 19];
    outcomes.push(Outcome::Human);
    let mut world = limited(TechniqueRule::Single, &outcomes, 1_000);
    let mut paused = false;
    let mut slowed = false;
    for _ in 0..3_600 {
        world.run_for(HOUR / 3_600);
        match world.engine.why_idle(ONE).unwrap().why {
            Why::Budget(reading) => {
                assert!(matches!(reading.gauge, Gauge::People | Gauge::Short));
                paused = true;
            }
            Why::Pace { speed_percent } if speed_percent < 100 => slowed = true,
            Why::Pace { .. }
            | Why::Full { .. }
            | Why::Waiting(_)
            | Why::Asking
            | Why::MakingMessages { .. } => {}
            why @ (Why::Over(_)
            | Why::Draining { .. }
            | Why::Cancelling { .. }
            | Why::Paused(_)
            | Why::StoreAway
            | Why::ClocksApart
            | Why::Hours(_)
            | Why::DatesOver
            | Why::PbxAway
            | Why::TrunkOffline
            | Why::FilesAway(_)
            | Why::Finishing { .. }) => panic!("{why}"),
        }
    }
    assert!(paused, "never paused");
    assert!(slowed || world.starts(1) < 1_000, "never slowed");
    world.run(90 * DAY);
    world.check_no_contact_is_forgotten(1);
}

#[test]
fn after_a_restart_the_calls_of_before_count() {
    let mut world = limited(TechniqueRule::Double, &[Outcome::Delivered], 300);
    world.run(HOUR / 4);
    let before = world.engine.budget(PbxId(1)).unwrap().calls();
    world.act(Act::Crash);
    let called = Event::Called {
        pbx: PbxId(1),
        calls: before,
        at: world.now,
    };
    world.tell(called);
    let reading = world
        .engine
        .budget(PbxId(1))
        .unwrap()
        .read(Gauge::Cancelled);
    assert!(reading.over);
    assert_eq!(reading.share(), Share::percent(50));
}

fn limited(technique: TechniqueRule, outcomes: &[Outcome], contacts: i64) -> World {
    let network = Network {
        outcomes: outcomes.to_vec(),
        longest_ms: 30_000,
    };
    let mut world = World::new(TestGate::open(), network, 1);
    let settings = PbxSettings {
        limits: BudgetLimits {
            cancelled: Some(Share::percent(20)),
            short: Some(Share::percent(15)),
            ..BudgetLimits::default()
        },
        ..pbx(10, 1_000, 1_000)
    };
    world.add_pbx(1, settings);
    let mut settings = campaign();
    settings.technique = technique;
    world.add_campaign(1, settings, (0..contacts).map(contact));
    world
}

fn of(world: &World, technique: Technique) -> usize {
    let those = world.log.iter().filter(|s| s.technique == technique);
    those.count()
}
