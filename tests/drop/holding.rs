//! A far end that holds the call.

use crate::ladder::ladder;

#[test]
fn a_leg_that_is_held_at_its_ready_point_is_played_to_when_the_hold_is_over() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            8.0 held drop                               -
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         -
           12.0 resumed drop                            speak drop 1                  [ready]
           12.1 speaking 1                              -                             [play_started]
           19.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           19.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_leg_that_stays_held_is_unsure_however_it_is_listened_to() {
    for (mode, sent, point) in [
        (" listen", "listen drop", "beep"),
        ("", "screen drop", "dialplan"),
    ] {
        let ready = format!("ready drop {point}");
        ladder(&format!(
            r"
        plan single{mode} ready_timeout=5
            0.0 (start)                                 dial drop                     [drop_dialled]
            2.9 held drop                               -
            3.0 entered drop                            {sent}                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 {ready:<38}  -
           14.0 (Ready)                                 hang_up drop                  [drop_hung_up]
           14.5 gone drop 16                            -                             [drop_gone]
        => unsure by us; machine; drop 16; the far end holds the call
        "
        ));
    }
}

#[test]
fn a_message_that_is_held_starts_again_when_the_hold_is_over_and_proves_nothing() {
    ladder(
        r"
        plan single listen
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 held drop                               hush 1
           11.1 spoken 1 stopped 2.0                    -
           15.0 resumed drop                            speak drop 2
           15.1 speaking 2                              -                             [play_restarted]
           22.4 spoken 2 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           22.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; restarts 1; drop 16; probable
        ",
    );
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop dialplan                     play drop 1                   [ready]
            9.1 play_started 1 @0                       -                             [play_started]
           11.1 held drop                               stop_play 1
           11.2 play_done 1 @2000                       -
           15.0 resumed drop                            play drop 2
           15.1 play_started 2 @6000                    -                             [play_restarted]
           22.4 play_done 2 @13240                      hang_up drop                  [play_finished drop_hung_up]
           22.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by dialplan; played 7.24; restarts 1; drop 16; probable
        ",
    );
}

#[test]
fn a_message_that_stays_held_or_may_not_start_again_is_cut_off() {
    ladder(
        r"
        plan single listen ready_timeout=5
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 held drop                               hush 1
           16.1 (Ready)                                 hang_up drop                  [drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 2.0; drop 16; the far end holds the call
        ",
    );
    ladder(
        r"
        plan single listen max_restarts=0
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            listen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           11.1 held drop                               hush 1, hang_up drop          [drop_hung_up]
           11.2 gone drop 16                            -                             [drop_gone]
        => cut_off by us; machine; ready by beep; played 2.0; drop 16; the far end holds the call
        ",
    );
}

#[test]
fn a_play_of_the_pbx_that_may_not_have_been_stopped_is_not_started_again() {
    ladder(
        r"
        plan single
            0.0 (start)                                 dial drop                     [drop_dialled]
            3.0 entered drop                            screen drop                   [drop_answered]
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop dialplan                     play drop 1                   [ready]
            9.1 play_started 1 @0                       -                             [play_started]
           11.1 held drop                               stop_play 1
           11.2 refused stop_play 1 no_reply            hang_up drop                  [drop_hung_up]
           11.4 gone drop 16                            -                             [drop_gone]
        => lost by us; machine; ready by dialplan; played 2.0; drop 16; so the PBX said
        ",
    );
}

#[test]
fn a_hold_of_a_leg_that_is_not_live_changes_nothing() {
    ladder(
        r"
        plan double listen
            0.0 (start)                                 dial busy                     [busy_dialled]
            0.3 ringing busy                            -                             [busy_alerting]
            2.0 (Lead)                                  dial drop                     [drop_dialled]
            2.3 ringing drop                            hang_up busy                  [drop_alerting busy_hung_up]
            2.4 gone busy 16                            -                             [busy_gone]
            3.0 entered drop                            listen drop                   [drop_answered]
            3.1 held busy                               -
            9.0 screened drop machine                   -                             [verdict]
            9.0 ready drop beep                         speak drop 1                  [ready]
            9.1 speaking 1                              -                             [play_started]
           16.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
           16.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine; ready by beep; played 7.24; busy 16; drop 16; proven
        ",
    );
}
