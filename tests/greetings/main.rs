//! The parts of `make bench-screen` that need no lab: how calls are made, and how they are scored.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a panic is the report of a failure"
)]

#[path = "../../benches/greetings/channel.rs"]
mod channel;
#[path = "../../benches/greetings/compose.rs"]
mod compose;
#[allow(dead_code, reason = "the benchmark uses all of it")]
#[path = "../../benches/greetings/corpus.rs"]
mod corpus;
#[path = "../../benches/greetings/dice.rs"]
mod dice;
#[path = "../../benches/greetings/score.rs"]
mod score;
#[allow(dead_code, reason = "the benchmark uses all of it")]
#[path = "../../benches/greetings/script.rs"]
mod script;
#[allow(dead_code, reason = "the benchmark uses all of it")]
#[path = "../../benches/greetings/system.rs"]
mod system;
#[path = "../../benches/greetings/tones.rs"]
mod tones;
#[allow(dead_code, reason = "the benchmark uses all of it")]
#[path = "../../benches/greetings/voices.rs"]
mod voices;

use aftertone_lab::{recording, voice};

mod making;
mod scoring;
