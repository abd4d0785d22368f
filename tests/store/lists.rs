//! Contacts and do-not-call numbers that come in by the list.

use std::{collections::BTreeMap, sync::Arc};

use aftertone::{
    campaign::{
        engine::{CampaignId, End, InFlight},
        policy::{Consent, ConsentKind},
    },
    phone::PhoneNumber,
    store::{
        Across, Added, ErrorClass, Filter, Importing, ListName, NewCampaign, NewContact, Operator,
        OperatorCommand, PackedContacts, Source, Status, Store, Write, Written,
    },
};
use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;
use sqlx::AssertSqlSafe;

use crate::{
    base::{Base, Kind, Server},
    fixture::{controller, intent},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        contacts_have_a_campaign_and_an_import_that_are_there,
        an_import_pauses_for_controllers_of_earlier_versions_alone,
        an_import_resumes_where_it_left_off,
        many_batches_are_kept_together_or_not_at_all,
        a_number_of_another_campaign_is_let_in_or_left_out_by_rule,
        whatever_is_in_a_list_is_kept_as_it_is,
        what_makes_no_sense_is_refused,
        who_runs_a_campaign_hears_of_its_new_contacts,
        contacts_that_are_added_make_a_complete_campaign_a_draft,
        numbers_come_onto_lists_and_off_them,
        an_entry_of_an_earlier_version_bars_every_spelling,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        what_contacts_refer_to_is_kept_until_their_transaction_ends,
    ));
    all
}

/// Whoever writes: a person, or a program of an earlier version.
async fn contacts_have_a_campaign_and_an_import_that_are_there(base: &Base) {
    let store = base.open().await;
    let one = campaign(&store, "one").await;
    let two = campaign(&store, "two").await;
    let mut importing = store.begin_import(one, &source("a"), at(0)).await.unwrap();
    importing.bytes = 100;
    store
        .add_contacts(&importing, Across::Allow, &[contact(2, 1)], at(0))
        .await
        .unwrap();
    let import = importing.id;
    let add = "INSERT INTO contacts (number, due_at, campaign, import) VALUES";
    for sql in [
        format!("{add} (7, 0, {one}, NULL), (8, 0, {one}, {import}), (9, 0, {two}, NULL)"),
        format!("UPDATE contacts SET campaign = {two}, import = NULL WHERE number = 8"),
        format!("UPDATE contacts SET campaign = {one}, import = {import} WHERE number = 8"),
    ] {
        base.run(sql).await;
    }
    let before = base.dump().await;
    for sql in [
        format!("{add} (10, 0, {one}, NULL), (11, 0, 77, NULL)"),
        format!("{add} (10, 0, {one}, {import}), (11, 0, {one}, 77)"),
        "UPDATE contacts SET campaign = 77 WHERE number = 8".to_owned(),
        "UPDATE contacts SET import = 77 WHERE number = 7".to_owned(),
        format!("DELETE FROM campaigns WHERE id = {two}"),
        format!("DELETE FROM imports WHERE id = {import}"),
    ] {
        let error = base.try_run(&sql).await.unwrap_err();
        let sqlx::Error::Database(error) = error else {
            panic!("{sql}: {error}");
        };
        assert!(error.is_foreign_key_violation(), "{sql}: {error}");
    }
    assert_eq!(base.dump().await, before);
    base.run("DELETE FROM contacts").await;
    base.run(format!(
        "DELETE FROM imports WHERE id = {import}; DELETE FROM campaigns WHERE id = {two}"
    ))
    .await;
}

async fn what_contacts_refer_to_is_kept_until_their_transaction_ends(base: &Base) {
    let store = base.open().await;
    let id = campaign(&store, "one").await;
    let import = store
        .begin_import(id, &source("a"), at(0))
        .await
        .unwrap()
        .id;
    let mut adding = base.postgres().await;
    let add = format!(
        "BEGIN; INSERT INTO contacts (number, due_at, campaign, import) VALUES (7, 0, {id}, {import})"
    );
    sqlx::raw_sql(AssertSqlSafe(add))
        .execute(&mut adding)
        .await
        .unwrap();
    for table in ["imports", "campaigns"] {
        let delete = format!("SET lock_timeout = '50ms'; DELETE FROM {table}");
        let error = base.try_run(delete).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("55P03"), "{table}");
    }
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut adding)
        .await
        .unwrap();
    base.run("DELETE FROM imports; DELETE FROM campaigns").await;
}

