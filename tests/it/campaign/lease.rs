//! One controller an app on a PBX, wherever the controllers run, and what a PBX keeps of one that died.

use std::{sync::Arc, time::Duration};

use aftertone::{
    clock,
    controller::{Controller, ControllerError, Ended, Selection},
    runtime::SessionError,
};
use tokio::time::timeout;

use super::{
    campaign_fixture::{CampaignFixture, end_of},
    slow,
};
use crate::{
    fake::{
        World,
        fault::{Fault, Kind, Rule},
        script::Script,
    },
    program::{send_signal, wait},
};

const APP: &str = "aftertone-aftertone";

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_finds_the_app_taken_does_not_take_it() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 4");
    fixture.campaign("spring", 12).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(2).await;
    // Another user of the same machine, or of another: no lock file is shared.
    let words = taken(open_elsewhere(&fixture, "elsewhere").await);
    for part in [
        "the app `aftertone-aftertone` of the PBX at http://",
        "is taken, by instance `aftertone` on the host `",
        "`, since 20",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(12, "delivered").await;
    // What ended in order is not waited for.
    let began = clock::now();
    let next = open_elsewhere(&fixture, "elsewhere").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
    next.orders().finish();
    next.run().await.unwrap();
    assert_eq!(
        events_opened(&fixture),
        2,
        "{}",
        fixture.program.fake.ladder()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_its_own_is_an_app_of_its_own() {
    let fixture = CampaignFixture::new(slow()).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let other = fixture.open_as(Selection::All, |config| {
        config.instance = "other".to_owned()
    });
    let other = other.await.unwrap();
    let apps = fixture.program.fake.with(|world| world.active_apps());
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
        let fixture = CampaignFixture::new(Script::mailbox()).await;
        fixture.program.fake.with(|world| {
            for &millis in slow {
                let fault = Fault::Slow(Duration::from_millis(millis));
                world.rules.push(Rule::once(Kind::SetGlobal, fault));
            }
        });
        let both = async {
            tokio::join!(
                open_elsewhere(&fixture, "one"),
                open_elsewhere(&fixture, "other"),
            )
        };
        let (one, other) = timeout(Duration::from_secs(40), both).await.unwrap();
        let won = [&one, &other].into_iter().filter(|each| each.is_ok());
        assert_eq!(
            won.count(),
            1,
            "{slow:?}: {}",
            fixture.program.fake.ladder()
        );
        assert_eq!(events_opened(&fixture), 1, "{slow:?}");
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
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 2");
    fixture.campaign("spring", 4).await;
    let child = fixture.spawn(&["--every", "1s"]);
    fixture.until_dialled(1).await;
    send_signal("KILL", &child);
    wait(child).await;
    let began = clock::now();
    let controller = open_elsewhere(&fixture, "elsewhere").await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    controller.orders().finish();
    controller.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_one_on_the_same_machine_knows_that_it_was_killed_and_does_not_wait() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 2");
    fixture.campaign("spring", 4).await;
    let child = fixture.spawn(&["--every", "1s"]);
    fixture.until_dialled(1).await;
    send_signal("KILL", &child);
    wait(child).await;
    let before = fixture.requests(Kind::GetGlobal);
    let controller = fixture.open(Selection::All).await.unwrap();
    // It reads which PBX that is; then it looks, once more before it writes, and once it has written.
    assert_eq!(fixture.requests(Kind::GetGlobal) - before, 4);
    controller.orders().finish();
    controller.run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_knows_no_lease_is_not_thrown_out_either() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let sink = Arc::default();
    fixture
        .program
        .fake
        .with(|world| world.connected(APP, &sink));
    let words = taken(open_elsewhere(&fixture, "elsewhere").await);
    assert!(
        words.contains("by a program that keeps no lease"),
        "{words}"
    );
    assert_eq!(events_opened(&fixture), 0);
    fixture
        .program
        .fake
        .with(|world| world.disconnected(APP, &sink));
    let controller = open_elsewhere(&fixture, "elsewhere").await.unwrap();
    controller.orders().finish();
    controller.run().await.unwrap();
}

/// A channel that the PBX does not end does not keep the others from being called.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_ended_is_reported_and_the_others_are_called() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 1");
    fixture.campaign("spring", 3).await;
    let child = fixture.spawn(&["--every", "1s"]);
    let up = |world: &mut World| {
        let playing = world.log.iter().any(|e| e.is_event("PlaybackStarted"));
        playing.then(|| world.channels.keys().cloned().collect::<Vec<_>>())
    };
    let up = fixture.program.fake.until("a playback", up).await;
    send_signal("KILL", &child);
    wait(child).await;
    let ghost = up.into_iter().find(|id| id.ends_with("-drop")).unwrap();
    fixture.program.fake.with(|world| {
        world.ghosts.insert(ghost.clone());
    });
    let run = fixture.program.run(&["campaign", "run", "spring"]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let told = "the PBX does not end the calls of 1 of the drops whose controllers died";
    assert!(
        run.stderr.contains(told) || run.stdout.contains(told),
        "{run:?}"
    );
    let tally = fixture.tally("spring").await;
    let told: Vec<_> = tally.outcomes.iter().map(|(o, n)| (o.slug(), *n)).collect();
    assert_eq!(told, [("delivered", 2), ("lost", 1)]);
    fixture.assert_no_contact_twice();
    let left: Vec<_> = fixture
        .program
        .fake
        .with(|world| world.channels.keys().cloned().collect());
    assert_eq!(left, [ghost]);
}

/// A controller that shares nothing with another but the PBX and the store.
async fn open_elsewhere(
    fixture: &CampaignFixture,
    folder: &str,
) -> Result<Controller, ControllerError> {
    let state = fixture.program.path(folder);
    let opened = fixture.open_as(Selection::All, |config| config.state_dir = state);
    opened.await
}

/// What is said if the app is taken.
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

fn events_opened(fixture: &CampaignFixture) -> usize {
    fixture.requests(Kind::Events)
}
