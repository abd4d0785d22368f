//! What dead controllers leave, and who takes it over.

use std::{collections::BTreeSet, sync::Arc};

use aftertone::{
    campaign::engine::Settlement,
    drop::Outcome,
    id::{DropId, RunName},
    store::{ErrorClass, Write, Written},
};
use jiff::Timestamp;
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, controller, end, ids, intent, lease, number, registration},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        what_a_dead_controller_left_is_taken_over_and_settled,
        a_living_controller_keeps_what_it_has,
        two_adopters_never_get_the_same_drop,
        another_pbx_s_drops_are_left_alone,
        a_drop_outside_any_campaign_is_adopted_too,
        drops_of_no_campaign_are_taken_over_without_touching_any_campaign,
        a_drop_of_a_run_that_lives_is_never_taken_over,
        a_controller_that_ends_gives_its_leases_back,
        a_run_s_name_is_given_once,
    )
}

async fn what_a_dead_controller_left_is_taken_over_and_settled(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let (all, _) = fixture.lease(3, 0).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await,
        [Written::Applied]
    );
    let next = controller(&fixture.store, "next").await;
    assert!(
        fixture
            .store
            .adopt(&next, &[], fixture.at(29))
            .await
            .unwrap()
            .is_empty()
    );
    let orphans = fixture
        .store
        .adopt(
            &next,
            std::slice::from_ref(&fixture.holder.run),
            fixture.at(29),
        )
        .await
        .unwrap();
    let [orphan] = orphans.as_slice() else {
        panic!("{orphans:?}")
    };
    assert_eq!(
        (orphan.drop, &orphan.run),
        (DropId::from_u128(1), &fixture.holder.run)
    );
    assert_eq!((orphan.contact, orphan.attempt), (Some(all[0].id), 1));
    assert_eq!(
        (orphan.started_at, orphan.pbx.as_str()),
        (fixture.at(1), "pbx")
    );

    // Those that it had not dialled are due at once, and it can do nothing with any of it.
    let (theirs, _) = lease(&fixture.store, &next, fixture.campaign, 9, fixture.at(30)).await;
    assert_eq!(ids(&theirs), [2, 3]);
    let writes = [
        fixture.ended(&all[0], 1, Outcome::Delivered, None),
        fixture.start_of(&all[1], 2),
        fixture.settle(&all[0], Settlement::NotDialled { attempt: 1 }),
        Write::Start(Box::new(intent(None, number(9), 3))),
    ];
    assert_eq!(fixture.commit(&writes, 31).await, vec![Written::Fenced; 4]);
    assert!(
        !fixture
            .store
            .renew(&fixture.holder, fixture.at(31))
            .await
            .unwrap()
    );
    assert!(fixture.lease(9, 500).await.0.is_empty());
    let error = fixture
        .store
        .adopt(&fixture.holder, &[], fixture.at(31))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused);

    // The answer may have been lost on its way: it is returned again until it is settled.
    let again = fixture
        .store
        .adopt(&next, &[], fixture.at(32))
        .await
        .unwrap();
    assert_eq!(again, orphans);

    // The next one dies too, and the drop is still of the run that dialled it.
    let third = controller(&fixture.store, "third").await;
    let orphans = fixture
        .store
        .adopt(&third, &[next.run], fixture.at(40))
        .await
        .unwrap();
    assert_eq!(orphans.len(), 1);
    assert_eq!(orphans[0].run, fixture.holder.run);
    let lost = [fixture.ended(&all[0], 1, Outcome::Lost, None)];
    let written = fixture
        .store
        .commit(&third, &lost, fixture.at(41))
        .await
        .unwrap();
    assert_eq!(written, [Written::Applied]);
    assert_eq!(fixture.state(base, all[0].id).await, "ended 1 lost");
    let again = fixture
        .store
        .adopt(&third, &[], fixture.at(41))
        .await
        .unwrap();
    assert_eq!(again, []);
    assert!(
        fixture
            .store
            .adopt(&third, &[], fixture.at(42))
            .await
            .unwrap()
            .is_empty()
    );
    // What is over is forgotten.
    let runs = base.texts("SELECT run FROM controllers ORDER BY run").await;
    assert_eq!(runs, ["third"]);
}

