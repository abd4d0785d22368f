use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;

fn normalise(samples: Vec<f32>, targets: &Targets) -> Result<Normalised, Refusal> {
    super::normalise(samples, targets, false)
}

#[test]
fn the_output_of_the_resampler_is_as_long_as_its_input() {
    for rate in [
        4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000, 767_999,
    ] {
        for count in [1, 7, 1_000, rate as usize] {
            let out = resample(&vec![0.1; count], rate, WORK_RATE);
            let exact = count as f64 * f64::from(WORK_RATE) / f64::from(rate);
            assert_eq!(out.len(), exact.ceil() as usize, "{count} at {rate} Hz");
        }
    }
}

#[test]
fn the_resampler_gives_the_same_for_any_pieces() {
    let whole = sine(700.0, 0.5, 44_100, 1.0);
    let expected = resample(&whole, 44_100, WORK_RATE);
    for size in [1, 13, 1_152, 5_000] {
        let mut resampler = Resampler::new(44_100, WORK_RATE);
        for piece in whole.chunks(size) {
            resampler.push(piece);
        }
        assert_eq!(resampler.finish(), expected, "pieces of {size}");
    }
}

#[test]
fn what_the_telephone_carries_comes_through_unchanged_and_in_time() {
    for rate in [
        8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000,
    ] {
        for hz in [60.0, 300.0, 1_000.0, 2_000.0, 3_400.0] {
            let narrow = resample(
                &resample(&sine(hz, 0.5, rate, 1.0), rate, WORK_RATE),
                WORK_RATE,
                NARROW_RATE,
            );
            let ideal = sine(hz, 0.5, NARROW_RATE, 1.0);
            let middle = 1_600..6_400;
            let error: Vec<f32> = narrow[middle.clone()]
                .iter()
                .zip(&ideal[middle])
                .map(|(a, b)| a - b)
                .collect();
            let error_db = rms_db(&error) - rms_db(&ideal);
            assert!(
                error_db < -60.0,
                "{hz} Hz from {rate} Hz is off by {error_db:.1} dB"
            );
        }
    }
}

#[test]
fn what_lies_above_the_band_does_not_fold_into_it() {
    for rate in [16_000, 22_050, 44_100, 48_000, 96_000] {
        let mut hz = 4_200.0;
        while hz < f64::from(rate) * 0.49 {
            let narrow = resample(
                &resample(&sine(hz, 0.5, rate, 0.6), rate, WORK_RATE),
                WORK_RATE,
                NARROW_RATE,
            );
            let left = rms_db(&narrow[800..4_000]);
            assert!(left < -75.0, "{hz} Hz from {rate} Hz leaves {left:.1} dB");
            hz += 613.0;
        }
        let mut hz = 8_300.0;
        while hz < f64::from(rate) * 0.49 {
            let wide = resample(&sine(hz, 0.5, rate, 0.6), rate, WORK_RATE);
            let left = rms_db(&wide[1_600..8_000]);
            assert!(
                left < -75.0,
                "{hz} Hz from {rate} Hz leaves {left:.1} dB at 16 kHz"
            );
            hz += 1_613.0;
        }
    }
}

#[test]
fn silence_around_the_message_becomes_the_stated_remainder() {
    for (before, after) in [
        (0.0, 0.0),
        (0.03, 0.01),
        (0.1, 0.1),
        (1.234, 2.345),
        (5.0, 0.0),
    ] {
        let mut samples = silence(before);
        samples.extend(speech_like(1.5, 0.3));
        samples.extend(silence(after));
        let done = normalise(samples, &Targets::default()).unwrap();
        check(&done, -18.0);
        let first = first_loud(&done.narrow);
        assert!(
            first.abs_diff(800) <= 80,
            "{before} s before: first audible sample is {first}"
        );
        let quiet = done.narrow.iter().rev().take_while(|s| **s == 0).count();
        assert!(
            (1_600..1_600 + 160 + 800).contains(&quiet),
            "{after} s after: {quiet} samples of silence"
        );
        assert!(
            done.audible.as_millis().abs_diff(1_500) <= 40,
            "{:?}",
            done.audible
        );
        assert!(done.silence_before.as_secs_f64() - before < 0.011);
        assert!(done.silence_after.as_secs_f64() - after < 0.011);
    }
}

