//! A far end that puts the call on hold: what we say does not arrive.

use super::*;

#[tokio::test]
async fn a_mailbox_that_is_held_when_it_records_is_not_ready_until_it_is_taken_back() {
    let program = listening(mailbox()).await;
    program.set("ready_timeout", "20s");
    program.set("screening_timeout", "20s");
    let child = listening_program(&program).spawn().unwrap();
    until_heard(&program, |heard| heard.connections == 1).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Hold));
    // All of the greeting, its beep, and a second after it.
    let heard = until_heard(&program, |heard| heard.brought >= Duration::from_secs(6)).await;
    assert!(heard.message.is_empty(), "it spoke to a line on hold");
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    assert_delivered(&program, "held at the ready point", &ended);
    let json = ended.json();
    assert_eq!(json["proof"], "probable", "{json:#}");
    assert!(
        json["proof_reasons"].to_string().contains("held"),
        "{json:#}"
    );
}

#[tokio::test]
async fn a_message_that_is_held_starts_again_when_the_line_is_taken_back() {
    let program = listening(mailbox()).await;
    program.set("ready_timeout", "20s");
    let child = listening_program(&program).spawn().unwrap();
    until_spoken(&program, Duration::from_millis(400)).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Hold));
    let before = heard(&program).silence;
    let held = until_heard(&program, |heard| heard.silence > before + 4).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    program.assert_clean("held in the message", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["restarts"], 1, "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
    let mut again = heard(&program);
    again.message.drain(..held.message.len());
    assert!(is_whole(&again), "{:?} came after the hold", again.spoken());
}

#[tokio::test]
async fn a_line_that_stays_on_hold_is_let_go() {
    let program = listening(mailbox()).await;
    program.set("ready_timeout", "2s");
    let child = listening_program(&program).spawn().unwrap();
    until_spoken(&program, Duration::from_millis(400)).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Hold));
    let ended = wait(child).await;
    program.assert_clean("held for good", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "cut_off", "{json:#}");
    assert_eq!(json["words"], "the far end holds the call", "{json:#}");
    let spoken = heard(&program).spoken();
    assert!(spoken < MESSAGE, "{spoken:?}");
}

/// It is the PBX that plays: it says that the line is held, too.
#[tokio::test]
async fn a_line_that_is_held_while_the_pbx_plays_is_played_to_again() {
    let mut script = Script::mailbox();
    script.0[1] = Call {
        playback: crate::fake::script::Playback::Whole(Duration::from_secs(3)),
        ..Call::mailbox()
    };
    let program = Program::new(pbx(script)).await;
    let child = program.command(&["drop", NUMBER, "--message", "sound:hello-world", "--json"]);
    let child = { child }.spawn().unwrap();
    let playing = |world: &mut World| (carried_out_plays(world) == 1).then_some(());
    program.fake.until("the playback", playing).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Hold));
    let stopped = |world: &mut World| (count(world, Kind::StopPlay, None) == 1).then_some(());
    program.fake.until("the stop", stopped).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    let json = ended.json();
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{json:#}\n{}",
        program.fake.ladder()
    );
    assert_eq!(json["restarts"], 1, "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
}
