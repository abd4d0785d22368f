//! Which time to go by, and whether it can be relied on: pure, fed with readings.
//!
//! Three clocks are compared: the wall clock, which anybody may set; the time since the machine was started, which nobody
//! sets; and the clock of the database server, if it has one. The time that is gone by advances with the second. It follows
//! small corrections of the wall clock slowly, and large ones only once they are certain:
//!
//! | the wall clock | the server's clock | what is done |
//! |---|---|---|
//! | is within [`CLOCKS_WITHIN`] of the time gone by | is within it of the wall clock | it is followed, by 0.5 ms a second |
//! | any | is further from the wall clock | [`Doubt::Apart`] until they agree |
//! | jumped | jumped with it, or there is none | [`Doubt::Jumped`] until it is put right, or for [`SETTLED_AFTER`] |
//! | jumped ahead, and stayed there for that long | agrees | it is followed at once |
//! | jumped back, and stayed there for that long | agrees | [`Doubt::SetBack`]: time never goes back within a run, which begins anew |
//!
//! A machine that was suspended has not jumped: its time since the start went on. The speed of the clocks may be corrected
//! without a jump: both of the machine's follow that.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// This machine's clocks at one moment, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock, since 1970.
    pub wall: i64,
    /// Since the machine was started, with the time in which it was suspended.
    pub boot: i64,
}

/// Why the time cannot be relied on, so that nothing is dialled. Its words say what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// This machine's clock and the database server's differ.
    Apart {
        /// By how much this machine's is ahead.
        by: SignedDuration,
        /// Which of them jumped, and when, if that was seen.
        jumped: Option<(ClockOf, Timestamp)>,
    },
    /// The wall clock jumped, and nothing says that it is right now.
    Jumped {
        /// By how much it is ahead of the time gone by.
        by: SignedDuration,
        /// When that was seen.
        at: Timestamp,
        /// Whether the database server's clock jumped with it.
        with_server: bool,
    },
    /// The wall clock was set back for good, behind the time gone by.
    SetBack {
        /// By how much.
        by: SignedDuration,
    },
}

/// Whose clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockOf {
    /// This machine's.
    Machine,
    /// The database server's.
    Server,
}

/// Compares the clocks, and keeps the time that is gone by. It never goes back, but for the first comparison with a server.
#[derive(Debug)]
pub struct ClockJudge {
    /// What the time gone by is ahead of the time since the start.
    ahead: i64,
    /// When that was last changed, by the time since the start.
    changed: i64,
    /// The last reading, and the latest time that was given.
    boot: i64,
    latest: i64,
    wall: Watched,
    server: Option<Watched>,
    doubt: Option<Doubt>,
    /// Since when the clocks agree again, by the time since the start, while there is still a doubt.
    agree_since: Option<i64>,
}

/// A clock that may jump: by how much it is ahead of the time since the start.
#[derive(Debug)]
struct Watched {
    low: i64,
    high: i64,
    /// Where it was when it last jumped, or at first, and since when.
    anchor: i64,
    since: i64,
    /// When it last jumped, by the time gone by.
    jumped: Option<i64>,
}

impl ClockJudge {
    /// Begins with the wall clock's time.
    pub const fn new(first: Reading) -> Self {
        let ahead = first.wall - first.boot;
        Self {
            ahead,
            changed: first.boot,
            boot: first.boot,
            latest: first.wall,
            wall: Watched::new(ahead, ahead, first.boot),
            server: None,
            doubt: None,
            agree_since: None,
        }
    }

    /// Takes a reading in; returns the time to go by, in microseconds since 1970.
    pub fn read(&mut self, reading: Reading) -> i64 {
        let boot = reading.boot.max(self.boot);
        self.boot = boot;
        let now = boot + self.ahead;
        let ahead = reading.wall - reading.boot;
        self.wall.note(ahead, ahead, boot, now);
        self.judge();
        self.time()
    }

    /// The time to go by if the wall clock could not be read at the same moment.
    pub fn pass(&mut self, boot: i64) -> i64 {
        self.boot = self.boot.max(boot);
        self.time()
    }

    /// Takes in what the database server's clock showed at some moment between the time `given` by [`Self::read`] and this
    /// reading; returns the time to go by.
    ///
    /// The first time comes before anything goes by this time: if the server's is behind it is gone by, so that the other
    /// clock is the one that may be followed.
    pub fn compare(&mut self, given: i64, server: i64, reading: Reading) -> i64 {
        let now = self.read(reading);
        let low = self.ahead + server - now.max(given);
        let high = self.ahead + server - given.min(now);
        let (boot, within) = (self.boot, micros(CLOCKS_WITHIN));
        match &mut self.server {
            None => {
                if high < self.ahead - within {
                    self.ahead = high;
                    self.latest = boot + high;
                }
                self.server = Some(Watched::new(low, high, boot));
            }
            // An answer that took its time says little, unless it says for certain that they differ.
            Some(known) => {
                let is_vague = high - low > micros(VAGUE);
                if !is_vague || distance(self.wall.low, low, high).abs() > within {
                    known.note(low, high, boot, now);
                }
            }
        }
        self.judge();
        self.time()
    }

    /// Why the time cannot be relied on, if it cannot.
    pub const fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    fn time(&mut self) -> i64 {
        self.latest = self.latest.max(self.boot + self.ahead);
        self.latest
    }

