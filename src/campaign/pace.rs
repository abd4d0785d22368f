//! How fast drops may be started: never more than the rate in any sliding span of time, and evenly within it.

use std::{collections::VecDeque, num::NonZeroU32, time::Duration};

use jiff::Timestamp;

/// At most so many starts in any span of time that is `per` long: half open, so that a start and another one exactly
/// `per` later do not share one.
///
/// A start is a drop. One of [`crate::drop::Technique::Double`] makes two calls, a lead apart, so a trunk that takes
/// twelve calls a second carries six such starts a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    starts: NonZeroU32,
    per: Duration,
}

impl Rate {
    /// At most `starts` starts in any span of `per`; `None` if either is zero, `starts` is above
    /// [`Self::MOST_STARTS`] or `per` is longer than [`Self::LONGEST_SPAN`].
    pub fn new(starts: u32, per: Duration) -> Option<Self> {
        let fits = !per.is_zero() && per <= Self::LONGEST_SPAN && starts <= Self::MOST_STARTS;
        let starts = NonZeroU32::new(starts).filter(|_| fits)?;
        Some(Self { starts, per })
    }

    /// At most `starts` starts in any second.
    pub const fn per_second(starts: NonZeroU32) -> Self {
        Self {
            starts,
            per: Duration::from_secs(1),
        }
    }

    /// Most starts of one span: their times are kept.
    pub const MOST_STARTS: u32 = 100_000;

    /// The longest span.
    pub const LONGEST_SPAN: Duration = Duration::from_secs(24 * 3600);

    /// How many starts.
    pub const fn starts(self) -> u32 {
        self.starts.get()
    }

    /// In which span of time.
    pub const fn per(self) -> Duration {
        self.per
    }

    /// The distance of two starts that are evenly spread.
    pub fn gap(self) -> Duration {
        self.per / self.starts.get()
    }

    /// The distance of moments that are given out to several who start on their own, each up to `late` after its moment:
    /// then no span of [`Self::per`] has more than one start above the rate. Starts within a span have moments within
    /// `per + late`, half open, which holds `(per + late) / distance` of them, rounded up.
    pub fn gap_if_late(self, late: Duration) -> Duration {
        let starts = u128::from(self.starts.get()) + 1;
        let stretched = (self.per + late).as_micros().div_ceil(starts);
        let stretched = Duration::from_micros(u64::try_from(stretched).unwrap_or(u64::MAX));
        self.gap().max(stretched)
    }

    /// The part of one of so many who share it evenly: as many starts in a span so many times as long.
    pub fn part(self, sharers: u32) -> Self {
        let per = self.per.saturating_mul(sharers.max(1));
        Self {
            starts: self.starts,
            per: per.min(Self::LONGEST_SPAN.saturating_mul(MOST_SHARERS)),
        }
    }

    /// The slower of two.
    pub fn slower(self, other: Self) -> Self {
        if other.gap() > self.gap() {
            other
        } else {
            self
        }
    }
}

/// By how much the distance between two starts is stretched, in thousandths: 1000 is full speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch(u32);

impl Stretch {
    /// Full speed.
    pub const NONE: Self = Self(1_000);

    /// As slow as it gets: a tenth of full speed.
    pub const MOST: Self = Self(10_000);

    /// A stretch in thousandths, brought within [`Self::NONE`] and [`Self::MOST`].
    pub fn thousandths(thousandths: u32) -> Self {
        Self(thousandths.clamp(Self::NONE.0, Self::MOST.0))
    }

    /// The speed that is left, in per cent of full speed, 10 to 100.
    pub const fn speed_percent(self) -> u32 {
        100_000 / self.0
    }

    fn of(self, gap: Duration) -> Duration {
        gap * self.0 / Self::NONE.0
    }
}

/// No fleet has more controllers.
const MOST_SHARERS: u32 = 10_000;

/// Holds starts to a [`Rate`].
///
/// Two rules hold at once. The times of the last starts are kept, and a start has to be a whole span after the one that
/// is as many starts back as the rate allows: that is the limit, exactly, in every sliding span. And starts keep an even
/// distance, for bursts at the edge of the limit pass it by the delays on the way to the carrier: two
/// bursts that leave a second apart arrive less than a second apart.
#[derive(Clone, Debug)]
pub struct Pace {
    rate: Rate,
    /// The times of the last starts, oldest first; as many as the rate allows in a span.
    times: VecDeque<Timestamp>,
    /// The next start's place in an even row.
    slot: Option<Timestamp>,
}

