//! CSV that is safe to open in a spreadsheet.

use std::{borrow::Cow, io};

/// Writes rows of CSV as RFC 4180 has them (lines end with CRLF), no cell of which can begin a formula.
///
/// Spreadsheets take a cell for a formula by its first character, quoted or not. So a `'` is put before `=`, `+`, `-`,
/// `@`, tab and NUL, as OWASP's ASVS 5.0 (1.2.10) asks, and before CR, LF and the full-width forms of the first four. Within a
/// cell one is put before `=`, `+`, `-`, `@` and NUL if they follow a delimiter, a quotation mark or the end of a line, for there a
/// spreadsheet that expects another delimiter would begin another cell.
///
/// A cell that is a sign and else only digits, dots, spaces and the dots of a masked number stays as it is: it can be
/// nothing but a number, and `+12025550101` stays one that can be dialled.
///
/// [`unguard`] takes off what was put there, so that nothing is lost on the way out and in again.
#[derive(Debug)]
pub struct Writer<W: io::Write> {
    out: io::BufWriter<W>,
    delimiter: u8,
    /// The line that is put together.
    line: Vec<u8>,
}

impl<W: io::Write> Writer<W> {
    /// Writes with commas.
    pub fn new(out: W) -> Self {
        Self::with_delimiter(out, b',')
    }

    /// Writes with another delimiter: semicolon, tab or pipe.
    pub fn with_delimiter(out: W, delimiter: u8) -> Self {
        Self {
            out: io::BufWriter::new(out),
            delimiter,
            line: Vec::new(),
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// What the output says.
    pub fn record(&mut self, fields: &[&str]) -> io::Result<()> {
        self.line.clear();
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                self.line.push(self.delimiter);
            }
            self.cell(field);
        }
        if self.line.is_empty() {
            // An empty line would be no row.
            self.line.extend(b"\"\"");
        }
        self.line.extend(b"\r\n");
        io::Write::write_all(&mut self.out, &self.line)
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut self.out)
    }

    /// Writes out what is held back, and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(self) -> io::Result<W> {
        self.out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }

    fn cell(&mut self, text: &str) {
        let guarded = guard(text);
        let is_plain = matches!(guarded, Cow::Borrowed(_))
            && !text
                .bytes()
                .any(|b| b.is_ascii_control() || SEPARATORS.contains(&b) || b == self.delimiter)
            && text.trim().len() == text.len()
            && !text.starts_with(BYTE_ORDER_MARK);
        if is_plain {
            self.line.extend(text.as_bytes());
            return;
        }
        self.line.push(b'"');
        for byte in guarded.bytes() {
            if byte == b'"' {
                self.line.push(b'"');
            }
            self.line.push(byte);
        }
        self.line.push(b'"');
    }
}

/// Puts a `'` wherever a formula could begin; see [`Writer`].
pub fn guard(text: &str) -> Cow<'_, str> {
    rewrite(
        text,
        |quotes, is_first| !(quotes == 0 && is_first && is_number(text)),
        true,
    )
}

/// Takes off what [`guard`] put there.
pub fn unguard(text: &str) -> Cow<'_, str> {
    if !text.contains('\'') {
        return Cow::Borrowed(text);
    }
    rewrite(text, |quotes, _| quotes > 0, false)
}

/// Goes to each place where a cell may begin and where, behind any `'`, a formula does. If `is_due` says so of how many
/// of these there are, and of whether it is the start of the text, one is put there or taken off.
fn rewrite(text: &str, is_due: impl Fn(usize, bool) -> bool, puts: bool) -> Cow<'_, str> {
    let mut made = String::new();
    let mut copied = 0;
    let mut places = std::iter::once(0).chain(
        text.bytes()
            .enumerate()
            .filter(|(_, byte)| SEPARATORS.contains(byte))
            .map(|(at, _)| at + 1),
    );
    for place in places.by_ref() {
        let rest = text[place..].trim_start_matches('\'');
        let quotes = text.len() - place - rest.len();
        let starts = rest.starts_with(FORMULA) || (place == 0 && rest.starts_with(CONTROL));
        if !starts || !is_due(quotes, place == 0) {
            continue;
        }
        made.push_str(&text[copied..place]);
        copied = place;
        if puts {
            made.push('\'');
        } else {
            copied += 1;
        }
    }
    if copied == 0 && made.is_empty() {
        return Cow::Borrowed(text);
    }
    made.push_str(&text[copied..]);
    Cow::Owned(made)
}

/// A sign, and nothing that could compute or name anything.
fn is_number(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    rest.chars().any(|c| c.is_ascii_digit())
        && rest
            .chars()
            .all(|c| c.is_ascii_digit() || ". •".contains(c))
}

/// What a formula begins with, full-width forms and NUL included.
const FORMULA: [char; 9] = ['=', '+', '-', '@', '\0', '＝', '＋', '－', '＠'];

/// What else must not begin a cell.
const CONTROL: [char; 3] = ['\t', '\r', '\n'];

/// Behind these another program may see another cell.
const SEPARATORS: &[u8] = b",;\t|\"\r\n";

const BYTE_ORDER_MARK: char = '\u{feff}';
