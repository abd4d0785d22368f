//! What is shown of a campaign: counts, and a row a drop.

use std::{collections::BTreeMap, sync::Arc};

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        engine::{Contact, Settlement},
    },
    drop::{Outcome, Technique},
    id::DropId,
    store::{Filter, ResultRow, Tally, Write},
    words::Leg,
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
        contacts_are_counted_by_their_state,
        there_is_a_row_a_drop_in_the_order_of_the_list,
        filters_hold_all_together,
        what_became_of_a_contact_since_is_with_its_last_drop,
        pages_join_without_a_gap_or_a_repetition,
        outcomes_are_counted_by_time_variant_and_length,
        hostile_filters_find_nothing_and_break_nothing,
        the_latest_drops_of_a_trunk_are_read,
    )
}

/// Six contacts: one delivered at the second attempt, one busy for good, one refused, one held, one in mid-drop, one waiting.
async fn told(base: &Base) -> Fixture {
    let fixture = Fixture::of(base, 6).await;
    let (contacts, _) = fixture.lease(5, 0).await;
    let [twice, busy, refused, held, flying] = &contacts[..] else {
        panic!("five were leased");
    };
    fixture
        .commit(
            &[
                begin(&fixture, twice, 1, "A"),
                begin(&fixture, busy, 2, "B"),
                begin(&fixture, flying, 3, "A"),
            ],
            1,
        )
        .await;
    let later = fixture.at(60);
    fixture
        .commit(
            &[
                fixture.ended(twice, 1, Outcome::NoAnswer, Some(later)),
                fixture.ended(busy, 2, Outcome::Busy, None),
                fixture.settle(refused, Settlement::Refused(RefusedReason::DoNotCall)),
                fixture.settle(
                    held,
                    Settlement::Held {
                        reason: HeldReason::CallingHours,
                        until: fixture.at(7_200),
                    },
                ),
            ],
            10,
        )
        .await;
    let (again, _) = fixture.lease(1, 70).await;
    // The sixth was due before.
    assert_ne!(again[0].id, twice.id);
    let (again, _) = fixture.lease(1, 71).await;
    assert_eq!((again[0].id, again[0].attempts), (twice.id, 1));
    fixture
        .commit(&[begin(&fixture, &again[0], 4, "A")], 72)
        .await;
    fixture
        .commit(
            &[fixture.ended(&again[0], 4, Outcome::Delivered, None)],
            100,
        )
        .await;
    fixture
}

async fn contacts_are_counted_by_their_state(base: &Base) {
    let fixture = told(base).await;
    let wanted = Tally {
        contacts: 6,
        waiting: 2,
        in_flight: 1,
        outcomes: BTreeMap::from([(Outcome::Delivered, 1), (Outcome::Busy, 1)]),
        refused: BTreeMap::from([(RefusedReason::DoNotCall, 1)]),
        drops: 4,
    };
    assert_eq!(fixture.store.tally(fixture.campaign).await.unwrap(), wanted);
}

