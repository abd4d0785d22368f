//! The book: prompts that were heard before.
//!
//! ```text
//!  learning:  samples ─> spectra ─> landmarks, signs ─> Prints ─┐
//!                                                              Book   one for all calls, never changed
//!  a call:    frames ──> spectra ─> landmarks ─> where it may be ┤
//!                                └> signs ─────> whether it is ──┴─> PromptMatch ─> Hint for the ears
//! ```
//!
//! Networks and companies play the same recording again and again. Two things stay of a recording in any codec, noise and loss:
//!
//! - Where its spectrum has peaks. Two peaks and the time between them name a place in it, a landmark (A. Wang, "An Industrial-Strength
//!   Audio Search Algorithm", ISMIR 2003). A call that plays the recording again finds its landmarks at the same distances, so that
//!   they lie on one line of the plane "place in the book against time in the call". A few on one line, weighed by how rare
//!   they are, make it worth a look: they find where a call may be among all places of the book.
//! - Which bands of its spectrum gain on their neighbours, window by window: signs (J. Haitsma, T. Kalker, "A Highly Robust Audio
//!   Fingerprinting System", ISMIR 2002). They are compared only at those places, two seconds back, and decide. Each that is the same
//!   is evidence for the prompt, each that differs against it.
//!
//! A prompt is a match if its evidence exceeds what is found by chance among all the places of the book, spans most of a second that
//! is no pause, still grows, and no prompt that means something else is nearly as good. It holds for as long as the call goes on with the prompt: a company may begin with the words
//! of a network, in the voice of the same synthesiser, and then connect a person.
//!
//! No model, no language. Pure: samples go in, matches come out, the same however they are cut into frames. A matcher allocates
//! nothing after it is made, and its work in a step is bounded whatever the book holds.

mod fit;
mod index;
mod landmarks;
mod lesson;
mod lines;
mod matcher;
mod peaks;
mod prints;
mod signs;

pub use self::{
    index::{Book, KnownPrompt},
    landmarks::{Landmark, Landmarks},
    lesson::{Lesson, SoundKept},
    matcher::{Matcher, PromptMatch, PromptNews},
    prints::{BadPrints, Prints},
};
