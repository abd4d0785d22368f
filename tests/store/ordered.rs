//! What the API keeps: keys of orders with the intents that they belong to, tokens, the audit log, and lists in pages.

use std::sync::Arc;

use aftertone::{
    auth::{KeptToken, Scope, Scopes, Token},
    campaign::budget::Calls,
    drop::{Outcome, Technique},
    events::{EventFilter, EventKind},
    id::DropId,
    phone::Disclosure,
    store::{
        AuditEntry, AuditState, DropFilter, ErasedPerson, HeldDrop, HeldState, IdempotencyKey,
        Intent, KeptAnswer, KeyedAnswer, OrderRecord, OrderWritten, Prunable, RefusedDrop,
        RefusedOrder, RequestDigest, Write, Written,
    },
};
use jiff::{Timestamp, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, HISTORY, digits, end, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_key_is_written_with_its_intent_or_not_at_all,
        of_many_orders_with_one_key_one_is_written,
        the_key_of_an_erased_person_stays_bound_and_says_nothing_of_them,
        a_key_is_a_new_one_once_it_is_too_old,
        a_refusal_stays_with_its_key,
        what_is_refused_is_found_and_goes_with_its_person_and_its_time,
        an_order_that_is_taken_back_leaves_its_key_free,
        a_drop_that_misses_its_moment_begins_once_and_ends_once,
        a_call_that_is_taken_over_has_one_drop,
        drops_are_listed_in_pages_both_ways,
        a_change_and_its_row_in_the_audit_log_are_one,
        a_row_of_the_audit_log_that_was_changed_is_known,
        the_audit_log_of_an_object_is_read_in_pages,
        a_token_is_kept_until_it_is_revoked,
        a_campaign_is_changed_at_the_version_that_was_read,
    )
}

async fn a_key_is_written_with_its_intent_or_not_at_all(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let (key, now) = (key("a"), fixture.at(1));
    assert_eq!(
        store
            .kept_answer(&key, &request(), Timestamp::MIN)
            .await
            .unwrap(),
        None
    );
    let written = order(&fixture, "a", 1, 1).await;
    assert_eq!(written, OrderWritten::Written(Written::Applied));
    let kept = store
        .kept_answer(&key, &request(), Timestamp::MIN)
        .await
        .unwrap();
    let kept = kept.unwrap();
    assert_eq!((kept.drop, kept.request), (DropId::from_u128(1), request()));
    // `printf '{}' | sha256sum`: without the salt of the database it would say who was called to whoever tries all numbers.
    let plain = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let stored = base.texts("SELECT request FROM idempotency_keys").await;
    assert!(stored.len() == 1 && stored[0] != plain, "{stored:?}");
    let other = RequestDigest::of(b"[]");
    let kept = store.kept_answer(&key, &other, Timestamp::MIN).await;
    assert_ne!(kept.unwrap().unwrap().request, other);
    // As a program of an earlier version keeps it.
    base.run(format!("UPDATE idempotency_keys SET request = '{plain}'"))
        .await;
    let kept = store.kept_answer(&key, &request(), Timestamp::MIN).await;
    assert_eq!(kept.unwrap().unwrap().request, request());
    let drop = store.drop_of(DropId::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(drop.foreign_id.as_deref(), Some("f1"));
    assert_eq!(drop.metadata.unwrap()["a"], 1);
    assert_eq!(drop.ordered_by.as_deref(), Some("token:abcdefgh"));
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(1));

    // An intent that is not written leaves no key, no order and no row in the audit log.
    let list = aftertone::store::ListName::new("own").unwrap();
    store.bar(&list, &[number(7)], None, now).await.unwrap();
    let barred = Intent {
        number: number(7),
        ..intent(None, number(7), 2)
    };
    let record = record("b", 2);
    let written = store
        .commit_order(&fixture.holder, barred, &record, now)
        .await;
    let expected = Written::OnDoNotCallList("own".to_owned());
    assert_eq!(written.unwrap(), OrderWritten::Written(expected));
    let kept = store
        .kept_answer(&self::key("b"), &request(), Timestamp::MIN)
        .await;
    assert_eq!(kept.unwrap(), None);
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(1));
    assert_eq!(rows(base, "ordered_drops").await, 1);
}