#[test]
fn the_audible_part_is_whole() {
    let mut samples = silence(0.7);
    samples.extend(speech_like(2.0, 0.2));
    samples.extend(silence(0.7));
    let done = normalise(samples.clone(), &Targets::default()).unwrap();
    trim::remove_offset(&mut samples, WORK_RATE);
    let source = resample(&samples, WORK_RATE, NARROW_RATE);
    // The source's audible part starts at 0.7 s, the message's at 0.1 s: compared sample by sample, but for the gain.
    let source = &source[5_600..5_600 + 16_000];
    let message: Vec<f32> = done.narrow[800..800 + 16_000]
        .iter()
        .map(|s| f32::from(*s) / 32_768.0)
        .collect();
    let gain = (source.iter().zip(&message).map(|(a, b)| a * b).sum::<f32>())
        / source.iter().map(|a| a * a).sum::<f32>();
    let error: Vec<f32> = source
        .iter()
        .zip(&message)
        .map(|(a, b)| a * gain - b)
        .collect();
    let error_db = rms_db(&error) - rms_db(&message);
    assert!(error_db < -35.0, "differs by {error_db:.1} dB");
}

#[test]
fn a_soft_onset_is_kept() {
    // A fricative 30 dB below the vowels, 80 ms long, before the first vowel; then one at the end.
    let soft: Vec<f32> = noise(0.08, 0.006);
    let mut samples = silence(1.0);
    samples.extend(&soft);
    samples.extend(speech_like(1.5, 0.3));
    samples.extend(&soft);
    samples.extend(silence(1.0));
    let done = normalise(samples, &Targets::default()).unwrap();
    assert!(done.audible.as_millis() >= 1_650, "{:?}", done.audible);
}

#[test]
fn noise_around_the_message_counts_as_silence() {
    let mut samples = noise(6.0, 0.003);
    for (i, s) in speech_like(1.5, 0.3).into_iter().enumerate() {
        samples[32_000 + i] += s;
    }
    let done = normalise(samples, &Targets::default()).unwrap();
    check(&done, -18.0);
    assert!(
        done.audible.as_millis().abs_diff(1_500) <= 40,
        "{:?}",
        done.audible
    );
}

#[test]
fn an_offset_and_hum_do_not_hide_the_silence() {
    let mut samples = silence(1.0);
    samples.extend(speech_like(1.5, 0.2));
    samples.extend(silence(1.0));
    for sample in &mut samples {
        *sample += 0.3;
    }
    let done = normalise(samples, &Targets::default()).unwrap();
    check(&done, -18.0);
    assert!((done.offset - 0.3).abs() < 0.01, "{}", done.offset);
    assert!(
        done.audible.as_millis().abs_diff(1_500) <= 40,
        "{:?}",
        done.audible
    );
    let mean = done.narrow.iter().map(|s| f64::from(*s)).sum::<f64>() / done.narrow.len() as f64;
    assert!(mean.abs() < 8.0, "an offset of {mean} is left");
}

#[test]
fn every_level_ends_at_the_target() {
    for (amplitude, target) in [
        (1.0, -18.0),
        (0.5, -18.0),
        (0.01, -18.0),
        (0.001_5, -18.0),
        (0.2, -23.0),
        (0.2, -14.0),
    ] {
        let targets = Targets::new(Targets::MAX_LENGTH, target).unwrap();
        let done = normalise(speech_like(3.0, amplitude), &targets).unwrap();
        check(&done, target);
    }
}

#[test]
fn hot_input_is_held_below_the_ceiling() {
    // Overdriven far beyond full scale, as a float WAV may be, and hard clipped.
    for (drive, clip) in [(40.0, f32::INFINITY), (10.0, 1.0), (1.0, 1.0)] {
        let samples: Vec<f32> = speech_like(3.0, 1.0)
            .iter()
            .map(|s| (s * drive).clamp(-clip, clip))
            .collect();
        let done = normalise(samples, &Targets::new(Targets::MAX_LENGTH, -10.0).unwrap()).unwrap();
        check_peaks(&done);
    }
}

#[test]
fn a_recording_that_is_all_peaks_is_left_softer_and_does_not_clip() {
    // The second is close to half the narrow file's rate, at which the curve between samples is hardest to find.
    for period in [13.0, 4.12] {
        let mut samples = noise(4.0, 0.002);
        for i in (0..samples.len()).step_by(4_000) {
            for (k, s) in samples[i..i + 40].iter_mut().enumerate() {
                *s += 0.9 * (TAU * k as f64 / period).sin() as f32;
            }
        }
        let done = normalise(samples, &Targets::default()).unwrap();
        assert!(done.limited);
        check_peaks(&done);
        check_shape(&done);
    }
}