async fn an_import_pauses_for_controllers_of_earlier_versions_alone(base: &Base) {
    let store = base.open().await;
    controller(&store, "new").await;
    let now = Timestamp::now();
    assert!(!store.needs_pauses(now).await.unwrap());
    let micros = now.as_microsecond();
    let later = micros + 1_000_000;
    base.run(format!(
        "INSERT INTO controllers (run, pbx, began_at, lease_ends) VALUES ('old', 'p', 0, {later})"
    ))
    .await;
    let needs = |seconds: i64| store.needs_pauses(now + SignedDuration::from_secs(seconds));
    assert_eq!(needs(0).await.unwrap(), base.kind == Kind::Sqlite);
    // Its lease has ended, and nobody has ended it yet.
    assert!(!needs(2).await.unwrap());
    base.run(format!("UPDATE controllers SET ended_at = {micros}"))
        .await;
    assert!(!needs(0).await.unwrap());
}

async fn an_import_resumes_where_it_left_off(base: &Base) {
    let store = base.open().await;
    let campaign = campaign(&store, "spring").await;
    let mut importing = store
        .begin_import(campaign, &source("a"), at(0))
        .await
        .unwrap();
    assert_eq!(
        (importing.bytes, importing.rows, importing.is_complete),
        (0, 0, false)
    );

    importing.bytes = 500;
    importing.lines = 4;
    importing.rejected = 1;
    let contacts = [contact(2, 1), contact(3, 2), contact(4, 1)];
    let added = store
        .add_contacts(&importing, Across::Allow, &contacts, at(1))
        .await
        .unwrap();
    let wanted = Added {
        added: 2,
        duplicates: vec![4],
        ..Added::default()
    };
    assert_eq!(added, wanted, "the first of a number is the contact");

    let again = store
        .begin_import(campaign, &source("a"), at(2))
        .await
        .unwrap();
    let so_far = Importing {
        rows: 2,
        rejected: 2,
        last_bytes: 0,
        last_lines: 0,
        ..importing.clone()
    };
    assert_eq!(again, so_far);
    let other = store
        .begin_import(campaign, &source("b"), at(2))
        .await
        .unwrap();
    assert_ne!(other.id, again.id);
    assert_eq!(other.bytes, 0);

    // The reply was lost: it is given again.
    for _ in 0..2 {
        let repeated = store
            .add_contacts(&importing, Across::Allow, &contacts, at(3))
            .await;
        assert_eq!(repeated.unwrap(), wanted);
    }
    assert_eq!(
        store
            .begin_import(campaign, &source("a"), at(3))
            .await
            .unwrap(),
        so_far
    );

    // A later one is in, and the first comes once more: a writer that was held up.
    let mut later = Importing {
        bytes: 700,
        lines: 6,
        ..so_far.clone()
    };
    let more = [contact(5, 3), contact(6, 2)];
    let added = store
        .add_contacts(&later, Across::Allow, &more, at(3))
        .await
        .unwrap();
    assert_eq!((added.added, added.duplicates), (1, vec![6]));
    (later.rows, later.rejected) = (3, 3);
    (later.last_bytes, later.last_lines) = (500, 4);
    for contacts in [&contacts[..], &[contact(2, 1), contact(3, 2)]] {
        let repeated = store
            .add_contacts(&importing, Across::Allow, contacts, at(4))
            .await
            .unwrap();
        let duplicates = if contacts.len() == 3 { vec![4] } else { vec![] };
        let told = Added {
            added: 2,
            duplicates,
            ..Added::default()
        };
        assert_eq!(repeated, told);
    }
    // Nor does it add anybody who was not there: what is behind is behind.
    let stranger = store
        .add_contacts(&importing, Across::Allow, &[contact(4, 9)], at(4))
        .await
        .unwrap();
    assert_eq!(stranger.added, 0);
    assert_eq!(
        store
            .begin_import(campaign, &source("a"), at(4))
            .await
            .unwrap(),
        later
    );
    assert_eq!(store.tally(campaign).await.unwrap().waiting, 3);

    let mut last = later;
    last.is_complete = true;
    let none = store
        .add_contacts(&last, Across::Allow, &[], at(4))
        .await
        .unwrap();
    assert_eq!(none, Added::default());
    (last.last_bytes, last.last_lines) = (700, 6);
    let whole = store
        .begin_import(campaign, &source("a"), at(5))
        .await
        .unwrap();
    assert_eq!(whole, last);
    let imports = store.imports(campaign).await.unwrap();
    let names: Vec<_> = imports
        .iter()
        .map(|(source, one)| (source.digest.as_str(), one.is_complete))
        .collect();
    assert_eq!(names, [("a", true), ("b", false)]);
    assert_eq!(imports[0].0, source("a"));

    assert_eq!(store.lines_in(&last, 1..=9).await.unwrap(), [2, 3, 5]);
    assert_eq!(store.lines_in(&last, 3..=3).await.unwrap(), [3]);
    assert!(store.lines_in(&other, 1..=9).await.unwrap().is_empty());
    assert_eq!(store.tally(campaign).await.unwrap().waiting, 3);
}