async fn a_living_controller_keeps_what_it_has(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await,
        [Written::Applied]
    );
    let next = controller(&fixture.store, "next").await;
    assert!(
        fixture
            .store
            .renew(&fixture.holder, fixture.at(25))
            .await
            .unwrap()
    );
    assert!(
        fixture
            .store
            .adopt(&next, &[], fixture.at(54))
            .await
            .unwrap()
            .is_empty()
    );
    // A lease that has ended is renewed if no other controller has taken anything over.
    assert!(
        fixture
            .store
            .renew(&fixture.holder, fixture.at(60))
            .await
            .unwrap()
    );
    let orphans = fixture
        .store
        .adopt(&next, &[], fixture.at(91))
        .await
        .unwrap();
    assert_eq!(orphans.len(), 1);
    assert!(
        !fixture
            .store
            .renew(&fixture.holder, fixture.at(92))
            .await
            .unwrap()
    );
}

async fn two_adopters_never_get_the_same_drop(base: &Base) {
    let fixture = Fixture::of(base, 50).await;
    let (all, _) = fixture.lease(50, 0).await;
    let starts: Vec<_> = all
        .iter()
        .zip(1..)
        .map(|(contact, drop)| fixture.start_of(contact, drop))
        .collect();
    fixture.commit(&starts, 1).await;
    let mut tasks = tokio::task::JoinSet::new();
    for nth in 0..4 {
        let store = base.open().await;
        let holder = controller(&store, &format!("run{nth}")).await;
        let (dead, now) = (fixture.holder.run.clone(), fixture.at(2));
        tasks.spawn(async move { store.adopt(&holder, &[dead], now).await.unwrap() });
    }
    let orphans: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let different: BTreeSet<_> = orphans.iter().map(|orphan| orphan.drop).collect();
    assert_eq!((orphans.len(), different.len()), (50, 50));
}

async fn another_pbx_s_drops_are_left_alone(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    let run = RunName::new("elsewhere").unwrap();
    let other = fixture
        .store
        .begin_controller(&registration(&run, "second"), Timestamp::now())
        .await
        .unwrap();
    let dead = [fixture.holder.run.clone()];
    assert!(
        fixture
            .store
            .adopt(&other, &dead, fixture.at(500))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        fixture
            .store
            .renew(&fixture.holder, fixture.at(501))
            .await
            .unwrap()
    );
}

async fn a_drop_outside_any_campaign_is_adopted_too(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let write = [Write::Start(Box::new(intent(None, number(0), 1)))];
    fixture.commit(&write, 1).await;
    fixture
        .store
        .end_controller(&fixture.holder, fixture.at(2))
        .await
        .unwrap();
    let next = controller(&fixture.store, "next").await;
    let orphans = fixture
        .store
        .adopt(&next, &[], fixture.at(3))
        .await
        .unwrap();
    assert_eq!((orphans.len(), orphans[0].campaign), (1, None));
    let calls = aftertone::campaign::budget::Calls::NONE;
    let ended = [Write::EndDrop {
        end: Box::new(end(1, Outcome::Lost)),
        calls,
    }];
    let written = fixture
        .store
        .commit(&next, &ended, fixture.at(4))
        .await
        .unwrap();
    assert_eq!(written, [Written::Applied]);
}