#[test]
fn what_cannot_be_heard_is_silent() {
    for samples in [
        vec![],
        silence(3.0),
        vec![0.4; 48_000],
        noise(3.0, 0.000_1),
        vec![1e-30; 48_000],
    ] {
        let refusal = normalise(samples, &Targets::default()).unwrap_err();
        assert!(matches!(refusal, Refusal::Silent), "{refusal}");
    }
}

#[test]
fn only_what_is_audible_counts_for_the_shortest_length() {
    for (audible, fits) in [(0.1, false), (0.95, false), (1.0, true), (1.2, true)] {
        let mut samples = silence(2.0);
        samples.extend(sine(440.0, 0.3, WORK_RATE, audible));
        samples.extend(silence(2.0));
        let result = normalise(samples, &Targets::default());
        assert_eq!(result.is_ok(), fits, "{audible} s: {result:?}");
    }
}

#[test]
fn the_longest_length_counts_without_the_silence_that_was_cut() {
    let targets = Targets::new(Duration::from_secs(3), -18.0).unwrap();
    let mut samples = silence(5.0);
    samples.extend(speech_like(2.5, 0.3));
    assert!(normalise(samples, &targets).is_ok());
    let refusal = normalise(speech_like(3.5, 0.3), &targets).unwrap_err();
    assert!(
        matches!(refusal, Refusal::TooLong { measured: true, .. }),
        "{refusal}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_accepted_has_the_stated_shape(
        parts in prop::collection::vec((0.0_f64..1.2, 0.0_f32..2.0, 50.0_f64..7_900.0, -0.3_f32..0.3), 1..6),
    ) {
        let mut samples = Vec::new();
        for (seconds, amplitude, hz, offset) in parts {
            samples.extend(sine(hz, amplitude, WORK_RATE, seconds).iter().map(|s| s + offset));
        }
        if let Ok(done) = normalise(samples, &Targets::default()) {
            check_shape(&done);
            check_peaks(&done);
        }
    }
}

fn check(done: &Normalised, target: f64) {
    check_shape(done);
    check_peaks(done);
    for (samples, rate) in [(&done.narrow, NARROW_RATE), (&done.wide, WORK_RATE)] {
        let (lufs, _) = meter(samples, rate);
        assert!((lufs - target).abs() < 0.2, "{lufs:.2} LUFS at {rate} Hz");
    }
}

fn check_shape(done: &Normalised) {
    assert_eq!(done.narrow.len() % 160, 0);
    assert_eq!(done.wide.len(), 2 * done.narrow.len());
    assert!(done.narrow.iter().rev().take(1_600).all(|s| *s == 0));
    assert!(done.wide.iter().rev().take(3_200).all(|s| *s == 0));
}

fn check_peaks(done: &Normalised) {
    for (samples, rate) in [(&done.narrow, NARROW_RATE), (&done.wide, WORK_RATE)] {
        let (_, peak_db) = meter(samples, rate);
        assert!(peak_db < -1.95, "{peak_db:.2} dB at {rate} Hz");
    }
}

fn meter(samples: &[i16], rate: u32) -> (f64, f64) {
    let mut meter =
        ebur128::EbuR128::new(1, rate, ebur128::Mode::I | ebur128::Mode::TRUE_PEAK).unwrap();
    meter.add_frames_i16(samples).unwrap();
    (
        meter.loudness_global().unwrap(),
        20.0 * meter.true_peak(0).unwrap().log10(),
    )
}

fn first_loud(samples: &[i16]) -> usize {
    samples
        .iter()
        .position(|s| s.unsigned_abs() > 1_000)
        .unwrap()
}

/// Harmonics of a voice under an envelope of four syllables a second; it begins and ends loud.
fn speech_like(seconds: f64, amplitude: f32) -> Vec<f32> {
    (0..(seconds * 16_000.0) as usize)
        .map(|i| {
            let t = i as f64 / 16_000.0;
            let voice: f64 = (1..15)
                .map(|k| (TAU * 137.0 * f64::from(k) * t).sin() / f64::from(k))
                .sum();
            let envelope = 0.6 + 0.4 * (TAU * 4.0 * t).cos();
            amplitude * (voice * envelope / 2.0) as f32
        })
        .collect()
}