async fn the_key_of_an_erased_person_stays_bound_and_says_nothing_of_them(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let named = format!("to-{}", digits(1));
    for (key, drop, to) in [("a", 1, 1), (&named, 2, 1), ("c", 3, 3)] {
        let ordered = order(&fixture, key, drop, to).await;
        assert_eq!(ordered, OrderWritten::Written(Written::Applied), "{key}");
        let ended = Write::EndDrop {
            end: Box::new(end(drop, Outcome::Delivered)),
            calls: Calls::NONE,
        };
        fixture.commit(&[ended], 2).await;
    }
    let about = r#"UPDATE idempotency_keys SET body = '{"number":"Secret"}'"#;
    base.run(about).await;
    let persons = [number(1)];
    let barred = store.bar_for_good(&persons, None, fixture.at(3)).await;
    barred.unwrap();
    let erased = store.erase(&persons, fixture.at(3)).await.unwrap();
    assert!(matches!(erased, ErasedPerson::Done { .. }), "{erased:?}");
    let left = base
        .texts("SELECT key || ' ' || body FROM idempotency_keys ORDER BY key")
        .await;
    assert_eq!(left, ["a {}", r#"c {"number":"Secret"}"#]);
    // Neither the same request nor another is carried out by it.
    for asked in [request(), RequestDigest::of(b"other")] {
        let kept = store.kept_answer(&key("a"), &asked, Timestamp::MIN).await;
        assert_ne!(kept.unwrap().unwrap().request, asked);
    }
    assert_eq!(order(&fixture, "a", 5, 2).await, OrderWritten::KeyTaken);
}

async fn of_many_orders_with_one_key_one_is_written(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let orders = (1..=20).map(|drop| order(&fixture, "a", drop, drop));
    let written = futures::future::join_all(orders).await;
    let applied = OrderWritten::Written(Written::Applied);
    assert_eq!(written.iter().filter(|one| **one == applied).count(), 1);
    let taken = |one: &&OrderWritten| **one == OrderWritten::KeyTaken;
    assert_eq!(written.iter().filter(taken).count(), 19);
    assert_eq!(rows(base, "drops").await, 1);
    assert_eq!(rows(base, "audit").await, 1);
}

async fn a_key_is_a_new_one_once_it_is_too_old(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    order(&fixture, "a", 1, 1).await;
    let written = order(&fixture, "a", 2, 2).await;
    assert_eq!(written, OrderWritten::KeyTaken);
    // By the clock of 73 hours later.
    let later = fixture.at(1) + 73.hours();
    let oldest = later - 72.hours();
    let kept = fixture
        .store
        .kept_answer(&key("a"), &request(), oldest)
        .await
        .unwrap();
    assert_eq!(kept, None);
    let mut again = record("a", 3);
    again.keyed.oldest = oldest;
    let third = intent(None, number(3), 3);
    let written = fixture
        .store
        .commit_order(&fixture.holder, third, &again, later)
        .await;
    assert_eq!(written.unwrap(), OrderWritten::Written(Written::Applied));
    let kept = fixture
        .store
        .kept_answer(&key("a"), &request(), oldest)
        .await
        .unwrap();
    assert_eq!(kept.unwrap().drop, DropId::from_u128(3));

    // What nobody asks for again goes by itself, a few with each that comes.
    for n in 10..13 {
        order(&fixture, &format!("old{n}"), n, n).await;
    }
    for n in 20..22 {
        let mut fresh = record(&format!("fresh{n}"), n);
        fresh.keyed.oldest = oldest;
        let intent = intent(None, number(9), n);
        let written = fixture
            .store
            .commit_order(&fixture.holder, intent, &fresh, later)
            .await;
        written.unwrap();
    }
    let left = base
        .texts("SELECT key FROM idempotency_keys ORDER BY key")
        .await;
    assert_eq!(left, ["a", "fresh20", "fresh21"]);
}

async fn a_refusal_stays_with_its_key(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (record, now) = (record("a", 1), fixture.at(1));
    let store = &fixture.store;
    let keep = async || store.keep_refused(&record, &refused(1), now).await.unwrap();
    assert!(keep().await);
    assert!(!keep().await);
    // A request that comes late dials nothing.
    assert_eq!(order(&fixture, "a", 2, 2).await, OrderWritten::KeyTaken);
    assert_eq!(rows(base, "drops").await, 0);
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(1));
    // It is told once, and an erased person is not in it.
    let told = async || {
        let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
        let told = events
            .into_iter()
            .filter(|event| event.kind == Some(EventKind::DropRefused));
        told.map(|event| event.to_json(Disclosure::Full))
            .collect::<Vec<_>>()
    };
    let events = told().await;
    assert_eq!(events.len(), 1);
    let data = &events[0]["data"];
    assert_eq!(data["drop"], DropId::from_u128(1).to_string());
    assert_eq!(data["reason"], "do_not_call");
    assert_eq!(data["foreign_id"], "C-1");
    assert_eq!(data["number"], number(9).shown(true));
    let persons = [number(9)];
    store.bar_for_good(&persons, None, now).await.unwrap();
    store.erase(&persons, now).await.unwrap();
    let data = &told().await[0]["data"];
    assert_eq!(data["drop"], DropId::from_u128(1).to_string());
    assert!(
        data.get("number").is_none() && data.get("foreign_id").is_none(),
        "{data}"
    );
}

async fn what_is_refused_is_found_and_goes_with_its_person_and_its_time(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    for drop in [1, 2] {
        let record = record(&format!("k{drop}"), drop);
        store
            .keep_refused(&record, &refused(drop), now)
            .await
            .unwrap();
    }
    let found = store.drop_of(DropId::from_u128(1)).await.unwrap().unwrap();
    let hold = found.hold.clone().unwrap();
    assert_eq!(hold.state, HeldState::Refused);
    assert_eq!(
        (hold.reason.as_str(), hold.words.as_deref()),
        ("do_not_call", Some("it is on a list"))
    );
    assert_eq!(found.ruling, r#"{"decision":"refused"}"#);
    assert_eq!((found.outcome, found.ended_at), (None, Some(now)));
    assert_eq!(found.foreign_id.as_deref(), Some("f1"));
    assert_eq!(found.ordered_by.as_deref(), Some("token:abcdefgh"));
    assert!(found.traceparent.is_some());
    let ids = async |filter: DropFilter| {
        let found = store.drops(&filter, None, true, 9).await.unwrap();
        found.into_iter().map(|drop| drop.id).collect::<Vec<_>>()
    };
    let both = [2, 1].map(DropId::from_u128);
    assert_eq!(ids(DropFilter::All).await, both);
    assert_eq!(ids(DropFilter::Number(number(9))).await, both);
    assert_eq!(ids(DropFilter::ForeignId("f2".to_owned())).await, both[..1]);
    assert_eq!(ids(DropFilter::Held).await, []);
    assert_eq!(store.due_held("pbx", fixture.at(9), 9).await.unwrap(), []);
    let persons = [number(9)];
    assert_eq!(store.person(&persons).await.unwrap().held.len(), 2);

    // It is kept as long as drops are.
    let before = |seconds| Prunable {
        drops_before: Some(fixture.at(seconds)),
        ..Prunable::default()
    };
    assert_eq!(store.prunable(&before(1)).await.unwrap().drops, 0);
    store.bar_for_good(&persons, None, now).await.unwrap();
    store.erase(&persons, now).await.unwrap();
    assert_eq!(store.person(&persons).await.unwrap().held, []);
    let left = store.drop_of(DropId::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(
        (left.number, left.foreign_id, left.metadata),
        (None, None, None)
    );
    assert_eq!(left.ruling, "{}");
    // Its key stays bound, and says nothing of them.
    let kept = store
        .kept_answer(&key("k1"), &request(), Timestamp::MIN)
        .await
        .unwrap();
    let kept = kept.unwrap();
    assert_ne!(kept.request, request());
    assert_eq!(kept.body, "{}");
    // Whoever was erased leaves nothing by being refused again, whatever for.
    let again = record("k3", 3);
    assert!(store.keep_refused(&again, &refused(3), now).await.unwrap());
    assert_eq!(store.drop_of(DropId::from_u128(3)).await.unwrap(), None);
    let (events, _) = store.events(0, &EventFilter::default(), 99).await.unwrap();
    let told = events.last().unwrap().to_json(Disclosure::Full);
    assert_eq!(told["data"]["drop"], DropId::from_u128(3).to_string());
    let members = told["data"].as_object().unwrap();
    assert!(!members.contains_key("number") && !members.contains_key("foreign_id"));
    assert_eq!(store.prune(&before(2), |_| true).await.unwrap().drops, 2);
    assert_eq!(rows(base, "held_drops").await, 0);
    assert_eq!(rows(base, "ordered_drops").await, 0);
}

async fn an_order_that_is_taken_back_leaves_its_key_free(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    order(&fixture, "a", 1, 1).await;
    let drop = DropId::from_u128(1);
    let taken_back = fixture
        .store
        .take_back_order(&fixture.holder, drop, fixture.at(2));
    taken_back.await.unwrap();
    assert_eq!(rows(base, "drops").await, 0);
    assert_eq!(rows(base, "ordered_drops").await, 0);
    let written = order(&fixture, "a", 2, 2).await;
    assert_eq!(written, OrderWritten::Written(Written::Applied));
}

async fn a_drop_that_misses_its_moment_begins_once_and_ends_once(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, holder) = (&fixture.store, &fixture.holder);
    order(&fixture, "a", 1, 1).await;
    let drop = DropId::from_u128(1);
    let told = async || {
        let filter = EventFilter::default();
        let (events, _) = store.events(0, &filter, 99).await.unwrap();
        let slugs = events.into_iter().map(|event| event.slug);
        slugs
            .filter(|slug| slug.starts_with("drop."))
            .collect::<Vec<_>>()
    };
    let facts = async |but| {
        let number = number(1);
        let facts = store.facts_but(&number, HISTORY, but, fixture.at(2));
        facts.await.unwrap()
    };
    assert_eq!(facts(None).await.starts.len(), 1);
    let seen = facts(Some(drop)).await;
    assert_eq!(seen.starts.len(), 0);

    // What was decided on before something happened to the number is not written, and what was written stands.
    let by = |version| Intent {
        version: Some(version),
        message: "later".to_owned(),
        ..intent(None, number(1), 1)
    };
    let written = store
        .write_again(holder, by(seen.version - 1), fixture.at(3))
        .await;
    assert_eq!(written.unwrap(), Written::Conflict);
    let message = base.texts("SELECT message FROM drops").await;
    let written = store
        .write_again(holder, by(seen.version), fixture.at(3))
        .await;
    assert_eq!(written.unwrap(), Written::Applied);
    let later = base.texts("SELECT message FROM drops").await;
    assert_eq!(later, ["later"]);
    assert_ne!(message, later);
    let ended = [Write::EndDrop {
        end: Box::new(end(1, Outcome::Delivered)),
        calls: Calls::NONE,
    }];
    let written = store.commit(holder, &ended, fixture.at(4)).await;
    assert_eq!(written.unwrap(), [Written::Applied]);
    assert_eq!(told().await, ["drop.started", "drop.ended"]);
    assert!(
        store
            .kept_answer(&key("a"), &request(), Timestamp::MIN)
            .await
            .unwrap()
            .is_some()
    );
}

async fn drops_are_listed_in_pages_both_ways(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    for n in 1..=25 {
        order(
            &fixture,
            &format!("k{n}"),
            n,
            if n % 5 == 0 { 5 } else { n },
        )
        .await;
    }
    let ended = Write::EndDrop {
        end: Box::new(end(3, Outcome::Delivered)),
        calls: Calls::NONE,
    };
    fixture.commit(&[ended], 30).await;
    let ids = async |filter: &DropFilter, from: Option<u128>, is_backward, at_most| {
        let from = from.map(DropId::from_u128);
        let found = fixture
            .store
            .drops(filter, from, is_backward, at_most)
            .await
            .unwrap();
        let ids = found.iter().map(|drop| drop.id.to_string());
        ids.map(|id| u128::from_str_radix(&id, 16).unwrap())
            .collect::<Vec<_>>()
    };
    let all = &DropFilter::All;
    assert_eq!(ids(all, None, true, 3).await, [25, 24, 23]);
    assert_eq!(ids(all, Some(23), true, 3).await, [22, 21, 20]);
    assert_eq!(ids(all, Some(20), false, 3).await, [21, 22, 23]);
    assert_eq!(ids(all, None, false, 2).await, [1, 2]);
    assert_eq!(ids(all, Some(1), true, 2).await, Vec::<u128>::new());
    let to = &DropFilter::Number(number(5));
    assert_eq!(ids(to, None, true, 9).await, [25, 20, 15, 10, 5]);
    assert_eq!(ids(to, Some(10), false, 2).await, [15, 20]);
    let foreign = &DropFilter::ForeignId("f3".to_owned());
    assert_eq!(ids(foreign, None, true, 9).await, [3]);
    assert_eq!(ids(foreign, Some(3), false, 9).await, Vec::<u128>::new());
    let ended = fixture
        .store
        .drop_of(DropId::from_u128(3))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.outcome, Some(Outcome::Delivered));
    assert_eq!(
        fixture.store.drop_of(DropId::from_u128(99)).await.unwrap(),
        None
    );
}

async fn a_change_and_its_row_in_the_audit_log_are_one(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let list = aftertone::store::ListName::new("own").unwrap();
    let audited = fixture.store.audited(entry("do_not_call.add"));
    audited
        .bar(&list, &[number(1)], None, fixture.at(1))
        .await
        .unwrap();
    // What is refused changes nothing, and leaves no row.
    let new = aftertone::store::NewCampaign {
        name: "one".to_owned(),
        spec: "{}".to_owned(),
    };
    let audited = fixture.store.audited(entry("campaign.create"));
    audited
        .create_campaign(&new, fixture.at(2))
        .await
        .unwrap_err();
    // Nor does what only reads.
    audited.campaigns(0).await.unwrap();
    fixture.store.note(entry("numbers.read")).await.unwrap();
    let rows = fixture.store.audit_rows(None, true, 10).await.unwrap();
    let actions: Vec<_> = rows
        .iter()
        .map(|row| (row.id, row.action.as_str()))
        .collect();
    assert_eq!(actions, [(2, "numbers.read"), (1, "do_not_call.add")]);
    let after = fixture.store.audit_rows(Some(1), false, 10).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].who, "token:abcdefgh");
    // Where the log cannot be written, nothing is changed.
    base.run("DELETE FROM counters WHERE name = 'audit'").await;
    let audited = fixture.store.audited(entry("do_not_call.add"));
    let failed = audited.bar(&list, &[number(2)], None, fixture.at(3)).await;
    failed.unwrap_err();
    assert!(fixture.store.barred(&number(2)).await.unwrap().is_empty());
}

