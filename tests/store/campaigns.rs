//! Campaigns as rows.

use std::sync::Arc;

use aftertone::{
    campaign::engine::{CampaignId, End, InFlight},
    drop::Outcome,
    store::{ErrorClass, NewCampaign, OperatorCommand, Status, Write, Written},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, campaign, controller, lease, start},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_campaign_is_made_once_and_read_again,
        versions_grow_over_all_campaigns,
        wishes_have_their_places,
        a_cancelled_campaign_is_over_once_nothing_of_it_is_in_flight,
        nothing_is_started_of_a_campaign_that_does_not_run,
        a_campaign_is_not_over_while_another_controller_works_on_it,
        a_campaign_that_pauses_by_itself_says_why,
    )
}

async fn a_campaign_is_made_once_and_read_again(base: &Base) {
    let store = base.open().await;
    let now = "2026-11-23T12:00:00.000001Z".parse().unwrap();
    let new = NewCampaign {
        name: "spring".to_owned(),
        spec: r#"{"message":"it's \"; DROP TABLE campaigns; --"}"#.to_owned(),
    };
    let made = store.create_campaign(&new, now).await.unwrap();
    assert_eq!((made.status, made.created_at), (Status::Draft, now));
    assert_eq!(made.spec, new.spec);
    let error = store.create_campaign(&new, now).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused, "{error:?}");
    for name in ["", "Spring", "a b", "'; --", &"a".repeat(65)] {
        let new = NewCampaign {
            name: name.to_owned(),
            spec: "{}".to_owned(),
        };
        let error = store.create_campaign(&new, now).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Refused, "{name}");
    }
    drop(store);
    let store = base.open().await;
    assert_eq!(store.campaign("spring").await.unwrap(), Some(made.clone()));
    assert_eq!(store.campaign("summer").await.unwrap(), None);
    assert_eq!(store.campaigns(0).await.unwrap(), [made]);
}

async fn versions_grow_over_all_campaigns(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let two = campaign(&fixture.store, "two", fixture.start).await;
    let seen = fixture.store.campaigns(0).await.unwrap();
    let names: Vec<_> = seen.iter().map(|campaign| campaign.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    let last = seen.last().unwrap().version;
    assert!(fixture.store.campaigns(last).await.unwrap().is_empty());
    let changed = fixture
        .store
        .reorder(fixture.campaign, "{\"rate\":5}", fixture.at(1))
        .await
        .unwrap();
    assert!(changed.version > last);
    assert_eq!(fixture.store.campaigns(last).await.unwrap(), [changed]);
    let error = fixture
        .store
        .reorder(CampaignId(99), "{}", fixture.at(1))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused);
    // Many at once: each has a version of its own, and none goes back.
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, now) = (fixture.store.clone(), fixture.at(2));
        tasks.spawn(async move { store.reorder(two, "{}", now).await.unwrap().version });
    }
    let mut versions = tasks.join_all().await;
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 20);
    assert_eq!(
        fixture.store.campaigns(0).await.unwrap()[1].version,
        versions[19]
    );
}

async fn wishes_have_their_places(base: &Base) {
    use Status::{Cancelled, Complete, DatesOver, Draft, Paused, Running};
    let fixture = Fixture::of(base, 0).await;
    let pause = OperatorCommand::Pause(InFlight::HangUp);
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    for (before, wish, after) in [
        (Draft, pause, None),
        (Draft, OperatorCommand::Resume, Some(Running)),
        (Draft, cancel, Some(Cancelled)),
        (Running, pause, Some(Paused)),
        (Paused, pause, Some(Paused)),
        (Paused, OperatorCommand::Resume, Some(Running)),
        (Running, OperatorCommand::Resume, Some(Running)),
        (Complete, OperatorCommand::Resume, Some(Running)),
        (DatesOver, OperatorCommand::Resume, Some(Running)),
        (Complete, pause, None),
        (Running, cancel, Some(Cancelled)),
        (Paused, cancel, Some(Cancelled)),
        (Cancelled, OperatorCommand::Resume, None),
        (Cancelled, pause, None),
        (Cancelled, cancel, Some(Cancelled)),
        (Status::Cancelling, OperatorCommand::Resume, None),
    ] {
        let stored = if before == Draft {
            "'paused', draft = 1".to_owned()
        } else {
            format!("'{before}', draft = 0")
        };
        base.run(format!("UPDATE campaigns SET standing = {stored}"))
            .await;
        let version = fixture.store.campaigns(0).await.unwrap()[0].version;
        let result = fixture
            .store
            .order(fixture.campaign, wish, fixture.at(1))
            .await;
        match (result, after) {
            (Ok(campaign), Some(after)) => {
                let is_unchanged = campaign.version == version;
                assert_eq!(is_unchanged, before == Cancelled, "{before} {wish:?}");
                assert_eq!(campaign.status, after, "{before} {wish:?}");
                if let OperatorCommand::Pause(in_flight) = wish {
                    assert_eq!(campaign.in_flight, in_flight);
                }
            }
            (Err(error), None) => assert_eq!(error.class, ErrorClass::Refused),
            (result, _) => panic!("{before} {wish:?}: {result:?}"),
        }
    }
}

