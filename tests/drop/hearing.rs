//! What differs if we listen ourselves: beeps may come late, and voices and tones are heard over the message.

use crate::ladder::ladder;

#[test]
fn a_mailbox_is_played_to_at_the_end_of_its_beep() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.5 screened drop machine beep              -                             [verdict]
            9.5 ready drop beep                         speak drop 1                  [ready]
            9.6 speaking 1                              -                             [play_started]
           16.9 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           17.0 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (beep); ready by beep; played 7.24; drop 16; proven
        ",
    );
}

#[test]
fn a_late_beep_starts_the_message_again() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 late_beep drop                          hush 1
           11.2 spoken 1 stopped 2.0                    -
           11.3 ready drop beep                         speak drop 2                  [ready]
           11.4 speaking 2                              -                             [play_restarted]
           18.7 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           18.8 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; restarts 1; drop 16; proven
        ",
    );
}

#[test]
fn the_end_of_a_play_that_was_given_up_counts_for_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 late_beep drop                          hush 1
           11.3 ready drop beep                         speak drop 2                  [ready]
           11.4 spoken 1 stopped 7.3                    -
           11.4 speaking 2                              -                             [play_restarted]
           11.5 spoken 1 stopped 7.5                    -
           18.7 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           18.8 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; restarts 1; drop 16; proven
        ",
    );
}

#[test]
fn a_message_starts_again_no_more_often_than_it_may() {
    ladder(
        r"
        plan single listen max_restarts=1
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 late_beep drop                          hush 1
           11.3 ready drop beep                         speak drop 2                  [ready]
           11.4 speaking 2                              -                             [play_restarted]
           13.4 late_beep drop                          hush 2, hang_up drop          [drop_hung_up]
           13.5 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 2.0; restarts 1; drop 16; the mailbox beeped and takes no more
        ",
    );
}

#[test]
fn a_beep_that_is_not_followed_by_a_ready_point_ends_as_cut_off() {
    ladder(
        r"
        plan single listen ready_timeout=5
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 late_beep drop                          hush 1
           16.1 (Ready)                                 hang_up drop                  [drop_hung_up]
           17.0 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn the_mailbox_s_limit_cuts_the_message_off() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           13.1 limit_beep drop                         hush 1, hang_up drop          [drop_hung_up]
           13.2 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 4.0; drop 16; the mailbox beeped and takes no more
        ",
    );
}

#[test]
fn a_limit_after_the_last_word_takes_nothing_away() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.2 limit_beep drop                         -
           16.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_voice_that_answers_the_message_stops_it() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.6 screened drop human a_voice             hush 1, hang_up drop          [verdict drop_hung_up]
           10.7 gone drop 16                            -                             [drop_gone]
        => human by us; human (a_voice); ready by silence; played 1.5; drop 16
        ",
    );
}

#[test]
fn a_voice_over_a_message_that_no_beep_started_is_waited_out() {
    let told = |what: &str, end: &str| {
        ladder(&format!(
            r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.6 interrupted drop                        hush 1
           10.7 spoken 1 stopped 1.5                    -
           10.8 interrupted drop                        -
           {what}
        {end}
        "
        ));
    };
    told(
        "13.2 screened drop human a_voice             hang_up drop                  [verdict drop_hung_up]
           13.3 gone drop 16                            -                             [drop_gone]",
        "=> human by us; human (a_voice); ready by silence; played 1.5; drop 16",
    );
    told(
        "13.2 screened drop menu it_says_so_again     hang_up drop                  [verdict drop_hung_up]
           13.3 gone drop 16                            -                             [drop_gone]",
        "=> not_voicemail by us; menu (it_says_so_again); ready by silence; played 1.5; drop 16",
    );
    told(
        "13.2 screened drop unsure busy_tone          hang_up drop                  [verdict drop_hung_up]
           13.3 gone drop 16                            -                             [drop_gone]",
        "=> cut_off by us; machine (busy_tone); ready by silence; played 1.5; drop 16; the line gave a busy tone: the mailbox takes no message",
    );
    told(
        "13.2 deaf drop                               hang_up drop                  [tap_lost drop_hung_up]
           13.3 gone drop 16                            -                             [drop_gone]",
        "=> cut_off by us; machine; ready by silence; played 1.5; drop 16; a voice came over the message, and then the audio connection was lost",
    );
    told(
        "13.2 ready drop beep                         speak drop 2                  [ready]
           13.3 speaking 2                              -                             [play_restarted]
           20.6 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           20.7 gone drop 16                            -                             [drop_gone]",
        "=> delivered by us; machine; ready by beep; played 7.24; restarts 1; drop 16; proven",
    );
}

