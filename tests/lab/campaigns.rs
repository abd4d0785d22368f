//! Campaigns through the real program: who was rung, when, how often and with what, as the carrier saw it.

mod carrier;
mod contacts;
mod database;
mod judge;
pub(crate) mod program;
mod storm;
mod three_hundred_contacts;
mod two_controllers;

use std::sync::Arc;

use libtest_mimic::Trial;

use self::storm::{HUNDRED, SIX, Storm, THREE_HUNDRED, TWENTY};
use crate::Bench;

/// Those that run beside each other: it is no matter of milliseconds when what is killed, and who is rung by whom.
pub(crate) fn beside(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = || Arc::clone(bench);
    let (sqlite, postgres, killed, frozen) = (bench(), bench(), bench(), bench());
    vec![
        Trial::test(
            "campaigns::controller_database_and_pbx_are_killed_again_and_again",
            move || {
                let storm = Storm {
                    name: "storm",
                    postgres: true,
                    kinds: THREE_HUNDRED,
                    blows: TWENTY,
                };
                postgres.shared(|| storm.pass())
            },
        ),
        Trial::test(
            "campaigns::a_controller_on_sqlite_is_killed_again_and_again",
            move || {
                let storm = Storm {
                    name: "squall",
                    postgres: false,
                    kinds: HUNDRED,
                    blows: SIX,
                };
                sqlite.shared(|| storm.pass())
            },
        ),
        Trial::test(
            "campaigns::two_controllers_share_a_campaign_and_one_is_killed",
            move || killed.shared(two_controllers::one_is_killed),
        ),
        Trial::test(
            "campaigns::two_controllers_share_a_campaign_and_one_is_frozen",
            move || frozen.shared(two_controllers::one_is_frozen),
        ),
        Trial::test("campaigns::the_carriers_log_is_read", || {
            carrier::tests::the_log_is_read()
        }),
    ]
}

/// Those that need the machine for themselves.
pub(crate) fn alone(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = Arc::clone(bench);
    vec![Trial::test(
        "campaigns::three_hundred_contacts_each_come_to_their_end",
        move || bench.alone(three_hundred_contacts::pass),
    )]
}
