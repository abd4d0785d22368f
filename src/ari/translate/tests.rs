//! Recorded with Asterisk 22.10.1 in the lab; `recorded/failures.jsonl` holds calls to 0105 (a 183 only), 0106 (486),
//! 0107 (404), 0108 (rings until the originate's timeout), 0109 (603) and 0110 (503), one after the other.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    ari::fixture::{DROP, run},
    drop::PbxTime,
    id::Play,
};

#[test]
fn a_delivered_drop_as_asterisk_reports_it() {
    assert_eq!(
        ladder(include_str!("recorded/0101.jsonl")),
        r#"46.431 Ringing(Busy)
46.431 Ringing(Busy)
48.440 Ringing(Drop)
48.442 Ringing(Drop)
48.443 Gone { leg: Busy, cause: Cause { q850: Some(16), sip: None } }
49.441 Answered(Drop)
49.441 Answered(Drop)
49.441 Entered(Drop)
52.160 Screened { leg: Drop, verdict: Machine, cause: "LONGGREETING-1500-1500" }
01.298 Screened { leg: Drop, verdict: Machine, cause: "LONGGREETING-1500-1500" }
01.298 Ready(Drop, Dialplan)
01.300 PlaybackStarted { play: Play(1), at: now }
07.497 PlaybackFinished { play: Play(1), end: Done, at: now }
07.505 Gone { leg: Drop, cause: Cause { q850: Some(16), sip: None } }
"#
    );
}

#[test]
fn a_person_as_asterisk_reports_it() {
    assert_eq!(
        ladder(include_str!("recorded/0102.jsonl")),
        r#"46.406 Ringing(Busy)
46.406 Ringing(Busy)
48.410 Ringing(Drop)
48.410 Ringing(Drop)
48.412 Gone { leg: Busy, cause: Cause { q850: Some(16), sip: None } }
51.411 Answered(Drop)
51.411 Answered(Drop)
51.411 Entered(Drop)
53.596 Screened { leg: Drop, verdict: Human, cause: "HUMAN-1003-1000" }
53.596 Screened { leg: Drop, verdict: Human, cause: "HUMAN-1003-1000" }
53.598 Gone { leg: Drop, cause: Cause { q850: Some(16), sip: None } }
"#
    );
}

#[test]
fn calls_that_fail_as_asterisk_reports_them() {
    assert_eq!(
        ladder(include_str!("recorded/failures.jsonl")),
        r#"57.020 Progress(Drop)
24.784 FarEndHungUp { leg: Drop, cause: Cause { q850: Some(17), sip: Some(486) } }
24.785 Gone { leg: Drop, cause: Cause { q850: Some(17), sip: Some(486) } }
26.718 FarEndHungUp { leg: Drop, cause: Cause { q850: Some(1), sip: Some(404) } }
26.718 Gone { leg: Drop, cause: Cause { q850: Some(1), sip: Some(404) } }
27.044 Ringing(Drop)
27.045 Ringing(Drop)
28.744 Gone { leg: Drop, cause: Cause { q850: Some(19), sip: Some(480) } }
26.734 FarEndHungUp { leg: Drop, cause: Cause { q850: Some(21), sip: Some(603) } }
26.734 Gone { leg: Drop, cause: Cause { q850: Some(21), sip: Some(603) } }
26.740 FarEndHungUp { leg: Drop, cause: Cause { q850: Some(34), sip: Some(503) } }
26.740 Gone { leg: Drop, cause: Cause { q850: Some(34), sip: Some(503) } }
"#
    );
}

