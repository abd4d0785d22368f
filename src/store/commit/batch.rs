//! What a batch is decided on, and what it changes: rows in memory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{DropEnd, Intent, Write, Written, limits::Limits};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, ContactId, Settlement},
        policy::CallingPlace,
    },
    drop::Outcome,
    id::DropId,
    store::{
        ControllerLease, Status,
        codec::{ContactStage, micros, number},
    },
};

/// The rows that a batch touches, with what was applied so far.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) holder: &'a ControllerLease,
    /// Whether the controller has not been ended.
    pub(super) alive: bool,
    pub(super) now: i64,
    pub(super) campaigns: BTreeMap<i64, CampaignRow>,
    pub(super) contacts: BTreeMap<i64, ContactRow>,
    /// By their ids, those that are not there left out.
    pub(super) drops: BTreeMap<String, DropRow<'a>>,
    /// The do-not-call list of each number that is on one.
    pub(super) barred: BTreeMap<i64, String>,
    /// The numbers of people who had everything about them erased.
    pub(super) erased: BTreeSet<i64>,
    /// The version of each number that an intent is for.
    pub(super) numbers: BTreeMap<i64, Version>,
    pub(super) decisions: Vec<Decided<'a>>,
    /// What intents are held to; empty if the batch has none.
    pub(super) limits: Limits,
    /// The places of contacts that hours hold: their texts, by campaigns and their numbers.
    pub(super) places: BTreeMap<i64, BTreeMap<i64, String>>,
}

#[derive(Debug)]
pub(super) struct CampaignRow {
    pub(super) status: Status,
    /// Why it pauses by itself, if it does in this batch.
    pub(super) pauses: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct ContactRow {
    pub(super) campaign: i64,
    pub(super) number: i64,
    pub(super) stage: ContactStage,
    pub(super) holder: Option<String>,
    pub(super) attempts: i64,
    pub(super) due_at: Option<i64>,
    pub(super) was_due: Option<i64>,
    pub(super) held: Option<&'static str>,
    pub(super) held_zone: Option<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) refused: Option<String>,
    pub(super) ended_at: Option<i64>,
    /// Where it is, if this batch writes it.
    pub(super) place: Option<i64>,
    /// Whether the contact has called back: then nothing follows.
    pub(super) has_called_back: bool,
    pub(super) is_changed: bool,
}

#[derive(Debug)]
pub(super) struct DropRow<'a> {
    pub(super) contact: Option<i64>,
    pub(super) attempt: i64,
    pub(super) holder: String,
    /// Whether it counts for the limits of this controller's trunk.
    pub(super) is_on_trunk: bool,
    pub(super) outcome: Option<Outcome>,
    /// The intent, if this batch writes it.
    pub(super) intent: Option<&'a Intent>,
    /// The end, if this batch writes it.
    pub(super) end: Option<Ended<'a>>,
    /// Whether this batch takes it back.
    pub(super) is_taken_back: bool,
    /// Whether it stands in the place of one that this batch takes back.
    pub(super) is_again: bool,
}

#[derive(Debug)]
pub(super) struct Ended<'a> {
    pub(super) outcome: Outcome,
    pub(super) calls: Calls,
    pub(super) is_final: Option<bool>,
    pub(super) drop_end: Option<&'a DropEnd>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Version {
    pub(super) version: i64,
    pub(super) is_changed: bool,
}

/// A decision of the gate that dialled nothing.
#[derive(Debug)]
pub(super) struct Decided<'a> {
    pub(super) campaign: i64,
    pub(super) contact: i64,
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
    pub(super) until: Option<i64>,
    pub(super) zone: Option<&'a str>,
    pub(super) ruling: Option<&'a str>,
}

