//! What the database counts by itself, against the rows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        engine::{CampaignId, Settlement},
    },
    drop::Outcome,
    phone::CallerId,
    store::{Across, NewContact, Source, Store, Tally, Write, Written},
};
use jiff::{Timestamp, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{self, Fixture, campaign, controller, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        every_statement_is_counted,
        what_is_held_is_counted_by_reason,
        an_import_is_counted,
        callers_are_counted,
        a_wrong_count_is_found_and_put_right,
        the_minute_that_runs_is_counted_to_the_moment,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        transactions_count_beside_each_other,
        a_database_restored_on_another_server_counts_on,
    ));
    all
}

/// Statements that no part of the program makes: a person's, or a later version's.
async fn every_statement_is_counted(base: &Base) {
    let fixture = Fixture::of(base, 10).await;
    let two = campaign(&fixture.store, "two", fixture.start).await;
    fixture.add(base, two, 5..15).await;
    let (leased, _) = fixture.lease(4, 0).await;
    let writes = [
        fixture.start_of(&leased[0], 1),
        fixture.settle(&leased[1], Settlement::Refused(RefusedReason::DoNotCall)),
        fixture.settle(
            &leased[2],
            Settlement::Held {
                reason: HeldReason::CallingHours,
                until: fixture.at(86_400),
            },
        ),
    ];
    let written = fixture.commit(&writes, 1).await;
    assert!(written.iter().all(|one| *one == Written::Applied));
    check(base, &fixture.store).await;
    let one = fixture.campaign;
    for sql in [
        "UPDATE contacts SET due_at = due_at + 3600000000 WHERE id % 2 = 0 AND due_at IS NOT NULL",
        "UPDATE contacts SET stage = 'ended', due_at = NULL, holder = NULL, outcome = 'busy' WHERE id IN (5, 6, 20)",
        "UPDATE contacts SET outcome = 'delivered' WHERE id = 6",
        // Again through the gate.
        "UPDATE contacts SET stage = 'due', due_at = 7, outcome = NULL WHERE outcome = 'busy'",
        "UPDATE contacts SET held = 'frequency_cap', held_zone = 'Europe/Berlin' WHERE id IN (7, 8)",
        "UPDATE contacts SET campaign = 2, number = number + 100 WHERE id = 9 AND campaign = 1",
        "DELETE FROM last_decisions",
        "DELETE FROM contacts WHERE id IN (11, 12, 18)",
        // The last ones, whose ids SQLite gives again.
        "DELETE FROM contacts WHERE id >= 19",
        "INSERT INTO contacts (campaign, number, due_at) VALUES (2, 1, 1), (2, 2, 1), (2, 3, 1)",
        "UPDATE contacts SET due_at = 2 WHERE number = 2",
        "DELETE FROM contacts WHERE number = 3",
        "INSERT INTO contacts (campaign, number, due_at) VALUES (2, 4, 1), (2, 1, 1) ON CONFLICT DO NOTHING",
        "UPDATE drops SET caller_id = '+12025550100'",
    ] {
        base.run(sql).await;
        check(base, &fixture.store).await;
    }
    // What came in meanwhile is counted with the next controller.
    controller(&fixture.store, "next").await;
    check(base, &fixture.store).await;
    base.run("DELETE FROM contacts WHERE number IN (1, 2, 4)")
        .await;
    check(base, &fixture.store).await;
    for table in ["drops", "decisions", "last_decisions", "contacts"] {
        base.run(format!("DELETE FROM {table}")).await;
    }
    check(base, &fixture.store).await;
    assert_eq!(fixture.store.tally(one).await.unwrap(), Tally::default());
    assert_eq!(base.texts(LEFT).await, ["0"]);
}

