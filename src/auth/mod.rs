//! Who may do what over HTTP: tokens, their scopes, and the one function that decides.
//!
//! Nothing here reads a clock, a database or a source of randomness: the time, what is stored and fresh bytes are arguments.

mod action;
mod scope;
mod seal;
mod token;

pub use action::{Action, Denied, Object, Principal, allows};
pub use scope::{Scope, ScopeError, Scopes};
pub use seal::Seal;
pub use token::{KeptToken, Token, TokenDigest, TokenId, TokenRefusal, admit, is_used_again};
