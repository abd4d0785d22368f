//! What is due, to whom, and when there is more.

use std::{collections::BTreeSet, sync::Arc};

use aftertone::{
    campaign::{
        HeldReason,
        engine::{Next, Settlement},
    },
    drop::{Outcome, Technique},
    store::{Write, Written},
};
use jiff::{SignedDuration, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, HISTORY, campaign, controller, digits, ids, intent, lease, number, queue},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        contacts_come_in_the_order_in_which_they_are_due,
        next_is_of_what_this_answer_does_not_bring,
        a_lease_that_ends_is_due_by_itself_and_its_holder_is_fenced,
        what_is_given_back_keeps_its_place,
        many_controllers_never_lease_the_same_contact,
        the_gate_is_given_all_that_is_known,
        what_waits_is_counted_by_reason_and_minute,
        recent_starts_and_calls_are_those_of_the_pbx,
    )
}

async fn contacts_come_in_the_order_in_which_they_are_due(base: &Base) {
    let fixture = Fixture::of(base, 5).await;
    let due = fixture.at(-100).as_microsecond();
    base.run(format!("UPDATE contacts SET due_at = {due} WHERE id = 4"))
        .await;
    let (first, next) = fixture.lease(3, 0).await;
    assert_eq!(ids(&first), [4, 1, 2]);
    assert!(
        matches!(next, Next::At(at) if at < fixture.start),
        "{next:?}"
    );
    let (rest, next) = fixture.lease(3, 0).await;
    assert_eq!(ids(&rest), [3, 5]);
    // Those of the first answer, with the ends of their leases.
    assert_eq!(next, Next::At(fixture.at(90)));
}

async fn next_is_of_what_this_answer_does_not_bring(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, next) = fixture.lease(10, 0).await;
    assert_eq!((ids(&all), next), (vec![1, 2], Next::Never));
    let (none, next) = fixture.lease(10, 1).await;
    assert_eq!((ids(&none), next), (vec![], Next::At(fixture.at(90))));
    let until = fixture.at(3_600);
    let held = Settlement::Held {
        reason: HeldReason::CallingHours,
        until,
    };
    let writes = [fixture.settle(&all[0], held), fixture.start_of(&all[1], 1)];
    assert_eq!(
        fixture.commit(&writes, 2).await,
        [Written::Applied, Written::Applied]
    );
    let (none, next) = fixture.lease(10, 3).await;
    assert_eq!((ids(&none), next), (vec![], Next::At(until)));
    let (held, next) = fixture.lease(10, 3_600).await;
    assert_eq!((ids(&held), next), (vec![1], Next::Never));
    let writes = [
        fixture.settle(
            &held[0],
            Settlement::Refused(aftertone::campaign::RefusedReason::NoConsent),
        ),
        fixture.ended(&all[1], 1, Outcome::Delivered, None),
    ];
    assert_eq!(
        fixture.commit(&writes, 3_601).await,
        [Written::Applied, Written::Applied]
    );
    let (none, next) = fixture.lease(10, 9_999).await;
    assert_eq!((ids(&none), next), (vec![], Next::Never));
}

async fn a_lease_that_ends_is_due_by_itself_and_its_holder_is_fenced(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let other = controller(&fixture.store, "there").await;
    let (mine, _) = fixture.lease(2, 0).await;
    let (none, next) = lease(&fixture.store, &other, fixture.campaign, 2, fixture.at(89)).await;
    assert_eq!((ids(&none), next), (vec![], Next::At(fixture.at(90))));
    let (theirs, _) = lease(&fixture.store, &other, fixture.campaign, 1, fixture.at(90)).await;
    assert_eq!(ids(&theirs), [1]);
    let held = Settlement::Held {
        reason: HeldReason::Paused,
        until: fixture.at(999),
    };
    let release = Write::Release {
        campaign: fixture.campaign,
        contacts: vec![mine[0].id],
    };
    let before = base.dump().await;
    let writes = [
        fixture.start_of(&mine[0], 1),
        fixture.settle(&mine[0], held),
        fixture.settle(&mine[0], Settlement::NotDialled { attempt: 1 }),
        release,
    ];
    let written = fixture.commit(&writes, 91).await;
    use Written::{Applied, Fenced};
    assert_eq!(written, [Fenced, Fenced, Fenced, Applied]);
    assert_eq!(base.dump().await, before);
    // No other controller has the second one: its lease has ended, and it may still be used.
    let written = fixture.commit(&[fixture.start_of(&mine[1], 2)], 92).await;
    assert_eq!(written, [Applied]);
}

