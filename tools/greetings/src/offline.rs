//! The same calls without a telephone network: the ears hear the sound of each item, and what a drop would have done follows from
//! what they report. A run takes a minute, so that settings can be compared.

use std::thread;

use aftertone::{
    screen::{At, Call, CallFacts, Heard, Message, Replay, Settings},
    words::{ReadyBy, Verdict},
};
use anyhow::{Context as _, Result, anyhow, bail};

use crate::{
    channel::mu_law,
    corpus::{Corpus, Item, Label, rounded},
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

/// Hears a corpus by each of the systems that have ears of their own, and with each of the settings.
pub(crate) fn hear(
    corpus: &Corpus,
    systems: &[System],
    variants: &[Variant],
    message_s: f32,
) -> Result<Vec<Record>> {
    if let Some(other) = systems.iter().find(|system| !system.has_ears()) {
        bail!("{} cannot be heard offline", other.title());
    }
    let message: Vec<i16> = test_speech::speak(MESSAGE, message_s)
        .into_iter()
        .map(pcm)
        .collect();
    let listener = Listener {
        corpus,
        systems,
        variants,
        message: Message::new(&message),
        length: seconds(At(message.len() as u64)),
    };
    let order: Vec<usize> = (0..corpus.items.len()).collect();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let parts = thread::scope(|scope| {
        let parts: Vec<_> = order
            .chunks(order.len().div_ceil(workers).max(1))
            .map(|part| scope.spawn(|| listener.items(part)))
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

/// What all items are heard with.
struct Listener<'a> {
    corpus: &'a Corpus,
    systems: &'a [System],
    variants: &'a [Variant],
    message: Message,
    /// Of the message (s).
    length: f64,
}

impl Listener<'_> {
    fn items(&self, items: &[usize]) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for &nth in items {
            let item = &self.corpus.items[nth];
            let sound = heard(self.corpus, item)?;
            for variant in self.variants {
                for &system in self.systems {
                    records.push(self.call(nth, &sound, system, variant));
                }
            }
        }
        Ok(records)
    }

    fn call(&self, nth: usize, sound: &[i16], system: System, variant: &Variant) -> Record {
        let item = &self.corpus.items[nth];
        let twice = system == System::Twice;
        let facts = CallFacts {
            call: Some(Call {
                alerted: Some(if twice { item.alerts(nth) } else { RINGS }),
                other_rang: twice,
            }),
            message: Some(self.message.clone()),
            ..CallFacts::default()
        };
        let replay = Replay::of(sound, variant.settings, &facts);
        let life = Life::of(&replay, self.length, seconds(At(sound.len() as u64)));
        let beeps = replay.beeps.iter().map(|beep| Span {
            start_s: rounded(seconds(beep.start)),
            end_s: rounded(seconds(beep.end)),
        });
        Record {
            settings: variant.name.clone(),
            answered: true,
            origin_s: Some(0.0),
            ended_s: rounded(life.ended),
            first_s: life.starts.first().copied().map(rounded),
            last_s: life.starts.last().copied().map(rounded),
            whole: life.whole,
            beeps: Some(beeps.collect()),
            ..Record::new(item, system, &life.told)
        }
    }
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
fn heard(corpus: &Corpus, item: &Item) -> Result<Vec<i16>> {
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
