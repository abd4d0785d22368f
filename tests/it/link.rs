//! The event websocket breaks, the PBX goes away, another program takes the app, the operator presses Ctrl-C: at every
//! moment of a drop.

use std::time::Duration;

use aftertone::words::Leg;
use futures::{StreamExt, stream};

use crate::{
    fake::{
        fault::Cut,
        leg_of,
        log::{Entry, What},
        script::{Call, Far, Script},
    },
    program::{Ended, NUMBER, Program, carried_out_plays, pbx, send_signal, wait},
};

/// The moments of a drop, as the events of a leg that mark them.
const MOMENTS: [(&str, &str, Leg); 9] = [
    ("the busy leg is dialled", "Dial", Leg::Busy),
    ("the busy leg rings", "ChannelStateChange", Leg::Busy),
    ("the drop leg is dialled", "Dial", Leg::Drop),
    ("the drop leg rings", "ChannelStateChange", Leg::Drop),
    ("the drop leg is ours", "StasisStart", Leg::Drop),
    ("the verdict is told", "ChannelVarset", Leg::Drop),
    ("the message begins", "PlaybackStarted", Leg::Drop),
    ("the message ends", "PlaybackFinished", Leg::Drop),
    ("the busy leg is gone", "ChannelDestroyed", Leg::Busy),
];

#[tokio::test]
async fn a_cut_of_the_websocket_at_any_moment_ends_honestly() {
    let before_and_after = MOMENTS.into_iter().flat_map(|(name, event, leg)| {
        [Cut::Before(event, leg), Cut::After(event, leg)].map(|cut| (name.to_owned(), cut))
    });
    let in_a_frame = [0, 100, 900, 2_500, 5_000, 9_000, 14_000]
        .map(|byte| (format!("byte {byte}"), Cut::AtByte(byte)));
    let cases: Vec<_> = before_and_after.chain(in_a_frame).collect();
    let runs = cases.into_iter().map(|(name, cut)| async move {
        let program = Program::new(pbx(Script::mailbox())).await;
        program
            .fake
            .with(|world| world.wire.cut = Some(cut.clone()));
        let ended = program.drop(&[]).await;
        let name = format!("{name}, {cut:?}");
        program.assert_clean(&name, &ended);
        dishonest(&program, &name, &ended, &["delivered", "lost", "unsure"])
    });
    none_of(runs).await;
}

#[tokio::test]
async fn a_pbx_that_restarts_at_any_moment_leaves_the_truth_unknown() {
    let runs = MOMENTS.into_iter().map(|(name, event, leg)| async move {
        let mut program = Program::new(pbx(Script::mailbox())).await;
        let child = program.command(&ARGUMENTS).spawn().unwrap();
        program
            .fake
            .until(name, |world| heard(&world.log, event, leg))
            .await;
        program.fake.stop();
        program.fake.start_again().await;
        let ended = wait(child).await;
        program.assert_clean(name, &ended);
        // What was heard to be played whole was.
        let outcomes: &[&str] = match event {
            "PlaybackFinished" => &["delivered", "lost"],
            _ => &["lost", "error"],
        };
        dishonest(&program, name, &ended, outcomes)
    });
    none_of(runs).await;
}

#[tokio::test]
async fn another_program_that_takes_the_app_ends_everything_loudly() {
    let runs = MOMENTS.into_iter().map(|(name, event, leg)| async move {
        let program = Program::new(pbx(Script::mailbox())).await;
        let child = program.command(&ARGUMENTS).spawn().unwrap();
        program
            .fake
            .until(name, |world| heard(&world.log, event, leg))
            .await;
        program.fake.with(|world| world.replace_all());
        let ended = wait(child).await;
        program.assert_clean(name, &ended);
        let loud = ended.stderr.contains("another program");
        let wrong = ended.status != Some(1) || !loud;
        wrong.then(|| format!("{name}: {ended:?}"))
    });
    none_of(runs).await;
}

#[tokio::test]
async fn ctrl_c_at_any_moment_hangs_up_before_the_program_ends() {
    // A mailbox that takes its time, so that each moment lasts long enough to press a key in.
    let mut slow = Call::of(&[(300, Far::Ringing), (300, Far::Answer)]);
    slow.detector.verdict_after = Duration::from_millis(300);
    slow.detector.wait = Duration::from_millis(300);
    slow.playback = crate::fake::script::Playback::Whole(Duration::from_secs(20));
    let script = Script(vec![Call::ringing_for_ever(), slow]);
    let moments = MOMENTS
        .into_iter()
        .filter(|(_, event, _)| *event != "PlaybackFinished");
    let runs = moments.flat_map(|(name, event, leg)| {
        ["INT", "TERM"].map(|signal| (name, event, leg, signal, script.clone()))
    });
    let runs = runs.map(|(name, event, leg, signal, script)| async move {
        let program = Program::new(pbx(script)).await;
        let child = program.command(&ARGUMENTS).spawn().unwrap();
        program
            .fake
            .until(name, |world| heard(&world.log, event, leg))
            .await;
        send_signal(signal, &child);
        let ended = wait(child).await;
        program.assert_clean(name, &ended);
        let wrong = (ended.outcome().as_str(), ended.status) != ("cancelled", Some(1));
        wrong.then(|| format!("{name}, {signal}: {ended:?}"))
    });
    none_of(runs).await;
}

#[tokio::test]
async fn a_second_ctrl_c_quits_at_once() {
    let settings = crate::fake::Settings {
        // The PBX takes its time to end a channel, so that there is something to be impatient about.
        hang_up_takes: Duration::from_secs(20),
        ..pbx(Script(vec![Call::ringing_for_ever()]))
    };
    let program = Program::new(settings).await;
    let child = program.command(&ARGUMENTS).spawn().unwrap();
    let rings = |log: &[Entry]| heard(log, "ChannelStateChange", Leg::Busy);
    program
        .fake
        .until("ringing", |world| rings(&world.log))
        .await;
    send_signal("INT", &child);
    let hung_up = |log: &[Entry]| heard(log, "ChannelHangupRequest", Leg::Busy);
    program
        .fake
        .until("the hang-up", |world| hung_up(&world.log))
        .await;
    send_signal("INT", &child);
    let ended = tokio::time::timeout(Duration::from_secs(10), wait(child)).await;
    assert_eq!(ended.expect("it quits at once").status, Some(1));
}

const ARGUMENTS: [&str; 5] = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];

/// Whether an event of this type about this leg has been written.
fn heard(log: &[Entry], of: &str, about: Leg) -> Option<()> {
    let found = log.iter().any(|entry| match &entry.what {
        What::Event {
            kind,
            channel,
            sent,
            ..
        } => *sent && *kind == of && channel.as_deref().and_then(leg_of) == Some(about),
        What::Request { .. } => false,
    });
    found.then_some(())
}

/// What is wrong with an end that must be one of these, and `delivered` only if the message was played.
fn dishonest(program: &Program, name: &str, ended: &Ended, outcomes: &[&str]) -> Option<String> {
    let outcome = ended.outcome();
    let played = program.fake.with(|world| carried_out_plays(world));
    let honest = outcome != "delivered" || played == 1;
    let status = Some(i32::from(outcome != "delivered"));
    let fits = outcomes.contains(&outcome.as_str()) && honest && ended.status == status;
    (!fits).then(|| format!("{name}: {ended:?}\n{}", program.fake.ladder()))
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