#[test]
fn a_voice_over_a_message_that_may_not_start_again_is_a_person_s() {
    ladder(
        r"
        plan single listen max_restarts=0
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.6 interrupted drop                        hush 1, hang_up drop          [verdict drop_hung_up]
           10.7 gone drop 16                            -                             [drop_gone]
        => human by us; human (a voice answered the message); ready by silence; played 1.5; drop 16
        ",
    );
}

#[test]
fn what_the_ears_find_out_after_the_verdict_counts_before_the_message() {
    for (event, end) in [
        ("screened drop menu", "not_voicemail by us; menu; drop 16"),
        ("screened drop fax", "not_voicemail by us; fax; drop 16"),
        ("screened drop human", "human by us; human; drop 16"),
        ("sit drop congestion", "congestion by us; sit; drop 16"),
        (
            "screened drop unsure busy",
            "not_voicemail by us; machine (busy); drop 16; the line gave a busy tone: the mailbox takes no message",
        ),
    ] {
        ladder(&format!(
            r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
           10.0 {event:<38}  hang_up drop                  [verdict drop_hung_up]
           10.1 gone drop 16                            -                             [drop_gone]
        => {end}
        "
        ));
    }
}

#[test]
fn what_the_ears_find_out_while_the_message_plays_stops_it() {
    for (event, end) in [
        (
            "screened drop menu",
            "not_voicemail by us; menu; ready by silence; played 1.5; drop 16",
        ),
        (
            "screened drop fax",
            "not_voicemail by us; fax; ready by silence; played 1.5; drop 16",
        ),
        (
            "sit drop invalid",
            "invalid_number by us; sit; ready by silence; played 1.5; drop 16",
        ),
    ] {
        ladder(&format!(
            r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop silence                      speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.6 {event:<38}  hush 1, hang_up drop          [verdict drop_hung_up]
           10.7 gone drop 16                            -                             [drop_gone]
        => {end}
        "
        ));
    }
}

#[test]
fn a_busy_tone_while_the_message_plays_cuts_it_off() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           13.1 screened drop unsure                    hush 1, hang_up drop          [drop_hung_up]
           13.2 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 4.0; drop 16; the line gave a busy tone: the mailbox takes no message
        ",
    );
}

#[test]
fn an_announcement_says_what_became_of_the_number() {
    for (sit, outcome) in [
        ("invalid", "invalid_number"),
        ("congestion", "congestion"),
        ("other", "failed"),
    ] {
        let told = format!("sit drop {sit}");
        ladder(&format!(
            r"
        plan single listen when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            5.0 {told:<38}  hang_up drop                  [verdict drop_hung_up]
            5.1 gone drop 16                            -                             [drop_gone]
        => {outcome} by us; sit; drop 16
        "
        ));
    }
}

#[test]
fn a_tone_that_was_a_ring_stops_the_message_and_proves_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.5 screened drop machine beep              -                             [verdict]
            9.5 ready drop beep                         speak drop 1                  [ready]
            9.6 speaking 1                              -                             [play_started]
           13.6 beep_was_ring drop                      hush 1
           13.7 spoken 1 stopped 4.0                    -
           73.6 (Ready)                                 hang_up drop                  [drop_hung_up]
           73.7 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine (beep); played 4.0; drop 16
        ",
    );
}

#[test]
fn silence_after_a_ring_ends_the_wait_for_a_ready_point() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.5 screened drop machine                   -                             [verdict]
           24.0 screened drop silence ringback          hang_up drop                  [verdict drop_hung_up]
           24.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; silence (ringback); drop 16
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.5 screened drop machine beep              -                             [verdict]
            9.5 ready drop beep                         speak drop 1                  [ready]
            9.6 speaking 1                              -                             [play_started]
           13.6 beep_was_ring drop                      hush 1
           13.7 spoken 1 stopped 4.0                    -
           22.0 screened drop silence ringback          hang_up drop                  [verdict drop_hung_up]
           22.1 gone drop 16                            -                             [drop_gone]
        => cut_off by us; silence (ringback); played 4.0; drop 16
        ",
    );
}

#[test]
fn without_a_beep_and_a_reason_nothing_is_played() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.5 screened drop machine                   -                             [verdict]
           20.0 no_reason drop                          hang_up drop                  [verdict drop_hung_up]
           20.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; unsure (no beep); drop 16
        ",
    );
}
