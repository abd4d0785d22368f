//! The background behind the voice: a recording brings its noise and takes it away, a person's is there from answer on.

use super::{at::At, spectrum::Look};

/// Follows the background. Digital silence does not count: it says nothing of what was before the voice or after it.
#[derive(Default)]
pub(super) struct Background {
    /// The level, smoothed over 0.2 s, in dB.
    level: f32,
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
        let quiet = now.since(last);
        if quiet < AFTER {
            self.after = None;
        } else if self.after.is_none() && self.open == SETTLED {
            self.after = Some(self.level);
        }
    }

    /// When the far end's sound first came; the answer if that took long, or it never came.
    pub(super) fn opened(&self) -> At {
        let soon = |opened: &At| opened.since(At(0)) <= OPENS;
        self.opened.filter(soon).unwrap_or_default()
    }

    /// How much longer to wait for the end of a greeting whose background is still there, in seconds.
    pub(super) fn still_plays(&self, quiet: f32) -> f32 {
        match self.cue(quiet) {
            Some(NoiseCue::Came(_)) => STILL_PLAYS,
            Some(NoiseCue::Stopped(_) | NoiseCue::GoesOn) | None => 0.0,
        }
    }

    pub(super) fn cue(&self, quiet: f32) -> Option<NoiseCue> {
        let after = self.after.filter(|_| quiet >= AFTER * 2.0)?;
        if after - self.level >= NOISE_STEP {
            return Some(NoiseCue::Stopped(after - self.level));
        }
        let rise = self.level - self.before?;
        if rise >= NOISE_STEP {
            Some(NoiseCue::Came(rise))
        } else if rise.abs() <= NOISE_SAME && self.level >= NOISE_HEARD {
            Some(NoiseCue::GoesOn)
        } else {
            None
        }
    }
}

/// How much longer a pause may be while the recording's own background goes on (s): it is not over.
const STILL_PLAYS: f32 = 1.0;
/// From the first sound until it fills a window (s).
const WHOLE: f32 = 0.03;
/// Media comes at most this long after the answer (s). If nothing comes for longer, the far end is silent.
const OPENS: f32 = 1.0;
/// Of a hop's level into the smoothed one: 0.2 s.
const SMOOTH: f32 = 0.05;
/// Hops from which the smoothed level is one.
const SETTLED: u32 = 20;
/// Hops of digital silence that are more than two lost packets and the windows that touch them.
const GAP: u32 = 8;
/// From the last voice until the background is heard alone (s).
const AFTER: f32 = 0.4;
/// dB; talk in the background swings by 6.
const NOISE_STEP: f32 = 9.0;
/// dB from before to after that count as the same noise.
const NOISE_SAME: f32 = 4.0;
/// Quieter than this is the line's own noise (dB of full scale).
const NOISE_HEARD: f32 = -54.0;
