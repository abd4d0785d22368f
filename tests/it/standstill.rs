//! The program is stopped while things happen, as on a machine that is paused or swaps: what has come meanwhile counts
//! before any deadline.

use aftertone::words::Leg;

use crate::{
    fake::{World, fault::Kind, leg_of, script::Script},
    program::{NUMBER, Program, count, pbx, send_signal, wait},
};

/// It is stopped from the beginning of the message until the PBX has ended the leg by its own limit: past the deadline by
/// which the end of the playback should have been reported, and for longer than a link may be silent.
#[tokio::test]
async fn a_message_that_ended_while_the_program_was_stopped_was_delivered() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.record("message.wav", 4_000);
    let line = ["drop", NUMBER, "--message", "./message.wav", "--json"];
    let child = program.command(&line).spawn().unwrap();
    let begun = |world: &mut World| {
        let mut log = world.log.iter();
        let begun = log.any(|entry| entry.is_event("PlaybackStarted"));
        begun.then_some(())
    };
    program.fake.until("the message", begun).await;
    send_signal("STOP", &child);
    let ended = |world: &mut World| {
        let drop_legs = world
            .channels
            .keys()
            .filter(|id| leg_of(id) == Some(Leg::Drop));
        (drop_legs.count() == 0).then_some(())
    };
    program.fake.until("the leg's end", ended).await;
    send_signal("CONT", &child);
    let ended = wait(child).await;
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{ended:?}\n{}",
        program.fake.ladder()
    );
    let links = program.fake.with(|world| count(world, Kind::Events, None));
    assert_eq!(links, 1, "the link was there all the time: {ended:?}");
    program.assert_clean("a standstill", &ended);
}

/// The far end hangs up early in the message while the program is stopped: it heard nothing of that, and yet it is
/// no delivery.
#[tokio::test]
async fn a_message_that_was_cut_while_the_program_was_stopped_was_cut() {
    let cut = crate::fake::script::Playback::HungUp(std::time::Duration::from_millis(500));
    let program = Program::new(pbx(Script::mailbox().playing(cut))).await;
    program.record("message.wav", 1_500);
    let line = ["drop", NUMBER, "--message", "./message.wav", "--json"];
    let child = program.command(&line).spawn().unwrap();
    let begun = |world: &mut World| {
        let mut log = world.log.iter();
        let begun = log.any(|entry| entry.is_event("PlaybackStarted"));
        begun.then_some(())
    };
    program.fake.until("the message", begun).await;
    send_signal("STOP", &child);
    // Another program's drop takes longer than the message would.
    let other = ["drop", "+12025550102", "--message", "./message.wav"];
    let later = program.run(&other).await;
    assert_eq!(later.status, Some(1), "{later:?}");
    let later = program.run(&other).await;
    assert_eq!(later.status, Some(1), "{later:?}");
    send_signal("CONT", &child);
    let ended = wait(child).await;
    assert_eq!(
        ended.outcome(),
        "cut_off",
        "{ended:?}\n{}",
        program.fake.ladder()
    );
}
