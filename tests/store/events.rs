//! The log of events: what it tells, that each drop ends once in it, and that who reads on from the last number misses nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aftertone::{
    campaign::{
        RefusedReason,
        engine::{CampaignId, InFlight, Settlement},
    },
    drop::Outcome,
    events::{EventFilter, EventKind, LoggedEvent},
    phone::{Disclosure, PhoneNumber},
    store::{
        ErasedPerson, EventRange, ListName, OWN_LIST, Operator, OperatorCommand, Prunable, Store,
        Write, Written,
    },
};
use jiff::Timestamp;
use libtest_mimic::Trial;
use sqlx::Connection as _;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, controller, end, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        the_life_of_contacts_is_told_in_order,
        a_drop_that_is_taken_back_ends_with_that,
        what_operators_do_is_told,
        what_was_told_of_a_campaign_is_read_backwards,
        an_end_that_is_written_twice_is_told_once,
        nothing_is_told_of_what_was_taken_back,
        a_program_of_an_earlier_version_is_told_of_too,
        events_are_filtered,
        old_events_go_and_numbers_are_never_given_again,
        an_erased_person_is_in_no_event,
        readers_beside_writers_miss_nothing_and_see_nothing_twice,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        what_commits_late_comes_late,
        who_may_only_read_reads_what_has_numbers,
    ));
    all
}

async fn the_life_of_contacts_is_told_in_order(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let after = newest(&fixture.store).await;
    let (leased, _) = fixture.lease(2, 0).await;
    fixture
        .commit(
            &[
                fixture.start_of(&leased[0], 1),
                fixture.start_of(&leased[1], 2),
            ],
            1,
        )
        .await;
    let later = Some(fixture.at(60));
    fixture
        .commit(
            &[
                fixture.ended(&leased[0], 1, Outcome::Delivered, None),
                fixture.ended(&leased[1], 2, Outcome::Busy, later),
            ],
            2,
        )
        .await;
    let (leased, _) = fixture.lease(2, 61).await;
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    fixture
        .commit(&[fixture.settle(&leased[0], refused)], 61)
        .await;
    let events = all(&fixture.store, after).await;
    assert_eq!(
        told(&events),
        [
            "drop.started 1",
            "drop.started 2",
            "drop.ended 1 delivered",
            "drop.ended 2 busy",
            "contact.ended {\"outcome\":\"delivered\"}",
            "contact.refused {\"reason\":\"do_not_call\"}",
        ]
    );
    let ended = &events[2];
    assert_eq!(ended.at, fixture.at(2));
    assert_eq!(
        ended.campaign,
        Some((fixture.campaign, Some("one".to_owned())))
    );
    let stored = ended.drop.as_ref().unwrap().stored.as_ref().unwrap();
    assert_eq!(stored.number, Some(number(0)));
    assert_eq!(stored.started_at, fixture.at(1));
    assert_eq!(stored.is_final, Some(true));
    assert_eq!(stored.report.as_deref(), Some("{}"));
    // What was told at the start is what was known at the start, whatever came of it.
    let began = events[0].drop.as_ref().unwrap().stored.as_ref().unwrap();
    assert_eq!((began.outcome, &began.report), (None, &None));
    let contact = events[4].contact.as_ref().unwrap();
    assert_eq!(contact.number, Some(number(0)));
}

async fn a_drop_that_is_taken_back_ends_with_that(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let after = newest(&fixture.store).await;
    let (leased, _) = fixture.lease(1, 0).await;
    fixture.commit(&[fixture.start_of(&leased[0], 1)], 1).await;
    let not_dialled = Settlement::NotDialled { attempt: 1 };
    fixture
        .commit(&[fixture.settle(&leased[0], not_dialled)], 2)
        .await;
    let events = all(&fixture.store, after).await;
    assert_eq!(told(&events), ["drop.started 1", "drop.withdrawn 1"]);
    assert_eq!(events[1].drop.as_ref().unwrap().stored, None);
}

