//! Erasing a person: nothing of them is left, they are never called again, and what is counted stays.

use std::sync::Arc;

use aftertone::{
    campaign::engine::Settlement,
    drop::Outcome,
    store::{
        Across, ErasedPerson, Filter, ListName, NewContact, Operator, Source, Store, Write, Written,
    },
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, HISTORY, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        nothing_of_a_person_is_left_and_counts_stay,
        whom_somebody_erased_is_never_called_again,
        whom_a_controller_has_is_erased_when_the_call_is_over,
        erasing_is_done_once_however_often_it_is_asked_for,
        who_was_not_barred_first_is_not_erased,
    )
}

async fn nothing_of_a_person_is_left_and_counts_stay(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    base.run(format!(
        "UPDATE contacts SET name = 'Secretname', zone = 'Europe/Paris', state = 'NY', consent = 'written', \
         consent_at = 5, consent_source = 'Secretsource', foreign_id = 'Secretid', others = '{{\"a\":\"Secretother\"}}', \
         line = 77 WHERE number = {}",
        number(0).digits()
    ))
    .await;
    let own = ListName::new("own").unwrap();
    let (contacts, _) = fixture.lease(1, 0).await;
    let begun = fixture
        .commit(&[fixture.start_of(&contacts[0], 1)], 1)
        .await;
    assert_eq!(begun, [Written::Applied]);
    let later = Some(fixture.at(3));
    let mut ended = fixture.ended(&contacts[0], 1, Outcome::NoAnswer, later);
    if let Write::Settle { end: Some(end), .. } = &mut ended {
        end.report = r#"{"number":"Secretreport"}"#.to_owned();
        end.evidence = Some("/Secretevidence".to_owned());
    }
    assert_eq!(fixture.commit(&[ended], 2).await, [Written::Applied]);
    let (again, _) = fixture.lease(10, 4).await;
    let ours = again
        .iter()
        .find(|contact| contact.id == contacts[0].id)
        .unwrap();
    let held = Settlement::Held {
        reason: aftertone::campaign::HeldReason::CallingHours,
        until: fixture.at(9_000),
    };
    let mut writes = vec![fixture.settle(ours, held)];
    let others = again.iter().filter(|contact| contact.id != ours.id);
    writes.push(Write::Release {
        campaign: fixture.campaign,
        contacts: others.map(|contact| contact.id).collect(),
    });
    fixture.commit(&writes, 5).await;
    let store = &fixture.store;
    let bar = async || {
        let (number, because) = ([number(0)], Some("Secretreason"));
        let barred = store.bar(&own, &number, because, fixture.at(6)).await;
        barred.unwrap();
    };
    bar().await;
    let by = Operator {
        who: "ann",
        because: Some("Secretremoval"),
    };
    let removed = store.unbar(&own, &[number(0)], by, fixture.at(6)).await;
    assert_eq!(removed.unwrap(), 1);
    bar().await;
    let before = store.tally(fixture.campaign).await.unwrap();

    let numbers = [number(0)];
    assert!(
        store
            .bar_for_good(&numbers, None, fixture.at(7))
            .await
            .unwrap()
    );
    let drops = store.drops_to(&numbers).await.unwrap();
    assert_eq!(drops.len(), 1);
    assert_eq!(drops[0].evidence.as_deref(), Some("/Secretevidence"));
    let erased = store.erase(&numbers, fixture.at(7)).await.unwrap();
    assert!(
        matches!(
            erased,
            ErasedPerson::Done {
                contacts: 1,
                drops: 1,
                decisions: 1,
                entries: 1,
                prompts: 0,
                ..
            }
        ),
        "{erased:?}"
    );
    // Of a call that has ended since they were read, too.
    let ErasedPerson::Done { calls, .. } = &erased else {
        panic!("{erased:?}");
    };
    assert_eq!(*calls, drops);

    // No table holds anything of the person.
    let digits = number(0).digits().to_string();
    let tables = match base.kind {
        Kind::Postgres => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public'"
        }
        Kind::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'aftertone_migrations'"
        }
    };
    let tables = base.texts(tables).await;
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        let rows = match base.kind {
            Kind::Postgres => {
                base.texts(format!("SELECT CAST({table} AS TEXT) FROM {table}"))
                    .await
            }
            Kind::Sqlite => rows_of(base, table).await,
        };
        for row in rows {
            assert!(
                !row.contains(&digits) && !row.contains("Secret"),
                "{table}: {row}"
            );
        }
    }
    if base.kind == Kind::Sqlite {
        // Nor does any page of the file.
        for file in ["aftertone.db", "aftertone.db-wal"] {
            let bytes = std::fs::read(base.folder().join(file)).unwrap_or_default();
            for word in ["Secretname", "Secretsource", "Secretreport", "Secretreason"] {
                let has = bytes
                    .windows(word.len())
                    .any(|part| part == word.as_bytes());
                assert!(!has, "{file} holds {word}");
            }
        }
    }

    // The counts stay, but for the contact that waited: it is refused.
    let after = store.tally(fixture.campaign).await.unwrap();
    assert_eq!(
        (after.contacts, after.drops),
        (before.contacts, before.drops)
    );
    assert_eq!(after.waiting + 1, before.waiting);
    assert_eq!(after.refused.values().sum::<u64>(), 1);
    let filter = Filter {
        undialled: true,
        ..Filter::default()
    };
    let (rows, _) = store
        .results(fixture.campaign, &filter, None, 100)
        .await
        .unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows.iter().filter(|row| row.number.is_none()).count(), 1);
    let person = store.person(&numbers).await.unwrap();
    assert!(person.contacts.is_empty() && person.calls.is_empty() && person.erased.is_some());
    // The others go on.
    let (others, _) = fixture.lease(10, 20_000).await;
    assert_eq!(others.len(), 2);
}

