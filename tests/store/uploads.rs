//! Lists that are sent over HTTP, and contacts that are given one by one.

use std::{collections::BTreeMap, sync::Arc};

use aftertone::{
    campaign::{
        RefusedReason,
        engine::{CampaignId, ContactId},
    },
    events::EventFilter,
    phone::Disclosure,
    store::{
        AcceptedUpload, Across, ContactFilter, ErrorClass, NewCampaign, NewContact, NewUpload,
        OperatorCommand, PutOutcome, Source, Status, Store, UploadCounts, UploadEnd, UploadState,
    },
};
use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::number,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        the_same_list_is_one_upload_however_often_it_is_sent,
        an_upload_that_broke_off_goes_on_by_its_name_and_by_no_other,
        an_upload_is_interrupted_when_nobody_works_on_it,
        an_upload_that_is_forgotten_ends_whoever_works_on_it,
        uploads_go_with_their_campaign_and_with_their_age,
        contacts_that_are_given_are_added_changed_or_left,
        a_contact_that_was_never_called_can_be_deleted,
        contacts_are_found_by_what_has_an_index,
    )
}

async fn the_same_list_is_one_upload_however_often_it_is_sent(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let first = begin(&store, spring, 1).await;
    let accept = async |id: &str, digest: &str, now| {
        store.accept_upload(id, digest, 100, now).await.unwrap()
    };
    assert_eq!(accept(&first, "d", at(1)).await, AcceptedUpload::New);
    // Somebody works on it.
    assert!(beat(&store, &first, UploadState::Importing, at(2)).await);
    let second = begin(&store, spring, 2).await;
    assert_ne!(first, second);
    assert_eq!(
        accept(&second, "d", at(3)).await,
        AcceptedUpload::UnderWay(first.clone())
    );
    assert_eq!(store.upload(&second).await.unwrap(), None);
    // It is done, and is done once more.
    end(&store, &first, UploadState::Complete, at(4)).await;
    let third = begin(&store, spring, 3).await;
    assert_eq!(
        accept(&third, "d", at(5)).await,
        AcceptedUpload::Again(first.clone())
    );
    let again = store.upload(&first).await.unwrap().unwrap();
    assert_eq!((again.state, again.ended_at), (UploadState::Checking, None));
    // Nobody has worked on it since, for a while.
    let fourth = begin(&store, spring, 4).await;
    assert_eq!(
        accept(&fourth, "d", at(60)).await,
        AcceptedUpload::Again(first.clone())
    );
    // Another list, another size, another campaign.
    let summer = campaign(&store, "summer").await;
    for (nth, campaign, digest) in [(5, spring, "e"), (6, summer, "d")] {
        let id = begin(&store, campaign, nth).await;
        assert_eq!(accept(&id, digest, at(70)).await, AcceptedUpload::New);
    }
    assert_eq!(
        store.uploads(spring, None, true, 10).await.unwrap().len(),
        2
    );
    let gone = store
        .accept_upload(&fourth, "f", 1, at(80))
        .await
        .unwrap_err();
    assert_eq!(gone.class, ErrorClass::Refused);
}

async fn an_upload_that_broke_off_goes_on_by_its_name_and_by_no_other(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let first = begin(&store, spring, 1).await;
    // It is being sent: another one of its name is another one.
    let other = begin(&store, spring, 2).await;
    assert_ne!(first, other);
    store
        .interrupt_upload(&first, Some(7), "the connection broke")
        .await
        .unwrap();
    let left = store.upload(&first).await.unwrap().unwrap();
    assert_eq!((left.state, left.bytes), (UploadState::Interrupted, 7));
    assert_eq!(left.why.as_deref(), Some("the connection broke"));
    for new in [
        NewUpload {
            name: "other.csv".to_owned(),
            ..new(spring, 3)
        },
        NewUpload {
            who: "token:b".to_owned(),
            ..new(spring, 4)
        },
    ] {
        let id = store.begin_upload(&new, at(1)).await.unwrap();
        assert_eq!(id, new.id);
    }
    assert_eq!(begin(&store, spring, 5).await, first);
    let on = store.upload(&first).await.unwrap().unwrap();
    assert_eq!(
        (on.state, on.bytes, on.why),
        (UploadState::Receiving, 0, None)
    );
    // One of which all bytes came is not begun anew.
    store.accept_upload(&first, "d", 1, at(2)).await.unwrap();
    store
        .interrupt_upload(&first, None, "the server has ended")
        .await
        .unwrap();
    assert_ne!(begin(&store, spring, 6).await, first);

    let none = new(CampaignId(77), 7);
    let none = store.begin_upload(&none, at(3)).await.unwrap_err();
    assert_eq!(none.class, ErrorClass::Refused);
    let cancel = OperatorCommand::Cancel(aftertone::campaign::engine::InFlight::Finish);
    store.order(spring, cancel, at(4)).await.unwrap();
    let over = store.begin_upload(&new(spring, 8), at(5)).await;
    assert_eq!(over.unwrap_err().class, ErrorClass::Refused);
}