async fn what_was_told_of_a_campaign_is_read_backwards(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let store = &fixture.store;
    // Of its drops it says nothing, however many there are.
    let (contacts, _) = fixture.lease(1, 0).await;
    let write = fixture.start_of(&contacts[0], 1);
    fixture.commit(&[write], 1).await;
    for order in [
        OperatorCommand::Pause(InFlight::Finish),
        OperatorCommand::Resume,
        OperatorCommand::Pause(InFlight::Finish),
    ] {
        store
            .order(fixture.campaign, order, fixture.at(2))
            .await
            .unwrap();
    }
    let all = store
        .events_of_campaign(fixture.campaign, None, 100)
        .await
        .unwrap();
    let slugs: Vec<_> = all.iter().map(|event| event.kind.unwrap().slug()).collect();
    assert!(
        slugs.starts_with(&["campaign.paused", "campaign.running"])
            || slugs[0].starts_with("campaign."),
        "{slugs:?}"
    );
    assert!(
        slugs.iter().all(|slug| !slug.starts_with("drop.")),
        "{slugs:?}"
    );
    let numbers: Vec<_> = all.iter().map(|event| event.sequence).collect();
    assert!(numbers.is_sorted_by(|one, next| one > next), "{numbers:?}");
    let first = store
        .events_of_campaign(fixture.campaign, None, 2)
        .await
        .unwrap();
    let second = store
        .events_of_campaign(fixture.campaign, Some(first[1].sequence), 100)
        .await
        .unwrap();
    let pages: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|event| event.sequence)
        .collect();
    assert_eq!(pages, numbers);
}

async fn what_operators_do_is_told(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let after = newest(store).await;
    for order in [
        OperatorCommand::Pause(InFlight::Finish),
        OperatorCommand::Resume,
        OperatorCommand::Cancel(InFlight::Finish),
    ] {
        store
            .order(fixture.campaign, order, fixture.at(1))
            .await
            .unwrap();
    }
    let own = ListName::new(OWN_LIST).unwrap();
    let by = Operator {
        who: "ann",
        because: None,
    };
    let numbers = [number(5), number(6)];
    store
        .bar(&own, &numbers, None, fixture.at(2))
        .await
        .unwrap();
    // Those that are on it already are no news.
    store
        .bar(&own, &numbers[..1], None, fixture.at(3))
        .await
        .unwrap();
    store
        .bar(&own, &[number(7)], None, fixture.at(3))
        .await
        .unwrap();
    store
        .unbar(&own, &[number(7), number(8)], by, fixture.at(4))
        .await
        .unwrap();
    store.drop_list(&own, by, fixture.at(5)).await.unwrap();
    let events = all(store, after).await;
    assert_eq!(
        told(&events),
        [
            "campaign.paused {\"why\":\"paused by the operator\"}",
            "campaign.running {\"why\":null}",
            "campaign.cancelled {\"why\":\"cancelled by the operator\"}",
            "do_not_call.added {\"list\":\"own\",\"numbers\":2}",
            "do_not_call.added {\"list\":\"own\",\"numbers\":1}",
            "do_not_call.removed {\"list\":\"own\",\"numbers\":1}",
            "do_not_call.removed {\"list\":\"own\",\"numbers\":2}",
        ]
    );
    let numbers: Vec<_> = events.iter().map(|event| event.number.clone()).collect();
    assert_eq!(numbers[3..], [None, Some(number(7)), Some(number(7)), None]);
}

async fn an_end_that_is_written_twice_is_told_once(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let after = newest(&fixture.store).await;
    let single = intent(None, number(9), 7);
    let start = Write::Start(Box::new(single));
    let ends = Write::EndDrop {
        end: Box::new(end(7, Outcome::Lost)),
        calls: aftertone::campaign::budget::Calls::at_least(aftertone::drop::Technique::Double),
    };
    for _ in 0..2 {
        fixture.commit(std::slice::from_ref(&start), 1).await;
    }
    for _ in 0..2 {
        fixture.commit(std::slice::from_ref(&ends), 2).await;
    }
    let events = all(&fixture.store, after).await;
    assert_eq!(told(&events), ["drop.started 7", "drop.ended 7 lost"]);
    assert_eq!(events[1].campaign, None);
}

