//! Stub.

pub mod message;
