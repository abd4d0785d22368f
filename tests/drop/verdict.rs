//! From the answer to the ready point.

use crate::ladder::ladder;

#[test]
fn a_person_is_let_go_at_once() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 answered drop                           -                             [drop_answered]
            3.1 entered drop                            screen drop
            5.6 screened drop human HUMAN-803-800       hang_up drop                  [verdict drop_hung_up]
            5.7 ready drop dialplan                     -
            5.8 gone drop 16                            -                             [drop_gone]
        => human by us; human (HUMAN-803-800); drop 16
        ",
    );
}

#[test]
fn a_person_noticed_after_a_machine_verdict_is_let_go_before_anything_is_played() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
            6.0 screened drop human                     hang_up drop                  [verdict drop_hung_up]
            7.0 ready drop silence                      -
            7.1 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_person_noticed_during_the_message_is_spared_the_rest() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            8.1 screened drop human                     stop_play 1, hang_up drop     [verdict drop_hung_up]
            8.2 play_done 1 @1000                       -
            8.2 gone drop 16                            -                             [drop_gone]
        => human by us; human; ready by silence; played 1.0; drop 16
        ",
    );
}

#[test]
fn unsure_hangs_up_by_default() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop unsure TOOLONG-5000       hang_up drop                  [verdict drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; unsure (TOOLONG-5000); drop 16
        ",
    );
}

#[test]
fn unsure_plays_if_the_plan_says_so() {
    ladder(
        r"
        plan single when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop unsure TOOLONG-5000       -                             [verdict]
            9.0 ready drop dialplan                     play drop 1                   [ready]
            9.1 play_started 1 @0                       -                             [play_started]
           16.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; unsure (TOOLONG-5000); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn silence_is_as_unsure_as_no_verdict() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop silence                   hang_up drop                  [verdict drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; silence; drop 16
        ",
    );
}

#[test]
fn a_fax_is_no_voicemail() {
    ladder(
        r"
        plan single when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop fax                       hang_up drop                  [verdict drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; fax; drop 16
        ",
    );
}

#[test]
fn a_menu_is_no_voicemail() {
    ladder(
        r"
        plan single when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop menu                      hang_up drop                  [verdict drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; menu; drop 16
        ",
    );
}

#[test]
fn the_network_s_own_announcement_has_failed() {
    ladder(
        r"
        plan single when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            8.0 screened drop sit                       hang_up drop                  [verdict drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => failed by us; sit; drop 16
        ",
    );
}

#[test]
fn a_verdict_of_the_wrong_leg_or_before_the_answer_counts_for_nothing() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 screened drop machine                   -
            2.6 ready drop dialplan                     -
            3.0 answered drop                           hang_up busy                  [drop_answered busy_hung_up]
            3.1 screened busy machine                   -
            3.2 ready busy dialplan                     -
            3.3 ready drop dialplan                     -
            3.4 entered drop                            screen drop
        => in flight until 6.0 (HangUpAgain)
        ",
    );
}

#[test]
fn a_ready_point_without_a_verdict_counts_for_nothing() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 answered drop                           -                             [drop_answered]
            3.1 ready drop dialplan                     -
            3.2 entered drop                            screen drop
            3.3 ready drop dialplan                     -
            4.0 not_ready drop                          -
            5.0 screened drop machine                   -                             [verdict]
        => in flight until 65.0 (Ready)
        ",
    );
}

#[test]
fn no_ready_point_is_unsure() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
           64.0 not_ready drop                          hang_up drop                  [drop_hung_up]
           64.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; machine (MAXWORDS-3-2); drop 16
        ",
    );
}

#[test]
fn a_ready_point_that_never_comes_is_unsure() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
           65.0 (Ready)                                 hang_up drop                  [drop_hung_up]
           66.0 ready drop dialplan                     -
           66.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; machine (MAXWORDS-3-2); drop 16
        ",
    );
}

#[test]
fn a_verdict_that_never_comes_is_unsure() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 answered drop                           -                             [drop_answered]
            3.1 entered drop                            screen drop
           93.0 (Screening)                             hang_up drop                  [drop_hung_up]
           94.0 gone drop 16                            -                             [drop_gone]
        => unsure by us; drop 16
        ",
    );
}

#[test]
fn the_screening_time_bounds_the_wait_for_the_ready_point() {
    ladder(
        r"
        plan single screening_timeout=30
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
           33.0 (Screening)                             hang_up drop                  [drop_hung_up]
           34.0 gone drop 16                            -                             [drop_gone]
        => unsure by us; machine (MAXWORDS-3-2); drop 16
        ",
    );
}

#[test]
fn a_leg_that_never_enters_the_app_is_unsure() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 answered drop                           -                             [drop_answered]
           93.0 (Screening)                             hang_up drop                  [drop_hung_up]
           94.0 gone drop 16                            -                             [drop_gone]
        => unsure by us; drop 16
        ",
    );
}
