//! Campaigns: who may be called, when, and how fast. Pure: no clock, no input or output; time is an argument.

mod decision;
pub mod policy;

pub use decision::{Decision, HeldReason, RefusedReason};
