//! Campaigns: who may be called, when, and how fast. Pure: no clock, no input or output; time is an argument.

pub mod budget;
pub mod caller;
pub mod confidence;
pub mod cost;
mod decision;
pub mod engine;
pub mod ids;
pub mod pace;
pub mod policy;
pub mod retry;
mod seeded;
pub mod simulate;
mod sliding;
pub mod variant;
pub mod window;

pub use decision::{Decision, HeldReason, RefusedReason};