async fn what_is_held_is_counted_by_reason(base: &Base) {
    let fixture = Fixture::of(base, 10).await;
    let (leased, _) = fixture.lease(4, 0).await;
    let held = |nth: usize, reason, hours: i64| {
        let until = fixture.at(hours * 3_600);
        fixture.settle(&leased[nth], Settlement::Held { reason, until })
    };
    let writes = [
        held(0, HeldReason::CallingHours, 9),
        held(1, HeldReason::CallingHours, 1),
        held(2, HeldReason::FrequencyCap, 9),
    ];
    fixture.commit(&writes, 1).await;
    let at = async |hours: i64| {
        let held = fixture.store.held_contacts(fixture.at(hours * 3_600)).await;
        held.unwrap()
    };
    let (hours, cap) = (HeldReason::CallingHours, HeldReason::FrequencyCap);
    assert_eq!(at(0).await, [(hours, 2), (cap, 1)].into());
    // What holds it is over.
    assert_eq!(at(2).await, [(hours, 1), (cap, 1)].into());
    assert_eq!(at(10).await, [].into());
    base.run("UPDATE campaigns SET standing = 'cancelled'")
        .await;
    assert_eq!(at(0).await, [].into());
}

async fn an_import_is_counted(base: &Base) {
    let store = base.open().await;
    let now = Timestamp::now();
    let id = campaign(&store, "spring", now).await;
    let source = Source {
        name: "list.csv".to_owned(),
        size: 1,
        digest: "d".to_owned(),
    };
    let mut importing = store.begin_import(id, &source, now).await.unwrap();
    for batch in 0..3_usize {
        // Each has two of the numbers of the one before it.
        let first = batch * 8;
        let contacts: Vec<_> = (first..first + 10).map(|nth| contact(nth, nth)).collect();
        importing.bytes += 100;
        let later = now + (40 * batch as i64).seconds();
        store
            .add_contacts(&importing, Across::Allow, &contacts, later)
            .await
            .unwrap();
        check(base, &store).await;
        let contacts = store.tally(id).await.unwrap().contacts;
        assert_eq!(contacts, first as u64 + 10);
        if batch == 0 {
            // Beside what an import adds.
            base.run("INSERT INTO contacts (campaign, number, due_at, held) SELECT id, 77, 1, 'paused' FROM campaigns")
                .await;
            base.run("DELETE FROM contacts WHERE number = 77").await;
            check(base, &store).await;
        }
    }
    base.run("INSERT INTO contacts (campaign, number, due_at, held) SELECT id, 78, 1, 'paused' FROM campaigns")
        .await;
    importing.bytes += 100;
    store
        .add_contacts(&importing, Across::Allow, &[contact(90, 90)], now)
        .await
        .unwrap();
    check(base, &store).await;
    assert_eq!(store.tally(id).await.unwrap().contacts, 28);
}

