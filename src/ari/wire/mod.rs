//! What Asterisk sends, as far as this program reads it.
//!
//! Reading is tolerant: a field that is not known is skipped, one that is missing or of another type than expected
//! counts as absent. An event borrows from its message as far as it can: the PBX sends some forty a drop.

mod loose;

use serde::{Deserialize, de};

pub(super) use loose::{Flag, List, Number, Object, Text};

use crate::drop::PbxTime;

/// One message of the event websocket: the fields of all events that matter here, each set if its event has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireEvent<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow)]
    pub(super) application: Text<'a>,
    #[serde(borrow)]
    pub(super) channel: Object<EventPart<'a>>,
    /// The channel that is dialled.
    #[serde(borrow)]
    pub(super) peer: Object<EventPart<'a>>,
    #[serde(borrow)]
    pub(super) playback: Object<EventPart<'a>>,
    #[serde(borrow)]
    pub(super) recording: Object<RecordingPart<'a>>,
    #[serde(borrow)]
    pub(super) args: List<'a>,
    #[serde(borrow)]
    pub(super) dialstatus: Text<'a>,
    /// The number that the network answered with, if it redirects the call.
    #[serde(borrow)]
    pub(super) forward: Text<'a>,
    /// The channel that the PBX dials instead then.
    #[serde(borrow)]
    pub(super) forwarded: Object<EventPart<'a>>,
    /// The key that was pressed.
    #[serde(borrow)]
    pub(super) digit: Text<'a>,
    #[serde(borrow)]
    pub(super) variable: Text<'a>,
    #[serde(borrow)]
    pub(super) value: Text<'a>,
    pub(super) cause: Number,
    /// Last SIP status of a call that failed; since 20.17, 22.7 and 23.1.
    pub(super) tech_cause: Number,
    pub(super) soft: Flag,
}

impl<'a> WireEvent<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub(super) fn parse(text: &'a str) -> serde_json::Result<Self> {
        // A list would otherwise be taken for the fields in their order.
        let object: Object<Self> = serde_json::from_str(text)?;
        object.0.ok_or_else(|| de::Error::custom("not an object"))
    }
}

/// A channel or a playback in an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EventPart<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) state: Text<'a>,
}

/// A recording in an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RecordingPart<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

/// A channel of the PBX, from the list of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// Its id, which we chose if it is ours.
    pub id: String,
    /// The PBX's own name for it, such as `PJSIP/trunk-0000000a`.
    pub name: String,
    /// `Down`, `Ringing`, `Up` and rarer ones.
    pub state: String,
    /// When it was made, as the PBX writes it; see [`Channel::created`].
    pub creationtime: String,
    /// Its place in the dialplan.
    pub dialplan: Dialplan,
    /// Whose call it is.
    pub caller: Caller,
}

/// Whose call a channel is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Caller {
    /// The number, as the PBX has it; empty if it is withheld. Of a call that goes out, the number that is called.
    pub number: String,
}

impl Channel {
    /// When it was made, on the PBX's clock; `None` if that cannot be read.
    pub fn created(&self) -> Option<PbxTime> {
        pbx_time(&self.creationtime)
    }
}

/// A channel's place in the dialplan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Dialplan {
    /// The context.
    pub context: String,
    /// The extension.
    pub exten: String,
    /// The application that runs; `Stasis` if the channel waits for us. Empty before Asterisk 18.
    pub app_name: String,
    /// The application's arguments, separated by commas.
    pub app_data: String,
}

/// A playback that the PBX knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Playback {
    /// The playback's id.
    pub id: String,
    /// `queued`, `playing`, `continuing`, `done` or `failed`.
    pub state: String,
}

/// What the PBX says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AsteriskInfo {
    /// The PBX's version.
    pub system: AsteriskSystem,
}

/// The part of [`AsteriskInfo`] that names the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AsteriskSystem {
    /// Such as `22.10.1`, with whatever the distribution has added.
    pub version: String,
    /// The PBX's own id, the same as long as its host is.
    pub entity_id: String,
}

