//! Calls that are made of clicks instead of voices, and how their sound is measured.

use std::{ops::Range, path::Path};

use anyhow::Result;

use crate::{
    corpus::{Corpus, Item, ToneLabel},
    dice::Dice,
    recording::{RATE, Samples},
    script::{Part, Pool},
    tones::quiet,
    voices::{Sentence, Sounds, Voice},
};

/// Says everything as a row of clicks, so that no frame of it is a tone's.
pub(super) struct Clicks;

impl Sounds for Clicks {
    fn say(
        &self,
        voice: &Voice,
        part: Part,
        words: &mut Dice,
        digits: &mut Dice,
    ) -> Result<Vec<Sentence>> {
        let sentences = match part.pool() {
            Pool::Person => 1,
            Pool::Company | Pool::Machine | Pool::Other | Pool::Babble => 2,
        };
        // A number, that differs from call to call.
        let number = digits.index(10);
        let said = (0..sentences).map(|_| {
            // One of few recordings, each of which is of one length.
            let nth = words.index(16);
            let length = (4 + nth) * RATE / 10;
            let mut heights = Dice::of(nth as u64, voice.name, 0);
            Sentence {
                clips: vec![format!("{}/{:?} {nth}", voice.name, part.pool())],
                samples: (0..length)
                    .map(|at| match at % 80 == number {
                        true => heights.between(6.0, 12.0),
                        false => 0.0,
                    })
                    .collect(),
            }
        });
        Ok(said.collect())
    }

    fn babble(&self, _: usize, length: usize, dice: &mut Dice) -> Result<Samples> {
        Ok((0..length).map(|_| dice.normal()).collect())
    }

    fn music(&self, seconds: f32, _: &mut Dice) -> Result<Samples> {
        Ok(quiet(seconds))
    }

    fn gsm(&self, samples: &[f32]) -> Result<Samples> {
        Ok(samples.to_vec())
    }
}

pub(super) fn made(seed: u64, count: usize) -> (tempfile::TempDir, Corpus) {
    made_with(seed, count, 15.0)
}

pub(super) fn made_with(seed: u64, count: usize, no_beep: f64) -> (tempfile::TempDir, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Corpus::make(&Clicks, folder.path(), seed, count, no_beep).unwrap();
    (folder, corpus)
}

/// First calls.
pub(super) fn firsts(corpus: &Corpus) -> impl Iterator<Item = &Item> {
    corpus.items.iter().filter(|item| !item.heard_before)
}

pub(super) fn heard(folder: &Path, item: &Item) -> Samples {
    crate::recording::read(&folder.join(&item.file)).unwrap()
}

/// It sounds as long as is said, by that much (dBFS), and is silent before.
pub(super) fn sounds_there_only(samples: &[f32], tone: &ToneLabel, dbfs: f64) {
    let at = |seconds: f64| (seconds * RATE as f64).round() as usize;
    let (start, end) = (at(tone.start_s), at(tone.end_s));
    let of = |part: &[f32]| -> f32 { tone.hz.iter().map(|hz| goertzel(part, *hz)).sum() };
    // The edges, too: nothing of it may lie outside.
    for inside in [start..end, start..start + RATE / 5, end - RATE / 5..end] {
        let level = 10.0 * f64::from(of(&samples[inside])).log10();
        assert!((level - dbfs).abs() < 3.0, "{tone:?}: {level} {dbfs}");
    }
    let before = of(&samples[start.saturating_sub(RATE / 10)..start]);
    let inside = of(&samples[start..end]);
    assert!(inside > 30.0 * before, "{tone:?}: {inside} {before}");
}

/// The power of one frequency.
pub(super) fn goertzel(samples: &[f32], hz: f64) -> f32 {
    let omega = std::f64::consts::TAU * hz / RATE as f64;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        real += f64::from(*sample) * (omega * index as f64).cos();
        imaginary += f64::from(*sample) * (omega * index as f64).sin();
    }
    let length = samples.len() as f64;
    (2.0 * (real * real + imaginary * imaginary) / (length * length)) as f32
}

pub(super) fn power(samples: &[f32], range: Range<usize>) -> f32 {
    let part = &samples[range];
    part.iter().map(|sample| sample * sample).sum::<f32>() / part.len().max(1) as f32
}
