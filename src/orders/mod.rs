//! What an operator orders, and what is shown to them: the words between the command line, or another front, and whoever
//! carries campaigns out.

mod spec;
mod view;

pub use spec::{CallerBy, Callers, Duplicates, Spec, SpecError, Times, overlay};
pub use view::{CampaignView, GaugeView, Note, NoteLevel, View};
