//! Many rows into a table at once: by COPY into PostgreSQL, and by statements of many rows into SQLite.

use std::sync::Arc;

use sqlx::{Arguments as _, AssertSqlSafe, Postgres, Sqlite, Transaction, sqlite::SqliteArguments};

use super::{error::Failure, sql::Arg, timely::timely};

/// Rows in little memory: their texts one behind the other, and a cell for each column of each row.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedRows {
    cells: Vec<Cell>,
    texts: String,
}

/// A whole number, a text's place, or none.
#[derive(Clone, Copy, Debug)]
enum Cell {
    Null,
    Int(i64),
    Text { from: u32, to: u32 },
}

/// One row of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedRow<'a> {
    cells: &'a [Cell],
    texts: &'a str,
}

/// What rows are put into.
#[derive(Debug)]
pub(super) struct BulkTable {
    pub(super) table: &'static str,
    /// Columns that have the same value in every row.
    pub(super) same: &'static [&'static str],
    /// The columns of the rows.
    pub(super) columns: &'static [&'static str],
    /// What SQLite does with a row whose key is there.
    pub(super) on_conflict: &'static str,
}

impl PackedRows {
    /// Adds a row; every one has the same columns.
    pub(super) fn push(&mut self, row: &[Arg<'_>]) {
        for arg in row {
            self.cells.push(match *arg {
                Arg::Int(None) | Arg::Text(None) => Cell::Null,
                Arg::Int(Some(value)) => Cell::Int(value),
                Arg::Text(Some(text)) => {
                    let from = self.end();
                    self.texts.push_str(text);
                    Cell::Text {
                        from,
                        to: self.end(),
                    }
                }
            });
        }
    }

    /// The rows, each of so many columns.
    pub(super) fn rows(&self, columns: usize) -> impl ExactSizeIterator<Item = PackedRow<'_>> {
        self.cells.chunks_exact(columns).map(|cells| PackedRow {
            cells,
            texts: &self.texts,
        })
    }

    fn end(&self) -> u32 {
        u32::try_from(self.texts.len()).expect("a batch of a list is far below 4 GB")
    }
}

impl<'a> PackedRow<'a> {
    /// What a column has; the first is 0.
    pub(super) fn get(self, column: usize) -> Arg<'a> {
        match self.cells[column] {
            Cell::Null => Arg::Text(None),
            Cell::Int(value) => Arg::Int(Some(value)),
            Cell::Text { from, to } => {
                let text = &self.texts[from as usize..to as usize];
                Arg::Text(Some(text))
            }
        }
    }

    fn args(self) -> impl Iterator<Item = Arg<'a>> {
        (0..self.cells.len()).map(move |column| self.get(column))
    }
}

