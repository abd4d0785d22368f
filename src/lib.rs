//! Aftertone leaves a recorded message in a contact's voicemail through an Asterisk PBX, and never plays it to a person.

pub mod ari;
pub mod audio;
pub mod cli;
pub mod clock;
pub mod config;
pub mod drop;
pub mod id;
pub mod phone;
pub mod run;
pub mod screen;
pub mod telemetry;
pub mod words;