async fn callers_are_counted(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let (leased, _) = fixture.lease(3, 0).await;
    let caller = |digits: &str| Some(CallerId::parse(digits).unwrap());
    for (nth, caller) in [
        caller("+12025550100"),
        caller("+12025550101"),
        caller("+12025550100"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut start = fixture.start_of(&leased[nth], nth as u128 + 1);
        if let Write::Start(intent) = &mut start {
            intent.caller_id = caller;
        }
        assert_eq!(fixture.commit(&[start], 1).await, [Written::Applied]);
    }
    let used = || async {
        let used = fixture.store.caller_ids_used(fixture.campaign);
        let used = used.await.unwrap().into_iter();
        used.map(|(caller, count)| format!("{} {count}", caller.as_str()))
            .collect::<Vec<_>>()
    };
    assert_eq!(used().await, ["+12025550100 2", "+12025550101 1"]);
    let undone = fixture.settle(&leased[0], Settlement::NotDialled { attempt: 1 });
    assert_eq!(fixture.commit(&[undone], 2).await, [Written::Applied]);
    assert_eq!(used().await, ["+12025550100 1", "+12025550101 1"]);
    let tally = fixture.store.tally(fixture.campaign).await.unwrap();
    assert_eq!((tally.drops, tally.in_flight, tally.waiting), (2, 2, 1));
    check(base, &fixture.store).await;
}

async fn a_wrong_count_is_found_and_put_right(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    controller(&fixture.store, "next").await;
    let store = &fixture.store;
    assert_eq!(store.recount().await.unwrap(), 0);
    base.run(match base.kind {
        Kind::Sqlite => "DROP TRIGGER contacts_changed; DROP TRIGGER contacts_gone",
        Kind::Postgres => "ALTER TABLE contacts DISABLE TRIGGER USER",
    })
    .await;
    base.run("UPDATE contacts SET stage = 'ended', due_at = NULL, outcome = 'busy' WHERE id < 3")
        .await;
    let tally = |ended, waiting| Tally {
        contacts: 6,
        waiting,
        outcomes: if ended > 0 {
            [(Outcome::Busy, ended)].into()
        } else {
            [].into()
        },
        ..Tally::default()
    };
    let id = fixture.campaign;
    assert_eq!(store.tally(id).await.unwrap(), tally(0, 6));
    assert_ne!(store.recount().await.unwrap(), 0);
    assert_eq!(store.tally(id).await.unwrap(), tally(2, 4));
    assert_eq!(store.recount().await.unwrap(), 0);
}

async fn the_minute_that_runs_is_counted_to_the_moment(base: &Base) {
    let store = base.open().await;
    let id = campaign(&store, "one", Timestamp::now()).await;
    let minute = 60_000_000;
    let begin = Timestamp::now().as_microsecond() / minute * minute;
    let at = |micros: i64| Timestamp::from_microsecond(begin + micros).unwrap();
    let due = [0, 1, 20_000_000, 20_000_001, minute, minute + 1];
    for (nth, due) in due.into_iter().enumerate() {
        let due = begin + due;
        base.run(format!(
            "INSERT INTO contacts (campaign, number, due_at) VALUES ({id}, {nth}, {due})"
        ))
        .await;
    }
    let waiting = |now| {
        let (store, now) = (store.clone(), at(now));
        async move {
            let groups = store.waiting(id, now).await.unwrap().into_iter();
            groups
                .map(|group| (group.until, group.contacts))
                .collect::<Vec<_>>()
        }
    };
    let (this, next) = (at(minute), at(2 * minute));
    assert_eq!(waiting(-1).await, [(at(0), 1), (this, 4), (next, 1)]);
    assert_eq!(waiting(0).await, [(this, 4), (next, 1)]);
    assert_eq!(waiting(20_000_000).await, [(this, 2), (next, 1)]);
    assert_eq!(waiting(20_000_001).await, [(this, 1), (next, 1)]);
    assert_eq!(waiting(minute).await, [(next, 1)]);
    assert_eq!(waiting(2 * minute).await, []);

    // So many that come in this minute are not looked at one by one.
    let due = begin + minute;
    let many = "WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 10100)";
    base.run(format!(
        "{many} INSERT INTO contacts (campaign, number, due_at) SELECT {id}, n, {due} FROM n"
    ))
    .await;
    assert_eq!(waiting(20_000_000).await, [(this, 10_005), (next, 1)]);
}

/// Many at once, in no order; each of them may be the one that adds up.
async fn transactions_count_beside_each_other(base: &Base) {
    let fixture = Fixture::of(base, 400).await;
    let two = campaign(&fixture.store, "two", fixture.start).await;
    fixture.add(base, two, 0..400).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for nth in 0..6 {
        let store = base.open().await;
        let holder = controller(&store, &format!("run{nth}")).await;
        let campaigns = [fixture.campaign, two];
        let start = fixture.start;
        tasks.push(tokio::spawn(async move {
            for turn in 0..30_u128 {
                let id = campaigns[(nth + turn as usize) % 2];
                let (leased, _) = fixture::lease(&store, &holder, id, 5, start).await;
                let drop = (nth as u128 + 1) * 10_000 + turn * 10;
                let starts = leased.iter().zip(drop..);
                let starts: Vec<_> = starts
                    .map(|(contact, drop)| fixture::start(id, contact, drop))
                    .collect();
                store.commit(&holder, &starts, start).await.unwrap();
                let ends = leased.iter().map(|contact| {
                    let settlement = match contact.id.0 % 3 {
                        0 => Settlement::NotDialled {
                            attempt: contact.attempts + 1,
                        },
                        _ => Settlement::Ended {
                            attempt: contact.attempts + 1,
                            outcome: Outcome::Busy,
                            calls: aftertone::campaign::budget::Calls::default(),
                            again: (contact.id.0 % 3 == 1).then(|| start + 1.hours()),
                        },
                    };
                    fixture::settle(id, contact.id, settlement)
                });
                let ends: Vec<_> = ends.collect();
                store.commit(&holder, &ends, start).await.unwrap();
            }
        }));
    }
    let adder = {
        let (store, stop) = (base.open().await, Arc::clone(&stop));
        let id = fixture.campaign;
        let folds = "UPDATE counts_state SET counted_at = '2000-01-01'";
        let mut connection = base.postgres().await;
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                sqlx::raw_sql(folds).execute(&mut connection).await.unwrap();
                // In every snapshot all are there.
                assert_eq!(store.tally(id).await.unwrap().contacts, 400);
            }
        })
    };
    for task in tasks {
        task.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    adder.await.unwrap();
    check(base, &fixture.store).await;
}