impl<'a> Batch<'a> {
    /// Applies one write; [`Write::Finished`] is not decided here.
    pub(super) fn apply(&mut self, write: &'a Write) -> Written {
        match write {
            Write::Start(intent) => self.start(intent),
            Write::Settle {
                campaign,
                contact,
                settlement,
                ruling,
                zone,
                place,
                end,
            } => {
                let (ruling, zone) = (ruling.as_deref(), zone.as_deref());
                let place = place.as_deref();
                match *settlement {
                    Settlement::Refused(reason) => {
                        self.refuse(*campaign, *contact, reason.slug(), ruling)
                    }
                    Settlement::Held { reason, until } => {
                        let reason = reason.slug();
                        self.hold(*campaign, *contact, reason, until, (ruling, zone, place))
                    }
                    Settlement::Ended {
                        attempt,
                        outcome,
                        calls,
                        again,
                    } => {
                        let drop_end = end.as_deref();
                        let key = drop_end.map(|end| end.drop.to_string());
                        let key = key.or_else(|| self.drop_of(*contact, attempt));
                        let ended = Ended {
                            outcome,
                            calls,
                            is_final: Some(again.is_none()),
                            drop_end,
                        };
                        self.end(*campaign, *contact, key, ended, again)
                    }
                    Settlement::NotDialled { attempt } => {
                        self.take_back(*campaign, *contact, attempt)
                    }
                }
            }
            Write::EndDrop { end, calls } => self.end_drop(end, *calls),
            Write::TakeBack { drop } => self.take_back_stray(*drop),
            Write::Release { campaign, contacts } => {
                for &contact in contacts {
                    self.release(*campaign, contact);
                }
                Written::Applied
            }
            Write::Paused { campaign, why } => self.pause(*campaign, why),
            Write::Finished { .. } => Written::Fenced,
        }
    }

    fn start(&mut self, intent: &'a Intent) -> Written {
        let run = self.holder.run.as_str();
        let key = intent.drop.to_string();
        let earlier = self.drops.get(&key);
        let is_again = earlier.is_some_and(|row| row.is_taken_back && intent.of.is_none());
        if let Some(row) = earlier
            && !is_again
        {
            // It was written, and its reply was lost.
            return match row.holder == run && !row.is_taken_back {
                true => Written::Applied,
                false => Written::Fenced,
            };
        }
        if !self.alive {
            return Written::Fenced;
        }
        let digits = number(&intent.number);
        if let Some((campaign, contact)) = intent.of {
            let runs = self
                .campaigns
                .get(&campaign.0)
                .is_some_and(|row| row.status == Status::Running);
            let attempt = i64::from(intent.attempt);
            let is_ours = self
                .leased(campaign, contact)
                .is_some_and(|row| row.attempts + 1 == attempt && row.number == digits);
            if !runs || !is_ours {
                return Written::Fenced;
            }
        }
        if let Some(list) = self.barred.get(&digits)
            && (!intent.despite_do_not_call || self.erased.contains(&digits))
        {
            return Written::OnDoNotCallList(list.clone());
        }
        let version = self.numbers.entry(digits).or_default();
        if intent.version.is_some_and(|seen| seen != version.version) {
            return Written::Conflict;
        }
        let slot = match self.limits.take(intent) {
            Ok(slot) => slot,
            Err(full) => return Written::Full(full),
        };
        version.version += 1;
        version.is_changed = true;
        if let Some((campaign, contact)) = intent.of
            && let Some(row) = self.leased(campaign, contact)
        {
            row.stage = ContactStage::Dialling;
            row.attempts = i64::from(intent.attempt);
            row.due_at = None;
            row.is_changed = true;
        }
        let row = DropRow {
            contact: intent.of.map(|(_, contact)| contact.0),
            attempt: intent.attempt.into(),
            holder: run.to_owned(),
            is_on_trunk: true,
            outcome: None,
            intent: Some(intent),
            end: None,
            is_taken_back: false,
            is_again,
        };
        self.drops.insert(key, row);
        slot.map_or(Written::Applied, Written::Scheduled)
    }

