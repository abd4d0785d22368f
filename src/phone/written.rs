//! Numbers as spreadsheets, CRMs and people write them, brought to a form that can be parsed.

use std::borrow::Cow;

use thiserror::Error;

/// Brings a number to the form that [`PhoneNumber::parse`](super::PhoneNumber::parse) takes, by what cannot be misread:
/// digits, spaces and dashes of other scripts become those of ASCII, characters that do not show are dropped, and so are
/// the wrappings of spreadsheets and links (`'…`, `="…"`, `tel:…`), separators of thousands, and decimals that are zero
/// (`2025550101.0`). Whatever else is in the text stays, for the parser to refuse.
///
/// # Errors
/// [`Rounded`] if the text is a decimal that may have lost digits, or may have won some.
pub fn clean(text: &str) -> Result<Cow<'_, str>, Rounded> {
    if is_plain(text) {
        return Ok(Cow::Borrowed(text));
    }
    let text = unwrapped(text);
    if let Some(exact) = scientific(&text) {
        return exact.map(Cow::Owned);
    }
    match decimal(&text) {
        Decimal::None => Ok(text),
        Decimal::Whole(whole) => Ok(Cow::Owned(whole)),
        Decimal::Unclear { .. } => Err(Rounded),
    }
}

/// A spreadsheet has turned a number into a decimal and rounded it: `1.20256E+10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the number was rounded")]
pub struct Rounded;

/// How a text is a decimal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decimal {
    /// It is none.
    None,
    /// It is one, and these are its digits before the point.
    Whole(String),
    /// It may be one. What follows the point may as well be the end of a number: `+49 30 90182.0`.
    Unclear {
        /// What is before the point.
        whole: String,
        /// Whether all behind the point are zeros.
        is_zero: bool,
    },
}

/// A text without wrappings, in ASCII as far as it has a form there.
pub(super) fn unwrapped(text: &str) -> Cow<'_, str> {
    let mut text: Cow<'_, str> = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter_map(in_ascii).collect())
    };
    loop {
        let inner = text.trim().trim_start_matches(['=', '\'']);
        let inner = match inner.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').unwrap_or(rest),
            None => inner,
        };
        let inner = without_scheme(inner.trim());
        if inner.len() == text.len() {
            return text;
        }
        text = Cow::Owned(inner.to_owned());
    }
}

/// Digits that were written as a power of ten: `4.930901820E+09`. `None` if the text is no such thing.
pub(super) fn scientific(text: &str) -> Option<Result<String, Rounded>> {
    let (mantissa, power) = text.split_once(['E', 'e'])?;
    let (sign, mantissa) = match mantissa.strip_prefix('+') {
        Some(mantissa) => ("+", mantissa),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let power = power.strip_prefix('+').unwrap_or(power);
    if !is_digits(whole) || !is_digits(power) || !(fraction.is_empty() || is_digits(fraction)) {
        return None;
    }
    let exact = power
        .parse::<usize>()
        .ok()
        .filter(|power| *power <= fraction.len() && whole.len() + power >= FEWEST_DIGITS)
        .filter(|power| fraction[*power..].bytes().all(|byte| byte == b'0'));
    Some(match exact {
        Some(power) => Ok(format!("{sign}{whole}{}", &fraction[..power])),
        None => Err(Rounded),
    })
}

/// Finds out whether a text is a decimal. A separator that may be a decimal point never adds a digit to a number.
pub(super) fn decimal(text: &str) -> Decimal {
    let Some(at) = text.rfind(['.', ',']) else {
        return grouped(text).map_or(Decimal::None, Decimal::Whole);
    };
    let (whole, fraction) = (&text[..at], &text[at + 1..]);
    let point = &text[at..=at];
    if !is_digits(fraction) {
        return Decimal::None;
    }
    if whole.contains(point) {
        // Groups of digits, such as `01.23.45.67.00`; commas are taken away if they part thousands.
        return match grouped(text).filter(|_| point == ",") {
            Some(digits) => Decimal::Whole(digits),
            None => Decimal::None,
        };
    }
    let digits = whole.bytes().filter(u8::is_ascii_digit).count();
    if digits < FEWEST_DIGITS {
        return Decimal::None;
    }
    let is_zero = fraction.bytes().all(|byte| byte == b'0');
    let is_short = fraction.len() <= 2;
    if is_digits(whole.strip_prefix('+').unwrap_or(whole)) {
        let whole = whole.to_owned();
        return match is_zero {
            true => Decimal::Whole(whole),
            false if is_short || (digits >= 10 && fraction.len() < FEWEST_DIGITS) => {
                Decimal::Unclear { whole, is_zero }
            }
            false => Decimal::None,
        };
    }
    match grouped(whole) {
        Some(whole) if is_short && is_zero => Decimal::Whole(whole),
        Some(whole) if is_short => Decimal::Unclear { whole, is_zero },
        None if is_short && is_zero => Decimal::Unclear {
            whole: whole.to_owned(),
            is_zero,
        },
        Some(_) | None => Decimal::None,
    }
}

/// The digits of a number whose thousands are parted by one separator that no phone number has: `2,025,550,101`.
fn grouped(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('+') {
        Some(digits) => ("+", digits),
        None => ("", text),
    };
    let separator = digits.chars().find(|c| !c.is_ascii_digit())?;
    if !",.'_ ".contains(separator) {
        return None;
    }
    let mut groups = digits.split(separator);
    let first = groups.next().filter(|first| first.len() <= 3)?;
    let is_grouped = is_digits(first) && groups.all(|group| group.len() == 3 && is_digits(group));
    let digits: String = digits.split(separator).collect();
    (is_grouped && digits.len() >= FEWEST_DIGITS).then(|| format!("{sign}{digits}"))
}

/// Whether nothing is to be cleaned: digits in groups, and no point that could be a decimal one.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || b" -()+".contains(&b))
}

