//! Our own ears and our own voice through the real program, against a PBX that brings us a call's audio, and against those
//! that do not, or not for long.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod book;
mod held;
mod lost;
mod order;
mod reach;
mod words;

use std::time::Duration;

use aftertone::words::Leg;
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    fake::{
        World,
        audio::Heard,
        fault::{Audio, Goodbye, Kind, When, Wire},
        leg_of,
        script::{Call, Far, Script},
    },
    outcomes::without_times,
    program::{Ended, NUMBER, Program, carried_out_plays, count, pbx, requests, send_signal, wait},
};

#[tokio::test]
async fn a_mailbox_is_heard_and_spoken_to_after_its_beep() {
    let program = listening(mailbox()).await;
    let ended = run(&program).await;
    assert_delivered(&program, "a mailbox", &ended);
    let json = ended.json();
    assert_eq!(json["ready_by"], "beep", "{json:#}");
    assert_eq!(json["proof"], "proven", "{json:#}");
    assert_eq!(ended.spoken(), "", "nothing is said where all is well");
    let requests = program.fake.with(|world| requests(world));
    insta::assert_snapshot!(without_times(&without_secrets(&requests)), @r#"
    POST /asterisk/variable? {"variable":"AFTERTONE_PBX","value":"DROP"}
    GET /events?app=aftertone-RUN
    GET /channels?
    GET /endpoints/PJSIP/carrier?
    POST /channels? {"channelId":"RUN-DROP-busy","endpoint":"PJSIP/+12025550101@carrier","callerId":"+12025550100","app":"aftertone-RUN","appArgs":"DROP","timeout":4,"variables":{"AFTERTONE_APP":"aftertone-RUN","AFTERTONE_DROP":"DROP","AFTERTONE_EARS":"HOST:PORT","AFTERTONE_LIMIT":"21","AFTERTONE_READY_TIMEOUT":"3","AFTERTONE_UUID":"UUID","AFTERTONE_WHEN_UNSURE":"hang_up","CDR_PROP(disable)":"1","FORWARD_CONTEXT":"aftertone-redirects-nowhere","TIMEOUT(absolute)":"14"}}
    POST /channels? {"channelId":"RUN-DROP-drop","endpoint":"PJSIP/+12025550101@carrier","callerId":"+12025550100","app":"aftertone-RUN","appArgs":"DROP","timeout":3,"variables":{"AFTERTONE_APP":"aftertone-RUN","AFTERTONE_DROP":"DROP","AFTERTONE_EARS":"HOST:PORT","AFTERTONE_LIMIT":"21","AFTERTONE_READY_TIMEOUT":"3","AFTERTONE_UUID":"UUID","AFTERTONE_WHEN_UNSURE":"hang_up","FORWARD_CONTEXT":"aftertone-redirects-nowhere","TIMEOUT(absolute)":"13"}}
    DELETE /channels/RUN-DROP-busy?
    POST /channels/RUN-DROP-drop/continue? {"context":"aftertone-listen","extension":"s","priority":1}
    POST /channels/RUN-DROP-drop/snoop/RUN-DROP-amd? {"spy":"in","app":"aftertone-RUN","appArgs":"DROP"}
    POST /channels/RUN-DROP-amd/variable? {"variable":"AFTERTONE_RETURN","value":"aftertone-RUN,DROP"}
    POST /channels/RUN-DROP-amd/continue? {"context":"aftertone-amd","extension":"s","priority":1}
    DELETE /channels/RUN-DROP-amd?
    DELETE /channels/RUN-DROP-drop?
    GET /channels?
    GET /bridges?
    "#);
}

#[tokio::test]
async fn a_busy_leg_that_a_mailbox_answers_is_heard_and_spoken_to() {
    let program = listening(Script(vec![mailbox().0.remove(1)])).await;
    let ended = run(&program).await;
    program.assert_clean("a phone that is off", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["promoted"], true, "{json:#}");
    let heard = program.fake.with(|world| heard_by(world, Leg::Busy));
    assert!(is_whole(&heard), "{:?}", heard.spoken());
}

#[tokio::test]
async fn a_recording_that_only_the_pbx_has_is_played_by_the_pbx() {
    let program = Program::new(pbx(mailbox())).await;
    let ended = program.drop(&["--mode", "listen"]).await;
    program.assert_clean("a sound of the PBX", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["ready_by"], "beep", "{json:#}");
    assert!(!has(&json, "tap_lost"), "{json:#}");
    let heard = heard(&program);
    assert!(heard.goodbye.is_some() && heard.message.is_empty());
    let order = program.fake.with(|world| requests(world));
    let order: Vec<_> = order
        .lines()
        .filter(|line| line.contains("-drop"))
        .collect();
    let [.., limit, play, hang_up] = order.as_slice() else {
        panic!("{order:#?}");
    };
    assert!(
        limit.contains("\"TIMEOUT(absolute)\",\"value\":\"305\""),
        "{limit}"
    );
    assert!(play.contains("/play/"), "{play}");
    assert!(hang_up.starts_with("DELETE"), "{hang_up}");
}

#[tokio::test]
async fn every_answer_to_our_goodbye_that_a_pbx_gives_is_one() {
    for goodbye in [Goodbye::Closed, Goodbye::Reset] {
        for own in [true, false] {
            let name = format!("{goodbye:?}, our own voice: {own}");
            let program = listening(mailbox()).await;
            program.fake.with(|world| world.audio.goodbye = goodbye);
            let ended = if own {
                run(&program).await
            } else {
                program.drop(&["--mode", "listen"]).await
            };
            program.assert_clean(&name, &ended);
            let json = ended.json();
            assert_eq!(ended.outcome(), "delivered", "{name}: {json:#}");
            assert!(!has(&json, "tap_lost"), "{name}: {json:#}");
            assert!(!own || json["proof"] == "proven", "{name}: {json:#}");
        }
    }
}

#[tokio::test]
async fn a_message_of_ours_needs_no_word_of_the_pbx_that_it_plays() {
    let program = listening(mailbox()).await;
    program.fake.with(|world| {
        world.wire = Wire {
            lost: vec!["PlaybackStarted", "PlaybackFinished"],
            ..Wire::default()
        };
    });
    let ended = run(&program).await;
    assert_delivered(&program, "no word of a playback", &ended);
    assert_eq!(ended.json()["proof"], "proven", "{ended:?}");
}

#[tokio::test]
async fn amd_hears_a_copy_of_the_call_unless_it_is_not_asked() {
    for (amd, copies) in [("true", 1), ("false", 0)] {
        let program = listening(mailbox()).await;
        let mut command = listening_program(&program);
        let ended = wait(command.env("AFTERTONE__SCREEN__AMD", amd).spawn().unwrap()).await;
        assert_delivered(&program, amd, &ended);
        let made = program.fake.with(|world| count(world, Kind::Snoop, None));
        assert_eq!(made, copies, "amd = {amd}");
        let aids = program.fake.with(|world| requests(world));
        let ended = aids
            .lines()
            .any(|line| line.starts_with("DELETE") && line.contains("-amd"));
        assert_eq!(ended, copies == 1, "{aids}");
    }
}

#[tokio::test]
async fn a_far_end_that_falls_silent_in_the_message_proves_nothing() {
    let when = When::Message(Duration::from_millis(100));
    let program = Program::new(pbx(mailbox())).await;
    program.record("message.wav", 2_500);
    program.fake.with(|world| world.audio.mute = Some(when));
    let ended = run(&program).await;
    program.assert_clean("silence in the message", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
    let reasons = json["proof_reasons"].to_string();
    assert!(
        reasons.contains("no sound came from the far end"),
        "{reasons}"
    );
}

#[tokio::test]
async fn a_far_end_that_falls_silent_in_its_greeting_is_not_spoken_to() {
    let program = listening(mailbox()).await;
    let when = When::Sound(Duration::from_millis(1_500));
    program.fake.with(|world| world.audio.mute = Some(when));
    let ended = run(&program).await;
    program.assert_clean("silence in the greeting", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "unsure", "{json:#}");
    assert!(heard(&program).message.is_empty());
    assert_eq!(json["words"], "no sound comes from the far end", "{json:#}");
}

/// As on networks that send nothing in a silence: the beep is the last that comes.
#[tokio::test]
async fn a_beep_after_which_no_sound_comes_begins_the_message() {
    let program = listening(mailbox()).await;
    let when = When::Sound(Duration::from_millis(3_800));
    program.fake.with(|world| world.audio.mute = Some(when));
    let ended = run(&program).await;
    program.assert_clean("silence after the beep", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["ready_by"], "beep", "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
}

#[tokio::test]
async fn a_pbx_that_brings_no_sound_for_a_while_and_then_all_of_it_is_waited_for() {
    let program = listening(mailbox()).await;
    let stands = (
        When::Sound(Duration::from_secs(1)),
        Duration::from_millis(1_300),
    );
    program.fake.with(|world| world.audio.stands = Some(stands));
    let ended = run(&program).await;
    assert_delivered(&program, "a short standstill", &ended);
}

/// It is known to the frame what was sent: what only silence would have followed was left.
#[tokio::test]
async fn a_far_end_that_hangs_up_in_the_silence_after_the_message_has_all_of_it() {
    for (after, frames, outcome) in [(AUDIBLE, 2, "delivered"), (MESSAGE / 2, 0, "cut_off")] {
        let program = listening(mailbox()).await;
        let child = listening_program(&program).spawn().unwrap();
        until_spoken(&program, after).await;
        let before = heard(&program).silence;
        until_heard(&program, |heard| heard.silence >= before + frames).await;
        program
            .fake
            .with(|world| world.far_end(Leg::Drop, Far::HangUp));
        let ended = wait(child).await;
        let name = format!("hung up after {after:?}");
        program.assert_clean(&name, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), outcome, "{name}: {json:#}");
        assert_eq!(json["ended_by"], "far_end", "{name}: {json:#}");
    }
}

/// Our ears are on the call's own connection: no event has to come for them to know that we speak.
#[tokio::test]
async fn a_voice_stops_the_message_whatever_becomes_of_the_event_link() {
    type Harm = fn(&mut World, &str);
    let harms: [(&str, Harm); 3] = [
        ("fine", |_, _| {}),
        ("cut", |world, app| world.cut(app)),
        ("half-open", |world, app| world.half_open(app)),
    ];
    let runs = harms.into_iter().map(|(name, harm)| async move {
        let program = Program::new(pbx(talker())).await;
        program.record("message.wav", 8_000);
        program.set("ready_timeout", "10s");
        let child = listening_program(&program)
            .env("AFTERTONE__SCREEN__NO_BEEP", "play")
            .spawn()
            .unwrap();
        until_spoken(&program, Duration::from_millis(20)).await;
        program.fake.with(|world| {
            for app in world.active_apps() {
                harm(world, &app);
            }
        });
        let ended = wait(child).await;
        program.assert_clean(name, &ended);
        let (heard, json) = (heard(&program), ended.json());
        let stopped = heard.spoken() < Duration::from_secs(4);
        let told = ended.outcome() == "human" && json["heard_ms"].as_u64() > Some(0);
        (!stopped || !told).then(|| format!("{name}: {:?} {json:#}", heard.spoken()))
    });
    none_of(runs).await;
}

#[tokio::test]
async fn ctrl_c_in_the_message_is_silence_at_once() {
    let program = Program::new(pbx(mailbox())).await;
    program.record("message.wav", 8_000);
    let child = listening_program(&program).spawn().unwrap();
    until_spoken(&program, Duration::from_millis(200)).await;
    send_signal("INT", &child);
    let ended = wait(child).await;
    program.assert_clean("ctrl-c", &ended);
    assert_eq!(ended.outcome(), "cancelled", "{ended:?}");
    assert!(heard(&program).spoken() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_program_that_is_killed_leaves_no_call_up() {
    let moments = [Duration::ZERO, Duration::from_millis(200)];
    let runs = moments.map(|spoken| async move {
        let program = Program::new(pbx(mailbox())).await;
        program.record("message.wav", 8_000);
        let child = listening_program(&program).spawn().unwrap();
        if spoken.is_zero() {
            until_heard(&program, |heard| heard.connections == 1).await;
        } else {
            until_spoken(&program, spoken).await;
        }
        send_signal("KILL", &child);
        wait(child).await;
        let legs = |world: &mut World| {
            let mut channels = world.channels.keys();
            let up = channels.any(|channel| leg_of(channel) == Some(Leg::Drop));
            (!up).then_some(())
        };
        let gone = program.fake.until("the leg's end", legs);
        let in_time = tokio::time::timeout(Duration::from_secs(2), gone).await;
        in_time
            .is_err()
            .then(|| format!("{spoken:?}: still up\n{}", program.fake.ladder()))
    });
    none_of(runs.into_iter()).await;
}

/// How long the recording is that is left.
const MESSAGE: Duration = Duration::from_millis(1_300);

/// In so many whole frames of the message something can be heard.
const AUDIBLE: Duration = Duration::from_millis(1_320);

/// A PBX with these calls, and a program whose message is a recording.
pub(crate) async fn listening(script: Script) -> Program {
    let program = Program::new(pbx(script)).await;
    program.record("message.wav", u32::try_from(MESSAGE.as_millis()).unwrap());
    program
}

/// `aftertone drop` with a recording, listening.
fn listening_program(program: &Program) -> Command {
    let mut command = program.command(&["drop", NUMBER, "--message", "./message.wav", "--json"]);
    command.env("AFTERTONE__SCREEN__MODE", "listen");
    command
}

async fn run(program: &Program) -> Ended {
    wait(listening_program(program).spawn().unwrap()).await
}

/// What came from us over the drop leg's connection.
fn heard(program: &Program) -> Heard {
    program.fake.with(|world| heard_by(world, Leg::Drop))
}

fn heard_by(world: &World, leg: Leg) -> Heard {
    let mut all = world.heard.iter();
    let found = all.find(|(channel, _)| leg_of(channel) == Some(leg));
    found.map(|(_, heard)| heard.clone()).unwrap_or_default()
}

async fn until_heard(program: &Program, look: impl Fn(&Heard) -> bool) -> Heard {
    let found = |world: &mut World| {
        let heard = heard_by(world, Leg::Drop);
        look(&heard).then_some(heard)
    };
    program.fake.until("over the audio connection", found).await
}

async fn until_spoken(program: &Program, time: Duration) {
    until_heard(program, |heard| heard.spoken() >= time).await;
}

/// Whether all that is audible of the message came, once.
fn is_whole(heard: &Heard) -> bool {
    heard.spoken() == AUDIBLE
}

fn assert_delivered(program: &Program, name: &str, ended: &Ended) {
    program.assert_clean(name, ended);
    let (heard, json) = (heard(program), ended.json());
    let ladder = || program.fake.ladder();
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{name}: {ended:?}\n{}",
        ladder()
    );
    assert!(!has(&json, "tap_lost"), "{name}: {json:#}");
    assert!(
        is_whole(&heard),
        "{name}: {:?}\n{}",
        heard.spoken(),
        ladder()
    );
    assert_eq!(heard.connections, 1, "{name}");
    let plays = program.fake.with(|world| carried_out_plays(world));
    assert_eq!(plays, 0, "{name}: it was the PBX that played");
}

fn has(json: &Value, event: &str) -> bool {
    let timeline = json["timeline"].as_array();
    timeline.is_some_and(|timeline| timeline.iter().any(|moment| moment["event"] == event))
}

/// Runs some at a time, and fails with all that is wrong.
async fn none_of(runs: impl Iterator<Item = impl Future<Output = Option<String>>>) {
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(4)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The line rings on the first call; the second is diverted to a mailbox with words for three seconds, a beep, and the silence
/// in which it records.
pub(crate) fn mailbox() -> Script {
    let sound = [words(1, 3.0), silence(0.4), beep(0.4), silence(1.0)].concat();
    Script::mailbox().sounding(&sound)
}

/// A person who talks as long as a greeting, listens, and speaks as soon as they hear a message.
fn talker() -> Script {
    let sound = [words(1, 8.0), silence(4.0)].concat();
    Script::mailbox().sounding(&sound).replying(&words(2, 1.5))
}

fn words(seed: u32, seconds: f64) -> Vec<i16> {
    let mut random = seed;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 8) / f64::from(1 << 23) - 1.0
    };
    let syllable = |n: usize| {
        let phase = n as f64 / 8_000.0 * (3.0 + f64::from(seed)) * std::f64::consts::PI;
        phase.sin().abs()
    };
    let samples = (0..at(seconds)).map(|n| noise() * syllable(n) * 6_000.0);
    samples.map(|sample| sample as i16).collect()
}

fn beep(seconds: f64) -> Vec<i16> {
    let wave = |n: usize| (n as f64 / 8.0 * std::f64::consts::TAU).sin() * 8_000.0;
    (0..at(seconds)).map(|n| wave(n) as i16).collect()
}

fn silence(seconds: f64) -> Vec<i16> {
    vec![0; at(seconds)]
}

fn at(second: f64) -> usize {
    (second * 8_000.0) as usize
}

/// The address of our ears and the UUIDs of connections, replaced.
fn without_secrets(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\"AFTERTONE_EARS\":\"") {
        let (_, after) = after.split_once('"').unwrap();
        let (between, after) = after.split_once("\"AFTERTONE_UUID\":\"").unwrap();
        let (_, after) = after.split_once('"').unwrap();
        let ears = "\"AFTERTONE_EARS\":\"HOST:PORT\"";
        out.push_str(&format!(
            "{before}{ears}{between}\"AFTERTONE_UUID\":\"UUID\""
        ));
        rest = after;
    }
    out + rest
}
