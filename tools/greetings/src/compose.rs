//! Puts calls together. What is true of a call comes from how it was put together, never from listening to it.

use anyhow::Result;

use crate::{
    corpus::{BeepLabel, Label, ToneKind, ToneLabel, rounded},
    dice::Dice,
    recording::{RATE, Samples},
    ring::{RINGING, Ringing},
    script::{Part, Pool},
    tones,
    voices::{Sentence, Sounds, VOICES, Voice},
};

/// A kind of calls: how many there are of it in a corpus of the usual size, and how many more have the prompt of one of them again.
/// The shares are assumptions: there are no public figures.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) first: usize,
    pub(crate) again: usize,
}

/// Each kind. `s_ringback` is a corpus of its own.
pub(crate) const PLAN: &[Kind] = &[
    kind("h_hello", 12, 0),
    kind("h_name", 12, 0),
    kind("h_business", 14, 0),
    kind("h_repeat", 8, 0),
    kind("h_babble", 16, 0),
    kind("h_ringback", 4, 0),
    kind("h_recorder", 4, 0),
    kind("h_company", 5, 3),
    kind("m_carrier", 14, 8),
    kind("m_short", 12, 5),
    kind("m_long", 16, 7),
    kind("m_music", 4, 0),
    kind("m_ringback", 4, 0),
    kind("m_trap", 3, 0),
    kind("m_twice", 3, 0),
    kind("s_sit", 5, 0),
    kind("s_fax", 4, 0),
    kind("s_ivr", 5, 3),
    kind("s_full", 3, 0),
    kind("s_full_quiet", 5, 2),
    kind("s_silence", 3, 0),
    kind("s_screening", 5, 2),
    kind("s_vacant", 5, 2),
    kind("s_hold", 4, 0),
];

const fn kind(name: &'static str, first: usize, again: usize) -> Kind {
    Kind { name, first, again }
}

/// What is left to chance in a call.
pub(crate) struct Chance {
    /// What belongs to the prompt, and is the same if it comes again: voice, words, pauses, beep. Of people all.
    pub(crate) words: Dice,
    /// What belongs to the call.
    pub(crate) call: Dice,
}

/// A call before it goes through a channel: speech has root mean square 1.0.
pub(crate) struct Call {
    pub(crate) label: Label,
    /// Nothing but noise.
    pub(crate) silent: bool,
    /// Who says anything in it.
    pub(crate) voice: Option<&'static Voice>,
    /// What is said, and who may say it.
    pub(crate) clips: Vec<(String, Pool)>,
    pub(crate) in_babble: bool,
    pub(crate) samples: Samples,
    /// First and last word of the greeting, or of a person's first turn; seconds, as all here.
    pub(crate) greeting: Option<(f64, f64)>,
    pub(crate) ready: Option<f64>,
    pub(crate) beep: Option<BeepLabel>,
    pub(crate) tones: Vec<ToneLabel>,
}

/// A call of a kind; a mailbox may have no beep.
pub(crate) fn call(
    sounds: &dyn Sounds,
    kind: &str,
    voice: &'static Voice,
    has_beep: bool,
    chance: &mut Chance,
) -> Result<Call> {
    let mut line = Line::new(sounds, voice);
    match kind.split_at(2) {
        ("h_", rest) => human(line, rest, chance),
        ("m_", rest) => machine(line, rest, has_beep, chance),
        (_, rest) => {
            other(&mut line, rest, chance)?;
            line.quiet(6.0);
            Ok(Call {
                silent: rest == "silence",
                ..line.ends(Label::Other)
            })
        }
    }
}

/// A network that says where it connects to, and then rings until the caller gives up.
pub(crate) fn ringback(
    sounds: &dyn Sounds,
    voice: &'static Voice,
    ringing: &Ringing,
    chance: &mut Chance,
) -> Result<Call> {
    let mut line = Line::new(sounds, voice);
    line.quiet(chance.call.between(0.1, 1.0));
    line.say(Part::Connecting, (0.3, 0.9), chance)?;
    line.quiet(chance.call.between(0.2, 1.5));
    line.ring(ringing, 24.0);
    Ok(line.ends(Label::Other))
}

