//! What is sent on a websocket, and when. Pure: time is an argument.
//!
//! The PBX plays what is queued by its own clock. The queue is kept about a second ahead of what has been heard of a message,
//! so that a lost packet leaves no gap. How much has been heard is known by our clock; that all of it has, by the PBX's report
//! that its queue is empty.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    control::{PbxCommand, PbxMessage, Style},
    ulaw,
};
use crate::{
    ari::media::{
        connection::{ConnectionEnd, FromCall, GOODBYE_WAIT, Order, SILENCE_EVERY},
        pacer::{BRIDGED, FRAME, SAMPLES},
        unheard::Unheard,
    },
    drop::{Spoken, SpokenEnd},
    id::Play,
};

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Talk {
    style: Style,
    message: Option<QueuedMessage>,
    /// We asked for the end: when to give up waiting for it.
    parting: Option<Instant>,
    /// The PBX has no room.
    is_full: bool,
    /// When the next piece of silence is due while no message is sent.
    silence_due: Instant,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send this sound, as μ-law.
    Sound(Vec<u8>),
    /// Send this control message.
    Command(String),
    /// Report this to the drop.
    Report(FromCall),
    /// End the connection.
    End(ConnectionEnd),
}

/// A message that is being queued.
#[derive(Debug)]
struct QueuedMessage {
    play: Play,
    sound: Arc<[i16]>,
    /// Frames that were sent.
    sent: usize,
    /// The connection ends with it.
    parts: bool,
    /// When its first frame was heard, later by the gaps since.
    begun: Instant,
    /// All was sent, and the PBX was asked to report that it has played it: until when it may take.
    confirm_by: Option<Instant>,
    unheard: Unheard,
}

impl Talk {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            style: Style::default(),
            message: None,
            parting: None,
            is_full: false,
            silence_due: now,
        }
    }

    /// When [`Self::on_time`] has something to do next.
    pub(super) fn wake(&self) -> Instant {
        match (&self.parting, &self.message) {
            (Some(until), _) => *until,
            (None, Some(message)) => message.due(),
            (None, None) => self.silence_due,
        }
    }

    pub(super) fn on_order(&mut self, order: Order, now: Instant, actions: &mut Vec<Action>) {
        match order {
            Order::Speak(play, sound) => self.begin((play, sound, true), now, actions),
            Order::Say(play, sound) => self.begin((play, sound, false), now, actions),
            Order::Hush(play) => {
                let current = self.message.as_ref().map(|message| message.play);
                if current == Some(play) {
                    self.stop(now, actions);
                }
            }
            Order::Goodbye => {
                self.stop(now, actions);
                self.part(now, actions);
            }
        }
    }

    fn begin(
        &mut self,
        (play, sound, parts): (Play, Arc<[i16]>, bool),
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        self.stop(now, actions);
        if self.parting.is_some() {
            return;
        }
        self.message = Some(QueuedMessage {
            play,
            sound,
            sent: 0,
            parts,
            begun: now,
            confirm_by: None,
            unheard: Unheard::new(now),
        });
        self.on_time(now, actions);
    }

    pub(super) fn on_message(&mut self, said: PbxMessage, now: Instant, actions: &mut Vec<Action>) {
        match said {
            PbxMessage::Start(style) => self.style = style,
            PbxMessage::Xoff => self.is_full = true,
            PbxMessage::Xon => {
                self.is_full = false;
                self.on_time(now, actions);
            }
            PbxMessage::Drained => self.on_drained(now, actions),
            PbxMessage::Other => {}
        }
    }

    /// Sound of the far end came.
    pub(super) fn on_sound(&mut self, now: Instant) {
        if let Some(message) = &mut self.message {
            message.unheard.on_sound(now);
        }
    }

    /// Sends what is due, and ends what is overdue.
    pub(super) fn on_time(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.note_silence(now);
        if let Some(until) = self.parting {
            if now >= until {
                actions.push(Action::End(ConnectionEnd::Unanswered));
            }
            return;
        }
        let Some(message) = &mut self.message else {
            if now >= self.silence_due {
                self.silence_due = now + SILENCE_EVERY;
                if !self.is_full {
                    actions.push(Action::Sound(vec![ulaw::SILENCE; SAMPLES]));
                }
            }
            return;
        };
        message.send(now, self.is_full, actions);
        if message.sent == message.frames() && message.confirm_by.is_none() {
            message.confirm_by = Some(message.ends() + CONFIRM);
            actions.push(Action::Command(PbxCommand::ReportDrained.write(self.style)));
        }
        if message.confirm_by.is_some_and(|by| now >= by) {
            self.spoken(SpokenEnd::Unconfirmed, now, actions);
            actions.push(Action::End(ConnectionEnd::Unanswered));
        }
    }

    /// The connection ends: reports the message that ends with it.
    pub(super) fn end(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.spoken(SpokenEnd::Lost, now, actions);
    }

    /// Why the PBX ended the connection.
    pub(super) fn closed(&self, otherwise: ConnectionEnd) -> ConnectionEnd {
        if self.parting.is_some() {
            ConnectionEnd::Parted
        } else {
            otherwise
        }
    }

    /// The PBX's queue is empty. A report that comes before the message can be over is about something older.
    fn on_drained(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let Some(message) = &self.message else {
            return;
        };
        let ends = message.ends();
        if message.confirm_by.is_none() || now + EARLY < ends {
            return;
        }
        let late = now.saturating_duration_since(ends);
        if late > LATE {
            // The network delayed more than the PBX had in its queue.
            actions.push(Action::Report(FromCall::Stumbled(message.play, late)));
        }
        let parts = message.parts;
        self.spoken(SpokenEnd::Whole, now, actions);
        if parts {
            self.part(now, actions);
        } else {
            self.silence_due = now;
        }
    }

    /// Sends no more of the message.
    fn stop(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.message.is_some() {
            actions.push(Action::Command(PbxCommand::Flush.write(self.style)));
            self.silence_due = now + FRAME;
            self.spoken(SpokenEnd::Stopped, now, actions);
        }
    }

    fn spoken(&mut self, end: SpokenEnd, now: Instant, actions: &mut Vec<Action>) {
        self.note_silence(now);
        if let Some(message) = self.message.take() {
            let sent = match end {
                SpokenEnd::Whole | SpokenEnd::Unconfirmed => message.length(),
                SpokenEnd::Stopped | SpokenEnd::Lost => message.heard(now),
            };
            let spoken = Spoken {
                end,
                sent,
                unheard: message.unheard.longest(),
            };
            actions.push(Action::Report(FromCall::Spoken(message.play, spoken)));
        }
    }

    fn part(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.parting.is_none() {
            actions.push(Action::Command(PbxCommand::HangUp.write(self.style)));
            self.parting = Some(now + GOODBYE_WAIT);
        }
    }

    fn note_silence(&mut self, now: Instant) {
        if let Some(message) = &mut self.message {
            message.unheard.note(now);
        }
    }
}

