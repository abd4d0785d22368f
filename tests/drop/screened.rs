//! A machine that asks for the caller's name and reason, and lets a person listen.

use crate::ladder::ladder;

#[test]
fn a_call_screener_is_hung_up_on_unless_a_prompt_is_to_be_said() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 hang_up drop                  [verdict drop_hung_up]
            7.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16
        ",
    );
}

#[test]
fn nothing_is_said_without_a_prompt() {
    ladder(
        r"
        plan single listen when_screened=say
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 hang_up drop                  [verdict drop_hung_up]
            7.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16
        ",
    );
}

#[test]
fn a_person_who_lifts_after_the_prompt_is_let_go() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
           16.0 screened drop human                     hang_up drop                  [verdict drop_hung_up]
           16.1 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn the_mailbox_that_comes_after_the_prompt_gets_the_message() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
           31.0 screened drop machine                   -                             [verdict]
           35.0 ready drop beep                         speak drop 1                  [ready]
           35.1 speaking 1                              -                             [play_started]
           42.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           42.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; proven
        ",
    );
}

#[test]
fn a_mailbox_that_turns_out_to_be_a_call_screener_is_answered_and_a_message_that_plays_to_one_stops()
 {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            6.0 screened drop machine                   -                             [verdict]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
        => in flight until 93.0 (Screening)
        ",
    );
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            6.0 screened drop machine                   -                             [verdict]
            8.0 ready drop silence                      speak drop 1                  [ready]
            8.1 speaking 1                              -                             [play_started]
           10.0 screened drop screening                 hush 1, hang_up drop          [verdict drop_hung_up]
           10.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; ready by silence; played 1.9; drop 16
        ",
    );
}

#[test]
fn the_prompt_is_said_once() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
           16.0 screened drop screening                 hang_up drop                  [verdict drop_hung_up]
           16.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16
        ",
    );
}

#[test]
fn silence_after_the_prompt_is_no_mailbox_whatever_is_done_about_other_silence() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4 when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
           41.1 screened drop silence                   hang_up drop                  [drop_hung_up]
           41.2 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16
        ",
    );
    ladder(
        r"
        plan single listen when_screened=say prompt=4 when_unsure=play
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           11.1 spoken 0 whole 4                        -                             [prompt_finished]
           93.0 (Screening)                             hang_up drop                  [drop_hung_up]
           93.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16
        ",
    );
}

/// The dialplan would take the owner for a mailbox, or the music that plays until they come.
#[test]
fn a_connection_that_is_lost_after_the_prompt_ends_the_drop() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
            8.0 spoken 0 lost 0.9                       -
            8.0 deaf drop                               hang_up drop                  [tap_lost drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => not_voicemail by us; screening; drop 16; the audio connection was lost after the prompt for the call screener
        ",
    );
}

#[test]
fn a_far_end_that_hangs_up_in_the_prompt_has_hung_up() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
            9.0 gone drop 16                            hush 0                        [drop_gone]
        => hung_up by the far end; screening; drop 16
        ",
    );
}

#[test]
fn a_prompt_that_never_begins_or_never_ends_is_given_up() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
           32.0 (PlayStart)                             hush 0, hang_up drop          [drop_hung_up]
           32.1 gone drop 16                            -                             [drop_gone]
        => lost; screening; drop 16; the PBX did not say that it plays
        ",
    );
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
           14.1 (Playback)                              hush 0, hang_up drop          [drop_hung_up]
           14.2 gone drop 16                            -                             [drop_gone]
        => lost; screening; drop 16; the PBX did not say that the playback ended
        ",
    );
}

#[test]
fn a_prompt_is_silence_at_once_if_the_operator_cancels() {
    ladder(
        r"
        plan single listen when_screened=say prompt=4
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            7.0 screened drop screening                 say drop                      [verdict]
            7.1 speaking 0                              -                             [prompt_started]
            8.0 cancel                                  hush 0, hang_up drop          [drop_hung_up]
            8.1 gone drop 16                            -                             [drop_gone]
        => cancelled by us; screening; drop 16
        ",
    );
}
