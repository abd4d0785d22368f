//! What holds for any sound.

use proptest::{collection::vec, prelude::*};

use super::signal::{Codec, Sound};
use crate::screen::{Amd, At, Call, Ears, Heard, Message, RATE, Settings};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_samples_give_the_same_events_however_they_are_cut(
        parts in vec(part(), 1..6),
        cuts in vec(1_usize..2_000, 1..20),
    ) {
        let sound: Vec<_> = parts.into_iter().flatten().collect();
        prop_assert_eq!(heard(&sound, &[160]), heard(&sound, &cuts));
    }

    #[test]
    fn no_sound_makes_them_panic_or_report_the_future(parts in vec(part(), 1..8)) {
        let sound: Vec<_> = parts.into_iter().flatten().collect();
        let mut ears = Ears::new(Settings::default());
        let mut heard = Vec::new();
        for frame in sound.chunks(160) {
            ears.hear(frame, &mut |event| heard.push(event));
            for event in heard.drain(..) {
                prop_assert!(latest(&event) <= ears.now(), "{event:?} at {}", ears.now());
                if let Heard::Ready { .. } = event {
                    ears.playing(None);
                }
            }
        }
    }

    #[test]
    fn whatever_they_learn_and_whenever_all_numbers_are_numbers(
        steps in vec(step(), 1..40),
        message in part(),
    ) {
        let mut ears = Ears::new(Settings::default());
        let message = Message::new(&message);
        let mut heard = Vec::new();
        let mut samples = 0;
        for step in steps {
            match step {
                FeedStep::Hear(frame) => {
                    samples += frame.len() as u64;
                    ears.hear(&frame, &mut |event| heard.push(event));
                }
                FeedStep::Play(known) => ears.playing(known.then(|| message.clone())),
                FeedStep::Amd(amd) => ears.note_amd(amd),
                FeedStep::Call(call) => ears.note_call(call),
            }
            for event in heard.drain(..) {
                prop_assert!(latest(&event) <= ears.now(), "{event:?} at {}", ears.now());
                prop_assert!(finite(&event), "{event:?}");
            }
        }
        prop_assert_eq!(ears.now(), At(samples));
    }

    #[test]
    fn clipping_and_an_offset_make_no_person_a_mailbox(gain in 1.0_f32..30.0, offset in -12_000_i16..12_000) {
        let hello = Sound::new().quiet(0.5).speech(0.7, -18.0).quiet(4.0).noise(-60.0);
        let sound: Vec<_> = hello
            .samples
            .iter()
            .map(|sample| ((sample * gain).clamp(-1.0, 1.0) * 20_000.0) as i16 + offset)
            .collect();
        let heard = heard(&sound, &[160]);
        let plays = |event: &Heard| matches!(event, Heard::Ready { .. } | Heard::Beep(_));
        prop_assert!(!heard.iter().any(plays), "{heard:?}");
    }

    #[test]
    fn any_message_can_be_played(message in part(), incoming in part()) {
        let mut ears = Ears::new(Settings::default());
        ears.playing(Some(Message::new(&message)));
        ears.hear(&incoming, &mut |_| {});
        ears.playing(None);
        ears.hear(&incoming, &mut |_| {});
    }
}

#[test]
fn extremes_are_heard_out() {
    let alternating: Vec<_> = (0..RATE * 12)
        .map(|n| if n % 2 == 0 { i16::MIN } else { i16::MAX })
        .collect();
    let clipped: Vec<_> = Sound::new()
        .speech(12.0, 10.0)
        .samples
        .iter()
        .map(|s| (s.clamp(-1.0, 1.0) * 32_767.0) as i16)
        .collect();
    let frames = [
        vec![i16::MIN; RATE * 12],
        vec![i16::MAX; RATE * 12],
        vec![0; RATE * 12],
        vec![1; RATE * 12],
        alternating,
        clipped,
    ];
    for sound in frames {
        let heard = heard(&sound, &[160]);
        assert!(
            !heard
                .iter()
                .any(|event| matches!(event, Heard::Ready { .. } | Heard::Beep(_))),
            "{heard:?}"
        );
    }
}

#[test]
fn a_constant_offset_changes_nothing() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(2.5, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(2.0);
    let plain = sound.through(Codec::Clean);
    let shifted: Vec<_> = plain
        .iter()
        .map(|sample| sample.saturating_add(3_000))
        .collect();
    let kinds = |samples: &[i16]| {
        heard(samples, &[160])
            .iter()
            .map(std::mem::discriminant)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&plain), kinds(&shifted));
}

