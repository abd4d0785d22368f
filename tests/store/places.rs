//! Places that hours hold: passed over as a whole, shown with their counts, and open ones served first.

use std::{collections::BTreeMap, sync::Arc};

use aftertone::{
    campaign::{
        HeldReason,
        engine::{Contact, ContactId, Next, Settlement},
        policy::{CallingPlace, Gate, GateSettings, Rule, Ruling},
    },
    phone::{PhoneNumber, Rules},
    store::{
        Across, DueQueue, Filter, NewContact, ResultRow, Source, WaitingGroup, Write, Written,
    },
};
use jiff::{Timestamp, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, ids},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        open_places_are_served_and_held_ones_are_not_touched,
        held_contacts_are_shown_until_their_hours_begin,
        contacts_come_by_due_time_over_all_places,
        the_closed_places_of_a_campaign_are_its_own,
        two_controllers_trust_their_own_rules_alone,
        a_contact_whose_place_is_not_known_is_given_out,
        a_contact_that_hours_hold_gets_its_place,
        the_queue_finds_what_comes_back_with_an_earlier_time,
        what_was_passed_is_looked_at_slice_by_slice,
        of_a_contact_the_last_decision_is_kept_and_the_others_are_counted,
    )
    .into_iter()
    .chain(crate::trials!(
        server,
        [Kind::Postgres],
        contacts_that_are_due_later_are_not_read,
    ))
    .collect()
}

/// The evening in New York, where calls end at nine; in Los Angeles it is half past six.
const EVENING: &str = "2026-12-02T02:30:00Z";
/// The next morning in New York, and before dawn in Los Angeles.
const MORNING: &str = "2026-12-02T13:00:00Z";

const NEW_YORK: &str = "212";
const LOS_ANGELES: &str = "310";

async fn open_places_are_served_and_held_ones_are_not_touched(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    add(&fixture, 1, NEW_YORK, 0..300, at(EVENING) - 2.hours()).await;
    add(&fixture, 2, LOS_ANGELES, 0..3, at(EVENING) - 1.hours()).await;
    let before = new_york(base).await;
    assert_eq!(before.len(), 300);

    let (all, next) = fixture.lease_at(100, at(EVENING)).await;
    assert_eq!(numbers(&all), ["310", "310", "310"]);
    assert_eq!(next, Next::At(at(MORNING)));
    for seconds in [20, 40, 80] {
        let (none, next) = fixture.lease_at(100, at(EVENING) + seconds.seconds()).await;
        // Those of the first answer may come back.
        let end = Next::At(at(EVENING) + 90.seconds());
        assert_eq!((ids(&none), next), (vec![], end));
    }
    assert_eq!(new_york(base).await, before);
    assert_eq!(
        base.texts("SELECT 'row' FROM last_decisions").await.len(),
        0
    );

    let (all, _) = fixture.lease_at(1_000, at(MORNING)).await;
    assert_eq!(numbers(&all), [NEW_YORK; 300]);
    let held = "SELECT held_zone FROM campaign_places WHERE held_until IS NOT NULL";
    assert_eq!(base.texts(held).await, ["America/Los_Angeles"]);
}

/// Of rows that are compared as a whole PostgreSQL reads all that follow in the campaign.
async fn contacts_that_are_due_later_are_not_read(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begun = at(EVENING) - 2.hours();
    add(&fixture, 1, NEW_YORK, 0..1, begun).await;
    add(&fixture, 2, LOS_ANGELES, 0..3, begun).await;
    let later = (at(EVENING) + 20.hours()).as_microsecond();
    base.run(format!(
        "INSERT INTO contacts (campaign, number, due_at, place) SELECT one.campaign, 13110000000 + nth, {later} + nth, one.place \
         FROM generate_series(1, 15000) AS nth CROSS JOIN (SELECT DISTINCT campaign, place FROM contacts) AS one \
         ON CONFLICT DO NOTHING"
    ))
    .await;
    base.run("VACUUM ANALYZE contacts").await;

    let before = pages_of_the_queue(base).await;
    for seconds in 0..3 {
        let now = at(EVENING) + seconds.seconds();
        fixture.lease_at(100, now).await;
    }
    // A session's counts are there when it has ended.
    fixture.store.close().await;
    base.run(
        "DO $$ BEGIN WHILE EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'aftertone' AND pid <> pg_backend_pid()) LOOP PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01); END LOOP; END $$",
    )
    .await;
    let read = pages_of_the_queue(base).await - before;
    assert!(read < 200, "{read} pages of the index were read");
}