fn without_scheme(text: &str) -> &str {
    let Some((scheme, rest)) = text.split_once(':') else {
        return text;
    };
    let is_known = SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    if is_known {
        rest.trim_start_matches('/').trim_start()
    } else {
        text
    }
}

/// A character as ASCII has it; `None` if it does not show.
fn in_ascii(c: char) -> Option<char> {
    let code = u32::from(c);
    let digit = ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10));
    if let Some(digit) = digit {
        return char::from_digit(digit, 10);
    }
    match c {
        // What formats text, chooses between glyphs or combines with them (general categories Cf and Mn).
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{20e3}' => {
            None
        }
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' => None,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
        // Dashes (general category Pd) and the minus sign.
        '\u{58a}' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{301c}' => Some('-'),
        '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{2018}' | '\u{2019}' | '\u{2032}' => Some('\''),
        '\u{201c}'..='\u{201e}' => Some('"'),
        '\u{2024}' => Some('.'),
        '\u{2044}' | '\u{2215}' => Some('/'),
        '\u{3001}' => Some(','),
        '\u{fe62}' => Some('+'),
        // The full-width forms lie as ASCII does.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0),
        c if !c.is_ascii() && c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What leads a number in a link.
const SCHEMES: &[&str] = &["tel", "callto", "sms"];

/// The zeros of the scripts that write numbers in tens (general category Nd), of the Basic Multilingual Plane's living ones
/// and of mathematics; the nine other digits follow each.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
    0x1d7f6,
];

/// Fewest digits of a number.
const FEWEST_DIGITS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_never_adds_a_digit() {
        for (text, expected) in [
            ("+4930901820.0", "+4930901820"),
            ("+4930901820.00", "+4930901820"),
            ("+4930901820,0", "+4930901820"),
            ("4930901820.000000", "4930901820"),
            ("496912345678.0", "496912345678"),
            ("=\"2025550101.0\"", "2025550101"),
            ("４９３０９０１８２０．０", "4930901820"),
            ("2,025,550,101", "2025550101"),
            ("2,025,550,101.00", "2025550101"),
            ("2.025.550.101,00", "2025550101"),
            ("2 025 550 101,0", "2025550101"),
            ("2'025'550'101", "2025550101"),
            ("+4,930,901,820", "+4930901820"),
            ("4.930901820E+09", "4930901820"),
            ("4,930901820e9", "4930901820"),
            ("+4.9309018200E9", "+4930901820"),
            // Groups, and no decimals.
            ("01.23.45.67.00", "01.23.45.67.00"),
            ("202.555.0100", "202.555.0100"),
            ("+49.309018200", "+49.309018200"),
            ("202555.0000", "202555.0000"),
            ("030.901800", "030.901800"),
            ("2025550101.", "2025550101."),
            ("+1 202-555-0100", "+1 202-555-0100"),
        ] {
            assert_eq!(clean(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "4.93E+10",
            "4,93E+10",
            "1.20256e10",
            "4E10",
            "4.93090182E+09",
            "4.9309018205E9",
            "+4930901820.5",
            "4930901820.25",
            "2,025,550,101.50",
            "4930901820.123",
            "+49 30 90182.0",
            "(202) 555-0101.0",
        ] {
            assert_eq!(clean(text), Err(Rounded), "{text}");
        }
    }

    #[test]
    fn what_wraps_a_number_or_does_not_show_is_dropped() {
        for text in [
            "'+12025550109",
            "tel:+12025550109",
            "TEL:+12025550109",
            "=\"+12025550109\"",
            "\"+12025550109\"",
            "'=\"+12025550109\"",
            "=+12025550109",
            "\u{202a}+12025550109\u{202c}",
            "\u{feff}+1202\u{200b}5550109",
            "＋１２０２５５５０１０９",
            "+١٢٠٢٥٥٥٠١٠٩",
            "\u{a0}+12025550109\u{a0}",
        ] {
            assert_eq!(clean(text).as_deref(), Ok("+12025550109"), "{text:?}");
        }
        assert_eq!(
            clean("202\u{a0}555\u{2011}01–09").as_deref(),
            Ok("202 555-01-09")
        );
    }

    #[test]
    fn what_could_be_misread_stays() {
        for text in [
            "+12025550101 x12",
            "+12025550101;ext=7",
            "2025550101/2025550102",
            "2025550101,2025550102",
            "+1202•••0101",
            "sip:+12025550101@example.com",
        ] {
            assert_eq!(clean(text).as_deref(), Ok(text));
        }
    }
}