#[test]
fn each_return_from_the_dialplan_says_who_answered_and_whether_it_records() {
    let rows: &[(&[&str], &str)] = &[
        (&[], "Entered"),
        (&["MACHINE", "MAXWORDS-3-2", "SILENCE"], "Machine+Ready"),
        (&["MACHINE", "MAXWORDS-3-2", "TIMEOUT"], "Machine+NotReady"),
        (&["MACHINE", "MAXWORDS-3-2", ""], "Machine+NotReady"),
        (&["MACHINE", "MAXWORDS-3-2"], "Machine+Ready"),
        (&["MACHINE"], "Machine+Ready"),
        (&["MACHINE", "MAXWORDS-3-2", "HANGUP"], "Machine"),
        (&["MACHINE", "INITIALSILENCE-2500-2500"], "Unsure"),
        (
            &["MACHINE", "INITIALSILENCE-2500-2500", "SILENCE"],
            "Unsure+Ready",
        ),
        (&["NOTSURE", "TOOLONG-5000"], "Unsure"),
        (&["NOTSURE", "TOOLONG-5000", "SILENCE"], "Unsure+Ready"),
        (&["NOTSURE", "TOOLONG-5000", "TIMEOUT"], "Unsure+NotReady"),
        (&["", ""], "Unsure"),
        (&["", "", "SILENCE"], "Unsure+Ready"),
        (&["machine", "", ""], "Unsure"),
        (&["HUMAN", "HUMAN-803-800"], "Human"),
        (&["HUMAN", "HUMAN-803-800", "SILENCE"], "Human"),
        (&["HUMAN", "HUMAN-803-800", "TIMEOUT"], "Human"),
        (&["HANGUP", ""], ""),
        (&["HANGUP", "", "SILENCE"], ""),
    ];
    for (back, expected) in rows {
        let drop = DROP.to_string();
        let args: Vec<_> = [&drop[..]]
            .into_iter()
            .chain(back.iter().copied())
            .collect();
        let event = on("drop", "StasisStart", json!({ "args": args }));
        assert_eq!(short(&events(&event)), *expected, "{back:?}");

        // The list of channels says the same of a leg that waits.
        let data = format!("app,{}", args.join(","));
        let mut implied = seen(&run(), &[channel("drop", "Up", "Stasis", &data)]);
        let told = implied
            .remove(&DROP)
            .unwrap()
            .legs
            .remove(&Leg::Drop)
            .unwrap();
        assert_eq!(told[0], Event::Answered(Leg::Drop));
        assert_eq!(short(&told[1..]), *expected, "{data}");
    }
}

#[test]
fn a_leg_that_enters_by_another_way_than_ours_says_nothing() {
    let other = DropId::from_u128(9).to_string();
    for args in [
        json!([]),
        json!(["MACHINE", "x", "SILENCE"]),
        json!([other, "MACHINE", "x", "SILENCE"]),
    ] {
        let event = on("drop", "StasisStart", json!({ "args": args }));
        assert_eq!(events(&event), [], "{args}");
    }
}

#[test]
fn the_early_verdict_is_read_from_its_variable_only() {
    let rows = [
        (
            "AFTERTONE_VERDICT",
            "MACHINE,LONGGREETING-1500-1500",
            "Machine",
        ),
        ("AFTERTONE_VERDICT", "HUMAN,HUMAN-803-800", "Human"),
        (
            "AFTERTONE_VERDICT",
            "MACHINE,INITIALSILENCE-2500-2500",
            "Unsure",
        ),
        ("AFTERTONE_VERDICT", "NOTSURE,TOOLONG-5000", "Unsure"),
        ("AFTERTONE_VERDICT", ",", "Unsure"),
        ("AFTERTONE_VERDICT", "HUMAN", "Human"),
        ("AFTERTONE_VERDICT", "HANGUP,", ""),
        ("AMDSTATUS", "MACHINE", ""),
        ("aftertone_verdict", "MACHINE,x", ""),
    ];
    for (variable, value, expected) in rows {
        let event = on(
            "drop",
            "ChannelVarset",
            json!({ "variable": variable, "value": value }),
        );
        assert_eq!(short(&events(&event)), expected, "{variable}={value}");
    }
}

#[test]
fn causes_are_kept_within_what_they_can_be() {
    let rows = [
        (
            json!({ "cause": 17, "tech_cause": 486 }),
            Some(17),
            Some(486),
        ),
        (json!({ "cause": 0 }), Some(0), None),
        (
            json!({ "cause": 127, "tech_cause": 699 }),
            Some(127),
            Some(699),
        ),
        (json!({ "cause": 128, "tech_cause": 200 }), None, None),
        (json!({ "cause": -1, "tech_cause": 700 }), None, None),
        (json!({ "cause": "16", "tech_cause": null }), Some(16), None),
        (json!({}), None, None),
    ];
    for (fields, q850, sip) in rows {
        let cause = Cause { q850, sip };
        let leg = Leg::Busy;
        let destroyed = on("busy", "ChannelDestroyed", fields.clone());
        assert_eq!(events(&destroyed), [Event::Gone { leg, cause }]);
        let request = on("busy", "ChannelHangupRequest", fields.clone());
        assert_eq!(events(&request), [Event::FarEndHungUp { leg, cause }]);
    }
    let ours = on(
        "busy",
        "ChannelHangupRequest",
        json!({ "soft": true, "cause": 32 }),
    );
    assert_eq!(events(&ours), []);
}

