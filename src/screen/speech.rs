//! Speech and silence: energy above a noise floor that is followed, with the loudness of the voice as a second measure.

use super::{at::At, spectrum::Look};

/// Finds when speech begins and ends.
pub(super) struct Speech {
    /// The noise floor in dB; `None` before the line opened.
    noise: Option<f32>,
    /// Hops since the line opened, without digital silence between them, as far as the first matter.
    hops: u32,
    /// The loudness of what spoke, in dB; fades slowly.
    loud: f32,
    /// Which of the last hops were loud enough, the newest in the lowest bit.
    recent: u32,
    /// The last hop that was part of speech.
    last: Option<At>,
    speaking: bool,
}

/// Speech begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Edge {
    Began(At),
    Ended(At),
}

impl Speech {
    pub(super) const fn new() -> Self {
        Self {
            noise: None,
            hops: 0,
            loud: LOUD_AT_FIRST,
            recent: 0,
            last: None,
            speaking: false,
        }
    }

    pub(super) fn hop(&mut self, look: &Look, now: At) -> Option<Edge> {
        self.follow_noise(look);
        let active = self
            .noise
            .is_some_and(|noise| look.level > self.threshold(noise))
            && look.one < TONAL;
        self.recent = (self.recent << 1) | u32::from(active);
        let dense = (self.recent & RECENT).count_ones() >= DENSE;
        if active && dense {
            // A voice's level is that of its strong parts; it is learnt at once and forgotten slowly.
            let rise = (look.level - self.loud).max(0.0) * LEARN;
            self.loud += rise;
            self.last = Some(now.before(CENTRE));
        }
        self.loud = (self.loud - FADE).max(LOUD_AT_FIRST);
        if dense && !self.speaking {
            self.speaking = true;
            let hops = 32 - (self.recent & RECENT).leading_zeros();
            let start = now.before(CENTRE + hops as f32 * 0.01);
            return Some(Edge::Began(start));
        }
        let last = self.last?;
        if self.speaking && now.since(last) > HANGOVER {
            self.speaking = false;
            return Some(Edge::Ended(last));
        }
        None
    }

    /// Whether this hop is part of speech.
    pub(super) const fn active(&self) -> bool {
        self.speaking && self.recent & 1 == 1
    }

    /// The last of the speech so far.
    pub(super) const fn last_voice(&self) -> Option<At> {
        self.last
    }

    fn threshold(&self, noise: f32) -> f32 {
        let between = ((self.loud - noise) * BETWEEN).max(OVER_NOISE);
        (noise + between).max(self.loud - UNDER_LOUD).max(FAINTEST)
    }

    fn follow_noise(&mut self, look: &Look) {
        if look.void {
            // Digital silence is not the line's. What comes after it is the line, if it was not heard long enough before.
            if self.hops < FIRST_HOPS {
                self.hops = 0;
                self.noise = None;
            }
            return;
        }
        let level = look.level;
        let noise = self.noise.get_or_insert(NOISE_AT_MOST);
        if self.hops < FIRST_HOPS {
            // Speech hardly ever begins in the first tenth of a second: what sounds then is the line.
            self.hops += 1;
            *noise = noise.min(level);
        } else if level < *noise {
            *noise -= (*noise - level).min(NOISE_FALLS);
        } else {
            let rise = if self.speaking {
                NOISE_RISES_IN_SPEECH
            } else {
                NOISE_RISES
            };
            *noise += (level - *noise).min(rise);
        }
        *noise = noise.clamp(super::spectrum::SILENT, NOISE_AT_MOST);
    }
}

/// A hop's level has to be this far above the noise floor, which runs along the noise's lower edge (dB).
const OVER_NOISE: f32 = 7.0;

/// Or this part of the way from the noise to the voice, if that is more: other people's talk in the background swells.
const BETWEEN: f32 = 0.5;

/// What is this far under the voice's loudness is not the voice (dB).
const UNDER_LOUD: f32 = 28.0;

/// Nothing quieter is speech (dB of full scale). The quietest callers are near -35 dB.
const FAINTEST: f32 = -56.0;

/// A hop with this share of its power in one peak is a tone's, not a voice's.
const TONAL: f32 = 0.97;

/// The last 120 ms.
const RECENT: u32 = 0xfff;

/// This many hops of the last twelve make speech; fewer are a click.
const DENSE: u32 = 7;

/// Quiet of this length ends an utterance; closures within words are shorter (s).
const HANGOVER: f32 = 0.2;

/// From the end of a window back to its middle (s).
const CENTRE: f32 = 0.016;

/// The loudness before the first speech (dB): a quiet caller's.
const LOUD_AT_FIRST: f32 = -45.0;
/// Of the way up in each louder hop: half a syllable teaches it.
const LEARN: f32 = 0.1;
/// dB a hop: 1 dB a second, so that a softer speaker is heard after some sentences.
const FADE: f32 = 0.01;

/// 90 ms, and the 30 ms of the first window.
const FIRST_HOPS: u32 = 9;
/// Louder is never taken for noise (dB): there was speech when the line opened.
const NOISE_AT_MOST: f32 = -30.0;
/// dB a hop: the line's noise is found within a pause between words.
const NOISE_FALLS: f32 = 0.6;
/// dB a hop: 5 dB a second in silence, 1.5 in speech.
const NOISE_RISES: f32 = 0.05;
const NOISE_RISES_IN_SPEECH: f32 = 0.015;
