//! Calls that are made of tones instead of voices: what the labels say must be in the sound.

use std::{fs, ops::Range, path::Path};

use anyhow::Result;

use crate::{
    channel::{alaw, lose, mu_law},
    compose::PLAN,
    corpus::{Corpus, Item, Label},
    dice::Dice,
    recording::{FRAME, RATE, Samples},
    script::Part,
    tones::{self, quiet},
    voices::{Sounds, Voice},
};

/// Says everything as a row of clicks, so that no frame of it is a tone's.
struct Clicks;

impl Sounds for Clicks {
    fn say(&self, _: &Voice, part: Part, dice: &mut Dice) -> Result<Vec<Samples>> {
        let sentences = match part {
            Part::Hello | Part::Name | Part::Business | Part::Short => 1,
            Part::Long | Part::Carrier | Part::Full | Part::Intercept | Part::Menu => 3,
        };
        let mut sentence = || {
            let length = (dice.between(0.5, 2.0) * RATE as f32) as usize;
            (0..length)
                .map(|at| if at % 80 == 0 { 9.0 } else { 0.0 })
                .collect()
        };
        Ok((0..sentences).map(|_| sentence()).collect())
    }

    fn music(&self, _: &mut Dice) -> Result<Samples> {
        Ok(quiet(3.0))
    }

    fn gsm(&self, samples: &[f32]) -> Result<Samples> {
        Ok(samples.to_vec())
    }
}

fn made(seed: u64, count: usize) -> (tempfile::TempDir, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Corpus::make(&Clicks, folder.path(), seed, count).unwrap();
    (folder, corpus)
}

