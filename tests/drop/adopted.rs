//! A call that an agent has made and hands over: one leg, up from the start.

use crate::ladder::ladder;

#[test]
fn a_message_is_left_at_the_ready_point_of_the_greeting_that_goes_on() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
            3.0 screened drop machine                   -                             [verdict]
            7.0 ready drop beep                         speak drop 1                  [ready]
            7.1 speaking 1                              -                             [play_started]
           14.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           14.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; proven
        ",
    );
}

#[test]
fn it_plays_at_once_if_the_agent_has_heard_the_beep() {
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 ready drop agent                        speak drop 1                  [ready]
           0.15 speaking 1                              -                             [play_started]
            7.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
            7.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by agent; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_late_beep_starts_it_again_although_the_agent_said_now() {
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 ready drop agent                        speak drop 1                  [ready]
           0.15 speaking 1                              -                             [play_started]
            2.0 late_beep drop                          hush 1
            2.1 ready drop beep                         speak drop 2                  [ready]
            2.2 speaking 2                              -                             [play_restarted]
            9.5 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
            9.6 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by beep; played 7.24; restarts 1; drop 16; proven
        ",
    );
}

#[test]
fn without_ears_the_dialplan_waits_for_silence() {
    ladder(
        r"
        plan adopted
            0.0 (start)                                 await_ready drop              [drop_answered verdict]
            5.0 screened drop machine                   -
            5.0 ready drop dialplan                     play drop 1                   [ready]
            5.1 play_started 1                          -                             [play_started]
           12.4 play_done 1                             hang_up drop                  [play_finished drop_hung_up]
           12.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn without_ears_it_plays_at_once() {
    ladder(
        r"
        plan adopted now
            0.0 (start)                                 play drop 1                   [drop_answered verdict ready]
            0.1 play_started 1                          -                             [play_started]
            7.4 play_done 1                             hang_up drop                  [play_finished drop_hung_up]
            7.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by agent; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_person_gets_nothing() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
            1.5 screened drop human                     hang_up drop                  [verdict drop_hung_up]
            1.6 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_person_over_the_message_ends_it_at_once() {
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 ready drop agent                        speak drop 1                  [ready]
           0.15 speaking 1                              -                             [play_started]
            2.0 screened drop human                     hush 1, hang_up drop          [verdict drop_hung_up]
           2.05 spoken 1 stopped 1.85                   -
            2.1 gone drop 16                            -                             [drop_gone]
        => human by us; human; ready by agent; played 1.85; drop 16
        ",
    );
}

#[test]
fn a_person_goes_back_to_the_agent() {
    ladder(
        r"
        plan adopted give_back listen
            0.0 (start)                                 listen drop                   [drop_answered]
            1.5 screened drop human                     release drop                  [verdict]
            1.6 returned drop                           give_back drop
            1.7 given_back drop                         -                             [given_back]
        => human; human; drop -
        ",
    );
}

#[test]
fn a_person_over_the_message_goes_back_to_the_agent() {
    ladder(
        r"
        plan adopted now give_back listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 ready drop agent                        speak drop 1                  [ready]
           0.15 speaking 1                              -                             [play_started]
            2.0 screened drop human                     hush 1, release drop          [verdict]
           2.05 spoken 1 stopped 1.85                   -
            2.1 returned drop                           give_back drop
            2.2 given_back drop                         -                             [given_back]
        => human; human; ready by agent; played 1.85; drop -
        ",
    );
}

#[test]
fn a_call_that_does_not_come_back_is_hung_up() {
    ladder(
        r"
        plan adopted give_back listen
            0.0 (start)                                 listen drop                   [drop_answered]
            1.5 screened drop human                     release drop                  [verdict]
            4.5 (Return)                                hang_up drop                  [drop_hung_up]
            4.6 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_call_that_the_dialplan_does_not_take_is_hung_up() {
    ladder(
        r"
        plan adopted give_back listen
            0.0 (start)                                 listen drop                   [drop_answered]
            1.5 screened drop human                     release drop                  [verdict]
            1.6 returned drop                           give_back drop
            1.7 refused give_back drop rejected         hang_up drop                  [drop_hung_up]
            1.8 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_person_who_hangs_up_on_the_way_back_is_gone() {
    ladder(
        r"
        plan adopted give_back listen
            0.0 (start)                                 listen drop                   [drop_answered]
            1.5 screened drop human                     release drop                  [verdict]
            1.6 gone drop 16                            -                             [drop_gone]
            1.7 returned drop                           hang_up drop
        => human by the far end; human; drop 16
        ",
    );
}

#[test]
fn a_call_that_cannot_be_taken_over_any_more_had_hung_up() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
            0.1 refused listen drop not_found           -
            0.2 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn the_dialplan_goes_on_if_the_connection_is_lost_before_the_message() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
            3.0 deaf drop                               -                             [tap_lost]
            3.1 returned drop                           screen drop
            8.0 screened drop machine                   -                             [verdict]
            8.0 ready drop dialplan                     play drop 1                   [ready]
            8.1 play_started 1                          -                             [play_started]
           15.4 play_done 1                             hang_up drop                  [play_finished drop_hung_up]
           15.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_connection_lost_in_the_message_ends_it() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
            3.0 screened drop machine                   -                             [verdict]
            7.0 ready drop beep                         speak drop 1                  [ready]
            7.1 speaking 1                              -                             [play_started]
            9.0 spoken 1 lost 1.9                       -                             [play_finished]
           10.0 (Reason)                                hang_up drop                  [drop_hung_up]
           10.2 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 1.9; drop 16; the audio connection ended while the message played
        ",
    );
}

#[test]
fn a_call_in_which_nothing_is_found_ends_unplayed() {
    ladder(
        r"
        plan adopted listen
            0.0 (start)                                 listen drop                   [drop_answered]
           90.0 (Screening)                             hang_up drop                  [drop_hung_up]
           90.5 gone drop 16                            -                             [drop_gone]
        => unsure by us; drop 16
        ",
    );
}

#[test]
fn the_operator_cancels_it() {
    ladder(
        r"
        plan adopted give_back listen
            0.0 (start)                                 listen drop                   [drop_answered]
            3.0 cancel                                  hang_up drop                  [drop_hung_up]
            3.1 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}
