//! The finder of messages can fail: what is cut, slipped or absent is said to be.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use crate::{
    check,
    recording::{self, FRAME, Samples, audible, find, likeness},
    test_speech::speak,
};

/// Tests of the measuring itself.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "find_message_selftest::a_whole_message_is_whole_wherever_it_sits",
            whole,
        ),
        Trial::test(
            "find_message_selftest::a_pause_in_a_message_is_not_missed",
            paused,
        ),
        Trial::test("find_message_selftest::what_is_cut_is_missed", cut),
        Trial::test(
            "find_message_selftest::a_lost_packet_is_a_slip_and_not_a_cut",
            slipped,
        ),
        Trial::test(
            "find_message_selftest::one_packet_less_or_more_is_whole_and_two_are_not",
            packet,
        ),
        Trial::test(
            "find_message_selftest::a_packet_less_or_more_near_an_end_is_no_cut",
            packet_at_an_end,
        ),
        Trial::test(
            "find_message_selftest::a_packet_cut_off_a_vowel_is_missed",
            short_cuts,
        ),
        Trial::test("find_message_selftest::a_hole_inside_is_missed", hole),
        Trial::test("find_message_selftest::another_message_is_not_found", other),
        Trial::test("find_message_selftest::a_heard_scrap_is_alike", scrap),
    ]
}

fn message() -> Samples {
    let mut samples = vec![0.0; 5 * FRAME];
    samples.extend(speak(7, 4.0));
    samples.extend(vec![0.0; 10 * FRAME]);
    samples
}

/// A line: noise before and after, and coding to G.711 and back.
fn line(before: usize, said: &[f32]) -> Samples {
    let mut noise = crate::test_speech::Random(3);
    let mut heard: Samples = vec![0.0; before];
    heard.extend(said);
    heard.extend(vec![0.0; 4_000]);
    heard
        .iter()
        .map(|sample| coded(sample + 0.002 * (noise.unit() - 0.5)))
        .collect()
}

/// The error of a mu-law coder is about a thirty-second part of the sample's size.
fn coded(sample: f32) -> f32 {
    let step = (sample.abs() / 32.0).max(1.0 / 8_192.0);
    (sample / step).round() * step
}

fn whole() -> Result<(), Failed> {
    let message = message();
    for before in [0, 1_234, 40_000] {
        let found = find(&message, &line(before, &message)).ok_or("not found")?;
        check!(found.is_whole(), "{before}: {found}");
        let first = before + audible(&message).start;
        let expected = Duration::from_secs_f64(first as f64 / recording::RATE as f64);
        check!(
            found.silence_before.abs_diff(expected) < Duration::from_millis(3),
            "{before}: {found}"
        );
    }
    Ok(())
}

fn paused() -> Result<(), Failed> {
    let mut message = message();
    let middle = message.len() / 2;
    message[middle..middle + recording::RATE].fill(0.0);
    let found = find(&message, &line(500, &message)).ok_or("not found")?;
    check!(found.is_whole(), "{found}");
    Ok(())
}

fn cut() -> Result<(), Failed> {
    let message = message();
    let audible = audible(&message);
    for lost_ms in [30_usize, 100, 190, 450, 1_300] {
        let lost = lost_ms * recording::RATE / 1_000;
        let expected = Duration::from_millis(lost_ms as u64);
        let near = |missing: Duration| missing.abs_diff(expected) <= Duration::from_millis(11);

        let found =
            find(&message, &line(0, &message[audible.start + lost..])).ok_or("not found")?;
        check!(
            near(found.start_missing) && found.end_missing.is_zero(),
            "start {lost_ms}: {found}"
        );

        // The same if the recorder ran, but the line was open too late.
        let mut late = message.clone();
        late[..audible.start + lost].fill(0.0);
        let found = find(&message, &line(2_000, &late)).ok_or("not found")?;
        check!(
            near(found.start_missing) && found.end_missing.is_zero(),
            "late {lost_ms}: {found}"
        );

        let end = audible.end - lost;
        let heard = line(2_000, &message[..end]);
        let found = find(&message, &heard[..2_000 + end]).ok_or("not found")?;
        check!(
            near(found.end_missing) && found.start_missing.is_zero(),
            "end {lost_ms}: {found}"
        );
    }
    Ok(())
}

