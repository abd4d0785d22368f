//! The life of a contact in this controller, from the engine's decision to the transaction that settles it.
//!
//! ```text
//!              decided          committed, certain       its turn            ended
//!   (leased) ─────────> Committing ─────────> Waiting ─────────> Dialling ─────────> Settling ─────────> (settled)
//!                           │                    │                   │                  ^
//!                           └────── not dialled ─┴───────────────────┘                  └── orphan of a dead controller
//! ```
//!
//! | from | what happens | to | by |
//! |---|---|---|---|
//! | none | the engine starts a drop; its intent goes to the store | `Committing` | [`InFlightTable::decide`] |
//! | `Committing` | the intent is committed, at the first attempt | `Waiting` | [`InFlightTable::await_turn`] |
//! | `Committing` | the intent is refused, or its commit was in doubt, or the drop was cancelled | none | [`InFlightTable::remove`] |
//! | `Waiting` | the rates allow it, and the PBX, the trunk and the lease are there | `Dialling` | [`InFlightTable::dial`] |
//! | `Waiting` | it has waited too long, or something it needs is away | none | [`InFlightTable::remove`] |
//! | `Committing`, `Waiting` | the store has failed for good | none | [`InFlightTable::remove`] |
//! | `Dialling` | its worker reports that nothing was dialled | none | [`InFlightTable::remove`] |
//! | `Dialling` | its worker reports the end | `Settling` | [`InFlightTable::complete`] |
//! | none | the drop of a dead controller is found | `Settling` | [`InFlightTable::adopt`] |
//! | `Settling` | the engine settles the contact; the end goes into the same transaction | none | [`InFlightTable::settle`] |
//!
//! A contact whose message is made for them comes here when it is made: see [`super::preparations`].
//!
//! There is no other transition. A removal is reported to the engine as `NotDialled`, once: the contact is due again, as
//! before. A contact that waits for its hours or for its next attempt is not in this table; it waits in the store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    launch_pacer::{LaunchPacer, LaunchWindow, Release},
    made_message::Made,
    worker::Attempt,
};
use crate::{
    campaign::{
        engine::{CampaignId, ContactId, Start},
        pace::Rate,
    },
    id::DropId,
    store::DropEnd,
};

/// The contact a drop is for.
pub(super) type ContactKey = (CampaignId, ContactId);

/// Every contact between the engine's decision and its settlement, and the pace at which they are dialled.
#[derive(Debug)]
pub(super) struct InFlightTable {
    contacts: BTreeMap<ContactKey, InFlightContact>,
    pacer: LaunchPacer<ContactKey>,
    /// Drops of dead controllers that were reported to the engine.
    orphans: BTreeSet<DropId>,
}

#[derive(Debug)]
struct InFlightContact {
    drop: DropId,
    /// Counted from 1.
    attempt: u32,
    stage: Stage,
}

/// How far a contact has come.
#[derive(Debug)]
enum Stage {
    /// Its intent is being written.
    Committing(Decided),
    /// Its intent is written, and it waits for its turn.
    Waiting(Decided),
    /// Its worker has it. The token ends its drop.
    Dialling(CancellationToken),
    /// Its end is known to the engine, and waits for the settlement.
    Settling(Box<DropEnd>),
}

/// A drop as the engine decided on it.
#[derive(Debug)]
struct Decided {
    start: Box<Start>,
    at: Timestamp,
    /// When its intent was committed; until then the same.
    committed: Timestamp,
    cancel: CancellationToken,
    /// The time in which it may be dialled, if it has one of its own.
    window: Option<LaunchWindow>,
    /// The message that was made for the contact, if theirs is made.
    made: Option<Made>,
}

/// A drop that is to be dialled now.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) drop: DropId,
    pub(super) start: Box<Start>,
    /// When the engine decided on it.
    pub(super) decided: Timestamp,
    /// When its intent was committed.
    pub(super) committed: Timestamp,
    /// Ends the drop.
    pub(super) cancel: CancellationToken,
    /// The time in which it may be dialled, if it has one of its own.
    pub(super) window: Option<LaunchWindow>,
    /// The message that was made for the contact, if theirs is made.
    pub(super) made: Option<Made>,
}

