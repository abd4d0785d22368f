//! What the labels say must be in the sound.

use std::collections::{BTreeMap, BTreeSet};

use super::clicks::{Clicks, firsts, goertzel, heard, made, power, sounds_there_only};
use crate::{
    compose::{self, Chance},
    corpus::{Corpus, Label, ToneKind, ToneLabel, no_clip_in_two_labels},
    dice::Dice,
    recording::{FRAME, RATE},
    ring::RINGING,
    script::{ENGLISH, FRENCH, GERMAN, ITALIAN, POLISH, Part, SPANISH},
    voices::VOICES,
};

#[test]
fn a_machine_records_from_the_end_of_its_beep_and_the_beep_is_where_it_is_said_to_be() {
    let (folder, corpus) = made(5, 100);
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
            let at = (ready * RATE as f64).round() as usize;
            let after = power(&samples, at + FRAME..at + RATE);
            let before = power(&samples, at - RATE / 4..at);
            assert!(
                item.loss_pct > 0.0 || before > 3.0 * after,
                "{item:?}: {before} {after}"
            );
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
    assert!(beeps > 20);
}

#[test]
fn people_and_others_have_no_ready_point() {
    let (_, corpus) = made(2, 60);
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
fn no_clip_is_in_two_labels() {
    let (_, mut corpus) = made(8, 60);
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for item in &corpus.items {
        for clip in &item.clips {
            let (_, said) = clip.split_once('/').unwrap();
            let (pool, _) = said.split_once(' ').unwrap();
            labels.entry(pool).or_default().insert(&item.kind[..1]);
        }
    }
    let expected = [
        ("Company", "h"),
        ("Machine", "m"),
        ("Other", "s"),
        ("Person", "h"),
    ];
    let expected: Vec<_> = expected
        .map(|(pool, label)| (pool, BTreeSet::from([label])))
        .into();
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), expected);
    no_clip_in_two_labels(&corpus.items).unwrap();
    let human = corpus
        .items
        .iter()
        .find(|item| item.label == Label::Human)
        .unwrap();
    let clip = human.clips[0].clone();
    let machine = corpus
        .items
        .iter_mut()
        .find(|item| item.label == Label::Machine);
    machine.unwrap().clips.push(clip);
    assert!(no_clip_in_two_labels(&corpus.items).is_err());
}

#[test]
fn no_sentence_is_said_on_two_occasions() {
    for texts in [&ENGLISH, &GERMAN, &SPANISH, &FRENCH, &ITALIAN, &POLISH] {
        let mut known = BTreeMap::new();
        for part in Part::ALL {
            let sentences: BTreeSet<&str> = texts
                .of(part)
                .iter()
                .flat_map(|said| said.iter().copied())
                .collect();
            for sentence in sentences {
                let before = known.insert(sentence, part);
                assert_eq!(before, None, "{sentence}");
            }
        }
    }
}

#[test]
fn four_announcements_ring_as_in_each_of_fifteen_countries_and_where_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Corpus::ringback(&Clicks, folder.path(), 1, 60).unwrap();
    let mut rung = BTreeSet::new();
    for item in &corpus.items {
        let ringing: Vec<&ToneLabel> = item.tones.iter().collect();
        let country = ringing[0].country.clone().unwrap();
        assert!(item.is_ringback() && item.ready_s.is_none() && item.beep.is_none());
        assert!(item.greeting_end_s.unwrap() < ringing[0].start_s);
        rung.insert((item.clips.clone(), country.clone()));
        let samples = heard(folder.path(), item);
        for tone in &ringing {
            assert_eq!(tone.kind, ToneKind::Ringback);
            assert_eq!(tone.country.as_ref(), Some(&country));
            if item.loss_pct == 0.0 {
                sounds_there_only(&samples, tone, item.level_dbfs - 6.0);
            }
        }
        // It goes on until the caller gives up.
        assert!(item.duration_s - ringing[ringing.len() - 1].end_s < 7.0);
    }
    assert_eq!(rung.len(), 60);
    let of = |country: &str| RINGING.iter().find(|one| one.country == country).unwrap();
    let spans = |country: &str| of(country).sound(6.5).1;
    assert_eq!(spans("us"), [(0.0, 2.0), (6.0, 8.0)]);
    assert_eq!(spans("at"), [(0.0, 1.0), (6.0, 7.0)]);
    let gb = spans("gb");
    for ((from, to), (start, end)) in gb.iter().zip([(0.0, 0.4), (0.6, 1.0), (3.0, 3.4)]) {
        assert!(
            (from - start).abs() < 1e-6 && (to - end).abs() < 1e-6,
            "{gb:?}"
        );
    }
}

