//! The gate in front of every call: who may be called, and when.
//!
//! ```text
//!   number ──> do-not-call ──> consent ──> frequency caps ──> calling hours ──> allowed
//!     │             │             │              │                  │
//!  refused       refused       refused      held until T       held until T
//! ```
//!
//! A [`Case`] goes in, with whatever histories it takes as values, and a [`Ruling`] comes out: the decision, and what each
//! rule looked at and found, to be kept with the call. `T` is the first moment at which caps and hours both allow the
//! call, if nothing else changes by then.
//!
//! What is not known is taken at its strictest: a number that may be in two zones is called only while both are open, and
//! a contact whose list names another state than their number falls under the laws of
//! both, a state that is not understood has the laws of all, and if zone, state and number disagree, all of their
//! zones have to be open. A user makes rules stricter;
//! to loosen one takes a setting, or an [`Override`] or a forced [`UserRule`] with a reason, and each ruling names it.
//!
//! Clocks are those of the time zone rules compiled into the program, so that two machines decide alike.
//!
//! It is no legal advice. The laws are a table, [`Law::all`], with the source and the date of each entry.

mod caps;
mod explain;
mod facts;
mod gate;
mod holiday;
mod hours;
mod jurisdiction;
mod law;
mod place;
mod rule;
mod settings;
mod span;
mod state;
mod whereabouts;

pub use caps::{LimitUse, counts};
pub use explain::{Finding, HoursSeen, Inputs, LawRead, Outcome, RuleSeen, Ruling, ZoneSeen};
pub use facts::{CampaignKind, Case, Consent, ConsentKind, Override, OverrideError, Start};
pub use gate::Gate;
pub use jurisdiction::{Jurisdiction, JurisdictionError};
pub use law::{Counted, Law, Limit, Read};
pub use place::CallingPlace;
pub use rule::Rule;
pub use settings::{GateSettings, NoReason, UserRule};
pub use span::{Span, SpanError, Week};
pub use whereabouts::{ZoneBy, has_a_zone, is_zone};

#[cfg(test)]
mod tests;
