//! Contacts that are given one by one: read as the rows of a list are.

use std::{collections::BTreeSet, io::Cursor};

use super::contact_rows::{self, ContactRows, PARTS, nul_in};
use crate::{
    campaign::policy::CallingPlace,
    import::is_message,
    list::{ContactRules, List, ListError, Mapping, Writer},
    orders::{ContactFields, GivenContacts, PutRow},
    phone::Rules,
    store::{NewContact, PutOutcome, Store, StoreError},
};

/// Reads contacts and puts them into their campaign; says of each what became of it.
pub(super) async fn put(
    store: &Store,
    given: GivenContacts,
    rules: Rules,
) -> Result<Vec<PutRow>, StoreError> {
    let GivenContacts {
        campaign,
        across,
        contacts,
        audit,
    } = given;
    let mut rows: Vec<Option<PutRow>> = Vec::new();
    rows.resize_with(contacts.len(), || None);
    let (mut places, mut read) = (Vec::new(), Vec::new());
    for (at, found) in read_all(&contacts, rules).into_iter().enumerate() {
        match found {
            Ok(contact) => {
                places.push(at);
                read.push(contact);
            }
            Err(reject) => rows[at] = Some(reject),
        }
    }
    if !read.is_empty() {
        let store = store.audited(audit);
        let put = store
            .put_contacts(campaign, &read, across, super::wall())
            .await?;
        for (at, put) in places.into_iter().zip(put) {
            let (result, reason, detail) = words(put.outcome);
            rows[at] = Some(PutRow {
                result,
                contact: put.contact,
                reason,
                detail: detail.map(str::to_owned),
            });
        }
    }
    let unread = || reject("empty", "it cannot be read");
    Ok(rows
        .into_iter()
        .map(|row| row.unwrap_or_else(unread))
        .collect())
}

fn words(outcome: PutOutcome) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    let rejected = |reason, detail| ("rejected", Some(reason), Some(detail));
    match outcome {
        PutOutcome::Added => ("added", None, None),
        PutOutcome::Updated => ("updated", None, None),
        PutOutcome::Unchanged => ("unchanged", None, None),
        PutOutcome::Duplicate => {
            rejected("duplicate", "the number is given before in this request")
        }
        PutOutcome::AlreadyCalled => rejected(
            "already_called",
            "this campaign has called the number already",
        ),
        PutOutcome::Elsewhere => rejected("duplicate", "another campaign has the number"),
        PutOutcome::Erased => rejected(
            "erased",
            "everything about the person was erased, who is never to be called again",
        ),
    }
}

fn reject(reason: &'static str, detail: &str) -> PutRow {
    PutRow {
        result: "rejected",
        contact: None,
        reason: Some(reason),
        detail: Some(detail.to_owned()),
    }
}

/// Reads each as a row of a list of which every column is known.
fn read_all(contacts: &[ContactFields], rules: Rules) -> Vec<Result<NewContact, PutRow>> {
    let mut all: Vec<Option<_>> = contacts
        .iter()
        .map(|contact| Some(Err(with_nul(&nul_in(contact)?))))
        .collect();
    loop {
        // Behind one at which reading ends the others are read for themselves.
        let left: Vec<_> = (0..all.len()).filter(|at| all[*at].is_none()).collect();
        if left.is_empty() {
            return all.into_iter().flatten().collect();
        }
        let given: Vec<_> = left.iter().map(|at| &contacts[*at]).collect();
        for (at, read) in left.into_iter().zip(read_some(&given, rules)) {
            all[at] = Some(read.map(|contact| NewContact {
                line: at as u64 + 1,
                ..contact
            }));
        }
    }
}

fn with_nul(pointer: &str) -> PutRow {
    reject("nul", &format!("{pointer} holds a NUL character"))
}

/// Reads the first of these, and at least one: as many as can be read together, and the one at which that ends.
fn read_some(contacts: &[&ContactFields], rules: Rules) -> Vec<Result<NewContact, PutRow>> {
    let read = as_list(contacts).map_err(|error| (Vec::new(), error));
    let read = read.and_then(|list| read_list(list, rules));
    let (mut all, why) = match read {
        Ok(all) => (all, "it cannot be read".to_owned()),
        Err((all, error)) => (all, error.to_string()),
    };
    if all.len() < contacts.len() {
        all.push(Err(reject("unreadable", &why)));
    }
    all
}

/// The contacts as a list: a column for each field, and those of others behind them.
fn as_list(contacts: &[&ContactFields]) -> Result<List<Cursor<Vec<u8>>>, ListError> {
    let others: BTreeSet<&str> = contacts
        .iter()
        .flat_map(|contact| {
            let named = contact.others.keys().map(String::as_str);
            let parts = PARTS
                .into_iter()
                .filter(|part| !contact.of(part).is_empty());
            named.chain(parts)
        })
        .collect();
    let rows = ContactRows::with(others.into_iter().map(str::to_owned));
    let mut writer = Writer::new(Vec::new());
    let mut written = rows.write_head(&mut writer);
    for contact in contacts {
        written = written.and_then(|()| rows.write(contact, &mut writer));
    }
    let bytes = written.and_then(|()| writer.finish());
    let bytes = bytes.map_err(ListError::Read)?;
    let mut mapping = Mapping::default();
    for text in contact_rows::mapping() {
        let added = mapping.add(&text);
        debug_assert!(added.is_ok(), "a field has one place");
    }
    List::open(Cursor::new(bytes), &mapping)
}

