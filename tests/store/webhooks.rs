//! Endpoints of webhooks and their messages: that no event is left out and none is lost with a server that dies, that one server
//! sends to an endpoint at a time, and that what goes is said.

use std::{sync::Arc, time::Duration};

use aftertone::{
    events::{EventFilter, EventKind},
    store::{
        AuditEntry, DeliveryAttempt, DeliveryState, DisabledBecause, DueDelivery, LogProgress,
        NewMessage, Prunable, ReplayRequest, Replayed, RotatedSecret, SettledDelivery, Store,
        Webhook, WebhookHealth, WebhookId, WebhookSettings,
    },
};
use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        an_endpoint_is_made_changed_and_removed,
        secrets_overlap_while_they_are_rotated,
        one_server_holds_an_endpoint_at_a_time,
        a_clock_that_was_set_back_holds_up_no_lease_and_no_message,
        a_position_moves_with_its_messages_or_not_at_all,
        what_a_dead_server_had_is_taken_by_the_next,
        what_was_taken_and_never_came_is_taken_again,
        an_end_that_is_written_twice_counts_once,
        what_failed_is_due_again_and_what_is_dead_stays,
        what_was_made_for_other_settings_is_made_anew,
        how_long_an_endpoint_waits_is_known,
        an_ordered_endpoint_has_nothing_before_its_turn,
        what_is_disabled_says_so_and_is_whole_when_it_is_enabled,
        what_is_dead_is_sent_again_under_its_id,
        messages_go_with_their_events_and_what_was_missed_is_counted,
        what_is_missed_is_told_once_also_if_nobody_sends,
        an_erased_person_is_in_no_message,
        an_erased_person_is_in_no_message_whose_rows_are_gone,
    )
}

async fn an_endpoint_is_made_changed_and_removed(base: &Base) {
    let store = base.open().await;
    let made = add(&store, settings(), 0).await;
    assert_eq!((made.version, made.position, made.disabled), (1, 0, None));
    assert_eq!(made.settings, settings());
    let audit = store.audit_rows(None, true, 1).await.unwrap();
    assert_eq!(audit[0].object, made.id.to_string());
    assert_eq!(store.webhook(made.id).await.unwrap(), Some(made.clone()));
    let changed = WebhookSettings {
        types: vec!["drop.*".to_owned(), "webhook.disabled".to_owned()],
        per_second: Some(20),
        ordered: true,
        ..settings()
    };
    let at = now();
    let other = store
        .change_webhook((made.id, made.version), &changed, true, at)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((other.version, &other.settings), (2, &changed));
    // Somebody was faster.
    let stale = store
        .change_webhook((made.id, made.version), &settings(), true, at)
        .await
        .unwrap();
    assert_eq!(stale, None);
    let second = add(&store, settings(), 0).await;
    let listed = store.webhooks(None, true, 9).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids, [second.id, made.id]);
    let before = store.webhooks(Some(second.id), true, 9).await.unwrap();
    assert_eq!(before.len(), 1);
    assert!(store.begin_webhook_removal(made.id, at).await.unwrap());
    assert!(store.remove_some_of_webhook(made.id).await.unwrap());
    assert_eq!(store.webhook(made.id).await.unwrap(), None);
    assert!(!store.begin_webhook_removal(made.id, at).await.unwrap());
    assert_eq!(
        base.texts("SELECT sealed FROM webhook_secrets").await.len(),
        1
    );
}

async fn secrets_overlap_while_they_are_rotated(base: &Base) {
    let store = base.open().await;
    let made = add(&store, settings(), 0).await;
    let at = made.created_at;
    let hours = |hours| at + SignedDuration::from_hours(hours);
    let sealed = async |now| {
        let secrets = store.webhook_secrets(made.id, now).await.unwrap();
        let sealed = secrets.into_iter().map(|secret| secret.sealed);
        sealed.collect::<Vec<_>>()
    };
    let first = format!("sealed for {}", made.id);
    assert_eq!(sealed(at).await, std::slice::from_ref(&first));
    let rotated = store
        .rotate_webhook_secret(made.id, "second", hours(24), at)
        .await
        .unwrap();
    let RotatedSecret::Done(rotated) = rotated else {
        panic!("{rotated:?}");
    };
    assert_eq!(rotated.version, 2);
    assert_eq!(sealed(hours(23)).await, ["second".to_owned(), first]);
    assert_eq!(sealed(hours(24)).await, ["second"]);
    // At once.
    let id = made.id;
    let rotate =
        async |sealed: &str, until, now| store.rotate_webhook_secret(id, sealed, until, now).await;
    rotate("third", hours(1), hours(1)).await.unwrap();
    assert_eq!(sealed(hours(1)).await, ["third"]);
    for nth in 0..3 {
        let sealed = format!("more {nth}");
        rotate(&sealed, hours(9), hours(2)).await.unwrap();
    }
    let refused = rotate("too many", hours(9), hours(2)).await.unwrap();
    assert_eq!(refused, RotatedSecret::TooMany);
    assert_eq!(sealed(hours(2)).await.len(), 4);
    rotate("alone", hours(3), hours(3)).await.unwrap();
    assert_eq!(sealed(hours(3)).await, ["alone"]);
    let unknown = store.rotate_webhook_secret(WebhookId(77), "x", hours(1), at);
    assert_eq!(unknown.await.unwrap(), RotatedSecret::Unknown);
}