/// Its transactions count from the beginning again, and what was counted must not be lost behind them.
async fn a_database_restored_on_another_server_counts_on(base: &Base) {
    let fixture = Fixture::of(base, 10).await;
    let far = "UPDATE counts_state SET counted_to = '900000000000'; UPDATE count_changes SET tx = '900000000001'";
    base.run(far).await;
    check(base, &fixture.store).await;
    fixture.add(base, fixture.campaign, 10..20).await;
    check(base, &fixture.store).await;
    for from in [20, 30] {
        base.run("UPDATE counts_state SET counted_at = '2000-01-01'")
            .await;
        fixture.add(base, fixture.campaign, from..from + 10).await;
        check(base, &fixture.store).await;
    }
    let tally = fixture.store.tally(fixture.campaign).await.unwrap();
    assert_eq!(tally.contacts, 40);
    let ahead = "SELECT CAST(count(*) AS TEXT) FROM counts_state, count_changes WHERE counted_to > '900000000' \
        OR tx > '900000000'";
    assert_eq!(base.texts(ahead).await, ["0"]);
}

/// That the counts are those of the rows, and the tally of each campaign too.
async fn check(base: &Base, store: &Store) {
    assert_eq!(store.recount().await.unwrap(), 0);
    for campaign in store.campaigns(0).await.unwrap() {
        let tally = store.tally(campaign.id).await.unwrap();
        let outcomes: u64 = tally.outcomes.values().sum();
        let refused: u64 = tally.refused.values().sum();
        let counted = [
            tally.contacts,
            tally.waiting,
            tally.in_flight,
            outcomes,
            refused,
            tally.drops,
        ];
        assert_eq!(
            counted.map(|count| count.to_string()),
            rows(base, campaign.id).await
        );
    }
}

/// The same, from the rows.
async fn rows(base: &Base, campaign: CampaignId) -> [String; 6] {
    let of = |table: &str, what: &str| {
        format!("SELECT CAST(count(*) AS TEXT) FROM {table} WHERE campaign = {campaign} AND {what}")
    };
    let mut all = Vec::new();
    for sql in [
        of("contacts", "1 = 1"),
        of("contacts", "stage IN ('due', 'leased')"),
        of("contacts", "stage = 'dialling'"),
        of("contacts", "outcome IS NOT NULL"),
        of("contacts", "refused IS NOT NULL"),
        of("drops", "1 = 1"),
    ] {
        all.push(base.texts(sql).await.remove(0));
    }
    all.try_into().unwrap()
}

fn contact(line: usize, which: usize) -> NewContact {
    NewContact {
        line: line as u64 + 1,
        number: number(which),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: [].into(),
    }
}

/// What counts leave where there is nothing to count.
const LEFT: &str = "SELECT CAST(coalesce(sum(count), 0) AS TEXT) FROM counted";
