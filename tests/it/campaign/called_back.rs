//! Somebody whom a campaign calls at this moment calls back, and wants no more calls.

use std::sync::Arc;

use aftertone::{
    config::Config,
    controller::{Ended, Selection, incoming::IncomingCalls},
    words::Leg,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::campaign_fixture::{CampaignFixture, end_of, number};
use crate::{
    api::callbacks::{calls_back, configure, dialled, played, record_prompts},
    fake::{World, fault::Kind, script::Script},
    program::count,
};

/// The call that comes in.
const CHANNEL: &str = "1700000000.7";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opts_out_while_they_are_called_is_called_no_more() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let (program, fake) = (&fixture.program, &fixture.program.fake);
    program.set("lead", "15s");
    configure(program);
    record_prompts(program).await;
    // Its own prompt was removed: the usual one is played.
    let id = fixture
        .campaign_with("spring", 0, |spec| {
            spec.callback_prompts.campaign = Some("removed-since".to_owned());
        })
        .await;
    fixture.add(id, "list", 0..1).await;
    let config = Config::load(Some(&program.path("aftertone.toml"))).unwrap();
    let (_config, seen) = watch::channel(Arc::new(config));
    let stopping = CancellationToken::new();
    let (_calls, taking) = IncomingCalls::begin(
        fixture.store.clone(),
        seen,
        stopping.clone(),
        CancellationToken::new(),
    );
    let has_app =
        |world: &mut World| (world.active_apps().contains(&"aftertone".to_owned())).then_some(());
    fake.until("its app", has_app).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    let rings =
        |world: &mut World| (count(world, Kind::Originate, Some(Leg::Busy)) == 1).then_some(());
    fake.until("the first call", rings).await;
    let caller = format!("+{}", number(0).digits());
    fake.with(|world| calls_back(world, CHANNEL, &caller));
    fake.until("the usual prompt", |world| played(world, CHANNEL, "menu"))
        .await;
    fake.with(|world| world.presses(CHANNEL, '9'));
    let removed = fake
        .until("the confirmation", |world| {
            played(world, CHANNEL, "removed")
        })
        .await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    let all = fake.with(|world| dialled(world));
    assert_eq!(all.len(), 1, "{}", fake.ladder());
    assert!(all[0] < removed);
    // Once whoever has called back has heard it, too.
    stopping.cancel();
    taking.await.unwrap();
    fixture.assert_each(1, "cancelled").await;
}
