//! Calls that come back: what they answer, that nothing follows for whoever makes them, and that who wants no more calls gets none.

use std::sync::Arc;

use aftertone::{
    callback::{CallbackId, CallbackOutcome},
    campaign::engine::Contact,
    drop::Outcome,
    events::{EventFilter, LoggedEvent},
    id::DropId,
    phone::{CallerId, Disclosure, Rules},
    store::{
        AnsweredDrop, CalledBack, Filter, ListName, NewCallback, Prunable, Store, Write, Written,
    },
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_call_answers_the_last_drop_from_the_number_that_was_called,
        nothing_follows_for_whoever_called_back,
        nothing_is_dialled_once_somebody_has_opted_out,
        calls_are_counted_by_what_came_of_them,
        calls_are_found_by_contact_by_drop_and_by_day,
        a_process_that_died_leaves_no_call_open,
        a_person_who_is_erased_has_called_nobody,
        the_end_of_a_call_brings_nobody_back_who_was_erased_meanwhile,
    )
}

async fn a_call_answers_the_last_drop_from_the_number_that_was_called(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (contacts, _) = fixture.lease(1, 0).await;
    let [contact] = &contacts[..] else {
        panic!("one was leased");
    };
    fixture
        .commit(&[from(&fixture, contact, 1, "+12025550900")], 1)
        .await;
    // A later one, to the same number, from another.
    let mut other = intent(None, number(0), 2);
    other.caller_id = Some(CallerId::parse("3055550100").unwrap());
    fixture.commit(&[Write::Start(Box::new(other))], 5).await;
    let store = &fixture.store;
    let answered = async |called: Option<&str>| {
        let call = call(Some(0), called);
        let found = store.begin_callback(&call, fixture.at(10)).await.unwrap();
        found.map(|found| found.drop.as_u128())
    };
    assert_eq!(answered(Some("+12025550900")).await, Some(1));
    assert_eq!(answered(Some("2025550900")).await, Some(1));
    assert_eq!(answered(Some("+13055550100")).await, Some(2));
    assert_eq!(answered(None).await, Some(2));
    assert_eq!(answered(Some("+12025550901")).await, None);
    // An agent's call, of which it is not known what it showed: what fits goes before it, and it before nothing.
    let agents = intent(None, number(0), 3);
    fixture.commit(&[Write::Start(Box::new(agents))], 9).await;
    assert_eq!(answered(Some("+12025550900")).await, Some(1));
    assert_eq!(answered(Some("+12025550901")).await, Some(3));
    assert_eq!(answered(None).await, Some(3));
    // Somebody else, and somebody who does not say who it is.
    for call in [call(Some(7), None), call(None, Some("+12025550900"))] {
        let found = store.begin_callback(&call, fixture.at(11)).await;
        assert_eq!(found.unwrap(), None);
    }

    let known = call(Some(0), Some("+12025550900"));
    let found = store.begin_callback(&known, fixture.at(13)).await.unwrap();
    let expected = AnsweredDrop {
        drop: DropId::from_u128(1),
        campaign: Some((fixture.campaign, "first".to_owned())),
        spec: Some("{}".to_owned()),
        contact: Some(contact.id),
        foreign_id: None,
        variant: Some("A".to_owned()),
    };
    let found = found.unwrap();
    let name = found.campaign.clone().unwrap().1;
    let expected = AnsweredDrop {
        campaign: Some((fixture.campaign, name)),
        ..expected
    };
    assert_eq!(found, expected);
    let told = told(store, "callback.*").await;
    assert_eq!(told.len(), 11);
    let data = &told[10].to_json(Disclosure::Programs)["data"];
    assert_eq!(data["callback"], known.id.to_string());
    assert_eq!(data["drop"], DropId::from_u128(1).to_string());
    assert_eq!(data["called"], "+12025550900");
    assert_eq!(data["number"], number(0).to_string());
}