async fn a_cancelled_campaign_is_over_once_nothing_of_it_is_in_flight(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    let wish = OperatorCommand::Cancel(InFlight::Finish);
    let after = fixture
        .store
        .order(fixture.campaign, wish, fixture.at(2))
        .await
        .unwrap();
    assert_eq!(after.status, Status::Cancelling);
    // The one that was leased cannot be started any more.
    let written = fixture.commit(&[fixture.start_of(&all[1], 2)], 3).await;
    assert_eq!(written, [Written::Fenced]);
    let finished = Write::Finished {
        campaign: fixture.campaign,
        end: End::Cancelled,
    };
    assert_eq!(
        fixture.commit(std::slice::from_ref(&finished), 4).await,
        [Written::Fenced]
    );
    let again = Some(fixture.at(600));
    let writes = [
        fixture.ended(&all[0], 1, Outcome::Busy, again),
        finished.clone(),
    ];
    assert_eq!(
        fixture.commit(&writes, 5).await,
        [Written::Applied, Written::Applied]
    );
    assert_eq!(fixture.commit(&[finished], 6).await, [Written::Applied]);
    let after = fixture.store.campaign("one").await.unwrap().unwrap();
    assert_eq!(after.status, Status::Cancelled);
}

async fn nothing_is_started_of_a_campaign_that_does_not_run(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    let pause = OperatorCommand::Pause(InFlight::Finish);
    fixture
        .store
        .order(fixture.campaign, pause, fixture.at(1))
        .await
        .unwrap();
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 2).await,
        [Written::Fenced]
    );
    let (none, _) = fixture.lease(1, 200).await;
    assert!(none.is_empty());
    fixture
        .store
        .order(fixture.campaign, OperatorCommand::Resume, fixture.at(201))
        .await
        .unwrap();
    let (all, _) = fixture.lease(1, 202).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 203).await,
        [Written::Applied]
    );
}

async fn a_campaign_is_not_over_while_another_controller_works_on_it(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let other = controller(&fixture.store, "there").await;
    let (all, _) = lease(&fixture.store, &other, fixture.campaign, 1, fixture.at(0)).await;
    let complete = [Write::Finished {
        campaign: fixture.campaign,
        end: End::Complete,
    }];
    assert_eq!(fixture.commit(&complete, 1).await, [Written::Fenced]);
    let start = [start(fixture.campaign, &all[0], 1)];
    fixture
        .store
        .commit(&other, &start, fixture.at(2))
        .await
        .unwrap();
    assert_eq!(fixture.commit(&complete, 3).await, [Written::Fenced]);
    let ended = [fixture.ended(&all[0], 1, Outcome::Human, None)];
    fixture
        .store
        .commit(&other, &ended, fixture.at(4))
        .await
        .unwrap();
    assert_eq!(fixture.commit(&complete, 5).await, [Written::Applied]);
}

async fn a_campaign_that_pauses_by_itself_says_why(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    let paused = Write::Paused {
        campaign: fixture.campaign,
        why: "too many errors".to_owned(),
    };
    let before = fixture.store.campaign("one").await.unwrap().unwrap();
    // What comes before it is started, and what comes after it is not.
    let writes = [
        fixture.start_of(&all[0], 1),
        paused.clone(),
        fixture.start_of(&all[1], 2),
    ];
    let written = fixture.commit(&writes, 1).await;
    assert_eq!(
        written,
        [Written::Applied, Written::Applied, Written::Fenced]
    );
    let after = fixture.store.campaign("one").await.unwrap().unwrap();
    assert_eq!(after.status, Status::Paused);
    assert_eq!(after.why.as_deref(), Some("too many errors"));
    assert!(after.version > before.version);
    assert_eq!(fixture.commit(&[paused], 2).await, [Written::Applied]);
}
