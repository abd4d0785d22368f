//! The background behind the voice: a recording brings its noise and takes it away, a person's is there from answer on.

use super::{at::At, spectrum::Look};

/// Follows the background. Digital silence does not count: it says nothing of what was before the voice or after it.
#[derive(Default)]
pub(super) struct Background {
    /// The level, smoothed over 0.2 s, in dB.
    level: f32,
    /// The levels of the last hops, the newest first.
    latest: [f32; LATEST],
    /// Hops since the line opened, as far as the first matter.
    open: u32,
    /// Hops of digital silence up to now, as far as they matter.
    void: u32,
    /// When the far end's sound first came.
    opened: Option<At>,
    /// The least of it before the first speech.
    before: Option<f32>,
    /// What it was shortly after the last voice.
    after: Option<f32>,
    /// How long after the last voice that was still heard (s).
    stayed: f32,
    /// Hops since it fell from that, and since it is above what was before the first speech, as far as they matter.
    fallen: u32,
    risen: u32,
}

/// What the background says.
pub(super) enum NoiseCue {
    /// It rose with the voice, by so many dB.
    Came(f32),
    /// It fell soon after the voice, by so many dB.
    Stopped(f32),
    /// It is as it was before.
    GoesOn,
}

impl Background {
    pub(super) fn hop(&mut self, look: &Look, last_voice: Option<At>, now: At) {
        if !look.void && self.opened.is_none() {
            self.opened = Some(now.before(WHOLE));
        }
        self.void = if look.void {
            (self.void + 1).min(GAP)
        } else {
            0
        };
        if look.void && self.void < GAP {
            // A lost packet.
            return;
        }
        if self.open == 0 {
            self.level = look.level;
        }
        self.level += (look.level - self.level) * SMOOTH;
        self.latest.rotate_right(1);
        self.latest[0] = look.level;
        self.open = if look.void {
            0
        } else {
            (self.open + 1).min(SETTLED)
        };
        let Some(last) = last_voice else {
            if self.open == SETTLED {
                self.before = Some(
                    self.before
                        .map_or(self.level, |before| before.min(self.level)),
                );
            }
            return;
        };
        let fell = self
            .after
            .is_some_and(|after| after - self.level >= NOISE_STEP);
        let rose = self
            .before
            .is_some_and(|before| self.level - before >= NOISE_STEP);
        let count = |hops: u32, on: bool| if on { (hops + 1).min(STAYS_SO) } else { 0 };
        self.fallen = count(self.fallen, fell);
        self.risen = count(self.risen, rose);
        let quiet = now.since(last);
        if self.open == SETTLED && !fell {
            self.stayed = quiet;
        }
        if quiet < AFTER {
            self.after = None;
            self.risen = 0;
        } else if self.after.is_none() && quiet < AFTER_AT_MOST && self.open == SETTLED {
            self.after = self.steady();
        }
    }

    /// When the far end's sound first came; the answer if that took long, or it never came.
    pub(super) fn opened(&self) -> At {
        let soon = |opened: &At| opened.since(At(0)) <= OPENS;
        self.opened.filter(soon).unwrap_or_default()
    }

    /// The level of the last hops, if it neither falls nor rises.
    fn steady(&self) -> Option<f32> {
        let part = LATEST / 3;
        let mean = |levels: &[f32]| levels.iter().sum::<f32>() / part as f32;
        let means: [f32; 3] = std::array::from_fn(|n| mean(&self.latest[n * part..(n + 1) * part]));
        let (least, most) = means
            .iter()
            .fold((means[0], means[0]), |(least, most), mean| {
                (mean.min(least), mean.max(most))
            });
        (most - least <= STEADY).then_some(means[0])
    }

    /// How many times the usual silence to wait for the end of a greeting: a recording's own background that goes on says that it
    /// is not over, and one that stopped that it is.
    pub(super) fn patience(&self, quiet: f32) -> f32 {
        match self.cue(quiet) {
            Some(NoiseCue::Came(_)) => STILL_PLAYS,
            Some(NoiseCue::Stopped(_)) => IS_OVER,
            Some(NoiseCue::GoesOn) | None => 1.0,
        }
    }

    pub(super) fn cue(&self, quiet: f32) -> Option<NoiseCue> {
        let after = self.after.filter(|_| quiet >= KNOWN)?;
        let cut = self.open == 0 && self.stayed < STAYS;
        if self.fallen == STAYS_SO && !cut {
            return Some(NoiseCue::Stopped(after - self.level));
        }
        let rise = self.level - self.before?;
        if self.risen == STAYS_SO {
            Some(NoiseCue::Came(rise))
        } else if rise.abs() <= NOISE_SAME && self.level >= NOISE_HEARD {
            Some(NoiseCue::GoesOn)
        } else {
            None
        }
    }
}

/// How many times longer a pause may be while the recording's own background goes on.
const STILL_PLAYS: f32 = 1.5;
/// And after it stopped: as long as the pauses that a recording has where it was put together of pieces.
const IS_OVER: f32 = 0.9;
/// From the first sound until it fills a window (s).
const WHOLE: f32 = 0.03;
/// Media comes at most this long after the answer (s). If nothing comes for longer, the far end is silent.
const OPENS: f32 = 1.0;
/// Of a hop's level into the smoothed one: 0.2 s.
const SMOOTH: f32 = 0.05;
/// Hops over which a background is steady.
const LATEST: usize = 24;
/// What still falls by more is a word's end, or a room's echo of it (dB).
const STEADY: f32 = 4.0;
/// Hops from which the smoothed level is one.
const SETTLED: u32 = 20;
/// Hops of digital silence that are more than two lost packets and the windows that touch them.
const GAP: u32 = 8;
/// From the last voice until the background is heard alone (s).
const AFTER: f32 = 0.2;
/// From the last voice until the background is known (s).
const KNOWN: f32 = 0.8;
/// What is heard alone no sooner is not the background of the greeting (s).
const AFTER_AT_MOST: f32 = 0.6;
/// dB; talk in the background swings by 6.
const NOISE_STEP: f32 = 9.0;
/// A far end that sends nothing in pauses sends the background for less than this after the last word (s).
const STAYS: f32 = 0.4;
/// Hops for which it has to stay so: lost packets are gaps, and the next word begins with a rise.
const STAYS_SO: u32 = 25;
/// dB from before to after that count as the same noise.
const NOISE_SAME: f32 = 4.0;
/// Quieter than this is the line's own noise (dB of full scale).
const NOISE_HEARD: f32 = -54.0;
