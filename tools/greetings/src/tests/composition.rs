//! How corpora are made: the same ones of the same seed, each kind as often as is said, each prompt as often as is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::clicks::{firsts, heard, made, made_with, power};
use crate::{
    channel::{alaw, lose, mu_law},
    compose::PLAN,
    corpus::{Corpus, Item, Label, lacks_beep},
    dice::Dice,
    recording::{FRAME, RATE},
    tones,
};

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
    let (_, many) = made(3, 80);
    let of_kind = |corpus: &Corpus| -> Vec<Item> {
        let items = firsts(corpus).filter(|item| item.kind == "m_long");
        items.cloned().collect()
    };
    for (one, other) in of_kind(&few).iter().zip(of_kind(&many)) {
        assert_eq!((one.ready_s, one.beep), (other.ready_s, other.beep));
    }
}

#[test]
fn no_two_calls_of_a_kind_are_alike() {
    let (_, corpus) = made(4, 85);
    let long = firsts(&corpus).filter(|item| item.kind == "m_long");
    let mut ready: Vec<_> = long.map(|item| format!("{:?}", item.ready_s)).collect();
    let all = ready.len();
    ready.sort();
    ready.dedup();
    assert!(all > 6 && ready.len() == all, "{ready:?}");
}

#[test]
fn each_kind_has_its_share() {
    for count in [17, 31] {
        let (_, corpus) = made(1, count);
        assert_eq!(firsts(&corpus).count(), count);
    }
    let (_, corpus) = made(1, PLAN.iter().map(|kind| kind.first).sum());
    for kind in PLAN {
        let of_kind = |again: bool| {
            let items = corpus.items.iter();
            items
                .filter(|item| item.kind == kind.name && item.heard_before == again)
                .count()
        };
        assert_eq!(
            (of_kind(false), of_kind(true)),
            (kind.first, kind.again),
            "{}",
            kind.name
        );
    }
}

#[test]
fn thinning_keeps_as_many_as_are_wanted() {
    for wanted in [1, 7, 39, 40] {
        let (_, mut corpus) = made(1, 36);
        corpus.items.truncate(40);
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

#[test]
fn a_prompt_that_comes_again_is_the_same_in_another_call() {
    let (folder, corpus) = made(6, 85);
    let mut again = 0;
    for item in corpus.items.iter().filter(|item| item.heard_before) {
        let id = item.prompt_of.as_ref().unwrap();
        let first = corpus.items.iter().find(|first| first.id == *id).unwrap();
        assert!(first.id < item.id && !first.heard_before);
        assert_eq!((&first.kind, first.label), (&item.kind, item.label));
        let prompt = |item: &Item| -> Vec<String> {
            let clips = item.clips.iter();
            clips
                .filter(|clip| !clip.contains("Person"))
                .cloned()
                .collect()
        };
        assert_eq!(prompt(first), prompt(item), "{item:?}");
        let beep = |item: &Item| item.beep.map(|beep| (beep.kind, beep.f_hz, beep.f2_hz));
        assert_eq!(beep(first), beep(item), "{item:?}");
        assert_ne!(first.level_dbfs, item.level_dbfs);
        assert_ne!(heard(folder.path(), first), heard(folder.path(), item));
        again += 1;
    }
    assert!(again > 10, "{again}");
}

#[test]
fn no_first_call_has_a_prompt_that_was_heard_before() {
    let (_, corpus) = made(7, 85);
    let mut known = BTreeSet::new();
    for item in firsts(&corpus) {
        let prompts = item.clips.iter().filter(|clip| !clip.contains("Person"));
        let prompts: BTreeSet<&String> = prompts.collect();
        assert!(known.is_disjoint(&prompts), "{item:?}");
        known.extend(prompts);
    }
    assert!(known.len() > 50);
}

#[test]
fn as_many_mailboxes_as_are_wanted_have_no_beep_and_more_only_add_to_them() {
    let machines = || {
        let kinds = PLAN.iter().filter(|kind| kind.name.starts_with("m_"));
        kinds.flat_map(|kind| (0..kind.first).map(|nth| (kind.name, nth)))
    };
    let all = machines().count();
    let without = |no_beep: f64| -> BTreeSet<(&str, usize)> {
        machines()
            .filter(|(kind, nth)| lacks_beep(9, kind, *nth, no_beep))
            .collect()
    };
    let shares = [0.0, 5.0, 15.0, 30.0, 100.0].map(without);
    let counts = shares.each_ref().map(BTreeSet::len);
    for (count, (least, most)) in
        counts
            .into_iter()
            .zip([(0, 0), (1, 6), (6, 11), (14, 20), (all, all)])
    {
        assert!((least..=most).contains(&count), "{counts:?}");
    }
    assert!(shares.windows(2).all(|two| two[0].is_subset(&two[1])));
    let (_, corpus) = made_with(9, 24, 30.0);
    let mut nths = BTreeMap::new();
    for item in firsts(&corpus).filter(|item| item.label == Label::Machine) {
        let nth = nths.entry(&item.kind).or_insert(0);
        let lacks = lacks_beep(9, &item.kind, *nth, 30.0);
        assert_eq!(item.beep.is_none(), lacks, "{item:?}");
        *nth += 1;
    }
}
