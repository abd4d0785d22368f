//! Finds where in which prompt a call is.

use std::{fmt, sync::Arc};

use super::{
    fit::{Fit, HeardSigns},
    index::{Book, KnownPrompt},
    landmarks::{Landmark, Landmarks},
    lines::Lines,
    peaks::STEP,
    prints::Prints,
};
use crate::{
    screen::{At, Hint, HintSays, HintSource},
    words::PromptEnd,
};

/// A prompt that was recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PromptMatch {
    /// Which.
    pub prompt: KnownPrompt,
    /// When it was known.
    pub at: At,
    /// When the prompt began, in seconds since answer: before 0 if the call came into the middle of it.
    pub began: f32,
    /// How sure it is, in nats: the evidence of its landmarks, less that of a chance among all the places of the book.
    pub nats: f32,
    /// In how many seconds its beep comes, if that is known, and all prompts that sound like this say the same.
    pub beep_in: Option<f32>,
}

impl PromptMatch {
    /// How far the call is in the prompt, in seconds.
    pub fn heard_of_it(&self) -> f32 {
        self.at.seconds() as f32 - self.began
    }

    /// What it says to the ears.
    pub const fn hint(&self) -> Hint {
        Hint {
            source: HintSource::Prompt,
            says: match self.prompt.ends {
                PromptEnd::Records => HintSays::Records {
                    beep_in: self.beep_in,
                },
                PromptEnd::Menu => HintSays::Menu,
                PromptEnd::Full => HintSays::Full,
                PromptEnd::OutOfService => HintSays::OutOfService,
                PromptEnd::Screening => HintSays::Screening,
                PromptEnd::Connects => HintSays::Connects,
            },
            nats: self.nats,
            detail: self.prompt.id,
        }
    }

    /// The same, if it is said at another moment than that at which it was known.
    pub fn hint_at(&self, now: At) -> Hint {
        let mut hint = self.hint();
        if let HintSays::Records {
            beep_in: Some(beep_in),
        } = &mut hint.says
        {
            *beep_in += self.at.since(now) - now.since(self.at);
        }
        hint
    }
}

/// What the book says of a call as it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PromptNews {
    /// The call is in this prompt.
    Recognised(PromptMatch),
    /// The call was in this prompt, and goes on otherwise: it began with the same words, or somebody speaks in between.
    Left {
        /// The prompt's number, [`KnownPrompt::id`].
        prompt: u32,
    },
}

impl PromptNews {
    /// What it says to the ears, if it is said `now`.
    pub fn hint_at(&self, now: At) -> Hint {
        match self {
            Self::Recognised(found) => found.hint_at(now),
            Self::Left { prompt } => Hint {
                source: HintSource::Prompt,
                says: HintSays::Withdrawn,
                nats: 0.0,
                detail: *prompt,
            },
        }
    }
}

/// Listens to one call. All buffers are made once.
pub struct Matcher {
    book: Arc<Book>,
    landmarks: Landmarks,
    lines: Lines,
    signs: HeardSigns,
    /// The prompts that much speaks for.
    leaders: [Option<Leader>; LEADERS],
    reported: Option<Leader>,
}

impl Matcher {
    /// What one takes, in bytes: itself and the buffers that it makes once.
    pub const BYTES: usize = size_of::<Self>() + Landmarks::BYTES + Lines::BYTES;

