//! Ringing tones of fifteen countries.
//!
//! Frequencies and cadences are those of "Various tones used in national networks (according to ITU-T Recommendation E.180)", annex to
//! ITU Operational Bulletin No. 781 (2003), as Asterisk's `indications.conf` has them, too. The program has a table of its own, which
//! this one judges: neither may use the other.

use std::f32::consts::{SQRT_2, TAU};

use crate::{
    recording::{RATE, Samples},
    tones::{EDGE, quiet, softened, tone},
};

/// How a country's exchange sounds while the other telephone rings.
pub(crate) struct Ringing {
    /// ISO 3166.
    pub(crate) country: &'static str,
    pitch: Pitch,
    /// How long it sounds and how long it is silent, in turn (s).
    cadence: &'static [f32],
}

/// What a ringing tone is made of, in Hz.
#[derive(Clone, Copy)]
enum Pitch {
    One(f32),
    Two(f32, f32),
    /// The first one, its loudness going up and down as often as the second says.
    Modulated(f32, f32),
}

impl Ringing {
    /// What is heard of it above all, in Hz.
    pub(crate) fn hz(&self) -> Vec<f32> {
        match self.pitch {
            Pitch::One(hz) => vec![hz],
            Pitch::Two(low, high) => vec![low, high],
            Pitch::Modulated(hz, by) => vec![hz - by, hz, hz + by],
        }
    }

    /// Rings until `seconds` are over, from the beginning of a ring on; with each time that it sounds. Root mean square 1.0 while
    /// it does.
    pub(crate) fn sound(&self, seconds: f32) -> (Samples, Vec<(f64, f64)>) {
        let length = (seconds * RATE as f32) as usize;
        let (mut samples, mut spans) = (Vec::new(), Vec::new());
        for turn in self.cadence.chunks(2).cycle() {
            if samples.len() >= length {
                break;
            }
            let start = samples.len() as f64 / RATE as f64;
            samples.extend(self.once(turn[0]));
            spans.push((start, samples.len() as f64 / RATE as f64));
            samples.extend(quiet(turn[1]));
        }
        (samples, spans)
    }

    fn once(&self, seconds: f32) -> Samples {
        match self.pitch {
            Pitch::One(hz) => tone(&[hz], seconds, EDGE),
            Pitch::Two(low, high) => tone(&[low, high], seconds, EDGE),
            Pitch::Modulated(hz, by) => {
                // The mean square of what it is multiplied by.
                let size = SQRT_2 / (1.0 + DEPTH * DEPTH / 2.0).sqrt();
                let samples = (0..(seconds * RATE as f32).round() as usize).map(|index| {
                    let t = index as f32 / RATE as f32;
                    let swell = 1.0 + DEPTH * (TAU * (by * t).fract()).cos();
                    size * swell * (TAU * (hz * t).fract()).sin()
                });
                softened(samples.collect(), EDGE)
            }
        }
    }
}

const fn ringing(country: &'static str, pitch: Pitch, cadence: &'static [f32]) -> Ringing {
    Ringing {
        country,
        pitch,
        cadence,
    }
}

/// Two short rings, as in most of the Commonwealth.
const TWICE: &[f32] = &[0.4, 0.2, 0.4, 2.0];

/// Each of them.
pub(crate) const RINGING: &[Ringing; 15] = &[
    ringing("at", Pitch::One(420.0), &[1.0, 5.0]),
    ringing("au", Pitch::Two(413.0, 438.0), TWICE),
    ringing("cn", Pitch::One(450.0), &[1.0, 4.0]),
    ringing("de", Pitch::One(425.0), &[1.0, 4.0]),
    ringing("es", Pitch::One(425.0), &[1.5, 3.0]),
    ringing("fr", Pitch::One(440.0), &[1.5, 3.5]),
    ringing("gb", Pitch::Two(400.0, 450.0), TWICE),
    ringing("hu", Pitch::One(425.0), &[1.25, 3.75]),
    ringing("in", Pitch::Modulated(400.0, 25.0), TWICE),
    ringing("jp", Pitch::Modulated(400.0, 16.0), &[1.0, 2.0]),
    ringing("ru", Pitch::One(425.0), &[0.8, 3.2]),
    ringing("se", Pitch::One(425.0), &[1.0, 5.0]),
    ringing("tr", Pitch::One(450.0), &[2.0, 4.0]),
    ringing("us", Pitch::Two(440.0, 480.0), &[2.0, 4.0]),
    ringing("za", Pitch::Modulated(400.0, 33.0), TWICE),
];

/// How deep a modulated tone is modulated.
const DEPTH: f32 = 0.85;
