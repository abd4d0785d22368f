//! Calls that came back: which drop they answer, what came of them, and that whoever wants no more calls gets none.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    ListName, Store, StoreError,
    codec::{self, micros},
    events::EventRow,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    tally::known,
    transaction::Tx,
};
use crate::{
    callback::{CallbackId, CallbackOutcome},
    campaign::engine::{CampaignId, ContactId},
    events::EventKind,
    id::DropId,
    phone::{PhoneNumber, Rules},
};

/// A call that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// Its id.
    pub id: CallbackId,
    /// Who calls; `None` if that is withheld.
    pub caller: Option<PhoneNumber>,
    /// The number that they called, as the PBX has it; `None` if it does not say.
    pub called: Option<String>,
    /// How that is read.
    pub rules: Rules,
    /// The PBX, by its instance.
    pub pbx: String,
}

/// What a call that came back answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredDrop {
    /// The last drop to whoever calls, from the number that they called.
    pub drop: DropId,
    /// Its campaign and the name of it; `None` outside any.
    pub campaign: Option<(CampaignId, String)>,
    /// The settings of that campaign, as they are stored.
    pub spec: Option<String>,
    /// The contact; `None` outside any campaign.
    pub contact: Option<ContactId>,
    /// The id under which the user's own system knows them.
    pub foreign_id: Option<String>,
    /// The variant that was left.
    pub variant: Option<String>,
}

/// Drops that are to be ended because whoever they call wants no more calls, as this process hears of them. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct LeftAlone(broadcast::Sender<DropId>);

