//! What lies between who speaks and who listens: level, noise, coding, loss.

use anyhow::Result;

use crate::{
    compose::{Call, decibels},
    corpus::{Label, rounded},
    dice::Dice,
    recording::{FRAME, RATE, Samples},
    shaping::{levelled, telephone},
    voices::Sounds,
};

/// The channel that a call went through.
pub(crate) struct Channel {
    pub(crate) level_dbfs: f64,
    pub(crate) noise: &'static str,
    pub(crate) snr_db: Option<f64>,
    pub(crate) codec: &'static str,
    pub(crate) loss_pct: f64,
}

/// Puts a call through a channel.
pub(crate) fn through(sounds: &dyn Sounds, call: &mut Call, dice: &mut Dice) -> Result<Channel> {
    let level = dice.between(-35.0, -10.0);
    let floor = decibels(dice.between(-72.0, -56.0));
    let (mut noise, mut snr) = (dice.share(NOISES), None);
    if call.in_babble {
        noise = "babble";
    }
    for sample in &mut call.samples {
        *sample = *sample * decibels(level) + floor * dice.normal();
    }
    if call.silent {
        let size = decibels(dice.between(-60.0, -40.0));
        add(
            call,
            &kind_of(sounds, noise, call.samples.len(), dice)?,
            size,
        );
    } else if call.label == Label::Other {
        noise = "line";
    } else if noise != "line" {
        let against = if noise == "babble" {
            dice.between(10.0, 20.0)
        } else {
            dice.range(&[(0.75, (18.0, 35.0)), (0.25, (8.0, 18.0))])
        };
        let mut sound = kind_of(sounds, noise, call.samples.len(), dice)?;
        if call.label == Label::Machine {
            only_while_recorded(&mut sound, call, dice);
        }
        add(call, &sound, decibels(level - against));
        snr = Some(rounded(f64::from(against)));
    }
    let codec = dice.share(&[(0.5, "ulaw"), (0.15, "alaw"), (0.35, "gsm")]);
    call.samples = match codec {
        "gsm" => sounds.gsm(&call.samples)?,
        "alaw" => call.samples.iter().copied().map(alaw).collect(),
        // The trunk codes to mu-law in any case.
        _ => std::mem::take(&mut call.samples),
    };
    let loss = dice.share(&[(0.6, 0.0), (0.1, 0.5), (0.1, 1.0), (0.1, 2.0), (0.1, 3.0)]);
    lose(&mut call.samples, loss, dice);
    Ok(Channel {
        level_dbfs: rounded(f64::from(level)),
        noise,
        snr_db: snr,
        codec,
        loss_pct: f64::from(loss),
    })
}

fn add(call: &mut Call, noise: &[f32], size: f32) {
    for (sample, noise) in call.samples.iter_mut().zip(noise) {
        *sample += size * noise;
    }
}

/// Noise of the telephone's band, root mean square 1.0.
fn kind_of(sounds: &dyn Sounds, noise: &str, length: usize, dice: &mut Dice) -> Result<Samples> {
    let samples = match noise {
        "babble" => sounds.babble(2 + dice.index(5), length, dice)?,
        "pink" => pink(length, dice),
        "street" => {
            // Slow swells of low noise.
            let swells: Vec<f32> = (0..length / RATE + 2)
                .map(|_| dice.between(0.3, 1.2))
                .collect();
            let swell = |at: usize| {
                let through = at % RATE;
                swells[at / RATE]
                    + (swells[at / RATE + 1] - swells[at / RATE]) * through as f32 / RATE as f32
            };
            pink(length, dice)
                .into_iter()
                .enumerate()
                .map(|(at, sample)| sample * swell(at))
                .collect()
        }
        _ => (0..length).map(|_| dice.normal()).collect(),
    };
    Ok(levelled(telephone(samples)))
}

/// Three poles at a tenth of each other's pitch make noise that falls by about 3 dB an octave.
fn pink(length: usize, dice: &mut Dice) -> Samples {
    let mut poles = [0.0_f32; 3];
    (0..length)
        .map(|_| {
            let white = dice.normal();
            for (pole, (keep, gain)) in
                poles
                    .iter_mut()
                    .zip([(0.995, 0.1), (0.95, 0.32), (0.6, 1.0)])
            {
                *pole = keep * *pole + gain * white;
            }
            poles.iter().sum()
        })
        .collect()
}

/// The noise of a machine was recorded with its greeting: it begins and ends with it.
fn only_while_recorded(noise: &mut Samples, call: &Call, dice: &mut Dice) {
    let Some((start, end)) = call.greeting else {
        return;
    };
    let from = start - f64::from(dice.between(0.0, 0.5));
    let to = end + f64::from(dice.between(0.1, 0.8));
    let to = call.beep.map_or(to, |beep| to.min(beep.start_s));
    for (at, sample) in noise.iter_mut().enumerate() {
        let at = at as f64 / RATE as f64;
        if at < from || at >= to {
            *sample = 0.0;
        }
    }
}

/// There and back through A-law (ITU-T G.711): 13 segments, of which each has 16 steps.
pub(crate) fn alaw(sample: f32) -> f32 {
    let size = (sample.abs() * 4_096.0).min(4_095.0) as u32;
    let step = if size < 64 {
        2
    } else {
        1 << (size.ilog2() - 4)
    };
    let coded = (size / step * step) as f32 + step as f32 / 2.0;
    coded.copysign(sample) / 4_096.0
}

/// There and back through mu-law (ITU-T G.711): as A-law, but the segments begin 132 below.
pub(crate) fn mu_law(sample: f32) -> f32 {
    const BIAS: f32 = 132.0;
    let size = (sample.abs() * 32_768.0).min(32_635.0) + BIAS;
    let step = 1_u32 << ((size as u32).ilog2() - 4);
    let coded = (size as u32 / step * step) as f32 + step as f32 / 2.0 - BIAS;
    coded.max(0.0).copysign(sample) / 32_768.0
}

/// Frames of 20 ms get lost in bursts of 1.7 on average, so that `percent` of all are lost; the listener hears nothing
/// instead, or the last frame once more and fading.
pub(crate) fn lose(samples: &mut [f32], percent: f32, dice: &mut Dice) {
    const LEAVE: f32 = 0.6;
    let enter = percent / 100.0 * LEAVE / (1.0 - percent / 100.0);
    let repeats = dice.chance(0.5);
    let mut lost = 0;
    for at in (FRAME..samples.len().saturating_sub(FRAME)).step_by(FRAME) {
        let gone = dice.chance(if lost > 0 { 1.0 - LEAVE } else { enter });
        lost = if gone { lost + 1 } else { 0 };
        if gone {
            let gain = if !repeats {
                0.0
            } else if lost == 1 {
                0.7
            } else {
                0.4
            };
            for index in at..at + FRAME {
                samples[index] = gain * samples[index - FRAME];
            }
        }
    }
}

const NOISES: &[(f32, &str)] = &[
    (0.35, "line"),
    (0.13, "white"),
    (0.18, "pink"),
    (0.16, "babble"),
    (0.18, "street"),
];
