//! What a trunk charges for beyond minutes: calls cancelled before answer, very short calls, people who were answered
//! and dropped; their shares over a window, and what follows when one comes near its limit.
//!
//! What is counted, of all calls that the PBX sent to its trunk within the window:
//!
//! | share | of | counts |
//! |---|---|---|
//! | cancelled | all calls | calls that we ended before they were answered: every busy leg that is released, and every leg that is given up at the answer deadline |
//! | given up | drop legs | of these, the drop legs alone: what remains if every drop is a single call |
//! | short | answered calls | answered calls of at most 6 s |
//! | people | answered calls | calls that a person answered and that we hung up on |
//!
//! A drop of two calls has one of them cancelled by design, so at best half of the calls of such drops are cancelled. A
//! limit of 20 % of all calls is kept only by a mix: with `d` the part of drops that are double, and `u` the part of
//! drop legs given up unanswered, a drop makes `1 + d` calls on average, of which `d + u` are cancelled, and
//! `(d + u) / (1 + d) <= L` means `d <= (L - u) / (1 - L)`. With `L` = 20 % and every drop leg answered, one drop in
//! four can be double; with 5 % unanswered, fewer than one in five ([`double_share`]). [`TechniqueRule::ByShare`] finds
//! this mix by itself, from what it counts, and aims a twentieth below the limit. Without a limit it has nothing to keep
//! to, and every drop is double.
//!
//! What a trunk charges for is in its contract, so that no limit of cancelled and of short calls counts unless it is
//! named. That of people is the law's for marketing: 3 % hold such campaigns back, and a limit that is named, all.
//!
//! No slowing and no waiting changes the share of short calls and of people: these are in the list and in how well the
//! line is kept busy. A pause limits how many calls are made at such a share: once the window has emptied below
//! [`BudgetLimits::at_least`] calls, dialling goes on until the share is known anew.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use super::{pace::Stretch, policy::CampaignKind, sliding::Sliding};
use crate::drop::Technique;

mod calls;
mod state;

pub use calls::{Calls, SHORT_CALL};
pub use state::GaugeState;

/// A part of a whole, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// A share in per cent, 0 to 100; more is 100.
    pub const fn percent(percent: u32) -> Self {
        Self::thousandths(percent.saturating_mul(10))
    }

    /// A share in thousandths, 0 to 1000; more is 1000.
    pub const fn thousandths(thousandths: u32) -> Self {
        Self(if thousandths > 1_000 {
            1_000
        } else {
            thousandths
        })
    }

    /// The share in thousandths.
    pub const fn as_thousandths(self) -> u32 {
        self.0
    }

    /// `part` of `whole`, rounded up, so that what is just past a limit shows as past it; nothing of nothing is 0.
    pub fn of(part: u64, whole: u64) -> Self {
        let thousandths = part.saturating_mul(1_000).div_ceil(whole.max(1)).min(1_000);
        Self(u32::try_from(thousandths).unwrap_or(1_000))
    }

    /// This share of another.
    const fn times(self, other: Self) -> Self {
        Self(self.0 * other.0 / 1_000)
    }
}

/// `20 %`, `7.5 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

/// The limits of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Over what time shares are counted, a minute or more.
    pub window: Duration,
    /// Calls cancelled before answer, of all calls; `None`: no limit.
    pub cancelled: Option<Share>,
    /// Calls of at most 6 s, of all answered calls; `None`: no limit.
    pub short: Option<Share>,
    /// People answered and dropped, of all answered calls; `None`: no limit.
    pub people: Option<Share>,
    /// Whom the limit of people holds back.
    pub people_hold: PeopleHold,
    /// How many calls a share has to be of to be judged.
    pub at_least: u32,
    /// From which part of a limit on dialling slows down, and at which it goes on after a pause.
    pub near: Share,
}

/// Which campaigns a limit holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeopleHold {
    /// Those of marketing.
    Marketing,
    /// Every one.
    All,
}