/// How many pages of the queue's index were read, from the disk or not.
async fn pages_of_the_queue(base: &Base) -> i64 {
    let read = base
        .texts(
            "SELECT CAST(idx_blks_read + idx_blks_hit AS text) FROM pg_statio_user_indexes \
             WHERE indexrelname = 'contacts_by_place'",
        )
        .await;
    read[0].parse().unwrap()
}

async fn held_contacts_are_shown_until_their_hours_begin(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begun = at(EVENING) - 2.hours();
    add(&fixture, 1, NEW_YORK, 0..30, begun).await;
    // One waits for its next attempt, before the hours begin, and one behind it.
    for (id, later) in [(7, 30.minutes()), (8, 20.hours())] {
        let due = (at(EVENING) + later).as_microsecond();
        base.run(format!(
            "UPDATE contacts SET due_at = {due} WHERE id = {id}"
        ))
        .await;
    }
    let (none, next) = fixture.lease_at(100, at(EVENING)).await;
    assert_eq!((ids(&none), next), (vec![], Next::At(at(MORNING))));

    let group = |reason, until, contacts, by_place: bool| WaitingGroup {
        reason,
        until,
        zone: by_place.then(|| "America/New_York".to_owned()),
        contacts,
        by_place,
    };
    let hours = Some(HeldReason::CallingHours);
    let waiting = |now| fixture.store.waiting(fixture.campaign, now);
    assert_eq!(
        waiting(at(EVENING)).await.unwrap(),
        [
            group(None, at(EVENING) + 30.minutes(), 1, false),
            group(hours, at(MORNING), 28, true),
            group(None, at(EVENING) + 20.hours(), 1, false),
        ]
    );
    assert_eq!(
        waiting(at(MORNING) - 1.seconds()).await.unwrap(),
        [
            group(hours, at(MORNING), 29, true),
            group(None, at(EVENING) + 20.hours(), 1, false),
        ]
    );
    assert_eq!(waiting(at(MORNING)).await.unwrap().len(), 1);

    let results = results(&fixture).await;
    let held: Vec<_> = results.iter().filter(|row| row.held.is_some()).collect();
    assert_eq!(held.len(), 29);
    for row in held {
        assert_eq!(row.held, Some((HeldReason::CallingHours, at(MORNING))));
        let ruling: Ruling = serde_json::from_str(row.ruling.as_ref().unwrap()).unwrap();
        assert_eq!(ruling.rule(), Some(Rule::CallingHours));
        assert!(ruling.words().contains("21:30 in America/New_York"));
    }
    // The same hours are one hold, the next evening is a second one.
    for later in [1.minutes(), 24.hours()] {
        fixture.lease_at(1, at(EVENING) + later).await;
    }
    let held = "SELECT times_held || ' since ' || held_since FROM campaign_places";
    let since = at(EVENING).as_microsecond();
    assert_eq!(base.texts(held).await, [format!("2 since {since}")]);
}

async fn contacts_come_by_due_time_over_all_places(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let noon = at("2026-12-02T20:00:00Z");
    for (nth, area) in [NEW_YORK, LOS_ANGELES, "312", NEW_YORK, "312"]
        .into_iter()
        .enumerate()
    {
        let nth = nth as u64;
        let due = noon - 1.hours() + i64::try_from(nth).unwrap().seconds();
        add(&fixture, nth, area, 10 * nth..10 * nth + 3, due).await;
    }
    let (all, _) = fixture.lease_at(7, noon).await;
    assert_eq!(ids(&all), [1, 2, 3, 4, 5, 6, 7]);
    let (all, next) = fixture.lease_at(7, noon).await;
    assert_eq!(ids(&all), [8, 9, 10, 11, 12, 13, 14]);
    assert!(matches!(next, Next::At(at) if at < noon), "{next:?}");
    let (all, next) = fixture.lease_at(7, noon).await;
    assert_eq!((ids(&all), next), (vec![15], Next::At(noon + 90.seconds())));
}

