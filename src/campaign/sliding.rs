//! Sums over a recent window: a ring of spans of time, the oldest of which drops out as time goes by.

use std::{
    collections::VecDeque,
    ops::{AddAssign, SubAssign},
    time::Duration,
};

use jiff::Timestamp;

/// The sum of what was added within the last `window`, which is exact to a sixtieth of it: what is older than the
/// window may still count for that long.
#[derive(Clone, Debug)]
pub(super) struct Sliding<T> {
    window: Duration,
    /// Oldest first, each from its begin on.
    spans: VecDeque<(Timestamp, T)>,
    sum: T,
}

impl<T: Copy + Default + AddAssign + SubAssign> Sliding<T> {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window: window.max(SHORTEST),
            spans: VecDeque::new(),
            sum: T::default(),
        }
    }

    /// Adds what happened at `now`; what comes late is added to the last span.
    pub(super) fn add(&mut self, value: T, now: Timestamp) {
        self.roll(now);
        match self.spans.back_mut() {
            Some((begin, sum)) if now < *begin + self.window / SPANS => *sum += value,
            Some(_) | None => self.spans.push_back((now, value)),
        }
        self.sum += value;
    }

    /// Lets go of what is too old.
    pub(super) fn roll(&mut self, now: Timestamp) {
        while let Some(&(begin, value)) = self.spans.front() {
            if self.leaves(begin) > now {
                break;
            }
            self.spans.pop_front();
            self.sum -= value;
        }
    }

    pub(super) const fn sum(&self) -> T {
        self.sum
    }

    pub(super) fn clear(&mut self) {
        self.spans.clear();
        self.sum = T::default();
    }

    /// The sums of the latest span, of the latest two, and so on; the last is the whole.
    pub(super) fn tails(&self) -> impl Iterator<Item = T> + '_ {
        self.spans
            .iter()
            .rev()
            .scan(T::default(), |sum, &(_, value)| {
                *sum += value;
                Some(*sum)
            })
    }

    /// When, if nothing is added, the sum will have become one that `fits`; `None`: never.
    pub(super) fn when(&self, fits: impl Fn(T) -> bool) -> Option<Timestamp> {
        let mut sum = self.sum;
        self.spans.iter().find_map(|&(begin, value)| {
            sum -= value;
            fits(sum).then(|| self.leaves(begin))
        })
    }

    fn leaves(&self, begin: Timestamp) -> Timestamp {
        begin + self.window + self.window / SPANS
    }
}

/// In how many spans a window is kept.
const SPANS: u32 = 60;

/// The shortest window: a span is a second then.
const SHORTEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_drops_out() {
        let mut sliding = Sliding::new(Duration::from_secs(60));
        sliding.add(1, at(0));
        sliding.add(2, at(30));
        sliding.roll(at(60));
        assert_eq!(sliding.sum(), 3);
        sliding.roll(at(61));
        assert_eq!(sliding.sum(), 2);
        sliding.roll(at(91));
        assert_eq!(sliding.sum(), 0);
    }

    #[test]
    fn tails_grow_from_the_latest_span() {
        let mut sliding = Sliding::new(Duration::from_secs(60));
        for second in [0, 10, 20] {
            sliding.add(second + 1, at(second));
        }
        assert_eq!(sliding.tails().collect::<Vec<_>>(), [21, 32, 33]);
    }

    #[test]
    fn it_knows_when_a_sum_will_have_fallen() {
        let mut sliding = Sliding::new(Duration::from_secs(60));
        sliding.add(5, at(0));
        sliding.add(3, at(10));
        assert_eq!(sliding.when(|sum| sum <= 3), Some(at(61)));
        assert_eq!(sliding.when(|sum| sum == 0), Some(at(71)));
        assert_eq!(sliding.when(|sum| sum == 2), None);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
