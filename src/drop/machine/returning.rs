//! When the leg's audio connection ends before the message does: the leg comes back into our app, and the dialplan goes on.
//!
//! ```text
//!  Ours ──connection lost, or released──> Returning ──back in our app──> Parted: screen, await_ready or play
//!    └───────────────back in our app, before we noticed─────────────────────^
//! ```

use std::time::{Duration, Instant};

use super::{DropPhase, Ears, EventLink, GivingBack, Parting, VoicemailDrop};
use crate::{
    drop::{event::Command, outcome::Outcome, plan::Voice, report::Milestone, timer::Timer},
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    /// The audio connection has ended without our doing.
    pub(super) fn on_deaf(&mut self, leg: Leg, now: Instant) {
        if self.ears != Ears::Ours {
            return;
        }
        match self.phase {
            DropPhase::Screening { live } | DropPhase::Awaiting { live, .. } if live == leg => {}
            DropPhase::Starting {
                live,
                by: Voice::Ours,
                ..
            } if live == leg => self.play_later(),
            // What became of the message was to come first.
            DropPhase::Playing {
                live,
                by: Voice::Ours,
                ..
            } if live == leg => {
                self.speaking = None;
                self.note_played(None, now);
                return self.on_lost(live, now);
            }
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => return,
        }
        self.record(Milestone::TapLost, now);
        let end = if self.prompted && self.found.verdict == Some(Verdict::Screening) {
            // A person may come, whom the dialplan would not know from what plays meanwhile.
            let words = "the audio connection was lost after the prompt for the call screener";
            Some((Outcome::NotVoicemail, words))
        } else if self.interrupted {
            // It may have been a person. The dialplan's silence would play to them again.
            let words = "a voice came over the message, and then the audio connection was lost";
            Some((self.unready(), words))
        } else if !self.found.heard.is_zero() {
            // The mailbox has a part of the message already; the dialplan hears no late beep.
            let words = "the audio connection was lost after a part of the message had been played";
            Some((Outcome::CutOff, words))
        } else {
            None
        };
        if let Some((outcome, words)) = end {
            self.found.words = Some(words.to_owned());
            self.ears = Ears::Returning(Parting::Lost);
            return self.end_ourselves(outcome, now);
        }
        self.part(Parting::Lost, now);
    }

    /// The leg is back in our app.
    pub(super) fn on_returned(&mut self, leg: Leg, now: Instant) {
        if self.giving_back == GivingBack::Releasing(leg) {
            return self.ask_to_give_back(leg, now);
        }
        let live = match self.phase {
            DropPhase::Screening { live }
            | DropPhase::Awaiting { live, .. }
            | DropPhase::Starting { live, .. }
            | DropPhase::Playing { live, .. }
            | DropPhase::Explaining { live, .. } => live,
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => return,
        };
        if live != leg || matches!(self.ears, Ears::Dialplan | Ears::Parted(_)) {
            return;
        }
        self.returned = true;
        match self.ears {
            Ears::Returning(parting) => self.go_on_without_ears(parting, now),
            // The PBX says so before the connection does. What became of a message, only the connection knows.
            Ears::Ours if self.current_play().is_none() => self.on_deaf(leg, now),
            Ears::Ours | Ears::Dialplan | Ears::Parted(_) => {}
        }
    }

    /// No sound comes from the far end any more, or none ever came.
    pub(super) fn on_no_audio(&mut self, leg: Leg, pbx_answers: bool, now: Instant) {
        let live = match self.phase {
            DropPhase::Screening { live } | DropPhase::Awaiting { live, .. } => live,
            // What is sent meanwhile is known, and for how long nothing was heard.
            DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => return,
        };
        if live != leg || self.ears != Ears::Ours {
            return;
        }
        if !pbx_answers {
            self.lose("the PBX stopped sending sound, and does not answer", now);
        } else if !self.leg(leg).held {
            let words = "no sound comes from the far end";
            self.found.words = Some(words.to_owned());
            self.end_ourselves(self.unready(), now);
        }
    }

    /// Our ears listen no more, and the leg is on its way back.
    pub(super) fn part(&mut self, parting: Parting, now: Instant) {
        self.ears = Ears::Returning(parting);
        if self.returned {
            self.go_on_without_ears(parting, now);
        } else {
            self.timers.set(Timer::Return, now + RETURN);
        }
    }

    pub(super) fn on_return_missing(&mut self, now: Instant) {
        if matches!(
            self.giving_back,
            GivingBack::Releasing(_) | GivingBack::Asked(_)
        ) {
            return self.keep(now);
        }
        if !matches!(self.ears, Ears::Returning(_)) {
            return;
        }
        match self.link {
            EventLink::Up => {
                let words = "the PBX did not give the call back when its audio connection ended";
                self.found.words = Some(words.to_owned());
                self.end_ourselves(self.unready(), now);
            }
            // Both connections to the PBX broke: the PBX is gone, or the way to it.
            EventLink::Lost => self.lose(
                "the audio connection was lost, and then the event link was down when the call was to come back",
                now,
            ),
        }
    }

    /// The leg is in our app and can be steered again: the dialplan finds out what is not known yet, and the PBX plays.
    fn go_on_without_ears(&mut self, parting: Parting, now: Instant) {
        self.ears = Ears::Parted(parting);
        self.timers.stop(Timer::Return);
        match self.phase {
            DropPhase::Screening { live } => self.commands.push_back(Command::Screen(live)),
            DropPhase::Awaiting { live, ready: None } => {
                self.commands.push_back(Command::AwaitReady(live));
            }
            DropPhase::Awaiting { ready: Some(_), .. } => self.play_if_possible(now),
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }
}

/// How long a leg may take to come back into our app. Asterisk gives up a connection that is not made after 2 s.
const RETURN: Duration = Duration::from_secs(5);
