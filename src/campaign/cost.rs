//! What a drop cost on the trunk, exact to the millionth of a currency's unit.

use std::{fmt, iter::Sum, ops::Add};

use thiserror::Error;

use super::budget::Calls;

/// What a trunk charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// For a minute of an answered call.
    pub per_minute: Money,
    /// For each call that is dialled, answered or not; a double drop dials two.
    pub per_attempt: Money,
    /// In which steps an answered call is charged.
    pub increment: Increment,
    /// The currency.
    pub currency: Currency,
}

/// What a drop cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The busy leg.
    pub busy: Money,
    /// The drop leg.
    pub drop: Money,
}

impl Price {
    /// What one call cost that was dialled, and that was up for so many milliseconds; 0 is not answered. Rounded to the
    /// nearest millionth.
    pub fn call(&self, up_ms: u64) -> Money {
        let seconds = u128::from(self.increment.charged(up_ms.div_ceil(1_000)));
        let minutes = (u128::from(self.per_minute.0) * seconds + 30) / 60;
        self.per_attempt + Money(u64::try_from(minutes).unwrap_or(u64::MAX))
    }

    /// What so many calls cost that were each up for so long.
    pub fn calls(&self, up_ms: u64, count: u64) -> Money {
        Money(self.call(up_ms).0.saturating_mul(count))
    }

    /// What a drop cost, whose legs were up for so many milliseconds.
    pub fn drop(&self, calls: &Calls, busy_up_ms: u64, drop_up_ms: u64) -> Cost {
        let leg = |dialled, up_ms| match dialled {
            0 => Money::ZERO,
            dialled => self.calls(up_ms, dialled),
        };
        Cost {
            busy: leg(calls.busy_legs, busy_up_ms),
            drop: leg(calls.drop_legs, drop_up_ms),
        }
    }
}

impl Cost {
    /// Both legs.
    pub fn total(self) -> Money {
        self.busy + self.drop
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            busy: self.busy + other.busy,
            drop: self.drop + other.drop,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

/// An amount in millionths of a currency's unit. It shows with two to six decimals: `0.0085`, `12.50`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads an amount from 0 to 1,000,000 with at most six decimals and a point: `0.0085`.
    ///
    /// # Errors
    /// [`CostError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, CostError> {
        let bad = || CostError::Money { given: shown(text) };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str, longest: usize| {
            (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !is_number(whole, 7) || !is_number(decimals, DECIMALS) {
            return Err(bad());
        }
        let parsed = format!("{whole}{decimals:0<DECIMALS$}").parse().map(Self);
        let amount = parsed.map_err(|_| bad())?;
        if amount.0 > MOST {
            return Err(bad());
        }
        Ok(amount)
    }

    /// The amount in millionths.
    pub const fn millionths(self) -> u64 {
        self.0
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:0DECIMALS$}", self.0 % UNIT);
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / UNIT, &decimals[..kept])
    }
}

/// In which steps an answered call is charged: `60/6` is a minute at least, then each six seconds begun. The default is
/// `1/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increment {
    minimum: u32,
    step: u32,
}

impl Increment {
    /// Reads `MINIMUM/STEP`, each 1 to 3600 seconds.
    ///
    /// # Errors
    /// [`CostError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, CostError> {
        let seconds = |part: &str| {
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            let parsed = part.parse().ok().filter(|_| digits);
            parsed.filter(|seconds| (1..=3_600).contains(seconds))
        };
        let both = text.split_once('/');
        both.and_then(|(minimum, step)| Some((seconds(minimum)?, seconds(step)?)))
            .map(|(minimum, step)| Self { minimum, step })
            .ok_or_else(|| CostError::Increment { given: shown(text) })
    }

    /// The seconds that are charged for a call of so many, begun ones counted whole; 0 for 0.
    fn charged(self, seconds: u64) -> u64 {
        if seconds == 0 {
            return 0;
        }
        let (minimum, step) = (u64::from(self.minimum), u64::from(self.step));
        let beyond = seconds.saturating_sub(minimum).div_ceil(step);
        minimum.saturating_add(beyond.saturating_mul(step))
    }
}

impl Default for Increment {
    fn default() -> Self {
        Self {
            minimum: 1,
            step: 1,
        }
    }
}

impl fmt::Display for Increment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.minimum, self.step)
    }
}

/// A currency by three capital letters (ISO 4217). The default is `USD`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads three capital letters.
    ///
    /// # Errors
    /// [`CostError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, CostError> {
        let letters = <[u8; 3]>::try_from(text.as_bytes()).ok();
        letters
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or_else(|| CostError::Currency { given: shown(text) })
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self(*b"USD")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

