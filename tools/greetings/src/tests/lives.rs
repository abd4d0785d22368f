//! What a drop does of what the ears report, offline.

use aftertone::{
    screen::{At, Beep, Heard, Reasons, Replay},
    words::{ReadyBy, Verdict},
};

use crate::offline::{Life, Variant};

fn verdict(verdict: Verdict, seconds: u64) -> Heard {
    Heard::Verdict {
        verdict,
        sit: None,
        revised: false,
        at: At(seconds * 8_000),
        reasons: Reasons::default(),
    }
}

fn ready(seconds: u64) -> Heard {
    Heard::Ready {
        by: ReadyBy::Silence,
        at: At(seconds * 8_000),
    }
}

fn beep(end: u64) -> Beep {
    Beep {
        hz: 1_000.0,
        second_hz: None,
        sweep: 0.0,
        start: At(end * 8_000 - 2_400),
        end: At(end * 8_000),
    }
}

/// A message of 10 s, and a far end that stays for a minute.
fn life(heard: &[Heard]) -> Life {
    let replay = Replay {
        heard: heard.to_vec(),
        ..Replay::default()
    };
    Life::of(&replay, 10.0, 60.0)
}

#[test]
fn a_call_ends_at_a_verdict_that_is_no_machine_s() {
    let life = life(&[verdict(Verdict::Human, 3), ready(5)]);
    assert_eq!((life.starts, life.ended), (vec![], 3.0));
    assert_eq!(life.told.verdict.as_deref(), Some("human"));
}

#[test]
fn a_mailbox_hears_the_whole_message_and_what_comes_after_it_changes_nothing() {
    let life = life(&[
        verdict(Verdict::Machine, 3),
        ready(5),
        verdict(Verdict::Human, 16),
    ]);
    assert_eq!((life.starts, life.ended), (vec![5.0], 15.0));
    assert!(life.whole);
    assert_eq!(life.told.ready_by.as_deref(), Some("silence"));
}

#[test]
fn a_late_beep_stops_the_message_until_it_starts_again() {
    let begun = [
        verdict(Verdict::Machine, 3),
        ready(5),
        Heard::LateBeep(beep(8)),
    ];
    let stopped = life(&begun);
    assert!(!stopped.whole);
    let again = life(&[begun.as_slice(), &[ready(9)]].concat());
    assert_eq!((again.starts, again.ended), (vec![5.0, 9.0], 19.0));
    assert!(again.whole);
    assert_eq!(again.told.restarts, 1);
}

#[test]
fn a_voice_that_answers_ends_the_message() {
    let voice = Heard::Voice {
        start: At(7 * 8_000),
        at: At(8 * 8_000),
        answers: true,
    };
    let life = life(&[
        verdict(Verdict::Machine, 3),
        ready(5),
        voice,
        verdict(Verdict::Human, 8),
    ]);
    assert_eq!((life.starts, life.ended), (vec![5.0], 8.0));
    assert!(!life.whole);
}

#[test]
fn a_limit_or_a_far_end_that_hangs_up_cuts_the_message() {
    let begun = [verdict(Verdict::Machine, 3), ready(5)];
    let cut = life(&[begun.as_slice(), &[Heard::LimitBeep(beep(9))]].concat());
    assert_eq!((cut.whole, cut.ended), (false, 9.0));
    let replay = Replay {
        heard: begun.to_vec(),
        ..Replay::default()
    };
    let gone = Life::of(&replay, 10.0, 14.0);
    assert_eq!((gone.whole, gone.ended), (false, 14.0));
}

#[test]
fn settings_are_read_and_unknown_ones_refused() {
    let variant = Variant::parse("hold_short=1, hold_open=2").unwrap();
    assert_eq!(variant.name.as_deref(), Some("hold_short=1, hold_open=2"));
    assert!(Variant::parse("hold_short").is_err());
    assert!(Variant::parse("hold_nothing=1").is_err());
    assert!(Variant::parse("hold_short=99").is_err());
}
