//! What is written, once, and what is not.

use std::sync::Arc;

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        budget::Calls,
        engine::{PbxId, Settlement},
        policy,
    },
    drop::{Outcome, Technique},
    id::DropId,
    store::{Write, Written},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, HISTORY, campaign, controller, digits, end, intent, lease, number, start},
};

use Written::{Applied, Conflict, Fenced};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        each_settlement_leaves_its_contact_as_it_must,
        a_batch_whose_reply_was_lost_changes_nothing_the_second_time,
        an_intent_that_was_overtaken_is_not_written,
        two_campaigns_never_start_the_same_number_at_once,
        an_intent_for_a_number_that_was_barred_is_not_written,
        what_was_not_dialled_never_was,
        a_number_that_our_own_call_made_busy_comes_back_for_one_call_alone,
        a_drop_ends_once_and_only_by_its_own_controller,
        drops_outside_campaigns_are_kept_too,
        a_drop_that_was_not_dialled_is_as_if_it_had_never_been,
        a_drop_that_rang_no_phone_does_not_count_unless_it_was_lost,
        a_batch_of_hundreds_is_written_as_one,
        nothing_is_kept_of_a_batch_that_fails,
    )
}

async fn each_settlement_leaves_its_contact_as_it_must(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let (all, _) = fixture.lease(6, 0).await;
    let starts: Vec<_> = all[2..]
        .iter()
        .zip(3..)
        .map(|(contact, drop)| fixture.start_of(contact, drop))
        .collect();
    assert_eq!(fixture.commit(&starts, 1).await, vec![Applied; 4]);
    let until = fixture.at(3_600);
    let held = Settlement::Held {
        reason: HeldReason::FrequencyCap,
        until,
    };
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    let writes = [
        fixture.settle(&all[0], refused),
        fixture.settle(&all[1], held),
        fixture.ended(&all[2], 3, Outcome::Delivered, None),
        fixture.ended(&all[3], 4, Outcome::Busy, Some(until)),
        fixture.settle(&all[4], Settlement::NotDialled { attempt: 1 }),
        // Without a report, as of one that was found: by its attempt.
        fixture.settle(
            &all[5],
            Settlement::Ended {
                attempt: 1,
                outcome: Outcome::Lost,
                calls: Calls::NONE,
                again: None,
            },
        ),
    ];
    assert_eq!(fixture.commit(&writes, 2).await, vec![Applied; 6]);
    let mut states = Vec::new();
    for contact in &all {
        states.push(fixture.state(base, contact.id).await);
    }
    assert_eq!(
        states,
        [
            "refused 0 do_not_call",
            "due 0 frequency_cap",
            "ended 1 delivered",
            "due 1",
            "due 0",
            "ended 1 lost",
        ]
    );
    let drops = base.texts(
        "SELECT attempt || ' ' || outcome || ' ' || is_final || ' ' || busy_legs || ' ' || coalesce(proof, '-') || ' ' || drop_up_ms \
         FROM drops ORDER BY id",
    );
    assert_eq!(
        drops.await,
        [
            "1 delivered 1 1 unproven 7000",
            "1 busy 0 1 unproven 7000",
            "1 lost 1 0 - 0"
        ]
    );
    let decisions = base.texts("SELECT contact || ' ' || decision || ' ' || reason || ' ' || ruling FROM last_decisions ORDER BY contact");
    assert_eq!(
        decisions.await,
        [
            r#"1 refused do_not_call {"rule":"it"}"#,
            r#"2 held frequency_cap {"rule":"it"}"#,
        ]
    );
    // The next attempt is the second.
    let (again, _) = fixture.lease(9, 3_600).await;
    let attempts: Vec<_> = again
        .iter()
        .map(|contact| (contact.id.0, contact.attempts))
        .collect();
    assert_eq!(attempts, [(5, 0), (2, 0), (4, 1)]);
}

async fn a_batch_whose_reply_was_lost_changes_nothing_the_second_time(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let (all, _) = fixture.lease(6, 0).await;
    let starts = [
        fixture.start_of(&all[0], 1),
        fixture.start_of(&all[1], 2),
        fixture.start_of(&all[5], 3),
    ];
    assert_eq!(fixture.commit(&starts, 1).await, vec![Applied; 3]);
    let before = base.dump().await;
    assert_eq!(fixture.commit(&starts, 2).await, vec![Applied; 3]);
    assert_eq!(base.dump().await, before);
    let until = fixture.at(3_600);
    let writes = [
        fixture.ended(&all[0], 1, Outcome::Delivered, None),
        fixture.ended(&all[1], 2, Outcome::Busy, Some(until)),
        fixture.settle(
            &all[2],
            Settlement::Held {
                reason: HeldReason::Paused,
                until,
            },
        ),
        fixture.settle(&all[3], Settlement::Refused(RefusedReason::NoConsent)),
        Write::Release {
            campaign: fixture.campaign,
            contacts: vec![all[4].id],
        },
        fixture.settle(&all[5], Settlement::NotDialled { attempt: 1 }),
        starts[0].clone(),
    ];
    assert_eq!(fixture.commit(&writes, 3).await, vec![Applied; 7]);
    let before = base.dump().await;
    assert_eq!(fixture.commit(&writes, 4).await, vec![Applied; 7]);
    assert_eq!(base.dump().await, before);
}

