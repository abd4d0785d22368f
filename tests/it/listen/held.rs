//! A far end that puts the call on hold: what we say does not arrive.

use super::*;

#[tokio::test]
async fn a_mailbox_that_is_held_when_it_records_is_not_ready_until_it_is_taken_back() {
    let desk = listening(mailbox()).await;
    desk.set("ready_timeout", "20s");
    desk.set("screening_timeout", "20s");
    let child = program(&desk).spawn().unwrap();
    until_heard(&desk, |heard| heard.connections == 1).await;
    desk.fake.with(|world| world.far_end(Leg::Drop, Far::Hold));
    // All of the greeting, its beep, and a second after it.
    let heard = until_heard(&desk, |heard| heard.brought >= Duration::from_secs(6)).await;
    assert!(heard.message.is_empty(), "it spoke to a line on hold");
    desk.fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    assert_delivered(&desk, "held at the ready point", &ended);
    let json = ended.json();
    assert_eq!(json["proof"], "probable", "{json:#}");
    assert!(
        json["proof_reasons"].to_string().contains("held"),
        "{json:#}"
    );
}

#[tokio::test]
async fn a_message_that_is_held_starts_again_when_the_line_is_taken_back() {
    let desk = listening(mailbox()).await;
    desk.set("ready_timeout", "20s");
    let child = program(&desk).spawn().unwrap();
    until_spoken(&desk, Duration::from_millis(400)).await;
    desk.fake.with(|world| world.far_end(Leg::Drop, Far::Hold));
    let before = heard(&desk).silence;
    let held = until_heard(&desk, |heard| heard.silence > before + 4).await;
    desk.fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    desk.assert_clean("held in the message", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    assert_eq!(json["restarts"], 1, "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
    let mut again = heard(&desk);
    again.message.drain(..held.message.len());
    assert!(is_whole(&again), "{:?} came after the hold", again.spoken());
}

#[tokio::test]
async fn a_line_that_stays_on_hold_is_let_go() {
    let desk = listening(mailbox()).await;
    desk.set("ready_timeout", "2s");
    let child = program(&desk).spawn().unwrap();
    until_spoken(&desk, Duration::from_millis(400)).await;
    desk.fake.with(|world| world.far_end(Leg::Drop, Far::Hold));
    let ended = wait(child).await;
    desk.assert_clean("held for good", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "cut_off", "{json:#}");
    assert_eq!(json["words"], "the far end holds the call", "{json:#}");
    let spoken = heard(&desk).spoken();
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
    let desk = Desk::new(pbx(script)).await;
    let child = desk.command(&["drop", NUMBER, "--message", "sound:hello-world", "--json"]);
    let child = { child }.spawn().unwrap();
    let playing = |world: &mut World| (carried_out_plays(world) == 1).then_some(());
    desk.fake.until("the playback", playing).await;
    desk.fake.with(|world| world.far_end(Leg::Drop, Far::Hold));
    let stopped = |world: &mut World| (count(world, Kind::StopPlay, None) == 1).then_some(());
    desk.fake.until("the stop", stopped).await;
    desk.fake
        .with(|world| world.far_end(Leg::Drop, Far::Unhold));
    let ended = wait(child).await;
    let json = ended.json();
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{json:#}\n{}",
        desk.fake.ladder()
    );
    assert_eq!(json["restarts"], 1, "{json:#}");
    assert_eq!(json["proof"], "probable", "{json:#}");
}
