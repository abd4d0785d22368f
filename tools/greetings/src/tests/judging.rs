//! Where a message is found in what the far end recorded.

use crate::{
    judge::last_start,
    recording::{FRAME, RATE, Samples},
    test_speech,
    tones::quiet,
};

fn message() -> Samples {
    test_speech::speak(7, 4.0)
}

/// After a second of silence.
fn heard(parts: &[&[f32]]) -> Samples {
    [&quiet(1.0), &parts.concat(), &quiet(1.0)]
        .map(Vec::as_slice)
        .concat()
}

fn found(heard: &[f32]) -> (usize, bool) {
    let (start, found) = last_start(&message(), heard).unwrap();
    (start / FRAME, found.has_both_ends())
}

#[test]
fn a_message_that_starts_again_at_once_is_found_where_it_started_last() {
    let message = message();
    for begun in [0.2, 0.3, 0.5] {
        let begun = &message[..(begun * RATE as f32) as usize];
        let heard = heard(&[begun, &quiet(0.2), &message]);
        let (start, is_whole) = found(&heard);
        let expected = (RATE + begun.len() + RATE / 5) / FRAME;
        assert!(start.abs_diff(expected) <= 1, "{start}, not {expected}");
        assert!(is_whole);
    }
}

#[test]
fn a_message_that_slips_by_a_packet_or_is_cut_is_found_where_it_is() {
    let message = message();
    let (first, rest) = message.split_at(2 * RATE);
    let whole = found(&heard(&[&message]));
    assert_eq!(found(&heard(&[first, &quiet(0.02), rest])), whole);
    let (start, is_whole) = found(&heard(&[&message[RATE..]]));
    assert!(!is_whole, "{start}");
    let (start, is_whole) = found(&heard(&[first]));
    assert_eq!((start, is_whole), (whole.0, false));
}
