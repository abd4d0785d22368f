//! Which number a call shows as its origin.

use crate::phone::{CallerId, PhoneNumber};

/// How the caller id of each call is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerIds {
    /// One for all; `None` is the one that the configuration names for the PBX.
    Fixed(Option<CallerId>),
    /// One with the contact's area code if the pool has it, else any; of several the least used.
    ByAreaCode(Pool),
    /// The least used of all.
    LeastUsed(Pool),
}

/// Numbers to call from, each with the number of calls it has made. It is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    first: PoolNumber,
    others: Vec<PoolNumber>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PoolNumber {
    number: CallerId,
    used: u64,
}

impl Pool {
    /// A pool of unused numbers; a number that comes twice counts once. `None` without any.
    pub fn new(numbers: impl IntoIterator<Item = CallerId>) -> Option<Self> {
        let mut entries: Vec<PoolNumber> = Vec::new();
        for number in numbers {
            if !entries.iter().any(|entry| entry.number == number) {
                entries.push(PoolNumber { number, used: 0 });
            }
        }
        let mut entries = entries.into_iter();
        Some(Self {
            first: entries.next()?,
            others: entries.collect(),
        })
    }

    /// Counts earlier calls, after a restart for one; a number that is not in the pool is left out.
    pub fn note_used(&mut self, number: &CallerId, calls: u64) {
        if let Some(entry) = self.entries_mut().find(|entry| entry.number == *number) {
            entry.used = entry.used.saturating_add(calls);
        }
    }

    /// The numbers, each with its calls.
    pub fn used(&self) -> impl Iterator<Item = (&CallerId, u64)> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .map(|entry| (&entry.number, entry.used))
    }

    /// Takes the least used of those that `fit`, or of all if none does; of several the first.
    fn take(&mut self, fit: impl Fn(&CallerId) -> bool) -> CallerId {
        let fitting = self.used().filter(|(number, _)| fit(number));
        let least = fitting
            .min_by_key(|&(_, used)| used)
            .or_else(|| self.used().min_by_key(|&(_, used)| used))
            .map_or_else(|| self.first.number.clone(), |(number, _)| number.clone());
        self.note_used(&least, 1);
        least
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut PoolNumber> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }
}

impl CallerIds {
    /// Counts calls that were made elsewhere.
    pub fn note_used(&mut self, number: &CallerId, calls: u64) {
        match self {
            Self::Fixed(_) => {}
            Self::ByAreaCode(pool) | Self::LeastUsed(pool) => pool.note_used(number, calls),
        }
    }

    /// The caller id of a call to a number, counted as used; `None` is the PBX's own.
    pub fn take(&mut self, to: &PhoneNumber) -> Option<CallerId> {
        match self {
            Self::Fixed(number) => number.clone(),
            Self::ByAreaCode(pool) => {
                let wanted = area_code(to.digits());
                Some(pool.take(|number| {
                    let digits = number.as_str().trim_start_matches('+');
                    wanted.is_some() && area_code_of_own(digits) == wanted
                }))
            }
            Self::LeastUsed(pool) => Some(pool.take(|_| true)),
        }
    }
}

/// The area code of a North American number in E.164 form.
fn area_code(digits: &str) -> Option<&str> {
    (digits.len() == 11 && digits.starts_with('1')).then(|| &digits[1..4])
}

/// The area code of one of our own numbers, which may lack its country code.
fn area_code_of_own(digits: &str) -> Option<&str> {
    if digits.len() == 10 && !digits.starts_with(['0', '1']) {
        Some(&digits[..3])
    } else {
        area_code(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Rules;

    #[test]
    fn the_least_used_number_is_next() {
        let mut pool = pool(&["+12025550100", "+13055550100", "+12025550100"]);
        pool.note_used(&caller("+12025550100"), 2);
        let mut ids = CallerIds::LeastUsed(pool);
        let taken: Vec<_> = (0..5).map(|_| take(&mut ids, "+14155550101")).collect();
        assert_eq!(
            taken,
            [
                "+13055550100",
                "+13055550100",
                "+12025550100",
                "+13055550100",
                "+12025550100"
            ]
        );
    }

    #[test]
    fn a_number_of_the_same_area_goes_first() {
        let mut ids = CallerIds::ByAreaCode(pool(&["+12025550100", "3055550100", "+13055550101"]));
        assert_eq!(take(&mut ids, "+13055550123"), "3055550100");
        assert_eq!(take(&mut ids, "+13055550123"), "+13055550101");
        assert_eq!(take(&mut ids, "+13055550123"), "3055550100");
        assert_eq!(take(&mut ids, "+14155550123"), "+12025550100");
        assert_eq!(take(&mut ids, "+442079460958"), "+12025550100");
    }

    #[test]
    fn a_fixed_number_stays() {
        let mut ids = CallerIds::Fixed(Some(caller("+12025550100")));
        assert_eq!(take(&mut ids, "+13055550123"), "+12025550100");
        let to = PhoneNumber::parse("+13055550123", Rules::default()).unwrap();
        assert_eq!(CallerIds::Fixed(None).take(&to), None);
        assert_eq!(Pool::new([]), None);
    }

    fn take(ids: &mut CallerIds, to: &str) -> String {
        let to = PhoneNumber::parse(to, Rules::default()).unwrap();
        ids.take(&to).unwrap().as_str().to_owned()
    }

    fn pool(numbers: &[&str]) -> Pool {
        Pool::new(numbers.iter().map(|number| caller(number))).unwrap()
    }

    fn caller(number: &str) -> CallerId {
        CallerId::parse(number).unwrap()
    }
}
