//! One drop and the board of drops, from outside: ladders, tables and storms on virtual time.

#![expect(
    clippy::unwrap_used,
    reason = "a script that cannot be read is a fault of the test"
)]

mod adopted;
mod board;
mod calling;
mod connection;
mod ending;
mod hearing;
mod holding;
mod ladder;
mod link;
mod playback;
mod proof;
mod refusals;
mod screened;
mod script;
mod storm;
mod verdict;
