//! Aftertone leaves a recorded message in a contact's voicemail through an Asterisk PBX, and never plays it to a person.
//!
//! A drop is a value; everything that happens to it is an event with a time attached, everything it wants is a
//! command, and the program around it is a loop small enough to read in one sitting. There are two such loops: one for
//! campaigns, which decides whom to call and when, and one for a PBX, which carries the calls out.
//!
//! ```text
//!          ┌────────── controller ──────────┐         ┌──────────────── runtime ────────────────┐
//!          │   campaign::engine, the gate   │         │               drop::Board               │
//!          │        ^             │         │         │              ^           │              │
//!          │ inputs │             v commands│         │       events │           v commands     │
//!   store <──> StoreWriter   ControlLoop ──> DropWorker ──> Driver ──┘        executor ──http──> PBX
//!          │                      │         │  updates │       ^                    │            │
//!          │   SingleDrop ──> carry_out <───────────────│       └───── reports ──────┘            │
//!          └────────────────────────────────┘         │ ari::Events <────────────────────── ws ── PBX
//!                                                     │ listener: screen <──────────── audio ──> PBX
//!                                                     └─────────────────────────────────────────┘
//! ```
//!
//! | module | what it is | pure |
//! |---|---|---|
//! | [`words`], [`id`], [`phone`] | what all parts share: legs and verdicts, the names of channels, numbers that can be dialled | yes |
//! | [`mod@drop`] | one drop as a state machine, and the board of all in flight | yes |
//! | [`callback`] | calls that come back: which prompt they hear, and what a key does | yes |
//! | [`record`] | messages that are recorded by telephone: who may, what is heard, what is kept | yes |
//! | [`campaign`] | which contacts may be called and when, which is next, how fast, and why none is called | yes |
//! | [`events`] | what is told to those who follow: what happened to drops, contacts, campaigns and lists | yes |
//! | [`screen`] | the detection: audio frames in, who answered and when the mailbox records out | yes |
//! | [`ari`] | the only place that knows Asterisk's REST interface and its event websocket | |
//! | [`audio`] | makes recordings fit for the telephone and keeps them, and makes messages for each person of them and of speech | |
//! | [`traces`] | a drop as a trace: its spans, and whether it is sent | yes |
//! | [`backup`] | one file with a database and the prepared messages, checked byte for byte before it is used | |
//! | [`evidence`] | the recording of a call, what was heard in it, and its picture | |
//! | [`store`] | campaigns, contacts, drops and do-not-call lists in SQLite or PostgreSQL, and the only place that knows SQL | |
//! | [`list`] | contacts and do-not-call numbers coming in as CSV, results going out | |
//! | [`auth`] | who may do what over HTTP: tokens, users, and the one function that decides | yes |
//! | [`orders`] | what an operator orders of campaigns and single drops, and the views of them | |
//! | [`config`] | `aftertone.toml` and its environment | |
//! | [`runtime`] | one PBX: the driver that owns the board, the executor of its commands, the listener, the locks of runs | |
//! | [`controller`] | campaigns and single drops from the order to the end that is written | |
//! | [`import`] | lists into campaigns | |
//! | [`hooks`] | webhooks: what happens is told to endpoints of the user's own, and the only place that connects to one | |
//! | [`http`] | the only place that serves HTTP: the API, the pages of the dashboard, and whether this process is fit to work | |
//! | [`doctor`] | checks whether the PBX, the trunk and the dialplan are fit for drops | |
//! | [`cli`] | the commands, one file each, and the only place that prints | |
//! | [`clock`], [`telemetry`], [`metrics`] | the only places that read a clock, that say where the log and traces go, and that know Prometheus | |
//!
//! Which module may name which is a table in `tests/layers.rs`, and a test.
//!
//! # Where to begin
//!
//! [`drop::VoicemailDrop`] has what a drop does and when, `tests/drop` every branch of it as a ladder;
//! [`campaign::engine::Engine`] has what a campaign does, `tests/campaign` its ladders; [`runtime::Session`] and
//! [`controller::Controller`] carry both out; `tests/lab` proves it on real servers.
//!
//! | question | answer |
//! |---|---|
//! | Where is a 183 handled? | `ari/translate/mod.rs` makes [`drop::Event::Progress`] of it; `on_progress` in `drop/machine/calling.rs` decides what it means for the busy leg. |
//! | Where does a contact wait for its hours? | In the store. `campaign/policy/hours.rs` finds them closed and says until when, the engine settles the contact as [`Held`](campaign::engine::Settlement::Held), and [`store::Store::lease`] (`store/queue.rs`) does not return it before. `campaign/engine/waiting.rs` only knows how many wait, and for what. |
//! | Where is the intent written before the first call? | For a campaign in `write_intent` (`controller/control_loop/commands.rs`); `on_intent` (`inputs.rs`) lets it wait for its turn only once it is committed. For a single drop in `SingleDropAdmission::admit` (`controller/admission.rs`). Both write [`store::Intent`]. |
//! | Where do the limits of a trunk hold over several controllers? | Where their intents are written: `store/commit/limits.rs` counts what is in flight and gives each start its moment. `controller/store_writer/start_timing.rs` brings that to our clock, [`campaign::engine::Engine::share_pbx`] keeps each controller to its part. |
//! | Where is the message's start decided? | `screen` hears the ready point ([`screen::Ears`]), `runtime/listener/mod.rs` reports it as [`drop::Event::Ready`], and `on_ready` and `play_if_possible` in `drop/machine/playing.rs` decide. |
//! | What happens to a list that is sent over HTTP? | `http/routes/imports.rs` passes its bytes on, `import/uploads` keeps them in a file and takes the rows in from there: whoever holds the file's lock, after a crash too. What is known of it is in [`store::StoredUpload`]. |
//! | Where is the life of one contact? | The table in `controller/in_flight.rs`: `Committing`, `Waiting`, `Dialling`, `Settling`. |
//! | Which shapes does a contact's data take? | [`campaign::engine::Contact`] as it is leased, [`campaign::engine::Start`] as it is decided on, [`store::Intent`] as it is written, [`runtime::CallSpec`] as it is called. |
//! | What happens to what a killed process leaves? | On the PBX `runtime/reconciler.rs`, in the store `controller/rescuer.rs`; a single drop's in `controller/admission.rs`. |

pub mod ari;
pub mod audio;
pub mod auth;
pub mod backup;
pub mod callback;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controller;
pub mod doctor;
pub mod drop;
mod error_chain;
pub mod events;
pub mod evidence;
pub mod hooks;
pub mod http;
pub mod id;
pub mod import;
pub mod list;
pub mod metrics;
pub mod orders;
mod owner;
pub mod phone;
pub mod record;
pub mod runtime;
pub mod store;
mod subprocess;
mod tasks;
pub mod telemetry;
pub mod traces;

// Built as a crate of its own, which is optimised for tests as well: `ears/`.
pub use aftertone_ears::{screen, words};

#[cfg(test)]
mod fuzz;