async fn many_batches_are_kept_together_or_not_at_all(base: &Base) {
    let store = base.open().await;
    let campaign = campaign(&store, "spring").await;
    let first = store
        .begin_import(campaign, &source("a"), at(0))
        .await
        .unwrap();
    let version = store.campaign("spring").await.unwrap().unwrap().version;
    let batch = |n: u64| {
        [contact(10 * n + 2, 2 * n), contact(10 * n + 3, 2 * n + 1)]
            .iter()
            .collect::<PackedContacts>()
    };
    let mut importing = Importing {
        bytes: 300,
        lines: 30,
        ..first.clone()
    };

    base.run(match base.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER stop BEFORE INSERT ON contacts WHEN NEW.line = 33 \
             BEGIN SELECT RAISE(ABORT, 'stop'); END"
        }
        Kind::Postgres => "ALTER TABLE contacts ADD CONSTRAINT stop CHECK (line <> 33)",
    })
    .await;
    let all = [batch(1), batch(2), batch(3)];
    let failed = store.add_packed(&importing, Across::Allow, &all, || {}, at(1));
    failed.await.unwrap_err();
    base.run(match base.kind {
        Kind::Sqlite => "DROP TRIGGER stop",
        Kind::Postgres => "ALTER TABLE contacts DROP CONSTRAINT stop",
    })
    .await;
    let there = store.begin_import(campaign, &source("a"), at(2)).await;
    assert_eq!(there.unwrap(), first, "what failed is not there");
    assert_eq!(store.tally(campaign).await.unwrap().contacts, 0);
    let told = store.campaign("spring").await.unwrap().unwrap();
    assert_eq!(told.version, version);

    for transaction in 0..2 {
        let before = (300 * transaction, 30 * transaction);
        let n = 3 * transaction;
        (importing.bytes, importing.lines) = (300 * (transaction + 1), 30 * (transaction + 1));
        // The last is of a number that came in an earlier batch of the same transaction.
        let twice = [contact(900 + n, 2 * n + 2)].iter().collect();
        let all = [batch(n + 1), batch(n + 2), batch(n + 3), twice];
        let wanted = Added {
            added: 6,
            duplicates: vec![900 + n],
            ..Added::default()
        };
        for _ in 0..2 {
            let mut begun = 0;
            let added = store.add_packed(&importing, Across::Allow, &all, || begun += 1, at(3));
            assert_eq!(added.await.unwrap(), wanted);
            assert_eq!(begun, 1);
        }
        importing.rows += 6;
        importing.rejected += 1;
        (importing.last_bytes, importing.last_lines) = before;
        let there = store.begin_import(campaign, &source("a"), at(4)).await;
        assert_eq!(there.unwrap(), importing);
    }
    assert_eq!(store.tally(campaign).await.unwrap().waiting, 12);
    assert_eq!(store.campaigns(version).await.unwrap().len(), 1);
}

