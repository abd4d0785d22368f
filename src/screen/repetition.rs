//! Whether what was said before comes again, word for word: a menu, or an announcement in a loop.
//!
//! The bands of the first half minute are kept, 8 bytes for each 20 ms. Speech that follows a pause in which a caller should
//! have pressed a key is compared with all of it. No person says two seconds twice so that they look alike.

use super::{
    at::At,
    spectrum::{BANDS, Look, SILENT},
    speech::Edge,
};

/// Looks for what was said before.
pub(super) struct Repetition {
    /// What was said, from the first word on.
    past: Box<[Frame; KEPT]>,
    len: usize,
    /// What is said since the pause.
    fresh: Box<[Frame; COMPARED]>,
    /// Which of it is speech.
    speech: u64,
    phase: RepetitionPhase,
    /// The hop before, if a frame lacks its second.
    half: Option<[f32; BANDS]>,
}

/// Levels of the bands in dB.
type Frame = [i8; BANDS];

#[derive(Clone, Copy)]
enum RepetitionPhase {
    /// No speech yet.
    Quiet,
    /// Waits for words after a pause.
    Keeping,
    /// Hears them.
    Comparing {
        start: At,
        /// How much was said before.
        before: usize,
        heard: usize,
        /// How many pieces of it were said before.
        alike: u32,
    },
}

impl Repetition {
    /// What its buffers take.
    pub(super) const BYTES: usize = size_of::<[Frame; KEPT]>() + size_of::<[Frame; COMPARED]>();

    pub(super) fn new() -> Self {
        Self {
            past: Box::new([[SILENT as i8; BANDS]; KEPT]),
            len: 0,
            fresh: Box::new([[SILENT as i8; BANDS]; COMPARED]),
            speech: 0,
            phase: RepetitionPhase::Quiet,
            half: None,
        }
    }

    /// Returns when it began again, once that is certain. `last_voice` is the last of the speech before this hop.
    pub(super) fn hop(
        &mut self,
        look: &Look,
        edge: Option<Edge>,
        active: bool,
        last_voice: Option<At>,
    ) -> Option<At> {
        if let Some(Edge::Began(start)) = edge {
            self.began(start, last_voice);
        }
        if let RepetitionPhase::Quiet = self.phase {
            return None;
        }
        let Some(half) = self.half.take() else {
            self.half = Some(look.bands);
            return None;
        };
        let frame = std::array::from_fn(|band| ((half[band] + look.bands[band]) / 2.0) as i8);
        self.keep(frame, active)
    }

    fn began(&mut self, start: At, last_voice: Option<At>) {
        let paused = last_voice.is_none_or(|last| start.since(last) >= PAUSE);
        match self.phase {
            RepetitionPhase::Quiet => self.phase = RepetitionPhase::Keeping,
            RepetitionPhase::Keeping | RepetitionPhase::Comparing { .. }
                if paused && self.len >= COMPARED =>
            {
                self.speech = 0;
                self.phase = RepetitionPhase::Comparing {
                    start,
                    before: self.len,
                    heard: 0,
                    alike: 0,
                };
            }
            RepetitionPhase::Keeping | RepetitionPhase::Comparing { .. } => {}
        }
    }

    fn keep(&mut self, frame: Frame, active: bool) -> Option<At> {
        if let Some(slot) = self.past.get_mut(self.len) {
            *slot = frame;
            self.len += 1;
        }
        let RepetitionPhase::Comparing {
            start,
            before,
            heard,
            alike,
        } = self.phase
        else {
            return None;
        };
        let n = heard % COMPARED;
        self.fresh[n] = frame;
        self.speech |= u64::from(active) << n;
        let mut alike = alike;
        if n == COMPARED - 1 {
            alike += u32::from(self.is_in(before));
            self.speech = 0;
        }
        let enough = alike >= LEAST_ALIKE;
        self.phase = if enough || heard >= COMPARED_AT_MOST {
            RepetitionPhase::Keeping
        } else {
            RepetitionPhase::Comparing {
                start,
                before,
                heard: heard + 1,
                alike,
            }
        };
        enough.then_some(start)
    }

    /// Whether what was just said is in what was said before.
    fn is_in(&self, before: usize) -> bool {
        self.speech.count_ones() >= LEAST_SPEECH
            && self.past[..before]
                .windows(COMPARED)
                .any(|past| self.likeness(past) >= ALIKE)
    }

    /// The correlation of the bands, as far as it is speech. Each second frame is enough.
    fn likeness(&self, past: &[Frame]) -> f32 {
        let frames = (0..COMPARED)
            .step_by(2)
            .filter(|n| self.speech >> n & 1 == 1);
        let (mut n, mut x, mut y, mut xx, mut xy, mut yy) = (0, 0, 0, 0, 0, 0);
        for frame in frames {
            for (a, b) in self.fresh[frame].iter().zip(&past[frame]) {
                let (a, b) = (i32::from(*a), i32::from(*b));
                n += 1;
                x += a;
                y += b;
                xx += a * a;
                xy += a * b;
                yy += b * b;
            }
        }
        let [n, x, y, xx, xy, yy] = [n, x, y, xx, xy, yy].map(|sum: i32| sum as f32);
        (n * xy - x * y) / ((n * xx - x * x) * (n * yy - y * y)).max(1.0).sqrt()
    }
}

/// Frames kept, of 20 ms: half a minute.
const KEPT: usize = 1_500;
/// Frames of a piece that is compared: 1.28 s, one for each bit of a word.
const COMPARED: usize = 64;
/// Frames of it that have to be speech.
const LEAST_SPEECH: u32 = 32;
/// Pieces that have to be alike: a menu may make other pauses the second time, so they are found one by one.
const LEAST_ALIKE: u32 = 2;
/// Frames within which they have to be found: 10 s.
const COMPARED_AT_MOST: usize = 8 * COMPARED;
/// A caller is given at least this long to press a key (s); no greeting pauses so long between two sentences.
const PAUSE: f32 = 2.0;
/// Correlation from which it is the same. Other words of the same voice reach 0.75, the same through two codecs 0.9 and more.
const ALIKE: f32 = 0.88;