    fn refuse(
        &mut self,
        campaign: CampaignId,
        contact: ContactId,
        reason: &'static str,
        ruling: Option<&'a str>,
    ) -> Written {
        let now = self.now;
        let Some(row) = self.leased(campaign, contact) else {
            let is_written = self.row(campaign, contact).is_some_and(|row| {
                row.stage == ContactStage::Refused && row.refused.as_deref() == Some(reason)
            });
            return applied_if(is_written);
        };
        row.close(ContactStage::Refused, now);
        row.refused = Some(reason.to_owned());
        self.decisions.push(Decided {
            campaign: campaign.0,
            contact: contact.0,
            decision: "refused",
            reason,
            until: None,
            zone: None,
            ruling,
        });
        Written::Applied
    }

    fn hold(
        &mut self,
        campaign: CampaignId,
        contact: ContactId,
        reason: &'static str,
        until: Timestamp,
        (ruling, zone, place): (Option<&'a str>, Option<&'a str>, Option<&CallingPlace>),
    ) -> Written {
        let until = micros(until);
        let Some(row) = self.leased(campaign, contact) else {
            let is_written = self
                .row(campaign, contact)
                .is_some_and(|row| row.stage == ContactStage::Due && row.due_at == Some(until));
            return applied_if(is_written);
        };
        row.open(until);
        row.held = Some(reason);
        row.held_zone = zone.map(str::to_owned);
        if let Some(place) = place {
            row.place = Some(place.key());
            let places = self.places.entry(campaign.0).or_default();
            places.insert(place.key(), place.as_str().to_owned());
        }
        self.decisions.push(Decided {
            campaign: campaign.0,
            contact: contact.0,
            decision: "held",
            reason,
            until: Some(until),
            zone,
            ruling,
        });
        Written::Applied
    }

    fn end(
        &mut self,
        campaign: CampaignId,
        contact: ContactId,
        key: Option<String>,
        mut ended: Ended<'a>,
        again: Option<Timestamp>,
    ) -> Written {
        let now = self.now;
        let run = self.holder.run.as_str();
        let Some(drop) = key.and_then(|key| self.drops.get_mut(&key)) else {
            return Written::Fenced;
        };
        if drop.holder != run || drop.contact != Some(contact.0) || drop.is_taken_back {
            return Written::Fenced;
        }
        if let Some(before) = drop.outcome {
            return applied_if(before == ended.outcome);
        }
        let outcome = ended.outcome;
        let attempt = drop.attempt;
        let row = self.contacts.get_mut(&contact.0);
        let row = row.filter(|row| {
            row.campaign == campaign.0
                && row.stage == ContactStage::Dialling
                && row.holder.as_deref() == Some(run)
                && row.attempts == attempt
        });
        let Some(row) = row else {
            return Written::Fenced;
        };
        let again = again.filter(|_| !row.has_called_back);
        ended.is_final = ended.is_final.map(|_| again.is_none());
        match again {
            Some(again) => row.open(micros(again)),
            None => {
                row.close(ContactStage::Ended, now);
                row.outcome = Some(outcome);
            }
        }
        drop.outcome = Some(outcome);
        drop.end = Some(ended);
        if drop.is_on_trunk {
            self.limits.leave(Some(campaign.0));
        }
        Written::Applied
    }

    fn end_drop(&mut self, end: &'a DropEnd, calls: Calls) -> Written {
        let run = self.holder.run.as_str();
        let Some(drop) = self.drops.get_mut(&end.drop.to_string()) else {
            return Written::Fenced;
        };
        if drop.holder != run || drop.contact.is_some() {
            return Written::Fenced;
        }
        if let Some(before) = drop.outcome {
            return applied_if(before == end.outcome);
        }
        drop.outcome = Some(end.outcome);
        drop.end = Some(Ended {
            outcome: end.outcome,
            calls,
            is_final: None,
            drop_end: Some(end),
        });
        if drop.is_on_trunk {
            self.limits.leave(None);
        }
        Written::Applied
    }

