//! The parts that need no lab: how calls are made, and how they are scored.

mod clicks;
mod composition;
mod judging;
mod labels;
mod learning;
mod lives;
mod rounds;
mod scoring;
mod tables;