/// Puts rows into SQLite, a hundred a statement; returns how many were new. While one statement runs the next one's
/// arguments are put together.
pub(super) async fn insert_sqlite(
    tx: &mut Transaction<'static, Sqlite>,
    into: &BulkTable,
    same: &[Arg<'_>],
    rows: &[PackedRow<'_>],
) -> Result<u64, Failure> {
    let mut new = 0;
    let full = Arc::new(into.insert(ROWS_AT_ONCE));
    let mut chunks = rows.chunks(ROWS_AT_ONCE);
    let arguments = |some: &[PackedRow<'_>]| Ok::<_, Failure>((some.len(), bind(same, some)?));
    let mut next = chunks.next().map(arguments).transpose()?;
    while let Some((rows, arguments_of_these)) = next {
        let is_full = rows == ROWS_AT_ONCE;
        let text = if is_full {
            Arc::clone(&full)
        } else {
            Arc::new(into.insert(rows))
        };
        // One of another number of rows is not asked for again.
        let query = sqlx::query_with(AssertSqlSafe(text), arguments_of_these).persistent(is_full);
        let prepare = async { chunks.next().map(arguments).transpose() };
        let (done, prepared) = tokio::join!(biased; query.execute(&mut **tx), prepare);
        new += done?.rows_affected();
        next = prepared?;
    }
    Ok(new)
}

/// The arguments of a statement for these rows. A text that the row before has too is not copied again.
fn bind(same: &[Arg<'_>], rows: &[PackedRow<'_>]) -> Result<SqliteArguments, Failure> {
    let columns = rows.first().map_or(0, |row| row.cells.len());
    let mut bound = SqliteArguments::default();
    bound.reserve(rows.len() * (same.len() + columns), 0);
    let mut before: Vec<Option<Arc<str>>> = vec![None; same.len() + columns];
    for row in rows {
        for (arg, before) in same.iter().copied().chain(row.args()).zip(&mut before) {
            let added = match arg {
                Arg::Int(value) => bound.add(value),
                Arg::Text(None) => bound.add(None::<i64>),
                Arg::Text(Some(text)) => {
                    let text = match before {
                        Some(known) if **known == *text => Arc::clone(known),
                        Some(_) | None => Arc::clone(before.insert(text.into())),
                    };
                    bound.add(text)
                }
            };
            added.map_err(|error| Failure::Database(sqlx::Error::Encode(error)))?;
        }
    }
    Ok(bound)
}

/// Puts rows into PostgreSQL; fails if a key is there.
pub(super) async fn copy_postgres(
    tx: &mut Transaction<'static, Postgres>,
    into: &BulkTable,
    same: &[Arg<'_>],
    rows: &[PackedRow<'_>],
) -> Result<u64, Failure> {
    timely(async {
        let mut copy = tx.copy_in_raw(&into.copy()).await?;
        let mut data = Vec::with_capacity(SENT_AT_ONCE + SENT_AT_ONCE / 4);
        data.extend_from_slice(COPY_HEADER);
        let columns = i16::try_from(same.len() + into.columns.len());
        let columns = columns.expect("a table has some dozens of columns");
        for row in rows {
            data.extend_from_slice(&columns.to_be_bytes());
            for arg in same.iter().copied().chain(row.args()) {
                encode(arg, &mut data);
            }
            if data.len() >= SENT_AT_ONCE {
                copy.send(data.as_slice()).await?;
                data.clear();
            }
        }
        data.extend_from_slice(COPY_END);
        copy.send(data.as_slice()).await?;
        copy.finish().await
    })
    .await
}

impl BulkTable {
    /// SQLite's statement for so many rows. Its parameters have no numbers, by which each would be looked for among all.
    ///
    /// `OR FAIL`, because a statement that could be taken back by itself would keep every page that it changes as it was. Its
    /// transaction is taken back if it fails.
    fn insert(&self, rows: usize) -> String {
        let columns = self.same.len() + self.columns.len();
        let row = format!("({})", vec!["?"; columns].join(", "));
        format!(
            "INSERT OR FAIL INTO {} ({}) VALUES {} {}",
            self.table,
            self.names(),
            vec![row; rows].join(", "),
            self.on_conflict
        )
    }

    fn copy(&self) -> String {
        format!(
            "COPY {} ({}) FROM STDIN (FORMAT binary)",
            self.table,
            self.names()
        )
    }

    fn names(&self) -> String {
        let all: Vec<_> = self.same.iter().chain(self.columns).copied().collect();
        all.join(", ")
    }
}

/// A field as the binary format of COPY has it: its length, and a whole number as `BIGINT` or a text.
fn encode(arg: Arg<'_>, data: &mut Vec<u8>) {
    match arg {
        Arg::Int(None) | Arg::Text(None) => data.extend_from_slice(&(-1_i32).to_be_bytes()),
        Arg::Int(Some(value)) => {
            data.extend_from_slice(&8_i32.to_be_bytes());
            data.extend_from_slice(&value.to_be_bytes());
        }
        Arg::Text(Some(text)) => {
            let length = i32::try_from(text.len()).expect("a field is far below 2 GB");
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(text.as_bytes());
        }
    }
}

/// Rows of a statement, which is prepared once.
const ROWS_AT_ONCE: usize = 100;

/// Bytes, about.
const SENT_AT_ONCE: usize = 256 * 1024;

/// The signature, no flags, and no more of a header: <https://www.postgresql.org/docs/current/sql-copy.html>.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_END: &[u8] = &(-1_i16).to_be_bytes();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::args;

    const PEOPLE: BulkTable = BulkTable {
        table: "people",
        same: &["town"],
        columns: &["number", "name"],
        on_conflict: "ON CONFLICT (number) DO NOTHING",
    };

    #[test]
    fn rows_are_read_as_they_were_packed() {
        let mut rows = PackedRows::default();
        rows.push(args![7, "Ann"]);
        rows.push(args![i64::MIN, None::<&str>]);
        rows.push(args![None::<i64>, ""]);
        let told: Vec<_> = rows
            .rows(2)
            .map(|row| format!("{:?} {:?}", row.get(0), row.get(1)))
            .collect();
        assert_eq!(
            told,
            [
                "Int(Some(7)) Text(Some(\"Ann\"))",
                "Int(Some(-9223372036854775808)) Text(None)",
                "Text(None) Text(Some(\"\"))",
            ]
        );
    }

    #[test]
    fn statements_name_every_column_once_and_what_is_the_same_first() {
        assert_eq!(
            PEOPLE.insert(2),
            "INSERT OR FAIL INTO people (town, number, name) VALUES (?, ?, ?), (?, ?, ?) \
             ON CONFLICT (number) DO NOTHING"
        );
        assert_eq!(
            PEOPLE.copy(),
            "COPY people (town, number, name) FROM STDIN (FORMAT binary)"
        );
    }

    #[test]
    fn fields_are_encoded_with_their_length() {
        let mut data = Vec::new();
        encode(Arg::from(1), &mut data);
        encode(Arg::from("ä"), &mut data);
        encode(Arg::from(None::<&str>), &mut data);
        assert_eq!(
            data,
            [
                0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0xa4, 255, 255, 255, 255
            ]
        );
        assert_eq!(COPY_HEADER.len(), 19);
    }
}