async fn there_is_a_row_a_drop_in_the_order_of_the_list(base: &Base) {
    let fixture = told(base).await;
    let rows = all(&fixture, &Filter::default()).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.drop.unwrap(), row.attempt, row.outcome, row.is_final))
        .collect();
    let id = DropId::from_u128;
    assert_eq!(
        told,
        [
            (id(1), 1, Some(Outcome::NoAnswer), false),
            (id(4), 2, Some(Outcome::Delivered), true),
            (id(2), 1, Some(Outcome::Busy), true),
            (id(3), 1, None, false),
        ]
    );
    let first = &rows[0];
    assert_eq!(first.number, Some(number(0)));
    assert_eq!(first.started_at, Some(fixture.at(1)));
    assert_eq!(first.ended_at, Some(fixture.at(10)));
    assert_eq!(
        (first.technique, first.message.as_deref()),
        (Some(Technique::Double), Some("promo"))
    );
    assert_eq!(
        (first.variant.as_deref(), first.report.as_deref()),
        (Some("A"), Some("{}"))
    );
    assert_eq!(
        (
            first.calls.busy_legs,
            first.calls.drop_legs,
            first.drop_up_ms
        ),
        (1, 1, 7_000)
    );
    assert_eq!(
        (rows[3].ended_at, rows[3].proof, rows[3].report.as_deref()),
        (None, None, None)
    );

    let undialled = Filter {
        undialled: true,
        ..Filter::default()
    };
    let rows = all(&fixture, &undialled).await;
    assert_eq!(rows.len(), 7);
    let [refused, held] = &rows[3..5] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (refused.drop, refused.refused),
        (None, Some(RefusedReason::DoNotCall))
    );
    assert_eq!(
        (refused.is_final, refused.ruling.as_deref()),
        (true, Some(r#"{"rule":"it"}"#))
    );
    assert_eq!(
        held.held,
        Some((HeldReason::CallingHours, fixture.at(7_200)))
    );
    assert_eq!(
        (held.is_final, held.ruling.as_deref()),
        (false, Some(r#"{"rule":"it"}"#))
    );
}

async fn filters_hold_all_together(base: &Base) {
    let fixture = told(base).await;
    let none = Filter::default;
    let rows = [
        (
            Filter {
                outcomes: vec![Outcome::Busy, Outcome::NoAnswer],
                ..none()
            },
            vec![1, 2],
        ),
        (
            Filter {
                outcomes: vec![Outcome::Lost],
                ..none()
            },
            vec![],
        ),
        (
            Filter {
                since: Some(fixture.at(72)),
                ..none()
            },
            vec![4],
        ),
        (
            Filter {
                until: Some(fixture.at(72)),
                ..none()
            },
            vec![1, 2, 3],
        ),
        (
            Filter {
                since: Some(fixture.at(1)),
                until: Some(fixture.at(1)),
                ..none()
            },
            vec![],
        ),
        (
            Filter {
                number: Some(number(0)),
                ..none()
            },
            vec![1, 4],
        ),
        (
            Filter {
                number: Some(number(77)),
                ..none()
            },
            vec![],
        ),
        (
            Filter {
                number: Some(number(2)),
                ..none()
            },
            vec![],
        ),
        (
            Filter {
                variant: Some("A".into()),
                ..none()
            },
            vec![1, 4, 3],
        ),
        (
            Filter {
                variant: Some("A".into()),
                outcomes: vec![Outcome::Delivered],
                number: Some(number(0)),
                ..none()
            },
            vec![4],
        ),
        // They have no outcome, whatever is asked for beside it.
        (
            Filter {
                undialled: true,
                outcomes: vec![Outcome::Busy],
                ..none()
            },
            vec![2],
        ),
    ];
    for (filter, wanted) in rows {
        let found = all(&fixture, &filter).await;
        let ids: Vec<_> = found.iter().map(|row| row.drop.unwrap()).collect();
        let wanted: Vec<_> = wanted.into_iter().map(DropId::from_u128).collect();
        assert_eq!(ids, wanted, "{filter:?}");
    }
    base.run("UPDATE contacts SET foreign_id = 'crm-' || number")
        .await;
    let filter = Filter {
        foreign_id: Some("crm-12025550001".into()),
        undialled: true,
        ..none()
    };
    let found = all(&fixture, &filter).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].foreign_id, filter.foreign_id);
}

async fn what_became_of_a_contact_since_is_with_its_last_drop(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    for attempt in [1, 2] {
        let (contacts, _) = fixture.lease(1, attempt).await;
        let drop = attempt.unsigned_abs().into();
        fixture
            .commit(&[begin(&fixture, &contacts[0], drop, "A")], attempt)
            .await;
        let again = Some(fixture.at(attempt));
        fixture
            .commit(
                &[fixture.ended(&contacts[0], drop, Outcome::Busy, again)],
                attempt,
            )
            .await;
    }
    let (contacts, _) = fixture.lease(1, 3).await;
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    fixture
        .commit(&[fixture.settle(&contacts[0], refused)], 3)
        .await;
    let undialled = Filter {
        undialled: true,
        ..Filter::default()
    };
    for filter in [Filter::default(), undialled] {
        let rows = all(&fixture, &filter).await;
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.attempt, row.outcome, row.refused, row.is_final))
            .collect();
        let busy = Some(Outcome::Busy);
        assert_eq!(
            told,
            [
                (1, busy, None, false),
                (2, busy, Some(RefusedReason::DoNotCall), true)
            ]
        );
        assert_eq!(rows[0].ruling.as_deref(), Some("{}"));
        assert_eq!(rows[1].ruling.as_deref(), Some(r#"{"rule":"it"}"#));
    }
}

async fn pages_join_without_a_gap_or_a_repetition(base: &Base) {
    let fixture = told(base).await;
    for undialled in [false, true] {
        let filter = Filter {
            undialled,
            ..Filter::default()
        };
        let whole = all(&fixture, &filter).await;
        for size in 1..=8 {
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let page = fixture
                    .store
                    .results(fixture.campaign, &filter, after, size)
                    .await;
                let (page, next) = page.unwrap();
                assert!(page.len() <= size);
                rows.extend(page);
                let Some(next) = next else { break };
                after = Some(next);
            }
            assert_eq!(rows, whole, "{size} at a time");
        }
    }
    let of_one = Filter {
        number: Some(number(0)),
        ..Filter::default()
    };
    let (first, next) = fixture
        .store
        .results(fixture.campaign, &of_one, None, 1)
        .await
        .unwrap();
    let (second, next) = fixture
        .store
        .results(fixture.campaign, &of_one, next, 1)
        .await
        .unwrap();
    let (last, end) = fixture
        .store
        .results(fixture.campaign, &of_one, next, 1)
        .await
        .unwrap();
    assert_eq!(
        (first[0].attempt, second[0].attempt, last.len(), end),
        (1, 2, 0, None)
    );
}

