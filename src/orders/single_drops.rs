//! Single drops as another front end than the command line orders them: the port between it and the controller that dials.

use std::fmt;

use futures::future::BoxFuture;
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    campaign::policy::{CampaignKind, Consent, Override, Ruling},
    drop::{Adoption, Technique},
    id::DropId,
    phone::{CallerId, PhoneNumber},
    store::{OrderKeeping, SpokenColumns, StoreError},
    traces::TraceParent,
};

/// One message to one number.
#[derive(Debug)]
pub struct DropOrder {
    /// The drop's id.
    pub drop: DropId,
    /// The number to call.
    pub number: PhoneNumber,
    /// What the call is for.
    pub kind: CampaignKind,
    /// The consent that is on record.
    pub consent: Option<Consent>,
    /// The rules that are set aside, and why.
    pub overrides: Vec<Override>,
    /// A prepared message's name, a `sound:` URI of the PBX, or a template.
    pub message: String,
    /// What a template says of whoever is called.
    pub fields: SpokenColumns,
    /// One call or two; `None`: as configured.
    pub technique: Option<Technique>,
    /// The number shown; `None`: as configured.
    pub caller_id: Option<CallerId>,
    /// From then on it is not dialled.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it.
    pub traceparent: Option<TraceParent>,
    /// Where the order is kept.
    pub keeping: OrderKeeping,
    /// The call that it takes over; `None`: it makes its own.
    pub adopted: Option<AdoptedCall>,
}

/// A call that is up on the PBX, and is to become a drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedCall {
    /// The channel of its far end, as the PBX names it.
    pub channel: String,
    /// How it is taken over.
    pub adoption: Adoption,
}

/// A drop whose intent is committed.
pub struct OrderedDrop {
    /// Ends when its end is written.
    pub ended: BoxFuture<'static, ()>,
}

/// Why nothing is dialled.
#[derive(Debug, Error)]
pub enum NotOrdered {
    /// The gate does not allow it.
    #[error("the gate does not allow this drop")]
    Stopped(Box<Ruling>),
    /// Everything about the person was erased, which no reason sets aside.
    #[error("everything about the person was erased, and they are never called again")]
    Erased,
    /// It has expired before it could be dialled.
    #[error("it expired before it could be dialled")]
    Expired,
    /// Others call the number at this moment.
    #[error("the number is being called by others at this moment")]
    Contended,
    /// The trunk carries no more calls at this moment.
    #[error("the trunk carries no more calls at this moment")]
    TrunkFull,
    /// The call that it was to take over is not up.
    #[error("there is no such call on the PBX, or it is not answered")]
    NoCall,
    /// Another process carries out the order of the same key.
    #[error("the key of the order was used meanwhile")]
    KeyTaken,
    /// The message cannot be used.
    #[error("{0}")]
    Message(String),
    /// What the message says of whoever is called was not given, or cannot be said.
    #[error("{0}")]
    Fields(String),
    /// The PBX, the way to it, or a clock: it may pass.
    #[error("{0}")]
    Away(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is about to end.
    #[error("the server is about to end")]
    Draining,
}

/// What carries single drops out: the gate, the intent and the trunk's limits are behind it, whoever orders.
pub trait SingleDrops: fmt::Debug + Send + Sync {
    /// Orders a drop. It is answered once its intent is committed, or once it is certain that nothing is dialled.
    fn order(&self, order: DropOrder) -> BoxFuture<'static, Result<OrderedDrop, NotOrdered>>;

    /// Cancels a drop that this process has in flight: it is hung up, and has its end. `false` if it has none of this id.
    fn cancel(&self, drop: DropId) -> BoxFuture<'static, bool>;

    /// A drop was kept that the gate holds, or it is not held any more: the times at which the gate is asked again are others.
    fn look_at_held(&self);
}

impl fmt::Debug for OrderedDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderedDrop")
    }
}
