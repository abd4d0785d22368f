//! Drops that the gate holds: kept with their order, dialled once, and ended once, whoever comes for them.

use std::sync::Arc;

use aftertone::{
    campaign::{
        HeldReason,
        budget::Calls,
        policy::{CampaignKind, Consent, ConsentKind, Override},
    },
    drop::{Outcome, Technique},
    events::{EventFilter, EventKind, LoggedEvent},
    id::DropId,
    phone::{CallerId, Disclosure},
    store::{
        AuditState, DropFilter, ErasedPerson, GateHold, HeldDrop, HeldEnd, HeldState, OrderWritten,
        Prunable, SpokenColumns, Store, StoredDrop, Write, Written,
    },
};
use jiff::{Timestamp, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, controller, end, intent, number},
    ordered::{key, record, request, rows},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_held_drop_is_kept_with_its_key_and_comes_back_as_it_was,
        a_held_drop_is_dialled_by_one_of_many,
        what_was_held_and_not_dialled_waits_again,
        a_held_drop_ends_once,
        what_expires_is_not_dialled,
        a_held_drop_goes_with_its_person,
        held_drops_are_listed_among_the_others,
        what_was_held_is_pruned,
    )
}

async fn a_held_drop_is_kept_with_its_key_and_comes_back_as_it_was(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let first = HeldDrop {
        consent: Some(Consent {
            kind: ConsentKind::Written,
            at: Some(fixture.at(-90)),
            source: Some("web form".to_owned()),
        }),
        overrides: vec![Override::new("frequency_cap", "they asked twice").unwrap()],
        caller_id: Some(CallerId::parse("+12025550100").unwrap()),
        expires_at: Some(fixture.at(9_000)),
        traceparent: record("a", 1).traceparent,
        fields: SpokenColumns::given([("First Name", "Ann"), ("date", "3 May")]),
        ..held(1, 1)
    };
    assert!(hold(&fixture, &first, "a", 60).await);
    // Its key is used, and of another drop nothing is written.
    assert!(!hold(&fixture, &held(2, 2), "a", 60).await);
    assert_eq!(rows(base, "held_drops").await, 1);
    assert_eq!(rows(base, "ordered_drops").await, 1);
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(1));
    let kept = store
        .kept_answer(&key("a"), &request(), Timestamp::MIN)
        .await
        .unwrap();
    assert_eq!(kept.unwrap().drop, first.drop);

    let due = async |seconds| store.due_held("pbx", fixture.at(seconds), 9).await.unwrap();
    assert_eq!(due(59).await, []);
    assert_eq!(due(60).await, std::slice::from_ref(&first));
    assert_eq!(
        store.due_held("other", fixture.at(60), 9).await.unwrap(),
        []
    );
    assert_eq!(store.next_held("pbx").await.unwrap(), Some(fixture.at(60)));
    assert_eq!(store.next_held("other").await.unwrap(), None);
    assert_eq!(store.next_expiry().await.unwrap(), first.expires_at);

    // What is in the way of it says when it is looked at; what its rules are may be others.
    store
        .postpone_held(first.drop, fixture.at(70))
        .await
        .unwrap();
    assert_eq!(due(69).await, []);
    store
        .look_again_at_drops("pbx", fixture.at(61))
        .await
        .unwrap();
    assert_eq!(due(61).await.len(), 1);
    // The same again is not told again.
    let same = until(&fixture, 60);
    assert!(
        store
            .hold_again(first.drop, &same, fixture.at(61))
            .await
            .unwrap()
    );
    assert!(
        store
            .hold_again(first.drop, &until(&fixture, 120), fixture.at(61))
            .await
            .unwrap()
    );
    assert_eq!(due(119).await, []);
    let events = told(store).await;
    let until: Vec<_> = events
        .iter()
        .map(|event| event.to_json(Disclosure::Full)["data"]["until"].clone())
        .collect();
    assert_eq!(
        until,
        [fixture.at(60).to_string(), fixture.at(120).to_string()]
    );
    let data = &events[0].to_json(Disclosure::Full)["data"];
    assert_eq!(data["number"], number(1).shown(true));
    assert_eq!(
        (&data["foreign_id"], &data["when_held"]),
        (&"f1".into(), &"wait".into())
    );
    assert!(!events.iter().any(LoggedEvent::ends_drop));
}

