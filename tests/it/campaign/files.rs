//! What the drops of a campaign need of files: a message that is missing or replaced, and a folder for evidence that cannot be
//! written. None of it uses up a contact.

use std::fs;

use aftertone::{
    campaign::variant::Messages,
    controller::{Ended, Selection},
    orders::{NoteLevel, Spec, View},
};

use super::campaign_fixture::{CampaignFixture, end_of};
use crate::fake::{fault::Kind, script::Script};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_missing_is_waited_for_and_costs_no_contact_its_attempt() {
    for message in ["promo", "promo + promo"] {
        let fixture = fixture().await;
        fixture
            .campaign_with("spring", 12, |spec| {
                spec.messages = Messages::One(message.to_owned());
            })
            .await;
        let mut controller = fixture.open(Selection::All).await.unwrap();
        let (mut view, mut notes) = (controller.watch(), controller.notes());
        let running = tokio::spawn(controller.run());
        let seen = fixture.until_view(&mut view, lacks_files).await;
        let (_, words) = seen.campaigns[0].idle().unwrap();
        assert!(words.contains("`promo`"), "{words}");
        assert_eq!(fixture.requests(Kind::Originate), 0);
        let said = notes.recv().await.unwrap();
        assert_eq!(said.level, NoteLevel::Warned, "{said:?}");
        assert!(said.words.contains("`promo`"), "{said:?}");
        add(&fixture, 1_000, &[]).await;
        assert_eq!(end_of(running).await.unwrap(), Ended::Over);
        fixture.assert_each(12, "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_leaves_the_message_that_it_began_with_whatever_replaces_it_before_the_pbx_plays() {
    let fixture = fixture().await;
    fixture
        .program
        .fake
        .with(|world| world.settings.files = true);
    add(&fixture, 4_000, &[]).await;
    fixture.campaign_with("spring", 12, promo).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    for (calls, milliseconds) in [(1, 1_000), (8, 5_000), (16, 2_000)] {
        fixture.until_dialled(calls).await;
        add(&fixture, milliseconds, &["--replace"]).await;
    }
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(12, "delivered").await;
    let left = fs::read_dir(fixture.program.path("sounds")).unwrap();
    let left = left.map(|file| file.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.starts_with("once-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_cannot_be_kept_is_waited_for_and_costs_no_contact_its_attempt() {
    let fixture = fixture().await;
    add(&fixture, 1_000, &[]).await;
    fixture.campaign_with("spring", 6, promo).await;
    let folder = fixture.program.path("evidence");
    let controller = fixture
        .open_as(Selection::All, |config| {
            config.evidence.dir = Some(folder.clone());
        })
        .await
        .unwrap();
    // Where the folder was there is none that could be made.
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    let seen = fixture.until_view(&mut view, lacks_files).await;
    let (_, words) = seen.campaigns[0].idle().unwrap();
    assert!(words.contains("evidence"), "{words}");
    assert_eq!(fixture.requests(Kind::Originate), 0);
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(6, "delivered").await;
}

async fn fixture() -> CampaignFixture {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 50\nin_flight = 4");
    fixture
}

fn promo(spec: &mut Spec) {
    spec.messages = Messages::One("promo".to_owned());
}

fn lacks_files(view: &View) -> bool {
    let campaign = view.campaigns.first();
    let idle = campaign.and_then(|campaign| campaign.idle());
    idle.is_some_and(|(slug, _)| slug == "files_away")
}

/// Prepares the message, of this length.
async fn add(fixture: &CampaignFixture, milliseconds: u32, more: &[&str]) {
    let file = fixture.program.record("recording.wav", milliseconds);
    let line = [
        &["message", "add", "promo", file.to_str().unwrap()][..],
        more,
    ];
    let added = fixture.program.run(&line.concat()).await;
    assert_eq!(added.status, Some(0), "{added:?}");
}