fn human(mut line: Line<'_>, kind: &str, chance: &mut Chance) -> Result<Call> {
    match kind {
        "ringback" => line.put_through(Part::Company, chance)?,
        "company" => {
            line.quiet(chance.call.between(0.1, 0.8));
            line.say(Part::Company, (0.3, 0.9), chance)?;
            line.quiet(chance.call.between(0.3, 1.0));
            match chance.call.index(3) {
                0 => line.music((3.0, 8.0), &mut chance.call)?,
                1 => {
                    let ringing = chance.call.pick(RINGING);
                    line.ring(ringing, chance.call.between(2.0, 9.0));
                }
                _ => {}
            }
            // Another one comes.
            line.voice = chance.call.pick(VOICES);
            line.said = None;
        }
        _ => {}
    }
    let silence = [(0.5, (0.1, 0.6)), (0.35, (0.6, 1.3)), (0.15, (1.3, 2.0))];
    line.quiet(chance.words.range(&silence));
    let part = match kind {
        "name" => Part::Name,
        "business" | "company" => Part::Business,
        "babble" => chance.words.share(&[(0.6, Part::Hello), (0.4, Part::Name)]),
        _ => Part::Hello,
    };
    line.say(part, NO_PAUSE, chance)?;
    if kind == "repeat" || kind == "babble" && chance.words.chance(0.4) {
        line.quiet(chance.words.between(0.5, 1.6));
        line.say(Part::Hello, NO_PAUSE, chance)?;
    }
    let greeting = line.said;
    if kind == "recorder" {
        // Mostly while it is still open whether a person speaks.
        line.quiet(
            chance
                .words
                .range(&[(0.75, (0.3, 1.4)), (0.25, (1.4, 6.0))]),
        );
        line.recorder();
        line.quiet(14.5);
        line.recorder();
        line.quiet(3.0);
        return Ok(Call {
            greeting,
            ..line.ends(Label::Human)
        });
    }
    // Hears nothing, waits, asks again.
    for _ in 0..chance.words.share(&[(0.4, 0), (0.4, 1), (0.2, 2)]) {
        line.quiet(chance.words.between(2.5, 4.0));
        line.say(Part::Hello, NO_PAUSE, chance)?;
    }
    let rest = 11.0 - line.now() as f32;
    line.quiet(rest.max(3.0));
    Ok(Call {
        greeting,
        in_babble: kind == "babble",
        ..line.ends(Label::Human)
    })
}

