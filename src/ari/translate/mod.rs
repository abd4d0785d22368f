//! Translates Asterisk's events into those of a drop. Pure.
//!
//! | Asterisk | the drop's event |
//! |---|---|
//! | `ChannelStateChange` to `Ringing`, `Up`; `Dial` with `RINGING`, `PROGRESS`, `ANSWER` | `Ringing`, `Answered`, `Progress` |
//! | `Dial` with `forward`, `forwarded` | `Redirected`, and the channel that is dialled instead |
//! | `StasisStart` of a leg with the drop's id | `Entered` |
//! | `StasisStart` with id, AMDSTATUS, AMDCAUSE, WAITSTATUS | `Screened`, then `Ready` or `NotReady` |
//! | `StasisStart` with id, `EARS` | `Returned` |
//! | `ChannelHold`, `ChannelUnhold` | `Held`, `Resumed` |
//! | `ChannelVarset` of `AFTERTONE_VERDICT` | `Screened` |
//! | `PlaybackStarted`, `PlaybackFinished` | the same |
//! | `ChannelHangupRequest` that is not soft | `FarEndHungUp` |
//! | `ChannelDestroyed` | `Gone` |
//! | `ChannelDtmfReceived`, `StasisEnd`, `ChannelDestroyed` of a channel that is not ours, `PlaybackFinished` of a prompt | what a caller did: [`CallerDid`] |
//! | `RecordingFinished`, `RecordingFailed` | the same |
//! | `StasisStart` of a channel that is not ours, with `leave`, `fetched`, `callback` or `record` | an [`Arrival`] |
//!
//! All other events say nothing of a drop. A hang-up that is soft was requested here, over ARI or at the PBX's console, and the cause
//! that it carries is a flag, not Q.850.

use std::collections::BTreeMap;

use super::wire::{self, Channel, Number};
use crate::{
    drop::{Cause, Event, PlaybackEnd, ReadyPoint, Seen},
    id::{ChannelId, DropId, PlaybackId, Role, RunName},
    words::{Leg, Verdict},
};

/// An event of the PBX that concerns this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened to a drop.
    Drop {
        /// The drop, which need not be in flight any more.
        drop: DropId,
        /// What happened.
        event: Event,
    },
    /// Something happened to a channel of this run that serves a drop and is not a leg of it.
    Aid {
        /// The channel.
        channel: ChannelId,
        /// What it did.
        did: AidDid,
    },
    /// A channel entered our app that is none of this run.
    Stranger {
        /// The channel's id.
        channel: String,
        /// What the id says if this program made it, in this run or another.
        ours: Option<ChannelId>,
        /// The drop whose id it brought as a leg of ours does: a call that the PBX made in the place of one of ours.
        drop: Option<DropId>,
    },
    /// A call that is none of ours waits in our app and says what it is there for.
    Arrived(Arrival),
    /// Something happened to such a call.
    Caller(CallerDid),
    /// The PBX dials another number in the place of a leg, because the network said so.
    Forwarded {
        /// The drop whose leg it was.
        drop: DropId,
        /// The id of the channel that it dials by.
        channel: String,
    },
}

/// What comes of calls that others have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visit {
    /// One waits in our app.
    Came(Arrival),
    /// Something happened to one.
    Did(CallerDid),
}

/// What happened to a call of somebody else's that is in our app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerDid {
    /// A key was pressed.
    Pressed {
        /// The channel's id.
        channel: String,
        /// The key.
        key: char,
    },
    /// A prompt is over, heard to its end or not.
    Heard {
        /// The id that its playback was given.
        playback: String,
        /// Whether it was played to its end.
        is_whole: bool,
    },
    /// A recording of what they say has ended.
    Recorded {
        /// The name that it was given.
        recording: String,
        /// Whether it is there.
        is_there: bool,
    },
    /// It has left our app, or is gone.
    Left {
        /// The channel's id.
        channel: String,
    },
}

