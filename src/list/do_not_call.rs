//! Do-not-call lists, as authorities and clients hand them out and as people keep them by hand.

use std::{borrow::Cow, collections::BTreeMap, io::Read};

use super::{
    Columns, Field, List, ListError, ListRow, Reason, cell::is_like_a_number, contacts::given,
    dialect::DELIMITERS, field::names_a_number, header::shown, reject::LeftOut, rows::FirstRows,
};
use crate::{
    phone::{Barring, NotBarred, PhoneNumber, Rules},
    words::plain,
};

/// A do-not-call list, open.
///
/// Numbers are in E.164 or as they are dialled within the default region, in one column or in several, or, as in the
/// files of the United States' registry (`202,5550101`), in two: area code and number. A header is not needed if there is
/// one column. A list is read generously: see [`Barring`].
#[derive(Debug)]
pub struct DoNotCall<R> {
    list: List<R>,
    columns: NumberColumns,
    /// Columns that look as if they held numbers, and are not read.
    not_taken: Vec<String>,
    rules: Rules,
}

/// Some of its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The numbers, in every spelling that dials them.
    pub numbers: Vec<PhoneNumber>,
    /// How many of them the list has, of other spellings not one.
    pub listed: u64,
    /// The rows that hold no number, or something beside a number that could not be read.
    pub rejects: Vec<LeftOut>,
    /// How much of the list is passed, in bytes.
    pub bytes: u64,
}

impl<R: Read> DoNotCall<R> {
    /// Opens a list; `columns` names the numbers' columns if the header does not, by name or by position counted from 1.
    /// Numbers on it that cost extra are taken whatever the rules say of dialling them.
    ///
    /// # Errors
    /// [`ListError`] if it cannot be read, or does not say where the number is.
    pub fn open(input: R, columns: &[String], rules: Rules) -> Result<Self, ListError> {
        let mut found = None;
        let names = |row: ListRow<'_>| {
            let is_named = |name: &str| columns.iter().any(|column| plain(column) == plain(name));
            let points = row.fields().map(|name| match is_strong(name) {
                _ if is_named(name) || names_a_number(name) => 2,
                is_strong => usize::from(is_strong),
            });
            points.sum()
        };
        let list = List::with(input, names, |first, rows| {
            let places = NumberColumns::find(first, rows, columns)?;
            let number = places.numbers.first().copied().unwrap_or_default();
            let fields = BTreeMap::from([(Field::Number, number)]);
            let columns = Columns::new(first, fields, places.has_header);
            found = Some(places);
            Ok(columns)
        })?;
        let columns = found.ok_or(ListError::Empty)?;
        let names = columns.not_taken.iter();
        let not_taken = names
            .filter_map(|at| list.columns().names().get(*at).cloned())
            .collect();
        Ok(Self {
            list,
            columns,
            not_taken,
            rules: rules.with_premium(),
        })
    }

    /// The names of columns that look as if they held numbers, by their name or by what is in them, and are not read.
    pub fn not_taken(&self) -> &[String] {
        &self.not_taken
    }

    /// The names of all columns.
    pub fn names(&self) -> &[String] {
        self.list.columns().names()
    }

    /// The byte between two columns.
    pub const fn delimiter(&self) -> u8 {
        self.list.delimiter()
    }

    /// How many rows above the header were skipped.
    pub const fn title_rows(&self) -> u64 {
        self.list.title_rows()
    }

    /// The next numbers, of at most so many rows; `None` at the end.
    ///
    /// # Errors
    /// [`ListError`] at the row at which reading ends.
    pub fn batch(&mut self, at_most: usize) -> Result<Option<Numbers>, ListError> {
        let Some(batch) = self.list.batch(at_most)? else {
            return Ok(None);
        };
        let mut some = Numbers {
            bytes: batch.after().bytes,
            ..Numbers::default()
        };
        for row in batch.rows() {
            let found = self.read(row);
            some.listed += found.numbers.len() as u64;
            some.numbers.extend(found.spellings());
            if let Some(reason) = self.left_out(row, found) {
                some.rejects.push(LeftOut {
                    line: row.line,
                    row: row.row,
                    reason,
                    fields: row.fields().map(str::to_owned).collect(),
                });
            }
        }
        Ok(Some(some))
    }

    /// Every number of a row.
    fn read(&self, row: ListRow<'_>) -> Barring {
        let mut all = Barring::default();
        let area = self.columns.area.and_then(|area| given(row, area));
        for at in &self.columns.numbers {
            let Some(text) = given(row, *at) else {
                continue;
            };
            let mut found = Barring::default();
            // An area code belongs to a number that has none.
            if let Some(area) = &area {
                let whole: Cow<'_, str> = Cow::Owned(format!("{area}{text}"));
                found = Barring::read(&whole, self.rules);
            }
            if found.numbers.is_empty() {
                found = Barring::read(&text, self.rules);
            }
            all.numbers.extend(found.numbers);
            // `n/a` in one column of several leaves nothing out.
            if text.bytes().any(|byte| byte.is_ascii_digit()) {
                all.left_out = all.left_out.or(found.left_out);
            }
        }
        // A separator between two numbers may be taken for one between columns.
        let behind = row.fields().skip(self.list.columns().names().len());
        // A quotation mark that is missing hides the rows behind it in a field.
        let hidden = row
            .fields()
            .filter(|field| row.has_lines() && self.list.columns().holds_rows(field))
            .flat_map(|field| field.split(['\r', '\n']).skip(1))
            .flat_map(|line| line.split(DELIMITERS.map(char::from)));
        for field in behind.chain(hidden) {
            if is_like_a_number(field) {
                all.numbers.extend(Barring::read(field, self.rules).numbers);
            }
        }
        all
    }

    /// Why a row is to be looked at, if it is.
    fn left_out(&self, row: ListRow<'_>, found: Barring) -> Option<Reason> {
        let is_spread = || {
            let mut behind = row.fields().skip(self.list.columns().names().len());
            behind.all(|field| field.trim().is_empty() || is_like_a_number(field))
        };
        if let Err(reason) = self.list.columns().check_shape(row) {
            let is_read = matches!(reason, Reason::Fields { found, expected } if found > expected);
            if reason == Reason::Empty {
                // Spreadsheets export rows with nothing in them.
                return None;
            }
            if !(is_read && is_spread() && !found.numbers.is_empty()) {
                return Some(reason);
            }
        }
        match found.left_out {
            Some(NotBarred::Number(error)) => Some(Reason::Number(error)),
            Some(NotBarred::Rounded) => Some(Reason::Shortened),
            None if found.numbers.is_empty() => {
                let none = Barring::read("", self.rules).left_out;
                match none {
                    Some(NotBarred::Number(error)) => Some(Reason::Number(error)),
                    Some(NotBarred::Rounded) | None => Some(Reason::Empty),
                }
            }
            None => None,
        }
    }
}

