//! Numbers that must not be called, read from whatever people write: here to read too much does no harm, and to leave
//! one out does.

use std::collections::BTreeSet;

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::{
    MAX_DIGITS, MIN_DIGITS, PhoneError, PhoneNumber, Rounded, Rules, is_emergency, mask,
    typed_digits,
    written::{Decimal, decimal, scientific, unwrapped},
};

/// What a text holds of numbers that must not be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barring {
    /// The numbers that could be read.
    pub numbers: BTreeSet<PhoneNumber>,
    /// Why something that looks like a number could not be.
    pub left_out: Option<NotBarred>,
}

/// Why digits could not be read as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBarred {
    /// They are none.
    Number(PhoneError),
    /// A spreadsheet has rounded them.
    Rounded,
}

impl Barring {
    /// Reads every number in a text: whole ones, those with an extension (which is dropped), several in one text, in any
    /// script's digits. A number needs not be valid by the numbering plans that this program knows, for plans grow; it
    /// only has to have as many digits as a number has.
    pub fn read(text: &str, rules: Rules) -> Self {
        let text = unwrapped(text);
        let mut found = Self::default();
        match scientific(&text) {
            Some(Ok(digits)) => {
                found.take(&digits, rules);
                return found;
            }
            Some(Err(Rounded)) => {
                found.left_out = Some(NotBarred::Rounded);
                return found;
            }
            None => {}
        }
        match decimal(&text) {
            Decimal::None => found.take_all(&text, rules),
            Decimal::Whole(whole) => found.take_all(&whole, rules),
            // `0` behind a point adds no digit, unless there is no number without it.
            Decimal::Unclear { whole, is_zero } => {
                let is_valid = valid(&whole, rules).is_some();
                if is_valid {
                    found.take_all(&whole, rules);
                }
                if !is_valid || !is_zero {
                    found.take_all(&text, rules);
                }
            }
        }
        found
    }

    /// Every number with all spellings of it: what is to be kept so that none of them is called.
    pub fn spellings(&self) -> impl Iterator<Item = PhoneNumber> {
        self.numbers.iter().flat_map(PhoneNumber::spellings)
    }

    /// Takes runs of digits and what parts digits within a number, one after the other.
    fn take_all(&mut self, text: &str, rules: Rules) {
        let text = without_days(text);
        let mut words = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(') {
            words.push_str(&rest[..at]);
            let run = &rest[at..];
            let end = run
                .find(|c: char| !(c.is_ascii_digit() || PARTING.contains(c)))
                .unwrap_or(run.len());
            let (run, behind) = run.split_at(end);
            // An extension, and `*67` before a number, are the first digits; behind them is another number.
            let is_led =
                words.ends_with('*') || (!self.numbers.is_empty() && names_an_extension(&words));
            self.take(if is_led { behind_code(run) } else { run }, rules);
            words.clear();
            rest = behind;
        }
        if self.numbers.is_empty() && self.left_out.is_none() {
            let error = match typed_digits(&text) {
                Err(error) => error,
                Ok(typed) => invalid(&typed.digits, rules),
            };
            self.left_out = Some(NotBarred::Number(error));
        }
    }

    /// Takes a run; `+` begins another number.
    fn take(&mut self, run: &str, rules: Rules) {
        let mut starts: Vec<usize> = run.match_indices('+').map(|(at, _)| at).collect();
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        let ends = starts.iter().skip(1).copied().chain([run.len()]);
        for (start, end) in starts.iter().copied().zip(ends) {
            self.take_slashed(&run[start..end], rules);
        }
    }

    /// Takes digits that `/` may part: two numbers, a number and the other end of a second one, or the parts of one.
    fn take_slashed(&mut self, run: &str, rules: Rules) {
        let parts: Vec<&str> = run
            .split(['/', '\\'])
            .filter(|part| count(part) > 0)
            .collect();
        let Some((first, others)) = parts.split_first() else {
            return;
        };
        let head = Some(first).filter(|_| !others.is_empty());
        let Some(head) = head.and_then(|head| valid(head, rules)) else {
            return self.take_one(run, rules);
        };
        for part in others {
            match valid(part, rules) {
                Some(number) => {
                    self.numbers.insert(number);
                }
                None => match ended_by(&head, &digits(part)) {
                    Some(number) => {
                        self.numbers.insert(number);
                    }
                    None => self.take_one(part, rules),
                },
            }
        }
        self.numbers.insert(head);
    }