async fn an_intent_that_was_overtaken_is_not_written(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    let facts = fixture
        .store
        .facts(&number(0), HISTORY, fixture.at(0))
        .await
        .unwrap();
    let by = |drop: u128| {
        let mut intent = intent(None, number(0), drop);
        intent.version = Some(facts.version);
        Write::Start(Box::new(intent))
    };
    // The second has not seen the first, though both come in one batch.
    assert_eq!(
        fixture.commit(&[by(1), by(2)], 1).await,
        [Applied, Conflict]
    );
    let Write::Start(mut intent) = fixture.start_of(&all[0], 3) else {
        panic!()
    };
    intent.version = Some(facts.version);
    let write = Write::Start(intent.clone());
    assert_eq!(fixture.commit(&[write], 2).await, [Conflict]);
    assert_eq!(fixture.state(base, all[0].id).await, "leased 0");
    intent.version = Some(facts.version + 1);
    assert_eq!(fixture.commit(&[Write::Start(intent)], 3).await, [Applied]);
}

async fn two_campaigns_never_start_the_same_number_at_once(base: &Base) {
    const NUMBERS: usize = 40;
    let fixture = Fixture::of(base, NUMBERS).await;
    let two = campaign(&fixture.store, "two", fixture.start).await;
    fixture.add(base, two, 0..NUMBERS).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (nth, campaign) in [(0, fixture.campaign), (1, two)] {
        let store = base.open().await;
        let holder = controller(&store, &format!("run{nth}")).await;
        let now = fixture.at(1);
        tasks.spawn(async move {
            let (contacts, _) = lease(&store, &holder, campaign, NUMBERS, now).await;
            let mut written = Vec::new();
            for contact in contacts {
                let drop = 1_000 * (nth + 1) + contact.id.0 as u128;
                let Write::Start(mut intent) = start(campaign, &contact, drop) else {
                    panic!()
                };
                intent.version = Some(0);
                let write = [Write::Start(intent)];
                written.extend(store.commit(&holder, &write, now).await.unwrap());
            }
            written
        });
    }
    let written: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let count = |which: &Written| written.iter().filter(|written| *written == which).count();
    assert_eq!((count(&Applied), count(&Conflict)), (NUMBERS, NUMBERS));
    let twice =
        base.texts("SELECT CAST(number AS TEXT) FROM drops GROUP BY number HAVING count(*) > 1");
    assert!(twice.await.is_empty());
}

async fn an_intent_for_a_number_that_was_barred_is_not_written(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    base.run(format!(
        "INSERT INTO lists (name, created_at) VALUES ('own', 0); \
         INSERT INTO do_not_call (number, list, at) VALUES ({}, 1, 0)",
        digits(0)
    ))
    .await;
    let writes = [fixture.start_of(&all[0], 1), fixture.start_of(&all[1], 2)];
    let written = fixture.commit(&writes, 1).await;
    assert_eq!(
        written,
        [Written::OnDoNotCallList("own".to_owned()), Applied]
    );
    // As the engine has it settled then.
    let back = [fixture.settle(&all[0], Settlement::NotDialled { attempt: 1 })];
    assert_eq!(fixture.commit(&back, 2).await, [Applied]);
    assert_eq!(fixture.state(base, all[0].id).await, "due 0");
    let (all, _) = fixture.lease(1, 3).await;
    let Write::Start(mut intent) = fixture.start_of(&all[0], 1) else {
        panic!()
    };
    intent.despite_do_not_call = true;
    assert_eq!(fixture.commit(&[Write::Start(intent)], 4).await, [Applied]);
}

async fn what_was_not_dialled_never_was(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await,
        [Applied]
    );
    let back = [fixture.settle(&all[0], Settlement::NotDialled { attempt: 1 })];
    assert_eq!(fixture.commit(&back, 2).await, [Applied]);
    let facts = fixture
        .store
        .facts(&number(0), HISTORY, fixture.at(3))
        .await
        .unwrap();
    assert!(facts.starts.is_empty());
    assert!(
        fixture
            .store
            .recent_starts("pbx", fixture.at(-9))
            .await
            .unwrap()
            .is_empty()
    );
    let (again, _) = fixture.lease(1, 3).await;
    assert_eq!(again, all);
    // One drop is one attempt, and its number is given again.
    assert_eq!(
        fixture.commit(&[fixture.start_of(&again[0], 2)], 4).await,
        [Applied]
    );
    assert_eq!(fixture.state(base, all[0].id).await, "dialling 1");
}

