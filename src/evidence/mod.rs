//! Evidence: the picture of a recording, for a ticket.
//!
//! ```text
//!  samples, Replay ──Scene::of──> shapes on whole pixels ─┬─ svg ──> text that any browser draws
//!                                                         └─ png ──> pixels, with glyphs of our own
//! ```
//!
//! [`Scene::of`] decides where everything stands and is pure; the two renderers only copy shapes, so that both pictures
//! show the same. Colours repeat what the words say. A title's long runs of digits are masked: a recording is often named
//! after a phone number, and a picture travels.

mod lane;
mod png;
mod save;
mod scene;
mod shape;
mod story;
mod svg;
#[cfg(test)]
mod tests;
mod title;
mod wave;

pub use self::{
    save::{Format, SaveError, save},
    scene::{Recording, Scene},
};