/// The places of numbers.
#[derive(Debug)]
struct NumberColumns {
    area: Option<usize>,
    /// At least one.
    numbers: Vec<usize>,
    not_taken: Vec<usize>,
    has_header: bool,
}

impl NumberColumns {
    fn find(first: ListRow<'_>, rows: &FirstRows, columns: &[String]) -> Result<Self, ListError> {
        let area = first
            .fields()
            .position(|name| AREA.contains(&plain(name).as_str()));
        let mut found = if columns.is_empty() {
            Self::by_their_names(first, rows, area)?
        } else {
            Self::as_named(first, columns, area)?
        };
        if found.has_header {
            found.not_taken = (0..first.len())
                .filter(|at| !found.numbers.contains(at) && Some(*at) != area)
                .filter(|at| {
                    let name = first.get(*at).unwrap_or_default();
                    let holds = rows.share(*at, |field| {
                        is_like_a_number(field) && !is_other(name, field)
                    });
                    is_strong(name) || is_weak(name) || holds >= MOST
                })
                .collect();
        }
        Ok(found)
    }

    /// The columns that the user named.
    fn as_named(
        first: ListRow<'_>,
        columns: &[String],
        area: Option<usize>,
    ) -> Result<Self, ListError> {
        let mut numbers = Vec::new();
        let mut has_header = !first.fields().any(is_like_a_number);
        for column in columns {
            let name = first.fields().position(|name| plain(name) == plain(column));
            let position = || {
                let position = column.parse::<usize>().ok()?.checked_sub(1);
                position.filter(|at| *at < first.len())
            };
            has_header |= name.is_some();
            let number = name.or_else(position).ok_or_else(|| ListError::Unmapped {
                field: Field::Number,
                column: column.escape_debug().to_string(),
                found: shown(first.fields()),
            })?;
            numbers.push(number);
        }
        Ok(Self {
            area: area.filter(|area| !numbers.contains(area)),
            numbers,
            not_taken: Vec::new(),
            has_header,
        })
    }