async fn a_number_that_our_own_call_made_busy_comes_back_for_one_call_alone(base: &Base) {
    let reports = [
        (
            r#"{"outcome":"busy","reason":"own_busy_leg","words":"x"}"#,
            true,
        ),
        (r#"{"outcome":"busy","words":"x"}"#, false),
        (
            r#"{"outcome":"busy","reason":"another","words":"own_busy_leg"}"#,
            false,
        ),
    ];
    let fixture = Fixture::of(base, reports.len()).await;
    let (all, _) = fixture.lease(reports.len(), 0).await;
    assert!(all.iter().all(|contact| !contact.only_single));
    for (drop, (contact, (report, _))) in (1..).zip(all.iter().zip(reports)) {
        assert_eq!(
            fixture.commit(&[fixture.start_of(contact, drop)], 1).await,
            [Applied]
        );
        let mut ended = fixture.ended(contact, drop, Outcome::Busy, Some(fixture.at(3)));
        if let Write::Settle { end: Some(end), .. } = &mut ended {
            report.clone_into(&mut end.report);
        }
        assert_eq!(fixture.commit(&[ended], 2).await, [Applied]);
    }
    let (mut back, _) = fixture.lease(reports.len(), 4).await;
    back.sort_by_key(|contact| contact.id);
    let told: Vec<_> = back.iter().map(|contact| contact.only_single).collect();
    assert_eq!(told, reports.map(|(_, only_single)| only_single));
}

async fn a_drop_ends_once_and_only_by_its_own_controller(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let other = controller(&fixture.store, "there").await;
    let (all, _) = fixture.lease(2, 0).await;
    let starts = [fixture.start_of(&all[0], 1), fixture.start_of(&all[1], 2)];
    assert_eq!(fixture.commit(&starts, 1).await, [Applied, Applied]);
    let ended = fixture.ended(&all[0], 1, Outcome::Delivered, None);
    let theirs = [ended.clone(), starts[0].clone()];
    let written = fixture
        .store
        .commit(&other, &theirs, fixture.at(2))
        .await
        .unwrap();
    assert_eq!(written, [Fenced, Fenced]);
    // Another contact's drop, a drop that is not there, and an outcome after the outcome.
    let crossed = fixture.ended(&all[0], 2, Outcome::Delivered, None);
    let unknown = fixture.ended(&all[0], 9, Outcome::Delivered, None);
    let second = fixture.ended(&all[0], 1, Outcome::Human, None);
    let written = fixture.commit(&[crossed, unknown, ended, second], 3).await;
    assert_eq!(written, [Fenced, Fenced, Applied, Fenced]);
    assert_eq!(fixture.state(base, all[0].id).await, "ended 1 delivered");
    assert_eq!(fixture.state(base, all[1].id).await, "dialling 1");
}

async fn drops_outside_campaigns_are_kept_too(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let mut one = intent(None, number(5), 1);
    one.version = Some(0);
    one.pbx = PbxId(3);
    let write = [Write::Start(Box::new(one))];
    assert_eq!(fixture.commit(&write, 1).await, [Applied]);
    let calls = Calls {
        drop_legs: 1,
        answered: 1,
        ..Calls::NONE
    };
    let ended = [Write::EndDrop {
        end: Box::new(end(1, Outcome::Delivered)),
        calls,
    }];
    assert_eq!(fixture.commit(&ended, 9).await, [Applied]);
    assert_eq!(fixture.commit(&ended, 10).await, [Applied]);
    let calls = fixture
        .store
        .recent_calls(&fixture.holder.trunk, fixture.at(0), None)
        .await
        .unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].calls.answered, calls[0].at), (1, fixture.at(9)));
    let facts = fixture
        .store
        .facts(&number(5), HISTORY, fixture.at(11))
        .await
        .unwrap();
    // It was meant to be two calls, and was one.
    assert_eq!((facts.version, facts.starts[0].calls), (1, 1));
}

