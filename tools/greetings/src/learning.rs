//! What is known of prompts when they come again: the book that the first calls have taught.
//!
//! A prompt is in use as soon as one call has taught it. The program waits for a second number, which these corpora do not have:
//! what is measured is what the ears make of a prompt that is in the book.

use std::{fmt, sync::Arc};

use aftertone::{
    screen::book::{Book, KnownPrompt, Prints},
    words::PromptEnd,
};
use anyhow::Result;

use crate::{
    corpus::{Corpus, Item, Label},
    offline,
    recording::RATE,
};

/// Who fills the book between the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Teacher {
    /// Nobody: no prompt is known.
    Nobody,
    /// The calls, by what the program learns of them.
    Calls,
    /// Somebody who has listened to the first calls and says how each prompt ends.
    Operator,
}

/// Prompts of the first calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct PromptsLearnt(Vec<(KnownPrompt, Prints)>);

impl PromptsLearnt {
    /// Adds a prompt that begins with these samples; `beep` is when its beep begins, in seconds since then.
    pub(crate) fn add(&mut self, samples: &[i16], ends: PromptEnd, beep: Option<f32>) {
        let known = KnownPrompt {
            id: self.0.len() as u32 + 1,
            ends,
            beep,
        };
        self.0.push((known, Prints::of(samples)));
    }

    /// What somebody says who has listened to all first calls.
    ///
    /// # Errors
    /// If a call cannot be read.
    pub(crate) fn labelled(corpus: &Corpus) -> Result<Self> {
        let mut learnt = Self::default();
        for item in corpus.items.iter().filter(|item| !item.heard_before) {
            let Some((ends, from, until)) = prompt(item) else {
                continue;
            };
            let sound = offline::heard(corpus, item)?;
            let place = |seconds: f64| ((seconds * RATE as f64) as usize).min(sound.len());
            let beep = item.beep.map(|beep| (beep.start_s - from) as f32);
            learnt.add(&sound[place(from)..place(until)], ends, beep);
        }
        Ok(learnt)
    }

    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::new(Book::new(
            self.0.iter().map(|(known, prints)| (*known, prints)),
        ))
    }
}

impl fmt::Display for PromptsLearnt {
    /// How many there are by how they end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} prompts", self.0.len())?;
        for ends in PromptEnd::ALL {
            let count = self.0.iter().filter(|(known, _)| known.ends == ends);
            write!(f, ", {} {}", count.count(), ends.as_str())?;
        }
        Ok(())
    }
}

/// How the prompt of a call ends, where it begins and where it ends (s). Of a person there is none, nor of one who comes behind a
/// company's recording: that begins the call.
fn prompt(item: &Item) -> Option<(PromptEnd, f64, f64)> {
    let ends = match (item.label, item.kind.as_str()) {
        (Label::Machine, _) => PromptEnd::Records,
        (Label::Human, "h_company") => {
            return Some((PromptEnd::Connects, 0.0, item.greeting_start_s?));
        }
        (Label::Other, "s_ivr") => PromptEnd::Menu,
        (Label::Other, "s_full" | "s_full_quiet") => PromptEnd::Full,
        (Label::Other, "s_vacant") => PromptEnd::OutOfService,
        (Label::Other, "s_screening") => PromptEnd::Screening,
        (Label::Human | Label::Other, _) => return None,
    };
    Some((ends, item.greeting_start_s?, item.greeting_end_s?))
}