async fn one_server_holds_an_endpoint_at_a_time(base: &Base) {
    let (one, other) = (base.open().await, base.open().await);
    let (first, second) = (
        add(&one, settings(), 0).await,
        add(&one, settings(), 0).await,
    );
    let at = now();
    let held = one.hold_webhooks("one", &[], at).await.unwrap();
    assert_eq!(sorted(held), [first.id, second.id]);
    assert_eq!(other.hold_webhooks("other", &[], at).await.unwrap(), []);
    assert_eq!(one.hold_webhooks("one", &[], at).await.unwrap().len(), 2);
    let signs = other.webhook_signs("other", at).await.unwrap();
    assert!(signs.iter().all(|sign| sign.is_held && sign.is_enabled));
    assert!(
        other
            .begin_webhook(first.id, "other", at)
            .await
            .unwrap()
            .is_none()
    );
    // What it cannot send to it gives up.
    let held = one.hold_webhooks("one", &[first.id], at).await.unwrap();
    assert_eq!(held, [second.id]);
    let held = other.hold_webhooks("other", &[], at).await.unwrap();
    assert_eq!(held, [first.id]);
    one.give_webhooks_back("one").await.unwrap();
    assert_eq!(
        other.hold_webhooks("other", &[], at).await.unwrap().len(),
        2
    );
    // A lease that nobody holds on ends, by the server's clock if it has one.
    base.run("UPDATE webhooks SET lease_ends = 5").await;
    assert_eq!(one.hold_webhooks("one", &[], at).await.unwrap().len(), 2);
    let lost = other
        .settle_deliveries(
            (first.id, first.version, "other"),
            &[],
            &[],
            &WebhookHealth::default(),
            None,
            at,
        )
        .await;
    assert!(!lost.unwrap());
}

async fn a_clock_that_was_set_back_holds_up_no_lease_and_no_message(base: &Base) {
    let (store, webhook) = held(base).await;
    let hour = SignedDuration::from_hours(1);
    // The server that held it is gone, and the clock was an hour ahead.
    let ahead = (now() + hour).as_microsecond();
    base.run(&format!("UPDATE webhooks SET lease_ends = {ahead}"))
        .await;
    let signs = store.webhook_signs("two", now()).await.unwrap();
    assert!(!signs[0].is_held);
    let held = store.hold_webhooks("two", &[], now()).await.unwrap();
    assert_eq!(held, [webhook.id]);
    // One that is held on is not taken away.
    assert_eq!(store.hold_webhooks("one", &[], now()).await.unwrap(), []);
    base.run("UPDATE webhooks SET holder = 'one'").await;

    let queued = queue(&store, &webhook, (0, 2), &[1, 2]).await.unwrap();
    let at = now();
    let ends = [
        settled(queued[0].0, DeliveryState::Pending, Some(at + hour)),
        settled(
            queued[1].0,
            DeliveryState::Pending,
            Some(at + SignedDuration::from_secs(6)),
        ),
    ];
    assert!(settle(&store, &webhook, &ends, None).await);
    // After the first attempt a message waits for some seconds.
    let longest = [(0, Duration::from_secs(1)), (1, Duration::from_secs(9))];
    let bound = store.bound_deliveries(webhook.id, &longest, at);
    bound.await.unwrap();
    let (due, next) = take(&store, &webhook, false, 9, at).await;
    let later = at + SignedDuration::from_secs(6);
    assert_eq!((ids(&due), next), (vec!["evt_1".to_owned()], Some(later)));
}