impl InFlightTable {
    /// An empty one for a trunk with this rate.
    pub(super) const fn new(trunk: Rate) -> Self {
        Self {
            contacts: BTreeMap::new(),
            pacer: LaunchPacer::new(trunk),
            orphans: BTreeSet::new(),
        }
    }

    /// Limits the trunk to this rate from now on.
    pub(super) fn set_trunk_rate(&mut self, rate: Rate) {
        self.pacer.set_trunk(rate);
    }

    /// Limits a campaign to a rate of its own from now on, or to none.
    pub(super) fn set_rate(&mut self, campaign: CampaignId, rate: Option<Rate>) {
        self.pacer.set_campaign(campaign, rate);
    }

    /// Counts a start of an earlier run for the rates.
    pub(super) fn note_past_start(&mut self, campaign: CampaignId, at: Timestamp) {
        self.pacer.note(campaign, at);
    }

    /// The engine has decided on a drop at `now`, and its intent goes to the store. `made` is the message that was made for the
    /// contact, if theirs is made.
    pub(super) fn decide(
        &mut self,
        drop: DropId,
        start: Start,
        made: Option<Made>,
        now: Timestamp,
    ) {
        let key = (start.campaign, start.contact.id);
        let contact = InFlightContact {
            drop,
            attempt: start.attempt,
            stage: Stage::Committing(Decided {
                start: Box::new(start),
                at: now,
                committed: now,
                cancel: CancellationToken::new(),
                window: None,
                made,
            }),
        };
        self.contacts.insert(key, contact);
    }

    /// Whether the drop is still wanted while its intent is being written; `None` if it is not being written.
    pub(super) fn is_committing(&self, key: ContactKey, drop: DropId) -> Option<bool> {
        let contact = self.contacts.get(&key)?;
        match &contact.stage {
            Stage::Committing(decided) if contact.drop == drop => {
                Some(!decided.cancel.is_cancelled())
            }
            Stage::Committing(_) | Stage::Waiting(_) | Stage::Dialling(_) | Stage::Settling(_) => {
                None
            }
        }
    }

    /// The intent is committed without a doubt, at `now`: the drop waits for its turn, within this time if it has one of its own.
    pub(super) fn await_turn(
        &mut self,
        key: ContactKey,
        window: Option<LaunchWindow>,
        now: Timestamp,
    ) {
        let Some(mut contact) = self.contacts.remove(&key) else {
            return;
        };
        if let Stage::Committing(decided) = contact.stage {
            self.pacer.push(key.0, key, decided.at, window);
            contact.stage = Stage::Waiting(Decided {
                window,
                committed: now,
                ..decided
            });
        }
        self.contacts.insert(key, contact);
    }

    /// The next contact whose turn has come at `now`, or that has waited too long for it.
    pub(super) fn next_release(&mut self, now: Timestamp) -> Option<Release<ContactKey>> {
        self.pacer.pop(now)
    }

    /// When the next contact's turn comes; `None` if none waits.
    pub(super) fn next_turn(&self) -> Option<Timestamp> {
        self.pacer.next()
    }

    /// Dials a contact that waited for its turn; `None` if it does not wait any more.
    pub(super) fn dial(&mut self, key: ContactKey) -> Option<Launch> {
        let mut contact = self.contacts.remove(&key)?;
        let Stage::Waiting(decided) = contact.stage else {
            self.contacts.insert(key, contact);
            return None;
        };
        let launch = Launch {
            drop: contact.drop,
            start: decided.start,
            decided: decided.at,
            committed: decided.committed,
            cancel: decided.cancel.clone(),
            window: decided.window,
            made: decided.made,
        };
        contact.stage = Stage::Dialling(decided.cancel);
        self.contacts.insert(key, contact);
        Some(launch)
    }

    /// Cancels the drop of a contact. It still reports its end, unless it is not dialled at all.
    pub(super) fn cancel(&self, key: ContactKey) {
        match self.contacts.get(&key).map(|contact| &contact.stage) {
            Some(Stage::Committing(decided) | Stage::Waiting(decided)) => decided.cancel.cancel(),
            Some(Stage::Dialling(cancel)) => cancel.cancel(),
            Some(Stage::Settling(_)) | None => {}
        }
    }

