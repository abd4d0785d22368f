//! What of people is shown to whom: their numbers, and whatever else may hold one.
//!
//! A list has columns of all kinds, and a telephone number may be in each of them: a second one of the person, or the id itself. So all
//! that came from outside goes through here before it is shown.

use std::{borrow::Cow, ops::Range};

use serde_json::{Map, Number, Value};

use super::{PhoneNumber, Rules, barring::is_day};

/// What of people whoever asks is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Whole numbers: they were asked for, and that is allowed and written down.
    Full,
    /// No whole number but that which is an id: programs know their own by it, and are told it as they gave it.
    Programs,
    /// No whole number. The rules say how one is written within the country: an id of as many digits need not be one.
    People(Rules),
}

impl Disclosure {
    /// What programs are shown, which may have asked for whole numbers.
    pub const fn of_program(in_full: bool) -> Self {
        if in_full { Self::Full } else { Self::Programs }
    }

    /// A number.
    pub fn number(self, number: &PhoneNumber) -> String {
        number.shown(self == Self::Full)
    }

    /// A text that came with a person, such as a column of a list.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Full => text.into(),
            Self::Programs | Self::People(_) => masked_text(text),
        }
    }

    /// The id under which the user's own system knows a person.
    pub fn id(self, id: &str) -> Cow<'_, str> {
        match self {
            Self::Full | Self::Programs => id.into(),
            Self::People(rules) => masked(id, |digits| is_number(digits, rules)),
        }
    }

    /// What the user's own system wants back with a drop.
    pub fn metadata(self, metadata: &Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::Full | Self::Programs => metadata.clone(),
            Self::People(_) => metadata
                .iter()
                .map(|(name, value)| {
                    let value = masked_value(value, &masked_number);
                    (masked_text(name).into_owned(), value)
                })
                .collect(),
        }
    }

    /// A ruling of the gate as JSON: it quotes what the list says.
    pub fn ruling(self, ruling: Value) -> Value {
        match self {
            Self::Full => ruling,
            Self::Programs | Self::People(_) => {
                masked_value(&ruling, &|number| Value::Number(number.clone()))
            }
        }
    }
}

/// A text for those who may not read whole numbers: of each run of digits that is as long as a number the middle is masked. Days and
/// times are no numbers.
pub fn masked_text(text: &str) -> Cow<'_, str> {
    masked(text, |_| true)
}

/// Masks the middle of runs of digits that are long enough and, by their digits, numbers.
fn masked(text: &str, is_one: impl Fn(&str) -> bool) -> Cow<'_, str> {
    if text.chars().filter(|c| c.is_numeric()).count() < FEWEST_DIGITS {
        return text.into();
    }
    let mut chars: Vec<char> = text.chars().collect();
    let mut is_changed = false;
    for run in runs(&chars) {
        let digits: String = run.iter().map(|at| chars[*at]).collect();
        if !is_one(&digits) {
            continue;
        }
        let shown = (run.len() - HIDDEN_DIGITS).min(SHOWN_DIGITS);
        for at in &run[shown / 2..run.len() - shown.div_ceil(2)] {
            chars[*at] = '•';
        }
        is_changed = true;
    }
    if is_changed {
        Cow::Owned(chars.into_iter().collect())
    } else {
        text.into()
    }
}

/// The places of digits that follow each other, whatever sets them apart, if they are as many as a number has.
fn runs(chars: &[char]) -> Vec<Vec<usize>> {
    let moments = moments(chars);
    let mut runs = Vec::new();
    let mut run = Vec::new();
    for at in 0..=chars.len() {
        let is_moment = moments.iter().any(|moment| moment.contains(&at));
        match chars.get(at) {
            Some(c) if c.is_numeric() && !is_moment => run.push(at),
            Some(c) if BETWEEN.contains(*c) && !is_moment => {}
            Some(_) | None => {
                if run.len() >= FEWEST_DIGITS {
                    runs.push(std::mem::take(&mut run));
                }
                run.clear();
            }
        }
    }
    runs
}

/// The words that are a day, a time, or both.
fn moments(chars: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for word in chars.split(|c| c.is_whitespace() || AROUND.contains(*c)) {
        let text: String = word.iter().collect();
        let text = text.trim_end_matches('.');
        if is_moment(text) {
            found.push(from..from + text.chars().count());
        }
        from += word.len() + 1;
    }
    found
}

/// Whether a word is a day such as `2026-03-01` or `1.3.2026`, a time such as `14:05:30`, or a moment in RFC 3339.
fn is_moment(word: &str) -> bool {
    match word.split_once(['T', 't']) {
        Some((day, time)) => is_day(day) && is_time(time),
        None => is_day(word) || is_time(word),
    }
}

