//! Contacts that are given one by one: read as the rows of a list are.

use std::{collections::BTreeSet, io::Cursor};

use crate::{
    campaign::policy::CallingPlace,
    import::is_message,
    list::{ContactRules, Field, List, ListError, Mapping, Writer},
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
    match as_list(contacts) {
        Ok(list) => read_list(list, contacts.len(), rules),
        Err(_) => contacts
            .iter()
            .map(|_| Err(reject("empty", "it cannot be read")))
            .collect(),
    }
}

/// The contacts as a list: a column for each field, and those of others behind them.
fn as_list(contacts: &[ContactFields]) -> Result<List<Cursor<Vec<u8>>>, ListError> {
    let fields = || {
        let all = Field::ALL.into_iter();
        // Put together here: a list that has names has no first and last ones.
        all.filter(|field| !matches!(field, Field::FirstName | Field::LastName))
    };
    let others: BTreeSet<&str> = contacts
        .iter()
        .flat_map(|contact| contact.others.keys())
        .map(String::as_str)
        .collect();
    let mut writer = Writer::new(Vec::new());
    let mut head: Vec<&str> = others.iter().copied().collect();
    for (at, field) in fields().enumerate() {
        head.insert(at, field.slug());
    }
    let mut written = writer.record(&head);
    for contact in contacts {
        let (first, last) = (contact.of("first_name"), contact.of("last_name"));
        let both = format!("{first} {last}");
        let own = fields().map(|field| match contact.of(field.slug()) {
            "" if field == Field::Name => both.trim(),
            text => text,
        });
        let columns = others
            .iter()
            .map(|name| contact.others.get(*name).map_or("", String::as_str));
        let row: Vec<&str> = own.chain(columns).collect();
        written = written.and_then(|()| writer.record(&row));
    }
    let bytes = written.and_then(|()| writer.finish());
    let bytes = bytes.map_err(ListError::Read)?;
    let mut mapping = Mapping::default();
    for (at, field) in fields().enumerate() {
        // By its place, so that no column of others is taken for it.
        let added = mapping.add(&format!("{}={}", field.slug(), at + 1));
        debug_assert!(added.is_ok(), "a field has one place");
    }
    for field in [Field::FirstName, Field::LastName] {
        let added = mapping.add(&format!("{}=", field.slug()));
        debug_assert!(added.is_ok(), "it is taken from no column");
    }
    List::open(Cursor::new(bytes), &mapping)
}

fn read_list(
    mut list: List<Cursor<Vec<u8>>>,
    count: usize,
    rules: Rules,
) -> Vec<Result<NewContact, PutRow>> {
    let columns = list.columns().clone();
    let rules = ContactRules {
        phone: rules,
        dates: None,
        message: is_message,
    };
    let mut all = Vec::with_capacity(count);
    while let Ok(Some(batch)) = list.batch(1_000) {
        for row in batch.rows() {
            let line = all.len() as u64 + 1;
            all.push(match columns.contact(row, &rules) {
                Ok(row) => Ok(NewContact {
                    place: CallingPlace::of(&row.number, row.zone.as_deref(), row.state.as_deref())
                        .map(std::sync::Arc::new),
                    line,
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
    // Behind one at which reading ends, such as one that is too long, nothing is read.
    all.resize_with(count, || Err(reject("field_too_long", "it is too long")));
    all
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
