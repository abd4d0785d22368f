use super::*;
use crate::{
    campaign::{
        budget::{BudgetLimits, TechniqueRule},
        decision::{Decision, HeldReason},
        engine::Ask,
        pace::Rate,
        retry::RetryRules,
    },
    phone::{PhoneNumber, Rules},
};

#[test]
fn a_list_takes_as_long_as_its_pace_says() {
    let forecast = run(3_600, |scenario| {
        scenario.campaign.retry = RetryRules::none();
        scenario.campaign.technique = TechniqueRule::Single;
    });
    assert_eq!(forecast.end, Some(End::Complete));
    assert_eq!(forecast.outcomes.values().sum::<u64>(), 3_600);
    // Ten a second are six minutes, and the last drop has to end.
    let took = forecast.took.as_secs();
    assert!((360..360 + 100).contains(&took), "{took}");
    assert_eq!(forecast.calls.all(), 3_600);
    assert_eq!(forecast.busiest_hour(), 3_600);
    assert_eq!(forecast.calls_per_hour(), 3_600);
}

#[test]
fn one_seed_gives_one_answer() {
    let seeded = |seed| {
        let forecast = run(500, |scenario| scenario.seed = seed);
        (forecast.took, forecast.attempts)
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn the_budget_slows_the_campaign_and_is_the_reason_shown() {
    let free = run(5_000, |scenario| {
        scenario.campaign.retry = RetryRules::none()
    });
    assert!(free.peaks[&Gauge::People] > Share::percent(3), "{free:?}");
    let bound = run(5_000, |scenario| {
        scenario.campaign.retry = RetryRules::none();
        scenario.pbx.limits = BudgetLimits::default();
    });
    assert!(
        bound.took > 5 * free.took,
        "{:?} {:?}",
        bound.took,
        free.took
    );
    assert!(bound.idle["trunk_budget"] > bound.took / 2, "{bound:?}");
}

#[test]
fn a_share_of_double_drops_keeps_calls_cancelled_within_their_limit() {
    let forecast = run(5_000, |scenario| {
        scenario.pbx.limits = BudgetLimits {
            short: None,
            people: None,
            ..BudgetLimits::default()
        };
    });
    assert!(forecast.doubles > 200, "{forecast:?}");
    let peak = forecast.peaks[&Gauge::Cancelled];
    assert!(peak <= Share::percent(22), "{peak}");
}

#[test]
fn nights_are_the_reason_shown() {
    let forecast = simulate(&scenario(), contacts(500), AtNight);
    assert_eq!(forecast.end, Some(End::Complete));
    let night = forecast.idle["waiting"];
    assert!(night >= Duration::from_secs(12 * 3600), "{forecast:?}");
}

#[test]
fn contacts_are_dialled_when_they_are_due() {
    let scenario = scenario();
    let due = scenario.begins + Duration::from_secs(3 * 86_400);
    let contacts = contacts(10).map(|contact| DueContact { contact, due });
    let forecast = simulate_among(&scenario, contacts, Surroundings::none(), Open);
    assert_eq!(forecast.end, Some(End::Complete));
    assert!(forecast.idle["waiting"] >= Duration::from_secs(3 * 86_400 - 60));
    assert!(forecast.took >= Duration::from_secs(3 * 86_400));
}

#[test]
fn another_campaign_takes_its_share_of_the_trunk_and_is_not_counted() {
    let mut scenario = scenario();
    scenario.campaign.retry = RetryRules::none();
    scenario.campaign.technique = TechniqueRule::Single;
    let due = scenario.begins;
    let mut contacts = contacts(2_000).map(|contact| DueContact { contact, due });
    let own: Vec<_> = contacts.by_ref().take(1_000).collect();
    let alone = simulate_among(&scenario, own.clone(), Surroundings::none(), Open);
    let around = Surroundings {
        others: vec![OtherCampaign {
            id: CampaignId(2),
            settings: scenario.campaign.clone(),
            contacts: contacts.collect(),
        }],
        ..Surroundings::none()
    };
    let beside = simulate_among(&scenario, own, around, Open);
    for forecast in [&alone, &beside] {
        assert_eq!(forecast.end, Some(End::Complete));
        assert_eq!(forecast.contacts, 1_000);
        assert_eq!(forecast.outcomes.values().sum::<u64>(), 1_000);
        assert_eq!(forecast.calls.all(), 1_000);
    }
    // Ten a second between two of them.
    let (alone, beside) = (alone.took.as_secs(), beside.took.as_secs());
    assert!((100..200).contains(&alone), "{alone}");
    assert!(beside > alone + 80, "{beside} {alone}");
}

#[test]
fn what_the_trunk_has_carried_counts() {
    let mut scenario = scenario();
    scenario.pbx.rate = Rate::new(10, Duration::from_secs(3_600)).unwrap();
    scenario.campaign.retry = RetryRules::none();
    let begins = scenario.begins;
    let own = || {
        contacts(5).map(|contact| DueContact {
            contact,
            due: begins,
        })
    };
    let idle = simulate_among(&scenario, own(), Surroundings::none(), Open);
    let around = Surroundings {
        starts: vec![(CampaignId(7), begins - Duration::from_secs(60)); 10],
        ..Surroundings::none()
    };
    let busy = simulate_among(&scenario, own(), around, Open);
    assert!(
        busy.took >= idle.took + Duration::from_secs(300),
        "{busy:?} {idle:?}"
    );
}

fn run(count: i64, change: impl FnOnce(&mut Scenario)) -> Forecast {
    let mut scenario = scenario();
    change(&mut scenario);
    simulate(&scenario, contacts(count), Open)
}

fn scenario() -> Scenario {
    Scenario {
        campaign: CampaignSettings {
            stop_on: None,
            ..CampaignSettings::new("promo")
        },
        pbx: PbxSettings {
            rate: Rate::new(10, Duration::from_secs(1)).unwrap(),
            in_flight: 1_000,
            limits: BudgetLimits::none(),
        },
        assumptions: Assumptions::default(),
        begins: "2026-11-24T00:00:00Z".parse().unwrap(),
        seed: 1,
    }
}

/// Fictional numbers, a hundred in each area code.
fn contacts(count: i64) -> impl Iterator<Item = Contact> {
    let areas = (200..1_000).filter(|area| area / 10 % 10 != 9 && area % 100 != 11 && *area != 900);
    let numbers = areas.flat_map(|area| (0..100).map(move |line| (area, line)));
    (0..count).zip(numbers).map(|(id, (area, line))| {
        let number = format!("+1{area}55501{line:02}");
        Contact {
            id: ContactId(id),
            number: PhoneNumber::parse(&number, Rules::default()).unwrap(),
            attempts: 0,
            message: None,
            only_single: false,
        }
    })
}

/// Lets everybody pass.
struct Open;

impl Gate for Open {
    fn decide(&mut self, _ask: &Ask<'_>, _now: Timestamp) -> Decision {
        Decision::Allowed
    }

    fn started(&mut self, _ask: &Ask<'_>, _now: Timestamp) {}
}

impl SimulatedGate for Open {}

impl SimulatedGate for AtNight {}

/// Lets no call pass in the first half of each day.
struct AtNight;

impl Gate for AtNight {
    fn decide(&mut self, _ask: &Ask<'_>, now: Timestamp) -> Decision {
        let noon = now.as_second().div_euclid(86_400) * 86_400 + 43_200;
        if now.as_second() < noon {
            Decision::Held {
                reason: HeldReason::CallingHours,
                until: Timestamp::from_second(noon).unwrap(),
            }
        } else {
            Decision::Allowed
        }
    }

    fn started(&mut self, _ask: &Ask<'_>, _now: Timestamp) {}
}
