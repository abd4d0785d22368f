//! What can happen to a drop, and what a drop can want: the whole exchange between the core and the edges.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    id::Play,
    words::{Leg, ReadyBy, Verdict},
};

/// Something that happened to a drop. It may come at any time, any number of times, out of order, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The PBX took the originate, or says that the channel exists (409).
    Accepted(Leg),
    /// The network reports progress (183, or 180 with media): `Dial PROGRESS`.
    Progress(Leg),
    /// The leg rings: `ChannelStateChange Ringing` or `Dial RINGING`.
    Ringing(Leg),
    /// The network answered the call with another number, and the PBX dials that: `Dial` with `forward`.
    Redirected(Leg),
    /// The leg is up: `ChannelStateChange Up`, `Dial ANSWER`.
    Answered(Leg),
    /// The answered leg waits in our app and can be steered: the first `StasisStart`.
    Entered(Leg),
    /// It is known who answered.
    Screened {
        /// The leg that was listened to.
        leg: Leg,
        /// Who answered.
        verdict: Verdict,
        /// The detector's own words: AMDCAUSE, empty if it gave none.
        cause: String,
    },
    /// The mailbox records from this moment on, and the leg can be played to.
    Ready(Leg, ReadyPoint),
    /// The PBX waited for the ready point and did not find it in time.
    NotReady(Leg),
    /// The network's own announcement answered, known by its tones.
    Intercepted {
        /// The leg that was listened to.
        leg: Leg,
        /// What the tones say.
        sit: Sit,
        /// The detector's own words.
        cause: String,
    },
    /// A voice over a message that no beep had started: the greeting may be continuing.
    Interrupted(Leg),
    /// The first beep came while the message played: nothing was recorded so far.
    LateBeep(Leg),
    /// A beep while the message plays that does not begin the recording: the mailbox takes no more.
    LimitBeep(Leg),
    /// The tone after which the message started came again while it played, as a ring does: nothing records.
    BeepWasRing(Leg),
    /// No beep came, and nothing else speaks for a mailbox that records.
    NoReason {
        /// The leg that was listened to.
        leg: Leg,
        /// The ears' own words.
        cause: String,
    },
    /// The leg's audio connection to us has ended, or never began: we do not hear it, and cannot speak to it.
    TapLost {
        /// The leg that was listened to.
        leg: Leg,
        /// Why, for people.
        why: String,
    },
    /// The leg is back in our app from the dialplan's `AudioSocket()`, whatever ended that: a `StasisStart` that says so.
    Returned(Leg),
    /// The audio connection is up, and for some seconds no sound has come from the far end.
    NoAudio {
        /// The leg that is listened to.
        leg: Leg,
        /// Whether the PBX answered when it was asked since.
        pbx_answers: bool,
    },
    /// The far end put the call on hold: what we send does not arrive.
    Held(Leg),
    /// The far end took the call back from hold.
    Resumed(Leg),
    /// The first frame of a message that we send ourselves went out.
    Speaking(Play),
    /// More time passed between two frames of the message that we send ourselves than the far end bridges: we stalled.
    Stumbled {
        /// The play that has a gap.
        play: Play,
        /// How long the gap is.
        gap: Duration,
    },
    /// A message that we send ourselves has ended.
    Spoken {
        /// The play that ended.
        play: Play,
        /// How it ended, and what is known of it.
        spoken: Spoken,
    },
    /// The PBX began to play.
    PlaybackStarted {
        /// Which play of the drop.
        play: Play,
        /// The PBX's time of it.
        at: Option<PbxTime>,
    },
    /// A playback ended.
    PlaybackFinished {
        /// Which play of the drop.
        play: Play,
        /// How the PBX says it ended.
        end: PlaybackEnd,
        /// The PBX's time of it.
        at: Option<PbxTime>,
    },
    /// The far end asked to end the call: `ChannelHangupRequest` that is not ours.
    FarEndHungUp {
        /// The leg it ended.
        leg: Leg,
        /// Why it hung up.
        cause: Cause,
    },
    /// The channel has ended: `ChannelDestroyed`.
    Gone {
        /// The leg.
        leg: Leg,
        /// Why it ended.
        cause: Cause,
    },
    /// The PBX says that there is no such channel (404, or not in its list); why it ended is not known.
    Absent(Leg),
    /// The PBX's dialplan has the leg, which lives on without us.
    GivenBack(Leg),
    /// A request was not carried out.
    Refused {
        /// What was asked.
        command: Command,
        /// Why it was not done.
        why: Refusal,
    },
}

impl Event {
    /// The leg whose channel certainly exists, or existed a moment ago, if the event shows one.
    pub const fn shows_alive(&self) -> Option<Leg> {
        match self {
            Self::Accepted(leg)
            | Self::Progress(leg)
            | Self::Ringing(leg)
            | Self::Answered(leg)
            | Self::Entered(leg)
            | Self::Ready(leg, _)
            | Self::NotReady(leg)
            | Self::Returned(leg)
            | Self::Screened { leg, .. } => Some(*leg),
            // What was heard may have been heard a moment before the leg's end.
            Self::Intercepted { .. }
            | Self::Interrupted(_)
            | Self::LateBeep(_)
            | Self::LimitBeep(_)
            | Self::BeepWasRing(_)
            | Self::NoReason { .. }
            | Self::Redirected(_)
            | Self::TapLost { .. }
            | Self::NoAudio { .. }
            | Self::Held(_)
            | Self::Resumed(_)
            | Self::Speaking(_)
            | Self::Stumbled { .. }
            | Self::Spoken { .. }
            | Self::PlaybackStarted { .. }
            | Self::PlaybackFinished { .. }
            | Self::FarEndHungUp { .. }
            | Self::Gone { .. }
            | Self::Absent(_)
            | Self::GivenBack(_)
            | Self::Refused { .. } => None,
        }
    }
}

