//! Makes samples of 16 bits.

use super::lengths::{TAIL, frames};

/// Makes 16-bit samples, and digital silence of the tail that resampling has let ring.
pub(super) fn quantise(samples: &[f32], rate: u32) -> Vec<i16> {
    let tail = frames(TAIL, rate);
    let body = samples.len().saturating_sub(tail);
    let mut out: Vec<i16> = samples[..body]
        .iter()
        .map(|s| (s * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
        .collect();
    out.resize(samples.len(), 0);
    out
}
