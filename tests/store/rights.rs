//! A person's and an operator's rights: contacts that come back, are looked at again or corrected, campaigns that are
//! deleted, and what is taken off do-not-call lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        engine::{CampaignId, Contact, End, InFlight, Settlement},
        policy::{Consent, ConsentKind},
    },
    drop::Outcome,
    store::{
        Across, Added, ContactEnd, ErrorClass, ListName, LookedAgain, NewContact, Operator,
        OperatorCommand, Requeue, Source, Status, Write, Written,
    },
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, campaign, controller, digits, ids, lease, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        contacts_that_failed_come_back_once_with_who_and_why,
        other_campaigns_and_contacts_in_hand_are_left_alone_by_a_requeue,
        a_campaign_that_is_over_stays_so_until_it_is_resumed,
        nothing_comes_back_into_a_cancelled_campaign,
        what_is_held_by_other_rules_is_due_at_once_and_a_retry_is_not,
        rules_that_another_controller_goes_on_to_hold_by_are_looked_at_again,
        a_corrected_list_changes_who_was_never_called_and_nobody_else,
        a_contact_in_hand_is_taken_back_by_a_corrected_list,
        a_list_that_was_overtaken_is_read_anew,
        a_campaign_without_drops_goes_and_one_with_drops_stays,
        what_is_taken_off_a_list_leaves_a_trace,
    )
}

const ANN: Operator<'static> = Operator {
    who: "ann",
    because: Some("a wrong endpoint"),
};

async fn contacts_that_failed_come_back_once_with_who_and_why(base: &Base) {
    let fixture = Fixture::of(base, 5).await;
    let (contacts, _) = fixture.lease(5, 0).await;
    for (contact, drop) in contacts.iter().zip(1..) {
        let outcome = match drop {
            1 | 2 => Outcome::Error,
            3 => Outcome::Lost,
            4 => Outcome::Delivered,
            _ => {
                let refused = Settlement::Refused(RefusedReason::NoConsent);
                fixture.commit(&[fixture.settle(contact, refused)], 1).await;
                continue;
            }
        };
        fixture.commit(&[fixture.start_of(contact, drop)], 1).await;
        fixture
            .commit(&[fixture.ended(contact, drop, outcome, None)], 2)
            .await;
    }
    let which = BTreeSet::from([
        ContactEnd::Outcome(Outcome::Error),
        ContactEnd::Outcome(Outcome::Lost),
        ContactEnd::Outcome(Outcome::Busy),
        ContactEnd::Refused(RefusedReason::NoConsent),
    ]);
    let wanted = BTreeMap::from([
        (ContactEnd::Outcome(Outcome::Error), 2),
        (ContactEnd::Outcome(Outcome::Lost), 1),
        (ContactEnd::Refused(RefusedReason::NoConsent), 1),
    ]);
    let store = &fixture.store;
    let ended = store.ended(fixture.campaign, &which).await.unwrap();
    assert_eq!(ended, wanted);
    // Those that ended after the moment of the command are left alone.
    let early = store
        .requeue(fixture.campaign, &which, ANN, fixture.at(0))
        .await
        .unwrap();
    assert_eq!((early.all(), early.status), (0, Status::Running));

    let version = store.campaign("one").await.unwrap().unwrap().version;
    let requeued = store
        .requeue(fixture.campaign, &which, ANN, fixture.at(3))
        .await
        .unwrap();
    assert_eq!(
        (requeued.contacts.clone(), requeued.status),
        (wanted, Status::Running)
    );
    assert!(
        store.campaign("one").await.unwrap().unwrap().version > version,
        "a controller sees it"
    );
    for (contact, expected) in
        contacts
            .iter()
            .zip(["due 1", "due 1", "due 1", "ended 1 delivered", "due 0"])
    {
        assert_eq!(fixture.state(base, contact.id).await, expected);
    }
    let tally = store.tally(fixture.campaign).await.unwrap();
    assert_eq!((tally.waiting, tally.drops), (4, 4));
    let finals = base
        .texts("SELECT outcome || ' ' || is_final FROM drops ORDER BY id")
        .await;
    assert_eq!(
        finals,
        ["error 0", "error 0", "lost 0", "delivered 1"],
        "the drops stay as they were"
    );

    // The attempts are counted on, and the same may happen again.
    let (again, _) = fixture.lease(5, 4).await;
    assert_eq!(again.len(), 4);
    let first = again.iter().find(|it| it.id == contacts[0].id).unwrap();
    assert_eq!(first.attempts, 1);
    let written = fixture.commit(&[fixture.start_of(first, 9)], 4).await;
    assert_eq!(written, [Written::Applied]);
    let ended = fixture.ended(first, 9, Outcome::Error, None);
    assert_eq!(fixture.commit(&[ended], 5).await, [Written::Applied]);
    assert_eq!(fixture.state(base, first.id).await, "ended 2 error");
    let once_more = store
        .requeue(fixture.campaign, &which, ANN, fixture.at(6))
        .await
        .unwrap();
    assert_eq!(once_more.all(), 1);

    let noted = store.requeues(fixture.campaign).await.unwrap();
    let note = |at, contacts| Requeue {
        at: fixture.at(at),
        who: "ann".to_owned(),
        because: Some("a wrong endpoint".to_owned()),
        which: "busy,lost,error,refused:no_consent".to_owned(),
        contacts,
    };
    assert_eq!(noted, [note(3, 4), note(6, 1)]);
    let of_first = store.requeues_of(first.id).await.unwrap();
    let error = ContactEnd::Outcome(Outcome::Error);
    assert_eq!(of_first, [(error, note(3, 4)), (error, note(6, 1))]);
    let of_refused = store.requeues_of(contacts[4].id).await.unwrap();
    let refused = ContactEnd::Refused(RefusedReason::NoConsent);
    assert_eq!(of_refused, [(refused, note(3, 4))]);
}

