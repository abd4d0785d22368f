//! Carries campaigns out: the engine, and what its commands become.
//!
//! ```text
//!              ┌───────────────────────── steer ──────────────────────────┐
//!   store <────│ clerk <── writes, fetches ── engine ── starts ──> ramp   │
//!     │        │   │ stood, due, away          ^  ^                 │     │
//!     │        │   └───────────────────────────┘  └── landed ── flights ──│──> session ──> PBX
//!     │ wishes │ poll ──> pause, resume, cancel, set                      │
//!     └────────│ lease, undertaker ──> renewed, taken over, found         │──> views, notes
//!              └──────────────────────────────────────────────────────────┘
//! ```
//!
//! One loop (`steer`) owns the engine; all else are tasks that tell it what happened. The clerk asks the store, one request
//! at a time: what is to be written meanwhile gathers for the next transaction. A drop is dialled only once its intent
//! stands there, at once and without a doubt; what was in doubt for a moment is taken back when it is certain. Drops in
//! flight go on while the store is away, and their ends wait in memory.
//!
//! Whoever dies leaves intents without an end. The next controller adopts them before anything else, has their calls ended
//! on the PBX, and settles them as lost; so does, within a minute, any other controller of the same PBX.

pub mod admission;
mod app_lock;
mod control_loop;
mod desired_state;
pub mod gate;
mod launch_pacer;
mod lease;
mod messages;
mod startup;
mod stats;
mod status;
mod store_writer;
mod worker;

use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tracing::warn;

use self::{
    control_loop::ControlLoop,
    store_writer::StoreEvent,
    worker::{Attempt, Completed},
};
use crate::runtime::{DriverError, Session, SessionError, reconciler::EndedDrops};
use crate::{
    audio,
    campaign::engine::{CampaignId, InFlight},
    error_chain::chain,
    evidence::ArchiveError,
    orders::{Note, SpecError, View},
    store::{self, ErrorClass, Orphan, Store, StoreError},
};

pub use app_lock::AppLockError;

/// Which campaigns are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All that are not over, those included that are made while it runs.
    All,
    /// Those of these names.
    Names(Vec<String>),
}

/// How a controller came to its end in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every campaign is over.
    Over,
    /// The operator wished it; campaigns may have more to do.
    Drained,
}

/// Runs campaigns through one PBX.
pub struct Controller {
    steer: ControlLoop,
    session: Session,
    store: Store,
    holder: store::ControllerLease,
    store_writer: tokio::task::JoinHandle<()>,
    /// The lease and the undertaker: nothing of theirs is left half done.
    helpers: tokio::task::JoinSet<()>,
    view: watch::Receiver<View>,
    orders: mpsc::UnboundedSender<Input>,
    notes: Option<mpsc::UnboundedReceiver<Note>>,
    _app: app_lock::AppLock,
}

/// The operator's orders to a controller that runs. Clones give them to the same one.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::UnboundedSender<Input>);

impl Orders {
    /// Starts nothing more; drops in flight go on to their end, and then it ends.
    pub fn finish(&self) {
        self.give(InFlight::Finish);
    }

    /// Starts nothing more and hangs up drops in flight; then it ends.
    pub fn hang_up(&self) {
        self.give(InFlight::HangUp);
    }

    fn give(&self, in_flight: InFlight) {
        // One that has ended needs no order.
        let _ = self.0.send(Input::Drain(in_flight));
    }
}

impl Controller {
    /// How all stands: at once, once a second, and whenever something of note has changed.
    pub fn watch(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// What is to be said as it happens. There is one receiver: whoever asks first.
    pub fn notes(&mut self) -> mpsc::UnboundedReceiver<Note> {
        self.notes
            .take()
            .unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    /// To give it orders while it runs.
    pub fn orders(&self) -> Orders {
        Orders(self.orders.clone())
    }

    /// Runs until every campaign is over, or it is told to stop. A campaign that is paused is waited for.
    ///
    /// # Errors
    /// [`ControllerError`] where it cannot go on; nothing of it is in flight then.
    pub async fn run(self) -> Result<Ended, ControllerError> {
        let Self {
            steer,
            session,
            store,
            holder,
            store_writer,
            mut helpers,
            orders,
            _app,
            ..
        } = self;
        drop(orders);
        let clock = steer.clock();
        let ended = steer.run().await;
        helpers.shutdown().await;
        let closed = session.close().await;
        // Nobody wants anything of it any more: it writes what is left, however long that takes.
        if let Err(error) = store_writer.await {
            std::panic::resume_unwind(error.into_panic());
        }
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

/// Why campaigns are not run, or not any more.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// Another controller is at work.
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
    /// What was ordered cannot be carried out.
    #[error("campaign `{name}` cannot be run as it is ordered")]
    Spec {
        /// Its name.
        name: String,
        /// Why.
        source: SpecError,
    },
    /// The folder of messages.
    #[error("the folder of messages cannot be used")]
    Library(#[source] audio::Error),
    /// The folder of evidence.
    #[error("no evidence can be kept")]
    Evidence(#[source] ArchiveError),
    /// Another program has registered the app on the PBX.
    #[error("another program has registered our app on the PBX, and takes its events")]
    Replaced,
    /// Another controller has taken over.
    #[error("our lease had ended, and another controller has taken over what was in flight")]
    TakenOver,
}

impl ControllerError {
    /// Whether the database or the PBX is away, and may be there a moment later.
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
            | Self::TakenOver => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::App(AppLockError::Taken { .. }) => Some(
                "end it, or give this one a configuration with an `instance` of its own".to_owned(),
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
            Self::Evidence(error) => Some(format!(
                "make {} writable, or name another folder in `evidence.dir`",
                error.dir.display()
            )),
            Self::Replaced => Some(
                "every call was hung up; give each controller on this PBX an `instance` of its own"
                    .to_owned(),
            ),
            Self::TakenOver => Some("start it again: it goes on where all stands".to_owned()),
        }
    }
}

/// Something that happened, told to the loop.
#[derive(Debug)]
enum Input {
    /// The store said something.
    Store(StoreEvent),
    /// A drop has ended.
    Completed(Completed),
    /// A drop's task has ended, and certainly nothing was dialled.
    NotDialled(Attempt),
    /// The lease was renewed by a request that began then, and took so long.
    Renewed(Instant, Duration),
    /// The lease had ended, and somebody else has what was ours.
    TakenOver,
    /// Drops of controllers that died, and what came of ending their calls.
    Found {
        orphans: Vec<Orphan>,
        ended: EndedDrops,
    },
    /// How campaigns stand that have changed, by a look that began at this count of our own changes.
    Campaigns {
        rows: Result<Vec<store::Campaign>, StoreError>,
        asked_at: u64,
    },
    /// How a campaign's contacts stand.
    Counted(CampaignId, store::Tally),
    /// What a campaign needs that is taken up.
    Prepared(Box<startup::Prepared>),
    /// A campaign was not taken up, or not anew.
    Unprepared(Box<store::Campaign>, ControllerError),
    /// The operator's order to stop.
    Drain(InFlight),
}