impl Default for LeftAlone {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl LeftAlone {
    fn tell(&self, drop: DropId) {
        // Nothing may dial here.
        let _ = self.0.send(drop);
    }
}

/// Hears of these drops.
#[derive(Debug)]
pub struct DropsLeftAlone(broadcast::Receiver<DropId>);

impl DropsLeftAlone {
    /// The next one. Some may be left out if many come at once.
    pub async fn next(&mut self) -> DropId {
        loop {
            match self.0.recv().await {
                Ok(drop) => return drop,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Store {
    /// Begins a call: finds what it answers, and ends the contact's attempts, if any were to follow. It is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_callback(
        &self,
        call: &NewCallback,
        now: Timestamp,
    ) -> Result<Option<AnsweredDrop>, StoreError> {
        let mut attempts = Attempts::default();
        loop {
            match self.try_to_begin(call, now).await {
                Err(error) if attempts.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_to_begin(
        &self,
        call: &NewCallback,
        now: Timestamp,
    ) -> Result<Option<AnsweredDrop>, StoreError> {
        let mut tx = self.write("take up a call that came back").await?;
        let at = micros(tx.past(now).await?);
        let found = tx.answered_drop(call).await?;
        // Who was erased does not come back by calling.
        let number = match call.caller.as_ref().map(codec::number) {
            Some(number) if tx.is_erased(number).await? => Some(ERASED),
            number => number,
        };
        let (drop, campaign, contact, variant) = match &found {
            Some(found) => (
                Some(found.drop.to_string()),
                found.campaign.as_ref().map(|(id, _)| id.0),
                found.contact.map(|id| id.0),
                found.variant.clone(),
            ),
            None => (None, None, None, None),
        };
        let id = call.id.to_string();
        let given = args![
            &id,
            at,
            number,
            call.called.as_deref(),
            &call.pbx,
            drop.as_deref(),
            campaign,
            contact,
            variant.as_deref(),
        ];
        tx.execute(BEGIN, given).await?;
        let number = number.filter(|number| *number != ERASED);
        if let Some(contact) = contact {
            tx.execute(CALLED_BACK, args![contact, at]).await?;
            tx.execute(STOP, args![contact, at]).await?;
        }
        let detail = json!({"callback": id, "called": call.called, "variant": variant});
        tx.tell_of_call(EventKind::CallbackReceived, &id, number, &detail, at)
            .await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Puts a number on a do-not-call list because whoever called back wants it, and tells of it. From then on no intent is written for
    /// it, also by campaigns that dial at this moment. Of drops whose intents were written before and that have no end, those hear
    /// that [`Self::left_alone`] them here; of others [`Self::is_being_called`] knows.
    ///
    /// # Errors
    /// [`StoreError`]; then it is not certain that the number is on the list.
    pub async fn opt_out(
        &self,
        call: CallbackId,
        number: &PhoneNumber,
        list: &ListName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut attempts = Attempts::default();
        loop {
            match self.try_to_opt_out(call, number, list, now).await {
                Err(error) if attempts.again(&error).await => {}
                done => {
                    for drop in done? {
                        self.left_alone.tell(drop);
                    }
                    return Ok(());
                }
            }
        }
    }

    /// The drops that this process has in flight, if it does, to numbers that were put on a list by [`Self::opt_out`] here: they are to
    /// be ended.
    pub fn left_alone(&self) -> DropsLeftAlone {
        DropsLeftAlone(self.left_alone.0.subscribe())
    }

    /// Whether a drop to a number has no end whose intent was written since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_being_called(
        &self,
        number: &PhoneNumber,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.read("look for drops to a number").await?;
        let open = tx.open_drops(number, micros(since)).await?;
        Ok(!open.is_empty())
    }

    /// Returns the drops to the number that have no end.
    async fn try_to_opt_out(
        &self,
        call: CallbackId,
        number: &PhoneNumber,
        list: &ListName,
        now: Timestamp,
    ) -> Result<Vec<DropId>, StoreError> {
        let mut tx = self
            .write(format!("add to the do-not-call list `{}`", list.as_str()))
            .await?;
        let at = micros(tx.past(now).await?);
        let (id, digits) = (call.to_string(), codec::number(number));
        let because = format!("called back ({id})");
        // Who was erased while the call was up is barred for good, and does not come back by a key.
        let is_erased = tx.is_erased(digits).await?;
        if !is_erased {
            tx.bar(list.as_str(), &[digits], Some(&because), at).await?;
        }
        let outcome = CallbackOutcome::OptedOut.slug();
        tx.execute(OUTCOME, args![&id, outcome]).await?;
        let detail = json!({"callback": id, "list": list.as_str()});
        let caller: Option<(Option<String>, Option<i64>)> = tx.one(ENDED, args![&id]).await?;
        let digits = (!is_erased).then_some(digits);
        let is_own = caller.is_some_and(|(_, caller)| match digits {
            Some(digits) => caller == Some(digits),
            None => caller == Some(ERASED),
        });
        let kind = EventKind::ContactOptedOut;
        if is_own {
            tx.execute(LAST, args![&id, outcome]).await?;
            tx.tell_of_call(kind, &id, digits, &detail, at).await?;
        } else {
            // A number that was typed is not that of whom the call answers.
            let told = EventRow {
                kind,
                campaign: None,
                drop: None,
                number: digits,
                detail: &detail,
            };
            tx.tell(&told, at).await?;
        }
        // No intent is being written any more: it is on the list.
        let open = tx.open_drops(number, i64::MIN).await?;
        tx.commit().await?;
        Ok(open)
    }

    /// Ends a call, and tells of it. One that was ended before stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_callback(
        &self,
        call: CallbackId,
        outcome: CallbackOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("end a call that came back").await?;
        let at = micros(tx.past(now).await?);
        tx.end_callback(&call.to_string(), outcome.slug(), at)
            .await?;
        tx.commit().await
    }

    /// Ends the calls of a PBX whose process has died: they were hung up, unless they had opted out. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_callbacks_of(&self, pbx: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write("end calls that came back").await?;
        let at = micros(tx.past(now).await?);
        let open: Vec<(String,)> = tx.all(OPEN, args![pbx]).await?;
        let hung_up = CallbackOutcome::HungUp.slug();
        for (id,) in &open {
            tx.end_callback(id, hung_up, at).await?;
        }
        tx.commit().await?;
        Ok(open.len() as u64)
    }
}

impl Tx {
    /// The drops to a number, in any spelling, that have no end and whose intents were written since.
    async fn open_drops(
        &mut self,
        number: &PhoneNumber,
        since: i64,
    ) -> Result<Vec<DropId>, StoreError> {
        let spellings = number.spellings();
        let given = rows(
            spellings
                .iter()
                .map(|number| row! { number: codec::number(number) }),
        );
        let open: Vec<(String,)> = self.all(OPEN_DROPS, args![&given, since]).await?;
        let read = |(drop,): (String,)| known(self, drop.parse().ok(), "drop's id");
        open.into_iter().map(read).collect()
    }

    /// The last drop to whoever calls, from the number that they called.
    async fn answered_drop(
        &mut self,
        call: &NewCallback,
    ) -> Result<Option<AnsweredDrop>, StoreError> {
        type Columns = (
            String,
            Option<String>,
            Option<i64>,
            Option<String>,
            Option<String>,
            Option<i64>,
            Option<String>,
            Option<String>,
        );
        let Some(caller) = &call.caller else {
            return Ok(None);
        };
        let read = |text: &str| PhoneNumber::parse(text, call.rules).ok();
        let called = call.called.as_deref();
        // Either may be written as it is dialled at home.
        let is_it = |shown: Option<&str>| match (called, shown) {
            (None, _) => true,
            (Some(called), Some(shown)) => {
                called == shown || read(called).is_some_and(|called| Some(called) == read(shown))
            }
            (Some(_), None) => false,
        };
        // What a call showed that an agent had made is not known.
        let may_be_it = |shown: Option<&str>| shown.is_none();
        let latest: Vec<Columns> = self
            .all(LATEST, args![codec::number(caller), LOOKED_AT])
            .await?;
        let of = |fits: &dyn Fn(Option<&str>) -> bool| {
            let mut drops = latest.iter();
            drops.position(|(_, shown, ..)| fits(shown.as_deref()))
        };
        let found = of(&is_it).or_else(|| of(&may_be_it));
        let found = found.and_then(|nth| latest.into_iter().nth(nth));
        let Some((drop, _, campaign, name, spec, contact, foreign_id, variant)) = found else {
            return Ok(None);
        };
        Ok(Some(AnsweredDrop {
            drop: known(self, drop.parse().ok(), "drop's id")?,
            campaign: campaign.map(|id| (CampaignId(id), name.unwrap_or_default())),
            spec,
            contact: contact.map(ContactId),
            foreign_id,
            variant,
        }))
    }

    /// Erases who called, of these numbers; returns in how many calls.
    pub(super) async fn forget_callbacks(&mut self, given: &str) -> Result<u64, StoreError> {
        if !self.has_step(STEP) {
            return Ok(0);
        }
        self.execute(FORGET, args![given]).await
    }

    /// Deletes calls of campaigns that are over, and of none, that ended before.
    pub(super) async fn prune_callbacks(&mut self, before: i64) -> Result<u64, StoreError> {
        self.execute(PRUNE, args![before]).await
    }

    async fn end_callback(&mut self, id: &str, outcome: &str, at: i64) -> Result<(), StoreError> {
        if self.execute(END, args![id, at, outcome]).await? == 0 {
            return Ok(());
        }
        self.execute(LAST, args![id, outcome]).await?;
        let ended: Option<(Option<String>, Option<i64>)> = self.one(ENDED, args![id]).await?;
        let (outcome, number) = ended.unwrap_or_default();
        let detail = json!({"callback": id, "outcome": outcome});
        let number = number.filter(|number| *number != ERASED);
        self.tell_of_call(EventKind::CallbackEnded, id, number, &detail, at)
            .await
    }

    async fn tell_of_call(
        &mut self,
        kind: EventKind,
        id: &str,
        number: Option<i64>,
        detail: &Value,
        at: i64,
    ) -> Result<(), StoreError> {
        let detail = detail.to_string();
        self.execute(TELL, args![id, at, kind.slug(), number, &detail])
            .await
            .map(drop)
    }
}

/// In the place of the number of a caller who was erased.
const ERASED: i64 = 0;

/// The step of the schema with calls that came back.
pub(super) const STEP: i64 = 21;

/// How many are kept for those who are slow to hear of them.
const KEPT: usize = 256;

/// How many of the latest drops to a number are looked at: more than that, from other numbers, is not what they answer.
const LOOKED_AT: i64 = 20;

const LATEST: Sql = sql!(
    "SELECT drops.id, drops.caller_id, drops.campaign, campaigns.name, campaigns.spec, drops.contact, \
     coalesce(contacts.foreign_id, ordered_drops.foreign_id), drops.variant FROM \
     (SELECT * FROM drops WHERE number = $1 ORDER BY started_at DESC LIMIT $2) AS drops \
     LEFT JOIN campaigns ON campaigns.id = drops.campaign LEFT JOIN contacts ON contacts.id = drops.contact \
     LEFT JOIN ordered_drops ON ordered_drops.drop_id = drops.id ORDER BY drops.started_at DESC"
);

const OPEN_DROPS: Sql = sql!(
    "SELECT drops.id FROM drops WHERE drops.outcome IS NULL AND drops.started_at > $2 \
     AND drops.number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

const BEGIN: Sql = sql!(
    "INSERT INTO callbacks (id, at, number, called, pbx, drop_id, campaign, contact, variant) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);

const CALLED_BACK: Sql =
    sql!("UPDATE contacts SET called_back_at = coalesce(called_back_at, $2) WHERE id = $1");

/// Nothing follows for a contact that was to be tried again.
const STOP: Sql = sql!(
    "UPDATE contacts SET stage = 'ended', outcome = (SELECT drops.outcome FROM drops WHERE drops.contact = contacts.id \
     AND drops.outcome IS NOT NULL ORDER BY drops.attempt DESC LIMIT 1), due_at = NULL, was_due = NULL, holder = NULL, \
     held = NULL, held_zone = NULL, ended_at = $2 WHERE id = $1 AND stage IN ('due', 'leased') \
     AND EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id AND drops.outcome IS NOT NULL)"
);

const OUTCOME: Sql = sql!("UPDATE callbacks SET outcome = $2 WHERE id = $1");

/// The contact keeps what came of their last call; who opted out has opted out.
const LAST: Sql = sql!(
    "UPDATE contacts SET callback = $2 WHERE id = (SELECT contact FROM callbacks WHERE callbacks.id = $1) \
     AND (callback IS NULL OR callback <> 'opted_out')"
);

const END: Sql = sql!(
    "UPDATE callbacks SET ended_at = $2, outcome = coalesce(outcome, $3) WHERE id = $1 AND ended_at IS NULL"
);

const ENDED: Sql = sql!("SELECT outcome, number FROM callbacks WHERE id = $1");

const OPEN: Sql = sql!("SELECT id FROM callbacks WHERE pbx = $1 AND ended_at IS NULL ORDER BY at");

const FORGET: Sql = sql!(
    "UPDATE callbacks SET number = 0 WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

/// Some at a time: so few that no other writer waits for long.
const PRUNE: Sql = sql!(
    "DELETE FROM callbacks WHERE id IN (SELECT callbacks.id FROM callbacks \
     LEFT JOIN campaigns ON campaigns.id = callbacks.campaign WHERE callbacks.at < $1 AND callbacks.ended_at IS NOT NULL \
     AND (campaigns.id IS NULL OR campaigns.standing IN ('complete', 'cancelled', 'dates_over')) LIMIT 1000)"
);

pub(super) const FORGET_CAMPAIGN: Sql = sql!("DELETE FROM callbacks WHERE campaign = $1");

const TELL: Sql = sql!(
    "INSERT INTO events (at, type, campaign, contact, drop_id, number, detail) \
     SELECT $2, $3, campaign, contact, drop_id, $4, $5 FROM callbacks WHERE id = $1"
);