#[test]
fn only_done_is_done_and_a_playback_of_another_run_is_ignored() {
    let rows = [
        ("done", PlaybackEnd::Done),
        ("failed", PlaybackEnd::Failed),
        ("canceled", PlaybackEnd::Failed),
        ("", PlaybackEnd::Failed),
    ];
    for (state, end) in rows {
        let finished = json!({ "type": "PlaybackFinished", "timestamp": "1970-01-01T00:00:01.005+0000",
            "playback": { "id": format!("run1-{DROP}-play3"), "state": state } });
        let play = Play(3);
        let at = Some(PbxTime(1_005));
        assert_eq!(
            events(&finished),
            [Event::PlaybackFinished { play, end, at }]
        );
    }
    for id in [
        format!("run2-{DROP}-play1"),
        format!("run1-{DROP}-drop"),
        "x".to_owned(),
    ] {
        let started = json!({ "type": "PlaybackStarted", "playback": { "id": id } });
        assert_eq!(notices_of(&started), []);
    }
}

#[test]
fn a_redirection_ends_the_leg_and_names_the_channel_that_is_dialled_instead() {
    let peer = json!({ "id": format!("run1-{DROP}-busy"), "state": "Down" });
    let other = json!({ "id": "1699999999.17", "state": "Down" });
    let redirected = Notice::Drop {
        drop: DROP,
        event: Event::Redirected(Leg::Busy),
    };
    let forwarded = Notice::Forwarded {
        drop: DROP,
        channel: "1699999999.17".to_owned(),
    };
    let both = [redirected.clone(), forwarded];
    for status in ["", "CANCEL", "ANSWER"] {
        let dial = |forward: &str| json!({ "type": "Dial", "dialstatus": status, "forward": forward, "peer": peer, "forwarded": other });
        assert_eq!(notices_of(&dial("+12025550199@trunk")), both);
        assert_eq!(notices_of(&dial("")), both);
        let alone = json!({ "type": "Dial", "dialstatus": status, "forward": "1@x", "peer": peer });
        assert_eq!(notices_of(&alone), std::slice::from_ref(&redirected));
        let of_others =
            json!({ "type": "Dial", "forward": "1@x", "peer": other, "forwarded": peer });
        assert_eq!(notices_of(&of_others), []);
    }
}

#[test]
fn a_stranger_is_ours_by_the_drop_s_id_that_it_brings_and_by_nothing_less() {
    let drop = DROP.to_string();
    let part = json!({ "id": "1699999999.17", "state": "Up" });
    for (args, ours) in [
        (json!([drop]), Some(DROP)),
        (json!([drop, "MACHINE", "MAXWORDS-3-2"]), Some(DROP)),
        (json!(["hello", drop]), None),
        (json!([&drop[1..]]), None),
        (json!([""]), None),
        (json!([]), None),
    ] {
        let entered = json!({ "type": "StasisStart", "args": args, "channel": part });
        let stranger = Notice::Stranger {
            channel: "1699999999.17".to_owned(),
            ours: None,
            drop: ours,
        };
        assert_eq!(notices_of(&entered), [stranger], "{args}");
    }
}

#[test]
fn the_list_of_channels_shows_what_was_dialled_in_the_place_of_ours() {
    let of = |id: &str, app: &str, data: &str| {
        let mut channel = channel("drop", "Up", app, data);
        channel.id = id.to_owned();
        channel
    };
    let data = format!("app,{DROP}");
    let channels = [
        of("1699999999.17", "Stasis", &data),
        of("1699999999.18", "Stasis", &format!("another,{DROP}")),
        of("1699999999.19", "Stasis", "app,hello"),
        of("1699999999.20", "Dial", &data),
        of(&format!("run1-{DROP}-drop"), "Stasis", &data),
        of(&format!("run2-{DROP}-drop"), "Stasis", &data),
    ];
    assert_eq!(in_place_of_ours("app", &channels), ["1699999999.17"]);
}