async fn the_audit_log_of_an_object_is_read_in_pages(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    for n in 1..=30 {
        let object = if n % 3 == 0 { "spring" } else { "others" };
        let entry = AuditEntry {
            object: object.to_owned(),
            ..entry(&format!("a{n}"))
        };
        fixture.store.note(entry).await.unwrap();
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = fixture.store.audit_rows_of("spring", before, true, 4).await;
        let page = page.unwrap();
        before = page.last().map(|row| row.id).or(before);
        seen.extend(page.iter().map(|row| row.id));
        if page.len() < 4 {
            break;
        }
    }
    let all: Vec<_> = (1..=10).rev().map(|n| n * 3).collect();
    assert_eq!(seen, all);
    let after = fixture
        .store
        .audit_rows_of("spring", Some(24), false, 9)
        .await;
    let after: Vec<_> = after.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(after, [27, 30]);
    // By its whole name.
    assert!(
        fixture
            .store
            .audit_rows_of("sprin", None, true, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_row_of_the_audit_log_that_was_changed_is_known(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(0));
    let notes = (0..30).map(|n| store.note(entry(&format!("a{n}"))));
    for noted in futures::future::join_all(notes).await {
        noted.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(30));
    base.run("UPDATE audit SET who = 'nobody' WHERE id = 17")
        .await;
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Broken(17));
    base.run("UPDATE audit SET who = 'token:abcdefgh' WHERE id = 17")
        .await;
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(30));
    base.run("DELETE FROM audit WHERE id = 30").await;
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Broken(30));
    base.run("DELETE FROM audit WHERE id = 5").await;
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Broken(5));
}

