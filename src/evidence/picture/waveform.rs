//! The waveform: how far the samples reach in each pixel column, and the scale they are drawn to.

use super::shape::Area;

/// The loudest level that a waveform's scale shows, in dB of full scale (a square wave of full scale is 0).
///
/// Quiet recordings are drawn larger, in steps of 6 dB, and the scale's labels say so.
pub(super) struct Scale {
    pub(super) top_db: i32,
}

impl Scale {
    /// The largest scale that shows all samples whole.
    pub(super) fn of(samples: &[i16]) -> Self {
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
        let peak = f64::from(peak.unwrap_or(0)) / FULL;
        let holds = |db: &i32| level(*db) >= peak;
        let steps = (LOWEST / STEP..=0).map(|step| step * STEP);
        Self {
            top_db: steps.into_iter().find(holds).unwrap_or(0),
        }
    }

    /// How far from the middle a level is, in parts of the way to the edge.
    pub(super) fn reach(&self, db: i32) -> f64 {
        level(db - self.top_db)
    }

    /// The first row and the one after the last that the samples take in each column of the area.
    pub(super) fn columns(&self, samples: &[i16], area: Area) -> Vec<(i32, i32)> {
        let (width, half) = (area.width as usize, f64::from(area.height) / 2.0);
        let row = |sample: i16| {
            let part = f64::from(sample) / FULL / level(self.top_db);
            (f64::from(area.top) + half * (1.0 - part)).floor() as i32
        };
        let edge = |column: usize| column * samples.len() / width.max(1);
        (0..width)
            .filter_map(|column| {
                let first = edge(column).min(samples.len().checked_sub(1)?);
                let part = &samples[first..edge(column + 1).max(first + 1)];
                let (low, high) = part.iter().fold((i16::MAX, i16::MIN), |(low, high), s| {
                    (low.min(*s), high.max(*s))
                });
                let last = area.bottom() - 1;
                Some((
                    row(high).clamp(area.top, last),
                    row(low).clamp(area.top, last) + 1,
                ))
            })
            .collect()
    }
}

fn level(db: i32) -> f64 {
    10_f64.powf(f64::from(db) / 20.0)
}

const FULL: f64 = 32_768.0;
/// dB from one scale to the next.
const STEP: i32 = 6;
/// The largest scale in dB: what is quieter is noise, and would look like speech.
const LOWEST: i32 = -36;