async fn the_closed_places_of_a_campaign_are_its_own(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let other = Fixture::other(base, &fixture, "two", 0..0).await;
    for of in [&fixture, &other] {
        add(of, 1, NEW_YORK, 0..3, at(EVENING) - 2.hours()).await;
        add(of, 2, LOS_ANGELES, 0..2, at(EVENING) - 1.hours()).await;
    }
    let store = &fixture.store;
    let (all, _) = fixture.lease_at(100, at(EVENING)).await;
    assert_eq!(all.len(), 2, "not the other's");
    let held = "SELECT CAST(campaign AS TEXT) FROM campaign_places WHERE held_until IS NOT NULL ORDER BY 1";
    assert_eq!(base.texts(held).await, [fixture.campaign.to_string()]);
    let by_place = async |of: &Fixture| {
        let groups = store.waiting_by_place(of.campaign, at(EVENING)).await;
        groups
            .unwrap()
            .iter()
            .map(|group| group.contacts)
            .sum::<u64>()
    };
    assert_eq!((by_place(&fixture).await, by_place(&other).await), (3, 0));

    let (all, _) = other.lease_at(100, at(EVENING)).await;
    assert_eq!(all.len(), 2);
    assert_eq!((by_place(&fixture).await, by_place(&other).await), (3, 3));
    // One of them looks at noon, when all is open.
    let (all, _) = fixture.lease_at(1, at("2026-12-02T18:00:00Z")).await;
    assert_eq!(all.len(), 1);
    assert_eq!(base.texts(held).await, [other.campaign.to_string()]);
    let times = "SELECT campaign || ' ' || times_held FROM campaign_places WHERE times_held > 0 ORDER BY campaign";
    let expected = [&fixture, &other].map(|of| format!("{} 1", of.campaign));
    assert_eq!(base.texts(times).await, expected);
}

async fn two_controllers_trust_their_own_rules_alone(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    add(&fixture, 1, NEW_YORK, 0..2, at(EVENING) - 2.hours()).await;
    let (none, _) = fixture.lease_at(10, at(EVENING)).await;
    assert_eq!(none, []);
    let mut lax = DueQueue::new(Gate::new(GateSettings {
        hours: false,
        ..GateSettings::default()
    }));
    let (store, holder, history) = (&fixture.store, &fixture.holder, crate::fixture::HISTORY);
    let leased = store.lease(holder, fixture.campaign, 1, history, &mut lax, at(EVENING));
    assert_eq!(leased.await.unwrap().0.len(), 1);
    // What is shown is what the last of them has found.
    let held = "SELECT text FROM campaign_places WHERE held_until IS NOT NULL";
    assert_eq!(base.texts(held).await.len(), 0);
    let (none, _) = fixture.lease_at(10, at(EVENING)).await;
    assert_eq!(none, []);
}

async fn a_contact_whose_place_is_not_known_is_given_out(base: &Base) {
    let fixture = Fixture::begun(base, 2, at(EVENING)).await;
    base.run("UPDATE contacts SET place = 77 WHERE id = 2")
        .await;
    let (all, _) = fixture.lease_at(10, at(EVENING)).await;
    assert_eq!(ids(&all), [1, 2]);
    // A later version of the program may know places that this one does not.
    let other = Fixture::other(base, &fixture, "two", 2..4).await;
    base.run(format!(
        "INSERT INTO campaign_places (campaign, place, text) VALUES ({}, 78, 'Moon/Crater;')",
        other.campaign
    ))
    .await;
    base.run("UPDATE contacts SET place = 78 WHERE id = 4")
        .await;
    let (all, _) = other.lease_at(10, at(EVENING)).await;
    assert_eq!(ids(&all), [3, 4]);
}