/// A call that somebody else has made, and that waits in our app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The channel's id.
    pub channel: String,
    /// What it is there for, and what goes with that: the arguments of `Stasis()` behind the app.
    pub args: Vec<String>,
    /// It has waited since before events flowed, so that another process may have begun with it.
    pub is_late: bool,
}

impl Arrival {
    /// An argument behind the app; `None` if it is empty or not there.
    pub fn arg(&self, at: usize) -> Option<&str> {
        let text = self.args.get(at).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }

    /// The arrival of a channel that is none of ours, if its first argument is one of these words.
    fn of(channel: &str, args: Vec<String>, is_late: bool) -> Option<Self> {
        let is_one = args.first().is_some_and(|word| ARRIVALS.contains(&&**word))
            && channel.parse::<ChannelId>().is_err();
        is_one.then(|| Self {
            channel: channel.to_owned(),
            args,
            is_late,
        })
    }
}

/// What a channel did that serves a drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AidDid {
    /// It waits in our app.
    Entered,
    /// It came back from the dialplan with AMD's answer, the value of AMDSTATUS.
    Judged(String),
}

/// What one message of the PBX says to this run: nothing, one thing, or two in this order.
pub(super) fn translate(
    run: &RunName,
    event: &wire::WireEvent<'_>,
) -> impl Iterator<Item = Notice> {
    notices(run, event).into_iter().flatten()
}

/// What a list of the PBX's channels says of this run's drops: each leg that exists, with the events that its state
/// implies, in the order in which they happened.
pub fn seen(run: &RunName, channels: &[Channel]) -> BTreeMap<DropId, Seen> {
    let mut drops: BTreeMap<DropId, Seen> = BTreeMap::new();
    for channel in channels {
        let Some((drop, leg)) = leg_of(run, &channel.id) else {
            continue;
        };
        let events = implied(drop, leg, channel);
        drops.entry(drop).or_default().legs.insert(leg, events);
    }
    drops
}

/// The channels in a list of the PBX's that wait in `app` with the id of a drop, as a leg of ours does, and whose own id
/// is none of this program's: the PBX made them in the place of a leg.
pub fn in_place_of_ours(app: &str, channels: &[Channel]) -> Vec<String> {
    let is_one = |channel: &&Channel| {
        let mut data = channel.dialplan.app_data.split(',');
        channel.dialplan.app_name == "Stasis"
            && data.next() == Some(app)
            && data.next().is_some_and(|arg| arg.parse::<DropId>().is_ok())
            && channel.id.parse::<ChannelId>().is_err()
    };
    let found = channels.iter().filter(is_one);
    found.map(|channel| channel.id.clone()).collect()
}

/// The calls in a list of the PBX's channels that are none of ours, wait in `app` and say what they are there for.
pub fn waiting(app: &str, channels: &[Channel]) -> Vec<Arrival> {
    let arrivals = channels.iter().filter_map(|channel| {
        let mut data = channel.dialplan.app_data.split(',');
        let is_there = channel.dialplan.app_name == "Stasis" && data.next() == Some(app);
        let args = data.map(str::to_owned).collect();
        is_there.then(|| Arrival::of(&channel.id, args, true))?
    });
    arrivals.collect()
}

/// The channels in a list of the PBX's that this program made, in whatever run.
pub fn ours(channels: &[Channel]) -> impl Iterator<Item = ChannelId> + '_ {
    channels
        .iter()
        .filter_map(|channel| channel.id.parse().ok())
}

const NOTHING: [Option<Notice>; 2] = [None, None];

