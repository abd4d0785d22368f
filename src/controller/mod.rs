//! Carries drops out: campaigns, with the engine and what its commands become, and single drops.
//!
//! ```text
//!            ┌──────────────────── ControlLoop ─────────────────────┐
//!            │ StoreIo <── writes, fetches ── engine ── starts ──┐  │
//!   store <──│── StoreWriter                   ^  ^              v  │
//!     │      │    └── committed, fetched ──────┘  │   InFlightTable │
//!     │      │                                    │              │  │
//!     │      │        completed, not dialled ─────┴── DropWorker <──┼──> Session ──> PBX
//!     │      │ CampaignTable ──> pause, resume, cancel, set         │
//!     └──────│ lease, OrphanRescuer ──> renewed, taken over, found  │──> views, notes
//!            └──────────────────────────────────────────────────────┘
//!   SingleDrop ──> gate ──> intent ──> the same calls, evidence and end (carry_out) ──> SingleDropEnd
//! ```
//!
//! The `control_loop` owns the engine; everything else is a task that sends it an `Input`. The `store_writer` sends the
//! store one request at a time: writes gather meanwhile for the next transaction. A drop is dialled only once its intent is
//! committed, at the first attempt; an intent that was in doubt for a moment is taken back when it is certain. Drops in
//! flight continue while the store is unavailable, and their ends wait in memory. The life of one contact is the table in
//! `in_flight`.
//!
//! A controller that dies leaves intents without an end. The next controller adopts them before anything else, has their
//! calls ended on the PBX, and settles them as lost; so does, within a minute, any other controller of the same PBX: see
//! `rescuer`. Where none comes back, controllers of other PBXes settle them after a grace: see `gone`. What other
//! controllers do on the same trunk and in the same campaigns is read every few seconds: see `elsewhere`.

mod admission;
mod app_lock;
mod called_back;
mod campaign_table;
mod carry_out;
mod control_loop;
mod desired_state;
mod drop_order;
mod elsewhere;
mod evidence;
pub mod gate;
pub mod gone;
mod handed_over;
mod held_drops;
mod in_flight;
mod in_hand;
pub mod incoming;
mod kept_recording;
mod launch_pacer;
mod lease;
mod made_message;
mod messages;
mod open_run;
pub mod ordered_drops;
mod pbx_recordings;
mod pin_desk;
mod preparations;
mod prompted_line;
pub mod prompts;
pub mod pruner;
mod record_caller;
mod recorded;
mod registration;
mod rescuer;
mod run_of;
pub mod single_drop;
mod startup;
mod stats;
mod status;
mod store_writer;
mod taken_over;
mod worker;

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tracing::warn;

use self::{
    campaign_table::PreparedCampaign,
    control_loop::ControlLoop,
    gone::GivenUp,
    preparations::MessageMade,
    store_writer::StoreEvent,
    worker::{Attempt, Completed},
};
use crate::runtime::{DriverError, PbxLink, Session, SessionError, reconciler::EndedDrops};
use crate::{
    audio,
    campaign::engine::{CampaignId, InFlight, PbxId},
    clock::Steady,
    config::Config,
    error_chain::chain,
    id::DropId,
    orders::{Note, SpecError, View},
    store::{self, ErrorClass, Orphan, Store, StoreError},
    tasks,
};

pub use admission::place;
pub use app_lock::AppLockError;
pub use evidence::EvidenceError;

/// The one PBX of a controller, in the engine's numbering.
const PBX: PbxId = PbxId(0);

/// The campaigns to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All that are started, and those that are started while it runs.
    All,
    /// The campaigns with these names.
    Names(Vec<String>),
    /// The same as [`Self::All`], and it does not end when none is left: one that is started later is run.
    Service,
}

/// How a controller came to its end in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every campaign is over.
    Over,
    /// The operator ordered it; campaigns may have more to do.
    Drained,
}