async fn an_upload_is_interrupted_when_nobody_works_on_it(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let id = begin(&store, spring, 1).await;
    store.accept_upload(&id, "d", 1, at(0)).await.unwrap();
    assert!(beat(&store, &id, UploadState::Importing, at(10)).await);
    let upload = store.upload(&id).await.unwrap().unwrap();
    assert_eq!(upload.state_at(at(30)), UploadState::Importing);
    assert_eq!(upload.state_at(at(41)), UploadState::Interrupted);
    assert_eq!((upload.counts.rows, upload.counts.rate), (3, Some(9)));
    end(&store, &id, UploadState::Complete, at(50)).await;
    let upload = store.upload(&id).await.unwrap().unwrap();
    assert_eq!(upload.state_at(at(5_000)), UploadState::Complete);
    assert_eq!(
        upload.reasons,
        BTreeMap::from([("duplicate".to_owned(), 2)])
    );
    assert_eq!(upload.notes, ["a note"]);
}

async fn an_upload_that_is_forgotten_ends_whoever_works_on_it(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let id = begin(&store, spring, 1).await;
    store.accept_upload(&id, "d", 1, at(0)).await.unwrap();
    assert!(beat(&store, &id, UploadState::Importing, at(1)).await);
    assert!(store.forget_upload(&id).await.unwrap());
    assert!(!store.forget_upload(&id).await.unwrap());
    assert!(!beat(&store, &id, UploadState::Importing, at(2)).await);
    // And one that is over is worked on by nobody.
    let id = begin(&store, spring, 2).await;
    store.accept_upload(&id, "d", 1, at(3)).await.unwrap();
    end(&store, &id, UploadState::Failed, at(4)).await;
    assert!(!beat(&store, &id, UploadState::Importing, at(5)).await);
    // That it failed is told once, whoever writes it again.
    end(&store, &id, UploadState::Failed, at(6)).await;
    let filter = EventFilter {
        kinds: EventFilter::kinds(["import.*"]).unwrap(),
        campaign: Some(spring),
    };
    let (events, _) = store.events(0, &filter, 99).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| event.slug.as_str()).collect();
    assert_eq!(told, ["import.failed"]);
    assert_eq!(
        events[0].to_json(Disclosure::Programs)["data"]["upload"],
        id.as_str()
    );
}

async fn uploads_go_with_their_campaign_and_with_their_age(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let (old, new) = (
        begin(&store, spring, 1).await,
        begin(&store, spring, 2).await,
    );
    store.accept_upload(&old, "d", 1, at(0)).await.unwrap();
    end(&store, &old, UploadState::Complete, at(100)).await;
    beat(&store, &new, UploadState::Receiving, at(300)).await;
    assert_eq!(store.forget_uploads(at(200)).await.unwrap(), [old]);
    assert_eq!(
        store.uploads(spring, None, true, 10).await.unwrap().len(),
        1
    );
    store.begin_deletion(spring, at(400)).await.unwrap();
    while store.delete_some(spring).await.unwrap() > 0 {}
    assert_eq!(store.upload(&new).await.unwrap(), None);
}