async fn nothing_is_told_of_what_was_taken_back(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let before = newest(&fixture.store).await;
    let statement = format!(
        "UPDATE campaigns SET standing = 'paused' WHERE id = {}",
        fixture.campaign
    );
    // A transaction that fails behind what it has told.
    let failed = base
        .try_run(format!(
            "BEGIN; {statement}; INSERT INTO counters (name, value) VALUES ('ping', 0)"
        ))
        .await;
    assert!(failed.is_err());
    assert_eq!(newest(&fixture.store).await, before);
    base.run(statement).await;
    assert_eq!(newest(&fixture.store).await, before + 1);
}

/// Its statements know nothing of events.
async fn a_program_of_an_earlier_version_is_told_of_too(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let after = newest(&fixture.store).await;
    let campaign = fixture.campaign;
    let id = aftertone::id::DropId::from_u128(3);
    base.run(format!(
        "INSERT INTO drops (id, campaign, contact, attempt, number, pbx, run, holder, technique, message, ruling, \
         despite_do_not_call, started_at) SELECT '{id}', {campaign}, id, 1, number, 'pbx', 'old', 'old', 'double', 'm', \
         '{{}}', 0, 5 FROM contacts"
    ))
    .await;
    base.run("UPDATE drops SET ended_at = 6, outcome = 'human', is_final = 1")
        .await;
    base.run("UPDATE contacts SET stage = 'ended', outcome = 'human', ended_at = 6, due_at = NULL")
        .await;
    let events = all(&fixture.store, after).await;
    assert_eq!(
        told(&events),
        [
            "drop.started 3",
            "drop.ended 3 human",
            "contact.ended {\"outcome\":\"human\"}"
        ]
    );
}

async fn events_are_filtered(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let other = Fixture::other(base, &fixture, "two", 1..2).await;
    let after = newest(&fixture.store).await;
    for fixture in [&fixture, &other] {
        let (leased, _) = fixture.lease(1, 0).await;
        let drop = fixture.campaign.0 as u128;
        fixture
            .commit(&[fixture.start_of(&leased[0], drop)], 1)
            .await;
        let ended = fixture.ended(&leased[0], drop, Outcome::Delivered, None);
        fixture.commit(&[ended], 2).await;
    }
    let read = async |filter: &EventFilter, at_most| {
        let read = fixture.store.events(after, filter, at_most).await;
        told(&read.unwrap().0)
    };
    let of_other = EventFilter {
        campaign: Some(other.campaign),
        ..EventFilter::default()
    };
    assert_eq!(read(&of_other, 9).await.len(), 3);
    let starts = EventFilter {
        kinds: vec![EventKind::DropStarted],
        campaign: None,
    };
    let wanted = [fixture.campaign, other.campaign].map(|id| format!("drop.started {id}"));
    assert_eq!(read(&starts, 9).await, wanted);
    assert_eq!(read(&starts, 1).await, wanted[..1]);
    let none = EventFilter {
        campaign: Some(CampaignId(77)),
        ..starts
    };
    assert_eq!(read(&none, 9).await.len(), 0);
}