fn notices(run: &RunName, event: &wire::WireEvent<'_>) -> [Option<Notice>; 2] {
    match event.kind.as_str() {
        "ChannelStateChange" => on_channel(run, &event.channel, |leg, part| {
            of_state(leg, part.state.as_str())
        }),
        "Dial" if !event.forward.as_str().is_empty() || event.forwarded.0.is_some() => {
            redirected(run, event)
        }
        "Dial" => on_channel(run, &event.peer, |leg, _| match event.dialstatus.as_str() {
            "RINGING" => Some(Event::Ringing(leg)),
            "PROGRESS" => Some(Event::Progress(leg)),
            "ANSWER" => Some(Event::Answered(leg)),
            // Begun (empty), or failed: then `ChannelDestroyed` says why.
            _ => None,
        }),
        "StasisStart" => started(run, event),
        "ChannelHold" => on_channel(run, &event.channel, |leg, _| Some(Event::Held(leg))),
        "ChannelUnhold" => on_channel(run, &event.channel, |leg, _| Some(Event::Resumed(leg))),
        "ChannelVarset" if event.variable.as_str() == VERDICT_VARIABLE => {
            on_channel(run, &event.channel, |leg, _| {
                let value = event.value.as_str();
                let (status, cause) = value.split_once(',').unwrap_or((value, ""));
                screened(leg, status, cause)
            })
        }
        "ChannelHangupRequest" if !event.soft.0 => on_channel(run, &event.channel, |leg, _| {
            Some(Event::FarEndHungUp {
                leg,
                cause: cause(event),
            })
        }),
        "ChannelDestroyed" if is_others(&event.channel) => left(&event.channel),
        "StasisEnd" if is_others(&event.channel) => left(&event.channel),
        "ChannelDtmfReceived" if is_others(&event.channel) => pressed(event),
        "RecordingFinished" => recorded(event, true),
        "RecordingFailed" => recorded(event, false),
        "ChannelDestroyed" => on_channel(run, &event.channel, |leg, _| {
            Some(Event::Gone {
                leg,
                cause: cause(event),
            })
        }),
        "PlaybackStarted" => on_playback(run, event, |id, _| Event::PlaybackStarted {
            play: id.play,
            at: wire::pbx_time(event.timestamp.as_str()),
        }),
        "PlaybackFinished" => on_playback(run, event, |id, state| Event::PlaybackFinished {
            play: id.play,
            end: match state {
                "done" => PlaybackEnd::Done,
                // Only `done` may ever count as played.
                _ => PlaybackEnd::Failed,
            },
            at: wire::pbx_time(event.timestamp.as_str()),
        }),
        _ => NOTHING,
    }
}

fn on_channel<'a>(
    run: &RunName,
    channel: &wire::Object<wire::EventPart<'a>>,
    says: impl FnOnce(Leg, &wire::EventPart<'a>) -> Option<Event>,
) -> [Option<Notice>; 2] {
    let Some(part) = &channel.0 else {
        return NOTHING;
    };
    let Some((drop, leg)) = leg_of(run, part.id.as_str()) else {
        return NOTHING;
    };
    let notice = says(leg, part).map(|event| Notice::Drop { drop, event });
    [notice, None]
}

/// The leg is over, and what is dialled in its place must not ring.
fn redirected(run: &RunName, event: &wire::WireEvent<'_>) -> [Option<Notice>; 2] {
    let [notice, _] = on_channel(run, &event.peer, |leg, _| Some(Event::Redirected(leg)));
    let Some(Notice::Drop { drop, .. }) = &notice else {
        return NOTHING;
    };
    let forwarded = event.forwarded.0.as_ref().map(|part| part.id.as_str());
    let forwarded = forwarded.filter(|id| !id.is_empty());
    let forwarded = forwarded.map(|id| Notice::Forwarded {
        drop: *drop,
        channel: id.to_owned(),
    });
    [notice, forwarded]
}

fn on_playback(
    run: &RunName,
    event: &wire::WireEvent<'_>,
    says: impl FnOnce(&PlaybackId, &str) -> Event,
) -> [Option<Notice>; 2] {
    let Some(part) = &event.playback.0 else {
        return NOTHING;
    };
    let Ok(id) = part.id.as_str().parse::<PlaybackId>() else {
        let is_over = event.kind.as_str() == "PlaybackFinished";
        let begins = |prompt: &&str| part.id.as_str().starts_with(*prompt);
        let is_prompt = [PROMPT, RECORD_PROMPT].iter().any(begins);
        let playback = part.id.as_str().to_owned();
        let heard = (is_over && is_prompt).then_some(Notice::Caller(CallerDid::Heard {
            playback,
            is_whole: part.state.as_str() == "done",
        }));
        return [heard, None];
    };
    if id.run != *run {
        return NOTHING;
    }
    let event = says(&id, part.state.as_str());
    let drop = id.drop;
    [Some(Notice::Drop { drop, event }), None]
}

