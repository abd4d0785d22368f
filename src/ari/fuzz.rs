//! The PBX's messages: whatever text comes over the websocket, and whatever list of channels a request brings.

use serde_json::Value;

use super::{
    CallerDid, Channel, Notice,
    fixture::run,
    ours, seen,
    translate::translate,
    wire::{self, pbx_time},
};
use crate::{
    drop::{Event, PlaybackEnd},
    fuzz::Target,
    id::{ChannelId, DropId, PlaybackId, Role},
    words::Verdict,
};

#[test]
fn any_message_says_what_stands_in_it_or_nothing() {
    let target = Target {
        name: "events",
        inputs: 20_000,
        longest: 4_000,
        words: WORDS,
    };
    target.check(|input| {
        let text = String::from_utf8_lossy(input);
        let _ = pbx_time(&text);
        let parsed = serde_json::from_str::<Value>(&text).ok();
        let heard = notices(&text);
        assert!(heard.is_none() || parsed.as_ref().is_none_or(Value::is_object));
        let Some(value) = parsed else { return };
        if let Ok(channels) = serde_json::from_value::<Vec<Channel>>(value.clone()) {
            listed(&channels);
        }
        if value.is_object() {
            message(value);
        }
    });
}

/// One message that is a JSON object, with each field once.
fn message(mut value: Value) {
    let heard = notices(&value.to_string()).expect("an object is read, whatever its fields");
    for notice in &heard {
        stands_in(notice, &value);
    }
    let last = heard.last();
    if let Some(Notice::Drop {
        event: Event::Ready(..),
        ..
    }) = last
    {
        let first = &heard[0];
        let Notice::Drop {
            event: Event::Screened { verdict, .. },
            ..
        } = first
        else {
            panic!("ready before anybody was heard: {heard:?}");
        };
        assert_ne!(*verdict, Verdict::Human, "{heard:?}");
    }
    // Asterisk's next version may say it otherwise, and more.
    let (which, size) = (value.to_string().len(), ODD.len());
    let mut odd = value.clone();
    odd[FIELDS[which % FIELDS.len()]] = serde_json::from_str(ODD[which / 7 % size]).unwrap();
    assert!(notices(&odd.to_string()).is_some(), "{odd}");
    value["of another version"] = serde_json::json!([{ "id": 1 }, "x", null]);
    assert_eq!(notices(&value.to_string()), Some(heard));
}

fn notices(text: &str) -> Option<Vec<Notice>> {
    let event = wire::WireEvent::parse(text).ok()?;
    Some(translate(&run(), &event).collect())
}

/// A notice is about something whose id the message holds, and says no more than it does.
fn stands_in(notice: &Notice, value: &Value) {
    let text = |path: &str| {
        value
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let ids = ["/channel/id", "/peer/id"].map(text);
    match notice {
        Notice::Drop { drop, event } => {
            let of_drop = |id: &&str| {
                let channel = id.parse::<ChannelId>();
                channel.is_ok_and(|id| {
                    id.run == run() && id.drop == *drop && matches!(id.role, Role::Leg(_))
                })
            };
            let plays = text("/playback/id").parse::<PlaybackId>();
            let plays = plays.is_ok_and(|id| id.run == run() && id.drop == *drop);
            assert!(plays || ids.iter().any(of_drop), "{notice:?} of {value}");
            told(event, value, text);
        }
        Notice::Aid { channel, .. } => {
            assert!(channel.run == run() && !matches!(channel.role, Role::Leg(_)));
            assert!(ids.contains(&channel.to_string().as_str()), "{notice:?}");
        }
        Notice::Stranger { channel, .. } => assert!(ids.contains(&channel.as_str())),
        Notice::Arrived(arrival) => assert!(ids.contains(&arrival.channel.as_str())),
        Notice::Caller(CallerDid::Pressed { channel, .. } | CallerDid::Left { channel }) => {
            assert!(ids.contains(&channel.as_str()))
        }
        Notice::Caller(CallerDid::Heard { .. }) => {}
        Notice::Caller(CallerDid::Recorded { recording, .. }) => {
            assert_eq!(recording, text("/recording/name"))
        }
        Notice::Forwarded { channel, .. } => assert_eq!(channel, text("/forwarded/id")),
    }
}

fn told<'a>(event: &Event, value: &Value, text: impl Fn(&str) -> &'a str) {
    let ids = [text("/channel/id"), text("/args/0")];
    if let Event::Screened {
        verdict: Verdict::Machine,
        ..
    } = event
    {
        let status = [
            text("/args/1"),
            text("/value").split(',').next().unwrap_or_default(),
        ];
        assert!(status.contains(&"MACHINE"), "{event:?} of {value}");
    }
    if matches!(event, Event::Entered(_) | Event::Ready(..)) {
        assert!(
            ids[1].parse::<DropId>().is_ok() && ids[0].contains(ids[1]),
            "{event:?}"
        );
    }
    if let Event::PlaybackFinished {
        end: PlaybackEnd::Done,
        ..
    } = event
    {
        assert_eq!(text("/playback/state"), "done", "{event:?}");
    }
}

/// A list names each drop's legs once, and none of another run.
fn listed(channels: &[Channel]) {
    let mine: Vec<_> = ours(channels).collect();
    for (drop, seen) in seen(&run(), channels) {
        for leg in seen.legs.keys() {
            assert!(mine.contains(&ChannelId::leg(run(), drop, *leg)));
        }
    }
    for channel in channels {
        let _ = channel.created();
    }
}

/// What is read of a message.
const FIELDS: [&str; 13] = [
    "type",
    "timestamp",
    "application",
    "channel",
    "peer",
    "playback",
    "args",
    "dialstatus",
    "variable",
    "value",
    "cause",
    "tech_cause",
    "soft",
];

/// Values of every type, which no field has to understand.
const ODD: [&str; 7] = [
    "null",
    "true",
    "-1.5",
    "18446744073709551615",
    "\"\\u0000\"",
    "[[1], {}]",
    "{\"id\": [2], \"state\": {\"a\": 1}}",
];

const WORDS: &[&[u8]] = &[
    b"{\"type\":\"",
    b"\"channel\":{\"id\":\"run1-0123456789abcdef0123456789abcdef-drop\"},",
    b"run1-0123456789abcdef0123456789abcdef-busy",
    b"run1-0123456789abcdef0123456789abcdef-amd",
    b"run1-0123456789abcdef0123456789abcdef-play1",
    b"run1-0123456789abcdef0123456789abcdef-play99999",
    b"0123456789abcdef0123456789abcdef",
    b"\"args\":[\"0123456789abcdef0123456789abcdef\",\"MACHINE\",\"TOOLONG\",\"SILENCE\"],",
    b"StasisStart",
    b"ChannelVarset",
    b"ChannelDestroyed",
    b"PlaybackFinished",
    b"\"soft\":true,",
    b"\"cause\":16,",
    b"\"HUMAN\",",
    b"1e999",
    b"-0.0",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\"",
    b"}",
];