    /// Nothing heard yet.
    pub fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            landmarks: Landmarks::new(),
            lines: Lines::new(),
            signs: HeardSigns::new(),
            leaders: [None; LEADERS],
            reported: None,
        }
    }

    /// Hears 8 kHz samples, any number of them; the first is the moment of answer.
    pub fn hear(&mut self, frame: &[i16], news: &mut impl FnMut(PromptNews)) {
        let Self {
            book,
            landmarks,
            lines,
            signs,
            leaders,
            reported,
        } = self;
        landmarks.hear(frame, &mut |gains, heard| {
            signs.hear(gains.rises());
            // The rarest first: they say the most, and take the least time.
            heard.sort_unstable_by_key(|landmark| book.places(landmark.kind).len());
            let mut votes = 0;
            for Landmark { step, kind } in heard.iter().copied() {
                let places = book.places(kind);
                votes += places.len();
                if votes > VOTES {
                    break;
                }
                let weight = (4.0 * book.weight(places.len())) as u8;
                let mut before = None;
                for place in places {
                    let line = (place + LATEST - 2 * step) / 2;
                    // The same peaks in fingerprints that were taken beside each other.
                    if before.replace(line) == Some(line) {
                        continue;
                    }
                    let score = lines.vote(line, step, weight);
                    if score < CANDIDATE / 2
                        || score.saturating_add(lines.beside(line, step)) < CANDIDATE
                    {
                        continue;
                    }
                    // Most are chance. A line is two half steps wide.
                    let offset = 2 * i64::from(line) - i64::from(LATEST);
                    let glance = |offset| signs.glance(book.all_signs(), offset);
                    if glance(offset) < PROMISING && glance(offset + 1) < PROMISING {
                        lines.spend(line);
                        continue;
                    }
                    if let Some(prompt) = book.prompt_at(*place)
                        && !look(book, signs, leaders, prompt, line)
                    {
                        lines.spend(line);
                    }
                }
            }
            if signs.last() % LOOKS != 0 {
                return;
            }
            if let Some(prompt) = has_left(book, signs, reported) {
                news(PromptNews::Left { prompt });
            }
            if let Some(recognised) = decide(book, signs, leaders, reported) {
                news(PromptNews::Recognised(recognised));
            }
        });
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("book", &self.book)
            .finish_non_exhaustive()
    }
}

/// Looks whether a call may be in a prompt, on a line of landmarks; a prompt that fits is among the leaders from then on.
fn look(
    book: &Book,
    heard: &HeardSigns,
    leaders: &mut [Option<Leader>; LEADERS],
    prompt: usize,
    line: u32,
) -> bool {
    // The neighbours of a line spoke for it as well.
    let first = 2 * i64::from(line) - i64::from(LATEST) - i64::from(book.base(prompt));
    let Ok(first) = i32::try_from(first) else {
        return false;
    };
    let here = |leader: &&mut Leader| {
        leader.prompt == prompt && (first - 3..=first + 4).contains(&leader.fit.offset)
    };
    if leaders.iter_mut().flatten().any(|leader| here(&leader)) {
        return true;
    }
    let signs = book.signs(prompt);
    let offsets = (first - 1..=first + 2).map(|offset| (offset, heard.recent(signs, offset)));
    let Some((offset, recent)) = offsets.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return false;
    };
    if recent < LIKELY {
        return false;
    }
    let fit = heard.fit(signs, offset);
    let leader = Leader { prompt, fit };
    let own = leaders
        .iter_mut()
        .find(|own| own.is_some_and(|own| own.prompt == prompt));
    if let Some(own) = own {
        // A prompt may say the same words twice.
        if own.is_none_or(|own| own.fit.nats < fit.nats) {
            *own = Some(leader);
        }
        return true;
    }
    let nats = |leader: &Option<Leader>| leader.map_or(0.0, |leader| leader.fit.nats);
    let weakest = leaders
        .iter_mut()
        .min_by(|a, b| nats(a).total_cmp(&nats(b)));
    if let Some(weakest) = weakest.filter(|weakest| nats(weakest) < fit.nats) {
        *weakest = Some(leader);
    }
    true
}

/// Which prompt was recognised that the call has left, if it has: what was said of it holds no longer.
fn has_left(book: &Book, heard: &HeardSigns, reported: &mut Option<Leader>) -> Option<u32> {
    let leader = reported.as_mut()?;
    leader.fit = heard.fit(book.signs(leader.prompt), leader.fit.offset);
    if !leader.fit.has_left() {
        return None;
    }
    let prompt = book.prompt(leader.prompt).id;
    *reported = None;
    Some(prompt)
}