/// Whether a channel is none that this program made.
fn is_others(channel: &wire::Object<wire::EventPart<'_>>) -> bool {
    let part = channel.0.as_ref();
    part.is_some_and(|part| {
        !part.id.as_str().is_empty() && part.id.as_str().parse::<ChannelId>().is_err()
    })
}

fn left(channel: &wire::Object<wire::EventPart<'_>>) -> [Option<Notice>; 2] {
    let channel = channel.0.as_ref().map(|part| part.id.as_str().to_owned());
    [
        channel.map(|channel| Notice::Caller(CallerDid::Left { channel })),
        None,
    ]
}

fn pressed(event: &wire::WireEvent<'_>) -> [Option<Notice>; 2] {
    let channel = event
        .channel
        .0
        .as_ref()
        .map(|part| part.id.as_str().to_owned());
    let mut keys = event.digit.as_str().chars();
    let (Some(channel), Some(key), None) = (channel, keys.next(), keys.next()) else {
        return NOTHING;
    };
    [
        Some(Notice::Caller(CallerDid::Pressed { channel, key })),
        None,
    ]
}

fn recorded(event: &wire::WireEvent<'_>, is_there: bool) -> [Option<Notice>; 2] {
    let part = event.recording.0.as_ref();
    let recording = part.map(|part| part.name.as_str().to_owned());
    let said = recording.map(|recording| CallerDid::Recorded {
        recording,
        is_there,
    });
    [said.map(Notice::Caller), None]
}

fn started(run: &RunName, event: &wire::WireEvent<'_>) -> [Option<Notice>; 2] {
    let Some(part) = &event.channel.0 else {
        return NOTHING;
    };
    let id = part.id.as_str();
    let Some((drop, leg)) = leg_of(run, id) else {
        if let Some(channel) = id.parse::<ChannelId>().ok().filter(|id| id.run == *run) {
            // The drop's id comes first, as it does for a leg; AudioSocket channels bring no arguments at all.
            let status = event.args.0.get(1).map(wire::Text::as_str);
            let did = status.map_or(AidDid::Entered, |status| AidDid::Judged(status.to_owned()));
            return [Some(Notice::Aid { channel, did }), None];
        }
        let args = event.args.0.iter().map(|arg| arg.as_str().to_owned());
        if let Some(arrival) = Arrival::of(id, args.collect(), false) {
            return [Some(Notice::Arrived(arrival)), None];
        }
        let stranger = Notice::Stranger {
            channel: id.to_owned(),
            ours: id.parse().ok(),
            drop: event
                .args
                .0
                .first()
                .and_then(|arg| arg.as_str().parse().ok()),
        };
        return [Some(stranger), None];
    };
    let args = event.args.0.iter().map(wire::Text::as_str);
    entered(drop, leg, args).map(|event| event.map(|event| Notice::Drop { drop, event }))
}

