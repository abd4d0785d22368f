//! All prompts, as they are looked up.

use std::fmt;

use super::{landmarks::KINDS, prints::Prints, signs::Signs};
use crate::words::PromptEnd;

/// What is known of a prompt beside its sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownPrompt {
    /// The number by which it is kept.
    pub id: u32,
    /// How it ends.
    pub ends: PromptEnd,
    /// When its beep begins, in seconds since the prompt began, if it has one.
    pub beep: Option<f32>,
}

/// Prompts that are recognised. It never changes: all calls share one.
pub struct Book {
    /// Where the places of each kind of landmark begin in `places`; one more than there are kinds.
    starts: Box<[u32]>,
    /// Places of landmarks by kind, in half steps of all prompts one after another.
    places: Box<[u32]>,
    /// Where each prompt begins, in the same half steps.
    bases: Box<[u32]>,
    /// The signs of all half steps.
    signs: Box<[Signs]>,
    prompts: Box<[KnownPrompt]>,
}

impl Book {
    /// A book of these prompts.
    pub fn new<'a>(prompts: impl IntoIterator<Item = (KnownPrompt, &'a Prints)>) -> Self {
        let mut bases = Vec::new();
        let mut known = Vec::new();
        let mut base = APART;
        let mut signs = Vec::new();
        let mut marks: Vec<(u32, u32)> = Vec::new();
        for (prompt, prints) in prompts {
            bases.push(base);
            known.push(prompt);
            signs.resize(base as usize, Signs::default());
            signs.extend_from_slice(prints.signs());
            marks.extend(
                prints
                    .marks()
                    .iter()
                    .map(|mark| (mark.kind, base + mark.place)),
            );
            // Even, so that the same recording is on the same lines wherever it is in the book.
            base += (prints.length() + APART).next_multiple_of(2);
        }
        marks.sort_unstable();
        let mut starts = vec![0_u32; KINDS + 1];
        for (kind, _) in &marks {
            starts[*kind as usize + 1] += 1;
        }
        for kind in 0..KINDS {
            starts[kind + 1] += starts[kind];
        }
        Self {
            starts: starts.into(),
            places: marks.into_iter().map(|(_, place)| place).collect(),
            bases: bases.into(),
            signs: signs.into(),
            prompts: known.into(),
        }
    }

    /// How many prompts are in it.
    pub fn len(&self) -> usize {
        self.bases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        4 * (self.starts.len() + self.places.len() + self.bases.len())
            + self.signs.len() * size_of::<Signs>()
            + self.prompts.len() * size_of::<KnownPrompt>()
    }

    /// All places of a kind of landmark.
    pub(super) fn places(&self, kind: u32) -> &[u32] {
        let (start, end) = (self.starts[kind as usize], self.starts[kind as usize + 1]);
        &self.places[start as usize..end as usize]
    }

    /// What a landmark of a kind that has so many places says for each of them, in nats: how much more often it is found where
    /// the recording is played than anywhere else.
    pub(super) fn weight(&self, places: usize) -> f32 {
        let whole = self.bases.last().map_or(0, |base| base / 2) as f32;
        let elsewhere = (places as f32 + 2.0) / (whole + FRESH);
        (FOUND / elsewhere).ln().clamp(0.0, MOST)
    }

    /// The prompt in which a place is, by its own place in the book.
    pub(super) fn prompt_at(&self, place: u32) -> Option<usize> {
        let after = self.bases.partition_point(|base| *base <= place);
        after.checked_sub(1)
    }

    /// What has to be exceeded since one of all places may be found by chance, in nats.
    pub(super) fn chances(&self) -> f32 {
        let whole = self.bases.last().map_or(0, |base| base / 2) as f32;
        (whole + FRESH).ln()
    }

    /// Where a prompt begins, in half steps.
    pub(super) fn base(&self, prompt: usize) -> u32 {
        self.bases[prompt]
    }

    /// The signs of a prompt, by half steps since it began.
    pub(super) fn signs(&self, prompt: usize) -> &[Signs] {
        let start = self.bases[prompt] as usize;
        let next = self.bases.get(prompt + 1);
        let end = next.map_or(self.signs.len(), |next| (*next - APART) as usize);
        &self.signs[start..end]
    }

    /// The signs of all half steps.
    pub(super) fn all_signs(&self) -> &[Signs] {
        &self.signs
    }

    /// A prompt by its place in the book.
    pub(super) fn prompt(&self, prompt: usize) -> KnownPrompt {
        self.prompts[prompt]
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("prompts", &self.len())
            .field("landmarks", &self.places.len())
            .finish_non_exhaustive()
    }
}

/// Half steps between two prompts.
const APART: u32 = 4;

/// The share of a prompt's landmarks that are found again in a call.
const FOUND: f32 = 0.2;

/// Steps of speech that count as known before anything is.
const FRESH: f32 = 20_000.0;

/// The most that one landmark may say, in nats.
const MOST: f32 = 6.0;
