//! The only module that knows ARI: requests to Asterisk over HTTP, and its events over a websocket.
//!
//! ```text
//!            requests                            events
//!  Rest ──> transport ──> HTTP pool      websocket ──> wire ──> translate ──> Events
//!             (seam)                       socket
//!                        audio
//!  AudioSocket connections <──> MediaServer <──> Connection of one drop
//!  websockets to the PBX   <──> WebSockets  <──> (the same)
//! ```
//!
//! [`Pbx`] holds what both need to reach one PBX. [`Rest`] sends requests; each failure is a [`Failure`] whose kind is the core's
//! [`RefusalKind`](crate::drop::RefusalKind). [`Pbx::listen`] registers an app and gives [`Events`]: the socket is read
//! without pause by a task of its own, which reconnects for ever; [`Notice`]s are the core's events under their drop's
//! id, and [`seen`] derives the same from a list of channels, for what was missed while the socket was down. [`MediaServer`]
//! carries the audio of drops that are listened to, both ways; [`WebSockets`] does so over networks that lose packets.
//!
//! Credentials travel in the `Authorization` header only, and no error or log line names a URL's query, a dial string
//! or a whole number.

mod adopted;
mod failure;
mod media;
mod rest;
mod setup;
mod socket;
mod tls_fault;
mod translate;
mod transport;
mod wire;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fuzz;

pub use adopted::AdoptedChannels;
pub use failure::Failure;
pub use media::{
    Access, Connection, ConnectionEnd, Expected, FromCall, MediaCounts, MediaServer, MediaSettings,
    Order, Pulse, WebSockets,
};
pub use rest::{ExternalMedia, HangUp, NewRecording, Originate, Rest};
pub(crate) use rest::{all_done, whole_seconds};
pub use setup::{DEFAULT_REQUEST_TIMEOUT, Pbx, PbxSettings, SetupError};
pub use socket::{Events, Incoming, LinkError, QUEUE};
pub use tls_fault::TlsFault;
pub use translate::{
    AidDid, Arrival, CallerDid, Notice, PROMPT, RECORD_PROMPT, Visit, in_place_of_ours, ours, seen,
    waiting,
};
pub use wire::{
    Application, AsteriskInfo, AsteriskSystem, Bridge, Caller, Channel, Dialplan, EndpointState,
    Module, PbxRecording, Ping, Playback, SoundFile,
};
