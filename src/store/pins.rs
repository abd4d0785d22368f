//! PINs of users, by which they record messages by telephone.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::{known, time},
    users::{self, StoredUser},
};
use crate::auth::{KeptUser, PasswordDigest, Pin, UserName};

impl Store {
    /// Gives a user a PIN in the place of the one before; `false` if another user's has its number. What was tried of the one before
    /// is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_pin(
        &self,
        user: &UserName,
        number: u16,
        digest: &PasswordDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("give user `{user}` a pin")).await?;
        let number = i64::from(number);
        let other: Option<(String,)> = tx
            .one(OTHER_OF_NUMBER, args![number, user.as_str()])
            .await?;
        if other.is_some() {
            return Ok(false);
        }
        let given = args![user.as_str(), number, digest.as_str(), micros(now)];
        tx.execute(SET, given).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a user's PIN away; `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_pin(&self, user: &UserName) -> Result<bool, StoreError> {
        let mut tx = self
            .write(format!("take the pin of user `{user}` away"))
            .await?;
        if tx.execute(REMOVE, args![user.as_str()]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The users who have a PIN, and since when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pins(&self) -> Result<Vec<(UserName, Timestamp)>, StoreError> {
        let mut tx = self.read("read who has a pin").await?;
        if !tx.has_step(SINCE) {
            return Ok(Vec::new());
        }
        let stored: Vec<(String, i64)> = tx.all(ALL, args![]).await?;
        let read = stored.into_iter().map(|(name, at)| {
            let name = known(&tx, UserName::parse(&name).ok(), "user's name")?;
            Ok((name, time(&tx, at)?))
        });
        read.collect()
    }

    /// The user whose PIN has this number, with its digest, to be compared once: that it is tried is written before it is. `None` if
    /// there is none, or it rests because it was wrong too often.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn try_pin(
        &self,
        number: u16,
        now: Timestamp,
    ) -> Result<Option<(KeptUser, PasswordDigest)>, StoreError> {
        let mut tx = self.write("look a pin up").await?;
        let number = i64::from(number);
        // Of two at once the second sees what the first has counted.
        if tx.execute(COUNT, args![number, micros(now)]).await? == 0 {
            return Ok(None);
        }
        let found: Option<(String, String, i64)> = tx.one(OF_NUMBER, args![number]).await?;
        let Some((name, digest, tries)) = found else {
            return Ok(None);
        };
        let tries = u32::try_from(tries).unwrap_or(u32::MAX);
        if let Some(rest) = Pin::rests(tries) {
            let until = now.checked_add(rest).unwrap_or(Timestamp::MAX);
            tx.execute(REST, args![number, micros(until)]).await?;
        }
        let user: Option<StoredUser> = tx.one(users::OF_NAME, args![&name]).await?;
        let user = user.map(|user| users::read(&tx, user)).transpose()?;
        tx.commit().await?;
        Ok(user.map(|user| (user, PasswordDigest::stored(digest))))
    }

    /// A PIN that was tried was right: its tries are counted from the beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pin_was_right(&self, number: u16) -> Result<(), StoreError> {
        let mut tx = self.write("note that a pin was right").await?;
        tx.execute(RIGHT, args![i64::from(number)]).await?;
        tx.commit().await
    }
}

/// The step that has added them.
const SINCE: i64 = 22;

const OTHER_OF_NUMBER: Sql = sql!("SELECT name FROM users WHERE pin_number = $1 AND name <> $2");

const SET: Sql = sql!(
    "UPDATE users SET pin_number = $2, pin = $3, pin_at = $4, pin_tries = 0, pin_locked_until = NULL WHERE name = $1"
);

const REMOVE: Sql = sql!(
    "UPDATE users SET pin_number = NULL, pin = NULL, pin_at = NULL, pin_tries = 0, pin_locked_until = NULL \
     WHERE name = $1 AND pin_number IS NOT NULL"
);

const ALL: Sql = sql!("SELECT name, pin_at FROM users WHERE pin_at IS NOT NULL ORDER BY name");

const COUNT: Sql = sql!(
    "UPDATE users SET pin_tries = pin_tries + 1 WHERE pin_number = $1 AND (pin_locked_until IS NULL OR pin_locked_until <= $2)"
);

const OF_NUMBER: Sql = sql!("SELECT name, pin, pin_tries FROM users WHERE pin_number = $1");

const REST: Sql = sql!("UPDATE users SET pin_locked_until = $2 WHERE pin_number = $1");

const RIGHT: Sql =
    sql!("UPDATE users SET pin_tries = 0, pin_locked_until = NULL WHERE pin_number = $1");
