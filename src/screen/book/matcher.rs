//! Finds where in which prompt a call is.

use std::{fmt, sync::Arc};

use super::{
    index::{Book, KnownPrompt},
    landmarks::{Landmark, Landmarks},
    peaks::{SEEN_AFTER, STEP},
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
}

/// Listens to one call. All buffers are made once.
pub struct Matcher {
    book: Arc<Book>,
    landmarks: Landmarks,
    lines: Lines,
    /// The prompts that much speaks for.
    leaders: [Leader; LEADERS],
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
            leaders: [Leader::default(); LEADERS],
            reported: None,
        }
    }

    /// Hears 8 kHz samples, any number of them; the first is the moment of answer.
    pub fn hear(&mut self, frame: &[i16], found: &mut impl FnMut(PromptMatch)) {
        let Self {
            book,
            landmarks,
            lines,
            leaders,
            reported,
        } = self;
        landmarks.hear(frame, &mut |heard| {
            // The rarest first: they say the most, and take the least time.
            heard.sort_unstable_by_key(|landmark| book.places(landmark.kind).len());
            let mut votes = 0;
            for Landmark { step, kind } in heard.iter().copied() {
                let places = book.places(kind);
                votes += places.len();
                if votes > VOTES {
                    break;
                }
                let weight = book.weight(places.len());
                let mut before = None;
                for place in places {
                    let line = (place + LATEST - 2 * step) / 2;
                    // The same peaks in fingerprints that were taken beside each other.
                    if before.replace(line) == Some(line) {
                        continue;
                    }
                    if lines.vote(line, step, weight) < CANDIDATE {
                        continue;
                    }
                    if let Some(prompt) = book.prompt_at(*place) {
                        take_the_lead(leaders, lines.leader(prompt, line, step));
                    }
                }
            }
            // Once all of the step has been counted: until then one of two prompts that are alike is ahead.
            let step = heard.first().map_or(0, |landmark| landmark.step);
            let gained = leaders.iter().filter(|leader| leader.step == step);
            let best = gained.max_by(|a, b| a.score.total_cmp(&b.score)).copied();
            if let Some(best) = best.filter(|best| best.first > 0)
                && let Some(recognised) = decide(book, leaders, *reported, best)
            {
                *reported = Some(best);
                found(recognised);
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

/// Whether a prompt that has gained something is recognised by it.
fn decide(
    book: &Book,
    leaders: &[Leader; LEADERS],
    reported: Option<Leader>,
    leader: Leader,
) -> Option<PromptMatch> {
    let Leader {
        prompt,
        line,
        score,
        first,
        step,
        hits,
    } = leader;
    let nats = score - book.chances();
    let few = MANY.saturating_sub(hits) as f32;
    if nats < SURE + (few * EACH).min(MOST_MORE) || step - first < SPAN || hits < HITS {
        return None;
    }
    let known = book.prompt(prompt);
    let near = |other: &&Leader| other.first > 0 && other.score_at(step) > score - MARGIN;
    let mut rivals = leaders.iter().filter(near);
    if rivals.any(|other| book.prompt(other.prompt).ends != known.ends) {
        return None;
    }
    let is_reported = |before: Leader| {
        let same = before.prompt == prompt && before.line.abs_diff(line) <= 2;
        let mut as_good = leaders.iter().filter(near);
        same || book.prompt(before.prompt).ends == known.ends
            && as_good.any(|other| other.prompt == before.prompt)
    };
    if reported.is_some_and(is_reported) {
        return None;
    }
    let at = At(u64::from(step + SEEN_AFTER) * STEP as u64);
    let beep_in = |leader: &Leader| {
        let beep = began(book, leader) + book.prompt(leader.prompt).beep?;
        Some(beep - at.seconds() as f32).filter(|seconds| *seconds >= 0.0)
    };
    let own = beep_in(&leader);
    let agrees = |other: &Leader| match (own, beep_in(other)) {
        (Some(own), Some(other)) => (own - other).abs() <= TOLERANCE,
        (None, _) | (_, None) => false,
    };
    let all_agree = leaders.iter().filter(near).all(agrees);
    Some(PromptMatch {
        prompt: known,
        at,
        began: began(book, &leader),
        nats,
        beep_in: own.filter(|_| all_agree),
    })
}

/// When a prompt began, in seconds since answer. A line is the place that answer would have in the book.
fn began(book: &Book, leader: &Leader) -> f32 {
    let half_steps =
        i64::from(book.base(leader.prompt)) + i64::from(LATEST) - 2 * i64::from(leader.line);
    half_steps as f32 * Prints::HALF_STEP
}

/// Keeps the prompts that much speaks for, each once.
fn take_the_lead(leaders: &mut [Leader; LEADERS], leader: Leader) {
    let step = leader.step;
    if let Some(own) = leaders
        .iter_mut()
        .find(|own| own.first > 0 && own.prompt == leader.prompt)
    {
        if own.line == leader.line || own.score_at(step) <= leader.score {
            *own = leader;
        }
        return;
    }
    let weakest = leaders
        .iter_mut()
        .min_by(|a, b| a.score_at(step).total_cmp(&b.score_at(step)));
    if let Some(weakest) = weakest
        && weakest.score_at(step) < leader.score
    {
        *weakest = leader;
    }
}

/// A prompt that much speaks for.
#[derive(Clone, Copy, Debug, Default)]
struct Leader {
    prompt: usize,
    line: u32,
    /// When it was last found.
    step: u32,
    score: f32,
    /// 0 if there is none: no landmark is that early.
    first: u32,
    hits: u32,
}

impl Leader {
    fn score_at(&self, step: u32) -> f32 {
        faded(self.score, step - self.step.min(step))
    }
}

/// The lines of the plane "place in the book against time in the call": a recording that is played again is a line of landmarks.
/// As many as there is room for; a line that nothing comes to gives way to others.
struct Lines {
    slots: Box<[[Line; WAYS]]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    line: u32,
    /// The step of the last landmark on it.
    last: u32,
    /// The step of the first.
    first: u32,
    /// What its landmarks say, in nats: it grows with each and fades with time, and never falls under nothing.
    score: f32,
    /// What one more landmark of the last step is worth.
    shares: f32,
    /// Steps with a landmark on it.
    hits: u32,
}

impl Line {
    fn vote(&mut self, step: u32, weight: f32) {
        if self.last != step {
            self.score = faded(self.score, step - self.last);
            self.last = step;
            self.shares = 1.0;
            if self.score <= 0.0 {
                self.first = step;
                self.hits = 0;
            }
            self.hits += 1;
        }
        // Landmarks of one step share peaks.
        self.score += weight * self.shares;
        self.shares *= SHARED;
    }
}

impl Lines {
    const BYTES: usize = SETS * WAYS * size_of::<Line>();

    fn new() -> Self {
        Self {
            slots: vec![[Line::default(); WAYS]; SETS].into(),
        }
    }

    /// Adds a landmark to a line, and returns what the line has.
    fn vote(&mut self, line: u32, step: u32, weight: f32) -> f32 {
        let set = &mut self.slots[set_of(line)];
        if let Some(own) = set.iter_mut().find(|own| own.line == line) {
            own.vote(step, weight);
            return own.score;
        }
        let weakest = set.iter_mut().min_by(|a, b| {
            let score = |line: &Line| faded(line.score, step - line.last);
            score(a).total_cmp(&score(b))
        });
        if let Some(weakest) = weakest {
            *weakest = Line {
                line,
                last: step,
                first: step,
                score: weight,
                shares: SHARED,
                hits: 1,
            };
        }
        weight
    }

    /// What a line has with the better of its neighbours: a call lies between two windows.
    fn leader(&self, prompt: usize, line: u32, step: u32) -> Leader {
        let of = |line: u32| self.slots[set_of(line)].iter().find(|own| own.line == line);
        let own = of(line).copied().unwrap_or_default();
        let mut leader = Leader {
            prompt,
            line,
            step,
            score: own.score,
            first: own.first,
            hits: own.hits,
        };
        let beside = [line - 1, line + 1].into_iter().filter_map(of);
        let beside = beside.map(|beside| (faded(beside.score, step - beside.last), beside));
        if let Some((more, beside)) = beside.max_by(|a, b| a.0.total_cmp(&b.0))
            && more > 0.0
        {
            leader.score += more;
            leader.first = leader.first.min(beside.first);
            leader.hits += beside.hits;
        }
        leader
    }
}

fn set_of(line: u32) -> usize {
    (line.wrapping_mul(0x9E37_79B1) >> (32 - SETS.trailing_zeros())) as usize
}

fn faded(score: f32, steps: u32) -> f32 {
    (score - FADES * steps as f32).max(0.0)
}

/// Places that are looked at in one step, however many prompts the book has.
const VOTES: usize = 2_000;

/// By how much two prompts may differ in when their beep comes, in seconds.
const TOLERANCE: f32 = 0.3;

/// More than any step doubled, so that no line is under nothing.
const LATEST: u32 = 1 << 30;

/// A line with as much may be a prompt, in nats.
const CANDIDATE: f32 = 12.0;

/// How sure it has to be, in nats.
const SURE: f32 = 12.0;

/// By how much a prompt leads those that mean something else, in nats.
const MARGIN: f32 = 8.0;

/// A prompt is not recognised by less than this many steps, 0.8 s: a word may be the same in many.
const SPAN: u32 = 25;

/// In so many steps at least a landmark of it was found.
const HITS: u32 = 5;

/// In so many steps, and it need not be surer for that. Other speech meets a prompt by chance too, in a long vowel of the same pitch,
/// with many landmarks but in few steps.
const MANY: u32 = 12;

/// For each step that there are fewer it has to be surer by this, in nats.
const EACH: f32 = 5.0;

/// But by no more than this.
const MOST_MORE: f32 = 16.0;

/// What a line loses in a step in which no landmark comes to it, in nats.
const FADES: f32 = 0.4;

/// What a second landmark of the same step is worth.
const SHARED: f32 = 0.5;

const LEADERS: usize = 8;
const WAYS: usize = 4;
const SETS: usize = 1_024;