async fn old_events_go_and_numbers_are_never_given_again(base: &Base) {
    let fixture = Fixture::of(base, 5).await;
    let store = &fixture.store;
    let first = newest(store).await;
    for (nth, seconds) in (1..=5).zip([10, 20, 30, 40, 50]) {
        let (leased, _) = fixture.lease(1, seconds).await;
        fixture
            .commit(&[fixture.start_of(&leased[0], nth)], seconds)
            .await;
    }
    let range = store.event_range().await.unwrap();
    assert_eq!(range.newest, first + 5);
    let pruned = async |what: Prunable| {
        let counted = store.prunable(&what).await.unwrap().events;
        let gone = store.prune(&what, |_| true).await.unwrap().events;
        assert_eq!(gone, counted);
        gone
    };
    let before = |seconds| Prunable {
        events_before: Some(fixture.at(seconds)),
        ..Prunable::default()
    };
    // With what was told while the fixture was made.
    assert_eq!(pruned(before(25)).await, first + 2);
    assert_eq!(pruned(before(25)).await, 0);
    let range = store.event_range().await.unwrap();
    assert_eq!((range.oldest, range.newest), (first + 3, first + 5));
    assert!(range.is_past(first + 1) && !range.is_past(first + 2));
    let at_most = Prunable {
        events_at_most: Some(1),
        ..Prunable::default()
    };
    assert_eq!(pruned(at_most).await, 2);
    assert_eq!(told(&all(store, 0).await), ["drop.started 5"]);
    assert_eq!(pruned(before(500)).await, 1);
    let empty = EventRange {
        oldest: first + 6,
        newest: first + 5,
    };
    assert_eq!(store.event_range().await.unwrap(), empty);
    // Another process sees the same, and the next event has the next number.
    let store = base.open().await;
    assert_eq!(store.event_range().await.unwrap(), empty);
    let resumed = store.order(
        fixture.campaign,
        OperatorCommand::Pause(InFlight::Finish),
        fixture.at(501),
    );
    resumed.await.unwrap();
    let events = all(&store, first + 5).await;
    assert_eq!(events[0].sequence, first + 6);
}

async fn an_erased_person_is_in_no_event(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let own = ListName::new(OWN_LIST).unwrap();
    store
        .bar(&own, &[number(0)], None, fixture.at(0))
        .await
        .unwrap();
    let (leased, _) = fixture.lease(1, 0).await;
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    fixture
        .commit(&[fixture.settle(&leased[0], refused)], 1)
        .await;
    let person: PhoneNumber = number(0);
    let holds = |events: &[LoggedEvent]| {
        let texts = events
            .iter()
            .map(|event| event.to_json(Disclosure::Full).to_string());
        texts.filter(|text| text.contains(person.digits())).count()
    };
    assert_eq!(holds(&all(store, 0).await), 2);
    let persons = [person.clone()];
    store
        .bar_for_good(&persons, None, fixture.at(2))
        .await
        .unwrap();
    let erased = store.erase(&persons, fixture.at(3)).await.unwrap();
    assert!(matches!(erased, ErasedPerson::Done { contacts: 1, .. }));
    let events = all(store, 0).await;
    assert_eq!(holds(&events), 0);
    assert!(
        told(&events)
            .iter()
            .any(|told| told.starts_with("contact.refused"))
    );
    let rows = base.dump().await;
    let left = rows.iter().filter(|row| row.contains(person.digits()));
    assert_eq!(left.count(), 0);
}

