//! What a drop knows of one of its legs.

use super::event::Cause;

/// What is known of one leg.
#[derive(Clone, Debug, Default)]
pub(super) struct LegState {
    pub(super) stage: LegStage,
    pub(super) originate: Originate,
    pub(super) hang_up: HangUp,
    pub(super) doubt: Doubt,
    /// The far end holds the call.
    pub(super) held: bool,
    /// The network answered it with another number.
    pub(super) redirected: bool,
    /// The far end asked for the end of the call, and why.
    pub(super) far_end: Option<Cause>,
    /// Why it ended, as far as was reported.
    pub(super) cause: Cause,
}

/// How far a leg has come. It never goes back, except that an absent leg may turn out to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LegStage {
    /// No originate was asked for, or it was refused before anything was dialled.
    #[default]
    Idle,
    /// The originate was asked for.
    Dialled,
    /// The network shows progress or ringing.
    Alerting,
    /// Answered.
    Up,
    /// The PBX does not know the channel, though no event reported its end.
    Absent,
    /// The PBX reported its end.
    Gone,
}

/// What became of the originate request. Without a reply, a channel that the PBX does not know may still come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Originate {
    #[default]
    Unanswered,
    /// It was settled while the event link was being restored: the list of channels that is being read may be older
    /// than the channel.
    Fresh,
    /// A reply came, or the request timed out, or the channel showed itself.
    Settled,
    /// Certainly nothing was dialled.
    Refused,
}

/// Whether we want the leg to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HangUp {
    #[default]
    No,
    /// A hang-up was asked for.
    Asked,
}

/// Whether the PBX has denied the leg, or reported that the far end hung up, while its end is still to be reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Doubt {
    #[default]
    Sure,
    Doubted,
}

impl LegState {
    /// Whether the leg was dialled and is not known to have ended.
    pub(super) fn is_alive(&self) -> bool {
        matches!(
            self.stage,
            LegStage::Dialled | LegStage::Alerting | LegStage::Up
        )
    }

    pub(super) fn was_dialled(&self) -> bool {
        self.stage != LegStage::Idle
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.hang_up == HangUp::Asked
    }

    /// Whether the leg was dialled, is not known to have ended, and no hang-up was asked for.
    pub(super) fn is_held(&self) -> bool {
        self.is_alive() && !self.is_leaving()
    }

    /// Whether the leg's existence is in doubt, and its end was not reported.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubt == Doubt::Doubted && self.is_alive()
    }

    /// Whether the originate has been answered, in words or by the channel itself: from then on a channel that the PBX
    /// does not know is gone.
    pub(super) fn is_settled(&self) -> bool {
        self.originate != Originate::Unanswered
    }

    /// Whether the leg was asked for, and the PBX has not answered for it.
    pub(super) fn is_unanswered_for(&self) -> bool {
        self.is_alive() && !self.is_settled()
    }

    /// Whether a list of channels read since the event link broke would hold the leg if it lives.
    pub(super) fn would_be_listed(&self) -> bool {
        self.originate == Originate::Settled
    }

    /// A list of channels that is read from here on holds the leg if it lives.
    pub(super) fn grow_old(&mut self) {
        if self.originate == Originate::Fresh {
            self.originate = Originate::Settled;
        }
    }

    /// The leg lives although the PBX had denied or refused it: it is only there to be hung up.
    pub(super) fn revive(&mut self) {
        self.stage = LegStage::Dialled;
        self.originate = Originate::Settled;
        self.hang_up = HangUp::Asked;
        self.doubt = Doubt::Sure;
    }

    /// Whether the leg's end is known and the PBX's own limit was the reason: no cause, and no hang-up asked for.
    /// Source: `ast_check_hangup` ends a channel past `TIMEOUT(absolute)` without a cause or a `ChannelHangupRequest`.
    pub(super) fn ended_by_limit(&self) -> bool {
        self.stage == LegStage::Gone
            && self.far_end.is_none()
            && self.hang_up == HangUp::No
            && matches!(self.cause.q850, None | Some(0))
    }
}