/// Runs campaigns through one PBX.
pub struct Controller {
    control_loop: ControlLoop,
    inputs: mpsc::UnboundedReceiver<Input>,
    clock: Arc<Steady>,
    session: Session,
    store: Store,
    holder: store::ControllerLease,
    store_writer: tokio::task::JoinHandle<()>,
    /// The lease, the rescuer and the watch on the trunk: nothing of theirs is left half done.
    helpers: tokio::task::JoinSet<()>,
    /// Keeps the book of prompts, if calls are compared with it.
    book: Option<tokio::task::JoinHandle<()>>,
    view: watch::Receiver<View>,
    orders: mpsc::UnboundedSender<Input>,
    notes: Option<mpsc::UnboundedReceiver<Note>>,
    _app: app_lock::AppLock,
}

/// The operator's orders to a running controller. Clones act on the same one.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::UnboundedSender<Input>);

impl Orders {
    /// Starts nothing more; drops in flight finish, and then it ends.
    pub fn finish(&self) {
        self.give(InFlight::Finish);
    }

    /// Starts nothing more and hangs up drops in flight; then it ends.
    pub fn hang_up(&self) {
        self.give(InFlight::HangUp);
    }

    /// Takes up what a running controller takes up of this configuration: see [`Config::with_live_part_of`].
    pub fn reconfigure(&self, config: &Config) {
        let _ = self.0.send(Input::Reconfigured(Box::new(config.clone())));
    }

    fn give(&self, in_flight: InFlight) {
        // One that has ended needs no order.
        let _ = self.0.send(Input::Drain(in_flight));
    }
}

impl Controller {
    /// The state of all campaigns: at once, once a second, and whenever something of note has changed.
    pub fn watch(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// What is reported as it happens. There is one receiver: the first caller's.
    pub fn notes(&mut self) -> mpsc::UnboundedReceiver<Note> {
        self.notes
            .take()
            .unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    /// The state of the event link to the PBX. Its sender ends with the driver.
    pub fn link(&self) -> watch::Receiver<PbxLink> {
        self.session.link()
    }

    /// Counts the turns of the driver's loop, of which there is at least one a second.
    pub fn turns(&self) -> impl Fn() -> u64 + Send + use<> {
        let pulse = self.session.pulse();
        move || pulse.count()
    }

    /// To give it orders while it runs.
    pub fn orders(&self) -> Orders {
        Orders(self.orders.clone())
    }

    /// Runs until every campaign is over, or it is ordered to stop. It waits for a campaign that is paused.
    ///
    /// # Errors
    /// [`ControllerError`] if it cannot continue; nothing of it is in flight then.
    pub async fn run(self) -> Result<Ended, ControllerError> {
        let Self {
            control_loop,
            inputs,
            clock,
            session,
            store,
            holder,
            store_writer,
            mut helpers,
            book,
            orders,
            _app,
            ..
        } = self;
        drop(orders);
        let ended = control_loop.run(inputs).await;
        helpers.shutdown().await;
        let closed = session.close().await;
        prompts::finish(book).await;
        // No more requests can come: it writes what is left, however long that takes.
        tasks::join(store_writer).await;
        if let Err(error) = store.end_controller(&holder, clock.now()).await {
            // It ends by itself.
            warn!(error = chain(&error), "the lease was not given back");
        }
        match closed {
            Ok(()) => ended,
            Err(DriverError::Replaced) => Err(ControllerError::Replaced),
        }
    }
}

/// Why campaigns are not run, or no longer.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// Another controller of this machine uses the app.
    #[error(transparent)]
    App(#[from] AppLockError),
    /// The run could not begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no campaign of this name.
    #[error("there is no campaign `{name}`")]
    NoCampaign {
        /// The name.
        name: String,
    },
    /// The campaign's settings cannot be carried out.
    #[error("campaign `{name}` cannot be run as it is ordered")]
    Spec {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: SpecError,
    },
    /// The folder of messages.
    #[error("the folder of messages cannot be used")]
    Library(#[source] audio::Error),
    /// The folder of evidence.
    #[error("no evidence can be kept")]
    Evidence(#[source] EvidenceError),
    /// Another program has registered the app on the PBX.
    #[error(
        "another program has registered the app of this controller on the PBX, and takes its events"
    )]
    Replaced,
    /// Another controller has taken over.
    #[error(
        "the lease of this controller had ended, and another one has taken over what was in flight"
    )]
    TakenOver,
    /// The clock was set back, which a run cannot follow; nothing is wrong with another one.
    #[error("the clock was set back, and the run began before")]
    ClockSetBack,
}

