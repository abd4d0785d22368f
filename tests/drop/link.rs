//! Losing the event link in every phase.

use crate::ladder::ladder;

#[test]
fn nothing_is_dialled_while_the_link_is_lost() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 accepted busy                           -
            1.5 link_lost                               -
            2.0 (Lead)                                  -
            5.0 link_lost                               -
            5.1 link_restored busy ringing              dial drop                     [busy_alerting drop_dialled]
            6.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
        => in flight until 9.0 (HangUpAgain)
        ",
    );
}

#[test]
fn the_lead_goes_on_if_the_link_was_lost_for_less() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.5 accepted busy                           -
            1.0 link_lost                               -
            1.5 link_restored busy ringing              -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            3.0 wait                                    -
        => in flight until 47.0 (Answer)
        ",
    );
}

#[test]
fn a_link_that_stays_away_after_the_lead_loses_the_drop() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 accepted busy                           -
            1.5 link_lost                               -
            2.0 (Lead)                                  -
            7.0 (Answer)                                hang_up busy                  [busy_hung_up]
            7.1 absent busy                             -                             [busy_gone]
        => lost; busy -; the event link was down when the deadline passed
        ",
    );
}

#[test]
fn a_busy_leg_that_ended_unheard_in_the_lead_loses_the_drop() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 accepted busy                           -
            1.5 link_lost                               -
            1.9 link_restored                           hang_up busy                  [busy_gone]
            5.0 wait                                    -
        => lost; busy -; the leg ended unheard
        ",
    );
}

#[test]
fn a_busy_leg_that_ended_unheard_after_the_lead_changes_nothing() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted drop                           -
            2.5 link_lost                               -
            4.0 link_restored drop ringing              hang_up busy                  [drop_alerting busy_hung_up busy_gone]
            5.0 answered drop                           -                             [drop_answered]
        => in flight until 95.0 (Screening)
        ",
    );
}

#[test]
fn a_busy_leg_answered_unheard_is_promoted() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted drop                           -
            2.5 link_lost                               -
            4.0 link_restored busy answered; busy entered; drop ringing  hang_up drop, screen busy     [busy_answered promoted drop_hung_up drop_alerting]
            4.1 gone drop 16                            -                             [drop_gone]
        => in flight until 94.0 (Screening)
        ",
    );
}

#[test]
fn a_leg_whose_originate_is_unanswered_may_still_come() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 link_lost                               -
            4.0 link_restored busy ringing              -                             [busy_alerting]
            5.0 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
        => in flight until 8.0 (HangUpAgain)
        ",
    );
}

#[test]
fn a_leg_that_came_while_the_pbx_was_asked_is_not_gone() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            1.0 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 link_lost                               -
            4.0 link_lost                               -
            4.1 accepted drop                           -
            4.2 link_restored busy ringing              -                             [busy_alerting]
            5.0 link_lost                               -
            6.0 link_lost                               -
            6.1 link_restored busy ringing              hang_up drop, hang_up busy    [drop_gone busy_hung_up]
            6.2 gone busy 16                            -                             [busy_gone]
        => lost; busy 16; drop -; the leg ended unheard
        ",
    );
}

#[test]
fn a_verdict_and_a_ready_point_missed_in_the_gap_are_made_up_for() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 link_lost                               -
           12.0 link_restored drop answered; drop screened machine MAXWORDS-3-2; drop ready dialplan  play drop 1                   [verdict ready]
           12.1 play_started 1 @0                       -                             [play_started]
           19.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           19.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (MAXWORDS-3-2); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_person_missed_in_the_gap_is_let_go() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 link_lost                               -
           12.0 link_restored drop answered; drop screened human HUMAN-803-800  hang_up drop                  [verdict drop_hung_up]
           12.1 gone drop 16                            -                             [drop_gone]
        => human by us; human (HUMAN-803-800); drop 16
        ",
    );
}

#[test]
fn a_ready_point_heard_before_the_pbx_was_read_waits_for_that() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 link_lost                               -
           12.0 link_lost                               -
           12.1 screened drop machine MAXWORDS-3-2      -                             [verdict]
           12.1 ready drop dialplan                     -
           12.3 link_restored drop answered; drop entered  play drop 1                   [ready]
           12.4 play_started 1 @0                       -                             [play_started]
        => in flight until 22.64 (Playback)
        ",
    );
}