async fn other_campaigns_and_contacts_in_hand_are_left_alone_by_a_requeue(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let other = Fixture::other(base, &fixture, "two", 3..4).await;
    for (of, drop) in [(&fixture, 1), (&other, 2)] {
        let (contacts, _) = of.lease(1, 0).await;
        of.commit(&[of.start_of(&contacts[0], drop)], 1).await;
        let ended = of.ended(&contacts[0], drop, Outcome::Error, None);
        of.commit(&[ended], 2).await;
    }
    // One is leased, one is in mid-drop.
    let (hand, _) = fixture.lease(2, 2).await;
    let started = fixture.commit(&[fixture.start_of(&hand[1], 3)], 2).await;
    assert_eq!(started, [Written::Applied]);
    let of_others = "SELECT id || ' ' || stage || ' ' || coalesce(outcome, '-') || ' ' || coalesce(holder, '-') || ' ' \
                     || coalesce(CAST(due_at AS TEXT), '-') FROM contacts WHERE id <> 1 ORDER BY id";
    let before = base.texts(of_others).await;
    let which = BTreeSet::from([ContactEnd::Outcome(Outcome::Error)]);
    let requeued = fixture
        .store
        .requeue(fixture.campaign, &which, ANN, fixture.at(3));
    assert_eq!(requeued.await.unwrap().all(), 1);
    assert_eq!(base.texts(of_others).await, before);
    let finals = base.texts("SELECT id FROM drops WHERE is_final = 1").await;
    assert_eq!(finals.len(), 1, "the other campaign's");
    let noted = fixture.store.requeues(other.campaign).await.unwrap();
    assert_eq!(noted, []);
}

async fn a_campaign_that_is_over_stays_so_until_it_is_resumed(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (contacts, _) = fixture.lease(1, 0).await;
    let contact = &contacts[0];
    fixture.commit(&[fixture.start_of(contact, 1)], 1).await;
    fixture
        .commit(&[fixture.ended(contact, 1, Outcome::Error, None)], 2)
        .await;
    let finished = Write::Finished {
        campaign: fixture.campaign,
        end: End::Complete,
    };
    assert_eq!(fixture.commit(&[finished], 3).await, [Written::Applied]);
    let which = BTreeSet::from([ContactEnd::Outcome(Outcome::Error)]);
    let requeued = fixture
        .store
        .requeue(fixture.campaign, &which, ANN, fixture.at(4))
        .await
        .unwrap();
    assert_eq!((requeued.all(), requeued.status), (1, Status::Complete));
    let row = fixture.store.campaign("one").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Complete);
    assert!(row.why.unwrap().contains("requeued"));
    let (none, _) = fixture.lease(1, 5).await;
    assert!(none.is_empty(), "nobody started it");
    let order = fixture
        .store
        .order(fixture.campaign, OperatorCommand::Resume, fixture.at(6))
        .await
        .unwrap();
    assert_eq!((order.status, order.why), (Status::Running, None));
    let (back, _) = fixture.lease(1, 7).await;
    assert_eq!(ids(&back), ids(&contacts));
}

