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
    GetGlobal,
    Play,
    Snoop,
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
    /// Carried out after this time, and answered then.
    Late(Duration),
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

    /// Whether a request of this kind, about this leg, is the next one that it befalls.
    pub(crate) fn befalls(&self, kind: Kind, leg: Option<Leg>) -> bool {
        self.times > 0 && self.kind == kind && (self.leg.is_none() || self.leg == leg)
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
    /// The point at which the connection ends, once.
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

/// What becomes of the audio connections of calls; by default what Asterisk 22.10.1 does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Audio {
    pub(crate) opening: Opening,
    /// When the connection is lost, and how.
    pub(crate) lost: Option<(When, Loss)>,
    pub(crate) goodbye: Goodbye,
    /// From when on nothing is read.
    pub(crate) unread: Option<When>,
    /// From when on no sound of the far end comes.
    pub(crate) mute: Option<When>,
    /// The far end's sound comes as fast as on a line, and not faster.
    pub(crate) live: bool,
    /// When nothing is sent and nothing is read, and for how long.
    pub(crate) stands: Option<(When, Duration)>,
}

/// How an audio connection comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    #[default]
    Fine,
    /// There is no `AudioSocket()`: the dialplan goes on at once.
    Missing,
    /// It is never accepted.
    Refused,
    /// It is made, and says nothing.
    Mute,
}

/// A moment of an audio connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So much of what the far end sounds like has been brought.
    Sound(Duration),
    /// So much of the message has come.
    Message(Duration),
}

/// How an audio connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Closed,
    Reset,
}

/// How our goodbye is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Goodbye {
    #[default]
    Closed,
    /// As Asterisk 18.20 to 18.26 and their contemporaries do.
    Reset,
    Never,
}
