//! All that a controller writes: intents before anything is dialled, and what became of contacts, once.
//!
//! A batch is read as sets, decided in memory in its order, and written as sets: it costs about a dozen statements however
//! long it is. What it decides on is locked first, always in the same order, so that two controllers never wait for each
//! other: campaigns' version, controller, campaigns, do-not-call lists, numbers, contacts, drops, and last, where all
//! controllers of a trunk meet, the paces of trunks and campaigns ([`limits`]). Campaigns and lists have locks that queue: see
//! [`intent_locks`](super::intent_locks).

mod again;
mod batch;
mod flush;
mod limits;
mod load;

use jiff::Timestamp;

use super::{ControllerLease, Gone, Store, StoreError, codec::micros, transaction::Tx};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, ContactId, End, PbxId, Settlement},
        policy::CallingPlace,
    },
    drop::{Outcome, Proof, Technique},
    id::DropId,
    metrics,
    phone::{CallerId, PhoneNumber},
};
use batch::Batch;
use flush::finish;
pub use limits::{Full, StartSlot, StartTerms};

/// Something to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A drop is about to be dialled.
    Start(Box<Intent>),
    /// What became of a contact, and what follows.
    Settle {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contact that it is about.
        contact: ContactId,
        /// What became of it.
        settlement: Settlement,
        /// For [`Settlement::Held`] and [`Settlement::Refused`]: the gate's ruling, as JSON, and the zone that holds it.
        ruling: Option<String>,
        /// The IANA name of the zone whose hours hold the contact, if they do.
        zone: Option<String>,
        /// Where the contact is, if hours hold them: it may not be known of one that was added by an earlier version of
        /// the program, or be known better by now.
        place: Option<Box<CallingPlace>>,
        /// For [`Settlement::Ended`]: the drop and its end.
        end: Option<Box<DropEnd>>,
    },
    /// A drop outside any campaign has ended.
    EndDrop {
        /// Its end.
        end: Box<DropEnd>,
        /// What it was on the trunk.
        calls: Calls,
    },
    /// A drop outside any campaign was not dialled: its intent is as if it had never been written.
    TakeBack {
        /// The drop to take back.
        drop: DropId,
    },
    /// Leased contacts are given back untouched.
    Release {
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// The contacts to give back.
        contacts: Vec<ContactId>,
    },
    /// A campaign paused by itself.
    Paused {
        /// The campaign that paused.
        campaign: CampaignId,
        /// Why, in words.
        why: String,
    },
    /// A campaign is over.
    Finished {
        /// The campaign that is over.
        campaign: CampaignId,
        /// How it ended.
        end: End,
    },
}

/// A drop that is about to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The drop's id.
    pub drop: DropId,
    /// The contact it is for; `None` for a drop outside any campaign.
    pub of: Option<(CampaignId, ContactId)>,
    /// Which attempt at this contact, counted from 1; 1 outside any campaign.
    pub attempt: u32,
    /// The number.
    pub number: PhoneNumber,
    /// The PBX, in the engine's numbering.
    pub pbx: PbxId,
    /// One call or two.
    pub technique: Technique,
    /// The message.
    pub message: String,
    /// The variant it is.
    pub variant: Option<String>,
    /// The number shown.
    pub caller_id: Option<CallerId>,
    /// The gate's ruling, as JSON.
    pub ruling: String,
    /// [`super::Facts::version`] that the ruling was made with; `None`: whatever it is.
    pub version: Option<i64>,
    /// Whether a person set the do-not-call rule aside for it, with the reason in the ruling.
    pub despite_do_not_call: bool,
    /// The limits of its campaign, and how soon it can be dialled.
    pub terms: StartTerms,
}

/// How a drop ended.
#[derive(Clone, Debug, PartialEq)]
pub struct DropEnd {
    /// The drop.
    pub drop: DropId,
    /// How the drop ended.
    pub outcome: Outcome,
    /// How sure it is that the message was left.
    pub proof: Proof,
    /// How long the busy leg was up, in ms; 0 unless it was answered.
    pub busy_up_ms: u64,
    /// How long the drop leg was up, in ms; 0 unless it was answered.
    pub drop_up_ms: u64,
    /// What `drop --json` prints of it, its number masked.
    pub report: String,
    /// The folder of its evidence.
    pub evidence: Option<String>,
}