    fn take_back_stray(&mut self, drop: DropId) -> Written {
        let run = self.holder.run.as_str();
        // Its intent was not written, or was taken back already.
        let Some(drop) = self.drops.get_mut(&drop.to_string()) else {
            return Written::Applied;
        };
        if drop.holder != run || drop.contact.is_some() || drop.outcome.is_some() {
            return Written::Fenced;
        }
        drop.is_taken_back = true;
        if drop.is_on_trunk {
            self.limits.leave(None);
        }
        Written::Applied
    }

    fn take_back(&mut self, campaign: CampaignId, contact: ContactId, attempt: u32) -> Written {
        let run = self.holder.run.as_str();
        let Some(key) = self.drop_of(contact, attempt) else {
            // Its intent was not written, or was taken back already.
            self.release(campaign, contact);
            let is_others = self
                .row(campaign, contact)
                .is_none_or(|row| row.holder.is_some());
            return applied_if(!is_others);
        };
        let drop = self.drops.get_mut(&key);
        let drop = drop.filter(|drop| drop.holder == run && drop.outcome.is_none());
        let row = self.contacts.get_mut(&contact.0);
        let row = row.filter(|row| {
            row.campaign == campaign.0
                && row.stage == ContactStage::Dialling
                && row.holder.as_deref() == Some(run)
        });
        let (Some(drop), Some(row)) = (drop, row) else {
            return Written::Fenced;
        };
        drop.is_taken_back = true;
        if drop.is_on_trunk {
            self.limits.leave(Some(campaign.0));
        }
        row.attempts = i64::from(attempt) - 1;
        row.give_back(self.now);
        Written::Applied
    }

    fn release(&mut self, campaign: CampaignId, contact: ContactId) {
        let now = self.now;
        if let Some(row) = self.leased(campaign, contact) {
            row.give_back(now);
        }
    }

    fn pause(&mut self, campaign: CampaignId, why: &str) -> Written {
        let Some(row) = self.campaigns.get_mut(&campaign.0) else {
            return Written::Fenced;
        };
        match row.status {
            Status::Running => {
                row.status = Status::Paused;
                row.pauses = Some(why.to_owned());
                Written::Applied
            }
            Status::Draft | Status::Paused => Written::Applied,
            Status::Cancelling | Status::Complete | Status::Cancelled | Status::DatesOver => {
                Written::Fenced
            }
        }
    }

    fn row(&self, campaign: CampaignId, contact: ContactId) -> Option<&ContactRow> {
        let row = self.contacts.get(&contact.0);
        row.filter(|row| row.campaign == campaign.0)
    }

    /// A contact that is leased to this controller.
    fn leased(&mut self, campaign: CampaignId, contact: ContactId) -> Option<&mut ContactRow> {
        let run = self.holder.run.as_str();
        let row = self.contacts.get_mut(&contact.0)?;
        let is_ours = row.campaign == campaign.0
            && row.stage == ContactStage::Leased
            && row.holder.as_deref() == Some(run);
        is_ours.then_some(row)
    }

    /// The drop that is this attempt at a contact.
    fn drop_of(&self, contact: ContactId, attempt: u32) -> Option<String> {
        let is_it = |row: &DropRow<'_>| {
            row.contact == Some(contact.0)
                && row.attempt == i64::from(attempt)
                && !row.is_taken_back
        };
        let found = self.drops.iter().find(|(_, row)| is_it(row));
        found.map(|(key, _)| key.clone())
    }
}

impl ContactRow {
    /// It is due then, and not leased.
    fn open(&mut self, at: i64) {
        self.stage = ContactStage::Due;
        self.due_at = Some(at);
        self.was_due = Some(at);
        self.holder = None;
        self.is_changed = true;
    }

    /// It is due as before it was leased.
    fn give_back(&mut self, now: i64) {
        self.open(self.was_due.unwrap_or(now));
    }

    /// It has come to its end.
    fn close(&mut self, stage: ContactStage, now: i64) {
        self.stage = stage;
        self.due_at = None;
        self.holder = None;
        self.ended_at = Some(now);
        self.is_changed = true;
    }
}

const fn applied_if(holds: bool) -> Written {
    if holds {
        Written::Applied
    } else {
        Written::Fenced
    }
}
