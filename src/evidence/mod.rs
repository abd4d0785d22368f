//! Evidence: what is kept of a drop, and the picture of a recording, for a ticket.
//!
//! An [`Archive`] holds a folder a drop: what its ears heard, what was played, and the account by which both can be heard
//! again ([`EvidenceReader`]) to the same result. A [`Recorder`] brings the sound there without making the listener wait.
//!
//! ```text
//!  samples, Replay ──Scene::of──> shapes on whole pixels ─┬─ svg ──> text that any browser draws
//!                                                         └─ png ──> pixels, with glyphs of our own
//! ```
//!
//! [`Layout::of`], and [`Layout::of_chart`] for counts over time, decide where everything stands and are pure; the two renderers only copy shapes, so that both pictures
//! show the same. Colours repeat what the words say. A title's long runs of digits are masked: a recording is often named
//! after a phone number, and a picture travels.

mod archive;
mod files;
mod heard_event;
mod manifest;
mod picture;
mod reader;
mod recorder;
mod retention;

pub use self::{
    archive::{Archive, ArchiveError, Folder, KeepError},
    picture::{Bar, Chart, Layout, Part, PictureFormat, Recording, SaveError, save},
    reader::{CallSound, EvidenceReader, ReadError, title_of},
    recorder::{RecordedCue, Recorder},
    retention::RetentionLimits,
};
