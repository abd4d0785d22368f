//! Contacts to be added, packed.

use std::collections::BTreeMap;

use super::{NewContact, count};
use crate::{
    campaign::policy::CallingPlace,
    store::{
        bulk::{BulkTable, PackedRow, PackedRows},
        codec,
        sql::{Arg, args},
    },
};

/// Contacts to be added, in a tenth of the memory that as many [`NewContact`]s take.
#[derive(Clone, Debug, Default)]
pub struct PackedContacts {
    rows: PackedRows,
    count: usize,
    /// Their places: their texts by their numbers.
    places: BTreeMap<i64, String>,
}

impl PackedContacts {
    /// Adds one behind the others.
    pub fn push(&mut self, contact: &NewContact) {
        let consent = contact.consent.as_ref();
        let others = (!contact.others.is_empty()).then(|| {
            let others = serde_json::to_string(&contact.others);
            others.expect("texts by texts are JSON")
        });
        self.count += 1;
        self.rows.push(args![
            codec::number(&contact.number),
            count(contact.line),
            contact.name.as_deref(),
            contact.zone.as_deref(),
            contact.state.as_deref(),
            consent.map(|consent| codec::consent_slug(consent.kind)),
            consent.and_then(|consent| consent.at).map(codec::micros),
            consent.and_then(|consent| consent.source.as_deref()),
            contact.message.as_deref(),
            contact.foreign_id.as_deref(),
            others.as_deref(),
            contact.place.as_deref().map_or(0, CallingPlace::key),
        ]);
        if let Some(place) = contact.place.as_deref() {
            let text = self.places.entry(place.key());
            text.or_insert_with(|| place.as_str().to_owned());
        }
    }

    /// The places of contacts: their texts by their numbers.
    pub(super) const fn places(&self) -> &BTreeMap<i64, String> {
        &self.places
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their rows, as [`CONTACTS`] has their columns.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = PackedRow<'_>> {
        self.rows.rows(CONTACTS.columns.len())
    }
}

impl<'a> FromIterator<&'a NewContact> for PackedContacts {
    fn from_iter<T: IntoIterator<Item = &'a NewContact>>(contacts: T) -> Self {
        let mut packed = Self::default();
        for contact in contacts {
            packed.push(contact);
        }
        packed
    }
}

/// The number and the line of a contact.
pub(super) fn number_and_line(row: PackedRow<'_>) -> (i64, u64) {
    (int(row, 0), int(row, 1).unsigned_abs())
}

/// The place of a contact; 0 if it is not known.
pub(super) fn place(row: PackedRow<'_>) -> i64 {
    int(row, CONTACTS.columns.len() - 1)
}

fn int(row: PackedRow<'_>, column: usize) -> i64 {
    match row.get(column) {
        Arg::Int(Some(value)) => value,
        Arg::Int(None) | Arg::Text(_) => 0,
    }
}

pub(super) const CONTACTS: BulkTable = BulkTable {
    table: "contacts",
    same: &["campaign", "import", "due_at"],
    columns: &[
        // Some are found by where they are: see above.
        "number",
        "line",
        "name",
        "zone",
        "state",
        "consent",
        "consent_at",
        "consent_source",
        "message",
        "foreign_id",
        "others",
        "place",
    ],
    on_conflict: "ON CONFLICT (number, campaign) DO NOTHING",
};