/// Four controllers write, each batch a transaction, while two readers go by numbers.
async fn readers_beside_writers_miss_nothing_and_see_nothing_twice(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let after = newest(store).await;
    let (told_to, _) = tokio::sync::watch::channel(false);
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, mut is_over) = (store.clone(), told_to.subscribe());
            tokio::spawn(async move {
                let (mut last, mut seen) = (after, Vec::new());
                loop {
                    let was_over = *is_over.borrow_and_update();
                    let filter = EventFilter::default();
                    let (events, _) = store.events(last, &filter, 7).await.unwrap();
                    for event in &events {
                        assert!(event.sequence > last, "{} behind {last}", event.sequence);
                        last = event.sequence;
                    }
                    let is_end = events.is_empty();
                    seen.extend(events);
                    if is_end && was_over {
                        return seen;
                    }
                    if is_end {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..4_u128)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let holder = controller(&store, &format!("writer{writer}")).await;
                for nth in 0..25 {
                    let drop = 1_000 * (writer + 1) + nth;
                    let number = number(usize::try_from(drop).unwrap());
                    let start = Write::Start(Box::new(intent(None, number, drop)));
                    let now = Timestamp::now();
                    let written = store.commit(&holder, &[start], now).await.unwrap();
                    assert!(matches!(
                        written[0],
                        Written::Applied | Written::Scheduled(_)
                    ));
                    let close = if nth % 5 == 0 {
                        Write::TakeBack {
                            drop: aftertone::id::DropId::from_u128(drop),
                        }
                    } else {
                        Write::EndDrop {
                            end: Box::new(end(drop, Outcome::Human)),
                            calls: aftertone::campaign::budget::Calls::NONE,
                        }
                    };
                    store.commit(&holder, &[close], now).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    told_to.send_replace(true);
    for reader in readers {
        let seen = reader.await.unwrap();
        let mut ends: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut sequences = BTreeSet::new();
        for event in &seen {
            assert!(sequences.insert(event.sequence));
            if let (Some(drop), Some(kind)) = (&event.drop, event.kind) {
                ends.entry(drop.id).or_default().push(kind);
            }
        }
        assert_eq!(ends.len(), 100);
        for (drop, kinds) in ends {
            assert_eq!(kinds[0], EventKind::DropStarted, "{drop}");
            assert_eq!(kinds.len(), 2, "{drop}: {kinds:?}");
            assert!(kinds[1].ends_drop(), "{drop}: {kinds:?}");
        }
    }
}

/// Its row was written before others, and is seen behind them.
async fn what_commits_late_comes_late(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let other = Fixture::other(base, &fixture, "two", 0..0).await;
    let after = newest(store).await;
    let mut slow = base.postgres().await;
    let mut tx = slow.begin().await.unwrap();
    let tell = "INSERT INTO events (at, type, campaign) VALUES (1, 'campaign.changed', 77)";
    sqlx::raw_sql(tell).execute(&mut *tx).await.unwrap();
    let pause = OperatorCommand::Pause(InFlight::Finish);
    store
        .order(other.campaign, pause, fixture.at(1))
        .await
        .unwrap();
    let first = all(store, after).await;
    assert_eq!(
        told(&first),
        ["campaign.paused {\"why\":\"paused by the operator\"}"]
    );
    tx.commit().await.unwrap();
    let second = all(store, first[0].sequence).await;
    assert_eq!(told(&second), ["campaign.changed null"]);
}

async fn who_may_only_read_reads_what_has_numbers(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let seen = newest(&fixture.store).await;
    let store = Store::open_to_read(&base.place()).await.unwrap();
    let pause = OperatorCommand::Pause(InFlight::Finish);
    let paused = fixture.store.order(fixture.campaign, pause, fixture.at(1));
    paused.await.unwrap();
    assert_eq!(newest(&store).await, seen);
    assert_eq!(newest(&fixture.store).await, seen + 1);
    assert_eq!(newest(&store).await, seen + 1);
}

async fn newest(store: &Store) -> u64 {
    store.event_range().await.unwrap().newest
}

/// All events behind a number.
async fn all(store: &Store, after: u64) -> Vec<LoggedEvent> {
    let read = store.events(after, &EventFilter::default(), 1_000).await;
    read.unwrap().0
}

/// What each tells, in few words.
fn told(events: &[LoggedEvent]) -> Vec<String> {
    let told = events.iter().map(|event| match &event.drop {
        Some(drop) => {
            let stored = drop.stored.as_ref().and_then(|stored| stored.outcome);
            let outcome = stored.map(|outcome| format!(" {}", outcome.slug()));
            let id = u128::from_str_radix(&drop.id.to_string(), 16).unwrap();
            format!("{} {id}{}", event.slug, outcome.unwrap_or_default())
        }
        None => format!("{} {}", event.slug, event.detail),
    });
    told.collect()
}