fn slipped() -> Result<(), Failed> {
    let message = message();
    let middle = message.len() / 2;
    let mut lost = message.clone();
    lost.drain(middle..middle + 2 * FRAME);
    let found = find(&message, &line(500, &lost)).ok_or("not found")?;
    check!(found.has_both_ends() && !found.is_whole(), "{found}");
    check!(
        found.slip.abs_diff(Duration::from_millis(40)) <= Duration::from_millis(1),
        "{found}"
    );
    check!(found.inside_missing <= Duration::from_millis(80), "{found}");
    Ok(())
}

fn packet() -> Result<(), Failed> {
    let message = message();
    for at in (0..20).map(|step| message.len() / 3 + step * 5 * FRAME / 4) {
        for (packets, whole) in [(1, true), (2, false)] {
            let gone = at..at + packets * FRAME;
            let mut dropped = message.clone();
            dropped.drain(gone.clone());
            let mut doubled = message.clone();
            doubled.splice(at..at, message[gone].iter().copied());
            for (how, heard) in [("dropped", dropped), ("doubled", doubled)] {
                let found = find(&message, &line(500, &heard)).ok_or("not found")?;
                check!(
                    found.is_whole() == whole,
                    "{packets} {how} at {at}: {found}"
                );
            }
        }
    }
    Ok(())
}

fn packet_at_an_end() -> Result<(), Failed> {
    let message = message();
    let audible = audible(&message);
    // From one whole frame beyond it to two pieces of the finder.
    let steps = (FRAME..20 * FRAME).step_by(FRAME / 4);
    let near_the_end = steps.clone().map(|beyond| audible.end - beyond - FRAME);
    let near_the_start = steps.map(|beyond| audible.start + beyond);
    for at in near_the_end.chain(near_the_start) {
        let gone = at..at + FRAME;
        let mut dropped = message.clone();
        dropped.drain(gone.clone());
        let mut doubled = message.clone();
        doubled.splice(at..at, message[gone].iter().copied());
        for (how, heard) in [("dropped", dropped), ("doubled", doubled)] {
            let found = find(&message, &line(500, &heard)).ok_or("not found")?;
            check!(found.is_whole(), "{how} at {at} of {audible:?}: {found}");
        }
    }
    Ok(())
}

/// The message begins and ends with a vowel that is held, which is like itself a packet later.
fn short_cuts() -> Result<(), Failed> {
    let vowel = |pitch: f32| {
        (0..5 * FRAME).map(move |at| {
            let turn = std::f32::consts::TAU * pitch * at as f32 / recording::RATE as f32;
            0.2 * (turn.sin() + (3.0 * turn).sin() / 2.0)
        })
    };
    for pitch in [90.0, 100.0, 103.0, 130.0, 150.0, 210.0] {
        let message: Samples = vowel(pitch)
            .chain(speak(7, 2.0))
            .chain(vowel(pitch))
            .chain(std::iter::repeat_n(0.0, 10 * FRAME))
            .collect();
        let audible = audible(&message);
        for packets in 1..=3 {
            let cut = packets * FRAME;
            let missed = Duration::from_millis(20 * packets as u64);
            let mut heard = message.clone();
            heard[audible.end - cut..].fill(0.0);
            let found = find(&message, &line(500, &heard)).ok_or("not found")?;
            check!(
                found.end_missing == missed,
                "{packets}, {pitch} Hz: {found}"
            );
            let mut heard = message.clone();
            heard[..audible.start + cut].fill(0.0);
            let found = find(&message, &line(500, &heard)).ok_or("not found")?;
            check!(
                found.start_missing == missed,
                "{packets}, {pitch} Hz: {found}"
            );
        }
    }
    Ok(())
}

fn hole() -> Result<(), Failed> {
    let mut heard = message();
    let middle = heard.len() / 2;
    heard[middle..middle + recording::RATE].fill(0.0);
    let found = find(&message(), &line(500, &heard)).ok_or("not found")?;
    check!(
        found.has_both_ends() && found.inside_missing >= Duration::from_millis(600),
        "{found}"
    );
    Ok(())
}

fn other() -> Result<(), Failed> {
    let heard = line(500, &speak(8, 6.0));
    check!(find(&message(), &heard).is_none_or(|found| !found.has_both_ends()));
    let alike = likeness(&message(), &heard);
    check!(alike < 0.6, "{alike}");
    Ok(())
}

fn scrap() -> Result<(), Failed> {
    let message = message();
    let start = audible(&message).start;
    let heard = line(9_000, &message[start..start + recording::RATE / 3]);
    let alike = likeness(&message, &heard);
    check!(alike > 0.9, "{alike}");
    Ok(())
}