async fn a_position_moves_with_its_messages_or_not_at_all(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 3), &[1, 3]).await.unwrap();
    assert_eq!(queued.len(), 2);
    let stored = store.webhook(webhook.id).await.unwrap().unwrap();
    assert_eq!((stored.position, stored.missed), (3, 0));
    // The same again is another's work: nothing of it is written.
    assert_eq!(queue(&store, &webhook, (0, 3), &[1, 3]).await, None);
    assert_eq!(queue(&store, &webhook, (2, 4), &[4]).await, None);
    assert_eq!(store.webhook_backlog(webhook.id).await.unwrap().pending, 2);
    // What waits to be sent is not queued a second time.
    assert_eq!(
        queue(&store, &webhook, (3, 5), &[3, 5])
            .await
            .unwrap()
            .len(),
        1
    );
    let progress = LogProgress::New {
        from: 5,
        to: 9,
        missed: 4,
    };
    let moved = store.queue_messages((webhook.id, webhook.version, "one"), progress, &[], now());
    assert_eq!(moved.await.unwrap(), Some(vec![]));
    let stored = store.webhook(webhook.id).await.unwrap().unwrap();
    assert_eq!((stored.position, stored.missed), (9, 4));
    let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
    let told = events.last().unwrap();
    assert_eq!(told.kind, Some(EventKind::WebhookMissed));
    assert_eq!(told.detail["events"], 4);
    assert_eq!(told.detail["webhook"], webhook.id.to_string());
}

async fn what_a_dead_server_had_is_taken_by_the_next(base: &Base) {
    let (store, webhook) = held(base).await;
    queue(&store, &webhook, (0, 3), &[1, 2, 3]).await.unwrap();
    let (none, _) = take(&store, &webhook, false, 9, now()).await;
    assert_eq!(ids(&none), Vec::<String>::new());
    // It is gone, and its lease ends.
    base.run("UPDATE webhooks SET lease_ends = 5").await;
    let held = store.hold_webhooks("two", &[], now()).await.unwrap();
    assert_eq!(held, [webhook.id]);
    let begun = store.begin_webhook(webhook.id, "two", now()).await.unwrap();
    assert_eq!(begun.unwrap().0.position, 3);
    let taken = store
        .take_deliveries((webhook.id, "two"), false, 9, now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ids(&taken.0), ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(taken.0[0].body.as_deref(), Some("{\"n\":1}"));
    // Whoever was thought dead writes nothing any more.
    assert_eq!(queue(&store, &webhook, (3, 4), &[4]).await, None);
    let late = store.take_deliveries((webhook.id, "one"), false, 9, now());
    assert_eq!(late.await.unwrap(), Some((vec![], None)));
    let ended = settled(taken.0[0].id, DeliveryState::Delivered, None);
    assert!(!settle(&store, &webhook, &[ended], None).await);
}

async fn what_was_taken_and_never_came_is_taken_again(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 3), &[1, 2, 3]).await.unwrap();
    // The first is in memory; the answer with the others was lost.
    let here = [queued[0].0];
    let released = store.release_all_but((webhook.id, "one"), &here).await;
    assert!(released.unwrap());
    let (taken, _) = take(&store, &webhook, false, 9, now()).await;
    assert_eq!(ids(&taken), ["evt_2", "evt_3"]);
    let other = store.release_all_but((webhook.id, "two"), &[]).await;
    assert!(!other.unwrap());
    let (none, _) = take(&store, &webhook, false, 9, now()).await;
    assert_eq!(ids(&none), Vec::<String>::new());
}

async fn an_end_that_is_written_twice_counts_once(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 1), &[1]).await.unwrap();
    let later = now() + SignedDuration::from_secs(5);
    let end = settled(queued[0].0, DeliveryState::Pending, Some(later));
    // The answer to the first was lost.
    for _ in 0..2 {
        assert!(settle(&store, &webhook, std::slice::from_ref(&end), None).await);
    }
    let one = store.webhook_delivery(webhook.id, queued[0].0).await;
    assert_eq!(one.unwrap().unwrap().attempts.len(), 1);
    let (due, _) = take(&store, &webhook, false, 9, later).await;
    assert_eq!(due[0].attempts, 1);
}

