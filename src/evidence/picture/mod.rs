//! The picture of a recording, or of counts over time: decided on whole pixels by pure code, then copied by two renderers.

mod chart;
mod format;
mod lanes;
mod layout;
mod packing;
mod png;
mod prompt;
mod recording;
mod render;
mod save;
mod shape;
mod svg;
#[cfg(test)]
mod tests;
mod title;
mod waveform;

pub use self::{
    chart::{Bar, Chart, Part},
    format::PictureFormat,
    layout::Layout,
    prompt::PromptPicture,
    recording::Recording,
    save::{SaveError, save},
};
