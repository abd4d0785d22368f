//! Messages in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/messages/{message}/audio",
        id: "read_message",
        summary: "Read the recording of a message, or a part of it",
        description: "As it is kept for the telephone. `Range` and `If-None-Match` are understood.",
        parameters: &["{message}", "Range", "If-None-Match"],
        request: None,
        responses: &[
            (200, "The recording", Some("File")),
            (206, "The part", Some("File")),
            (304, "It is as it was", None),
            (416, "There is no such part", None),
        ],
    },
    Operation {
        method: "GET",
        path: "/messages/{message}/picture.svg",
        id: "draw_message",
        summary: "Draw the sound of a message",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(200, "The picture", Some("Picture"))],
    },
    Operation {
        method: "GET",
        path: "/messages",
        id: "list_messages",
        summary: "List the prepared messages",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The messages, by name", Some("MessageList"))],
    },
    Operation {
        method: "GET",
        path: "/messages/{message}",
        id: "show_message",
        summary: "Show a message, and what was done to its recording",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(200, "The message", Some("Message"))],
    },
    Operation {
        method: "PUT",
        path: "/messages/{message}",
        id: "prepare_message",
        summary: "Prepare a recording for the telephone and keep it",
        description: "The body is the recording: WAV, MP3, FLAC or Ogg Vorbis, at most 50 MiB. One of the same name is replaced; drops in flight keep the one they have.",
        parameters: &["{message}"],
        request: Some("Recording"),
        responses: &[
            (201, "It is prepared", Some("Message")),
            (
                200,
                "It is prepared in the place of another one",
                Some("Message"),
            ),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/messages/{message}",
        id: "remove_message",
        summary: "Remove a message",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<MessageList>();
}

/// The prepared messages.
#[derive(ToSchema)]
struct MessageList {
    /// The messages, by name.
    items: Vec<Message>,
}

/// A message.
#[derive(ToSchema)]
struct Message {
    /// Its name.
    name: String,
    /// How the PBX plays it.
    media: String,
    /// How long it is, in ms.
    duration_ms: u64,
    /// What was done to its recording, as `aftertone message show --json` prints it; null if it was not prepared by this
    /// program.
    report: Option<Map<String, Value>>,
}