async fn nothing_follows_for_whoever_called_back(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let (contacts, _) = fixture.lease(3, 0).await;
    let [waits, dials, new] = &contacts[..] else {
        panic!("three were leased");
    };
    let again = Some(fixture.at(600));
    fixture
        .commit(
            &[
                from(&fixture, waits, 1, "+12025550900"),
                from(&fixture, dials, 2, "+12025550900"),
            ],
            1,
        )
        .await;
    fixture
        .commit(&[fixture.ended(waits, 1, Outcome::NoAnswer, again)], 30)
        .await;
    assert_eq!(fixture.state(base, waits.id).await, "due 1");
    for nth in 0..3 {
        let call = call(Some(nth), Some("+12025550900"));
        let begun = fixture.store.begin_callback(&call, fixture.at(31));
        begun.await.unwrap();
    }
    assert_eq!(fixture.state(base, waits.id).await, "ended 1 no_answer");
    // It is in flight: its end is what it is, and nothing follows.
    assert_eq!(fixture.state(base, dials.id).await, "dialling 1");
    let ended = fixture
        .commit(&[fixture.ended(dials, 2, Outcome::Busy, again)], 40)
        .await;
    assert_eq!(ended, [Written::Applied]);
    assert_eq!(fixture.state(base, dials.id).await, "ended 1 busy");
    let is_final = base.texts("SELECT CAST(is_final AS TEXT) FROM drops WHERE id LIKE '%2'");
    assert_eq!(is_final.await, ["1"]);
    // Nobody has called this one: whoever called is a stranger.
    assert_eq!(fixture.state(base, new.id).await, "leased 0");
    let rows = fixture
        .store
        .results(fixture.campaign, &Filter::default(), None, 9)
        .await;
    let rows = rows.unwrap().0;
    assert!(rows.iter().all(|row| row.called_back_at.is_some()));
}

async fn nothing_is_dialled_once_somebody_has_opted_out(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (contacts, _) = fixture.lease(2, 0).await;
    let [first, second] = &contacts[..] else {
        panic!("two were leased");
    };
    fixture
        .commit(&[from(&fixture, first, 1, "+12025550900")], 1)
        .await;
    let call = call(Some(0), Some("+12025550900"));
    let store = &fixture.store;
    store.begin_callback(&call, fixture.at(2)).await.unwrap();
    let list = ListName::new("callback").unwrap();
    let mut left_alone = store.left_alone();
    // Another number than that of whoever calls: it was typed.
    for which in [0, 1] {
        let number = number(which);
        let done = store.opt_out(call.id, &number, &list, fixture.at(3));
        done.await.unwrap();
    }
    // Of the drop whose intent was written before, whoever dials it here hears, and others wait for its end.
    assert_eq!(left_alone.next().await, DropId::from_u128(1));
    for (begun_after, is_called) in [(0, true), (1, false)] {
        let since = fixture.at(begun_after);
        let called = store.is_being_called(&number(0), since).await.unwrap();
        assert_eq!(called, is_called, "{begun_after}");
    }
    assert!(
        !store
            .is_being_called(&number(1), fixture.at(0))
            .await
            .unwrap()
    );
    let written = fixture
        .commit(&[from(&fixture, second, 2, "+12025550900")], 4)
        .await;
    assert_eq!(written, [Written::OnDoNotCallList("callback".to_owned())]);
    let barred = store.barred(&number(0)).await.unwrap();
    assert!(barred[0].because.as_ref().unwrap().contains("called back"));
    let events = told(store, "contact.opted_out").await;
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[1].to_json(Disclosure::Programs)["data"]["number"],
        number(1).to_string()
    );
    store
        .end_callback(call.id, CallbackOutcome::Listened, fixture.at(9))
        .await
        .unwrap();
    // Whatever followed.
    let outcome = base.texts("SELECT outcome FROM callbacks").await;
    assert_eq!(outcome, ["opted_out"]);
    let ended = told(store, "callback.ended").await;
    assert_eq!(
        ended[0].to_json(Disclosure::Programs)["data"]["outcome"],
        "opted_out"
    );
}

