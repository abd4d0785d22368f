//! The book of prompts: what is recognised, where, when, and what is not.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{
    screen::{
        At, CallFacts, Ears, Heard, Hint, HintSays, HintSource, RATE, Reason, Reasons, Replay,
        Settings, Signal, SitClass,
        book::{
            BadPrints, Book, KnownPrompt, Lesson, Matcher, Prints, PromptMatch, PromptNews,
            SoundKept,
        },
    },
    words::{PromptEnd, Verdict},
};

#[test]
fn a_prompt_is_recognised_within_two_seconds_in_any_line() {
    let prompts: Vec<_> = (0..20).map(|seed| babble(6.0, seed)).collect();
    let book = book_of(&prompts, |_| PromptEnd::Records);
    let mut late = Vec::new();
    for (nth, prompt) in prompts.iter().enumerate() {
        for (line, sound) in [
            ("mu-law", coded(prompt)),
            ("noise 15 dB below", noisy(prompt, 15.0)),
            ("each tenth packet lost", lossy(prompt)),
        ] {
            // Answer comes at any moment between two windows.
            let lead = 1_000 + 37 * nth;
            let call = [vec![0; lead], sound].concat();
            let found = matches(&book, &call);
            let Some(first) = found.first() else {
                panic!("{nth}, {line}: never");
            };
            assert_eq!(first.prompt.id, nth as u32, "{line}: {first:?}");
            let began = lead as f32 / RATE as f32;
            assert!((first.began - began).abs() < 0.04, "{line}: {first:?}");
            let beep_in = first.beep_in.expect("the prompt ends in a beep");
            let beep = first.at.seconds() as f32 + beep_in;
            assert!((beep - began - 6.2).abs() < 0.04, "{line}: {first:?}");
            if first.at.seconds() as f32 - began > 2.0 {
                late.push(format!("{nth}, {line}: {}", first.at));
            }
        }
    }
    // One of these voices has little to be known by in its first seconds.
    assert!(late.len() <= 3, "{late:#?}");
}

#[test]
fn a_call_may_begin_in_the_middle_of_a_prompt_and_its_clock_may_jump() {
    let prompts: Vec<_> = (0..12).map(|seed| babble(7.0, seed)).collect();
    let book = book_of(&prompts, |_| PromptEnd::Menu);
    for (nth, prompt) in prompts.iter().enumerate() {
        let mut call = prompt[13_000..].to_vec();
        // Sound is left out each half second, 20 ms, and repeated.
        for at in [4_000, 8_000, 12_000, 16_000] {
            if at % 8_000 == 0 {
                let again = call[at..at + 160].to_vec();
                call.splice(at..at, again);
            } else {
                call.drain(at..at + 160);
            }
        }
        let found = matches(&book, &coded(&call));
        let Some(first) = found.first() else {
            panic!("{nth}: never");
        };
        assert_eq!(first.prompt.id, nth as u32, "{first:?}");
        assert!((first.began + 1.625).abs() < 0.06, "{first:?}");
        assert!(first.at.seconds() < 2.1, "{first:?}");
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn a_recording_is_replayed_with_the_book_until_the_message_plays() {
    let prompt = babble(9.0, 3);
    let book = book_of(std::slice::from_ref(&prompt), |_| PromptEnd::Full);
    let verdict = |book| {
        let known = CallFacts {
            book,
            ..CallFacts::default()
        };
        let replay = Replay::of(&prompt, Settings::default(), &known);
        replay
            .verdict
            .map(|(verdict, at, _)| (verdict, at.seconds() < 2.1))
    };
    assert_eq!(verdict(Some(book)), Some((Verdict::Menu, true)));
    assert_ne!(verdict(None), Some((Verdict::Menu, true)));
}

#[test]
fn other_speech_and_tones_are_no_prompt() {
    let prompts: Vec<_> = (0..20).map(|seed| babble(6.0, seed)).collect();
    let ring: Vec<i16> = (0..4 * RATE).map(|n| tone(n, &[440.0, 480.0])).collect();
    let ring_first = [ring.clone(), prompts[0].clone()].concat();
    let sounds = [&prompts[..], &[ring_first, ring.clone()]].concat();
    let book = book_of(&sounds, |_| PromptEnd::Menu);
    for seed in 1_000..1_012 {
        let found = matches(&book, &coded(&babble(10.0, seed)));
        assert_eq!(found, [], "{seed}");
    }
    assert_eq!(matches(&book, &ring), []);
}

#[test]
fn two_prompts_that_begin_alike_are_one_only_where_they_part() {
    let same = babble(4.0, 1);
    let records = [same.clone(), babble(4.0, 2)].concat();
    let connects = [same.clone(), babble(4.0, 3)].concat();
    let ends = |nth| [PromptEnd::Records, PromptEnd::Connects][nth];
    let book = book_of(&[records.clone(), connects], ends);
    assert_eq!(matches(&book, &same), []);
    let found = matches(&book, &records);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].prompt.ends, PromptEnd::Records);
    assert!(found[0].at.seconds() > 4.0, "{found:?}");
    // If both mean the same, it does not matter which it is; the beep is not known before they part.
    let alike = book_of(&[records.clone(), [same, babble(6.0, 4)].concat()], |_| {
        PromptEnd::Records
    });
    let found = matches(&alike, &records);
    assert!(found[0].at.seconds() < 2.0, "{found:?}");
    assert_eq!(found[0].beep_in, None);
}

