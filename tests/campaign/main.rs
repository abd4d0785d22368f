//! The campaign engine from outside: whole campaigns on virtual time, before a store and a network that check all they
//! are asked for.

#![expect(
    clippy::unwrap_used,
    reason = "a number or a time that cannot be read is a fault of the test"
)]

mod budget;
mod checks;
mod crash;
mod elsewhere;
mod fairness;
mod gate;
mod idle;
mod messages;
mod month;
mod network;
mod orders;
mod properties;
mod store;
mod world;
