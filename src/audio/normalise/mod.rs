//! Makes a recording fit for the telephone: trimmed, level, free of offset, at 8 kHz and 16 kHz.
//!
//! ```text
//!  0 ms      100 ms                                        ≤ 100 ms      200 ms (and up to 20 ms more)
//!  ├─ as it was ─┼──────────── audible ─────────────────┼─ as it was ─┼─ digital silence ─┤
//!                first audible sample                   last one                          a multiple of 20 ms
//! ```
//!
//! The order matters. Offset and rumble go first, else silence would not look like silence. Loudness is measured on what
//! is left after trimming, and the limiter is last, at the final rate: resampling raises peaks again.

mod join;
mod lengths;
mod loudness;
mod quantise;
mod resample;
mod trim;

use std::time::Duration;

pub use self::lengths::{FRAME, LEAD, SHORTEST, SHORTEST_CLIP, TAIL};
pub(super) use self::{
    join::{Joined, SoundPart, Trimmed, audible, join},
    lengths::{NARROW_RATE, WORK_RATE},
    resample::Resampler,
};
use self::{
    lengths::frames,
    loudness::{Level, Levelled, Measured},
    quantise::quantise,
    resample::resample,
    trim::{Cut, cut},
};
use super::{Targets, refusal::Refusal};

/// A message ready to be written.
#[derive(Debug)]
pub(super) struct Normalised {
    /// At [`NARROW_RATE`].
    pub(super) narrow: Vec<i16>,
    /// At [`WORK_RATE`]; lasts as long.
    pub(super) wide: Vec<i16>,
    /// The source's level.
    pub(super) before: Level,
    /// The narrow file's level.
    pub(super) after: Level,
    /// What was added to the narrow file's level, in dB.
    pub(super) gain_db: f64,
    /// Whether peaks had to be held down.
    pub(super) limited: bool,
    /// The offset that was taken out, as a share of full scale.
    pub(super) offset: f64,
    /// How long the audible part is.
    pub(super) audible: Duration,
    /// How much the source had before its first audible sample.
    pub(super) silence_before: Duration,
    /// How much the source had after its last audible sample.
    pub(super) silence_after: Duration,
}

/// Normalises one channel at [`WORK_RATE`] whose samples are finite. `is_clip`: it is a part of messages, which may be a
/// single word.
///
/// # Errors
/// [`Refusal`] if it is silent, too short or too long.
pub(super) fn normalise(
    mut samples: Vec<f32>,
    targets: &Targets,
    is_clip: bool,
) -> Result<Normalised, Refusal> {
    let offset = trim::remove_offset(&mut samples, WORK_RATE);
    let Cut {
        samples: wide,
        audible,
        silence_before,
        silence_after,
    } = cut(&samples)?;
    drop(samples);
    let least = if is_clip { SHORTEST_CLIP } else { SHORTEST };
    if audible < least {
        return Err(Refusal::TooShort { audible, least });
    }
    let length = Duration::from_secs_f64(wide.len() as f64 / f64::from(WORK_RATE));
    if length > targets.max_length {
        return Err(Refusal::TooLong {
            length,
            measured: true,
            limit: targets.max_length,
        });
    }
    let measured = |rate| {
        if is_clip {
            let from = frames(LEAD, rate);
            let to = from + frames(audible, rate);
            Measured::Audible { from, to }
        } else {
            Measured::Whole
        }
    };
    let before = loudness::measure(&wide, WORK_RATE, measured(WORK_RATE));
    if !before.lufs.is_finite() {
        return Err(Refusal::Silent);
    }
    let narrow = resample(&wide, WORK_RATE, NARROW_RATE);
    let narrow = loudness::level(&narrow, NARROW_RATE, targets.lufs, measured(NARROW_RATE));
    // A message whose band ends above 4 kHz would have no level at 8 kHz: there is nothing to hear on a telephone.
    let Some(Levelled {
        samples: narrow,
        gain_db,
        limited,
        level: after,
    }) = narrow
    else {
        return Err(Refusal::Silent);
    };
    let wide = loudness::level(&wide, WORK_RATE, targets.lufs, measured(WORK_RATE));
    let Some(wide) = wide else {
        return Err(Refusal::Silent);
    };
    Ok(Normalised {
        narrow: quantise(&narrow, NARROW_RATE),
        wide: quantise(&wide.samples, WORK_RATE),
        before,
        after,
        gain_db,
        limited,
        offset,
        audible,
        silence_before,
        silence_after,
    })
}

#[cfg(test)]
mod tests;
