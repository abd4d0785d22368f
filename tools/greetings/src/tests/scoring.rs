//! Scores of calls that are put together by hand.

use crate::{
    corpus::{BeepLabel, Item, Label},
    score::{Column, Record, Score, Share, Span, quantile},
    system::{System, Told},
    tones::Shape,
};

fn item(label: Label, kind: &str) -> Item {
    Item {
        id: "0001".to_owned(),
        file: "wav/0001.wav".to_owned(),
        label,
        kind: kind.to_owned(),
        greeting_start_s: Some(0.5),
        greeting_end_s: Some(4.0),
        ready_s: None,
        beep: None,
        duration_s: 14.0,
        voice: None,
        package: None,
        licence: None,
        level_dbfs: -20.0,
        noise: "line".to_owned(),
        snr_db: None,
        codec: "ulaw".to_owned(),
        loss_pct: 0.0,
        tones: Vec::new(),
        clips: Vec::new(),
        prompt_of: None,
        heard_before: false,
    }
}

/// A mailbox that records from 5.0 s on, after a beep from 4.6 s.
pub(super) fn mailbox(first: Option<f64>, last: Option<f64>, beeps: &[(f64, f64)]) -> Record {
    let mut item = item(Label::Machine, "m_long");
    item.ready_s = Some(5.0);
    item.beep = Some(BeepLabel {
        kind: Shape::Single,
        f_hz: 1_000.0,
        f2_hz: None,
        start_s: 4.6,
        end_s: 5.0,
        level_rel_speech_db: 0.0,
    });
    let spans = beeps
        .iter()
        .map(|&(start_s, end_s)| Span { start_s, end_s });
    Record {
        first_s: first,
        last_s: last,
        whole: last.is_some(),
        ended_s: 20.0,
        beeps: Some(spans.collect()),
        ..Record::new(&item, System::Listen, &Told::default())
    }
}

pub(super) fn call(label: Label, kind: &str, verdict: &str, played: bool, ended_s: f64) -> Record {
    let told = Told {
        verdict: Some(verdict.to_owned()),
        ..Told::default()
    };
    Record {
        first_s: played.then_some(5.0),
        last_s: played.then_some(5.0),
        answered: true,
        ended_s,
        ..Record::new(&item(label, kind), System::Listen, &told)
    }
}

fn score(records: &[Record]) -> Score {
    Score::of(
        records,
        &Column {
            system: System::Listen,
            settings: None,
        },
    )
}

#[test]
fn a_machine_is_intact_cut_late_or_not_played_to() {
    let records = [
        mailbox(Some(5.2), Some(5.2), &[]),
        // Early, and begun again in time: nothing before the beep is recorded, so nothing is lost.
        mailbox(Some(3.0), Some(5.1), &[]),
        mailbox(Some(3.0), Some(3.0), &[]),
        // A frame early is not early.
        mailbox(Some(4.985), Some(4.985), &[]),
        mailbox(Some(7.6), Some(7.6), &[]),
        mailbox(None, None, &[]),
    ];
    let score = score(&records);
    assert_eq!(score.cut, Share { of: 5, n: 1 });
    assert_eq!(score.intact, Share { of: 6, n: 3 });
    let dead: Vec<_> = score
        .dead_air
        .iter()
        .map(|dead| (dead * 100.0).round())
        .collect();
    assert_eq!(dead, [20.0, 10.0, 0.0, 260.0]);
}

#[test]
fn a_message_with_a_hole_is_not_intact() {
    let mut record = mailbox(Some(5.2), Some(5.2), &[]);
    record.whole = false;
    assert_eq!(score(&[record]).intact, Share { of: 1, n: 0 });
}

#[test]
fn a_beep_is_found_if_a_report_overlaps_it_and_others_are_false() {
    let records = [
        mailbox(None, None, &[(4.62, 5.01)]),
        mailbox(None, None, &[(1.0, 1.3), (4.61, 4.7), (4.8, 4.99)]),
        mailbox(None, None, &[(2.0, 2.4)]),
    ];
    let score = score(&records);
    assert_eq!(score.beeps, Some(Share { of: 3, n: 2 }));
    let errors: Vec<_> = score
        .beep_end
        .iter()
        .map(|error| (error * 1e3).round())
        .collect();
    assert_eq!(errors, [10.0, 10.0]);
    // Two false ones in three times five seconds of greeting.
    assert!((score.false_a_minute().unwrap() - 8.0).abs() < 1e-9);
}

#[test]
fn a_beep_after_the_call_s_end_does_not_count() {
    let mut record = mailbox(None, None, &[]);
    record.ended_s = 4.8;
    let score = score(&[record]);
    assert_eq!(score.beeps, Some(Share { of: 0, n: 0 }));
    assert_eq!(score.beeps.and_then(Share::percent), None);
}

