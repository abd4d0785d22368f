//! The way out: cancelling, hang-ups, and legs that do not do what was asked.

use crate::ladder::ladder;

#[test]
fn a_cancelled_drop_ends_when_both_legs_are_gone() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up busy, hang_up drop    [busy_hung_up drop_hung_up]
            2.7 cancel                                  -
            2.8 gone busy 16                            -                             [busy_gone]
            3.0 gone drop 16                            -                             [drop_gone]
        => cancelled by us; busy 16; drop 16
        ",
    );
}

#[test]
fn a_drop_cancelled_during_its_message_reports_how_much_was_played() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1                          -                             [play_started]
            9.1 cancel                                  hang_up drop                  [drop_hung_up]
            9.2 gone drop 16                            -                             [drop_gone]
        => cancelled by us; machine; ready by silence; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_drop_cancelled_before_the_lead_is_over_dials_nothing_more() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 cancel                                  hang_up busy                  [busy_hung_up]
            1.1 gone busy 16                            -                             [busy_gone]
            4.0 wait                                    -
        => cancelled by us; busy 16
        ",
    );
}

#[test]
fn a_leg_answered_while_it_is_cancelled_is_hung_up_again() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up busy, hang_up drop    [busy_hung_up drop_hung_up]
            2.7 gone busy 16                            -                             [busy_gone]
            2.7 answered drop                           hang_up drop                  [drop_answered]
            2.8 entered drop                            -
            2.9 screened drop machine                   -
            2.9 ready drop dialplan                     -
            3.0 gone drop 16                            -                             [drop_gone]
        => cancelled by us; busy 16; drop 16
        ",
    );
}

#[test]
fn a_hang_up_is_repeated_until_the_leg_is_gone() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            5.6 (HangUpAgain)                           hang_up drop
            8.0 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}

#[test]
fn a_refused_hang_up_is_repeated_soon() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            2.7 refused hang_up drop failed             -
            3.2 (HangUpAgain)                           hang_up drop
            3.3 refused hang_up drop no_reply           -
            3.8 (HangUpAgain)                           hang_up drop
            4.0 refused hang_up drop unreachable        -
            4.5 (HangUpAgain)                           hang_up drop
            4.6 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}

#[test]
fn a_refused_release_is_repeated_soon_even_if_the_drop_is_decided_meanwhile() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.6 refused hang_up busy failed             -
            2.7 cancel                                  hang_up drop                  [drop_hung_up]
            2.8 gone drop 16                            -                             [drop_gone]
            3.1 (HangUpAgain)                           hang_up busy
            3.5 gone busy 16                            -                             [busy_gone]
        => cancelled by us; busy 16; drop 16
        ",
    );
}

#[test]
fn an_end_is_waited_for_only_so_long() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            5.6 (HangUpAgain)                           hang_up drop
            8.6 (HangUpAgain)                           hang_up drop
           11.6 (HangUpAgain)                           hang_up drop
           14.6 (HangUpAgain)                           hang_up drop
           17.6 (HangUpAgain)                           hang_up drop
           20.0 ringing drop                            hang_up drop
           20.1 gone drop 16                            -
           20.2 refused hang_up drop failed             -
           30.0 cancel                                  -
        => cancelled by us; drop -
        ",
    );
}

#[test]
fn a_leg_that_the_pbx_denies_may_still_report_how_it_ended() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            2.7 absent drop                             -
            2.8 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}

#[test]
fn a_leg_that_the_pbx_denies_and_that_says_no_more_is_gone() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.5 accepted drop                           -
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            2.7 absent drop                             -
            3.7 (Reason)                                -                             [drop_gone]
            5.0 gone drop 16                            -
        => cancelled by us; drop -
        ",
    );
}

#[test]
fn a_leg_that_is_denied_before_its_originate_was_answered_may_still_come() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.6 cancel                                  hang_up drop                  [drop_hung_up]
            2.7 absent drop                             -
            4.0 accepted drop                           hang_up drop
            4.1 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}

#[test]
fn a_leg_that_lives_although_it_was_denied_is_hung_up() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.7 absent busy                             -
            3.7 (Reason)                                -                             [busy_gone]
            4.0 answered busy                           hang_up busy
            4.1 entered busy                            hang_up busy                  [busy_answered]
            4.2 gone busy 16                            -                             [busy_gone]
            5.0 answered drop                           -                             [drop_answered]
        => in flight until 95.0 (Screening)
        ",
    );
}

#[test]
fn a_leg_that_lives_although_its_originate_was_refused_is_hung_up() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            2.0 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 refused dial drop rejected              hang_up busy                  [busy_hung_up]
            2.6 ringing drop                            hang_up drop
            2.7 gone busy 16                            -                             [busy_gone]
            2.8 gone drop 16                            -                             [drop_gone]
        => error; busy 16; drop 16; so the PBX said
        ",
    );
}

#[test]
fn a_leg_whose_originate_got_no_reply_is_hung_up_and_the_drop_is_lost() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
           12.0 refused dial drop no_reply              hang_up drop, hang_up busy    [drop_hung_up busy_hung_up]
           12.1 gone busy 16                            -                             [busy_gone]
           12.2 ringing drop                            -                             [drop_alerting]
           12.3 gone drop 16                            -                             [drop_gone]
        => lost; busy 16; drop 16; so the PBX said
        ",
    );
}

#[test]
fn a_lost_reply_of_a_leg_that_showed_itself_is_nothing() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            5.1 (HangUpAgain)                           hang_up busy
            8.1 (HangUpAgain)                           hang_up busy
           10.0 refused dial busy no_reply              -
           11.1 (HangUpAgain)                           hang_up busy
           12.0 refused dial drop no_reply              -
           12.1 answered drop                           -                             [drop_answered]
        => in flight until 14.1 (HangUpAgain)
        ",
    );
}

#[test]
fn a_leg_that_leaves_on_its_own_is_not_hung_up_again() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.6 gone busy 16                            -                             [busy_gone]
           30.0 wait                                    -
        => in flight until 47.0 (Answer)
        ",
    );
}