async fn a_token_is_kept_until_it_is_revoked(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let token = Token::of(&[7; 40]);
    let kept = KeptToken {
        id: token.id().clone(),
        name: "crm".to_owned(),
        scopes: Scopes::from_iter([Scope::DropsWrite, Scope::DropsRead]),
        digest: token.digest(),
        created_at: fixture.at(0),
        created_by: "ann".to_owned(),
        expires_at: Some(fixture.at(100)),
        networks: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()],
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
    };
    store.add_token(&kept).await.unwrap();
    store.add_token(&kept).await.unwrap_err();
    assert_eq!(store.token(token.id()).await.unwrap(), Some(kept.clone()));
    let from = "10.1.2.3".parse().unwrap();
    store
        .note_use(token.id(), from, fixture.at(5))
        .await
        .unwrap();
    assert!(store.revoke_token(token.id(), fixture.at(6)).await.unwrap());
    assert!(!store.revoke_token(token.id(), fixture.at(7)).await.unwrap());
    let expected = KeptToken {
        last_used_at: Some(fixture.at(5)),
        last_used_from: Some(from),
        revoked_at: Some(fixture.at(6)),
        ..kept
    };
    assert_eq!(store.tokens().await.unwrap(), [expected]);
    let stored = base
        .texts("SELECT digest || ' ' || id || ' ' || scopes FROM tokens")
        .await;
    let secret = &token.expose()[13..];
    assert!(!stored[0].contains(secret), "{stored:?}");
}

