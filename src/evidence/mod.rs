//! Evidence: what is kept of a drop, and the picture of a recording, for a ticket.
//!
//! An [`Archive`] holds a folder a drop: what its ears heard, what was played, and the account by which both can be heard
//! again ([`Kept`]) to the same result. A [`Tape`] brings the sound there without making the listener wait.
//!
//! ```text
//!  samples, Replay ──Scene::of──> shapes on whole pixels ─┬─ svg ──> text that any browser draws
//!                                                         └─ png ──> pixels, with glyphs of our own
//! ```
//!
//! [`Scene::of`], and [`Scene::of_chart`] for counts over time, decide where everything stands and are pure; the two renderers only copy shapes, so that both pictures
//! show the same. Colours repeat what the words say. A title's long runs of digits are masked: a recording is often named
//! after a phone number, and a picture travels.

mod account;
mod archive;
mod chart;
mod kept;
mod lane;
mod png;
mod retention;
mod save;
mod scene;
mod shape;
mod story;
mod svg;
mod tape;
#[cfg(test)]
mod tests;
mod title;
mod told;
mod wave;

use self::archive::create;
pub use self::{
    archive::{Archive, ArchiveError, Folder, KeepError},
    chart::{Bar, Chart, Part},
    kept::{Kept, ReadError, Sound, title_of},
    retention::Limits,
    save::{Format, SaveError, save},
    scene::{Recording, Scene},
    tape::{Cue, Tape},
};
