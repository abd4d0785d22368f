//! Evidence: what is kept of a drop, and the picture of a recording, for a ticket.
//!
//! An [`Archive`] holds a folder for each drop: what its ears heard, what was played, and the manifest by which the call can
//! be heard again ([`EvidenceReader`]) to the same result. A [`Recorder`] writes the sound there without making the
//! listener wait.
//!
//! ```text
//!  samples, Replay ─Layout::of──> shapes on whole pixels ─┬─ svg ──> text that any browser draws
//!                                                         └─ png ──> pixels, with glyphs of our own
//! ```
//!
//! [`Layout::of`], and [`Layout::of_chart`] for counts over time, decide the place of everything and are pure; the two
//! renderers only copy shapes, so that both pictures show the same. Colours repeat what the text says. A title's long runs of digits are masked: a recording is often named
//! after a phone number, and a picture travels.

mod archive;
mod bundle;
mod erasure;
mod explained;
mod files;
mod heard_event;
mod manifest;
mod message_parts;
mod phrase;
mod picture;
mod reader;
mod recorder;
mod retention;

pub use self::{
    archive::{Archive, ArchiveError, Folder, KeepError},
    bundle::{BundleContents, PersonBundle},
    erasure::EvidenceErasure,
    explained::{
        ExplainedCall, HearAgainError, HearingSetting, LiveCall, hear_again, hearing_settings,
        reasons,
    },
    files::{KEPT_FILES, MANIFEST},
    message_parts::MessageParts,
    picture::{Bar, Chart, Layout, Part, PictureFormat, PromptPicture, Recording, SaveError, save},
    reader::{CallSound, EvidenceReader, ReadError, title_of},
    recorder::{RecordedCue, Recorder},
    retention::RetentionLimits,
};