async fn a_drop_that_was_not_dialled_is_as_if_it_had_never_been(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    let start = |drop| Write::Start(Box::new(intent(None, number(5), drop)));
    assert_eq!(
        fixture.commit(&[start(1), start(2)], 1).await,
        [Applied, Applied]
    );
    let of_a_contact = fixture.start_of(&all[0], 3);
    assert_eq!(fixture.commit(&[of_a_contact], 1).await, [Applied]);
    let ended = Write::EndDrop {
        end: Box::new(end(2, Outcome::NoAnswer)),
        calls: Calls::at_least(Technique::Single),
    };
    assert_eq!(fixture.commit(&[ended], 2).await, [Applied]);
    let back = |drop| Write::TakeBack {
        drop: DropId::from_u128(drop),
    };
    let other = controller(&fixture.store, "there").await;
    let first = [back(1)];
    let theirs = fixture.store.commit(&other, &first, fixture.at(3));
    assert_eq!(theirs.await.unwrap(), [Fenced]);
    // One that has ended, and a contact's, are no such drops; what is not there is taken back already.
    let written = fixture
        .commit(&[back(1), back(2), back(3), back(9)], 3)
        .await;
    assert_eq!(written, [Applied, Fenced, Fenced, Applied]);
    assert_eq!(fixture.commit(&[back(1)], 4).await, [Applied]);
    let called = number(5);
    let facts = fixture.store.facts(&called, HISTORY, fixture.at(5));
    assert_eq!(facts.await.unwrap().starts.len(), 1);
    assert_eq!(fixture.state(base, all[0].id).await, "dialling 1");
}

async fn a_drop_that_rang_no_phone_does_not_count_unless_it_was_lost(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let silent =
        r#"{"timeline":[{"at_ms":0,"event":"busy_dialled"},{"at_ms":900,"event":"busy_gone"}]}"#;
    let alerted = r#"{"timeline":[{"at_ms":0,"event":"drop_dialled"},{"at_ms":900,"event":"drop_alerting"}]}"#;
    let one = Calls::at_least(Technique::Single);
    let answered = Calls { answered: 1, ..one };
    let mut rows = vec![
        (Outcome::Error, Calls::NONE, silent, 0),
        (Outcome::Cancelled, Calls::NONE, silent, 0),
        (Outcome::Lost, Calls::NONE, silent, 1),
        (Outcome::Failed, answered, silent, 1),
    ];
    for outcome in Outcome::ALL {
        for (report, has_alerted) in [(silent, false), (alerted, true)] {
            let count = usize::from(policy::counts(outcome, has_alerted));
            rows.push((outcome, one, report, count));
        }
    }
    for (which, (outcome, calls, report, count)) in rows.into_iter().enumerate() {
        let drop = which as u128 + 1;
        let start = Write::Start(Box::new(intent(None, number(which), drop)));
        assert_eq!(fixture.commit(&[start], 1).await, [Applied]);
        let called = number(which);
        let facts = fixture.store.facts(&called, HISTORY, fixture.at(2));
        assert_eq!(facts.await.unwrap().starts.len(), 1, "{outcome} before");
        let mut end = Box::new(end(drop, outcome));
        end.report = report.to_owned();
        let ended = Write::EndDrop { end, calls };
        assert_eq!(fixture.commit(&[ended], 3).await, [Applied]);
        let facts = fixture.store.facts(&called, HISTORY, fixture.at(4));
        assert_eq!(
            facts.await.unwrap().starts.len(),
            count,
            "{outcome} {report}"
        );
    }
}

async fn a_batch_of_hundreds_is_written_as_one(base: &Base) {
    let fixture = Fixture::of(base, 500).await;
    let (all, _) = fixture.lease(500, 0).await;
    let starts: Vec<_> = all
        .iter()
        .zip(1..)
        .map(|(contact, drop)| fixture.start_of(contact, drop))
        .collect();
    assert_eq!(fixture.commit(&starts, 1).await, vec![Applied; 500]);
    let ends: Vec<_> = all
        .iter()
        .zip(1..)
        .map(|(contact, drop)| fixture.ended(contact, drop, Outcome::Delivered, None))
        .collect();
    assert_eq!(fixture.commit(&ends, 2).await, vec![Applied; 500]);
    let counts = base.texts("SELECT stage || ' ' || count(*) FROM contacts GROUP BY stage");
    assert_eq!(counts.await, ["ended 500"]);
    let holders = base.texts("SELECT id FROM drops ORDER BY id LIMIT 1");
    assert_eq!(holders.await, [DropId::from_u128(1).to_string()]);
}

async fn nothing_is_kept_of_a_batch_that_fails(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    let before = base.dump().await;
    // A run's drop that another contact's attempt has already: the schema forbids it.
    base.run("UPDATE contacts SET attempts = 0").await;
    let mut sneaky = intent(
        Some((fixture.campaign, all[1].id)),
        all[1].number.clone(),
        2,
    );
    sneaky.message = "nul \0 byte".to_owned();
    let writes = [fixture.start_of(&all[0], 1), Write::Start(Box::new(sneaky))];
    let result = fixture
        .store
        .commit(&fixture.holder, &writes, fixture.at(1))
        .await;
    match result {
        // PostgreSQL keeps no such text.
        Err(_) => assert_eq!(base.dump().await, before),
        Ok(written) => assert_eq!(written, [Applied, Applied]),
    }
}