    /// Cancels a drop, whose contact it returns if nothing of it is dialled yet; it then needs to wait for nothing more.
    pub(super) fn cancel_drop(&self, drop: DropId) -> Option<ContactKey> {
        let mut contacts = self.contacts.iter();
        let (&key, contact) = contacts.find(|(_, contact)| contact.drop == drop)?;
        self.cancel(key);
        match contact.stage {
            Stage::Waiting(_) => Some(key),
            // What becomes of its intent is not known yet, or it is dialled.
            Stage::Committing(_) | Stage::Dialling(_) | Stage::Settling(_) => None,
        }
    }

    /// Nothing was dialled: the contact leaves the table. Returns the attempt to report to the engine; `None` if there is
    /// none to report.
    pub(super) fn remove(&mut self, key: ContactKey) -> Option<Attempt> {
        match self.contacts.get(&key)?.stage {
            Stage::Committing(_) | Stage::Waiting(_) | Stage::Dialling(_) => {}
            Stage::Settling(_) => return None,
        }
        let contact = self.contacts.remove(&key)?;
        Some(Attempt {
            campaign: key.0,
            contact: key.1,
            number: contact.attempt,
        })
    }

    /// The drop has ended; its end waits for the settlement.
    pub(super) fn complete(&mut self, attempt: Attempt, end: Box<DropEnd>) {
        let contact = InFlightContact {
            drop: end.drop,
            attempt: attempt.number,
            stage: Stage::Settling(end),
        };
        self.contacts
            .insert((attempt.campaign, attempt.contact), contact);
    }

    /// Whether this drop of a dead controller is seen for the first time.
    pub(super) fn is_new_orphan(&mut self, drop: DropId) -> bool {
        self.orphans.insert(drop)
    }

    /// The drop of a dead controller has ended with it; its end waits for the settlement.
    pub(super) fn adopt(&mut self, orphan: Attempt, end: Box<DropEnd>) {
        self.complete(orphan, end);
    }

    /// The engine settles the contact: the end of its drop, to be written with the settlement.
    pub(super) fn settle(&mut self, key: ContactKey) -> Option<Box<DropEnd>> {
        let contact = self.contacts.remove(&key)?;
        match contact.stage {
            Stage::Settling(end) => Some(end),
            Stage::Committing(_) | Stage::Waiting(_) | Stage::Dialling(_) => {
                self.contacts.insert(key, contact);
                None
            }
        }
    }

    /// Contacts that have not been dialled, and never will be if the store can no longer be written.
    pub(super) fn not_yet_dialled(&self) -> Vec<ContactKey> {
        let contacts = self.contacts.iter();
        let those = contacts.filter(|(_, contact)| match contact.stage {
            Stage::Committing(_) | Stage::Waiting(_) => true,
            Stage::Dialling(_) | Stage::Settling(_) => false,
        });
        those.map(|(&key, _)| key).collect()
    }