#[test]
fn a_word_that_two_prompts_share_is_no_match() {
    let word = babble(0.6, 7);
    let prompt = [word.clone(), babble(5.0, 8)].concat();
    let book = book_of(&[prompt], |_| PromptEnd::Records);
    assert_eq!(matches(&book, &[word, babble(6.0, 9)].concat()), []);
}

#[test]
fn a_prompt_is_left_when_the_call_goes_on_otherwise() {
    let opening = babble(2.5, 21);
    let prompt = [opening.clone(), babble(6.0, 22)].concat();
    let book = book_of(std::slice::from_ref(&prompt), |_| PromptEnd::Records);
    let news_of = |call: &[i16]| {
        let mut all = Vec::new();
        Matcher::new(Arc::clone(&book)).hear(call, &mut |news| all.push(news));
        all
    };
    let company = [opening.clone(), babble(6.0, 23)].concat();
    for (line, company) in [
        ("clean", company.clone()),
        ("noisy", noisy(&coded(&company), 12.0)),
    ] {
        let news = news_of(&company);
        assert!(
            matches!(
                news[..],
                [PromptNews::Recognised(_), PromptNews::Left { prompt: 0 }]
            ),
            "{line}: {news:?}"
        );
    }
    // What was said of it holds no longer: a silence behind it starts no message, and the moment of its beep is not known.
    let mut ears = Ears::new(Settings::default());
    let mut matcher = Matcher::new(Arc::clone(&book));
    let call = [company, vec![0; 40_000]].concat();
    let mut ready = None;
    for frame in call.chunks(160) {
        matcher.hear(frame, &mut |news| ears.note_hint(news.hint_at(ears.now())));
        ears.hear(frame, &mut |heard| {
            if let Heard::Ready { .. } = heard {
                ready = Some(heard);
            }
        });
    }
    assert_eq!(ready, None);
    // The prompt itself is not left: not in noise, nor behind its end, nor where a second of it is lost.
    let mut lost = prompt.clone();
    lost[30_000..36_000].fill(0);
    for (line, call) in [
        ("clean", [prompt.clone(), vec![0; 40_000]].concat()),
        ("noisy", noisy(&prompt, 10.0)),
        (
            "another voice behind it",
            [prompt.clone(), babble(4.0, 24)].concat(),
        ),
    ] {
        let news = news_of(&call);
        assert!(
            matches!(news[..], [PromptNews::Recognised(_)]),
            "{line}: {news:?}"
        );
    }
    // A gap leaves it, and what comes after it finds it again.
    let news = news_of(&lost);
    assert!(
        matches!(news.last(), Some(PromptNews::Recognised(_))),
        "{news:?}"
    );
    // Somebody's name is said in between: so does that.
    let named = [opening, babble(1.5, 25), prompt[20_000..].to_vec()].concat();
    let news = news_of(&named);
    let [
        PromptNews::Recognised(_),
        PromptNews::Left { .. },
        PromptNews::Recognised(again),
    ] = news[..]
    else {
        panic!("{news:?}");
    };
    assert!((again.began - 1.5).abs() < 0.1, "{again:?}");
}

