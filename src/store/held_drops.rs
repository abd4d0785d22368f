//! Drops that were ordered over HTTP and that the gate holds: kept until it allows them, and dialled once.
//!
//! ```text
//!   hold_order ──> waiting ── commit_held, with the intent ──> dialled ── as every drop ──> its end
//!                    ^  │                                         │
//!                    │  └── settle_held ──> refused, ended        │
//!                    └───────────── take_back_held ───────────────┘
//! ```
//!
//! Each step is one statement that wants the drop to be where the step begins, in the transaction that tells of it: of two
//! controllers that come for a drop one dials it, and it has one end. The order and its key are kept as those of every drop.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ControllerLease, Intent, OrderRecord, OrderWritten, SpokenColumns, Store, StoreError, Write,
    Written,
    codec::{self, consent_slug, micros},
    commit::write_alone,
    events::EventRow,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{
    campaign::{
        HeldReason,
        policy::{CampaignKind, Consent, Override},
    },
    drop::Technique,
    events::EventKind,
    id::DropId,
    phone::{CallerId, PhoneNumber},
};

/// A drop that waits until the gate allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDrop {
    /// The drop's id.
    pub drop: DropId,
    /// The number to call.
    pub number: PhoneNumber,
    /// The PBX that dials it, by its controllers' instance.
    pub pbx: String,
    /// What the call is for.
    pub kind: CampaignKind,
    /// The consent that is on record.
    pub consent: Option<Consent>,
    /// The rules that are set aside, and why.
    pub overrides: Vec<Override>,
    /// The message.
    pub message: String,
    /// What the message says of whoever is called, by the names that it uses; nothing if it is the same for all.
    pub fields: SpokenColumns,
    /// One call or two.
    pub technique: Technique,
    /// The number shown; `None`: as configured when it is dialled.
    pub caller_id: Option<CallerId>,
    /// From then on it is not dialled.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it, as it came; kept with the order.
    pub traceparent: Option<String>,
}

/// What the gate holds a drop for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateHold {
    /// Why.
    pub reason: HeldReason,
    /// The first moment at which it may be dialled, as far as is known.
    pub until: Timestamp,
    /// The gate's ruling, as JSON.
    pub ruling: String,
}

impl Store {
    /// Keeps a drop that the gate holds, with the answer to its order, its row in the audit log and the event that tells of it.
    /// `false` if the key was used meanwhile: nothing was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_order(
        &self,
        held: &HeldDrop,
        hold: &GateHold,
        order: &OrderRecord,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("keep a drop that is held").await?;
        if tx.is_erased(codec::number(&held.number)).await? {
            return Err(tx.refuse("everything about the person was erased"));
        }
        if !tx.keep_answer(&order.keyed, now).await? {
            return Ok(false);
        }
        tx.keep_order(held.drop, order).await?;
        let drop = held.drop.to_string();
        let place = HeldPlace {
            state: "waiting",
            reason: hold.reason.slug(),
            words: None,
            ruling: &hold.ruling,
            until: hold.until,
            settled_at: None,
        };
        tx.place_held(held, &place, now).await?;
        let expires_at = held.expires_at.map(|at| at.to_string());
        let detail = hold_detail(
            hold.reason.slug(),
            hold.until,
            (order.foreign_id.as_deref(), expires_at),
        );
        let told = EventRow {
            kind: EventKind::DropHeld,
            campaign: None,
            drop: Some(&drop),
            number: Some(codec::number(&held.number)),
            detail: &detail,
        };
        tx.tell(&told, micros(now)).await?;
        tx.append_audit(&order.audit).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Drops of a PBX about which the gate is to be asked again by now, at most so many, those first that have waited longest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_held(
        &self,
        pbx: &str,
        now: Timestamp,
        at_most: usize,
    ) -> Result<Vec<HeldDrop>, StoreError> {
        let mut tx = self.read("read which held drops are due").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<StoredHeldDrop> = tx.all(DUE, args![pbx, micros(now), at_most]).await?;
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// When the gate is to be asked again about the next drop of a PBX; `None` if none waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_held(&self, pbx: &str) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.read("read when a held drop is due").await?;
        let next: Option<(Option<i64>,)> = tx.one(NEXT, args![pbx]).await?;
        let next = next.and_then(|(next,)| next);
        next.map(|next| time(&tx, next)).transpose()
    }

    /// The gate still holds a drop. What has changed is told. `false` if it does not wait any more: nothing was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_again(
        &self,
        drop: DropId,
        hold: &GateHold,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("hold a drop for longer").await?;
        let id = drop.to_string();
        let Some(waiting) = tx.waiting(&id).await? else {
            return Ok(false);
        };
        let given = args![&id, hold.reason.slug(), micros(hold.until), &hold.ruling];
        tx.execute(HOLD_AGAIN, given).await?;
        if waiting.reason != hold.reason.slug() || waiting.until != micros(hold.until) {
            tx.tell_of_hold(&id, &waiting, (hold.reason.slug(), hold.until), now)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The gate is asked about a drop again at this moment and not before: something else than the gate is in its way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_held(&self, drop: DropId, due_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write("put a held drop off").await?;
        let id = drop.to_string();
        tx.execute(POSTPONE, args![&id, micros(due_at)]).await?;
        tx.commit().await
    }

    /// The gate is asked again, about every drop of a PBX that waits: its rules may be others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_again_at_drops(&self, pbx: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write("look again at held drops").await?;
        tx.execute(LOOK_AGAIN, args![pbx, micros(now)]).await?;
        tx.commit().await
    }

