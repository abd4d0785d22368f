//! The audio connection of a leg that we listen to: its end, the leg's return, and the message that we send by it.

use crate::ladder::ladder;

#[test]
fn a_connection_that_is_lost_before_the_verdict_leaves_the_leg_to_the_dialplan() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            3.5 deaf drop                               -                             [tap_lost]
            3.6 ready drop silence                      -
            3.7 returned drop                           screen drop
            6.2 screened drop machine MAXWORDS-3-2      -                             [verdict]
            6.3 ready drop beep                         -
           12.0 ready drop dialplan                     play drop 1                   [ready]
           12.1 play_started 1 @0                       -                             [play_started]
           13.0 late_beep drop                          -
           19.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           19.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (MAXWORDS-3-2); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_leg_that_comes_back_before_its_connection_says_why_is_screened_at_once() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            3.1 returned drop                           screen drop                   [tap_lost]
            3.2 deaf drop                               -
            3.3 returned drop                           -
            6.2 screened drop human HUMAN-803-800       hang_up drop                  [verdict drop_hung_up]
            6.3 gone drop 16                            -                             [drop_gone]
        => human by us; human (HUMAN-803-800); drop 16
        ",
    );
}

#[test]
fn a_connection_that_is_lost_after_the_verdict_leaves_the_wait_to_the_dialplan() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine long_turn         -                             [verdict]
            9.3 deaf drop                               -                             [tap_lost]
            9.4 deaf drop                               -
            9.5 returned drop                           await_ready drop
           13.0 screened drop machine                   -
           13.0 ready drop dialplan                     play drop 1                   [ready]
           13.1 play_started 1 @0                       -                             [play_started]
           20.4 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           20.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (long_turn); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_leg_that_does_not_come_back_is_given_up() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine long_turn         -                             [verdict]
            9.3 deaf drop                               -                             [tap_lost]
           14.3 (Return)                                hang_up drop                  [drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => unsure by us; machine (long_turn); drop 16; the PBX did not give the call back when its audio connection ended
        ",
    );
}

#[test]
fn a_leg_that_does_not_come_back_from_a_pbx_that_is_gone_is_lost() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine long_turn         -                             [verdict]
            9.3 deaf drop                               -                             [tap_lost]
            9.3 link_lost                               -
           14.3 (Return)                                hang_up drop                  [drop_hung_up]
           14.4 gone drop 16                            -                             [drop_gone]
        => lost; machine (long_turn); drop 16; the audio connection was lost, and then the event link was down when the call was to come back
        ",
    );
}

#[test]
fn a_connection_that_is_lost_in_the_message_cuts_it_off_and_nothing_is_played_again() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 spoken 1 lost 2.0                       -                             [play_finished]
           11.1 deaf drop                               -
           11.2 returned drop                           -
           12.1 (Reason)                                hang_up drop                  [drop_hung_up]
           12.2 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 2.0; drop 16; the audio connection ended while the message played
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_in_the_message_ends_its_connection_too() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 spoken 1 lost 2.0                       -                             [play_finished]
           11.1 deaf drop                               -
           11.2 far_end drop 16                         hang_up drop                  [drop_hung_up]
           11.3 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by beep; played 2.0; drop 16
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_in_the_silence_at_the_message_s_end_has_the_message() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.2 far_end drop 16                         -
           16.2 spoken 1 lost 7.1                       hang_up drop                  [play_finished drop_hung_up]
           16.3 gone drop 16                            -                             [drop_gone]
        => delivered by the far end; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.2 gone drop 16                            hush 1                        [drop_gone]
        => delivered by the far end; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.1 far_end drop 16                         -
           16.1 spoken 1 lost 7.02                      hang_up drop                  [play_finished drop_hung_up]
           16.3 gone drop 16                            -                             [drop_gone]
        => cut_off by the far end; machine; ready by beep; played 7.02; drop 16
        ",
    );
}

#[test]
fn a_connection_that_is_lost_before_the_first_frame_leaves_the_play_to_the_pbx() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 deaf drop                               -                             [tap_lost]
            9.2 returned drop                           play drop 1
            9.3 play_started 1 @0                       -                             [play_started]
           16.6 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           16.7 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_pbx_that_does_not_take_the_message_s_end_may_have_lost_any_of_it() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           18.4 spoken 1 unconfirmed 7.24               hang_up drop                  [play_finished drop_hung_up]
           18.5 gone drop 16                            -                             [drop_gone]
        => lost; machine; ready by beep; played 7.24; drop 16; the PBX did not take the end of the message
        ",
    );
}