async fn nothing_comes_back_into_a_cancelled_campaign(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (contacts, _) = fixture.lease(1, 0).await;
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    fixture
        .commit(&[fixture.settle(&contacts[0], refused)], 1)
        .await;
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    let ordered = fixture
        .store
        .order(fixture.campaign, cancel, fixture.at(2))
        .await;
    ordered.unwrap();
    let which = BTreeSet::from([ContactEnd::Refused(RefusedReason::DoNotCall)]);
    for id in [fixture.campaign, CampaignId(99)] {
        let error = fixture
            .store
            .requeue(id, &which, ANN, fixture.at(3))
            .await
            .unwrap_err();
        assert_eq!(error.class, ErrorClass::Refused);
    }
    let state = fixture.state(base, contacts[0].id).await;
    assert_eq!(state, "refused 0 do_not_call");
}

/// Holds the first contacts until an hour later, and lets the next wait as long for another attempt.
async fn held_and_waiting(fixture: &Fixture, held: usize) -> Vec<Contact> {
    let (contacts, _) = fixture.lease(held + 1, 0).await;
    let (last, first) = contacts.split_last().unwrap();
    for contact in first {
        let hold = Settlement::Held {
            reason: HeldReason::CallingHours,
            until: fixture.at(3_600),
        };
        fixture.commit(&[fixture.settle(contact, hold)], 1).await;
    }
    fixture.commit(&[fixture.start_of(last, 1)], 1).await;
    let again = Some(fixture.at(3_600));
    fixture
        .commit(&[fixture.ended(last, 1, Outcome::Busy, again)], 2)
        .await;
    contacts
}