async fn a_campaign_is_changed_at_the_version_that_was_read(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let read = store.campaign("one").await.unwrap().unwrap();
    let spec = r#"{"kind":"marketing"}"#;
    let changed = store
        .reorder_at(read.id, read.version, spec, fixture.at(1))
        .await;
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.spec, spec);
    assert!(changed.version > read.version);
    let stale = store
        .reorder_at(read.id, read.version, "{}", fixture.at(2))
        .await;
    assert_eq!(stale.unwrap(), None);
    let after = store.campaign("one").await.unwrap().unwrap();
    assert_eq!(
        (after.spec.as_str(), after.version),
        (spec, changed.version)
    );
    let page = store.campaigns_from(None, true, 5).await.unwrap();
    assert_eq!(page, [after]);
    let none = store.campaigns_from(Some(read.id), false, 5).await.unwrap();
    assert!(none.is_empty());
}

async fn a_call_that_is_taken_over_has_one_drop(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let store = &fixture.store;
    let take_over = async |key: &str, drop: u128, channel: &str| {
        let intent = Intent {
            technique: Technique::Adopted,
            ..intent(None, number(1), drop)
        };
        let record = OrderRecord {
            channel: Some(channel.to_owned()),
            ..record(key, drop)
        };
        let written = store.commit_order(&fixture.holder, intent, &record, fixture.at(1));
        written.await.unwrap()
    };
    let applied = OrderWritten::Written(Written::Applied);
    assert_eq!(take_over("a", 1, "pbx/17.4").await, applied);
    // By whatever way it is asked for again.
    assert_eq!(take_over("b", 2, "pbx/17.4").await, OrderWritten::KeyTaken);
    assert_eq!(store.drop_of(DropId::from_u128(2)).await.unwrap(), None);
    assert_eq!(take_over("c", 3, "pbx/17.5").await, applied);
    let drop = store.drop_of(DropId::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(drop.technique, Technique::Adopted);
    // An earlier version reads it as a call that it knows.
    let mut stored = base.texts("SELECT technique FROM drops ORDER BY id").await;
    stored.dedup();
    assert_eq!(stored, ["single"]);
}

/// Orders a drop with a key; `to` is whom it calls.
async fn order(fixture: &Fixture, key: &str, drop: u128, to: u128) -> OrderWritten {
    let to = number(usize::try_from(to).unwrap());
    let intent = intent(None, to, drop);
    let (record, now) = (record(key, drop), fixture.at(1));
    let written = fixture
        .store
        .commit_order(&fixture.holder, intent, &record, now);
    written.await.unwrap()
}

pub(crate) fn record(key: &str, drop: u128) -> OrderRecord {
    OrderRecord {
        keyed: KeyedAnswer {
            key: self::key(key),
            answer: KeptAnswer {
                request: request(),
                status: 202,
                body: "{}".to_owned(),
                drop: DropId::from_u128(drop),
            },
            oldest: Timestamp::MIN,
        },
        foreign_id: Some(format!("f{drop}")),
        metadata: Some(r#"{"a":1}"#.to_owned()),
        expires_at: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        channel: None,
        audit: entry("drop.order"),
    }
}

/// The request of every order.
pub(crate) fn request() -> RequestDigest {
    RequestDigest::of(b"{}")
}

pub(crate) fn key(key: &str) -> IdempotencyKey {
    IdempotencyKey {
        principal: "token:abcdefgh".to_owned(),
        route: "POST /api/v1/drops".to_owned(),
        key: key.to_owned(),
    }
}

fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: "2026-11-24T12:00:00Z".parse().unwrap(),
        who: "token:abcdefgh".to_owned(),
        via: "api",
        ip: Some("127.0.0.1".to_owned()),
        request_id: Some("r1".to_owned()),
        action: action.to_owned(),
        object: "one".to_owned(),
        before: None,
        after: Some("{}".to_owned()),
    }
}

pub(crate) async fn rows(base: &Base, table: &str) -> usize {
    let rows = base
        .texts(format!("SELECT CAST(count(*) AS TEXT) FROM {table}"))
        .await;
    rows[0].parse().unwrap()
}

/// A drop to the ninth number that is refused.
fn refused(drop: u128) -> RefusedOrder {
    let held = HeldDrop {
        technique: Technique::Double,
        ..crate::held::held(drop, 9)
    };
    RefusedOrder {
        drop: Some(Box::new(RefusedDrop {
            held,
            reason: "do_not_call",
            words: "it is on a list".to_owned(),
            ruling: r#"{"decision":"refused"}"#.to_owned(),
            until: None,
        })),
        kind: EventKind::DropRefused,
        detail: serde_json::json!({"reason": "do_not_call", "foreign_id": "C-1"}),
    }
}
