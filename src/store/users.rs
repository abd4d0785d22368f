//! Users, and the links by which they set their passwords.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::auth::{KeptUser, PasswordDigest, Role, SecretDigest, UserName};

/// What is changed of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Another role. The sessions end: they were begun for the one before.
    Role(Role),
    /// The user is not let in any more, from this moment on; the sessions and the link end.
    Disabled(Timestamp),
    /// The user is let in again.
    Enabled,
    /// A link that sets the password, in the place of the one before.
    Link {
        /// The digest of what is behind it.
        digest: SecretDigest,
        /// Until when it is good.
        until: Timestamp,
    },
}

impl Store {
    /// Keeps a new user, with the digest of what is behind the link that sets the password.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is one of this name.
    pub async fn add_user(&self, user: &KeptUser, link: &SecretDigest) -> Result<(), StoreError> {
        let mut tx = self.write(format!("add user `{}`", user.name)).await?;
        let given = args![
            user.name.as_str(),
            user.role.slug(),
            micros(user.created_at),
            &user.created_by,
            link.as_str(),
            user.link_until.map(micros),
        ];
        if tx.execute(ADD, given).await? == 0 {
            return Err(tx.refuse(format!("there is a user `{}`", user.name)));
        }
        tx.commit().await
    }

    /// The user of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&self, name: &UserName) -> Result<Option<KeptUser>, StoreError> {
        let mut tx = self.read("look a user up").await?;
        let stored: Option<StoredUser> = tx.one(OF_NAME, args![name.as_str()]).await?;
        stored.map(|stored| read(&tx, stored)).transpose()
    }

    /// All users, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&self) -> Result<Vec<KeptUser>, StoreError> {
        let mut tx = self.read("read the users").await?;
        let stored: Vec<StoredUser> = tx.all(ALL, args![]).await?;
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// Changes a user; `false` if there is none of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_user(
        &self,
        name: &UserName,
        change: &UserChange,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("change user `{name}`")).await?;
        let name = name.as_str();
        let changed = match change {
            UserChange::Role(role) => tx.execute(ROLE, args![name, role.slug()]).await?,
            UserChange::Disabled(at) => tx.execute(DISABLE, args![name, micros(*at)]).await?,
            UserChange::Enabled => tx.execute(ENABLE, args![name]).await?,
            UserChange::Link { digest, until } => {
                let given = args![name, digest.as_str(), micros(*until)];
                tx.execute(LINK, given).await?
            }
        };
        if changed == 0 {
            return Ok(false);
        }
        if matches!(change, UserChange::Role(_) | UserChange::Disabled(_)) {
            tx.execute(END_SESSIONS, args![name]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Whose link this is, if it is good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_of_link(
        &self,
        link: &SecretDigest,
        now: Timestamp,
    ) -> Result<Option<KeptUser>, StoreError> {
        let mut tx = self.read("look a link up").await?;
        let given = args![link.as_str(), micros(now)];
        let stored: Option<StoredUser> = tx.one(OF_LINK, given).await?;
        stored.map(|stored| read(&tx, stored)).transpose()
    }

    /// Sets a password by a link, which is used up by that; `false` if it is not good. The sessions of before end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_password(
        &self,
        link: &SecretDigest,
        password: &PasswordDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("set a password").await?;
        let given = args![link.as_str(), micros(now)];
        let stored: Option<StoredUser> = tx.one(OF_LINK, given).await?;
        let Some((name, ..)) = stored else {
            return Ok(false);
        };
        let given = args![link.as_str(), password.as_str(), micros(now)];
        // Of two at once the link is good for one.
        if tx.execute(SET_PASSWORD, given).await? == 0 {
            return Ok(false);
        }
        tx.execute(END_SESSIONS, args![&name]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The columns of a user.
pub(super) type StoredUser = (
    String,
    String,
    Option<String>,
    Option<i64>,
    i64,
    String,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

pub(super) fn read(tx: &Tx, stored: StoredUser) -> Result<KeptUser, StoreError> {
    let (name, role, password, password_at, created_at, created_by, disabled, signed_in, link) =
        stored;
    let moment = |at: Option<i64>| at.map(|at| time(tx, at)).transpose();
    Ok(KeptUser {
        name: known(tx, UserName::parse(&name).ok(), "user's name")?,
        // One that this version does not know must not become another.
        role: known(tx, role.parse().ok(), "role")?,
        password: password.map(PasswordDigest::stored),
        password_at: moment(password_at)?,
        created_at: time(tx, created_at)?,
        created_by,
        disabled_at: moment(disabled)?,
        signed_in_at: moment(signed_in)?,
        link_until: moment(link)?,
    })
}

const ADD: Sql = sql!(
    "INSERT INTO users (name, role, created_at, created_by, link_digest, link_until) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING"
);

pub(super) const OF_NAME: Sql = sql!(
    "SELECT name, role, password, password_at, created_at, created_by, disabled_at, signed_in_at, link_until FROM users \
     WHERE name = $1"
);

const ALL: Sql = sql!(
    "SELECT name, role, password, password_at, created_at, created_by, disabled_at, signed_in_at, link_until FROM users \
     ORDER BY name"
);

const OF_LINK: Sql = sql!(
    "SELECT name, role, password, password_at, created_at, created_by, disabled_at, signed_in_at, link_until FROM users \
     WHERE link_digest = $1 AND link_until > $2 AND disabled_at IS NULL"
);

const ROLE: Sql = sql!("UPDATE users SET role = $2 WHERE name = $1");

const DISABLE: Sql = sql!(
    "UPDATE users SET disabled_at = coalesce(disabled_at, $2), link_digest = NULL, link_until = NULL WHERE name = $1"
);

const ENABLE: Sql = sql!("UPDATE users SET disabled_at = NULL WHERE name = $1");

const LINK: Sql = sql!("UPDATE users SET link_digest = $2, link_until = $3 WHERE name = $1");

const SET_PASSWORD: Sql = sql!(
    "UPDATE users SET password = $2, password_at = $3, link_digest = NULL, link_until = NULL WHERE link_digest = $1"
);

const END_SESSIONS: Sql = sql!("DELETE FROM sessions WHERE user_name = $1");