impl ControllerError {
    /// Whether the database or the PBX is unavailable, and may be back a moment later.
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Session(error) => error.is_away(),
            Self::Store(error) => matches!(error.class, ErrorClass::Away),
            Self::App(_)
            | Self::NoCampaign { .. }
            | Self::Spec { .. }
            | Self::Library(_)
            | Self::Evidence(_)
            | Self::Replaced
            | Self::TakenOver
            | Self::ClockSetBack => false,
        }
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::App(AppLockError::Taken { .. }) => Some(
                "end it, or give this one a configuration with an `instance` of its own; a service dials what `aftertone campaign start NAME` starts".to_owned(),
            ),
            Self::App(AppLockError::File { .. }) => {
                Some("make the folder writable, or set `state_dir`".to_owned())
            }
            Self::Session(error) => error.hint().map(str::to_owned),
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::NoCampaign { .. } => {
                Some("`aftertone campaign status` lists the campaigns".to_owned())
            }
            Self::Spec { .. } | Self::Library(_) => None,
            Self::Evidence(EvidenceError::Archive(error)) => Some(format!(
                "make {} writable, or name another folder in `evidence.dir`",
                error.dir.display()
            )),
            Self::Evidence(EvidenceError::Task(_)) => None,
            Self::Replaced => Some(
                "every call was hung up; give each controller on this PBX an `instance` of its own"
                    .to_owned(),
            ),
            Self::TakenOver | Self::ClockSetBack => {
                Some("start it again to resume where it left off".to_owned())
            }
        }
    }
}

/// Something that happened, for the control loop.
#[derive(Debug)]
enum Input {
    /// From the store writer.
    Store(StoreEvent),
    /// A drop has ended.
    Completed(Completed),
    /// A drop's task has ended, and nothing was dialled, for certain.
    NotDialled(Attempt),
    /// A drop's task has ended, and nothing was dialled, for certain: its message or the folder of its evidence cannot be read or
    /// written, for this reason.
    FilesAway(Attempt, Arc<str>),
    /// The message of a contact is made, or it is certain that it cannot be.
    MessageMade(Box<MessageMade>),
    /// The lease was renewed by a request that began then, by the time since the machine was started, and took so long.
    Renewed(Duration, Duration),
    /// The lease had ended, and another controller has what was ours.
    TakenOver,
    /// Drops of controllers that died, and what came of ending their calls.
    Found {
        orphans: Vec<Orphan>,
        ended: EndedDrops,
    },
    /// Drops of controllers that are gone were settled as lost.
    GivenUp(GivenUp),
    /// What is too old was not deleted, and why.
    NotPruned(String),
    /// What other controllers have done.
    Elsewhere(Result<elsewhere::Answer, StoreError>),
    /// The campaigns that have changed, by a read that began at this count of our own changes.
    Campaigns {
        rows: Result<Vec<store::Campaign>, StoreError>,
        asked_at: u64,
    },
    /// Who shares the trunk and the campaigns.
    Shares(Result<store::Shares, StoreError>),
    /// The contacts of a campaign whose places hours hold, counted by the store.
    PlacesHeld(CampaignId, Vec<store::WaitingGroup>),
    /// A campaign that is to be taken up, or its settings anew.
    Prepared(Box<PreparedCampaign>),
    /// A campaign that cannot be taken up, and why.
    Unprepared(Box<store::Campaign>, ControllerError),
    /// The configuration was read anew.
    Reconfigured(Box<Config>),
    /// Whoever a drop calls wants no more calls, and was put on a list here.
    LeftAlone(DropId),
    /// The operator's order to stop.
    Drain(InFlight),
}
