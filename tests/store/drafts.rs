//! Campaigns that nobody has started: nothing of them is dialled, by programs of this version or of an earlier one.

use std::sync::Arc;

use aftertone::{
    campaign::engine::{CampaignId, InFlight},
    store::{
        Across, ErrorClass, NewCampaign, NewContact, OperatorCommand, Source, Status, Store,
        Written,
    },
};
use jiff::Timestamp;
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    first_release::{fill, install},
    fixture::{controller, lease, number, start},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        nothing_of_a_draft_is_dialled_before_it_is_started,
        a_draft_that_is_cancelled_never_is_dialled,
        to_an_earlier_version_a_draft_is_paused,
        what_ran_before_there_were_drafts_goes_on,
    )
}

async fn nothing_of_a_draft_is_dialled_before_it_is_started(base: &Base) {
    let store = base.open().await;
    let draft = draft_with_contacts(&store).await;
    let holder = controller(&store, "here").await;
    let now = Timestamp::now();
    let (none, _) = lease(&store, &holder, draft, 10, now).await;
    assert!(none.is_empty(), "{none:?}");

    // Restarted, it is a draft still.
    drop(store);
    let store = base.open().await;
    assert_eq!(status(&store).await, Status::Draft);
    let (none, _) = lease(&store, &holder, draft, 10, now).await;
    assert!(none.is_empty(), "{none:?}");
    let paused = OperatorCommand::Pause(InFlight::Finish);
    let refused = store.order(draft, paused, now).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Refused);

    let started = store.order(draft, OperatorCommand::Resume, now).await;
    assert_eq!(started.unwrap().status, Status::Running);
    let (two, _) = lease(&store, &holder, draft, 10, Timestamp::now()).await;
    assert_eq!(two.len(), 2);

    // Once started it is no draft any more, whatever becomes of it.
    let stopped = store.order(draft, paused, Timestamp::now()).await;
    assert_eq!(stopped.unwrap().status, Status::Paused);
    assert_eq!(status(&store).await, Status::Paused);
    let fenced = store
        .commit(&holder, &[start(draft, &two[0], 1)], Timestamp::now())
        .await;
    assert_eq!(fenced.unwrap(), [Written::Fenced]);
}

async fn a_draft_that_is_cancelled_never_is_dialled(base: &Base) {
    let store = base.open().await;
    let draft = draft_with_contacts(&store).await;
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    let cancelled = store.order(draft, cancel, Timestamp::now()).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    let resume = OperatorCommand::Resume;
    let refused = store.order(draft, resume, Timestamp::now()).await;
    assert_eq!(refused.unwrap_err().class, ErrorClass::Refused);
}

/// What programs of earlier versions read and write of campaigns is the column `standing` alone.
async fn to_an_earlier_version_a_draft_is_paused(base: &Base) {
    let store = base.open().await;
    draft_with_contacts(&store).await;
    let read = "SELECT standing FROM campaigns";
    assert_eq!(base.texts(read).await, ["paused"]);
    // Its operator pauses it: it is paused already.
    base.run("UPDATE campaigns SET standing = 'paused', why = 'paused by the operator'")
        .await;
    assert_eq!(status(&store).await, Status::Draft);
    // Its operator resumes it: it has been started, and stays so.
    base.run("UPDATE campaigns SET standing = 'running', why = NULL")
        .await;
    assert_eq!(status(&store).await, Status::Running);
    base.run("UPDATE campaigns SET standing = 'paused', why = 'paused by the operator'")
        .await;
    assert_eq!(status(&store).await, Status::Paused);
    // It creates one, which runs as it always did.
    base.run(
        "INSERT INTO campaigns (name, spec, standing, in_flight, created_at, changed_at, version) \
         VALUES ('theirs', '{}', 'running', 'finish', 0, 0, 1000)",
    )
    .await;
    let theirs = store.campaign("theirs").await.unwrap().unwrap();
    assert_eq!(theirs.status, Status::Running);
}

async fn what_ran_before_there_were_drafts_goes_on(base: &Base) {
    install(base).await;
    fill(base).await;
    let store = base.open().await;
    let campaigns = store.campaigns(0).await.unwrap();
    assert!(campaigns.iter().all(|row| row.status != Status::Draft));
    let holder = controller(&store, "here").await;
    let (leased, _) = lease(&store, &holder, CampaignId(1), 10, Timestamp::now()).await;
    assert!(!leased.is_empty());
}

async fn draft_with_contacts(store: &Store) -> CampaignId {
    let now = Timestamp::now();
    let new = NewCampaign {
        name: "spring".to_owned(),
        spec: "{}".to_owned(),
    };
    let made = store.create_campaign(&new, now).await.unwrap();
    assert_eq!(made.status, Status::Draft);
    let source = Source {
        name: "leads.csv".to_owned(),
        size: 1_000,
        digest: "leads".to_owned(),
    };
    let mut importing = store.begin_import(made.id, &source, now).await.unwrap();
    importing.bytes = 1_000;
    let contacts = [contact(2), contact(3)];
    let added = store
        .add_contacts(&importing, Across::Allow, &contacts, now)
        .await
        .unwrap();
    assert_eq!(added.added, 2);
    assert_eq!(
        status(store).await,
        Status::Draft,
        "an upload starts nothing"
    );
    made.id
}

async fn status(store: &Store) -> Status {
    store.campaign("spring").await.unwrap().unwrap().status
}

fn contact(line: u64) -> NewContact {
    NewContact {
        line,
        number: number(line as usize),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: std::collections::BTreeMap::new(),
    }
}