/// Why a price cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CostError {
    /// An amount.
    #[error(
        "`{given}` is not an amount; expected 0 to 1000000 with at most six decimals, such as `0.0085`"
    )]
    Money {
        /// What was given, at most its first 40 characters.
        given: String,
    },
    /// A billing increment.
    #[error(
        "`{given}` is not a minimum and step; expected 1 to 3600 seconds each, such as `6/6` or `60/60`"
    )]
    Increment {
        /// What was given, at most its first 40 characters.
        given: String,
    },
    /// A currency.
    #[error("`{given}` is not a currency code; expected three capital letters, such as `USD`")]
    Currency {
        /// What was given, at most its first 40 characters.
        given: String,
    },
}

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// Decimals of an amount.
const DECIMALS: usize = 6;
/// Millionths in a unit.
const UNIT: u64 = 1_000_000;
/// The highest price, in millionths.
const MOST: u64 = 1_000_000 * UNIT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_exactly_and_shows_as_people_write_it() {
        for (text, millionths, again) in [
            ("0", 0, "0.00"),
            ("0.0085", 8_500, "0.0085"),
            ("0.000001", 1, "0.000001"),
            ("12.5", 12_500_000, "12.50"),
            ("007.10", 7_100_000, "7.10"),
            ("1000000", 1_000_000_000_000, "1000000.00"),
        ] {
            let amount = Money::parse(text).unwrap();
            assert_eq!(amount.millionths(), millionths, "{text}");
            assert_eq!(amount.to_string(), again);
        }
        for bad in [
            "",
            ".",
            ".5",
            "1.",
            "-1",
            "+1",
            "1e3",
            "0.0000001",
            "1,5",
            " 1",
            "1000000.000001",
            "99999999",
            "NaN",
            "\u{661}",
        ] {
            assert!(Money::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_call_is_charged_in_its_increments() {
        // (increment, milliseconds up, seconds charged)
        for (increment, up, charged) in [
            ("1/1", 0, 0),
            ("1/1", 1, 1),
            ("1/1", 1_000, 1),
            ("1/1", 1_001, 2),
            ("6/6", 1, 6),
            ("6/6", 6_000, 6),
            ("6/6", 6_001, 12),
            ("60/60", 59_999, 60),
            ("60/60", 60_001, 120),
            ("30/6", 5_000, 30),
            ("30/6", 31_000, 36),
            ("60/1", 61_000, 61),
        ] {
            // At 60 a minute a second costs 1.
            let price = price("60", "0", increment);
            let cost = price.call(up);
            assert_eq!(cost.millionths(), charged * UNIT, "{increment} {up}");
        }
    }

    #[test]
    fn a_millionth_that_is_torn_goes_to_the_nearer_side() {
        let price = price("0.0085", "0", "1/1");
        // 8,500 / 60 = 141.67; 2 * 8,500 / 60 = 283.33; 3 * 8,500 / 60 = 425.
        let costs = [1_000, 2_000, 3_000].map(|up| price.call(up).millionths());
        assert_eq!(costs, [142, 283, 425]);
    }

    #[test]
    fn the_busy_leg_is_a_cost_of_its_own() {
        let price = price("0.60", "0.001", "6/6");
        let double = Calls {
            busy_legs: 1,
            drop_legs: 1,
            ..Calls::NONE
        };
        let cost = price.drop(&double, 0, 12_000);
        assert_eq!(cost.busy.to_string(), "0.001");
        assert_eq!(cost.drop.to_string(), "0.121");
        assert_eq!(cost.total().to_string(), "0.122");

        let promoted = Calls {
            busy_legs: 1,
            ..Calls::NONE
        };
        let cost = price.drop(&promoted, 12_000, 0);
        assert_eq!(
            (cost.busy.to_string().as_str(), cost.drop),
            ("0.121", Money::ZERO)
        );
        assert_eq!(price.drop(&Calls::NONE, 0, 0), Cost::default());
    }

    #[test]
    fn sums_do_not_overflow() {
        let price = price("1000000", "1000000", "3600/3600");
        let cost = price.calls(u64::MAX, u64::MAX);
        assert_eq!(cost.millionths(), u64::MAX);
        let twice: Cost = [Cost {
            busy: cost,
            drop: cost,
        }; 2]
            .into_iter()
            .sum();
        assert_eq!(twice.total().millionths(), u64::MAX);
    }

    #[test]
    fn what_is_no_increment_or_currency_is_refused() {
        for bad in [
            "", "6", "6/", "/6", "0/6", "6/0", "6/3601", "+6/6", "6/6/6", "a/b",
        ] {
            assert!(Increment::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "US", "usd", "USDX", "U$D", "\u{20ac}"] {
            assert!(Currency::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Currency::parse("EUR").unwrap().to_string(), "EUR");
        assert_eq!(Increment::parse("60/6").unwrap().to_string(), "60/6");
        let words = Money::parse("1;DROP TABLE").unwrap_err().to_string();
        assert!(
            words.starts_with("`1;DROP TABLE` is not an amount"),
            "{words}"
        );
    }

    fn price(per_minute: &str, per_attempt: &str, increment: &str) -> Price {
        Price {
            per_minute: Money::parse(per_minute).unwrap(),
            per_attempt: Money::parse(per_attempt).unwrap(),
            increment: Increment::parse(increment).unwrap(),
            currency: Currency::default(),
        }
    }
}