/// A day is what `cargo bench --bench ears` has time for; here it is twenty minutes, and nothing may have grown.
#[test]
fn silence_without_end_changes_nothing() {
    let mut ears = Ears::new(Settings::default());
    let minute = vec![0; 60 * RATE];
    let mut told = 0;
    ears.hear(&minute, &mut |_| told += 1);
    assert_eq!(told, 1, "the verdict");
    for _ in 0..19 {
        ears.hear(&minute, &mut |event| panic!("{event:?}"));
    }
    assert_eq!(ears.now(), At(20 * 60 * RATE as u64));
}

/// What can happen to ears.
#[derive(Clone, Debug)]
enum FeedStep {
    Hear(Vec<i16>),
    /// The message starts, known to the ears or not.
    Play(bool),
    Amd(Amd),
    Call(Call),
}

fn step() -> impl Strategy<Value = FeedStep> {
    prop_oneof![
        3 => part().prop_map(FeedStep::Hear),
        1 => vec(any::<i16>(), 0..5_000).prop_map(FeedStep::Hear),
        1 => any::<bool>().prop_map(FeedStep::Play),
        1 => prop_oneof![Just(Amd::Machine), Just(Amd::Human), Just(Amd::Unsure)].prop_map(FeedStep::Amd),
        1 => (proptest::option::of(0.0_f32..90.0), any::<bool>())
            .prop_map(|(alerted, other_rang)| FeedStep::Call(Call { alerted, other_rang })),
    ]
}

fn finite(event: &Heard) -> bool {
    match event {
        Heard::Beep(beep) | Heard::LateBeep(beep) | Heard::LimitBeep(beep) => {
            beep.hz.is_finite()
                && beep.sweep.is_finite()
                && beep.second_hz.is_none_or(f32::is_finite)
                && beep.start <= beep.end
        }
        Heard::Verdict { reasons, .. } => {
            let words = reasons.to_string();
            !words.is_empty() && !words.contains("NaN") && !words.contains("inf")
        }
        Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Ready { .. }
        | Heard::BeepWasRing { .. }
        | Heard::Voice { .. } => true,
    }
}

/// Stretches of anything: noise of any kind, tones, words, nothing, extremes.
fn part() -> impl Strategy<Value = Vec<i16>> {
    let seconds = 0.01_f32..2.5;
    prop_oneof![
        vec(any::<i16>(), 0..4_000),
        (any::<i16>(), 0_usize..20_000).prop_map(|(sample, n)| vec![sample; n]),
        (350.0_f32..2_500.0, seconds.clone(), -45.0_f32..0.0)
            .prop_map(|(hz, s, db)| Sound::new().tone(&[hz], s, db).pcm()),
        (
            350.0_f32..2_500.0,
            350.0_f32..2_500.0,
            seconds.clone(),
            -45.0_f32..0.0
        )
            .prop_map(|(a, b, s, db)| Sound::new().tone(&[a, b], s, db).pcm()),
        (seconds.clone(), -45.0_f32..3.0).prop_map(|(s, db)| Sound::new().speech(s, db).pcm()),
        seconds.prop_map(|s| Sound::new().quiet(s).pcm()),
    ]
}

fn heard(sound: &[i16], cuts: &[usize]) -> Vec<Heard> {
    let mut ears = Ears::new(Settings::default());
    let mut heard = Vec::new();
    let (mut rest, mut cuts) = (sound, cuts.iter().cycle());
    while !rest.is_empty() {
        let cut = cuts.next().map_or(1, |cut| *cut).min(rest.len());
        let (frame, more) = rest.split_at(cut);
        ears.hear(frame, &mut |event| heard.push(event));
        rest = more;
    }
    heard
}

fn latest(event: &Heard) -> At {
    match event {
        Heard::SpeechBegan { start } => *start,
        Heard::SpeechEnded { end } | Heard::Signal { end, .. } => *end,
        Heard::Beep(beep) | Heard::LateBeep(beep) | Heard::LimitBeep(beep) => {
            beep.end.max(beep.start)
        }
        Heard::Verdict { at, .. } | Heard::Ready { at, .. } => *at,
        Heard::BeepWasRing { again, .. } => again.end,
        Heard::Voice { start, at, .. } => *start.max(at),
    }
}
