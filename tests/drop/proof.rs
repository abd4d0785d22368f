//! How sure it is that the message was left: each way to be less sure than proven, and the beep and the times that are reported
//! with it.

use aftertone::drop::{Proof, Report};

use crate::{ladder::Run, script};

#[test]
fn a_message_after_a_beep_that_we_heard_to_its_end_is_proven() {
    let report = report(&[BEEPED, SPOKEN, GONE]);
    assert_eq!(
        told(&report),
        "proven: beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; line up at the end"
    );
    let beep = report.beep.unwrap();
    assert_eq!(beep.hz, 1_004);
    assert_eq!(beep.start, script::seconds("8.88"));
    assert_eq!(beep.end, script::seconds("9.3"));
    assert_eq!(report.ready_at, Some(script::seconds("9.5")));
    assert!(report.heard.is_zero());
}

#[test]
fn the_beep_of_the_last_start_counts() {
    let again = "
        11.1 late_beep drop
        11.2 spoken 1 stopped 1.5
        11.3 ready drop beep 440 0.9 0.1
        11.4 speaking 2
        18.7 spoken 2 whole 7.24
        18.8 gone drop 16";
    for first in [BEEPED, SILENCE] {
        let report = report(&[first, again]);
        assert_eq!(
            told(&report),
            "proven: beep 440 Hz, 0.80 s, ended 11.20 s; played whole after it; no voice was heard over it; line up at the end"
        );
        assert_eq!(report.ready_at, Some(script::seconds("11.3")));
        assert_eq!(report.restarts, 1);
    }
}

#[test]
fn whatever_is_missing_makes_it_probable_and_is_said() {
    let rows: [(&str, &[&str], &str); 12] = [
        (
            LISTEN,
            &[SILENCE, SPOKEN, GONE],
            "no beep was heard: the greeting ended in silence; played whole; no voice was heard over it; line up at the end",
        ),
        (
            "plan single",
            &[DIALPLAN, PLAYED, GONE],
            "no beep was heard: the PBX's dialplan waited for silence; played whole; not listened to while it played; line up at the end",
        ),
        (
            LISTEN,
            &["9.2 deaf drop", "9.3 returned drop", DIALPLAN, PLAYED, GONE],
            "no beep was heard: the PBX's dialplan waited for silence; played whole; the live audio was lost before its end; line up at the end",
        ),
        (
            LISTEN,
            &[BEEPED, "16.7 limit_beep drop", SPOKEN, GONE],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; a beep came over it; line up at the end",
        ),
        (
            LISTEN,
            &[BEEPED, "16.85 far_end drop 16", SPOKEN, GONE],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; the far end hung up as it ended",
        ),
        (
            "plan single listen sound message=unknown",
            &[
                "9.4 screened drop machine",
                "9.5 ready drop beep",
                "9.6 returned drop",
                "9.6 play_started 1 @0",
                PLAYED,
                GONE,
            ],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; only the PBX knows how long the message is, and says that it played; not listened to while it played; line up at the end",
        ),
        (
            "plan single listen when_unsure=play",
            &["9.2 screened drop silence", "9.6 speaking 1", SPOKEN, GONE],
            "no beep was heard: the greeting ended in silence; played whole; no voice was heard over it; line up at the end",
        ),
        (
            LISTEN,
            &[BEEPED, "16.9 spoken 1 whole 7.24 3.1", GONE],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no sound came from the far end for 3.1 s while it played; line up at the end",
        ),
        (
            LISTEN,
            &[BEEPED, "13.6 stumbled 1 0.08", SPOKEN, GONE],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; line up at the end; 80 ms of silence came into it: this machine stalled",
        ),
        (
            LISTEN,
            &[
                BEEPED,
                "11.6 link_lost",
                "11.8 link_restored drop answered",
                SPOKEN,
                GONE,
            ],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; line up at the end; the event link was down while it played",
        ),
        (
            LISTEN,
            &[
                "9.0 held drop",
                "9.4 screened drop machine",
                "9.5 ready drop beep",
                "9.55 resumed drop",
                "9.6 speaking 1",
                SPOKEN,
                GONE,
            ],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; line up at the end; the far end held the call",
        ),
        (
            LISTEN,
            &[
                BEEPED,
                "9.7 held drop",
                "9.8 resumed drop",
                "9.8 speaking 2",
                "16.9 spoken 2 whole 7.24",
                GONE,
            ],
            "beep 1004 Hz, 0.42 s, ended 9.30 s; played whole after it; no voice was heard over it; line up at the end; the far end held the call",
        ),
    ];
    for (plan, steps, words) in rows {
        let report = report_of(plan, steps);
        assert_eq!(told(&report), format!("probable: {words}"));
    }
}

