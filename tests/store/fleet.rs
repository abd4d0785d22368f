//! The registry of PBXes, and limits over all controllers.

use std::{sync::Arc, time::Duration};

use aftertone::{
    campaign::engine::{CampaignId, ContactId, InFlight, Settlement},
    drop::Outcome,
    id::{DropId, RunName},
    phone::CallerId,
    store::{
        ControllerLease, ErrorClass, Gone, OperatorCommand, Registration, Status, Store, Write,
        Written,
    },
};
use jiff::Timestamp;
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, end, ids, intent, lease, number, registration, start},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        an_instance_is_one_pbx_as_long_as_that_is_in_use,
        drops_of_a_pbx_that_does_not_come_back_are_settled_and_what_it_writes_later_is_fenced,
        a_controller_that_is_back_keeps_its_drops,
        contacts_are_given_back_when_their_controller_s_lease_ends,
        a_pbx_is_forgotten_once_nothing_of_it_is_alive,
        a_campaign_is_cancelled_once_the_last_drop_of_any_controller_is_settled,
        calls_and_starts_count_for_the_trunk_whatever_pbx_they_were_made_on,
        what_others_do_is_counted_without_what_this_one_does,
        the_registry_shows_who_is_alive_and_what_the_others_left,
    )
}

async fn begin(store: &Store, given: Registration) -> Result<ControllerLease, ErrorClass> {
    let begun = store.begin_controller(&given, Timestamp::now()).await;
    begun.map_err(|error| {
        assert!(error.hint().unwrap().contains("`instance`"), "{error:?}");
        error.class
    })
}

fn on(run: &str, pbx: &str, identity: &str, trunk: &str) -> Registration {
    Registration {
        identity: identity.to_owned(),
        trunk: trunk.to_owned(),
        ..registration(&RunName::new(run).unwrap(), pbx)
    }
}

async fn an_instance_is_one_pbx_as_long_as_that_is_in_use(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let one = begin(store, on("one", "east", "a:8088", "t"))
        .await
        .unwrap();
    begin(store, on("same", "east", "a:8088", "t"))
        .await
        .unwrap();
    // Two on one name.
    let other = begin(store, on("other", "east", "b:8088", "t")).await;
    assert_eq!(other.unwrap_err(), ErrorClass::Refused);
    let same = ControllerLease {
        run: RunName::new("same").unwrap(),
        pbx: "east".to_owned(),
        trunk: "t".to_owned(),
    };
    store.end_controller(&same, fixture.at(1)).await.unwrap();
    let drop = Write::Start(Box::new(intent(None, number(1), 7)));
    let written = store.commit(&one, &[drop], fixture.at(1)).await.unwrap();
    assert_eq!(written, [Written::Applied]);
    // Its lease has ended, and its drop may still ring.
    base.run("UPDATE controllers SET lease_ends = 1 WHERE run = 'one'")
        .await;
    let other = begin(store, on("other", "east", "b:8088", "t")).await;
    assert_eq!(other.unwrap_err(), ErrorClass::Refused);
    let trunks = "SELECT identity || ' ' || trunk FROM pbxes WHERE name = 'east'";
    assert_eq!(base.texts(trunks).await, ["a:8088 t"]);
    let lost = Write::EndDrop {
        end: Box::new(end(7, Outcome::Lost)),
        calls: aftertone::campaign::budget::Calls::NONE,
    };
    let gone = Gone::Of("east");
    let settled = store.settle_gone(&one, gone, &[lost], fixture.at(2)).await;
    assert_eq!(settled.unwrap(), Some(vec![Written::Applied]));
    begin(store, on("other", "east", "b:8088", "u"))
        .await
        .unwrap();
    assert_eq!(base.texts(trunks).await, ["b:8088 u"]);
}

/// A campaign with two contacts of a dead controller: one in mid-drop, one leased.
async fn dead(base: &Base) -> (Fixture, ContactId, ContactId) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    let written = fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    assert_eq!(written, [Written::Applied]);
    base.run("UPDATE controllers SET lease_ends = lease_ends - 3600000000 WHERE run = 'here'")
        .await;
    (fixture, all[0].id, all[1].id)
}

fn lost(fixture: &Fixture, contact: ContactId, drop: u128) -> Write {
    let settlement = Settlement::Ended {
        attempt: 1,
        outcome: Outcome::Lost,
        calls: aftertone::campaign::budget::Calls::NONE,
        again: None,
    };
    Write::Settle {
        campaign: fixture.campaign,
        contact,
        settlement,
        ruling: None,
        zone: None,
        place: None,
        end: Some(Box::new(end(drop, Outcome::Lost))),
    }
}