#[test]
fn a_leg_gone_in_the_gap_loses_the_drop() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 link_lost                               -
           12.0 link_restored                           hang_up drop                  [drop_gone]
           12.1 absent drop                             -
        => lost; drop -; the leg ended unheard
        ",
    );
}

#[test]
fn a_leg_gone_in_the_gap_whose_far_end_was_heard_is_no_riddle() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            4.9 far_end drop 16                         -
            5.0 link_lost                               -
            5.5 link_restored                           hang_up drop                  [drop_gone]
            5.6 absent drop                             -
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn a_playback_whose_end_was_missed_is_lost_and_never_delivered() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            8.0 link_lost                               -
           17.0 link_restored drop answered; drop entered  hang_up drop                  [drop_hung_up]
           17.1 gone drop 16                            -                             [drop_gone]
        => lost; machine; ready by silence; played 7.24; drop 16; the end of the playback was missed while the event link was down
        ",
    );
}

#[test]
fn a_playback_that_goes_on_is_heard_to_its_end() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            8.0 link_lost                               -
            9.0 link_restored drop answered; drop entered; play 1  -
          14.34 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_playback_that_began_in_the_gap_is_heard_to_its_end() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 link_lost                               -
            9.0 link_restored drop answered; drop entered; play 1  -                             [play_started]
            9.1 play_started 1 @100                     -
          14.34 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by silence; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_play_that_the_pbx_does_not_know_is_not_asked_for_again() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 link_lost                               -
            9.0 link_restored drop answered; drop entered; drop screened machine; drop ready dialplan  hang_up drop                  [drop_hung_up]
            9.1 gone drop 16                            -                             [drop_gone]
        => lost; machine; ready by silence; drop 16; the end of the playback was missed while the event link was down
        ",
    );
}

#[test]
fn a_leg_gone_in_the_gap_during_its_message_is_lost() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 screened drop machine                   -                             [verdict]
            7.0 ready drop silence                      play drop 1                   [ready]
            7.1 play_started 1 @0                       -                             [play_started]
            8.0 link_lost                               -
           10.1 link_restored                           hang_up drop                  [drop_gone]
        => lost; machine; ready by silence; played 3.0; drop -; the leg ended unheard
        ",
    );
}

#[test]
fn a_ring_time_over_while_the_link_is_lost_is_lost() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 ringing drop                            -                             [drop_alerting]
            5.0 link_lost                               -
           45.0 (Answer)                                hang_up drop                  [drop_hung_up]
           46.0 absent drop                             -                             [drop_gone]
        => lost; drop -; the event link was down when the deadline passed
        ",
    );
}

#[test]
fn a_screening_time_over_while_the_link_is_lost_is_lost() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            5.0 link_lost                               -
           93.0 (Screening)                             hang_up drop                  [drop_hung_up]
           94.0 absent drop                             -                             [drop_gone]
        => lost; drop -; the event link was down when the deadline passed
        ",
    );
}

#[test]
fn a_drop_cancelled_while_the_link_is_lost_ends_when_the_pbx_denies_its_legs() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 accepted busy                           -
            2.5 accepted drop                           -
            3.0 link_lost                               -
            3.5 cancel                                  hang_up busy, hang_up drop    [busy_hung_up drop_hung_up]
            3.6 absent busy                             -                             [busy_gone]
            3.7 absent drop                             -                             [drop_gone]
        => cancelled by us; busy -; drop -
        ",
    );
}

#[test]
fn a_decided_drop_ends_when_the_list_does_not_hold_its_legs() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.5 accepted busy                           -
            2.5 accepted drop                           -
            3.0 cancel                                  hang_up busy, hang_up drop    [busy_hung_up drop_hung_up]
            3.1 link_lost                               -
            4.0 link_restored busy ringing              -                             [busy_alerting drop_gone]
            4.1 gone busy 16                            -                             [busy_gone]
        => cancelled by us; busy 16; drop -
        ",
    );
}

#[test]
fn a_leg_seen_after_it_was_denied_is_hung_up() {
    ladder(
        r"
        plan
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.1 accepted busy                           -
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.1 accepted busy                           -
            2.2 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.3 absent busy                             -
            3.3 (Reason)                                -                             [busy_gone]
            4.0 link_lost                               -
            5.0 link_restored busy exists; drop ringing  hang_up busy
            5.1 gone busy 16                            -                             [busy_gone]
        => in flight until 47.0 (Answer)
        ",
    );
}