/// What was read of a list, and, if that is not all of it, why it ends there.
type ReadContacts = Vec<Result<NewContact, PutRow>>;

fn read_list(
    mut list: List<Cursor<Vec<u8>>>,
    rules: Rules,
) -> Result<ReadContacts, (ReadContacts, ListError)> {
    let columns = list.columns().clone();
    let rules = ContactRules {
        phone: rules,
        dates: None,
        message: is_message,
    };
    let mut all = Vec::new();
    loop {
        let batch = match list.batch(1_000) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(all),
            Err(error) => return Err((all, error)),
        };
        for row in batch.rows() {
            all.push(match columns.contact(row, &rules) {
                Ok(row) => Ok(NewContact {
                    place: CallingPlace::of(&row.number, row.zone.as_deref(), row.state.as_deref())
                        .map(std::sync::Arc::new),
                    line: row.line,
                    number: row.number,
                    name: row.name,
                    zone: row.zone,
                    state: row.state,
                    consent: row.consent,
                    message: row.message,
                    foreign_id: row.foreign_id,
                    others: row.others,
                }),
                Err(reject) => Err(PutRow {
                    result: "rejected",
                    contact: None,
                    reason: Some(reject.reason.slug()),
                    detail: Some(reject.reason.to_string()),
                }),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_read_as_rows_are_and_in_their_order() {
        let given = [
            fields(
                &[
                    ("number", "+12025550101"),
                    ("name", "=Ann"),
                    ("state", "CA"),
                ],
                &[],
            ),
            fields(&[("number", "12"), ("first_name", "Eve")], &[]),
            fields(
                &[
                    ("number", "(202) 555-0102"),
                    ("first_name", "Bob"),
                    ("last_name", "Fox"),
                    ("consent", "written"),
                    ("consent_at", "2026-03-01"),
                ],
                &[
                    ("phone", "not a number"),
                    ("note", "two\nlines, \"quoted\""),
                ],
            ),
            fields(&[], &[]),
            fields(&[("number", "1.2E+10")], &[]),
            fields(&[("number", "+12025550103"), ("consent", "perhaps")], &[]),
        ];
        let read = read_all(&given, Rules::default());
        let told: Vec<_> = read
            .iter()
            .map(|read| match read {
                Ok(contact) => format!("{} {} {:?}", contact.line, contact.number, contact.name),
                Err(row) => row.reason.unwrap_or_default().to_owned(),
            })
            .collect();
        assert_eq!(
            told,
            [
                "1 +1202•••0101 Some(\"=Ann\")",
                "invalid_number",
                "3 +1202•••0102 Some(\"Bob Fox\")",
                "empty",
                "invalid_number",
                "unclear_consent",
            ]
        );
        let third = read[2].as_ref().unwrap();
        assert_eq!(third.others["note"], "two\nlines, \"quoted\"");
        assert_eq!(third.others["phone"], "not a number");
        assert!(third.consent.is_some());
        assert!(read[0].as_ref().unwrap().others.is_empty());
    }

    #[test]
    fn one_that_cannot_be_read_takes_no_other_with_it() {
        let mut given: Vec<_> = (0..10_000)
            .map(|n| {
                let number = format!("+1202555{:04}", n % 10_000);
                fields(&[("number", number.as_str())], &[("note", "x")])
            })
            .collect();
        given[2].fields.insert("name".to_owned(), "a\0".to_owned());
        given[5].others.insert("a/b".to_owned(), "\0".to_owned());
        let others = &mut given[7].others;
        others.insert("b\0".to_owned(), "x".to_owned());
        given[9]
            .others
            .insert("note".to_owned(), "x".repeat(70_000));
        let read = read_all(&given, Rules::default());
        assert_eq!(read.len(), given.len());
        let left_out: Vec<_> = (0..)
            .zip(&read)
            .filter_map(|(at, read)| {
                let row = read.as_ref().err()?;
                Some((at, row.reason?, row.detail.as_deref()?))
            })
            .take(4)
            .collect();
        assert_eq!(
            left_out,
            [
                (2, "nul", "/name holds a NUL character"),
                (5, "nul", "/columns/a~1b holds a NUL character"),
                (7, "nul", "/columns/b\\0 holds a NUL character"),
                (
                    9,
                    "field_too_long",
                    "a field is longer than 64 KiB; is there a quotation mark that is never closed?"
                ),
            ]
        );
        assert!(read[9_999].is_ok());
        assert_eq!(read[9_999].as_ref().unwrap().line, 10_000);
    }

    fn fields(own: &[(&str, &str)], others: &[(&str, &str)]) -> ContactFields {
        let owned = |all: &[(&str, &str)]| {
            all.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        ContactFields {
            fields: owned(own),
            others: owned(others),
        }
    }
}
