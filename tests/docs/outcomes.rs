//! The words that programs read: outcomes, reasons, verdicts and the rest.

use aftertone::{
    campaign::{HeldReason, RefusedReason},
    drop::{Blame, EndedBy, Milestone, Outcome, OutcomeReason, Proof, Retry},
    words::{ReadyBy, Verdict},
};
use serde::Serialize;

use crate::pages::{head, row};

/// Every outcome, with who has to act and whether another attempt makes sense.
pub(crate) fn outcomes() -> String {
    let mut text = head(["outcome", "when", "who has to act", "another attempt"]);
    for outcome in Outcome::ALL {
        let acts = match outcome.blame() {
            Blame::Nobody => "",
            Blame::Callee => "the called party",
            Blame::Carrier => "the carrier",
            Blame::Us => "you: Aftertone or your PBX",
        };
        let retry = match outcome.retry() {
            Retry::No => "no",
            Retry::Never => "never",
            Retry::Yes => "yes",
            Retry::YesLater => "yes, later",
            Retry::Policy => "as the campaign says",
            Retry::NeverByItself => "never by itself",
        };
        let slug = format!("`{}`", outcome.slug());
        text += &row([slug.as_str(), when(outcome), acts, retry]);
    }
    text
}

const fn when(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "the whole message was played to a machine after its ready point",
        Outcome::Human => {
            "a person answered; nothing was played, or the message was stopped at once"
        }
        Outcome::HungUp => "answered, then the far end hung up before anything was played",
        Outcome::NotVoicemail => {
            "fax, menu or full mailbox; nothing was played, or the message was stopped"
        }
        Outcome::Unsure => "no verdict, or silence, or no ready point; nothing was played",
        Outcome::CutOff => {
            "the far end hung up while the message played; how much was played is recorded"
        }
        Outcome::NoAnswer => "something alerted, and no answer came by the deadline",
        Outcome::Busy => "the number is busy",
        Outcome::Rejected => "the called party declined",
        Outcome::InvalidNumber => "there is no such number",
        Outcome::Congestion => "the network has no way through, or nothing ever alerted",
        Outcome::Failed => {
            "the trunk refuses our calls, the network redirects them, or any other cause, which is recorded"
        }
        Outcome::Cancelled => "the operator cancelled it",
        Outcome::Lost => {
            "the PBX or its event link went away, and what became of the call cannot be known"
        }
        Outcome::Error => "the PBX refused a request; its words are recorded",
    }
}

/// What an outcome alone does not say.
pub(crate) fn reasons() -> String {
    let mut text = head(["`reason`", "meaning", "from"]);
    for reason in [
        OutcomeReason::TrunkRefused,
        OutcomeReason::NotReached,
        OutcomeReason::Redirected,
        OutcomeReason::OwnBusyLeg,
        OutcomeReason::NotMade,
    ] {
        let from = match reason {
            OutcomeReason::TrunkRefused => {
                "401, 402, 403, 407; by the cause alone, 21 before anything alerted, which may as well be a 603"
            }
            OutcomeReason::NotReached => {
                "408, 480, 483, 504, causes 18 and 102, or no answer at all, without any alerting"
            }
            OutcomeReason::Redirected => "300 to 399, cause 23",
            OutcomeReason::OwnBusyLeg => {
                "486 while our busy leg rings there; a campaign tries it again by one call, or not at all if its technique is `double`"
            }
            OutcomeReason::NotMade => {
                "the PBX, before anything was dialled; a campaign tries it again as after `failed`"
            }
        };
        let slug = format!("`{}`", reason.slug());
        text += &row([slug.as_str(), reason.words(), from]);
    }
    text
}

/// Why the gate holds or refuses a call.
pub(crate) fn gate_reasons() -> String {
    let mut text = head(["word", "decision", "meaning"]);
    for reason in [
        HeldReason::CallingHours,
        HeldReason::FrequencyCap,
        HeldReason::Paused,
    ] {
        let words = match reason {
            HeldReason::CallingHours => "outside the calling hours of where the contact may be",
            HeldReason::FrequencyCap => "the number was called as often as it may be for now",
            HeldReason::Paused => "the campaign is paused",
        };
        text += &row([format!("`{}`", reason.slug()).as_str(), "held", words]);
    }
    for reason in [
        RefusedReason::DoNotCall,
        RefusedReason::NoConsent,
        RefusedReason::InvalidNumber,
        RefusedReason::BlockedPrefix,
        RefusedReason::EmergencyNumber,
        RefusedReason::Duplicate,
    ] {
        let words = match reason {
            RefusedReason::DoNotCall => "the number is on a do-not-call list",
            RefusedReason::NoConsent => "no consent on record that suffices for such a message",
            RefusedReason::InvalidNumber => "there can be no such number",
            RefusedReason::BlockedPrefix => {
                "the number begins with a prefix that is not dialled, or costs more than a plain call"
            }
            RefusedReason::EmergencyNumber => "the number is an emergency number",
            RefusedReason::Duplicate => "the campaign has the number already",
        };
        text += &row([format!("`{}`", reason.slug()).as_str(), "refused", words]);
    }
    text
}