#[test]
fn each_ringing_tone_is_as_loud_as_speech_and_of_its_own_pitches() {
    for ringing in RINGING {
        let (samples, spans) = ringing.sound(6.0);
        let until = (spans[0].1 * RATE as f64) as usize;
        let loud = power(&samples, 0..until);
        assert!((0.8..1.1).contains(&loud), "{} {loud}", ringing.country);
        let own: f32 = ringing
            .hz()
            .iter()
            .map(|hz| goertzel(&samples[..until], f64::from(*hz)))
            .sum();
        assert!(own > 0.9 * loud, "{} {own} {loud}", ringing.country);
    }
}

#[test]
fn a_recorder_s_tone_sounds_each_fifteen_seconds_where_it_is_said() {
    for nth in 0..5 {
        let mut chance = Chance {
            words: Dice::of(1, "h_recorder", nth),
            call: Dice::of(2, "h_recorder", nth),
        };
        let call = compose::call(&Clicks, "h_recorder", &VOICES[0], true, &mut chance).unwrap();
        assert_eq!((call.label, call.tones.len()), (Label::Human, 2));
        assert!((call.tones[1].start_s - call.tones[0].start_s - 15.0).abs() < 1e-3);
        assert!(call.greeting.unwrap().1 < call.tones[0].start_s);
        for tone in &call.tones {
            assert_eq!(
                (tone.kind, tone.hz.as_slice()),
                (ToneKind::Recorder, &[1_400.0][..])
            );
            assert!((tone.end_s - tone.start_s - 0.5).abs() < 1e-3);
            sounds_there_only(&call.samples, tone, -6.0);
        }
    }
}

#[test]
fn people_in_babble_speak_ten_to_twenty_decibels_above_it() {
    let (folder, corpus) = made(11, 60);
    let mut measured = 0;
    for item in firsts(&corpus).filter(|item| item.label == Label::Human) {
        if item.kind == "h_babble" {
            assert_eq!(item.noise, "babble");
        }
        if item.noise != "babble" {
            continue;
        }
        let against = item.snr_db.unwrap();
        assert!((10.0..=20.0).contains(&against), "{item:?}");
        if item.loss_pct == 0.0 {
            // Nobody speaks at the end.
            let samples = heard(folder.path(), item);
            let behind = power(&samples, samples.len() - 2 * RATE..samples.len());
            let level = 10.0 * f64::from(behind).log10();
            let expected = item.level_dbfs - against;
            assert!(
                (level - expected).abs() < 1.5,
                "{level} {expected} {item:?}"
            );
            measured += 1;
        }
    }
    assert!(measured > 2, "{measured}");
}

#[test]
fn what_is_said_again_is_said_word_for_word() {
    for kind in [
        "s_ivr",
        "s_vacant",
        "s_screening",
        "s_hold",
        "s_sit",
        "m_twice",
    ] {
        let mut chance = Chance {
            words: Dice::of(1, kind, 0),
            call: Dice::of(2, kind, 0),
        };
        let call = compose::call(&Clicks, kind, &VOICES[0], true, &mut chance).unwrap();
        let (_, end) = call.greeting.unwrap();
        let end = (end * RATE as f64).round() as usize;
        let last = call.samples[..end].len().min(RATE / 2);
        let said = &call.samples[end - last..end];
        let copies = (last..=end).filter(|&at| call.samples[at - last..at] == *said);
        assert!(copies.count() >= 2, "{kind}");
    }
}

#[test]
fn a_person_comes_after_the_company_s_prompt() {
    let (folder, corpus) = made(12, 60);
    for item in corpus.items.iter().filter(|item| item.kind == "h_company") {
        assert_eq!(item.label, Label::Human);
        let start = item.greeting_start_s.unwrap();
        // Two sentences and the silence after them come first.
        assert!(start > 2.0, "{item:?}");
        if item.noise == "line" && item.loss_pct == 0.0 {
            let samples = heard(folder.path(), item);
            let at = (start * RATE as f64).round() as usize;
            let before = power(&samples, at - RATE / 20..at);
            let after = power(&samples, at..at + RATE / 4);
            assert!(after > 10.0 * before, "{item:?}");
        }
    }
}