    /// Writes the intent of a drop that is held as [`Self::commit`] does, if it still waits and has not expired.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or its reply was lost.
    pub async fn commit_held(
        &self,
        holder: &ControllerLease,
        intent: Intent,
        now: Timestamp,
    ) -> Result<OrderWritten, StoreError> {
        let mut tx = self.write("write what a drop does").await?;
        let drop = intent.drop.to_string();
        let writes = [Write::Start(Box::new(intent))];
        let written = write_alone(&mut tx, holder, &writes, now).await?;
        match written {
            Written::Applied | Written::Scheduled(_) => {}
            Written::Fenced
            | Written::OnDoNotCallList(_)
            | Written::Conflict
            | Written::Full(_) => return Ok(OrderWritten::Written(written)),
        }
        if tx.execute(DIAL, args![&drop, micros(now)]).await? == 0 {
            return Ok(OrderWritten::KeyTaken);
        }
        tx.commit().await?;
        Ok(OrderWritten::Written(written))
    }

    /// Takes back the intent of a held drop that was not dialled: it waits again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_back_held(
        &self,
        holder: &ControllerLease,
        drop: DropId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("take a held drop back").await?;
        let id = drop.to_string();
        // Before its intent goes, which would be told as its end otherwise.
        let is_back = tx.execute(WAIT_AGAIN, args![&id]).await? == 1;
        let writes = [Write::TakeBack { drop }];
        if write_alone(&mut tx, holder, &writes, now).await? != Written::Applied {
            // It is another controller's, which ends it.
            return Ok(());
        }
        if is_back && let Some(waiting) = tx.waiting(&id).await? {
            let until = time(&tx, waiting.until)?;
            tx.tell_of_hold(&id, &waiting, (&waiting.reason, until), now)
                .await?;
        }
        tx.commit().await
    }
}

/// What is told of a drop that waits.
pub(super) struct WaitingDrop {
    pub(super) number: i64,
    pub(super) reason: String,
    pub(super) until: i64,
    pub(super) foreign_id: Option<String>,
    expires_at: Option<i64>,
}

/// Where a drop is that is not dialled, and why.
pub(super) struct HeldPlace<'a> {
    pub(super) state: &'static str,
    pub(super) reason: &'a str,
    pub(super) words: Option<&'a str>,
    pub(super) ruling: &'a str,
    pub(super) until: Timestamp,
    pub(super) settled_at: Option<Timestamp>,
}

impl Tx {
    /// Writes the row of a drop that is not dialled, for good or yet.
    pub(super) async fn place_held(
        &mut self,
        held: &HeldDrop,
        place: &HeldPlace<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let drop = held.drop.to_string();
        let consent = held.consent.as_ref();
        let overrides = held
            .overrides
            .iter()
            .map(|one| json!({ "rule": one.rule().slug(), "because": one.because() }));
        let overrides =
            (!held.overrides.is_empty()).then(|| Value::Array(overrides.collect()).to_string());
        let kind = held.kind.to_string();
        // What its message would have said is of use only as long as it waits.
        let is_waiting = place.settled_at.is_none();
        let fields =
            (is_waiting && !held.fields.is_empty()).then(|| json!(held.fields).to_string());
        let given = args![
            &drop,
            codec::number(&held.number),
            &held.pbx,
            &kind,
            consent.map(|consent| consent_slug(consent.kind)),
            consent.and_then(|consent| consent.at).map(micros),
            consent.and_then(|consent| consent.source.as_deref()),
            overrides.as_deref(),
            &held.message,
            held.technique.slug(),
            held.caller_id.as_ref().map(CallerId::as_str),
            place.state,
            place.reason,
            place.words,
            place.ruling,
            micros(place.until),
            held.expires_at.map(micros),
            micros(now),
            place.settled_at.map(micros),
            fields.as_deref(),
        ];
        self.execute(PLACE, given).await?;
        Ok(())
    }

    /// A drop that waits, which nobody else changes until the transaction ends.
    pub(super) async fn waiting(&mut self, drop: &str) -> Result<Option<WaitingDrop>, StoreError> {
        type Columns = (i64, String, i64, Option<i64>);
        let found: Option<Columns> = self.one(WAITING, args![drop]).await?;
        let Some((number, reason, until, expires_at)) = found else {
            return Ok(None);
        };
        let order: Option<(Option<String>,)> = self.one(FOREIGN_ID, args![drop]).await?;
        Ok(Some(WaitingDrop {
            number,
            reason,
            until,
            foreign_id: order.and_then(|(foreign_id,)| foreign_id),
            expires_at,
        }))
    }