async fn rows_of(base: &Base, table: &str) -> Vec<String> {
    let columns = base
        .texts(format!("SELECT name FROM pragma_table_info('{table}')"))
        .await;
    let columns: Vec<_> = columns
        .iter()
        .map(|column| format!("coalesce(CAST({column} AS TEXT), '')"))
        .collect();
    base.texts(format!(
        "SELECT {} FROM {table}",
        columns.join(" || ' ' || ")
    ))
    .await
}

async fn whom_somebody_erased_is_never_called_again(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let store = &fixture.store;
    erase(&fixture, 0).await;
    // Nor by whoever has the database later, as another process.
    let other = base.open().await;
    for store in [store, &other] {
        let facts = store
            .facts(&number(0), HISTORY, fixture.at(1))
            .await
            .unwrap();
        assert!(facts.is_erased);
        assert_eq!(facts.do_not_call.as_deref(), Some("own"));
        let facts = store
            .facts(&number(1), HISTORY, fixture.at(1))
            .await
            .unwrap();
        assert!(!facts.is_erased && facts.do_not_call.is_none());
    }
    assert_eq!(
        store.barred(&number(0)).await.unwrap()[0].list.as_str(),
        "own"
    );
    // Not even if a person sets the list aside.
    let mut single = intent(None, number(0), 7);
    single.despite_do_not_call = true;
    let written = fixture.commit(&[Write::Start(Box::new(single))], 2).await;
    assert_eq!(written, [Written::OnDoNotCallList("own".to_owned())]);
    let kept = format!(
        "SELECT CAST(number AS TEXT) FROM numbers WHERE number = {}",
        number(0).digits()
    );
    assert!(
        base.texts(kept).await.is_empty(),
        "the number was written again"
    );

    // No list brings them back.
    let source = Source {
        name: "b.csv".to_owned(),
        size: 10,
        digest: "b".to_owned(),
    };
    let mut importing = store
        .begin_import(fixture.campaign, &source, fixture.at(3))
        .await
        .unwrap();
    importing.bytes = 10;
    importing.lines = 3;
    let rows = [contact(2, 0), contact(3, 5)];
    for _ in 0..2 {
        let added = store
            .add_contacts(&importing, Across::Allow, &rows, fixture.at(3))
            .await
            .unwrap();
        assert_eq!((added.added, &added.erased[..]), (1, &[2][..]), "{added:?}");
        assert!(added.duplicates.is_empty() && added.elsewhere.is_empty());
    }
    let imports = store.imports(fixture.campaign).await.unwrap();
    assert_eq!((imports[0].1.rows, imports[0].1.rejected), (1, 1));
}

