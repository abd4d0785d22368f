//! Every refusal of every command in every phase in which it can come.

use std::{fmt::Write as _, time::Duration};

use aftertone::drop::{Command, RefusalKind};

use crate::{ladder::Run, script};

/// How a phase is reached, and what is refused in it.
struct Scene {
    name: &'static str,
    plan: &'static str,
    script: &'static [(f64, &'static str)],
    refused: &'static str,
}

const LIVE: &[(f64, &str)] = &[
    (0.1, "accepted busy"),
    (3.0, "ringing drop"),
    (3.1, "gone busy 16"),
    (4.0, "entered drop"),
];
const READY: &[(f64, &str)] = &[
    (3.0, "entered drop"),
    (5.0, "screened drop machine"),
    (6.0, "ready drop silence"),
];

const SCENES: [Scene; 17] = [
    Scene {
        name: "busy leg in the lead",
        plan: "plan",
        script: &[],
        refused: "dial busy",
    },
    Scene {
        name: "only leg",
        plan: "plan single",
        script: &[],
        refused: "dial drop",
    },
    Scene {
        name: "busy leg after the lead",
        plan: "plan",
        script: &[(2.5, "wait")],
        refused: "dial busy",
    },
    Scene {
        name: "drop leg beside a ringing busy leg",
        plan: "plan",
        script: &[(1.0, "ringing busy")],
        refused: "dial drop",
    },
    Scene {
        name: "drop leg beside a promoted busy leg",
        plan: "plan",
        script: &[(0.1, "accepted busy"), (2.5, "entered busy")],
        refused: "dial drop",
    },
    Scene {
        name: "drop leg of a cancelled drop",
        plan: "plan",
        script: &[
            (0.1, "accepted busy"),
            (2.5, "cancel"),
            (2.6, "gone busy 16"),
        ],
        refused: "dial drop",
    },
    Scene {
        name: "screening",
        plan: "plan",
        script: LIVE,
        refused: "screen drop",
    },
    Scene {
        name: "screening that has given its verdict already",
        plan: "plan single",
        script: &[(3.0, "entered drop"), (5.0, "screened drop machine")],
        refused: "screen drop",
    },
    Scene {
        name: "listening",
        plan: "plan single listen",
        script: &[(3.0, "entered drop")],
        refused: "listen drop",
    },
    Scene {
        name: "listening to a call that was handed over",
        plan: "plan adopted listen",
        script: &[],
        refused: "listen drop",
    },
    Scene {
        name: "listening to a call that was handed over to be played to at once",
        plan: "plan adopted now listen",
        script: &[],
        refused: "listen drop",
    },
    Scene {
        name: "waiting for silence on a call that was handed over",
        plan: "plan adopted",
        script: &[],
        refused: "await_ready drop",
    },
    Scene {
        name: "play",
        plan: "plan single",
        script: READY,
        refused: "play drop 1",
    },
    Scene {
        name: "play that has begun",
        plan: "plan single",
        script: &[
            (3.0, "entered drop"),
            (5.0, "screened drop machine"),
            (6.0, "ready drop silence"),
            (6.1, "play_started 1"),
        ],
        refused: "play drop 1",
    },
    Scene {
        name: "end of a play",
        plan: "plan single",
        script: &[
            (3.0, "entered drop"),
            (5.0, "screened drop machine"),
            (6.0, "ready drop silence"),
            (6.1, "screened drop human"),
        ],
        refused: "stop_play 1",
    },
    Scene {
        name: "release of the busy leg",
        plan: "plan",
        script: &[(1.0, "ringing busy"), (3.0, "ringing drop")],
        refused: "hang_up busy",
    },
    Scene {
        name: "hang-up of a decided drop",
        plan: "plan single",
        script: &[(3.0, "ringing drop"), (4.0, "cancel")],
        refused: "hang_up drop",
    },
];

/// What follows at once, what follows within two seconds, and how the drop has ended when its legs are gone then.
const TABLE: &str = "\
busy leg in the lead: dial busy
    not_found    -                            -                            error
    wrong_state  -                            -                            error
    rejected     -                            -                            error
    not_made     -                            -                            error
    failed       hang_up busy                 -                            error
    unreachable  -                            -                            error
    too_late     -                            -                            cancelled
    no_reply     hang_up busy                 -                            lost
only leg: dial drop
    not_found    -                            -                            error
    wrong_state  -                            -                            error
    rejected     -                            -                            error
    not_made     -                            -                            error
    failed       hang_up drop                 -                            error
    unreachable  -                            -                            error
    too_late     -                            -                            cancelled
    no_reply     hang_up drop                 -                            lost
busy leg after the lead: dial busy
    not_found    -                            -                            error
    wrong_state  -                            -                            error
    rejected     -                            -                            error
    not_made     -                            -                            error
    failed       hang_up busy                 -                            error
    unreachable  -                            -                            error
    too_late     -                            -                            cancelled
    no_reply     hang_up busy                 -                            lost
drop leg beside a ringing busy leg: dial drop
    not_found    hang_up busy                 -                            error
    wrong_state  hang_up busy                 -                            error
    rejected     hang_up busy                 -                            error
    not_made     hang_up busy                 -                            error
    failed       hang_up drop, hang_up busy   -                            error
    unreachable  hang_up busy                 -                            error
    too_late     hang_up busy                 -                            error
    no_reply     hang_up drop, hang_up busy   -                            lost
