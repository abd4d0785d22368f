//! A tone that may be a ring: it is no beep before the longest pause between two rings has gone by without the next.
//!
//! ```text
//!  lone tone of 350 to 500 Hz, or a pair ──> watched ──┬─ the same again ──> ringback: wait anew
//!                                                      ├─ words ──────────> somebody took the call: a new turn
//!                                                      └─ 6 s of neither ─> a beep
//! ```

use super::{
    at::At,
    line_tones::{COUNTRIES, LONGEST_PAUSE, SHORTEST_RING},
    tone::Beep,
};

/// A tone that is watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) tone: Beep,
    /// Whether there were words before it.
    pub(super) spoken: bool,
}

impl Watched {
    /// Whether this is the next ring.
    pub(super) fn comes_again(&self, next: &Beep, pause: f32) -> bool {
        rings_alike(&self.tone, next) && next.start.since(self.tone.end) <= pause + LATE
    }

    /// Whether a tone that is too rough for a beep is the next ring.
    pub(super) fn sounds_again(&self, start: At, end: At, hz: f32) -> bool {
        start > self.tone.end
            && end.since(start) >= LEAST * 0.75
            && (hz - self.tone.hz).abs() <= SAME_HZ
    }
}

/// Whether a tone may be a ring by its pitch and length.
pub(super) fn may_ring(tone: &Beep) -> bool {
    match tone.second_hz {
        Some(second) => RANGE.contains(&tone.hz) && RANGE.contains(&second),
        None => RANGE.contains(&tone.hz) && lasted(tone) >= LEAST && tone.sweep == 0.0,
    }
}

/// Whether a tone is a whole ring of some country, as exact as exchanges make them. A double ring is known by its second burst.
pub(super) fn is_ring_of_a_country(tone: &Beep) -> bool {
    let single = COUNTRIES
        .iter()
        .filter(|country| country.ringing.times.len() == 2);
    let mut rings = single.map(|country| country.ringing);
    rings.any(|ring| ring.is(tone.hz, tone.second_hz, lasted(tone)))
}

/// Whether the later tone may be the next ring after the earlier, whose beginning may have been cut off.
pub(super) fn rings_alike(earlier: &Beep, later: &Beep) -> bool {
    (earlier.hz - later.hz).abs() <= SAME_HZ
        && earlier.second_hz.is_some() == later.second_hz.is_some()
        && lasted(later) >= lasted(earlier) - SAME_TIME
}

fn lasted(tone: &Beep) -> f32 {
    tone.end.since(tone.start)
}

/// How long a tone that started the message is watched for coming again as a ring does, from the message's start (s).
pub(super) const AGAIN: std::ops::RangeInclusive<f32> = 1.5..=LONGEST_PAUSE + 1.5;

/// Whether a tone over the message is the ring that started it, come again.
pub(super) fn was_ring(first: &Beep, again: &Beep, since: At) -> bool {
    let same = (lasted(first) - lasted(again)).abs() <= SAME_TIME.max(lasted(first) * 0.15);
    let of_a_line = first.hz <= LINE_TONES && first.second_hz.is_none_or(|hz| hz <= LINE_TONES);
    of_a_line && rings_alike(first, again) && same && AGAIN.contains(&again.start.since(since))
}

/// Hz: ringing is 400 to 480 Hz; some old exchanges have 350 to 500.
const RANGE: std::ops::RangeInclusive<f32> = 340.0..=505.0;
/// Hz: no network has a tone that comes again and is higher than the upper one of a busy pair; a mailbox's limit may be.
const LINE_TONES: f32 = 640.0;
/// The shortest ring, less what its edges take (s).
const LEAST: f32 = SHORTEST_RING - 0.05;
/// Hz, and seconds, within which two bursts are the same.
const SAME_HZ: f32 = 12.0;
const SAME_TIME: f32 = 0.1;
/// An exchange may be late by so much (s).
const LATE: f32 = 0.4;