#[test]
fn a_match_decides_what_records_nothing_and_knows_the_beep() {
    let prompt = babble(9.0, 3);
    for (ends, verdict) in [
        (PromptEnd::Menu, Verdict::Menu),
        (PromptEnd::Full, Verdict::Menu),
        (PromptEnd::OutOfService, Verdict::Sit),
        (PromptEnd::Screening, Verdict::Screening),
    ] {
        let book = book_of(std::slice::from_ref(&prompt), |_| ends);
        let mut matcher = Matcher::new(Arc::clone(&book));
        let mut ears = Ears::new(Settings::default());
        let mut decided = None;
        for frame in prompt.chunks(160) {
            matcher.hear(frame, &mut |news| ears.note_hint(news.hint_at(ears.now())));
            ears.hear(frame, &mut |heard| {
                if let Heard::Verdict { verdict, at, .. } = heard {
                    decided = decided.or(Some((verdict, at)));
                }
            });
        }
        let (found, at) = decided.expect("a verdict");
        assert_eq!(found, verdict, "{ends}");
        assert!(at.seconds() < 2.1, "{ends}: {at}");
    }
    let book = book_of(std::slice::from_ref(&prompt), |_| PromptEnd::Records);
    let hint = matches(&book, &prompt)[0].hint();
    assert!(
        matches!(hint.says, HintSays::Records { beep_in: Some(_) }),
        "{hint:?}"
    );
}

#[test]
fn fingerprints_are_written_and_read_and_small() {
    let prompt = [babble(3.0, 5), vec![0; 50_000], babble(2.0, 6)].concat();
    let prints = Prints::of(&prompt);
    let bytes = prints.to_bytes();
    assert_eq!(Prints::from_bytes(&bytes), Ok(prints.clone()));
    assert!(prints.len() > 500, "{}", prints.len());
    let each_second = bytes.len() as f32 / 5.0;
    assert!(
        each_second <= 3_000.0,
        "{each_second} bytes a second of speech"
    );
    assert_eq!(Prints::from_bytes(&[]), Err(BadPrints::Short));
    assert_eq!(Prints::from_bytes(&bytes[..19]), Err(BadPrints::Short));
    assert_eq!(
        Prints::from_bytes(&[9, 0, 0, 0, 0]),
        Err(BadPrints::Version { version: 9 })
    );
    // Whatever an older program has written is of another version, and never compared.
    let older = [&[1][..], &bytes[1..]].concat();
    assert_eq!(
        Prints::from_bytes(&older),
        Err(BadPrints::Version { version: 1 })
    );
}

