//! The control messages of Asterisk's chan_websocket: plain text, the only form of older releases, or JSON.

use serde::Deserialize;

/// A control message of the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PbxMessage {
    /// The channel is connected; commands must be written in this style.
    Start(Style),
    /// Its queue is nearly full: send no more sound.
    Xoff,
    /// There is room again.
    Xon,
    /// It has played all that was queued.
    Drained,
    /// Any other.
    Other,
}

/// How control messages are written on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Json,
}

/// A control message to the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PbxCommand {
    /// Discard all sound that waits.
    Flush,
    /// Report when all that was sent is played.
    ReportDrained,
    /// End the channel.
    HangUp,
}

impl PbxMessage {
    /// Reads one message.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        let (word, style) = if text.starts_with('{') {
            let event = serde_json::from_str::<JsonMessage>(text).unwrap_or_default();
            (event.event, Style::Json)
        } else {
            let end = text.find(|c: char| c.is_whitespace() || c == ':');
            (text[..end.unwrap_or(text.len())].to_owned(), Style::Plain)
        };
        match word.as_str() {
            "MEDIA_START" => Self::Start(style),
            "MEDIA_XOFF" => Self::Xoff,
            "MEDIA_XON" => Self::Xon,
            "QUEUE_DRAINED" => Self::Drained,
            _ => Self::Other,
        }
    }
}

impl PbxCommand {
    /// Writes one message.
    pub(super) fn write(self, style: Style) -> String {
        let word = match self {
            Self::Flush => "FLUSH_MEDIA",
            Self::ReportDrained => "REPORT_QUEUE_DRAINED",
            Self::HangUp => "HANGUP",
        };
        match style {
            Style::Plain => word.to_owned(),
            Style::Json => format!(r#"{{"command":"{word}"}}"#),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonMessage {
    event: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_read() {
        let rows = [
            (
                "MEDIA_START connection_id:5f6a channel:WebSocket/INCOMING/0x1 format:ulaw optimal_frame_size:160 ptime:20",
                PbxMessage::Start(Style::Plain),
            ),
            (
                r#"{"event":"MEDIA_START","connection_id":"5f6a","optimal_frame_size":160,"channel_variables":{}}"#,
                PbxMessage::Start(Style::Json),
            ),
            ("MEDIA_XOFF", PbxMessage::Xoff),
            (
                r#"{"event":"MEDIA_XOFF","channel_id":"x"}"#,
                PbxMessage::Xoff,
            ),
            ("MEDIA_XON", PbxMessage::Xon),
            ("QUEUE_DRAINED", PbxMessage::Drained),
            ("QUEUE_DRAINED\n", PbxMessage::Drained),
            (r#"{"event": "QUEUE_DRAINED"}"#, PbxMessage::Drained),
            ("QUEUE_DRAINED_NOT", PbxMessage::Other),
            ("DTMF_END digit:5", PbxMessage::Other),
            (r#"{"event":5}"#, PbxMessage::Other),
            ("{", PbxMessage::Other),
            ("", PbxMessage::Other),
        ];
        for (text, said) in rows {
            assert_eq!(PbxMessage::read(text), said, "{text}");
        }
    }

    #[test]
    fn both_styles_are_written() {
        assert_eq!(PbxCommand::Flush.write(Style::Plain), "FLUSH_MEDIA");
        assert_eq!(
            PbxCommand::ReportDrained.write(Style::Json),
            r#"{"command":"REPORT_QUEUE_DRAINED"}"#
        );
        assert_eq!(PbxCommand::HangUp.write(Style::Plain), "HANGUP");
    }
}
