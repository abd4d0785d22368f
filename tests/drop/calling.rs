//! From the first originate to the answer.

use crate::ladder::ladder;

#[test]
fn a_message_is_left_in_the_mailbox_behind_a_busy_line() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            0.9 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted drop                           -
           3.12 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
           3.13 ringing drop                            -
           3.15 gone busy 16                            -                             [busy_gone]
            4.0 answered drop                           -                             [drop_answered]
           4.01 answered drop                           -
           4.02 entered drop                            screen drop
            6.8 screened drop machine MAXWORDS-3-2      -                             [verdict]
           12.5 screened drop machine MAXWORDS-3-2      -
           12.5 ready drop dialplan                     play drop 1                   [ready]
           12.6 play_started 1 @100000                  -                             [play_started]
          19.84 play_done 1 @107240                     hang_up drop                  [play_finished drop_hung_up]
           19.9 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (MAXWORDS-3-2); ready by dialplan; played 7.24; busy 16; drop 16; probable
        ",
    );
}

#[test]
fn a_single_call_leaves_the_message_without_a_busy_leg() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            0.1 accepted drop                           -
            0.9 ringing drop                            -                             [drop_alerting]
           15.0 answered drop                           -                             [drop_answered]
           15.1 entered drop                            screen drop
           17.0 screened drop machine MAXWORDS-3-2      -                             [verdict]
           22.0 ready drop beep                         play drop 1                   [ready]
           22.1 play_started 1 @0                       -                             [play_started]
          29.34 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           29.4 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (MAXWORDS-3-2); ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_183_releases_the_busy_leg_at_once_by_default() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 progress drop                           hang_up busy                  [drop_alerting busy_hung_up]
            2.6 ringing drop                            -
            2.7 answered drop                           -                             [drop_answered]
        => in flight until 5.5 (HangUpAgain)
        ",
    );
}

#[test]
fn a_183_may_be_given_time_to_become_ringing() {
    ladder(
        r"
        plan release_on_progress=1.5
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 progress drop                           -                             [drop_alerting]
            3.0 progress drop                           -
            3.9 ringing drop                            hang_up busy                  [busy_hung_up]
            5.0 wait                                    -
        => in flight until 6.9 (HangUpAgain)
        ",
    );
}

#[test]
fn a_183_that_never_becomes_ringing_releases_when_its_time_is_over() {
    ladder(
        r"
        plan release_on_progress=1.5
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 progress drop                           -                             [drop_alerting]
            3.5 progress drop                           -
            4.0 (Progress)                              hang_up busy                  [busy_hung_up]
            4.5 ringing drop                            -
            4.6 progress drop                           -
            7.0 (HangUpAgain)                           hang_up busy
            8.0 gone busy 16                            -                             [busy_gone]
            9.0 wait                                    -
        => in flight until 47.0 (Answer)
        ",
    );
}

#[test]
fn a_183_may_count_for_nothing_until_the_leg_is_up() {
    ladder(
        r"
        plan release_on_progress=never
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 progress drop                           -                             [drop_alerting]
            9.0 progress drop                           -
           11.0 answered drop                           hang_up busy                  [drop_answered busy_hung_up]
           11.1 gone busy 16                            -                             [busy_gone]
        => in flight until 101.0 (Screening)
        ",
    );
}

#[test]
fn ringing_releases_if_a_183_counts_for_nothing() {
    ladder(
        r"
        plan release_on_progress=never
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 progress drop                           -                             [drop_alerting]
            4.0 ringing drop                            hang_up busy                  [busy_hung_up]
        => in flight until 7.0 (HangUpAgain)
        ",
    );
}

#[test]
fn an_answer_without_ringing_releases_the_busy_leg() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 answered drop                           hang_up busy                  [drop_answered busy_hung_up]
            2.5 entered drop                            screen drop
        => in flight until 5.5 (HangUpAgain)
        ",
    );
}

#[test]
fn an_answer_that_was_not_heard_is_made_up_for_when_the_leg_enters_the_app() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 entered drop                            hang_up busy, screen drop     [drop_answered busy_hung_up]
            2.6 answered drop                           -
            2.7 entered drop                            -
        => in flight until 5.5 (HangUpAgain)
        ",
    );
}

#[test]
fn a_hang_up_that_came_before_its_channel_is_repeated_when_the_channel_is_there() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.5 cancel                                  hang_up busy                  [busy_hung_up]
            1.6 absent busy                             -
            3.0 ringing busy                            hang_up busy                  [busy_alerting]
            3.1 accepted busy                           -
            3.2 gone busy 16                            -                             [busy_gone]
        => cancelled by us; busy 16
        ",
    );
}

