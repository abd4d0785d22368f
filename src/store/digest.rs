//! Digests of the numbers of people who had everything about them erased: what is left of them, so that they are never
//! called again.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    StoreError,
    codec::read_time,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};

/// The salt of a database, read once.
#[derive(Clone, Debug, Default)]
pub(super) struct Salt(Arc<OnceLock<String>>);

impl Tx {
    /// Whether the schema has a place for erased numbers: one of an earlier version has none erased.
    pub(super) fn knows_erasures(&self) -> bool {
        self.behind.is_none_or(|version| version >= ERASURES_SINCE)
    }

    /// Rows of numbers with their digests, for a statement.
    pub(super) async fn rows_with_digests(
        &mut self,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<String, StoreError> {
        let salt = self.salt().await?;
        Ok(rows(numbers.map(
            |number| row! { number: number, digest: digest(&salt, number) },
        )))
    }

    /// When and why one of these numbers was erased; `None` unless it was.
    pub(super) async fn erasure(
        &mut self,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<Option<(Timestamp, Option<String>)>, StoreError> {
        if !self.knows_erasures() {
            return Ok(None);
        }
        let given = self.rows_with_digests(numbers).await?;
        let found: Option<(i64, Option<String>)> = self.one(ERASURE, args![&given]).await?;
        let Some((at, because)) = found else {
            return Ok(None);
        };
        let at = read_time(at).ok_or_else(|| self.broken("a time is out of range"))?;
        Ok(Some((at, because)))
    }

    /// Whether any number was ever erased.
    pub(super) async fn has_erasures(&mut self) -> Result<bool, StoreError> {
        Ok(self.one::<(i64,)>(ANY, &[]).await?.is_some())
    }

    async fn salt(&mut self) -> Result<String, StoreError> {
        if let Some(salt) = self.salt.0.get() {
            return Ok(salt.clone());
        }
        let Some((salt,)) = self.one::<(String,)>(SALT, &[]).await? else {
            return Err(self.broken("the salt of erased numbers is missing"));
        };
        Ok(self.salt.0.get_or_init(|| salt).clone())
    }
}

fn digest(salt: &str, digits: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(":");
    hash.update(digits.to_string());
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The version of the schema that has these tables.
const ERASURES_SINCE: i64 = 7;

const SALT: Sql = sql!("SELECT salt FROM erasure_salt WHERE id = 1");

const ANY: Sql = sql!("SELECT at FROM erased_numbers LIMIT 1");

const ERASURE: Sql = sql!(
    "SELECT erased_numbers.at, erased_numbers.because FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN erased_numbers WHERE erased_numbers.digest = given.digest ORDER BY erased_numbers.at LIMIT 1"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_salt_and_the_number() {
        // printf 'ab:12025550101' | sha256sum
        let known = "855607b9ed68b05caa6e5b6e52a0dcd417a0660e713a944e87a8cf99ca7e9a8a";
        assert_eq!(digest("ab", 12_025_550_101), known);
        assert_ne!(digest("ac", 12_025_550_101), known);
        assert_ne!(digest("ab", 12_025_550_102), known);
    }
}
