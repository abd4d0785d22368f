//! What goes wrong on the way to the PBX and back: requests refused, lost, answered with rubbish; events twice, late,
//! or never. Whatever it is, the message is played at most once, no leg is dialled twice, and nothing stays up.

use std::time::Duration;

use aftertone::words::Leg;
use futures::{StreamExt, stream};

use crate::{
    fake::{
        fault::{Fault, Kind, Rule, Wire},
        script::Script,
    },
    program::{Ended, NUMBER, Program, carried_out_plays, pbx},
};

#[tokio::test]
async fn a_refusal_of_each_request_ends_as_it_must() {
    use Kind::{Continue, HangUp, Originate, Play, SetVariable};
    // A leg that is not there (404) has ended unheard: what became of it is not known.
    let refused = ["error", "error", "lost", "error", "error", "error"];
    let rows = [
        (Originate, Leg::Busy, ["error"; 6]),
        (Originate, Leg::Drop, ["error"; 6]),
        (SetVariable, Leg::Drop, refused),
        (Continue, Leg::Drop, refused),
        (Play, Leg::Drop, refused),
        (HangUp, Leg::Busy, ["delivered"; 6]),
        (HangUp, Leg::Drop, ["delivered"; 6]),
    ];
    let statuses = [400, 403, 404, 409, 500, 503];
    let cases = rows.into_iter().flat_map(|(kind, leg, outcomes)| {
        let all = statuses.into_iter().zip(outcomes);
        // A 409 to an originate means that the channel exists; here it is found not to.
        all.map(move |(status, outcome)| (kind, leg, Fault::Refuse(status), vec![outcome]))
    });
    check(cases.collect()).await;
}

#[tokio::test]
async fn a_lost_reply_is_not_a_refusal() {
    use Kind::{Continue, HangUp, Originate, Play, SetVariable};
    // What was carried out all the same may be heard of before the bad reply, and is believed then.
    let faults = [
        (Fault::Hang { done: true }, vec!["lost", "delivered"]),
        (Fault::Garbage, vec!["lost", "delivered"]),
        (Fault::DoneBut(500), vec!["error", "delivered"]),
        (Fault::Hang { done: false }, vec!["lost"]),
        (Fault::GarbageBody, vec!["delivered"]),
        (Fault::Slow(Duration::from_millis(700)), vec!["delivered"]),
    ];
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
        faults.clone().map(|(fault, outcomes)| {
            // A hang-up is repeated until it has worked.
            let worked = vec!["delivered"];
            let outcomes = if kind == HangUp { worked } else { outcomes };
            (kind, leg, fault, outcomes)
        })
    });
    check(cases.collect()).await;
}

#[tokio::test]
async fn an_originate_whose_channel_exists_has_been_done() {
    let legs = [Leg::Busy, Leg::Drop];
    let cases = legs.map(|leg| (Kind::Originate, leg, Fault::DoneBut(409), vec!["delivered"]));
    check(cases.into()).await;
}

#[tokio::test]
async fn a_request_that_is_never_answered_is_believed_by_what_is_heard() {
    use Kind::{Continue, HangUp, Originate, Play};
    let requests = [
        // It is not known whether the busy leg holds the line, so that the other call is not made.
        (Originate, Leg::Busy, "lost"),
        (Originate, Leg::Drop, "lost"),
        (Continue, Leg::Drop, "lost"),
        (Play, Leg::Drop, "lost"),
        (HangUp, Leg::Busy, "delivered"),
        (HangUp, Leg::Drop, "delivered"),
    ];
    let runs = requests.into_iter().flat_map(|(kind, leg, outcome)| {
        [(true, "delivered"), (false, outcome)].map(|(done, outcome)| async move {
            let name = format!("{kind:?} of the {leg} leg, unanswered, done: {done}");
            let rule = Rule::once(kind, Fault::Silence { done }).on(leg);
            let program = Program::with_rules(pbx(Script::mailbox()), vec![rule]).await;
            // Longer than a request waits for its reply (10 s).
            program.set("answer_timeout", "20s");
            program.set("screening_timeout", "20s");
            let ended = program.drop(&[]).await;
            program.assert_clean(&name, &ended);
            wrong(&program, &name, &ended, &[outcome])
        })
    });
    none_of(runs).await;
}

type Case = (Kind, Leg, Fault, Vec<&'static str>);

/// Each case against a PBX of its own: it ends clean, and with one of the outcomes that are given.
async fn check(cases: Vec<Case>) {
    let runs = cases
        .into_iter()
        .map(|(kind, leg, fault, outcomes)| async move {
            let name = format!("{kind:?} of the {leg} leg: {fault:?}");
            let rule = Rule::once(kind, fault).on(leg);
            let program = Program::with_rules(pbx(Script::mailbox()), vec![rule]).await;
            let ended = program.drop(&[]).await;
            program.assert_clean(&name, &ended);
            wrong(&program, &name, &ended, &outcomes)
        });
    none_of(runs).await;
}

/// What is wrong with an end whose outcome should be one of these.
fn wrong(program: &Program, name: &str, ended: &Ended, wanted: &[&str]) -> Option<String> {
    let outcome = ended.outcome();
    let status = i32::from(outcome != "delivered");
    let played = program.fake.with(|world| carried_out_plays(world));
    let honest = outcome != "delivered" || played == 1;
    let fits = wanted.contains(&outcome.as_str()) && ended.status == Some(status) && honest;
    (!fits).then(|| {
        format!(
            "{name}: {outcome}, not {wanted:?}: {}",
            ended.json()["words"]
        )
    })
}

/// Runs some at a time, and fails with all that is wrong.
async fn none_of(runs: impl Iterator<Item = impl Future<Output = Option<String>>>) {
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(8)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    hear(wires.into_iter().map(|wire| (wire, "delivered"))).await;
}

#[tokio::test]
async fn events_that_never_come_do_no_harm() {
    let rows = [
        ("Dial", "delivered"),
        ("ChannelStateChange", "delivered"),
        ("ChannelVarset", "delivered"),
        ("StasisStart", "unsure"),
        ("PlaybackStarted", "delivered"),
        ("PlaybackFinished", "lost"),
        ("ChannelHangupRequest", "delivered"),
        ("ChannelDestroyed", "delivered"),
    ];
    let wires = rows.map(|(lost, outcome)| {
        let wire = Wire {
            lost: vec![lost],
            ..Wire::default()
        };
        (wire, outcome)
    });
    hear(wires.into_iter()).await;
}

async fn hear(cases: impl Iterator<Item = (Wire, &'static str)>) {
    let runs = cases.map(|(wire, outcome)| async move {
        let name = format!("{wire:?}");
        let program = Program::new(pbx(Script::mailbox())).await;
        program.fake.with(|world| world.wire = wire);
        // Of a recording it is known how long it plays, so that its end is not waited for long.
        program.record("message.wav", 1_300);
        let ended = program
            .run(&["drop", NUMBER, "--message", "./message.wav", "--json"])
            .await;
        program.assert_clean(&name, &ended);
        wrong(&program, &name, &ended, &[outcome])
    });
    none_of(runs).await;
}
