//! The same calls without a telephone network: the ears hear the sound of each item, and what a drop would have done follows from
//! what they report. A run takes a minute, so that settings can be compared.

use std::{sync::Arc, thread};

use aftertone::{
    runtime::prompts::TaughtPrompt,
    screen::{
        At, Call, CallFacts, Heard, Message, Replay, Settings,
        book::{Book, Lesson, SoundKept},
    },
    words::{ReadyBy, Verdict},
};
use anyhow::{Context as _, Result, anyhow, bail};

use crate::{
    channel::mu_law,
    corpus::{Corpus, Item, Label, rounded},
    learning::{PromptsLearnt, Teacher},
    recording::{self, RATE},
    score::{Record, Span},
    shaping::pcm,
    system::{System, Told},
    test_speech,
};

/// Settings of the ears that are compared with those that come with the program.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// As it was given; `None` for the program's own.
    pub(crate) name: Option<String>,
    settings: Settings,
}

impl Variant {
    /// The program's own.
    pub(crate) fn own() -> Self {
        Self {
            name: None,
            settings: Settings::default(),
        }
    }

    /// `name=value`, several of them separated by commas.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut settings = Settings::default();
        for pair in text.split(',') {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("`{pair}` is no NAME=VALUE"))?;
            settings.set(name.trim(), value.trim())?;
        }
        Ok(Self {
            name: Some(text.to_owned()),
            settings,
        })
    }
}

/// Hears a corpus by each of the systems that have ears of their own, and with each of the settings: all first calls, and then those
/// whose prompts come again, with what the first ones have taught each of them.
pub(crate) fn hear(
    corpus: &Corpus,
    systems: &[System],
    variants: &[Variant],
    message_s: f32,
    teacher: Teacher,
) -> Result<Vec<Record>> {
    if let Some(other) = systems.iter().find(|system| !system.has_ears()) {
        bail!("{} cannot be heard offline", other.title());
    }
    let message: Vec<i16> = test_speech::speak(MESSAGE, message_s)
        .into_iter()
        .map(pcm)
        .collect();
    let columns = variants
        .iter()
        .flat_map(|variant| systems.iter().map(move |system| (*system, variant)));
    let listener = Listener {
        corpus,
        columns: columns.collect(),
        length: seconds(At(message.len() as u64)),
        message: Message::new(&message),
    };
    let (again, first): (Vec<_>, Vec<_>) =
        (0..corpus.items.len()).partition(|&nth| corpus.items[nth].heard_before);
    let nothing = vec![PromptsLearnt::default(); listener.columns.len()];
    let heard = listener.round(&first, &nothing)?;
    let learnt = match teacher {
        Teacher::Nobody => nothing,
        Teacher::Operator => vec![PromptsLearnt::labelled(corpus)?; nothing.len()],
        Teacher::Calls => {
            let mut learnt = nothing;
            for heard in &heard {
                if let Some(taught) = &heard.taught {
                    learnt[heard.column].add(&taught.samples, taught.ends, taught.beep);
                }
            }
            learnt
        }
    };
    for (known, (system, _)) in learnt.iter().zip(&listener.columns) {
        println!("{}: {}: {known}", corpus.name, system.title());
    }
    let mut all = heard;
    all.extend(listener.round(&again, &learnt)?);
    Ok(all.into_iter().map(|heard| heard.record).collect())
}

/// What all items are heard with.
struct Listener<'a> {
    corpus: &'a Corpus,
    columns: Vec<(System, &'a Variant)>,
    message: Message,
    /// Of the message (s).
    length: f64,
}

/// A call that was heard.
struct HeardCall {
    column: usize,
    record: Record,
    taught: Option<TaughtPrompt>,
}

