//! The parts that need no lab: how calls are made, and how they are scored.

mod composition;
mod lives;
mod scoring;
mod tables;