async fn what_failed_is_due_again_and_what_is_dead_stays(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 3), &[1, 2, 3]).await.unwrap();
    let at = now();
    let later = at + SignedDuration::from_secs(300);
    let ends = [
        settled(queued[0].0, DeliveryState::Delivered, None),
        settled(queued[1].0, DeliveryState::Pending, Some(later)),
        settled(queued[2].0, DeliveryState::Dead, None),
    ];
    assert!(settle(&store, &webhook, &ends, None).await);
    let (none, next) = take(&store, &webhook, false, 9, at).await;
    assert_eq!((none.len(), next), (0, Some(later)));
    let (due, next) = take(&store, &webhook, false, 9, later).await;
    assert_eq!((ids(&due), next), (vec!["evt_2".to_owned()], None));
    assert_eq!(due[0].attempts, 1);
    let backlog = store.webhook_backlog(webhook.id).await.unwrap();
    assert_eq!((backlog.pending, backlog.dead), (1, 1));
    assert!(backlog.oldest_pending_at.is_some());
    let all = store.webhook_deliveries(webhook.id, None, (None, true), 9);
    let all = all.await.unwrap();
    let states: Vec<_> = all
        .iter()
        .map(|one| (one.message.as_str(), one.state.slug(), one.attempts.len()))
        .collect();
    let wanted = [
        ("evt_3", "dead", 1),
        ("evt_2", "pending", 1),
        ("evt_1", "delivered", 1),
    ];
    assert_eq!(states, wanted);
    assert_eq!(all[0].attempts[0].status, Some(500));
    assert_eq!(all[0].attempts[0].answer.as_deref(), Some("no"));
    // What is delivered is not kept twice; what is not is kept as it is sent.
    let bodies = base
        .texts("SELECT coalesce(body, '-') FROM webhook_deliveries ORDER BY id")
        .await;
    assert_eq!(bodies, ["-", "{\"n\":2}", "{\"n\":3}"]);
    let dead = store
        .webhook_deliveries(webhook.id, Some(DeliveryState::Dead), (None, true), 9)
        .await
        .unwrap();
    assert_eq!(dead.len(), 1);
    let page = store.webhook_deliveries(webhook.id, None, (Some(all[2].id), false), 1);
    assert_eq!(page.await.unwrap()[0].message, "evt_2");
}

async fn what_was_made_for_other_settings_is_made_anew(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 3), &[1, 2, 3]).await.unwrap();
    let later = Some(now() + SignedDuration::from_secs(300));
    let ends = [
        settled(queued[0].0, DeliveryState::Pending, later),
        settled(queued[1].0, DeliveryState::Dead, None),
    ];
    assert!(settle(&store, &webhook, &ends, None).await);
    let bodies = async || {
        let kept = "SELECT CASE WHEN body IS NULL THEN '-' ELSE 'kept' END FROM webhook_deliveries";
        base.texts(&format!("{kept} ORDER BY id")).await
    };
    let change = async |version, settings: WebhookSettings| {
        let changed = store.change_webhook((webhook.id, version), &settings, true, now());
        changed.await.unwrap().unwrap()
    };
    let other = WebhookSettings {
        concurrency: 3,
        per_second: Some(9),
        ..settings()
    };
    change(1, other).await;
    assert_eq!(bodies().await, ["kept"; 3]);
    let full = WebhookSettings {
        full_numbers: true,
        ..settings()
    };
    let full = change(2, full).await;
    assert_eq!(bodies().await, ["-"; 3]);
    // Whoever made messages for what it was can neither send them nor leave them to others.
    let key = |version| (webhook.id, version, "one");
    assert_eq!(queue(&store, &webhook, (3, 4), &[4]).await, None);
    assert!(!store.may_send(key(webhook.version)).await.unwrap());
    assert!(store.may_send(key(full.version)).await.unwrap());
    assert!(queue(&store, &full, (3, 4), &[4]).await.is_some());
    let elsewhere = WebhookSettings {
        url: "https://crm.example/elsewhere".to_owned(),
        full_numbers: true,
        ..settings()
    };
    change(3, elsewhere).await;
    assert_eq!(bodies().await, ["-"; 4]);
}

async fn how_long_an_endpoint_waits_is_known(base: &Base) {
    let (store, webhook) = held(base).await;
    let since = async || {
        let waits = store.webhook_waits().await.unwrap();
        waits.iter().map(|(_, since)| *since).collect::<Vec<_>>()
    };
    assert_eq!(since().await, [None]);
    let began = now();
    let queued = queue(&store, &webhook, (0, 2), &[1, 2]).await.unwrap();
    let waited = since().await[0].unwrap();
    assert!(waited >= began && waited <= now(), "{waited}");
    let later = began + SignedDuration::from_hours(1);
    let ends = [
        settled(queued[0].0, DeliveryState::Dead, None),
        settled(queued[1].0, DeliveryState::Pending, Some(later)),
    ];
    assert!(settle(&store, &webhook, &ends, None).await);
    // However often it was tried, it waits since it was queued.
    assert_eq!(since().await, [Some(waited)]);
    let (due, _) = take(&store, &webhook, false, 9, later).await;
    assert_eq!(ids(&due), ["evt_2"]);
    let ends = [settled(queued[1].0, DeliveryState::Delivered, None)];
    assert!(settle(&store, &webhook, &ends, None).await);
    assert_eq!(since().await, [None]);
    // What is in the log only waits as well.
    base.run("INSERT INTO events (sequence, at, type) VALUES (3, 1700000000000000, 'drop.ended')")
        .await;
    let logged = Timestamp::from_second(1_700_000_000).unwrap();
    assert_eq!(since().await, [Some(logged)]);
    base.run("UPDATE webhooks SET disabled_at = 1, disabled_because = 'operator'")
        .await;
    assert_eq!(since().await, []);
}