async fn look(fixture: &Fixture, rules: &str, seconds: i64) -> u64 {
    let (mut after, mut all) = (None, 0);
    loop {
        let looked = fixture
            .store
            .look_again_at_held(
                &fixture.holder,
                fixture.campaign,
                rules,
                after,
                fixture.at(seconds),
            )
            .await
            .unwrap();
        all += looked.contacts;
        after = looked.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn what_is_held_by_other_rules_is_due_at_once_and_a_retry_is_not(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    assert_eq!(look(&fixture, "first", 0).await, 0);
    let contacts = held_and_waiting(&fixture, 2).await;
    assert_eq!(look(&fixture, "first", 2).await, 0, "by the same rules");
    let (none, _) = fixture.lease(3, 3).await;
    assert!(none.is_empty());
    let store = &fixture.store;
    let is_otherwise = async |rules: &str| {
        store
            .is_held_otherwise(fixture.campaign, rules, fixture.at(3))
            .await
            .unwrap()
    };
    assert!(!is_otherwise("first").await);
    assert!(is_otherwise("other").await);

    assert_eq!(look(&fixture, "other", 4).await, 2);
    let groups = store
        .waiting(fixture.campaign, fixture.at(4))
        .await
        .unwrap();
    let told: Vec<_> = groups
        .iter()
        .map(|group| (group.reason, group.contacts))
        .collect();
    assert_eq!(told, [(None, 1)]);
    let (due, _) = fixture.lease(3, 5).await;
    assert_eq!(ids(&due), ids(&contacts[..2]), "the retry waits");

    // They are held anew, and stay so while the rules do.
    for contact in &due {
        let hold = Settlement::Held {
            reason: HeldReason::FrequencyCap,
            until: fixture.at(7_200),
        };
        fixture.commit(&[fixture.settle(contact, hold)], 6).await;
    }
    assert_eq!(look(&fixture, "other", 7).await, 0);
    // A hold of which it is not known by what rules it was made is looked at.
    base.run("DELETE FROM held_under").await;
    assert_eq!(look(&fixture, "other", 8).await, 2);
}

async fn rules_that_another_controller_goes_on_to_hold_by_are_looked_at_again(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let store = &fixture.store;
    let other = controller(store, "other").await;
    let by_other = |rules: &'static str, seconds| {
        let (at, campaign) = (fixture.at(seconds), fixture.campaign);
        store.look_again_at_held(&other, campaign, rules, None, at)
    };
    by_other("old", 0).await.unwrap();
    // The first one has new rules already, while the other holds by the old ones.
    assert_eq!(look(&fixture, "new", 1).await, 0);
    held_and_waiting(&fixture, 1).await;
    store.end_controller(&other, fixture.at(3)).await.unwrap();
    let next = controller(store, "next").await;
    let looked = store
        .look_again_at_held(&next, fixture.campaign, "new", None, fixture.at(4))
        .await
        .unwrap();
    assert_eq!(looked.contacts, 1);
    let rest = store
        .look_again_at_held(&next, fixture.campaign, "new", looked.next, fixture.at(4))
        .await
        .unwrap();
    let done = LookedAgain {
        contacts: 0,
        next: None,
    };
    assert_eq!(rest, done);
    let digests = base
        .texts("SELECT run || ' ' || digest FROM held_under ORDER BY run")
        .await;
    assert_eq!(digests, ["here new", "next new"]);
}

async fn import(fixture: &Fixture, digest: &str, contacts: &[NewContact], seconds: i64) -> Added {
    let source = Source {
        name: format!("{digest}.csv"),
        size: 1_000,
        digest: digest.into(),
    };
    let at = fixture.at(seconds);
    let store = &fixture.store;
    let begun = store.begin_import(fixture.campaign, &source, at).await;
    let mut importing = begun.unwrap();
    importing.bytes = 1_000;
    importing.is_complete = true;
    let added = store.add_contacts(&importing, Across::Allow, contacts, at);
    added.await.unwrap()
}

fn row(line: u64, which: usize, name: &str) -> NewContact {
    NewContact {
        line,
        number: number(which),
        name: Some(name.to_owned()),
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: BTreeMap::new(),
    }
}

fn with_consent(row: NewContact) -> NewContact {
    NewContact {
        zone: Some("America/New_York".to_owned()),
        state: Some("NY".to_owned()),
        consent: Some(Consent {
            kind: ConsentKind::Written,
            at: None,
            source: Some("web form".to_owned()),
        }),
        message: Some("promo".to_owned()),
        foreign_id: Some("a1".to_owned()),
        others: BTreeMap::from([("plan".to_owned(), "gold".to_owned())]),
        ..row
    }
}

async fn a_corrected_list_changes_who_was_never_called_and_nobody_else(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let rows: Vec<_> = (0..6).map(|n| row(n as u64 + 2, n, "Ann")).collect();
    assert_eq!(import(&fixture, "a", &rows, 0).await.added, 6);
    let (contacts, _) = fixture.lease(5, 1).await;
    // The first is refused, the second held, the third called and to be tried again, the fourth called for good, the fifth
    // refused after a call.
    let refused = Settlement::Refused(RefusedReason::NoConsent);
    let hold = Settlement::Held {
        reason: HeldReason::CallingHours,
        until: fixture.at(3_600),
    };
    fixture
        .commit(
            &[
                fixture.settle(&contacts[0], refused),
                fixture.settle(&contacts[1], hold),
            ],
            1,
        )
        .await;
    for (nth, again) in [(2, Some(9)), (3, None), (4, Some(2))] {
        let (contact, drop) = (&contacts[nth], nth as u128);
        fixture.commit(&[fixture.start_of(contact, drop)], 1).await;
        let again = again.map(|at| fixture.at(at));
        let ended = fixture.ended(contact, drop, Outcome::Busy, again);
        fixture.commit(&[ended], 1).await;
    }
    let (fifth, _) = fixture.lease(5, 3).await;
    let fifth = fifth.iter().find(|it| it.id == contacts[4].id).unwrap();
    let refusals = [fixture.settle(fifth, refused)];
    assert_eq!(fixture.commit(&refusals, 3).await, [Written::Applied]);

    let corrected: Vec<_> = (0..8)
        .map(|n| with_consent(row(n as u64 + 2, n, "Bob")))
        .chain([row(10, 0, "Twice"), row(11, 7, "Twice")])
        .collect();
    let added = import(&fixture, "b", &corrected, 4).await;
    let wanted = Added {
        added: 2,
        updated: 3,
        unchanged: 0,
        called: vec![4, 5, 6],
        duplicates: vec![10, 11],
        ..Added::default()
    };
    assert_eq!(added, wanted);
    let states = [
        "due 0",
        "due 0",
        "due 1",
        "ended 1 busy",
        "refused 1 no_consent",
    ];
    for (contact, expected) in contacts.iter().zip(states) {
        assert_eq!(fixture.state(base, contact.id).await, expected);
    }
    let shown = base
        .texts(
            "SELECT (number - 12025550000) || ' ' || name || ' ' || line || ' ' || coalesce(zone || state || consent || \
             consent_source || message || foreign_id || others, '-') FROM contacts ORDER BY number",
        )
        .await;
    let all = "America/New_YorkNYwrittenweb formpromoa1{\"plan\":\"gold\"}";
    let wanted: Vec<_> = (0..8)
        .map(|n: u64| match n {
            2..=4 => format!("{n} Ann {} -", n + 2),
            _ => format!("{n} Bob {} {all}", n + 2),
        })
        .collect();
    assert_eq!(shown, wanted);
    // The one that was refused and the one that was held are due, and the gate is asked by what their rows say now.
    let (leased, _) = fixture
        .store
        .lease(
            &fixture.holder,
            fixture.campaign,
            2,
            crate::fixture::HISTORY,
            &mut crate::fixture::queue(),
            fixture.at(4),
        )
        .await
        .unwrap();
    for leased in &leased {
        assert_eq!(leased.facts.state.as_deref(), Some("NY"));
        let kind = leased.facts.consent.as_ref().map(|consent| consent.kind);
        assert_eq!(kind, Some(ConsentKind::Written));
    }

    // What says nothing new changes nothing, and asks nothing again.
    fixture.release_all(&leased).await;
    let (due, _) = fixture.lease(1, 5).await;
    fixture.commit(&[fixture.settle(&due[0], refused)], 5).await;
    let same = import(&fixture, "c", &corrected[..8], 6).await;
    assert_eq!((same.added, same.updated, same.unchanged), (0, 0, 5));
    assert_eq!(same.called, [4, 5, 6]);
    let state = fixture.state(base, due[0].id).await;
    assert_eq!(state, "refused 0 no_consent");
    // Nor does another campaign's list.
    let two = campaign(&fixture.store, "two", fixture.start).await;
    let fixture = Fixture {
        campaign: two,
        ..fixture
    };
    let elsewhere = import(&fixture, "d", &[row(2, 0, "Cy")], 7).await;
    assert_eq!((elsewhere.added, elsewhere.updated), (1, 0));
    let names = base
        .texts(format!(
            "SELECT name FROM contacts WHERE number = {} ORDER BY id",
            digits(0)
        ))
        .await;
    assert_eq!(names, ["Bob", "Cy"]);
}

async fn a_contact_in_hand_is_taken_back_by_a_corrected_list(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    import(&fixture, "a", &[with_consent(row(2, 0, "Ann"))], 0).await;
    let (contacts, _) = fixture.lease(1, 1).await;
    // Consent is withdrawn while a controller is about to dial.
    let added = import(&fixture, "b", &[row(2, 0, "Ann")], 2).await;
    assert_eq!((added.updated, added.added), (1, 0));
    let written = fixture
        .commit(&[fixture.start_of(&contacts[0], 1)], 2)
        .await;
    assert_eq!(written, [Written::Fenced]);
    let store = &fixture.store;
    let (again, _) = lease(store, &fixture.holder, fixture.campaign, 1, fixture.at(3)).await;
    assert_eq!(ids(&again), ids(&contacts));
    let written = fixture.commit(&[fixture.start_of(&again[0], 2)], 3).await;
    assert_eq!(written, [Written::Applied]);
    let added = import(&fixture, "c", &[row(5, 0, "Bob")], 4).await;
    assert_eq!((added.updated, added.called), (0, vec![5]));
}

async fn a_list_that_was_overtaken_is_read_anew(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let first = [row(2, 0, "Ann")];
    import(&fixture, "a", &first, 0).await;
    let again = import(&fixture, "a", &first, 1).await;
    assert_eq!((again.added, again.updated), (1, 0), "it is in");
    let corrected = import(&fixture, "b", &[row(2, 0, "Bob")], 2).await;
    assert_eq!(corrected.updated, 1);
    let back = import(&fixture, "a", &first, 3).await;
    assert_eq!((back.added, back.updated), (0, 1));
    let names = base.texts("SELECT name FROM contacts").await;
    assert_eq!(names, ["Ann"]);
    let counts = base
        .texts("SELECT digest || ' ' || rows || ' ' || updated FROM imports ORDER BY id")
        .await;
    assert_eq!(counts, ["a 0 1", "b 0 1"]);
}

async fn a_campaign_without_drops_goes_and_one_with_drops_stays(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let rows: Vec<_> = (0..3).map(|n| row(n as u64 + 2, n, "Ann")).collect();
    import(&fixture, "a", &rows, 0).await;
    look(&fixture, "rules", 0).await;
    let (contacts, _) = fixture.lease(3, 1).await;
    let refused = Settlement::Refused(RefusedReason::NoConsent);
    fixture
        .commit(&[fixture.settle(&contacts[0], refused)], 1)
        .await;
    let which = BTreeSet::from([ContactEnd::Refused(RefusedReason::NoConsent)]);
    let requeued = store.requeue(fixture.campaign, &which, ANN, fixture.at(2));
    assert_eq!(requeued.await.unwrap().all(), 1);
    let error = store.delete_some(fixture.campaign).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused, "not begun");

    store
        .begin_deletion(fixture.campaign, fixture.at(3))
        .await
        .unwrap();
    // What a controller has in hand is dialled no more, and nothing is added.
    let written = fixture
        .commit(&[fixture.start_of(&contacts[1], 1)], 3)
        .await;
    assert_eq!(written, [Written::Fenced]);
    let source = Source {
        name: "b.csv".to_owned(),
        size: 1,
        digest: "b".to_owned(),
    };
    let begun = store.begin_import(fixture.campaign, &source, fixture.at(3));
    assert_eq!(begun.await.unwrap_err().class, ErrorClass::Refused);
    // It was interrupted here, and goes on.
    store
        .begin_deletion(fixture.campaign, fixture.at(4))
        .await
        .unwrap();
    assert_eq!(store.delete_some(fixture.campaign).await.unwrap(), 3);
    assert_eq!(store.delete_some(fixture.campaign).await.unwrap(), 0);
    for table in [
        "campaigns",
        "contacts",
        "imports",
        "decisions",
        "requeues",
        "requeued",
        "held_under",
    ] {
        let rows = base.texts(format!("SELECT '1' FROM {table}")).await;
        assert!(rows.is_empty(), "{table}");
    }

    let fixture = Fixture {
        campaign: campaign(store, "two", fixture.start).await,
        ..fixture
    };
    import(&fixture, "a", &rows, 5).await;
    let (contacts, _) = fixture.lease(1, 6).await;
    fixture
        .commit(&[fixture.start_of(&contacts[0], 2)], 6)
        .await;
    let error = fixture
        .store
        .begin_deletion(fixture.campaign, fixture.at(7))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused);
    let row = fixture.store.campaign("two").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Running, "it is as it was");
}

