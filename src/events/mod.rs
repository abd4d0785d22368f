//! What happened, as it is told to those who follow: the log of events, its streams and webhooks. Pure.
//!
//! The store writes an event in the transaction of what it tells, and gives it a number that grows in the order in which events
//! can be seen: whoever reads on from the last number misses none. Each drop has exactly one event that ends it:
//! [`EventKind::DropEnded`] or, if nothing was dialled after all, [`EventKind::DropWithdrawn`]; one that was ordered over HTTP and not
//! allowed has none that starts it, and [`EventKind::DropRefused`] or [`EventKind::DropHeld`]. One that was ordered to wait while it
//! is held may be told to be held any number of times before: see [`LoggedEvent::ends_drop`].

mod body;

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    campaign::engine::{CampaignId, ContactId},
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
};

/// Defines [`EventKind`] with its slugs, which are stored and never renamed.
macro_rules! event_kinds {
    ($($(#[$doc:meta])+ $name:ident = $slug:literal,)+) => {
        /// What an event tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])+ $name,)+
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its word in the log.
            pub const fn slug(self) -> &'static str {
                match self {
                    $(Self::$name => $slug,)+
                }
            }
        }
    };
}

event_kinds! {
    /// A drop's intent was written: it is about to be dialled.
    DropStarted = "drop.started",
    /// A drop has ended: its outcome, proof and report.
    DropEnded = "drop.ended",
    /// A drop was not dialled after all, and its intent is taken back.
    DropWithdrawn = "drop.withdrawn",
    /// A drop that was ordered over HTTP is refused, or has expired: nothing is dialled for it, ever.
    DropRefused = "drop.refused",
    /// The gate holds a drop that was ordered over HTTP: it waits if the order said so, and is not dialled otherwise.
    DropHeld = "drop.held",
    /// A contact has ended: no further attempt follows by itself.
    ContactEnded = "contact.ended",
    /// A contact will not be dialled, or not again.
    ContactRefused = "contact.refused",
    /// Somebody calls back who saw our number, or heard the message.
    CallbackReceived = "callback.received",
    /// A call that came back is over; the event says what came of it.
    CallbackEnded = "callback.ended",
    /// Whoever called back wants no more calls: the number is on a do-not-call list.
    ContactOptedOut = "contact.opted_out",
    /// A campaign was made.
    CampaignCreated = "campaign.created",
    /// A campaign's settings were changed.
    CampaignChanged = "campaign.changed",
    /// A campaign runs.
    CampaignRunning = "campaign.running",
    /// A campaign is paused, by an operator or by itself; the event says why.
    CampaignPaused = "campaign.paused",
    /// A campaign is being cancelled: drops in flight end first.
    CampaignCancelling = "campaign.cancelling",
    /// A campaign is cancelled.
    CampaignCancelled = "campaign.cancelled",
    /// All contacts of a campaign have ended.
    CampaignComplete = "campaign.complete",
    /// The dates of a campaign are over.
    CampaignDatesOver = "campaign.dates_over",
    /// A campaign was deleted.
    CampaignDeleted = "campaign.deleted",
    /// A list is in as a whole.
    ImportComplete = "import.complete",
    /// A list did not come in.
    ImportFailed = "import.failed",
    /// Numbers were put on a do-not-call list.
    DoNotCallAdded = "do_not_call.added",
    /// Numbers were taken off a do-not-call list.
    DoNotCallRemoved = "do_not_call.removed",
    /// The way to a PBX is lost: nothing is dialled there.
    PbxLost = "pbx.lost",
    /// The way to a PBX is there again.
    PbxRestored = "pbx.restored",
    /// A share of a trunk's calls comes near its limit: dialling slows down.
    BudgetNear = "budget.near",
    /// A share of a trunk's calls has passed its limit: what it holds back is not dialled.
    BudgetExceeded = "budget.exceeded",
    /// A share of a trunk's calls has come back from near its limit, or from beyond it.
    BudgetRecovered = "budget.recovered",
    /// The database could not be written; told once it can.
    StoreAway = "store.away",
    /// The database can be written again.
    StoreRestored = "store.restored",
    /// Many logins from one address were refused; told once an hour of each address.
    AuthAttacked = "auth.attacked",
    /// Nothing more is sent to a webhook.
    WebhookDisabled = "webhook.disabled",
    /// Events were not kept until a webhook could be told of them.
    WebhookMissed = "webhook.missed",
    /// A controller has begun.
    ControllerStarted = "controller.started",
    /// A controller has ended, or was found dead.
    ControllerStopped = "controller.stopped",
}

impl EventKind {
    /// The kind of this slug.
    pub fn read(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }

    /// Whether it is the last event of its drop; [`Self::DropHeld`] of one that waits is not.
    pub const fn ends_drop(self) -> bool {
        matches!(
            self,
            Self::DropEnded | Self::DropWithdrawn | Self::DropRefused | Self::DropHeld
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// An event, with what is known now of that which it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Its number, from 1, in the order in which events can be seen.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened; `None` if a later version of the program wrote it.
    pub kind: Option<EventKind>,
    /// The word of what happened, as it is stored.
    pub slug: String,
    /// The campaign, and its name unless it was deleted since.
    pub campaign: Option<(CampaignId, Option<String>)>,
    /// The contact.
    pub contact: Option<EventContact>,
    /// The drop.
    pub drop: Option<EventDrop>,
    /// The phone number, of events of do-not-call lists.
    pub number: Option<PhoneNumber>,
    /// What else it tells: a JSON object, empty if there is nothing.
    pub detail: Value,
}

impl LoggedEvent {
    /// Whether it is the last event of its drop.
    pub fn ends_drop(&self) -> bool {
        let waits = self.kind == Some(EventKind::DropHeld)
            && self
                .detail
                .get("when_held")
                .is_some_and(|word| word == "wait");
        !waits && self.kind.is_some_and(EventKind::ends_drop)
    }
}

/// The contact of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventContact {
    /// Its id.
    pub id: ContactId,
    /// Its number; `None` if the person was erased or the contact deleted.
    pub number: Option<PhoneNumber>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
}

/// The drop of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDrop {
    /// Its id.
    pub id: DropId,
    /// Where it belongs in the trace of whoever ordered it.
    pub traceparent: Option<String>,
    /// What is stored of it; `None` if it was taken back or deleted since.
    pub stored: Option<DropSnapshot>,
}

/// What is stored of a drop.
#[derive(Clone, Debug, PartialEq)]
pub struct DropSnapshot {
    /// Its number; `None` if the person was erased.
    pub number: Option<PhoneNumber>,
    /// Of a drop outside any campaign, the id under which whoever ordered it knows it.
    pub foreign_id: Option<String>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// One call or two.
    pub technique: Technique,
    /// The message.
    pub message: String,
    /// The variant.
    pub variant: Option<String>,
    /// When its intent was written.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// Whether the contact's outcome is this one; `None` while it is not known, and outside campaigns.
    pub is_final: Option<bool>,
    /// Whether evidence of it was kept.
    pub has_evidence: bool,
    /// What `drop --json` printed of it, as JSON, its number masked.
    pub report: Option<String>,
}

/// Which events to give: those that meet all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only these kinds; empty: all.
    pub kinds: Vec<EventKind>,
    /// Only those of this campaign.
    pub campaign: Option<CampaignId>,
}

impl EventFilter {
    /// The kinds that patterns name: a kind's word, or a group such as `drop.*`.
    ///
    /// # Errors
    /// The pattern that names none.
    pub fn kinds<'a>(
        patterns: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<EventKind>, &'a str> {
        let mut kinds = Vec::new();
        for pattern in patterns {
            let group = pattern
                .strip_suffix('*')
                .filter(|group| group.ends_with('.'));
            let before = kinds.len();
            kinds.extend(EventKind::ALL.iter().copied().filter(|kind| match group {
                Some(group) => kind.slug().starts_with(group),
                None => kind.slug() == pattern,
            }));
            if kinds.len() == before {
                return Err(pattern);
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }

    /// The same; those of a later version of the program name none.
    pub fn known_kinds(patterns: &[String]) -> Vec<EventKind> {
        let kinds = patterns
            .iter()
            .filter_map(|pattern| Self::kinds([pattern.as_str()]).ok());
        let mut kinds: Vec<_> = kinds.flatten().collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::read(kind.slug()), Some(*kind));
        }
        assert_eq!(EventKind::read("drop"), None);
        assert_eq!(EventKind::read("drop.Ended"), None);
    }

    #[test]
    fn patterns_name_kinds_and_groups() {
        let kinds = |patterns: &[&'static str]| EventFilter::kinds(patterns.iter().copied());
        assert_eq!(
            kinds(&["drop.*"]),
            Ok(vec![
                EventKind::DropStarted,
                EventKind::DropEnded,
                EventKind::DropWithdrawn,
                EventKind::DropRefused,
                EventKind::DropHeld
            ])
        );
        assert_eq!(
            kinds(&["import.complete", "drop.ended", "drop.ended"]),
            Ok(vec![EventKind::DropEnded, EventKind::ImportComplete])
        );
        assert_eq!(kinds(&[]), Ok(vec![]));
        for wrong in ["*", "drop*", "drop", "drop.", "dropp.*", "", ".*"] {
            assert_eq!(kinds(&["drop.ended", wrong]), Err(wrong));
        }
    }
}