#[test]
fn a_channel_that_is_not_of_this_run_is_a_stranger_when_it_enters_and_silent_otherwise() {
    for (id, ours) in [
        (format!("run2-{DROP}-drop"), true),
        (format!("run2-{DROP}-snoop"), true),
        (format!("run1-{DROP}-drop;2"), false),
        ("1699999999.17".to_owned(), false),
    ] {
        let part = json!({ "id": id, "state": "Up" });
        let entered = json!({ "type": "StasisStart", "args": [DROP.to_string()], "channel": part });
        let stranger = Notice::Stranger {
            channel: id.clone(),
            ours: id.parse().ok(),
            drop: Some(DROP),
        };
        assert_eq!(id.parse::<ChannelId>().is_ok(), ours);
        assert_eq!(notices_of(&entered), [stranger]);
        for kind in [
            "ChannelStateChange",
            "ChannelDestroyed",
            "ChannelHangupRequest",
        ] {
            let event = json!({ "type": kind, "channel": part });
            // Of a call of somebody else's it may be waited for.
            let left = (!ours && kind == "ChannelDestroyed").then(|| {
                let channel = id.clone();
                Notice::Caller(CallerDid::Left { channel })
            });
            let told: Vec<_> = left.into_iter().collect();
            assert_eq!(notices_of(&event), told, "{kind} of {id}");
        }
    }
}

#[test]
fn a_caller_presses_keys_hears_prompts_and_goes() {
    let channel = || "1699999999.17".to_owned();
    let part = json!({ "id": channel(), "state": "Up" });
    let told = |event: Value| match &notices_of(&event)[..] {
        [Notice::Caller(did)] => Some(did.clone()),
        _ => None,
    };
    let key =
        |digit: &str| json!({ "type": "ChannelDtmfReceived", "channel": part, "digit": digit });
    let pressed = |key| CallerDid::Pressed {
        channel: channel(),
        key,
    };
    assert_eq!(told(key("9")), Some(pressed('9')));
    assert_eq!(told(key("#")), Some(pressed('#')));
    assert_eq!(told(key("")), None);
    assert_eq!(told(key("99")), None);
    // Of a leg of ours a key says nothing.
    let ours = json!({ "id": format!("run1-{DROP}-drop"), "state": "Up" });
    let of_ours = json!({ "type": "ChannelDtmfReceived", "channel": ours, "digit": "9" });
    assert_eq!(told(of_ours), None);
    for kind in ["StasisEnd", "ChannelDestroyed"] {
        let left = CallerDid::Left { channel: channel() };
        assert_eq!(told(json!({ "type": kind, "channel": part })), Some(left));
    }
    let finished = |id: &str, state: &str| json!({ "type": "PlaybackFinished", "playback": { "id": id, "state": state } });
    for (state, is_whole) in [("done", true), ("failed", false)] {
        let heard = CallerDid::Heard {
            playback: "callback-1-2".to_owned(),
            is_whole,
        };
        assert_eq!(told(finished("callback-1-2", state)), Some(heard));
    }
    assert_eq!(told(finished("somebody's", "done")), None);
    assert!(told(finished("record-1-2", "done")).is_some());
    for (kind, is_there) in [("RecordingFinished", true), ("RecordingFailed", false)] {
        let event =
            json!({ "type": kind, "recording": { "name": "aftertone-record-1", "state": "done" } });
        let recording = "aftertone-record-1".to_owned();
        let did = CallerDid::Recorded {
            recording,
            is_there,
        };
        assert_eq!(told(event), Some(did));
    }
}

#[test]
fn a_channel_that_serves_a_drop_reports_that_it_entered_and_what_amd_said() {
    let told = |role: &str, args: &[&str]| {
        let channel = format!("run1-{DROP}-{role}");
        let event = json!({ "type": "StasisStart", "args": args, "channel": { "id": channel } });
        match notices_of(&event).as_slice() {
            [Notice::Aid { channel: id, did }] => {
                assert_eq!(id.to_string(), channel);
                did.clone()
            }
            other => panic!("{other:?}"),
        }
    };
    let drop = DROP.to_string();
    assert_eq!(told("snoop", &[&drop]), AidDid::Entered);
    assert_eq!(told("tap", &[]), AidDid::Entered);
    assert_eq!(told("amd", &[&drop]), AidDid::Entered);
    let judged = told("amd", &[&drop, "HUMAN", "HUMAN-1000-1000"]);
    assert_eq!(judged, AidDid::Judged("HUMAN".to_owned()));
}