    async fn tell_of_hold(
        &mut self,
        drop: &str,
        waiting: &WaitingDrop,
        (reason, until): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let expires_at = waiting.expires_at.map(|at| time(self, at)).transpose()?;
        let expires_at = expires_at.map(|at| at.to_string());
        let detail = hold_detail(reason, until, (waiting.foreign_id.as_deref(), expires_at));
        let told = EventRow {
            kind: EventKind::DropHeld,
            campaign: None,
            drop: Some(drop),
            number: Some(waiting.number),
            detail: &detail,
        };
        self.tell(&told, micros(now)).await
    }
}

/// What the event of a drop that waits says; the rule that holds it has the name of the reason.
fn hold_detail(
    reason: &str,
    until: Timestamp,
    (foreign_id, expires_at): (Option<&str>, Option<String>),
) -> Value {
    json!({
        "rule": reason,
        "reason": reason,
        "until": until.to_string(),
        "when_held": "wait",
        "expires_at": expires_at,
        "foreign_id": foreign_id,
    })
}

/// The columns of [`DUE`].
type StoredHeldDrop = (
    String,
    i64,
    String,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

fn read(tx: &Tx, stored: StoredHeldDrop) -> Result<HeldDrop, StoreError> {
    let (
        id,
        number,
        pbx,
        kind,
        level,
        at,
        source,
        overrides,
        message,
        technique,
        caller,
        expires,
        traceparent,
        fields,
    ) = stored;
    let consent = match level {
        Some(slug) => Some(Consent {
            kind: known(tx, codec::consent(&slug), "kind of consent")?,
            at: at.map(|at| time(tx, at)).transpose()?,
            source,
        }),
        None => None,
    };
    let overrides = overrides
        .as_deref()
        .map_or(Some(Vec::new()), read_overrides);
    let fields = fields.as_deref().map(serde_json::from_str).transpose();
    let fields: Option<SpokenColumns> = known(tx, fields.ok(), "field of a message")?;
    let caller_id = caller.map(|caller| known(tx, CallerId::parse(&caller).ok(), "caller id"));
    Ok(HeldDrop {
        drop: known(tx, id.parse().ok(), "drop's id")?,
        number: known(tx, codec::read_number(number), "number")?,
        pbx,
        kind: known(tx, codec::campaign_kind(&kind), "kind of call")?,
        consent,
        overrides: known(tx, overrides, "rule that is set aside")?,
        message,
        fields: fields.unwrap_or_default(),
        technique: known(tx, codec::technique(&technique), "technique")?,
        caller_id: caller_id.transpose()?,
        expires_at: expires.map(|at| time(tx, at)).transpose()?,
        traceparent,
    })
}

fn read_overrides(text: &str) -> Option<Vec<Override>> {
    let list: Vec<Value> = serde_json::from_str(text).ok()?;
    let read =
        |one: &Value| Override::new(one.get("rule")?.as_str()?, one.get("because")?.as_str()?).ok();
    list.iter().map(read).collect()
}

const PLACE: Sql = sql!(
    "INSERT INTO held_drops (drop_id, number, pbx, kind, consent, consent_at, consent_source, overrides, message, \
     technique, caller_id, state, reason, words, ruling, until, due_at, expires_at, held_at, settled_at, fields) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20)"
);

const DUE: Sql = sql!(
    "SELECT drop_id, number, pbx, kind, consent, consent_at, consent_source, overrides, message, technique, caller_id, \
     expires_at, (SELECT traceparent FROM ordered_drops WHERE ordered_drops.drop_id = held_drops.drop_id) AS traceparent, \
     fields FROM held_drops WHERE state = 'waiting' AND pbx = $1 AND due_at <= $2 ORDER BY due_at, drop_id LIMIT $3"
);

const NEXT: Sql = sql!("SELECT min(due_at) FROM held_drops WHERE state = 'waiting' AND pbx = $1");

const WAITING: Sql = sql!(
    "SELECT number, reason, until, expires_at FROM held_drops WHERE drop_id = $1 AND state = 'waiting'",
    ["", " FOR UPDATE"]
);

const FOREIGN_ID: Sql = sql!("SELECT foreign_id FROM ordered_drops WHERE drop_id = $1");

const HOLD_AGAIN: Sql = sql!(
    "UPDATE held_drops SET reason = $2, until = $3, due_at = $3, ruling = $4 WHERE drop_id = $1 AND state = 'waiting'"
);

const POSTPONE: Sql =
    sql!("UPDATE held_drops SET due_at = $2 WHERE drop_id = $1 AND state = 'waiting'");

const LOOK_AGAIN: Sql =
    sql!("UPDATE held_drops SET due_at = $2 WHERE state = 'waiting' AND pbx = $1 AND due_at > $2");

const DIAL: Sql = sql!(
    "UPDATE held_drops SET state = 'dialled' WHERE drop_id = $1 AND state = 'waiting' \
     AND (expires_at IS NULL OR expires_at > $2)"
);

const WAIT_AGAIN: Sql =
    sql!("UPDATE held_drops SET state = 'waiting' WHERE drop_id = $1 AND state = 'dialled'");