fn is_time(word: &str) -> bool {
    // What is behind the minutes: seconds, parts of them, and an offset.
    let rest = match word.as_bytes() {
        [a, b, b':', c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_digit) => &word[5..],
        _ => return false,
    };
    let rest = rest.strip_suffix(['Z', 'z']).unwrap_or(rest);
    let (time, offset) = match rest.find(['+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let digits = |part: &str, most| part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
    let (seconds, parts) = time.split_once('.').unwrap_or((time, ""));
    let seconds = seconds.strip_prefix(':').unwrap_or(seconds);
    let offset = offset.get(1..).unwrap_or("").replacen(':', "", 1);
    digits(seconds, 2) && digits(parts, 9) && digits(&offset, 4)
}

/// Whether digits are a number that can be dialled, by the country's way of writing it or with its code.
fn is_number(digits: &str, rules: Rules) -> bool {
    let rules = rules.with_premium();
    let is_foreign = digits.bytes().any(|b| !b.is_ascii_digit());
    is_foreign
        || PhoneNumber::parse(digits, rules).is_ok()
        || PhoneNumber::parse(&format!("+{digits}"), rules).is_ok()
}

/// A value with its texts masked, and its numbers as it is given.
fn masked_value(value: &Value, number: &dyn Fn(&Number) -> Value) -> Value {
    match value {
        Value::String(text) => masked_text(text).into(),
        Value::Number(given) => number(given),
        Value::Array(values) => values
            .iter()
            .map(|value| masked_value(value, number))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (masked_text(name).into_owned(), masked_value(value, number)))
            .collect(),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// A number of JSON, as a text if it is long enough for a telephone's.
fn masked_number(number: &Number) -> Value {
    match masked_text(&number.to_string()) {
        Cow::Borrowed(_) => number.clone().into(),
        Cow::Owned(masked) => masked.into(),
    }
}

/// What digits of one number are set apart by.
const BETWEEN: &str = " \u{a0}\t-.()[]/\\~_+\u{b7}";

/// What words are set apart by beside spaces, in sentences and in JSON.
const AROUND: &str = "\"'`,;()[]{}<>=|";

/// Fewest digits of a number, how many of them are hidden at least, and how many are shown at most.
const FEWEST_DIGITS: usize = 7;
const HIDDEN_DIGITS: usize = 3;
const SHOWN_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_masked_wherever_they_are() {
        for (text, shown) in [
            ("+12025550101", "+1202•••0101"),
            ("(202) 555-0101", "(202) •••-0101"),
            ("call 202 555 0101 at nine", "call 202 ••• 0101 at nine"),
            ("5550101", "55•••01"),
            ("٢٠٢٥٥٥٠١٠١", "٢٠٢•••٠١٠١"),
            ("a 5550101, b 5550102", "a 55•••01, b 55•••02"),
            // No more than as many digits as a moment has.
            ("2026-55-0101", "202•-••-0101"),
            ("12:0020255501", "12:002•••5501"),
            ("20260301", "20•••301"),
            ("2026-03-01 202 555 0101", "2026-03-01 202 ••• 0101"),
        ] {
            assert_eq!(masked_text(text), shown, "{text}");
        }
        for same in [
            "",
            "C-1042",
            "2026-03-01",
            "1.3.2026",
            "03/01/2026",
            "2026-03-01T14:05:30.123456789Z",
            "since 2026-03-01T14:05:30+02:00, by 4 of them",
            "2026-03-01 14:05:30",
            "2026-03-01T14:05:30+01:00[Europe/Berlin]",
            r#"{"until":"2026-03-01T14:05:30Z","days":["2026-03-01"]}"#,
        ] {
            assert!(matches!(masked_text(same), Cow::Borrowed(_)), "{same}");
        }
    }

    #[test]
    fn an_id_is_masked_for_people_if_it_is_a_number() {
        let people = Disclosure::People(Rules::default());
        for (id, shown) in [
            ("+12025550101", "+1202•••0101"),
            ("12025550101", "1202•••0101"),
            ("2025550101", "202•••0101"),
            ("447911123456", "4479••••3456"),
            ("tel:202-555-0101", "tel:202-•••-0101"),
        ] {
            assert_eq!(people.id(id), shown, "{id}");
            assert_eq!(Disclosure::Programs.id(id), id);
        }
        for id in [
            "C-1042",
            "10004567",
            "0199c0ffee0070008000000000000007",
            "1000000000",
        ] {
            assert_eq!(people.id(id), id);
        }
    }

    #[test]
    fn what_comes_with_a_person_is_whole_for_whoever_may_read_it() {
        let people = Disclosure::People(Rules::default());
        let metadata =
            json!({"second": "+12025550102", "third": 12_025_550_103_u64, "deal": [7, "x"]});
        let metadata = metadata.as_object().unwrap();
        let shown = json!({"second": "+1202•••0102", "third": "1202•••0103", "deal": [7, "x"]});
        assert_eq!(Value::Object(people.metadata(metadata)), shown);
        let ruling = json!({"findings": [
            {"inputs": {"consent": {"consent": {"source": "call from 202 555 0102"}}}},
            {"inputs": {"hours": {"local": "2026-11-24T09:00:00", "used": 1_234_567}}},
        ]});
        for (disclosure, text) in [
            (Disclosure::Full, "+12025550102"),
            (Disclosure::Programs, "+1202•••0102"),
            (people, "+1202•••0102"),
        ] {
            assert_eq!(disclosure.text("+12025550102"), text);
            let shown = disclosure.ruling(ruling.clone());
            let is_whole = disclosure == Disclosure::Full;
            assert_eq!(shown.to_string().contains("202 555 0102"), is_whole);
            assert_eq!(shown["findings"][1], ruling["findings"][1]);
        }
        for whole in [Disclosure::Full, Disclosure::Programs] {
            assert_eq!(&whole.metadata(metadata), metadata);
        }
    }
}