#[test]
fn a_call_teaches_only_what_is_beyond_doubt() {
    let greeting = babble(9.0, 11);
    let beep: Vec<i16> = (0..3_200).map(|n| tone(n, &[1_000.0])).collect();
    let call = [
        vec![0; 4_000],
        greeting.clone(),
        vec![0; 4_000],
        beep,
        vec![0; 80_000],
    ]
    .concat();
    let heard = heard_in(&call);
    let lesson = Lesson::of(&heard, true).expect("a lesson");
    assert_eq!(lesson.ends, PromptEnd::Records);
    assert_eq!(lesson.beep, Some(lesson.until));
    assert!((lesson.from.seconds() - 0.5).abs() < 0.1, "{lesson:?}");
    assert!((lesson.until.seconds() - 10.0).abs() < 0.1, "{lesson:?}");
    // Cut off, it may have been anything.
    assert_eq!(Lesson::of(&heard, false), None);
    // A person was heard at some time.
    let (_, verdict) = verdict_of(&heard_in(&[babble(0.8, 12), vec![0; 40_000]].concat()));
    let Heard::Verdict {
        verdict: Verdict::Human,
        ..
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!(Lesson::of(&[&heard[..], &[verdict]].concat(), true), None);

    // What is kept of it is enough to recognise it, in a call to another number.
    let mut kept = SoundKept::default();
    call.chunks(160).for_each(|frame| kept.hear(frame));
    let prompt = kept.samples(&lesson).expect("it was kept");
    let book = book_of(&[prompt], |_| PromptEnd::Records);
    let found = matches(&book, &coded(&greeting));
    assert!(
        !found.is_empty() && found[0].at.seconds() < 2.0,
        "{found:?}"
    );
}

#[test]
fn an_end_teaches_by_its_own_sound_and_not_by_what_the_book_said() {
    let began = Heard::SpeechBegan { start: At(4_000) };
    let verdict = |verdict, reason| {
        let mut reasons = Reasons::default();
        reasons.push(Reason::Waits(1.0));
        reasons.push(reason);
        Heard::Verdict {
            verdict,
            sit: None,
            revised: false,
            at: At(60_000),
            reasons,
        }
    };
    let start = At(44_000);
    let signal = |signal| Reason::Signal { signal, start };
    let again = Reason::Repetition { start };
    for (verdict, ends) in [
        (verdict(Verdict::Menu, again), PromptEnd::Menu),
        (verdict(Verdict::Fax, signal(Signal::Fax)), PromptEnd::Menu),
        (
            verdict(Verdict::Sit, signal(Signal::Sit(SitClass::Vacant))),
            PromptEnd::OutOfService,
        ),
    ] {
        let lesson = Lesson {
            from: At(4_000),
            until: start,
            ends,
            beep: None,
        };
        assert_eq!(Lesson::of(&[began, verdict], false), Some(lesson));
        // Too short to be more than a word.
        let late = Heard::SpeechBegan { start: At(40_000) };
        assert_eq!(Lesson::of(&[late, verdict], false), None);
        let voice = Heard::Voice {
            start,
            at: start,
            answers: false,
        };
        assert_eq!(Lesson::of(&[began, verdict, voice], false), None);
    }
    let hint = Hint {
        source: HintSource::Prompt,
        says: HintSays::Menu,
        nats: 9.0,
        detail: 3,
    };
    let said = verdict(Verdict::Menu, Reason::Hint(hint));
    assert_eq!(Lesson::of(&[began, said], false), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_samples_give_the_same_matches_however_cut(
        seed in 0_u32..8,
        cuts in prop::collection::vec(1_usize..1_500, 1..40),
    ) {
        let prompts: Vec<_> = (0..8).map(|seed| babble(4.0, seed)).collect();
        let book = book_of(&prompts, |nth| PromptEnd::ALL[nth % 6]);
        let call = [vec![0; 777], noisy(&prompts[seed as usize], 12.0)].concat();
        let whole = matches(&book, &call);
        let mut matcher = Matcher::new(book);
        let mut found = Vec::new();
        let mut rest = &call[..];
        for cut in cuts.iter().cycle() {
            let (frame, after) = rest.split_at((*cut).min(rest.len()));
            matcher.hear(frame, &mut |news| found.extend(recognised(news)));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn any_bytes_are_a_fingerprint_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let versioned = [&[2][..], &bytes].concat();
        for bytes in [bytes, versioned] {
            if let Ok(prints) = Prints::from_bytes(&bytes) {
                let book = Book::new([(known(0, PromptEnd::Menu), &prints)]);
                prop_assert_eq!(book.len(), 1);
                prop_assert!(prints.points().all(|(seconds, _)| seconds <= prints.seconds()));
            }
        }
    }
}

fn known(id: u32, ends: PromptEnd) -> KnownPrompt {
    KnownPrompt {
        id,
        ends,
        beep: None,
    }
}

/// A book of these; each has a beep 0.2 s after its end.
fn book_of(prompts: &[Vec<i16>], ends: impl Fn(usize) -> PromptEnd) -> Arc<Book> {
    let prints: Vec<_> = prompts.iter().map(|sound| Prints::of(sound)).collect();
    let known = prints.iter().enumerate().map(|(nth, prints)| {
        let known = KnownPrompt {
            beep: Some(prints.seconds() + 0.2),
            ..known(nth as u32, ends(nth))
        };
        (known, prints)
    });
    Arc::new(Book::new(known))
}

fn matches(book: &Arc<Book>, call: &[i16]) -> Vec<PromptMatch> {
    let mut found = Vec::new();
    Matcher::new(Arc::clone(book)).hear(call, &mut |news| found.extend(recognised(news)));
    found
}

fn recognised(news: PromptNews) -> Option<PromptMatch> {
    match news {
        PromptNews::Recognised(found) => Some(found),
        PromptNews::Left { .. } => None,
    }
}

fn heard_in(call: &[i16]) -> Vec<Heard> {
    let mut ears = Ears::new(Settings::default());
    let mut heard = Vec::new();
    for frame in call.chunks(80) {
        let before = heard.len();
        ears.hear(frame, &mut |one| heard.push(one));
        if heard[before..]
            .iter()
            .any(|one| matches!(one, Heard::Ready { .. }))
        {
            ears.playing(None);
        }
    }
    heard
}

fn verdict_of(heard: &[Heard]) -> (usize, Heard) {
    let is_verdict = |(_, heard): &(usize, Heard)| matches!(heard, Heard::Verdict { .. });
    let mut verdicts = heard.iter().copied().enumerate().filter(is_verdict);
    verdicts.next_back().expect("a verdict")
}

/// Syllables with a pitch and formants of their own, as a voice has; another for each seed.
fn babble(seconds: f32, seed: u32) -> Vec<i16> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) ^ 0x5151_1515;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 24) as f32
    };
    for _ in 0..50 {
        random();
    }
    let mut out = Vec::new();
    let mut phase = 0.0_f32;
    let voice = 90.0 + 110.0 * random();
    while out.len() < (seconds * RATE as f32) as usize {
        let length = 0.09 + 0.2 * random();
        let (pitch, bend) = (voice * (0.8 + 0.5 * random()), 60.0 * (random() - 0.5));
        let formants = [
            300.0 + 600.0 * random(),
            900.0 + 1_400.0 * random(),
            2_300.0 + 900.0 * random(),
        ];
        let glides = [
            200.0 * (random() - 0.5),
            900.0 * (random() - 0.5),
            400.0 * (random() - 0.5),
        ];
        let count = (length * RATE as f32) as usize;
        for n in 0..count {
            let part = n as f32 / count as f32;
            let hz = pitch + bend * part;
            phase += hz / RATE as f32;
            let swell = (std::f32::consts::PI * part).sin().sqrt();
            let harmonics = (3_500.0 / hz) as i32;
            let voiced: f32 = (1..=harmonics)
                .map(|h| {
                    let at = hz * h as f32;
                    let gain: f32 = formants
                        .iter()
                        .zip(glides)
                        .map(|(formant, glide)| {
                            let apart = (at - formant - glide * part) / 90.0;
                            1.0 / (1.0 + apart * apart)
                        })
                        .sum();
                    gain * (std::f32::consts::TAU * phase * h as f32).sin()
                })
                .sum();
            out.push((3_000.0 * swell * voiced) as i16);
        }
        let pause = if random() < 0.15 { 0.25 } else { 0.02 };
        out.extend(std::iter::repeat_n(0, (pause * RATE as f32) as usize));
    }
    out.truncate((seconds * RATE as f32) as usize);
    out
}