fn sine(hz: f64, amplitude: f32, rate: u32, seconds: f64) -> Vec<f32> {
    (0..(seconds * f64::from(rate)) as usize)
        .map(|i| amplitude * (TAU * hz * i as f64 / f64::from(rate)).sin() as f32)
        .collect()
}

fn silence(seconds: f64) -> Vec<f32> {
    vec![0.0; (seconds * 16_000.0) as usize]
}

/// White noise with that RMS, the same every time.
fn noise(seconds: f64, rms: f32) -> Vec<f32> {
    let mut state = 1_u64;
    (0..(seconds * 16_000.0) as usize)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            rms * 1.732 * ((state >> 40) as f32 / 8_388_608.0 - 1.0)
        })
        .collect()
}

fn rms_db(samples: &[f32]) -> f64 {
    let mean = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
    10.0 * mean.max(1e-30).log10()
}

#[test]
fn a_clip_may_be_a_word_and_is_as_loud_as_a_message_all_the_same() {
    for seconds in [0.12, 0.3, 0.8, 2.5] {
        let mut samples = silence(0.7);
        samples.extend(speech_like(seconds, 0.02));
        samples.extend(silence(0.7));
        let done = super::normalise(samples.clone(), &Targets::default(), true).unwrap();
        assert!(
            (done.after.lufs + 18.0).abs() < 0.11,
            "{seconds} s: {:?}",
            done.after
        );
        assert_eq!(done.narrow.len() % 160, 0);
        // The same sound as long as a message is as loud.
        let long = normalise(speech_like(3.0, 0.02), &Targets::default()).unwrap();
        let rms = |done: &Normalised| {
            let heard: Vec<f32> = done
                .narrow
                .iter()
                .map(|s| f32::from(*s) / 32_768.0)
                .collect();
            let to = 800 + (done.audible.as_secs_f64() * 8_000.0) as usize;
            rms_db(&heard[800..to])
        };
        assert!(
            (rms(&done) - rms(&long)).abs() < 3.0,
            "{seconds} s: {} and {}",
            rms(&done),
            rms(&long)
        );
        let as_message = normalise(samples, &Targets::default());
        assert_eq!(as_message.is_ok(), seconds > 1.0, "{seconds} s");
    }
    let mut click = silence(0.5);
    click.extend(speech_like(0.05, 0.3));
    click.extend(silence(0.5));
    let refusal = super::normalise(click, &Targets::default(), true).unwrap_err();
    assert!(
        matches!(
            refusal,
            Refusal::TooShort {
                least: SHORTEST_CLIP,
                ..
            }
        ),
        "{refusal}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn joined_parts_have_the_form_of_a_message(
        parts in prop::collection::vec((0.0..0.4_f64, 0.3..1.2_f64, 0.0..0.4_f64), 1..5),
        odd in 0_usize..2,
    ) {
        let mut sounds = Vec::new();
        for (before, sound, after) in &parts {
            let mut samples = silence(*before);
            samples.extend(speech_like(*sound, 0.1));
            samples.extend(silence(*after));
            samples.extend(vec![0.0; odd]);
            sounds.push(SoundPart::new(samples, -18.0).unwrap());
        }
        match join(&sounds, Duration::from_secs(60)) {
            Ok(joined) => {
                prop_assert_eq!(joined.wide.len(), 2 * joined.narrow.len());
                prop_assert_eq!(joined.narrow.len() % 160, 0);
                let silent = joined.narrow.iter().rev().take_while(|s| **s == 0).count();
                prop_assert!(silent >= 1_600);
                let first = first_loud(&joined.narrow);
                prop_assert!(first.abs_diff(800) <= 100, "{}", first);
                let least: f64 = parts.iter().map(|(_, sound, _)| sound).sum();
                let most = least + 0.2 * (parts.len() - 1) as f64 + 0.1 + 0.1 + 0.22 + 0.03 * parts.len() as f64;
                let seconds = joined.narrow.len() as f64 / 8_000.0;
                prop_assert!((least..most).contains(&seconds), "{} to {}: {}", least, most, seconds);
            }
            Err(refusal) => {
                prop_assert!(matches!(refusal, Refusal::TooShort { .. }), "{}", refusal);
                prop_assert!(parts.iter().map(|(_, sound, _)| sound).sum::<f64>() < 1.0);
            }
        }
    }
}
