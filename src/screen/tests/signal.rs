//! Sounds to hear: made up, so that the tests know what is in them.

use std::f32::consts::TAU;

use crate::screen::RATE;

/// A growing recording; levels in dB of full scale.
#[derive(Clone, Default)]
pub(in crate::screen) struct Sound {
    pub(in crate::screen) samples: Vec<f32>,
    seed: u32,
}

/// What a recording goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::screen) enum Codec {
    Clean,
    MuLaw,
    /// As rough as GSM makes a tone: noise that follows the level, and a gain that jumps every 5 ms.
    Rough,
}

impl Codec {
    pub(in crate::screen) const ALL: [Self; 3] = [Self::Clean, Self::MuLaw, Self::Rough];
}

impl Sound {
    pub(in crate::screen) fn new() -> Self {
        Self::default()
    }

    /// When it ends, in seconds.
    pub(in crate::screen) fn end(&self) -> f32 {
        self.samples.len() as f32 / RATE as f32
    }

    pub(in crate::screen) fn quiet(mut self, seconds: f32) -> Self {
        let more = count(seconds);
        self.samples.resize(self.samples.len() + more, 0.0);
        self
    }

    /// The same as another.
    pub(in crate::screen) fn then(mut self, other: &Self) -> Self {
        self.samples.extend(&other.samples);
        self
    }

    /// A steady tone of any number of frequencies, equally strong.
    pub(in crate::screen) fn tone(self, hz: &[f32], seconds: f32, db: f32) -> Self {
        let part = amplitude(db) / (hz.len() as f32).sqrt();
        self.add(seconds, |t| {
            hz.iter().map(|hz| (TAU * hz * t).sin() * part).sum()
        })
    }

    pub(in crate::screen) fn sweep(self, from: f32, to: f32, seconds: f32, db: f32) -> Self {
        let bend = (to - from) / (2.0 * seconds);
        self.add(seconds, |t| {
            (TAU * (from * t + bend * t * t)).sin() * amplitude(db)
        })
    }

    /// A struck or plucked note with its harmonics.
    pub(in crate::screen) fn note(self, hz: &[f32], seconds: f32, db: f32) -> Self {
        self.add(seconds, |t| {
            let fade = (-t / 0.18).exp() * amplitude(db);
            let of = |hz: &f32| (TAU * hz * t).sin() + 0.3 * (TAU * 2.0 * hz * t).sin();
            hz.iter().map(of).sum::<f32>() * fade / hz.len() as f32
        })
    }

    /// A vowel held at one pitch, as sung.
    pub(in crate::screen) fn vowel(
        self,
        pitch: f32,
        formants: [f32; 2],
        seconds: f32,
        db: f32,
    ) -> Self {
        self.add(seconds, |t| {
            let waver = pitch * t + 0.4 * (TAU * 5.5 * t).sin();
            voiced(waver, pitch, formants) * amplitude(db)
        })
    }

    /// Words: syllables of gliding pitch, five a second.
    pub(in crate::screen) fn speech(mut self, seconds: f32, db: f32) -> Self {
        let vowels = [
            [700.0, 1_200.0],
            [300.0, 2_200.0],
            [500.0, 900.0],
            [400.0, 1_900.0],
        ];
        let end = self.samples.len() + count(seconds);
        let mut n = 0;
        while self.samples.len() < end {
            let left = (end - self.samples.len()) as f32 / RATE as f32;
            let lasts = left.min(0.2);
            let base = 110.0 + 17.0 * (n % 5) as f32;
            let formants = vowels[n % vowels.len()];
            self = self.add(lasts, |t| {
                let phase = base * t + 90.0 * t * t;
                let swell = (TAU * 0.5 * t / 0.2).sin().max(0.05);
                voiced(phase, base, formants) * swell * amplitude(db) * 1.4
            });
            n += 1;
        }
        self
    }

    /// Words unlike [`speech`](Self::speech): held vowels of 0.7 s each, with their pauses.
    pub(in crate::screen) fn phrase(self, words: usize, db: f32) -> Self {
        let vowels = [[650.0, 1_100.0], [300.0, 2_200.0], [500.0, 900.0]];
        (0..words).fold(self, |sound, n| {
            let pitch = 130.0 + 11.0 * n as f32;
            let pause = if n + 1 < words { 0.1 } else { 0.0 };
            sound.vowel(pitch, vowels[n * 7 % 3], 0.7, db).quiet(pause)
        })
    }

    /// Noise under all that was so far.
    pub(in crate::screen) fn noise(mut self, db: f32) -> Self {
        for n in 0..self.samples.len() {
            self.samples[n] += self.random() * amplitude(db);
        }
        self
    }

    /// This sound with another added to it, some seconds later and some dB softer: an echo.
    pub(in crate::screen) fn with(mut self, other: &Self, from: f32, db: f32) -> Self {
        let (from, gain) = (count(from), 10_f32.powf(db / 20.0));
        for (sample, more) in self.samples.iter_mut().skip(from).zip(&other.samples) {
            *sample += more * gain;
        }
        self
    }

    pub(in crate::screen) fn through(mut self, codec: Codec) -> Vec<i16> {
        let mut gain = 1.0;
        for n in 0..self.samples.len() {
            let random = self.random();
            if n % 40 == 0 {
                gain = 1.0 + 0.1 * random;
            }
            let sample = self.samples[n];
            self.samples[n] = match codec {
                Codec::Clean => sample,
                Codec::MuLaw => mu_law(sample),
                Codec::Rough => mu_law(sample * gain * (1.0 + 0.1 * random)),
            };
        }
        self.pcm()
    }

    pub(in crate::screen) fn pcm(&self) -> Vec<i16> {
        self.samples
            .iter()
            .map(|sample| (sample * 32_767.0) as i16)
            .collect()
    }

    fn add(mut self, seconds: f32, at: impl Fn(f32) -> f32) -> Self {
        let more = count(seconds);
        // 2 ms of ramp, as every machine that cares has.
        let edge = |n: usize| (n.min(more - 1 - n) as f32 / 16.0).min(1.0);
        let samples = (0..more).map(|n| at(n as f32 / RATE as f32) * edge(n));
        self.samples.extend(samples);
        self
    }

    fn random(&mut self) -> f32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        ((self.seed >> 16) as f32 / 32_768.0 - 1.0) * 1.7
    }
}

/// Harmonics of a pitch, shaped by two formants; its mean square is about one.
fn voiced(phase: f32, pitch: f32, formants: [f32; 2]) -> f32 {
    let harmonics = (1..30).take_while(|h| *h as f32 * pitch < 3_400.0);
    harmonics
        .map(|h| {
            let hz = h as f32 * pitch;
            let near = |formant: f32| 1.0 / (1.0 + ((hz - formant) / 120.0).powi(2));
            (TAU * phase * h as f32).sin() * (0.05 + near(formants[0]) + 0.5 * near(formants[1]))
        })
        .sum()
}

/// The amplitude of a sine of this level.
fn amplitude(db: f32) -> f32 {
    10_f32.powf(db / 20.0) * std::f32::consts::SQRT_2
}

fn count(seconds: f32) -> usize {
    (seconds * RATE as f32).round() as usize
}

/// There and back: 8 bits of which the step grows with the level.
fn mu_law(sample: f32) -> f32 {
    let compressed = (1.0 + 255.0 * sample.abs().min(1.0)).ln() / 256_f32.ln();
    let step = (compressed * 127.0).round() / 127.0;
    (256_f32.powf(step) - 1.0) / 255.0 * sample.signum()
}
