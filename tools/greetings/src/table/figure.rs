//! A figure of a score, with its size and its range.

use crate::score::{Score, Share, quantile};

/// A row: what it says, its figure, and the goal.
pub(super) struct Row(
    pub(super) &'static str,
    pub(super) Figure,
    pub(super) &'static str,
);

/// How a figure is read from a score.
pub(super) enum Figure {
    /// A share in percent.
    Percent(fn(&Score) -> Option<Share>),
    /// A share as so many of so many.
    Count(fn(&Score) -> Option<Share>),
    /// A quantile: of what, which, times what, decimals.
    Quantile(fn(&Score) -> &[f64], f64, f64, usize),
    /// A rate, and how often what it counts was there.
    Rate(fn(&Score) -> Option<f64>, fn(&Score) -> usize),
}

impl Figure {
    /// The figure of all corpora pooled; in brackets its range over the single ones, and the number of calls that it is of.
    pub(super) fn cell(&self, pooled: &Score, single: &[Score]) -> String {
        let Some(value) = self.value(pooled) else {
            return NOTHING.to_owned();
        };
        if let Self::Count(share) = self {
            return share(pooled).map_or_else(|| NOTHING.to_owned(), of);
        }
        let decimals = self.decimals();
        let values: Vec<f64> = single
            .iter()
            .filter_map(|score| self.value(score))
            .collect();
        let range = if values.len() < 2 {
            String::new()
        } else {
            let least = values.iter().copied().fold(value, f64::min);
            let most = values.iter().copied().fold(value, f64::max);
            format!("{least:.decimals$} to {most:.decimals$}; ")
        };
        format!("{value:.decimals$} ({range}n {})", self.size(pooled))
    }

    /// The figure alone.
    pub(super) fn plain(&self, score: &Score) -> String {
        let decimals = self.decimals();
        self.value(score)
            .map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.decimals$}"))
    }

    fn value(&self, score: &Score) -> Option<f64> {
        match self {
            Self::Percent(share) | Self::Count(share) => share(score)?.percent(),
            Self::Quantile(values, which, factor, _) => {
                Some(factor * quantile(values(score), *which)?)
            }
            Self::Rate(rate, _) => rate(score),
        }
    }

    fn size(&self, score: &Score) -> usize {
        match self {
            Self::Percent(share) | Self::Count(share) => share(score).map_or(0, |share| share.of),
            Self::Quantile(values, ..) => values(score).len(),
            Self::Rate(_, count) => count(score),
        }
    }

    const fn decimals(&self) -> usize {
        match self {
            Self::Percent(_) => 1,
            Self::Count(_) => 0,
            Self::Quantile(_, _, _, decimals) => *decimals,
            Self::Rate(..) => 2,
        }
    }
}

/// So many of so many; nothing of nothing.
pub(super) fn of(share: Share) -> String {
    if share.of == 0 {
        NOTHING.to_owned()
    } else {
        format!("{} of {}", share.n, share.of)
    }
}

/// A system has no such figure.
pub(super) const NOTHING: &str = "-";