async fn an_ordered_endpoint_has_nothing_before_its_turn(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 4), &[1, 2, 3, 4])
        .await
        .unwrap();
    let at = now();
    let later = at + SignedDuration::from_secs(5);
    let first = settled(queued[0].0, DeliveryState::Pending, Some(later));
    let health = WebhookHealth::default();
    let released: Vec<_> = queued[1..].iter().map(|(id, _)| *id).collect();
    let done = store
        .settle_deliveries(
            (webhook.id, webhook.version, "one"),
            &[first],
            &released,
            &health,
            None,
            at,
        )
        .await;
    assert!(done.unwrap());
    let (none, next) = take(&store, &webhook, true, 9, at).await;
    assert_eq!((none.len(), next), (0, Some(later)));
    let (all, _) = take(&store, &webhook, true, 3, later).await;
    assert_eq!(ids(&all), ["evt_1", "evt_2", "evt_3"]);
}

async fn what_is_disabled_says_so_and_is_whole_when_it_is_enabled(base: &Base) {
    let (store, webhook) = held(base).await;
    let queued = queue(&store, &webhook, (0, 2), &[1, 2]).await.unwrap();
    let later = now() + SignedDuration::from_hours(9);
    let end = settled(queued[0].0, DeliveryState::Pending, Some(later));
    assert!(settle(&store, &webhook, &[end], Some(DisabledBecause::Gone)).await);
    let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
    let told = events.last().unwrap();
    assert_eq!(told.kind, Some(EventKind::WebhookDisabled));
    assert_eq!(told.detail["because"], "gone");
    assert_eq!(told.detail["webhook"], webhook.id.to_string());
    // Nothing is written any more, and nobody takes it.
    let end = settled(queued[1].0, DeliveryState::Delivered, None);
    assert!(!settle(&store, &webhook, &[end], None).await);
    assert_eq!(store.hold_webhooks("two", &[], now()).await.unwrap(), []);
    let disabled = store.webhook(webhook.id).await.unwrap().unwrap();
    assert_eq!(disabled.disabled.unwrap().0, DisabledBecause::Gone);
    let stopped = async || store.webhook_stops().await.unwrap();
    assert_eq!(stopped().await, [(webhook.id, true)]);
    assert_eq!(disabled.version, 2);
    let order = store.replay_delivery(webhook.id, queued[0].0, now()).await;
    assert_eq!(order.unwrap(), Replayed::Disabled);
    let enabled = store
        .change_webhook((webhook.id, 2), &settings(), true, now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((enabled.disabled, enabled.health.failures), (None, 0));
    assert_eq!(stopped().await, [(webhook.id, false)]);
    assert_eq!(
        store.hold_webhooks("two", &[], now()).await.unwrap().len(),
        1
    );
    store.begin_webhook(webhook.id, "two", now()).await.unwrap();
    let taken = store
        .take_deliveries((webhook.id, "two"), false, 9, now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ids(&taken.0), ["evt_1", "evt_2"]);
    assert!(taken.0.iter().all(|due| due.attempts == 0));
    // An operator's word is told, too.
    let settings = settings();
    let off = store.change_webhook((webhook.id, 3), &settings, false, now());
    off.await.unwrap().unwrap();
    let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
    assert_eq!(events.last().unwrap().detail["because"], "operator");
    assert_eq!(stopped().await, [(webhook.id, false)]);
    let removing = store.begin_webhook_removal(webhook.id, now());
    assert!(removing.await.unwrap());
    assert_eq!(stopped().await, []);
}

async fn what_is_dead_is_sent_again_under_its_id(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    // Three events of the log, of two types.
    let list = aftertone::store::ListName::new("own").unwrap();
    let begin = newest(store).await;
    for nth in 0..3 {
        let at = fixture.at(10 * (nth as i64 + 1));
        store.bar(&list, &[number(nth)], None, at).await.unwrap();
    }
    // On PostgreSQL whoever reads first gives numbers.
    newest(store).await;
    let (store, webhook) = held_on(store.clone(), begin).await;
    let numbers: Vec<_> = (1..=3).map(|nth| begin + nth).collect();
    let queued = queue(&store, &webhook, (begin, begin + 3), &numbers)
        .await
        .unwrap();
    let ends: Vec<_> = queued
        .iter()
        .map(|(id, _)| settled(*id, DeliveryState::Dead, None))
        .collect();
    assert!(settle(&store, &webhook, &ends, None).await);
    let replay = async |since: Option<i64>, until: Option<i64>, kinds: &[&str], only_dead| {
        let request = ReplayRequest {
            since: since.map(|second| fixture.at(second)),
            until: until.map(|second| fixture.at(second)),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            only_dead,
        };
        store
            .replay_webhook(webhook.id, &request, now())
            .await
            .unwrap()
    };
    assert_eq!(
        replay(None, None, &["drop.ended"], true).await,
        Replayed::Due(0)
    );
    let of_type = replay(Some(15), Some(25), &["do_not_call.added"], true).await;
    assert_eq!(of_type, Replayed::Due(1));
    let (due, _) = take(&store, &webhook, false, 9, now()).await;
    assert_eq!(ids(&due), [format!("evt_{}", begin + 2)]);
    assert_eq!(due[0].attempts, 0);
    assert_eq!(replay(None, None, &[], true).await, Replayed::Due(2));
    let one = store.replay_delivery(webhook.id, queued[1].0, now()).await;
    assert_eq!(one.unwrap(), Replayed::Due(1));
    let unknown = store.replay_delivery(webhook.id, 77_777, now()).await;
    assert_eq!(unknown.unwrap(), Replayed::Unknown);
    // All of a time is gone through by the log.
    let all = replay(Some(15), None, &["do_not_call.*"], false).await;
    let wanted = Replayed::From {
        after: begin + 1,
        up_to: begin + 3,
    };
    assert_eq!(all, wanted);
    let order = store.next_replay(webhook.id).await.unwrap().unwrap();
    assert_eq!((order.position, order.up_to), (begin + 1, begin + 3));
    assert_eq!(order.types, ["do_not_call.*"]);
    let progress = LogProgress::Again {
        replay: order.id,
        to: begin + 3,
        is_done: true,
    };
    let done = store.queue_messages((webhook.id, webhook.version, "one"), progress, &[], now());
    assert_eq!(done.await.unwrap(), Some(vec![]));
    assert_eq!(store.next_replay(webhook.id).await.unwrap(), None);
}

async fn messages_go_with_their_events_and_what_was_missed_is_counted(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begin = newest(&fixture.store).await;
    let list = aftertone::store::ListName::new("own").unwrap();
    for nth in 0..3 {
        let at = fixture.at(10 * (nth as i64 + 1));
        let numbers = [number(nth)];
        let bar = fixture.store.bar(&list, &numbers, None, at);
        bar.await.unwrap();
    }
    // On PostgreSQL whoever reads first gives numbers.
    newest(&fixture.store).await;
    let (store, webhook) = held_on(fixture.store.clone(), begin).await;
    let numbers: Vec<_> = (1..=3).map(|nth| begin + nth).collect();
    let queued = queue(&store, &webhook, (begin, begin + 3), &numbers)
        .await
        .unwrap();
    let dead = settled(queued[0].0, DeliveryState::Dead, None);
    assert!(settle(&store, &webhook, &[dead], None).await);
    let prune = Prunable {
        events_before: Some(fixture.at(25)),
        ..Prunable::default()
    };
    store.prune(&prune, |_| true).await.unwrap();
    // The first was given up, the second was still to be sent.
    let left = store.webhook_deliveries(webhook.id, None, (None, true), 9);
    let left = left.await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].message, format!("evt_{}", begin + 3));
    assert_eq!(store.webhook(webhook.id).await.unwrap().unwrap().missed, 1);
}

