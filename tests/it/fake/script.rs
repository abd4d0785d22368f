//! What happens at the far end of a call, as a value.

use std::{sync::Arc, time::Duration};

/// What a number does: its first call follows the first entry, its second the second, and the last one repeats.
#[derive(Clone, Debug)]
pub(crate) struct Script(pub(crate) Vec<Call>);

/// What the far end of one call does.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Each comes so long after the one before it, the first so long after the originate.
    pub(crate) steps: Vec<(Duration, Far)>,
    pub(crate) detector: Detector,
    pub(crate) playback: Playback,
    /// What the far end sounds like, at 8,000 samples a second; silence follows.
    pub(crate) sound: Arc<[i16]>,
    /// What it says from the moment on at which our message begins.
    pub(crate) reply: Arc<[i16]>,
}

/// What the far end, or the network before it, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Far {
    /// 180.
    Ringing,
    /// 183.
    Progress,
    /// 200.
    Answer,
    /// 302, which the PBX follows to this number by a channel of its own; `told`: whether a `Dial` event says so.
    Redirect {
        to: &'static str,
        told: bool,
    },
    /// A final refusal, as Asterisk maps it.
    Refuse {
        q850: u16,
        sip: u16,
    },
    HangUp,
    /// A Local channel's far side sends the call that its variables name into our app.
    HandOver,
    /// A re-INVITE with `a=sendonly`.
    Hold,
    /// A re-INVITE that takes it back.
    Unhold,
}

/// What AMD and the wait for the greeting's end find, and when.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    /// From the `continue` to the verdict.
    pub(crate) verdict_after: Duration,
    pub(crate) status: &'static str,
    pub(crate) cause: &'static str,
    /// From the verdict to the end of WaitForSilence.
    pub(crate) wait: Duration,
    pub(crate) wait_status: &'static str,
}

/// How a playback ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Playback {
    /// Whole; as long as the file that is named, or this long.
    Whole(Duration),
    /// `done` after this, however long the file is.
    Early(Duration),
    Failed,
    /// No PlaybackFinished ever comes.
    Endless,
    /// The far end hangs up so long into it.
    HungUp(Duration),
}

impl Script {
    /// The line rings on the first call; the second is diverted to a mailbox.
    pub(crate) fn mailbox() -> Self {
        Self(vec![Call::ringing_for_ever(), Call::mailbox()])
    }

    /// The same calls with another detector's finding.
    #[must_use]
    pub(crate) fn found(mut self, status: &'static str, cause: &'static str) -> Self {
        for call in &mut self.0 {
            call.detector.status = status;
            call.detector.cause = cause;
        }
        self
    }

    /// The same calls with playbacks that end so.
    #[must_use]
    pub(crate) fn playing(mut self, playback: Playback) -> Self {
        for call in &mut self.0 {
            call.playback = playback;
        }
        self
    }

    /// The same calls with this sound.
    #[must_use]
    pub(crate) fn sounding(mut self, sound: &[i16]) -> Self {
        for call in &mut self.0 {
            call.sound = sound.into();
        }
        self
    }

    /// The same calls, but the far end says this as soon as it hears our message.
    #[must_use]
    pub(crate) fn replying(mut self, sound: &[i16]) -> Self {
        for call in &mut self.0 {
            call.reply = sound.into();
        }
        self
    }

    /// Every call is refused.
    pub(crate) fn refusing(q850: u16, sip: u16) -> Self {
        Self(vec![Call::of(&[(20, Far::Refuse { q850, sip })])])
    }
}

impl Call {
    /// Steps in milliseconds, an ordinary mailbox's detector, playbacks whole.
    pub(crate) fn of(steps: &[(u64, Far)]) -> Self {
        Self {
            steps: steps
                .iter()
                .map(|&(ms, far)| (Duration::from_millis(ms), far))
                .collect(),
            detector: Detector {
                verdict_after: Duration::from_millis(60),
                status: "MACHINE",
                cause: "LONGGREETING-1500-1500",
                wait: Duration::from_millis(60),
                wait_status: "SILENCE",
            },
            playback: Playback::Whole(Duration::from_millis(200)),
            sound: Arc::new([]),
            reply: Arc::new([]),
        }
    }

    pub(crate) fn ringing_for_ever() -> Self {
        Self::of(&[(30, Far::Ringing)])
    }

    /// Rings, answers.
    pub(crate) fn mailbox() -> Self {
        Self::of(&[(30, Far::Ringing), (60, Far::Answer)])
    }
}