async fn whom_a_controller_has_is_erased_when_the_call_is_over(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (contacts, _) = fixture.lease(2, 0).await;
    let [called, leased] = &contacts[..] else {
        panic!("two were leased");
    };
    fixture.commit(&[fixture.start_of(called, 1)], 1).await;
    for nth in [0, 1] {
        let store = &fixture.store;
        store
            .bar_for_good(&[number(nth)], None, fixture.at(1))
            .await
            .unwrap();
        let before = base.dump().await;
        let busy = store.erase(&[number(nth)], fixture.at(1)).await.unwrap();
        assert_eq!(busy, ErasedPerson::Busy);
        assert_eq!(base.dump().await, before);
    }
    // The controller finds out at its next write, and ends its call as ever.
    let written = fixture.commit(&[fixture.start_of(leased, 2)], 2).await;
    assert_eq!(written, [Written::OnDoNotCallList("own".to_owned())]);
    let refused = Settlement::Refused(aftertone::campaign::RefusedReason::DoNotCall);
    let writes = [
        fixture.settle(leased, refused),
        fixture.ended(called, 1, Outcome::Delivered, None),
    ];
    assert_eq!(
        fixture.commit(&writes, 3).await,
        [Written::Applied, Written::Applied]
    );
    for nth in [0, 1] {
        let done = fixture
            .store
            .erase(&[number(nth)], fixture.at(4))
            .await
            .unwrap();
        assert!(
            matches!(done, ErasedPerson::Done { contacts: 1, .. }),
            "{done:?}"
        );
    }
    assert_eq!(fixture.state(base, called.id).await, "ended 1 delivered");
    assert_eq!(
        fixture.state(base, leased.id).await,
        "refused 0 do_not_call"
    );
}

async fn erasing_is_done_once_however_often_it_is_asked_for(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    erase(&fixture, 0).await;
    let before = base.dump().await;
    let store = &fixture.store;
    assert!(
        !store
            .bar_for_good(&[number(0)], Some("again"), fixture.at(9))
            .await
            .unwrap()
    );
    let again = store.erase(&[number(0)], fixture.at(9)).await.unwrap();
    let nothing = ErasedPerson::Done {
        contacts: 0,
        drops: 0,
        decisions: 0,
        entries: 0,
        prompts: 0,
        calls: Vec::new(),
    };
    assert_eq!(again, nothing);
    assert_eq!(base.dump().await, before);
}

async fn who_was_not_barred_first_is_not_erased(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let before = base.dump().await;
    let error = fixture.store.erase(&[number(0)], fixture.at(1)).await;
    assert!(error.is_err());
    assert_eq!(base.dump().await, before);
    // A database that is opened to be read erases nothing either.
    let read = Store::open_to_read(&base.place()).await.unwrap();
    assert!(
        read.bar_for_good(&[number(0)], None, fixture.at(1))
            .await
            .is_err()
    );
}

async fn erase(fixture: &Fixture, nth: usize) {
    let store = &fixture.store;
    let numbers = [number(nth)];
    store
        .bar_for_good(&numbers, None, fixture.at(0))
        .await
        .unwrap();
    let done = store.erase(&numbers, fixture.at(0)).await.unwrap();
    assert!(
        matches!(done, ErasedPerson::Done { contacts: 1, .. }),
        "{done:?}"
    );
}

fn contact(line: u64, nth: usize) -> NewContact {
    NewContact {
        line,
        number: number(nth),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: Default::default(),
    }
}
