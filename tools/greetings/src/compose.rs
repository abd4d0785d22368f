//! Puts calls together. What is true of a call comes from how it was put together, never from listening to it.

use anyhow::{Context as _, Result};

use crate::{
    corpus::{BeepLabel, Label, rounded},
    dice::Dice,
    recording::{RATE, Samples},
    script::Part,
    tones,
    voices::{Sounds, VOICES, Voice},
};

/// Kinds of calls and how many of each there are among 120. The shares are assumptions: there are no public figures.
pub(crate) const PLAN: &[(&str, usize)] = &[
    ("h_hello", 14),
    ("h_name", 12),
    ("h_business", 14),
    ("h_repeat", 8),
    ("h_ringback", 2),
    ("m_carrier", 12),
    ("m_short", 12),
    ("m_long", 14),
    ("m_nobeep", 5),
    ("m_music", 4),
    ("m_ringback", 2),
    ("m_trap", 3),
    ("s_sit", 5),
    ("s_fax", 4),
    ("s_ivr", 4),
    ("s_full", 3),
    ("s_silence", 2),
];

/// A call before it goes through a channel: speech has root mean square 1.0.
pub(crate) struct Call {
    pub(crate) label: Label,
    /// Nothing but noise.
    pub(crate) silent: bool,
    /// Whether the voice says anything in it.
    pub(crate) speaks: bool,
    pub(crate) samples: Samples,
    /// First and last word of the greeting, or of a person's first turn; seconds, as all here.
    pub(crate) greeting: Option<(f64, f64)>,
    pub(crate) ready: Option<f64>,
    pub(crate) beep: Option<BeepLabel>,
}

/// A call of a kind.
pub(crate) fn call(sounds: &dyn Sounds, voice: &str, kind: &str, dice: &mut Dice) -> Result<Call> {
    let voice = VOICES
        .iter()
        .find(|other| other.name == voice)
        .context("nobody of that name")?;
    let mut line = Line {
        sounds,
        voice,
        samples: Vec::new(),
        said: None,
    };
    match kind.split_at(2) {
        ("h_", rest) => human(line, rest, dice),
        ("m_", rest) => machine(line, rest, dice),
        (_, rest) => {
            other(&mut line, rest, dice)?;
            line.quiet(6.0);
            Ok(Call {
                label: Label::Other,
                silent: rest == "silence",
                speaks: line.said.is_some(),
                greeting: line.said,
                samples: line.samples,
                ready: None,
                beep: None,
            })
        }
    }
}

fn human(mut line: Line<'_>, kind: &str, dice: &mut Dice) -> Result<Call> {
    if kind == "ringback" {
        line.tone(&tones::ringback(dice), 1.0);
    }
    line.quiet(dice.range(&[(0.5, (0.1, 0.6)), (0.35, (0.6, 1.3)), (0.15, (1.3, 2.0))]));
    let part = match kind {
        "name" => Part::Name,
        "business" => Part::Business,
        _ => Part::Hello,
    };
    line.say(part, NO_PAUSE, dice)?;
    if kind == "repeat" {
        line.quiet(dice.between(0.5, 1.6));
        line.say(Part::Hello, NO_PAUSE, dice)?;
    }
    let greeting = line.said;
    // Hears nothing, waits, asks again.
    for _ in 0..dice.share(&[(0.4, 0), (0.4, 1), (0.2, 2)]) {
        line.quiet(dice.between(2.5, 4.0));
        line.say(Part::Hello, NO_PAUSE, dice)?;
    }
    let rest = 11.0 - line.now() as f32;
    line.quiet(rest.max(3.0));
    Ok(Call {
        label: Label::Human,
        silent: false,
        speaks: true,
        samples: line.samples,
        greeting,
        ready: None,
        beep: None,
    })
}

fn machine(mut line: Line<'_>, kind: &str, dice: &mut Dice) -> Result<Call> {
    match kind {
        "ringback" => line.tone(&tones::ringback(dice), 1.0),
        "trap" => {
            line.quiet(dice.between(0.1, 0.8));
            line.tone(&tones::trap(dice), 1.0);
        }
        "music" => {
            let music = line.sounds.music(dice)?;
            line.tone(&music, 0.7);
        }
        _ => {}
    }
    line.quiet(dice.range(&[(0.5, (0.0, 0.5)), (0.35, (0.5, 1.2)), (0.15, (1.2, 2.5))]));
    let part = match kind {
        "carrier" => Part::Carrier,
        "short" => Part::Short,
        "long" => Part::Long,
        _ => *dice.pick(&[Part::Carrier, Part::Short, Part::Long]),
    };
    let pauses = if part == Part::Long {
        (0.3, 1.5)
    } else {
        (0.2, 0.9)
    };
    line.say(part, pauses, dice)?;
    let mut ready = line.now();
    let mut label = None;
    if kind != "nobeep" && !dice.chance(0.04) {
        line.quiet(dice.range(&[(0.4, (0.0, 0.4)), (0.35, (0.4, 1.2)), (0.25, (1.2, 2.5))]));
        let beep = tones::beep(dice);
        let against_speech = dice.between(-10.0, 5.0);
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
        label: Label::Machine,
        silent: false,
        speaks: true,
        samples: line.samples,
        greeting: line.said,
        ready: Some(ready),
        beep: label,
    })
}

fn other(line: &mut Line<'_>, kind: &str, dice: &mut Dice) -> Result<()> {
    line.quiet(dice.between(0.1, 1.0));
    match kind {
        "sit" => {
            line.tone(&tones::sit(dice), 1.0);
            line.quiet(dice.between(0.2, 0.6));
            line.say(Part::Intercept, (0.3, 1.0), dice)?;
            line.quiet(1.0);
            line.say(Part::Intercept, (0.3, 1.0), dice)?;
        }
        "fax" => line.tone(&tones::fax(dice), 1.0),
        "ivr" => {
            line.say(Part::Menu, (0.25, 0.9), dice)?;
            line.quiet(dice.between(3.0, 5.0));
            line.say(Part::Menu, (0.25, 0.9), dice)?;
        }
        "full" => {
            line.say(Part::Full, (0.3, 1.0), dice)?;
            line.quiet(0.6);
            if dice.chance(0.5) {
                line.tone(&tones::reorder(), 1.0);
            }
        }
        _ => line.quiet(12.0),
    }
    Ok(())
}

/// A growing call.
struct Line<'a> {
    sounds: &'a dyn Sounds,
    voice: &'a Voice,
    samples: Samples,
    /// The first and the last word so far.
    said: Option<(f64, f64)>,
}

impl Line<'_> {
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
    fn say(&mut self, part: Part, pauses: (f32, f32), dice: &mut Dice) -> Result<()> {
        for (nth, sentence) in self
            .sounds
            .say(self.voice, part, dice)?
            .into_iter()
            .enumerate()
        {
            if nth > 0 {
                self.quiet(dice.between(pauses.0, pauses.1));
            }
            let start = self.now();
            self.samples.extend(sentence);
            self.said = Some((self.said.map_or(start, |(first, _)| first), self.now()));
        }
        Ok(())
    }
}

/// A ratio of sizes.
pub(crate) fn decibels(level: f32) -> f32 {
    10.0_f32.powf(level / 20.0)
}

/// What a person says comes in one piece.
const NO_PAUSE: (f32, f32) = (0.0, 0.0);
