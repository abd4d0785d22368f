//! Contacts that are looked for over all campaigns: by what an index has, and by walking over the latest.

use std::sync::Arc;

use aftertone::{
    phone::PhoneNumber,
    store::{ContactSearch, StoredContact},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        contacts_are_found_over_all_campaigns,
        what_is_walked_over_is_bounded,
    )
}

async fn contacts_are_found_over_all_campaigns(base: &Base) {
    let fixture = Fixture::of(base, 12).await;
    Fixture::other(base, &fixture, "two", 3..5).await;
    base.run(
        "UPDATE contacts SET name = 'Ann 100%_!', foreign_id = 'C-1' WHERE number = 12025550003",
    )
    .await;
    base.run("UPDATE contacts SET name = 'Anna' WHERE number = 12025550005")
        .await;
    // Of somebody who was erased nothing is found.
    base.run("UPDATE contacts SET number = -12025550007 WHERE number = 12025550007")
        .await;
    let find = async |search: ContactSearch| {
        let found = fixture.store.find_contacts(&search, 10).await.unwrap();
        told(&found)
    };
    let both = ["two 12025550003", "one 12025550003"];
    let numbers = vec![number(3), number(50)];
    assert_eq!(find(ContactSearch::Numbers(numbers)).await, both);
    assert_eq!(find(ContactSearch::ForeignId("C-1".into())).await, both);
    assert_eq!(find(ContactSearch::LastFour(3)).await, both);
    assert_eq!(find(ContactSearch::LastFour(7)).await, [""; 0]);
    for part in ["ANN 1", "100%", "%_!", "n 100"] {
        assert_eq!(find(ContactSearch::Name(part.into())).await, both, "{part}");
    }
    let all = find(ContactSearch::Name("ann".into())).await;
    assert_eq!(all, [both[0], "one 12025550005", both[1]]);
    for nothing in ["_", "%%", "C-1", "A%n"] {
        let found = find(ContactSearch::Name(nothing.into())).await;
        let expected: &[&str] = if nothing == "_" { &both } else { &[] };
        assert_eq!(found, expected, "{nothing}");
    }
    let search = ContactSearch::Name("ann".into());
    let two = fixture.store.find_contacts(&search, 2).await.unwrap();
    assert_eq!(two.len(), 2);
}

async fn what_is_walked_over_is_bounded(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    base.run("UPDATE contacts SET name = 'Ann', foreign_id = 'C-1'")
        .await;
    // As if many had come in since.
    let far = ContactSearch::WALKED + 1;
    let (campaign, number) = (fixture.campaign, 12_025_550_100_i64);
    let given = match base.kind {
        Kind::Sqlite => "",
        Kind::Postgres => "OVERRIDING SYSTEM VALUE",
    };
    base.run(format!(
        "INSERT INTO contacts (id, campaign, number, due_at) {given} VALUES ({far}, {campaign}, {number}, 1)"
    ))
    .await;
    let find = async |search: ContactSearch| {
        let found = fixture.store.find_contacts(&search, 10).await.unwrap();
        told(&found)
    };
    // The first is out of reach, the second is not.
    let near = ["one 12025550001"];
    assert_eq!(find(ContactSearch::Name("ann".into())).await, near);
    assert_eq!(find(ContactSearch::LastFour(0)).await, [""; 0]);
    assert_eq!(find(ContactSearch::LastFour(1)).await, near);
    let both = find(ContactSearch::ForeignId("C-1".into())).await;
    assert_eq!(both.len(), 2, "an index has all");
}

fn told(found: &[StoredContact]) -> Vec<String> {
    let digits = |number: &PhoneNumber| number.digits().to_owned();
    found
        .iter()
        .map(|contact| {
            let number = contact.number.as_ref().map(digits).unwrap_or_default();
            format!("{} {number}", contact.campaign)
        })
        .collect()
}