async fn what_is_given_back_keeps_its_place(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let (first, _) = fixture.lease(2, 0).await;
    let release = Write::Release {
        campaign: fixture.campaign,
        contacts: first.iter().map(|contact| contact.id).collect(),
    };
    assert_eq!(fixture.commit(&[release], 1).await, [Written::Applied]);
    assert_eq!(ids(&fixture.lease(3, 2).await.0), [1, 2, 3]);
}

async fn many_controllers_never_lease_the_same_contact(base: &Base) {
    const CONTACTS: usize = 1_500;
    let fixture = Fixture::of(base, CONTACTS).await;
    let mut tasks = tokio::task::JoinSet::new();
    for nth in 0..4 {
        let store = base.open().await;
        let holder = controller(&store, &format!("run{nth}")).await;
        let (campaign, now) = (fixture.campaign, fixture.at(1));
        tasks.spawn(async move {
            let mut all = Vec::new();
            loop {
                let (some, next) = lease(&store, &holder, campaign, 7, now).await;
                all.extend(ids(&some));
                if some.is_empty() && next > Next::At(now) {
                    return all;
                }
            }
        });
    }
    let all: Vec<i64> = tasks.join_all().await.into_iter().flatten().collect();
    let different: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!((all.len(), different.len()), (CONTACTS, CONTACTS));
}

async fn the_gate_is_given_all_that_is_known(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let number_1 = digits(0);
    base.run(format!(
        "UPDATE contacts SET zone = 'America/New_York', state = 'FL', consent = 'written', consent_at = 5000000, \
         consent_source = 'form', message = 'mine' WHERE id = 1; \
         INSERT INTO lists (name, created_at) VALUES ('own', 0); \
         INSERT INTO do_not_call (number, list, at) VALUES ({number_1}, 1, 0)"
    ))
    .await;
    // One drop outside any campaign, and one that was never dialled.
    let mut single = intent(None, number(0), 1);
    single.technique = Technique::Single;
    single.despite_do_not_call = true;
    let writes = [Write::Start(Box::new(single))];
    assert_eq!(fixture.commit(&writes, 1).await, [Written::Applied]);

    let (store, holder, mut queue) = (&fixture.store, &fixture.holder, queue());
    let (campaign, now) = (fixture.campaign, fixture.at(2));
    let leased = store.lease(holder, campaign, 2, HISTORY, &mut queue, now);
    let (leased, _) = leased.await.unwrap();
    let facts = &leased[0].facts;
    assert_eq!(leased[0].contact.message.as_deref(), Some("mine"));
    assert_eq!(facts.zone.as_deref(), Some("America/New_York"));
    assert_eq!(facts.state.as_deref(), Some("FL"));
    let consent = facts.consent.as_ref().unwrap();
    assert_eq!(consent.at.unwrap().as_second(), 5);
    assert_eq!(consent.source.as_deref(), Some("form"));
    assert_eq!(facts.do_not_call.as_deref(), Some("own"));
    assert_eq!(facts.version, 1);
    let starts: Vec<_> = facts
        .starts
        .iter()
        .map(|start| (start.at, start.calls))
        .collect();
    assert_eq!(starts, [(fixture.at(1), 1)]);
    assert_eq!(leased[1].facts, aftertone::store::Facts::default());

    let alone = fixture
        .store
        .facts(&number(0), HISTORY, fixture.at(3))
        .await
        .unwrap();
    assert_eq!(
        (alone.version, alone.starts.len(), alone.consent),
        (1, 1, None)
    );
    let short = SignedDuration::from_secs(1);
    let later = fixture
        .store
        .facts(&number(0), short, fixture.at(9))
        .await
        .unwrap();
    assert_eq!((later.version, later.starts.len()), (1, 0));
}