async fn a_held_drop_is_dialled_by_one_of_many(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let mut controllers = vec![fixture.holder.clone()];
    for n in 0..3 {
        controllers.push(controller(store, &format!("other{n}")).await);
    }
    for drop in 1..=8_u128 {
        assert!(hold(&fixture, &held(drop, 9), &format!("k{drop}"), 1).await);
        let commits = controllers.iter().map(|holder| {
            let intent = intent(None, number(9), drop);
            store.commit_held(holder, intent, fixture.at(2))
        });
        let written = futures::future::join_all(commits).await;
        let applied = OrderWritten::Written(Written::Applied);
        let applied = written
            .iter()
            .filter(|one| one.as_ref().is_ok_and(|one| *one == applied));
        assert_eq!(applied.count(), 1, "{written:?}");
    }
    assert_eq!(rows(base, "drops").await, 8);
    let started = told(store).await;
    let started = started
        .iter()
        .filter(|event| event.kind == Some(EventKind::DropStarted));
    assert_eq!(started.count(), 8);
    assert_eq!(store.due_held("pbx", fixture.at(9), 9).await.unwrap(), []);
}

async fn what_was_held_and_not_dialled_waits_again(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, drop) = (&fixture.store, DropId::from_u128(1));
    hold(&fixture, &held(1, 1), "a", 1).await;
    assert_eq!(
        dial(&fixture, 1, 2).await,
        OrderWritten::Written(Written::Applied)
    );
    let taken = store.take_back_held(&fixture.holder, drop, fixture.at(3));
    taken.await.unwrap();
    assert_eq!(rows(base, "drops").await, 0);
    assert_eq!(state(store, 1).await, Some(HeldState::Waiting));
    assert_eq!(
        dial(&fixture, 1, 4).await,
        OrderWritten::Written(Written::Applied)
    );
    let ended = Write::EndDrop {
        end: Box::new(end(1, Outcome::Delivered)),
        calls: Calls::NONE,
    };
    fixture.commit(&[ended], 5).await;
    let events = told(store).await;
    let kinds: Vec<_> = events.iter().filter_map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::DropHeld,
            EventKind::DropStarted,
            EventKind::DropHeld,
            EventKind::DropStarted,
            EventKind::DropEnded
        ]
    );
    assert_eq!(events.iter().filter(|event| event.ends_drop()).count(), 1);
    // What was told when it was held says nothing of what came later.
    assert_eq!(
        events[0].to_json(Disclosure::Full)["data"].get("outcome"),
        None
    );
    let ended = stored(store, 1).await;
    assert_eq!(
        (ended.outcome, ended.hold),
        (Some(Outcome::Delivered), None)
    );
    // A drop that was ordered without waiting is withdrawn as ever.
    let other = intent(None, number(2), 2);
    let order = record("b", 2);
    let written = store
        .commit_order(&fixture.holder, other, &order, fixture.at(6))
        .await;
    written.unwrap();
    let drop = DropId::from_u128(2);
    store
        .take_back_order(&fixture.holder, drop, fixture.at(7))
        .await
        .unwrap();
    let last = told(store).await.pop().unwrap();
    assert_eq!(last.kind, Some(EventKind::DropWithdrawn));
}