async fn calls_are_counted_by_what_came_of_them(base: &Base) {
    let fixture = Fixture::of(base, 4).await;
    let (contacts, _) = fixture.lease(4, 0).await;
    let starts: Vec<_> = contacts
        .iter()
        .zip(1..)
        .map(|(contact, drop)| from(&fixture, contact, drop, "+12025550900"))
        .collect();
    fixture.commit(&starts, 1).await;
    let outcomes = [
        Outcome::Delivered,
        Outcome::Delivered,
        Outcome::NoAnswer,
        Outcome::Delivered,
    ];
    let ends: Vec<_> = contacts
        .iter()
        .zip(1..)
        .zip(outcomes)
        .map(|((contact, drop), outcome)| fixture.ended(contact, drop, outcome, None))
        .collect();
    fixture.commit(&ends, 20).await;
    let store = &fixture.store;
    let calls = [
        (0, CallbackOutcome::HungUp),
        (0, CallbackOutcome::Connected),
        (1, CallbackOutcome::Connected),
        (2, CallbackOutcome::Listened),
    ];
    call_back(&fixture, 30, calls).await;
    let of = |is_delivered, outcome, contacts| CalledBack {
        variant: Some("A".to_owned()),
        is_delivered,
        outcome: Some(outcome),
        contacts,
    };
    let counted = [
        of(false, CallbackOutcome::Listened, 1),
        of(true, CallbackOutcome::Connected, 2),
    ];
    assert_eq!(store.called_back(fixture.campaign).await.unwrap(), counted);
    // Old calls go with old drops, once the campaign is over.
    let what = Prunable {
        drops_before: Some(fixture.at(600)),
        ..Prunable::default()
    };
    store.prune(&what, |_| true).await.unwrap();
    assert_eq!(calls_kept(base).await, "4");
    base.run("UPDATE campaigns SET standing = 'complete'").await;
    store.prune(&what, |_| true).await.unwrap();
    assert_eq!(calls_kept(base).await, "0");
}

/// People call back, one a second from then on, and what comes of it is written.
async fn call_back(
    fixture: &Fixture,
    from: i64,
    calls: impl IntoIterator<Item = (usize, CallbackOutcome)>,
) {
    for (nth, (which, outcome)) in (from..).zip(calls) {
        let call = call(Some(which), Some("+12025550900"));
        let (store, at) = (&fixture.store, fixture.at(nth));
        store.begin_callback(&call, at).await.unwrap();
        store.end_callback(call.id, outcome, at).await.unwrap();
    }
}

async fn calls_are_found_by_contact_by_drop_and_by_day(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (contacts, _) = fixture.lease(2, 0).await;
    let [one, two] = &contacts[..] else {
        panic!("two were leased");
    };
    // Of the campaign, and one outside it to somebody else.
    let mut single = intent(None, number(5), 3);
    single.caller_id = Some(CallerId::parse("2025550900").unwrap());
    let starts = [
        from(&fixture, one, 1, "+12025550900"),
        from(&fixture, two, 2, "+12025550900"),
        Write::Start(Box::new(single)),
    ];
    fixture.commit(&starts, 1).await;
    let store = &fixture.store;
    let calls = [
        (0, CallbackOutcome::HungUp),
        (0, CallbackOutcome::OptedOut),
        (5, CallbackOutcome::Connected),
    ];
    call_back(&fixture, 10, calls).await;
    let up = call(Some(5), Some("+12025550900"));
    store.begin_callback(&up, fixture.at(20)).await.unwrap();
    let of_contact = async |contact| {
        let calls = store.callbacks_of_contact(fixture.campaign, contact);
        let calls = calls.await.unwrap().into_iter();
        calls.map(|call| call.outcome).collect::<Vec<_>>()
    };
    let both = [
        Some(CallbackOutcome::HungUp),
        Some(CallbackOutcome::OptedOut),
    ];
    assert_eq!(of_contact(one.id).await, both);
    assert_eq!(of_contact(two.id).await, []);
    let of_drop = async |drop| {
        let drop = DropId::from_u128(drop);
        let stored = store.drop_of(drop).await.unwrap().unwrap();
        let calls = store.callbacks_of_drop(&stored).await.unwrap();
        assert!(calls.iter().all(|call| call.drop == Some(drop)));
        let calls = calls.into_iter();
        calls.map(|call| call.outcome).collect::<Vec<_>>()
    };
    assert_eq!(of_drop(1).await, both);
    assert_eq!(of_drop(2).await, []);
    assert_eq!(of_drop(3).await, [Some(CallbackOutcome::Connected), None]);
    let counted = async |since| {
        let counted = store.count_callbacks(fixture.at(since)).await.unwrap();
        (counted.calls, counted.opted_out)
    };
    assert_eq!(counted(0).await, (4, 1));
    assert_eq!(counted(11).await, (3, 1));
    assert_eq!(counted(12).await, (2, 0));
    assert_eq!(counted(21).await, (0, 0));
}