async fn outcomes_are_counted_by_time_variant_and_length(base: &Base) {
    let fixture = told(base).await;
    let (store, id) = (&fixture.store, fixture.campaign);
    assert_eq!(
        store.ends(id).await.unwrap(),
        Some((fixture.at(10), fixture.at(100)))
    );
    let counts = store.outcomes_over_time(id, 3_600).await.unwrap();
    assert_eq!(counts.values().sum::<u64>(), 3);
    let single = store.outcomes_over_time(id, 1).await.unwrap();
    assert_eq!(single.len(), 3);
    for ((at, outcome), count) in single {
        let second = fixture
            .at(if outcome == Outcome::Delivered {
                100
            } else {
                10
            })
            .as_second();
        assert_eq!(
            (at.as_second(), at.subsec_nanosecond(), count),
            (second, 0, 1)
        );
    }
    let variants = store.variants(id).await.unwrap();
    let wanted = BTreeMap::from([
        ("A".to_owned(), BTreeMap::from([(Outcome::Delivered, 1)])),
        ("B".to_owned(), BTreeMap::from([(Outcome::Busy, 1)])),
    ]);
    assert_eq!(
        variants, wanted,
        "each contact counts once, by its last outcome"
    );
    let lengths = store.calls_by_length(id).await.unwrap();
    let told: Vec<_> = lengths
        .iter()
        .map(|of| (of.leg, of.seconds, of.calls))
        .collect();
    assert_eq!(told, [(Leg::Busy, 0, 3), (Leg::Drop, 7, 3)]);

    let empty = crate::fixture::campaign(store, "two", fixture.start).await;
    assert_eq!(store.ends(empty).await.unwrap(), None);
    assert!(
        store
            .outcomes_over_time(empty, 60)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.tally(empty).await.unwrap(), Tally::default());
}

async fn hostile_filters_find_nothing_and_break_nothing(base: &Base) {
    let fixture = told(base).await;
    let before = base.dump().await;
    for text in [
        "' OR '1'='1",
        "'; DELETE FROM drops; --",
        "A\" OR 1=1",
        "$9",
        "?1",
        "%",
        "\u{202e}",
    ] {
        for filter in [
            Filter {
                variant: Some(text.into()),
                ..Filter::default()
            },
            Filter {
                foreign_id: Some(text.into()),
                undialled: true,
                ..Filter::default()
            },
        ] {
            assert!(all(&fixture, &filter).await.is_empty(), "{text}");
        }
    }
    assert_eq!(base.dump().await, before);
}

async fn all(fixture: &Fixture, filter: &Filter) -> Vec<ResultRow> {
    let rows = fixture
        .store
        .results(fixture.campaign, filter, None, 100)
        .await;
    let (rows, next) = rows.unwrap();
    assert_eq!(next, None);
    rows
}

fn begin(fixture: &Fixture, contact: &Contact, drop: u128, variant: &str) -> Write {
    let Write::Start(mut intent) = fixture.start_of(contact, drop) else {
        panic!("it starts a drop");
    };
    intent.variant = Some(variant.to_owned());
    Write::Start(intent)
}

async fn the_latest_drops_of_a_trunk_are_read(base: &Base) {
    let fixture = told(base).await;
    base.run("UPDATE pbxes SET trunk = 'gsm'").await;
    base.run(
        "UPDATE drops SET report = '{\"legs\": {\"drop\": {\"q850\": 17}}}' WHERE outcome = 'busy'",
    )
    .await;
    let since = fixture.at(-1);
    let all = fixture.store.trunk_sample("gsm", since, 10).await.unwrap();
    assert!(all.len() >= 3, "{all:?}");
    let busy: Vec<_> = all
        .iter()
        .filter(|drop| drop.outcome == Outcome::Busy)
        .collect();
    assert_eq!((busy.len(), busy[0].q850), (1, Some(17)), "{all:?}");
    assert!(busy[0].number.is_some());
    // No more than were asked for, and those that ended last.
    let latest = fixture.store.trunk_sample("gsm", since, 1).await.unwrap();
    assert_eq!(latest, all[..1]);
    let later = fixture.at(86_400 * 30);
    assert!(
        fixture
            .store
            .trunk_sample("gsm", later, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        fixture
            .store
            .trunk_sample("other", since, 10)
            .await
            .unwrap()
            .is_empty()
    );
}
