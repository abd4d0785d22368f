//! What the text of a cell looks like.

use crate::phone::clean;

/// Whether a field has the form of a number that is dialled, so that its row is no header.
pub(super) fn is_like_a_number(field: &str) -> bool {
    let Ok(field) = clean(field) else { return true };
    let digits = field.bytes().filter(u8::is_ascii_digit).count();
    digits >= FEWEST_DIGITS
        && field
            .bytes()
            .all(|b| b.is_ascii_digit() || b" -.()+".contains(&b))
}

/// Fewest digits of a number; see `phone`.
const FEWEST_DIGITS: usize = 7;