/// What came of something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Applied,
    /// The contact is not this controller's any more, or what was to be changed has changed since: nothing was written.
    Fenced,
    /// The number is on the do-not-call list of this name by now: no intent was written.
    OnDoNotCallList(String),
    /// A drop to this number has begun since its facts were read: no intent was written.
    Conflict,
    /// An intent is written; others share its limits, so that it has a moment of its own.
    Scheduled(StartSlot),
    /// The trunk or the campaign carries no more at this moment, over all controllers: no intent was written.
    Full(Full),
}

impl Store {
    /// Writes all of it in one transaction, in its order, and returns what came of each. It may be repeated if its
    /// reply was lost: what is written already is [`Written::Applied`].
    ///
    /// - An intent wants its contact leased to this controller, the controller not ended and the campaign running.
    /// - An intent also wants room on the trunk, and on its campaign, over all controllers; if others share them it is
    ///   [`Written::Scheduled`], and may be dialled at its moment alone.
    /// - [`Settlement::NotDialled`] of a contact whose intent was not written gives the contact back. It is due as before
    ///   either way, and a drop that was not dialled never was.
    /// - [`Settlement::Ended`] wants the drop to be this controller's, whose it is if it dialled it or has adopted it.
    /// - [`Write::Release`] leaves contacts alone that are not leased to this controller, and is done all the same.
    /// - [`Write::Paused`] is fenced if the campaign does not run, unless it is paused already, and
    ///   [`Write::Finished`] if another controller still has drops of it in flight or, for [`End::Complete`], if
    ///   any contact of it is open.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or its reply was lost.
    pub async fn commit(
        &self,
        holder: &ControllerLease,
        writes: &[Write],
        now: Timestamp,
    ) -> Result<Vec<Written>, StoreError> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let doing = match writes {
            [_] => "write what a drop does".to_owned(),
            _ => format!("write what {} drops do", writes.len()),
        };
        let mut tx = self.write(doing).await?;
        let mut written = write(&mut tx, holder, writes, now).await?;
        // What is asked of whole campaigns needs all of this to be written.
        for (write, written) in writes.iter().zip(&mut written) {
            if let Write::Finished { campaign, end } = *write {
                let at = micros(tx.past(now).await?);
                *written = finish(&mut tx, campaign, end, at).await?;
            }
        }
        tx.commit().await?;
        count(writes, &written);
        Ok(written)
    }

    /// Writes, in the name of a controller that is gone, how its drops ended. It is ended with that, and its leases are
    /// given back: what it writes later is fenced. `None` if it is not gone; then nothing was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_gone(
        &self,
        holder: &ControllerLease,
        gone: Gone<'_>,
        ends: &[Write],
        now: Timestamp,
    ) -> Result<Option<Vec<Written>>, StoreError> {
        let doing = format!("settle the drops of `{}`, which is gone", holder.run);
        let mut tx = self.write(doing).await?;
        if !tx.end_gone(holder, gone, now).await? {
            return Ok(None);
        }
        let written = write(&mut tx, holder, ends, now).await?;
        tx.forget_ended(&holder.pbx).await?;
        tx.commit().await?;
        count(ends, &written);
        Ok(Some(written))
    }
}

/// Counts what is written, for `/metrics`.
fn count(writes: &[Write], written: &[Written]) {
    for (write, written) in writes.iter().zip(written) {
        if *written != Written::Applied {
            continue;
        }
        match write {
            Write::Settle { end: Some(end), .. } | Write::EndDrop { end, .. } => {
                metrics::drop_written(end.outcome.slug(), end.proof.slug());
            }
            Write::Settle {
                settlement: Settlement::Refused(reason),
                ..
            } => metrics::refused(reason.slug()),
            Write::Start(_)
            | Write::Settle { .. }
            | Write::TakeBack { .. }
            | Write::Release { .. }
            | Write::Paused { .. }
            | Write::Finished { .. } => {}
        }
    }
}

/// Writes one thing that is not asked of a whole campaign, as [`Store::commit`] does.
pub(super) async fn write_alone(
    tx: &mut Tx,
    holder: &ControllerLease,
    one: &[Write; 1],
    now: Timestamp,
) -> Result<Written, StoreError> {
    let written = write(tx, holder, one, now).await?;
    Ok(written.into_iter().next().unwrap_or(Written::Fenced))
}

/// Decides on a batch and writes it, but for what is asked of whole campaigns.
async fn write(
    tx: &mut Tx,
    holder: &ControllerLease,
    writes: &[Write],
    now: Timestamp,
) -> Result<Vec<Written>, StoreError> {
    let mut batch = Batch::load(tx, holder, writes, now).await?;
    let written = writes.iter().map(|write| batch.apply(write)).collect();
    batch.flush(tx).await?;
    Ok(written)
}