#[test]
fn a_busy_leg_answered_in_the_lead_is_promoted_and_no_second_call_is_made() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            1.5 ringing busy                            -                             [busy_alerting]
            1.8 answered busy                           -                             [busy_answered promoted]
            1.9 entered busy                            screen busy
            2.0 entered busy                            -
            4.0 screened busy machine MAXWORDS-3-2      -                             [verdict]
            9.0 ready busy dialplan                     play busy 1                   [ready]
            9.1 play_started 1 @0                       -                             [play_started]
          16.34 play_done 1 @7240                       hang_up busy                  [play_finished busy_hung_up]
           16.4 gone busy 16                            -                             [busy_gone]
        => delivered by us; promoted; machine (MAXWORDS-3-2); ready by dialplan; played 7.24; busy 16; probable
        ",
    );
}

#[test]
fn a_busy_leg_answered_while_the_drop_leg_is_dialled_is_promoted_and_the_drop_leg_cancelled() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 entered busy                            hang_up drop, screen busy     [busy_answered promoted drop_hung_up]
            2.7 ringing drop                            -                             [drop_alerting]
            2.8 gone drop 16                            -                             [drop_gone]
            4.0 screened busy human HUMAN-803-800       hang_up busy                  [verdict busy_hung_up]
            4.1 gone busy 16                            -                             [busy_gone]
        => human by us; promoted; human (HUMAN-803-800); busy 16; drop 16
        ",
    );
}

#[test]
fn a_busy_leg_answered_after_its_release_is_never_promoted() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            3.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
           3.01 answered busy                           hang_up busy                  [busy_answered]
           3.02 answered busy                           -
           3.03 entered busy                            -
            3.1 gone busy 16                            -                             [busy_gone]
            4.0 answered drop                           -                             [drop_answered]
            4.1 entered drop                            screen drop
        => in flight until 94.0 (Screening)
        ",
    );
}

#[test]
fn a_drop_leg_answered_after_the_busy_leg_was_promoted_is_hung_up() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 answered busy                           hang_up drop                  [busy_answered promoted drop_hung_up]
            2.6 answered drop                           hang_up drop                  [drop_answered]
            2.7 entered drop                            -
            2.8 gone drop 16                            -                             [drop_gone]
            3.0 entered busy                            screen busy
        => in flight until 92.5 (Screening)
        ",
    );
}

#[test]
fn a_busy_leg_answered_after_the_drop_leg_is_hung_up() {
    ladder(
        r"
        plan release_on_progress=never
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 answered drop                           hang_up busy                  [drop_answered busy_hung_up]
            2.5 answered busy                           hang_up busy                  [busy_answered]
            2.6 entered busy                            -
            2.7 entered drop                            screen drop
        => in flight until 5.5 (HangUpAgain)
        ",
    );
}

#[test]
fn continue_hangs_up_an_answered_busy_leg_and_dials_the_drop_leg() {
    ladder(
        r"
        plan when_busy_leg_answered=continue
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 answered busy                           hang_up busy                  [busy_answered busy_hung_up]
            1.1 entered busy                            -
            1.2 gone busy 16                            -                             [busy_gone]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            3.0 ringing drop                            -                             [drop_alerting]
            4.0 answered drop                           -                             [drop_answered]
        => in flight until 94.0 (Screening)
        ",
    );
}

#[test]
fn continue_hangs_up_a_busy_leg_answered_after_the_lead() {
    ladder(
        r"
        plan when_busy_leg_answered=continue
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 answered busy                           hang_up busy                  [busy_answered busy_hung_up]
            2.6 gone busy 16                            -                             [busy_gone]
            3.0 ringing drop                            -                             [drop_alerting]
            4.0 answered drop                           -                             [drop_answered]
            4.1 entered drop                            screen drop
        => in flight until 94.0 (Screening)
        ",
    );
}

#[test]
fn give_up_hangs_up_both_legs() {
    ladder(
        r"
        plan when_busy_leg_answered=give_up
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.2 accepted drop                           -
            2.5 answered busy                           hang_up busy, hang_up drop    [busy_answered busy_hung_up drop_hung_up]
            2.6 gone busy 16                            -                             [busy_gone]
            2.7 gone drop 16                            -                             [drop_gone]
        => unsure by us; busy 16; drop 16
        ",
    );
}

#[test]
fn give_up_in_the_lead_dials_nothing_more() {
    ladder(
        r"
        plan when_busy_leg_answered=give_up
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 answered busy                           hang_up busy                  [busy_answered busy_hung_up]
            1.1 gone busy 16                            -                             [busy_gone]
            3.0 wait                                    -
        => unsure by us; busy 16
        ",
    );
}

