//! Digital silence: what arrives while nothing is sent says nothing of the line.

use super::signal::{Codec, Sound};
use crate::{
    screen::{Call, CallFacts, Heard, RATE, Replay, Settings},
    words::Verdict,
};

/// What a telephone on a line with this noise sends, after nothing was sent for a while.
fn after_nothing(seconds: f32, sound: &Sound, noise: f32) -> Vec<i16> {
    let nothing = (seconds * RATE as f32) as usize;
    let mut samples = vec![0; nothing];
    samples.extend(sound.clone().noise(noise).through(Codec::MuLaw));
    samples
}

/// Lets nothing pass but what lies in these stretches, in seconds.
fn only(samples: &mut [i16], stretches: &[(f32, f32)]) {
    for (n, sample) in samples.iter_mut().enumerate() {
        let at = n as f32 / RATE as f32;
        if !stretches
            .iter()
            .any(|(from, to)| (*from..*to).contains(&at))
        {
            *sample = 0;
        }
    }
}

fn hear(samples: &[i16]) -> Replay {
    Replay::of(samples, Settings::default(), &CallFacts::default())
}

#[track_caller]
fn judged(replay: &Replay) -> (Verdict, f32, String) {
    let (verdict, at, reasons) = replay.verdict.unwrap();
    (verdict, at.seconds() as f32, reasons.to_string())
}

#[test]
fn the_noise_of_a_line_that_opens_late_is_not_a_voice() {
    for noise in [-55.0, -45.0, -38.0, -32.0] {
        let person = Sound::new().quiet(0.8).speech(0.7, -18.0).quiet(8.0);
        let (verdict, at, why) = judged(&hear(&after_nothing(0.0, &person, noise)));
        assert_eq!(verdict, Verdict::Human, "{noise} dB: {why}");
        for nothing in [0.05, 0.2, 0.45, 2.0] {
            let late = judged(&hear(&after_nothing(nothing, &person, noise)));
            assert_eq!(late.0, verdict, "{noise} dB after {nothing} s: {}", late.2);
            let later = late.1 - at;
            assert!((later - nothing).abs() < 0.05, "{noise} dB: {later} s");
            assert!(!late.2.contains("rose"), "{noise} dB: {}", late.2);
        }
        let nobody = Sound::new().quiet(12.0);
        let replay = hear(&after_nothing(0.45, &nobody, noise));
        let began = |heard: &Heard| matches!(heard, Heard::SpeechBegan { .. });
        assert!(!replay.heard.iter().any(began), "{noise} dB");
        assert_eq!(judged(&replay).0, Verdict::Silence);
    }
}

#[test]
fn idle_codes_are_digital_silence_too() {
    let person = Sound::new().quiet(0.8).speech(0.7, -18.0).quiet(8.0);
    let sent = after_nothing(0.0, &person, -38.0);
    let (_, at, _) = judged(&hear(&sent));
    // A-law has no zero; its idle line is 8 and -8. A gateway may add an offset of its own.
    for idle in [[0, 0], [8, 8], [-8, 8], [300, 308]] {
        let mut samples: Vec<_> = (0..3_600).map(|n| idle[n * 7 % 5 % 2]).collect();
        samples.extend(&sent);
        let late = judged(&hear(&samples));
        assert_eq!(late.0, Verdict::Human, "{idle:?}: {}", late.2);
        assert!((late.1 - at - 0.45).abs() < 0.05, "{idle:?}: {}", late.1);
    }
}

#[test]
fn noise_that_comes_and_goes_with_the_words_is_a_persons() {
    // A far end that sends nothing in pauses: the noise comes with each word and stays for a moment after it.
    for (noise, stays) in [(-45.0, 0.05), (-45.0, 0.2), (-36.0, 0.05), (-36.0, 0.2)] {
        let person = Sound::new()
            .quiet(1.0)
            .speech(0.8, -18.0)
            .quiet(0.9)
            .speech(0.6, -18.0)
            .quiet(8.0);
        let mut samples = person.noise(noise).through(Codec::MuLaw);
        let words = [(0.97, 1.8 + stays), (2.67, 3.3 + stays)];
        // And for another moment, as noise that was taken for a word.
        only(&mut samples, &[words[0], words[1], (3.62, 3.8)]);
        let replay = hear(&samples);
        let (verdict, at, why) = judged(&replay);
        assert_eq!(verdict, Verdict::Human, "{noise} dB, {stays} s: {why}");
        assert!(!why.contains("background"), "{noise} dB, {stays} s: {why}");
        assert!((4.7..5.1).contains(&at), "{noise} dB, {stays} s: {at}");
    }
}