fn machine(mut line: Line<'_>, kind: &str, has_beep: bool, chance: &mut Chance) -> Result<Call> {
    match kind {
        "ringback" => line.put_through(Part::Forwarding, chance)?,
        "trap" => {
            line.quiet(chance.call.between(0.1, 0.8));
            line.tone(&tones::trap(&mut chance.words), 1.0);
        }
        "music" => line.music((2.5, 6.0), &mut chance.words)?,
        _ => {}
    }
    let silence = [(0.5, (0.0, 0.5)), (0.35, (0.5, 1.2)), (0.15, (1.2, 2.5))];
    line.quiet(chance.call.range(&silence));
    let part = match kind {
        "carrier" => Part::Carrier,
        "short" => Part::Short,
        "long" => Part::Long,
        _ => *chance.words.pick(&[Part::Carrier, Part::Short, Part::Long]),
    };
    let pauses = if part == Part::Long {
        (0.3, 1.5)
    } else {
        (0.2, 0.9)
    };
    if kind != "ringback" {
        line.said = None;
    }
    let said = line.say(part, pauses, chance)?;
    if kind == "twice"
        && let Some(last) = said.last()
    {
        // It asks for the message once more.
        line.quiet(chance.words.between(2.3, 2.7));
        line.repeat(std::slice::from_ref(last), NO_PAUSE, &mut chance.words);
    }
    let mut ready = line.now();
    let mut label = None;
    if has_beep {
        let silence = [(0.4, (0.0, 0.4)), (0.35, (0.4, 1.2)), (0.25, (1.2, 2.5))];
        line.quiet(chance.words.range(&silence));
        let beep = tones::beep(&mut chance.words);
        let against_speech = chance.words.between(-10.0, 5.0);
        let start = line.now();
        line.tone(&beep.samples, decibels(against_speech));
        ready = line.now();
        label = Some(BeepLabel {
            kind: beep.shape,
            f_hz: rounded(f64::from(beep.hz)),
            f2_hz: beep.second_hz.map(|hz| rounded(f64::from(hz))),
            start_s: rounded(start),
            end_s: rounded(ready),
            level_rel_speech_db: rounded(f64::from(against_speech)),
        });
    }
    line.quiet(8.0);
    Ok(Call {
        ready: Some(ready),
        beep: label,
        ..line.ends(Label::Machine)
    })
}

fn other(line: &mut Line<'_>, kind: &str, chance: &mut Chance) -> Result<()> {
    line.quiet(chance.call.between(0.1, 1.0));
    match kind {
        "sit" => {
            line.tone(&tones::sit(&mut chance.words), 1.0);
            line.quiet(chance.words.between(0.2, 0.6));
            line.say_twice(Part::Intercept, (0.3, 1.0), 1.0, chance)?;
        }
        // The same without the tones.
        "vacant" => {
            let pause = chance.words.between(0.8, 2.5);
            line.say_twice(Part::Intercept, (0.3, 1.0), pause, chance)?;
        }
        "fax" => line.tone(&tones::fax(&mut chance.words), 1.0),
        "ivr" => {
            let pause = chance.words.between(3.0, 5.0);
            line.say_twice(Part::Menu, (0.25, 0.9), pause, chance)?;
        }
        "full" => {
            line.say(Part::Full, (0.3, 1.0), chance)?;
            line.quiet(0.6);
            line.tone(&tones::reorder(), 1.0);
        }
        "full_quiet" => {
            line.say(Part::Full, (0.3, 1.0), chance)?;
        }
        "screening" => {
            let pause = chance.words.between(4.0, 7.0);
            line.say_twice(Part::Screening, (0.3, 0.8), pause, chance)?;
        }
        "hold" => {
            line.music((5.0, 10.0), &mut chance.call)?;
            let said = line.say(Part::Hold, (0.3, 0.8), chance)?;
            for _ in 0..2 {
                line.quiet(chance.call.between(0.2, 0.8));
                line.music((5.0, 10.0), &mut chance.call)?;
                line.quiet(chance.call.between(0.2, 0.8));
                line.repeat(&said, (0.3, 0.8), &mut chance.words);
            }
        }
        _ => line.quiet(12.0),
    }
    Ok(())
}

/// A growing call.
struct Line<'a> {
    sounds: &'a dyn Sounds,
    voice: &'static Voice,
    samples: Samples,
    /// The first and the last word so far.
    said: Option<(f64, f64)>,
    clips: Vec<(String, Pool)>,
    tones: Vec<ToneLabel>,
}

impl<'a> Line<'a> {
    fn new(sounds: &'a dyn Sounds, voice: &'static Voice) -> Self {
        Self {
            sounds,
            voice,
            samples: Vec::new(),
            said: None,
            clips: Vec::new(),
            tones: Vec::new(),
        }
    }

    fn ends(self, label: Label) -> Call {
        Call {
            label,
            silent: false,
            voice: self.said.is_some().then_some(self.voice),
            clips: self.clips,
            in_babble: false,
            samples: self.samples,
            greeting: self.said,
            ready: None,
            beep: None,
            tones: self.tones,
        }
    }