/// What the PBX has of one drop, read after the event link came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The legs that exist, each with the events that its state implies: ringing, answered, in our app, a verdict.
    pub legs: BTreeMap<Leg, Vec<Event>>,
    /// The playbacks that the PBX still knows.
    pub plays: Vec<Play>,
}

/// How a ready point was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyPoint {
    /// The end of this beep.
    Beep(Beeped),
    /// The end of the greeting, without a beep.
    Silence,
    /// The wait for silence in the PBX's dialplan.
    Dialplan,
    /// An agent has heard it, and handed the call over after it.
    Agent,
}

impl ReadyPoint {
    /// How it was found, without the particulars.
    pub const fn by(self) -> ReadyBy {
        match self {
            Self::Beep(_) => ReadyBy::Beep,
            Self::Silence => ReadyBy::Silence,
            Self::Dialplan => ReadyBy::Dialplan,
            Self::Agent => ReadyBy::Agent,
        }
    }
}

/// A beep, by how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beeped {
    /// Its pitch in Hz; the lower one of two that sound together.
    pub hz: u32,
    /// How long ago it began.
    pub began: Duration,
    /// How long ago it ended.
    pub ended: Duration,
}

/// What special information tones mean (ITU-T E.180, GR-1162).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sit {
    /// Vacant code, or intercept: there is no such number any more.
    Invalid,
    /// Reorder, or no circuit: the network has no way through just now.
    Congestion,
    /// Tones that say neither.
    Other,
}

/// Something a drop wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Originate the leg.
    Dial(Leg),
    /// Have the answered leg screened by the dialplan: who is it, and when does it record?
    Screen(Leg),
    /// Have the answered leg connect its audio to us: who is it, and when does it record?
    Listen(Leg),
    /// Have the dialplan find the ready point of a leg of which it is known who answered.
    AwaitReady(Leg),
    /// Send the message to the leg ourselves, from its beginning, over its audio connection.
    Speak(Leg, Play),
    /// Send the prompt that answers a call screener, and stay on the line.
    Say(Leg),
    /// Send no more of this play.
    Hush(Play),
    /// End the leg's audio connection in an orderly way, so that it comes back into our app.
    Release(Leg),
    /// Have the PBX play the message to the leg from its beginning.
    Play(Leg, Play),
    /// Have the PBX stop this play.
    StopPlay(Play),
    /// Send the leg, which is in our app, on into the dialplan, where it lives without us.
    GiveBack(Leg),
    /// End the leg, in whatever state it is.
    HangUp(Leg),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The sort of refusal, which decides what follows.
    pub kind: RefusalKind,
    /// What the PBX or the network said, for people.
    pub words: String,
}

/// The sort of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// 404 on anything but a hang-up: the channel is not there. (A hang-up's 404 is [`Event::Absent`].)
    NotFound,
    /// 409, 412, 422: the channel is there, but not in the state that the request needs.
    WrongState,
    /// 400, 401, 403 and other 4xx: the request itself is bad, or not allowed.
    Rejected,
    /// The PBX could not make the channel: certainly nothing was dialled.
    NotMade,
    /// 5xx: the PBX tried and failed, or a proxy before it did; what became of the channel is open.
    Failed,
    /// No connection was made: the request certainly never arrived.
    Unreachable,
    /// It was not sent at all: it had waited for so long that what allowed it may not hold any more.
    TooLate,
    /// The request went out, and no reply came in time or the connection broke: it may have been carried out.
    NoReply,
}

impl RefusalKind {
    /// All kinds, for tables.
    pub const ALL: [Self; 8] = [
        Self::NotFound,
        Self::WrongState,
        Self::Rejected,
        Self::NotMade,
        Self::Failed,
        Self::Unreachable,
        Self::TooLate,
        Self::NoReply,
    ];
}

/// How the PBX says that a playback ended. A stopped playback ends as `done` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaybackEnd {
    /// `done`
    Done,
    /// `failed`: the file is missing, or the channel went away.
    Failed,
}

/// What is known of a message that we sent ourselves, at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// How it ended.
    pub end: SpokenEnd,
    /// How much of it was sent, to the frame of 20 ms.
    pub sent: Duration,
    /// The longest time, while it was sent, in which no sound came from the far end.
    pub unheard: Duration,
}

/// How a message that we sent ourselves ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpokenEnd {
    /// All of it was sent, and the PBX has taken all of it: it closed the connection when it reached our hang-up frame.
    Whole,
    /// All of it was sent, and the PBX did not say in time that it has taken it.
    Unconfirmed,
    /// We were asked to stop.
    Stopped,
    /// The connection ended.
    Lost,
}

/// Why a leg ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// Q.850 cause, 0 to 127; `None` unless it was reported.
    pub q850: Option<u16>,
    /// Last SIP status of a call that failed, 300 to 699.
    pub sip: Option<u16>,
}

impl Cause {
    /// A Q.850 cause without a SIP status.
    pub const fn q850(code: u16) -> Self {
        Self {
            q850: Some(code),
            sip: None,
        }
    }

    /// The union of two reports of one end: what this one lacks is taken from `earlier`.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        Self {
            q850: self
                .q850
                .filter(|&code| code != 0)
                .or(earlier.q850)
                .or(self.q850),
            sip: self.sip.or(earlier.sip),
        }
    }
}

/// A time on the PBX's own clock, in milliseconds since 1970. Only differences of two of one PBX mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PbxTime(pub i64);

impl PbxTime {
    /// The time from `earlier` to this; zero if the PBX's clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