async fn what_waits_is_counted_by_reason_and_minute(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let (all, _) = fixture.lease(5, 0).await;
    let minute = fixture.start.as_second() / 60 * 60 + 600;
    let until = jiff::Timestamp::from_second(minute).unwrap();
    let held = Settlement::Held {
        reason: HeldReason::CallingHours,
        until,
    };
    let in_zone = |contact, zone: &str| match fixture.settle(contact, held) {
        Write::Settle {
            campaign,
            contact,
            settlement,
            ruling,
            place,
            end,
            ..
        } => Write::Settle {
            campaign,
            contact,
            settlement,
            ruling,
            zone: Some(zone.to_owned()),
            place,
            end,
        },
        other @ (Write::Start(_)
        | Write::EndDrop { .. }
        | Write::TakeBack { .. }
        | Write::Release { .. }
        | Write::Paused { .. }
        | Write::Finished { .. }) => other,
    };
    let writes = [
        in_zone(&all[0], "America/Chicago"),
        in_zone(&all[1], "America/Chicago"),
        in_zone(&all[2], "America/Denver"),
        fixture.start_of(&all[3], 1),
        fixture.ended(&all[3], 1, Outcome::Busy, Some(until - 30.seconds())),
    ];
    let written = fixture.commit(&writes, 1).await;
    assert!(written.iter().all(|written| *written == Written::Applied));
    let groups = fixture
        .store
        .waiting(fixture.campaign, fixture.at(2))
        .await
        .unwrap();
    let groups: Vec<_> = groups
        .iter()
        .map(|group| {
            (
                group.reason,
                group.until,
                group.zone.as_deref(),
                group.contacts,
            )
        })
        .collect();
    let hours = Some(HeldReason::CallingHours);
    let mut expected = vec![
        (None, until, None, 1),
        (hours, until, Some("America/Chicago"), 2),
        (hours, until, Some("America/Denver"), 1),
    ];
    expected.sort_by_key(|group| (group.1, group.0.is_none(), group.2.map(str::to_owned)));
    let mut groups = groups;
    groups.sort_by_key(|group| (group.1, group.0.is_none(), group.2.map(str::to_owned)));
    assert_eq!(groups, expected);
}

async fn recent_starts_and_calls_are_those_of_the_pbx(base: &Base) {
    let fixture = Fixture::of(base, 4).await;
    let other = campaign(&fixture.store, "two", fixture.start).await;
    let (all, _) = fixture.lease(4, 0).await;
    for (nth, contact) in all.iter().enumerate() {
        let drop = nth as u128 + 1;
        let seconds = nth as i64;
        let start = fixture.start_of(contact, drop);
        assert_eq!(fixture.commit(&[start], seconds).await, [Written::Applied]);
        let ended = fixture.ended(contact, drop, Outcome::NoAnswer, None);
        assert_eq!(
            fixture.commit(&[ended], seconds + 10).await,
            [Written::Applied]
        );
    }
    let starts = fixture
        .store
        .recent_starts(&fixture.holder.trunk, fixture.at(1))
        .await
        .unwrap();
    assert_eq!(starts.len(), 2);
    assert!(
        starts
            .iter()
            .all(|start| start.campaign == Some(fixture.campaign))
    );
    assert!(
        fixture
            .store
            .recent_starts("elsewhere", fixture.at(-9))
            .await
            .unwrap()
            .is_empty()
    );
    let calls = fixture
        .store
        .recent_calls(&fixture.holder.trunk, fixture.at(10), None)
        .await
        .unwrap();
    let sum: u64 = calls.iter().map(|calls| calls.calls.busy_legs).sum();
    assert_eq!(sum, 3);
    let but =
        fixture
            .store
            .recent_calls(&fixture.holder.trunk, fixture.at(10), Some(&fixture.holder));
    assert!(but.await.unwrap().is_empty());
    assert!(
        fixture
            .store
            .caller_ids_used(other)
            .await
            .unwrap()
            .is_empty()
    );
}