#[test]
fn a_list_of_channels_says_which_legs_exist_and_what_they_have_been_through() {
    let other = DropId::from_u128(9);
    let mut foreign = channel("busy", "Up", "Stasis", "app");
    foreign.id = format!("run2-{other}-busy");
    let list = [
        channel("busy", "Down", "AppDial2", "(Outgoing Line)"),
        channel("drop", "Ringing", "AppDial2", "(Outgoing Line)"),
        channel("snoop", "Up", "Stasis", "app"),
        foreign,
        Channel::default(),
    ];
    let mut drops = seen(&run(), &list);
    let legs = drops.remove(&DROP).unwrap().legs;
    assert_eq!(legs[&Leg::Busy], []);
    assert_eq!(legs[&Leg::Drop], [Event::Ringing(Leg::Drop)]);
    assert!(drops.is_empty(), "another run's drop is not ours");
    let ids: Vec<_> = ours(&list).map(|id| id.to_string()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids.contains(&format!("run2-{other}-busy")));

    let screening = channel("drop", "Up", "AMD", "2500,1500");
    let legs = seen(&run(), &[screening]).remove(&DROP).unwrap().legs;
    assert_eq!(legs[&Leg::Drop], [Event::Answered(Leg::Drop)]);
}

#[test]
fn events_that_say_nothing_say_nothing() {
    for (kind, fields) in [
        ("Dial", json!({ "dialstatus": "" })),
        ("Dial", json!({ "dialstatus": "NOANSWER" })),
        ("Dial", json!({ "dialstatus": "RINGING" })),
        ("ChannelStateChange", json!({})),
        ("ChannelDialplan", json!({})),
        ("StasisEnd", json!({})),
        ("ChannelCreated", json!({})),
        ("SomethingOfAsterisk30", json!({ "cause": { "a": 1 } })),
        ("", json!({})),
    ] {
        assert_eq!(notices_of(&on("drop", kind, fields)), [], "{kind}");
    }
    assert_eq!(notices_of(&json!({ "channel": {} })), []);
}

proptest! {
    /// Whatever the fields of a known event hold, it is read, and never says that a message may be played unless
    /// the dialplan said so in so many words.
    #[test]
    fn no_json_breaks_it(kind in kinds(), fields in proptest::collection::btree_map(names(), values(), 0..8)) {
        let mut event = serde_json::Map::from_iter(fields);
        event.insert("type".to_owned(), Value::String(kind));
        let text = Value::Object(event).to_string();
        let parsed = wire::WireEvent::parse(&text).unwrap();
        for notice in translate(&run(), &parsed) {
            if let Notice::Drop { event: Event::Ready(..), .. } = notice {
                prop_assert!(text.contains("SILENCE"));
            }
        }
    }
}

fn kinds() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("StasisStart"),
        Just("Dial"),
        Just("ChannelVarset"),
        Just("ChannelDestroyed"),
        Just("ChannelHangupRequest"),
        Just("ChannelStateChange"),
        Just("PlaybackStarted"),
        Just("PlaybackFinished"),
    ]
    .prop_map(str::to_owned)
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("channel"),
        Just("peer"),
        Just("playback"),
        Just("args"),
        Just("cause"),
        Just("tech_cause"),
        Just("soft"),
        Just("variable"),
        Just("value"),
        Just("timestamp"),
        Just("dialstatus"),
        Just("other"),
    ]
    .prop_map(str::to_owned)
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("AFTERTONE_VERDICT")),
        Just(Value::from("MACHINE")),
        Just(Value::from("SILENCE")),
        Just(Value::from(DROP.to_string())),
        Just(json!({ "id": format!("run1-{DROP}-drop"), "state": "Up" })),
        Just(json!({ "id": format!("run1-{DROP}-play1"), "state": "done" })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("id|state|[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(serde_json::Map::from_iter(map))),
        ]
    })
}

/// An event of one of this run's channels.
fn on(role: &str, kind: &str, fields: Value) -> Value {
    let mut event = json!({ "type": kind, "channel": { "id": format!("run1-{DROP}-{role}") } });
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    event.as_object_mut().unwrap().extend(fields);
    event
}

