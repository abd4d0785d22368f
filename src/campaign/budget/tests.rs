use super::*;
use crate::drop::{Cause, Milestone, Moment, Outcome, Proof, Report};

#[test]
fn a_report_is_counted_as_the_trunk_sees_it() {
    use Milestone::{
        BusyAnswered, BusyDialled, BusyGone, BusyHungUp, DropAnswered, DropDialled, DropGone,
        DropHungUp,
    };
    let normal = Some(Cause::q850(16));
    let rows = [
        (
            "a delivery by two calls",
            report(
                Outcome::Delivered,
                (normal, normal),
                &[
                    (0, BusyDialled),
                    (2, DropDialled),
                    (3, BusyHungUp),
                    (3, BusyGone),
                    (9, DropAnswered),
                    (30, DropGone),
                ],
            ),
            calls([1, 1, 1, 0, 1, 0, 0]),
        ),
        (
            "a person, two seconds",
            report(
                Outcome::Human,
                (None, normal),
                &[(0, DropDialled), (9, DropAnswered), (11, DropGone)],
            ),
            calls([0, 1, 0, 0, 1, 1, 1]),
        ),
        (
            "a promoted busy leg, six seconds and a bit",
            report(
                Outcome::Unsure,
                (normal, None),
                &[(0, BusyDialled), (1, BusyAnswered), (8, BusyGone)],
            ),
            calls([1, 0, 0, 0, 1, 0, 0]),
        ),
        (
            "six seconds to the dot",
            report(
                Outcome::HungUp,
                (None, normal),
                &[(0, DropDialled), (1, DropAnswered), (7, DropGone)],
            ),
            calls([0, 1, 0, 0, 1, 1, 0]),
        ),
        (
            "nobody lifts either call",
            report(
                Outcome::NoAnswer,
                (normal, normal),
                &[
                    (0, BusyDialled),
                    (2, DropDialled),
                    (3, BusyHungUp),
                    (3, BusyGone),
                    (47, DropHungUp),
                    (47, DropGone),
                ],
            ),
            calls([1, 1, 1, 1, 0, 0, 0]),
        ),
        (
            "the PBX's own time limit",
            report(
                Outcome::NoAnswer,
                (None, Some(Cause::q850(0))),
                &[(0, DropDialled), (45, DropGone)],
            ),
            calls([0, 1, 0, 1, 0, 0, 0]),
        ),
        (
            "the network says busy to the first call",
            report(
                Outcome::Busy,
                (Some(Cause::q850(17)), None),
                &[(0, BusyDialled), (1, BusyGone)],
            ),
            calls([1, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "nothing was dialled",
            report(Outcome::Cancelled, (None, None), &[]),
            Calls::NONE,
        ),
    ];
    for (name, report, expected) in rows {
        assert_eq!(Calls::of(&report), expected, "{name}");
    }
}

#[test]
fn one_double_drop_in_four_fits_a_limit_of_a_fifth() {
    let fits = |limit, given_up| double_share(Share::percent(limit), given_up);
    assert!((fits(20, 0.0) - 0.25).abs() < 1e-9);
    assert!((fits(20, 0.05) - 0.1875).abs() < 1e-9);
    assert!((fits(50, 0.0) - 1.0).abs() < 1e-9);
    assert!(fits(20, 0.3).abs() < 1e-9);
    assert!((fits(100, 0.0) - 1.0).abs() < 1e-9);
}

#[test]
fn by_share_nearly_one_drop_in_four_is_double() {
    let mut budget = Budget::new(limits());
    let mut doubles = 0;
    for second in 0..8_000 {
        let technique = budget.technique(marketing(TechniqueRule::ByShare)).unwrap();
        doubles += u32::from(technique == Technique::Double);
        budget.expect(technique);
        budget.settle(technique, Calls::at_least(technique), at(second));
        budget.roll(at(second));
        let reading = budget.read(Gauge::Cancelled);
        assert!(
            reading.part * 1_000 <= 190 * reading.whole,
            "{second}: {reading}"
        );
        assert!(!reading.over);
    }
    // 19 % of calls are 23.5 % of drops.
    assert!((1_700..=1_880).contains(&doubles), "{doubles}");
}

#[test]
fn by_share_leaves_room_for_those_who_do_not_answer() {
    let mut budget = Budget::new(limits());
    let mut doubles = 0;
    for second in 0..8_000 {
        let technique = budget.technique(marketing(TechniqueRule::ByShare)).unwrap();
        doubles += u32::from(technique == Technique::Double);
        let mut calls = Calls::at_least(technique);
        calls.given_up = u64::from(second % 10 == 0);
        budget.expect(technique);
        budget.settle(technique, calls, at(second));
        assert!(!budget.read(Gauge::Cancelled).over, "{second}");
    }
    // With a tenth given up, 19 % of calls are 11 % of drops.
    assert!((750..=900).contains(&doubles), "{doubles}");
}

#[test]
fn drops_in_flight_count_before_they_end() {
    let mut budget = Budget::new(limits());
    let row: Vec<_> = (0..200)
        .map(|_| {
            let technique = budget.technique(marketing(TechniqueRule::ByShare)).unwrap();
            budget.expect(technique);
            technique == Technique::Double
        })
        .collect();
    let doubles = row.iter().filter(|double| **double).count();
    // None has ended, and one in ten is taken to be given up.
    assert!((18..=22).contains(&doubles), "{doubles}");
    assert!(row[..8].iter().all(|double| !double), "{row:?}");
}

#[test]
fn singles_of_long_ago_are_no_licence_for_a_row_of_doubles() {
    let mut budget = Budget::new(limits());
    // An hour of another campaign's single calls is on the books.
    for second in 0..3_000 {
        budget.add(Calls::at_least(Technique::Single), at(second));
    }
    for second in 3_000..12_000 {
        let technique = budget.technique(marketing(TechniqueRule::ByShare)).unwrap();
        budget.expect(technique);
        budget.settle(technique, Calls::at_least(technique), at(second));
        assert!(!budget.read(Gauge::Cancelled).over, "{second}");
    }
}

#[test]
fn past_a_limit_it_pauses_says_so_and_recovers() {
    let mut budget = Budget::new(limits());
    let answered = Calls {
        drop_legs: 1,
        answered: 1,
        ..Calls::NONE
    };
    let person = Calls {
        people: 1,
        ..answered
    };
    for second in 0..97 {
        budget.add(answered, at(second));
    }
    for second in 97..100 {
        budget.add(person, at(second));
    }
    assert!(budget.technique(marketing(TechniqueRule::Single)).is_ok());
    assert_eq!(
        budget.stretch(marketing(TechniqueRule::Single)),
        Stretch::MOST
    );
    budget.add(person, at(100));
    let over = budget
        .technique(marketing(TechniqueRule::Single))
        .unwrap_err();
    assert_eq!(
        over.to_string(),
        "4.0 % of answered calls reached a person, limit 3.0 % (`trunk.people`)"
    );
    // With the first minute of calls gone there are too few to judge by.
    let until = budget.recovers(marketing(TechniqueRule::Single)).unwrap();
    assert_eq!(until, at(3_660));
    budget.roll(at(3_659));
    assert!(budget.technique(marketing(TechniqueRule::Single)).is_err());
    budget.roll(until);
    assert!(budget.technique(marketing(TechniqueRule::Single)).is_ok());
}

#[test]
fn near_a_limit_it_slows_down() {
    let speed = |people| {
        let mut budget = Budget::new(limits());
        let calls = Calls {
            drop_legs: 1_000,
            answered: 1_000,
            people,
            ..Calls::NONE
        };
        budget.add(calls, at(0));
        budget
            .stretch(marketing(TechniqueRule::Single))
            .speed_percent()
    };
    assert_eq!([speed(0), speed(24), speed(27)], [100, 100, 50]);
    assert!(speed(29) < speed(27));
    assert_eq!([speed(30), speed(31)], [10, 10]);
}

#[test]
fn double_calls_pause_by_rule_and_single_ones_go_on() {
    let mut budget = Budget::new(limits());
    for second in 0..60 {
        budget.add(Calls::at_least(Technique::Double), at(second));
    }
    let over = budget
        .technique(marketing(TechniqueRule::Double))
        .unwrap_err();
    assert_eq!(
        over.to_string(),
        "50.0 % of calls were cancelled before answer, limit 20.0 % (`trunk.cancelled`)"
    );
    assert_eq!(
        budget.technique(marketing(TechniqueRule::ByShare)),
        Ok(Technique::Single)
    );
    assert_eq!(
        budget.stretch(marketing(TechniqueRule::ByShare)),
        Stretch::NONE
    );
}

#[test]
fn single_calls_without_an_answer_pause_too() {
    let mut budget = Budget::new(limits());
    let given_up = Calls::likely(Technique::Single, Outcome::NoAnswer, Duration::ZERO);
    for second in 0..100 {
        let calls = if second % 4 == 0 {
            given_up
        } else {
            Calls::at_least(Technique::Single)
        };
        budget.add(calls, at(second));
    }
    let over = budget
        .technique(marketing(TechniqueRule::Single))
        .unwrap_err();
    assert_eq!(
        (over.gauge, over.share()),
        (Gauge::GivenUp, Share::percent(25))
    );
}

#[test]
fn without_limits_nothing_is_held() {
    let mut budget = Budget::new(BudgetLimits::none());
    let calls = Calls {
        people: 500,
        short: 500,
        answered: 500,
        ..Calls::at_least(Technique::Double)
    };
    budget.add(calls, at(0));
    for rule in [TechniqueRule::ByShare, TechniqueRule::Double] {
        assert_eq!(budget.technique(marketing(rule)), Ok(Technique::Double));
        assert_eq!(budget.stretch(marketing(rule)), Stretch::NONE);
        assert_eq!(budget.recovers(marketing(rule)), None);
    }
}

#[test]
fn only_the_law_s_limit_is_there_unless_one_is_named_and_it_holds_marketing_alone() {
    let limits = BudgetLimits::default();
    assert_eq!((limits.cancelled, limits.short), (None, None));
    assert_eq!(limits.people, Some(Share::percent(3)));
    let calls = Calls {
        people: 20,
        short: 400,
        answered: 400,
        busy_legs: 400,
        released: 400,
        drop_legs: 400,
        given_up: 0,
    };
    let mut budget = Budget::new(limits);
    budget.add(calls, at(0));
    let terms = |kind, technique| Terms { technique, kind };
    for rule in [TechniqueRule::ByShare, TechniqueRule::Double] {
        let over = budget.technique(marketing(rule)).unwrap_err();
        assert_eq!(over.gauge, Gauge::People);
        let informational = terms(CampaignKind::Informational, rule);
        assert_eq!(budget.technique(informational), Ok(Technique::Double));
        assert_eq!(budget.stretch(informational), Stretch::NONE);
        assert_eq!(budget.recovers(informational), None);
    }
    // A limit that the operator names holds every campaign.
    budget.set_limits(BudgetLimits {
        people_hold: PeopleHold::All,
        ..limits
    });
    let informational = terms(CampaignKind::Informational, TechniqueRule::Double);
    assert!(budget.technique(informational).is_err());
}

#[test]
fn shares_show_as_people_write_them() {
    assert_eq!(Share::percent(20).to_string(), "20.0 %");
    assert_eq!(Share::thousandths(75).to_string(), "7.5 %");
    assert_eq!(Share::of(1, 3).to_string(), "33.4 %");
    assert_eq!(Share::of(0, 0), Share::percent(0));
    assert_eq!(Share::of(201, 1_000).to_string(), "20.1 %");
}

fn report(
    outcome: Outcome,
    (busy, drop): (Option<Cause>, Option<Cause>),
    timeline: &[(u64, Milestone)],
) -> Report {
    Report {
        outcome,
        reason: None,
        verdict: None,
        amd_cause: None,
        reasons: None,
        promoted: false,
        ready_by: None,
        ready_at: None,
        beep: None,
        played: Duration::ZERO,
        restarts: 0,
        heard: Duration::ZERO,
        proof: Proof::Unproven,
        proof_reasons: Vec::new(),
        ended_by: None,
        words: None,
        busy,
        drop,
        timeline: timeline
            .iter()
            .map(|&(second, event)| Moment {
                at: Duration::from_secs(second),
                event,
            })
            .collect(),
    }
}

fn calls(
    [
        busy_legs,
        drop_legs,
        released,
        given_up,
        answered,
        short,
        people,
    ]: [u64; 7],
) -> Calls {
    Calls {
        busy_legs,
        drop_legs,
        released,
        given_up,
        answered,
        short,
        people,
    }
}

/// What a trunk's contract may say.
fn limits() -> BudgetLimits {
    BudgetLimits {
        cancelled: Some(Share::percent(20)),
        short: Some(Share::percent(15)),
        ..BudgetLimits::default()
    }
}

fn marketing(technique: TechniqueRule) -> Terms {
    Terms {
        technique,
        kind: CampaignKind::Marketing,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