async fn contacts_that_are_given_are_added_changed_or_left(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let summer = campaign(&store, "summer").await;
    let put = async |campaign, contacts: &[NewContact], across| {
        let put = store.put_contacts(campaign, contacts, across, at(10)).await;
        put.unwrap()
    };
    let outcomes = |put: &[aftertone::store::PutContact]| {
        put.iter().map(|put| put.outcome).collect::<Vec<_>>()
    };
    let three = [contact(1), contact(2), contact(1)];
    let first = put(spring, &three, Across::Allow).await;
    assert_eq!(
        outcomes(&first),
        [PutOutcome::Added, PutOutcome::Added, PutOutcome::Duplicate]
    );
    assert_eq!(first[0].contact, first[2].contact);
    let tally = store.tally(spring).await.unwrap();
    assert_eq!((tally.contacts, tally.waiting), (2, 2));
    assert_eq!(store.recount().await.unwrap(), 0);

    let named = NewContact {
        name: Some("Ann".to_owned()),
        ..contact(1)
    };
    let second = put(
        spring,
        &[named.clone(), contact(2), contact(3)],
        Across::Allow,
    )
    .await;
    assert_eq!(
        outcomes(&second),
        [
            PutOutcome::Updated,
            PutOutcome::Unchanged,
            PutOutcome::Added
        ]
    );
    assert_eq!(second[0].contact, first[0].contact);
    let ann = store
        .contact(first[0].contact.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((ann.name.as_deref(), ann.list), (Some("Ann"), None));

    // Other campaigns, by the rule.
    let other = put(summer, &[contact(1), contact(9)], Across::SkipAny).await;
    assert_eq!(outcomes(&other), [PutOutcome::Elsewhere, PutOutcome::Added]);
    assert_eq!(other[0].contact, None);

    // One that a list has brought is changed all the same, and stays that list's.
    let source = Source {
        name: "a".to_owned(),
        size: 10,
        digest: "a".to_owned(),
    };
    let mut importing = store.begin_import(spring, &source, at(11)).await.unwrap();
    importing.bytes = 10;
    store
        .add_contacts(&importing, Across::Allow, &[contact(4)], at(11))
        .await
        .unwrap();
    let changed = NewContact {
        state: Some("DC".to_owned()),
        ..contact(4)
    };
    let listed = put(spring, &[changed], Across::Allow).await;
    assert_eq!(outcomes(&listed), [PutOutcome::Updated]);
    let listed = store
        .contact(listed[0].contact.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (listed.state.as_deref(), listed.list.as_deref()),
        (Some("DC"), Some("a"))
    );

    // One that was called stays as it is.
    base.run("UPDATE contacts SET attempts = 1 WHERE foreign_id = 'c2'".to_owned())
        .await;
    let called = put(
        spring,
        &[NewContact {
            name: Some("Bob".to_owned()),
            ..contact(2)
        }],
        Across::Allow,
    )
    .await;
    assert_eq!(outcomes(&called), [PutOutcome::AlreadyCalled]);
    let called = store
        .contact(called[0].contact.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(called.name, None);

    // Of a campaign that is complete it makes a draft.
    base.run(format!(
        "UPDATE campaigns SET standing = 'complete' WHERE id = {summer}"
    ))
    .await;
    put(summer, &[contact(20)], Across::Allow).await;
    let summer = store.campaign("summer").await.unwrap().unwrap();
    assert_eq!(summer.status, Status::Draft);
    let cancel = OperatorCommand::Cancel(aftertone::campaign::engine::InFlight::Finish);
    store.order(spring, cancel, at(12)).await.unwrap();
    let over = store
        .put_contacts(spring, &[contact(30)], Across::Allow, at(13))
        .await;
    assert_eq!(over.unwrap_err().class, ErrorClass::Refused);
    assert_eq!(store.recount().await.unwrap(), 0);
}

async fn a_contact_that_was_never_called_can_be_deleted(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let put = store
        .put_contacts(
            spring,
            &[contact(1), contact(2), contact(3)],
            Across::Allow,
            at(0),
        )
        .await
        .unwrap();
    let ids: Vec<ContactId> = put.iter().map(|put| put.contact.unwrap()).collect();
    base.run(format!(
        "UPDATE contacts SET attempts = 1 WHERE id = {}",
        ids[1]
    ))
    .await;
    base.run(format!(
        "UPDATE contacts SET stage = 'leased', holder = 'x', was_due = due_at WHERE id = {}",
        ids[2]
    ))
    .await;
    assert!(store.delete_contact(ids[0]).await.unwrap());
    assert!(!store.delete_contact(ids[0]).await.unwrap());
    for kept in &ids[1..] {
        let refused = store.delete_contact(*kept).await.unwrap_err();
        assert_eq!(refused.class, ErrorClass::Refused);
    }
    assert_eq!(store.tally(spring).await.unwrap().contacts, 2);
    assert_eq!(store.recount().await.unwrap(), 0);
}

async fn contacts_are_found_by_what_has_an_index(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let summer = campaign(&store, "summer").await;
    let all: Vec<_> = (1..=20).map(contact).collect();
    for campaign in [spring, summer] {
        let put = store
            .put_contacts(campaign, &all, Across::Allow, at(0))
            .await;
        put.unwrap();
    }
    base.run(format!(
        "UPDATE contacts SET stage = 'refused', refused = 'no_consent', due_at = NULL \
         WHERE campaign = {spring} AND foreign_id IN ('c3', 'c5', 'c7')"
    ))
    .await;
    let find = async |filter: ContactFilter, from: Option<ContactId>, back: bool, most| {
        let found = store
            .contacts(spring, &filter, from, back, most)
            .await
            .unwrap();
        let ids: Vec<_> = found
            .iter()
            .map(|contact| contact.foreign_id.clone().unwrap())
            .collect();
        (ids.join(" "), found)
    };
    let (ids, found) = find(ContactFilter::All, None, false, 3).await;
    assert_eq!(ids, "c1 c2 c3");
    let third = Some(found[2].id);
    assert_eq!(find(ContactFilter::All, third, false, 2).await.0, "c4 c5");
    assert_eq!(find(ContactFilter::All, third, true, 9).await.0, "c2 c1");
    assert_eq!(
        find(ContactFilter::ForeignId("c9".to_owned()), None, false, 9)
            .await
            .0,
        "c9"
    );
    assert_eq!(
        find(ContactFilter::Number(number(11)), None, true, 9)
            .await
            .0,
        "c11"
    );
    let refused = || ContactFilter::Refused(RefusedReason::NoConsent);
    assert_eq!(find(refused(), None, false, 9).await.0, "c3 c5 c7");
    assert_eq!(find(refused(), third, false, 1).await.0, "c5");
    assert_eq!(find(refused(), None, true, 2).await.0, "c7 c5");
    let outcome = ContactFilter::Outcome(aftertone::drop::Outcome::Delivered);
    assert_eq!(find(outcome, None, false, 9).await.0, "");
}

async fn begin(store: &Store, campaign: CampaignId, nth: u32) -> String {
    let new = new(campaign, nth);
    store.begin_upload(&new, at(0)).await.unwrap()
}

fn new(campaign: CampaignId, nth: u32) -> NewUpload {
    NewUpload {
        id: format!("{nth:032x}"),
        campaign,
        name: "leads.csv".to_owned(),
        reading: "{}".to_owned(),
        is_dry_run: false,
        who: "token:a".to_owned(),
    }
}

async fn beat(store: &Store, id: &str, state: UploadState, now: Timestamp) -> bool {
    let counts = UploadCounts {
        rows: 3,
        rows_in_all: Some(9),
        rate: Some(9),
        ..UploadCounts::default()
    };
    store.beat_upload(id, state, 5, &counts, now).await.unwrap()
}

async fn end(store: &Store, id: &str, state: UploadState, now: Timestamp) {
    let end = UploadEnd {
        state,
        why: None,
        counts: Some(UploadCounts::default()),
        reasons: BTreeMap::from([("duplicate".to_owned(), 2)]),
        notes: vec!["a note".to_owned()],
        gate: Some(r#"{"decisions": []}"#.to_owned()),
    };
    store.end_upload(id, &end, now).await.unwrap();
}

async fn campaign(store: &Store, name: &str) -> CampaignId {
    let new = NewCampaign {
        name: name.to_owned(),
        spec: "{}".to_owned(),
    };
    store.create_campaign(&new, at(0)).await.unwrap().id
}

fn contact(n: u64) -> NewContact {
    NewContact {
        line: n,
        number: number(usize::try_from(n).unwrap()),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: Some(format!("c{n}")),
        others: BTreeMap::new(),
    }
}

fn at(seconds: i64) -> Timestamp {
    "2026-11-23T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}
