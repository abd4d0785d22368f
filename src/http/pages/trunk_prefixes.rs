//! What came of the latest drops of a trunk, by the numbers they went to and by those they showed.

use std::collections::BTreeMap;

use super::q850::words_of;
use crate::{
    drop::Outcome,
    orders::figures::{count, percent},
    store::SampledDrop,
};

/// What came of the drops of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PrefixRow {
    /// The digits that they have in common, or the number that they showed.
    pub(super) name: String,
    /// Where that is.
    pub(super) place: String,
    pub(super) calls: String,
    pub(super) asr: String,
    pub(super) acd: String,
    pub(super) delivered: String,
    /// The causes with which they ended, the most frequent first.
    pub(super) causes: String,
}

/// Sums over drops.
#[derive(Default)]
struct Sums {
    place: String,
    drops: u64,
    legs: u64,
    answered: u64,
    talked_ms: u64,
    delivered: u64,
    causes: BTreeMap<u16, u64>,
}

/// By what numbers begin with, as far as that says where they are.
pub(super) fn by_prefix(drops: &[SampledDrop]) -> Vec<PrefixRow> {
    rows(drops, |drop| {
        let Some(number) = &drop.number else {
            return ("erased".to_owned(), String::new());
        };
        let places = if number.is_north_american() {
            number.places()
        } else {
            number.countries_abroad()
        };
        let place = match places[..] {
            [] => String::new(),
            [.., _] if places.len() > MOST_PLACES => "several places".to_owned(),
            [..] => places.join(", "),
        };
        (format!("+{}", number.place_digits()), place)
    })
}

/// By the numbers that they showed.
pub(super) fn by_caller_id(drops: &[SampledDrop]) -> Vec<PrefixRow> {
    rows(drops, |drop| {
        let shown = drop.caller_id.clone();
        (
            shown.unwrap_or_else(|| "that of the PBX".to_owned()),
            String::new(),
        )
    })
}

/// The most frequent ones, and all others together.
fn rows(drops: &[SampledDrop], kind: impl Fn(&SampledDrop) -> (String, String)) -> Vec<PrefixRow> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for drop in drops {
        let (name, place) = kind(drop);
        let sum = sums.entry(name).or_default();
        sum.place = place;
        sum.add(drop);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.drops));
    let rest = sums.split_off(sums.len().min(MOST_ROWS));
    if !rest.is_empty() {
        let name = format!("{} others", count(rest.len() as u64));
        let mut all = Sums::default();
        rest.iter().for_each(|(_, sum)| all.merge(sum));
        sums.push((name, all));
    }
    sums.into_iter().map(|(name, sum)| sum.row(name)).collect()
}

impl Sums {
    fn add(&mut self, drop: &SampledDrop) {
        self.drops += 1;
        self.legs += drop.legs;
        self.answered += drop.answered;
        self.talked_ms += drop.talked_ms;
        self.delivered += u64::from(drop.outcome == Outcome::Delivered);
        if let Some(cause) = drop.q850 {
            *self.causes.entry(cause).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.drops += other.drops;
        self.legs += other.legs;
        self.answered += other.answered;
        self.talked_ms += other.talked_ms;
        self.delivered += other.delivered;
        for (cause, drops) in &other.causes {
            *self.causes.entry(*cause).or_default() += drops;
        }
    }

    fn row(self, name: String) -> PrefixRow {
        let mean = self.talked_ms.checked_div(self.answered).unwrap_or(0);
        let mut causes: Vec<_> = self.causes.into_iter().collect();
        causes.sort_by_key(|(_, drops)| std::cmp::Reverse(*drops));
        let causes = causes.into_iter().take(MOST_CAUSES);
        let causes: Vec<_> = causes
            .map(|(cause, drops)| {
                let words = words_of(cause.into());
                format!("{cause} {words}: {}", count(drops)).replace(" :", ":")
            })
            .collect();
        PrefixRow {
            name,
            place: self.place,
            calls: count(self.legs),
            asr: percent(self.answered, self.legs),
            acd: format!("{}.{} s", mean / 1_000, mean % 1_000 / 100),
            delivered: percent(self.delivered, self.drops),
            causes: causes.join(", "),
        }
    }
}

/// Rows of a table, causes of a row, and places that are named.
const MOST_ROWS: usize = 20;
const MOST_CAUSES: usize = 3;
const MOST_PLACES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::PhoneNumber;

    fn drop(number: u64, outcome: Outcome, q850: u16) -> SampledDrop {
        SampledDrop {
            number: PhoneNumber::from_digits(number),
            caller_id: number.is_multiple_of(2).then(|| "+12025550199".to_owned()),
            legs: 2,
            answered: 1,
            talked_ms: 3_000,
            outcome,
            q850: Some(q850),
        }
    }

    #[test]
    fn drops_are_summed_by_where_they_went_and_what_they_showed() {
        let drops = [
            drop(12_025_550_101, Outcome::Delivered, 16),
            drop(12_025_550_102, Outcome::Busy, 17),
            drop(12_025_550_103, Outcome::Delivered, 16),
            drop(493_090_182_000, Outcome::Failed, 1),
        ];
        let rows = by_prefix(&drops);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {} {} [{}]",
                    row.name, row.place, row.calls, row.asr, row.acd, row.delivered, row.causes
                )
            })
            .collect();
        assert_eq!(
            shown[0],
            "+1202 US-DC 6 50.0 % 3.0 s 66.7 % [16 normal clearing: 2, 17 user busy: 1]"
        );
        assert!(shown[1].starts_with("+4930 DE 2 "), "{shown:?}");
        let rows = by_caller_id(&drops);
        assert_eq!((rows[0].calls.as_str(), rows.len()), ("4", 2));
        // Of many, the rest is one row.
        let many: Vec<_> = (0..30)
            .map(|n| drop(10_000_000_000 + (201 + n) * 10_000_000, Outcome::Busy, 17))
            .collect();
        let rows = by_prefix(&many);
        assert_eq!(rows.len(), MOST_ROWS + 1);
        assert!(rows[MOST_ROWS].name.ends_with("others"));
    }
}