    fn judge(&mut self) {
        match self.find() {
            Some(found) => {
                self.doubt = Some(found);
                self.agree_since = None;
            }
            None if self.doubt.is_some() => {
                let since = *self.agree_since.get_or_insert(self.boot);
                if self.boot - since >= micros(AGREE_FOR) {
                    self.doubt = None;
                    self.agree_since = None;
                }
            }
            None => {}
        }
        if self.doubt.is_none() {
            self.follow();
        } else {
            self.changed = self.boot;
        }
    }

    fn find(&self) -> Option<Doubt> {
        let within = micros(CLOCKS_WITHIN);
        let wall = self.wall.low;
        if let Some(server) = &self.server {
            let by = distance(wall, server.low, server.high);
            if by.abs() > within {
                let jumps = [
                    (ClockOf::Machine, self.wall.jumped),
                    (ClockOf::Server, server.jumped),
                ];
                let jumps = jumps
                    .into_iter()
                    .filter_map(|(whose, at)| Some((at?, whose)));
                let last = jumps.max_by_key(|&(at, _)| at);
                return Some(Doubt::Apart {
                    by: SignedDuration::from_micros(by),
                    jumped: last.map(|(at, whose)| (whose, timestamp(at))),
                });
            }
        }
        let by = wall - self.ahead;
        if by.abs() <= within {
            return None;
        }
        let watched = [Some(&self.wall), self.server.as_ref()];
        let is_settled = |watched: &Watched| self.boot - watched.since >= micros(SETTLED_AFTER);
        let by = SignedDuration::from_micros(by);
        if !watched.into_iter().flatten().any(is_settled) {
            return Some(Doubt::Jumped {
                by,
                at: timestamp(self.wall.jumped.unwrap_or(self.latest)),
                with_server: self.server.is_some(),
            });
        }
        by.is_negative().then_some(Doubt::SetBack { by: by.abs() })
    }

    /// Follows the wall clock: slowly, or at once if it is ahead for good.
    fn follow(&mut self) {
        let off = self.wall.low - self.ahead;
        if off > micros(CLOCKS_WITHIN) {
            self.ahead = self.wall.low;
            self.changed = self.boot;
            return;
        }
        let most = (self.boot - self.changed) / SLOWNESS;
        if most > 0 {
            self.ahead += off.clamp(-most, most);
            self.changed = self.boot;
        }
    }
}

impl Watched {
    const fn new(low: i64, high: i64, boot: i64) -> Self {
        Self {
            low,
            high,
            anchor: low,
            since: boot,
            jumped: None,
        }
    }

    /// It is between these by now; `now` is the time gone by.
    fn note(&mut self, low: i64, high: i64, boot: i64, now: i64) {
        self.low = low;
        self.high = high;
        if distance(self.anchor, low, high).abs() > micros(CLOCKS_WITHIN) {
            self.anchor = low;
            self.since = boot;
            self.jumped = Some(now);
        }
    }
}

/// By how much a value is above a span, or below it.
fn distance(value: i64, low: i64, high: i64) -> i64 {
    value - value.clamp(low, high.max(low))
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = CLOCKS_WITHIN.as_secs();
        match *self {
            Self::Apart { by, jumped } => {
                let side = if by.is_negative() {
                    "behind"
                } else {
                    "ahead of"
                };
                let by = Span(by.abs());
                write!(
                    f,
                    "the clock of this machine is {by} {side} the database server's"
                )?;
                match jumped {
                    Some((ClockOf::Machine, at)) => write!(f, ": it jumped at {}", Second(at))?,
                    Some((ClockOf::Server, at)) => {
                        write!(f, ": the server's jumped at {}", Second(at))?;
                    }
                    None => {}
                }
                write!(f, "; nothing is dialled until they agree within {within} s")
            }
            Self::Jumped {
                by,
                at,
                with_server,
            } => {
                let sign = if by.is_negative() { '-' } else { '+' };
                let (by, at) = (Span(by.abs()), Second(at));
                let minutes = SETTLED_AFTER.as_secs() / 60;
                let whose = if with_server {
                    "the clocks of this machine and of the database server"
                } else {
                    "the clock of this machine"
                };
                write!(
                    f,
                    "{whose} jumped by {sign}{by} at {at}; nothing is dialled until that is put right, or has stayed so \
                     for {minutes} min"
                )
            }
            Self::SetBack { by } => {
                let by = Span(by);
                write!(
                    f,
                    "the clock of this machine was set back by {by}, and has stayed so; the run begins anew with that time once \
                     the drops in flight have ended"
                )
            }
        }
    }
}

/// A span of time, for people.
struct Span(SignedDuration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.0.as_millis() + 500) / 1_000;
        match seconds {
            3_600.. => write!(f, "{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
            60.. => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(f, "{:.1} s", self.0.as_secs_f64()),
        }
    }
}

/// A moment to the second, for people.
struct Second(Timestamp);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} UTC", self.0.strftime("%H:%M:%S"))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// How far two clocks may be apart, so that what one says can be relied on.
pub const CLOCKS_WITHIN: Duration = Duration::from_secs(2);

/// For how long a clock has to stay where it jumped to, unless it is put right, until that is taken for the time.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// For how long clocks that differed have to agree until they are relied on again.
const AGREE_FOR: Duration = Duration::from_secs(5);

/// The uncertainty from which a reading of the server's clock does not count.
const VAGUE: Duration = Duration::from_secs(1);

/// The wall clock is followed by a part of the time that passes: one of so many. Rates, which go by this time, hold.
const SLOWNESS: i64 = 2_000;

#[cfg(test)]
mod tests;
