//! What a picture is drawn of.

use crate::screen::{At, Replay};

/// A recording and what the ears made of it.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// What it is called. Long runs of digits, which may be a phone number, are masked in the picture.
    pub title: &'a str,
    /// Its samples, 8000 of them a second.
    pub samples: &'a [i16],
    /// What was heard in them.
    pub replay: &'a Replay,
    /// How long the message lasts that played from the ready point on, in seconds; `None` if it is not known.
    pub message: Option<f32>,
    /// When the message really played, from and until, if that is known; otherwise the ready points show it.
    pub plays: Option<&'a [(At, At)]>,
    /// What followed the call and is in no recording, such as a call that came back: a line each.
    pub later: &'a [String],
}
