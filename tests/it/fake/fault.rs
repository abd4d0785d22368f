//! What can be made to go wrong, request by request and event by event.

use std::time::Duration;

use aftertone::words::Leg;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The upgrade of the event websocket.
    Events,
    Originate,
    HangUp,
    Continue,
    SetVariable,
    GetVariable,
    SetGlobal,
    Play,
    Snoop,
    ExternalMedia,
    Bridges,
    StopPlay,
    GetPlayback,
    ListChannels,
    GetChannel,
    Applications,
    Asterisk,
    Endpoints,
    Sounds,
    Other,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Refused with this status, not carried out.
    Refuse(u16),
    /// Carried out, answered with this status all the same.
    DoneBut(u16),
    /// Never answered; carried out or not.
    Silence { done: bool },
    /// The connection is closed instead of an answer; carried out or not.
    Hang { done: bool },
    /// Carried out, answered with bytes that are no HTTP.
    Garbage,
    /// Carried out, answered 200 with a body that is no JSON.
    GarbageBody,
    /// Carried out at once, answered after this time.
    Slow(Duration),
}

/// Which requests a fault befalls.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    /// Only those about this leg's channel.
    pub(crate) leg: Option<Leg>,
    /// How many it befalls.
    pub(crate) times: u32,
    pub(crate) fault: Fault,
}

impl Rule {
    /// Befalls every request of this kind.
    pub(crate) fn always(kind: Kind, fault: Fault) -> Self {
        Self {
            kind,
            leg: None,
            times: u32::MAX,
            fault,
        }
    }

    /// Befalls the first request of this kind.
    pub(crate) fn once(kind: Kind, fault: Fault) -> Self {
        Self {
            times: 1,
            ..Self::always(kind, fault)
        }
    }

    /// Only those about this leg.
    #[must_use]
    pub(crate) fn on(mut self, leg: Leg) -> Self {
        self.leg = Some(leg);
        self
    }
}

/// What happens to the events on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    /// Each event comes so many times more.
    pub(crate) repeats: u32,
    /// Each event may be overtaken by the next ones; from this seed.
    pub(crate) shuffle: Option<u64>,
    /// Events of these types never arrive.
    pub(crate) lost: Vec<&'static str>,
    /// Where the connection ends, once.
    pub(crate) cut: Option<Cut>,
    /// Text that is no JSON, sent before each event.
    pub(crate) noise: Option<&'static str>,
}

/// Where the event connection ends.
#[derive(Clone, Debug)]
pub(crate) enum Cut {
    /// Instead of the event that is of this type and about this leg, which is lost with it.
    Before(&'static str, Leg),
    /// After it.
    After(&'static str, Leg),
    /// After so many bytes on the first connection.
    AtByte(usize),
}
