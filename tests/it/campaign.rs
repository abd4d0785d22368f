//! Campaigns against a fake PBX and a store in SQLite: every contact is called once, whatever goes away or dies.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod called_back;
pub(crate) mod campaign_fixture;
mod fence;
mod files;
mod fleet;
mod lease;
mod retention;
mod trouble;

use std::time::Duration;

use aftertone::{
    campaign::engine::{End, InFlight, Phase},
    controller::{ControllerError, Ended, Selection},
    drop::Outcome,
    orders::{CampaignView, NoteLevel},
    store::{OperatorCommand, Status, Write, Written},
};

use crate::{
    campaign::campaign_fixture::{CampaignFixture, end_of, now, registration},
    fake::{
        fault::Kind,
        script::{Call, Far, Playback, Script},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn every_contact_is_called_once_and_never_faster_than_allowed() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 25\nin_flight = 12");
    fixture.campaign("spring", 30).await;
    let mut controller = fixture.open(Selection::All).await.unwrap();
    let view = controller.watch();
    let mut notes = controller.notes();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    fixture.assert_each(30, "delivered").await;
    fixture.assert_pace(25, Duration::from_secs(1));
    let spring = &view.borrow().campaigns[0];
    assert_eq!(spring.phase(), Some(Phase::Over(End::Complete)));
    assert_eq!(spring.outcomes[&Outcome::Delivered], 30);
    assert_eq!((started(spring), spring.in_flight), (30, 0));
    let said = notes.recv().await.unwrap();
    assert_eq!(said.campaign.as_deref(), Some("spring"));
    assert_eq!(said.level, NoteLevel::Said);
    // Run again it finds no contact left.
    let again = fixture.open(Selection::Names(vec!["spring".into()])).await;
    assert_eq!(again.unwrap().run().await.unwrap(), Ended::Over);
    fixture.assert_each(30, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_share_the_trunk_and_each_keeps_its_outcomes() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.script("7", Script::refusing(17, 486));
    fixture.script("8", Script::mailbox().found("HUMAN", "HUMAN-480-480"));
    fixture.campaign("first", 20).await;
    fixture.campaign("second", 20).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    for name in ["first", "second"] {
        let tally = fixture.tally(name).await;
        let count = |outcome| tally.outcomes.get(&outcome).copied().unwrap_or(0);
        assert_eq!(count(Outcome::Delivered), 16, "{name}: {tally:?}");
        assert_eq!(count(Outcome::Busy), 2, "{name}: {tally:?}");
        assert_eq!(count(Outcome::Human), 2, "{name}: {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_wishes_reach_it_through_the_store() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 5");
    let id = fixture.campaign("spring", 40).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(3).await;
    let pause = OperatorCommand::Pause(InFlight::Finish);
    fixture.store.order(id, pause, now()).await.unwrap();
    let at_rest = |view: &aftertone::orders::View| {
        let spring = &view.campaigns[0];
        matches!(spring.phase(), Some(Phase::Paused(_))) && spring.in_flight == 0
    };
    let seen = fixture.until_view(&mut view, at_rest).await;
    assert_eq!(seen.campaigns[0].idle().unwrap().0, "paused");
    let dialled = fixture.requests(Kind::Originate);
    // It stays so: its next look at the wishes shows nothing else.
    view.changed().await.unwrap();
    view.changed().await.unwrap();
    assert_eq!(fixture.requests(Kind::Originate), dialled);

    fixture
        .store
        .order(id, OperatorCommand::Resume, now())
        .await
        .unwrap();
    fixture.until_dialled(dialled + 4).await;
    let cancel = OperatorCommand::Cancel(InFlight::HangUp);
    fixture.store.order(id, cancel, now()).await.unwrap();
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    let row = fixture.store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Cancelled);
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.in_flight, 0);
    assert!(tally.waiting > 0, "{tally:?}");
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_as_asked_and_resumes_when_it_is_started_again() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 6");
    fixture.campaign("spring", 24).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let orders = controller.orders();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(8).await;
    orders.finish();
    assert_eq!(end_of(running).await.unwrap(), Ended::Drained);
    let tally = fixture.tally("spring").await;
    assert_eq!((tally.in_flight, tally.outcomes.len()), (0, 1), "{tally:?}");
    let delivered = tally.outcomes[&Outcome::Delivered];

    let controller = fixture.open(Selection::All).await.unwrap();
    let orders = controller.orders();
    let running = tokio::spawn(controller.run());
    fixture
        .until_dialled(2 * usize::try_from(delivered).unwrap() + 6)
        .await;
    orders.hang_up();
    assert_eq!(end_of(running).await.unwrap(), Ended::Drained);
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.in_flight, 0);
    assert!(tally.outcomes[&Outcome::Cancelled] > 0, "{tally:?}");

    let controller = fixture.open(Selection::All).await.unwrap();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    fixture.assert_no_contact_twice();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 24, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_and_campaigns_that_are_added_meanwhile_are_called() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 4");
    let id = fixture.campaign("spring", 6).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(2).await;
    fixture.add(id, "more", 100..104).await;
    fixture.campaign_of("autumn", 200..203).await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    assert_eq!(
        fixture.tally("spring").await.outcomes[&Outcome::Delivered],
        10
    );
    assert_eq!(
        fixture.tally("autumn").await.outcomes[&Outcome::Delivered],
        3
    );
    fixture.assert_no_contact_twice();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_controller_is_refused_before_it_takes_the_first_one_s_events() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.campaign("spring", 12).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(2).await;
    let second = fixture.open(Selection::All).await.err().unwrap();
    assert!(matches!(second, ControllerError::App(_)), "{second:?}");
    assert!(second.hint().unwrap().contains("`instance`"));
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(12, "delivered").await;
    // Its lock has died with it.
    fixture.open(Selection::All).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_that_takes_the_app_ends_it_loudly() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 6");
    fixture.campaign("spring", 24).await;
    let mut controller = fixture.open(Selection::All).await.unwrap();
    let mut notes = controller.notes();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(6).await;
    fixture.program.fake.with(|world| world.replace_all());
    let ended = end_of(running).await;
    assert!(matches!(ended, Err(ControllerError::Replaced)), "{ended:?}");
    fixture.assert_nothing_up();
    fixture.assert_no_contact_twice();
    let mut warned = Vec::new();
    while let Ok(note) = notes.try_recv() {
        if note.level == NoteLevel::Warned {
            warned.push(note.words);
        }
    }
    let loud = warned.iter().any(|words| words.contains("another program"));
    assert!(loud, "{warned:?}");
    // What was in flight is lost, and the rest goes on with the next.
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.in_flight, 0, "{tally:?}");
    assert!(tally.outcomes[&Outcome::Lost] > 0, "{tally:?}");
    // The other program ends.
    fixture.program.fake.with(|world| {
        for app in world.active_apps() {
            world.cut(&app);
        }
    });
    let controller = fixture.open(Selection::All).await.unwrap();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    fixture.assert_no_contact_twice();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 24, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_had_stopped_by_itself_says_why_and_how_to_go_on() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let id = fixture.campaign("spring", 3).await;
    let run = aftertone::id::RunName::new("before").unwrap();
    let before = fixture
        .store
        .begin_controller(&registration(&fixture, &run), now())
        .await;
    let before = before.unwrap();
    let why = "stopped: 11 of the last 20 drops failed";
    let paused = Write::Paused {
        campaign: id,
        why: why.to_owned(),
    };
    let written = fixture.store.commit(&before, &[paused], now()).await;
    assert_eq!(written.unwrap(), [Written::Applied]);
    fixture.store.end_controller(&before, now()).await.unwrap();

    let mut controller = fixture.open(Selection::All).await.unwrap();
    let (mut view, mut notes) = (controller.watch(), controller.notes());
    let running = tokio::spawn(controller.run());
    let shown = fixture
        .until_view(&mut view, |view| {
            view.campaigns.iter().any(|c| c.idle().is_some())
        })
        .await;
    let expected = format!("{why}; to resume: `aftertone campaign resume spring`");
    let (_, words) = shown.campaigns[0].idle().unwrap();
    assert_eq!(words, expected);
    assert_eq!(notes.recv().await.unwrap().words, expected);
    fixture
        .store
        .order(id, OperatorCommand::Resume, now())
        .await
        .unwrap();
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(3, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_of_one_campaign_each_end_with_all_of_it_in_view() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 4");
    fixture.campaign("spring", 30).await;
    let other = fixture
        .open_as(Selection::All, |config| config.pbx.app = "other".to_owned())
        .await;
    let controllers = [fixture.open(Selection::All).await.unwrap(), other.unwrap()];
    let views = controllers.each_ref().map(|controller| controller.watch());
    let running = controllers.map(|controller| tokio::spawn(controller.run()));
    for running in running {
        assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    }
    fixture.assert_each(30, "delivered").await;
    let ends = views.map(|view| {
        let spring = &view.borrow().campaigns[0];
        (spring.outcomes[&Outcome::Delivered], started(spring))
    });
    assert_eq!((ends[0].0, ends[1].0), (30, 30), "{ends:?}");
    // Each has done a part of it, and says so.
    assert_eq!(ends[0].1 + ends[1].1, 30, "{ends:?}");
    assert!(ends.iter().all(|(_, started)| *started > 0), "{ends:?}");
}

fn started(campaign: &CampaignView) -> u64 {
    campaign.run.as_ref().unwrap().started
}

/// A mailbox with a message of a second or so: time enough for something to happen in mid-drop.
pub(crate) fn slow() -> Script {
    let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
    mailbox.playback = Playback::Whole(Duration::from_millis(900));
    Script(vec![Call::ringing_for_ever(), mailbox])
}