    fn now(&self) -> f64 {
        self.samples.len() as f64 / RATE as f64
    }

    fn quiet(&mut self, seconds: f32) {
        self.samples.extend(tones::quiet(seconds));
    }

    fn tone(&mut self, samples: &[f32], gain: f32) {
        self.samples
            .extend(samples.iter().map(|sample| gain * sample));
    }

    /// Its sentences, with pauses between them.
    fn say(
        &mut self,
        part: Part,
        pauses: (f32, f32),
        chance: &mut Chance,
    ) -> Result<Vec<Sentence>> {
        let said = self
            .sounds
            .say(self.voice, part, &mut chance.words, &mut chance.call)?;
        let clips = said.iter().flat_map(|sentence| &sentence.clips);
        self.clips
            .extend(clips.map(|clip| (clip.clone(), part.pool())));
        self.repeat(&said, pauses, &mut chance.words);
        Ok(said)
    }

    /// The same sentences again.
    fn repeat(&mut self, sentences: &[Sentence], pauses: (f32, f32), dice: &mut Dice) {
        for (nth, sentence) in sentences.iter().enumerate() {
            if nth > 0 {
                self.quiet(dice.between(pauses.0, pauses.1));
            }
            let start = self.now();
            self.samples.extend_from_slice(&sentence.samples);
            self.said = Some((self.said.map_or(start, |(first, _)| first), self.now()));
        }
    }

    /// Word for word again, after a pause.
    fn say_twice(
        &mut self,
        part: Part,
        pauses: (f32, f32),
        between: f32,
        chance: &mut Chance,
    ) -> Result<()> {
        let said = self.say(part, pauses, chance)?;
        self.quiet(between);
        self.repeat(&said, pauses, &mut chance.words);
        Ok(())
    }

    /// It rings in the call, half of the time behind an announcement.
    fn put_through(&mut self, part: Part, chance: &mut Chance) -> Result<()> {
        if chance.call.chance(0.5) {
            self.quiet(chance.call.between(0.1, 0.8));
            self.say(part, (0.3, 0.9), chance)?;
            self.quiet(chance.call.between(0.2, 1.0));
            self.said = None;
        }
        let ringing = chance.call.pick(RINGING);
        self.ring(ringing, chance.call.between(1.0, 11.0));
        Ok(())
    }

    fn ring(&mut self, ringing: &Ringing, seconds: f32) {
        let start = self.now();
        let (samples, spans) = ringing.sound(seconds);
        self.tone(&samples, RING);
        let hz: Vec<f64> = ringing.hz().into_iter().map(f64::from).collect();
        self.tones
            .extend(spans.into_iter().map(|(from, to)| ToneLabel {
                kind: ToneKind::Ringback,
                country: Some(ringing.country.to_owned()),
                hz: hz.clone(),
                start_s: rounded(start + from),
                end_s: rounded(start + to),
            }));
    }

    fn recorder(&mut self) {
        let start = self.now();
        self.tone(&tones::recorder(), 1.0);
        self.tones.push(ToneLabel {
            kind: ToneKind::Recorder,
            country: None,
            hz: vec![1_400.0],
            start_s: rounded(start),
            end_s: rounded(self.now()),
        });
    }

    fn music(&mut self, seconds: (f32, f32), dice: &mut Dice) -> Result<()> {
        let length = dice.between(seconds.0, seconds.1);
        let music = self.sounds.music(length, dice)?;
        self.tone(&music, 0.7);
        Ok(())
    }
}

/// A ratio of sizes.
pub(crate) fn decibels(level: f32) -> f32 {
    10.0_f32.powf(level / 20.0)
}

/// What a person says comes in one piece.
const NO_PAUSE: (f32, f32) = (0.0, 0.0);

/// How loud ringback is against speech: 6 dB below.
const RING: f32 = 0.5;