async fn what_is_missed_is_told_once_also_if_nobody_sends(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begin = newest(&fixture.store).await;
    let list = aftertone::store::ListName::new("own").unwrap();
    for nth in 0..3 {
        let at = fixture.at(10 * (nth as i64 + 1));
        let numbers = [number(nth)];
        let bar = fixture.store.bar(&list, &numbers, None, at);
        bar.await.unwrap();
    }
    // On PostgreSQL whoever reads first gives numbers.
    newest(&fixture.store).await;
    // Of the first event one has a message that waits; nothing is sent to the others.
    let (store, one) = held_on(fixture.store.clone(), begin).await;
    queue(&store, &one, (begin, begin + 1), &[begin + 1])
        .await
        .unwrap();
    let idle = add(&store, settings(), begin).await;
    let of_other_types = WebhookSettings {
        types: vec!["drop.*".to_owned()],
        ..settings()
    };
    let other = add(&store, of_other_types, begin).await;
    // The second time nothing is left to delete: what is told of the first is kept as well.
    for at_most in [1, 3] {
        let prune = Prunable {
            events_at_most: Some(at_most),
            ..Prunable::default()
        };
        store.prune(&prune, |_| true).await.unwrap();
    }
    let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
    let told = events
        .iter()
        .filter(|event| event.kind == Some(EventKind::WebhookMissed));
    let told: Vec<_> = told
        .map(|event| {
            (
                event.detail["webhook"].clone(),
                event.detail["events"].clone(),
            )
        })
        .collect();
    let two_of = |id: WebhookId| (id.to_string().into(), 2.into());
    assert_eq!(told, [two_of(one.id), two_of(idle.id)]);
    for (id, missed) in [(one.id, 2), (idle.id, 2), (other.id, 0)] {
        let stored = store.webhook(id).await.unwrap().unwrap();
        assert_eq!((stored.position, stored.missed), (begin + 2, missed));
    }
    // Whoever goes on from there has missed nothing more.
    assert!(
        queue(&store, &one, (begin + 2, begin + 3), &[begin + 3])
            .await
            .is_some()
    );
}

