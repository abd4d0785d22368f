//! The store, on both databases: the same tests on each, every one with a database of its own.
//!
//! A PostgreSQL server is started for them on a free port, or on `POSTGRES_PORT`, and stopped at the end. Arguments are those of
//! any Rust test.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a panic is the report of a failure"
)]

mod adopt;
mod base;
mod callbacks;
mod campaigns;
mod clocks;
mod commit;
mod counts;
mod drafts;
mod erase;
mod events;
mod find_contacts;
mod first_release;
mod fixture;
mod fleet;
mod held;
mod intent_locks;
mod lease;
mod limits;
mod lists;
mod ordered;
mod overlap;
mod places;
mod pooler;
mod prompts;
mod prune;
mod read_only;
mod restored;
mod results;
mod rights;
mod storm;
mod told;
mod traces;
mod trouble;
mod upgrade;
mod uploads;
mod users;
mod webhooks;

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::base::{Base, Kind, Server};

/// The trials of a module: each of its functions on each of the databases named.
#[macro_export]
macro_rules! trials {
    ($server:expr, $kinds:expr, $($test:ident),+ $(,)?) => {{
        let mut all = Vec::new();
        $(for kind in $kinds {
            let server = std::sync::Arc::clone($server);
            let name = format!("{kind}::{}::{}", module_path!().trim_start_matches("store::"), stringify!($test));
            all.push($crate::trial(name, server, kind, |base| Box::pin($test(base))));
        })+
        all
    }};
}

type Test = for<'a> fn(&'a Base) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(crate) fn trial(name: String, server: Arc<Server>, kind: Kind, test: Test) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let base = Base::fresh(kind, &server).await;
            test(&base).await;
            base.remove().await;
        });
        Ok(())
    })
}

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let server = Arc::new(Server::default());
    let trials = [
        callbacks::trials(&server),
        campaigns::trials(&server),
        lease::trials(&server),
        commit::trials(&server),
        counts::trials(&server),
        intent_locks::trials(&server),
        adopt::trials(&server),
        find_contacts::trials(&server),
        fleet::trials(&server),
        limits::trials(&server),
        clocks::trials(&server),
        lists::trials(&server),
        places::trials(&server),
        held::trials(&server),
        told::trials(&server),
        ordered::trials(&server),
        overlap::trials(&server),
        pooler::trials(&server),
        prompts::trials(&server),
        prune::trials(&server),
        read_only::trials(&server),
        restored::trials(&server),
        results::trials(&server),
        rights::trials(&server),
        storm::trials(&server),
        upgrade::trials(&server),
        uploads::trials(&server),
        users::trials(&server),
        drafts::trials(&server),
        erase::trials(&server),
        traces::trials(&server),
        events::trials(&server),
        webhooks::trials(&server),
        trouble::trials(&server),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    // The server goes down before the program exits.
    server.down();
    conclusion.exit();
}