/// A sign of life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ping {
    /// The PBX's time, as it writes it; see [`Ping::at`].
    pub timestamp: String,
    /// The PBX's own id.
    pub asterisk_id: String,
}

impl Ping {
    /// The PBX's time; `None` if that cannot be read.
    pub fn at(&self) -> Option<PbxTime> {
        pbx_time(&self.timestamp)
    }
}

/// A module of the PBX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Module {
    /// Such as `app_amd.so`.
    pub name: String,
    /// `Running`, or why not.
    pub status: String,
}

impl Module {
    /// Whether what the module brings can be used.
    pub fn is_running(&self) -> bool {
        self.status == "Running"
    }
}

/// An endpoint of the PBX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EndpointState {
    /// Such as `PJSIP`.
    pub technology: String,
    /// Its name within the technology.
    pub resource: String,
    /// `online`, `offline` or `unknown`; absent if the technology has no notion of it.
    pub state: Option<String>,
    /// The channels that use it.
    pub channel_ids: Vec<String>,
}

/// An attribute of an object in the PBX's configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attribute {
    pub(super) attribute: String,
    pub(super) value: String,
}

/// An app that is registered with the PBX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Application {
    /// The app's name.
    pub name: String,
    /// The channels whose events it gets.
    pub channel_ids: Vec<String>,
}

/// A sound that the PBX can play.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SoundFile {
    /// Its name, as it follows `sound:`.
    pub id: String,
}

/// A bridge of the PBX, from the list of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Bridge {
    /// Its id, which we chose if it is ours.
    pub id: String,
}

/// A recording that the PBX makes, or has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PbxRecording {
    /// Its name, which we chose if it is ours.
    pub name: String,
}

/// A value, if the PBX answers with nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variable {
    pub(super) value: String,
}

/// The PBX's own text for what went wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Complaint<'a> {
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) error: Text<'a>,
}

/// Reads a time as Asterisk writes it: `2026-11-23T12:00:00.123+0000`.
pub(super) fn pbx_time(text: &str) -> Option<PbxTime> {
    let broken_down = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()?;
    let at = broken_down.to_timestamp().ok()?;
    Some(PbxTime(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_of_asterisk_is_read_to_the_millisecond() {
        let rows = [
            ("1970-01-01T00:00:00.000+0000", Some(0)),
            ("2026-11-23T12:00:00.123+0000", Some(1_795_435_200_123)),
            ("2026-11-23T07:00:00.123-0500", Some(1_795_435_200_123)),
            ("2026-11-23T12:00:00+0000", Some(1_795_435_200_000)),
            ("2026-11-23 12:00:00", None),
            ("", None),
            ("yesterday", None),
        ];
        for (text, millis) in rows {
            assert_eq!(pbx_time(text), millis.map(PbxTime), "{text}");
        }
    }

    #[test]
    fn a_field_of_another_type_counts_as_absent_and_leaves_the_others_readable() {
        let text = r#"{"type":"ChannelDestroyed","cause":"34","soft":"yes","tech_cause":{"sip":503},
            "channel":{"id":"x","state":7,"dialplan":[]},"peer":"none","args":{"a":[1]},"value":null,"new":[{}]}"#;
        let event = WireEvent::parse(text).unwrap();
        assert_eq!(event.kind.as_str(), "ChannelDestroyed");
        assert_eq!(event.cause.0, Some(34));
        assert_eq!(event.tech_cause.0, None);
        assert!(!event.soft.0);
        assert_eq!(event.channel.0.unwrap().id.as_str(), "x");
        assert!(event.peer.0.is_none());
        assert!(event.args.0.is_empty());
        assert_eq!(event.value.as_str(), "");
    }

    #[test]
    fn escapes_are_undone_and_plain_text_is_borrowed() {
        let event = WireEvent::parse(r#"{"type":"A\u0041","value":"plain"}"#).unwrap();
        assert_eq!(event.kind.as_str(), "AA");
        assert!(matches!(event.value.0, std::borrow::Cow::Borrowed("plain")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = WireEvent::parse(&text);
        }
    }
}
