//! What is left in the free parts of an SQLite file: nothing of a person who was erased, and nobody who writes waits for that.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "it is measured, and said, how long somebody waits"
)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aftertone::store::ErasedPerson;
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        [Kind::Sqlite],
        no_page_of_the_file_has_a_trace_and_nobody_waits_for_that,
    )
}

/// A file of `ERASE_MB`, 16 unless it is said: in its pages are traces of all kinds, and others write while they go.
async fn no_page_of_the_file_has_a_trace_and_nobody_waits_for_that(base: &Base) {
    let megabytes = std::env::var("ERASE_MB").map_or(16, |given| given.parse().unwrap());
    let fixture = Fixture::of(base, 3).await;
    let person = number(0);
    let digits: u64 = person.digits().parse().unwrap();
    leave_traces(base, digits, megabytes).await;
    let paths = ["aftertone.db", "aftertone.db-wal"].map(|name| base.folder().join(name));
    let in_binary = digits.to_be_bytes()[2..].to_vec();
    let traces = [&b"Secret"[..], &in_binary];
    let count = |trace: &[u8]| {
        let files = paths.iter().map(|path| fs::read(path).unwrap_or_default());
        files
            .map(|file| {
                file.windows(trace.len())
                    .filter(|part| *part == trace)
                    .count()
            })
            .sum::<usize>()
    };
    for trace in traces {
        assert!(count(trace) > 1_000, "{}", count(trace));
    }

    let is_over = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(write_until(base.open().await, is_over.clone()));
    let began = Instant::now();
    let numbers = [person];
    let barred = fixture.store.bar_for_good(&numbers, None, fixture.at(1));
    assert!(barred.await.unwrap());
    let erased = fixture.store.erase(&numbers, fixture.at(1)).await.unwrap();
    assert!(matches!(erased, ErasedPerson::Done { contacts: 1, .. }));
    let took = began.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let (written, longest) = others.await.unwrap();
    let pages =
        "SELECT CAST(count(*) AS TEXT) FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
    assert_eq!(base.texts(pages).await, ["1"], "see .cargo/config.toml");
    let bytes = fs::metadata(&paths[0]).unwrap().len();
    eprintln!(
        "erased in {took:.1?} from {} MB, {written} transactions beside it, of which the slowest took {longest:.1?}",
        bytes / 1_000_000
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert!(written > 10, "{written}");

    for trace in traces {
        assert_eq!(count(trace), 0);
    }
    // All that was not the person's is as it was.
    assert_eq!(base.texts("PRAGMA integrity_check").await, ["ok"]);
    let changed = "SELECT CAST(count(*) AS TEXT) FROM scratch WHERE n <> id \
                   OR t <> 'kept' || printf('%.*c', id % 7 * 1500, 'x') || id OR length(b) <> 600";
    assert_eq!(base.texts(changed).await, ["0"]);
    // SQLite fills the pages that it has, free ones as well, and the file is one then as before.
    let more = "INSERT INTO scratch SELECT -id, -id, t, b FROM scratch LIMIT 2000";
    base.run(more).await;
    assert_eq!(base.texts("PRAGMA integrity_check").await, ["ok"]);
}

/// Writes as another program does, one transaction after the other; returns how many, and how long the slowest took.
async fn write_until(store: aftertone::store::Store, is_over: Arc<AtomicBool>) -> (u32, Duration) {
    let (mut written, mut longest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        store.ping().await.unwrap();
        longest = longest.max(began.elapsed());
        written += 1;
    }
    (written, longest)
}

/// A table whose rows were changed, moved and deleted: in an index, in rows that go beyond a page, in free pages.
async fn leave_traces(base: &Base, digits: u64, megabytes: u32) {
    let rows = megabytes * 90;
    base.run(format!(
        "PRAGMA secure_delete = OFF; \
         CREATE TABLE scratch (id INTEGER PRIMARY KEY, n INTEGER, t TEXT, b BLOB); \
         CREATE INDEX scratch_n ON scratch (n, t); \
         WITH RECURSIVE each (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM each WHERE id < {rows}) \
         INSERT INTO scratch SELECT id, {digits}, 'Secret' || printf('%.*c', id % 5 * 1700, 's') || 'Secret' || id, \
         randomblob(600) FROM each; \
         UPDATE scratch SET n = id, t = 'kept' || printf('%.*c', id % 7 * 1500, 'x') || id; \
         DELETE FROM scratch WHERE id % 11 IN (3, 4, 5) OR id > {rows} * 9 / 10"
    ))
    .await;
}
