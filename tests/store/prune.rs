//! What is deleted by its age, what is not, and that the counts of a campaign stay as they were.

use std::sync::Arc;

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        engine::{CampaignId, Contact, InFlight, Settlement},
    },
    drop::Outcome,
    store::{Filter, OperatorCommand, Prunable, Pruned, Write},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, end, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        old_drops_and_decisions_of_campaigns_that_are_over_go_and_stay_counted,
        nothing_else_goes,
        two_that_prune_at_once_count_once,
    )
}

async fn old_drops_and_decisions_of_campaigns_that_are_over_go_and_stay_counted(base: &Base) {
    let fixture = with_ends(base).await;
    let store = &fixture.store;
    over(&fixture).await;
    let before = counts(&fixture).await;
    let what = Prunable {
        drops_before: Some(fixture.at(60)),
        decisions_before: Some(fixture.at(60)),
    };
    let wanted = Pruned {
        drops: 3,
        decisions: 2,
    };
    assert_eq!(store.prunable(&what).await.unwrap(), wanted);
    assert_eq!(store.prune(&what, |_| true).await.unwrap(), wanted);
    assert_eq!(counts(&fixture).await, before);
    assert_eq!(store.pruned(fixture.campaign).await.unwrap(), 2);
    let gone = Pruned::default();
    assert_eq!(store.prunable(&what).await.unwrap(), gone);
    assert_eq!(store.prune(&what, |_| true).await.unwrap(), gone);

    // The drop that ended later is there, and contacts are.
    let rows = store
        .results(fixture.campaign, &Filter::default(), None, 50)
        .await
        .unwrap();
    assert_eq!(rows.0.len(), 1);
    let contacts = base.texts("SELECT CAST(count(*) AS TEXT) FROM contacts");
    assert_eq!(contacts.await, ["5"]);
}

async fn nothing_else_goes(base: &Base) {
    let fixture = with_ends(base).await;
    let all = base.dump().await;
    // The campaign is not over: only the drop of none goes.
    let what = Prunable {
        drops_before: Some(fixture.at(60)),
        decisions_before: Some(fixture.at(60)),
    };
    let pruned = fixture.store.prune(&what, |_| true).await.unwrap();
    let wanted = Pruned {
        drops: 1,
        decisions: 0,
    };
    assert_eq!(pruned, wanted);
    let left = base.dump().await;
    assert_eq!(left.len(), all.len() - 1);
    assert!(left.iter().all(|line| all.contains(line)));

    // What is not asked for does not go, nor what is not old.
    over(&fixture).await;
    let asked = [
        Prunable::default(),
        Prunable {
            drops_before: Some(fixture.at(0)),
            decisions_before: Some(fixture.at(0)),
        },
    ];
    for what in asked {
        let pruned = fixture.store.prune(&what, |_| true).await.unwrap();
        assert_eq!(pruned, Pruned::default());
    }
    // It stops where it is told to.
    let what = Prunable {
        drops_before: Some(fixture.at(60)),
        decisions_before: Some(fixture.at(60)),
    };
    let pruned = fixture.store.prune(&what, |_| false).await.unwrap();
    assert_eq!((pruned.drops, pruned.decisions), (2, 0));
}

async fn two_that_prune_at_once_count_once(base: &Base) {
    let fixture = with_ends(base).await;
    over(&fixture).await;
    let before = counts(&fixture).await;
    let other = base.open().await;
    let what = Prunable {
        drops_before: Some(fixture.at(600)),
        decisions_before: None,
    };
    let (one, two) = tokio::join!(
        fixture.store.prune(&what, |_| true),
        other.prune(&what, |_| true)
    );
    assert_eq!(one.unwrap().drops + two.unwrap().drops, 4);
    assert_eq!(counts(&fixture).await, before);
}

/// Five contacts: two drops that ended early and one late, one refused, one held; and a drop of no campaign.
async fn with_ends(base: &Base) -> Fixture {
    let fixture = Fixture::of(base, 5).await;
    let (contacts, _) = fixture.lease(5, 0).await;
    let [early, busy, late, refused, held] = &contacts[..] else {
        panic!("five were leased");
    };
    let single = Write::Start(Box::new(intent(None, number(77), 9)));
    fixture
        .commit(
            &[
                begin(&fixture, early, 1),
                begin(&fixture, busy, 2),
                begin(&fixture, late, 3),
                single,
            ],
            1,
        )
        .await;
    let until = fixture.at(7_200);
    fixture
        .commit(
            &[
                fixture.ended(early, 1, Outcome::Delivered, None),
                fixture.ended(busy, 2, Outcome::Busy, None),
                fixture.settle(refused, Settlement::Refused(RefusedReason::DoNotCall)),
                fixture.settle(
                    held,
                    Settlement::Held {
                        reason: HeldReason::CallingHours,
                        until,
                    },
                ),
                Write::EndDrop {
                    end: Box::new(end(9, Outcome::Delivered)),
                    calls: aftertone::campaign::budget::Calls::at_least(
                        aftertone::drop::Technique::Double,
                    ),
                },
            ],
            30,
        )
        .await;
    fixture
        .commit(&[fixture.ended(late, 3, Outcome::Delivered, None)], 90)
        .await;
    fixture
}

fn begin(fixture: &Fixture, contact: &Contact, drop: u128) -> Write {
    let Write::Start(mut intent) = fixture.start_of(contact, drop) else {
        panic!("a start");
    };
    intent.variant = Some("A".to_owned());
    Write::Start(intent)
}

async fn over(fixture: &Fixture) {
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    let ordered = fixture
        .store
        .order(fixture.campaign, cancel, fixture.at(95));
    ordered.await.unwrap();
    let finished = Write::Finished {
        campaign: fixture.campaign,
        end: aftertone::campaign::engine::End::Cancelled,
    };
    fixture.commit(&[finished], 96).await;
}

/// All that is counted of a campaign.
async fn counts(fixture: &Fixture) -> String {
    let (store, campaign): (_, CampaignId) = (&fixture.store, fixture.campaign);
    let over_time = store.outcomes_over_time(campaign, 7_200).await.unwrap();
    let mut calls = store.calls_by_length(campaign).await.unwrap();
    calls.sort_by_key(|calls| (format!("{:?}", calls.leg), calls.seconds));
    format!(
        "{:?}\n{:?}\n{:?}\n{calls:?}",
        store.tally(campaign).await.unwrap(),
        store.variants(campaign).await.unwrap(),
        over_time.values().collect::<Vec<_>>(),
    )
}
