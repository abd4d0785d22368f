//! One controller an app on a PBX, wherever the controllers run, and what a PBX keeps of one that died.

use std::{sync::Arc, time::Duration};

use aftertone::{
    clock,
    controller::{Controller, ControllerError, Ended, Selection},
    runtime::SessionError,
};
use tokio::time::timeout;

use super::{
    slow,
    stage::{Stage, end_of},
};
use crate::{
    desk::{send_signal, wait},
    fake::{
        World,
        fault::{Fault, Kind, Rule},
        script::Script,
    },
};

const APP: &str = "aftertone-aftertone";

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_finds_the_app_taken_does_not_take_it() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 4");
    stage.campaign("spring", 12).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    stage.until_dialled(2).await;
    // Another user of the same machine, or of another: no lock file is shared.
    let words = taken(open_elsewhere(&stage, "elsewhere").await);
    for part in [
        "the app `aftertone-aftertone` of the PBX at http://",
        "is taken, by instance `aftertone` on the host `",
        "`, since 20",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    stage.assert_each(12, "delivered").await;
    // What ended in order is not waited for.
    let began = clock::now();
    let next = open_elsewhere(&stage, "elsewhere").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
    next.orders().finish();
    next.run().await.unwrap();
    assert_eq!(events_opened(&stage), 2, "{}", stage.desk.fake.ladder());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_its_own_is_an_app_of_its_own() {
    let stage = Stage::new(slow()).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let other = stage.open_as(Selection::All, |config| {
        config.instance = "other".to_owned()
    });
    let other = other.await.unwrap();
    let apps = stage.desk.fake.with(|world| world.active_apps());
    assert_eq!(apps, [APP, "aftertone-other"]);
    for controller in [controller, other] {
        controller.orders().finish();
        controller.run().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_start_at_the_same_moment_one_wins() {
    // The PBX answers one at once and the other late, or both late, or later than counts.
    for slow in [
        &[][..],
        &[0, 200],
        &[200, 0],
        &[300, 300],
        &[0, 900],
        &[900, 0],
        &[900, 900],
    ] {
        let stage = Stage::new(Script::mailbox()).await;
        stage.desk.fake.with(|world| {
            for &millis in slow {
                let fault = Fault::Slow(Duration::from_millis(millis));
                world.rules.push(Rule::once(Kind::SetGlobal, fault));
            }
        });
        let both = async {
            tokio::join!(
                open_elsewhere(&stage, "one"),
                open_elsewhere(&stage, "other"),
            )
        };
        let (one, other) = timeout(Duration::from_secs(40), both).await.unwrap();
        let won = [&one, &other].into_iter().filter(|each| each.is_ok());
        assert_eq!(won.count(), 1, "{slow:?}: {}", stage.desk.fake.ladder());
        assert_eq!(events_opened(&stage), 1, "{slow:?}");
        for opened in [one, other] {
            match opened {
                Ok(controller) => {
                    controller.orders().finish();
                    controller.run().await.unwrap();
                }
                failed => assert!(!taken(failed).is_empty()),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_was_killed_keeps_the_next_one_out_for_some_seconds() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 2");
    stage.campaign("spring", 4).await;
    let child = stage.spawn(&["--every", "1s"]);
    stage.until_dialled(1).await;
    send_signal("KILL", &child);
    wait(child).await;
    let began = clock::now();
    let controller = open_elsewhere(&stage, "elsewhere").await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    controller.orders().finish();
    controller.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_one_on_the_same_machine_knows_that_it_was_killed_and_does_not_wait() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 2");
    stage.campaign("spring", 4).await;
    let child = stage.spawn(&["--every", "1s"]);
    stage.until_dialled(1).await;
    send_signal("KILL", &child);
    wait(child).await;
    let before = stage.requests(Kind::GetGlobal);
    let controller = stage.open(Selection::All).await.unwrap();
    // It looks, once more before it writes, and once it has written.
    assert_eq!(stage.requests(Kind::GetGlobal) - before, 3);
    controller.orders().finish();
    controller.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_knows_no_lease_is_not_thrown_out_either() {
    let stage = Stage::new(Script::mailbox()).await;
    let sink = Arc::default();
    stage.desk.fake.with(|world| world.connected(APP, &sink));
    let words = taken(open_elsewhere(&stage, "elsewhere").await);
    assert!(
        words.contains("by a program that keeps no lease"),
        "{words}"
    );
    assert_eq!(events_opened(&stage), 0);
    stage.desk.fake.with(|world| world.disconnected(APP, &sink));
    let controller = open_elsewhere(&stage, "elsewhere").await.unwrap();
    controller.orders().finish();
    controller.run().await.unwrap();
}

/// A channel that the PBX does not end keeps nobody from calling the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_ended_is_told_and_the_others_are_called() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 1");
    stage.campaign("spring", 3).await;
    let child = stage.spawn(&["--every", "1s"]);
    let up = |world: &mut World| {
        let playing = world.log.iter().any(|e| e.is_event("PlaybackStarted"));
        playing.then(|| world.channels.keys().cloned().collect::<Vec<_>>())
    };
    let up = stage.desk.fake.until("a playback", up).await;
    send_signal("KILL", &child);
    wait(child).await;
    let ghost = up.into_iter().find(|id| id.ends_with("-drop")).unwrap();
    stage.desk.fake.with(|world| {
        world.ghosts.insert(ghost.clone());
    });
    let run = stage.desk.run(&["campaign", "run", "spring"]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let told = "the PBX does not end the calls of 1 of the drops whose controllers died";
    assert!(
        run.stderr.contains(told) || run.stdout.contains(told),
        "{run:?}"
    );
    let tally = stage.tally("spring").await;
    let told: Vec<_> = tally.outcomes.iter().map(|(o, n)| (o.slug(), *n)).collect();
    assert_eq!(told, [("delivered", 2), ("lost", 1)]);
    stage.assert_nobody_twice();
    let left: Vec<_> = stage
        .desk
        .fake
        .with(|world| world.channels.keys().cloned().collect());
    assert_eq!(left, [ghost]);
}

/// A controller that shares nothing with another but the PBX and the store.
async fn open_elsewhere(stage: &Stage, folder: &str) -> Result<Controller, ControllerError> {
    let state = stage.desk.path(folder);
    let opened = stage.open_as(Selection::All, |config| config.state_dir = state);
    opened.await
}

/// What is told where the app is taken.
fn taken(opened: Result<Controller, ControllerError>) -> String {
    let Err(error) = opened else {
        panic!("it took the app");
    };
    assert!(
        matches!(
            &error,
            ControllerError::Session(SessionError::Taken { app, .. }) if app == APP
        ),
        "{error:?}"
    );
    assert!(!error.is_away());
    assert!(error.hint().unwrap().contains("`instance`"), "{error:?}");
    error.to_string()
}

fn events_opened(stage: &Stage) -> usize {
    stage.requests(Kind::Events)
}
