//! The book of prompts in a run: every call is compared with it, and what calls teach goes to whoever keeps it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{
    campaign::engine::CampaignId,
    id::DropId,
    phone::PhoneNumber,
    screen::{
        At, Heard, Hint,
        book::{Book, Lesson, Matcher, PromptMatch, PromptNews, SoundKept},
    },
    words::{PromptEnd, Verdict},
};

/// The book as it is now, and where to say what was heard.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// What calls are compared with; a call keeps the one that it began with.
    pub book: watch::Receiver<Arc<Book>>,
    /// What was heard in each call.
    pub heard: mpsc::UnboundedSender<HeardPrompt>,
}

/// What a call that has ended says of prompts.
#[derive(Clone, Debug)]
pub struct HeardPrompt {
    /// The drop.
    pub drop: DropId,
    /// The number that was called.
    pub number: PhoneNumber,
    /// The campaign, if it was for one.
    pub campaign: Option<CampaignId>,
    /// The prompt that was recognised, by its number.
    pub recognised: Option<u32>,
    /// A person was heard: nothing is learnt, and a prompt that was recognised ends in one.
    pub is_person: bool,
    /// A prompt whose end is beyond doubt.
    pub taught: Option<TaughtPrompt>,
}

/// The sound of a prompt, and how it ended.
#[derive(Clone, Debug)]
pub struct TaughtPrompt {
    /// 8 kHz, from its first word on.
    pub samples: Vec<i16>,
    /// How it ended.
    pub ends: PromptEnd,
    /// When its beep began, in seconds since its first word.
    pub beep: Option<f32>,
}

impl TaughtPrompt {
    /// What a lesson says, with the sound of it; `samples` begin where it does.
    pub fn new(lesson: &Lesson, samples: Vec<i16>) -> Self {
        Self {
            samples,
            ends: lesson.ends,
            beep: lesson.beep.map(|beep| beep.since(lesson.from)),
        }
    }
}

/// One call and the book.
pub(super) struct CallPrompts {
    matcher: Matcher,
    /// The first sound, until the message plays.
    sound: SoundKept,
    heard: Vec<Heard>,
    recognised: Option<PromptMatch>,
    /// The message began to play: what is heard now may be its echo.
    has_played: bool,
    is_whole: bool,
    prompts: Prompts,
}

impl CallPrompts {
    pub(super) fn new(prompts: &Prompts) -> Self {
        let book = Arc::clone(&prompts.book.borrow());
        Self {
            matcher: Matcher::new(book),
            sound: SoundKept::default(),
            heard: Vec::new(),
            recognised: None,
            has_played: false,
            is_whole: false,
            prompts: prompts.clone(),
        }
    }

    /// Hears samples of which the first is heard `now`; returns what the ears are to know before they hear them.
    pub(super) fn hear(&mut self, samples: &[i16], now: At) -> Option<Hint> {
        if self.has_played {
            return None;
        }
        self.sound.hear(samples);
        let mut hint = None;
        let recognised = &mut self.recognised;
        self.matcher.hear(samples, &mut |news| {
            *recognised = match news {
                PromptNews::Recognised(found) => Some(found),
                PromptNews::Left { .. } => None,
            };
            // What is known at the end of a window is said at the beginning of these samples.
            hint = Some(news.hint_at(now));
        });
        hint
    }

    /// Takes note of what the ears heard.
    pub(super) fn note(&mut self, heard: &Heard) {
        if self.heard.len() < MOST_HEARD {
            self.heard.push(*heard);
        }
    }

    /// The message begins to play.
    pub(super) const fn playing(&mut self) {
        self.has_played = true;
    }

    /// The whole message was played.
    pub(super) const fn played_whole(&mut self) {
        self.is_whole = true;
    }

    /// The call has ended: says what it teaches, if anything.
    pub(super) fn end(self, drop: DropId, number: PhoneNumber, campaign: Option<CampaignId>) {
        let is_person = self.heard.iter().any(|heard| match heard {
            Heard::Verdict { verdict, .. } => *verdict == Verdict::Human,
            Heard::Voice { answers, .. } => *answers,
            Heard::SpeechBegan { .. }
            | Heard::SpeechEnded { .. }
            | Heard::Signal { .. }
            | Heard::Beep(_)
            | Heard::Ready { .. }
            | Heard::LateBeep(_)
            | Heard::LimitBeep(_)
            | Heard::BeepWasRing { .. } => false,
        });
        let lesson = Lesson::of(&self.heard, self.is_whole);
        let taught = lesson.and_then(|lesson| {
            let samples = self.sound.samples(&lesson)?;
            Some(TaughtPrompt::new(&lesson, samples))
        });
        let recognised = self.recognised.map(|found| found.prompt.id);
        if recognised.is_none() && taught.is_none() {
            return;
        }
        // Whoever keeps the book may have ended.
        let _ = self.prompts.heard.send(HeardPrompt {
            drop,
            number,
            campaign,
            recognised,
            is_person,
            taught,
        });
    }
}

/// Events of a call that are kept; a call in which more happens teaches nothing that is certain.
const MOST_HEARD: usize = 1_000;