drop leg beside a promoted busy leg: dial drop
    not_found    -                            -                            hung_up
    wrong_state  -                            -                            hung_up
    rejected     -                            -                            hung_up
    not_made     -                            -                            hung_up
    failed       hang_up drop                 -                            hung_up
    unreachable  -                            -                            hung_up
    too_late     -                            -                            hung_up
    no_reply     hang_up drop                 -                            hung_up
drop leg of a cancelled drop: dial drop
    not_found    -                            -                            cancelled
    wrong_state  -                            -                            cancelled
    rejected     -                            -                            cancelled
    not_made     -                            -                            cancelled
    failed       hang_up drop                 -                            cancelled
    unreachable  -                            -                            cancelled
    too_late     -                            -                            cancelled
    no_reply     hang_up drop                 -                            cancelled
screening: screen drop
    not_found    -                            hang_up drop                 lost
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
screening that has given its verdict already: screen drop
    not_found    -                            -                            hung_up
    wrong_state  -                            -                            hung_up
    rejected     -                            -                            hung_up
    not_made     -                            -                            hung_up
    failed       -                            -                            hung_up
    unreachable  -                            -                            hung_up
    too_late     -                            -                            hung_up
    no_reply     -                            -                            hung_up
listening: listen drop
    not_found    -                            hang_up drop                 lost
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
listening to a call that was handed over: listen drop
    not_found    -                            hang_up drop                 hung_up
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
listening to a call that was handed over to be played to at once: listen drop
    not_found    -                            hang_up drop                 hung_up
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
waiting for silence on a call that was handed over: await_ready drop
    not_found    -                            hang_up drop                 hung_up
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
play: play drop 1
    not_found    -                            hang_up drop                 lost
    wrong_state  -                            hang_up drop                 error
    rejected     hang_up drop                 -                            error
    not_made     hang_up drop                 -                            error
    failed       hang_up drop                 -                            error
    unreachable  hang_up drop                 -                            lost
    too_late     hang_up drop                 -                            lost
    no_reply     hang_up drop                 -                            lost
play that has begun: play drop 1
    not_found    -                            -                            cut_off
    wrong_state  -                            -                            cut_off
    rejected     -                            -                            cut_off
    not_made     -                            -                            cut_off
    failed       -                            -                            cut_off
    unreachable  -                            -                            cut_off
    too_late     -                            -                            cut_off
    no_reply     -                            -                            cut_off
end of a play: stop_play 1
    not_found    -                            -                            human
    wrong_state  -                            -                            human
    rejected     -                            -                            human
    not_made     -                            -                            human
    failed       -                            -                            human
    unreachable  -                            -                            human
    too_late     -                            -                            human
    no_reply     -                            -                            human
release of the busy leg: hang_up busy
    not_found    -                            hang_up busy                 failed
    wrong_state  -                            hang_up busy                 failed
    rejected     -                            hang_up busy                 failed
    not_made     -                            hang_up busy                 failed
    failed       -                            hang_up busy                 failed
    unreachable  -                            hang_up busy                 failed
    too_late     -                            hang_up busy                 failed
    no_reply     -                            hang_up busy                 failed
hang-up of a decided drop: hang_up drop
    not_found    -                            hang_up drop                 cancelled
    wrong_state  -                            hang_up drop                 cancelled
    rejected     -                            hang_up drop                 cancelled
    not_made     -                            hang_up drop                 cancelled
    failed       -                            hang_up drop                 cancelled
    unreachable  -                            hang_up drop                 cancelled
    too_late     -                            hang_up drop                 cancelled
    no_reply     -                            hang_up drop                 cancelled
";

#[test]
fn each_refusal_has_its_consequence() {
    let mut table = String::new();
    for scene in &SCENES {
        let _ = writeln!(table, "{}: {}", scene.name, scene.refused);
        for kind in RefusalKind::ALL {
            let follows = consequence(scene, kind);
            let _ = writeln!(table, "    {:<12} {follows}", script::kind_word(kind));
        }
    }
    assert!(table == TABLE, "the table is\n{table}");
}

fn consequence(scene: &Scene, kind: RefusalKind) -> String {
    let mut run = Run::new(scene.plan);
    let mut at = 0.5;
    for &(when, input) in scene.script {
        run.step(Duration::from_secs_f64(when), input);
        at = when + 0.5;
    }
    if scene.refused == "dial drop" && scene.plan == "plan" {
        at = f64::max(at, 2.5);
    }
    let refusal = format!("refused {} {}", scene.refused, script::kind_word(kind));
    let at_once = run.step(Duration::from_secs_f64(at), &refusal);
    let after = run.pass(Duration::from_secs_f64(at + 2.0));
    for command in at_once.iter().chain(&after) {
        match command {
            Command::HangUp(_) => {}
            Command::Dial(_)
            | Command::Screen(_)
            | Command::Listen(_)
            | Command::AwaitReady(_)
            | Command::Play(..)
            | Command::Speak(..)
            | Command::Say(_)
            | Command::Hush(_)
            | Command::Release(_)
            | Command::GiveBack(_)
            | Command::StopPlay(_) => {
                panic!(
                    "{} after {refusal} of {}",
                    script::command_words(*command),
                    scene.name
                )
            }
        }
    }
    for leg in ["busy", "drop"] {
        run.step(Duration::from_secs_f64(at + 2.0), &format!("gone {leg} 16"));
    }
    let report = run.report();
    let outcome = report.map_or("goes on", |report| report.outcome.slug());
    format!("{:<28} {:<28} {outcome}", words(&at_once), words(&after))
}

fn words(commands: &[Command]) -> String {
    if commands.is_empty() {
        return "-".into();
    }
    let words: Vec<_> = commands.iter().map(|&c| script::command_words(c)).collect();
    words.join(", ")
}