#[test]
fn what_was_not_delivered_is_unproven_and_says_what_was_heard() {
    let rows: [(&[&str], &str, f64); 6] = [
        (
            &["9.2 screened drop human", "9.3 gone drop 16"],
            "a person answered; nothing was played",
            0.0,
        ),
        (
            &[
                SILENCE,
                "11.6 screened drop human voice",
                "11.7 gone drop 16",
            ],
            "a person answered; 2.00 s were played",
            2.0,
        ),
        // Who heard most of the first play heard more than the second had.
        (
            &[
                SILENCE,
                "14.6 late_beep drop",
                "14.8 ready drop beep",
                "14.9 speaking 2",
                "15.9 screened drop human voice",
                "16.0 gone drop 16",
            ],
            "a person answered; 1.00 s were played",
            5.0,
        ),
        (
            &[BEEPED, "12.6 gone drop 16"],
            "the message did not get to its end; 3.00 s were played",
            0.0,
        ),
        (
            &["9.2 screened drop fax", "9.3 gone drop 16"],
            "a machine answered that does not take messages; nothing was played",
            0.0,
        ),
        (
            &[BEEPED, "12.6 cancel", "12.7 gone drop 16"],
            "the drop was cancelled; 3.00 s were played",
            0.0,
        ),
    ];
    for (steps, words, heard) in rows {
        let report = report(steps);
        assert_eq!(told(&report), format!("unproven: {words}"));
        assert_eq!(report.heard.as_secs_f64(), heard, "{words}");
    }
}

#[test]
fn a_ready_point_that_had_to_wait_for_the_link_keeps_its_time() {
    let report = report(&[
        "9.0 screened drop machine",
        "9.1 link_lost",
        "9.5 ready drop beep",
        "10.5 link_restored drop exists",
        "10.6 speaking 1",
        "17.9 spoken 1 whole 7.24",
        "18.0 gone drop 16",
    ]);
    assert_eq!(report.proof, Proof::Proven);
    assert_eq!(report.ready_at, Some(script::seconds("9.5")));
    assert_eq!(report.beep.unwrap().end, script::seconds("9.3"));
}

const LISTEN: &str = "plan single listen";

const BEEPED: &str = "
     9.4 screened drop machine
     9.5 ready drop beep
     9.6 speaking 1";

const SILENCE: &str = "
     9.4 screened drop machine
     9.5 ready drop silence
     9.6 speaking 1";

const DIALPLAN: &str = "
     9.4 screened drop machine
     9.5 ready drop dialplan
     9.6 play_started 1 @0";

const SPOKEN: &str = "16.9 spoken 1 whole 7.24";

const PLAYED: &str = "16.9 play_done 1 @7240";

const GONE: &str = "17.0 gone drop 16";

fn told(report: &Report) -> String {
    format!("{}: {}", report.proof, report.proof_reasons.join("; "))
}

fn report(steps: &[&str]) -> Report {
    report_of(LISTEN, steps)
}

/// How a drop ends whose drop leg is answered after three seconds, and to which then happens what the lines say.
#[track_caller]
fn report_of(plan: &str, steps: &[&str]) -> Report {
    let mut run = Run::new(plan);
    let lines = steps.iter().flat_map(|steps| steps.lines());
    for line in std::iter::once("3.0 entered drop").chain(lines) {
        if let Some((at, input)) = line.trim().split_once(' ') {
            run.step(script::seconds(at), input);
        }
    }
    run.report().expect("the drop has ended")
}
