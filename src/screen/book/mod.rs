//! The book: prompts that were heard before.
//!
//! ```text
//!  learning:  samples ─> PeakFinder ─> pairs of peaks ─> Prints ─┐
//!                                                               Book   one for all calls, never changed
//!  a call:    frames ──> PeakFinder ─> pairs of peaks ──────> Matcher ─> PromptMatch ─> Hint for the ears
//! ```
//!
//! Networks and companies play the same recording again and again. What stays of a recording in any codec, noise and loss is where
//! its spectrum has peaks; two peaks and the time between them name a place in it (A. Wang, "An Industrial-Strength Audio Search
//! Algorithm", ISMIR 2003). A call that plays the recording again finds its pairs at the same distances, so that they lie on
//! one line of the plane "place in the book against time in the call". Each pair on a line is evidence, by how rare it is; a line
//! that nothing comes to loses it again. A line is a match if its evidence exceeds what is found by chance among all the places of
//! the book, comes from many moments and spans most of a second, and no prompt that means something else is nearly as good.
//!
//! No model, no language. Pure: samples go in, matches come out, the same however they are cut into frames. A matcher allocates
//! nothing after it is made, and its work in a step is bounded whatever the book holds.

mod index;
mod landmarks;
mod lesson;
mod matcher;
mod peaks;
mod prints;

pub use self::{
    index::{Book, KnownPrompt},
    landmarks::{Landmark, Landmarks},
    lesson::{Lesson, SoundKept},
    matcher::{Matcher, PromptMatch},
    prints::{BadPrints, Prints},
};