/// What the law says, and nothing that a trunk's contract may say: people 3 % for marketing, over an hour, of 100 calls or
/// more; slowing from 80 %.
impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(3600),
            cancelled: None,
            short: None,
            people: Some(Share::percent(3)),
            people_hold: PeopleHold::Marketing,
            at_least: 100,
            near: Share::percent(80),
        }
    }
}

impl BudgetLimits {
    /// No limit at all; shares are counted over an hour.
    pub fn none() -> Self {
        Self {
            people: None,
            ..Self::default()
        }
    }

    /// The limits that hold campaigns of a kind back.
    pub const fn of(&self, kind: CampaignKind) -> Self {
        let people = match (self.people_hold, kind) {
            (PeopleHold::All, _) | (PeopleHold::Marketing, CampaignKind::Marketing) => self.people,
            (PeopleHold::Marketing, CampaignKind::Informational) => None,
        };
        Self { people, ..*self }
    }
}

/// One call or two, and who decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TechniqueRule {
    /// Two calls if the share of cancelled calls allows it, else one; two always if that share has no limit.
    ByShare,
    /// Two calls always; dialling pauses if that passes the limit.
    #[default]
    Double,
    /// One call always.
    Single,
}

/// What of a campaign decides which limits hold its drops back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// One call or two.
    pub technique: TechniqueRule,
    /// Its purpose.
    pub kind: CampaignKind,
}

/// The largest part of drops that may be double for cancelled calls to stay within `limit`, 0 to 1, if `given_up`,
/// 0 to 1, is the part of drop legs that are given up unanswered: `(limit - given_up) / (1 - limit)`.
pub fn double_share(limit: Share, given_up: f64) -> f64 {
    let limit = f64::from(limit.as_thousandths()) / 1_000.0;
    if limit >= 1.0 {
        return 1.0;
    }
    ((limit - given_up) / (1.0 - limit)).clamp(0.0, 1.0)
}

/// Which share a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// Calls cancelled before answer, of all calls.
    Cancelled,
    /// Drop legs given up unanswered, of all drop legs.
    GivenUp,
    /// Calls of at most 6 s, of all answered calls.
    Short,
    /// People answered and dropped, of all answered calls.
    People,
}

impl Gauge {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cancelled, Self::GivenUp, Self::Short, Self::People];

    /// What is counted, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cancelled => "of calls were cancelled before answer",
            Self::GivenUp => "of drop legs were hung up unanswered",
            Self::Short => "of answered calls were at most 6 s long",
            Self::People => "of answered calls reached a person",
        }
    }

    /// The configuration key of its limit.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Cancelled | Self::GivenUp => "trunk.cancelled",
            Self::Short => "trunk.short",
            Self::People => "trunk.people",
        }
    }

    /// Its limit, if it has one.
    pub const fn limit(self, limits: &BudgetLimits) -> Option<Share> {
        match self {
            Self::Cancelled | Self::GivenUp => limits.cancelled,
            Self::Short => limits.short,
            Self::People => limits.people,
        }
    }

    /// The part and the whole.
    const fn read(self, calls: Calls) -> (u64, u64) {
        match self {
            Self::Cancelled => (calls.cancelled(), calls.all()),
            Self::GivenUp => (calls.given_up, calls.drop_legs),
            Self::Short => (calls.short, calls.answered),
            Self::People => (calls.people, calls.answered),
        }
    }

    /// What can stop calls on these terms. If a drop may be single, cancelled busy legs stop nothing: the next calls
    /// are single ones, and those bring the share down.
    fn that_bind(terms: Terms, limits: &BudgetLimits) -> impl Iterator<Item = Self> {
        let gauges = match terms.technique {
            TechniqueRule::Double => [Self::Cancelled, Self::Short, Self::People],
            TechniqueRule::Single | TechniqueRule::ByShare => {
                [Self::GivenUp, Self::Short, Self::People]
            }
        };
        let limits = limits.of(terms.kind);
        gauges
            .into_iter()
            .filter(move |gauge| gauge.limit(&limits).is_some())
    }
}

/// One share of calls, with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The share that was read.
    pub gauge: Gauge,
    /// How many calls of this kind there were.
    pub part: u64,
    /// Of how many calls.
    pub whole: u64,
    /// Its limit, if it has one.
    pub limit: Option<Share>,
    /// Whether it has passed its limit and has not come back from it.
    pub over: bool,
}

