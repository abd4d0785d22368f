//! What an operator orders, and what is shown of it: the types between the command line, or another front end, and the
//! controller that runs campaigns and dials single drops.

mod callback_words;
mod campaign_summary;
mod drop_view;
mod examinations;
pub mod figures;
mod fleet;
mod list_uploads;
mod person_view;
mod reload;
mod result_columns;
mod single_drops;
mod spec;
mod stored;
mod view;

pub use callback_words::{callback_lines, callback_outcome_words};
pub use campaign_summary::{CallbackSummary, CampaignSummary, CostSummary, VariantSummary};
pub use drop_view::{DropView, drop_status};
pub use examinations::{Examinations, SimulationOrder};
pub use fleet::{ControllerView, FleetView, PbxView, TrunkView, fleet_view, shown_fleet};
pub use list_uploads::{
    ContactFields, GivenContacts, ListForm, ListUploads, PutRow, ResumedUpload, UploadCoding,
    UploadOrder, UploadPart, UploadRefusal,
};
pub use person_view::{CallDocument, PersonDocuments, PersonView, callback_object};
pub use reload::{ReloadAnswer, ReloadRequest};
pub use result_columns::{ChosenValues, ResultColumns, ResultValues, units};
pub use single_drops::{AdoptedCall, DropOrder, NotOrdered, OrderedDrop, SingleDrops};
pub use spec::{
    CallbackPrompts, CallerBy, Callers, Duplicates, Spec, SpecError, Times,
    advice::{DOUBLE_CALL, advice},
    overlay,
};
pub use stored::{stored_view, unfinished_import};
pub use view::{
    CampaignView, GaugeView, Note, NoteLevel, RunView, StoredView, View, WaitingView, fraction,
    gauge_slug, phase_slug, standing_slug, standing_words,
};