async fn drops_of_a_pbx_that_does_not_come_back_are_settled_and_what_it_writes_later_is_fenced(
    base: &Base,
) {
    let (fixture, dialled, leased) = dead(base).await;
    let (store, now) = (&fixture.store, fixture.at(10));
    // Too early.
    let early = Gone::By(fixture.at(-4_000));
    assert_eq!(store.gone_drops(early, now).await.unwrap(), []);
    let gone = Gone::By(fixture.at(-600));
    let drops = store.gone_drops(gone, now).await.unwrap();
    let [drop] = drops.as_slice() else {
        panic!("{drops:?}")
    };
    assert_eq!(drop.orphan.drop, DropId::from_u128(1));
    assert_eq!(drop.holder, fixture.holder);
    let end = [lost(&fixture, dialled, 1)];
    let settled = store.settle_gone(&drop.holder, gone, &end, now).await;
    assert_eq!(settled.unwrap(), Some(vec![Written::Applied]));
    assert_eq!(fixture.state(base, dialled).await, "ended 1 lost");
    assert_eq!(fixture.state(base, leased).await, "due 0");
    assert_eq!(store.gone_drops(gone, now).await.unwrap(), []);
    // Again, when the reply was lost.
    let settled = store.settle_gone(&drop.holder, gone, &end, now).await;
    assert_eq!(settled.unwrap(), Some(vec![Written::Applied]));

    // It comes back.
    assert!(!store.renew(&fixture.holder, fixture.at(11)).await.unwrap());
    let (theirs, _) = fixture.lease(2, 11).await;
    assert!(theirs.is_empty());
    let delivered = Settlement::Ended {
        attempt: 1,
        outcome: Outcome::Delivered,
        calls: aftertone::campaign::budget::Calls::NONE,
        again: None,
    };
    let late = Write::Settle {
        campaign: fixture.campaign,
        contact: dialled,
        settlement: delivered,
        ruling: None,
        zone: None,
        place: None,
        end: Some(Box::new(crate::fixture::end(1, Outcome::Delivered))),
    };
    let more = Write::Start(Box::new(intent(
        Some((fixture.campaign, leased)),
        number(1),
        2,
    )));
    let written = fixture.commit(&[late, more], 12).await;
    assert_eq!(written, [Written::Fenced, Written::Fenced]);
    assert_eq!(fixture.state(base, dialled).await, "ended 1 lost");
    let outcomes = base.texts("SELECT outcome FROM drops").await;
    assert_eq!(outcomes, ["lost"]);
}

async fn a_controller_that_is_back_keeps_its_drops(base: &Base) {
    let (fixture, dialled, _) = dead(base).await;
    let (store, gone) = (&fixture.store, Gone::By(fixture.at(-600)));
    let drops = store.gone_drops(gone, fixture.at(10)).await.unwrap();
    // It renews its lease between the two.
    assert!(store.renew(&fixture.holder, fixture.at(10)).await.unwrap());
    let end = [lost(&fixture, dialled, 1)];
    let settled = store.settle_gone(&drops[0].holder, gone, &end, fixture.at(11));
    assert_eq!(settled.await.unwrap(), None);
    assert_eq!(fixture.state(base, dialled).await, "dialling 1");
    assert!(store.renew(&fixture.holder, fixture.at(12)).await.unwrap());
}

async fn contacts_are_given_back_when_their_controller_s_lease_ends(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let store = &fixture.store;
    let (all, _) = fixture.lease(3, 0).await;
    let written = fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    assert_eq!(written, [Written::Applied]);
    assert_eq!(store.give_back_leases(fixture.at(20)).await.unwrap(), 0);
    assert_eq!(store.give_back_leases(fixture.at(40)).await.unwrap(), 2);
    // Of any PBX, and at once, not when the contacts' own leases end.
    let far = begin(store, on("far", "far", "far", "far")).await.unwrap();
    let (theirs, _) = lease(store, &far, fixture.campaign, 9, fixture.at(41)).await;
    assert_eq!(ids(&theirs), [2, 3]);
    assert_eq!(fixture.state(base, all[0].id).await, "dialling 1");
    assert!(store.renew(&far, fixture.at(41)).await.unwrap());
    // The first one is alive after all, and has lost them.
    assert!(store.renew(&fixture.holder, fixture.at(42)).await.unwrap());
    let start = fixture.start_of(&all[1], 2);
    assert_eq!(fixture.commit(&[start], 43).await, [Written::Fenced]);
    assert_eq!(store.give_back_leases(fixture.at(43)).await.unwrap(), 0);
}

