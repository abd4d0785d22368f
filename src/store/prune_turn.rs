//! Whose turn it is to delete what is too old: one controller of a database does it, once a day.

use jiff::{SignedDuration, Timestamp};

use super::{
    ControllerLease, Store, StoreError,
    codec::read_time,
    sql::{Sql, args, sql},
    transaction::Tx,
};

/// When what is too old was last deleted by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneTurn {
    /// Whether a controller that is alive is at it.
    pub is_held: bool,
    /// When all was last deleted.
    pub done_at: Option<Timestamp>,
    /// When and why it last failed, unless all was deleted since.
    pub failure: Option<(Timestamp, String)>,
}

impl PruneTurn {
    /// Whether it is time for a controller to do it: a day after it was done, an hour after it failed, and at once if whoever
    /// was at it is gone. What lies in the future was written by a clock that was wrong, and is not gone by.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_over = |at: Timestamp, wait| at > now || now.duration_since(at) >= wait;
        let failed_at = self.failure.as_ref().map(|(at, _)| *at);
        !self.is_held
            && self.done_at.is_none_or(|at| is_over(at, EVERY))
            && failed_at.is_none_or(|at| is_over(at, AGAIN_AFTER))
    }

    /// Why what is too old was not deleted, if controllers failed at it.
    pub fn why_not(&self) -> Option<String> {
        let (at, why) = self.failure.as_ref()?;
        Some(format!(
            "what `[retention]` says was not deleted at {at:.0}: {why}"
        ))
    }
}

impl Store {
    /// When what is too old was last deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune_turn(&self, now: Timestamp) -> Result<PruneTurn, StoreError> {
        let mut tx = self.read("read when what is too old was deleted").await?;
        if !tx.has_step(STEP) {
            return Ok(PruneTurn::default());
        }
        let now = tx.lease_time(now).await?;
        let turn = tx.prune_turn(LOOK, "", now).await?;
        Ok(turn.unwrap_or_default())
    }

    /// Takes the turn for this controller if it is due; `false` if it is not, or another takes it at this moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_prune_turn(
        &self,
        holder: &ControllerLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Nothing is written as long as it is not due.
        let run = holder.run.as_str();
        let mut tx = self.read("read when what is too old was deleted").await?;
        let at = tx.lease_time(now).await?;
        let turn = tx.prune_turn(LOOK, run, at).await?;
        drop(tx);
        if !turn.unwrap_or_default().is_due(now) {
            return Ok(false);
        }
        let mut tx = self.write("begin to delete what is too old").await?;
        let at = tx.lease_time(now).await?;
        let Some(turn) = tx.prune_turn(TAKE, run, at).await? else {
            return Ok(false);
        };
        if !turn.is_due(now) || !tx.is_alive(holder).await? {
            return Ok(false);
        }
        tx.execute(BEGIN, args![run, at]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that all was deleted that is too old, by whoever has done it, or why it was not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_prune_turn(
        &self,
        failure: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("note that what is too old was deleted").await?;
        let now = tx.lease_time(now).await?;
        match failure {
            None => tx.execute(DONE, args![now]).await?,
            Some(words) => tx.execute(FAILED, args![now, words]).await?,
        };
        tx.commit().await
    }
}

impl Tx {
    /// The turn, as a run sees it that is not at it any more.
    async fn prune_turn(
        &mut self,
        sql: Sql,
        run: &str,
        now: i64,
    ) -> Result<Option<PruneTurn>, StoreError> {
        type Stored = (i64, Option<i64>, Option<i64>, Option<String>);
        let stored: Option<Stored> = self.one(sql, args![now, run]).await?;
        Ok(
            stored.map(|(is_held, done_at, failed_at, failure)| PruneTurn {
                is_held: is_held != 0,
                done_at: done_at.and_then(read_time),
                failure: failed_at.and_then(read_time).zip(failure),
            }),
        )
    }
}

/// The step of the schema that made the table.
const STEP: i64 = 10;

/// How long after it was done it is due again.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// How long after it failed it is tried again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Whether a run is a controller that is alive, and what else there is.
macro_rules! turn {
    ($locked:tt) => {
        sql!(
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM controllers WHERE controllers.run = prune_turns.run \
             AND controllers.run <> $2 \
             AND controllers.ended_at IS NULL AND controllers.lease_ends > $1) THEN 1 ELSE 0 END AS BIGINT), \
             done_at, failed_at, failure FROM prune_turns WHERE id = 1",
            $locked
        )
    };
}

const LOOK: Sql = turn!("");

const TAKE: Sql = turn!(["", " FOR UPDATE SKIP LOCKED"]);

const BEGIN: Sql = sql!("UPDATE prune_turns SET run = $1, began_at = $2 WHERE id = 1");

const DONE: Sql = sql!(
    "UPDATE prune_turns SET run = NULL, done_at = $1, failed_at = NULL, failure = NULL WHERE id = 1"
);

const FAILED: Sql =
    sql!("UPDATE prune_turns SET run = NULL, failed_at = $1, failure = $2 WHERE id = 1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_day_an_hour_after_a_failure_and_at_once_after_a_crash() {
        let at = |hours: i64| Timestamp::from_second(1_000_000 + hours * 3_600).unwrap();
        let turn = |is_held, done: Option<i64>, failed: Option<i64>| PruneTurn {
            is_held,
            done_at: done.map(at),
            failure: failed.map(|hours| (at(hours), "away".to_owned())),
        };
        let rows = [
            (turn(false, None, None), 0, true),
            (turn(true, None, None), 0, false),
            (turn(false, Some(0), None), 23, false),
            (turn(false, Some(0), None), 24, true),
            (turn(true, Some(0), None), 48, false),
            (turn(false, Some(0), Some(24)), 24, false),
            (turn(false, Some(0), Some(24)), 25, true),
            (turn(false, None, Some(0)), 0, false),
            // A clock was wrong.
            (turn(false, Some(9_000), None), 24, true),
            (turn(false, None, Some(9_000)), 24, true),
        ];
        for (turn, now, expected) in rows {
            assert_eq!(turn.is_due(at(now)), expected, "{turn:?} at {now} h");
        }
    }
}
