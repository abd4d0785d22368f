//! The first rows of a list as they are written, with what each column is taken for: also if it does not say which one is the
//! number.

use std::io::{Read, Seek, SeekFrom};

use super::{Batch, Columns, Field, List, ListError, Mapping, reject::OWN_COLUMNS};

/// The first rows of a list.
#[derive(Debug)]
pub struct ListPreview {
    /// What its columns are taken for; without a number if it does not say which one that is.
    pub columns: Columns,
    /// Why it cannot be taken in like this: what it says of its columns does not suffice.
    pub fault: Option<ListError>,
    /// How many rows above the header are skipped.
    pub title_rows: u64,
    /// The byte between two columns.
    pub delimiter: u8,
    /// The rows.
    pub rows: Batch,
}

impl ListPreview {
    /// Reads the first rows of a list, at most so many.
    ///
    /// # Errors
    /// [`ListError`] if it cannot be read, or is no list, whichever column is what.
    pub fn read<R: Read + Seek>(
        mut input: R,
        mapping: &Mapping,
        at_most: usize,
    ) -> Result<Self, ListError> {
        match List::open(&mut input, mapping) {
            Ok(list) => Self::of(list, None, at_most),
            Err(error) if error.is_of_columns() => {
                input.seek(SeekFrom::Start(0)).map_err(ListError::Read)?;
                let list = List::with(
                    input,
                    |row| mapping.names_in(row),
                    |first, _| Ok(Columns::guessed(first)),
                )?;
                Self::of(list, Some(error), at_most)
            }
            Err(error) => Err(error),
        }
    }

    fn of<R: Read>(
        mut list: List<R>,
        fault: Option<ListError>,
        at_most: usize,
    ) -> Result<Self, ListError> {
        Ok(Self {
            columns: list.columns().clone(),
            fault,
            title_rows: list.title_rows(),
            delimiter: list.delimiter(),
            rows: list.batch(at_most)?.unwrap_or_default(),
        })
    }

    /// What each column is taken for, in their order.
    pub fn uses(&self) -> Vec<ColumnUse> {
        let names = self.columns.names().iter().enumerate();
        names
            .map(|(at, name)| {
                let fields = Field::ALL.into_iter();
                let mut taken = fields.filter(|field| self.columns.of(*field) == Some(at));
                match taken.next() {
                    Some(field) => ColumnUse::Field(field),
                    None if OWN_COLUMNS.contains(&name.as_str()) => ColumnUse::LeftOut,
                    None => ColumnUse::Kept,
                }
            })
            .collect()
    }
}

/// What a column is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnUse {
    /// For a field.
    Field(Field),
    /// For something of the user's own, which is kept by the column's name.
    Kept,
    /// For what a file of rejects says beside its rows, which is not taken in.
    LeftOut,
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str, map: &[&str]) -> ListPreview {
        let mut mapping = Mapping::default();
        for one in map {
            mapping.add(one).unwrap();
        }
        ListPreview::read(Cursor::new(text.to_owned()), &mapping, 2).unwrap()
    }

    #[test]
    fn the_first_rows_are_there_with_what_each_column_is_taken_for() {
        let list = "phone,Zone,id,Plan,rejected_line\n1,2,3,4,5\n6,7,8,9,10\n11,,,,\n";
        let preview = read(list, &[]);
        assert!(preview.fault.is_none());
        assert_eq!(preview.rows.len(), 2);
        assert_eq!(
            preview.uses(),
            [
                ColumnUse::Field(Field::Number),
                ColumnUse::Field(Field::Timezone),
                ColumnUse::Field(Field::ForeignId),
                ColumnUse::Kept,
                ColumnUse::LeftOut,
            ]
        );
    }

    #[test]
    fn a_list_that_does_not_say_which_column_is_the_number_is_shown_and_says_so() {
        let list = "Telefon;Name;Plan\n+12025550101;Ann;gold\n";
        let preview = read(list, &[]);
        assert!(matches!(preview.fault, Some(ListError::NoNumber { .. })));
        assert_eq!(preview.columns.names(), ["Telefon", "Name", "Plan"]);
        assert_eq!(
            preview.uses(),
            [
                ColumnUse::Kept,
                ColumnUse::Field(Field::Name),
                ColumnUse::Kept
            ]
        );
        let row = preview.rows.row(0).unwrap();
        assert_eq!(row.get(0), Some("+12025550101"));
        assert!(read(list, &["number=Telefon"]).fault.is_none());
        // Two that could be it, and none of them is guessed.
        let two = read("phone,mobile\n+12025550101,+12025550102\n", &[]);
        assert!(matches!(two.fault, Some(ListError::Ambiguous { .. })));
        assert_eq!(two.uses(), [ColumnUse::Kept, ColumnUse::Kept]);
        // Without a header.
        let bare = read("+12025550101,Ann\n+12025550102,Bob\n", &[]);
        assert!(matches!(bare.fault, Some(ListError::NoHeader { .. })));
        assert_eq!(bare.columns.names(), ["column 1", "column 2"]);
        assert_eq!(bare.rows.len(), 2);
    }

    #[test]
    fn what_is_no_list_has_no_first_rows() {
        let none = ListPreview::read(Cursor::new(Vec::new()), &Mapping::default(), 2);
        assert!(matches!(none, Err(ListError::Empty)));
    }
}