/// The words of the other keys.
pub(crate) fn words() -> String {
    let mut text = String::new();
    list("verdict", "who answered", &VERDICTS, verdict, &mut text);
    list(
        "ready_by",
        "by what the ready point was found",
        &READY_BY,
        ready_by,
        &mut text,
    );
    list(
        "ended_by",
        "who ended the live leg",
        &ENDED_BY,
        ended_by,
        &mut text,
    );
    list(
        "proof",
        "how sure it is that the message was left",
        &PROOFS,
        proof,
        &mut text,
    );
    list(
        "event",
        "what happened, in `timeline`",
        &MILESTONES,
        milestone,
        &mut text,
    );
    text
}

/// A table of a key's words. The word is what the program writes.
fn list<T: Copy + Serialize>(
    key: &str,
    about: &str,
    all: &[T],
    words: fn(T) -> &'static str,
    text: &mut String,
) {
    *text += &format!("\n### `{key}`\n\nIn JSON: {about}.\n\n");
    *text += &head(["word", "meaning"]);
    for &each in all {
        let slug = serde_json::to_value(each).unwrap();
        let slug = format!("`{}`", slug.as_str().unwrap());
        *text += &row([slug.as_str(), words(each)]);
    }
}

// A variant without words does not compile; the lists beside them are to name it as well.
const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Machine => "an answering machine or a mailbox",
        Verdict::Human => "a person",
        Verdict::Unsure => "it is not clear",
        Verdict::Fax => "a fax machine",
        Verdict::Sit => "special information tones: the network's own announcement",
        Verdict::Silence => "no sound of a party",
        Verdict::Menu => "a menu that waits for a key",
        Verdict::Screening => "a machine that asks who calls and why, and lets a person listen",
    }
}

const VERDICTS: [Verdict; 8] = [
    Verdict::Machine,
    Verdict::Human,
    Verdict::Unsure,
    Verdict::Fax,
    Verdict::Sit,
    Verdict::Silence,
    Verdict::Menu,
    Verdict::Screening,
];

const fn ready_by(by: ReadyBy) -> &'static str {
    match by {
        ReadyBy::Beep => "the end of a beep",
        ReadyBy::Silence => "the end of the greeting, if no beep came",
        ReadyBy::Dialplan => "the wait for silence in the PBX's dialplan",
        ReadyBy::Agent => "the agent, who heard the beep and handed the call over after it",
    }
}

const READY_BY: [ReadyBy; 4] = [
    ReadyBy::Beep,
    ReadyBy::Silence,
    ReadyBy::Dialplan,
    ReadyBy::Agent,
];

const fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Us => "Aftertone",
        EndedBy::FarEnd => "the far end, or the network",
        EndedBy::Limit => "the time limit that was set on the PBX",
    }
}

const ENDED_BY: [EndedBy; 3] = [EndedBy::Us, EndedBy::FarEnd, EndedBy::Limit];

const fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Proven => {
            "the beep was heard, the message played whole after it, no voice came over it, and the line was up"
        }
        Proof::Probable => "delivered, but one of these is missing",
        Proof::Unproven => "not delivered, as far as is known",
    }
}

const PROOFS: [Proof; 3] = [Proof::Proven, Proof::Probable, Proof::Unproven];

const fn milestone(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::BusyDialled => "the busy leg was dialled",
        Milestone::DropDialled => "the drop leg was dialled",
        Milestone::BusyAlerting => "the busy leg alerts",
        Milestone::DropAlerting => "the drop leg alerts",
        Milestone::BusyHungUp => "the hang-up of the busy leg was requested",
        Milestone::BusyAnswered => "the busy leg was answered",
        Milestone::BusyGone => "the busy leg has ended",
        Milestone::Promoted => "the busy leg became the live leg",
        Milestone::DropAnswered => "the drop leg was answered",
        Milestone::Verdict => "it is clear who answered",
        Milestone::Ready => "the ready point: the mailbox records",
        Milestone::PlayStarted => "the message began",
        Milestone::PlayFinished => "the message ended, or was stopped",
        Milestone::PlayRestarted => "the message began again from its start",
        Milestone::PromptStarted => "the prompt for a call screener began",
        Milestone::PromptFinished => "the prompt for a call screener ended",
        Milestone::TapLost => "the live audio was lost",
        Milestone::GivenBack => {
            "a call that an agent had handed over went back to the dialplan, because a person was on the line"
        }
        Milestone::DropHungUp => "the hang-up of the drop leg was requested",
        Milestone::DropGone => "the drop leg has ended",
    }
}

const MILESTONES: [Milestone; 20] = [
    Milestone::BusyDialled,
    Milestone::DropDialled,
    Milestone::BusyAlerting,
    Milestone::DropAlerting,
    Milestone::BusyHungUp,
    Milestone::BusyAnswered,
    Milestone::BusyGone,
    Milestone::Promoted,
    Milestone::DropAnswered,
    Milestone::Verdict,
    Milestone::Ready,
    Milestone::PlayStarted,
    Milestone::PlayFinished,
    Milestone::PlayRestarted,
    Milestone::PromptStarted,
    Milestone::PromptFinished,
    Milestone::TapLost,
    Milestone::GivenBack,
    Milestone::DropHungUp,
    Milestone::DropGone,
];