impl Listener<'_> {
    /// Hears these items, each column with the prompts that it knows.
    fn round(&self, items: &[usize], known: &[PromptsLearnt]) -> Result<Vec<HeardCall>> {
        let books: Vec<_> = known.iter().map(PromptsLearnt::book).collect();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let parts = thread::scope(|scope| {
            let parts: Vec<_> = items
                .chunks(items.len().div_ceil(workers).max(1))
                .map(|part| scope.spawn(|| self.items(part, &books)))
                .collect();
            parts
                .into_iter()
                .map(|part| {
                    part.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect::<Result<Vec<_>>>()
        })?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn items(&self, items: &[usize], books: &[Arc<Book>]) -> Result<Vec<HeardCall>> {
        let mut calls = Vec::new();
        for &nth in items {
            let sound = heard(self.corpus, &self.corpus.items[nth])?;
            for (column, book) in books.iter().enumerate() {
                calls.push(self.call(nth, &sound, column, book));
            }
        }
        Ok(calls)
    }

    fn call(&self, nth: usize, sound: &[i16], column: usize, book: &Arc<Book>) -> HeardCall {
        let (system, variant) = self.columns[column];
        let item = &self.corpus.items[nth];
        let twice = system == System::Twice;
        let facts = CallFacts {
            call: Some(Call {
                alerted: Some(if twice { item.alerts(nth) } else { RINGS }),
                other_rang: twice,
            }),
            message: Some(self.message.clone()),
            book: (!book.is_empty()).then(|| Arc::clone(book)),
            ..CallFacts::default()
        };
        let replay = Replay::of(sound, variant.settings, &facts);
        let life = Life::of(&replay, self.length, seconds(At(sound.len() as u64)));
        let beeps = replay.beeps.iter().map(|beep| Span {
            start_s: rounded(seconds(beep.start)),
            end_s: rounded(seconds(beep.end)),
        });
        let record = Record {
            settings: variant.name.clone(),
            answered: true,
            origin_s: Some(0.0),
            ended_s: rounded(life.ended),
            first_s: life.starts.first().copied().map(rounded),
            last_s: life.starts.last().copied().map(rounded),
            whole: life.whole,
            beeps: Some(beeps.collect()),
            ..Record::new(item, system, &life.told)
        };
        HeardCall {
            column,
            record,
            taught: taught(&replay, sound, life.whole),
        }
    }
}

/// What a call teaches, as in a run.
fn taught(replay: &Replay, sound: &[i16], is_whole: bool) -> Option<TaughtPrompt> {
    let lesson = Lesson::of(&replay.heard, is_whole)?;
    let mut kept = SoundKept::default();
    kept.hear(sound);
    let samples = kept.samples(&lesson)?;
    Some(TaughtPrompt::new(&lesson, samples))
}

/// What becomes of a call, as [`aftertone::drop`] has it with its defaults: it ends at the first verdict that is no machine's, and
/// with the message.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) told: Told,
    /// When the message started, each time.
    pub(crate) starts: Vec<f64>,
    /// Whether all of it was played in the end.
    pub(crate) whole: bool,
    pub(crate) ended: f64,
}

impl Life {
    /// A message of this length is played to a far end that hangs up at this moment at the latest (s).
    pub(crate) fn of(replay: &Replay, length: f64, hangs_up: f64) -> Self {
        let mut life = Self {
            ended: hangs_up,
            ..Self::default()
        };
        let mut playing = None;
        for heard in &replay.heard {
            let over = playing.map_or(f64::INFINITY, |start: f64| start + length);
            if seconds(moment(heard)) >= over {
                break;
            }
            if let Heard::Verdict {
                verdict,
                at,
                reasons,
                ..
            } = heard
            {
                life.told.verdict = Some(verdict.as_str().to_owned());
                life.told.why = Some(reasons.to_string());
                life.told.verdict_s = Some(seconds(*at));
                if *verdict != Verdict::Machine {
                    life.ended = seconds(*at);
                    return life;
                }
            } else if let Heard::Ready { by, at } = heard {
                if life.starts.is_empty() {
                    life.told.ready_by = Some(ReadyBy::as_str(*by).to_owned());
                    life.told.ready_s = Some(seconds(*at));
                } else {
                    life.told.restarts += 1;
                }
                life.starts.push(seconds(*at));
                playing = Some(seconds(*at));
            } else if matches!(heard, Heard::LateBeep(_) | Heard::Voice { .. }) {
                playing = None;
            } else if let Heard::LimitBeep(beep) = heard
                && playing.is_some()
            {
                life.ended = seconds(beep.end);
                return life;
            }
        }
        if let Some(start) = playing {
            life.whole = start + length <= hangs_up;
            life.ended = hangs_up.min(start + length);
        }
        life
    }
}

/// When it was reported, or a little earlier.
fn moment(heard: &Heard) -> At {
    if let Heard::Verdict { at, .. } | Heard::Ready { at, .. } | Heard::Voice { at, .. } = heard {
        *at
    } else if let Heard::Beep(beep) | Heard::LateBeep(beep) | Heard::LimitBeep(beep) = heard {
        beep.end
    } else {
        At(0)
    }
}

/// The item as a PBX hears it: through the trunk's mu-law, and as long as the far end stays.
pub(crate) fn heard(corpus: &Corpus, item: &Item) -> Result<Vec<i16>> {
    let path = corpus.path(item);
    let sound = recording::read(&path).map_err(|why| anyhow!(why))?;
    let mut heard: Vec<i16> = sound.into_iter().map(mu_law).map(pcm).collect();
    if item.label == Label::Machine {
        heard.resize(heard.len() + (STAYS * RATE as f64) as usize, 0);
    }
    Ok(heard)
}

fn seconds(at: At) -> f64 {
    at.seconds()
}

/// How long a single call alerts in the lab (s).
const RINGS: f32 = 0.2;

/// How long a mailbox goes on recording when it has nothing more to say (s): longer than the message.
const STAYS: f64 = 30.0;

/// The seed of the message; no voice of a corpus speaks like it.
const MESSAGE: u64 = 14;