async fn drops_of_no_campaign_are_taken_over_without_touching_any_campaign(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let (all, _) = fixture.lease(3, 0).await;
    fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    // A campaign's controller that had taken a drop over and died, and a drop that was killed.
    let own = [Write::Start(Box::new(intent(None, number(7), 2)))];
    fixture.commit(&own, 1).await;
    let killed = controller(&fixture.store, "killed").await;
    let own = [Write::Start(Box::new(intent(None, number(8), 3)))];
    let written = fixture.store.commit(&killed, &own, fixture.at(2)).await;
    assert_eq!(written.unwrap(), [Written::Applied]);

    let next = controller(&fixture.store, "next").await;
    let dead = [fixture.holder.run.clone(), killed.run.clone()];
    let store = &fixture.store;
    let none = store.adopt_strays(&next, &[], &[], fixture.at(29)).await;
    assert_eq!(none.unwrap(), []);
    let strays = store.adopt_strays(&next, &dead, &[], fixture.at(29)).await;
    let strays = strays.unwrap();
    let told: Vec<_> = strays
        .iter()
        .map(|stray| (stray.drop, stray.run.as_str(), stray.campaign))
        .collect();
    assert_eq!(
        told,
        [
            (DropId::from_u128(2), "here", None),
            (DropId::from_u128(3), "killed", None)
        ]
    );
    let runs = base.texts("SELECT run FROM controllers ORDER BY run").await;
    assert_eq!(runs, ["here", "next"], "what has nothing left is forgotten");
    // All of the campaign is as it was: its controller renews its lease, and its drop and contacts are its own.
    assert!(store.renew(&fixture.holder, fixture.at(30)).await.unwrap());
    let lost = |drop| Write::EndDrop {
        end: Box::new(end(drop, Outcome::Lost)),
        calls: aftertone::campaign::budget::Calls::NONE,
    };
    let writes = [
        fixture.ended(&all[0], 1, Outcome::Delivered, None),
        fixture.start_of(&all[1], 4),
        lost(2),
    ];
    let written = fixture.commit(&writes, 31).await;
    assert_eq!(
        written,
        [Written::Applied, Written::Applied, Written::Fenced]
    );
    let written = store
        .commit(&next, &[lost(2), lost(3)], fixture.at(32))
        .await;
    assert_eq!(written.unwrap(), [Written::Applied, Written::Applied]);
}

async fn a_drop_of_a_run_that_lives_is_never_taken_over(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let write = [Write::Start(Box::new(intent(None, number(0), 1)))];
    fixture.commit(&write, 1).await;
    let next = controller(&fixture.store, "next").await;
    let elsewhere = RunName::new("elsewhere").unwrap();
    let elsewhere = registration(&elsewhere, "second");
    let other = fixture.store.begin_controller(&elsewhere, Timestamp::now());
    let other = other.await.unwrap();
    let lives = [fixture.holder.run.clone()];
    let rows: [(_, &[RunName], _, _); 4] = [
        (&next, &[], 29, 0),
        (&next, &lives, 500, 0),
        (&other, &[], 500, 0),
        (&next, &[], 500, 1),
    ];
    for (holder, alive, seconds, expected) in rows {
        let strays = fixture
            .store
            .adopt_strays(holder, &[], alive, fixture.at(seconds));
        let strays = strays.await.unwrap();
        assert_eq!(strays.len(), expected, "{holder:?} {alive:?} {seconds}");
    }
}

async fn a_controller_that_ends_gives_its_leases_back(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let _ = fixture.lease(2, 0).await;
    fixture
        .store
        .end_controller(&fixture.holder, fixture.at(1))
        .await
        .unwrap();
    let next = controller(&fixture.store, "next").await;
    let (all, _) = lease(&fixture.store, &next, fixture.campaign, 9, fixture.at(2)).await;
    assert_eq!(ids(&all), [1, 2]);
}

async fn a_run_s_name_is_given_once(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begun = fixture
        .store
        .begin_controller(&registration(&fixture.holder.run, "pbx"), Timestamp::now())
        .await;
    assert_eq!(begun.unwrap_err().class, ErrorClass::Refused);
}
