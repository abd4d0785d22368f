//! What can happen to the engine, and what it can want: the whole exchange with the store, the board of drops and the
//! operator.

use std::{collections::BTreeSet, fmt};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    campaign::{
        budget::Calls,
        decision::{Decision, HeldReason, RefusedReason},
        ids::{CampaignId, ContactId, PbxId},
    },
    drop::{Outcome, OutcomeReason, Technique},
    phone::{CallerId, PhoneNumber},
};

/// A contact whose turn has come, leased to this engine by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id in the store.
    pub id: ContactId,
    /// The number to dial.
    pub number: PhoneNumber,
    /// How many attempts it has had.
    pub attempts: u32,
    /// The message that its own row names, if it does.
    pub message: Option<String>,
    /// Whether a second call finds the number busy with the first, so that only one makes sense.
    pub only_single: bool,
}

/// What every call has to pass. The engine asks it for each attempt, at the moment of the attempt.
///
/// It is the caller's: it knows the do-not-call list, the consents, the calls of the last days and the zones, and keeps
/// each decision with the rule that made it.
pub trait Gate {
    /// Whether this attempt may be made at `now`.
    fn decide(&mut self, ask: &Ask<'_>, now: Timestamp) -> Decision;

    /// The attempt that was just allowed is made: it counts for what is asked next, though the store may not know of it
    /// yet.
    fn started(&mut self, ask: &Ask<'_>, now: Timestamp);

    /// The zone whose hours hold the contact, for display; `None` if it is not known.
    fn zone(&self, _contact: &Contact) -> Option<TimeZone> {
        None
    }
}

/// An attempt that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// The contact to dial.
    pub contact: &'a Contact,
    /// One call or two: two are two calls under rules that count calls.
    pub technique: Technique,
}

/// Something that happened. It may come late or never, and, but for [`Self::NotDialled`], twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The store's answer to [`Command::Fetch`]. After a minute without one the store is asked again, and an answer that
    /// comes later is handed back.
    Due {
        /// The campaign that was asked for.
        campaign: CampaignId,
        /// Contacts that are due, leased to this engine; at most as many as were asked for.
        contacts: Vec<Contact>,
        /// Those of them whose messages are still to be made: they are started behind [`Self::MessageReady`].
        unready: BTreeSet<ContactId>,
        /// When there is more.
        next: Next,
    },
    /// The message of a contact is made, or it is certain that it cannot be, which ends its attempt before a call. Of one that is
    /// not at hand any more it means nothing.
    MessageReady {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact.
        contact: ContactId,
    },
    /// What the drops of a campaign need of files cannot be read or written, for a reason that is none of its contacts': nothing
    /// of it is started until then, and contacts at hand are given back. Those that were started are reported as
    /// [`Self::NotDialled`] behind this.
    FilesAway {
        /// The campaign.
        campaign: CampaignId,
        /// What is wrong with which, for people.
        why: String,
        /// When it is tried again.
        until: Timestamp,
    },
    /// The store did not answer [`Command::Fetch`], or refused.
    FetchFailed {
        /// The campaign that was asked for.
        campaign: CampaignId,
    },
    /// There may be contacts that the store did not report: some were added, or made due by a person.
    More {
        /// The campaign they belong to.
        campaign: CampaignId,
    },
    /// A [`Command::Start`] was not carried out, and certainly nothing was dialled: the lease was lost, or the intent
    /// could not be written. The attempt's number is given again, so this is reported once, and before any other event of
    /// the next attempt.
    NotDialled {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact that was started.
        contact: ContactId,
        /// The number of the attempt.
        attempt: u32,
    },
    /// A drop has ended.
    Ended {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact that was dialled.
        contact: ContactId,
        /// The number of the attempt.
        attempt: u32,
        /// How the drop ended.
        outcome: Outcome,
        /// What the outcome alone does not say.
        reason: Option<OutcomeReason>,
        /// What it was on the trunk.
        calls: Calls,
    },
    /// What a campaign had before this engine ran it. It comes before the campaign's first contacts.
    Had {
        /// The campaign.
        campaign: CampaignId,
        /// How many of its contacts were declined, or have no such number.
        refused: u64,
        /// Of how many that have come to their end.
        of: u64,
    },
    /// A contact that an earlier run left in mid-drop has been settled with the PBX, which mostly means
    /// [`Outcome::Lost`]. It comes after the campaign was set: what follows is the campaign's rule.
    Found {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact that was dialled.
        contact: ContactId,
        /// The number of the attempt.
        attempt: u32,
        /// The PBX that dialled it.
        pbx: PbxId,
        /// How it ended, as far as that can be known.
        outcome: Outcome,
        /// What it was on the trunk, as far as that can be known.
        calls: Calls,
    },
    /// A start of an earlier run, that counts for the rates: those of the longest span of a rate are enough, a second
    /// mostly. It comes after the PBX and the campaign were set, and before the campaign's first contacts.
    Started {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The PBX that dialled it.
        pbx: PbxId,
        /// When it started; earlier times first.
        at: Timestamp,
    },
    /// Calls of an earlier run, or of another controller on the same trunk, that count for the budget.
    Called {
        /// On which PBX's trunk.
        pbx: PbxId,
        /// The calls.
        calls: Calls,
        /// When they ended; earlier times first.
        at: Timestamp,
    },
    /// Drops of a campaign that other controllers, or an earlier run, have ended: they count for when it stops by itself.
    EndedElsewhere {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// How they ended.
        outcome: Outcome,
        /// How many there are.
        drops: u64,
        /// When they ended; earlier times first.
        at: Timestamp,
    },
    /// Calls of a campaign by other controllers that show one of its numbers: they count for the choice of the next.
    ShownElsewhere {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// The number shown.
        caller_id: CallerId,
        /// How many there are.
        calls: u64,
    },
    /// Contacts that an earlier run held back: only for what [`super::Engine::why_idle`] says.
    Waiting {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// What they wait for; `None`: their next attempt.
        reason: Option<HeldReason>,
        /// Until when they wait.
        until: Timestamp,
        /// The zone whose hours hold them.
        zone: Option<TimeZone>,
        /// How many contacts wait.
        contacts: u64,
    },
    /// All contacts that wait for the hours of their places, in place of what was said of them before: only for what
    /// [`super::Engine::why_idle`] says.
    PlacesHeld {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// The places, by when they open.
        held: Vec<HeldPlaces>,
    },
    /// Contacts that were held are due at once, because the rules by which they were held are others.
    LookedAgain {
        /// The campaign they belong to.
        campaign: CampaignId,
    },
    /// A PBX can be reached, or cannot any more. While it cannot nothing is started there.
    Pbx(PbxId, Availability),
    /// The far end of a PBX's trunk answers the PBX, or does not any more. While it does not nothing is started there.
    Trunk(PbxId, Availability),
    /// The store can be reached and written, or cannot any more. While it cannot nothing is started at all.
    Store(Availability),
    /// The clocks can be relied on, or cannot any more. While they cannot nothing is started at all.
    Clocks(Availability),
}