fn channel(role: &str, state: &str, app_name: &str, app_data: &str) -> Channel {
    serde_json::from_value(json!({
        "id": format!("run1-{DROP}-{role}"),
        "state": state,
        "dialplan": { "app_name": app_name, "app_data": app_data },
    }))
    .unwrap()
}

#[test]
fn a_call_of_somebody_else_s_says_what_it_is_there_for() {
    let enters = |id: &str, args: &[&str]| {
        notices_of(&serde_json::json!({
            "type": "StasisStart", "args": args, "channel": {"id": id, "state": "Up"},
        }))
    };
    let arrived = |args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        vec![Notice::Arrived(Arrival {
            channel: "1700000000.42".to_owned(),
            args,
            is_late: false,
        })]
    };
    let leave = ["leave", "spring", "", "+12025550101"];
    assert_eq!(enters("1700000000.42", &leave), arrived(&leave));
    assert_eq!(
        enters("1700000000.42", &["fetched", "7"]),
        arrived(&["fetched", "7"])
    );
    // Neither a word that is not known, nor a channel that this program made.
    let ours = ChannelId::leg(RunName::new("other").unwrap(), DROP, Leg::Drop).to_string();
    for (id, args) in [
        ("1700000000.42", ["else", "x"]),
        (&*ours, ["leave", "spring"]),
    ] {
        let told = enters(id, &args);
        assert!(matches!(told[..], [Notice::Stranger { .. }]), "{told:?}");
    }
}

#[test]
fn a_call_that_waits_is_found_in_the_list_of_channels() {
    let channel = |id: &str, app_name: &str, app_data: &str| -> Channel {
        serde_json::from_value(serde_json::json!({
            "id": id, "state": "Up", "dialplan": {"app_name": app_name, "app_data": app_data},
        }))
        .unwrap()
    };
    let channels = [
        channel("17.1", "Stasis", "aftertone,leave,spring,now"),
        channel("17.2", "Stasis", "aftertone2,leave,spring"),
        channel("17.3", "Wait", "aftertone,leave,spring"),
        channel("17.4", "Stasis", "aftertone"),
        channel("17.5", "Stasis", &format!("aftertone,{DROP},EARS,SUCCESS")),
    ];
    let found = waiting("aftertone", &channels);
    let found: Vec<_> = found
        .iter()
        .map(|each| (&*each.channel, each.is_late))
        .collect();
    assert_eq!(found, [("17.1", true)]);
    assert_eq!(
        waiting("aftertone", &channels)[0].args,
        ["leave", "spring", "now"]
    );
    assert_eq!(in_place_of_ours("aftertone", &channels), ["17.5"]);
}

fn notices_of(event: &Value) -> Vec<Notice> {
    let text = event.to_string();
    translate(&run(), &wire::WireEvent::parse(&text).unwrap()).collect()
}

fn events(event: &Value) -> Vec<Event> {
    let notices = notices_of(event).into_iter();
    notices
        .map(|notice| match notice {
            Notice::Drop { drop, event } => {
                assert_eq!(drop, DROP);
                event
            }
            Notice::Aid { .. }
            | Notice::Stranger { .. }
            | Notice::Arrived(_)
            | Notice::Caller(_)
            | Notice::Forwarded { .. } => {
                panic!("no leg")
            }
        })
        .collect()
}

/// The events of a return from the dialplan in short.
fn short(events: &[Event]) -> String {
    let words = events.iter().map(|event| {
        if let Event::Screened { verdict, .. } = event {
            return format!("{verdict:?}");
        }
        let word = format!("{event:?}");
        word.replace("(Drop, Dialplan)", "").replace("(Drop)", "")
    });
    words.collect::<Vec<_>>().join("+")
}

/// Each message's time within its minute, and what it says to the drop.
fn ladder(recorded: &str) -> String {
    let mut text = String::new();
    for line in recorded.lines() {
        let message = wire::WireEvent::parse(line).unwrap();
        let time = message.timestamp.as_str();
        let at = &time[17..23];
        for notice in translate(&run(), &message) {
            let Notice::Drop { drop, event } = notice else {
                panic!("no leg");
            };
            assert_eq!(drop, DROP);
            let told = format!("{event:?}");
            // The time that an event carries is the message's own.
            let own = format!("{:?}", wire::pbx_time(time));
            writeln!(text, "{at} {}", told.replace(&own, "now")).unwrap();
        }
    }
    text
}