async fn a_process_that_died_leaves_no_call_open(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let (open, over) = (call(Some(0), None), call(Some(1), None));
    for call in [&open, &over] {
        store.begin_callback(call, fixture.at(1)).await.unwrap();
    }
    let connected = CallbackOutcome::Connected;
    let ended = store.end_callback(over.id, connected, fixture.at(2));
    ended.await.unwrap();
    let other = store.end_callbacks_of("elsewhere", fixture.at(3)).await;
    assert_eq!(other.unwrap(), 0);
    let here = store.end_callbacks_of("pbx", fixture.at(3)).await;
    assert_eq!(here.unwrap(), 1);
    let outcomes = base.texts("SELECT outcome FROM callbacks ORDER BY outcome");
    assert_eq!(outcomes.await, ["connected", "hung_up"]);
    assert_eq!(told(store, "callback.ended").await.len(), 2);
}

async fn a_person_who_is_erased_has_called_nobody(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let call = call(Some(0), None);
    store.begin_callback(&call, fixture.at(1)).await.unwrap();
    let numbers = [number(0)];
    store
        .bar_for_good(&numbers, Some("asked for it"), fixture.at(2))
        .await
        .unwrap();
    store.erase(&numbers, fixture.at(3)).await.unwrap();
    let numbers = base
        .texts("SELECT CAST(number AS TEXT) FROM callbacks")
        .await;
    assert_eq!(numbers, ["0"]);
    let events = told(store, "callback.received").await;
    assert!(events[0].number.is_none());
}

async fn the_end_of_a_call_brings_nobody_back_who_was_erased_meanwhile(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let up = call(Some(0), None);
    store.begin_callback(&up, fixture.at(1)).await.unwrap();
    let persons = [number(0)];
    let barred = store.bar_for_good(&persons, None, fixture.at(2)).await;
    barred.unwrap();
    store.erase(&persons, fixture.at(3)).await.unwrap();
    // They press a key, and call again.
    let list = ListName::new("own").unwrap();
    let again = call(Some(0), None);
    store.begin_callback(&again, fixture.at(4)).await.unwrap();
    for id in [up.id, again.id] {
        let (number, now) = (number(0), fixture.at(5));
        store.opt_out(id, &number, &list, now).await.unwrap();
        let outcome = CallbackOutcome::HungUp;
        store
            .end_callback(id, outcome, fixture.at(6))
            .await
            .unwrap();
    }
    let digits = number(0).digits().to_string();
    for table in ["callbacks", "events", "do_not_call", "numbers", "drops"] {
        let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {table} WHERE number = {digits}");
        assert_eq!(base.texts(sql).await, ["0"], "{table}");
    }
    let outcomes = base.texts("SELECT outcome FROM callbacks");
    assert_eq!(outcomes.await, ["opted_out", "opted_out"]);
    assert_eq!(told(store, "contact.opted_out").await.len(), 2);
    assert_eq!(told(store, "callback.ended").await.len(), 2);
}

/// A drop from this number, which leaves a variant.
fn from(fixture: &Fixture, contact: &Contact, drop: u128, caller_id: &str) -> Write {
    let Write::Start(mut intent) = fixture.start_of(contact, drop) else {
        panic!("a start");
    };
    intent.caller_id = Some(CallerId::parse(caller_id).unwrap());
    intent.variant = Some("A".to_owned());
    Write::Start(intent)
}

fn call(from: Option<usize>, called: Option<&str>) -> NewCallback {
    NewCallback {
        id: CallbackId::generate(),
        caller: from.map(number),
        called: called.map(str::to_owned),
        rules: Rules::default(),
        pbx: "pbx".to_owned(),
    }
}

async fn calls_kept(base: &Base) -> String {
    let counted = base.texts("SELECT CAST(count(*) AS TEXT) FROM callbacks");
    counted.await.remove(0)
}

async fn told(store: &Store, pattern: &str) -> Vec<LoggedEvent> {
    let filter = EventFilter {
        kinds: EventFilter::kinds([pattern]).unwrap(),
        ..EventFilter::default()
    };
    store.events(0, &filter, 99).await.unwrap().0
}
