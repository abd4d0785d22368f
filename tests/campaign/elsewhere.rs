//! What other controllers of the same campaign and the same trunk do counts here, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aftertone::{
    campaign::{
        budget::{BudgetLimits, Calls, Share, TechniqueRule},
        caller::{CallerIds, Pool},
        engine::{
            CampaignId, Command, End, Engine, Event, Next, PauseReason, PbxId, PbxSettings, Phase,
            StopOn, Why,
        },
    },
    drop::{Outcome, Technique},
    phone::CallerId,
};

use crate::{
    gate::{TestGate, contact},
    network::Network,
    world::{Act, HOUR, World, campaign, pbx},
};

const ONE: CampaignId = CampaignId(1);

#[test]
fn a_campaign_stops_by_the_errors_of_all_its_controllers() {
    let mut world = stopping(200);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
    elsewhere(&mut world, Outcome::Delivered, 5);
    elsewhere(&mut world, Outcome::Failed, 14);
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
    elsewhere(&mut world, Outcome::Congestion, 1);
    let Some(Phase::Paused(PauseReason::Errors { errors, of })) = world.engine.phase(ONE) else {
        panic!("{:?}", world.engine.phase(ONE));
    };
    assert!(errors == 15 && of >= 20, "{errors} of {of}");
    assert_eq!(world.stopped.len(), 1);
    let started = world.starts(1);
    world.run_for(HOUR);
    assert_eq!(world.starts(1), started);
    // Let go on, it forgets what was before, even if that is heard of late.
    let late = world.now;
    world.run_for(Duration::from_secs(1));
    world.act(Act::Resume(ONE));
    world.tell(ended(Outcome::Failed, 100, late));
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
    elsewhere(&mut world, Outcome::Failed, 100);
    assert!(matches!(world.engine.phase(ONE), Some(Phase::Paused(_))));
}

#[test]
fn errors_of_an_earlier_run_count_within_their_window_and_leave_it() {
    let mut world = stopping(20_000);
    let before = world.now - Duration::from_secs(590);
    world.tell(ended(Outcome::Failed, 19, before));
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
    world.run_for(Duration::from_secs(60));
    world.tell(ended(Outcome::Failed, 19, world.now));
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
}

#[test]
fn refusals_elsewhere_count_unless_they_were_before_this_run() {
    let mut world = stopping(200);
    let before = world.now - Duration::from_secs(60);
    world.tell(ended(Outcome::Rejected, 100, before));
    assert_eq!(world.engine.phase(ONE), Some(Phase::Running));
    elsewhere(&mut world, Outcome::Rejected, 30);
    let phase = world.engine.phase(ONE);
    let refused = matches!(
        phase,
        Some(Phase::Paused(PauseReason::Refusals {
            refused: 20,
            of: 20,
            ..
        }))
    );
    assert!(refused, "{phase:?}");
}

#[test]
fn calls_elsewhere_use_the_trunk_s_budget_up() {
    let mut world = world(200);
    let settings = PbxSettings {
        limits: BudgetLimits {
            cancelled: Some(Share::percent(20)),
            at_least: 50,
            ..BudgetLimits::default()
        },
        ..pbx(1, 1_000, 100)
    };
    world.add_pbx(1, settings);
    let mut settings = campaign();
    settings.technique = TechniqueRule::Double;
    world.change_campaign(1, settings);
    world.run_for(Duration::from_secs(5));
    assert!(!matches!(why(&world), Why::Budget(_)));
    let mut calls = Calls::NONE;
    for _ in 0..25 {
        calls += Calls::at_least(Technique::Double);
    }
    world.tell(Event::Called {
        pbx: PbxId(1),
        calls,
        at: world.now,
    });
    assert!(matches!(why(&world), Why::Budget(_)), "{}", why(&world));
    let started = world.starts(1);
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.starts(1), started);
}

#[test]
fn the_least_used_number_is_that_of_all_controllers() {
    let caller = |nth: u32| CallerId::parse(&format!("+1202555019{nth}")).unwrap();
    let mut engine = Engine::new(TestGate::open(), "2026-11-24T12:00:00Z".parse().unwrap());
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    engine.set_pbx(PbxId(1), &pbx(1_000, 1_000, 1_000), now);
    let mut settings = campaign();
    let pool = Pool::new((0..3).map(caller)).unwrap();
    settings.caller_ids = CallerIds::LeastUsed(pool);
    engine.set_campaign(ONE, settings, now);
    for (nth, calls) in [(0, 2), (1, 4)] {
        let shown = Event::ShownElsewhere {
            campaign: ONE,
            caller_id: caller(nth),
            calls,
        };
        engine.handle_event(shown, now);
    }
    let due = Event::Due {
        campaign: ONE,
        contacts: (0..6).map(contact).collect(),
        unready: BTreeSet::new(),
        next: Next::Never,
    };
    engine.handle_event(due, now);
    let mut shown: BTreeMap<String, u32> = BTreeMap::new();
    let mut at = now;
    for _ in 0..100 {
        while let Some(command) = engine.poll_command() {
            if let Command::Start(start) = command {
                let caller = start.caller_id.unwrap().as_str().to_owned();
                *shown.entry(caller).or_default() += 1;
            }
        }
        at += Duration::from_millis(10);
        engine.handle_timeout(at);
    }
    // With those elsewhere, four of each.
    let all: Vec<_> = shown.into_iter().collect();
    let expected = [(0, 2), (2, 4)].map(|(nth, calls)| (caller(nth).as_str().to_owned(), calls));
    assert_eq!(all, expected);
}

fn why(world: &World) -> Why {
    world.engine.why_idle(ONE).unwrap().why
}

fn elsewhere(world: &mut World, outcome: Outcome, drops: u64) {
    world.tell(ended(outcome, drops, world.now));
}

fn ended(outcome: Outcome, drops: u64, at: jiff::Timestamp) -> Event {
    Event::EndedElsewhere {
        campaign: ONE,
        outcome,
        drops,
        at,
    }
}

/// A campaign that stops once half of twenty drops have failed; none of its own does.
fn stopping(contacts: i64) -> World {
    let mut world = world(contacts);
    let mut settings = campaign();
    settings.stop_on = Some(StopOn {
        share: Share::percent(50),
        window: Duration::from_secs(600),
        at_least: 20,
    });
    world.change_campaign(1, settings);
    world
}

fn world(contacts: i64) -> World {
    let network = Network {
        outcomes: vec![Outcome::Delivered],
        longest_ms: 1_000_000,
    };
    let mut world = World::new(TestGate::open(), network, 1);
    world.add_pbx(1, pbx(1, 1_000, 1_000));
    world.add_campaign(1, campaign(), (0..contacts).map(contact));
    assert_ne!(world.finished.get(&ONE), Some(&End::Complete));
    world
}