impl Reading {
    /// The share, rounded up.
    pub fn share(&self) -> Share {
        Share::of(self.part, self.whole)
    }
}

/// ``50.0 % of calls were cancelled before answer, limit 20.0 % (`trunk.cancelled`)``.
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.share(), self.gauge.words())?;
        let key = self.gauge.key();
        self.limit
            .map_or(Ok(()), |limit| write!(f, ", limit {limit} (`{key}`)"))
    }
}

/// The live account of one trunk.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: BudgetLimits,
    past: Sliding<Calls>,
    /// What the drops in flight will have counted at least.
    in_flight: Calls,
    usual: Usual,
    over: [bool; Gauge::ALL.len()],
}

impl Budget {
    /// An empty account.
    pub fn new(limits: BudgetLimits) -> Self {
        Self {
            past: Sliding::new(limits.window),
            limits,
            in_flight: Calls::NONE,
            usual: Usual::UNKNOWN,
            over: [false; Gauge::ALL.len()],
        }
    }

    /// The limits it holds to.
    pub const fn limits(&self) -> &BudgetLimits {
        &self.limits
    }

    /// Holds to other limits from here on. What was counted stays counted, unless the window is another.
    pub fn set_limits(&mut self, limits: BudgetLimits) {
        if limits.window != self.limits.window {
            self.past = Sliding::new(limits.window);
        }
        self.limits = limits;
        self.judge();
    }

    /// The calls of the window that have ended.
    pub const fn calls(&self) -> Calls {
        self.past.sum()
    }

    /// A drop begins.
    pub fn expect(&mut self, technique: Technique) {
        self.in_flight += Calls::at_least(technique);
    }

    /// A drop that was begun has ended, with these calls.
    pub fn settle(&mut self, technique: Technique, calls: Calls, now: Timestamp) {
        self.in_flight -= Calls::at_least(technique);
        self.add(calls, now);
    }

    /// Counts calls of drops that were not begun here: of an earlier run, for one. `at` may lie in the past, but not
    /// before what was counted already; older ones count as if they were of that time.
    pub fn add(&mut self, calls: Calls, at: Timestamp) {
        self.past.add(calls, at);
        self.usual.note(calls);
        self.judge();
    }

    /// Lets go of what is older than the window.
    pub fn roll(&mut self, now: Timestamp) {
        self.past.roll(now);
        self.judge();
    }

    /// One share of calls, with its limit.
    pub fn read(&self, gauge: Gauge) -> Reading {
        let (part, whole) = gauge.read(self.past.sum());
        Reading {
            gauge,
            part,
            whole,
            limit: gauge.limit(&self.limits),
            over: self.over[gauge as usize],
        }
    }

    /// One call or two for the next drop on these terms; the reading that forbids any, if one does.
    ///
    /// # Errors
    /// The share that is past its limit.
    pub fn technique(&self, terms: Terms) -> Result<Technique, Reading> {
        for gauge in Gauge::that_bind(terms, &self.limits) {
            if self.over[gauge as usize] {
                return Err(self.read(gauge));
            }
        }
        Ok(match terms.technique {
            TechniqueRule::Double => Technique::Double,
            TechniqueRule::Single => Technique::Single,
            TechniqueRule::ByShare if self.has_room_for_double() => Technique::Double,
            TechniqueRule::ByShare => Technique::Single,
        })
    }

    /// How much slower the next drop on these terms has to be: full speed up to [`BudgetLimits::near`] of a limit, a tenth
    /// of it at the limit.
    pub fn stretch(&self, terms: Terms) -> Stretch {
        Gauge::that_bind(terms, &self.limits)
            .filter_map(|gauge| self.stretch_of(gauge))
            .max()
            .unwrap_or(Stretch::NONE)
    }

