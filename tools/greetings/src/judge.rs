//! What the carrier's recordings say of a call, in the clock of the call's own item: 0 is its first sample.
//!
//! The carrier records what it says and what it hears by one clock. Where the item begins in what it says is found by
//! cross-correlation; so is the message in what it hears.

use std::{path::Path, time::Duration};

use aftertone::{evidence::EvidenceReader, screen::At};
use anyhow::{Result, anyhow};

use crate::{
    calls::Rung,
    corpus::{Corpus, rounded},
    network::{Lab, Recording},
    recording::{self, FRAME, Found, RATE, Samples, best_fit, find},
    score::{Record, Span},
    system::System,
};

/// Judges one call.
pub(crate) fn judge(lab: &Lab, corpus: &Corpus, rung: &Rung, message: &[f32]) -> Result<Record> {
    let item = &corpus.items[rung.item];
    let mut record = Record::new(item, rung.system, &rung.told);
    let recorded = |call| lab.recording(&rung.number, call, Recording::Heard);
    let Some(call) = (1..=2).find(|&call| recorded(call).exists()) else {
        return Ok(record);
    };
    record.answered = true;
    let heard = recorded(call);
    let said = heard.with_file_name(format!("{}-{call}-said.wav", rung.number));
    let (heard, said) = (read(&heard)?, read(&said)?);
    let sound = read(&corpus.path(item))?;
    let origin = origin(&sound, &said);
    record.origin_s = origin.map(seconds);
    // Nothing but noise at the edge of hearing cannot be found; it matters little where such an item begins.
    let origin = origin.unwrap_or(0);
    record.ended_s = seconds(heard.len()) - seconds(origin);
    if rung.system == System::Echo {
        // What it hears is the item again, and the machine's own delay.
        let whole = &sound[..sound.len().min(heard.len().saturating_sub(origin))];
        record.delay_s = best_fit(whole, &heard).and_then(|(at, alike)| {
            let late = at - isize::try_from(origin).ok()?;
            (alike > 0.5).then_some(late as f64 / RATE as f64)
        });
        return Ok(record);
    }
    let at = |samples: usize| rounded(seconds(samples) - seconds(origin));
    record.first_s = first_sound(&heard).map(at);
    if let Some((start, found)) = record.first_s.and_then(|_| last_start(message, &heard)) {
        record.last_s = Some(at(start));
        record.whole = found.has_both_ends() && found.inside_missing < SLIP && found.slip < SLIP;
        record.slip_s = found.slip.as_secs_f64();
    }
    if let Some(folder) = &rung.evidence {
        record.beeps = beeps(folder, &sound)?;
    }
    Ok(record)
}

/// The beeps that the ears heard live: the evidence holds the very samples that they heard, and gives the same again. The
/// item is looked for in them, for they do not begin with it; `None` if it is not found.
fn beeps(folder: &Path, sound: &[f32]) -> Result<Option<Vec<Span>>> {
    let kept = EvidenceReader::read(folder)?;
    let Some(taped) = kept.sound() else {
        return Ok(Some(Vec::new()));
    };
    let heard: Samples = taped
        .samples()
        .iter()
        .map(|sample| f32::from(*sample) / 32_768.0)
        .collect();
    let Some(origin) = origin(sound, &heard) else {
        return Ok(None);
    };
    let at = |moment: At| rounded(moment.seconds() - seconds(origin));
    let spans = taped.again().beeps.into_iter().map(|beep| Span {
        start_s: at(beep.start),
        end_s: at(beep.end),
    });
    Ok(Some(spans.collect()))
}

/// The start of the item in a recording of it: by two seconds of it, the loudest first, for one stretch may be damaged.
fn origin(sound: &[f32], recording: &[f32]) -> Option<usize> {
    let length = (2 * RATE).min(sound.len());
    let power = |from: usize| -> f32 {
        let stretch = &sound[from..from + length];
        stretch.iter().map(|sample| sample * sample).sum()
    };
    let there = sound.len().min(recording.len()).saturating_sub(length);
    let mut stretches: Vec<usize> = (0..=there).step_by(RATE / 2).collect();
    stretches.sort_by(|a, b| power(*b).total_cmp(&power(*a)));
    stretches.into_iter().take(STRETCHES).find_map(|from| {
        let (at, alike) = best_fit(&sound[from..from + length], recording)?;
        let origin = usize::try_from(at).ok()?.checked_sub(from)?;
        (alike > ALIKE).then_some(origin)
    })
}

/// Where the message starts for the last time, and how much of it there is from there on.
///
/// A message that starts again soon after it began, at the second of two beeps, seems to have slipped by the time between: then it
/// is looked for again, past its first beginning.
pub(crate) fn last_start(message: &[f32], heard: &[f32]) -> Option<(usize, Found)> {
    let (mut from, mut found) = (0, find(message, heard)?);
    for _ in 0..RESTARTS {
        if found.slip < SLIP {
            break;
        }
        let behind = from + samples(found.silence_before + found.slip).saturating_sub(FRAME);
        let again = heard.get(behind..).and_then(|rest| find(message, rest));
        match again {
            Some(again) if again.has_both_ends() => (from, found) = (behind, again),
            Some(_) | None => break,
        }
    }
    Some((from + samples(found.silence_before), found))
}

/// The first frame that is not silence.
fn first_sound(heard: &[f32]) -> Option<usize> {
    let loud = |frame: &[f32]| recording::peak(frame) > AUDIBLE;
    heard.chunks(FRAME).position(loud).map(|at| at * FRAME)
}

fn read(path: &Path) -> Result<Samples> {
    recording::read(path).map_err(|why| anyhow!(why))
}

fn samples(time: Duration) -> usize {
    (time.as_secs_f64() * RATE as f64).round() as usize
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / RATE as f64
}

/// Louder than the silence that Asterisk sends, and far below the message: -46 dBFS.
const AUDIBLE: f32 = 0.005;

/// How often a message starts again at most.
const RESTARTS: usize = 3;

/// In how many of its stretches an item is looked for at most.
const STRETCHES: usize = 6;

/// How alike a stretch of an item and a recording of it are at least. Through mu-law it is above 0.99, and to other items
/// below 0.35; between the two lies a stretch that packets are missing of.
const ALIKE: f32 = 0.75;

/// How much of a message may have slipped or be missing inside: packets that a busy machine loses, not a cut.
const SLIP: Duration = Duration::from_millis(200);
