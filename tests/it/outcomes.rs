//! Every way in which a call can go, through the real program: outcome, exit status, what `--json` says.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use aftertone::words::Leg;
use futures::{StreamExt, stream};

use crate::{
    fake::{
        Settings,
        fault::Kind,
        script::{Call, Far, Playback, Script},
    },
    program::{NUMBER, Program, carried_out_plays, count, pbx},
};

#[tokio::test]
async fn every_end_of_a_call_has_its_outcome_and_exit_status() {
    let ms = Duration::from_millis;
    let unsure = Some(("when_unsure", "play"));
    let go_on = Some(("when_busy_leg_answered", "continue"));
    let give_up = Some(("when_busy_leg_answered", "give_up"));
    let impatient = Some(("answer_timeout", "1s"));
    let rings_and_answers = || Script(vec![Call::mailbox(), Call::mailbox()]);
    let hangs_up = |after| {
        let steps = [(30, Far::Ringing), (60, Far::Answer), (after, Far::HangUp)];
        Script(vec![Call::ringing_for_ever(), Call::of(&steps)])
    };
    let progress_only = [(30, Far::Progress), (200, Far::Answer)];
    let rows = [
        ("a mailbox", Script::mailbox(), None, "delivered", 0, 1),
        (
            "a person",
            Script::mailbox().found("HUMAN", "HUMAN-803-800"),
            None,
            "human",
            1,
            0,
        ),
        (
            "a person, playing when unsure",
            Script::mailbox().found("HUMAN", "HUMAN-803-800"),
            unsure,
            "human",
            1,
            0,
        ),
        (
            "silence",
            Script::mailbox().found("MACHINE", "INITIALSILENCE-2500-2500"),
            None,
            "unsure",
            1,
            0,
        ),
        (
            "not sure",
            Script::mailbox().found("NOTSURE", "TOOLONG-5000"),
            None,
            "unsure",
            1,
            0,
        ),
        (
            "no verdict",
            Script::mailbox().found("", ""),
            None,
            "unsure",
            1,
            0,
        ),
        (
            "not sure, playing all the same",
            Script::mailbox().found("NOTSURE", "TOOLONG-5000"),
            unsure,
            "delivered",
            0,
            1,
        ),
        (
            "hangs up before the verdict",
            hangs_up(20),
            None,
            "hung_up",
            1,
            0,
        ),
        (
            "hangs up before the ready point",
            hangs_up(90),
            None,
            "hung_up",
            1,
            0,
        ),
        (
            "hangs up during the message",
            Script::mailbox().playing(Playback::HungUp(ms(80))),
            None,
            "cut_off",
            1,
            1,
        ),
        (
            "the file does not play",
            Script::mailbox().playing(Playback::Failed),
            None,
            "error",
            1,
            1,
        ),
        (
            "183 only",
            Script(vec![Call::ringing_for_ever(), Call::of(&progress_only)]),
            None,
            "delivered",
            0,
            1,
        ),
        ("busy", Script::refusing(17, 486), None, "busy", 1, 0),
        (
            "unallocated",
            Script::refusing(1, 404),
            None,
            "invalid_number",
            1,
            0,
        ),
        (
            "declined",
            Script::refusing(21, 603),
            None,
            "rejected",
            1,
            0,
        ),
        (
            "no circuit",
            Script::refusing(34, 503),
            None,
            "congestion",
            1,
            0,
        ),
        (
            "another cause",
            Script::refusing(31, 400),
            None,
            "failed",
            1,
            0,
        ),
        (
            "rings for ever",
            Script(vec![Call::ringing_for_ever()]),
            impatient,
            "no_answer",
            1,
            0,
        ),
        (
            "the first call is answered",
            rings_and_answers(),
            None,
            "delivered",
            0,
            1,
        ),
        (
            "the first call is answered, and let go",
            rings_and_answers(),
            go_on,
            "delivered",
            0,
            1,
        ),
        (
            "the first call is answered, and that ends it",
            rings_and_answers(),
            give_up,
            "unsure",
            1,
            0,
        ),
    ];
    let runs = rows.into_iter().map(
        |(name, script, setting, outcome, status, plays)| async move {
            let program = Program::new(pbx(script)).await;
            if let Some((key, value)) = setting {
                program.set(key, value);
            }
            let ended = program.drop(&[]).await;
            program.assert_clean(name, &ended);
            let played = program.fake.with(|world| carried_out_plays(world));
            let was = (ended.outcome(), ended.status, played);
            let wanted = (outcome.to_owned(), Some(status), plays);
            (was != wanted).then(|| {
                format!(
                    "{name}: {was:?}, not {wanted:?}\n{ended:?}\n{}",
                    program.fake.ladder()
                )
            })
        },
    );
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(6)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_pbx_without_our_context_ends_the_call_and_we_say_where_to_look() {
    for mode in ["dialplan", "listen"] {
        let settings = Settings {
            context: "another".into(),
            listen_context: "another-one".into(),
            ..Settings::default()
        };
        let program = Program::new(settings).await;
        let ended = program.drop(&["--mode", mode]).await;
        program.assert_clean(mode, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), "unsure", "{ended:?}");
        let words = json["words"].as_str().unwrap_or_default();
        assert!(words.contains("`aftertone doctor`"), "{mode}: {json:#}");
    }
}

