//! What is taken off do-not-call lists, and the traces of it.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{count, names};
use crate::{
    cli::{
        CliError, Exit, database,
        operator::{self, Because},
        patience::patiently,
        printer::Printer,
    },
    phone::PhoneNumber,
    store::{AuditEntry, ListName, Removal, Store},
};

pub(super) async fn remove(
    store: &Store,
    list: &ListName,
    numbers: &[PhoneNumber],
    because: &Because,
    printer: Printer,
) -> Result<Exit, CliError> {
    let who = because.who();
    let by = because.operator(&who);
    let audited = store.audited(AuditEntry {
        after: Some(json!({"numbers": numbers.len(), "because": by.because}).to_string()),
        ..operator::by(
            &who,
            "do_not_call.remove",
            operator::of_numbers(list.as_str(), numbers),
        )
    });
    let unbar = || audited.unbar(list, numbers, by, database::now());
    let removed = patiently(printer, unbar).await?;
    printer.line(&format!(
        "{} removed from `{}`",
        count(removed),
        list.as_str()
    ));
    for number in numbers {
        let barred = store.barred(number).await.map_err(database::trouble)?;
        if !barred.is_empty() {
            printer.warning(&format!("{number} is still on {}", names(&barred)));
        }
    }
    let refused = store.refused_as_barred(numbers).await;
    for campaign in refused.map_err(database::trouble)? {
        printer.hint(&still_refused(&campaign));
    }
    Ok(Exit::Success)
}

/// What to do about contacts that were refused for a list that they are not on any more.
fn still_refused(campaign: &str) -> String {
    format!(
        "`aftertone campaign requeue {campaign} --outcome refused:do_not_call` lets the gate decide anew on contacts that it refused for a do-not-call list"
    )
}

pub(super) async fn remove_list(
    store: &Store,
    list: &ListName,
    because: &Because,
    printer: Printer,
) -> Result<Exit, CliError> {
    let name = list.as_str();
    let known = store.lists().await.map_err(database::trouble)?;
    if !known.iter().any(|(known, _)| known == list) {
        return Err(CliError::new(anyhow!("there is no list `{name}`"))
            .hint("`aftertone dnc lists` shows the lists"));
    }
    let who = because.who();
    let by = because.operator(&who);
    let audited = store.audited(AuditEntry {
        after: Some(json!({"because": by.because}).to_string()),
        ..operator::by(&who, "do_not_call.remove", list.as_str())
    });
    let drop = || audited.drop_list(list, by, database::now());
    let removed = patiently(printer, drop).await?;
    printer.line(&format!("list `{name}` removed with {}", count(removed)));
    if removed > 0 {
        printer.hint(&still_refused("NAME"));
    }
    Ok(Exit::Success)
}

/// When something was removed, by whom and why: `at 2026-11-24T12:00:00Z by ann: asked to be called`.
pub(super) fn by_whom(removal: &Removal) -> String {
    let escaped = |text: &str| -> String { text.chars().flat_map(char::escape_debug).collect() };
    let because = removal.because.as_deref();
    let because = because.map_or_else(String::new, |because| format!(": {}", escaped(because)));
    format!("at {} by {}{because}", removal.at, escaped(&removal.who))
}

pub(super) fn removal(removal: &Removal) -> Value {
    json!({
        "list": removal.list.as_str(),
        "at": removal.at,
        "by": removal.who,
        "because": removal.because,
    })
}

pub(super) async fn removed_lists(
    store: &Store,
    json: bool,
    printer: Printer,
) -> Result<Exit, CliError> {
    let removals = store.list_removals().await.map_err(database::trouble)?;
    if json {
        let objects = removals.iter().map(|removed| {
            let mut object = removal(removed);
            object["numbers"] = json!(removed.numbers);
            object
        });
        printer.json(&objects.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    for removed in &removals {
        let (list, numbers) = (removed.list.as_str(), count(removed.numbers));
        let by = by_whom(removed);
        printer.line(&format!("{list}: removed with {numbers} {by}"));
    }
    Ok(Exit::Success)
}