async fn a_held_drop_ends_once(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let ends = [
        HeldEnd::Refused {
            reason: "do_not_call",
            words: "it is on `own`".to_owned(),
            ruling: r#"{"decision":"refused"}"#.to_owned(),
        },
        HeldEnd::Cancelled,
        HeldEnd::Failed("there is no such message".to_owned()),
        HeldEnd::Expired,
    ];
    for (drop, _) in (1..).zip(&ends) {
        hold(&fixture, &held(drop, 9), &format!("k{drop}"), 1).await;
    }
    for (drop, first) in (1..).zip(&ends) {
        let id = DropId::from_u128(drop);
        assert!(store.settle_held(id, first, fixture.at(2)).await.unwrap());
        for other in &ends {
            assert!(!store.settle_held(id, other, fixture.at(3)).await.unwrap());
        }
        let hold = until(&fixture, 60);
        assert!(!store.hold_again(id, &hold, fixture.at(3)).await.unwrap());
        assert_eq!(dial(&fixture, drop, 3).await, OrderWritten::KeyTaken);
    }
    assert_eq!(rows(base, "drops").await, 0);
    let events = told(store).await.split_off(ends.len());
    let data: Vec<_> = events
        .iter()
        .map(|event| {
            let data = event.to_json(Disclosure::Programs)["data"].clone();
            let why = data.get("reason").or(data.get("outcome")).cloned();
            format!("{} {}", event.slug, why.unwrap())
        })
        .collect();
    assert_eq!(
        data,
        [
            "drop.refused \"do_not_call\"",
            "drop.ended \"cancelled\"",
            "drop.ended \"error\"",
            "drop.refused \"expired\"",
        ]
    );
    assert!(events.iter().all(LoggedEvent::ends_drop));
    let cancelled = stored(store, 2).await;
    assert_eq!(cancelled.outcome, Some(Outcome::Cancelled));
    assert_eq!(cancelled.ended_at, Some(fixture.at(2)));
    let refused = stored(store, 1).await;
    assert_eq!(
        (refused.outcome, refused.ruling.as_str()),
        (None, r#"{"decision":"refused"}"#)
    );
    assert_eq!(refused.hold.unwrap().reason, "do_not_call");
}

async fn what_expires_is_not_dialled(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    for drop in 1..=3_u128 {
        let expires_at = Some(fixture.at(10 * i64::try_from(drop).unwrap()));
        let held = HeldDrop {
            expires_at,
            ..held(drop, usize::try_from(drop).unwrap())
        };
        hold(&fixture, &held, &format!("k{drop}"), 1).await;
    }
    // Not even if it is on its way at that moment.
    assert_eq!(dial(&fixture, 1, 10).await, OrderWritten::KeyTaken);
    assert_eq!(
        dial(&fixture, 2, 10).await,
        OrderWritten::Written(Written::Applied)
    );
    // What is dialled does not expire any more.
    assert_eq!(store.expire_held(fixture.at(25), 9).await.unwrap(), 1);
    assert_eq!(store.expire_held(fixture.at(25), 9).await.unwrap(), 0);
    assert_eq!(store.next_expiry().await.unwrap(), Some(fixture.at(30)));
    assert_eq!(state(store, 1).await, Some(HeldState::Refused));
    assert_eq!(state(store, 2).await, None);
    let last = told(store).await.pop().unwrap();
    assert_eq!(last.kind, Some(EventKind::DropRefused));
    assert_eq!(
        last.to_json(Disclosure::Programs)["data"]["reason"],
        "expired"
    );
}

async fn a_held_drop_goes_with_its_person(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, persons, now) = (&fixture.store, [number(1)], fixture.at(2));
    let fields = SpokenColumns::given([("first_name", "Ann")]);
    for (drop, to, key) in [(1, 1, "a"), (2, 1, "b"), (3, 3, "c")] {
        let held = HeldDrop {
            fields: fields.clone(),
            ..held(drop, to)
        };
        hold(&fixture, &held, key, 1).await;
    }
    store
        .settle_held(DropId::from_u128(2), &HeldEnd::Cancelled, now)
        .await
        .unwrap();
    let person = store.person(&persons).await.unwrap();
    // What has ended needs them no more, and says nothing of anybody.
    let said: Vec<_> = person.held.iter().map(|held| &held.fields).collect();
    assert_eq!(said, [&fields, &SpokenColumns::default()]);
    let states: Vec<_> = person.held.iter().map(|held| held.hold.state).collect();
    assert_eq!(states, [HeldState::Waiting, HeldState::Ended]);
    store.bar_for_good(&persons, None, now).await.unwrap();
    let erased = store.erase(&persons, now).await.unwrap();
    assert!(matches!(erased, ErasedPerson::Done { .. }), "{erased:?}");
    let gone = stored(store, 1).await;
    assert_eq!(
        (gone.number, gone.foreign_id, gone.metadata),
        (None, None, None)
    );
    assert_eq!(gone.hold.unwrap().reason, "erased");
    let left = base
        .texts("SELECT drop_id FROM held_drops WHERE fields IS NOT NULL")
        .await;
    assert_eq!(left, [DropId::from_u128(3).to_string()]);
    assert_eq!(store.person(&persons).await.unwrap().held, []);
    assert_eq!(
        store.due_held("pbx", fixture.at(9), 9).await.unwrap().len(),
        1
    );
    let kept = store
        .kept_answer(&key("a"), &request(), Timestamp::MIN)
        .await
        .unwrap();
    // Its key stays bound, and says nothing of them.
    let kept = kept.unwrap();
    assert!(kept.request != request() && kept.body == "{}", "{kept:?}");
    let events = told(store).await;
    let whole: Vec<_> = events
        .iter()
        .map(|event| event.to_json(Disclosure::Full).to_string())
        .collect();
    let number = number(1).shown(true);
    assert!(
        !whole.iter().any(|event| event.contains(&number)),
        "{whole:#?}"
    );
    assert!(
        !whole.iter().any(|event| event.contains("f1")),
        "{whole:#?}"
    );
    let ends = events
        .iter()
        .filter(|event| event.ends_drop() && event.kind == Some(EventKind::DropRefused));
    assert_eq!(ends.count(), 1);
}