async fn a_number_of_another_campaign_is_let_in_or_left_out_by_rule(base: &Base) {
    let store = base.open().await;
    for (n, across, known, elsewhere) in [
        (10, Across::Allow, [false, false, false], vec![]),
        (20, Across::SkipOpen, [true, false, false], vec![2]),
        (30, Across::SkipAny, [true, true, false], vec![2, 3]),
    ] {
        let open = campaign(&store, &format!("open-{n}")).await;
        let over = campaign(&store, &format!("over-{n}")).await;
        let next = campaign(&store, &format!("next-{n}")).await;
        add(&store, open, "a", Across::Allow, &[contact(2, n)]).await;
        add(&store, over, "a", Across::Allow, &[contact(2, n + 1)]).await;
        let cancel = OperatorCommand::Cancel(InFlight::Finish);
        store.order(over, cancel, at(1)).await.unwrap();

        let numbers = [number(n), number(n + 1), number(n + 2)];
        for of in [Some(next), None] {
            let told = store.known(of, across, &numbers).await.unwrap();
            assert_eq!(told, known, "{across:?} {of:?}");
        }
        let contacts = [
            contact(2, n),
            contact(3, n + 1),
            contact(4, n + 2),
            contact(5, n + 2),
        ];
        let added = add(&store, next, "a", across, &contacts).await;
        let wanted = Added {
            added: 3 - elsewhere.len() as u64,
            duplicates: vec![5],
            elsewhere,
            ..Added::default()
        };
        assert_eq!(added, wanted, "{across:?}");
        let told = store.known(Some(open), Across::Allow, &numbers).await;
        assert_eq!(told.unwrap(), [true, false, false]);
        let told = store.known(Some(open), Across::SkipAny, &[]).await;
        assert_eq!(told.unwrap(), [] as [bool; 0]);
    }
}

async fn whatever_is_in_a_list_is_kept_as_it_is(base: &Base) {
    let store = base.open().await;
    let campaign = campaign(&store, "spring").await;
    let hostile = [
        "'; DROP TABLE contacts; --",
        "\" OR \"\"=\"",
        "$1 ?1 :a @b {x} %s \\",
        "=cmd|'/c calc'!A0",
        "\u{1f4a9} \u{202e} \u{feff} ä ß",
        "{\"number\": 1}",
        "null",
        "",
    ];
    let contacts: Vec<_> = (0..)
        .zip(hostile)
        .map(|(n, text)| NewContact {
            name: Some(text.into()),
            zone: Some(text.into()),
            state: Some(text.into()),
            consent: Some(Consent {
                kind: ConsentKind::Written,
                at: Some(at(-1_000)),
                source: Some(text.into()),
            }),
            message: Some(text.into()),
            foreign_id: Some(text.into()),
            others: BTreeMap::from([(text.to_owned(), text.to_owned())]),
            ..contact(n + 2, n)
        })
        .collect();
    let mut hard = source(hostile[0]);
    hard.name = hostile[1].into();
    let mut importing = store.begin_import(campaign, &hard, at(0)).await.unwrap();
    importing.bytes = 1;
    let added = store
        .add_contacts(&importing, Across::SkipAny, &contacts, at(0))
        .await
        .unwrap();
    assert_eq!(added.added, hostile.len() as u64);
    assert_eq!(store.imports(campaign).await.unwrap()[0].0, hard);
    for text in hostile {
        let filter = Filter {
            foreign_id: Some(text.into()),
            undialled: true,
            ..Default::default()
        };
        let (rows, next) = store.results(campaign, &filter, None, 10).await.unwrap();
        assert_eq!((rows.len(), next), (1, None), "{text}");
        let told = (rows[0].name.as_deref(), rows[0].message.as_deref());
        assert_eq!(told, (Some(text), Some(text)));
    }
    let list = ListName::new("own").unwrap();
    store
        .bar(&list, &[number(1)], Some(hostile[0]), at(0))
        .await
        .unwrap();
    let barred = store.barred(&number(1)).await.unwrap();
    assert_eq!(barred[0].because.as_deref(), Some(hostile[0]));
}