async fn an_erased_person_is_in_no_message(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let begin = newest(&fixture.store).await;
    let list = aftertone::store::ListName::new("own").unwrap();
    for nth in 0..2 {
        let numbers = [number(nth)];
        let bar = fixture.store.bar(&list, &numbers, None, fixture.at(1));
        bar.await.unwrap();
    }
    // On PostgreSQL whoever reads first gives numbers.
    newest(&fixture.store).await;
    let (store, webhook) = held_on(fixture.store.clone(), begin).await;
    let queued = queue(
        &store,
        &webhook,
        (begin, begin + 2),
        &[begin + 1, begin + 2],
    )
    .await;
    let queued = queued.unwrap();
    let later = Some(fixture.at(500));
    let ends = queued
        .iter()
        .map(|(id, _)| settled(*id, DeliveryState::Pending, later));
    assert!(settle(&store, &webhook, &ends.collect::<Vec<_>>(), None).await);
    let persons = [number(0)];
    store
        .bar_for_good(&persons, None, fixture.at(2))
        .await
        .unwrap();
    store.erase(&persons, fixture.at(3)).await.unwrap();
    let bodies = base
        .texts("SELECT coalesce(body, '-') FROM webhook_deliveries ORDER BY id")
        .await;
    assert_eq!(bodies, ["-".to_owned(), format!("{{\"n\":{}}}", begin + 2)]);
    let answers = base
        .texts("SELECT coalesce(answer, '-') FROM webhook_attempts ORDER BY delivery")
        .await;
    assert_eq!(answers, ["-", "no"]);
    // What a server had in memory is not sent, and what it made meanwhile does not come into the queue.
    let key = (webhook.id, webhook.version, "one");
    assert!(!store.may_send(key).await.unwrap());
    assert_eq!(
        queue(&store, &webhook, (begin + 2, begin + 3), &[begin + 3]).await,
        None
    );
}

async fn an_erased_person_is_in_no_message_whose_rows_are_gone(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, webhook) = held_on(fixture.store.clone(), 0).await;
    base.run(
        "INSERT INTO events (sequence, at, type, contact) VALUES (1000001, 1, 'contact.ended', 77777)",
    )
    .await;
    base.run("INSERT INTO events (sequence, at, type) VALUES (1000002, 1, 'pbx.lost')")
        .await;
    let numbers = [5, 1_000_001, 1_000_002];
    let queued = queue(&store, &webhook, (0, 1_000_002), &numbers).await;
    let queued = queued.unwrap();
    let later = Some(fixture.at(500));
    let ends = queued
        .iter()
        .map(|(id, _)| settled(*id, DeliveryState::Pending, later));
    assert!(settle(&store, &webhook, &ends.collect::<Vec<_>>(), None).await);
    base.run("DELETE FROM events WHERE sequence < 1000001")
        .await;
    // Its contact went with its campaign, and the events of the first message went by their age.
    let persons = [number(0)];
    let bar = store.bar_for_good(&persons, None, fixture.at(2));
    bar.await.unwrap();
    store.erase(&persons, fixture.at(3)).await.unwrap();
    let kept = "SELECT CASE WHEN body IS NULL THEN '-' ELSE 'kept' END FROM webhook_deliveries";
    let kept = base.texts(&format!("{kept} ORDER BY first_sequence")).await;
    assert_eq!(kept, ["-", "-", "kept"]);
    // An answer that comes behind the erasure is not kept.
    base.run("UPDATE webhook_deliveries SET taken = 1").await;
    assert!(
        settle(
            &store,
            &webhook,
            &[settled(queued[2].0, DeliveryState::Pending, later)],
            None
        )
        .await
    );
    let answers = "SELECT coalesce(answer, '-') FROM webhook_attempts ORDER BY delivery, nth";
    assert_eq!(base.texts(answers).await, ["-", "-", "no", "-"]);
}

