//! Orders of which nothing is dialled: each is kept as a drop that was held and is refused, in the transaction of its key, so that it is found
//! however it is looked for, goes with its person, and goes with its time.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    HeldDrop, HeldState, OrderRecord, Store, StoreError,
    codec::{self, micros},
    events::EventRow,
    held_drops::HeldPlace,
    transaction::Tx,
};
use crate::events::EventKind;

/// An order of which nothing is dialled: the drop that is kept of it, and how the log of events tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedOrder {
    /// The drop; `None` if everything about the person was erased: nothing is kept then.
    pub drop: Option<Box<RefusedDrop>>,
    /// [`EventKind::DropRefused`] or [`EventKind::DropHeld`].
    pub kind: EventKind,
    /// Why, and the id under which the user's own system knows the callee: a JSON object.
    pub detail: Value,
}

/// A drop that was ordered and is never dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedDrop {
    /// What was ordered.
    pub held: HeldDrop,
    /// Why not: the slug of the gate's reason, or `expired`.
    pub reason: &'static str,
    /// The same for people.
    pub words: String,
    /// The gate's ruling, as JSON.
    pub ruling: String,
    /// Until when the gate held it, of one that did not wait for that.
    pub until: Option<Timestamp>,
}

impl RefusedOrder {
    /// Of an order that the gate refuses.
    pub fn refused(drop: RefusedDrop, detail: Value) -> Self {
        Self {
            drop: Some(Box::new(drop)),
            kind: EventKind::DropRefused,
            detail,
        }
    }
}

impl Store {
    /// Keeps an order of which nothing is dialled, with the answer to it, the drop as one that is refused, its row in the audit log, and the event
    /// that tells of it. `false` if the key was used meanwhile: nothing was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_refused(
        &self,
        order: &OrderRecord,
        refused: &RefusedOrder,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("keep an order that is refused").await?;
        if !tx.keep_answer(&order.keyed, now).await? {
            return Ok(false);
        }
        let mut detail = refused.detail.clone();
        let mut kept = refused.drop.as_deref();
        // The gate may refuse somebody for another reason than that they were erased, and nothing of them comes back by it.
        if let Some(drop) = kept {
            let number = std::iter::once(codec::number(&drop.held.number));
            if tx.erasure(number).await?.is_some() {
                kept = None;
                if let Some(members) = detail.as_object_mut() {
                    members.remove("foreign_id");
                }
            }
        }
        if let Some(drop) = kept {
            tx.keep_refused_drop(drop, now).await?;
            tx.keep_order(drop.held.drop, order).await?;
        }
        let told = EventRow {
            kind: refused.kind,
            campaign: None,
            drop: Some(&order.keyed.answer.drop.to_string()),
            number: kept.map(|drop| codec::number(&drop.held.number)),
            detail: &detail,
        };
        tx.tell(&told, micros(now)).await?;
        tx.append_audit(&order.audit).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Tx {
    /// Keeps a drop that was ordered and is never dialled, as one that was held and is refused.
    async fn keep_refused_drop(
        &mut self,
        drop: &RefusedDrop,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let place = HeldPlace {
            state: HeldState::Refused.slug(),
            reason: drop.reason,
            words: Some(&drop.words),
            ruling: &drop.ruling,
            until: drop.until.unwrap_or(now),
            settled_at: Some(now),
        };
        self.place_held(&drop.held, &place, now).await
    }
}
