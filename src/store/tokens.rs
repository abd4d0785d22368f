//! Tokens of the API: what is kept of them, and when they were last used.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::auth::{KeptToken, Scopes, TokenDigest, TokenId};

impl Store {
    /// Keeps a new token.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is one of its id.
    pub async fn add_token(&self, token: &KeptToken) -> Result<(), StoreError> {
        let mut tx = self.write(format!("add token `{}`", token.name)).await?;
        let networks: Vec<_> = token.networks.iter().map(ToString::to_string).collect();
        let (scopes, networks) = (token.scopes.to_string(), networks.join(" "));
        let given = args![
            token.id.as_str(),
            &token.name,
            &scopes,
            token.digest.as_str(),
            &networks,
            micros(token.created_at),
            &token.created_by,
            token.expires_at.map(micros),
        ];
        if tx.execute(ADD, given).await? == 0 {
            return Err(tx.refuse("there is a token of this id"));
        }
        tx.commit().await
    }

    /// The token of an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token(&self, id: &TokenId) -> Result<Option<KeptToken>, StoreError> {
        let mut tx = self.read("look a token up").await?;
        let stored: Option<StoredToken> = tx.one(OF_ID, args![id.as_str()]).await?;
        stored.map(|stored| read(&tx, stored)).transpose()
    }

    /// All tokens, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<KeptToken>, StoreError> {
        let mut tx = self.read("read the tokens").await?;
        let stored: Vec<StoredToken> = tx.all(ALL, args![]).await?;
        stored.into_iter().map(|stored| read(&tx, stored)).collect()
    }

    /// Revokes a token; `false` if there is none of this id, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_token(&self, id: &TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("revoke token `{id}`")).await?;
        if tx.execute(REVOKE, args![id.as_str(), micros(now)]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Writes down that a token was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_use(
        &self,
        id: &TokenId,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("note the use of a token").await?;
        let from = from.to_string();
        let given = args![id.as_str(), micros(now), &from];
        tx.execute(USED, given).await?;
        tx.commit().await
    }
}

/// The columns of [`OF_ID`] and [`ALL`].
type StoredToken = (
    String,
    String,
    String,
    String,
    String,
    i64,
    String,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i64>,
);

fn read(tx: &Tx, stored: StoredToken) -> Result<KeptToken, StoreError> {
    let (id, name, scopes, digest, networks, created_at, created_by, expires, used, from, revoked) =
        stored;
    let moment = |at: Option<i64>| at.map(|at| time(tx, at)).transpose();
    let networks = networks.split_ascii_whitespace();
    let networks: Option<Vec<_>> = networks.map(|net| net.parse().ok()).collect();
    Ok(KeptToken {
        id: known(tx, TokenId::new(&id), "token's id")?,
        name,
        scopes: Scopes::read(&scopes),
        digest: TokenDigest::stored(digest),
        created_at: time(tx, created_at)?,
        created_by,
        expires_at: moment(expires)?,
        // A network that cannot be read must not become none, which is all.
        networks: known(tx, networks, "network")?,
        last_used_at: moment(used)?,
        last_used_from: from.and_then(|from| from.parse().ok()),
        revoked_at: moment(revoked)?,
    })
}

const ADD: Sql = sql!(
    "INSERT INTO tokens (id, name, scopes, digest, networks, created_at, created_by, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING"
);

const OF_ID: Sql = sql!(
    "SELECT id, name, scopes, digest, networks, created_at, created_by, expires_at, last_used_at, last_used_from, \
     revoked_at FROM tokens WHERE id = $1"
);

const ALL: Sql = sql!(
    "SELECT id, name, scopes, digest, networks, created_at, created_by, expires_at, last_used_at, last_used_from, \
     revoked_at FROM tokens ORDER BY created_at DESC, id"
);

const REVOKE: Sql = sql!("UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");

const USED: Sql = sql!("UPDATE tokens SET last_used_at = $2, last_used_from = $3 WHERE id = $1");