    /// When the share that forbids calls on these terms will have come back, with no further calls; `None` if
    /// none forbids any, or if none comes back while calls are in flight.
    pub fn recovers(&self, terms: Terms) -> Option<Timestamp> {
        Gauge::that_bind(terms, &self.limits)
            .filter(|&gauge| self.over[gauge as usize])
            .filter_map(|gauge| self.past.when(|calls| is_back(&self.limits, gauge, calls)))
            .max()
    }

    fn judge(&mut self) {
        let calls = self.past.sum();
        for gauge in Gauge::ALL {
            let over = &mut self.over[gauge as usize];
            *over = if *over {
                !is_back(&self.limits, gauge, calls)
            } else {
                is_past(&self.limits, gauge, calls)
            };
        }
    }

    fn stretch_of(&self, gauge: Gauge) -> Option<Stretch> {
        let limit = gauge.limit(&self.limits)?;
        let (part, whole) = gauge.read(self.past.sum());
        if whole < u64::from(self.limits.at_least) {
            return None;
        }
        let near = limit.times(self.limits.near);
        let share = Share::of(part, whole);
        if share <= near {
            return None;
        }
        let left = limit.0.saturating_sub(share.0);
        let all = limit.0.saturating_sub(near.0).max(1);
        // The speed falls in a line from the whole at `near` to nothing at the limit, and stops at a tenth.
        let speed = (1_000 * left / all).max(1);
        Some(Stretch::thousandths(1_000_000 / speed))
    }

    /// Whether a drop of two calls keeps the share of cancelled calls within its limit: over the whole window, and over
    /// every latest part of it that has calls enough, for the older calls leave it first and must not have been what
    /// kept the share down. Of the drop legs in flight as many are taken to be given up as is usual here.
    fn has_room_for_double(&self) -> bool {
        let Some(limit) = self.limits.cancelled else {
            return true;
        };
        let mut next = self.in_flight;
        next += Calls::at_least(Technique::Double);
        next.given_up += self.usual.given_up_of(next.drop_legs);
        let fits = |mut calls: Calls| {
            calls += next;
            let (part, whole) = Gauge::Cancelled.read(calls);
            part * 1_000 <= u64::from(limit.times(AIM).0) * whole
        };
        let enough = u64::from(self.limits.at_least);
        let mut tails = self.past.tails().filter(|calls| calls.all() >= enough);
        fits(self.past.sum()) && tails.all(fits)
    }
}

/// How many drop legs are given up, as far as is remembered: longer than the window, for it matters most while the
/// window is empty, and the legs that will be given up are the last to end.
#[derive(Clone, Copy, Debug)]
struct Usual {
    given_up: u64,
    drop_legs: u64,
}

impl Usual {
    /// Before anything is known one in ten is taken to be given up.
    const UNKNOWN: Self = Self {
        given_up: 10,
        drop_legs: 100,
    };

    /// How many legs are remembered: what is older counts half.
    const REMEMBERED: u64 = 2_000;

    fn note(&mut self, calls: Calls) {
        self.given_up += calls.given_up;
        self.drop_legs += calls.drop_legs;
        if self.drop_legs > Self::REMEMBERED {
            self.given_up /= 2;
            self.drop_legs /= 2;
        }
    }

    /// How many of so many, rounded up.
    const fn given_up_of(self, drop_legs: u64) -> u64 {
        (drop_legs * self.given_up).div_ceil(self.drop_legs)
    }
}

fn is_past(limits: &BudgetLimits, gauge: Gauge, calls: Calls) -> bool {
    let (part, whole) = gauge.read(calls);
    gauge.limit(limits).is_some_and(|limit| {
        whole >= u64::from(limits.at_least) && part * 1_000 > u64::from(limit.0) * whole
    })
}

fn is_back(limits: &BudgetLimits, gauge: Gauge, calls: Calls) -> bool {
    let (part, whole) = gauge.read(calls);
    gauge.limit(limits).is_none_or(|limit| {
        let near = limit.times(limits.near);
        whole < u64::from(limits.at_least) || part * 1_000 <= u64::from(near.0) * whole
    })
}

/// What part of its limit the share of cancelled calls is kept to by choice of technique: chance takes the rest.
const AIM: Share = Share::percent(95);

#[cfg(test)]
mod tests;
