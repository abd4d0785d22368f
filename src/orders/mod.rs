//! What an operator orders of a campaign, and what is shown of it: the types between the command line, or another front
//! end, and the controller that runs campaigns.

mod spec;
mod view;

pub use spec::{
    CallerBy, Callers, Duplicates, Spec, SpecError, Times,
    advice::{DOUBLE_CALL, advice},
    overlay,
};
pub use view::{
    CampaignView, GaugeView, Note, NoteLevel, RunView, StoredView, View, WaitingView, fraction,
    gauge_slug, phase_slug, standing_slug,
};