    /// The columns whose names say that they hold numbers; of a name that may say as well whether a person is barred, those
    /// that do hold them.
    fn by_their_names(
        first: ListRow<'_>,
        rows: &FirstRows,
        area: Option<usize>,
    ) -> Result<Self, ListError> {
        // A row with a number is no header, though a word in it may be a column's name: `2025550101,mobile`.
        let has_number = first.fields().any(is_like_a_number);
        let numbers: Vec<usize> = (0..first.len())
            .filter(|at| !has_number && Some(*at) != area)
            .filter(|at| {
                let name = first.get(*at).unwrap_or_default();
                is_strong(name)
                    || (is_weak(name) && (area.is_some() || rows.share(*at, has_digits) >= SOME))
            })
            .collect();
        if !numbers.is_empty() {
            return Ok(Self {
                area,
                numbers,
                not_taken: Vec::new(),
                has_header: true,
            });
        }
        let of = |area, number| {
            Ok(Self {
                area,
                numbers: vec![number],
                not_taken: Vec::new(),
                has_header: false,
            })
        };
        let fields: Vec<&str> = first.fields().map(str::trim).collect();
        match fields[..] {
            [only] if has_digits(only) => of(None, 0),
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

/// Whether a name says that its column holds numbers.
fn is_strong(name: &str) -> bool {
    if names_a_number(name) {
        return true;
    }
    let words = words(name);
    let is_number = |word: &str| {
        let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
        NUMBER_WORDS.contains(&stem) || NUMBER_STEMS.iter().any(|known| stem.starts_with(known))
    };
    let is_about = |word: &str| ABOUT_NUMBERS.contains(&word);
    words.iter().any(|word| is_number(word)) && !words.iter().any(|word| is_about(word))
}

/// Whether a name may say that its column holds numbers, or something about them.
fn is_weak(name: &str) -> bool {
    let name_words = words(name);
    let is_about =
        |word: &String| ABOUT_NUMBERS.contains(&word.as_str()) || IDS.contains(&word.as_str());
    MORE.contains(&plain(name).as_str())
        || (name_words.iter().any(|word| MORE.contains(&word.as_str()))
            && !name_words.iter().any(is_about))
}

/// Whether a field of a column with this name is something else that has the form of a number: an id, or a day.
fn is_other(name: &str, field: &str) -> bool {
    let is_id = |word: &String| IDS.contains(&word.as_str());
    words(name).iter().any(is_id)
        || field.trim().split(['-', '/', '.']).count() == 3 && field.trim().len() <= 10
}

/// The words of a name: `DNC_Home` and `dncHome` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a field has as many digits as a number.
fn has_digits(field: &str) -> bool {
    let digits = field.chars().filter(|c| c.is_numeric()).count();
    digits >= FEWEST_DIGITS
}

fn is_digits(text: &str, count: usize) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    digits.len() == count && digits.iter().all(u8::is_ascii_digit)
}

/// What the column of the area code is called.
const AREA: &[&str] = &["areacode", "area", "npa"];

/// What the columns of numbers are called on these lists alone.
const MORE: &[&str] = &[
    "local",
    "localnumber",
    "subscribernumber",
    "dnc",
    "donotcall",
    "blocked",
    "line",
    "home",
    "work",
    "fax",
    "number",
    "landline",
    "barred",
];

/// A word that says so of a column, in the languages that such lists come in.
const NUMBER_WORDS: &[&str] = &[
    "tel",
    "cell",
    "mobile",
    "mobil",
    "handy",
    "msisdn",
    "ani",
    "rufnummer",
    "movil",
    "móvil",
    "celular",
    "cellulare",
    "portable",
    "numero",
    "número",
    "numéro",
];

/// How such a word begins.
const NUMBER_STEMS: &[&str] = &[
    "phone",
    "telephone",
    "telefon",
    "téléphone",
    "teléfono",
    "telefoon",
    "cellphone",
    "mobilephone",
    "homephone",
    "workphone",
    "dncphone",
    "fon",
];

/// Words of columns that say something about a number.
const ABOUT_NUMBERS: &[&str] = &[
    "type",
    "status",
    "carrier",
    "date",
    "time",
    "at",
    "id",
    "reason",
    "source",
    "label",
    "name",
    "code",
    "ext",
    "extension",
    "country",
    "count",
    "valid",
    "flag",
    "note",
    "notes",
    "zone",
    "operator",
    "network",
    "state",
];

/// Words of columns whose digits are no telephone's.
const IDS: &[&str] = &[
    "id",
    "date",
    "time",
    "at",
    "zip",
    "postcode",
    "account",
    "order",
    "invoice",
    "ref",
    "ssn",
    "key",
    "reference",
    "created",
    "updated",
];

/// Fewest digits of a number.
const FEWEST_DIGITS: usize = 7;

/// Of a hundred fields that are not empty: as many as make a column one of numbers whose name does not say so, and one whose
/// name may.
const MOST: usize = 60;
const SOME: usize = 1;
