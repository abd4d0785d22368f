//! Joins parts to one message: each trimmed and level by itself, with short gaps, in the form that every message has.
//!
//! ```text
//!  100 ms     part 1      120 to 200 ms     part 2                     200 ms
//!  ├─ lead ─┼─ audible ─┼─ what they have ─┼─ audible ─┼─ remainder ─┼─ silence ─┤
//!                         around them, and
//!                         silence if it lacks
//! ```

use std::time::Duration;

use super::{
    lengths::{FRAME, LEAD, NARROW_RATE, SHORTEST, TAIL, WORK_RATE, frames, lasting},
    loudness::{Measured, level},
    quantise::quantise,
    resample::resample,
    trim::{core, remove_offset},
};
use crate::audio::refusal::Refusal;

/// A part of messages, trimmed and level.
#[derive(Debug)]
pub(in crate::audio) struct SoundPart {
    /// At [`NARROW_RATE`]; half as many samples.
    narrow: Vec<f32>,
    /// At [`WORK_RATE`].
    wide: Vec<f32>,
    /// Samples at [`WORK_RATE`] before the first audible one; an even number.
    before: usize,
    /// Samples at [`WORK_RATE`] after the last audible one.
    after: usize,
}

/// The audible part of a sound.
pub(in crate::audio) struct Trimmed {
    /// With what is kept around it.
    pub(in crate::audio) samples: Vec<f32>,
    /// How long it is without that.
    pub(in crate::audio) length: Duration,
}

/// Takes the audible part out of one channel at [`WORK_RATE`].
///
/// # Errors
/// [`Refusal::Silent`].
pub(in crate::audio) fn audible(samples: &[f32]) -> Result<Trimmed, Refusal> {
    let core = core(samples)?;
    Ok(Trimmed {
        length: lasting(core.samples.len() - core.before - core.after),
        samples: core.samples,
    })
}

/// A whole message.
#[derive(Debug)]
pub(in crate::audio) struct Joined {
    /// At [`NARROW_RATE`].
    pub(in crate::audio) narrow: Vec<i16>,
    /// At [`WORK_RATE`]; lasts as long.
    pub(in crate::audio) wide: Vec<i16>,
}

impl SoundPart {
    /// A part of one channel at [`WORK_RATE`], whose samples are finite, at `target` LUFS.
    ///
    /// # Errors
    /// [`Refusal::Silent`].
    pub(in crate::audio) fn new(mut samples: Vec<f32>, target: f64) -> Result<Self, Refusal> {
        remove_offset(&mut samples, WORK_RATE);
        let mut core = core(&samples)?;
        drop(samples);
        if core.samples.len() % 2 == 1 {
            core.samples.push(0.0);
            core.after += 1;
        }
        let (from, to) = (core.before, core.samples.len() - core.after);
        let narrow = resample(&core.samples, WORK_RATE, NARROW_RATE);
        let at = |from: usize, to: usize| Measured::Audible { from, to };
        let narrow = level(&narrow, NARROW_RATE, target, at(from / 2, to / 2));
        let wide = level(&core.samples, WORK_RATE, target, at(from, to));
        let (Some(narrow), Some(wide)) = (narrow, wide) else {
            return Err(Refusal::Silent);
        };
        Ok(Self {
            narrow: narrow.samples,
            wide: wide.samples,
            before: core.before,
            after: core.after,
        })
    }

    /// Its samples at a rate, and how many of them come before and after its sound.
    #[cfg(test)]
    pub(in crate::audio) fn at(&self, rate: u32) -> (&[f32], usize, usize) {
        match rate {
            NARROW_RATE => (&self.narrow, self.before / 2, self.after / 2),
            _ => (&self.wide, self.before, self.after),
        }
    }

    /// How many samples it holds in memory.
    pub(in crate::audio) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }
}

/// Joins parts, of which there is one at least, to a message of at most `limit`.
///
/// # Errors
/// [`Refusal::TooShort`], [`Refusal::TooLong`], or [`Refusal::Silent`] if there is no part.
pub(in crate::audio) fn join<'a>(
    parts: impl IntoIterator<Item = &'a SoundPart>,
    limit: Duration,
) -> Result<Joined, Refusal> {
    let (mut narrow, mut wide): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
    let mut kept_after = None;
    for part in parts {
        let lacks = match kept_after {
            None => frames(LEAD, WORK_RATE) - part.before,
            Some(kept) => frames(GAP, WORK_RATE).saturating_sub(kept + part.before),
        };
        // Even, so that both are as long.
        let lacks = lacks.next_multiple_of(2);
        wide.resize(wide.len() + lacks, 0.0);
        narrow.resize(narrow.len() + lacks / 2, 0.0);
        wide.extend_from_slice(&part.wide);
        narrow.extend_from_slice(&part.narrow);
        kept_after = Some(part.after);
        let length = lasting(wide.len());
        if length > limit + SPARE {
            return Err(Refusal::TooLong {
                length,
                measured: false,
                limit,
            });
        }
    }
    let Some(after) = kept_after else {
        return Err(Refusal::Silent);
    };
    let audible = lasting(wide.len() - after - frames(LEAD, WORK_RATE));
    if audible < SHORTEST {
        return Err(Refusal::TooShort {
            audible,
            least: SHORTEST,
        });
    }
    let end = wide.len().next_multiple_of(frames(FRAME, WORK_RATE)) + frames(TAIL, WORK_RATE);
    wide.resize(end, 0.0);
    narrow.resize(end / 2, 0.0);
    let length = lasting(end);
    if length > limit {
        return Err(Refusal::TooLong {
            length,
            measured: true,
            limit,
        });
    }
    Ok(Joined {
        narrow: quantise(&narrow, NARROW_RATE),
        wide: quantise(&wide, WORK_RATE),
    })
}

/// Least time between the sound of two parts: about that of a comma.
const GAP: Duration = Duration::from_millis(120);

/// How far beyond the limit parts are joined before they are given up.
const SPARE: Duration = Duration::from_secs(1);
