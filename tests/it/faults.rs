//! What goes wrong on the way to the PBX and back: requests refused, lost, answered with rubbish; events twice, late,
//! or never. Whatever it is, the message is played at most once, no leg is dialled twice, and nothing stays up.

use std::time::Duration;

use aftertone::words::Leg;
use futures::{StreamExt, stream};

use crate::{
    desk::{Desk, Ended, carried_out_plays, pbx},
    fake::{
        fault::{Fault, Kind, Rule, Wire},
        script::Script,
    },
};

#[tokio::test]
async fn a_refusal_of_each_request_ends_as_it_must() {
    use Kind::{Continue, HangUp, Originate, Play, SetVariable};
    // The request, and the outcome for each of 400, 403, 404, 409, 500, 503.
    let rows = [
        (Originate, Leg::Busy, ["error"; 6]),
        (Originate, Leg::Drop, ["error"; 6]),
        (SetVariable, Leg::Drop, ["error"; 6]),
        (Continue, Leg::Drop, ["error"; 6]),
        (Play, Leg::Drop, ["error"; 6]),
        (HangUp, Leg::Busy, ["delivered"; 6]),
        (HangUp, Leg::Drop, ["delivered"; 6]),
    ];
    let statuses = [400, 403, 404, 409, 500, 503];
    let cases = rows.into_iter().flat_map(|(kind, leg, outcomes)| {
        let all = statuses.into_iter().zip(outcomes);
        all.map(move |(status, outcome)| (kind, leg, Fault::Refuse(status), vec![outcome]))
    });
    check(cases.collect()).await;
}

#[tokio::test]
async fn a_lost_reply_is_not_a_refusal() {
    use Kind::{Continue, HangUp, Originate, Play, SetVariable};
    let requests = [
        (Originate, Leg::Busy),
        (Originate, Leg::Drop),
        (SetVariable, Leg::Drop),
        (Continue, Leg::Drop),
        (Play, Leg::Drop),
        (HangUp, Leg::Busy),
        (HangUp, Leg::Drop),
    ];
    let cases = requests.into_iter().flat_map(|(kind, leg)| {
        let faults = [
            Fault::Hang { done: true },
            Fault::Hang { done: false },
            Fault::Garbage,
            Fault::GarbageBody,
            Fault::DoneBut(500),
            Fault::Slow(Duration::from_millis(700)),
        ];
        let outcomes = vec!["?"];
        faults.map(|fault| (kind, leg, fault, outcomes.clone()))
    });
    check(cases.collect()).await;
}

type Case = (Kind, Leg, Fault, Vec<&'static str>);

/// Each case against a PBX of its own: it ends clean, and with one of the outcomes that are given.
async fn check(cases: Vec<Case>) {
    let runs = cases.into_iter().map(|(kind, leg, fault, outcomes)| async move {
        let name = format!("{kind:?} of the {leg} leg: {fault:?}");
        let rule = Rule::once(kind, fault).on(leg);
        let desk = Desk::with_rules(pbx(Script::mailbox()), vec![rule]).await;
        let ended = desk.drop(&[]).await;
        desk.assert_clean(&name, &ended);
        wrong(&desk, &name, &ended, &outcomes)
    });
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(6)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with an end whose outcome should be one of these.
fn wrong(desk: &Desk, name: &str, ended: &Ended, outcomes: &[&str]) -> Option<String> {
    let outcome = ended.outcome();
    let status = i32::from(outcome != "delivered");
    let played = desk.fake.with(|world| carried_out_plays(world));
    let honest = outcome != "delivered" || played == 1;
    let fits = outcomes.contains(&outcome.as_str()) && ended.status == Some(status) && honest;
    (!fits).then(|| format!("{name}: {outcome}, not {outcomes:?}\n{}", ended.json()["words"]))
}

#[tokio::test]
async fn events_that_come_twice_or_in_another_order_change_nothing() {
    let twice = Wire {
        repeats: 1,
        ..Wire::default()
    };
    let noisy = Wire {
        noise: Some("{\"type\": \"Nonsense\", \"channel\": 7}"),
        ..Wire::default()
    };
    let broken = Wire {
        noise: Some("{\"type\": "),
        ..Wire::default()
    };
    let shuffled = (0..12).map(|seed| Wire {
        shuffle: Some(seed),
        ..Wire::default()
    });
    let wires: Vec<Wire> = [twice, noisy, broken].into_iter().chain(shuffled).collect();
    hear(wires.into_iter().map(|wire| (wire, vec!["delivered"]))).await;
}

#[tokio::test]
async fn events_that_never_come_do_no_harm() {
    let rows = [
        ("Dial", vec!["delivered"]),
        ("ChannelStateChange", vec!["delivered"]),
        ("ChannelVarset", vec!["delivered"]),
        ("StasisStart", vec!["?"]),
        ("PlaybackStarted", vec!["?"]),
        ("PlaybackFinished", vec!["?"]),
        ("ChannelHangupRequest", vec!["delivered"]),
        ("ChannelDestroyed", vec!["?"]),
    ];
    let wires = rows.map(|(lost, outcomes)| {
        let wire = Wire {
            lost: vec![lost],
            ..Wire::default()
        };
        (wire, outcomes)
    });
    hear(wires.into_iter()).await;
}

async fn hear(cases: impl Iterator<Item = (Wire, Vec<&'static str>)>) {
    let runs = cases.map(|(wire, outcomes)| async move {
        let name = format!("{wire:?}");
        let desk = Desk::new(pbx(Script::mailbox())).await;
        desk.fake.with(|world| world.wire = wire);
        let ended = desk.drop(&[]).await;
        desk.assert_clean(&name, &ended);
        wrong(&desk, &name, &ended, &outcomes)
    });
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(6)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
