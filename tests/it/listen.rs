//! Our own ears through the real program, against a PBX that lets a call be heard, and against those that do not.

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::{
    desk::{Desk, Ended, pbx, requests},
    fake::{
        fault::{Fault, Kind, Rule},
        script::Script,
    },
};

#[tokio::test]
async fn a_mailbox_is_heard_and_played_to_after_its_beep() {
    let desk = Desk::new(pbx(Script::mailbox().sounding(&mailbox()))).await;
    let ended = desk.drop(&["--mode", "listen"]).await;
    desk.assert_clean("a mailbox", &ended);
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{ended:?}\n{}",
        desk.fake.ladder()
    );
    let json = ended.json();
    assert_eq!(json["ready_by"], "beep", "{json:#}");
    assert!(!has(&json, "tap_lost"), "{json:#}");
    let asked = desk.fake.with(|world| requests(world));
    let limits: Vec<&str> = asked
        .lines()
        .filter(|line| line.contains("-drop/variable") || line.contains("/play/"))
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert!(
        limits[0].contains("\"10\""),
        "kept short while it listens: {limits:#?}"
    );
    assert!(limits[limits.len() - 1].contains("/play/"), "{limits:#?}");
    assert!(
        limits[limits.len() - 2].contains("\"305\""),
        "the play's own: {limits:#?}"
    );
}

#[tokio::test]
async fn a_pbx_that_lets_no_call_be_heard_screens_it_by_its_dialplan() {
    let rows = [
        // Older than the tap: there is no such resource, or the path means another one.
        (Kind::ExternalMedia, 404),
        (Kind::ExternalMedia, 400),
        // The module that would carry the audio is missing.
        (Kind::ExternalMedia, 501),
        (Kind::ExternalMedia, 500),
        (Kind::Snoop, 404),
        (Kind::Snoop, 500),
        (Kind::Bridges, 404),
        (Kind::Bridges, 501),
    ];
    let runs = rows.into_iter().map(|(kind, status)| async move {
        let rules = vec![Rule::always(kind, Fault::Refuse(status))];
        let desk = Desk::with_rules(pbx(Script::mailbox()), rules).await;
        let ended = desk.drop(&["--mode", "listen"]).await;
        let name = format!("{kind:?} {status}");
        desk.assert_clean(&name, &ended);
        let told = screened_by_dialplan(&ended);
        (!told).then(|| format!("{name}: {ended:?}\n{}", desk.fake.ladder()))
    });
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(4)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Delivered by what the dialplan found, and said so.
fn screened_by_dialplan(ended: &Ended) -> bool {
    let json = ended.json();
    ended.outcome() == "delivered"
        && json["ready_by"] == "dialplan"
        && has(&json, "tap_lost")
        && ended.stderr.contains("the live audio is lost")
}

fn has(json: &Value, event: &str) -> bool {
    let timeline = json["timeline"].as_array();
    timeline.is_some_and(|timeline| timeline.iter().any(|moment| moment["event"] == event))
}

/// Words for three seconds, a beep, and the silence in which it records.
fn mailbox() -> Vec<i16> {
    let mut random = 1_u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 8) / f64::from(1 << 23) - 1.0
    };
    let at = |second: f64| (second * 8_000.0) as usize;
    let words = (0..at(3.0)).map(|n| {
        let syllable = (n as f64 / 8_000.0 * 4.0 * std::f64::consts::PI)
            .sin()
            .abs();
        noise() * syllable * 6_000.0
    });
    let words: Vec<f64> = words.collect();
    let pause = vec![0.0; at(0.4)];
    let beep = (0..at(0.4)).map(|n| (n as f64 / 8.0 * std::f64::consts::TAU).sin() * 8_000.0);
    let silence = vec![0.0; at(1.0)];
    let all = [words, pause, beep.collect(), silence].concat();
    all.into_iter().map(|sample| sample as i16).collect()
}
