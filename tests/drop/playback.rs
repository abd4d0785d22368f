//! From the ready point to the end of the message.

use crate::ladder::ladder;

#[test]
fn a_far_end_that_hangs_up_during_the_message_cut_it_off() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            9.1 far_end drop 16                         -
            9.1 play_failed 1 @2000                     hang_up drop                  [play_finished drop_hung_up]
            9.2 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_cut_off_is_known_whatever_order_its_events_come_in() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            9.1 play_done 1 @2000                       -                             [play_finished]
            9.2 far_end drop 16                         hang_up drop                  [drop_hung_up]
            9.3 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_cut_off_is_known_by_the_end_of_the_leg_alone() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1                          -                             [play_started]
            9.1 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_after_the_last_word_has_the_message() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
           14.3 far_end drop 16                         -
           14.3 play_done 1 @7200                       hang_up drop                  [play_finished drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => delivered by the far end; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_before_the_play_has_hung_up() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            6.0 far_end drop 16                         -
            6.0 ready drop silence                      -
            6.1 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; machine; drop 16
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_while_it_is_screened_has_hung_up() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            4.0 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_and_whose_end_is_not_reported_has_hung_up() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            4.0 far_end drop 16                         -
            5.0 (Reason)                                hang_up drop                  [drop_gone]
            6.0 absent drop                             -
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn the_pbx_s_own_limit_before_the_play_is_unsure() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            4.0 gone drop 0                             -                             [drop_gone]
        => unsure by the limit; drop 0
        ",
    );
}

#[test]
fn the_pbx_s_own_limit_during_the_play_cut_it_off() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1                          -                             [play_started]
            9.1 gone drop 0                             -                             [drop_gone]
        => cut_off by the limit; machine; ready by silence; played 2.0; drop 0
        ",
    );
}

#[test]
fn a_playback_that_ends_too_early_without_a_reason_is_an_error() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            9.1 play_done 1 @2000                       -                             [play_finished]
           10.1 (Reason)                                hang_up drop                  [drop_hung_up]
           10.5 gone drop 16                            -                             [drop_gone]
        => error by us; machine; ready by silence; played 2.0; drop 16; the playback ended after 2000 ms, before the message's end
        ",
    );
}

#[test]
fn a_file_that_cannot_be_played_is_an_error() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_failed 1 @0                        -                             [play_finished]
            8.1 (Reason)                                hang_up drop                  [drop_hung_up]
            8.5 gone drop 16                            -                             [drop_gone]
        => error by us; machine; ready by silence; drop 16; the PBX failed to play the message after 0 ms; can it read the file?
        ",
    );
}

#[test]
fn a_play_that_fails_because_the_far_end_hung_up_before_it_is_no_error() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_failed 1 @0                        -                             [play_finished]
            7.2 far_end drop 16                         hang_up drop                  [drop_hung_up]
            7.3 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; machine; ready by silence; drop 16
        ",
    );
}

#[test]
fn a_play_refused_because_the_far_end_hung_up_before_it_is_no_error() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 refused play drop 1 wrong_state         -
            7.2 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; machine; ready by silence; drop 16
        ",
    );
}

#[test]
fn a_play_refused_after_the_far_end_hung_up_is_no_error() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 far_end drop 16                         -
            7.1 refused play drop 1 wrong_state         hang_up drop                  [drop_hung_up]
            7.2 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; machine; ready by silence; drop 16
        ",
    );
}

#[test]
fn a_playback_whose_start_was_not_reported_counts_from_its_request() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
           14.3 play_done 1                             hang_up drop                  [play_started play_finished drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn the_end_of_another_play_counts_for_nothing() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 2 @0                       -
            7.2 play_started 1 @0                       -                             [play_started]
            9.0 play_done 2 @7240                       -
           10.0 play_failed 0 @7240                     -
           14.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           14.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn an_event_that_waited_on_its_way_does_not_make_a_short_play_whole() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
           16.0 far_end drop 16                         -
           16.0 play_done 1 @2000                       hang_up drop                  [play_finished drop_hung_up]
           16.1 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_pbx_clock_that_is_set_back_leaves_a_whole_play_whole() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @9000                    -                             [play_started]
          14.34 play_done 1 @2000                       hang_up drop                  [play_finished drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_pbx_clock_that_is_set_forward_does_not_make_a_short_play_whole() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
           10.1 play_done 1 @7240                       -                             [play_finished]
           11.1 (Reason)                                hang_up drop                  [drop_hung_up]
           11.5 gone drop 16                            -                             [drop_gone]
        => error by us; machine; ready by silence; played 3.0; drop 16; the playback ended after 3000 ms, before the message's end
        ",
    );
}

#[test]
fn the_silence_at_the_message_s_end_need_not_be_played() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
          14.14 play_done 1 @7040                       hang_up drop                  [play_finished drop_hung_up]
           14.2 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_frame_more_than_that_is_missed() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
          14.12 play_done 1 @7039                       -                             [play_finished]
           14.2 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by silence; played 7.039; drop 16
        ",
    );
}

#[test]
fn a_message_of_unknown_length_is_whole_when_the_pbx_says_so() {
    ladder(
        r"
        plan single message=unknown
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
           40.0 play_done 1 @32900                      hang_up drop                  [play_finished drop_hung_up]
           40.1 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 32.9; drop 16; probable
        ",
    );
}

#[test]
fn a_playback_that_never_starts_is_lost() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
           32.0 (PlayStart)                             hang_up drop                  [drop_hung_up]
           33.0 gone drop 16                            -                             [drop_gone]
        => lost; machine; ready by silence; drop 16; the PBX did not say that it plays
        ",
    );
}

#[test]
fn a_playback_whose_end_is_never_reported_is_lost() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1                          -                             [play_started]
          17.34 (Playback)                              hang_up drop                  [drop_hung_up]
           18.0 gone drop 16                            -                             [drop_gone]
        => lost; machine; ready by silence; played 7.24; drop 16; the PBX did not say that the playback ended
        ",
    );
}

#[test]
fn a_message_is_never_played_twice() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.0 ready drop silence                      -
            7.1 play_started 1 @0                       -                             [play_started]
            7.1 play_started 1 @0                       -
            8.0 screened drop machine                   -
            8.0 ready drop beep                         -
           14.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           14.4 play_done 1 @7240                       -
           14.4 ready drop beep                         -
           14.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}
