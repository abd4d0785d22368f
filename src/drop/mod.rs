//! One drop, and all drops in flight, as pure values: events in, commands out, time as an argument.
//!
//! ```text
//!  t=0      originate busy leg ── rings ───────────────┐
//!  t=lead   originate drop leg ── alerting (180, or 183)┴─> hang up busy leg AT ONCE
//!           drop leg answered ──> screened by the PBX, or by our own ears
//!              machine ──> ready point ──> play whole message ──> hang up   => delivered
//!              human   ──> hang up at once, nothing is ever played          => human
//!              unsure  ──> hang up, or as machine, by the plan
//! ```
//!
//! [`VoicemailDrop`] is one drop, [`Board`] holds all that are in flight, routes events to them and indexes their
//! deadlines. Neither knows the time, the PBX or any task: the driver feeds events, carries out the commands
//! and reports each one's failure back as an event.

mod board;
mod drop_record;
mod elapsed;
mod event;
mod leg_state;
mod machine;
mod outcome;
mod plan;
mod proof;
mod report;
mod timer;
mod unanswered;

pub use board::Board;
pub use drop_record::DropRecord;
pub use event::{
    Beeped, Cause, Command, Event, PbxTime, PlaybackEnd, ReadyPoint, Refusal, RefusalKind, Seen,
    Sit, Spoken, SpokenEnd,
};
pub use machine::VoicemailDrop;
pub use outcome::{Blame, EndedBy, Outcome, Retry};
pub use plan::{
    Adoption, Begin, Mode, Plan, Technique, Voice, WhenBusyLegAnswered, WhenHuman, WhenScreened,
    WhenUnsure,
};
pub use proof::{Beep, Proof};
pub use report::{Milestone, Moment, Report};
pub use timer::Timer;
pub use unanswered::{OutcomeReason, Unanswered};
