//! Contacts that are given as JSON, as the rows of a list of which every column is known, whatever the columns are called.

use std::{collections::BTreeSet, io};

use crate::{
    list::{Field, Writer},
    orders::ContactFields,
};

/// The columns of such a list: one for each field, and behind them all others.
#[derive(Clone, Debug)]
pub(super) struct ContactRows {
    others: Vec<String>,
    /// The same, to be looked up.
    known: BTreeSet<String>,
}

impl ContactRows {
    /// A list with these columns beside the fields. With [`PARTS`] among them messages can say what a name is put together from.
    pub(super) fn with(others: impl IntoIterator<Item = String>) -> Self {
        let others: Vec<_> = others.into_iter().collect();
        let known = others.iter().cloned().collect();
        Self { others, known }
    }

    /// Whether it has such a column beside the fields.
    pub(super) fn has(&self, other: &str) -> bool {
        self.known.contains(other)
    }

    /// Writes the header.
    ///
    /// # Errors
    /// What the output says.
    pub(super) fn write_head<W: io::Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let mut names: Vec<&str> = fields().map(Field::slug).collect();
        names.extend(self.others.iter().map(String::as_str));
        writer.record(&names)
    }

    /// Writes a contact.
    ///
    /// # Errors
    /// What the output says.
    pub(super) fn write<W: io::Write>(
        &self,
        contact: &ContactFields,
        writer: &mut Writer<W>,
    ) -> io::Result<()> {
        let both = PARTS.map(|part| contact.of(part)).join(" ");
        let own = fields().map(|field| match contact.of(field.slug()) {
            "" if field == Field::Name => both.trim(),
            text => text,
        });
        let others = self
            .others
            .iter()
            .map(|name| match contact.others.get(name) {
                Some(text) => text.as_str(),
                None if PARTS.contains(&name.as_str()) => contact.of(name),
                None => "",
            });
        let row: Vec<&str> = own.chain(others).collect();
        writer.record(&row)
    }
}

/// Which column is what, as a mapping has it: by its place, so that no other is taken for it, whatever it is called.
pub(super) fn mapping() -> Vec<String> {
    let places = fields().enumerate();
    let places = places.map(|(at, field)| format!("{}={}", field.slug(), at + 1));
    let none = PARTS.into_iter().map(|part| format!("{part}="));
    places.chain(none).collect()
}

/// The member that holds a NUL character, which no list has, as a JSON pointer of it; `None` if none does.
pub(super) fn nul_in(contact: &ContactFields) -> Option<String> {
    let fields = contact.fields.iter().map(|member| ("", member));
    let others = contact.others.iter().map(|member| ("/columns", member));
    let mut all = fields.chain(others);
    let found = all.find(|(_, (name, text))| name.contains('\0') || text.contains('\0'));
    found.map(|(within, (name, _))| {
        let name = name.replace('~', "~0").replace('/', "~1");
        format!("{within}/{}", name.escape_debug())
    })
}

/// The fields that have a column. A name is put together here: a list that has names has no first and last ones.
fn fields() -> impl Iterator<Item = Field> {
    let all = Field::ALL.into_iter();
    all.filter(|field| !PARTS.contains(&field.slug()))
}

/// What a name is put together from.
pub(super) const PARTS: [&str; 2] = [Field::FirstName.slug(), Field::LastName.slug()];

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::list::{List, Mapping};

    #[test]
    fn no_column_is_taken_for_another_whatever_it_is_called() {
        let names = ["Phone", "Mobile", "Surname", "Family name", "id", "number"];
        let rows = ContactRows::with(names.map(str::to_owned));
        let mut writer = Writer::new(Vec::new());
        rows.write_head(&mut writer).unwrap();
        let mut map = Mapping::default();
        for text in mapping() {
            map.add(&text).unwrap();
        }
        let list = List::open(Cursor::new(writer.finish().unwrap()), &map).unwrap();
        for (at, field) in fields().enumerate() {
            assert_eq!(list.columns().of(field), Some(at));
        }
        for part in [Field::FirstName, Field::LastName] {
            assert_eq!(list.columns().of(part), None);
        }
    }
}
