//! Clocks that are wrong: leases go by the server's, nothing that has happened lies in the future, and what a wrong clock has
//! written does not last.

use std::sync::Arc;

use aftertone::{
    campaign::engine::{CampaignId, Next, Settlement},
    drop::Outcome,
    id::RunName,
    phone::PhoneNumber,
    store::{
        Across, ControllerLease, ListName, NewContact, OWN_LIST, OperatorCommand, Source, Store,
        Written,
    },
};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, HISTORY, campaign, controller, lease, number, registration},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        leases_that_a_wrong_clock_has_written_are_bounded,
        drops_that_a_wrong_clock_has_written_count_as_of_this_moment,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        a_controller_whose_clock_is_wrong_ends_no_other,
        contacts_are_leased_by_the_server_s_clock,
        nothing_that_has_happened_is_written_into_the_future,
        every_write_of_a_controller_compares_the_clocks,
    ));
    all
}

/// A store as the program has it, and the real time.
async fn real(base: &Base) -> (Store, Timestamp) {
    let store = Store::open(&base.place()).await.unwrap();
    (store, Timestamp::now())
}

async fn begin(store: &Store, run: &str, now: Timestamp) -> ControllerLease {
    let run = RunName::new(run).unwrap();
    let given = registration(&run, "pbx");
    store.begin_controller(&given, now).await.unwrap()
}

async fn a_controller_whose_clock_is_wrong_ends_no_other(base: &Base) {
    let (store, now) = real(base).await;
    for hours in [10_i64, -10] {
        let wrong = now + hours.hours();
        let healthy = begin(&store, &format!("healthy{}", hours.abs()), now).await;
        let other = begin(&store, &format!("wrong{}", hours.abs()), wrong).await;
        // Neither ends the other, whichever of them asks.
        for (who, at) in [(&other, wrong), (&healthy, now)] {
            assert_eq!(store.adopt(who, &[], at).await.unwrap(), []);
            let strays = store.adopt_strays(who, &[], &[], at).await.unwrap();
            assert_eq!(strays, []);
        }
        assert!(store.renew(&other, wrong).await.unwrap());
        assert_eq!(store.adopt(&healthy, &[], now).await.unwrap(), []);
        assert!(store.renew(&healthy, now).await.unwrap());
        assert!(store.has_controller(wrong).await.unwrap());
        assert!(store.has_controller(now).await.unwrap());
        // Its leases are none of ten hours.
        let late = format!(
            "SELECT run FROM controllers WHERE began_at > {0} OR lease_ends > {0} + 30000000",
            Timestamp::now().as_microsecond()
        );
        assert_eq!(base.texts(late).await, [""; 0]);
        for (who, at) in [(&other, wrong), (&healthy, now)] {
            store.end_controller(who, at).await.unwrap();
        }
    }
}

async fn contacts_are_leased_by_the_server_s_clock(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let (store, now) = real(base).await;
    let early = now - 10.hours();
    let all = |holder, at| lease(&store, holder, fixture.campaign, 2, at);
    let (first, _) = all(&fixture.holder, now).await;
    assert_eq!(first.len(), 2);
    // Nobody gets what the first has, and what is due is due by the server's clock.
    let other = controller(&store, "other").await;
    let (theirs, _) = all(&other, now + 10.hours()).await;
    let (late, _) = all(&other, early).await;
    assert_eq!((theirs.len(), late.len()), (2, 2));
    assert!(!theirs.iter().any(|contact| first.contains(contact)));
    let (none, next) = all(&other, now + 10.hours()).await;
    assert_eq!(none, []);
    let Next::At(next) = next else {
        panic!("{next:?}")
    };
    let ends = next.duration_since(now);
    assert!(ends > SignedDuration::from_secs(85) && ends < SignedDuration::from_secs(120));
}

async fn nothing_that_has_happened_is_written_into_the_future(base: &Base) {
    let fixture = Fixture::of(base, 4).await;
    let (store, now) = real(base).await;
    let wrong = now + 10.hours();
    let (all, _) = lease(&store, &fixture.holder, fixture.campaign, 4, wrong).await;
    let hold = Settlement::Held {
        reason: aftertone::campaign::HeldReason::CallingHours,
        until: wrong + 1.hour(),
    };
    let refuse = Settlement::Refused(aftertone::campaign::RefusedReason::NoConsent);
    let writes = [
        fixture.start_of(&all[0], 1),
        fixture.start_of(&all[1], 2),
        fixture.ended(&all[0], 1, Outcome::Delivered, None),
        fixture.settle(&all[2], hold),
        fixture.settle(&all[3], refuse),
    ];
    let written = store.commit(&fixture.holder, &writes, wrong).await.unwrap();
    assert_eq!(written, [const { Written::Applied }; 5]);
    let own = ListName::new(OWN_LIST).unwrap();
    store.bar(&own, &[number(0)], None, wrong).await.unwrap();
    let made = campaign(&store, "late", wrong).await;
    import(&store, made, number(9), wrong).await;
    store.reorder(made, "{}", wrong).await.unwrap();
    let pause = OperatorCommand::Resume;
    store.order(made, pause, wrong).await.unwrap();
    store.end_controller(&fixture.holder, wrong).await.unwrap();
    let columns = [
        ("drops", "started_at"),
        ("drops", "ended_at"),
        ("contacts", "ended_at"),
        ("contacts", "was_due"),
        ("decisions", "at"),
        ("campaigns", "created_at"),
        ("campaigns", "changed_at"),
        ("imports", "began_at"),
        ("imports", "changed_at"),
        ("controllers", "ended_at"),
        ("pbxes", "seen_at"),
        ("do_not_call", "at"),
    ];
    for (table, column) in columns {
        let but = if (table, column) == ("contacts", "was_due") {
            "held IS NULL AND"
        } else {
            ""
        };
        let late = format!(
            "SELECT CAST({column} AS TEXT) FROM {table} WHERE {but} {column} > {}",
            Timestamp::now().as_microsecond()
        );
        let late = base.texts(late).await;
        assert!(late.is_empty(), "{table}.{column}: {late:?}");
    }
    // A time in the past is kept as it is given.
    let past = now - 1.hour();
    let made = campaign(&store, "early", past).await;
    let stored = store.campaigns(0).await.unwrap();
    let early = stored.iter().find(|row| row.id == made).unwrap();
    assert_eq!(early.created_at.duration_since(past).as_millis(), 0);
}

