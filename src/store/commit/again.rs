//! The intent of a drop that has missed its moment on the trunk: it is decided on again and written again, and stays one drop.

use jiff::Timestamp;

use super::{ControllerLease, Intent, Store, StoreError, Write, Written, write};
use crate::store::sql::{Sql, args, sql};

impl Store {
    /// Writes the intent of a drop outside any campaign, which was not dialled, once more. Nobody is told: to whoever follows it
    /// has begun once, and goes on. Unless it is [`Written::Applied`] or [`Written::Scheduled`] the earlier intent stands, and is
    /// to be taken back.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or its reply was lost.
    pub async fn write_again(
        &self,
        holder: &ControllerLease,
        intent: Intent,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let mut tx = self.write("write again what a drop does").await?;
        let drop = intent.drop;
        let last: Option<(i64,)> = tx.one(LAST_EVENT, args![]).await?;
        let writes = [Write::TakeBack { drop }, Write::Start(Box::new(intent))];
        let written = write(&mut tx, holder, &writes, now).await?;
        let mut written = written.into_iter();
        let (Some(Written::Applied), Some(written)) = (written.next(), written.next()) else {
            return Ok(Written::Fenced);
        };
        if let Written::Applied | Written::Scheduled(_) = written {
            let last = last.map_or(0, |(last,)| last);
            let drop = drop.to_string();
            tx.execute(UNTELL, args![last, &drop]).await?;
            tx.commit().await?;
        }
        Ok(written)
    }
}

const LAST_EVENT: Sql = sql!(
    "SELECT ",
    ["sequence", "id"],
    " FROM events ORDER BY 1 DESC LIMIT 1"
);

/// What triggers have told of a drop in this transaction, which nobody has seen.
const UNTELL: Sql = sql!(
    "DELETE FROM events WHERE ",
    ["sequence", "id"],
    " > $1 AND drop_id = $2"
);