fn heard(folder: &Path, item: &Item) -> Samples {
    crate::recording::read(&folder.join(&item.file)).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_calls_and_another_makes_others() {
    let manifest = |seed| {
        let (folder, _) = made(seed, 40);
        fs::read_to_string(folder.path().join("manifest.json")).unwrap()
    };
    let first = manifest(7);
    assert_eq!(first, manifest(7));
    assert!(first.contains("\"digest\""));
    assert_ne!(first, manifest(8));
}

#[test]
fn more_items_leave_those_of_a_kind_as_they_are() {
    let (_, few) = made(3, 40);
    let (_, many) = made(3, 120);
    let of_kind = |corpus: &Corpus| -> Vec<Item> {
        let items = corpus.items.iter().filter(|item| item.kind == "m_long");
        items.cloned().collect()
    };
    for (one, other) in of_kind(&few).iter().zip(of_kind(&many)) {
        assert_eq!((one.ready_s, one.beep), (other.ready_s, other.beep));
    }
}

#[test]
fn no_two_calls_of_a_kind_are_alike() {
    let (_, corpus) = made(4, 120);
    let long = corpus.items.iter().filter(|item| item.kind == "m_long");
    let mut ready: Vec<_> = long.map(|item| format!("{:?}", item.ready_s)).collect();
    let all = ready.len();
    ready.sort();
    ready.dedup();
    assert!(all > 10 && ready.len() == all, "{ready:?}");
}

#[test]
fn each_kind_has_its_share() {
    for count in [17, 31] {
        let (_, corpus) = made(1, count);
        assert_eq!(corpus.items.len(), count);
    }
    let (_, corpus) = made(1, 120);
    for (kind, share) in PLAN {
        let there = corpus
            .items
            .iter()
            .filter(|item| item.kind == *kind)
            .count();
        assert_eq!(there, *share, "{kind}");
    }
}

#[test]
fn a_machine_records_from_the_end_of_its_beep_and_the_beep_is_where_it_is_said_to_be() {
    let (folder, corpus) = made(5, 120);
    let mut beeps = 0;
    for item in corpus
        .items
        .iter()
        .filter(|item| item.label == Label::Machine)
    {
        let ready = item.ready_s.unwrap();
        let samples = heard(folder.path(), item);
        assert!(
            (samples.len() as f64 / RATE as f64 - ready - 8.0).abs() < 0.01,
            "{item:?}"
        );
        let Some(beep) = item.beep else {
            assert_eq!(Some(ready), item.greeting_end_s, "{item:?}");
            continue;
        };
        beeps += 1;
        assert_eq!(ready, beep.end_s, "{item:?}");
        assert!(item.greeting_end_s.unwrap() <= beep.start_s, "{item:?}");
        // Loss may take any frame of it, or lengthen it by a repeated one.
        if item.loss_pct == 0.0 {
            let at = |seconds: f64| (seconds * RATE as f64).round() as usize;
            let (start, end) = (at(beep.start_s), at(beep.end_s));
            let inside = power(&samples, start..end);
            let after = power(&samples, end + FRAME..end + RATE / 2);
            assert!(inside > 10.0 * after, "{item:?}: {inside} {after}");
        }
    }
    assert!(beeps > 30);
}

#[test]
fn people_and_others_have_no_ready_point() {
    let (_, corpus) = made(2, 120);
    for item in corpus
        .items
        .iter()
        .filter(|item| item.label != Label::Machine)
    {
        assert!(item.ready_s.is_none() && item.beep.is_none(), "{item:?}");
    }
    let people = corpus
        .items
        .iter()
        .filter(|item| item.label == Label::Human);
    for person in people {
        assert!(
            person.greeting_end_s.unwrap() < person.duration_s - 2.0,
            "{person:?}"
        );
    }
}

#[test]
fn thinning_keeps_as_many_as_are_wanted() {
    for wanted in [1, 7, 39, 40] {
        let (_, mut corpus) = made(1, 40);
        corpus.thin(wanted);
        assert_eq!(corpus.items.len(), wanted);
    }
}

#[test]
fn a_law_is_off_by_a_thirty_second_part_at_most() {
    for step in 1..1_000 {
        let sample = step as f32 / 1_000.0;
        for sample in [sample, -sample] {
            let error = (alaw(sample) - sample).abs();
            assert!(
                error <= (sample.abs() / 32.0).max(1.0 / 4_096.0),
                "{sample} {error}"
            );
        }
    }
}

#[test]
fn mu_law_is_off_by_a_thirty_second_part_at_most_and_keeps_silence() {
    assert_eq!(mu_law(0.0), 0.0);
    let mut levels: Vec<u32> = Vec::new();
    for step in 1..32_000 {
        let sample = step as f32 / 32_768.0;
        let coded = mu_law(sample);
        assert_eq!(-coded, mu_law(-sample));
        let error = (coded - sample).abs();
        assert!(
            error <= (sample + 133.0 / 32_768.0) / 32.0,
            "{sample} {error}"
        );
        levels.push((coded * 32_768.0) as u32);
    }
    // Seven bits, as on the wire.
    levels.dedup();
    assert!((120..=128).contains(&levels.len()), "{}", levels.len());
}

#[test]
fn as_much_is_lost_as_is_said() {
    let mut samples = vec![1.0; 20_000 * FRAME];
    lose(&mut samples, 3.0, &mut Dice::of(1, "loss", 0));
    let lost = samples.chunks(FRAME).filter(|frame| frame[0] < 1.0).count();
    assert!((400..800).contains(&lost), "{lost}");
    let mut whole = vec![1.0; 1_000 * FRAME];
    lose(&mut whole, 0.0, &mut Dice::of(1, "loss", 0));
    assert!(whole.iter().all(|sample| *sample == 1.0));
}

#[test]
fn beeps_are_as_loud_as_speech_and_as_long_as_mailboxes_have_them() {
    for nth in 0..200 {
        let beep = tones::beep(&mut Dice::of(9, "beep", nth));
        let seconds = beep.samples.len() as f32 / RATE as f32;
        assert!((0.11..=1.01).contains(&seconds), "{seconds}");
        assert!((400.0..=2_200.0).contains(&beep.hz), "{}", beep.hz);
        let loudest = beep
            .samples
            .chunks(FRAME)
            .map(|frame| power(frame, 0..frame.len()))
            .fold(0.0, f32::max);
        assert!((0.7..1.8).contains(&loudest.sqrt()), "{loudest}");
    }
}

fn power(samples: &[f32], range: Range<usize>) -> f32 {
    let part = &samples[range];
    part.iter().map(|sample| sample * sample).sum::<f32>() / part.len().max(1) as f32
}