    fn take_one(&mut self, text: &str, rules: Rules) {
        if count(text) <= MOST_STRAY_DIGITS {
            return;
        }
        let read = valid(text, rules)
            .map(|number| vec![number])
            .or_else(|| several(text, rules))
            .or_else(|| without_extension(text, rules))
            .or_else(|| abroad(text, rules).map(|number| vec![number]));
        match read {
            Some(numbers) => self.numbers.extend(numbers),
            None => match by_digits(text, rules) {
                Ok(number) => {
                    self.numbers.insert(number);
                }
                Err(error) => {
                    // A few digits behind a number are no emergency.
                    let is_rest = !self.numbers.is_empty() && count(text) < MIN_DIGITS;
                    let error = if is_rest {
                        invalid(&digits(text), rules)
                    } else {
                        error
                    };
                    self.left_out.get_or_insert(NotBarred::Number(error));
                }
            },
        }
    }
}

impl PhoneNumber {
    /// This number, and every other number in E.164 form that dials the same telephone: if a country puts digits
    /// before mobile numbers for some callers, or has lengthened its numbers, lists have either form.
    pub fn spellings(&self) -> Vec<Self> {
        let mut all = BTreeSet::from([self.clone()]);
        let mut next = vec![self.clone()];
        while let Some(number) = next.pop() {
            let others = number.respelt().into_iter();
            next.extend(others.filter(|other| all.insert(other.clone())));
        }
        all.into_iter().collect()
    }

    /// The same, this one first.
    pub fn with_spellings(&self) -> Vec<Self> {
        let mut all = self.spellings();
        // What comes before it stays in order.
        if let Some(at) = all.iter().position(|one| one == self) {
            all[..=at].rotate_right(1);
        }
        all
    }

    /// The spellings that are one step away.
    fn respelt(&self) -> Vec<Self> {
        let digits = self.digits.as_str();
        let mut all = Vec::new();
        for (short, long, lengths, starts) in SPELLINGS {
            let national = |prefix: &str| {
                digits
                    .strip_prefix(prefix)
                    .filter(|rest| lengths.contains(&rest.len()))
                    .filter(|rest| starts.is_empty() || rest.starts_with(*starts))
            };
            let others = [(short, national(long)), (long, national(short))];
            for (prefix, rest) in others {
                let other = rest.map(|rest| format!("+{prefix}{rest}"));
                all.extend(other.and_then(|other| Self::from_e164(&other)));
            }
        }
        all.extend(brazilian(digits).and_then(|other| Self::from_e164(&other)));
        all
    }
}

/// A Brazilian mobile with or without the ninth digit: `+55 11 9 8765-4321`, `+55 11 8765-4321`. Source: Anatel, Resolução
/// nº 553/2010; the digit was put before all mobile numbers, which begin with 6 to 9, between 2012 and 2016.
fn brazilian(digits: &str) -> Option<String> {
    let national = digits.strip_prefix("55")?;
    let (area, local) = national.split_at_checked(2)?;
    let is_mobile = |local: &str| local.len() == 8 && local.starts_with(['6', '7', '8', '9']);
    if is_mobile(local) {
        return Some(format!("+55{area}9{local}"));
    }
    let short = local.strip_prefix('9').filter(|short| is_mobile(short))?;
    Some(format!("+55{area}{short}"))
}

/// A number that is valid, or kept for fiction, however much it costs.
fn valid(text: &str, rules: Rules) -> Option<PhoneNumber> {
    let rules = rules.with_premium();
    let text: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_digit() || c == '+' {
                c
            } else {
                ' '
            }
        })
        .collect();
    PhoneNumber::parse(&text, rules).ok()
}

/// Numbers one behind the other, each of which is valid: `2025550103 2025550104`.
fn several(text: &str, rules: Rules) -> Option<Vec<PhoneNumber>> {
    if count(text) < 2 * MIN_DIGITS {
        return None;
    }
    let mut groups = groups(text);
    if groups.len() > MOST_GROUPS {
        return None;
    }
    groups.push(text.len()..text.len());
    // The way to each group that is a row of valid numbers, the longest first.
    let mut ways: Vec<Option<Vec<PhoneNumber>>> = vec![None; groups.len()];
    ways[0] = Some(Vec::new());
    for to in 1..groups.len() {
        ways[to] = (0..to).find_map(|from| {
            let way = ways[from].as_ref()?;
            let number = valid(&text[groups[from].start..groups[to - 1].end], rules)?;
            Some(way.iter().cloned().chain([number]).collect())
        });
    }
    ways.pop().flatten()
}