async fn a_contact_that_hours_hold_gets_its_place(base: &Base) {
    let fixture = Fixture::begun(base, 2, at(EVENING)).await;
    let (all, _) = fixture.lease_at(1, at(EVENING)).await;
    let number = PhoneNumber::parse("+12125550101", Rules::default()).unwrap();
    let place = CallingPlace::of(&number, None, None).unwrap();
    let held = Settlement::Held {
        reason: HeldReason::CallingHours,
        until: at(MORNING),
    };
    let mut write = fixture.settle(&all[0], held);
    if let Write::Settle { place: at, .. } = &mut write {
        *at = Some(Box::new(place.clone()));
    }
    let store = &fixture.store;
    let written = store.commit(&fixture.holder, &[write], at(EVENING)).await;
    assert_eq!(written.unwrap(), [Written::Applied]);
    let places = "SELECT contacts.id || ' in ' || text FROM contacts JOIN campaign_places USING (campaign, place)";
    let expected = format!("{} in {}", all[0].id, place.as_str());
    assert_eq!(base.texts(places).await, [expected]);
    // The next evening they are not given out.
    let (next, _) = fixture.lease_at(10, at(EVENING) + 24.hours()).await;
    assert_eq!(ids(&next), [2]);
}

async fn the_queue_finds_what_comes_back_with_an_earlier_time(base: &Base) {
    let fixture = Fixture::of(base, 40).await;
    let (first, _) = fixture.lease(10, 60).await;
    // A list that came in a moment ago.
    let due = fixture.at(55).as_microsecond();
    base.run(format!("UPDATE contacts SET due_at = {due} WHERE id = 40"))
        .await;
    let (all, _) = fixture.lease(30, 60).await;
    assert_eq!((all.len(), ids(&all).last()), (30, Some(&40)));
    // One that is due before what was given out last.
    fixture.add(base, fixture.campaign, 40..50).await;
    assert_eq!(ids(&fixture.lease(5, 61).await.0), [41, 42, 43, 44, 45]);

    // Another controller gives back what was given out first of all: that is looked at every minute.
    let give_back = |contacts: &[Contact]| Write::Release {
        campaign: fixture.campaign,
        contacts: contacts.iter().map(|contact| contact.id).collect(),
    };
    fixture.commit(&[give_back(&first)], 62).await;
    assert_eq!(ids(&fixture.lease(3, 63).await.0), [46, 47, 48]);
    let (back, next) = fixture.lease(5, 121).await;
    assert_eq!(ids(&back), [1, 2, 3, 4, 5]);
    assert!(
        matches!(next, Next::At(at) if at < fixture.at(0)),
        "{next:?}"
    );
    // What this controller itself gives back it finds at once.
    fixture.commit(&[give_back(&back)], 122).await;
    let returned: Vec<_> = back.iter().map(|contact| contact.id).collect();
    fixture.queue.lock().await.look_back_at(&returned);
    assert_eq!(ids(&fixture.lease(4, 123).await.0), [1, 2, 3, 4]);
    assert_eq!(fixture.lease(10, 124).await.0.len(), 8);
    // And if nothing else is due, so is everything.
    fixture.commit(&[give_back(&back[..1])], 125).await;
    assert_eq!(ids(&fixture.lease(10, 126).await.0), [1]);
}

async fn what_was_passed_is_looked_at_slice_by_slice(base: &Base) {
    let fixture = Fixture::of(base, 2_000).await;
    for second in [20, 21] {
        assert_eq!(fixture.lease(600, second).await.0.len(), 600);
    }
    assert_eq!(fixture.lease(10, 22).await.0.len(), 10);
    let release = Write::Release {
        campaign: fixture.campaign,
        contacts: vec![ContactId(700)],
    };
    fixture.commit(&[release], 23).await;
    let mut found = Vec::new();
    for second in [24, 25] {
        found.extend(ids(&fixture.lease(1, second).await.0));
    }
    assert!(found.contains(&700), "{found:?}");
}