#[tokio::test]
async fn a_recording_is_played_whole_and_its_file_goes_with_the_drop() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.record("message.wav", 1_300);
    let ended = program
        .run(&["drop", NUMBER, "--message", "./message.wav", "--json"])
        .await;
    program.assert_clean("a recording", &ended);
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("delivered", Some(0)),
        "{ended:?}"
    );
    let played = ended.json()["played_ms"].as_u64().unwrap();
    assert!((1_300..2_000).contains(&played), "{played} ms: {ended:?}");
    let left: Vec<_> = std::fs::read_dir(program.path("sounds")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_message_that_ends_early_is_not_delivered() {
    let early = Playback::Early(Duration::from_millis(300));
    let program = Program::new(pbx(Script::mailbox().playing(early))).await;
    program.record("message.wav", 1_300);
    let ended = program
        .run(&["drop", NUMBER, "--message", "./message.wav", "--json"])
        .await;
    assert_ne!(ended.outcome(), "delivered", "{ended:?}");
    assert_eq!(ended.status, Some(1));
    program.assert_clean("an early end", &ended);
}

#[tokio::test]
async fn a_message_whose_end_is_never_reported_is_lost() {
    let program = Program::new(pbx(Script::mailbox().playing(Playback::Endless))).await;
    program.record("message.wav", 1_300);
    let ended = program
        .run(&["drop", NUMBER, "--message", "./message.wav", "--json"])
        .await;
    let end = (ended.outcome(), ended.status);
    assert_eq!(end, ("lost".into(), Some(1)), "{ended:?}");
    program.assert_clean("no end", &ended);
}

#[tokio::test]
async fn the_json_object_has_its_documented_keys() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let ended = program.drop(&[]).await;
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    assert_eq!(ended.spoken(), "", "nothing is said where all is well");
    insta::assert_snapshot!(without_times(&ended.stdout), @r#"{"drop":"DROP","number":"+1202•••0101","outcome":"delivered","verdict":"machine","amd_cause":"LONGGREETING-1500-1500","promoted":false,"ready_by":"dialplan","played_ms":N,"restarts":0,"heard_ms":N,"ended_by":"us","legs":{"busy":{"channel":"RUN-DROP-busy","q850":16,"sip":null},"drop":{"channel":"RUN-DROP-drop","q850":16,"sip":null}},"timeline":[{"at_ms":N,"event":"busy_dialled"},{"at_ms":N,"event":"busy_alerting"},{"at_ms":N,"event":"drop_dialled"},{"at_ms":N,"event":"drop_alerting"},{"at_ms":N,"event":"busy_hung_up"},{"at_ms":N,"event":"busy_gone"},{"at_ms":N,"event":"drop_answered"},{"at_ms":N,"event":"verdict"},{"at_ms":N,"event":"ready"},{"at_ms":N,"event":"play_started"},{"at_ms":N,"event":"play_finished"},{"at_ms":N,"event":"drop_hung_up"},{"at_ms":N,"event":"drop_gone"}],"ready_at_ms":N,"beep":null,"proof":"probable","proof_reasons":["no beep was heard: the PBX's dialplan waited for silence","only the PBX knows how long the message is, and says that it played","not listened to while it played","line up at the end"]}"#);

    let program = Program::new(pbx(Script::refusing(17, 486))).await;
    let ended = program.drop(&["--full-number"]).await;
    insta::assert_snapshot!(without_times(&ended.stdout), @r#"{"drop":"DROP","number":"+12025550101","outcome":"busy","verdict":null,"amd_cause":null,"promoted":false,"ready_by":null,"played_ms":N,"restarts":0,"heard_ms":N,"ended_by":"far_end","legs":{"busy":{"channel":"RUN-DROP-busy","q850":17,"sip":486},"drop":null},"timeline":[{"at_ms":N,"event":"busy_dialled"},{"at_ms":N,"event":"busy_gone"}],"ready_at_ms":null,"beep":null,"proof":"unproven","proof_reasons":["the number is busy","nothing was played"]}"#);
}

#[tokio::test]
async fn the_timeline_on_standard_output_reads_as_it_happens() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let ended = program
        .run(&["drop", NUMBER, "--message", "sound:hello-world"])
        .await;
    insta::assert_snapshot!(without_times(&ended.stdout), @r#"
    drop DROP: sound:hello-world to +1202•••0101
        T  busy leg dialled
        T  busy leg rings
        T  drop leg dialled
        T  drop leg rings
        T  busy leg let go
        T  busy leg gone
        T  drop leg answered
        T  verdict: machine (LONGGREETING-1500-1500)
        T  the mailbox records
        T  message playing
        T  playback over
        T  drop leg let go
        T  drop leg gone
    delivered: the whole message (T s) was played after the mailbox's greeting
    proof: probable (no beep was heard: the PBX's dialplan waited for silence; only the PBX knows how long the message is, and says that it played; not listened to while it played; line up at the end)
    "#);
    assert!(!ended.stdout.contains("2025550101"), "{ended:?}");
}

#[tokio::test]
async fn the_requests_of_a_drop_are_these_in_this_order() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.drop(&[]).await;
    let requests = program.fake.with(|world| crate::program::requests(world));
    insta::assert_snapshot!(without_times(&requests), @r#"
    POST /asterisk/variable? {"variable":"AFTERTONE_PBX","value":"DROP"}
    GET /events?app=aftertone-RUN
    GET /channels?
    GET /endpoints/PJSIP/carrier?
    POST /channels? {"channelId":"RUN-DROP-busy","endpoint":"PJSIP/+12025550101@carrier","callerId":"+12025550100","app":"aftertone-RUN","appArgs":"DROP","timeout":4,"variables":{"AFTERTONE_APP":"aftertone-RUN","AFTERTONE_DROP":"DROP","AFTERTONE_READY_TIMEOUT":"3","AFTERTONE_WHEN_UNSURE":"hang_up","CDR_PROP(disable)":"1","FORWARD_CONTEXT":"aftertone-redirects-nowhere","TIMEOUT(absolute)":"14"}}
    POST /channels? {"channelId":"RUN-DROP-drop","endpoint":"PJSIP/+12025550101@carrier","callerId":"+12025550100","app":"aftertone-RUN","appArgs":"DROP","timeout":3,"variables":{"AFTERTONE_APP":"aftertone-RUN","AFTERTONE_DROP":"DROP","AFTERTONE_READY_TIMEOUT":"3","AFTERTONE_WHEN_UNSURE":"hang_up","FORWARD_CONTEXT":"aftertone-redirects-nowhere","TIMEOUT(absolute)":"13"}}
    DELETE /channels/RUN-DROP-busy?
    POST /channels/RUN-DROP-drop/variable? {"variable":"TIMEOUT(absolute)","value":"5"}
    POST /channels/RUN-DROP-drop/continue? {"context":"aftertone-screen","extension":"s","priority":1}
    POST /channels/RUN-DROP-drop/variable? {"variable":"TIMEOUT(absolute)","value":"305"}
    POST /channels/RUN-DROP-drop/play/RUN-DROP-play1? {"media":"sound:hello-world"}
    DELETE /channels/RUN-DROP-drop?
    GET /channels?
    "#);
}

#[tokio::test]
async fn one_call_is_made_if_the_technique_is_single() {
    let script = Script(vec![Call::mailbox()]);
    let program = Program::new(pbx(script)).await;
    let ended = program.drop(&["--technique", "single"]).await;
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("delivered", Some(0)),
        "{ended:?}"
    );
    let legs = program
        .fake
        .with(|world| [Leg::Busy, Leg::Drop].map(|leg| count(world, Kind::Originate, Some(leg))));
    assert_eq!(legs, [0, 1]);
    assert_eq!(ended.json()["legs"]["busy"], serde_json::Value::Null);
}

#[tokio::test]
async fn an_answer_that_crosses_our_hang_up_does_not_bring_the_leg_back() {
    // The busy leg is answered 40 ms after it was asked to end, and ends 40 ms after that.
    let busy = Call::of(&[(30, Far::Ringing), (250, Far::Answer)]);
    let settings = Settings {
        hang_up_takes: Duration::from_millis(150),
        ..pbx(Script(vec![busy, Call::mailbox()]))
    };
    let program = Program::new(settings).await;
    let ended = program.drop(&[]).await;
    assert_eq!(
        ended.outcome(),
        "delivered",
        "{ended:?}\n{}",
        program.fake.ladder()
    );
    assert_eq!(ended.json()["promoted"], false);
    program.assert_clean("a crossing", &ended);
}

/// Ids and times replaced by what they are.
pub(crate) fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = |of: &str| of.bytes().take_while(u8::is_ascii_digit).count();
        let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if let Some(after) = rest.strip_prefix("aftertonex") {
            out.push_str("RUN");
            rest = &after[9..];
        } else if hex == 32 {
            out.push_str("DROP");
            rest = &rest[32..];
        } else if let Some(after) = rest.strip_prefix("_ms\":") {
            let number = digits(after);
            out.push_str(if number > 0 { "_ms\":N" } else { "_ms\":" });
            rest = &after[number..];
        } else if digits(rest) > 0 && rest[digits(rest)..].starts_with('.') {
            let whole = digits(rest) + 1;
            let length = whole + digits(&rest[whole..]);
            out.push('T');
            rest = &rest[length..];
        } else {
            let first = rest.chars().next().unwrap();
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}
