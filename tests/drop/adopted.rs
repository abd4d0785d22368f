//! A call that an agent has made and hands over: one leg, up from the start.

use crate::ladder::ladder;

#[test]
fn a_message_is_left_at_the_ready_point_of_the_greeting_that_goes_on() {
    listening(
        "adopted listen",
        r"
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
    speaking(
        "adopted now listen",
        r"
            7.4 spoken 1 whole 7.24                     hang_up drop                  [play_finished drop_hung_up]
            7.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by agent; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_late_beep_starts_it_again_although_the_agent_said_now() {
    speaking(
        "adopted now listen",
        r"
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
    listening(
        "adopted listen",
        r"
            1.5 screened drop human                     hang_up drop                  [verdict drop_hung_up]
            1.6 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_person_over_the_message_ends_it_at_once() {
    speaking(
        "adopted now listen",
        r"
            2.0 screened drop human                     hush 1, hang_up drop          [verdict drop_hung_up]
           2.05 spoken 1 stopped 1.85                   -
            2.1 gone drop 16                            -                             [drop_gone]
        => human by us; human; ready by agent; played 1.85; drop 16
        ",
    );
}

#[test]
fn a_person_goes_back_to_the_agent() {
    listening(
        "adopted give_back listen",
        r"
            1.5 screened drop human                     release drop                  [verdict]
            1.6 returned drop                           give_back drop
            1.7 given_back drop                         -                             [given_back]
        => human; human; drop -
        ",
    );
}

#[test]
fn a_person_over_the_message_goes_back_to_the_agent() {
    speaking(
        "adopted now give_back listen",
        r"
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
    listening(
        "adopted give_back listen",
        r"
            1.5 screened drop human                     release drop                  [verdict]
            4.5 (Return)                                hang_up drop                  [drop_hung_up]
            4.6 gone drop 16                            -                             [drop_gone]
        => human by us; human; drop 16
        ",
    );
}

#[test]
fn a_call_that_the_dialplan_does_not_take_is_hung_up() {
    listening(
        "adopted give_back listen",
        r"
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
    listening(
        "adopted give_back listen",
        r"
            1.5 screened drop human                     release drop                  [verdict]
            1.6 gone drop 16                            -                             [drop_gone]
            1.7 returned drop                           hang_up drop
        => human by the far end; human; drop 16
        ",
    );
}

#[test]
fn a_call_that_cannot_be_taken_over_any_more_had_hung_up() {
    listening(
        "adopted listen",
        r"
            0.1 refused listen drop not_found           -
            0.2 gone drop 16                            -                             [drop_gone]
        => hung_up by the far end; drop 16
        ",
    );
}

#[test]
fn a_call_that_is_not_there_any_more_had_hung_up_also_if_nobody_says_so() {
    // The event of its end came before it was the leg of a drop.
    listening(
        "adopted listen",
        r"
            0.1 refused listen drop not_found           -
            1.1 (Reason)                                hang_up drop                  [drop_gone]
            1.2 absent drop                             -
        => hung_up by the far end; drop -
        ",
    );
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 refused listen drop not_found           -
            1.1 (Reason)                                hang_up drop                  [drop_gone]
            1.2 absent drop                             -
        => hung_up by the far end; machine (the agent says so); drop -
        ",
    );
    ladder(
        r"
        plan adopted
            0.0 (start)                                 await_ready drop              [drop_answered verdict]
            0.1 refused await_ready drop not_found      -
            1.1 (Reason)                                hang_up drop                  [drop_gone]
            1.2 absent drop                             -
        => hung_up by the far end; machine (the agent says so); drop -
        ",
    );
    ladder(
        r"
        plan adopted now
            0.0 (start)                                 play drop 1                   [drop_answered verdict ready]
            0.1 refused play drop 1 not_found           -
            1.1 (Reason)                                hang_up drop                  [drop_gone]
            1.2 absent drop                             -
        => hung_up by the far end; machine (the agent says so); ready by agent; drop -
        ",
    );
}

#[test]
fn a_call_that_ends_while_it_is_taken_over_had_hung_up_whatever_comes_first() {
    for rest in [
        "0.1 refused listen drop not_found           -
            0.2 gone drop 16                            -                             [drop_gone]",
        "0.1 gone drop 16                            -                             [drop_gone]
            0.2 refused listen drop not_found           -",
        "0.1 far_end drop 16                         -
            0.2 refused listen drop wrong_state         hang_up drop                  [drop_hung_up]
            0.3 gone drop 16                            -                             [drop_gone]",
        "0.1 refused listen drop wrong_state         -
            0.2 gone drop 16                            -                             [drop_gone]",
    ] {
        let told = "machine (the agent says so)";
        for (settings, milestones, verdict) in [
            ("adopted listen", "[drop_answered]", String::new()),
            (
                "adopted now listen",
                "[drop_answered verdict]",
                format!("{told}; "),
            ),
        ] {
            ladder(&format!(
                "
        plan {settings}
            0.0 (start)                                 listen drop                   {milestones}
            {rest}
        => hung_up by the far end; {verdict}drop 16
        "
            ));
        }
    }
}

#[test]
fn a_call_that_is_not_listened_to_ends_at_once_although_the_agent_said_now() {
    for (kind, outcome) in [
        ("rejected", "error"),
        ("failed", "error"),
        ("no_reply", "lost"),
        ("unreachable", "lost"),
    ] {
        ladder(&format!(
            "
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 {:<40}hang_up drop                  [drop_hung_up]
            0.2 gone drop 16                            -                             [drop_gone]
        => {outcome} by us; machine (the agent says so); drop 16; so the PBX said
        ",
            format!("refused listen drop {kind}")
        ));
    }
    // It is there, and nothing says why it is not to be listened to.
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 refused listen drop wrong_state         -
            1.1 (Reason)                                hang_up drop                  [drop_hung_up]
            1.2 gone drop 16                            -                             [drop_gone]
        => error by us; machine (the agent says so); drop 16; so the PBX said
        ",
    );
}

#[test]
fn a_call_that_has_been_to_our_ears_and_is_back_goes_on_whatever_becomes_of_the_reply() {
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            2.0 returned drop                           await_ready drop              [tap_lost]
            5.0 refused listen drop no_reply            -
            6.0 ready drop dialplan                     play drop 1                   [ready]
            6.1 play_started 1                          -                             [play_started]
           13.4 play_done 1                             hang_up drop                  [play_finished drop_hung_up]
           13.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn the_dialplan_goes_on_if_the_connection_is_lost_before_the_message() {
    listening(
        "adopted listen",
        r"
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
fn the_agents_word_is_too_late_once_the_dialplan_waits() {
    ladder(
        r"
        plan adopted now listen
            0.0 (start)                                 listen drop                   [drop_answered verdict]
            0.1 deaf drop                               -                             [tap_lost]
            0.2 returned drop                           await_ready drop
            0.2 ready drop agent                        -
            5.0 ready drop dialplan                     play drop 1                   [ready]
            5.1 play_started 1                          -                             [play_started]
           12.4 play_done 1                             hang_up drop                  [play_finished drop_hung_up]
           12.5 gone drop 16                            -                             [drop_gone]
        => delivered by us; machine (the agent says so); ready by dialplan; played 7.24; drop 16; probable
        ",
    );
}

#[test]
fn a_connection_lost_in_the_message_ends_it() {
    listening(
        "adopted listen",
        r"
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
    listening(
        "adopted listen",
        r"
           90.0 (Screening)                             hang_up drop                  [drop_hung_up]
           90.5 gone drop 16                            -                             [drop_gone]
        => unsure by us; drop 16
        ",
    );
}

#[test]
fn the_operator_cancels_it() {
    listening(
        "adopted give_back listen",
        r"
            3.0 cancel                                  hang_up drop                  [drop_hung_up]
            3.1 gone drop 16                            -                             [drop_gone]
        => cancelled by us; drop 16
        ",
    );
}

/// A ladder from the moment on at which our ears have the call.
#[track_caller]
fn listening(settings: &str, rest: &str) {
    begun(settings, LISTENS, rest);
}

/// A ladder from the moment on at which the message plays, because the agent has heard the beep.
#[track_caller]
fn speaking(settings: &str, rest: &str) {
    begun(settings, SPEAKS, rest);
}

#[track_caller]
fn begun(settings: &str, head: &str, rest: &str) {
    let rest = rest.trim_start_matches('\n');
    ladder(&format!("\n        plan {settings}\n{head}{rest}"));
}

const LISTENS: &str = "            0.0 (start)                                 listen drop                   [drop_answered]\n";

const SPEAKS: &str = concat!(
    "            0.0 (start)                                 listen drop                   [drop_answered verdict]\n",
    "            0.1 ready drop agent                        speak drop 1                  [ready]\n",
    "           0.15 speaking 1                              -                             [play_started]\n",
);