/// A valid number, and behind it few digits that are its extension: `202-555-0101-12`.
fn without_extension(text: &str, rules: Rules) -> Option<Vec<PhoneNumber>> {
    let groups = groups(text);
    let last = groups.last()?;
    if groups.len() < 2 || last.len() > MOST_EXTENSION_DIGITS {
        return None;
    }
    let number = valid(&text[..last.start], rules)?;
    // In an open numbering plan these may be its last digits.
    let whole = by_digits(text, rules).ok();
    Some([number].into_iter().chain(whole).collect())
}

/// A number that is valid with its country's code, of which the `+` is missing, or is written as another country dials it:
/// `4930901820`, `0044 20 7946 0958`.
fn abroad(text: &str, rules: Rules) -> Option<PhoneNumber> {
    let digits = digits(text);
    ["011", "00", ""]
        .into_iter()
        .filter_map(|prefix| digits.strip_prefix(prefix))
        // Fewer may be a number of the own country that lost a digit.
        .filter(|rest| rest.len() >= FEWEST_ABROAD)
        .find_map(|rest| valid(&format!("+{rest}"), rules))
}

/// A number by its digits alone.
fn by_digits(text: &str, rules: Rules) -> Result<PhoneNumber, PhoneError> {
    let digits = digits(text);
    let is_international = text.trim_start().starts_with('+');
    let plus = if is_international { "+" } else { "" };
    let text = format!("{plus}{digits}");
    // Emergency numbers are never dialled, listed or not.
    if digits.len() <= MAX_DIGITS && is_emergency(&typed_digits(&text)?) {
        return Err(PhoneError::Emergency);
    }
    let parsed = PHONE_NUMBER_UTIL.parse(&text, Some(rules.default_region.0));
    let number = match parsed {
        Ok(parsed) => PhoneNumber::from_e164(
            &PHONE_NUMBER_UTIL.format(&parsed, rlibphonenumber::PhoneNumberFormat::E164),
        ),
        // A country's code that is not known.
        Err(_) if is_international => PhoneNumber::from_e164(&text),
        Err(_) => None,
    };
    number
        // All numbers of North America have ten digits behind the code.
        .filter(|number| !number.is_north_american() || number.digits.len() == 11)
        .ok_or_else(|| invalid(&digits, rules))
}

/// A number that ends otherwise than another: `202-555-0103/04`.
fn ended_by(head: &PhoneNumber, end: &str) -> Option<PhoneNumber> {
    let keeps = head.digits.len().checked_sub(end.len())?;
    if keeps < LEAST_KEPT || !(2..=MIN_DIGITS).contains(&end.len()) {
        return None;
    }
    PhoneNumber::from_e164(&format!("+{}{end}", &head.digits[..keeps]))
}

fn invalid(digits: &str, rules: Rules) -> PhoneError {
    let digits: String = digits.chars().take(MAX_DIGITS).collect();
    PhoneError::Invalid {
        masked: mask(&digits),
        region: rules.default_region,
    }
}

/// A run behind its first digits, if they are few.
fn behind_code(run: &str) -> &str {
    let run = run.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits = run.bytes().take_while(u8::is_ascii_digit).count();
    if digits < MIN_DIGITS {
        &run[digits..]
    } else {
        run
    }
}

