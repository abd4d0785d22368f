//! What the tests and benchmarks on real Asterisk servers share: the lab as they see it, and what they find in its recordings.
//!
//! The servers themselves are started by `tests/lab/lab.sh`.

pub mod network;
pub mod own;
pub mod recording;
pub mod test_speech;