async fn of_a_contact_the_last_decision_is_kept_and_the_others_are_counted(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    // As an earlier version of the program has it.
    base.run(format!(
        "INSERT INTO decisions (campaign, contact, at, decision, reason, until, ruling) \
         VALUES ({}, 1, {}, 'held', 'frequency_cap', 1, 'old')",
        fixture.campaign,
        fixture.at(-9).as_microsecond()
    ))
    .await;
    let ruling = |results: Vec<ResultRow>| results[0].ruling.clone();
    for (nth, reason) in [
        (1, HeldReason::FrequencyCap),
        (2, HeldReason::CallingHours),
        (3, HeldReason::FrequencyCap),
    ] {
        let (all, _) = fixture.lease(1, 100 * nth).await;
        let until = fixture.at(100 * nth + 50);
        let mut write = fixture.settle(&all[0], Settlement::Held { reason, until });
        if let Write::Settle { ruling, .. } = &mut write {
            *ruling = Some(format!("\"ruling {nth}\""));
        }
        fixture.commit(&[write], 100 * nth).await;
        let expected = format!("\"ruling {nth}\"");
        assert_eq!(ruling(results(&fixture).await), Some(expected));
    }
    let kept = "SELECT decision || ' ' || reason || ' ' || ruling || ' ' || times_held || ' ' || held_since \
                FROM last_decisions";
    let since = fixture.at(100).as_microsecond();
    let expected = format!("held frequency_cap \"ruling 3\" 3 {since}");
    assert_eq!(base.texts(kept).await, [expected]);
    // And goes on beside this one.
    base.run(format!(
        "INSERT INTO decisions (campaign, contact, at, decision, reason, until, ruling) \
         VALUES ({}, 1, {}, 'held', 'frequency_cap', 1, 'theirs')",
        fixture.campaign,
        fixture.at(400).as_microsecond()
    ))
    .await;
    assert_eq!(ruling(results(&fixture).await).unwrap(), "theirs");
}

/// Adds contacts of an area by an import of its own, due from a moment on.
async fn add(
    fixture: &Fixture,
    list: u64,
    area: &str,
    which: std::ops::Range<u64>,
    due: Timestamp,
) {
    let source = Source {
        name: format!("{list}.csv"),
        size: 1_000,
        digest: list.to_string(),
    };
    let (store, campaign) = (&fixture.store, fixture.campaign);
    let importing = store.begin_import(campaign, &source, due).await;
    let mut importing = importing.unwrap();
    (importing.bytes, importing.is_complete) = (1, true);
    let contacts: Vec<_> = which
        .map(|n| {
            let number = format!("+1{area}{}", 5_550_100 + n);
            let number = PhoneNumber::parse(&number, Rules::default()).unwrap();
            NewContact {
                line: n + 2,
                name: None,
                zone: None,
                state: None,
                place: CallingPlace::of(&number, None, None).map(Arc::new),
                number,
                consent: None,
                message: None,
                foreign_id: None,
                others: BTreeMap::new(),
            }
        })
        .collect();
    let added = store.add_contacts(&importing, Across::Allow, &contacts, due);
    assert_eq!(added.await.unwrap().added, contacts.len() as u64);
}

/// Each row of New York's contacts, with the version of it that the database has.
async fn new_york(base: &Base) -> Vec<String> {
    let version = match base.kind {
        Kind::Sqlite => "''",
        Kind::Postgres => "ctid || ' ' || xmin || ' ' || xmax",
    };
    let rows = format!(
        "SELECT id || ' ' || stage || ' ' || due_at || ' ' || {version} FROM contacts \
         WHERE number BETWEEN 12120000000 AND 12129999999 ORDER BY id"
    );
    base.texts(rows).await
}

async fn results(fixture: &Fixture) -> Vec<ResultRow> {
    let filter = Filter {
        undialled: true,
        ..Filter::default()
    };
    let results = fixture
        .store
        .results(fixture.campaign, &filter, None, 1_000);
    results.await.unwrap().0
}

/// The area codes of contacts.
fn numbers(contacts: &[Contact]) -> Vec<String> {
    let numbers = contacts.iter();
    numbers
        .map(|contact| contact.number.digits()[1..4].to_owned())
        .collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