/// Whether the last word before digits says that they are an extension.
fn names_an_extension(words: &str) -> bool {
    let words = words.to_lowercase();
    let words = words.trim_end_matches(['.', ':', '=', ' ']);
    if words.ends_with('#') || words.ends_with(",,") {
        return true;
    }
    let last = words
        .rsplit(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or_default();
    EXTENSIONS.contains(&last)
}

/// A text in which days, such as `2026-01-02` or `1/2/2026`, part what is around them.
fn without_days(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| if is_day(word) { ";" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn is_day(word: &str) -> bool {
    let Some(separator) = word.chars().find(|c| "-/.".contains(*c)) else {
        return false;
    };
    let parts: Vec<&str> = word.splitn(4, separator).collect();
    let of = |part: &str, range: std::ops::RangeInclusive<u32>| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        is_number && part.parse().is_ok_and(|part| range.contains(&part))
    };
    let [first, second, third] = parts[..] else {
        return false;
    };
    let is_date = |year: &str, one: &str, other: &str| {
        year.len() == 4 && of(year, 1900..=2100) && of(one, 1..=31) && of(other, 1..=31)
    };
    is_date(first, second, third) || is_date(third, first, second)
}

/// The starts and ends of groups of digits; a leading `+` belongs to the first.
fn groups(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if !(byte.is_ascii_digit() || byte == b'+') {
            continue;
        }
        match groups.last_mut().filter(|last| last.end == at) {
            Some(last) => last.end = at + 1,
            None => groups.push(at..at + 1),
        }
    }
    groups
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// What may be between the digits of one number.
const PARTING: &str = " -.()[]/\\~_+\u{b7}";

/// The words before an extension, as RFC 3966 and people of several countries write them.
const EXTENSIONS: &[&str] = &[
    "x",
    "ext",
    "extn",
    "extension",
    "xtn",
    "xt",
    "anexo",
    "int",
    "interno",
    "ramal",
    "poste",
    "dw",
    "durchwahl",
    "app",
    "w",
    "p",
    "wait",
    "pause",
    "post",
    "доб",
];

/// The beginnings by which the same telephone is dialled, a short and a long one; how many digits follow either, and with
/// which of them they begin (any, if none is named).
const SPELLINGS: &[(&str, &str, &[usize], &[char])] = &[
    // Mexico: the 1 before mobile numbers is no longer dialled since 2019-08-03, and still works. Source: IFT, Plan Técnico
    // Fundamental de Numeración of 2018.
    ("52", "521", &[10], &[]),
    // Argentina: 9 before mobile numbers, for callers abroad. Source: ENACOM, Plan Fundamental de Numeración Nacional
    // (Resolución SC 46/97); ITU-T Operational Bulletin, national numbering plan of +54.
    ("54", "549", &[10], &[]),
    // Italy and the Vatican: the 0 of fixed numbers is part of them since 1998; lists that were kept as numbers lose it.
    // Mobile numbers begin with 3. Source: AGCOM, Piano di numerazione (delibera 8/15/CIR).
    (
        "39",
        "390",
        &[5, 6, 7, 8, 9, 10],
        &['1', '2', '4', '5', '6', '7', '8', '9'],
    ),
    // San Marino: 0549 belongs to fixed numbers, and is left out within the country; by way of Italy it is +39 0549.
    // Source: ITU-T Operational Bulletin, national numbering plan of +378.
    ("378", "3780549", &[6], &['8', '9']),
    ("3780549", "390549", &[6], &['8', '9']),
    ("378", "390549", &[6], &['8', '9']),
    // Benin: 01 was put before all numbers on 2024-11-30. Source: ARCEP Bénin, decision on the numbering plan of ten digits.
    ("229", "22901", &[8], &[]),
    // Colombia: 60 was put before the area's digit of fixed numbers on 2021-09-01. Source: CRC, Resolución 5826 of 2019.
    ("57", "5760", &[8], &['1', '2', '4', '5', '6', '7', '8']),
];

/// Most digits behind or before a number that are passed in silence: `(2 lines)`.
const MOST_STRAY_DIGITS: usize = 2;

/// Fewest digits that are taken for a number with its country's code if nothing says that they are one.
const FEWEST_ABROAD: usize = 10;

const MOST_EXTENSION_DIGITS: usize = 5;

/// How many digits a number shares at least with one that is given by its end alone.
const LEAST_KEPT: usize = 4;

/// Most groups of digits that are tried as several numbers.
const MOST_GROUPS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Region;

    fn barred(text: &str, region: &str) -> String {
        let rules = Rules {
            default_region: Region::parse(region).unwrap(),
            allow_premium: false,
        };
        let found = Barring::read(text, rules);
        let mut words: Vec<String> = found
            .numbers
            .iter()
            .map(|number| number.full().to_string())
            .collect();
        match found.left_out {
            Some(NotBarred::Number(error)) => words.push(error.slug().to_owned()),
            Some(NotBarred::Rounded) => words.push("rounded".to_owned()),
            None => {}
        }
        words.join(" ")
    }

    #[test]
    fn every_number_is_read_whatever_is_around_it() {
        let one = "+12025550101";
        for text in [
            "+12025550101",
            "202-555-0101 x12",
            "202-555-0101x12",
            "+1 202 555 0101 ext. 5",
            "+1 202 555 0101 Extension 5",
            "+12025550101;ext=7",
            "+12025550101 # 12",
            "+12025550101,,5",
            "+12025550101 w5",
            "202-555-0101-12",
            "tel:+1-202-555-0101;ext=7",
            "tel:+12025550101",
            "TEL:+12025550101",
            "Tel.: (202) 555-0101",
            "mobile 202 555 0101",
            "2025550101 (home)",
            "2025550101 (2 lines)",
            "2025550101 2026-01-02",
            "<202-555-0101>",
            "=\"2025550101\"",
            "2025550101.0",
            "2025550101,00",
            "2,025,550,101.00",
            "2.025550101E+09",
            "\u{202a}+1 202 555 0101\u{202c}",
            "202\u{a0}555\u{a0}0101",
            "202\u{2011}555\u{2013}0101",
            "２０２５５５０１０１",
            "\u{feff}202\u{200b}5550101",
            "202/555-0101",
            "202 / 555 / 0101",
            "202_555_0101",
            "202·555·0101",
            "[202] 555-0101",
            "1-202-555-0101",
            "001 202 555 0101",
            "+1 (202) 555-0101",
            "++1 202 555 0101",
            "*67 202 555 0101",
            "(202) 555-0101.0",
        ] {
            assert_eq!(barred(text, "US"), one, "{text}");
        }
    }

    #[test]
    fn both_numbers_of_a_cell_are_read() {
        let both = "+12025550103 +12025550104";
        for text in [
            "(202) 555-0103 / (202) 555-0104",
            "2025550103;2025550104",
            "2025550103,2025550104",
            "2025550103, 2025550104",
            "2025550103|2025550104",
            "2025550103\n2025550104",
            "2025550103 2025550104",
            "2025550103/2025550104",
            "2025550103-2025550104",
            "(202) 555-0103 (202) 555-0104",
            "202-555-0103 or 202-555-0104",
            "202-555-0103 & 202-555-0104",
            "+12025550103 +12025550104",
            "+12025550103+12025550104",
            "202-555-0103 x5, 202-555-0104 x6",
            "home: 202-555-0103 cell: 202-555-0104",
            "202-555-0103/04",
            "202-555-0103/0104",
            "202-555-0103 / 555-0104",
        ] {
            assert_eq!(barred(text, "US"), both, "{text}");
        }
        assert_eq!(barred("030 901820/21", "DE"), "+4930901820 +4930901821");
        assert_eq!(barred("030/901820", "DE"), "+4930901820");
    }

    #[test]
    fn a_number_needs_not_be_valid_by_the_plans_of_today() {
        for (text, region, expected) in [
            ("+19995550101", "US", "+19995550101"),
            ("999-234-5678", "US", "+19992345678"),
            ("+1 211 555 0101", "US", "+12115550101"),
            ("+999123456789", "US", "+999123456789"),
            ("+5215512345678", "US", "+5215512345678"),
            ("4930901820", "US", "+4930901820"),
            ("0044 20 7946 0958", "US", "+442079460958"),
            ("011 44 20 7946 0958", "US", "+442079460958"),
            ("+49 (0)30 901820", "US", "+4930901820"),
            ("+19005550101", "US", "+19005550101"),
            ("+4930901820.0", "US", "+4930901820"),
            ("4.93E+10", "US", "rounded"),
            ("911", "US", "emergency_number"),
            ("202555010", "US", "invalid_number"),
            ("555-0101", "US", "invalid_number"),
            ("n/a", "US", "invalid_number"),
            ("", "US", "invalid_number"),
            ("+1202•••0101", "US", "invalid_number"),
        ] {
            assert_eq!(barred(text, region), expected, "{text}");
        }
        let long = "1".repeat(10_000);
        assert_eq!(barred(&long, "US"), "invalid_number");
        assert_eq!(barred(&"1 ".repeat(10_000), "US"), "invalid_number");
    }

    #[test]
    fn a_number_has_every_spelling_that_dials_it() {
        for (text, expected) in [
            ("+12025550101", "+12025550101"),
            ("+525512345678", "+525512345678 +5215512345678"),
            ("+5215512345678", "+525512345678 +5215512345678"),
            ("+541123456789", "+541123456789 +5491123456789"),
            ("+5491123456789", "+541123456789 +5491123456789"),
            ("+551187654321", "+551187654321 +5511987654321"),
            ("+5511987654321", "+551187654321 +5511987654321"),
            ("+551132345678", "+551132345678"),
            ("+390669812345", "+39669812345 +390669812345"),
            ("+39669812345", "+39669812345 +390669812345"),
            ("+393123456789", "+393123456789"),
            (
                "+3780549886377",
                "+378886377 +390549886377 +3780549886377 +39549886377",
            ),
            ("+22990011234", "+22990011234 +2290190011234"),
            ("+576012345678", "+5712345678 +576012345678"),
            ("+442079460958", "+442079460958"),
        ] {
            let number = PhoneNumber::from_e164(text).unwrap();
            let mut found: Vec<_> = number
                .spellings()
                .iter()
                .map(|number| number.full().to_string())
                .collect();
            let mut expected: Vec<_> = expected.split(' ').collect();
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_number_comes_before_its_other_spellings() {
        for text in ["+3780549886377", "+390549886377", "+442079460958"] {
            let number = PhoneNumber::from_e164(text).unwrap();
            let mut all = number.with_spellings();
            assert_eq!(all[0], number);
            all.sort();
            assert_eq!(all, number.spellings());
        }
    }
}
