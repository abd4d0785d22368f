//! Rows whose number the campaign has: a contact that was never called becomes what its newest row says.
//!
//! A contact that a controller has in hand is taken from it: its intent is fenced, and the gate is asked by what the row
//! says. One that was refused or is held is due again, unless its row says what it said before.

use std::collections::BTreeSet;

use super::Importing;
use crate::store::{
    StoreError,
    sql::{Sql, args, sql},
    transaction::Tx,
};

/// Lines whose numbers were in the campaign, each by what became of it.
#[derive(Debug, Default)]
pub(super) struct Refreshed {
    /// Lines that changed a contact.
    pub(super) updated: BTreeSet<u64>,
    /// Lines that say what was known.
    pub(super) unchanged: BTreeSet<u64>,
}

/// Updates the contacts of these rows that came by another list, or by none, and were never called. The rows are as the
/// statements take them; of several with one number the first is given.
pub(super) async fn refresh(
    tx: &mut Tx,
    importing: &Importing,
    given: &str,
    now: i64,
) -> Result<Refreshed, StoreError> {
    let given = args![given, importing.campaign.0, importing.id, now];
    let lines = |lines: Vec<(i64,)>| lines.into_iter().map(|(line,)| line.unsigned_abs());
    let updated = lines(tx.all(UPDATE, given).await?).collect();
    let unchanged = lines(tx.all(TAKE_OVER, &given[..3]).await?).collect();
    Ok(Refreshed { updated, unchanged })
}

/// By a row's number its contact is found, and by the contact's id it is changed. The limit, which is none, keeps SQLite from
/// looking at every contact for each row instead. What is asked of the contact is asked of the row that is changed, as it
/// is once other transactions have let it go.
///
/// The contacts that a row may change: whose number is given, that came by another import, and that were never called.
macro_rules! refreshing {
    ($set:literal, $and:literal) => {
        refreshing!($set, $and, $and)
    };
    ($set:literal, $sqlite:literal, $postgres:literal) => {
        sql!(
            $set,
            " FROM (SELECT given.*, old.id AS id FROM ",
            {
                line BIGINT,
                number BIGINT,
                name TEXT,
                zone TEXT,
                state TEXT,
                consent TEXT,
                consent_at BIGINT,
                consent_source TEXT,
                message TEXT,
                foreign_id TEXT,
                others TEXT
            },
            " CROSS JOIN contacts AS old WHERE old.number = given.number AND old.campaign = $2",
            [" LIMIT -1", ""],
            ") AS given WHERE contacts.id = given.id AND (contacts.import IS NULL OR contacts.import <> $3) \
             AND contacts.stage IN ('due', 'leased', 'refused') AND contacts.attempts = 0 \
             AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id)",
            [$sqlite, $postgres],
            " RETURNING contacts.line"
        )
    };
}

/// Its place among those that are due is the one it has, unless it was refused or held.
const UPDATE: Sql = refreshing!(
    "UPDATE contacts SET import = $3, line = given.line, name = given.name, zone = given.zone, state = given.state, \
     consent = given.consent, consent_at = given.consent_at, consent_source = given.consent_source, \
     message = given.message, foreign_id = given.foreign_id, others = given.others, \
     due_at = CASE WHEN contacts.stage = 'leased' THEN coalesce(contacts.was_due, $4) \
     WHEN contacts.stage = 'due' AND contacts.held IS NULL THEN contacts.due_at ELSE $4 END, \
     stage = 'due', holder = NULL, held = NULL, held_zone = NULL, refused = NULL, ended_at = NULL",
    " AND (contacts.name, contacts.zone, contacts.state, contacts.consent, contacts.consent_at, \
     contacts.consent_source, contacts.message, contacts.foreign_id, contacts.others) IS NOT \
     (given.name, given.zone, given.state, given.consent, given.consent_at, given.consent_source, given.message, \
     given.foreign_id, given.others)",
    " AND (contacts.name, contacts.zone, contacts.state, contacts.consent, contacts.consent_at, \
     contacts.consent_source, contacts.message, contacts.foreign_id, contacts.others) IS DISTINCT FROM \
     (given.name, given.zone, given.state, given.consent, given.consent_at, given.consent_source, given.message, \
     given.foreign_id, given.others)"
);

/// Those that are left say what was known: they belong to this list from here on, and stay as they are.
const TAKE_OVER: Sql = refreshing!("UPDATE contacts SET import = $3, line = given.line", "");
