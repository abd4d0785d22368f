//! Do-not-call lists, as authorities and clients hand them out.

use std::{borrow::Cow, collections::BTreeMap, io::Read};

use super::{
    Columns, Field, List, ListError, Reason, Reject, Row,
    contacts::{given, number},
    header::{is_like_a_number, names_a_number, plain, shown},
};
use crate::phone::{PhoneNumber, Rules};

/// A do-not-call list, open.
///
/// Numbers stand in one column, in E.164 or as they are dialled within the default region, or, as in the files of the
/// United States' registry (`202,5550101`), in two: area code and number. A header is not needed.
#[derive(Debug)]
pub struct DoNotCall<R> {
    list: List<R>,
    area: Option<usize>,
    number: usize,
    rules: Rules,
}

/// Some of its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The numbers.
    pub numbers: Vec<PhoneNumber>,
    /// The rows that are none.
    pub rejects: Vec<Reject>,
    /// How much of the list is passed, in bytes.
    pub bytes: u64,
}

impl<R: Read> DoNotCall<R> {
    /// Opens a list; `column` names the number's column where the header does not, by name or by position counted from 1.
    /// Numbers on it that cost extra are taken whatever the rules say of dialling them.
    ///
    /// # Errors
    /// [`ListError`] where it cannot be read, or does not tell where the number is.
    pub fn open(input: R, column: Option<&str>, rules: Rules) -> Result<Self, ListError> {
        let mut places = None;
        let list = List::with(input, |first| {
            let found = Places::find(first, column)?;
            let fields = BTreeMap::from([(Field::Number, found.number)]);
            let columns = Columns::new(first, fields, found.has_header);
            places = Some(found);
            Ok(columns)
        })?;
        let places = places.ok_or(ListError::Empty)?;
        Ok(Self {
            list,
            area: places.area,
            number: places.number,
            rules: Rules {
                allow_premium: true,
                ..rules
            },
        })
    }

    /// The next numbers, of at most so many rows; `None` at the end.
    ///
    /// # Errors
    /// [`ListError`] at the row where reading ends.
    pub fn batch(&mut self, at_most: usize) -> Result<Option<Numbers>, ListError> {
        let Some(batch) = self.list.batch(at_most)? else {
            return Ok(None);
        };
        let mut some = Numbers {
            bytes: batch.after().bytes,
            ..Numbers::default()
        };
        for row in batch.rows() {
            match self.read(row) {
                Ok(number) => some.numbers.push(number),
                Err(reason) => some.rejects.push(Reject {
                    line: row.line,
                    reason,
                }),
            }
        }
        Ok(Some(some))
    }

    fn read(&self, row: Row<'_>) -> Result<PhoneNumber, Reason> {
        self.list.columns().check_shape(row)?;
        let local = given(row, self.number);
        let text = match self.area.and_then(|area| given(row, area)) {
            Some(area) => Some(Cow::Owned(format!("{area}{}", local.unwrap_or_default()))),
            None => local,
        };
        number(text, self.rules)
    }
}

/// Where a number stands.
struct Places {
    area: Option<usize>,
    number: usize,
    has_header: bool,
}

impl Places {
    fn find(first: Row<'_>, column: Option<&str>) -> Result<Self, ListError> {
        let area = first
            .fields()
            .position(|name| AREA.contains(&plain(name).as_str()));
        let named = |at: &usize| {
            let name = first.get(*at).map(plain).unwrap_or_default();
            Some(*at) != area && (names_a_number(&name) || MORE.contains(&name.as_str()))
        };
        if let Some(column) = column {
            let name = first.fields().position(|name| plain(name) == plain(column));
            let position = || {
                column
                    .parse::<usize>()
                    .ok()?
                    .checked_sub(1)
                    .filter(|at| *at < first.len())
            };
            let number = name.or_else(position).ok_or_else(|| ListError::Unmapped {
                field: Field::Number,
                column: column.escape_debug().to_string(),
                found: shown(first.fields()),
            })?;
            return Ok(Self {
                area: area.filter(|area| *area != number),
                number,
                has_header: name.is_some() || !first.get(number).is_some_and(is_like_a_number),
            });
        }
        let columns: Vec<usize> = (0..first.len()).filter(named).collect();
        match columns[..] {
            [number] => {
                return Ok(Self {
                    area,
                    number,
                    has_header: true,
                });
            }
            [] => {}
            [_, ..] => {
                return Err(ListError::Ambiguous {
                    field: Field::Number,
                    columns: shown(columns.iter().filter_map(|at| first.get(*at))),
                });
            }
        }
        let of = |area, number| {
            Ok(Self {
                area,
                number,
                has_header: false,
            })
        };
        let fields: Vec<&str> = first.fields().map(str::trim).collect();
        match fields[..] {
            [only] if is_like_a_number(only) => of(None, 0),
            // `202,5550101`: three digits that no whole number has, and seven.
            [area, local, ..] if is_digits(area, 3) && is_digits(local, 7) => of(Some(0), 1),
            [] | [_, ..] if fields.iter().any(|field| is_like_a_number(field)) => {
                Err(ListError::NoHeader {
                    columns: fields.len(),
                })
            }
            [] | [_, ..] => Err(ListError::NoNumber {
                found: shown(first.fields()),
            }),
        }
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    digits.len() == count && digits.iter().all(u8::is_ascii_digit)
}

/// What the column of the area code is called.
const AREA: &[&str] = &["areacode", "area", "npa"];

/// What the column of the number is called on these lists alone.
const MORE: &[&str] = &[
    "local",
    "localnumber",
    "subscribernumber",
    "dnc",
    "donotcall",
    "blocked",
    "line",
];