async fn what_is_taken_off_a_list_leaves_a_trace(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let (own, federal) = (
        ListName::new("own").unwrap(),
        ListName::new("federal").unwrap(),
    );
    let long: Vec<_> = (100..1_102).map(number).collect();
    for (list, numbers) in [(&own, &[number(1), number(2)][..]), (&federal, &long)] {
        store.bar(list, numbers, None, fixture.at(0)).await.unwrap();
    }
    let some = [number(1), number(3)];
    let removed = store.unbar(&own, &some, ANN, fixture.at(1)).await;
    assert_eq!(removed.unwrap(), 1);
    let removals = store.removals(&number(1)).await.unwrap();
    let told: Vec<_> = removals
        .iter()
        .map(|removal| {
            let because = removal.because.as_deref();
            (
                removal.list.as_str(),
                removal.at,
                removal.who.as_str(),
                because,
            )
        })
        .collect();
    let because = Some("a wrong endpoint");
    assert_eq!(told, [("own", fixture.at(1), "ann", because)]);
    assert!(
        store.removals(&number(3)).await.unwrap().is_empty(),
        "it was not on it"
    );

    let nobody = Operator {
        who: "uid 7",
        because: None,
    };
    let dropped = store.drop_list(&federal, nobody, fixture.at(2));
    assert_eq!(dropped.await.unwrap(), 1_002);
    assert!(store.removals(&number(100)).await.unwrap().is_empty());
    let dropped = store.drop_list(&own, nobody, fixture.at(3));
    assert_eq!(dropped.await.unwrap(), 1);
    assert_eq!(store.removals(&number(2)).await.unwrap().len(), 1);
    let lists = store.list_removals().await.unwrap();
    let told: Vec<_> = lists
        .iter()
        .map(|list| (list.list.as_str(), list.numbers, list.who.as_str()))
        .collect();
    assert_eq!(told, [("federal", 1_002, "uid 7"), ("own", 1, "uid 7")]);
    assert_eq!(
        store.drop_list(&own, nobody, fixture.at(4)).await.unwrap(),
        0
    );
    assert_eq!(
        store.list_removals().await.unwrap().len(),
        2,
        "there was no list"
    );
}
