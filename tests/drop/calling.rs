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
fn ringing_releases_where_a_183_counts_for_nothing() {
    ladder(
        r"
        plan release_on_progress=never
            0.0 (start)                                 dial busy                     [busy_dialled]
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
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.6 absent busy                             -
            3.0 ringing busy                            hang_up busy                  [busy_alerting]
            3.1 accepted busy                           -
            3.2 gone busy 16                            -                             [busy_gone]
        => in flight until 47.0 (Answer)
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