/// Contacts whose places are held by their hours: they are not given out until these begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlaces {
    /// When the hours begin.
    pub until: Timestamp,
    /// The zone that is closed.
    pub zone: Option<TimeZone>,
    /// How many contacts wait.
    pub contacts: u64,
}

/// Whether something that is needed is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is.
    Up,
    /// It is not.
    Away,
}

/// When the store has more contacts of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// The next contact is due then: in the past if more are due than were asked for. A contact that was leased by
    /// an earlier answer, or to another controller, and for which no intent is written, is due when its lease ends: an answer
    /// may be lost after the leases were taken, and those contacts would not be asked for again.
    At(Timestamp),
    /// Every contact has come to its end, or its drop is in flight, or this answer brings it.
    Never,
}

/// Something the engine wants done. Commands are to be carried out in their order, those of one campaign at least: what
/// was settled is known to the store before it answers the next [`Command::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask the store for contacts that are due, and answer with [`Event::Due`].
    Fetch {
        /// The campaign to fetch contacts of.
        campaign: CampaignId,
        /// How many at most, 1 to 1000.
        at_most: usize,
    },
    /// Write the intent, then start the drop.
    Start(Start),
    /// Write what became of a contact, and what follows from it, in one transaction. Its lease ends.
    Settle {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact to settle.
        contact: ContactId,
        /// What became of it.
        settlement: Settlement,
    },
    /// Give leased contacts back untouched: they stay due. One that is not leased to this engine any more stays as it is.
    Release {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contacts to give back.
        contacts: Vec<ContactId>,
    },
    /// End the drop that is in flight; its [`Event::Ended`] follows.
    HangUp {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact whose drop is to end.
        contact: ContactId,
    },
    /// The campaign pauses by itself: write it, and say so.
    Paused {
        /// The campaign.
        campaign: CampaignId,
        /// Why it paused.
        why: PauseReason,
    },
    /// The campaign is over, and nothing of it is in flight.
    Finished {
        /// The campaign.
        campaign: CampaignId,
        /// How it ended.
        end: End,
    },
    /// After [`super::Engine::drain`]: nothing is in flight any more.
    Drained,
}

