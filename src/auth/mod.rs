//! Who may do what over HTTP: tokens with scopes, users with roles, and the one function that decides.
//!
//! Nothing here reads a clock, a database or a source of randomness: the time, what is stored and fresh bytes are arguments.

mod action;
mod credential;
mod password;
mod pin;
mod role;
mod scope;
mod seal;
mod token;
mod user;

pub use action::{Action, Denied, DeniedBy, Object, Principal, allows};
pub use credential::{Credential, CredentialRefusal};
pub use password::{Password, PasswordDigest, PasswordError};
pub use pin::Pin;
pub use role::{Role, RoleError};
pub use scope::{Scope, ScopeError, Scopes};
pub use seal::Seal;
pub use token::{KeptToken, Token, TokenDigest, TokenId, TokenRefusal, admit, is_used_again};
pub use user::{
    KeptSession, KeptUser, LINK_LASTS, Secret, SecretDigest, SessionRefusal, UserName,
    UserNameError,
};