async fn a_pbx_is_forgotten_once_nothing_of_it_is_alive(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let store = &fixture.store;
    let (all, _) = fixture.lease(2, 0).await;
    fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await;
    for (now, words) in [(2, "alive"), (60, "not settled")] {
        let refused = store.forget_pbx("pbx", fixture.at(now)).await.unwrap_err();
        assert_eq!(refused.class, ErrorClass::Refused);
        let said = std::error::Error::source(&refused).unwrap().to_string();
        assert!(said.contains(words), "{said}");
    }
    assert!(store.forget_pbx("nowhere", fixture.at(60)).await.is_err());
    let end = [lost(&fixture, all[0].id, 1)];
    let gone = Gone::Of("pbx");
    let settled = store.settle_gone(&fixture.holder, gone, &end, fixture.at(60));
    assert_eq!(settled.await.unwrap(), Some(vec![Written::Applied]));
    store.forget_pbx("pbx", fixture.at(61)).await.unwrap();
    assert_eq!(fixture.state(base, all[1].id).await, "due 0");
    let fleet = store.fleet(fixture.at(62)).await.unwrap();
    assert_eq!((fleet.pbxes.len(), fleet.controllers.len()), (0, 0));
    assert!(!store.renew(&fixture.holder, fixture.at(62)).await.unwrap());
    // Its calls still count for its trunk.
    let calls = store
        .recent_calls(&fixture.holder.trunk, fixture.at(0), None)
        .await;
    assert_eq!(calls.unwrap().len(), 1);
    // It may come back.
    begin(store, on("back", "pbx", "new:8088", "pbx"))
        .await
        .unwrap();
    assert_eq!(store.fleet(fixture.at(0)).await.unwrap().pbxes.len(), 1);
}

async fn a_campaign_is_cancelled_once_the_last_drop_of_any_controller_is_settled(base: &Base) {
    let (fixture, dialled, _) = dead(base).await;
    let (store, id) = (&fixture.store, fixture.campaign);
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    let order = |seconds| store.order(id, cancel, fixture.at(seconds));
    assert_eq!(order(5).await.unwrap().status, Status::Cancelling);
    let in_flight = store.in_flight_of(id, fixture.at(5)).await.unwrap();
    assert_eq!((in_flight.alive, in_flight.gone["pbx"]), (0, 1));
    assert_eq!(order(6).await.unwrap().status, Status::Cancelling);
    let gone = Gone::By(fixture.at(-600));
    let end = [lost(&fixture, dialled, 1)];
    let settled = store.settle_gone(&fixture.holder, gone, &end, fixture.at(7));
    assert_eq!(settled.await.unwrap(), Some(vec![Written::Applied]));
    assert_eq!(
        store.in_flight_of(id, fixture.at(8)).await.unwrap().total(),
        0
    );
    assert_eq!(order(8).await.unwrap().status, Status::Cancelled);
}

async fn calls_and_starts_count_for_the_trunk_whatever_pbx_they_were_made_on(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let store = &fixture.store;
    for (nth, (pbx, trunk)) in [("east", "t"), ("west", "t"), ("north", "u")]
        .iter()
        .enumerate()
    {
        let holder = begin(store, on(pbx, pbx, pbx, trunk)).await.unwrap();
        let (two, _) = lease(store, &holder, fixture.campaign, 2, fixture.at(0)).await;
        for (which, contact) in two.iter().enumerate() {
            let drop = (10 * nth + which) as u128;
            let writes = [
                start(fixture.campaign, contact, drop),
                fixture.ended(contact, drop, Outcome::Failed, None),
            ];
            let written = store.commit(&holder, &writes, fixture.at(1)).await.unwrap();
            let [Written::Applied | Written::Scheduled(_), Written::Applied] = written[..] else {
                panic!("{written:?}");
            };
        }
    }
    for (trunk, drops) in [("t", 4), ("u", 2), ("v", 0)] {
        let starts = store.recent_starts(trunk, fixture.at(0)).await.unwrap();
        assert_eq!(starts.len(), drops, "{trunk}");
        let calls = store.recent_calls(trunk, fixture.at(0), None).await;
        let legs: u64 = calls.unwrap().iter().map(|each| each.calls.drop_legs).sum();
        assert_eq!(legs, drops as u64, "{trunk}");
    }
    let east = ControllerLease {
        run: RunName::new("east").unwrap(),
        pbx: "east".to_owned(),
        trunk: "t".to_owned(),
    };
    let others = store.recent_calls("t", fixture.at(0), Some(&east)).await;
    assert_eq!(others.unwrap()[0].calls.drop_legs, 2);
}