impl Pace {
    /// A pace that has seen no start.
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            times: VecDeque::new(),
            slot: None,
        }
    }

    /// The rate it holds to.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Holds to another rate from here on; the starts whose times are kept count.
    pub fn set_rate(&mut self, rate: Rate) {
        // A slot far ahead belongs to the old rate.
        if let (Some(slot), Some(&last)) = (self.slot, self.times.back()) {
            self.slot = Some(slot.min(last + rate.gap()));
        }
        self.rate = rate;
    }

    /// The moment from which the next start is allowed; `None` if it always was.
    pub fn next(&self) -> Option<Timestamp> {
        let starts = self.rate.starts() as usize;
        let limit = self
            .times
            .len()
            .checked_sub(starts)
            .and_then(|at| self.times.get(at))
            .map(|&at| at + self.rate.per);
        limit.max(self.slot)
    }

    /// Whether a start is allowed at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.next().is_none_or(|at| at <= now)
    }

    /// Takes note of a start.
    pub fn note(&mut self, stretch: Stretch, now: Timestamp) {
        let starts = self.rate.starts() as usize;
        while self.times.len() >= starts {
            self.times.pop_front();
        }
        self.times.push_back(now);
        let gap = stretch.of(self.rate.gap());
        // A start that came a little late does not push back the whole row, or the rate would never be reached.
        let slot = self
            .slot
            .map_or(now, |slot| slot.clamp(before(now, CATCH_UP), now));
        self.slot = Some(slot + gap);
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// How late a start may be without the next one being later too: a transaction and the clock of a machine that is busy.
/// From twenty starts a second on it is longer than their distance, and starts that were held up leave together.
const CATCH_UP: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_span_opens_exactly_a_span_after_its_first_start() {
        let mut pace = Pace::new(rate(2, 1_000));
        pace.note(Stretch::NONE, at(0));
        assert_eq!(pace.next(), Some(at(500)));
        pace.note(Stretch::NONE, at(500));
        assert_eq!(pace.next(), Some(at(1_000)));
        assert!(!pace.is_open(at(999)));
        assert!(pace.is_open(at(1_000)));
    }

    #[test]
    fn starts_keep_an_even_distance() {
        assert_eq!(
            starts(rate(4, 1_000), Stretch::NONE, 6),
            [0, 250, 500, 750, 1_000, 1_250]
        );
        assert_eq!(
            starts(rate(1, 10_000), Stretch::NONE, 3),
            [0, 10_000, 20_000]
        );
        assert_eq!(
            starts(rate(4, 1_000), Stretch::thousandths(2_000), 3),
            [0, 500, 1_000]
        );
    }

    #[test]
    fn a_late_start_is_caught_up_with_and_a_pause_is_not() {
        let mut pace = Pace::new(rate(5, 1_000));
        pace.note(Stretch::NONE, at(0));
        pace.note(Stretch::NONE, at(230));
        assert_eq!(pace.next(), Some(at(400)));
        pace.note(Stretch::NONE, at(5_000));
        assert_eq!(pace.next(), Some(at(5_150)));
    }

    #[test]
    fn catching_up_does_not_pass_the_limit() {
        let mut pace = Pace::new(rate(2, 60));
        let mut times = Vec::new();
        let mut now = 0;
        for late in [0, 29, 0, 17, 3, 0, 29, 29, 0, 0, 1] {
            now = pace.next().map_or(now, |at| at.as_millisecond()) + late;
            pace.note(Stretch::NONE, at(now));
            times.push(now);
        }
        for pair in times.windows(3) {
            assert!(pair[2] - pair[0] >= 60, "{times:?}");
        }
    }

    #[test]
    fn a_fast_rate_is_reached_by_looking_now_and_then() {
        let mut pace = Pace::new(rate(500, 1_000));
        let mut times = Vec::new();
        for now in (0..10_000).step_by(40) {
            while pace.is_open(at(now)) {
                pace.note(Stretch::NONE, at(now));
                times.push(now);
            }
        }
        assert!(times.len() > 4_950, "{}", times.len());
        for span in times.windows(501) {
            assert!(span[500] - span[0] >= 1_000, "{span:?}");
        }
    }

    #[test]
    fn moments_for_several_allow_one_start_more_in_any_span_and_no_second_one() {
        for (starts, per, late) in [
            (1, 1_000, 100),
            (2, 1_000, 100),
            (10, 1_000, 100),
            (100, 1_000, 100),
            (1, 10_000, 250),
        ] {
            let rate = rate(starts, per);
            let gap = rate.gap_if_late(Duration::from_millis(late)).as_micros();
            let span = u128::from(per + late) * 1_000;
            assert!(
                span.div_ceil(gap) <= u128::from(starts) + 1,
                "{starts} in {per} ms"
            );
            assert!(gap >= rate.gap().as_micros());
        }
        assert_eq!(
            rate(2, 1_000).gap_if_late(Duration::from_millis(100)),
            Duration::from_millis(500)
        );
    }

    #[test]
    fn parts_of_a_rate_add_up_to_it() {
        let whole = rate(2, 1_000);
        let part = whole.part(6);
        assert_eq!((part.starts(), part.per()), (2, Duration::from_secs(6)));
        assert_eq!(whole.part(0), whole);
        assert_eq!(whole.slower(part), part);
        assert_eq!(part.slower(whole), part);
    }

    #[test]
    fn another_rate_counts_what_was_started_before() {
        let mut pace = Pace::new(rate(1, 60_000));
        pace.note(Stretch::NONE, at(0));
        pace.set_rate(rate(2, 1_000));
        assert_eq!(pace.next(), Some(at(500)));
        pace.note(Stretch::NONE, at(500));
        assert_eq!(pace.next(), Some(at(1_000)));
    }

    #[test]
    fn a_rate_has_bounds() {
        assert!(Rate::new(0, Duration::from_secs(1)).is_none());
        assert!(Rate::new(1, Duration::ZERO).is_none());
        assert!(Rate::new(1, Rate::LONGEST_SPAN).is_some());
        assert!(Rate::new(Rate::MOST_STARTS + 1, Duration::from_secs(1)).is_none());
    }

    fn starts(rate: Rate, stretch: Stretch, count: usize) -> Vec<i64> {
        let mut pace = Pace::new(rate);
        let mut times = Vec::new();
        for _ in 0..count {
            let now = pace.next().unwrap_or(at(0));
            pace.note(stretch, now);
            times.push(now.as_millisecond());
        }
        times
    }

    fn rate(starts: u32, millis: u64) -> Rate {
        Rate::new(starts, Duration::from_millis(millis)).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }
}