#[test]
fn a_busy_leg_that_fails_in_the_lead_ends_the_drop_with_its_cause() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.4 far_end busy 17/486                     -
            0.4 gone busy 17/486                        -                             [busy_gone]
            3.0 wait                                    -
        => busy by the far end; busy 17/486
        ",
    );
}

#[test]
fn a_busy_leg_that_fails_after_the_lead_changes_nothing() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 gone busy 34/503                        -                             [busy_gone]
            3.0 ringing drop                            -                             [drop_alerting]
            4.0 answered drop                           -                             [drop_answered]
        => in flight until 94.0 (Screening)
        ",
    );
}

#[test]
fn a_drop_leg_that_fails_ends_the_drop_and_the_busy_leg() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 far_end drop 21/603                     -
            2.5 gone drop 21/603                        hang_up busy                  [drop_gone busy_hung_up]
            2.6 gone busy 16                            -                             [busy_gone]
            2.6 gone busy 16                            -
        => rejected by the far end; busy 16; drop 21/603
        ",
    );
}

#[test]
fn a_leg_that_rings_for_ever_is_not_answered() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            3.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            3.1 gone busy 16                            -                             [busy_gone]
           47.0 (Answer)                                hang_up drop                  [drop_hung_up]
           47.1 gone drop 16                            -                             [drop_gone]
        => no_answer by us; busy 16; drop 16
        ",
    );
}

#[test]
fn a_ring_time_that_the_pbx_ended_itself_is_not_answered() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            3.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            3.1 gone busy 16                            -                             [busy_gone]
           46.5 gone drop 0                             -                             [drop_gone]
        => no_answer by the limit; busy 16; drop 0
        ",
    );
}

#[test]
fn an_end_without_a_cause_long_before_the_ring_time_is_over_has_failed() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            1.0 gone drop -                             -                             [drop_gone]
        => failed by the far end; drop -
        ",
    );
}

#[test]
fn events_of_a_leg_that_was_never_dialled_are_nothing() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            1.0 ringing busy                            -
            1.1 answered busy                           -
            1.2 entered busy                            -
            1.3 gone busy 16                            -
            1.4 absent busy                             -
            1.5 far_end busy 17                         -
        => in flight until 45.0 (Answer)
        ",
    );
}

#[test]
fn the_drop_leg_waits_for_the_pbx_s_answer_for_the_busy_leg() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 (Lead)                                  -
            6.5 accepted busy                           dial drop                     [drop_dialled]
            7.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
        => in flight until 10.0 (HangUpAgain)
        ",
    );
}

#[test]
fn a_busy_leg_that_rings_is_answer_enough() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 (Lead)                                  -
            2.5 ringing busy                            dial drop                     [busy_alerting drop_dialled]
            2.6 ringing busy                            -
        => in flight until 47.5 (Answer)
        ",
    );
}

#[test]
fn a_busy_leg_that_is_refused_late_ends_the_drop_before_the_second_call() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 (Lead)                                  -
           10.0 refused dial busy no_reply              hang_up busy                  [busy_hung_up]
           10.1 absent busy                             -
           11.1 (Reason)                                -                             [busy_gone]
           12.0 wait                                    -
        => lost; busy -; so the PBX said
        ",
    );
}

#[test]
fn a_busy_leg_that_the_pbx_never_answers_for_is_waited_for_only_so_long() {
    ladder(
        r"
        plan answer_timeout=20
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 (Lead)                                  -
           22.0 (Answer)                                hang_up busy                  [busy_hung_up]
           23.0 gone busy 16                            -                             [busy_gone]
        => lost; busy 16; the PBX did not answer the request for the busy leg
        ",
    );
}

#[test]
fn a_busy_leg_that_ended_before_it_was_answered_for_is_no_reason_for_a_second_call() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 (Lead)                                  -
            2.5 far_end busy 17/486                     -
            2.6 gone busy 17/486                        -                             [busy_gone]
            5.0 wait                                    -
        => busy by the far end; busy 17/486
        ",
    );
}

#[test]
fn neither_link_nor_answer_alone_dials_the_drop_leg() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 link_lost                               -
            2.0 (Lead)                                  -
            3.0 link_restored                           -
            4.0 accepted busy                           dial drop                     [drop_dialled]
        => in flight until 49.0 (Answer)
        ",
    );
}