async fn what_others_do_is_counted_without_what_this_one_does(base: &Base) {
    let fixture = Fixture::of(base, 8).await;
    let (store, id) = (&fixture.store, fixture.campaign);
    let other = begin(store, on("other", "far", "far", "far"))
        .await
        .unwrap();
    let dial = async |holder: &ControllerLease, drop: u128, caller: &str, ends: bool| {
        let at = fixture.at(drop as i64);
        let (one, _) = lease(store, holder, id, 1, at).await;
        let mut writes = vec![start(id, &one[0], drop)];
        if let Write::Start(intent) = &mut writes[0] {
            intent.caller_id = Some(CallerId::parse(caller).unwrap());
        }
        if ends {
            writes.push(fixture.ended(&one[0], drop, Outcome::Failed, None));
        }
        store.commit(holder, &writes, at).await.unwrap();
    };
    const A: &str = "+12025550198";
    const B: &str = "+12025550199";
    dial(&fixture.holder, 1, A, true).await;
    dial(&other, 2, A, true).await;
    dial(&other, 3, B, true).await;
    dial(&other, 4, B, false).await;
    let since = [(id, fixture.at(0)), (CampaignId(99), fixture.at(0))];
    let ends = async |holder: &ControllerLease| -> u64 {
        let ends = store.ends_elsewhere(holder, &since).await.unwrap();
        assert!(ends.iter().all(|end| end.outcome == Outcome::Failed));
        ends.iter().map(|end| end.drops).sum()
    };
    assert_eq!((ends(&fixture.holder).await, ends(&other).await), (2, 1));
    let shown = async |holder: &ControllerLease| {
        let shown = store.shown_elsewhere(holder, &since).await.unwrap();
        let mut of = [0, 0];
        for each in shown {
            of[usize::from(each.caller_id.as_str() == B)] += each.calls;
        }
        of
    };
    assert_eq!(shown(&fixture.holder).await, [1, 2]);
    assert_eq!(shown(&other).await, [1, 0]);
    let used = store.caller_ids_used(id).await.unwrap();
    let used: Vec<_> = used.iter().map(|(id, n)| (id.as_str(), *n)).collect();
    assert_eq!(used, [(A, 2), (B, 2)]);
    // What had failed before the operator resumed it counts no more.
    let pause = OperatorCommand::Pause(InFlight::Finish);
    store.order(id, pause, fixture.at(9)).await.unwrap();
    store
        .order(id, OperatorCommand::Resume, fixture.at(9))
        .await
        .unwrap();
    assert_eq!((ends(&fixture.holder).await, ends(&other).await), (0, 0));
}

async fn the_registry_shows_who_is_alive_and_what_the_others_left(base: &Base) {
    let (fixture, _, _) = dead(base).await;
    let store = &fixture.store;
    let strict = Registration {
        in_flight: 5,
        rate: aftertone::campaign::pace::Rate::new(2, Duration::from_secs(1)).unwrap(),
        ..on("east1", "east", "east:8088", "t")
    };
    begin(store, strict).await.unwrap();
    begin(store, on("west1", "west", "west:8088", "t"))
        .await
        .unwrap();
    let fleet = store.fleet(fixture.at(2)).await.unwrap();
    let names: Vec<_> = fleet.pbxes.iter().map(|pbx| pbx.name.as_str()).collect();
    assert_eq!(names, ["east", "pbx", "west"]);
    assert_eq!((fleet.pbxes[1].in_flight, fleet.pbxes[1].starts), (1, 1));
    let states: Vec<_> = fleet
        .controllers
        .iter()
        .map(|each| {
            (
                each.run.as_str(),
                each.is_alive,
                each.in_flight,
                each.leased,
            )
        })
        .collect();
    let expected = [
        ("east1", true, 0, 0),
        ("here", false, 1, 1),
        ("west1", true, 0, 0),
    ];
    assert_eq!(states, expected);
    let words = fleet.disagreement("t").unwrap();
    for part in [
        "`east1` 2/s, 5 in flight",
        "`west1` 1000/s, 10000 in flight",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(fleet.disagreement("pbx"), None);
    // A program of version 0.1.0 registers nothing.
    base.run("INSERT INTO controllers (run, pbx, began_at, lease_ends) VALUES ('old', 'old', 1, 9000000000000000)")
        .await;
    let fleet = store.fleet(fixture.at(2)).await.unwrap();
    let old = fleet.pbxes.iter().find(|pbx| pbx.name == "old").unwrap();
    assert_eq!(old.registered, None);
}
