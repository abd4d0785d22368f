//! What a call is made of: the trunk it goes out by, the drop it is for, and the limits that the PBX enforces by itself.

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{carrier::Carrier, prompts::Prompts, recogniser::Recogniser};
use crate::{
    campaign::engine::CampaignId,
    config::Endpoint,
    drop::{Event, Plan},
    id::{DropId, RunName},
    phone::{CallerId, PhoneNumber},
    screen::{Message, Settings},
    words::Leg,
};

/// What is the same for all calls of a run.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// The run that the calls belong to.
    pub run: RunName,
    /// The app that they enter.
    pub app: String,
    /// The dialplan context that screens them.
    pub context: String,
    /// The endpoint that they are dialled by.
    pub endpoint: Endpoint,
    /// The number that they show.
    pub caller_id: CallerId,
    /// What carries the audio of calls; `None` if no drop of the run is listened to.
    pub media: Option<Carrier>,
    /// Whether the dialplan's AMD hears the calls that we listen to.
    pub amd: bool,
    /// The settings of our own detection.
    pub ears: Settings,
    /// What answers a call screener, 8 kHz samples.
    pub prompt: Option<Arc<[i16]>>,
    /// What hears the words of calls, if `screen.words` has it.
    pub recogniser: Option<Recogniser>,
    /// The book of prompts; `None` if calls are not compared with it.
    pub prompts: Option<Prompts>,
}

/// One drop as the PBX is to carry it out: the last shape of a contact's data before the requests.
#[derive(Clone, Debug)]
pub struct CallSpec {
    /// The drop.
    pub drop: DropId,
    /// The campaign it belongs to, if it does.
    pub campaign: Option<CampaignId>,
    /// The number to call.
    pub number: PhoneNumber,
    /// How it is called, and what follows from what happens.
    pub plan: Plan,
    /// The media URI of the message, as the PBX takes it.
    pub media: String,
    /// The message itself, 8 kHz samples; `None` if only the PBX has it.
    pub sound: Option<Arc<[i16]>>,
    /// The message as its echo would sound; `None` if only the PBX has it.
    pub echo: Option<Message>,
    /// The number to show; `None`: the trunk's.
    pub caller_id: Option<CallerId>,
    /// Until when its first call may be dialled: what allowed it does not hold for ever.
    pub dial_by: Instant,
    /// The UUIDs of the audio connections of its legs.
    pub connections: Connections,
    /// The channel that is its drop leg, as the PBX names it, if the technique is [`crate::drop::Technique::Adopted`].
    pub adopted: Option<String>,
}

impl CallSpec {
    /// A drop outside any campaign, whose message only the PBX has.
    pub fn new(
        drop: DropId,
        number: PhoneNumber,
        plan: Plan,
        media: String,
        dial_by: Instant,
    ) -> Self {
        Self {
            drop,
            campaign: None,
            number,
            plan,
            media,
            sound: None,
            echo: None,
            caller_id: None,
            dial_by,
            connections: Connections::random(),
            adopted: None,
        }
    }
}

/// The UUID that the audio connection of each leg brings. Random, and known to the PBX and to us alone.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    busy: Uuid,
    drop: Uuid,
}

impl Connections {
    /// Those of one drop.
    pub fn random() -> Self {
        Self {
            busy: Uuid::new_v4(),
            drop: Uuid::new_v4(),
        }
    }

    pub(super) const fn of(self, leg: Leg) -> Uuid {
        match leg {
            Leg::Busy => self.busy,
            Leg::Drop => self.drop,
        }
    }
}

/// Reports to the driver what became of a drop's command.
pub(super) struct Reports {
    drop: DropId,
    to: mpsc::Sender<(DropId, Event)>,
}

impl Reports {
    pub(super) const fn new(drop: DropId, to: mpsc::Sender<(DropId, Event)>) -> Self {
        Self { drop, to }
    }

    pub(super) async fn send(&self, event: Event) {
        // The driver is gone only when there is nothing left to report to.
        let _ = self.to.send((self.drop, event)).await;
    }
}

/// Ends a channel this long after it was set, whatever it does.
pub(crate) const LIMIT: &str = "TIMEOUT(absolute)";

/// The value of [`LIMIT`] that takes it away.
pub(crate) const NO_LIMIT: &str = "0";

/// Keeps a channel out of the PBX's call records.
pub(crate) const NO_CDR: &str = "CDR_PROP(disable)";