async fn held_drops_are_listed_among_the_others(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    for drop in 1..=9_u128 {
        let key = format!("k{drop}");
        if drop % 3 == 0 {
            let (intent, order) = (intent(None, number(5), drop), record(&key, drop));
            let written = store.commit_order(&fixture.holder, intent, &order, fixture.at(1));
            written.await.unwrap();
        } else {
            hold(&fixture, &held(drop, 5), &key, 1).await;
        }
    }
    let fourth = intent(None, number(5), 4);
    let dialled = store.commit_held(&fixture.holder, fourth, fixture.at(2));
    assert_eq!(
        dialled.await.unwrap(),
        OrderWritten::Written(Written::Applied)
    );
    store
        .settle_held(DropId::from_u128(5), &HeldEnd::Expired, fixture.at(2))
        .await
        .unwrap();
    let ids = async |filter: &DropFilter, from: Option<u128>, is_backward, at_most| {
        let from = from.map(DropId::from_u128);
        let found = store
            .drops(filter, from, is_backward, at_most)
            .await
            .unwrap();
        let ids = found.iter().map(|drop| drop.id.to_string());
        ids.map(|id| u128::from_str_radix(&id, 16).unwrap())
            .collect::<Vec<_>>()
    };
    let all = &DropFilter::All;
    assert_eq!(ids(all, None, true, 4).await, [9, 8, 7, 6]);
    assert_eq!(ids(all, Some(6), true, 9).await, [5, 4, 3, 2, 1]);
    assert_eq!(ids(all, Some(3), false, 3).await, [4, 5, 6]);
    let to = &DropFilter::Number(number(5));
    assert_eq!(ids(to, Some(9), true, 9).await, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(
        ids(&DropFilter::ForeignId("f2".to_owned()), None, true, 9).await,
        [2]
    );
    assert_eq!(
        ids(&DropFilter::ForeignId("f4".to_owned()), None, false, 9).await,
        [4]
    );
    let waiting = &DropFilter::Held;
    assert_eq!(ids(waiting, None, true, 3).await, [8, 7, 2]);
    assert_eq!(ids(waiting, Some(2), true, 3).await, [1]);
    assert_eq!(ids(waiting, Some(2), false, 3).await, [7, 8]);
}

async fn what_was_held_is_pruned(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    for drop in 1..=3_u128 {
        hold(&fixture, &held(drop, 5), &format!("k{drop}"), 1).await;
    }
    let settled = store.settle_held(DropId::from_u128(1), &HeldEnd::Cancelled, fixture.at(2));
    settled.await.unwrap();
    dial(&fixture, 2, 2).await;
    let ended = Write::EndDrop {
        end: Box::new(end(2, Outcome::Delivered)),
        calls: Calls::NONE,
    };
    fixture.commit(&[ended], 3).await;
    let what = Prunable {
        drops_before: Some(fixture.at(10) + 1.hour()),
        ..Prunable::default()
    };
    assert_eq!(store.prunable(&what).await.unwrap().drops, 2);
    assert_eq!(store.prune(&what, |_| true).await.unwrap().drops, 2);
    let left = base.texts("SELECT drop_id FROM held_drops").await;
    assert_eq!(left, [DropId::from_u128(3).to_string()]);
    assert_eq!(rows(base, "ordered_drops").await, 1);
}

/// A drop to a number, of the fixture's PBX.
pub(crate) fn held(drop: u128, to: usize) -> HeldDrop {
    HeldDrop {
        drop: DropId::from_u128(drop),
        number: number(to),
        pbx: "pbx".to_owned(),
        kind: CampaignKind::Informational,
        consent: None,
        overrides: Vec::new(),
        message: "promo".to_owned(),
        fields: SpokenColumns::default(),
        technique: Technique::Single,
        caller_id: None,
        expires_at: None,
        traceparent: None,
    }
}

fn until(fixture: &Fixture, seconds: i64) -> GateHold {
    GateHold {
        reason: HeldReason::FrequencyCap,
        until: fixture.at(seconds),
        ruling: "{}".to_owned(),
    }
}

/// Holds a drop for so many seconds.
async fn hold(fixture: &Fixture, held: &HeldDrop, key: &str, seconds: i64) -> bool {
    let drop = u128::from_str_radix(&held.drop.to_string(), 16).unwrap();
    let mut order = record(key, drop);
    order.expires_at = held.expires_at;
    let hold = until(fixture, seconds);
    let holding = fixture.store.hold_order(held, &hold, &order, fixture.at(0));
    holding.await.unwrap()
}

async fn dial(fixture: &Fixture, drop: u128, seconds: i64) -> OrderWritten {
    let intent = intent(None, number(usize::try_from(drop).unwrap()), drop);
    let now = fixture.at(seconds);
    let dialling = fixture.store.commit_held(&fixture.holder, intent, now);
    dialling.await.unwrap()
}

async fn stored(store: &Store, drop: u128) -> StoredDrop {
    store
        .drop_of(DropId::from_u128(drop))
        .await
        .unwrap()
        .unwrap()
}

async fn state(store: &Store, drop: u128) -> Option<HeldState> {
    stored(store, drop).await.hold.map(|hold| hold.state)
}

/// What is told of drops.
async fn told(store: &Store) -> Vec<LoggedEvent> {
    let filter = EventFilter {
        kinds: EventFilter::kinds(["drop.*"]).unwrap(),
        campaign: None,
    };
    store.events(0, &filter, 999).await.unwrap().0
}
