//! Numbers and times for people.

pub(super) use crate::orders::figures::{clock, count, counted, percent, span, tenths};
