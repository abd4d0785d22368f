//! The pages of the dashboard over a real socket: who is let in, what a browser is told, and what forms do without a script.

mod base;
mod live;
mod people;
mod visitor;