#[test]
fn lost_packets_do_not_take_the_background_away() {
    for lost in [160, 320] {
        let person = Sound::new().quiet(1.2).speech(0.7, -18.0).quiet(8.0);
        let mut samples = person.noise(-38.0).through(Codec::MuLaw);
        for packet in samples.chunks_mut(2_400) {
            let from = packet.len().saturating_sub(lost);
            packet[from..].fill(0);
        }
        let (verdict, at, why) = judged(&hear(&samples));
        assert_eq!(verdict, Verdict::Human, "{why}");
        assert!((3.2..3.8).contains(&at), "{at}: {why}");
        assert!(why.contains("goes on"), "{why}");
        assert!(!why.contains("rose") && !why.contains("stopped"), "{why}");
    }
}

#[test]
fn a_ring_that_is_cut_when_the_line_opens_is_not_a_beep() {
    let sound = Sound::new().tone(&[425.0], 0.3, -20.0).quiet(1.0);
    let sound = sound.speech(0.8, -18.0).quiet(8.0);
    for nothing in [0.0, 0.2, 0.45, 0.9] {
        let replay = hear(&after_nothing(nothing, &sound, -55.0));
        assert!(replay.beeps.is_empty(), "{nothing} s: {:?}", replay.heard);
        assert_eq!(judged(&replay).0, Verdict::Human, "{nothing} s");
    }
    // A mailbox that sends nothing until its beep.
    let beep = Sound::new().tone(&[425.0], 0.3, -20.0).quiet(4.0);
    let replay = hear(&after_nothing(2.0, &beep, -55.0));
    assert_eq!(replay.beeps.len(), 1, "{:?}", replay.heard);
}

#[test]
fn a_click_before_the_line_opens_is_not_the_line() {
    let person = Sound::new().quiet(0.8).speech(0.7, -18.0).quiet(8.0);
    let click = Sound::new().quiet(0.04).noise(-60.0).pcm();
    let mut samples = vec![0; 1_600];
    samples.extend(click);
    samples.extend(after_nothing(0.2, &person, -36.0));
    let (verdict, at, why) = judged(&hear(&samples));
    assert_eq!(verdict, Verdict::Human, "{why}");
    assert!((3.2..3.7).contains(&at), "{at}: {why}");
}

#[test]
fn packets_lost_before_the_words_do_not_make_the_background_rise() {
    let person = Sound::new().quiet(1.2).speech(0.7, -18.0).quiet(8.0);
    let mut samples = person.noise(-38.0).through(Codec::MuLaw);
    samples[5_600..5_920].fill(0);
    let (verdict, _, why) = judged(&hear(&samples));
    assert_eq!(verdict, Verdict::Human, "{why}");
    assert!(why.contains("goes on"), "{why}");
}

#[test]
fn a_packet_lost_after_the_words_is_not_the_end_of_a_recording() {
    let person = Sound::new().quiet(0.8).speech(3.0, -18.0).quiet(8.0);
    let mut samples = person.noise(-38.0).through(Codec::MuLaw);
    samples[40_000..40_320].fill(0);
    let known = CallFacts {
        call: Some(Call {
            alerted: Some(0.3),
            other_rang: true,
        }),
        ..CallFacts::default()
    };
    let replay = Replay::of(&samples, Settings::default(), &known);
    let verdicts: Vec<_> = replay
        .heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Verdict { .. }))
        .collect();
    let person = |heard: &&Heard| {
        matches!(
            heard,
            Heard::Verdict {
                verdict: Verdict::Human,
                ..
            }
        )
    };
    assert!(verdicts.iter().all(person), "{verdicts:?}");
}