async fn held(base: &Base) -> (Store, Webhook) {
    held_on(base.open().await, 0).await
}

/// An endpoint that the server `one` holds.
async fn held_on(store: Store, position: u64) -> (Store, Webhook) {
    let webhook = add(&store, settings(), position).await;
    let held = store.hold_webhooks("one", &[], now()).await.unwrap();
    assert_eq!(held, [webhook.id]);
    let begun = store.begin_webhook(webhook.id, "one", now()).await.unwrap();
    assert_eq!(begun.unwrap().0, webhook);
    (store, webhook)
}

async fn add(store: &Store, settings: WebhookSettings, position: u64) -> Webhook {
    let audit = AuditEntry {
        at: now(),
        who: "token:abcdefgh".to_owned(),
        via: "api",
        ip: None,
        request_id: None,
        action: "webhook.add".to_owned(),
        object: "webhook".to_owned(),
        before: None,
        after: None,
    };
    let seal = |id: WebhookId| format!("sealed for {id}");
    let added = store.add_webhook(&settings, position, audit, seal).await;
    added.unwrap()
}

/// Queues messages of these events; the log was looked through from and to numbers.
async fn queue(
    store: &Store,
    webhook: &Webhook,
    (from, to): (u64, u64),
    numbers: &[u64],
) -> Option<Vec<(i64, String)>> {
    let progress = LogProgress::New {
        from,
        to,
        missed: 0,
    };
    let message = |number: &u64| NewMessage {
        message: format!("evt_{number}"),
        first: *number,
        last: *number,
        events: 1,
        types: vec!["do_not_call.added".to_owned()],
        body: format!("{{\"n\":{number}}}"),
    };
    let messages: Vec<_> = numbers.iter().map(message).collect();
    let queued = store
        .queue_messages(
            (webhook.id, webhook.version, "one"),
            progress,
            &messages,
            now(),
        )
        .await;
    let mut queued = queued.unwrap()?;
    queued.sort_unstable();
    Some(queued)
}

async fn take(
    store: &Store,
    webhook: &Webhook,
    is_ordered: bool,
    at_most: usize,
    now: Timestamp,
) -> (Vec<DueDelivery>, Option<Timestamp>) {
    let taken = store.take_deliveries((webhook.id, "one"), is_ordered, at_most, now);
    taken.await.unwrap().unwrap()
}

async fn settle(
    store: &Store,
    webhook: &Webhook,
    ends: &[SettledDelivery],
    disable: Option<DisabledBecause>,
) -> bool {
    let health = WebhookHealth {
        failures: 3,
        failing_since: Some(now()),
        ..WebhookHealth::default()
    };
    let key = (webhook.id, webhook.version, "one");
    let settled = store.settle_deliveries(key, ends, &[], &health, disable, now());
    settled.await.unwrap()
}

fn settled(id: i64, state: DeliveryState, due_at: Option<Timestamp>) -> SettledDelivery {
    let is_success = state == DeliveryState::Delivered;
    SettledDelivery {
        id,
        state,
        due_at,
        attempt: DeliveryAttempt {
            at: now(),
            took_ms: Duration::from_millis(20).as_millis() as u64,
            status: Some(if is_success { 204 } else { 500 }),
            fault: None,
            answer: (!is_success).then(|| "no".to_owned()),
        },
    }
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        url: "https://crm.example/hooks".to_owned(),
        description: Some("the CRM".to_owned()),
        types: Vec::new(),
        campaign: None,
        full_numbers: false,
        concurrency: 8,
        per_second: None,
        ordered: false,
        batch: 1,
        linger_ms: 0,
    }
}

fn ids(due: &[DueDelivery]) -> Vec<String> {
    due.iter().map(|due| due.message.clone()).collect()
}

fn sorted(mut ids: Vec<WebhookId>) -> Vec<WebhookId> {
    ids.sort_unstable();
    ids
}

async fn newest(store: &Store) -> u64 {
    store.event_range().await.unwrap().newest
}

/// This moment, as it is kept.
fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap()
}