impl QueuedMessage {
    fn frames(&self) -> usize {
        self.sound.len().div_ceil(SAMPLES)
    }

    fn length(&self) -> Duration {
        lasts(self.frames())
    }

    /// When its last frame has been heard.
    fn ends(&self) -> Instant {
        self.begun + self.length()
    }

    fn due(&self) -> Instant {
        match self.confirm_by {
            Some(by) => by,
            // When little more than this is left in the PBX's queue.
            None => self.begun + lasts(self.sent).saturating_sub(AHEAD - STEP),
        }
    }

    /// How much of it has been heard, to the frame that is being heard.
    fn heard(&self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.begun);
        let begun = usize::try_from(elapsed.as_millis() / FRAME.as_millis()).unwrap_or(usize::MAX);
        lasts(begun.saturating_add(1).min(self.sent))
    }

    /// Sends as much as fills the PBX's queue, in whole frames only: it drops the rest of others.
    fn send(&mut self, now: Instant, is_full: bool, actions: &mut Vec<Action>) {
        let elapsed = now.saturating_duration_since(self.begun);
        let dry = elapsed.saturating_sub(lasts(self.sent));
        let inside = self.sent > 0 && self.sent < self.frames();
        if dry > BRIDGED && (inside || self.sent == 0) {
            // What follows is heard later by this much.
            self.begun += dry;
            if inside {
                actions.push(Action::Report(FromCall::Stumbled(self.play, dry)));
            }
        }
        if is_full {
            return;
        }
        let begins = self.sent == 0;
        let until = now.saturating_duration_since(self.begun) + AHEAD;
        let frames = usize::try_from(until.as_millis() / FRAME.as_millis()).unwrap_or(usize::MAX);
        let frames = frames.clamp(self.sent, self.frames());
        let (from, to) = (self.sent * SAMPLES, frames * SAMPLES);
        if from == to {
            return;
        }
        let samples = &self.sound[from..to.min(self.sound.len())];
        let mut octets: Vec<u8> = samples.iter().map(|&sample| ulaw::encode(sample)).collect();
        octets.resize(to - from, ulaw::SILENCE);
        self.sent = frames;
        actions.push(Action::Sound(octets));
        if begins {
            actions.push(Action::Report(FromCall::Speaking(self.play)));
        }
    }
}

fn lasts(frames: usize) -> Duration {
    FRAME * u32::try_from(frames).unwrap_or(u32::MAX)
}

/// How far ahead of what is heard a message is sent: 8,000 bytes in one piece at most. Asterisk ends a call whose piece has
/// 64 KiB or more, and takes 18 s of sound before it says that it has no more room.
const AHEAD: Duration = Duration::from_secs(1);

/// The least that is sent at once, except at the message's end.
const STEP: Duration = Duration::from_millis(100);

/// How long after the message's end the PBX may take to say that it has played it.
const CONFIRM: Duration = Duration::from_secs(2);

/// How far its clock may be ahead of ours.
const EARLY: Duration = Duration::from_millis(100);

/// How late its report may be without a gap in the message: two ways through a network that loses a packet.
const LATE: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests;