async fn import(store: &Store, campaign: CampaignId, number: PhoneNumber, now: Timestamp) {
    let source = Source {
        name: "list".to_owned(),
        size: 1,
        digest: "digest".to_owned(),
    };
    let mut importing = store.begin_import(campaign, &source, now).await.unwrap();
    (importing.bytes, importing.is_complete) = (1, true);
    let contact = NewContact {
        line: 2,
        number,
        name: None,
        zone: None,
        state: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: std::collections::BTreeMap::new(),
    };
    let contacts = [contact];
    let added = store.add_contacts(&importing, Across::Allow, &contacts, now);
    assert_eq!(added.await.unwrap().added, 1);
}

async fn every_write_of_a_controller_compares_the_clocks(base: &Base) {
    let (store, now) = real(base).await;
    let wrong = now + 10.hours();
    let is_compared = |what: &str| {
        let compared = store.compared().unwrap_or_else(|| panic!("{what}"));
        assert_eq!(compared.given, wrong, "{what}");
        let off = compared.server.duration_since(now).as_secs();
        assert!((0..60).contains(&off), "{what}: {off}");
        assert!(store.compared().is_none(), "{what}: once");
    };
    let holder = begin(&store, "one", wrong).await;
    is_compared("begin");
    store.renew(&holder, wrong).await.unwrap();
    is_compared("renew");
    store.adopt(&holder, &[], wrong).await.unwrap();
    is_compared("adopt");
    let fixture = Fixture::of(base, 1).await;
    let leased = store.lease(&holder, fixture.campaign, 1, HISTORY, wrong);
    let contact = leased.await.unwrap().0.remove(0).contact;
    is_compared("lease");
    let start = [fixture.start_of(&contact, 1)];
    store.commit(&holder, &start, wrong).await.unwrap();
    is_compared("commit");
    store.facts(&number(0), HISTORY, wrong).await.unwrap();
    is_compared("facts");
    let shown = Store::server_time(&base.place()).await.unwrap().unwrap();
    assert!(shown.duration_since(now) < SignedDuration::from_secs(60));
}

/// As a program wrote them that went by a wall clock that was ten hours ahead.
async fn leases_that_a_wrong_clock_has_written_are_bounded(base: &Base) {
    let fixture = Fixture::of(base, 2).await;
    let (all, _) = fixture.lease(2, 0).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 0).await,
        [Written::Applied]
    );
    let ten_hours = fixture.at(36_000).as_microsecond();
    base.run(format!("UPDATE controllers SET lease_ends = {ten_hours}"))
        .await;
    base.run(format!(
        "UPDATE contacts SET due_at = {ten_hours} WHERE stage = 'leased'"
    ))
    .await;
    let run = RunName::new("next").unwrap();
    let given = registration(&run, "pbx");
    let begun = fixture.store.begin_controller(&given, fixture.at(1));
    let next = begun.await.unwrap();
    let adopt = |seconds| fixture.store.adopt(&next, &[], fixture.at(seconds));
    assert_eq!(adopt(1).await.unwrap(), []);
    assert_eq!(
        adopt(30).await.unwrap(),
        [],
        "a lease that begins now ends later"
    );
    // The contact that was leased for ten hours is due when a lease would be.
    let other = controller(&fixture.store, "other").await;
    let leased = |seconds| {
        lease(
            &fixture.store,
            &other,
            fixture.campaign,
            2,
            fixture.at(seconds),
        )
    };
    assert_eq!(leased(90).await.0, []);
    assert_eq!(leased(92).await.0, [all[1].clone()]);
    // And the drop is taken over.
    let orphans = adopt(40).await.unwrap();
    assert_eq!(orphans.len(), 1);
    let alive = fixture.store.renew(&fixture.holder, fixture.at(41)).await;
    assert!(!alive.unwrap());
}

async fn drops_that_a_wrong_clock_has_written_count_as_of_this_moment(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    let start = [fixture.start_of(&all[0], 1)];
    assert_eq!(fixture.commit(&start, 36_000).await, [Written::Applied]);
    for (seconds, seen) in [(1, 1), (100, 100), (36_001, 36_000)] {
        let called = number(0);
        let facts = fixture.store.facts(&called, HISTORY, fixture.at(seconds));
        let starts = facts.await.unwrap().starts;
        let starts: Vec<_> = starts.iter().map(|start| start.at).collect();
        assert_eq!(starts, [fixture.at(seen)], "{seconds}");
    }
}
