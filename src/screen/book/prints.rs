//! The fingerprint of a prompt: its landmarks, and how they are written down.

use thiserror::Error;

use super::{
    super::RATE,
    landmarks::{KINDS, Landmark, Landmarks},
    peaks::STEP,
    signs::Signs,
};

/// The fingerprint of a prompt: no sound can be made from it.
///
/// It is taken four times, a quarter of a step apart, so that a call that begins between two windows finds one that is near.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints {
    /// In the order of their places.
    marks: Vec<Mark>,
    /// The signs of the windows that begin at each half step.
    signs: Vec<Signs>,
    /// How long the prompt is, in half steps.
    length: u32,
}

/// A landmark and its place in the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// Half steps since the prompt began.
    pub(super) place: u32,
    pub(super) kind: u32,
}

impl Prints {
    /// The version of what [`Self::to_bytes`] writes, its first byte. A change of the windows, the peaks, the pairs or the signs is
    /// another version; one of another version is never compared with anything.
    pub const VERSION: u8 = 2;

    /// Seconds of half a step, the unit of places.
    pub const HALF_STEP: f32 = Landmarks::STEP_SECONDS / 2.0;

    /// The most of a prompt that is kept, in seconds.
    pub const LONGEST: f32 = 60.0;

    /// The fingerprint of 8 kHz samples, of which the first [`Self::LONGEST`] count.
    pub fn of(samples: &[i16]) -> Self {
        let samples = &samples[..samples.len().min(Self::LONGEST as usize * RATE)];
        let length = (samples.len() / (STEP / 2)) as u32;
        let mut marks = Vec::new();
        let mut signs = vec![Signs::default(); signs_of(length)];
        for quarter in 0..4 {
            let mut landmarks = Landmarks::new();
            let rest = samples.get(quarter * STEP / 4..).unwrap_or_default();
            let mut window = 0;
            landmarks.hear(rest, &mut |gains, found| {
                marks.extend(found.iter().map(|Landmark { step, kind }| Mark {
                    place: (4 * step + quarter as u32) / 2,
                    kind: *kind,
                }));
                // The quarters between are near enough to these.
                if quarter % 2 == 0
                    && let Some(place) = signs.get_mut(2 * window + quarter / 2)
                {
                    *place = gains.signs();
                }
                window += 1;
            });
        }
        marks.sort_unstable();
        marks.dedup();
        Self {
            marks,
            signs,
            length,
        }
    }

    /// How long the prompt is, in seconds.
    pub fn seconds(&self) -> f32 {
        self.length as f32 * Self::HALF_STEP
    }

    /// How many landmarks it has.
    pub const fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether it has none: nothing can be recognised by it.
    pub const fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// In half steps.
    pub(super) const fn length(&self) -> u32 {
        self.length
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The signs of each half step.
    pub(super) fn signs(&self) -> &[Signs] {
        &self.signs
    }

    /// Where its landmarks are, for a picture: when its later peak and its earlier peak are, in seconds, and their frequencies in
    /// Hz, the earlier one's first.
    pub fn points(&self) -> impl Iterator<Item = (f32, (f32, [f32; 2]))> {
        let hz = |bin: u32| (bin as f32 + 16.0) * RATE as f32 / 512.0;
        self.marks.iter().map(move |mark| {
            let earlier = mark.kind >> 12;
            let bend = (mark.kind >> 5) & 0x7F;
            let later = (earlier + bend).saturating_sub(63);
            let at = mark.place as f32 * Self::HALF_STEP;
            let apart = (mark.kind & 0x1F) as f32 * Landmarks::STEP_SECONDS;
            (at, (at - apart, [hz(earlier), hz(later)]))
        })
    }

    /// As bytes: a version, the length, eight bytes for the signs of each half step, and three bytes a landmark.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(5 + 8 * self.signs.len() + 3 * self.marks.len());
        bytes.push(Self::VERSION);
        bytes.extend(self.length.to_le_bytes());
        for Signs { rises, sure } in &self.signs {
            bytes.extend(rises.to_le_bytes());
            bytes.extend(sure.to_le_bytes());
        }
        let mut before = 0;
        let mut write = |further: u32, kind: u32| {
            let entry = (further << 20) | kind;
            bytes.extend(&entry.to_le_bytes()[..3]);
        };
        for mark in &self.marks {
            let mut further = mark.place - before;
            // A gap that is too long for one entry.
            while further > FURTHEST {
                write(FURTHEST, NO_KIND);
                further -= FURTHEST;
            }
            write(further, mark.kind);
            before = mark.place;
        }
        bytes
    }

    /// From [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`BadPrints`] if they are not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPrints> {
        let (version, rest) = bytes.split_first().ok_or(BadPrints::Short)?;
        if *version != Self::VERSION {
            return Err(BadPrints::Version { version: *version });
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(BadPrints::Short)?;
        let length = u32::from_le_bytes(*length);
        if length > (Self::LONGEST / Self::HALF_STEP) as u32 + 1 {
            return Err(BadPrints::Place);
        }
        let (signs, rest) = rest
            .split_at_checked(8 * signs_of(length))
            .ok_or(BadPrints::Short)?;
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        let signs = signs.as_chunks::<4>().0.as_chunks::<2>().0;
        let signs = signs.iter().map(|[rises, sure]| Signs {
            rises: word(rises),
            sure: word(sure),
        });
        let (entries, odd) = rest.as_chunks::<3>();
        if !odd.is_empty() {
            return Err(BadPrints::Short);
        }
        let mut place = 0;
        let mut marks = Vec::with_capacity(entries.len());
        for entry in entries {
            let [low, middle, high] = *entry;
            let entry = u32::from_le_bytes([low, middle, high, 0]);
            place += entry >> 20;
            if place > length {
                return Err(BadPrints::Place);
            }
            let kind = entry & (KINDS as u32 - 1);
            if kind != NO_KIND {
                marks.push(Mark { place, kind });
            }
        }
        Ok(Self {
            marks,
            signs: signs.collect(),
            length,
        })
    }
}

/// How many half steps of a prompt have signs: the last window is two of them long.
const fn signs_of(length: u32) -> usize {
    length.saturating_sub(1) as usize
}

/// Why bytes are no fingerprint.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadPrints {
    /// They end in the middle of something.
    #[error("the fingerprint is cut off")]
    Short,
    /// Another version of the program made them.
    #[error(
        "the fingerprint is of version {version}; this program reads version {}",
        Prints::VERSION
    )]
    Version {
        /// What they say.
        version: u8,
    },
    /// A landmark lies behind the end of the prompt, or the prompt is longer than any can be.
    #[error("the fingerprint has a place outside its prompt")]
    Place,
}

/// The most half steps from one entry to the next.
const FURTHEST: u32 = 15;

/// A kind that no pair has: its later peak would be outside the spectrum.
const NO_KIND: u32 = KINDS as u32 - 1;
