//! Several PBXes before one database: limits over all of them, and one that does not come back.

use std::time::Duration;

use aftertone::{
    campaign::{
        budget::{BudgetLimits, Share},
        engine::StopOn,
        pace::Rate,
    },
    config::Config,
    controller::{ControllerError, Ended, Selection},
    drop::Outcome,
    orders::View,
    store::{ErrorClass, Status},
};
use sqlx::Connection as _;

use super::{
    campaign_fixture::{CampaignFixture, end_of},
    slow,
};
use crate::{
    fake::{
        World,
        fault::Kind,
        script::{Playback, Script},
    },
    program::{send_signal, wait},
};

/// A configuration of another instance on the same trunk.
fn second(config: &mut Config) {
    config.instance = "second".to_owned();
    shared(config);
}

fn shared(config: &mut Config) {
    config.trunk_name = Some("carrier".to_owned());
    config.trunk.rate = Rate::new(2, Duration::from_secs(1)).unwrap();
}

async fn execute(fixture: &CampaignFixture, sql: &'static str) {
    let path = fixture.program.path("aftertone.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pbxes_of_one_instance_are_refused_and_one_that_is_replaced_is_not() {
    let (here, there) = (fixture().await, fixture().await);
    here.campaign("spring", 12).await;
    let controller = here.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    here.until_dialled(2).await;
    let refused = there.open_with(&here.store, Selection::All, |_| ()).await;
    let Err(ControllerError::Store(error)) = refused else {
        panic!("{:?}", refused.map(|_| ()));
    };
    assert_eq!(error.class, ErrorClass::Refused);
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("`instance`") && hint.contains("fleet forget"),
        "{hint}"
    );
    // A single drop would have been taken for one of the other PBX, too.
    let list = format!("sqlite:{}", here.program.path("aftertone.db").display());
    let dropped = there
        .program
        .run_with(
            &["drop", "+12025550177", "--message", "sound:hello-world"],
            &[("AFTERTONE__STORE__URL", &list)],
        )
        .await;
    assert_eq!(dropped.status, Some(2), "{dropped:?}");
    assert!(
        dropped
            .stderr
            .contains("the instance `aftertone` is the PBX "),
        "{dropped:?}"
    );
    assert_eq!(there.requests(Kind::Originate), 0);
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    here.assert_each(12, "delivered").await;
    // Nothing of the first is left.
    let replaced = there.open_with(&here.store, Selection::All, |_| ()).await;
    replaced.unwrap().run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pbx_behind_two_ports_is_one() {
    let here = fixture().await;
    here.campaign("spring", 12).await;
    let controller = here.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    here.until_dialled(2).await;
    let registered = here.store.known_pbx("aftertone").await.unwrap();
    assert!(registered.as_ref().unwrap().1.is_some(), "{registered:?}");
    let proxy = proxy(&here.program.fake.url()).await;
    let dropped = here
        .program
        .run_with(
            &["drop", "+12025550177", "--message", "sound:hello-world"],
            &[("AFTERTONE__PBX__URL", &proxy)],
        )
        .await;
    assert_eq!(dropped.status, Some(0), "{dropped:?}");
    let after = here.store.known_pbx("aftertone").await.unwrap();
    assert_eq!(after, registered, "it is the PBX that it was");
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
}

/// Another port of a server on this machine.
async fn proxy(url: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let address = address.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(address).await.unwrap();
                // Whichever side ends it.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_each_would_keep_alone_stops_both() {
    let (here, there) = (fixture().await, fixture().await);
    here.campaign("first", 24).await;
    here.campaign("second", 24).await;
    let limits = |config: &mut Config| {
        config.trunk.limits = BudgetLimits {
            cancelled: Some(Share::percent(20)),
            at_least: 50,
            ..BudgetLimits::default()
        };
    };
    let named = |name: &str| Selection::Names(vec![name.to_owned()]);
    let first = here.open_as(named("first"), |config| {
        shared(config);
        limits(config);
    });
    let other = there.open_with(&here.store, named("second"), |config| {
        second(config);
        limits(config);
    });
    let controllers = [first.await.unwrap(), other.await.unwrap()];
    let views = controllers.each_ref().map(|controller| controller.watch());
    let orders = controllers.each_ref().map(|controller| controller.orders());
    let running = controllers.map(|controller| tokio::spawn(controller.run()));
    for mut view in views {
        let waits = |view: &View| {
            let idle = view.campaigns.first().and_then(|campaign| campaign.idle());
            idle.is_some_and(|(slug, _)| slug == "trunk_budget")
        };
        here.until_view(&mut view, waits).await;
    }
    for orders in orders {
        orders.finish();
    }
    for running in running {
        assert_eq!(end_of(running).await.unwrap(), Ended::Drained);
    }
    // Each alone would have come to its end: 48 calls are not judged.
    let calls = here.requests(Kind::Originate) + there.requests(Kind::Originate);
    assert!((50..96).contains(&calls), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_stops_by_the_errors_of_both_controllers() {
    let (here, there) = (fixture().await, fixture().await);
    for fixture in [&here, &there] {
        for ending in 0..10 {
            fixture.script(&ending.to_string(), Script::refusing(34, 503));
        }
    }
    let failing = |spec: &mut aftertone::orders::Spec| {
        spec.stop_on = Some(StopOn {
            share: Share::percent(50),
            window: Duration::from_secs(600),
            at_least: 36,
        });
    };
    here.campaign_with("spring", 64, failing).await;
    let one = here.open_as(Selection::All, shared).await.unwrap();
    let other = there
        .open_with(&here.store, Selection::All, second)
        .await
        .unwrap();
    let orders = [one.orders(), other.orders()];
    let mut views = [one.watch(), other.watch()];
    let running = [tokio::spawn(one.run()), tokio::spawn(other.run())];
    for view in &mut views {
        let stopped = |view: &View| {
            let idle = view.campaigns.first().and_then(|campaign| campaign.idle());
            idle.is_some_and(|(slug, _)| slug == "paused")
        };
        here.until_view(view, stopped).await;
    }
    for orders in orders {
        orders.finish();
    }
    for running in running {
        end_of(running).await.unwrap();
    }
    let row = here.store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Paused);
    let tally = here.tally("spring").await;
    let failed = tally.outcomes.values().sum::<u64>();
    assert!((36..64).contains(&failed), "{tally:?}");
}

/// A program that is killed in mid-drop, and whose PBX does not come back.
async fn killed() -> CampaignFixture {
    let fixture = CampaignFixture::new(slow().playing(Playback::Endless)).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 2");
    fixture.campaign("spring", 6).await;
    let child = fixture.spawn(&["--every", "1s"]);
    let playing = |world: &mut World| {
        let playing = world.log.iter().filter(|e| e.is_event("PlaybackStarted"));
        (playing.count() >= 2).then_some(())
    };
    fixture.program.fake.until("two playbacks", playing).await;
    send_signal("KILL", &child);
    wait(child).await;
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_does_not_come_back_does_not_keep_a_campaign_from_its_end() {
    let (here, there) = (killed().await, fixture().await);
    execute(
        &here,
        "UPDATE controllers SET lease_ends = lease_ends - 3600000000",
    )
    .await;
    let controller = there.open_with(&here.store, Selection::All, |config| {
        second(config);
        config.trunk.rate = Rate::new(20, Duration::from_secs(1)).unwrap();
    });
    let controller = controller.await.unwrap();
    let running = tokio::spawn(controller.run());
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    let tally = here.tally("spring").await;
    let outcomes: Vec<_> = tally.outcomes.iter().map(|(o, n)| (o.slug(), *n)).collect();
    assert_eq!(outcomes, [("delivered", 4), ("lost", 2)]);
    // Each of the four was called there, and nobody in both places.
    assert_eq!(there.requests(Kind::Originate), 8);
    there.assert_no_contact_twice();
    let path = here.program.path("aftertone.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    let reports: Vec<(String,)> = sqlx::query_as("SELECT report FROM drops WHERE outcome = 'lost'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for (report,) in reports {
        assert!(
            report.contains("the PBX `aftertone` did not come back for 10m"),
            "{report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_is_said_once_nothing_is_in_flight_and_forget_settles_what_is_left() {
    let here = killed().await;
    let run = async |arguments: &[&str]| here.program.run(arguments).await;
    let cancelled = run(&["campaign", "cancel", "spring", "--json"]).await;
    assert_eq!(cancelled.json()["standing"], "cancelling", "{cancelled:?}");
    assert_eq!(cancelled.json()["in_flight"], 2, "{cancelled:?}");
    let alive = run(&["fleet", "forget", "aftertone"]).await;
    assert_eq!(alive.status, Some(2), "{alive:?}");
    assert!(alive.stderr.contains("is alive"), "{alive:?}");
    execute(
        &here,
        "UPDATE controllers SET lease_ends = lease_ends - 60000000",
    )
    .await;
    let cancelled = run(&["campaign", "cancel", "spring"]).await;
    assert_eq!(
        cancelled.stdout, "spring: cancelling, 2 drops in flight\n",
        "{cancelled:?}"
    );
    assert!(
        cancelled
            .stderr
            .contains("`aftertone fleet forget aftertone` at once"),
        "{cancelled:?}"
    );
    let listed = run(&["fleet", "list", "--json"]).await.json();
    let pbx = &listed["pbxes"][0];
    assert_eq!(
        (&pbx["name"], &pbx["in_flight"]),
        (&"aftertone".into(), &2.into()),
        "{listed}"
    );
    assert_eq!(pbx["controllers"][0]["alive"], false, "{listed}");
    assert_eq!(run(&["fleet", "forget", "nowhere"]).await.status, Some(2));
    let forgotten = run(&[
        "fleet",
        "forget",
        "aftertone",
        "--because",
        "the host burnt",
    ])
    .await;
    assert_eq!(forgotten.status, Some(0), "{forgotten:?}");
    assert!(
        forgotten.stdout.contains("2 drops settled as lost"),
        "{forgotten:?}"
    );
    let row = here.store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Cancelled);
    assert_eq!(here.tally("spring").await.outcomes[&Outcome::Lost], 2);
    assert_eq!(
        run(&["fleet", "list"]).await.stdout,
        "no controller has used this database yet\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_is_settled_by_the_command_that_cancels() {
    let here = killed().await;
    execute(
        &here,
        "UPDATE controllers SET lease_ends = lease_ends - 3600000000",
    )
    .await;
    let cancelled = here.program.run(&["campaign", "cancel", "spring"]).await;
    assert_eq!(cancelled.stdout, "spring: cancelled\n", "{cancelled:?}");
    let row = here.store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_cancels_waits_for_the_drops_that_others_have_in_flight() {
    let (here, there) = (killed().await, fixture().await);
    let cancelled = here.program.run(&["campaign", "cancel", "spring"]).await;
    assert!(
        cancelled.stdout.starts_with("spring: cancelling"),
        "{cancelled:?}"
    );
    let controller = there.open_with(&here.store, Selection::All, second).await;
    let mut controller = controller.unwrap();
    let (mut view, mut notes) = (controller.watch(), controller.notes());
    let running = tokio::spawn(controller.run());
    let waits = |view: &View| {
        let campaign = view.campaigns.first();
        campaign.is_some_and(|campaign| {
            let words = campaign.idle().map(|(_, words)| words.to_owned());
            campaign.standing == "cancelling"
                && words.is_some_and(|words| words.contains("other controllers"))
        })
    };
    here.until_view(&mut view, waits).await;
    execute(
        &here,
        "UPDATE controllers SET lease_ends = lease_ends - 3600000000 WHERE pbx = 'aftertone'",
    )
    .await;
    let settled = here.program.run(&["campaign", "cancel", "spring"]).await;
    assert_eq!(settled.stdout, "spring: cancelled\n", "{settled:?}");
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    let mut said = Vec::new();
    while let Ok(note) = notes.try_recv() {
        said.push(note.words);
    }
    assert_eq!(
        said.last().map(String::as_str),
        Some("cancelled"),
        "{said:?}"
    );
    assert_eq!(
        said.iter().filter(|words| *words == "cancelled").count(),
        1,
        "{said:?}"
    );
    assert_eq!(there.requests(Kind::Originate), 0);
}

/// The same PBX by another name: what a run left there is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_is_swept_by_whatever_name_its_pbx_is_called() {
    let here = killed().await;
    let up = |world: &mut World| world.channels.len();
    assert_eq!(here.program.fake.with(up), 2);
    let url = here.program.fake.url();
    let localhost = url.replace("127.0.0.1", "localhost");
    let number = [
        "drop",
        "+12025550177",
        "--message",
        "sound:hello-world",
        "--json",
    ];
    // Another instance, with a database of its own: only the locks of runs show what is left.
    let database = format!("sqlite:{}", here.program.path("other.db").display());
    let given = [
        ("AFTERTONE__PBX__URL", localhost.as_str()),
        ("AFTERTONE__INSTANCE", "other"),
        ("AFTERTONE__STORE__URL", database.as_str()),
    ];
    here.script("0177", Script::mailbox());
    let dropped = here.program.run_with(&number, &given).await;
    assert_eq!(dropped.outcome(), "delivered", "{dropped:?}");
    assert_eq!(
        here.program.fake.with(up),
        0,
        "{}",
        here.program.fake.ladder()
    );
}

/// Another PBX at the same address, as in another network namespace, does not take a run's lock away.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_of_another_pbx_leaves_a_dead_run_to_its_own() {
    let (here, there) = (killed().await, fixture().await);
    let state = here.program.path("state");
    let locks = || {
        let folders = std::fs::read_dir(state.join("runs")).unwrap();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        files.count()
    };
    assert_eq!(locks(), 1);
    let number = [
        "drop",
        "+12025550177",
        "--message",
        "sound:hello-world",
        "--json",
    ];
    let given = [("AFTERTONE__STATE_DIR", state.to_str().unwrap())];
    let dropped = there.program.run_with(&number, &given).await;
    assert_eq!(dropped.outcome(), "delivered", "{dropped:?}");
    assert_eq!(locks(), 1);
    let up = here.program.fake.with(|world| world.channels.len());
    assert_eq!(up, 2);
}

async fn fixture() -> CampaignFixture {
    CampaignFixture::new(slow()).await
}