#[test]
fn a_message_that_only_the_pbx_has_is_played_by_it_when_the_leg_is_back() {
    ladder(
        r"
        plan single listen sound message=unknown
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         release drop
            9.1 returned drop                           play drop 1                   [ready]
            9.2 play_started 1 @0                       -                             [play_started]
           16.6 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           16.7 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn silence_that_is_to_be_played_to_has_lasted_long_enough() {
    ladder(
        r"
        plan single listen when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
           11.0 screened drop silence no_voice          speak drop 1                  [verdict ready]
           11.1 speaking 1                              -                             [play_started]
           13.1 late_beep drop                          hush 1
           13.4 ready drop beep                         speak drop 2                  [ready]
           13.5 speaking 2                              -                             [play_restarted]
           20.8 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           20.9 gone drop 16                            -                             [drop_gone]
        => delivered by us; silence (no_voice); ready by beep; played 7.24; restarts 1; drop 16; proven
        ",
    );
}

#[test]
fn a_leg_that_brings_no_sound_is_unsure_and_a_pbx_that_answers_nothing_is_lost() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            6.0 no_audio drop                           hang_up drop                  [drop_hung_up]
            6.1 gone drop 16                            -                             [drop_gone]
        => unsure by us; drop 16; no sound comes from the far end
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
           11.0 no_audio drop pbx_silent                hang_up drop                  [drop_hung_up]
           11.1 gone drop 16                            -                             [drop_gone]
        => lost; machine; drop 16; the PBX stopped sending sound, and does not answer
        ",
    );
}

#[test]
fn a_far_end_that_falls_silent_while_the_message_plays_gets_it_and_proves_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 no_audio drop                           -
           16.4 spoken 1 whole 7.24 7.2                 hang_up drop                  [play_finished drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_gap_early_in_the_message_starts_it_again_and_a_later_one_proves_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           13.6 stumbled 1 4.0                          hush 1, speak drop 2
           13.6 spoken 1 stopped 0.5                    -
           13.6 speaking 2                              -                             [play_restarted]
           20.9 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           21.0 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; restarts 1; drop 16; proven
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.1 stumbled 1 4.0                          -
           20.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           20.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn what_we_send_goes_on_while_the_event_link_is_down_and_proves_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.0 link_lost                               -
           12.0 link_restored drop answered             -
           16.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.0 link_lost                               -
           11.6 screened drop human a_voice             hush 1, hang_up drop          [verdict drop_hung_up]
           12.0 link_restored drop answered             -
           12.1 gone drop 16                            -                             [drop_gone]
        => human by us; human (a_voice); ready by beep; played 2.5; drop 16
        ",
    );
}

#[test]
fn a_ready_point_that_came_while_the_link_was_down_is_kept_when_the_connection_is_lost_too() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.1 link_lost                               -
            9.2 ready drop beep                         -
            9.3 deaf drop                               -                             [tap_lost]
            9.4 link_restored drop answered; drop returned  play drop 1                   [ready]
            9.5 play_started 1 @0                       -                             [play_started]
           16.8 play_done 1 @7240                       hang_up drop                  [play_finished drop_hung_up]
           16.9 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_message_whose_connection_ended_while_the_link_was_down_was_cut_off() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           10.0 link_lost                               -
           11.1 spoken 1 lost 2.0                       -                             [play_finished]
           11.1 deaf drop                               -
           12.1 (Reason)                                -
           14.0 link_restored                           hang_up drop                  [drop_gone]
           14.1 wait                                    -
        => cut_off; machine; ready by beep; played 2.0; drop -; the audio connection ended while the message played
        ",
    );
}

#[test]
fn a_leg_that_is_gone_before_it_can_be_listened_to_ends_with_the_leg() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            3.1 refused listen drop not_found           -
            3.2 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn a_drop_that_is_cancelled_while_it_speaks_is_silent_at_once() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 cancel                                  hush 1, hang_up drop          [drop_hung_up]
           11.1 spoken 1 stopped 1.98                   -
           11.2 gone drop 16                            -                             [drop_gone]
        => cancelled by us; machine; ready by beep; played 1.98; drop 16
        ",
    );
}