/// An earlier version wrote the spelling of the list alone.
async fn an_entry_of_an_earlier_version_bars_every_spelling(base: &Base) {
    let store = base.open().await;
    base.run("INSERT INTO lists (name, created_at) VALUES ('national', 0)".to_owned())
        .await;
    let written = [
        5_215_512_345_678_u64,
        541_123_456_789,
        551_187_654_321,
        12_025_550_101,
    ];
    for number in written {
        base.run(format!(
            "INSERT INTO do_not_call (number, list, at) SELECT {number}, id, 0 FROM lists"
        ))
        .await;
    }
    let digits = |digits| PhoneNumber::from_digits(digits).unwrap();
    let history = SignedDuration::from_hours(24);
    for (asked, is_barred) in [
        (525_512_345_678, true),
        (5_215_512_345_678, true),
        (5_491_123_456_789, true),
        (5_511_987_654_321, true),
        (12_025_550_101, true),
        (525_512_345_679, false),
        (12_025_550_102, false),
    ] {
        let facts = store.facts_of(&[digits(asked)], history, at(0)).await;
        let list = facts.unwrap().remove(0).do_not_call;
        assert_eq!(list.as_deref(), is_barred.then_some("national"), "{asked}");
    }
    // Nor is an intent written that was decided on before.
    let holder = controller(&store, "here").await;
    for (drop, (number, expected)) in (1..).zip([
        (
            525_512_345_678,
            Written::OnDoNotCallList("national".to_owned()),
        ),
        (525_512_345_679, Written::Applied),
    ]) {
        let start = Write::Start(Box::new(intent(None, digits(number), drop)));
        let written = store.commit(&holder, &[start], at(1)).await;
        assert_eq!(written.unwrap(), [expected], "{number}");
    }
}

async fn what_makes_no_sense_is_refused(base: &Base) {
    let store = base.open().await;
    let nowhere = store
        .begin_import(CampaignId(999), &source("a"), at(0))
        .await;
    assert_eq!(nowhere.unwrap_err().class, ErrorClass::Refused);
    let spring = campaign(&store, "spring").await;
    let mut importing = store
        .begin_import(spring, &source("a"), at(0))
        .await
        .unwrap();
    importing.id += 1;
    let unknown = store
        .add_contacts(&importing, Across::Allow, &[contact(2, 1)], at(0))
        .await;
    assert_eq!(unknown.unwrap_err().class, ErrorClass::Refused);
    store
        .order(spring, OperatorCommand::Cancel(InFlight::Finish), at(0))
        .await
        .unwrap();
    let cancelled = store
        .begin_import(spring, &source("b"), at(0))
        .await
        .unwrap_err();
    assert_eq!(cancelled.class, ErrorClass::Refused);
}

async fn who_runs_a_campaign_hears_of_its_new_contacts(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let before = store.campaign("spring").await.unwrap().unwrap().version;
    add(&store, spring, "a", Across::Allow, &[contact(2, 1)]).await;
    let changed = store.campaigns(before).await.unwrap();
    assert_eq!(changed.len(), 1);
    // No new number: nothing to report.
    let before = changed[0].version;
    add(&store, spring, "b", Across::Allow, &[contact(2, 1)]).await;
    assert!(store.campaigns(before).await.unwrap().is_empty());
}