/// Compares all leaders with the call as it is now; says which prompt is recognised, if one is.
fn decide(
    book: &Book,
    heard: &HeardSigns,
    leaders: &mut [Option<Leader>; LEADERS],
    reported: &mut Option<Leader>,
) -> Option<PromptMatch> {
    for slot in &mut *leaders {
        if let Some(leader) = slot {
            leader.fit = heard.fit(book.signs(leader.prompt), leader.fit.offset);
            if leader.fit.nats <= 0.0 {
                *slot = None;
            }
        }
    }
    let sure = |leader: &&Leader| {
        leader.fit.nats >= SURE + book.chances()
            && leader.fit.sounding >= SPAN
            && leader.fit.goes_on()
    };
    let best = leaders.iter().flatten().filter(sure);
    let leader = *best.max_by(|a, b| a.fit.nats.total_cmp(&b.fit.nats))?;
    let known = book.prompt(leader.prompt);
    let near = |other: &&Leader| leader.fit.ahead_of(&other.fit) < MARGIN;
    let mut rivals = leaders.iter().flatten().filter(near);
    if rivals.any(|other| book.prompt(other.prompt).ends != known.ends) {
        return None;
    }
    let is_reported = |before: Leader| {
        let same =
            before.prompt == leader.prompt && before.fit.offset.abs_diff(leader.fit.offset) <= 32;
        let mut as_good = leaders.iter().flatten().filter(near);
        same || book.prompt(before.prompt).ends == known.ends
            && as_good.any(|other| other.prompt == before.prompt)
    };
    if reported.is_some_and(is_reported) {
        return None;
    }
    *reported = Some(leader);
    let at = At(u64::from(heard.last() + 1) * STEP as u64);
    let beep_in = |leader: &Leader| {
        let beep = leader.began() + book.prompt(leader.prompt).beep?;
        Some(beep - at.seconds() as f32).filter(|seconds| *seconds >= 0.0)
    };
    let own = beep_in(&leader);
    let agrees = |other: &Leader| match (own, beep_in(other)) {
        (Some(own), Some(other)) => (own - other).abs() <= TOLERANCE,
        (None, _) | (_, None) => false,
    };
    let all_agree = leaders.iter().flatten().filter(near).all(agrees);
    Some(PromptMatch {
        prompt: known,
        at,
        began: leader.began(),
        nats: leader.fit.nats - book.chances(),
        beep_in: own.filter(|_| all_agree),
    })
}

/// A prompt that much speaks for.
#[derive(Clone, Copy, Debug)]
struct Leader {
    prompt: usize,
    fit: Fit,
}

impl Leader {
    /// When the prompt began, in seconds since answer.
    fn began(&self) -> f32 {
        -self.fit.offset as f32 * Prints::HALF_STEP
    }
}

/// Places that are counted in one step, however many prompts the book has.
const VOTES: usize = 300;

/// By how much two prompts may differ in when their beep comes, in seconds.
const TOLERANCE: f32 = 0.3;

/// More than any step doubled, so that no line is under nothing.
const LATEST: u32 = 1 << 30;

/// A line with as much is looked at, in quarters of a nat: two rare landmarks, or a few common ones.
const CANDIDATE: u8 = 36;

/// What the last part has to say for a line at a glance, in nats.
const PROMISING: f32 = 2.0;

/// What the last three parts have to say for a prompt for it to be followed, in nats.
const LIKELY: f32 = 4.0;

/// How sure it has to be, in nats beyond the chance among all places. People who are compared with 2,391 prompts reach 14.
const SURE: f32 = 25.0;

/// By how much a prompt leads those that mean something else, in nats.
const MARGIN: f32 = 16.0;

/// A prompt is not recognised by fewer windows that are no pause, 0.9 s: a word may be the same in many.
const SPAN: u32 = 28;

/// Leaders are compared in each so manieth window.
const LOOKS: u32 = 2;

const LEADERS: usize = 16;
