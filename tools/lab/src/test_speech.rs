//! A voice for messages: speech-like sound that is the same on every machine and unlike itself at every moment, so that
//! the place of a piece in it is unmistakable.

use std::{io, path::Path};

use crate::recording::{RATE, Samples};

/// Syllables of voice, each of another pitch and colour, with short gaps between words: `seconds` long.
pub fn speak(seed: u64, seconds: f32) -> Samples {
    let mut random = Random(seed | 1);
    let length = (seconds * RATE as f32) as usize;
    let mut samples = Vec::with_capacity(length);
    while samples.len() < length {
        syllable(&mut samples, &mut random);
        if random.unit() < 0.25 {
            let gap = (0.03 + 0.05 * random.unit()) * RATE as f32;
            samples.resize(samples.len() + gap as usize, 0.0);
        }
    }
    samples.truncate(length);
    samples
}

/// Writes 8 kHz mono 16-bit PCM.
pub fn write_wav(path: &Path, samples: &[f32]) -> io::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).map_err(io::Error::other)?;
    for sample in samples {
        let value = (sample.clamp(-1.0, 1.0) * 32_767.0) as i16;
        writer.write_sample(value).map_err(io::Error::other)?;
    }
    writer.finalize().map_err(io::Error::other)
}

fn syllable(samples: &mut Samples, random: &mut Random) {
    let length = ((0.08 + 0.14 * random.unit()) * RATE as f32) as usize;
    let (from, to) = (90.0 + 130.0 * random.unit(), 90.0 + 130.0 * random.unit());
    let formants = [
        300.0 + 500.0 * random.unit(),
        900.0 + 1_400.0 * random.unit(),
        2_300.0 + 700.0 * random.unit(),
    ];
    let mut phase = 0.0_f32;
    for index in 0..length {
        let through = index as f32 / length as f32;
        let pitch = from + (to - from) * through;
        phase = (phase + pitch / RATE as f32).fract();
        let envelope = (std::f32::consts::PI * through).sin().sqrt();
        let mut sum = 0.0;
        let mut harmonic = 1.0;
        while harmonic * pitch < 3_400.0 {
            let gain: f32 = formants
                .iter()
                .map(|formant| 1.0 / (1.0 + ((harmonic * pitch - formant) / 120.0).powi(2)))
                .sum();
            sum += gain * (std::f32::consts::TAU * phase * harmonic).sin();
            harmonic += 1.0;
        }
        samples.push(0.12 * envelope * sum + 0.004 * (random.unit() - 0.5));
    }
}

/// Numbers that look random and are the same every time: SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number from 0.0 to 1.0.
    pub fn unit(&mut self) -> f32 {
        (self.draw() >> 40) as f32 / (1_u64 << 24) as f32
    }
}