#[test]
fn a_drop_leg_that_shows_nothing_lets_the_busy_leg_go() {
    ladder(
        r"
        plan release_when_unheard=8
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            0.9 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted drop                           -
           10.0 (Unheard)                               hang_up busy                  [busy_hung_up]
           10.1 gone busy 16                            -                             [busy_gone]
           11.0 ringing drop                            -                             [drop_alerting]
           30.0 answered drop                           -                             [drop_answered]
        => in flight until 120.0 (Screening)
        ",
    );
}

#[test]
fn a_drop_leg_that_shows_anything_keeps_the_busy_leg_by_its_own_rule() {
    ladder(
        r"
        plan release_when_unheard=8 release_on_progress=never
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            4.0 progress drop                           -                             [drop_alerting]
           20.0 wait                                    -
        => in flight until 47.0 (Answer)
        ",
    );
}

#[test]
fn a_drop_leg_that_shows_nothing_to_the_end_was_never_reached() {
    ladder(
        r"
        plan release_when_unheard=8
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
           10.0 (Unheard)                               hang_up busy                  [busy_hung_up]
           10.1 gone busy 16                            -                             [busy_gone]
           47.0 (Answer)                                hang_up drop                  [drop_hung_up]
           47.1 gone drop 16                            -                             [drop_gone]
        => congestion by us; busy 16; drop 16; nothing alerted: the network gave no sign that it reached the number
        ",
    );
}

#[test]
fn a_busy_leg_of_which_nothing_is_left_is_not_let_go() {
    ladder(
        r"
        plan release_when_unheard=8
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            5.0 gone busy 34/503                        -                             [busy_gone]
           10.0 (Unheard)                               -
           11.0 wait                                    -
        => in flight until 47.0 (Answer)
        ",
    );
}

#[test]
fn a_number_made_busy_by_our_own_call_says_so() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.9 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.3 far_end drop 17/486                     -
            2.4 gone drop 17/486                        hang_up busy                  [drop_gone busy_hung_up]
            2.5 gone busy 16                            -                             [busy_gone]
        => busy by the far end; busy 16; drop 17/486; the busy leg itself makes the number busy: no mailbox answers behind a busy line
        ",
    );
}

#[test]
fn a_number_that_was_busy_before_us_is_busy_and_no_more() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.4 gone drop 17/486                        hang_up busy                  [drop_gone busy_hung_up]
            2.5 gone busy 17/486                        -                             [busy_gone]
        => busy by the far end; busy 17/486; drop 17/486
        ",
    );
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.9 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.4 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.5 gone busy 16                            -                             [busy_gone]
            4.0 gone drop 17/486                        -                             [drop_gone]
        => busy by the far end; busy 16; drop 17/486
        ",
    );
}

#[test]
fn a_call_that_the_network_redirects_is_over() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            0.2 redirected busy                         hang_up busy                  [busy_hung_up]
            0.3 gone busy 16                            -                             [busy_gone]
            5.0 wait                                    -
        => failed by the far end; busy 16; the network redirected the call
        ",
    );
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.9 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted drop                           -
            2.2 redirected drop                         hang_up busy, hang_up drop    [busy_hung_up drop_hung_up]
            2.3 gone drop 16                            -                             [drop_gone]
            2.4 gone busy 16                            -                             [busy_gone]
        => failed by the far end; busy 16; drop 16; the network redirected the call
        ",
    );
}

#[test]
fn a_redirection_that_the_pbx_does_not_follow_says_so_by_its_status() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            0.1 accepted drop                           -
            0.3 gone drop 16/302                        -                             [drop_gone]
        => failed by the far end; drop 16/302; the network redirected the call
        ",
    );
}

#[test]
fn a_busy_leg_that_is_redirected_beside_the_drop_leg_changes_nothing() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 redirected busy                         -
            2.6 gone busy 16                            -                             [busy_gone]
            3.0 ringing drop                            -                             [drop_alerting]
        => in flight until 47.0 (Answer)
        ",
    );
}

#[test]
fn what_alerted_before_it_failed_reached_the_callee() {
    for (cause, before, after) in [
        ("18/408", "congestion", "no_answer"),
        ("19/480", "congestion", "no_answer"),
        ("102/504", "congestion", "no_answer"),
        ("18", "congestion", "no_answer"),
        ("21", "failed", "rejected"),
        ("21/403", "failed", "failed"),
        ("21/603", "rejected", "rejected"),
    ] {
        for (alerts, outcome) in [("", before), ("\n 1.0 ringing drop", after)] {
            let text =
                format!("plan single\n 0.1 accepted drop{alerts}\n 32.0 gone drop {cause}\n");
            let ladder = crate::ladder::play(&text);
            let end = ladder.lines().last().unwrap();
            assert!(
                end.starts_with(&format!("=> {outcome} by the far end")),
                "{ladder}"
            );
        }
    }
}
