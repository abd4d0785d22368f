//! Aftertone leaves a recorded message in a contact's voicemail through an Asterisk PBX, and never plays it to a person.
//!
//! A drop is a value; everything that happens to it is an event with a time attached, everything it wants is a
//! command, and the program around it is a loop small enough to read in one sitting.
//!
//! ```text
//!               ┌────────────────────────── run ──────────────────────────┐
//!   PBX ──ws──> │ ari::listen ── events ──> driver ── commands ──> dialler │ ──http──> PBX
//!               │                             │  ^                    │     │
//!               │                             v  └── refusals ────────┘     │
//!               │                        drop::Board                        │
//!               └─────────────────────────────────────────────────────────┘
//! ```
//!
//! | module | what it is | pure |
//! |---|---|---|
//! | [`words`], [`id`], [`phone`] | what all parts share: legs and verdicts, the names of channels, numbers that can be dialled | yes |
//! | [`mod@drop`] | one drop as a state machine, and the board of all in flight | yes |
//! | [`campaign`] | who may be called and when, whom to call next, how fast, and why nobody is called | yes |
//! | [`list`] | contacts and do-not-call numbers coming in as CSV, results going out | |
//! | [`store`] | campaigns, contacts, drops and do-not-call lists in SQLite or PostgreSQL, and the only place that knows SQL | |
//! | [`orders`] | what an operator orders of a campaign, and what is shown to them | |
//! | [`clock`] | the only place that reads a clock | |
//! | [`config`] | `aftertone.toml` and its environment | |
//! | [`screen`] | the ears: audio frames in, who answered and when the mailbox records out | yes |
//! | [`audio`] | makes recordings fit for the telephone and keeps them | |
//! | [`ari`] | the only place that knows Asterisk's REST interface and its event websocket | |
//! | [`evidence`] | the picture of a recording and what was heard in it | |
//! | [`run`] | ties the pure parts to the PBX: driver, dialler, locks and sweep, preflight checks | |
//! | [`cli`] | the commands, one file each, and the only place that prints | |
//! | [`telemetry`] | where the log goes | |
//!
//! Where to begin: [`drop::VoicemailDrop`] for what a drop does and when, [`runtime::Session`] for how it is driven,
//! `tests/drop` for every branch of it as a ladder, `tests/lab` for the proof on real servers. Which module may name
//! which is a table in `tests/layers.rs`, and a test.

pub mod ari;
pub mod audio;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controller;
pub mod doctor;
pub mod drop;
mod error_chain;
pub mod evidence;
pub mod id;
pub mod import;
pub mod list;
pub mod orders;
pub mod phone;
pub mod runtime;
pub mod screen;
pub mod store;
pub mod telemetry;
pub mod words;

#[cfg(test)]
mod fuzz;
