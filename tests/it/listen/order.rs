//! A PBX that answers slowly gets the commands about a leg in their order; what stops or ends overtakes.

use tokio::time::Instant;

use super::*;
use crate::fake::{
    fault::{Fault, Opening, Rule},
    log::What,
};

#[tokio::test]
async fn commands_about_a_leg_come_one_after_the_other() {
    use Kind::{Continue, Play, SetVariable};
    // With the last one, the call is back from a connection that failed before the PBX has answered that it goes on.
    for delay in [30, 60, 120, 400] {
        let delay = Duration::from_millis(delay);
        let kinds = [Continue, SetVariable, Play];
        let rules = kinds.map(|kind| Rule::always(kind, Fault::Slow(delay)));
        let program = Program::with_rules(pbx(mailbox()), rules.into()).await;
        program
            .fake
            .with(|world| world.audio.opening = Opening::Missing);
        let ended = program.drop(&["--mode", "listen"]).await;
        program.assert_clean("slow", &ended);
        assert_eq!(
            ended.outcome(),
            "delivered",
            "{ended:?}\n{}",
            program.fake.ladder()
        );
        let asked = program.fake.with(|world| asked(world, &kinds));
        let order: Vec<Kind> = asked.iter().map(|&(kind, _)| kind).collect();
        let wanted = [Continue, SetVariable, Continue, SetVariable, Play];
        assert_eq!(order, wanted, "{}", program.fake.ladder());
        for pair in asked.windows(2) {
            let apart = pair[1].1.duration_since(pair[0].1);
            assert!(
                apart >= delay,
                "{apart:?} after the one before\n{}",
                program.fake.ladder()
            );
        }
    }
}

/// Each is carried out only some time after it came, and no two of them take the same time.
#[tokio::test]
async fn a_call_that_is_listened_to_is_carried_through_a_slow_pbx() {
    for delay in [30, 60, 120] {
        let late = |kind| Rule::always(kind, Fault::Late(Duration::from_millis(delay)));
        let kinds = [
            Kind::Originate,
            Kind::Continue,
            Kind::SetVariable,
            Kind::HangUp,
        ];
        let program = listening(mailbox()).await;
        program
            .fake
            .with(|world| world.rules = kinds.map(late).into());
        let ended = run(&program).await;
        assert_delivered(&program, &format!("{delay} ms late"), &ended);
    }
}

#[tokio::test]
async fn a_hang_up_does_not_wait_for_what_was_asked_before() {
    let slow = Fault::Slow(Duration::from_secs(4));
    let script = Script::mailbox().found("HUMAN", "HUMAN-803-800");
    let rule = Rule::always(Kind::Continue, slow);
    let program = Program::with_rules(pbx(script), vec![rule]).await;
    let ended = program.drop(&[]).await;
    program.assert_clean("a person", &ended);
    assert_eq!(ended.outcome(), "human", "{ended:?}");
    overtakes(&program, Kind::Continue, Kind::HangUp);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_was_asked_before() {
    let slow = Fault::Slow(Duration::from_secs(4));
    let whole = crate::fake::script::Playback::Whole(Duration::from_secs(8));
    let script = Script::mailbox().playing(whole);
    let rule = Rule::always(Kind::Play, slow);
    let program = Program::with_rules(pbx(script), vec![rule]).await;
    let child = program
        .command(&["drop", NUMBER, "--message", "sound:hello-world", "--json"])
        .spawn()
        .unwrap();
    let playing = |world: &mut World| (carried_out_plays(world) == 1).then_some(());
    program.fake.until("the playback", playing).await;
    program
        .fake
        .with(|world| world.far_end(Leg::Drop, Far::Hold));
    let stopped = |world: &mut World| (count(world, Kind::StopPlay, None) == 1).then_some(());
    program.fake.until("the stop", stopped).await;
    send_signal("INT", &child);
    let ended = wait(child).await;
    program.assert_clean("held", &ended);
    overtakes(&program, Kind::Play, Kind::StopPlay);
}

/// The second came well before the first was answered, which took four seconds.
fn overtakes(program: &Program, first: Kind, second: Kind) {
    let asked = program.fake.with(|world| asked(world, &[first, second]));
    let at = |kind| {
        let mut asked = asked.iter();
        asked.rfind(|&&(one, _)| one == kind).unwrap().1
    };
    let apart = at(second).duration_since(at(first));
    assert!(
        apart < Duration::from_secs(3),
        "{apart:?}\n{}",
        program.fake.ladder()
    );
}

/// When requests of these kinds about the drop leg came, in their order.
fn asked(world: &World, kinds: &[Kind]) -> Vec<(Kind, Instant)> {
    let about = |channel: &Option<String>| channel.as_deref().and_then(leg_of) == Some(Leg::Drop);
    let requests = world.log.iter().filter_map(|entry| match &entry.what {
        What::Request { kind, channel, .. } if kinds.contains(kind) && about(channel) => {
            Some((*kind, entry.at))
        }
        What::Request { .. } | What::Event { .. } => None,
    });
    requests.collect()
}
