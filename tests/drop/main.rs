//! One drop and the board of drops, from outside: ladders, tables and storms on virtual time.

mod board;
mod calling;
mod ending;
mod ladder;
mod link;
mod playing;
mod refusals;
mod script;
mod storm;
