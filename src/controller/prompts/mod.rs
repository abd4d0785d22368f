//! The book of prompts: what is in use, what calls teach, and how it travels.
//!
//! ```text
//!   store ── prompts ──> BookKeeper ── Arc<Book> ──> every call
//!     ^                      ^  └── all that is known, to see what was heard before
//!     └── new, heard again ──┴───── what each call taught
//! ```
//!
//! A prompt is in use if two numbers have played it, or if the operator, a file or the program says how it ends; one whose calls
//! contradict each other is not, until the operator says how it ends.

mod exchange;
mod keeper;
mod shipped;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tracing::debug;

use crate::{
    screen::book::{Book, KnownPrompt, Matcher, Prints, PromptNews},
    store::{NewPrompt, PromptOrigin},
    words::PromptEnd,
};

pub use self::{
    exchange::{BadExport, read_export, write_export},
    keeper::{BookKeeper, book_in_use},
    shipped::{FIRST_SHIPPED, shipped, shipped_prompt},
};

/// A prompt with its fingerprint.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptEntry {
    /// How it ends.
    pub ends: PromptEnd,
    /// When its beep begins, in milliseconds since the prompt began.
    pub beep_ms: Option<u32>,
    /// What it is called.
    pub label: Option<String>,
    /// Its fingerprint.
    pub prints: Prints,
}

impl PromptEntry {
    /// As it is kept.
    pub fn stored(&self, origin: PromptOrigin) -> NewPrompt {
        NewPrompt {
            origin,
            ends: self.ends,
            beep_ms: self.beep_ms,
            length_ms: (self.prints.seconds() * 1_000.0) as u32,
            prints: self.prints.to_bytes(),
            label: self.label.clone(),
        }
    }
}

/// A book of these prompts alone, in use whatever they are, numbered from `first` on.
pub fn book_of(prompts: &[PromptEntry], first: u32) -> Book {
    Book::new((first..).zip(prompts).map(|(id, prompt)| {
        let known = KnownPrompt {
            id,
            ends: prompt.ends,
            beep: prompt.beep_ms.map(|ms| ms as f32 / 1_000.0),
        };
        (known, &prompt.prints)
    }))
}

/// Which prompt of a book a prompt is that begins with the first of these samples, if it is one of them.
///
/// Prompts of the same beginning may go on differently: they are one if they end alike, or are equally long.
pub fn same_prompt(
    known: &Arc<Book>,
    lengths: impl Fn(u32) -> Option<(PromptEnd, f32)>,
    samples: &[i16],
    ends: PromptEnd,
) -> Option<u32> {
    let mut best = None;
    // What is known of the last words only once others follow.
    let silence = [0; 2_048];
    let mut matcher = Matcher::new(Arc::clone(known));
    for sound in [samples, &silence[..]] {
        matcher.hear(sound, &mut |news| {
            if let PromptNews::Recognised(found) = news
                && found.began.abs() < BEGINS_WITHIN
            {
                best = Some(found.prompt);
            }
        });
    }
    let KnownPrompt { id, .. } = best?;
    let (known_end, length) = lengths(id)?;
    let seconds = samples.len() as f32 / crate::screen::RATE as f32;
    (known_end == ends || (length - seconds).abs() < BEGINS_WITHIN).then_some(id)
}

/// Waits until what the last calls taught is written, but not for ever: nothing is lost by it but a lesson.
pub(super) async fn finish(keeper: Option<JoinHandle<()>>) {
    if let Some(keeper) = keeper
        && timeout(LAST_LESSONS, keeper).await.is_err()
    {
        debug!("what the last calls taught of prompts is not written");
    }
}

/// How long the last lessons may take to be written.
const LAST_LESSONS: Duration = Duration::from_secs(10);

/// How far apart two prompts may begin or end that are the same, in seconds.
const BEGINS_WITHIN: f32 = 1.0;