fn tone(n: usize, hz: &[f32]) -> i16 {
    let turn = std::f32::consts::TAU * n as f32 / RATE as f32;
    hz.iter()
        .map(|hz| (4_000.0 * (turn * hz).sin()) as i16)
        .sum()
}

/// As coarse as mu-law: four bits of each octave.
fn coded(samples: &[i16]) -> Vec<i16> {
    let code = |sample: &i16| {
        let loud = i32::from(sample.unsigned_abs()) + 132;
        let step = 1 << (31_u32.saturating_sub(loud.leading_zeros())).saturating_sub(4);
        let rounded = loud / step * step + step / 2 - 132;
        (rounded.clamp(0, 32_000) * i32::from(sample.signum())) as i16
    };
    samples.iter().map(code).collect()
}

fn noisy(samples: &[i16], below: f32) -> Vec<i16> {
    let power: f32 =
        samples.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / samples.len() as f32;
    let size = (3.0 * power / 10_f32.powf(below / 10.0)).sqrt();
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let samples = samples
        .iter()
        .map(|s| (f32::from(*s) + size * noise()) as i16);
    coded(&samples.collect::<Vec<_>>())
}

fn lossy(samples: &[i16]) -> Vec<i16> {
    let mut out = coded(samples);
    out.chunks_mut(160)
        .skip(3)
        .step_by(10)
        .for_each(|packet| packet.fill(0));
    out
}
