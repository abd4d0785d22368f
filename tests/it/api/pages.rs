//! The pages of the dashboard over a real socket: who is let in, what a browser is told, and what forms do without a script.

mod access;
mod base;
mod callbacks;
mod campaigns;
mod live;
mod people;
mod visitor;