/// What it says that a leg is in our app with these arguments. The first is the drop's id: a leg that came in by
/// another way than ours says nothing, so that it is never played to.
fn entered<'a>(
    drop: DropId,
    leg: Leg,
    mut args: impl Iterator<Item = &'a str>,
) -> [Option<Event>; 2] {
    if args.next().and_then(|arg| arg.parse().ok()) != Some(drop) {
        return [None, None];
    }
    let Some(status) = args.next() else {
        return [Some(Event::Entered(leg)), None];
    };
    if status == BACK_FROM_LISTENING {
        return [Some(Event::Returned(leg)), None];
    }
    let cause = args.next().unwrap_or_default();
    let wait = args.next();
    let Some(verdict) = verdict(status, cause) else {
        return [None, None];
    };
    let ready = match wait {
        // A person is never played to, and the end of the leg shows that a far end hung up.
        _ if verdict == Verdict::Human => None,
        Some("HANGUP") => None,
        Some("SILENCE") => Some(Event::Ready(leg, ReadyPoint::Dialplan)),
        Some("TIMEOUT") => Some(Event::NotReady(leg)),
        // A dialplan that names no wait returns a machine when its greeting is over.
        None if verdict == Verdict::Machine => Some(Event::Ready(leg, ReadyPoint::Dialplan)),
        // The wait has left no result, as after an error of its own: whether the mailbox records is not known.
        _ if verdict == Verdict::Machine => Some(Event::NotReady(leg)),
        _ => None,
    };
    let screened = Event::Screened {
        leg,
        verdict,
        cause: cause.to_owned(),
    };
    [Some(screened), ready]
}

fn screened(leg: Leg, status: &str, cause: &str) -> Option<Event> {
    let verdict = verdict(status, cause)?;
    Some(Event::Screened {
        leg,
        verdict,
        cause: cause.to_owned(),
    })
}

/// What AMD's answer means. `None` if the far end hung up meanwhile, which the end of the leg shows.
fn verdict(status: &str, cause: &str) -> Option<Verdict> {
    match status {
        "MACHINE" if cause.starts_with(SILENT_PERSON) => Some(Verdict::Unsure),
        "MACHINE" => Some(Verdict::Machine),
        "HUMAN" => Some(Verdict::Human),
        "HANGUP" => None,
        // NOTSURE, empty (AMD could not listen), or a word of a dialplan that is not ours.
        _ => Some(Verdict::Unsure),
    }
}

fn of_state(leg: Leg, state: &str) -> Option<Event> {
    match state {
        "Ringing" => Some(Event::Ringing(leg)),
        "Up" => Some(Event::Answered(leg)),
        _ => None,
    }
}

fn implied(drop: DropId, leg: Leg, channel: &Channel) -> Vec<Event> {
    let mut events: Vec<_> = of_state(leg, &channel.state).into_iter().collect();
    if channel.state == "Up" && channel.dialplan.app_name == "Stasis" {
        // The app's own name comes first.
        let args = channel.dialplan.app_data.split(',').skip(1);
        events.extend(entered(drop, leg, args).into_iter().flatten());
    }
    events
}

fn leg_of(run: &RunName, channel: &str) -> Option<(DropId, Leg)> {
    let id: ChannelId = channel.parse().ok()?;
    match id.role {
        Role::Leg(leg) if id.run == *run => Some((id.drop, leg)),
        Role::Leg(_) | Role::Snoop | Role::Tap | Role::Amd => None,
    }
}

fn cause(event: &wire::WireEvent<'_>) -> Cause {
    Cause {
        q850: within(event.cause, 0, 127),
        sip: within(event.tech_cause, 300, 699),
    }
}

fn within(number: Number, from: u16, to: u16) -> Option<u16> {
    let number = u16::try_from(number.0?).ok()?;
    (from..=to).contains(&number).then_some(number)
}

/// What calls of others are in our app for: an agent leaves a message, a channel that we have asked for comes, somebody calls back,
/// somebody records a message.
const ARRIVALS: [&str; 4] = ["leave", "fetched", "callback", "record"];

/// How the ids of prompts begin that those hear who call us.
pub const PROMPT: &str = "callback-";

/// The same of those who record a message.
pub const RECORD_PROMPT: &str = "record-";

/// The variable in which the dialplan sets AMD's answer before it waits for the ready point.
const VERDICT_VARIABLE: &str = "AFTERTONE_VERDICT";

/// What comes in place of AMDSTATUS if a leg comes back from `AudioSocket()`.
const BACK_FROM_LISTENING: &str = "EARS";

/// How AMDCAUSE begins if AMD heard nothing at all and calls that a machine.
const SILENT_PERSON: &str = "INITIALSILENCE";

#[cfg(test)]
mod tests;
