//! Sessions of users who have signed in.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
    users::{self, StoredUser},
};
use crate::auth::{KeptSession, KeptUser, SecretDigest, UserName};

impl Store {
    /// Begins a session; `false` if its user is not let in. Those that are over go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_session(&self, session: &KeptSession) -> Result<bool, StoreError> {
        let mut tx = self.write("begin a session").await?;
        let (user, began) = (session.user.as_str(), session.began_at);
        if tx.execute(SIGNED_IN, args![user, micros(began)]).await? == 0 {
            return Ok(false);
        }
        let before = |lasts| began.checked_sub(lasts).unwrap_or(Timestamp::MIN);
        let (rested, old) = (before(KeptSession::IDLE), before(KeptSession::LONGEST));
        tx.execute(FORGET, args![micros(rested), micros(old)])
            .await?;
        let ip = session.ip.map(|ip| ip.to_string());
        let given = args![
            session.digest.as_str(),
            user,
            micros(began),
            micros(session.seen_at),
            ip.as_deref(),
        ];
        tx.execute(BEGIN, given).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The session of a digest, with its user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(KeptSession, KeptUser)>, StoreError> {
        let mut tx = self.read("look a session up").await?;
        let given = args![digest.as_str()];
        let stored: Option<StoredSession> = tx.one(OF_DIGEST, given).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let session = read(&tx, stored)?;
        let given = args![session.user.as_str()];
        let user: Option<StoredUser> = tx.one(USER, given).await?;
        let user = user.map(|user| users::read(&tx, user)).transpose()?;
        Ok(user.map(|user| (session, user)))
    }

    /// The sessions of a user, or of all, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(&self, user: Option<&UserName>) -> Result<Vec<KeptSession>, StoreError> {
        let mut tx = self.read("read the sessions").await?;
        let stored: Vec<StoredSession> = match user {
            Some(user) => tx.all(OF_USER, args![user.as_str()]).await?,
            None => tx.all(ALL, args![]).await?,
        };
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// Writes down that a session was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_session(
        &self,
        digest: &SecretDigest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("note the use of a session").await?;
        tx.execute(SEEN, args![digest.as_str(), micros(now)])
            .await?;
        tx.commit().await
    }

    /// Ends a session; `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self, digest: &SecretDigest) -> Result<bool, StoreError> {
        let mut tx = self.write("end a session").await?;
        if tx.execute(END, args![digest.as_str()]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// The columns of a session.
type StoredSession = (String, String, i64, i64, Option<String>);

fn read(tx: &Tx, stored: StoredSession) -> Result<KeptSession, StoreError> {
    let (digest, user, began_at, seen_at, ip) = stored;
    Ok(KeptSession {
        digest: SecretDigest::stored(digest),
        user: known(tx, UserName::parse(&user).ok(), "user's name")?,
        began_at: time(tx, began_at)?,
        seen_at: time(tx, seen_at)?,
        ip: ip.and_then(|ip| ip.parse().ok()),
    })
}

const SIGNED_IN: Sql =
    sql!("UPDATE users SET signed_in_at = $2 WHERE name = $1 AND disabled_at IS NULL");

const FORGET: Sql = sql!("DELETE FROM sessions WHERE seen_at <= $1 OR began_at <= $2");

const BEGIN: Sql = sql!(
    "INSERT INTO sessions (digest, user_name, began_at, seen_at, ip) VALUES ($1, $2, $3, $4, $5)"
);

const OF_DIGEST: Sql =
    sql!("SELECT digest, user_name, began_at, seen_at, ip FROM sessions WHERE digest = $1");

const USER: Sql = sql!(
    "SELECT name, role, password, password_at, created_at, created_by, disabled_at, signed_in_at, link_until FROM users \
     WHERE name = $1"
);

const OF_USER: Sql = sql!(
    "SELECT digest, user_name, began_at, seen_at, ip FROM sessions WHERE user_name = $1 ORDER BY began_at DESC, digest"
);

const ALL: Sql = sql!(
    "SELECT digest, user_name, began_at, seen_at, ip FROM sessions ORDER BY began_at DESC, digest"
);

const SEEN: Sql = sql!("UPDATE sessions SET seen_at = $2 WHERE digest = $1");

const END: Sql = sql!("DELETE FROM sessions WHERE digest = $1");