/// A drop to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// The contact to dial.
    pub contact: Contact,
    /// The number of the attempt at this contact, counted from 1.
    pub attempt: u32,
    /// The PBX to dial through.
    pub pbx: PbxId,
    /// One call or two.
    pub technique: Technique,
    /// The message to leave.
    pub message: String,
    /// The name of the variant that the message is, if several compete; it belongs into the result.
    pub variant: Option<String>,
    /// The number to show; `None`: the one that the configuration names for the PBX.
    pub caller_id: Option<CallerId>,
}

/// What became of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The gate refused it, for good.
    Refused(RefusedReason),
    /// The gate held it; it has had no attempt.
    Held {
        /// The rule that held it.
        reason: HeldReason,
        /// When it is due again; later than the moment of the decision.
        until: Timestamp,
    },
    /// An attempt has ended.
    Ended {
        /// The number of the attempt, counted from 1.
        attempt: u32,
        /// How the drop ended.
        outcome: Outcome,
        /// What it was on the trunk.
        calls: Calls,
        /// When it is due again; `None`: the outcome is its last.
        again: Option<Timestamp>,
    },
    /// The attempt that was written down was not made: the intent is taken back, and the contact is due as before.
    NotDialled {
        /// The number of the attempt, counted from 1.
        attempt: u32,
    },
}

/// What is to become of drops in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// They go on to their end.
    Finish,
    /// They are hung up.
    HangUp,
}

/// Why a campaign is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The operator paused it.
    Operator,
    /// Too many of its drops ended in an error.
    Errors {
        /// How many drops ended in an error.
        errors: u64,
        /// Of how many drops.
        of: u64,
    },
    /// Far more of its last drops were declined, or had no such number, than before.
    Refusals {
        /// How many drops were declined, or had no such number.
        refused: u64,
        /// Of how many drops.
        of: u64,
        /// How many of the drops before them.
        before: u64,
        /// Of how many drops before them.
        of_before: u64,
    },
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("paused by the operator"),
            Self::Errors { errors, of } => write!(
                f,
                "stopped: {errors} of the last {of} drops failed; resume it once the cause is found"
            ),
            Self::Refusals {
                refused,
                of,
                before,
                of_before,
            } => {
                write!(
                    f,
                    "stopped: {refused} of the last {of} drops were declined or had no such number"
                )?;
                if *of_before > 0 {
                    write!(f, ", against {before} of {of_before} before")?;
                }
                f.write_str(
                    "; the trunk may refuse every call: make a test call, and resume it once the cause is found",
                )
            }
        }
    }
}

/// How a campaign is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every contact has come to its end.
    Complete,
    /// The operator cancelled it.
    Cancelled,
    /// Its last date is over; contacts that are left keep their state.
    DatesOver,
}
