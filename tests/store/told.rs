//! What is told of that no trigger tells: once, however many controllers and servers see it.

use std::sync::Arc;

use aftertone::{
    campaign::budget::GaugeState,
    events::{EventFilter, LoggedEvent},
    phone::Disclosure,
    store::Store,
};
use jiff::ToSpan as _;
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    base::{Base, Kind, Server},
    fixture::Fixture,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_budget_is_told_of_once_by_all_controllers_of_a_trunk,
        a_database_that_was_away_is_told_of_in_the_order_of_time,
        an_address_is_told_of_once_an_hour,
    )
}

async fn a_budget_is_told_of_once_by_all_controllers_of_a_trunk(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let states = [
        (GaugeState::Well, None),
        (GaugeState::Near, Some("budget.near")),
        (GaugeState::Exceeded, Some("budget.exceeded")),
        // One that sees it late.
        (GaugeState::Near, None),
        (GaugeState::Well, Some("budget.recovered")),
        (GaugeState::Exceeded, Some("budget.exceeded")),
        (GaugeState::Well, Some("budget.recovered")),
    ];
    let detail = json!({"share": 0.5, "limit": 0.2});
    for (state, _) in states {
        let tell =
            (0..4).map(|n| store.tell_of_budget("pbx", "short", state, &detail, fixture.at(n)));
        let told = futures::future::join_all(tell).await;
        let told = told.into_iter().filter(|told| *told.as_ref().unwrap());
        assert!(told.count() <= 1);
    }
    // Another gauge is another matter.
    let other = store.tell_of_budget("pbx", "people", GaugeState::Near, &detail, fixture.at(9));
    assert!(other.await.unwrap());
    let events = told(store, "budget.*").await;
    let kinds: Vec<_> = events.iter().map(|event| event.slug.as_str()).collect();
    let expected = states.iter().filter_map(|(_, kind)| *kind);
    assert_eq!(kinds, expected.chain(["budget.near"]).collect::<Vec<_>>());
    let data = &events[0].to_json(Disclosure::Programs)["data"];
    // As the fixture's controller has registered it.
    assert_eq!(
        *data,
        json!({"trunk": "here", "gauge": "short", "share": 0.5, "limit": 0.2})
    );
}

async fn a_database_that_was_away_is_told_of_in_the_order_of_time(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (since, now) = (fixture.at(3), fixture.at(60));
    fixture
        .store
        .tell_of_outage("here", since, now)
        .await
        .unwrap();
    let events = told(&fixture.store, "store.*").await;
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.slug.as_str(), event.at))
        .collect();
    assert_eq!(seen, [("store.away", since), ("store.restored", now)]);
    assert_eq!(
        events[1].to_json(Disclosure::Programs)["data"]["since"],
        since.to_string()
    );
}

async fn an_address_is_told_of_once_an_hour(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    for (ip, at, expected) in [
        ("10.0.0.1", fixture.at(0), true),
        ("10.0.0.1", fixture.at(3_599), false),
        ("10.0.0.2", fixture.at(3_599), true),
        ("10.0.0.1", fixture.at(0) + 1.hour(), true),
    ] {
        assert_eq!(
            store.tell_of_attack(ip, 20, at).await.unwrap(),
            expected,
            "{ip} {at}"
        );
    }
    let events = told(store, "auth.attacked").await;
    assert_eq!(events.len(), 3);
    assert_eq!(
        events[0].to_json(Disclosure::Programs)["data"],
        json!({"ip": "10.0.0.1", "refused": 20})
    );
    let kept = base.texts("SELECT ip FROM told_attacks ORDER BY ip").await;
    assert_eq!(kept, ["10.0.0.1", "10.0.0.2"]);
}

async fn told(store: &Store, kind: &str) -> Vec<LoggedEvent> {
    let filter = EventFilter {
        kinds: EventFilter::kinds([kind]).unwrap(),
        campaign: None,
    };
    store.events(0, &filter, 999).await.unwrap().0
}