    /// Whether no drop is being written, waits or is dialled.
    pub(super) fn is_at_rest(&self) -> bool {
        self.contacts.values().all(|contact| match contact.stage {
            Stage::Settling(_) => true,
            Stage::Committing(_) | Stage::Waiting(_) | Stage::Dialling(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        campaign::engine::{Contact, PbxId},
        controller::carry_out,
        drop::Technique,
        id::RunName,
        phone::{PhoneNumber, Rules},
    };

    #[test]
    fn a_contact_goes_through_its_stages_and_no_other_way() {
        let mut table = table();
        assert_eq!(table.is_committing(KEY, drop_id()), None);
        table.decide(drop_id(), start(), None, at(0));
        assert_eq!(table.is_committing(KEY, drop_id()), Some(true));
        assert_eq!(table.is_committing(KEY, DropId::from_u128(8)), None);
        assert!(table.dial(KEY).is_none(), "its intent is not written yet");
        assert!(table.settle(KEY).is_none());
        assert!(table.next_release(at(0)).is_none());

        table.await_turn(KEY, None, at(1));
        assert_eq!(table.not_yet_dialled(), [KEY]);
        assert_eq!(table.next_release(at(1)), Some(Release::Dial(KEY)));
        let launch = table.dial(KEY).unwrap();
        assert_eq!((launch.drop, launch.decided), (drop_id(), at(0)));
        assert_eq!(launch.committed, at(1));
        assert!(table.dial(KEY).is_none(), "it is dialled once");
        table.cancel(KEY);
        assert!(launch.cancel.is_cancelled());
        assert!(table.not_yet_dialled().is_empty());
        assert!(!table.is_at_rest());

        table.complete(attempt(), end());
        assert!(table.is_at_rest());
        assert!(table.remove(KEY).is_none(), "it was dialled");
        assert_eq!(table.settle(KEY).unwrap().drop, drop_id());
        assert!(table.settle(KEY).is_none());
    }

    #[test]
    fn a_contact_that_is_not_dialled_is_reported_once_at_every_stage() {
        for stages in 0..3 {
            let mut table = table();
            table.decide(drop_id(), start(), None, at(0));
            if stages > 0 {
                table.await_turn(KEY, None, at(1));
            }
            if stages > 1 {
                table.dial(KEY).unwrap();
            }
            assert_eq!(table.remove(KEY), Some(attempt()), "{stages}");
            assert_eq!(table.remove(KEY), None, "{stages}");
            assert!(table.dial(KEY).is_none());
            assert!(table.is_at_rest());
        }
    }

    #[test]
    fn a_cancelled_intent_is_not_to_be_dialled() {
        let mut table = table();
        table.decide(drop_id(), start(), None, at(0));
        table.cancel(KEY);
        assert_eq!(table.is_committing(KEY, drop_id()), Some(false));
    }

    #[test]
    fn a_drop_that_waits_is_withdrawn_at_once_and_one_that_is_dialled_is_ended() {
        let mut table = table();
        table.decide(drop_id(), start(), None, at(0));
        assert_eq!(table.cancel_drop(DropId::from_u128(8)), None);
        assert_eq!(table.is_committing(KEY, drop_id()), Some(true));
        assert_eq!(table.cancel_drop(drop_id()), None);
        assert_eq!(table.is_committing(KEY, drop_id()), Some(false));
        table.remove(KEY);

        table.decide(drop_id(), start(), None, at(1));
        table.await_turn(KEY, None, at(2));
        assert_eq!(table.cancel_drop(drop_id()), Some(KEY));
        assert_eq!(table.remove(KEY), Some(attempt()));
        // Its turn comes for nothing.
        assert_eq!(table.next_release(at(2)), Some(Release::Dial(KEY)));
        assert!(table.dial(KEY).is_none());

        table.decide(drop_id(), start(), None, at(3));
        table.await_turn(KEY, None, at(3));
        let launch = table.dial(KEY).unwrap();
        assert_eq!(table.cancel_drop(drop_id()), None);
        assert!(launch.cancel.is_cancelled());
    }

    #[test]
    fn an_orphan_is_settled_once() {
        let mut table = table();
        assert!(table.is_new_orphan(drop_id()));
        assert!(!table.is_new_orphan(drop_id()));
        table.adopt(attempt(), end());
        assert!(table.settle(KEY).is_some());
    }

    const KEY: ContactKey = (CampaignId(1), ContactId(2));

    fn table() -> InFlightTable {
        InFlightTable::new(Rate::new(10, Duration::from_secs(1)).unwrap())
    }

    fn attempt() -> Attempt {
        Attempt {
            campaign: KEY.0,
            contact: KEY.1,
            number: 3,
        }
    }

    fn drop_id() -> DropId {
        DropId::from_u128(7)
    }

    fn end() -> Box<DropEnd> {
        carry_out::lost(&RunName::new("run1").unwrap(), drop_id(), "it died")
    }

    fn start() -> Start {
        Start {
            campaign: KEY.0,
            contact: Contact {
                id: KEY.1,
                number: PhoneNumber::parse("+12025550101", Rules::default()).unwrap(),
                attempts: 2,
                message: None,
                only_single: false,
            },
            attempt: 3,
            pbx: PbxId(0),
            technique: Technique::Double,
            message: "promo".to_owned(),
            variant: None,
            caller_id: None,
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }
}
