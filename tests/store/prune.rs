//! What is deleted by its age, what is not, and that the counts of a campaign stay as they were.

use std::sync::Arc;

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        engine::{CampaignId, Contact, InFlight, Settlement},
    },
    drop::Outcome,
    store::{ErrorClass, Filter, OperatorCommand, Prunable, Pruned, Status, Write},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, controller, end, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        old_drops_and_decisions_of_campaigns_that_are_over_go_and_stay_counted,
        nothing_else_goes,
        two_that_prune_at_once_count_once,
        a_campaign_goes_as_a_whole_with_all_that_only_it_has,
        a_campaign_with_anything_open_or_young_stays,
        one_controller_deletes_once_a_day_and_whoever_died_is_followed_at_once,
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
        ..Prunable::default()
    };
    let wanted = Pruned {
        drops: 3,
        decisions: 2,
        ..Pruned::default()
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

    // What had drops once is deleted for its age alone.
    let all = Prunable {
        drops_before: Some(fixture.at(600)),
        ..Prunable::default()
    };
    assert_eq!(store.prune(&all, |_| true).await.unwrap().drops, 1);
    let error = store.begin_deletion(fixture.campaign, fixture.at(97)).await;
    assert_eq!(error.unwrap_err().class, ErrorClass::Refused);
}