#[test]
fn people_are_counted_with_and_without_business_and_let_go_if_they_heard_nothing() {
    let records = [
        call(Label::Human, "h_hello", "human", false, 5.5),
        call(Label::Human, "h_name", "machine", true, 9.0),
        call(Label::Human, "h_business", "machine", true, 9.0),
        call(Label::Human, "h_business", "human", false, 6.5),
    ];
    let score = score(&records);
    assert_eq!(score.people, Share { of: 2, n: 1 });
    assert_eq!(score.business, Share { of: 4, n: 2 });
    assert_eq!(score.let_go, [1.5, 2.5]);
}

#[test]
fn fax_and_intercept_are_named_by_their_own_word_only() {
    let records = [
        call(Label::Other, "s_fax", "fax", false, 3.0),
        call(Label::Other, "s_sit", "fax", false, 3.0),
        call(Label::Other, "s_sit", "sit", true, 3.0),
        call(Label::Other, "s_ivr", "menu", true, 3.0),
    ];
    let score = score(&records);
    assert_eq!(score.named, Share { of: 3, n: 2 });
    assert_eq!(score.tones_played_to, Share { of: 3, n: 1 });
    assert_eq!(score.others_played_to, Share { of: 1, n: 1 });
}

#[test]
fn a_person_is_taken_for_a_machine_by_the_word_or_by_the_message() {
    let records = [
        call(Label::Human, "h_hello", "human", false, 5.5),
        call(Label::Human, "h_hello", "machine", false, 5.5),
        call(Label::Human, "h_hello", "human", true, 9.0),
    ];
    assert_eq!(score(&records).taken, Share { of: 3, n: 2 });
}

#[test]
fn a_person_who_was_hung_up_on_before_they_spoke_was_not_let_go() {
    let mut early = call(Label::Human, "h_company", "menu", false, 0.4);
    assert!(score(&[early.clone()]).let_go.is_empty());
    early.ended_s = 4.5;
    assert_eq!(score(&[early]).let_go, [0.5]);
}

#[test]
fn ringback_is_taken_for_a_beep_if_the_message_begins_by_it() {
    let ring = |by: &str, restarts, played| {
        let mut record = call(Label::Other, "s_ringback", "machine", played, 9.0);
        record.told.ready_by = Some(by.to_owned());
        record.told.restarts = restarts;
        record.beeps = Some(Vec::new());
        record
    };
    let mut heard = ring("silence", 0, false);
    heard.beeps = Some(vec![Span {
        start_s: 4.0,
        end_s: 5.0,
    }]);
    let records = [
        ring("beep", 0, true),
        ring("silence", 0, true),
        ring("silence", 1, true),
        heard,
    ];
    let score = score(&records);
    assert_eq!(score.ringback_taken, Some(Share { of: 4, n: 2 }));
    assert_eq!(score.ringback_reported, Some(Share { of: 4, n: 1 }));
    assert_eq!(score.ringback_played_to, Share { of: 4, n: 3 });
    assert_eq!(score.others_played_to, Share::default());
}

#[test]
fn calls_whose_prompt_was_heard_before_count_on_their_own() {
    let mut again = mailbox(Some(5.2), Some(5.2), &[]);
    again.item.heard_before = true;
    let mut menu = call(Label::Other, "s_ivr", "menu", true, 9.0);
    menu.item.heard_before = true;
    let first = mailbox(None, None, &[]);
    let score = score(&[again, menu, first]);
    assert_eq!(score.intact, Share { of: 1, n: 0 });
    assert_eq!(score.again, Share { of: 1, n: 1 });
    assert_eq!(score.others_again, Share { of: 1, n: 1 });
    assert_eq!(score.others_played_to, Share::default());
}

#[test]
fn machines_with_and_without_a_beep_are_counted_apart() {
    let mut without = mailbox(Some(5.2), Some(5.2), &[]);
    without.item.beep = None;
    let score = score(&[without, mailbox(None, None, &[])]);
    assert_eq!(score.with_beep, Share { of: 1, n: 0 });
    assert_eq!(score.without_beep, Share { of: 1, n: 1 });
    assert_eq!(score.intact, Share { of: 2, n: 1 });
}

#[test]
fn another_system_s_calls_do_not_count() {
    let score = Score::of(
        &[mailbox(Some(3.0), Some(3.0), &[])],
        &Column {
            system: System::Amd,
            settings: None,
        },
    );
    assert_eq!((score.calls, score.beeps), (0, None));
}

#[test]
fn quantiles_lie_between_two_values_in_proportion() {
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[3.0], 0.9), Some(3.0));
    assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), Some(2.5));
    assert_eq!(quantile(&[0.0, 10.0], 0.9), Some(9.0));
}