async fn contacts_that_are_added_make_a_complete_campaign_a_draft(base: &Base) {
    let store = base.open().await;
    let spring = campaign(&store, "spring").await;
    let holder = controller(&store, "here").await;
    // As a controller does that finds the campaign before its list is in.
    let complete = [Write::Finished {
        campaign: spring,
        end: End::Complete,
    }];
    let written = store.commit(&holder, &complete, at(1)).await.unwrap();
    assert_eq!(written, [Written::Applied]);
    let status = async || store.campaign("spring").await.unwrap().unwrap().status;
    assert_eq!(status().await, Status::Complete);
    add(&store, spring, "a", Across::Allow, &[contact(2, 1)]).await;
    assert_eq!(status().await, Status::Draft);
    let written = store.commit(&holder, &complete, at(2)).await.unwrap();
    assert_eq!(written, [Written::Fenced], "it has a contact to call");

    // Nothing else of its state is undone by it.
    let others = ["paused", "dates_over"];
    for (nth, other) in others.into_iter().enumerate() {
        base.run(format!(
            "UPDATE campaigns SET standing = '{other}', draft = 0"
        ))
        .await;
        let new = [contact(2, 10 + nth as u64)];
        assert_eq!(
            add(&store, spring, other, Across::Allow, &new).await.added,
            1
        );
        assert_eq!(status().await.slug(), other);
    }
}

async fn numbers_come_onto_lists_and_off_them(base: &Base) {
    let store = base.open().await;
    let (own, federal) = (
        ListName::new("own").unwrap(),
        ListName::new("federal").unwrap(),
    );
    let some: Vec<_> = (0..25_000).map(number).collect();
    assert_eq!(
        store.bar(&federal, &some, None, at(1)).await.unwrap(),
        25_000
    );
    let mut more = vec![number(7), number(7), number(30_000)];
    assert_eq!(
        store
            .bar(&federal, &more, Some("again"), at(2))
            .await
            .unwrap(),
        1
    );
    more.pop();
    assert_eq!(
        store
            .bar(&own, &more, Some("asked on the phone"), at(3))
            .await
            .unwrap(),
        1
    );
    assert_eq!(store.bar(&own, &[], None, at(3)).await.unwrap(), 0);

    let entries = store.barred(&number(7)).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|on| (on.list.as_str(), on.at, on.because.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("federal", at(1), None),
            ("own", at(3), Some("asked on the phone"))
        ]
    );
    assert!(store.barred(&number(25_000)).await.unwrap().is_empty());
    assert_eq!(
        store.lists().await.unwrap(),
        [(federal.clone(), 25_001), (own.clone(), 1)]
    );

    assert_eq!(
        store
            .unbar(&own, &[number(7), number(8)], ANN, at(4))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .unbar(&ListName::new("none").unwrap(), &[number(7)], ANN, at(4))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store.barred(&number(7)).await.unwrap().len(),
        1,
        "on the other list still"
    );
    store
        .bar(&own, &[number(0), number(30_000)], None, at(4))
        .await
        .unwrap();
    assert_eq!(store.drop_list(&federal, ANN, at(5)).await.unwrap(), 25_001);
    assert_eq!(store.lists().await.unwrap(), [(own.clone(), 2)]);
    assert_eq!(store.drop_list(&federal, ANN, at(5)).await.unwrap(), 0);
    assert_eq!(store.barred(&number(0)).await.unwrap()[0].list, own);
}

async fn add(
    store: &Store,
    campaign: CampaignId,
    digest: &str,
    across: Across,
    contacts: &[NewContact],
) -> Added {
    let mut importing = store
        .begin_import(campaign, &source(digest), at(0))
        .await
        .unwrap();
    importing.bytes += 1;
    let added = store
        .add_contacts(&importing, across, contacts, at(0))
        .await;
    added.unwrap()
}

async fn campaign(store: &Store, name: &str) -> CampaignId {
    let new = NewCampaign {
        name: name.into(),
        spec: "{}".into(),
    };
    let id = store.create_campaign(&new, at(0)).await.unwrap().id;
    let started = store.order(id, OperatorCommand::Resume, at(0)).await;
    started.unwrap().id
}

const ANN: Operator<'static> = Operator {
    who: "ann",
    because: None,
};

fn source(digest: &str) -> Source {
    Source {
        name: format!("{digest}.csv"),
        size: 1_000,
        digest: digest.into(),
    }
}

fn contact(line: u64, n: u64) -> NewContact {
    NewContact {
        line,
        number: number(n),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: BTreeMap::new(),
    }
}

/// Numbers as there are many of, none of them dialled here.
fn number(n: u64) -> PhoneNumber {
    PhoneNumber::from_digits(12_020_000_000 + n).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}