async fn nothing_else_goes(base: &Base) {
    let fixture = with_ends(base).await;
    let all = base.dump().await;
    // The campaign is not over: only the drop of none goes, with its number.
    let what = Prunable {
        drops_before: Some(fixture.at(60)),
        decisions_before: Some(fixture.at(60)),
        ..Prunable::default()
    };
    let pruned = fixture.store.prune(&what, |_| true).await.unwrap();
    let wanted = Pruned {
        drops: 1,
        decisions: 0,
        ..Pruned::default()
    };
    assert_eq!(pruned, wanted);
    let left = base.dump().await;
    assert_eq!(left.len(), all.len() - 2, "with its number");
    assert!(left.iter().all(|line| all.contains(line)));

    for order in [
        OperatorCommand::Pause(InFlight::Finish),
        OperatorCommand::Resume,
    ] {
        let ordered = fixture.store.order(fixture.campaign, order, fixture.at(94));
        ordered.await.unwrap();
        let pruned = fixture.store.prune(&what, |_| true).await.unwrap();
        assert_eq!(pruned, Pruned::default(), "{order:?}");
    }

    // What is not asked for does not go, nor what is not old.
    over(&fixture).await;
    let asked = [
        Prunable::default(),
        Prunable {
            drops_before: Some(fixture.at(0)),
            decisions_before: Some(fixture.at(0)),
            ..Prunable::default()
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
        ..Prunable::default()
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
        ..Prunable::default()
    };
    let (one, two) = tokio::join!(
        fixture.store.prune(&what, |_| true),
        other.prune(&what, |_| true)
    );
    assert_eq!(one.unwrap().drops + two.unwrap().drops, 4);
    assert_eq!(counts(&fixture).await, before);
}

async fn a_campaign_goes_as_a_whole_with_all_that_only_it_has(base: &Base) {
    let fixture = with_ends(base).await;
    // Another campaign has two of its numbers, and runs.
    let other = Fixture::other(base, &fixture, "two", 0..2).await;
    over(&fixture).await;
    // Some of its drops have gone before, and were counted.
    let early = Prunable {
        drops_before: Some(fixture.at(60)),
        ..Prunable::default()
    };
    assert_eq!(
        fixture.store.prune(&early, |_| true).await.unwrap().drops,
        3
    );
    let numbers = "SELECT CAST(number AS TEXT) FROM numbers WHERE version > 0 ORDER BY number";
    assert_eq!(base.texts(numbers).await.len(), 3, "of the three contacts");
    let what = Prunable {
        drops_before: Some(fixture.at(600)),
        decisions_before: Some(fixture.at(600)),
        campaigns_before: Some(fixture.at(600)),
        ..Prunable::default()
    };
    let wanted = Pruned {
        campaigns: 1,
        contacts: 5,
        ..Pruned::default()
    };
    assert_eq!(fixture.store.prunable(&what).await.unwrap(), wanted);
    // Interrupted, and gone on with by another.
    let mut times = 0;
    let some = fixture.store.prune(&what, |_| {
        times += 1;
        times < 2
    });
    assert_eq!(some.await.unwrap().campaigns, 0);
    let half = fixture.store.campaign("one").await.unwrap().unwrap();
    assert_eq!(half.status, Status::Cancelled);
    let again = base.open().await.prune(&what, |_| true).await.unwrap();
    assert_eq!(again.campaigns, 1);

    let of_one = format!(" WHERE campaign = {}", fixture.campaign);
    for table in [
        "contacts",
        "drops",
        "decisions",
        "last_decisions",
        "imports",
        "pruned",
        "campaign_places",
        "requeues",
        "held_under",
    ] {
        let rows = base.texts(format!("SELECT '1' FROM {table}{of_one}")).await;
        assert!(rows.is_empty(), "{table}");
    }
    let rows = base.texts("SELECT name FROM campaigns").await;
    assert_eq!(rows, ["two"]);
    let paces = format!(
        "SELECT scope FROM paces WHERE scope = 'campaign:{}'",
        fixture.campaign
    );
    assert!(base.texts(paces).await.is_empty());
    assert_eq!(other.store.tally(other.campaign).await.unwrap().contacts, 2);
    assert_eq!(fixture.store.recount().await.unwrap(), 0);
    // Those numbers stay that the other campaign has.
    assert_eq!(base.texts(numbers).await.len(), 2);
}

async fn a_campaign_with_anything_open_or_young_stays(base: &Base) {
    let fixture = with_ends(base).await;
    let store = &fixture.store;
    let before = |seconds| Prunable {
        campaigns_before: Some(fixture.at(seconds)),
        ..Prunable::default()
    };
    let stays = async |seconds, why: &str| {
        let what = before(seconds);
        let pruned = store.prune(&what, |_| true).await.unwrap();
        assert_eq!(pruned, Pruned::default(), "{why}");
        let would = store.prunable(&what).await.unwrap();
        assert_eq!(would, Pruned::default(), "{why}");
    };
    stays(600, "it runs").await;
    over(&fixture).await;
    stays(95, "it was over then").await;
    let change = async |sql: &str| base.run(sql).await;
    change("UPDATE campaigns SET changed_at = 1").await;
    stays(90, "a drop ended later").await;
    change("UPDATE drops SET outcome = NULL, ended_at = NULL WHERE attempt = 1 AND contact = 1")
        .await;
    stays(600, "a drop is open").await;
    change("UPDATE drops SET outcome = 'busy', ended_at = 1 WHERE outcome IS NULL").await;
    change("UPDATE contacts SET stage = 'leased', due_at = 1, was_due = 1, holder = 'here', outcome = NULL, ended_at = NULL WHERE id = 1").await;
    stays(600, "a controller has a contact").await;
    change("UPDATE contacts SET stage = 'due', holder = NULL, was_due = NULL WHERE id = 1").await;
    let at = fixture.at(700).as_microsecond();
    change(&format!(
        "INSERT INTO imports (campaign, name, size, digest, began_at, changed_at) VALUES ({}, 'a.csv', 1, 'a', 1, {at})",
        fixture.campaign
    ))
    .await;
    stays(600, "a list came in later").await;
    change("UPDATE imports SET changed_at = 1").await;
    let pruned = store.prune(&before(600), |_| true).await.unwrap();
    assert_eq!((pruned.campaigns, pruned.contacts), (1, 5));
}

async fn one_controller_deletes_once_a_day_and_whoever_died_is_followed_at_once(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, here) = (&fixture.store, &fixture.holder);
    let there = controller(store, "there").await;
    let takes = async |holder, at| {
        let taken = store.take_prune_turn(holder, fixture.at(at)).await;
        taken.unwrap()
    };
    let other = base.open().await;
    let (one, two) = tokio::join!(
        store.take_prune_turn(here, fixture.at(0)),
        other.take_prune_turn(&there, fixture.at(0))
    );
    assert!(one.unwrap() != two.unwrap(), "one of two");
    store.end_prune_turn(None, fixture.at(1)).await.unwrap();
    assert!(!takes(here, 3_600).await && !takes(&there, 3_600).await);

    let day = 86_401;
    for holder in [here, &there] {
        assert!(store.renew(holder, fixture.at(day)).await.unwrap());
    }
    assert!(takes(here, day).await);
    assert!(!takes(&there, day).await, "the other is at it");
    assert!(takes(here, day).await, "what it noted was lost");
    store.end_controller(here, fixture.at(day)).await.unwrap();
    assert!(takes(&there, day).await, "the other is gone");
    let failed = store.end_prune_turn(Some("the disk is full"), fixture.at(day));
    failed.await.unwrap();
    let turn = store.prune_turn(fixture.at(day)).await.unwrap();
    let why = turn.failure.map(|(_, why)| why);
    assert_eq!(why.as_deref(), Some("the disk is full"));
    assert!(!takes(&there, day).await);
    let hour = day + 3_600;
    assert!(store.renew(&there, fixture.at(hour)).await.unwrap());
    assert!(takes(&there, hour).await);
    store.end_prune_turn(None, fixture.at(hour)).await.unwrap();
    let turn = store.prune_turn(fixture.at(hour)).await.unwrap();
    assert_eq!((turn.failure, turn.done_at), (None, Some(fixture.at(hour))));
    assert!(!takes(here, 10 * day).await, "it was ended");
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
        "{:?}\n{:?}\n{:?}\n{:?}\n{calls:?}",
        store.tally(campaign).await.unwrap(),
        store.proofs(campaign).await.unwrap(),
        store.variants(campaign).await.unwrap(),
        over_time.values().collect::<Vec<_>>(),
    )
}
